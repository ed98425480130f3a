/*
 * C2SP tlog-cosignature, version 1.
 *
 * The line is a note's signature line of 4 bytes of key id, 8 bytes of time
 * (POSIX seconds, big-endian) and 64 bytes of Ed25519.  What is signed isn't the
 * checkpoint's text alone, but
 *
 *     cosignature/v1
 *     time <seconds>
 *     <the checkpoint's text>
 *
 * so that a witness's signature can never be taken for a log's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "journal/cosign.h"
#include "journal/note_internal.h"

enum { KEY_ID_BYTES = 4, TIME_BYTES = 8, HEAD_BYTES = 64 };
enum { COSIG_BYTES = KEY_ID_BYTES + TIME_BYTES + SIGN_BYTES };

enum gk_rc
cosign_vkey_make(const char *name, const uint8_t public_key[SIGN_PUBLIC_BYTES],
    struct note_vkey *ret, struct gk_err *err)
{
	return note__vkey_make(NOTE_COSIGNATURE, name, public_key, ret, err);
}

size_t
cosign_vkey_print(const struct note_vkey *vkey, char ret_text[NOTE_VKEY_BYTES])
{
	return note__vkey_print(NOTE_COSIGNATURE, vkey, ret_text);
}

enum gk_rc
cosign_vkey_parse(const char *text, struct note_vkey *ret, struct gk_err *err)
{
	return note__vkey_parse(NOTE_COSIGNATURE, text, ret, err);
}

static void
number_store(uint64_t number, uint8_t *ret, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		ret[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
	}
}

static uint64_t
number_load(const uint8_t *bytes, unsigned count)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < count; i++) {
		number = number << 8 | bytes[i];
	}
	return number;
}

/* The bytes that are signed. */
static enum gk_rc
message_print(const char *text, size_t n, int64_t time_s, struct gk_buf *ret,
    struct gk_err *err)
{
	GK_TRY(gk_buf_printf(
	    ret, err, "cosignature/v1\ntime %" PRId64 "\n", time_s));
	return gk_buf_add(ret, text, n, err);
}

enum gk_rc
cosign_sign(const char *text, size_t n, int64_t time_s,
    const struct note_vkey *witness, const struct sign_key *key,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf message = GK_BUF_INIT(n + HEAD_BYTES);
	uint8_t bytes[COSIG_BYTES];
	char b64[DIGEST_B64_ROOM(COSIG_BYTES)];

	GK_ASSERT(time_s >= 0 && n > 0 && text[n - 1] == '\n');
	GK_TRY(message_print(text, n, time_s, &message, err));
	number_store(witness->key_id, bytes, KEY_ID_BYTES);
	number_store((uint64_t)time_s, bytes + KEY_ID_BYTES, TIME_BYTES);
	sign_message(
	    key, message.bytes, message.len, bytes + KEY_ID_BYTES + TIME_BYTES);
	(void)digest_b64(bytes, sizeof(bytes), b64);
	return gk_buf_printf(
	    buf, err, NOTE_SIGNATURE_MARK "%s %s\n", witness->origin, b64);
}

/* Is the line, without its newline, the witness's by name and key id?  Its bytes go to ret. */
static bool
line_claims(const char *line, size_t n, const struct note_vkey *witness,
    uint8_t ret[COSIG_BYTES])
{
	static const char mark[] = NOTE_SIGNATURE_MARK;
	const size_t mark_n = sizeof(mark) - 1;
	const size_t name_n = strlen(witness->origin);
	size_t got;

	if (n <= mark_n + name_n || memcmp(line, mark, mark_n) != 0 ||
	    memcmp(line + mark_n, witness->origin, name_n) != 0 ||
	    line[mark_n + name_n] != ' ') {
		return false;
	}
	line += mark_n + name_n + 1;
	n -= mark_n + name_n + 1;
	return digest_from_b64(line, n, ret, COSIG_BYTES, &got) &&
	       got == COSIG_BYTES &&
	       number_load(ret, KEY_ID_BYTES) == witness->key_id;
}

static enum gk_rc
line_verify(const char *text, size_t n, const struct note_vkey *witness,
    const uint8_t bytes[COSIG_BYTES], int64_t *ret_time_s, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf message = GK_BUF_INIT(n + HEAD_BYTES);
	uint64_t time_s = number_load(bytes + KEY_ID_BYTES, TIME_BYTES);

	if (time_s <= INT64_MAX) {
		GK_TRY(message_print(text, n, (int64_t)time_s, &message, err));
	}
	if (time_s > INT64_MAX ||
	    !sign_verify(witness->public_key, message.bytes, message.len,
		bytes + KEY_ID_BYTES + TIME_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the cosignature of %s does not verify", witness->origin);
	}
	*ret_time_s = (int64_t)time_s;
	return GK_OK;
}

enum gk_rc
cosign_find(const char *text, size_t n, const char *lines, size_t lines_n,
    const struct note_vkey *witness, struct cosign_found *ret,
    struct gk_err *err)
{
	struct cosign_found best = {.found = false};
	const char *end;

	for (; (end = memchr(lines, '\n', lines_n)) != NULL;
	     lines_n -= (size_t)(end + 1 - lines), lines = end + 1) {
		uint8_t bytes[COSIG_BYTES];
		int64_t time_s;

		if (!line_claims(
			lines, (size_t)(end - lines), witness, bytes)) {
			continue;
		}
		GK_TRY(line_verify(text, n, witness, bytes, &time_s, err));
		if (!best.found || time_s >= best.time_s) {
			best = (struct cosign_found){
			    true, time_s, lines, (size_t)(end + 1 - lines)};
		}
	}
	*ret = best;
	return GK_OK;
}
