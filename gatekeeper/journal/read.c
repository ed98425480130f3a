/* Reading what lies at a place: events, openings, policy texts, tiles, checkpoints, snapshot rows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/index.h"
#include "journal/reader_internal.h"

enum { HASHES_BYTES = TILE_WIDTH * DIGEST_BYTES };

static const char *const read_sql[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_END] = "COMMIT",
    [R_SIZE] = "SELECT max(seq) FROM body",
    [R_BODY] = "SELECT bytes FROM body WHERE seq = ?1 UNION ALL "
	       "SELECT bytes FROM held WHERE seq = ?1 LIMIT 1",
    [R_FIRST] = "SELECT min(seq) FROM body",
    [R_TIME] = "SELECT time FROM body WHERE seq = ?1",
    [R_TILE] = "SELECT root, hashes FROM tile WHERE level = ?1 AND idx = ?2",
    [R_ROOTS] = "SELECT root FROM tile WHERE level = ?1 AND idx >= ?2 AND "
		"idx < ?3 ORDER BY idx",
    [R_TILE_COUNT] = "SELECT count(*) FROM tile",
    [R_BODIES] = "SELECT bytes FROM body WHERE seq >= ?1 AND seq < ?2 "
		 "ORDER BY seq",
    [R_CHECKPOINT_AT] = "SELECT size, note FROM checkpoint WHERE size >= ?1 "
			"ORDER BY size LIMIT 1",
    [R_CHECKPOINT_LAST] =
	"SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1",
    [R_OPENINGS] = "SELECT path, salt, value, forget FROM opening "
		   "WHERE seq = ?1 ORDER BY path",
    [R_OPENINGS_STEP] = "SELECT path, salt, value, forget, seq FROM opening "
			"WHERE seq >= ?1 AND seq < ?2 ORDER BY seq, path",
    [R_OPENINGS_LEFT] =
	"SELECT path, salt, value, forget FROM opening o WHERE seq = ?1 AND "
	"NOT EXISTS (SELECT 1 FROM redaction r WHERE r.seq = o.seq AND "
	"r.path = o.path) ORDER BY path",
    [R_STRAYS] = "SELECT (SELECT count(*) FROM body WHERE seq < 0) + "
		 "(SELECT count(*) FROM checkpoint WHERE size <= 0) + "
		 "(SELECT count(*) FROM opening WHERE seq < 0) + "
		 "(SELECT count(*) FROM opening WHERE seq >= ?1)",
    [R_POLICY] = "SELECT text FROM policy_blob WHERE digest = ?1",
    [R_POLICIES] =
	"SELECT digest, sha256, text FROM policy_blob ORDER BY digest",
    [R_META] = "SELECT value FROM meta WHERE key = ?1",
    [R_ROWS] = "SELECT key, json FROM ledger_row WHERE generation = ?1 "
	       "ORDER BY key",
    [R_SNAPSHOT] = "SELECT max(seq) FROM body INDEXED BY body_snapshot "
		   "WHERE kind = 13",
    [R_RUN_FIRST] = "SELECT min(seq) FROM (SELECT seq FROM body INDEXED BY "
		    "body_run WHERE run = ?1 AND run <> 0 AND run_first = seq "
		    "UNION ALL SELECT first FROM run_cut WHERE run = ?1)",
    [R_REDACTIONS] =
	"SELECT path, event FROM redaction WHERE seq = ?1 ORDER BY path",
    [R_BOUND] = "SELECT bound FROM minimum WHERE what = ?1",
    [R_RETENTION] = "SELECT max(seq) FROM body INDEXED BY body_snapshot "
		    "WHERE kind = 14 AND seq < ?1",
    [R_GONE] =
	"SELECT seq FROM held WHERE kind = 14 OR kind = 15 UNION ALL "
	"SELECT seq FROM body INDEXED BY body_snapshot WHERE kind = 14 UNION "
	"ALL SELECT seq FROM body INDEXED BY body_snapshot WHERE kind = 15 "
	"ORDER BY seq",
    [R_COUNT_OPENINGS] =
	"SELECT count(*) FROM opening o CROSS JOIN body b ON b.seq = o.seq "
	"WHERE o.seq >= ?1 AND o.seq < ?2 AND (?3 < 0 OR b.kind = ?3) AND "
	"(?4 = 0 OR b.tenant = ?4)",
    [R_COUNT_FORGET] = "SELECT count(*) FROM opening INDEXED BY opening_forget "
		       "WHERE forget <> 0 AND forget > ?1 AND forget <= ?2",
    [R_RUN_SEQS] = "SELECT seq FROM body INDEXED BY body_run_first WHERE "
		   "run_first = ?1 AND run_first <> 0 AND seq >= ?2 "
		   "ORDER BY seq LIMIT ?3",
#define SCAN_COLUMNS                                                 \
	"SELECT seq, run, run_first, tenant, agent, actor, action, " \
	"action_key, "                                               \
	"reason, approval, kind, decision, layer, scope, time, bytes FROM "
/* what was held is below the rest: SQLite merges the two, in their own order */
#define SCAN_ALL                                                \
	SCAN_COLUMNS "body WHERE seq >= ?1 AND seq < ?2 UNION " \
		     "ALL " SCAN_COLUMNS                        \
		     "held WHERE seq >= ?1 AND seq < ?2 ORDER BY seq"
