#ifndef GK_JOURNAL_QUERY_H
#define GK_JOURNAL_QUERY_H
/* Searching the journal; part of the room's door, journal.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "model/event.h"

struct journal_reader;

/* An event as the store's columns have it; kind and decision: as in journal_query. */
struct journal_columns {
	struct event_columns columns;
	int kind, decision;
	int64_t time_us;
};

/* Other values that a column may have instead; 0 ends them. */
#define JOURNAL_ALSO_MAX 8
struct journal_also {
	int64_t actor[JOURNAL_ALSO_MAX];
	int64_t action_key[JOURNAL_ALSO_MAX];
};

/* A search.  0 in columns and -1 in kind/decision/layer/scope: any. */
struct journal_query {
	struct event_columns columns;
	struct journal_also also; /* of columns that are asked for */
	int kind, decision, layer, scope;
	int64_t
	    run_id; /* event_column_hash() of a run's id without its tenant: for the index alone; 0: any */
	int64_t since_us, until_us; /* [since, until); 0: open */
	bool newest_first;
	struct journal_columns
	    *bare; /* not NULL: set for each, which gets NULL for a leaf hash */
	uint64_t
	    from_seq; /* continue here (inclusive); ascending: 0 to start, descending: UINT64_MAX */
	size_t limit;      /* rows to give; at most 1000 */
	size_t scan_limit; /* rows to look at; 0: as many as it takes */
};

/* What is in an event besides its columns that a query asks for; -1: nothing. */
enum {
	JOURNAL_KIND,
	JOURNAL_DECISION,
	JOURNAL_LAYER,
	JOURNAL_SCOPE,
	JOURNAL_WORDS
};
void journal_words_of(const struct event *event, int ret_words[JOURNAL_WORDS]);
/* Would a search give it?  Of what the query says only columns and words are looked at. */
bool journal_query_takes(const struct journal_query *query,
    const struct event_columns *columns, const int words[JOURNAL_WORDS]);

/*
 * Calls each for every event whose columns match (the caller checks the bytes:
 * columns are hashes), in one read transaction.  each sets *stop to end; it may
 * read other events from the reader, but not search.  *ret_next is where to
 * continue, *ret_more whether there may be more.  Ascending without more,
 * *ret_next is where later events will be.  A run is found by index, a time by
 * bisection; everything else by the search index where the reader has one, or else
 * row by row.
 */
enum gk_rc journal_search(struct journal_reader *reader,
    const struct journal_query *query,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	const struct digest *leaf, bool *stop, struct gk_err *err),
    void *ctx, uint64_t *ret_next, bool *ret_more,
    struct gk_err *err) GK_MUST_USE;

#endif
