#ifndef GK_GATE_TAIL_H
#define GK_GATE_TAIL_H
/* The log read in order by a thread of its own: what ships events reads them here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct gate;

/* A read-only connection of its own.  One thread owns it. */
struct tail;

/*
 * Open; between gate_start() and gate_stop().  Records an access event "ship.<name>", once.
 * Gives *ret_tail, ended with tail_close() before gate_close().
 * Errors: GK_E_IO, GK_E_BUSY (the gate takes no calls), GK_E_NOMEM.
 */
enum gk_rc tail_open(struct gate *gate, const char *name,
    struct tail **ret_tail, struct gk_err *err) GK_MUST_USE;
void tail_close(struct tail *tail);

/* One event: row is what the API shows of it (borrowed); leaf its hash in hex. */
struct tail_event {
	uint64_t seq;
	const char *row;
	size_t row_n;
	const char *leaf;
};

/*
 * Call each for up to limit events from seq from on, in one read transaction;
 * also after gate_stop().  each sets *stop to end after this one.  Shown values
 * that are still open are in the rows where openings is set.  Events that were
 * let go are passed over.  *ret_next is where to go on.
 * Errors: each's, GK_E_IO, GK_E_CORRUPT, GK_E_NOMEM.
 */
enum gk_rc tail_read(struct tail *tail, uint64_t from, size_t limit,
    bool openings,
    enum gk_rc (*each)(void *ctx, const struct tail_event *event, bool *stop,
	struct gk_err *err),
    void *ctx, uint64_t *ret_next, struct gk_err *err) GK_MUST_USE;

/* The leaf hash of an event in hex; false: it isn't there (any more). */
#define TAIL_LEAF_BYTES 65
enum gk_rc tail_leaf(struct tail *tail, uint64_t seq,
    char ret_hex[TAIL_LEAF_BYTES], bool *ret_found,
    struct gk_err *err) GK_MUST_USE;

/* From any thread: how many events are committed; ledger time. */
uint64_t tail_size(const struct gate *gate);
int64_t tail_now(const struct gate *gate);

#endif
