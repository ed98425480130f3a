/* Walks a record table to print a struct as canonical JSON, or to fill one from a JSON object. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "codec/canon.h"
#include "codec/codec_internal.h"
#include "codec/digest.h"
#include "codec/record.h"

enum { RECORD_FIELDS_MAX = 128 };

/* ---- encode ---- */

static const void *
at(const void *src, size_t offset)
{
	return (const char *)src + offset;
}

static size_t
count_of(const struct record_field *field, const void *src)
{
	size_t n;

	memcpy(&n, at(src, field->count_offset), sizeof(n));
	return n;
}

static int64_t
int_of(const struct record_field *field, const void *src)
{
	int64_t n;

	memcpy(&n, at(src, field->offset), sizeof(n));
	return n;
}

static int
enum_of(const struct record_field *field, const void *src)
{
	int n;

	memcpy(&n, at(src, field->offset), sizeof(n));
	return n;
}

static const void *
pointer_of(const struct record_field *field, const void *src)
{
	const void *p;

	memcpy(&p, at(src, field->offset), sizeof(p));
	return p;
}

static bool
bool_at(const void *src, size_t offset)
{
	bool b;

	memcpy(&b, at(src, offset), sizeof(b));
	return b;
}

static bool
all_zero(const uint8_t *bytes, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++) {
		any |= bytes[i];
	}
	return any == 0;
}

bool
record__is_present(const struct record_field *field, const void *src)
{
	if (field->has_offset != 0) {
		return bool_at(src, field->has_offset);
	}
	if ((field->flags & RECORD_REQUIRED) != 0) {
		return true;
	}
	switch (field->kind) {
	case RECORD_INT:
	case RECORD_BIG:
	case RECORD_TIME:
		return int_of(field, src) != 0;
	case RECORD_BOOL:
		return bool_at(src, field->offset);
	case RECORD_ENUM:
		return enum_of(field, src) != 0;
	case RECORD_BYTES:
		return !all_zero(at(src, field->offset), field->max);
	case RECORD_STRS:
	case RECORD_OBJECTS:
	case RECORD_MAP:
		return count_of(field, src) > 0 ||
		       (field->flags & RECORD_KEEP_EMPTY) != 0;
	case RECORD_STR:
	case RECORD_OBJECT:
	case RECORD_JSON:
		break;
	}
	return pointer_of(field, src) != NULL;
}

static enum gk_rc
encode_bytes(const struct record_field *field, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	size_t prefix = field->prefix == NULL ? 0 : strlen(field->prefix);
	size_t n = DIGEST_B64URL_ROOM(field->max) - 1;
	char *to;

	GK_TRY(gk_buf_reserve(buf, prefix + n + 2, &to, err));
	*to++ = '"';
	if (prefix > 0) {
		memcpy(to, field->prefix, prefix);
	}
	(void)digest_b64url(at(src, field->offset), field->max, to + prefix);
	to[prefix + n] = '"';
	to[prefix + n + 1] = '\0';
	buf->len += prefix + n + 2;
	return GK_OK;
}

static enum gk_rc
encode_strs(const struct record_field *field, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	const char *const *strs = pointer_of(field, src);
	size_t count = count_of(field, src);

	GK_TRY(gk_buf_putc(buf, '[', err));
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			GK_TRY(gk_buf_putc(buf, ',', err));
		}
		GK_TRY(canon_string(strs[i], buf, err));
	}
	return gk_buf_putc(buf, ']', err);
}

static enum gk_rc
encode_map(const struct record_field *field, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	const struct record_pair *pairs = pointer_of(field, src);
	size_t count = count_of(field, src);

	GK_TRY(gk_buf_putc(buf, '{', err));
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			GK_TRY(gk_buf_putc(buf, ',', err));
		}
		GK_TRY(canon_string(pairs[i].name, buf, err));
		GK_TRY(gk_buf_putc(buf, ':', err));
		GK_TRY(canon_string(pairs[i].value, buf, err));
	}
	return gk_buf_putc(buf, '}', err);
}

static enum gk_rc
encode_objects(const struct record_field *field, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	const char *item = pointer_of(field, src);
	size_t count = count_of(field, src);

	GK_TRY(gk_buf_putc(buf, '[', err));
	for (size_t i = 0; i < count; i++, item += field->type->size) {
		if (i > 0) {
			GK_TRY(gk_buf_putc(buf, ',', err));
		}
		GK_TRY(record_encode(field->type, item, buf, err));
	}
	return gk_buf_putc(buf, ']', err);
}

