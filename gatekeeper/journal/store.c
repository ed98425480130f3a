/*
 * Connections to the store: their settings, the schema, the authorizer.
 *
 * The store is one SQLite database in WAL mode, schema/journal.sql.  What lies
 * where, and why:
 *
 * body         an event's canonical bytes and fourteen integers to search by.
 *              Rows arrive in order of their key, so that a batch touches the
 *              last page or two.  A look-up by run needs an index; but an index
 *              by the run's hash would touch a page of its own for each run in
 *              the batch (measured: 6.0 KB of WAL an event).  So each body also
 *              names its run by the seq of the run's first event, which arrives
 *              in order: body_run leads from the hash to the first event, one
 *              entry a run; body_run_first from there to all of them, close
 *              together (2.0 KB).  Every other search goes by the index that is
 *              built behind the log (index.c), or walks.
 * tile         256 hashes each, when complete.  There is no table of leaf
 *              hashes: those of complete tiles are the tiles of level 0, which
 *              stay for ever, and those of the incomplete one (at most 255) are
 *              hashed again from the bodies, which stay at least as long.  So a
 *              hash is written once, and a batch touches one table less.
 *              The root over each tile stands before its hashes in the row: the
 *              hashes of the level above are read without loading 8 KiB each.
 * checkpoint   the signed notes.  The latest is replaced at each commit, in its
 *              page; those at each 4096 events, and at each close, stay.
 * opening      values in clear, and nowhere else.  secure_delete wipes the cell that
 *              is deleted and the page that is freed, but when SQLite rebuilds a page of
 *              a tree from its neighbours, copies of cells that moved stay in the gap
 *              between them.  So a page of zeros stands before salt and value: what
 *              moves in the tree is zeros and the number of an overflow page, and that
 *              page is never moved, and wiped when it is freed.  4.6 KB an opening.
 * policy_blob  the text behind a digest, with the SHA-256 of its own bytes: how
 *              a policy's digest frames its files is the policy room's affair.
 * signing_key  the events that name signing keys: copies, for ever.
 * ledger_row   a cache that the events can rebuild, but for the base.
 * held, redaction, run_cut, minimum
 *              what letting go leaves behind and goes by: let_go.c.
 *
 * Measured with 755-byte events in runs of twenty, 64 at a time: 1073 bytes of
 * database an event; of WAL 15.0 KB with one event a batch, 3.7 with 8, 2.0 with
 * 32, 1.5 with 128 (tests/bench/journal_bench.c).
 *
 * One connection writes and folds the WAL in; every other one is read-only and
 * never folds, on closing neither (SQLite before 3.51.3 may corrupt a database
 * when two connections do).  Triggers and the authorizer refuse what would change
 * evidence: they guard against our own mistakes and against injection.  Against
 * somebody with the file the signatures do.  A schema that isn't ours to the
 * letter is refused, for a trigger in it would be code of somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/journal_internal.h"
#include "journal/journal_schema.h"

_Static_assert(EVENT_SNAPSHOT == 13, "the index body_snapshot names the kind");

#define APPLICATION_ID 1196116529 /* the bytes "GKJ1" */
#define STORE_VERSION  2
#define TEXT_OF(x)     TEXT_OF_(x)
#define TEXT_OF_(x)    #x

enum { LENGTH_MAX = 16 * 1024 * 1024 };

struct pragma {
	const char *set;
	const char *get;
	const char *want;
};

