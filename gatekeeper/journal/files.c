/* Small files beside the database: read whole, replaced whole, and the lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/time.h"
#include "journal/journal_internal.h"

enum {
	NAME_BYTES = 256,
	LOCK_STEP_NS = 10 * 1000 * 1000,
	REWRITE_BYTES = 8192
};

static enum gk_rc
fail_errno(struct gk_err *err, const char *what, const char *name)
{
	int e = errno;

	return GK_FAIL(
	    err, GK_E_IO, "%s %s: %s", what, name, strerrordesc_np(e));
}

void
journal__fd_close(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

/* A new folder lasts when the one that it lies in was synced; that one may be closed to us. */
static enum gk_rc
parent_sync(int dir, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0) {
		return errno == EACCES
			   ? GK_OK
			   : fail_errno(err, "opening the folder of",
				 "the new folder");
	}
	return journal__dir_sync(parent, err);
}

enum gk_rc
journal__dir_open(
    int at, const char *path, bool make, int *ret_dir, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int dir = -1;
	bool made = make && mkdirat(at, path, 0700) == 0;

	if (make && !made && errno != EEXIST) {
		return fail_errno(err, "making the folder", path);
	}
	dir = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return fail_errno(err, "opening the folder", path);
	}
	if (made) {
		GK_TRY(parent_sync(dir, err));
	}
	*ret_dir = dir;
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the cleanup reads it */
	dir = -1;
	return GK_OK;
}

enum gk_rc
journal__dir_sync(int dir, struct gk_err *err)
{
	if (fsync(dir) != 0) {
		return fail_errno(err, "fsync of", "the folder");
	}
	return GK_OK;
}

bool
journal__file_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

uint64_t
journal__file_size(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 ? (uint64_t)st.st_size : 0;
}

enum gk_rc
journal__file_load(int dir, const char *name, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char part[1024];
	ssize_t n;

	*ret_found = false;
	if (fd < 0) {
		return errno == ENOENT ? GK_OK
				       : fail_errno(err, "opening", name);
	}
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return fail_errno(err, "reading", name);
		}
		GK_TRY(gk_buf_add(buf, part, (size_t)n, err));
	}
	*ret_found = true;
	return GK_OK;
}

static enum gk_rc
write_all(
    int fd, const char *bytes, size_t n, const char *name, struct gk_err *err)
{
	while (n > 0) {
		ssize_t did = write(fd, bytes, n);

		if (did < 0 && errno != EINTR) {
			return fail_errno(err, "writing", name);
		}
		if (did > 0) {
			bytes += did;
			n -= (size_t)did;
		}
	}
	return GK_OK;
}

/* A new file of that name, whole and synced; what a killed process left there goes. */
static enum gk_rc
file_write(int dir, const char *name, const void *bytes, size_t n,
    unsigned mode, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int fd = -1;

	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) {
		return fail_errno(err, "removing the old", name);
	}
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		return fail_errno(err, "making", name);
	}
	GK_TRY(write_all(fd, bytes, n, name, err));
	if (fsync(fd) != 0) {
		return fail_errno(err, "fsync of", name);
	}
	return GK_OK;
}

enum gk_rc
journal__file_rewrite(int dir, const char *name, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOCTTY);
	char part[REWRITE_BYTES];
	off_t at = 0;
	ssize_t n;

	if (fd < 0) {
		return errno == ENOENT ? GK_OK
				       : fail_errno(err, "opening", name);
	}
	while ((n = pread(fd, part, sizeof(part), at)) > 0) {
		if (pwrite(fd, part, (size_t)n, at) != n) {
			return fail_errno(err, "writing again", name);
		}
		at += n;
	}
	if (n < 0) {
		return fail_errno(err, "reading", name);
	}
	return fsync(fd) == 0 ? GK_OK : fail_errno(err, "fsync of", name);
}

enum gk_rc
journal__file_replace(int dir, const char *name, const void *bytes, size_t n,
    unsigned mode, struct gk_err *err)
{
	char temp[NAME_BYTES];
	int len = snprintf(temp, sizeof(temp), "%s.new", name);

	GK_ASSERT(len > 0 && (size_t)len < sizeof(temp));
	GK_TRY(file_write(dir, temp, bytes, n, mode, err));
	if (renameat(dir, temp, dir, name) != 0) {
		return fail_errno(err, "renaming to", name);
	}
	return journal__dir_sync(dir, err);
}

enum gk_rc
journal__file_rename(
    int dir, const char *from, const char *to, struct gk_err *err)
{
	if (renameat(dir, from, dir, to) != 0) {
		return fail_errno(err, "renaming to", to);
	}
	return journal__dir_sync(dir, err);
}

enum gk_rc
journal__file_create(int dir, const char *name, const void *bytes, size_t n,
    unsigned mode, struct gk_err *err)
{
	char temp[NAME_BYTES];
	int len = snprintf(temp, sizeof(temp), "%s.new", name);

	GK_ASSERT(len > 0 && (size_t)len < sizeof(temp));
	GK_TRY(file_write(dir, temp, bytes, n, mode, err));
	if (renameat2(dir, temp, dir, name, RENAME_NOREPLACE) != 0) {
		if (errno == EEXIST) {
			return GK_FAIL(err, GK_E_BUSY, "%s is there", name);
		}
		return fail_errno(err, "renaming to", name);
	}
	return journal__dir_sync(dir, err);
}

enum gk_rc
journal__lock_take(int dir, int wait_ms, int *ret_lock, struct gk_err *err)
{
	static const struct timespec step = {0, LOCK_STEP_NS};
	GK_AUTO(journal__fd_close)
	int fd = openat(dir, JOURNAL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int64_t end;

	if (fd < 0) {
		return fail_errno(err, "opening", JOURNAL_LOCK);
	}
	end = gk_clock_system.boot_us(NULL) + wait_ms * GK_US_PER_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			return fail_errno(err, "locking", JOURNAL_LOCK);
		}
		if (gk_clock_system.boot_us(NULL) >= end) {
			return GK_FAIL(err, GK_E_BUSY,
			    "another gatekeeper holds the journal's lock");
		}
		(void)nanosleep(&step, NULL);
	}
	*ret_lock = fd;
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the cleanup reads it */
	fd = -1;
	return GK_OK;
}
