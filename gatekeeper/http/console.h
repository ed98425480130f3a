#ifndef GK_HTTP_CONSOLE_H
#define GK_HTTP_CONSOLE_H
/* The console's files, as the program carries them. */

#include <stddef.h>

struct console_file {
	const char *name; /* below /assets/; "index.html" is the page at / */
	const char *type; /* Content-Type */
	const char *tag;  /* strong entity tag, with its quotes */
	const char *bytes;
	size_t n;
};

/* NULL: there is none of that name. */
const struct console_file *console_find(const char *name);

#endif
