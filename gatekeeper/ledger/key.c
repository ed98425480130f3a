/*
 * Keys: which there are, which is the current one of its use, what still needs an old one.
 *
 * Key 1 of each use is there with the log; no event says so.  A step, an open
 * approval and a repeat that a limit counts can only be compared with something
 * new under the key that hashed them: so the new is hashed under every key that
 * isn't destroyed, and a key isn't destroyed before these have closed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "ledger/ledger_internal.h"

/* ---- what a step is bound by, under each key ---- */

static void
binding_add(struct bindings *bindings, const struct event *draft,
    const struct decision_ask *ask, const struct ask_hashes *hashes)
{
	struct alias_event as;

	for (size_t i = 0; alias_event(ask, hashes, draft, i, &as); i++) {
		bindings->of[bindings->count].key = hashes->key;
		step_binding(&as.event, bindings->of[bindings->count++].bytes);
	}
}

void
bindings_of(const struct event *draft, const struct decision_ask *ask,
    struct bindings *ret)
{
	const struct ask_hashes newest = alias_newest(ask);

	ret->count = 0;
	binding_add(ret, draft, ask, &newest);
	for (size_t i = 0; i < ask->older_count && i + 1 < LEDGER_HASH_KEYS_MAX;
	     i++) {
		binding_add(ret, draft, ask, &ask->older[i]);
	}
}

