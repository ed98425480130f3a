/*
 * Verification: with the public key alone, is this log whole?
 *
 * One pass over the bodies in order, in steps of STEP events, each a read
 * transaction of its own, so that the WAL of a running journal isn't held up and
 * memory stays flat.  What is below the head that is read first doesn't change any
 * more, so the steps add up to one picture.
 *
 * On the way the tree grows leaf by leaf.  Each tile that becomes complete must be
 * stored, hash by hash; at the size of each stored checkpoint, and of the published
 * one, the root must be the signed one; one must be there at each multiple of 4096;
 * and the last of them is the head.  What
 * verify_event.c says must hold for each event.  At the end, each policy text must
 * have the SHA-256 that was stored with it (that its digest is that of the policy's
 * files is for the room that frames them).
 *
 * Whatever is missing is a fault.  What can't be read because a device or memory
 * failed is an error; a fault is a verdict.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/verify_internal.h"

enum { ARENA_CAP = 8 * 1024 * 1024, WHERE_BYTES = 48 };

enum gk_rc
journal__verify_fault(struct verify *v, struct gk_err *err, const char *where,
    const char *fmt, ...)
{
	struct journal_verify_report *report = v->report;
	va_list ap;

	(void)snprintf(report->where, sizeof(report->where), "%s", where);
	va_start(ap, fmt);
	if (vsnprintf(report->text, sizeof(report->text), fmt, ap) < 0) {
		report->text[0] = '\0';
	}
	va_end(ap);
	return GK_FAIL(err, GK_E_CORRUPT, "%s: %s", where, report->text);
}

enum gk_rc
journal__verify_note(struct verify *v, const char *bytes, size_t n,
    const char *where, struct verify_mark *ret, struct gk_err *err)
{
	struct note_checkpoint checkpoint;
	struct gk_err why = {.rc = GK_OK};

	if (chain_verify(&v->chain, bytes, n, &checkpoint, &why) != GK_OK) {
		return journal__verify_fault(v, err, where,
		    "%s: nobody with the log's key has signed this", why.text);
	}
	*ret = (struct verify_mark){true, checkpoint.size, checkpoint.root};
	return GK_OK;
}

enum gk_rc
journal__verify_stored(struct verify *v, uint64_t at_least,
    struct verify_mark *ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	char where[WHERE_BYTES];
	uint64_t size;
	enum gk_rc rc;

	rc = journal__read_checkpoint(
	    v->reader, at_least, &size, &note, &ret->has, err);
	if (rc == GK_E_LIMIT) {
		return journal__verify_fault(
		    v, err, "checkpoint", "a note that is far too long");
	}
	GK_TRY(rc);
	if (!ret->has) {
		return GK_OK;
	}
	(void)snprintf(where, sizeof(where), "checkpoint %" PRIu64, size);
	GK_TRY(journal__verify_note(
	    v, gk_buf_text(&note), note.len, where, ret, err));
	if (ret->size != size) {
		return journal__verify_fault(v, err, where,
		    "the note is about %" PRIu64 " events", ret->size);
	}
	return GK_OK;
}

static enum gk_rc
read_published(struct verify *v, int dir, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	bool found;
	enum gk_rc rc =
	    journal__file_load(dir, JOURNAL_PUBLISHED, &note, &found, err);

	if (rc == GK_E_LIMIT) {
		return journal__verify_fault(
		    v, err, "published checkpoint", "far too long");
	}
	GK_TRY(rc);
	if (!found) {
		return GK_OK;
	}
	return journal__verify_note(v, gk_buf_text(&note), note.len,
	    "published checkpoint", &v->published, err);
}

/* How many tiles a log of that size has completed. */
static uint64_t
tiles_of(uint64_t size)
{
	uint64_t count = 0;

	for (size >>= 8; size > 0; size >>= 8) {
		count += size;
	}
	return count;
}

/* In one snapshot: what the head is, and that nothing lies beyond it. */
static enum gk_rc
check_extent(struct verify *v, struct gk_err *err)
{
	struct verify_mark head = {.has = false};
	uint64_t size, tiles, strays;

	GK_TRY(journal__read_size(v->reader, &size, err));
	GK_TRY(journal__verify_stored(v, UINT64_MAX, &head, err));
	GK_TRY(journal__read_tile_count(v->reader, &tiles, err));
	GK_TRY(journal__read_strays(v->reader, size, &strays, err));
	if (!head.has || head.size == 0) {
		return journal__verify_fault(v, err, "log",
		    size == 0 ? "the log is empty: nothing proves that it was "
				"always so"
			      : "no checkpoint: nothing is signed");
	}
	if (head.size != size || strays != 0) {
		return journal__verify_fault(v, err, "log",
		    "there are %" PRIu64 " events and the last checkpoint is "
		    "about %" PRIu64 ": events were added or removed",
		    size, head.size);
	}
	if (tiles != tiles_of(size)) {
		return journal__verify_fault(v, err, "tiles",
		    "%" PRIu64 " are stored, and %" PRIu64 " belong to the log",
		    tiles, tiles_of(size));
	}
	if (v->published.has && v->published.size > size) {
		return journal__verify_fault(v, err, "published checkpoint",
		    "it is about %" PRIu64 " events, and the log has %" PRIu64
		    ": the log was rolled back",
		    v->published.size, size);
	}
	v->size = head.size;
	v->root = head.root;
	return journal__verify_held_extent(v, size, err);
}

