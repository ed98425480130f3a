#ifndef GK_CODEC_YAML_H
#define GK_CODEC_YAML_H
/* A strict subset of YAML 1.2 core → the same values as JSON, with line and column of each. */

#include "codec/json.h"

struct yaml_doc;

struct yaml_place {
	unsigned line;   /* from 1 */
	unsigned column; /* from 1, in code points */
};

/*
 * Read one document.  Refused: anchors, aliases, tags, directives other than
 * %YAML, more than one document, duplicate or non-string keys, merge keys
 * ("<<"), numbers with a leading zero (0644: octal to some), numbers that
 * json_parse() refuses (.inf, .nan, integers beyond ±(2^53-1)), invalid UTF-8,
 * text that json_check_text() refuses, raw U+0085, U+2028, U+2029 (line breaks
 * to some), and what json_limits says.  Plain scalars follow the core schema
 * (null ~ true false, decimal 0o 0x integers, floats); "yes", "on" and "no"
 * are strings.  An empty document is the value null.
 *
 * Borrows bytes and name (a file's name, for messages).  Gives *ret_doc.
 * Errors: GK_E_INVALID, GK_E_LIMIT, GK_E_NOMEM; err->where is
 * "name:line:column".
 */
enum gk_rc yaml_parse(const char *bytes, size_t n, const char *name,
    const struct json_limits *limits, struct yaml_doc **ret_doc,
    struct gk_err *err) GK_MUST_USE;

const struct json_value *yaml_root(const struct yaml_doc *doc);

/*
 * Where a value of this document began; for a member of an object,
 * yaml_key_place() tells where its key began.  {0, 0} for a foreign value.
 */
struct yaml_place yaml_place(
    const struct yaml_doc *doc, const struct json_value *value);
struct yaml_place yaml_key_place(
    const struct yaml_doc *doc, const struct json_value *member);

/* yaml_free is a symbol of libyaml's. */
void yaml_doc_free(struct yaml_doc *doc);
void yaml_freep(struct yaml_doc **doc);

#endif
