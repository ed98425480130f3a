/* What a schema makes of its arguments for conditions: a CEL type, and a value of it. */
#include <string.h>

#include "policy/schema_node.h"

enum { TYPE_LEVELS = 16, VALUE_LEVELS = 64, SCRATCH_BYTES = 1 << 20 };

/* ---- types ---- */

/*
 * Schemas may refer to themselves: each node has one type, made once; while it
 * is being made, it is dyn.
 */
struct typing {
	struct gk_arena *arena;
	const struct cel_type **made; /* by node number */
	unsigned depth;
};

static const struct cel_type *
dyn(void)
{
	return cel_type_of(CEL_T_DYN);
}

static unsigned
types_of_constants(const struct constants *constants)
{
	unsigned types = 0;

	for (size_t i = 0; i < constants->count; i++) {
		types |= constants->items[i].type == JSON_STRING ? TYPE_STRING
			 : constants->items[i].type == JSON_BOOL ? TYPE_BOOLEAN
								 : TYPE_NULL;
	}
	return types;
}

/* Of what fits this node; 0: of any. */
static unsigned
types_of(const struct schema_node *node)
{
	if (node->types == 0) {
		return types_of_constants(
		    node->only.items != NULL ? &node->only : &node->one_of);
	}
	return (node->types & TYPE_NUMBER) != 0
		   ? node->types & ~(unsigned)TYPE_INTEGER
		   : node->types;
}

/* Its values are of this type; name is the place, for the checker's words.  NULL: no memory. */
static const struct cel_type *type_of(
    struct typing *typing, const struct schema_node *node, const char *name);

static const struct cel_type *
list_type(
    struct typing *typing, const struct schema_node *node, const char *name)
{
	const char *inside = gk_arena_printf(typing->arena, "%s[]", name);

	if (inside == NULL) {
		return NULL;
	}
	return cel_type_list(node->prefix.count > 0
				 ? dyn()
				 : type_of(typing, node->items, inside),
	    typing->arena);
}

static bool
field_of(struct typing *typing, const struct property *property,
    const char *name, struct cel_field *ret_field)
{
	const char *inside =
	    gk_arena_printf(typing->arena, "%s.%s", name, property->name);

	if (inside == NULL) {
		return false;
	}
	ret_field->name = property->name;
	ret_field->required = property->required;
	ret_field->type = type_of(typing, property->node, inside);
	return ret_field->type != NULL;
}

static const struct cel_type *
object_type(
    struct typing *typing, const struct schema_node *node, const char *name)
{
	struct cel_type *type;
	struct cel_field *fields;

	if (node->property_count == 0) {
		return cel_type_map(
		    cel_type_of(CEL_T_STRING), dyn(), typing->arena);
	}
	type = gk_arena_alloc(typing->arena, sizeof(*type));
	fields = gk_arena_calloc(
	    typing->arena, node->property_count, sizeof(*fields));
	if (type == NULL || fields == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < node->property_count; i++) {
		if (!field_of(typing, &node->properties[i], name, &fields[i])) {
			return NULL;
		}
	}
	*type = (struct cel_type){.kind = CEL_T_OBJECT,
	    .name = name,
	    .fields = fields,
	    .field_count = (unsigned)node->property_count,
	    .open = node->additional != NULL && !node->additional->never};
	return type;
}

static const struct cel_type *
type_of_shape(
    struct typing *typing, const struct schema_node *shape, const char *name)
{
	switch (types_of(shape)) {
	case TYPE_BOOLEAN:
		return cel_type_of(CEL_T_BOOL);
	case TYPE_INTEGER:
		return cel_type_of(CEL_T_INT);
	case TYPE_NUMBER:
		return cel_type_of(CEL_T_DOUBLE);
	case TYPE_STRING:
		return cel_type_of(CEL_T_STRING);
	case TYPE_ARRAY:
		return list_type(typing, shape, name);
	case TYPE_OBJECT:
		return object_type(typing, shape, name);
	default:
		return dyn();
	}
}

