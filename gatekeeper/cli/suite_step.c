/* What a step of a test may be. */
#include "base/time.h"
#include "cli/suite.h"
#include "model/event.h"

enum { HOUR_MAX = 100000 };

static bool
is_at_most(const struct suite_step *step)
{
	const struct json_value *one;

	if (step->uses == 0 || json_type(step->at_most) != JSON_OBJECT ||
	    json_count(step->at_most) > APPROVAL_AT_MOST_MAX) {
		return false;
	}
	for (one = json_first(step->at_most); one != NULL;
	     one = json_next(one)) {
		if (json_name(one)[0] != '/' || json_type(one) != JSON_NUMBER) {
			return false;
		}
	}
	return true;
}

const char *
suite_step_fault(const struct suite *suite, const struct suite_step *step)
{
	int things = (step->ask != NULL) + (step->grant != NULL) +
		     (step->deny != NULL) + (step->revoke != NULL) +
		     (step->result != NULL) + (step->after != NULL) +
		     (step->end != NULL) + (step->thrown != NULL) + step->lift;
	int64_t us;

	if (things != 1) {
		return "a step is exactly one of ask, grant, deny, revoke, "
		       "result, after, switch, lift, end";
	}
	if (step->ask != NULL && json_type(step->ask) != JSON_OBJECT) {
		return "ask: expected a mapping, as the body of POST "
		       "/v1/decisions";
	}
	if ((step->grant != NULL || step->deny != NULL ||
		step->revoke != NULL) &&
	    step->by == NULL) {
		return "by: who grants, denies or revokes?";
	}
	if ((step->uses != 0 || step->valid_for != NULL) &&
	    step->grant == NULL) {
		return "uses, valid_for: only of a grant";
	}
	if (step->at_most != NULL && !is_at_most(step)) {
		return "at_most: expected up to 8 numbers by JSON Pointer, "
		       "such as {/amount: 50}, with uses";
	}
	if (step->valid_for != NULL &&
	    gk_duration_parse(step->valid_for, &us, NULL) != GK_OK) {
		return "valid_for: expected a duration such as 30s, 10m, 2h";
	}
	if (step->by != NULL && suite_identity(suite, step->by) == NULL) {
		return "by: none of the identities of this file";
	}
	if (step->after != NULL &&
	    (gk_duration_parse(step->after, &us, NULL) != GK_OK ||
		us > HOUR_MAX * GK_US_PER_HOUR)) {
		return "after: expected a duration such as 30s, 10m, 2h, 7d";
	}
	if (step->thrown != NULL && step->thrown->duration != NULL &&
	    gk_duration_parse(step->thrown->duration, &us, NULL) != GK_OK) {
		return "for: expected a duration such as 30s, 10m, 2h, 7d";
	}
	if (step->cost != NULL && json_type(step->cost) != JSON_OBJECT) {
		return "cost: expected a mapping such as {usd: \"0.02\"}";
	}
	if (step->repeat > 1 && step->ask == NULL) {
		return "repeat: only an ask can be repeated";
	}
	return NULL;
}
