/* SQLite's files, led through the test's disk: a VFS over the one of the system. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "disk.h"

/* SQLite's idea of an open file, with the real one behind it. */
struct disk_file {
	sqlite3_file base;
	struct disk_node *node; /* NULL: not on our disk */
	bool
	    sync_folder; /* a new log or journal: its first sync is one of the folder too */
	char path[64];
	sqlite3_file *real; /* the bytes after this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs disk_vfs;

static struct disk_file *
ours(sqlite3_file *file)
{
	return (struct disk_file *)(void *)file;
}

static sqlite3_file *
real(sqlite3_file *file)
{
	return ours(file)->real;
}

/* What a call that isn't counted meets: nothing, unless all is over. */
static bool
is_over(sqlite3_file *file, enum disk_op op, int *ret_errno, bool *ret_half)
{
	*ret_half = false;
	*ret_errno = ours(file)->node == NULL ? 0
					      : disk__ask(op, ours(file)->path,
						    ours(file)->node, ret_half);
	errno = *ret_errno; /* SQLite asks for it */
	return *ret_errno != 0;
}

static int
vfs_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int
vfs_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), to, n, at);
}

static int
vfs_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
	int error, rc;
	bool half;

	if (is_over(file, DISK_WRITE, &error, &half)) {
		if (half && real(file)->pMethods->xWrite(
				real(file), from, n / 2, at) == SQLITE_OK) {
			disk__wrote(ours(file)->node, from, (size_t)(n / 2),
			    (uint64_t)at);
		}
		return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	rc = real(file)->pMethods->xWrite(real(file), from, n, at);
	if (rc == SQLITE_OK) {
		disk__wrote(ours(file)->node, from, (size_t)n, (uint64_t)at);
	}
	return rc;
}

static int
vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int error, rc;
	bool half;

	if (is_over(file, DISK_CUT, &error, &half)) {
		return SQLITE_IOERR_TRUNCATE;
	}
	rc = real(file)->pMethods->xTruncate(real(file), size);
	if (rc == SQLITE_OK) {
		disk__cut(ours(file)->node, (uint64_t)size);
	}
	return rc;
}

static int
vfs_sync(sqlite3_file *file, int flags)
{
	int error;
	bool half;

	(void)flags;
	if (is_over(file, DISK_SYNC, &error, &half)) {
		return SQLITE_IOERR_FSYNC;
	}
	disk__synced(ours(file)->node);
	if (ours(file)->sync_folder) {
		disk__synced_parent(ours(file)->path);
		ours(file)->sync_folder = false;
	}
	return SQLITE_OK;
}

static int
vfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int
vfs_lock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xLock(real(file), lock);
}

static int
vfs_unlock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xUnlock(real(file), lock);
}

static int
vfs_reserved(sqlite3_file *file, int *ret)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int
vfs_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int
vfs_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int
vfs_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int
vfs_shm_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real(file)->pMethods->xShmMap(
	    real(file), page, size, extend, ret);
}

static int
vfs_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), at, n, flags);
}

static void
vfs_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int
vfs_shm_unmap(sqlite3_file *file, int remove)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_device,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
    int *ret_flags)
{
	struct disk_file *f = ours(file);
	const char *below = disk__below(name);
	bool half, existed;
	int rc;

	(void)vfs;
	*f = (struct disk_file){.real = (sqlite3_file *)(void *)(f + 1)};
	if (below != NULL && disk__ask(DISK_OPEN, below, NULL, &half) != 0) {
		return SQLITE_CANTOPEN;
	}
	existed = name == NULL || access(name, F_OK) == 0;
	rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
	if (f->real->pMethods != NULL) {
		f->base.pMethods = &disk_methods;
	}
	if (rc != SQLITE_OK || below == NULL) {
		return rc;
	}
	if (!existed) {
		disk__made(below, 0600);
		f->sync_folder =
		    (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	}
	f->node = disk__node(below);
	(void)snprintf(f->path, sizeof(f->path), "%s", below);
	return rc;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	const char *below = disk__below(name);
	bool half;
	int rc;

	(void)vfs;
	if (below != NULL && disk__ask(DISK_UNLINK, below, NULL, &half) != 0) {
		return SQLITE_IOERR_DELETE;
	}
	rc = real_vfs->xDelete(real_vfs, name, 0);
	if (rc == SQLITE_OK && below != NULL) {
		disk__unlinked(below);
		if (sync_folder != 0) {
			disk__synced_parent(below);
		}
	}
	return rc;
}

void
disk_install(void)
{
	if (real_vfs != NULL) {
		return;
	}
	GK_ASSERT(sqlite3_initialize() == SQLITE_OK);
	real_vfs = sqlite3_vfs_find(NULL);
	GK_ASSERT(real_vfs != NULL);
	disk_vfs = *real_vfs;
	disk_vfs.zName = "disk";
	disk_vfs.szOsFile = (int)sizeof(struct disk_file) + real_vfs->szOsFile;
	disk_vfs.xOpen = vfs_open;
	disk_vfs.xDelete = vfs_delete;
	GK_ASSERT(sqlite3_vfs_register(&disk_vfs, 1) == SQLITE_OK);
}
