/* What operators do: kill switches, identities, the end of runs; and what time does by itself. */
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_internal.h"

/* ---- kill switches ---- */

static bool
is_actor(const char *subject, const struct decision_ask *ask)
{
	const char *names[ALIASES_MAX];
	size_t n = alias_all(ask, names);

	for (size_t i = 0; subject != NULL && i < n; i++) {
		if (strcmp(names[i], subject) == 0) {
			return true;
		}
	}
	return false;
}

static bool
covers_scope(const struct event_switch *what, const struct decision_ask *ask)
{
	const struct decision_request *request = ask->request;
	const char *value = NULL;

	switch ((enum scope)what->scope) {
	case SCOPE_GLOBAL:
		return true;
	case SCOPE_TENANT:
		value = ask->tenant;
		break;
	case SCOPE_AGENT:
		value = identity_agent(ask->caller);
		break;
	case SCOPE_ACTOR:
		return is_actor(what->subject, ask);
	case SCOPE_RUN:
		value = request->run_id;
		break;
	case SCOPE_NONE:
	case SCOPE_COUNT:
		break;
	}
	return value != NULL && what->subject != NULL &&
	       strcmp(value, what->subject) == 0;
}

const struct kill_switch *
switch_covering(const struct ledger *ledger, const struct decision_ask *ask)
{
	for (size_t i = 0; i < ledger->switch_count; i++) {
		const struct event_switch *what = &ledger->switches[i]->what;

		if (covers_scope(what, ask) &&
		    (what->action == NULL ||
			name_glob(what->action, ask->request->action))) {
			return ledger->switches[i];
		}
	}
	return NULL;
}

static void
draft_switch(const struct settle_at *at, const char *caller, enum change change,
    struct event_switch *what, struct event *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->seq = at->seq;
	ret->timestamp_us = at->now_us;
	ret->kind = EVENT_KILL_SWITCH;
	ret->change = (int)change;
	ret->caller = caller;
	ret->scope = what->scope;
	ret->kill_switch = what;
}

