/*
 * What is decided: findings × switches, counters, budgets, grants and known steps.
 *
 * The layers stand in decide() in the order in which they are judged; the first
 * that doesn't let the action through has decided.  Nothing here changes the
 * ledger: the event that comes out carries all that apply will need.
 */
#include <stdio.h>
#include <string.h>

#include "ledger/work.h"

enum gk_rc
work_no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "decision");
}

void
work_say(struct work *work, enum decision decision, enum layer layer,
    const char *rule, const char *reason)
{
	work->event->has_decision = true;
	work->event->decision = (int)decision;
	work->event->layer = (int)layer;
	work->event->rule = rule;
	work->event->reason = reason;
}

void
work_stop(
    struct work *work, enum layer layer, const char *rule, const char *reason)
{
	work_say(work, DECISION_STOP, layer, rule, reason);
}

static enum gk_rc
draft(struct work *work, struct gk_err *err)
{
	const struct decision_ask *ask = work->ask;
	const struct decision_request *request = ask->request;
	struct event *event = work->event;
	char *id = gk_arena_alloc(work->arena, ID_TEXT_BYTES);

	if (id == NULL) {
		return work_no_memory(err);
	}
	id_print(&work->ledger->id_key, ID_DECISION, work->at->seq, id);
	event->seq = work->at->seq;
	event->timestamp_us = work->at->now_us;
	event->kind = EVENT_DECISION;
	event->caller = ask->caller->id;
	event->agent_id = identity_agent(ask->caller);
	event->tenant_id = ask->tenant;
	event->run_id = request->run_id;
	event->step_id =
	    ask->granted_step != NULL ? ask->granted_step : request->step_id;
	event->parent_step_id = ask->granted_step != NULL
				    ? request->step_id
				    : request->parent_step_id;
	event->parent_run_id = request->parent_run_id;
	event->traceparent = request->traceparent;
	event->action = request->action;
	event->action_key = ask->action_key;
	event->args_hash = ask->args_hash;
	event->context_hash = ask->context_hash;
	event->asked_at_us = ask->asked_at_us;
	event->decision_id = id;
	event->policy = ask->findings->policy;
	event->scope = ask->tenant != NULL ? SCOPE_TENANT : SCOPE_NONE;
	if (request->actor == NULL) {
		return GK_OK;
	}
	event->actor = gk_arena_alloc(work->arena, sizeof(*event->actor));
	if (event->actor == NULL) {
		return work_no_memory(err);
	}
	*event->actor = *request->actor;
	event->actor->id = alias_now(ask);
	return GK_OK;
}

/* ---- shadow ---- */

static void
shadow_add(struct work *work, const char *rule, const char *reason,
    enum layer layer, enum shadow_verdict would)
{
	struct event *event = work->event;

	if (event->shadow_count < FINDINGS_SHADOW_MAX) {
		event->shadow[event->shadow_count++] =
		    (struct event_shadow){rule, reason, (int)layer, (int)would};
	}
}

/* What shadow rules would have said; they are judged, never enforced or charged. */
static enum gk_rc
shadows(struct work *work, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	struct limit_verdict verdict;

	work->event->shadow = gk_arena_calloc(
	    work->arena, FINDINGS_SHADOW_MAX, sizeof(*work->event->shadow));
	if (work->event->shadow == NULL) {
		return work_no_memory(err);
	}
	for (size_t i = 0; i < found->shadow_count; i++) {
		const struct shadow_finding *s = &found->shadow[i];

		shadow_add(work, s->rule, s->reason, s->layer, s->would);
	}
	for (size_t i = 0; i < found->limit_count; i++) {
		const struct limit_finding *limit = &found->limits[i];

		if (!limit->shadow) {
			continue;
		}
		counter_check_limit(work->ledger, work->run, limit, work->ask,
		    work->at->now_us, &verdict);
		if (verdict.refused) {
			shadow_add(work, limit->rule, limit->reason,
			    LAYER_RATE_LIMIT, SHADOW_STOPS);
		}
	}
	for (size_t i = 0; i < found->budget_count; i++) {
		const struct budget_finding *budget = &found->budgets[i];

		if (!budget->shadow) {
			continue;
		}
		counter_check_budget(work->ledger, work->run, budget, work->ask,
		    work->at->now_us, &verdict);
		if (verdict.refused) {
			shadow_add(work, budget->rule, budget->reason,
			    LAYER_BUDGET, SHADOW_STOPS);
		}
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		const struct approval_finding *approval = &found->approvals[i];

		if (approval->shadow) {
			shadow_add(work, approval->rule, approval->reason,
			    LAYER_APPROVAL, SHADOW_ASKS);
		}
	}
	return GK_OK;
}

