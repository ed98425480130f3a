#ifndef GK_JOURNAL_POSTING_H
#define GK_JOURNAL_POSTING_H
/* Sets of places in a block of the log, and the bytes that a set is kept as. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A block has at most this many places: 0 … 65535. */
#define POSTING_WIDTH 65536

/* The longest list: three bytes of count and a bit for each place. */
#define POSTING_BYTES_MAX (3 + POSTING_WIDTH / 8)

/* 8 KiB: lives on the heap. */
struct posting_set {
	uint64_t words[POSTING_WIDTH / 64];
};

void posting_clear(struct posting_set *set);
void posting_add(struct posting_set *set, uint32_t place);
/* Keep what other has too. */
void posting_and(struct posting_set *set, const struct posting_set *other);
/* Take in what other has. */
void posting_or(struct posting_set *set, const struct posting_set *other);
/* How many places of [from, to) are in it? */
uint32_t posting_count(
    const struct posting_set *set, uint32_t from, uint32_t to);
/* The first place in [from, to), or the last one; to when there is none. */
uint32_t posting_first(
    const struct posting_set *set, uint32_t from, uint32_t to);
uint32_t posting_last(
    const struct posting_set *set, uint32_t from, uint32_t to);

/*
 * Append count places, 1 to POSTING_WIDTH, strictly increasing: their count,
 * then steps, or bits where those are shorter.
 */
enum gk_rc posting_encode(const uint16_t *places, size_t count,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

enum posting_verdict {
	POSTING_BAD = 0,
	POSTING_CUT, /* good as far as it goes, but it goes on */
	POSTING_OK,
};

/*
 * One list at the beginning of n bytes.  *ret is cleared first and is undefined
 * unless POSTING_OK.  Accepts only what posting_encode() gives.
 */
enum posting_verdict posting_decode(const uint8_t *bytes, size_t n,
    struct posting_set *ret, size_t *ret_used) GK_MUST_USE;

#endif
