#ifndef GK_GATE_CENSUS_H
#define GK_GATE_CENSUS_H
/* What a stretch of the log adds up to: decisions over time, what they were about, how long people took. */

#include "base/arena.h"
#include "base/map.h"
#include "model/names.h"

enum {
	CENSUS_SPANS_MAX = 60, /* of one chart */
	CENSUS_TOP = 10,       /* of each list */
	CENSUS_NAMES_MAX =
	    4096, /* different ones that are told apart, of each list */
	CENSUS_WAITS_MAX = 10000,
};

/* What a name stands for; the order of census.names. */
enum census_list {
	CENSUS_REASONS, /* of what wasn't allowed */
	CENSUS_ACTIONS,
	CENSUS_TENANTS,
	CENSUS_AGENTS,
	CENSUS_LIST_COUNT,
};

/* A name that events have; numbers count from 1, in each list by itself. */
struct census_name {
	int64_t hash; /* the store's column: the map's key */
	uint32_t number;
	const char *text;
};

/* The names that are told apart.  Zeroed, with a cap of its arena, it is empty. */
struct census_names {
	struct gk_arena arena;
	struct gk_map lists[CENSUS_LIST_COUNT]; /* hash → struct census_name */
	bool crowded[CENSUS_LIST_COUNT];        /* there were more */
};

/* What counts of an event. */
struct census_row {
	int64_t time_us;
	uint32_t
	    names[CENSUS_LIST_COUNT]; /* numbers; 0: none, or one too many */
	uint32_t
	    wait_ms; /* of a resolution; what is longer is UINT32_MAX, 49 days */
	uint8_t kind;
	uint8_t decision;   /* DECISION_COUNT: none */
	uint8_t resolution; /* CENSUS_GRANTED …; CENSUS_RESOLUTIONS: none */
	bool waited, unreported, tenantless;
};

enum census_resolution {
	CENSUS_GRANTED,
	CENSUS_DENIED,
	CENSUS_EXPIRED,
	CENSUS_RESOLUTIONS,
};

/* Decisions that have something in common. */
struct census_count {
	const char *name; /* NULL: a span, or all */
	int64_t at_us;    /* of a span: its begin */
	int64_t decisions[DECISION_COUNT];
	int64_t violations;
};

struct census {
	int64_t since_us, span_us;
	size_t span_count;
	struct census_count spans[CENSUS_SPANS_MAX];
	struct census_count all;
	int64_t unreported;
	int64_t resolved[CENSUS_RESOLUTIONS];
	int64_t waits_ms[CENSUS_WAITS_MAX]; /* of those that were resolved */
	size_t wait_count;
	struct census_count *counts[CENSUS_LIST_COUNT]; /* by number; owned */
	size_t room[CENSUS_LIST_COUNT];
};

/* An event as it is read; its bytes are looked at where the columns don't do. */
struct census_event {
	int kind, decision; /* as the store's columns have them */
	int64_t time_us;
	int64_t names[CENSUS_LIST_COUNT]; /* columns: hashes; 0: none */
	const char *bytes;
	size_t n;
};

/* What counts of it but for how long it waited: that is told by census_waited().  Errors: GK_E_NOMEM, GK_E_LIMIT. */
enum gk_rc census_row_of(struct census_names *names,
    const struct census_event *event, struct census_row *ret,
    struct gk_err *err) GK_MUST_USE;
void census_waited(struct census_row *row, int64_t us);
void census_names_done(struct census_names *names);

/* Is there a list that takes no more names? */
bool census_names_full(const struct census_names *names);
/*
 * Make room: names that none of the rows has go, and of each full list half of the
 * names, those of fewest rows.  The rows get the new numbers.  *ret_lost: rows have lost
 * a name, and that list is crowded from now on.  Errors: GK_E_NOMEM, nothing is changed.
 */
enum gk_rc census_names_thin(struct census_names *names,
    struct census_row *rows, size_t count, bool *ret_lost,
    struct gk_err *err) GK_MUST_USE;

/* Spans of a round length that cover [since, until), at most CENSUS_SPANS_MAX. */
void census_init(struct census *census, int64_t since_us, int64_t until_us);
void census_done(struct census *census);

/* Errors: GK_E_NOMEM. */
enum gk_rc census_add(struct census *census, const struct census_row *row,
    struct gk_err *err) GK_MUST_USE;

/* The names with most decisions, the most first; at most CENSUS_TOP.  names: those that the rows' numbers are of; kept. */
size_t census_top(const struct census *census, const struct census_names *names,
    enum census_list list, struct census_count ret[CENSUS_TOP]);

/* The wait, in ms, that so many of a hundred were not longer than; sorts waits_ms.  0: there are none. */
int64_t census_percentile(struct census *census, unsigned percent);

#endif
