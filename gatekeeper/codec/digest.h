#ifndef GK_CODEC_DIGEST_H
#define GK_CODEC_DIGEST_H
/* Hashes, keyed hashes, random bytes, and their texts: hex, base64, base64url. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGEST_BYTES 32 /* SHA-256 */
#define DIGEST_HEX   65 /* its hex text and '\0' */
#define DIGEST_B64   45 /* its padded base64 and '\0' */

/* Characters, with '\0', that n bytes take as padded base64 / unpadded base64url. */
#define DIGEST_B64_ROOM(n)    (((n) + 2) / 3 * 4 + 1)
#define DIGEST_B64URL_ROOM(n) (((n)*4 + 2) / 3 + 1)

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* One stretch of bytes of a hash's input. */
struct digest_part {
	const void *bytes;
	size_t n;
};

/* Start-up of libsodium; call once before anything else of codec/. */
enum gk_rc digest_init(struct gk_err *err) GK_MUST_USE;

/* SHA-256 (FIPS 180-4) over the parts in order.  nettle's: 6 x libsodium's. */
void digest_sha256(
    const struct digest_part *parts, size_t count, struct digest *ret);

/* SHA-256 fed piece by piece.  Embedded; may be copied, needs no end. */
struct digest_running {
	uint64_t inside[16];
};
void digest_running_init(struct digest_running *running);
void digest_running_add(
    struct digest_running *running, const void *bytes, size_t n);
/* What was added so far; more may follow. */
void digest_running_get(
    const struct digest_running *running, struct digest *ret);

/* HMAC-SHA-256 (RFC 2104) over the parts in order. */
void digest_hmac(const uint8_t key[32], const struct digest_part *parts,
    size_t count, struct digest *ret);

/* The same under a key of any length; one of more than 64 bytes counts as its SHA-256. */
void digest_hmac_key(const void *key, size_t key_n,
    const struct digest_part *parts, size_t count, struct digest *ret);

/* Equal?  In time that doesn't depend on where they differ. */
bool digest_equal(const void *a, const void *b, size_t n);

void digest_random(void *ret, size_t n);
void digest_wipe(void *bytes, size_t n); /* never optimised away */

/* The printers write a '\0' too and give the length without it. */
size_t digest_hex(const void *bytes, size_t n, char *ret);
size_t digest_b64(const void *bytes, size_t n, char *ret);
size_t digest_b64url(const void *bytes, size_t n, char *ret);

/*
 * The strict readers: exactly the alphabet, exactly the padding (none for
 * base64url), unused bits zero, no white space.  False, and ret undefined, when
 * the text is wrong or longer than room; *ret_n is set on success.
 * _hex takes lower case only.
 */
bool digest_from_hex(const char *text, void *ret, size_t room, size_t *ret_n);
bool digest_from_b64(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n);
bool digest_from_b64url(
    const char *text, size_t n, void *ret, size_t room, size_t *ret_n);

#endif
