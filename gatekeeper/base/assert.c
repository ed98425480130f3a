/* Say which assertion failed, in one line on standard error, and end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void
gk_assert_failed(const char *expr, const char *file, int line)
{
	char safe[256];
	size_t n = 0;

	for (; expr[n] != '\0' && n + 1 < sizeof(safe); n++) {
		char c = expr[n];

		safe[n] = (char)(c == '"' || c == '\\' || c < ' ' ? '\'' : c);
	}
	safe[n] = '\0';
	(void)fprintf(stderr,
	    "{\"level\":\"fatal\",\"event\":\"assertion\",\"at\":\"%s:%d\","
	    "\"what\":\"%s\"}\n",
	    file, line, safe);
	abort();
}
