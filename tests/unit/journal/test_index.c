/* The search index: whatever state it is in, a search gives what it would give without. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/index.h"
#include "log.h"

enum { WIDTH = 256, EVENTS = 5 * WIDTH + 100, QUERIES = 60 };

static struct log the_log;
static struct journal_reader *plain, *indexed, *follower;
static struct journal_index *the_index;
static uint64_t random_state;

static uint32_t
below(uint32_t n)
{
	random_state =
	    random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static const char *
name_of(char room[32], const char *prefix, uint32_t n)
{
	(void)snprintf(room, 32, "%s%u", prefix, n);
	return room;
}

/* Events whose values are rare, usual, and everywhere. */
static void
fill(uint64_t count)
{
	char run[32], tenant[32], actor_id[32], action[32], key[32], reason[32],
	    approval[32];
	struct actor actor = {.type = "user", .id = actor_id};

	for (uint64_t i = 0; i < count; i++) {
		uint64_t seq = journal_next_seq(the_log.journal);
		struct event event = log_event(&the_log, seq);

		if (seq > 0) {
			event.run_id = name_of(run, "run_", below(200));
			event.tenant_id = name_of(tenant, "t_", below(8));
			(void)name_of(actor_id, "u_", below(50));
			event.actor = &actor;
			event.action = name_of(action, "tool.a", below(12));
			event.action_key = name_of(key, "ak1_", below(1000));
			event.reason = name_of(reason, "r_", below(20));
			event.layer = (int)(LAYER_NONE + below(LAYER_COUNT));
			if (event.kind == EVENT_DECISION) {
				event.decision = (int)below(DECISION_COUNT);
			}
			if (below(300) == 0) {
				event.approval_id =
				    name_of(approval, "apr_", (uint32_t)seq);
			}
		}
		OK(log_add_event(&the_log, &event, NULL, 0));
		if (i % 50 == 49 || i + 1 == count) {
			OK(journal_commit(the_log.journal, &the_log.err));
		}
	}
}

/* The gate's way to say it, simple enough for these events. */
static int64_t
run_id_of(const char *bytes, size_t n)
{
	const char *at = memmem(bytes, n, "\"run_id\":\"", 10), *end;
	char id[64];

	if (at == NULL) {
		return 0;
	}
	end = strchr(at + 10, '"');
	(void)snprintf(id, sizeof(id), "%.*s", (int)(end - at - 10), at + 10);
	return event_column_hash(id, NULL);
}

static void
open_index(void)
{
	const struct journal_index_options options = {
	    .data_dir = the_log.dir, .width = WIDTH, .run_id = run_id_of};

	OK(journal_index_open(&options, &the_index, &the_log.err));
	OK(journal_reader_use(indexed, the_index, &the_log.err));
}

static void
close_index(void)
{
	OK(journal_reader_use(indexed, NULL, &the_log.err));
	journal_index_close(the_index);
	the_index = NULL;
}

static void
follow(void)
{
	bool more = true;

	while (more) {
		OK(journal_index_follow(
		    the_index, follower, &more, &the_log.err));
	}
}

static struct journal_index_state
state(void)
{
	struct journal_index_state state;

	journal_index_state(the_index, &state);
	return state;
}

static void
setup(void)
{
	random_state = 1;
	log_init(&the_log);
	OK(log_open(&the_log));
	fill(EVENTS);
	OK(journal_reader_open(the_log.dir, &plain, &the_log.err));
	OK(journal_reader_open(the_log.dir, &indexed, &the_log.err));
	OK(journal_reader_open(the_log.dir, &follower, &the_log.err));
	open_index();
}

static void
teardown(void)
{
	if (the_index != NULL) {
		close_index();
	}
	journal_reader_close(plain);
	journal_reader_close(indexed);
	journal_reader_close(follower);
	log_done(&the_log);
}

TestSuite(index, .init = setup, .fini = teardown);

/* What a search gave. */
struct given {
	uint64_t seqs[1000];
	size_t count;
	uint64_t next;
	bool more;
	int64_t run_id; /* what the caller checks in the bytes */
};

static enum gk_rc
take(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct given *given = ctx;

	(void)leaf;
	(void)stop;
	(void)err;
	if (given->run_id == 0 || given->run_id == run_id_of(bytes, n)) {
		given->seqs[given->count++] = seq;
	}
	return GK_OK;
}

/* All pages together. */
static void
search(struct journal_reader *reader, struct journal_query query,
    struct given *ret)
{
	ret->count = 0;
	ret->run_id = query.run_id;
	do {
		OK(journal_search(reader, &query, take, ret, &ret->next,
		    &ret->more, &the_log.err));
		query.from_seq = ret->next;
	} while (ret->more && ret->count < 900);
}

