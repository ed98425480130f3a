/* Counts events for the overview. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/time.h"
#include "gate/census.h"
#include "model/entry.h"
#include "model/event.h"

static const char *const resolution_words[CENSUS_RESOLUTIONS] = {
    [CENSUS_GRANTED] = "granted",
    [CENSUS_DENIED] = "denied",
    [CENSUS_EXPIRED] = "expired",
};

/* Lengths that people read well. */
static const int64_t census_lengths_us[] = {GK_US_PER_MIN, 5 * GK_US_PER_MIN,
    15 * GK_US_PER_MIN, 30 * GK_US_PER_MIN, GK_US_PER_HOUR, 3 * GK_US_PER_HOUR,
    6 * GK_US_PER_HOUR, GK_US_PER_DAY, 7 * GK_US_PER_DAY, 30 * GK_US_PER_DAY,
    365 * GK_US_PER_DAY};

void
census_init(struct census *census, int64_t since_us, int64_t until_us)
{
	size_t i = 0;

	memset(census, 0, sizeof(*census));
	GK_ASSERT(since_us >= 0 && since_us < until_us);
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
		free(census->counts[i]);
		census->counts[i] = NULL;
	}
}

/* ---- what counts of an event ---- */

/* The members behind the columns. */
static const char *const census_members[CENSUS_LIST_COUNT] = {
    [CENSUS_REASONS] = "reason",
    [CENSUS_ACTIONS] = "action",
    [CENSUS_TENANTS] = "tenant_id",
    [CENSUS_AGENTS] = "agent_id",
};

void
census_names_done(struct census_names *names)
{
	for (size_t i = 0; i < CENSUS_LIST_COUNT; i++) {
		gk_map_done(&names->lists[i]);
		names->crowded[i] = false;
	}
	gk_arena_done(&names->arena);
}

/* The number of an event's name; 0: there are so many that this one isn't told apart. */
static enum gk_rc
number_of(struct census_names *names, enum census_list list,
    const struct census_event *event, uint32_t *ret, struct gk_err *err)
{
	struct gk_map *map = &names->lists[list];
	const int64_t *hash = &event->names[list];
	struct census_name *name = gk_map_get(map, hash, sizeof(*hash));

	*ret = 0;
	if (name != NULL) {
		*ret = name->number;
		return GK_OK;
	}
	if (map->count >= CENSUS_NAMES_MAX) {
		names->crowded[list] = true;
		return GK_OK;
	}
	name = gk_arena_alloc(&names->arena, sizeof(*name));
	if (name == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "names");
	}
	name->hash = *hash;
	name->number = (uint32_t)map->count + 1;
	name->text = entry_dup(
	    event->bytes, event->n, census_members[list], &names->arena);
	if (name->text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "names");
	}
	*ret = name->number;
	return gk_map_set(map, &name->hash, sizeof(name->hash), name, err);
}

/* ---- room for more names ---- */

/* By number: how many rows have a name; then the name's new number, 0 where it goes. */
struct thinning {
	uint32_t of[CENSUS_LIST_COUNT][CENSUS_NAMES_MAX + 1];
	uint32_t sorted[CENSUS_NAMES_MAX];
};

static int
more_first(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

/* Of a full list half may stay: the names of most rows, and of equals the newer ones.  True: some of the others had rows. */
static bool
choose(struct thinning *thinning, uint32_t of[CENSUS_NAMES_MAX + 1], bool full)
{
	size_t room = CENSUS_NAMES_MAX;
	uint32_t floor = 0, next = 1;
	bool lost = false;

	if (full) {
		memcpy(thinning->sorted, of + 1, sizeof(thinning->sorted));
		qsort(thinning->sorted, CENSUS_NAMES_MAX,
		    sizeof(thinning->sorted[0]), more_first);
		room = CENSUS_NAMES_MAX / 2;
		floor = thinning->sorted[room];
	}
	for (size_t i = 0; full && i < CENSUS_NAMES_MAX / 2; i++) {
		room -= thinning->sorted[i] > floor; /* left for equals */
	}
	for (size_t i = CENSUS_NAMES_MAX; i > 0; i--) {
		bool equal = full && of[i] == floor;

		if (of[i] != 0 && (of[i] < floor || (equal && room == 0))) {
			of[i] = 0;
			lost = true;
		} else if (equal && of[i] != 0) {
			room--;
		}
	}
	of[0] = 0;
	for (size_t i = 1; i <= CENSUS_NAMES_MAX; i++) {
		of[i] = of[i] == 0 ? 0 : next++;
	}
	return lost;
}

/* The names that stay, under their new numbers. */
static enum gk_rc
copy_names(const struct census_names *names, const struct thinning *thinning,
    struct census_names *ret, struct gk_err *err)
{
	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		const struct census_name *from;
		size_t at = 0;

		while ((from = gk_map_next(&names->lists[i], &at)) != NULL) {
			uint32_t number = thinning->of[i][from->number];
			struct census_name *name;

			if (number == 0) {
				continue;
			}
			name = gk_arena_alloc(&ret->arena, sizeof(*name));
			if (name == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "names");
			}
			*name = (struct census_name){.hash = from->hash,
			    .number = number,
			    .text = gk_arena_strdup(&ret->arena, from->text)};
			if (name->text == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "names");
			}
			GK_TRY(gk_map_set(&ret->lists[i], &name->hash,
			    sizeof(name->hash), name, err));
		}
	}
	return GK_OK;
}

bool
census_names_full(const struct census_names *names)
{
	bool full = false;

	for (size_t i = 0; i < CENSUS_LIST_COUNT; i++) {
		full |= names->lists[i].count >= CENSUS_NAMES_MAX;
	}
	return full;
}

