/* A disk for tests: what is written and not synced can be lost when the power goes. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "disk.h"
#include "disk_names.h"

enum { ENTRIES_MAX = 256, SECTOR = 512 };

/* A write that isn't synced; or a cut, which has no bytes. */
struct change {
	struct change *next;
	bool cut;
	uint64_t at;
	size_t n;
	uint8_t bytes[];
};

struct disk_node {
	struct disk_node *next; /* of all */
	unsigned mode;
	uint8_t *bytes; /* synced */
	size_t size, room;
	struct change *first, **last;
};

static struct {
	bool on, dead, struck;
	char dir[PATH_MAX];
	struct disk_node *nodes;
	struct names live, durable;
	struct entry entry[ENTRIES_MAX];
	size_t entry_count;
	/* the fault */
	unsigned ops;
	uint64_t n, calls, seed, count[8];
	enum disk_fault fault, died_of;
	struct disk_story *story;
	size_t story_count, story_room;
	struct disk_story where;
} disk;

uint64_t
disk_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

/* ---- names ---- */

static void
entry_add(
    enum disk_op op, const char *path, const char *to, struct disk_node *node)
{
	struct entry *entry = &disk.entry[disk.entry_count++];

	GK_ASSERT(disk.entry_count < ENTRIES_MAX);
	*entry = (struct entry){.op = op, .node = node};
	(void)snprintf(entry->path, sizeof(entry->path), "%s", path);
	(void)snprintf(entry->to, sizeof(entry->to), "%s", to);
	names_apply(&disk.live, entry);
}

/* Is the folder the one that an entry lies in? */
static bool
lies_in(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	return strlen(folder) == n && strncmp(path, folder, n) == 0;
}

/* ---- files ---- */

static struct disk_node *
node_new(unsigned mode)
{
	struct disk_node *node = calloc(1, sizeof(*node));

	GK_ASSERT(node != NULL);
	node->mode = mode & 0777;
	node->last = &node->first;
	node->next = disk.nodes;
	disk.nodes = node;
	return node;
}

static void
node_forget_changes(struct disk_node *node)
{
	while (node->first != NULL) {
		struct change *change = node->first;

		node->first = change->next;
		free(change);
	}
	node->last = &node->first;
}

static void
node_grow(struct disk_node *node, size_t size)
{
	if (size > node->room) {
		node->room = size + size / 2 + 4096;
		node->bytes = realloc(node->bytes, node->room);
		GK_ASSERT(node->bytes != NULL);
	}
	if (size > node->size) {
		memset(node->bytes + node->size, 0, size - node->size);
		node->size = size;
	}
}

static void
node_put(struct disk_node *node, const uint8_t *bytes, size_t n, size_t at)
{
	if (n > 0) {
		node_grow(node, at + n);
		memcpy(node->bytes + at, bytes, n);
	}
}

static void
node_apply(struct disk_node *node, const struct change *change)
{
	if (!change->cut) {
		node_put(node, change->bytes, change->n, change->at);
	} else if (change->at <= node->size) {
		node->size = change->at;
	} else {
		node_grow(node, change->at);
	}
}

/* Some sectors of a write. */
static void
node_apply_torn(
    struct disk_node *node, const struct change *change, uint64_t *seed)
{
	size_t at = 0;

	while (at < change->n) {
		size_t n = SECTOR - (change->at + at) % SECTOR;

		n = n > change->n - at ? change->n - at : n;
		if (disk_random(seed) % 2 == 0) {
			node_put(node, change->bytes + at, n, change->at + at);
		}
		at += n;
	}
}

static void
node_load(const char *path, struct disk_node *node)
{
	FILE *file = fopen(path, "rb");
	uint8_t part[8192];
	size_t n;

	GK_ASSERT(file != NULL);
	while ((n = fread(part, 1, sizeof(part), file)) > 0) {
		node_put(node, part, n, node->size);
	}
	(void)fclose(file);
}

/* ---- what the two layers tell ---- */

const char *
disk__below(const char *path)
{
	size_t n = strlen(disk.dir);

	if (!disk.on || path == NULL || strncmp(path, disk.dir, n) != 0 ||
	    (path[n] != '/' && path[n] != '\0')) {
		return NULL;
	}
	return path[n] == '/' ? path + n + 1 : path + n;
}

struct disk_node *
disk__node(const char *path)
{
	struct name *name = names_find(&disk.live, path);

	return name == NULL ? NULL : name->node;
}

void
disk__made(const char *path, unsigned mode)
{
	entry_add(DISK_OPEN, path, "", node_new(mode));
}

