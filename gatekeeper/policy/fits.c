/* Do a request's arguments fit the action's schema?  What can't be said in time doesn't. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/canon.h"
#include "policy/schema_node.h"

/* Schemas and values inside one another. */
enum { DEPTH_MAX = 256 };

/* One check.  Once given_up is set, nothing fits any more, whatever "not" makes of it. */
struct fitting {
	uint64_t steps;       /* left */
	const char *given_up; /* why; NULL: not yet */
	unsigned depth;
	size_t values;      /* in args; 0: not counted yet */
	struct gk_err *why; /* NULL: nobody asks */
	const struct json_value *args;
};

static const char no_memory[] = "no memory to check it";

/* Not even "not" may make something of it. */
static bool
give_up(struct fitting *fitting, const char *why)
{
	fitting->given_up = why;
	return false;
}

static bool
charge(struct fitting *fitting, size_t steps)
{
	if (fitting->given_up != NULL) {
		return false;
	}
	if (steps > fitting->steps) {
		return give_up(fitting, "too complex: it takes too long");
	}
	fitting->steps -= steps;
	return true;
}

static bool unfit(struct fitting *fitting, const struct place *at,
    const char *fmt, ...) GK_PRINTF(3, 4);

static bool
unfit(struct fitting *fitting, const struct place *at, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	if (fitting->why == NULL) {
		return false;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)place_mark(
	    at, GK_FAIL(fitting->why, GK_E_INVALID, "%s", text), fitting->why);
	return false;
}

static bool fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at);

/* ---- scalars ---- */

static unsigned
types_of(const struct json_value *value)
{
	int64_t number;

	switch (json_type(value)) {
	case JSON_NULL:
		return TYPE_NULL;
	case JSON_BOOL:
		return TYPE_BOOLEAN;
	case JSON_NUMBER:
		return json_int(value, &number) ? TYPE_NUMBER | TYPE_INTEGER
						: TYPE_NUMBER;
	case JSON_STRING:
		return TYPE_STRING;
	case JSON_ARRAY:
		return TYPE_ARRAY;
	case JSON_OBJECT:
		return TYPE_OBJECT;
	}
	return 0;
}

static bool
unfit_type(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	char words[80] = "";
	size_t n = 0;

	for (unsigned i = 0; i < TYPE_COUNT; i++) {
		if ((node->types >> i & 1) != 0) {
			n += (size_t)snprintf(words + n, sizeof(words) - n,
			    "%s%s", n == 0 ? "" : " or ", type_words[i]);
		}
	}
	return unfit(fitting, at, "expected %s, this is %s", words,
	    (node->types & TYPE_INTEGER) != 0 && json_type(value) == JSON_NUMBER
		? "a number with a fraction, or too large"
		: json_type_name(value));
}

static bool
unfit_number(struct fitting *fitting, const struct place *at, const char *why,
    double bound)
{
	char text[CANON_NUMBER_BYTES];

	if (fitting->why == NULL) {
		return false;
	}
	(void)canon_number(bound, text);
	return unfit(fitting, at, "%s %s", why, text);
}

static bool
number_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	double number = json_number(value);

	if (number < node->minimum) {
		return unfit_number(
		    fitting, at, "is below the minimum", node->minimum);
	}
	if (number > node->maximum) {
		return unfit_number(
		    fitting, at, "is above the maximum", node->maximum);
	}
	if (number <= node->above) {
		return unfit_number(fitting, at, "isn't above", node->above);
	}
	if (number >= node->below) {
		return unfit_number(fitting, at, "isn't below", node->below);
	}
	if (node->multiple_of > 0 && !multiple_of(number, node->multiple_of)) {
		return unfit_number(
		    fitting, at, "isn't a multiple of", node->multiple_of);
	}
	return true;
}

static size_t
count_points(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		count += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return count;
}

static bool
string_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	const char *text = json_string(value);
	size_t n = strlen(text), points;

	if (!charge(fitting, n / 16)) {
		return false;
	}
	if (node->min_length > 0 || node->max_length < n) {
		points = count_points(text);
		if (points < node->min_length) {
			return unfit(fitting, at,
			    "has fewer than %zu characters", node->min_length);
		}
		if (points > node->max_length) {
			return unfit(fitting, at,
			    "has more than %zu characters", node->max_length);
		}
	}
	if (node->pattern == NULL) {
		return true;
	}
	if (!charge(fitting, 8 + n / 8)) {
		return false;
	}
	return cel_regex_match(node->pattern, text, n) ||
	       unfit(fitting, at, "doesn't match the pattern");
}

