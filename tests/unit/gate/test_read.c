/* Searching the record: filters, pages, streams, runs, and who sees what. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "gate/gate_internal.h"

static struct house house;
static const struct identity *agent, *auditor, *small;

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t1\",\"t2\"],\"may_actors\":[\"u_*\"]}");
	auditor = house_identity(&house,
	    "{\"id\":\"ann\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"*\"]}");
	small = house_identity(&house,
	    "{\"id\":\"sam\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"t2\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_read, .init = setup, .fini = teardown);

static void
ask(const char *tenant, const char *run, const char *step, const char *action)
{
	struct answer answer;
	char more[128];

	(void)snprintf(more, sizeof(more),
	    "\"args\":{},\"tenant_id\":\"%s\","
	    "\"actor\":{\"id\":\"u_%s\"}",
	    tenant, step);
	answer = house_ask(&house, agent, run, step, action, more);
	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	answer_done(&answer);
}

static size_t
found(const struct identity *who, const char *name, const char *value)
{
	const char *const query[] = {"kind", "decision", name, value, NULL};
	struct answer answer =
	    house_do(&house, GATE_EVENTS, who, NULL, NULL, query);
	size_t n = json_count(json_get(answer.json, "events"));

	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	answer_done(&answer);
	return n;
}

static void
fill(void)
{
	ask("t1", "r1", "1", "kb.read");
	ask("t1", "r1", "2", "db.drop");
	ask("t2", "r2", "1", "kb.read");
}

/* So many events of another run. */
static void
fill_other(int count)
{
	for (int i = 0; i < count; i++) {
		char step[16];

		(void)snprintf(step, sizeof(step), "%d", i);
		ask("t1", "other", step, "kb.read");
	}
}

Test(gate_read, every_filter_narrows_by_what_stands_in_the_event)
{
	fill();
	cr_assert_eq(found(auditor, "limit", "1000"), 3);
	cr_assert_eq(found(auditor, "run_id", "r1"), 2);
	cr_assert_eq(found(auditor, "step_id", "1"), 2);
	cr_assert_eq(found(auditor, "tenant_id", "t2"), 1);
	cr_assert_eq(found(auditor, "agent_id", "a"), 3);
	cr_assert_eq(found(auditor, "actor", "u_2"), 1);
	cr_assert_eq(found(auditor, "action", "db.drop"), 1);
	cr_assert_eq(found(auditor, "decision", "stop"), 1);
	cr_assert_eq(found(auditor, "decision", "allow"), 2);
	cr_assert_eq(found(auditor, "reason", "no_rule_allows"), 1);
	cr_assert_eq(found(auditor, "layer", "access"), 3);
	cr_assert_eq(found(auditor, "scope", "tenant"), 3);
	cr_assert_eq(found(auditor, "since", "2100-01-01T00:00:00Z"), 0);
	cr_assert_eq(found(auditor, "until", "2000-01-01T00:00:00Z"), 0);
}

Test(gate_read, nobody_sees_beyond_their_tenants)
{
	static const char *const all[] = {"limit", "1000", NULL};
	struct answer answer;

	fill();
	cr_assert_eq(found(small, "limit", "1000"), 1);
	cr_assert_eq(found(small, "tenant_id", "t1"), 0);
	answer = house_do(&house, GATE_EVENTS, small, NULL, NULL, all);
	cr_assert_eq(json_count(json_get(answer.json, "events")), 1);
	answer_done(&answer);
	answer = house_do(&house, GATE_EVENTS, agent, NULL, NULL, all);
	cr_assert_eq(answer.outcome, GATE_FORBIDDEN);
	answer_done(&answer);
}

Test(gate_read, an_unknown_word_or_cursor_is_a_bad_request)
{
	static const char *const bad[][2] = {{"kind", "decisions"},
	    {"decision", "deny"}, {"layer", ""}, {"order", "up"},
	    {"limit", "0"}, {"limit", "1001"}, {"limit", "x"},
	    {"cursor", "AAAA"}, {"since", "yesterday"}, {"raw", "1"},
	    {"run_id", "a b"}};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		const char *const query[] = {bad[i][0], bad[i][1], NULL};
		struct answer answer =
		    house_do(&house, GATE_EVENTS, auditor, NULL, NULL, query);

		cr_assert_eq(answer.outcome, GATE_BAD_REQUEST, "%s", bad[i][0]);
		answer_done(&answer);
	}
}

