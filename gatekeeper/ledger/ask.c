/* The approval layer: asking for approval, joining one, resuming with a grant. */
#include <stdio.h>
#include <string.h>

#include "ledger/work.h"

const struct approval_finding *
work_first_asking(const struct findings *found)
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
		return work_no_memory(err);
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
		rule->risk = (int)from->risk;
		rule->group_count = from->group_count;
		rule->groups = gk_arena_calloc(
		    work->arena, from->group_count, sizeof(*rule->groups));
		if (rule->groups == NULL) {
			return work_no_memory(err);
		}
		for (size_t k = 0; k < from->group_count; k++) {
			rule->groups[k] = from->groups[k];
		}
		rule->escalate_ms = from->escalate_after_us / 1000;
		GK_TRY(ledger__dup_list(work->arena, from->escalate_to,
		    from->escalate_count, &rule->escalate_to, err));
		rule->escalate_count = from->escalate_count;
	}
	return GK_OK;
}

static enum gk_rc
name_approval(struct work *work, uint64_t seq, struct gk_err *err)
{
	char *id = gk_arena_alloc(work->arena, ID_TEXT_BYTES);

	if (id == NULL) {
		return work_no_memory(err);
	}
	id_print(&work->ledger->id_key, ID_APPROVAL, seq, id);
	work->event->approval_id = id;
	return GK_OK;
}

/* The approval that the answer speaks of, when it exists already. */
enum gk_rc
work_show_approval(
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
		return work_no_memory(err);
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

/* Who asks people all the time is stopped: tired people grant anything. */
static enum gk_rc
guard_people(struct work *work, const struct approval_finding *first,
    bool *ret_stopped, struct gk_err *err)
{
	struct limit_verdict verdict;

	*ret_stopped = false;
	if (!counter_check_asks(work->ledger, work->event->agent_id,
		work->event->tenant_id, work->at->now_us, &verdict)) {
		return GK_OK;
	}
	if (verdict.refused) {
		work_stop(work, LAYER_APPROVAL, first->rule, "approval_flood");
		work->event->scope = SCOPE_AGENT;
		work->ret->retry_after_ms = verdict.retry_after_ms;
		*ret_stopped = true;
		return GK_OK;
	}
	return work_charge(work, &verdict.charge, err);
}

/* Approval is needed: join an identical pending one, or open one. */
enum gk_rc
work_ask_approval(
    struct work *work, const struct approval_finding *first, struct gk_err *err)
{
	const struct findings *found = work->ask->findings;
	const struct approval *twin = NULL;
	struct approval_terms *terms;
	struct event *event = work->event;
	bool stopped;

	if (work->run != NULL && work->run->open_approvals > 0) {
		struct bindings bindings;

		bindings_of(event, work->ask, &bindings);
		twin = approval_twin(work->run, &bindings, found);
	}
	if (twin == NULL) {
		GK_TRY(guard_people(work, first, &stopped, err));
		if (stopped) {
			return GK_OK;
		}
	}
	work_say(work, DECISION_APPROVAL_REQUIRED, LAYER_APPROVAL, first->rule,
	    first->reason);
	event->shown_count = work->ask->shown_count;
	event->shown = gk_arena_calloc(
	    work->arena, event->shown_count, sizeof(*event->shown));
	event->shown_until_count = work->ask->shown_until_count;
	event->shown_until = gk_arena_calloc(
	    work->arena, event->shown_until_count, sizeof(*event->shown_until));
	terms = gk_arena_alloc(work->arena, sizeof(*terms));
	if (event->shown == NULL || event->shown_until == NULL ||
	    terms == NULL) {
		return work_no_memory(err);
	}
	for (size_t i = 0; i < event->shown_count; i++) {
		event->shown[i] = work->ask->shown[i];
	}
	for (size_t i = 0; i < event->shown_until_count; i++) {
		event->shown_until[i] = work->ask->shown_until[i];
	}
	if (twin != NULL) {
		return work_show_approval(work, twin, err);
	}
	GK_TRY(terms_rules(work, terms, err));
	GK_TRY(bounds_of(work->ask, work->arena, &terms->bounded, err));
	GK_TRY(name_approval(work, event->seq, err));
	terms->id = event->approval_id;
	terms->actor_person =
	    work->ask->pseudonymize ? work->ask->actor_person : NULL;
	event->approval = terms;
	return show_new_approval(work, err);
}

/* Is it for this, the very request that asked or one within its bound? */
static bool
is_for_this(const struct work *work, const struct approval *approval)
{
	struct bindings bindings;

	if (work->run == NULL) {
		return false;
	}
	bindings_of(work->event, work->ask, &bindings);
	return approval_binds(approval, work->run, &bindings) ||
	       bound_keeps(approval, work->run, work->event, work->ask);
}

/* Replicas share runs and join approvals: is the person behind this one among those who granted? */
static bool
is_own_grant(const struct work *work, const struct approval *approval)
{
	const char *person = identity_person(work->ask->caller);

	return person != NULL && approval_has_vote_of(approval, person);
}

/* The step that asked paid for its own use: the first, of what it asked for. */
static bool
is_asking_step(const struct work *work, const struct approval *approval)
{
	struct bindings bindings;

	bindings_of(work->event, work->ask, &bindings);
	return approval->used == 0 &&
	       approval_binds(approval, work->run, &bindings);
}

/*
 * The request names an approval: is it a grant for exactly this?  When it
 * isn't, the answer is said here and *ret_done is true.
 */
enum gk_rc
work_resume(struct work *work, bool *ret_done, struct gk_err *err)
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
	if (approval == NULL || !is_for_this(work, approval)) {
		work_stop(work, LAYER_APPROVAL, NULL, "approval_mismatch");
		return GK_OK;
	}
	work->event->parent_step_id = approval->step_id;
	GK_TRY(work_show_approval(work, approval, err));
	if (approval->status == APPROVAL_PENDING) {
		work_say(work, DECISION_APPROVAL_REQUIRED, LAYER_APPROVAL,
		    approval->rules[0].rule, approval->rules[0].reason);
		return GK_OK;
	}
	if (approval->status != APPROVAL_GRANTED) {
		work_stop(work, LAYER_APPROVAL, approval->rules[0].rule,
		    reasons[approval->status]);
		return GK_OK;
	}
	if (is_own_grant(work, approval)) {
		work_stop(work, LAYER_APPROVAL, approval->rules[0].rule,
		    "own_request");
		return GK_OK;
	}
	if (!bound_holds(approval, work->ask)) {
		work_stop(work, LAYER_APPROVAL, approval->rules[0].rule,
		    "bound_exceeded");
		return GK_OK;
	}
	work->grant = approval;
	work->is_charged = is_asking_step(work, approval);
	*ret_done = false;
	return GK_OK;
}

enum gk_rc
work_find_bound(struct work *work, struct gk_err *err)
{
	const struct run *run = work->run;

	work->grant = NULL;
	for (const struct approval *a = run == NULL ? NULL : run->approvals;
	     a != NULL; a = a->next) {
		if (a->status == APPROVAL_GRANTED &&
		    bound_keeps(a, run, work->event, work->ask) &&
		    bound_holds(a, work->ask) &&
		    approval_covers(a, work->ask->findings) &&
		    !is_own_grant(work, a)) {
			work->grant = a;
			work->event->parent_step_id = a->step_id;
			return work_show_approval(work, a, err);
		}
	}
	return GK_OK;
}
