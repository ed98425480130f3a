/* Answers: their headers, problems, and streams that are fetched page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/exchange.h"

#define ANSWER_STREAM_PIECE ((size_t)32 * 1024)

/*
 * What a page of the console may do: load its own files, talk to its own server,
 * and nothing else, whatever an agent has written into a name or a comment.  What a
 * browser stopped, it reports: by report-uri, which all of them know and send at once.
 */
static const char *const answer_page_headers[][2] = {
    {"Content-Security-Policy",
	"default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; "
	"form-action 'none'; frame-ancestors 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'; "
	"report-uri /v1/csp-reports"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy",
	"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
};

static bool
answer_file_headers(
    const struct console_file *file, struct MHD_Response *response)
{
	bool ok = MHD_add_response_header(
		      response, MHD_HTTP_HEADER_ETAG, file->tag) == MHD_YES;

	for (size_t i = 0; i < GK_COUNT(answer_page_headers); i++) {
		ok &=
		    MHD_add_response_header(response, answer_page_headers[i][0],
			answer_page_headers[i][1]) == MHD_YES;
	}
	return ok;
}

/*
 * A tile never changes: whoever got it may keep it, and caches that others share
 * only what needs no token.  A checkpoint is asked for anew.
 */
static const char *
answer_cache(const struct exchange *ex, int status)
{
	unsigned flags = ex->route == NULL ? 0 : ex->route->flags;

	if (ex->file != NULL) {
		return "no-cache";
	}
	if (status != MHD_HTTP_OK ||
	    (flags & (ROUTE_BYTES | ROUTE_PUBLISHED)) == 0) {
		return "no-store";
	}
	if ((flags & ROUTE_BYTES) == 0) {
		return "no-cache";
	}
	return (flags & ROUTE_PUBLISHED) != 0 &&
		       gate_publishes_log(ex->conn->loop->http->gate)
		   ? "public, max-age=31536000, immutable"
		   : "private, max-age=31536000, immutable";
}

/* The headers that every answer has, and those that this one has. */
static bool
answer_headers(
    const struct exchange *ex, struct MHD_Response *response, int status)
{
	char text[48];
	bool ok =
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
		answer_cache(ex, status)) == MHD_YES &&
	    MHD_add_response_header(
		response, "X-Content-Type-Options", "nosniff") == MHD_YES;

	if (ex->file != NULL) {
		ok &= answer_file_headers(ex->file, response);
	}
	if (ex->set_cookie != NULL) {
		ok &=
		    MHD_add_response_header(response,
			MHD_HTTP_HEADER_SET_COOKIE, ex->set_cookie) == MHD_YES;
	}
	if (ex->close || ex->conn->loop->draining) {
		ok &= MHD_add_response_header(response,
			  MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
	}
	if (ex->problem.retry_after_ms > 0) {
		(void)snprintf(text, sizeof(text), "%" PRId64,
		    problem_retry_after_s(ex->problem.retry_after_ms));
		ok &= MHD_add_response_header(response,
			  MHD_HTTP_HEADER_RETRY_AFTER, text) == MHD_YES;
	}
	if (ex->problem.allow != NULL) {
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
			  ex->problem.allow) == MHD_YES;
	}
	if (status == MHD_HTTP_UNAUTHORIZED) {
		ok &= MHD_add_response_header(response,
			  MHD_HTTP_HEADER_WWW_AUTHENTICATE,
			  ex->head.authorization == NULL
			      ? "Bearer realm=\"gatekeeper\""
			      : "Bearer realm=\"gatekeeper\", "
				"error=\"invalid_token\"") == MHD_YES;
	}
	if (status == MHD_HTTP_OK && ex->call.wait_us > 0) {
		(void)snprintf(text, sizeof(text), "wait=%" PRId64,
		    ex->call.wait_us / GK_US_PER_S);
		ok &= MHD_add_response_header(
			  response, "Preference-Applied", text) == MHD_YES;
	}
	return ok;
}

