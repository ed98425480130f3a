/* Small translations between flags, JSON and people. */
#include <inttypes.h>
#include <string.h>

#include "cli/words.h"

bool
words_set(struct json_value *object, const char *name, const char *text)
{
	struct json_value *value;

	if (text == NULL) {
		return true;
	}
	if (!json_check_text(text, strlen(text))) {
		return false;
	}
	value = json_new_string(text);
	return json_set(object, name, &value, NULL) == GK_OK;
}

bool
words_set_flag(const struct cli *cli, const char *flag,
    struct json_value *object, const char *name)
{
	return words_set(object, name, cli_flag(cli, flag, 0));
}

bool
words_set_flags(const struct cli *cli, const char *flag,
    struct json_value *object, const char *name)
{
	GK_AUTO(json_freep) struct json_value *list = NULL;
	const char *text;

	if (!cli_has_flag(cli, flag)) {
		return true;
	}
	list = json_new_array();
	for (size_t i = 0; (text = cli_flag(cli, flag, i)) != NULL; i++) {
		struct json_value *item = json_check_text(text, strlen(text))
					      ? json_new_string(text)
					      : NULL;

		if (list == NULL || json_append(list, &item, NULL) != GK_OK) {
			json_free(item);
			return false;
		}
	}
	return json_set(object, name, &list, NULL) == GK_OK;
}

bool
words_time(struct cli *cli, const char *flag, enum words_when when,
    char ret_text[GK_TIME_TEXT_BYTES], const char **ret)
{
	const char *text = cli_flag(cli, flag, 0);
	int64_t now = gk_clock_system.wall_us(NULL), us;

	*ret = NULL;
	if (text == NULL) {
		return true;
	}
	if (gk_time_parse(text, &us, NULL) != GK_OK) {
		if (gk_duration_parse(text, &us, NULL) != GK_OK) {
			(void)cli_fail(cli, CLI_USAGE,
			    "--%s: expected a time such as "
			    "2026-11-23T08:00:00Z, or a duration such as 90d",
			    flag);
			return false;
		}
		us = when == WORDS_AGO ? now - us : now + us;
	}
	gk_time_print(us, ret_text);
	*ret = ret_text;
	return true;
}

const struct json_value *
words_at(const struct json_value *object, const char *name)
{
	return object != NULL ? json_get(object, name) : NULL;
}

const char *
words_get(const struct json_value *object, const char *name)
{
	const struct json_value *value = words_at(object, name);

	return value != NULL ? json_string(value) : NULL;
}

int64_t
words_int(const struct json_value *object, const char *name)
{
	const struct json_value *value = words_at(object, name);
	int64_t number = 0;

	return value != NULL && json_int(value, &number) ? number : 0;
}

bool
words_true(const struct json_value *object, const char *name)
{
	const struct json_value *value = words_at(object, name);

	return value != NULL && json_bool(value);
}

const struct json_value *
words_first(const struct json_value *list)
{
	return list != NULL ? json_first(list) : NULL;
}

const char *
words_join(const struct json_value *array, char *ret_text, size_t room)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (const struct json_value *item = words_first(array); item != NULL;
	     item = json_next(item)) {
		const char *text = json_string(item);
		int n = snprintf(ret_text + used, room - used, "%s%s",
		    used > 0 ? ", " : "", text != NULL ? text : "?");

		if (n < 0 || (size_t)n >= room - used) {
			break;
		}
		used += (size_t)n;
	}
	return ret_text[0] != '\0' ? ret_text : "-";
}

const char *
words_second(const char *time, char ret_text[32])
{
	if (time == NULL || strlen(time) < 20 || time[10] != 'T') {
		return time;
	}
	(void)snprintf(ret_text, 32, "%.10s %.8s", time, time + 11);
	return ret_text;
}

void
cli_each_problem(const char *json, size_t n,
    void (*line)(void *ctx, const char *text), void *ctx)
{
	const struct json_limits limits = {16u << 20, 16, 100000};
	GK_AUTO(json_freep) struct json_value *root = NULL;
	struct gk_err err;

	if (n == 0 || json_parse(json, n, &limits, &root, &err) != GK_OK) {
		return;
	}
	for (const struct json_value *one =
		 words_first(words_at(root, "problems"));
	     one != NULL; one = json_next(one)) {
		const char *file = words_get(one, "file");
		const char *severity = words_get(one, "severity");
		const char *what = words_get(one, "text");
		const char *hint = words_get(one, "hint");
		char text[512];

		(void)snprintf(text, sizeof(text),
		    "%s:%" PRId64 ":%" PRId64 ": %s: %s%s%s%s",
		    file != NULL ? file : "", words_int(one, "line"),
		    words_int(one, "column"),
		    severity != NULL ? severity : "error",
		    what != NULL ? what : "", hint != NULL ? " (" : "",
		    hint != NULL ? hint : "", hint != NULL ? ")" : "");
		line(ctx, text);
	}
}
