#ifndef GK_HTTP_EXCHANGE_H
#define GK_HTTP_EXCHANGE_H
/* One request and its answer: libmicrohttpd's callbacks on one side, a gate call on the other. */

#include <microhttpd.h>

#include "http/console.h"
#include "http/head.h"
#include "http/http_internal.h"
#include "http/slack_request.h"
#include "http/uri.h"

enum exchange_stage {
	EXCHANGE_HEAD, /* the header is being received */
	EXCHANGE_BODY, /* the header is judged, the body is awaited */
	EXCHANGE_CALL, /* with the gate; the connection is suspended */
	EXCHANGE_ANSWERED,
};

/* A stream of events; sse.c. */
struct sse {
	struct exchange *prev, *next; /* in loop->streams */
	bool listed;
	bool parked;        /* suspended until there is news */
	bool beats;         /* a heartbeat is due */
	bool ended;         /* the last byte was given */
	const char *over;   /* why it ends; NULL: it goes on */
	const char *cookie; /* in arena; of the session; NULL: none */
	int64_t sent_us, looked_us;
};

/* Reused from one request to the next; all that a request needs is in it. */
struct exchange {
	struct exchange *next; /* in loop->done or loop->spare */
	struct conn *conn;
	struct MHD_Connection *connection;
	enum exchange_stage stage;
	char *target; /* in arena */
	size_t target_n;
	const struct route *route; /* NULL: none */
	char *id;                  /* behind {id}, decoded; NULL: none */
	struct head head;
	struct uri uri;
	struct auth auth;
	struct problem problem; /* status 0: none so far */
	char allow[ROUTES_ALLOW_BYTES];
	bool close; /* answer at once, and no further request */
	bool old;   /* HTTP/1.0 */
	bool is_head;
	uint64_t received; /* bytes of body */
	struct gk_buf body;
	struct json_value *json;
	struct gk_err err;
	struct gk_arena arena;
	struct gk_buf out; /* an answer of our own */
	struct gate_call call;
	bool called;                     /* call is initialised */
	bool admitted;                   /* counted in http->in_flight */
	bool streaming;                  /* counted in http->streams */
	bool waiting;                    /* stream: a page was asked for */
	size_t sent;                     /* stream: of the page */
	const char *set_cookie;          /* in arena; NULL: none */
	const struct console_file *file; /* the answer is this one; NULL: no */
	struct sse sse;
	enum gate_verb verb;      /* GATE_NONE: the route's own */
	struct slack_press press; /* of a route of Slack's */
};

/*
 * All run in the thread of the connection's loop, cls is the loop.  The request
 * line has come (gives the exchange), the request goes on, it is over.
 */
void *exchange_target(
    void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **exchange);
void exchange_completed(void *cls, struct MHD_Connection *connection,
    void **exchange, enum MHD_RequestTerminationCode why);

/* Resume all connections whose calls are done; how many. */
size_t exchange_resume(struct loop *loop);

/* Free the finished ones that were kept for reuse. */
void exchange_done(struct loop *loop);

/* The first refusal stands.  Keeps code and detail until the end. */
void exchange_refuse(
    struct exchange *ex, int status, const char *code, const char *detail);
/* Refuse with 503 because a limit is reached. */
void exchange_turn_away(
    struct exchange *ex, const char *code, const char *detail);
/* Any thread, while the connection is suspended: has the client hung up? */
bool exchange_alive(struct gate_call *call);
/* The gate has the call: the connection rests until it is done. */
void exchange_suspend(struct exchange *ex);

/* check.c: what the header alone says; refuses, or fills in route, id and caller. */
void check_head(struct exchange *ex, const char *url, const char *method,
    const char *version);

/*
 * pages.c: what browsers ask for.  A file; is the body a token that signs in (false:
 * refused); the answer to a call about sessions.
 */
enum MHD_Result pages_file(struct exchange *ex);
bool pages_sign_in(struct exchange *ex);
enum MHD_Result pages_session(struct exchange *ex);

/*
 * answer.c: queue an answer.  MHD_NO hangs up.  bytes stay until the exchange
 * is completed.
 */
#define ANSWER_JSON    "application/json"
#define ANSWER_TEXT    "text/plain; charset=utf-8"
#define ANSWER_BYTES   "application/octet-stream"
#define ANSWER_METRICS "text/plain; version=0.0.4; charset=utf-8"
enum MHD_Result answer_bytes(
    struct exchange *ex, int status, const char *type, struct gk_buf *bytes);
enum MHD_Result answer_problem(struct exchange *ex);
/* cosign.c: the whole body is for the witness. */
enum MHD_Result cosign_answer(struct exchange *ex);
/*
 * slack.c: a press of a button.  ask: false: answered; else verb, id and caller are set
 * for the call, whose end is told by finished.
 */
bool slack_ask(struct exchange *ex, enum MHD_Result *ret_answered);
enum MHD_Result slack_finished(struct exchange *ex);
/* reports.c: the body is what a browser reports; counted, and forgotten. */
enum MHD_Result reports_answer(struct exchange *ex);
/* A file of the console; 304 where the client has it. */
enum MHD_Result answer_file(
    struct exchange *ex, const struct console_file *file);
/* The call's reply as NDJSON, and page after page of more. */
enum MHD_Result answer_stream(struct exchange *ex, int status);

/* Bytes that a reader gives, as they come. */
enum MHD_Result answer_reader(struct exchange *ex, const char *type,
    size_t piece, MHD_ContentReaderCallback read);

/*
 * sse.c: streams of events.  Before the call is begun (false: refused); its answer;
 * the exchange is over.  In the loop: look at streams when there was news (how many were
 * woken or are left to look at: then don't rest), sweep, let all end.
 */
bool sse_begin(struct exchange *ex);
enum MHD_Result sse_answer(struct exchange *ex);
void sse_end(struct exchange *ex);
size_t sse_turn(struct loop *loop);
void sse_sweep(struct loop *loop);
void sse_drain(struct loop *loop);

#endif
