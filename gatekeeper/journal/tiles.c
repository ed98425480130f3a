/*
 * Tiles of every width out of the store, and the proofs made of them.
 *
 * Complete tiles are stored.  What isn't complete yet follows from the level below:
 * of level 0 from the bodies, which stay at least until their tile is complete, and of
 * any other level from the roots over the complete tiles below.
 */
#include <inttypes.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "journal/journal_internal.h"
#include "journal/reader_internal.h"

/* The next hash, from a row's column 0: a root, or at level 0 the body that is hashed. */
static bool
row_hash(sqlite3_stmt *stmt, unsigned level, struct digest *ret)
{
	if (level > 0) {
		return journal__column_digest(stmt, 0, ret);
	}
	merkle_leaf(sqlite3_column_blob(stmt, 0),
	    (size_t)sqlite3_column_bytes(stmt, 0), ret);
	return true;
}

/* An incomplete tile, from what lies below it. */
static enum gk_rc
load_partial(struct journal_reader *reader, const struct tile_id *id,
    uint8_t *ret_hashes, struct gk_err *err)
{
	uint64_t from = id->index * TILE_WIDTH;
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[id->level > 0 ? R_ROOTS : R_BODIES];
	int at = 1;

	if (id->level > 0) {
		journal__stmt_bind(stmt, at++, id->level - 1);
	}
	journal__stmt_bind(stmt, at++, from);
	journal__stmt_bind(stmt, at, from + id->width);
	for (unsigned i = 0; i < id->width; i++) {
		struct digest hash;
		bool row;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading what a tile is made of", &row, err));
		if (!row || !row_hash(stmt, id->level, &hash)) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "tile %u/%" PRIu64 ": what it is made of is "
			    "missing, at or after %" PRIu64,
			    id->level, id->index, from);
		}
		memcpy(ret_hashes + (size_t)i * DIGEST_BYTES, hash.bytes,
		    DIGEST_BYTES);
	}
	return GK_OK;
}

enum gk_rc
journal__load_tile(struct journal_reader *reader, const struct tile_id *id,
    uint8_t *ret_hashes, struct gk_err *err)
{
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];
	struct digest root;
	bool found;

	GK_ASSERT(id->width >= 1 && id->width <= TILE_WIDTH);
	GK_ASSERT(id->index <= INT64_MAX / TILE_WIDTH - 1);
	GK_TRY(journal__read_tile(
	    reader, id->level, id->index, &root, hashes, &found, err));
	if (!found) {
		return load_partial(reader, id, ret_hashes, err);
	}
	memcpy(ret_hashes, hashes, (size_t)id->width * DIGEST_BYTES);
	return GK_OK;
}

enum gk_rc
journal__edge_load(struct journal_reader *reader, uint64_t size,
    struct edge *edge, struct gk_err *err)
{
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];

	memset(edge, 0, sizeof(*edge));
	for (unsigned level = 0; level < EDGE_LEVELS; level++) {
		uint64_t count = size >> (8 * level);
		const struct tile_id id = {
		    level, count / TILE_WIDTH, (unsigned)(count % TILE_WIDTH)};

		if (id.width == 0) {
			continue;
		}
		GK_TRY(journal__load_tile(reader, &id, hashes, err));
		for (unsigned i = 0; i < id.width; i++) {
			struct digest hash;

			memcpy(hash.bytes, hashes + (size_t)i * DIGEST_BYTES,
			    DIGEST_BYTES);
			journal__edge_put(edge, level, &hash);
		}
	}
	edge->size = size;
	return GK_OK;
}

static enum gk_rc
source_load(void *ctx, const struct tile_id *id, uint8_t *ret_hashes,
    struct gk_err *err)
{
	return journal__load_tile(ctx, id, ret_hashes, err);
}

struct prove_source
journal__source(struct journal_reader *reader)
{
	return (struct prove_source){source_load, reader};
}

enum gk_rc
journal_read_checkpoint(struct journal_reader *reader, uint64_t at_least,
    uint64_t *ret_size, struct gk_buf *note, bool *ret_found,
    struct gk_err *err)
{
	return journal__read_checkpoint(
	    reader, at_least, ret_size, note, ret_found, err);
}

/* Within one snapshot, in which the log is at least that long. */
static enum gk_rc
begin(struct journal_reader *reader, uint64_t size, struct gk_err *err)
{
	uint64_t all;
	enum gk_rc rc;

	GK_TRY(journal__read_begin(reader, err));
	rc = journal__read_size(reader, &all, err);
	if (rc == GK_OK && size > all) {
		rc = GK_FAIL(err, GK_E_INVALID,
		    "the log has %" PRIu64 " events, not %" PRIu64, all, size);
	}
	if (rc != GK_OK) {
		journal__read_end(reader);
	}
	return rc;
}

enum gk_rc
journal_prove_root(struct journal_reader *reader, uint64_t size,
    struct digest *ret_root, struct gk_err *err)
{
	const struct prove_source source = journal__source(reader);
	enum gk_rc rc;

	GK_TRY(begin(reader, size, err));
	rc = prove_root(&source, size, ret_root, err);
	journal__read_end(reader);
	return rc;
}

