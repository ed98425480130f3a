/* Which bytes are events, however they are cut, and which are no stream. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/sse.h"

#define HEAD                                                     \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
	"Transfer-Encoding: chunked\r\n\r\n"

struct seen {
	char text[4096];
	size_t n;
};

static enum gk_rc
note(void *ctx, const struct sse_event *event, struct gk_err *err)
{
	struct seen *seen = ctx;

	(void)err;
	seen->n +=
	    (size_t)snprintf(seen->text + seen->n, sizeof(seen->text) - seen->n,
		"%s|%s|%s;", event->name, event->id, event->data);
	return GK_OK;
}

/* Feed in pieces of so many bytes. */
static enum gk_rc
feed(struct sse *sse, const char *bytes, size_t piece, struct seen *seen,
    struct gk_err *err)
{
	size_t n = strlen(bytes);

	for (size_t at = 0; at < n; at += piece) {
		GK_TRY(sse_feed(sse, bytes + at,
		    n - at < piece ? n - at : piece, note, seen, err));
	}
	return GK_OK;
}

static void
reads(const char *bytes, const char *events, const char *id)
{
	for (size_t piece = 1; piece < 40; piece++) {
		struct seen seen = {.n = 0};
		struct gk_err err = {0};
		struct sse sse;

		sse_init(&sse);
		cr_assert(feed(&sse, bytes, piece, &seen, &err) == GK_OK,
		    "in pieces of %zu: %s", piece, err.text);
		cr_assert_str_eq(seen.text, events);
		cr_assert_str_eq(sse.id, id);
		sse_done(&sse);
	}
}

static void
refuses(const char *bytes)
{
	struct seen seen = {.n = 0};
	struct gk_err err = {0};
	struct sse sse;

	sse_init(&sse);
	cr_assert(feed(&sse, bytes, 7, &seen, &err) == GK_E_INVALID,
	    "taken: %s", bytes);
	sse_done(&sse);
}

Test(sse, events_are_told_with_the_id_that_was_said_last)
{
	reads(HEAD "21\r\nretry: 10\nid: 7\n\nid: 8\ndata: {}\n\n\r\n"
		   "e\r\ndata: a\ndata:b\r\n1\r\n\n\r\n1\r\n\n\r\n",
	    "message|8|{};message|8|a\nb;", "8");
}

Test(sse, an_id_alone_moves_on_and_is_no_event)
{
	reads(HEAD "8\r\nid: 99\n\n\r\n3\r\n:\n\n\r\n", "", "99");
}

Test(sse, a_name_is_of_one_event)
{
	reads(HEAD "2b\r\nevent: end\ndata: x\n\nevent: none\n\ndata: y\n\n"
		   "z\r\n",
	    "end||x;message||y;", "");
}

Test(sse, what_is_cut_off_is_no_event)
{
	reads(HEAD "f\r\nid: 5\ndata: abc\r\n", "", "5");
}

Test(sse, an_id_or_name_that_is_too_long_is_none)
{
	reads(HEAD
	    "35\r\nid: 1\nid: 11111111111111111111111111111111\ndata: a\n"
	    "\n\r\n",
	    "message|1|a;", "1");
}

Test(sse, the_last_chunk_ends_it)
{
	struct seen seen = {.n = 0};
	struct gk_err err = {0};
	struct sse sse;

	sse_init(&sse);
	cr_assert(feed(&sse, HEAD "9\r\ndata: a\n\n\r\n0\r\n\r\nmore", 1, &seen,
		      &err) == GK_OK);
	cr_assert(sse.state == SSE_END);
	cr_assert_str_eq(seen.text, "message||a;");
	sse_done(&sse);
}

Test(sse, another_answer_is_kept_as_text)
{
	struct seen seen = {.n = 0};
	struct gk_err err = {0};
	struct sse sse;

	sse_init(&sse);
	cr_assert(
	    feed(&sse,
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
		1, &seen, &err) == GK_OK);
	cr_assert_eq(sse.status, 401);
	cr_assert_str_eq(gk_buf_text(&sse.other), "{}");
	sse_done(&sse);
}

Test(sse, what_is_no_http_or_no_chunk_is_refused)
{
	refuses("SSH-2.0-OpenSSH_9.2\r\n\r\n");
	refuses("HTTP/1.1 2x0 OK\r\n\r\n");
	refuses(HEAD "x\r\n");
	refuses(HEAD "\r\n");
	refuses(HEAD "fffffffffff\r\n");
	refuses(HEAD "3\r\nabcdef\r\n");
	refuses(
	    HEAD "1;"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n");
}

Test(sse, an_event_without_end_is_bounded)
{
	static const char data[] = "HTTP/1.1 200 OK\r\n\r\ndata: ";
	struct seen seen = {.n = 0};
	char piece[8192];
	struct gk_err err = {0};
	enum gk_rc rc;
	struct sse sse;

	memset(piece, 'a', sizeof(piece));
	sse_init(&sse);
	rc = sse_feed(&sse, data, sizeof(data) - 1, note, &seen, &err);
	for (size_t n = 0; rc == GK_OK && n <= 2 * SSE_DATA_MAX;
	     n += sizeof(piece)) {
		rc = sse_feed(&sse, piece, sizeof(piece), note, &seen, &err);
	}
	cr_assert_eq(rc, GK_E_LIMIT);
	sse_done(&sse);
}
