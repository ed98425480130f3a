/* The whole life of decisions: allow, stop, approval, grant, resume, result, retry, restart. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static struct house house;
static const struct identity *agent, *alice, *auditor;

static const char agent_json[] =
    "{\"id\":\"agent-7\",\"kind\":\"agent\",\"can\":[\"agent\"],"
    "\"agent\":\"support-agent\",\"tenants\":[\"t_42\"]}";
static const char alice_json[] =
    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
    "\"groups\":[\"finance\"],\"tenants\":[\"*\"]}";
static const char auditor_json[] =
    "{\"id\":\"ann\",\"kind\":\"human\",\"can\":[\"auditor\"],"
    "\"tenants\":[\"*\"]}";

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	agent = house_identity(&house, agent_json);
	alice = house_identity(&house, alice_json);
	auditor = house_identity(&house, auditor_json);
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_life, .init = setup, .fini = teardown);

/* What a decision answers: "decision reason". */
static void
expect(struct answer answer, const char *decision, const char *reason)
{
	cr_assert_eq((int)answer.outcome, GATE_OK, "%s", answer.text);
	cr_assert_str_eq(
	    answer_text(&answer, "/decision"), decision, "%s", answer.text);
	cr_assert_str_eq(
	    answer_text(&answer, "/reason"), reason, "%s", answer.text);
	answer_done(&answer);
}

static void
expect_code(struct answer answer, enum gate_outcome outcome, const char *code)
{
	cr_assert_eq((int)answer.outcome, (int)outcome, "%s %s", answer.code,
	    answer.text);
	cr_assert_str_eq(answer.code, code);
	answer_done(&answer);
}

static void
decision_id(const struct answer *answer, char ret[64])
{
	(void)snprintf(ret, 64, "%s", answer_text(answer, "/decision_id"));
}

static void
ask_refund(const char *run, const char *step, char ret_approval[64])
{
	struct answer asked = house_ask(&house, agent, run, step,
	    "refund.create", "\"args\":{\"order\":\"A-1\",\"amount\":120.5}");

	cr_assert_str_eq(answer_text(&asked, "/approval/status"), "pending");
	(void)snprintf(ret_approval, 64, "%s",
	    answer_text(&asked, "/approval/approval_id"));
	expect(asked, "approval_required", "refund_needs_approval");
}

static struct answer
resume(const char *run, const char *step, const char *approval)
{
	char more[256];

	(void)snprintf(more, sizeof(more),
	    "\"args\":{\"order\":\"A-1\",\"amount\":120.5},"
	    "\"approval_id\":\"%s\"",
	    approval);
	return house_ask(&house, agent, run, step, "refund.create", more);
}

Test(gate_life, an_allow_is_answered_in_the_form_of_the_contract)
{
	static const char form[] =
	    "{\"action_key\":\"ak1_%22[A-Za-z0-9_-]\",\"approval\":null,"
	    "\"decision\":\"allow\",\"decision_id\":\"dec_%22[A-Za-z0-9_-]\","
	    "\"event\":{\"leaf_hash\":\"%64[0-9a-f]\",\"seq\":%d},"
	    "\"layer\":\"access\",\"policy\":\"sha256:%64[0-9a-f]\","
	    "\"reason\":%15[^,],\"replayed\":false,\"retry_after_ms\":null,"
	    "\"rule\":\"reads\",\"run_id\":\"r1\",\"scope\":\"tenant\","
	    "\"step_id\":\"1\",\"valid_until\":\"%27[0-9TZ:.-]\"}%n";
	struct answer answer =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	char key[23], id[23], leaf[65], policy[65], reason[16], valid[28];
	int seq, n = -1;

	(void)sscanf(
	    answer.text, form, key, id, leaf, &seq, policy, reason, valid, &n);
	cr_assert_eq(n, (int)strlen(answer.text), "%s", answer.text);
	answer_done(&answer);
}

Test(gate_life, what_no_rule_allows_is_stopped)
{
	expect(house_ask(&house, agent, "r1", "1", "db.drop", NULL), "stop",
	    "no_rule_allows");
}

Test(gate_life, a_limit_stops_and_says_when_to_ask_again)
{
	struct answer last;

	for (int i = 0; i < 2; i++) {
		last = house_ask(&house, agent, "r1", i == 0 ? "1" : "2",
		    "crm.search", NULL);
		cr_assert_str_eq(answer_text(&last, "/decision"), "allow");
		answer_done(&last);
	}
	last = house_ask(&house, agent, "r1", "3", "crm.search", NULL);
	cr_assert(answer_int(&last, "/retry_after_ms") > 0);
	expect(last, "stop", "rate_limited_tenant");
	house_pass(&house, 2 * GK_US_PER_MIN);
	last = house_ask(&house, agent, "r1", "4", "crm.search", NULL);
	cr_assert_str_eq(answer_text(&last, "/decision"), "allow");
	answer_done(&last);
}

