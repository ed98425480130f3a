/* Approvals: asked for, voted on, granted, denied, used, revoked, or run out. */
#include <stdio.h>
#include <string.h>

#include "ledger/ledger_internal.h"

struct approval *
approval_find(const struct ledger *ledger, uint64_t seq)
{
	return gk_map_get(&ledger->approvals, &seq, sizeof(seq));
}

bool
approval_is_open(const struct approval *approval)
{
	return approval->status == APPROVAL_PENDING ||
	       approval->status == APPROVAL_GRANTED;
}

bool
approval_binds(const struct approval *approval, const struct run *run,
    const struct event *draft)
{
	const struct actor *actor = draft->actor;

	return approval->run == run &&
	       ledger__same(approval->action_key, draft->action_key) &&
	       ledger__same(approval->context_hash, draft->context_hash) &&
	       ledger__same(
		   approval->actor_type, actor == NULL ? NULL : actor->type) &&
	       ledger__same(
		   approval->actor_id, actor == NULL ? NULL : actor->id);
}

static bool
has_rule(const struct approval *approval, const struct approval_finding *found)
{
	for (size_t i = 0; i < approval->rule_count; i++) {
		if (strcmp(approval->rules[i].rule, found->rule) == 0 &&
		    strcmp(approval->rules[i].digest, found->digest) == 0) {
			return true;
		}
	}
	return false;
}

bool
approval_covers(
    const struct approval *approval, const struct findings *findings)
{
	for (size_t i = 0; i < findings->approval_count; i++) {
		if (!findings->approvals[i].shadow &&
		    !has_rule(approval, &findings->approvals[i])) {
			return false;
		}
	}
	return true;
}

static size_t
asking_rules(const struct findings *findings)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->approval_count; i++) {
		n += !findings->approvals[i].shadow;
	}
	return n;
}

struct approval *
approval_twin(const struct run *run, const struct event *draft,
    const struct findings *findings)
{
	for (struct approval *a = run->approvals; a != NULL; a = a->next) {
		if (a->status == APPROVAL_PENDING &&
		    approval_binds(a, run, draft) &&
		    a->rule_count == asking_rules(findings) &&
		    approval_covers(a, findings)) {
			return a;
		}
	}
	return NULL;
}

static enum gk_rc
dup_list(struct gk_arena *arena, const char *const *from, size_t count,
    const char ***ret, struct gk_err *err)
{
	*ret = gk_arena_calloc(arena, count, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < count; i++) {
		GK_TRY(ledger__dup(arena, from[i], &(*ret)[i], err));
	}
	return GK_OK;
}

static enum gk_rc
copy_rules(struct approval *approval, const struct approval_terms *terms,
    struct gk_err *err)
{
	struct gk_arena *arena = &approval->run->arena;

	approval->rules =
	    gk_arena_calloc(arena, terms->rule_count, sizeof(*approval->rules));
	if (approval->rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	approval->rule_count = terms->rule_count;
	for (size_t i = 0; i < terms->rule_count; i++) {
		const struct approval_rule *from = &terms->rules[i];
		struct approval_rule *rule = &approval->rules[i];

		*rule = *from;
		GK_TRY(ledger__dup(arena, from->rule, &rule->rule, err));
		GK_TRY(ledger__dup(arena, from->digest, &rule->digest, err));
		GK_TRY(ledger__dup(arena, from->reason, &rule->reason, err));
		GK_TRY(dup_list(arena, from->groups, from->group_count,
		    &rule->groups, err));
	}
	return GK_OK;
}

static enum gk_rc
copy_binding(struct ledger *ledger, struct approval *approval,
    const struct event *event, struct gk_err *err)
{
	struct gk_arena *arena = &approval->run->arena;
	const struct actor *actor = event->actor;
	const struct identity *asker = member_find(ledger, event->caller);

	GK_TRY(ledger__dup(arena, event->step_id, &approval->step_id, err));
	GK_TRY(ledger__dup(arena, event->caller, &approval->caller, err));
	GK_TRY(ledger__dup(arena, asker == NULL ? NULL : identity_person(asker),
	    &approval->asker_person, err));
	GK_TRY(ledger__dup(arena, event->action, &approval->action, err));
	GK_TRY(
	    ledger__dup(arena, event->action_key, &approval->action_key, err));
	GK_TRY(ledger__dup(
	    arena, event->context_hash, &approval->context_hash, err));
	GK_TRY(ledger__dup(arena, actor == NULL ? NULL : actor->type,
	    &approval->actor_type, err));
	return ledger__dup(
	    arena, actor == NULL ? NULL : actor->id, &approval->actor_id, err);
}

enum gk_rc
approval_schedule(
    struct ledger *ledger, struct approval *approval, struct gk_err *err)
{
	if (approval->run->cold) {
		return GK_OK;
	}
	if (!approval_is_open(approval)) {
		due_drop(&ledger->due, &approval->due);
		return GK_OK;
	}
	return due_set(&ledger->due, &approval->due,
	    approval->status == APPROVAL_PENDING ? approval->expires_at_us
						 : approval->grant_until_us,
	    err);
}

enum gk_rc
approval_open(struct ledger *ledger, struct run *run, const struct event *event,
    struct gk_err *err)
{
	const struct approval_terms *terms = event->approval;
	struct approval *approval =
	    gk_arena_alloc(&run->arena, sizeof(*approval));

