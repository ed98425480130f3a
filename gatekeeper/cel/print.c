/* Values as CEL text: literals where there are some. */

#include "cel/cel_internal.h"

#include <string.h>

#define NESTING_MAX 512

struct printing {
	struct gk_buf *text;
	size_t end; /* of what may be written */
	struct gk_err *err;
};

static enum gk_rc print(
    struct printing *p, const struct cel_value *value, unsigned depth);

static bool
is_full(const struct printing *p)
{
	return p->text->len >= p->end;
}

static enum gk_rc
escaped(struct printing *p, const struct cel_value *value, bool bytes)
{
	const char *at = value->n == 0 ? "" : value->as.text;
	const char *end = at + value->n;

	GK_TRY(gk_buf_puts(p->text, bytes ? "b\"" : "\"", p->err));
	while (at < end && !is_full(p)) {
		uint32_t point = (unsigned char)*at;
		unsigned n = 1;

		if (!bytes) {
			n = cel__text_decode(at, (size_t)(end - at), &point);
			n = n == 0 ? 1 : n;
		}
		if (point == '"' || point == '\\') {
			GK_TRY(gk_buf_printf(
			    p->text, p->err, "\\%c", (char)point));
		} else if (point == '\n') {
			GK_TRY(gk_buf_puts(p->text, "\\n", p->err));
		} else if (point < 0x20 || point == 0x7f ||
			   (bytes && point > 0x7f)) {
			GK_TRY(gk_buf_printf(p->text, p->err, "\\%03o", point));
		} else {
			GK_TRY(gk_buf_add(p->text, at, n, p->err));
		}
		at += n;
	}
	return gk_buf_puts(p->text, at < end ? "…\"" : "\"", p->err);
}

static enum gk_rc
list(struct printing *p, const struct cel_value *value, unsigned depth)
{
	GK_TRY(gk_buf_putc(p->text, '[', p->err));
	for (uint32_t i = 0; i < value->n; i++) {
		GK_TRY(gk_buf_puts(p->text, i == 0 ? "" : ", ", p->err));
		if (is_full(p)) {
			GK_TRY(gk_buf_puts(p->text, "…", p->err));
			break;
		}
		GK_TRY(print(p, &value->as.items[i], depth + 1));
	}
	return gk_buf_putc(p->text, ']', p->err);
}

static enum gk_rc
map(struct printing *p, const struct cel_map *map, unsigned depth)
{
	GK_TRY(gk_buf_putc(p->text, '{', p->err));
	for (uint32_t i = 0; i < map->count; i++) {
		GK_TRY(gk_buf_puts(p->text, i == 0 ? "" : ", ", p->err));
		if (is_full(p)) {
			GK_TRY(gk_buf_puts(p->text, "…", p->err));
			break;
		}
		GK_TRY(print(p, &map->entries[i].key, depth + 1));
		GK_TRY(gk_buf_puts(p->text, ": ", p->err));
		GK_TRY(print(p, &map->entries[i].value, depth + 1));
	}
	if (map->partial) {
		GK_TRY(gk_buf_puts(
		    p->text, map->count == 0 ? "…" : ", …", p->err));
	}
	return gk_buf_putc(p->text, '}', p->err);
}

static enum gk_rc
number(struct printing *p, const struct cel_value *value)
{
	char text[CEL_DOUBLE_TEXT];

	if (value->kind == CEL_INT) {
		return gk_buf_printf(
		    p->text, p->err, "%lld", (long long)value->as.i);
	}
	if (value->kind == CEL_UINT) {
		return gk_buf_printf(
		    p->text, p->err, "%lluu", (unsigned long long)value->as.u);
	}
	(void)cel__double_print(value->as.d, text);
	if (strpbrk(text, "NI") != NULL) {
		return gk_buf_printf(p->text, p->err, "double(\"%s\")", text);
	}
	/* 50.0, not 50: that would be an int */
	return gk_buf_printf(p->text, p->err, "%s%s", text,
	    strpbrk(text, ".e") == NULL ? ".0" : "");
}

static enum gk_rc
called(struct printing *p, const struct cel_value *value)
{
	char text[CEL_TIME_TEXT + CEL_IP_TEXT];
	struct cel_value quoted;
	const char *function = "url";
	size_t n = 0;

	if (value->kind == CEL_TIMESTAMP) {
		function = "timestamp";
		n = cel__time_print(value, text);
	} else if (value->kind == CEL_DURATION) {
		function = "duration";
		n = cel__duration_print(value, text);
	} else if (value->kind == CEL_IP || value->kind == CEL_CIDR) {
		function = value->kind == CEL_IP ? "ip" : "cidr";
		n = cel__ip_print(value->as.ip, value->kind == CEL_CIDR, text);
	}
	quoted = cel_string(text, n);
	if (value->kind == CEL_URL) {
		quoted.as.text = cel__url_text(value->as.url, &n);
		quoted.n = (uint32_t)n;
	}
	GK_TRY(gk_buf_printf(p->text, p->err, "%s(", function));
	GK_TRY(escaped(p, &quoted, false));
	return gk_buf_putc(p->text, ')', p->err);
}

static enum gk_rc
print(struct printing *p, const struct cel_value *value, unsigned depth)
{
	if (depth > NESTING_MAX) {
		return gk_buf_puts(p->text, "…", p->err);
	}
	switch ((enum cel_kind)value->kind) {
	case CEL_ERROR:
		return gk_buf_printf(p->text, p->err, "error: %s",
		    value->as.fault == NULL ? "no value"
					    : value->as.fault->text);
	case CEL_UNKNOWN:
		return gk_buf_puts(p->text, "unknown", p->err);
	case CEL_NULL:
		return gk_buf_puts(p->text, "null", p->err);
	case CEL_BOOL:
		return gk_buf_puts(
		    p->text, value->as.boolean ? "true" : "false", p->err);
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
		return number(p, value);
	case CEL_STRING:
	case CEL_BYTES:
		return escaped(p, value, value->kind == CEL_BYTES);
	case CEL_LIST:
		return list(p, value, depth);
	case CEL_MAP:
		return map(p, value->as.map, depth);
	case CEL_TYPE:
		return gk_buf_puts(p->text, value->as.text, p->err);
	case CEL_OPTIONAL:
		if (value->as.inner == NULL) {
			return gk_buf_puts(p->text, "optional.none()", p->err);
		}
		GK_TRY(gk_buf_puts(p->text, "optional.of(", p->err));
		GK_TRY(print(p, value->as.inner, depth + 1));
		return gk_buf_putc(p->text, ')', p->err);
	case CEL_TIMESTAMP:
	case CEL_DURATION:
	case CEL_IP:
	case CEL_CIDR:
	case CEL_URL:
		return called(p, value);
	case CEL_KIND_COUNT:
		break;
	}
	return GK_OK;
}

enum gk_rc
cel_print(const struct cel_value *value, size_t max, struct gk_buf *ret_text,
    struct gk_err *err)
{
	struct printing p = {ret_text, ret_text->len + max, err};

	return print(&p, value, 0);
}
