/* Do values fit a schema?  In bounded steps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/canon.h"
#include "policy/schema_internal.h"

#define STEPS_MAX 100000
#define DEPTH_MAX 160
#define CANON_CAP (1u << 20)

struct fitting {
	unsigned steps;     /* left */
	struct gk_err *why; /* NULL: nobody asks */
	char pointer[150];
	size_t pointer_n;
	bool spent;
};

static bool fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *value, unsigned depth);

static bool
misfit(struct fitting *fitting, const char *text, const char *name)
{
	if (fitting->why != NULL) {
		(void)GK_FAIL(fitting->why, GK_E_INVALID, "%s%s%.60s%s", text,
		    name == NULL ? "" : " '", name == NULL ? "" : name,
		    name == NULL ? "" : "'");
		gk_err_where(fitting->why, "%.*s", (int)fitting->pointer_n,
		    fitting->pointer);
	}
	return false;
}

static bool
below(struct fitting *fitting, const char *name, const struct schema *schema,
    const struct json_value *value, unsigned depth)
{
	size_t before = fitting->pointer_n, n = strlen(name);
	bool fine;

	if (before + 1 + n < sizeof(fitting->pointer)) {
		fitting->pointer[before] = '/';
		memcpy(fitting->pointer + before + 1, name, n);
		fitting->pointer_n += n + 1;
	}
	fine = fits(fitting, schema, value, depth + 1);
	fitting->pointer_n = before;
	return fine;
}

static bool
is_type(unsigned types, const struct json_value *value)
{
	int64_t whole;

	switch (json_type(value)) {
	case JSON_NULL:
		return (types & TYPE_NULL) != 0;
	case JSON_BOOL:
		return (types & TYPE_BOOLEAN) != 0;
	case JSON_NUMBER:
		return (types & TYPE_NUMBER) != 0 ||
		       ((types & TYPE_INTEGER) != 0 && json_int(value, &whole));
	case JSON_STRING:
		return (types & TYPE_STRING) != 0;
	case JSON_ARRAY:
		return (types & TYPE_ARRAY) != 0;
	case JSON_OBJECT:
		return (types & TYPE_OBJECT) != 0;
	}
	return false;
}

static bool
canonical(const struct json_value *value, struct gk_buf *text)
{
	gk_buf_clear(text);
	return canon_print(value, text, NULL) == GK_OK;
}

static bool
is_allowed(struct fitting *fitting, const struct schema *schema,
    const struct json_value *value)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(CANON_CAP);

	if (!canonical(value, &text)) {
		return misfit(fitting, "it can't be compared", NULL);
	}
	for (size_t i = 0; i < schema->allowed_count; i++) {
		if (strcmp(schema->allowed[i], gk_buf_text(&text)) == 0) {
			return true;
		}
	}
	return misfit(fitting, "it isn't one of the values of 'enum'", NULL);
}

static bool
number_fits(struct fitting *fitting, const struct schema *schema, double number)
{
	if (schema->has_minimum &&
	    (number < schema->minimum ||
		(schema->above && !(number > schema->minimum)))) {
		return misfit(fitting, "it is below the minimum", NULL);
	}
	if (schema->has_maximum &&
	    (number > schema->maximum ||
		(schema->below && !(number < schema->maximum)))) {
		return misfit(fitting, "it is above the maximum", NULL);
	}
	if (schema->multiple > 0) {
		double times = number / schema->multiple;

		/* 0.3 is a multiple of 0.1, whatever binary says */
		if (!(fabs(times - round(times)) <=
			1e-9 * fmax(1, fabs(times)))) {
			return misfit(fitting, "it isn't a multiple", NULL);
		}
	}
	return true;
}

static bool
string_fits(
    struct fitting *fitting, const struct schema *schema, const char *text)
{
	size_t n = strlen(text);
	int64_t points = 0;

	for (size_t i = 0; i < n; i++) {
		points += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	if (points < schema->min_length) {
		return misfit(fitting, "it is too short", NULL);
	}
	if (schema->max_length >= 0 && points > schema->max_length) {
		return misfit(fitting, "it is too long", NULL);
	}
	return schema->pattern == NULL ||
		       cel_regex_match(schema->pattern, text, n)
		   ? true
		   : misfit(fitting, "it doesn't match the pattern", NULL);
}

static bool
are_unique(struct fitting *fitting, const struct json_value *array)
{
	GK_AUTO(gk_buf_done) struct gk_buf a = GK_BUF_INIT(CANON_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf b = GK_BUF_INIT(CANON_CAP);

	for (const struct json_value *one = json_first(array); one != NULL;
	     one = json_next(one)) {
		const struct json_value *other = json_next(one);

		if (!canonical(one, &a)) {
			return misfit(fitting, "it can't be compared", NULL);
		}
		for (; other != NULL; other = json_next(other)) {
			if (fitting->steps < 2) {
				fitting->spent = true;
				return misfit(
				    fitting, "it is too complex", NULL);
			}
			fitting->steps--;
			if (json_type(one) == json_type(other) &&
			    (!canonical(other, &b) ||
				strcmp(gk_buf_text(&a), gk_buf_text(&b)) ==
				    0)) {
				return misfit(
				    fitting, "an element comes twice", NULL);
			}
		}
	}
	return true;
}

static bool
array_fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *array, unsigned depth)
{
	int64_t count = (int64_t)json_count(array);
	size_t i = 0;

	if (count < schema->min_items) {
		return misfit(fitting, "it has too few elements", NULL);
	}
	if (schema->max_items >= 0 && count > schema->max_items) {
		return misfit(fitting, "it has too many elements", NULL);
	}
	for (const struct json_value *one = json_first(array); one != NULL;
	     one = json_next(one), i++) {
		const struct schema *element = i < schema->prefix.count
						   ? schema->prefix.items[i]
						   : schema->elements;
		char name[24];

		(void)snprintf(name, sizeof(name), "%zu", i);
		if (element != NULL &&
		    !below(fitting, name, element, one, depth)) {
			return false;
		}
	}
	return !schema->unique || are_unique(fitting, array);
}

static const struct schema_property *
find_property(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->property_count; i++) {
		if (strcmp(schema->properties[i].name, name) == 0) {
			return &schema->properties[i];
		}
	}
	return NULL;
}