enum gk_rc
journal__verify_policy(struct verify *v, const char *digest, const char *bytes,
    size_t n, struct gk_err *err)
{
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc =
	    v->options->policy == NULL
		? GK_OK
		: v->options->policy(v->options->ctx, digest, bytes, n, &why);

	if (rc == GK_E_CORRUPT) {
		return journal__verify_fault(v, err, "policy text",
		    "the text kept for %.80s: %s", digest, why.text);
	}
	return rc == GK_OK ? GK_OK : GK_FAIL(err, rc, "%s", why.text);
}

static enum gk_rc
check_policy_text(void *ctx, const char *digest, const void *sha256,
    size_t sha256_n, const char *bytes, size_t n, struct gk_err *err)
{
	struct verify *v = ctx;
	const struct digest_part part = {bytes, n};
	struct digest want;

	digest_sha256(&part, 1, &want);
	if (sha256_n != DIGEST_BYTES ||
	    !digest_equal(want.bytes, sha256, DIGEST_BYTES)) {
		return journal__verify_fault(v, err, "policy text",
		    "the text kept for %.80s was changed", digest);
	}
	return journal__verify_policy(v, digest, bytes, n, err);
}

static enum gk_rc
verify_begin(struct verify *v, struct gk_err *err)
{
	GK_TRY(journal__read_begin(v->reader, err));
	GK_TRY(check_extent(v, err));
	GK_TRY(journal__gone_load(v, err));
	journal__read_end(v->reader);
	v->closed = calloc(1, v->size / 8 + 1);
	if (v->closed == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a bit for each event");
	}
	return GK_OK;
}

/* The last checkpoint read on the way must be the head: the root is signed. */
static enum gk_rc
verify_end(struct verify *v, struct gk_err *err)
{
	struct verify_mark head = {true, v->size, v->root};

	GK_TRY(journal__verify_mark(v, &head, "checkpoint", err));
	if (v->checkpoints == 0) {
		return journal__verify_fault(
		    v, err, "log", "no checkpoint was met");
	}
	if (v->keys_met != v->chain.count && v->keys_met != 0) {
		return journal__verify_fault(v, err, "signing keys",
		    "the table names a key that no event of the log names");
	}
	return journal__each_policy(v->reader, check_policy_text, v, err);
}

void
journal__verify_done(struct verify *v)
{
	struct journal_verify_report *report = v->report;

	report->verdict = VERIFY_OK;
	report->size = v->size;
	report->root = v->root;
	gk_time_print(v->last_us, report->head);
}

/* Twice, for a journal that is running may begin its WAL anew meanwhile. */
static enum gk_rc
check_wal(struct verify *v, int dir, struct gk_err *err)
{
	struct wal_state found, again;

	GK_TRY(journal__wal_check(dir, &found, err));
	if (found.damaged == 0) {
		return GK_OK;
	}
	GK_TRY(journal__wal_check(dir, &again, err));
	return again.damaged != found.damaged
		   ? GK_OK
		   : journal__verify_fault(v, err, "log",
			 JOURNAL_WAL " is damaged at byte %" PRIu64
				     ": events that were committed stand "
				     "behind it and can't be read",
			 found.damaged);
}

static enum gk_rc
verify_log(struct verify *v, int dir, struct gk_err *err)
{
	const char *data_dir = v->options->data_dir;

	if (!journal__file_exists(dir, JOURNAL_DB)) {
		return journal__file_exists(dir, JOURNAL_PUBLISHED)
			   ? journal__verify_fault(v, err, "log",
				 "the journal is missing, and a checkpoint of "
				 "it is there")
			   : GK_FAIL(err, GK_E_IO, "there is no journal in %s",
				 data_dir);
	}
	GK_TRY(check_wal(v, dir, err));
	GK_TRY(journal_reader_open(data_dir, &v->reader, err));
	GK_TRY(journal__verify_chain(v, err));
	GK_TRY(read_published(v, dir, err));
	GK_TRY(journal__verify_held(v, err));
	GK_TRY(verify_begin(v, err));
	GK_TRY(journal__verify_walk(v, err));
	GK_TRY(verify_end(v, err));
	GK_TRY(journal__verify_witnesses(v, err));
	v->report->minimum = journal__gone_minimum(v);
	journal__verify_done(v);
	return GK_OK;
}

