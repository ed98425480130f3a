/* Reading one member of a YAML mapping, with words for what is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "model/decimal.h"
#include "policy/policy_internal.h"

void
field_wrong(struct reader *reader, const struct json_value *value,
    const char *hint, const char *fmt, ...)
{
	struct problem_place place = reader_at(reader, value);
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_add(reader->report, false, &place, hint, "%s", text);
}

bool
field_known(struct reader *reader, const struct json_value *object,
    const char *const *keys, size_t count)
{
	const struct json_value *member;

	if (json_type(object) != JSON_OBJECT) {
		field_wrong(reader, object, NULL,
		    "expected a mapping, found %s", json_type_name(object));
		return false;
	}
	for (member = json_first(object); member != NULL;
	     member = json_next(member)) {
		struct problem_place place = reader_at_key(reader, member);
		const char *name = json_name(member);
		size_t i = 0;

		while (i < count && strcmp(keys[i], name) != 0) {
			i++;
		}
		if (i == count) {
			report_add(reader->report, false, &place,
			    report_nearest(reader->report, name, keys, count),
			    "unknown key '%s'", name);
		}
	}
	return true;
}

bool
field_required(
    struct reader *reader, const struct json_value *object, const char *key)
{
	if (json_get(object, key) != NULL) {
		return true;
	}
	field_wrong(reader, object, NULL, "'%s' is missing", key);
	return false;
}

static const char *
keep(struct reader *reader, const char *text)
{
	const char *copy = gk_arena_strdup(&reader->policy->arena, text);

	reader->no_memory = reader->no_memory || copy == NULL;
	return copy == NULL ? "" : copy;
}

static const char *
text_of(struct reader *reader, const struct json_value *value, const char *key,
    bool (*check)(const char *), const char *expected)
{
	const char *text = json_string(value);

	if (text == NULL) {
		field_wrong(reader, value, "put it in quotes",
		    "'%s': expected a string, found %s", key,
		    json_type_name(value));
		return NULL;
	}
	if (check != NULL && !check(text)) {
		field_wrong(
		    reader, value, NULL, "'%s': expected %s", key, expected);
		return NULL;
	}
	return keep(reader, text);
}

const char *
field_str(struct reader *reader, const struct json_value *object,
    const char *key, bool (*check)(const char *), const char *expected,
    const char *otherwise)
{
	const struct json_value *value = json_get(object, key);
	const char *text = NULL;

	if (value != NULL) {
		text = text_of(reader, value, key, check, expected);
	}
	return text == NULL ? otherwise : text;
}

struct texts
field_strs(struct reader *reader, const struct json_value *object,
    const char *key, bool (*check)(const char *), const char *expected,
    size_t max)
{
	const struct json_value *value = json_get(object, key), *item;
	struct texts texts = {NULL, 0};

	if (value == NULL) {
		return texts;
	}
	if (json_type(value) != JSON_ARRAY || json_count(value) == 0 ||
	    json_count(value) > max) {
		field_wrong(reader, value, "write it as [a, b]",
		    "'%s': expected a list of 1 to %zu", key, max);
		return texts;
	}
	texts.items = gk_arena_calloc(
	    &reader->policy->arena, json_count(value), sizeof(*texts.items));
	if (texts.items == NULL) {
		reader->no_memory = true;
		return texts;
	}
	for (item = json_first(value); item != NULL; item = json_next(item)) {
		const char *text = text_of(reader, item, key, check, expected);

		if (text != NULL) {
			texts.items[texts.count++] = text;
		}
	}
	return texts;
}

int64_t
field_int(struct reader *reader, const struct json_value *object,
    const char *key, int64_t lo, int64_t hi, int64_t otherwise)
{
	const struct json_value *value = json_get(object, key);
	int64_t n;

	if (value == NULL) {
		return otherwise;
	}
	if (!json_int(value, &n) || n < lo || n > hi) {
		field_wrong(reader, value, NULL,
		    "'%s': expected a whole number from %lld to %lld", key,
		    (long long)lo, (long long)hi);
		return otherwise;
	}
	return n;
}

int64_t
field_duration(struct reader *reader, const struct json_value *object,
    const char *key, int64_t hi_us, int64_t otherwise)
{
	const struct json_value *value = json_get(object, key);
	int64_t us;

	if (value == NULL) {
		return otherwise;
	}
	if (json_string(value) == NULL ||
	    gk_duration_parse(json_string(value), &us, NULL) != GK_OK ||
	    us <= 0 || us > hi_us) {
		field_wrong(reader, value, "for example 30s, 10m, 2h, 7d",
		    "'%s': expected a duration of at most %lldh", key,
		    (long long)(hi_us / GK_US_PER_HOUR));
		return otherwise;
	}
	return us;
}

int64_t
field_amount(struct reader *reader, const struct json_value *object,
    const char *key, const char *hint)
{
	const struct json_value *value = json_get(object, key);
	int64_t n;

	if (value == NULL) {
		return -1;
	}
	if (json_string(value) != NULL &&
	    decimal_parse(json_string(value), &n, NULL) == GK_OK) {
		return n;
	}
	if (json_int(value, &n) && n >= 0 &&
	    n <= DECIMAL_MAX_MICROS / DECIMAL_MICROS) {
		return n * DECIMAL_MICROS;
	}
	field_wrong(reader, value,
	    json_string(value) == NULL ? "decimals go into quotes: \"0.02\""
				       : hint,
	    "'%s': expected an amount from 0, with at most six decimals", key);
	return -1;
}

int
field_word(struct reader *reader, const struct json_value *object,
    const char *key, const char *const *words, int count, int otherwise)
{
	const struct json_value *value = json_get(object, key);
	char list[200] = "";
	size_t n = 0;

	if (value == NULL) {
		return otherwise;
	}
	for (int i = 0; i < count; i++) {
		if (words[i] == NULL) {
			continue;
		}
		if (json_string(value) != NULL &&
		    strcmp(json_string(value), words[i]) == 0) {
			return i;
		}
		if (n < sizeof(list)) {
			n += (size_t)snprintf(list + n, sizeof(list) - n,
			    "%s%s", n > 0 ? ", " : "", words[i]);
		}
	}
	field_wrong(reader, value,
	    json_string(value) == NULL
		? NULL
		: report_nearest(
		      reader->report, json_string(value), words, (size_t)count),
	    "'%s': expected one of %s", key, list);
	return otherwise;
}
