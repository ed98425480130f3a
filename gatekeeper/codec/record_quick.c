/*
 * Reads canonical JSON by a record table, in place and without a tree.
 *
 * The table is sorted and what it prints is canonical, so text that it printed
 * can be read with one finger on the text and one on the table: the next member
 * is the next field, or one behind it.  Whatever the strict way (json_parse,
 * record_decode, record_encode, compare) would refuse, or read otherwise, is
 * refused here; a fuzz target compares the two.  Nothing is said about why: who
 * is refused asks the strict way.
 *
 * The text is copied once, and strings stay where they are in the copy: the
 * quote behind each becomes its '\0'.  The '\0' behind the copy ends every loop.
 */
#include <string.h>

#include "base/time.h"
#include "codec/canon.h"
#include "codec/codec_internal.h"
#include "codec/digest.h"
#include "codec/record.h"

enum { FIRST_ROOM = 4, INT_DIGITS_MAX = 16, STRING_CAP = 1 << 20 };

struct quick {
	char *at;
	size_t values, depth; /* nodes and levels left */
	struct gk_arena *arena;
};

/* A value begins, of any type. */
static bool
take_value(struct quick *q)
{
	if (q->values == 0) {
		return false;
	}
	q->values--;
	return true;
}

static bool
take_char(struct quick *q, char c)
{
	if (*q->at != c) {
		return false;
	}
	q->at++;
	return true;
}

static bool
take_word(struct quick *q, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(q->at, word, n) != 0) {
		return false;
	}
	q->at += n;
	return true;
}

static bool
enter(struct quick *q, char c)
{
	if (q->depth == 0 || !take_char(q, c)) {
		return false;
	}
	q->depth--;
	return true;
}

static bool
leave(struct quick *q, char c)
{
	q->depth++;
	return take_char(q, c);
}

/* A string with escapes or beyond ASCII: at is behind its first quote. */
static bool
read_rich(struct quick *q, char *at, const char **ret_text)
{
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(STRING_CAP);
	struct gk_err why = {.rc = GK_OK};
	struct lex_span span = {at, 0, false};
	char *end = at, *text;
	struct lex lex;

	while (*end != '"') {
		end += *end == '\\' ? 1 : 0;
		if (*end == '\0') {
			return false;
		}
		end++;
	}
	span.n = (size_t)(end - at);
	lex = (struct lex){at, at, end, &why};
	text = gk_arena_alloc(q->arena, span.n + 1);
	if (text == NULL || lex__decode(&lex, &span, text) != GK_OK ||
	    canon_string(text, &again, &why) != GK_OK ||
	    again.len != span.n + 2 ||
	    memcmp(again.bytes, at - 1, again.len) != 0) {
		return false;
	}
	q->at = end + 1;
	*ret_text = text;
	return true;
}

static bool
is_plain(char c)
{
	return (unsigned char)c - 0x20U < 0x60 && c != '"' && c != '\\';
}

static bool
read_string(struct quick *q, const char **ret_text)
{
	char *at = q->at + 1, *end = at;

	if (*q->at != '"') {
		return false;
	}
	while (is_plain(*end)) {
		end++;
	}
	if (*end != '"') {
		return read_rich(q, at, ret_text);
	}
	*end = '\0';
	q->at = end + 1;
	*ret_text = at;
	return true;
}

static bool
read_text(
    struct quick *q, const struct record_field *field, const char **ret_text)
{
	const char *text;

	if (!take_value(q) || !read_string(q, &text) ||
	    (field->kind == RECORD_STR && field->max > 0 &&
		strlen(text) > field->max) ||
	    (*text == '\0' && (field->flags & RECORD_EMPTY_OK) == 0) ||
	    (field->check != NULL && *text != '\0' && !field->check(text))) {
		return false;
	}
	*ret_text = text;
	return true;
}

static bool
read_int(struct quick *q, int64_t *ret)
{
	bool minus = take_char(q, '-');
	const char *from = q->at;
	int64_t n = 0;

	while (
	    *q->at >= '0' && *q->at <= '9' && q->at - from < INT_DIGITS_MAX) {
		n = n * 10 + (*q->at++ - '0');
	}
	if (q->at == from || n > JSON_INT_MAX ||
	    (*from == '0' && (minus || q->at - from > 1))) {
		return false;
	}
	*ret = minus ? -n : n;
	return true;
}

