/* Counting events: spans of round lengths, names, waits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "gate/census.h"
#include "model/event.h"

#define OK(call) cr_assert_eq((call), GK_OK)
#define HOUR     GK_US_PER_HOUR
#define NOON     (INT64_C(20000) * GK_US_PER_DAY + 12 * HOUR)

static struct census_names names;
static struct census census;

static void
begin(void)
{
	names.arena.cap = 16 << 20;
	census_init(&census, NOON - 24 * HOUR, NOON);
}

static void
end(void)
{
	census_done(&census);
	census_names_done(&names);
}

static struct census_row
count(const struct census_event *event)
{
	struct gk_err err = {.rc = GK_OK};
	struct census_row row;

	cr_assert_eq(
	    census_row_of(&names, event, &row, &err), GK_OK, "%s", err.text);
	cr_assert_eq(census_add(&census, &row, &err), GK_OK, "%s", err.text);
	return row;
}

TestSuite(census, .init = begin, .fini = end);

static struct census_row
add(int kind, const char *bytes)
{
	return count(&(struct census_event){.kind = kind,
	    .decision = -1,
	    .time_us = NOON - 1,
	    .bytes = bytes,
	    .n = strlen(bytes)});
}

/* A resolution that was waited for so long. */
static void
add_wait(int64_t us)
{
	struct census_row row = {.kind = EVENT_APPROVAL,
	    .resolution = CENSUS_GRANTED,
	    .time_us = NOON - 1};

	census_waited(&row, us);
	cr_assert_eq(census_add(&census, &row, NULL), GK_OK);
}

static void
add_decision(int64_t us, enum decision decision, const char *reason)
{
	char text[200];
	struct census_event event = {.kind = EVENT_DECISION,
	    .decision = (int)decision,
	    .time_us = us,
	    .bytes = text,
	    .names = {[CENSUS_REASONS] = event_column_hash(reason, NULL),
		[CENSUS_ACTIONS] = event_column_hash("a.b", NULL)}};

	event.n = (size_t)snprintf(text, sizeof(text),
	    "{\"action\":\"a.b\",\"reason\":\"%s\"}", reason);
	(void)count(&event);
}

Test(census, a_day_is_told_in_half_hours_that_begin_at_full_ones)
{
	cr_assert_eq(census.span_us, 30 * GK_US_PER_MIN);
	cr_assert_eq(census.span_count, 48);
	cr_assert_eq(census.spans[0].at_us, NOON - 24 * HOUR);
	cr_assert_eq(census.spans[47].at_us, NOON - HOUR / 2);
}

Test(census, any_range_has_at_most_sixty_spans_and_they_reach_its_end)
{
	static const int64_t ranges[] = {1, 59, GK_US_PER_MIN, HOUR, HOUR + 1,
	    168 * HOUR, 9600 * HOUR, INT64_C(100000) * 24 * HOUR};
	static struct census other;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int64_t until = NOON + ranges[i];

		census_init(&other, NOON, until);
		cr_assert(other.span_count >= 1);
		cr_assert(other.span_count <= CENSUS_SPANS_MAX);
		cr_assert(other.since_us +
			      (int64_t)other.span_count * other.span_us >=
			  until);
		census_done(&other);
	}
}

Test(census, a_decision_counts_in_its_span_and_under_its_names)
{
	struct census_count top[CENSUS_TOP];

	add_decision(NOON - HOUR / 2, DECISION_ALLOW, "allowed");
	add_decision(NOON - 1, DECISION_STOP, "no_rule_allows");
	add_decision(NOON - HOUR / 2 - 1, DECISION_APPROVAL_REQUIRED, "ask");
	cr_assert_eq(census.spans[47].decisions[DECISION_ALLOW], 1);
	cr_assert_eq(census.spans[47].decisions[DECISION_STOP], 1);
	cr_assert_eq(census.spans[46].decisions[DECISION_APPROVAL_REQUIRED], 1);
	cr_assert_eq(census.all.decisions[DECISION_ALLOW], 1);
	cr_assert_eq(census_top(&census, &names, CENSUS_ACTIONS, top), 1);
	cr_assert_str_eq(top[0].name, "a.b");
	cr_assert_eq(top[0].decisions[DECISION_STOP], 1);
	/* reasons are those of what wasn't allowed */
	cr_assert_eq(census_top(&census, &names, CENSUS_REASONS, top), 2);
	cr_assert_str_eq(top[0].name, "ask");
	cr_assert_eq(census_top(&census, &names, CENSUS_AGENTS, top), 0);
}

Test(census, what_lies_outside_the_spans_counts_in_all_alone)
{
	add_decision(NOON - 25 * HOUR, DECISION_STOP, "x");
	add_decision(NOON + HOUR, DECISION_STOP, "x");
	for (size_t i = 0; i < census.span_count; i++) {
		cr_assert_eq(census.spans[i].decisions[DECISION_STOP], 0);
	}
	cr_assert_eq(census.all.decisions[DECISION_STOP], 2);
}

