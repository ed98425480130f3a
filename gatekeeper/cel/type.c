/* Types: static ones, made ones, and their texts. */

#include "cel/cel_internal.h"

#include <string.h>

#define NESTING_MAX 16
#define PARAMS_MAX  8
#define TYPE_NAME   128

static const struct cel_type plain[] = {
    [CEL_T_ERROR] = {.kind = CEL_T_ERROR},
    [CEL_T_DYN] = {.kind = CEL_T_DYN},
    [CEL_T_NULL] = {.kind = CEL_T_NULL},
    [CEL_T_BOOL] = {.kind = CEL_T_BOOL},
    [CEL_T_INT] = {.kind = CEL_T_INT},
    [CEL_T_UINT] = {.kind = CEL_T_UINT},
    [CEL_T_DOUBLE] = {.kind = CEL_T_DOUBLE},
    [CEL_T_STRING] = {.kind = CEL_T_STRING},
    [CEL_T_BYTES] = {.kind = CEL_T_BYTES},
    [CEL_T_TIMESTAMP] = {.kind = CEL_T_TIMESTAMP},
    [CEL_T_DURATION] = {.kind = CEL_T_DURATION},
    [CEL_T_TYPE] = {.kind = CEL_T_TYPE},
};

/* What those without parameters are called; "any" is dyn too. */
static const struct {
	const char *word;
	enum cel_type_kind kind;
} words[] = {
    {"dyn", CEL_T_DYN},
    {"null_type", CEL_T_NULL},
    {"bool", CEL_T_BOOL},
    {"int", CEL_T_INT},
    {"uint", CEL_T_UINT},
    {"double", CEL_T_DOUBLE},
    {"string", CEL_T_STRING},
    {"bytes", CEL_T_BYTES},
    {"timestamp", CEL_T_TIMESTAMP},
    {"duration", CEL_T_DURATION},
    {"type", CEL_T_TYPE},
    {"any", CEL_T_DYN},
    {"google.protobuf.Timestamp", CEL_T_TIMESTAMP},
    {"google.protobuf.Duration", CEL_T_DURATION},
};

const struct cel_type *
cel_type_of(enum cel_type_kind kind)
{
	return kind < GK_COUNT(plain) ? &plain[kind] : &plain[CEL_T_DYN];
}

const struct cel_type *
cel__type_made(enum cel_type_kind kind, const char *name,
    const struct cel_type *const *params, unsigned count,
    struct gk_arena *arena)
{
	struct cel_type *type = gk_arena_alloc(arena, sizeof(*type));
	const struct cel_type **copy = NULL;

	if (count > 0) {
		copy = gk_arena_calloc(arena, count, sizeof(*copy));
	}
	if (type == NULL || (count > 0 && copy == NULL)) {
		return NULL;
	}
	if (count > 0) {
		memcpy(copy, params, count * sizeof(*copy));
	}
	*type = (struct cel_type){
	    .kind = kind, .name = name, .params = copy, .param_count = count};
	return type;
}

const struct cel_type *
cel_type_list(const struct cel_type *element, struct gk_arena *arena)
{
	return element == NULL
		   ? NULL
		   : cel__type_made(CEL_T_LIST, NULL, &element, 1, arena);
}

const struct cel_type *
cel_type_map(const struct cel_type *key, const struct cel_type *value,
    struct gk_arena *arena)
{
	const struct cel_type *params[] = {key, value};

	return key == NULL || value == NULL
		   ? NULL
		   : cel__type_made(CEL_T_MAP, NULL, params, 2, arena);
}

/* ---- text → type ---- */

struct reading {
	const char *text, *at;
	struct gk_arena *arena;
	struct gk_err *err;
};

static enum gk_rc
wrong(const struct reading *reading, const char *what)
{
	enum gk_rc rc =
	    GK_FAIL(reading->err, GK_E_INVALID, "%s in a type", what);

	gk_err_where(
	    reading->err, "offset %zu", (size_t)(reading->at - reading->text));
	return rc;
}

static void
skip_spaces(struct reading *reading)
{
	reading->at += strspn(reading->at, " ");
}

static bool
mark(struct reading *reading, char c)
{
	skip_spaces(reading);
	if (*reading->at != c) {
		return false;
	}
	reading->at++;
	skip_spaces(reading);
	return true;
}

static enum gk_rc read_type(
    struct reading *reading, unsigned depth, const struct cel_type **ret_type);

