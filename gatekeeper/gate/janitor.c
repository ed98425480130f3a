/* The janitor: comes by now and then, so that what time does is done even when nobody calls. */
#include <errno.h>
#include <time.h>

#include "gate/gate_internal.h"

enum { TICK_MS = 200, TICKS_PER_WATCH = 5 };

#define TICK_SLOW_US GK_US_PER_S

static void
stats(struct gate *gate)
{
	struct gate_metrics *metrics = &gate->metrics;
	struct ledger_stats stats;

	ledger_stats(gate->ledger, &stats);
	metrics_set(&metrics->runs, stats.runs);
	metrics_set(&metrics->steps, stats.steps);
	metrics_set(&metrics->open_results, stats.open_results);
	metrics_set(&metrics->approvals_pending, stats.approvals_pending);
	metrics_set(&metrics->switches, stats.switches);
	metrics_set(&metrics->identities, stats.identities);
	metrics_set(&metrics->seq, ledger_next_seq(gate->ledger));
}

enum gk_rc
gate__tick(struct gate *gate, struct gk_err *err)
{
	int64_t now = gate__now(gate);

	if (atomic_load(&gate->queue.stopping)) {
		gate__wait_all(gate);
	}
	GK_TRY(gate__space_watch(gate, err));
	GK_TRY(gate__clock_watch(gate, err));
	GK_TRY(gate__witness_flush(gate, err));
	if (ledger_next_due(gate->ledger) <= now) {
		GK_TRY(gate__settle_due(gate, err));
	}
	gate__wait_expire(gate, now);
	if (now - gate->ticked_us >= TICK_SLOW_US || now < gate->ticked_us) {
		gate->ticked_us = now;
		GK_TRY(gate__gaps_flush(gate, false, err));
		stats(gate);
	}
	return GK_OK;
}

/* Sleep for a tick; false: it is time to end. */
static bool
rest(struct gate *gate)
{
	struct timespec until;
	bool ends;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&gate->janitor_lock);
	while (!gate->janitor_ends &&
	       pthread_cond_timedwait(&gate->janitor_wake, &gate->janitor_lock,
		   &until) != ETIMEDOUT) {
	}
	ends = gate->janitor_ends;
	pthread_mutex_unlock(&gate->janitor_lock);
	return !ends;
}

void *
gate__janitor_main(void *arg)
{
	struct gate *gate = arg;
	unsigned ticks = 0;

	while (rest(gate)) {
		gate__queue_tick(gate);
		if (gate->options.watch_policy &&
		    ++ticks % TICKS_PER_WATCH == 0) {
			gate__watch(gate);
		}
	}
	return NULL;
}