Test(census, the_most_frequent_names_come_first)
{
	struct census_count top[CENSUS_TOP];
	char name[16];

	for (int i = 0; i < 15; i++) {
		for (int k = 0; k <= i; k++) {
			(void)snprintf(name, sizeof(name), "r%02d", i);
			add_decision(NOON - 1, DECISION_STOP, name);
		}
	}
	add_decision(NOON - 1, DECISION_STOP, "r13"); /* as many as r14 */
	cr_assert_eq(census_top(&census, &names, CENSUS_REASONS, top),
	    (size_t)CENSUS_TOP);
	cr_assert_str_eq(top[0].name, "r13");
	cr_assert_str_eq(top[1].name, "r14");
	cr_assert_str_eq(top[9].name, "r05");
}

Test(census, names_beyond_the_cap_are_not_told_apart)
{
	char name[16];

	for (int i = 0; i < CENSUS_NAMES_MAX + 10; i++) {
		(void)snprintf(name, sizeof(name), "r%d", i);
		add_decision(NOON - 1, DECISION_STOP, name);
	}
	cr_assert_eq(names.lists[CENSUS_REASONS].count, CENSUS_NAMES_MAX);
	cr_assert(names.crowded[CENSUS_REASONS]);
	cr_assert_not(names.crowded[CENSUS_ACTIONS]);
	cr_assert_eq(
	    census.all.decisions[DECISION_STOP], CENSUS_NAMES_MAX + 10);
}

Test(census, violations_missing_results_and_resolutions_count)
{
	add(EVENT_VIOLATION, "{}");
	add(EVENT_RESULT, "{\"change\":\"unreported\"}");
	add(EVENT_RESULT, "{\"change\":\"reported\"}");
	add(EVENT_APPROVAL, "{\"change\":\"unreported\"}");
	add(EVENT_APPROVAL, "{\"change\":\"granted\"}");
	add(EVENT_APPROVAL, "{\"change\":\"expired\"}");
	add(EVENT_APPROVAL, "{\"change\":\"vote\"}");
	add(EVENT_ACCESS, "{\"change\":\"granted\"}");
	cr_assert_eq(census.all.violations, 1);
	cr_assert_eq(census.unreported, 1);
	cr_assert_eq(census.resolved[0], 1);
	cr_assert_eq(census.resolved[1], 0);
	cr_assert_eq(census.resolved[2], 1);
	cr_assert_eq(add(EVENT_APPROVAL, "{\"change\":\"vote\"}").resolution,
	    CENSUS_RESOLUTIONS);
	add(EVENT_DECISION, "{}"); /* without a decision */
	cr_assert_eq(census.all.decisions[DECISION_STOP], 0);
}

Test(census, waits_have_a_median_a_tail_and_a_cap)
{
	struct census_row row = {.kind = EVENT_APPROVAL};

	cr_assert_eq(census_percentile(&census, 50), 0);
	for (int i = 100; i > 0; i--) {
		add_wait(i * GK_US_PER_MS);
	}
	cr_assert_eq(census_percentile(&census, 50), 50);
	cr_assert_eq(census_percentile(&census, 90), 90);
	cr_assert_eq(census_percentile(&census, 100), 100);
	cr_assert_eq(census_percentile(&census, 0), 1);
	for (int i = 0; i < CENSUS_WAITS_MAX + 5; i++) {
		add_wait(-1);
	}
	cr_assert_eq(census.wait_count, CENSUS_WAITS_MAX);
	cr_assert_eq(census_percentile(&census, 0), 0);
	census_waited(&row, 100 * GK_US_PER_DAY);
	cr_assert_eq(row.wait_ms, UINT32_MAX);
}

Test(census, rows_of_one_set_of_names_can_be_counted_by_another_census)
{
	static struct census other;
	struct census_count top[CENSUS_TOP];
	struct census_row row =
	    count(&(struct census_event){.kind = EVENT_DECISION,
		.decision = DECISION_STOP,
		.time_us = NOON - 1,
		.names = {[CENSUS_TENANTS] = 7},
		.bytes = "{\"tenant_id\":\"t_1\"}",
		.n = 19});

	cr_assert_not(row.tenantless);
	cr_assert(add(EVENT_RESULT, "{}").tenantless);
	census_init(&other, NOON - HOUR, NOON);
	cr_assert_eq(census_top(&other, &names, CENSUS_TENANTS, top), 0);
	cr_assert_eq(census_add(&other, &row, NULL), GK_OK);
	cr_assert_eq(census_top(&other, &names, CENSUS_TENANTS, top), 1);
	cr_assert_str_eq(top[0].name, "t_1");
	census_done(&other);
}

/* ---- room for more names ---- */