/* "(A, B)", or nothing. */
static enum gk_rc
read_params(struct reading *reading, unsigned depth,
    const struct cel_type **params, unsigned *ret_count)
{
	*ret_count = 0;
	if (!mark(reading, '(')) {
		return GK_OK;
	}
	if (mark(reading, ')')) {
		return GK_OK;
	}
	do {
		if (*ret_count == PARAMS_MAX) {
			return wrong(reading, "too many parameters");
		}
		GK_TRY(read_type(reading, depth + 1, &params[(*ret_count)++]));
	} while (mark(reading, ','));
	return mark(reading, ')') ? GK_OK : wrong(reading, "expected ')'");
}

static bool
is_capital(const char *name)
{
	return name[0] >= 'A' && name[0] <= 'Z' && name[1] == '\0';
}

static const struct cel_type *
named(struct reading *reading, const char *name,
    const struct cel_type *const *params, unsigned count)
{
	const struct cel_type *dyns[] = {
	    cel_type_of(CEL_T_DYN), cel_type_of(CEL_T_DYN)};
	const char *copy;

	if (strcmp(name, "list") == 0 && count <= 1) {
		return cel__type_made(CEL_T_LIST, NULL,
		    count == 1 ? params : dyns, 1, reading->arena);
	}
	if (strcmp(name, "map") == 0 && (count == 0 || count == 2)) {
		return cel__type_made(CEL_T_MAP, NULL,
		    count == 2 ? params : dyns, 2, reading->arena);
	}
	if (strcmp(name, "type") == 0 && count == 1) {
		return cel__type_made(
		    CEL_T_TYPE, NULL, params, 1, reading->arena);
	}
	if (strcmp(name, "wrapper") == 0 && count == 1) {
		return cel__type_made(
		    CEL_T_WRAPPER, NULL, params, 1, reading->arena);
	}
	for (size_t i = 0; count == 0 && i < GK_COUNT(words); i++) {
		if (strcmp(name, words[i].word) == 0) {
			return cel_type_of(words[i].kind);
		}
	}
	copy = gk_arena_strdup(reading->arena, name);
	return copy == NULL ? NULL
			    : cel__type_made(is_capital(name) && count == 0
						 ? CEL_T_PARAM
						 : CEL_T_OPAQUE,
				  copy, params, count, reading->arena);
}

static enum gk_rc
read_type(
    struct reading *reading, unsigned depth, const struct cel_type **ret_type)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.";
	const struct cel_type *params[PARAMS_MAX];
	char name[TYPE_NAME];
	unsigned count;
	size_t n;

	skip_spaces(reading);
	n = strspn(reading->at, letters);
	if (n == 0 || n >= sizeof(name)) {
		return wrong(reading, "expected a name");
	}
	if (depth > NESTING_MAX) {
		return GK_FAIL(reading->err, GK_E_LIMIT, "a type is too deep");
	}
	memcpy(name, reading->at, n);
	name[n] = '\0';
	reading->at += n;
	GK_TRY(read_params(reading, depth, params, &count));
	*ret_type = named(reading, name, params, count);
	return *ret_type == NULL
		   ? GK_FAIL(reading->err, GK_E_NOMEM, "no memory for a type")
		   : GK_OK;
}

enum gk_rc
cel_type_parse(const char *text, struct gk_arena *arena,
    const struct cel_type **ret_type, struct gk_err *err)
{
	struct reading reading = {text, text, arena, err};
	const struct cel_type *type;

	GK_TRY(read_type(&reading, 0, &type));
	skip_spaces(&reading);
	if (*reading.at != '\0') {
		return wrong(&reading, "something follows");
	}
	*ret_type = type;
	return GK_OK;
}

enum gk_rc
cel__signature(const char *text, struct gk_arena *arena,
    struct cel_overload *ret_overload, struct gk_err *err)
{
	struct reading reading = {text, text, arena, err};
	const struct cel_type *params[PARAMS_MAX];
	unsigned count;

	if (*reading.at != '(') {
		return wrong(&reading, "expected '('");
	}
	GK_TRY(read_params(&reading, 0, params, &count));
	if (count > CEL_PARAMS_MAX) {
		return wrong(&reading, "too many parameters");
	}
	if (strncmp(reading.at, "->", 2) != 0) {
		return wrong(&reading, "expected '->'");
	}
	reading.at += 2;
	GK_TRY(read_type(&reading, 0, &ret_overload->result));
	for (unsigned i = 0; i < count; i++) {
		ret_overload->params[i] = params[i];
		ret_overload->kinds[i] = cel__type_kinds(params[i]);
	}
	ret_overload->param_count = count;
	return GK_OK;
}