static enum gk_rc
encode_int(const struct record_field *field, int64_t n, struct gk_buf *buf,
    struct gk_err *err)
{
	char text[24], *p = text + sizeof(text);
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	bool quoted = field->kind == RECORD_BIG;

	if (quoted) {
		*--p = '"';
	}
	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (n < 0) {
		*--p = '-';
	}
	if (quoted) {
		*--p = '"';
	}
	return gk_buf_add(buf, p, (size_t)(text + sizeof(text) - p), err);
}

static enum gk_rc
encode_time(int64_t us, struct gk_buf *buf, struct gk_err *err)
{
	char text[GK_TIME_TEXT_BYTES + 2];

	text[0] = '"';
	gk_time_print(us, text + 1);
	text[GK_TIME_TEXT_BYTES] = '"';
	return gk_buf_add(buf, text, GK_TIME_TEXT_BYTES + 1, err);
}

static enum gk_rc
encode_value(const struct record_field *field, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	int word;

	switch (field->kind) {
	case RECORD_STR:
		return canon_string(pointer_of(field, src), buf, err);
	case RECORD_INT:
	case RECORD_BIG:
		return encode_int(field, int_of(field, src), buf, err);
	case RECORD_BOOL:
		return gk_buf_puts(
		    buf, bool_at(src, field->offset) ? "true" : "false", err);
	case RECORD_ENUM:
		word = enum_of(field, src);
		GK_ASSERT(word >= 0 && (size_t)word < field->names_count &&
			  field->names[word] != NULL);
		return canon_string(field->names[word], buf, err);
	case RECORD_TIME:
		return encode_time(int_of(field, src), buf, err);
	case RECORD_BYTES:
		return encode_bytes(field, src, buf, err);
	case RECORD_STRS:
		return encode_strs(field, src, buf, err);
	case RECORD_OBJECT:
		return record_encode(
		    field->type, pointer_of(field, src), buf, err);
	case RECORD_OBJECTS:
		return encode_objects(field, src, buf, err);
	case RECORD_MAP:
		return encode_map(field, src, buf, err);
	case RECORD_JSON:
		break;
	}
	return canon_print(pointer_of(field, src), buf, err);
}

/* '{' or ',', then the name, which needs no escapes, and ':'. */
static enum gk_rc
encode_name(
    char between, const char *name, struct gk_buf *buf, struct gk_err *err)
{
	size_t n = strlen(name);
	char *to;

	GK_TRY(gk_buf_reserve(buf, n + 4, &to, err));
	to[0] = between;
	to[1] = '"';
	memcpy(to + 2, name, n);
	memcpy(to + 2 + n, "\":", 3);
	buf->len += n + 4;
	return GK_OK;
}

enum gk_rc
record_encode(const struct record_type *type, const void *src,
    struct gk_buf *buf, struct gk_err *err)
{
	char between = '{';

	for (size_t i = 0; i < type->count; i++) {
		const struct record_field *field = &type->fields[i];
		bool present = record__is_present(field, src);

		if (!present && (field->flags & RECORD_NULLABLE) == 0) {
			continue;
		}
		GK_TRY(encode_name(between, field->name, buf, err));
		between = ',';
		GK_TRY(present ? encode_value(field, src, buf, err)
			       : gk_buf_puts(buf, "null", err));
	}
	return gk_buf_puts(buf, between == '{' ? "{}" : "}", err);
}

/* ---- decode ---- */

/* Where in the input we are; a chain on the stack, printed only for an error. */
struct place {
	const struct place *up;
	const char *name; /* of a member; NULL: index counts */
	size_t index;
};

static void
place_print(const struct place *place, char *to, size_t room)
{
	char rest[160];
	size_t n = 0;

	to[0] = '\0';
	for (; place != NULL && place->up != NULL; place = place->up) {
		(void)snprintf(rest, sizeof(rest), "%s", to);
		if (place->name != NULL) {
			n = 0;
			to[n++] = '/';
			for (const char *c = place->name;
			     *c != '\0' && n + 3 < room; c++) {
				if (*c == '~' || *c == '/') {
					to[n++] = '~';
					to[n++] = *c == '~' ? '0' : '1';
				} else {
					to[n++] = *c;
				}
			}
			to[n] = '\0';
		} else {
			n = (size_t)snprintf(to, room, "/%zu", place->index);
		}
		(void)snprintf(to + n, room - n, "%s", rest);
	}
}

