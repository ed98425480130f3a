/* A segment of the search index: every value is found, no other, and a page that isn't whole is told. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "journal/segment.h"

static uint32_t *value; /* SEGMENT_COLUMNS * POSTING_WIDTH */
static struct segment_room room;
static struct posting_set set;
static struct digest root;
static int fd;

static void
setup(void)
{
	char name[] = "/tmp/gk-segment-XXXXXX";

	value = calloc((size_t)SEGMENT_COLUMNS * POSTING_WIDTH, sizeof(*value));
	fd = mkstemp(name);
	cr_assert(value != NULL && fd >= 0 && unlink(name) == 0);
	memset(&root, 0x17, sizeof(root));
}

static void
teardown(void)
{
	(void)close(fd);
	free(value);
}

TestSuite(segment, .init = setup, .fini = teardown);

static struct segment
store(uint64_t offset)
{
	const struct segment_values values = {7, POSTING_WIDTH, value};
	struct segment stored, loaded;
	struct gk_err err = {.rc = GK_OK};

	cr_assert(
	    segment_store(fd, &values, &root, offset, &stored, &err) == GK_OK,
	    "%s", err.text);
	cr_assert(segment_load(fd, offset, 7, POSTING_WIDTH, &loaded));
	cr_assert(stored.pages == loaded.pages && loaded.block == 7);
	cr_assert(memcmp(&loaded.root, &root, sizeof(root)) == 0);
	cr_assert(memcmp(stored.part, loaded.part, sizeof(loaded.part)) == 0);
	return loaded;
}

static uint32_t
mixed(uint32_t n)
{
	n *= 2654435761u;
	return n == 0 ? 1 : n;
}

Test(segment, each_of_65536_values_is_found_at_its_place)
{
	struct segment segment;

	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_ACTION_KEY * POSTING_WIDTH + i] = mixed(i + 1);
	}
	segment = store(0);
	for (uint32_t i = 0; i < POSTING_WIDTH; i += 7) {
		cr_assert(segment_find(fd, &segment, SEGMENT_ACTION_KEY,
			      mixed(i + 1), &room, &set) == SEGMENT_SOME);
		cr_assert(posting_count(&set, 0, POSTING_WIDTH) == 1 &&
			  posting_first(&set, 0, POSTING_WIDTH) == i);
		cr_assert(segment_find(fd, &segment, SEGMENT_ACTION_KEY,
			      mixed(i + 70000), &room, &set) == SEGMENT_NONE);
	}
	cr_assert(segment_find(fd, &segment, SEGMENT_TENANT, mixed(1), &room,
		      &set) == SEGMENT_NONE);
}

Test(segment, values_that_crowd_are_found_too)
{
	struct segment segment;

	/* all in the lowest and the highest hundredth of what there is */
	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_ACTOR * POSTING_WIDTH + i] =
		    i % 2 == 0 ? i + 2 : UINT32_MAX - i;
	}
	segment = store(3 * SEGMENT_PAGE);
	for (uint32_t i = 0; i < POSTING_WIDTH; i += 11) {
		cr_assert(segment_find(fd, &segment, SEGMENT_ACTOR,
			      i % 2 == 0 ? i + 2 : UINT32_MAX - i, &room,
			      &set) == SEGMENT_SOME);
		cr_assert(posting_first(&set, 0, POSTING_WIDTH) == i);
		cr_assert(segment_find(fd, &segment, SEGMENT_ACTOR,
			      0x10000000 + i, &room, &set) == SEGMENT_NONE);
	}
	cr_assert(segment_find(fd, &segment, SEGMENT_ACTOR, 1, &room, &set) ==
		  SEGMENT_NONE);
	cr_assert(segment_find(fd, &segment, SEGMENT_ACTOR, UINT32_MAX, &room,
		      &set) == SEGMENT_NONE);
}

Test(segment, lists_short_and_long_over_page_boundaries)
{
	struct segment segment;

	/* 300 tenants of two hundred events each; one reason for two of three, others rare */
	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_TENANT * POSTING_WIDTH + i] = mixed(1 + i % 300);
		value[SEGMENT_REASON * POSTING_WIDTH + i] =
		    i % 3 != 0 ? 9 : mixed(1 + i % 20);
		value[SEGMENT_APPROVAL * POSTING_WIDTH + i] =
		    i % 10000 == 77 ? mixed(i) : 0;
	}
	segment = store(0);
	for (uint32_t t = 0; t < 300; t++) {
		cr_assert(segment_find(fd, &segment, SEGMENT_TENANT,
			      mixed(1 + t), &room, &set) == SEGMENT_SOME);
		cr_assert(posting_count(&set, 0, POSTING_WIDTH) ==
			  (t < POSTING_WIDTH % 300 ? 219 : 218));
		cr_assert(posting_first(&set, 0, POSTING_WIDTH) == t);
	}
	cr_assert(segment_find(fd, &segment, SEGMENT_REASON, 9, &room, &set) ==
		  SEGMENT_SOME);
	cr_assert(posting_count(&set, 0, POSTING_WIDTH) == 43690);
	cr_assert(segment_find(fd, &segment, SEGMENT_APPROVAL, mixed(30077),
		      &room, &set) == SEGMENT_SOME);
	cr_assert(segment.part[SEGMENT_KIND].values == 0);
}

