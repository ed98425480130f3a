/*
 * The journal's life: open and recover, append, commit, publish, close.
 *
 * A batch.  The first append begins a transaction.  Each append writes the body,
 * its openings, and every tile that it completes, and grows the edge in memory.
 * Commit signs the edge's root, puts the note in the place of the one before, and
 * COMMITs: one fdatasync, of the WAL.  Only then may answers leave.
 *
 * Publishing.  data_dir/checkpoint is a copy of the latest note outside the
 * database, so that a database that was put back to an older state is noticed.
 * Replacing it costs two more fsyncs, so it happens between batches, in
 * journal_tidy(), at most once in PUBLISH_EVERY_US, and at close.  It may lag
 * behind the database; it can never be ahead of it, unless the database went back.
 *
 * Errors.  Whatever fails inside a batch leaves an outcome that nobody here knows:
 * SQLite may say "rolled back" of frames that the next start finds whole in the
 * WAL.  So nothing is rolled back or tried again: the journal is broken, its
 * process ends, and the next start reads what is really there, after folding the
 * WAL in and syncing it.  When the device itself failed (EIO), even what the next
 * start reads may be the page cache's dream: a marker file makes it refuse until
 * an operator has looked and said `gatekeeper recover`.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

#define META_ACCEPTED "accepted"

enum { PUBLISH_EVERY_US = 200000, FOLD_PAGES = 512, ACCEPTED_BYTES = 128 };

/*
 * Invariants:
 * 1. head is the text of the last signed checkpoint; empty while nothing was.
 * 2. Outside a batch, head's size and root are the edge's and the database's.
 * 3. published_size <= head_size.
 */
struct journal {
	int dir;
	int lock;
	struct sqlite3 *db;
	struct writer *writer;
	struct journal_reader *reader; /* on db */
	struct edge *edge;
	struct journal_keys keys;
	struct gk_buf head;
	uint64_t head_size;
	uint64_t published_size;
	int64_t published_at_us; /* CLOCK_BOOTTIME */
	int64_t last_us;
	bool in_batch;
	bool broken;
	bool accepted; /* a note of journal_recover() waits to be dropped */
	struct journal_counters counters;
};

static void
journal_release(struct journal *journal)
{
	journal_reader_close(journal->reader);
	journal__writer_free(journal->writer);
	journal__store_close(journal->db, !journal->broken);
	journal__keys_wipe(&journal->keys);
	gk_buf_done(&journal->head);
	free(journal->edge);
	journal__fd_close(&journal->dir);
	journal__fd_close(&journal->lock); /* last: now another may come */
	free(journal);
}

static void
journal_releasep(struct journal **journal)
{
	if (*journal != NULL) {
		journal_release(*journal);
	}
}

static enum gk_rc
journal_new(struct journal **ret_journal, struct gk_err *err)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the journal");
	}
	journal->dir = -1;
	journal->lock = -1;
	journal->head = (struct gk_buf)GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	journal->edge = calloc(1, sizeof(*journal->edge));
	if (journal->edge == NULL) {
		journal_release(journal);
		return GK_FAIL(err, GK_E_NOMEM, "the journal's edge");
	}
	*ret_journal = journal;
	return GK_OK;
}

/* Leave a mark for the next start; best effort, on a device that has just failed. */
static void
mark_eio(struct journal *journal, const struct gk_err *err)
{
	static const char fallback[] = "the device reported an error";
	const char *text = err != NULL ? err->text : fallback;

	if (journal__file_replace(journal->dir, JOURNAL_EIO, text, strlen(text),
		0600, NULL) != GK_OK) {
		return; /* nothing more can be done here */
	}
}

/* After a failure within a batch: no way back. */
static enum gk_rc
journal_break(struct journal *journal, struct gk_err *err)
{
	journal->broken = true;
	if (journal__store_is_eio(journal->db)) {
		mark_eio(journal, err);
	}
	if (err != NULL) {
		err->rc = GK_E_IO;
	}
	return GK_E_IO;
}

