/* The janitor: comes by now and then, so that what time does is done even when nobody calls. */
#include <errno.h>
#include <time.h>

#include "gate/retention.h"
#include "gate/waiters.h"

enum { TICK_MS = 200, TICK_SOON_MS = 20, WATCH_MS = 1000 };

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
	metrics_set(&metrics->holds, stats.holds);
	metrics_set(&metrics->minimum, atomic_load(&gate->minimum));
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
	GK_TRY(gate__witness_tell(gate, err));
	if (ledger_next_due(gate->ledger) <= now) {
		GK_TRY(gate__settle_due(gate, err));
	}
	gate__wait_expire(gate, now);
	gate__wait_look(gate);
	gate__retention_tick(gate,
	    now - gate->ticked_us >= TICK_SLOW_US || now < gate->ticked_us);
	if (now - gate->ticked_us >= TICK_SLOW_US || now < gate->ticked_us) {
		gate->ticked_us = now;
		GK_TRY(gate__gaps_flush(gate, false, err));
		stats(gate);
	}
	return GK_OK;
}

/* Sleep for a tick; false: it is time to end. */
static bool
rest(struct gate *gate, int ms)
{
	struct timespec until;
	bool ends;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms * 1000000L;
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
	int watched_ms = 0, ms = TICK_MS;

	while (rest(gate, ms)) {
		gate__queue_tick(gate);
		watched_ms += ms;
		if (gate->options.watch_policy && watched_ms >= WATCH_MS) {
			watched_ms = 0;
			gate__watch(gate);
		}
		ms = gate__retention_look(gate) ? TICK_SOON_MS : TICK_MS;
	}
	return NULL;
}
