/* How many events a second, and how many bytes for each: journal_bench DIR [EVENTS [BATCH [RUN_LENGTH]]]. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/journal.h"
#include "shim.h"

#define POLICY                                                                \
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852" \
	"b855"

enum { LIVE_RUNS = 64 };

struct bench {
	struct journal *journal;
	uint64_t events, batch, run_length;
	uint64_t bytes; /* of events */
	int64_t worst_us;
};

static int64_t
now_us(void)
{
	return gk_clock_system.boot_us(NULL);
}

static const char *
name_of(char room[32], const char *prefix, uint64_t n)
{
	(void)snprintf(room, 32, "%s%016" PRIx64, prefix,
	    n * UINT64_C(0x9e3779b97f4a7c15));
	return room;
}

/* An event as the gate makes them, about 700 bytes; LIVE_RUNS runs go on at once. */
static enum gk_rc
add(struct bench *bench, uint64_t i, struct gk_buf *buf, struct gk_err *err)
{
	static const char hash[] =
	    "h1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
	char run[32], step[32], id[32];
	struct actor actor = {.type = "user", .id = "u_7"};
	uint64_t lane = i % LIVE_RUNS;
	uint64_t round = i / (LIVE_RUNS * bench->run_length);
	struct event event = {.seq = journal_next_seq(bench->journal),
	    .kind = EVENT_DECISION,
	    .caller = "agent-7",
	    .agent_id = "support-agent",
	    .actor = &actor,
	    .tenant_id = "t_42",
	    .step_id = name_of(step, "s", i),
	    .run_id = name_of(run, "run_", round * LIVE_RUNS + lane),
	    .action = "refund.create",
	    .action_key = "ak1_0123456789abcdefghijkl",
	    .args_hash = hash,
	    .context_hash = hash,
	    .has_decision = true,
	    .decision = DECISION_ALLOW,
	    .decision_id = name_of(id, "dec_", i),
	    .layer = LAYER_ACCESS,
	    .scope = SCOPE_TENANT,
	    .reason = "allowed_by_rule",
	    .rule = "refunds-below-fifty",
	    .policy = POLICY};
	struct digest leaf;

	event.timestamp_us = INT64_C(1767225600000000) + (int64_t)event.seq;
	event.asked_at_us = event.timestamp_us;
	digest_random(event.nonce, sizeof(event.nonce));
	gk_buf_clear(buf);
	GK_TRY(event_encode(&event, buf, err));
	bench->bytes += buf->len;
	return journal_append(
	    bench->journal, &event, buf->bytes, buf->len, NULL, 0, &leaf, err);
}

/* What a log begins with, so that it can be verified. */
static enum gk_rc
begin(struct bench *bench, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct event event = {.kind = EVENT_GENESIS,
	    .timestamp_us = INT64_C(1767225600000000),
	    .nonce = {1}};
	struct digest leaf;

	GK_TRY(event_encode(&event, &buf, err));
	GK_TRY(journal_append(
	    bench->journal, &event, buf.bytes, buf.len, NULL, 0, &leaf, err));
	GK_TRY(journal_keep_policy(bench->journal, POLICY, "-", 1, err));
	return journal_commit(bench->journal, err);
}

static enum gk_rc
run(struct bench *bench, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_BYTES_MAX);

	for (uint64_t i = 0; i < bench->events;) {
		int64_t begun = now_us(), took;

		for (uint64_t k = 0; k < bench->batch && i < bench->events;
		     k++, i++) {
			GK_TRY(add(bench, i, &buf, err));
		}
		GK_TRY(journal_commit(bench->journal, err));
		GK_TRY(journal_tidy(bench->journal, err));
		took = now_us() - begun;
		bench->worst_us =
		    took > bench->worst_us ? took : bench->worst_us;
	}
	return GK_OK;
}

static double
per(uint64_t what, uint64_t events)
{
	return (double)what / (double)events;
}

static void
report(const struct bench *bench, const char *dir, double seconds)
{
	char path[512];
	struct stat st = {.st_size = 0};
	struct journal_counters counters;
	uint64_t n = bench->events;

	journal_counters(bench->journal, &counters);
	(void)snprintf(path, sizeof(path), "%s/journal.db", dir);
	(void)stat(path, &st);
	printf("%" PRIu64 " events in batches of %" PRIu64 ", runs of %" PRIu64
	       " events\n",
	    n, bench->batch, bench->run_length);
	printf("%.0f events/s, %.2f ms the slowest batch\n",
	    (double)n / seconds, (double)bench->worst_us / 1000.0);
	printf("%.0f bytes/event, %.0f in the database, %.0f written to the "
	       "WAL, %.0f to the database\n",
	    per(bench->bytes, n), per((uint64_t)st.st_size, n),
	    per(shim.wal_bytes, n), per(shim.db_bytes, n));
	printf("%" PRIu64 " commits, %" PRIu64 " fdatasyncs of SQLite, %" PRIu64
	       " writes\n",
	    counters.commits, shim.syncs, shim.writes);
}

static int
verify(const char *dir)
{
	const struct journal_verify_options options = {.data_dir = dir};
	struct journal_verify_report report;
	struct gk_err err;
	int64_t begun = now_us();
	double seconds;

	if (journal_verify(&options, &report, &err) != GK_OK ||
	    report.verdict != VERIFY_OK) {
		fprintf(stderr, "not verified: %s: %s\n", report.where,
		    report.text);
		return 1;
	}
	seconds = (double)(now_us() - begun) / 1e6;
	printf("verified %" PRIu64 " events at %.0f events/s\n", report.size,
	    (double)report.size / seconds);
	return 0;
}

static uint64_t
number(int argc, char **argv, int at, uint64_t otherwise)
{
	uint64_t n = 0;

	if (at >= argc || sscanf(argv[at], "%" SCNu64, &n) != 1 || n == 0) {
		return otherwise;
	}
	return n;
}

int
main(int argc, char **argv)
{
	struct bench bench = {.events = number(argc, argv, 2, 100000),
	    .batch = number(argc, argv, 3, 32),
	    .run_length = number(argc, argv, 4, 20)};
	struct journal_options options = {.data_dir = argv[1]};
	struct journal_found found;
	struct gk_err err = {.rc = GK_OK};
	int64_t begun;
	enum gk_rc rc;

	if (argc < 2) {
		fprintf(stderr, "usage: %s DIR [EVENTS [BATCH [RUN_LENGTH]]]\n",
		    argv[0]);
		return 64;
	}
	shim_install();
	rc = digest_init(&err);
	begun = now_us();
	if (rc == GK_OK) {
		rc = journal_open(&options, &bench.journal, &found, &err);
	}
	if (rc == GK_OK) {
		printf("opened with %" PRIu64 " events in %.2f ms\n",
		    found.size, (double)(now_us() - begun) / 1000.0);
		rc = found.created ? begin(&bench, &err) : GK_OK;
	}
	if (rc == GK_OK) {
		begun = now_us();
		rc = run(&bench, &err);
	}
	if (rc != GK_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	report(&bench, argv[1], (double)(now_us() - begun) / 1e6);
	journal_close(bench.journal);
	return verify(argv[1]);
}
