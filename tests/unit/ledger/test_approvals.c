/* Approvals: one grant, one action; quorums; who may never grant. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/time.h"
#include "world.h"

static struct world world;

static void
setup(void)
{
	world_init(&world);
	world_people(&world);
}

static void
teardown(void)
{
	world_done(&world);
}

TestSuite(ledger_approvals, .init = setup, .fini = teardown);

static struct findings *
asking(int64_t needed)
{
	struct findings *found = world_findings(&world);

	world_add_approval(&world, found, "r1", needed);
	return found;
}

/* Ask for approval; gives the approval's seq and id. */
static uint64_t
asked(int64_t needed, char ret_id[ID_TEXT_BYTES])
{
	struct settlement *s =
	    world_ask(&world, "a1", "r", "1", "ak1_a", NULL, asking(needed));

	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	cr_assert(s->approval != NULL && s->approval->needed == needed);
	memcpy(ret_id, s->approval->approval_id, ID_TEXT_BYTES);
	return s->events[0].seq;
}

Test(ledger_approvals, a_grant_lets_the_identical_action_through_once)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(1, id);
	struct settlement *s = world_vote(&world, "alice", seq, CHANGE_GRANTED);

	cr_assert(s->event_count == 2);
	cr_assert(s->events[1].change == CHANGE_GRANTED);
	s = world_ask(&world, "a1", "r", "2", "ak1_a", id, asking(1));
	cr_assert(s->events[0].decision == DECISION_ALLOW);
	cr_assert_str_eq(s->events[0].parent_step_id, "1");
	cr_assert(s->event_count == 2 && s->events[1].change == CHANGE_USED);
	s = world_ask(&world, "a1", "r", "3", "ak1_a", id, asking(1));
	cr_assert_str_eq(s->events[0].reason, "approval_used");
}

Test(ledger_approvals, a_grant_is_bound_to_run_action_key_and_rule)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(1, id);
	struct findings *changed = asking(1);
	struct settlement *s;

	(void)world_vote(&world, "alice", seq, CHANGE_GRANTED);
	s = world_ask(&world, "a1", "other", "1", "ak1_a", id, asking(1));
	cr_assert_str_eq(s->events[0].reason, "approval_mismatch");
	s = world_ask(&world, "a1", "r", "2", "ak1_b", id, asking(1));
	cr_assert_str_eq(s->events[0].reason, "approval_mismatch");
	changed->approvals[0].digest = "sha256:changed";
	s = world_ask(&world, "a1", "r", "3", "ak1_a", id, changed);
	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	cr_assert(strcmp(s->approval->approval_id, id) != 0);
}

Test(ledger_approvals, two_rules_are_not_answered_by_a_grant_for_one)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(1, id);
	struct findings *two = asking(1);
	struct settlement *s;

	(void)world_vote(&world, "alice", seq, CHANGE_GRANTED);
	world_add_approval(&world, two, "r2", 1);
	s = world_ask(&world, "a1", "r", "2", "ak1_a", id, two);
	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	cr_assert(s->events[0].approval->rule_count == 2);
}

Test(ledger_approvals, a_quorum_needs_different_persons)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(2, id);

	cr_assert(
	    world_vote(&world, "bob", seq, CHANGE_GRANTED)->event_count == 1);
	cr_assert(world_vote(&world, "bob2", seq, CHANGE_GRANTED)->refusal ==
		  REFUSAL_ALREADY_VOTED);
	cr_assert(
	    world_vote(&world, "alice", seq, CHANGE_GRANTED)->event_count == 2);
}

Test(ledger_approvals, one_deny_denies)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(2, id);
	struct settlement *s = world_vote(&world, "bob", seq, CHANGE_DENIED);

	cr_assert(s->events[1].change == CHANGE_DENIED);
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->refusal == REFUSAL_ALREADY_RESOLVED);
	cr_assert_str_eq(s->approval->resolved_by, "bob");
	s = world_ask(&world, "a1", "r", "2", "ak1_a", id, asking(2));
	cr_assert_str_eq(s->events[0].reason, "approval_denied");
}

Test(ledger_approvals, pending_and_granted_expire)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(1, id);
	struct settlement *s;

	(void)world_vote(&world, "alice", seq, CHANGE_GRANTED);
	world.now_us += 15 * GK_US_PER_MIN;
	s = world_ask(&world, "a1", "r", "2", "ak1_a", id, asking(1));
	cr_assert_str_eq(s->events[0].reason, "approval_expired");
	s = world_ask(&world, "a1", "r", "3", "ak1_a", NULL, asking(1));
	cr_assert(s->events[0].approval != NULL);
	world.now_us += 30 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
}

