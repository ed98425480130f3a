/* Aligned columns, and text from strangers made harmless for terminals. */
#include <stdlib.h>

#include "cli/table.h"

size_t
table_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++) {
		width += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return width;
}

/* C0, DEL, and C1 as UTF-8 (U+0080 to U+009F). */
void
table_print_safe(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];

		if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			text++;
			c = '?';
		}
		(void)fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

void
table_add(struct table *table, const char *cell)
{
	const char *copy;

	if (table->count == table->room) {
		size_t room = table->room > 0 ? table->room * 2 : 64;
		const char **cells =
		    reallocarray(table->cells, room, sizeof(*cells));

		if (cells == NULL) {
			return;
		}
		table->cells = cells;
		table->room = room;
	}
	copy = gk_arena_strdup(&table->arena, cell != NULL ? cell : "-");
	if (copy != NULL) {
		table->cells[table->count++] = copy;
	}
}

void
table_row(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++) {
		table_add(table, cells[i]);
	}
}

static void
put_spaces(size_t n, FILE *out)
{
	for (; n > 0; n--) {
		(void)fputc(' ', out);
	}
}

/* One row; no space stands at its end. */
static void
print_row(
    const struct table *table, size_t first, const size_t *widths, FILE *out)
{
	size_t due = 0;

	for (size_t i = 0; i < table->columns && first + i < table->count;
	     i++) {
		const char *cell = table->cells[first + i];

		if (cell[0] != '\0') {
			put_spaces(due, out);
			table_print_safe(cell, out);
			due = 0;
		}
		due += widths[i] + 2 - table_width(cell);
	}
	(void)fputc('\n', out);
}

void
table_print(const struct table *table, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->count; i++) {
		size_t width = table_width(table->cells[i]);
		size_t *most = &widths[i % table->columns];

		*most = width > *most ? width : *most;
	}
	for (size_t i = 0; i < table->count; i += table->columns) {
		print_row(table, i, widths, out);
	}
}

void
table_done(struct table *table)
{
	gk_arena_done(&table->arena);
	free(table->cells);
	table->cells = NULL;
	table->count = table->room = 0;
}
