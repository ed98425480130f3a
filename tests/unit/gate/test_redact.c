/* What people see in clear, and what is nowhere on disk. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "gate/gate_internal.h"

static struct house house;
static const struct identity *agent, *alice;

static void
setup(void)
{
	static const char *const show[] = {"note", "/deep/er", "phone"};

	house_init(&house, house_policy);
	house.options.show_fields = show;
	house.options.show_count = GK_COUNT(show);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t\"]}");
	alice = house_identity(&house,
	    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"finance\"],\"tenants\":[\"*\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_redact, .init = setup, .fini = teardown);

Test(gate_redact, patterns_are_found_in_what_people_write)
{
	static const char *const cases[][2] = {
	    {"plain words, 12 of them", "plain words, 12 of them"},
	    {"mail a.b+c@x.example!", "mail [redacted]!"},
	    {"no@mail", "no@mail"},
	    {"card 4111 1111 1111 1111.", "card [redacted]."},
	    {"card 4111111111111111 12/26", "card [redacted] 12/26"},
	    {"call +49 170 1234567 now", "call [redacted] now"},
	    {"call (555) 123-4567", "call [redacted]"},
	    {"call 0170/123 45 67", "call [redacted]"},
	    {"order A-1001 of 2026-11-23", "order A-1001 of 2026-11-23"},
	    {"<joe@example.org>", "<[redacted]>"},
	    {"", ""},
	};
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		char *text = gate__scrub(house.gate, cases[i][0], true, &arena);

		cr_assert_str_eq(
		    text, cases[i][1], "%s: %s", cases[i][0], text);
	}
	gk_arena_done(&arena);
}

Test(gate_redact, what_is_shown_is_what_was_chosen_without_what_is_redacted)
{
	struct answer asked =
	    house_ask(&house, agent, "r", "1", "refund.create",
		"\"args\":{\"order\":\"A-1\",\"email\":\"e@mail.example\","
		"\"card\":{\"Card_Number\":\"4111111111111111\",\"kind\":"
		"\"debit\"},"
		"\"deep\":{\"er\":[{\"phone\":\"1\",\"x\":2}]},"
		"\"note\":\"write to e@mail.example\",\"phone\":\"+49 1\","
		"\"hidden\":\"SECRET-1\"}");
	struct answer one;
	char id[64];

	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(&asked, "/approval/approval_id"));
	answer_done(&asked);
	one = house_do(&house, GATE_APPROVAL, alice, id, NULL, NULL);
	cr_assert_str_eq(answer_text(&one, "/shown"),
	    "{\"/card\":{\"kind\":\"debit\"},\"/deep/er\":[{\"x\":2}],"
	    "\"/note\":\"write to [redacted]\",\"/order\":\"A-1\"}");
	answer_done(&one);
}

Test(gate_redact, a_commitment_opens_to_what_is_shown)
{
	static const char *const query[] = {"kind", "decision", NULL};
	struct answer found,
	    asked = house_ask(&house, agent, "r", "1", "refund.create",
		"\"args\":{\"order\":\"A-1\"}");

	answer_done(&asked);
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, query);
	cr_assert_str_eq(
	    answer_text(&found, "/events/0/opened/~1order"), "A-1");
	cr_assert_eq(
	    strncmp(answer_text(&found, "/events/0/shown/~1order"), "c1_", 3),
	    0);
	answer_done(&found);
}

Test(gate_redact, planted_secrets_are_nowhere_on_disk)
{
	static const char *const marks[] = {"SECRET-args", "SECRET-context",
	    "SECRET-output", "SECRET-error", "secret@mail.example",
	    "4111111111111111"};
	struct answer answer;
	char id[64], approval[64];

	answer = house_ask(&house, agent, "r", "1", "kb.read",
	    "\"args\":{\"x\":\"SECRET-args\"},"
	    "\"context\":{\"y\":\"SECRET-context\"}");
	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(&answer, "/decision_id"));
	answer_done(&answer);
	answer = house_do(&house, GATE_RESULT, agent, id,
	    "{\"status\":\"error\",\"output\":\"SECRET-output\","
	    "\"error\":{\"code\":\"x\",\"message\":\"SECRET-error\"}}",
	    NULL);
	cr_assert_eq(answer.outcome, GATE_CREATED);
	answer_done(&answer);
	answer = house_ask(&house, agent, "r", "2", "refund.create",
	    "\"args\":{\"email\":\"secret@mail.example\","
	    "\"card\":{\"card_number\":\"4111111111111111\"}}");
	(void)snprintf(approval, sizeof(approval), "%s",
	    answer_text(&answer, "/approval/approval_id"));
	answer_done(&answer);
	answer = house_do(&house, GATE_APPROVAL_DENY, alice, approval,
	    "{\"comment\":\"ask secret@mail.example, 4111111111111111\"}",
	    NULL);
	cr_assert_eq(answer.outcome, GATE_OK);
	answer_done(&answer);
	for (int stopped = 0; stopped < 2; stopped++) {
		for (size_t i = 0; i < GK_COUNT(marks); i++) {
			cr_assert_not(
			    house_holds(&house, marks[i]), "%s", marks[i]);
		}
		cr_assert(house_holds(&house, "kb.read"));
		house_stop(&house);
	}
}
