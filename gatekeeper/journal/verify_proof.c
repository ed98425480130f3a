/* One event by its proof: are these bytes in that log? */
#include <inttypes.h>
#include <stdio.h>

#include "journal/trust.h"
#include "journal/verify_internal.h"

enum { EVENT_ARENA_CAP = 8 << 20 };

/* Believe the proof's head, by a key or by a policy. */
static enum gk_rc
check_head(const struct journal_proof_options *options,
    const struct proof *proof, struct note_checkpoint *ret_head,
    bool *ret_unwitnessed, struct gk_err *err)
{
	GK_AUTO(trust_freep) struct trust *trust = NULL;
	const struct trust_log *log;
	struct note_vkey vkey;
	uint64_t cosigned;

	*ret_unwitnessed = false;
	if (options->trust == NULL) {
		GK_TRY(note_vkey_parse(options->vkey, &vkey, err));
		return note_checkpoint_verify(proof->checkpoint,
		    proof->checkpoint_n, &vkey, ret_head, err);
	}
	GK_TRY(trust_parse(options->trust, options->trust_n, &trust, err));
	GK_TRY(note_checkpoint_parse(
	    proof->checkpoint, proof->checkpoint_n, ret_head, err));
	log = trust_log_find(trust, ret_head->origin);
	if (log == NULL) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the policy believes no log that is called %.128s",
		    ret_head->origin);
	}
	GK_TRY(note_checkpoint_verify(
	    proof->checkpoint, proof->checkpoint_n, &log->vkey, ret_head, err));
	GK_TRY(journal__cosigned_by(
	    trust, proof->checkpoint, proof->checkpoint_n, &cosigned, err));
	*ret_unwitnessed = !trust_quorum(trust, cosigned);
	return GK_OK;
}

/* The event's own word on its place must be the proof's. */
static enum gk_rc
check_event(
    const struct proof *proof, const char *bytes, size_t n, struct gk_err *err)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(EVENT_ARENA_CAP);
	struct event event;
	enum gk_rc rc = event_decode(bytes, n, &arena, &event, err);

	if (rc != GK_OK) {
		gk_err_context(err, "not an event");
		return rc == GK_E_NOMEM ? rc : GK_E_INVALID;
	}
	if (event.seq != proof->index) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the proof is of event %" PRIu64
		    ", and this one says that it is %" PRIu64,
		    proof->index, event.seq);
	}
	return GK_OK;
}

enum gk_rc
journal_check_proof(const struct journal_proof_options *options,
    struct journal_proof_report *ret, struct gk_err *err)
{
	struct journal_proof_report report = {.seq = 0};
	struct note_checkpoint head;
	struct digest leaf;
	struct proof proof;

	GK_TRY(proof_parse(options->proof, options->proof_n, &proof, err));
	GK_TRY(check_head(options, &proof, &head, &report.unwitnessed, err));
	GK_TRY(check_event(&proof, options->event, options->event_n, err));
	merkle_leaf(options->event, options->event_n, &leaf);
	if (!proof_check(&proof, &head, &leaf)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the proof doesn't lead from these bytes to the signed "
		    "root: they aren't event %" PRIu64 " of that log",
		    proof.index);
	}
	report.seq = proof.index;
	report.size = head.size;
	(void)snprintf(report.origin, sizeof(report.origin), "%s", head.origin);
	*ret = report;
	return GK_OK;
}