	if (approval == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	approval->run = run;
	approval->seq = event->seq;
	approval->status = APPROVAL_PENDING;
	approval->asked_at_us = event->timestamp_us;
	approval->expires_at_us = terms->expires_us;
	approval->grant_valid_us = terms->grant_valid_ms * 1000;
	approval->due = (struct due_node){
	    .kind = DUE_APPROVAL, .owner = approval, .tie = event->seq};
	GK_TRY(copy_rules(approval, terms, err));
	GK_TRY(copy_binding(ledger, approval, event, err));
	GK_TRY(gk_map_set(&ledger->approvals, &approval->seq,
	    sizeof(approval->seq), approval, err));
	*run->approvals_end = approval;
	run->approvals_end = &approval->next;
	run->open_approvals++;
	ledger->approvals_pending += !run->cold;
	return approval_schedule(ledger, approval, err);
}

static enum gk_rc
load_votes(
    struct approval *made, const struct approval *from, struct gk_err *err)
{
	struct gk_arena *arena = &made->run->arena;

	made->votes =
	    gk_arena_calloc(arena, from->vote_count, sizeof(*made->votes));
	if (made->votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	made->vote_count = from->vote_count;
	for (size_t i = 0; i < from->vote_count; i++) {
		struct vote *vote = &made->votes[i];

		*vote = from->votes[i];
		GK_TRY(ledger__dup(arena, vote->person, &vote->person, err));
		GK_TRY(
		    ledger__dup(arena, vote->identity, &vote->identity, err));
		GK_TRY(dup_list(arena, vote->groups, vote->group_count,
		    &vote->groups, err));
	}
	return GK_OK;
}

enum gk_rc
approval_load(
    struct ledger *ledger, const struct approval *from, struct gk_err *err)
{
	struct approval_terms terms = {.rules = from->rules,
	    .rule_count = from->rule_count,
	    .expires_us = from->expires_at_us,
	    .grant_valid_ms = from->grant_valid_us / 1000};
	struct actor actor = {.type = from->actor_type, .id = from->actor_id};
	struct event as_event = {.seq = from->seq,
	    .timestamp_us = from->asked_at_us,
	    .step_id = from->step_id,
	    .caller = from->caller,
	    .actor = from->actor_id == NULL ? NULL : &actor,
	    .action = from->action,
	    .action_key = from->action_key,
	    .context_hash = from->context_hash,
	    .approval = &terms};
	struct run *run = from->run;
	struct approval *made;

	GK_TRY(approval_open(ledger, run, &as_event, err));
	made = approval_find(ledger, from->seq);
	GK_TRY(ledger__dup(
	    &run->arena, from->asker_person, &made->asker_person, err));
	GK_TRY(ledger__dup(
	    &run->arena, from->resolved_by, &made->resolved_by, err));
	GK_TRY(load_votes(made, from, err));
	made->grant_until_us = from->grant_until_us;
	made->resolved_at_us = from->resolved_at_us;
	made->status = from->status;
	ledger->approvals_pending -= made->status != APPROVAL_PENDING;
	run->open_approvals -= !approval_is_open(made);
	return approval_schedule(ledger, made, err);
}

void
approval_free(struct ledger *ledger, struct approval *approval)
{
	due_drop(&ledger->due, &approval->due);
	(void)gk_map_remove(
	    &ledger->approvals, &approval->seq, sizeof(approval->seq));
	if (!approval->run->cold && approval->status == APPROVAL_PENDING) {
		ledger->approvals_pending--;
	}
}

/* ---- votes ---- */

static bool
in_groups(const char *const *groups, size_t count, const char *group)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(groups[i], group) == 0) {
			return true;
		}
	}
	return false;
}

