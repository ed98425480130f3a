/* Letting go in the store: only what an event allows, in order, and what is held stays. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "journal/journal_internal.h"
#include "log.h"

static struct log the_log;

static void
setup(void)
{
	log_init(&the_log);
	OK(log_open(&the_log));
}

static void
teardown(void)
{
	log_done(&the_log);
}

TestSuite(let_go, .init = setup, .fini = teardown);

/* ---- helpers ---- */

static void
expect_ok(void)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert(
	    report.verdict == VERIFY_OK, "%s: %s", report.where, report.text);
}

static void
expect_fault(const char *where)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert(report.verdict == VERIFY_TAMPERED);
	cr_assert_str_eq(
	    report.where, where, "at %s: %s", report.where, report.text);
}

/* The event's own way into the log, and what it allows. */
static uint64_t
add(struct event *event)
{
	event->seq = journal_next_seq(the_log.journal);
	event->timestamp_us = LOG_EPOCH_US + (int64_t)event->seq * 1000;
	memset(event->nonce, 0x5a, sizeof(event->nonce));
	OK(log_add_event(&the_log, event, NULL, 0));
	return event->seq;
}

/* Bodies before minimum may go; as a gatekeeper would say it. */
static void
say_bodies(uint64_t minimum)
{
	char root[DIGEST_HEX];
	struct digest hash;
	struct event_retention what = {
	    .what = "bodies", .minimum = (int64_t)minimum, .root = root};
	struct event_snapshot base = {.digest = "sha256:0", .rows = 0};
	struct event event = {.kind = EVENT_RETENTION,
	    .change = CHANGE_LET_GO,
	    .caller = "gatekeeper",
	    .retention = &what,
	    .snapshot = &base};

	OK(journal_prove_root(
	    journal_reader(the_log.journal), minimum, &hash, &the_log.err));
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), root);
	(void)add(&event);
	OK(journal_raise(
	    the_log.journal, JOURNAL_BODIES, (int64_t)minimum, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
}

/* Holds genesis and the run of events 20 to 39. */
static enum journal_fate
judge_body(void *ctx, uint64_t seq, const char *bytes, size_t n)
{
	(void)ctx;
	cr_assert(n > 2 && bytes[0] == '{');
	return seq == 0 || (seq > 20 && seq <= 40) ? JOURNAL_HOLD
						   : JOURNAL_LET_GO;
}

static enum journal_fate
judge_nothing_held(void *ctx, uint64_t seq, const char *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
	return seq == 0 ? JOURNAL_HOLD : JOURNAL_LET_GO;
}

static enum gk_rc
judge_opening(
    void *ctx, uint64_t seq, enum journal_fate *ret_fate, struct gk_err *err)
{
	(void)ctx;
	(void)err;
	*ret_fate = seq % 2 == 0 ? JOURNAL_KEEP : JOURNAL_LET_GO;
	return GK_OK;
}

static const struct journal_judge judge = {judge_body, judge_opening, NULL};

static void
drop_all(uint64_t minimum)
{
	bool more = true;
	size_t gone;

	while (more) {
		OK(journal_drop_bodies(the_log.journal, minimum, 100, &judge,
		    &gone, &more, &the_log.err));
		OK(journal_commit(the_log.journal, &the_log.err));
	}
}

static size_t
count_found(const struct journal_query *query, uint64_t *ret_first)
{
	return log_search_count(&the_log, query, ret_first);
}

/* ---- openings ---- */

static enum gk_rc
count_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	(void)opening;
	(void)err;
	++*(size_t *)ctx;
	return GK_OK;
}

static size_t
openings_of(uint64_t seq)
{
	size_t count = 0;

	OK(journal_openings(journal_reader(the_log.journal), seq, count_opening,
	    &count, &the_log.err));
	return count;
}