#define REFUSE(place, err, rc, ...) \
	refuse((place), (err), GK_FAIL((err), (rc), __VA_ARGS__))

static enum gk_rc
refuse(const struct place *place, struct gk_err *err, enum gk_rc rc)
{
	if (err != NULL) {
		place_print(place, err->where, sizeof(err->where));
	}
	return rc;
}

/* What a decode works on: the struct to fill and where strings go. */
struct target {
	void *dst;
	struct gk_arena *arena;
};

static void *
to(const struct target *target, size_t offset)
{
	return (char *)target->dst + offset;
}

static enum gk_rc
no_memory(
    const struct target *target, const struct place *place, struct gk_err *err)
{
	return REFUSE(place, err, GK_E_LIMIT,
	    "more than %zu bytes of memory for one message",
	    target->arena->cap);
}

static enum gk_rc
decode_text(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place,
    const char **ret_text, struct gk_err *err)
{
	const char *text = json_string(value);

	if (text == NULL) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected a string, found %s", json_type_name(value));
	}
	if (field->kind == RECORD_STR && field->max > 0 &&
	    strlen(text) > field->max) {
		return REFUSE(place, err, GK_E_LIMIT, "longer than %zu bytes",
		    field->max);
	}
	if (*text == '\0' && (field->flags & RECORD_EMPTY_OK) == 0) {
		return REFUSE(place, err, GK_E_INVALID, "must not be empty");
	}
	if (field->check != NULL && *text != '\0' && !field->check(text)) {
		return REFUSE(
		    place, err, GK_E_INVALID, "expected %s", field->expected);
	}
	*ret_text = gk_arena_strdup(target->arena, text);
	return *ret_text == NULL ? no_memory(target, place, err) : GK_OK;
}

static enum gk_rc
check_range(const struct record_field *field, int64_t n,
    const struct place *place, struct gk_err *err)
{
	if ((field->lo != 0 || field->hi != 0) &&
	    (n < field->lo || n > field->hi)) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected a number from %lld to %lld", (long long)field->lo,
		    (long long)field->hi);
	}
	return GK_OK;
}

bool
record__big(const char *text, int64_t *ret)
{
	bool minus = *text == '-';
	const char *p = text + minus;
	uint64_t n = 0, cap = (uint64_t)INT64_MAX + minus;

	if (*p == '\0' || (*p == '0' && (p[1] != '\0' || minus))) {
		return false;
	}
	for (; *p != '\0'; p++) {
		uint64_t d = (uint64_t)(*p - '0');

		if (*p < '0' || *p > '9' || n > (cap - d) / 10) {
			return false;
		}
		n = n * 10 + d;
	}
	*ret = minus ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

static enum gk_rc
decode_int(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const char *text = json_string(value);
	int64_t n;

	if (field->kind == RECORD_INT && !json_int(value, &n)) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected an integer, found %s", json_type_name(value));
	}
	if (field->kind == RECORD_BIG &&
	    (text == NULL || !record__big(text, &n))) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected an integer in a string");
	}
	if (field->kind == RECORD_TIME) {
		if (text == NULL) {
			return REFUSE(place, err, GK_E_INVALID,
			    "expected an RFC 3339 time, found %s",
			    json_type_name(value));
		}
		if (gk_time_parse(text, &n, err) != GK_OK) {
			return refuse(place, err, GK_E_INVALID);
		}
	}
	GK_TRY(check_range(field, n, place, err));
	memcpy(to(target, field->offset), &n, sizeof(n));
	return GK_OK;
}

static enum gk_rc
decode_enum(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const char *text = json_string(value);
	char list[160] = "";
	size_t n = 0;

	for (size_t i = 0; text != NULL && i < field->names_count; i++) {
		int word = (int)i;

		if (field->names[i] != NULL &&
		    strcmp(field->names[i], text) == 0) {
			memcpy(to(target, field->offset), &word, sizeof(word));
			return GK_OK;
		}
	}
	for (size_t i = 0; i < field->names_count; i++) {
		if (field->names[i] != NULL && n < sizeof(list)) {
			n += (size_t)snprintf(list + n, sizeof(list) - n,
			    "%s%s", n > 0 ? ", " : "", field->names[i]);
		}
	}
	return REFUSE(place, err, GK_E_INVALID, "expected one of: %s", list);
}

