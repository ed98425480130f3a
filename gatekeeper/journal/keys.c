/*
 * The journal's keys.
 *
 * keys/signing.key holds one line in the form of Go's sumdb/note,
 * "PRIVATE+KEY+origin+hex8+base64(0x01 ‖ seed)": so the origin is settled by the
 * key and by nothing else.  keys/hmac.key holds 64 lower-case hex digits.  Both are
 * 0600; a key that others may read is refused, for who reads it can sign.  The
 * verifier key lies beside them in the open, in `vkey`.
 *
 * Keys are made only where there is no journal: a journal that has lost its key
 * must never go on under a new one as if nothing had happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

enum { KEY_FILE_CAP = 1024, HMAC_BYTES = 32, ORIGIN_RANDOM = 8 };

/* A buffer for secrets is full-grown at birth: growing would leave copies behind. */
struct secret {
	struct gk_buf buf;
};

static void
secret_done(struct secret *secret)
{
	if (secret->buf.bytes != NULL) {
		digest_wipe(secret->buf.bytes, secret->buf.room);
	}
	gk_buf_done(&secret->buf);
}

static enum gk_rc
secret_init(struct secret *ret, struct gk_err *err)
{
	char *at;

	ret->buf = (struct gk_buf)GK_BUF_INIT(KEY_FILE_CAP);
	return gk_buf_reserve(&ret->buf, KEY_FILE_CAP, &at, err);
}

/* The line in a key's file without its newline. */
static enum gk_rc
key_load(int keys, const char *name, struct secret *ret, bool *ret_found,
    struct gk_err *err)
{
	struct stat st;
	struct gk_buf *buf = &ret->buf;

	*ret_found = false;
	if (fstatat(keys, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT) {
			return GK_OK;
		}
		return GK_FAIL(
		    err, GK_E_IO, "keys/%s: %s", name, strerrordesc_np(errno));
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		return GK_FAIL(err, GK_E_IO,
		    "keys/%s must be a file that only its owner may read "
		    "(chmod 600); its mode is %04o",
		    name, (unsigned)st.st_mode & 07777);
	}
	GK_TRY(journal__file_load(keys, name, buf, ret_found, err));
	if (buf->len > 0 && buf->bytes[buf->len - 1] == '\n') {
		buf->bytes[--buf->len] = '\0';
	}
	return GK_OK;
}

static enum gk_rc
origin_make(
    const char *origin, char ret[NOTE_ORIGIN_MAX + 1], struct gk_err *err)
{
	uint8_t random[ORIGIN_RANDOM];
	char hex[2 * ORIGIN_RANDOM + 1];
	int n;

	digest_random(random, sizeof(random));
	(void)digest_hex(random, sizeof(random), hex);
	n = origin != NULL ? snprintf(ret, NOTE_ORIGIN_MAX + 1, "%s", origin)
			   : snprintf(ret, NOTE_ORIGIN_MAX + 1,
				 "gatekeeper.local/%s", hex);
	if (n <= 0 || n > NOTE_ORIGIN_MAX) {
		return GK_FAIL(err, GK_E_INVALID, "an origin has 1 to %d bytes",
		    NOTE_ORIGIN_MAX);
	}
	return GK_OK;
}

static enum gk_rc
signing_print(const struct note_vkey *vkey, const uint8_t *seed,
    struct gk_buf *buf, struct gk_err *err)
{
	uint8_t key[1 + SIGN_SEED_BYTES] = {0x01};
	char b64[DIGEST_B64_ROOM(sizeof(key))];
	enum gk_rc rc;

	memcpy(key + 1, seed, SIGN_SEED_BYTES);
	(void)digest_b64(key, sizeof(key), b64);
	rc = gk_buf_printf(buf, err, "PRIVATE+KEY+%s+%08" PRIx32 "+%s\n",
	    vkey->origin, vkey->key_id, b64);
	digest_wipe(key, sizeof(key));
	digest_wipe(b64, sizeof(b64));
	return rc;
}

static enum gk_rc
signing_make(int keys, const char *origin, struct gk_err *err)
{
	GK_AUTO(secret_done) struct secret text = {0};
	char name[NOTE_ORIGIN_MAX + 1];
	uint8_t seed[SIGN_SEED_BYTES];
	struct sign_key pair;
	struct note_vkey vkey;
	enum gk_rc rc;

	GK_TRY(secret_init(&text, err));
	GK_TRY(origin_make(origin, name, err));
	digest_random(seed, sizeof(seed));
	sign_key_from_seed(seed, &pair);
	rc = note_vkey_make(name, pair.public_key, &vkey, err);
	if (rc == GK_OK) {
		rc = signing_print(&vkey, seed, &text.buf, err);
	}
	digest_wipe(seed, sizeof(seed));
	digest_wipe(&pair, sizeof(pair));
	GK_TRY(rc);
	return journal__file_create(
	    keys, JOURNAL_KEY_SIGNING, text.buf.bytes, text.buf.len, 0600, err);
}

static enum gk_rc
hmac_make(int keys, struct gk_err *err)
{
	uint8_t key[HMAC_BYTES];
	char hex[2 * HMAC_BYTES + 1];
	enum gk_rc rc;

	digest_random(key, sizeof(key));
	(void)digest_hex(key, sizeof(key), hex);
	hex[sizeof(hex) - 1] = '\n';
	rc = journal__file_create(
	    keys, JOURNAL_KEY_HMAC, hex, sizeof(hex), 0600, err);
	digest_wipe(key, sizeof(key));
	digest_wipe(hex, sizeof(hex));
	return rc;
}

