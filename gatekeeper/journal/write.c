/* The writer's statements, prepared once, and the WAL that it alone folds in. */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

enum write_stmt {
	W_BEGIN,
	W_COMMIT,
	W_BODY,
	W_OPENING,
	W_TILE,
	W_CHECKPOINT,
	W_CHECKPOINT_DROP,
	W_CHECKPOINT_KEEP,
	W_POLICY,
	W_ROW,
	W_ROW_DROP,
	W_META,
	W_META_DROP,
	W_SIGNING_KEY,
	W_COUNT,
};

static const char *const write_sql[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_BODY] =
	"INSERT INTO body (seq, run, run_first, tenant, agent, actor, action, "
	"action_key, reason, approval, kind, decision, layer, scope, "
	"time, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
	"?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [W_OPENING] = "INSERT INTO opening (seq, path, pad, salt, value, forget) "
		  "VALUES (?1, ?2, zeroblob(4096), ?3, ?4, ?5)",
    [W_TILE] = "INSERT INTO tile (level, idx, root, hashes) "
	       "VALUES (?1, ?2, ?3, ?4)",
    [W_CHECKPOINT] = "INSERT INTO checkpoint (size, note, kept) "
		     "VALUES (?1, ?2, ?3)",
    [W_CHECKPOINT_DROP] = "DELETE FROM checkpoint WHERE size = ?1 AND kept = 0",
    [W_CHECKPOINT_KEEP] =
	"UPDATE checkpoint SET kept = 1 WHERE size = ?1 AND kept = 0",
    [W_POLICY] = "INSERT OR IGNORE INTO policy_blob (digest, sha256, text) "
		 "VALUES (?1, ?2, ?3)",
    [W_ROW] = "INSERT INTO ledger_row (generation, key, json) "
	      "VALUES (?1, ?2, ?3) ON CONFLICT (generation, key) "
	      "DO UPDATE SET json = excluded.json",
    [W_ROW_DROP] = "DELETE FROM ledger_row WHERE rowid IN "
		   "(SELECT rowid FROM ledger_row WHERE generation >= 0 "
		   "AND generation < ?1 "
		   "LIMIT ?2)",
    [W_META] = "INSERT INTO meta (key, value) VALUES (?1, ?2)",
    [W_META_DROP] = "DELETE FROM meta WHERE key = ?1",
    [W_SIGNING_KEY] = "INSERT INTO signing_key (seq, bytes) VALUES (?1, ?2)",
};

struct writer {
	sqlite3 *db; /* kept */
	sqlite3_stmt *stmt[W_COUNT];
	uint64_t
	    wal_pages;     /* in the WAL after the last commit, not folded in */
	uint64_t wal_last; /* pages in the WAL when last told */
	uint64_t wal_bytes; /* ever written */
};

enum { WAL_FRAME_BYTES = 4096 + 24 };

/* SQLite tells after each commit how many pages the WAL holds. */
static int
wal_told(void *ctx, sqlite3 *db, const char *schema, int pages)
{
	struct writer *writer = ctx;
	uint64_t now = (uint64_t)pages, last = writer->wal_last;

	(void)db;
	(void)schema;
	writer->wal_bytes += (now > last ? now - last : now) * WAL_FRAME_BYTES;
	writer->wal_last = now;
	writer->wal_pages = now;
	return SQLITE_OK;
}

enum gk_rc
journal__writer_open(
    sqlite3 *db, struct writer **ret_writer, struct gk_err *err)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	enum gk_rc rc;

	if (writer == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the journal's writer");
	}
	writer->db = db;
	rc = journal__store_prepare(db, write_sql, W_COUNT, writer->stmt, err);
	if (rc != GK_OK) {
		journal__writer_free(writer);
		return rc;
	}
	(void)sqlite3_wal_hook(db, wal_told, writer);
	*ret_writer = writer;
	return GK_OK;
}

void
journal__writer_free(struct writer *writer)
{
	if (writer != NULL) {
		(void)sqlite3_wal_hook(writer->db, NULL, NULL);
		journal__store_finalize(writer->stmt, W_COUNT);
		free(writer);
	}
}

/* Step a statement that gives no rows, and leave it ready for the next time. */
static enum gk_rc
run(struct writer *writer, enum write_stmt which, const char *what,
    struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[which];
	enum gk_rc rc = GK_OK;

	if (sqlite3_step(stmt) != SQLITE_DONE) {
		rc = journal__store_fail(writer->db, what, err);
	}
	/* The same error again: said above.  On success there is none. */
	(void)sqlite3_reset(stmt);
	return rc;
}

