/* What is particular to limits, budgets and approvals. */
#include <string.h>

#include "base/time.h"
#include "model/event.h"
#include "policy/policy_internal.h"

#define COMMON_KEYS "id", "mode", "actions", "when", "reason"

static const char *const access_keys[] = {COMMON_KEYS, "roles"};
static const char *const limit_keys[] = {
    COMMON_KEYS, "per", "rate", "burst", "max", "same_action", "within"};
static const char *const budget_keys[] = {
    COMMON_KEYS, "per", "unit", "amount", "every", "cost", "refund"};
static const char *const approval_keys[] = {COMMON_KEYS, "roles", "approvers",
    "show", "forget_after", "expires", "grant_valid", "escalate", "bounded",
    "risk"};
static const char *const approver_keys[] = {"groups", "count"};
static const char *const escalate_keys[] = {"after", "to"};
static const char *const bounded_keys[] = {"max_uses", "max_ttl", "pins"};

const char *const *
section_keys(enum section section, size_t *ret_count)
{
	switch (section) {
	case SECTION_LIMITS:
		*ret_count = GK_COUNT(limit_keys);
		return limit_keys;
	case SECTION_BUDGETS:
		*ret_count = GK_COUNT(budget_keys);
		return budget_keys;
	case SECTION_APPROVALS:
		*ret_count = GK_COUNT(approval_keys);
		return approval_keys;
	case SECTION_STOP:
	case SECTION_ALLOW:
	case SECTION_COUNT:
		break;
	}
	*ret_count = GK_COUNT(access_keys);
	return access_keys;
}

const char *const *
section_part_keys(const char *part, size_t *ret_count)
{
	if (strcmp(part, "escalate") == 0) {
		*ret_count = GK_COUNT(escalate_keys);
		return escalate_keys;
	}
	if (strcmp(part, "bounded") == 0) {
		*ret_count = GK_COUNT(bounded_keys);
		return bounded_keys;
	}
	*ret_count = GK_COUNT(approver_keys);
	return approver_keys;
}

/* "60/min": how many, and in how many nanoseconds. */
static bool
parse_rate(const char *text, int64_t *ret_n, int64_t *ret_period_ns)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"s", 1}, {"sec", 1}, {"second", 1}, {"min", 60},
	    {"minute", 60}, {"h", 3600}, {"hour", 3600}, {"d", 86400},
	    {"day", 86400}};
	int64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && n <= 1000000; at++) {
		n = n * 10 + (*at - '0');
	}
	if (n < 1 || n > 1000000 || *at != '/') {
		return false;
	}
	for (size_t i = 0; i < GK_COUNT(units); i++) {
		if (strcmp(at + 1, units[i].unit) == 0) {
			*ret_n = n;
			*ret_period_ns = units[i].seconds * INT64_C(1000000000);
			return true;
		}
	}
	return false;
}

static void
limit_rate(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	const struct json_value *value = json_get(object, "rate");
	int64_t n = 1, period_ns = 1;

	rule->limit.kind = LIMIT_RATE;
	if (json_string(value) == NULL ||
	    !parse_rate(json_string(value), &n, &period_ns)) {
		field_wrong(reader, value, "for example 5/s, 60/min, 1000/day",
		    "'rate': expected 1 to 1000000 per s, min, hour or day");
	}
	rule->limit.interval_ns = period_ns / n > 0 ? period_ns / n : 1;
	rule->limit.burst = field_int(reader, object, "burst", 1, 1000000, n);
}

