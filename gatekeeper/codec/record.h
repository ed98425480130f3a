#ifndef GK_CODEC_RECORD_H
#define GK_CODEC_RECORD_H
/* C structs ⇄ JSON objects by table: one table encodes, decodes, checks, and refuses what it doesn't know. */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

enum record_kind {
	RECORD_STR,  /* const char *; NULL = absent */
	RECORD_INT,  /* int64_t; 0 = absent unless REQUIRED or has */
	RECORD_BIG,  /* int64_t as a decimal string (beyond 2^53); as INT */
	RECORD_BOOL, /* bool; false = absent unless REQUIRED or has */
	RECORD_ENUM, /* int, its word from names; 0 = absent unless REQUIRED or has */
	RECORD_TIME, /* int64_t µs, RFC 3339; 0 = absent */
	RECORD_BYTES, /* uint8_t[max], base64url behind prefix; absent when all zero */
	RECORD_STRS,   /* const char **, with a size_t count at count_offset */
	RECORD_OBJECT, /* struct *; NULL = absent */
	RECORD_OBJECTS, /* struct * (array), with a size_t count at count_offset */
	RECORD_MAP, /* struct record_pair *, size_t count: object of strings, sorted by name */
	RECORD_JSON, /* const struct json_value *; NULL = absent.  Decode borrows the input's node */
};

enum record_flag {
	RECORD_REQUIRED =
	    1, /* decode refuses its absence; encode always prints */
	RECORD_NULLABLE =
	    2, /* decode takes null as absence; encode prints null for absence */
	RECORD_EMPTY_OK =
	    4, /* an empty string or list is a value, and is printed */
	RECORD_KEEP_EMPTY =
	    8, /* STRS, OBJECTS, MAP: print even when count is 0 */
};

struct record_pair {
	const char *name;
	const char *value;
};

struct record_type;

struct record_field {
	const char *name;
	enum record_kind kind;
	unsigned flags;
	size_t offset;
	size_t count_offset; /* of the count, where the kind has one */
	size_t has_offset;   /* of a bool that says "present"; 0 = none */
	size_t
	    max; /* STR: bytes; STRS, OBJECTS, MAP: count; BYTES: exact size */
	int64_t lo, hi; /* INT, BIG, TIME: inclusive range; both 0 = any */
	bool (*check)(
	    const char *text); /* STR, STRS: well formed?  NULL = any */
	const char *expected;  /* what check wants, for messages */
	const char *const *
	    names; /* ENUM: words by value, NULL = not nameable; ends by names_count */
	size_t names_count;
	const char *prefix;             /* BYTES: "c1_" … */
	const struct record_type *type; /* OBJECT, OBJECTS */
};

/* fields are sorted by name, byte by byte: so what is printed is canonical. */
struct record_type {
	const char *name; /* for messages: "decision request" */
	size_t size;
	const struct record_field *fields;
	size_t count;
};

/*
 * Append the struct as RFC 8785 canonical JSON.
 * Errors: GK_E_LIMIT (buf's cap), GK_E_NOMEM.
 */
enum gk_rc record_encode(const struct record_type *type, const void *src,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/*
 * Fill *ret_dst (zeroed first) from an object.  Strings and arrays are copied
 * into arena; RECORD_JSON members point into value, which must outlive them.
 * Errors: GK_E_INVALID with err->where a JSON Pointer to the field at fault;
 * GK_E_LIMIT likewise; GK_E_NOMEM.
 */
enum gk_rc record_decode(const struct record_type *type,
    const struct json_value *value, struct gk_arena *arena, void *ret_dst,
    struct gk_err *err) GK_MUST_USE;

/*
 * The quick way for text that record_encode() printed: fills *ret_dst as
 * json_parse() and record_decode() would, without a tree, and gives true only if
 * they would take it within limits and record_encode() would print these very
 * bytes again.  false says nothing: such text may still be all right, and the
 * strict way knows why it isn't.  Strings live in arena; *ret_dst then holds
 * anything.
 */
bool record_quick(const struct record_type *type, const char *bytes, size_t n,
    const struct json_limits *limits, struct gk_arena *arena,
    void *ret_dst) GK_MUST_USE;

/* Is the table sorted and whole?  For tests. */
bool record_check(const struct record_type *type);

#endif
