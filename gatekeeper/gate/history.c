/* GET /v1/approvals/{id}/history: what had happened in the run before somebody was asked, and what came of it. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"

/* LOOK events on either side of the question are read, however long the run is; and as many violations beyond them. */
enum { LOOK = 500, STEPS_SHOWN = 20, STEPS_MAX = 100, EVENT_ARENA = 4 << 20 };

/* One decision of the run, and what came of it. */
struct past_step {
	uint64_t seq;
	const char *action;
	int approval; /* enum approval_status: of the approval it opened */
	int64_t at_us;
	bool contradicted; /* a later report said otherwise */
	int decision;
	const char *error_code;
	const char *reason;
	const char *result; /* NULL: none was needed, or none has come yet */
	const char *step_id;
	bool violation; /* done all the same */
};

/* What a later event says of a decision. */
struct mention {
	uint64_t of_seq;
	int kind, change;
	const char *result, *error_code;
};

struct history_totals {
	int64_t allow, approval_required, errors, steps, stop, unreported,
	    violations;
};

struct history_after {
	bool complete;
	int64_t steps, violations;
};

struct history {
	uint64_t seq; /* of the decision that asked */
	size_t limit;
	/* what is printed */
	struct history_after *after, after_room;
	const char *approval_id;
	bool complete;
	int64_t let_go_before; /* 0: nothing of the run is gone */
	const char *run_id, *tenant;
	struct past_step *steps; /* newest first */
	size_t step_count, shown_count;
	struct history_totals *totals, totals_room;
	/* in the reader thread */
	struct gate *gate;
	struct gate_call *call;
	struct gk_arena scratch; /* of one event */
	struct mention *before, *later;
	size_t before_count, later_count;
};

#define STR(t, key, member)                                 \
	{                                                   \
		.name = (key), .kind = RECORD_STR,          \
		.flags = RECORD_NULLABLE | RECORD_EMPTY_OK, \
		.offset = offsetof(struct t, member)        \
	}
#define MUST(t, key, k, member)                                       \
	{                                                             \
		.name = (key), .kind = (k), .flags = RECORD_REQUIRED, \
		.offset = offsetof(struct t, member)                  \
	}
#define WORD(t, key, member, list, more)                               \
	{                                                              \
		.name = (key), .kind = RECORD_ENUM, .flags = (more),   \
		.offset = offsetof(struct t, member), .names = (list), \
		.names_count = GK_COUNT(list)                          \
	}

static const struct record_field step_fields[] = {
    STR(past_step, "action", action),
    WORD(past_step, "approval", approval, approval_status_words,
	RECORD_NULLABLE),
    {.name = "at",
	.kind = RECORD_TIME,
	.offset = offsetof(struct past_step, at_us)},
    MUST(past_step, "contradicted", RECORD_BOOL, contradicted),
    WORD(past_step, "decision", decision, decision_words, RECORD_REQUIRED),
    STR(past_step, "error_code", error_code),
    STR(past_step, "reason", reason),
    STR(past_step, "result", result),
    STR(past_step, "step_id", step_id),
    MUST(past_step, "violation", RECORD_BOOL, violation),
};
static const struct record_type step_type = {
    "step", sizeof(struct past_step), step_fields, GK_COUNT(step_fields)};

static const struct record_field after_fields[] = {
    MUST(history_after, "complete", RECORD_BOOL, complete),
    MUST(history_after, "steps", RECORD_INT, steps),
    MUST(history_after, "violations", RECORD_INT, violations),
};
static const struct record_type after_type = {"after",
    sizeof(struct history_after), after_fields, GK_COUNT(after_fields)};

static const struct record_field totals_fields[] = {
    MUST(history_totals, "allow", RECORD_INT, allow),
    MUST(history_totals, "approval_required", RECORD_INT, approval_required),
    MUST(history_totals, "errors", RECORD_INT, errors),
    MUST(history_totals, "steps", RECORD_INT, steps),
    MUST(history_totals, "stop", RECORD_INT, stop),
    MUST(history_totals, "unreported", RECORD_INT, unreported),
    MUST(history_totals, "violations", RECORD_INT, violations),
};
static const struct record_type totals_type = {"totals",
    sizeof(struct history_totals), totals_fields, GK_COUNT(totals_fields)};

