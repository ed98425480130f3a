/* The journal's life: what was committed is there again, and what doesn't fit is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
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

TestSuite(journal, .init = setup, .fini = teardown);

static void
move(const char *from, const char *to)
{
	char a[256], b[256];

	log_path(&the_log, from, a);
	log_path(&the_log, to, b);
	cr_assert(rename(a, b) == 0);
}

static unsigned
mode_of(const char *name)
{
	char path[256];
	struct stat st;

	log_path(&the_log, name, path);
	cr_assert(stat(path, &st) == 0, "%s is missing", name);
	return (unsigned)st.st_mode & 0777;
}

Test(journal, what_was_committed_is_there_after_reopening)
{
	struct digest root;

	OK(log_open(&the_log));
	cr_assert(the_log.found.created);
	OK(log_fill(&the_log, 1000, 7));
	log_close(&the_log);
	OK(log_open(&the_log));
	cr_assert(!the_log.found.created);
	cr_assert(the_log.found.size == 1000);
	cr_assert(the_log.found.detail[0] == '\0');
	cr_assert(journal_next_seq(the_log.journal) == 1000);
	cr_assert(journal_last_us(the_log.journal) == LOG_EPOCH_US + 999000);
	root = the_log.found.root;
	OK(log_fill(&the_log, 1, 1));
	log_close(&the_log);
	OK(log_open(&the_log));
	cr_assert(memcmp(&root, &the_log.found.root, sizeof(root)) != 0);
}

Test(journal, a_batch_that_was_not_committed_is_gone)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 10, 10));
	OK(log_add(&the_log));
	log_close(&the_log);
	OK(log_open(&the_log));
	cr_assert(the_log.found.size == 10);
	OK(log_fill(&the_log, 10, 10));
}

Test(journal, an_empty_batch_commits_nothing)
{
	struct journal_counters counters;

	OK(log_open(&the_log));
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_tidy(the_log.journal, &the_log.err));
	journal_counters(the_log.journal, &counters);
	cr_assert(counters.commits == 0 && counters.events == 0);
	log_close(&the_log);
	OK(log_open(&the_log));
	cr_assert(the_log.found.created, "still nothing in it");
}

/* What a kill leaves behind: the files as they are in the middle of work. */
Test(journal, a_killed_process_loses_nothing_that_was_committed)
{
	struct log copy;

	OK(log_open(&the_log));
	for (int i = 0; i < 5; i++) {
		struct journal_verify_report report;

		OK(log_fill(&the_log, 137, 10));
		OK(log_add(&the_log)); /* in a batch that never ends */
		log_init(&copy);
		log_copy(&the_log, copy.dir);
		OK(log_open(&copy));
		cr_assert(copy.found.size == (uint64_t)(i + 1) * 138 - 1);
		cr_assert(copy.found.detail[0] != '\0');
		log_close(&copy);
		report = log_verify(&copy);
		cr_assert(report.verdict == VERIFY_OK, "%s: %s", report.where,
		    report.text);
		log_done(&copy);
		OK(journal_commit(the_log.journal, &the_log.err));
	}
}

Test(journal, events_and_openings_are_read_back)
{
	const struct opening opening = {.path = "/amount",
	    .salt = {1, 2, 3},
	    .value = "\"12.50\"",
	    .forget_us = 77};
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct event event;
	struct digest leaf, want;
	bool found;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	event = log_event(&the_log, 3);
	OK(log_add_event(&the_log, &event, &opening, 1));
	OK(journal_read(journal_reader(the_log.journal), 3, &bytes, &leaf,
	    &found, &the_log.err));
	cr_assert(found, "the inner reader sees the open batch");
	merkle_leaf(bytes.bytes, bytes.len, &want);
	cr_assert(memcmp(&leaf, &want, sizeof(leaf)) == 0);
	OK(journal_read(journal_reader(the_log.journal), 4, &bytes, &leaf,
	    &found, &the_log.err));
	cr_assert(!found);
	OK(journal_read(journal_reader(the_log.journal), UINT64_MAX, &bytes,
	    &leaf, &found, &the_log.err));
	cr_assert(!found);
}

static enum gk_rc
count_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	(void)err;
	cr_assert(strcmp(opening->path, "/amount") == 0);
	cr_assert(strcmp(opening->value, "\"12.50\"") == 0);
	cr_assert(opening->salt[2] == 3 && opening->forget_us == 77);
	++*(int *)ctx;
	return GK_OK;
}

