/*
 * Retention, in the commit thread: the event, then what it names, a slice a batch.
 *
 * The janitor looks for what is due and proposes it (retention_look.c).  Here the
 * base's rows are written, some a batch; then one event says what goes, and in the
 * same transaction the store learns how far it may go; then the rows go, some a
 * batch.  A crash at any point loses a proposal, which is made again, or finds the
 * bound raised, and goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/retention.h"

enum {
	SLICE_ROWS = 32,        /* let go of at once */
	SLICE_US = 2000,        /* and again, as long as a batch can bear */
	SLICE_BYTES = 32 << 10, /* of the base, a batch */
	BASE_DROP_ROWS = 128,
};

void
gate__proposal_done(struct proposal *proposal)
{
	while (proposal->rows != NULL) {
		struct base_row *row = proposal->rows;

		proposal->rows = row->next;
		free(row);
	}
	*proposal = (struct proposal){.what = PROPOSE_NOTHING};
}

/* ---- what is under hold ---- */

static bool
copy_member(const char *bytes, size_t n, const char *name, char ret[164])
{
	struct entry_text text = entry_get(bytes, n, name);

	if (text.at == NULL || text.n < 2 || text.n - 2 >= 164) {
		return false;
	}
	memcpy(ret, text.at + 1, text.n - 2);
	ret[text.n - 2] = '\0';
	return true;
}

static bool
is_held(const struct gate *gate, const char *bytes, size_t n)
{
	char tenant[164], run[164];
	bool has_tenant = copy_member(bytes, n, "tenant_id", tenant);
	bool has_run = copy_member(bytes, n, "run_id", run);

	return ledger_is_held(
	    gate->ledger, has_tenant ? tenant : NULL, has_run ? run : NULL);
}

/* genesis stays: it names the log and its key, and nobody else. */
static enum journal_fate
judge_body(void *ctx, uint64_t seq, const char *bytes, size_t n)
{
	return seq == 0 || is_held(ctx, bytes, n) ? JOURNAL_HOLD
						  : JOURNAL_LET_GO;
}

static enum gk_rc
judge_opening(
    void *ctx, uint64_t seq, enum journal_fate *ret_fate, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct gate *gate = ctx;
	const struct gate_retention *keep = gate->retention;
	bool found;

	*ret_fate = JOURNAL_KEEP;
	GK_TRY(journal_read(
	    journal_reader(gate->journal), seq, &bytes, NULL, &found, err));
	if (!found || is_held(gate, bytes.bytes, bytes.len)) {
		return GK_OK;
	}
	if (keep->drop_forget ||
	    ((keep->openings_kind == EVENT_NONE ||
		 entry_is(bytes.bytes, bytes.len, "kind",
		     event_kind_words[keep->openings_kind])) &&
		(keep->openings_tenant == NULL ||
		    entry_is(bytes.bytes, bytes.len, "tenant_id",
			keep->openings_tenant)))) {
		*ret_fate = JOURNAL_LET_GO;
	}
	return GK_OK;
}

/* ---- the event ---- */

static enum gk_rc
record(struct gate *gate, struct event *event, struct event_retention *what,
    enum journal_bound bound, int64_t value, struct gk_err *err)
{
	event->kind = EVENT_RETENTION;
	event->change = CHANGE_LET_GO;
	event->caller = "gatekeeper";
	event->retention = what;
	GK_TRY(gate__record_event(gate, event, NULL, 0, NULL, err));
	return journal_raise(gate->journal, bound, value, err);
}

static enum gk_rc
record_forget(
    struct gate *gate, const struct proposal *from, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	struct event_retention what = {.what = "forgotten",
	    .until_us = from->until_us,
	    .count = from->count};
	struct event event = {.rule = "forget_after"};

	GK_TRY(
	    record(gate, &event, &what, JOURNAL_FORGET, from->until_us, err));
	keep->drop_forget = true;
	keep->forget_from = INT64_MIN;
	keep->forget_to = from->until_us;
	return GK_OK;
}

static enum gk_rc
record_openings(
    struct gate *gate, const struct proposal *from, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	const struct gate_opening_rule *rule = &keep->rules[from->rule];
	struct event_retention what = {.what = "openings",
	    .minimum = (int64_t)from->minimum,
	    .count = from->count,
	    .kind = event_kind_words[rule->kind],
	    .tenant = rule->tenant};
	struct event event = {.rule = rule->text};

	GK_TRY(record(gate, &event, &what, JOURNAL_OPENINGS,
	    (int64_t)from->minimum, err));
	keep->drop_openings = true;
	keep->openings_from = 0;
	keep->openings_to = from->minimum;
	keep->openings_kind = rule->kind;
	keep->openings_tenant = rule->tenant;
	return GK_OK;
}

