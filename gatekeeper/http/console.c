/* Finds the console's files by name. */
#include <string.h>

#include "base/attr.h"
#include "http/console.h"
#include "http/console_files.h"

const struct console_file *
console_find(const char *name)
{
	for (size_t i = 0; i < GK_COUNT(console_files); i++) {
		if (strcmp(console_files[i].name, name) == 0) {
			return &console_files[i];
		}
	}
	return NULL;
}
