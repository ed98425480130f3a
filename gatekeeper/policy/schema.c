/* A JSON Schema → a tree that is checked against; every keyword is known or refused. */
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/canon.h"
#include "policy/schema_internal.h"

#define DEPTH_MAX   32
#define PATTERN_CAP (1u << 20)
#define CANON_CAP   (64u << 10)

struct reading {
	struct gk_arena *arena;
	struct gk_err *err;
	struct gk_map definitions; /* "#/$defs/x" → struct schema */
	const struct json_value *root;
	const struct schema *root_schema;
	const struct schema *patterns;
	char pointer[160];
	size_t pointer_n;
};

static enum gk_rc read_schema(struct reading *reading,
    const struct json_value *from, struct schema *schema, unsigned depth);

static enum gk_rc
wrong(struct reading *reading, const char *keyword, const char *what)
{
	enum gk_rc rc =
	    GK_FAIL(reading->err, GK_E_INVALID, "'%.60s': %s", keyword, what);

	gk_err_where(reading->err, "%.*s/%.60s", (int)reading->pointer_n,
	    reading->pointer, keyword);
	return rc;
}

static enum gk_rc
no_memory(struct reading *reading)
{
	return GK_FAIL(reading->err, GK_E_NOMEM, "no memory for a schema");
}

/* Go down to a place for its messages; gives what to hand to leave(). */
static size_t
enter(struct reading *reading, const char *name)
{
	size_t before = reading->pointer_n, n = strlen(name);

	if (before + 1 + n < sizeof(reading->pointer)) {
		reading->pointer[before] = '/';
		memcpy(reading->pointer + before + 1, name, n);
		reading->pointer_n += n + 1;
	}
	return before;
}

static void
leave(struct reading *reading, size_t before)
{
	reading->pointer_n = before;
}

static enum gk_rc
read_below(struct reading *reading, const struct json_value *from,
    const char *name, const struct schema **ret, unsigned depth)
{
	struct schema *schema = gk_arena_alloc(reading->arena, sizeof(*schema));
	size_t before = enter(reading, name);

	if (schema == NULL) {
		return no_memory(reading);
	}
	GK_TRY(read_schema(reading, from, schema, depth + 1));
	leave(reading, before);
	*ret = schema;
	return GK_OK;
}

/* ---- keywords ---- */

static enum gk_rc
read_type(struct reading *reading, const struct json_value *value,
    struct schema *schema)
{
	static const char *const words[] = {"null", "boolean", "integer",
	    "number", "string", "array", "object"};
	const struct json_value *one =
	    json_type(value) == JSON_ARRAY ? json_first(value) : value;
	bool list = json_type(value) == JSON_ARRAY;

	if (one == NULL) {
		return wrong(reading, "type", "expected a type");
	}
	for (; one != NULL; one = list ? json_next(one) : NULL) {
		const char *word = json_string(one);
		size_t i = 0;

		while (word != NULL && i < GK_COUNT(words) &&
		       strcmp(word, words[i]) != 0) {
			i++;
		}
		if (word == NULL || i == GK_COUNT(words)) {
			return wrong(reading, "type",
			    "expected null, boolean, integer, number, string, "
			    "array or object");
		}
		schema->types |= 1u << i;
	}
	return GK_OK;
}

/* A property's place; made when it is new. */
static struct schema_property *
property(struct reading *reading, struct schema *schema, const char *name)
{
	struct schema_property *at;

	for (size_t i = 0; i < schema->property_count; i++) {
		if (strcmp(schema->properties[i].name, name) == 0) {
			return &schema->properties[i];
		}
	}
	at = &schema->properties[schema->property_count];
	at->name = gk_arena_strdup(reading->arena, name);
	if (at->name == NULL) {
		return NULL;
	}
	schema->property_count++;
	return at;
}

static enum gk_rc
read_properties(struct reading *reading, const struct json_value *from,
    struct schema *schema, unsigned depth)
{
	const struct json_value *properties = json_get(from, "properties");
	const struct json_value *required = json_get(from, "required");
	const struct json_value *one;
	struct schema_property *at;
	size_t before;

