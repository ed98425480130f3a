#ifndef GK_MODEL_ENTRY_H
#define GK_MODEL_ENTRY_H
/* Members of an event's canonical bytes, read and changed without building a tree. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct entry_text {
	const char *at; /* NULL: absent */
	size_t n;
};

/* The raw text of a member of a canonical object.  Lives in bytes. */
struct entry_text entry_get(const char *bytes, size_t n, const char *name);

/* Is the member the string value?  value is an id, a code or a word. */
bool entry_is(const char *bytes, size_t n, const char *name, const char *value);

/* A string member without its quotes, copied; NULL when absent or no memory. */
const char *entry_dup(
    const char *bytes, size_t n, const char *name, struct gk_arena *arena);
bool entry_int(const char *bytes, size_t n, const char *name, uint64_t *ret);

/* The next member of an object, its name as it is written; begin with *at = 1. */
bool entry_next(const char *bytes, size_t n, size_t *at,
    struct entry_text *ret_name, struct entry_text *ret_value);

/* Append the object with one more member, in its place; without one it may have. */
enum gk_rc entry_insert(const char *bytes, size_t n, const char *name,
    const char *value, size_t value_n, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc entry_remove(const char *bytes, size_t n, const char *name,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
