/* Header lines where they lie in memory, as libmicrohttpd leaves them: which can be trusted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http/head.h"

static char memory[4096];

/* Past the zero bytes that ended a line. */
static char *
past(char *at)
{
	return *at == '\0' ? past(at + 1) : at;
}

/*
 * Read a header as libmicrohttpd does: ends of lines and the first colon of
 * each line become zero bytes, leading white space of values is skipped.
 */
static struct head
read_head(const char *bytes, size_t n)
{
	char *end = memory + n, *target, *version, *line;
	struct head head;

	cr_assert(n < sizeof(memory));
	memset(memory, 'x', sizeof(memory));
	memcpy(memory, bytes, n);
	for (char *at = memory; at < end; at++) {
		*at = *at == '\r' || *at == '\n' ? '\0' : *at;
	}
	target = strchr(memory, ' ');
	*target++ = '\0';
	version = strchr(target, ' ');
	*version++ = '\0';
	head_begin(&head, memory, target, strlen(target), version);
	for (line = version; line + strlen(line) + 4 < end;) {
		char *value;

		line = past(line + strlen(line));
		value = strchr(line, ':');
		cr_assert(value != NULL);
		*value++ = '\0';
		value += strspn(value, " \t");
		head_line(&head, line, strlen(line), value, strlen(value));
		line = value;
	}
	head_finish(&head, end);
	return head;
}

static struct head
read_text(const char *text)
{
	return read_head(text, strlen(text));
}

#define START "POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n"

static void
refused(const char *text)
{
	cr_expect(read_text(text).fault != NULL, "%s", text);
}

Test(head, a_plain_header_is_read)
{
	struct head head = read_text(START
	    "content-length: 42\r\nContent-Type:application/json\r\n"
	    "Authorization: \t Bearer gk_x\r\nPrefer: wait=30\r\n"
	    "Accept: text/html, Application/X-NDJSON\r\n"
	    "traceparent: 00-a\r\nExpect: 100-continue\r\nX-Other:\r\n\r\n");

	cr_assert(head.fault == NULL, "%s", head.fault);
	cr_expect_str_eq(head.host, "localhost");
	cr_expect(head.has_length && head.content_length == 42);
	cr_expect_str_eq(head.content_type, "application/json");
	cr_expect_str_eq(head.authorization, "Bearer gk_x");
	cr_expect(head.wait_s == 30 && head.ndjson && head.expect);
	cr_expect_str_eq(head.traceparent, "00-a");
	cr_expect(!head.chunked);
}

