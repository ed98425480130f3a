/* The keywords of a schema: a table of what each one's value must be, and where it goes. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"
#include "policy/schema_node.h"

const char *const type_words[TYPE_COUNT] = {
    "null", "boolean", "integer", "number", "string", "array", "object"};

enum keyword_kind {
	KEYWORD_SILENT, /* forbids nothing, or is read with another */
	KEYWORD_TOP,    /* silent at the top, an error elsewhere */
	KEYWORD_NUMBER,
	KEYWORD_STEP,  /* a number above 0 */
	KEYWORD_COUNT, /* a whole number, 0 and up */
	KEYWORD_FLAG,
	KEYWORD_SCHEMA,
	KEYWORD_SCHEMAS, /* in an array, at least one */
	KEYWORD_NAMED,   /* schemas by name */
	KEYWORD_TYPE,
	KEYWORD_ENUM,
	KEYWORD_CONST,
	KEYWORD_PATTERN,
	KEYWORD_REF,
};

#define AT(member) offsetof(struct schema_node, member)

static const struct keyword {
	const char *word;
	enum keyword_kind kind;
	size_t at; /* of what is set in a node */
} keywords[] = {
    {"$comment", KEYWORD_SILENT, 0},
    {"$defs", KEYWORD_NAMED, 0},
    {"$id", KEYWORD_TOP, 0},
    {"$ref", KEYWORD_REF, AT(ref)},
    {"$schema", KEYWORD_SILENT, 0},
    {"additionalProperties", KEYWORD_SCHEMA, AT(additional)},
    {"allOf", KEYWORD_SCHEMAS, AT(all)},
    {"anyOf", KEYWORD_SCHEMAS, AT(any)},
    {"const", KEYWORD_CONST, AT(only)},
    {"contentEncoding", KEYWORD_SILENT, 0},
    {"contentMediaType", KEYWORD_SILENT, 0},
    {"default", KEYWORD_SILENT, 0},
    {"definitions", KEYWORD_NAMED, 0},
    {"deprecated", KEYWORD_SILENT, 0},
    {"description", KEYWORD_SILENT, 0},
    {"enum", KEYWORD_ENUM, AT(one_of)},
    {"examples", KEYWORD_SILENT, 0},
    {"exclusiveMaximum", KEYWORD_NUMBER, AT(below)},
    {"exclusiveMinimum", KEYWORD_NUMBER, AT(above)},
    {"format", KEYWORD_SILENT, 0},
    {"items", KEYWORD_SCHEMA, AT(items)},
    {"maxItems", KEYWORD_COUNT, AT(max_items)},
    {"maxLength", KEYWORD_COUNT, AT(max_length)},
    {"maxProperties", KEYWORD_COUNT, AT(max_properties)},
    {"maximum", KEYWORD_NUMBER, AT(maximum)},
    {"minItems", KEYWORD_COUNT, AT(min_items)},
    {"minLength", KEYWORD_COUNT, AT(min_length)},
    {"minProperties", KEYWORD_COUNT, AT(min_properties)},
    {"minimum", KEYWORD_NUMBER, AT(minimum)},
    {"multipleOf", KEYWORD_STEP, AT(multiple_of)},
    {"not", KEYWORD_SCHEMA, AT(except)},
    {"oneOf", KEYWORD_SCHEMAS, AT(one)},
    {"pattern", KEYWORD_PATTERN, AT(pattern)},
    {"prefixItems", KEYWORD_SCHEMAS, AT(prefix)},
    {"properties", KEYWORD_SILENT, 0}, /* keyword_properties() */
    {"propertyNames", KEYWORD_SCHEMA, AT(names)},
    {"readOnly", KEYWORD_SILENT, 0},
    {"required", KEYWORD_SILENT, 0}, /* keyword_properties() */
    {"title", KEYWORD_SILENT, 0},
    {"type", KEYWORD_TYPE, AT(types)},
    {"uniqueItems", KEYWORD_FLAG, AT(unique)},
    {"writeOnly", KEYWORD_SILENT, 0},
};

