/* Legal holds: put on, listed, released. */
#include <string.h>

#include "gate/retention.h"

struct hold_row {
	struct event_hold what;
	const char *caller;
	int64_t held_at_us;
};

/* A command about holds on its way, and its answer. */
struct holds {
	const char *id, *reason, *tenant_id;
	int scope;
	struct gate_openings words;
	uint64_t seq; /* of the hold to release */
	struct gate_event_ref *event;
	const char *made;
	struct hold_row *rows;
	size_t row_count;
};

#define REASON_FIELD                                     \
	{                                                \
		.name = "reason", .kind = RECORD_STR,    \
		.flags = RECORD_REQUIRED,                \
		.offset = offsetof(struct holds, reason) \
	}
#define ID_FIELD(member, more)                                                 \
	{                                                                      \
		.name = #member, .kind = RECORD_STR, .flags = (more),          \
		.offset = offsetof(struct holds, member), .check = name_is_id, \
		.expected = "1-128 characters of A-Z a-z 0-9 . _ : @ / -"      \
	}

static const struct record_field hold_fields[] = {
    ID_FIELD(id, RECORD_REQUIRED),
    REASON_FIELD,
    {.name = "scope",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct holds, scope),
	.names = per_words,
	.names_count = SCOPE_COUNT},
    ID_FIELD(tenant_id, RECORD_NULLABLE),
};
static const struct record_type hold_type = {
    "hold", sizeof(struct holds), hold_fields, GK_COUNT(hold_fields)};

static const struct record_field reason_fields[] = {REASON_FIELD};
static const struct record_type reason_type = {
    "reason", sizeof(struct holds), reason_fields, GK_COUNT(reason_fields)};

static const struct record_field answer_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct holds, event),
	.type = &gate_event_ref_type},
    {.name = "id", .kind = RECORD_STR, .offset = offsetof(struct holds, made)},
};
static const struct record_type answer_type = {
    "hold", sizeof(struct holds), answer_fields, GK_COUNT(answer_fields)};

static const struct record_field row_fields[] = {
    {.name = "caller",
	.kind = RECORD_STR,
	.offset = offsetof(struct hold_row, caller)},
    {.name = "held_at",
	.kind = RECORD_TIME,
	.offset = offsetof(struct hold_row, held_at_us)},
    {.name = "id",
	.kind = RECORD_STR,
	.offset = offsetof(struct hold_row, what.id)},
    {.name = "scope",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct hold_row, what.scope),
	.names = per_words,
	.names_count = SCOPE_COUNT},
    {.name = "subject",
	.kind = RECORD_STR,
	.offset = offsetof(struct hold_row, what.subject)},
    {.name = "tenant_id",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct hold_row, what.tenant)},
};
static const struct record_type row_type = {
    "hold", sizeof(struct hold_row), row_fields, GK_COUNT(row_fields)};

/* Decode the body; its reason becomes an opening. */
static struct holds *
begin(struct gate *gate, struct gate_call *call, const struct record_type *type)
{
	struct holds *holds = gate__data(call, sizeof(*holds));
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (holds == NULL) {
		return NULL;
	}
	if (call->body == NULL) {
		(void)gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a body with a reason is needed");
		return NULL;
	}
	rc = record_decode(type, call->body, &call->arena, holds, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", holds->reason,
		    &call->arena, &holds->words, &err);
	}
	if (rc != GK_OK) {
		(void)gate__bad_request(call, "invalid_request", &err);
		return NULL;
	}
	return holds;
}

static enum gate_go
bad_field(struct gate_call *call, const char *pointer, const char *detail)
{
	call->pointer = pointer;
	return gate__problem(call, GATE_BAD_REQUEST, "invalid_request", detail);
}

static bool
sees(const struct gate_call *call, int scope, const char *subject,
    const char *tenant)
{
	const char *whose = scope == SCOPE_TENANT ? subject : tenant;

	return gate__sees_tenant(call, whose == NULL ? "*" : whose);
}

enum gate_go
hold_begin(struct gate *gate, struct gate_call *call)
{
	struct holds *holds = begin(gate, call, &hold_type);

	if (holds == NULL) {
		return GO_DONE;
	}
	if (holds->scope != SCOPE_RUN && holds->scope != SCOPE_TENANT) {
		return bad_field(
		    call, "/scope", "a hold is on a run or a tenant");
	}
	if (holds->scope == SCOPE_TENANT && holds->tenant_id != NULL) {
		return bad_field(call, "/tenant_id", "only with scope run");
	}
	if (!sees(call, holds->scope, holds->id, holds->tenant_id)) {
		return gate__problem(call, GATE_FORBIDDEN,
		    "tenant_not_permitted",
		    "the identity may not speak for that tenant");
	}
	return GO_COMMIT;
}

