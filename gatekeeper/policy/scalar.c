/* Where a byte of a YAML scalar's text stands in its file: for errors inside expressions. */
#include <string.h>

#include "policy/scalar.h"

struct cursor {
	const char *at, *end;
	unsigned line, column;
};

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
step(struct cursor *cursor)
{
	if (cursor->at == cursor->end) {
		return;
	}
	if (*cursor->at == '\n') {
		cursor->line++;
		cursor->column = 1;
	} else if (((unsigned char)cursor->at[0] & 0xc0) != 0x80) {
		cursor->column++;
	}
	cursor->at++;
	/* the column is that of a character's first byte */
	while (cursor->at < cursor->end &&
	       ((unsigned char)*cursor->at & 0xc0) == 0x80) {
		cursor->at++;
	}
}

static void
step_by(struct cursor *cursor, size_t n)
{
	while (n-- > 0) {
		step(cursor);
	}
}

static struct cursor
cursor_at(const char *bytes, size_t n, struct yaml_place place)
{
	struct cursor cursor = {bytes, bytes + n, 1, 1};

	while (
	    cursor.at < cursor.end &&
	    (cursor.line < place.line ||
		(cursor.line == place.line && cursor.column < place.column))) {
		step(&cursor);
	}
	return cursor;
}

/* An escape in double quotes that stands for white space, or for nothing. */
static bool
is_white_escape(const struct cursor *cursor)
{
	return cursor->end - cursor->at > 1 && cursor->at[0] == '\\' &&
	       memchr("nrt \n", cursor->at[1], 5) != NULL;
}

static void
skip_white(struct cursor *cursor, char quote)
{
	for (;;) {
		if (cursor->at < cursor->end && is_white(*cursor->at)) {
			step(cursor);
		} else if (quote == '"' && is_white_escape(cursor)) {
			step_by(cursor, 2);
		} else {
			return;
		}
	}
}

/* One character of the text that isn't white space. */
static void
skip_character(struct cursor *cursor, char quote)
{
	size_t n = 1;

	if (cursor->at == cursor->end) {
		return;
	}
	if (quote == '\'' && *cursor->at == '\'') {
		n = 2;
	} else if (quote == '"' && *cursor->at == '\\' &&
		   cursor->end - cursor->at > 1) {
		switch (cursor->at[1]) {
		case 'x':
			n = 4;
			break;
		case 'u':
			n = 6;
			break;
		case 'U':
			n = 10;
			break;
		default:
			n = 2;
			break;
		}
	}
	step_by(cursor, n);
}

/* The opening quote, or the header line of a block; gives the quote. */
static char
skip_opening(struct cursor *cursor)
{
	char first = '\0';

	if (cursor->at < cursor->end) {
		first = *cursor->at;
	}
	if (first == '"' || first == '\'') {
		step(cursor);
		return first;
	}
	if (first == '|' || first == '>') {
		while (cursor->at < cursor->end && *cursor->at != '\n') {
			step(cursor);
		}
	}
	return '\0';
}

struct yaml_place
scalar_place(const char *bytes, size_t n, struct yaml_place place,
    const char *text, size_t offset)
{
	struct cursor cursor = cursor_at(bytes, n, place);
	char quote = skip_opening(&cursor);
	size_t i = 0;

	while (i < offset && cursor.at < cursor.end) {
		skip_white(&cursor, quote);
		while (i < offset && is_white(text[i])) {
			i++;
		}
		if (i >= offset) {
			break;
		}
		skip_character(&cursor, quote);
		i++;
		while (((unsigned char)text[i] & 0xc0) == 0x80) {
			i++;
		}
	}
	if (text[offset] != '\0' && !is_white(text[offset])) {
		skip_white(&cursor, quote);
	}
	return (struct yaml_place){cursor.line, cursor.column};
}
