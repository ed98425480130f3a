/*
 * The state as canonical rows, and back: what a snapshot holds.
 *
 * A row is a key and one canonical JSON object.  Keys:
 *   approval/<seq>   counter/<hex of the counter's key>   identity/<id>   ledger
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
#include "ledger/ledger_internal.h"

enum { ROW_BYTES_MAX = 4 << 20, KEY_TEXT_BYTES = 2100 };

static const struct json_limits row_limits = {
    .bytes = ROW_BYTES_MAX,
    .depth = 8,
    .values = 200000,
};

#define F_STR(t, key, m)                                                   \
	{                                                                  \
		.name = key, .kind = RECORD_STR, .flags = RECORD_EMPTY_OK, \
		.offset = offsetof(struct t, m)                            \
	}
#define F_INT(t, key, m)                         \
	{                                        \
		.name = key, .kind = RECORD_INT, \
		.offset = offsetof(struct t, m)  \
	}
#define F_BIG(t, key, m)                         \
	{                                        \
		.name = key, .kind = RECORD_BIG, \
		.offset = offsetof(struct t, m)  \
	}
#define F_BOOL(t, key, m)                         \
	{                                         \
		.name = key, .kind = RECORD_BOOL, \
		.offset = offsetof(struct t, m)   \
	}
#define F_TIME(t, key, m)                         \
	{                                         \
		.name = key, .kind = RECORD_TIME, \
		.offset = offsetof(struct t, m)   \
	}
#define F_STRS(t, key, m, n)                          \
	{                                             \
		.name = key, .kind = RECORD_STRS,     \
		.offset = offsetof(struct t, m),      \
		.count_offset = offsetof(struct t, n) \
	}
#define F_OBJS(t, key, m, n, inner)                                     \
	{                                                               \
		.name = key, .kind = RECORD_OBJECTS,                    \
		.offset = offsetof(struct t, m),                        \
		.count_offset = offsetof(struct t, n), .type = &(inner) \
	}
#define TYPE(words, t, fields)                                    \
	{                                                         \
		words, sizeof(struct t), fields, GK_COUNT(fields) \
	}

/* ---- the shapes of rows ---- */

struct ledger_row {
	int64_t next_seq, last_us, boot_us, last_kind;
	const char *policy;
	bool clock_jumped;
};
static const struct record_field ledger_fields[] = {
    F_TIME(ledger_row, "boot", boot_us),
    F_BOOL(ledger_row, "clock_jumped", clock_jumped),
    F_INT(ledger_row, "last_kind", last_kind),
    F_TIME(ledger_row, "last_time", last_us),
    F_INT(ledger_row, "next_seq", next_seq),
    F_STR(ledger_row, "policy", policy),
};
static const struct record_type ledger_type =
    TYPE("ledger row", ledger_row, ledger_fields);

struct run_row {
	const char *tenant, *run_id, *agent, *caller;
	int64_t first_seq, last_us;
};
static const struct record_field run_fields[] = {
    F_STR(run_row, "agent", agent),
    F_STR(run_row, "caller", caller),
    F_INT(run_row, "first_seq", first_seq),
    F_TIME(run_row, "last_time", last_us),
    F_STR(run_row, "run_id", run_id),
    F_STR(run_row, "tenant_id", tenant),
};
static const struct record_type run_type = TYPE("run row", run_row, run_fields);

