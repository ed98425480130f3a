/* Templates: parsed once into pieces, printed with values that are escaped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out/template.h"

enum {
	PIECES_MAX = 128,
	NAME_BYTES = 40,
	VALUE_CAP = 64 << 10,
	PIECE_TEXT = -1, /* literal */
	PIECE_LINE = NOTICE_FIELD_COUNT,
	PIECE_LINK,
	PIECE_NAMES,
};

struct piece {
	int what;       /* PIECE_TEXT, a field, PIECE_LINE, PIECE_LINK */
	const char *at; /* PIECE_TEXT: in template->text */
	size_t n;
};

struct template
{
	char *text;
	struct piece pieces[PIECES_MAX];
	size_t count;
};

static const char *
name_of(int what)
{
	return what == PIECE_LINE   ? "line"
	       : what == PIECE_LINK ? "link"
				    : notice_names[what];
}

enum gk_rc
escape_add(enum escape escape, const char *text, size_t n, struct gk_buf *buf,
    struct gk_err *err)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		const char *as = c == '&'   ? "&amp;"
				 : c == '<' ? "&lt;"
					    : "&gt;";

		if (c < ' ' || c == 0x7f) {
			GK_TRY(gk_buf_putc(buf, ' ', err));
		} else if (escape == ESCAPE_MRKDWN &&
			   (c == '&' || c == '<' || c == '>')) {
			GK_TRY(gk_buf_puts(buf, as, err));
		} else {
			GK_TRY(gk_buf_putc(buf, (char)c, err));
		}
	}
	return GK_OK;
}

/* ---- reading ---- */

static enum gk_rc
add_piece(struct template *template, int what, const char *at, size_t n,
    struct gk_err *err)
{
	if (template->count == PIECES_MAX) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a template has at most %d pieces", PIECES_MAX);
	}
	template->pieces[template->count++] = (struct piece){what, at, n};
	return GK_OK;
}

/* The field whose name begins like it, for a hint; NULL: none. */
static const char *
meant(const char *name)
{
	size_t best = 2; /* fewer letters in common mean nothing */
	const char *found = NULL;

	for (int what = 0; what < PIECE_NAMES; what++) {
		const char *other = name_of(what);
		size_t n = 0;

		while (name[n] != '\0' && name[n] == other[n]) {
			n++;
		}
		if (n > best) {
			best = n;
			found = other;
		}
	}
	return found;
}

static enum gk_rc
add_name(
    struct template *template, const char *at, size_t n, struct gk_err *err)
{
	char name[NAME_BYTES];
	const char *hint;

	(void)snprintf(name, sizeof(name), "%.*s",
	    (int)(n < NAME_BYTES ? n : NAME_BYTES - 1), at);
	for (int what = 0; what < PIECE_NAMES; what++) {
		if (strlen(name_of(what)) == n &&
		    memcmp(name_of(what), at, n) == 0) {
			return add_piece(template, what, NULL, 0, err);
		}
	}
	hint = meant(name);
	return GK_FAIL(err, GK_E_INVALID, "no field '%s'%s%s%s", name,
	    hint != NULL ? " (did you mean '" : "", hint != NULL ? hint : "",
	    hint != NULL ? "'?)" : "");
}

/* The piece that begins at *at, which moves behind it. */
static enum gk_rc
take_piece(struct template *template, const char **at, struct gk_err *err)
{
	const char *from = *at;
	size_t n = strcspn(from, "{}");

	if (n > 0) {
		*at = from + n;
		return add_piece(template, PIECE_TEXT, from, n, err);
	}
	if (from[1] == from[0]) {
		*at = from + 2;
		return add_piece(template, PIECE_TEXT, from, 1, err);
	}
	n = strcspn(from + 1, "{}");
	if (from[0] == '}' || from[1 + n] != '}') {
		return GK_FAIL(err, GK_E_INVALID,
		    "a brace without its other one at byte %zu; {{ and }} "
		    "are braces",
		    (size_t)(from - template->text) + 1);
	}
	*at = from + n + 2;
	return add_name(template, from + 1, n, err);
}

enum gk_rc
template_new(
    const char *text, struct template **ret_template, struct gk_err *err)
{
	GK_AUTO(template_freep)
	struct template *template = calloc(1, sizeof(*template));
	const char *at;

	if (template == NULL || (template->text = strdup(text)) == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a template");
	}
	if (strlen(text) > TEMPLATE_BYTES_MAX) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a template has at most %d bytes", TEMPLATE_BYTES_MAX);
	}
	for (at = template->text; *at != '\0';) {
		GK_TRY(take_piece(template, &at, err));
	}
	*ret_template = GK_TAKE(template);
	return GK_OK;
}

void
template_free(struct template *template)
{
	if (template != NULL) {
		free(template->text);
		free(template);
	}
}

void
template_freep(struct template **template)
{
	template_free(*template);
}

/* ---- printing ---- */

enum gk_rc
template_print(const struct template *template, const struct notice *notice,
    const char *link, enum escape escape, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf value = GK_BUF_INIT(VALUE_CAP);

	for (size_t i = 0; i < template->count; i++) {
		const struct piece *piece = &template->pieces[i];

		gk_buf_clear(&value);
		if (piece->what == PIECE_TEXT) {
			GK_TRY(gk_buf_add(buf, piece->at, piece->n, err));
			continue;
		}
		if (piece->what == PIECE_LINK) {
			GK_TRY(gk_buf_puts(&value, link, err));
		} else if (piece->what == PIECE_LINE) {
			GK_TRY(notice_print_line(notice, &value, err));
		} else {
			GK_TRY(notice_print(notice,
			    (enum notice_field)piece->what, &value, err));
		}
		GK_TRY(escape_add(
		    escape, gk_buf_text(&value), value.len, buf, err));
	}
	return GK_OK;
}
