/* Kill switches, and the clock that an operator believes again. */
#include <string.h>

#include "gate/overview.h"

enum { SWITCHES_MAX = 1000, REASONS_BYTES = 64 << 10 };

#define SWITCH_MAX_US (3660 * GK_US_PER_DAY)

struct switch_body {
	const char *action;
	const char *expires_in;
	const char *id;
	const char *reason;
	int scope;
};

#define BODY_STR(member, more, checker, words)                        \
	{                                                             \
		.name = #member, .kind = RECORD_STR, .flags = (more), \
		.offset = offsetof(struct switch_body, member),       \
		.check = (checker), .expected = (words)               \
	}

static const struct record_field switch_fields[] = {
    BODY_STR(action, RECORD_NULLABLE, name_is_glob, "an action, or a glob"),
    BODY_STR(expires_in, RECORD_NULLABLE, NULL, NULL),
    BODY_STR(id, RECORD_NULLABLE, name_is_id,
	"1-128 characters of A-Z a-z 0-9 . _ : @ / -"),
    BODY_STR(reason, RECORD_REQUIRED, NULL, NULL),
    {.name = "scope",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct switch_body, scope),
	.names = per_words,
	.names_count = SCOPE_COUNT},
};
static const struct record_type switch_type = {"kill switch",
    sizeof(struct switch_body), switch_fields, GK_COUNT(switch_fields)};

static const struct record_field reason_fields[] = {
    BODY_STR(reason, RECORD_REQUIRED, NULL, NULL),
};
static const struct record_type reason_type = {"reason",
    sizeof(struct switch_body), reason_fields, GK_COUNT(reason_fields)};

/* A control command on its way, and its answer. */
struct control {
	struct switch_body body;
	struct event_switch what;
	struct gate_openings reason;
	uint64_t seq; /* of the switch to lift */
	struct gate_event_ref *event;
	const char *id;
	struct switch_row *rows;
	size_t row_count;
};

static const struct record_field control_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct control, event),
	.type = &gate_event_ref_type},
    {.name = "id", .kind = RECORD_STR, .offset = offsetof(struct control, id)},
};
static const struct record_type control_type = {"control",
    sizeof(struct control), control_fields, GK_COUNT(control_fields)};

/* Decode the body; its reason becomes an opening. */
static struct control *
begin(struct gate *gate, struct gate_call *call, const struct record_type *type)
{
	struct control *control = gate__data(call, sizeof(*control));
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = GK_OK;

	if (control == NULL) {
		return NULL;
	}
	if (call->body == NULL) {
		(void)gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a body with a reason is needed");
		return NULL;
	}
	rc =
	    record_decode(type, call->body, &call->arena, &control->body, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", control->body.reason,
		    &call->arena, &control->reason, &err);
	}
	if (rc != GK_OK) {
		(void)gate__bad_request(call, "invalid_request", &err);
		return NULL;
	}
	return control;
}

static enum gate_go
bad_field(struct gate_call *call, const char *pointer, const char *detail)
{
	call->pointer = pointer;
	return gate__problem(call, GATE_BAD_REQUEST, "invalid_request", detail);
}

static bool
may_switch(const struct gate_call *call, const struct switch_body *body)
{
	return gate__sees_tenant(
	    call, body->scope == SCOPE_TENANT ? body->id : "*");
}

static bool
is_hidden(const struct gate *gate, const struct event_switch *what)
{
	return gate->options.pseudonymize_actors &&
	       what->scope == SCOPE_ACTOR && what->subject != NULL &&
	       !name_is_pseudonym(what->subject);
}

