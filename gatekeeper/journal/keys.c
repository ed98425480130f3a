/*
 * The journal's keys.
 *
 * keys/signing.key holds one line in the form of Go's sumdb/note,
 * "PRIVATE+KEY+origin+hex8+base64(0x01 ‖ seed)": so the origin is settled by the
 * key and by nothing else.  It is 0600; a key that others may read is refused, for
 * who reads it can sign.  The verifier key lies beside it in the open, in `vkey`.
 * Hash keys: hashkeys.c.
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

enum { ORIGIN_RANDOM = 8 };

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

enum gk_rc
journal__signing_make(
    int folder, const char *name, const char *origin, struct gk_err *err)
{
	GK_AUTO(journal__secret_done) struct secret text = {0};
	char log[NOTE_ORIGIN_MAX + 1];
	uint8_t seed[SIGN_SEED_BYTES];
	struct sign_key pair;
	struct note_vkey vkey;
	enum gk_rc rc;

	GK_TRY(journal__secret_init(&text, err));
	GK_TRY(origin_make(origin, log, err));
	digest_random(seed, sizeof(seed));
	sign_key_from_seed(seed, &pair);
	rc = note_vkey_make(log, pair.public_key, &vkey, err);
	if (rc == GK_OK) {
		rc = signing_print(&vkey, seed, &text.buf, err);
	}
	digest_wipe(seed, sizeof(seed));
	digest_wipe(&pair, sizeof(pair));
	GK_TRY(rc);
	return journal__file_create(
	    folder, name, text.buf.bytes, text.buf.len, 0600, err);
}

static enum gk_rc
missing(const char *name, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_CORRUPT,
	    "keys/%s is missing, and the journal is there: put the key back "
	    "from where it is kept",
	    name);
}

enum gk_rc
journal__signing_read(int keys, const char *name, struct signing_key *ret,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__secret_done) struct secret text = {0};

	GK_TRY(journal__secret_init(&text, err));
	GK_TRY(journal__secret_load(keys, name, &text, ret_found, err));
	if (*ret_found && journal__secret_is_overwritten(&text)) {
		*ret_found = false; /* a rotation was cut off */
	}
	if (*ret_found && note_skey_parse(gk_buf_text(&text.buf), &ret->vkey,
			      &ret->sign, NULL) != GK_OK) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "keys/%s is not a signing key", name);
	}
	return GK_OK;
}

/* The key, the next one, or both: after a rotation that a killed process began. */
static enum gk_rc
signing_load(int keys, const char *origin, bool make, struct journal_keys *ret,
    struct gk_err *err)
{
	struct signing_key key = {.vkey = {.key_id = 0}};
	bool found;

	GK_TRY(journal__signing_read(
	    keys, JOURNAL_KEY_SIGNING, &key, &found, err));
	GK_TRY(journal__signing_read(
	    keys, JOURNAL_KEY_NEXT, &ret->next, &ret->has_next, err));
	if (!found && !ret->has_next && !make) {
		return missing(JOURNAL_KEY_SIGNING, err);
	}
	if (!found && !ret->has_next) {
		GK_TRY(journal__signing_make(
		    keys, JOURNAL_KEY_SIGNING, origin, err));
		GK_TRY(journal__signing_read(
		    keys, JOURNAL_KEY_SIGNING, &key, &found, err));
	}
	if (!found) {
		key = ret->next;
	}
	ret->vkey = key.vkey;
	ret->sign = key.sign;
	digest_wipe(&key, sizeof(key));
	if (origin != NULL && strcmp(origin, ret->vkey.origin) != 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the journal's origin is %s, and the configuration says %s",
		    ret->vkey.origin, origin);
	}
	return GK_OK;
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

static bool
same_key(const struct note_vkey *a, const struct note_vkey *b)
{
	return strcmp(a->origin, b->origin) == 0 &&
	       digest_equal(a->public_key, b->public_key, SIGN_PUBLIC_BYTES);
}

