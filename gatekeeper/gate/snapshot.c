/*
 * Ledger snapshots: begun when enough has happened, written a slice a batch,
 * recorded when whole; then the rows of the one before leave, some a batch.
 */
#include "gate/gate_internal.h"

/*
 * A start folds what came after the last snapshot, at some 8 µs an event: 8192
 * of them in less than 0.1 s.  Where more is open than that, a snapshot every
 * twice as many events as it has rows keeps its price at half a row an event.
 * The slice is what a batch of one can bear: some 0.1 ms.
 */
enum {
	SNAPSHOT_EVENTS = 8192,
	SNAPSHOT_CLOSE_EVENTS = 1000, /* since the last: one more at the end */
	SNAPSHOT_SLICE_BYTES = 32 << 10,
	SNAPSHOT_DROP_ROWS = 256, /* a batch */
};

static enum gk_rc
put_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	struct gate *gate = ctx;

	return journal_put_row(
	    gate->journal, gate->snapshot_generation, key, json, n, err);
}

static enum gk_rc
begin(struct gate *gate, struct gk_err *err)
{
	/* no earlier generation can have this number: its rows' batch had an event */
	gate->snapshot_generation = (int64_t)ledger_next_seq(gate->ledger);
	gate->snapshot_from = ledger_next_seq(gate->ledger);
	return ledger_snapshot_begin(gate->ledger, err);
}

/* All rows are written: say so in an event, and let the generation before go. */
static enum gk_rc
finish(struct gate *gate, struct gk_err *err)
{
	struct ledger_snapshot whole;
	struct event_snapshot snapshot;
	struct event event = {.kind = EVENT_SNAPSHOT,
	    .caller = "gatekeeper",
	    .has_of_seq = true,
	    .snapshot = &snapshot};

	ledger_snapshot_digest(gate->ledger, &whole);
	snapshot = (struct event_snapshot){.digest = whole.digest,
	    .rows = (int64_t)whole.rows,
	    .generation = gate->snapshot_generation};
	event.of_seq = whole.seq;
	gate->snapshot_rows = whole.rows;
	GK_TRY(gate__record_event(gate, &event, NULL, 0, NULL, err));
	gate->snapshot_keep = gate->snapshot_generation;
	return GK_OK;
}

/* Some rows of the generations before the last whole one. */
static enum gk_rc
drop_some(struct gate *gate, struct gk_err *err)
{
	bool more;

	GK_TRY(journal_drop_rows(gate->journal, gate->snapshot_keep,
	    SNAPSHOT_DROP_ROWS, &more, err));
	if (!more) {
		gate->snapshot_keep = 0;
	}
	return GK_OK;
}

static enum gk_rc
slice(struct gate *gate, struct gk_err *err)
{
	bool done;

	GK_TRY(ledger_snapshot_slice(
	    gate->ledger, SNAPSHOT_SLICE_BYTES, put_row, gate, &done, err));
	return done ? finish(gate, err) : GK_OK;
}

enum gk_rc
gate__snapshot_go_on(struct gate *gate, struct gk_err *err)
{
	uint64_t since = ledger_next_seq(gate->ledger) - gate->snapshot_from;

	if (gate->batch_events == 0) {
		return GK_OK; /* rows ride in a batch's transaction */
	}
	if (!ledger_snapshot_active(gate->ledger)) {
		if (gate->snapshot_keep != 0) {
			return drop_some(gate, err);
		}
		if (since < SNAPSHOT_EVENTS ||
		    since / 2 < gate->snapshot_rows) {
			return GK_OK;
		}
		GK_TRY(begin(gate, err));
	}
	return slice(gate, err);
}

enum gk_rc
gate__snapshot_close(struct gate *gate, struct gk_err *err)
{
	if (ledger_next_seq(gate->ledger) - gate->snapshot_from <
	    SNAPSHOT_CLOSE_EVENTS) {
		return GK_OK;
	}
	GK_TRY(begin(gate, err));
	while (ledger_snapshot_active(gate->ledger)) {
		GK_TRY(slice(gate, err));
		GK_TRY(gate__commit_batch(gate, err));
	}
	return GK_OK;
}

static enum gk_rc
load(struct gate *gate, const struct event *event, struct ledger_loader *loader,
    bool *ret_valid, struct gk_err *err)
{
	GK_TRY(journal_each_row(gate->journal, event->snapshot->generation,
	    ledger_loader_row, loader, err));
	return ledger_loader_finish(
	    loader, event->snapshot->digest, ret_valid, err);
}

enum gk_rc
gate__snapshot_load(
    struct gate *gate, uint64_t *ret_from_seq, struct gk_err *err)
{
	struct ledger_loader *loader;
	struct event event;
	bool found, valid = false;
	uint64_t seq;
	enum gk_rc rc;

	*ret_from_seq = 0;
	GK_TRY(journal_last_snapshot(gate->journal, &found, &seq, err));
	if (!found) {
		return GK_OK;
	}
	gk_arena_clear(&gate->scratch);
	GK_TRY(gate__read_event(gate, journal_reader(gate->journal), seq,
	    &gate->scratch, &event, NULL, &found, err));
	if (!found || event.snapshot == NULL ||
	    event.snapshot->digest == NULL || !event.has_of_seq) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "event %llu isn't a whole snapshot",
		    (unsigned long long)seq);
	}
	if (event.of_seq + 1 < atomic_load(&gate->minimum)) {
		return GK_OK; /* the base is younger */
	}
	GK_TRY(ledger_loader_new(gate->ledger, &loader, err));
	rc = load(gate, &event, loader, &valid, err);
	ledger_loader_free(loader);
	if (rc == GK_OK && !valid) {
		gate__alert(gate, "snapshot_mismatch",
		    "the ledger snapshot isn't the one that event %llu signed; "
		    "rebuilding from the beginning",
		    (unsigned long long)seq);
	}
	if (rc == GK_OK && valid) {
		*ret_from_seq = event.of_seq + 1;
		gate->snapshot_from = event.of_seq + 1;
		gate->snapshot_keep = event.snapshot->generation;
		gate->snapshot_rows = (size_t)event.snapshot->rows;
	}
	return rc;
}
