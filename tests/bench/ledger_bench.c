/* How much memory and time the ledger takes: N runs of ten events each, then what is left resident. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "codec/digest.h"
#include "ledger/ledger.h"

struct bench {
	struct ledger *ledger;
	struct id_key id_key;
	int64_t now_us;
	struct gk_arena arena;
	uint64_t events;
	size_t live; /* runs at once */
};

static void
fail(const char *what, const struct gk_err *err)
{
	(void)fprintf(stderr, "%s: %s: %s\n", what, err->where, err->text);
	exit(EXIT_FAILURE);
}

static void
apply(struct bench *bench, struct settlement *settlement)
{
	struct gk_err err = {.rc = GK_OK};

	for (size_t i = 0; i < settlement->event_count; i++) {
		if (ledger_apply(bench->ledger, &settlement->events[i], &err) !=
		    GK_OK) {
			fail("apply", &err);
		}
		bench->events++;
	}
	gk_arena_clear(&bench->arena);
}

static struct settle_at
at_now(struct bench *bench)
{
	bench->now_us += 50;
	return (struct settle_at){.seq = ledger_next_seq(bench->ledger),
	    .now_us = bench->now_us,
	    .run_is_new = true};
}

static void
make_agent(struct bench *bench)
{
	const char *can[] = {"agent"}, *tenants[] = {"*"};
	struct identity agent = {.id = "agent",
	    .kind = IDENTITY_AGENT,
	    .can = can,
	    .can_count = 1,
	    .tenants = tenants,
	    .tenant_count = 1};
	struct settle_at at = at_now(bench);
	struct settlement s;

	if (ledger_settle_identity(bench->ledger, &at, "bench", CHANGE_CREATED,
		&agent, &bench->arena, &s, NULL) != GK_OK) {
		exit(EXIT_FAILURE);
	}
	apply(bench, &s);
}

/* One allowed step under a rate, a maximum and a budget; gives its event's seq. */
static uint64_t
step(struct bench *bench, uint64_t run, int n)
{
	char run_id[32], step_id[16], tenant[16];
	struct limit_finding limits[] = {{.rule = "rate",
					     .kind = LIMIT_RATE,
					     .per = SCOPE_TENANT,
					     .interval_ns = 1000,
					     .burst = 1000000},
	    {.rule = "steps",
		.kind = LIMIT_MAX,
		.per = SCOPE_RUN,
		.subject = "",
		.max = 200}};
	struct budget_finding budget = {.rule = "spend",
	    .per = SCOPE_TENANT,
	    .unit = "usd",
	    .every = WINDOW_DAY,
	    .amount_micros = INT64_MAX / 4,
	    .cost_micros = 20};
	struct findings found = {.access = ACCESS_PASSES,
	    .access_rule = "r",
	    .access_reason = "allowed",
	    .limits = limits,
	    .limit_count = 2,
	    .budgets = &budget,
	    .budget_count = 1,
	    .result_within_us = GK_US_PER_HOUR,
	    .allow_valid_us = GK_US_PER_MIN,
	    .policy = "sha256:p"};
	struct decision_request request = {
	    .run_id = run_id, .step_id = step_id, .action = "a"};
	struct decision_ask ask = {.request = &request,
	    .caller = ledger_identity_at(bench->ledger, 0),
	    .tenant = tenant,
	    .action_key = "ak1_k",
	    .args_hash = "h1_h",
	    .findings = &found};
	struct settle_at at = at_now(bench);
	struct gk_err err = {.rc = GK_OK};
	struct settlement s;

	(void)snprintf(run_id, sizeof(run_id), "run_%" PRIu64, run);
	(void)snprintf(step_id, sizeof(step_id), "%d", n);
	(void)snprintf(tenant, sizeof(tenant), "t_%" PRIu64, run % 300);
	limits[0].subject = budget.subject = tenant;
	if (ledger_settle_decision(
		bench->ledger, &at, &ask, &bench->arena, &s, &err) != GK_OK ||
	    s.outcome != SETTLE_EVENTS) {
		fail("settle", &err);
	}
	apply(bench, &s);
	return at.seq;
}

