/* Bump allocation in chunks of at least 4 KiB, bounded by the arena's cap. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { CHUNK_MIN = 4096 - 32 };

struct gk_arena_chunk {
	struct gk_arena_chunk *next;
	size_t used;
	size_t room;
	max_align_t bytes[];
};

static struct gk_arena_chunk *
arena_grow(struct gk_arena *arena, size_t n)
{
	size_t room = n > CHUNK_MIN ? n : CHUNK_MIN;
	struct gk_arena_chunk *chunk;

	if (room > SIZE_MAX - sizeof(*chunk)) {
		return NULL;
	}
	chunk = malloc(sizeof(*chunk) + room);
	if (chunk == NULL) {
		return NULL;
	}
	chunk->next = arena->chunks;
	chunk->used = 0;
	chunk->room = room;
	arena->chunks = chunk;
	return chunk;
}

void *
gk_arena_alloc(struct gk_arena *arena, size_t n)
{
	struct gk_arena_chunk *chunk = arena->chunks;
	size_t step =
	    (n + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	char *at;

	if (step < n || step > arena->cap - arena->used) {
		return NULL;
	}
	if (chunk == NULL || step > chunk->room - chunk->used) {
		chunk = arena_grow(arena, step);
		if (chunk == NULL) {
			return NULL;
		}
	}
	at = (char *)chunk->bytes + chunk->used;
	chunk->used += step;
	arena->used += step;
	memset(at, 0, step);
	return at;
}

void *
gk_arena_calloc(struct gk_arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > arena->cap / size) {
		return NULL;
	}
	return gk_arena_alloc(arena, count * size);
}

char *
gk_arena_strndup(struct gk_arena *arena, const char *text, size_t n)
{
	char *copy = n < SIZE_MAX ? gk_arena_alloc(arena, n + 1) : NULL;

	if (copy != NULL && n > 0) {
		memcpy(copy, text, n);
	}
	return copy;
}

char *
gk_arena_strdup(struct gk_arena *arena, const char *text)
{
	return gk_arena_strndup(arena, text, strlen(text));
}

char *
gk_arena_printf(struct gk_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		return NULL;
	}
	text = gk_arena_alloc(arena, (size_t)n + 1);
	if (text == NULL) {
		return NULL;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void
gk_arena_clear(struct gk_arena *arena)
{
	struct gk_arena_chunk *keep = NULL;

	while (arena->chunks != NULL) {
		struct gk_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		if (keep == NULL && chunk->room == CHUNK_MIN) {
			keep = chunk;
		} else {
			free(chunk);
		}
	}
	if (keep != NULL) {
		keep->next = NULL;
		keep->used = 0;
	}
	arena->chunks = keep;
	arena->used = 0;
}

void
gk_arena_done(struct gk_arena *arena)
{
	while (arena->chunks != NULL) {
		struct gk_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	arena->used = 0;
}
