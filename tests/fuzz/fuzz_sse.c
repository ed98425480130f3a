/* A stream of server-sent events: whatever the bytes and however they are cut, the same events. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "cli/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t sum;
	size_t count;
};

static enum gk_rc
note(void *ctx, const struct sse_event *event, struct gk_err *err)
{
	struct seen *seen = ctx;

	(void)err;
	GK_ASSERT(event->n > 0 && event->data[event->n] == '\0');
	GK_ASSERT(strlen(event->name) < 32 && strlen(event->id) < 24);
	for (size_t i = 0; i < event->n; i++) {
		seen->sum = seen->sum * 31 + (unsigned char)event->data[i] + 1;
	}
	seen->count++;
	return GK_OK;
}

static enum gk_rc
feed(const uint8_t *data, size_t size, size_t piece, struct seen *seen)
{
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = GK_OK;
	struct sse sse;

	sse_init(&sse);
	for (size_t at = 0; at < size && rc == GK_OK; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		char copy[256]; /* exactly as long, for a sanitizer */

		memcpy(copy, data + at, n);
		rc = sse_feed(&sse, copy, n, note, seen, &err);
	}
	sse_done(&sse);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct seen a = {0}, b = {0};
	uint8_t whole[8192];

	if (size == 0 || size > sizeof(whole) - sizeof(head)) {
		return 0;
	}
	/* an odd first byte: the stream alone */
	memcpy(whole, head, sizeof(head) - 1);
	memcpy(whole + sizeof(head) - 1, data + 1, size - 1);
	if ((data[0] & 1) != 0) {
		data = whole;
		size += sizeof(head) - 2;
	}
	GK_ASSERT(feed(data, size, 1, &a) == feed(data, size, 256, &b));
	GK_ASSERT(a.count == b.count && a.sum == b.sum);
	return 0;
}