static enum gk_rc
copy_shown(const struct record_pair *shown, size_t count,
    struct gk_arena *arena, struct event *ret, struct gk_err *err)
{
	ret->shown = gk_arena_calloc(arena, count, sizeof(*ret->shown));
	if (ret->shown == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	if (count > 0) {
		memcpy(ret->shown, shown, count * sizeof(*shown));
	}
	ret->shown_count = count;
	return GK_OK;
}

enum gk_rc
ledger_settle_switch(const struct ledger *ledger, const struct settle_at *at,
    const char *caller, const struct event_switch *kill_switch,
    const struct record_pair *shown, size_t shown_count, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	struct event_switch *what = gk_arena_alloc(arena, sizeof(*what));
	char *id = gk_arena_alloc(arena, ID_TEXT_BYTES);

	memset(ret, 0, sizeof(*ret));
	if (what == NULL || id == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	*what = *kill_switch;
	id_print(&ledger->id_key, ID_SWITCH, at->seq, id);
	what->id = id;
	draft_switch(at, caller, CHANGE_THROWN, what, &ret->events[0]);
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
	return copy_shown(shown, shown_count, arena, &ret->events[0], err);
}

static struct kill_switch *
switch_find(const struct ledger *ledger, uint64_t seq)
{
	for (size_t i = 0; i < ledger->switch_count; i++) {
		if (ledger->switches[i]->seq == seq) {
			return ledger->switches[i];
		}
	}
	return NULL;
}

static void
draft_switch_end(struct kill_switch *kill_switch, const struct settle_at *at,
    const char *caller, enum change change, struct settlement *ret)
{
	draft_switch(at, caller, change, &kill_switch->what, &ret->events[0]);
	ret->events[0].has_of_seq = true;
	ret->events[0].of_seq = kill_switch->seq;
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
}

enum gk_rc
ledger_settle_switch_lift(const struct ledger *ledger,
    const struct settle_at *at, const char *caller, uint64_t switch_seq,
    const struct record_pair *shown, size_t shown_count, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	struct kill_switch *kill_switch = switch_find(ledger, switch_seq);

	memset(ret, 0, sizeof(*ret));
	if (kill_switch == NULL) {
		ret->refusal = REFUSAL_NOT_FOUND;
		return GK_OK;
	}
	draft_switch_end(kill_switch, at, caller, CHANGE_LIFTED, ret);
	return copy_shown(shown, shown_count, arena, &ret->events[0], err);
}

void
switch_free(struct kill_switch *kill_switch)
{
	gk_arena_done(&kill_switch->arena);
	free(kill_switch);
}

static enum gk_rc
switch_fill(
    struct kill_switch *made, const struct event *event, struct gk_err *err)
{
	const struct event_switch *from = event->kill_switch;

	made->arena.cap = 1 << 16;
	made->seq = event->seq;
	made->thrown_at_us = event->timestamp_us;
	made->what = *from;
	made->due = (struct due_node){
	    .kind = DUE_SWITCH, .owner = made, .tie = event->seq};
	GK_TRY(ledger__dup(&made->arena, event->caller, &made->caller, err));
	GK_TRY(ledger__dup(&made->arena, from->id, &made->what.id, err));
	GK_TRY(
	    ledger__dup(&made->arena, from->subject, &made->what.subject, err));
	return ledger__dup(&made->arena, from->action, &made->what.action, err);
}

static enum gk_rc
switch_throw(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct kill_switch *made;
	enum gk_rc rc;

	if (ledger->switch_count == ledger->switch_room) {
		size_t room =
		    ledger->switch_room == 0 ? 8 : ledger->switch_room * 2;
		struct kill_switch **all = realloc(
		    ledger->switches, room * sizeof(struct kill_switch *));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "kill switches");
		}
		ledger->switches = all;
		ledger->switch_room = room;
	}
	made = calloc(1, sizeof(*made));
	if (made == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "kill switch");
	}
	rc = switch_fill(made, event, err);
	if (rc != GK_OK) {
		switch_free(made);
		return rc;
	}
	ledger->switches[ledger->switch_count++] = made;
	return made->what.expires_us == 0 ? GK_OK
					  : due_set(&ledger->due, &made->due,
						made->what.expires_us, err);
}

enum gk_rc
switch_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct kill_switch *found;

	if (event->change == CHANGE_THROWN) {
		return switch_throw(ledger, event, err);
	}
	found = switch_find(ledger, event->of_seq);
	if (found == NULL) {
		return LEDGER_CORRUPT(err, event, "an unknown kill switch");
	}
	for (size_t i = 0; i < ledger->switch_count; i++) {
		if (ledger->switches[i] == found) {
			memmove(&ledger->switches[i], &ledger->switches[i + 1],
			    (ledger->switch_count - i - 1) *
				sizeof(struct kill_switch *));
			ledger->switch_count--;
			break;
		}
	}
	due_drop(&ledger->due, &found->due);
	switch_free(found);
	return GK_OK;
}

size_t
ledger_switches(
    const struct ledger *ledger, struct switch_view *ret, size_t max)
{
	size_t n = 0;

	for (; n < ledger->switch_count && n < max; n++) {
		const struct kill_switch *from = ledger->switches[n];

		ret[n] = (struct switch_view){
		    from->seq, &from->what, from->caller, from->thrown_at_us};
	}
	return n;
}

/* ---- identities ---- */

struct identity *
member_find(const struct ledger *ledger, const char *id)
{
	struct member *member =
	    id == NULL ? NULL : gk_map_get(&ledger->member_ids, id, strlen(id));

	return member == NULL ? NULL : member->identity;
}

void
member_free(struct member *member)
{
	gk_arena_done(&member->arena);
	free(member);
}

