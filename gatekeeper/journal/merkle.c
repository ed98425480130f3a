/*
 * The RFC 6962 Merkle tree in its right edge.
 *
 * A leaf is SHA-256(0x00 ‖ entry), a node SHA-256(0x01 ‖ left ‖ right), the
 * empty tree SHA-256("").  A tree of n leaves is cut at the largest power of two
 * below n (RFC 9162, 2.1.1): so it is a row of complete subtrees, one for each
 * set bit of n, and its root folds that row from the right.  A ragged edge is
 * promoted, never duplicated.
 */
#include "journal/merkle.h"
#include "base/assert.h"

enum { LEAF_PREFIX = 0x00, NODE_PREFIX = 0x01 };

void
merkle_leaf(const void *entry, size_t n, struct digest *ret)
{
	static const uint8_t prefix = LEAF_PREFIX;
	const struct digest_part parts[] = {{&prefix, 1}, {entry, n}};

	digest_sha256(parts, 2, ret);
}

void
merkle_node(
    const struct digest *left, const struct digest *right, struct digest *ret)
{
	static const uint8_t prefix = NODE_PREFIX;
	const struct digest_part parts[] = {{&prefix, 1},
	    {left->bytes, DIGEST_BYTES}, {right->bytes, DIGEST_BYTES}};

	digest_sha256(parts, 3, ret);
}

/* Each set bit that the increment carries over is one pair of peaks that joins. */
void
merkle_append(struct merkle_frontier *edge, const struct digest *leaf)
{
	uint64_t carry = edge->size;

	GK_ASSERT(edge->size < UINT64_C(1) << 63);
	edge->peaks[edge->count++] = *leaf;
	for (; (carry & 1) != 0; carry >>= 1) {
		struct digest *left = &edge->peaks[edge->count - 2];

		merkle_node(left, left + 1, left);
		edge->count--;
	}
	edge->size++;
}

void
merkle_root(const struct merkle_frontier *edge, struct digest *ret)
{
	size_t i = edge->count;

	if (i == 0) {
		digest_sha256(NULL, 0, ret);
		return;
	}
	*ret = edge->peaks[--i];
	while (i > 0) {
		merkle_node(&edge->peaks[--i], ret, ret);
	}
}

/* Where a proof's walk stands: a node's index, and the last index, on its level. */
struct climb {
	uint64_t at;
	uint64_t last;
};

/*
 * One step up (RFC 9162, 2.1.3.2, step 4).  True when the proof's hash is the
 * left sibling; a lone last node first rises to where it has one.
 */
static bool
climb_step(struct climb *climb)
{
	bool left = (climb->at & 1) != 0 || climb->at == climb->last;

	if (left) {
		while ((climb->at & 1) == 0 && climb->at != 0) {
			climb->at >>= 1;
			climb->last >>= 1;
		}
	}
	climb->at >>= 1;
	climb->last >>= 1;
	return left;
}

bool
merkle_check_inclusion(uint64_t index, uint64_t size, const struct digest *leaf,
    const struct digest *proof, size_t proof_count, const struct digest *root)
{
	struct climb climb = {index, size - 1};
	struct digest hash = *leaf;

	if (index >= size) {
		return false;
	}
	for (size_t i = 0; i < proof_count; i++) {
		if (climb.last == 0) {
			return false;
		}
		if (climb_step(&climb)) {
			merkle_node(&proof[i], &hash, &hash);
		} else {
			merkle_node(&hash, &proof[i], &hash);
		}
	}
	return climb.last == 0 &&
	       digest_equal(hash.bytes, root->bytes, DIGEST_BYTES);
}

/* Steps 4 to 7 of RFC 9162, 2.1.4.2: both roots from the node that both trees have. */
static bool
check_both(struct climb climb, const struct digest *shared,
    const struct digest *proof, size_t proof_count, const struct digest *root1,
    const struct digest *root2)
{
	struct digest old = *shared, new = *shared;

	for (; (climb.at & 1) != 0; climb.at >>= 1) {
		climb.last >>= 1;
	}
	for (size_t i = 0; i < proof_count; i++) {
		if (climb.last == 0) {
			return false;
		}
		if (climb_step(&climb)) {
			merkle_node(&proof[i], &old, &old);
			merkle_node(&proof[i], &new, &new);
		} else {
			merkle_node(&new, &proof[i], &new);
		}
	}
	return climb.last == 0 &&
	       digest_equal(old.bytes, root1->bytes, DIGEST_BYTES) &&
	       digest_equal(new.bytes, root2->bytes, DIGEST_BYTES);
}

bool
merkle_check_consistency(uint64_t size1, uint64_t size2,
    const struct digest *root1, const struct digest *root2,
    const struct digest *proof, size_t proof_count)
{
	struct climb climb = {size1 - 1, size2 - 1};

	if (size1 == 0 || size1 > size2) {
		return false;
	}
	if (size1 == size2) {
		return proof_count == 0 &&
		       digest_equal(root1->bytes, root2->bytes, DIGEST_BYTES);
	}
	if (proof_count == 0) {
		return false;
	}
	if ((size1 & (size1 - 1)) == 0) {
		return check_both(
		    climb, root1, proof, proof_count, root1, root2);
	}
	return check_both(
	    climb, &proof[0], proof + 1, proof_count - 1, root1, root2);
}
