/* POST /v1/decisions/explain and POST /v1/args-hash: what would be decided; what to search by. */
#include <string.h>

#include "codec/canon.h"
#include "gate/prepare.h"

enum { EXPLAIN_CAP = 4 << 20 };

/* {"caller":identity,"request":decision request} */
struct explain_body {
	const char *caller;
	const struct json_value *request;
};

static const struct record_field explain_fields[] = {
    {.name = "caller",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct explain_body, caller),
	.check = name_is_id,
	.expected = "the id of an identity"},
    {.name = "request",
	.kind = RECORD_JSON,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct explain_body, request)},
};
static const struct record_type explain_type = {"question",
    sizeof(struct explain_body), explain_fields, GK_COUNT(explain_fields)};

static bool
read_body(struct gate *gate, struct gate_call *call, struct decide *decide)
{
	struct explain_body body;
	struct gk_err err = {.rc = GK_OK};

	if (call->body == NULL || record_decode(&explain_type, call->body,
				      &call->arena, &body, &err) != GK_OK) {
		(void)gate__bad_request(call, "invalid_request", &err);
		return false;
	}
	decide->table = gate_identities_pin(gate);
	decide->asker = gate__identity_by_id(decide->table, body.caller);
	if (decide->asker == NULL) {
		call->pointer = "/caller";
		(void)gate__problem(call, GATE_NOT_FOUND, "not_found",
		    "there is no identity of that name");
		return false;
	}
	return prepare_request(gate, call, decide, body.request);
}

/* The tenant that the asker would speak for; both must see it. */
static bool
find_tenant(struct gate_call *call, struct decide *decide)
{
	const struct identity *asker = decide->asker;
	const char *tenant = decide->request.tenant_id;

	if (tenant == NULL && asker->tenant_count == 1 &&
	    strcmp(asker->tenants[0], "*") != 0) {
		tenant = asker->tenants[0];
	}
	decide->tenant = tenant;
	if (identity_has_tenant(asker, tenant) &&
	    gate__sees_tenant(call, tenant)) {
		return true;
	}
	call->pointer = "/request/tenant_id";
	(void)gate__problem(call, GATE_FORBIDDEN, "tenant_not_permitted",
	    "the identity may not speak for that tenant");
	return false;
}

enum gate_go
explain_begin(struct gate *gate, struct gate_call *call)
{
	struct decide *decide = gate__data(call, sizeof(*decide));

	return decide != NULL && read_body(gate, call, decide) &&
		       find_tenant(call, decide) &&
		       prepare_judge(gate, call, decide)
		   ? GO_COMMIT
		   : GO_DONE;
}

enum gk_rc
explain_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct decide *decide = work->data;
	struct settlement *settlement = &gate->settlement;

	GK_TRY(gate__note_access(gate, work->call, "explain", true, err));
	gk_arena_clear(&gate->scratch);
	GK_TRY(decide_settle(gate, decide, settlement, err));
	if (settlement->outcome == SETTLE_REFUSED) {
		(void)gate__refused(work->call, settlement->refusal);
		return GK_OK;
	}
	if (settlement->outcome == SETTLE_REPLAY) {
		struct event event;
		bool found;

		GK_TRY(gate__read_event(gate, journal_reader(gate->journal),
		    settlement->replay_seq, &gate->scratch, &event, NULL,
		    &found, err));
		return found ? gate__answer(&event, NULL, &work->call->arena,
				   &decide->answer, err)
			     : GK_OK;
	}
	GK_TRY(gate__answer(&settlement->events[0], NULL, &work->call->arena,
	    &decide->answer, err));
	decide->answer.retry_after_ms = settlement->retry_after_ms;
	return settlement->approval == NULL
		   ? GK_OK
		   : gate__approval_ref(settlement->approval,
			 &work->call->arena, &decide->answer.approval, err);
}

enum gate_go
explain_finish(struct gate *gate, struct gate_call *call)
{
	GK_AUTO(gk_buf_done) struct gk_buf why = GK_BUF_INIT(EXPLAIN_CAP);
	GK_AUTO(json_freep) struct json_value *rules = NULL;
	struct decide *decide = call->work->data;
	struct policy_input input = prepare_input(gate, decide);
	struct json_limits limits = {
	    .bytes = EXPLAIN_CAP, .depth = 64, .values = 200000};
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	if (policy_explain(decide->policy, &input, &why, &err) != GK_OK ||
	    json_parse(gk_buf_text(&why), why.len, &limits, &rules, &err) !=
		GK_OK) {
		return gate__failed(call, &err);
	}
	decide->answer.rules = json_get(rules, "rules");
	return gate__reply(call, GATE_OK, &gate_explain_type, &decide->answer);
}

