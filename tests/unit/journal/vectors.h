#ifndef TEST_JOURNAL_VECTORS_H
#define TEST_JOURNAL_VECTORS_H
/* Public vectors as JSON, and what the tests of the log make of them. */

#include <criterion/criterion.h>
#include <string.h>

#include "../codec/conformance.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/sign.h"
#include "journal/note.h"

static const struct json_limits vectors_limits = {1 << 20, 64, 100000};

/* A file of vectors; json_free() it.  NULL, and "not run" is said, when it isn't there. */
static inline struct json_value *
vectors_load(const char *name)
{
	char path[CONFORMANCE_PATH_BYTES];
	struct gk_buf buf = GK_BUF_INIT(1 << 20);
	struct json_value *value = NULL;
	struct gk_err err = {0};

	if (!conformance_path(name, path)) {
		return NULL;
	}
	conformance_read(path, &buf);
	cr_assert(json_parse(buf.bytes, buf.len, &vectors_limits, &value,
		      &err) == GK_OK,
	    "%s: %s", path, err.text);
	gk_buf_done(&buf);
	return value;
}

/* The text at a JSON Pointer; it must be there. */
static inline const char *
vectors_text(const struct json_value *value, const char *pointer)
{
	const char *text = json_string(json_at(value, pointer));

	cr_assert(text != NULL, "%s", pointer);
	return text;
}

static inline struct digest
vectors_hex(const struct json_value *value)
{
	struct digest digest;
	size_t n = 0;

	cr_assert(digest_from_hex(
	    json_string(value), digest.bytes, DIGEST_BYTES, &n));
	cr_assert(n == DIGEST_BYTES);
	return digest;
}

/* A note of any text with one signature; vkey's id and key's signature go into it. */
static inline void
vectors_sign(const char *text, const struct note_vkey *vkey,
    const struct sign_key *key, struct gk_buf *ret)
{
	uint8_t sig[4 + SIGN_BYTES] = {(uint8_t)(vkey->key_id >> 24),
	    (uint8_t)(vkey->key_id >> 16), (uint8_t)(vkey->key_id >> 8),
	    (uint8_t)vkey->key_id};
	char b64[DIGEST_B64_ROOM(sizeof(sig))];

	sign_message(key, text, strlen(text), sig + 4);
	(void)digest_b64(sig, sizeof(sig), b64);
	cr_assert(gk_buf_printf(ret, NULL, "%s\n\xe2\x80\x94 %s %s\n", text,
		      vkey->origin, b64) == GK_OK);
}

#endif