void
disk__made_folder(const char *path)
{
	entry_add(DISK_MKDIR, path, "", NULL);
}

static void
change_add(
    struct disk_node *node, bool cut, const void *bytes, size_t n, uint64_t at)
{
	struct change *change = malloc(sizeof(*change) + n);

	GK_ASSERT(change != NULL);
	*change = (struct change){.cut = cut, .at = at, .n = n};
	if (n > 0) {
		memcpy(change->bytes, bytes, n);
	}
	*node->last = change;
	node->last = &change->next;
}

void
disk__wrote(struct disk_node *node, const void *bytes, size_t n, uint64_t at)
{
	if (node != NULL) {
		change_add(node, false, bytes, n, at);
	}
}

void
disk__cut(struct disk_node *node, uint64_t size)
{
	if (node != NULL) {
		change_add(node, true, NULL, 0, size);
	}
}

void
disk__synced(struct disk_node *node)
{
	if (node == NULL) {
		return;
	}
	for (struct change *at = node->first; at != NULL; at = at->next) {
		node_apply(node, at);
	}
	node_forget_changes(node);
}

void
disk__synced_folder(const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < disk.entry_count; i++) {
		if (lies_in(disk.entry[i].path, path)) {
			names_apply(&disk.durable, &disk.entry[i]);
		} else {
			disk.entry[kept++] = disk.entry[i];
		}
	}
	disk.entry_count = kept;
}

void
disk__synced_parent(const char *path)
{
	char folder[PATH_ROOM];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	*(slash == NULL ? folder : slash) = '\0';
	disk__synced_folder(folder);
}

void
disk__renamed(const char *from, const char *to)
{
	entry_add(DISK_RENAME, from, to, disk__node(from));
}

void
disk__unlinked(const char *path)
{
	entry_add(DISK_UNLINK, path, "", disk__node(path));
}

/* ---- the fault ---- */

static void
story_add(enum disk_op op, const char *path)
{
	struct disk_story *story;

	if (disk.story_count == disk.story_room) {
		disk.story_room = disk.story_room * 2 + 256;
		disk.story =
		    realloc(disk.story, disk.story_room * sizeof(*disk.story));
		GK_ASSERT(disk.story != NULL);
	}
	story = &disk.story[disk.story_count++];
	story->op = (uint8_t)op;
	(void)snprintf(story->path, sizeof(story->path), "%.46s", path);
}

static unsigned
op_index(unsigned op)
{
	return (unsigned)__builtin_ctz(op);
}

static int
strike(enum disk_op op, struct disk_node *node, bool *ret_half)
{
	switch (disk.fault) {
	case DISK_POWER:
	case DISK_KILL:
		disk.dead = true;
		disk.died_of = disk.fault;
		return EIO;
	case DISK_CLEAN:
		if (node != NULL) {
			node_forget_changes(node);
		}
		return EIO;
	case DISK_FULL:
		*ret_half = op == DISK_WRITE;
		return ENOSPC;
	case DISK_WELL:
	case DISK_EIO:
	case DISK_BROKEN:
	default:
		*ret_half = op == DISK_WRITE;
		return EIO;
	}
}

int
disk__ask(
    enum disk_op op, const char *path, struct disk_node *node, bool *ret_half)
{
	*ret_half = false;
	if (disk.dead) {
		return EIO;
	}
	disk.count[op_index(op)]++;
	story_add(op, path);
	if (disk.fault == DISK_WELL || (disk.ops & op) == 0 ||
	    ++disk.calls < disk.n ||
	    (disk.calls > disk.n && disk.fault != DISK_BROKEN)) {
		return 0;
	}
	if (!disk.struck) {
		disk.where = disk.story[disk.story_count - 1];
	}
	disk.struck = true;
	return strike(op, node, ret_half);
}

void
disk_arm(unsigned ops, uint64_t n, enum disk_fault fault, uint64_t seed)
{
	disk.ops = ops;
	disk.n = n;
	disk.fault = fault;
	disk.seed = seed;
	disk.calls = 0;
	disk.struck = false;
	memset(disk.count, 0, sizeof(disk.count));
}

void
disk_disarm(void)
{
	disk.fault = DISK_WELL;
}

bool
disk_is_dead(void)
{
	return disk.dead;
}

bool
disk_struck(void)
{
	return disk.struck;
}

const struct disk_story *
disk_where(void)
{
	return &disk.where;
}

uint64_t
disk_calls(unsigned ops)
{
	uint64_t sum = 0;

	for (unsigned op = DISK_OPEN; op < DISK_ANY; op *= 2) {
		sum += (ops & op) != 0 ? disk.count[op_index(op)] : 0;
	}
	return sum;
}

