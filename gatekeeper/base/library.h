#ifndef GK_BASE_LIBRARY_H
#define GK_BASE_LIBRARY_H
/* Shared libraries that are loaded when something needs them, so that who needs nothing of theirs doesn't carry them. */

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* A function of a library, and the function pointer that will call it. */
struct gk_symbol {
	const char *name;
	void *place; /* of a function pointer of the symbol's type */
};

/*
 * Load the library of this soname (ld.so(8) says where it is looked for) and
 * fill every place, or none.  It stays loaded as long as the process runs.
 * GK_E_IO: it isn't there, or lacks a function; the text names it.  Call it
 * before the places are used by other threads.
 */
enum gk_rc gk_library_load(const char *soname, const struct gk_symbol *symbols,
    size_t count, struct gk_err *err) GK_MUST_USE;

#endif
