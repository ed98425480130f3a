/* Fuzzes what reads a signed checkpoint, a key, or a bundle of entries; what is believed must print again as it was. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/note.h"
#include "journal/tile.h"

static struct sign_key key;
static struct note_vkey vkey;

/* The log that signed the seeds of the corpus. */
static void
start(void)
{
	const uint8_t seed[SIGN_SEED_BYTES] = {1, 2, 3};

	if (vkey.key_id == 0) {
		GK_ASSERT(digest_init(NULL) == GK_OK);
		sign_key_from_seed(seed, &key);
		GK_ASSERT(note_vkey_make("fuzz.example/log", key.public_key,
			      &vkey, NULL) == GK_OK);
	}
}

/* A believed checkpoint, signed again, is found in what was believed, line by line. */
static void
assert_reprints(const char *bytes, size_t n, const struct note_checkpoint *got)
{
	static const char mark[] = "\n\xe2\x80\x94 ";
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint again;
	const char *end;
	size_t text_n, got_n;

	GK_ASSERT(note_checkpoint_sign(got, &vkey, &key, &buf, NULL) == GK_OK);
	GK_ASSERT(note_checkpoint_verify(
		      buf.bytes, buf.len, &vkey, &again, NULL) == GK_OK);
	GK_ASSERT(again.size == got->size &&
		  digest_equal(&again.root, &got->root, DIGEST_BYTES));
	GK_ASSERT(note_verify(bytes, n, &vkey, &got_n, NULL) == GK_OK);
	end = memmem(buf.bytes, buf.len, mark, sizeof(mark) - 1);
	GK_ASSERT(end != NULL);
	text_n = (size_t)(end - buf.bytes);
	GK_ASSERT(got_n >= text_n && memcmp(bytes, buf.bytes, text_n) == 0);
	gk_buf_done(&buf);
}

static void
try_checkpoint(const char *bytes, size_t n)
{
	struct note_checkpoint parsed = {.size = 77}, believed = {.size = 77};
	struct gk_err err = {0};
	enum gk_rc parse = note_checkpoint_parse(bytes, n, &parsed, &err);
	enum gk_rc rc =
	    note_checkpoint_verify(bytes, n, &vkey, &believed, &err);

	GK_ASSERT(rc == GK_OK || err.rc == rc);
	GK_ASSERT(parse == GK_OK || (rc != GK_OK && parsed.size == 77));
	if (rc != GK_OK) {
		GK_ASSERT(believed.size == 77);
		return;
	}
	GK_ASSERT(parsed.size == believed.size &&
		  strcmp(parsed.origin, believed.origin) == 0 &&
		  digest_equal(&parsed.root, &believed.root, DIGEST_BYTES));
	assert_reprints(bytes, n, &believed);
}

/* The input as a text that the log itself signed: then only its form can be wrong. */
static void
try_signed(const char *text, size_t n)
{
	uint8_t sig[4 + SIGN_BYTES] = {(uint8_t)(vkey.key_id >> 24),
	    (uint8_t)(vkey.key_id >> 16), (uint8_t)(vkey.key_id >> 8),
	    (uint8_t)vkey.key_id};
	char b64[DIGEST_B64_ROOM(sizeof(sig))];
	struct gk_buf buf = GK_BUF_INIT(n + 300);
	struct note_checkpoint parsed;
	size_t text_n;

	sign_message(&key, text, n, sig + 4);
	(void)digest_b64(sig, sizeof(sig), b64);
	GK_ASSERT(gk_buf_add(&buf, text, n, NULL) == GK_OK);
	GK_ASSERT(gk_buf_printf(&buf, NULL, "\n\xe2\x80\x94 %s %s\n",
		      vkey.origin, b64) == GK_OK);
	if (n > 0 && text[n - 1] == '\n' &&
	    note_verify(buf.bytes, buf.len, &vkey, &text_n, NULL) == GK_OK) {
		GK_ASSERT(text_n == n);
	}
	if (note_checkpoint_parse(buf.bytes, buf.len, &parsed, NULL) == GK_OK) {
		try_checkpoint(buf.bytes, buf.len);
	}
	gk_buf_done(&buf);
}

/* A key that is read prints as the text that it was read from. */
static void
try_keys(const char *bytes, size_t n)
{
	char *text = strndup(bytes, n), again[NOTE_VKEY_BYTES];
	struct note_vkey got;
	struct sign_key pair;

	GK_ASSERT(text != NULL);
	if (note_vkey_parse(text, &got, NULL) == GK_OK) {
		(void)note_vkey_print(&got, again);
		GK_ASSERT(strcmp(again, text) == 0);
	}
	if (note_skey_parse(text, &got, &pair, NULL) == GK_OK) {
		(void)note_vkey_print(&got, again);
		GK_ASSERT(note_vkey_parse(again, &got, NULL) == GK_OK);
	}
	free(text);
}

/* A bundle's entries, put into a bundle again, are the bytes read so far. */
static void
try_bundle(const uint8_t *bytes, size_t n)
{
	struct gk_buf again = GK_BUF_INIT(n);
	struct gk_err err = {0};
	const void *entry;
	size_t at = 0, length;

	while (tile_bundle_next(bytes, n, &at, &entry, &length, &err)) {
		GK_ASSERT(
		    tile_bundle_add(&again, entry, length, NULL) == GK_OK);
	}
	GK_ASSERT((at == n) == (err.rc == GK_OK));
	GK_ASSERT(again.len == at);
	GK_ASSERT(at == 0 || memcmp(again.bytes, bytes, at) == 0);
	gk_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	start();
	try_checkpoint(text, size);
	try_signed(text, size);
	try_keys(text, size);
	try_bundle(data, size);
	return 0;
}
