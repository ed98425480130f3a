/*
 * Opening a journal: what must hold before anything is appended, and going on by an operator's word.
 *
 * The lock comes first.  Then the WAL is written over with its own bytes and synced,
 * folded in, and the database and its folder are synced, so that what is read from
 * here on is on the disk and not only in the page cache: the process before may have
 * ended because an fsync failed.  A WAL that only the page cache has must not be
 * folded in: were the power to go half-way, neither would be whole.
 * Then the last checkpoint must be ours, be about all events, and have the root
 * that the tiles and the last bodies give.  Last, the published file must be a
 * checkpoint of this very log, now or earlier.
 *
 * When the device itself reported an error (EIO), a marker file makes every start
 * refuse: what reads well now may be the page cache's dream.  journal_recover() is
 * how an operator, who has looked, accepts what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "journal/journal_internal.h"

#define DROPPED "the signer dropped"

enum {
	ACCEPTED_BYTES = 512,
	ACCEPTED_CHECK_BYTES = DIGEST_B64_ROOM(DIGEST_BYTES),
	REASON_MAX = 255
};

static void
journal_releasep(struct journal **journal)
{
	if (*journal != NULL) {
		journal__release(*journal);
	}
}

static enum gk_rc
journal_new(struct journal **ret_journal, struct gk_err *err)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the journal");
	}
	journal->dir = -1;
	journal->lock = -1;
	journal->head = (struct gk_buf)GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	journal->edge = calloc(1, sizeof(*journal->edge));
	if (journal->edge == NULL) {
		journal__release(journal);
		return GK_FAIL(err, GK_E_NOMEM, "the journal's edge");
	}
	*ret_journal = journal;
	return GK_OK;
}

/*
 * Opening.
 */

static enum gk_rc
check_no_eio(const struct journal *journal, struct gk_err *err)
{
	if (journal__file_exists(journal->dir, JOURNAL_EIO)) {
		return GK_FAIL(err, GK_E_IO,
		    "the device failed while the journal was written (see the "
		    "file " JOURNAL_EIO "): check it, then run `gatekeeper "
		    "recover --accept SIZE`");
	}
	return GK_OK;
}

/* From here on, what can be read is on the disk. */
static enum gk_rc
settle_disk(struct journal *journal, struct gk_err *err)
{
	enum gk_rc rc = journal__wal_fold(journal->writer, true, err);
	bool eio = rc != GK_OK && journal__store_is_eio(journal->db);

	if (rc == GK_OK) {
		rc = journal__db_sync(journal->writer, err);
		eio = rc != GK_OK;
	}
	if (eio) {
		journal__mark_eio(journal, err);
	}
	GK_TRY(rc);
	return journal__dir_sync(journal->dir, err);
}

/*
 * Tell the signer which head is committed, and take its key, which must be the one
 * that the log says it is signed with.
 */
static enum gk_rc
greet(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	struct journal_keys *keys = &journal->keys;
	struct merkle_frontier head;
	struct note_vkey vkey;
	uint64_t dropped;

	journal__edge_frontier(journal->edge, &head);
	GK_TRY(journal__remote_hello(
	    journal->remote, &head, &vkey, &dropped, err));
	if (journal->chain.count > 0 && !chain_is_key(&vkey, keys->vkey_text)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the signer's key is not the one that the log is signed "
		    "with");
	}
	if (options->origin != NULL &&
	    strcmp(options->origin, vkey.origin) != 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the signer's origin is %s, and the configuration says %s",
		    vkey.origin, options->origin);
	}
	keys->vkey = vkey;
	(void)note_vkey_print(&keys->vkey, keys->vkey_text);
	if (dropped > 0) {
		size_t n = strlen(found->detail);

		(void)snprintf(found->detail + n, sizeof(found->detail) - n,
		    "%s" DROPPED " a head of %" PRIu64
		    " events that was signed and never committed",
		    n == 0 ? "" : "; ", dropped);
	}
	return GK_OK;
}

