#ifndef GK_JOURNAL_SIGNER_STATE_H
#define GK_JOURNAL_SIGNER_STATE_H
/* What a signer remembers: the last head that was committed, and at most one that is on its way. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "journal/merkle.h"

#define SIGNER_STATE_MAX 8192 /* bytes of its text */

/*
 * Invariants: pending is an extension of acked; where next is set, the key with
 * next_id signs from pending on, and becomes the key when pending is committed.
 */
struct signer_state {
	uint32_t key_id;
	bool has_acked; /* false: nothing was ever said */
	struct merkle_frontier acked;
	bool has_pending;
	struct merkle_frontier pending;
	bool next; /* pending has passed a handover */
	uint32_t next_id;
};

/*
 * Three lines of text:
 *   gatekeeper signer 1 <key id>
 *   acked <size> <peaks>
 *   pending <size> <peaks> <key id>
 * the last only when there is one; peaks are base64, "-" for none.
 */
enum gk_rc signer_state_print(const struct signer_state *state,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
/* Errors: GK_E_CORRUPT for anything that _print wouldn't have printed. */
enum gk_rc signer_state_parse(const char *bytes, size_t n,
    struct signer_state *ret, struct gk_err *err) GK_MUST_USE;

/* From a head's size and peaks; false when they don't fit. */
bool signer_frontier_from(uint64_t size, const uint8_t *peaks, size_t count,
    struct merkle_frontier *ret);

#endif
