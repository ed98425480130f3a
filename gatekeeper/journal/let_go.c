/*
 * Letting go: of openings by an operator's word, of openings and bodies by age.
 *
 * Whatever goes, an event says so first, and is committed before the first byte
 * goes.  In the same transaction as the event stands what it allows: a row in
 * redaction, or a bound in minimum.  The triggers look there, so that nothing can
 * be removed that no event allows; and so does the next start, which finishes what
 * a crash has left half done.
 *
 * A removed row is overwritten (secure_delete), in the database; its older copies
 * in the WAL are gone when that is cut (journal_clear_wal).
 *
 * Bodies go in the order of their seq, so that what is missing is the log's
 * beginning.  One under a legal hold moves to the table held.  Where a run loses its
 * first body and keeps others, run_cut leads to them instead of the index body_run.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

enum go_stmt {
	G_REDACT,
	G_ERASE,
	G_RAISE,
	G_OLD,
	G_HELD,
	G_HOLD,
	G_CUT,
	G_CUT_DROP,
	G_BODY_DROP,
	G_HELD_DROP,
	G_OPENINGS_DROP,
	G_REDACTIONS_DROP,
	G_OPENINGS_BY_SEQ,
	G_OPENINGS_BY_TIME,
	G_OPENING_DROP,
	G_BASE_DROP,
	G_COUNT,
};

static const char *const go_sql[G_COUNT] = {
    [G_REDACT] = "INSERT OR IGNORE INTO redaction (seq, path, event) "
		 "VALUES (?1, ?2, ?3)",
    [G_ERASE] =
	"DELETE FROM opening WHERE rowid IN (SELECT o.rowid FROM redaction r "
	"INDEXED BY redaction_event CROSS JOIN opening o ON o.seq = r.seq AND "
	"o.path = r.path WHERE r.event >= ?1 LIMIT ?2)",
    [G_RAISE] = "UPDATE minimum SET bound = ?2 WHERE what = ?1 AND bound < ?2",
    [G_OLD] = "SELECT seq, run, run_first, bytes FROM body "
	      "WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
    [G_HELD] = "SELECT seq, run, run_first, bytes FROM held "
	       "WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
    [G_HOLD] = "INSERT INTO held SELECT * FROM body WHERE seq = ?1",
    [G_CUT] =
	"INSERT OR IGNORE INTO run_cut (run, first) SELECT ?1, ?2 WHERE EXISTS "
	"(SELECT 1 FROM body INDEXED BY body_run_first WHERE run_first = ?2 "
	"AND run_first <> 0 AND seq > ?2) OR EXISTS (SELECT 1 FROM held "
	"WHERE run_first = ?2 AND run_first <> 0)",
    [G_CUT_DROP] =
	"DELETE FROM run_cut WHERE run = ?1 AND NOT EXISTS "
	"(SELECT 1 FROM body INDEXED BY body_run_first WHERE run_first = ?2 "
	"AND run_first <> 0) AND NOT EXISTS (SELECT 1 FROM held "
	"WHERE run_first = ?2 AND run_first <> 0)",
    [G_BODY_DROP] = "DELETE FROM body WHERE seq = ?1",
    [G_HELD_DROP] = "DELETE FROM held WHERE seq = ?1",
    [G_OPENINGS_DROP] = "DELETE FROM opening WHERE seq = ?1",
    [G_REDACTIONS_DROP] = "DELETE FROM redaction WHERE seq = ?1",
    [G_OPENINGS_BY_SEQ] =
	"SELECT seq, path, forget, rowid FROM opening WHERE seq >= ?1 AND "
	"seq < ?2 ORDER BY seq, path LIMIT ?3",
    [G_OPENINGS_BY_TIME] =
	"SELECT seq, path, forget, rowid FROM opening INDEXED BY "
	"opening_forget WHERE forget <> 0 AND forget >= ?1 AND forget <= ?2 "
	"ORDER BY forget LIMIT ?3",
    [G_OPENING_DROP] = "DELETE FROM opening WHERE rowid = ?1",
    [G_BASE_DROP] = "DELETE FROM ledger_row WHERE rowid IN (SELECT rowid FROM "
		    "ledger_row WHERE generation < 0 AND generation > ?1 "
		    "LIMIT ?2)",
};

static const char *const bound_words[] = {
    [JOURNAL_BODIES] = "bodies",
    [JOURNAL_OPENINGS] = "openings",
    [JOURNAL_FORGET] = "forget",
};

struct let_go {
	sqlite3 *db; /* kept */
	sqlite3_stmt *stmt[G_COUNT];
};