Test(journal, a_reader_sees_what_is_committed_and_nothing_else)
{
	const struct opening opening = {.path = "/amount",
	    .salt = {1, 2, 3},
	    .value = "\"12.50\"",
	    .forget_us = 77};
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	GK_AUTO(journal__reader_closep) struct journal_reader *reader = NULL;
	struct event event;
	bool found;
	int openings = 0;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	OK(journal_reader_open(the_log.dir, &reader, &the_log.err));
	event = log_event(&the_log, 3);
	OK(log_add_event(&the_log, &event, &opening, 1));
	OK(journal_read(reader, 3, &bytes, NULL, &found, &the_log.err));
	cr_assert(!found);
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_read(reader, 3, &bytes, NULL, &found, &the_log.err));
	cr_assert(found);
	OK(journal_openings(reader, 3, count_opening, &openings, &the_log.err));
	cr_assert(openings == 1);
}

Test(journal, one_process_at_a_time)
{
	struct log other = the_log;

	OK(log_open(&the_log));
	cr_assert(log_open(&other) == GK_E_BUSY);
	cr_assert(other.journal == NULL);
	log_close(&the_log);
	OK(log_open(&the_log));
}

Test(journal, keys_are_private_and_a_readable_key_is_refused)
{
	char path[256];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	cr_assert(mode_of("keys") == 0700);
	cr_assert(mode_of("keys/signing.key") == 0600);
	cr_assert(mode_of("keys/hmac.key") == 0600);
	cr_assert(mode_of("journal.db") == 0600);
	cr_assert(
	    strcmp(journal_origin(the_log.journal), "test.example/log") == 0);
	log_close(&the_log);
	for (int i = 0; i < 2; i++) {
		log_path(&the_log,
		    i == 0 ? "keys/signing.key" : "keys/hmac.key", path);
		cr_assert(chmod(path, 0640) == 0);
		cr_assert(log_open(&the_log) == GK_E_IO);
		cr_assert(strstr(the_log.err.text, "0640") != NULL);
		cr_assert(chmod(path, 0600) == 0);
	}
	OK(log_open(&the_log));
}

Test(journal, a_lost_key_is_never_replaced)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	log_close(&the_log);
	move("keys/hmac.key", "away");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	move("away", "keys/hmac.key");
	move("keys/signing.key", "away");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "signing.key") != NULL);
	move("away", "keys/signing.key");
	OK(log_open(&the_log));
}

Test(journal, keys_survive_a_start_that_got_no_further)
{
	char vkey[NOTE_VKEY_BYTES];

	OK(log_open(&the_log));
	(void)snprintf(vkey, sizeof(vkey), "%s", journal_vkey(the_log.journal));
	log_close(&the_log);
	move("journal.db", "gone");
	OK(log_open(&the_log));
	cr_assert(strcmp(vkey, journal_vkey(the_log.journal)) == 0);
}

Test(journal, another_origin_is_refused)
{
	struct journal_options options = {
	    .data_dir = the_log.dir, .origin = "other.example/log"};

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	log_close(&the_log);
	cr_assert(journal_open(&options, &the_log.journal, &the_log.found,
		      &the_log.err) == GK_E_INVALID);
	options.origin = NULL;
	OK(journal_open(
	    &options, &the_log.journal, &the_log.found, &the_log.err));
	cr_assert(
	    strcmp(journal_origin(the_log.journal), "test.example/log") == 0);
}

/* The database as it was at an earlier time, beside what was published since. */
static void
roll_back(void)
{
	struct log copy;
	char from[256], to[256];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 300, 10));
	log_close(&the_log);
	log_init(&copy);
	log_copy(&the_log, copy.dir);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 300, 10));
	log_close(&the_log);
	log_path(&copy, "journal.db", from);
	log_path(&the_log, "journal.db", to);
	cr_assert(rename(from, to) == 0);
	log_done(&copy);
}

Test(journal, a_rolled_back_database_is_refused_until_an_operator_accepts_it)
{
	roll_back();
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "rollback") != NULL);
	cr_assert(strstr(the_log.err.text, "--accept 300") != NULL);
	cr_assert(journal_recover(the_log.dir, 299, NULL, &the_log.err) ==
		  GK_E_INVALID);
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(journal_recover(the_log.dir, 300, "two\nlines",
		      &the_log.err) == GK_E_INVALID);
	OK(journal_recover(
	    the_log.dir, 300, "the disk was restored", &the_log.err));
	OK(log_open(&the_log));
	cr_assert_str_eq(the_log.found.reason, "the disk was restored");
	cr_assert(strstr(the_log.found.detail, "accepted 300 events") != NULL);
	cr_assert(strstr(the_log.found.detail, "published: 600") != NULL);
	OK(log_fill(&the_log, 5, 5));
	log_close(&the_log);
	OK(log_open(&the_log));
	cr_assert(the_log.found.detail[0] == '\0', "said once");
}

