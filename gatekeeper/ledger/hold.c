/* Legal holds: runs and tenants of which nothing is let go. */
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_internal.h"

static struct hold *
hold_find(const struct ledger *ledger, uint64_t seq)
{
	for (struct hold *hold = ledger->holds; hold != NULL;
	     hold = hold->next) {
		if (hold->seq == seq) {
			return hold;
		}
	}
	return NULL;
}

bool
ledger_is_held(
    const struct ledger *ledger, const char *tenant, const char *run_id)
{
	for (const struct hold *hold = ledger->holds; hold != NULL;
	     hold = hold->next) {
		const struct event_hold *what = &hold->what;

		if (what->scope == SCOPE_TENANT
			? tenant != NULL && strcmp(tenant, what->subject) == 0
			: run_id != NULL &&
			      strcmp(run_id, what->subject) == 0 &&
			      ledger__same(tenant, what->tenant)) {
			return true;
		}
	}
	return false;
}

/* ---- settle ---- */

static enum gk_rc
draft(const struct settle_at *at, const char *caller, enum change change,
    struct event_hold *what, const struct record_pair *shown,
    size_t shown_count, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err)
{
	struct event *event = &ret->events[0];

	event->seq = at->seq;
	event->timestamp_us = at->now_us;
	event->kind = EVENT_RETENTION;
	event->change = (int)change;
	event->caller = caller;
	event->hold = what;
	event->shown = gk_arena_calloc(arena, shown_count, sizeof(*shown));
	if (event->shown == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	if (shown_count > 0) {
		memcpy(event->shown, shown, shown_count * sizeof(*shown));
	}
	event->shown_count = shown_count;
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
	return GK_OK;
}

enum gk_rc
ledger_settle_hold(const struct ledger *ledger, const struct settle_at *at,
    const char *caller, const struct event_hold *hold,
    const struct record_pair *shown, size_t shown_count, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	struct event_hold *what = gk_arena_alloc(arena, sizeof(*what));
	char *id = gk_arena_alloc(arena, ID_TEXT_BYTES);

	memset(ret, 0, sizeof(*ret));
	if (what == NULL || id == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	if (ledger->hold_count >= LEDGER_HOLDS_MAX) {
		ret->refusal = REFUSAL_TOO_MANY_HOLDS;
		return GK_OK;
	}
	*what = *hold;
	id_print(&ledger->id_key, ID_HOLD, at->seq, id);
	what->id = id;
	return draft(
	    at, caller, CHANGE_HELD, what, shown, shown_count, arena, ret, err);
}

enum gk_rc
ledger_settle_release(const struct ledger *ledger, const struct settle_at *at,
    const char *caller, uint64_t hold_seq, const struct record_pair *shown,
    size_t shown_count, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err)
{
	struct hold *hold = hold_find(ledger, hold_seq);

	memset(ret, 0, sizeof(*ret));
	if (hold == NULL) {
		ret->refusal = REFUSAL_NOT_FOUND;
		return GK_OK;
	}
	ret->events[0].has_of_seq = true;
	ret->events[0].of_seq = hold->seq;
	return draft(at, caller, CHANGE_RELEASED, &hold->what, shown,
	    shown_count, arena, ret, err);
}

/* ---- apply ---- */

void
hold_free(struct hold *hold)
{
	gk_arena_done(&hold->arena);
	free(hold);
}

static enum gk_rc
hold_fill(struct hold *made, const struct event *event, struct gk_err *err)
{
	const struct event_hold *from = event->hold;

	made->arena.cap = 1 << 16;
	made->seq = event->seq;
	made->held_at_us = event->timestamp_us;
	made->what = *from;
	GK_TRY(ledger__dup(&made->arena, event->caller, &made->caller, err));
	GK_TRY(ledger__dup(&made->arena, from->id, &made->what.id, err));
	GK_TRY(
	    ledger__dup(&made->arena, from->subject, &made->what.subject, err));
	return ledger__dup(&made->arena, from->tenant, &made->what.tenant, err);
}

static enum gk_rc
hold_add(struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct hold *made = calloc(1, sizeof(*made)), **at = &ledger->holds;
	enum gk_rc rc;

	if (made == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "hold");
	}
	rc = hold_fill(made, event, err);
	if (rc != GK_OK) {
		hold_free(made);
		return rc;
	}
	while (*at != NULL) {
		at = &(*at)->next;
	}
	*at = made;
	ledger->hold_count++;
	return GK_OK;
}

enum gk_rc
hold_apply(struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct hold **at = &ledger->holds, *found;

	if (event->change == CHANGE_HELD) {
		return hold_add(ledger, event, err);
	}
	if (event->change != CHANGE_RELEASED) {
		return GK_OK;
	}
	while (*at != NULL && (*at)->seq != event->of_seq) {
		at = &(*at)->next;
	}
	found = *at;
	if (found == NULL) {
		return LEDGER_CORRUPT(err, event, "an unknown hold");
	}
	*at = found->next;
	ledger->hold_count--;
	hold_free(found);
	return GK_OK;
}

/* ---- questions ---- */

size_t
ledger_holds(const struct ledger *ledger, struct hold_view *ret, size_t max)
{
	size_t n = 0;

	for (const struct hold *hold = ledger->holds; hold != NULL && n < max;
	     hold = hold->next) {
		ret[n++] = (struct hold_view){
		    hold->seq, &hold->what, hold->caller, hold->held_at_us};
	}
	return n;
}