/* Without the signer, as an operator recovers: a log without events has no key yet, and needs none. */
static enum gk_rc
check_keyless(const struct journal *journal, struct gk_err *err)
{
	uint64_t size;

	GK_TRY(journal__read_size(journal->reader, &size, err));
	return size == 0 ? GK_OK
			 : GK_FAIL(err, GK_E_CORRUPT,
			       "there is no signing key, and no event names "
			       "one");
}

/* Which key signs, and which may verify: the log's own events say so, from its first on. */
static enum gk_rc
settle_keys(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	struct journal_keys *keys = &journal->keys;

	if (keys->apart && journal->chain.count > 0) {
		keys->vkey = *chain_newest(&journal->chain);
		(void)note_vkey_print(&keys->vkey, keys->vkey_text);
	} else if (keys->apart && journal->remote != NULL) {
		GK_TRY(greet(journal, options, found, err));
	} else if (keys->apart) {
		return check_keyless(journal, err);
	}
	GK_TRY(journal__keys_settle(journal->dir, keys, &journal->chain, err));
	return journal->chain.count == 0
		   ? chain_begin(&journal->chain, &keys->vkey, err)
		   : GK_OK;
}

/* Keys, database, and what an unclean end has left in the WAL. */
static enum gk_rc
open_store(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	bool fresh = journal__file_size(journal->dir, JOURNAL_DB) == 0;
	struct journal_keys *keys = &journal->keys;
	uint64_t wal = journal__file_size(journal->dir, JOURNAL_WAL);

	keys->apart = journal->apart;
	GK_TRY(journal__keys_load(
	    journal->dir, options->origin, fresh, keys, err));
	if (wal > 0) {
		GK_TRY(journal__file_rewrite(journal->dir, JOURNAL_WAL, err));
	}
	GK_TRY(journal__store_open(
	    options->data_dir, STORE_WRITE, &journal->db, err));
	GK_TRY(journal__writer_open(journal->db, &journal->writer, err));
	GK_TRY(journal__let_go_open(journal->db, &journal->let_go, err));
	GK_TRY(journal__reader_on(journal->db, &journal->reader, err));
	GK_TRY(settle_disk(journal, err));
	if (wal > 0) {
		(void)snprintf(found->detail, sizeof(found->detail),
		    "%" PRIu64
		    " bytes of WAL were waiting and were folded in%s",
		    wal,
		    journal->wal.cut
			? ", but for a last batch that wasn't whole"
			: "");
	}
	GK_TRY(journal__chain_load(journal->reader, &journal->chain, err));
	return settle_keys(journal, options, found, err);
}

/* The last checkpoint is ours, is about all events, and its root is theirs. */
static enum gk_rc
check_head(struct journal *journal, uint64_t size, struct gk_err *err)
{
	struct note_checkpoint note;
	struct digest root;

	if (chain_verify(&journal->chain, journal->head.bytes,
		journal->head.len, &note, err) != GK_OK) {
		gk_err_context(err, "the last checkpoint");
		return GK_E_CORRUPT;
	}
	if (note.size != size || journal->head_size != size) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the journal has %" PRIu64
		    " events, and its last checkpoint is about %" PRIu64,
		    size, note.size);
	}
	GK_TRY(journal__edge_load(journal->reader, size, journal->edge, err));
	journal__edge_root(journal->edge, &root);
	if (!digest_equal(root.bytes, note.root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the events don't have the root that was signed: they "
		    "were changed, or the disk is damaged; run `gatekeeper "
		    "verify`");
	}
	return GK_OK;
}

static enum gk_rc
load_head(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	uint64_t size;
	bool has, timed;

	GK_TRY(journal__read_size(journal->reader, &size, err));
	GK_TRY(journal__read_checkpoint(journal->reader, UINT64_MAX,
	    &journal->head_size, &journal->head, &has, err));
	if (has != (size > 0)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    has ? "there is a checkpoint, and no events"
			: "there are events, and no checkpoint over them");
	}
	if (has) {
		GK_TRY(check_head(journal, size, err));
		GK_TRY(journal__read_time(
		    journal->reader, size - 1, &journal->last_us, &timed, err));
	}
	found->created = size == 0;
	found->size = size;
	journal__edge_root(journal->edge, &found->root);
	return GK_OK;
}

