/* Fuzzes the list decoder of the search index: what it accepts is exactly what the encoder gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/posting.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct posting_set set, again;

static void
assert_reprints(const uint8_t *bytes, size_t n)
{
	static uint16_t places[POSTING_WIDTH];
	struct gk_buf buf = GK_BUF_INIT((size_t)4 * POSTING_WIDTH);
	uint32_t at = 0;
	size_t count = 0, used;

	while ((at = posting_first(&set, at, POSTING_WIDTH)) < POSTING_WIDTH) {
		places[count++] = (uint16_t)at++;
	}
	GK_ASSERT(count == posting_count(&set, 0, POSTING_WIDTH) && count > 0);
	GK_ASSERT(places[count - 1] == posting_last(&set, 0, POSTING_WIDTH));
	GK_ASSERT(posting_encode(places, count, &buf, NULL) == GK_OK);
	GK_ASSERT(buf.len == n && memcmp(buf.bytes, bytes, n) == 0);
	GK_ASSERT(posting_decode((const uint8_t *)buf.bytes, buf.len, &again,
		      &used) == POSTING_OK);
	GK_ASSERT(memcmp(&set, &again, sizeof(set)) == 0);
	gk_buf_done(&buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	size_t used = 0;

	/* a copy of its own length, so that one byte too many is noticed */
	uint8_t *own = malloc(n == 0 ? 1 : n);

	GK_ASSERT(own != NULL);
	if (n > 0) {
		memcpy(own, bytes, n);
	}
	if (posting_decode(own, n, &set, &used) == POSTING_OK) {
		GK_ASSERT(used <= n);
		assert_reprints(own, used);
	}
	free(own);
	return 0;
}
