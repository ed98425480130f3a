/*
 * The state as canonical rows, and back: what a snapshot holds.
 *
 * A row is a key and one canonical JSON object.  Keys:
 *   approval/<seq>   counter/<hex of the counter's key>   hold/<seq>   identity/<id>   ledger
 *   run/<seq>        step/<seq>                           switch/<seq>
 * with seq as twenty digits: of the decision that asked, of the run's first
 * event, of the step's decision, of the throw.  What no longer counts at the
 * last event's time, and recalled runs, aren't rows.  Loading wants "ledger" and
 * identities first, then runs, then the rest; ledger_rows() gives that order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "ledger/row.h"

static enum gk_rc
put(struct row_sink *sink, const char *key, const struct record_type *type,
    const void *src, struct gk_err *err)
{
	gk_buf_clear(&sink->buf);
	GK_TRY(record_encode(type, src, &sink->buf, err));
	GK_TRY(sink->row(
	    sink->ctx, key, gk_buf_text(&sink->buf), sink->buf.len, err));
	gk_arena_clear(&sink->arena);
	return GK_OK;
}

static enum gk_rc
put_seq(struct row_sink *sink, const char *what, uint64_t seq,
    const struct record_type *type, const void *src, struct gk_err *err)
{
	char key[48];

	(void)snprintf(
	    key, sizeof(key), "%s/%020llu", what, (unsigned long long)seq);
	return put(sink, key, type, src, err);
}

enum gk_rc
row_put_ledger(
    const struct ledger *ledger, struct row_sink *sink, struct gk_err *err)
{
	struct ledger_row row = {.next_seq = (int64_t)ledger->next_seq,
	    .last_us = ledger->last_us,
	    .boot_us = ledger->boot_us,
	    .last_kind = ledger->last_kind,
	    .policy = ledger_policy(ledger),
	    .clock_jumped = ledger->clock_jumped,
	    .keys = ledger->keys,
	    .key_count = ledger->key_count};

	return put(sink, "ledger", &row_ledger_type, &row, err);
}

enum gk_rc
row_put_switch(
    const struct kill_switch *from, struct row_sink *sink, struct gk_err *err)
{
	struct switch_row row = {.id = from->what.id,
	    .subject = from->what.subject,
	    .action = from->what.action,
	    .caller = from->caller,
	    .seq = (int64_t)from->seq,
	    .scope = from->what.scope,
	    .expires_us = from->what.expires_us,
	    .thrown_at_us = from->thrown_at_us};

	return put_seq(sink, "switch", from->seq, &row_switch_type, &row, err);
}

enum gk_rc
row_put_hold(const struct hold *from, struct row_sink *sink, struct gk_err *err)
{
	struct hold_row row = {.id = from->what.id,
	    .subject = from->what.subject,
	    .tenant = from->what.tenant,
	    .caller = from->caller,
	    .seq = (int64_t)from->seq,
	    .scope = from->what.scope,
	    .held_at_us = from->held_at_us};

	return put_seq(sink, "hold", from->seq, &row_hold_type, &row, err);
}

static enum gk_rc
put_run_alone(const struct run *run, struct row_sink *sink, struct gk_err *err)
{
	struct run_row row = {.tenant = run->tenant,
	    .run_id = run->run_id,
	    .agent = run->agent,
	    .caller = run->caller,
	    .first_seq = (int64_t)run->first_seq,
	    .last_us = run->last_us};

	return put_seq(sink, "run", run->first_seq, &row_run_type, &row, err);
}

static enum gk_rc
put_step(const struct step *step, struct row_sink *sink, struct gk_err *err)
{
	struct step_row row = {.tenant = step->run->tenant,
	    .run_id = step->run->run_id,
	    .step_id = step->step_id,
	    .result_digest = step->result_digest,
	    .seq = (int64_t)step->seq,
	    .decision = step->decision,
	    .hash_key = step->key,
	    .valid_until_us = step->valid_until_us,
	    .result_by_us = step->result_by_us,
	    .approval_seq = (int64_t)step->approval_seq,
	    .result_seq = (int64_t)step->result_seq,
	    .violation_seq = (int64_t)step->violation_seq,
	    .has_approval = step->has_approval,
	    .granted = step->granted,
	    .open = step->open,
	    .unreported = step->unreported,
	    .conflicted = step->conflicted,
	    .has_violation = step->has_violation};

	memcpy(row.binding, step->binding, sizeof(row.binding));
	row.charges.charges = step->reservations;
	row.charges.charge_count = step->reservation_count;
	return put_seq(sink, "step", step->seq, &row_step_type, &row, err);
}

static enum gk_rc
put_approval(
    const struct approval *from, struct row_sink *sink, struct gk_err *err)
{
	struct approval_bounds bounds = from->bounds;
	struct grant_bound bound = from->bound;
	struct approval_row row = {.tenant = from->run->tenant,
	    .run_id = from->run->run_id,
	    .step_id = from->step_id,
	    .caller = from->caller,
	    .asker_person = from->asker_person,
	    .actor_person = from->actor_person,
	    .action = from->action,
	    .action_key = from->action_key,
	    .actor_type = from->actor_type,
	    .actor_id = from->actor_id,
	    .resolved_by = from->resolved_by,
	    .seq = (int64_t)from->seq,
	    .status = from->status,
	    .asked_at_us = from->asked_at_us,
	    .expires_at_us = from->expires_at_us,
	    .grant_valid_us = from->grant_valid_us,
	    .grant_until_us = from->grant_until_us,
	    .resolved_at_us = from->resolved_at_us,
	    .terms = {.rules = from->rules,
		.rule_count = from->rule_count,
		.bounded = from->bounds.max_uses == 0 ? NULL : &bounds},
	    .bound = from->bound.uses == 0 ? NULL : &bound,
	    .used = from->used,
	    .escalated = (int64_t)from->escalated,
	    .vote_count = from->vote_count};

	memcpy(row.binding, from->binding, sizeof(row.binding));
	memcpy(row.frame, from->frame, sizeof(row.frame));
	row.votes =
	    gk_arena_calloc(&sink->arena, from->vote_count, sizeof(*row.votes));
	if (row.votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "row");
	}
	for (size_t i = 0; i < from->vote_count; i++) {
		struct vote *vote = &row.votes[i].vote;

		*vote = from->votes[i];
		row.votes[i].bound =
		    vote->bound.uses == 0 ? NULL : &vote->bound;
	}
	return put_seq(
	    sink, "approval", from->seq, &row_approval_type, &row, err);
}

enum gk_rc
row_put_counter(const struct counter *from, int64_t now_us,
    struct row_sink *sink, struct gk_err *err)
{
	struct counter_row row = {.kind = from->kind,
	    .per = from->per,
	    .tat_ns = from->tat_ns,
	    .count = from->count,
	    .used_micros = from->used_micros,
	    .reached = from->reached,
	    .window_end_us = from->window_end_us,
	    .within_us = from->within_us};
	char key[ROW_KEY_BYTES] = "counter/";

	if (from->run != NULL) {
		row.tenant = from->run->tenant;
		row.run_id = from->run->run_id;
	}
	row.times =
	    gk_arena_calloc(&sink->arena, from->time_count, sizeof(*row.times));
	if (row.times == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "row");
	}
	for (size_t i = 0; i < from->time_count; i++) {
		if (from->times_us[i] + from->within_us > now_us) {
			row.times[row.time_count++].us = from->times_us[i];
		}
	}
	(void)digest_hex(from->key, from->key_n, key + strlen(key));
	return put(sink, key, &row_counter_type, &row, err);
}

/* Pointers of a map, to be put in order. */
struct list {
	const void **items;
	size_t count;
};

