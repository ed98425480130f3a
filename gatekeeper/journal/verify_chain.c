/* Verification, the signing keys' part: which keys the log's own events name. */
#include <inttypes.h>
#include <string.h>

#include "journal/verify_internal.h"

/* An event whose body was let go is met here: its copy must have its leaf's hash. */
static enum gk_rc
meet_gone_key(
    void *ctx, uint64_t seq, const char *bytes, size_t n, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct verify *v = ctx;
	struct digest leaf, root;
	bool found;

	GK_TRY(journal_read(v->reader, seq, &body, &leaf, &found, err));
	if (found) {
		return GK_OK;
	}
	GK_TRY(journal__read_tile(
	    v->reader, 0, seq / TILE_WIDTH, &root, v->tile, &found, err));
	merkle_leaf(bytes, n, &leaf);
	if (!found ||
	    !digest_equal(leaf.bytes,
		v->tile + (seq % TILE_WIDTH) * DIGEST_BYTES, DIGEST_BYTES)) {
		return journal__verify_fault(v, err, "signing keys",
		    "the event of seq %" PRIu64
		    " is gone, and its copy isn't what the log has there",
		    seq);
	}
	v->keys_met++;
	return GK_OK;
}

enum gk_rc
journal__verify_chain(struct verify *v, struct gk_err *err)
{
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc = journal__chain_load(v->reader, &v->chain, &why);

	if (rc == GK_E_CORRUPT) {
		return journal__verify_fault(
		    v, err, "signing keys", "%s", why.text);
	}
	if (rc != GK_OK) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	if (v->chain.count == 0) {
		return chain_begin(&v->chain, &v->vkey, err);
	}
	GK_TRY(journal__each_signing_key(v->reader, meet_gone_key, v, err));
	if (!chain_has(&v->chain, &v->vkey)) {
		return journal__verify_fault(v, err, "seq 0",
		    "genesis names another verifier key than the one that "
		    "verifies, and no key event names it");
	}
	return GK_OK;
}

/* ---- a log that comes as files ---- */

/* Call each with every line of signing-keys. */
static enum gk_rc
each_line(struct verify *v,
    enum gk_rc (*each)(struct verify *v, const char *line, size_t n, void *ctx,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	const char *at = gk_buf_text(&v->keys), *end = at + v->keys.len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (stop == NULL) {
			return journal__verify_fault(v, err,
			    JOURNAL_SIGNING_KEYS, "its last line was cut off");
		}
		GK_TRY(each(v, at, (size_t)(stop - at), ctx, err));
		at = stop + 1;
	}
	return GK_OK;
}

static enum gk_rc
take_line(
    struct verify *v, const char *line, size_t n, void *ctx, struct gk_err *err)
{
	struct gk_err why = {.rc = GK_OK};
	struct event event;
	enum gk_rc rc;

	gk_arena_clear(&v->arena);
	rc = event_decode(line, n, &v->arena, &event, &why);
	if (rc == GK_OK && event.seq >= *(const uint64_t *)ctx) {
		return GK_OK; /* newer than the checkpoint */
	}
	if (rc == GK_OK && !chain_names(&event)) {
		rc = GK_FAIL(&why, GK_E_CORRUPT,
		    "seq %" PRIu64 " names no signing key", event.seq);
	}
	if (rc == GK_OK) {
		rc = chain_take(&v->chain, &event, &why);
	}
	if (rc == GK_E_NOMEM) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	return rc == GK_OK ? GK_OK
			   : journal__verify_fault(
				 v, err, JOURNAL_SIGNING_KEYS, "%s", why.text);
}

enum gk_rc
journal__verify_files_chain(struct verify *v, uint64_t size, struct gk_err *err)
{
	bool found;

	GK_TRY(journal__files_load(
	    v, JOURNAL_SIGNING_KEYS, &v->keys, &found, err));
	GK_TRY(each_line(v, take_line, &size, err));
	if (v->chain.count == 0) {
		gk_buf_clear(&v->keys);
		return chain_begin(&v->chain, &v->vkey, err);
	}
	if (!chain_has(&v->chain, &v->vkey)) {
		return journal__verify_fault(v, err, JOURNAL_SIGNING_KEYS,
		    "the key that verifies isn't among the log's keys");
	}
	return GK_OK;
}

struct gone_tile {
	uint64_t from;
	const uint8_t *hashes;
};

static enum gk_rc
meet_gone_line(
    struct verify *v, const char *line, size_t n, void *ctx, struct gk_err *err)
{
	const struct gone_tile *tile = ctx;
	struct digest leaf;
	struct event event;

	gk_arena_clear(&v->arena);
	GK_TRY(event_decode(line, n, &v->arena, &event, err));
	if (event.seq < tile->from || event.seq >= tile->from + TILE_WIDTH) {
		return GK_OK;
	}
	merkle_leaf(line, n, &leaf);
	if (!digest_equal(leaf.bytes,
		tile->hashes + (event.seq - tile->from) * DIGEST_BYTES,
		DIGEST_BYTES)) {
		return journal__verify_fault(v, err, JOURNAL_SIGNING_KEYS,
		    "seq %" PRIu64
		    " was let go, and its copy isn't what the log has there",
		    event.seq);
	}
	v->keys_met++;
	return GK_OK;
}

enum gk_rc
journal__verify_gone_keys(
    struct verify *v, uint64_t from, const uint8_t *hashes, struct gk_err *err)
{
	struct gone_tile tile = {from, hashes};

	return each_line(v, meet_gone_line, &tile, err);
}