void
section_limit(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	const struct json_value *rate = json_get(object, "rate");
	const struct json_value *max = json_get(object, "max");
	const struct json_value *same = json_get(object, "same_action");

	(void)field_required(reader, object, "per");
	rule->per = (enum scope)field_word(
	    reader, object, "per", per_words, SCOPE_COUNT, SCOPE_RUN);
	if ((rate != NULL) + (max != NULL) + (same != NULL) != 1) {
		field_wrong(reader, object, NULL,
		    "a limit has exactly one of 'rate', 'max' and "
		    "'same_action'");
		return;
	}
	if (rate == NULL && json_get(object, "burst") != NULL) {
		field_wrong(reader, json_get(object, "burst"), NULL,
		    "'burst' goes with 'rate'");
	}
	if ((same == NULL) != (json_get(object, "within") == NULL)) {
		field_wrong(reader, object, NULL,
		    "'same_action' and 'within' go together");
	}
	if (rate != NULL) {
		limit_rate(reader, object, rule);
	} else if (max != NULL) {
		rule->limit.kind = LIMIT_MAX;
		rule->limit.max =
		    field_int(reader, object, "max", 1, 1000000000, 1);
		if (rule->per != SCOPE_RUN) {
			field_wrong(reader, max, "write per: run",
			    "'max' counts the decisions in a run's life");
		}
	} else {
		rule->limit.kind = LIMIT_SAME_ACTION;
		rule->limit.max =
		    field_int(reader, object, "same_action", 1, 1000, 1);
		rule->limit.within_us = field_duration(
		    reader, object, "within", GK_US_PER_DAY, GK_US_PER_MIN);
	}
}

/* A constant amount, or an expression that gives one. */
static void
budget_cost(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	const char *text = json_string(json_get(object, "cost"));

	rule->budget.cost_micros = -1;
	if (text != NULL && strspn(text, "+-.0123456789") < strlen(text)) {
		rule->cost =
		    expression_parse(reader, object, "cost", NULL, rule);
		return;
	}
	rule->budget.cost_micros =
	    field_amount(reader, object, "cost", "for example \"0.02\"");
}

void
section_budget(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	static const char *const windows[] = {[WINDOW_RUN] = "run",
	    [WINDOW_HOUR] = "hour",
	    [WINDOW_DAY] = "day",
	    [WINDOW_MONTH] = "month"};
	static const char *const refunds[] = {"never", "reported"};
	struct budget_finding *budget = &rule->budget;

	(void)field_required(reader, object, "per");
	(void)field_required(reader, object, "unit");
	(void)field_required(reader, object, "amount");
	(void)field_required(reader, object, "every");
	rule->per = (enum scope)field_word(
	    reader, object, "per", per_words, SCOPE_COUNT, SCOPE_RUN);
	budget->unit = field_str(reader, object, "unit", name_is_code,
	    "1-64 characters of a-z 0-9 _ .", "");
	budget->amount_micros =
	    field_amount(reader, object, "amount", "for example \"20.00\"");
	budget->every = (enum budget_window)field_word(
	    reader, object, "every", windows, GK_COUNT(windows), WINDOW_DAY);
	budget_cost(reader, object, rule);
	budget->refund_reported =
	    field_word(reader, object, "refund", refunds, 2, 0) == 1;
	if (budget->every == WINDOW_RUN && rule->per != SCOPE_RUN &&
	    json_get(object, "every") != NULL) {
		field_wrong(reader, json_get(object, "every"), "write per: run",
		    "'every: run' is a budget of each run");
	}
}

/* "" or "/a/b", with ~0 and ~1; at most 256 bytes (RFC 6901). */
static bool
is_pointer(const char *text)
{
	if (text[0] != '/' || strlen(text) > 256) {
		return false;
	}
	for (; *text != '\0'; text++) {
		if (*text == '~' && text[1] != '0' && text[1] != '1') {
			return false;
		}
	}
	return true;
}

/* "args.order.id" or "/order/id"; both name one argument. */
static bool
is_pin(const char *text)
{
	return is_pointer(text) ||
	       (strncmp(text, "args.", 5) == 0 && strlen(text) <= 256 &&
		   text[5] != '\0' && text[5] != '.' &&
		   text[strlen(text) - 1] != '.' &&
		   strstr(text, "..") == NULL && strpbrk(text, "~/[") == NULL);
}

