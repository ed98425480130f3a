/* A decision request made ready for the commit thread: checked, hashed, judged. */
#include <stdio.h>
#include <string.h>

#include "codec/canon.h"
#include "gate/prepare.h"

enum {
	TEXT_CAP = 2 << 20,
	/* what the fixed members of a decision event take at most */
	BOUND_FIXED = 4096,
	BOUND_ID = 160,
	BOUND_CHARGE = 512,
	BOUND_RULE = 256,
	BOUND_SHOWN = 112,
	BOUND_SHADOW = 256,
	PATH_MAX_BYTES = 256,
	LIST_MAX = 64,
};

static enum gk_rc
hash_under(const struct gate_hash_keys *keys,
    const struct decision_request *request, struct decide *decide,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(TEXT_CAP);

	GK_TRY(canon_print(request->args, &text, err));
	for (size_t i = 0; i < keys->count; i++) {
		hash_action(&keys->keys[i], request->action, gk_buf_text(&text),
		    text.len, decide->hashes[i].action_key);
		hash_text(&keys->keys[i], "gatekeeper/args/v1",
		    gk_buf_text(&text), text.len, decide->hashes[i].args_hash);
		if (request->actor != NULL) {
			hash_actor(&keys->keys[i], request->actor->id,
			    decide->hashes[i].actor);
		}
	}
	if (request->context == NULL) {
		return GK_OK;
	}
	gk_buf_clear(&text);
	GK_TRY(canon_print(request->context, &text, err));
	for (size_t i = 0; i < keys->count; i++) {
		hash_text(&keys->keys[i], "gatekeeper/context/v1",
		    gk_buf_text(&text), text.len,
		    decide->hashes[i].context_hash);
	}
	return GK_OK;
}

bool
prepare_hashes(struct gate *gate, struct gate_call *call, struct decide *decide)
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = GK_E_NOMEM;

	gate__keys_copy(gate, &keys);
	decide->key_generation = keys.generation;
	decide->older_count = keys.count - 1;
	decide->hashes =
	    gk_arena_calloc(&call->arena, keys.count, sizeof(*decide->hashes));
	decide->older =
	    gk_arena_calloc(&call->arena, keys.count, sizeof(*decide->older));
	if (decide->hashes != NULL && decide->older != NULL) {
		rc = hash_under(&keys, &decide->request, decide, &err);
	}
	if (rc != GK_OK) {
		err.rc = rc;
		(void)gate__failed(call, &err);
		return false;
	}
	for (size_t i = 0; i < decide->older_count; i++) {
		const struct prepared_hashes *from = &decide->hashes[i + 1];

		decide->older[i] = (struct ask_hashes){keys.keys[i + 1].id,
		    from->action_key, from->args_hash,
		    from->context_hash[0] == '\0' ? NULL : from->context_hash,
		    NULL, from->actor[0] == '\0' ? NULL : from->actor};
	}
	return true;
}

bool
prepare_request(struct gate *gate, struct gate_call *call,
    struct decide *decide, const struct json_value *body)
{
	struct gk_err err = {.rc = GK_OK};

	if (body == NULL) {
		(void)gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a decision request is needed");
		return false;
	}
	switch (decision_request_decode(
	    body, &call->arena, &decide->request, &err)) {
	case GK_OK:
		break;
	case GK_E_NOMEM:
		(void)gate__failed(call, &err);
		return false;
	case GK_E_INVALID:
	case GK_E_LIMIT:
	case GK_E_IO:
	case GK_E_CORRUPT:
	case GK_E_BUSY:
		(void)gate__bad_request(call, "invalid_request", &err);
		return false;
	}
	if (call->traceparent != NULL &&
	    request_traceparent_ok(call->traceparent)) {
		decide->request.traceparent = call->traceparent;
	}
	decide->asked_at_us = gate__now(gate);
	return prepare_hashes(gate, call, decide);
}

/* ---- how long its event could become ---- */

