/* Whatever write or sync fails: no crash, no lie, and everything that was answered is there afterwards. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal_internal.h"
#include "log.h"
#include "shim.h"

static struct log the_log;

static void
setup(void)
{
	shim_install();
	log_init(&the_log);
}

static void
teardown(void)
{
	shim_disarm();
	log_done(&the_log);
}

TestSuite(faults, .init = setup, .fini = teardown, .timeout = 300);

/*
 * A start and some batches with the n-th write or sync failing; the greatest
 * size that a commit has answered for, and whether anything failed at all.
 */
static uint64_t
live(uint64_t already, bool *ret_failed)
{
	uint64_t answered = already;

	*ret_failed = true;
	if (log_open(&the_log) != GK_OK) {
		return answered;
	}
	for (int batch = 0; batch < 3; batch++) {
		for (int i = 0; i < 60; i++) {
			if (log_add(&the_log) != GK_OK) {
				return answered;
			}
		}
		if (journal_commit(the_log.journal, &the_log.err) != GK_OK) {
			return answered;
		}
		answered = journal_next_seq(the_log.journal);
		if (journal_tidy(the_log.journal, &the_log.err) != GK_OK) {
			return answered;
		}
	}
	*ret_failed = false;
	return answered;
}

/* A broken journal says so to whoever asks again. */
static void
expect_broken(void)
{
	struct gk_err err;

	cr_assert(the_log.err.rc == GK_E_IO, "%d: %s", (int)the_log.err.rc,
	    the_log.err.text);
	if (the_log.journal != NULL) {
		enum gk_rc rc = journal_commit(the_log.journal, &err);

		cr_assert(rc == GK_E_IO || rc == GK_OK);
	}
}

/* After a device error a start refuses until an operator accepts what is there. */
static void
accept_what_is_there(uint64_t answered)
{
	uint64_t size = answered;
	enum gk_rc rc = GK_E_INVALID;

	if (log_open(&the_log) == GK_OK) {
		return;
	}
	cr_assert(the_log.err.rc == GK_E_IO, "%s", the_log.err.text);
	cr_assert(strstr(the_log.err.text, "recover") != NULL, "%s",
	    the_log.err.text);
	for (; rc == GK_E_INVALID && size <= answered + 60; size++) {
		rc = journal_recover(the_log.dir, size, NULL, &the_log.err);
	}
	cr_assert(rc == GK_OK, "%s", the_log.err.text);
	OK(log_open(&the_log));
}

static void
walk(enum shim_fault fault, bool sticky)
{
	bool failed = true;

	for (uint64_t n = 1; failed; n++) {
		uint64_t before = 0, answered;
		struct journal_verify_report report;

		cr_assert(n < 2000);
		log_done(&the_log);
		log_init(&the_log);
		OK(log_open(&the_log));
		OK(log_fill(&the_log, 230, 100));
		before = journal_next_seq(the_log.journal);
		log_close(&the_log);
		shim_arm(n, fault, sticky);
		answered = live(before, &failed);
		if (failed) {
			expect_broken();
		}
		log_close(&the_log); /* with the fault still there */
		failed = shim.fired;
		shim_disarm();
		accept_what_is_there(answered);
		cr_assert(the_log.found.size >= answered,
		    "fault %d at call %llu: answered for %llu, found %llu",
		    (int)fault, (unsigned long long)n,
		    (unsigned long long)answered,
		    (unsigned long long)the_log.found.size);
		log_close(&the_log);
		report = log_verify(&the_log);
		cr_assert(report.verdict == VERIFY_OK,
		    "fault %d at call %llu: %s: %s", (int)fault,
		    (unsigned long long)n, report.where, report.text);
	}
}

Test(faults, one_write_or_sync_fails_with_eio)
{
	walk(SHIM_EIO, false);
}

Test(faults, from_one_on_everything_fails_with_eio)
{
	walk(SHIM_EIO, true);
}

Test(faults, the_disk_is_full_for_a_moment)
{
	walk(SHIM_FULL, false);
}

Test(faults, the_disk_is_full_and_stays_so)
{
	walk(SHIM_FULL, true);
}

Test(faults, a_write_is_torn)
{
	walk(SHIM_TORN, true);
}

Test(faults, a_device_error_is_remembered_and_a_full_disk_is_not)
{
	char path[256];

	log_path(&the_log, "eio", path);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 10, 10));
	shim_arm(1, SHIM_FULL, true);
	OK(log_add(&the_log));
	cr_assert(journal_commit(the_log.journal, &the_log.err) == GK_E_IO);
	cr_assert(log_add(&the_log) == GK_E_IO);
	cr_assert(access(path, F_OK) != 0);
	log_close(&the_log);
	shim_disarm();
	OK(log_open(&the_log));
	shim_arm(1, SHIM_EIO, true);
	OK(log_add(&the_log));
	cr_assert(journal_commit(the_log.journal, &the_log.err) == GK_E_IO);
	cr_assert(access(path, F_OK) == 0);
	log_close(&the_log);
	shim_disarm();
	cr_assert(log_open(&the_log) == GK_E_IO);
	OK(journal_recover(the_log.dir, 10, NULL, &the_log.err));
	cr_assert(access(path, F_OK) != 0);
	OK(log_open(&the_log));
	cr_assert(strstr(the_log.found.detail, "after EIO") != NULL);
}
