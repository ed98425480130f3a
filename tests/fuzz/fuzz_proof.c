/* Fuzzes what reads a proof: without its extra data, what is read prints again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/proof.h"

/* The second line, where it is extra data, isn't kept. */
static size_t
extra_length(const char *bytes, size_t n, size_t *ret_at)
{
	const char *first = memchr(bytes, '\n', n);
	const char *second;

	GK_ASSERT(first != NULL);
	*ret_at = (size_t)(first + 1 - bytes);
	if (n - *ret_at < 6 || memcmp(first + 1, "extra ", 6) != 0) {
		return 0;
	}
	second = memchr(first + 1, '\n', n - *ret_at);
	GK_ASSERT(second != NULL);
	return (size_t)(second - first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct gk_buf again = GK_BUF_INIT(PROOF_BYTES_MAX);
	const struct note_checkpoint checkpoint = {.size = 3};
	const struct digest leaf = {.bytes = {1}};
	struct gk_err err = {.rc = GK_OK};
	struct proof proof = {.index = 77};
	enum gk_rc rc = proof_parse(bytes, size, &proof, &err);

	if (rc == GK_OK) {
		size_t at, extra = extra_length(bytes, size, &at);

		GK_ASSERT(proof_print(&proof, &again, NULL) == GK_OK);
		GK_ASSERT(again.len == size - extra &&
			  memcmp(again.bytes, bytes, at) == 0 &&
			  memcmp(again.bytes + at, bytes + at + extra,
			      again.len - at) == 0);
		GK_ASSERT(!proof_check(&proof, &checkpoint, &leaf) ||
			  proof.index < 3);
	} else {
		GK_ASSERT(err.rc == rc && proof.index == 77);
	}
	gk_buf_done(&again);
	return 0;
}
