/* Prefer: a list of name[=value][;parameters], where values may be quoted. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "http/prefer.h"

static const char *
prefer_skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* Past a quoted string or a token. */
static const char *
prefer_skip_value(const char *at)
{
	if (*at != '"') {
		return at + strcspn(at, " \t;,=\"");
	}
	for (at++; *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0') {
			at++;
		}
	}
	return *at == '"' ? at + 1 : at;
}

/* Past the parameters, to the next ',' that isn't quoted, or the end. */
static const char *
prefer_skip_rest(const char *at)
{
	while (*at != '\0' && *at != ',') {
		at = *at == '"' ? prefer_skip_value(at) : at + 1;
	}
	return at;
}

/* Delta seconds between at and end, perhaps in quotes; -1 unless digits alone. */
static int64_t
prefer_seconds(const char *at, const char *end)
{
	int64_t seconds = 0;

	if (end - at >= 2 && *at == '"' && end[-1] == '"') {
		at++;
		end--;
	}
	if (at == end) {
		return -1;
	}
	for (; at < end; at++) {
		if (*at < '0' || *at > '9') {
			return -1;
		}
		seconds = seconds * 10 + (*at - '0');
		if (seconds > PREFER_WAIT_MAX_S) {
			seconds = PREFER_WAIT_MAX_S;
		}
	}
	return seconds;
}

int64_t
prefer_wait(const char *text)
{
	for (const char *at = text; *at != '\0'; at += *at == ',') {
		const char *name = prefer_skip_space(at);
		const char *end = prefer_skip_value(name);
		bool is_wait =
		    end - name == 4 && strncasecmp(name, "wait", 4) == 0;

		at = prefer_skip_space(end);
		if (is_wait && *at == '=') {
			at = prefer_skip_space(at + 1);
			return prefer_seconds(at, prefer_skip_value(at));
		}
		at = prefer_skip_rest(at);
	}
	return -1;
}
