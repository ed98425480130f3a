/* Cosignatures in the store: rows of the table cosignature, and notes to ourselves about witnesses. */
#include <string.h>

#include <sqlite3.h>

#include "journal/journal_internal.h"
#include "journal/reader_internal.h"

/* Witnesses say something now and then: a statement each time is cheap enough. */
static void
finalize(sqlite3_stmt **stmt)
{
	(void)sqlite3_finalize(*stmt);
}

static enum gk_rc
prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct gk_err *err)
{
	return sqlite3_prepare_v2(db, sql, -1, ret, NULL) == SQLITE_OK
		   ? GK_OK
		   : journal__store_fail(db, "the cosignatures", err);
}

static int
bind_text(sqlite3_stmt *stmt, int at, const char *text, size_t n)
{
	return sqlite3_bind_text64(
	    stmt, at, text, n, SQLITE_STATIC, SQLITE_UTF8);
}

static enum gk_rc
run(sqlite3 *db, sqlite3_stmt *stmt, int bound, const char *what,
    struct gk_err *err)
{
	return bound == SQLITE_OK && sqlite3_step(stmt) == SQLITE_DONE
		   ? GK_OK
		   : journal__store_fail(db, what, err);
}

/* The checkpoint below it is kept: put there again where a later one has taken its place. */
static enum gk_rc
write_checkpoint(sqlite3 *db, const struct journal_cosignature *cosignature,
    struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *put = NULL;
	GK_AUTO(finalize) sqlite3_stmt *keep = NULL;
	int rc;

	GK_TRY(prepare(db,
	    "INSERT INTO checkpoint (size, note, kept) VALUES (?1, ?2, 1) "
	    "ON CONFLICT DO NOTHING",
	    &put, err));
	GK_TRY(prepare(db,
	    "UPDATE checkpoint SET kept = 1 WHERE size = ?1 AND kept = 0",
	    &keep, err));
	rc = sqlite3_bind_int64(put, 1, (int64_t)cosignature->size);
	rc |= bind_text(put, 2, cosignature->note, cosignature->note_n);
	GK_TRY(run(db, put, rc, "keeping a witnessed checkpoint", err));
	return run(db, keep,
	    sqlite3_bind_int64(keep, 1, (int64_t)cosignature->size),
	    "keeping a witnessed checkpoint", err);
}

enum gk_rc
journal__write_cosignature(sqlite3 *db,
    const struct journal_cosignature *cosignature, struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *stmt = NULL;
	int rc;

	GK_TRY(write_checkpoint(db, cosignature, err));
	GK_TRY(prepare(db,
	    "INSERT INTO cosignature (size, witness, time, line) "
	    "VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
	    &stmt, err));
	rc = sqlite3_bind_int64(stmt, 1, (int64_t)cosignature->size);
	rc |= bind_text(
	    stmt, 2, cosignature->witness, strlen(cosignature->witness));
	rc |= sqlite3_bind_int64(stmt, 3, cosignature->time_s);
	rc |= bind_text(stmt, 4, cosignature->line, cosignature->line_n);
	return run(db, stmt, rc, "writing a cosignature", err);
}

/* Read one row; its texts are the statement's until the next step. */
static void
row_read(sqlite3_stmt *stmt, struct journal_cosignature *ret)
{
	*ret = (struct journal_cosignature){
	    .size = (uint64_t)sqlite3_column_int64(stmt, 0),
	    .witness = (const char *)sqlite3_column_text(stmt, 1),
	    .time_s = sqlite3_column_int64(stmt, 2),
	    .line = (const char *)sqlite3_column_text(stmt, 3),
	    .line_n = (size_t)sqlite3_column_bytes(stmt, 3),
	};
}

enum gk_rc
journal_each_cosignature(struct journal_reader *reader, uint64_t from_size,
    uint64_t to_size,
    enum gk_rc (*each)(void *ctx, const struct journal_cosignature *cosignature,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *stmt = NULL;
	bool row;

	GK_TRY(prepare(reader->db,
	    "SELECT size, witness, time, line FROM cosignature "
	    "WHERE size >= ?1 AND size <= ?2 ORDER BY size, witness",
	    &stmt, err));
	journal__stmt_bind(stmt, 1, from_size);
	journal__stmt_bind(stmt, 2, to_size > INT64_MAX ? INT64_MAX : to_size);
	for (;;) {
		struct journal_cosignature cosignature;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading cosignatures", &row, err));
		if (!row) {
			return GK_OK;
		}
		row_read(stmt, &cosignature);
		GK_TRY(each(ctx, &cosignature, err));
	}
}

enum gk_rc
journal__next_cosigned(struct journal_reader *reader, uint64_t from,
    bool *ret_found, uint64_t *ret_size, struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *stmt = NULL;

	GK_TRY(prepare(reader->db,
	    "SELECT size FROM cosignature WHERE size >= ?1 ORDER BY size "
	    "LIMIT 1",
	    &stmt, err));
	journal__stmt_bind(stmt, 1, from);
	GK_TRY(journal__stmt_step(
	    reader, stmt, "reading cosignatures", ret_found, err));
	if (*ret_found) {
		*ret_size = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	return GK_OK;
}

enum gk_rc
journal__last_cosigned(struct journal_reader *reader, bool *ret_found,
    uint64_t *ret_size, struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *stmt = NULL;

	GK_TRY(prepare(reader->db,
	    "SELECT size FROM cosignature ORDER BY size DESC LIMIT 1", &stmt,
	    err));
	GK_TRY(journal__stmt_step(
	    reader, stmt, "reading cosignatures", ret_found, err));
	if (*ret_found) {
		*ret_size = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	return GK_OK;
}

enum gk_rc
journal_last_cosignature(struct journal_reader *reader, const char *witness,
    bool *ret_found, uint64_t *ret_size, int64_t *ret_time_s,
    struct gk_err *err)
{
	GK_AUTO(finalize) sqlite3_stmt *stmt = NULL;

	GK_TRY(prepare(reader->db,
	    "SELECT size, time FROM cosignature WHERE witness = ?1 "
	    "ORDER BY size DESC LIMIT 1",
	    &stmt, err));
	if (bind_text(stmt, 1, witness, strlen(witness)) != SQLITE_OK) {
		return GK_FAIL(err, GK_E_NOMEM, "reading cosignatures");
	}
	GK_TRY(journal__stmt_step(
	    reader, stmt, "reading cosignatures", ret_found, err));
	if (*ret_found) {
		*ret_size = (uint64_t)sqlite3_column_int64(stmt, 0);
		*ret_time_s = sqlite3_column_int64(stmt, 1);
	}
	return GK_OK;
}

/* Lines on their way to a note, which has room for so many. */
struct lines {
	struct gk_buf *buf;
	size_t left;
};

static enum gk_rc
add_line(void *ctx, const struct journal_cosignature *cosignature,
    struct gk_err *err)
{
	struct lines *lines = ctx;

	if (lines->left == 0) {
		return GK_OK;
	}
	lines->left--;
	return gk_buf_add(
	    lines->buf, cosignature->line, cosignature->line_n, err);
}

enum gk_rc
journal_read_cosignatures(struct journal_reader *reader, uint64_t size,
    struct gk_buf *buf, struct gk_err *err)
{
	struct lines lines = {buf, NOTE_SIGNATURES_MAX - 1};

	return journal_each_cosignature(
	    reader, size, size, add_line, &lines, err);
}

enum gk_rc
journal_load_word(struct journal_reader *reader, const char *key,
    struct gk_buf *value, bool *ret_found, struct gk_err *err)
{
	return journal__read_meta(reader, key, value, ret_found, err);
}
