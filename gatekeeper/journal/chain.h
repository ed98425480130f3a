#ifndef GK_JOURNAL_CHAIN_H
#define GK_JOURNAL_CHAIN_H
/* Which signing key is valid at which size of a log: the keys that its own events name, one after another. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/sign.h"
#include "journal/note.h"
#include "model/event.h"

/*
 * The first key stands in genesis.  A key event at seq s hands over to the next:
 * it carries the new verifier key and the old key's signature over it.  The old
 * key signs checkpoints of at most s + 1 events, the new one of s + 1 and more;
 * the checkpoint of s + 1 events carries both signatures and is kept for ever.
 *
 * So who trusts any one key of the chain can follow it: to newer keys by the
 * handovers, to older ones because the tree that the trusted key signed contains
 * the events that name them.  What nobody can tell from the log alone: whether who
 * stole an old key has signed another log from before the handover on.  The new key,
 * a witness, or a kept checkpoint tells.
 *
 * Invariants: the links' origins are equal; from increases; links[0].from is 0.
 */
struct chain_link {
	struct note_vkey vkey;
	uint64_t from; /* the smallest size that it signs */
};

/* A zeroed one is empty.  chain_done() frees. */
struct chain {
	struct chain_link *links;
	size_t count, room;
};

void chain_done(struct chain *chain); /* for GK_AUTO */

/* The first key; the chain was empty. */
enum gk_rc chain_begin(struct chain *chain, const struct note_vkey *vkey,
    struct gk_err *err) GK_MUST_USE;

/* Does the event name a signing key?  genesis and key events may. */
bool chain_names(const struct event *event);

/*
 * Take the key that an event names, in the order of the log.  Genesis begins the chain.
 * Errors: GK_E_CORRUPT for a key that the one before didn't hand over to, for
 * another log's, and for one out of order.
 */
enum gk_rc chain_take(struct chain *chain, const struct event *event,
    struct gk_err *err) GK_MUST_USE;

/* The key that signs a log of that size; with *ret_before the one that ends there, or NULL. */
const struct chain_link *chain_at(const struct chain *chain, uint64_t size,
    const struct chain_link **ret_before);
/* Is that the key's text? */
bool chain_is_key(const struct note_vkey *vkey, const char *text);
const struct note_vkey *chain_newest(const struct chain *chain);
bool chain_has(const struct chain *chain, const struct note_vkey *vkey);

/*
 * Believe a checkpoint: signed by the key that is valid for its size; at a
 * handover by both.  Errors: as note_checkpoint_verify().
 */
enum gk_rc chain_verify(const struct chain *chain, const char *bytes, size_t n,
    struct note_checkpoint *ret, struct gk_err *err) GK_MUST_USE;

/* A checkpoint with the signatures of both keys: the old one's is the first. */
enum gk_rc chain_sign_both(const struct note_checkpoint *checkpoint,
    const struct note_vkey *old_vkey, const struct sign_key *old,
    const struct note_vkey *next_vkey, const struct sign_key *next,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#define CHAIN_HANDOVER_BYTES 96 /* base64 of a signature, and '\0' */

/* The old key hands over to the new one, by the event of that seq. */
enum gk_rc chain_handover(const struct sign_key *old,
    const struct note_vkey *next, uint64_t seq, char ret[CHAIN_HANDOVER_BYTES],
    struct gk_err *err) GK_MUST_USE;

#endif