static bool
groups_meet(
    const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	for (size_t i = 0; i < a_count; i++) {
		if (in_groups(b, b_count, a[i])) {
			return true;
		}
	}
	return false;
}

/* How many different persons have granted that rule. */
static int64_t
rule_granted(const struct approval *approval, const struct approval_rule *rule)
{
	int64_t n = 0;

	for (size_t i = 0; i < approval->vote_count; i++) {
		const struct vote *vote = &approval->votes[i];

		n += vote->grant && groups_meet(vote->groups, vote->group_count,
					rule->groups, rule->group_count);
	}
	return n;
}

static bool
has_voted(const struct approval *approval, const char *person)
{
	for (size_t i = 0; i < approval->vote_count; i++) {
		if (strcmp(approval->votes[i].person, person) == 0) {
			return true;
		}
	}
	return false;
}

static bool
is_approver(const struct approval *approval, const struct identity *voter)
{
	for (size_t i = 0; i < approval->rule_count; i++) {
		const struct approval_rule *rule = &approval->rules[i];

		if (groups_meet(voter->groups, voter->group_count, rule->groups,
			rule->group_count)) {
			return true;
		}
	}
	return false;
}

/* Is the voter the person who asked, or the one for whom it was asked? */
static bool
is_own(const struct ledger *ledger, const struct approval *approval,
    const struct identity *voter)
{
	const char *person = identity_person(voter);
	const struct identity *asker = member_find(ledger, approval->caller);
	const struct identity *actor = NULL;

	if (ledger__same(approval->asker_person, person) ||
	    strcmp(approval->caller, voter->id) == 0 ||
	    (asker != NULL && ledger__same(identity_person(asker), person))) {
		return true;
	}
	if (approval->actor_id == NULL) {
		return false;
	}
	actor = member_find(ledger, approval->actor_id);
	return strcmp(approval->actor_id, person) == 0 ||
	       strcmp(approval->actor_id, voter->id) == 0 ||
	       (actor != NULL && ledger__same(identity_person(actor), person));
}

enum gk_rc
approval_draft(const struct ledger *ledger, const struct approval *approval,
    const struct settle_at *at, enum change change, const char *suffix,
    struct gk_arena *arena, struct event *ret, struct gk_err *err)
{
	char *id = gk_arena_alloc(arena, ID_TEXT_BYTES);

	memset(ret, 0, sizeof(*ret));
	ret->step_id =
	    gk_arena_printf(arena, "%s~%s", approval->step_id, suffix);
	if (id == NULL || ret->step_id == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	id_print(&ledger->id_key, ID_APPROVAL, approval->seq, id);
	ret->seq = at->seq;
	ret->timestamp_us = at->now_us;
	ret->kind = EVENT_APPROVAL;
	ret->change = (int)change;
	ret->approval_id = id;
	ret->caller = "gatekeeper";
	ret->agent_id = approval->run->agent;
	ret->tenant_id = approval->run->tenant;
	ret->run_id = approval->run->run_id;
	ret->parent_step_id = approval->step_id;
	ret->action = approval->action;
	ret->action_key = approval->action_key;
	ret->reason = approval->rules[0].reason;
	ret->rule = approval->rules[0].rule;
	ret->has_of_seq = true;
	ret->of_seq = approval->seq;
	return GK_OK;
}

static enum gk_rc
draft_by(const struct ledger *ledger, const struct approval *approval,
    const struct settle_at *at, const struct approval_ballot *ballot,
    enum change change, const char *suffix, struct gk_arena *arena,
    struct event *ret, struct gk_err *err)
{
	struct actor *actor = gk_arena_alloc(arena, sizeof(*actor));

