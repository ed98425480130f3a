/* Ledger snapshots: written at the end, believed only by their digest, and equal to what the log adds up to. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static struct house house;
static const struct identity *agent;

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"agent-7\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t_42\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_snapshot, .init = setup, .fini = teardown);

/* More than a thousand events: enough for a snapshot at the end. */
static void
live(int runs)
{
	for (int i = 0; i < runs; i++) {
		char run[32];

		(void)snprintf(run, sizeof(run), "run_%d", i);
		for (int k = 0; k < 6; k++) {
			char step[16];
			struct answer answer;

			(void)snprintf(step, sizeof(step), "%d", k);
			answer = house_ask(&house, agent, run, step,
			    k == 5 ? "refund.create" : "kb.read", NULL);
			cr_assert_eq(
			    (int)answer.outcome, GATE_OK, "%s", answer.text);
			answer_done(&answer);
		}
		house_pass(&house, GK_US_PER_S);
	}
}

/* Run SQL against the journal, as somebody with the file could; gives the last row's number. */
static int64_t
sql(const char *text)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n = -1;

	(void)snprintf(path, sizeof(path), "%s/journal.db", house.data);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK,
	    "%s", sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		n = sqlite3_column_int64(stmt, 0);
	}
	cr_assert_eq(sqlite3_finalize(stmt), SQLITE_OK);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
	return n;
}

static int
verify(void)
{
	struct gate_verify_options options = {.data_dir = house.data};
	struct gate_verify_report report;
	int code;

	cr_assert_eq(gate_verify(&options, &report, NULL), GK_OK);
	code = report.exit_code;
	gk_buf_done(&report.json);
	gk_buf_done(&report.text);
	return code;
}

static void
still_knows(const char *run)
{
	struct answer again =
	    house_ask(&house, agent, run, "0", "kb.read", NULL);

	cr_assert_str_eq(
	    answer_text(&again, "/replayed"), "true", "%s", again.text);
	answer_done(&again);
}

Test(gate_snapshot, a_start_from_a_snapshot_knows_everything)
{
	live(200);
	house_stop(&house);
	cr_assert_gt(sql("SELECT count(*) FROM ledger_row"), 1200);
	atomic_store(&house.alerts, 0);
	house_start(&house);
	cr_assert_eq(atomic_load(&house.alerts), 0);
	agent = house_identity(&house,
	    "{\"id\":\"agent-8\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"agent\":\"agent-7\",\"tenants\":[\"t_42\"]}");
	still_knows("run_0");
	still_knows("run_199");
	house_stop(&house);
	cr_assert_eq(verify(), 0);
}

Test(
    gate_snapshot, a_changed_snapshot_is_not_believed_and_the_log_says_the_same)
{
	live(200);
	house_stop(&house);
	(void)sql("UPDATE ledger_row SET json = '{}' WHERE key LIKE 'step/%'");
	atomic_store(&house.alerts, 0);
	house_start(&house);
	cr_assert_str_eq(house.last_alert, "snapshot_mismatch");
	agent = house_identity(&house,
	    "{\"id\":\"agent-8\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"agent\":\"agent-7\",\"tenants\":[\"t_42\"]}");
	still_knows("run_0");
}

Test(gate_snapshot, the_log_alone_adds_up_to_the_state_that_was_signed)
{
	char path[128];

	live(200);
	house_stop(&house);
	/* neither the policy nor the snapshot's rows: only the events */
	(void)sql("DELETE FROM ledger_row");
	(void)snprintf(path, sizeof(path), "%s/test.yaml", house.policies);
	cr_assert_eq(remove(path), 0);
	cr_assert_eq(verify(), 0);
}
