/* Builds JSON values out of libyaml's events: what JSON has no word for is refused. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"
#include "codec/codec_internal.h"
#include "codec/yaml.h"

/* The most that a place takes out of the arena. */
#define PLACE_ROOM 64

struct place {
	uintptr_t value; /* its address; these bytes are the map's key */
	struct yaml_place at;
	struct yaml_place key_at; /* {0, 0} unless a member */
};

struct yaml_doc {
	struct json_value *root; /* owned */
	struct gk_map places;    /* of struct place, which lie in arena */
	struct gk_arena arena;
};

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct yaml_doc *doc;
	size_t depth;  /* levels left */
	size_t values; /* nodes left */
	struct gk_err *err;
};

static enum gk_rc
at_line(const struct reader *r, size_t line, size_t column, enum gk_rc rc)
{
	gk_err_where(r->err, "%.120s:%zu:%zu", r->name, line + 1, column + 1);
	return rc;
}

static enum gk_rc
at_mark(const struct reader *r, yaml_mark_t mark, enum gk_rc rc)
{
	return at_line(r, mark.line, mark.column, rc);
}

#define REFUSE(r, mark, ...) \
	at_mark((r), (mark), GK_FAIL((r)->err, GK_E_INVALID, __VA_ARGS__))
#define LIMIT(r, mark, ...) \
	at_mark((r), (mark), GK_FAIL((r)->err, GK_E_LIMIT, __VA_ARGS__))

/* Names the place of a byte: its line, its column in code points. */
static enum gk_rc
at_byte(const struct reader *r, const char *bytes, size_t offset, enum gk_rc rc)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < offset; i++) {
		if (bytes[i] == '\n') {
			line++;
			column = 0;
		} else {
			column += ((unsigned char)bytes[i] & 0xc0) != 0x80;
		}
	}
	return at_line(r, line, column, rc);
}

/* Pass on why libyaml stopped. */
static enum gk_rc
parser_error(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem == NULL ? "not YAML" : p->problem;

	if (p->error == YAML_MEMORY_ERROR) {
		return at_mark(
		    r, p->mark, GK_FAIL(r->err, GK_E_NOMEM, "YAML parser"));
	}
	if (p->error == YAML_READER_ERROR) {
		return at_byte(r, (const char *)p->input.string.start,
		    p->problem_offset,
		    GK_FAIL(r->err, GK_E_INVALID, "%s", problem));
	}
	if (p->context != NULL) {
		return REFUSE(
		    r, p->problem_mark, "%s, %s", problem, p->context);
	}
	return REFUSE(r, p->problem_mark, "%s", problem);
}

static enum gk_rc
next_event(struct reader *r, yaml_event_t *ret_event)
{
	return yaml_parser_parse(&r->parser, ret_event) == 1 ? GK_OK
							     : parser_error(r);
}

static bool
is_plain(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static enum gk_rc
check_scalar_text(const struct reader *r, const yaml_event_t *event)
{
	if (!json_check_text((const char *)event->data.scalar.value,
		event->data.scalar.length)) {
		return REFUSE(r, event->start_mark,
		    "U+0000 or a noncharacter in a string");
	}
	return GK_OK;
}

/* *ret_value is NULL when memory ran out. */
static enum gk_rc
scalar_value(const struct reader *r, const yaml_event_t *event,
    struct json_value **ret_value)
{
	const char *text = (const char *)event->data.scalar.value;
	enum gk_rc rc;

	GK_TRY(check_scalar_text(r, event));
	if (is_plain(event)) {
		rc = plain__value(text, ret_value, r->err);
		return rc == GK_OK ? GK_OK : at_mark(r, event->start_mark, rc);
	}
	*ret_value = json_new_string(text);
	return GK_OK;
}

/* Neither anchor nor tag, and no alias: every node says what it is. */
static enum gk_rc
check_bare(const struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT) {
		return REFUSE(r, event->start_mark, "an alias");
	}
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor != NULL) {
		return REFUSE(r, event->start_mark, "an anchor");
	}
	if (tag != NULL) {
		return REFUSE(r, event->start_mark, "a tag");
	}
	return GK_OK;
}

static enum gk_rc
check_key(const struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	GK_TRY(check_bare(r, event));
	if (event->type != YAML_SCALAR_EVENT) {
		return REFUSE(
		    r, event->start_mark, "a key that isn't a string");
	}
	GK_TRY(check_scalar_text(r, event));
	if (is_plain(event) && strcmp(text, "<<") == 0) {
		return REFUSE(r, event->start_mark, "a merge key");
	}
	if (is_plain(event) && !plain__is_string(text)) {
		return REFUSE(r, event->start_mark,
		    "a key that isn't a string; write quotes around it");
	}
	return GK_OK;
}