static enum gk_rc
record_bodies(
    struct gate *gate, const struct proposal *from, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	char root[DIGEST_HEX], rule[48];
	struct event_retention what = {.what = "bodies",
	    .minimum = (int64_t)from->minimum,
	    .count = from->count,
	    .root = root};
	struct event_snapshot base = {.digest = from->base.digest,
	    .rows = (int64_t)from->base.rows,
	    .generation = -(int64_t)from->minimum};
	struct event event = {.rule = rule,
	    .has_of_seq = true,
	    .of_seq = from->minimum - 1,
	    .snapshot = &base};

	(void)digest_hex(from->root.bytes, sizeof(from->root.bytes), root);
	(void)snprintf(rule, sizeof(rule), "audit.retention_days=%lld",
	    (long long)gate->options.retention_days);
	GK_TRY(record(
	    gate, &event, &what, JOURNAL_BODIES, (int64_t)from->minimum, err));
	atomic_store(&gate->minimum, from->minimum);
	keep->drop_bodies = true;
	keep->drop_bases = true;
	return GK_OK;
}

/* ---- slices ---- */

static enum gk_rc
write_base(struct gate *gate, struct proposal *from, struct gk_err *err)
{
	size_t written = 0;

	while (from->rows != NULL && written < SLICE_BYTES) {
		struct base_row *row = from->rows;

		GK_TRY(journal_put_row(gate->journal, -(int64_t)from->minimum,
		    row->key, row->json, row->n, err));
		written += row->n;
		from->rows = row->next;
		free(row);
	}
	return GK_OK;
}

/* What was proposed: the base first, then the event. */
static enum gk_rc
go_on_taken(struct gate *gate, struct gk_err *err)
{
	struct proposal *from = &gate->retention->taken;
	enum gk_rc rc = GK_OK;

	if (from->rows != NULL) {
		return write_base(gate, from, err);
	}
	switch (from->what) {
	case PROPOSE_FORGET:
		rc = record_forget(gate, from, err);
		break;
	case PROPOSE_OPENINGS:
		rc = record_openings(gate, from, err);
		break;
	case PROPOSE_BODIES:
		rc = record_bodies(gate, from, err);
		break;
	case PROPOSE_NOTHING:
		break;
	}
	gate__proposal_done(from);
	return rc;
}

static enum gk_rc
drop_slice(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	const struct journal_judge judge = {judge_body, judge_opening, gate};
	size_t gone = 0;
	enum gk_rc rc = GK_OK;

	if (keep->drop_forget) {
		rc = journal_drop_openings(gate->journal, true,
		    &keep->forget_from, keep->forget_to, 2 * SLICE_ROWS + 64,
		    &judge, &gone, &keep->drop_forget, err);
		metrics_count(&gate->metrics.openings_gone, gone);
	} else if (keep->drop_openings) {
		rc = journal_drop_openings(gate->journal, false,
		    &keep->openings_from, (int64_t)keep->openings_to,
		    2 * SLICE_ROWS + 64, &judge, &gone, &keep->drop_openings,
		    err);
		metrics_count(&gate->metrics.openings_gone, gone);
	} else if (keep->drop_bodies) {
		rc = journal_drop_bodies(gate->journal,
		    atomic_load(&gate->minimum), SLICE_ROWS, &judge, &gone,
		    &keep->drop_bodies, err);
		metrics_count(&gate->metrics.bodies_gone, gone);
	} else if (keep->drop_held) {
		rc = journal_drop_held(gate->journal, &keep->held_from,
		    SLICE_ROWS, &judge, &gone, &keep->drop_held, err);
		metrics_count(&gate->metrics.bodies_gone, gone);
	} else if (keep->drop_bases) {
		rc = journal_drop_bases(gate->journal,
		    atomic_load(&gate->minimum), BASE_DROP_ROWS,
		    &keep->drop_bases, err);
	}
	return rc;
}

static bool
has_work(const struct gate_retention *keep)
{
	return keep->taken.what != PROPOSE_NOTHING || keep->drop_bodies ||
	       keep->drop_held || keep->drop_forget || keep->drop_openings ||
	       keep->drop_bases;
}