enum gk_rc
journal__let_go_open(
    sqlite3 *db, struct let_go **ret_let_go, struct gk_err *err)
{
	struct let_go *let_go = calloc(1, sizeof(*let_go));
	enum gk_rc rc;

	if (let_go == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the journal's statements");
	}
	let_go->db = db;
	rc = journal__store_prepare(db, go_sql, G_COUNT, let_go->stmt, err);
	if (rc != GK_OK) {
		journal__let_go_free(let_go);
		return rc;
	}
	*ret_let_go = let_go;
	return GK_OK;
}

void
journal__let_go_free(struct let_go *let_go)
{
	if (let_go != NULL) {
		journal__store_finalize(let_go->stmt, G_COUNT);
		free(let_go);
	}
}

/* Up to three numbers into a statement; then run it, when it gives no rows. */
static void
bind(struct let_go *let_go, enum go_stmt which, size_t count, const int64_t *at)
{
	for (size_t i = 0; i < count; i++) {
		int rc =
		    sqlite3_bind_int64(let_go->stmt[which], (int)i + 1, at[i]);

		GK_ASSERT(rc == SQLITE_OK); /* an integer needs no memory */
	}
}

static enum gk_rc
finish(struct let_go *let_go, enum go_stmt which, struct gk_err *err)
{
	enum gk_rc rc = GK_OK;

	if (sqlite3_step(let_go->stmt[which]) != SQLITE_DONE) {
		rc = journal__store_fail(let_go->db, go_sql[which], err);
	}
	(void)sqlite3_reset(let_go->stmt[which]);
	return rc;
}

static enum gk_rc
run(struct let_go *let_go, enum go_stmt which, int64_t a, int64_t b,
    struct gk_err *err)
{
	const int64_t at[] = {a, b};

	bind(let_go, which,
	    sqlite3_bind_parameter_count(let_go->stmt[which]) > 1 ? 2 : 1, at);
	return finish(let_go, which, err);
}

static enum gk_rc
bind_text(struct let_go *let_go, enum go_stmt which, int at, const char *text,
    struct gk_err *err)
{
	if (sqlite3_bind_text64(let_go->stmt[which], at, text, strlen(text),
		SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK) {
		return journal__store_fail(let_go->db, "binding", err);
	}
	return GK_OK;
}

/* ---- what an event allows ---- */

enum gk_rc
journal_redact(struct journal *journal, uint64_t seq, const char *path,
    uint64_t event, struct gk_err *err)
{
	struct let_go *let_go = journal->let_go;
	enum gk_rc rc;

	GK_TRY(journal__batch_begin(journal, err));
	rc = bind_text(let_go, G_REDACT, 2, path, err);
	if (rc == GK_OK) {
		(void)sqlite3_bind_int64(
		    let_go->stmt[G_REDACT], 1, (int64_t)seq);
		(void)sqlite3_bind_int64(
		    let_go->stmt[G_REDACT], 3, (int64_t)event);
		rc = finish(let_go, G_REDACT, err);
	}
	if (rc == GK_OK && event < journal->erase_from) {
		journal->erase_from = event;
	}
	return journal__settled(journal, rc, err);
}

enum gk_rc
journal_raise(struct journal *journal, enum journal_bound which, int64_t bound,
    struct gk_err *err)
{
	struct let_go *let_go = journal->let_go;
	enum gk_rc rc;

	GK_TRY(journal__batch_begin(journal, err));
	rc = bind_text(let_go, G_RAISE, 1, bound_words[which], err);
	if (rc == GK_OK) {
		(void)sqlite3_bind_int64(let_go->stmt[G_RAISE], 2, bound);
		rc = finish(let_go, G_RAISE, err);
	}
	return journal__settled(journal, rc, err);
}

/* ---- openings ---- */

enum gk_rc
journal_erase(
    struct journal *journal, int limit, bool *ret_more, struct gk_err *err)
{
	enum gk_rc rc;

	*ret_more = false;
	if (journal->erase_from == UINT64_MAX) {
		return GK_OK;
	}
	GK_TRY(journal__batch_begin(journal, err));
	rc = run(
	    journal->let_go, G_ERASE, (int64_t)journal->erase_from, limit, err);
	if (rc == GK_OK) {
		int count = sqlite3_changes(journal->db);

		journal->wal_dirty = journal->wal_dirty || count > 0;
		*ret_more = count == limit;
		if (!*ret_more) {
			journal->erase_from = UINT64_MAX;
		}
	}
	return journal__settled(journal, rc, err);
}

/* One row that may have to go. */
struct old_row {
	int64_t seq, run, run_first, rowid, key;
	enum journal_fate fate;
};

enum { OLD_MAX = 256 };

/* Look at openings from *from on, and ask what is to become of each. */
static enum gk_rc
pick_openings(struct let_go *let_go, enum go_stmt which, int64_t from,
    int64_t to, size_t limit, const struct journal_judge *judge,
    struct old_row *rows, size_t *ret_count, struct gk_err *err)
{
	const int64_t at[] = {from, to, (int64_t)limit};
	sqlite3_stmt *stmt = let_go->stmt[which];
	enum gk_rc rc = GK_OK;
	int step = SQLITE_DONE;
	size_t n = 0;

