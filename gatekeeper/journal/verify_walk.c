/*
 * Verification, the walk over the store's events: the tree grows leaf by leaf, and
 * what was stored or signed about it must be met on the way.
 *
 * The first thread reads and checks, the second decodes (verify_decode.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "journal/verify_internal.h"

enum { STEP = 8192, WHERE_BYTES = 48 };

/* A complete tile must be stored as the bodies give it. */
static enum gk_rc
check_tile(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	struct verify *v = ctx;
	struct digest root;
	bool found;
	char where[WHERE_BYTES];

	(void)snprintf(
	    where, sizeof(where), "tile %u/%" PRIu64, tile->level, tile->index);
	GK_TRY(journal__read_tile(
	    v->reader, tile->level, tile->index, &root, v->tile, &found, err));
	if (!found) {
		return journal__verify_fault(v, err, where, "it is missing");
	}
	for (unsigned i = 0; i < TILE_WIDTH; i++) {
		size_t at = (size_t)i * DIGEST_BYTES;

		if (memcmp(v->tile + at, tile->hashes + at, DIGEST_BYTES) !=
		    0) {
			if (tile->level == 0) {
				(void)snprintf(where, sizeof(where),
				    "seq %" PRIu64,
				    tile->index * TILE_WIDTH + i);
			}
			return journal__verify_fault(v, err, where,
			    "the hash that was stored isn't that of what is "
			    "there: one of the two was changed");
		}
	}
	if (!digest_equal(root.bytes, tile->root.bytes, DIGEST_BYTES)) {
		return journal__verify_fault(
		    v, err, where, "its root was changed");
	}
	return GK_OK;
}

/* At the size of a signed root, the bodies must have it. */
enum gk_rc
journal__verify_mark(struct verify *v, const struct verify_mark *mark,
    const char *what, struct gk_err *err)
{
	struct digest root;
	char where[WHERE_BYTES];

	if (!mark->has || mark->size != v->edge.size) {
		return GK_OK;
	}
	journal__edge_root(&v->edge, &root);
	if (digest_equal(root.bytes, mark->root.bytes, DIGEST_BYTES)) {
		return GK_OK;
	}
	(void)snprintf(where, sizeof(where), "%s %" PRIu64, what, mark->size);
	return journal__verify_fault(v, err, where,
	    "the events below don't have the root that was signed: one of "
	    "them was changed, or the log was forked");
}

static bool
is_handover(const struct verify *v, uint64_t size)
{
	const struct chain_link *before;

	(void)chain_at(&v->chain, size, &before);
	return before != NULL;
}

static enum gk_rc
check_marks(struct verify *v, struct gk_err *err)
{
	char where[WHERE_BYTES];

	GK_TRY(journal__verify_mark(
	    v, &v->published, "published checkpoint", err));
	GK_TRY(
	    journal__verify_mark(v, &v->held, "the checkpoint you hold,", err));
	GK_TRY(journal__gone_root(v, err));
	if (v->stored.has && v->stored.size == v->edge.size) {
		GK_TRY(journal__verify_mark(v, &v->stored, "checkpoint", err));
		v->checkpoints++;
		return journal__verify_stored(
		    v, v->edge.size + 1, &v->stored, err);
	}
	if (v->edge.size % JOURNAL_KEEP_EVERY == 0 ||
	    is_handover(v, v->edge.size)) {
		(void)snprintf(
		    where, sizeof(where), "checkpoint %" PRIu64, v->edge.size);
		return journal__verify_fault(v, err, where, "it is missing");
	}
	return GK_OK;
}

static enum gk_rc
check_row(
    struct verify *v, const struct chunk *chunk, size_t i, struct gk_err *err)
{
	const struct edge_sink sink = {check_tile, v};

	GK_TRY(journal__verify_event(
	    v, &chunk->rows[i], chunk->events[i], &chunk->want[i], err));
	GK_TRY(journal__edge_append(&v->edge, &chunk->leaves[i], &sink, err));
	return check_marks(v, err);
}

