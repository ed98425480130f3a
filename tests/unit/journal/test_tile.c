/* Tests of tile names and widths, and of bundles of entries. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "journal/tile.h"

Test(tile, paths_group_the_index_in_threes)
{
	static const struct {
		struct tile_id id;
		const char *path;
	} cases[] = {
	    {{0, 0, 256}, "tile/0/000"},
	    {{0, 0, 1}, "tile/0/000.p/1"},
	    {{1, 67, 255}, "tile/1/067.p/255"},
	    {{0, 999, 256}, "tile/0/999"},
	    {{0, 1000, 256}, "tile/0/x001/000"},
	    {{3, 1234067, 256}, "tile/3/x001/x234/067"},
	    {{63, 1234067, 112}, "tile/63/x001/x234/067.p/112"},
	    {{0, UINT64_MAX, 255},
		"tile/0/x018/x446/x744/x073/x709/x551/615.p/255"},
	};
	char path[TILE_PATH_BYTES];

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		cr_assert(
		    tile_path(&cases[i].id, path) == strlen(cases[i].path));
		cr_assert_str_eq(path, cases[i].path);
	}
	cr_assert(tile_entries_path(273, 112, path) == strlen(path));
	cr_assert_str_eq(path, "tile/entries/273.p/112");
	(void)tile_entries_path(UINT64_MAX, 255, path);
	cr_assert_str_eq(
	    path, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
}

Test(tile, the_widths_of_a_level_add_up_to_its_hashes)
{
	static const uint64_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 65535,
	    65536, 65537, 70000, 131072, 16777216, 16777217};

	for (size_t i = 0; i < GK_COUNT(sizes); i++) {
		for (unsigned level = 0; level < 4; level++) {
			uint64_t hashes = sizes[i] >> (8 * level), sum = 0;
			unsigned width, before = TILE_WIDTH;
			uint64_t index =
			    hashes > 1000000 ? hashes / TILE_WIDTH - 3 : 0;

			sum = index * TILE_WIDTH;
			while (
			    (width = tile_width(level, index, sizes[i])) > 0) {
				cr_assert(before == TILE_WIDTH);
				before = width;
				sum += width;
				index++;
			}
			cr_assert(sum == hashes);
		}
	}
}

Test(tile, the_largest_trees_and_levels_do_not_overflow)
{
	cr_assert(tile_width(0, UINT64_MAX / 256, UINT64_MAX) == 255);
	cr_assert(tile_width(0, UINT64_MAX / 256 - 1, UINT64_MAX) == 256);
	cr_assert(tile_width(0, UINT64_MAX, UINT64_MAX) == 0);
	cr_assert(tile_width(7, 0, UINT64_C(1) << 63) == 128);
	cr_assert(tile_width(7, 1, UINT64_MAX) == 0);
	cr_assert(tile_width(8, 0, UINT64_MAX) == 0);
	cr_assert(tile_width(63, 0, UINT64_MAX) == 0);
}

Test(tile, entries_of_a_bundle_come_back_one_by_one)
{
	static const size_t lengths[] = {0, 1, 2, 255, 256, 257, 65535, 0};
	static char entry[65536];
	struct gk_buf bundle = GK_BUF_INIT(1 << 20);
	const void *got;
	size_t at = 0, n, count = 0;

	for (size_t i = 0; i < sizeof(entry); i++) {
		entry[i] = (char)(i * 7);
	}
	for (size_t i = 0; i < GK_COUNT(lengths); i++) {
		cr_assert(
		    tile_bundle_add(&bundle, entry, lengths[i], NULL) == GK_OK);
	}
	while (
	    tile_bundle_next(bundle.bytes, bundle.len, &at, &got, &n, NULL)) {
		cr_assert(n == lengths[count] && memcmp(got, entry, n) == 0);
		count++;
	}
	cr_assert(at == bundle.len && count == GK_COUNT(lengths));
	gk_buf_done(&bundle);
}

Test(tile, an_entry_too_long_or_a_full_buffer_leaves_the_bundle_unchanged)
{
	static char entry[65536];
	struct gk_buf large = GK_BUF_INIT(1 << 20), small = GK_BUF_INIT(6);

	cr_assert(tile_bundle_add(&large, entry, 65536, NULL) == GK_E_LIMIT);
	cr_assert(large.len == 0);
	cr_assert(tile_bundle_add(&small, "ab", 2, NULL) == GK_OK);
	cr_assert(tile_bundle_add(&small, "c", 1, NULL) == GK_E_LIMIT);
	cr_assert(small.len == 4);
	cr_assert(tile_bundle_add(&small, "", 0, NULL) == GK_OK);
	gk_buf_done(&large);
	gk_buf_done(&small);
}

/* Read the first n bytes, which lie at the very end of their memory. */
static size_t
count_entries(const struct gk_buf *bundle, size_t n, struct gk_err *err)
{
	char *copy = malloc(n > 0 ? n : 1);
	const void *entry;
	size_t at = 0, length, count = 0;

	cr_assert_not_null(copy);
	memcpy(copy, bundle->bytes, n);
	while (tile_bundle_next(copy, n, &at, &entry, &length, err)) {
		count++;
	}
	cr_assert((at == n) == (err->rc == GK_OK));
	free(copy);
	return count;
}

