/*
 * C2SP signed notes carrying tlog checkpoints.
 *
 * A note is a text that ends in a newline, an empty line, then one line for each
 * signature: "— name base64(key id ‖ signature)".  Its bytes are valid UTF-8
 * without control characters but the newline.  The last empty line divides.
 *
 * A checkpoint is a note whose text is: the log's origin, the tree's size in
 * decimal, the root in base64, then extension lines, none of them empty.
 *
 * A key's name and id only say whose a signature claims to be: signatures by keys
 * that nobody asked about are read for their form and otherwise passed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "journal/note_internal.h"

#define SIGNATURE_MARK NOTE_SIGNATURE_MARK
#define SKEY_MARK      "PRIVATE+KEY+"

enum { KEY_ID_BYTES = 4 };

/* An algorithm's byte and 32 bytes of key behind it, and that as base64. */
enum { KEY_BYTES = 1 + 32, KEY_B64 = DIGEST_B64_ROOM(KEY_BYTES) };

/* A key id and an Ed25519 signature behind it, and that as base64. */
enum { SIG_BYTES = KEY_ID_BYTES + SIGN_BYTES };
enum { SIG_B64 = DIGEST_B64_ROOM(SIG_BYTES) };

/* Bytes of somebody else's buffer. */
struct span {
	const char *at;
	size_t n;
};

/* The two halves of a note; the text ends in its newline. */
struct note_halves {
	struct span text;
	struct span signatures;
};

struct note_signature {
	struct span name;
	uint8_t bytes[NOTE_CHECKPOINT_MAX]; /* key id, then the signature */
	size_t n;
};

/* Big-endian. */
static uint32_t
key_id_load(const uint8_t bytes[KEY_ID_BYTES])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void
key_id_store(uint32_t key_id, uint8_t ret[KEY_ID_BYTES])
{
	ret[0] = (uint8_t)(key_id >> 24);
	ret[1] = (uint8_t)(key_id >> 16);
	ret[2] = (uint8_t)(key_id >> 8);
	ret[3] = (uint8_t)key_id;
}

/* Does span begin with text?  Then text is cut off. */
static bool
span_skip(struct span *span, const char *text)
{
	size_t n = strlen(text);

	if (span->n < n || memcmp(span->at, text, n) != 0) {
		return false;
	}
	span->at += n;
	span->n -= n;
	return true;
}

/* Cut off what stands before the first c, and c itself.  False without a c. */
static bool
span_cut(struct span *span, char c, struct span *ret)
{
	const char *end = memchr(span->at, c, span->n);

	if (end == NULL) {
		return false;
	}
	ret->at = span->at;
	ret->n = (size_t)(end - span->at);
	span->at = end + 1;
	span->n -= ret->n + 1;
	return true;
}

/* Is one of Unicode's spaces in it?  text is valid UTF-8. */
static bool
has_space(struct span text)
{
	static const char *const spaces[] = {" ", "\xc2\x85", "\xc2\xa0",
	    "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
	    "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
	    "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
	    "\xe3\x80\x80"};

	for (size_t i = 0; i < GK_COUNT(spaces); i++) {
		if (memmem(text.at, text.n, spaces[i], strlen(spaces[i])) !=
		    NULL) {
			return true;
		}
	}
	return false;
}

static bool
has_control(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n') {
			return true;
		}
	}
	return false;
}

/* May a key be called so? */
static bool
key_name_check(struct span name)
{
	return name.n > 0 && !has_control(name) &&
	       json_check_text(name.at, name.n) && !has_space(name) &&
	       memchr(name.at, '\n', name.n) == NULL &&
	       memchr(name.at, '+', name.n) == NULL;
}

/* Copy a name that may be too long for ours. */
static bool
origin_copy(struct span name, char ret[NOTE_ORIGIN_MAX + 1])
{
	if (name.n > NOTE_ORIGIN_MAX) {
		return false;
	}
	memcpy(ret, name.at, name.n);
	ret[name.n] = '\0';
	return true;
}

enum gk_rc
note__vkey_make(enum note_algorithm algorithm, const char *origin,
    const uint8_t public_key[SIGN_PUBLIC_BYTES], struct note_vkey *ret,
    struct gk_err *err)
{
	const uint8_t mark[] = {'\n', (uint8_t)algorithm};
	const struct span name = {origin, strlen(origin)};
	const struct digest_part parts[] = {{origin, name.n},
	    {mark, sizeof(mark)}, {public_key, SIGN_PUBLIC_BYTES}};
	struct note_vkey vkey;
	struct digest hash;

