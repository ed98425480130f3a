/* LD_PRELOAD: write down, in order, all that processes do to the files below a folder, and what they send. */

/*
 * TRACE_DIR   the folder; calls on other files aren't written down
 * TRACE_FILE  where to; several processes may write to the same
 * TRACE_ROLE  one word that each of this process's records carries
 *
 * A record is a struct record, the role, the path below the folder, and the data.  A
 * lock over all processes is held from a call's effect to its record, so that the
 * records stand in the order of the effects.  What is sent through a socket is written
 * down before it leaves.  Calls that fail leave no record.  SQLite's -shm files, which
 * mean nothing after a crash, are left out.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* tests/crash/disk.py knows it too. */
struct record {
	char
	    op; /* Open (made), Write, Cut, Sync, Rename (data: to), Unlink, Mkdir, Answer */
	uint8_t role_n;
	uint16_t path_n;
	uint32_t data_n;
	uint64_t node; /* the inode; of an answer, the descriptor */
	uint64_t at;   /* of a write; a cut's size; a new file's mode */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX];
static size_t dir_n;
static const char *role;
static int trace = -1;

/* The C library's own function behind ours. */
#define REAL(type, name, ...)             \
	static type (*real)(__VA_ARGS__); \
	if (real == NULL)                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

static void
read_environment(void)
{
	const char *folder = getenv("TRACE_DIR"), *file = getenv("TRACE_FILE");
	REAL(int, open64, const char *, int, ...);

	role = getenv("TRACE_ROLE");
	role = role != NULL ? role : "";
	if (folder == NULL || file == NULL || realpath(folder, dir) == NULL)
		return;
	trace = real(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	dir_n = trace >= 0 ? strlen(dir) : 0;
}

static void
begin(void)
{
	pthread_once(&once, read_environment);
	pthread_mutex_lock(&mutex);
	if (trace >= 0)
		(void)flock(trace, LOCK_EX);
}

static void
end(void)
{
	int e = errno; /* the call's own */

	if (trace >= 0)
		(void)flock(trace, LOCK_UN);
	pthread_mutex_unlock(&mutex);
	errno = e;
}

/* Below the folder, and worth a record?  *path is moved to what is below it. */
static bool
is_below(const char **path)
{
	size_t n = strlen(*path);

	if (dir_n == 0 || strncmp(*path, dir, dir_n) != 0 ||
	    ((*path)[dir_n] != '/' && (*path)[dir_n] != '\0') ||
	    (n > 4 && strcmp(*path + n - 4, "-shm") == 0))
		return false;
	*path += (*path)[dir_n] == '/' ? dir_n + 1 : dir_n;
	return true;
}

/* Where a descriptor leads; "" : nowhere. */
static void
path_of_fd(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	ret[n > 0 ? n : 0] = '\0';
}

/* The whole path of a name in a folder. */
static void
path_of_name(int at, const char *name, char ret[PATH_MAX])
{
	char folder[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(name, '/');

	ret[0] = '\0';
	if (name[0] == '/' || at == AT_FDCWD) {
		snprintf(folder, sizeof(folder), "%.*s",
		    slash == NULL ? 1 : (int)(slash - name),
		    slash == NULL ? "." : name);
	} else {
		char base[PATH_MAX];

		path_of_fd(at, base);
		if (snprintf(folder, sizeof(folder), "%s/%.*s", base,
			slash == NULL ? 0 : (int)(slash - name),
			name) >= PATH_MAX)
			return;
	}
	if (realpath(folder, real) != NULL &&
	    snprintf(ret, PATH_MAX, "%s/%s", real,
		slash == NULL ? name : slash + 1) >= PATH_MAX)
		ret[0] = '\0';
}

static void
put(char op, const char *path, uint64_t node, uint64_t at, const void *data,
    size_t n)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	struct record record = {op, (uint8_t)strlen(role),
	    (uint16_t)strlen(path), (uint32_t)n, node, at};
	struct iovec parts[] = {{&record, sizeof(record)},
	    {(void *)(uintptr_t)role, record.role_n},
	    {(void *)(uintptr_t)path, record.path_n},
	    {(void *)(uintptr_t)data, n}};
	int e = errno;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "writev");
	if (real(trace, parts, 4) !=
	    (ssize_t)(sizeof(record) + record.role_n + record.path_n + n))
		abort(); /* a trace with holes proves nothing */
	errno = e;
}

static uint64_t
node_of(int fd)
{
	struct stat st;
	int e = errno;
	uint64_t node = fstat(fd, &st) == 0 ? st.st_ino : 0;

	errno = e;
	return node;
}

/* Of what was done to an open file. */
static void
put_fd(char op, int fd, uint64_t at, const void *data, size_t n)
{
	char path[PATH_MAX];
	const char *below = path;

	path_of_fd(fd, path);
	if (is_below(&below))
		put(op, below, node_of(fd), at, data, n);
}

/* ---- files ---- */

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void
put_answer(int fd, const void *data, size_t n)
{
	pthread_once(&once, read_environment);
	if (trace < 0)
		return;
	begin();
	put('A', "", (uint64_t)fd, 0, data, n);
	end();
}

ssize_t
write(int fd, const void *data, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t);
	struct stat st;
	ssize_t did;
	off_t at;

	if (is_socket(fd)) {
		put_answer(fd, data, n);
		return real(fd, data, n);
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return real(fd, data, n);
	begin();
	at =
	    fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
	did = real(fd, data, n);
	if (did > 0)
		put_fd('W', fd, (uint64_t)at, data, (size_t)did);
	end();
	return did;
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
	ssize_t did;

	begin();
	did = real(fd, data, n, at);
	if (did > 0)
		put_fd('W', fd, (uint64_t)at, data, (size_t)did);
	end();
	return did;
}