static const struct cel_type *
type_of(struct typing *typing, const struct schema_node *node, const char *name)
{
	const struct schema_node *shape = node == NULL ? NULL : node->shape;
	const struct cel_type *type;

	if (shape == NULL || node->nullable || typing->depth == TYPE_LEVELS) {
		return dyn();
	}
	if (typing->made[shape->number] != NULL) {
		return typing->made[shape->number];
	}
	typing->made[shape->number] = dyn();
	typing->depth++;
	type = type_of_shape(typing, shape, name);
	typing->depth--;
	typing->made[shape->number] = type;
	return type;
}

const struct cel_type *
schema_type(const struct schema *schema, struct gk_arena *arena)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena scratch = GK_ARENA_INIT(SCRATCH_BYTES);
	struct typing typing = {.arena = arena};

	typing.made = gk_arena_calloc(
	    &scratch, schema->count, sizeof(const struct cel_type *));
	return typing.made == NULL ? NULL
				   : type_of(&typing, schema->top, "args");
}

/* ---- values ---- */

static bool bind(const struct schema_node *node, const struct json_value *value,
    struct gk_arena *arena, unsigned depth, struct cel_value *ret_value);

static bool
bind_array(const struct schema_node *shape, const struct json_value *value,
    struct gk_arena *arena, unsigned depth, struct cel_value *ret_value)
{
	size_t count = json_count(value), i = 0;
	struct cel_value *items = gk_arena_calloc(arena, count, sizeof(*items));

	if (items == NULL) {
		return false;
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), i++) {
		const struct schema_node *of = shape == NULL ? NULL
					       : i < shape->prefix.count
						   ? shape->prefix.items[i]
						   : shape->items;

		if (!bind(of, item, arena, depth, &items[i])) {
			return false;
		}
	}
	*ret_value = cel_list(items, count);
	return true;
}

static const struct schema_node *
node_of_member(const struct schema_node *shape, const char *name)
{
	const struct property *property =
	    shape == NULL ? NULL : node_property(shape, name);

	if (property != NULL && property->node != NULL) {
		return property->node;
	}
	return shape == NULL ? NULL : shape->additional;
}

static bool
bind_object(const struct schema_node *shape, const struct json_value *value,
    struct gk_arena *arena, unsigned depth, struct cel_value *ret_value)
{
	size_t count = json_count(value), i = 0;
	struct cel_entry *entries =
	    gk_arena_calloc(arena, count, sizeof(*entries));

	if (entries == NULL) {
		return false;
	}
	for (const struct json_value *member = json_first(value);
	     member != NULL; member = json_next(member), i++) {
		const char *name = json_name(member);

		entries[i].key = cel_text(name);
		if (!bind(node_of_member(shape, name), member, arena, depth,
			&entries[i].value)) {
			return false;
		}
	}
	return cel_map_make(entries, count, false, arena, ret_value, NULL) ==
	       GK_OK;
}

static struct cel_value
bind_number(const struct schema_node *says, const struct json_value *value)
{
	int64_t number;

	return (says == NULL || !says->doubles) && json_int(value, &number)
		   ? cel_int(number)
		   : cel_double(json_number(value));
}

static bool
bind(const struct schema_node *node, const struct json_value *value,
    struct gk_arena *arena, unsigned depth, struct cel_value *ret_value)
{
	const struct schema_node *shape = node == NULL ? NULL : node->shape;

	switch (json_type(value)) {
	case JSON_NULL:
		*ret_value = cel_null();
		return true;
	case JSON_BOOL:
		*ret_value = cel_bool(json_bool(value));
		return true;
	case JSON_NUMBER:
		*ret_value = bind_number(shape == NULL ? node : shape, value);
		return true;
	case JSON_STRING:
		*ret_value = cel_text(json_string(value));
		return true;
	case JSON_ARRAY:
		return depth < VALUE_LEVELS &&
		       bind_array(shape, value, arena, depth + 1, ret_value);
	case JSON_OBJECT:
		return depth < VALUE_LEVELS &&
		       bind_object(shape, value, arena, depth + 1, ret_value);
	}
	return false;
}

bool
schema_bind(const struct schema *schema, const struct json_value *value,
    struct gk_arena *arena, struct cel_value *ret_value)
{
	return bind(
	    schema == NULL ? NULL : schema->top, value, arena, 0, ret_value);
}