/* ---- type → text ---- */

static const char *
word_of(const struct cel_type *type)
{
	switch (type->kind) {
	case CEL_T_LIST:
		return "list";
	case CEL_T_MAP:
		return "map";
	case CEL_T_TYPE:
		return "type";
	case CEL_T_WRAPPER:
		return "wrapper";
	case CEL_T_OPAQUE:
	case CEL_T_PARAM:
	case CEL_T_OBJECT:
		return type->name;
	case CEL_T_ERROR:
		return "error";
	case CEL_T_DYN:
	case CEL_T_NULL:
	case CEL_T_BOOL:
	case CEL_T_INT:
	case CEL_T_UINT:
	case CEL_T_DOUBLE:
	case CEL_T_STRING:
	case CEL_T_BYTES:
	case CEL_T_TIMESTAMP:
	case CEL_T_DURATION:
		break;
	}
	for (size_t i = 0; i < GK_COUNT(words); i++) {
		if (words[i].kind == type->kind) {
			return words[i].word;
		}
	}
	return "dyn";
}

static enum gk_rc
print(const struct cel_type *type, unsigned depth, struct gk_buf *text,
    struct gk_err *err)
{
	if (depth > NESTING_MAX) {
		return gk_buf_puts(text, "…", err);
	}
	GK_TRY(gk_buf_puts(text, word_of(type), err));
	for (unsigned i = 0; i < type->param_count; i++) {
		GK_TRY(gk_buf_puts(text, i == 0 ? "(" : ", ", err));
		GK_TRY(print(type->params[i], depth + 1, text, err));
	}
	return gk_buf_puts(text, type->param_count > 0 ? ")" : "", err);
}

enum gk_rc
cel_type_print(
    const struct cel_type *type, struct gk_buf *ret_text, struct gk_err *err)
{
	return print(type, 0, ret_text, err);
}

/* ---- questions ---- */

static uint32_t
opaque_kinds(const char *name)
{
	static const struct {
		const char *name;
		enum cel_kind kind;
	} known[] = {{"optional_type", CEL_OPTIONAL}, {"net.IP", CEL_IP},
	    {"net.CIDR", CEL_CIDR}, {"url.URL", CEL_URL}};

	for (size_t i = 0; i < GK_COUNT(known); i++) {
		if (strcmp(name, known[i].name) == 0) {
			return 1u << known[i].kind;
		}
	}
	return 0;
}

uint32_t
cel__type_kinds(const struct cel_type *type)
{
	static const uint32_t any = ~(1u << CEL_ERROR | 1u << CEL_UNKNOWN);

	switch (type->kind) {
	case CEL_T_ERROR:
	case CEL_T_DYN:
	case CEL_T_PARAM:
		return any;
	case CEL_T_NULL:
		return 1u << CEL_NULL;
	case CEL_T_BOOL:
		return 1u << CEL_BOOL;
	case CEL_T_INT:
		return 1u << CEL_INT;
	case CEL_T_UINT:
		return 1u << CEL_UINT;
	case CEL_T_DOUBLE:
		return 1u << CEL_DOUBLE;
	case CEL_T_STRING:
		return 1u << CEL_STRING;
	case CEL_T_BYTES:
		return 1u << CEL_BYTES;
	case CEL_T_TIMESTAMP:
		return 1u << CEL_TIMESTAMP;
	case CEL_T_DURATION:
		return 1u << CEL_DURATION;
	case CEL_T_LIST:
		return 1u << CEL_LIST;
	case CEL_T_MAP:
	case CEL_T_OBJECT:
		return 1u << CEL_MAP;
	case CEL_T_TYPE:
		return 1u << CEL_TYPE;
	case CEL_T_WRAPPER:
		return 1u << CEL_NULL | cel__type_kinds(type->params[0]);
	case CEL_T_OPAQUE:
		return opaque_kinds(type->name);
	}
	return any;
}

bool
cel__type_same(const struct cel_type *a, const struct cel_type *b)
{
	if (a == b) {
		return true;
	}
	if (a->kind != b->kind || a->param_count != b->param_count ||
	    a->kind == CEL_T_OBJECT ||
	    (a->name != NULL && strcmp(a->name, b->name) != 0)) {
		return false;
	}
	for (unsigned i = 0; i < a->param_count; i++) {
		if (!cel__type_same(a->params[i], b->params[i])) {
			return false;
		}
	}
	return true;
}
