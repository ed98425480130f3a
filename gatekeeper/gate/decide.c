/* POST /v1/decisions: judged in the caller's thread, settled in the commit thread, answered when it is on disk. */
#include <stdio.h>
#include <string.h>

#include "gate/prepare.h"

static int64_t
wait_of(const struct gate_call *call)
{
	int64_t max = 300 * GK_US_PER_S;

	return call->wait_us < max ? call->wait_us : max;
}

static enum gate_go
judge(struct gate *gate, struct gate_call *call, struct decide *decide)
{
	decide->again = AGAIN_NO;
	return prepare_judge(gate, call, decide) ? GO_COMMIT : GO_DONE;
}

enum gate_go
decide_begin(struct gate *gate, struct gate_call *call)
{
	struct decide *decide = gate__data(call, sizeof(*decide));

	if (decide == NULL ||
	    !prepare_request(gate, call, decide, call->body) ||
	    !gate__tenant(call, decide->request.tenant_id, &decide->tenant)) {
		return GO_DONE;
	}
	decide->asker = call->caller;
	return judge(gate, call, decide);
}

static struct decision_ask
ask_of(const struct gate *gate, const struct decide *decide)
{
	const struct prepared_hashes *hashes = &decide->hashes[0];

	return (struct decision_ask){
	    .request = &decide->request,
	    .caller = decide->asker,
	    .tenant = decide->tenant,
	    .action_key = hashes->action_key,
	    .args_hash = hashes->args_hash,
	    .context_hash =
		hashes->context_hash[0] == '\0' ? NULL : hashes->context_hash,
	    .older = decide->older,
	    .older_count = decide->older_count,
	    .pins = decide->pins,
	    .pin_count = decide->pin_count,
	    .actor_alias = hashes->actor[0] == '\0' ? NULL : hashes->actor,
	    .pseudonymize = gate->options.pseudonymize_actors,
	    .asked_at_us = decide->asked_at_us,
	    .findings = &decide->findings,
	    .shown = decide->shown.shown,
	    .shown_count = decide->shown.count,
	    .shown_until = decide->shown.until,
	    .shown_until_count = decide->shown.until_count,
	    .granted_step = decide->granted_step,
	    .no_space =
		atomic_load_explicit(&gate->no_space, memory_order_relaxed),
	    .unwitnessed =
		atomic_load_explicit(&gate->unwitnessed, memory_order_relaxed),
	};
}

/* Whose identity the actor's id is, as a pseudonym: so that they don't grant what was asked for them. */
static enum gk_rc
name_person(struct gate *gate, const struct decide *decide,
    struct decision_ask *ask, struct gk_err *err)
{
	const struct actor *actor = decide->request.actor;
	const char *person =
	    actor == NULL ? NULL : ledger_person_of(gate->ledger, actor->id);
	char *text;

	if (person == NULL || !ask->pseudonymize) {
		return GK_OK;
	}
	text = gk_arena_alloc(&gate->scratch, GATE_HASH_BYTES);
	if (text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "decision");
	}
	hash_actor(&gate->hash_keys.keys[0], person, text);
	ask->actor_person = text;
	return GK_OK;
}

enum gk_rc
decide_settle(struct gate *gate, const struct decide *decide,
    struct settlement *ret, struct gk_err *err)
{
	struct decision_ask ask = ask_of(gate, decide);
	struct settle_at at = gate__at(gate);

	GK_TRY(name_person(gate, decide, &ask, err));
	GK_TRY(ledger_settle_decision(
	    gate->ledger, &at, &ask, &gate->scratch, ret, err));
	if (ret->outcome == SETTLE_MISS) {
		GK_TRY(gate__recall(gate, decide->tenant,
		    decide->request.run_id, &at.run_is_new, err));
		return ledger_settle_decision(
		    gate->ledger, &at, &ask, &gate->scratch, ret, err);
	}
	return GK_OK;
}

/* The approval that the answer speaks of, as it is after the event. */
static enum gk_rc
show_approval(struct gate *gate, struct gate_work *work,
    const struct event *event, struct approval_view *ret_view,
    struct gk_err *err)
{
	struct decide *decide = work->data;
	const char *id =
	    event->approval != NULL ? event->approval->id : event->approval_id;

	memset(ret_view, 0, sizeof(*ret_view));
	if (id == NULL ||
	    !id_parse(&gate->id_key, ID_APPROVAL, id, &work->approval_seq)) {
		return GK_OK;
	}
	if (!ledger_approval(
		gate->ledger, work->approval_seq, &gate->scratch, ret_view)) {
		return GK_OK;
	}
	return gate__approval_ref(
	    ret_view, &work->call->arena, &decide->answer.approval, err);
}

/* Held until the approval is resolved, if the caller wants to wait. */
static void
wait_or_go(struct gate *gate, struct gate_work *work, int status)
{
	struct decide *decide = work->data;

	if (decide->answer.decision != DECISION_APPROVAL_REQUIRED ||
	    wait_of(work->call) <= 0 || decide->answer.approval == NULL ||
	    decide->granted_step != NULL) {
		return;
	}
	if (status == APPROVAL_GRANTED) {
		decide->again = AGAIN_GRANTED;
	} else if (status == APPROVAL_PENDING) {
		if (work->wait_until_us == 0) {
			work->wait_until_us =
			    gate__now(gate) + wait_of(work->call);
		}
		work->approval_status = status;
		work->go = GO_WAIT;
	}
}