	if ((properties != NULL && json_type(properties) != JSON_OBJECT) ||
	    (required != NULL && json_type(required) != JSON_ARRAY)) {
		return wrong(reading,
		    required == NULL ? "properties" : "required",
		    "expected properties: {…} and required: [names]");
	}
	schema->properties = gk_arena_calloc(reading->arena,
	    json_count(properties) + json_count(required) + 1,
	    sizeof(*schema->properties));
	if (schema->properties == NULL) {
		return no_memory(reading);
	}
	before = enter(reading, "properties");
	for (one = json_first(properties); one != NULL; one = json_next(one)) {
		at = property(reading, schema, json_name(one));
		if (at == NULL) {
			return no_memory(reading);
		}
		GK_TRY(read_below(
		    reading, one, json_name(one), &at->schema, depth));
	}
	leave(reading, before);
	for (one = json_first(required); one != NULL; one = json_next(one)) {
		if (json_string(one) == NULL) {
			return wrong(reading, "required", "expected names");
		}
		at = property(reading, schema, json_string(one));
		if (at == NULL) {
			return no_memory(reading);
		}
		at->required = true;
	}
	return GK_OK;
}

static enum gk_rc
read_list(struct reading *reading, const struct json_value *value,
    const char *keyword, struct schema_list *ret, unsigned depth)
{
	const struct json_value *one;

	if (value == NULL) {
		return GK_OK;
	}
	if (json_type(value) != JSON_ARRAY || json_count(value) == 0) {
		return wrong(reading, keyword, "expected a list of schemas");
	}
	ret->items = gk_arena_calloc(
	    reading->arena, json_count(value), sizeof(*ret->items));
	if (ret->items == NULL) {
		return no_memory(reading);
	}
	for (one = json_first(value); one != NULL; one = json_next(one)) {
		GK_TRY(read_below(
		    reading, one, keyword, &ret->items[ret->count], depth));
		ret->count++;
	}
	return GK_OK;
}

static enum gk_rc
read_one(struct reading *reading, const struct json_value *from,
    const char *keyword, const struct schema **ret, unsigned depth)
{
	const struct json_value *value = json_get(from, keyword);

	return value == NULL ? GK_OK
			     : read_below(reading, value, keyword, ret, depth);
}

static enum gk_rc
read_allowed(struct reading *reading, const struct json_value *from,
    struct schema *schema)
{
	const struct json_value *list = json_get(from, "enum");
	const struct json_value *one = json_get(from, "const");
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(CANON_CAP);

	if (list == NULL && one == NULL) {
		return GK_OK;
	}
	if (list != NULL && (json_type(list) != JSON_ARRAY || one != NULL)) {
		return wrong(reading, "enum",
		    "expected a list of values, and no 'const' beside it");
	}
	schema->allowed = gk_arena_calloc(reading->arena,
	    (list == NULL ? 1 : json_count(list)) + 1,
	    sizeof(*schema->allowed));
	if (schema->allowed == NULL) {
		return no_memory(reading);
	}
	if (list != NULL) {
		one = json_first(list);
	}
	for (; one != NULL; one = list == NULL ? NULL : json_next(one)) {
		const char *copy;

		gk_buf_clear(&text);
		GK_TRY(canon_print(one, &text, reading->err));
		copy = gk_arena_strdup(reading->arena, gk_buf_text(&text));
		if (copy == NULL) {
			return no_memory(reading);
		}
		schema->allowed[schema->allowed_count++] = copy;
	}
	return GK_OK;
}

static enum gk_rc
read_count(struct reading *reading, const struct json_value *from,
    const char *keyword, int64_t *ret)
{
	const struct json_value *value = json_get(from, keyword);

	if (value != NULL && (!json_int(value, ret) || *ret < 0)) {
		return wrong(
		    reading, keyword, "expected a whole number, 0 or more");
	}
	return GK_OK;
}

/* One bound of two: minimum or exclusiveMinimum, the narrower where both are said. */
static enum gk_rc
read_bound(struct reading *reading, const struct json_value *from,
    const char *const keywords[2], double sign, bool *has, bool *exclusive,
    double *ret)
{
	for (int i = 0; i < 2; i++) {
		const struct json_value *value = json_get(from, keywords[i]);
		double number = json_number(value);

		if (value == NULL) {
			continue;
		}
		if (json_type(value) != JSON_NUMBER) {
			return wrong(reading, keywords[i], "expected a number");
		}
		if (!*has || sign * number >= sign * *ret) {
			*ret = number;
			*exclusive = i == 1;
		}
		*has = true;
	}
	return GK_OK;
}

static enum gk_rc
read_numbers(struct reading *reading, const struct json_value *from,
    struct schema *schema)
{
	static const char *const low[] = {"minimum", "exclusiveMinimum"};
	static const char *const high[] = {"maximum", "exclusiveMaximum"};
	const struct json_value *multiple = json_get(from, "multipleOf");

