/*
 * Verification of a log that comes as files: an export, or what a server gives.
 *
 * The checkpoint says how many events there are and what their root is; from that
 * follows which files must be there, and how long each is.  The bundles are read
 * in order; every event is hashed and checked as one of the store is, all the tiles that
 * follow from them must be there, hash by hash, the incomplete ones too, and the root of all
 * must be the one that was signed.
 *
 * Bundles at the log's beginning may be missing where retention let them go: the tiles tell
 * their hashes, and an event further on must say so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/verify_internal.h"
#include "model/entry.h"

enum {
	WHERE_BYTES = TILE_PATH_BYTES,
	HASHES_BYTES = TILE_WIDTH * DIGEST_BYTES
};

#define SIZE_MAX_EVENTS (UINT64_C(1) << 40)

enum gk_rc
journal__files_load(struct verify *v, const char *path, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err)
{
	const struct journal_files *files = v->options->files;
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	gk_buf_clear(buf);
	rc = files->load(files->ctx, path, buf, ret_found, &why);
	if (rc == GK_E_LIMIT) {
		return journal__verify_fault(
		    v, err, path, "it is longer than it can be");
	}
	return rc == GK_OK ? GK_OK : GK_FAIL(err, rc, "%s", why.text);
}

bool
journal__policy_path(
    const char *digest, char ret_path[JOURNAL_POLICY_PATH_BYTES])
{
	static const char mark[] = "sha256:";
	const char *hex = digest + sizeof(mark) - 1;

	if (strncmp(digest, mark, sizeof(mark) - 1) != 0 ||
	    strlen(hex) != DIGEST_HEX - 1 ||
	    strspn(hex, "0123456789abcdef") != DIGEST_HEX - 1) {
		return false;
	}
	(void)snprintf(ret_path, JOURNAL_POLICY_PATH_BYTES,
	    JOURNAL_POLICIES "/%s.json", hex);
	return true;
}

const char *
journal__held_path(uint64_t index, char ret_path[TILE_PATH_BYTES])
{
	static const char before[] = "tile/entries";
	char path[TILE_PATH_BYTES];

	(void)tile_entries_path(index, TILE_WIDTH, path);
	GK_ASSERT(strncmp(path, before, sizeof(before) - 1) == 0);
	(void)snprintf(ret_path, TILE_PATH_BYTES, JOURNAL_HELD "%s",
	    path + sizeof(before) - 1);
	return ret_path;
}

/*
 * Load a tile or bundle under its own name or, where that isn't there, as the
 * beginning of the complete one that it has become.  *ret_width is how wide the file must be.
 */
static enum gk_rc
load_either(struct verify *v, bool entries, const struct tile_id *id,
    struct gk_buf *buf, unsigned *ret_width, bool *ret_found,
    struct gk_err *err)
{
	struct tile_id named = *id;
	char path[TILE_PATH_BYTES];

	for (;;) {
		(void)(entries
			   ? tile_entries_path(named.index, named.width, path)
			   : tile_path(&named, path));
		GK_TRY(journal__files_load(v, path, buf, ret_found, err));
		if (*ret_found || named.width == TILE_WIDTH) {
			*ret_width = named.width;
			return GK_OK;
		}
		named.width = TILE_WIDTH;
	}
}

/* The hashes of a tile, as wide as the tree has it; *ret_fault says what is wrong with the file, or NULL. */
static enum gk_rc
load_hashes(struct verify *v, const struct tile_id *id, uint8_t *ret_hashes,
    const char **ret_fault, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(HASHES_BYTES);
	unsigned width;
	bool found;

	GK_TRY(load_either(v, false, id, &buf, &width, &found, err));
	*ret_fault = !found ? "it is missing"
		     : buf.len != (size_t)width * DIGEST_BYTES
			 ? "it hasn't the length that belongs to its name"
			 : NULL;
	if (*ret_fault == NULL) {
		memcpy(ret_hashes, buf.bytes, (size_t)id->width * DIGEST_BYTES);
	}
	return GK_OK;
}

/* A tile must be as the events give it. */
static enum gk_rc
check_hashes(struct verify *v, const struct tile_id *id, const uint8_t *hashes,
    struct gk_err *err)
{
	char where[WHERE_BYTES];
	const char *fault;

	(void)tile_path(id, where);
	GK_TRY(load_hashes(v, id, v->tile, &fault, err));
	if (fault != NULL) {
		return journal__verify_fault(v, err, where, "%s", fault);
	}
	for (unsigned i = 0; i < id->width; i++) {
		size_t at = (size_t)i * DIGEST_BYTES;

		if (memcmp(v->tile + at, hashes + at, DIGEST_BYTES) == 0) {
			continue;
		}
		if (id->level == 0) {
			(void)snprintf(where, sizeof(where), "seq %" PRIu64,
			    id->index * TILE_WIDTH + i);
		}
		return journal__verify_fault(v, err, where,
		    "the hash in the tile isn't that of what is there: one of "
		    "the two was changed");
	}
	return GK_OK;
}