enum gk_rc
ledger_settle_identity(const struct ledger *ledger, const struct settle_at *at,
    const char *caller, enum change change, const struct identity *identity,
    struct gk_arena *arena, struct settlement *ret, struct gk_err *err)
{
	const struct identity *known = member_find(ledger, identity->id);
	struct event *event = &ret->events[0];

	memset(ret, 0, sizeof(*ret));
	if (change == CHANGE_CREATED && known != NULL) {
		ret->refusal = REFUSAL_EXISTS;
		return GK_OK;
	}
	if (change != CHANGE_CREATED && known == NULL) {
		ret->refusal = REFUSAL_NOT_FOUND;
		return GK_OK;
	}
	event->seq = at->seq;
	event->timestamp_us = at->now_us;
	event->kind = EVENT_IDENTITY;
	event->change = (int)change;
	event->caller = caller;
	event->identity =
	    identity_copy(change == CHANGE_REVOKED ? known : identity, arena);
	if (event->identity == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "identity");
	}
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
	return GK_OK;
}

/* Where id stands, or would stand, in the sorted list. */
static size_t
member_index(const struct ledger *ledger, const char *id)
{
	size_t lo = 0, hi = ledger->member_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(ledger->members[mid]->identity->id, id) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

static void
member_remove(struct ledger *ledger, const char *id)
{
	size_t i = member_index(ledger, id);
	struct member *member = ledger->members[i];

	memmove(&ledger->members[i], &ledger->members[i + 1],
	    (ledger->member_count - i - 1) * sizeof(struct member *));
	ledger->member_count--;
	(void)gk_map_remove(&ledger->member_ids, member->identity->id,
	    strlen(member->identity->id));
	member_free(member);
}

static enum gk_rc
member_add(
    struct ledger *ledger, const struct identity *identity, struct gk_err *err)
{
	struct member *member = calloc(1, sizeof(*member));
	size_t i = member_index(ledger, identity->id);

	if (member == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "identity");
	}
	member->arena.cap = 1 << 20;
	member->identity = identity_copy(identity, &member->arena);
	if (member->identity == NULL ||
	    gk_map_set(&ledger->member_ids, member->identity->id,
		strlen(member->identity->id), member, err) != GK_OK) {
		member_free(member);
		return GK_FAIL(err, GK_E_NOMEM, "identity");
	}
	memmove(&ledger->members[i + 1], &ledger->members[i],
	    (ledger->member_count - i) * sizeof(struct member *));
	ledger->members[i] = member;
	ledger->member_count++;
	return GK_OK;
}

enum gk_rc
identity_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	const struct identity *identity = event->identity;
	bool known;

	known = member_find(ledger, identity->id) != NULL;
	if (known == (event->change == CHANGE_CREATED)) {
		return LEDGER_CORRUPT(err, event, "an identity that %s",
		    known ? "is there already" : "isn't known");
	}
	if (ledger->member_count == ledger->member_room) {
		size_t room =
		    ledger->member_room == 0 ? 16 : ledger->member_room * 2;
		struct member **all =
		    realloc(ledger->members, room * sizeof(struct member *));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "identities");
		}
		ledger->members = all;
		ledger->member_room = room;
	}
	if (known) {
		member_remove(ledger, identity->id);
	}
	return event->change == CHANGE_REVOKED
		   ? GK_OK
		   : member_add(ledger, identity, err);
}

bool
ledger_identity_lives(
    const struct ledger *ledger, const struct identity *caller, int64_t now_us)
{
	const struct identity *known = member_find(ledger, caller->id);

	return known != NULL &&
	       ledger__same(known->token_hash, caller->token_hash) &&
	       (known->expires_us == 0 || known->expires_us > now_us);
}

const char *
ledger_person_of(const struct ledger *ledger, const char *id)
{
	const struct identity *identity = member_find(ledger, id);

	return identity == NULL ? NULL : identity_person(identity);
}

size_t
ledger_identity_count(const struct ledger *ledger)
{
	return ledger->member_count;
}

const struct identity *
ledger_identity_at(const struct ledger *ledger, size_t i)
{
	return i < ledger->member_count ? ledger->members[i]->identity : NULL;
}

