/* The policy folder: when a file was renamed into it and all is quiet again, the policy is loaded. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gate/gate_internal.h"

/* A reload that nobody asked for over the API. */
struct own_call {
	struct gate_call call;
	struct identity identity;
	char name[48];
};

static void
own_done(struct gate_call *call)
{
	struct own_call *own = call->user;

	gate_call_done(&own->call);
	free(own);
}

/* In the name of the folder's owner: whoever may write there decides the policy. */
static void
submit(struct gate *gate)
{
	struct own_call *own = calloc(1, sizeof(*own));
	struct stat folder;

	if (own == NULL || stat(gate->options.policy_dir, &folder) != 0) {
		free(own);
		return;
	}
	(void)snprintf(own->name, sizeof(own->name), "file-owner:%lu",
	    (unsigned long)folder.st_uid);
	own->identity.id = own->name;
	own->identity.kind = IDENTITY_SERVICE;
	gate_call_init(&own->call, GATE_POLICY_RELOAD);
	own->call.caller = &own->identity;
	own->call.local = true;
	own->call.done = own_done;
	own->call.user = own;
	if (gate_begin(gate, &own->call) == GATE_FINISHED) {
		own_done(&own->call);
	}
}

static bool
is_policy(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

/*
 * What the folder looks like from outside: names, inodes, sizes and times, in
 * an order that doesn't matter (sums of hashes).
 */
static void
look(const struct gate *gate, struct digest *ret)
{
	DIR *dir = opendir(gate->options.policy_dir);
	struct dirent *entry;

	memset(ret, 0, sizeof(*ret));
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone */
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct digest_part parts[2];
		struct digest one;
		struct stat file;
		struct {
			uint64_t inode, size, s, ns;
		} seen;

		if (!is_policy(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &file, 0) != 0) {
			continue;
		}
		seen.inode = file.st_ino;
		seen.size = (uint64_t)file.st_size;
		seen.s = (uint64_t)file.st_mtim.tv_sec;
		seen.ns = (uint64_t)file.st_mtim.tv_nsec;
		parts[0] = (struct digest_part){
		    entry->d_name, strlen(entry->d_name) + 1};
		parts[1] = (struct digest_part){&seen, sizeof(seen)};
		digest_sha256(parts, 2, &one);
		for (size_t i = 0; i < sizeof(one.bytes); i++) {
			ret->bytes[i] ^= one.bytes[i];
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
}

void
gate__watch_open(struct gate *gate)
{
	look(gate, &gate->watch_seen);
	gate->watch_taken = gate->watch_seen;
}

/* Two equal looks in a row: nobody is writing just now. */
void
gate__watch(struct gate *gate)
{
	struct digest now;

	look(gate, &now);
	if (memcmp(&now, &gate->watch_seen, sizeof(now)) == 0 &&
	    memcmp(&now, &gate->watch_taken, sizeof(now)) != 0) {
		gate->watch_taken = now;
		submit(gate);
	}
	gate->watch_seen = now;
}
