/*
 * Any bytes as an action's schema, up to the first zero byte, and behind it as
 * its arguments: what fits has the type that conditions are told.
 */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "policy/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_CAP = 64 << 20 };

static bool has_type(
    const struct cel_value *value, const struct cel_type *type, unsigned depth);

static bool
list_has(const struct cel_value *list, const struct cel_type *element,
    unsigned depth)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (!has_type(&list->as.items[i], element, depth + 1)) {
			return false;
		}
	}
	return true;
}

static bool
object_has(
    const struct cel_value *map, const struct cel_type *object, unsigned depth)
{
	for (unsigned i = 0; i < object->field_count; i++) {
		const struct cel_field *field = &object->fields[i];
		const struct cel_value key = cel_text(field->name);
		const struct cel_entry *entry = cel_map_find(map->as.map, &key);

		if (entry == NULL
			? field->required
			: !has_type(&entry->value, field->type, depth + 1)) {
			return false;
		}
	}
	return true;
}

static bool
has_type(
    const struct cel_value *value, const struct cel_type *type, unsigned depth)
{
	static const enum cel_kind kinds[] = {[CEL_T_BOOL] = CEL_BOOL,
	    [CEL_T_INT] = CEL_INT,
	    [CEL_T_DOUBLE] = CEL_DOUBLE,
	    [CEL_T_STRING] = CEL_STRING,
	    [CEL_T_LIST] = CEL_LIST,
	    [CEL_T_MAP] = CEL_MAP,
	    [CEL_T_OBJECT] = CEL_MAP};

	GK_ASSERT(depth < 64);
	if (type->kind == CEL_T_DYN) {
		return true;
	}
	GK_ASSERT(kinds[type->kind] != CEL_ERROR);
	if (value->kind != kinds[type->kind]) {
		return false;
	}
	if (type->kind == CEL_T_LIST) {
		return list_has(value, type->params[0], depth);
	}
	return type->kind != CEL_T_OBJECT || object_has(value, type, depth);
}

static bool
is_text(const char *text)
{
	return json_check_text(text, strlen(text));
}

static void
check_args(const struct schema *schema, const struct json_value *args,
    struct gk_arena *arena)
{
	const struct cel_type *type = schema_type(schema, arena);
	struct gk_err why = {0};
	struct cel_value value;
	bool fits = schema_fits(schema, args, &why);

	GK_ASSERT(type != NULL);
	GK_ASSERT(schema_fits(schema, args, NULL) == fits);
	GK_ASSERT(fits || (why.text[0] != '\0' && is_text(why.text) &&
			      is_text(why.where) && strlen(why.where) <= 100));
	if (args != NULL) {
		GK_ASSERT(schema_bind(schema, args, arena, &value));
		GK_ASSERT(!fits || has_type(&value, type, 0));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	GK_AUTO(json_freep) struct json_value *args = NULL;
	const uint8_t *stop = size == 0 ? NULL : memchr(data, '\0', size);
	size_t n = stop == NULL ? size : (size_t)(stop - data);
	const char *text = n == 0 ? "" : (const char *)data;
	const struct schema *schema = NULL;
	struct gk_err err = {0};

	if (schema_parse(text, n, &arena, &schema, &err) != GK_OK) {
		GK_ASSERT(err.text[0] != '\0' && schema == NULL);
		GK_ASSERT(err.rc != GK_E_NOMEM && is_text(err.where));
		return 0;
	}
	if (stop == NULL || json_parse((const char *)stop + 1, size - n - 1,
				&json_limits_request, &args, NULL) != GK_OK) {
		args = NULL;
	}
	check_args(schema, args, &arena);
	schema_done(schema);
	return 0;
}