static struct yaml_place
place_of(yaml_mark_t mark)
{
	return (struct yaml_place){
	    (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static enum gk_rc
note_place(struct reader *r, const struct json_value *value, yaml_mark_t mark)
{
	struct yaml_doc *doc = r->doc;
	struct place *place = gk_arena_alloc(&doc->arena, sizeof(*place));

	if (place == NULL) {
		return at_mark(
		    r, mark, GK_FAIL(r->err, GK_E_NOMEM, "YAML place"));
	}
	place->value = (uintptr_t)value;
	place->at = place_of(mark);
	return gk_map_set(
	    &doc->places, &place->value, sizeof(place->value), place, r->err);
}

static struct place *
find_place(const struct yaml_doc *doc, const struct json_value *value)
{
	uintptr_t key = (uintptr_t)value;

	return gk_map_get(&doc->places, &key, sizeof(key));
}

static enum gk_rc read_node(
    struct reader *r, const yaml_event_t *event, struct json_value **ret_value);

static enum gk_rc
read_sequence(struct reader *r, struct json_value *array)
{
	for (;;) {
		GK_AUTO(yaml_event_delete) yaml_event_t event = {0};
		struct json_value *item;

		GK_TRY(next_event(r, &event));
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			return GK_OK;
		}
		GK_TRY(read_node(r, &event, &item));
		GK_TRY(json_append(array, &item, r->err));
	}
}

/* The value that belongs to key, and the two as a member of object. */
static enum gk_rc
read_member(struct reader *r, const yaml_event_t *key,
    struct json_value *object, struct gk_map *names)
{
	GK_AUTO(yaml_event_delete) yaml_event_t event = {0};
	const char *name = (const char *)key->data.scalar.value;
	struct json_value *item, *member;

	GK_TRY(check_key(r, key));
	if (gk_map_get(names, name, key->data.scalar.length) != NULL) {
		return REFUSE(r, key->start_mark, "a duplicate key");
	}
	GK_TRY(next_event(r, &event));
	GK_TRY(read_node(r, &event, &item));
	member = item;
	GK_TRY(json_set(object, name, &item, r->err));
	find_place(r->doc, member)->key_at = place_of(key->start_mark);
	return gk_map_set(
	    names, json_name(member), key->data.scalar.length, member, r->err);
}

static enum gk_rc
read_mapping(struct reader *r, struct json_value *object)
{
	GK_AUTO(gk_map_done) struct gk_map names = {0};

	for (;;) {
		GK_AUTO(yaml_event_delete) yaml_event_t event = {0};

		GK_TRY(next_event(r, &event));
		if (event.type == YAML_MAPPING_END_EVENT) {
			return GK_OK;
		}
		GK_TRY(read_member(r, &event, object, &names));
	}
}

static enum gk_rc
read_children(
    struct reader *r, const yaml_event_t *event, struct json_value *container)
{
	enum gk_rc rc;

	if (r->depth == 0) {
		return LIMIT(r, event->start_mark, "nested too deep");
	}
	r->depth--;
	rc = event->type == YAML_SEQUENCE_START_EVENT
		 ? read_sequence(r, container)
		 : read_mapping(r, container);
	r->depth++;
	return rc;
}

/* The value that event begins, its place noted. */
static enum gk_rc
read_node(
    struct reader *r, const yaml_event_t *event, struct json_value **ret_value)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	bool scalar = event->type == YAML_SCALAR_EVENT;

	GK_TRY(check_bare(r, event));
	if (r->values == 0) {
		return LIMIT(r, event->start_mark, "too many values");
	}
	r->values--;
	if (scalar) {
		GK_TRY(scalar_value(r, event, &value));
	} else {
		value = event->type == YAML_SEQUENCE_START_EVENT
			    ? json_new_array()
			    : json_new_object();
	}
	if (value == NULL) {
		return at_mark(r, event->start_mark,
		    GK_FAIL(r->err, GK_E_NOMEM, "YAML value"));
	}
	GK_TRY(note_place(r, value, event->start_mark));
	if (!scalar) {
		GK_TRY(read_children(r, event, value));
	}
	*ret_value = GK_TAKE(value);
	return GK_OK;
}

static enum gk_rc
check_directives(const struct reader *r, const yaml_event_t *event)
{
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end) {
		return REFUSE(r, event->start_mark, "a %%TAG directive");
	}
	return GK_OK;
}

