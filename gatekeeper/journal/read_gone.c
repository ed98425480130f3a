/* Reading what was let go: which openings by which event, how far retention has come, what it would take. */
#include <sqlite3.h>

#include "journal/journal_internal.h"
#include "journal/reader_internal.h"

enum gk_rc
journal_redactions(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const char *path, uint64_t event, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_REDACTIONS];
	bool row;

	journal__stmt_bind(stmt, 1, seq);
	for (;;) {
		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading redactions", &row, err));
		if (!row) {
			return GK_OK;
		}
		GK_TRY(each(ctx, (const char *)sqlite3_column_text(stmt, 0),
		    (uint64_t)sqlite3_column_int64(stmt, 1), err));
	}
}

enum gk_rc
journal__each_gone(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, uint64_t seq, struct gk_err *err), void *ctx,
    struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset) sqlite3_stmt *stmt = reader->stmt[R_GONE];
	bool row;

	for (;;) {
		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading what was let go", &row, err));
		if (!row) {
			return GK_OK;
		}
		GK_TRY(each(ctx, (uint64_t)sqlite3_column_int64(stmt, 0), err));
	}
}

enum gk_rc
journal_bound(struct journal_reader *reader, enum journal_bound which,
    int64_t *ret_bound, struct gk_err *err)
{
	static const char *const words[] = {
	    [JOURNAL_BODIES] = "bodies",
	    [JOURNAL_OPENINGS] = "openings",
	    [JOURNAL_FORGET] = "forget",
	};
	uint64_t bound;
	bool has;

	if (sqlite3_bind_text(reader->stmt[R_BOUND], 1, words[which], -1,
		SQLITE_STATIC) != SQLITE_OK) {
		return journal__store_fail(reader->db, "binding", err);
	}
	GK_TRY(journal__read_number(reader, R_BOUND, &has, &bound, err));
	*ret_bound = (int64_t)bound;
	return has ? GK_OK
		   : GK_FAIL(err, GK_E_CORRUPT, "the minimum is missing");
}

enum gk_rc
journal_last_retention(struct journal_reader *reader, uint64_t before,
    bool *ret_found, uint64_t *ret_seq, struct gk_err *err)
{
	journal__stmt_bind(reader->stmt[R_RETENTION], 1, before);
	return journal__read_number(
	    reader, R_RETENTION, ret_found, ret_seq, err);
}

enum gk_rc
journal_count_openings(struct journal_reader *reader, uint64_t from,
    uint64_t to, int kind, int64_t tenant, uint64_t *ret_count,
    struct gk_err *err)
{
	sqlite3_stmt *stmt = reader->stmt[R_COUNT_OPENINGS];
	bool has;

	journal__stmt_bind(stmt, 1, from);
	journal__stmt_bind(stmt, 2, to);
	(void)sqlite3_bind_int(stmt, 3, kind);
	(void)sqlite3_bind_int64(stmt, 4, tenant);
	return journal__read_number(
	    reader, R_COUNT_OPENINGS, &has, ret_count, err);
}

enum gk_rc
journal_count_forget(struct journal_reader *reader, int64_t after_us,
    int64_t until_us, uint64_t *ret_count, struct gk_err *err)
{
	sqlite3_stmt *stmt = reader->stmt[R_COUNT_FORGET];
	bool has;

	(void)sqlite3_bind_int64(stmt, 1, after_us);
	(void)sqlite3_bind_int64(stmt, 2, until_us);
	return journal__read_number(
	    reader, R_COUNT_FORGET, &has, ret_count, err);
}
