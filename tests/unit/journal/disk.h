#ifndef GK_TESTS_JOURNAL_DISK_H
#define GK_TESTS_JOURNAL_DISK_H
/*
 * A disk for tests: what is written and not synced can be lost when the power goes.
 *
 * One folder is the disk.  All that a program does to it passes through here: SQLite's
 * files by a VFS (disk_vfs.c), the others by wrapped calls (disk_files.c).  The folder
 * itself plays the page cache; what is really on the disk is kept in memory: of each
 * file the bytes that were synced, the writes since, in order, and the same for
 * folders, whose entries last when the folder was synced.  A name isn't made to
 * last by syncing its file; the folder's own sync does that.
 *
 * When the power goes, of each file's unsynced writes a random subset reaches the disk,
 * some by halves (whole sectors of 512 bytes); of the changes of names a random number of
 * the first ones.  From then on every call fails, until disk_restore() makes the
 * folder what is on the disk.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_op {
	DISK_OPEN = 1,
	DISK_WRITE = 2,
	DISK_CUT = 4, /* ftruncate */
	DISK_SYNC = 8,
	DISK_RENAME = 16,
	DISK_UNLINK = 32,
	DISK_MKDIR = 64,
	DISK_ANY = 127,
};

enum disk_fault {
	DISK_WELL = 0,
	DISK_POWER, /* the power goes before the call does anything */
	DISK_KILL,  /* the process dies there: what was written stays written */
	DISK_EIO,   /* that call alone fails; half of a write is done */
	DISK_FULL, /* that call alone finds no space; half of a write is done */
	DISK_BROKEN, /* that call and all that follow fail with EIO */
	DISK_CLEAN, /* a sync that fails once, whose pages are forgotten: never written unless written anew */
};

struct disk_story {
	uint8_t op;
	char path[47]; /* below the folder */
};

/* SQLite's default VFS from here on, for this process. */
void disk_install(void);
/* What lies in the folder now is what is on the disk, all of it. */
void disk_start(const char *dir);
void disk_stop(void);
/* The n-th call (from 1) of those kinds, from now on, meets the fault. */
void disk_arm(unsigned ops, uint64_t n, enum disk_fault fault, uint64_t seed);
void disk_disarm(void);
bool disk_struck(void);
bool disk_is_dead(void);
/* Where it struck. */
const struct disk_story *disk_where(void);
/* Calls of those kinds since disk_arm() or disk_start(). */
uint64_t disk_calls(unsigned ops);
/* Each call since disk_start(), in order. */
const struct disk_story *disk_stories(size_t *ret_count);
/* The power goes now; or, the process is dead. */
void disk_die(enum disk_fault fault, uint64_t seed);
/* Let calls through again; after DISK_POWER the folder has become what is on the disk. */
void disk_restore(void);

/* Random numbers from a seed, the same everywhere. */
uint64_t disk_random(uint64_t *seed);

/* Between disk.c and the two that bring it its calls. */
struct disk_node;
/* May the call go on?  0, or the errno it fails with.  *ret_half: a write shall do half of its work. */
int disk__ask(
    enum disk_op op, const char *path, struct disk_node *node, bool *ret_half);
/* Where a path lies below the folder; NULL: elsewhere. */
const char *disk__below(const char *path);
struct disk_node *disk__node(const char *path);
void disk__made(const char *path, unsigned mode);
void disk__made_folder(const char *path);
void disk__wrote(
    struct disk_node *node, const void *bytes, size_t n, uint64_t at);
void disk__cut(struct disk_node *node, uint64_t size);
void disk__synced(struct disk_node *node);
void disk__synced_folder(const char *path); /* "" is the folder itself */
void disk__synced_parent(const char *path); /* the folder that it lies in */
void disk__renamed(const char *from, const char *to);
void disk__unlinked(const char *path);

#endif