enum gk_rc
journal_prove_inclusion(struct journal_reader *reader, uint64_t index,
    uint64_t size, struct merkle_proof *ret, struct gk_err *err)
{
	const struct prove_source source = journal__source(reader);
	enum gk_rc rc;

	GK_TRY(begin(reader, size, err));
	rc = prove_inclusion(&source, index, size, ret, err);
	journal__read_end(reader);
	return rc;
}

enum gk_rc
journal_prove_consistency(struct journal_reader *reader, uint64_t size1,
    uint64_t size2, struct merkle_proof *ret, struct gk_err *err)
{
	const struct prove_source source = journal__source(reader);
	enum gk_rc rc;

	GK_TRY(begin(reader, size2, err));
	rc = prove_consistency(&source, size1, size2, ret, err);
	journal__read_end(reader);
	return rc;
}

/* Does the log reach that tile, and is it that wide there? */
static enum gk_rc
check_reach(struct journal_reader *reader, const struct tile_id *id,
    bool *ret_reaches, struct gk_err *err)
{
	uint64_t size;

	GK_TRY(journal__read_size(reader, &size, err));
	*ret_reaches = id->width > 0 &&
		       id->width <= tile_width(id->level, id->index, size);
	return GK_OK;
}

static enum gk_rc
read_tile(struct journal_reader *reader, const struct tile_id *id,
    struct gk_buf *buf, enum journal_tile *ret, struct gk_err *err)
{
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];
	bool reaches;

	GK_TRY(check_reach(reader, id, &reaches, err));
	if (!reaches) {
		*ret = TILE_BEYOND;
		return GK_OK;
	}
	*ret = TILE_GIVEN;
	GK_TRY(journal__load_tile(reader, id, hashes, err));
	return gk_buf_add(buf, hashes, (size_t)id->width * DIGEST_BYTES, err);
}

enum gk_rc
journal_read_tile(struct journal_reader *reader, const struct tile_id *id,
    struct gk_buf *buf, enum journal_tile *ret, struct gk_err *err)
{
	enum gk_rc rc;

	GK_TRY(journal__read_begin(reader, err));
	rc = read_tile(reader, id, buf, ret, err);
	journal__read_end(reader);
	return rc;
}

/* The bodies [from, from + width); those that were let go are missing. */
static enum gk_rc
add_bodies(struct journal_reader *reader, uint64_t from, unsigned width,
    struct gk_buf *buf, enum journal_tile *ret, struct gk_err *err)
{
	GK_AUTO(journal__stmt_reset)
	sqlite3_stmt *stmt = reader->stmt[R_BODIES];
	size_t before = buf->len;

	journal__stmt_bind(stmt, 1, from);
	journal__stmt_bind(stmt, 2, from + width);
	for (unsigned i = 0; i < width; i++) {
		bool row;

		GK_TRY(journal__stmt_step(
		    reader, stmt, "reading entries", &row, err));
		if (!row) {
			buf->len = before;
			*ret = TILE_LET_GO;
			return GK_OK;
		}
		GK_TRY(tile_bundle_add(buf, sqlite3_column_blob(stmt, 0),
		    (size_t)sqlite3_column_bytes(stmt, 0), err));
	}
	*ret = TILE_GIVEN;
	return GK_OK;
}

static enum gk_rc
read_entries(struct journal_reader *reader, uint64_t index, unsigned width,
    struct gk_buf *buf, enum journal_tile *ret, struct gk_err *err)
{
	const struct tile_id id = {0, index, width};
	bool reaches;

	GK_TRY(check_reach(reader, &id, &reaches, err));
	if (!reaches) {
		*ret = TILE_BEYOND;
		return GK_OK;
	}
	return add_bodies(reader, index * TILE_WIDTH, width, buf, ret, err);
}

enum gk_rc
journal_read_entries(struct journal_reader *reader, uint64_t index,
    unsigned width, struct gk_buf *buf, enum journal_tile *ret,
    struct gk_err *err)
{
	enum gk_rc rc;

	GK_TRY(journal__read_begin(reader, err));
	rc = read_entries(reader, index, width, buf, ret, err);
	journal__read_end(reader);
	return rc;
}

/* Which checkpoint proves most about the event: one that others have seen, where there is one. */
static enum gk_rc
read_proving(struct journal_reader *reader, uint64_t seq, uint64_t *ret_size,
    struct gk_buf *note, bool *ret_found, struct gk_err *err)
{
	uint64_t size = 0;
	bool cosigned;

	GK_TRY(journal__last_cosigned(reader, &cosigned, &size, err));
	GK_TRY(journal__read_checkpoint(reader,
	    cosigned && size > seq ? size : UINT64_MAX, ret_size, note,
	    ret_found, err));
	return *ret_found
		   ? journal_read_cosignatures(reader, *ret_size, note, err)
		   : GK_OK;
}

enum gk_rc
journal_print_proof(struct journal_reader *reader, uint64_t seq,
    struct gk_buf *buf, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct proof proof = {.index = seq};
	uint64_t size;

	GK_TRY(read_proving(reader, seq, &size, &note, ret_found, err));
	if (!*ret_found || seq >= size) {
		*ret_found = false;
		return GK_OK;
	}
	GK_TRY(journal_read_cosignatures(reader, size, &note, err));
	GK_TRY(journal_prove_inclusion(reader, seq, size, &proof.path, err));
	proof.checkpoint = note.bytes;
	proof.checkpoint_n = note.len;
	return proof_print(&proof, buf, err);
}
