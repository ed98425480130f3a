/*
 * A snapshot in slices: the state as it was after one event, written while the ledger goes on.
 *
 * Beginning one copies nothing.  The writer walks the runs and counters slice by
 * slice; what an event is about to change before the writer has come by is
 * saved first, as it was (copy on write).  So the rows of a snapshot are the
 * state at its beginning, however long the writing takes.  What came into being
 * later carries the snapshot's number and is passed over.
 *
 * The digest doesn't depend on the order of writing: SHA-256 over a label and
 * the sorted SHA-256 of each row (key, 0x00, JSON).
 */
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "ledger/row.h"

/* Rows that are ready, before a slice takes them: key, 0x00, JSON, 0x00. */
struct ready_row {
	struct ready_row *next;
	size_t key_n, json_n;
	char bytes[];
};

struct snapshot {
	uint64_t
	    number; /* the snapshot's; what carries it is done or too young */
	bool active;
	bool walked;    /* runs and counters have all been seen */
	uint64_t seq;   /* of the last event in it */
	int64_t now_us; /* that event's time */
	struct run *run_at;
	struct counter *counter_at;
	struct ready_row *first, **last;
	size_t ready_bytes;
	struct digest *hashes;
	size_t count, room;
};

struct snapshot *
snapshot_new(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot != NULL) {
		snapshot->last = &snapshot->first;
	}
	return snapshot;
}

static void
drop_ready(struct snapshot *snapshot)
{
	while (snapshot->first != NULL) {
		struct ready_row *row = snapshot->first;

		snapshot->first = row->next;
		free(row);
	}
	snapshot->last = &snapshot->first;
	snapshot->ready_bytes = 0;
}

void
snapshot_free(struct snapshot *snapshot)
{
	drop_ready(snapshot);
	free(snapshot->hashes);
	free(snapshot);
}

static enum gk_rc
hash_add(struct snapshot *snapshot, const char *key, const char *json, size_t n,
    struct gk_err *err)
{
	const struct digest_part parts[] = {{key, strlen(key) + 1}, {json, n}};

	if (snapshot->count == snapshot->room) {
		size_t room = snapshot->room == 0 ? 256 : snapshot->room * 2;
		struct digest *hashes =
		    realloc(snapshot->hashes, room * sizeof(*hashes));

		if (hashes == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "snapshot");
		}
		snapshot->hashes = hashes;
		snapshot->room = room;
	}
	digest_sha256(
	    parts, GK_COUNT(parts), &snapshot->hashes[snapshot->count++]);
	return GK_OK;
}

/* A sink's row: keep it until a slice takes it. */
static enum gk_rc
keep_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	struct snapshot *snapshot = ctx;
	size_t key_n = strlen(key);
	struct ready_row *row = calloc(1, sizeof(*row) + key_n + n + 2);

	if (row == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "snapshot");
	}
	row->key_n = key_n;
	row->json_n = n;
	memcpy(row->bytes, key, key_n);
	memcpy(row->bytes + key_n + 1, json, n);
	*snapshot->last = row;
	snapshot->last = &row->next;
	snapshot->ready_bytes += key_n + n;
	return hash_add(snapshot, key, json, n, err);
}

static struct row_sink
sink_of(struct snapshot *snapshot)
{
	return (struct row_sink){.row = keep_row,
	    .ctx = snapshot,
	    .buf = GK_BUF_INIT(ROW_BYTES_MAX),
	    .arena = GK_ARENA_INIT(ROW_BYTES_MAX)};
}

static void
sink_done(struct row_sink *sink)
{
	gk_buf_done(&sink->buf);
	gk_arena_done(&sink->arena);
}

enum gk_rc
snapshot_save_run(struct ledger *ledger, struct run *run, struct gk_err *err)
{
	struct snapshot *snapshot = ledger->snapshot;
	GK_AUTO(sink_done) struct row_sink sink = sink_of(snapshot);

	if (run->cold || run->snapshot == snapshot->number) {
		return GK_OK;
	}
	run->snapshot = snapshot->number;
	return snapshot->active ? row_put_run(run, &sink, err) : GK_OK;
}