	if (!key_name_check(name) || !origin_copy(name, vkey.origin)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a log's name is 1 to %d bytes of UTF-8 without spaces, "
		    "'+' "
		    "and control characters",
		    NOTE_ORIGIN_MAX);
	}
	digest_sha256(parts, GK_COUNT(parts), &hash);
	vkey.key_id = key_id_load(hash.bytes);
	memcpy(vkey.public_key, public_key, SIGN_PUBLIC_BYTES);
	*ret = vkey;
	return GK_OK;
}

enum gk_rc
note_vkey_make(const char *origin, const uint8_t public_key[SIGN_PUBLIC_BYTES],
    struct note_vkey *ret, struct gk_err *err)
{
	return note__vkey_make(NOTE_ED25519, origin, public_key, ret, err);
}

size_t
note__vkey_print(enum note_algorithm algorithm, const struct note_vkey *vkey,
    char ret_text[NOTE_VKEY_BYTES])
{
	uint8_t key[KEY_BYTES] = {(uint8_t)algorithm};
	char b64[KEY_B64];
	int n;

	memcpy(key + 1, vkey->public_key, SIGN_PUBLIC_BYTES);
	(void)digest_b64(key, sizeof(key), b64);
	n = snprintf(ret_text, NOTE_VKEY_BYTES, "%s+%08" PRIx32 "+%s",
	    vkey->origin, vkey->key_id, b64);
	GK_ASSERT(n > 0 && n < NOTE_VKEY_BYTES);
	return (size_t)n;
}

size_t
note_vkey_print(const struct note_vkey *vkey, char ret_text[NOTE_VKEY_BYTES])
{
	return note__vkey_print(NOTE_ED25519, vkey, ret_text);
}

/* What a key's text says: "name+hex8+base64(algorithm ‖ 32 bytes)", not yet believed. */
struct key_text {
	char name[NOTE_ORIGIN_MAX + 1];
	uint32_t key_id;
	uint8_t key[KEY_BYTES];
};

static bool
key_text_parse(struct span text, struct key_text *ret)
{
	struct span name, hex;
	char hex_text[KEY_ID_BYTES * 2 + 1];
	uint8_t id[KEY_ID_BYTES];
	size_t n;

	if (!span_cut(&text, '+', &name) || !origin_copy(name, ret->name) ||
	    !span_cut(&text, '+', &hex) || hex.n != (size_t)KEY_ID_BYTES * 2) {
		return false;
	}
	memcpy(hex_text, hex.at, hex.n);
	hex_text[hex.n] = '\0';
	if (!digest_from_hex(hex_text, id, sizeof(id), &n) || n != sizeof(id)) {
		return false;
	}
	ret->key_id = key_id_load(id);
	return digest_from_b64(
		   text.at, text.n, ret->key, sizeof(ret->key), &n) &&
	       n == sizeof(ret->key);
}

/* Make the key that the text describes; its id must be the one that is written there. */
static enum gk_rc
vkey_from(const struct key_text *text, const uint8_t *public_key,
    struct note_vkey *ret, struct gk_err *err)
{
	struct note_vkey vkey;

	GK_TRY(note__vkey_make((enum note_algorithm)text->key[0], text->name,
	    public_key, &vkey, err));
	if (vkey.key_id != text->key_id) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the key's id is not that of its name and bytes");
	}
	*ret = vkey;
	return GK_OK;
}

enum gk_rc
note__vkey_parse(enum note_algorithm algorithm, const char *text,
    struct note_vkey *ret, struct gk_err *err)
{
	struct key_text key;

	if (!key_text_parse((struct span){text, strlen(text)}, &key) ||
	    key.key[0] != algorithm) {
		return GK_FAIL(err, GK_E_INVALID, "not %s: name+hash+key",
		    algorithm == NOTE_ED25519
			? "an Ed25519 verifier key"
			: "a witness's Ed25519 verifier key");
	}
	return vkey_from(&key, key.key + 1, ret, err);
}

enum gk_rc
note_vkey_parse(const char *text, struct note_vkey *ret, struct gk_err *err)
{
	return note__vkey_parse(NOTE_ED25519, text, ret, err);
}

enum gk_rc
note_skey_parse(const char *text, struct note_vkey *ret_vkey,
    struct sign_key *ret_key, struct gk_err *err)
{
	struct span span = {text, strlen(text)};
	struct key_text key;
	struct sign_key pair;
	enum gk_rc rc;

	if (!span_skip(&span, SKEY_MARK) || !key_text_parse(span, &key) ||
	    key.key[0] != NOTE_ED25519) {
		return GK_FAIL(err, GK_E_INVALID,
		    "not an Ed25519 signer key: PRIVATE+KEY+name+hash+key");
	}
	sign_key_from_seed(key.key + 1, &pair);
	rc = vkey_from(&key, pair.public_key, ret_vkey, err);
	if (rc == GK_OK) {
		*ret_key = pair;
	}
	digest_wipe(&key, sizeof(key));
	digest_wipe(&pair, sizeof(pair));
	return rc;
}

