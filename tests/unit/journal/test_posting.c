/* Sets of places: asking them, and the one list of bytes that each has. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "journal/posting.h"

static struct posting_set set, other;
static uint16_t places[POSTING_WIDTH];

static size_t
every(uint32_t from, uint32_t distance)
{
	size_t n = 0;

	for (uint32_t place = from; place < POSTING_WIDTH; place += distance) {
		places[n++] = (uint16_t)place;
	}
	return n;
}

/* Encodes, decodes, compares; gives the number of bytes. */
static size_t
check_round(size_t count)
{
	struct gk_buf buf = GK_BUF_INIT(POSTING_BYTES_MAX * 4);
	size_t used = 0, n;

	cr_assert(posting_encode(places, count, &buf, NULL) == GK_OK);
	n = buf.len;
	cr_assert(n <= POSTING_BYTES_MAX, "%zu bytes for %zu", n, count);
	cr_assert(gk_buf_add(&buf, "behind", 6, NULL) == GK_OK);
	cr_assert(posting_decode((const uint8_t *)buf.bytes, buf.len, &set,
		      &used) == POSTING_OK);
	cr_assert(used == n);
	cr_assert(posting_count(&set, 0, POSTING_WIDTH) == count);
	for (size_t i = 0; i < count; i++) {
		cr_assert(posting_first(&set, places[i], places[i] + 1u) ==
			  places[i]);
	}
	for (size_t cut = 0; cut < n; cut += n < 600 ? 1 : 97) {
		cr_assert(posting_decode((const uint8_t *)buf.bytes, cut, &set,
			      &used) == POSTING_CUT);
	}
	gk_buf_done(&buf);
	return n;
}

Test(posting, a_list_is_read_back_and_is_never_longer_than_bits)
{
	cr_assert(check_round(every(65535, 1)) == 1 + 3);
	cr_assert(check_round(every(0, 40000)) == 1 + 1 + 3);
	cr_assert(check_round(every(3, 300)) == 2 + 1 + 2 * 218);
	cr_assert(check_round(every(0, 8)) == 2 + 8192);
	cr_assert(check_round(every(5, 7)) == 2 + 8192);
	cr_assert(check_round(every(0, 1)) == 3 + 8192);
}

Test(posting, what_the_writer_would_not_write_is_refused)
{
	static const struct {
		const char *what;
		size_t n;
		uint8_t bytes[8];
	} bad[] = {
	    {"a count of nothing", 1, {0}},
	    {"a count beyond the width", 3, {0x81, 0x80, 0x04}},
	    {"a count in more bytes than it takes", 3, {0x81, 0x00, 0x05}},
	    {"a number of four bytes", 5, {0x01, 0x80, 0x80, 0x80, 0x00}},
	    {"a place beyond the width", 4, {0x01, 0x80, 0x80, 0x04}},
	    {"a step beyond the width", 7,
		{0x02, 0xff, 0xff, 0x03, 0x00, 0x00, 0x00}},
	    {"a step in more bytes than it takes", 4, {0x02, 0x00, 0x80, 0x00}},
	};
	uint8_t bits[2 + 8192] = {0x81, 0x40}; /* 8193 places, none set */
	size_t used;

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_expect(posting_decode(bad[i].bytes, bad[i].n, &set, &used) ==
			      POSTING_BAD,
		    "%s", bad[i].what);
	}
	cr_expect(
	    posting_decode(bits, sizeof(bits), &set, &used) == POSTING_BAD);
	memset(bits + 2, 0xff, 1024);
	bits[2 + 1024] = 0x10;
	cr_expect(
	    posting_decode(bits, sizeof(bits), &set, &used) == POSTING_OK);
	bits[2 + 8191] = 0x80;
	cr_expect(
	    posting_decode(bits, sizeof(bits), &set, &used) == POSTING_BAD);
}

/* The slow way to say what is in [from, to). */
static void
check_range(uint32_t from, uint32_t to)
{
	uint32_t count = 0, first = to, last = to;

	for (uint32_t place = from; place < to; place++) {
		if ((set.words[place / 64] >> place % 64 & 1) != 0) {
			first = count++ == 0 ? place : first;
			last = place;
		}
	}
	cr_assert(posting_count(&set, from, to) == count, "%u %u", from, to);
	cr_assert(posting_first(&set, from, to) == first, "%u %u", from, to);
	cr_assert(posting_last(&set, from, to) == last, "%u %u", from, to);
}

Test(posting, stretches_of_a_set)
{
	static const uint32_t edge[] = {
	    0, 1, 63, 64, 65, 127, 128, 1000, 65535, 65536};

	for (int round = 0; round < 4; round++) {
		posting_clear(&set);
		for (int i = 0; i < round * round * 40; i++) {
			posting_add(
			    &set, (uint32_t)i * 2654435761u % POSTING_WIDTH);
		}
		for (size_t i = 0; i < GK_COUNT(edge); i++) {
			for (size_t k = i; k < GK_COUNT(edge); k++) {
				check_range(edge[i], edge[k]);
			}
		}
	}
}

Test(posting, what_two_sets_have_together)
{
	posting_clear(&set);
	posting_clear(&other);
	posting_add(&set, 0);
	posting_add(&set, 70);
	posting_add(&other, 70);
	posting_add(&other, POSTING_WIDTH - 1);
	posting_or(&set, &other);
	cr_assert(posting_count(&set, 0, POSTING_WIDTH) == 3);
	cr_assert(posting_first(&set, 1, POSTING_WIDTH) == 70);
	cr_assert(posting_last(&set, 71, POSTING_WIDTH) == POSTING_WIDTH - 1);
}

Test(posting, what_two_sets_share)
{
	posting_clear(&set);
	posting_clear(&other);
	for (uint32_t i = 0; i < POSTING_WIDTH; i += 6) {
		posting_add(&set, i);
	}
	for (uint32_t i = 0; i < POSTING_WIDTH; i += 10) {
		posting_add(&other, i);
	}
	posting_and(&set, &other);
	cr_assert(posting_count(&set, 0, POSTING_WIDTH) == 2185);
	cr_assert(posting_first(&set, 1, POSTING_WIDTH) == 30);
}