#define SCAN_RUN                                               \
	SCAN_COLUMNS                                           \
	"body INDEXED BY body_run_first WHERE run_first = ?3 " \
	"AND run_first <> 0 AND seq >= ?1 AND seq < ?2 UNION " \
	"ALL " SCAN_COLUMNS                                    \
	"held INDEXED BY held_run_first WHERE run_first = ?3 " \
	"AND run_first <> 0 AND seq >= ?1 AND seq < ?2 ORDER BY seq"
    [R_SCAN_UP] = SCAN_ALL,
    [R_SCAN_DOWN] = SCAN_ALL " DESC",
    [R_SCAN_RUN_UP] = SCAN_RUN,
    [R_SCAN_RUN_DOWN] = SCAN_RUN " DESC",
    [R_SIGNING_KEYS] = "SELECT seq, bytes FROM signing_key ORDER BY seq",
};

enum gk_rc
journal__reader_on(
    sqlite3 *db, struct journal_reader **ret_reader, struct gk_err *err)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));
	enum gk_rc rc;

	if (reader == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a reader");
	}
	reader->db = db;
	rc = journal__store_prepare(db, read_sql, R_COUNT, reader->stmt, err);
	if (rc != GK_OK) {
		journal_reader_close(reader);
		return rc;
	}
	*ret_reader = reader;
	return GK_OK;
}

enum gk_rc
journal_reader_open(const char *data_dir, struct journal_reader **ret_reader,
    struct gk_err *err)
{
	struct journal_reader *reader;
	sqlite3 *db;
	enum gk_rc rc;

	GK_TRY(journal__store_open(data_dir, STORE_READ, &db, err));
	rc = journal__reader_on(db, &reader, err);
	if (rc != GK_OK) {
		journal__store_close(db, false);
		return rc;
	}
	reader->owns_db = true;
	*ret_reader = reader;
	return GK_OK;
}

void
journal_reader_close(struct journal_reader *reader)
{
	if (reader != NULL) {
		journal__store_finalize(reader->stmt, R_COUNT);
		if (reader->owns_db) {
			journal__store_close(reader->db, false);
		}
		free(reader->room);
		free(reader);
	}
}

enum gk_rc
journal_reader_use(struct journal_reader *reader, struct journal_index *index,
    struct gk_err *err)
{
	if (reader->room == NULL) {
		reader->room = malloc(sizeof(*reader->room));
	}
	if (reader->room == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a reader");
	}
	reader->index = index;
	return GK_OK;
}