/* From behind the document's start to the end of the stream. */
static enum gk_rc
read_document(struct reader *r)
{
	GK_AUTO(yaml_event_delete) yaml_event_t root = {0};
	GK_AUTO(yaml_event_delete) yaml_event_t end = {0};
	GK_AUTO(yaml_event_delete) yaml_event_t behind = {0};

	GK_TRY(next_event(r, &root));
	GK_TRY(read_node(r, &root, &r->doc->root));
	GK_TRY(next_event(r, &end));
	GK_ASSERT(end.type == YAML_DOCUMENT_END_EVENT);
	GK_TRY(next_event(r, &behind));
	if (behind.type != YAML_STREAM_END_EVENT) {
		return REFUSE(r, behind.start_mark, "a second document");
	}
	return GK_OK;
}

static enum gk_rc
read_nothing(struct reader *r, yaml_mark_t mark)
{
	r->doc->root = json_new_null();
	if (r->doc->root == NULL) {
		return at_mark(
		    r, mark, GK_FAIL(r->err, GK_E_NOMEM, "YAML value"));
	}
	return note_place(r, r->doc->root, mark);
}

static enum gk_rc
read_stream(struct reader *r)
{
	GK_AUTO(yaml_event_delete) yaml_event_t start = {0};
	GK_AUTO(yaml_event_delete) yaml_event_t first = {0};

	GK_TRY(next_event(r, &start));
	GK_TRY(next_event(r, &first));
	if (first.type == YAML_STREAM_END_EVENT) {
		return read_nothing(r, first.start_mark);
	}
	GK_TRY(check_directives(r, &first));
	return read_document(r);
}

/*
 * libyaml follows YAML 1.1 in taking U+0085, U+2028 and U+2029 for line
 * breaks; to 1.2 they are letters.  Nobody shall have to know.
 */
static enum gk_rc
check_breaks(const struct reader *r, const char *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		const unsigned char *u = (const unsigned char *)bytes + i;
		bool nel = u[0] == 0xc2 && u[1] == 0x85;
		bool ls = i + 2 < n && u[0] == 0xe2 && u[1] == 0x80 &&
			  (u[2] == 0xa8 || u[2] == 0xa9);

		if (nel || ls) {
			return at_byte(r, bytes, i,
			    GK_FAIL(r->err, GK_E_INVALID,
				"a Unicode line break; write an escape"));
		}
	}
	return GK_OK;
}

static enum gk_rc
read_bytes(struct reader *r, const char *bytes, size_t n)
{
	enum gk_rc rc;

	GK_TRY(check_breaks(r, bytes, n));
	if (yaml_parser_initialize(&r->parser) != 1) {
		return GK_FAIL(r->err, GK_E_NOMEM, "YAML parser");
	}
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r->parser, (const unsigned char *)bytes, n);
	rc = read_stream(r);
	yaml_parser_delete(&r->parser);
	return rc;
}

enum gk_rc
yaml_parse(const char *bytes, size_t n, const char *name,
    const struct json_limits *limits, struct yaml_doc **ret_doc,
    struct gk_err *err)
{
	struct yaml_doc *doc = NULL;
	struct reader r = {.name = name,
	    .depth = limits->depth,
	    .values = limits->values,
	    .err = err};
	enum gk_rc rc;

	GK_ASSERT(limits->depth <= JSON_DEPTH_MAX);
	if (n > limits->bytes) {
		return at_line(&r, 0, 0,
		    GK_FAIL(
			err, GK_E_LIMIT, "more than %zu bytes", limits->bytes));
	}
	doc = calloc(1, sizeof(*doc));
	if (doc == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "YAML document");
	}
	doc->arena.cap =
	    (n + 2) * PLACE_ROOM; /* a value takes a byte or more */
	r.doc = doc;
	rc = read_bytes(&r, bytes == NULL ? "" : bytes, n);
	if (rc != GK_OK) {
		yaml_doc_free(doc);
		return rc;
	}
	*ret_doc = doc;
	return GK_OK;
}

const struct json_value *
yaml_root(const struct yaml_doc *doc)
{
	return doc->root;
}

struct yaml_place
yaml_place(const struct yaml_doc *doc, const struct json_value *value)
{
	const struct place *place = find_place(doc, value);

	return place == NULL ? (struct yaml_place){0, 0} : place->at;
}

struct yaml_place
yaml_key_place(const struct yaml_doc *doc, const struct json_value *member)
{
	const struct place *place = find_place(doc, member);

	return place == NULL ? (struct yaml_place){0, 0} : place->key_at;
}

void
yaml_doc_free(struct yaml_doc *doc)
{
	if (doc == NULL) {
		return;
	}
	json_free(doc->root);
	gk_map_done(&doc->places);
	gk_arena_done(&doc->arena);
	free(doc);
}

void
yaml_freep(struct yaml_doc **doc)
{
	yaml_doc_free(*doc);
	*doc = NULL;
}