	GK_TRY(read_bound(reading, from, low, 1, &schema->has_minimum,
	    &schema->above, &schema->minimum));
	GK_TRY(read_bound(reading, from, high, -1, &schema->has_maximum,
	    &schema->below, &schema->maximum));
	if (multiple != NULL) {
		schema->multiple = json_number(multiple);
		if (!(schema->multiple > 0)) {
			return wrong(
			    reading, "multipleOf", "expected a number above 0");
		}
	}
	schema->max_length = schema->max_items = schema->max_properties = -1;
	GK_TRY(read_count(reading, from, "minLength", &schema->min_length));
	GK_TRY(read_count(reading, from, "maxLength", &schema->max_length));
	GK_TRY(read_count(reading, from, "minItems", &schema->min_items));
	GK_TRY(read_count(reading, from, "maxItems", &schema->max_items));
	GK_TRY(read_count(
	    reading, from, "minProperties", &schema->min_properties));
	return read_count(
	    reading, from, "maxProperties", &schema->max_properties);
}

static enum gk_rc
read_pattern(struct reading *reading, const struct json_value *from,
    struct schema *schema)
{
	const struct json_value *value = json_get(from, "pattern");
	const char *text = json_string(value);
	char why[96];

	if (value == NULL) {
		return GK_OK;
	}
	if (text == NULL) {
		return wrong(reading, "pattern", "expected a string");
	}
	schema->pattern =
	    cel_regex_new(text, strlen(text), PATTERN_CAP, why, sizeof(why));
	if (schema->pattern == NULL) {
		return wrong(reading, "pattern", why);
	}
	schema->next_pattern = reading->patterns;
	reading->patterns = schema;
	return GK_OK;
}

static enum gk_rc
read_ref(struct reading *reading, const struct json_value *from,
    struct schema *schema)
{
	const struct json_value *value = json_get(from, "$ref");
	const char *ref = json_string(value);

	if (value == NULL) {
		return GK_OK;
	}
	schema->same =
	    ref == NULL ? NULL
	    : strcmp(ref, "#") == 0
		? reading->root_schema
		: gk_map_get(&reading->definitions, ref, strlen(ref));
	return schema->same != NULL
		   ? GK_OK
		   : wrong(reading, "$ref",
			 "expected #, #/$defs/… or #/definitions/… of this "
			 "file");
}

static bool
is_known(const char *keyword)
{
	static const char *const known[] = {"type", "properties", "required",
	    "additionalProperties", "minProperties", "maxProperties", "items",
	    "prefixItems", "minItems", "maxItems", "uniqueItems", "enum",
	    "const", "minimum", "maximum", "exclusiveMinimum",
	    "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
	    "pattern", "anyOf", "oneOf", "allOf", "not", "$ref", "$defs",
	    "definitions", "$schema", "$id", "$comment", "title", "description",
	    "default", "examples", "format", "deprecated", "readOnly",
	    "writeOnly"};

	for (size_t i = 0; i < GK_COUNT(known); i++) {
		if (strcmp(keyword, known[i]) == 0) {
			return true;
		}
	}
	return strncmp(keyword, "x-", 2) == 0;
}

static enum gk_rc
read_combined(struct reading *reading, const struct json_value *from,
    struct schema *schema, unsigned depth)
{
	GK_TRY(read_list(
	    reading, json_get(from, "anyOf"), "anyOf", &schema->any, depth));
	GK_TRY(read_list(
	    reading, json_get(from, "oneOf"), "oneOf", &schema->one, depth));
	GK_TRY(read_list(
	    reading, json_get(from, "allOf"), "allOf", &schema->all, depth));
	GK_TRY(read_list(reading, json_get(from, "prefixItems"), "prefixItems",
	    &schema->prefix, depth));
	GK_TRY(read_one(reading, from, "not", &schema->not, depth));
	GK_TRY(read_one(reading, from, "items", &schema->elements, depth));
	return read_one(
	    reading, from, "additionalProperties", &schema->additional, depth);
}

static enum gk_rc
read_schema(struct reading *reading, const struct json_value *from,
    struct schema *schema, unsigned depth)
{
	const struct json_value *one, *unique;

