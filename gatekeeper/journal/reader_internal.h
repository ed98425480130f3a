#ifndef GK_JOURNAL_READER_INTERNAL_H
#define GK_JOURNAL_READER_INTERNAL_H
/* A reader's inside: its connection and its statements. */

#include "journal/journal_internal.h"

enum read_stmt {
	R_BEGIN,
	R_END,
	R_SIZE,
	R_FIRST,
	R_BODY,
	R_TIME,
	R_TILE,
	R_ROOTS,
	R_TILE_COUNT,
	R_BODIES,
	R_CHECKPOINT_AT,
	R_CHECKPOINT_LAST,
	R_OPENINGS,
	R_OPENINGS_STEP,
	R_OPENINGS_LEFT,
	R_STRAYS,
	R_POLICY,
	R_POLICIES,
	R_META,
	R_ROWS,
	R_SNAPSHOT,
	R_RUN_FIRST,
	R_RUN_SEQS,
	R_REDACTIONS,
	R_BOUND,
	R_RETENTION,
	R_GONE,
	R_COUNT_OPENINGS,
	R_COUNT_FORGET,
	R_SCAN_UP,
	R_SCAN_DOWN,
	R_SCAN_RUN_UP,
	R_SCAN_RUN_DOWN,
	R_SIGNING_KEYS,
	R_COUNT,
};

struct journal_reader {
	struct sqlite3 *db;
	bool owns_db;
	bool in_snapshot;
	struct sqlite3_stmt *stmt[R_COUNT];
	struct sqlite3_stmt *scan;   /* the one that runs; one of stmt[] */
	bool more_openings;          /* R_OPENINGS_STEP stands on a row */
	struct journal_index *index; /* kept; NULL: none */
	struct index_room *room;     /* owned; with an index only */
};

void journal__stmt_reset(struct sqlite3_stmt **stmt); /* for GK_AUTO */
enum gk_rc journal__stmt_step(struct journal_reader *reader,
    struct sqlite3_stmt *stmt, const char *what, bool *ret_row,
    struct gk_err *err) GK_MUST_USE;
/* A statement whose one row holds a number, or NULL for none. */
enum gk_rc journal__read_number(struct journal_reader *reader,
    enum read_stmt which, bool *ret_has, uint64_t *ret_number,
    struct gk_err *err) GK_MUST_USE;
/* False: the column isn't 32 bytes. */
bool journal__column_digest(
    struct sqlite3_stmt *stmt, int column, struct digest *ret);
/* Columns path, salt, value, forget; *ret borrows the row.  GK_E_CORRUPT: a salt of another length. */
enum gk_rc journal__column_opening(struct sqlite3_stmt *stmt,
    struct opening *ret, struct gk_err *err) GK_MUST_USE;
void journal__stmt_bind(struct sqlite3_stmt *stmt, int at, uint64_t number);

#endif
