/* Hash keys: a step stays the same step across rotations, and no key goes before its time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static const char the_policy[] =
    "policy: test\n"
    "allow:\n"
    "  - id: all\n"
    "    actions: [\"kb.*\", mail.send, refund.create]\n"
    "limits:\n"
    "  - id: no-loops\n"
    "    actions: [mail.send]\n"
    "    per: tenant\n"
    "    same_action: 2\n"
    "    within: 1h\n"
    "    reason: loop\n"
    "approvals:\n"
    "  - id: refunds\n"
    "    actions: [refund.create]\n"
    "    reason: refund_needs_approval\n"
    "    approvers: {groups: [finance], count: 1}\n"
    "    expires: 30m\n"
    "    grant_valid: 15m\n";

static struct house house;
static const struct identity *agent, *alice;

static void
setup(void)
{
	house_init(&house, the_policy);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"agent-7\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"agent\":\"support-agent\",\"tenants\":[\"t_42\"]}");
	alice = house_identity(&house,
	    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"finance\"],\"tenants\":[\"*\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_keys, .init = setup, .fini = teardown);

static void
restart(void)
{
	house_stop(&house);
	house_start(&house);
}

static void
rotate(int64_t id)
{
	struct answer answer =
	    house_do(&house, GATE_KEY_ROTATE, &house_operator, NULL,
		"{\"what\":\"hash\",\"reason\":\"test\"}", NULL);

	cr_assert_eq((int)answer.outcome, GATE_OK, "%s", answer.text);
	cr_assert_eq(answer_int(&answer, "/id"), id, "%s", answer.text);
	answer_done(&answer);
}

static void
destroy(const char *id, enum gate_outcome outcome, const char *code)
{
	struct answer answer = house_do(&house, GATE_KEY_DESTROY,
	    &house_operator, id, "{\"reason\":\"test\"}", NULL);

	cr_assert_eq((int)answer.outcome, (int)outcome, "%s %s", answer.code,
	    answer.text);
	cr_assert_str_eq(answer.code, code, "%s", answer.text);
	answer_done(&answer);
}

/* The i-th key of the list: "what id state runs approvals repeats". */
static void
expect_key(int i, const char *expected)
{
	struct answer list =
	    house_do(&house, GATE_KEYS, &house_operator, NULL, NULL, NULL);
	char at[64], text[256];
	size_t n = 0;

	for (size_t k = 0; k < 6; k++) {
		static const char *const members[] = {
		    "what", "id", "state", "runs", "approvals", "repeats"};

		(void)snprintf(at, sizeof(at), "/keys/%d/%s", i, members[k]);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    k == 0 ? "" : " ", answer_text(&list, at));
	}
	cr_assert_str_eq(text, expected, "%s", list.text);
	answer_done(&list);
}

static void
expect(struct answer answer, const char *decision, const char *reason)
{
	cr_assert_eq(
	    (int)answer.outcome, GATE_OK, "%s %s", answer.code, answer.text);
	cr_assert_str_eq(
	    answer_text(&answer, "/decision"), decision, "%s", answer.text);
	cr_assert_str_eq(
	    answer_text(&answer, "/reason"), reason, "%s", answer.text);
	answer_done(&answer);
}

static struct answer
ask(const char *run, const char *step, const char *action, const char *more)
{
	return house_ask(&house, agent, run, step, action, more);
}

/* The decision's event: its action key begins so. */
static void
expect_hashed_under(struct answer *answer, const char *prefix)
{
	const char *key = answer_text(answer, "/action_key");

	cr_assert(
	    strncmp(key, prefix, strlen(prefix)) == 0, "%s", answer->text);
}

Test(gate_keys, a_retry_after_a_rotation_is_the_same_step)
{
	struct answer one = ask(
	    "r", "1", "kb.read", "\"args\":{\"q\":1},\"context\":{\"c\":2}");
	struct answer again, other;
	char id[64];

	(void)snprintf(id, sizeof(id), "%s", answer_text(&one, "/decision_id"));
	expect_hashed_under(&one, "ak1_");
	answer_done(&one);
	rotate(2);
	for (int i = 0; i < 2; i++) {
		again = ask("r", "1", "kb.read",
		    "\"args\":{\"q\":1},\"context\":{\"c\":2}");
		cr_assert_str_eq(answer_text(&again, "/replayed"), "true");
		cr_assert_str_eq(answer_text(&again, "/decision_id"), id);
		expect_hashed_under(&again, "ak1_");
		answer_done(&again);
		other = ask("r", "1", "kb.read",
		    "\"args\":{\"q\":2},\"context\":{\"c\":2}");
		cr_assert_str_eq(other.code, "step_conflict");
		answer_done(&other);
		other = ask("r", "1", "kb.read",
		    "\"args\":{\"q\":1},\"context\":{\"c\":3}");
		cr_assert_str_eq(other.code, "step_conflict");
		answer_done(&other);
		restart();
	}
	other = ask("r", "2", "kb.read", "\"args\":{\"q\":1}");
	expect_hashed_under(&other, "ak2_");
	answer_done(&other);
}

