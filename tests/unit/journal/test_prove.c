/* Proofs made out of tiles convince the checks of RFC 9162, at every size, and read only what is there. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/prove.h"

enum { MANY = 600, EVERY = 140 };

static struct digest leaves[MANY];
static struct digest roots[MANY + 1];

/* The hash that stands at a place of level 0 or 1, where it is complete. */
static void
hash_at(unsigned level, uint64_t at, struct digest *ret)
{
	struct merkle_frontier edge = {.size = 0};

	cr_assert(level <= 1);
	if (level == 0) {
		cr_assert(at < MANY);
		*ret = leaves[at];
		return;
	}
	for (size_t i = 0; i < TILE_WIDTH; i++) {
		cr_assert(at * TILE_WIDTH + i < MANY);
		merkle_append(&edge, &leaves[at * TILE_WIDTH + i]);
	}
	merkle_root(&edge, ret);
}

/* Refuses any tile that the tree of that size doesn't have just so. */
static enum gk_rc
load(void *ctx, const struct tile_id *id, uint8_t *ret_hashes,
    struct gk_err *err)
{
	const uint64_t *size = ctx;

	(void)err;
	cr_assert(id->width > 0 &&
		  id->width == tile_width(id->level, id->index, *size));
	for (unsigned i = 0; i < id->width; i++) {
		struct digest hash;

		hash_at(id->level, id->index * TILE_WIDTH + i, &hash);
		memcpy(ret_hashes + (size_t)i * DIGEST_BYTES, hash.bytes,
		    DIGEST_BYTES);
	}
	return GK_OK;
}

static void
start(void)
{
	struct merkle_frontier edge = {.size = 0};

	merkle_root(&edge, &roots[0]);
	for (unsigned i = 0; i < MANY; i++) {
		merkle_leaf(&i, sizeof(i), &leaves[i]);
		merkle_append(&edge, &leaves[i]);
		merkle_root(&edge, &roots[i + 1]);
	}
}

TestSuite(prove, .init = start, .timeout = 250);

/* Small trees whole; of larger ones some, and always both ends and the tiles' borders. */
static bool
is_tried(uint64_t at, uint64_t size)
{
	return size <= EVERY || at <= 1 || at + 2 >= size || at % 13 == 0 ||
	       (at + 1) % TILE_WIDTH <= 1;
}

Test(prove, the_root_of_every_size)
{
	for (uint64_t size = 0; size <= MANY; size++) {
		const struct prove_source source = {load, &size};
		struct digest root;

		cr_assert(prove_root(&source, size, &root, NULL) == GK_OK);
		cr_assert(
		    digest_equal(root.bytes, roots[size].bytes, DIGEST_BYTES));
	}
}

Test(prove, inclusion_at_every_size)
{
	for (uint64_t size = 1; size <= MANY; size++) {
		const struct prove_source source = {load, &size};

		for (uint64_t at = 0; at < size; at++) {
			struct merkle_proof proof;

			if (!is_tried(at, size)) {
				continue;
			}
			cr_assert(prove_inclusion(&source, at, size, &proof,
				      NULL) == GK_OK);
			cr_assert(merkle_check_inclusion(at, size, &leaves[at],
			    proof.hashes, proof.count, &roots[size]));
		}
	}
}

Test(prove, consistency_between_every_two_sizes)
{
	for (uint64_t size = 1; size <= MANY; size++) {
		const struct prove_source source = {load, &size};

		for (uint64_t old = 1; old <= size; old++) {
			struct merkle_proof proof;

			if (!is_tried(old - 1, size)) {
				continue;
			}
			cr_assert(prove_consistency(&source, old, size, &proof,
				      NULL) == GK_OK);
			cr_assert(
			    merkle_check_consistency(old, size, &roots[old],
				&roots[size], proof.hashes, proof.count));
		}
	}
}

