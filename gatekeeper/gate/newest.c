/* Keeps what counts of the newest events. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "gate/newest.h"

enum {
	ROOM_FIRST = 1024,
	PAGE = 1000,
	SLICE = 20000, /* events in one read transaction */
	NAMES_CAP = 4 << 20,
};

struct gate_newest {
	pthread_mutex_t lock;
	struct census_names names;
	struct census_row *rows; /* a ring; owned */
	size_t room, head, count;
	uint64_t from;
	uint64_t told_from; /* from this event on all names are told apart */
	struct newest_reading reading;
};

enum gk_rc
newest_new(struct gate_newest **ret, struct gk_err *err)
{
	struct gate_newest *newest = calloc(1, sizeof(*newest));

	if (newest == NULL || pthread_mutex_init(&newest->lock, NULL) != 0) {
		free(newest);
		return GK_FAIL(err, GK_E_NOMEM, "the newest events");
	}
	newest->names.arena.cap = NAMES_CAP;
	newest->reading.bytes.cap = EVENT_BYTES_MAX;
	*ret = newest;
	return GK_OK;
}

void
newest_freep(struct gate_newest **newest)
{
	struct gate_newest *gone = *newest;

	if (gone != NULL) {
		(void)pthread_mutex_destroy(&gone->lock);
		census_names_done(&gone->names);
		gk_buf_done(&gone->reading.bytes);
		free(gone->rows);
		free(gone);
		*newest = NULL;
	}
}

/* ---- one event ---- */

/* How long did it wait?  Since the decision that asked. */
static enum gk_rc
find_wait(struct newest_reading *reading, const char *bytes, size_t n,
    struct census_row *row, struct gk_err *err)
{
	struct entry_text asked_at;
	char text[64];
	struct digest leaf;
	int64_t asked_us;
	uint64_t asked;
	bool found;

	if (!entry_int(bytes, n, "of_seq", &asked)) {
		return GK_OK;
	}
	gk_buf_clear(&reading->bytes);
	GK_TRY(journal_read(
	    reading->reader, asked, &reading->bytes, &leaf, &found, err));
	if (!found) {
		return GK_OK;
	}
	asked_at =
	    entry_get(reading->bytes.bytes, reading->bytes.len, "timestamp");
	if (asked_at.at == NULL || asked_at.n < 2 ||
	    asked_at.n - 2 >= sizeof(text)) {
		return GK_OK;
	}
	memcpy(text, asked_at.at + 1, asked_at.n - 2);
	text[asked_at.n - 2] = '\0';
	if (gk_time_parse(text, &asked_us, NULL) == GK_OK) {
		census_waited(row, row->time_us - asked_us);
	}
	return GK_OK;
}

enum gk_rc
newest_row_of(struct newest_reading *reading, struct census_names *names,
    const char *bytes, size_t n, struct census_row *ret, struct gk_err *err)
{
	const struct event_columns *columns = &reading->columns.columns;
	struct census_event event = {.kind = reading->columns.kind,
	    .decision = reading->columns.decision,
	    .time_us = reading->columns.time_us,
	    .names = {[CENSUS_REASONS] = columns->reason,
		[CENSUS_ACTIONS] = columns->action,
		[CENSUS_TENANTS] = columns->tenant,
		[CENSUS_AGENTS] = columns->agent},
	    .bytes = bytes,
	    .n = n};

	GK_TRY(census_row_of(names, &event, ret, err));
	return ret->resolution < CENSUS_RESOLUTIONS
		   ? find_wait(reading, bytes, n, ret, err)
		   : GK_OK;
}

/* ---- many ---- */

static void
forget(struct gate_newest *newest, size_t count)
{
	newest->head =
	    (newest->head + count) % (newest->room == 0 ? 1 : newest->room);
	newest->count -= count;
	newest->from += count;
}

/* The rows in order, in so much room. */
static enum gk_rc
move_rows(struct gate_newest *newest, size_t room, struct gk_err *err)
{
	struct census_row *rows = calloc(room, sizeof(*rows));

	if (rows == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the newest events");
	}
	for (size_t i = 0; i < newest->count; i++) {
		rows[i] = *newest_row(newest, i);
	}
	free(newest->rows);
	newest->rows = rows;
	newest->room = room;
	newest->head = 0;
	return GK_OK;
}