/* One to three filters, a time now and then, any order, pages of any size. */
static struct journal_query
some_query(void)
{
	char text[32];
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = 5 + below(40)};

	for (uint32_t i = 0, count = 1 + below(3); i < count; i++) {
		switch (below(10)) {
		case 0:
			query.run_id = event_column_hash(
			    name_of(text, "run_", below(210)), NULL);
			break;
		case 1:
			query.columns.tenant = event_column_hash(
			    name_of(text, "t_", below(9)), NULL);
			break;
		case 2:
			query.columns.actor = event_column_hash(
			    name_of(text, "u_", below(51)), NULL);
			for (uint32_t k = below(4); k > 0; k--) {
				query.also.actor[k - 1] = event_column_hash(
				    name_of(text, "u_", below(51)), NULL);
			}
			break;
		case 3:
			query.columns.action = event_column_hash(
			    name_of(text, "tool.a", below(13)), NULL);
			break;
		case 4:
			query.columns.action_key = event_column_hash(
			    name_of(text, "ak1_", below(1000)), NULL);
			for (uint32_t k = below(JOURNAL_ALSO_MAX + 1); k > 0;
			     k--) {
				query.also.action_key[k - 1] =
				    event_column_hash(
					name_of(text, "ak1_", below(1000)),
					NULL);
			}
			break;
		case 5:
			query.columns.reason = event_column_hash(
			    name_of(text, "r_", below(21)), NULL);
			break;
		case 6:
			query.kind = (int)below(EVENT_KIND_COUNT);
			break;
		case 7:
			query.decision = (int)below(DECISION_COUNT);
			break;
		case 8:
			query.layer = (int)below(LAYER_COUNT);
			break;
		default:
			query.scope = (int)below(SCOPE_COUNT);
			break;
		}
	}
	if (below(3) == 0) {
		query.since_us = LOG_EPOCH_US + below(EVENTS) * 1000;
		query.until_us = query.since_us + below(EVENTS) * 1000;
	}
	query.newest_first = below(2) == 0;
	query.from_seq = query.newest_first ? UINT64_MAX : 0;
	return query;
}

/* Searches with the index give what searches without give. */
static void
check_searches(const char *when)
{
	static struct given want, got;
	size_t found = 0;

	for (int i = 0; i < QUERIES; i++) {
		struct journal_query query = some_query();

		search(plain, query, &want);
		search(indexed, query, &got);
		cr_assert(want.count == got.count, "%s: query %d: %zu, not %zu",
		    when, i, got.count, want.count);
		cr_assert(memcmp(want.seqs, got.seqs,
			      want.count * sizeof(want.seqs[0])) == 0,
		    "%s: query %d", when, i);
		cr_assert(want.more == got.more);
		found += got.count > 0;
	}
	cr_assert(found > QUERIES / 4, "%s: the queries find nothing", when);
}

Test(index, searches_are_the_same_at_every_stage_of_its_growth)
{
	check_searches("before it knows anything");
	follow();
	cr_assert(state().known == EVENTS && state().rebuilt == 0);
	cr_assert(state().bytes > 0 && state().bytes % SEGMENT_PAGE == 0);
	check_searches("all known");
	fill(90);
	check_searches("ninety behind");
	fill(WIDTH * 2);
	check_searches("two blocks behind");
	follow();
	cr_assert(state().known == EVENTS + 90 + WIDTH * 2);
	check_searches("all known again");
}

Test(index, a_start_takes_it_as_it_is)
{
	uint64_t bytes;

	follow();
	bytes = state().bytes;
	close_index();
	open_index();
	cr_assert(state().known == 0);
	check_searches("just opened");
	follow();
	cr_assert(state().known == EVENTS && state().bytes == bytes);
	cr_assert(state().rebuilt == 0);
	check_searches("opened again");
}

Test(index, a_rare_value_is_found_without_looking_at_every_event)
{
	struct journal_query query = {.kind = EVENT_GENESIS,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .newest_first = true,
	    .from_seq = UINT64_MAX,
	    .limit = 10,
	    .scan_limit = 3};
	struct given given = {.count = 0};

	OK(journal_search(indexed, &query, take, &given, &given.next,
	    &given.more, &the_log.err));
	cr_assert(given.count == 0 && given.more, "it is the oldest event");
	follow();
	OK(journal_search(indexed, &query, take, &given, &given.next,
	    &given.more, &the_log.err));
	cr_assert(given.count == 1 && given.seqs[0] == 0 && !given.more);
}

static void
flip(int fd, off_t at)
{
	uint8_t byte;

	cr_assert(pread(fd, &byte, 1, at) == 1);
	byte ^= 0x20;
	cr_assert(pwrite(fd, &byte, 1, at) == 1);
}

