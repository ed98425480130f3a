/* Which HTTP answers are read, and which are refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/client.h"
#include "cli/response.h"

static void
reads(const char *bytes, int status, const char *body)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	struct gk_err err = {0};
	int found = 0;

	cr_assert(
	    response_parse(bytes, strlen(bytes), &found, &buf, &err) == GK_OK,
	    "%s: %s", bytes, err.text);
	cr_assert(found == status, "%d", found);
	cr_assert(
	    strcmp(gk_buf_text(&buf), body) == 0, "%s", gk_buf_text(&buf));
}

static void
refuses_bytes(const char *bytes, size_t n)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	struct gk_err err = {0};
	int found = 0;

	cr_assert(response_parse(bytes, n, &found, &buf, &err) == GK_E_INVALID,
	    "taken: %s", bytes);
	cr_assert(err.text[0] != '\0');
}

static void
refuses(const char *bytes)
{
	refuses_bytes(bytes, strlen(bytes));
}

Test(response, a_body_ends_by_its_length_or_with_the_connection)
{
	reads("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
	reads("HTTP/1.1 200 OK\r\ncontent-length:2 \r\nX: y\r\n\r\n{}", 200,
	    "{}");
	reads("HTTP/1.0 503 \r\n\r\nlater", 503, "later");
	reads("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	reads("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "");
}

Test(response, chunks_are_joined)
{
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
	    200, "abc0123456789");
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "0\r\nTrailer: x\r\n\r\n",
	    200, "");
}

Test(response, interim_answers_are_skipped)
{
	reads("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
	      "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
	    201, "x");
}

Test(response, what_is_cut_short_is_refused_at_every_byte)
{
	static const char whole[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n0\r\n\r\n";
	static const char sized[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";

	for (size_t n = 0; n + 1 < sizeof(whole); n++) {
		refuses_bytes(whole, n);
	}
	for (size_t n = 0; n + 1 < sizeof(sized); n++) {
		refuses_bytes(sized, n);
	}
}

Test(response, what_is_ambiguous_or_malformed_is_refused)
{
	refuses("HTTP/2 200 OK\r\n\r\n");
	refuses("HTTP/1.1 99 OK\r\n\r\n");
	refuses("HTTP/1.1 099 OK\r\n\r\n");
	refuses("HTTP/1.1 2000 OK\r\n\r\n");
	refuses("HTTP/1.1 20x OK\r\n\r\n");
	refuses("HTTP/1.1 200 OK\nA: b\n\n");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: "
		"2\r\n\r\nab");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na");
	refuses("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 1\r\n\r\n0\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nno colon\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nA : b\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\n folded: b\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabcd\r\n0\r\n\r\n");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"ffffffffff\r\n");
}

Test(response, a_body_beyond_the_cap_is_an_error)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4);
	static const char bytes[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
	struct gk_err err = {0};
	int status;

	cr_assert(response_parse(bytes, sizeof(bytes) - 1, &status, &buf,
		      &err) == GK_E_LIMIT);
}

Test(response, headers_without_end_are_refused)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(1 << 20);
	struct gk_err err = {0};
	int status;

	cr_assert(gk_buf_puts(&buf, "HTTP/1.1 200 OK\r\n", &err) == GK_OK);
	while (buf.len < 3 * RESPONSE_HEAD_MAX) {
		cr_assert(gk_buf_puts(&buf, "A: b\r\n", &err) == GK_OK);
	}
	cr_assert(gk_buf_puts(&buf, "\r\n", &err) == GK_OK);
	cr_assert(response_parse(gk_buf_text(&buf), buf.len, &status, &body,
		      &err) == GK_E_INVALID);
}

Test(client, what_stands_in_a_url_is_percent_encoded)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(256);
	struct gk_err err = {0};

	cr_assert(
	    client_encode("a/b c?&=#%\xc3\xa9~_-.Z9", &buf, &err) == GK_OK);
	cr_assert(strcmp(gk_buf_text(&buf),
		      "a%2Fb%20c%3F%26%3D%23%25%C3%A9~_-.Z9") == 0,
	    "%s", gk_buf_text(&buf));
}

Test(client, nobody_there_is_told_from_other_errors)
{
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(256);
	struct client_request request = {.address = "unix:/nonexistent/sock",
	    .host = "localhost",
	    .method = "GET",
	    .path = "/",
	    .timeout_s = 1};
	struct gk_err err = {0};
	int status;

	cr_assert(client_ask(&request, &status, &body, &err) == GK_E_BUSY);
	request.address = "nocolon";
	cr_assert(client_ask(&request, &status, &body, &err) == GK_E_INVALID);
	request.address = "127.0.0.1:1";
	cr_assert(client_ask(&request, &status, &body, &err) == GK_E_BUSY);
	request.token = "a\r\nX: y";
	cr_assert(client_ask(&request, &status, &body, &err) == GK_E_INVALID);
}