static enum gk_rc
load_published(struct journal *journal, struct note_checkpoint *ret,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);

	GK_TRY(journal__file_load(
	    journal->dir, JOURNAL_PUBLISHED, &note, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	if (journal->chain.count == 0) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "no key for " JOURNAL_PUBLISHED);
	}
	if (chain_verify(&journal->chain, gk_buf_text(&note), note.len, ret,
		err) != GK_OK) {
		gk_err_context(err, "the published file " JOURNAL_PUBLISHED);
		return GK_E_CORRUPT;
	}
	return GK_OK;
}

/* Does what we once told the world still hold? */
static enum gk_rc
check_published(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	struct note_checkpoint note;
	struct digest root = {.bytes = {0}};
	bool has;

	GK_TRY(load_published(journal, &note, &has, err));
	if (!has) {
		if (found->size > 0 && found->detail[0] == '\0') {
			(void)snprintf(found->detail, sizeof(found->detail),
			    "no published checkpoint to compare with");
		}
		return GK_OK;
	}
	if (note.size > found->size) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "rollback: the published checkpoint is about %" PRIu64
		    " events, the journal has %" PRIu64
		    "; put the newer journal back, or run `gatekeeper recover "
		    "--accept %" PRIu64 "`",
		    note.size, found->size, found->size);
	}
	GK_TRY(journal_prove_root(journal->reader, note.size, &root, err));
	if (!digest_equal(root.bytes, note.root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "fork: at %" PRIu64
		    " events the published checkpoint has another root than "
		    "the journal; to go on with this one, run `gatekeeper "
		    "recover --accept %" PRIu64 "`",
		    note.size, found->size);
	}
	journal->published_size = note.size;
	return GK_OK;
}

/* Nothing is signed over the note: its own hash tells whether it is still what was written. */
static void
accepted_check(const char *text, char ret[ACCEPTED_CHECK_BYTES])
{
	const struct digest_part part = {text, strlen(text)};
	struct digest digest;

	digest_sha256(&part, 1, &digest);
	(void)digest_b64(digest.bytes, DIGEST_BYTES, ret);
}

/* Behind the hash and a blank. */
static enum gk_rc
accepted_parse(const char *value, const char **ret_text, struct gk_err *err)
{
	char want[ACCEPTED_CHECK_BYTES];
	size_t n = strcspn(value, " ");

	if (value[n] == ' ') {
		accepted_check(value + n + 1, want);
	}
	if (value[n] != ' ' || strlen(want) != n ||
	    memcmp(want, value, n) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the note of what an operator accepted was changed: run "
		    "`gatekeeper recover --accept SIZE` again");
	}
	*ret_text = value + n + 1;
	return GK_OK;
}

/* What journal_recover() left to be said in the boot event; what the signer of an empty log dropped is said, too. */
static enum gk_rc
load_accepted(
    struct journal *journal, struct journal_found *found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(ACCEPTED_CHECK_BYTES + ACCEPTED_BYTES);

	GK_TRY(journal__read_meta(journal->reader, JOURNAL_META_ACCEPTED, &text,
	    &journal->accepted, err));
	found->accepted = journal->accepted;
	if (journal->accepted) {
		const struct journal_found before = *found;
		const char *dropped = strstr(before.detail, DROPPED);
		const char *all;
		size_t n;

		GK_TRY(accepted_parse(gk_buf_text(&text), &all, err));
		n = strcspn(all, "\n");
		(void)snprintf(found->detail, sizeof(found->detail), "%.*s%s%s",
		    (int)n, all, dropped == NULL ? "" : "; ",
		    dropped == NULL ? "" : dropped);
		(void)snprintf(found->reason, sizeof(found->reason), "%s",
		    all[n] == '\0' ? "" : all + n + 1);
	}
	return GK_OK;
}

/* All of opening but what an operator's acceptance replaces. */
static enum gk_rc
journal_start(struct journal *journal, const struct journal_options *options,
    struct journal_found *found, struct gk_err *err)
{
	GK_TRY(open_store(journal, options, found, err));
	return load_head(journal, found, err);
}

