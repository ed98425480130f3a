/* A call from begin to finish: who may, which stages, how it ends. */
#include <stdio.h>
#include <string.h>

#include "gate/overview.h"
#include "gate/retention.h"
#include "gate/search.h"

enum {
	CALL_ARENA_CAP = 16 << 20,
	CALL_REPLY_CAP = 32 << 20,
};

#define AUDIT (CAN_AUDITOR | CAN_OPERATOR)
#define ANYBODY \
	(CAN_AGENT | CAN_APPROVER | CAN_OPERATOR | CAN_AUDITOR | CAN_METRICS)

const struct gate_verb_type gate_verbs[GATE_VERB_COUNT] = {
    [GATE_DECIDE] = {.can = CAN_AGENT,
	.metered = true,
	.lane = LANE_NORMAL,
	.begin = decide_begin,
	.commit = decide_commit,
	.finish = decide_finish,
	.release = decide_release},
    [GATE_RESULT] = {.can = CAN_AGENT,
	.lane = LANE_CONTROL,
	.begin = result_begin,
	.commit = result_commit,
	.finish = result_finish},
    [GATE_DECISION] = {.can = CAN_AGENT | AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = decision_begin,
	.commit = decision_commit,
	.read = decision_read,
	.finish = decision_finish},
    [GATE_RUN_END] = {.can = CAN_AGENT,
	.lane = LANE_CONTROL,
	.begin = run_end_begin,
	.commit = run_end_commit,
	.finish = run_end_finish},
    [GATE_APPROVALS] = {.can = CAN_APPROVER | AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = approvals_begin,
	.commit = approvals_commit,
	.read = approvals_read,
	.finish = ready_finish},
    [GATE_APPROVAL] = {.can = CAN_APPROVER | CAN_AGENT | AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = approval_begin,
	.commit = approval_commit,
	.read = approvals_read,
	.finish = ready_finish},
    [GATE_APPROVAL_HISTORY] = {.can = CAN_APPROVER | AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = history_begin,
	.commit = history_commit,
	.read = history_read,
	.finish = ready_finish},
    [GATE_APPROVAL_GRANT] = {.can = CAN_APPROVER,
	.lane = LANE_CONTROL,
	.begin = ballot_begin,
	.commit = ballot_commit,
	.finish = ballot_finish},
    [GATE_APPROVAL_DENY] = {.can = CAN_APPROVER,
	.lane = LANE_CONTROL,
	.begin = ballot_begin,
	.commit = ballot_commit,
	.finish = ballot_finish},
    [GATE_APPROVAL_REVOKE] = {.can = CAN_APPROVER | CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = ballot_begin,
	.commit = ballot_commit,
	.finish = ballot_finish},
    [GATE_EVENTS] = {.can = CAN_AUDITOR,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = events_begin,
	.commit = events_commit,
	.read = events_read,
	.finish = ready_finish,
	.release = events_release},
    [GATE_EVENT_STREAM] = {.can = CAN_APPROVER | AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = live_begin,
	.commit = live_commit,
	.read = live_read,
	.finish = ready_finish,
	.release = live_release},
    [GATE_SHIP] = {.can = CAN_AUDITOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = ship_begin,
	.commit = ship_commit,
	.finish = ready_finish},
    [GATE_RUN] = {.can = CAN_AGENT | CAN_AUDITOR,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = run_begin,
	.commit = run_commit,
	.read = run_read,
	.finish = ready_finish},
    [GATE_ARGS_HASH] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = args_hash_begin,
	.commit = args_hash_commit,
	.finish = args_hash_finish},
    [GATE_EVENT] = {.can = CAN_AUDITOR,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = single_begin,
	.commit = single_commit,
	.read = single_read,
	.finish = ready_finish},
    [GATE_OVERVIEW] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = overview_begin,
	.commit = overview_commit,
	.read = overview_read,
	.finish = ready_finish},
    [GATE_LIMITS] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = limits_begin,
	.commit = limits_commit,
	.finish = limits_finish,
	.release = limits_release},
    [GATE_EVENT_PROOF] = {.can = CAN_AUDITOR,
	.local = true,
	.metered = true,
	.lane = LANE_READ,
	.begin = proof_begin,
	.read = proof_read,
	.finish = ready_finish},
    [GATE_LOG_CHECKPOINT] = {.can = CAN_AUDITOR,
	.local = true,
	.published = true,
	.metered = true,
	.lane = LANE_READ,
	.begin = checkpoint_begin,
	.read = checkpoint_read,
	.finish = ready_finish},
    [GATE_LOG_SIGNING_KEYS] = {.can = CAN_AUDITOR,
	.local = true,
	.published = true,
	.metered = true,
	.lane = LANE_READ,
	.begin = checkpoint_begin,
	.read = signing_keys_read,
	.finish = ready_finish},
    [GATE_LOG_TILE] = {.can = CAN_AUDITOR,
	.local = true,
	.published = true,
	.metered = true,
	.lane = LANE_READ,
	.begin = tile_begin,
	.read = tile_read,
	.finish = ready_finish},
    [GATE_LOG_ENTRIES] = {.can = CAN_AUDITOR,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = entries_begin,
	.commit = entries_commit,
	.read = entries_read,
	.finish = ready_finish},
    [GATE_EXPLAIN] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_NORMAL,
	.begin = explain_begin,
	.commit = explain_commit,
	.finish = explain_finish,
	.release = decide_release},
    [GATE_SWITCH_THROW] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = switch_throw_begin,
	.commit = switch_throw_commit,
	.finish = control_finish},
    [GATE_SWITCHES] = {.can = AUDIT,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = switches_begin,
	.commit = switches_commit,
	.read = switches_read,
	.finish = switches_finish},
    [GATE_SWITCH_LIFT] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = switch_lift_begin,
	.commit = switch_lift_commit,
	.finish = control_finish},
    [GATE_POLICY] = {.can = AUDIT,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = policy_begin,
	.read = policy_read,
	.finish = ready_finish},
    [GATE_POLICY_TEXT] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_READ,
	.begin = policy_text_begin,
	.read = policy_text_read,
	.finish = ready_finish},
    [GATE_POLICY_SIMULATE] = {.can = CAN_OPERATOR,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = simulate_begin,
	.commit = simulate_commit,
	.read = simulate_read,
	.finish = ready_finish},
    [GATE_POLICY_RELOAD] = {.can = CAN_OPERATOR,
	.local = true,
	.ordered = true,
	.lane = LANE_READ,
	.begin = reload_begin,
	.commit = reload_commit,
	.read = reload_read,
	.finish = reload_finish,
	.release = reload_release},
    [GATE_POLICY_ROLLBACK] = {.can = CAN_OPERATOR,
	.local = true,
	.ordered = true,
	.lane = LANE_READ,
	.begin = rollback_begin,
	.commit = reload_commit,
	.read = reload_read,
	.finish = reload_finish,
	.release = reload_release},
    [GATE_IDENTITY_CREATE] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = identity_create_begin,
	.commit = identity_commit,
	.finish = identity_finish},
    [GATE_IDENTITIES] = {.can = AUDIT,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = identities_begin},
    [GATE_IDENTITY_REVOKE] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = identity_revoke_begin,
	.commit = identity_commit,
	.finish = identity_finish},
    [GATE_REDACT] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_READ,
	.begin = redact_begin,
	.read = redact_read,
	.commit = redact_commit,
	.finish = redact_finish},
    [GATE_HOLD] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = hold_begin,
	.commit = hold_commit,
	.finish = hold_finish},
    [GATE_HOLDS] = {.can = AUDIT,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = holds_begin,
	.commit = holds_commit,
	.finish = holds_finish},
    [GATE_HOLD_RELEASE] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = release_begin,
	.commit = release_commit,
	.finish = hold_finish},
    [GATE_NOTIFY] = {.can = AUDIT,
	.local = true,
	.metered = true,
	.lane = LANE_CONTROL,
	.begin = notify_begin},
    [GATE_NOTIFY_RETRY] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = notify_change_begin,
	.commit = notify_change_commit,
	.finish = notify_change_finish},
    [GATE_NOTIFY_TEST] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = notify_change_begin,
	.commit = notify_change_commit,
	.finish = notify_change_finish},
    [GATE_KEYS] = {.can = AUDIT,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = keys_begin,
	.commit = keys_commit,
	.finish = keys_finish},
    [GATE_KEY_ROTATE] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = key_rotate_begin,
	.commit = key_commit,
	.finish = key_finish},
    [GATE_KEY_DESTROY] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = key_destroy_begin,
	.commit = key_commit,
	.read = key_read,
	.finish = key_finish},
    [GATE_CLOCK_ACCEPT] = {.can = CAN_OPERATOR,
	.local = true,
	.lane = LANE_CONTROL,
	.begin = clock_accept_begin,
	.commit = clock_accept_commit,
	.finish = control_finish},
    [GATE_WHO] = {.can = ANYBODY, .lane = LANE_CONTROL, .begin = who_begin},
    [GATE_SIGN_IN] = {.can = ANYBODY,
	.lane = LANE_CONTROL,
	.begin = sign_in_begin,
	.commit = sign_commit,
	.finish = sign_finish},
    [GATE_SIGN_OUT] = {.can = ANYBODY,
	.lane = LANE_CONTROL,
	.begin = sign_out_begin,
	.commit = sign_commit,
	.finish = sign_finish},
};

