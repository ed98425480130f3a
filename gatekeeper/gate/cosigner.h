#ifndef GK_GATE_COSIGNER_H
#define GK_GATE_COSIGNER_H
/* The verbs of a witness: a process of its own, beside other people's logs, without a gate. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "gate/gate.h"

struct gate_cosigner;

struct gate_cosigner_options {
	const char *dir;  /* its key and what it has cosigned */
	const char *name; /* NULL: a unique one when the key is made */
	/* Which logs: a C2SP tlog-policy file, or verifier keys; one of the two. */
	const char *logs_file; /* NULL: none */
	const char *const *vkeys;
	size_t vkey_count;
	bool key_only; /* make the key and watch nothing */
};

/* Errors: as trust_load() and witness_open(). */
enum gk_rc gate_cosigner_open(const struct gate_cosigner_options *options,
    struct gate_cosigner **ret, struct gk_err *err) GK_MUST_USE;
void gate_cosigner_close(struct gate_cosigner *cosigner); /* NULL is fine */

const char *gate_cosigner_vkey(const struct gate_cosigner *cosigner);
size_t gate_cosigner_logs(const struct gate_cosigner *cosigner);

/*
 * Judge one add-checkpoint request; waits for the disk, one at a time.  GATE_OK: the
 * signature line is appended to answer; GATE_CONFLICT: the size that is known and a
 * newline.  For all but GATE_OK why tells it in words.
 */
enum gate_outcome gate_cosigner_add(struct gate_cosigner *cosigner,
    const char *bytes, size_t n, struct gk_buf *answer, struct gk_err *why);

#endif
