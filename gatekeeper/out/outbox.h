#ifndef GK_OUT_OUTBOX_H
#define GK_OUT_OUTBOX_H
/* What one target of notifications hasn't been told yet: how far the log was looked at, what waits, what was given up. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "gate/tail.h"

/*
 * The log is the outbox: an event that is to be told lies there already.  This
 * is what the log can't say: up to where it was looked at, which of the events
 * before that still wait, and which were given up.  All of it is one small
 * file, replaced as a whole, so that after a kill at any moment an event is
 * before the mark, or waiting, or behind the mark.
 */
enum {
	OUTBOX_WAITING_MAX = 1000, /* then the mark stays where it is */
	OUTBOX_DEAD_MAX = 1000,    /* then what waits goes on waiting */
	OUTBOX_ERROR_BYTES = 160,
	OUTBOX_NAME_BYTES = 33,
	OUTBOX_FILE_BYTES = 1 << 20,
};

struct outbox_letter {
	uint64_t seq;
	int64_t first_us; /* ledger time of the first try; 0: none yet */
	int64_t next_us;  /* not before; of a dead one: when it was given up */
	unsigned tries;
	char error[OUTBOX_ERROR_BYTES]; /* of the last try; one line */
};

struct outbox_list {
	struct outbox_letter *letters; /* owned; by seq */
	size_t count, room;
};

/* Embedded; zeroed is empty; ended with outbox_done(). */
struct outbox {
	uint64_t next;              /* the first event that wasn't looked at */
	char leaf[TAIL_LEAF_BYTES]; /* of the one before; "": there is none */
	struct outbox_list waiting, dead;
};

void outbox_done(struct outbox *outbox);

/* One more waits.  Errors: GK_E_LIMIT (as many as may), GK_E_NOMEM. */
enum gk_rc outbox_add(
    struct outbox *outbox, uint64_t seq, struct gk_err *err) GK_MUST_USE;
bool outbox_full(const struct outbox *outbox);

/* The one that should be tried first; NULL: none waits. */
struct outbox_letter *outbox_first(const struct outbox *outbox);

/* It has arrived, or can't be told any more. */
void outbox_remove(struct outbox *outbox, uint64_t seq);

/* Give it up at that time; false: there is no room, it goes on waiting. */
bool outbox_give_up(struct outbox *outbox, uint64_t seq, int64_t now_us);

/* Let a dead one, or all (seq UINT64_MAX), wait again; gives how many did. */
size_t outbox_retry(struct outbox *outbox, uint64_t seq);

/*
 * How long to wait after so many tries in a row that failed: from a second on,
 * doubled, at most max_us; of that, random (0 to UINT32_MAX) takes away up to a half.
 */
int64_t outbox_backoff_us(unsigned tries, int64_t max_us, uint32_t random);

/* Append the file's text; read it back.  Errors of parse: GK_E_CORRUPT, GK_E_LIMIT, GK_E_NOMEM. */
enum gk_rc outbox_print(const struct outbox *outbox, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc outbox_parse(const char *text, size_t n, struct outbox *ret,
    struct gk_err *err) GK_MUST_USE;

/* <data_dir>/notify/<name>.outbox; load makes the folder.  *ret_found false: no file.  Store what was printed. */
enum gk_rc outbox_load(const char *data_dir, const char *name,
    struct outbox *ret, bool *ret_found, struct gk_err *err) GK_MUST_USE;
enum gk_rc outbox_store(const char *data_dir, const char *name,
    const struct gk_buf *text, struct gk_err *err) GK_MUST_USE;

#endif