void
gate_call_init(struct gate_call *call, enum gate_verb verb)
{
	memset(call, 0, sizeof(*call));
	call->verb = verb;
	call->reply.cap = CALL_REPLY_CAP;
	call->arena.cap = CALL_ARENA_CAP;
}

void
gate_call_done(struct gate_call *call)
{
	struct gate_work *work = call->work;

	if (work != NULL && work->verb->release != NULL && work->data != NULL) {
		work->verb->release(work);
	}
	gk_buf_done(&call->reply);
	gk_arena_done(&call->arena);
	call->work = NULL;
}

void *
gate__data(struct gate_call *call, size_t n)
{
	if (call->work->data == NULL) {
		call->work->data = gk_arena_alloc(&call->arena, n);
	}
	if (call->work->data == NULL) {
		(void)gate__failed(call, &(struct gk_err){.rc = GK_E_NOMEM});
	}
	return call->work->data;
}

unsigned
gate__can(const struct gate_call *call)
{
	return call->local ? CAN_OPERATOR | CAN_AUDITOR | CAN_METRICS
			   : identity_can(call->caller);
}

bool
gate__sees_tenant(const struct gate_call *call, const char *tenant)
{
	return call->local || identity_has_tenant(call->caller, tenant);
}

const char *
gate__param(const struct gate_call *call, const char *name)
{
	for (size_t i = 0; i < call->param_count; i++) {
		if (strcmp(call->params[i].name, name) == 0) {
			return call->params[i].value;
		}
	}
	return NULL;
}