enum gk_rc
snapshot_save_counter(
    struct ledger *ledger, struct counter *counter, struct gk_err *err)
{
	struct snapshot *snapshot = ledger->snapshot;
	GK_AUTO(sink_done) struct row_sink sink = sink_of(snapshot);

	if (counter->snapshot == snapshot->number) {
		return GK_OK;
	}
	counter->snapshot = snapshot->number;
	if (!snapshot->active || !counter_counts(counter, snapshot->now_us)) {
		return GK_OK;
	}
	return row_put_counter(counter, snapshot->now_us, &sink, err);
}

void
snapshot_forget_run(struct ledger *ledger, const struct run *run)
{
	if (ledger->snapshot->run_at == run) {
		ledger->snapshot->run_at = run->next;
	}
}

void
snapshot_forget_counter(struct ledger *ledger, const struct counter *counter)
{
	if (ledger->snapshot->counter_at == counter) {
		ledger->snapshot->counter_at = counter->next;
	}
}

uint64_t
snapshot_number(const struct ledger *ledger)
{
	return ledger->snapshot->number;
}

/* What is small is written at once, at the beginning. */
static enum gk_rc
save_small(const struct ledger *ledger, struct gk_err *err)
{
	GK_AUTO(sink_done) struct row_sink sink = sink_of(ledger->snapshot);

	GK_TRY(row_put_ledger(ledger, &sink, err));
	GK_TRY(row_put_identities(ledger, &sink, err));
	for (size_t i = 0; i < ledger->switch_count; i++) {
		GK_TRY(row_put_switch(ledger->switches[i], &sink, err));
	}
	for (const struct hold *hold = ledger->holds; hold != NULL;
	     hold = hold->next) {
		GK_TRY(row_put_hold(hold, &sink, err));
	}
	return GK_OK;
}

enum gk_rc
ledger_snapshot_begin(struct ledger *ledger, struct gk_err *err)
{
	struct snapshot *snapshot = ledger->snapshot;

	drop_ready(snapshot);
	snapshot->number++;
	snapshot->active = true;
	snapshot->walked = false;
	snapshot->seq = ledger->next_seq == 0 ? 0 : ledger->next_seq - 1;
	snapshot->now_us = ledger->last_us;
	snapshot->run_at = ledger->first_run;
	snapshot->counter_at = ledger->first_counter;
	snapshot->count = 0;
	return save_small(ledger, err);
}

bool
ledger_snapshot_active(const struct ledger *ledger)
{
	return ledger->snapshot->active;
}

/* Make rows ready until there are enough bytes or nothing is left. */
static enum gk_rc
walk(struct ledger *ledger, size_t bytes, struct gk_err *err)
{
	struct snapshot *snapshot = ledger->snapshot;

	while (snapshot->ready_bytes < bytes && snapshot->run_at != NULL) {
		struct run *run = snapshot->run_at;

		snapshot->run_at = run->next;
		GK_TRY(snapshot_save_run(ledger, run, err));
	}
	while (snapshot->ready_bytes < bytes && snapshot->counter_at != NULL) {
		struct counter *counter = snapshot->counter_at;

		snapshot->counter_at = counter->next;
		GK_TRY(snapshot_save_counter(ledger, counter, err));
	}
	snapshot->walked =
	    snapshot->run_at == NULL && snapshot->counter_at == NULL;
	return GK_OK;
}

enum gk_rc
ledger_snapshot_slice(struct ledger *ledger, size_t bytes,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, bool *ret_done, struct gk_err *err)
{
	struct snapshot *snapshot = ledger->snapshot;
	size_t written = 0;

	GK_TRY(walk(ledger, bytes, err));
	while (snapshot->first != NULL && written < bytes) {
		struct ready_row *at = snapshot->first;

		GK_TRY(row(ctx, at->bytes, at->bytes + at->key_n + 1,
		    at->json_n, err));
		written += at->key_n + at->json_n;
		snapshot->ready_bytes -= at->key_n + at->json_n;
		snapshot->first = at->next;
		if (at->next == NULL) {
			snapshot->last = &snapshot->first;
		}
		free(at);
	}
	*ret_done = snapshot->walked && snapshot->first == NULL;
	snapshot->active = !*ret_done;
	return GK_OK;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_BYTES);
}