/* Only the form that gk_time_print() has. */
static bool
read_time(struct quick *q, int64_t *ret)
{
	char again[GK_TIME_TEXT_BYTES];
	const char *text;

	if (!read_string(q, &text) || gk_time_parse(text, ret, NULL) != GK_OK) {
		return false;
	}
	gk_time_print(*ret, again);
	return strcmp(again, text) == 0;
}

static bool
read_number(struct quick *q, const struct record_field *field, void *to)
{
	const char *text;
	int64_t n = 0;
	bool ok = take_value(q);

	if (field->kind == RECORD_INT) {
		ok = ok && read_int(q, &n);
	} else if (field->kind == RECORD_BIG) {
		ok = ok && read_string(q, &text) && record__big(text, &n);
	} else {
		ok = ok && read_time(q, &n);
	}
	if (!ok || ((field->lo != 0 || field->hi != 0) &&
		       (n < field->lo || n > field->hi))) {
		return false;
	}
	memcpy(to, &n, sizeof(n));
	return true;
}

static bool
read_bool(struct quick *q, void *to)
{
	bool yes = *q->at == 't';

	memcpy(to, &yes, sizeof(yes));
	return take_value(q) && take_word(q, yes ? "true" : "false");
}

static bool
read_enum(struct quick *q, const struct record_field *field, void *to)
{
	const char *text;

	if (!take_value(q) || !read_string(q, &text)) {
		return false;
	}
	for (size_t i = 0; i < field->names_count; i++) {
		int word = (int)i;

		if (field->names[i] != NULL && field->names[i][0] == text[0] &&
		    strcmp(field->names[i], text) == 0) {
			memcpy(to, &word, sizeof(word));
			return true;
		}
	}
	return false;
}

static bool
read_bytes(struct quick *q, const struct record_field *field, void *to)
{
	size_t prefix = field->prefix == NULL ? 0 : strlen(field->prefix);
	const char *text;
	size_t n;

	return take_value(q) && read_string(q, &text) &&
	       (prefix == 0 || strncmp(text, field->prefix, prefix) == 0) &&
	       digest_from_b64url(
		   text + prefix, strlen(text + prefix), to, field->max, &n) &&
	       n == field->max;
}

/* Items of unknown number, in arena. */
struct items {
	char *bytes;
	size_t count, room, size;
};

static void *
items_add(
    struct quick *q, struct items *items, const struct record_field *field)
{
	if (field->max > 0 && items->count == field->max) {
		return NULL;
	}
	if (items->count == items->room) {
		size_t room = items->room == 0 ? FIRST_ROOM : items->room * 2;
		char *bytes = gk_arena_calloc(q->arena, room, items->size);

		if (bytes == NULL) {
			return NULL;
		}
		if (items->count > 0) {
			memcpy(bytes, items->bytes, items->count * items->size);
		}
		items->bytes = bytes;
		items->room = room;
	}
	return items->bytes + items->count++ * items->size;
}

static void
items_keep(
    const struct items *items, const struct record_field *field, void *dst)
{
	memcpy(
	    (char *)dst + field->offset, &items->bytes, sizeof(items->bytes));
	memcpy((char *)dst + field->count_offset, &items->count,
	    sizeof(items->count));
}

static bool read_struct(
    struct quick *q, const struct record_type *type, void *dst);

static bool
read_item(struct quick *q, const struct record_field *field, void *item)
{
	const char *text;

	if (field->kind == RECORD_OBJECTS) {
		return take_value(q) && read_struct(q, field->type, item);
	}
	if (!read_text(q, field, &text)) {
		return false;
	}
	memcpy(item, &text, sizeof(text));
	return true;
}

/* An empty list is for the strict way: it is printed only where it must be. */
static bool
read_list(struct quick *q, const struct record_field *field, void *dst)
{
	struct items items = {.size = field->kind == RECORD_STRS
					  ? sizeof(const char *)
					  : field->type->size};
	bool more = true;

	if (!take_value(q) || !enter(q, '[')) {
		return false;
	}
	while (more) {
		void *item = items_add(q, &items, field);

		if (item == NULL || !read_item(q, field, item)) {
			return false;
		}
		more = take_char(q, ',');
	}
	items_keep(&items, field, dst);
	return leave(q, ']');
}

