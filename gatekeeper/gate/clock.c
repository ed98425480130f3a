/* Ledger time: an anchor fixed at boot plus CLOCK_BOOTTIME, whatever the wall clock does. */
#include <stdlib.h>

#include "gate/gate_internal.h"

#define CLOCK_APART_US (60 * GK_US_PER_S)

static int64_t
boot_us(const struct gate *gate)
{
	return gate->clock.boot_us(gate->clock.ctx);
}

static int64_t
wall_us(const struct gate *gate)
{
	return gate->clock.wall_us(gate->clock.ctx);
}

int64_t
gate__now(const struct gate *gate)
{
	return boot_us(gate) +
	       atomic_load_explicit(&gate->offset_us, memory_order_relaxed);
}

/*
 * The anchor is the later of the last event's time and the wall clock; after a
 * gap that is too long to be true, the last event's, until somebody accepts.
 */
void
gate__clock_open(struct gate *gate, int64_t last_us)
{
	int64_t wall = wall_us(gate), anchor = wall > last_us ? wall : last_us;

	if (last_us > 0 && wall - last_us > gate->options.max_clock_gap_us) {
		anchor = last_us;
		atomic_store(&gate->clock_gap, true);
	}
	atomic_store(&gate->offset_us, anchor - boot_us(gate));
}

enum gk_rc
gate__clock_watch(struct gate *gate, struct gk_err *err)
{
	int64_t wall = wall_us(gate), now = gate__now(gate);
	struct event_clock clock = {.wall_us = wall, .ledger_us = now};
	struct event event = {.kind = EVENT_CLOCK,
	    .change = CHANGE_JUMPED,
	    .caller = "gatekeeper",
	    .clock = &clock};

	if (llabs(wall - now - gate->agreed_us) <= CLOCK_APART_US) {
		gate->clock_told = false;
		return GK_OK;
	}
	if (gate->clock_told) {
		return GK_OK;
	}
	gate->clock_told = true;
	gate__alert(gate, "clock_jumped",
	    "the wall clock is %lld s away from ledger time; decisions go on "
	    "in ledger time until an operator accepts",
	    (long long)((wall - now) / GK_US_PER_S));
	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

/*
 * From now on ledger time is the wall clock's, unless that would go back.  The
 * event bears the new time already: the next start goes on from there, also when
 * nothing was recorded in between.
 */
enum gk_rc
gate__clock_accept(struct gate *gate, struct event *event,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err)
{
	int64_t wall = wall_us(gate), now = gate__now(gate);
	int64_t before = atomic_load(&gate->offset_us);
	struct event_clock clock = {.wall_us = wall, .ledger_us = now};
	enum gk_rc rc;

	event->kind = EVENT_CLOCK;
	event->change = CHANGE_ACCEPTED;
	event->clock = &clock;
	if (wall > now) {
		atomic_store(&gate->offset_us, wall - boot_us(gate));
	}
	rc = gate__record_event(
	    gate, event, openings, opening_count, ret_leaf, err);
	event->clock = NULL;
	if (rc != GK_OK) {
		atomic_store(&gate->offset_us, before);
		return rc;
	}
	gate->clock_told = false;
	gate->agreed_us = wall > now ? 0 : wall - now;
	atomic_store(&gate->clock_gap, false);
	return GK_OK;
}
