#ifndef GK_JOURNAL_PROOF_H
#define GK_JOURNAL_PROOF_H
/* C2SP tlog-proof: one event's inclusion under a signed checkpoint, as a text of its own. */

#include <stdint.h>

#include "base/buf.h"
#include "journal/merkle.h"
#include "journal/note.h"

#define PROOF_BYTES_MAX 65536 /* of its text */

struct proof {
	uint64_t index; /* of the event */
	struct merkle_proof path;
	const char *checkpoint; /* the signed note, as it was given; borrowed */
	size_t checkpoint_n;
};

/* Append the text.  Errors: GK_E_LIMIT (buf's cap), GK_E_NOMEM. */
enum gk_rc proof_print(const struct proof *proof, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/*
 * Read a proof, without believing it: the checkpoint is only known to be there.
 * Extra data is read for its form and passed over.  What ret points to lies in
 * bytes.  Errors: GK_E_INVALID (err->where is the line), GK_E_LIMIT.
 */
enum gk_rc proof_parse(const char *bytes, size_t n, struct proof *ret,
    struct gk_err *err) GK_MUST_USE;

/*
 * Does it lead from that leaf to the root of a checkpoint?  checkpoint is the one
 * that proof carries, believed by the caller's rule.
 */
bool proof_check(const struct proof *proof,
    const struct note_checkpoint *checkpoint, const struct digest *leaf);

/*
 * Does a tlog-proof show that these bytes are an event of the log?  The key, or a C2SP
 * tlog-policy file, says whose log.  Errors, with the reason: GK_E_INVALID and
 * GK_E_LIMIT (not a key, a policy, a proof, an event), GK_E_CORRUPT (it doesn't prove
 * that), GK_E_NOMEM.
 */
struct journal_proof_options {
	const char *vkey; /* NULL: trust decides */
	const char *trust;
	size_t trust_n;
	const char *proof;
	size_t proof_n;
	const char *event; /* its bytes */
	size_t event_n;
};
struct journal_proof_report {
	uint64_t seq;     /* of the event */
	uint64_t size;    /* of the log under the proof's head */
	bool unwitnessed; /* the head lacks the policy's quorum */
	char origin[160];
};
enum gk_rc journal_check_proof(const struct journal_proof_options *options,
    struct journal_proof_report *ret, struct gk_err *err) GK_MUST_USE;

#endif
