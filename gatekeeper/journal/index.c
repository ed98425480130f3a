/*
 * The search index: data_dir/search.index, built behind the log, never evidence.
 *
 * An index in the store would be paid for by every decision, before its answer: each
 * key that doesn't arrive in order touches a page of its own (store.c).  So the store
 * has none but for runs, and this one is built by a thread that reads what was
 * committed.
 *
 * The log is cut into blocks of 65 536 events.  What is known of the last, incomplete
 * block lies in memory, a column of 32-bit values each, and a search compares them.
 * When a block is complete its values are sorted and appended to the file as one
 * segment (segment.c), in one go, and synced.  Events that nobody has looked at yet,
 * the tail, are looked at by the search itself.  A start reads the events of
 * the last block again.
 *
 * It can't change an answer.  An event that it names is read and compared like any
 * other, so that one too many costs time only.  One too few would hide an event:
 * so every page carries a check that is bound to the Merkle root over the block's own
 * leaves, which the log has as a tile.  A page that isn't whole, from another place,
 * another log, or from before a restored backup is noticed when it is read; the
 * search looks at the block's events instead, and the segments from there on are
 * built again.  The check has no key: who can write the file and computes it anew can
 * hide events from searches; from `gatekeeper verify` and exports of everything they
 * can't be hidden.
 *
 * Blocks whose events were let go are given back to the file system, but for
 * their first page.
 *
 * Locks.  One thread follows; readers ask.  `lock` is held for reading while a block is
 * asked for, for writing while one is added or the tail grows: microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/index.h"
#include "journal/reader_internal.h"

enum { STEP = 4096 }; /* events in one read transaction */

#define UNDAMAGED UINT64_MAX

/*
 * Invariants:
 * 1. segments[0 … count) are of the blocks 0 … count; those below dropped aren't read.
 * 2. tail holds the values of the first `known` events of block `count`; readers
 *    don't look behind.
 */
struct journal_index {
	int fd;
	uint32_t width;
	int64_t (*run_id)(const char *bytes, size_t n);
	bool loaded; /* the following thread's own */
	_Atomic uint64_t damaged;
	pthread_rwlock_t lock;
	/* under lock */
	struct segment *segments;
	uint64_t count, room, dropped;
	uint32_t *tail;
	uint32_t known;
	uint64_t end; /* of the file, in bytes */
	uint64_t rebuilt;
};

/* ---- open and close ---- */