/* Slices until the batch has been held up for as long as it may be. */
enum gk_rc
gate__retention_go_on(struct gate *gate, bool tick, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	int64_t began = gate__now(gate);

	if (!has_work(keep) || (gate->batch_events == 0 && !tick)) {
		return GK_OK;
	}
	do {
		/* an event is committed before what it names goes */
		if (keep->taken.what != PROPOSE_NOTHING) {
			GK_TRY(go_on_taken(gate, err));
			break;
		}
		GK_TRY(drop_slice(gate, err));
	} while (has_work(keep) && gate__now(gate) - began < SLICE_US);
	gate->batch_open = true;
	atomic_store(&keep->busy, has_work(keep));
	return GK_OK;
}

/* ---- now and then ---- */

/* Retention waits while nobody knows what time it is. */
static bool
is_paused(const struct gate *gate)
{
	return ledger_clock_jumped(gate->ledger) || gate->clock_told ||
	       atomic_load(&gate->clock_gap);
}

void
gate__retention_tick(struct gate *gate, bool slow)
{
	struct gate_retention *keep = gate->retention;
	bool paused = is_paused(gate);

	if (slow || atomic_load(&keep->paused)) {
		atomic_store(
		    &keep->oldest_open, ledger_oldest_open(gate->ledger));
	}
	atomic_store(&keep->paused, paused);
	if (has_work(keep)) {
		return;
	}
	pthread_mutex_lock(&keep->lock);
	if (paused) {
		if (keep->offered.what != PROPOSE_NOTHING) {
			atomic_store(&keep->again, true);
		}
		gate__proposal_done(&keep->offered);
	} else if (keep->offered.what != PROPOSE_NOTHING) {
		keep->taken = keep->offered;
		keep->offered = (struct proposal){.what = PROPOSE_NOTHING};
	}
	pthread_mutex_unlock(&keep->lock);
	atomic_store(&keep->busy, has_work(keep));
}

/* A hold was released: what it kept is overdue. */
void
gate__retention_again(struct gate *gate)
{
	struct gate_retention *keep = gate->retention;

	keep->drop_held = true;
	keep->held_from = 1; /* genesis stays */
	if (keep->forget_to > 0 && !keep->drop_forget) {
		keep->drop_forget = true;
		keep->forget_from = INT64_MIN;
	}
	atomic_store(&keep->again, true);
	atomic_store(&keep->busy, true);
}

/* ---- from the start to the end ---- */

static enum gk_rc
parse_rules(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;

	for (size_t i = 0; i < gate->options.retention_openings_count; i++) {
		if (keep->rule_count == RETENTION_RULES_MAX) {
			return GK_FAIL(err, GK_E_LIMIT,
			    "audit.retention_openings: at most %d rules",
			    RETENTION_RULES_MAX);
		}
		GK_TRY(gate__opening_rule_parse(
		    gate->options.retention_openings[i], &gate->arena,
		    &keep->rules[keep->rule_count++], err));
	}
	return GK_OK;
}

enum gk_rc
gate__retention_init(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = calloc(1, sizeof(*keep));

	if (keep == NULL || pthread_mutex_init(&keep->lock, NULL) != 0) {
		free(keep);
		return GK_FAIL(err, GK_E_NOMEM, "retention");
	}
	atomic_store(&keep->paused, true); /* until a tick says otherwise */
	atomic_store(&keep->oldest_open, 0);
	gate->retention = keep;
	return parse_rules(gate, err);
}

/* Where a crash has left it: each bound that stands in the store may have rows left. */
enum gk_rc
gate__retention_open(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	struct journal_reader *reader = journal_reader(gate->journal);
	int64_t bodies;

	GK_TRY(journal_bound(reader, JOURNAL_BODIES, &bodies, err));
	GK_TRY(journal_bound(reader, JOURNAL_FORGET, &keep->forget_to, err));
	keep->forget_us = keep->forget_to;
	atomic_store(&gate->minimum, (uint64_t)bodies);
	keep->drop_bodies = bodies > 0;
	keep->drop_bases = bodies > 0;
	keep->drop_held = bodies > 0;
	keep->held_from = 1;
	keep->drop_forget = keep->forget_to > 0;
	keep->forget_from = INT64_MIN;
	atomic_store(&keep->busy, has_work(keep));
	return GK_OK;
}

void
gate__retention_done(struct gate *gate)
{
	struct gate_retention *keep = gate->retention;

	if (keep == NULL) {
		return;
	}
	gate__proposal_done(&keep->offered);
	gate__proposal_done(&keep->taken);
	ledger_freep(&keep->fold);
	gk_arena_done(&keep->fold_arena);
	if (keep->reader != NULL) {
		journal_reader_close(keep->reader);
	}
	(void)pthread_mutex_destroy(&keep->lock);
	free(keep);
	gate->retention = NULL;
}