Test(gate_life, a_retry_gets_the_recorded_answer_and_other_arguments_conflict)
{
	struct answer first =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	struct answer again =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);

	cr_assert_str_eq(answer_text(&first, "/decision_id"),
	    answer_text(&again, "/decision_id"));
	cr_assert_str_eq(answer_text(&first, "/event/leaf_hash"),
	    answer_text(&again, "/event/leaf_hash"));
	cr_assert_str_eq(answer_text(&again, "/replayed"), "true");
	answer_done(&first);
	answer_done(&again);
	expect_code(house_ask(&house, agent, "r1", "1", "kb.read",
			"\"args\":{\"page\":2}"),
	    GATE_CONFLICT, "step_conflict");
}

Test(gate_life, a_result_closes_an_allow_repeats_as_nothing_and_conflicts_once)
{
	struct answer asked =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	char id[64];

	decision_id(&asked, id);
	answer_done(&asked);
	expect_code(house_do(&house, GATE_RESULT, agent, id,
			"{\"status\":\"ok\",\"output\":{\"n\":1}}", NULL),
	    GATE_CREATED, "");
	expect_code(house_do(&house, GATE_RESULT, agent, id,
			"{\"status\":\"ok\",\"output\":{\"n\":1},"
			"\"duration_ms\":9}",
			NULL),
	    GATE_OK, "");
	expect_code(house_do(&house, GATE_RESULT, agent, id,
			"{\"status\":\"error\"}", NULL),
	    GATE_CONFLICT, "conflicting_result");
	expect(house_ask(&house, agent, "r1", "1", "kb.read", NULL), "stop",
	    "already_reported");
}

Test(gate_life, a_result_for_what_was_stopped_is_a_violation)
{
	struct answer asked =
	    house_ask(&house, agent, "r1", "1", "db.drop", NULL);
	static const char *const query[] = {"kind", "violation", NULL};
	struct answer found;
	char id[64];

	decision_id(&asked, id);
	answer_done(&asked);
	for (int i = 0; i < 2; i++) {
		expect_code(house_do(&house, GATE_RESULT, agent, id,
				"{\"status\":\"ok\"}", NULL),
		    GATE_CONFLICT, "not_allowed");
	}
	found = house_do(&house, GATE_EVENTS, auditor, NULL, NULL, query);
	cr_assert_eq(json_count(json_get(found.json, "events")), 1);
	answer_done(&found);
}

Test(gate_life, a_grant_allows_the_action_once_as_a_step_of_its_own)
{
	char approval[64];
	struct answer granted;

	ask_refund("r1", "1", approval);
	granted = house_do(&house, GATE_APPROVAL_GRANT, alice, approval,
	    "{\"comment\":\"seen\"}", NULL);
	cr_assert_str_eq(answer_text(&granted, "/status"), "granted");
	cr_assert_eq((int)granted.outcome, GATE_OK);
	answer_done(&granted);
	expect(resume("r1", "2", approval), "allow", "approval_granted");
	expect(resume("r1", "3", approval), "stop", "approval_used");
	expect_code(
	    house_do(&house, GATE_APPROVAL_DENY, alice, approval, "{}", NULL),
	    GATE_CONFLICT, "already_resolved");
}

Test(gate_life, a_denial_stops_the_resume_and_says_by_whom)
{
	char approval[64];
	struct answer late;

	ask_refund("r1", "1", approval);
	expect_code(
	    house_do(&house, GATE_APPROVAL_DENY, alice, approval, NULL, NULL),
	    GATE_OK, "");
	expect(resume("r1", "2", approval), "stop", "approval_denied");
	late =
	    house_do(&house, GATE_APPROVAL_GRANT, alice, approval, "{}", NULL);
	cr_assert_str_eq(answer_text(&late, "/approval/resolved_by"), "alice");
	answer_done(&late);
}

Test(gate_life, only_people_with_a_token_vote)
{
	char approval[64];

	ask_refund("r1", "1", approval);
	expect_code(house_do(&house, GATE_APPROVAL_GRANT, &house_operator,
			approval, "{}", NULL),
	    GATE_FORBIDDEN, "not_permitted");
	expect_code(
	    house_do(&house, GATE_APPROVAL_GRANT, agent, approval, "{}", NULL),
	    GATE_FORBIDDEN, "not_permitted");
	expect_code(house_do(&house, GATE_APPROVAL_GRANT, alice,
			"apr_AAAAAAAAAAAAAAAAAAAAAA", "{}", NULL),
	    GATE_NOT_FOUND, "not_found");
}

Test(gate_life, what_is_due_becomes_an_event_before_the_decision_that_notices)
{
	char approval[64];

	ask_refund("r1", "1", approval);
	house_pass(&house, 31 * GK_US_PER_MIN);
	expect(resume("r1", "2", approval), "stop", "approval_expired");
}