/* An event that shows two values, the second until a time. */
static uint64_t
show_two(char commitments[2][EVENT_COMMIT_BYTES], int64_t forget_us)
{
	static const struct opening openings[] = {
	    {.path = "/a", .salt = {1}, .value = "\"value A to forget\""},
	    {.path = "/b", .salt = {2}, .value = "\"value B to forget\""}};
	struct opening with_time[] = {openings[0], openings[1]};
	char until_text[GK_TIME_TEXT_BYTES];
	struct record_pair shown[2];
	struct record_pair until = {"/b", until_text};
	struct event event =
	    log_event(&the_log, journal_next_seq(the_log.journal));

	for (size_t i = 0; i < 2; i++) {
		event_commit(openings[i].path, openings[i].salt,
		    openings[i].value, commitments[i]);
		shown[i] =
		    (struct record_pair){openings[i].path, commitments[i]};
	}
	with_time[1].forget_us = forget_us;
	gk_time_print(forget_us, until_text);
	event.shown = shown;
	event.shown_count = 2;
	event.shown_until = &until;
	event.shown_until_count = forget_us != 0;
	OK(log_add_event(&the_log, &event, with_time, 2));
	OK(journal_commit(the_log.journal, &the_log.err));
	return event.seq;
}

Test(let_go, a_redacted_value_is_hidden_at_once_and_gone_with_the_wal)
{
	char commitments[2][EVENT_COMMIT_BYTES];
	const char *paths[] = {"/a"};
	struct event event = {.kind = EVENT_REDACTION,
	    .caller = "olga",
	    .has_of_seq = true,
	    .paths = paths,
	    .path_count = 1};
	bool more, clear;
	uint64_t seq;

	OK(log_fill(&the_log, 3, 3));
	seq = show_two(commitments, 0);
	cr_assert_eq(openings_of(seq), 2);
	event.of_seq = seq;
	(void)add(&event);
	OK(journal_redact(the_log.journal, seq, "/a", event.seq, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert_eq(openings_of(seq), 1, "it must not be shown any more");
	cr_assert(log_holds(&the_log, "value A to forget"));
	OK(journal_erase(the_log.journal, 10, &more, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(!more && journal_wal_is_dirty(the_log.journal));
	OK(journal_clear_wal(the_log.journal, &clear, &the_log.err));
	cr_assert(clear && !journal_wal_is_dirty(the_log.journal));
	cr_assert(!log_holds(&the_log, "value A to forget"));
	cr_assert(log_holds(&the_log, "value B to forget"));
	log_close(&the_log);
	expect_ok();
}

Test(let_go, what_a_crash_left_of_a_redaction_goes_at_the_next_start)
{
	char commitments[2][EVENT_COMMIT_BYTES];
	const char *paths[] = {"/a", "/b"};
	struct event event = {.kind = EVENT_REDACTION,
	    .caller = "olga",
	    .has_of_seq = true,
	    .paths = paths,
	    .path_count = 2};
	struct journal_verify_report report;
	bool more;

	OK(log_fill(&the_log, 3, 3));
	event.of_seq = show_two(commitments, 0);
	(void)add(&event);
	for (size_t i = 0; i < 2; i++) {
		OK(journal_redact(the_log.journal, event.of_seq, paths[i],
		    event.seq, &the_log.err));
	}
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	report = log_verify(&the_log);
	cr_assert(report.verdict == VERIFY_OK, "%s", report.text);
	cr_assert_eq(report.unfinished, 2);
	OK(log_open(&the_log));
	OK(journal_erase(the_log.journal, 10, &more, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	cr_assert(!log_holds(&the_log, "to forget"));
	report = log_verify(&the_log);
	cr_assert(report.verdict == VERIFY_OK && report.unfinished == 0);
}

Test(let_go, a_mark_of_redaction_without_its_event_is_a_fault)
{
	char commitments[2][EVENT_COMMIT_BYTES];

	OK(log_fill(&the_log, 3, 3));
	(void)show_two(commitments, 0);
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "INSERT INTO redaction VALUES (3, '/a', 2)");
	expect_fault("seq 3");
	log_sql(&the_log, "DELETE FROM redaction; DELETE FROM opening "
			  "WHERE path = '/a'");
	expect_fault("seq 3");
}

Test(let_go, a_value_goes_when_its_time_is_over_and_an_event_says_until_when)
{
	char commitments[2][EVENT_COMMIT_BYTES];
	int64_t until = LOG_EPOCH_US + 5000, from = INT64_MIN;
	struct event_retention what = {.what = "forgotten", .until_us = until};
	struct event event = {.kind = EVENT_RETENTION,
	    .change = CHANGE_LET_GO,
	    .caller = "gatekeeper",
	    .retention = &what};
	size_t gone;
	bool more;
	uint64_t count;

	OK(log_fill(&the_log, 3, 3));
	cr_assert_eq(show_two(commitments, until), 3);
	OK(journal_count_forget(
	    journal_reader(the_log.journal), 0, until, &count, &the_log.err));
	cr_assert_eq(count, 1);
	(void)add(&event);
	OK(journal_raise(the_log.journal, JOURNAL_FORGET, until, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_drop_openings(the_log.journal, true, &from, until, 100,
	    &judge, &gone, &more, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(gone == 1 && !more);
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "DELETE FROM opening WHERE path = '/a'");
	expect_fault("seq 3");
}

Test(let_go, openings_of_a_tenant_go_before_their_events)
{
	char commitments[2][EVENT_COMMIT_BYTES];
	struct event_retention what = {
	    .what = "openings", .minimum = 4, .tenant = "t_43"};
	struct event event = {.kind = EVENT_RETENTION,
	    .change = CHANGE_LET_GO,
	    .caller = "gatekeeper",
	    .retention = &what};
	int64_t from = 0;
	uint64_t count;
	size_t gone;
	bool more;

	OK(log_fill(&the_log, 3, 3));
	cr_assert_eq(show_two(commitments, 0), 3); /* of t_43 */
	OK(journal_count_openings(journal_reader(the_log.journal), 0, 4, -1,
	    event_column_hash("t_43", NULL), &count, &the_log.err));
	cr_assert_eq(count, 2);
	OK(journal_count_openings(journal_reader(the_log.journal), 0, 4, -1,
	    event_column_hash("t_42", NULL), &count, &the_log.err));
	cr_assert_eq(count, 0);
	(void)add(&event);
	OK(journal_raise(the_log.journal, JOURNAL_OPENINGS, 4, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_drop_openings(the_log.journal, false, &from, 4, 100, &judge,
	    &gone, &more, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert_eq(gone, 2);
	log_close(&the_log);
	expect_ok();
}

/* ---- bodies ---- */

Test(let_go, old_bodies_go_and_proofs_runs_and_starts_go_on)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = 1000};
	struct digest before, after;
	struct journal_verify_report report;
	uint64_t first, minimum = 512;
	bool has;

	OK(log_fill(&the_log, 600, 50));
	OK(journal_prove_root(
	    journal_reader(the_log.journal), 600, &before, &the_log.err));
	say_bodies(minimum);
	drop_all(minimum);
	OK(journal_prove_root(
	    journal_reader(the_log.journal), 600, &after, &the_log.err));
	cr_assert(digest_equal(before.bytes, after.bytes, DIGEST_BYTES));
	/* 601 events, 512 gone but for genesis and 20 that are held */
	cr_assert_eq(count_found(&query, &first), 601 - 512 + 21);
	cr_assert_eq(first, 0);
	query.newest_first = true;
	query.from_seq = UINT64_MAX;
	cr_assert_eq(count_found(&query, &first), 601 - 512 + 21);
	cr_assert_eq(first, 600);
	/* a run that lost its beginning is still that run: 501 to 520 */
	query = (struct journal_query){.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = 1000};
	query.columns.run = event_column_hash("t_42", "run_25");
	cr_assert_gt(count_found(&query, &first), 0);
	cr_assert_geq(first, 512);
	OK(journal_run_first(journal_reader(the_log.journal), query.columns.run,
	    &first, &has, &the_log.err));
	cr_assert(has && first < minimum);
	/* one that is gone is gone */
	OK(journal_has_run(journal_reader(the_log.journal),
	    event_column_hash("t_42", "run_5"), &has, &the_log.err));
	cr_assert(!has);
	log_close(&the_log);
	report = log_verify(&the_log);
	cr_assert(
	    report.verdict == VERIFY_OK, "%s: %s", report.where, report.text);
	cr_assert(report.minimum == 512 && report.held == 21);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 1));
}

Test(let_go, what_is_held_goes_when_nothing_holds_it)
{
	struct journal_judge released = {judge_nothing_held, NULL, NULL};
	uint64_t from = 1;
	size_t gone;
	bool more;

	OK(log_fill(&the_log, 300, 50));
	say_bodies(256);
	drop_all(256);
	OK(journal_drop_held(the_log.journal, &from, 100, &released, &gone,
	    &more, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(gone == 20 && !more);
	log_close(&the_log);
	expect_ok();
}

Test(let_go, bodies_beyond_the_minimum_and_held_ones_are_still_checked)
{
	OK(log_fill(&the_log, 600, 50));
	say_bodies(256);
	drop_all(256);
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "DELETE FROM body WHERE seq = 256");
	expect_fault("seq 256");
}

Test(let_go, a_held_body_that_was_changed_is_found)
{
	OK(log_fill(&the_log, 300, 50));
	say_bodies(256);
	drop_all(256);
	log_close(&the_log);
	log_sql(&the_log, "UPDATE held SET bytes = CAST(replace(bytes, "
			  "'allow', 'allOw') AS BLOB) WHERE seq = 25");
	expect_fault("seq 25");
}

Test(let_go, genesis_is_missed)
{
	OK(log_fill(&the_log, 300, 50));
	say_bodies(256);
	drop_all(256);
	log_close(&the_log);
	log_sql(&the_log, "DELETE FROM held WHERE seq = 0");
	expect_fault("seq 0");
}

Test(let_go, a_minimum_that_no_event_says_is_a_fault)
{
	OK(log_fill(&the_log, 600, 50));
	log_close(&the_log);
	log_sql(&the_log, "UPDATE minimum SET bound = 256 WHERE what = "
			  "'bodies'; DELETE FROM body WHERE seq < 256");
	expect_fault("log");
}

Test(let_go, a_changed_tile_below_the_minimum_is_found)
{
	OK(log_fill(&the_log, 600, 50));
	say_bodies(512);
	drop_all(512);
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "UPDATE tile SET hashes = zeroblob(8192) WHERE "
			  "level = 0 AND idx = 1");
	cr_assert(log_verify(&the_log).verdict == VERIFY_TAMPERED);
}

/* ---- the triggers ---- */

Test(let_go, nothing_goes_that_no_event_allows)
{
	static const char *const refused[] = {
	    "DELETE FROM body WHERE seq = 256",
	    "PRAGMA recursive_triggers=1;REPLACE INTO body SELECT*FROM body",
	    "INSERT INTO held SELECT * FROM body WHERE seq = 300",
	    "UPDATE held SET bytes = x'00'",
	    "DELETE FROM opening",
	    "UPDATE opening SET value = ''",
	    "UPDATE minimum SET bound = 0 WHERE what = 'bodies'",
	    "REPLACE INTO minimum VALUES ('bodies', 100000)",
	    "DELETE FROM minimum",
	    "UPDATE redaction SET event = 1",
	    "DELETE FROM redaction",
	    "DELETE FROM tile",
	};
	char commitments[2][EVENT_COMMIT_BYTES];

	OK(log_fill(&the_log, 300, 50));
	(void)show_two(commitments, LOG_EPOCH_US * 2);
	OK(journal_redact(the_log.journal, 299, "/none", 300, &the_log.err));
	say_bodies(256);
	drop_all(256);
	log_close(&the_log);
	for (size_t i = 0; i < GK_COUNT(refused); i++) {
		cr_expect(
		    !log_try_sql(&the_log, refused[i], true), "%s", refused[i]);
	}
}
