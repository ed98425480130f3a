/* People in a browser: who signs in and out of the console stands in the record. */
#include "gate/gate_internal.h"

static enum gate_go
who(struct gate_call *call)
{
	struct identity shown = *call->caller;
	struct gk_err err = {.rc = GK_OK};

	shown.token_hash = NULL;
	if (record_encode(&identity_type, &shown, &call->reply, &err) !=
	    GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}

enum gate_go
who_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return who(call);
}

enum gate_go
sign_in_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	if (call->caller->kind != IDENTITY_HUMAN) {
		return gate__problem(call, GATE_FORBIDDEN, "not_a_person",
		    "the console is for people: an agent or a service sends "
		    "its token with each request");
	}
	return GO_COMMIT;
}

enum gate_go
sign_out_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	(void)call;
	return GO_COMMIT;
}

enum gk_rc
sign_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	return gate__note_access(gate, work->call,
	    work->call->verb == GATE_SIGN_IN ? "sign_in" : "sign_out", true,
	    err);
}

enum gate_go
sign_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return who(call);
}
