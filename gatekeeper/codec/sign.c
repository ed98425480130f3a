/* Ed25519 by libsodium. */
#include <sodium.h>

#include "codec/sign.h"

_Static_assert(
    crypto_sign_SEEDBYTES == SIGN_SEED_BYTES &&
	crypto_sign_PUBLICKEYBYTES == SIGN_PUBLIC_BYTES &&
	crypto_sign_BYTES == SIGN_BYTES &&
	crypto_sign_SECRETKEYBYTES == sizeof(((struct sign_key *)0)->secret),
    "libsodium's sizes are the header's");

void
sign_key_from_seed(const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret)
{
	(void)crypto_sign_seed_keypair(ret->public_key, ret->secret, seed);
}

void
sign_message(const struct sign_key *key, const void *bytes, size_t n,
    uint8_t ret_signature[SIGN_BYTES])
{
	(void)crypto_sign_detached(ret_signature, NULL, bytes, n, key->secret);
}

bool
sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *bytes,
    size_t n, const uint8_t signature[SIGN_BYTES])
{
	return crypto_sign_verify_detached(signature, bytes, n, public_key) ==
	       0;
}