/* ---- constants ---- */

static size_t
count_values(const struct json_value *value)
{
	size_t count = 1;

	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item)) {
		count += count_values(item);
	}
	return count;
}

/* A whole array or object is looked at: at most as much as there is. */
static bool
charge_tree(struct fitting *fitting)
{
	if (fitting->values == 0) {
		fitting->values = count_values(fitting->args);
	}
	return charge(fitting, fitting->values);
}

static bool
constants_fit(struct fitting *fitting, const struct constants *constants,
    const struct json_value *value, const struct place *at)
{
	enum json_type type = json_type(value);
	bool have;

	if (constants->items == NULL) {
		return true;
	}
	if (!charge(fitting, constants->count / 4) ||
	    ((type == JSON_ARRAY || type == JSON_OBJECT) &&
		!charge_tree(fitting))) {
		return false;
	}
	if (constants_have(constants, value, &have) != GK_OK) {
		return give_up(fitting, no_memory);
	}
	return have ||
	       unfit(fitting, at,
		   constants->count == 1 ? "isn't the only value allowed"
					 : "is none of the values allowed");
}

/* ---- arrays ---- */

static bool
elements_fit(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	struct place inside = {at, NULL, 0};

	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item), inside.index++) {
		const struct schema_node *of =
		    inside.index < node->prefix.count
			? node->prefix.items[inside.index]
			: node->items;

		if (of != NULL && !fits(fitting, of, item, &inside)) {
			return false;
		}
	}
	return true;
}

static bool
array_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	size_t count = json_count(value);
	bool differ;

	if (!charge(fitting, count / 4)) {
		return false;
	}
	if (count < node->min_items) {
		return unfit(fitting, at, "has fewer than %zu elements",
		    node->min_items);
	}
	if (count > node->max_items) {
		return unfit(
		    fitting, at, "has more than %zu elements", node->max_items);
	}
	if (node->unique && count > 1) {
		if (!charge_tree(fitting)) {
			return false;
		}
		if (constants_differ(value, &differ) != GK_OK) {
			return give_up(fitting, no_memory);
		}
		if (!differ) {
			return unfit(fitting, at, "has an element twice");
		}
	}
	return elements_fit(fitting, node, value, at);
}

/* ---- objects ---- */

static bool
name_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *member, const struct place *at)
{
	GK_AUTO(json_freep)
	struct json_value *name = json_new_string(json_name(member));

	if (name == NULL) {
		return give_up(fitting, no_memory);
	}
	return fits(fitting, node->names, name, at);
}

static bool
member_fits(struct fitting *fitting, const struct schema_node *node,
    const struct property *property, const struct json_value *member,
    const struct place *up)
{
	const struct place at = {up, json_name(member), 0};
	const struct schema_node *of = property == NULL ? NULL : property->node;

	if (node->names != NULL && !name_fits(fitting, node, member, &at)) {
		return false;
	}
	if (of != NULL) {
		return fits(fitting, of, member, &at);
	}
	if (node->additional == NULL) {
		return true;
	}
	if (node->additional->never) {
		return unfit(
		    fitting, &at, "is no property that the schema knows");
	}
	return fits(fitting, node->additional, member, &at);
}

static bool
unfit_missing(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	for (size_t i = 0; fitting->why != NULL && i < node->property_count;
	     i++) {
		struct place missing = {at, node->properties[i].name, 0};

		if (node->properties[i].required &&
		    charge(fitting, 1 + json_count(value) / 4) &&
		    json_get(value, missing.name) == NULL) {
			return unfit(fitting, &missing, "is missing");
		}
	}
	return false;
}

