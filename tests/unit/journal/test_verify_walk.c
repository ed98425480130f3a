/* What a verification keeps near or decodes ahead changes neither what it finds nor where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

enum { WINDOW = 1 << 16, RUNS = 1 << 11, AHEAD = 32 };

static struct log the_log;

static void
setup(void)
{
	log_init(&the_log);
}

static void
teardown(void)
{
	log_done(&the_log);
}

TestSuite(verify_walk, .init = setup, .fini = teardown);

static void
expect_ok(void)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert(
	    report.verdict == VERIFY_OK, "%s: %s", report.where, report.text);
}

static void
expect_fault(uint64_t seq, const char *text)
{
	struct journal_verify_report report = log_verify(&the_log);
	char where[40];

	(void)snprintf(
	    where, sizeof(where), "seq %llu", (unsigned long long)seq);
	cr_assert(report.verdict == VERIFY_TAMPERED);
	cr_assert(strcmp(report.where, where) == 0, "at %s, not %s: %s",
	    report.where, where, report.text);
	cr_assert(
	    strstr(report.text, text) != NULL, "%s: %s", where, report.text);
}

/* Run SQL with the seq in place of its '#'. */
static void
change(const char *pattern, uint64_t seq)
{
	const char *mark = strchr(pattern, '#');
	char sql[500];

	cr_assert(mark != NULL);
	(void)snprintf(sql, sizeof(sql), "%.*s%llu%s", (int)(mark - pattern),
	    pattern, (unsigned long long)seq, mark + 1);
	log_sql(&the_log, sql);
}

static void
fill(uint64_t count)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, count, 500));
	log_close(&the_log);
	expect_ok();
}

#define SPOIL                                                               \
	"UPDATE body SET bytes = CAST(' ' || CAST(bytes AS TEXT) AS BLOB) " \
	"WHERE seq = #"
#define MEND                                                              \
	"UPDATE body SET bytes = CAST(substr(CAST(bytes AS TEXT), 2) AS " \
	"BLOB) WHERE seq = #"

Test(verify_walk, an_event_that_cannot_be_read_is_named_wherever_a_chunk_ends)
{
	static const uint64_t places[] = {
	    1, 255, 256, 257, 511, 512, 1023, 1024, 1099};

	fill(1100);
	for (size_t i = 0; i < GK_COUNT(places); i++) {
		change(SPOIL, places[i]);
		expect_fault(places[i],
		    "the event can't be read: not in canonical form");
		change(MEND, places[i]);
	}
	expect_ok();
}

Test(verify_walk, of_two_faults_the_first_is_told)
{
	fill(1100);
	change(SPOIL, 300);
	change("UPDATE body SET time = time + 1 WHERE seq = #", 290);
	expect_fault(290, "the search columns aren't the event's");
	change("UPDATE body SET time = time - 1 WHERE seq = #", 290);
	expect_fault(300, "the event can't be read");
	change("DELETE FROM body WHERE seq = #", 310);
	expect_fault(300, "the event can't be read");
	change(MEND, 300);
	expect_fault(310, "the event is missing");
	change("UPDATE body SET time = time + 1 WHERE seq = #", 309);
	expect_fault(309, "the search columns aren't the event's");
}

Test(verify_walk, an_event_longer_than_any_is_a_fault_and_not_read_whole)
{
	fill(600);
	change("UPDATE body SET bytes = CAST(replace(hex(zeroblob(2000000)), "
	       "'0', ' ') AS BLOB) WHERE seq = #",
	    513);
	expect_fault(513, "the event can't be read: more than 65535 bytes");
}

/* Rows of one run, more than are read ahead; a row that isn't in the index is found. */
Test(verify_walk, a_row_that_the_index_of_runs_leaves_out_is_found)
{
	static const char *const remake =
	    "CREATE TEMP TABLE keep AS SELECT sql FROM sqlite_schema WHERE "
	    "name = 'body_run_first'; DROP INDEX body_run_first; CREATE INDEX "
	    "body_run_first ON body (run_first) WHERE run_first <> 0 AND seq "
	    "<> #; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET "
	    "sql = (SELECT sql FROM keep) WHERE name = 'body_run_first'";
	static const uint64_t places[] = {
	    1, 1 + AHEAD, 2 + AHEAD, 2 * AHEAD + 1, 299};

	OK(log_open(&the_log));
	for (uint64_t seq = 0; seq < 300; seq++) {
		struct event event = log_event(&the_log, seq);

		event.run_id = seq == 0 ? NULL : "run_long";
		OK(log_add_event(&the_log, &event, NULL, 0));
	}
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	expect_ok();
	for (size_t i = 0; i < GK_COUNT(places); i++) {
		change(remake, places[i]);
		expect_fault(places[i], "the index of runs doesn't lead to it");
	}
}

/* A result at the end, of an event that isn't near any more, and of another decision. */
static void
add_far_result(uint64_t of_seq, const char *text)
{
	struct event event;

	OK(log_open(&the_log));
	event = log_event(&the_log, of_seq + 1);
	event.seq = journal_next_seq(the_log.journal);
	event.timestamp_us = LOG_EPOCH_US + (int64_t)event.seq * 1000;
	OK(log_add_event(&the_log, &event, NULL, 0));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	if (text == NULL) {
		expect_ok();
	} else {
		expect_fault(event.seq, text);
	}
}

Test(verify_walk, a_result_of_an_event_that_is_far_is_checked_as_well,
    .timeout = 120)
{
	struct event event;

	/* the first allow stays open until more have come than are kept near, and more runs */
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 2, 2));
	for (uint64_t seq = 2; seq < WINDOW + 5; seq++) {
		event = log_event(&the_log, seq * 2 + 1);
		event.seq = seq;
		event.timestamp_us = LOG_EPOCH_US + (int64_t)seq * 1000;
		OK(log_add_event(&the_log, &event, NULL, 0));
	}
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	cr_assert(WINDOW / 10 > RUNS);
	add_far_result(1, NULL);
	add_far_result(1, "a second closing result for the allow at seq 1");
}