enum gk_rc
journal_index_open(const struct journal_index_options *options,
    struct journal_index **ret_index, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int dir = -1;
	struct journal_index *index = calloc(1, sizeof(*index));

	if (index == NULL || pthread_rwlock_init(&index->lock, NULL) != 0) {
		free(index);
		return GK_FAIL(err, GK_E_NOMEM, "the search index");
	}
	index->fd = -1;
	index->width = options->width == 0 ? POSTING_WIDTH : options->width;
	index->run_id = options->run_id;
	index->damaged = UNDAMAGED;
	GK_ASSERT(index->width == TILE_WIDTH || index->width == POSTING_WIDTH);
	index->tail = calloc(
	    (size_t)SEGMENT_COLUMNS * index->width, sizeof(*index->tail));
	if (index->tail == NULL) {
		journal_index_close(index);
		return GK_FAIL(err, GK_E_NOMEM, "the search index");
	}
	if (journal__dir_open(AT_FDCWD, options->data_dir, false, &dir, err) !=
	    GK_OK) {
		journal_index_close(index);
		return GK_E_IO;
	}
	index->fd = openat(dir, INDEX_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (index->fd < 0) {
		journal_index_close(index);
		return GK_FAIL(err, GK_E_IO, "opening " INDEX_FILE ": %s",
		    strerrordesc_np(errno));
	}
	*ret_index = index;
	return GK_OK;
}

void
journal_index_close(struct journal_index *index)
{
	if (index != NULL) {
		journal__fd_close(&index->fd);
		(void)pthread_rwlock_destroy(&index->lock);
		free(index->segments);
		free(index->tail);
		free(index);
	}
}

void
journal_index_state(
    struct journal_index *index, struct journal_index_state *ret)
{
	(void)pthread_rwlock_rdlock(&index->lock);
	*ret = (struct journal_index_state){
	    .known = index->count * index->width + index->known,
	    .bytes = index->end,
	    .rebuilt = index->rebuilt,
	};
	(void)pthread_rwlock_unlock(&index->lock);
}

/* ---- values ---- */

static uint32_t
value_of_hash(int64_t hash)
{
	uint32_t value = (uint32_t)((uint64_t)hash >> 31);

	return hash == 0 ? 0 : value == 0 ? 1 : value;
}

static uint32_t
value_of_word(int word)
{
	return word < 0 ? 0 : (uint32_t)word + 1;
}

static void
values_of_row(const struct journal_index *index, const struct body_row *row,
    uint32_t ret[SEGMENT_COLUMNS])
{
	const struct event_columns *columns = &row->columns;

	ret[SEGMENT_RUN_ID] =
	    index->run_id == NULL
		? 0
		: value_of_hash(index->run_id(row->bytes, row->n));
	ret[SEGMENT_TENANT] = value_of_hash(columns->tenant);
	ret[SEGMENT_AGENT] = value_of_hash(columns->agent);
	ret[SEGMENT_ACTOR] = value_of_hash(columns->actor);
	ret[SEGMENT_ACTION] = value_of_hash(columns->action);
	ret[SEGMENT_ACTION_KEY] = value_of_hash(columns->action_key);
	ret[SEGMENT_REASON] = value_of_hash(columns->reason);
	ret[SEGMENT_APPROVAL] = value_of_hash(columns->approval);
	ret[SEGMENT_KIND] = value_of_word(row->kind);
	ret[SEGMENT_DECISION] = value_of_word(row->decision);
	ret[SEGMENT_LAYER] = value_of_word(row->layer);
	ret[SEGMENT_SCOPE] = value_of_word(row->scope);
}

static struct index_key
key_of(const struct journal_query *query, int column, uint32_t value)
{
	struct index_key key = {
	    .column = (enum segment_column)column, .count = 1};
	const int64_t *also = column == SEGMENT_ACTOR ? query->also.actor
			      : column == SEGMENT_ACTION_KEY
				  ? query->also.action_key
				  : NULL;

	key.values[0] = value;
	for (int i = 0; also != NULL && i < JOURNAL_ALSO_MAX && also[i] != 0;
	     i++) {
		key.values[key.count++] = value_of_hash(also[i]);
	}
	return key;
}

size_t
journal__index_keys(
    const struct journal_query *query, struct index_key ret[SEGMENT_COLUMNS])
{
	const struct event_columns *columns = &query->columns;
	const uint32_t asked[SEGMENT_COLUMNS] = {
	    [SEGMENT_RUN_ID] = value_of_hash(query->run_id),
	    [SEGMENT_TENANT] = value_of_hash(columns->tenant),
	    [SEGMENT_AGENT] = value_of_hash(columns->agent),
	    [SEGMENT_ACTOR] = value_of_hash(columns->actor),
	    [SEGMENT_ACTION] = value_of_hash(columns->action),
	    [SEGMENT_ACTION_KEY] = value_of_hash(columns->action_key),
	    [SEGMENT_REASON] = value_of_hash(columns->reason),
	    [SEGMENT_APPROVAL] = value_of_hash(columns->approval),
	    [SEGMENT_KIND] = value_of_word(query->kind),
	    [SEGMENT_DECISION] = value_of_word(query->decision),
	    [SEGMENT_LAYER] = value_of_word(query->layer),
	    [SEGMENT_SCOPE] = value_of_word(query->scope),
	};
	size_t count = 0;

	for (int i = 0; i < SEGMENT_COLUMNS; i++) {
		if (asked[i] != 0) {
			ret[count++] = key_of(query, i, asked[i]);
		}
	}
	return count;
}

uint32_t
journal__index_width(const struct journal_index *index)
{
	return index->width;
}

/* ---- asking ---- */

static bool
is_one_of(const struct index_key *key, uint32_t value)
{
	for (size_t i = 0; i < key->count; i++) {
		if (key->values[i] == value) {
			return true;
		}
	}
	return false;
}

/* Compare the values that lie in memory. */
static enum index_answer
ask_tail(const struct journal_index *index, const struct index_key *keys,
    size_t count, struct posting_set *ret)
{
	uint32_t found = 0;

	posting_clear(ret);
	for (uint32_t place = 0; place < index->known; place++) {
		bool has = true;

		for (size_t i = 0; i < count && has; i++) {
			has = is_one_of(&keys[i],
			    index->tail[(size_t)keys[i].column * index->width +
					place]);
		}
		if (has) {
			posting_add(ret, place);
			found++;
		}
	}
	return index->known == 0 ? INDEX_SCAN
	       : found == 0      ? INDEX_SKIP
				 : INDEX_SET;
}

/* The places that have one of the key's values; undefined unless SEGMENT_SOME. */
static enum segment_verdict
find_any(const struct journal_index *index, const struct segment *segment,
    const struct index_key *key, struct index_room *room,
    struct posting_set *ret)
{
	enum segment_verdict all = SEGMENT_NONE, one;

	for (size_t i = 0; i < key->count; i++) {
		one = segment_find(index->fd, segment, key->column,
		    key->values[i], &room->segment,
		    all == SEGMENT_NONE ? ret : &room->more);
		if (one == SEGMENT_BAD) {
			return one;
		}
		if (one == SEGMENT_SOME && all == SEGMENT_SOME) {
			posting_or(ret, &room->more);
		}
		all = one == SEGMENT_SOME ? one : all;
	}
	return all;
}

static enum index_answer
ask_segment(const struct journal_index *index, const struct segment *segment,
    const struct index_key *keys, size_t count, struct index_room *room)
{
	for (size_t i = 0; i < count; i++) {
		switch (find_any(index, segment, &keys[i], room,
		    i == 0 ? &room->set : &room->one)) {
		case SEGMENT_NONE:
			return INDEX_SKIP;
		case SEGMENT_SOME:
			break;
		case SEGMENT_BAD:
		default:
			return INDEX_SCAN;
		}
		if (i > 0) {
			posting_and(&room->set, &room->one);
		}
	}
	return INDEX_SET;
}

static void
note_damage(struct journal_index *index, uint64_t block)
{
	uint64_t before = atomic_load(&index->damaged);

	while (block < before &&
	       !atomic_compare_exchange_weak(&index->damaged, &before, block)) {
	}
}

enum index_answer
journal__index_ask(struct journal_index *index, const struct index_key *keys,
    size_t count, uint64_t block, struct index_room *room, uint32_t *ret_known)
{
	enum index_answer answer = INDEX_SCAN;

	*ret_known = 0;
	(void)pthread_rwlock_rdlock(&index->lock);
	if (block == index->count) {
		answer = ask_tail(index, keys, count, &room->set);
		*ret_known = index->known;
	} else if (block < index->count && block >= index->dropped &&
		   block < atomic_load(&index->damaged)) {
		answer = ask_segment(
		    index, &index->segments[block], keys, count, room);
		*ret_known = index->width;
		if (answer == INDEX_SCAN) {
			note_damage(index, block);
		}
	}
	(void)pthread_rwlock_unlock(&index->lock);
	return answer;
}

/* ---- following ---- */

/* The root over a block's leaves, as the log has it. */
static enum gk_rc
block_root(const struct journal_index *index, struct journal_reader *reader,
    uint64_t block, struct digest *ret, bool *ret_found, struct gk_err *err)
{
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];

	return journal__read_tile(reader, index->width == TILE_WIDTH ? 0 : 1,
	    block, ret, hashes, ret_found, err);
}