/* Binding fails for want of memory only; a statement with a hole in it must not run. */
static enum gk_rc
bound(struct writer *writer, int faults, struct gk_err *err)
{
	return faults == SQLITE_OK
		   ? GK_OK
		   : journal__store_fail(writer->db, "binding a value", err);
}

static int
bind_text(sqlite3_stmt *stmt, int at, const char *text, size_t n)
{
	return sqlite3_bind_text64(
	    stmt, at, text, n, SQLITE_STATIC, SQLITE_UTF8);
}

static int
bind_blob(sqlite3_stmt *stmt, int at, const void *bytes, size_t n)
{
	return sqlite3_bind_blob64(stmt, at, bytes, n, SQLITE_STATIC);
}

enum gk_rc
journal__write_begin(struct writer *writer, struct gk_err *err)
{
	return run(writer, W_BEGIN, "BEGIN", err);
}

enum gk_rc
journal__write_commit(struct writer *writer, struct gk_err *err)
{
	GK_TRY(run(writer, W_COMMIT, "COMMIT", err));
	GK_ASSERT(sqlite3_get_autocommit(writer->db) != 0);
	return GK_OK;
}

enum gk_rc
journal__write_body(
    struct writer *writer, const struct body_row *row, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_BODY];
	const struct event_columns *columns = &row->columns;
	int rc = SQLITE_OK;

	{
		const int64_t column[] = {(int64_t)row->seq, columns->run,
		    (int64_t)row->run_first, columns->tenant, columns->agent,
		    columns->actor, columns->action, columns->action_key,
		    columns->reason, columns->approval, row->kind,
		    row->decision, row->layer, row->scope, row->time_us};

		for (size_t i = 0; i < GK_COUNT(column); i++) {
			rc |= sqlite3_bind_int64(stmt, (int)i + 1, column[i]);
		}
		rc |= bind_blob(
		    stmt, (int)GK_COUNT(column) + 1, row->bytes, row->n);
	}
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_BODY, "writing an event", err);
}

enum gk_rc
journal__write_opening(struct writer *writer, uint64_t seq,
    const struct opening *opening, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_OPENING];
	int rc = sqlite3_bind_int64(stmt, 1, (int64_t)seq);

	rc |= bind_text(stmt, 2, opening->path, strlen(opening->path));
	rc |= bind_blob(stmt, 3, opening->salt, sizeof(opening->salt));
	rc |= bind_text(stmt, 4, opening->value, strlen(opening->value));
	rc |= sqlite3_bind_int64(stmt, 5, opening->forget_us);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_OPENING, "writing an opening", err);
}

enum gk_rc
journal__write_tile(
    struct writer *writer, const struct edge_tile *tile, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_TILE];
	int rc = sqlite3_bind_int64(stmt, 1, tile->level);

	rc |= sqlite3_bind_int64(stmt, 2, (int64_t)tile->index);
	rc |= bind_blob(stmt, 3, tile->root.bytes, DIGEST_BYTES);
	rc |=
	    bind_blob(stmt, 4, tile->hashes, (size_t)TILE_WIDTH * DIGEST_BYTES);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_TILE, "writing a tile", err);
}

enum gk_rc
journal__write_checkpoint(struct writer *writer, uint64_t size,
    const char *note, size_t n, bool kept, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_CHECKPOINT];
	int rc = sqlite3_bind_int64(stmt, 1, (int64_t)size);

	rc |= bind_text(stmt, 2, note, n);
	rc |= sqlite3_bind_int64(stmt, 3, kept ? 1 : 0);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_CHECKPOINT, "writing a checkpoint", err);
}

enum gk_rc
journal__write_signing_key(struct writer *writer, uint64_t seq,
    const char *bytes, size_t n, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_SIGNING_KEY];
	int rc = sqlite3_bind_int64(stmt, 1, (int64_t)seq);

	rc |= bind_blob(stmt, 2, bytes, n);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_SIGNING_KEY, "writing a signing key", err);
}

/* Run a statement whose one parameter is a number. */
static enum gk_rc
run_number(struct writer *writer, enum write_stmt which, int64_t number,
    const char *what, struct gk_err *err)
{
	GK_TRY(bound(
	    writer, sqlite3_bind_int64(writer->stmt[which], 1, number), err));
	return run(writer, which, what, err);
}