static size_t
length(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

static size_t
bound_findings(const struct findings *findings)
{
	size_t n = BOUND_CHARGE + findings->shadow_count * BOUND_SHADOW +
		   (findings->limit_count + findings->budget_count +
		       findings->approval_count) *
		       BOUND_SHADOW; /* each may be a shadow */

	for (size_t i = 0; i < findings->limit_count; i++) {
		n += BOUND_CHARGE + length(findings->limits[i].subject);
	}
	for (size_t i = 0; i < findings->budget_count; i++) {
		n += BOUND_CHARGE + length(findings->budgets[i].subject);
	}
	for (size_t i = 0; i < findings->approval_count; i++) {
		const struct approval_finding *rule = &findings->approvals[i];

		n += BOUND_RULE +
		     (rule->group_count + rule->escalate_count) * BOUND_ID;
		for (size_t k = 0; k < rule->pin_count; k++) {
			n += GATE_HASH_BYTES + 2 * length(rule->pins[k]);
		}
	}
	return n;
}

static size_t
bound(const struct decide *decide)
{
	const struct decision_request *request = &decide->request;
	size_t n = BOUND_FIXED + bound_findings(&decide->findings);

	if (request->actor != NULL) {
		n += BOUND_ID * (2 + request->actor->role_count);
	}
	for (size_t i = 0; i < decide->shown.count; i++) {
		n += BOUND_SHOWN + 12 * length(decide->shown.shown[i].name);
	}
	return n;
}

static bool
is_recordable(const struct decide *decide)
{
	const struct findings *found = &decide->findings;
	bool groups = true;

	for (size_t i = 0; i < found->approval_count; i++) {
		groups = groups && found->approvals[i].group_count <= LIST_MAX;
	}
	return groups && found->approval_count <= LIST_MAX &&
	       found->limit_count + found->budget_count +
		       (found->approval_count > 0) <=
		   EVENT_CHARGES_MAX &&
	       bound(decide) <= EVENT_BYTES_MAX;
}

struct policy_input
prepare_input(const struct gate *gate, const struct decide *decide)
{
	return (struct policy_input){.request = &decide->request,
	    .caller = decide->asker,
	    .tenant = decide->tenant,
	    .asked_at_us = decide->asked_at_us,
	    .condition_fuel = gate->options.condition_fuel,
	    .condition_bytes = gate->options.condition_bytes};
}

/*
 * What a bounded grant would hold fixed.  Where the keys have changed since the
 * request was hashed, it will be hashed and judged again.
 */
static enum gk_rc
prepare_pins(struct gate *gate, struct gate_call *call, struct decide *decide,
    struct gk_err *err)
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	struct record_pair **pins;
	bool any = false;

	decide->pin_count = 0;
	for (size_t i = 0; i < decide->findings.approval_count; i++) {
		any = any || decide->findings.approvals[i].pin_count > 0;
	}
	if (!any) {
		return GK_OK;
	}
	gate__keys_copy(gate, &keys);
	if (keys.generation != decide->key_generation) {
		return GK_OK;
	}
	GK_TRY(hash_pins(keys.keys, keys.count, decide->request.args,
	    &decide->findings, &call->arena, &pins, &decide->pin_count, err));
	decide->pins = pins[0];
	for (size_t i = 0; i < decide->older_count; i++) {
		decide->older[i].pins = pins[i + 1];
	}
	return GK_OK;
}

bool
prepare_judge(struct gate *gate, struct gate_call *call, struct decide *decide)
{
	struct policy_input input = prepare_input(gate, decide);
	struct gk_err err = {.rc = GK_OK};
	uint64_t generation;
	enum gk_rc rc;

	if (decide->policy != NULL) {
		policy_unpinp(&decide->policy);
	}
	decide->policy = gate__policy_pin(gate, &generation);
	rc = policy_judge(
	    decide->policy, &input, &call->arena, &decide->findings, &err);
	decide->findings.generation = generation;
	if (rc == GK_OK) {
		rc = prepare_pins(gate, call, decide, &err);
	}
	if (rc == GK_OK) {
		rc = gate__show_args(gate, &decide->request, &decide->findings,
		    decide->asked_at_us, &call->arena, &decide->shown, &err);
	}
	if (rc != GK_OK) {
		(void)gate__failed(call, &err);
		return false;
	}
	if (!is_recordable(decide)) {
		(void)gate__problem(call, GATE_BAD_REQUEST, "unrecordable",
		    "what would have to be recorded is too long");
		return false;
	}
	return true;
}
