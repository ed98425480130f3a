/* Fuzzes what a signer and its client are told: frames, and the state on disk; what is read prints again as it was. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "journal/signer_state.h"
#include "journal/signer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length in front is right, and the rest is what was read. */
static void
expect_same(const struct gk_buf *again, const uint8_t *bytes, size_t n)
{
	GK_ASSERT(again->len == n + 4);
	GK_ASSERT(memcmp(again->bytes + 4, bytes, n) == 0);
}

static void
try_request(const uint8_t *bytes, size_t n)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf again = GK_BUF_INIT(SIGNER_REQUEST_MAX + 4);
	struct signer_request request;
	struct merkle_frontier edge;

	if (signer_request_decode(bytes, n, &request, NULL) != GK_OK) {
		return;
	}
	GK_ASSERT(request.count <= SIGNER_HASHES_MAX);
	GK_ASSERT(signer_request_encode(&request, &again, NULL) == GK_OK);
	expect_same(&again, bytes, n);
	if (signer_frontier_from(
		request.size, request.hashes, request.count, &edge)) {
		GK_ASSERT(edge.count <= 64 && edge.size == request.size);
	}
}

static void
try_answer(const uint8_t *bytes, size_t n)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf again = GK_BUF_INIT(SIGNER_ANSWER_MAX + 4);
	struct signer_answer answer;

	if (signer_answer_decode(bytes, n, &answer, NULL) == GK_OK) {
		GK_ASSERT(signer_answer_encode(&answer, &again, NULL) == GK_OK);
		expect_same(&again, bytes, n);
	}
}

static void
try_state(const uint8_t *bytes, size_t n)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf again = GK_BUF_INIT(SIGNER_STATE_MAX);
	struct signer_state state;

	if (signer_state_parse((const char *)bytes, n, &state, NULL) == GK_OK) {
		GK_ASSERT(signer_state_print(&state, &again, NULL) == GK_OK);
		GK_ASSERT(again.len == n);
		GK_ASSERT(memcmp(again.bytes, bytes, n) == 0);
	}
}

/* The first byte chooses. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	switch (data[0] % 3) {
	case 0:
		try_request(data + 1, size - 1);
		break;
	case 1:
		try_answer(data + 1, size - 1);
		break;
	default:
		try_state(data + 1, size - 1);
		break;
	}
	return 0;
}
