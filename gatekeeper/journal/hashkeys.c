/*
 * The keys of keyed hashes, and the key of ids.
 *
 * keys/hmac.key, then keys/hmac-2.key, keys/hmac-3.key …: 64 lower-case hex digits
 * each, and 8 that check them, 0600.  The check is over the file's name too, so that
 * neither a changed digit nor one key in another's place goes unnoticed: under
 * either, new hashes would silently differ from the old ones of the same value.  A file is on stable storage before the event that makes it the
 * current one; one without an event is the trace of a rotation that never
 * happened, and the next rotation replaces it.
 *
 * Ids carry a MAC under a key that is derived from the first hash key.  They
 * must be found again for ever, so when a second hash key is made, the derived key
 * gets a file of its own (keys/id.key, 32 hex digits and 8): then the first may go.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/journal_internal.h"

enum { NAME_BYTES = 40, CHECK_BYTES = 4 };

static void
name_of(int64_t id, char ret[NAME_BYTES])
{
	(void)(id == 1 ? snprintf(ret, NAME_BYTES, JOURNAL_KEY_HMAC)
		       : snprintf(ret, NAME_BYTES, "hmac-%" PRId64 ".key", id));
}

/* What the digits behind a key's own must be. */
static void
check_of(
    const char *name, const uint8_t *bytes, size_t n, uint8_t ret[CHECK_BYTES])
{
	static const char label[] =
	    "gatekeeper/key-check/v1"; /* with its 0x00 */
	const struct digest_part parts[] = {
	    {label, sizeof(label)}, {name, strlen(name) + 1}, {bytes, n}};
	struct digest digest;

	digest_sha256(parts, GK_COUNT(parts), &digest);
	memcpy(ret, digest.bytes, CHECK_BYTES);
	digest_wipe(&digest, sizeof(digest));
}

static enum gk_rc
hex_read(const char *text, const char *name, uint8_t *ret, size_t n,
    struct gk_err *err)
{
	uint8_t bytes[JOURNAL_HASH_KEY_BYTES + CHECK_BYTES];
	uint8_t check[CHECK_BYTES];
	size_t got = 0;
	enum gk_rc rc = GK_OK;

	if (!digest_from_hex(text, bytes, sizeof(bytes), &got) ||
	    got != n + CHECK_BYTES) {
		rc = GK_FAIL(err, GK_E_CORRUPT,
		    "keys/%s is not %zu hex digits and %d that check them",
		    name, 2 * n, 2 * CHECK_BYTES);
	} else {
		check_of(name, bytes, n, check);
		if (!digest_equal(check, bytes + n, CHECK_BYTES)) {
			rc = GK_FAIL(err, GK_E_CORRUPT,
			    "keys/%s was changed, or is another key's file: "
			    "its check digits aren't those of its key.  Put "
			    "the key back from where it is kept",
			    name);
		} else {
			memcpy(ret, bytes, n);
		}
	}
	digest_wipe(bytes, sizeof(bytes));
	return rc;
}

static enum gk_rc
hex_load(int keys, const char *name, uint8_t *ret, size_t n, bool *ret_found,
    struct gk_err *err)
{
	GK_AUTO(journal__secret_done) struct secret text = {0};

	GK_TRY(journal__secret_init(&text, err));
	GK_TRY(journal__secret_load(keys, name, &text, ret_found, err));
	return *ret_found ? hex_read(gk_buf_text(&text.buf), name, ret, n, err)
			  : GK_OK;
}

static enum gk_rc
hex_create(int keys, const char *name, const uint8_t *bytes, size_t n,
    struct gk_err *err)
{
	char hex[2 * (JOURNAL_HASH_KEY_BYTES + CHECK_BYTES) + 2];
	uint8_t check[CHECK_BYTES];
	size_t length;
	enum gk_rc rc;

	check_of(name, bytes, n, check);
	length = digest_hex(bytes, n, hex);
	length += digest_hex(check, sizeof(check), hex + length);
	hex[length++] = '\n';
	rc = journal__file_create(keys, name, hex, length, 0600, err);
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
