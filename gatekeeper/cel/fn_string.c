/* Strings: charAt, indexOf, split, replace … (cel-go's strings extension); indexes are in code points. */

#include "cel/cel_internal.h"

#include <string.h>

static struct cel_value
outside(struct cel_eval *ev, int64_t index)
{
	return cel__fault(
	    ev, CEL_F_INDEX, "index out of range: %lld", (long long)index);
}

/* Looking at a text once. */
static bool
charge_text(struct cel_eval *ev, const struct cel_value *text)
{
	return cel__charge(ev, 1 + text->n / 8);
}

static size_t
points(const struct cel_value *text)
{
	return cel__text_count(text->as.text, text->n);
}

static size_t
offset(const struct cel_value *text, size_t point)
{
	return cel__text_offset(text->as.text, text->n, point);
}

static struct cel_value
char_at(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t index = args[1].as.i;
	size_t count, from;

	(void)n;
	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	count = points(args);
	if (index < 0 || (uint64_t)index > count) {
		return outside(ev, index);
	}
	if ((uint64_t)index == count) {
		return cel_text("");
	}
	from = offset(args, (size_t)index);
	return cel_string(
	    args[0].as.text + from, offset(args, (size_t)index + 1) - from);
}

/* ---- where a text is found ---- */

static struct cel_value
index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t from = n == 3 ? args[2].as.i : 0;
	size_t count, at;
	const char *found;

	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	count = points(args);
	if (from < 0) {
		return outside(ev, from);
	}
	if ((uint64_t)from > count) {
		return cel_int(-1);
	}
	if (args[1].n == 0) {
		return cel_int(from);
	}
	at = offset(args, (size_t)from);
	found = memmem(
	    args[0].as.text + at, args[0].n - at, args[1].as.text, args[1].n);
	return cel_int(found == NULL ? -1
				     : (int64_t)cel__text_count(args[0].as.text,
					   (size_t)(found - args[0].as.text)));
}

/* The last place at or before byte `at`; a match may go on behind it. */
static struct cel_value
find_last(struct cel_eval *ev, const struct cel_value *text,
    const struct cel_value *what, size_t at)
{
	const char *begin = text->as.text;

	if (what->n > text->n) {
		return cel_int(-1);
	}
	if (at > text->n - what->n) {
		at = text->n - what->n;
	}
	/* each try compares at most what->n bytes, but gives up early */
	if (!cel__charge(ev, 1 + at / 8)) {
		return cel__spent(ev);
	}
	for (const char *try = begin + at;; try--) {
		if (*try == *what->as.text) {
			if (!cel__charge(ev, what->n / 16)) {
				return cel__spent(ev);
			}
			if (memcmp(try, what->as.text, what->n) == 0) {
				return cel_int((int64_t)cel__text_count(
				    begin, (size_t)(try - begin)));
			}
		}
		if (try == begin) {
			return cel_int(-1);
		}
	}
}

static struct cel_value
last_index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	size_t count;
	int64_t from;

	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	count = points(args);
	from = n == 3 ? args[2].as.i : (int64_t)count;
	if (from < 0) {
		return outside(ev, from);
	}
	if ((uint64_t)from > count) {
		return cel_int(-1);
	}
	if (args[1].n == 0) {
		return cel_int(from);
	}
	return find_last(ev, &args[0], &args[1], offset(args, (size_t)from));
}

/* ---- parts and changes ---- */

static struct cel_value
substring(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t from = args[1].as.i, to;
	size_t count, begin;

	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	count = points(args);
	to = n == 3 ? args[2].as.i : (int64_t)count;
	if (from < 0 || (uint64_t)from > count) {
		return outside(ev, from);
	}
	if (to < 0 || (uint64_t)to > count) {
		return outside(ev, to);
	}
	if (from > to) {
		return cel__fault(ev, CEL_F_INDEX,
		    "invalid substring range. start: %lld, end: %lld",
		    (long long)from, (long long)to);
	}
	begin = offset(args, (size_t)from);
	return cel_string(
	    args[0].as.text + begin, offset(args, (size_t)to) - begin);
}

static struct cel_value
in_case(struct cel_eval *ev, const struct cel_value *args, char from, char to)
{
	char *text = cel__alloc(ev, (size_t)args[0].n + 1);

	if (text == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		char c = args[0].as.text[i];

		if (c >= from && c <= from + 25) {
			c = (char)(c - from + to);
		}
		text[i] = c;
	}
	return cel_string(text, args[0].n);
}

static struct cel_value
lower_ascii(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return in_case(ev, args, 'A', 'a');
}

