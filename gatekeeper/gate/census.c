/* Counts events for the overview. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/time.h"
#include "gate/census.h"
#include "model/entry.h"
#include "model/event.h"

static const char *const census_resolutions[] = {
    "granted", "denied", "expired"};

/* Lengths that people read well. */
static const int64_t census_lengths_us[] = {GK_US_PER_MIN, 5 * GK_US_PER_MIN,
    15 * GK_US_PER_MIN, 30 * GK_US_PER_MIN, GK_US_PER_HOUR, 3 * GK_US_PER_HOUR,
    6 * GK_US_PER_HOUR, GK_US_PER_DAY, 7 * GK_US_PER_DAY, 30 * GK_US_PER_DAY,
    365 * GK_US_PER_DAY};

void
census_init(struct census *census, struct gk_arena *arena, int64_t since_us,
    int64_t until_us)
{
	size_t i = 0;

	memset(census, 0, sizeof(*census));
	GK_ASSERT(since_us >= 0 && since_us < until_us);
	census->arena = arena;
	for (;; i++) {
		int64_t length = census_lengths_us[i];
		int64_t begin = since_us - since_us % length;
		int64_t count = (until_us - begin + length - 1) / length;

		census->span_us = length;
		census->since_us = begin;
		census->span_count = (size_t)count;
		if (count <= CENSUS_SPANS_MAX ||
		    i + 1 == GK_COUNT(census_lengths_us)) {
			break;
		}
	}
	if (census->span_count > CENSUS_SPANS_MAX) { /* the newest ones */
		census->since_us +=
		    (int64_t)(census->span_count - CENSUS_SPANS_MAX) *
		    census->span_us;
		census->span_count = CENSUS_SPANS_MAX;
	}
	for (i = 0; i < census->span_count; i++) {
		census->spans[i].at_us =
		    census->since_us + (int64_t)i * census->span_us;
	}
}

void
census_done(struct census *census)
{
	for (size_t i = 0; i < CENSUS_LIST_COUNT; i++) {
		gk_map_done(&census->names[i]);
	}
}

/* ---- counting ---- */

static struct census_count *
span_of(struct census *census, int64_t time_us)
{
	int64_t i = (time_us - census->since_us) / census->span_us;

	return time_us < census->since_us || i >= (int64_t)census->span_count
		   ? NULL
		   : &census->spans[i];
}

/* The members behind the columns. */
static const char *const census_members[CENSUS_LIST_COUNT] = {
    [CENSUS_REASONS] = "reason",
    [CENSUS_ACTIONS] = "action",
    [CENSUS_TENANTS] = "tenant_id",
    [CENSUS_AGENTS] = "agent_id",
};

/* The count of a name; NULL: there are so many that this one isn't told apart. */
static enum gk_rc
count_of(struct census *census, enum census_list list,
    const struct census_event *event, struct census_count **ret,
    struct gk_err *err)
{
	struct gk_map *map = &census->names[list];
	const int64_t *hash = &event->names[list];
	struct census_count *count;

	*ret = gk_map_get(map, hash, sizeof(*hash));
	if (*ret != NULL || map->count >= CENSUS_NAMES_MAX) {
		return GK_OK;
	}
	count = gk_arena_alloc(census->arena, sizeof(*count));
	if (count == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "counts");
	}
	count->hash = *hash;
	count->name = entry_dup(
	    event->bytes, event->n, census_members[list], census->arena);
	if (count->name == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "counts");
	}
	*ret = count;
	return gk_map_set(map, &count->hash, sizeof(count->hash), count, err);
}

static enum gk_rc
add_decision(
    struct census *census, const struct census_event *event, struct gk_err *err)
{
	struct census_count *span = span_of(census, event->time_us), *count;
	int word = event->decision;

	if (word < 0 || word >= DECISION_COUNT) {
		return GK_OK;
	}
	census->all.decisions[word]++;
	if (span != NULL) {
		span->decisions[word]++;
	}
	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		if (event->names[i] == 0 ||
		    (i == CENSUS_REASONS && word == DECISION_ALLOW)) {
			continue;
		}
		GK_TRY(count_of(census, i, event, &count, err));
		if (count != NULL) {
			count->decisions[word]++;
		}
	}
	return GK_OK;
}

static bool
has_change(const struct census_event *event, const char *change)
{
	return entry_is(event->bytes, event->n, "change", change);
}

/* Which of census_resolutions; their count: none. */
static size_t
resolution_of(const struct census_event *event)
{
	size_t i = 0;

	if (event->kind != EVENT_APPROVAL) {
		return GK_COUNT(census_resolutions);
	}
	while (i < GK_COUNT(census_resolutions) &&
	       !has_change(event, census_resolutions[i])) {
		i++;
	}
	return i;
}

bool
census_resolves(const struct census_event *event)
{
	return resolution_of(event) < GK_COUNT(census_resolutions);
}

void
census_wait(struct census *census, int64_t us)
{
	if (census->wait_count < CENSUS_WAITS_MAX) {
		census->waits_us[census->wait_count++] = us < 0 ? 0 : us;
	}
}

enum gk_rc
census_add(
    struct census *census, const struct census_event *event, struct gk_err *err)
{
	struct census_count *span = span_of(census, event->time_us);
	size_t resolution = resolution_of(event);

	if (event->kind == EVENT_DECISION) {
		return add_decision(census, event, err);
	}
	if (event->kind == EVENT_VIOLATION) {
		census->all.violations++;
		if (span != NULL) {
			span->violations++;
		}
	} else if (event->kind == EVENT_RESULT) {
		census->unreported += has_change(event, "unreported");
	} else if (resolution < GK_COUNT(census_resolutions)) {
		census->resolved[resolution]++;
	}
	return GK_OK;
}

/* ---- what comes out ---- */

static int64_t
sum(const struct census_count *count)
{
	int64_t n = 0;

	for (size_t i = 0; i < DECISION_COUNT; i++) {
		n += count->decisions[i];
	}
	return n;
}

/* More decisions first, then by name. */
static bool
is_before(const struct census_count *a, const struct census_count *b)
{
	int64_t m = sum(a), n = sum(b);

	return m != n ? m > n : strcmp(a->name, b->name) < 0;
}

size_t
census_top(const struct census *census, enum census_list list,
    struct census_count ret[CENSUS_TOP])
{
	const struct census_count *count;
	size_t at = 0, n = 0;

	while ((count = gk_map_next(&census->names[list], &at)) != NULL) {
		size_t i;

		if (n == CENSUS_TOP && !is_before(count, &ret[n - 1])) {
			continue;
		}
		i = n < CENSUS_TOP ? n++ : n - 1;
		for (; i > 0 && is_before(count, &ret[i - 1]); i--) {
			ret[i] = ret[i - 1];
		}
		ret[i] = *count;
	}
	return n;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t
census_percentile(struct census *census, unsigned percent)
{
	size_t n = census->wait_count;

	GK_ASSERT(percent <= 100);
	if (n == 0) {
		return 0;
	}
	qsort(census->waits_us, n, sizeof(census->waits_us[0]), compare);
	return census
	    ->waits_us[(n * percent + 99) / 100 - (percent == 0 ? 0 : 1)];
}
