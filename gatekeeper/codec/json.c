/* Strict I-JSON text into a tree; that the tree is cJSON's is known here alone. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "codec/codec_internal.h"
#include "codec/json.h"

/*
 * A node is one allocation: the cJSON struct, then the member's name, then the
 * string's text.  The flags cJSON_StringIsConst and cJSON_IsReference keep
 * cJSON_Delete() from freeing the latter two on their own.
 */

#define FEW_MEMBERS 8 /* up to so many, names are compared one by one */

const struct json_limits json_limits_request = {1 << 20, 64, 10000};

struct reader {
	struct lex lex;
	size_t depth;  /* levels left */
	size_t values; /* nodes left */
	cJSON *root;   /* owned; every node hangs on it from the start */
};

static struct json_value *
value_of(cJSON *node)
{
	return (struct json_value *)node;
}

static cJSON *
node_of(struct json_value *value)
{
	return (cJSON *)value;
}

static const cJSON *
node_in(const struct json_value *value)
{
	return (const cJSON *)value;
}

static int
kind(const cJSON *node)
{
	return node->type & 0xff;
}

static cJSON *
node_new(int type, size_t extra)
{
	cJSON *node = cJSON_malloc(sizeof(*node) + extra);

	if (node != NULL) {
		memset(node, 0, sizeof(*node));
		node->type = type;
	}
	return node;
}

/* cJSON's own shape: the first child's prev is the last child. */
static void
node_link(cJSON *parent, cJSON *node)
{
	cJSON *first = parent->child;

	if (first == NULL) {
		parent->child = node;
		node->prev = node;
		return;
	}
	node->prev = first->prev;
	first->prev->next = node;
	first->prev = node;
}

#define REFUSE(r, at, ...) LEX_FAIL(&(r)->lex, (at), GK_E_INVALID, __VA_ARGS__)
#define LIMIT(r, at, ...)  LEX_FAIL(&(r)->lex, (at), GK_E_LIMIT, __VA_ARGS__)

/*
 * Hang a new node into parent, or at the root; name is NULL in an array, text
 * unless a string.
 */
static enum gk_rc
add_node(struct reader *r, cJSON *parent, const struct lex_span *name,
    const struct lex_span *text, int type, cJSON **ret_node)
{
	size_t name_room = name == NULL ? 0 : name->n + 1;
	cJSON *node;

	if (r->values == 0) {
		return LIMIT(r, r->lex.at, "too many values");
	}
	r->values--;
	node = node_new(type, name_room + (text == NULL ? 0 : text->n + 1));
	if (node == NULL) {
		return LEX_FAIL(&r->lex, r->lex.at, GK_E_NOMEM, "JSON value");
	}
	if (parent == NULL) {
		r->root = node;
	} else {
		node_link(parent, node);
	}
	if (name != NULL) {
		node->type |= cJSON_StringIsConst;
		node->string = (char *)(node + 1);
		GK_TRY(lex__decode(&r->lex, name, node->string));
	}
	if (text != NULL) {
		node->type |= cJSON_IsReference;
		node->valuestring = (char *)(node + 1) + name_room;
		GK_TRY(lex__decode(&r->lex, text, node->valuestring));
	}
	*ret_node = node;
	return GK_OK;
}

static enum gk_rc read_array(struct reader *r, cJSON *array);
static enum gk_rc read_object(struct reader *r, cJSON *object);

/* A number or a word; anything else isn't a value. */
static enum gk_rc
read_scalar(struct reader *r, int first, int *ret_type, double *ret_number)
{
	switch (first) {
	case 't':
		*ret_type = cJSON_True;
		return lex__word(&r->lex, "true");
	case 'f':
		*ret_type = cJSON_False;
		return lex__word(&r->lex, "false");
	case 'n':
		*ret_type = cJSON_NULL;
		return lex__word(&r->lex, "null");
	case LEX_END:
		return REFUSE(
		    r, r->lex.at, "the text ends before its value does");
	default:
		break;
	}
	if (first != '-' && (first < '0' || first > '9')) {
		return REFUSE(r, r->lex.at, "a value was expected");
	}
	*ret_type = cJSON_Number;
	return lex__number(&r->lex, ret_number);
}

