#ifndef GK_CLI_SSE_H
#define GK_CLI_SSE_H
/* Reading a stream of server-sent events out of an HTTP/1.1 answer, as its bytes come in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SSE_DATA_MAX  ((size_t)4 << 20)  /* of one event */
#define SSE_OTHER_MAX ((size_t)64 << 10) /* of an answer that isn't a stream */

/* One event; borrowed during the call. */
struct sse_event {
	const char *name; /* "message" where the stream says none */
	const char *id;   /* the last one that was said; "" for none */
	const char *data; /* '\0'-terminated */
	size_t n;
};

enum sse_state {
	SSE_HEAD,
	SSE_SIZE,    /* a chunk's size, with its CRLF */
	SSE_BYTES,   /* of a chunk */
	SSE_AFTER,   /* the CRLF behind a chunk */
	SSE_TRAILER, /* behind the last one */
	SSE_PLAIN,   /* up to the end */
	SSE_END,
};

/* Embedded: sse_init(), sse_done(). */
struct sse {
	enum sse_state state;
	int status; /* of the answer; 0: not there yet */
	bool chunked;
	size_t left;        /* of a chunk */
	struct gk_buf head; /* and a chunk's size line */
	struct gk_buf line, data;
	struct gk_buf other; /* the body of an answer other than 200 */
	char name[32], id[24];
};

void sse_init(struct sse *sse);
void sse_done(struct sse *sse);

/*
 * Take n bytes.  each is called for every event that is whole.  The id counts from
 * its line on, also of events without data, which are only that.
 * Errors: GK_E_INVALID (no HTTP/1.1 answer, chunks that are none), GK_E_LIMIT, each's.
 */
enum gk_rc sse_feed(struct sse *sse, const char *bytes, size_t n,
    enum gk_rc (*each)(
	void *ctx, const struct sse_event *event, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

#endif
