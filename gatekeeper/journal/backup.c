/* A copy of a running journal: one snapshot of the database, its checkpoint, its verifier key. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "journal/journal_internal.h"
#include "journal/reader_internal.h"

enum { SMALL_FILE_CAP = 4096 };

static void
close_db(sqlite3 **db)
{
	(void)sqlite3_close(*db);
	*db = NULL;
}

/* SQLite copies pages in one step, so in one read transaction: the writer may go on meanwhile. */
static enum gk_rc
copy_pages(sqlite3 *from, sqlite3 *to, struct gk_err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (backup == NULL) {
		return journal__store_fail(to, "beginning the copy", err);
	}
	rc = sqlite3_backup_step(backup, -1);
	if (sqlite3_backup_finish(backup) != SQLITE_OK || rc != SQLITE_DONE) {
		return journal__store_fail(to, "copying the database", err);
	}
	return GK_OK;
}

static enum gk_rc
copy_db(struct journal_reader *reader, const char *dest_dir, int dest,
    struct gk_err *err)
{
	GK_AUTO(close_db) sqlite3 *to = NULL;
	char path[JOURNAL_PATH_BYTES];
	int n = snprintf(path, sizeof(path), "%s/" JOURNAL_DB, dest_dir);

	if (n <= 0 || (size_t)n >= sizeof(path)) {
		return GK_FAIL(err, GK_E_IO, "the folder's name is too long");
	}
	GK_TRY(journal__file_create(dest, JOURNAL_DB, "", 0, 0600, err));
	if (sqlite3_open_v2(path, &to,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE,
		NULL) != SQLITE_OK) {
		return journal__store_fail(to, "making the copy", err);
	}
	return copy_pages(reader->db, to, err);
}

/* The published file of the copy is the copy's own head: the other may be newer or older. */
static enum gk_rc
copy_head(const char *dest_dir, int dest, struct gk_err *err)
{
	GK_AUTO(journal__reader_closep) struct journal_reader *reader = NULL;
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	uint64_t size;
	bool has;

	GK_TRY(journal_reader_open(dest_dir, &reader, err));
	GK_TRY(journal__read_checkpoint(
	    reader, UINT64_MAX, &size, &note, &has, err));
	if (!has) {
		return GK_OK;
	}
	return journal__file_replace(
	    dest, JOURNAL_PUBLISHED, note.bytes, note.len, 0644, err);
}

static enum gk_rc
copy_file(int from, int to, const char *name, unsigned mode, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SMALL_FILE_CAP);
	char *at;
	bool found;
	enum gk_rc rc;

	GK_TRY(gk_buf_reserve(&text, SMALL_FILE_CAP, &at, err));
	rc = journal__file_load(from, name, &text, &found, err);
	if (rc == GK_OK) {
		rc = found ? journal__file_create(
				 to, name, text.bytes, text.len, mode, err)
			   : GK_FAIL(err, GK_E_IO, "%s is missing", name);
	}
	digest_wipe(text.bytes, text.room);
	return rc;
}

static void
close_list(DIR **list)
{
	if (*list != NULL) {
		(void)closedir(*list);
	}
}

/* A key's name ends so; what a killed process left half-made doesn't. */
static bool
is_key(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".key") == 0;
}

static enum gk_rc
copy_key_files(int from, int to, struct gk_err *err)
{
	int dir = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	GK_AUTO(close_list) DIR *list = dir < 0 ? NULL : fdopendir(dir);
	const struct dirent *entry;

	if (list == NULL) {
		journal__fd_close(&dir);
		return GK_FAIL(
		    err, GK_E_IO, "keys: %s", strerrordesc_np(errno));
	}
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own */
	while ((entry = readdir(list)) != NULL) {
		if (is_key(entry->d_name)) {
			GK_TRY(copy_file(from, to, entry->d_name, 0600, err));
		}
	}
	return GK_OK;
}

static enum gk_rc
copy_keys(int from, int to, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int from_keys = -1;
	GK_AUTO(journal__fd_close) int to_keys = -1;

	GK_TRY(journal__dir_open(from, JOURNAL_KEYS, false, &from_keys, err));
	GK_TRY(journal__dir_open(to, JOURNAL_KEYS, true, &to_keys, err));
	return copy_key_files(from_keys, to_keys, err);
}

enum gk_rc
journal_backup(const char *data_dir, const char *dest_dir, bool with_keys,
    struct gk_err *err)
{
	GK_AUTO(journal__reader_closep) struct journal_reader *reader = NULL;
	GK_AUTO(journal__fd_close) int from = -1;
	GK_AUTO(journal__fd_close) int dest = -1;

	GK_TRY(journal__dir_open(AT_FDCWD, data_dir, false, &from, err));
	GK_TRY(journal_reader_open(data_dir, &reader, err));
	GK_TRY(journal__dir_open(AT_FDCWD, dest_dir, true, &dest, err));
	if (journal__file_exists(dest, JOURNAL_DB)) {
		return GK_FAIL(err, GK_E_BUSY,
		    "there is a journal in %s already", dest_dir);
	}
	GK_TRY(copy_file(from, dest, JOURNAL_VKEY, 0644, err));
	if (with_keys) {
		GK_TRY(copy_keys(from, dest, err));
	}
	GK_TRY(copy_db(reader, dest_dir, dest, err));
	GK_TRY(copy_head(dest_dir, dest, err));
	return journal__dir_sync(dest, err);
}
