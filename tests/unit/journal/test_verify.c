/* Every kind of tampering is found, and told where. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal_internal.h"
#include "log.h"

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

TestSuite(verify, .init = setup, .fini = teardown);

static void
fill(uint64_t count)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, count, 50));
	log_close(&the_log);
}

static void
expect_ok(void)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert(
	    report.verdict == VERIFY_OK, "%s: %s", report.where, report.text);
}

/* A fault, at that place (NULL: anywhere). */
static void
expect_fault(const char *where)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert(report.verdict == VERIFY_TAMPERED);
	cr_assert(report.text[0] != '\0');
	cr_assert(where == NULL || strcmp(report.where, where) == 0,
	    "at %s, not %s: %s", report.where, where, report.text);
}

static void
tamper(const char *sql, const char *where)
{
	fill(700);
	expect_ok();
	log_sql(&the_log, sql);
	expect_fault(where);
}

Test(verify, a_whole_log_verifies_running_or_not)
{
	struct journal_verify_report report;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 700, 50));
	OK(log_add(&the_log));
	report = log_verify(&the_log);
	cr_assert(
	    report.verdict == VERIFY_OK, "%s: %s", report.where, report.text);
	cr_assert(report.size == 700);
	cr_assert(strcmp(report.origin, "test.example/log") == 0);
	cr_assert(strcmp(report.head, "2026-01-01T00:00:00.699000Z") == 0);
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	report = log_verify(&the_log);
	cr_assert(report.verdict == VERIFY_OK && report.size == 701);
}

Test(verify, an_empty_log_is_a_fault)
{
	OK(log_open(&the_log));
	log_close(&the_log);
	expect_fault("log");
}

Test(verify, a_folder_without_a_journal_is_an_error)
{
	const struct journal_verify_options options = {
	    .data_dir = "/tmp/gk-no-such-folder"};
	struct journal_verify_report report;

	cr_assert(journal_verify(&options, &report, &the_log.err) == GK_E_IO);
}

Test(verify, without_a_key_nothing_can_be_said)
{
	struct journal_verify_report report;
	char path[256];

	fill(10);
	log_path(&the_log, "vkey", path);
	cr_assert(unlink(path) == 0);
	report = log_verify(&the_log);
	cr_assert(report.verdict == VERIFY_UNVERIFIABLE);
}

Test(verify, another_key_is_a_fault)
{
	struct journal_verify_options options = {.data_dir = the_log.dir};
	struct journal_verify_report report;
	struct log other;

	fill(10);
	log_init(&other);
	OK(log_open(&other));
	options.vkey = journal_vkey(other.journal);
	OK(journal_verify(&options, &report, &the_log.err));
	cr_assert(report.verdict == VERIFY_TAMPERED);
	options.vkey = "no key";
	OK(journal_verify(&options, &report, &the_log.err));
	cr_assert(report.verdict == VERIFY_UNVERIFIABLE);
	log_done(&other);
}

#define REWRITE(a, b, at)                                               \
	"UPDATE body SET bytes = CAST(replace(CAST(bytes AS TEXT), '" a \
	"', '" b "') AS BLOB) WHERE seq = " at

Test(verify, a_changed_event_below_a_tile)
{
	tamper(REWRITE("allowed", "alloweb", "100"), "seq 100");
}

Test(verify, a_changed_event_that_no_column_shows)
{
	tamper(
	    REWRITE("\"caller\":\"agent-7\"", "\"caller\":\"agent-8\"", "100"),
	    "seq 100");
}

Test(verify, a_changed_event_in_the_tail)
{
	tamper(
	    REWRITE("\"caller\":\"agent-7\"", "\"caller\":\"agent-8\"", "699"),
	    NULL);
}

Test(verify, an_event_that_is_not_canonical)
{
	tamper(REWRITE("{", " {", "100"), "seq 100");
}

Test(verify, every_search_column_is_compared)
{
	static const char *const columns[] = {"run", "run_first", "tenant",
	    "agent", "actor", "action", "action_key", "reason", "approval",
	    "kind", "decision", "layer", "scope", "time"};
	char sql[128];

	fill(60);
	for (size_t i = 0; i < GK_COUNT(columns); i++) {
		(void)snprintf(sql, sizeof(sql),
		    "UPDATE body SET %s = %s + 1 WHERE seq = 41", columns[i],
		    columns[i]);
		log_sql(&the_log, sql);
		expect_fault("seq 41");
		(void)snprintf(sql, sizeof(sql),
		    "UPDATE body SET %s = %s - 1 WHERE seq = 41", columns[i],
		    columns[i]);
		log_sql(&the_log, sql);
		expect_ok();
	}
}

Test(verify, a_removed_event)
{
	tamper("DELETE FROM body WHERE seq = 100", "seq 100");
}

Test(verify, a_cut_tail)
{
	tamper("DELETE FROM body WHERE seq >= 690", "log");
}

