/* Identities: made with a token that is shown once, listed without it, revoked. */
#include <string.h>

#include "gate/gate_internal.h"

struct revoke_body {
	const char *reason;
};

static const struct record_field revoke_fields[] = {
    {.name = "reason",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct revoke_body, reason)},
};
static const struct record_type revoke_type = {"reason",
    sizeof(struct revoke_body), revoke_fields, GK_COUNT(revoke_fields)};

/* A change of an identity on its way, and its answer. */
struct change_identity {
	struct identity identity;
	enum change change;
	struct gate_openings reason;
	char token_hash[44];
	const char *token; /* shown once */
	struct gate_event_ref *event;
	struct identity *shown; /* without the hash */
};

static const struct record_field answer_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct change_identity, event),
	.type = &gate_event_ref_type},
    {.name = "identity",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct change_identity, shown),
	.type = &identity_type},
    {.name = "token",
	.kind = RECORD_STR,
	.offset = offsetof(struct change_identity, token)},
};
static const struct record_type answer_type = {"identity",
    sizeof(struct change_identity), answer_fields, GK_COUNT(answer_fields)};

/* Nobody gives away what they don't have: tenants that they may not see. */
static bool
may_give(struct gate_call *call, const struct identity *identity)
{
	bool sees = identity->tenant_count > 0 || gate__sees_tenant(call, NULL);

	for (size_t i = 0; i < identity->tenant_count; i++) {
		sees = sees && gate__sees_tenant(call, identity->tenants[i]);
	}
	if (!sees) {
		call->pointer = "/tenants";
		(void)gate__problem(call, GATE_FORBIDDEN,
		    "tenant_not_permitted",
		    "an identity may be given only tenants that its maker "
		    "sees");
	}
	return sees;
}

static bool
give_token(struct gate_call *call, struct change_identity *change)
{
	char *token = gk_arena_alloc(&call->arena, IDENTITY_TOKEN_BYTES);

	if (token == NULL) {
		(void)gate__failed(call, &(struct gk_err){.rc = GK_E_NOMEM});
		return false;
	}
	identity_token_new(token);
	identity_token_hash(token, change->token_hash);
	change->token = token;
	change->shown = gk_arena_alloc(&call->arena, sizeof(*change->shown));
	if (change->shown == NULL) {
		(void)gate__failed(call, &(struct gk_err){.rc = GK_E_NOMEM});
		return false;
	}
	*change->shown = change->identity;
	change->identity.token_hash = change->token_hash;
	return true;
}

enum gate_go
identity_create_begin(struct gate *gate, struct gate_call *call)
{
	struct change_identity *change = gate__data(call, sizeof(*change));
	struct gk_err err = {.rc = GK_OK};

	if (change == NULL) {
		return GO_DONE;
	}
	change->change = CHANGE_CREATED;
	if (call->body == NULL || json_get(call->body, "token_hash") != NULL) {
		call->pointer = call->body == NULL ? NULL : "/token_hash";
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "an identity is needed, without a token_hash: tokens are "
		    "made here");
	}
	if (record_decode(&identity_type, call->body, &call->arena,
		&change->identity, &err) != GK_OK ||
	    identity_check(&change->identity, &err) != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	if (change->identity.expires_us != 0 &&
	    change->identity.expires_us <= gate__now(gate)) {
		call->pointer = "/expires";
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "that time is over");
	}
	return may_give(call, &change->identity) && give_token(call, change)
		   ? GO_COMMIT
		   : GO_DONE;
}

enum gate_go
identity_revoke_begin(struct gate *gate, struct gate_call *call)
{
	struct change_identity *change = gate__data(call, sizeof(*change));
	struct revoke_body body = {NULL};
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (change == NULL) {
		return GO_DONE;
	}
	if (call->target == NULL || !name_is_id(call->target)) {
		return gate__not_found(call);
	}
	if (call->body == NULL) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a reason is needed");
	}
	rc = record_decode(&revoke_type, call->body, &call->arena, &body, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", body.reason,
		    &call->arena, &change->reason, &err);
	}
	if (rc != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	change->change = CHANGE_REVOKED;
	change->identity.id = call->target;
	return GO_COMMIT;
}

enum gk_rc
identity_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct change_identity *change = work->data;
	struct settlement *settlement = &gate->settlement;
	struct settle_at at = gate__at(gate);
	uint64_t seq;
	struct digest leaf;

	GK_TRY(ledger_settle_identity(gate->ledger, &at, work->call->caller->id,
	    change->change, &change->identity, &gate->scratch, settlement,
	    err));
	if (settlement->outcome != SETTLE_EVENTS) {
		(void)gate__refused(work->call, settlement->refusal);
		return GK_OK;
	}
	if (change->change == CHANGE_REVOKED &&
	    !may_give(work->call, settlement->events[0].identity)) {
		return GK_OK;
	}
	settlement->events[0].shown = change->reason.shown;
	settlement->events[0].shown_count = change->reason.count;
	seq = settlement->events[0].seq;
	GK_TRY(gate__record(gate, settlement, change->reason.openings,
	    change->reason.count, &leaf, err));
	work->call->outcome =
	    change->change == CHANGE_CREATED ? GATE_CREATED : GATE_OK;
	return gate__event_ref(
	    seq, &leaf, &work->call->arena, &change->event, err);
}

enum gate_go
identity_finish(struct gate *gate, struct gate_call *call)
{
	struct change_identity *change = call->work->data;
	enum gate_go go =
	    gate__reply(call, call->outcome, &answer_type, change);

	(void)gate;
	if (change->token != NULL) {
		digest_wipe(
		    (char *)(uintptr_t)change->token, strlen(change->token));
	}
	return go;
}

/* What the caller may know of it: of its tenants those that both see, and never the hash. */
static enum gk_rc
print_identity(struct gate_call *call, const struct identity *from,
    const char **comma, struct gk_err *err)
{
	struct identity shown = *from;

	shown.token_hash = NULL;
	shown.tenant_count = 0;
	shown.tenants = gk_arena_calloc(
	    &call->arena, from->tenant_count, sizeof(*shown.tenants));
	if (shown.tenants == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "identities");
	}
	for (size_t i = 0; i < from->tenant_count; i++) {
		if (gate__sees_tenant(call, from->tenants[i])) {
			shown.tenants[shown.tenant_count++] = from->tenants[i];
		}
	}
	if (shown.tenant_count == 0 &&
	    (from->tenant_count > 0 || !gate__sees_tenant(call, NULL))) {
		return GK_OK;
	}
	GK_TRY(gk_buf_puts(&call->reply, *comma, err));
	*comma = ",";
	return record_encode(&identity_type, &shown, &call->reply, err);
}

enum gate_go
identities_begin(struct gate *gate, struct gate_call *call)
{
	struct gate_identities *table = gate_identities_pin(gate);
	const struct identity *from;
	const char *comma = "";
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = gk_buf_puts(&call->reply, "{\"identities\":[", &err);

	for (size_t i = 0;
	     rc == GK_OK && (from = gate__identity_at(table, i)) != NULL; i++) {
		rc = print_identity(call, from, &comma, &err);
	}
	gate_identities_unpin(table);
	if (rc == GK_OK) {
		rc = gk_buf_puts(&call->reply, "]}", &err);
	}
	if (rc != GK_OK) {
		gk_buf_clear(&call->reply);
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}
