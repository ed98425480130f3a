/* JSON member by member, so that a format reads like its own documentation. */
#include "codec/canon.h"
#include "format/format_internal.h"

#include <inttypes.h>

static void
try(struct writer *writer, enum gk_rc rc)
{
	if (writer->rc == GK_OK) {
		writer->rc = rc;
	}
}

/* The comma and the name. */
static bool
lead(struct writer *writer, const char *name)
{
	if (writer->rc == GK_OK && writer->comma) {
		try(writer, gk_buf_putc(writer->buf, ',', writer->err));
	}
	if (writer->rc == GK_OK && name != NULL) {
		try(writer, canon_string(name, writer->buf, writer->err));
	}
	if (writer->rc == GK_OK && name != NULL) {
		try(writer, gk_buf_putc(writer->buf, ':', writer->err));
	}
	writer->comma = true;
	return writer->rc == GK_OK;
}

void
writer_begin(struct writer *writer, const char *name, char bracket)
{
	if (lead(writer, name)) {
		try(writer, gk_buf_putc(writer->buf, bracket, writer->err));
	}
	writer->comma = false;
}

void
writer_end(struct writer *writer, char bracket)
{
	if (writer->rc == GK_OK) {
		try(writer, gk_buf_putc(writer->buf, bracket, writer->err));
	}
	writer->comma = true;
}

void
writer_text(struct writer *writer, const char *name, const char *value)
{
	if (value != NULL && lead(writer, name)) {
		try(writer, canon_string(value, writer->buf, writer->err));
	}
}

void
writer_int(struct writer *writer, const char *name, int64_t value)
{
	if (lead(writer, name)) {
		try(writer,
		    gk_buf_printf(writer->buf, writer->err, "%" PRId64, value));
	}
}

void
writer_bool(struct writer *writer, const char *name, bool value)
{
	writer_raw(writer, name, value ? "true" : "false", value ? 4 : 5);
}

void
writer_null(struct writer *writer, const char *name)
{
	writer_raw(writer, name, "null", 4);
}

void
writer_raw(struct writer *writer, const char *name, const char *json, size_t n)
{
	if (lead(writer, name)) {
		try(writer, gk_buf_add(writer->buf, json, n, writer->err));
	}
}
