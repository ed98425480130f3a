/* An id is base64url(seq as 8 bytes big-endian ‖ SipHash(kind ‖ seq)) behind its prefix. */
#include <string.h>

#include "base/map.h"
#include "codec/digest.h"
#include "model/ids.h"

static const char *const prefixes[] = {
    [ID_DECISION] = "dec_",
    [ID_APPROVAL] = "apr_",
    [ID_SWITCH] = "ksw_",
    [ID_HOLD] = "hld_",
};

enum { ID_BYTES = 16 };

static void
store64be(uint8_t *at, uint64_t x)
{
	for (int i = 7; i >= 0; i--, x >>= 8) {
		at[i] = (uint8_t)x;
	}
}

void
id_print(const struct id_key *key, enum id_kind kind, uint64_t seq,
    char ret_text[ID_TEXT_BYTES])
{
	uint8_t input[9], id[ID_BYTES];

	input[0] = (uint8_t)kind;
	store64be(input + 1, seq);
	store64be(id, seq);
	store64be(id + 8, gk_siphash(key->bytes, input, sizeof(input)));
	memcpy(ret_text, prefixes[kind], 4);
	(void)digest_b64url(id, sizeof(id), ret_text + 4);
}

bool
id_seq(enum id_kind kind, const char *text, uint64_t *ret_seq)
{
	uint8_t id[ID_BYTES];
	uint64_t seq = 0;
	size_t n, len = strlen(text);

	if (len != ID_TEXT_BYTES - 1 || strncmp(text, prefixes[kind], 4) != 0 ||
	    !digest_from_b64url(text + 4, len - 4, id, sizeof(id), &n) ||
	    n != sizeof(id)) {
		return false;
	}
	for (int i = 0; i < 8; i++) {
		seq = seq << 8 | id[i];
	}
	*ret_seq = seq;
	return true;
}

bool
id_parse(const struct id_key *key, enum id_kind kind, const char *text,
    uint64_t *ret_seq)
{
	char again[ID_TEXT_BYTES];
	uint64_t seq;

	if (!id_seq(kind, text, &seq)) {
		return false;
	}
	id_print(key, kind, seq, again);
	if (!digest_equal(again, text, ID_TEXT_BYTES - 1)) {
		return false;
	}
	*ret_seq = seq;
	return true;
}