static struct cel_value
upper_ascii(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return in_case(ev, args, 'a', 'A');
}

static struct cel_value
reverse(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char *text = cel__alloc(ev, (size_t)args[0].n + 1);
	const char *at = args[0].as.text, *end = at + args[0].n;
	char *to;

	(void)n;
	if (text == NULL || !cel__charge(ev, args[0].n / 4)) {
		return cel__spent(ev);
	}
	to = text + args[0].n;
	while (at < end) {
		uint32_t point;
		unsigned bytes =
		    cel__text_decode(at, (size_t)(end - at), &point);

		bytes = bytes == 0 ? 1 : bytes;
		to -= bytes;
		memcpy(to, at, bytes);
		at += bytes;
	}
	return cel_string(text, args[0].n);
}

/* Unicode's White_Space. */
static bool
is_space(uint32_t point)
{
	return (point >= 9 && point <= 13) || point == 0x20 || point == 0x85 ||
	       point == 0xa0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
	       point == 0x2029 || point == 0x202f || point == 0x205f ||
	       point == 0x3000;
}

static struct cel_value
trim(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const char *begin = args[0].as.text, *end = begin + args[0].n;
	uint32_t point;

	(void)n;
	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	while (begin < end) {
		unsigned bytes =
		    cel__text_decode(begin, (size_t)(end - begin), &point);

		if (bytes == 0 || !is_space(point)) {
			break;
		}
		begin += bytes;
	}
	while (begin < end) {
		const char *last = end - 1;

		while (last > begin && ((unsigned char)*last & 0xc0) == 0x80) {
			last--;
		}
		if (cel__text_decode(last, (size_t)(end - last), &point) == 0 ||
		    !is_space(point)) {
			break;
		}
		end = last;
	}
	return cel_string(begin, (size_t)(end - begin));
}

/* ---- replace, split, join ---- */

/*
 * The next place of what in [at, end), NULL when there is none; an empty text is
 * found before every character but, once more, at the end.
 */
static const char *
next_place(const char *at, const char *end, const struct cel_value *what)
{
	return what->n == 0
		   ? at
		   : memmem(at, (size_t)(end - at), what->as.text, what->n);
}

static unsigned
char_bytes(const char *at, const char *end)
{
	uint32_t point;
	unsigned bytes = cel__text_decode(at, (size_t)(end - at), &point);

	return bytes == 0 ? 1 : bytes;
}

/* How often what is found, at most limit times (negative: no limit). */
static uint64_t
occurrences(
    const struct cel_value *text, const struct cel_value *what, int64_t limit)
{
	const char *at = text->as.text, *end = at + text->n;
	uint64_t count = 0;

	if (what->n == 0) {
		count = points(text) + 1;
		return limit >= 0 && count > (uint64_t)limit ? (uint64_t)limit
							     : count;
	}
	while ((limit < 0 || count < (uint64_t)limit) &&
	       (at = next_place(at, end, what)) != NULL) {
		count++;
		at += what->n;
	}
	return count;
}

static struct cel_value
replace(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const struct cel_value *what = &args[1], *with = &args[2];
	int64_t limit = n == 4 ? args[3].as.i : -1;
	const char *at = args[0].as.text, *end = at + args[0].n;
	uint64_t count, size;
	char *text, *to;

	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	count = occurrences(&args[0], what, limit);
	size = args[0].n + count * with->n - count * what->n;
	if (count > UINT32_MAX || size > UINT32_MAX) {
		return cel__spent(ev);
	}
	text = to = cel__alloc(ev, size + 1);
	if (text == NULL || !cel__charge(ev, count)) {
		return cel__spent(ev);
	}
	for (; count > 0; count--) {
		const char *found = next_place(at, end, what);

		memcpy(to, at, (size_t)(found - at));
		to += found - at;
		if (with->n > 0) {
			memcpy(to, with->as.text, with->n);
			to += with->n;
		}
		at = found + what->n;
		if (what->n == 0 && at < end) {
			unsigned bytes = char_bytes(at, end);

			memcpy(to, at, bytes);
			to += bytes;
			at += bytes;
		}
	}
	memcpy(to, at, (size_t)(end - at));
	return cel_string(text, size);
}

/* By nothing: into characters. */
static void
split_characters(
    const struct cel_value *text, struct cel_value *items, uint64_t count)
{
	const char *at = text->as.text, *end = at + text->n;

	for (uint64_t i = 0; i < count; i++) {
		unsigned bytes = char_bytes(at, end);

		items[i] =
		    cel_string(at, i + 1 == count ? (size_t)(end - at) : bytes);
		at += bytes;
	}
}