Test(head, lengths_that_disagree_are_refused)
{
	refused(START "Content-Length: 1\r\nContent-Length: 1\r\n\r\n");
	refused(
	    START "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
	refused(
	    START "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n");
	refused(START "Transfer-Encoding: gzip\r\n\r\n");
	refused(START "Transfer-Encoding: chunked, chunked\r\n\r\n");
	refused(START "Transfer-Encoding: chunked\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n");
	refused(START "Content-Length: -1\r\n\r\n");
	refused(START "Content-Length: 1 \r\n\r\n");
	refused(START "Content-Length: \r\n\r\n");
	refused(START "Content-Length: 18446744073709551616\r\n\r\n");
	cr_expect(
	    read_text(START "Transfer-Encoding: Chunked\r\n\r\n").chunked);
}

Test(head, names_and_values_have_their_characters)
{
	refused(START "X A: 1\r\n\r\n");
	refused(START "X-A : 1\r\n\r\n");
	refused(START "X\xc3\xa4: 1\r\n\r\n");
	refused(START ": 1\r\n\r\n");
	refused(START "X-A: 1\x01\r\n\r\n");
	refused(START "X-A: 1\x7f\r\n\r\n");
	cr_expect(read_text(START "X-A: \xc3\xa4\t1\r\n\r\n").fault == NULL);
}

Test(head, zero_bytes_and_other_line_ends_are_refused)
{
	static const char zero[] = START "X-A: 1\0b: 2\r\n\r\n";

	cr_expect(read_head(zero, sizeof(zero) - 1).fault != NULL);
	refused(START "X-A: 1\nX-B: 2\r\n\r\n");
	refused(START "X-A: 1\rX-B: 2\r\n\r\n");
	refused("GET / HTTP/1.1\nHost: localhost\r\n\r\n");
}

Test(head, what_should_be_there_once_is_there_once)
{
	refused("GET / HTTP/1.1\r\nX-A: 1\r\n\r\n");
	refused(START "Host: localhost\r\n\r\n");
	refused(START "Authorization: a\r\nAuthorization: a\r\n\r\n");
	refused(START "Content-Type: a\r\nContent-Type: a\r\n\r\n");
	cr_expect(read_text(START "traceparent: a\r\ntraceparent: b\r\n\r\n")
		      .traceparent == NULL);
}

Test(head, a_name_that_was_moved_elsewhere_is_a_folded_line)
{
	char lines[] = "GET\0/\0HTTP/1.1\0\0X-A\0 1\0\0 2\0\0\0\0";
	char moved[] = "X-A2";
	struct head head;

	head_begin(&head, lines, lines + 4, 1, lines + 6);
	cr_assert(head.fault == NULL);
	head_line(&head, moved, strlen(moved), lines + 21, 1);
	cr_expect(head.fault != NULL);
}

Test(head, a_line_without_a_name_does_not_end_the_header)
{
	char lines[] = "GET\0/\0HTTP/1.1\0\0Host\0 a\0\0\0\0\0\0\0";
	struct head head;

	head_begin(&head, lines, lines + 4, 1, lines + 6);
	head_line(&head, lines + 16, 4, lines + 22, 1);
	cr_assert(head.fault == NULL);
	head_finish(&head, lines + 27);
	cr_expect(head.fault == NULL);
	head_finish(&head, lines + 28); /* ":" and CRLF came before the end */
	cr_expect(head.fault != NULL);
}

Test(head, the_request_line_is_one_line_of_three_words)
{
	char fine[] = "GET\0/\0HTTP/1.1\0\0\0\0";
	struct head head;

	head_begin(&head, fine, fine + 4, 1, fine + 6);
	cr_expect(head.fault == NULL);
	head_begin(&head, fine, fine + 4, 0, fine + 6);
	cr_expect(head.fault != NULL);
	head_begin(&head, fine, fine + 5, 1, fine + 6);
	cr_expect(head.fault != NULL);
}

Test(head, hosts_are_compared_without_ports_and_case)
{
	static const char *const hosts[] = {
	    "localhost", "127.0.0.1", "::1", "[fe80::1]"};

	cr_expect(head_host_is("LocalHost:8181", hosts, 4));
	cr_expect(head_host_is("127.0.0.1", hosts, 4));
	cr_expect(head_host_is("[::1]", hosts, 4));
	cr_expect(head_host_is("[::1]:8181", hosts, 4));
	cr_expect(head_host_is("[FE80::1]:1", hosts, 4));
	cr_expect(!head_host_is("", hosts, 4));
	cr_expect(!head_host_is("localhost.", hosts, 4));
	cr_expect(!head_host_is("localhos", hosts, 4));
	cr_expect(!head_host_is("localhost:", hosts, 4));
	cr_expect(!head_host_is("localhost:1x", hosts, 4));
	cr_expect(!head_host_is("localhost:1:2", hosts, 4));
	cr_expect(!head_host_is("[::1]evil", hosts, 4));
	cr_expect(!head_host_is("[]", hosts, 4));
	cr_expect(!head_host_is("localhost", hosts, 0));
}

Test(head, json_and_bearers_are_known_by_name)
{
	cr_expect(head_is_json("application/json"));
	cr_expect(head_is_json("Application/JSON ; charset=utf-8"));
	cr_expect(!head_is_json("application/jsonp"));
	cr_expect(!head_is_json("application/problem+json"));
	cr_expect(!head_is_json(""));
	cr_expect_str_eq(head_bearer("bearer  gk_x"), "gk_x");
	cr_expect(head_bearer("Bearer") == NULL);
	cr_expect(head_bearer("Bearer ") == NULL);
	cr_expect(head_bearer("Bearer a b") == NULL);
	cr_expect(head_bearer("Basic a") == NULL);
}

static struct head
read_cookie(const char *lines)
{
	char text[512];

	(void)snprintf(text, sizeof(text), START "%s\r\n\r\n", lines);
	return read_text(text);
}

static void
has_cookie(const char *lines, const char *value)
{
	struct head head = read_cookie(lines);

	cr_assert(head.fault == NULL);
	cr_assert(head.cookie != NULL, "%s", lines);
	cr_expect(head.cookie_n == strlen(value) &&
		      memcmp(head.cookie, value, head.cookie_n) == 0,
	    "%s", lines);
}

Test(head, the_sessions_cookie_is_found_among_others)
{
	has_cookie("Cookie: gk_session=abc", "abc");
	has_cookie("Cookie: a=b; gk_session=abc; c=d", "abc");
	has_cookie("Cookie: __Host-gk_session=abc", "abc");
	has_cookie("Cookie: xgk_session=no; gk_session=", "");
	has_cookie("Cookie: gk_session=a=b", "a=b");
}

Test(head, two_cookies_of_that_name_are_none)
{
	cr_expect(
	    read_cookie("Cookie: gk_session=a; gk_session=b").cookie == NULL);
	cr_expect(read_cookie("Cookie: gk_session=a\r\n"
			      "Cookie: __Host-gk_session=b")
		      .cookie == NULL);
	cr_expect(
	    read_cookie("Cookie: gk_session; a=gk_session").cookie == NULL);
	cr_expect(read_cookie("Cookie: gk_sessions=a").cookie == NULL);
}

Test(head, entity_tags_are_found_in_lists)
{
	cr_expect(head_has_tag("\"a\"", "\"a\""));
	cr_expect(head_has_tag("\"b\", W/\"a\"", "\"a\""));
	cr_expect(head_has_tag("*", "\"a\""));
	cr_expect(!head_has_tag(NULL, "\"a\""));
	cr_expect(!head_has_tag("\"ab\"", "\"a\""));
	cr_expect(!head_has_tag("", "\"a\""));
}