static enum gk_rc
answer_events(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct decide *decide = work->data;
	struct settlement *settlement = &gate->settlement;
	struct event *event = &settlement->events[0];
	struct approval_view view;
	struct digest leaf;
	bool shown = event->shown_count > 0;
	const char *approval_id;

	GK_TRY(gate__answer(
	    event, NULL, &work->call->arena, &decide->answer, err));
	decide->answer.retry_after_ms = settlement->retry_after_ms;
	approval_id =
	    event->approval != NULL ? event->approval->id : event->approval_id;
	if (approval_id != NULL) {
		approval_id = gk_arena_strdup(&work->call->arena, approval_id);
		if (approval_id == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "answer");
		}
	}
	GK_TRY(gate__record(gate, settlement,
	    shown ? decide->shown.openings : NULL,
	    shown ? decide->shown.count : 0, &leaf, err));
	GK_TRY(gate__event_ref((uint64_t)decide->answer.event->seq, &leaf,
	    &work->call->arena, &decide->answer.event, err));
	GK_TRY(show_approval(gate, work,
	    &(struct event){.approval_id = approval_id}, &view, err));
	wait_or_go(gate, work, view.status);
	return GK_OK;
}

static enum gk_rc
answer_replay(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct decide *decide = work->data;
	struct approval_view view;
	struct digest leaf;
	struct event event;
	bool found;

	GK_TRY(gate__read_event(gate, journal_reader(gate->journal),
	    gate->settlement.replay_seq, &gate->scratch, &event, &leaf, &found,
	    err));
	if (!found &&
	    gate->settlement.replay_seq < atomic_load(&gate->minimum)) {
		(void)gate__gone(gate, work->call, gate->settlement.replay_seq);
		return GK_OK;
	}
	if (!found) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "event %llu of a known step is missing",
		    (unsigned long long)gate->settlement.replay_seq);
	}
	GK_TRY(gate__answer(
	    &event, &leaf, &work->call->arena, &decide->answer, err));
	decide->answer.replayed = true;
	metrics_count(&gate->metrics.replays, 1);
	GK_TRY(show_approval(gate, work, &event, &view, err));
	if (!gate->settlement.has_successor) {
		wait_or_go(gate, work, view.status);
	}
	return GK_OK;
}

enum gk_rc
decide_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct decide *decide = work->data;
	struct settlement *settlement = &gate->settlement;

	if (decide->findings.generation != gate->generation ||
	    decide->key_generation != gate->hash_keys.generation) {
		decide->again = AGAIN_STALE;
		return GK_OK;
	}
	GK_TRY(decide_settle(gate, decide, settlement, err));
	switch (settlement->outcome) {
	case SETTLE_EVENTS:
		return answer_events(gate, work, err);
	case SETTLE_REPLAY:
		return answer_replay(gate, work, err);
	case SETTLE_REFUSED:
		if (settlement->event_count > 0) {
			GK_TRY(
			    gate__record(gate, settlement, NULL, 0, NULL, err));
		}
		(void)gate__refused(work->call, settlement->refusal);
		return GK_OK;
	case SETTLE_MISS:
	case SETTLE_NOTHING:
		break;
	}
	return GK_FAIL(err, GK_E_CORRUPT, "a decision that can't be settled");
}

void
decide_wake(struct gate *gate, struct gate_work *work)
{
	struct decide *decide = work->data;
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct gk_err err = {.rc = GK_OK};
	struct approval_view view;

	work->go = GO_DONE;
	if (ledger_approval(gate->ledger, work->approval_seq, &arena, &view)) {
		if (gate__approval_ref(&view, &work->call->arena,
			&decide->answer.approval, &err) != GK_OK) {
			(void)gate__failed(work->call, &err);
		} else if (view.status == APPROVAL_GRANTED) {
			decide->again = AGAIN_GRANTED;
		}
	}
	gk_arena_done(&arena);
}

/* A grant came for one who waited: the same action, as a step of its own. */
static enum gate_go
ask_granted(struct gate *gate, struct gate_call *call, struct decide *decide)
{
	if (atomic_load(&gate->queue.stopping) ||
	    (call->alive != NULL && !call->alive(call))) {
		return gate__reply(
		    call, GATE_OK, &gate_answer_type, &decide->answer);
	}
	decide->granted_step = gk_arena_printf(
	    &call->arena, "%s~granted", decide->request.step_id);
	decide->request.approval_id = decide->answer.approval->approval_id;
	decide->request.parent_step_id = decide->request.step_id;
	if (decide->granted_step == NULL) {
		return gate__failed(call, &(struct gk_err){.rc = GK_E_NOMEM});
	}
	decide->asked_at_us = gate__now(gate);
	return judge(gate, call, decide);
}

enum gate_go
decide_finish(struct gate *gate, struct gate_call *call)
{
	struct decide *decide = call->work->data;

	switch (decide->again) {
	case AGAIN_STALE:
		if (++decide->tries > GATE_TRIES_MAX) {
			call->retry_after_ms = 100;
			return gate__problem(call, GATE_UNAVAILABLE,
			    "policy_changing",
			    "the policy keeps changing; ask again");
		}
		metrics_count(&gate->metrics.rejudged, 1);
		return prepare_hashes(gate, call, decide)
			   ? judge(gate, call, decide)
			   : GO_DONE;
	case AGAIN_GRANTED:
		return ask_granted(gate, call, decide);
	case AGAIN_NO:
		break;
	}
	return gate__reply(call, GATE_OK, &gate_answer_type, &decide->answer);
}

void
decide_release(struct gate_work *work)
{
	struct decide *decide = work->data;

	if (decide->policy != NULL) {
		policy_unpinp(&decide->policy);
	}
	if (decide->table != NULL) {
		gate_identities_unpin(decide->table);
	}
}