Test(journal, a_fork_of_the_same_length_is_refused)
{
	struct log copy;
	char from[256], to[256];
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 299, 10));
	log_close(&the_log);
	log_init(&copy);
	log_copy(&the_log, copy.dir);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 1, 1));
	log_close(&the_log);
	OK(log_open(&copy));
	event = log_event(&copy, 299);
	event.reason = "another";
	OK(log_add_event(&copy, &event, NULL, 0));
	OK(journal_commit(copy.journal, &copy.err));
	OK(log_fill(&copy, 20, 1));
	log_close(&copy);
	log_path(&copy, "journal.db", from);
	log_path(&the_log, "journal.db", to);
	cr_assert(rename(from, to) == 0);
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "fork") != NULL);
	log_done(&copy);
}

Test(journal, a_journal_that_was_taken_away_is_missed)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 30, 10));
	log_close(&the_log);
	move("journal.db", "elsewhere");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "rollback") != NULL);
	move("elsewhere", "journal.db");
	OK(log_open(&the_log));
}

Test(journal, changed_tiles_and_tails_are_noticed_at_the_start)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 600, 50));
	log_close(&the_log);
	log_sql(&the_log, "UPDATE body SET bytes = CAST(bytes || ' ' AS BLOB) "
			  "WHERE seq = 590");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	log_sql(&the_log, "UPDATE body SET bytes = CAST(substr(bytes, 1, "
			  "length(bytes) - 1) AS BLOB) WHERE seq = 590");
	OK(log_open(&the_log));
	log_close(&the_log);
	log_sql(&the_log, "UPDATE tile SET root = x'00' WHERE idx = 1");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
}

Test(journal, what_is_evidence_is_neither_changed_nor_removed)
{
	static const char *const attempts[] = {"DELETE FROM body",
	    "UPDATE body SET bytes = x'00'",
	    "REPLACE INTO body SELECT * FROM body", "DELETE FROM tile",
	    "UPDATE tile SET root = x'00'", "DELETE FROM checkpoint",
	    "UPDATE checkpoint SET note = ''", "UPDATE opening SET value = ''",
	    "DELETE FROM policy_blob", "UPDATE policy_blob SET text = x'00'"};
	const struct opening opening = {.path = "/a", .value = "1"};
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 300, 300));
	event = log_event(&the_log, 300);
	OK(log_add_event(&the_log, &event, &opening, 1));
	OK(journal_keep_policy(
	    the_log.journal, "sha256:00", "x", 1, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	for (size_t i = 0; i < GK_COUNT(attempts); i++) {
		char sql[160];

		(void)snprintf(sql, sizeof(sql),
		    "PRAGMA recursive_triggers = ON; %s", attempts[i]);
		cr_assert(!log_try_sql(&the_log, sql, true), "%s went through",
		    attempts[i]);
	}
	OK(log_open(&the_log));
}

Test(journal, a_schema_that_is_not_ours_is_refused)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 30, 10));
	log_close(&the_log);
	log_sql(&the_log, "CREATE TRIGGER quiet BEFORE INSERT ON body "
			  "BEGIN SELECT RAISE(IGNORE); END");
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	log_sql(&the_log, "DROP TRIGGER quiet");
	OK(log_open(&the_log));
}

static enum gk_rc
join_rows(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	struct gk_buf *buf = ctx;

	return gk_buf_printf(buf, err, "%s=%.*s;", key, (int)n, json);
}

Test(journal, snapshot_rows_are_walked_in_key_order_and_dropped_by_generation)
{
	GK_AUTO(gk_buf_done) struct gk_buf rows = GK_BUF_INIT(1024);
	bool more;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 1, 1));
	OK(journal_put_row(the_log.journal, 1, "a", "old", 3, &the_log.err));
	OK(journal_put_row(the_log.journal, 2, "b", "2", 1, &the_log.err));
	OK(journal_put_row(the_log.journal, 2, "a", "1", 1, &the_log.err));
	OK(journal_put_row(the_log.journal, 2, "b", "3", 1, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_each_row(
	    the_log.journal, 2, join_rows, &rows, &the_log.err));
	OK(journal_drop_rows(the_log.journal, 2, 1, &more, &the_log.err));
	cr_assert(more);
	OK(journal_drop_rows(the_log.journal, 2, 1, &more, &the_log.err));
	cr_assert(!more);
	OK(journal_each_row(
	    the_log.journal, 1, join_rows, &rows, &the_log.err));
	cr_assert(strcmp(gk_buf_text(&rows), "a=1;b=3;") == 0, "%s",
	    gk_buf_text(&rows));
	OK(journal_commit(the_log.journal, &the_log.err));
}

