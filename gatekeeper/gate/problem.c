/* How a call ends that gets nothing: a problem with its code and a sentence for people. */
#include "gate/gate_internal.h"

enum gate_go
gate__problem(struct gate_call *call, enum gate_outcome outcome,
    const char *code, const char *detail)
{
	call->outcome = outcome;
	call->code = code;
	call->detail = detail;
	if (call->work != NULL) {
		call->work->ended = true;
	}
	return GO_DONE;
}

enum gate_go
gate__bad_request(
    struct gate_call *call, const char *code, const struct gk_err *err)
{
	if (err->where[0] != '\0') {
		call->pointer = gk_arena_strdup(&call->arena, err->where);
	}
	return gate__problem(call, GATE_BAD_REQUEST, code,
	    err->text[0] == '\0' ? "a body is needed"
				 : gk_arena_strdup(&call->arena, err->text));
}

enum gate_go
gate__bad_param(struct gate_call *call, const char *name, const char *detail)
{
	call->pointer = gk_arena_printf(&call->arena, "/%s", name);
	return gate__problem(call, GATE_BAD_REQUEST, "invalid_request", detail);
}

enum gate_go
gate__failed(struct gate_call *call, const struct gk_err *err)
{
	if (err == NULL) {
		return gate__problem(call, GATE_UNAVAILABLE,
		    "journal_unavailable",
		    "the journal can't be written: nothing is decided");
	}
	return gate__problem(call, GATE_FAILED, "internal",
	    err->rc == GK_E_NOMEM   ? "memory ran out"
	    : err->rc == GK_E_LIMIT ? "a limit was reached"
				    : "something went wrong inside gatekeeper");
}

enum gate_go
gate__not_found(struct gate_call *call)
{
	return gate__problem(
	    call, GATE_NOT_FOUND, "not_found", "there is no such thing");
}

enum gate_go
gate__gone(const struct gate *gate, struct gate_call *call, uint64_t seq)
{
	return seq < atomic_load(&gate->minimum)
		   ? gate__problem(call, GATE_GONE, "let_go",
			 "retention has let this go; only its hash is kept")
		   : gate__not_found(call);
}

enum gate_go
gate__refused(struct gate_call *call, enum refusal refusal)
{
	static const struct {
		enum gate_outcome outcome;
		const char *detail;
	} refusals[REFUSAL_COUNT] = {
	    [REFUSAL_STEP_CONFLICT] = {GATE_CONFLICT,
		"this step was asked before, with something else in it"},
	    [REFUSAL_RUN_NOT_YOURS] = {GATE_CONFLICT,
		"the run belongs to another agent"},
	    [REFUSAL_RUN_ENDED] = {GATE_CONFLICT, "the run has ended"},
	    [REFUSAL_TOO_MANY_RUNS] = {GATE_TOO_MANY,
		"this identity has too many runs open: end some"},
	    [REFUSAL_NOT_FOUND] = {GATE_NOT_FOUND, "there is no such thing"},
	    [REFUSAL_NOT_ALLOWED] = {GATE_CONFLICT,
		"a result for something that was not allowed"},
	    [REFUSAL_CONFLICTING_RESULT] = {GATE_CONFLICT,
		"another result was reported before"},
	    [REFUSAL_ALREADY_RESOLVED] = {GATE_CONFLICT,
		"the approval is resolved already"},
	    [REFUSAL_NOT_AN_APPROVER] = {GATE_FORBIDDEN,
		"none of your groups is asked"},
	    [REFUSAL_OWN_REQUEST] = {GATE_FORBIDDEN,
		"nobody resolves what was asked by or for themselves"},
	    [REFUSAL_ALREADY_VOTED] = {GATE_CONFLICT,
		"this person has voted already"},
	    [REFUSAL_EXISTS] = {GATE_CONFLICT,
		"there is an identity of that name already"},
	    [REFUSAL_IDENTITY_REVOKED] = {GATE_FORBIDDEN,
		"the identity was revoked or has expired"},
	    [REFUSAL_OPEN_WORK] = {GATE_CONFLICT,
		"approvals or results of the run are open"},
	    [REFUSAL_KEY_NEEDED] = {GATE_CONFLICT,
		"the key is needed: it is the current one, or runs, approvals "
		"or limits that were hashed under it are open"},
	    [REFUSAL_TOO_MANY_KEYS] = {GATE_CONFLICT,
		"there are as many hash keys as can be used at once: destroy "
		"an old one first"},
	    [REFUSAL_NOT_BOUNDED] = {GATE_CONFLICT,
		"no bounded grant can be given: a rule that asks has no "
		"'bounded'"},
	    [REFUSAL_BOUND_TOO_WIDE] = {GATE_CONFLICT,
		"wider than the rules allow; see the approval's 'bounded'"},
	    [REFUSAL_UNDER_HOLD] = {GATE_CONFLICT,
		"a legal hold covers it: release that first"},
	    [REFUSAL_TOO_MANY_HOLDS] = {GATE_TOO_MANY,
		"release some holds first"},
	};

	return gate__problem(call, refusals[refusal].outcome,
	    refusal_words[refusal], refusals[refusal].detail);
}