bool
gate__limit_param(
    struct gate_call *call, size_t standard, size_t max, size_t *ret)
{
	const char *value = gate__param(call, "limit");
	size_t n = 0;

	*ret = standard;
	if (value == NULL) {
		return true;
	}
	for (const char *at = value; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || n > max) {
			n = 0;
			break;
		}
		n = n * 10 + (size_t)(*at - '0');
	}
	if (n < 1 || n > max) {
		(void)gate__bad_param(call, "limit",
		    gk_arena_printf(&call->arena, "expected 1 to %zu", max));
		return false;
	}
	*ret = n;
	return true;
}

bool
gate__sees_all(struct gate_call *call)
{
	if (gate__sees_tenant(call, "*")) {
		return true;
	}
	(void)gate__problem(call, GATE_FORBIDDEN, "tenant_not_permitted",
	    "it concerns everybody: only who sees all tenants may");
	return false;
}

bool
gate__tenant(
    struct gate_call *call, const char *wanted, const char **ret_tenant)
{
	const struct identity *caller = call->caller;

	if (wanted == NULL && !call->local && caller->tenant_count == 1 &&
	    strcmp(caller->tenants[0], "*") != 0) {
		wanted = caller->tenants[0];
	}
	*ret_tenant = wanted;
	if (gate__sees_tenant(call, wanted)) {
		return true;
	}
	call->pointer = "/tenant_id";
	(void)(wanted == NULL
		   ? gate__problem(call, GATE_BAD_REQUEST, "tenant_required",
			 "the identity has several tenants: say which")
		   : gate__problem(call, GATE_FORBIDDEN, "tenant_not_permitted",
			 "the identity may not speak for that tenant"));
	return false;
}

