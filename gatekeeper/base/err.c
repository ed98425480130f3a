/* Fill in the story of an error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum gk_rc
gk_err_set(struct gk_err *err, enum gk_rc rc, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	if (err == NULL) {
		return rc;
	}
	err->rc = rc;
	err->file = file;
	err->line = line;
	err->where[0] = '\0';
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0) {
		err->text[0] = '\0';
	}
	va_end(ap);
	return rc;
}

void
gk_err_where(struct gk_err *err, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL) {
		return;
	}
	va_start(ap, fmt);
	if (vsnprintf(err->where, sizeof(err->where), fmt, ap) < 0) {
		err->where[0] = '\0';
	}
	va_end(ap);
}

void
gk_err_context(struct gk_err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t n;
	va_list ap;

	if (err == NULL) {
		return;
	}
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0) {
		err->text[0] = '\0';
	}
	va_end(ap);
	n = strlen(err->text);
	if (n + 3 < sizeof(err->text)) {
		(void)snprintf(err->text + n, sizeof(err->text) - n, ": %.*s",
		    (int)(sizeof(err->text) - n - 3), old);
	}
}
