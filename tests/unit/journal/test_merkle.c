/* Tests of the Merkle tree against its recursive definition, and of the proofs it must refuse. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "journal/merkle.h"

enum { LEAVES = 70, MANY = 1100 };

static struct digest leaves[MANY];

static void
start(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		const uint8_t entry[] = {(uint8_t)(i >> 8), (uint8_t)i};

		merkle_leaf(entry, sizeof(entry), &leaves[i]);
	}
}

TestSuite(merkle, .init = start);

/* The largest power of two below n. */
static size_t
split(size_t n)
{
	size_t k = 1;

	while (k * 2 < n) {
		k *= 2;
	}
	return k;
}

/* MTH(D[n]) of RFC 9162, 2.1.1, word for word. */
static struct digest
naive_root(const struct digest *d, size_t n)
{
	struct digest left, right, root;

	if (n == 0) {
		digest_sha256(NULL, 0, &root);
		return root;
	}
	if (n == 1) {
		return d[0];
	}
	left = naive_root(d, split(n));
	right = naive_root(d + split(n), n - split(n));
	merkle_node(&left, &right, &root);
	return root;
}

/* PATH(m, D[n]) of RFC 9162, 2.1.3.1. */
static size_t
naive_path(size_t m, const struct digest *d, size_t n, struct digest *ret)
{
	size_t k = split(n), count;

	if (n <= 1) {
		return 0;
	}
	if (m < k) {
		count = naive_path(m, d, k, ret);
		ret[count] = naive_root(d + k, n - k);
	} else {
		count = naive_path(m - k, d + k, n - k, ret);
		ret[count] = naive_root(d, k);
	}
	return count + 1;
}

/* SUBPROOF(m, D[n], b) of RFC 9162, 2.1.4.1. */
static size_t
naive_subproof(
    size_t m, const struct digest *d, size_t n, bool b, struct digest *ret)
{
	size_t k = split(n), count;

	if (m == n) {
		if (b) {
			return 0;
		}
		ret[0] = naive_root(d, n);
		return 1;
	}
	if (m <= k) {
		count = naive_subproof(m, d, k, b, ret);
		ret[count] = naive_root(d + k, n - k);
	} else {
		count = naive_subproof(m - k, d + k, n - k, false, ret);
		ret[count] = naive_root(d, k);
	}
	return count + 1;
}

static bool
same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

Test(merkle, a_leaf_and_a_node_are_told_apart_by_their_prefix)
{
	const uint8_t leaf[] = {0, 'a', 'b', 'c'};
	uint8_t node[65] = {1};
	struct digest got, want;

	merkle_leaf("abc", 3, &got);
	digest_sha256(&(struct digest_part){leaf, 4}, 1, &want);
	cr_assert(same(&got, &want));
	memcpy(node + 1, leaves[3].bytes, 32);
	memcpy(node + 33, leaves[4].bytes, 32);
	merkle_node(&leaves[3], &leaves[4], &got);
	digest_sha256(&(struct digest_part){node, 65}, 1, &want);
	cr_assert(same(&got, &want));
	merkle_leaf(NULL, 0, &got);
	digest_sha256(&(struct digest_part){leaf, 1}, 1, &want);
	cr_assert(same(&got, &want));
}

Test(merkle, the_growing_edge_has_the_root_of_the_definition_at_every_size)
{
	struct merkle_frontier edge = {0};

	for (size_t n = 0; n < MANY; n++) {
		struct digest root, want = naive_root(leaves, n);

		merkle_root(&edge, &root);
		cr_assert(same(&root, &want), "size %zu", n);
		cr_assert(edge.size == n);
		cr_assert(edge.count ==
			  (size_t)__builtin_popcountll((unsigned long long)n));
		merkle_append(&edge, &leaves[n]);
	}
}

Test(merkle, the_last_leaf_of_the_largest_tree_can_still_be_appended)
{
	struct merkle_frontier edge = {
	    .size = (UINT64_C(1) << 63) - 1, .count = 63};

	merkle_append(&edge, &leaves[0]);
	cr_assert(edge.size == UINT64_C(1) << 63 && edge.count == 1);
}

Test(merkle, one_leaf_more_than_the_largest_tree_is_a_bug, .signal = SIGABRT)
{
	struct merkle_frontier edge = {.size = UINT64_C(1) << 63, .count = 1};

	merkle_append(&edge, &leaves[0]);
}