/* ---- limits and budgets ---- */

enum gk_rc
work_charge(struct work *work, const struct charge *charge, struct gk_err *err)
{
	struct event *event = work->event;

	if (event->charge_count == EVENT_CHARGES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "more than %d limits and budgets apply to one request",
		    EVENT_CHARGES_MAX);
	}
	event->charges[event->charge_count++] = *charge;
	return GK_OK;
}

/*
 * All limits.  A shadow's state is kept too, so that it would have refused at
 * the right time: it is charged, never enforced.
 */
static enum gk_rc
limits(struct work *work, bool *ret_stopped, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	struct limit_verdict verdict;

	*ret_stopped = false;
	for (size_t i = 0; i < found->limit_count; i++) {
		const struct limit_finding *limit = &found->limits[i];

		counter_check_limit(work->ledger, work->run, limit, work->ask,
		    work->at->now_us, &verdict);
		if (verdict.refused && limit->shadow) {
			continue;
		}
		if (verdict.refused) {
			work_stop(
			    work, LAYER_RATE_LIMIT, limit->rule, limit->reason);
			work->event->scope = (int)limit->per;
			work->ret->retry_after_ms = verdict.retry_after_ms;
			work->event->charge_count =
			    0; /* who is refused pays nothing */
			*ret_stopped = true;
			return GK_OK;
		}
		GK_TRY(work_charge(work, &verdict.charge, err));
	}
	return GK_OK;
}

static const char *
budget_reason(const struct budget_finding *budget)
{
	if (budget->cost_micros >= 0) {
		return budget->reason;
	}
	return budget->cost_missing == NULL ? "cost_missing"
					    : budget->cost_missing;
}

/* All budgets: *ret_reserve is where the reservations begin in event->charges. */
static enum gk_rc
budgets(struct work *work, bool *ret_stopped, size_t *ret_reserve,
    struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	struct limit_verdict verdict;

	*ret_stopped = false;
	*ret_reserve = work->event->charge_count;
	for (size_t i = 0; i < found->budget_count; i++) {
		const struct budget_finding *budget = &found->budgets[i];

		counter_check_budget(work->ledger, work->run, budget, work->ask,
		    work->at->now_us, &verdict);
		if (verdict.refused && budget->shadow) {
			continue;
		}
		if (verdict.refused) {
			work_stop(work, LAYER_BUDGET, budget->rule,
			    budget_reason(budget));
			work->event->scope = (int)budget->per;
			work->ret->retry_after_ms = verdict.retry_after_ms;
			work->event->charge_count = *ret_reserve;
			*ret_stopped = true;
			return GK_OK;
		}
		GK_TRY(work_charge(work, &verdict.charge, err));
	}
	return GK_OK;
}

/* ---- the order ---- */

static enum gk_rc
use_grant(struct work *work, struct gk_err *err)
{
	struct settle_at next = *work->at;
	struct event *used = &work->ret->events[1];
	int64_t use = work->grant->used + 1;
	char suffix[32] = "used";

	next.seq++;
	if (work->grant->bound.uses > 0) {
		(void)snprintf(
		    suffix, sizeof(suffix), "used/%lld", (long long)use);
	}
	GK_TRY(approval_draft(work->ledger, work->grant, &next, CHANGE_USED,
	    suffix, work->arena, used, err));
	used->use = work->grant->bound.uses > 0 ? use : 0;
	used->caller = work->ask->caller->id;
	used->decision_id = work->event->decision_id;
	work->ret->event_count = 2;
	return GK_OK;
}

static enum gk_rc
allow(struct work *work, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	struct event *event = work->event;

	if (work->ask->no_space || work->ask->unwitnessed) {
		work_stop(work, LAYER_JOURNAL, NULL,
		    work->ask->no_space ? "audit_space" : "audit_unwitnessed");
		event->charge_count = 0;
		return GK_OK;
	}
	work_say(work, DECISION_ALLOW, LAYER_ACCESS, found->access_rule,
	    found->access_reason);
	event->valid_until_us = work->at->now_us + found->allow_valid_us;
	event->result_by_us = work->at->now_us + found->result_within_us;
	if (work->grant == NULL) {
		return GK_OK;
	}
	event->layer = LAYER_APPROVAL;
	event->rule = work->grant->rules[0].rule;
	event->reason = "approval_granted";
	if (work->grant->bound.uses > 0 &&
	    work->grant->grant_until_us < event->valid_until_us) {
		event->valid_until_us = work->grant->grant_until_us;
	}
	if (work->grant->used + 1 >= work->grant->bound.uses) {
		work->ret->approval->status = APPROVAL_USED;
	}
	return use_grant(work, err);
}