Test(verify, a_tail_cut_together_with_its_checkpoint)
{
	tamper("DELETE FROM body WHERE seq >= 600; DELETE FROM checkpoint "
	       "WHERE size > 600",
	    NULL);
}

Test(verify, an_added_event)
{
	tamper("INSERT INTO body SELECT 700, run, run_first, tenant, agent, "
	       "actor, action, action_key, reason, approval, kind, decision, "
	       "layer, scope, time, bytes FROM body WHERE seq = 699",
	    "log");
}

Test(verify, an_event_before_the_first)
{
	tamper("INSERT INTO body SELECT -1, run, run_first, tenant, agent, "
	       "actor, action, action_key, reason, approval, kind, decision, "
	       "layer, scope, time, bytes FROM body WHERE seq = 699",
	    "log");
}

Test(verify, events_that_changed_places)
{
	tamper("UPDATE body SET seq = 9000 WHERE seq = 20; "
	       "UPDATE body SET seq = 20 WHERE seq = 22; "
	       "UPDATE body SET seq = 22 WHERE seq = 9000",
	    "seq 20");
}

Test(verify, a_changed_hash_in_a_tile)
{
	tamper(
	    "UPDATE tile SET hashes = CAST(substr(hashes, 1, 32) || x'00' || "
	    "substr(hashes, 34) AS BLOB) WHERE idx = 1",
	    "seq 257");
}

Test(verify, a_changed_root_of_a_tile)
{
	tamper("UPDATE tile SET root = zeroblob(32) WHERE idx = 1", "tile 0/1");
}

Test(verify, a_missing_tile)
{
	tamper("DELETE FROM tile WHERE idx = 0", "tiles");
}

Test(verify, a_tile_in_the_wrong_place)
{
	tamper("UPDATE tile SET idx = 7 WHERE idx = 0", "tile 0/0");
}

Test(verify, a_changed_checkpoint)
{
	tamper("UPDATE checkpoint SET note = replace(note, '700', '699')",
	    "checkpoint 700");
}

Test(verify, a_moved_checkpoint)
{
	tamper("UPDATE checkpoint SET size = 699", "checkpoint 699");
}

Test(verify, a_log_without_checkpoints)
{
	tamper("DELETE FROM checkpoint", "log");
}

Test(verify, a_missing_checkpoint_among_those_that_are_kept)
{
	fill(4200);
	expect_ok();
	log_sql(&the_log, "DELETE FROM checkpoint WHERE size = 4096");
	expect_fault("checkpoint 4096");
}

Test(verify, a_log_older_than_its_published_checkpoint)
{
	struct log copy;
	char from[256], to[256];

	fill(300);
	log_init(&copy);
	log_copy(&the_log, copy.dir);
	fill(100);
	log_path(&copy, "journal.db", from);
	log_path(&the_log, "journal.db", to);
	cr_assert(rename(from, to) == 0);
	expect_fault("published checkpoint");
	cr_assert(unlink(to) == 0);
	expect_fault("log");
	log_done(&copy);
}

Test(verify, a_published_checkpoint_that_nobody_signed)
{
	GK_AUTO(journal__fd_close) int dir = -1;

	fill(10);
	OK(journal__dir_open(-100, the_log.dir, false, &dir, &the_log.err));
	OK(journal__file_replace(
	    dir, JOURNAL_PUBLISHED, "x\n", 2, 0644, &the_log.err));
	expect_fault("published checkpoint");
}

static void
show_amount(struct event *event, struct record_pair *shown,
    char commitment[EVENT_COMMIT_BYTES], const struct opening *opening)
{
	event_commit(opening->path, opening->salt, opening->value, commitment);
	*shown = (struct record_pair){opening->path, commitment};
	event->shown = shown;
	event->shown_count = 1;
}

Test(verify, an_opened_value_must_be_the_committed_one_and_there)
{
	const struct opening opening = {
	    .path = "/amount", .salt = {9}, .value = "\"12.50\""};
	char commitment[EVENT_COMMIT_BYTES];
	struct record_pair shown;
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	event = log_event(&the_log, 3);
	show_amount(&event, &shown, commitment, &opening);
	OK(log_add_event(&the_log, &event, &opening, 1));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "UPDATE opening SET value = '\"99.00\"'");
	expect_fault("seq 3");
	log_sql(&the_log, "UPDATE opening SET value = '\"12.50\"', seq = 2");
	expect_fault("seq 2");
	log_sql(&the_log, "UPDATE opening SET seq = 300");
	expect_fault("log");
	log_sql(&the_log, "DELETE FROM opening");
	expect_fault("seq 3");
}

