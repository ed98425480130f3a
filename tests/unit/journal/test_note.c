/* Tests of signed checkpoints: what is signed reads back, anything near it is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "vectors.h"

#define ORIGIN "audit.example/host-1"
#define ROOT   "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define BODY   ORIGIN "\n7\n" ROOT "\n"
#define OTHER                                     \
	"\xe2\x80\x94 witness.example/w1 jWbPPwA" \
	"AAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHe\n"

static struct sign_key key;
static struct note_vkey vkey;

static void
start(void)
{
	const uint8_t seed[SIGN_SEED_BYTES] = {1, 2, 3};

	cr_assert(digest_init(NULL) == GK_OK);
	sign_key_from_seed(seed, &key);
	cr_assert(note_vkey_make(ORIGIN, key.public_key, &vkey, NULL) == GK_OK);
}

TestSuite(note, .init = start);

/* The error that reading a signed text gives; what it says goes to ret. */
static enum gk_rc
verify_signed(const char *text, struct note_checkpoint *ret)
{
	struct gk_buf buf = GK_BUF_INIT(2 * NOTE_CHECKPOINT_MAX);
	struct note_checkpoint parsed;
	enum gk_rc rc;

	vectors_sign(text, &vkey, &key, &buf);
	rc = note_checkpoint_verify(buf.bytes, buf.len, &vkey, ret, NULL);
	cr_assert(rc == GK_E_CORRUPT || rc == note_checkpoint_parse(buf.bytes,
						  buf.len, &parsed, NULL));
	gk_buf_done(&buf);
	return rc;
}

/* The error that a note with these signature lines under BODY gives. */
static enum gk_rc
verify_lines(const char *before, const char *after)
{
	struct gk_buf own = GK_BUF_INIT(1000), buf = GK_BUF_INIT(20000);
	struct note_checkpoint got;
	enum gk_rc rc;

	vectors_sign(BODY, &vkey, &key, &own);
	cr_assert(gk_buf_printf(&buf, NULL, "%s\n%s%s%s", BODY, before,
		      own.bytes + strlen(BODY) + 1, after) == GK_OK);
	rc = note_checkpoint_verify(buf.bytes, buf.len, &vkey, &got, NULL);
	gk_buf_done(&own);
	gk_buf_done(&buf);
	return rc;
}

Test(note, a_signed_checkpoint_has_exactly_these_lines_and_reads_back)
{
	struct note_checkpoint checkpoint = {.origin = ORIGIN, .size = 7};
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct gk_buf want = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint got = {0};

	digest_sha256(NULL, 0, &checkpoint.root);
	cr_assert(note_checkpoint_sign(&checkpoint, &vkey, &key, &buf, NULL) ==
		  GK_OK);
	vectors_sign(BODY, &vkey, &key, &want);
	cr_assert_str_eq(gk_buf_text(&buf), gk_buf_text(&want));
	cr_assert(note_checkpoint_verify(
		      buf.bytes, buf.len, &vkey, &got, NULL) == GK_OK);
	cr_assert_str_eq(got.origin, ORIGIN);
	cr_assert(got.size == 7 &&
		  digest_equal(&got.root, &checkpoint.root, DIGEST_BYTES));
	gk_buf_done(&buf);
	gk_buf_done(&want);
}

Test(note, signing_past_the_buffer_s_cap_leaves_it_unchanged)
{
	struct note_checkpoint checkpoint = {.origin = ORIGIN, .size = 7};
	struct gk_buf buf = GK_BUF_INIT(100);

	cr_assert(gk_buf_puts(&buf, "before", NULL) == GK_OK);
	cr_assert(note_checkpoint_sign(&checkpoint, &vkey, &key, &buf, NULL) ==
		  GK_E_LIMIT);
	cr_assert_str_eq(gk_buf_text(&buf), "before");
	gk_buf_done(&buf);
}

