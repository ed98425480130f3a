/*
 * What is decided: findings × switches, counters, budgets, grants and known steps.
 *
 * The layers stand in decide() in the order in which they are judged; the first
 * that doesn't let the action through has decided.  Nothing here changes the
 * ledger: the event that comes out carries all that apply will need.
 */
#include <stdio.h>
#include <string.h>

#include "ledger/ledger_internal.h"

/* One settlement on its way. */
struct work {
	const struct ledger *ledger;
	const struct settle_at *at;
	const struct decision_ask *ask;
	struct gk_arena *arena;
	const struct run *run;        /* NULL: new */
	const struct approval *grant; /* granted, and every binding equal */
	struct event *event;          /* the decision */
	struct settlement *ret;
};

static enum gk_rc
no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "decision");
}

static void
say(struct work *work, enum decision decision, enum layer layer,
    const char *rule, const char *reason)
{
	work->event->has_decision = true;
	work->event->decision = (int)decision;
	work->event->layer = (int)layer;
	work->event->rule = rule;
	work->event->reason = reason;
}

static void
stop(struct work *work, enum layer layer, const char *rule, const char *reason)
{
	say(work, DECISION_STOP, layer, rule, reason);
}

static enum gk_rc
draft(struct work *work, struct gk_err *err)
{
	const struct decision_ask *ask = work->ask;
	const struct decision_request *request = ask->request;
	struct event *event = work->event;
	char *id = gk_arena_alloc(work->arena, ID_TEXT_BYTES);

	if (id == NULL) {
		return no_memory(err);
	}
	id_print(&work->ledger->id_key, ID_DECISION, work->at->seq, id);
	event->seq = work->at->seq;
	event->timestamp_us = work->at->now_us;
	event->kind = EVENT_DECISION;
	event->caller = ask->caller->id;
	event->agent_id = identity_agent(ask->caller);
	event->actor = request->actor;
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
	return GK_OK;
}

/* ---- shadow ---- */

static void
shadow_add(struct work *work, const char *rule, const char *reason,
    enum layer layer, enum decision decision)
{
	struct event *event = work->event;

	if (event->shadow_count < FINDINGS_SHADOW_MAX) {
		event->shadow[event->shadow_count++] = (struct event_shadow){
		    rule, reason, (int)layer, (int)decision};
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
		return no_memory(err);
	}
	for (size_t i = 0; i < found->shadow_count; i++) {
		const struct shadow_finding *s = &found->shadow[i];

		shadow_add(work, s->rule, s->reason, s->layer, s->decision);
	}
	for (size_t i = 0; i < found->limit_count; i++) {
		const struct limit_finding *limit = &found->limits[i];

		if (!limit->shadow) {
			continue;
		}
		counter_check_limit(work->ledger, work->run, limit,
		    work->ask->action_key, work->at->now_us, &verdict);
		if (verdict.refused) {
			shadow_add(work, limit->rule, limit->reason,
			    LAYER_RATE_LIMIT, DECISION_STOP);
		}
	}
	for (size_t i = 0; i < found->budget_count; i++) {
		const struct budget_finding *budget = &found->budgets[i];

		if (!budget->shadow) {
			continue;
		}
		counter_check_budget(work->ledger, work->run, budget,
		    work->at->now_us, &verdict);
		if (verdict.refused) {
			shadow_add(work, budget->rule, budget->reason,
			    LAYER_BUDGET, DECISION_STOP);
		}
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		const struct approval_finding *approval = &found->approvals[i];

		if (approval->shadow) {
			shadow_add(work, approval->rule, approval->reason,
			    LAYER_APPROVAL, DECISION_APPROVAL_REQUIRED);
		}
	}
	return GK_OK;
}

/* ---- limits and budgets ---- */

