/*
 * Bounded grants: one that lets through more than the one request that asked.
 *
 * What it keeps fixed: run (so tenant and agent), action, actor with roles,
 * context, the rules that asked (id and digest), and the pinned arguments.  What
 * it leaves open: the other arguments, as far as its numbers allow.  Arguments
 * are compared by keyed hash, under the key that the asking step was hashed with.
 */
#include <string.h>

#include "codec/digest.h"
#include "ledger/ledger_internal.h"

enum { AT_MOST_BYTES_MAX = 32, PIN_BYTES_MAX = 256 };

static const struct json_limits number_limits = {AT_MOST_BYTES_MAX, 1, 1};

/* ---- copies and checks ---- */

static enum gk_rc
pairs_copy(struct gk_arena *arena, const struct record_pair *from, size_t count,
    struct record_pair **ret, struct gk_err *err)
{
	*ret = gk_arena_calloc(arena, count, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "bound");
	}
	for (size_t i = 0; i < count; i++) {
		GK_TRY(ledger__dup(arena, from[i].name, &(*ret)[i].name, err));
		GK_TRY(
		    ledger__dup(arena, from[i].value, &(*ret)[i].value, err));
	}
	return GK_OK;
}

enum gk_rc
bounds_copy(struct gk_arena *arena, const struct approval_bounds *from,
    struct approval_bounds *ret, struct gk_err *err)
{
	*ret = *from;
	return pairs_copy(arena, from->pins, from->pin_count, &ret->pins, err);
}

enum gk_rc
bound_copy(struct gk_arena *arena, const struct grant_bound *from,
    struct grant_bound *ret, struct gk_err *err)
{
	*ret = *from;
	return pairs_copy(
	    arena, from->at_most, from->at_most_count, &ret->at_most, err);
}

static bool
number_parse(const char *text, double *ret)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;

	if (text == NULL ||
	    json_parse(text, strlen(text), &number_limits, &value, NULL) !=
		GK_OK ||
	    json_type(value) != JSON_NUMBER) {
		return false;
	}
	*ret = json_number(value);
	return true;
}

bool
bound_is_whole(const struct grant_bound *bound)
{
	double number;

	for (size_t i = 0; i < bound->at_most_count; i++) {
		if (!number_parse(bound->at_most[i].value, &number)) {
			return false;
		}
	}
	return bound->uses >= 1 && bound->uses <= APPROVAL_USES_MAX &&
	       bound->at_most_count <= APPROVAL_AT_MOST_MAX;
}

bool
bounds_are_whole(const struct approval_bounds *bounds)
{
	for (size_t i = 0; i < bounds->pin_count; i++) {
		if (strlen(bounds->pins[i].name) > PIN_BYTES_MAX ||
		    event_key_of(bounds->pins[i].value) == 0) {
			return false;
		}
	}
	return bounds->max_uses >= 1 && bounds->max_uses <= APPROVAL_USES_MAX &&
	       bounds->max_ttl_ms >= 1 &&
	       bounds->pin_count <= APPROVAL_PINS_MAX;
}

static const char *
pair_get(const struct record_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].name, name) == 0) {
			return pairs[i].value;
		}
	}
	return NULL;
}

/* ---- what the rules allow ---- */

enum gk_rc
bounds_of(const struct decision_ask *ask, struct gk_arena *arena,
    struct approval_bounds **ret, struct gk_err *err)
{
	const struct findings *found = ask->findings;
	struct approval_bounds *made = gk_arena_alloc(arena, sizeof(*made));

	*ret = NULL;
	if (made == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "bounds");
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		const struct approval_finding *rule = &found->approvals[i];
		int64_t ttl_ms = rule->max_ttl_us / 1000;

		if (rule->shadow) {
			continue;
		}
		if (rule->max_uses == 0) {
			return GK_OK;
		}
		if (made->max_uses == 0 || rule->max_uses < made->max_uses) {
			made->max_uses = rule->max_uses;
		}
		if (made->max_ttl_ms == 0 || ttl_ms < made->max_ttl_ms) {
			made->max_ttl_ms = ttl_ms;
		}
		for (size_t k = 0; k < rule->pin_count; k++) {
			if (pair_get(ask->pins, ask->pin_count,
				rule->pins[k]) == NULL) {
				return GK_OK; /* not hashed: it can't be held */
			}
		}
	}
	if (made->max_uses > 0) {
		GK_TRY(pairs_copy(
		    arena, ask->pins, ask->pin_count, &made->pins, err));
		made->pin_count = ask->pin_count;
		*ret = made;
	}
	return GK_OK;
}

/* ---- what people allow ---- */

