/*
 * The tree's right edge, cut into tiles.
 *
 * A tile of level L holds 256 hashes, each the root of a subtree of 256^L leaves;
 * the root over a complete tile is one hash of level L + 1.  So of each level
 * exactly one tile is incomplete, and those partial tiles, each with the peaks
 * over its own hashes, are the whole frontier: the peaks of the highest level
 * come first, and a set bit b of the size is a peak in level b / 8.
 */
#include <string.h>

#include "base/assert.h"
#include "journal/journal_internal.h"

void
journal__edge_put(struct edge *edge, unsigned level, const struct digest *hash)
{
	struct edge_level *at;

	GK_ASSERT(level < EDGE_LEVELS);
	at = &edge->level[level];
	GK_ASSERT(at->edge.size < TILE_WIDTH);
	memcpy(at->hashes + at->edge.size * DIGEST_BYTES, hash->bytes,
	    DIGEST_BYTES);
	merkle_append(&at->edge, hash);
}

enum gk_rc
journal__edge_append(struct edge *edge, const struct digest *leaf,
    const struct edge_sink *sink, struct gk_err *err)
{
	struct digest hash = *leaf;

	for (unsigned level = 0; level < EDGE_LEVELS; level++) {
		struct edge_level *at = &edge->level[level];
		struct edge_tile tile;

		journal__edge_put(edge, level, &hash);
		if (at->edge.size < TILE_WIDTH) {
			break;
		}
		hash = at->edge.peaks[0];
		at->edge.size = 0;
		at->edge.count = 0;
		tile = (struct edge_tile){
		    level, edge->size >> (8 * (level + 1)), hash, at->hashes};
		GK_TRY(sink->full(sink->ctx, &tile, err));
	}
	edge->size++;
	return GK_OK;
}

void
journal__edge_root(const struct edge *edge, struct digest *ret)
{
	struct merkle_frontier all = {.size = edge->size};

	for (size_t level = EDGE_LEVELS; level-- > 0;) {
		const struct merkle_frontier *part = &edge->level[level].edge;

		memcpy(all.peaks + all.count, part->peaks,
		    part->count * sizeof(part->peaks[0]));
		all.count += part->count;
	}
	merkle_root(&all, ret);
}

void
journal__edge_frontier(const struct edge *edge, struct merkle_frontier *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = edge->size;
	for (unsigned level = EDGE_LEVELS; level > 0; level--) {
		const struct merkle_frontier *part =
		    &edge->level[level - 1].edge;

		for (size_t i = 0; i < part->count; i++) {
			ret->peaks[ret->count++] = part->peaks[i];
		}
	}
}
