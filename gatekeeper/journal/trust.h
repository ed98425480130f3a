#ifndef GK_JOURNAL_TRUST_H
#define GK_JOURNAL_TRUST_H
/* C2SP tlog-policy: which logs are believed, which witnesses are known, and how many of them must have cosigned. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/note.h"

#define TRUST_BYTES_MAX     (64u << 10)
#define TRUST_LOGS_MAX      64
#define TRUST_WITNESSES_MAX 64
#define TRUST_GROUPS_MAX    64
#define TRUST_NAME_MAX      128 /* bytes */
#define TRUST_URL_MAX       1024

struct trust_log {
	struct note_vkey vkey;
	const char *url; /* NULL: none */
};

struct trust_witness {
	const char *name;      /* in this file only */
	struct note_vkey vkey; /* as cosign_vkey_parse() */
	const char *url;       /* submission prefix; NULL: none */
};

/*
 * A policy that was read; ended with trust_free().  Invariants:
 * 1. Names of witnesses and groups are unique, and so are public keys of logs and
 *    of witnesses.
 * 2. Each name is a member of at most one group, and groups only have members that
 *    were defined before them: so the groups are a forest.
 */
struct trust;

/*
 * Read a policy file's bytes.  Strict, as the specification has it.
 * Errors: GK_E_INVALID with err->where "line N", GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc trust_parse(const char *bytes, size_t n, struct trust **ret,
    struct gk_err *err) GK_MUST_USE;
/* The same of a file; err->where begins with its name.  GK_E_IO besides. */
enum gk_rc trust_load(
    const char *path, struct trust **ret, struct gk_err *err) GK_MUST_USE;
void trust_free(struct trust *trust); /* NULL is fine */
void trust_freep(struct trust **trust);

size_t trust_log_count(const struct trust *trust);
const struct trust_log *trust_log_at(const struct trust *trust, size_t i);
/* The log of that origin; NULL: none is believed. */
const struct trust_log *trust_log_find(
    const struct trust *trust, const char *origin);

size_t trust_witness_count(const struct trust *trust);
const struct trust_witness *trust_witness_at(
    const struct trust *trust, size_t i);

/* Does the policy ask for no cosignature at all ("quorum none")? */
bool trust_asks_none(const struct trust *trust);

/* Is the quorum reached, where cosigned has bit i set for witness i? */
bool trust_quorum(const struct trust *trust, uint64_t cosigned);

#endif
