/*
 * The journal at work: append, commit, publish, close.
 *
 * A batch.  The first append begins a transaction.  Each append writes the body,
 * its openings, and every tile that it completes, and grows the edge in memory.
 * Commit signs the edge's root, puts the note in the place of the one before, and
 * COMMITs: one fdatasync, of the WAL.  Only then may answers leave.  At each multiple
 * of JOURNAL_KEEP_EVERY, be it in the middle of a batch, a checkpoint is signed that
 * is never replaced; and the one at a clean end isn't, either.
 *
 * Publishing.  data_dir/checkpoint is a copy of the latest note outside the
 * database, so that a database that was put back to an older state is noticed.
 * Replacing it costs two more fsyncs, so it happens between batches, in
 * journal_tidy(), at most once in PUBLISH_EVERY_US, and at close.  It may lag
 * behind the database; it can never be ahead of it, unless the database went back.
 *
 * Errors.  Whatever fails inside a batch leaves an outcome that nobody here knows:
 * SQLite may say "rolled back" of frames that the next start finds whole in the
 * WAL.  So nothing is rolled back or tried again: the journal is broken, its
 * process ends, and the next start reads what is really there (open.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/assert.h"
#include "base/time.h"
#include "journal/journal_internal.h"

enum { PUBLISH_EVERY_US = 200000, FOLD_PAGES = 512 };

void
journal__release(struct journal *journal)
{
	journal_reader_close(journal->reader);
	journal__let_go_free(journal->let_go);
	journal__writer_free(journal->writer);
	journal__store_close(journal->db, !journal->broken);
	journal__keys_wipe(&journal->keys);
	journal__remote_free(journal->remote);
	chain_done(&journal->chain);
	gk_buf_done(&journal->head);
	free(journal->edge);
	journal__fd_close(&journal->dir);
	journal__fd_close(&journal->lock); /* last: now another may come */
	free(journal);
}

/* Leave a mark for the next start; best effort, on a device that has just failed. */
void
journal__mark_eio(struct journal *journal, const struct gk_err *err)
{
	static const char fallback[] = "the device reported an error";
	const char *text = err != NULL ? err->text : fallback;

	if (journal__file_replace(journal->dir, JOURNAL_EIO, text, strlen(text),
		0600, NULL) != GK_OK) {
		return; /* nothing more can be done here */
	}
}

/* After a failure within a batch: no way back. */
static enum gk_rc
journal_break(struct journal *journal, struct gk_err *err)
{
	journal->broken = true;
	if (journal__store_is_eio(journal->db)) {
		journal__mark_eio(journal, err);
	}
	if (err != NULL) {
		err->rc = GK_E_IO;
	}
	return GK_E_IO;
}

static enum gk_rc
check_whole(const struct journal *journal, struct gk_err *err)
{
	return journal->broken ? GK_FAIL(err, GK_E_IO,
				     "the journal failed before: the process "
				     "must end")
			       : GK_OK;
}

/*
 * The batch.
 */

