/* Members of an event's canonical bytes, found without building a tree. */
#include <string.h>

#include "model/entry.h"

/* The end of the string whose quote is at i: just behind its closing quote. */
static size_t
skip_string(const char *bytes, size_t n, size_t i)
{
	for (i++; i < n && bytes[i] != '"'; i++) {
		i += bytes[i] == '\\';
	}
	return i < n ? i + 1 : n;
}

static size_t
skip_value(const char *bytes, size_t n, size_t i)
{
	size_t depth = 0;

	while (i < n) {
		char c = bytes[i];

		if (depth == 0 && (c == ',' || c == '}')) {
			return i;
		}
		if (c == '"') {
			i = skip_string(bytes, n, i);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		i++;
	}
	return n;
}

/* One member of the walk over an object. */
struct member {
	size_t begin; /* its first quote */
	const char *name;
	size_t name_n;
	struct entry_text value;
};

/* Give the member at *at (start with 1) and go on behind it. */
static bool
next_member(const char *bytes, size_t n, size_t *at, struct member *ret)
{
	size_t end;

	if (*at >= n || bytes[*at] != '"') {
		return false;
	}
	end = skip_string(bytes, n, *at);
	ret->begin = *at;
	ret->name = bytes + *at + 1;
	ret->name_n = end - *at - 2;
	ret->value.at = bytes + end + 1; /* behind ':' */
	if (end + 1 >= n) {
		return false;
	}
	*at = skip_value(bytes, n, end + 1);
	ret->value.n = *at - end - 1;
	*at += *at < n && bytes[*at] == ',';
	return true;
}

/* As strcmp(member's name, name). */
static int
order(const struct member *member, const char *name)
{
	size_t n = strlen(name);
	int diff =
	    memcmp(member->name, name, member->name_n < n ? member->name_n : n);

	return diff != 0 ? diff : (member->name_n > n) - (member->name_n < n);
}

struct entry_text
entry_get(const char *bytes, size_t n, const char *name)
{
	struct member member;
	size_t at = 1;

	while (next_member(bytes, n, &at, &member)) {
		int diff = order(&member, name);

		if (diff == 0) {
			return member.value;
		}
		if (diff > 0) {
			break; /* they are sorted */
		}
	}
	return (struct entry_text){NULL, 0};
}

bool
entry_next(const char *bytes, size_t n, size_t *at, struct entry_text *ret_name,
    struct entry_text *ret_value)
{
	struct member member;

	if (!next_member(bytes, n, at, &member)) {
		return false;
	}
	*ret_name = (struct entry_text){member.name, member.name_n};
	*ret_value = member.value;
	return true;
}

bool
entry_is(const char *bytes, size_t n, const char *name, const char *value)
{
	struct entry_text text = entry_get(bytes, n, name);
	size_t len = strlen(value);

	return text.at != NULL && text.n == len + 2 && text.at[0] == '"' &&
	       memcmp(text.at + 1, value, len) == 0;
}

const char *
entry_dup(const char *bytes, size_t n, const char *name, struct gk_arena *arena)
{
	struct entry_text text = entry_get(bytes, n, name);

	return text.at == NULL || text.n < 2 || text.at[0] != '"'
		   ? NULL
		   : gk_arena_strndup(arena, text.at + 1, text.n - 2);
}

bool
entry_int(const char *bytes, size_t n, const char *name, uint64_t *ret)
{
	struct entry_text text = entry_get(bytes, n, name);
	uint64_t value = 0;

	if (text.at == NULL || text.n > 16) {
		return false;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.at[i] < '0' || text.at[i] > '9') {
			return false;
		}
		value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ret = value;
	return text.n > 0;
}

enum gk_rc
entry_insert(const char *bytes, size_t n, const char *name, const char *value,
    size_t value_n, struct gk_buf *buf, struct gk_err *err)
{
	struct member member;
	size_t at = 1, place = n - 1;
	bool last = true;

	while (next_member(bytes, n, &at, &member)) {
		if (order(&member, name) > 0) {
			place = member.begin;
			last = false;
			break;
		}
	}
	GK_TRY(gk_buf_add(buf, bytes, place, err));
	GK_TRY(gk_buf_printf(
	    buf, err, "%s\"%s\":", last && n > 2 ? "," : "", name));
	GK_TRY(gk_buf_add(buf, value, value_n, err));
	if (!last) {
		GK_TRY(gk_buf_putc(buf, ',', err));
	}
	return gk_buf_add(buf, bytes + place, n - place, err);
}

enum gk_rc
entry_remove(const char *bytes, size_t n, const char *name, struct gk_buf *buf,
    struct gk_err *err)
{
	struct member member = {.begin = 0};
	size_t at = 1, begin = 0, end = 0;

	while (end == 0 && next_member(bytes, n, &at, &member)) {
		if (order(&member, name) == 0) {
			begin = member.begin;
			end = at;
		}
	}
	if (end == 0) {
		return gk_buf_add(buf, bytes, n, err);
	}
	if (bytes[end - 1] != ',' && begin > 1) {
		begin--; /* the last one: the comma before it goes */
	}
	GK_TRY(gk_buf_add(buf, bytes, begin, err));
	return gk_buf_add(buf, bytes + end, n - end, err);
}