Test(prove, what_cannot_be_proved_is_refused)
{
	uint64_t size = 300;
	const struct prove_source source = {load, &size};
	struct merkle_proof proof = {.count = 7};
	struct digest root;

	cr_assert(
	    prove_inclusion(&source, 300, 300, &proof, NULL) == GK_E_INVALID);
	cr_assert(prove_inclusion(&source, 0, 0, &proof, NULL) == GK_E_INVALID);
	cr_assert(prove_inclusion(&source, 0, UINT64_MAX, &proof, NULL) ==
		  GK_E_INVALID);
	cr_assert(
	    prove_consistency(&source, 0, 300, &proof, NULL) == GK_E_INVALID);
	cr_assert(
	    prove_consistency(&source, 301, 300, &proof, NULL) == GK_E_INVALID);
	cr_assert(prove_consistency(&source, 1, UINT64_MAX, &proof, NULL) ==
		  GK_E_INVALID);
	cr_assert(prove_root(&source, UINT64_MAX, &root, NULL) == GK_E_INVALID);
	cr_assert(proof.count == 7, "untouched on failure");
}

static enum gk_rc
fail(void *ctx, const struct tile_id *id, uint8_t *ret_hashes,
    struct gk_err *err)
{
	(void)ctx;
	(void)id;
	(void)ret_hashes;
	return GK_FAIL(err, GK_E_BUSY, "not now");
}

Test(prove, the_source_s_error_is_passed_on)
{
	const struct prove_source source = {fail, NULL};
	struct gk_err err = {.rc = GK_OK};
	struct merkle_proof proof;

	cr_assert(prove_inclusion(&source, 3, 9, &proof, &err) == GK_E_BUSY);
	cr_assert_str_eq(err.text, "not now");
	cr_assert(prove_consistency(&source, 3, 9, &proof, NULL) == GK_E_BUSY);
}

/* A log of the same leaf over and over: one hash for each height. */
static struct digest uniform[64];

static enum gk_rc
load_uniform(void *ctx, const struct tile_id *id, uint8_t *ret_hashes,
    struct gk_err *err)
{
	(void)ctx;
	(void)err;
	for (unsigned i = 0; i < id->width; i++) {
		memcpy(ret_hashes + (size_t)i * DIGEST_BYTES,
		    uniform[id->level * 8].bytes, DIGEST_BYTES);
	}
	return GK_OK;
}

static void
uniform_root(uint64_t size, struct digest *ret)
{
	struct merkle_frontier edge = {.size = size};

	for (int bit = 63; bit >= 0; bit--) {
		if ((size >> bit & 1) != 0) {
			edge.peaks[edge.count++] = uniform[bit];
		}
	}
	merkle_root(&edge, ret);
}

Test(prove, trees_as_large_as_they_may_become)
{
	static const uint64_t sizes[] = {1, 65536, 65537, 16777216 + 255,
	    (UINT64_C(1) << 40) + 12345, (UINT64_C(1) << 62) - 1,
	    UINT64_C(1) << 62};
	const struct prove_source source = {load_uniform, NULL};

	merkle_leaf("x", 1, &uniform[0]);
	for (int i = 1; i < 64; i++) {
		merkle_node(&uniform[i - 1], &uniform[i - 1], &uniform[i]);
	}
	for (size_t i = 0; i < GK_COUNT(sizes); i++) {
		struct digest root, old;
		struct merkle_proof proof;
		uint64_t size = sizes[i], at = size - 1 - size / 3;

		uniform_root(size, &root);
		cr_assert(
		    prove_inclusion(&source, at, size, &proof, NULL) == GK_OK);
		cr_assert(merkle_check_inclusion(
		    at, size, &uniform[0], proof.hashes, proof.count, &root));
		for (size_t j = 0; j <= i; j++) {
			uniform_root(sizes[j], &old);
			cr_assert(prove_consistency(&source, sizes[j], size,
				      &proof, NULL) == GK_OK);
			cr_assert(merkle_check_consistency(sizes[j], size, &old,
			    &root, proof.hashes, proof.count));
		}
	}
}