/* Under lock.  Takes a segment in behind the others. */
static enum gk_rc
add_segment(struct journal_index *index, const struct segment *segment,
    struct gk_err *err)
{
	if (index->count == index->room) {
		uint64_t room = index->room == 0 ? 16 : index->room * 2;
		struct segment *more =
		    realloc(index->segments, (size_t)room * sizeof(*more));

		if (more == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "the search index");
		}
		index->segments = more;
		index->room = room;
	}
	index->segments[index->count++] = *segment;
	index->end = segment->offset + (uint64_t)segment->pages * SEGMENT_PAGE;
	index->known = 0;
	memset(index->tail, 0,
	    (size_t)SEGMENT_COLUMNS * index->width * sizeof(*index->tail));
	return GK_OK;
}

/* Cut the file behind the segments that are good. */
static enum gk_rc
cut_file(struct journal_index *index, struct gk_err *err)
{
	struct stat st;

	if (fstat(index->fd, &st) != 0 ||
	    ((uint64_t)st.st_size != index->end &&
		ftruncate(index->fd, (off_t)index->end) != 0)) {
		return GK_FAIL(err, GK_E_IO, "cutting " INDEX_FILE ": %s",
		    strerrordesc_np(errno));
	}
	index->rebuilt += (uint64_t)st.st_size > index->end;
	return GK_OK;
}

