/*
 * One segment of the search index: which events of a block of the log have which value.
 *
 * A segment is written once and never changed.  It is made of pages of 4096
 * bytes: 4088 of content and the first 8 bytes of SHA-256(root ‖ number of the page,
 * u32 ‖ content), root being that of the Merkle tree over the block's leaves.  So a
 * page tells whether it is whole, in its place, and of this very stretch of this
 * very log.  Numbers are little-endian.
 *
 *   page 0   "gkindex1", block u64, width u32, pages u32, root; then for each
 *            column the first page of its values, their number, the first page of
 *            its lists, their bytes, u32 each
 *   values   (value u32, where u32), by value; 511 a page.  where: with the
 *            highest bit set the one place that has it, else the list's offset
 *   lists    one after the other, over page boundaries (posting.c)
 *
 * Values are the upper 32 bits of a 63-bit hash, or a small number: two texts may
 * share one.  The caller looks at each event itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/segment.h"

static const char magic[8] = "gkindex1";

enum {
	VALUE_BYTES = 8,
	VALUES_PER_PAGE = SEGMENT_PAYLOAD / VALUE_BYTES,
	LISTS_CAP = 4 * POSTING_WIDTH,
};

#define IS_PLACE UINT32_C(0x80000000)

static void
put_u32(uint8_t *at, uint32_t number)
{
	for (int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(number >> 8 * i);
	}
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void
page_check(const uint8_t *page, uint32_t number, const struct digest *root,
    struct digest *ret)
{
	uint8_t at[4];
	const struct digest_part parts[] = {{root->bytes, DIGEST_BYTES},
	    {at, sizeof(at)}, {page, SEGMENT_PAYLOAD}};

	put_u32(at, number);
	digest_sha256(parts, GK_COUNT(parts), ret);
}

/* ---- writing ---- */

/* Pages on their way to the file. */
struct pager {
	int fd;
	uint64_t offset;
	const struct digest *root;
	uint32_t number; /* of the page that is being filled */
	size_t fill;
	uint8_t page[SEGMENT_PAGE];
};

static enum gk_rc
page_store(struct pager *pager, uint32_t number, struct gk_err *err)
{
	uint64_t at = pager->offset + (uint64_t)number * SEGMENT_PAGE;
	struct digest check;
	size_t done = 0;

	page_check(pager->page, number, pager->root, &check);
	memcpy(pager->page + SEGMENT_PAYLOAD, check.bytes, SEGMENT_CHECK);
	while (done < SEGMENT_PAGE) {
		ssize_t n = pwrite(pager->fd, pager->page + done,
		    SEGMENT_PAGE - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return GK_FAIL(err, GK_E_IO,
			    "writing the search index: %s",
			    strerrordesc_np(errno));
		}
		done += (size_t)n;
	}
	memset(pager->page, 0, sizeof(pager->page));
	pager->fill = 0;
	return GK_OK;
}

/* Begin a new page where the last one isn't empty; gives its number. */
static enum gk_rc
pager_turn(struct pager *pager, uint32_t *ret_number, struct gk_err *err)
{
	if (pager->fill > 0) {
		GK_TRY(page_store(pager, pager->number++, err));
	}
	*ret_number = pager->number;
	return GK_OK;
}

static enum gk_rc
pager_put(struct pager *pager, const void *bytes, size_t n, struct gk_err *err)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		size_t part = SEGMENT_PAYLOAD - pager->fill;

		part = n < part ? n : part;
		memcpy(pager->page + pager->fill, at, part);
		pager->fill += part;
		at += part;
		n -= part;
		if (pager->fill == SEGMENT_PAYLOAD) {
			GK_TRY(page_store(pager, pager->number++, err));
		}
	}
	return GK_OK;
}

/* What sorting needs: (value << 16 | place) twice, and a value's places. */
struct sorter {
	uint64_t key[POSTING_WIDTH], spare[POSTING_WIDTH];
	uint16_t places[POSTING_WIDTH];
	uint8_t values[POSTING_WIDTH * VALUE_BYTES];
	struct gk_buf lists;
};