static enum gk_rc
list_map(const struct gk_map *map, struct list *ret, struct gk_err *err)
{
	const void *item;
	size_t at = 0;

	ret->count = 0;
	ret->items = calloc(map->count + 1, sizeof(*ret->items));
	if (ret->items == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "rows");
	}
	while ((item = gk_map_next(map, &at)) != NULL) {
		ret->items[ret->count++] = item;
	}
	return GK_OK;
}

static void
list_done(struct list *list)
{
	free(list->items);
	list->items = NULL;
}

static int
order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
runs_by_seq(const void *a, const void *b)
{
	const struct run *const *x = a, *const *y = b;

	return order((*x)->first_seq, (*y)->first_seq);
}

static int
steps_by_seq(const void *a, const void *b)
{
	const struct step *const *x = a, *const *y = b;

	return order((*x)->seq, (*y)->seq);
}

static int
counters_by_key(const void *a, const void *b)
{
	const struct counter *const *x = a, *const *y = b;
	size_t n = (*x)->key_n < (*y)->key_n ? (*x)->key_n : (*y)->key_n;
	int way = memcmp((*x)->key, (*y)->key, n);

	return way != 0 ? way : order((*x)->key_n, (*y)->key_n);
}

/* Each run is followed by its own steps and approvals. */
enum gk_rc
row_put_run(const struct run *run, struct row_sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list steps = {NULL, 0};

	GK_TRY(put_run_alone(run, sink, err));
	GK_TRY(list_map(&run->steps, &steps, err));
	qsort(steps.items, steps.count, sizeof(*steps.items), steps_by_seq);
	for (size_t i = 0; i < steps.count; i++) {
		GK_TRY(put_step(steps.items[i], sink, err));
	}
	for (const struct approval *a = run->approvals; a != NULL;
	     a = a->next) {
		GK_TRY(put_approval(a, sink, err));
	}
	return GK_OK;
}

