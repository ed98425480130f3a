/*
 * The calls on small files that the journal makes, led through the test's disk.
 *
 * The linker puts these in the place of the C library's own (--wrap); SQLite, which
 * comes as a shared library, keeps the real ones and is met by disk_vfs.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "disk_files.h"

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,clang-analyzer-valist.Uninitialized): the linker's names; and clang 14 doesn't know va_start here */
int __real_openat64(int at, const char *name, int flags, ...);
int __real_open64(const char *name, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t n, off_t at);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_renameat2(
    int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __real_unlinkat(int at, const char *name, int flags);
int __real_mkdirat(int at, const char *name, mode_t mode);
int __real_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_openat64(int at, const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t n, off_t at);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat2(
    int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_unlinkat(int at, const char *name, int flags);
int __wrap_mkdirat(int at, const char *name, mode_t mode);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

static int64_t clock_ahead_us;

void
disk_clock_add(int64_t us)
{
	clock_ahead_us += us;
}

/* Stands still but for what a test adds: so that each run makes the same calls. */
int
__wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	static struct timespec first;

	if (first.tv_sec == 0 && __real_clock_gettime(id, &first) != 0) {
		return -1;
	}
	ret->tv_sec = first.tv_sec + clock_ahead_us / 1000000;
	ret->tv_nsec = clock_ahead_us % 1000000 * 1000;
	return 0;
}

static bool
fd_path(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n <= 0) {
		return false;
	}
	ret[n] = '\0';
	return true;
}

/* Below the disk's folder, in path's memory; NULL: elsewhere. */
static const char *
below_at(int at, const char *name, char path[PATH_MAX])
{
	size_t n = 0;

	if (name[0] != '/') {
		if (at == AT_FDCWD || !fd_path(at, path)) {
			return NULL;
		}
		n = strlen(path);
		path[n++] = '/';
	}
	(void)snprintf(path + n, PATH_MAX - n, "%s", name);
	return disk__below(path);
}

static int
refused(int error)
{
	errno = error;
	return -1;
}

int
__wrap_openat64(int at, const char *name, int flags, ...)
{
	char path[PATH_MAX];
	const char *below = below_at(at, name, path);
	bool half, existed = true;
	mode_t mode = 0;
	int error, fd;

	if ((flags & O_CREAT) != 0) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (below == NULL) {
		return __real_openat64(at, name, flags, mode);
	}
	error = disk__ask(DISK_OPEN, below, NULL, &half);
	if (error != 0) {
		return refused(error);
	}
	if ((flags & O_CREAT) != 0) {
		existed = faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	}
	fd = __real_openat64(at, name, flags, mode);
	if (fd >= 0 && !existed) {
		disk__made(below, mode);
	}
	return fd;
}

int
__wrap_open64(const char *name, int flags, ...)
{
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return __wrap_openat64(AT_FDCWD, name, flags, mode);
}

ssize_t
__wrap_pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
	char path[PATH_MAX];
	const char *below = fd_path(fd, path) ? disk__below(path) : NULL;
	struct disk_node *node = below == NULL ? NULL : disk__node(below);
	ssize_t did;
	bool half;
	int error;

	if (node == NULL) {
		return __real_pwrite64(fd, bytes, n, at);
	}
	error = disk__ask(DISK_WRITE, below, node, &half);
	if (error != 0 && !half) {
		return refused(error);
	}
	did = __real_pwrite64(fd, bytes, half ? n / 2 : n, at);
	if (did > 0) {
		disk__wrote(node, bytes, (size_t)did, (uint64_t)at);
	}
	return half ? refused(error) : did;
}

/* At the place where the descriptor is, which then moves on. */
ssize_t
__wrap_write(int fd, const void *bytes, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t did;

	if (at < 0) {
		return __real_write(fd, bytes, n);
	}
	did = __wrap_pwrite64(fd, bytes, n, at);
	if (did > 0 && lseek(fd, at + did, SEEK_SET) < 0) {
		return -1;
	}
	return did;
}

int
__wrap_fsync(int fd)
{
	char path[PATH_MAX];
	const char *below = fd_path(fd, path) ? disk__below(path) : NULL;
	struct disk_node *node = below == NULL ? NULL : disk__node(below);
	bool half;
	int error;

	if (below == NULL) {
		return __real_fsync(fd);
	}
	error = disk__ask(DISK_SYNC, below, node, &half);
	if (error != 0) {
		return refused(error);
	}
	if (node != NULL) {
		disk__synced(node);
	} else {
		disk__synced_folder(below);
	}
	return 0;
}

int
__wrap_renameat2(
    int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char from_path[PATH_MAX], to_path[PATH_MAX];
	const char *a = below_at(from_dir, from, from_path);
	const char *b = below_at(to_dir, to, to_path);
	bool half;
	int rc, error;

	if (a == NULL || b == NULL) {
		return __real_renameat2(from_dir, from, to_dir, to, flags);
	}
	error = disk__ask(DISK_RENAME, b, NULL, &half);
	if (error != 0) {
		return refused(error);
	}
	rc = __real_renameat2(from_dir, from, to_dir, to, flags);
	if (rc == 0) {
		disk__renamed(a, b);
	}
	return rc;
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return __wrap_renameat2(from_dir, from, to_dir, to, 0);
}

int
__wrap_unlinkat(int at, const char *name, int flags)
{
	char path[PATH_MAX];
	const char *below = below_at(at, name, path);
	bool half;
	int rc, error;

	if (below == NULL) {
		return __real_unlinkat(at, name, flags);
	}
	error = disk__ask(DISK_UNLINK, below, NULL, &half);
	if (error != 0) {
		return refused(error);
	}
	rc = __real_unlinkat(at, name, flags);
	if (rc == 0) {
		disk__unlinked(below);
	}
	return rc;
}

int
__wrap_mkdirat(int at, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	const char *below = below_at(at, name, path);
	bool half;
	int rc, error;

	if (below == NULL || below[0] == '\0') {
		return __real_mkdirat(at, name, mode);
	}
	error = disk__ask(DISK_MKDIR, below, NULL, &half);
	if (error != 0) {
		return refused(error);
	}
	rc = __real_mkdirat(at, name, mode);
	if (rc == 0) {
		disk__made_folder(below);
	}
	return rc;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,clang-analyzer-valist.Uninitialized) */
