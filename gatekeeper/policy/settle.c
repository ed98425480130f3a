/* The end of reading a schema: where every $ref leads, that none leads back to itself, and what shapes a value. */
#include <string.h>

#include "policy/schema_node.h"

/* Schemas that are asked about the same value, one because of the other. */
enum { CHAIN_MAX = 64 };

/* ---- $ref ---- */

static int
hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* A fragment without its "%20"; NULL: malformed, or no memory. */
static const char *
unescape(struct schema_reader *reader, const char *text)
{
	char *copy = gk_arena_alloc(&reader->scratch, strlen(text) + 1);
	char *to = copy;

	for (; copy != NULL && *text != '\0'; text++) {
		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		if (hex(text[1]) < 0 || hex(text[2]) < 0) {
			return NULL;
		}
		*to++ = (char)(hex(text[1]) * 16 + hex(text[2]));
		text += 2;
	}
	return copy;
}

static enum gk_rc
wrong(struct schema_reader *reader, const struct unresolved *ref, enum gk_rc rc,
    const char *why)
{
	(void)GK_FAIL(reader->err, rc, "$ref '%.100s' %s", ref->text, why);
	gk_err_where(reader->err, "%s", ref->where.where);
	return rc;
}

static enum gk_rc
resolve(struct schema_reader *reader, const struct unresolved *ref)
{
	const char *pointer;
	const struct json_value *value;

	if (ref->text[0] != '#') {
		return wrong(reader, ref, GK_E_INVALID,
		    "leads out of this file: write \"#/$defs/…\"");
	}
	pointer = unescape(reader, ref->text + 1);
	value = pointer == NULL ? NULL : json_at(reader->root, pointer);
	if (value != NULL) {
		ref->node->ref =
		    gk_map_get(&reader->nodes, &value, sizeof(value));
	}
	return ref->node->ref != NULL
		   ? GK_OK
		   : wrong(reader, ref, GK_E_INVALID, "leads to no schema");
}

/* ---- shapes ---- */

static bool
is_null_only(const struct schema_node *node)
{
	return node->types == TYPE_NULL ||
	       (node->only.count == 1 && node->only.items[0].type == JSON_NULL);
}

/* The only one of these that isn't just null; NULL: there are several. */
static const struct schema_node *
only_one(const struct schema_nodes *nodes, bool *ret_null)
{
	const struct schema_node *found = NULL;

	for (size_t i = 0; i < nodes->count; i++) {
		if (is_null_only(nodes->items[i])) {
			*ret_null = true;
		} else if (found != NULL) {
			return NULL;
		} else {
			found = nodes->items[i];
		}
	}
	return found;
}

static bool
shapes_itself(const struct schema_node *node)
{
	return node->types != 0 || node->one_of.items != NULL ||
	       node->only.items != NULL || node->property_count > 0 ||
	       node->additional != NULL || node->items != NULL ||
	       node->prefix.count > 0;
}

/* Those that it leads to know theirs already. */
static void
find_shape(struct schema_node *node)
{
	const struct schema_node *next = node->ref;
	bool null = false;

	if (shapes_itself(node)) {
		node->shape = node;
		return;
	}
	if (next == NULL && node->all.count == 1) {
		next = node->all.items[0];
	}
	if (next == NULL && node->any.count > 0) {
		next = only_one(&node->any, &null);
	}
	if (next == NULL && node->any.count == 0) {
		next = only_one(&node->one, &null);
	}
	if (next != NULL) {
		node->shape = next->shape;
		node->nullable = null || next->nullable;
	}
}

static bool
any_doubles(const struct schema_nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		if (nodes->items[i]->doubles) {
			return true;
		}
	}
	return false;
}

static bool
says_number(const struct schema_node *node)
{
	if (node->types != 0) {
		return (node->types & TYPE_NUMBER) != 0;
	}
	return (node->ref != NULL && node->ref->doubles) ||
	       any_doubles(&node->all) || any_doubles(&node->any) ||
	       any_doubles(&node->one);
}

/* ---- the walk over those that are asked about the same value ---- */

static enum gk_rc settle(struct schema_node *node, unsigned depth);

static enum gk_rc
settle_each(const struct schema_nodes *nodes, unsigned depth)
{
	for (size_t i = 0; i < nodes->count; i++) {
		GK_TRY(settle(nodes->items[i], depth));
	}
	return GK_OK;
}

/* GK_E_INVALID: it leads back to itself; GK_E_LIMIT: through too many. */
static enum gk_rc
settle(struct schema_node *node, unsigned depth)
{
	if (node == NULL || node->settled == SETTLED_DONE) {
		return GK_OK;
	}
	if (node->settled == SETTLED_BUSY) {
		return GK_E_INVALID;
	}
	if (depth == CHAIN_MAX) {
		return GK_E_LIMIT;
	}
	node->settled = SETTLED_BUSY;
	GK_TRY(settle(node->ref, depth + 1));
	GK_TRY(settle(node->except, depth + 1));
	GK_TRY(settle_each(&node->all, depth + 1));
	GK_TRY(settle_each(&node->any, depth + 1));
	GK_TRY(settle_each(&node->one, depth + 1));
	find_shape(node);
	node->doubles = says_number(node);
	node->settled = SETTLED_DONE;
	return GK_OK;
}

enum gk_rc
settle_all(struct schema_reader *reader)
{
	const struct unresolved *ref;

	for (ref = reader->refs; ref != NULL; ref = ref->next) {
		GK_TRY(resolve(reader, ref));
	}
	for (ref = reader->refs; ref != NULL; ref = ref->next) {
		enum gk_rc rc = settle(ref->node, 0);

		if (rc != GK_OK) {
			return wrong(reader, ref, rc,
			    rc == GK_E_LIMIT
				? "leads through too many others"
				: "leads back to itself, without end");
		}
	}
	/* none of these has a $ref behind it: no deeper than they are written */
	for (struct schema_node *node = reader->schema->top; node != NULL;
	     node = node->next) {
		GK_TRY(settle(node, 0));
	}
	return GK_OK;
}
