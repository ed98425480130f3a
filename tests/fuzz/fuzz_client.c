/* Any bytes as a server's answer: a status and a body no longer than what came, or a story. */
#include <string.h>

#include "base/assert.h"
#include "cli/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(1 << 20);
	struct gk_err err = {0};
	int status = 0;

	if (response_parse((const char *)data, size, &status, &body, &err) !=
	    GK_OK) {
		GK_ASSERT(err.text[0] != '\0');
		return 0;
	}
	GK_ASSERT(status >= 200 && status <= 999);
	GK_ASSERT(body.len <= size);
	return 0;
}
