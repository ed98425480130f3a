/* Any bytes as a regular expression, up to the first zero byte, and behind it as a text. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "cel/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP_BYTES = 1 << 18, WHY_BYTES = 128, PATTERN_MAX = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *stop = size == 0 ? NULL : memchr(data, '\0', size);
	size_t n = stop == NULL ? size : (size_t)(stop - data);
	const char *text = n < size ? (const char *)data + n + 1 : "";
	size_t length = n < size ? size - n - 1 : 0;
	char why[WHY_BYTES];
	struct cel_regex *regex;
	bool found;

	if (n > PATTERN_MAX) {
		return 0;
	}
	memset(why, 'x', sizeof(why));
	regex = cel_regex_new(
	    n == 0 ? "" : (const char *)data, n, CAP_BYTES, why, sizeof(why));
	if (regex == NULL) {
		GK_ASSERT(memchr(why, '\0', sizeof(why)) != NULL);
		GK_ASSERT(why[0] != '\0');
		GK_ASSERT(cel_regex_new((const char *)data, n, CAP_BYTES, why,
			      1) == NULL);
		GK_ASSERT(why[0] == '\0');
		return 0;
	}
	found = cel_regex_match(regex, text, length);
	GK_ASSERT(cel_regex_match(regex, text, length) == found);
	(void)cel_regex_match(regex, "", 0);
	cel_regex_free(regex);
	return 0;
}
