/*
 * The log as files, for whoever wants to check it elsewhere.
 *
 * What is complete is written once and never touched again.  Each file is made under
 * another name and renamed; nothing is synced one by one: before the checkpoint is
 * put in place, the whole file system is, once.  So a checkpoint never promises
 * what isn't there, and who is interrupted goes on where the last checkpoint ended,
 * for what lies beyond that is simply written again.  At the end the incomplete tiles
 * of the checkpoint before go: each has become a wider one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "journal/journal_internal.h"
#include "journal/verify_internal.h"

enum { EXPORT_MODE = 0644, EXPORT_DIR_MODE = 0755 };

struct export
{
	const struct journal_export_options *options;
	struct journal_export_report *report;
	struct journal_reader *reader;
	int from, dest;
	struct note_vkey vkey;
	struct chain chain; /* the log's keys; vkey is the newest */
	struct gk_buf head; /* the checkpoint that comes last */
	uint64_t old_size, size;
	struct gk_buf buf; /* of the file at hand */
};

static enum gk_rc
fail_errno(struct gk_err *err, const char *what, const char *path)
{
	int e = errno;

	return GK_FAIL(
	    err, GK_E_IO, "%s %s: %s", what, path, strerrordesc_np(e));
}

/* Make the folders above a file. */
static enum gk_rc
make_folders(struct export *export, const char *path, struct gk_err *err)
{
	char part[JOURNAL_POLICY_PATH_BYTES];

	for (const char *at = strchr(path, '/'); at != NULL;
	     at = strchr(at + 1, '/')) {
		size_t n = (size_t)(at - path);

		GK_ASSERT(n < sizeof(part));
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdirat(export->dest, part, EXPORT_DIR_MODE) != 0 &&
		    errno != EEXIST) {
			return fail_errno(err, "making the folder", part);
		}
	}
	return GK_OK;
}

static enum gk_rc
write_all(
    int fd, const struct gk_buf *buf, const char *path, struct gk_err *err)
{
	for (size_t at = 0; at < buf->len;) {
		ssize_t did = write(fd, buf->bytes + at, buf->len - at);

		if (did < 0 && errno != EINTR) {
			return fail_errno(err, "writing", path);
		}
		at += did > 0 ? (size_t)did : 0;
	}
	return GK_OK;
}

/* Put buf at path: made whole under another name, then renamed. */
static enum gk_rc
put(struct export *export, const char *path, struct gk_err *err)
{
	static const char temp[] = "new";
	GK_AUTO(journal__fd_close) int fd = -1;

	GK_TRY(make_folders(export, path, err));
	fd = openat(export->dest, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, EXPORT_MODE);
	if (fd < 0) {
		return fail_errno(err, "making", path);
	}
	GK_TRY(write_all(fd, &export->buf, path, err));
	if (renameat(export->dest, temp, export->dest, path) != 0) {
		return fail_errno(err, "renaming to", path);
	}
	return GK_OK;
}

/* A complete file below the old checkpoint is left as it is. */
static bool
is_there(const struct export *export, uint64_t end, const char *path)
{
	return end <= export->old_size &&
	       journal__file_exists(export->dest, path);
}

static enum gk_rc
put_tile(struct export *export, const struct tile_id *id, struct gk_err *err)
{
	uint64_t end = (id->index * TILE_WIDTH + id->width) << (8 * id->level);
	char path[TILE_PATH_BYTES];
	enum journal_tile tile;

	(void)tile_path(id, path);
	if (is_there(export, end, path)) {
		return GK_OK;
	}
	gk_buf_clear(&export->buf);
	GK_TRY(journal_read_tile(export->reader, id, &export->buf, &tile, err));
	GK_ASSERT(tile == TILE_GIVEN); /* the head reaches it */
	return put(export, path, err);
}

/* Bodies of a bundle that was let go, but for those that a legal hold keeps: a line each. */
static enum gk_rc
put_held(struct export *export, uint64_t index, struct gk_err *err)
{
	char path[TILE_PATH_BYTES];
	bool found;

	gk_buf_clear(&export->buf);
	for (uint64_t i = 0; i < TILE_WIDTH; i++) {
		GK_TRY(journal_read(export->reader, index * TILE_WIDTH + i,
		    &export->buf, NULL, &found, err));
		if (found) {
			GK_TRY(gk_buf_putc(&export->buf, '\n', err));
		}
	}
	return export->buf.len == 0
		   ? GK_OK
		   : put(export, journal__held_path(index, path), err);
}