static const struct record_field history_fields[] = {
    {.name = "after",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct history, after),
	.type = &after_type},
    STR(history, "approval_id", approval_id),
    MUST(history, "complete", RECORD_BOOL, complete),
    {.name = "let_go_before",
	.kind = RECORD_INT,
	.offset = offsetof(struct history, let_go_before)},
    STR(history, "run_id", run_id),
    {.name = "steps",
	.kind = RECORD_OBJECTS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct history, steps),
	.count_offset = offsetof(struct history, shown_count),
	.type = &step_type},
    STR(history, "tenant_id", tenant),
    {.name = "totals",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct history, totals),
	.type = &totals_type},
};
static const struct record_type history_type = {"history",
    sizeof(struct history), history_fields, GK_COUNT(history_fields)};

enum gate_go
history_begin(struct gate *gate, struct gate_call *call)
{
	struct history *history = gate__data(call, sizeof(*history));

	if (history == NULL ||
	    !gate__limit_param(call, STEPS_SHOWN, STEPS_MAX, &history->limit)) {
		return GO_DONE;
	}
	history->approval_id = call->target;
	return call->target != NULL && id_parse(&gate->id_key, ID_APPROVAL,
					   call->target, &history->seq)
		   ? GO_COMMIT
		   : gate__not_found(call);
}

/* Only who may see the approval; the ledger says whose run it is. */
enum gk_rc
history_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct history *history = work->data;
	struct gk_arena *arena = &work->call->arena;
	struct approval_view view;
	bool found;

	GK_TRY(gate__approval_seen(
	    gate, work->call, history->seq, &view, &found, err));
	if (!found) {
		(void)gate__gone(gate, work->call, history->seq);
		return GK_OK;
	}
	history->run_id = gk_arena_strdup(arena, view.run_id);
	if (view.tenant_id != NULL) {
		history->tenant = gk_arena_strdup(arena, view.tenant_id);
	}
	if (history->run_id == NULL ||
	    (view.tenant_id != NULL && history->tenant == NULL)) {
		return GK_FAIL(err, GK_E_NOMEM, "history");
	}
	work->go = GO_READ;
	return GK_OK;
}

/* ---- reading ---- */

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The decision that an event speaks of; false: none. */
static bool
mention_of(
    const struct history *history, const struct event *event, uint64_t *ret_seq)
{
	const struct id_key *key = &history->gate->id_key;

	switch (event->kind) {
	case EVENT_RESULT:
	case EVENT_VIOLATION:
		return event->decision_id != NULL &&
		       id_parse(key, ID_DECISION, event->decision_id, ret_seq);
	case EVENT_APPROVAL:
		return event->approval_id != NULL &&
		       id_parse(key, ID_APPROVAL, event->approval_id, ret_seq);
	default:
		return false;
	}
}

/* Keep what a result, a violation or an approval's change says; at most LOOK on either side. */
static enum gk_rc
keep_mention(struct history *history, const struct event *event,
    struct mention *list, size_t *count, struct gk_err *err)
{
	struct mention *mention = &list[*count];

	*mention =
	    (struct mention){.kind = event->kind, .change = event->change};
	if (!mention_of(history, event, &mention->of_seq)) {
		return GK_OK;
	}
	++*count;
	if (event->result == NULL) {
		return GK_OK;
	}
	mention->result = result_status_words[event->result->status];
	if (event->result->error_code != NULL) {
		mention->error_code = gk_arena_strdup(
		    &history->call->arena, event->result->error_code);
		if (mention->error_code == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "history");
		}
	}
	return GK_OK;
}

static enum gk_rc
keep_step(
    struct history *history, const struct event *event, struct gk_err *err)
{
	struct past_step *step = &history->steps[history->step_count++];
	struct gk_arena *arena = &history->call->arena;
	const char *const from[] = {
	    event->action, event->reason, event->step_id};
	const char **const to[] = {
	    &step->action, &step->reason, &step->step_id};