/* Words of JSON Schema, and of its neighbours, that would be misread as typing errors. */
static const char *const unsupported[] = {"$anchor", "$dynamicAnchor",
    "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary",
    "additionalItems", "contains", "contentSchema", "dependencies",
    "dependentRequired", "dependentSchemas", "discriminator", "else", "id",
    "if", "maxContains", "minContains", "nullable", "patternProperties", "then",
    "unevaluatedItems", "unevaluatedProperties"};

/* A value that isn't what the keyword wants. */
static enum gk_rc
expected(struct schema_reader *reader, const struct place *at, const char *what)
{
	return schema_wrong(reader, at, "expected %s", what);
}

static enum gk_rc
unknown(struct schema_reader *reader, const struct place *at,
    const char *const *words, size_t count, const char *word, const char *what)
{
	struct policy_report near = {0};
	const char *hint = report_nearest(&near, word, words, count);
	enum gk_rc rc = schema_wrong(reader, at, "%s '%.60s'%s%s", what, word,
	    hint == NULL ? "" : ": ", hint == NULL ? "" : hint);

	policy_report_done(&near);
	return rc;
}

static enum gk_rc
unknown_keyword(struct schema_reader *reader, const struct place *at)
{
	const char *words[GK_COUNT(keywords)];

	for (size_t i = 0; i < GK_COUNT(unsupported); i++) {
		if (strcmp(at->name, unsupported[i]) == 0) {
			return schema_wrong(reader, at,
			    "'%s' isn't supported: what it says would not be "
			    "checked",
			    at->name);
		}
	}
	for (size_t i = 0; i < GK_COUNT(words); i++) {
		words[i] = keywords[i].word;
	}
	return unknown(
	    reader, at, words, GK_COUNT(words), at->name, "unknown keyword");
}

/* ---- values ---- */

static enum gk_rc
read_number(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, double *ret_number)
{
	if (json_type(value) != JSON_NUMBER) {
		return expected(reader, at, "a number");
	}
	*ret_number = json_number(value);
	return GK_OK;
}

static enum gk_rc
read_step(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, double *ret_step)
{
	if (!(json_number(value) > 0)) {
		return expected(reader, at, "a number above 0");
	}
	*ret_step = json_number(value);
	return GK_OK;
}

static enum gk_rc
read_count(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, size_t *ret_count)
{
	int64_t count;

	if (!json_int(value, &count) || count < 0) {
		return expected(reader, at, "a whole number, 0 and up");
	}
	*ret_count = (size_t)count;
	return GK_OK;
}

static enum gk_rc
read_flag(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, bool *ret_flag)
{
	if (json_type(value) != JSON_BOOL) {
		return expected(reader, at, "true or false");
	}
	*ret_flag = json_bool(value);
	return GK_OK;
}

static enum gk_rc
read_schemas(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, struct schema_nodes *ret_nodes)
{
	struct place inside = {at, NULL, 0};
	size_t count = json_count(value);
	struct schema_node **items;

	if (json_type(value) != JSON_ARRAY || count == 0) {
		return expected(reader, at, "an array of schemas");
	}
	items =
	    gk_arena_calloc(reader->arena, count, sizeof(struct schema_node *));
	if (items == NULL) {
		return schema_no_memory(reader);
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), inside.index++) {
		GK_TRY(
		    schema_read(reader, item, &inside, &items[inside.index]));
	}
	*ret_nodes = (struct schema_nodes){items, count};
	return GK_OK;
}

static enum gk_rc
read_named(struct schema_reader *reader, const struct json_value *value,
    const struct place *at)
{
	struct schema_node *node;

	if (json_type(value) != JSON_OBJECT) {
		return expected(reader, at, "an object of schemas by name");
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item)) {
		struct place inside = {at, json_name(item), 0};

		GK_TRY(schema_read(reader, item, &inside, &node));
	}
	return GK_OK;
}

