/* A layer under SQLite that counts writes and syncs, and fails the n-th. */
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "shim.h"

struct shim shim;

/* SQLite's idea of an open file, with the real one behind it. */
struct shim_file {
	sqlite3_file base;
	bool is_wal;
	sqlite3_file *real; /* the bytes after this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;

static sqlite3_file *
real(sqlite3_file *file)
{
	return ((struct shim_file *)(void *)file)->real;
}

/* Is it this call's turn to fail? */
static bool
fails(bool is_write)
{
	if (shim.fail_at == 0) {
		return false;
	}
	if (shim.fail_at > 1) {
		shim.fail_at--;
		return false;
	}
	if (shim.fault == SHIM_FULL && !is_write) {
		return false;
	}
	shim.fired = true;
	if (!shim.sticky) {
		shim.fail_at = 0;
	}
	return true;
}

static int
shim_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int
shim_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), to, n, at);
}

static int
shim_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
	struct shim_file *f = (struct shim_file *)(void *)file;

	shim.writes++;
	shim.write_bytes += (uint64_t)n;
	*(f->is_wal ? &shim.wal_bytes : &shim.db_bytes) += (uint64_t)n;
	if (fails(true)) {
		if (shim.fault == SHIM_TORN) {
			(void)f->real->pMethods->xWrite(
			    f->real, from, n / 2, at);
		}
		return shim.fault == SHIM_FULL ? SQLITE_FULL
					       : SQLITE_IOERR_WRITE;
	}
	return f->real->pMethods->xWrite(f->real, from, n, at);
}

static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real(file)->pMethods->xTruncate(real(file), size);
}

static int
shim_sync(sqlite3_file *file, int flags)
{
	shim.syncs++;
	if (fails(false)) {
		return SQLITE_IOERR_FSYNC;
	}
	return real(file)->pMethods->xSync(real(file), flags);
}

static int
shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int
shim_lock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xLock(real(file), lock);
}

static int
shim_unlock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xUnlock(real(file), lock);
}

static int
shim_reserved(sqlite3_file *file, int *ret)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int
shim_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int
shim_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int
shim_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int
shim_shm_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real(file)->pMethods->xShmMap(
	    real(file), page, size, extend, ret);
}

static int
shim_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), at, n, flags);
}

static void
shim_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int
shim_shm_unmap(sqlite3_file *file, int remove)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int
shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
    int *ret_flags)
{
	struct shim_file *f = (struct shim_file *)(void *)file;
	int rc;

	(void)vfs;
	f->base.pMethods = NULL;
	f->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
	f->real = (sqlite3_file *)(void *)(f + 1);
	rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
	if (f->real->pMethods != NULL) {
		f->base.pMethods = &shim_methods;
	}
	return rc;
}

void
shim_install(void)
{
	if (real_vfs != NULL) {
		return;
	}
	GK_ASSERT(sqlite3_initialize() == SQLITE_OK);
	real_vfs = sqlite3_vfs_find(NULL);
	GK_ASSERT(real_vfs != NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
	shim_vfs.xOpen = shim_open;
	GK_ASSERT(sqlite3_vfs_register(&shim_vfs, 1) == SQLITE_OK);
}

void
shim_arm(uint64_t fail_at, enum shim_fault fault, bool sticky)
{
	shim.fail_at = fail_at;
	shim.fault = fault;
	shim.sticky = sticky;
	shim.fired = false;
}

void
shim_disarm(void)
{
	shim.fail_at = 0;
}
