#ifndef GK_BASE_ERR_H
#define GK_BASE_ERR_H
/* How a call ended, and the story of why. */

#include <stdbool.h>

#include "base/attr.h"

/*
 * How a call ended, told by what the caller can do about it.  A policy denial,
 * "not found" or "already resolved" is not in this list: those are answers,
 * carried in results, and never travel as errors.
 */
enum gk_rc {
	GK_OK = 0,
	GK_E_NOMEM,   /* memory ran out */
	GK_E_LIMIT,   /* a size, depth, or count cap was reached */
	GK_E_INVALID, /* the caller's bytes are wrong */
	GK_E_IO,      /* disk, socket, or database; errno is in the text */
	GK_E_CORRUPT, /* stored evidence contradicts itself: tampering or damage */
	GK_E_BUSY,    /* somebody else holds it; trying later may help */
};

/*
 * Why it ended so.  Filled only when the call did not return GK_OK.
 * where is what the field calls a place: a JSON Pointer, "file:line:column",
 * "offset 12", "seq 40"; empty when there is none.
 */
struct gk_err {
	enum gk_rc rc;
	const char *file; /* source file, static */
	int line;
	char where[160];
	char text[256];
};

enum gk_rc gk_err_set(struct gk_err *err, enum gk_rc rc, const char *file,
    int line, const char *fmt, ...) GK_PRINTF(5, 6);

/* Name the place; keeps the rest of the story.  NULL err is fine. */
void gk_err_where(struct gk_err *err, const char *fmt, ...) GK_PRINTF(2, 3);

/* Put words before the text of an error that is passed on. */
void gk_err_context(struct gk_err *err, const char *fmt, ...) GK_PRINTF(2, 3);

/* Gives rc itself, so that a checker sees that an error was returned. */
#define GK_FAIL(err, rc, ...)                                            \
	((void)gk_err_set((err), (rc), __FILE__, __LINE__, __VA_ARGS__), \
	    (enum gk_rc)(rc))

/* Pass an error on as it is. */
#define GK_TRY(call)                        \
	do {                                \
		enum gk_rc gk_rc_ = (call); \
		if (gk_rc_ != GK_OK) {      \
			return gk_rc_;      \
		}                           \
	} while (0)

#endif
