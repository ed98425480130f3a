/* Searches: each filter, both orders, where they stop and where they go on. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/journal_internal.h"
#include "log.h"

enum { EVENTS = 401 };

static struct log the_log;
static struct journal_reader *reader;

static void
setup(void)
{
	log_init(&the_log);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, EVENTS, 50));
	OK(journal_reader_open(the_log.dir, &reader, &the_log.err));
}

static void
teardown(void)
{
	journal_reader_close(reader);
	log_done(&the_log);
}

TestSuite(scan, .init = setup, .fini = teardown);

/* What a search gave. */
struct given {
	uint64_t seqs[EVENTS];
	size_t count;
	size_t stop_at; /* 0: never */
	uint64_t next;
	bool more;
};

static enum gk_rc
take(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct given *given = ctx;
	struct digest want;

	(void)err;
	merkle_leaf(bytes, n, &want);
	cr_assert(memcmp(&want, leaf, sizeof(want)) == 0);
	cr_assert(given->count < EVENTS);
	given->seqs[given->count++] = seq;
	*stop = given->count == given->stop_at;
	return GK_OK;
}

static struct journal_query
any(void)
{
	return (struct journal_query){.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = 1000};
}

static void
search(const struct journal_query *query, struct given *ret)
{
	ret->count = 0;
	OK(journal_search(
	    reader, query, take, ret, &ret->next, &ret->more, &the_log.err));
}

Test(scan, everything_in_both_orders)
{
	struct journal_query query = any();
	struct given given = {.count = 0};

	search(&query, &given);
	cr_assert(given.count == EVENTS && !given.more);
	cr_assert(given.next == EVENTS, "where the log will grow");
	cr_assert(given.seqs[0] == 0 && given.seqs[EVENTS - 1] == EVENTS - 1);
	query.newest_first = true;
	query.from_seq = UINT64_MAX;
	search(&query, &given);
	cr_assert(given.count == EVENTS && !given.more);
	cr_assert(given.seqs[0] == EVENTS - 1 && given.seqs[EVENTS - 1] == 0);
}

/* All matches, in pages of seven, must be those that a walk finds. */
static void
check_pages(struct journal_query query, size_t want)
{
	struct given given = {.count = 0};
	size_t total = 0;
	uint64_t last = 0;

	query.limit = 7;
	for (int order = 0; order < 2; order++) {
		query.newest_first = order == 1;
		query.from_seq = order == 1 ? UINT64_MAX : 0;
		total = 0;
		do {
			search(&query, &given);
			for (size_t i = 0; i < given.count; i++) {
				cr_assert(
				    total + i == 0 ||
				    (order == 1) == (given.seqs[i] < last));
				last = given.seqs[i];
			}
			total += given.count;
			query.from_seq = given.next;
		} while (given.more);
		cr_assert(total == want, "%zu, not %zu", total, want);
	}
}

Test(scan, by_each_column)
{
	struct journal_query query = any();

	query.columns.tenant = event_column_hash("t_42", NULL);
	check_pages(query, 200);
	query = any();
	query.columns.agent = event_column_hash("support-agent", NULL);
	check_pages(query, 400);
	query.columns.agent = event_column_hash("nobody", NULL);
	check_pages(query, 0);
	query = any();
	query.columns.actor = event_column_hash("u_7", NULL);
	check_pages(query, 400);
	query = any();
	query.columns.action = event_column_hash("refund.create", NULL);
	check_pages(query, 400);
	query = any();
	query.columns.action_key =
	    event_column_hash("ak1_0123456789abcdefghijkl", NULL);
	check_pages(query, 400);
	query = any();
	query.columns.reason = event_column_hash("allowed", NULL);
	check_pages(query, 400);
	query = any();
	query.columns.approval = event_column_hash("apr_1", NULL);
	check_pages(query, 0);
}

Test(scan, by_each_word)
{
	struct journal_query query = any();

	query.kind = EVENT_RESULT;
	check_pages(query, 200);
	query = any();
	query.kind = EVENT_GENESIS;
	check_pages(query, 1);
	query = any();
	query.decision = DECISION_ALLOW;
	check_pages(query, 400);
	query.decision = DECISION_STOP;
	check_pages(query, 0);
	query = any();
	query.layer = LAYER_ACCESS;
	check_pages(query, 400);
	query = any();
	query.scope = SCOPE_TENANT;
	query.kind = EVENT_DECISION;
	check_pages(query, 200);
}

Test(scan, by_run_through_the_index)
{
	struct journal_query query = any();
	bool has;

	/* run_3 holds the allows 61, 63 … 79 of t_42 and t_43, and their results */
	query.columns.run = event_column_hash("t_42", "run_3");
	check_pages(query, 10);
	query.kind = EVENT_RESULT;
	check_pages(query, 5);
	OK(journal_has_run(reader, query.columns.run, &has, &the_log.err));
	cr_assert(has);
	query.columns.run = event_column_hash("t_42", "run_999");
	check_pages(query, 0);
	OK(journal_has_run(reader, query.columns.run, &has, &the_log.err));
	cr_assert(!has);
}

Test(scan, by_time)
{
	struct journal_query query = any();

	query.since_us = LOG_EPOCH_US + 100 * 1000;
	check_pages(query, 301);
	query.until_us = LOG_EPOCH_US + 200 * 1000;
	check_pages(query, 100);
	query.since_us = LOG_EPOCH_US + 200 * 1000;
	check_pages(query, 0);
	query.since_us = LOG_EPOCH_US + 1;
	query.until_us = LOG_EPOCH_US + 1001;
	check_pages(query, 1);
	query.since_us = LOG_EPOCH_US + 900 * 1000;
	query.until_us = 0;
	check_pages(query, 0);
}

Test(scan, a_scan_limit_ends_it_early_and_tells_where)
{
	struct journal_query query = any();
	struct given given = {.count = 0};

	query.kind = EVENT_GENESIS;
	query.from_seq = 1;
	query.scan_limit = 100;
	search(&query, &given);
	cr_assert(given.count == 0 && given.more && given.next == 101);
	query.newest_first = true;
	query.from_seq = given.next;
	query.scan_limit = 102;
	search(&query, &given);
	cr_assert(given.count == 1 && !given.more);
}

Test(scan, whoever_takes_may_stop)
{
	struct journal_query query = any();
	struct given given = {.stop_at = 5};

	search(&query, &given);
	cr_assert(given.count == 5 && given.more && given.next == 5);
}

Test(scan, no_more_than_a_thousand_at_once_and_none_beyond_the_end)
{
	struct journal_query query = any();
	struct given given = {.count = 0};

	query.limit = 0;
	search(&query, &given);
	cr_assert(given.count == 0 && given.more && given.next == 0);
	query.limit = SIZE_MAX;
	query.from_seq = EVENTS + 50;
	search(&query, &given);
	cr_assert(given.count == 0 && !given.more);
	cr_assert(given.next == EVENTS + 50);
}

static enum gk_rc
fail_at_once(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	(void)ctx;
	(void)seq;
	(void)bytes;
	(void)n;
	(void)leaf;
	(void)stop;
	return GK_FAIL(err, GK_E_LIMIT, "enough");
}

Test(scan, an_error_of_the_taker_is_passed_on_and_leaves_the_reader_usable)
{
	struct journal_query query = any();
	struct given given = {.count = 0};

	cr_assert(journal_search(reader, &query, fail_at_once, NULL,
		      &given.next, &given.more, &the_log.err) == GK_E_LIMIT);
	search(&query, &given);
	cr_assert(given.count == EVENTS);
}
