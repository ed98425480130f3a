/* Tests of outgoing requests: what is sent, what is believed, what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out/out.h"
#include "server.h"

#define OK(body)                                          \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
	"Retry-After: 7\r\nConnection: close\r\n\r\n" body

/* One exchange with a server on loopback, and what came of it. */
struct trial {
	struct server server;
	struct out_options options;
	struct out_request request;
	struct out_answer answer;
	struct gk_buf body;
	struct gk_err err;
	char url[160];
};

static void
begin(struct trial *trial, const char *unix_path, const char *answer)
{
	memset(trial, 0, sizeof(*trial));
	server_start(&trial->server, unix_path, answer);
	(void)snprintf(trial->url, sizeof(trial->url),
	    "http://127.0.0.1:%d/a/b?c=d", trial->server.port);
	trial->request.url = trial->url;
	trial->options.unix_path = unix_path;
	trial->body.cap = 64;
}

static enum gk_rc
ask(struct trial *trial)
{
	struct out *out = NULL;
	enum gk_rc rc;

	cr_assert(out_open(&trial->options, &out, NULL) == GK_OK);
	rc = out_send(
	    out, &trial->request, &trial->answer, &trial->body, &trial->err);
	out_close(out);
	return rc;
}

static void
end(struct trial *trial)
{
	server_stop(&trial->server);
	gk_buf_done(&trial->body);
}

Test(out, an_answer_is_its_status_its_type_and_its_bytes)
{
	struct trial trial;

	begin(&trial, NULL, OK("hello\n"));
	cr_assert(ask(&trial) == GK_OK, "%s", trial.err.text);
	cr_assert_eq(trial.answer.status, 200);
	cr_assert_str_eq(trial.answer.content_type, "text/plain");
	cr_assert_eq(trial.answer.retry_after_s, 7);
	cr_assert_str_eq(gk_buf_text(&trial.body), "hello\n");
	cr_assert_eq(
	    strncmp(trial.server.seen, "GET /a/b?c=d HTTP/1.1\r\n", 23), 0,
	    "%s", trial.server.seen);
	end(&trial);
}

Test(out, a_body_its_headers_and_a_token_are_sent_as_they_are)
{
	const struct out_header headers[] = {
	    {"Content-Type", "application/json"}, {"X-Empty", ""}};
	struct trial trial;

	begin(&trial, NULL, OK(""));
	trial.request.headers = headers;
	trial.request.header_count = 2;
	trial.request.token = "s3cret";
	trial.request.body = "a\0b";
	trial.request.body_n = 3;
	cr_assert(ask(&trial) == GK_OK, "%s", trial.err.text);
	cr_assert_eq(strncmp(trial.server.seen, "POST ", 5), 0);
	cr_assert_not_null(
	    strstr(trial.server.seen, "\r\nAuthorization: Bearer s3cret\r\n"));
	cr_assert_not_null(strstr(
	    trial.server.seen, "\r\nContent-Type: application/json\r\n"));
	cr_assert_not_null(strstr(trial.server.seen, "\r\nX-Empty:\r\n"));
	cr_assert_not_null(
	    strstr(trial.server.seen, "\r\nContent-Length: 3\r\n"));
	cr_assert_null(strstr(trial.server.seen, "Expect"));
	cr_assert_eq(
	    memcmp(strstr(trial.server.seen, "\r\n\r\n") + 4, "a\0b", 3), 0);
	end(&trial);
}

Test(out, a_redirect_is_an_answer_and_is_not_followed)
{
	struct trial trial;

	begin(&trial, NULL,
	    "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
	    "Content-Length: 0\r\nConnection: close\r\n\r\n");
	cr_assert(ask(&trial) == GK_OK, "%s", trial.err.text);
	cr_assert_eq(trial.answer.status, 302);
	cr_assert_eq(atomic_load(&trial.server.requests), 1);
	end(&trial);
}

Test(out, an_answer_longer_than_its_cap_is_an_error_and_leaves_nothing)
{
	struct trial trial;

	begin(&trial, NULL,
	    OK("0123456789012345678901234567890123456789"
	       "0123456789012345678901234567890123456789"));
	cr_assert(gk_buf_puts(&trial.body, "kept", NULL) == GK_OK);
	cr_assert(ask(&trial) == GK_E_LIMIT);
	cr_assert_str_eq(gk_buf_text(&trial.body), "kept");
	end(&trial);
}