enum gate_go
switch_throw_begin(struct gate *gate, struct gate_call *call)
{
	struct control *control = begin(gate, call, &switch_type);
	struct gk_err err = {.rc = GK_OK};
	int64_t span = 0;

	if (control == NULL) {
		return GO_DONE;
	}
	if ((control->body.scope == SCOPE_GLOBAL) !=
	    (control->body.id == NULL)) {
		return bad_field(call, "/id",
		    "every scope but global needs the id of what it stops");
	}
	if (control->body.expires_in != NULL &&
	    (gk_duration_parse(control->body.expires_in, &span, NULL) !=
		    GK_OK ||
		span <= 0 || span > SWITCH_MAX_US)) {
		return bad_field(call, "/expires_in",
		    "expected how long it lasts, such as 2h");
	}
	if (!may_switch(call, &control->body)) {
		return gate__problem(call, GATE_FORBIDDEN,
		    "tenant_not_permitted",
		    "only who sees all tenants stops more than a tenant");
	}
	control->what = (struct event_switch){.scope = control->body.scope,
	    .subject = control->body.id,
	    .action = control->body.action,
	    .expires_us = span == 0 ? 0 : gate__now(gate) + span};
	if (is_hidden(gate, &control->what) &&
	    gate__show_actor(control->what.subject, &call->arena,
		&control->reason, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	return GO_COMMIT;
}

static enum gk_rc
record(struct gate *gate, struct gate_work *work, enum gate_outcome outcome,
    struct gk_err *err)
{
	struct control *control = work->data;
	struct event *event = &gate->settlement.events[0];
	uint64_t seq = event->seq;
	struct digest leaf;

	if (event->kill_switch != NULL) {
		control->id =
		    gk_arena_strdup(&work->call->arena, event->kill_switch->id);
		if (control->id == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "answer");
		}
	}
	GK_TRY(gate__record(gate, &gate->settlement, control->reason.openings,
	    control->reason.count, &leaf, err));
	work->call->outcome = outcome;
	return gate__event_ref(
	    seq, &leaf, &work->call->arena, &control->event, err);
}

/* An actor's id is recorded as any other: as a pseudonym, where that is asked for.  False: no memory. */
static bool
name_actor(struct gate *gate, struct control *control)
{
	struct event_switch *what = &control->what;
	char *text;

	if (!is_hidden(gate, what)) {
		return true;
	}
	text = gk_arena_alloc(&gate->scratch, GATE_HASH_BYTES);
	if (text != NULL) {
		hash_actor(&gate->hash_keys.keys[0], what->subject, text);
		what->subject = text;
	}
	return text != NULL;
}

/* A pseudonym under a key that is gone is nobody's any more: a switch over it would stop nothing. */
static bool
is_nobody(const struct gate *gate, const struct event_switch *what)
{
	int64_t key = what->scope == SCOPE_ACTOR && what->subject != NULL &&
			      name_is_pseudonym(what->subject)
			  ? event_key_of(what->subject)
			  : 0;

	for (size_t i = 0; key != 0 && i < gate->hash_keys.count; i++) {
		if (gate->hash_keys.keys[i].id == key) {
			return false;
		}
	}
	return key != 0;
}

enum gk_rc
switch_throw_commit(
    struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct control *control = work->data;
	struct settle_at at = gate__at(gate);
	struct ledger_stats stats;

	ledger_stats(gate->ledger, &stats);
	if (stats.switches >= SWITCHES_MAX) {
		(void)gate__problem(work->call, GATE_TOO_MANY,
		    "too_many_switches", "lift some kill switches first");
		return GK_OK;
	}
	if (is_nobody(gate, &control->what)) {
		(void)gate__bad_param(work->call, "id",
		    "it is a pseudonym under a hash key that is destroyed or "
		    "never was: it would stop nobody");
		return GK_OK;
	}
	if (!name_actor(gate, control)) {
		return GK_FAIL(err, GK_E_NOMEM, "kill switch");
	}
	GK_TRY(ledger_settle_switch(gate->ledger, &at, work->call->caller->id,
	    &control->what, control->reason.shown, control->reason.count,
	    &gate->scratch, &gate->settlement, err));
	return record(gate, work, GATE_CREATED, err);
}

enum gate_go
switch_lift_begin(struct gate *gate, struct gate_call *call)
{
	struct control *control = begin(gate, call, &reason_type);

	if (control == NULL) {
		return GO_DONE;
	}
	return call->target != NULL && id_parse(&gate->id_key, ID_SWITCH,
					   call->target, &control->seq)
		   ? GO_COMMIT
		   : gate__not_found(call);
}

/* Who may not throw it may not lift it. */
static bool
may_lift(struct gate *gate, const struct gate_work *work)
{
	const struct control *control = work->data;
	struct switch_view *views =
	    gk_arena_calloc(&gate->scratch, SWITCHES_MAX, sizeof(*views));
	size_t count;

	if (gate__sees_tenant(work->call, "*")) {
		return true;
	}
	count = views == NULL
		    ? 0
		    : ledger_switches(gate->ledger, views, SWITCHES_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct event_switch *what = views[i].kill_switch;

		if (views[i].seq == control->seq) {
			return what->scope == SCOPE_TENANT &&
			       gate__sees_tenant(work->call, what->subject);
		}
	}
	return false;
}

enum gk_rc
switch_lift_commit(
    struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct control *control = work->data;
	struct settle_at at = gate__at(gate);

	if (!may_lift(gate, work)) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	GK_TRY(ledger_settle_switch_lift(gate->ledger, &at,
	    work->call->caller->id, control->seq, control->reason.shown,
	    control->reason.count, &gate->scratch, &gate->settlement, err));
	if (gate->settlement.outcome != SETTLE_EVENTS) {
		(void)gate__refused(work->call, gate->settlement.refusal);
		return GK_OK;
	}
	return record(gate, work, GATE_OK, err);
}

/* ---- which are on ---- */

struct switch_row {
	struct event_switch what;
	const char *caller;
	const char *reason; /* NULL: none, or redacted, or let go */
	const char *actor;  /* whose pseudonym the subject is; NULL likewise */
	int64_t thrown_at_us;
	uint64_t seq;
};

static const struct record_field row_fields[] = {
    {.name = "action",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct switch_row, what.action)},
    {.name = "actor_id",
	.kind = RECORD_STR,
	.offset = offsetof(struct switch_row, actor)},
    {.name = "caller",
	.kind = RECORD_STR,
	.offset = offsetof(struct switch_row, caller)},
    {.name = "expires_at",
	.kind = RECORD_TIME,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct switch_row, what.expires_us)},
    {.name = "id",
	.kind = RECORD_STR,
	.offset = offsetof(struct switch_row, what.id)},
    {.name = "reason",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct switch_row, reason)},
    {.name = "scope",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct switch_row, what.scope),
	.names = per_words,
	.names_count = SCOPE_COUNT},
    {.name = "subject",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct switch_row, what.subject)},
    {.name = "thrown_at",
	.kind = RECORD_TIME,
	.offset = offsetof(struct switch_row, thrown_at_us)},
};
static const struct record_type row_type = {
    "kill switch", sizeof(struct switch_row), row_fields, GK_COUNT(row_fields)};