	bind(let_go, which, 3, at);
	while (rc == GK_OK && n < limit &&
	       (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct old_row *row = &rows[n++];

		row->seq = sqlite3_column_int64(stmt, 0);
		row->key = which == G_OPENINGS_BY_TIME
			       ? sqlite3_column_int64(stmt, 2)
			       : row->seq;
		row->rowid = sqlite3_column_int64(stmt, 3);
		rc = judge->opening(
		    judge->ctx, (uint64_t)row->seq, &row->fate, err);
	}
	if (rc == GK_OK && step != SQLITE_ROW && step != SQLITE_DONE) {
		rc = journal__store_fail(let_go->db, go_sql[which], err);
	}
	(void)sqlite3_reset(stmt);
	*ret_count = n;
	return rc;
}

static enum gk_rc
drop_openings(struct let_go *let_go, const struct old_row *rows, size_t count,
    size_t *ret_gone, struct gk_err *err)
{
	*ret_gone = 0;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].fate == JOURNAL_LET_GO) {
			GK_TRY(
			    run(let_go, G_OPENING_DROP, rows[i].rowid, 0, err));
			++*ret_gone;
		}
	}
	return GK_OK;
}

/* A slice ends between two keys, so that the next one begins behind it; or in the middle of one key that fills it. */
static void
next_slice(const struct old_row *rows, size_t count, size_t limit,
    int64_t *from, bool *ret_more)
{
	*ret_more = count == limit;
	if (count > 0) {
		int64_t last = rows[count - 1].key;

		*from = *ret_more && rows[0].key != last ? last : last + 1;
	}
}

enum gk_rc
journal_drop_openings(struct journal *journal, bool by_time, int64_t *from,
    int64_t to, size_t limit, const struct journal_judge *judge,
    size_t *ret_gone, bool *ret_more, struct gk_err *err)
{
	struct let_go *let_go = journal->let_go;
	struct old_row rows[OLD_MAX];
	size_t count = 0;
	enum gk_rc rc;

	limit = limit > OLD_MAX ? OLD_MAX : limit;
	GK_TRY(journal__batch_begin(journal, err));
	rc = pick_openings(let_go,
	    by_time ? G_OPENINGS_BY_TIME : G_OPENINGS_BY_SEQ, *from, to, limit,
	    judge, rows, &count, err);
	if (rc == GK_OK) {
		rc = drop_openings(let_go, rows, count, ret_gone, err);
		journal->wal_dirty = journal->wal_dirty || *ret_gone > 0;
		next_slice(rows, count, limit, from, ret_more);
	}
	return journal__settled(journal, rc, err);
}

/* ---- bodies ---- */

static enum gk_rc
pick_bodies(struct let_go *let_go, enum go_stmt which, int64_t from, int64_t to,
    size_t limit, const struct journal_judge *judge, struct old_row *rows,
    size_t *ret_count, struct gk_err *err)
{
	const int64_t at[] = {from, to, (int64_t)limit};
	sqlite3_stmt *stmt = let_go->stmt[which];
	enum gk_rc rc = GK_OK;
	int step = SQLITE_DONE;
	size_t n = 0;

	bind(let_go, which, 3, at);
	while (n < limit && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct old_row *row = &rows[n++];

		row->seq = sqlite3_column_int64(stmt, 0);
		row->run = sqlite3_column_int64(stmt, 1);
		row->run_first = sqlite3_column_int64(stmt, 2);
		row->fate = judge->body(judge->ctx, (uint64_t)row->seq,
		    sqlite3_column_blob(stmt, 3),
		    (size_t)sqlite3_column_bytes(stmt, 3));
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		rc = journal__store_fail(let_go->db, go_sql[which], err);
	}
	(void)sqlite3_reset(stmt);
	*ret_count = n;
	return rc;
}

