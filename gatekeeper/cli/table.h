#ifndef GK_CLI_TABLE_H
#define GK_CLI_TABLE_H
/* Columns of text for people, as wide as what stands in them. */

#include <stdio.h>

#include "base/arena.h"

#define TABLE_COLUMNS_MAX 16

/* Embedded; a zeroed struct with columns is an empty table.  Ended with table_done(). */
struct table {
	size_t columns;
	struct gk_arena arena;
	const char **cells; /* owned */
	size_t count, room;
};

#define TABLE_INIT(columns)                                     \
	{                                                       \
		(columns), GK_ARENA_INIT(64u << 20), NULL, 0, 0 \
	}

/* Append a cell, row by row; NULL is "-".  Copies; a table out of memory prints what it has. */
void table_add(struct table *table, const char *cell);
void table_row(struct table *table, const char *const *cells);
void table_print(const struct table *table, FILE *out);
void table_done(struct table *table);

/* Text that can't steer a terminal: control characters become '?'. */
void table_print_safe(const char *text, FILE *out);
/* How many columns text takes: its code points. */
size_t table_width(const char *text);

#endif
