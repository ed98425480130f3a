/* SHA-256 and HMAC by nettle; random, constant time and base64 by libsodium. */
#include <string.h>

#include <nettle/sha2.h>
#include <sodium.h>

#include "codec/digest.h"

enum { HMAC_KEY_BYTES = 32, HMAC_IPAD = 0x36, HMAC_OPAD = 0x5c };

enum gk_rc
digest_init(struct gk_err *err)
{
	if (sodium_init() < 0) {
		return GK_FAIL(err, GK_E_IO, "libsodium did not start");
	}
	return GK_OK;
}

static void
sha256_parts(
    struct sha256_ctx *sha, const struct digest_part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0) {
			sha256_update(sha, parts[i].n, parts[i].bytes);
		}
	}
}

void
digest_sha256(const struct digest_part *parts, size_t count, struct digest *ret)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_parts(&sha, parts, count);
	sha256_digest(&sha, DIGEST_BYTES, ret->bytes);
}

/* Begin with one of HMAC's two key blocks: the key, padded, xor a constant. */
static void
hmac_block(struct sha256_ctx *sha, const uint8_t key[32], uint8_t pad)
{
	uint8_t block[SHA256_BLOCK_SIZE];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < HMAC_KEY_BYTES; i++) {
		block[i] ^= key[i];
	}
	sha256_init(sha);
	sha256_update(sha, sizeof(block), block);
	sodium_memzero(block, sizeof(block));
}

void
digest_hmac(const uint8_t key[32], const struct digest_part *parts,
    size_t count, struct digest *ret)
{
	struct sha256_ctx sha;
	uint8_t inner[DIGEST_BYTES];

	hmac_block(&sha, key, HMAC_IPAD);
	sha256_parts(&sha, parts, count);
	sha256_digest(&sha, sizeof(inner), inner);
	hmac_block(&sha, key, HMAC_OPAD);
	sha256_update(&sha, sizeof(inner), inner);
	sha256_digest(&sha, DIGEST_BYTES, ret->bytes);
	sodium_memzero(&sha, sizeof(sha));
	sodium_memzero(inner, sizeof(inner));
}

bool
digest_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void
digest_random(void *ret, size_t n)
{
	randombytes_buf(ret, n);
}

void
digest_wipe(void *bytes, size_t n)
{
	sodium_memzero(bytes, n);
}

size_t
digest_hex(const void *bytes, size_t n, char *ret)
{
	(void)sodium_bin2hex(ret, n * 2 + 1, bytes, n);
	return n * 2;
}

size_t
digest_b64(const void *bytes, size_t n, char *ret)
{
	(void)sodium_bin2base64(
	    ret, DIGEST_B64_ROOM(n), bytes, n, sodium_base64_VARIANT_ORIGINAL);
	return DIGEST_B64_ROOM(n) - 1;
}

size_t
digest_b64url(const void *bytes, size_t n, char *ret)
{
	(void)sodium_bin2base64(ret, DIGEST_B64URL_ROOM(n), bytes, n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return DIGEST_B64URL_ROOM(n) - 1;
}

/* The value of a lower-case hex digit; -1 for anything else. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
digest_from_hex(const char *text, void *ret, size_t room, size_t *ret_n)
{
	uint8_t *out = ret;
	size_t n = 0;

	for (; text[0] != '\0'; text += 2, n++) {
		int hi = hex_digit(text[0]), lo = hex_digit(text[1]);

		if (hi < 0 || lo < 0 || n >= room) {
			return false;
		}
		out[n] = (uint8_t)(hi << 4 | lo);
	}
	*ret_n = n;
	return true;
}

/* libsodium's reader is strict: it refuses unused bits, and text after the padding. */
static bool
from_b64(const char *text, size_t n, int variant, void *ret, size_t room,
    size_t *ret_n)
{
	size_t got;

	if (sodium_base642bin(ret, room, text, n, NULL, &got, NULL, variant) !=
	    0) {
		return false;
	}
	*ret_n = got;
	return true;
}

bool
digest_from_b64(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n)
{
	return from_b64(
	    text, n, sodium_base64_VARIANT_ORIGINAL, ret, room, ret_n);
}

bool
digest_from_b64url(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n)
{
	return from_b64(text, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret,
	    room, ret_n);
}