static enum gk_rc
check_whole(const struct journal *journal, struct gk_err *err)
{
	return journal->broken ? GK_FAIL(err, GK_E_IO,
				     "the journal failed before: the process "
				     "must end")
			       : GK_OK;
}

/*
 * Opening.
 */

static enum gk_rc
check_no_eio(const struct journal *journal, struct gk_err *err)
{
	if (journal__file_exists(journal->dir, JOURNAL_EIO)) {
		return GK_FAIL(err, GK_E_IO,
		    "the device failed while the journal was written (see the "
		    "file " JOURNAL_EIO "): check it, then run `gatekeeper "
		    "recover --accept SIZE`");
	}
	return GK_OK;
}

/* Keys, database, and what an unclean end has left in the WAL. */
static enum gk_rc
open_store(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	bool fresh = journal__file_size(journal->dir, JOURNAL_DB) == 0;
	uint64_t wal = journal__file_size(journal->dir, JOURNAL_WAL);

	GK_TRY(journal__keys_load(
	    journal->dir, options->origin, fresh, &journal->keys, err));
	GK_TRY(journal__store_open(
	    options->data_dir, STORE_WRITE, &journal->db, err));
	GK_TRY(journal__writer_open(journal->db, &journal->writer, err));
	GK_TRY(journal__reader_on(journal->db, &journal->reader, err));
	GK_TRY(journal__wal_fold(journal->writer, true, err));
	GK_TRY(journal__db_sync(journal->writer, err));
	GK_TRY(journal__dir_sync(journal->dir, err));
	if (wal > 0) {
		(void)snprintf(found->detail, sizeof(found->detail),
		    "the last process did not end cleanly; %" PRIu64
		    " bytes of WAL were folded in",
		    wal);
	}
	return GK_OK;
}

/* The last checkpoint is ours, is about all events, and its root is theirs. */
static enum gk_rc
check_head(struct journal *journal, uint64_t size, struct gk_err *err)
{
	struct note_checkpoint note;
	struct digest root;

	if (note_checkpoint_verify(journal->head.bytes, journal->head.len,
		&journal->keys.vkey, &note, err) != GK_OK) {
		gk_err_context(err, "the last checkpoint");
		return GK_E_CORRUPT;
	}
	if (note.size != size || journal->head_size != size) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the journal has %" PRIu64
		    " events, and its last checkpoint is about %" PRIu64,
		    size, note.size);
	}
	GK_TRY(journal__edge_load(journal->reader, size, journal->edge, err));
	journal__edge_root(journal->edge, &root);
	if (!digest_equal(root.bytes, note.root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the events don't have the root that was signed: they "
		    "were changed, or the disk is damaged; run `gatekeeper "
		    "verify`");
	}
	return GK_OK;
}

static enum gk_rc
load_head(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	uint64_t size;
	bool has, timed;

	GK_TRY(journal__read_size(journal->reader, &size, err));
	GK_TRY(journal__read_checkpoint(journal->reader, UINT64_MAX,
	    &journal->head_size, &journal->head, &has, err));
	if (has != (size > 0)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    has ? "there is a checkpoint, and no events"
			: "there are events, and no checkpoint over them");
	}
	if (has) {
		GK_TRY(check_head(journal, size, err));
		GK_TRY(journal__read_time(
		    journal->reader, size - 1, &journal->last_us, &timed, err));
	}
	found->created = size == 0;
	found->size = size;
	journal__edge_root(journal->edge, &found->root);
	return GK_OK;
}

/* The root that our own log had at an earlier size. */
static enum gk_rc
root_at(struct journal *journal, uint64_t size, struct digest *ret,
    struct gk_err *err)
{
	struct edge *edge = calloc(1, sizeof(*edge));
	enum gk_rc rc;

	if (edge == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "an edge");
	}
	rc = journal__edge_load(journal->reader, size, edge, err);
	if (rc == GK_OK) {
		journal__edge_root(edge, ret);
	}
	free(edge);
	return rc;
}

