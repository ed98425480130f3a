/* Tests of hashes against published vectors, and of the strict readers of their texts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/digest.h"

#define TEXT(s) s, sizeof(s) - 1

static void
start(void)
{
	cr_assert(digest_init(NULL) == GK_OK);
}

TestSuite(digest, .init = start);

static void
assert_hex(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX];

	cr_assert(digest_hex(digest->bytes, DIGEST_BYTES, text) == 64);
	cr_assert_str_eq(text, hex);
}

Test(digest, starting_twice_is_fine)
{
	cr_assert(digest_init(NULL) == GK_OK);
}

Test(digest, sha256_gives_the_fips_180_4_examples)
{
	static const struct {
		const char *text;
		const char *hex;
	} examples[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b"
		 "855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
		    "0015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06"
		"c1"},
	    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
	     "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9"
		"d1"},
	};

	for (size_t i = 0; i < GK_COUNT(examples); i++) {
		struct digest_part part = {
		    examples[i].text, strlen(examples[i].text)};
		struct digest digest;

		digest_sha256(&part, 1, &digest);
		assert_hex(&digest, examples[i].hex);
	}
}

Test(digest, sha256_of_a_million_letters_a_in_a_thousand_parts)
{
	static char letters[1000];
	static struct digest_part parts[1000];
	struct digest digest;

	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		parts[i] = (struct digest_part){letters, sizeof(letters)};
	}
	digest_sha256(parts, GK_COUNT(parts), &digest);
	assert_hex(&digest,
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(digest, it_makes_no_difference_where_the_parts_are_cut)
{
	char bytes[150];
	const uint8_t key[32] = {1, 2, 3};
	struct digest whole, cut, keyed_whole, keyed_cut;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (char)i;
	}
	for (size_t at = 0; at <= sizeof(bytes); at++) {
		const struct digest_part one[] = {{bytes, sizeof(bytes)}};
		const struct digest_part three[] = {
		    {bytes, at}, {NULL, 0}, {bytes + at, sizeof(bytes) - at}};

		digest_sha256(one, 1, &whole);
		digest_sha256(three, 3, &cut);
		digest_hmac(key, one, 1, &keyed_whole);
		digest_hmac(key, three, 3, &keyed_cut);
		cr_assert(digest_equal(&whole, &cut, DIGEST_BYTES));
		cr_assert(digest_equal(&keyed_whole, &keyed_cut, DIGEST_BYTES));
	}
	digest_sha256(NULL, 0, &whole);
	assert_hex(&whole,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* A key of RFC 4231 in our 32 bytes: HMAC itself pads short ones, and hashes long ones. */
static void
fit_key(const uint8_t *key, size_t n, uint8_t ret[32])
{
	struct digest_part part = {key, n};
	struct digest hash;

	memset(ret, 0, 32);
	if (n <= 32) {
		memcpy(ret, key, n);
	} else {
		digest_sha256(&part, 1, &hash);
		memcpy(ret, hash.bytes, 32);
	}
}

static void
assert_hmac(const uint8_t *key, size_t key_n, const void *data, size_t n,
    const char *hex)
{
	struct digest_part part = {data, n};
	uint8_t fitted[32];
	struct digest digest;

	fit_key(key, key_n, fitted);
	digest_hmac(fitted, &part, 1, &digest);
	assert_hex(&digest, hex);
}