Test(tile, a_bundle_that_is_cut_short_says_so)
{
	struct gk_buf bundle = GK_BUF_INIT(1000);

	for (int i = 0; i < 3; i++) {
		cr_assert(tile_bundle_add(&bundle, "entry", 5, NULL) == GK_OK);
	}
	for (size_t n = 0; n <= bundle.len; n++) {
		struct gk_err err = {0};

		cr_assert(count_entries(&bundle, n, &err) == n / 7);
		cr_assert(err.rc == (n % 7 == 0 ? GK_OK : GK_E_INVALID));
	}
	gk_buf_done(&bundle);
}

Test(tile, every_name_that_is_printed_is_read_again)
{
	static const uint64_t indexes[] = {0, 1, 999, 1000, 1001, 999999,
	    1000000, 1234067, UINT64_C(1) << 55, UINT64_MAX};

	for (size_t i = 0; i < GK_COUNT(indexes); i++) {
		for (unsigned width = 1; width <= TILE_WIDTH; width++) {
			const struct tile_id id = {
			    width % 64, indexes[i], width};
			char path[TILE_PATH_BYTES];
			struct tile_id got;

			(void)tile_path(&id, path);
			cr_assert(tile_parse(path + strlen("tile/"), &got) &&
				  got.level == id.level &&
				  got.index == id.index &&
				  got.width == id.width);
			(void)tile_entries_path(indexes[i], width, path);
			cr_assert(
			    tile_entries_parse(path + strlen("tile/entries/"),
				&got.index, &got.width) &&
			    got.index == indexes[i] && got.width == width);
		}
	}
}

Test(tile, no_other_name_is_read)
{
	static const char *const bad[] = {"", "0", "0/", "/000", "0/0", "0/00",
	    "0/0000", "0/ 000", "0/000 ", "+1/000", "00/000", "01/000",
	    "64/000", "4294967296/000", "0/000.p", "0/000.p/", "0/000.p/0",
	    "0/000.p/01", "0/000.p/256", "0/000.p/-1", "0/000.p/1/",
	    "0/000.P/1", "0/x000/001", "0/x001", "0/x001/", "0/x01/001",
	    "0/x001/x002", "0/001/002", "0/X001/002", "0/x001/x02/003",
	    "0/x018/x446/x744/x073/x709/x551/616",
	    "0/x999/x999/x999/x999/x999/x999/x999/999", "0/../000", "x/000",
	    "entries/000"};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		struct tile_id got;

		cr_expect(!tile_parse(bad[i], &got), "%s", bad[i]);
	}
}