static const struct pragma pragmas_write[] = {
    {"PRAGMA journal_mode = WAL", "PRAGMA journal_mode", "wal"},
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"},
    {"PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1"},
    {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
    {"PRAGMA mmap_size = 0", "PRAGMA mmap_size", "0"},
    {"PRAGMA recursive_triggers = ON", "PRAGMA recursive_triggers", "1"},
    {"PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
    {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"},
    {"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint", "0"},
    {"PRAGMA journal_size_limit = 16777216", "PRAGMA journal_size_limit",
	"16777216"},
};

static const struct pragma pragmas_read[] = {
    {"PRAGMA query_only = ON", "PRAGMA query_only", "1"},
    {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
    {"PRAGMA mmap_size = 0", "PRAGMA mmap_size", "0"},
    {"PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
    {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"},
};

enum gk_rc
journal__store_fail(sqlite3 *db, const char *what, struct gk_err *err)
{
	int code = db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(db);
	const char *text = db == NULL ? "no memory" : sqlite3_errmsg(db);
	int sys = db == NULL ? 0 : sqlite3_system_errno(db);
	enum gk_rc rc = GK_E_IO;

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		rc = GK_E_NOMEM;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
		rc = GK_E_CORRUPT;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		rc = GK_E_BUSY;
		break;
	default:
		break;
	}
	return GK_FAIL(err, rc, "%s: %s (SQLite %d%s%s)", what, text, code,
	    sys != 0 ? ", " : "", sys != 0 ? strerrordesc_np(sys) : "");
}

/* A full disk can come as an I/O error too: by errno, or from the shared memory's file. */
bool
journal__store_is_eio(sqlite3 *db)
{
	int sys = sqlite3_system_errno(db);

	if (sys == ENOSPC || sys == EDQUOT) {
		return false;
	}
	switch (sqlite3_extended_errcode(db)) {
	case SQLITE_IOERR_READ:
	case SQLITE_IOERR_SHORT_READ:
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_FSYNC:
	case SQLITE_IOERR_DIR_FSYNC:
	case SQLITE_IOERR_TRUNCATE:
	case SQLITE_IOERR_FSTAT:
	case SQLITE_IOERR_CLOSE:
		return true;
	default:
		return false;
	}
}

/* The first column of a statement's first row as text; "" when there is none. */
static enum gk_rc
ask_text(
    sqlite3 *db, const char *sql, char *ret, size_t room, struct gk_err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	ret[0] = '\0';
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
	}
	if (rc == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(stmt, 0);

		(void)snprintf(
		    ret, room, "%s", text != NULL ? (const char *)text : "");
		rc = SQLITE_DONE;
	}
	if (rc != SQLITE_DONE) {
		enum gk_rc fault = journal__store_fail(db, sql, err);

		(void)sqlite3_finalize(stmt);
		return fault;
	}
	(void)sqlite3_finalize(stmt);
	return GK_OK;
}

static enum gk_rc
run_sql(sqlite3 *db, const char *sql, const char *what, struct gk_err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		return journal__store_fail(db, what, err);
	}
	return GK_OK;
}

/* Each setting is read back: SQLite ignores what it doesn't know or may not do. */
static enum gk_rc
pragmas_set(
    sqlite3 *db, const struct pragma *pragmas, size_t count, struct gk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		char got[64];

		GK_TRY(run_sql(db, pragmas[i].set, pragmas[i].set, err));
		GK_TRY(ask_text(db, pragmas[i].get, got, sizeof(got), err));
		if (strcmp(got, pragmas[i].want) != 0) {
			return GK_FAIL(err, GK_E_IO, "%s: SQLite says \"%s\"",
			    pragmas[i].set, got);
		}
	}
	return GK_OK;
}

static enum gk_rc
config_set(sqlite3 *db, int op, int value, struct gk_err *err)
{
	int got = -1;

	if (sqlite3_db_config(db, op, value, &got) != SQLITE_OK ||
	    got != value) {
		return GK_FAIL(
		    err, GK_E_IO, "SQLite refuses the setting %d", op);
	}
	return GK_OK;
}

static enum gk_rc
settings(sqlite3 *db, enum store_mode mode, struct gk_err *err)
{
	(void)sqlite3_busy_timeout(db, JOURNAL_BUSY_MS);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	GK_TRY(config_set(db, SQLITE_DBCONFIG_DEFENSIVE, 1, err));
	GK_TRY(config_set(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, err));
	GK_TRY(config_set(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, err));
	if (mode == STORE_READ) {
		GK_TRY(
		    config_set(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, err));
		return pragmas_set(
		    db, pragmas_read, GK_COUNT(pragmas_read), err);
	}
	return pragmas_set(db, pragmas_write, GK_COUNT(pragmas_write), err);
}

static bool
is_one_of(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; name != NULL && i < count; i++) {
		if (strcmp(name, list[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* Asked while a statement is prepared; what isn't named here is refused. */
static int
authorize_write(void *ctx, int action, const char *a, const char *b,
    const char *db, const char *trigger)
{
	static const char *const insert[] = {"body", "tile", "checkpoint",
	    "opening", "policy_blob", "ledger_row", "meta", "cosignature",
	    "held", "redaction", "run_cut", "signing_key"};
	static const char *const change[] = {
	    "checkpoint", "ledger_row", "meta", "minimum"};
	/* the triggers tell which rows of these may go */
	static const char *const drop[] = {
	    "body", "held", "opening", "redaction", "run_cut"};

	(void)ctx;
	(void)b;
	(void)db;
	(void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_FUNCTION:
	case SQLITE_TRANSACTION:
		return SQLITE_OK;
	case SQLITE_INSERT:
		return is_one_of(a, insert, GK_COUNT(insert)) ? SQLITE_OK
							      : SQLITE_DENY;
	case SQLITE_DELETE:
		if (is_one_of(a, drop, GK_COUNT(drop))) {
			return SQLITE_OK;
		}
		return is_one_of(a, change, GK_COUNT(change)) ? SQLITE_OK
							      : SQLITE_DENY;
	case SQLITE_UPDATE:
		return is_one_of(a, change, GK_COUNT(change)) ? SQLITE_OK
							      : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int
authorize_read(void *ctx, int action, const char *a, const char *b,
    const char *db, const char *trigger)
{
	(void)ctx;
	(void)a;
	(void)b;
	(void)db;
	(void)trigger;
	return action == SQLITE_SELECT || action == SQLITE_READ ||
		       action == SQLITE_FUNCTION || action == SQLITE_TRANSACTION
		   ? SQLITE_OK
		   : SQLITE_DENY;
}

static enum gk_rc
schema_create(sqlite3 *db, struct gk_err *err)
{
	static const char *const step[] = {"BEGIN IMMEDIATE", journal_schema,
	    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID),
	    "PRAGMA user_version = " TEXT_OF(STORE_VERSION), "COMMIT"};

	for (size_t i = 0; i < GK_COUNT(step); i++) {
		GK_TRY(run_sql(db, step[i], "making the schema", err));
	}
	return GK_OK;
}

static const char schema_ask[] =
    "SELECT group_concat(type || ' ' || name || ' ' || tbl_name || ' ' || "
    "coalesce(sql, ''), char(10)) FROM (SELECT * FROM sqlite_schema "
    "ORDER BY type, name)";

enum { SCHEMA_BYTES = 24576 };

/* What the schema reads like in a database that we have just made. */
static enum gk_rc
schema_expected(char *ret, struct gk_err *err)
{
	sqlite3 *db = NULL;
	enum gk_rc rc;

	if (sqlite3_open_v2(":memory:", &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		rc = journal__store_fail(db, "opening a scratch database", err);
	} else {
		rc = run_sql(db, journal_schema, "the schema", err);
	}
	if (rc == GK_OK) {
		rc = ask_text(db, schema_ask, ret, SCHEMA_BYTES, err);
	}
	(void)sqlite3_close(db);
	return rc;
}

static void
free_text(char **text)
{
	free(*text);
}

static enum gk_rc
schema_check(sqlite3 *db, struct gk_err *err)
{
	GK_AUTO(free_text) char *both = calloc(2, SCHEMA_BYTES);
	char id[32], version[32];
	char *want = both, *got = both + SCHEMA_BYTES;

	if (both == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "schema");
	}
	GK_TRY(ask_text(db, "PRAGMA application_id", id, sizeof(id), err));
	GK_TRY(
	    ask_text(db, "PRAGMA user_version", version, sizeof(version), err));
	if (strcmp(id, TEXT_OF(APPLICATION_ID)) != 0) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, JOURNAL_DB " is not a journal");
	}
	if (strcmp(version, TEXT_OF(STORE_VERSION)) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    JOURNAL_DB " has format %s; this program knows " TEXT_OF(
			STORE_VERSION),
		    version);
	}
	GK_TRY(schema_expected(want, err));
	GK_TRY(ask_text(db, schema_ask, got, SCHEMA_BYTES, err));
	if (strlen(want) >= SCHEMA_BYTES - 1 || strcmp(want, got) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the tables, indexes or triggers of " JOURNAL_DB
		    " are not ours: somebody has changed them");
	}
	return GK_OK;
}

/* An empty database gets the schema; any other must have it. */
static enum gk_rc
schema_settle(sqlite3 *db, enum store_mode mode, struct gk_err *err)
{
	char tables[32];

	GK_TRY(ask_text(db, "SELECT count(*) FROM sqlite_schema", tables,
	    sizeof(tables), err));
	if (mode == STORE_WRITE && strcmp(tables, "0") == 0) {
		GK_TRY(schema_create(db, err));
	}
	return schema_check(db, err);
}

/* The database's file name; or, for what can't be written beside, the URI that says so. */
static enum gk_rc
store_name(const char *data_dir, enum store_mode mode,
    char ret[JOURNAL_PATH_BYTES], struct gk_err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	char path[JOURNAL_PATH_BYTES];
	size_t at;
	int n = snprintf(path, sizeof(path), "%s/%s", data_dir, JOURNAL_WAL);

	if (n <= 0 || (size_t)n >= sizeof(path)) {
		return GK_FAIL(err, GK_E_IO, "the folder's name is too long");
	}
	if (mode == STORE_WRITE || eaccess(path, F_OK) == 0 ||
	    eaccess(data_dir, W_OK) == 0) {
		(void)snprintf(
		    ret, JOURNAL_PATH_BYTES, "%s/%s", data_dir, JOURNAL_DB);
		return GK_OK;
	}
	at = (size_t)snprintf(ret, JOURNAL_PATH_BYTES, "file:");
	(void)snprintf(path, sizeof(path), "%s/%s", data_dir, JOURNAL_DB);
	for (const char *p = path; *p != '\0' && at < JOURNAL_PATH_BYTES - 32;
	     p++) {
		if (strchr("?#%", *p) != NULL) {
			ret[at++] = '%';
			ret[at++] = hex[(unsigned char)*p >> 4];
			ret[at++] = hex[(unsigned char)*p & 15];
		} else {
			ret[at++] = *p;
		}
	}
	(void)snprintf(ret + at, JOURNAL_PATH_BYTES - at, "?immutable=1");
	return GK_OK;
}

/* SQLite would make the file as the umask says. */
static enum gk_rc
store_touch(const char *path, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int fd = -1;

	if (access(path, F_OK) == 0) {
		return GK_OK;
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		return GK_FAIL(err, GK_E_IO, "can't make " JOURNAL_DB);
	}
	return GK_OK;
}

/*
 * The list of free pages is looked through before anything is taken from it: a damaged
 * one would let SQLite write over pages that are in use.
 */
static enum gk_rc
freelist_check(sqlite3 *db, struct gk_err *err)
{
	char found[256];

	GK_TRY(ask_text(db, "PRAGMA integrity_check(sqlite_schema)", found,
	    sizeof(found), err));
	return strcmp(found, "ok") == 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_CORRUPT, JOURNAL_DB " is damaged: %s",
			 found);
}

static enum gk_rc
store_setup(sqlite3 *db, enum store_mode mode, struct gk_err *err)
{
	GK_TRY(settings(db, mode, err));
	GK_TRY(schema_settle(db, mode, err));
	GK_TRY(freelist_check(db, err));
	if (sqlite3_set_authorizer(db,
		mode == STORE_WRITE ? authorize_write : authorize_read,
		NULL) != SQLITE_OK) {
		return journal__store_fail(db, "the authorizer", err);
	}
	return GK_OK;
}

/*
 * Before SQLite is first used.  Where somebody else was first, its defaults
 * stay: they cost memory and time, not sense.
 */
static void
tune_sqlite(void)
{
	/* No figures that nobody reads: they cost a lock at each allocation. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* Pages when they are needed, not 87 KB for each connection at once. */
	(void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

enum gk_rc
journal__store_open(const char *data_dir, enum store_mode mode,
    sqlite3 **ret_db, struct gk_err *err)
{
	static pthread_once_t tuned = PTHREAD_ONCE_INIT;
	char name[JOURNAL_PATH_BYTES];
	sqlite3 *db = NULL;
	enum gk_rc rc;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    SQLITE_OPEN_URI |
		    (mode == STORE_WRITE ? SQLITE_OPEN_READWRITE
					 : SQLITE_OPEN_READONLY);

	(void)pthread_once(&tuned, tune_sqlite);
	GK_TRY(store_name(data_dir, mode, name, err));
	if (mode == STORE_WRITE) {
		GK_TRY(store_touch(name, err));
	}
	if (sqlite3_open_v2(name, &db, flags, NULL) != SQLITE_OK) {
		rc = journal__store_fail(db, "opening " JOURNAL_DB, err);
	} else {
		rc = store_setup(db, mode, err);
	}
	if (rc != GK_OK) {
		journal__store_close(db, false);
		return rc;
	}
	*ret_db = db;
	return GK_OK;
}

void
journal__store_close(sqlite3 *db, bool checkpoint)
{
	if (db == NULL) {
		return;
	}
	if (!checkpoint) {
		(void)sqlite3_db_config(
		    db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	GK_ASSERT(sqlite3_close(db) == SQLITE_OK);
}

enum gk_rc
journal__store_prepare(sqlite3 *db, const char *const *sql, size_t count,
    sqlite3_stmt **ret, struct gk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (sqlite3_prepare_v3(db, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &ret[i],
			NULL) != SQLITE_OK) {
			return journal__store_fail(db, sql[i], err);
		}
	}
	return GK_OK;
}

void
journal__store_finalize(sqlite3_stmt **stmts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)sqlite3_finalize(stmts[i]);
		stmts[i] = NULL;
	}
}