/* By value; places are in order already, and stay so: a byte at a time, from the lowest. */
static void
sort(struct sorter *sorter, size_t count)
{
	uint64_t *from = sorter->key, *to = sorter->spare, *swap;

	for (unsigned shift = 16; shift < 48; shift += 8) {
		size_t begin[257] = {0};

		for (size_t i = 0; i < count; i++) {
			begin[(from[i] >> shift & 0xff) + 1]++;
		}
		for (size_t i = 0; i < 256; i++) {
			begin[i + 1] += begin[i];
		}
		for (size_t i = 0; i < count; i++) {
			to[begin[from[i] >> shift & 0xff]++] = from[i];
		}
		swap = from;
		from = to;
		to = swap;
	}
}

static size_t
gather(struct sorter *sorter, const uint32_t *value, uint32_t width)
{
	size_t count = 0;

	for (uint32_t place = 0; place < width; place++) {
		if (value[place] != 0) {
			sorter->key[count++] =
			    (uint64_t)value[place] << 16 | place;
		}
	}
	sort(sorter, count);
	return count;
}

/* The values and lists of a sorted column. */
static enum gk_rc
make_lists(struct sorter *sorter, size_t count, uint32_t *ret_values,
    struct gk_err *err)
{
	uint32_t values = 0;

	gk_buf_clear(&sorter->lists);
	for (size_t i = 0; i < count;) {
		uint32_t value = (uint32_t)(sorter->key[i] >> 16);
		uint8_t *at = sorter->values + (size_t)values * VALUE_BYTES;
		size_t n = 0;

		for (; i < count && sorter->key[i] >> 16 == value; i++) {
			sorter->places[n++] = (uint16_t)sorter->key[i];
		}
		put_u32(at, value);
		if (n == 1) {
			put_u32(at + 4, IS_PLACE | sorter->places[0]);
		} else {
			put_u32(at + 4, (uint32_t)sorter->lists.len);
			GK_TRY(posting_encode(
			    sorter->places, n, &sorter->lists, err));
		}
		values++;
	}
	*ret_values = values;
	return GK_OK;
}

static enum gk_rc
store_column(struct pager *pager, struct sorter *sorter, const uint32_t *value,
    uint32_t width, struct segment_part *ret, struct gk_err *err)
{
	size_t count = gather(sorter, value, width);

	GK_TRY(make_lists(sorter, count, &ret->values, err));
	GK_TRY(pager_turn(pager, &ret->value_page, err));
	GK_TRY(pager_put(
	    pager, sorter->values, (size_t)ret->values * VALUE_BYTES, err));
	GK_TRY(pager_turn(pager, &ret->list_page, err));
	ret->list_bytes = (uint32_t)sorter->lists.len;
	return sorter->lists.len == 0 ? GK_OK
				      : pager_put(pager, sorter->lists.bytes,
					    sorter->lists.len, err);
}

static enum gk_rc
store_head(
    struct pager *pager, const struct segment *segment, struct gk_err *err)
{
	uint8_t *at = pager->page;

	memcpy(at, magic, sizeof(magic));
	put_u32(at + 8, (uint32_t)segment->block);
	put_u32(at + 12, (uint32_t)(segment->block >> 32));
	put_u32(at + 16, segment->width);
	put_u32(at + 20, segment->pages);
	memcpy(at + 24, segment->root.bytes, DIGEST_BYTES);
	at += 24 + DIGEST_BYTES;
	for (size_t i = 0; i < SEGMENT_COLUMNS; i++, at += 16) {
		put_u32(at, segment->part[i].value_page);
		put_u32(at + 4, segment->part[i].values);
		put_u32(at + 8, segment->part[i].list_page);
		put_u32(at + 12, segment->part[i].list_bytes);
	}
	return page_store(pager, 0, err);
}

static void
sorter_free(struct sorter **sorter)
{
	if (*sorter != NULL) {
		gk_buf_done(&(*sorter)->lists);
		free(*sorter);
	}
}