static enum gk_rc
check_full(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	const struct tile_id id = {tile->level, tile->index, TILE_WIDTH};

	return check_hashes(ctx, &id, tile->hashes, err);
}

/* The tiles that aren't complete under this head. */
static enum gk_rc
check_partial_tiles(struct verify *v, struct gk_err *err)
{
	for (unsigned level = 0; level < EDGE_LEVELS; level++) {
		const struct edge_level *at = &v->edge.level[level];
		uint64_t count = v->size >> (8 * level);
		const struct tile_id id = {
		    level, count / TILE_WIDTH, (unsigned)(count % TILE_WIDTH)};

		GK_ASSERT(at->edge.size == id.width);
		if (id.width > 0) {
			GK_TRY(check_hashes(v, &id, at->hashes, err));
		}
	}
	return GK_OK;
}

/* Where the bundle's next entry should be, at the end of what was read. */
static enum gk_rc
cut_short(struct verify *v, struct gk_err *err)
{
	char where[WHERE_BYTES];

	(void)snprintf(where, sizeof(where), "seq %" PRIu64, v->edge.size);
	return journal__verify_fault(v, err, where,
	    "its bundle ends before it: the event is missing, or cut off");
}

/* Behind the log's entries: is the rest what the file's width says? */
static bool
rest_fits(
    const struct gk_buf *bundle, size_t at, unsigned count, unsigned width)
{
	const void *entry;
	size_t n;

	while (count <= width && tile_bundle_next(bundle->bytes, bundle->len,
				     &at, &entry, &n, NULL)) {
		count++;
	}
	return at == bundle->len && count == width;
}

/* At the size of the checkpoint that the caller holds, the log must have its root. */
static enum gk_rc
check_held(struct verify *v, struct gk_err *err)
{
	struct digest root;

	if (!v->held.has || v->held.size != v->edge.size) {
		return GK_OK;
	}
	journal__edge_root(&v->edge, &root);
	return digest_equal(root.bytes, v->held.root.bytes, DIGEST_BYTES)
		   ? GK_OK
		   : journal__verify_fault(v, err, "the checkpoint you hold",
			 "the events below don't have the root that was "
			 "signed: the log was forked");
}

static enum gk_rc
check_bundle(struct verify *v, const struct tile_id *id,
    const struct gk_buf *bundle, unsigned width, struct gk_err *err)
{
	const struct edge_sink sink = {check_full, v};
	char where[WHERE_BYTES];
	size_t at = 0;

	for (unsigned i = 0; i < id->width; i++) {
		const void *entry;
		struct digest leaf;
		size_t n;

		if (!tile_bundle_next(
			bundle->bytes, bundle->len, &at, &entry, &n, NULL)) {
			return cut_short(v, err);
		}
		merkle_leaf(entry, n, &leaf);
		GK_TRY(journal__verify_entry(v, v->edge.size, entry, n, err));
		GK_TRY(journal__edge_append(&v->edge, &leaf, &sink, err));
		GK_TRY(check_held(v, err));
	}
	if (!rest_fits(bundle, at, id->width, width)) {
		(void)tile_entries_path(id->index, width, where);
		return journal__verify_fault(v, err, where,
		    "it holds other than the entries that its name says");
	}
	return GK_OK;
}

/* One body that a legal hold kept: it is the tile's. */
static enum gk_rc
check_held_line(struct verify *v, const char *path, const char *line, size_t n,
    const uint8_t *hashes, struct gk_err *err)
{
	struct gk_err why = {.rc = GK_OK};
	struct digest leaf;
	struct event event;
	char where[WHERE_BYTES];
	enum gk_rc rc;

	gk_arena_clear(&v->arena);
	rc = event_decode(line, n, &v->arena, &event, &why);
	if (rc == GK_E_NOMEM) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	if (rc != GK_OK || event.seq < v->edge.size ||
	    event.seq >= v->edge.size + TILE_WIDTH) {
		return journal__verify_fault(
		    v, err, path, "a line that is no event of this tile");
	}
	merkle_leaf(line, n, &leaf);
	if (memcmp(leaf.bytes,
		hashes + (event.seq - v->edge.size) * DIGEST_BYTES,
		DIGEST_BYTES) != 0) {
		(void)snprintf(where, sizeof(where), "seq %" PRIu64, event.seq);
		return journal__verify_fault(
		    v, err, where, "what is held isn't what was recorded");
	}
	v->report->held++;
	return GK_OK;
}