/* ---- the hash of arguments ---- */

struct hash_row {
	const char *args_hash;
	const char *action_key;
	int64_t key;
	char text[2][GATE_HASH_BYTES];
};

#define ROW_FIELDS(t, hash, action)                      \
	{.name = "action_key",                           \
	    .kind = RECORD_STR,                          \
	    .flags = RECORD_NULLABLE,                    \
	    .offset = offsetof(t, action)},              \
	{                                                \
		.name = "args_hash", .kind = RECORD_STR, \
		.offset = offsetof(t, hash)              \
	}

static const struct record_field hash_row_fields[] = {
    ROW_FIELDS(struct hash_row, args_hash, action_key),
    {.name = "key",
	.kind = RECORD_INT,
	.offset = offsetof(struct hash_row, key)},
};
static const struct record_type hash_row_type = {"hash",
    sizeof(struct hash_row), hash_row_fields, GK_COUNT(hash_row_fields)};

/* The newest key's hashes, and those of every key that isn't destroyed. */
struct args_hash {
	const char *args_hash;
	const char *action_key;
	struct hash_row *rows;
	size_t row_count;
};

static const struct record_field args_hash_fields[] = {
    ROW_FIELDS(struct args_hash, args_hash, action_key),
    {.name = "keys",
	.kind = RECORD_OBJECTS,
	.offset = offsetof(struct args_hash, rows),
	.count_offset = offsetof(struct args_hash, row_count),
	.max = LEDGER_HASH_KEYS_MAX,
	.type = &hash_row_type},
};
static const struct record_type args_hash_type = {"hash",
    sizeof(struct args_hash), args_hash_fields, GK_COUNT(args_hash_fields)};

/* {"args":{…},"action":…}: with an action, the action key too. */
struct args_body {
	const char *action;
	const struct json_value *args;
};

static const struct record_field args_fields[] = {
    {.name = "action",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct args_body, action),
	.check = name_is_action,
	.expected = "an action"},
    {.name = "args",
	.kind = RECORD_JSON,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct args_body, args)},
};
static const struct record_type args_type = {
    "question", sizeof(struct args_body), args_fields, GK_COUNT(args_fields)};

static enum gk_rc
hash_body(struct gate *gate, const struct args_body *body,
    struct gk_arena *arena, struct args_hash *ret, struct gk_err *err)
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(EXPLAIN_CAP);

	GK_TRY(canon_print(body->args, &text, err));
	gate__keys_copy(gate, &keys);
	ret->rows = gk_arena_calloc(arena, keys.count, sizeof(*ret->rows));
	if (ret->rows == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "hashes");
	}
	for (; ret->row_count < keys.count; ret->row_count++) {
		struct hash_row *row = &ret->rows[ret->row_count];
		const struct gate_hash_key *key = &keys.keys[ret->row_count];

		row->key = key->id;
		hash_text(key, "gatekeeper/args/v1", gk_buf_text(&text),
		    text.len, row->text[0]);
		row->args_hash = row->text[0];
		if (body->action != NULL) {
			hash_action(key, body->action, gk_buf_text(&text),
			    text.len, row->text[1]);
			row->action_key = row->text[1];
		}
	}
	ret->args_hash = ret->rows[0].args_hash;
	ret->action_key = ret->rows[0].action_key;
	return GK_OK;
}

enum gate_go
args_hash_begin(struct gate *gate, struct gate_call *call)
{
	struct args_hash *hash = gate__data(call, sizeof(*hash));
	struct args_body body;
	struct gk_err err = {.rc = GK_OK};

	if (hash == NULL) {
		return GO_DONE;
	}
	if (call->body == NULL || record_decode(&args_type, call->body,
				      &call->arena, &body, &err) != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	if (!gate__admit_hash(gate, &call->retry_after_ms)) {
		return gate__problem(call, GATE_TOO_MANY, "hash_rate",
		    "at most 60 hashes an hour");
	}
	if (hash_body(gate, &body, &call->arena, hash, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	return GO_COMMIT;
}

enum gk_rc
args_hash_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	return gate__note_access(gate, work->call, "args_hash", true, err);
}

enum gate_go
args_hash_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, GATE_OK, &args_hash_type, call->work->data);
}
