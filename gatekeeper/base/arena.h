#ifndef GK_BASE_ARENA_H
#define GK_BASE_ARENA_H
/* Memory that is allocated piece by piece and let go all at once. */

#include <stddef.h>

#include "base/attr.h"

struct gk_arena_chunk;

/* Embedded.  A zeroed struct with a cap is an empty arena. */
struct gk_arena {
	struct gk_arena_chunk *chunks; /* owned; newest first */
	size_t used;                   /* bytes handed out */
	size_t cap;                    /* bytes it may ever hand out */
};

#define GK_ARENA_INIT(cap_bytes)     \
	{                            \
		NULL, 0, (cap_bytes) \
	}

/*
 * All of these give memory that lives until gk_arena_done() or _clear(),
 * aligned for any type, zeroed; NULL past the cap or when memory ran out.
 */
void *gk_arena_alloc(struct gk_arena *arena, size_t n) GK_MUST_USE;
void *gk_arena_calloc(
    struct gk_arena *arena, size_t count, size_t size) GK_MUST_USE;
char *gk_arena_strdup(struct gk_arena *arena, const char *text) GK_MUST_USE;
char *gk_arena_strndup(
    struct gk_arena *arena, const char *text, size_t n) GK_MUST_USE;
char *gk_arena_printf(struct gk_arena *arena, const char *fmt, ...)
    GK_PRINTF(2, 3) GK_MUST_USE;

void gk_arena_clear(struct gk_arena *arena); /* keeps one chunk for reuse */
void gk_arena_done(struct gk_arena *arena);

#endif