static void
answer_count(struct exchange *ex, int status, size_t bytes)
{
	struct loop *loop = ex->conn->loop;
	size_t route = ex->route == NULL ? ROUTE_COUNT : ex->route->id;

	(void)atomic_fetch_add_explicit(
	    &loop->counts.answers[route][status / 100], 1,
	    memory_order_relaxed);
	HTTP_COUNT(loop, response_bytes, bytes);
}

/* Queue a response that is made; MHD_NO hangs up. */
static enum MHD_Result
answer_queue(struct exchange *ex, int status, const char *type,
    struct MHD_Response *response)
{
	enum MHD_Result rc = MHD_NO;

	if (response == NULL) {
		return MHD_NO;
	}
	if (MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    answer_headers(ex, response, status)) {
		rc = MHD_queue_response(
		    ex->connection, (unsigned)status, response);
	}
	MHD_destroy_response(response);
	ex->stage = EXCHANGE_ANSWERED;
	http__conn_phase(
	    ex->conn, CONN_ANSWER, ex->conn->loop->http->idle_timeout_us);
	return rc;
}

/* Answer with bytes that stay until the exchange is completed. */
enum MHD_Result
answer_bytes(
    struct exchange *ex, int status, const char *type, struct gk_buf *bytes)
{
	answer_count(ex, status, bytes->len);
	return answer_queue(ex, status, type,
	    MHD_create_response_from_buffer(
		bytes->len, bytes->bytes, MHD_RESPMEM_PERSISTENT));
}

enum MHD_Result
answer_file(struct exchange *ex, const struct console_file *file)
{
	bool known = head_has_tag(ex->head.if_none_match, file->tag);
	size_t n = known ? 0 : file->n;

	ex->file = file;
	answer_count(ex, MHD_HTTP_OK, n);
	return answer_queue(ex, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
	    file->type,
	    MHD_create_response_from_buffer(
		n, (void *)(uintptr_t)file->bytes, MHD_RESPMEM_PERSISTENT));
}

enum MHD_Result
answer_problem(struct exchange *ex)
{
	gk_buf_clear(&ex->out);
	if (problem_print(&ex->problem, &ex->out, &ex->err) != GK_OK) {
		return MHD_NO;
	}
	return answer_bytes(
	    ex, ex->problem.status, "application/problem+json", &ex->out);
}

/* Copy from a page; ask for the next one when it is used up. */
static ssize_t
answer_read(void *cls, uint64_t at, char *buf, size_t max)
{
	struct exchange *ex = cls;
	struct loop *loop = ex->conn->loop;
	size_t n;

	(void)at;
	http__conn_phase(ex->conn, CONN_ANSWER, loop->http->idle_timeout_us);
	while (
	    ex->waiting || (ex->sent == ex->call.reply.len && ex->call.more)) {
		enum gate_step step;

		if (ex->waiting) {
			step = gate_finish(loop->http->gate, &ex->call);
		} else {
			gk_buf_clear(&ex->call.reply);
			ex->sent = 0;
			step = gate_begin(loop->http->gate, &ex->call);
		}
		ex->waiting = step == GATE_QUEUED;
		if (ex->waiting) {
			exchange_suspend(ex);
			return 0;
		}
		if (ex->call.outcome != GATE_OK) {
			return MHD_CONTENT_READER_END_WITH_ERROR;
		}
	}
	n = ex->call.reply.len - ex->sent;
	if (n == 0) {
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = n < max ? n : max;
	memcpy(buf, ex->call.reply.bytes + ex->sent, n);
	ex->sent += n;
	HTTP_COUNT(loop, response_bytes, n);
	return (ssize_t)n;
}

enum MHD_Result
answer_reader(struct exchange *ex, const char *type, size_t piece,
    MHD_ContentReaderCallback read)
{
	answer_count(ex, MHD_HTTP_OK, 0);
	return answer_queue(ex, MHD_HTTP_OK, type,
	    MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, piece, read, ex, NULL));
}

enum MHD_Result
answer_stream(struct exchange *ex, int status)
{
	answer_count(ex, status, 0);
	return answer_queue(ex, status,
	    ex->call.media_type != NULL ? ex->call.media_type
					: "application/x-ndjson",
	    MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, ANSWER_STREAM_PIECE, answer_read, ex, NULL));
}