void
journal__reader_closep(struct journal_reader **reader)
{
	journal_reader_close(*reader);
	*reader = NULL;
}

void
journal__stmt_reset(sqlite3_stmt **stmt)
{
	(void)sqlite3_reset(*stmt);
}

enum gk_rc
journal__stmt_step(struct journal_reader *reader, sqlite3_stmt *stmt,
    const char *what, bool *ret_row, struct gk_err *err)
{
	int rc = sqlite3_step(stmt);

	*ret_row = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		return journal__store_fail(reader->db, what, err);
	}
	return GK_OK;
}

/* seq and size fit: SQLite's integers end at 2^63 - 1, and so do events. */
void
journal__stmt_bind(sqlite3_stmt *stmt, int at, uint64_t number)
{
	int rc = sqlite3_bind_int64(
	    stmt, at, number > INT64_MAX ? INT64_MAX : (int64_t)number);

	GK_ASSERT(rc == SQLITE_OK); /* an integer needs no memory */
}

bool
journal__column_digest(sqlite3_stmt *stmt, int column, struct digest *ret)
{
	const void *bytes = sqlite3_column_blob(stmt, column);

	if (bytes == NULL ||
	    sqlite3_column_bytes(stmt, column) != DIGEST_BYTES) {
		return false;
	}
	memcpy(ret->bytes, bytes, DIGEST_BYTES);
	return true;
}

static enum gk_rc
column_add(
    sqlite3_stmt *stmt, int column, struct gk_buf *buf, struct gk_err *err)
{
	const void *bytes = sqlite3_column_blob(stmt, column);

	return gk_buf_add(
	    buf, bytes, (size_t)sqlite3_column_bytes(stmt, column), err);
}

static const char *
column_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text == NULL ? "" : (const char *)text;
}

enum gk_rc
journal__read_begin(struct journal_reader *reader, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_BEGIN];
	bool row;

	if (sqlite3_get_autocommit(reader->db) == 0) {
		return GK_OK; /* in the writer's batch: as good a snapshot */
	}
	GK_TRY(journal__stmt_step(reader, stmt, "BEGIN", &row, err));
	reader->in_snapshot = true;
	return GK_OK;
}

void
journal__read_end(struct journal_reader *reader)
{
	if (reader->in_snapshot) {
		(void)sqlite3_step(reader->stmt[R_END]);
		(void)sqlite3_reset(reader->stmt[R_END]);
		reader->in_snapshot = false;
	}
}

enum gk_rc
journal__read_number(struct journal_reader *reader, enum read_stmt which,
    bool *ret_has, uint64_t *ret_number, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[which];
	bool row;

	GK_TRY(journal__stmt_step(reader, stmt, read_sql[which], &row, err));
	*ret_has = row && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER;
	*ret_number = *ret_has ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
	return GK_OK;
}

enum gk_rc
journal__read_size(
    struct journal_reader *reader, uint64_t *ret_size, struct gk_err *err)
{
	uint64_t max;
	bool has;

	GK_TRY(journal__read_number(reader, R_SIZE, &has, &max, err));
	*ret_size = has ? max + 1 : 0;
	return GK_OK;
}

enum gk_rc
journal__read_first(
    struct journal_reader *reader, uint64_t *ret_seq, struct gk_err *err)
{
	bool has;

	return journal__read_number(reader, R_FIRST, &has, ret_seq, err);
}

enum gk_rc
journal__read_strays(struct journal_reader *reader, uint64_t size,
    uint64_t *ret_count, struct gk_err *err)
{
	bool has;

	journal__stmt_bind(reader->stmt[R_STRAYS], 1, size);
	return journal__read_number(reader, R_STRAYS, &has, ret_count, err);
}

enum gk_rc
journal__read_snapshot(struct journal_reader *reader, bool *ret_found,
    uint64_t *ret_seq, struct gk_err *err)
{
	return journal__read_number(
	    reader, R_SNAPSHOT, ret_found, ret_seq, err);
}

