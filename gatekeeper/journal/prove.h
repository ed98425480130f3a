#ifndef GK_JOURNAL_PROVE_H
#define GK_JOURNAL_PROVE_H
/* Roots, inclusion proofs and consistency proofs, made out of tiles wherever these lie. */

#include <stdint.h>

#include "base/err.h"
#include "journal/merkle.h"
#include "journal/tile.h"

/*
 * Where tiles come from.  load gives the first id->width hashes of a tile; only
 * tiles are asked for that the tree of the proof reaches, never wider than there.
 * Its errors end the proof and are passed on.
 */
struct prove_source {
	enum gk_rc (*load)(void *ctx, const struct tile_id *id,
	    uint8_t *ret_hashes, struct gk_err *err);
	void *ctx;
};

/* The root of the first size leaves; SHA-256("") for none. */
enum gk_rc prove_root(const struct prove_source *source, uint64_t size,
    struct digest *ret, struct gk_err *err) GK_MUST_USE;

/*
 * RFC 9162, 2.1.3.1: that leaf index is in the tree of that size.
 * Errors: GK_E_INVALID when it isn't (index >= size), or size > 2^62.
 */
enum gk_rc prove_inclusion(const struct prove_source *source, uint64_t index,
    uint64_t size, struct merkle_proof *ret, struct gk_err *err) GK_MUST_USE;

/*
 * RFC 9162, 2.1.4.1: that the tree of size1 is the beginning of the tree of size2.
 * Empty where the sizes are equal.
 * Errors: GK_E_INVALID for size1 == 0 (needs no proof), size1 > size2, size2 > 2^62.
 */
enum gk_rc prove_consistency(const struct prove_source *source, uint64_t size1,
    uint64_t size2, struct merkle_proof *ret, struct gk_err *err) GK_MUST_USE;

#endif
