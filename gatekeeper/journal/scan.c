/* Events in order, from either end, of all runs or of one; and the search on top. */
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/index.h"
#include "journal/reader_internal.h"

enum {
	SEARCH_LIMIT_MAX = 1000,
	WINDOW = 256, /* events that are read in one go, or one by one */
	DENSE = 8,    /* one of so many is named: in one go is quicker */
};

void
journal__row_of(const struct event *event, struct body_row *ret)
{
	*ret = (struct body_row){
	    .seq = event->seq,
	    .kind = event->kind,
	    .decision = event->has_decision ? event->decision : -1,
	    .layer = event->layer,
	    .scope = event->scope,
	    .time_us = event->timestamp_us,
	};
	event_columns(event, &ret->columns);
}

void
journal__scan_begin(struct journal_reader *reader, const struct scan *scan)
{
	enum read_stmt which = scan->newest_first ? R_SCAN_DOWN : R_SCAN_UP;

	GK_ASSERT(reader->scan == NULL);
	if (scan->run_first != 0) {
		which = scan->newest_first ? R_SCAN_RUN_DOWN : R_SCAN_RUN_UP;
	}
	reader->scan = reader->stmt[which];
	journal__stmt_bind(reader->scan, 1, scan->from);
	journal__stmt_bind(reader->scan, 2, scan->to);
	if (scan->run_first != 0) {
		journal__stmt_bind(reader->scan, 3, scan->run_first);
	}
}

enum gk_rc
journal__scan_next(struct journal_reader *reader, struct body_row *ret_row,
    bool *ret_more, struct gk_err *err)
{
	sqlite3_stmt *stmt = reader->scan;
	int64_t v[15];

	GK_TRY(
	    journal__stmt_step(reader, stmt, "reading events", ret_more, err));
	if (!*ret_more) {
		return GK_OK;
	}
	for (int i = 0; i < (int)GK_COUNT(v); i++) {
		v[i] = sqlite3_column_int64(stmt, i);
	}
	*ret_row = (struct body_row){
	    .seq = (uint64_t)v[0],
	    .columns = {v[1], v[3], v[4], v[5], v[6], v[7], v[8], v[9]},
	    .run_first = (uint64_t)v[2],
	    .kind = (int)v[10],
	    .decision = (int)v[11],
	    .layer = (int)v[12],
	    .scope = (int)v[13],
	    .time_us = v[14],
	    .bytes = sqlite3_column_blob(stmt, 15),
	    .n = (size_t)sqlite3_column_bytes(stmt, 15),
	};
	return GK_OK;
}

void
journal__scan_end(struct journal_reader *reader)
{
	if (reader->scan != NULL) {
		(void)sqlite3_reset(reader->scan);
		reader->scan = NULL;
	}
}

enum gk_rc
journal__openings_begin(struct journal_reader *reader, uint64_t from,
    uint64_t to, struct gk_err *err)
{
	sqlite3_stmt *stmt = reader->stmt[R_OPENINGS_STEP];

	journal__stmt_bind(stmt, 1, from);
	journal__stmt_bind(stmt, 2, to);
	return journal__stmt_step(
	    reader, stmt, "reading openings", &reader->more_openings, err);
}

enum gk_rc
journal__openings_of(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	sqlite3_stmt *stmt = reader->stmt[R_OPENINGS_STEP];

	while (reader->more_openings &&
	       (uint64_t)sqlite3_column_int64(stmt, 4) == seq) {
		struct opening opening;

		GK_TRY(journal__column_opening(stmt, &opening, err));
		GK_TRY(each(ctx, &opening, err));
		GK_TRY(journal__stmt_step(reader, stmt, "reading openings",
		    &reader->more_openings, err));
	}
	return GK_OK;
}

void
journal__openings_end(struct journal_reader *reader)
{
	(void)sqlite3_reset(reader->stmt[R_OPENINGS_STEP]);
	reader->more_openings = false;
}