enum gk_rc
census_names_thin(struct census_names *names, struct census_row *rows,
    size_t count, bool *ret_lost, struct gk_err *err)
{
	struct census_names kept = {.arena.cap = names->arena.cap};
	struct thinning *thinning = calloc(1, sizeof(*thinning));
	enum gk_rc rc;

	if (thinning == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "names");
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < CENSUS_LIST_COUNT; k++) {
			thinning->of[k][rows[i].names[k]]++;
		}
	}
	*ret_lost = false;
	for (size_t k = 0; k < CENSUS_LIST_COUNT; k++) {
		bool lost = choose(thinning, thinning->of[k],
		    names->lists[k].count >= CENSUS_NAMES_MAX);

		kept.crowded[k] = names->crowded[k] || lost;
		*ret_lost |= lost;
	}
	rc = copy_names(names, thinning, &kept, err);
	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		for (size_t k = 0; k < CENSUS_LIST_COUNT; k++) {
			rows[i].names[k] = thinning->of[k][rows[i].names[k]];
		}
	}
	free(thinning);
	census_names_done(rc == GK_OK ? names : &kept);
	if (rc == GK_OK) {
		*names = kept;
	}
	return rc;
}

/* ---- what an event is ---- */

static bool
has_change(const struct census_event *event, const char *change)
{
	return entry_is(event->bytes, event->n, "change", change);
}

static uint8_t
resolution_of(const struct census_event *event)
{
	uint8_t i = 0;

	if (event->kind != EVENT_APPROVAL) {
		return CENSUS_RESOLUTIONS;
	}
	while (
	    i < CENSUS_RESOLUTIONS && !has_change(event, resolution_words[i])) {
		i++;
	}
	return i;
}

enum gk_rc
census_row_of(struct census_names *names, const struct census_event *event,
    struct census_row *ret, struct gk_err *err)
{
	bool decides = event->decision >= 0 && event->decision < DECISION_COUNT;

	*ret = (struct census_row){.time_us = event->time_us,
	    .kind = (uint8_t)event->kind,
	    .decision = (uint8_t)(decides ? event->decision : DECISION_COUNT),
	    .resolution = resolution_of(event),
	    .unreported =
		event->kind == EVENT_RESULT && has_change(event, "unreported"),
	    .tenantless = event->names[CENSUS_TENANTS] == 0};
	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		bool counts = i == CENSUS_TENANTS ||
			      (event->kind == EVENT_DECISION && decides &&
				  (i != CENSUS_REASONS ||
				      event->decision != DECISION_ALLOW));

		if (counts && event->names[i] != 0) {
			GK_TRY(number_of(names, i, event, &ret->names[i], err));
		}
	}
	return GK_OK;
}

void
census_waited(struct census_row *row, int64_t us)
{
	int64_t ms = us < 0 ? 0 : us / GK_US_PER_MS;

	row->waited = true;
	row->wait_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
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

static enum gk_rc
make_room(struct census *census, enum census_list list, uint32_t number,
    struct gk_err *err)
{
	size_t old = census->room[list], room = old == 0 ? 64 : old;
	struct census_count *counts;

	while (room <= number) {
		room *= 2;
	}
	counts = reallocarray(census->counts[list], room, sizeof(*counts));
	if (counts == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "counts");
	}
	memset(&counts[old], 0, (room - old) * sizeof(*counts));
	census->counts[list] = counts;
	census->room[list] = room;
	return GK_OK;
}

static enum gk_rc
add_decision(
    struct census *census, const struct census_row *row, struct gk_err *err)
{
	struct census_count *span = span_of(census, row->time_us);
	unsigned word = row->decision;

	if (word >= DECISION_COUNT) {
		return GK_OK;
	}
	census->all.decisions[word]++;
	if (span != NULL) {
		span->decisions[word]++;
	}
	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		uint32_t number = row->names[i];

		if (number == 0) {
			continue;
		}
		if (number >= census->room[i]) {
			GK_TRY(make_room(census, i, number, err));
		}
		census->counts[i][number].decisions[word]++;
	}
	return GK_OK;
}

enum gk_rc
census_add(
    struct census *census, const struct census_row *row, struct gk_err *err)
{
	struct census_count *span = span_of(census, row->time_us);

	if (row->kind == EVENT_DECISION) {
		return add_decision(census, row, err);
	}
	if (row->kind == EVENT_VIOLATION) {
		census->all.violations++;
		if (span != NULL) {
			span->violations++;
		}
	} else if (row->resolution < CENSUS_RESOLUTIONS) {
		census->resolved[row->resolution]++;
		if (row->waited && census->wait_count < CENSUS_WAITS_MAX) {
			census->waits_ms[census->wait_count++] = row->wait_ms;
		}
	}
	census->unreported += row->unreported;
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
census_top(const struct census *census, const struct census_names *names,
    enum census_list list, struct census_count ret[CENSUS_TOP])
{
	const struct census_name *name;
	size_t at = 0, n = 0;

	while ((name = gk_map_next(&names->lists[list], &at)) != NULL) {
		struct census_count count;
		size_t i;

		if (name->number >= census->room[list]) {
			continue;
		}
		count = census->counts[list][name->number];
		count.name = name->text;
		if (sum(&count) == 0 ||
		    (n == CENSUS_TOP && !is_before(&count, &ret[n - 1]))) {
			continue;
		}
		i = n < CENSUS_TOP ? n++ : n - 1;
		for (; i > 0 && is_before(&count, &ret[i - 1]); i--) {
			ret[i] = ret[i - 1];
		}
		ret[i] = count;
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
	qsort(census->waits_ms, n, sizeof(census->waits_ms[0]), compare);
	return census
	    ->waits_ms[(n * percent + 99) / 100 - (percent == 0 ? 0 : 1)];
}