static struct cel_value
split(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const struct cel_value *by = &args[1];
	int64_t limit = n == 3 ? args[2].as.i : -1;
	const char *at = args[0].as.text, *end = at + args[0].n;
	struct cel_value *items;
	uint64_t count;

	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	if (limit == 0) {
		return cel_list(NULL, 0);
	}
	if (by->n == 0) {
		count = points(&args[0]);
		count = limit > 0 && count > (uint64_t)limit ? (uint64_t)limit
							     : count;
	} else {
		count =
		    1 + occurrences(&args[0], by, limit < 0 ? -1 : limit - 1);
	}
	items = cel__alloc(ev, count * sizeof(*items));
	if (items == NULL || !cel__charge(ev, count)) {
		return cel__spent(ev);
	}
	if (by->n == 0) {
		split_characters(&args[0], items, count);
		return cel_list(items, count);
	}
	for (uint64_t i = 0; i + 1 < count; i++) {
		const char *found = next_place(at, end, by);

		items[i] = cel_string(at, (size_t)(found - at));
		at = found + by->n;
	}
	items[count - 1] = cel_string(at, (size_t)(end - at));
	return cel_list(items, count);
}

static struct cel_value
join(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const struct cel_value none = cel_text(""),
			       *by = n == 2 ? &args[1] : &none;
	uint64_t size = 0;
	char *text, *to;

	if (!cel__charge(ev, args[0].n)) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		const struct cel_value *item = &args[0].as.items[i];

		if (item->kind == CEL_UNKNOWN) {
			return *item;
		}
		if (item->kind != CEL_STRING) {
			return cel__no_overload(ev, "join", item, 1);
		}
		size += item->n + (i > 0 ? by->n : 0);
	}
	if (size > UINT32_MAX) {
		return cel__spent(ev);
	}
	text = to = cel__alloc(ev, size + 1);
	if (text == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		const struct cel_value *item = &args[0].as.items[i];

		if (i > 0 && by->n > 0) {
			memcpy(to, by->as.text, by->n);
			to += by->n;
		}
		if (item->n > 0) {
			memcpy(to, item->as.text, item->n);
			to += item->n;
		}
	}
	return cel_string(text, size);
}

/* ---- quote ---- */

/* What a character is written as after a backslash; 0: as it is. */
static char
escape_of(char c)
{
	switch (c) {
	case '\a':
		return 'a';
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\v':
		return 'v';
	case '\\':
	case '"':
		return c;
	default:
		return 0;
	}
}

static struct cel_value
quote(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	size_t size = (size_t)args[0].n + 2;
	char *text, *to;

	(void)n;
	if (!charge_text(ev, args)) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		size += escape_of(args[0].as.text[i]) != 0;
	}
	if (size > UINT32_MAX) {
		return cel__spent(ev);
	}
	text = to = cel__alloc(ev, size + 1);
	if (text == NULL) {
		return cel__spent(ev);
	}
	*to++ = '"';
	for (uint32_t i = 0; i < args[0].n; i++) {
		char escape = escape_of(args[0].as.text[i]);

		if (escape != 0) {
			*to++ = '\\';
		}
		*to++ = (char)(escape != 0 ? escape : args[0].as.text[i]);
	}
	*to = '"';
	return cel_string(text, size);
}

const struct cel_builtin cel__strings[] = {
    {"charAt", true, "(string, int) -> string", char_at},
    {"indexOf", true, "(string, string) -> int", index_of},
    {"indexOf", true, "(string, string, int) -> int", index_of},
    {"lastIndexOf", true, "(string, string) -> int", last_index_of},
    {"lastIndexOf", true, "(string, string, int) -> int", last_index_of},
    {"lowerAscii", true, "(string) -> string", lower_ascii},
    {"upperAscii", true, "(string) -> string", upper_ascii},
    {"replace", true, "(string, string, string) -> string", replace},
    {"replace", true, "(string, string, string, int) -> string", replace},
    {"split", true, "(string, string) -> list(string)", split},
    {"split", true, "(string, string, int) -> list(string)", split},
    {"substring", true, "(string, int) -> string", substring},
    {"substring", true, "(string, int, int) -> string", substring},
    {"trim", true, "(string) -> string", trim},
    {"join", true, "(list(string)) -> string", join},
    {"join", true, "(list(string), string) -> string", join},
    {"reverse", true, "(string) -> string", reverse},
    {"strings.quote", false, "(string) -> string", quote},
    {NULL, false, NULL, NULL},
};
