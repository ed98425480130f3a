/* Notifications as operators see them: the list, another try, a test.  Telling itself is the room out's. */
#include <inttypes.h>
#include <string.h>

#include "gate/gate_internal.h"

struct notify_change {
	int64_t seq;
	bool has_seq;
	size_t count;
};

static const struct record_field change_fields[] = {
    {.name = "seq",
	.kind = RECORD_INT,
	.offset = offsetof(struct notify_change, seq),
	.has_offset = offsetof(struct notify_change, has_seq),
	.hi = JSON_INT_MAX},
};
static const struct record_type change_type = {"retry",
    sizeof(struct notify_change), change_fields, GK_COUNT(change_fields)};

static enum gate_go
nobody(struct gate_call *call)
{
	return gate__problem(call, GATE_CONFLICT, "not_running",
	    "this process tells nobody: notifications are those of "
	    "`gatekeeper serve`");
}

/* What is told and what waits is of all tenants. */
static bool
sees_all(struct gate_call *call)
{
	if (gate__sees_tenant(call, NULL)) {
		return true;
	}
	(void)gate__problem(call, GATE_FORBIDDEN, "tenant_not_permitted",
	    "notifications are of all tenants");
	return false;
}

enum gate_go
notify_begin(struct gate *gate, struct gate_call *call)
{
	const struct gate_notify_options *notify = &gate->options.notify;
	struct gk_err err = {.rc = GK_OK};

	if (!sees_all(call)) {
		return GO_DONE;
	}
	if (notify->list == NULL) {
		return nobody(call);
	}
	if (notify->list(notify->ctx, &call->reply, &err) != GK_OK) {
		gk_buf_clear(&call->reply);
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}

enum gate_go
notify_change_begin(struct gate *gate, struct gate_call *call)
{
	struct notify_change *change = gate__data(call, sizeof(*change));
	struct gk_err err = {.rc = GK_OK};

	if (change == NULL || !sees_all(call)) {
		return GO_DONE;
	}
	if (call->target == NULL || !name_is_id(call->target)) {
		return gate__not_found(call);
	}
	if (gate->options.notify.list == NULL) {
		return nobody(call);
	}
	if (call->body != NULL &&
	    (call->verb != GATE_NOTIFY_RETRY ||
		record_decode(&change_type, call->body, &call->arena, change,
		    &err) != GK_OK)) {
		if (err.rc == GK_OK) {
			(void)GK_FAIL(&err, GK_E_INVALID, "a test has no body");
		}
		return gate__bad_request(call, "invalid_request", &err);
	}
	return GO_COMMIT;
}

/* Who asked for it is in the record before it is done. */
enum gk_rc
notify_change_commit(
    struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct gate_call *call = work->call;
	const char *what = gk_arena_printf(&call->arena, "notify.%s.%s",
	    call->verb == GATE_NOTIFY_RETRY ? "retry" : "test", call->target);

	if (what == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "access");
	}
	call->outcome = GATE_OK;
	return gate__note_access(gate, call, what, true, err);
}

enum gate_go
notify_change_finish(struct gate *gate, struct gate_call *call)
{
	const struct gate_notify_options *notify = &gate->options.notify;
	struct notify_change *change = call->work->data;
	bool retry = call->verb == GATE_NOTIFY_RETRY;
	struct gk_err err = {.rc = GK_OK};
	bool found =
	    retry ? notify->retry(notify->ctx, call->target,
			change->has_seq ? (uint64_t)change->seq : UINT64_MAX,
			&change->count)
		  : notify->test(notify->ctx, call->target);
	enum gk_rc rc;

	call->work->ended = true;
	if (!found) {
		return gate__problem(call, GATE_NOT_FOUND, "not_found",
		    "no target of notifications is called so");
	}
	rc = retry ? gk_buf_printf(
			 &call->reply, &err, "{\"retried\":%zu}", change->count)
		   : gk_buf_puts(&call->reply, "{\"test\":\"asked\"}", &err);
	return rc == GK_OK ? GO_DONE : gate__failed(call, &err);
}