static bool
object_fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *object, unsigned depth)
{
	int64_t count = (int64_t)json_count(object);

	if (count < schema->min_properties ||
	    (schema->max_properties >= 0 && count > schema->max_properties)) {
		return misfit(
		    fitting, "it has too few or too many properties", NULL);
	}
	for (size_t i = 0; i < schema->property_count; i++) {
		const struct schema_property *one = &schema->properties[i];

		if (one->required && json_get(object, one->name) == NULL) {
			return misfit(fitting, "it lacks", one->name);
		}
	}
	for (const struct json_value *one = json_first(object); one != NULL;
	     one = json_next(one)) {
		const struct schema_property *known =
		    find_property(schema, json_name(one));
		const struct schema *by = known != NULL && known->schema != NULL
					      ? known->schema
					      : schema->additional;

		if (by != NULL && by->never &&
		    (known == NULL || known->schema == NULL)) {
			return misfit(fitting,
			    "there is no such property:", json_name(one));
		}
		if (by != NULL &&
		    !below(fitting, json_name(one), by, one, depth)) {
			return false;
		}
	}
	return true;
}

/* How many of a list fit; quietly. */
static size_t
count_fits(struct fitting *fitting, const struct schema_list *list,
    const struct json_value *value, unsigned depth)
{
	struct gk_err *why = fitting->why;
	size_t count = 0;

	fitting->why = NULL;
	for (size_t i = 0; i < list->count; i++) {
		count += fits(fitting, list->items[i], value, depth + 1);
	}
	fitting->why = why;
	return count;
}

static bool
combined_fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *value, unsigned depth)
{
	const struct schema_list not = {
	    (const struct schema **)(uintptr_t)&schema->not, 1};

	for (size_t i = 0; i < schema->all.count; i++) {
		if (!fits(fitting, schema->all.items[i], value, depth + 1)) {
			return false;
		}
	}
	if (schema->any.count > 0 &&
	    count_fits(fitting, &schema->any, value, depth) == 0) {
		return misfit(fitting, "it fits none of 'anyOf'", NULL);
	}
	if (schema->one.count > 0 &&
	    count_fits(fitting, &schema->one, value, depth) != 1) {
		return misfit(
		    fitting, "it doesn't fit exactly one of 'oneOf'", NULL);
	}
	if (schema->not != NULL &&
	    count_fits(fitting, &not, value, depth) != 0) {
		return misfit(fitting, "it fits what it must not: 'not'", NULL);
	}
	return schema->same == NULL ||
	       fits(fitting, schema->same, value, depth + 1);
}

static bool
value_fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *value, unsigned depth)
{
	switch (json_type(value)) {
	case JSON_NUMBER:
		return number_fits(fitting, schema, json_number(value));
	case JSON_STRING:
		return string_fits(fitting, schema, json_string(value));
	case JSON_ARRAY:
		return array_fits(fitting, schema, value, depth);
	case JSON_OBJECT:
		return object_fits(fitting, schema, value, depth);
	case JSON_NULL:
	case JSON_BOOL:
		break;
	}
	return true;
}

static bool
fits(struct fitting *fitting, const struct schema *schema,
    const struct json_value *value, unsigned depth)
{
	if (fitting->steps == 0 || depth > DEPTH_MAX) {
		fitting->spent = true;
		return misfit(fitting, "it is too complex", NULL);
	}
	fitting->steps--;
	if (schema->never) {
		return misfit(fitting, "nothing may be here", NULL);
	}
	if (schema->types != 0 && !is_type(schema->types, value)) {
		return misfit(
		    fitting, "it is of another type:", json_type_name(value));
	}
	if (schema->allowed != NULL && !is_allowed(fitting, schema, value)) {
		return false;
	}
	return value_fits(fitting, schema, value, depth) &&
	       combined_fits(fitting, schema, value, depth);
}

bool
schema_fits(const struct schema *schema, const struct json_value *args,
    struct gk_err *why)
{
	GK_AUTO(json_freep) struct json_value *nothing = NULL;
	struct fitting fitting = {.steps = STEPS_MAX, .why = why};
	bool fine;

	if (args == NULL) {
		args = nothing = json_new_object();
	}
	if (args == NULL) {
		return misfit(&fitting, "no memory", NULL);
	}
	fine = fits(&fitting, schema, args, 0);
	/* 'not' would make a yes of what couldn't be looked at to its end */
	return fitting.spent ? misfit(&fitting, "it is too complex", NULL)
			     : fine;
}