static enum gk_rc
load_published(struct journal *journal, struct note_checkpoint *ret,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);

	GK_TRY(journal__file_load(
	    journal->dir, JOURNAL_PUBLISHED, &note, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	if (note_checkpoint_verify(gk_buf_text(&note), note.len,
		&journal->keys.vkey, ret, err) != GK_OK) {
		gk_err_context(err, "the published file " JOURNAL_PUBLISHED);
		return GK_E_CORRUPT;
	}
	return GK_OK;
}

/* Does what we once told the world still hold? */
static enum gk_rc
check_published(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	struct note_checkpoint note;
	struct digest root = {.bytes = {0}};
	bool has;

	GK_TRY(load_published(journal, &note, &has, err));
	if (!has) {
		if (found->size > 0 && found->detail[0] == '\0') {
			(void)snprintf(found->detail, sizeof(found->detail),
			    "no published checkpoint to compare with");
		}
		return GK_OK;
	}
	if (note.size > found->size) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "rollback: the published checkpoint is about %" PRIu64
		    " events, the journal has %" PRIu64
		    "; put the newer journal back, or run `gatekeeper recover "
		    "--accept %" PRIu64 "`",
		    note.size, found->size, found->size);
	}
	GK_TRY(root_at(journal, note.size, &root, err));
	if (!digest_equal(root.bytes, note.root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "fork: at %" PRIu64
		    " events the published checkpoint has another root than "
		    "the journal; to go on with this one, run `gatekeeper "
		    "recover --accept %" PRIu64 "`",
		    note.size, found->size);
	}
	journal->published_size = note.size;
	return GK_OK;
}

/* What journal_recover() left to be said in the boot event. */
static enum gk_rc
load_accepted(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(ACCEPTED_BYTES);

	GK_TRY(journal__read_meta(
	    journal->reader, META_ACCEPTED, &text, &journal->accepted, err));
	if (journal->accepted) {
		(void)snprintf(found->detail, sizeof(found->detail), "%s",
		    gk_buf_text(&text));
	}
	return GK_OK;
}

/* All of opening but what an operator's acceptance replaces. */
static enum gk_rc
journal_start(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	GK_TRY(open_store(journal, options, found, err));
	return load_head(journal, found, err);
}

/* The folder and its lock come before anything is looked at. */
static enum gk_rc
journal_enter(struct journal *journal, const struct journal_options *options,
    bool make, struct gk_err *err)
{
	GK_TRY(journal__dir_open(
	    AT_FDCWD, options->data_dir, make, &journal->dir, err));
	return journal__lock_take(
	    journal->dir, options->lock_wait_ms, &journal->lock, err);
}

/* A published checkpoint where there is no journal: somebody took the journal away. */
static enum gk_rc
check_not_taken(const struct journal *journal, struct gk_err *err)
{
	if (journal__file_size(journal->dir, JOURNAL_DB) == 0 &&
	    journal__file_exists(journal->dir, JOURNAL_PUBLISHED)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "rollback: there is a published checkpoint, and no "
		    "journal; put " JOURNAL_DB
		    " back, or run `gatekeeper recover --accept 0`");
	}
	return GK_OK;
}

enum gk_rc
journal_open(const struct journal_options *options,
    struct journal **ret_journal, struct journal_found *ret_found,
    struct gk_err *err)
{
	GK_AUTO(journal_releasep) struct journal *journal = NULL;
	struct journal_found found = {.created = false};

	GK_TRY(journal_new(&journal, err));
	journal->broken =
	    true; /* until we know better: close without a trace */
	GK_TRY(journal_enter(journal, options, true, err));
	GK_TRY(check_no_eio(journal, err));
	GK_TRY(check_not_taken(journal, err));
	GK_TRY(journal_start(journal, options, &found, err));
	GK_TRY(check_published(journal, &found, err));
	GK_TRY(load_accepted(journal, &found, err));
	journal->broken = false;
	*ret_found = found;
	*ret_journal = GK_TAKE(journal);
	return GK_OK;
}

/*
 * The batch.
 */

