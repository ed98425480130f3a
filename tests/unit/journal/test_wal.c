/*
 * Tests of what a start makes of a WAL: a crash's end is told, damage in the middle is refused, and neither is silent.
 *
 * A copy of a running journal's folder is what a killed process leaves.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal_internal.h"
#include "log.h"

enum { HEAD = 32, FRAME_HEAD = 24, FRAME = FRAME_HEAD + 4096, BATCH = 8 };

#define NOT_WHOLE "wasn't whole"
#define DAMAGED   "journal.db-wal is damaged at byte"

static struct log the_log, killed;
static uint64_t before, after; /* events without and with the last batch */
static size_t wal_n;

static int
open_wal(int flags)
{
	char path[256];
	int fd;

	log_path(&killed, "journal.db-wal", path);
	fd = open(path, flags | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

/* What a kill leaves now. */
static void
be_killed(void)
{
	off_t end;
	int fd;

	log_done(&killed);
	log_init(&killed);
	log_copy(&the_log, killed.dir);
	fd = open_wal(O_RDONLY);
	end = lseek(fd, 0, SEEK_END);
	cr_assert(end > HEAD && (end - HEAD) % FRAME == 0);
	wal_n = (size_t)end;
	(void)close(fd);
}

static void
setup(void)
{
	log_init(&the_log);
	log_init(&killed);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 200, 50));
	OK(log_fill(&the_log, BATCH, BATCH));
	before = 200;
	after = before + BATCH;
	be_killed();
}

static void
teardown(void)
{
	log_close(&the_log);
	log_done(&the_log);
	log_close(&killed);
	log_done(&killed);
}

TestSuite(wal, .init = setup, .fini = teardown, .timeout = 300);

static void
flip(size_t at, unsigned bit)
{
	int fd = open_wal(O_RDWR);
	uint8_t byte;

	cr_assert(pread(fd, &byte, 1, (off_t)at) == 1);
	byte ^= (uint8_t)(1u << bit);
	cr_assert(pwrite(fd, &byte, 1, (off_t)at) == 1);
	(void)close(fd);
}

static bool
says(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

Test(wal, of_a_killed_process_is_whole)
{
	struct wal_state state;
	int dir = open(killed.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert(journal__wal_check(dir, &state, NULL) == GK_OK);
	cr_assert(state.damaged == 0 && !state.cut);
	(void)close(dir);
	cr_assert(log_open(&killed) == GK_OK, "%s", killed.err.text);
	cr_assert(says(killed.found.detail, "folded in"));
	cr_assert_not(says(killed.found.detail, NOT_WHOLE));
	cr_assert(killed.found.size == after);
}

/* Refused, or the boot event says so; *ret_told counts the latter. */
static void
check_flip(size_t at, unsigned bit, unsigned *ret_told)
{
	enum gk_rc rc;

	be_killed();
	flip(at, bit);
	rc = log_open(&killed);
	if (rc == GK_OK) {
		cr_assert(says(killed.found.detail, NOT_WHOLE), "byte %zu: %s",
		    at, killed.found.detail);
		cr_assert(killed.found.size == before);
		++*ret_told;
	} else {
		cr_assert(rc == GK_E_CORRUPT);
		cr_assert(
		    says(killed.err.text, DAMAGED), "%s", killed.err.text);
	}
	log_close(&killed);
}

/* Each frame, once in its page and once in its head. */
Test(wal, a_flip_anywhere_is_told)
{
	static const size_t heads[] = {0, 4, 8, 12, 16, 20};
	unsigned frames = 0, told = 0, any = 0;

	for (size_t at = HEAD; at < wal_n; at += FRAME, frames++) {
		check_flip(at + FRAME / 2, frames % 8, &told);
		check_flip(
		    at + heads[frames % GK_COUNT(heads)], frames % 8, &any);
	}
	/* the last batch has more than one frame, and isn't all */
	cr_assert(told > 1 && told < frames, "%u of %u", told, frames);
}

/* A crash may cut anything off behind what was synced: that is no damage. */
Test(wal, what_a_crash_cuts_off_is_no_damage)
{
	uint64_t last = 0;

	for (size_t n = HEAD + FRAME; n <= wal_n; n += FRAME - 1) {
		int fd;

		be_killed();
		fd = open_wal(O_RDWR);
		cr_assert(ftruncate(fd, (off_t)n) == 0);
		(void)close(fd);
		/* less than the published file knows is a rollback: not this test's business */
		log_path(&killed, "checkpoint", (char[256]){0});
		if (log_open(&killed) == GK_OK) {
			cr_assert(killed.found.size >= last);
			last = killed.found.size;
		} else {
			cr_assert_not(says(killed.err.text, "damaged"), "%s",
			    killed.err.text);
		}
		log_close(&killed);
	}
	cr_assert(last == after || last == before, "%" PRIu64, last);
}

/* Frames of the WAL's earlier rounds stand behind those of this one. */
Test(wal, what_was_folded_in_before_is_no_damage)
{
	OK(journal_tidy(the_log.journal, &the_log.err));
	OK(log_fill(&the_log, 1, 1));
	be_killed();
	cr_assert(log_open(&killed) == GK_OK, "%s", killed.err.text);
	cr_assert_not(
	    says(killed.found.detail, NOT_WHOLE), "%s", killed.found.detail);
	cr_assert(killed.found.size == after + 1);
}

/* What SQLite doesn't read is not looked at: no head, another page size, another format. */
Test(wal, a_head_that_isnt_one_ends_it)
{
	for (size_t at = 0; at < HEAD; at++) {
		struct wal_state state;
		int dir;

		be_killed();
		flip(at, at % 8);
		dir = open(killed.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert(journal__wal_check(dir, &state, NULL) == GK_OK);
		cr_assert(state.damaged == 0 && !state.cut);
		(void)close(dir);
	}
}

Test(wal, an_operator_accepts_what_is_left)
{
	struct journal_verify_report report;
	struct journal_verify_options options = {.data_dir = killed.dir};
	struct gk_err err = {.rc = GK_OK};

	flip(HEAD + FRAME + FRAME / 2, 3);
	cr_assert(log_open(&killed) == GK_E_CORRUPT);
	cr_assert(says(killed.err.text, DAMAGED), "%s", killed.err.text);
	cr_assert(journal_verify(&options, &report, &err) == GK_OK);
	cr_assert(report.verdict != VERIFY_OK);
	cr_assert(says(report.text, DAMAGED), "%s", report.text);
	/* a number that is wrong changes nothing */
	cr_assert(
	    journal_recover(killed.dir, 17, NULL, &killed.err) == GK_E_INVALID);
	cr_assert(log_open(&killed) == GK_E_CORRUPT);
	cr_assert(
	    journal_recover(killed.dir, 0, "looked at", &killed.err) == GK_OK,
	    "%s", killed.err.text);
	cr_assert(log_open(&killed) == GK_OK, "%s", killed.err.text);
	cr_assert(killed.found.accepted && killed.found.size == 0);
	cr_assert(says(killed.found.detail, "the WAL was damaged"), "%s",
	    killed.found.detail);
	cr_assert_str_eq(killed.found.reason, "looked at");
}