/* Walk all pages; gives how many rows, each following the one before. */
static size_t
walk(const char *order)
{
	char cursor[64] = "";
	int64_t last = -1;
	size_t n = 0;

	for (int page = 0; page < 100; page++) {
		const char *const query[] = {"order", order, "limit", "3",
		    cursor[0] == '\0' ? NULL : "cursor", cursor, NULL};
		struct answer answer =
		    house_do(&house, GATE_EVENTS, auditor, NULL, NULL, query);
		const struct json_value *event =
		    json_first(json_get(answer.json, "events"));

		for (; event != NULL; event = json_next(event), n++) {
			int64_t seq;

			cr_assert(json_int(json_get(event, "seq"), &seq));
			cr_assert(last < 0 ||
				  seq == last + (order[0] == 'a' ? 1 : -1));
			last = seq;
		}
		(void)snprintf(cursor, sizeof(cursor), "%s",
		    answer_text(&answer, "/next_cursor"));
		answer_done(&answer);
		if (strcmp(cursor, "null") == 0) {
			return n;
		}
	}
	return 0;
}

Test(gate_read, pages_follow_each_other_in_both_directions)
{
	size_t up, down;

	fill();
	up = walk("asc");
	down = walk("desc");
	cr_assert_geq(up, 9);
	cr_assert_geq(
	    down, up); /* the walk itself may be recorded in between */
	cr_assert_leq(down, up + 1);
}

Test(gate_read, a_stream_gives_all_lines_and_is_recorded_once)
{
	static const char *const access[] = {"kind", "access", NULL};
	static const struct gate_param query[] = {{"kind", "decision"}};
	struct gate_call call;
	struct answer answer;
	size_t lines = 0, pages = 0;

	for (int i = 0; i < 7; i++) {
		char step[8];

		(void)snprintf(step, sizeof(step), "%d", i);
		ask("t1", "r1", step, "kb.read");
	}
	house_call(&call, GATE_EVENTS, auditor, NULL, NULL);
	call.stream = true;
	call.params = query;
	call.param_count = 1;
	do {
		gate_do(house.gate, &call);
		cr_assert_eq(call.outcome, GATE_OK);
		for (size_t i = 0; i < call.reply.len; i++) {
			lines += call.reply.bytes[i] == '\n';
		}
	} while (call.more && ++pages < 10);
	gate_call_done(&call);
	cr_assert_eq(lines, 7);
	answer = house_do(&house, GATE_EVENTS, auditor, NULL, NULL, access);
	cr_assert_str_eq(
	    answer_text(&answer, "/events/1/access/what"), "export");
	cr_assert_eq(json_count(json_get(answer.json, "events")), 2);
	answer_done(&answer);
}

Test(gate_read, reading_is_recorded_once_in_ten_minutes)
{
	for (int i = 0; i < 3; i++) {
		(void)found(auditor, "run_id", "r1");
	}
	house_pass(&house, 11 * GK_US_PER_MIN);
	(void)found(auditor, "run_id", "r2");
	{
		static const char *const access[] = {"kind", "access", NULL};
		struct answer answer =
		    house_do(&house, GATE_EVENTS, auditor, NULL, NULL, access);

		cr_assert_eq(json_count(json_get(answer.json, "events")), 3);
		answer_done(&answer);
	}
}

Test(gate_read, raw_rows_are_the_bytes_of_the_log)
{
	static const char *const raw[] = {
	    "kind", "decision", "raw", "true", NULL};
	struct answer answer;
	struct event event;
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct gk_err err = {.rc = GK_OK};
	const char *bytes;

	ask("t1", "r1", "1", "kb.read");
	answer = house_do(&house, GATE_EVENTS, auditor, NULL, NULL, raw);
	bytes = answer.text + strlen("{\"events\":[");
	cr_assert_eq(event_decode(bytes,
			 strlen(bytes) - strlen("],\"next_cursor\":null}"),
			 &arena, &event, &err),
	    GK_OK, "%s", err.text);
	cr_assert_str_eq(event.run_id, "r1");
	gk_arena_done(&arena);
	answer_done(&answer);
}