static void
result(struct bench *bench, uint64_t run, int n, uint64_t seq)
{
	char run_id[32], step_id[16], tenant[16];
	struct event decision = {.kind = EVENT_DECISION,
	    .seq = seq,
	    .agent_id = "agent",
	    .run_id = run_id,
	    .step_id = step_id,
	    .tenant_id = tenant};
	struct event_result what = {.status = RESULT_OK, .digest = "d"};
	struct result_report report = {.decision_seq = seq,
	    .decision = &decision,
	    .caller = ledger_identity_at(bench->ledger, 0),
	    .result = &what};
	struct settle_at at = at_now(bench);
	struct gk_err err = {.rc = GK_OK};
	struct settlement s;

	(void)snprintf(run_id, sizeof(run_id), "run_%" PRIu64, run);
	(void)snprintf(step_id, sizeof(step_id), "%d", n);
	(void)snprintf(tenant, sizeof(tenant), "t_%" PRIu64, run % 300);
	if (ledger_settle_result(bench->ledger, &at, &report, &bench->arena, &s,
		&err) != GK_OK ||
	    s.outcome != SETTLE_EVENTS) {
		fail("result", &err);
	}
	apply(bench, &s);
}

static void
end(struct bench *bench, uint64_t run)
{
	char run_id[32], tenant[16];
	struct settle_at at = at_now(bench);
	struct settlement s;

	(void)snprintf(run_id, sizeof(run_id), "run_%" PRIu64, run);
	(void)snprintf(tenant, sizeof(tenant), "t_%" PRIu64, run % 300);
	if (ledger_settle_run_end(bench->ledger, &at,
		ledger_identity_at(bench->ledger, 0), tenant, run_id,
		&bench->arena, &s, NULL) != GK_OK ||
	    s.outcome != SETTLE_EVENTS) {
		exit(EXIT_FAILURE);
	}
	apply(bench, &s);
}

static double
seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Resident memory in KiB, from /proc/self/statm. */
static long
resident_kib(void)
{
	long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%ld %ld", &total, &pages) != 2) {
			pages = 0;
		}
		(void)fclose(f);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
play(struct bench *bench, uint64_t runs)
{
	/* as many runs as `live` are open at once; each: five steps, four results, the end */
	for (uint64_t i = 0; i < runs + bench->live; i++) {
		if (i < runs) {
			for (int n = 0; n < 4; n++) {
				result(bench, i, n, step(bench, i, n));
			}
		}
		if (i >= bench->live) {
			uint64_t run = i - bench->live;

			result(bench, run, 4, step(bench, run, 4));
			end(bench, run);
		}
	}
}

int
main(int argc, char **argv)
{
	struct bench bench = {.now_us = INT64_C(1795000000) * GK_US_PER_S,
	    .arena = GK_ARENA_INIT(1 << 20)};
	struct ledger_limits limits = {
	    .run_idle_us = GK_US_PER_DAY, .runs_per_identity = SIZE_MAX};
	struct ledger_stats stats;
	uint64_t runs = 0;
	double began;

	for (const char *c = argc > 1 ? argv[1] : "1000000";
	     *c >= '0' && *c <= '9'; c++) {
		runs = runs * 10 + (uint64_t)(*c - '0');
	}
	bench.live = 1000;
	if (digest_init(NULL) != GK_OK ||
	    ledger_new(&bench.id_key, &limits, &bench.ledger, NULL) != GK_OK) {
		return EXIT_FAILURE;
	}
	make_agent(&bench);
	began = seconds();
	play(&bench, runs);
	ledger_stats(bench.ledger, &stats);
	(void)printf(
	    "%" PRIu64 " events over %" PRIu64
	    " runs, %zu open at once: %.0f ns an event, %ld KiB resident, "
	    "%zu runs and %zu counters left in memory\n",
	    bench.events, runs, bench.live,
	    (seconds() - began) * 1e9 / (double)bench.events, resident_kib(),
	    stats.runs, stats.limits + stats.budgets);
	ledger_free(bench.ledger);
	gk_arena_done(&bench.arena);
	return EXIT_SUCCESS;
}