static void
ask_refund(const char *run, const char *step, char ret_id[64])
{
	struct answer asked =
	    ask(run, step, "refund.create", "\"args\":{\"amount\":120}");

	(void)snprintf(
	    ret_id, 64, "%s", answer_text(&asked, "/approval/approval_id"));
	expect(asked, "approval_required", "refund_needs_approval");
}

static void
grant(const char *approval)
{
	struct answer answer =
	    house_do(&house, GATE_APPROVAL_GRANT, alice, approval, NULL, NULL);

	cr_assert_eq(
	    (int)answer.outcome, GATE_OK, "%s %s", answer.code, answer.text);
	answer_done(&answer);
}

Test(gate_keys, an_approval_is_joined_granted_and_used_across_a_rotation)
{
	char first[64], joined[64], more[256];

	ask_refund("r", "1", first);
	rotate(2);
	ask_refund("r", "2", joined);
	cr_assert_str_eq(first, joined);
	grant(first);
	rotate(3);
	restart();
	(void)snprintf(more, sizeof(more),
	    "\"args\":{\"amount\":121},\"approval_id\":\"%s\"", first);
	expect(
	    ask("r", "3", "refund.create", more), "stop", "approval_mismatch");
	(void)snprintf(more, sizeof(more),
	    "\"args\":{\"amount\":120},\"approval_id\":\"%s\"", first);
	expect(
	    ask("r", "4", "refund.create", more), "allow", "approval_granted");
	expect(ask("r", "5", "refund.create", more), "stop", "approval_used");
}

Test(gate_keys, a_limit_on_the_same_action_counts_on_across_rotations)
{
	static const char args[] = "\"args\":{\"to\":\"a\"}";

	expect(ask("r", "1", "mail.send", args), "allow", "allowed");
	rotate(2);
	house_pass(&house, GK_US_PER_MIN);
	expect(ask("s", "1", "mail.send", args), "allow", "allowed");
	rotate(3);
	house_pass(&house, GK_US_PER_MIN);
	restart();
	expect(ask("t", "1", "mail.send", args), "stop", "loop");
	expect(ask("t", "2", "mail.send", "\"args\":{\"to\":\"b\"}"), "allow",
	    "allowed");
	/* the first ages out, the second doesn't */
	house_pass(&house, 58 * GK_US_PER_MIN);
	expect(ask("t", "3", "mail.send", args), "allow", "allowed");
	expect(ask("t", "4", "mail.send", args), "stop", "loop");
}

static void
report(const char *id, const char *body, enum gate_outcome outcome,
    const char *code)
{
	struct answer answer =
	    house_do(&house, GATE_RESULT, agent, id, body, NULL);

	cr_assert_eq((int)answer.outcome, (int)outcome, "%s %s", answer.code,
	    answer.text);
	cr_assert_str_eq(answer.code, code);
	answer_done(&answer);
}

static void
end_run(const char *run)
{
	struct answer answer =
	    house_do(&house, GATE_RUN_END, agent, run, NULL, NULL);

	cr_assert_eq((int)answer.outcome, GATE_OK, "%s", answer.text);
	answer_done(&answer);
}

/* Kinds and changes of the newest event, "kind change note". */
static void
expect_newest(const char *expected)
{
	static const char *const params[] = {
	    "limit", "1", "kind", "result", NULL};
	struct answer answer =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, params);
	char text[256];

	(void)snprintf(text, sizeof(text), "%s|%s",
	    answer_text(&answer, "/events/0/change"),
	    answer_text(&answer, "/events/0/note"));
	cr_assert_str_eq(text, expected, "%s", answer.text);
	answer_done(&answer);
}

static const char the_result[] =
    "{\"status\":\"error\",\"output\":{\"x\":1},"
    "\"error\":{\"code\":\"e\",\"message\":\"m\"}}";

