/*
 * The keys of keyed hashes, and the key of ids.
 *
 * keys/hmac.key, then keys/hmac-2.key, keys/hmac-3.key …: 64 lower-case hex digits
 * each, 0600.  A file is on stable storage before the event that makes it the
 * current one; one without an event is the trace of a rotation that never
 * happened, and the next rotation replaces it.
 *
 * Ids carry a MAC under a key that is derived from the first hash key.  They
 * must be found again for ever, so when a second hash key is made, the derived key
 * gets a file of its own (keys/id.key, 32 hex digits): then the first may go.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/journal_internal.h"

enum { NAME_BYTES = 40 };

static void
name_of(int64_t id, char ret[NAME_BYTES])
{
	(void)(id == 1 ? snprintf(ret, NAME_BYTES, JOURNAL_KEY_HMAC)
		       : snprintf(ret, NAME_BYTES, "hmac-%" PRId64 ".key", id));
}

static enum gk_rc
hex_load(int keys, const char *name, uint8_t *ret, size_t n, bool *ret_found,
    struct gk_err *err)
{
	GK_AUTO(journal__secret_done) struct secret text = {0};
	size_t got = 0;

	GK_TRY(journal__secret_init(&text, err));
	GK_TRY(journal__secret_load(keys, name, &text, ret_found, err));
	if (*ret_found &&
	    (!digest_from_hex(gk_buf_text(&text.buf), ret, n, &got) ||
		got != n)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/%s is not %zu hex digits", name, 2 * n);
	}
	return GK_OK;
}

static enum gk_rc
hex_create(int keys, const char *name, const uint8_t *bytes, size_t n,
    struct gk_err *err)
{
	char hex[2 * JOURNAL_HASH_KEY_BYTES + 1];
	enum gk_rc rc;

	(void)digest_hex(bytes, n, hex);
	hex[2 * n] = '\n';
	rc = journal__file_create(keys, name, hex, 2 * n + 1, 0600, err);
	digest_wipe(hex, sizeof(hex));
	return rc;
}

static enum gk_rc
make_at(int keys, int64_t id, uint8_t ret[JOURNAL_HASH_KEY_BYTES],
    struct gk_err *err)
{
	char name[NAME_BYTES];

	name_of(id, name);
	digest_random(ret, JOURNAL_HASH_KEY_BYTES);
	return hex_create(keys, name, ret, JOURNAL_HASH_KEY_BYTES, err);
}

enum gk_rc
journal__hash_key_load(int dir, int64_t id, uint8_t ret[JOURNAL_HASH_KEY_BYTES],
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int keys = -1;
	char name[NAME_BYTES];

	name_of(id, name);
	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &keys, err));
	return hex_load(
	    keys, name, ret, JOURNAL_HASH_KEY_BYTES, ret_found, err);
}

enum gk_rc
journal__hash_key_make(int dir, int64_t id, uint8_t ret[JOURNAL_HASH_KEY_BYTES],
    struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int keys = -1;
	char name[NAME_BYTES];

	name_of(id, name);
	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &keys, err));
	GK_TRY(journal__secret_destroy(keys, name, err));
	return make_at(keys, id, ret, err);
}

enum gk_rc
journal__hash_key_destroy(int dir, int64_t id, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int keys = -1;
	char name[NAME_BYTES];

	name_of(id, name);
	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &keys, err));
	return journal__secret_destroy(keys, name, err);
}

/* Ids are MACed under a key of their own. */
static void
id_key_derive(const uint8_t hmac[JOURNAL_HASH_KEY_BYTES], struct id_key *ret)
{
	static const char label[] = "gatekeeper/id/v1"; /* with its 0x00 */
	const struct digest_part part = {label, sizeof(label)};
	struct digest digest;

	digest_hmac(hmac, &part, 1, &digest);
	memcpy(ret->bytes, digest.bytes, sizeof(ret->bytes));
	digest_wipe(&digest, sizeof(digest));
}

enum gk_rc
journal__id_key_load(
    int keys, bool make, struct id_key *ret, struct gk_err *err)
{
	uint8_t hmac[JOURNAL_HASH_KEY_BYTES];
	bool found;

	GK_TRY(hex_load(
	    keys, JOURNAL_KEY_ID, ret->bytes, sizeof(ret->bytes), &found, err));
	if (found) {
		return GK_OK;
	}
	GK_TRY(
	    hex_load(keys, JOURNAL_KEY_HMAC, hmac, sizeof(hmac), &found, err));
	if (!found && !make) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "keys/" JOURNAL_KEY_HMAC
		    " is missing, and the journal is there: put the key back "
		    "from where it is kept");
	}
	if (!found) {
		GK_TRY(make_at(keys, 1, hmac, err));
	}
	id_key_derive(hmac, ret);
	digest_wipe(hmac, sizeof(hmac));
	return GK_OK;
}

enum gk_rc
journal__id_key_keep(int dir, const struct id_key *id, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int keys = -1;

	GK_TRY(journal__dir_open(dir, JOURNAL_KEYS, false, &keys, err));
	if (journal__file_exists(keys, JOURNAL_KEY_ID)) {
		return GK_OK;
	}
	return hex_create(
	    keys, JOURNAL_KEY_ID, id->bytes, sizeof(id->bytes), err);
}
