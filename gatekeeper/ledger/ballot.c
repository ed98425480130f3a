/* Votes: who may vote on an approval, and what a vote settles. */
#include <stdio.h>
#include <string.h>

#include "ledger/ledger_internal.h"

/* How many different persons have granted that rule. */
int64_t
approval_rule_granted(const struct approval *approval, size_t i)
{
	int64_t n = 0;

	for (size_t k = 0; k < approval->vote_count; k++) {
		const struct vote *vote = &approval->votes[k];

		n += vote->grant && escalate_asks(approval, i, vote->groups,
					vote->group_count);
	}
	return n;
}

bool
approval_has_vote_of(const struct approval *approval, const char *person)
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
		if (escalate_asks(
			approval, i, voter->groups, voter->group_count)) {
			return true;
		}
	}
	return false;
}

static bool
is_one_of(const char *text, const struct approval_ballot *ballot)
{
	for (size_t i = 0; text != NULL && i < ballot->alias_count; i++) {
		if (strcmp(ballot->aliases[i], text) == 0) {
			return true;
		}
	}
	return false;
}

/* Is the voter the person who asked, or the one for whom it was asked? */
static bool
is_own(const struct ledger *ledger, const struct approval *approval,
    const struct approval_ballot *ballot)
{
	const struct identity *voter = ballot->voter;
	const char *person = identity_person(voter);
	const struct identity *asker = member_find(ledger, approval->caller);
	const struct identity *actor = NULL;

	if (is_one_of(approval->actor_id, ballot) ||
	    is_one_of(approval->actor_person, ballot) ||
	    ledger__same(approval->asker_person, person) ||
	    ledger__same(approval->actor_person, person) ||
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
		int64_t n = approval_rule_granted(approval, i);

		n += escalate_asks(
		    approval, i, voter->groups, voter->group_count);
		if (n < rule->needed) {
			return false;
		}
	}
	return true;
}

/* The shortest of what the terms and all voters allow. */
static int64_t
grant_span(const struct approval *approval, int64_t wanted_us, bool bounded)
{
	int64_t span = bounded ? approval->bounds.max_ttl_ms * 1000
			       : approval->grant_valid_us;

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
	if (ballot->bound != NULL) {
		vote->bound = gk_arena_alloc(arena, sizeof(*vote->bound));
		if (vote->bound == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "event");
		}
		GK_TRY(bound_copy(arena, ballot->bound, vote->bound, err));
	}
	GK_TRY(ledger__dup_list(
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
		GK_TRY(bound_merge(
		    approval, ballot->bound, arena, &end->bound, err));
		end->grant_until_us =
		    at->now_us +
		    grant_span(approval, wanted_us, end->bound != NULL);
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
		if ((identity_can(voter) & CAN_OPERATOR) == 0 &&
		    !is_approver(approval, voter)) {
			return REFUSAL_NOT_AN_APPROVER;
		}
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
	if (is_own(ledger, approval, ballot)) {
		return REFUSAL_OWN_REQUEST;
	}
	if (approval_has_vote_of(approval, identity_person(voter))) {
		return REFUSAL_ALREADY_VOTED;
	}
	return ballot->bound == NULL ? REFUSAL_NONE
				     : bound_refusal(approval, ballot->bound,
					   ballot->grant_valid_us);
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