	*step = (struct past_step){.seq = event->seq,
	    .at_us = event->timestamp_us,
	    .decision = event->decision,
	    .approval =
		event->approval == NULL ? APPROVAL_NONE : APPROVAL_PENDING};
	for (size_t i = 0; i < GK_COUNT(from); i++) {
		*to[i] =
		    from[i] == NULL ? NULL : gk_arena_strdup(arena, from[i]);
		if (from[i] != NULL && *to[i] == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "history");
		}
	}
	return GK_OK;
}

/* An event of the run, in scratch; false: columns are hashes, and it is another's. */
static enum gk_rc
read_event(struct history *history, const char *bytes, size_t n,
    struct event *ret, bool *ret_mine, struct gk_err *err)
{
	gk_arena_clear(&history->scratch);
	GK_TRY(event_decode(bytes, n, &history->scratch, ret, err));
	*ret_mine = same(ret->run_id, history->run_id) &&
		    same(ret->tenant_id, history->tenant);
	return GK_OK;
}

/* Of the time before the question, steps and what came of them; of the time since, how many steps. */
static enum gk_rc
add(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct history *history = ctx;
	bool is_later = seq > history->seq, mine;
	struct event event;

	(void)leaf;
	*stop = false;
	GK_TRY(read_event(history, bytes, n, &event, &mine, err));
	if (!mine) {
		return GK_OK;
	}
	if (event.kind != EVENT_DECISION) {
		return keep_mention(history, &event,
		    is_later ? history->later : history->before,
		    is_later ? &history->later_count : &history->before_count,
		    err);
	}
	if (is_later) {
		history->after_room.steps++;
		return GK_OK;
	}
	return keep_step(history, &event, err);
}

/* Steps lie newest first. */
static struct past_step *
step_at(struct history *history, uint64_t seq)
{
	size_t lo = 0, hi = history->step_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (history->steps[mid].seq > seq) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo < history->step_count && history->steps[lo].seq == seq
		   ? &history->steps[lo]
		   : NULL;
}

/* A violation of a step that isn't among those that were read. */
static void
count_violation(struct history *history, uint64_t of_seq)
{
	if (of_seq < history->seq) {
		history->totals_room.violations++;
	} else {
		history->after_room.violations++;
	}
}

static enum gk_rc
add_violation(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct history *history = ctx;
	struct past_step *step;
	struct event event;
	uint64_t of_seq;
	bool mine;

	(void)seq;
	(void)leaf;
	*stop = false;
	GK_TRY(read_event(history, bytes, n, &event, &mine, err));
	if (!mine || event.kind != EVENT_VIOLATION ||
	    !mention_of(history, &event, &of_seq)) {
		return GK_OK;
	}
	step = step_at(history, of_seq);
	if (step != NULL) {
		step->violation = true;
	} else {
		count_violation(history, of_seq);
	}
	return GK_OK;
}

/* Harmless steps, however many, hide no violation that lies beyond them. */
static enum gk_rc
find_violations(struct history *history, struct journal_reader *reader,
    const struct journal_query *from, uint64_t next, struct gk_err *err)
{
	struct journal_query query = *from;
	bool more;

	query.kind = EVENT_VIOLATION;
	query.from_seq = next;
	return journal_search(
	    reader, &query, add_violation, history, &next, &more, err);
}

/* Both sides of the question; *ret_more: the run has older events than were read. */
static enum gk_rc
read_run(struct history *history, struct journal_reader *reader, bool *ret_more,
    struct gk_err *err)
{
	struct journal_columns bare;
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = LOOK,
	    .bare = &bare,
	    .from_seq = history->seq + 1};
	struct journal_query since;
	uint64_t next, since_next;
	bool later;

	query.columns.run = event_column_hash(
	    history->tenant == NULL ? "" : history->tenant, history->run_id);
	GK_TRY(journal_search(
	    reader, &query, add, history, &since_next, &later, err));
	since = query;
	history->after_room.complete = !later;
	*ret_more = false;
	if (history->seq > 0) {
		query.newest_first = true;
		query.from_seq = history->seq - 1;
		GK_TRY(journal_search(
		    reader, &query, add, history, &next, ret_more, err));
	}
	if (*ret_more) {
		GK_TRY(find_violations(history, reader, &query, next, err));
	}
	return later ? find_violations(history, reader, &since, since_next, err)
		     : GK_OK;
}

/* ---- what came of each step ---- */

