/* Equality of JSON values for "enum", "const" and "uniqueItems": the same canonical text. */
#include <string.h>

#include "codec/canon.h"
#include "policy/schema_node.h"

/* A character takes at most six bytes, a number at most 32: more than any request's. */
#define CANON_MAX (8u << 20)

static bool
is_tree(enum json_type type)
{
	return type == JSON_ARRAY || type == JSON_OBJECT;
}

enum gk_rc
constant_read(const struct json_value *value, struct gk_arena *arena,
    struct constant *ret_constant, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(CANON_MAX);
	enum json_type type = json_type(value);
	const char *text = json_string(value);

	if (is_tree(type)) {
		GK_TRY(canon_print(value, &buf, err));
		text = gk_buf_text(&buf);
	}
	if (text != NULL) {
		text = gk_arena_strdup(arena, text);
		if (text == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "schema");
		}
	}
	*ret_constant =
	    (struct constant){type, json_bool(value), json_number(value), text};
	return GK_OK;
}

static bool
same(const struct constant *constant, const struct json_value *value,
    enum json_type type, const char *text)
{
	double a = constant->number, b = json_number(value);

	return constant->type == type &&
	       constant->boolean == json_bool(value) && !(a < b) && !(a > b) &&
	       (text == NULL || strcmp(constant->text, text) == 0);
}

enum gk_rc
constants_have(const struct constants *constants,
    const struct json_value *value, bool *ret_have)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf buf = GK_BUF_INIT(constants->bytes + 1);
	enum json_type type = json_type(value);
	const char *text = json_string(value);

	*ret_have = false;
	if (is_tree(type)) {
		enum gk_rc rc = canon_print(value, &buf, NULL);

		if (rc != GK_OK) {
			/* what is longer than the longest is none of them */
			return rc == GK_E_LIMIT ? GK_OK : rc;
		}
		text = gk_buf_text(&buf);
	}
	for (size_t i = 0; i < constants->count && !*ret_have; i++) {
		*ret_have = same(&constants->items[i], value, type, text);
	}
	return GK_OK;
}

/* Each element's canonical text, one behind the other, and where each ends. */
static enum gk_rc
print_each(
    const struct json_value *array, struct gk_buf *text, struct gk_buf *ends)
{
	for (const struct json_value *item = json_first(array); item != NULL;
	     item = json_next(item)) {
		GK_TRY(canon_print(item, text, NULL));
		GK_TRY(gk_buf_add(ends, &text->len, sizeof(text->len), NULL));
	}
	return GK_OK;
}

enum gk_rc
constants_differ(const struct json_value *array, bool *ret_differ)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(CANON_MAX);
	GK_AUTO(gk_buf_done) struct gk_buf ends = GK_BUF_INIT(CANON_MAX);
	GK_AUTO(gk_map_done) struct gk_map seen = {NULL, 0, 0};
	size_t from = 0, end, count = 0;

	GK_TRY(print_each(array, &text, &ends));
	for (; count * sizeof(end) < ends.len; count++, from = end) {
		memcpy(&end, ends.bytes + count * sizeof(end), sizeof(end));
		GK_TRY(gk_map_set(
		    &seen, text.bytes + from, end - from, text.bytes, NULL));
	}
	*ret_differ = seen.count == count;
	return GK_OK;
}