enum gk_rc
journal__read_run_seqs(struct journal_reader *reader, uint64_t run_first,
    uint64_t from, uint64_t *ret_seqs, size_t room, size_t *ret_count,
    struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_RUN_SEQS];
	size_t count = 0;
	bool row = true;

	journal__stmt_bind(stmt, 1, run_first);
	journal__stmt_bind(stmt, 2, from);
	journal__stmt_bind(stmt, 3, room);
	for (; row && count < room; count += row ? 1 : 0) {
		GK_TRY(journal__stmt_step(
		    reader, stmt, "looking into the run index", &row, err));
		if (row) {
			ret_seqs[count] =
			    (uint64_t)sqlite3_column_int64(stmt, 0);
		}
	}
	*ret_count = count;
	return GK_OK;
}

enum gk_rc
journal__each_signing_key(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_SIGNING_KEYS];
	bool row;

	for (;;) {
		const char *bytes;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading the signing keys", &row, err));
		if (!row) {
			return GK_OK;
		}
		bytes = sqlite3_column_blob(stmt, 1);
		GK_TRY(each(ctx, (uint64_t)sqlite3_column_int64(stmt, 0),
		    bytes == NULL ? "" : bytes,
		    (size_t)sqlite3_column_bytes(stmt, 1), err));
	}
}

/* The first seq whose event is not before us.  Timestamps never decrease. */
static enum gk_rc
seq_at(struct journal_reader *reader, int64_t us, uint64_t size,
    uint64_t *ret_seq, struct gk_err *err)
{
	uint64_t lo = 0, hi = size;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		int64_t time;
		bool found;

		GK_TRY(journal__read_time(reader, mid, &time, &found, err));
		if (!found || time < us) {
			lo = mid + 1; /* what was let go is the oldest */
		} else {
			hi = mid;
		}
	}
	*ret_seq = lo;
	return GK_OK;
}

enum gk_rc
journal_seq_at(struct journal_reader *reader, int64_t us, uint64_t *ret_seq,
    struct gk_err *err)
{
	uint64_t size;

	GK_TRY(journal__read_size(reader, &size, err));
	return seq_at(reader, us, size, ret_seq, err);
}

/* Narrow a stretch of the log to the times that are asked for. */
static enum gk_rc
narrow_to_times(struct journal_reader *reader,
    const struct journal_query *query, uint64_t size, struct scan *scan,
    struct gk_err *err)
{
	uint64_t bound;

	if (query->since_us != 0) {
		GK_TRY(seq_at(reader, query->since_us, size, &bound, err));
		scan->from = bound > scan->from ? bound : scan->from;
	}
	if (query->until_us != 0) {
		GK_TRY(seq_at(reader, query->until_us, size, &bound, err));
		scan->to = bound < scan->to ? bound : scan->to;
	}
	return GK_OK;
}

/* Which stretch of the log can hold what is asked for? */
static enum gk_rc
search_range(struct journal_reader *reader, const struct journal_query *query,
    struct scan *ret, struct gk_err *err)
{
	uint64_t size;
	bool has = true;

	*ret = (struct scan){.newest_first = query->newest_first};
	GK_TRY(journal__read_size(reader, &size, err));
	ret->to = size;
	if (!query->newest_first) {
		ret->from = query->from_seq;
	} else if (query->from_seq < size) {
		ret->to = query->from_seq + 1;
	}
	if (query->columns.run != 0) {
		GK_TRY(journal_run_first(
		    reader, query->columns.run, &ret->run_first, &has, err));
	}
	if (!has && ret->from < size) {
		ret->from = size; /* nothing of that run, yet */
	}
	return narrow_to_times(reader, query, size, ret, err);
}

static bool
is_asked(int64_t asked, int64_t column)
{
	return asked == 0 || asked == column;
}

static bool
is_asked_also(
    int64_t asked, const int64_t also[JOURNAL_ALSO_MAX], int64_t column)
{
	bool found = is_asked(asked, column);

	for (int i = 0; i < JOURNAL_ALSO_MAX && also[i] != 0 && !found; i++) {
		found = also[i] == column;
	}
	return found;
}

static bool
is_asked_word(int asked, int column)
{
	return asked < 0 || asked == column;
}

