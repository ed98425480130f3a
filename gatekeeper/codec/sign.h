#ifndef GK_CODEC_SIGN_H
#define GK_CODEC_SIGN_H
/* Ed25519 (RFC 8032): make a key, sign, verify. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_SEED_BYTES   32
#define SIGN_PUBLIC_BYTES 32
#define SIGN_BYTES        64

struct sign_key {
	uint8_t secret[64]; /* libsodium's form: seed, then public key */
	uint8_t public_key[SIGN_PUBLIC_BYTES];
};

void sign_key_from_seed(
    const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret);
void sign_message(const struct sign_key *key, const void *bytes, size_t n,
    uint8_t ret_signature[SIGN_BYTES]);

/* False too for low-order and non-canonical points. */
bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *bytes,
    size_t n, const uint8_t signature[SIGN_BYTES]);

#endif
