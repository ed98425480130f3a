/* Server-sent events: an answer that goes on until its client, its sign-in or the server ends. */
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "gate/live.h"
#include "http/exchange.h"

enum {
	TURN_LOOKS =
	    1024, /* streams that are looked at before others get a turn */
	TURN_WAKES = 64,       /* and of these woken */
	SWEEP_BEATS = 256,     /* heartbeats in one sweep */
	SEND_BYTES = 16 << 10, /* of the socket; the kernel doubles it */
	PIECE_BYTES = 4 << 10,
	RETRY_MS =
	    1000, /* when clients come again; spread over as much again twice */
};

#define BEAT_US  (15 * GK_US_PER_S)
#define LOOK_US  (5 * GK_US_PER_S)
#define STALL_US (20 * GK_US_PER_S)
#define LAST_US  (2 * GK_US_PER_S) /* the same while the server ends */

/* From any thread of the gate: every loop with streams looks at them. */
void
sse_news(void *ctx)
{
	struct http *http = ctx;

	for (unsigned i = 0; i < http->loop_count; i++) {
		struct loop *loop = &http->loops[i];

		if (atomic_load(&loop->stream_count) > 0 &&
		    !atomic_exchange(&loop->news, true)) {
			http__loop_wake(loop);
		}
	}
}

/* ---- the list of a loop's streams ---- */

static void
link_stream(struct exchange *ex)
{
	struct loop *loop = ex->conn->loop;

	ex->sse.prev = NULL;
	ex->sse.next = loop->streams;
	if (loop->streams != NULL) {
		loop->streams->sse.prev = ex;
	}
	loop->streams = ex;
	ex->sse.listed = true;
	(void)atomic_fetch_add(&loop->stream_count, 1);
}

void
sse_end(struct exchange *ex)
{
	struct loop *loop = ex->conn->loop;

	if (!ex->sse.listed) {
		return;
	}
	if (loop->stream_at == ex) {
		loop->stream_at = ex->sse.next;
	}
	if (ex->sse.prev != NULL) {
		ex->sse.prev->sse.next = ex->sse.next;
	} else {
		loop->streams = ex->sse.next;
	}
	if (ex->sse.next != NULL) {
		ex->sse.next->sse.prev = ex->sse.prev;
	}
	(void)atomic_fetch_sub(&loop->stream_count, 1);
	if (ex->conn->slow) {
		HTTP_COUNT(loop, streams_dropped, 1);
	}
	ex->sse = (struct sse){.listed = false};
}

/* ---- parked: nothing to say, the connection rests ---- */

static void
park(struct exchange *ex)
{
	ex->sse.parked = true;
	ex->conn->loop->parked++;
	http__conn_phase(ex->conn, CONN_CALL, 0);
	MHD_suspend_connection(ex->connection);
}

static void
unpark(struct exchange *ex)
{
	ex->sse.parked = false;
	ex->conn->loop->parked--;
	http__conn_phase(ex->conn, CONN_ANSWER,
	    ex->conn->loop->draining ? LAST_US : STALL_US);
	ex->conn->shard->due = true;
	MHD_resume_connection(ex->connection);
}

/* ---- what is said besides events ---- */

static enum gk_rc
say_where(struct exchange *ex)
{
	uint64_t seq;

	return live_id(&ex->call, &seq)
		   ? gk_buf_printf(
			 &ex->out, &ex->err, "id: %" PRIu64 "\n\n", seq)
		   : gk_buf_puts(&ex->out, ":\n\n", &ex->err);
}

/* First: where it is, so that who loses the connection at once comes back to here. */
static enum gk_rc
say_hello(struct exchange *ex)
{
	int64_t spread = ex->conn->loop->now_us % (INT64_C(2) * RETRY_MS);

	GK_TRY(gk_buf_printf(
	    &ex->out, &ex->err, "retry: %" PRId64 "\n", RETRY_MS + spread));
	return say_where(ex);
}

static enum gk_rc
say_bye(struct exchange *ex, const char *why)
{
	return gk_buf_printf(&ex->out, &ex->err,
	    "event: end\ndata: {\"reason\":\"%s\"}\n\n", why);
}

static const char *
over_because(const struct exchange *ex)
{
	return ex->conn->loop->draining ? "stopping" : ex->sse.over;
}

/* ---- the reader ---- */

/* Bytes of our own; 0: there are none. */
static size_t
copy_note(struct exchange *ex, char *buf, size_t max)
{
	size_t n = ex->out.len - ex->sent;

	n = n < max ? n : max;
	if (n > 0) {
		memcpy(buf, ex->out.bytes + ex->sent, n);
		ex->sent += n;
	}
	if (ex->sent == ex->out.len) {
		gk_buf_done(&ex->out);
		ex->sent = 0;
	}
	return n;
}

/* Older events: asked for, or there.  False: the connection rests until then. */
static bool
turn_page(struct exchange *ex)
{
	struct gate *gate = ex->conn->loop->http->gate;
	enum gate_step step = ex->waiting ? gate_finish(gate, &ex->call)
					  : gate_begin(gate, &ex->call);

	ex->waiting = step == GATE_QUEUED;
	if (ex->waiting) {
		exchange_suspend(ex);
		return false;
	}
	if (ex->call.outcome != GATE_OK) {
		gk_buf_done(&ex->call.reply);
		ex->sse.over = "unavailable";
	}
	return true;
}