/* What is still there of a bundle that was let go. */
static enum gk_rc
check_held_bodies(struct verify *v, const struct tile_id *id,
    const uint8_t *hashes, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf lines = GK_BUF_INIT(JOURNAL_BUNDLE_BYTES);
	char path[TILE_PATH_BYTES];
	const char *at, *end;
	bool found;

	GK_TRY(journal__files_load(
	    v, journal__held_path(id->index, path), &lines, &found, err));
	at = gk_buf_text(&lines);
	end = at + lines.len;
	while (found && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (stop == NULL) {
			return journal__verify_fault(
			    v, err, path, "its last line was cut off");
		}
		GK_TRY(check_held_line(
		    v, path, at, (size_t)(stop - at), hashes, err));
		at = stop + 1;
	}
	return GK_OK;
}

/* A bundle at the log's beginning that isn't there: the tile tells its hashes. */
static enum gk_rc
take_let_go(struct verify *v, const struct tile_id *id, struct gk_err *err)
{
	const struct edge_sink sink = {check_full, v};
	uint8_t hashes[HASHES_BYTES];
	char where[WHERE_BYTES];
	const char *fault;

	if (id->width < TILE_WIDTH || v->let_go != v->edge.size) {
		(void)tile_entries_path(id->index, id->width, where);
		return journal__verify_fault(
		    v, err, where, "it is missing: events were removed");
	}
	GK_TRY(load_hashes(v, id, hashes, &fault, err));
	if (fault != NULL) {
		(void)tile_path(id, where);
		return journal__verify_fault(v, err, where, "%s", fault);
	}
	GK_TRY(journal__verify_gone_keys(v, v->edge.size, hashes, err));
	GK_TRY(check_held_bodies(v, id, hashes, err));
	for (size_t i = 0; i < TILE_WIDTH; i++) {
		struct digest leaf;

		memcpy(leaf.bytes, hashes + i * DIGEST_BYTES, DIGEST_BYTES);
		GK_TRY(journal__edge_append(&v->edge, &leaf, &sink, err));
		GK_TRY(check_held(v, err));
	}
	v->let_go = v->edge.size;
	return GK_OK;
}

/* Only what an event says was let go may be missing. */
static enum gk_rc
check_let_go(struct verify *v, struct gk_err *err)
{
	char where[WHERE_BYTES];

	v->report->minimum = v->let_go;
	if (v->let_go <= v->retained) {
		return GK_OK;
	}
	(void)tile_entries_path(v->retained / TILE_WIDTH, TILE_WIDTH, where);
	return journal__verify_fault(v, err, where,
	    "it is missing, and no retention has let it go: events were "
	    "removed");
}

static enum gk_rc
check_entries(struct verify *v, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf bundle = GK_BUF_INIT(JOURNAL_BUNDLE_BYTES);

	while (v->edge.size < v->size) {
		struct tile_id id = {0, v->edge.size / TILE_WIDTH, 0};
		unsigned width;
		bool found;

		id.width = tile_width(0, id.index, v->size);
		GK_TRY(load_either(v, true, &id, &bundle, &width, &found, err));
		GK_TRY(found ? check_bundle(v, &id, &bundle, width, err)
			     : take_let_go(v, &id, err));
		if (v->options->progress != NULL) {
			v->options->progress(
			    v->options->ctx, v->edge.size, v->size);
		}
	}
	return check_let_go(v, err);
}

/* What the log says that it is: a signed checkpoint about at least one event. */
static enum gk_rc
check_head(struct verify *v, const struct gk_buf *note, struct gk_err *err)
{
	struct verify_mark head;

	GK_TRY(journal__verify_note(
	    v, note->bytes, note->len, "checkpoint", &head, err));
	if (head.size == 0 || head.size > SIZE_MAX_EVENTS) {
		return journal__verify_fault(v, err, "checkpoint",
		    head.size == 0
			? "the log is empty: nothing proves that it was "
			  "always so"
			: "no log has so many events");
	}
	v->size = head.size;
	v->root = head.root;
	GK_TRY(journal__verify_held(v, err));
	GK_TRY(journal__verify_held_extent(v, v->size, err));
	return journal__verify_cosigned(v, note->bytes, note->len, err);
}

/* Read the head, and find the key that is to verify it; *ret_has false when there is none. */
static enum gk_rc
begin(struct verify *v, bool *ret_has, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint said = {.size = 0}; /* believed further on */
	bool found;

	GK_TRY(journal__verify_files_key(v, ret_has, err));
	if (!*ret_has) {
		return GK_OK;
	}
	GK_TRY(journal__files_load(v, JOURNAL_PUBLISHED, &note, &found, err));
	if (!found ||
	    note_checkpoint_parse(note.bytes, note.len, &said, NULL) != GK_OK) {
		said.size = 0;
	}
	GK_TRY(journal__verify_files_chain(v, said.size, err));
	if (!found || note.len == 0) {
		return journal__verify_fault(
		    v, err, "checkpoint", "there is none: nothing is signed");
	}
	return check_head(v, &note, err);
}

