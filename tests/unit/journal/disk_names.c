/* The names on the test's disk: which there are, and what a change makes of them. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "disk_names.h"

struct name *
names_find(struct names *names, const char *path)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->name[i].path, path) == 0) {
			return &names->name[i];
		}
	}
	return NULL;
}

void
names_put(struct names *names, const char *path, struct disk_node *node)
{
	struct name *name = names_find(names, path);

	if (name == NULL) {
		GK_ASSERT(names->count < NAMES_MAX);
		name = &names->name[names->count++];
		(void)snprintf(name->path, sizeof(name->path), "%s", path);
	}
	name->node = node;
}

static void
names_drop(struct names *names, const char *path)
{
	struct name *name = names_find(names, path);

	if (name != NULL) {
		*name = names->name[--names->count];
	}
}

void
names_apply(struct names *names, const struct entry *entry)
{
	if (entry->op == DISK_RENAME || entry->op == DISK_UNLINK) {
		names_drop(names, entry->path);
	}
	if (entry->op == DISK_RENAME) {
		names_put(names, entry->to, entry->node);
	}
	if (entry->op == DISK_OPEN || entry->op == DISK_MKDIR) {
		names_put(names, entry->path, entry->node);
	}
}