static enum gk_rc
charge_add(struct work *work, const struct charge *charge, struct gk_err *err)
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

		counter_check_limit(work->ledger, work->run, limit,
		    work->ask->action_key, work->at->now_us, &verdict);
		if (verdict.refused && limit->shadow) {
			continue;
		}
		if (verdict.refused) {
			stop(
			    work, LAYER_RATE_LIMIT, limit->rule, limit->reason);
			work->event->scope = (int)limit->per;
			work->ret->retry_after_ms = verdict.retry_after_ms;
			work->event->charge_count =
			    0; /* who is refused pays nothing */
			*ret_stopped = true;
			return GK_OK;
		}
		GK_TRY(charge_add(work, &verdict.charge, err));
	}
	return GK_OK;
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

		counter_check_budget(work->ledger, work->run, budget,
		    work->at->now_us, &verdict);
		if (verdict.refused && budget->shadow) {
			continue;
		}
		if (verdict.refused) {
			stop(work, LAYER_BUDGET, budget->rule,
			    budget->cost_micros < 0 ? "cost_missing"
						    : budget->reason);
			work->event->scope = (int)budget->per;
			work->ret->retry_after_ms = verdict.retry_after_ms;
			work->event->charge_count = *ret_reserve;
			*ret_stopped = true;
			return GK_OK;
		}
		GK_TRY(charge_add(work, &verdict.charge, err));
	}
	return GK_OK;
}

/* ---- approvals ---- */

static const struct approval_finding *
first_asking(const struct findings *found)
{
	for (size_t i = 0; i < found->approval_count; i++) {
		if (!found->approvals[i].shadow) {
			return &found->approvals[i];
		}
	}
	return NULL;
}

static enum gk_rc
terms_rules(struct work *work, struct approval_terms *terms, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;

	terms->rules = gk_arena_calloc(
	    work->arena, found->approval_count, sizeof(*terms->rules));
	if (terms->rules == NULL) {
		return no_memory(err);
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		const struct approval_finding *from = &found->approvals[i];
		struct approval_rule *rule = &terms->rules[terms->rule_count];
		int64_t expires = work->at->now_us + from->expires_us;
		int64_t valid_ms = from->grant_valid_us / 1000;

		if (from->shadow) {
			continue;
		}
		terms->rule_count++;
		if (terms->expires_us == 0 || expires < terms->expires_us) {
			terms->expires_us = expires;
		}
		if (terms->grant_valid_ms == 0 ||
		    valid_ms < terms->grant_valid_ms) {
			terms->grant_valid_ms = valid_ms;
		}
		rule->rule = from->rule;
		rule->digest = from->digest;
		rule->reason = from->reason;
		rule->needed = from->needed;
		rule->group_count = from->group_count;
		rule->groups = gk_arena_calloc(
		    work->arena, from->group_count, sizeof(*rule->groups));
		if (rule->groups == NULL) {
			return no_memory(err);
		}
		for (size_t k = 0; k < from->group_count; k++) {
			rule->groups[k] = from->groups[k];
		}
	}
	return GK_OK;
}

static enum gk_rc
name_approval(struct work *work, uint64_t seq, struct gk_err *err)
{
	char *id = gk_arena_alloc(work->arena, ID_TEXT_BYTES);

	if (id == NULL) {
		return no_memory(err);
	}
	id_print(&work->ledger->id_key, ID_APPROVAL, seq, id);
	work->event->approval_id = id;
	return GK_OK;
}

/* The approval that the answer speaks of, when it exists already. */
static enum gk_rc
show_approval(
    struct work *work, const struct approval *approval, struct gk_err *err)
{
	GK_TRY(name_approval(work, approval->seq, err));
	return approval_view_new(
	    work->ledger, approval, work->arena, &work->ret->approval, err);
}

/* The view of an approval that this very event opens. */
static enum gk_rc
show_new_approval(struct work *work, struct gk_err *err)
{
	const struct approval_terms *terms = work->event->approval;
	struct approval_view *view = gk_arena_alloc(work->arena, sizeof(*view));

	if (view == NULL) {
		return no_memory(err);
	}
	(void)snprintf(view->approval_id, sizeof(view->approval_id), "%s",
	    work->event->approval_id);
	view->seq = work->event->seq;
	view->status = APPROVAL_PENDING;
	view->expires_at_us = terms->expires_us;
	for (size_t i = 0; i < terms->rule_count; i++) {
		view->needed += terms->rules[i].needed;
	}
	work->ret->approval = view;
	return GK_OK;
}