static enum gk_rc
put_entries(
    struct export *export, uint64_t index, unsigned width, struct gk_err *err)
{
	char path[TILE_PATH_BYTES];
	enum journal_tile tile;

	(void)tile_entries_path(index, width, path);
	if (is_there(export, index * TILE_WIDTH + width, path)) {
		return GK_OK;
	}
	gk_buf_clear(&export->buf);
	GK_TRY(journal_read_entries(
	    export->reader, index, width, &export->buf, &tile, err));
	if (tile != TILE_GIVEN) {
		export->report->let_go += width;
		return put_held(export, index, err);
	}
	return put(export, path, err);
}

/* All of a level's tiles, the incomplete one last; of level 0 the entries too. */
static enum gk_rc
put_level(struct export *export, unsigned level, struct gk_err *err)
{
	uint64_t hashes = export->size >> (8 * level);

	for (uint64_t at = 0; at < hashes; at += TILE_WIDTH) {
		struct tile_id id = {level, at / TILE_WIDTH, 0};

		id.width = tile_width(level, id.index, export->size);
		GK_TRY(put_tile(export, &id, err));
		if (level > 0) {
			continue;
		}
		GK_TRY(put_entries(export, id.index, id.width, err));
		if (export->options->progress != NULL) {
			export->options->progress(
			    export->options->ctx, at + id.width, export->size);
		}
	}
	return GK_OK;
}

static enum gk_rc
put_policy(void *ctx, const char *digest, const void *sha256, size_t sha256_n,
    const char *bytes, size_t n, struct gk_err *err)
{
	struct export *export = ctx;
	char path[JOURNAL_POLICY_PATH_BYTES];

	(void)sha256;
	(void)sha256_n;
	if (!journal__policy_path(digest, path)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "a policy text is kept under \"%.80s\", which is no digest",
		    digest);
	}
	gk_buf_clear(&export->buf);
	GK_TRY(gk_buf_add(&export->buf, bytes, n, err));
	return put(export, path, err);
}

static enum gk_rc
put_signing_keys(struct export *export, struct gk_err *err)
{
	bool rotated;

	gk_buf_clear(&export->buf);
	GK_TRY(journal_print_signing_keys(
	    export->reader, &export->buf, &rotated, err));
	return rotated ? put(export, JOURNAL_SIGNING_KEYS, err) : GK_OK;
}

/* The tiles and bundles that the old checkpoint needed and the new one doesn't. */
static void
remove_old(struct export *export)
{
	for (unsigned level = 0; level < EDGE_LEVELS; level++) {
		uint64_t hashes = export->old_size >> (8 * level);
		const struct tile_id id = {level, hashes / TILE_WIDTH,
		    (unsigned)(hashes % TILE_WIDTH)};
		char path[2][TILE_PATH_BYTES];

		if (id.width == 0 ||
		    tile_width(level, id.index, export->size) == id.width) {
			continue;
		}
		(void)tile_path(&id, path[0]);
		(void)tile_entries_path(id.index, id.width, path[1]);
		for (int i = 0; i < (level == 0 ? 2 : 1); i++) {
			(void)unlinkat(export->dest, path[i], 0);
			*strrchr(path[i], '/') = '\0';
			(void)unlinkat(export->dest, path[i], AT_REMOVEDIR);
		}
	}
}

/* A checkpoint that lies there must be a beginning of this log. */
static enum gk_rc
check_old(struct export *export, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint old;
	struct gk_err why = {.rc = GK_OK};
	struct digest root;
	bool found;

	GK_TRY(journal__file_load(
	    export->dest, JOURNAL_PUBLISHED, &note, &found, err));
	if (!found) {
		return GK_OK;
	}
	if (chain_verify(&export->chain, gk_buf_text(&note), note.len, &old,
		&why) != GK_OK) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the checkpoint in the folder isn't this log's: %s",
		    why.text);
	}
	if (old.size > export->size) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the export has %" PRIu64 " events, and the log %" PRIu64
		    ": the log was rolled back",
		    old.size, export->size);
	}
	GK_TRY(journal_prove_root(export->reader, old.size, &root, err));
	if (!digest_equal(root.bytes, old.root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the first %" PRIu64 " events of the export aren't those "
		    "of the log: one of the two was forked",
		    old.size);
	}
	export->old_size = old.size;
	return GK_OK;
}

