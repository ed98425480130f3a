#ifndef GK_JOURNAL_JOURNAL_H
#define GK_JOURNAL_JOURNAL_H
/* The journal room's door: the append-only signed log in its SQLite store. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "codec/digest.h"
#include "journal/merkle.h"
#include "journal/proof.h"
#include "journal/query.h"
#include "journal/tile.h"
#include "model/event.h"
#include "model/ids.h"

/* The writer: the one connection that writes and checkpoints.  One thread owns it. */
struct journal;

struct journal_options {
	const char *data_dir;
	const char
	    *origin; /* NULL: a unique one is made when the log is created */
	const char *
	    signer; /* Unix socket of the signer that has the signing key; NULL: data_dir has it */
	int lock_wait_ms; /* for data_dir/lock; GK_E_BUSY when it is over */
	int64_t now_us;   /* for keys and messages */
};

/* What start-up found. */
struct journal_found {
	bool created;  /* there was no journal, or one without a single event */
	bool accepted; /* an operator accepted a break, just now */
	uint64_t size; /* events */
	struct digest root;
	char detail[256]; /* what recovery did, in words; "" when nothing */
	char reason[256]; /* an operator's words for it; "" when none */
};

/*
 * Open or create: take data_dir/lock, checkpoint the WAL (TRUNCATE), sync
 * database and folder, check the last checkpoint's signature, recompute the
 * root from tiles and the last bodies (milliseconds; the bodies below are
 * journal_verify()'s work), compare with the published checkpoint file.
 * Keys (data_dir/keys/signing.key, hmac.key, 0600) are made only where there is no
 * journal; the verifier key lies in data_dir/vkey.  Gives *ret_journal.
 * Errors: GK_E_BUSY (locked, or a reader is in the way), GK_E_CORRUPT (rollback,
 * fork, damage, a lost key: the text says what to do), GK_E_INVALID (the origin
 * isn't the journal's), GK_E_IO (also: a key that others may read, a device error
 * that was recorded), GK_E_NOMEM.
 */
enum gk_rc journal_open(const struct journal_options *options,
    struct journal **ret_journal, struct journal_found *ret_found,
    struct gk_err *err) GK_MUST_USE;

/*
 * Keeps the last checkpoint, publishes it, folds the WAL in, lets the lock go.
 * What was appended and not committed is dropped.  After an error it only lets go.
 * Best effort: what fails here the next start does again.  NULL is fine.
 */
void journal_close(struct journal *journal);

const char *journal_origin(const struct journal *journal);
const char *journal_vkey(const struct journal *journal); /* verifier key text */
uint64_t journal_next_seq(const struct journal *journal);
int64_t journal_last_us(
    const struct journal *journal); /* of the last event; 0 when empty */

/* The key of ids: made with the log, and never another. */
void journal_id_key(const struct journal *journal, struct id_key *ret);

/*
 * A new signing key, on stable storage, and what the key event of that seq says of
 * it.  Appending that event seals the log with both keys, and from then on the
 * new one signs.  Errors: GK_E_IO; GK_E_BUSY: in this batch the key has changed before.
 */
#define JOURNAL_VKEY_BYTES     256
#define JOURNAL_HANDOVER_BYTES 96
enum gk_rc journal_signing_key_make(struct journal *journal, uint64_t seq,
    char ret_vkey[JOURNAL_VKEY_BYTES],
    char ret_handover[JOURNAL_HANDOVER_BYTES], struct gk_err *err) GK_MUST_USE;

/*
 * Hash keys by their id, from 1: keys/hmac.key is the first, keys/hmac-<id>.key the
 * others.  Which of them counts, the log's key events say, not the files.  The key
 * of ids is derived from the first and kept as keys/id.key from the second on, so
 * that it outlives it.
 */
#define JOURNAL_HASH_KEY_BYTES 32
/* *ret_found false: there is no such file.  Errors: GK_E_IO, GK_E_CORRUPT. */
enum gk_rc journal_hash_key_load(const struct journal *journal, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], bool *ret_found,
    struct gk_err *err) GK_MUST_USE;
/* Make one, on stable storage; one that is there was never recorded, and goes. */
enum gk_rc journal_hash_key_make(const struct journal *journal, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], struct gk_err *err) GK_MUST_USE;
/* Overwrite and remove one; fine when it is gone.  From any thread. */
enum gk_rc journal_hash_key_destroy(
    const struct journal *journal, int64_t id, struct gk_err *err) GK_MUST_USE;