enum gk_rc
journal__batch_begin(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (journal->in_batch) {
		return GK_OK;
	}
	if (journal__write_begin(journal->writer, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->in_batch = true;
	return GK_OK;
}

static enum gk_rc
write_full_tile(void *ctx, const struct edge_tile *tile, struct gk_err *err)
{
	struct journal *journal = ctx;

	return journal__write_tile(journal->writer, tile, err);
}

/* Sign what the edge says now; at a handover the next key does, too. */
static enum gk_rc
sign(struct journal *journal, bool handover, struct gk_err *err)
{
	const struct journal_keys *keys = &journal->keys;
	struct note_checkpoint note = {.size = journal->edge->size};

	memcpy(note.origin, keys->vkey.origin, sizeof(note.origin));
	journal__edge_root(journal->edge, &note.root);
	gk_buf_clear(&journal->head);
	journal->head_size = note.size;
	if (journal->remote != NULL) {
		return journal__remote_sign(journal->remote, &note, &keys->vkey,
		    handover ? &keys->next.vkey : NULL, &journal->head, err);
	}
	return handover ? chain_sign_both(&note, &keys->vkey, &keys->sign,
			      &keys->next.vkey, &keys->next.sign,
			      &journal->head, err)
			: note_checkpoint_sign(&note, &keys->vkey, &keys->sign,
			      &journal->head, err);
}

/* Sign, and put the note in the place of the one before. */
static enum gk_rc
seal(struct journal *journal, bool kept, bool handover, struct gk_err *err)
{
	uint64_t before = journal->head_size;

	GK_TRY(sign(journal, handover, err));
	GK_TRY(journal__write_drop_checkpoint(journal->writer, before, err));
	return journal__write_checkpoint(journal->writer, journal->head_size,
	    journal->head.bytes, journal->head.len, kept, err);
}

/*
 * An event that names a signing key is kept in a table of its own.  One that names
 * the next key is sealed at once, by both keys, and from then on the next one signs.
 */
static enum gk_rc
append_signing_key(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, struct gk_err *err)
{
	GK_TRY(journal__write_signing_key(
	    journal->writer, event->seq, bytes, n, err));
	if (event->kind == EVENT_GENESIS) {
		return GK_OK;
	}
	if (!journal->keys.has_next ||
	    !chain_is_key(&journal->keys.next.vkey, event->key->vkey)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "an event names a signing key that wasn't made");
	}
	GK_TRY(chain_take(&journal->chain, event, err));
	GK_TRY(seal(journal, true, true, err));
	journal__keys_switch(&journal->keys);
	journal->switched = true;
	return GK_OK;
}

/* The body goes in with the place of its run's first event, which is its own for a new run. */
static enum gk_rc
append_body(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, struct gk_err *err)
{
	struct body_row row;
	bool known;

	journal__row_of(event, &row);
	row.bytes = bytes;
	row.n = n;
	if (row.columns.run != 0) {
		GK_TRY(journal_run_first(journal->reader, row.columns.run,
		    &row.run_first, &known, err));
		if (!known) {
			row.run_first = row.seq;
		}
	}
	return journal__write_body(journal->writer, &row, err);
}

static enum gk_rc
append(struct journal *journal, const struct event *event, const char *bytes,
    size_t n, const struct digest *leaf, struct gk_err *err)
{
	const struct edge_sink sink = {write_full_tile, journal};

	GK_TRY(append_body(journal, event, bytes, n, err));
	GK_TRY(journal__edge_append(journal->edge, leaf, &sink, err));
	if (journal->remote != NULL) {
		GK_TRY(journal__remote_leaf(journal->remote, leaf, err));
	}
	if (chain_names(event) &&
	    (event->kind != EVENT_GENESIS || event->seq == 0)) {
		GK_TRY(append_signing_key(journal, event, bytes, n, err));
	}
	return journal->edge->size % JOURNAL_KEEP_EVERY == 0 &&
		       journal->edge->size != journal->head_size
		   ? seal(journal, true, false, err)
		   : GK_OK;
}

static enum gk_rc
append_openings(struct journal *journal, uint64_t seq,
    const struct opening *openings, size_t count, struct gk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		GK_TRY(journal__write_opening(
		    journal->writer, seq, &openings[i], err));
	}
	return GK_OK;
}