const struct disk_story *
disk_stories(size_t *ret_count)
{
	*ret_count = disk.story_count;
	return disk.story;
}

void
disk_die(enum disk_fault fault, uint64_t seed)
{
	if (!disk.dead) {
		disk.dead = true;
		disk.died_of = fault;
		disk.seed = seed;
	}
}

/* ---- the folder ---- */

static int
load_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *below = disk__below(path);

	(void)at;
	if (type == FTW_D && below[0] != '\0') {
		names_put(&disk.durable, below, NULL);
	} else if (type == FTW_F && strstr(below, "-shm") == NULL) {
		struct disk_node *node = node_new(st->st_mode);

		node_load(path, node);
		names_put(&disk.durable, below, node);
	}
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	return at->level == 0 ? 0 : remove(path);
}

/* Which of the unsynced reaches the disk?  All, none and everything between. */
static void
lose_changes(struct disk_node *node, uint64_t *seed)
{
	uint64_t percent = disk_random(seed) % 5 * 25;

	for (struct change *at = node->first; at != NULL; at = at->next) {
		uint64_t draw = disk_random(seed);

		if (draw % 100 >= percent) {
			continue;
		}
		if (draw / 128 % 4 == 0 && !at->cut) {
			node_apply_torn(node, at, seed);
		} else {
			node_apply(node, at);
		}
	}
	node_forget_changes(node);
}

static void
lose_entries(uint64_t *seed)
{
	uint64_t draw = disk_random(seed);
	size_t kept = draw % 3 == 0 ? 0
		      : draw % 3 == 1
			  ? disk.entry_count
			  : (size_t)(draw / 8) % (disk.entry_count + 1);

	for (size_t i = 0; i < kept; i++) {
		names_apply(&disk.durable, &disk.entry[i]);
	}
	disk.entry_count = 0;
}

static void
write_out(const struct name *name)
{
	char path[PATH_MAX + PATH_ROOM];
	const struct disk_node *node = name->node;
	size_t done = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", disk.dir, name->path);
	if (node == NULL) {
		(void)mkdir(path, 0700);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, node->mode);
	if (fd < 0) {
		GK_ASSERT(errno == ENOENT); /* its folder is lost */
		return;
	}
	while (done < node->size) {
		ssize_t n = write(fd, node->bytes + done, node->size - done);

		GK_ASSERT(n > 0);
		done += (size_t)n;
	}
	(void)close(fd);
}

/* Folders first, each before those in it; one whose own folder is lost is lost with it. */
static void
folder_become_disk(void)
{
	enum { DEEPEST = 3 };

	disk.on = false; /* our own calls aren't the program's */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread */
	GK_ASSERT(nftw(disk.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
	for (int pass = 0; pass <= DEEPEST; pass++) {
		for (size_t i = 0; i < disk.durable.count; i++) {
			const struct name *name = &disk.durable.name[i];

			if ((name->node != NULL) == (pass == DEEPEST)) {
				write_out(name);
			}
		}
	}
	disk.on = true;
}

void
disk_restore(void)
{
	if (disk.dead && disk.died_of == DISK_POWER) {
		char dir[PATH_MAX];

		for (struct disk_node *at = disk.nodes; at != NULL;
		     at = at->next) {
			lose_changes(at, &disk.seed);
		}
		lose_entries(&disk.seed);
		folder_become_disk();
		(void)snprintf(dir, sizeof(dir), "%s", disk.dir);
		disk_start(dir);
	}
	disk.dead = false;
	disk_disarm();
}

void
disk_stop(void)
{
	disk.on = false;
	disk.dead = false;
	while (disk.nodes != NULL) {
		struct disk_node *node = disk.nodes;

		disk.nodes = node->next;
		node_forget_changes(node);
		free(node->bytes);
		free(node);
	}
	free(disk.story);
	disk.story = NULL;
	disk.story_count = disk.story_room = 0;
	disk.live.count = disk.durable.count = disk.entry_count = 0;
}

void
disk_start(const char *dir)
{
	char real[PATH_MAX];

	GK_ASSERT(realpath(dir, real) != NULL);
	disk_stop();
	(void)snprintf(disk.dir, sizeof(disk.dir), "%s", real);
	disk.on = true;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread */
	GK_ASSERT(nftw(disk.dir, load_one, 16, FTW_PHYS) == 0);
	disk.live = disk.durable;
	disk_arm(0, 0, DISK_WELL, 0);
}