/* A right proof, and everything near it that must be refused. */
static void
try_inclusion(size_t index, size_t size)
{
	struct digest proof[MERKLE_PROOF_MAX + 1], root;
	size_t n = naive_path(index, leaves, size, proof);

	root = naive_root(leaves, size);
	cr_assert(merkle_check_inclusion(
	    index, size, &leaves[index], proof, n, &root));
	for (size_t i = 0; i < size; i++) {
		cr_assert(i == index || !merkle_check_inclusion(i, size,
					    &leaves[index], proof, n, &root));
	}
	cr_assert(!merkle_check_inclusion(
	    index, size, &leaves[index + 1], proof, n, &root));
	cr_assert(n == 0 || !merkle_check_inclusion(index, size, &leaves[index],
				proof, n - 1, &root));
	proof[n] = leaves[0];
	cr_assert(!merkle_check_inclusion(
	    index, size, &leaves[index], proof, n + 1, &root));
	cr_assert(!merkle_check_inclusion(
	    size, size, &leaves[index], proof, n, &root));
	for (size_t i = 0; i < n; i++) {
		proof[i].bytes[i % 32] ^= 1;
		cr_assert(!merkle_check_inclusion(
		    index, size, &leaves[index], proof, n, &root));
		proof[i].bytes[i % 32] ^= 1;
	}
}

Test(merkle, every_inclusion_proof_of_small_trees_holds_and_none_near_it)
{
	for (size_t size = 1; size <= LEAVES; size++) {
		for (size_t index = 0; index < size; index++) {
			try_inclusion(index, size);
		}
	}
}

Test(merkle, nothing_is_included_in_the_empty_tree)
{
	struct digest root = naive_root(leaves, 0);

	cr_assert(!merkle_check_inclusion(0, 0, &leaves[0], NULL, 0, &root));
	cr_assert(!merkle_check_inclusion(0, 0, &root, NULL, 0, &root));
	cr_assert(!merkle_check_inclusion(
	    UINT64_MAX, 0, &leaves[0], leaves, 3, &root));
	cr_assert(!merkle_check_inclusion(
	    UINT64_MAX, UINT64_MAX, &leaves[0], leaves, 64, &root));
}

static void
try_consistency(size_t size1, size_t size2)
{
	struct digest proof[MERKLE_PROOF_MAX + 1];
	struct digest root1 = naive_root(leaves, size1);
	struct digest root2 = naive_root(leaves, size2);
	size_t n = naive_subproof(size1, leaves, size2, true, proof);

	cr_assert(
	    merkle_check_consistency(size1, size2, &root1, &root2, proof, n));
	cr_assert(size1 == size2 || !merkle_check_consistency(size1, size2,
					&root2, &root1, proof, n));
	cr_assert(!merkle_check_consistency(
	    size1, size2, &root1, &leaves[LEAVES], proof, n));
	cr_assert(!merkle_check_consistency(
	    size1, size2, &leaves[LEAVES], &root2, proof, n));
	cr_assert(n == 0 || !merkle_check_consistency(
				size1, size2, &root1, &root2, proof, n - 1));
	proof[n] = leaves[0];
	cr_assert(!merkle_check_consistency(
	    size1, size2, &root1, &root2, proof, n + 1));
	cr_assert(
	    !merkle_check_consistency(0, size2, &root1, &root2, proof, n));
	cr_assert(!merkle_check_consistency(
	    size2 + 1, size2, &root1, &root2, proof, n));
	for (size_t i = 0; i < n; i++) {
		proof[i].bytes[i % 32] ^= 1;
		cr_assert(!merkle_check_consistency(
		    size1, size2, &root1, &root2, proof, n));
		proof[i].bytes[i % 32] ^= 1;
	}
}

Test(merkle, every_consistency_proof_of_small_trees_holds_and_none_near_it)
{
	for (size_t size2 = 1; size2 < LEAVES; size2++) {
		for (size_t size1 = 1; size1 <= size2; size1++) {
			try_consistency(size1, size2);
		}
	}
}

Test(merkle, the_empty_tree_proves_no_consistency)
{
	struct digest empty = naive_root(leaves, 0);

	cr_assert(!merkle_check_consistency(0, 0, &empty, &empty, NULL, 0));
	cr_assert(
	    !merkle_check_consistency(0, 1, &empty, &leaves[0], leaves, 1));
	cr_assert(
	    !merkle_check_consistency(1, 2, &leaves[0], &leaves[1], NULL, 0));
}