static enum gk_rc
vkey_write(int dir, const struct journal_keys *keys, struct gk_err *err)
{
	char line[NOTE_VKEY_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s\n", keys->vkey_text);

	return journal__file_replace(
	    dir, JOURNAL_VKEY, line, (size_t)n, 0644, err);
}

/* Put the verifier key in the open; one that is there must be this one, or one before it. */
static enum gk_rc
vkey_publish(int dir, const struct journal_keys *keys,
    const struct chain *chain, struct gk_err *err)
{
	struct note_vkey there = {.key_id = 0};
	bool found;

	GK_TRY(journal__vkey_load(dir, &there, &found, err));
	if (found && same_key(&there, &keys->vkey)) {
		return GK_OK;
	}
	if (found && !chain_has(chain, &there)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the verifier key in " JOURNAL_VKEY
		    " is not that of keys/" JOURNAL_KEY_SIGNING);
	}
	return vkey_write(dir, keys, err);
}

void
journal__keys_switch(struct journal_keys *keys)
{
	GK_ASSERT(keys->has_next);
	keys->vkey = keys->next.vkey;
	keys->sign = keys->next.sign;
	keys->has_next = false;
	digest_wipe(&keys->next, sizeof(keys->next));
	(void)note_vkey_print(&keys->vkey, keys->vkey_text);
}

enum gk_rc
journal__keys_finish(
    int dir, const struct journal_keys *keys, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int folder = -1;

	if (keys->apart) {
		return vkey_write(dir, keys, err);
	}
	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &folder, err));
	GK_TRY(journal__secret_destroy(folder, JOURNAL_KEY_SIGNING, err));
	GK_TRY(journal__file_rename(
	    folder, JOURNAL_KEY_NEXT, JOURNAL_KEY_SIGNING, err));
	return vkey_write(dir, keys, err);
}

/* What signing-next.key means: the log says whether the rotation happened. */
static enum gk_rc
next_settle(int dir, struct journal_keys *keys, const struct note_vkey *newest,
    struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int folder = -1;

	if (keys->has_next && newest != NULL &&
	    same_key(&keys->next.vkey, newest)) {
		journal__keys_switch(keys);
		return journal__keys_finish(dir, keys, err);
	}
	if (keys->has_next && same_key(&keys->vkey, &keys->next.vkey)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/" JOURNAL_KEY_SIGNING " is missing, and the journal "
		    "is there: put the key back from where it is kept");
	}
	if (keys->has_next) {
		GK_TRY(
		    journal__dir_open(dir, JOURNAL_KEYS, false, &folder, err));
		GK_TRY(journal__secret_destroy(folder, JOURNAL_KEY_NEXT, err));
		keys->has_next = false;
	}
	return GK_OK;
}

enum gk_rc
journal__keys_settle(int dir, struct journal_keys *keys,
    const struct chain *chain, struct gk_err *err)
{
	const struct note_vkey *newest =
	    chain->count == 0 ? NULL : chain_newest(chain);

	GK_TRY(keys->apart ? GK_OK : next_settle(dir, keys, newest, err));
	if (newest != NULL && !same_key(&keys->vkey, newest)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/" JOURNAL_KEY_SIGNING
		    " is not the key that the log is signed with: put the key "
		    "back from where it is kept");
	}
	return vkey_publish(dir, keys, chain, err);
}

enum gk_rc
journal__keys_next(int dir, struct journal_keys *keys, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int folder = -1;

	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &folder, err));
	GK_TRY(journal__secret_destroy(folder, JOURNAL_KEY_NEXT, err));
	GK_TRY(journal__signing_make(
	    folder, JOURNAL_KEY_NEXT, keys->vkey.origin, err));
	return journal__signing_read(
	    folder, JOURNAL_KEY_NEXT, &keys->next, &keys->has_next, err);
}

/* The signer has it, and nobody else may: one that lies here is a copy of the only secret. */
static enum gk_rc
check_apart(int keys, struct gk_err *err)
{
	if (journal__file_exists(keys, JOURNAL_KEY_SIGNING)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a signer is configured, and keys/" JOURNAL_KEY_SIGNING
		    " lies in the data directory: move it to the signer's");
	}
	return GK_OK;
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
	GK_TRY(ret->apart ? check_apart(keys, err)
			  : signing_load(keys, origin, make, ret, err));
	GK_TRY(journal__id_key_load(keys, make, &ret->id, err));
	(void)note_vkey_print(&ret->vkey, ret->vkey_text);
	return GK_OK;
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