enum gate_go
switches_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__data(call, sizeof(struct control)) == NULL ? GO_DONE
								: GO_COMMIT;
}

static bool
copy_row(const struct switch_view *view, struct gk_arena *arena,
    struct switch_row *ret)
{
	const char **texts[] = {
	    &ret->what.id, &ret->what.subject, &ret->what.action, &ret->caller};

	ret->what = *view->kill_switch;
	ret->caller = view->caller;
	ret->thrown_at_us = view->thrown_at_us;
	ret->seq = view->seq;
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

static bool
may_see(const struct gate_call *call, const struct event_switch *what)
{
	return what->scope != SCOPE_TENANT ||
	       gate__sees_tenant(call, what->subject);
}

enum gk_rc
switches_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct control *control = work->data;
	struct switch_view *views =
	    gk_arena_calloc(&gate->scratch, SWITCHES_MAX, sizeof(*views));
	struct gk_arena *arena = &work->call->arena;
	size_t count;

	if (views == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "kill switches");
	}
	count = ledger_switches(gate->ledger, views, SWITCHES_MAX);
	control->rows = gk_arena_calloc(arena, count, sizeof(*control->rows));
	for (size_t i = 0; i < count && control->rows != NULL; i++) {
		if (!may_see(work->call, views[i].kill_switch)) {
			continue;
		}
		if (!copy_row(&views[i], arena,
			&control->rows[control->row_count++])) {
			return GK_FAIL(err, GK_E_NOMEM, "kill switches");
		}
	}
	work->go = GO_READ;
	return control->rows == NULL ? GK_FAIL(err, GK_E_NOMEM, "kill switches")
				     : GK_OK;
}

/* Why it was thrown, over whom: openings of its event. */
static enum gk_rc
read_words(struct gate_reader *reader, uint64_t seq, const char *path,
    struct gk_arena *arena, const char **ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf opened = GK_BUF_INIT(REASONS_BYTES);
	GK_AUTO(json_freep) struct json_value *value = NULL;
	struct entry_text text;
	bool any;

	GK_TRY(gate__opened(reader->journal, seq, &opened, &any, err));
	if (!any) {
		return GK_OK;
	}
	text = entry_get(opened.bytes, opened.len, path);
	if (text.at == NULL) {
		return GK_OK;
	}
	GK_TRY(json_parse(text.at, text.n, &json_limits_request, &value, err));
	*ret = gk_arena_strdup(arena, json_string(value));
	return *ret == NULL ? GK_FAIL(err, GK_E_NOMEM, "reason") : GK_OK;
}

enum gk_rc
switches_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct control *control = work->data;

	(void)gate;
	for (size_t i = 0; i < control->row_count; i++) {
		struct switch_row *row = &control->rows[i];

		GK_TRY(read_words(reader, row->seq, "/reason",
		    &work->call->arena, &row->reason, err));
		GK_TRY(read_words(reader, row->seq, GATE_SHOWN_ACTOR,
		    &work->call->arena, &row->actor, err));
	}
	return GK_OK;
}

enum gate_go
switches_finish(struct gate *gate, struct gate_call *call)
{
	const struct control *control = call->work->data;
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	if (gate__print_list(&call->reply, "kill_switches", &row_type,
		control->rows, control->row_count, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}

/* ---- the clock ---- */

enum gate_go
clock_accept_begin(struct gate *gate, struct gate_call *call)
{
	return !gate__sees_all(call) || begin(gate, call, &reason_type) == NULL
		   ? GO_DONE
		   : GO_COMMIT;
}

enum gk_rc
clock_accept_commit(
    struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct control *control = work->data;
	struct event event = {.caller = work->call->caller->id,
	    .shown = control->reason.shown,
	    .shown_count = control->reason.count};
	struct digest leaf;

	GK_TRY(gate__clock_accept(gate, &event, control->reason.openings,
	    control->reason.count, &leaf, err));
	work->call->outcome = GATE_OK;
	return gate__event_ref(
	    event.seq, &leaf, &work->call->arena, &control->event, err);
}

enum gate_go
control_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(
	    call, call->outcome, &control_type, call->work->data);
}
