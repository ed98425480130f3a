/* Growing byte buffer: doubling, never past its cap. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static enum gk_rc
buf_grow(struct gk_buf *buf, size_t want, struct gk_err *err)
{
	size_t room = buf->room < 64 ? 64 : buf->room;
	char *bytes;

	while (room < want) {
		room = room > buf->cap / 2 ? buf->cap : room * 2;
	}
	if (room > buf->cap) {
		room = buf->cap;
	}
	bytes = realloc(buf->bytes, room + 1);
	if (bytes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "buffer of %zu bytes", room);
	}
	bytes[buf->len] = '\0';
	buf->bytes = bytes;
	buf->room = room;
	return GK_OK;
}

enum gk_rc
gk_buf_reserve(struct gk_buf *buf, size_t n, char **ret_at, struct gk_err *err)
{
	if (n > buf->cap - buf->len) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "buffer cap is %zu bytes", buf->cap);
	}
	if (n > buf->room - buf->len || buf->bytes == NULL) {
		GK_TRY(buf_grow(buf, buf->len + n, err));
	}
	*ret_at = buf->bytes + buf->len;
	return GK_OK;
}

enum gk_rc
gk_buf_add(struct gk_buf *buf, const void *bytes, size_t n, struct gk_err *err)
{
	char *at;

	GK_TRY(gk_buf_reserve(buf, n, &at, err));
	if (n > 0) {
		memcpy(at, bytes, n);
	}
	buf->len += n;
	buf->bytes[buf->len] = '\0';
	return GK_OK;
}

enum gk_rc
gk_buf_puts(struct gk_buf *buf, const char *text, struct gk_err *err)
{
	return gk_buf_add(buf, text, strlen(text), err);
}

enum gk_rc
gk_buf_putc(struct gk_buf *buf, char c, struct gk_err *err)
{
	return gk_buf_add(buf, &c, 1, err);
}

enum gk_rc
gk_buf_printf(struct gk_buf *buf, struct gk_err *err, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		return GK_FAIL(err, GK_E_INVALID, "format");
	}
	GK_TRY(gk_buf_reserve(buf, (size_t)n, &at, err));
	va_start(ap, fmt);
	(void)vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return GK_OK;
}

const char *
gk_buf_text(const struct gk_buf *buf)
{
	return buf->bytes == NULL ? "" : buf->bytes;
}

void
gk_buf_clear(struct gk_buf *buf)
{
	buf->len = 0;
	if (buf->bytes != NULL) {
		buf->bytes[0] = '\0';
	}
}

void
gk_buf_done(struct gk_buf *buf)
{
	free(buf->bytes);
	buf->bytes = NULL;
	buf->len = 0;
	buf->room = 0;
}

char *
gk_buf_take(struct gk_buf *buf)
{
	char *bytes = buf->bytes;

	buf->bytes = NULL;
	buf->len = 0;
	buf->room = 0;
	return bytes;
}