struct step_row {
	const char *tenant, *run_id, *step_id, *result_digest;
	int64_t seq, decision;
	uint8_t binding[16];
	int64_t valid_until_us, result_by_us;
	int64_t approval_seq, result_seq, violation_seq;
	bool has_approval, granted, open, unreported, conflicted, has_violation;
	struct event charges; /* only its charges are used */
};
static const struct record_field step_fields[] = {
    F_INT(step_row, "approval_seq", approval_seq),
    {.name = "binding",
	.kind = RECORD_BYTES,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct step_row, binding),
	.max = 16},
    F_BOOL(step_row, "conflicted", conflicted),
    F_INT(step_row, "decision", decision),
    F_BOOL(step_row, "granted", granted),
    F_BOOL(step_row, "has_approval", has_approval),
    F_BOOL(step_row, "has_violation", has_violation),
    F_BOOL(step_row, "open", open),
    F_OBJS(step_row, "reservations", charges.charges, charges.charge_count,
	charge_type),
    F_TIME(step_row, "result_by", result_by_us),
    F_STR(step_row, "result_digest", result_digest),
    F_INT(step_row, "result_seq", result_seq),
    F_STR(step_row, "run_id", run_id),
    F_INT(step_row, "seq", seq),
    F_STR(step_row, "step_id", step_id),
    F_STR(step_row, "tenant_id", tenant),
    F_BOOL(step_row, "unreported", unreported),
    F_TIME(step_row, "valid_until", valid_until_us),
    F_INT(step_row, "violation_seq", violation_seq),
};
static const struct record_type step_type =
    TYPE("step row", step_row, step_fields);

static const struct record_field vote_fields[] = {
    F_BOOL(vote, "grant", grant),
    F_STRS(vote, "groups", groups, group_count),
    F_STR(vote, "identity", identity),
    F_STR(vote, "person", person),
    F_TIME(vote, "time", at_us),
    F_INT(vote, "valid_us", valid_us),
};
static const struct record_type vote_type = TYPE("vote", vote, vote_fields);

struct approval_row {
	const char *tenant, *run_id, *step_id, *caller, *asker_person;
	const char *action, *action_key, *context_hash, *actor_type, *actor_id;
	const char *resolved_by;
	int64_t seq, status, asked_at_us, expires_at_us, grant_valid_us;
	int64_t grant_until_us, resolved_at_us;
	struct approval_terms terms; /* only its rules are used */
	struct vote *votes;
	size_t vote_count;
};
static const struct record_field approval_fields[] = {
    F_STR(approval_row, "action", action),
    F_STR(approval_row, "action_key", action_key),
    F_STR(approval_row, "actor_id", actor_id),
    F_STR(approval_row, "actor_type", actor_type),
    F_TIME(approval_row, "asked_at", asked_at_us),
    F_STR(approval_row, "asker_person", asker_person),
    F_STR(approval_row, "caller", caller),
    F_STR(approval_row, "context_hash", context_hash),
    F_TIME(approval_row, "expires_at", expires_at_us),
    F_TIME(approval_row, "grant_until", grant_until_us),
    F_INT(approval_row, "grant_valid_us", grant_valid_us),
    F_TIME(approval_row, "resolved_at", resolved_at_us),
    F_STR(approval_row, "resolved_by", resolved_by),
    F_OBJS(approval_row, "rules", terms.rules, terms.rule_count,
	approval_rule_type),
    F_STR(approval_row, "run_id", run_id),
    F_INT(approval_row, "seq", seq),
    F_INT(approval_row, "status", status),
    F_STR(approval_row, "step_id", step_id),
    F_STR(approval_row, "tenant_id", tenant),
    F_OBJS(approval_row, "votes", votes, vote_count, vote_type),
};
static const struct record_type approval_type =
    TYPE("approval row", approval_row, approval_fields);

struct time_row {
	int64_t us;
};
static const struct record_field time_fields[] = {
    F_TIME(time_row, "time", us),
};
static const struct record_type time_type = TYPE("time", time_row, time_fields);

struct counter_row {
	const char *tenant, *run_id; /* of scope run */
	int64_t kind, per, tat_ns, count, used_micros, window_end_us, within_us;
	struct time_row *times;
	size_t time_count;
};
static const struct record_field counter_fields[] = {
    F_INT(counter_row, "count", count),
    F_INT(counter_row, "kind", kind),
    F_INT(counter_row, "per", per),
    F_STR(counter_row, "run_id", run_id),
    F_BIG(counter_row, "tat_ns", tat_ns),
    F_STR(counter_row, "tenant_id", tenant),
    F_OBJS(counter_row, "times", times, time_count, time_type),
    F_BIG(counter_row, "used_micros", used_micros),
    F_TIME(counter_row, "window_end", window_end_us),
    F_INT(counter_row, "within_us", within_us),
};
static const struct record_type counter_type =
    TYPE("counter row", counter_row, counter_fields);

