#ifndef GK_TESTS_JOURNAL_DISK_NAMES_H
#define GK_TESTS_JOURNAL_DISK_NAMES_H
/* The names on the test's disk: which there are, and what a change makes of them. */

#include <stddef.h>

#include "disk.h"

enum { NAMES_MAX = 64, PATH_ROOM = 96 };

struct name {
	char path[PATH_ROOM];
	struct disk_node *node; /* NULL: a folder */
};

struct names {
	struct name name[NAMES_MAX];
	size_t count;
};

/* A change of names that isn't synced. */
struct entry {
	enum disk_op op; /* OPEN and MKDIR make, UNLINK, RENAME */
	char path[PATH_ROOM], to[PATH_ROOM];
	struct disk_node *node;
};

struct name *names_find(struct names *names, const char *path);
void names_put(struct names *names, const char *path, struct disk_node *node);
void names_apply(struct names *names, const struct entry *entry);

#endif
