/* Small files of secrets in keys/: read only where nobody else may, overwritten before they go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal_internal.h"

enum { SECRET_CAP = 1024 };

enum gk_rc
journal__secret_init(struct secret *ret, struct gk_err *err)
{
	char *at;

	ret->buf = (struct gk_buf)GK_BUF_INIT(SECRET_CAP);
	return gk_buf_reserve(&ret->buf, SECRET_CAP, &at, err);
}

void
journal__secret_done(struct secret *secret)
{
	if (secret->buf.bytes != NULL) {
		digest_wipe(secret->buf.bytes, secret->buf.room);
	}
	gk_buf_done(&secret->buf);
}

static enum gk_rc
fail(const char *name, struct gk_err *err)
{
	return GK_FAIL(
	    err, GK_E_IO, "keys/%s: %s", name, strerrordesc_np(errno));
}

bool
journal__secret_is_overwritten(const struct secret *secret)
{
	const struct gk_buf *buf = &secret->buf;

	for (size_t i = 0; i < buf->len; i++) {
		if (buf->bytes[i] != '\0') {
			return false;
		}
	}
	return buf->len > 0;
}

enum gk_rc
journal__secret_load(int keys, const char *name, struct secret *ret,
    bool *ret_found, struct gk_err *err)
{
	struct stat st;
	struct gk_buf *buf = &ret->buf;

	*ret_found = false;
	if (fstatat(keys, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		return errno == ENOENT ? GK_OK : fail(name, err);
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		return GK_FAIL(err, GK_E_IO,
		    "keys/%s must be a file that only its owner may read "
		    "(chmod 600); its mode is %04o",
		    name, (unsigned)st.st_mode & 07777);
	}
	GK_TRY(journal__file_load(keys, name, buf, ret_found, err));
	if (buf->len > 0 && buf->bytes[buf->len - 1] == '\n') {
		buf->bytes[--buf->len] = '\0';
	}
	return GK_OK;
}

/* Best effort: a device that writes elsewhere (flash, copy on write) keeps the old bytes. */
static void
overwrite(int fd)
{
	static const uint8_t zero[SECRET_CAP];
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return;
	}
	for (off_t at = 0; at < st.st_size;) {
		size_t n = st.st_size - at < (off_t)sizeof(zero)
			       ? (size_t)(st.st_size - at)
			       : sizeof(zero);
		ssize_t did = pwrite(fd, zero, n, at);

		if (did <= 0) {
			return;
		}
		at += did;
	}
	(void)fsync(fd);
}

enum gk_rc
journal__secret_destroy(int keys, const char *name, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int fd = openat(keys, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		return errno == ENOENT ? GK_OK : fail(name, err);
	}
	overwrite(fd);
	if (unlinkat(keys, name, 0) != 0 && errno != ENOENT) {
		return fail(name, err);
	}
	return journal__dir_sync(keys, err);
}
