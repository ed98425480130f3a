/*
 * How far a target came: <data_dir>/export/<target>.seq, one line, the seq of
 * the first event that wasn't acknowledged and the leaf hash of the one before
 * it ("-" where there is none), so that a log that was rolled back is noticed.
 * Replaced by rename, both the file and its folder synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out/ship_internal.h"

enum { PATH_BYTES = 4300 };

static enum gk_rc
io_error(const char *path, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_IO, "%s: %s", path, strerrordesc_np(errno));
}

static void
closep(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

enum gk_rc
cursor_folder(const char *data_dir, struct gk_err *err)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/export", data_dir);
	return mkdir(path, 0700) == 0 || errno == EEXIST ? GK_OK
							 : io_error(path, err);
}

/* "1041 <64 hex digits>\n", nothing else. */
static bool
parse(const char *text, uint64_t *ret_next, char ret_leaf[TAIL_LEAF_BYTES])
{
	size_t digits = strspn(text, "0123456789"), n;
	uint64_t next = 0;

	if (digits == 0 || digits > 18 || text[digits] != ' ') {
		return false;
	}
	for (size_t i = 0; i < digits; i++) {
		next = next * 10 + (uint64_t)(text[i] - '0');
	}
	text += digits + 1;
	n = strspn(text, "0123456789abcdef");
	if (strcmp(text, "-\n") == 0 && next == 0) {
		ret_leaf[0] = '\0';
	} else if (n == TAIL_LEAF_BYTES - 1 && strcmp(text + n, "\n") == 0) {
		memcpy(ret_leaf, text, n);
		ret_leaf[n] = '\0';
	} else {
		return false;
	}
	*ret_next = next;
	return true;
}

enum gk_rc
cursor_load(const char *data_dir, const char *name, uint64_t *ret_next,
    char ret_leaf[TAIL_LEAF_BYTES], bool *ret_found, struct gk_err *err)
{
	char path[PATH_BYTES], text[SHIP_STATE_BYTES] = "";
	GK_AUTO(closep) int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/export/%s.seq", data_dir, name);
	*ret_found = false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? GK_OK : io_error(path, err);
	}
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		return io_error(path, err);
	}
	if (!parse(text, ret_next, ret_leaf)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "%s isn't a seq and a leaf hash; remove it to ship from "
		    "the beginning",
		    path);
	}
	*ret_found = true;
	return GK_OK;
}

static enum gk_rc
write_synced(const char *path, const char *text, struct gk_err *err)
{
	GK_AUTO(closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t n = strlen(text);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) != 0) {
		return io_error(path, err);
	}
	return GK_OK;
}

enum gk_rc
cursor_store(const char *data_dir, const char *name, uint64_t next,
    const char *leaf, struct gk_err *err)
{
	char path[PATH_BYTES], fresh[PATH_BYTES + 4], text[SHIP_STATE_BYTES];
	GK_AUTO(closep) int folder = -1;

	(void)snprintf(path, sizeof(path), "%s/export/%s.seq", data_dir, name);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)snprintf(text, sizeof(text), "%" PRIu64 " %s\n", next,
	    leaf[0] != '\0' ? leaf : "-");
	GK_TRY(write_synced(fresh, text, err));
	if (rename(fresh, path) != 0) {
		return io_error(path, err);
	}
	*strrchr(path, '/') = '\0';
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 && fsync(folder) == 0 ? GK_OK : io_error(path, err);
}
