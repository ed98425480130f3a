/* Free space: when new allows must stop, and the reserve that lets what closes still fit. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gate/gate_internal.h"

enum {
	PATH_BYTES = 4096,
	RESERVE_PART =
	    4, /* less than this part of the reserve is free: it is released */
};

static bool
reserve_path(const struct gate *gate, char ret[PATH_BYTES])
{
	int n = snprintf(ret, PATH_BYTES, "%s/reserve", gate->options.data_dir);

	return n > 0 && n < PATH_BYTES;
}

/* Take the reserve where there is room; without it everything goes on. */
static void
reserve_take(struct gate *gate)
{
	char path[PATH_BYTES];
	int fd, why;

	if (gate->reserve >= 0 || gate->options.reserve_bytes == 0 ||
	    !reserve_path(gate, path)) {
		return;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		gate__alert(
		    gate, "reserve", "%s: %s", path, strerrordesc_np(errno));
		return;
	}
	why = posix_fallocate(fd, 0, (off_t)gate->options.reserve_bytes);
	if (why != 0) {
		(void)!ftruncate(fd, 0); /* best effort: it is to be empty */
		(void)close(fd);
		gate__alert(
		    gate, "reserve", "%s: %s", path, strerrordesc_np(why));
		return;
	}
	gate->reserve = fd;
}

static void
reserve_release(struct gate *gate)
{
	if (gate->reserve < 0) {
		return;
	}
	if (ftruncate(gate->reserve, 0) != 0) {
		gate__alert(gate, "reserve", "%s", strerrordesc_np(errno));
	}
	(void)close(gate->reserve);
	gate->reserve = -1;
}

/*
 * A start finds the reserve of the process before: hold it, or give it away at
 * once where nothing else is free, for the start itself has to write.
 */
void
gate__space_start(struct gate *gate)
{
	char path[PATH_BYTES];
	struct statvfs fs;
	struct stat st;

	if (gate->options.reserve_bytes == 0 || !reserve_path(gate, path)) {
		return;
	}
	gate->reserve = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (gate->reserve < 0) {
		return;
	}
	if (fstat(gate->reserve, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)gate->options.reserve_bytes) {
		(void)close(
		    gate->reserve); /* not whole: taken again when there is room */
		gate->reserve = -1;
	} else if (fstatvfs(gate->reserve, &fs) == 0 &&
		   (uint64_t)fs.f_bavail * fs.f_frsize <
		       gate->options.reserve_bytes / RESERVE_PART) {
		reserve_release(gate);
	}
}

/* What can be told of the disk, by the word of its gap events. */
static const struct {
	const char *what, *begins, *ends;
} tales[GATE_SPACE_COUNT] = {
    [GATE_SPACE_WARN] = {"space_warn", "it is time to make room",
	"enough again"},
    [GATE_SPACE_STOP] = {"space", "new allows are stopped", "decisions go on"},
    [GATE_SPACE_RESERVE] = {"space_reserve",
	"the reserve is given to the journal",
	"the reserve is set aside again"},
};

/* An event at its beginning, and one at its end with how many seconds it lasted, at least one: by that the two differ. */
static enum gk_rc
tell(struct gate *gate, enum gate_space which, bool begins, uint64_t free_bytes,
    struct gk_err *err)
{
	int64_t now = gate__now(gate);
	struct gate_space_state *state = &gate->space[which];
	int64_t lasted_s = (now - state->since_us) / GK_US_PER_S;
	char text[96];
	struct event_gap gap = {.what = tales[which].what,
	    .since_us = begins ? now : state->since_us,
	    .count = begins         ? 0
		     : lasted_s > 0 ? lasted_s
				    : 1};
	struct event event = {
	    .kind = EVENT_GAP, .caller = "gatekeeper", .gap = &gap};

	if (begins == state->is) {
		return GK_OK;
	}
	state->since_us = now;
	state->is = begins;
	(void)snprintf(text, sizeof(text), "%s%s", tales[which].what,
	    begins ? "" : "_again");
	gate__alert(gate, text, "%llu bytes are free: %s",
	    (unsigned long long)free_bytes,
	    begins ? tales[which].begins : tales[which].ends);
	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

enum gk_rc
gate__space_watch(struct gate *gate, struct gk_err *err)
{
	const struct gate_options *options = &gate->options;
	uint64_t reserve = options->reserve_bytes;
	uint64_t stop = options->space_stop_bytes, bytes;
	bool held = gate->reserve >= 0;

	gate->space_bytes = 0;
	GK_TRY(journal_free_bytes(gate->journal, &bytes, err));
	if (bytes < reserve / RESERVE_PART) {
		reserve_release(gate);
	} else if (bytes > stop + 3 * reserve) {
		reserve_take(gate);
	}
	atomic_store(&gate->no_space, bytes < stop);
	metrics_set(&gate->metrics.free_bytes, bytes);
	metrics_set(
	    &gate->metrics.space_low, bytes < options->space_warn_bytes);
	metrics_set(&gate->metrics.space_full, bytes < stop);
	metrics_set(
	    &gate->metrics.reserve_bytes, gate->reserve >= 0 ? reserve : 0);
	GK_TRY(tell(gate, GATE_SPACE_WARN, bytes < options->space_warn_bytes,
	    bytes, err));
	GK_TRY(tell(gate, GATE_SPACE_STOP, bytes < stop, bytes, err));
	if (held || gate->space[GATE_SPACE_RESERVE].is) {
		GK_TRY(tell(
		    gate, GATE_SPACE_RESERVE, gate->reserve < 0, bytes, err));
	}
	return GK_OK;
}

/* The file stays: the next start finds the room taken. */
void
gate__space_close(struct gate *gate)
{
	if (gate->reserve >= 0) {
		(void)close(gate->reserve);
		gate->reserve = -1;
	}
}