bool
bindings_have(
    const struct bindings *bindings, int64_t key, const uint8_t binding[16])
{
	for (size_t i = 0; i < bindings->count; i++) {
		if (bindings->of[i].key == key &&
		    memcmp(bindings->of[i].bytes, binding, 16) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- the list ---- */

static struct key_life *
key_find(const struct ledger *ledger, int what, int64_t id)
{
	for (size_t i = 0; i < ledger->key_count; i++) {
		if (ledger->keys[i].what == what && ledger->keys[i].id == id) {
			return &ledger->keys[i];
		}
	}
	return NULL;
}

int64_t
ledger_key_current(const struct ledger *ledger, enum key_use what)
{
	for (size_t i = ledger->key_count; i > 0; i--) {
		if (ledger->keys[i - 1].what == (int)what) {
			return ledger->keys[i - 1].id;
		}
	}
	return 1;
}

size_t
ledger_hash_keys(
    const struct ledger *ledger, int64_t ret_ids[LEDGER_HASH_KEYS_MAX])
{
	size_t n = 0;

	for (size_t i = ledger->key_count; i > 0; i--) {
		const struct key_life *life = &ledger->keys[i - 1];

		if (life->what == KEY_HASH && life->destroyed_us == 0 &&
		    n < LEDGER_HASH_KEYS_MAX) {
			ret_ids[n++] = life->id;
		}
	}
	if (ledger_key_current(ledger, KEY_HASH) == 1) {
		ret_ids[n++] = 1; /* never replaced, so not in the list */
	}
	return n;
}

/* ---- what needs a hash key ---- */

static void
count_needs(const struct ledger *ledger, int64_t now_us, struct key_view *ret)
{
	uint64_t bit = UINT64_C(1) << (ret->id % 64);
	const struct counter *counter;
	const struct approval *approval;
	size_t at = 0;

	if (ret->what != KEY_HASH) {
		return;
	}
	for (const struct run *run = ledger->first_run; run != NULL;
	     run = run->next) {
		ret->runs += (run->keys & bit) != 0;
	}
	while ((approval = gk_map_next(&ledger->approvals, &at)) != NULL) {
		ret->approvals += approval_is_open(approval) &&
				  event_key_of(approval->action_key) == ret->id;
	}
	for (counter = ledger->first_counter; counter != NULL;
	     counter = counter->next) {
		ret->repeats += counter_hash_key(counter) == ret->id &&
				counter_counts(counter, now_us);
		ret->limits += counter_subject_key(counter) == ret->id &&
			       counter_counts(counter, now_us);
	}
	for (size_t i = 0; i < ledger->switch_count; i++) {
		const struct event_switch *what = &ledger->switches[i]->what;

		ret->switches += what->scope == SCOPE_ACTOR &&
				 what->subject != NULL &&
				 name_is_pseudonym(what->subject) &&
				 event_key_of(what->subject) == ret->id;
	}
}

static void
view_of(const struct ledger *ledger, const struct key_life *life,
    int64_t now_us, struct key_view *ret)
{
	*ret = (struct key_view){.what = life->what,
	    .id = life->id,
	    .since_us = life->since_us,
	    .until_us = life->until_us,
	    .destroyed_us = life->destroyed_us};
	count_needs(ledger, now_us, ret);
}

bool
ledger_key_is_needed(const struct key_view *view)
{
	return view->runs + view->approvals + view->repeats + view->limits +
		   view->switches >
	       0;
}

size_t
ledger_keys(const struct ledger *ledger, int64_t now_us, struct key_view *ret,
    size_t max)
{
	size_t n = 0;

	for (int what = KEY_HASH; what < KEY_USE_COUNT; what++) {
		const struct key_life first = {.what = what, .id = 1};

		if (key_find(ledger, what, 1) == NULL && n < max) {
			view_of(ledger, &first, now_us, &ret[n++]);
		}
		for (size_t i = 0; i < ledger->key_count && n < max; i++) {
			if (ledger->keys[i].what == what) {
				view_of(ledger, &ledger->keys[i], now_us,
				    &ret[n++]);
			}
		}
	}
	return n;
}

/* ---- settle ---- */

static bool
may_destroy(const struct ledger *ledger, const struct settle_at *at,
    const struct event_key *key, struct settlement *ret)
{
	const struct key_life *life = key_find(ledger, key->what, key->id);
	struct key_view view;

	if (key->what != KEY_HASH || life == NULL || life->destroyed_us != 0) {
		ret->refusal = key->id == ledger_key_current(ledger, KEY_HASH)
				   ? REFUSAL_KEY_NEEDED
				   : REFUSAL_NOT_FOUND;
		return false;
	}
	view_of(ledger, life, at->now_us, &view);
	if (life->until_us == 0 || ledger_key_is_needed(&view)) {
		ret->refusal = REFUSAL_KEY_NEEDED;
		return false;
	}
	return true;
}

static bool
may_rotate(const struct ledger *ledger, const struct event_key *key,
    struct settlement *ret)
{
	int64_t ids[LEDGER_HASH_KEYS_MAX];

	if ((key->what == KEY_HASH &&
		ledger_hash_keys(ledger, ids) >= LEDGER_HASH_KEYS_MAX) ||
	    key->id > EVENT_KEY_MAX) {
		ret->refusal = REFUSAL_TOO_MANY_KEYS;
		return false;
	}
	return true;
}

enum gk_rc
ledger_settle_key(const struct ledger *ledger, const struct settle_at *at,
    const char *caller, enum change change, const struct event_key *key,
    struct gk_arena *arena, struct settlement *ret, struct gk_err *err)
{
	struct event *event = &ret->events[0];

	memset(ret, 0, sizeof(*ret));
	if (!(change == CHANGE_DESTROYED ? may_destroy(ledger, at, key, ret)
					 : may_rotate(ledger, key, ret))) {
		return GK_OK;
	}
	event->seq = at->seq;
	event->timestamp_us = at->now_us;
	event->kind = EVENT_KEY;
	event->change = (int)change;
	event->caller = caller;
	event->key = gk_arena_alloc(arena, sizeof(*event->key));
	if (event->key == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	*event->key = *key;
	ret->outcome = SETTLE_EVENTS;
	ret->event_count = 1;
	return GK_OK;
}

/* ---- apply ---- */

enum gk_rc
key_load(struct ledger *ledger, const struct key_life *from, struct gk_err *err)
{
	if (from->what == KEY_NONE || from->id < 1 ||
	    from->id > EVENT_KEY_MAX) {
		return GK_FAIL(err, GK_E_CORRUPT, "a key without a number");
	}
	if (ledger->key_count == ledger->key_room) {
		size_t room = ledger->key_room == 0 ? 8 : ledger->key_room * 2;
		struct key_life *all =
		    realloc(ledger->keys, room * sizeof(*all));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "keys");
		}
		ledger->keys = all;
		ledger->key_room = room;
	}
	ledger->keys[ledger->key_count++] = *from;
	return GK_OK;
}

/* The next id, and the one before ends. */
static enum gk_rc
apply_rotated(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	const struct event_key *key = event->key;
	int64_t before = ledger_key_current(ledger, (enum key_use)key->what);
	struct key_life *old;
	const struct key_life made = {
	    .what = key->what, .id = key->id, .since_us = event->timestamp_us};
	int64_t ids[LEDGER_HASH_KEYS_MAX];

	if (key->id != before + 1 ||
	    (key->what == KEY_HASH &&
		ledger_hash_keys(ledger, ids) >= LEDGER_HASH_KEYS_MAX)) {
		return LEDGER_CORRUPT(
		    err, event, "a key out of turn, or one too many");
	}
	if (key_find(ledger, key->what, before) == NULL) {
		const struct key_life first = {.what = key->what, .id = before};

		GK_TRY(key_load(ledger, &first, err));
	}
	old = key_find(ledger, key->what, before);
	GK_ASSERT(old != NULL);
	old->until_us = event->timestamp_us;
	return key_load(ledger, &made, err);
}

enum gk_rc
key_apply(struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct key_life *life;

	if (event->change == CHANGE_ROTATED) {
		return apply_rotated(ledger, event, err);
	}
	life = key_find(ledger, event->key->what, event->key->id);
	if (life == NULL || event->key->what != KEY_HASH ||
	    life->until_us == 0 || life->destroyed_us != 0) {
		return LEDGER_CORRUPT(
		    err, event, "no key that could be destroyed");
	}
	life->destroyed_us = event->timestamp_us;
	return GK_OK;
}
