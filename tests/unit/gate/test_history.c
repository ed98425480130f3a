/* What had happened in a run before somebody was asked: told to who may see the approval, and to nobody else. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "gate/gate_internal.h"

static struct house house;
static const struct identity *agent, *alice, *other, *auditor;

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t1\",\"t2\"]}");
	alice = house_identity(&house,
	    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"finance\"],\"tenants\":[\"t1\"]}");
	other = house_identity(&house,
	    "{\"id\":\"olaf\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"sales\"],\"tenants\":[\"*\"]}");
	auditor = house_identity(&house,
	    "{\"id\":\"ann\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"t2\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_history, .init = setup, .fini = teardown);

/* Ask for it; the id of the decision, or of the approval that it opened. */
static void
ask(const char *tenant, const char *run, const char *step, const char *action,
    char ret[64])
{
	char more[128];
	struct answer answer;
	const char *approval;

	(void)snprintf(more, sizeof(more),
	    "\"tenant_id\":\"%s\",\"args\":{\"order\":\"%s\"}", tenant, step);
	answer = house_ask(&house, agent, run, step, action, more);
	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	approval = answer_text(&answer, "/approval/approval_id");
	(void)snprintf(ret, 64, "%s",
	    approval[0] != '\0' ? approval
				: answer_text(&answer, "/decision_id"));
	answer_done(&answer);
}

static void
report(const char *decision, const char *body, enum gate_outcome outcome)
{
	struct answer answer =
	    house_do(&house, GATE_RESULT, agent, decision, body, NULL);

	cr_assert_eq(answer.outcome, outcome, "%s", answer.code);
	answer_done(&answer);
}

static struct answer
history(const struct identity *who, const char *approval, const char *limit)
{
	const char *const query[] = {
	    limit == NULL ? NULL : "limit", limit, NULL};

	return house_do(
	    &house, GATE_APPROVAL_HISTORY, who, approval, NULL, query);
}

static void
check(const struct answer *answer, const char *pointer, const char *text)
{
	cr_assert_str_eq(answer_text(answer, pointer), text, "%s in %s",
	    pointer, answer->text);
}

Test(gate_history, the_first_step_of_a_run_has_nothing_before_it)
{
	char approval[64];
	struct answer answer;

	ask("t1", "r1", "1", "refund.create", approval);
	answer = history(alice, approval, NULL);
	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	check(&answer, "/approval_id", approval);
	check(&answer, "/run_id", "r1");
	check(&answer, "/tenant_id", "t1");
	check(&answer, "/steps", "[]");
	check(&answer, "/complete", "true");
	check(&answer, "/totals",
	    "{\"allow\":0,\"approval_required\":0,\"errors\":0,\"steps\":0,"
	    "\"stop\":0,\"unreported\":0,\"violations\":0}");
	check(&answer, "/after",
	    "{\"complete\":true,\"steps\":0,\"violations\":0}");
	answer_done(&answer);
}

Test(gate_history, each_step_is_told_latest_first_with_what_came_of_it)
{
	char read[64], drop[64], late[64], denied[64], approval[64];
	struct answer answer;

	ask("t1", "r1", "read", "kb.read", read);
	report(read, "{\"status\":\"ok\"}", GATE_CREATED);
	report(read, "{\"status\":\"error\"}", GATE_CONFLICT);
	ask("t1", "r1", "drop", "db.drop", drop);
	report(drop, "{\"status\":\"ok\"}", GATE_CONFLICT);
	ask("t1", "other", "1", "kb.read", late);
	ask("t1", "r1", "late", "kb.write", late);
	ask("t1", "r1", "denied", "refund.create", denied);
	answer =
	    house_do(&house, GATE_APPROVAL_DENY, alice, denied, "{}", NULL);
	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	answer_done(&answer);
	ask("t1", "r1", "asks", "refund.create", approval);
	/* told only when it was asked already */
	report(late,
	    "{\"status\":\"error\",\"error\":{\"code\":\"upstream.down\"}}",
	    GATE_CREATED);
	answer = history(alice, approval, NULL);
	check(&answer, "/totals",
	    "{\"allow\":2,\"approval_required\":1,\"errors\":1,\"steps\":4,"
	    "\"stop\":1,\"unreported\":0,\"violations\":1}");
	check(&answer, "/steps/0/step_id", "denied");
	check(&answer, "/steps/0/action", "refund.create");
	check(&answer, "/steps/0/decision", "approval_required");
	check(&answer, "/steps/0/approval", "denied");
	check(&answer, "/steps/1/result", "error");
	check(&answer, "/steps/1/error_code", "upstream.down");
	check(&answer, "/steps/2/decision", "stop");
	check(&answer, "/steps/2/reason", "no_rule_allows");
	check(&answer, "/steps/2/violation", "true");
	check(&answer, "/steps/2/result", "null");
	check(&answer, "/steps/3/result", "ok");
	check(&answer, "/steps/3/contradicted", "true");
	check(&answer, "/steps/3/violation", "false");
	check(&answer, "/complete", "true");
	/* no argument of any step */
	cr_assert_null(strstr(answer.text, "order"), "%s", answer.text);
	answer_done(&answer);
}

Test(gate_history,
    what_nobody_reported_says_so_and_what_was_done_since_is_counted)
{
	char read[64], approval[64], since[64];
	struct answer answer;

	ask("t1", "r1", "1", "kb.read", read);
	house_pass(&house, 10 * GK_US_PER_MIN);
	ask("t1", "r1", "2", "refund.create", approval);
	house_pass(&house, 6 * GK_US_PER_MIN);
	ask("t1", "r1", "3", "kb.read", since);
	ask("t1", "r1", "4", "db.drop", since);
	report(since, "{\"status\":\"ok\"}", GATE_CONFLICT);
	answer = history(alice, approval, NULL);
	check(&answer, "/steps/0/result", "unreported");
	check(&answer, "/totals/unreported", "1");
	check(&answer, "/totals/errors", "0");
	check(&answer, "/totals/violations", "0");
	check(&answer, "/after",
	    "{\"complete\":true,\"steps\":2,\"violations\":1}");
	answer_done(&answer);
}

