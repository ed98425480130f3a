#ifndef GK_GATE_LIVE_H
#define GK_GATE_LIVE_H
/* Live events: what whoever holds a GATE_EVENT_STREAM call asks for its bytes, in the form of server-sent events. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;
struct gate_call;

/*
 * A stream begins with gate_begin() like any call.  When that is finished with
 * GATE_OK, live_copy() gives bytes until it says something else.  All calls of one
 * stream are made by one thread at a time.
 */
enum live_state {
	LIVE_NOTHING, /* nothing new: look again at the next news */
	LIVE_BYTES,
	LIVE_BEHIND, /* gate_begin() again: older events come from the store */
	LIVE_OVER,   /* `until` has passed, and all before it was given */
};

/* Copy at most max bytes; *ret_n how many (LIVE_BYTES), else 0. */
enum live_state live_copy(struct gate *gate, struct gate_call *call, char *buf,
    size_t max, size_t *ret_n);

/* The same question without copying. */
enum live_state live_look(struct gate *gate, struct gate_call *call);

/* Is an event begun and not wholly given?  Then nothing else may be said. */
bool live_is_inside(const struct gate_call *call);

/* The last event that the stream has passed, given or not wanted; false: it is at the log's beginning. */
bool live_id(const struct gate_call *call, uint64_t *ret_seq);

/* Is the caller, whose identity was pinned at the stream's begin, still who it was? */
bool live_may_go_on(struct gate *gate, const struct gate_call *call);

/*
 * Called, from a thread of the gate, when live_look() may say something new.  Set once,
 * before any stream begins; must not block.
 */
void live_on_news(struct gate *gate, void (*news)(void *ctx), void *ctx);

#endif
