/* Operators: switches, policies, identities, the clock. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static struct house house;
static const struct identity *agent;

static const char other_policy[] =
    "policy: other\nallow:\n  - id: all\n    actions: [\"db.*\"]\n";

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_control, .init = setup, .fini = teardown);

static struct answer
operate(enum gate_verb verb, const char *target, const char *body)
{
	return house_do(&house, verb, &house_operator, target, body, NULL);
}

static void
expect(struct answer answer, enum gate_outcome outcome, const char *code)
{
	cr_assert_eq(
	    answer.outcome, outcome, "%s %s", answer.code, answer.text);
	cr_assert_str_eq(answer.code, code);
	answer_done(&answer);
}

static void
expect_decision(const char *step, const char *action, const char *decision)
{
	struct answer answer =
	    house_ask(&house, agent, "r", step, action, NULL);

	cr_assert_str_eq(
	    answer_text(&answer, "/decision"), decision, "%s", answer.text);
	answer_done(&answer);
}

static size_t
count_events(const char *kind, const char *change)
{
	const char *const query[] = {"kind", kind, "order", "asc", NULL};
	struct answer found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, query);
	const struct json_value *event =
	    json_first(json_get(found.json, "events"));
	size_t n = 0;

	for (; event != NULL; event = json_next(event)) {
		const struct json_value *said = json_get(event, "change");

		n += change == NULL ||
		     (said != NULL && strcmp(json_string(said), change) == 0);
	}
	answer_done(&found);
	return n;
}

Test(gate_control, a_switch_stops_until_it_is_lifted)
{
	struct answer thrown = operate(GATE_SWITCH_THROW, NULL,
	    "{\"scope\":\"tenant\",\"id\":\"t\",\"action\":\"kb.*\","
	    "\"reason\":\"incident\"}");
	struct answer found;
	static const char *const query[] = {"kind", "kill_switch", NULL};
	char id[64];

	(void)snprintf(id, sizeof(id), "%s", answer_text(&thrown, "/id"));
	expect(thrown, GATE_CREATED, "");
	expect_decision("1", "kb.read", "stop");
	expect_decision("2", "crm.search", "allow");
	expect(operate(GATE_SWITCH_LIFT, id, "{\"reason\":\"over\"}"), GATE_OK,
	    "");
	expect_decision("3", "kb.read", "allow");
	expect(operate(GATE_SWITCH_LIFT, id, "{\"reason\":\"over\"}"),
	    GATE_NOT_FOUND, "not_found");
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, query);
	cr_assert_str_eq(
	    answer_text(&found, "/events/1/opened/~1reason"), "incident");
	answer_done(&found);
}

Test(gate_control, a_switch_runs_out_by_ledger_time)
{
	expect(operate(GATE_SWITCH_THROW, NULL,
		   "{\"scope\":\"global\",\"reason\":\"x\","
		   "\"expires_in\":\"10m\"}"),
	    GATE_CREATED, "");
	expect_decision("1", "kb.read", "stop");
	house_pass(&house, 11 * GK_US_PER_MIN);
	expect_decision("2", "kb.read", "allow");
	cr_assert_eq(count_events("kill_switch", "expired"), 1);
}

Test(gate_control, a_switch_needs_a_reason_a_subject_and_all_tenants)
{
	const struct identity *small = house_identity(&house,
	    "{\"id\":\"olga\",\"kind\":\"human\",\"can\":[\"operator\"],"
	    "\"tenants\":[\"t\"]}");

	expect(operate(GATE_SWITCH_THROW, NULL, "{\"scope\":\"global\"}"),
	    GATE_BAD_REQUEST, "invalid_request");
	expect(operate(GATE_SWITCH_THROW, NULL,
		   "{\"scope\":\"run\",\"reason\":\"x\"}"),
	    GATE_BAD_REQUEST, "invalid_request");
	expect(house_do(&house, GATE_SWITCH_THROW, small, NULL,
		   "{\"scope\":\"global\",\"reason\":\"x\"}", NULL),
	    GATE_FORBIDDEN, "tenant_not_permitted");
	expect(
	    house_do(&house, GATE_SWITCH_THROW, small, NULL,
		"{\"scope\":\"tenant\",\"id\":\"t\",\"reason\":\"x\"}", NULL),
	    GATE_CREATED, "");
	expect(house_do(&house, GATE_SWITCH_THROW, agent, NULL,
		   "{\"scope\":\"global\",\"reason\":\"x\"}", NULL),
	    GATE_FORBIDDEN, "not_permitted");
}

Test(gate_control, a_reload_puts_the_folder_in_force_and_a_rollback_the_old_one)
{
	struct answer before = operate(GATE_POLICY, NULL, NULL), after, text;
	char digest[80], body[160];

	(void)snprintf(
	    digest, sizeof(digest), "%s", answer_text(&before, "/digest"));
	answer_done(&before);
	house_write_policy(&house, other_policy);
	expect_decision("1", "kb.read", "allow");
	after = operate(GATE_POLICY_RELOAD, NULL, NULL);
	cr_assert_str_eq(answer_text(&after, "/previous"), digest);
	expect(after, GATE_OK, "");
	expect_decision("2", "kb.read", "stop");
	expect_decision("3", "db.drop", "allow");
	text = operate(GATE_POLICY_TEXT, digest, NULL);
	cr_assert_str_eq(answer_text(&text, "/files/0/name"), "test.yaml");
	expect(text, GATE_OK, "");
	(void)snprintf(body, sizeof(body),
	    "{\"digest\":\"%s\",\"reason\":\"too open\"}", digest);
	expect(operate(GATE_POLICY_ROLLBACK, NULL, body), GATE_OK, "");
	expect_decision("4", "kb.read", "allow");
	cr_assert_eq(count_events("policy", "loaded"), 1);
	cr_assert_eq(count_events("policy", "reloaded"), 1);
	cr_assert_eq(count_events("policy", "rolled_back"), 1);
}

Test(gate_control, a_broken_folder_is_refused_with_its_places_and_recorded)
{
	struct answer answer;

	house_write_policy(
	    &house, "policy: x\nallow:\n  - id: a\n    aktions: []\n");
	answer = operate(GATE_POLICY_RELOAD, NULL, NULL);
	cr_assert_eq(
	    answer_int(&answer, "/problems/0/line"), 4, "%s", answer.text);
	cr_assert_str_eq(answer_text(&answer, "/problems/0/file"), "test.yaml");
	expect(answer, GATE_INVALID, "policy_invalid");
	expect_decision("1", "kb.read", "allow");
	cr_assert_eq(count_events("policy", "rejected"), 1);
}

Test(gate_control, an_unknown_digest_is_not_found)
{
	char body[160];

	(void)snprintf(body, sizeof(body),
	    "{\"digest\":\"sha256:%064d\",\"reason\":\"x\"}", 0);
	expect(operate(GATE_POLICY_ROLLBACK, NULL, body), GATE_NOT_FOUND,
	    "not_found");
}

static bool
is_reloaded(void *ctx)
{
	struct answer policy = operate(GATE_POLICY, NULL, NULL);
	bool changed =
	    strcmp(answer_text(&policy, "/digest"), (const char *)ctx) != 0;

	answer_done(&policy);
	return changed;
}

Test(gate_control, a_watched_folder_is_loaded_after_a_rename_into_place)
{
	struct answer policy;
	char digest[80];

	house_stop(&house);
	house.options.watch_policy = true;
	house_start(&house);
	policy = operate(GATE_POLICY, NULL, NULL);
	(void)snprintf(
	    digest, sizeof(digest), "%s", answer_text(&policy, "/digest"));
	answer_done(&policy);
	house_write_policy(&house, other_policy);
	cr_assert(house_until(is_reloaded, digest));
	cr_assert_eq(count_events("policy", "reloaded"), 1);
}

Test(gate_control, a_token_is_shown_once_and_never_listed)
{
	static const char *const query[] = {"kind", "identity", NULL};
	struct answer made = operate(GATE_IDENTITY_CREATE, NULL,
	    "{\"id\":\"s\",\"kind\":\"service\",\"can\":[\"metrics\"]}");
	struct answer list, found;
	char token[64];

	(void)snprintf(
	    token, sizeof(token), "%s", answer_text(&made, "/token"));
	cr_assert_eq(strlen(token), strlen("gk_") + 43);
	expect(made, GATE_CREATED, "");
	list = operate(GATE_IDENTITIES, NULL, NULL);
	cr_assert(strstr(list.text, token) == NULL);
	cr_assert(strstr(list.text, "token_hash") == NULL);
	cr_assert(strstr(list.text, "\"id\":\"s\"") != NULL);
	answer_done(&list);
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, query);
	cr_assert(strstr(found.text, token) == NULL);
	answer_done(&found);
	expect(operate(GATE_IDENTITY_CREATE, NULL,
		   "{\"id\":\"s\",\"kind\":\"service\",\"can\":[\"metrics\"]}"),
	    GATE_CONFLICT, "exists");
	expect(
	    operate(GATE_IDENTITY_CREATE, NULL,
		"{\"id\":\"z\",\"kind\":\"service\",\"can\":[\"approver\"]}"),
	    GATE_BAD_REQUEST, "invalid_request");
}

Test(gate_control, nobody_makes_an_identity_that_sees_more_than_themselves)
{
	const struct identity *small = house_identity(&house,
	    "{\"id\":\"olga\",\"kind\":\"human\",\"can\":[\"operator\"],"
	    "\"tenants\":[\"t\"]}");

	expect(house_do(&house, GATE_IDENTITY_CREATE, small, NULL,
		   "{\"id\":\"x\",\"kind\":\"agent\",\"can\":[\"agent\"],"
		   "\"tenants\":[\"*\"]}",
		   NULL),
	    GATE_FORBIDDEN, "tenant_not_permitted");
}

static bool
has_jumped(void *ctx)
{
	(void)ctx;
	return strcmp(house.last_alert, "clock_jumped") == 0;
}

Test(gate_control, a_clock_that_jumps_is_told_once_and_ledger_time_goes_on)
{
	struct answer asked =
	    house_ask(&house, agent, "r", "1", "kb.read", NULL);
	char valid[32];

	(void)snprintf(
	    valid, sizeof(valid), "%s", answer_text(&asked, "/valid_until"));
	answer_done(&asked);
	atomic_fetch_add(&house.wall_us, GK_US_PER_DAY);
	cr_assert(house_until(has_jumped, NULL));
	asked = house_ask(&house, agent, "r", "2", "kb.read", NULL);
	cr_assert_str_eq(answer_text(&asked, "/valid_until"), valid);
	answer_done(&asked);
	cr_assert_eq(count_events("clock", "jumped"), 1);
	expect(operate(GATE_CLOCK_ACCEPT, NULL, "{\"reason\":\"NTP\"}"),
	    GATE_OK, "");
	asked = house_ask(&house, agent, "r", "3", "kb.read", NULL);
	cr_assert_str_neq(answer_text(&asked, "/valid_until"), valid);
	answer_done(&asked);
	cr_assert_eq(count_events("clock", "accepted"), 1);
}

Test(gate_control, a_gap_at_boot_is_not_believed_until_it_is_accepted)
{
	const char *why;

	house_stop(&house);
	atomic_fetch_add(&house.wall_us, 100 * GK_US_PER_DAY);
	house_start(&house);
	cr_assert_not(gate_ready(house.gate, &why));
	cr_assert_str_eq(why, "clock");
	expect_decision("1", "kb.read", "allow");
	expect(operate(GATE_CLOCK_ACCEPT, NULL, "{\"reason\":\"moved\"}"),
	    GATE_OK, "");
	cr_assert(gate_ready(house.gate, &why));
}

Test(gate_control, without_space_allows_stop_and_switches_still_work)
{
	const char *why;

	house_stop(&house);
	house.options.space_stop_bytes = UINT64_MAX / 2;
	house_start(&house);
	cr_assert_not(gate_ready(house.gate, &why));
	cr_assert_str_eq(why, "space");
	expect_decision("1", "kb.read", "stop");
	expect(operate(GATE_SWITCH_THROW, NULL,
		   "{\"scope\":\"global\",\"reason\":\"full\"}"),
	    GATE_CREATED, "");
	cr_assert_eq(count_events("gap", NULL), 1);
}

Test(gate_control, a_reserve_is_held_on_disk_while_there_is_room)
{
	struct stat reserve;
	char path[128];

	house_stop(&house);
	house.options.reserve_bytes = 1 << 20;
	house_start(&house);
	(void)snprintf(path, sizeof(path), "%s/reserve", house.data);
	cr_assert_eq(stat(path, &reserve), 0);
	cr_assert_eq(reserve.st_size, 1 << 20);
}

Test(gate_control, a_start_on_a_full_disk_gives_the_reserve_away_first)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/reserve", house.data);
	house_stop(&house);
	house.options.reserve_bytes = 1 << 16;
	house_start(&house);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_size, 1 << 16);
	house_stop(&house);
	/* a disk is full when less than a quarter of the reserve is free */
	cr_assert_eq(truncate(path, INT64_C(1) << 43), 0); /* sparse */
	house.options.reserve_bytes = UINT64_C(1) << 43;
	house_start(&house);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_size, 0);
}

Test(gate_control, an_explanation_says_would_and_records_no_decision)
{
	struct answer told = operate(GATE_EXPLAIN, NULL,
	    "{\"caller\":\"a\",\"request\":{\"run_id\":\"r\","
	    "\"step_id\":\"1\",\"action\":\"kb.read\",\"args\":{}}}");

	cr_assert_str_eq(
	    answer_text(&told, "/would"), "allow", "%s", told.text);
	cr_assert_str_eq(answer_text(&told, "/decision"), "");
	expect(told, GATE_OK, "");
	cr_assert_eq(count_events("decision", NULL), 0);
	cr_assert_eq(
	    count_events("access", NULL), 2); /* and the search itself */
}

Test(gate_control, a_policy_that_is_broken_at_start_opens_nothing)
{
	struct gk_err err = {.rc = GK_OK};

	house_stop(&house);
	house_write_policy(&house, "policy: x\nallow: 7\n");
	cr_assert_eq(
	    gate_open(&house.options, &house.gate, &err), GK_E_INVALID);
	house.gate = NULL;
}