struct switch_row {
	const char *id, *subject, *action, *caller;
	int64_t seq, scope, expires_us, thrown_at_us;
};
static const struct record_field switch_fields[] = {
    F_STR(switch_row, "action", action),
    F_STR(switch_row, "caller", caller),
    F_TIME(switch_row, "expires_at", expires_us),
    F_STR(switch_row, "id", id),
    F_INT(switch_row, "scope", scope),
    F_INT(switch_row, "seq", seq),
    F_STR(switch_row, "subject", subject),
    F_TIME(switch_row, "thrown_at", thrown_at_us),
};
static const struct record_type switch_type =
    TYPE("switch row", switch_row, switch_fields);

/* ---- state → rows ---- */

/* Where rows go. */
struct sink {
	enum gk_rc (*row)(void *ctx, const char *key, const char *json,
	    size_t n, struct gk_err *err);
	void *ctx;
	struct gk_buf buf;
	struct gk_arena arena; /* of one row */
};

static enum gk_rc
put(struct sink *sink, const char *key, const struct record_type *type,
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
put_seq(struct sink *sink, const char *what, uint64_t seq,
    const struct record_type *type, const void *src, struct gk_err *err)
{
	char key[48];

	(void)snprintf(
	    key, sizeof(key), "%s/%020llu", what, (unsigned long long)seq);
	return put(sink, key, type, src, err);
}

static enum gk_rc
put_ledger(const struct ledger *ledger, struct sink *sink, struct gk_err *err)
{
	struct ledger_row row = {.next_seq = (int64_t)ledger->next_seq,
	    .last_us = ledger->last_us,
	    .boot_us = ledger->boot_us,
	    .last_kind = ledger->last_kind,
	    .policy = ledger_policy(ledger),
	    .clock_jumped = ledger->clock_jumped};

	return put(sink, "ledger", &ledger_type, &row, err);
}

static enum gk_rc
put_switch(
    const struct kill_switch *from, struct sink *sink, struct gk_err *err)
{
	struct switch_row row = {.id = from->what.id,
	    .subject = from->what.subject,
	    .action = from->what.action,
	    .caller = from->caller,
	    .seq = (int64_t)from->seq,
	    .scope = from->what.scope,
	    .expires_us = from->what.expires_us,
	    .thrown_at_us = from->thrown_at_us};

	return put_seq(sink, "switch", from->seq, &switch_type, &row, err);
}

static enum gk_rc
put_run(const struct run *run, struct sink *sink, struct gk_err *err)
{
	struct run_row row = {.tenant = run->tenant,
	    .run_id = run->run_id,
	    .agent = run->agent,
	    .caller = run->caller,
	    .first_seq = (int64_t)run->first_seq,
	    .last_us = run->last_us};

	return put_seq(sink, "run", run->first_seq, &run_type, &row, err);
}

static enum gk_rc
put_step(const struct step *step, struct sink *sink, struct gk_err *err)
{
	struct step_row row = {.tenant = step->run->tenant,
	    .run_id = step->run->run_id,
	    .step_id = step->step_id,
	    .result_digest = step->result_digest,
	    .seq = (int64_t)step->seq,
	    .decision = step->decision,
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
	return put_seq(sink, "step", step->seq, &step_type, &row, err);
}

static enum gk_rc
put_approval(const struct approval *from, struct sink *sink, struct gk_err *err)
{
	struct approval_row row = {.tenant = from->run->tenant,
	    .run_id = from->run->run_id,
	    .step_id = from->step_id,
	    .caller = from->caller,
	    .asker_person = from->asker_person,
	    .action = from->action,
	    .action_key = from->action_key,
	    .context_hash = from->context_hash,
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
	    .terms = {.rules = from->rules, .rule_count = from->rule_count},
	    .votes = from->votes,
	    .vote_count = from->vote_count};

	return put_seq(sink, "approval", from->seq, &approval_type, &row, err);
}

static enum gk_rc
put_counter(const struct counter *from, int64_t now_us, struct sink *sink,
    struct gk_err *err)
{
	struct counter_row row = {.kind = from->kind,
	    .per = from->per,
	    .tat_ns = from->tat_ns,
	    .count = from->count,
	    .used_micros = from->used_micros,
	    .window_end_us = from->window_end_us,
	    .within_us = from->within_us};
	char key[KEY_TEXT_BYTES] = "counter/";

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
	return put(sink, key, &counter_type, &row, err);
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
static enum gk_rc
put_run_whole(const struct run *run, struct sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list steps = {NULL, 0};

	GK_TRY(put_run(run, sink, err));
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
put_runs(const struct ledger *ledger, struct sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list runs = {NULL, 0};

	GK_TRY(list_map(&ledger->runs, &runs, err));
	qsort(runs.items, runs.count, sizeof(*runs.items), runs_by_seq);
	for (size_t i = 0; i < runs.count; i++) {
		const struct run *run = runs.items[i];

		if (!run->cold) {
			GK_TRY(put_run_whole(run, sink, err));
		}
	}
	return GK_OK;
}

static enum gk_rc
put_counters(const struct ledger *ledger, struct sink *sink, struct gk_err *err)
{
	GK_AUTO(list_done) struct list counters = {NULL, 0};

	GK_TRY(list_map(&ledger->counters, &counters, err));
	qsort(counters.items, counters.count, sizeof(*counters.items),
	    counters_by_key);
	for (size_t i = 0; i < counters.count; i++) {
		const struct counter *counter = counters.items[i];

		if (counter_counts(counter, ledger->last_us)) {
			GK_TRY(
			    put_counter(counter, ledger->last_us, sink, err));
		}
	}
	return GK_OK;
}

static enum gk_rc
put_identities(
    const struct ledger *ledger, struct sink *sink, struct gk_err *err)
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
put_all(const struct ledger *ledger, struct sink *sink, struct gk_err *err)
{
	GK_TRY(put_ledger(ledger, sink, err));
	GK_TRY(put_identities(ledger, sink, err));
	GK_TRY(put_runs(ledger, sink, err));
	GK_TRY(put_counters(ledger, sink, err));
	for (size_t i = 0; i < ledger->switch_count; i++) {
		GK_TRY(put_switch(ledger->switches[i], sink, err));
	}
	return GK_OK;
}

enum gk_rc
ledger_rows(const struct ledger *ledger,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	struct sink sink = {.row = row,
	    .ctx = ctx,
	    .buf = GK_BUF_INIT(ROW_BYTES_MAX),
	    .arena = GK_ARENA_INIT(ROW_BYTES_MAX)};
	enum gk_rc rc = put_all(ledger, &sink, err);

	gk_buf_done(&sink.buf);
	gk_arena_done(&sink.arena);
	return rc;
}

/* ---- rows → state ---- */

static enum gk_rc
damaged(struct gk_err *err, const char *key, const char *what)
{
	return GK_FAIL(err, GK_E_CORRUPT, "snapshot row %s: %s", key, what);
}

static void
load_ledger(struct ledger *ledger, const struct ledger_row *row)
{
	ledger->next_seq = (uint64_t)row->next_seq;
	ledger->last_us = row->last_us;
	ledger->boot_us = row->boot_us;
	ledger->last_kind = (int)row->last_kind;
	ledger->clock_jumped = row->clock_jumped;
	if (row->policy != NULL) {
		(void)snprintf(
		    ledger->policy, sizeof(ledger->policy), "%s", row->policy);
	}
}

static enum gk_rc
load_run(struct ledger *ledger, const char *key, const struct run_row *row,
    struct gk_err *err)
{
	struct event as_event = {.seq = (uint64_t)row->first_seq,
	    .timestamp_us = row->last_us,
	    .tenant_id = row->tenant,
	    .run_id = row->run_id,
	    .agent_id = row->agent,
	    .caller = row->caller};
	struct run *run;

	if (row->run_id == NULL || row->agent == NULL || row->caller == NULL ||
	    run_find(ledger, row->tenant, row->run_id) != NULL) {
		return damaged(err, key, "not a new, whole run");
	}
	GK_TRY(run_new(ledger, &as_event, false, &run, err));
	return run_touch(ledger, run, &as_event, err);
}

static enum gk_rc
load_step(struct ledger *ledger, const char *key, const struct step_row *row,
    struct gk_err *err)
{
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct event as_event = {.seq = (uint64_t)row->seq,
	    .decision = (int)row->decision,
	    .tenant_id = row->tenant,
	    .run_id = row->run_id,
	    .step_id = row->step_id,
	    .valid_until_us = row->valid_until_us,
	    .result_by_us = row->result_by_us,
	    .charges = row->charges.charges,
	    .charge_count = row->charges.charge_count};
	struct step *step;

	if (run == NULL || row->step_id == NULL ||
	    step_find(run, row->step_id) != NULL || row->decision < 0 ||
	    row->decision >= DECISION_COUNT) {
		return damaged(err, key, "not a new, whole step of a run");
	}
	as_event.timestamp_us = run->last_us;
	GK_TRY(step_load(ledger, run, &as_event, row->open, &step, err));
	memcpy(step->binding, row->binding, sizeof(step->binding));
	step->approval_seq = (uint64_t)row->approval_seq;
	step->has_approval = row->has_approval;
	step->granted = row->granted;
	step->unreported = row->unreported;
	step->conflicted = row->conflicted;
	step->result_seq = (uint64_t)row->result_seq;
	step->has_violation = row->has_violation;
	step->violation_seq = (uint64_t)row->violation_seq;
	GK_TRY(ledger__dup(
	    &run->arena, row->result_digest, &step->result_digest, err));
	return run_touch(ledger, run, &as_event, err);
}

static enum gk_rc
load_counter(struct ledger *ledger, const char *key,
    const struct counter_row *row, struct gk_err *err)
{
	char bytes[KEY_TEXT_BYTES / 2];
	size_t n;
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct counter as_counter = {.key = bytes,
	    .kind = (int)row->kind,
	    .per = (int)row->per,
	    .tat_ns = row->tat_ns,
	    .count = row->count,
	    .used_micros = row->used_micros,
	    .window_end_us = row->window_end_us,
	    .within_us = row->within_us,
	    .run = run};
	int64_t *times;

	if (!digest_from_hex(
		key + strlen("counter/"), bytes, sizeof(bytes), &n) ||
	    (row->per == SCOPE_RUN && run == NULL) ||
	    row->kind <= CHARGE_NONE || row->kind >= CHARGE_KIND_COUNT ||
	    (row->kind == CHARGE_REPEAT && row->time_count == 0)) {
		return damaged(err, key, "not a whole counter");
	}
	times = calloc(row->time_count + 1, sizeof(*times));
	if (times == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "counter");
	}
	for (size_t i = 0; i < row->time_count; i++) {
		times[i] = row->times[i].us;
	}
	as_counter.key_n = n;
	as_counter.times_us = times;
	as_counter.time_count = row->time_count;
	as_counter.time_room = row->time_count + 1;
	return counter_load(ledger, &as_counter, err);
}

static enum gk_rc
load_identity(
    struct ledger *ledger, struct identity *identity, struct gk_err *err)
{
	struct event as_event = {.kind = EVENT_IDENTITY,
	    .change = CHANGE_CREATED,
	    .identity = identity};

	return identity_apply(ledger, &as_event, err);
}

static enum gk_rc
load_switch(
    struct ledger *ledger, const struct switch_row *row, struct gk_err *err)
{
	struct event_switch what = {.id = row->id,
	    .scope = (int)row->scope,
	    .subject = row->subject,
	    .action = row->action,
	    .expires_us = row->expires_us};
	struct event as_event = {.kind = EVENT_KILL_SWITCH,
	    .change = CHANGE_THROWN,
	    .seq = (uint64_t)row->seq,
	    .timestamp_us = row->thrown_at_us,
	    .caller = row->caller,
	    .kill_switch = &what};

	return switch_apply(ledger, &as_event, err);
}

static enum gk_rc
load_approval(struct ledger *ledger, const char *key,
    const struct approval_row *row, struct gk_err *err)
{
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct approval as_approval = {.run = run,
	    .seq = (uint64_t)row->seq,
	    .status = (int)row->status,
	    .step_id = row->step_id,
	    .caller = row->caller,
	    .asker_person = row->asker_person,
	    .action = row->action,
	    .action_key = row->action_key,
	    .context_hash = row->context_hash,
	    .actor_type = row->actor_type,
	    .actor_id = row->actor_id,
	    .asked_at_us = row->asked_at_us,
	    .expires_at_us = row->expires_at_us,
	    .grant_valid_us = row->grant_valid_us,
	    .grant_until_us = row->grant_until_us,
	    .resolved_at_us = row->resolved_at_us,
	    .resolved_by = row->resolved_by,
	    .rules = row->terms.rules,
	    .rule_count = row->terms.rule_count,
	    .votes = row->votes,
	    .vote_count = row->vote_count};
	struct event as_event = {
	    .timestamp_us = run == NULL ? 0 : run->last_us};

	if (run == NULL || row->step_id == NULL || row->caller == NULL ||
	    row->terms.rule_count == 0 || row->status <= APPROVAL_NONE ||
	    row->status >= APPROVAL_STATUS_COUNT) {
		return damaged(err, key, "not a whole approval of a run");
	}
	GK_TRY(approval_load(ledger, &as_approval, err));
	return run_touch(ledger, run, &as_event, err);
}

/* Any of the rows; which one, its key tells. */
union row {
	struct ledger_row ledger;
	struct identity identity;
	struct run_row run;
	struct step_row step;
	struct approval_row approval;
	struct counter_row counter;
	struct switch_row kill_switch;
};

static const struct {
	const char *prefix;
	const struct record_type *type;
} row_kinds[] = {
    {"ledger", &ledger_type},
    {"identity/", &identity_type},
    {"run/", &run_type},
    {"step/", &step_type},
    {"approval/", &approval_type},
    {"counter/", &counter_type},
    {"switch/", &switch_type},
};

static enum gk_rc
load_kind(struct ledger *ledger, size_t kind, const char *key, union row *row,
    struct gk_err *err)
{
	switch (kind) {
	case 0:
		load_ledger(ledger, &row->ledger);
		return GK_OK;
	case 1:
		return load_identity(ledger, &row->identity, err);
	case 2:
		return load_run(ledger, key, &row->run, err);
	case 3:
		return load_step(ledger, key, &row->step, err);
	case 4:
		return load_approval(ledger, key, &row->approval, err);
	case 5:
		return load_counter(ledger, key, &row->counter, err);
	default:
		return load_switch(ledger, &row->kill_switch, err);
	}
}

enum gk_rc
ledger_load_row(struct ledger *ledger, const char *key, const char *json,
    size_t n, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(2 * ROW_BYTES_MAX);
	union row row;
	size_t kind = 0;

	while (kind < GK_COUNT(row_kinds) &&
	       strncmp(key, row_kinds[kind].prefix,
		   strlen(row_kinds[kind].prefix)) != 0) {
		kind++;
	}
	if (kind == GK_COUNT(row_kinds)) {
		return damaged(err, key, "of no known kind");
	}
	GK_TRY(json_parse(json, n, &row_limits, &value, err));
	GK_TRY(record_decode(row_kinds[kind].type, value, &arena, &row, err));
	return load_kind(ledger, kind, key, &row, err);
}
