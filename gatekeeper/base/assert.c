/* Say which assertion failed, in one line on standard error, and end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void
gk_assert_failed(const char *expr, const char *file, int line)
{
	(void)fprintf(stderr,
	    "{\"level\":\"fatal\",\"event\":\"assertion\",\"at\":\"%s:%d\",\"what\":\"%s\"}\n",
	    file, line, expr);
	abort();
}