static enum gk_rc
read_value(struct reader *r, cJSON *parent, const struct lex_span *name)
{
	int first = lex__peek(&r->lex), type = cJSON_String;
	struct lex_span text = {NULL, 0, false};
	double number = 0;
	cJSON *node = NULL;

	if (first == '{') {
		GK_TRY(add_node(r, parent, name, NULL, cJSON_Object, &node));
		return read_object(r, node);
	}
	if (first == '[') {
		GK_TRY(add_node(r, parent, name, NULL, cJSON_Array, &node));
		return read_array(r, node);
	}
	if (first == '"') {
		GK_TRY(lex__span(&r->lex, &text));
		return add_node(r, parent, name, &text, type, &node);
	}
	GK_TRY(read_scalar(r, first, &type, &number));
	GK_TRY(add_node(r, parent, name, NULL, type, &node));
	node->valuedouble = number;
	return GK_OK;
}

static enum gk_rc
enter(struct reader *r)
{
	if (r->depth == 0) {
		return LIMIT(r, r->lex.at, "nested too deep");
	}
	r->depth--;
	r->lex.at++;
	return GK_OK;
}

static enum gk_rc
leave(struct reader *r)
{
	r->depth++;
	r->lex.at++;
	return GK_OK;
}

/* Between two items stands a comma. */
static enum gk_rc
read_comma(struct reader *r, const cJSON *parent, int next)
{
	if (parent->child == NULL) {
		return GK_OK;
	}
	if (next == LEX_END) {
		return REFUSE(
		    r, r->lex.at, "the text ends before its value does");
	}
	if (next != ',') {
		return REFUSE(r, r->lex.at, "',' or '%c' was expected",
		    kind(parent) == cJSON_Array ? ']' : '}');
	}
	r->lex.at++;
	return GK_OK;
}

static enum gk_rc
read_array(struct reader *r, cJSON *array)
{
	GK_TRY(enter(r));
	for (int next = lex__peek(&r->lex); next != ']';
	     next = lex__peek(&r->lex)) {
		GK_TRY(read_comma(r, array, next));
		GK_TRY(read_value(r, array, NULL));
	}
	return leave(r);
}

/* Put the names before the last one's into the map. */
static enum gk_rc
hash_names(const cJSON *object, struct gk_map *names, struct gk_err *err)
{
	const cJSON *last = object->child->prev;

	for (cJSON *m = object->child; m != last; m = m->next) {
		GK_TRY(gk_map_set(names, m->string, strlen(m->string), m, err));
	}
	return GK_OK;
}

/*
 * Did an earlier member have the last one's name?  Few names are compared one
 * by one, many by hash; count is that of the members.
 */
static enum gk_rc
check_name(const cJSON *object, size_t count, struct gk_map *names,
    bool *ret_seen, struct gk_err *err)
{
	cJSON *last = object->child->prev, *m = object->child;

	if (count <= FEW_MEMBERS) {
		while (m != last && strcmp(m->string, last->string) != 0) {
			m = m->next;
		}
		*ret_seen = m != last;
		return GK_OK;
	}
	if (names->count == 0) {
		GK_TRY(hash_names(object, names, err));
	}
	GK_TRY(
	    gk_map_set(names, last->string, strlen(last->string), last, err));
	*ret_seen = names->count < count;
	return GK_OK;
}

static enum gk_rc
read_member(struct reader *r, cJSON *object, size_t count, struct gk_map *names)
{
	struct lex_span name;
	bool seen;

	if (lex__peek(&r->lex) != '"') {
		return REFUSE(r, r->lex.at, "a member's name was expected");
	}
	GK_TRY(lex__span(&r->lex, &name));
	if (lex__peek(&r->lex) != ':') {
		return REFUSE(r, r->lex.at, "':' was expected");
	}
	r->lex.at++;
	GK_TRY(read_value(r, object, &name));
	GK_TRY(check_name(object, count, names, &seen, r->lex.err));
	if (seen) {
		return REFUSE(r, name.at - 1, "a duplicate member");
	}
	return GK_OK;
}

static enum gk_rc
read_object(struct reader *r, cJSON *object)
{
	GK_AUTO(gk_map_done) struct gk_map names = {0};
	size_t count = 0;

	GK_TRY(enter(r));
	for (int next = lex__peek(&r->lex); next != '}';
	     next = lex__peek(&r->lex)) {
		GK_TRY(read_comma(r, object, next));
		GK_TRY(read_member(r, object, ++count, &names));
	}
	return leave(r);
}