Test(index, damage_is_noticed_when_it_is_read_and_built_again)
{
	char path[256];
	uint64_t bytes;
	int fd;

	follow();
	bytes = state().bytes;
	log_path(&the_log, INDEX_FILE, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert(fd >= 0);
	for (off_t at = 100; at < (off_t)bytes; at += SEGMENT_PAGE) {
		flip(fd, at);
	}
	check_searches("a bit in each page is another");
	follow();
	cr_assert(state().rebuilt >= 1 && state().known == EVENTS);
	check_searches("built again");
	cr_assert(ftruncate(fd, (off_t)bytes / 2) == 0);
	check_searches("half of it is gone");
	follow();
	cr_assert(state().known == EVENTS);
	check_searches("built again from half");
	(void)close(fd);
}

Test(index, damage_that_a_start_finds)
{
	static const char noise[] = "this is no index";
	char path[256];
	int fd;

	follow();
	log_path(&the_log, INDEX_FILE, path);
	for (int what = 0; what < 4; what++) {
		close_index();
		fd = open(path, O_RDWR | O_CLOEXEC);
		cr_assert(fd >= 0);
		switch (what) {
		case 0: /* gone */
			cr_assert(unlink(path) == 0);
			break;
		case 1:
			cr_assert(ftruncate(fd, 3 * SEGMENT_PAGE + 5) == 0);
			break;
		case 2:
			cr_assert(pwrite(fd, noise, sizeof(noise), 0) > 0);
			break;
		default: /* something behind the last segment */
			cr_assert(lseek(fd, 0, SEEK_END) > 0 &&
				  write(fd, noise, sizeof(noise)) > 0);
			break;
		}
		(void)close(fd);
		open_index();
		follow();
		cr_assert(state().known == EVENTS);
		cr_assert(state().rebuilt == (what > 0), "%d", what);
		check_searches("after a start");
	}
}

Test(index, another_logs_index_is_not_believed)
{
	static struct log other;
	char from[256], to[256];
	uint64_t bytes;

	follow();
	bytes = state().bytes;
	close_index();
	other = the_log;
	log_init(&the_log);
	OK(log_open(&the_log));
	random_state = 99;
	fill(EVENTS);
	journal_reader_close(plain);
	journal_reader_close(indexed);
	journal_reader_close(follower);
	OK(journal_reader_open(the_log.dir, &plain, &the_log.err));
	OK(journal_reader_open(the_log.dir, &indexed, &the_log.err));
	OK(journal_reader_open(the_log.dir, &follower, &the_log.err));
	log_path(&other, INDEX_FILE, from);
	log_path(&the_log, INDEX_FILE, to);
	cr_assert(rename(from, to) == 0);
	open_index();
	follow();
	cr_assert(state().rebuilt == 1 && state().known == EVENTS);
	cr_assert(state().bytes != bytes || bytes > 0);
	check_searches("in another log's folder");
	log_done(&other);
}

Test(index, blocks_that_were_let_go_give_their_pages_back)
{
	char path[256];
	struct stat before, after;

	follow();
	log_path(&the_log, INDEX_FILE, path);
	cr_assert(stat(path, &before) == 0);
	log_sql(&the_log, "DELETE FROM body WHERE seq < 700");
	check_searches("bodies are gone");
	follow();
	cr_assert(stat(path, &after) == 0);
	cr_assert(after.st_size == before.st_size);
	cr_assert(after.st_blocks < before.st_blocks, "nothing was given back");
	check_searches("two blocks were given back");
	cr_assert(state().rebuilt == 0);
	close_index();
	open_index();
	follow();
	check_searches("after a start");
	cr_assert(state().rebuilt == 0 && state().known == EVENTS);
	close_index();
	cr_assert(unlink(path) == 0);
	open_index();
	follow();
	cr_assert(state().known == EVENTS);
	check_searches("built from what is left");
}

Test(index, a_disk_that_is_full_costs_speed_and_no_answer)
{
	struct rlimit no_more = {8 * SEGMENT_PAGE, RLIM_INFINITY};
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	bool more = true;
	enum gk_rc rc = GK_OK;

	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert(setrlimit(RLIMIT_FSIZE, &no_more) == 0);
	while (rc == GK_OK && more) {
		rc = journal_index_follow(
		    the_index, follower, &more, &the_log.err);
	}
	cr_assert(rc == GK_E_IO, "%d", rc);
	check_searches("the disk is full");
	cr_assert(journal_index_follow(
		      the_index, follower, &more, &the_log.err) == GK_E_IO);
	cr_assert(setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
	follow();
	cr_assert(state().known == EVENTS);
	check_searches("there is space again");
}
