/* What an event must say before it is folded in, so that the fold needn't ask again. */
#include <string.h>

#include "base/time.h"
#include "ledger/ledger_internal.h"
#include "model/decimal.h"

enum { NAME_BYTES_MAX = 160 }; /* of a step, the longest */

/* The longest duration that can be written down. */
#define SPAN_MAX_MS (INT64_C(36600) * 24 * 3600 * 1000)

static bool
is_short(const char *text)
{
	return text == NULL || strlen(text) <= NAME_BYTES_MAX;
}

static bool
is_given(const char *text)
{
	return text != NULL && is_short(text);
}

static bool
is_span(int64_t ms)
{
	return ms >= 0 && ms <= SPAN_MAX_MS;
}

static bool
charge_is_whole(const struct charge *charge)
{
	return charge->kind != CHARGE_NONE && is_given(charge->rule) &&
	       is_given(charge->key) && is_short(charge->unit) &&
	       (charge->kind != CHARGE_BUDGET || charge->unit != NULL) &&
	       charge->tat_ns >= 0 && charge->count >= 0 &&
	       charge->reached >= 0 && charge->reached <= 100 &&
	       (charge->kind == CHARGE_BUDGET || charge->reached == 0) &&
	       is_span(charge->within_ms) &&
	       charge->micros >= -DECIMAL_MAX_MICROS &&
	       charge->micros <= DECIMAL_MAX_MICROS;
}

static bool
charges_are_whole(const struct event *event)
{
	for (size_t i = 0; i < event->charge_count; i++) {
		if (!charge_is_whole(&event->charges[i])) {
			return false;
		}
	}
	return true;
}

static bool
terms_are_whole(const struct approval_terms *terms)
{
	for (size_t i = 0; i < terms->rule_count; i++) {
		const struct approval_rule *rule = &terms->rules[i];

		if (!is_given(rule->rule) || !is_given(rule->digest) ||
		    rule->needed < 1 || !is_span(rule->escalate_ms)) {
			return false;
		}
	}
	return terms->rule_count > 0 && is_short(terms->actor_person) &&
	       is_span(terms->grant_valid_ms) &&
	       (terms->bounded == NULL ||
		   (is_span(terms->bounded->max_ttl_ms) &&
		       bounds_are_whole(terms->bounded)));
}

static bool
decision_is_whole(const struct event *event)
{
	return event->has_decision && is_given(event->run_id) &&
	       is_given(event->step_id) && is_given(event->agent_id) &&
	       is_given(event->caller) && is_given(event->action_key) &&
	       (event->decision != DECISION_ALLOW ||
		   event->result_by_us != 0) &&
	       (event->approval == NULL || terms_are_whole(event->approval));
}

static bool
approval_is_whole(const struct event *event)
{
	return event->change != CHANGE_NONE && is_given(event->caller) &&
	       (event->change != CHANGE_VOTE || is_given(event->person)) &&
	       (event->bound == NULL || bound_is_whole(event->bound)) &&
	       event->use >= 0 && is_span(event->grant_valid_ms);
}

static bool
switch_is_whole(const struct event *event)
{
	const struct event_switch *what = event->kill_switch;

	return what != NULL && is_given(event->caller) && is_given(what->id) &&
	       is_short(what->subject) && is_short(what->action);
}

static bool
retention_is_whole(const struct event *event)
{
	const struct event_hold *hold = event->hold;
	const struct event_retention *what = event->retention;

	if (event->change == CHANGE_LET_GO) {
		return what != NULL && is_given(what->what) &&
		       is_short(what->kind) && is_short(what->tenant) &&
		       what->minimum >= 0 && what->count >= 0;
	}
	return (event->change == CHANGE_HELD ||
		   event->change == CHANGE_RELEASED) &&
	       hold != NULL && is_given(event->caller) && is_given(hold->id) &&
	       is_given(hold->subject) && is_short(hold->tenant) &&
	       (hold->scope == SCOPE_RUN || hold->scope == SCOPE_TENANT);
}

static bool
key_is_whole(const struct event *event)
{
	const struct event_key *key = event->key;

	return key != NULL && key->what != KEY_NONE && key->id >= 1 &&
	       key->id <= EVENT_KEY_MAX &&
	       (event->change == CHANGE_ROTATED ||
		   event->change == CHANGE_DESTROYED);
}

bool
event_is_whole(const struct event *event)
{
	if (!is_short(event->tenant_id) || !is_short(event->run_id) ||
	    !is_short(event->step_id) || !is_short(event->action_key) ||
	    !charges_are_whole(event)) {
		return false;
	}
	switch (event->kind) {
	case EVENT_DECISION:
		return decision_is_whole(event);
	case EVENT_APPROVAL:
		return approval_is_whole(event);
	case EVENT_KILL_SWITCH:
		return switch_is_whole(event);
	case EVENT_RETENTION:
		return retention_is_whole(event);
	case EVENT_REDACTION:
		return event->has_of_seq && event->of_seq < event->seq &&
		       event->path_count > 0 && is_given(event->caller);
	case EVENT_KEY:
		return key_is_whole(event);
	case EVENT_IDENTITY:
		return event->identity != NULL;
	case EVENT_RUN:
		return event->run_id != NULL;
	default:
		return true;
	}
}