static bool
read_map(struct quick *q, const struct record_field *field, void *dst)
{
	struct items items = {.size = sizeof(struct record_pair)};
	const char *before = NULL;
	bool more = true;

	if (!take_value(q) || !enter(q, '{')) {
		return false;
	}
	while (more) {
		struct record_pair *pair = items_add(q, &items, field);

		if (pair == NULL || !read_string(q, &pair->name) ||
		    (before != NULL && strcmp(before, pair->name) >= 0) ||
		    !take_char(q, ':') || !read_text(q, field, &pair->value)) {
			return false;
		}
		before = pair->name;
		more = take_char(q, ',');
	}
	items_keep(&items, field, dst);
	return leave(q, '}');
}

static bool
read_object(struct quick *q, const struct record_field *field, void *to)
{
	void *inner = gk_arena_alloc(q->arena, field->type->size);

	memcpy(to, &inner, sizeof(inner));
	return inner != NULL && take_value(q) &&
	       read_struct(q, field->type, inner);
}

static bool
read_value(struct quick *q, const struct record_field *field, void *dst)
{
	void *to = (char *)dst + field->offset;
	const char *text;

	switch (field->kind) {
	case RECORD_STR:
		if (!read_text(q, field, &text)) {
			return false;
		}
		memcpy(to, &text, sizeof(text));
		return true;
	case RECORD_INT:
	case RECORD_BIG:
	case RECORD_TIME:
		return read_number(q, field, to);
	case RECORD_BOOL:
		return read_bool(q, to);
	case RECORD_ENUM:
		return read_enum(q, field, to);
	case RECORD_BYTES:
		return read_bytes(q, field, to);
	case RECORD_STRS:
	case RECORD_OBJECTS:
		return read_list(q, field, dst);
	case RECORD_MAP:
		return read_map(q, field, dst);
	case RECORD_OBJECT:
		return read_object(q, field, to);
	case RECORD_JSON:
		break;
	}
	return false;
}

/* The field whose name stands here, not before i; those between must be ones that may be absent. */
static bool
find_field(const struct quick *q, const struct record_type *type, size_t *i)
{
	const char *name = q->at + 1;

	for (; *i < type->count; (*i)++) {
		const struct record_field *field = &type->fields[*i];
		size_t n;

		if (field->name[0] == name[0]) {
			n = strlen(field->name);
			if (strncmp(field->name, name, n) == 0 &&
			    name[n] == '"') {
				return true;
			}
		}
		if ((field->flags & (RECORD_REQUIRED | RECORD_NULLABLE |
					RECORD_KEEP_EMPTY)) != 0) {
			return false;
		}
	}
	return false;
}

static bool
rest_is_optional(const struct record_type *type, size_t i)
{
	for (; i < type->count; i++) {
		if ((type->fields[i].flags &
			(RECORD_REQUIRED | RECORD_NULLABLE |
			    RECORD_KEEP_EMPTY)) != 0) {
			return false;
		}
	}
	return true;
}

static bool
read_member(struct quick *q, const struct record_field *field, void *dst)
{
	static const bool yes = true;

	q->at += strlen(field->name) + 2;
	if (!take_char(q, ':') || !read_value(q, field, dst)) {
		return false;
	}
	if (field->has_offset != 0) {
		memcpy((char *)dst + field->has_offset, &yes, sizeof(yes));
	}
	return record__is_present(field, dst);
}

/* An object without members is for the strict way. */
static bool
read_struct(struct quick *q, const struct record_type *type, void *dst)
{
	bool more = true;
	size_t i = 0;

	if (!enter(q, '{')) {
		return false;
	}
	for (; more; i++) {
		if (*q->at != '"' || !find_field(q, type, &i) ||
		    !read_member(q, &type->fields[i], dst)) {
			return false;
		}
		more = take_char(q, ',');
	}
	return rest_is_optional(type, i) && leave(q, '}');
}

bool
record_quick(const struct record_type *type, const char *bytes, size_t n,
    const struct json_limits *limits, struct gk_arena *arena, void *ret_dst)
{
	struct quick q = {NULL, limits->values, limits->depth, arena};
	char *copy;

	if (n > limits->bytes) {
		return false;
	}
	copy = gk_arena_strndup(arena, bytes, n);
	if (copy == NULL) {
		return false;
	}
	q.at = copy;
	memset(ret_dst, 0, type->size);
	return take_value(&q) && read_struct(&q, type, ret_dst) &&
	       q.at == copy + n;
}