static bool
object_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	size_t count = json_count(value), required = 0;

	if (!charge(fitting, count)) {
		return false;
	}
	if (count < node->min_properties) {
		return unfit(fitting, at, "has fewer than %zu properties",
		    node->min_properties);
	}
	if (count > node->max_properties) {
		return unfit(fitting, at, "has more than %zu properties",
		    node->max_properties);
	}
	for (const struct json_value *member = json_first(value);
	     member != NULL; member = json_next(member)) {
		const struct property *property =
		    node_property(node, json_name(member));

		required += property != NULL && property->required;
		if (!member_fits(fitting, node, property, member, at)) {
			return false;
		}
	}
	return required == node->required_count ||
	       unfit_missing(fitting, node, value, at);
}

/* ---- combinations ---- */

/* How many of them fit, at most max; nobody hears why the others don't. */
static size_t
count_fitting(struct fitting *fitting, const struct schema_nodes *nodes,
    const struct json_value *value, const struct place *at, size_t max)
{
	struct gk_err *why = fitting->why;
	size_t count = 0;

	fitting->why = NULL;
	for (size_t i = 0; i < nodes->count && count < max; i++) {
		count += fits(fitting, nodes->items[i], value, at);
	}
	fitting->why = why;
	return count;
}

static bool
combination_fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	struct schema_node *except = node->except;
	struct schema_nodes not_this = {&except, 1};
	size_t count;

	if (node->ref != NULL && !fits(fitting, node->ref, value, at)) {
		return false;
	}
	for (size_t i = 0; i < node->all.count; i++) {
		if (!fits(fitting, node->all.items[i], value, at)) {
			return false;
		}
	}
	if (node->any.count > 0 &&
	    count_fitting(fitting, &node->any, value, at, 1) == 0) {
		return unfit(fitting, at, "fits none of %zu alternatives",
		    node->any.count);
	}
	if (node->one.count > 0) {
		count = count_fitting(fitting, &node->one, value, at, 2);
		if (count != 1) {
			return unfit(fitting, at,
			    "fits %s of %zu alternatives, not exactly one",
			    count == 0 ? "none" : "several", node->one.count);
		}
	}
	if (except != NULL &&
	    count_fitting(fitting, &not_this, value, at, 1) != 0) {
		return unfit(fitting, at, "is what \"not\" rules out");
	}
	return true;
}

static bool
words_fit(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	unsigned types = types_of(value);

	if (node->never) {
		return unfit(fitting, at, "nothing is allowed here");
	}
	if (node->types != 0 && (node->types & types) == 0) {
		return unfit_type(fitting, node, value, at);
	}
	if (!constants_fit(fitting, &node->only, value, at) ||
	    !constants_fit(fitting, &node->one_of, value, at)) {
		return false;
	}
	switch (json_type(value)) {
	case JSON_NUMBER:
		return number_fits(fitting, node, value, at);
	case JSON_STRING:
		return string_fits(fitting, node, value, at);
	case JSON_ARRAY:
		return array_fits(fitting, node, value, at);
	case JSON_OBJECT:
		return object_fits(fitting, node, value, at);
	case JSON_NULL:
	case JSON_BOOL:
		break;
	}
	return true;
}

static bool
fits(struct fitting *fitting, const struct schema_node *node,
    const struct json_value *value, const struct place *at)
{
	bool fine;

	if (!charge(fitting, 1)) {
		return false;
	}
	if (fitting->depth == DEPTH_MAX) {
		return give_up(fitting, "nested too deep to check");
	}
	fitting->depth++;
	fine = words_fit(fitting, node, value, at) &&
	       combination_fits(fitting, node, value, at);
	fitting->depth--;
	return fine && fitting->given_up == NULL;
}

bool
schema_fits(const struct schema *schema, const struct json_value *args,
    struct gk_err *ret_why)
{
	static const struct place top = {NULL, NULL, 0};
	GK_AUTO(json_freep)
	struct json_value *none = args == NULL ? json_new_object() : NULL;
	struct fitting fitting = {.steps = SCHEMA_STEPS_MAX, .why = ret_why};

	fitting.args = args == NULL ? none : args;
	if (fitting.args == NULL) {
		return unfit(&fitting, &top, "%s", no_memory);
	}
	if (fits(&fitting, schema->top, fitting.args, &top)) {
		return true;
	}
	return fitting.given_up == NULL
		   ? false
		   : unfit(&fitting, &top, "%s", fitting.given_up);
}
