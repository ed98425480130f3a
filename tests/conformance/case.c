/* Turns a JSON line of the suite into an expression, its environment, its bindings and what is expected. */
#include "case.h"

#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "literal.h"

static const struct json_limits limits = {1u << 20, 64, 100000};

/*
 * Write every escape \u0000 as \uF8FF, which is as long.  False: the line has
 * U+F8FF of its own.
 */
static bool
disguise_nuls(char *line, size_t n)
{
	if (memmem(line, n, LITERAL_NUL, 3) != NULL) {
		return false;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		if (line[i] != '\\') {
			continue;
		}
		if (n - i >= 6 && strncasecmp(line + i, "\\uf8ff", 6) == 0) {
			return false;
		}
		if (n - i >= 6 && memcmp(line + i, "\\u0000", 6) == 0) {
			memcpy(line + i, "\\uF8FF", 6);
		}
		i++; /* past what is escaped: it may be a backslash */
	}
	return true;
}

/* A member; absent: null, which has no text, no elements, and isn't true. */
static const struct json_value *
member(const struct json_value *object, const char *name)
{
	static struct json_value *nothing;
	const struct json_value *found = json_get(object, name);

	if (nothing == NULL) {
		nothing = json_new_null();
		GK_ASSERT(nothing != NULL);
	}
	return found == NULL ? nothing : found;
}

/* A member's text in arena; absent: "". */
static const char *
text_of(const struct json_value *root, const char *name, struct gk_arena *arena)
{
	const char *text = json_string(member(root, name));
	const char *copy = text == NULL ? "" : gk_arena_strdup(arena, text);

	return copy == NULL ? "" : copy;
}

/* "(string, T) -> bool" */
static const char *
signature_of(const struct json_value *overload, struct gk_arena *arena)
{
	const struct json_value *params = member(overload, "params");
	const char *text = "(";

	for (const struct json_value *p = json_first(params);
	     p != NULL && text != NULL; p = json_next(p)) {
		text = gk_arena_printf(arena, "%s%s%s", text,
		    text[1] == '\0' ? "" : ", ", json_string(p));
	}
	return text == NULL ? NULL
			    : gk_arena_printf(arena, "%s) -> %s", text,
				  json_string(member(overload, "result")));
}

static enum gk_rc
add_overloads(struct cel_case *c, const char *name,
    const struct json_value *overloads, struct gk_arena *arena,
    struct gk_err *err)
{
	for (const struct json_value *o = json_first(overloads); o != NULL;
	     o = json_next(o)) {
		struct cel_declaration *d =
		    &c->declarations[c->declaration_count++];

		d->name = name;
		d->method = json_bool(member(o, "instance"));
		d->signature = signature_of(o, arena);
		if (d->signature == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory");
		}
	}
	return GK_OK;
}

/* What type_env says: variables with types, functions with overloads. */
static enum gk_rc
read_types(struct cel_case *c, const struct json_value *env,
    struct gk_arena *arena, struct gk_err *err)
{
	for (const struct json_value *e = json_first(env); e != NULL;
	     e = json_next(e)) {
		struct cel_variable *v = &c->variables[c->variable_count];
		const char *name = text_of(e, "name", arena);
		const char *type = json_string(member(e, "type"));

		if (type == NULL) {
			GK_TRY(add_overloads(
			    c, name, member(e, "overloads"), arena, err));
			continue;
		}
		v->name = name;
		GK_TRY(cel_type_parse(type, arena, &v->type, err));
		c->variable_count++;
	}
	return GK_OK;
}

static size_t
find_variable(const struct cel_case *c, const char *name)
{
	size_t i = 0;

	while (
	    i < c->variable_count && strcmp(c->variables[i].name, name) != 0) {
		i++;
	}
	return i;
}

/* What is bound without a type is dyn. */
static enum gk_rc
read_bindings(struct cel_case *c, const struct json_value *bindings,
    struct gk_arena *arena, struct gk_err *err)
{
	for (const struct json_value *b = json_first(bindings); b != NULL;
	     b = json_next(b)) {
		size_t i = find_variable(c, json_name(b));

		if (i == c->variable_count) {
			c->variable_count++;
			c->variables[i].type = cel_type_of(CEL_T_DYN);
			c->variables[i].name =
			    gk_arena_strdup(arena, json_name(b));
			if (c->variables[i].name == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "no memory");
			}
		}
		GK_TRY(literal_decode(b, arena, &c->slots[i], err));
	}
	return GK_OK;
}

static size_t
count_overloads(const struct json_value *env)
{
	size_t count = 0;

	for (const struct json_value *e = json_first(env); e != NULL;
	     e = json_next(e)) {
		count += json_count(member(e, "overloads"));
	}
	return count;
}

static enum gk_rc
read_environment(struct cel_case *c, const struct json_value *root,
    struct gk_arena *arena, struct gk_err *err)
{
	const struct json_value *env = member(root, "type_env");
	const struct json_value *bindings = member(root, "bindings");
	size_t room = json_count(env) + json_count(bindings) + 1;

