/* Aligned columns, and text from strangers made harmless for terminals. */
#include <stdbool.h>
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

void
table_print(const struct table *table, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->count; i++) {
		size_t width = table_width(table->cells[i]);
		size_t *most = &widths[i % table->columns];

		*most = width > *most ? width : *most;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;

		table_print_safe(table->cells[i], out);
		for (size_t n = table_width(table->cells[i]);
		     !last && n < widths[column] + 2; n++) {
			(void)fputc(' ', out);
		}
		if (last) {
			(void)fputc('\n', out);
		}
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
