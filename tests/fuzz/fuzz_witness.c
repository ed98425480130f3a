/* Fuzzes what reads other people's policies of trust, requests to a witness and cosignatures; what is read prints again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/cosign.h"
#include "journal/trust.h"
#include "journal/witness.h"

static struct sign_key key;
static struct note_vkey vkey;

static void
start(void)
{
	const uint8_t seed[SIGN_SEED_BYTES] = {1, 2, 3};

	if (vkey.key_id == 0) {
		GK_ASSERT(digest_init(NULL) == GK_OK);
		sign_key_from_seed(seed, &key);
		GK_ASSERT(cosign_vkey_make("fuzz.example/w", key.public_key,
			      &vkey, NULL) == GK_OK);
	}
}

/* Who is needed for a quorum is needed by more witnesses too: it never unmakes one. */
static void
try_trust(const char *bytes, size_t n)
{
	struct gk_err err = {0};
	struct trust *trust = NULL;

	if (trust_parse(bytes, n, &trust, &err) != GK_OK) {
		GK_ASSERT(trust == NULL && err.rc != GK_OK);
		return;
	}
	GK_ASSERT(trust_quorum(trust, UINT64_MAX));
	GK_ASSERT(trust_asks_none(trust) == trust_quorum(trust, 0));
	for (size_t i = 0; i < trust_witness_count(trust); i++) {
		const struct trust_witness *one = trust_witness_at(trust, i);

		GK_ASSERT(one->name[0] != '\0' && one->vkey.key_id != 0);
		GK_ASSERT(!trust_quorum(trust, (UINT64_C(1) << i) - 1) ||
			  trust_quorum(trust, (UINT64_C(2) << i) - 1));
	}
	trust_free(trust);
}

static void
try_request(const char *bytes, size_t n)
{
	struct witness_request request;
	struct gk_buf again = GK_BUF_INIT(n + 1);

	if (witness_request_parse(bytes, n, &request, NULL) == GK_OK) {
		GK_ASSERT(
		    witness_request_print(&request, &again, NULL) == GK_OK);
		GK_ASSERT(again.len == n && memcmp(again.bytes, bytes, n) == 0);
	}
	gk_buf_done(&again);
}

/* A forged line is never believed; ours is, among whatever else. */
static void
try_lines(const char *bytes, size_t n)
{
	static const char text[] = "fuzz.example/log\n0\n\n";
	const size_t text_n = sizeof(text) - 1;
	struct gk_buf lines = GK_BUF_INIT(n + 1024);
	struct cosign_found found;

	if (cosign_find(text, text_n, bytes, n, &vkey, &found, NULL) == GK_OK) {
		GK_ASSERT(!found.found);
		GK_ASSERT(gk_buf_add(&lines, bytes, n, NULL) == GK_OK);
		GK_ASSERT(gk_buf_putc(&lines, '\n', NULL) == GK_OK);
		GK_ASSERT(cosign_sign(text, text_n, 7, &vkey, &key, &lines,
			      NULL) == GK_OK);
		GK_ASSERT(cosign_find(text, text_n, lines.bytes, lines.len,
			      &vkey, &found, NULL) == GK_OK);
		GK_ASSERT(found.found && found.time_s == 7);
	}
	gk_buf_done(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	start();
	try_trust(text, size);
	try_request(text, size);
	try_lines(text, size);
	return 0;
}