static enum gk_rc
missing(const char *name, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_CORRUPT,
	    "keys/%s is missing, and the journal is there: put the key back "
	    "from where it is kept",
	    name);
}

static enum gk_rc
signing_load(int keys, const char *origin, bool make, struct journal_keys *ret,
    struct gk_err *err)
{
	GK_AUTO(secret_done) struct secret text = {0};
	bool found;

	GK_TRY(secret_init(&text, err));
	GK_TRY(key_load(keys, JOURNAL_KEY_SIGNING, &text, &found, err));
	if (!found && !make) {
		return missing(JOURNAL_KEY_SIGNING, err);
	}
	if (!found) {
		GK_TRY(signing_make(keys, origin, err));
		GK_TRY(key_load(keys, JOURNAL_KEY_SIGNING, &text, &found, err));
	}
	if (note_skey_parse(gk_buf_text(&text.buf), &ret->vkey, &ret->sign,
		NULL) != GK_OK) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/" JOURNAL_KEY_SIGNING " is not a signing key");
	}
	if (origin != NULL && strcmp(origin, ret->vkey.origin) != 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the journal's origin is %s, and the configuration says %s",
		    ret->vkey.origin, origin);
	}
	return GK_OK;
}

static enum gk_rc
hmac_load(int keys, bool make, uint8_t ret[HMAC_BYTES], struct gk_err *err)
{
	GK_AUTO(secret_done) struct secret text = {0};
	bool found;
	size_t n = 0;

	GK_TRY(secret_init(&text, err));
	GK_TRY(key_load(keys, JOURNAL_KEY_HMAC, &text, &found, err));
	if (!found && !make) {
		return missing(JOURNAL_KEY_HMAC, err);
	}
	if (!found) {
		GK_TRY(hmac_make(keys, err));
		GK_TRY(key_load(keys, JOURNAL_KEY_HMAC, &text, &found, err));
	}
	if (!digest_from_hex(gk_buf_text(&text.buf), ret, HMAC_BYTES, &n) ||
	    n != HMAC_BYTES) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/" JOURNAL_KEY_HMAC " is not 64 hex digits");
	}
	return GK_OK;
}

/* Ids are MACed under a key of their own. */
static void
id_key_derive(const uint8_t hmac[HMAC_BYTES], struct id_key *ret)
{
	static const char label[] = "gatekeeper/id/v1"; /* with its 0x00 */
	const struct digest_part part = {label, sizeof(label)};
	struct digest digest;

	digest_hmac(hmac, &part, 1, &digest);
	memcpy(ret->bytes, digest.bytes, sizeof(ret->bytes));
	digest_wipe(&digest, sizeof(digest));
}

enum gk_rc
journal__vkey_load(
    int dir, struct note_vkey *ret, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTE_VKEY_BYTES);

	GK_TRY(journal__file_load(dir, JOURNAL_VKEY, &text, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	if (text.len > 0 && text.bytes[text.len - 1] == '\n') {
		text.bytes[--text.len] = '\0';
	}
	return note_vkey_parse(gk_buf_text(&text), ret, err);
}

/* Put the verifier key in the open; one that is there must be this one. */
static enum gk_rc
vkey_publish(int dir, const struct journal_keys *keys, struct gk_err *err)
{
	char line[NOTE_VKEY_BYTES + 1];
	struct note_vkey there = {.key_id = 0};
	bool found;
	int n;

	GK_TRY(journal__vkey_load(dir, &there, &found, err));
	if (found) {
		if (strcmp(there.origin, keys->vkey.origin) != 0 ||
		    !digest_equal(there.public_key, keys->vkey.public_key,
			SIGN_PUBLIC_BYTES)) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "the verifier key in " JOURNAL_VKEY
			    " is not that of keys/" JOURNAL_KEY_SIGNING);
		}
		return GK_OK;
	}
	n = snprintf(line, sizeof(line), "%s\n", keys->vkey_text);
	return journal__file_replace(
	    dir, JOURNAL_VKEY, line, (size_t)n, 0644, err);
}

static enum gk_rc
keys_read(int dir, const char *origin, bool make, struct journal_keys *ret,
    struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int keys = -1;

	if (!make && !journal__file_exists(dir, JOURNAL_KEYS)) {
		return missing(JOURNAL_KEY_SIGNING, err);
	}
	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, make, &keys, err));
	GK_TRY(signing_load(keys, origin, make, ret, err));
	GK_TRY(hmac_load(keys, make, ret->hmac, err));
	id_key_derive(ret->hmac, &ret->id);
	(void)note_vkey_print(&ret->vkey, ret->vkey_text);
	return vkey_publish(dir, ret, err);
}

enum gk_rc
journal__keys_load(int dir, const char *origin, bool make,
    struct journal_keys *ret, struct gk_err *err)
{
	enum gk_rc rc = keys_read(dir, origin, make, ret, err);

	if (rc != GK_OK) {
		journal__keys_wipe(ret);
	}
	return rc;
}

void
journal__keys_wipe(struct journal_keys *keys)
{
	digest_wipe(keys, sizeof(*keys));
}