static enum gk_rc
decode_bytes(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const char *text = json_string(value);
	size_t prefix = field->prefix == NULL ? 0 : strlen(field->prefix);
	size_t n;

	if (text == NULL ||
	    (prefix > 0 && strncmp(text, field->prefix, prefix) != 0) ||
	    !digest_from_b64url(text + prefix, strlen(text) - prefix,
		to(target, field->offset), field->max, &n) ||
	    n != field->max) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected %s%zu bytes in base64url",
		    field->prefix == NULL ? "" : field->prefix, field->max);
	}
	return GK_OK;
}

/* How many items a list or map holds, held to the field's max. */
static enum gk_rc
decode_count(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, enum json_type want,
    struct gk_err *err)
{
	size_t count = json_count(value);

	if (json_type(value) != want) {
		return REFUSE(place, err, GK_E_INVALID, "expected %s, found %s",
		    want == JSON_ARRAY ? "an array" : "an object",
		    json_type_name(value));
	}
	if (field->max > 0 && count > field->max) {
		return REFUSE(place, err, GK_E_LIMIT, "more than %zu entries",
		    field->max);
	}
	memcpy(to(target, field->count_offset), &count, sizeof(count));
	return GK_OK;
}

static enum gk_rc
decode_strs(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const struct json_value *item = json_first(value);
	const char **strs;
	size_t i = 0;

	GK_TRY(decode_count(field, value, target, place, JSON_ARRAY, err));
	strs = gk_arena_calloc(target->arena, json_count(value), sizeof(*strs));
	if (strs == NULL) {
		return no_memory(target, place, err);
	}
	for (; item != NULL; item = json_next(item), i++) {
		struct place here = {place, NULL, i};

		GK_TRY(decode_text(field, item, target, &here, &strs[i], err));
	}
	memcpy(to(target, field->offset), &strs, sizeof(strs));
	return GK_OK;
}

static void
sort_pairs(struct record_pair *pairs, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct record_pair pair = pairs[i];
		size_t k = i;

		for (; k > 0 && strcmp(pairs[k - 1].name, pair.name) > 0; k--) {
			pairs[k] = pairs[k - 1];
		}
		pairs[k] = pair;
	}
}

static enum gk_rc
decode_map(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const struct json_value *item = json_first(value);
	struct record_pair *pairs;
	size_t i = 0;

	GK_TRY(decode_count(field, value, target, place, JSON_OBJECT, err));
	pairs =
	    gk_arena_calloc(target->arena, json_count(value), sizeof(*pairs));
	if (pairs == NULL) {
		return no_memory(target, place, err);
	}
	for (; item != NULL; item = json_next(item), i++) {
		struct place here = {place, json_name(item), 0};

		pairs[i].name = gk_arena_strdup(target->arena, json_name(item));
		if (pairs[i].name == NULL) {
			return no_memory(target, &here, err);
		}
		GK_TRY(decode_text(
		    field, item, target, &here, &pairs[i].value, err));
	}
	sort_pairs(pairs, i);
	memcpy(to(target, field->offset), &pairs, sizeof(pairs));
	return GK_OK;
}

static enum gk_rc decode_struct(const struct record_type *type,
    const struct json_value *value, const struct target *target,
    const struct place *place, struct gk_err *err);

static enum gk_rc
decode_object(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	struct target inner = {
	    gk_arena_alloc(target->arena, field->type->size), target->arena};

	if (inner.dst == NULL) {
		return no_memory(target, place, err);
	}
	GK_TRY(decode_struct(field->type, value, &inner, place, err));
	memcpy(to(target, field->offset), &inner.dst, sizeof(inner.dst));
	return GK_OK;
}

static enum gk_rc
decode_objects(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	const struct json_value *item = json_first(value);
	char *items;
	size_t i = 0;

	GK_TRY(decode_count(field, value, target, place, JSON_ARRAY, err));
	items = gk_arena_calloc(
	    target->arena, json_count(value), field->type->size);
	if (items == NULL) {
		return no_memory(target, place, err);
	}
	for (; item != NULL; item = json_next(item), i++) {
		struct place here = {place, NULL, i};
		struct target inner = {
		    items + i * field->type->size, target->arena};

		GK_TRY(decode_struct(field->type, item, &inner, &here, err));
	}
	memcpy(to(target, field->offset), &items, sizeof(items));
	return GK_OK;
}