Test(verify, a_policy_text_must_be_there_and_unchanged)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	event = log_event(&the_log, 3);
	event.policy = "sha256:ab";
	OK(log_add_event(&the_log, &event, NULL, 0));
	OK(journal_keep_policy(
	    the_log.journal, "sha256:ab", "allow: all", 10, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	expect_ok();
	log_sql(&the_log, "UPDATE policy_blob SET text = x'20'");
	expect_fault("policy text");
	log_sql(&the_log, "DELETE FROM policy_blob");
	expect_fault("seq 3");
}

Test(verify, triggers_that_came_or_went)
{
	fill(10);
	log_sql(&the_log, "DROP TRIGGER body_delete");
	expect_fault("database");
}

/* An event of the caller's making after an allow (3) and its result (4). */
static void
add_odd_result(struct event event, const char *where)
{
	OK(log_add_event(&the_log, &event, NULL, 0));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	expect_fault(where);
}

Test(verify, a_second_closing_result)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	event = log_event(&the_log, 4);
	event.seq = 5;
	add_odd_result(event, "seq 5");
}

Test(verify, a_conflicting_result_is_no_second_one)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	event = log_event(&the_log, 4);
	event.seq = 5;
	event.change = CHANGE_CONFLICTING;
	event.of_seq = 4;
	OK(log_add_event(&the_log, &event, NULL, 0));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	expect_ok();
}

Test(verify, a_result_for_what_was_not_allowed)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	event = log_event(&the_log, 5);
	event.decision = DECISION_STOP;
	OK(log_add_event(&the_log, &event, NULL, 0));
	event = log_event(&the_log, 6);
	add_odd_result(event, "seq 6");
}

Test(verify, a_result_of_nothing_and_one_of_another_decision)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 6, 6));
	event = log_event(&the_log, 6);
	event.has_of_seq = false;
	add_odd_result(event, "seq 6");
}

Test(verify, a_result_of_another_decision)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 6, 6));
	event = log_event(&the_log, 6);
	event.of_seq = 3;
	add_odd_result(event, "seq 6");
}

Test(verify, an_event_that_points_ahead)
{
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 6, 6));
	event = log_event(&the_log, 6);
	event.of_seq = 6;
	add_odd_result(event, "seq 6");
}

static enum gk_rc
refuse_seq_7(void *ctx, const struct event *event, struct gk_err *err)
{
	++*(uint64_t *)ctx;
	if (event->seq == 7) {
		gk_err_where(err, "seq 7");
		return GK_FAIL(err, GK_E_CORRUPT, "seven is wrong");
	}
	return GK_OK;
}

Test(verify, others_may_check_more)
{
	uint64_t seen = 0;
	const struct journal_verify_options options = {
	    .data_dir = the_log.dir, .event = refuse_seq_7, .ctx = &seen};
	struct journal_verify_report report;

	fill(20);
	OK(journal_verify(&options, &report, &the_log.err));
	cr_assert(report.verdict == VERIFY_TAMPERED && seen == 8);
	cr_assert(strcmp(report.text, "seven is wrong") == 0);
}

/* Evidence on a medium that can't be written: no WAL, no shared memory beside it. */
Test(verify, a_log_that_may_only_be_read)
{
	char path[256];
	uid_t me = geteuid();

	fill(300);
	log_path(&the_log, "journal.db", path);
	cr_assert(chmod(path, 0444) == 0 && chmod(the_log.dir, 0555) == 0);
	if (me == 0) {
		cr_assert(seteuid(65534) == 0);
	}
	expect_ok();
	cr_assert(seteuid(me) == 0);
	cr_assert(chmod(the_log.dir, 0700) == 0);
	log_path(&the_log, "journal.db-shm", path);
	cr_assert(access(path, F_OK) != 0);
}

/* One byte at a time, all over the file: never a crash, and never "whole" for other events. */
Test(verify, damage_anywhere_in_the_file_is_survived, .timeout = 120)
{
	struct journal_verify_report clean, report;
	struct gk_err err;
	const struct journal_verify_options options = {.data_dir = the_log.dir};
	char path[256];
	struct stat st;
	unsigned found = 0;
	int fd;

	fill(600);
	clean = log_verify(&the_log);
	log_path(&the_log, "journal.db", path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 150) {
		uint8_t was, now;

		cr_assert(pread(fd, &was, 1, at) == 1);
		now = (uint8_t)(was ^ 0x41);
		cr_assert(pwrite(fd, &now, 1, at) == 1);
		if (journal_verify(&options, &report, &err) != GK_OK ||
		    report.verdict == VERIFY_TAMPERED) {
			found++;
		} else {
			cr_assert(memcmp(&report.root, &clean.root,
				      sizeof(clean.root)) == 0);
		}
		cr_assert(pwrite(fd, &was, 1, at) == 1);
	}
	cr_assert(found > 100, "%u", found);
	expect_ok();
	cr_assert(ftruncate(fd, st.st_size / 2) == 0);
	cr_assert(close(fd) == 0);
	cr_assert(journal_verify(&options, &report, &err) != GK_OK ||
		  report.verdict == VERIFY_TAMPERED);
}