Test(out, a_server_that_says_nothing_is_left_when_time_is_up)
{
	struct trial trial;

	begin(&trial, NULL, NULL);
	trial.options.total_ms = 100;
	cr_assert(ask(&trial) == GK_E_IO);
	cr_assert_not_null(
	    strstr(trial.err.text, "timed out"), "%s", trial.err.text);
	end(&trial);
}

Test(out, nobody_there_is_said_with_the_url)
{
	struct trial trial;

	begin(&trial, NULL, OK(""));
	server_stop(&trial.server);
	cr_assert(ask(&trial) == GK_E_IO);
	cr_assert_not_null(
	    strstr(trial.err.text, "http://127.0.0.1:"), "%s", trial.err.text);
	gk_buf_done(&trial.body);
}

Test(out, an_address_of_this_machine_is_refused_where_only_public_ones_may_be)
{
	struct trial trial;

	begin(&trial, NULL, OK("inner"));
	trial.options.public_only = true;
	cr_assert(ask(&trial) == GK_E_INVALID);
	cr_assert_not_null(
	    strstr(trial.err.text, "public Internet"), "%s", trial.err.text);
	(void)snprintf(trial.url, sizeof(trial.url), "http://localhost:%d/",
	    trial.server.port);
	cr_assert(ask(&trial) == GK_E_INVALID);
	cr_assert_eq(atomic_load(&trial.server.requests), 0);
	end(&trial);
}

Test(out, a_unix_socket_is_reached_but_is_not_public)
{
	char path[64];
	struct trial trial;

	(void)snprintf(
	    path, sizeof(path), "/tmp/gk_out_%d.sock", (int)getpid());
	begin(&trial, path, OK("by file"));
	cr_assert(ask(&trial) == GK_OK, "%s", trial.err.text);
	cr_assert_str_eq(gk_buf_text(&trial.body), "by file");
	trial.options.public_only = true;
	cr_assert(ask(&trial) == GK_E_INVALID);
	end(&trial);
}

Test(out, a_proxy_of_the_environment_is_not_asked)
{
	struct trial trial;

	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	begin(&trial, NULL, OK(""));
	cr_assert(ask(&trial) == GK_OK, "%s", trial.err.text);
	end(&trial);
}

Test(out, what_is_no_web_address_or_no_line_is_refused)
{
	const struct out_header split = {"X-A", "1\r\nX-B: 2"};
	const struct out_header named = {"X A", "1"};
	static const char *const urls[] = {"file:///etc/passwd", "ftp://a/",
	    "gopher://a/", "a", "", "http://a/ b", "http://a/\r\nX: y"};
	struct trial trial;

	begin(&trial, NULL, OK(""));
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		trial.request.url = urls[i];
		cr_expect(ask(&trial) == GK_E_INVALID, "%s", urls[i]);
	}
	trial.request.url = trial.url;
	trial.request.headers = &split;
	trial.request.header_count = 1;
	cr_expect(ask(&trial) == GK_E_INVALID);
	trial.request.headers = &named;
	cr_expect(ask(&trial) == GK_E_INVALID);
	trial.request.header_count = 0;
	trial.request.token = "a\nb";
	cr_expect(ask(&trial) == GK_E_INVALID);
	trial.request.token = NULL;
	trial.request.method = "GET /x";
	cr_expect(ask(&trial) == GK_E_INVALID);
	cr_assert_eq(atomic_load(&trial.server.requests), 0);
	end(&trial);
}

Test(out, a_client_that_was_stopped_sends_no_more)
{
	struct trial trial;
	struct out *out = NULL;

	begin(&trial, NULL, NULL);
	cr_assert(out_open(&trial.options, &out, NULL) == GK_OK);
	out_stop(out);
	cr_assert(out_send(out, &trial.request, &trial.answer, &trial.body,
		      &trial.err) == GK_E_BUSY);
	out_close(out);
	end(&trial);
}