Test(gate_history,
    what_waits_for_a_grant_and_is_done_without_one_is_a_violation_since)
{
	char asked[64], approval[64];
	struct answer answer = house_ask(&house, agent, "r1", "1",
	    "refund.create", "\"tenant_id\":\"t1\",\"args\":{}");

	(void)snprintf(
	    asked, sizeof(asked), "%s", answer_text(&answer, "/decision_id"));
	(void)snprintf(approval, sizeof(approval), "%s",
	    answer_text(&answer, "/approval/approval_id"));
	answer_done(&answer);
	report(asked, "{\"status\":\"ok\"}", GATE_CONFLICT);
	answer = history(alice, approval, NULL);
	check(&answer, "/after",
	    "{\"complete\":true,\"steps\":0,\"violations\":1}");
	check(&answer, "/totals/violations", "0");
	answer_done(&answer);
}

Test(gate_history, a_long_run_costs_no_more_and_says_that_it_is_longer)
{
	char id[64], step[16];
	struct answer answer;

	for (int i = 0; i < 520; i++) {
		(void)snprintf(step, sizeof(step), "%d", i);
		ask("t1", "r1", step, "kb.read", id);
	}
	ask("t1", "r1", "asks", "refund.create", id);
	answer = history(alice, id, NULL);
	cr_assert_eq(json_count(json_get(answer.json, "steps")), 20);
	check(&answer, "/steps/0/step_id", "519");
	check(&answer, "/totals/steps", "500");
	check(&answer, "/complete", "false");
	answer_done(&answer);
	answer = history(alice, id, "100");
	cr_assert_eq(json_count(json_get(answer.json, "steps")), 100);
	answer_done(&answer);
	answer = history(alice, id, "101");
	cr_assert_eq(answer.outcome, GATE_BAD_REQUEST);
	answer_done(&answer);
}

/* An agent that wants to be granted something may well do many harmless things. */
Test(gate_history, harmless_steps_hide_no_violation_before_or_since)
{
	char drop[64], early[64], id[64], approval[64], step[16];
	struct answer answer;

	ask("t1", "r1", "drop", "db.drop", drop);
	report(drop, "{\"status\":\"ok\"}", GATE_CONFLICT);
	ask("t1", "r1", "early", "db.drop", early);
	for (int i = 0; i < 510; i++) {
		(void)snprintf(step, sizeof(step), "%d", i);
		ask("t1", "r1", step, "kb.read", id);
	}
	ask("t1", "r1", "recent", "db.drop", drop);
	ask("t1", "r1", "asks", "refund.create", approval);
	for (int i = 0; i < 510; i++) {
		(void)snprintf(step, sizeof(step), "x%d", i);
		ask("t1", "r1", step, "kb.read", id);
	}
	answer = history(alice, approval, NULL);
	check(&answer, "/totals/violations", "1");
	check(&answer, "/after",
	    "{\"complete\":false,\"steps\":500,\"violations\":0}");
	answer_done(&answer);
	ask("t1", "r1", "drops", "db.drop", id);
	report(id, "{\"status\":\"ok\"}", GATE_CONFLICT);
	report(early, "{\"status\":\"ok\"}", GATE_CONFLICT);
	report(drop, "{\"status\":\"ok\"}", GATE_CONFLICT);
	ask("t1", "r2", "other", "db.drop", id);
	report(id, "{\"status\":\"ok\"}", GATE_CONFLICT);
	answer = history(alice, approval, NULL);
	check(&answer, "/totals/violations", "3");
	check(&answer, "/steps/0/violation", "true");
	check(&answer, "/after",
	    "{\"complete\":false,\"steps\":500,\"violations\":1}");
	answer_done(&answer);
}

Test(gate_history, who_may_not_see_the_approval_learns_nothing_of_the_run)
{
	const struct identity *const strangers[] = {other, auditor};
	char read[64], mine[64], theirs[64];
	struct answer answer;

	ask("t2", "r1", "theirs", "kb.read", read);
	ask("t2", "r1", "asks", "refund.create", theirs);
	ask("t1", "r1", "mine", "kb.read", read);
	ask("t1", "r1", "asks", "refund.create", mine);
	for (size_t i = 0; i < GK_COUNT(strangers); i++) {
		answer = history(strangers[i], mine, NULL);
		cr_assert_eq(answer.outcome, GATE_NOT_FOUND);
		cr_assert_null(strstr(answer.text, "mine"));
		answer_done(&answer);
	}
	answer = history(alice, theirs, NULL);
	cr_assert_eq(answer.outcome, GATE_NOT_FOUND);
	answer_done(&answer);
	answer = history(agent, mine, NULL);
	cr_assert_eq(answer.outcome, GATE_FORBIDDEN);
	answer_done(&answer);
	answer = history(alice, "apr_AAAAAAAAAAAAAAAAAAAAAA", NULL);
	cr_assert_eq(answer.outcome, GATE_NOT_FOUND);
	answer_done(&answer);
	/* a run of the same name of another tenant isn't this run */
	answer = history(alice, mine, NULL);
	cr_assert_eq(json_count(json_get(answer.json, "steps")), 1);
	check(&answer, "/steps/0/step_id", "mine");
	answer_done(&answer);
}