static enum gk_rc
put_runs(const struct ledger *ledger, struct row_sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list runs = {NULL, 0};

	GK_TRY(list_map(&ledger->runs, &runs, err));
	qsort(runs.items, runs.count, sizeof(*runs.items), runs_by_seq);
	for (size_t i = 0; i < runs.count; i++) {
		const struct run *run = runs.items[i];

		if (!run->cold) {
			GK_TRY(row_put_run(run, sink, err));
		}
	}
	return GK_OK;
}

static enum gk_rc
put_counters(
    const struct ledger *ledger, struct row_sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list counters = {NULL, 0};

	GK_TRY(list_map(&ledger->counters, &counters, err));
	qsort(counters.items, counters.count, sizeof(*counters.items),
	    counters_by_key);
	for (size_t i = 0; i < counters.count; i++) {
		const struct counter *counter = counters.items[i];

		if (counter_counts(counter, ledger->last_us)) {
			GK_TRY(row_put_counter(
			    counter, ledger->last_us, sink, err));
		}
	}
	return GK_OK;
}

enum gk_rc
row_put_identities(
    const struct ledger *ledger, struct row_sink *sink, struct gk_err *err)
{
	char key[160];

	for (size_t i = 0; i < ledger->member_count; i++) {
		const struct identity *identity = ledger->members[i]->identity;

		(void)snprintf(key, sizeof(key), "identity/%s", identity->id);
		GK_TRY(put(sink, key, &identity_type, identity, err));
	}
	return GK_OK;
}

static enum gk_rc
put_all(const struct ledger *ledger, struct row_sink *sink, struct gk_err *err)
{
	GK_TRY(row_put_ledger(ledger, sink, err));
	GK_TRY(row_put_identities(ledger, sink, err));
	GK_TRY(put_runs(ledger, sink, err));
	GK_TRY(put_counters(ledger, sink, err));
	for (size_t i = 0; i < ledger->switch_count; i++) {
		GK_TRY(row_put_switch(ledger->switches[i], sink, err));
	}
	for (const struct hold *hold = ledger->holds; hold != NULL;
	     hold = hold->next) {
		GK_TRY(row_put_hold(hold, sink, err));
	}
	return GK_OK;
}

enum gk_rc
ledger_rows(const struct ledger *ledger,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	struct row_sink sink = {.row = row,
	    .ctx = ctx,
	    .buf = GK_BUF_INIT(ROW_BYTES_MAX),
	    .arena = GK_ARENA_INIT(ROW_BYTES_MAX)};
	enum gk_rc rc = put_all(ledger, &sink, err);

	gk_buf_done(&sink.buf);
	gk_arena_done(&sink.arena);
	return rc;
}