enum gk_rc
note_skey_print(const struct note_vkey *vkey,
    const uint8_t seed[SIGN_SEED_BYTES], struct gk_buf *buf, struct gk_err *err)
{
	uint8_t key[KEY_BYTES] = {NOTE_ED25519};
	char b64[KEY_B64];
	enum gk_rc rc;

	memcpy(key + 1, seed, SIGN_SEED_BYTES);
	(void)digest_b64(key, sizeof(key), b64);
	rc = gk_buf_printf(buf, err, SKEY_MARK "%s+%08" PRIx32 "+%s\n",
	    vkey->origin, vkey->key_id, b64);
	digest_wipe(key, sizeof(key));
	digest_wipe(b64, sizeof(b64));
	return rc;
}

enum gk_rc
note_checkpoint_sign(const struct note_checkpoint *checkpoint,
    const struct note_vkey *vkey, const struct sign_key *key,
    struct gk_buf *buf, struct gk_err *err)
{
	char text[2 * NOTE_ORIGIN_MAX + DIGEST_B64 + SIG_B64 + 64];
	char root[DIGEST_B64], b64[SIG_B64];
	uint8_t sig[SIG_BYTES];
	int n, more;

	GK_ASSERT(strcmp(checkpoint->origin, vkey->origin) == 0);
	GK_ASSERT(
	    digest_equal(vkey->public_key, key->public_key, SIGN_PUBLIC_BYTES));
	(void)digest_b64(checkpoint->root.bytes, DIGEST_BYTES, root);
	n = snprintf(text, sizeof(text), "%s\n%" PRIu64 "\n%s\n",
	    checkpoint->origin, checkpoint->size, root);
	GK_ASSERT(n > 0 && (size_t)n < sizeof(text));
	key_id_store(vkey->key_id, sig);
	sign_message(key, text, (size_t)n, sig + KEY_ID_BYTES);
	(void)digest_b64(sig, sizeof(sig), b64);
	more = snprintf(text + n, sizeof(text) - (size_t)n,
	    "\n" SIGNATURE_MARK "%s %s\n", vkey->origin, b64);
	GK_ASSERT(more > 0 && (size_t)more < sizeof(text) - (size_t)n);
	return gk_buf_add(buf, text, (size_t)n + (size_t)more, err);
}

static enum gk_rc
note_split(
    const char *bytes, size_t n, struct note_halves *ret, struct gk_err *err)
{
	size_t cut = n;

	if (n > NOTE_CHECKPOINT_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "a note of %zu bytes; at most %d are read", n,
		    NOTE_CHECKPOINT_MAX);
	}
	if (has_control((struct span){bytes, n}) ||
	    !json_check_text(bytes, n)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a note is UTF-8 without control characters");
	}
	while (cut > 1 && (bytes[cut - 1] != '\n' || bytes[cut - 2] != '\n')) {
		cut--;
	}
	if (cut <= 1 || cut == n || bytes[n - 1] != '\n') {
		return GK_FAIL(err, GK_E_INVALID,
		    "a note is a text, an empty line, and signature lines");
	}
	ret->text = (struct span){bytes, cut - 1};
	ret->signatures = (struct span){bytes + cut, n - cut};
	return GK_OK;
}

/* Read one line "— name base64". */
static bool
signature_parse(struct span line, struct note_signature *ret)
{
	return span_skip(&line, SIGNATURE_MARK) &&
	       span_cut(&line, ' ', &ret->name) && key_name_check(ret->name) &&
	       digest_from_b64(
		   line.at, line.n, ret->bytes, sizeof(ret->bytes), &ret->n) &&
	       ret->n > KEY_ID_BYTES;
}

static bool
signature_claims(
    const struct note_signature *signature, const struct note_vkey *vkey)
{
	return signature->name.n == strlen(vkey->origin) &&
	       memcmp(signature->name.at, vkey->origin, signature->name.n) ==
		   0 &&
	       key_id_load(signature->bytes) == vkey->key_id;
}

static bool
signature_verify(const struct note_signature *signature,
    const struct note_vkey *vkey, struct span text)
{
	return signature->n == SIG_BYTES &&
	       sign_verify(vkey->public_key, text.at, text.n,
		   signature->bytes + KEY_ID_BYTES);
}

/*
 * Read all signature lines, and believe those that claim to be vkey's.  A NULL
 * vkey reads them for their form alone.
 */
static enum gk_rc
signatures_check(const struct note_halves *note, const struct note_vkey *vkey,
    struct gk_err *err)
{
	struct span rest = note->signatures, line;
	struct note_signature signature;
	unsigned count = 0, good = 0;