	GK_TRY(approval_draft(
	    ledger, approval, at, change, suffix, arena, ret, err));
	if (actor == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	ret->caller = ballot->voter->id;
	ret->person = identity_person(ballot->voter);
	actor->type = "person";
	actor->id = ret->person != NULL ? ret->person : ballot->voter->id;
	ret->actor = actor;
	return GK_OK;
}

/* Would one more vote by voter complete every rule's quorum? */
static bool
is_complete_with(const struct approval *approval, const struct identity *voter)
{
	for (size_t i = 0; i < approval->rule_count; i++) {
		const struct approval_rule *rule = &approval->rules[i];
		int64_t n = rule_granted(approval, rule);

		n += groups_meet(voter->groups, voter->group_count,
		    rule->groups, rule->group_count);
		if (n < rule->needed) {
			return false;
		}
	}
	return true;
}

/* The shortest of what the terms and all voters allow. */
static int64_t
grant_span(const struct approval *approval, int64_t wanted_us)
{
	int64_t span = approval->grant_valid_us;

	if (wanted_us > 0 && wanted_us < span) {
		span = wanted_us;
	}
	for (size_t i = 0; i < approval->vote_count; i++) {
		int64_t us = approval->votes[i].valid_us;

		if (us > 0 && us < span) {
			span = us;
		}
	}
	return span;
}

static enum gk_rc
settle_vote(const struct ledger *ledger, const struct approval *approval,
    const struct settle_at *at, const struct approval_ballot *ballot,
    struct gk_arena *arena, struct settlement *ret, struct gk_err *err)
{
	bool grant = ballot->change == CHANGE_GRANTED;
	struct settle_at next = *at;
	struct event *vote = &ret->events[0], *end = &ret->events[1];
	char suffix[32];
	int64_t wanted_us = ballot->grant_valid_us;

	(void)snprintf(
	    suffix, sizeof(suffix), "vote/%zu", approval->vote_count + 1);
	GK_TRY(draft_by(ledger, approval, at, ballot, CHANGE_VOTE, suffix,
	    arena, vote, err));
	vote->grant_vote = grant;
	vote->groups = ballot->voter->groups;
	vote->group_count = ballot->voter->group_count;
	vote->grant_valid_ms = (wanted_us + 999) / 1000;
	GK_TRY(dup_list(
	    arena, vote->groups, vote->group_count, &vote->groups, err));
	vote->shown_count = ballot->shown_count;
	vote->shown =
	    gk_arena_calloc(arena, ballot->shown_count, sizeof(*vote->shown));
	if (vote->shown == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	if (ballot->shown_count > 0) {
		memcpy(vote->shown, ballot->shown,
		    ballot->shown_count * sizeof(*vote->shown));
	}
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
	if (grant && !is_complete_with(approval, ballot->voter)) {
		return GK_OK;
	}
	next.seq++;
	GK_TRY(draft_by(ledger, approval, &next, ballot, ballot->change,
	    grant ? "granted" : "denied", arena, end, err));
	if (grant) {
		end->grant_until_us =
		    at->now_us + grant_span(approval, wanted_us);
	}
	ret->event_count = 2;
	return GK_OK;
}

static enum refusal
ballot_refusal(const struct ledger *ledger, const struct approval *approval,
    const struct approval_ballot *ballot)
{
	const struct identity *voter = ballot->voter;

	if (ballot->change == CHANGE_REVOKED) {
		return approval->status == APPROVAL_GRANTED
			   ? REFUSAL_NONE
			   : REFUSAL_ALREADY_RESOLVED;
	}
	if (identity_person(voter) == NULL || !is_approver(approval, voter)) {
		return REFUSAL_NOT_AN_APPROVER;
	}
	if (approval->status != APPROVAL_PENDING) {
		return REFUSAL_ALREADY_RESOLVED;
	}
	if (is_own(ledger, approval, voter)) {
		return REFUSAL_OWN_REQUEST;
	}
	return has_voted(approval, identity_person(voter))
		   ? REFUSAL_ALREADY_VOTED
		   : REFUSAL_NONE;
}

enum gk_rc
ledger_settle_ballot(const struct ledger *ledger, const struct settle_at *at,
    const struct approval_ballot *ballot, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	const struct approval *approval;

	memset(ret, 0, sizeof(*ret));
	ret->refusal = REFUSAL_NOT_FOUND;
	if (run_find(ledger, ballot->tenant_id, ballot->run_id) == NULL) {
		ret->outcome = SETTLE_MISS;
		return GK_OK;
	}
	approval = approval_find(ledger, ballot->approval_seq);
	if (approval == NULL ||
	    !identity_has_tenant(ballot->voter, approval->run->tenant)) {
		return GK_OK;
	}
	GK_TRY(approval_view_new(ledger, approval, arena, &ret->approval, err));
	ret->refusal = ballot_refusal(ledger, approval, ballot);
	if (ret->refusal != REFUSAL_NONE) {
		return GK_OK;
	}
	if (ballot->change == CHANGE_REVOKED) {
		ret->outcome = SETTLE_EVENTS;
		ret->event_count = 1;
		return draft_by(ledger, approval, at, ballot, CHANGE_REVOKED,
		    "revoked", arena, &ret->events[0], err);
	}
	return settle_vote(ledger, approval, at, ballot, arena, ret, err);
}

/* ---- apply ---- */

static enum gk_rc
vote_apply(
    struct approval *approval, const struct event *event, struct gk_err *err)
{
	struct gk_arena *arena = &approval->run->arena;
	struct vote *votes =
	    gk_arena_calloc(arena, approval->vote_count + 1, sizeof(*votes));
	struct vote *vote;