/* Is the file's next segment there as a whole, and of this log? */
static enum gk_rc
next_segment(struct journal_index *index, struct journal_reader *reader,
    uint64_t file_bytes, struct segment *ret, bool *ret_good,
    struct gk_err *err)
{
	struct digest root;

	*ret_good = segment_load(index->fd, index->end, index->count,
			index->width, ret) &&
		    ret->pages <= (file_bytes - index->end) / SEGMENT_PAGE;
	if (!*ret_good) {
		return GK_OK;
	}
	GK_TRY(block_root(index, reader, index->count, &root, ret_good, err));
	*ret_good = *ret_good && digest_equal(&root, &ret->root, DIGEST_BYTES);
	return GK_OK;
}

/* Under lock.  Which segments of the file are of this log? */
static enum gk_rc
load(struct journal_index *index, struct journal_reader *reader,
    struct gk_err *err)
{
	struct segment segment;
	struct stat st;
	bool good = true;

	if (fstat(index->fd, &st) != 0) {
		return GK_FAIL(err, GK_E_IO, "looking at " INDEX_FILE ": %s",
		    strerrordesc_np(errno));
	}
	for (;;) {
		GK_TRY(next_segment(
		    index, reader, (uint64_t)st.st_size, &segment, &good, err));
		if (!good) {
			return cut_file(index, err);
		}
		GK_TRY(add_segment(index, &segment, err));
	}
}

/* Under lock.  Forget the segments from the damaged one on. */
static enum gk_rc
cut(struct journal_index *index, uint64_t block, struct gk_err *err)
{
	if (block < index->count) {
		index->end = index->segments[block].offset;
		index->count = block;
		index->known = 0;
		memset(index->tail, 0,
		    (size_t)SEGMENT_COLUMNS * index->width *
			sizeof(*index->tail));
	}
	return cut_file(index, err);
}

/* Under lock.  Blocks that have no events any more. */
static enum gk_rc
drop(struct journal_index *index, struct journal_reader *reader,
    struct gk_err *err)
{
	uint64_t first;

	GK_TRY(journal__read_first(reader, &first, err));
	while (index->dropped < index->count &&
	       (index->dropped + 1) * index->width <= first) {
		segment_drop(index->fd, &index->segments[index->dropped++]);
	}
	return GK_OK;
}