Test(note,
    a_checkpoint_of_the_longest_name_and_largest_size_signs_and_reads_back)
{
	struct note_checkpoint checkpoint = {.size = UINT64_C(1) << 63}, got;
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_vkey longest, back;
	char text[NOTE_VKEY_BYTES];

	memset(checkpoint.origin, 'o', NOTE_ORIGIN_MAX);
	cr_assert(note_vkey_make(checkpoint.origin, key.public_key, &longest,
		      NULL) == GK_OK);
	cr_assert(note_checkpoint_sign(
		      &checkpoint, &longest, &key, &buf, NULL) == GK_OK);
	cr_assert(note_checkpoint_verify(
		      buf.bytes, buf.len, &longest, &got, NULL) == GK_OK);
	cr_assert(got.size == checkpoint.size);
	cr_assert(note_vkey_print(&longest, text) == strlen(text));
	cr_assert(note_vkey_parse(text, &back, NULL) == GK_OK);
	cr_assert_str_eq(back.origin, checkpoint.origin);
	gk_buf_done(&buf);
}

Test(note, a_log_s_name_has_no_spaces_plus_or_control_characters)
{
	static const char *const bad[] = {"", " ", "a b", "a+b", "+", "a\n",
	    "a\tb", "a\x01", "a\xc2\xa0z", "a\xe3\x80\x80z", "\xe2\x80\xa8",
	    "a\xff", "\xc0\xaf", "\xed\xa0\x80"};
	static const char *const good[] = {"a", "audit.example/x", "-",
	    "gr\303\274\303\237e.example", "\xe2\x80\x94"};
	char longest[NOTE_ORIGIN_MAX + 2];
	struct note_vkey got = {.key_id = 77};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(note_vkey_make(bad[i], key.public_key, &got, NULL) ==
			      GK_E_INVALID,
		    "case %zu", i);
		cr_assert(got.key_id == 77);
	}
	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(note_vkey_make(good[i], key.public_key, &got, NULL) ==
			  GK_OK);
		cr_assert_str_eq(got.origin, good[i]);
	}
	memset(longest, 'o', sizeof(longest));
	longest[NOTE_ORIGIN_MAX + 1] = '\0';
	cr_assert(note_vkey_make(longest, key.public_key, &got, NULL) ==
		  GK_E_INVALID);
	longest[NOTE_ORIGIN_MAX] = '\0';
	cr_assert(note_vkey_make(longest, key.public_key, &got, NULL) == GK_OK);
}

Test(note, a_verifier_key_s_text_reads_back)
{
	char text[NOTE_VKEY_BYTES];
	struct note_vkey got;

	cr_assert(note_vkey_print(&vkey, text) == strlen(text));
	cr_assert(note_vkey_parse(text, &got, NULL) == GK_OK);
	cr_assert_str_eq(got.origin, vkey.origin);
	cr_assert(got.key_id == vkey.key_id);
	cr_assert(
	    digest_equal(got.public_key, vkey.public_key, SIGN_PUBLIC_BYTES));
}

Test(note, what_is_not_a_key_is_refused)
{
	static const char *const bad[] = {"", "+", "++", "a", "a+b", "a+b+c",
	    "a+00000000+", "a+00000000+AQ==",
	    "+c74f20a3+ARpc2QcUPDhMQeg"
	    "wxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
	    "LDE4izWy10TW",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
	    "LDE4izWy10TW\n",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_"
	    "LDE4izWy10TW"};
	struct note_vkey got = {.key_id = 77};
	struct sign_key pair;

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(note_vkey_parse(bad[i], &got, NULL) == GK_E_INVALID,
		    "%s", bad[i]);
		cr_assert(
		    note_skey_parse(bad[i], &got, &pair, NULL) == GK_E_INVALID);
	}
	cr_assert(got.key_id == 77);
}