enum gk_rc
journal__files_event(
    struct verify *v, uint64_t seq, bool *ret_found, struct gk_err *err)
{
	const struct tile_id id = {
	    0, seq / TILE_WIDTH, tile_width(0, seq / TILE_WIDTH, v->size)};
	const void *entry;
	size_t at = 0, n = 0;
	unsigned width;

	*ret_found = id.width > seq % TILE_WIDTH;
	if (*ret_found && v->bundle_index != id.index) {
		v->bundle_index = UINT64_MAX;
		GK_TRY(load_either(
		    v, true, &id, &v->bundle, &width, ret_found, err));
		v->bundle_index = *ret_found ? id.index : UINT64_MAX;
	}
	for (uint64_t i = 0; *ret_found && i <= seq % TILE_WIDTH; i++) {
		*ret_found = tile_bundle_next(
		    v->bundle.bytes, v->bundle.len, &at, &entry, &n, NULL);
	}
	return *ret_found ? gk_buf_add(&v->other, entry, n, err) : GK_OK;
}

/* Events of kind snapshot in a bundle; *ret_whole false: it is cut short. */
static enum gk_rc
each_snapshot(const struct gk_buf *bundle, uint64_t seq,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	const struct digest *leaf, bool *stop, struct gk_err *err),
    void *ctx, bool *ret_stop, struct gk_err *err)
{
	const void *entry;
	size_t at = 0, n;

	for (; !*ret_stop && tile_bundle_next(bundle->bytes, bundle->len, &at,
				 &entry, &n, NULL);
	     seq++) {
		if (entry_is(entry, n, "kind", "snapshot")) {
			GK_TRY(each(ctx, seq, entry, n, NULL, ret_stop, err));
		}
	}
	*ret_stop = *ret_stop || at < bundle->len;
	return GK_OK;
}

enum gk_rc
journal_files_snapshots(const struct journal_files *files,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	const struct digest *leaf, bool *stop, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf file = GK_BUF_INIT(JOURNAL_BUNDLE_BYTES);
	struct note_checkpoint said;
	bool found = false, stop = false;
	enum gk_rc rc =
	    files->load(files->ctx, JOURNAL_PUBLISHED, &file, &found, err);

	if (rc != GK_OK || !found ||
	    note_checkpoint_parse(file.bytes, file.len, &said, NULL) != GK_OK) {
		return rc == GK_E_LIMIT ? GK_OK
					: rc; /* verifying will say why */
	}
	for (uint64_t i = 0; i < (said.size + TILE_WIDTH - 1) / TILE_WIDTH &&
			     rc == GK_OK && !stop;
	     i++) {
		unsigned width = tile_width(0, i, said.size);
		char path[TILE_PATH_BYTES];

		for (found = false; rc == GK_OK && !found; width = TILE_WIDTH) {
			gk_buf_clear(&file);
			(void)tile_entries_path(i, width, path);
			rc = files->load(files->ctx, path, &file, &found, err);
			if (width == TILE_WIDTH) {
				break;
			}
		}
		stop = !found;
		if (rc == GK_OK && found) {
			rc = each_snapshot(
			    &file, i * TILE_WIDTH, each, ctx, &stop, err);
		}
	}
	return rc == GK_E_LIMIT ? GK_OK : rc;
}

enum gk_rc
journal__verify_files(struct verify *v, struct gk_err *err)
{
	struct digest root;
	bool has = false;

	GK_TRY(begin(v, &has, err));
	if (!has) {
		return GK_OK;
	}
	v->closed = calloc(1, v->size / 8 + 1);
	if (v->closed == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a bit for each event");
	}
	GK_TRY(check_entries(v, err));
	GK_TRY(check_partial_tiles(v, err));
	if (v->keys.len == 0 && v->keys_met == 0 && v->let_go == 0) {
		return journal__verify_fault(v, err, "seq 0",
		    "neither genesis nor a key event names the key that "
		    "verifies");
	}
	if (v->keys.len > 0 && v->keys_met != v->chain.count) {
		return journal__verify_fault(v, err, JOURNAL_SIGNING_KEYS,
		    "it names a key that no event of the log names");
	}
	journal__edge_root(&v->edge, &root);
	if (!digest_equal(root.bytes, v->root.bytes, DIGEST_BYTES)) {
		return journal__verify_fault(v, err, "checkpoint",
		    "the events don't have the root that was signed: events "
		    "and tiles were changed, or the log was forked");
	}
	journal__verify_done(v);
	return GK_OK;
}