bool
journal_query_takes(const struct journal_query *query,
    const struct event_columns *columns, const int words[JOURNAL_WORDS])
{
	const struct event_columns *a = &query->columns, *b = columns;

	return is_asked_word(query->kind, words[JOURNAL_KIND]) &&
	       is_asked_word(query->decision, words[JOURNAL_DECISION]) &&
	       is_asked_word(query->layer, words[JOURNAL_LAYER]) &&
	       is_asked_word(query->scope, words[JOURNAL_SCOPE]) &&
	       is_asked(a->run, b->run) && is_asked(a->tenant, b->tenant) &&
	       is_asked(a->agent, b->agent) &&
	       is_asked_also(a->actor, query->also.actor, b->actor) &&
	       is_asked(a->action, b->action) &&
	       is_asked_also(
		   a->action_key, query->also.action_key, b->action_key) &&
	       is_asked(a->reason, b->reason) &&
	       is_asked(a->approval, b->approval);
}

static bool
row_matches(const struct journal_query *query, const struct body_row *row)
{
	const int words[JOURNAL_WORDS] = {[JOURNAL_KIND] = row->kind,
	    [JOURNAL_DECISION] = row->decision,
	    [JOURNAL_LAYER] = row->layer,
	    [JOURNAL_SCOPE] = row->scope};

	return journal_query_takes(query, &row->columns, words);
}

void
journal_words_of(const struct event *event, int ret_words[JOURNAL_WORDS])
{
	ret_words[JOURNAL_KIND] = event->kind;
	ret_words[JOURNAL_DECISION] =
	    event->has_decision ? event->decision : -1;
	ret_words[JOURNAL_LAYER] = event->layer;
	ret_words[JOURNAL_SCOPE] = event->scope;
}

/* Where a search is. */
struct search {
	struct journal_reader *reader;
	const struct journal_query *query;
	enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	    const struct digest *leaf, bool *stop, struct gk_err *err);
	void *ctx;
	struct scan scan; /* all that is to be searched */
	struct index_key keys[SEGMENT_COLUMNS];
	size_t key_count; /* 0: the index isn't asked */
	size_t limit;
	size_t given, looked;
	uint64_t next;
	bool stop; /* said by each */
	bool more; /* it is over, and goes on at next */
};

static bool
search_is_over(const struct search *search)
{
	const struct journal_query *query = search->query;

	return search->stop || search->given >= search->limit ||
	       (query->scan_limit != 0 && search->looked >= query->scan_limit);
}

static enum gk_rc
search_row(
    struct search *search, const struct body_row *row, struct gk_err *err)
{
	const struct digest *given = NULL;
	struct digest leaf;

	if (search_is_over(search)) {
		search->next = row->seq;
		search->more = true;
		return GK_OK;
	}
	search->looked++;
	if (!row_matches(search->query, row)) {
		return GK_OK;
	}
	search->given++;
	if (search->query->bare != NULL) {
		*search->query->bare = (struct journal_columns){
		    row->columns, row->kind, row->decision, row->time_us};
	} else {
		merkle_leaf(row->bytes, row->n, &leaf);
		given = &leaf;
	}
	return search->each(search->ctx, row->seq, row->bytes, row->n, given,
	    &search->stop, err);
}

/* Look at every event of [from, to). */
static enum gk_rc
search_rows(
    struct search *search, uint64_t from, uint64_t to, struct gk_err *err)
{
	struct scan scan = search->scan;
	bool row_there = true;
	enum gk_rc rc = GK_OK;

	scan.from = from;
	scan.to = to;
	journal__scan_begin(search->reader, &scan);
	while (rc == GK_OK && row_there && !search->more) {
		struct body_row row;

		rc = journal__scan_next(search->reader, &row, &row_there, err);
		if (rc == GK_OK && row_there) {
			rc = search_row(search, &row, err);
		}
	}
	journal__scan_end(search->reader);
	return rc;
}

/* Look at those that the index names in [lo, hi) of the block at base, one by one. */
static enum gk_rc
search_some(struct search *search, uint64_t base, uint32_t lo, uint32_t hi,
    struct gk_err *err)
{
	const struct posting_set *set = &search->reader->room->set;

	while (lo < hi && !search->more) {
		uint32_t at = search->scan.newest_first
				  ? posting_last(set, lo, hi)
				  : posting_first(set, lo, hi);

		if (at == hi) {
			return GK_OK;
		}
		GK_TRY(search_rows(search, base + at, base + at + 1, err));
		if (search->scan.newest_first) {
			hi = at;
		} else {
			lo = at + 1;
		}
	}
	return GK_OK;
}