static enum gk_rc
batch_begin(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (journal->in_batch) {
		return GK_OK;
	}
	if (journal__write_begin(journal->writer, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->in_batch = true;
	return GK_OK;
}

static enum gk_rc
write_full_tile(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	struct journal *journal = ctx;

	return journal__write_tile(journal->writer, tile, err);
}

/* The body goes in with the place of its run's first event, which is its own for a new run. */
static enum gk_rc
append_body(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, struct gk_err *err)
{
	struct body_row row;
	bool known;

	journal__row_of(event, &row);
	row.bytes = bytes;
	row.n = n;
	if (row.columns.run != 0) {
		GK_TRY(journal__read_run_first(journal->reader, row.columns.run,
		    &row.run_first, &known, err));
		if (!known) {
			row.run_first = row.seq;
		}
	}
	return journal__write_body(journal->writer, &row, err);
}

static enum gk_rc
append(struct journal *journal, const struct event *event, const char *bytes,
    size_t n, const struct digest *leaf, struct gk_err *err)
{
	const struct edge_sink sink = {write_full_tile, journal};

	GK_TRY(append_body(journal, event, bytes, n, err));
	return journal__edge_append(journal->edge, leaf, &sink, err);
}

static enum gk_rc
append_openings(struct journal *journal, uint64_t seq,
    const struct opening *openings, size_t count, struct gk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		GK_TRY(journal__write_opening(
		    journal->writer, seq, &openings[i], err));
	}
	return GK_OK;
}

enum gk_rc
journal_append(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, const struct opening *openings,
    size_t opening_count, struct digest *ret_leaf, struct gk_err *err)
{
	GK_ASSERT(event->seq == journal_next_seq(journal));
	GK_ASSERT(event->timestamp_us >= journal->last_us);
	GK_ASSERT(n > 0 && n <= EVENT_BYTES_MAX);
	GK_TRY(batch_begin(journal, err));
	merkle_leaf(bytes, n, ret_leaf);
	if (append(journal, event, bytes, n, ret_leaf, err) != GK_OK ||
	    append_openings(
		journal, event->seq, openings, opening_count, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->last_us = event->timestamp_us;
	journal->counters.events++;
	return GK_OK;
}

/* Sign what the edge says now, and put it in the place of the note before. */
static enum gk_rc
seal(struct journal *journal, struct gk_err *err)
{
	struct note_checkpoint note = {.size = journal->edge->size};
	uint64_t before = journal->head_size;
	bool kept =
	    before / JOURNAL_KEEP_EVERY != note.size / JOURNAL_KEEP_EVERY;

	memcpy(note.origin, journal->keys.vkey.origin, sizeof(note.origin));
	journal__edge_root(journal->edge, &note.root);
	gk_buf_clear(&journal->head);
	GK_TRY(note_checkpoint_sign(&note, &journal->keys.vkey,
	    &journal->keys.sign, &journal->head, err));
	journal->head_size = note.size;
	GK_TRY(journal__write_drop_checkpoint(journal->writer, before, err));
	return journal__write_checkpoint(journal->writer, note.size,
	    journal->head.bytes, journal->head.len, kept, err);
}

static enum gk_rc
commit(struct journal *journal, struct gk_err *err)
{
	if (journal->edge->size != journal->head_size) {
		GK_TRY(seal(journal, err));
		journal->counters.checkpoints++;
	}
	if (journal->accepted) {
		GK_TRY(journal__write_meta(
		    journal->writer, META_ACCEPTED, NULL, err));
	}
	return journal__write_commit(journal->writer, err);
}

enum gk_rc
journal_commit(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (!journal->in_batch) {
		return GK_OK;
	}
	if (commit(journal, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->in_batch = false;
	journal->accepted = false;
	journal->counters.commits++;
	return GK_OK;
}

/* After a write within the batch: it went well, or the journal is broken. */
static enum gk_rc
settled(struct journal *journal, enum gk_rc rc, struct gk_err *err)
{
	return rc == GK_OK ? GK_OK : journal_break(journal, err);
}

enum gk_rc
journal_keep_policy(struct journal *journal, const char *digest,
    const char *bytes, size_t n, struct gk_err *err)
{
	GK_TRY(batch_begin(journal, err));
	return settled(journal,
	    journal__write_policy(journal->writer, digest, bytes, n, err), err);
}

enum gk_rc
journal_put_row(struct journal *journal, int64_t generation, const char *key,
    const char *json, size_t n, struct gk_err *err)
{
	GK_TRY(batch_begin(journal, err));
	return settled(journal,
	    journal__write_row(journal->writer, generation, key, json, n, err),
	    err);
}

enum gk_rc
journal_drop_rows(struct journal *journal, int64_t keep, struct gk_err *err)
{
	GK_TRY(batch_begin(journal, err));
	return settled(
	    journal, journal__write_drop_rows(journal->writer, keep, err), err);
}

/*
 * Between batches.
 */

static enum gk_rc
publish(struct journal *journal, struct gk_err *err)
{
	GK_TRY(journal__file_replace(journal->dir, JOURNAL_PUBLISHED,
	    journal->head.bytes, journal->head.len, 0644, err));
	journal->published_size = journal->head_size;
	return GK_OK;
}

static enum gk_rc
publish_when_due(struct journal *journal, struct gk_err *err)
{
	int64_t now = gk_clock_system.boot_us(NULL);

	if (journal->published_size == journal->head_size ||
	    (journal->published_at_us != 0 &&
		now - journal->published_at_us < PUBLISH_EVERY_US)) {
		return GK_OK;
	}
	journal->published_at_us =
	    now; /* of the attempt: a full disk isn't hammered */
	return publish(journal, err);
}

static enum gk_rc
fold_when_due(struct journal *journal, struct gk_err *err)
{
	enum gk_rc rc;

	if (journal__wal_pages(journal->writer) < FOLD_PAGES) {
		return GK_OK;
	}
	rc = journal__wal_fold(journal->writer, false, err);
	if (rc == GK_E_BUSY) {
		return GK_OK; /* a reader is starting up: next time */
	}
	if (rc != GK_OK && journal__store_is_eio(journal->db)) {
		return journal_break(journal, err);
	}
	return rc;
}

enum gk_rc
journal_tidy(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (journal->in_batch) {
		return GK_OK;
	}
	GK_TRY(fold_when_due(journal, err));
	return publish_when_due(journal, err);
}

/* The checkpoint of a clean end is kept. */
static enum gk_rc
keep_head(struct journal *journal, struct gk_err *err)
{
	GK_TRY(journal__write_begin(journal->writer, err));
	GK_TRY(journal__write_keep_checkpoint(
	    journal->writer, journal->head_size, err));
	return journal__write_commit(journal->writer, err);
}

void
journal_close(struct journal *journal)
{
	if (journal == NULL) {
		return;
	}
	if (journal->in_batch) {
		journal->broken =
		    true; /* never committed: as if it hadn't been */
	}
	/* What fails here the next start does again, or finds. */
	if (!journal->broken && journal->counters.commits > 0 &&
	    journal->head_size > 0 && keep_head(journal, NULL) != GK_OK) {
		journal->broken = true;
	}
	if (!journal->broken &&
	    ((journal->published_size != journal->head_size &&
		 publish(journal, NULL) != GK_OK) ||
		journal__wal_fold(journal->writer, true, NULL) != GK_OK)) {
		journal->broken = true;
	}
	journal_release(journal);
}

/*
 * Recovery by an operator's word.
 */

/* Put what the world was told aside, where it can be looked at. */
static enum gk_rc
set_aside(struct journal *journal, struct gk_err *err)
{
	uint8_t random[8];
	char hex[2 * sizeof(random) + 1], name[64];

	digest_random(random, sizeof(random));
	(void)digest_hex(random, sizeof(random), hex);
	(void)snprintf(name, sizeof(name), JOURNAL_PUBLISHED ".aside-%s", hex);
	if (renameat(journal->dir, JOURNAL_PUBLISHED, journal->dir, name) !=
		0 &&
	    errno != ENOENT) {
		return GK_FAIL(err, GK_E_IO, "setting %s aside: %s",
		    JOURNAL_PUBLISHED, strerrordesc_np(errno));
	}
	return GK_OK;
}

static enum gk_rc
write_accepted(struct journal *journal, const char *text, struct gk_err *err)
{
	GK_TRY(journal__write_begin(journal->writer, err));
	GK_TRY(journal__write_meta(journal->writer, META_ACCEPTED, text, err));
	return journal__write_commit(journal->writer, err);
}

static void
accepted_print(struct journal *journal, char ret[ACCEPTED_BYTES])
{
	struct note_checkpoint note = {.size = 0};
	bool has = false, eio;
	char published[48] = "none readable";

	if (load_published(journal, &note, &has, NULL) == GK_OK && has) {
		(void)snprintf(
		    published, sizeof(published), "%" PRIu64, note.size);
	}
	eio = journal__file_exists(journal->dir, JOURNAL_EIO);
	(void)snprintf(ret, ACCEPTED_BYTES,
	    "an operator accepted %" PRIu64 " events; published: %s%s",
	    journal->edge->size, published, eio ? "; after EIO" : "");
}

/* In an order that leaves each half-way point refused or right. */
static enum gk_rc
accept_size(struct journal *journal, struct gk_err *err)
{
	char text[ACCEPTED_BYTES];

	accepted_print(journal, text);
	GK_TRY(write_accepted(journal, text, err));
	GK_TRY(set_aside(journal, err));
	if (journal->head_size > 0) {
		GK_TRY(publish(journal, err));
	}
	if (unlinkat(journal->dir, JOURNAL_EIO, 0) != 0 && errno != ENOENT) {
		return GK_FAIL(err, GK_E_IO, "removing %s: %s", JOURNAL_EIO,
		    strerrordesc_np(errno));
	}
	return journal__dir_sync(journal->dir, err);
}

enum gk_rc
journal_recover(const char *data_dir, uint64_t size, struct gk_err *err)
{
	GK_AUTO(journal_releasep) struct journal *journal = NULL;
	const struct journal_options options = {.data_dir = data_dir};
	struct journal_found found = {.created = false};

	GK_TRY(journal_new(&journal, err));
	journal->broken = true;
	GK_TRY(journal_enter(journal, &options, false, err));
	GK_TRY(journal_start(journal, &options, &found, err));
	if (found.size != size) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the journal has %" PRIu64 " events, not %" PRIu64,
		    found.size, size);
	}
	GK_TRY(accept_size(journal, err));
	return journal__wal_fold(journal->writer, true, err);
}

/*
 * What it knows.
 */

const char *
journal_origin(const struct journal *journal)
{
	return journal->keys.vkey.origin;
}

const char *
journal_vkey(const struct journal *journal)
{
	return journal->keys.vkey_text;
}

uint64_t
journal_next_seq(const struct journal *journal)
{
	return journal->edge->size;
}

int64_t
journal_last_us(const struct journal *journal)
{
	return journal->last_us;
}

const uint8_t *
journal_hmac_key(const struct journal *journal)
{
	return journal->keys.hmac;
}

void
journal_id_key(const struct journal *journal, struct id_key *ret)
{
	*ret = journal->keys.id;
}

struct journal_reader *
journal_reader(struct journal *journal)
{
	return journal->reader;
}

enum gk_rc
journal_each_row(struct journal *journal, int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	return journal__each_row(journal->reader, generation, row, ctx, err);
}

enum gk_rc
journal_last_snapshot(struct journal *journal, bool *ret_found,
    uint64_t *ret_seq, struct gk_err *err)
{
	return journal__read_snapshot(journal->reader, ret_found, ret_seq, err);
}

enum gk_rc
journal_free_bytes(
    const struct journal *journal, uint64_t *ret_bytes, struct gk_err *err)
{
	struct statvfs fs;

	if (fstatvfs(journal->dir, &fs) != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "statvfs: %s", strerrordesc_np(errno));
	}
	*ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return GK_OK;
}

void
journal_counters(const struct journal *journal, struct journal_counters *ret)
{
	*ret = journal->counters;
	ret->wal_bytes = journal__wal_bytes(journal->writer);
}