/* Take the key that is to verify, or say why there is none. */
static void
take_key(struct verify *v, enum gk_rc rc, bool has, const char *why)
{
	struct journal_verify_report *report = v->report;

	if (rc == GK_OK && has) {
		(void)snprintf(report->origin, sizeof(report->origin), "%s",
		    v->vkey.origin);
		return;
	}
	report->verdict = VERIFY_UNVERIFIABLE;
	(void)snprintf(report->where, sizeof(report->where), "verifier key");
	(void)snprintf(report->text, sizeof(report->text), "%s",
	    rc != GK_OK ? why : "there is none to verify with");
}

/* The key that was given, or the one in the folder; *ret_has false when there is none that could. */
static enum gk_rc
verify_key(struct verify *v, int dir, bool *ret_has, struct gk_err *err)
{
	const char *given = v->options->vkey;
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	*ret_has = given != NULL;
	rc = given != NULL ? note_vkey_parse(given, &v->vkey, &why)
			   : journal__vkey_load(dir, &v->vkey, ret_has, &why);
	if (rc == GK_E_IO || rc == GK_E_NOMEM) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	take_key(v, rc, *ret_has, why.text);
	*ret_has = rc == GK_OK && *ret_has;
	return GK_OK;
}

/* The same for a log that comes as files. */
enum gk_rc
journal__verify_files_key(struct verify *v, bool *ret_has, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(NOTE_VKEY_BYTES);
	const char *given = v->options->vkey;
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	*ret_has = given != NULL;
	if (given == NULL) {
		GK_TRY(
		    journal__files_load(v, JOURNAL_VKEY, &text, ret_has, err));
		if (text.len > 0 && text.bytes[text.len - 1] == '\n') {
			text.bytes[--text.len] = '\0';
		}
		given = gk_buf_text(&text);
	}
	rc = *ret_has ? note_vkey_parse(given, &v->vkey, &why) : GK_OK;
	take_key(v, rc, *ret_has, why.text);
	*ret_has = rc == GK_OK && *ret_has;
	return GK_OK;
}

static enum gk_rc
verify_dir(struct verify *v, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int dir = -1;
	bool has;

	if (v->options->files != NULL) {
		return journal__verify_files(v, err);
	}
	GK_TRY(journal__dir_open(
	    AT_FDCWD, v->options->data_dir, false, &dir, err));
	GK_TRY(verify_key(v, dir, &has, err));
	if (!has) {
		return GK_OK;
	}
	return verify_log(v, dir, err);
}

static void
verify_freep(struct verify **verify)
{
	struct verify *v = *verify;

	if (v != NULL) {
		if (v->reader != NULL) {
			journal__read_end(v->reader);
		}
		journal_reader_close(v->reader);
		gk_arena_done(&v->arena);
		gk_arena_done(&v->other_arena);
		gk_buf_done(&v->other);
		journal__gone_free(v->gone);
		journal__near_free(v->near);
		journal__decoder_stop(v->decoder);
		chain_done(&v->chain);
		gk_buf_done(&v->bundle);
		gk_buf_done(&v->keys);
		free(v->closed);
		free(v);
	}
}

enum gk_rc
journal_verify(const struct journal_verify_options *options,
    struct journal_verify_report *ret, struct gk_err *err)
{
	GK_AUTO(verify_freep) struct verify *v = calloc(1, sizeof(*v));
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	*ret = (struct journal_verify_report){.verdict = VERIFY_TAMPERED};
	if (v == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a verification");
	}
	v->options = options;
	v->report = ret;
	v->last_us = INT64_MIN;
	v->arena = (struct gk_arena)GK_ARENA_INIT(ARENA_CAP);
	v->other_arena = (struct gk_arena)GK_ARENA_INIT(ARENA_CAP);
	v->other = (struct gk_buf)GK_BUF_INIT(EVENT_BYTES_MAX);
	v->keys = (struct gk_buf)GK_BUF_INIT(JOURNAL_SIGNING_KEYS_BYTES);
	v->bundle = (struct gk_buf)GK_BUF_INIT(JOURNAL_BUNDLE_BYTES);
	v->bundle_index = UINT64_MAX;
	GK_TRY(journal__near_new(&v->near, err));
	rc = verify_dir(v, &why);
	if (rc == GK_OK) {
		return GK_OK;
	}
	if (rc != GK_E_CORRUPT) {
		return GK_FAIL(err, rc, "%s", why.text);
	}
	if (ret->text[0] == '\0') { /* the store's, or the caller's, finding */
		(void)snprintf(ret->where, sizeof(ret->where), "%.90s",
		    why.where[0] != '\0' ? why.where : "database");
		(void)snprintf(ret->text, sizeof(ret->text), "%s", why.text);
	}
	ret->verdict = VERIFY_TAMPERED;
	return GK_OK;
}