/* What goes with a body: its openings, what was said of them, and the way to its run. */
static enum gk_rc
drop_around(
    struct let_go *let_go, const struct old_row *row, struct gk_err *err)
{
	GK_TRY(run(let_go, G_OPENINGS_DROP, row->seq, 0, err));
	GK_TRY(run(let_go, G_REDACTIONS_DROP, row->seq, 0, err));
	return row->run_first == 0
		   ? GK_OK
		   : run(let_go, G_CUT_DROP, row->run, row->run_first, err);
}

static enum gk_rc
drop_body(struct let_go *let_go, const struct old_row *row, struct gk_err *err)
{
	bool held = row->fate == JOURNAL_HOLD;

	if (held) {
		GK_TRY(run(let_go, G_HOLD, row->seq, 0, err));
	}
	if (row->run_first != 0 && row->run_first == row->seq) {
		GK_TRY(run(let_go, G_CUT, row->run, row->seq, err));
	}
	GK_TRY(run(let_go, G_BODY_DROP, row->seq, 0, err));
	return held ? GK_OK : drop_around(let_go, row, err);
}

enum gk_rc
journal_drop_bodies(struct journal *journal, uint64_t minimum, size_t limit,
    const struct journal_judge *judge, size_t *ret_gone, bool *ret_more,
    struct gk_err *err)
{
	struct let_go *let_go = journal->let_go;
	struct old_row rows[OLD_MAX];
	size_t count = 0;
	enum gk_rc rc;

	limit = limit > OLD_MAX ? OLD_MAX : limit;
	GK_TRY(journal__batch_begin(journal, err));
	rc = pick_bodies(let_go, G_OLD, 0, (int64_t)minimum, limit, judge, rows,
	    &count, err);
	for (size_t i = 0; i < count && rc == GK_OK; i++) {
		rc = drop_body(let_go, &rows[i], err);
	}
	*ret_gone = count;
	*ret_more = count == limit;
	journal->wal_dirty = journal->wal_dirty || count > 0;
	return journal__settled(journal, rc, err);
}

enum gk_rc
journal_drop_held(struct journal *journal, uint64_t *from, size_t limit,
    const struct journal_judge *judge, size_t *ret_gone, bool *ret_more,
    struct gk_err *err)
{
	struct let_go *let_go = journal->let_go;
	struct old_row rows[OLD_MAX];
	size_t count = 0;
	enum gk_rc rc;

	limit = limit > OLD_MAX ? OLD_MAX : limit;
	*ret_gone = 0;
	GK_TRY(journal__batch_begin(journal, err));
	rc = pick_bodies(let_go, G_HELD, (int64_t)*from, INT64_MAX, limit,
	    judge, rows, &count, err);
	for (size_t i = 0; i < count && rc == GK_OK; i++) {
		*from = (uint64_t)rows[i].seq + 1;
		if (rows[i].fate != JOURNAL_LET_GO) {
			continue;
		}
		rc = run(let_go, G_HELD_DROP, rows[i].seq, 0, err);
		if (rc == GK_OK) {
			rc = drop_around(let_go, &rows[i], err);
		}
		++*ret_gone;
	}
	*ret_more = count == limit;
	journal->wal_dirty = journal->wal_dirty || *ret_gone > 0;
	return journal__settled(journal, rc, err);
}

enum gk_rc
journal_drop_bases(struct journal *journal, uint64_t minimum, int limit,
    bool *ret_more, struct gk_err *err)
{
	enum gk_rc rc;

	GK_TRY(journal__batch_begin(journal, err));
	rc = run(journal->let_go, G_BASE_DROP, -(int64_t)minimum, limit, err);
	if (rc == GK_OK) {
		*ret_more = sqlite3_changes(journal->db) == limit;
	}
	return journal__settled(journal, rc, err);
}

/* ---- the WAL ---- */

bool
journal_wal_is_dirty(const struct journal *journal)
{
	return journal->wal_dirty;
}

enum gk_rc
journal_clear_wal(struct journal *journal, bool *ret_clear, struct gk_err *err)
{
	enum gk_rc rc;

	*ret_clear = !journal->wal_dirty;
	if (*ret_clear || journal->in_batch) {
		return GK_OK;
	}
	/* readers aren't waited for: there is a next time */
	(void)sqlite3_busy_timeout(journal->db, 0);
	rc = journal__wal_fold(journal->writer, true, err);
	(void)sqlite3_busy_timeout(journal->db, JOURNAL_BUSY_MS);
	if (rc == GK_E_BUSY) {
		return GK_OK;
	}
	if (rc != GK_OK && journal__store_is_eio(journal->db)) {
		return journal__settled(journal, rc, err);
	}
	if (rc == GK_OK) {
		journal->wal_dirty = false;
		*ret_clear = true;
	}
	return rc;
}
