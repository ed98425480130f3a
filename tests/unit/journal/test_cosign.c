/* Tests of cosignatures: the worked example byte for byte, and what is near it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/cosign.h"
#include "vectors.h"

#define NAME "witness.example/w1"
#define TEXT                                           \
	"audit.example/host-1\n1\nJ/6jeh46GPiOim7NT6/" \
	"+A2alVrJweVu6IGeoO4nRwpo=\n"
#define NOTE_SIGNATURE_TEXT "\xe2\x80\x94 "
#define TIME                INT64_C(1767225602)

static struct sign_key key;
static struct note_vkey witness;

/* The witness of the worked example: its seed is 20..3f. */
static void
start(void)
{
	uint8_t seed[SIGN_SEED_BYTES];

	for (size_t i = 0; i < sizeof(seed); i++) {
		seed[i] = (uint8_t)(0x20 + i);
	}
	cr_assert(digest_init(NULL) == GK_OK);
	sign_key_from_seed(seed, &key);
	cr_assert(
	    cosign_vkey_make(NAME, key.public_key, &witness, NULL) == GK_OK);
}

TestSuite(cosign, .init = start);

static void
sign(int64_t time_s, struct gk_buf *line)
{
	cr_assert(cosign_sign(TEXT, strlen(TEXT), time_s, &witness, &key, line,
		      NULL) == GK_OK);
}

static enum gk_rc
find(const char *lines, struct cosign_found *ret)
{
	return cosign_find(
	    TEXT, strlen(TEXT), lines, strlen(lines), &witness, ret, NULL);
}

Test(cosign, the_worked_example_is_signed_byte_for_byte_and_found_again)
{
	struct json_value *v = vectors_load("worked/worked.json");
	char text[NOTE_VKEY_BYTES];

	if (v == NULL) {
		cr_skip_test("not run: worked/worked.json");
	}
	(void)cosign_vkey_print(&witness, text);
	cr_assert_str_eq(text, vectors_text(v, "/witness_vkey"));
	for (int i = 0; i < 4; i++) {
		struct gk_buf buf = GK_BUF_INIT(4096);
		struct cosign_found found;
		const char *note, *want;
		char pointer[64];
		size_t n;

		(void)snprintf(
		    pointer, sizeof(pointer), "/checkpoints/%d/note", i);
		note = vectors_text(v, pointer);
		(void)snprintf(pointer, sizeof(pointer),
		    "/checkpoints/%d/cosigned_note", i);
		want = vectors_text(v, pointer);
		n = note_text_bytes(note, strlen(note));
		cr_assert(n > 0);
		cr_assert(gk_buf_puts(&buf, note, NULL) == GK_OK);
		cr_assert(cosign_sign(note, n, TIME, &witness, &key, &buf,
			      NULL) == GK_OK);
		cr_assert_str_eq(gk_buf_text(&buf), want);
		cr_assert(
		    cosign_find(want, n, want + n + 1, strlen(want) - n - 1,
			&witness, &found, NULL) == GK_OK);
		cr_assert(found.found && found.time_s == TIME);
		gk_buf_done(&buf);
	}
	json_free(v);
}

Test(cosign, a_key_reads_back_and_a_log_s_key_is_none)
{
	char text[NOTE_VKEY_BYTES];
	struct note_vkey got, log;

	(void)cosign_vkey_print(&witness, text);
	cr_assert(cosign_vkey_parse(text, &got, NULL) == GK_OK);
	cr_assert_eq(got.key_id, witness.key_id);
	cr_assert(note_vkey_parse(text, &got, NULL) == GK_E_INVALID);
	cr_assert(note_vkey_make(NAME, key.public_key, &log, NULL) == GK_OK);
	cr_assert_neq(log.key_id, witness.key_id);
	(void)note_vkey_print(&log, text);
	cr_assert(cosign_vkey_parse(text, &got, NULL) == GK_E_INVALID);
}

Test(cosign, every_changed_bit_of_text_time_and_signature_is_noticed)
{
	struct gk_buf line = GK_BUF_INIT(1024);
	struct cosign_found found;
	uint8_t bytes[76];
	char b64[DIGEST_B64_ROOM(sizeof(bytes))], changed[512], *text;
	size_t n, at = strlen(NOTE_SIGNATURE_TEXT NAME " ");

	sign(TIME, &line);
	cr_assert(digest_from_b64(
	    line.bytes + at, line.len - at - 1, bytes, sizeof(bytes), &n));
	cr_assert_eq(n, sizeof(bytes));
	for (size_t bit = 32; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		(void)digest_b64(bytes, sizeof(bytes), b64);
		(void)snprintf(changed, sizeof(changed), "%s" NAME " %s\n",
		    NOTE_SIGNATURE_TEXT, b64);
		cr_assert(
		    find(changed, &found) == GK_E_CORRUPT, "bit %zu", bit);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	text = strdup(TEXT);
	for (size_t i = 0; i + 1 < strlen(TEXT); i++) {
		text[i] ^= 1;
		cr_assert(cosign_find(text, strlen(TEXT), line.bytes, line.len,
			      &witness, &found, NULL) == GK_E_CORRUPT);
		text[i] ^= 1;
	}
	free(text);
	gk_buf_done(&line);
}

Test(cosign, what_others_signed_is_passed_over_and_of_several_the_latest_counts)
{
	struct gk_buf lines = GK_BUF_INIT(8192);
	struct cosign_found found;

	cr_assert(gk_buf_puts(&lines,
		      "no signature at all\n" NOTE_SIGNATURE_TEXT
		      "other.example AAAA\n" NOTE_SIGNATURE_TEXT NAME
		      " AAAAAAAA\n\n" NOTE_SIGNATURE_TEXT NAME "\n",
		      NULL) == GK_OK);
	cr_assert(find(gk_buf_text(&lines), &found) == GK_OK);
	cr_assert(!found.found);
	sign(TIME + 5, &lines);
	sign(TIME, &lines);
	cr_assert(find(gk_buf_text(&lines), &found) == GK_OK);
	cr_assert(found.found && found.time_s == TIME + 5);
	gk_buf_done(&lines);
}

Test(cosign, a_line_without_its_newline_is_none)
{
	struct gk_buf line = GK_BUF_INIT(1024);
	struct cosign_found found;

	sign(TIME, &line);
	cr_assert(cosign_find(TEXT, strlen(TEXT), line.bytes, line.len - 1,
		      &witness, &found, NULL) == GK_OK);
	cr_assert(!found.found);
	gk_buf_done(&line);
}