static struct census_row
act(const char *action)
{
	char bytes[128];
	struct gk_err err = {.rc = GK_OK};
	struct census_row row;

	(void)snprintf(bytes, sizeof(bytes), "{\"action\":\"%s\"}", action);
	cr_assert_eq(census_row_of(&names,
			 &(struct census_event){.kind = EVENT_DECISION,
			     .decision = DECISION_ALLOW,
			     .time_us = NOON - 1,
			     .names = {[CENSUS_ACTIONS] =
					   event_column_hash(action, NULL)},
			     .bytes = bytes,
			     .n = strlen(bytes)},
			 &row, &err),
	    GK_OK);
	return row;
}

static size_t
act_often(struct census_row *rows, const char *stem, size_t count, size_t each)
{
	char action[64];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < each; k++) {
			(void)snprintf(
			    action, sizeof(action), "%s.a%zu", stem, i);
			rows[n++] = act(action);
		}
	}
	return n;
}

static void
count_all(const struct census_row *rows, size_t n)
{
	struct gk_err err = {.rc = GK_OK};

	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(census_add(&census, &rows[i], &err), GK_OK);
	}
}

Test(census, names_that_were_made_up_make_room_for_those_that_are_used)
{
	static struct census_row rows[3 * CENSUS_NAMES_MAX];
	struct census_count top[CENSUS_TOP];
	struct gk_err err = {.rc = GK_OK};
	size_t n = act_often(rows, "old", 2, 3);
	bool lost;

	n += act_often(rows + n, "junk", CENSUS_NAMES_MAX - 2, 1);
	cr_assert(census_names_full(&names));
	cr_assert_eq(act("bank.transfer").names[CENSUS_ACTIONS], 0);
	OK(census_names_thin(&names, rows, n, &lost, &err));
	cr_assert(lost && names.crowded[CENSUS_ACTIONS]);
	cr_assert_not(names.crowded[CENSUS_TENANTS]);
	cr_assert_eq(names.lists[CENSUS_ACTIONS].count, CENSUS_NAMES_MAX / 2);
	n += act_often(rows + n, "bank", 1, 5);
	count_all(rows, n);
	cr_assert_eq(
	    census_top(&census, &names, CENSUS_ACTIONS, top), CENSUS_TOP);
	cr_assert_str_eq(top[0].name, "bank.a0");
	cr_assert_eq(top[0].decisions[DECISION_ALLOW], 5);
	cr_assert_str_eq(top[1].name, "old.a0");
	cr_assert_str_eq(top[2].name, "old.a1");
	cr_assert_eq(top[2].decisions[DECISION_ALLOW], 3);
	cr_assert_eq(top[3].decisions[DECISION_ALLOW], 1);
	cr_assert_eq(census.all.decisions[DECISION_ALLOW], (int64_t)n);
	/* of equals the newer ones are left */
	cr_assert_neq(rows[n - 6].names[CENSUS_ACTIONS], 0);
	cr_assert_eq(rows[6].names[CENSUS_ACTIONS], 0);
}

/* The half that stays has more rows than any other: none of the others does. */
Test(census, half_of_a_full_list_goes_wherever_the_line_falls)
{
	static struct census_row rows[3 * CENSUS_NAMES_MAX];
	struct gk_err err = {.rc = GK_OK};
	size_t n = act_often(rows, "often", CENSUS_NAMES_MAX / 2, 2);
	bool lost;

	n += act_often(rows + n, "once", CENSUS_NAMES_MAX / 2, 1);
	OK(census_names_thin(&names, rows, n, &lost, &err));
	cr_assert(lost);
	cr_assert_eq(names.lists[CENSUS_ACTIONS].count, CENSUS_NAMES_MAX / 2);
	cr_assert_neq(rows[0].names[CENSUS_ACTIONS], 0);
	cr_assert_eq(rows[n - 1].names[CENSUS_ACTIONS], 0);
}

Test(census, names_that_no_row_has_any_more_go_and_nothing_is_lost)
{
	static struct census_row rows[CENSUS_NAMES_MAX];
	struct census_count top[CENSUS_TOP];
	struct gk_err err = {.rc = GK_OK};
	bool lost;

	(void)act_often(rows, "gone", CENSUS_NAMES_MAX, 1);
	OK(census_names_thin(&names, rows + 4000, 96, &lost, &err));
	cr_assert(!lost && !names.crowded[CENSUS_ACTIONS]);
	cr_assert_eq(names.lists[CENSUS_ACTIONS].count, 96);
	cr_assert_not(census_names_full(&names));
	count_all(rows + 4000, 96);
	cr_assert_eq(
	    census_top(&census, &names, CENSUS_ACTIONS, top), CENSUS_TOP);
	cr_assert_str_eq(top[0].name, "gone.a4000");
	cr_assert_eq(rows[4000].names[CENSUS_ACTIONS], 1);
	cr_assert_eq(rows[4095].names[CENSUS_ACTIONS], 96);
	OK(census_names_thin(&names, rows, 0, &lost, &err));
	cr_assert_eq(names.lists[CENSUS_ACTIONS].count, 0);
}