static enum gate_step
dispatch(struct gate *gate, struct gate_call *call, enum gate_go go)
{
	struct gate_work *work = call->work;
	enum gate_lane lane = work->verb->lane;

	if (work->ended || go == GO_DONE) {
		return GATE_FINISHED;
	}
	if (go == GO_READ) {
		lane = LANE_READ;
	}
	return gate__queue_push(gate, work, lane) ? GATE_QUEUED : GATE_FINISHED;
}

static bool
may_begin(struct gate *gate, struct gate_call *call)
{
	const struct gate_verb_type *verb = &gate_verbs[call->verb];

	bool open = verb->published && gate->options.publish_log;

	if ((!open && (gate__can(call) & verb->can) == 0) ||
	    (call->local && !verb->local)) {
		(void)gate__problem(call, GATE_FORBIDDEN, "not_permitted",
		    "the identity lacks the permission");
		return false;
	}
	if (verb->metered && !call->local &&
	    !gate__admit(gate, call->caller->id, &call->retry_after_ms)) {
		metrics_count(&gate->metrics.refused_admission, 1);
		(void)gate__problem(call, GATE_TOO_MANY, "admission_rate",
		    "this identity calls too often");
		return false;
	}
	return true;
}

enum gate_step
gate_begin(struct gate *gate, struct gate_call *call)
{
	bool next_page = call->more;

	call->more = false;
	if ((unsigned)call->verb >= GATE_VERB_COUNT ||
	    gate_verbs[call->verb].begin == NULL || call->caller == NULL) {
		(void)gate__problem(
		    call, GATE_FAILED, "internal", "not a verb of the gate");
		return GATE_FINISHED;
	}
	if (!next_page) {
		call->work = gk_arena_alloc(&call->arena, sizeof(*call->work));
		if (call->work == NULL) {
			(void)gate__failed(
			    call, &(struct gk_err){.rc = GK_E_NOMEM});
			return GATE_FINISHED;
		}
		call->work->call = call;
		call->work->verb = &gate_verbs[call->verb];
		if (!may_begin(gate, call)) {
			return GATE_FINISHED;
		}
	}
	gk_buf_clear(&call->reply);
	return dispatch(gate, call, call->work->verb->begin(gate, call));
}

enum gate_step
gate_finish(struct gate *gate, struct gate_call *call)
{
	struct gate_work *work = call->work;

	if (work == NULL || work->ended || work->verb->finish == NULL) {
		return GATE_FINISHED;
	}
	return dispatch(gate, call, work->verb->finish(gate, call));
}

enum gate_go
ready_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	(void)call;
	return GO_DONE;
}

/* ---- for programs of one thread ---- */

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done;
	void *user;
};

static void
wake(struct gate_call *call)
{
	struct waiting *waiting = call->user;

	pthread_mutex_lock(&waiting->lock);
	waiting->done = true;
	(void)pthread_cond_signal(&waiting->wake);
	pthread_mutex_unlock(&waiting->lock);
}

void
gate_do(struct gate *gate, struct gate_call *call)
{
	struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .wake = PTHREAD_COND_INITIALIZER,
	    .user = call->user};
	void (*done)(struct gate_call *) = call->done;
	enum gate_step step;

	call->user = &waiting;
	call->done = wake;
	step = gate_begin(gate, call);
	while (step == GATE_QUEUED) {
		pthread_mutex_lock(&waiting.lock);
		while (!waiting.done) {
			(void)pthread_cond_wait(&waiting.wake, &waiting.lock);
		}
		waiting.done = false;
		pthread_mutex_unlock(&waiting.lock);
		step = gate_finish(gate, call);
	}
	call->user = waiting.user;
	call->done = done;
	(void)pthread_mutex_destroy(&waiting.lock);
	(void)pthread_cond_destroy(&waiting.wake);
}
