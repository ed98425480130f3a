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

#endif
