/* Reading an action's schema: JSON → a tree of nodes, or the first thing that is wrong with it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/schema_node.h"

/* A schema inside another is two or three JSON levels further in; constants may be deep. */
static const struct json_limits limits = {
    SCHEMA_BYTES_MAX, (size_t)4 * SCHEMA_DEPTH_MAX, 50000};

enum { SCRATCH_BYTES = 8 << 20 };

enum gk_rc
schema_wrong(
    struct schema_reader *reader, const struct place *at, const char *fmt, ...)
{
	char text[sizeof(reader->err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return place_mark(
	    at, GK_FAIL(reader->err, GK_E_INVALID, "%s", text), reader->err);
}

enum gk_rc
schema_no_memory(struct schema_reader *reader)
{
	return GK_FAIL(reader->err, GK_E_NOMEM, "schema");
}

static enum gk_rc
limit(struct schema_reader *reader, const struct place *at, unsigned max,
    const char *what)
{
	return place_mark(at,
	    GK_FAIL(reader->err, GK_E_LIMIT, "more than %u %s", max, what),
	    reader->err);
}

/* ---- nodes ---- */

static struct schema_node *
node_new(struct schema_reader *reader)
{
	struct schema_node *node = gk_arena_alloc(reader->arena, sizeof(*node));

	if (node == NULL) {
		return NULL;
	}
	node->number = reader->schema->count++;
	node->max_properties = node->max_items = node->max_length = SIZE_MAX;
	node->minimum = node->above = -HUGE_VAL;
	node->maximum = node->below = HUGE_VAL;
	if (reader->last == NULL) {
		reader->schema->top = node;
	} else {
		reader->last->next = node;
	}
	reader->last = node;
	return node;
}

/* A $ref may lead to where this value is. */
static enum gk_rc
node_register(struct schema_reader *reader, struct schema_node *node,
    const struct json_value *value)
{
	const struct json_value **key =
	    gk_arena_alloc(&reader->scratch, sizeof(struct json_value *));

	if (key == NULL) {
		return schema_no_memory(reader);
	}
	*key = value;
	return gk_map_set(&reader->nodes, key, sizeof(*key), node, reader->err);
}

static enum gk_rc
read_words(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, struct schema_node *node)
{
	if (json_type(value) == JSON_BOOL) {
		node->never = !json_bool(value);
		return GK_OK;
	}
	if (json_type(value) != JSON_OBJECT) {
		return schema_wrong(reader, at,
		    "expected a schema, which is an object, true or false; "
		    "this is of type %s",
		    json_type_name(value));
	}
	for (const struct json_value *member = json_first(value);
	     member != NULL; member = json_next(member)) {
		GK_TRY(keyword_read(reader, node, member, at));
	}
	return keyword_properties(reader, node, value, at);
}

enum gk_rc
schema_read(struct schema_reader *reader, const struct json_value *value,
    const struct place *at, struct schema_node **ret_node)
{
	struct schema_node *node;

	if (reader->depth == SCHEMA_DEPTH_MAX) {
		return limit(
		    reader, at, SCHEMA_DEPTH_MAX, "schemas inside one another");
	}
	if (reader->schema->count == SCHEMA_NODES_MAX) {
		return limit(reader, at, SCHEMA_NODES_MAX, "schemas");
	}
	node = node_new(reader);
	if (node == NULL) {
		return schema_no_memory(reader);
	}
	GK_TRY(node_register(reader, node, value));
	reader->depth++;
	GK_TRY(read_words(reader, value, at, node));
	reader->depth--;
	*ret_node = node;
	return GK_OK;
}

enum gk_rc
schema_refer(struct schema_reader *reader, struct schema_node *node,
    const char *text, const struct place *at)
{
	struct unresolved *ref = gk_arena_alloc(&reader->scratch, sizeof(*ref));

	if (ref == NULL) {
		return schema_no_memory(reader);
	}
	ref->node = node;
	ref->text = text;
	(void)place_mark(at, GK_OK, &ref->where);
	ref->next = reader->refs;
	reader->refs = ref;
	return GK_OK;
}

const struct property *
node_property(const struct schema_node *node, const char *name)
{
	size_t lo = 0, hi = node->property_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, node->properties[mid].name);

		if (order == 0) {
			return &node->properties[mid];
		}
		if (order < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

/* ---- the door ---- */

static enum gk_rc
read_top(struct schema_reader *reader)
{
	static const struct place top = {NULL, NULL, 0};
	struct schema_node *node = NULL;

	GK_TRY(schema_read(reader, reader->root, &top, &node));
	if (node == NULL || node->types != TYPE_OBJECT) {
		return schema_wrong(reader, &top,
		    "arguments are an object: write \"type\": \"object\" at "
		    "the top");
	}
	return settle_all(reader);
}

enum gk_rc
schema_parse(const char *bytes, size_t n, struct gk_arena *arena,
    const struct schema **ret_schema, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = NULL;
	struct schema_reader reader = {.arena = arena,
	    .scratch = GK_ARENA_INIT(SCRATCH_BYTES),
	    .err = err};
	enum gk_rc rc;

	GK_TRY(json_parse(bytes, n, &limits, &root, err));
	reader.root = root;
	reader.schema = gk_arena_alloc(arena, sizeof(*reader.schema));
	rc = reader.schema == NULL ? schema_no_memory(&reader)
				   : read_top(&reader);
	gk_map_done(&reader.nodes);
	gk_arena_done(&reader.scratch);
	if (rc != GK_OK) {
		schema_done(reader.schema);
		return rc;
	}
	*ret_schema = reader.schema;
	return GK_OK;
}

void
schema_done(const struct schema *schema)
{
	const struct schema_node *node = schema == NULL ? NULL : schema->top;

	for (; node != NULL; node = node->next) {
		cel_regex_free(node->pattern);
	}
}
