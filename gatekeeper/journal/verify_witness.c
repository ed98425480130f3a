/*
 * Verification, the witnesses' part: up to where did others see the log grow?
 *
 * Each stored cosignature must verify, over a stored checkpoint of the log that has the
 * root of what is there.  What counts is another matter: only keys that the caller
 * believes (a policy of trust) prove something against who can write the folder.
 *
 * A checkpoint that the caller holds, from a witness or from an earlier day, is met on
 * the way as the published one is: that is how a history that was signed anew is found.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/cosign.h"
#include "journal/trust.h"
#include "journal/verify_internal.h"

enum { WHERE_BYTES = 48 };

/* One cosigned checkpoint. */
struct seen {
	struct verify *v;
	char where[WHERE_BYTES];
	struct gk_buf note;
	size_t text_n;
	uint64_t cosigned; /* a bit for each witness of the policy */
	size_t count;      /* whoever they are */
};

static uint64_t
bit_of(const struct trust *trust, const struct note_vkey *vkey)
{
	for (size_t i = 0; i < trust_witness_count(trust); i++) {
		const struct note_vkey *known =
		    &trust_witness_at(trust, i)->vkey;

		if (known->key_id == vkey->key_id &&
		    strcmp(known->origin, vkey->origin) == 0 &&
		    digest_equal(known->public_key, vkey->public_key,
			SIGN_PUBLIC_BYTES)) {
			return UINT64_C(1) << i;
		}
	}
	return 0;
}

static enum gk_rc
see_line(void *ctx, const struct journal_cosignature *cosignature,
    struct gk_err *err)
{
	struct seen *seen = ctx;
	const struct trust *trust = seen->v->options->trust;
	struct cosign_found found = {.found = false};
	struct note_vkey vkey;
	struct gk_err why = {.rc = GK_OK};

	if (cosign_vkey_parse(cosignature->witness, &vkey, &why) != GK_OK ||
	    cosign_find(seen->note.bytes, seen->text_n, cosignature->line,
		cosignature->line_n, &vkey, &found, &why) != GK_OK) {
		return journal__verify_fault(
		    seen->v, err, seen->where, "%s: it was changed", why.text);
	}
	if (!found.found || found.line_n != cosignature->line_n ||
	    found.time_s != cosignature->time_s) {
		return journal__verify_fault(seen->v, err, seen->where,
		    "it isn't the line of the witness that it is said to be "
		    "of");
	}
	seen->count++;
	if (trust != NULL) {
		seen->cosigned |= bit_of(trust, &vkey);
	}
	return GK_OK;
}

/* The checkpoint must be there, the log's own, and about what is there. */
static enum gk_rc
see_checkpoint(struct seen *seen, uint64_t size, struct gk_err *err)
{
	struct verify *v = seen->v;
	struct note_checkpoint checkpoint;
	struct gk_err why = {.rc = GK_OK};
	struct digest root;
	uint64_t stored = 0;
	bool found;

	GK_TRY(journal__read_checkpoint(
	    v->reader, size, &stored, &seen->note, &found, err));
	if (!found || stored != size) {
		return journal__verify_fault(v, err, seen->where,
		    "the checkpoint that was cosigned is missing");
	}
	if (chain_verify(&v->chain, seen->note.bytes, seen->note.len,
		&checkpoint, &why) != GK_OK) {
		return journal__verify_fault(
		    v, err, seen->where, "%s", why.text);
	}
	GK_TRY(journal_prove_root(v->reader, size, &root, err));
	if (checkpoint.size != size ||
	    !digest_equal(root.bytes, checkpoint.root.bytes, DIGEST_BYTES)) {
		return journal__verify_fault(v, err, seen->where,
		    "the events below don't have the root that was cosigned");
	}
	seen->text_n = note_text_bytes(seen->note.bytes, seen->note.len);
	return GK_OK;
}