/* The folder and its lock come before anything is looked at. */
static enum gk_rc
journal_enter(struct journal *journal, const struct journal_options *options,
    bool make, struct gk_err *err)
{
	GK_TRY(journal__dir_open(
	    AT_FDCWD, options->data_dir, make, &journal->dir, err));
	return journal__lock_take(
	    journal->dir, options->lock_wait_ms, &journal->lock, err);
}

/* Before SQLite reads it, and leaves out what it can't reach. */
static enum gk_rc
check_wal(struct journal *journal, const char *data_dir, struct gk_err *err)
{
	GK_TRY(journal__wal_check(journal->dir, &journal->wal, err));
	if (journal->wal.damaged != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    JOURNAL_WAL " is damaged at byte %" PRIu64
				": of what was committed %" PRIu64
				" events can be read, and more were there; put "
				"the file back, or run `gatekeeper recover "
				"--accept SIZE`",
		    journal->wal.damaged, journal__wal_size(data_dir));
	}
	return GK_OK;
}

/* A published checkpoint where there is no journal: somebody took the journal away. */
static enum gk_rc
check_not_taken(const struct journal *journal, struct gk_err *err)
{
	if (journal__file_size(journal->dir, JOURNAL_DB) == 0 &&
	    journal__file_exists(journal->dir, JOURNAL_PUBLISHED)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "rollback: there is a published checkpoint, and no "
		    "journal; put " JOURNAL_DB
		    " back, or run `gatekeeper recover --accept 0`");
	}
	return GK_OK;
}

enum gk_rc
journal_open(const struct journal_options *options,
    struct journal **ret_journal, struct journal_found *ret_found,
    struct gk_err *err)
{
	GK_AUTO(journal_releasep) struct journal *journal = NULL;
	struct journal_found found = {.created = false};

	GK_TRY(journal_new(&journal, err));
	journal->broken =
	    true; /* until we know better: close without a trace */
	GK_TRY(journal_enter(journal, options, true, err));
	GK_TRY(check_no_eio(journal, err));
	GK_TRY(check_not_taken(journal, err));
	GK_TRY(check_wal(journal, options->data_dir, err));
	if (options->signer != NULL) {
		journal->apart = true;
		GK_TRY(journal__remote_new(
		    options->signer, &journal->remote, err));
	}
	GK_TRY(journal_start(journal, options, &found, err));
	GK_TRY(check_published(journal, &found, err));
	GK_TRY(load_accepted(journal, &found, err));
	if (journal->remote != NULL && found.size > 0) {
		GK_TRY(greet(
		    journal, options, &found, err)); /* adds to what is told */
	}
	journal->broken = false;
	*ret_found = found;
	*ret_journal = GK_TAKE(journal);
	return GK_OK;
}

/*
 * Recovery by an operator's word.
 */

/* Put what the world was told aside, where it can be looked at. */
static enum gk_rc
set_aside(struct journal *journal, struct gk_err *err)
{
	uint8_t random[8];
	char hex[2 * sizeof(random) + 1], name[64];

	digest_random(random, sizeof(random));
	(void)digest_hex(random, sizeof(random), hex);
	(void)snprintf(name, sizeof(name), JOURNAL_PUBLISHED ".aside-%s", hex);
	if (renameat(journal->dir, JOURNAL_PUBLISHED, journal->dir, name) !=
		0 &&
	    errno != ENOENT) {
		return GK_FAIL(err, GK_E_IO, "setting %s aside: %s",
		    JOURNAL_PUBLISHED, strerrordesc_np(errno));
	}
	return GK_OK;
}

static enum gk_rc
write_accepted(struct journal *journal, const char *text, struct gk_err *err)
{
	char check[ACCEPTED_CHECK_BYTES];
	char value[ACCEPTED_CHECK_BYTES + ACCEPTED_BYTES];

	accepted_check(text, check);
	(void)snprintf(value, sizeof(value), "%s %s", check, text);
	GK_TRY(journal__write_begin(journal->writer, err));
	GK_TRY(journal__write_meta(
	    journal->writer, JOURNAL_META_ACCEPTED, value, err));
	return journal__write_commit(journal->writer, err);
}