static enum gk_rc
decode_value(const struct record_field *field, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	bool yes;

	switch (field->kind) {
	case RECORD_STR:
		return decode_text(field, value, target, place,
		    to(target, field->offset), err);
	case RECORD_INT:
	case RECORD_BIG:
	case RECORD_TIME:
		return decode_int(field, value, target, place, err);
	case RECORD_BOOL:
		if (json_type(value) != JSON_BOOL) {
			return REFUSE(place, err, GK_E_INVALID,
			    "expected true or false, found %s",
			    json_type_name(value));
		}
		yes = json_bool(value);
		memcpy(to(target, field->offset), &yes, sizeof(yes));
		return GK_OK;
	case RECORD_ENUM:
		return decode_enum(field, value, target, place, err);
	case RECORD_BYTES:
		return decode_bytes(field, value, target, place, err);
	case RECORD_STRS:
		return decode_strs(field, value, target, place, err);
	case RECORD_OBJECT:
		return decode_object(field, value, target, place, err);
	case RECORD_OBJECTS:
		return decode_objects(field, value, target, place, err);
	case RECORD_MAP:
		return decode_map(field, value, target, place, err);
	case RECORD_JSON:
		break;
	}
	memcpy(to(target, field->offset), &value, sizeof(value));
	return GK_OK;
}

/* The field of that name, by binary search; type->count when there is none. */
static size_t
find_field(const struct record_type *type, const char *name)
{
	size_t lo = 0, hi = type->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = strcmp(type->fields[mid].name, name);

		if (order == 0) {
			return mid;
		}
		if (order < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return type->count;
}

static enum gk_rc
decode_member(const struct record_type *type, const struct json_value *member,
    const struct target *target, const struct place *place, bool *seen,
    struct gk_err *err)
{
	struct place here = {place, json_name(member), 0};
	size_t i = find_field(type, here.name);
	const struct record_field *field = &type->fields[i];
	static const bool yes = true;

	if (i == type->count) {
		return REFUSE(&here, err, GK_E_INVALID, "unknown field of a %s",
		    type->name);
	}
	if (json_type(member) == JSON_NULL &&
	    (field->flags & RECORD_NULLABLE) != 0) {
		return GK_OK;
	}
	GK_TRY(decode_value(field, member, target, &here, err));
	if (field->has_offset != 0) {
		memcpy(to(target, field->has_offset), &yes, sizeof(yes));
	}
	seen[i] = true;
	return GK_OK;
}

static enum gk_rc
decode_struct(const struct record_type *type, const struct json_value *value,
    const struct target *target, const struct place *place, struct gk_err *err)
{
	bool seen[RECORD_FIELDS_MAX] = {false};
	const struct json_value *member;

	if (json_type(value) != JSON_OBJECT) {
		return REFUSE(place, err, GK_E_INVALID,
		    "expected an object (%s), found %s", type->name,
		    json_type_name(value));
	}
	for (member = json_first(value); member != NULL;
	     member = json_next(member)) {
		GK_TRY(decode_member(type, member, target, place, seen, err));
	}
	for (size_t i = 0; i < type->count; i++) {
		if (!seen[i] &&
		    (type->fields[i].flags & RECORD_REQUIRED) != 0) {
			struct place here = {place, type->fields[i].name, 0};

			return REFUSE(
			    &here, err, GK_E_INVALID, "required, but missing");
		}
	}
	return GK_OK;
}

enum gk_rc
record_decode(const struct record_type *type, const struct json_value *value,
    struct gk_arena *arena, void *ret_dst, struct gk_err *err)
{
	struct target target = {ret_dst, arena};
	struct place root = {NULL, NULL, 0};

	memset(ret_dst, 0, type->size);
	return decode_struct(type, value, &target, &root, err);
}

bool
record_check(const struct record_type *type)
{
	for (size_t i = 0; i < type->count; i++) {
		const struct record_field *field = &type->fields[i];

		if (i > 0 && strcmp(field[-1].name, field->name) >= 0) {
			return false;
		}
		if (field->offset >= type->size ||
		    (field->type != NULL) !=
			(field->kind == RECORD_OBJECT ||
			    field->kind == RECORD_OBJECTS) ||
		    (field->names != NULL) != (field->kind == RECORD_ENUM) ||
		    (field->check != NULL) != (field->expected != NULL)) {
			return false;
		}
	}
	return type->count <= RECORD_FIELDS_MAX;
}
