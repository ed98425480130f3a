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
    const struct bindings *bindings)
{
	return approval->run == run && /* so tenant and agent too */
	       bindings_have(bindings, event_key_of(approval->action_key),
		   approval->binding);
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
approval_twin(const struct run *run, const struct bindings *bindings,
    const struct findings *findings)
{
	for (struct approval *a = run->approvals; a != NULL; a = a->next) {
		if (a->status == APPROVAL_PENDING &&
		    approval_binds(a, run, bindings) &&
		    a->rule_count == asking_rules(findings) &&
		    approval_covers(a, findings)) {
			return a;
		}
	}
	return NULL;
}

enum gk_rc
ledger__dup_list(struct gk_arena *arena, const char *const *from, size_t count,
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
		GK_TRY(ledger__dup_list(arena, from->groups, from->group_count,
		    &rule->groups, err));
		GK_TRY(ledger__dup_list(arena, from->escalate_to,
		    from->escalate_count, &rule->escalate_to, err));
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
	const struct identity *whom =
	    member_find(ledger, actor == NULL ? NULL : actor->id);
	const char *person = event->approval->actor_person;

	if (person == NULL && whom != NULL) {
		person = identity_person(whom);
	}

	GK_TRY(ledger__dup(arena, event->step_id, &approval->step_id, err));
	GK_TRY(ledger__dup(arena, event->caller, &approval->caller, err));
	GK_TRY(ledger__dup(arena, asker == NULL ? NULL : identity_person(asker),
	    &approval->asker_person, err));
	GK_TRY(ledger__dup(arena, person, &approval->actor_person, err));
	GK_TRY(ledger__dup(arena, event->action, &approval->action, err));
	GK_TRY(
	    ledger__dup(arena, event->action_key, &approval->action_key, err));
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
	if (approval->status == APPROVAL_PENDING) {
		int64_t escalates = escalate_when_us(approval);

		return due_set(&ledger->due, &approval->due,
		    escalates < approval->expires_at_us
			? escalates
			: approval->expires_at_us,
		    err);
	}
	return due_set(
	    &ledger->due, &approval->due, approval->grant_until_us, err);
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
	step_binding(event, approval->binding);
	if (terms->bounded != NULL) {
		bound_frame(event, approval->frame);
		GK_TRY(bounds_copy(
		    &run->arena, terms->bounded, &approval->bounds, err));
	}
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
		GK_TRY(ledger__dup_list(arena, vote->groups, vote->group_count,
		    &vote->groups, err));
		GK_TRY(bound_copy(arena, &vote->bound, &vote->bound, err));
	}
	return GK_OK;
}

enum gk_rc
approval_load(
    struct ledger *ledger, const struct approval *from, struct gk_err *err)
{
	struct approval_bounds bounds = from->bounds;
	struct approval_terms terms = {.rules = from->rules,
	    .rule_count = from->rule_count,
	    .expires_us = from->expires_at_us,
	    .grant_valid_ms = from->grant_valid_us / 1000,
	    .bounded = from->bounds.max_uses == 0 ? NULL : &bounds};
	struct actor actor = {.type = from->actor_type, .id = from->actor_id};
	struct event as_event = {.seq = from->seq,
	    .timestamp_us = from->asked_at_us,
	    .step_id = from->step_id,
	    .caller = from->caller,
	    .actor = from->actor_id == NULL ? NULL : &actor,
	    .action = from->action,
	    .action_key = from->action_key,
	    .approval = &terms};
	struct run *run = from->run;
	struct approval *made;

	GK_TRY(approval_open(ledger, run, &as_event, err));
	made = approval_find(ledger, from->seq);
	memcpy(made->binding, from->binding, sizeof(made->binding));
	memcpy(made->frame, from->frame, sizeof(made->frame));
	GK_TRY(bound_copy(&run->arena, &from->bound, &made->bound, err));
	made->used = from->used;
	made->escalated = from->escalated;
	GK_TRY(ledger__dup(
	    &run->arena, from->asker_person, &made->asker_person, err));
	GK_TRY(ledger__dup(
	    &run->arena, from->actor_person, &made->actor_person, err));
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
	if (event->bound != NULL) {
		GK_TRY(bound_copy(arena, event->bound, &vote->bound, err));
	}
	vote->group_count = event->group_count;
	GK_TRY(ledger__dup(arena, event->person, &vote->person, err));
	GK_TRY(ledger__dup(arena, event->caller, &vote->identity, err));
	GK_TRY(ledger__dup_list(
	    arena, event->groups, event->group_count, &vote->groups, err));
	approval->votes = votes;
	approval->vote_count++;
	return GK_OK;
}

/* From which status each change leads where. */
static int
status_after(const struct approval *approval, int change)
{
	bool pending = approval->status == APPROVAL_PENDING;
	bool granted = approval->status == APPROVAL_GRANTED;

	switch (change) {
	case CHANGE_VOTE:
	case CHANGE_ESCALATED:
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
		return !granted ? APPROVAL_NONE
		       : approval->used + 1 < approval->bound.uses
			   ? APPROVAL_GRANTED
			   : APPROVAL_USED;
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
	status = status_after(approval, event->change);
	if (status == APPROVAL_NONE) {
		return LEDGER_CORRUPT(err, event,
		    "an approval that is %s can't be %s",
		    approval_status_words[approval->status],
		    change_words[event->change]);
	}
	run = approval->run;
	GK_TRY(snapshot_save_run(ledger, run, err));
	if (event->change == CHANGE_VOTE) {
		GK_TRY(vote_apply(approval, event, err));
		return run_touch(ledger, run, event, err);
	}
	if (event->change == CHANGE_ESCALATED) {
		GK_TRY(escalate_apply(approval, event, err));
		GK_TRY(approval_schedule(ledger, approval, err));
		return run_touch(ledger, run, event, err);
	}
	approval->used += event->change == CHANGE_USED;
	if (event->change == CHANGE_USED && status == APPROVAL_GRANTED) {
		return run_touch(ledger, run, event, err); /* uses are left */
	}
	if (event->change == CHANGE_GRANTED && event->bound != NULL) {
		GK_TRY(bound_copy(
		    &run->arena, event->bound, &approval->bound, err));
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