/* What a chunk holds, and then why it ends where it does. */
static enum gk_rc
check_chunk(struct verify *v, const struct chunk *chunk, struct gk_err *err)
{
	char where[WHERE_BYTES];

	for (size_t i = 0; i < chunk->decoded; i++) {
		GK_TRY(check_row(v, chunk, i, err));
	}
	(void)snprintf(where, sizeof(where), "seq %" PRIu64, v->edge.size);
	if (chunk->decoded < chunk->count) {
		return journal__verify_unread(
		    v, v->edge.size, chunk->rc, &chunk->why, err);
	}
	if (chunk->missing) {
		return journal__verify_fault(
		    v, err, where, "the event is missing");
	}
	if (chunk->read_rc != GK_OK) {
		(void)GK_FAIL(err, chunk->read_rc, "%s", chunk->read_why.text);
		gk_err_where(err, "%s", chunk->read_why.where);
	}
	return chunk->read_rc;
}

/* Read on from *at, until the chunk is full or an event isn't there. */
static enum gk_rc
fill_chunk(struct verify *v, struct chunk *chunk, uint64_t *at, uint64_t to,
    struct gk_err *err)
{
	struct body_row row;
	bool more;

	while (*at < to && !journal__chunk_is_full(chunk)) {
		chunk->read_rc = journal__scan_next(
		    v->reader, &row, &more, &chunk->read_why);
		chunk->missing =
		    chunk->read_rc == GK_OK && (!more || row.seq != *at);
		if (chunk->read_rc != GK_OK || chunk->missing) {
			*at = to; /* nothing is read behind it */
			return GK_OK;
		}
		GK_TRY(journal__chunk_add(chunk, &row, err));
		++*at;
	}
	return GK_OK;
}

/* One chunk is decoded while the next one is read, and the one before is checked. */
static enum gk_rc
check_step(struct verify *v, uint64_t to, struct gk_err *err)
{
	struct chunk *chunk = journal__decoder_chunk(v->decoder, 0), *next;
	uint64_t at = v->edge.size;

	GK_TRY(fill_chunk(v, chunk, &at, to, err));
	journal__decoder_give(v->decoder, chunk);
	for (unsigned i = 1; chunk != NULL; i++, chunk = next) {
		bool more = at < to;

		next = more ? journal__decoder_chunk(v->decoder, i) : NULL;
		if (more) {
			GK_TRY(fill_chunk(v, next, &at, to, err));
		}
		journal__decoder_take(v->decoder);
		if (more) {
			journal__decoder_give(v->decoder, next);
		}
		GK_TRY(check_chunk(v, chunk, err));
	}
	return GK_OK;
}

/* Below the minimum the tiles tell the leaves. */
static enum gk_rc
check_gone(struct verify *v, struct gk_err *err)
{
	const struct edge_sink sink = {check_tile, v};
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];

	while (
	    v->edge.size < journal__gone_minimum(v) && v->edge.size < v->size) {
		GK_TRY(journal__gone_tile(v, hashes, err));
		for (size_t i = 0; i < TILE_WIDTH; i++) {
			struct digest leaf;

			memcpy(leaf.bytes, hashes + i * DIGEST_BYTES,
			    DIGEST_BYTES);
			GK_TRY(
			    journal__edge_append(&v->edge, &leaf, &sink, err));
			GK_TRY(check_marks(v, err));
		}
		if (v->options->progress != NULL) {
			v->options->progress(
			    v->options->ctx, v->edge.size, v->size);
		}
	}
	if (v->edge.size > 0 && v->genesis == false) {
		return journal__verify_fault(v, err, "seq 0",
		    "genesis is missing; retention leaves it alone");
	}
	return GK_OK;
}

enum gk_rc
journal__verify_walk(struct verify *v, struct gk_err *err)
{
	GK_TRY(journal__verify_stored(v, 0, &v->stored, err));
	GK_TRY(check_gone(v, err));
	GK_TRY(journal__decoder_start(&v->decoder, err));
	while (v->edge.size < v->size) {
		uint64_t from = v->edge.size;
		uint64_t to = v->size - from > STEP ? from + STEP : v->size;
		const struct scan scan = {.from = from, .to = to};
		enum gk_rc rc;

		GK_TRY(journal__openings_begin(v->reader, from, to, err));
		journal__scan_begin(v->reader, &scan);
		v->in_step = true;
		rc = check_step(v, to, err);
		v->in_step = false;
		journal__scan_end(v->reader);
		journal__openings_end(v->reader);
		GK_TRY(rc);
		if (v->options->progress != NULL) {
			v->options->progress(v->options->ctx, to, v->size);
		}
	}
	return GK_OK;
}