/* The same of a whole stretch, a window at a time: where many are named, reading all is quicker. */
static enum gk_rc
search_named(struct search *search, uint64_t base, uint64_t from, uint64_t to,
    struct gk_err *err)
{
	const struct posting_set *set = &search->reader->room->set;
	uint32_t lo = (uint32_t)(from - base), hi = (uint32_t)(to - base);

	while (lo < hi && !search->more) {
		uint32_t a = lo, b = hi;

		if (search->scan.newest_first) {
			a = b - 1 - (b - 1) % WINDOW;
			a = a < lo ? lo : a;
			hi = a;
		} else {
			b = a - a % WINDOW + WINDOW;
			b = b > hi ? hi : b;
			lo = b;
		}
		if (posting_count(set, a, b) > (b - a) / DENSE) {
			GK_TRY(search_rows(search, base + a, base + b, err));
		} else {
			GK_TRY(search_some(search, base, a, b, err));
		}
	}
	return GK_OK;
}

/* [from, to) lies in one block: what the index knows of it, and the rest. */
static enum gk_rc
search_block(
    struct search *search, uint64_t from, uint64_t to, struct gk_err *err)
{
	struct journal_reader *reader = search->reader;
	uint32_t width = journal__index_width(reader->index), known;
	uint64_t base = from - from % width, end;
	enum index_answer answer =
	    journal__index_ask(reader->index, search->keys, search->key_count,
		base / width, reader->room, &known);

	if (answer == INDEX_SCAN) {
		return search_rows(search, from, to, err);
	}
	end = base + known < from ? from
	      : base + known < to ? base + known
				  : to;
	if (search->scan.newest_first) {
		GK_TRY(search_rows(search, end, to, err));
	}
	if (answer == INDEX_SET && end > from && !search->more) {
		GK_TRY(search_named(search, base, from, end, err));
	}
	return search->scan.newest_first || search->more
		   ? GK_OK
		   : search_rows(search, end, to, err);
}

/* Block by block, from either end. */
static enum gk_rc
search_blocks(struct search *search, struct gk_err *err)
{
	uint32_t width = journal__index_width(search->reader->index);
	uint64_t from = search->scan.from, to = search->scan.to;

	while (from < to && !search->more) {
		uint64_t lo = from, hi = to;

		if (search->scan.newest_first) {
			lo = hi - 1 - (hi - 1) % width;
			lo = lo < from ? from : lo;
			to = lo;
		} else {
			hi = from - from % width + width;
			hi = hi > to ? to : hi;
			from = hi;
		}
		GK_TRY(search_block(search, lo, hi, err));
	}
	return GK_OK;
}

static enum gk_rc
search_run(struct search *search, struct gk_err *err)
{
	GK_TRY(search_range(search->reader, search->query, &search->scan, err));
	search->next = search->scan.newest_first ? 0
		       : search->scan.to > search->scan.from
			   ? search->scan.to
			   : search->scan.from;
	if (search->reader->index != NULL && search->scan.run_first == 0) {
		search->key_count =
		    journal__index_keys(search->query, search->keys);
	}
	return search->key_count > 0 ? search_blocks(search, err)
				     : search_rows(search, search->scan.from,
					   search->scan.to, err);
}

enum gk_rc
journal_search(struct journal_reader *reader, const struct journal_query *query,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	const struct digest *leaf, bool *stop, struct gk_err *err),
    void *ctx, uint64_t *ret_next, bool *ret_more, struct gk_err *err)
{
	struct search search = {.reader = reader,
	    .query = query,
	    .each = each,
	    .ctx = ctx,
	    .limit = query->limit};
	enum gk_rc rc;

	if (search.limit > SEARCH_LIMIT_MAX) {
		search.limit = SEARCH_LIMIT_MAX;
	}
	*ret_more = false;
	GK_TRY(journal__read_begin(reader, err));
	rc = search_run(&search, err);
	journal__read_end(reader);
	if (rc == GK_OK) {
		*ret_next = search.next;
		*ret_more = search.more;
	}
	return rc;
}
