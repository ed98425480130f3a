/* What a schema means to conditions: types, and values that have them. */
#include <string.h>

#include "policy/schema_internal.h"

#define DEPTH_MAX 16

static const struct cel_type *type_of(
    const struct schema *schema, struct gk_arena *arena, unsigned depth);

static bool
is_combined(const struct schema *schema)
{
	return schema->any.count > 0 || schema->one.count > 0 ||
	       schema->all.count > 0;
}

static const struct cel_type *
object_type(const struct schema *schema, struct gk_arena *arena, unsigned depth)
{
	struct cel_type *type = gk_arena_alloc(arena, sizeof(*type));
	struct cel_field *fields =
	    gk_arena_calloc(arena, schema->property_count + 1, sizeof(*fields));

	if (type == NULL || fields == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < schema->property_count; i++) {
		const struct schema_property *from = &schema->properties[i];

		fields[i].name = from->name;
		fields[i].required = from->required;
		fields[i].type = from->schema == NULL
				     ? cel_type_of(CEL_T_DYN)
				     : type_of(from->schema, arena, depth + 1);
		if (fields[i].type == NULL) {
			return NULL;
		}
	}
	*type = (struct cel_type){.kind = CEL_T_OBJECT,
	    .name = depth == 0 ? "args" : "this object",
	    .fields = fields,
	    .field_count = (unsigned)schema->property_count,
	    .open = schema->open || is_combined(schema)};
	return type;
}

static const struct cel_type *
type_of(const struct schema *schema, struct gk_arena *arena, unsigned depth)
{
	const struct cel_type *dyn = cel_type_of(CEL_T_DYN), *element;

	if (depth > DEPTH_MAX) {
		return dyn;
	}
	if (schema->same != NULL && schema->types == 0) {
		return type_of(schema->same, arena, depth + 1);
	}
	switch (schema->types) {
	case TYPE_NULL:
		return cel_type_of(CEL_T_NULL);
	case TYPE_BOOLEAN:
		return cel_type_of(CEL_T_BOOL);
	case TYPE_INTEGER:
		return cel_type_of(CEL_T_INT);
	case TYPE_NUMBER:
	case TYPE_NUMBER | TYPE_INTEGER:
		return cel_type_of(CEL_T_DOUBLE);
	case TYPE_STRING:
		return cel_type_of(CEL_T_STRING);
	case TYPE_ARRAY:
		element = schema->elements == NULL || schema->prefix.count > 0
			      ? dyn
			      : type_of(schema->elements, arena, depth + 1);
		return cel_type_list(element, arena);
	case TYPE_OBJECT:
		if (schema->property_count > 0 || depth == 0) {
			return object_type(schema, arena, depth);
		}
		return cel_type_map(cel_type_of(CEL_T_STRING), dyn, arena);
	default:
		return dyn;
	}
}

const struct cel_type *
schema_type(const struct schema *schema, struct gk_arena *arena)
{
	return type_of(schema, arena, 0);
}

/* ---- values ---- */

static const struct schema *
resolved(const struct schema *schema)
{
	for (int i = 0; schema != NULL && schema->same != NULL &&
			schema->types == 0 && i < DEPTH_MAX;
	     i++) {
		schema = schema->same;
	}
	return schema;
}

static const struct schema *
member(const struct schema *schema, const char *name)
{
	for (size_t i = 0; schema != NULL && i < schema->property_count; i++) {
		if (strcmp(schema->properties[i].name, name) == 0) {
			return schema->properties[i].schema;
		}
	}
	return NULL;
}

static bool
bind_array(const struct schema *schema, const struct json_value *array,
    struct gk_arena *arena, struct cel_value *ret)
{
	size_t count = json_count(array), i = 0;
	struct cel_value *items =
	    gk_arena_calloc(arena, count + 1, sizeof(*items));

	if (items == NULL) {
		return false;
	}
	for (const struct json_value *one = json_first(array); one != NULL;
	     one = json_next(one)) {
		if (!schema_bind(schema == NULL || schema->prefix.count > 0
				     ? NULL
				     : schema->elements,
			one, arena, &items[i++])) {
			return false;
		}
	}
	*ret = cel_list(items, count);
	return true;
}

static bool
bind_object(const struct schema *schema, const struct json_value *object,
    struct gk_arena *arena, struct cel_value *ret)
{
	size_t count = json_count(object), i = 0;
	struct cel_entry *entries =
	    gk_arena_calloc(arena, count + 1, sizeof(*entries));

	if (entries == NULL) {
		return false;
	}
	for (const struct json_value *one = json_first(object); one != NULL;
	     one = json_next(one), i++) {
		entries[i].key = cel_text(json_name(one));
		if (!schema_bind(member(schema, json_name(one)), one, arena,
			&entries[i].value)) {
			return false;
		}
	}
	return cel_map_make(entries, count, false, arena, ret, NULL) == GK_OK;
}

bool
schema_bind(const struct schema *schema, const struct json_value *value,
    struct gk_arena *arena, struct cel_value *ret_value)
{
	int64_t whole;

	schema = resolved(schema);
	switch (json_type(value)) {
	case JSON_NULL:
		*ret_value = cel_null();
		return true;
	case JSON_BOOL:
		*ret_value = cel_bool(json_bool(value));
		return true;
	case JSON_NUMBER:
		if ((schema != NULL && (schema->types & TYPE_NUMBER) != 0) ||
		    !json_int(value, &whole)) {
			*ret_value = cel_double(json_number(value));
		} else {
			*ret_value = cel_int(whole);
		}
		return true;
	case JSON_STRING:
		*ret_value = cel_text(json_string(value));
		return true;
	case JSON_ARRAY:
		return bind_array(schema, value, arena, ret_value);
	case JSON_OBJECT:
		return bind_object(schema, value, arena, ret_value);
	}
	return false;
}
