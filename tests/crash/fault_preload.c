/* LD_PRELOAD: let the n-th write, sync, truncation or rename below a folder fail, as a bad or full disk would; or be the last. */

/*
 * FAULT_DIR    the folder; calls on other files pass and aren't counted
 * FAULT_N      the call that fails, from 1; 0 or unset: none, calls are only counted
 * FAULT_ERRNO  EIO (default) or ENOSPC
 * FAULT_MODE   once (default): that call alone; keep: it and all that follow;
 *              torn: a write puts down half of its bytes first, then that call alone;
 *              kill: the process is killed before the call
 * FAULT_NAMES  set: opening, removing and making folders count, too
 *
 * Says "fault_preload: <call> <n> <path>" on standard error when it strikes, and
 * "fault_preload counted <n>" at a clean end.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX];
static size_t dir_n;
static long strike; /* FAULT_N */
static long calls;  /* so far; under mutex */
static int error;
static bool keep, torn, kills, names;

static void
read_environment(void)
{
	const char *folder = getenv("FAULT_DIR"), *n = getenv("FAULT_N");
	const char *name = getenv("FAULT_ERRNO"), *mode = getenv("FAULT_MODE");

	if (folder != NULL && realpath(folder, dir) != NULL)
		dir_n = strlen(dir);
	strike = n != NULL ? strtol(n, NULL, 10) : 0;
	error = name != NULL && strcmp(name, "ENOSPC") == 0 ? ENOSPC : EIO;
	keep = mode != NULL && strcmp(mode, "keep") == 0;
	torn = mode != NULL && strcmp(mode, "torn") == 0;
	kills = mode != NULL && strcmp(mode, "kill") == 0;
	names = getenv("FAULT_NAMES") != NULL;
}

static void
say(const char *call, long n, const char *path)
{
	char line[PATH_MAX + 64];
	ssize_t (*real)(int, const void *, size_t);
	int size = snprintf(
	    line, sizeof(line), "fault_preload: %s %ld %s\n", call, n, path);

	*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (size > 0 && (size_t)size < sizeof(line))
		(void)!real(STDERR_FILENO, line, (size_t)size);
}

/* Shall this call on path fail? */
static bool
strikes(const char *call, const char *path)
{
	bool hit;
	long n;

	if (dir_n == 0 || strncmp(path, dir, dir_n) != 0 ||
	    (path[dir_n] != '/' && path[dir_n] != '\0'))
		return false;
	pthread_mutex_lock(&mutex);
	n = ++calls;
	hit = strike > 0 && (n == strike || (keep && n > strike));
	pthread_mutex_unlock(&mutex);
	if (hit)
		say(call, n, path);
	if (hit && kills)
		(void)kill(getpid(), SIGKILL);
	return hit;
}

__attribute__((destructor)) static void
tell_count(void)
{
	if (dir_n > 0)
		dprintf(STDERR_FILENO, "fault_preload counted %ld\n", calls);
}

static bool
strikes_fd(const char *call, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	pthread_once(&once, read_environment);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return strikes(call, path);
}

static bool
strikes_path(const char *call, const char *name)
{
	char folder[PATH_MAX], path[PATH_MAX];
	char *slash;

	pthread_once(&once, read_environment);
	if (snprintf(folder, sizeof(folder), "%s", name) >= PATH_MAX)
		return false;
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	if (realpath(slash != NULL ? folder : ".", path) == NULL)
		return false;
	strncat(path, "/", sizeof(path) - strlen(path) - 1);
	return strikes(call, path);
}

/* The C library's own function behind ours. */
#define REAL(type, name, ...)             \
	static type (*real)(__VA_ARGS__); \
	if (real == NULL)                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

#define FAIL_IF(hit)                   \
	do {                           \
		if (hit) {             \
			errno = error; \
			return -1;     \
		}                      \
	} while (0)

ssize_t
write(int fd, const void *data, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t);
	if (!strikes_fd("write", fd))
		return real(fd, data, n);
	if (torn && n > 1)
		(void)!real(fd, data, n / 2);
	errno = error;
	return -1;
}

ssize_t
pwrite(int fd, const void *data, size_t n, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	if (!strikes_fd("pwrite", fd))
		return real(fd, data, n, at);
	if (torn && n > 1)
		(void)!real(fd, data, n / 2, at);
	errno = error;
	return -1;
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
	if (!strikes_fd("pwrite", fd))
		return real(fd, data, n, at);
	if (torn && n > 1)
		(void)!real(fd, data, n / 2, at);
	errno = error;
	return -1;
}

int
fdatasync(int fd)
{
	REAL(int, fdatasync, int);
	FAIL_IF(strikes_fd("fdatasync", fd));
	return real(fd);
}

int
fsync(int fd)
{
	REAL(int, fsync, int);
	FAIL_IF(strikes_fd("fsync", fd));
	return real(fd);
}

int
ftruncate(int fd, off_t size)
{
	REAL(int, ftruncate, int, off_t);
	FAIL_IF(strikes_fd("ftruncate", fd));
	return real(fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	REAL(int, ftruncate64, int, off64_t);
	FAIL_IF(strikes_fd("ftruncate", fd));
	return real(fd, size);
}

int
rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);
	FAIL_IF(strikes_path("rename", to));
	return real(from, to);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	REAL(int, renameat, int, const char *, int, const char *);
	FAIL_IF(strikes_fd("rename", to_dir));
	return real(from_dir, from, to_dir, to);
}

int
renameat2(
    int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	REAL(int, renameat2, int, const char *, int, const char *, unsigned);
	FAIL_IF(strikes_fd("rename", to_dir));
	return real(from_dir, from, to_dir, to, flags);
}

/* ---- names ---- */

/* A call on a name in a folder that is open; one without a folder is taken by its path. */
static bool
strikes_name(const char *call, int at, const char *name)
{
	pthread_once(&once, read_environment);
	if (!names)
		return false;
	return at == AT_FDCWD || name[0] == '/' ? strikes_path(call, name)
						: strikes_fd(call, at);
}

int
open64(const char *name, int flags, ...)
{
	REAL(int, open64, const char *, int, ...);
	va_list ap;
	unsigned mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	FAIL_IF(strikes_name("open", AT_FDCWD, name));
	return real(name, flags, mode);
}

int
openat64(int at, const char *name, int flags, ...)
{
	REAL(int, openat64, int, const char *, int, ...);
	va_list ap;
	unsigned mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	FAIL_IF(strikes_name("open", at, name));
	return real(at, name, flags, mode);
}

int
unlink(const char *name)
{
	REAL(int, unlink, const char *);
	FAIL_IF(strikes_name("unlink", AT_FDCWD, name));
	return real(name);
}

int
unlinkat(int at, const char *name, int flags)
{
	REAL(int, unlinkat, int, const char *, int);
	FAIL_IF(strikes_name("unlink", at, name));
	return real(at, name, flags);
}

int
mkdirat(int at, const char *name, mode_t mode)
{
	REAL(int, mkdirat, int, const char *, mode_t);
	FAIL_IF(strikes_name("mkdir", at, name));
	return real(at, name, mode);
}