/* One line of ours and, behind it, the operator's words. */
static void
accepted_print(
    struct journal *journal, const char *reason, char ret[ACCEPTED_BYTES])
{
	struct note_checkpoint note = {.size = 0};
	bool has = false, eio;
	char published[48] = "none readable";

	if (load_published(journal, &note, &has, NULL) == GK_OK && has) {
		(void)snprintf(
		    published, sizeof(published), "%" PRIu64, note.size);
	}
	eio = journal__file_exists(journal->dir, JOURNAL_EIO);
	(void)snprintf(ret, ACCEPTED_BYTES,
	    "an operator accepted %" PRIu64
	    " events; published: %s%s%s%s%.255s",
	    journal->edge->size, published, eio ? "; after EIO" : "",
	    journal->wal.damaged != 0 ? "; the WAL was damaged" : "",
	    reason == NULL ? "" : "\n", reason == NULL ? "" : reason);
}

/* In an order that leaves each half-way point refused or right. */
static enum gk_rc
accept_size(struct journal *journal, const char *reason, struct gk_err *err)
{
	char text[ACCEPTED_BYTES];

	accepted_print(journal, reason, text);
	GK_TRY(write_accepted(journal, text, err));
	GK_TRY(set_aside(journal, err));
	if (journal->head_size > 0) {
		GK_TRY(journal__publish(journal, err));
	}
	if (unlinkat(journal->dir, JOURNAL_EIO, 0) != 0 && errno != ENOENT) {
		return GK_FAIL(err, GK_E_IO, "removing %s: %s", JOURNAL_EIO,
		    strerrordesc_np(errno));
	}
	return journal__dir_sync(journal->dir, err);
}

/* Does a signer have the key?  Where none does, it is made first of all. */
static bool
is_apart(int dir)
{
	return !journal__file_exists(
		   dir, JOURNAL_KEYS "/" JOURNAL_KEY_SIGNING) &&
	       !journal__file_exists(dir, JOURNAL_KEYS "/" JOURNAL_KEY_NEXT) &&
	       (journal__file_size(dir, JOURNAL_DB) > 0 ||
		   journal__file_exists(
		       dir, JOURNAL_KEYS "/" JOURNAL_KEY_HMAC));
}

static enum gk_rc
compare_size(uint64_t there, uint64_t size, struct gk_err *err)
{
	return there == size
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID,
			 "the journal has %" PRIu64 " events, not %" PRIu64,
			 there, size);
}

enum gk_rc
journal_recover(
    const char *data_dir, uint64_t size, const char *reason, struct gk_err *err)
{
	GK_AUTO(journal_releasep) struct journal *journal = NULL;
	const struct journal_options options = {.data_dir = data_dir};
	struct journal_found found = {.created = false};

	if (reason != NULL &&
	    (strlen(reason) > REASON_MAX || strchr(reason, '\n') != NULL ||
		!json_check_text(reason, strlen(reason)))) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the reason is one line of at most %d bytes of UTF-8",
		    REASON_MAX);
	}
	GK_TRY(journal_new(&journal, err));
	journal->broken = true;
	GK_TRY(journal_enter(journal, &options, false, err));
	if (!journal__file_exists(journal->dir, JOURNAL_DB) &&
	    !journal__file_exists(journal->dir, JOURNAL_PUBLISHED)) {
		return GK_FAIL(
		    err, GK_E_IO, "there is no journal in %s", data_dir);
	}
	journal->apart = is_apart(journal->dir);
	GK_TRY(journal__wal_check(journal->dir, &journal->wal, err));
	if (journal->wal.damaged !=
	    0) { /* the start folds it in, and it is gone */
		GK_TRY(compare_size(journal__wal_size(data_dir), size, err));
	}
	GK_TRY(journal_start(journal, &options, &found, err));
	GK_TRY(compare_size(found.size, size, err));
	GK_TRY(accept_size(journal, reason, err));
	return journal__wal_fold(journal->writer, true, err);
}
