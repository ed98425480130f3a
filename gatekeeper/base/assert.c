/* Say which assertion failed, in one line on standard error, and end. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void
gk_assert_failed(const char *expr, const char *file, int line)
{
	char safe[256];
	size_t n = 0;

	for (; expr[n] != '\0' && n + 1 < sizeof(safe); n++) {
		bool plain = expr[n] >= ' ' && expr[n] < 0x7f;

		safe[n] = expr[n] == '"' || expr[n] == '\\' || !plain ? '\''
								      : expr[n];
	}
	safe[n] = '\0';
	(void)fprintf(stderr,
	    "{\"level\":\"fatal\",\"event\":\"assertion\",\"at\":\"%s:%d\","
	    "\"what\":\"%s\"}\n",
	    file, line, safe);
	abort();
}