	if (votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "vote");
	}
	if (approval->vote_count > 0) {
		memcpy(votes, approval->votes,
		    approval->vote_count * sizeof(*votes));
	}
	vote = &votes[approval->vote_count];
	vote->grant = event->grant_vote;
	vote->at_us = event->timestamp_us;
	vote->valid_us = event->grant_valid_ms * 1000;
	vote->group_count = event->group_count;
	GK_TRY(ledger__dup(arena, event->person, &vote->person, err));
	GK_TRY(ledger__dup(arena, event->caller, &vote->identity, err));
	GK_TRY(dup_list(
	    arena, event->groups, event->group_count, &vote->groups, err));
	approval->votes = votes;
	approval->vote_count++;
	return GK_OK;
}

/* From which status each change leads where. */
static int
status_after(int status, int change)
{
	bool pending = status == APPROVAL_PENDING;
	bool granted = status == APPROVAL_GRANTED;

	switch (change) {
	case CHANGE_VOTE:
		return pending ? APPROVAL_PENDING : APPROVAL_NONE;
	case CHANGE_GRANTED:
		return pending ? APPROVAL_GRANTED : APPROVAL_NONE;
	case CHANGE_DENIED:
		return pending ? APPROVAL_DENIED : APPROVAL_NONE;
	case CHANGE_EXPIRED:
		return pending || granted ? APPROVAL_EXPIRED : APPROVAL_NONE;
	case CHANGE_REVOKED:
		return granted ? APPROVAL_REVOKED : APPROVAL_NONE;
	case CHANGE_USED:
		return granted ? APPROVAL_USED : APPROVAL_NONE;
	default:
		return APPROVAL_NONE;
	}
}

enum gk_rc
approval_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct approval *approval = approval_find(ledger, event->of_seq);
	struct run *run;
	int status;

