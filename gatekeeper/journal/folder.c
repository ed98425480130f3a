/* A folder of files, laid out as C2SP tlog-tiles has it: what is read from it, and what kind of folder it is. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal_internal.h"
#include "journal/verify_internal.h"

struct journal_folder {
	int dir;
};

enum gk_rc
journal_folder_open(
    const char *dir, struct journal_folder **ret, struct gk_err *err)
{
	struct journal_folder *folder = calloc(1, sizeof(*folder));
	enum gk_rc rc;

	if (folder == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a folder");
	}
	rc = journal__dir_open(AT_FDCWD, dir, false, &folder->dir, err);
	if (rc != GK_OK) {
		free(folder);
		return rc;
	}
	*ret = folder;
	return GK_OK;
}

void
journal_folder_close(struct journal_folder *folder)
{
	if (folder != NULL) {
		journal__fd_close(&folder->dir);
		free(folder);
	}
}

static enum gk_rc
folder_load(void *ctx, const char *path, struct gk_buf *buf, bool *ret_found,
    struct gk_err *err)
{
	const struct journal_folder *folder = ctx;

	return journal__file_load(folder->dir, path, buf, ret_found, err);
}

struct journal_files
journal_folder_files(struct journal_folder *folder)
{
	return (struct journal_files){folder_load, folder,
	    journal__file_exists(folder->dir, JOURNAL_POLICIES)};
}

bool
journal_is_export(const char *dir)
{
	GK_AUTO(journal__fd_close)
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return at >= 0 && !journal__file_exists(at, JOURNAL_DB) &&
	       !journal__file_exists(at, JOURNAL_LOCK) &&
	       (journal__file_exists(at, "tile") ||
		   journal__file_exists(at, JOURNAL_POLICIES));
}

/* The bundle of entries that holds an event, complete or as wide as it is. */
static enum gk_rc
load_bundle(struct journal_folder *folder, uint64_t index, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err)
{
	char path[TILE_PATH_BYTES];

	*ret_found = false;
	for (unsigned width = TILE_WIDTH; width > 0 && !*ret_found; width--) {
		(void)tile_entries_path(index, width, path);
		GK_TRY(folder_load(folder, path, buf, ret_found, err));
	}
	return GK_OK;
}

static enum gk_rc
read_exported(struct journal_folder *folder, uint64_t seq, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf bundle = GK_BUF_INIT(JOURNAL_BUNDLE_BYTES);
	const void *entry = NULL;
	size_t at = 0, n = 0;

	GK_TRY(load_bundle(folder, seq / TILE_WIDTH, &bundle, ret_found, err));
	for (uint64_t i = 0; *ret_found && i <= seq % TILE_WIDTH; i++) {
		*ret_found = tile_bundle_next(
		    bundle.bytes, bundle.len, &at, &entry, &n, NULL);
	}
	return *ret_found ? gk_buf_add(buf, entry, n, err) : GK_OK;
}

enum gk_rc
journal_read_event(const char *dir, uint64_t seq, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__reader_closep) struct journal_reader *reader = NULL;
	struct journal_folder *folder;
	enum gk_rc rc;

	if (!journal_is_export(dir)) {
		GK_TRY(journal_reader_open(dir, &reader, err));
		return journal_read(reader, seq, buf, NULL, ret_found, err);
	}
	GK_TRY(journal_folder_open(dir, &folder, err));
	rc = read_exported(folder, seq, buf, ret_found, err);
	journal_folder_close(folder);
	return rc;
}