/* Approval is needed: join an identical pending one, or open one. */
static enum gk_rc
ask_approval(
    struct work *work, const struct approval_finding *first, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	const struct approval *twin =
	    work->run == NULL ? NULL
			      : approval_twin(work->run, work->event, found);
	struct approval_terms *terms;
	struct event *event = work->event;

	say(work, DECISION_APPROVAL_REQUIRED, LAYER_APPROVAL, first->rule,
	    first->reason);
	event->shown_count = work->ask->shown_count;
	event->shown = gk_arena_calloc(
	    work->arena, event->shown_count, sizeof(*event->shown));
	terms = gk_arena_alloc(work->arena, sizeof(*terms));
	if (event->shown == NULL || terms == NULL) {
		return no_memory(err);
	}
	for (size_t i = 0; i < event->shown_count; i++) {
		event->shown[i] = work->ask->shown[i];
	}
	if (twin != NULL) {
		return show_approval(work, twin, err);
	}
	GK_TRY(terms_rules(work, terms, err));
	GK_TRY(name_approval(work, event->seq, err));
	terms->id = event->approval_id;
	event->approval = terms;
	return show_new_approval(work, err);
}

/*
 * The request names an approval: is it a grant for exactly this?  When it
 * isn't, the answer is said here and *ret_done is true.
 */
static enum gk_rc
resume(struct work *work, bool *ret_done, struct gk_err *err)
{
	static const char *const reasons[APPROVAL_STATUS_COUNT] = {
	    [APPROVAL_DENIED] = "approval_denied",
	    [APPROVAL_EXPIRED] = "approval_expired",
	    [APPROVAL_REVOKED] = "approval_revoked",
	    [APPROVAL_USED] = "approval_used",
	};
	const struct approval *approval = NULL;
	uint64_t seq;

	*ret_done = true;
	if (id_parse(&work->ledger->id_key, ID_APPROVAL,
		work->ask->request->approval_id, &seq)) {
		approval = approval_find(work->ledger, seq);
	}
	if (approval == NULL || work->run == NULL ||
	    !approval_binds(approval, work->run, work->event)) {
		stop(work, LAYER_APPROVAL, NULL, "approval_mismatch");
		return GK_OK;
	}
	work->event->parent_step_id = approval->step_id;
	GK_TRY(show_approval(work, approval, err));
	if (approval->status == APPROVAL_PENDING) {
		say(work, DECISION_APPROVAL_REQUIRED, LAYER_APPROVAL,
		    approval->rules[0].rule, approval->rules[0].reason);
		return GK_OK;
	}
	if (approval->status != APPROVAL_GRANTED) {
		stop(work, LAYER_APPROVAL, approval->rules[0].rule,
		    reasons[approval->status]);
		return GK_OK;
	}
	work->grant = approval;
	*ret_done = false;
	return GK_OK;
}

/* ---- the order ---- */

static enum gk_rc
use_grant(struct work *work, struct gk_err *err)
{
	struct settle_at next = *work->at;
	struct event *used = &work->ret->events[1];

	next.seq++;
	GK_TRY(approval_draft(work->ledger, work->grant, &next, CHANGE_USED,
	    "used", work->arena, used, err));
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

	if (work->ask->no_space) {
		stop(work, LAYER_JOURNAL, NULL, "audit_space");
		event->charge_count = 0;
		return GK_OK;
	}
	say(work, DECISION_ALLOW, LAYER_ACCESS, found->access_rule,
	    found->access_reason);
	event->valid_until_us = work->at->now_us + found->allow_valid_us;
	event->result_by_us = work->at->now_us + found->result_within_us;
	if (work->grant == NULL) {
		return GK_OK;
	}
	event->layer = LAYER_APPROVAL;
	event->rule = work->grant->rules[0].rule;
	event->reason = "approval_granted";
	work->ret->approval->status = APPROVAL_USED;
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
	stop(work, LAYER_KILL_SWITCH, found->what.id, "kill_switch");
	work->event->scope = found->what.scope;
	return true;
}