Test(segment, a_changed_bit_is_told_or_harmless)
{
	struct segment segment;
	size_t bad = 0;

	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_TENANT * POSTING_WIDTH + i] = mixed(1 + i % 300);
	}
	segment = store(0);
	for (uint32_t at = SEGMENT_PAGE; at < segment.pages * SEGMENT_PAGE;
	     at += 509) {
		enum segment_verdict verdict;
		uint8_t byte, flipped;

		cr_assert(pread(fd, &byte, 1, at) == 1);
		flipped = byte ^ 0x04;
		cr_assert(pwrite(fd, &flipped, 1, at) == 1);
		verdict = segment_find(
		    fd, &segment, SEGMENT_TENANT, mixed(151), &room, &set);
		bad += verdict == SEGMENT_BAD;
		cr_assert(verdict == SEGMENT_BAD ||
			  (verdict == SEGMENT_SOME &&
			      posting_count(&set, 0, POSTING_WIDTH) == 218));
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
	}
	cr_assert(bad > 0, "nothing was ever damaged");
}

Test(segment, a_head_that_is_not_whole_or_of_another_block_is_refused)
{
	struct segment segment = store(0), other;
	uint8_t byte;

	cr_assert(!segment_load(fd, 0, 8, POSTING_WIDTH, &other));
	cr_assert(!segment_load(fd, 0, 7, 256, &other));
	cr_assert(!segment_load(fd, SEGMENT_PAGE, 7, POSTING_WIDTH, &other));
	for (off_t at = 0; at < SEGMENT_PAGE; at += 13) {
		cr_assert(pread(fd, &byte, 1, at) == 1);
		byte ^= 1;
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
		cr_assert(!segment_load(fd, 0, 7, POSTING_WIDTH, &other),
		    "byte %ld", (long)at);
		byte ^= 1;
		cr_assert(pwrite(fd, &byte, 1, at) == 1);
	}
	cr_assert(segment_load(fd, 0, 7, POSTING_WIDTH, &other));
	cr_assert(other.pages == segment.pages);
}

Test(segment, a_page_in_another_ones_place_is_told)
{
	uint8_t page[SEGMENT_PAGE];
	struct segment segment, later;

	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_ACTION_KEY * POSTING_WIDTH + i] = mixed(i + 1);
	}
	segment = store(0);
	/* another log's: the same values under another root */
	memset(&root, 0x18, sizeof(root));
	later = store((uint64_t)segment.pages * SEGMENT_PAGE);
	for (uint32_t p = 1; p < segment.pages; p++) {
		cr_assert(
		    pread(fd, page, sizeof(page),
			(off_t)(later.offset + (uint64_t)p * SEGMENT_PAGE)) ==
		    SEGMENT_PAGE);
		cr_assert(pwrite(fd, page, sizeof(page),
			      (off_t)p * SEGMENT_PAGE) == SEGMENT_PAGE);
	}
	cr_assert(segment_find(fd, &segment, SEGMENT_ACTION_KEY, mixed(1),
		      &room, &set) == SEGMENT_BAD);
	cr_assert(segment_find(fd, &later, SEGMENT_ACTION_KEY, mixed(1), &room,
		      &set) == SEGMENT_SOME);
}

Test(segment, dropped_pages_are_gone_and_the_head_stays)
{
	struct segment segment, again;

	for (uint32_t i = 0; i < POSTING_WIDTH; i++) {
		value[SEGMENT_ACTION_KEY * POSTING_WIDTH + i] = mixed(i + 1);
	}
	segment = store(0);
	segment_drop(fd, &segment);
	cr_assert(segment_load(fd, 0, 7, POSTING_WIDTH, &again));
	cr_assert(segment_find(fd, &segment, SEGMENT_ACTION_KEY, mixed(1),
		      &room, &set) == SEGMENT_BAD);
}
