/* Calls that wait for an approval to be resolved, kept by the commit thread. */
#include "gate/waiters.h"
#include "gate/gate_internal.h"

enum {
	RETRY_MS = 5000,
	LOOKS = 128, /* at waiters, a tick */
};

/* What it is told now; says where it goes. */
static void
wake(struct gate *gate, struct gate_work *work)
{
	if (!work->call->local &&
	    !ledger_identity_lives(
		gate->ledger, work->call->caller, gate__at(gate).now_us)) {
		(void)gate__refused(work->call, REFUSAL_IDENTITY_REVOKED);
	} else if (work->call->verb == GATE_DECIDE) {
		decide_wake(gate, work);
	} else {
		approval_wake(gate, work);
	}
}

/*
 * The identity has its share of places.  Who only looks is refused; what was asked is
 * decided and recorded, so its answer goes out now, and says when to come again.
 */
static void
turn_away(struct gate *gate, struct gate_work *work)
{
	struct gate_call *call = work->call;

	metrics_count(&gate->metrics.refused_places, 1);
	if (call->verb == GATE_APPROVAL) {
		(void)gate__problem(call, GATE_TOO_MANY, "too_many_waits",
		    "this identity has its share of the places for those who "
		    "wait and follow");
	} else {
		wake(gate, work);
	}
	call->wait_us = 0;
	call->retry_after_ms = RETRY_MS;
}

/* The approval may have changed in the very batch that asked for it. */
void
gate__wait_begin(struct gate *gate, struct gate_work *work)
{
	struct approval_view view;

	gk_arena_clear(&gate->scratch);
	if (atomic_load(&gate->queue.stopping) ||
	    !ledger_approval(
		gate->ledger, work->approval_seq, &gate->scratch, &view) ||
	    view.status != work->approval_status) {
		wake(gate, work);
		return;
	}
	work->placed = places_take(&gate->places, work->call->caller->id);
	if (!work->placed) {
		turn_away(gate, work);
	}
}

void
gate__wait_end(struct gate *gate, struct gate_work *work)
{
	if (work->placed) {
		places_give_back(&gate->places, work->call->caller->id);
		work->placed = false;
	}
}

/* Move what matches from the waiters to those that are answered after the commit. */
static void
wake_where(struct gate *gate,
    bool (*matches)(const struct gate_work *work, uint64_t seq, int64_t now_us),
    uint64_t seq, int64_t now_us)
{
	size_t left = gate->waiters.count;

	for (; left > 0; left--) {
		struct gate_work *work = gate__list_take(&gate->waiters);

		if (!matches(work, seq, now_us)) {
			gate__list_add(&gate->waiters, work);
			continue;
		}
		wake(gate, work);
		gate__list_add(&gate->woken, work);
	}
}

static bool
waits_for(const struct gate_work *work, uint64_t seq, int64_t now_us)
{
	(void)now_us;
	return work->approval_seq == seq;
}

/* A vote that resolves nothing is a change to those who look, not to those who ask. */
static bool
looks_at(const struct gate_work *work, uint64_t seq, int64_t now_us)
{
	return waits_for(work, seq, now_us) &&
	       work->call->verb == GATE_APPROVAL;
}

static bool
is_over(const struct gate_work *work, uint64_t seq, int64_t now_us)
{
	(void)seq;
	return work->wait_until_us <= now_us;
}

static bool
any(const struct gate_work *work, uint64_t seq, int64_t now_us)
{
	(void)work;
	(void)seq;
	(void)now_us;
	return true;
}

void
gate__wait_wake(struct gate *gate, const struct event *event)
{
	if (event->kind == EVENT_APPROVAL && gate->waiters.count > 0) {
		wake_where(gate,
		    event->change == CHANGE_VOTE ||
			    event->change == CHANGE_ESCALATED
			? looks_at
			: waits_for,
		    event->of_seq, 0);
	}
}

void
gate__wait_expire(struct gate *gate, int64_t now_us)
{
	wake_where(gate, is_over, 0, now_us);
}

/* Some at a time, in turn: whoever has hung up gives the place back. */
void
gate__wait_look(struct gate *gate)
{
	size_t left = gate->waiters.count < LOOKS ? gate->waiters.count : LOOKS;

	for (; left > 0; left--) {
		struct gate_work *work = gate__list_take(&gate->waiters);
		struct gate_call *call = work->call;

		if (call->alive == NULL || call->alive(call)) {
			gate__list_add(&gate->waiters, work);
			continue;
		}
		(void)gate__problem(
		    call, GATE_UNAVAILABLE, "gone", "the client has hung up");
		gate__list_add(&gate->woken, work);
	}
}

void
gate__wait_all(struct gate *gate)
{
	wake_where(gate, any, 0, 0);
}