static bool
stopped_by_switch(struct work *work)
{
	const struct kill_switch *found =
	    switch_covering(work->ledger, work->ask);

	if (found == NULL) {
		return false;
	}
	work_stop(work, LAYER_KILL_SWITCH, found->what.id, "kill_switch");
	work->event->scope = found->what.scope;
	return true;
}

static enum gk_rc
decide(struct work *work, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	const struct approval_finding *asking = work_first_asking(found);
	bool done = false;
	size_t reserve;

	if (stopped_by_switch(work)) {
		return GK_OK;
	}
	if (found->access != ACCESS_PASSES) {
		work_stop(work, LAYER_ACCESS, found->access_rule,
		    found->access_reason);
		return GK_OK;
	}
	if (work->ask->request->approval_id != NULL) {
		GK_TRY(work_resume(work, &done, err));
		if (done) {
			return GK_OK;
		}
	}
	if (!work->is_charged) {
		GK_TRY(limits(work, &done, err));
		if (done) {
			return GK_OK;
		}
	}
	GK_TRY(budgets(work, &done, &reserve, err));
	if (done) {
		return GK_OK;
	}
	if (asking == NULL ||
	    (work->grant != NULL && approval_covers(work->grant, found))) {
		return allow(work, err);
	}
	GK_TRY(work_find_bound(work, err));
	if (work->grant != NULL) {
		return allow(work, err);
	}
	work->event->charge_count = reserve; /* reserved on allow only */
	work->ret->approval = NULL;
	return work_ask_approval(work, asking, err);
}

/* May this caller use this run?  SETTLE_EVENTS: yes. */
static void
admit(struct work *work)
{
	const struct ledger *ledger = work->ledger;
	const struct identity *caller = work->ask->caller;
	struct settlement *ret = work->ret;

	if (!ledger_identity_lives(ledger, caller, work->at->now_us)) {
		ret->refusal = REFUSAL_IDENTITY_REVOKED;
	} else if (work->run == NULL && !work->at->run_is_new) {
		ret->outcome = SETTLE_MISS;
	} else if (work->run == NULL && run_live_count(ledger, caller->id) >=
					    ledger->limits.runs_per_identity) {
		ret->refusal = REFUSAL_TOO_MANY_RUNS;
	} else if (work->run != NULL &&
		   !ledger__same(work->run->agent, identity_agent(caller))) {
		ret->refusal = REFUSAL_RUN_NOT_YOURS;
	} else if (work->run != NULL && work->run->ended) {
		ret->refusal = REFUSAL_RUN_ENDED;
	} else {
		ret->outcome = SETTLE_EVENTS;
	}
}

enum gk_rc
ledger_settle_decision(const struct ledger *ledger, const struct settle_at *at,
    const struct decision_ask *ask, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	struct work work = {.ledger = ledger,
	    .at = at,
	    .ask = ask,
	    .arena = arena,
	    .event = &ret->events[0],
	    .ret = ret};
	const struct step *step = NULL;

	memset(ret, 0, sizeof(*ret));
	work.run = run_find(ledger, ask->tenant, ask->request->run_id);
	admit(&work);
	if (ret->outcome != SETTLE_EVENTS) {
		return GK_OK;
	}
	ret->outcome = SETTLE_REFUSED;
	GK_TRY(draft(&work, err));
	if (work.run != NULL) {
		step = step_find(work.run, work.event->step_id);
	}
	if (step != NULL) {
		return work_retry(&work, step, err);
	}
	work.event->charges = gk_arena_calloc(
	    arena, EVENT_CHARGES_MAX, sizeof(*work.event->charges));
	if (work.event->charges == NULL) {
		return work_no_memory(err);
	}
	ret->event_count = 1;
	GK_TRY(shadows(&work, err));
	GK_TRY(decide(&work, err));
	ret->outcome = SETTLE_EVENTS;
	return GK_OK;
}