	c->variables = gk_arena_calloc(arena, room, sizeof(*c->variables));
	c->slots = gk_arena_calloc(arena, room, sizeof(*c->slots));
	c->declarations = gk_arena_calloc(
	    arena, count_overloads(env) + 1, sizeof(*c->declarations));
	if (c->variables == NULL || c->slots == NULL ||
	    c->declarations == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory");
	}
	GK_TRY(read_types(c, env, arena, err));
	return read_bindings(c, bindings, arena, err);
}

/* The suite's rule: a case that says nothing else expects true. */
static enum gk_rc
read_expectation(struct cel_case *c, const struct json_value *root,
    struct gk_arena *arena, struct gk_err *err)
{
	const struct json_value *value = json_get(root, "value");

	if (json_get(root, "deduced_type") != NULL) {
		c->deduced = text_of(root, "deduced_type", arena);
	}
	c->want_error = json_get(root, "error") != NULL;
	c->has_value = !c->want_error && !c->check_only;
	c->value = cel_bool(true);
	return value == NULL || !c->has_value
		   ? GK_OK
		   : literal_decode(value, arena, &c->value, err);
}

static enum gk_rc
read_case(struct cel_case *c, const struct json_value *root,
    struct gk_arena *arena, struct gk_err *err)
{
	const char *expr = json_string(member(root, "expr"));

	c->file = text_of(root, "file", arena);
	c->section = text_of(root, "section", arena);
	c->name = text_of(root, "name", arena);
	c->container = text_of(root, "container", arena);
	c->unchecked = json_bool(member(root, "disable_check"));
	c->check_only = json_bool(member(root, "check_only"));
	c->expr = expr == NULL ? NULL : literal_text(expr, arena, &c->expr_n);
	if (c->expr == NULL) {
		return GK_FAIL(err, GK_E_INVALID, "a case without expression");
	}
	GK_TRY(read_environment(c, root, arena, err));
	return read_expectation(c, root, arena, err);
}

enum gk_rc
case_parse(char *line, size_t n, struct gk_arena *arena,
    struct cel_case *ret_case, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = NULL;

	*ret_case = (struct cel_case){.file = "", .section = "", .name = ""};
	if (!disguise_nuls(line, n)) {
		return GK_FAIL(err, GK_E_INVALID, "U+F8FF stands for U+0000");
	}
	GK_TRY(json_parse(line, n, &limits, &root, err));
	return read_case(ret_case, root, arena, err);
}

static bool
same_double(double a, double b)
{
	uint64_t x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x == y || (__builtin_isnan(a) && __builtin_isnan(b));
}

static bool
same_map(const struct cel_map *want, const struct cel_map *got)
{
	bool same = want->count == got->count && !got->partial;

	for (uint32_t i = 0; same && i < want->count; i++) {
		const struct cel_entry *entry =
		    cel_map_find(got, &want->entries[i].key);

		same = entry != NULL &&
		       case_same(&want->entries[i].key, &entry->key) &&
		       case_same(&want->entries[i].value, &entry->value);
	}
	return same;
}

static bool
same_list(const struct cel_value *want, const struct cel_value *got)
{
	bool same = want->n == got->n;

	for (uint32_t i = 0; same && i < want->n; i++) {
		same = case_same(&want->as.items[i], &got->as.items[i]);
	}
	return same;
}

bool
case_same(const struct cel_value *want, const struct cel_value *got)
{
	if (want->kind != got->kind) {
		return false;
	}
	switch ((enum cel_kind)want->kind) {
	case CEL_NULL:
		return true;
	case CEL_BOOL:
		return want->as.boolean == got->as.boolean;
	case CEL_INT:
	case CEL_UINT:
		return want->as.u == got->as.u;
	case CEL_DOUBLE:
		return same_double(want->as.d, got->as.d);
	case CEL_STRING:
	case CEL_BYTES:
		return want->n == got->n &&
		       (want->n == 0 ||
			   memcmp(want->as.text, got->as.text, want->n) == 0);
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return want->as.seconds == got->as.seconds && want->n == got->n;
	case CEL_LIST:
		return same_list(want, got);
	case CEL_MAP:
		return same_map(want->as.map, got->as.map);
	case CEL_TYPE:
		return strcmp(want->as.text, got->as.text) == 0;
	case CEL_OPTIONAL:
		if (want->as.inner == NULL || got->as.inner == NULL) {
			return want->as.inner == got->as.inner;
		}
		return case_same(want->as.inner, got->as.inner);
	case CEL_ERROR:
	case CEL_UNKNOWN:
	case CEL_IP:
	case CEL_CIDR:
	case CEL_URL:
	case CEL_KIND_COUNT:
		return false; /* the suite has no way to write one */
	}
	return false;
}
