/* The signer's memory as text, and back: strict, for it decides what may be signed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/signer_state.h"

enum {
	PEAKS_BYTES = 64 * DIGEST_BYTES,
	PEAKS_B64 = DIGEST_B64_ROOM(PEAKS_BYTES),
};

bool
signer_frontier_from(uint64_t size, const uint8_t *peaks, size_t count,
    struct merkle_frontier *ret)
{
	if (size > UINT64_C(1) << 63 ||
	    count != (size_t)__builtin_popcountll(size)) {
		return false;
	}
	memset(ret, 0, sizeof(*ret));
	ret->size = size;
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		memcpy(ret->peaks[i].bytes, peaks + i * DIGEST_BYTES,
		    DIGEST_BYTES);
	}
	return true;
}

static void
peaks_print(const struct merkle_frontier *edge, char ret[PEAKS_B64])
{
	uint8_t bytes[PEAKS_BYTES];

	for (size_t i = 0; i < edge->count; i++) {
		memcpy(bytes + i * DIGEST_BYTES, edge->peaks[i].bytes,
		    DIGEST_BYTES);
	}
	if (edge->count == 0) {
		memcpy(ret, "-", 2);
		return;
	}
	(void)digest_b64(bytes, edge->count * DIGEST_BYTES, ret);
}

enum gk_rc
signer_state_print(
    const struct signer_state *state, struct gk_buf *buf, struct gk_err *err)
{
	char peaks[PEAKS_B64];

	GK_TRY(gk_buf_printf(
	    buf, err, "gatekeeper signer 1 %08" PRIx32 "\n", state->key_id));
	if (!state->has_acked) {
		return GK_OK;
	}
	peaks_print(&state->acked, peaks);
	GK_TRY(gk_buf_printf(
	    buf, err, "acked %" PRIu64 " %s\n", state->acked.size, peaks));
	if (!state->has_pending) {
		return GK_OK;
	}
	peaks_print(&state->pending, peaks);
	return gk_buf_printf(buf, err, "pending %" PRIu64 " %s %08" PRIx32 "\n",
	    state->pending.size, peaks,
	    state->next ? state->next_id : state->key_id);
}

struct words {
	const char *at, *end;
};

/* The next word, that ends in the given character. */
static bool
word(struct words *words, char end, const char **ret, size_t *ret_n)
{
	const char *found =
	    memchr(words->at, end, (size_t)(words->end - words->at));

	if (found == NULL) {
		return false;
	}
	*ret = words->at;
	*ret_n = (size_t)(found - words->at);
	words->at = found + 1;
	return true;
}

static bool
skip(struct words *words, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(words->end - words->at) < n ||
	    memcmp(words->at, text, n) != 0) {
		return false;
	}
	words->at += n;
	return true;
}

static bool
key_id_parse(struct words *words, uint32_t *ret)
{
	const char *text;
	char hex[9];
	uint8_t id[4];
	size_t n;

	if (!word(words, '\n', &text, &n) || n != 8) {
		return false;
	}
	memcpy(hex, text, n);
	hex[n] = '\0';
	if (!digest_from_hex(hex, id, sizeof(id), &n) || n != sizeof(id)) {
		return false;
	}
	*ret = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
	       (uint32_t)id[2] << 8 | id[3];
	return true;
}

static bool
number_parse(struct words *words, uint64_t *ret)
{
	const char *text;
	uint64_t number = 0;
	size_t n;

	if (!word(words, ' ', &text, &n) || n == 0 || n > 19 ||
	    (text[0] == '0' && n > 1)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = number;
	return true;
}

static bool
frontier_parse(struct words *words, char end, struct merkle_frontier *ret)
{
	uint8_t bytes[PEAKS_BYTES];
	const char *text;
	uint64_t size;
	size_t n, got = 0;

	if (!number_parse(words, &size) || !word(words, end, &text, &n)) {
		return false;
	}
	if (!(n == 1 && text[0] == '-') &&
	    (!digest_from_b64(text, n, bytes, sizeof(bytes), &got) ||
		got == 0 || got % DIGEST_BYTES != 0)) {
		return false;
	}
	return signer_frontier_from(size, bytes, got / DIGEST_BYTES, ret);
}

static bool
parse(struct words *words, struct signer_state *ret)
{
	uint32_t id;

	if (!skip(words, "gatekeeper signer 1 ") ||
	    !key_id_parse(words, &ret->key_id)) {
		return false;
	}
	if (words->at == words->end) {
		return true;
	}
	ret->has_acked = true;
	if (!skip(words, "acked ") ||
	    !frontier_parse(words, '\n', &ret->acked)) {
		return false;
	}
	if (words->at == words->end) {
		return true;
	}
	ret->has_pending = true;
	if (!skip(words, "pending ") ||
	    !frontier_parse(words, ' ', &ret->pending) ||
	    !key_id_parse(words, &id) || ret->pending.size <= ret->acked.size) {
		return false;
	}
	ret->next = id != ret->key_id;
	ret->next_id = ret->next ? id : 0;
	return words->at == words->end;
}

enum gk_rc
signer_state_parse(
    const char *bytes, size_t n, struct signer_state *ret, struct gk_err *err)
{
	struct words words = {bytes, bytes + n};
	struct signer_state state;

	memset(&state, 0, sizeof(state));
	if (!parse(&words, &state)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the signer's state isn't whole; it says what may be "
		    "signed, so nothing is");
	}
	*ret = state;
	return GK_OK;
}