/* As a JSON Pointer into args. */
static const char *
pin_pointer(struct reader *reader, const char *text)
{
	char *copy;

	if (text[0] == '/') {
		return text;
	}
	copy = gk_arena_strdup(&reader->policy->arena, text + 4);
	if (copy == NULL) {
		reader->no_memory = true;
		return "";
	}
	for (char *at = copy; *at != '\0'; at++) {
		if (*at == '.') {
			*at = '/';
		}
	}
	return copy;
}

/* Others are told, and may decide too, when it has been pending for so long. */
static void
approval_escalate(struct reader *reader, const struct json_value *object,
    struct approval_finding *approval)
{
	const struct json_value *escalate = json_get(object, "escalate");
	struct texts to;

	if (escalate == NULL || !field_known(reader, escalate, escalate_keys,
				    GK_COUNT(escalate_keys))) {
		return;
	}
	(void)field_required(reader, escalate, "after");
	(void)field_required(reader, escalate, "to");
	to = field_strs(
	    reader, escalate, "to", name_is_id, "a group's name", 32);
	approval->escalate_to = to.items;
	approval->escalate_count = to.count;
	approval->escalate_after_us =
	    field_duration(reader, escalate, "after", 30 * GK_US_PER_DAY, 0);
}

/* What an approver may grant beyond the one request that asked. */
static void
approval_bounded(struct reader *reader, const struct json_value *object,
    struct approval_finding *approval)
{
	const struct json_value *bounded = json_get(object, "bounded");
	struct texts pins;

	if (bounded == NULL || !field_known(reader, bounded, bounded_keys,
				   GK_COUNT(bounded_keys))) {
		return;
	}
	for (size_t i = 0; i < GK_COUNT(bounded_keys); i++) {
		(void)field_required(reader, bounded, bounded_keys[i]);
	}
	approval->max_uses =
	    field_int(reader, bounded, "max_uses", 1, APPROVAL_USES_MAX, 1);
	approval->max_ttl_us = field_duration(
	    reader, bounded, "max_ttl", 7 * GK_US_PER_DAY, GK_US_PER_MIN);
	pins = field_strs(reader, bounded, "pins", is_pin,
	    "an argument such as args.order", 16);
	for (size_t i = 0; i < pins.count; i++) {
		pins.items[i] = pin_pointer(reader, pins.items[i]);
	}
	approval->pins = pins.items;
	approval->pin_count = pins.count;
}

void
section_approval(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	const struct json_value *who = json_get(object, "approvers");
	struct approval_finding *approval = &rule->approval;
	struct texts groups = {NULL, 0}, show;

	approval->needed = 1;
	if (field_required(reader, object, "approvers") &&
	    field_known(reader, who, approver_keys, GK_COUNT(approver_keys))) {
		(void)field_required(reader, who, "groups");
		groups = field_strs(
		    reader, who, "groups", name_is_id, "a group's name", 32);
		approval->needed = field_int(reader, who, "count", 1, 32, 1);
	}
	approval->groups = groups.items;
	approval->group_count = groups.count;
	show = field_strs(reader, object, "show", is_pointer,
	    "a JSON Pointer such as /amount", 32);
	approval->show = show.items;
	approval->show_count = show.count;
	approval->risk = (enum risk)field_word(
	    reader, object, "risk", risk_words, RISK_COUNT, RISK_NONE);
	approval->expires_us = field_duration(
	    reader, object, "expires", 30 * GK_US_PER_DAY, 30 * GK_US_PER_MIN);
	approval->grant_valid_us = field_duration(reader, object, "grant_valid",
	    7 * GK_US_PER_DAY, 15 * GK_US_PER_MIN);
	approval->forget_after_us = field_duration(reader, object,
	    "forget_after", 3660 * GK_US_PER_DAY, 30 * GK_US_PER_DAY);
	approval_escalate(reader, object, approval);
	approval_bounded(reader, object, approval);
}