/* In a read transaction: what there is before new events are read. */
static enum gk_rc
settle(struct journal_index *index, struct journal_reader *reader,
    struct gk_err *err)
{
	uint64_t damaged = atomic_load(&index->damaged);
	enum gk_rc rc = GK_OK;

	(void)pthread_rwlock_wrlock(&index->lock);
	if (!index->loaded) {
		rc = load(index, reader, err);
		index->loaded = rc == GK_OK;
	} else if (damaged != UNDAMAGED) {
		rc = cut(index, damaged, err);
		atomic_store(&index->damaged, UNDAMAGED);
	}
	if (rc == GK_OK) {
		rc = drop(index, reader, err);
	}
	(void)pthread_rwlock_unlock(&index->lock);
	return rc;
}

/* Values of the events [from, to) of the block `count`, behind what readers look at. */
static enum gk_rc
read_values(struct journal_index *index, struct journal_reader *reader,
    uint64_t from, uint64_t to, struct gk_err *err)
{
	uint64_t base = index->count * index->width;
	const struct scan scan = {.from = from, .to = to};
	struct body_row row;
	bool more;
	enum gk_rc rc;

	journal__scan_begin(reader, &scan);
	while ((rc = journal__scan_next(reader, &row, &more, err)) == GK_OK &&
	       more) {
		uint32_t values[SEGMENT_COLUMNS];

		values_of_row(index, &row, values);
		for (size_t i = 0; i < SEGMENT_COLUMNS; i++) {
			index->tail[i * index->width + row.seq - base] =
			    values[i];
		}
	}
	journal__scan_end(reader);
	return rc;
}

/* In a read transaction: go on by a step. */
static enum gk_rc
step(struct journal_index *index, struct journal_reader *reader,
    struct digest *ret_root, bool *ret_more, struct gk_err *err)
{
	uint64_t base, from, to, size;
	bool found;

	GK_TRY(settle(index, reader, err));
	GK_TRY(journal__read_size(reader, &size, err));
	base = index->count * index->width;
	from = base + index->known;
	to = from + STEP < base + index->width ? from + STEP
					       : base + index->width;
	to = size < to ? size : to;
	if (to > from) {
		GK_TRY(read_values(index, reader, from, to, err));
		(void)pthread_rwlock_wrlock(&index->lock);
		index->known = (uint32_t)(to - base);
		(void)pthread_rwlock_unlock(&index->lock);
	}
	*ret_more = size > to;
	if (index->known < index->width) {
		return GK_OK;
	}
	GK_TRY(block_root(index, reader, index->count, ret_root, &found, err));
	return found ? GK_OK
		     : GK_FAIL(err, GK_E_CORRUPT,
			   "the log has no tile over events that it has");
}

/* The block is complete: its values become a segment. */
static enum gk_rc
seal(struct journal_index *index, const struct digest *root, struct gk_err *err)
{
	const struct segment_values values = {
	    index->count, index->width, index->tail};
	struct segment segment;
	enum gk_rc rc;

	GK_TRY(
	    segment_store(index->fd, &values, root, index->end, &segment, err));
	if (fdatasync(index->fd) != 0) {
		return GK_FAIL(err, GK_E_IO, "fdatasync of " INDEX_FILE ": %s",
		    strerrordesc_np(errno));
	}
	(void)pthread_rwlock_wrlock(&index->lock);
	rc = add_segment(index, &segment, err);
	(void)pthread_rwlock_unlock(&index->lock);
	return rc;
}

enum gk_rc
journal_index_follow(struct journal_index *index, struct journal_reader *reader,
    bool *ret_more, struct gk_err *err)
{
	struct digest root;
	enum gk_rc rc;

	GK_TRY(journal__read_begin(reader, err));
	rc = step(index, reader, &root, ret_more, err);
	journal__read_end(reader);
	return rc == GK_OK && index->known == index->width
		   ? seal(index, &root, err)
		   : rc;
}
