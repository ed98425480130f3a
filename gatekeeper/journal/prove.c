/*
 * Proofs out of tiles.
 *
 * RFC 9162 defines proofs by cutting a tree of n leaves at the largest power of two
 * below n, over and over.  So every hash of a proof is the root of a stretch of
 * leaves [from, to) that begins at a multiple of a power of two that is at least
 * its length: a complete subtree, or the ragged right edge, which is a row of complete
 * subtrees folded from the right.
 *
 * The root of a complete subtree of 2^k leaves is in the tile of level k / 8, as one
 * of its hashes, or as what 2^(k mod 8) of them beside one another hash to.
 *
 * A proof climbs through at most eight levels.  On each it needs the tile over its
 * leaf and the last one; so two are remembered for each level.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/prove.h"

enum { LEVELS = 8, TILE_BITS = 8, KEPT = 2 };

#define SIZE_MAX_LEAVES (UINT64_C(1) << 62)

struct kept_tile {
	struct tile_id id; /* width 0: nothing kept */
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];
};

/* A proof in the making: about 130 KiB, on the heap. */
struct prover {
	const struct prove_source *source;
	uint64_t size; /* of the tree whose tiles are read */
	struct kept_tile tiles[LEVELS][KEPT];
	size_t turn[LEVELS]; /* which one gives way next */
};

/* A stretch of leaves [from, to). */
struct stretch {
	uint64_t from, to;
};

static void
prover_freep(struct prover **prover)
{
	free(*prover);
}

static enum gk_rc
prover_new(const struct prove_source *source, uint64_t size,
    struct prover **ret_prover, struct gk_err *err)
{
	struct prover *prover;

	if (size > SIZE_MAX_LEAVES) {
		return GK_FAIL(
		    err, GK_E_INVALID, "no log has %" PRIu64 " events", size);
	}
	prover = calloc(1, sizeof(*prover));
	if (prover == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a proof");
	}
	prover->source = source;
	prover->size = size;
	*ret_prover = prover;
	return GK_OK;
}

/* The hashes of a tile, as wide as the tree has it; borrowed until two others of its level. */
static enum gk_rc
tile_get(struct prover *prover, unsigned level, uint64_t index,
    const uint8_t **ret_hashes, struct gk_err *err)
{
	struct kept_tile *at;
	enum gk_rc rc;

	GK_ASSERT(level < LEVELS);
	for (size_t i = 0; i < KEPT; i++) {
		at = &prover->tiles[level][i];
		if (at->id.width != 0 && at->id.index == index) {
			*ret_hashes = at->hashes;
			return GK_OK;
		}
	}
	at = &prover->tiles[level][prover->turn[level]];
	at->id = (struct tile_id){level, index, 0};
	at->id.width = tile_width(level, index, prover->size);
	GK_ASSERT(at->id.width > 0);
	prover->turn[level] = (prover->turn[level] + 1) % KEPT;
	rc =
	    prover->source->load(prover->source->ctx, &at->id, at->hashes, err);
	if (rc != GK_OK) {
		at->id.width = 0;
		return rc;
	}
	*ret_hashes = at->hashes;
	return GK_OK;
}

/* The root of the complete subtree of 2^bits leaves with that number. */
static enum gk_rc
subtree_root(struct prover *prover, unsigned bits, uint64_t number,
    struct digest *ret, struct gk_err *err)
{
	unsigned level = bits / TILE_BITS, within = bits % TILE_BITS;
	uint64_t first = number << within;
	struct merkle_frontier edge = {.size = 0};
	const uint8_t *hashes;

	GK_TRY(tile_get(prover, level, first / TILE_WIDTH, &hashes, err));
	for (uint64_t i = 0; i < UINT64_C(1) << within; i++) {
		struct digest hash;

		memcpy(hash.bytes,
		    hashes + (first % TILE_WIDTH + i) * DIGEST_BYTES,
		    DIGEST_BYTES);
		merkle_append(&edge, &hash);
	}
	merkle_root(&edge, ret);
	return GK_OK;
}

static unsigned
highest_bit(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n);
}