Test(gate_read, a_run_is_told_in_order_and_paired)
{
	static const char *const tenant[] = {"tenant_id", "t1", NULL};
	struct answer run, asked;
	char id[64];

	ask("t1", "r1", "1", "kb.read");
	asked = house_ask(&house, agent, "r1", "1", "kb.read",
	    "\"args\":{},\"tenant_id\":\"t1\",\"actor\":{\"id\":\"u_1\"}");
	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(&asked, "/decision_id"));
	answer_done(&asked);
	answer_done(&(struct answer){.json = NULL});
	asked = house_do(
	    &house, GATE_RESULT, agent, id, "{\"status\":\"ok\"}", NULL);
	answer_done(&asked);
	run = house_do(&house, GATE_RUN, agent, "r1", NULL, tenant);
	cr_assert_eq(run.outcome, GATE_OK, "%s", run.code);
	cr_assert_eq(json_count(json_get(run.json, "events")), 2);
	cr_assert_eq(answer_int(&run, "/steps/0/results/0"),
	    answer_int(&run, "/events/1/seq"));
	answer_done(&run);
	run = house_do(&house, GATE_RUN, auditor, "r1", NULL, NULL);
	cr_assert_str_eq(answer_text(&run, "/tenant_id"), "t1");
	answer_done(&run);
	run = house_do(&house, GATE_RUN, small, "r1", NULL, NULL);
	cr_assert_eq(run.outcome, GATE_NOT_FOUND);
	answer_done(&run);
}

Test(gate_read, another_agent_sees_neither_run_nor_decision)
{
	const struct identity *stranger = house_identity(&house,
	    "{\"id\":\"b\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t1\"]}");
	static const char *const tenant[] = {"tenant_id", "t1", NULL};
	struct answer answer;

	ask("t1", "r1", "1", "kb.read");
	answer = house_do(&house, GATE_RUN, stranger, "r1", NULL, tenant);
	cr_assert_eq(answer.outcome, GATE_NOT_FOUND);
	cr_assert_str_eq(answer.text, "");
	answer_done(&answer);
}

Test(gate_read, the_hash_of_arguments_finds_what_was_asked)
{
	struct answer hash = house_do(&house, GATE_ARGS_HASH, auditor, NULL,
	    "{\"action\":\"kb.read\",\"args\":{}}", NULL);
	char key[64];

	ask("t1", "r1", "1", "kb.read");
	(void)snprintf(
	    key, sizeof(key), "%s", answer_text(&hash, "/action_key"));
	answer_done(&hash);
	cr_assert_eq(found(auditor, "action_key", key), 1);
}

Test(gate_read, metrics_are_told_with_their_help)
{
	struct gk_buf text = GK_BUF_INIT(1 << 20);

	ask("t1", "r1", "1", "kb.read");
	cr_assert_eq(gate_metrics(house.gate, &text, NULL), GK_OK);
	cr_assert(strstr(gk_buf_text(&text),
		      "gatekeeper_decisions_total{decision=\"allow\","
		      "layer=\"access\"} 1\n") != NULL);
	cr_assert(
	    strstr(gk_buf_text(&text),
		"# TYPE gatekeeper_commit_duration_seconds histogram") != NULL);
	gk_buf_done(&text);
}

Test(gate_read, the_log_verifies_while_it_is_open_and_afterwards)
{
	struct gate_verify_options options = {.data_dir = house.data};
	struct gate_verify_report report;
	struct gk_err err = {.rc = GK_OK};

	fill();
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(gate_verify(&options, &report, &err), GK_OK, "%s",
		    err.text);
		cr_assert_eq(
		    report.exit_code, 0, "%s", gk_buf_text(&report.text));
		gk_buf_done(&report.json);
		gk_buf_done(&report.text);
		house_stop(&house);
	}
}

/* ---- members of canonical bytes ---- */

Test(gate_entry, members_are_found_among_nested_ones_and_quotes)
{
	static const char bytes[] =
	    "{\"a\":{\"kind\":\"no\",\"x\":[1,{\"b\":\"}\"}]},"
	    "\"b\":\"q\\\"uo\\\\\",\"kind\":\"yes\",\"n\":17}";
	uint64_t n;

	cr_assert(entry_is(bytes, sizeof(bytes) - 1, "kind", "yes"));
	cr_assert_not(entry_is(bytes, sizeof(bytes) - 1, "kind", "ye"));
	cr_assert(entry_get(bytes, sizeof(bytes) - 1, "x").at == NULL);
	cr_assert(entry_int(bytes, sizeof(bytes) - 1, "n", &n));
	cr_assert_eq(n, 17);
	cr_assert_eq(entry_get(bytes, sizeof(bytes) - 1, "b").n, 9);
}

Test(gate_entry, a_member_is_put_into_its_place)
{
	static const char *const cases[][3] = {
	    {"{\"b\":1}", "a", "{\"a\":0,\"b\":1}"},
	    {"{\"b\":1}", "c", "{\"b\":1,\"c\":0}"},
	    {"{\"b\":1,\"d\":2}", "c", "{\"b\":1,\"c\":0,\"d\":2}"},
	    {"{}", "c", "{\"c\":0}"},
	    {"{\"ab\":1}", "a", "{\"a\":0,\"ab\":1}"},
	};

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		struct gk_buf buf = GK_BUF_INIT(1000);

		cr_assert_eq(entry_insert(cases[i][0], strlen(cases[i][0]),
				 cases[i][1], "0", 1, &buf, NULL),
		    GK_OK);
		cr_assert_str_eq(gk_buf_text(&buf), cases[i][2]);
		gk_buf_done(&buf);
	}
}