	if (depth > DEPTH_MAX) {
		return GK_FAIL(
		    reading->err, GK_E_LIMIT, "a schema is too deep");
	}
	if (json_type(from) == JSON_BOOL) {
		schema->never = !json_bool(from);
		schema->max_length = schema->max_items =
		    schema->max_properties = -1;
		return GK_OK;
	}
	if (json_type(from) != JSON_OBJECT) {
		return wrong(reading, "", "expected a schema: {…}");
	}
	for (one = json_first(from); one != NULL; one = json_next(one)) {
		if (!is_known(json_name(one))) {
			return wrong(reading, json_name(one),
			    "this keyword isn't read here");
		}
	}
	one = json_get(from, "type");
	if (one != NULL) {
		GK_TRY(read_type(reading, one, schema));
	}
	unique = json_get(from, "uniqueItems");
	schema->unique = unique != NULL && json_bool(unique);
	GK_TRY(read_properties(reading, from, schema, depth));
	GK_TRY(read_combined(reading, from, schema, depth));
	schema->open = schema->additional != NULL && !schema->additional->never;
	GK_TRY(read_allowed(reading, from, schema));
	GK_TRY(read_numbers(reading, from, schema));
	GK_TRY(read_pattern(reading, from, schema));
	return read_ref(reading, from, schema);
}

/* ---- a file ---- */

/* Each definition has its place before any is read: they may name one another. */
static enum gk_rc
name_definitions(struct reading *reading, const char *folder)
{
	const struct json_value *list = json_get(reading->root, folder);

	for (const struct json_value *one = json_first(list); one != NULL;
	     one = json_next(one)) {
		const char *ref = gk_arena_printf(
		    reading->arena, "#/%s/%s", folder, json_name(one));
		struct schema *schema =
		    gk_arena_alloc(reading->arena, sizeof(*schema));

		if (ref == NULL || schema == NULL) {
			return no_memory(reading);
		}
		GK_TRY(gk_map_set(&reading->definitions, ref, strlen(ref),
		    schema, reading->err));
	}
	return GK_OK;
}

static enum gk_rc
read_definitions(struct reading *reading, const char *folder)
{
	const struct json_value *list = json_get(reading->root, folder);
	size_t before = enter(reading, folder);

	for (const struct json_value *one = json_first(list); one != NULL;
	     one = json_next(one)) {
		const char *ref = gk_arena_printf(
		    reading->arena, "#/%s/%s", folder, json_name(one));
		size_t here = enter(reading, json_name(one));

		if (ref == NULL) {
			return no_memory(reading);
		}
		GK_TRY(read_schema(reading, one,
		    gk_map_get(&reading->definitions, ref, strlen(ref)), 1));
		leave(reading, here);
	}
	leave(reading, before);
	return GK_OK;
}

static enum gk_rc
read_file(struct reading *reading, struct schema *schema)
{
	GK_TRY(name_definitions(reading, "$defs"));
	GK_TRY(name_definitions(reading, "definitions"));
	GK_TRY(read_definitions(reading, "$defs"));
	GK_TRY(read_definitions(reading, "definitions"));
	GK_TRY(read_schema(reading, reading->root, schema, 0));
	if (schema->types != TYPE_OBJECT) {
		return wrong(reading, "type",
		    "arguments are an object: \"type\": \"object\"");
	}
	return GK_OK;
}

static void
free_patterns(const struct schema *at)
{
	for (; at != NULL; at = at->next_pattern) {
		cel_regex_free(at->pattern);
	}
}

enum gk_rc
schema_parse(const char *bytes, size_t n, struct gk_arena *arena,
    const struct schema **ret_schema, struct gk_err *err)
{
	static const struct json_limits limits = {
	    .bytes = SCHEMA_BYTES_MAX, .depth = 80, .values = 5000};
	GK_AUTO(json_freep) struct json_value *root = NULL;
	struct reading reading = {.arena = arena, .err = err};
	/* the root is only the list of patterns and the schema that it is the same as */
	struct schema *head = gk_arena_alloc(arena, sizeof(*head));
	struct schema *schema = gk_arena_alloc(arena, sizeof(*schema));
	enum gk_rc rc;

	if (head == NULL || schema == NULL) {
		return no_memory(&reading);
	}
	GK_TRY(json_parse(bytes, n, &limits, &root, err));
	reading.root = root;
	reading.root_schema = schema;
	rc = read_file(&reading, schema);
	gk_map_done(&reading.definitions);
	if (rc != GK_OK) {
		free_patterns(reading.patterns);
		return rc;
	}
	*head = *schema;
	head->pattern = NULL;
	head->next_pattern = reading.patterns;
	*ret_schema = head;
	return GK_OK;
}

void
schema_done(const struct schema *schema)
{
	if (schema != NULL) {
		free_patterns(schema->next_pattern);
	}
}