static enum gk_rc
read_type(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, unsigned *types)
{
	const char *word = json_string(value);

	for (unsigned i = 0; word != NULL && i < TYPE_COUNT; i++) {
		if (strcmp(word, type_words[i]) != 0) {
			continue;
		}
		if ((*types >> i & 1) != 0) {
			return schema_wrong(reader, at, "'%s' twice", word);
		}
		*types |= 1u << i;
		return GK_OK;
	}
	return word == NULL
		   ? expected(reader, at, "a type's name, or an array of them")
		   : unknown(reader, at, type_words, TYPE_COUNT, word,
			 "unknown type");
}

static enum gk_rc
read_types(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, unsigned *ret_types)
{
	struct place inside = {at, NULL, 0};
	unsigned types = 0;

	if (json_type(value) != JSON_ARRAY || json_count(value) == 0) {
		return read_type(reader, value, at, ret_types);
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), inside.index++) {
		GK_TRY(read_type(reader, item, &inside, &types));
	}
	*ret_types = types;
	return GK_OK;
}

/* value, and those that follow it in its array. */
static enum gk_rc
read_constants(struct schema_reader *reader, const struct json_value *value,
    size_t count, struct constants *ret_constants)
{
	struct constant *items =
	    gk_arena_calloc(reader->arena, count, sizeof(*items));
	size_t longest = 0;

	if (items == NULL) {
		return schema_no_memory(reader);
	}
	for (size_t i = 0; i < count; i++, value = json_next(value)) {
		size_t n;

		GK_TRY(constant_read(
		    value, reader->arena, &items[i], reader->err));
		n = items[i].text == NULL ? 0 : strlen(items[i].text);
		longest = n > longest ? n : longest;
	}
	*ret_constants = (struct constants){items, count, longest};
	return GK_OK;
}

static enum gk_rc
read_enum(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, struct constants *ret_constants)
{
	size_t count = json_count(value);

	if (json_type(value) != JSON_ARRAY || count == 0) {
		return expected(reader, at, "an array of at least one value");
	}
	return read_constants(reader, json_first(value), count, ret_constants);
}

static enum gk_rc
read_pattern(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, struct cel_regex **ret_pattern)
{
	const char *text = json_string(value);
	char why[128];

	if (text == NULL) {
		return expected(reader, at, "a regular expression");
	}
	if (strlen(text) > CEL_PATTERN_MAX) {
		return schema_wrong(
		    reader, at, "more than %u bytes", CEL_PATTERN_MAX);
	}
	if (reader->patterns++ == SCHEMA_PATTERNS_MAX) {
		return schema_wrong(
		    reader, at, "more than %u patterns", SCHEMA_PATTERNS_MAX);
	}
	*ret_pattern =
	    cel_regex_new(text, strlen(text), 1u << 20, why, sizeof(why));
	return *ret_pattern != NULL
		   ? GK_OK
		   : schema_wrong(reader, at,
			 "RE2 can't read it (look-around and back references "
			 "are left out there): %s",
			 why);
}

static enum gk_rc
read_ref(struct schema_reader *reader, struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	return json_string(value) == NULL
		   ? expected(reader, at, "a reference such as \"#/$defs/a\"")
		   : schema_refer(reader, node, json_string(value), at);
}

enum gk_rc
keyword_read(struct schema_reader *reader, struct schema_node *node,
    const struct json_value *member, const struct place *up)
{
	const struct place at = {up, json_name(member), 0};
	const struct keyword *keyword = keywords;
	const struct keyword *end = keywords + GK_COUNT(keywords);
	void *to;

	while (keyword < end && strcmp(keyword->word, at.name) != 0) {
		keyword++;
	}
	if (keyword == end) {
		return strncmp(at.name, "x-", 2) == 0
			   ? GK_OK
			   : unknown_keyword(reader, &at);
	}
	to = (char *)node + keyword->at;
	switch (keyword->kind) {
	case KEYWORD_SILENT:
		return GK_OK;
	case KEYWORD_TOP:
		return up->up == NULL
			   ? GK_OK
			   : schema_wrong(reader, &at,
				 "below the top it changes what $ref means");
	case KEYWORD_NUMBER:
		return read_number(reader, member, &at, to);
	case KEYWORD_STEP:
		return read_step(reader, member, &at, to);
	case KEYWORD_COUNT:
		return read_count(reader, member, &at, to);
	case KEYWORD_FLAG:
		return read_flag(reader, member, &at, to);
	case KEYWORD_SCHEMA:
		return schema_read(reader, member, &at, to);
	case KEYWORD_SCHEMAS:
		return read_schemas(reader, member, &at, to);
	case KEYWORD_NAMED:
		return read_named(reader, member, &at);
	case KEYWORD_TYPE:
		return read_types(reader, member, &at, to);
	case KEYWORD_ENUM:
		return read_enum(reader, member, &at, to);
	case KEYWORD_CONST:
		return read_constants(reader, member, 1, to);
	case KEYWORD_PATTERN:
		return read_pattern(reader, member, &at, to);
	case KEYWORD_REF:
		return read_ref(reader, node, member, &at);
	}
	return GK_OK;
}