enum gk_rc
journal__write_drop_checkpoint(
    struct writer *writer, uint64_t size, struct gk_err *err)
{
	return run_number(writer, W_CHECKPOINT_DROP, (int64_t)size,
	    "replacing the last checkpoint", err);
}

enum gk_rc
journal__write_keep_checkpoint(
    struct writer *writer, uint64_t size, struct gk_err *err)
{
	return run_number(writer, W_CHECKPOINT_KEEP, (int64_t)size,
	    "keeping the last checkpoint", err);
}

enum gk_rc
journal__write_policy(struct writer *writer, const char *digest,
    const char *bytes, size_t n, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_POLICY];
	const struct digest_part part = {bytes, n};
	struct digest sha256;
	int rc;

	digest_sha256(&part, 1, &sha256);
	rc = bind_text(stmt, 1, digest, strlen(digest));
	rc |= bind_blob(stmt, 2, sha256.bytes, DIGEST_BYTES);
	rc |= bind_blob(stmt, 3, n == 0 ? "" : bytes, n);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_POLICY, "keeping a policy's text", err);
}

enum gk_rc
journal__write_row(struct writer *writer, int64_t generation, const char *key,
    const char *json, size_t n, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_ROW];
	int rc = sqlite3_bind_int64(stmt, 1, generation);

	rc |= bind_text(stmt, 2, key, strlen(key));
	rc |= bind_text(stmt, 3, n == 0 ? "" : json, n);
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_ROW, "writing a row of the snapshot", err);
}

enum gk_rc
journal__write_drop_rows(struct writer *writer, int64_t keep, int limit,
    bool *ret_more, struct gk_err *err)
{
	sqlite3_stmt *stmt = writer->stmt[W_ROW_DROP];
	int rc = sqlite3_bind_int64(stmt, 1, keep);

	rc |= sqlite3_bind_int(stmt, 2, limit);
	GK_TRY(bound(writer, rc, err));
	GK_TRY(run(writer, W_ROW_DROP, "dropping an old snapshot", err));
	*ret_more = sqlite3_changes(writer->db) == limit;
	return GK_OK;
}

enum gk_rc
journal__write_meta(struct writer *writer, const char *key, const char *value,
    struct gk_err *err)
{
	int rc = bind_text(writer->stmt[W_META_DROP], 1, key, strlen(key));

	GK_TRY(bound(writer, rc, err));
	GK_TRY(run(writer, W_META_DROP, "dropping a note to ourselves", err));
	if (value == NULL) {
		return GK_OK;
	}
	rc = bind_text(writer->stmt[W_META], 1, key, strlen(key));
	rc |= bind_text(writer->stmt[W_META], 2, value, strlen(value));
	GK_TRY(bound(writer, rc, err));
	return run(writer, W_META, "writing a note to ourselves", err);
}

uint64_t
journal__wal_pages(const struct writer *writer)
{
	return writer->wal_pages;
}

uint64_t
journal__wal_bytes(const struct writer *writer)
{
	return writer->wal_bytes;
}

enum gk_rc
journal__wal_fold(struct writer *writer, bool truncate, struct gk_err *err)
{
	int in_wal = 0, folded = 0;
	int rc = sqlite3_wal_checkpoint_v2(writer->db, NULL,
	    truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
	    &in_wal, &folded);

	if (rc != SQLITE_OK) {
		return journal__store_fail(
		    writer->db, "folding the WAL in", err);
	}
	if (in_wal >= 0 && folded >= 0 && in_wal >= folded) {
		writer->wal_pages = (uint64_t)(in_wal - folded);
	}
	return GK_OK;
}

/*
 * Through SQLite's own descriptor: closing another one on the same file would
 * let go of its POSIX locks.
 */
enum gk_rc
journal__db_sync(struct writer *writer, struct gk_err *err)
{
	sqlite3_file *file = NULL;
	int rc = sqlite3_file_control(
	    writer->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

	if (rc != SQLITE_OK || file == NULL || file->pMethods == NULL) {
		return GK_FAIL(err, GK_E_IO, "the database has no file");
	}
	if (file->pMethods->xSync(file, SQLITE_SYNC_FULL) != SQLITE_OK) {
		return GK_FAIL(err, GK_E_IO, "fsync of " JOURNAL_DB);
	}
	return GK_OK;
}
