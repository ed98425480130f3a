/*
 * C2SP tlog-tiles: how a tile is called and how wide it is, and bundles of entries.
 *
 * A tile of level L, index N holds the hashes of 256 neighbouring complete subtrees
 * of 256^L leaves each.  Its index is written in groups of three digits, all but the
 * last behind an x: 1234067 is x001/x234/067.  A tile that isn't full yet says how
 * many hashes it has: 067.p/12.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "journal/tile.h"

enum { TILE_HEIGHT = 8, ENTRY_MAX = 0xffff, LEVEL_MAX = 63 };

/* Digits of an index come last group first; 20 digits are seven groups. */
enum { INDEX_GROUPS = 7, INDEX_BYTES = INDEX_GROUPS * 5 };

static void
index_print(uint64_t index, char ret_text[INDEX_BYTES])
{
	unsigned groups[INDEX_GROUPS];
	size_t count = 0;
	char *at = ret_text;

	do {
		groups[count++] = (unsigned)(index % 1000);
		index /= 1000;
	} while (index > 0);
	while (count-- > 0) {
		at += snprintf(
		    at, 6, count > 0 ? "x%03u/" : "%03u", groups[count]);
	}
}

/* Behind a path's beginning: the index, and the width of a partial tile. */
static size_t
path_print(const char *beginning, uint64_t index, unsigned width,
    char ret_path[TILE_PATH_BYTES])
{
	char number[INDEX_BYTES];
	int n;

	GK_ASSERT(width >= 1 && width <= TILE_WIDTH);
	index_print(index, number);
	if (width == TILE_WIDTH) {
		n = snprintf(
		    ret_path, TILE_PATH_BYTES, "%s/%s", beginning, number);
	} else {
		n = snprintf(ret_path, TILE_PATH_BYTES, "%s/%s.p/%u", beginning,
		    number, width);
	}
	GK_ASSERT(n > 0 && n < TILE_PATH_BYTES);
	return (size_t)n;
}

size_t
tile_path(const struct tile_id *id, char ret_path[TILE_PATH_BYTES])
{
	char beginning[sizeof("tile/63")];

	GK_ASSERT(id->level <= 63);
	(void)snprintf(beginning, sizeof(beginning), "tile/%u", id->level & 63);
	return path_print(beginning, id->index, id->width, ret_path);
}

size_t
tile_entries_path(
    uint64_t index, unsigned width, char ret_path[TILE_PATH_BYTES])
{
	return path_print("tile/entries", index, width, ret_path);
}

/* A decimal number of at most max, without a sign or a leading zero. */
static bool
number_parse(const char **text, unsigned max, unsigned *ret)
{
	const char *at = *text;
	unsigned n = 0;

	while (*at >= '0' && *at <= '9' && n <= max) {
		n = n * 10 + (unsigned)(*at++ - '0');
	}
	if (at == *text || n > max || (**text == '0' && at - *text > 1)) {
		return false;
	}
	*text = at;
	*ret = n;
	return true;
}

static bool
group_parse(const char *text, unsigned *ret)
{
	unsigned n = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	*ret = n;
	return true;
}

/* "x001/x234/067"; a first group of zeroes belongs to small numbers alone. */
static bool
index_parse(const char **text, uint64_t *ret)
{
	const char *at = *text;
	uint64_t index = 0;
	unsigned group;
	bool more;

	do {
		more = *at == 'x';
		at += more ? 1 : 0;
		if (!group_parse(at, &group) ||
		    (more && index == 0 && group == 0) ||
		    index > (UINT64_MAX - group) / 1000) {
			return false;
		}
		index = index * 1000 + group;
		at += 3;
		if (more && *at++ != '/') {
			return false;
		}
	} while (more);
	*text = at;
	*ret = index;
	return true;
}

bool
tile_entries_parse(const char *text, uint64_t *ret_index, unsigned *ret_width)
{
	if (!index_parse(&text, ret_index)) {
		return false;
	}
	*ret_width = TILE_WIDTH;
	if (strncmp(text, ".p/", 3) == 0) {
		text += 3;
		if (!number_parse(&text, TILE_WIDTH - 1, ret_width) ||
		    *ret_width == 0) {
			return false;
		}
	}
	return *text == '\0';
}

bool
tile_parse(const char *text, struct tile_id *ret)
{
	return number_parse(&text, LEVEL_MAX, &ret->level) && *text++ == '/' &&
	       tile_entries_parse(text, &ret->index, &ret->width);
}

unsigned
tile_width(unsigned level, uint64_t index, uint64_t tree_size)
{
	uint64_t hashes =
	    level * TILE_HEIGHT < 64 ? tree_size >> (level * TILE_HEIGHT) : 0;

	if (index < hashes / TILE_WIDTH) {
		return TILE_WIDTH;
	}
	return index == hashes / TILE_WIDTH ? (unsigned)(hashes % TILE_WIDTH)
					    : 0;
}

enum gk_rc
tile_bundle_add(
    struct gk_buf *bundle, const void *entry, size_t n, struct gk_err *err)
{
	const uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};
	char *at;

	if (n > ENTRY_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "an entry of %zu bytes; at most %d fit a bundle", n,
		    ENTRY_MAX);
	}
	GK_TRY(gk_buf_reserve(bundle, sizeof(length) + n, &at, err));
	GK_TRY(gk_buf_add(bundle, length, sizeof(length), err));
	return gk_buf_add(bundle, entry, n, err);
}

bool
tile_bundle_next(const void *bundle, size_t n, size_t *at,
    const void **ret_entry, size_t *ret_n, struct gk_err *err)
{
	const uint8_t *bytes = bundle;
	size_t left = n - *at, length = 0;

	if (left == 0) {
		return false;
	}
	if (left >= 2) {
		length = (size_t)bytes[*at] << 8 | bytes[*at + 1];
	}
	if (left < 2 || length > left - 2) {
		(void)GK_FAIL(
		    err, GK_E_INVALID, "the entry bundle is cut short");
		gk_err_where(err, "offset %zu", *at);
		return false;
	}
	*ret_entry = bytes + *at + 2;
	*ret_n = length;
	*at += 2 + length;
	return true;
}