enum gk_rc
journal_append(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, const struct opening *openings,
    size_t opening_count, struct digest *ret_leaf, struct gk_err *err)
{
	GK_ASSERT(event->seq == journal_next_seq(journal));
	GK_ASSERT(event->timestamp_us >= journal->last_us);
	GK_ASSERT(n > 0 && n <= EVENT_BYTES_MAX);
	GK_TRY(journal__batch_begin(journal, err));
	merkle_leaf(bytes, n, ret_leaf);
	if (append(journal, event, bytes, n, ret_leaf, err) != GK_OK ||
	    append_openings(
		journal, event->seq, openings, opening_count, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->last_us = event->timestamp_us;
	journal->counters.events++;
	return GK_OK;
}

static enum gk_rc
commit(struct journal *journal, struct gk_err *err)
{
	if (journal->edge->size != journal->head_size) {
		GK_TRY(seal(journal, false, false, err));
		journal->counters.checkpoints++;
	}
	if (journal->accepted) {
		GK_TRY(journal__write_meta(
		    journal->writer, JOURNAL_META_ACCEPTED, NULL, err));
	}
	return journal__write_commit(journal->writer, err);
}

enum gk_rc
journal_commit(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (!journal->in_batch) {
		return GK_OK;
	}
	if (commit(journal, err) != GK_OK) {
		return journal_break(journal, err);
	}
	journal->in_batch = false;
	journal->accepted = false;
	journal->counters.commits++;
	if (journal->remote != NULL) {
		journal__remote_committed(journal->remote);
	}
	if (journal->switched) {
		journal->switched = false;
		return journal__settled(journal,
		    journal__keys_finish(journal->dir, &journal->keys, err),
		    err);
	}
	return GK_OK;
}

enum gk_rc
journal__settled(struct journal *journal, enum gk_rc rc, struct gk_err *err)
{
	return rc == GK_OK ? GK_OK : journal_break(journal, err);
}

enum gk_rc
journal_keep_policy(struct journal *journal, const char *digest,
    const char *bytes, size_t n, struct gk_err *err)
{
	GK_TRY(journal__batch_begin(journal, err));
	return journal__settled(journal,
	    journal__write_policy(journal->writer, digest, bytes, n, err), err);
}

enum gk_rc
journal_keep_cosignature(struct journal *journal,
    const struct journal_cosignature *cosignature, struct gk_err *err)
{
	GK_TRY(journal__batch_begin(journal, err));
	return journal__settled(journal,
	    journal__write_cosignature(journal->db, cosignature, err), err);
}

enum gk_rc
journal_store_word(struct journal *journal, const char *key, const char *value,
    struct gk_err *err)
{
	GK_TRY(journal__batch_begin(journal, err));
	return journal__settled(journal,
	    journal__write_meta(journal->writer, key, value, err), err);
}

enum gk_rc
journal_put_row(struct journal *journal, int64_t generation, const char *key,
    const char *json, size_t n, struct gk_err *err)
{
	GK_TRY(journal__batch_begin(journal, err));
	return journal__settled(journal,
	    journal__write_row(journal->writer, generation, key, json, n, err),
	    err);
}

enum gk_rc
journal_drop_rows(struct journal *journal, int64_t keep, int limit,
    bool *ret_more, struct gk_err *err)
{
	GK_TRY(journal__batch_begin(journal, err));
	return journal__settled(journal,
	    journal__write_drop_rows(
		journal->writer, keep, limit, ret_more, err),
	    err);
}

/*
 * Between batches.
 */

enum gk_rc
journal__publish(struct journal *journal, struct gk_err *err)
{
	GK_TRY(journal__file_replace(journal->dir, JOURNAL_PUBLISHED,
	    journal->head.bytes, journal->head.len, 0644, err));
	journal->published_size = journal->head_size;
	return GK_OK;
}

static enum gk_rc
publish_when_due(struct journal *journal, struct gk_err *err)
{
	int64_t now = gk_clock_system.boot_us(NULL);

	if (journal->published_size == journal->head_size ||
	    (journal->published_at_us != 0 &&
		now - journal->published_at_us < PUBLISH_EVERY_US)) {
		return GK_OK;
	}
	journal->published_at_us =
	    now; /* of the attempt: a full disk isn't hammered */
	return journal__publish(journal, err);
}

static enum gk_rc
fold_when_due(struct journal *journal, struct gk_err *err)
{
	enum gk_rc rc;

	if (journal__wal_pages(journal->writer) < FOLD_PAGES) {
		return GK_OK;
	}
	rc = journal__wal_fold(journal->writer, false, err);
	if (rc == GK_E_BUSY) {
		return GK_OK; /* a reader is starting up: next time */
	}
	if (rc != GK_OK && journal__store_is_eio(journal->db)) {
		return journal_break(journal, err);
	}
	return rc;
}

enum gk_rc
journal_tidy(struct journal *journal, struct gk_err *err)
{
	GK_TRY(check_whole(journal, err));
	if (journal->in_batch) {
		return GK_OK;
	}
	GK_TRY(fold_when_due(journal, err));
	return publish_when_due(journal, err);
}

/* The checkpoint of a clean end is kept. */
static enum gk_rc
keep_head(struct journal *journal, struct gk_err *err)
{
	GK_TRY(journal__write_begin(journal->writer, err));
	GK_TRY(journal__write_keep_checkpoint(
	    journal->writer, journal->head_size, err));
	return journal__write_commit(journal->writer, err);
}

void
journal_close(struct journal *journal)
{
	if (journal == NULL) {
		return;
	}
	if (journal->in_batch) {
		journal->broken =
		    true; /* never committed: as if it hadn't been */
	}
	/* What fails here the next start does again, or finds. */
	if (!journal->broken && journal->counters.commits > 0 &&
	    journal->head_size > 0 && keep_head(journal, NULL) != GK_OK) {
		journal->broken = true;
	}
	if (!journal->broken &&
	    ((journal->published_size != journal->head_size &&
		 journal__publish(journal, NULL) != GK_OK) ||
		journal__wal_fold(journal->writer, true, NULL) != GK_OK)) {
		journal->broken = true;
	}
	journal__release(journal);
}

/*
 * What it knows.
 */

const char *
journal_origin(const struct journal *journal)
{
	return journal->keys.vkey.origin;
}

const char *
journal_vkey(const struct journal *journal)
{
	return journal->keys.vkey_text;
}

uint64_t
journal_next_seq(const struct journal *journal)
{
	return journal->edge->size;
}

int64_t
journal_last_us(const struct journal *journal)
{
	return journal->last_us;
}

void
journal_id_key(const struct journal *journal, struct id_key *ret)
{
	*ret = journal->keys.id;
}

enum gk_rc
journal_signing_key_make(struct journal *journal, uint64_t seq,
    char ret_vkey[JOURNAL_VKEY_BYTES],
    char ret_handover[JOURNAL_HANDOVER_BYTES], struct gk_err *err)
{
	struct journal_keys *keys = &journal->keys;

	_Static_assert(JOURNAL_VKEY_BYTES == NOTE_VKEY_BYTES &&
			   JOURNAL_HANDOVER_BYTES == CHAIN_HANDOVER_BYTES,
	    "texts of keys");
	GK_TRY(check_whole(journal, err));
	if (journal->switched) {
		return GK_FAIL(err, GK_E_BUSY,
		    "the signing key has changed in this very batch");
	}
	if (journal->remote != NULL) {
		GK_TRY(journal__remote_next(
		    journal->remote, seq, &keys->next.vkey, ret_handover, err));
		keys->has_next = true;
		(void)note_vkey_print(&keys->next.vkey, ret_vkey);
		return GK_OK;
	}
	GK_TRY(journal__keys_next(journal->dir, keys, err));
	(void)note_vkey_print(&keys->next.vkey, ret_vkey);
	return chain_handover(
	    &keys->sign, &keys->next.vkey, seq, ret_handover, err);
}

enum gk_rc
journal_hash_key_load(const struct journal *journal, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], bool *ret_found, struct gk_err *err)
{
	return journal__hash_key_load(journal->dir, id, ret, ret_found, err);
}

enum gk_rc
journal_hash_key_make(const struct journal *journal, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], struct gk_err *err)
{
	GK_TRY(journal__id_key_keep(journal->dir, &journal->keys.id, err));
	return journal__hash_key_make(journal->dir, id, ret, err);
}