Test(gate_keys, the_same_result_is_the_same_across_a_rotation)
{
	struct answer allow = ask("r", "1", "kb.read", NULL);
	char id[64];

	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(&allow, "/decision_id"));
	answer_done(&allow);
	report(id, the_result, GATE_CREATED, "");
	rotate(2);
	report(id, the_result, GATE_OK, "");
	restart();
	report(id, the_result, GATE_OK, "");
	report(id, "{\"status\":\"error\",\"output\":{\"x\":2}}", GATE_CONFLICT,
	    "conflicting_result");
	expect_newest("conflicting_result|");
}

Test(gate_keys, ids_are_found_and_the_rest_is_unverifiable_when_a_key_is_gone)
{
	struct answer allow = ask("r", "1", "kb.read", NULL), seen;
	char id[64], path[160];

	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(&allow, "/decision_id"));
	answer_done(&allow);
	report(id, the_result, GATE_CREATED, "");
	rotate(2);
	end_run("r");
	destroy("1", GATE_OK, "");
	(void)snprintf(path, sizeof(path), "%s/keys/hmac.key", house.data);
	cr_assert(access(path, F_OK) != 0);
	for (int i = 0; i < 2; i++) {
		seen = house_do(
		    &house, GATE_DECISION, &house_operator, id, NULL, NULL);
		cr_assert_eq(
		    (int)seen.outcome, GATE_OK, "%s %s", seen.code, seen.text);
		answer_done(&seen);
		restart();
	}
	report(id, the_result, GATE_CONFLICT, "conflicting_result");
	expect_newest("conflicting_result|the earlier result's hash key is "
		      "destroyed");
	expect_key(0, "hash 1 destroyed 0 0 0");
	expect_key(1, "hash 2 current 0 0 0");
	destroy("1", GATE_NOT_FOUND, "not_found");
}

Test(gate_keys, a_key_is_not_destroyed_while_something_needs_it)
{
	char approval[64];
	struct answer answer;

	destroy("1", GATE_CONFLICT, "key_needed"); /* the current one */
	destroy("2", GATE_NOT_FOUND, "not_found");
	destroy("x", GATE_NOT_FOUND, "not_found");
	answer = ask("r", "1", "kb.read", NULL);
	report(
	    answer_text(&answer, "/decision_id"), the_result, GATE_CREATED, "");
	answer_done(&answer);
	ask_refund("s", "1", approval);
	expect(ask("t", "1", "mail.send", NULL), "allow", "allowed");
	rotate(2);
	expect_key(0, "hash 1 needed 3 1 1");
	expect_key(1, "hash 2 current 0 0 0");
	expect_key(2, "signing 1 current 0 0 0");
	destroy("1", GATE_CONFLICT, "key_needed");
	end_run("r");
	restart();
	expect_key(0, "hash 1 needed 2 1 1");
	/* the approval and its run time out, and so does the run that sent */
	house_pass(&house, 50 * GK_US_PER_MIN);
	expect(ask("u", "1", "kb.read", NULL), "allow", "allowed");
	expect_key(0, "hash 1 needed 2 0 1");
	house_pass(&house, 49 * GK_US_PER_HOUR);
	expect(ask("u", "2", "kb.read", NULL), "allow", "allowed");
	expect_key(0, "hash 1 old 0 0 0");
	destroy("1", GATE_OK, "");
	destroy("2", GATE_CONFLICT, "key_needed");
}

Test(gate_keys, only_so_many_keys_are_kept)
{
	struct answer answer;

	for (int64_t id = 2; id <= 8; id++) {
		rotate(id);
	}
	answer = house_do(&house, GATE_KEY_ROTATE, &house_operator, NULL,
	    "{\"what\":\"hash\",\"reason\":\"test\"}", NULL);
	cr_assert_eq((int)answer.outcome, GATE_CONFLICT);
	cr_assert_str_eq(answer.code, "too_many_keys");
	answer_done(&answer);
	destroy("3", GATE_OK, "");
	rotate(9);
	restart();
	expect_key(2, "hash 3 destroyed 0 0 0");
	expect_key(8, "hash 9 current 0 0 0");
}