static enum gk_rc
read_text(struct reader *r, size_t n, size_t cap)
{
	if (n > cap) {
		return LIMIT(r, r->lex.start + cap, "more than %zu bytes", cap);
	}
	if (n >= 3 && memcmp(r->lex.at, "\xef\xbb\xbf", 3) == 0) {
		return REFUSE(r, r->lex.at, "a byte order mark");
	}
	GK_TRY(read_value(r, NULL, NULL));
	if (lex__peek(&r->lex) != LEX_END) {
		return REFUSE(
		    r, r->lex.at, "something stands behind the value");
	}
	return GK_OK;
}

enum gk_rc
json_parse(const char *bytes, size_t n, const struct json_limits *limits,
    struct json_value **ret_value, struct gk_err *err)
{
	const char *start = bytes == NULL ? "" : bytes;
	struct reader r = {{start, start, start + n, err}, limits->depth,
	    limits->values, NULL};
	enum gk_rc rc;

	GK_ASSERT(limits->depth <= JSON_DEPTH_MAX);
	rc = read_text(&r, n, limits->bytes);
	if (rc != GK_OK) {
		cJSON_Delete(r.root);
		return rc;
	}
	*ret_value = value_of(r.root);
	return GK_OK;
}

bool
json_check_text(const char *text, size_t n)
{
	return lex__check_text(text, n);
}

void
json_free(struct json_value *value)
{
	cJSON_Delete(node_of(value));
}

void
json_freep(struct json_value **value)
{
	json_free(*value);
	*value = NULL;
}

