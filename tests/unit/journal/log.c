/* A journal in a folder of its own, and events to put into it. */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "log.h"

void
log_init(struct log *log)
{
	memset(log, 0, sizeof(*log));
	GK_ASSERT(digest_init(NULL) == GK_OK);
	/* disk errors are injected, and thousands of syncs of a real one take minutes */
	(void)snprintf(log->dir, sizeof(log->dir), "%s/gk-journal-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	GK_ASSERT(mkdtemp(log->dir) != NULL);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void
log_done(struct log *log)
{
	log_close(log);
	(void)nftw(log->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum gk_rc
log_open(struct log *log)
{
	const struct journal_options options = {.data_dir = log->dir,
	    .origin = "test.example/log",
	    .now_us = LOG_EPOCH_US};

	return journal_open(&options, &log->journal, &log->found, &log->err);
}

void
log_close(struct log *log)
{
	journal_close(log->journal);
	log->journal = NULL;
}

struct event
log_event(const struct log *log, uint64_t seq)
{
	static char run[32], step[32], id[32];
	static struct actor actor = {.type = "user", .id = "u_7"};
	static struct event_process process;
	static struct event_result result = {.status = RESULT_OK};
	uint64_t decided = seq % 2 == 0 ? seq - 1 : seq;
	struct event event = {.seq = seq,
	    .timestamp_us = LOG_EPOCH_US + (int64_t)seq * 1000,
	    .kind = EVENT_DECISION,
	    .caller = "agent-7"};

	memset(event.nonce, 0x5a, sizeof(event.nonce));
	if (seq == 0) {
		event.kind = EVENT_GENESIS;
		process.version = "test";
		process.origin = journal_origin(log->journal);
		process.vkey = journal_vkey(log->journal);
		event.process = &process;
		return event;
	}
	(void)snprintf(run, sizeof(run), "run_%" PRIu64, decided / 20);
	(void)snprintf(step, sizeof(step), "%" PRIu64, decided);
	(void)snprintf(id, sizeof(id), "dec_%022" PRIu64, decided);
	event.agent_id = "support-agent";
	event.actor = &actor;
	event.tenant_id = decided % 4 == 1 ? "t_42" : "t_43";
	event.run_id = run;
	event.step_id = step;
	event.action = "refund.create";
	event.action_key = "ak1_0123456789abcdefghijkl";
	event.args_hash = "h1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
	event.context_hash = "h1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
	event.has_decision = true;
	event.decision = DECISION_ALLOW;
	event.decision_id = id;
	event.layer = LAYER_ACCESS;
	event.scope = SCOPE_TENANT;
	event.reason = "allowed";
	event.rule = "refunds-are-fine";
	if (seq != decided) {
		event.kind = EVENT_RESULT;
		event.change = CHANGE_REPORTED;
		event.result = &result;
		event.has_of_seq = true;
		event.of_seq = decided;
	}
	return event;
}

enum gk_rc
log_add_event(struct log *log, const struct event *event,
    const struct opening *openings, size_t count)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct digest leaf;

	GK_TRY(event_encode(event, &bytes, &log->err));
	return journal_append(log->journal, event, bytes.bytes, bytes.len,
	    openings, count, &leaf, &log->err);
}

enum gk_rc
log_add(struct log *log)
{
	struct event event = log_event(log, journal_next_seq(log->journal));

	return log_add_event(log, &event, NULL, 0);
}

enum gk_rc
log_fill(struct log *log, uint64_t count, uint64_t batch)
{
	for (uint64_t i = 0; i < count; i++) {
		GK_TRY(log_add(log));
		if ((i + 1) % batch == 0 || i + 1 == count) {
			GK_TRY(journal_commit(log->journal, &log->err));
			GK_TRY(journal_tidy(log->journal, &log->err));
		}
	}
	return GK_OK;
}

void
log_path(const struct log *log, const char *name, char ret[256])
{
	(void)snprintf(ret, 256, "%s/%s", log->dir, name);
}

bool
log_try_sql(const struct log *log, const char *sql, bool triggers)
{
	char path[256];
	sqlite3 *db;
	bool ok;

	log_path(log, "journal.db", path);
	GK_ASSERT(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
		  SQLITE_OK);
	GK_ASSERT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER,
		      triggers ? 1 : 0, NULL) == SQLITE_OK);
	ok = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	if (!ok && !triggers) {
		(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	}
	GK_ASSERT(sqlite3_close(db) == SQLITE_OK);
	return ok;
}

void
log_sql(const struct log *log, const char *sql)
{
	GK_ASSERT(log_try_sql(log, sql, false));
}

static const char *copy_from, *copy_to;

static int
copy_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char to[256];
	int in, out;
	ssize_t n;
	char part[4096];

	(void)at;
	(void)snprintf(
	    to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
	if (type == FTW_D) {
		(void)mkdir(to, 0700);
		return 0;
	}
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(
	    to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st->st_mode & 0777);
	GK_ASSERT(in >= 0 && out >= 0);
	while ((n = read(in, part, sizeof(part))) > 0) {
		GK_ASSERT(write(out, part, (size_t)n) == n);
	}
	(void)close(in);
	(void)close(out);
	return 0;
}

void
log_copy(const struct log *log, const char *to)
{
	copy_from = log->dir;
	copy_to = to;
	GK_ASSERT(nftw(log->dir, copy_one, 16, FTW_PHYS) == 0);
}

static const char *hold_text;
static bool hold_found;

static int
look_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	size_t n = strlen(hold_text);
	char *bytes;
	ssize_t got;
	int fd;

	(void)at;
	if (type != FTW_F) {
		return 0;
	}
	bytes = malloc((size_t)st->st_size + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	GK_ASSERT(bytes != NULL && fd >= 0);
	got = read(fd, bytes, (size_t)st->st_size);
	hold_found =
	    hold_found || (got >= (ssize_t)n &&
			      memmem(bytes, (size_t)got, hold_text, n) != NULL);
	(void)close(fd);
	free(bytes);
	return 0;
}

bool
log_holds(const struct log *log, const char *text)
{
	hold_text = text;
	hold_found = false;
	GK_ASSERT(nftw(log->dir, look_one, 16, FTW_PHYS) == 0);
	return hold_found;
}

struct search_count {
	size_t count;
	uint64_t first;
};

static enum gk_rc
count_one(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct search_count *search = ctx;

	(void)bytes;
	(void)n;
	(void)leaf;
	(void)err;
	*stop = false;
	if (search->count++ == 0) {
		search->first = seq;
	}
	return GK_OK;
}

size_t
log_search_count(
    struct log *log, const struct journal_query *query, uint64_t *ret_first)
{
	struct search_count search = {0, 0};
	uint64_t next;
	bool more;

	GK_ASSERT(journal_search(journal_reader(log->journal), query, count_one,
		      &search, &next, &more, &log->err) == GK_OK);
	*ret_first = search.first;
	return search.count;
}

struct journal_verify_report
log_verify(const struct log *log)
{
	const struct journal_verify_options options = {.data_dir = log->dir};
	struct journal_verify_report report;
	struct gk_err err = {.rc = GK_OK};

	if (journal_verify(&options, &report, &err) != GK_OK) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return report;
}