enum gk_rc
journal_hash_key_destroy(
    const struct journal *journal, int64_t id, struct gk_err *err)
{
	/* the key of ids is derived from the first: it mustn't go with it */
	GK_TRY(journal__id_key_keep(journal->dir, &journal->keys.id, err));
	return journal__hash_key_destroy(journal->dir, id, err);
}

struct journal_reader *
journal_reader(struct journal *journal)
{
	return journal->reader;
}

enum gk_rc
journal_each_row(struct journal *journal, int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	return journal__each_row(journal->reader, generation, row, ctx, err);
}

enum gk_rc
journal_last_snapshot(struct journal *journal, bool *ret_found,
    uint64_t *ret_seq, struct gk_err *err)
{
	return journal__read_snapshot(journal->reader, ret_found, ret_seq, err);
}

enum gk_rc
journal_free_bytes(
    const struct journal *journal, uint64_t *ret_bytes, struct gk_err *err)
{
	struct statvfs fs;

	if (fstatvfs(journal->dir, &fs) != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "statvfs: %s", strerrordesc_np(errno));
	}
	*ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return GK_OK;
}

void
journal_counters(const struct journal *journal, struct journal_counters *ret)
{
	*ret = journal->counters;
	ret->wal_bytes = journal__wal_bytes(journal->writer);
}