enum json_type
json_type(const struct json_value *value)
{
	switch (kind(node_in(value))) {
	case cJSON_False:
	case cJSON_True:
		return JSON_BOOL;
	case cJSON_Number:
		return JSON_NUMBER;
	case cJSON_String:
		return JSON_STRING;
	case cJSON_Array:
		return JSON_ARRAY;
	case cJSON_Object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const char *
json_type_name(const struct json_value *value)
{
	static const char *const names[] = {[JSON_NULL] = "null",
	    [JSON_BOOL] = "boolean",
	    [JSON_NUMBER] = "number",
	    [JSON_STRING] = "string",
	    [JSON_ARRAY] = "array",
	    [JSON_OBJECT] = "object"};

	return names[json_type(value)];
}

bool
json_bool(const struct json_value *value)
{
	return value != NULL && kind(node_in(value)) == cJSON_True;
}

double
json_number(const struct json_value *value)
{
	const cJSON *node = node_in(value);

	return value != NULL && kind(node) == cJSON_Number ? node->valuedouble
							   : 0;
}

bool
json_int(const struct json_value *value, int64_t *ret_int)
{
	const cJSON *node = node_in(value);
	double number, rest;

	if (value == NULL || kind(node) != cJSON_Number) {
		return false;
	}
	number = node->valuedouble;
	if (number > (double)JSON_INT_MAX || number < -(double)JSON_INT_MAX) {
		return false;
	}
	rest = number - (double)(int64_t)number;
	if (rest < 0 || rest > 0) {
		return false;
	}
	*ret_int = (int64_t)number;
	return true;
}

const char *
json_string(const struct json_value *value)
{
	return value == NULL ? NULL : node_in(value)->valuestring;
}

size_t
json_count(const struct json_value *value)
{
	const cJSON *m = value == NULL ? NULL : node_in(value)->child;
	size_t count = 0;

	for (; m != NULL; m = m->next) {
		count++;
	}
	return count;
}

const struct json_value *
json_first(const struct json_value *value)
{
	return value == NULL ? NULL : value_of(node_in(value)->child);
}

const struct json_value *
json_next(const struct json_value *value)
{
	return value_of(node_in(value)->next);
}

const char *
json_name(const struct json_value *member)
{
	return node_in(member)->string;
}

const struct json_value *
json_get(const struct json_value *object, const char *name)
{
	const cJSON *node = node_in(object);

	if (object == NULL || kind(node) != cJSON_Object) {
		return NULL;
	}
	for (cJSON *m = node->child; m != NULL; m = m->next) {
		if (strcmp(m->string, name) == 0) {
			return value_of(m);
		}
	}
	return NULL;
}

/* Does the pointer's token, up to its '/' or end, spell name? */
static bool
token_is(const char *token, const char *name)
{
	for (; *token != '\0' && *token != '/'; token++, name++) {
		char c = *token;

		if (c == '~') {
			token++;
			if (*token != '0' && *token != '1') {
				return false;
			}
			c = *token == '0' ? '~' : '/';
		}
		if (*name != c) {
			return false;
		}
	}
	return *name == '\0';
}

/* The element that the token counts to: digits without a leading zero. */
static const cJSON *
token_element(const char *token, const cJSON *array)
{
	const char *end = strchrnul(token, '/');
	const cJSON *element = array->child;
	size_t index = 0;

	if (token == end || (*token == '0' && end - token > 1) ||
	    end - token > 9) {
		return NULL;
	}
	for (; token < end; token++) {
		if (*token < '0' || *token > '9') {
			return NULL;
		}
		index = index * 10 + (size_t)(*token - '0');
	}
	for (; element != NULL && index > 0; index--) {
		element = element->next;
	}
	return element;
}

const struct json_value *
json_at(const struct json_value *root, const char *pointer)
{
	const cJSON *node = node_in(root);

	for (; *pointer == '/' && node != NULL;
	     pointer = strchrnul(pointer + 1, '/')) {
		const cJSON *parent = node;

		node = NULL;
		if (kind(parent) == cJSON_Array) {
			node = token_element(pointer + 1, parent);
		} else if (kind(parent) == cJSON_Object) {
			node = parent->child;
			while (node != NULL &&
			       !token_is(pointer + 1, node->string)) {
				node = node->next;
			}
		}
	}
	return *pointer == '\0' ? (const struct json_value *)node : NULL;
}

struct json_value *
json_new_null(void)
{
	return value_of(node_new(cJSON_NULL, 0));
}

struct json_value *
json_new_bool(bool b)
{
	return value_of(node_new(b ? cJSON_True : cJSON_False, 0));
}

struct json_value *
json_new_number(double number)
{
	cJSON *node = node_new(cJSON_Number, 0);

	if (node != NULL) {
		node->valuedouble = number;
	}
	return value_of(node);
}

struct json_value *
json_new_string(const char *text)
{
	size_t n = strlen(text) + 1;
	cJSON *node = node_new(cJSON_String | cJSON_IsReference, n);

	if (node != NULL) {
		node->valuestring = (char *)(node + 1);
		memcpy(node->valuestring, text, n);
	}
	return value_of(node);
}

struct json_value *
json_new_array(void)
{
	return value_of(node_new(cJSON_Array, 0));
}

struct json_value *
json_new_object(void)
{
	return value_of(node_new(cJSON_Object, 0));
}

/* One node without its children, with its name where there is one. */
static cJSON *
node_dup(const cJSON *from, const char *name)
{
	const char *text = from->valuestring;
	size_t name_room = name == NULL ? 0 : strlen(name) + 1;
	size_t text_room = text == NULL ? 0 : strlen(text) + 1;
	cJSON *node = node_new(kind(from), name_room + text_room);

	if (node == NULL) {
		return NULL;
	}
	node->valuedouble = from->valuedouble;
	if (name != NULL) {
		node->type |= cJSON_StringIsConst;
		node->string = memcpy(node + 1, name, name_room);
	}
	if (text != NULL) {
		node->type |= cJSON_IsReference;
		node->valuestring =
		    memcpy((char *)(node + 1) + name_room, text, text_room);
	}
	return node;
}

static bool
children_dup(cJSON *to, const cJSON *from)
{
	for (const cJSON *m = from->child; m != NULL; m = m->next) {
		cJSON *node = node_dup(m, m->string);

		if (node == NULL) {
			return false;
		}
		node_link(to, node);
		if (!children_dup(node, m)) {
			return false;
		}
	}
	return true;
}

struct json_value *
json_dup(const struct json_value *value)
{
	cJSON *root = node_dup(node_in(value), NULL);

	if (root != NULL && !children_dup(root, node_in(value))) {
		cJSON_Delete(root);
		return NULL;
	}
	return value_of(root);
}

enum gk_rc
json_append(
    struct json_value *array, struct json_value **item, struct gk_err *err)
{
	cJSON *node = node_of(GK_TAKE(*item));

	if (node == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "JSON value");
	}
	GK_ASSERT(kind(node_of(array)) == cJSON_Array);
	node_link(node_of(array), node);
	return GK_OK;
}

enum gk_rc
json_set(struct json_value *object, const char *name, struct json_value **item,
    struct gk_err *err)
{
	cJSON *node = node_of(GK_TAKE(*item));
	size_t n = strlen(name) + 1;

	if (node == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "JSON value");
	}
	GK_ASSERT(kind(node_of(object)) == cJSON_Object);
	node->string = cJSON_malloc(n);
	if (node->string == NULL) {
		cJSON_Delete(node);
		return GK_FAIL(err, GK_E_NOMEM, "JSON member");
	}
	memcpy(node->string, name, n);
	node_link(node_of(object), node);
	return GK_OK;
}