	if (approval == NULL) {
		return LEDGER_CORRUPT(err, event, "an unknown approval");
	}
	status = status_after(approval->status, event->change);
	if (status == APPROVAL_NONE) {
		return LEDGER_CORRUPT(err, event,
		    "an approval that is %s can't be %s",
		    approval_status_words[approval->status],
		    change_words[event->change]);
	}
	run = approval->run;
	if (event->change == CHANGE_VOTE) {
		GK_TRY(vote_apply(approval, event, err));
		return run_touch(ledger, run, event, err);
	}
	if (approval->status == APPROVAL_PENDING && !run->cold) {
		ledger->approvals_pending--;
	}
	approval->status = status;
	approval->grant_until_us = status == APPROVAL_GRANTED
				       ? event->grant_until_us
				       : approval->grant_until_us;
	approval->resolved_at_us = event->timestamp_us;
	run->open_approvals -= !approval_is_open(approval);
	GK_TRY(ledger__dup(
	    &run->arena, event->caller, &approval->resolved_by, err));
	GK_TRY(approval_schedule(ledger, approval, err));
	return run_touch(ledger, run, event, err);
}

/* ---- views ---- */

static enum gk_rc
view_rules(const struct approval *approval, struct gk_arena *arena,
    struct approval_view *view, struct gk_err *err)
{
	view->rules =
	    gk_arena_calloc(arena, approval->rule_count, sizeof(*view->rules));
	if (view->rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	view->rule_count = approval->rule_count;
	for (size_t i = 0; i < approval->rule_count; i++) {
		const struct approval_rule *rule = &approval->rules[i];
		struct approval_rule_view *to = &view->rules[i];

		to->rule = rule->rule;
		to->reason = rule->reason;
		to->groups = rule->groups;
		to->group_count = rule->group_count;
		to->needed = rule->needed;
		to->granted = rule_granted(approval, rule);
		view->needed += to->needed;
		view->granted +=
		    to->granted < to->needed ? to->granted : to->needed;
	}
	return GK_OK;
}

static enum gk_rc
view_fill(const struct ledger *ledger, const struct approval *approval,
    struct gk_arena *arena, struct approval_view *view, struct gk_err *err)
{
	memset(view, 0, sizeof(*view));
	id_print(
	    &ledger->id_key, ID_APPROVAL, approval->seq, view->approval_id);
	view->seq = approval->seq;
	view->status = approval->status;
	view->run_id = approval->run->run_id;
	view->tenant_id = approval->run->tenant;
	view->agent_id = approval->run->agent;
	view->step_id = approval->step_id;
	view->caller = approval->caller;
	view->action = approval->action;
	view->action_key = approval->action_key;
	view->actor_type = approval->actor_type;
	view->actor_id = approval->actor_id;
	view->asked_at_us = approval->asked_at_us;
	view->expires_at_us = approval->expires_at_us;
	view->grant_until_us = approval->grant_until_us;
	view->resolved_at_us = approval->resolved_at_us;
	view->resolved_by = approval->resolved_by;
	view->votes =
	    gk_arena_calloc(arena, approval->vote_count, sizeof(*view->votes));
	if (view->votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	view->vote_count = approval->vote_count;
	for (size_t i = 0; i < approval->vote_count; i++) {
		const struct vote *vote = &approval->votes[i];

		view->votes[i] = (struct approval_vote){
		    vote->person, vote->identity, vote->grant, vote->at_us};
	}
	return view_rules(approval, arena, view, err);
}

enum gk_rc
approval_view_new(const struct ledger *ledger, const struct approval *approval,
    struct gk_arena *arena, struct approval_view **ret, struct gk_err *err)
{
	*ret = gk_arena_alloc(arena, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	return view_fill(ledger, approval, arena, *ret, err);
}

bool
ledger_approval(const struct ledger *ledger, uint64_t seq,
    struct gk_arena *arena, struct approval_view *ret)
{
	const struct approval *approval = approval_find(ledger, seq);

	return approval != NULL &&
	       view_fill(ledger, approval, arena, ret, NULL) == GK_OK;
}

static void
sort_by_seq(const struct approval **list, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2) {
		for (size_t i = gap; i < count; i++) {
			const struct approval *item = list[i];
			size_t k = i;

			for (; k >= gap && list[k - gap]->seq > item->seq;
			     k -= gap) {
				list[k] = list[k - gap];
			}
			list[k] = item;
		}
	}
}

size_t
ledger_approvals(const struct ledger *ledger, enum approval_status status,
    struct gk_arena *arena, struct approval_view *ret, size_t max)
{
	const struct approval **list =
	    gk_arena_calloc(arena, ledger->approvals.count, sizeof(*list));
	const struct approval *approval;
	size_t at = 0, n = 0, given = 0;

	if (list == NULL) {
		return 0;
	}
	while ((approval = gk_map_next(&ledger->approvals, &at)) != NULL) {
		if (!approval->run->cold &&
		    (status == APPROVAL_NONE ||
			approval->status == (int)status)) {
			list[n++] = approval;
		}
	}
	sort_by_seq(list, n);
	while (
	    given < n && given < max &&
	    view_fill(ledger, list[given], arena, &ret[given], NULL) == GK_OK) {
		given++;
	}
	return given;
}