Test(gate_life, a_run_ends_for_its_agent_and_stays_ended)
{
	struct answer ended;

	expect_code(
	    house_ask(&house, agent, "r1", "1", "db.drop", NULL), GATE_OK, "");
	ended = house_do(&house, GATE_RUN_END, agent, "r1", NULL, NULL);
	cr_assert_eq((int)ended.outcome, GATE_OK, "%s", ended.code);
	answer_done(&ended);
	expect_code(house_ask(&house, agent, "r1", "2", "kb.read", NULL),
	    GATE_CONFLICT, "run_ended");
	expect_code(house_do(&house, GATE_RUN_END, agent, "r1", NULL, NULL),
	    GATE_OK, "");
}

Test(gate_life, after_a_restart_everything_is_as_it_was)
{
	struct answer asked =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	struct answer again, switches;
	char approval[64], id[64];

	decision_id(&asked, id);
	answer_done(&asked);
	ask_refund("r2", "1", approval);
	expect_code(
	    house_do(&house, GATE_APPROVAL_GRANT, alice, approval, "{}", NULL),
	    GATE_OK, "");
	expect_code(
	    house_do(&house, GATE_SWITCH_THROW, &house_operator, NULL,
		"{\"scope\":\"run\",\"id\":\"r3\",\"reason\":\"x\"}", NULL),
	    GATE_CREATED, "");
	house_stop(&house);
	house_pass(&house, GK_US_PER_MIN);
	house_start(&house);
	again = house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	cr_assert_str_eq(answer_text(&again, "/decision_id"), id);
	expect(again, "allow", answer_text(&again, "/reason"));
	expect(resume("r2", "2", approval), "allow", "approval_granted");
	expect(house_ask(&house, agent, "r3", "1", "kb.read", NULL), "stop",
	    "kill_switch");
	switches =
	    house_do(&house, GATE_SWITCHES, &house_operator, NULL, NULL, NULL);
	cr_assert_eq(json_count(json_get(switches.json, "kill_switches")), 1);
	answer_done(&switches);
}

Test(gate_life, an_identity_speaks_for_its_tenants_only)
{
	expect_code(house_ask(&house, agent, "r1", "1", "kb.read",
			"\"args\":{},\"tenant_id\":\"t_43\""),
	    GATE_FORBIDDEN, "tenant_not_permitted");
}

Test(gate_life, a_revoked_identity_is_stopped_even_with_a_pinned_table)
{
	expect_code(house_do(&house, GATE_IDENTITY_REVOKE, &house_operator,
			"agent-7", "{\"reason\":\"left\"}", NULL),
	    GATE_OK, "");
	expect_code(house_ask(&house, agent, "r1", "1", "kb.read", NULL),
	    GATE_FORBIDDEN, "identity_revoked");
}

Test(gate_life, a_revoked_approver_votes_no_more_even_with_a_pinned_table)
{
	char approval[64];

	ask_refund("r1", "1", approval);
	expect_code(house_do(&house, GATE_IDENTITY_REVOKE, &house_operator,
			"alice", "{\"reason\":\"left\"}", NULL),
	    GATE_OK, "");
	expect_code(
	    house_do(&house, GATE_APPROVAL_GRANT, alice, approval, "{}", NULL),
	    GATE_FORBIDDEN, "identity_revoked");
}

Test(gate_life, a_bad_request_names_the_field_and_is_not_recorded)
{
	expect_code(house_do(&house, GATE_DECIDE, agent, NULL,
			"{\"run_id\":\"r1\",\"step_id\":\"a~b\","
			"\"action\":\"kb.read\",\"args\":{}}",
			NULL),
	    GATE_BAD_REQUEST, "invalid_request");
	expect_code(house_do(&house, GATE_DECIDE, agent, NULL,
			"{\"run_id\":\"r1\",\"step_id\":\"1\",\"typo\":1,"
			"\"action\":\"kb.read\",\"args\":{}}",
			NULL),
	    GATE_BAD_REQUEST, "invalid_request");
}

Test(gate_life, a_decision_is_told_with_its_result_and_its_approval)
{
	struct answer asked =
	    house_ask(&house, agent, "r1", "1", "kb.read", NULL);
	struct answer told;
	char id[64], approval[64];

	decision_id(&asked, id);
	answer_done(&asked);
	told = house_do(&house, GATE_DECISION, agent, id, NULL, NULL);
	cr_assert_str_eq(answer_text(&told, "/result"), "null");
	answer_done(&told);
	expect_code(house_do(&house, GATE_RESULT, agent, id,
			"{\"status\":\"ok\"}", NULL),
	    GATE_CREATED, "");
	told = house_do(&house, GATE_DECISION, agent, id, NULL, NULL);
	cr_assert_str_eq(answer_text(&told, "/result/result/status"), "ok");
	answer_done(&told);
	ask_refund("r1", "2", approval);
	asked = house_ask(&house, agent, "r1", "2", "refund.create",
	    "\"args\":{\"order\":\"A-1\",\"amount\":120.5}");
	decision_id(&asked, id);
	answer_done(&asked);
	told = house_do(&house, GATE_DECISION, agent, id, NULL, NULL);
	cr_assert_str_eq(answer_text(&told, "/approval/status"), "pending");
	answer_done(&told);
}