enum gk_rc
segment_store(int fd, const struct segment_values *values,
    const struct digest *root, uint64_t offset, struct segment *ret,
    struct gk_err *err)
{
	GK_AUTO(sorter_free) struct sorter *sorter = malloc(sizeof(*sorter));
	struct pager pager = {
	    .fd = fd, .offset = offset, .root = root, .number = 1};

	if (sorter == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the search index");
	}
	sorter->lists = (struct gk_buf)GK_BUF_INIT(LISTS_CAP);
	*ret = (struct segment){.block = values->block,
	    .offset = offset,
	    .width = values->width,
	    .root = *root};
	for (size_t i = 0; i < SEGMENT_COLUMNS; i++) {
		GK_TRY(store_column(&pager, sorter,
		    values->value + i * values->width, values->width,
		    &ret->part[i], err));
	}
	GK_TRY(pager_turn(&pager, &ret->pages, err));
	return store_head(&pager, ret, err);
}

/* ---- reading ---- */

static bool
page_read(int fd, uint64_t offset, uint8_t page[SEGMENT_PAGE])
{
	size_t done = 0;

	while (done < SEGMENT_PAGE) {
		ssize_t n = pread(fd, page + done, SEGMENT_PAGE - done,
		    (off_t)(offset + done));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

static bool
page_is_whole(const uint8_t *page, uint32_t number, const struct digest *root)
{
	struct digest check;

	page_check(page, number, root, &check);
	return memcmp(check.bytes, page + SEGMENT_PAYLOAD, SEGMENT_CHECK) == 0;
}

static bool
page_load(int fd, const struct segment *segment, uint32_t number,
    uint8_t page[SEGMENT_PAGE])
{
	return number < segment->pages &&
	       page_read(fd, segment->offset + (uint64_t)number * SEGMENT_PAGE,
		   page) &&
	       page_is_whole(page, number, &segment->root);
}

bool
segment_load(int fd, uint64_t offset, uint64_t block, uint32_t width,
    struct segment *ret)
{
	uint8_t page[SEGMENT_PAGE];
	const uint8_t *at = page + 24 + DIGEST_BYTES;

	if (!page_read(fd, offset, page) ||
	    memcmp(page, magic, sizeof(magic)) != 0) {
		return false;
	}
	*ret = (struct segment){
	    .block = get_u32(page + 8) | (uint64_t)get_u32(page + 12) << 32,
	    .offset = offset,
	    .width = get_u32(page + 16),
	    .pages = get_u32(page + 20),
	};
	memcpy(ret->root.bytes, page + 24, DIGEST_BYTES);
	for (size_t i = 0; i < SEGMENT_COLUMNS; i++, at += 16) {
		ret->part[i] = (struct segment_part){get_u32(at),
		    get_u32(at + 4), get_u32(at + 8), get_u32(at + 12)};
	}
	return ret->block == block && ret->width == width && ret->pages > 0 &&
	       page_is_whole(page, 0, &ret->root);
}

/* Which of a page's values is it?  SEGMENT_SOME: *ret_where; else on which side it would lie. */
static enum segment_verdict
look_in_page(const uint8_t *page, uint32_t count, uint32_t value,
    uint32_t *ret_where, int *ret_side)
{
	uint32_t lo = 0, hi = count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (get_u32(page + (size_t)mid * VALUE_BYTES) < value) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	*ret_side = lo == count ? 1 : lo == 0 ? -1 : 0;
	if (lo < count && get_u32(page + (size_t)lo * VALUE_BYTES) == value) {
		*ret_where = get_u32(page + (size_t)lo * VALUE_BYTES + 4);
		return SEGMENT_SOME;
	}
	return SEGMENT_NONE;
}

/*
 * Bisection by page; the first guess is where an even spread would have it.  So
 * one page or two are read, and never more than the logarithm of them.
 */
static enum segment_verdict
find_value(int fd, const struct segment *segment,
    const struct segment_part *part, uint32_t value, uint8_t *page,
    uint32_t *ret_where)
{
	uint32_t lo = 0;
	uint32_t hi = (part->values + VALUES_PER_PAGE - 1) / VALUES_PER_PAGE;
	uint32_t at = (uint32_t)((uint64_t)hi * value >> 32);
	bool near = true;

	while (lo < hi) {
		uint32_t left = part->values - at * VALUES_PER_PAGE;
		enum segment_verdict verdict;
		int side;

		if (!page_load(fd, segment, part->value_page + at, page)) {
			return SEGMENT_BAD;
		}
		verdict = look_in_page(page,
		    left < VALUES_PER_PAGE ? left : VALUES_PER_PAGE, value,
		    ret_where, &side);
		if (verdict == SEGMENT_SOME || side == 0) {
			return verdict;
		}
		if (side > 0) {
			lo = at + 1;
		} else {
			hi = at;
		}
		/* the neighbour first: the guess is seldom far off */
		at = !near ? (lo + hi) / 2 : side > 0 ? lo : hi - (hi > 0);
		near = false;
	}
	return SEGMENT_NONE;
}

/* n bytes of the lists from an offset into room->list. */
static bool
read_list(int fd, const struct segment *segment,
    const struct segment_part *part, uint32_t offset, size_t n,
    struct segment_room *room)
{
	size_t done = 0;

	while (done < n) {
		size_t at = offset + done;
		size_t in_page = at % SEGMENT_PAYLOAD;
		size_t part_n = SEGMENT_PAYLOAD - in_page;

		part_n = n - done < part_n ? n - done : part_n;
		if (!page_load(fd, segment,
			part->list_page + (uint32_t)(at / SEGMENT_PAYLOAD),
			room->page)) {
			return false;
		}
		memcpy(room->list + done, room->page + in_page, part_n);
		done += part_n;
	}
	return true;
}

static enum segment_verdict
find_list(int fd, const struct segment *segment,
    const struct segment_part *part, uint32_t offset, struct segment_room *room,
    struct posting_set *ret)
{
	size_t all, first, used;
	enum posting_verdict verdict;

	if (offset >= part->list_bytes) {
		return SEGMENT_BAD;
	}
	all = part->list_bytes - offset;
	all = all < POSTING_BYTES_MAX ? all : POSTING_BYTES_MAX;
	first = SEGMENT_PAYLOAD - offset % SEGMENT_PAYLOAD;
	first = first < all ? first : all;
	/* most lists end in the page where they begin */
	if (!read_list(fd, segment, part, offset, first, room)) {
		return SEGMENT_BAD;
	}
	verdict = posting_decode(room->list, first, ret, &used);
	if (verdict == POSTING_CUT && first < all) {
		if (!read_list(fd, segment, part, offset, all, room)) {
			return SEGMENT_BAD;
		}
		verdict = posting_decode(room->list, all, ret, &used);
	}
	return verdict == POSTING_OK ? SEGMENT_SOME : SEGMENT_BAD;
}

enum segment_verdict
segment_find(int fd, const struct segment *segment, enum segment_column column,
    uint32_t value, struct segment_room *room, struct posting_set *ret)
{
	const struct segment_part *part = &segment->part[column];
	enum segment_verdict verdict;
	uint32_t where;

	GK_ASSERT(value != 0);
	verdict = find_value(fd, segment, part, value, room->page, &where);
	if (verdict != SEGMENT_SOME) {
		return verdict;
	}
	if ((where & IS_PLACE) == 0) {
		return find_list(fd, segment, part, where, room, ret);
	}
	if ((where & ~IS_PLACE) >= segment->width) {
		return SEGMENT_BAD;
	}
	posting_clear(ret);
	posting_add(ret, where & ~IS_PLACE);
	return SEGMENT_SOME;
}

void
segment_drop(int fd, const struct segment *segment)
{
	/* what can't punch holes keeps them until the file is made anew */
	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)(segment->offset + SEGMENT_PAGE),
	    (off_t)(segment->pages - 1) * SEGMENT_PAGE);
}