static void
digest_of(
    struct digest *hashes, size_t count, char ret_text[LEDGER_DIGEST_BYTES])
{
	static const char label[] = "gatekeeper/snapshot/v1"; /* and its '\0' */
	const struct digest_part parts[] = {
	    {label, sizeof(label)}, {hashes, count * sizeof(*hashes)}};
	struct digest hash;

	if (count > 0) {
		qsort(hashes, count, sizeof(*hashes), by_bytes);
	}
	digest_sha256(parts, GK_COUNT(parts), &hash);
	memcpy(ret_text, "sha256:", 7);
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), ret_text + 7);
}

void
ledger_snapshot_digest(struct ledger *ledger, struct ledger_snapshot *ret)
{
	struct snapshot *snapshot = ledger->snapshot;

	ret->seq = snapshot->seq;
	ret->rows = snapshot->count;
	digest_of(snapshot->hashes, snapshot->count, ret->digest);
}

static enum gk_rc
only_hash(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	return hash_add(ctx, key, json, n, err);
}

enum gk_rc
ledger_state_digest(const struct ledger *ledger, struct ledger_snapshot *ret,
    struct gk_err *err)
{
	struct snapshot bare = {.number = 0};
	enum gk_rc rc = ledger_rows(ledger, only_hash, &bare, err);

	if (rc == GK_OK) {
		ret->seq = ledger->next_seq == 0 ? 0 : ledger->next_seq - 1;
		ret->rows = bare.count;
		digest_of(bare.hashes, bare.count, ret->digest);
	}
	free(bare.hashes);
	return rc;
}

/* ---- reading one back ---- */

struct ledger_loader {
	struct ledger *ledger;
	struct snapshot rows; /* its ready rows and hashes are used */
};

enum gk_rc
ledger_loader_new(
    struct ledger *ledger, struct ledger_loader **ret, struct gk_err *err)
{
	struct ledger_loader *loader = calloc(1, sizeof(*loader));

	if (loader == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "snapshot");
	}
	loader->ledger = ledger;
	loader->rows.last = &loader->rows.first;
	*ret = loader;
	return GK_OK;
}

void
ledger_loader_free(struct ledger_loader *loader)
{
	if (loader != NULL) {
		drop_ready(&loader->rows);
		free(loader->rows.hashes);
		free(loader);
	}
}

enum gk_rc
ledger_loader_row(void *loader, const char *key, const char *json, size_t n,
    struct gk_err *err)
{
	struct ledger_loader *self = loader;

	return keep_row(&self->rows, key, json, n, err);
}

/* Rows refer to others: these go first, in this order. */
static const char *const load_order[] = {"ledger", "identity/", "run/", "step/",
    "approval/", "counter/", "switch/", "hold/"};

enum gk_rc
ledger_loader_finish(struct ledger_loader *loader, const char *digest,
    bool *ret_valid, struct gk_err *err)
{
	char text[LEDGER_DIGEST_BYTES];

	digest_of(loader->rows.hashes, loader->rows.count, text);
	*ret_valid = strcmp(text, digest) == 0;
	for (size_t i = 0; *ret_valid && i < GK_COUNT(load_order); i++) {
		const char *prefix = load_order[i];

		for (const struct ready_row *row = loader->rows.first;
		     row != NULL; row = row->next) {
			if (strncmp(row->bytes, prefix, strlen(prefix)) == 0) {
				GK_TRY(ledger_load_row(loader->ledger,
				    row->bytes, row->bytes + row->key_n + 1,
				    row->json_n, err));
			}
		}
	}
	return GK_OK;
}