/* The next bytes of the log; 0: look at *ret_again whether to ask once more. */
static size_t
copy_live(struct exchange *ex, char *buf, size_t max, bool *ret_again)
{
	struct gate *gate = ex->conn->loop->http->gate;
	size_t n;

	*ret_again = true;
	switch (live_copy(gate, &ex->call, buf, max, &n)) {
	case LIVE_BYTES:
		break;
	case LIVE_BEHIND:
		*ret_again = turn_page(ex);
		break;
	case LIVE_OVER:
		ex->sse.over = "until";
		break;
	case LIVE_NOTHING:
		*ret_again = ex->sse.beats && say_where(ex) == GK_OK;
		ex->sse.beats = false;
		if (!*ret_again) {
			park(ex);
		}
		break;
	}
	return n;
}

/* Everything that may be said now, in its order; 0: nothing, the connection rests. */
static size_t
copy_next(struct exchange *ex, char *buf, size_t max)
{
	bool again = true;
	size_t n = 0;

	while (n == 0 && again && !ex->sse.ended) {
		n = copy_note(ex, buf, max);
		if (n > 0) {
			return n;
		}
		if (ex->waiting) {
			again = turn_page(ex);
		} else if (over_because(ex) != NULL &&
			   !live_is_inside(&ex->call)) {
			(void)say_bye(ex, over_because(ex));
			n = copy_note(ex, buf, max);
			ex->sse.ended = true;
		} else {
			n = copy_live(ex, buf, max, &again);
		}
	}
	return n;
}

static ssize_t
sse_read(void *cls, uint64_t at, char *buf, size_t max)
{
	struct exchange *ex = cls;
	struct loop *loop = ex->conn->loop;
	size_t n;

	(void)at;
	n = copy_next(ex, buf, max);
	if (n == 0) {
		return ex->sse.ended ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	}
	ex->sse.sent_us = loop->now_us;
	http__conn_phase(
	    ex->conn, CONN_ANSWER, loop->draining ? LAST_US : STALL_US);
	HTTP_COUNT(loop, response_bytes, n);
	return (ssize_t)n;
}

/* ---- begin ---- */

/* It lives long: what was pinned for a request isn't kept for it. */
static bool
keep_caller(struct exchange *ex)
{
	struct auth *auth = &ex->auth;

	if (auth->is_local) {
		return true;
	}
	if (auth->is_session) {
		ex->sse.cookie = gk_arena_strndup(
		    &ex->arena, ex->head.cookie, ex->head.cookie_n);
		if (ex->sse.cookie == NULL) {
			return false;
		}
	}
	auth->caller = identity_copy(auth->caller, &ex->arena);
	gate_identities_unpin(auth->pinned);
	auth->pinned = NULL;
	return auth->caller != NULL;
}

bool
sse_begin(struct exchange *ex)
{
	if (ex->old) { /* where the end of a body can't be told */
		exchange_refuse(ex, MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED,
		    "http_version", "a stream needs HTTP/1.1");
		return false;
	}
	if (!keep_caller(ex)) {
		exchange_turn_away(ex, "busy", "memory ran out");
		return false;
	}
	return true;
}

enum MHD_Result
sse_answer(struct exchange *ex)
{
	int bytes = SEND_BYTES;

	if (!ex->is_head) {
		(void)setsockopt(
		    ex->conn->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		if (say_hello(ex) != GK_OK) {
			return MHD_NO;
		}
		link_stream(ex);
	}
	ex->sse.looked_us = ex->conn->loop->now_us;
	return answer_reader(ex, "text/event-stream", PIECE_BYTES, sse_read);
}

/* ---- what the loop does now and then ---- */

size_t
sse_turn(struct loop *loop)
{
	size_t looks = 0, wakes = 0;

	if (loop->stream_at == NULL && atomic_exchange(&loop->news, false)) {
		loop->stream_at = loop->streams;
	}
	while (loop->stream_at != NULL && looks++ < TURN_LOOKS &&
	       wakes < TURN_WAKES) {
		struct exchange *ex = loop->stream_at;

		loop->stream_at = ex->sse.next;
		if (ex->sse.parked &&
		    live_look(loop->http->gate, &ex->call) != LIVE_NOTHING) {
			unpark(ex);
			wakes++;
		}
	}
	return wakes + (loop->stream_at != NULL);
}

static bool
may_go_on(const struct exchange *ex)
{
	struct http *http = ex->conn->loop->http;

	return live_may_go_on(http->gate, &ex->call) &&
	       (ex->sse.cookie == NULL ||
		   sessions_lives(http->sessions, ex->sse.cookie,
		       strlen(ex->sse.cookie), ex->conn->loop->now_us));
}

/* Is there a reason to wake it? */
static bool
is_due(struct exchange *ex, size_t *beats)
{
	int64_t now = ex->conn->loop->now_us;

	if (now - ex->sse.looked_us >= LOOK_US) {
		ex->sse.looked_us = now;
		if (!exchange_alive(&ex->call)) {
			ex->sse.over = "gone";
		}
	}
	if (ex->sse.over == NULL && now - ex->sse.sent_us >= BEAT_US &&
	    *beats < SWEEP_BEATS) {
		++*beats;
		ex->sse.beats = true;
	}
	return ex->sse.over != NULL || ex->sse.beats;
}

void
sse_sweep(struct loop *loop)
{
	size_t beats = 0;

	for (struct exchange *ex = loop->streams; ex != NULL;
	     ex = ex->sse.next) {
		if (ex->sse.over == NULL && !may_go_on(ex)) {
			ex->sse.over = "signed_out";
		}
		if (ex->sse.parked && is_due(ex, &beats)) {
			unpark(ex);
		}
	}
}

void
sse_drain(struct loop *loop)
{
	for (struct exchange *ex = loop->streams; ex != NULL;
	     ex = ex->sse.next) {
		if (ex->sse.parked) {
			unpark(ex);
		} else if (!ex->waiting) {
			http__conn_phase(ex->conn, CONN_ANSWER, LAST_US);
		}
	}
}