Test(note, no_byte_of_a_signed_checkpoint_can_be_changed)
{
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint got = {.size = 77};

	vectors_sign(BODY, &vkey, &key, &buf);
	for (size_t i = 0; i < buf.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			buf.bytes[i] ^= (char)(1 << bit);
			cr_assert(note_checkpoint_verify(buf.bytes, buf.len,
				      &vkey, &got, NULL) != GK_OK,
			    "byte %zu bit %d", i, bit);
			buf.bytes[i] ^= (char)(1 << bit);
		}
	}
	for (size_t n = 0; n < buf.len; n++) {
		cr_assert(note_checkpoint_verify(
			      buf.bytes, n, &vkey, &got, NULL) != GK_OK);
	}
	cr_assert(got.size == 77);
	gk_buf_done(&buf);
}

Test(note, only_canonical_sizes_are_sizes)
{
	static const char *const bad[] = {"", "00", "01", "007", "+1", "-1",
	    " 1", "1 ", "0x1", "1e3", "1.0", "9223372036854775809",
	    "18446744073709551615", "18446744073709551616",
	    "99999999999999999999999"};
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {{"0", 0}, {"1", 1}, {"20852163", 20852163},
	    {"9223372036854775808", UINT64_C(1) << 63}};
	char text[300];
	struct note_checkpoint got;

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		(void)snprintf(
		    text, sizeof(text), ORIGIN "\n%s\n" ROOT "\n", bad[i]);
		cr_assert(
		    verify_signed(text, &got) == GK_E_INVALID, "%s", bad[i]);
	}
	for (size_t i = 0; i < GK_COUNT(good); i++) {
		(void)snprintf(text, sizeof(text), ORIGIN "\n%s\n" ROOT "\n",
		    good[i].text);
		cr_assert(verify_signed(text, &got) == GK_OK);
		cr_assert(got.size == good[i].size);
	}
}

Test(note, a_signed_text_that_is_no_checkpoint_is_refused)
{
	static const char *const bad[] = {"\n", "\n7\n" ROOT "\n", ORIGIN "\n",
	    ORIGIN "\n7\n", ORIGIN "\n7\n\n", ORIGIN "\n7\nAAAA\n",
	    ORIGIN "\n7\n" ROOT "A\n", ORIGIN "\n7\n" ROOT "\n\n",
	    BODY "one\n\ntwo\n", ORIGIN "\n\n7\n" ROOT "\n",
	    ORIGIN "\r\n7\r\n" ROOT "\r\n", BODY "tab\there\n",
	    BODY "bad \xff utf-8\n"};
	struct note_checkpoint got = {.size = 77};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(
		    verify_signed(bad[i], &got) == GK_E_INVALID, "case %zu", i);
	}
	cr_assert(got.size == 77);
}

Test(note, extension_lines_are_allowed_and_signed)
{
	struct note_checkpoint got = {0};

	cr_assert(
	    verify_signed(BODY "extra 1\n\xe2\x80\x94 extra\n", &got) == GK_OK);
	cr_assert(got.size == 7);
}

Test(note, a_checkpoint_of_another_log_is_not_believed)
{
	struct note_checkpoint got = {.size = 77};

	cr_assert(verify_signed("audit.example/host-2\n7\n" ROOT "\n", &got) ==
		  GK_E_CORRUPT);
	cr_assert(got.size == 77);
}

Test(note, a_signature_by_another_key_of_the_same_name_is_not_ours)
{
	const uint8_t seed[SIGN_SEED_BYTES] = {9};
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint got;
	struct note_vkey other;
	struct sign_key other_key;

	sign_key_from_seed(seed, &other_key);
	cr_assert(note_vkey_make(ORIGIN, other_key.public_key, &other, NULL) ==
		  GK_OK);
	vectors_sign(BODY, &other, &other_key, &buf);
	cr_assert(
	    note_checkpoint_parse(buf.bytes, buf.len, &got, NULL) == GK_OK);
	cr_assert(note_checkpoint_verify(
		      buf.bytes, buf.len, &other, &got, NULL) == GK_OK);
	cr_assert(note_checkpoint_verify(
		      buf.bytes, buf.len, &vkey, &got, NULL) == GK_E_CORRUPT);
	cr_assert(
	    verify_lines(gk_buf_text(&buf) + strlen(BODY) + 1, "") == GK_OK);
	gk_buf_done(&buf);
}

