/* One request from its first header line to its answer's last byte. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "http/exchange.h"

#define EXCHANGE_SPARE_MAX 64
#define EXCHANGE_KEEP_BYTES \
	((size_t)64 * 1024) /* of a body buffer that is kept */
#define EXCHANGE_ARENA_BYTES ((size_t)64 * 1024)
#define EXCHANGE_OUT_BYTES   ((size_t)4 * 1024 * 1024)
#define EXCHANGE_RETRY_MS    1000

/* The gate's thread: hand the call back to its loop. */
static void
exchange_called(struct gate_call *call)
{
	struct exchange *ex = call->user;
	struct loop *loop = ex->conn->loop;
	struct exchange *first = atomic_load(&loop->done);

	do {
		ex->next = first;
	} while (!atomic_compare_exchange_weak(&loop->done, &first, ex));
	/* from here on ex may be gone; who found the list empty rings */
	if (first == NULL) {
		http__loop_wake(loop);
	}
}

bool
exchange_alive(struct gate_call *call)
{
	const struct exchange *ex = call->user;
	struct pollfd fd = {.fd = ex->conn->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) <= 0 ||
	       (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

size_t
exchange_resume(struct loop *loop)
{
	struct exchange *ex = atomic_exchange(&loop->done, NULL);
	size_t count = 0;

	while (ex != NULL) {
		struct exchange *next = ex->next;

		loop->calls--;
		count++;
		http__conn_phase(
		    ex->conn, CONN_ANSWER, loop->http->idle_timeout_us);
		ex->conn->shard->due = true;
		MHD_resume_connection(ex->connection);
		ex = next;
	}
	return count;
}

/*
 * Only this thread resumes, and only after the callback that we are in has
 * returned: so suspending after gate_begin() is as good as before, and calls
 * that end at once needn't be suspended at all.
 */
void
exchange_suspend(struct exchange *ex)
{
	ex->conn->loop->calls++;
	http__conn_phase(ex->conn, CONN_CALL, 0);
	MHD_suspend_connection(ex->connection);
}

static struct exchange *
exchange_new(struct loop *loop)
{
	struct exchange *ex = loop->spare;

	if (ex != NULL) {
		loop->spare = ex->next;
		loop->spare_count--;
	} else {
		ex = calloc(1, sizeof(*ex));
	}
	if (ex != NULL) {
		ex->arena.cap = EXCHANGE_ARENA_BYTES;
		ex->body.cap = ROUTE_MIB;
		ex->out.cap = EXCHANGE_OUT_BYTES;
	}
	return ex;
}

static void
exchange_free(struct exchange *ex)
{
	gk_buf_done(&ex->body);
	gk_buf_done(&ex->out);
	gk_arena_done(&ex->arena);
	free(ex);
}

static void
exchange_trim(struct gk_buf *buf)
{
	if (buf->room > EXCHANGE_KEEP_BYTES) {
		gk_buf_done(buf);
	}
	gk_buf_clear(buf);
}

/* Ready for the next request, or freed. */
static void
exchange_reuse(struct loop *loop, struct exchange *ex)
{
	struct gk_buf body, out;
	struct gk_arena arena;

	if (loop->spare_count >= EXCHANGE_SPARE_MAX) {
		exchange_free(ex);
		return;
	}
	exchange_trim(&ex->body);
	exchange_trim(&ex->out);
	gk_arena_clear(&ex->arena);
	body = ex->body;
	out = ex->out;
	arena = ex->arena;
	*ex = (struct exchange){.body = body, .out = out, .arena = arena};
	ex->next = loop->spare;
	loop->spare = ex;
	loop->spare_count++;
}

void
exchange_done(struct loop *loop)
{
	while (loop->spare != NULL) {
		struct exchange *next = loop->spare->next;

		exchange_free(loop->spare);
		loop->spare = next;
	}
	loop->spare_count = 0;
}

void *
exchange_target(
    void *cls, const char *target, struct MHD_Connection *connection)
{
	struct loop *loop = cls;
	struct exchange *ex = exchange_new(loop);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (ex == NULL) {
		return NULL; /* exchange_handle() hangs up */
	}
	GK_ASSERT(info != NULL && info->socket_context != NULL);
	ex->conn = info->socket_context;
	ex->connection = connection;
	loop->active++;
	if (target != NULL) {
		ex->target_n = strlen(target);
		ex->target = gk_arena_strdup(&ex->arena, target);
	}
	http__conn_phase(ex->conn, CONN_HEADER, loop->http->header_timeout_us);
	return ex;
}

void
exchange_completed(void *cls, struct MHD_Connection *connection,
    void **exchange, enum MHD_RequestTerminationCode why)
{
	struct loop *loop = cls;
	struct exchange *ex = *exchange;

	(void)connection;
	(void)why;
	if (ex == NULL) {
		return;
	}
	http__conn_phase(ex->conn, CONN_IDLE, loop->http->idle_timeout_us);
	sse_end(ex);
	if (ex->called) {
		gate_call_done(&ex->call);
	}
	if (ex->admitted) {
		(void)atomic_fetch_sub(&loop->http->in_flight, 1);
	}
	if (ex->streaming) {
		(void)atomic_fetch_sub(&loop->http->streams, 1);
	}
	json_freep(&ex->json);
	http__auth_done(&ex->auth);
	loop->active--;
	*exchange = NULL;
	exchange_reuse(loop, ex);
}

/* The first refusal stands. */
void
exchange_refuse(
    struct exchange *ex, int status, const char *code, const char *detail)
{
	if (ex->problem.status == 0) {
		ex->problem = (struct problem){
		    .status = status, .code = code, .detail = detail};
	}
}

void
exchange_turn_away(struct exchange *ex, const char *code, const char *detail)
{
	HTTP_COUNT(ex->conn->loop, turned_away, 1);
	exchange_refuse(ex, MHD_HTTP_SERVICE_UNAVAILABLE, code, detail);
	ex->problem.retry_after_ms = EXCHANGE_RETRY_MS;
}

/*
 * The header is there.  What is refused here is answered after its body has
 * been swallowed, so that the client reads the answer and can go on; unless
 * the body can't be trusted, is too long, or waits for a 100 Continue.
 */
static enum MHD_Result
exchange_head(struct exchange *ex, const char *url, const char *method,
    const char *version)
{
	bool body;

	ex->stage = EXCHANGE_BODY;
	check_head(ex, url, method, version);
	body = ex->head.chunked || ex->head.content_length > 0;
	if (ex->problem.status != 0 &&
	    (ex->close || (body && ex->head.expect) ||
		ex->head.content_length > ROUTE_MIB ||
		ex->problem.status == MHD_HTTP_CONTENT_TOO_LARGE)) {
		ex->close |= body;
		return answer_problem(ex);
	}
	if (body) {
		http__conn_phase(
		    ex->conn, CONN_BODY, ex->conn->loop->http->body_timeout_us);
	}
	return MHD_YES;
}

static void
exchange_parse(struct exchange *ex, const char *bytes, size_t n)
{
	struct json_limits limits = json_limits_request;
	enum gk_rc rc;

	limits.bytes = ex->route->cap_bytes;
	rc = json_parse(bytes, n, &limits, &ex->json, &ex->err);
	if (rc == GK_OK) {
		return;
	}
	if (rc == GK_E_NOMEM) {
		exchange_turn_away(ex, "busy", "memory ran out");
		return;
	}
	exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "invalid_json", ex->err.text);
	ex->problem.pointer = ex->err.where;
}

/*
 * Some bytes of the body.  Usually it comes in one piece and is read where it
 * lies.  False: more than anybody should send, hang up.
 */
static bool
exchange_upload(struct exchange *ex, const char *bytes, size_t n)
{
	bool whole = ex->received == 0 && !ex->head.chunked &&
		     n == ex->head.content_length && ex->route != NULL &&
		     ex->route->body != ROUTE_TEXT;

	ex->received += n;
	HTTP_COUNT(ex->conn->loop, request_bytes, n);
	if (ex->problem.status != 0) {
		return ex->received <= 2 * ROUTE_MIB;
	}
	GK_ASSERT(ex->route != NULL); /* without one it was refused */
	if (ex->received > ex->route->cap_bytes) {
		exchange_refuse(ex, MHD_HTTP_CONTENT_TOO_LARGE,
		    "body_too_large", "the body is larger than this takes");
	} else if (whole) {
		exchange_parse(ex, bytes, n);
	} else if (gk_buf_add(&ex->body, bytes, n, &ex->err) != GK_OK) {
		exchange_turn_away(ex, "busy", "memory ran out");
	}
	return true;
}

static const char *
exchange_type(const struct route *route)
{
	if ((route->flags & ROUTE_BYTES) != 0) {
		return ANSWER_BYTES;
	}
	return (route->flags & ROUTE_PLAIN) != 0 ? ANSWER_TEXT : ANSWER_JSON;
}

/* The gate has answered. */
static enum MHD_Result
exchange_finished(struct exchange *ex)
{
	struct gate_call *call = &ex->call;
	int status = problem_status(call->outcome);

	if (ex->route->id == ROUTE_ID_SLACK_ACTIONS) {
		return slack_finished(ex);
	}
	if (status < 300 && call->stream) {
		return answer_stream(ex, status);
	}
	if (status < 300 && (ex->route->flags & ROUTE_LIVE) != 0) {
		return sse_answer(ex);
	}
	if (status < 300 && (ex->route->flags & ROUTE_SESSION) != 0) {
		return pages_session(ex);
	}
	ex->problem.retry_after_ms = call->retry_after_ms;
	if (status < 300) {
		return answer_bytes(
		    ex, status, exchange_type(ex->route), &call->reply);
	}
	exchange_refuse(ex, status,
	    call->code == NULL ? "internal" : call->code, call->detail);
	ex->problem.retry_after_ms = call->retry_after_ms;
	ex->problem.pointer = call->pointer;
	ex->problem.members = gk_buf_text(&call->reply);
	return answer_problem(ex);
}

static enum MHD_Result
exchange_step(struct exchange *ex, enum gate_step step)
{
	if (step == GATE_QUEUED) {
		ex->stage = EXCHANGE_CALL;
		exchange_suspend(ex);
		return MHD_YES;
	}
	if (!ex->call.stream) {
		ex->admitted = false;
		(void)atomic_fetch_sub(&ex->conn->loop->http->in_flight, 1);
	}
	return exchange_finished(ex);
}

/* Room for one more call, and for one more stream if it is one? */
static bool
exchange_admit(struct exchange *ex, bool stream)
{
	struct http *http = ex->conn->loop->http;
	unsigned most =
	    http->max_in_flight +
	    (ex->route->flags & ROUTE_CONTROL ? http->reserved_connections : 0);

	ex->admitted = true;
	if (atomic_fetch_add(&http->in_flight, 1) >= most) {
		exchange_turn_away(ex, "busy", "too many calls are in flight");
		return false;
	}
	if (!stream) {
		return true;
	}
	ex->streaming = true;
	if (atomic_fetch_add(&http->streams, 1) >= http->max_streams) {
		exchange_refuse(ex, MHD_HTTP_TOO_MANY_REQUESTS,
		    "too_many_streams", "as many streams as may be are open");
		ex->problem.retry_after_ms = EXCHANGE_RETRY_MS;
		return false;
	}
	return true;
}

/* Page after page: asked for by Accept, or by a format that has no pages. */
static bool
exchange_streams(const struct exchange *ex)
{
	bool wanted = ex->head.ndjson;

	for (size_t i = 0; i < ex->uri.param_count; i++) {
		wanted |= strcmp(ex->uri.params[i].name, "format") == 0;
	}
	return wanted && (ex->route->flags & ROUTE_STREAM) != 0 && !ex->is_head;
}

static enum MHD_Result
exchange_call(struct exchange *ex)
{
	const struct route *route = ex->route;
	bool stream = exchange_streams(ex);

	if (stream && ex->old) { /* where the end of a body can't be told */
		exchange_refuse(ex, MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED,
		    "http_version", "a stream needs HTTP/1.1");
		return answer_problem(ex);
	}
	if ((route->flags & ROUTE_LIVE) != 0 && !sse_begin(ex)) {
		return answer_problem(ex);
	}
	if (!exchange_admit(ex, stream)) {
		return answer_problem(ex);
	}
	gate_call_init(
	    &ex->call, ex->verb != GATE_NONE ? ex->verb : route->verb);
	ex->called = true;
	ex->call.caller = ex->auth.caller;
	ex->call.local = ex->auth.is_local;
	ex->call.target = ex->id;
	ex->call.body = ex->json;
	ex->call.params = ex->uri.params;
	ex->call.param_count = ex->uri.param_count;
	if ((route->flags & ROUTE_WAIT) != 0 && ex->head.wait_s > 0) {
		ex->call.wait_us = ex->head.wait_s * GK_US_PER_S;
	}
	ex->call.traceparent = ex->head.traceparent;
	ex->call.after = ex->head.last_event_id;
	ex->call.stream = stream;
	ex->call.done = exchange_called;
	ex->call.alive = exchange_alive;
	ex->call.user = ex;
	return exchange_step(
	    ex, gate_begin(ex->conn->loop->http->gate, &ex->call));
}

static enum MHD_Result
exchange_livez(struct exchange *ex)
{
	struct gate *gate = ex->conn->loop->http->gate;
	bool failed = gate != NULL && gate_failed(gate);

	if (failed) {
		exchange_refuse(ex, MHD_HTTP_SERVICE_UNAVAILABLE, "failed",
		    "the journal has failed");
		return answer_problem(ex);
	}
	if (gk_buf_puts(&ex->out, "{\"status\":\"live\"}", &ex->err) != GK_OK) {
		return MHD_NO;
	}
	return answer_bytes(ex, MHD_HTTP_OK, ANSWER_JSON, &ex->out);
}

static enum MHD_Result
exchange_readyz(struct exchange *ex)
{
	struct gate *gate = ex->conn->loop->http->gate;
	const char *why = NULL;

	if (gate != NULL && !gate_ready(gate, &why)) {
		exchange_refuse(ex, MHD_HTTP_SERVICE_UNAVAILABLE, "not_ready",
		    why == NULL ? "not ready" : why);
		return answer_problem(ex);
	}
	if (gk_buf_puts(&ex->out, "{\"status\":\"ready\"}", &ex->err) !=
	    GK_OK) {
		return MHD_NO;
	}
	return answer_bytes(ex, MHD_HTTP_OK, ANSWER_JSON, &ex->out);
}

static enum MHD_Result
exchange_metrics_page(struct exchange *ex)
{
	struct http *http = ex->conn->loop->http;

	if (gate_metrics(http->gate, &ex->out, &ex->err) != GK_OK ||
	    http_metrics(http, &ex->out, &ex->err) != GK_OK ||
	    (http->metrics != NULL && http->metrics(http->metrics_ctx, &ex->out,
					  &ex->err) != GK_OK)) {
		exchange_refuse(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal",
		    "the metrics couldn't be printed");
		return answer_problem(ex);
	}
	return answer_bytes(ex, MHD_HTTP_OK, ANSWER_METRICS, &ex->out);
}

static enum MHD_Result
exchange_sign_in(struct exchange *ex)
{
	return pages_sign_in(ex) ? exchange_call(ex) : answer_problem(ex);
}

static enum MHD_Result
exchange_slack(struct exchange *ex)
{
	enum MHD_Result answered = MHD_NO;

	return slack_ask(ex, &answered) ? exchange_call(ex) : answered;
}

/* Routes that the gate alone doesn't answer. */
static enum MHD_Result (*const exchange_own[ROUTE_COUNT])(struct exchange *) = {
    [ROUTE_ID_ADD_CHECKPOINT] = cosign_answer,
    [ROUTE_ID_LIVEZ] = exchange_livez,
    [ROUTE_ID_READYZ] = exchange_readyz,
    [ROUTE_ID_METRICS] = exchange_metrics_page,
    [ROUTE_ID_CONSOLE] = pages_file,
    [ROUTE_ID_ASSET] = pages_file,
    [ROUTE_ID_CSP_REPORT] = reports_answer,
    [ROUTE_ID_SESSION_OPEN] = exchange_sign_in,
    [ROUTE_ID_SLACK_ACTIONS] = exchange_slack,
};

/* The request is whole. */
static enum MHD_Result
exchange_ask(struct exchange *ex)
{
	if (ex->problem.status == 0 && ex->received > 0 && ex->json == NULL &&
	    ex->route->body != ROUTE_TEXT) {
		exchange_parse(ex, gk_buf_text(&ex->body), ex->body.len);
	} else if (ex->problem.status == 0 && ex->received == 0 &&
		   (ex->route->body == ROUTE_REQUIRED ||
		       ex->route->body == ROUTE_TEXT)) {
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "body_missing",
		    "this needs a body"); /* chunked, and empty */
	}
	if (ex->problem.status != 0) {
		return answer_problem(ex);
	}
	return exchange_own[ex->route->id] == NULL
		   ? exchange_call(ex)
		   : exchange_own[ex->route->id](ex);
}

enum MHD_Result /* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's parameters */
exchange_handle(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_n, void **exchange)
{
	struct exchange *ex = *exchange;
	struct loop *loop = cls;

	(void)connection;
	if (ex == NULL) {
		return MHD_NO;
	}
	switch (ex->stage) {
	case EXCHANGE_HEAD:
		return exchange_head(ex, url, method, version);
	case EXCHANGE_BODY:
		if (*upload_n > 0) {
			size_t n = *upload_n;

			*upload_n = 0;
			return exchange_upload(ex, upload, n) ? MHD_YES
							      : MHD_NO;
		}
		return exchange_ask(ex);
	case EXCHANGE_CALL:
		return exchange_step(
		    ex, gate_finish(loop->http->gate, &ex->call));
	case EXCHANGE_ANSWERED:
		break;
	}
	return MHD_YES;
}