enum gk_rc
journal__read_tile_count(
    struct journal_reader *reader, uint64_t *ret_count, struct gk_err *err)
{
	bool has;

	return journal__read_number(reader, R_TILE_COUNT, &has, ret_count, err);
}

enum gk_rc
journal_read(struct journal_reader *reader, uint64_t seq, struct gk_buf *buf,
    struct digest *ret_leaf, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset) sqlite3_stmt *stmt = reader->stmt[R_BODY];

	*ret_found = false;
	if (seq > INT64_MAX) {
		return GK_OK;
	}
	journal__stmt_bind(stmt, 1, seq);
	GK_TRY(journal__stmt_step(
	    reader, stmt, "reading an event", ret_found, err));
	if (*ret_found) {
		const void *bytes = sqlite3_column_blob(stmt, 0);
		size_t n = (size_t)sqlite3_column_bytes(stmt, 0);

		if (buf != NULL) {
			GK_TRY(gk_buf_add(buf, bytes, n, err));
		}
		if (ret_leaf != NULL) {
			merkle_leaf(bytes, n, ret_leaf);
		}
	}
	return GK_OK;
}

enum gk_rc
journal__read_time(struct journal_reader *reader, uint64_t seq, int64_t *ret_us,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset) sqlite3_stmt *stmt = reader->stmt[R_TIME];

	journal__stmt_bind(stmt, 1, seq);
	GK_TRY(
	    journal__stmt_step(reader, stmt, "reading a time", ret_found, err));
	*ret_us = *ret_found ? sqlite3_column_int64(stmt, 0) : 0;
	return GK_OK;
}

enum gk_rc
journal__column_opening(
    sqlite3_stmt *stmt, struct opening *ret, struct gk_err *err)
{
	const void *salt = sqlite3_column_blob(stmt, 1);

	if (salt == NULL ||
	    sqlite3_column_bytes(stmt, 1) != (int)sizeof(ret->salt)) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "an opening's salt hasn't 16 bytes");
	}
	memcpy(ret->salt, salt, sizeof(ret->salt));
	ret->path = column_text(stmt, 0);
	ret->value = column_text(stmt, 2);
	ret->forget_us = sqlite3_column_int64(stmt, 3);
	return GK_OK;
}

enum gk_rc
journal_openings(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	return journal__openings(reader, seq, false, each, ctx, err);
}

enum gk_rc
journal__openings(struct journal_reader *reader, uint64_t seq, bool redacted,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt =
	    reader->stmt[redacted ? R_OPENINGS : R_OPENINGS_LEFT];
	bool row;

	journal__stmt_bind(stmt, 1, seq);
	for (;;) {
		struct opening opening;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading openings", &row, err));
		if (!row) {
			return GK_OK;
		}
		GK_TRY(journal__column_opening(stmt, &opening, err));
		GK_TRY(each(ctx, &opening, err));
	}
}

/* One value by a key that is a text. */
static enum gk_rc
read_by_text(struct journal_reader *reader, enum read_stmt which,
    const char *key, struct gk_buf *buf, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[which];

	if (sqlite3_bind_text64(stmt, 1, key, strlen(key), SQLITE_STATIC,
		SQLITE_UTF8) != SQLITE_OK) {
		return journal__store_fail(reader->db, "binding a key", err);
	}
	GK_TRY(
	    journal__stmt_step(reader, stmt, read_sql[which], ret_found, err));
	return *ret_found && buf != NULL ? column_add(stmt, 0, buf, err)
					 : GK_OK;
}

enum gk_rc
journal_policy_text(struct journal_reader *reader, const char *digest,
    struct gk_buf *buf, bool *ret_found, struct gk_err *err)
{
	return read_by_text(reader, R_POLICY, digest, buf, ret_found, err);
}

enum gk_rc
journal__read_meta(struct journal_reader *reader, const char *key,
    struct gk_buf *value, bool *ret_found, struct gk_err *err)
{
	return read_by_text(reader, R_META, key, value, ret_found, err);
}