static enum gk_rc
grow(struct gate_newest *newest, struct gk_err *err)
{
	size_t room = newest->room == 0 ? ROOM_FIRST : newest->room * 2;

	return move_rows(newest, room > NEWEST_MAX ? NEWEST_MAX : room, err);
}

/* Whoever makes up names mustn't keep others from being counted: those of fewest events go. */
static enum gk_rc
make_room(struct gate_newest *newest, struct gk_err *err)
{
	bool lost;

	if (!census_names_full(&newest->names)) {
		return GK_OK;
	}
	GK_TRY(
	    newest->head == 0 ? GK_OK : move_rows(newest, newest->room, err));
	GK_TRY(census_names_thin(
	    &newest->names, newest->rows, newest->count, &lost, err));
	if (lost) {
		newest->told_from = newest->from + newest->count;
	}
	return GK_OK;
}

static enum gk_rc
add(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct gate_newest *newest = ctx;
	struct census_row row;

	(void)leaf;
	*stop = false;
	if (seq != newest->from + newest->count) { /* some were let go */
		forget(newest, newest->count);
		newest->from = seq;
	}
	GK_TRY(make_room(newest, err));
	GK_TRY(newest_row_of(
	    &newest->reading, &newest->names, bytes, n, &row, err));
	if (newest->count == NEWEST_MAX) {
		forget(newest, 1);
	}
	if (newest->count == newest->room) {
		GK_TRY(grow(newest, err));
	}
	newest->rows[(newest->head + newest->count++) % newest->room] = row;
	return GK_OK;
}

/* Rows that have lost a name go in time. */
static void
settle_crowd(struct gate_newest *newest)
{
	if (newest->from >= newest->told_from) {
		memset(newest->names.crowded, 0, sizeof(newest->names.crowded));
	}
}

static void
make_ready(struct gate_newest *newest, uint64_t minimum, uint64_t size)
{
	uint64_t oldest = size < NEWEST_MAX ? 0 : size - NEWEST_MAX;
	uint64_t next = newest->from + newest->count;

	oldest = oldest < minimum ? minimum : oldest;
	if (next < oldest) {
		forget(newest, newest->count);
		census_names_done(&newest->names);
		newest->from = oldest;
	} else if (newest->from < minimum) {
		forget(newest, minimum - newest->from);
	}
}

static enum gk_rc
follow(struct gate_newest *newest, uint64_t minimum, uint64_t size,
    struct gk_err *err)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .bare = &newest->reading.columns,
	    .limit = PAGE,
	    .scan_limit = SLICE};
	bool more = true;

	make_ready(newest, minimum, size);
	query.from_seq = newest->from + newest->count;
	while (more) {
		GK_TRY(journal_search(newest->reading.reader, &query, add,
		    newest, &query.from_seq, &more, err));
	}
	settle_crowd(newest);
	return GK_OK;
}

enum gk_rc
newest_pin(struct gate_newest *newest, struct journal_reader *reader,
    uint64_t minimum, uint64_t size, struct gk_err *err)
{
	enum gk_rc rc;

	pthread_mutex_lock(&newest->lock);
	newest->reading.reader = reader;
	rc = follow(newest, minimum, size, err);
	newest->reading.reader = NULL;
	if (rc != GK_OK) {
		pthread_mutex_unlock(&newest->lock);
	}
	return rc;
}

void
newest_unpin(struct gate_newest *newest)
{
	pthread_mutex_unlock(&newest->lock);
}

uint64_t
newest_from(const struct gate_newest *newest)
{
	return newest->from;
}

size_t
newest_count(const struct gate_newest *newest)
{
	return newest->count;
}

const struct census_row *
newest_row(const struct gate_newest *newest, size_t i)
{
	GK_ASSERT(i < newest->count);
	return &newest->rows[(newest->head + i) % newest->room];
}

struct census_names *
newest_names(struct gate_newest *newest)
{
	return &newest->names;
}
