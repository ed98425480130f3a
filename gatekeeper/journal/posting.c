/*
 * Sets of places in a block of the log, and the bytes that a set is kept as.
 *
 * A list is its count (LEB128, in as few bytes as it takes) and then, up to
 * BITS_FROM places, the first place and for each other one its distance to the
 * one before less one, as LEB128; above, 8192 bytes of bits, place p being bit
 * p mod 8 of byte p div 8.  At BITS_FROM places a step takes a byte, so the bits
 * are never longer.  One set has one list: the reader refuses any other.
 */
#include <string.h>

#include "base/assert.h"
#include "journal/posting.h"

enum { BITS_BYTES = POSTING_WIDTH / 8, BITS_FROM = BITS_BYTES };

void
posting_clear(struct posting_set *set)
{
	memset(set, 0, sizeof(*set));
}

void
posting_add(struct posting_set *set, uint32_t place)
{
	set->words[place / 64] |= UINT64_C(1) << place % 64;
}

void
posting_and(struct posting_set *set, const struct posting_set *other)
{
	for (size_t i = 0; i < GK_COUNT(set->words); i++) {
		set->words[i] &= other->words[i];
	}
}

void
posting_or(struct posting_set *set, const struct posting_set *other)
{
	for (size_t i = 0; i < GK_COUNT(set->words); i++) {
		set->words[i] |= other->words[i];
	}
}

/* The bits of word i that stand for places in [from, to). */
static uint64_t
word_within(
    const struct posting_set *set, uint32_t i, uint32_t from, uint32_t to)
{
	uint64_t word = set->words[i];

	if (i == from / 64) {
		word &= UINT64_MAX << from % 64;
	}
	if (i == to / 64) {
		word &= ~(UINT64_MAX << to % 64);
	}
	return word;
}

uint32_t
posting_count(const struct posting_set *set, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	for (uint32_t i = from / 64; i * 64 < to; i++) {
		count += (uint32_t)__builtin_popcountll(
		    word_within(set, i, from, to));
	}
	return count;
}

uint32_t
posting_first(const struct posting_set *set, uint32_t from, uint32_t to)
{
	for (uint32_t i = from / 64; i * 64 < to; i++) {
		uint64_t word = word_within(set, i, from, to);

		if (word != 0) {
			return i * 64 + (uint32_t)__builtin_ctzll(word);
		}
	}
	return to;
}

uint32_t
posting_last(const struct posting_set *set, uint32_t from, uint32_t to)
{
	for (uint32_t i = (to + 63) / 64; i-- > from / 64;) {
		uint64_t word = word_within(set, i, from, to);

		if (word != 0) {
			return i * 64 + 63 - (uint32_t)__builtin_clzll(word);
		}
	}
	return to;
}

/* ---- bytes ---- */

static size_t
put_number(uint8_t *at, uint32_t number)
{
	size_t n = 0;

	while (number >= 0x80) {
		at[n++] = (uint8_t)(number | 0x80);
		number >>= 7;
	}
	at[n++] = (uint8_t)number;
	return n;
}

static void
put_bits(const uint16_t *places, size_t count, uint8_t *at)
{
	memset(at, 0, BITS_BYTES);
	for (size_t i = 0; i < count; i++) {
		at[places[i] / 8] |= (uint8_t)(1 << places[i] % 8);
	}
}

static size_t
put_steps(const uint16_t *places, size_t count, uint8_t *at)
{
	size_t n = put_number(at, places[0]);

	for (size_t i = 1; i < count; i++) {
		GK_ASSERT(places[i] > places[i - 1]);
		n +=
		    put_number(at + n, (uint32_t)places[i] - places[i - 1] - 1);
	}
	return n;
}

enum gk_rc
posting_encode(const uint16_t *places, size_t count, struct gk_buf *buf,
    struct gk_err *err)
{
	size_t room = count > BITS_FROM ? BITS_BYTES : 3 * count, n;
	uint8_t *bytes;
	char *at;

	GK_ASSERT(count > 0 && count <= POSTING_WIDTH);
	GK_TRY(gk_buf_reserve(buf, room + 3, &at, err));
	bytes = (uint8_t *)at;
	n = put_number(bytes, (uint32_t)count);
	if (count > BITS_FROM) {
		put_bits(places, count, bytes + n);
		n += BITS_BYTES;
	} else {
		n += put_steps(places, count, bytes + n);
	}
	buf->len += n;
	buf->bytes[buf->len] = '\0';
	return GK_OK;
}

/* What is being read. */
struct list {
	const uint8_t *bytes;
	size_t n, at;
};

static enum posting_verdict
take_number(struct list *list, uint32_t *ret)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < 3; i++) {
		uint8_t byte;

		if (list->at >= list->n) {
			return POSTING_CUT;
		}
		byte = list->bytes[list->at++];
		number |= (uint32_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80) {
			*ret = number;
			return byte == 0 && i > 0 ? POSTING_BAD : POSTING_OK;
		}
	}
	return POSTING_BAD;
}

static enum posting_verdict
take_bits(struct list *list, uint32_t count, struct posting_set *ret)
{
	if (list->n - list->at < BITS_BYTES) {
		return POSTING_CUT;
	}
	for (size_t i = 0; i < BITS_BYTES; i++) {
		ret->words[i / 8] |= (uint64_t)list->bytes[list->at + i]
				     << i % 8 * 8;
	}
	list->at += BITS_BYTES;
	return posting_count(ret, 0, POSTING_WIDTH) == count ? POSTING_OK
							     : POSTING_BAD;
}

static enum posting_verdict
take_steps(struct list *list, uint32_t count, struct posting_set *ret)
{
	uint32_t place = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t step;
		enum posting_verdict verdict = take_number(list, &step);

		if (verdict != POSTING_OK) {
			return verdict;
		}
		place = i == 0 ? step : place + step + 1;
		if (place >= POSTING_WIDTH) {
			return POSTING_BAD;
		}
		posting_add(ret, place);
	}
	return POSTING_OK;
}

enum posting_verdict
posting_decode(
    const uint8_t *bytes, size_t n, struct posting_set *ret, size_t *ret_used)
{
	struct list list = {bytes, n, 0};
	uint32_t count;
	enum posting_verdict verdict = take_number(&list, &count);

	if (verdict == POSTING_OK && (count == 0 || count > POSTING_WIDTH)) {
		verdict = POSTING_BAD;
	}
	if (verdict != POSTING_OK) {
		return verdict;
	}
	posting_clear(ret);
	verdict = count > BITS_FROM ? take_bits(&list, count, ret)
				    : take_steps(&list, count, ret);
	*ret_used = list.at;
	return verdict;
}