	while (span_cut(&rest, '\n', &line)) {
		if (++count > NOTE_SIGNATURES_MAX) {
			return GK_FAIL(err, GK_E_LIMIT,
			    "more than %d signatures", NOTE_SIGNATURES_MAX);
		}
		if (!signature_parse(line, &signature)) {
			return GK_FAIL(err, GK_E_INVALID,
			    "signature line %u is malformed", count);
		}
		if (vkey == NULL || !signature_claims(&signature, vkey)) {
			continue;
		}
		if (!signature_verify(&signature, vkey, note->text)) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "the signature of %s does not verify",
			    vkey->origin);
		}
		good++;
	}
	if (vkey != NULL && good == 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "no signature of %s with key %08" PRIx32, vkey->origin,
		    vkey->key_id);
	}
	return GK_OK;
}

enum gk_rc
note_verify(const char *bytes, size_t n, const struct note_vkey *vkey,
    size_t *ret_text_n, struct gk_err *err)
{
	struct note_halves note;

	GK_TRY(note_split(bytes, n, &note, err));
	GK_TRY(signatures_check(&note, vkey, err));
	*ret_text_n = note.text.n;
	return GK_OK;
}

/* Decimal without sign or leading zeros, at most 2^63. */
static bool
size_parse(struct span text, uint64_t *ret)
{
	uint64_t size = 0;

	if (text.n == 0 || text.n > 19 || (text.at[0] == '0' && text.n > 1)) {
		return false;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.at[i] < '0' || text.at[i] > '9') {
			return false;
		}
		size = size * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ret = size;
	return size <= UINT64_C(1) << 63;
}

/* The text of a checkpoint: three lines, and extension lines that aren't empty. */
static enum gk_rc
body_parse(struct span text, struct note_checkpoint *ret, struct gk_err *err)
{
	struct span origin, size, root, line;
	size_t n;

	if (!span_cut(&text, '\n', &origin) || origin.n == 0) {
		return GK_FAIL(err, GK_E_INVALID, "a checkpoint names its log");
	}
	if (!origin_copy(origin, ret->origin)) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "a log's name is at most %d bytes", NOTE_ORIGIN_MAX);
	}
	if (!span_cut(&text, '\n', &size) || !size_parse(size, &ret->size)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a checkpoint's second line is the size of the tree");
	}
	if (!span_cut(&text, '\n', &root) ||
	    !digest_from_b64(
		root.at, root.n, ret->root.bytes, DIGEST_BYTES, &n) ||
	    n != DIGEST_BYTES) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a checkpoint's third line is the root hash in base64");
	}
	while (span_cut(&text, '\n', &line)) {
		if (line.n == 0) {
			return GK_FAIL(err, GK_E_INVALID,
			    "a checkpoint has no empty lines");
		}
	}
	return GK_OK;
}

/* Read a checkpoint; with a vkey, believe it. */
static enum gk_rc
checkpoint_read(const char *bytes, size_t n, const struct note_vkey *vkey,
    struct note_checkpoint *ret, struct gk_err *err)
{
	struct note_checkpoint checkpoint;
	struct note_halves note;

	GK_TRY(note_split(bytes, n, &note, err));
	GK_TRY(body_parse(note.text, &checkpoint, err));
	if (vkey != NULL && strcmp(checkpoint.origin, vkey->origin) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "a checkpoint of %.64s, not of %s", checkpoint.origin,
		    vkey->origin);
	}
	GK_TRY(signatures_check(&note, vkey, err));
	*ret = checkpoint;
	return GK_OK;
}

enum gk_rc
note_checkpoint_parse(const char *bytes, size_t n, struct note_checkpoint *ret,
    struct gk_err *err)
{
	return checkpoint_read(bytes, n, NULL, ret, err);
}

enum gk_rc
note_checkpoint_verify(const char *bytes, size_t n,
    const struct note_vkey *vkey, struct note_checkpoint *ret,
    struct gk_err *err)
{
	GK_ASSERT(vkey != NULL);
	return checkpoint_read(bytes, n, vkey, ret, err);
}

size_t
note_text_bytes(const char *bytes, size_t n)
{
	struct note_halves note = {.text = {bytes, 0}};

	return note_split(bytes, n, &note, NULL) == GK_OK ? note.text.n : 0;
}

enum gk_rc
note_line_of(const char *bytes, size_t n, const struct note_vkey *vkey,
    struct gk_buf *buf, struct gk_err *err)
{
	struct note_signature signature;
	struct note_halves note;
	struct span rest, line;

	GK_TRY(note_split(bytes, n, &note, err));
	rest = note.signatures;
	while (span_cut(&rest, '\n', &line)) {
		if (signature_parse(line, &signature) &&
		    signature_claims(&signature, vkey)) {
			return gk_buf_add(buf, line.at, line.n + 1, err);
		}
	}
	return GK_FAIL(err, GK_E_CORRUPT, "no signature of %s", vkey->origin);
}
