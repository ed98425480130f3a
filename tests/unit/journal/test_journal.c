/* The journal's life: what was committed is there again, and what doesn't fit is refused. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

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

#define OK(call)                                                 \
	do {                                                     \
		enum gk_rc rc_ = (call);                         \
		cr_assert(rc_ == GK_OK, "%s", the_log.err.text); \
	} while (0)

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
}
