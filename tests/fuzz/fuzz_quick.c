/*
 * The quick way to read an event takes nothing that the strict way refuses, and reads the same.
 *
 * The first four bytes say how canonical text is damaged (where, how, with what); the
 * rest is a line of JSON.  The line is compared as it is, as canonical text where it
 * is an event at all, and as that text with the damage.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "model/event.h"

enum { HEAD = 4, CAP = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {EVENT_BYTES_MAX, 8, 4096};

/* Gives whether the strict way takes it; *again holds what is printed. */
static bool
strict(
    const char *bytes, size_t n, struct gk_arena *arena, struct gk_buf *again)
{
	GK_AUTO(json_freep) struct json_value *json = NULL;
	void *wire = gk_arena_alloc(arena, event_type.size);

	GK_ASSERT(wire != NULL);
	gk_buf_clear(again);
	return json_parse(bytes, n, &limits, &json, NULL) == GK_OK &&
	       record_decode(&event_type, json, arena, wire, NULL) == GK_OK &&
	       record_encode(&event_type, wire, again, NULL) == GK_OK;
}

static void
compare(const char *bytes, size_t n, struct gk_arena *arena)
{
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(CAP);
	GK_AUTO(gk_buf_done) struct gk_buf quick = GK_BUF_INIT(CAP);
	void *wire = gk_arena_alloc(arena, event_type.size);

	GK_ASSERT(wire != NULL);
	if (!record_quick(&event_type, bytes, n, &limits, arena, wire)) {
		return;
	}
	GK_ASSERT(strict(bytes, n, arena, &again));
	GK_ASSERT(again.len == n && memcmp(again.bytes, bytes, n) == 0);
	GK_ASSERT(record_encode(&event_type, wire, &quick, NULL) == GK_OK);
	GK_ASSERT(quick.len == n && memcmp(quick.bytes, bytes, n) == 0);
}

/* One byte changed, added or taken away, or two that change places. */
static size_t
damage(char *text, size_t n, const uint8_t how[HEAD])
{
	size_t at = ((size_t)how[0] << 8 | how[1]) % n;

	switch (how[2] % 4) {
	case 0:
		text[at] = (char)how[3];
		return n;
	case 1:
		memmove(text + at + 1, text + at, n - at);
		text[at] = (char)how[3];
		return n + 1;
	case 2:
		memmove(text + at, text + at + 1, n - at - 1);
		return n - 1;
	default:
		text[at] = (char)(text[at] ^ (1 << how[3] % 8));
		return n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(64 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(CAP);
	char *damaged;

	if (size < HEAD || size > 1 << 17) {
		return 0;
	}
	compare((const char *)data + HEAD, size - HEAD, &arena);
	if (!strict((const char *)data + HEAD, size - HEAD, &arena, &text) ||
	    text.len == 0) {
		return 0;
	}
	compare(text.bytes, text.len, &arena);
	damaged = malloc(text.len + 1);
	GK_ASSERT(damaged != NULL);
	memcpy(damaged, text.bytes, text.len);
	compare(damaged, damage(damaged, text.len, data), &arena);
	free(damaged);
	return 0;
}