/* ---- what no index leads to ---- */

/* Start anew, looking at so many events where no index helps; index false: there is none. */
static void
restart(size_t search_rows, bool index)
{
	char path[128];

	house_stop(&house);
	(void)snprintf(path, sizeof(path), "%s/search.index", house.data);
	if (!index) {
		cr_assert_eq(unlink(path), 0);
		cr_assert_eq(mkdir(path, 0700), 0); /* no file can be there */
	}
	house.options.search_rows = search_rows;
	house_start(&house);
}

static void
wait_for_index(void)
{
	struct journal_index_state state = {.known = 0};
	time_t end = time(NULL) + 60;

	while (state.known < atomic_load(&house.gate->metrics.seq)) {
		cr_assert(time(NULL) < end, "the index doesn't follow");
		journal_index_state(house.gate->indexer.index, &state);
		(void)sched_yield();
	}
}

static enum gate_outcome
run(const char *id, const char *tenant, char ret_code[64])
{
	const char *const query[] = {
	    tenant == NULL ? NULL : "tenant_id", tenant, NULL};
	struct answer answer =
	    house_do(&house, GATE_RUN, auditor, id, NULL, query);
	enum gate_outcome outcome = answer.outcome;

	(void)snprintf(ret_code, 64, "%s", answer.code);
	answer_done(&answer);
	return outcome;
}

Test(gate_read, a_run_without_its_tenant_is_led_to_by_the_index)
{
	char code[64];

	fill();
	fill_other(40);
	restart(8, true);
	wait_for_index();
	cr_assert_eq(run("r2", NULL, code), GATE_OK, "%s", code);
	cr_assert_eq(run("r1", NULL, code), GATE_OK, "%s", code);
	cr_assert_eq(run("r7", NULL, code), GATE_NOT_FOUND);
}

Test(gate_read, a_run_without_its_tenant_is_asked_for_where_no_index_leads)
{
	char code[64];

	fill();
	fill_other(40);
	restart(8, false);
	ask("t2", "young", "1", "kb.read");
	cr_assert_eq(run("young", NULL, code), GATE_OK, "%s", code);
	cr_assert_eq(run("r2", NULL, code), GATE_BAD_REQUEST);
	cr_assert_str_eq(code, "tenant_required");
	cr_assert_eq(run("r7", NULL, code), GATE_BAD_REQUEST);
	cr_assert_eq(run("r2", "t2", code), GATE_OK);
	cr_assert_eq(run("r2", "t1", code), GATE_NOT_FOUND);
	restart(0, true);
	cr_assert_eq(run("r2", NULL, code), GATE_OK);
	cr_assert_eq(run("r7", NULL, code), GATE_NOT_FOUND);
}

/* Pages until the event is found or there is none; gives how many, 0: never. */
static int
pages_until_drop(bool *ret_partial)
{
	char cursor[64] = "";
	bool found = false;

	*ret_partial = false;
	for (int page = 1; page < 100; page++) {
		const char *const query[] = {"action", "db.drop", "kind",
		    "decision", "limit", "1",
		    cursor[0] == '\0' ? NULL : "cursor", cursor, NULL};
		struct answer answer =
		    house_do(&house, GATE_EVENTS, auditor, NULL, NULL, query);

		found = json_count(json_get(answer.json, "events")) == 1;
		*ret_partial =
		    *ret_partial ||
		    strcmp(answer_text(&answer, "/partial"), "true") == 0;
		(void)snprintf(cursor, sizeof(cursor), "%s",
		    answer_text(&answer, "/next_cursor"));
		answer_done(&answer);
		if (found || strcmp(cursor, "null") == 0) {
			return found ? page : 0;
		}
	}
	return 0;
}

Test(gate_read, a_page_looks_at_so_many_events_and_says_that_there_are_others)
{
	bool partial;

	fill();
	fill_other(40);
	restart(8, true);
	wait_for_index();
	cr_assert_eq(pages_until_drop(&partial), 1);
	cr_assert(!partial);
	restart(8, false);
	cr_assert_geq(pages_until_drop(&partial), 5);
	cr_assert(partial);
	restart(0, true);
	cr_assert_eq(pages_until_drop(&partial), 1);
	cr_assert(!partial);
}