/* The root of a stretch: its complete subtrees from the left, folded from the right. */
static enum gk_rc
stretch_root(struct prover *prover, struct stretch stretch, struct digest *ret,
    struct gk_err *err)
{
	struct merkle_frontier edge = {.size = stretch.to - stretch.from};

	while (stretch.from < stretch.to) {
		unsigned bits = highest_bit(stretch.to - stretch.from);

		GK_TRY(subtree_root(prover, bits, stretch.from >> bits,
		    &edge.peaks[edge.count++], err));
		stretch.from += UINT64_C(1) << bits;
	}
	merkle_root(&edge, ret);
	return GK_OK;
}

/* Where a stretch of at least two leaves is cut: the largest power of two below its length. */
static uint64_t
cut_of(struct stretch stretch)
{
	return stretch.from +
	       (UINT64_C(1) << highest_bit(stretch.to - stretch.from - 1));
}

/* Proofs are found from the root down, and told from the leaf up. */
static void
turn_round(struct merkle_proof *proof)
{
	for (size_t i = 0; i < proof->count / 2; i++) {
		struct digest *a = &proof->hashes[i];
		struct digest *b = &proof->hashes[proof->count - 1 - i];
		struct digest swap = *a;

		*a = *b;
		*b = swap;
	}
}

static enum gk_rc
add_root(struct prover *prover, struct stretch stretch,
    struct merkle_proof *proof, struct gk_err *err)
{
	GK_ASSERT(proof->count < MERKLE_PROOF_MAX);
	return stretch_root(
	    prover, stretch, &proof->hashes[proof->count++], err);
}

/* Cut off the half that doesn't hold leaf index, and put its root to the proof. */
static enum gk_rc
descend(struct prover *prover, uint64_t index, struct stretch *stretch,
    struct merkle_proof *proof, struct gk_err *err)
{
	uint64_t cut = cut_of(*stretch);
	struct stretch other = *stretch;

	if (index < cut) {
		stretch->to = cut;
		other.from = cut;
	} else {
		stretch->from = cut;
		other.to = cut;
	}
	return add_root(prover, other, proof, err);
}

enum gk_rc
prove_root(const struct prove_source *source, uint64_t size, struct digest *ret,
    struct gk_err *err)
{
	GK_AUTO(prover_freep) struct prover *prover = NULL;

	GK_TRY(prover_new(source, size, &prover, err));
	return stretch_root(prover, (struct stretch){0, size}, ret, err);
}

enum gk_rc
prove_inclusion(const struct prove_source *source, uint64_t index,
    uint64_t size, struct merkle_proof *ret, struct gk_err *err)
{
	GK_AUTO(prover_freep) struct prover *prover = NULL;
	struct stretch stretch = {0, size};
	struct merkle_proof proof = {.count = 0};

	if (index >= size) {
		return GK_FAIL(err, GK_E_INVALID,
		    "event %" PRIu64 " isn't among the first %" PRIu64, index,
		    size);
	}
	GK_TRY(prover_new(source, size, &prover, err));
	while (stretch.to - stretch.from > 1) {
		GK_TRY(descend(prover, index, &stretch, &proof, err));
	}
	turn_round(&proof);
	*ret = proof;
	return GK_OK;
}

/*
 * SUBPROOF: down to the stretch that ends where the old tree ends.  That is a whole
 * subtree of both; its root leads the proof, unless it is the old tree itself, whose
 * root the reader has.
 */
enum gk_rc
prove_consistency(const struct prove_source *source, uint64_t size1,
    uint64_t size2, struct merkle_proof *ret, struct gk_err *err)
{
	GK_AUTO(prover_freep) struct prover *prover = NULL;
	struct stretch stretch = {0, size2};
	struct merkle_proof proof = {.count = 0};

	if (size1 == 0 || size1 > size2) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a tree of %" PRIu64 " isn't the beginning of one of "
		    "%" PRIu64 " that a proof could be about",
		    size1, size2);
	}
	GK_TRY(prover_new(source, size2, &prover, err));
	while (stretch.to != size1) {
		GK_TRY(descend(prover, size1 - 1, &stretch, &proof, err));
	}
	if (stretch.from != 0) {
		GK_TRY(add_root(prover, stretch, &proof, err));
	}
	turn_round(&proof);
	*ret = proof;
	return GK_OK;
}