/* Only an empty folder, or an export of this log, is written into. */
static enum gk_rc
check_folder(struct export *export, struct gk_err *err)
{
	struct note_vkey vkey;
	bool found;
	enum gk_rc rc;

	if (journal__file_exists(export->dest, JOURNAL_DB) ||
	    journal__file_exists(export->dest, JOURNAL_LOCK)) {
		return GK_FAIL(err, GK_E_INVALID, "%s is a data directory",
		    export->options->dest_dir);
	}
	rc = journal__vkey_load(export->dest, &vkey, &found, err);
	if (rc == GK_E_IO || rc == GK_E_NOMEM) {
		return rc;
	}
	if (rc != GK_OK || (found && !chain_has(&export->chain, &vkey)) ||
	    (!found && journal__file_exists(export->dest, "tile"))) {
		return GK_FAIL(err, GK_E_CORRUPT, "%s holds another log",
		    export->options->dest_dir);
	}
	return check_old(export, err);
}

static enum gk_rc
export_begin(struct export *export, struct gk_err *err)
{
	const struct journal_export_options *options = export->options;
	bool found;

	GK_TRY(journal__dir_open(
	    AT_FDCWD, options->data_dir, false, &export->from, err));
	GK_TRY(journal__vkey_load(export->from, &export->vkey, &found, err));
	if (!found) {
		return GK_FAIL(err, GK_E_IO, "%s is missing", JOURNAL_VKEY);
	}
	GK_TRY(journal_reader_open(options->data_dir, &export->reader, err));
	GK_TRY(journal__chain_load(export->reader, &export->chain, err));
	if (export->chain.count == 0) {
		GK_TRY(chain_begin(&export->chain, &export->vkey, err));
	}
	GK_TRY(journal__read_checkpoint(export->reader, UINT64_MAX,
	    &export->size, &export->head, &found, err));
	if (!found) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "the log has no checkpoint yet");
	}
	GK_TRY(journal_read_cosignatures(
	    export->reader, export->size, &export->head, err));
	GK_TRY(journal__dir_open(
	    AT_FDCWD, options->dest_dir, true, &export->dest, err));
	return check_folder(export, err);
}

static enum gk_rc
export_write(struct export *export, struct gk_err *err)
{
	char vkey[NOTE_VKEY_BYTES];

	(void)note_vkey_print(&export->vkey, vkey);
	GK_TRY(gk_buf_printf(&export->buf, err, "%s\n", vkey));
	GK_TRY(put(export, JOURNAL_VKEY, err));
	GK_TRY(put_signing_keys(export, err));
	GK_TRY(journal__each_policy(export->reader, put_policy, export, err));
	for (unsigned level = 0; level < EDGE_LEVELS; level++) {
		GK_TRY(put_level(export, level, err));
	}
	if (syncfs(export->dest) != 0) {
		return fail_errno(err, "syncing", export->options->dest_dir);
	}
	GK_TRY(journal__file_replace(export->dest, JOURNAL_PUBLISHED,
	    export->head.bytes, export->head.len, EXPORT_MODE, err));
	remove_old(export);
	return GK_OK;
}

static void
export_done(struct export *export)
{
	journal_reader_close(export->reader);
	chain_done(&export->chain);
	journal__fd_close(&export->from);
	journal__fd_close(&export->dest);
	gk_buf_done(&export->head);
	gk_buf_done(&export->buf);
}

enum gk_rc
journal_export(const struct journal_export_options *options,
    struct journal_export_report *ret, struct gk_err *err)
{
	GK_AUTO(export_done)
	struct export export = {.options = options,
	    .report = ret,
	    .from = -1,
	    .dest = -1,
	    .head = GK_BUF_INIT(NOTE_CHECKPOINT_MAX),
	    .buf = GK_BUF_INIT(JOURNAL_BUNDLE_BYTES)};

	*ret = (struct journal_export_report){.size = 0};
	GK_TRY(export_begin(&export, err));
	ret->from = export.old_size;
	ret->size = export.size;
	return export_write(&export, err);
}
