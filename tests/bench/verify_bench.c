/* How many events a second `gatekeeper verify` checks: verify_bench DIR [EVENTS]; DIR is made where it isn't there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "gate/gate.h"
#include "journal/journal.h"

#define POLICY                                                                \
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852" \
	"b855"
#define EMPTY    "{\"files\":[]}"
#define EPOCH_US INT64_C(1767225600000000)

enum { LIVE_RUNS = 64, STEPS = 20, BATCH = 64 };

struct names {
	char run[32], step[32], id[32];
};

static const char *
name_of(char room[32], const char *prefix, uint64_t n)
{
	(void)snprintf(room, 32, "%s%016" PRIx64, prefix,
	    n * UINT64_C(0x9e3779b97f4a7c15));
	return room;
}

/* Event seq: an allow at odd numbers, its result behind it; LIVE_RUNS runs go on at once. */
static struct event
event_of(uint64_t seq, struct names *names)
{
	static const char hash[] =
	    "h1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
	static struct actor actor = {.type = "user", .id = "u_7"};
	static struct event_result result = {
	    .status = RESULT_OK, .digest = hash};
	uint64_t asked = seq - (seq % 2 == 0 ? 1 : 0), pair = asked / 2;
	uint64_t run =
	    pair / (LIVE_RUNS * STEPS) * LIVE_RUNS + pair % LIVE_RUNS;
	struct event event = {.seq = seq,
	    .kind = EVENT_DECISION,
	    .caller = "agent-7",
	    .agent_id = "support-agent",
	    .actor = &actor,
	    .tenant_id = "t_42",
	    .step_id = name_of(names->step, "s", pair),
	    .run_id = name_of(names->run, "run_", run),
	    .action = "refund.create",
	    .action_key = "ak1_0123456789abcdefghijkl",
	    .args_hash = hash,
	    .context_hash = hash,
	    .has_decision = true,
	    .decision = DECISION_ALLOW,
	    .decision_id = name_of(names->id, "dec_", pair),
	    .layer = LAYER_ACCESS,
	    .scope = SCOPE_TENANT,
	    .reason = "allowed_by_rule",
	    .rule = "refunds-below-fifty"};

	event.timestamp_us = EPOCH_US + (int64_t)seq;
	if (seq == asked) {
		event.policy = POLICY;
		event.asked_at_us = event.timestamp_us;
		event.result_by_us = event.timestamp_us + GK_US_PER_HOUR;
		return event;
	}
	event.kind = EVENT_RESULT;
	event.change = CHANGE_REPORTED;
	event.result = &result;
	event.has_of_seq = true;
	event.of_seq = asked;
	return event;
}

static enum gk_rc
append(struct journal *journal, struct event *event, struct gk_buf *buf,
    struct gk_err *err)
{
	struct digest leaf;

	digest_random(event->nonce, sizeof(event->nonce));
	gk_buf_clear(buf);
	GK_TRY(event_encode(event, buf, err));
	return journal_append(
	    journal, event, buf->bytes, buf->len, NULL, 0, &leaf, err);
}

static enum gk_rc
fill(struct journal *journal, uint64_t events, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct event first = {.kind = EVENT_GENESIS, .timestamp_us = EPOCH_US};
	struct names names;

	GK_TRY(append(journal, &first, &buf, err));
	GK_TRY(journal_keep_policy(
	    journal, POLICY, EMPTY, sizeof(EMPTY) - 1, err));
	for (uint64_t seq = 1; seq < events; seq++) {
		struct event event = event_of(seq, &names);

		GK_TRY(append(journal, &event, &buf, err));
		if (seq % BATCH == 0) {
			GK_TRY(journal_commit(journal, err));
			GK_TRY(journal_tidy(journal, err));
		}
	}
	return journal_commit(journal, err);
}

static enum gk_rc
make(const char *dir, uint64_t events, struct gk_err *err)
{
	const struct journal_options options = {
	    .data_dir = dir, .now_us = EPOCH_US};
	struct journal_found found;
	struct journal *journal;
	enum gk_rc rc;

	GK_TRY(journal_open(&options, &journal, &found, err));
	rc = found.created ? fill(journal, events, err) : GK_OK;
	journal_close(journal);
	return rc;
}

static enum gk_rc
measure(const char *dir, struct gk_err *err)
{
	const struct gate_verify_options options = {.data_dir = dir};
	struct gate_verify_report report;
	int64_t begun = gk_clock_system.boot_us(NULL);
	struct rusage usage;
	double seconds;

	GK_TRY(gate_verify(&options, &report, err));
	seconds = (double)(gk_clock_system.boot_us(NULL) - begun) / 1e6;
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("%s%.2f s, %ld MiB at most\n", gk_buf_text(&report.text),
	    seconds, usage.ru_maxrss / 1024);
	gk_buf_done(&report.text);
	gk_buf_done(&report.json);
	return GK_OK;
}

int
main(int argc, char **argv)
{
	struct gk_err err = {.rc = GK_OK};
	uint64_t events = 1000000;

	if (argc < 2 ||
	    (argc > 2 && sscanf(argv[2], "%" SCNu64, &events) != 1)) {
		(void)fprintf(stderr, "usage: verify_bench DIR [EVENTS]\n");
		return 64;
	}
	if (digest_init(&err) != GK_OK ||
	    make(argv[1], events, &err) != GK_OK ||
	    measure(argv[1], &err) != GK_OK) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return 0;
}
