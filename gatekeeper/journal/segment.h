#ifndef GK_JOURNAL_SEGMENT_H
#define GK_JOURNAL_SEGMENT_H
/* One segment of the search index: which events of a block of the log have which value. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/digest.h"
#include "journal/posting.h"

/* What can be asked for.  A value is known by 32 bits; 0: the event has none. */
enum segment_column {
	SEGMENT_RUN_ID,
	SEGMENT_TENANT,
	SEGMENT_AGENT,
	SEGMENT_ACTOR,
	SEGMENT_ACTION,
	SEGMENT_ACTION_KEY,
	SEGMENT_REASON,
	SEGMENT_APPROVAL,
	SEGMENT_KIND,
	SEGMENT_DECISION,
	SEGMENT_LAYER,
	SEGMENT_SCOPE,
	SEGMENT_COLUMNS,
};

#define SEGMENT_PAGE    4096
#define SEGMENT_CHECK   8 /* bytes of check at the end of a page */
#define SEGMENT_PAYLOAD (SEGMENT_PAGE - SEGMENT_CHECK)

/* Where a column's values and lists lie; pages count from the segment's own. */
struct segment_part {
	uint32_t value_page, values;
	uint32_t list_page, list_bytes;
};

/* What its first page says. */
struct segment {
	uint64_t block;  /* of the log: events [block * width, + width) */
	uint64_t offset; /* in the file */
	uint32_t width;  /* at most POSTING_WIDTH */
	uint32_t pages;
	struct digest root; /* of the tree over the block's leaves */
	struct segment_part part[SEGMENT_COLUMNS];
};

/* The values of a block, column by column: value[column * width + place]. */
struct segment_values {
	uint64_t block;
	uint32_t width;
	const uint32_t *value; /* borrowed */
};

/*
 * Write a segment at ret->offset of the file; not synced.  Fills the rest of *ret.
 * Errors: GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc segment_store(int fd, const struct segment_values *values,
    const struct digest *root, uint64_t offset, struct segment *ret,
    struct gk_err *err) GK_MUST_USE;

/* Read its first page; false when that isn't whole, or not of that block and width. */
bool segment_load(int fd, uint64_t offset, uint64_t block, uint32_t width,
    struct segment *ret) GK_MUST_USE;

enum segment_verdict {
	SEGMENT_BAD = 0, /* a page isn't what was written, or can't be read */
	SEGMENT_NONE,    /* no event of the block has it */
	SEGMENT_SOME,
};

/* What a look-up needs to work in; about 13 KiB. */
struct segment_room {
	uint8_t page[SEGMENT_PAGE];
	uint8_t list[POSTING_BYTES_MAX];
};

/* The places of the events with that value, or of others with the same 32 bits; undefined unless SEGMENT_SOME. */
enum segment_verdict segment_find(int fd, const struct segment *segment,
    enum segment_column column, uint32_t value, struct segment_room *room,
    struct posting_set *ret) GK_MUST_USE;

/* Give its pages back to the file system, but for the first; best effort. */
void segment_drop(int fd, const struct segment *segment);

#endif