int
ftruncate64(int fd, off64_t size)
{
	REAL(int, ftruncate64, int, off64_t);
	int rc;

	begin();
	rc = real(fd, size);
	if (rc == 0)
		put_fd('C', fd, (uint64_t)size, NULL, 0);
	end();
	return rc;
}

/* A hole is zeros that were written. */
int
fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	REAL(int, fallocate64, int, int, off64_t, off64_t);
	int rc;

	begin();
	rc = real(fd, mode, at, n);
	if (rc == 0 && mode != 0) {
		char *zeros = calloc(1, (size_t)n);

		if (zeros == NULL)
			abort();
		put_fd('W', fd, (uint64_t)at, zeros, (size_t)n);
		free(zeros);
	}
	end();
	return rc;
}

int
fdatasync(int fd)
{
	REAL(int, fdatasync, int);
	int rc;

	begin();
	rc = real(fd);
	if (rc == 0)
		put_fd('S', fd, 0, NULL, 0);
	end();
	return rc;
}

int
fsync(int fd)
{
	REAL(int, fsync, int);
	int rc;

	begin();
	rc = real(fd);
	if (rc == 0)
		put_fd('S', fd, 0, NULL, 0);
	end();
	return rc;
}

/* ---- names ---- */

/* An open that may make or empty a file; mutex held. */
static void
put_open(int fd, int at, const char *name, bool existed, int flags)
{
	char path[PATH_MAX];
	const char *below = path;
	struct stat st;

	if (fd < 0)
		return;
	path_of_name(at, name, path);
	if (!is_below(&below) || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (!existed)
		put('O', below, st.st_ino, st.st_mode & 0777, NULL, 0);
	else if (flags & O_TRUNC)
		put('C', below, st.st_ino, 0, NULL, 0);
}

static unsigned
mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, unsigned) : 0;
}

int
open64(const char *name, int flags, ...)
{
	REAL(int, open64, const char *, int, ...);
	va_list ap;
	unsigned mode;
	bool existed;
	int fd;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (!(flags & (O_CREAT | O_TRUNC)))
		return real(name, flags);
	begin();
	existed = faccessat(AT_FDCWD, name, F_OK, 0) == 0;
	fd = real(name, flags, mode);
	put_open(fd, AT_FDCWD, name, existed, flags);
	end();
	return fd;
}

int
openat64(int at, const char *name, int flags, ...)
{
	REAL(int, openat64, int, const char *, int, ...);
	va_list ap;
	unsigned mode;
	bool existed;
	int fd;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (!(flags & (O_CREAT | O_TRUNC)))
		return real(at, name, flags);
	begin();
	existed = faccessat(at, name, F_OK, 0) == 0;
	fd = real(at, name, flags, mode);
	put_open(fd, at, name, existed, flags);
	end();
	return fd;
}

/* Of a change of names that went well; mutex held. */
static void
put_name(char op, int rc, int at, const char *name, int to_at, const char *to)
{
	char path[PATH_MAX], to_path[PATH_MAX] = "";
	const char *below = path, *to_below = to_path;

	if (rc != 0)
		return;
	path_of_name(at, name, path);
	if (to != NULL)
		path_of_name(to_at, to, to_path);
	if (is_below(&below) && (to == NULL || is_below(&to_below)))
		put(op, below, 0, 0, to_below,
		    to == NULL ? 0 : strlen(to_below));
}

int
rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);
	int rc;

	begin();
	rc = real(from, to);
	put_name('R', rc, AT_FDCWD, from, AT_FDCWD, to);
	end();
	return rc;
}

int
renameat(int from_at, const char *from, int to_at, const char *to)
{
	REAL(int, renameat, int, const char *, int, const char *);
	int rc;

	begin();
	rc = real(from_at, from, to_at, to);
	put_name('R', rc, from_at, from, to_at, to);
	end();
	return rc;
}

int
renameat2(
    int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	REAL(int, renameat2, int, const char *, int, const char *, unsigned);
	int rc;

	begin();
	rc = real(from_at, from, to_at, to, flags);
	put_name('R', rc, from_at, from, to_at, to);
	end();
	return rc;
}

int
unlink(const char *name)
{
	REAL(int, unlink, const char *);
	int rc;

	begin();
	rc = real(name);
	put_name('U', rc, AT_FDCWD, name, 0, NULL);
	end();
	return rc;
}

int
unlinkat(int at, const char *name, int flags)
{
	REAL(int, unlinkat, int, const char *, int);
	int rc;

	begin();
	rc = real(at, name, flags);
	put_name('U', rc, at, name, 0, NULL);
	end();
	return rc;
}

int
mkdir(const char *name, mode_t mode)
{
	REAL(int, mkdir, const char *, mode_t);
	int rc;

	begin();
	rc = real(name, mode);
	put_name('M', rc, AT_FDCWD, name, 0, NULL);
	end();
	return rc;
}

int
mkdirat(int at, const char *name, mode_t mode)
{
	REAL(int, mkdirat, int, const char *, mode_t);
	int rc;

	begin();
	rc = real(at, name, mode);
	put_name('M', rc, at, name, 0, NULL);
	end();
	return rc;
}

/* ---- what leaves ---- */

ssize_t
send(int fd, const void *data, size_t n, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int);

	put_answer(fd, data, n);
	return real(fd, data, n, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
	size_t n = 0, at = 0;
	char *all;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		n += message->msg_iov[i].iov_len;
	all = malloc(n + 1);
	if (all == NULL)
		abort();
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(all + at, message->msg_iov[i].iov_base,
		    message->msg_iov[i].iov_len);
		at += message->msg_iov[i].iov_len;
	}
	put_answer(fd, all, n);
	free(all);
	return real(fd, message, flags);
}