/*
 * Add an event to the batch (begins the transaction when it is the first).
 * bytes are its canonical bytes, event->seq must be journal_next_seq(), its
 * timestamp not before journal_last_us().  Borrows all; openings lie beside it.
 * Gives its leaf hash.
 * Errors: GK_E_IO.  After any error the journal is broken: close it, exit.
 */
enum gk_rc journal_append(struct journal *journal, const struct event *event,
    const char *bytes, size_t n, const struct opening *openings,
    size_t opening_count, struct digest *ret_leaf,
    struct gk_err *err) GK_MUST_USE;

/*
 * Sign one checkpoint for all that was appended and COMMIT, one fdatasync.
 * Nothing to do when no batch is open.  An error of COMMIT is "unknown": the
 * journal is broken, every later call gives GK_E_IO, the process must end (74).
 */
enum gk_rc journal_commit(
    struct journal *journal, struct gk_err *err) GK_MUST_USE;

/*
 * Call between batches, when the answers have left, and now and then when idle:
 * replaces the published file (data_dir/checkpoint) at most five times a second,
 * for that costs two fsyncs, and folds the WAL in (PASSIVE) when it has grown by
 * 512 pages.  So the published file lags; what matters is that it is never ahead.
 * Errors: GK_E_IO.  The journal is broken only if the database's device failed:
 * on a full disk the next call tries again, and journal_append() tells by itself.
 */
enum gk_rc journal_tidy(
    struct journal *journal, struct gk_err *err) GK_MUST_USE;

/*
 * In the batch's transaction: keep a policy's text by its digest, once.  A decision
 * whose policy has no text is a fault for journal_verify().
 */
enum gk_rc journal_keep_policy(struct journal *journal, const char *digest,
    const char *bytes, size_t n, struct gk_err *err) GK_MUST_USE;

/* What a witness said of a checkpoint.  Texts are borrowed; lines end in their newline. */
struct journal_cosignature {
	uint64_t size;
	const char *witness; /* its verifier key */
	int64_t time_s;      /* POSIX seconds, by the witness's clock */
	const char *line;
	size_t line_n;
	const char
	    *note; /* the checkpoint with the log's signature; NULL when read */
	size_t note_n;
};

/* In the batch's transaction: keep it, and the checkpoint that it is about; once. */
enum gk_rc journal_keep_cosignature(struct journal *journal,
    const struct journal_cosignature *cosignature,
    struct gk_err *err) GK_MUST_USE;

/* In the batch's transaction: a note to ourselves beside the log; value NULL forgets it. */
enum gk_rc journal_store_word(struct journal *journal, const char *key,
    const char *value, struct gk_err *err) GK_MUST_USE;

/* Ledger snapshot rows, in the batch's transaction; replaces.  generation is the snapshot's. */
enum gk_rc journal_put_row(struct journal *journal, int64_t generation,
    const char *key, const char *json, size_t n,
    struct gk_err *err) GK_MUST_USE;
/* Drop up to limit rows of generations below keep; *ret_more: there may be others. */
enum gk_rc journal_drop_rows(struct journal *journal, int64_t keep, int limit,
    bool *ret_more, struct gk_err *err) GK_MUST_USE;
