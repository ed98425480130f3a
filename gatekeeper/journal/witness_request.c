/* The body of add-checkpoint: "old <size>", a consistency proof, an empty line, a checkpoint. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "journal/witness.h"

/* Cut a line off; false when there is no newline. */
static bool
line_cut(const char **at, size_t *n, const char **ret, size_t *ret_n)
{
	const char *end = memchr(*at, '\n', *n);

	if (end == NULL) {
		return false;
	}
	*ret = *at;
	*ret_n = (size_t)(end - *at);
	*n -= *ret_n + 1;
	*at = end + 1;
	return true;
}

/* Decimal without sign or leading zeros, at most 2^63. */
static bool
size_parse(const char *text, size_t n, uint64_t *ret)
{
	uint64_t size = 0;

	if (n == 0 || n > 19 || (text[0] == '0' && n > 1)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		size = size * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = size;
	return size <= UINT64_C(1) << 63;
}

static enum gk_rc
proof_parse(const char *line, size_t n, struct witness_request *request,
    struct gk_err *err)
{
	size_t got;

	if (request->proof_count == WITNESS_PROOF_MAX) {
		return GK_FAIL(err, GK_E_LIMIT, "a proof has at most %d hashes",
		    WITNESS_PROOF_MAX);
	}
	if (!digest_from_b64(line, n,
		request->proof[request->proof_count].bytes, DIGEST_BYTES,
		&got) ||
	    got != DIGEST_BYTES) {
		return GK_FAIL(err, GK_E_INVALID,
		    "line %zu of the proof is not a hash in base64",
		    request->proof_count + 1);
	}
	request->proof_count++;
	return GK_OK;
}

enum gk_rc
witness_request_parse(const char *bytes, size_t n, struct witness_request *ret,
    struct gk_err *err)
{
	static const char old[] = "old ";
	const size_t old_n = sizeof(old) - 1;
	const char *line;
	size_t line_n;

	*ret = (struct witness_request){.old_size = 0};
	if (n > WITNESS_REQUEST_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "a request has at most %u bytes", WITNESS_REQUEST_MAX);
	}
	if (!line_cut(&bytes, &n, &line, &line_n) || line_n <= old_n ||
	    memcmp(line, old, old_n) != 0 ||
	    !size_parse(line + old_n, line_n - old_n, &ret->old_size)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the first line is \"old\" and the size before");
	}
	while (line_cut(&bytes, &n, &line, &line_n)) {
		if (line_n == 0) {
			ret->note = bytes;
			ret->note_n = n;
			return GK_OK;
		}
		GK_TRY(proof_parse(line, line_n, ret, err));
	}
	return GK_FAIL(
	    err, GK_E_INVALID, "an empty line and a checkpoint are missing");
}

enum gk_rc
witness_request_print(const struct witness_request *request, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_ASSERT(request->proof_count <= WITNESS_PROOF_MAX);
	GK_TRY(gk_buf_printf(buf, err, "old %" PRIu64 "\n", request->old_size));
	for (size_t i = 0; i < request->proof_count; i++) {
		char b64[DIGEST_B64];

		(void)digest_b64(request->proof[i].bytes, DIGEST_BYTES, b64);
		GK_TRY(gk_buf_printf(buf, err, "%s\n", b64));
	}
	GK_TRY(gk_buf_putc(buf, '\n', err));
	return gk_buf_add(buf, request->note, request->note_n, err);
}
