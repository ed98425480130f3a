/* The edge by levels is the same tree as the frontier of merkle.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal_internal.h"

struct seen {
	unsigned tiles[EDGE_LEVELS];
	struct digest last_root;
};

static enum gk_rc
see(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	struct seen *seen = ctx;
	struct merkle_frontier over = {.size = 0};
	struct digest hash, root;

	(void)err;
	cr_assert(tile->index == seen->tiles[tile->level]);
	seen->tiles[tile->level]++;
	for (size_t i = 0; i < TILE_WIDTH; i++) {
		memcpy(
		    hash.bytes, tile->hashes + i * DIGEST_BYTES, DIGEST_BYTES);
		merkle_append(&over, &hash);
	}
	merkle_root(&over, &root);
	cr_assert(memcmp(&root, &tile->root, sizeof(root)) == 0);
	return GK_OK;
}

Test(edge, has_the_root_of_the_frontier_at_every_size_and_gives_every_tile)
{
	static struct edge edge;
	struct merkle_frontier plain = {.size = 0};
	struct seen seen = {.tiles = {0}};
	const struct edge_sink sink = {see, &seen};

	for (uint32_t i = 0; i < 66100; i++) {
		struct digest leaf, a, b;

		merkle_leaf(&i, sizeof(i), &leaf);
		merkle_append(&plain, &leaf);
		cr_assert(
		    journal__edge_append(&edge, &leaf, &sink, NULL) == GK_OK);
		if (i < 600 || i % 251 == 0 || i > 65500) {
			merkle_root(&plain, &a);
			journal__edge_root(&edge, &b);
			cr_assert(memcmp(&a, &b, sizeof(a)) == 0,
			    "another root at %u", i + 1);
		}
	}
	cr_assert(seen.tiles[0] == 258 && seen.tiles[1] == 1);
}

static enum gk_rc
refuse(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	(void)ctx;
	(void)tile;
	return GK_FAIL(err, GK_E_IO, "no");
}

Test(edge, passes_on_what_the_sink_says)
{
	static struct edge edge;
	const struct edge_sink sink = {refuse, NULL};
	struct digest leaf = {.bytes = {1}};

	for (int i = 0; i < 255; i++) {
		cr_assert(
		    journal__edge_append(&edge, &leaf, &sink, NULL) == GK_OK);
	}
	cr_assert(journal__edge_append(&edge, &leaf, &sink, NULL) == GK_E_IO);
}