static int
status_of(const struct mention *mention, int before)
{
	switch (mention->change) {
	case CHANGE_GRANTED:
		return APPROVAL_GRANTED;
	case CHANGE_DENIED:
		return APPROVAL_DENIED;
	case CHANGE_EXPIRED:
		return APPROVAL_EXPIRED;
	case CHANGE_REVOKED:
		return APPROVAL_REVOKED;
	case CHANGE_USED:
		return APPROVAL_USED;
	default:
		return before;
	}
}

/* In the log's order: what comes later says more. */
static void
take_mention(struct history *history, const struct mention *mention)
{
	struct past_step *step = step_at(history, mention->of_seq);

	if (step == NULL) {
		if (mention->kind == EVENT_VIOLATION) {
			count_violation(history, mention->of_seq);
		}
		return;
	}
	if (mention->kind == EVENT_APPROVAL) {
		step->approval = status_of(mention, step->approval);
		return;
	}
	if (mention->change == CHANGE_CONFLICTING) {
		step->contradicted = true;
		return;
	}
	step->violation = step->violation || mention->kind == EVENT_VIOLATION;
	step->error_code = mention->error_code;
	step->result = mention->change == CHANGE_UNREPORTED ? "unreported"
							    : mention->result;
}

static void
count_step(struct history_totals *totals, const struct past_step *step)
{
	bool unreported =
	    step->result != NULL && strcmp(step->result, "unreported") == 0;

	totals->steps++;
	totals->allow += step->decision == DECISION_ALLOW;
	totals->approval_required +=
	    step->decision == DECISION_APPROVAL_REQUIRED;
	totals->stop += step->decision == DECISION_STOP;
	totals->unreported += unreported;
	totals->violations += step->violation;
	totals->errors +=
	    step->result != NULL && !unreported && !step->violation &&
	    strcmp(step->result, result_status_words[RESULT_OK]) != 0;
}

static void
settle(struct history *history)
{
	for (size_t i = history->before_count; i-- > 0;) {
		take_mention(history, &history->before[i]);
	}
	for (size_t i = 0; i < history->later_count; i++) {
		take_mention(history, &history->later[i]);
	}
	for (size_t i = 0; i < history->step_count; i++) {
		count_step(&history->totals_room, &history->steps[i]);
	}
	history->shown_count = history->step_count < history->limit
				   ? history->step_count
				   : history->limit;
	history->after = &history->after_room;
	history->totals = &history->totals_room;
}

/* Has the run's beginning been let go? */
static enum gk_rc
find_gap(
    struct history *history, struct journal_reader *reader, struct gk_err *err)
{
	uint64_t minimum = atomic_load(&history->gate->minimum), first;
	bool has;

	GK_TRY(journal_run_first(reader,
	    event_column_hash(history->tenant == NULL ? "" : history->tenant,
		history->run_id),
	    &first, &has, err));
	if (has && first < minimum) {
		history->let_go_before = (int64_t)minimum;
	}
	return GK_OK;
}

static enum gk_rc
read_history(
    struct history *history, struct journal_reader *reader, struct gk_err *err)
{
	struct gk_arena *arena = &history->call->arena;
	bool more;

	history->steps = gk_arena_calloc(arena, LOOK, sizeof(*history->steps));
	history->before =
	    gk_arena_calloc(arena, LOOK, sizeof(*history->before));
	history->later = gk_arena_calloc(arena, LOOK, sizeof(*history->later));
	if (history->steps == NULL || history->before == NULL ||
	    history->later == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "history");
	}
	GK_TRY(read_run(history, reader, &more, err));
	GK_TRY(find_gap(history, reader, err));
	history->complete = !more && history->let_go_before == 0;
	settle(history);
	return GK_OK;
}

enum gk_rc
history_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct history *history = work->data;
	enum gk_rc rc;

	history->gate = gate;
	history->call = work->call;
	history->scratch = (struct gk_arena)GK_ARENA_INIT(EVENT_ARENA);
	rc = read_history(history, reader->journal, err);
	gk_arena_done(&history->scratch);
	GK_TRY(rc);
	work->call->outcome = GATE_OK;
	return record_encode(&history_type, history, &work->call->reply, err);
}
