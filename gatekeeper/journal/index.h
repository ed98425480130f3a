#ifndef GK_JOURNAL_INDEX_H
#define GK_JOURNAL_INDEX_H
/* The search index from a reader's side: which events of a block may match a query. */

#include "journal/journal_internal.h"
#include "journal/segment.h"

#define INDEX_FILE "search.index"

/* One column that is asked for, and the values of it that will do. */
struct index_key {
	enum segment_column column;
	size_t count;
	uint32_t values[1 + JOURNAL_ALSO_MAX];
};

/* Where a look-up works; about 38 KiB, on the heap, one for each reader. */
struct index_room {
	struct segment_room segment;
	struct posting_set one, more, set;
};

/* What of a query the index knows about; gives the number of keys. */
size_t journal__index_keys(
    const struct journal_query *query, struct index_key ret[SEGMENT_COLUMNS]);

enum index_answer {
	INDEX_SCAN = 0, /* not known: look at every event */
	INDEX_SKIP,     /* none of those that it knows */
	INDEX_SET,      /* those in room->set, or fewer */
};

/* Events in a block. */
uint32_t journal__index_width(const struct journal_index *index);

/*
 * Which events of a block may have all the keys?  *ret_known: how many events from
 * the block's first on the answer speaks of; those behind must be looked at.
 * A damaged segment is noted, and answered with INDEX_SCAN.
 */
enum index_answer journal__index_ask(struct journal_index *index,
    const struct index_key *keys, size_t count, uint64_t block,
    struct index_room *room, uint32_t *ret_known);

#endif