Test(note, one_good_signature_does_not_excuse_a_bad_one_by_the_same_key)
{
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	const char *line;

	vectors_sign(ORIGIN "\n8\n" ROOT "\n", &vkey, &key, &buf);
	line = gk_buf_text(&buf) + strlen(BODY) + 1;
	cr_assert(verify_lines(line, "") == GK_E_CORRUPT);
	cr_assert(verify_lines("", line) == GK_E_CORRUPT);
	gk_buf_done(&buf);
}

Test(note, signatures_by_unknown_keys_are_passed_over)
{
	cr_assert(verify_lines(OTHER, "") == GK_OK);
	cr_assert(verify_lines("", OTHER) == GK_OK);
	cr_assert(verify_lines(OTHER OTHER, OTHER) == GK_OK);
}

Test(note, a_malformed_signature_line_spoils_the_note)
{
	static const char *const bad[] = {"\n", "x\n", "\xe2\x80\x94\n",
	    "\xe2\x80\x94 name\n", "\xe2\x80\x94 name \n",
	    "\xe2\x80\x94 name AAAA\n", "\xe2\x80\x94  AAAAAAAA\n",
	    "\xe2\x80\x94 na+me AAAAAAAA\n", "\xe2\x80\x94 name AAAAAAB=\n",
	    "\xe2\x80\x94 name AAAAAAAA \n", "- name AAAAAAAA\n",
	    "\xe2\x80\x94 name AAAAAAAA", "\xe2\x80\x94\xc2\xa0name AAAAAAAA\n",
	    " \xe2\x80\x94 name AAAAAAAA\n"};

	cr_assert(verify_lines("", "\xe2\x80\x94 name AAAAAAAA\n") == GK_OK);
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(
		    verify_lines("", bad[i]) == GK_E_INVALID, "case %zu", i);
	}
}

Test(note, sixteen_signatures_are_read_and_no_more)
{
	struct gk_buf lines = GK_BUF_INIT(4000);

	for (int i = 0; i < NOTE_SIGNATURES_MAX - 1; i++) {
		cr_assert(gk_buf_puts(&lines, OTHER, NULL) == GK_OK);
	}
	cr_assert(verify_lines(gk_buf_text(&lines), "") == GK_OK);
	cr_assert(verify_lines(gk_buf_text(&lines), OTHER) == GK_E_LIMIT);
	gk_buf_done(&lines);
}

Test(note, a_note_past_its_cap_is_refused_unread)
{
	struct gk_buf text = GK_BUF_INIT(2 * NOTE_CHECKPOINT_MAX);
	struct note_checkpoint got;

	cr_assert(gk_buf_printf(&text, NULL, BODY "%*d\n",
		      NOTE_CHECKPOINT_MAX - 300, 1) == GK_OK);
	cr_assert(verify_signed(gk_buf_text(&text), &got) == GK_OK);
	cr_assert(gk_buf_printf(&text, NULL, "%*d\n", 200, 1) == GK_OK);
	cr_assert(verify_signed(gk_buf_text(&text), &got) == GK_E_LIMIT);
	gk_buf_done(&text);
}

Test(note, a_signed_note_of_any_text_is_believed_up_to_its_text)
{
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	size_t n = 77;

	vectors_sign(
	    "Any words.\n\nEven with empty lines.\n", &vkey, &key, &buf);
	cr_assert(note_verify(buf.bytes, buf.len, &vkey, &n, NULL) == GK_OK);
	cr_assert(n == strlen("Any words.\n\nEven with empty lines.\n"));
	n = 77;
	buf.bytes[0] = 'M';
	cr_assert(
	    note_verify(buf.bytes, buf.len, &vkey, &n, NULL) == GK_E_CORRUPT);
	cr_assert(n == 77);
	gk_buf_done(&buf);
}