enum refusal
bound_refusal(const struct approval *approval, const struct grant_bound *bound,
    int64_t valid_us)
{
	const struct approval_bounds *bounds = &approval->bounds;

	if (bounds->max_uses == 0) {
		return REFUSAL_NOT_BOUNDED;
	}
	return bound->uses > bounds->max_uses ||
		       valid_us > bounds->max_ttl_ms * 1000
		   ? REFUSAL_BOUND_TOO_WIDE
		   : REFUSAL_NONE;
}

/* One more limit: where two speak of one argument, the lower number holds. */
static bool
at_most_add(struct grant_bound *bound, const struct record_pair *pair)
{
	double old, new;
	size_t at = 0;

	while (at < bound->at_most_count &&
	       strcmp(bound->at_most[at].name, pair->name) < 0) {
		at++;
	}
	if (at < bound->at_most_count &&
	    strcmp(bound->at_most[at].name, pair->name) == 0) {
		if (number_parse(pair->value, &new) &&
		    number_parse(bound->at_most[at].value, &old) && new < old) {
			bound->at_most[at].value = pair->value;
		}
		return true;
	}
	if (bound->at_most_count == APPROVAL_AT_MOST_MAX) {
		return false;
	}
	memmove(&bound->at_most[at + 1], &bound->at_most[at],
	    (bound->at_most_count - at) * sizeof(*pair));
	bound->at_most[at] = *pair;
	bound->at_most_count++;
	return true;
}

/* False: more numbers than one grant can have. */
static bool
narrow(struct grant_bound *bound, const struct grant_bound *by)
{
	if (bound->uses == 0 || by->uses < bound->uses) {
		bound->uses = by->uses;
	}
	for (size_t i = 0; i < by->at_most_count; i++) {
		if (!at_most_add(bound, &by->at_most[i])) {
			return false;
		}
	}
	return true;
}

enum gk_rc
bound_merge(const struct approval *approval, const struct grant_bound *last,
    struct gk_arena *arena, struct grant_bound **ret, struct gk_err *err)
{
	struct grant_bound *made = gk_arena_alloc(arena, sizeof(*made));

	*ret = NULL;
	if (made == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "bound");
	}
	made->at_most = gk_arena_calloc(
	    arena, APPROVAL_AT_MOST_MAX, sizeof(*made->at_most));
	if (made->at_most == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "bound");
	}
	if (last == NULL || !narrow(made, last)) {
		return GK_OK;
	}
	for (size_t i = 0; i < approval->vote_count; i++) {
		const struct vote *vote = &approval->votes[i];

		if (vote->bound.uses == 0 || !narrow(made, &vote->bound)) {
			return GK_OK; /* once, and only what was asked */
		}
	}
	*ret = made;
	return GK_OK;
}

/* ---- what a request is held against ---- */

void
bound_frame(const struct event *event, uint8_t ret[16])
{
	struct event frame = *event;

	frame.action_key =
	    event->action; /* the action, without its arguments */
	step_binding(&frame, ret);
}

static bool
pins_equal(const struct approval *approval, const struct record_pair *pins,
    size_t count)
{
	for (size_t i = 0; i < approval->bounds.pin_count; i++) {
		const struct record_pair *pin = &approval->bounds.pins[i];
		const char *now = pair_get(pins, count, pin->name);

		if (now == NULL || strcmp(now, pin->value) != 0) {
			return false;
		}
	}
	return true;
}

static bool
keeps_under(const struct approval *approval, const struct event *draft,
    const struct decision_ask *ask, const struct ask_hashes *hashes)
{
	struct alias_event as;
	uint8_t frame[16];
	bool same = false;

	for (size_t i = 0; !same && alias_event(ask, hashes, draft, i, &as);
	     i++) {
		bound_frame(&as.event, frame);
		same = memcmp(frame, approval->frame, sizeof(frame)) == 0;
	}
	return same && pins_equal(approval, hashes->pins, ask->pin_count);
}

bool
bound_keeps(const struct approval *approval, const struct run *run,
    const struct event *draft, const struct decision_ask *ask)
{
	int64_t key = event_key_of(approval->action_key);
	const struct ask_hashes newest = alias_newest(ask);

	if (approval->run != run || approval->bound.uses == 0) {
		return false;
	}
	if (newest.key == key) {
		return keeps_under(approval, draft, ask, &newest);
	}
	for (size_t i = 0; i < ask->older_count; i++) {
		if (ask->older[i].key == key) {
			return keeps_under(
			    approval, draft, ask, &ask->older[i]);
		}
	}
	return false;
}

bool
bound_holds(const struct approval *approval, const struct decision_ask *ask)
{
	for (size_t i = 0; i < approval->bound.at_most_count; i++) {
		const struct record_pair *most = &approval->bound.at_most[i];
		const struct json_value *value =
		    json_at(ask->request->args, most->name);
		double limit;

		if (value == NULL || json_type(value) != JSON_NUMBER ||
		    !number_parse(most->value, &limit) ||
		    json_number(value) > limit) {
			return false;
		}
	}
	return true;
}