Test(journal, the_newest_snapshot_event_and_policy_texts_are_found)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(1024);
	struct event_snapshot snapshot = {.digest = "d", .generation = 1};
	struct event event;
	uint64_t seq;
	bool found;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 8, 8));
	OK(journal_last_snapshot(the_log.journal, &found, &seq, &the_log.err));
	cr_assert(!found);
	for (int i = 0; i < 2; i++) {
		event = log_event(&the_log, 8);
		event = (struct event){.seq = journal_next_seq(the_log.journal),
		    .timestamp_us = event.timestamp_us,
		    .kind = EVENT_SNAPSHOT,
		    .nonce = {1},
		    .snapshot = &snapshot};
		OK(log_add_event(&the_log, &event, NULL, 0));
	}
	OK(journal_keep_policy(
	    the_log.journal, "sha256:ab", "text", 4, &the_log.err));
	OK(journal_keep_policy(
	    the_log.journal, "sha256:ab", "text", 4, &the_log.err));
	OK(journal_commit(the_log.journal, &the_log.err));
	OK(journal_last_snapshot(the_log.journal, &found, &seq, &the_log.err));
	cr_assert(found && seq == 9);
	OK(journal_policy_text(journal_reader(the_log.journal), "sha256:ab",
	    &text, &found, &the_log.err));
	cr_assert(found && strcmp(gk_buf_text(&text), "text") == 0);
	OK(journal_policy_text(journal_reader(the_log.journal), "sha256:cd",
	    &text, &found, &the_log.err));
	cr_assert(!found);
}

Test(journal, the_published_file_follows_and_is_never_ahead)
{
	struct note_checkpoint note;
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	GK_AUTO(journal__fd_close) int dir = -1;
	bool found;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 50, 1));
	OK(journal__dir_open(-100, the_log.dir, false, &dir, &the_log.err));
	OK(journal__file_load(
	    dir, JOURNAL_PUBLISHED, &text, &found, &the_log.err));
	OK(note_checkpoint_parse(text.bytes, text.len, &note, &the_log.err));
	cr_assert(note.size >= 1 && note.size <= 50);
	log_close(&the_log);
	gk_buf_clear(&text);
	OK(journal__file_load(
	    dir, JOURNAL_PUBLISHED, &text, &found, &the_log.err));
	OK(note_checkpoint_parse(text.bytes, text.len, &note, &the_log.err));
	cr_assert(note.size == 50);
}

Test(
    journal, a_published_file_that_cannot_be_written_is_told_and_breaks_nothing)
{
	char path[256];

	OK(log_open(&the_log));
	log_path(&the_log, "checkpoint.new", path);
	cr_assert(mkdir(path, 0700) == 0);
	OK(log_add(&the_log));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(journal_tidy(the_log.journal, &the_log.err) == GK_E_IO);
	OK(log_add(&the_log));
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(rmdir(path) == 0);
}

Test(journal, a_backup_of_a_running_journal_verifies_and_opens_with_its_keys)
{
	struct journal_verify_report report;
	struct log copy;
	char path[256];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 700, 10));
	OK(log_add(&the_log)); /* not committed: not in the backup */
	log_init(&copy);
	OK(journal_backup(the_log.dir, copy.dir, false, &the_log.err));
	report = log_verify(&copy);
	cr_assert(report.verdict == VERIFY_OK && report.size == 700, "%s: %s",
	    report.where, report.text);
	log_path(&copy, "keys", path);
	cr_assert(access(path, F_OK) != 0);
	cr_assert(journal_backup(the_log.dir, copy.dir, true, &the_log.err) ==
		  GK_E_BUSY);
	log_done(&copy);
	log_init(&copy);
	OK(journal_backup(the_log.dir, copy.dir, true, &the_log.err));
	OK(log_open(&copy));
	cr_assert(copy.found.size == 700);
	OK(log_fill(&copy, 10, 10));
	log_done(&copy);
}

Test(journal, ids_and_free_space_are_known)
{
	struct id_key a, b;
	uint8_t hash[JOURNAL_HASH_KEY_BYTES];
	uint64_t bytes = 0;
	bool found;

	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &a);
	OK(journal_free_bytes(the_log.journal, &bytes, &the_log.err));
	cr_assert(bytes > 0);
	log_close(&the_log);
	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &b);
	cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
	OK(journal_hash_key_load(
	    the_log.journal, 1, hash, &found, &the_log.err));
	cr_assert(found && memcmp(a.bytes, hash, sizeof(a.bytes)) != 0);
}

Test(journal, the_wal_is_folded_in_between_batches)
{
	struct journal_counters counters;
	char path[256];
	struct stat st;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3000, 2));
	journal_counters(the_log.journal, &counters);
	log_path(&the_log, "journal.db-wal", path);
	cr_assert(stat(path, &st) == 0);
	cr_assert(counters.commits == 1500 && counters.events == 3000);
	cr_assert(counters.wal_bytes > (uint64_t)st.st_size * 4,
	    "%llu written, %lld long", (unsigned long long)counters.wal_bytes,
	    (long long)st.st_size);
}