/* Walk the rows of one generation in key order. */
enum gk_rc journal_each_row(struct journal *journal, int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
/* The newest event of kind snapshot; *ret_found false when there is none. */
enum gk_rc journal_last_snapshot(struct journal *journal, bool *ret_found,
    uint64_t *ret_seq, struct gk_err *err) GK_MUST_USE;

/*
 * Letting go.  All of it in the batch's transaction; what an event allows is
 * written together with the event, and only when that is committed may anything go.
 */

/* That opening may go, by the redaction at event. */
enum gk_rc journal_redact(struct journal *journal, uint64_t seq,
    const char *path, uint64_t event, struct gk_err *err) GK_MUST_USE;

/* Up to limit openings that redactions name; also those that a crash has left. */
enum gk_rc journal_erase(struct journal *journal, int limit, bool *ret_more,
    struct gk_err *err) GK_MUST_USE;

/* How far retention may go; each bound only grows. */
enum journal_bound {
	JOURNAL_BODIES = 0, /* a seq: bodies before it go */
	JOURNAL_OPENINGS,   /* a seq: openings before it may go */
	JOURNAL_FORGET, /* a time: openings whose time was over by then go */
};
enum gk_rc journal_raise(struct journal *journal, enum journal_bound which,
    int64_t bound, struct gk_err *err) GK_MUST_USE;

enum journal_fate {
	JOURNAL_KEEP = 0, /* openings: it stays; bodies: as HOLD */
	JOURNAL_HOLD,     /* it stays, in the table held */
	JOURNAL_LET_GO,
};

/* Who knows what is under hold.  body borrows the event's bytes. */
struct journal_judge {
	enum journal_fate (*body)(
	    void *ctx, uint64_t seq, const char *bytes, size_t n);
	enum gk_rc (*opening)(void *ctx, uint64_t seq,
	    enum journal_fate *ret_fate, struct gk_err *err);
	void *ctx;
};

/*
 * Look at up to limit (at most 256) openings from *from on: of seqs before to, or,
 * by_time, of those with a time of their own up to and with to.  *from goes on.
 */
enum gk_rc journal_drop_openings(struct journal *journal, bool by_time,
    int64_t *from, int64_t to, size_t limit, const struct journal_judge *judge,
    size_t *ret_gone, bool *ret_more, struct gk_err *err) GK_MUST_USE;

/* Up to limit (at most 256) bodies before minimum, oldest first, each with its openings. */
enum gk_rc journal_drop_bodies(struct journal *journal, uint64_t minimum,
    size_t limit, const struct journal_judge *judge, size_t *ret_gone,
    bool *ret_more, struct gk_err *err) GK_MUST_USE;

/* The same for what was held, from *from on: what no hold covers any more. */
enum gk_rc journal_drop_held(struct journal *journal, uint64_t *from,
    size_t limit, const struct journal_judge *judge, size_t *ret_gone,
    bool *ret_more, struct gk_err *err) GK_MUST_USE;

/* Up to limit rows of bases before the one at minimum (rows of generation -minimum). */
enum gk_rc journal_drop_bases(struct journal *journal, uint64_t minimum,
    int limit, bool *ret_more, struct gk_err *err) GK_MUST_USE;

/* Has something gone whose older copy may still be in the WAL? */
bool journal_wal_is_dirty(const struct journal *journal);
/* Between batches: fold the WAL in and cut it.  *ret_clear false: a reader is in the way. */
enum gk_rc journal_clear_wal(
    struct journal *journal, bool *ret_clear, struct gk_err *err) GK_MUST_USE;

/*
 * A reader: a read-only connection, for one thread; sees what is committed.
 * The writer has one inside (journal_reader()) that sees the open batch too.
 */
enum gk_rc journal_reader_open(const char *data_dir,
    struct journal_reader **ret_reader, struct gk_err *err) GK_MUST_USE;
void journal_reader_close(struct journal_reader *reader);
struct journal_reader *journal_reader(struct journal *journal); /* borrowed */

/* Append the bytes of event seq to buf (NULL: is it there?); *ret_found false when there is none (yet, or any more). */
enum gk_rc journal_read(struct journal_reader *reader, uint64_t seq,
    struct gk_buf *buf, struct digest *ret_leaf, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;

/* Openings of an event that are still there and not redacted, by path; what each gets is borrowed. */
enum gk_rc journal_openings(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/* By which event an opening was redacted, by path; what each gets is borrowed. */
enum gk_rc journal_redactions(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const char *path, uint64_t event, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/* How far retention may go; bodies before JOURNAL_BODIES are gone or going. */
enum gk_rc journal_bound(struct journal_reader *reader,
    enum journal_bound which, int64_t *ret_bound,
    struct gk_err *err) GK_MUST_USE;

/* The newest event of kind retention before that seq; *ret_found false when there is none. */
enum gk_rc journal_last_retention(struct journal_reader *reader,
    uint64_t before, bool *ret_found, uint64_t *ret_seq,
    struct gk_err *err) GK_MUST_USE;

/* The first seq whose event isn't before that time; what was let go counts as before. */
enum gk_rc journal_seq_at(struct journal_reader *reader, int64_t us,
    uint64_t *ret_seq, struct gk_err *err) GK_MUST_USE;
/* Walk the rows of one generation in key order, as journal_each_row(). */
enum gk_rc journal_reader_rows(struct journal_reader *reader,
    int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/* How many openings there are: of seqs in [from, to), of a kind (-1: any) and a tenant (its column; 0: any). */
enum gk_rc journal_count_openings(struct journal_reader *reader, uint64_t from,
    uint64_t to, int kind, int64_t tenant, uint64_t *ret_count,
    struct gk_err *err) GK_MUST_USE;
/* How many openings have a time of their own in (after, until]. */
enum gk_rc journal_count_forget(struct journal_reader *reader, int64_t after_us,
    int64_t until_us, uint64_t *ret_count, struct gk_err *err) GK_MUST_USE;

enum gk_rc journal_policy_text(struct journal_reader *reader,
    const char *digest, struct gk_buf *buf, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;

/*
 * The latest signed checkpoint, or the first one of at least at_least events where
 * that isn't UINT64_MAX: its text, appended to note, and its size.
 */
enum gk_rc journal_read_checkpoint(struct journal_reader *reader,
    uint64_t at_least, uint64_t *ret_size, struct gk_buf *note, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;

/*
 * Roots and proofs for any tree up to what the reader sees (merkle.h checks them).
 * Errors: GK_E_INVALID for sizes and an index that can't be (nothing of the store
 * is meant: size 0, index >= size, size1 > size2, more than there is),
 * GK_E_CORRUPT where a tile or an event is missing.
 */
enum gk_rc journal_prove_root(struct journal_reader *reader, uint64_t size,
    struct digest *ret_root, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal_prove_inclusion(struct journal_reader *reader,
    uint64_t index, uint64_t size, struct merkle_proof *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal_prove_consistency(struct journal_reader *reader,
    uint64_t size1, uint64_t size2, struct merkle_proof *ret,
    struct gk_err *err) GK_MUST_USE;

/* Cosignatures of checkpoints from from_size to to_size, both inclusive, in order of size. */
enum gk_rc journal_each_cosignature(struct journal_reader *reader,
    uint64_t from_size, uint64_t to_size,
    enum gk_rc (*each)(void *ctx, const struct journal_cosignature *cosignature,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
/* The largest size that a witness has cosigned, and when. */
enum gk_rc journal_last_cosignature(struct journal_reader *reader,
    const char *witness, bool *ret_found, uint64_t *ret_size,
    int64_t *ret_time_s, struct gk_err *err) GK_MUST_USE;
/* Append the signature lines of those who cosigned the checkpoint of that size, as many as a note takes. */
enum gk_rc journal_read_cosignatures(struct journal_reader *reader,
    uint64_t size, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
/* Append what journal_store_word() keeps under the key. */
enum gk_rc journal_load_word(struct journal_reader *reader, const char *key,
    struct gk_buf *value, bool *ret_found, struct gk_err *err) GK_MUST_USE;

/* What became of a tile or of a bundle that was asked for. */
enum journal_tile {
	TILE_BEYOND =
	    0, /* the log doesn't reach it, or isn't that wide there */
	TILE_GIVEN,
	TILE_LET_GO, /* entries: retention let some of them go */
};

/*
 * Append a tile of hashes (32 bytes each), or a bundle of entries, as wide as it is
 * asked for: also narrower than it has become meanwhile.  Sees what is committed.
 * Errors: GK_E_CORRUPT (a piece is missing that must be there), GK_E_IO, GK_E_LIMIT
 * (buf's cap; a bundle is at most JOURNAL_BUNDLE_BYTES), GK_E_NOMEM.
 */
#define JOURNAL_BUNDLE_BYTES ((size_t)256 * (2 + 65535))
enum gk_rc journal_read_tile(struct journal_reader *reader,
    const struct tile_id *id, struct gk_buf *buf, enum journal_tile *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal_read_entries(struct journal_reader *reader, uint64_t index,
    unsigned width, struct gk_buf *buf, enum journal_tile *ret,
    struct gk_err *err) GK_MUST_USE;

/*
 * Append a C2SP tlog-proof of event seq: under the newest checkpoint that somebody
 * cosigned, cosignatures and all, else under the newest that the log signed.
 * *ret_found false when none is about that event (yet).  Errors: as for proofs.
 */
enum gk_rc journal_print_proof(struct journal_reader *reader, uint64_t seq,
    struct gk_buf *buf, bool *ret_found, struct gk_err *err) GK_MUST_USE;

/* The run's first event, which may have been let go since; *ret_found false: nothing of it is there. */
enum gk_rc journal_run_first(struct journal_reader *reader, int64_t run,
    uint64_t *ret_seq, bool *ret_found, struct gk_err *err) GK_MUST_USE;

/*
 * The search index (data_dir/search.index): built behind the log, never evidence;
 * it may be deleted while nobody runs and is built again.  One thread follows the
 * log; any number of readers use it.  It says which events to look at, and never
 * what is in them; what it doesn't know yet is looked at one by one.
 */
struct journal_index;
struct journal_index_options {
	const char *data_dir;
	uint32_t width; /* events in a segment, 256 or 65536; 0: 65536 */
	/* event_column_hash() of the run's id in an event's bytes; 0: none.  NULL: not indexed */
	int64_t (*run_id)(const char *bytes, size_t n);
};
/* By who holds the data directory's lock.  Errors: GK_E_IO, GK_E_NOMEM. */
enum gk_rc journal_index_open(const struct journal_index_options *options,
    struct journal_index **ret_index, struct gk_err *err) GK_MUST_USE;
void journal_index_close(struct journal_index *index); /* NULL is fine */
/*
 * Read some thousand events that it doesn't know; *ret_more: there are others.  One
 * thread, with a reader of its own.  After an error it may be called again; searches
 * stay right, and slower.  Errors: GK_E_IO, GK_E_NOMEM, GK_E_CORRUPT.
 */
enum gk_rc journal_index_follow(struct journal_index *index,
    struct journal_reader *reader, bool *ret_more,
    struct gk_err *err) GK_MUST_USE;
/* From now on the reader's searches use it; keeps it.  Errors: GK_E_NOMEM. */
enum gk_rc journal_reader_use(struct journal_reader *reader,
    struct journal_index *index, struct gk_err *err) GK_MUST_USE;

struct journal_index_state {
	uint64_t known;   /* events, from the log's first on */
	uint64_t bytes;   /* of the file, holes included */
	uint64_t rebuilt; /* times that something in it wasn't good */
};
void journal_index_state(
    struct journal_index *index, struct journal_index_state *ret);

/* Is any event of that run (event_column_hash(tenant, run)) in the journal? */
enum gk_rc journal_has_run(struct journal_reader *reader, int64_t run_column,
    bool *ret_has, struct gk_err *err) GK_MUST_USE;

struct trust;

/*
 * The files of a log by their names in C2SP tlog-tiles ("checkpoint", "tile/0/000"):
 * of a folder that journal_export() made, or of somebody's server.
 */
struct journal_files {
	/*
	 * Append the file to buf, whose cap bounds it; *ret_found false when there
	 * is none.  GK_E_LIMIT for one that is longer; any other error ends the
	 * verification.
	 */
	enum gk_rc (*load)(void *ctx, const char *path, struct gk_buf *buf,
	    bool *ret_found, struct gk_err *err);
	void *ctx;
	bool policies; /* "policies/<digest>.json" are there too */
};

/* Verification, offline. */
struct journal_verify_options {
	const char *data_dir; /* of a journal, running or not */
	const struct journal_files
	    *files;       /* NULL: of data_dir; else of these */
	const char *vkey; /* NULL: the one in data_dir, which proves less */
	/* Whose cosignatures count; NULL: anybody's, which proves less. */
	const struct trust *trust;
	/* A checkpoint of the log that the caller holds; NULL: none. */
	const char *held;
	size_t held_n;
	/* A policy's text by its digest, each once; NULL: anything will do. */
	enum gk_rc (*policy)(void *ctx, const char *digest, const char *bytes,
	    size_t n, struct gk_err *err);
	/*
	 * Called with every decoded event in order, so that others can check more.
	 * GK_E_CORRUPT is a fault of the log; any other error ends the verification.
	 */
	enum gk_rc (*event)(
	    void *ctx, const struct event *event, struct gk_err *err);
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

enum journal_verdict {
	VERIFY_TAMPERED = 0,
	VERIFY_OK,
	VERIFY_UNVERIFIABLE,
};

struct journal_verify_report {
	enum journal_verdict verdict;
	uint64_t size; /* events under the verified head */
	uint64_t
	    witnessed_size; /* under the last head that enough witnesses cosigned; 0: none */
	struct digest root;
	char head[GK_TIME_TEXT_BYTES]; /* time of the last event */
	char origin[160];
	uint64_t minimum; /* bodies before it were let go */
	uint64_t held;    /* of them still there: held, or about to go */
	uint64_t
	    unfinished; /* redacted values still there: the next start removes them */
	char where[96]; /* first fault: "seq 17", "checkpoint 40" … */
	char text[320]; /* what it is and what it means */
};

/*
 * One pass, flat memory (100 KiB and a bit for each event).
 * Errors: GK_E_IO when the files can't be read at all; a fault is a verdict, not an
 * error.  No key to verify with, or one that isn't one: VERIFY_UNVERIFIABLE.
 * GK_E_INVALID when what the caller holds isn't a checkpoint of this log.
 */
enum gk_rc journal_verify(const struct journal_verify_options *options,
    struct journal_verify_report *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Of a folder's files, before they are verified: each snapshot's event that its entries
 * seem to have, so that the fold on the way knows which states to compare.  Believe nothing of
 * it.  Gives none where the log's beginning is missing, and none behind the first
 * bundle that is.  Errors: each's, GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc journal_files_snapshots(const struct journal_files *files,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	const struct digest *leaf, bool *stop, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/* A folder of files for journal_verify(). */
struct journal_folder;
enum gk_rc journal_folder_open(const char *dir, struct journal_folder **ret,
    struct gk_err *err) GK_MUST_USE;
void journal_folder_close(struct journal_folder *folder); /* NULL is fine */
struct journal_files journal_folder_files(struct journal_folder *folder);
/* Has that folder files for journal_verify(), and no journal? */
bool journal_is_export(const char *dir);

/*
 * Append the events that name a signing key, genesis first, a line each, where there
 * is more than one: who verifies the log as files follows the keys by them.
 */
#define JOURNAL_SIGNING_KEYS       "signing-keys"
#define JOURNAL_SIGNING_KEYS_BYTES ((size_t)1 << 20)
enum gk_rc journal_print_signing_keys(struct journal_reader *reader,
    struct gk_buf *buf, bool *ret_rotated, struct gk_err *err) GK_MUST_USE;

/*
 * Write the log as files: checkpoint, tile/…, tile/entries/… as C2SP tlog-tiles has
 * them, and beside them vkey (convenient, proves nothing), policies/<digest>.json and,
 * after a rotation, signing-keys.
 * The journal may be running.  Into a new folder, or one that an export of the same log
 * made: then only what is new is written.  The checkpoint comes last: the files
 * below it are on the disk by then.  Bundles that retention let go aren't written, but
 * what a legal hold keeps of them, as held/…; what was exported before stays.
 * Errors: GK_E_CORRUPT when the folder's checkpoint isn't a beginning of this log
 * (nothing is written then), GK_E_INVALID for a folder of something else, GK_E_IO.
 */
struct journal_export_options {
	const char *data_dir, *dest_dir;
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* events */
	void *ctx;
};
struct journal_export_report {
	uint64_t from;   /* events that were there already */
	uint64_t size;   /* events under the new checkpoint */
	uint64_t let_go; /* entries that aren't there any more */
};
enum gk_rc journal_export(const struct journal_export_options *options,
    struct journal_export_report *ret, struct gk_err *err) GK_MUST_USE;

/* Append the bytes of an event, as they lie in a data directory or an export. */
enum gk_rc journal_read_event(const char *dir, uint64_t seq, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;

/*
 * Copy a running journal safely into an empty or new folder (keys not included
 * unless with_keys): one snapshot; the copy's published file is the copy's own head.
 * Errors: GK_E_BUSY when there is a journal already, GK_E_IO, GK_E_CORRUPT.
 */
enum gk_rc journal_backup(const char *data_dir, const char *dest_dir,
    bool with_keys, struct gk_err *err) GK_MUST_USE;

/*
 * Accept a journal whose head is behind or beside the published one, or whose
 * device failed: if the log is whole in itself and has exactly `size` events, the
 * published file is set aside, the log's own head takes its place, and the next
 * open succeeds and says so in detail.
 * reason (NULL: none; else a line of at most 255 bytes) is handed to that open too.
 * Errors: GK_E_INVALID (another size), GK_E_BUSY, GK_E_CORRUPT, GK_E_IO.
 */
enum gk_rc journal_recover(const char *data_dir, uint64_t size,
    const char *reason, struct gk_err *err) GK_MUST_USE;

/* Free bytes on the data directory's file system. */
enum gk_rc journal_free_bytes(const struct journal *journal,
    uint64_t *ret_bytes, struct gk_err *err) GK_MUST_USE;

/* For tests and metrics. */
struct journal_counters {
	uint64_t events, commits, checkpoints; /* since it was opened */
	uint64_t wal_bytes;                    /* written to the WAL, about */
};
void journal_counters(
    const struct journal *journal, struct journal_counters *ret);

#endif
