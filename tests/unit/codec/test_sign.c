/* Tests of Ed25519 against RFC 8032, and of the signatures it must refuse. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec/digest.h"
#include "codec/sign.h"

static void
start(void)
{
	cr_assert(digest_init(NULL) == GK_OK);
}

TestSuite(sign, .init = start);

/* RFC 8032, 7.1: TEST 1, 2, 3 and SHA(abc). */
static const struct {
	const char *seed;
	const char *public_key;
	const char *message;
	const char *signature;
} rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	"72",
	"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	"af82",
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
	"09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

static size_t
from_hex(const char *text, void *ret, size_t room)
{
	size_t n = 0;

	cr_assert(digest_from_hex(text, ret, room, &n));
	return n;
}

Test(sign, keys_and_signatures_are_those_of_rfc_8032)
{
	for (size_t i = 0; i < GK_COUNT(rfc8032); i++) {
		uint8_t seed[32], public_key[32], message[64], wanted[64];
		uint8_t signature[SIGN_BYTES];
		struct sign_key key;
		size_t n = from_hex(rfc8032[i].message, message, 64);

		(void)from_hex(rfc8032[i].seed, seed, 32);
		(void)from_hex(rfc8032[i].public_key, public_key, 32);
		(void)from_hex(rfc8032[i].signature, wanted, 64);
		sign_key_from_seed(seed, &key);
		cr_assert(memcmp(key.public_key, public_key, 32) == 0);
		sign_message(&key, message, n, signature);
		cr_assert(memcmp(signature, wanted, 64) == 0);
		cr_assert(sign_verify(public_key, message, n, wanted));
	}
}

Test(sign, one_flipped_bit_anywhere_and_it_no_longer_verifies)
{
	const uint8_t seed[32] = {7};
	uint8_t message[] = "allow nothing", signature[SIGN_BYTES];
	struct sign_key key;

	sign_key_from_seed(seed, &key);
	sign_message(&key, message, sizeof(message), signature);
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(!sign_verify(
		    key.public_key, message, sizeof(message), signature));
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(!sign_verify(
		    key.public_key, message, sizeof(message), signature));
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(key.public_key); bit++) {
		key.public_key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(!sign_verify(
		    key.public_key, message, sizeof(message), signature));
		key.public_key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert(
	    sign_verify(key.public_key, message, sizeof(message), signature));
	cr_assert(!sign_verify(
	    key.public_key, message, sizeof(message) - 1, signature));
}

Test(sign, a_signature_has_no_second_form)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
	    0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
	    0x14, [31] = 0x10};
	const uint8_t seed[32] = {9};
	uint8_t signature[SIGN_BYTES];
	struct sign_key key;
	unsigned carry = 0;

	sign_key_from_seed(seed, &key);
	sign_message(&key, "m", 1, signature);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)signature[32 + i] + order[i];
		signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	cr_assert(!sign_verify(key.public_key, "m", 1, signature));
}

Test(sign, low_order_and_non_canonical_keys_sign_nothing)
{
	/* The point (0, 1), by its text and by that of p + 1; (x, 0); order 8. */
	static const char *const keys[] = {
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	};
	/* With a key of order one this pair satisfies the bare equation for any message. */
	const uint8_t forged[SIGN_BYTES] = {1};

	for (size_t i = 0; i < GK_COUNT(keys); i++) {
		uint8_t key[32];

		(void)from_hex(keys[i], key, 32);
		for (uint8_t m = 0; m < 32; m++) {
			cr_assert(!sign_verify(key, &m, 1, forged));
		}
	}
}