Test(gate_keys, the_hashes_of_arguments_are_told_under_each_key)
{
	struct answer hashes, found;
	char keys[256];
	const char *params[] = {"action_key", keys, "order", "asc", NULL};

	answer_done(&(struct answer[1]){ask("r", "1", "kb.read", NULL)}[0]);
	rotate(2);
	answer_done(&(struct answer[1]){ask("r", "2", "kb.read", NULL)}[0]);
	hashes = house_do(&house, GATE_ARGS_HASH, &house_operator, NULL,
	    "{\"action\":\"kb.read\",\"args\":{}}", NULL);
	cr_assert_eq(answer_int(&hashes, "/keys/0/key"), 2, "%s", hashes.text);
	cr_assert_eq(answer_int(&hashes, "/keys/1/key"), 1);
	cr_assert_str_eq(answer_text(&hashes, "/args_hash"),
	    answer_text(&hashes, "/keys/0/args_hash"));
	(void)snprintf(keys, sizeof(keys), "%s,%s",
	    answer_text(&hashes, "/keys/0/action_key"),
	    answer_text(&hashes, "/keys/1/action_key"));
	answer_done(&hashes);
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, params);
	cr_assert_str_eq(answer_text(&found, "/events/0/step_id"), "1");
	cr_assert_str_eq(answer_text(&found, "/events/1/step_id"), "2");
	cr_assert_str_eq(answer_text(&found, "/events/2"), "");
	answer_done(&found);
	params[1] = "ak1_x,";
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, params);
	cr_assert_eq((int)found.outcome, GATE_BAD_REQUEST);
	answer_done(&found);
}

static void
rotate_signing(int64_t id)
{
	struct answer answer =
	    house_do(&house, GATE_KEY_ROTATE, &house_operator, NULL,
		"{\"what\":\"signing\",\"reason\":\"test\"}", NULL);

	cr_assert_eq(
	    (int)answer.outcome, GATE_OK, "%s %s", answer.code, answer.text);
	cr_assert_eq(answer_int(&answer, "/id"), id, "%s", answer.text);
	answer_done(&answer);
}

static void
expect_verified(const char *vkey)
{
	const struct gate_verify_options options = {
	    .data_dir = house.data, .vkey = vkey};
	struct gate_verify_report report;
	struct gk_err err = {.rc = GK_OK};

	cr_assert_eq((int)gate_verify(&options, &report, &err), GK_OK);
	cr_assert_eq(report.exit_code, 0, "%s", gk_buf_text(&report.text));
	gk_buf_done(&report.json);
	gk_buf_done(&report.text);
}

Test(gate_keys, the_signing_key_rotates_and_every_verifier_key_verifies)
{
	char vkeys[3][256];

	(void)snprintf(vkeys[0], 256, "%s", gate_vkey(house.gate));
	rotate_signing(2);
	(void)snprintf(vkeys[1], 256, "%s", gate_vkey(house.gate));
	expect(ask("r", "1", "kb.read", NULL), "allow", "allowed");
	restart();
	cr_assert_str_eq(gate_vkey(house.gate), vkeys[1]);
	rotate_signing(3);
	(void)snprintf(vkeys[2], 256, "%s", gate_vkey(house.gate));
	expect(ask("r", "1", "kb.read", NULL), "allow", "allowed");
	expect_key(1, "signing 1 ended 0 0 0");
	expect_key(3, "signing 3 current 0 0 0");
	house_stop(&house);
	for (size_t i = 0; i < 3; i++) {
		cr_assert(i == 0 || strcmp(vkeys[i], vkeys[i - 1]) != 0);
		expect_verified(vkeys[i]);
	}
	expect_verified(NULL);
	house_start(&house);
}

Test(gate_keys, a_lost_key_is_told_and_refused_only_while_it_is_needed)
{
	struct gk_err err = {.rc = GK_OK};
	char path[160], away[160];
	struct answer answer;

	(void)snprintf(path, sizeof(path), "%s/keys/hmac.key", house.data);
	(void)snprintf(away, sizeof(away), "%s/away", house.root);
	answer = ask("r", "1", "kb.read", NULL);
	report(
	    answer_text(&answer, "/decision_id"), the_result, GATE_CREATED, "");
	answer_done(&answer);
	rotate(2);
	house_stop(&house);
	cr_assert_eq(rename(path, away), 0);
	cr_assert_eq((int)gate_open(&house.options, &house.gate, &err),
	    GK_E_CORRUPT, "%s", err.text);
	cr_assert(
	    strstr(err.text, "hash key 1 is missing") != NULL, "%s", err.text);
	cr_assert_eq(rename(away, path), 0);
	house.gate = NULL;
	house_start(&house);
	end_run("r");
	house_stop(&house);
	cr_assert_eq(rename(path, away), 0);
	house_start(&house);
	cr_assert_str_eq(house.last_alert, "key_missing");
	expect_key(0, "hash 1 missing 0 0 0");
	destroy("1", GATE_OK, "");
}