/* Is what was seen enough? */
static bool
is_witnessed(const struct seen *seen)
{
	const struct trust *trust = seen->v->options->trust;

	if (trust == NULL) {
		return seen->count > 0;
	}
	return seen->cosigned != 0 && trust_quorum(trust, seen->cosigned);
}

enum gk_rc
journal__verify_witnesses(struct verify *v, struct gk_err *err)
{
	struct seen seen = {.v = v, .note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX)};
	uint64_t size = 0;
	enum gk_rc rc;
	bool more;

	rc = journal__next_cosigned(v->reader, 0, &more, &size, err);
	while (rc == GK_OK && more && size <= v->size) {
		seen.cosigned = 0;
		seen.count = 0;
		gk_buf_clear(&seen.note);
		(void)snprintf(seen.where, sizeof(seen.where),
		    "cosignature %" PRIu64, size);
		rc = see_checkpoint(&seen, size, err);
		if (rc == GK_OK) {
			rc = journal_each_cosignature(
			    v->reader, size, size, see_line, &seen, err);
		}
		if (rc == GK_OK && is_witnessed(&seen)) {
			v->report->witnessed_size = size;
		}
		if (rc == GK_OK) {
			rc = journal__next_cosigned(
			    v->reader, size + 1, &more, &size, err);
		}
	}
	gk_buf_done(&seen.note);
	return rc;
}

enum gk_rc
journal__cosigned_by(const struct trust *trust, const char *note, size_t n,
    uint64_t *ret_cosigned, struct gk_err *err)
{
	size_t text_n = note_text_bytes(note, n);

	*ret_cosigned = 0;
	for (size_t i = 0; i < trust_witness_count(trust); i++) {
		const struct trust_witness *witness =
		    trust_witness_at(trust, i);
		struct cosign_found found;
		enum gk_rc rc = cosign_find(note, text_n, note + text_n + 1,
		    n - text_n - 1, &witness->vkey, &found, err);

		if (rc != GK_OK) {
			gk_err_context(
			    err, "the cosignature of %.64s", witness->name);
			return rc;
		}
		*ret_cosigned |= found.found ? UINT64_C(1) << i : 0;
	}
	return GK_OK;
}

enum gk_rc
journal__verify_cosigned(
    struct verify *v, const char *note, size_t n, struct gk_err *err)
{
	const struct trust *trust = v->options->trust;
	struct gk_err why = {.rc = GK_OK};
	uint64_t cosigned;
	enum gk_rc rc;

	if (trust == NULL) {
		return GK_OK;
	}
	rc = journal__cosigned_by(trust, note, n, &cosigned, &why);
	if (rc == GK_E_CORRUPT) {
		return journal__verify_fault(
		    v, err, "checkpoint", "%s", why.text);
	}
	if (rc != GK_OK) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	if (cosigned != 0 && trust_quorum(trust, cosigned)) {
		v->report->witnessed_size = v->size;
	}
	return GK_OK;
}

/*
 * The checkpoint that the caller holds.
 */

enum gk_rc
journal__verify_held(struct verify *v, struct gk_err *err)
{
	const struct journal_verify_options *options = v->options;
	struct note_checkpoint checkpoint;
	struct gk_err why = {.rc = GK_OK};

	if (options->held == NULL) {
		return GK_OK;
	}
	if (chain_verify(&v->chain, options->held, options->held_n, &checkpoint,
		&why) != GK_OK) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the checkpoint that you hold: %s", why.text);
	}
	v->held = (struct verify_mark){true, checkpoint.size, checkpoint.root};
	return GK_OK;
}

enum gk_rc
journal__verify_held_extent(struct verify *v, uint64_t size, struct gk_err *err)
{
	if (v->held.has && v->held.size > size) {
		return journal__verify_fault(v, err, "the checkpoint you hold",
		    "it is about %" PRIu64 " events, and the log has %" PRIu64
		    ": the log was rolled back",
		    v->held.size, size);
	}
	return GK_OK;
}
