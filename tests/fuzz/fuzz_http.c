/* Request lines, header lines, targets and preferences: whatever the bytes, one reading or none. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "http/head.h"
#include "http/prefer.h"
#include "http/routes.h"
#include "http/uri.h"

#define FUZZ_BYTES 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As long as the request, so that a sanitizer sees what lies behind it. */
static char memory[FUZZ_BYTES + 1];

static const char *const hosts[] = {"localhost", "127.0.0.1", "::1"};

/* A decoded id or parameter is text without control bytes. */
static void
check_text(const char *text)
{
	GK_ASSERT(json_check_text(text, strlen(text)));
	for (const char *at = text; *at != '\0'; at++) {
		GK_ASSERT((unsigned char)*at >= 0x20 && *at != 0x7f);
	}
}

static void
check_target(const char *method, char *target)
{
	struct route_match match;
	struct gk_err err;
	struct uri uri;

	if (uri_split(target, &uri, &err) != GK_OK) {
		return;
	}
	for (size_t i = 0; i < uri.param_count; i++) {
		check_text(uri.params[i].name);
		check_text(uri.params[i].value);
	}
	routes_find(method, &uri, &match);
	GK_ASSERT(match.route == NULL ||
		  (match.methods & 1u << match.route->method) != 0);
	if (match.target != NULL && uri_decode(match.target)) {
		check_text(match.target);
		GK_ASSERT(match.target[0] != '\0');
	}
}

/* What a header that is trusted may never be. */
static void
check_head(const struct head *head)
{
	GK_ASSERT(head->wait_s >= -1 && head->wait_s <= PREFER_WAIT_MAX_S);
	if (head->authorization != NULL) {
		const char *token = head_bearer(head->authorization);

		GK_ASSERT(token == NULL || token[0] != '\0');
	}
	if (head->content_type != NULL) {
		(void)head_is_json(head->content_type);
	}
	if (head->fault == NULL) {
		GK_ASSERT(head->host != NULL);
		GK_ASSERT(!(head->has_length && head->chunked));
		(void)head_host_is(head->host, hosts, GK_COUNT(hosts));
	}
}

/* The next line, ended in place as libmicrohttpd ends it; NULL: no more. */
static char *
next_line(char **rest)
{
	char *line = *rest;
	char *end = line + strcspn(line, "\r\n");

	if (*end == '\0') {
		return NULL;
	}
	if (*end == '\r' && end[1] == '\n') {
		*end++ = '\0';
	}
	*end++ = '\0';
	*rest = end;
	return line;
}

/* Its lines as libmicrohttpd would report them, then what is between them. */
static void
check_request(char *text)
{
	char *rest = text, *target, *version, *line = next_line(&rest);
	size_t target_n;
	struct head head;

	if (line == NULL || (target = strchr(line, ' ')) == NULL ||
	    (version = strrchr(target + 1, ' ')) == NULL) {
		return;
	}
	*target++ = '\0';
	*version++ = '\0';
	target_n = strlen(target);
	head_begin(&head, line, target, target_n, version);
	check_target(line, target);
	while ((line = next_line(&rest)) != NULL && line[0] != '\0') {
		char *value = strchr(line, ':');

		if (value == NULL) {
			return;
		}
		*value++ = '\0';
		value += strspn(value, " \t");
		head_line(&head, line, strlen(line), value, strlen(value));
	}
	if (line != NULL) {
		head_finish(&head, rest);
		check_head(&head);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size < FUZZ_BYTES ? size : FUZZ_BYTES;
	int64_t wait;

	memcpy(memory, data, n);
	memory[n] = '\0';
	wait = prefer_wait(memory);
	GK_ASSERT(wait >= -1 && wait <= PREFER_WAIT_MAX_S);
	check_target("GET", memory);
	memcpy(memory, data, n);
	memory[n] = '\0';
	check_request(memory);
	return 0;
}