static enum gk_rc
record(struct gate *gate, struct gate_work *work, enum gate_outcome outcome,
    struct gk_err *err)
{
	struct holds *holds = work->data;
	struct event *event = &gate->settlement.events[0];
	uint64_t seq = event->seq;
	struct digest leaf;

	if (gate->settlement.outcome != SETTLE_EVENTS) {
		(void)gate__refused(work->call, gate->settlement.refusal);
		return GK_OK;
	}
	holds->made = gk_arena_strdup(&work->call->arena, event->hold->id);
	if (holds->made == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "answer");
	}
	GK_TRY(gate__record(gate, &gate->settlement, holds->words.openings,
	    holds->words.count, &leaf, err));
	work->call->outcome = outcome;
	return gate__event_ref(
	    seq, &leaf, &work->call->arena, &holds->event, err);
}

enum gk_rc
hold_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct holds *holds = work->data;
	struct settle_at at = gate__at(gate);
	struct event_hold what = {.scope = holds->scope,
	    .subject = holds->id,
	    .tenant = holds->tenant_id};

	GK_TRY(ledger_settle_hold(gate->ledger, &at, work->call->caller->id,
	    &what, holds->words.shown, holds->words.count, &gate->scratch,
	    &gate->settlement, err));
	return record(gate, work, GATE_CREATED, err);
}

enum gate_go
release_begin(struct gate *gate, struct gate_call *call)
{
	struct holds *holds = begin(gate, call, &reason_type);

	if (holds == NULL) {
		return GO_DONE;
	}
	return call->target != NULL && id_parse(&gate->id_key, ID_HOLD,
					   call->target, &holds->seq)
		   ? GO_COMMIT
		   : gate__not_found(call);
}

/* All holds in force; in scratch. */
static enum gk_rc
view(struct gate *gate, struct hold_view **ret, size_t *ret_count,
    struct gk_err *err)
{
	*ret = gk_arena_calloc(&gate->scratch, LEDGER_HOLDS_MAX, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "holds");
	}
	*ret_count = ledger_holds(gate->ledger, *ret, LEDGER_HOLDS_MAX);
	return GK_OK;
}

static bool
sees_view(const struct gate_call *call, const struct hold_view *one)
{
	return sees(
	    call, one->hold->scope, one->hold->subject, one->hold->tenant);
}

enum gk_rc
release_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct holds *holds = work->data;
	struct settle_at at = gate__at(gate);
	struct hold_view *views;
	size_t count;

	GK_TRY(view(gate, &views, &count, err));
	for (size_t i = 0; i < count; i++) {
		if (views[i].seq == holds->seq &&
		    !sees_view(work->call, &views[i])) {
			(void)gate__not_found(work->call);
			return GK_OK;
		}
	}
	GK_TRY(ledger_settle_release(gate->ledger, &at, work->call->caller->id,
	    holds->seq, holds->words.shown, holds->words.count, &gate->scratch,
	    &gate->settlement, err));
	GK_TRY(record(gate, work, GATE_OK, err));
	if (holds->made != NULL) {
		gate__retention_again(gate);
	}
	return GK_OK;
}

enum gate_go
hold_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, call->outcome, &answer_type, call->work->data);
}

/* ---- which are in force ---- */

enum gate_go
holds_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__data(call, sizeof(struct holds)) == NULL ? GO_DONE
							      : GO_COMMIT;
}

static bool
copy_row(
    const struct hold_view *one, struct gk_arena *arena, struct hold_row *ret)
{
	const char **texts[] = {
	    &ret->what.id, &ret->what.subject, &ret->what.tenant, &ret->caller};

	*ret = (struct hold_row){*one->hold, one->caller, one->held_at_us};
	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		if (*texts[i] != NULL) {
			*texts[i] = gk_arena_strdup(arena, *texts[i]);
			if (*texts[i] == NULL) {
				return false;
			}
		}
	}
	return true;
}

enum gk_rc
holds_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct holds *holds = work->data;
	struct gk_arena *arena = &work->call->arena;
	struct hold_view *views;
	size_t count;

	GK_TRY(view(gate, &views, &count, err));
	holds->rows = gk_arena_calloc(arena, count, sizeof(*holds->rows));
	for (size_t i = 0; i < count && holds->rows != NULL; i++) {
		if (sees_view(work->call, &views[i]) &&
		    !copy_row(
			&views[i], arena, &holds->rows[holds->row_count++])) {
			return GK_FAIL(err, GK_E_NOMEM, "holds");
		}
	}
	return holds->rows == NULL ? GK_FAIL(err, GK_E_NOMEM, "holds") : GK_OK;
}

enum gate_go
holds_finish(struct gate *gate, struct gate_call *call)
{
	const struct holds *holds = call->work->data;
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	if (gate__print_list(&call->reply, "holds", &row_type, holds->rows,
		holds->row_count, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}
