#ifndef GK_OUT_SHIP_INTERNAL_H
#define GK_OUT_SHIP_INTERNAL_H
/* What the files of shipping share: a target, its batch, its door, how far it came. */

#include <stdatomic.h>

#include "gate/tail.h"
#include "out/ship.h"
#include "out/worker.h"

enum {
	SHIP_BATCH_BYTES = 1 << 20, /* a batch ends when it is as long */
	SHIP_PAGE_CAP = 8 << 20,    /* of a batch with its last event */
	SHIP_TARGETS_MAX = 3,
	SHIP_STATE_BYTES = 128,
};

/* One event in a batch's bytes; an AAT event may have two lines. */
struct ship_piece {
	size_t at, n;
	struct format_facts facts;
};

struct ship_batch {
	uint64_t first, next; /* events [first, next), what was let go apart */
	uint64_t expected; /* the next event's seq, unless some were let go */
	size_t count;
	struct gk_buf bytes;
	struct ship_piece *pieces;  /* count of them */
	char leaf[TAIL_LEAF_BYTES]; /* of the last one */
	int64_t first_us;           /* when the first one was recorded */
};

struct target;

/*
 * Where a batch goes.  send gives GK_OK when all of the batch has arrived as far
 * as the target can tell; any error: nothing is known, it comes again.
 * *ret_wait_us: don't come back before; 0: as you like.
 */
struct door {
	const char *name; /* "file", "syslog", "https" */
	enum gk_rc (*open)(
	    struct target *target, void **ret_inside, struct gk_err *err);
	enum gk_rc (*send)(struct target *target, void *inside,
	    const struct ship_batch *batch, int64_t *ret_wait_us,
	    struct gk_err *err);
	/* Before the next send: open anew. */
	void (*reopen)(void *inside);
	/* From another thread: what waits ends soon with an error; NULL: nothing waits. */
	void (*interrupt)(void *inside);
	void (*close)(void *inside);
};
extern const struct door door_file, door_syslog, door_https;

struct target {
	const struct ship_options *options; /* the ship's own copy */
	const struct door *door;
	enum format format;
	struct gate *gate;
	struct tail *tail;
	struct format_stream *stream;
	void *inside; /* the door's own */
	struct ship_batch batch;
	uint64_t next; /* the first event that isn't shipped */
	char leaf
	    [TAIL_LEAF_BYTES]; /* of the one before; "" when there is none */
	bool is_failing;       /* and was told */

	struct worker worker;
	atomic_bool reopen;

	/* told to /metrics */
	_Atomic uint64_t shipped, failures, skipped, acked;
	_Atomic int64_t oldest_us; /* of the batch under way; 0: none */
	atomic_bool up;
};

/* sender.c: the thread of a target. */
void *ship__send_main(void *arg);
/* Before the thread begins: is what was shipped still in the log? */
enum gk_rc ship__check_cursor(
    struct target *target, struct gk_err *err) GK_MUST_USE;

/*
 * cursor.c: how far a target came, durably.  load: *ret_found false where there
 * is no file; a file that isn't one is GK_E_CORRUPT.
 */
enum gk_rc cursor_load(const char *data_dir, const char *name,
    uint64_t *ret_next, char ret_leaf[TAIL_LEAF_BYTES], bool *ret_found,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc cursor_store(const char *data_dir, const char *name, uint64_t next,
    const char *leaf, struct gk_err *err) GK_MUST_USE;
/* Make <data_dir>/export, mode 700. */
enum gk_rc cursor_folder(const char *data_dir, struct gk_err *err) GK_MUST_USE;

/* door_syslog.c: one message, RFC 5424, for tests too. */
enum gk_rc syslog_print(const struct format_facts *facts, const char *host,
    long pid, const char *line, size_t n, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

#endif