/* ---- runs ---- */

static void
draft_run_end(const struct run *run, const struct settle_at *at,
    const char *caller, enum change change, struct settlement *ret)
{
	struct event *event = &ret->events[0];

	event->seq = at->seq;
	event->timestamp_us = at->now_us;
	event->kind = EVENT_RUN;
	event->change = (int)change;
	event->caller = caller;
	event->agent_id = run->agent;
	event->tenant_id = run->tenant;
	event->run_id = run->run_id;
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
}

enum gk_rc
ledger_settle_run_end(const struct ledger *ledger, const struct settle_at *at,
    const struct identity *caller, const char *tenant, const char *run_id,
    struct gk_arena *arena, struct settlement *ret, struct gk_err *err)
{
	const struct run *run = run_find(ledger, tenant, run_id);

	(void)arena;
	(void)err;
	memset(ret, 0, sizeof(*ret));
	if (run == NULL) {
		ret->outcome = at->run_is_new ? SETTLE_REFUSED : SETTLE_MISS;
		ret->refusal = REFUSAL_NOT_FOUND;
	} else if (!ledger__same(run->agent, identity_agent(caller))) {
		ret->refusal = REFUSAL_RUN_NOT_YOURS;
	} else if (run->ended) {
		ret->outcome = SETTLE_NOTHING;
	} else if (run->open_results > 0 || run->open_approvals > 0) {
		ret->refusal = REFUSAL_OPEN_WORK;
	} else {
		draft_run_end(run, at, caller->id, CHANGE_ENDED, ret);
	}
	return GK_OK;
}

/* ---- time ---- */

/* Nothing is unreported before agents had time to come back after a boot. */
static int64_t
due_when(const struct ledger *ledger, const struct due_node *node)
{
	int64_t grace = ledger->boot_us + ledger->limits.result_grace_us;

	return node->kind == DUE_RESULT && node->when_us < grace
		   ? grace
		   : node->when_us;
}

/* The grace moves results behind other things, so they have a heap of their own. */
static struct due_node *
due_earliest(const struct ledger *ledger)
{
	struct due_node *one = due_first(&ledger->due);
	struct due_node *two = due_first(&ledger->results);

	if (one == NULL || two == NULL) {
		return one == NULL ? two : one;
	}
	return due_when(ledger, two) < one->when_us ? two : one;
}

int64_t
ledger_next_due(const struct ledger *ledger)
{
	const struct due_node *node = due_earliest(ledger);

	return node == NULL ? INT64_MAX : due_when(ledger, node);
}

enum gk_rc
ledger_settle_due(const struct ledger *ledger, const struct settle_at *at,
    struct gk_arena *arena, struct settlement *ret, struct gk_err *err)
{
	struct due_node *node = due_earliest(ledger);

	memset(ret, 0, sizeof(*ret));
	ret->outcome = SETTLE_NOTHING;
	if (node == NULL || due_when(ledger, node) > at->now_us) {
		return GK_OK;
	}
	switch (node->kind) {
	case DUE_RESULT:
		ret->outcome = SETTLE_EVENTS;
		ret->event_count = 1;
		return result_draft_unreported(
		    ledger, node->owner, at, arena, &ret->events[0], err);
	case DUE_APPROVAL:
		ret->outcome = SETTLE_EVENTS;
		ret->event_count = 1;
		return escalate_draft_due(
		    ledger, node->owner, at, arena, &ret->events[0], err);
	case DUE_SWITCH:
		draft_switch_end(
		    node->owner, at, "gatekeeper", CHANGE_EXPIRED, ret);
		return GK_OK;
	case DUE_RUN:
		draft_run_end(node->owner, at, "gatekeeper", CHANGE_IDLE, ret);
		return GK_OK;
	case DUE_COUNTER:
		break;
	}
	return GK_FAIL(err, GK_E_CORRUPT, "a counter among what is due");
}