/* ---- properties and required ---- */

static enum gk_rc
read_properties(struct schema_reader *reader, const struct json_value *value,
    const struct place *up, struct property *to)
{
	const struct place at = {up, "properties", 0};

	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), to++) {
		struct place inside = {&at, json_name(item), 0};

		to->name = gk_arena_strdup(reader->arena, json_name(item));
		if (to->name == NULL) {
			return schema_no_memory(reader);
		}
		GK_TRY(schema_read(reader, item, &inside, &to->node));
	}
	return GK_OK;
}

static enum gk_rc
read_required(struct schema_reader *reader, const struct json_value *value,
    const struct place *up, struct property *to)
{
	const struct place at = {up, "required", 0};
	struct place inside = {&at, NULL, 0};

	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), to++, inside.index++) {
		if (json_string(item) == NULL) {
			return expected(reader, &inside, "a property's name");
		}
		to->required = true;
		to->name = gk_arena_strdup(reader->arena, json_string(item));
		if (to->name == NULL) {
			return schema_no_memory(reader);
		}
	}
	return GK_OK;
}

/* By name; those of "properties" before those of "required". */
static int
by_name(const void *a, const void *b)
{
	const struct property *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (int)x->required - (int)y->required;
}

/* What "properties" and "required" say of a name becomes one.  False: a name is required twice. */
static bool
merge(struct schema_node *node)
{
	struct property *to = node->properties;
	size_t count = 0;

	for (size_t i = 0; i < node->property_count; i++) {
		const struct property *from = &node->properties[i];

		node->required_count += from->required;
		if (count > 0 && strcmp(to[count - 1].name, from->name) == 0) {
			if (to[count - 1].required) {
				return false;
			}
			to[count - 1].required = true;
		} else {
			to[count++] = *from;
		}
	}
	node->property_count = count;
	return true;
}

enum gk_rc
keyword_properties(struct schema_reader *reader, struct schema_node *node,
    const struct json_value *object, const struct place *up)
{
	const struct json_value *named = json_get(object, "properties");
	const struct json_value *required = json_get(object, "required");
	const struct place properties_at = {up, "properties", 0};
	const struct place required_at = {up, "required", 0};
	size_t names = named == NULL ? 0 : json_count(named);
	size_t count = names + (required == NULL ? 0 : json_count(required));

	if (named != NULL && json_type(named) != JSON_OBJECT) {
		return expected(
		    reader, &properties_at, "an object of schemas by name");
	}
	if (required != NULL && json_type(required) != JSON_ARRAY) {
		return expected(
		    reader, &required_at, "an array of properties' names");
	}
	if (count == 0) {
		return GK_OK;
	}
	node->properties =
	    gk_arena_calloc(reader->arena, count, sizeof(*node->properties));
	if (node->properties == NULL) {
		return schema_no_memory(reader);
	}
	if (named != NULL) {
		GK_TRY(read_properties(reader, named, up, node->properties));
	}
	if (required != NULL) {
		GK_TRY(read_required(
		    reader, required, up, node->properties + names));
	}
	qsort(node->properties, count, sizeof(*node->properties), by_name);
	node->property_count = count;
	return merge(node) ? GK_OK
			   : schema_wrong(reader, &required_at, "a name twice");
}
