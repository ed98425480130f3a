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
