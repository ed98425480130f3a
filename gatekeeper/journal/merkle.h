#ifndef GK_JOURNAL_MERKLE_H
#define GK_JOURNAL_MERKLE_H
/* The RFC 6962 Merkle tree: hashing, the growing right edge, and checking proofs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/digest.h"

/* A proof in a tree of at most 2^63 leaves has at most this many hashes. */
#define MERKLE_PROOF_MAX 64

/*
 * The right edge of a tree: the roots of its maximal complete subtrees, largest
 * first.  A zeroed struct is the empty tree.  Invariants:
 * 1. count == popcount(size).
 * 2. peaks[i] is the root of a complete subtree; their sizes are the set bits
 *    of size from the highest down.
 */
struct merkle_frontier {
	uint64_t size; /* leaves; at most 2^63 */
	size_t count;
	struct digest peaks[64];
};

/* An inclusion or consistency proof, from the leaf up. */
struct merkle_proof {
	size_t count;
	struct digest hashes[MERKLE_PROOF_MAX];
};

void merkle_leaf(const void *entry, size_t n, struct digest *ret);
void merkle_node(
    const struct digest *left, const struct digest *right, struct digest *ret);

/* Append a leaf hash.  O(log size) hashes at worst, one amortised. */
void merkle_append(struct merkle_frontier *edge, const struct digest *leaf);

/* The root; SHA-256("") for the empty tree. */
void merkle_root(const struct merkle_frontier *edge, struct digest *ret);

/* RFC 9162, 2.1.3.2.  False for index >= size. */
bool merkle_check_inclusion(uint64_t index, uint64_t size,
    const struct digest *leaf, const struct digest *proof, size_t proof_count,
    const struct digest *root);

/* RFC 9162, 2.1.4.2.  False for size1 == 0 (proves nothing) and size1 > size2. */
bool merkle_check_consistency(uint64_t size1, uint64_t size2,
    const struct digest *root1, const struct digest *root2,
    const struct digest *proof, size_t proof_count);

#endif