static enum gk_rc
decide(struct work *work, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	const struct approval_finding *asking = first_asking(found);
	bool done = false;
	size_t reserve;

	if (stopped_by_switch(work)) {
		return GK_OK;
	}
	if (found->access != ACCESS_PASSES) {
		stop(work, LAYER_ACCESS, found->access_rule,
		    found->access_reason);
		return GK_OK;
	}
	if (work->ask->request->approval_id != NULL) {
		GK_TRY(resume(work, &done, err));
		if (done) {
			return GK_OK;
		}
	}
	if (work->grant ==
	    NULL) { /* a grant's asking step was charged already */
		GK_TRY(limits(work, &done, err));
		if (done) {
			return GK_OK;
		}
	}
	GK_TRY(budgets(work, &done, &reserve, err));
	if (done) {
		return GK_OK;
	}
	if (asking != NULL &&
	    (work->grant == NULL || !approval_covers(work->grant, found))) {
		work->event->charge_count =
		    reserve; /* reserved on allow only */
		work->ret->approval = NULL;
		return ask_approval(work, asking, err);
	}
	return allow(work, err);
}

/* ---- retries ---- */

/* Does the recorded allow still hold?  NULL: yes; else why not. */
static const char *
why_not_repeated(const struct work *work, const struct step *step)
{
	const struct findings *found = work->ask->findings;
	const struct approval *grant =
	    step->granted ? approval_find(work->ledger, step->approval_seq)
			  : NULL;

	if (switch_covering(work->ledger, work->ask) != NULL) {
		return "kill_switch";
	}
	if (!step->open) {
		return step->unreported ? "allow_expired" : "already_reported";
	}
	if (step->valid_until_us <= work->at->now_us) {
		return "allow_expired";
	}
	if (found->access != ACCESS_PASSES ||
	    (first_asking(found) != NULL &&
		(grant == NULL || !approval_covers(grant, found)))) {
		return "policy_changed";
	}
	return NULL;
}

static enum gk_rc
retry(struct work *work, const struct step *step, struct gk_err *err)
{
	uint8_t binding[16];
	const char *successor, *why;
	const struct step *next;
	const struct approval *approval;

	step_binding(work->event, binding);
	if (memcmp(binding, step->binding, sizeof(binding)) != 0) {
		work->ret->refusal = REFUSAL_STEP_CONFLICT;
		return GK_OK;
	}
	successor = gk_arena_printf(work->arena, "%s~granted", step->step_id);
	if (successor == NULL) {
		return no_memory(err);
	}
	next = step_find(work->run, successor);
	if (next != NULL) {
		work->ret->has_successor = true;
		step = next;
	}
	if (step->has_approval) {
		approval = approval_find(work->ledger, step->approval_seq);
		if (approval != NULL) {
			GK_TRY(show_approval(work, approval, err));
		}
	}
	work->ret->replay_seq = step->seq;
	if (step->decision != DECISION_ALLOW) {
		work->ret->outcome = SETTLE_REPLAY;
		return GK_OK;
	}
	why = why_not_repeated(work, step);
	if (why == NULL) {
		work->ret->outcome = SETTLE_REPLAY;
		return GK_OK;
	}
	stop(work,
	    strcmp(why, "kill_switch") == 0 ? LAYER_KILL_SWITCH : LAYER_RETRY,
	    NULL, why);
	work->event->original = step->decision;
	work->event->step_id = step->step_id;
	work->event->has_of_seq = true;
	work->event->of_seq = step->seq;
	work->ret->outcome = SETTLE_EVENTS;
	work->ret->event_count = 1;
	return GK_OK;
}

/* May this caller use this run?  SETTLE_EVENTS: yes. */
static void
admit(struct work *work)
{
	const struct ledger *ledger = work->ledger;
	const struct identity *caller = work->ask->caller;
	const struct identity *known = member_find(ledger, caller->id);
	struct settlement *ret = work->ret;

	if (known == NULL ||
	    !ledger__same(known->token_hash, caller->token_hash) ||
	    (known->expires_us != 0 && known->expires_us <= work->at->now_us)) {
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
		return retry(&work, step, err);
	}
	work.event->charges = gk_arena_calloc(
	    arena, EVENT_CHARGES_MAX, sizeof(*work.event->charges));
	if (work.event->charges == NULL) {
		return no_memory(err);
	}
	ret->event_count = 1;
	GK_TRY(shadows(&work, err));
	GK_TRY(decide(&work, err));
	ret->outcome = SETTLE_EVENTS;
	return GK_OK;
}
