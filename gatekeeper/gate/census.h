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

/* Decisions that have something in common. */
struct census_count {
	int64_t hash;     /* of name: the map's key */
	const char *name; /* NULL: a span, or all */
	int64_t at_us;    /* of a span: its begin */
	int64_t decisions[DECISION_COUNT];
	int64_t violations;
};

struct census {
	struct gk_arena *arena; /* keeps: names and counts */
	int64_t since_us, span_us;
	size_t span_count;
	struct census_count spans[CENSUS_SPANS_MAX];
	struct census_count all;
	int64_t unreported;
	int64_t resolved[3];                /* granted, denied, expired */
	int64_t waits_us[CENSUS_WAITS_MAX]; /* of those that were resolved */
	size_t wait_count;
	struct gk_map names[CENSUS_LIST_COUNT]; /* hash → struct census_count */
};

/* An event for the census; its bytes are looked at where the columns don't do. */
struct census_event {
	int kind, decision; /* as the store's columns have them */
	int64_t time_us;
	int64_t names[CENSUS_LIST_COUNT]; /* columns: hashes; 0: none */
	const char *bytes;
	size_t n;
};

/* Spans of a round length that cover [since, until), at most CENSUS_SPANS_MAX. */
void census_init(struct census *census, struct gk_arena *arena,
    int64_t since_us, int64_t until_us);
void census_done(struct census *census);

/* Is it an approval that somebody, or time, has resolved?  Then how long it took is told by census_wait(). */
bool census_resolves(const struct census_event *event);
void census_wait(struct census *census, int64_t us);

/* Errors: GK_E_NOMEM, GK_E_LIMIT (the arena's cap). */
enum gk_rc census_add(struct census *census, const struct census_event *event,
    struct gk_err *err) GK_MUST_USE;

/* The names with most decisions, the most first; at most CENSUS_TOP. */
size_t census_top(const struct census *census, enum census_list list,
    struct census_count ret[CENSUS_TOP]);

/* The wait that so many of a hundred were not longer than; sorts waits_us.  0: there are none. */
int64_t census_percentile(struct census *census, unsigned percent);

#endif
