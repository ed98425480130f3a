#ifndef GK_BASE_BUF_H
#define GK_BASE_BUF_H
/* A growing byte buffer that knows, from birth, how big it may become. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Embedded; end it with gk_buf_done().  Invariants:
 * 1. len <= room <= cap.
 * 2. bytes[len] is '\0' whenever bytes != NULL (room counts that byte apart).
 */
struct gk_buf {
	char *bytes; /* owned; NULL while empty */
	size_t len;
	size_t room;
	size_t cap;
};

#define GK_BUF_INIT(cap_bytes)          \
	{                               \
		NULL, 0, 0, (cap_bytes) \
	}

/*
 * Append.  On any error the buffer is unchanged.  Borrows what is appended.
 * Errors: GK_E_LIMIT past the cap, GK_E_NOMEM.
 */
enum gk_rc gk_buf_add(struct gk_buf *buf, const void *bytes, size_t n,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc gk_buf_puts(
    struct gk_buf *buf, const char *text, struct gk_err *err) GK_MUST_USE;
enum gk_rc gk_buf_putc(
    struct gk_buf *buf, char c, struct gk_err *err) GK_MUST_USE;
enum gk_rc gk_buf_printf(struct gk_buf *buf, struct gk_err *err,
    const char *fmt, ...) GK_PRINTF(3, 4) GK_MUST_USE;

/* Make room for n more bytes, gives where to write them; len is unchanged. */
enum gk_rc gk_buf_reserve(struct gk_buf *buf, size_t n, char **ret_at,
    struct gk_err *err) GK_MUST_USE;

/* The text so far, '\0'-terminated; "" while empty.  Valid until the next call. */
const char *gk_buf_text(const struct gk_buf *buf);

void gk_buf_clear(struct gk_buf *buf); /* len = 0; keeps the memory */
void gk_buf_done(struct gk_buf *buf);

/* Gives the bytes to the caller (free()); the buffer is empty afterwards. */
char *gk_buf_take(struct gk_buf *buf);

#endif
