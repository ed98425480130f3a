/* SHA-256 and HMAC by nettle, random bytes and constant time by libsodium, strict readers of our own. */
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

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct digest_running),
    "nettle's state has no room");

void
digest_running_init(struct digest_running *running)
{
	struct sha256_ctx sha;

	memset(running, 0, sizeof(*running));
	sha256_init(&sha);
	memcpy(running, &sha, sizeof(sha));
}

void
digest_running_add(struct digest_running *running, const void *bytes, size_t n)
{
	struct sha256_ctx sha;

	memcpy(&sha, running, sizeof(sha));
	sha256_update(&sha, n, bytes);
	memcpy(running, &sha, sizeof(sha));
}

void
digest_running_get(const struct digest_running *running, struct digest *ret)
{
	struct sha256_ctx sha;

	memcpy(&sha, running, sizeof(sha));
	sha256_digest(&sha, DIGEST_BYTES, ret->bytes);
}

/* Begin with one of HMAC's two key blocks: the key, padded, xor a constant. */
static void
hmac_block(
    struct sha256_ctx *sha, const uint8_t *key, size_t key_n, uint8_t pad)
{
	uint8_t block[SHA256_BLOCK_SIZE];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_n; i++) {
		block[i] ^= key[i];
	}
	sha256_init(sha);
	sha256_update(sha, sizeof(block), block);
	sodium_memzero(block, sizeof(block));
}

void
digest_hmac_key(const void *key, size_t key_n, const struct digest_part *parts,
    size_t count, struct digest *ret)
{
	const uint8_t *bytes = key;
	uint8_t inner[DIGEST_BYTES], shorter[DIGEST_BYTES];
	struct sha256_ctx sha;

	if (key_n > SHA256_BLOCK_SIZE) {
		sha256_init(&sha);
		sha256_update(&sha, key_n, bytes);
		sha256_digest(&sha, sizeof(shorter), shorter);
		bytes = shorter;
		key_n = sizeof(shorter);
	}
	hmac_block(&sha, bytes, key_n, HMAC_IPAD);
	sha256_parts(&sha, parts, count);
	sha256_digest(&sha, sizeof(inner), inner);
	hmac_block(&sha, bytes, key_n, HMAC_OPAD);
	sha256_update(&sha, sizeof(inner), inner);
	sha256_digest(&sha, DIGEST_BYTES, ret->bytes);
	sodium_memzero(&sha, sizeof(sha));
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(shorter, sizeof(shorter));
}

void
digest_hmac(const uint8_t key[32], const struct digest_part *parts,
    size_t count, struct digest *ret)
{
	digest_hmac_key(key, HMAC_KEY_BYTES, parts, count, ret);
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

/* The value of a base64 digit; -1 for anything else.  last is the alphabet's digits 62 and 63. */
static int
b64_digit(char c, const char last[2])
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

/*
 * Read digits without padding.  Not libsodium's: its reader (1.0.18) takes any byte
 * above 0x7f for the '_' of base64url.
 */
static bool
b64_digits(const char *text, size_t n, const char last[2], uint8_t *ret,
    size_t room, size_t *ret_n)
{
	unsigned waiting = 0, bits = 0;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = b64_digit(text[i], last);

		if (digit < 0) {
			return false;
		}
		waiting = (waiting << 6 | (unsigned)digit) & 0x3fff;
		bits += 6;
		if (bits >= 8) {
			if (out >= room) {
				return false;
			}
			bits -= 8;
			ret[out++] = (uint8_t)(waiting >> bits);
		}
	}
	if (bits == 6 || (waiting & ((1u << bits) - 1)) != 0) {
		return false;
	}
	*ret_n = out;
	return true;
}

bool
digest_from_b64(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n)
{
	if (n % 4 != 0) {
		return false;
	}
	for (int i = 0; i < 2 && n > 0 && text[n - 1] == '='; i++) {
		n--;
	}
	return b64_digits(text, n, "+/", ret, room, ret_n);
}

bool
digest_from_b64url(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n)
{
	return b64_digits(text, n, "-_", ret, room, ret_n);
}