Test(digest, hmac_gives_the_results_of_rfc_4231)
{
	uint8_t key[131], data[50];

	memset(key, 0x0b, 20);
	assert_hmac(key, 20, TEXT("Hi There"),
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	memcpy(key, "Jefe", 4);
	assert_hmac(key, 4, TEXT("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	assert_hmac(key, 20, data, sizeof(data),
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	assert_hmac(key, 131,
	    TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_hmac(key, 131,
	    TEXT(
		"This is a test using a larger than block-size key and a "
		"larger "
		"than block-size data. The key needs to be hashed before being "
		"used by the HMAC algorithm."),
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	for (uint8_t i = 0; i < 25; i++) {
		key[i] = (uint8_t)(i + 1);
	}
	memset(data, 0xcd, sizeof(data));
	assert_hmac(key, 25, data, sizeof(data),
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

Test(digest, equality_sees_every_single_bit)
{
	uint8_t a[32] = {0}, b[32] = {0};

	cr_assert(digest_equal(a, b, sizeof(a)));
	cr_assert(digest_equal(a, b, 0));
	for (size_t bit = 0; bit < 256; bit++) {
		b[bit / 8] = (uint8_t)(1u << bit % 8);
		cr_assert(!digest_equal(a, b, sizeof(a)));
		b[bit / 8] = 0;
	}
}

Test(digest, random_bytes_differ_and_wiped_bytes_are_zero)
{
	uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};

	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	cr_assert(!digest_equal(a, b, sizeof(a)));
	digest_wipe(a, sizeof(a));
	cr_assert(digest_equal(a, zero, sizeof(a)));
}

Test(digest, base64_gives_the_examples_of_rfc_4648)
{
	static const char *const padded[] = {
	    "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const bare[] = {
	    "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	char text[20];
	uint8_t back[8];
	size_t n;

	for (size_t i = 0; i < GK_COUNT(padded); i++) {
		cr_assert(digest_b64("foobar", i, text) == strlen(padded[i]));
		cr_assert_str_eq(text, padded[i]);
		cr_assert(DIGEST_B64_ROOM(i) == strlen(padded[i]) + 1);
		cr_assert(digest_b64url("foobar", i, text) == strlen(bare[i]));
		cr_assert_str_eq(text, bare[i]);
		cr_assert(DIGEST_B64URL_ROOM(i) == strlen(bare[i]) + 1);
		cr_assert(digest_from_b64(
		    padded[i], strlen(padded[i]), back, sizeof(back), &n));
		cr_assert(n == i && memcmp(back, "foobar", i) == 0);
		cr_assert(digest_from_b64url(
		    bare[i], strlen(bare[i]), back, sizeof(back), &n));
		cr_assert(n == i && memcmp(back, "foobar", i) == 0);
	}
	(void)digest_b64("\xfb\xff\xbf", 3, text);
	cr_assert_str_eq(text, "+/+/");
	(void)digest_b64url("\xfb\xff\xbf", 3, text);
	cr_assert_str_eq(text, "-_-_");
}

Test(digest, texts_of_random_bytes_read_back)
{
	uint8_t bytes[100], back[100];
	char text[201];
	size_t n, got;

	for (size_t i = 0; i <= sizeof(bytes); i++) {
		digest_random(bytes, i);
		n = digest_hex(bytes, i, text);
		cr_assert(n == strlen(text) &&
			  digest_from_hex(text, back, sizeof(back), &got));
		cr_assert(got == i && memcmp(bytes, back, i) == 0);
		n = digest_b64(bytes, i, text);
		cr_assert(n == strlen(text) &&
			  digest_from_b64(text, n, back, sizeof(back), &got));
		cr_assert(got == i && memcmp(bytes, back, i) == 0);
		n = digest_b64url(bytes, i, text);
		cr_assert(n == strlen(text) && digest_from_b64url(text, n, back,
						   sizeof(back), &got));
		cr_assert(got == i && memcmp(bytes, back, i) == 0);
	}
}

/* What is read prints as the same text: so no value has two texts. */
static void
assert_one_text(const char *text, size_t n)
{
	uint8_t bytes[8];
	char again[16];
	size_t got;

	if (digest_from_b64(text, n, bytes, sizeof(bytes), &got)) {
		cr_assert(digest_b64(bytes, got, again) == n);
		cr_assert(memcmp(again, text, n) == 0);
	}
	if (digest_from_b64url(text, n, bytes, sizeof(bytes), &got)) {
		cr_assert(digest_b64url(bytes, got, again) == n);
		cr_assert(memcmp(again, text, n) == 0);
	}
}

Test(digest, no_value_has_two_texts)
{
	static const char alphabet[] = "AQgwBEzZ09+/-_= \n\r\x80\0";
	const size_t letters = sizeof(alphabet) - 1;
	size_t count = 1;

	for (size_t n = 0; n <= 4; n++, count *= letters) {
		for (size_t code = 0; code < count; code++) {
			char text[8];
			size_t rest = code;

			for (size_t i = 0; i < n; i++, rest /= letters) {
				text[i] = alphabet[rest % letters];
			}
			assert_one_text(text, n);
		}
	}
}

Test(digest, base64_refuses_wrong_padding_letters_and_unused_bits)
{
	static const char *const padded[] = {"Z", "Zg",
	    "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8",
	    "Zm8==", "Zm9v=", "Zm9v====", "=", "====", "Zg==\n",
	    "Z g==", "Zm9v Zm9v", "Zm9vZg=", "Zg==Zg==", "Zm9-", "Zm9_",
	    "Zm9v\n", "\nZm9v", "Zm9%"};
	static const char *const bare[] = {"Z", "Zg==", "Zh", "Zm9",
	    "Zm8=", "Zm9v=", "Zm9+", "Zm9/", "Zm9v ", " Zm9v", "Zm9vZ", "="};
	uint8_t out[32];
	size_t n = 77;

	for (size_t i = 0; i < GK_COUNT(padded); i++) {
		cr_assert(!digest_from_b64(padded[i], strlen(padded[i]), out,
			      sizeof(out), &n),
		    "%s", padded[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bare); i++) {
		cr_assert(!digest_from_b64url(
			      bare[i], strlen(bare[i]), out, sizeof(out), &n),
		    "%s", bare[i]);
	}
	cr_assert(!digest_from_b64("Zm9v\0", 5, out, sizeof(out), &n));
	cr_assert(n == 77);
}

Test(digest, what_is_longer_than_the_room_is_refused)
{
	uint8_t out[3];
	size_t n = 77;

	cr_assert(digest_from_b64("Zm9v", 4, out, 3, &n) && n == 3);
	cr_assert(!digest_from_b64("Zm9v", 4, out, 2, &n));
	cr_assert(!digest_from_b64url("Zm9vYg", 6, out, 3, &n));
	cr_assert(!digest_from_b64url("Zg", 2, out, 0, &n));
	cr_assert(digest_from_hex("010203", out, 3, &n) && n == 3);
	cr_assert(!digest_from_hex("01020304", out, 3, &n));
	cr_assert(!digest_from_hex("01", out, 0, &n));
	cr_assert(digest_from_hex("", out, 0, &n) && n == 0);
}

Test(digest, hex_is_pairs_of_lower_case_digits)
{
	static const char *const bad[] = {"0", "000", "0g", "g0", "0A", "AB",
	    "0x00", " 00", "00 ", "0 0", "-1", "/0", ":0", "`0", "@0"};
	uint8_t out[8];
	size_t n;

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(!digest_from_hex(bad[i], out, sizeof(out), &n), "%s",
		    bad[i]);
	}
	cr_assert(digest_from_hex("00ff9a", out, sizeof(out), &n) && n == 3 &&
		  memcmp(out, "\x00\xff\x9a", 3) == 0);
}