enum gk_rc
journal__each_policy(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, const char *digest, const void *sha256,
	size_t sha256_n, const char *bytes, size_t n, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_POLICIES];
	bool row;

	for (;;) {
		const void *sha256, *bytes;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading policy texts", &row, err));
		if (!row) {
			return GK_OK;
		}
		sha256 = sqlite3_column_blob(stmt, 1);
		bytes = sqlite3_column_blob(stmt, 2);
		GK_TRY(each(ctx, column_text(stmt, 0), sha256,
		    (size_t)sqlite3_column_bytes(stmt, 1), bytes,
		    (size_t)sqlite3_column_bytes(stmt, 2), err));
	}
}

enum gk_rc
journal__each_row(struct journal_reader *reader, int64_t generation,
    enum gk_rc (*row_each)(void *ctx, const char *key, const char *json,
	size_t n, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset) sqlite3_stmt *stmt = reader->stmt[R_ROWS];
	bool row;

	if (sqlite3_bind_int64(stmt, 1, generation) != SQLITE_OK) {
		return journal__store_fail(reader->db, "binding", err);
	}
	for (;;) {
		const char *json;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading a snapshot", &row, err));
		if (!row) {
			return GK_OK;
		}
		json = column_text(stmt, 1);
		GK_TRY(row_each(ctx, column_text(stmt, 0), json,
		    (size_t)sqlite3_column_bytes(stmt, 1), err));
	}
}

enum gk_rc
journal_reader_rows(struct journal_reader *reader, int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	return journal__each_row(reader, generation, row, ctx, err);
}

enum gk_rc
journal_run_first(struct journal_reader *reader, int64_t run, uint64_t *ret_seq,
    bool *ret_found, struct gk_err *err)
{
	if (sqlite3_bind_int64(reader->stmt[R_RUN_FIRST], 1, run) !=
	    SQLITE_OK) {
		return journal__store_fail(reader->db, "binding", err);
	}
	return journal__read_number(
	    reader, R_RUN_FIRST, ret_found, ret_seq, err);
}

enum gk_rc
journal_has_run(struct journal_reader *reader, int64_t run_column,
    bool *ret_has, struct gk_err *err)
{
	uint64_t first;

	return journal_run_first(reader, run_column, &first, ret_has, err);
}

enum gk_rc
journal__read_tile(struct journal_reader *reader, unsigned level,
    uint64_t index, struct digest *ret_root, uint8_t *ret_hashes,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset) sqlite3_stmt *stmt = reader->stmt[R_TILE];
	const void *hashes;

	journal__stmt_bind(stmt, 1, level);
	journal__stmt_bind(stmt, 2, index);
	GK_TRY(
	    journal__stmt_step(reader, stmt, "reading a tile", ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	hashes = sqlite3_column_blob(stmt, 1);
	if (!journal__column_digest(stmt, 0, ret_root) || hashes == NULL ||
	    sqlite3_column_bytes(stmt, 1) != HASHES_BYTES) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "tile %u/%" PRIu64 " has the wrong size", level, index);
	}
	memcpy(ret_hashes, hashes, HASHES_BYTES);
	return GK_OK;
}

enum gk_rc
journal__read_checkpoint(struct journal_reader *reader, uint64_t at_least,
    uint64_t *ret_size, struct gk_buf *note, bool *ret_found,
    struct gk_err *err)
{
	bool last = at_least == UINT64_MAX;
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt =
	    reader->stmt[last ? R_CHECKPOINT_LAST : R_CHECKPOINT_AT];

	if (!last) {
		journal__stmt_bind(stmt, 1, at_least);
	}
	GK_TRY(journal__stmt_step(
	    reader, stmt, "reading a checkpoint", ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	*ret_size = (uint64_t)sqlite3_column_int64(stmt, 0);
	return column_add(stmt, 1, note, err);
}