Test(ledger_approvals, of_several_rules_the_shortest_times_hold)
{
	struct findings *found = asking(1);
	const struct approval_terms *terms;

	world_add_approval(&world, found, "r2", 1);
	found->approvals[0].expires_us = 10 * GK_US_PER_MIN;
	found->approvals[1].grant_valid_us = 5 * GK_US_PER_MIN;
	terms = world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found)
		    ->events[0]
		    .approval;
	cr_assert(terms->expires_us == world.now_us + 10 * GK_US_PER_MIN);
	cr_assert(terms->grant_valid_ms == 5 * GK_US_PER_MIN / 1000);
}

Test(ledger_approvals, an_identical_pending_request_is_joined)
{
	char id[ID_TEXT_BYTES];
	struct settlement *s;

	(void)asked(1, id);
	s = world_ask(&world, "a1", "r", "2", "ak1_a", NULL, asking(1));
	cr_assert(s->events[0].approval == NULL);
	cr_assert_str_eq(s->events[0].approval_id, id);
	s = world_ask(&world, "a1", "r", "3", "ak1_b", NULL, asking(1));
	cr_assert(s->events[0].approval != NULL);
}

Test(ledger_approvals, a_revoked_grant_lets_nothing_through)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(1, id);
	struct settlement *s;

	cr_assert(world_vote(&world, "alice", seq, CHANGE_REVOKED)->refusal ==
		  REFUSAL_ALREADY_RESOLVED);
	(void)world_vote(&world, "alice", seq, CHANGE_GRANTED);
	(void)world_vote(&world, "bob", seq, CHANGE_REVOKED);
	s = world_ask(&world, "a1", "r", "2", "ak1_a", id, asking(1));
	cr_assert_str_eq(s->events[0].reason, "approval_revoked");
}

Test(ledger_approvals, an_agent_votes_on_nothing)
{
	char id[ID_TEXT_BYTES];

	cr_assert(
	    world_vote(&world, "a2", asked(1, id), CHANGE_GRANTED)->refusal ==
	    REFUSAL_NOT_AN_APPROVER);
}

static uint64_t
asked_at_risk(const char *run, enum risk first, enum risk second)
{
	struct findings *found = world_findings(&world);

	world_add_approval(&world, found, "r1", 1);
	found->approvals[0].risk = first;
	world_add_approval(&world, found, "r2", 1);
	found->approvals[1].risk = second;
	return world_ask(&world, "a1", run, "1", "ak1_a", NULL, found)
	    ->events[0]
	    .seq;
}

/* The runs of a page, in its order, and what its cursor says. */
static void
check_page(const struct ledger *ledger, struct approval_filter *filter,
    size_t max, const char *runs, bool more)
{
	struct approval_view views[8];
	char found[64] = "";
	bool any;
	size_t n =
	    ledger_approvals(ledger, filter, &world.arena, views, max, &any);

	for (size_t i = 0; i < n; i++) {
		(void)strcat(found, views[i].run_id);
	}
	cr_assert_str_eq(found, runs);
	cr_assert_eq(any, more);
	filter->after_seq = views[n - 1].seq;
	filter->after_risk = (enum risk)views[n - 1].risk;
}

Test(ledger_approvals, the_riskiest_stand_first_and_of_those_the_oldest)
{
	struct approval_filter asked = {.status = APPROVAL_PENDING};
	struct approval_filter risk = asked;
	struct ledger *again;
	struct approval_view view;

	(void)asked_at_risk("a", RISK_LOW, RISK_LOW);
	(void)asked_at_risk("b", RISK_NONE, RISK_LOW);
	(void)asked_at_risk("c", RISK_HIGH, RISK_LOW);
	(void)asked_at_risk("d", RISK_MEDIUM, RISK_MEDIUM);
	(void)asked_at_risk("e", RISK_NONE, RISK_HIGH);
	(void)asked_at_risk("f", RISK_LOW, RISK_LOW);
	check_page(world.ledger, &asked, 8, "abcdef", false);
	risk.by_risk = true;
	check_page(world.ledger, &risk, 2, "ce", true);
	check_page(world.ledger, &risk, 3, "bda", true);
	check_page(world.ledger, &risk, 3, "f", false);
	/* it is in the record, so it outlives the process */
	for (int i = 0; i < 2; i++) {
		again = i == 0 ? world_rebuild(&world) : world_reload(&world);
		risk.after_seq = 0;
		check_page(again, &risk, 8, "cebdaf", false);
		cr_assert(ledger_approval(
		    again, risk.after_seq, &world.arena, &view));
		cr_assert_eq(view.risk, RISK_LOW);
		cr_assert_eq(view.rules[1].risk, RISK_LOW);
		ledger_free(again);
	}
}
