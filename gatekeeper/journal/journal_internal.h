#ifndef GK_JOURNAL_JOURNAL_INTERNAL_H
#define GK_JOURNAL_JOURNAL_INTERNAL_H
/* What the files of the room journal share: files, keys, the right edge, the store. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "codec/sign.h"
#include "journal/chain.h"
#include "journal/journal.h"
#include "journal/merkle.h"
#include "journal/note.h"
#include "journal/proof.h"
#include "journal/prove.h"
#include "journal/tile.h"

struct sqlite3;
struct sqlite3_stmt;

/* What lies in data_dir. */
#define JOURNAL_KEYS        "keys"
#define JOURNAL_KEY_SIGNING "signing.key"      /* in keys/ */
#define JOURNAL_KEY_NEXT    "signing-next.key" /* in keys/, while it changes */
#define JOURNAL_KEY_HMAC    "hmac.key"         /* in keys/: the first */
#define JOURNAL_KEY_ID      "id.key" /* in keys/, once there was a second */
#define JOURNAL_DB          "journal.db"
#define JOURNAL_WAL         "journal.db-wal"
#define JOURNAL_LOCK        "lock"
#define JOURNAL_PUBLISHED   "checkpoint"
#define JOURNAL_VKEY        "vkey"
#define JOURNAL_EIO         "eio"

/* At each multiple of this a checkpoint is signed and kept for ever. */
#define JOURNAL_KEEP_EVERY 4096

/* Key in the table meta: what journal_recover() did, for the next boot event. */
#define JOURNAL_META_ACCEPTED "accepted"

#define JOURNAL_PATH_BYTES 4096
#define JOURNAL_BUSY_MS    5000 /* a connection waits for another's lock */

/* files.c: small files in a folder that is held open as a descriptor. */

/* Open a folder; made (0700) when it isn't there and make is set.  Gives *ret_dir. */
enum gk_rc journal__dir_open(int at, const char *path, bool make, int *ret_dir,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__dir_sync(int dir, struct gk_err *err) GK_MUST_USE;
void journal__fd_close(int *fd); /* for GK_AUTO; -1 is nothing */

bool journal__file_exists(int dir, const char *name);
/* Append a file to buf, whose cap bounds it; *ret_found false when there is none. */
enum gk_rc journal__file_load(int dir, const char *name, struct gk_buf *buf,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;
/* Replace, or make, a file as a whole: temporary file, fsync, rename, fsync of the folder. */
enum gk_rc journal__file_replace(int dir, const char *name, const void *bytes,
    size_t n, unsigned mode, struct gk_err *err) GK_MUST_USE;
/*
 * Write a file's own bytes over themselves and sync it.  After a failed fsync the page
 * cache holds bytes that look written and never will be; these are, then.  A file
 * that isn't there is fine.
 */
enum gk_rc journal__file_rewrite(
    int dir, const char *name, struct gk_err *err) GK_MUST_USE;
/* As _replace, but never over a file that is there (GK_E_BUSY). */
enum gk_rc journal__file_create(int dir, const char *name, const void *bytes,
    size_t n, unsigned mode, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__file_rename(
    int dir, const char *from, const char *to, struct gk_err *err) GK_MUST_USE;
/* Bytes of a file; 0 when there is none. */
uint64_t journal__file_size(int dir, const char *name);

/* data_dir/lock, held as long as the descriptor is open.  GK_E_BUSY after wait_ms. */
enum gk_rc journal__lock_take(
    int dir, int wait_ms, int *ret_lock, struct gk_err *err) GK_MUST_USE;

/* wal.c: what of the WAL can't be read. */
struct wal_state {
	uint64_t
	    damaged; /* the first damaged byte's frame begins here, and commits stand behind it; 0: none */
	bool
	    cut; /* it ends in a batch that isn't whole: a crash cut it off, or it is damaged */
};

/*
 * SQLite would leave out both without a word.  A file that isn't there, or has no
 * head that SQLite takes, is fine.  Errors: GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc journal__wal_look(
    int fd, struct wal_state *ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__wal_check(
    int dir, struct wal_state *ret, struct gk_err *err) GK_MUST_USE;

/* How many events of a closed journal can be read, with the WAL that it has; nothing is changed.  0 where none can. */
uint64_t journal__wal_size(const char *data_dir);

/* keys.c */

/* A signing key and its public half. */
struct signing_key {
	struct note_vkey vkey;
	struct sign_key sign;
};

/*
 * Invariant: next is the key that signing-next.key holds, where has_next; it signs
 * nothing before the event that names it.
 */
struct journal_keys {
	bool apart; /* a signer has them: sign and next.sign are empty */
	struct note_vkey vkey; /* of sign */
	char vkey_text[NOTE_VKEY_BYTES];
	struct sign_key sign;
	bool has_next;
	struct signing_key next;
	struct id_key id;
};

/* A signing key in a file of a folder.  _make: never over one that is there; origin NULL: a unique one. */
enum gk_rc journal__signing_read(int keys, const char *name,
    struct signing_key *ret, bool *ret_found, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__signing_make(int folder, const char *name,
    const char *origin, struct gk_err *err) GK_MUST_USE;

/*
 * Read data_dir/keys, or make them where make is set and a key is missing.
 * origin NULL: the one in the signing key, or a new unique one.
 * Errors: GK_E_CORRUPT (missing or wrong), GK_E_INVALID (origin), GK_E_IO.
 */
enum gk_rc journal__keys_load(int dir, const char *origin, bool make,
    struct journal_keys *ret, struct gk_err *err) GK_MUST_USE;
/*
 * The log's chain is known: finish a rotation that was committed, or drop one that
 * wasn't, and put the newest verifier key in the open.  An empty chain: whatever is
 * there.  Errors: GK_E_CORRUPT when the key isn't the one that the log says.
 */
enum gk_rc journal__keys_settle(int dir, struct journal_keys *keys,
    const struct chain *chain, struct gk_err *err) GK_MUST_USE;
/* A new key of the same origin in signing-next.key, on stable storage. */
enum gk_rc journal__keys_next(
    int dir, struct journal_keys *keys, struct gk_err *err) GK_MUST_USE;
/* The event that names the next key is in the log: from now on it signs. */
void journal__keys_switch(struct journal_keys *keys);
/* … and committed: the files follow. */
enum gk_rc journal__keys_finish(
    int dir, const struct journal_keys *keys, struct gk_err *err) GK_MUST_USE;
void journal__keys_wipe(struct journal_keys *keys);
/* hashkeys.c: see journal_hash_key_load() and so on. */
enum gk_rc journal__hash_key_load(int dir, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], bool *ret_found,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__hash_key_make(int dir, int64_t id,
    uint8_t ret[JOURNAL_HASH_KEY_BYTES], struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__hash_key_destroy(
    int dir, int64_t id, struct gk_err *err) GK_MUST_USE;
/* The key of ids: from its file, else derived from the first hash key, made where make is set. */
enum gk_rc journal__id_key_load(
    int keys, bool make, struct id_key *ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__id_key_keep(
    int dir, const struct id_key *id, struct gk_err *err) GK_MUST_USE;

/* secret.c: small files of secrets in keys/. */

/* A buffer for secrets is full-grown at birth: growing would leave copies behind. */
struct secret {
	struct gk_buf buf;
};
enum gk_rc journal__secret_init(
    struct secret *ret, struct gk_err *err) GK_MUST_USE;
void journal__secret_done(struct secret *secret); /* wipes; for GK_AUTO */
/* The line in a key's file without its newline.  Errors: GK_E_IO when others may read it. */
enum gk_rc journal__secret_load(int keys, const char *name, struct secret *ret,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;
/* Is a loaded one what journal__secret_destroy() leaves, where a crash has kept the name and not the key? */
bool journal__secret_is_overwritten(const struct secret *secret);
/* Overwrite a file's bytes on its device, as far as that goes, and unlink it. */
enum gk_rc journal__secret_destroy(
    int keys, const char *name, struct gk_err *err) GK_MUST_USE;

/* The verifier key that lies in the open. */
enum gk_rc journal__vkey_load(int dir, struct note_vkey *ret, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;

/* edge.c: the tree's right edge by tile level. */
#define EDGE_LEVELS 8 /* 256^8 leaves */

/* The tile of its level that isn't complete yet.  Invariant: edge.size < 256. */
struct edge_level {
	struct merkle_frontier edge;
	uint8_t hashes[TILE_WIDTH * DIGEST_BYTES];
};

/* About 80 KiB: lives on the heap.  A zeroed one is the empty tree. */
struct edge {
	uint64_t size;
	struct edge_level level[EDGE_LEVELS];
};

/* A tile that has just become complete. */
struct edge_tile {
	unsigned level;
	uint64_t index;
	struct digest root;
	const uint8_t *hashes; /* 256 x 32 bytes; borrowed */
};

/* Where complete tiles go; an error ends the append. */
struct edge_sink {
	enum gk_rc (*full)(
	    void *ctx, const struct edge_tile *tile, struct gk_err *err);
	void *ctx;
};

enum gk_rc journal__edge_append(struct edge *edge, const struct digest *leaf,
    const struct edge_sink *sink, struct gk_err *err) GK_MUST_USE;
void journal__edge_root(const struct edge *edge, struct digest *ret);
/* Rebuilding: put the next hash of a level's partial tile. */
void journal__edge_put(
    struct edge *edge, unsigned level, const struct digest *hash);

/* The peaks of the whole tree. */
void journal__edge_frontier(
    const struct edge *edge, struct merkle_frontier *ret);

/*
 * remote.c: the signer in a process of its own.  It is sent leaf hashes, and gives
 * notes whose signature and root are checked here.  A connection that breaks is made
 * anew for a few seconds, and what isn't committed is sent again.
 */
struct remote;
enum gk_rc journal__remote_new(const char *path, struct remote **ret_remote,
    struct gk_err *err) GK_MUST_USE;
void journal__remote_free(struct remote *remote); /* NULL is fine */
/*
 * Connect, and say what is committed.  Gives the verifier key, and what was signed and
 * never committed (*ret_dropped 0: nothing).  Errors: GK_E_IO: it isn't there in time;
 * GK_E_CORRUPT: it refuses, and says why.
 */
enum gk_rc journal__remote_hello(struct remote *remote,
    const struct merkle_frontier *head, struct note_vkey *ret_vkey,
    uint64_t *ret_dropped, struct gk_err *err) GK_MUST_USE;
/* One more leaf of the batch. */
enum gk_rc journal__remote_leaf(struct remote *remote,
    const struct digest *leaf, struct gk_err *err) GK_MUST_USE;
/*
 * Have the batch so far signed: append the note to buf.  checkpoint is what it must
 * say; vkey signs, and where next isn't NULL that key does, too.  Errors: GK_E_IO.
 */
enum gk_rc journal__remote_sign(struct remote *remote,
    const struct note_checkpoint *checkpoint, const struct note_vkey *vkey,
    const struct note_vkey *next, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
/* The batch is committed; nobody waits for an answer. */
void journal__remote_committed(struct remote *remote);
/* The next key's text, and the handover. */
enum gk_rc journal__remote_next(struct remote *remote, uint64_t seq,
    struct note_vkey *ret_next, char ret_handover[CHAIN_HANDOVER_BYTES],
    struct gk_err *err) GK_MUST_USE;

/* store.c: connections. */
enum store_mode { STORE_WRITE, STORE_READ };

/*
 * Open data_dir/journal.db: settings set and read back, the schema made (only
 * STORE_WRITE, only in an empty file) or compared, the authorizer set.
 * Gives *ret_db, closed by journal__store_close().
 */
enum gk_rc journal__store_open(const char *data_dir, enum store_mode mode,
    struct sqlite3 **ret_db, struct gk_err *err) GK_MUST_USE;
/* NULL is fine.  checkpoint: may closing fold the WAL in? */
void journal__store_close(struct sqlite3 *db, bool checkpoint);
enum gk_rc journal__store_prepare(struct sqlite3 *db, const char *const *sql,
    size_t count, struct sqlite3_stmt **ret, struct gk_err *err) GK_MUST_USE;
void journal__store_finalize(struct sqlite3_stmt **stmts, size_t count);
/* The story of the connection's last error, in our words. */
enum gk_rc journal__store_fail(
    struct sqlite3 *db, const char *what, struct gk_err *err);
/* Was the connection's last error the device's (EIO, not "full")? */
bool journal__store_is_eio(struct sqlite3 *db);

/* A row of the table body. */
struct body_row {
	uint64_t seq;
	struct event_columns columns;
	uint64_t run_first; /* seq of the run's first event; 0: no run */
	int kind, decision, layer, scope; /* decision -1: none */
	int64_t time_us;
	const char *bytes; /* borrowed; of a scan's row: until the next call */
	size_t n;
};

/* The row of an event, but for run_first and the bytes. */
void journal__row_of(const struct event *event, struct body_row *ret);

/* write.c: the writer's statements. */
struct writer;

enum gk_rc journal__writer_open(struct sqlite3 *db, struct writer **ret_writer,
    struct gk_err *err) GK_MUST_USE;
void journal__writer_free(struct writer *writer);
enum gk_rc journal__write_begin(
    struct writer *writer, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_commit(
    struct writer *writer, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_body(struct writer *writer,
    const struct body_row *row, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_opening(struct writer *writer, uint64_t seq,
    const struct opening *opening, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_tile(struct writer *writer,
    const struct edge_tile *tile, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_checkpoint(struct writer *writer, uint64_t size,
    const char *note, size_t n, bool kept, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_drop_checkpoint(
    struct writer *writer, uint64_t size, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_keep_checkpoint(
    struct writer *writer, uint64_t size, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_policy(struct writer *writer, const char *digest,
    const char *bytes, size_t n, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_row(struct writer *writer, int64_t generation,
    const char *key, const char *json, size_t n,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_drop_rows(struct writer *writer, int64_t keep,
    int limit, bool *ret_more, struct gk_err *err) GK_MUST_USE;
/* cosigned.c */
enum gk_rc journal__write_cosignature(struct sqlite3 *db,
    const struct journal_cosignature *cosignature,
    struct gk_err *err) GK_MUST_USE;
/* The largest size that somebody cosigned. */
enum gk_rc journal__last_cosigned(struct journal_reader *reader,
    bool *ret_found, uint64_t *ret_size, struct gk_err *err) GK_MUST_USE;
/* The first size from that one on which somebody cosigned. */
enum gk_rc journal__next_cosigned(struct journal_reader *reader, uint64_t from,
    bool *ret_found, uint64_t *ret_size, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__write_signing_key(struct writer *writer, uint64_t seq,
    const char *bytes, size_t n, struct gk_err *err) GK_MUST_USE;
/* value NULL: forget the key. */
enum gk_rc journal__write_meta(struct writer *writer, const char *key,
    const char *value, struct gk_err *err) GK_MUST_USE;
/* Pages in the WAL that aren't folded in yet; bytes ever written to it. */
uint64_t journal__wal_pages(const struct writer *writer);
uint64_t journal__wal_bytes(const struct writer *writer);
/* Fold the WAL in: all of it and cut it (TRUNCATE), or what readers allow (PASSIVE). */
enum gk_rc journal__wal_fold(
    struct writer *writer, bool truncate, struct gk_err *err) GK_MUST_USE;
/* fsync the database file itself. */
enum gk_rc journal__db_sync(
    struct writer *writer, struct gk_err *err) GK_MUST_USE;

/* let_go.c: the statements that remove. */
struct let_go;
enum gk_rc journal__let_go_open(struct sqlite3 *db, struct let_go **ret_let_go,
    struct gk_err *err) GK_MUST_USE;
void journal__let_go_free(struct let_go *let_go);

/* read.c: what lies at a place. */

/* A reader on somebody else's connection. */
enum gk_rc journal__reader_on(struct sqlite3 *db,
    struct journal_reader **ret_reader, struct gk_err *err) GK_MUST_USE;
void journal__reader_closep(struct journal_reader **reader);

/* Group reads into one snapshot; _end is fine without _begin. */
enum gk_rc journal__read_begin(
    struct journal_reader *reader, struct gk_err *err) GK_MUST_USE;
void journal__read_end(struct journal_reader *reader);

/* journal_openings(), and those too that are redacted and not gone yet, where that is set. */
enum gk_rc journal__openings(struct journal_reader *reader, uint64_t seq,
    bool redacted,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/*
 * The same for one event after the other: _begin names the stretch [from, to), _of
 * gives those of seq, which only grows, and leaves none of it out.  One at a time; _end is fine without _begin.
 */
enum gk_rc journal__openings_begin(struct journal_reader *reader, uint64_t from,
    uint64_t to, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__openings_of(struct journal_reader *reader, uint64_t seq,
    enum gk_rc (*each)(
	void *ctx, const struct opening *opening, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
void journal__openings_end(struct journal_reader *reader);

/* Events in the store: one more than the greatest seq. */
enum gk_rc journal__read_size(struct journal_reader *reader, uint64_t *ret_size,
    struct gk_err *err) GK_MUST_USE;
/* The smallest seq whose body is there; 0 when there is none. */
enum gk_rc journal__read_first(struct journal_reader *reader, uint64_t *ret_seq,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__read_time(struct journal_reader *reader, uint64_t seq,
    int64_t *ret_us, bool *ret_found, struct gk_err *err) GK_MUST_USE;
/* The stored tile; hashes takes 8192 bytes. */
enum gk_rc journal__read_tile(struct journal_reader *reader, unsigned level,
    uint64_t index, struct digest *ret_root, uint8_t *ret_hashes,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__read_tile_count(struct journal_reader *reader,
    uint64_t *ret_count, struct gk_err *err) GK_MUST_USE;
/* The first checkpoint of at least that size, or the greatest for UINT64_MAX. */
enum gk_rc journal__read_checkpoint(struct journal_reader *reader,
    uint64_t at_least, uint64_t *ret_size, struct gk_buf *note, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;
/* The seqs, from one on, that the index of a run's events has; at most room. */
enum gk_rc journal__read_run_seqs(struct journal_reader *reader,
    uint64_t run_first, uint64_t from, uint64_t *ret_seqs, size_t room,
    size_t *ret_count, struct gk_err *err) GK_MUST_USE;
/* Each event, held ones too, of kind retention or redaction, in order of seq. */
enum gk_rc journal__each_gone(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, uint64_t seq, struct gk_err *err), void *ctx,
    struct gk_err *err) GK_MUST_USE;
/* Rows outside a log of that size: negative seqs, openings of no event. */
enum gk_rc journal__read_strays(struct journal_reader *reader, uint64_t size,
    uint64_t *ret_count, struct gk_err *err) GK_MUST_USE;
/* Each policy text with the SHA-256 that was stored beside it. */
enum gk_rc journal__each_policy(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, const char *digest, const void *sha256,
	size_t sha256_n, const char *bytes, size_t n, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__read_meta(struct journal_reader *reader, const char *key,
    struct gk_buf *value, bool *ret_found, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__each_row(struct journal_reader *reader, int64_t generation,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__read_snapshot(struct journal_reader *reader,
    bool *ret_found, uint64_t *ret_seq, struct gk_err *err) GK_MUST_USE;

/* tiles.c: tiles of every width out of the store. */

/*
 * The first id->width hashes of a tile: of the complete one that is stored, or put
 * together from the bodies or tiles below.  GK_E_CORRUPT when a piece is missing.
 */
enum gk_rc journal__load_tile(struct journal_reader *reader,
    const struct tile_id *id, uint8_t *ret_hashes,
    struct gk_err *err) GK_MUST_USE;
/* The store as a source of proofs; ctx is the reader. */
struct prove_source journal__source(struct journal_reader *reader);

/*
 * Rebuild the edge of the tree of that size from tiles and bodies; GK_E_CORRUPT
 * when a piece is missing.
 */
enum gk_rc journal__edge_load(struct journal_reader *reader, uint64_t size,
    struct edge *edge, struct gk_err *err) GK_MUST_USE;

/* scan.c: rows in order. */
struct scan {
	uint64_t run_first; /* only the run that begins there; 0: all */
	uint64_t from, to;  /* [from, to) */
	bool newest_first;
};

/* One scan at a time on a reader; _end it, whatever happened. */
void journal__scan_begin(
    struct journal_reader *reader, const struct scan *scan);
enum gk_rc journal__scan_next(struct journal_reader *reader,
    struct body_row *ret_row, bool *ret_more, struct gk_err *err) GK_MUST_USE;
void journal__scan_end(struct journal_reader *reader);

/* The events that name signing keys, in order. */
enum gk_rc journal__each_signing_key(struct journal_reader *reader,
    enum gk_rc (*each)(void *ctx, uint64_t seq, const char *bytes, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;
/* keychain.c: the chain as the store tells it; empty when it names no key. */
enum gk_rc journal__chain_load(struct journal_reader *reader,
    struct chain *chain, struct gk_err *err) GK_MUST_USE;

/* journal.c and open.c */

/*
 * Invariants:
 * 1. head is the text of the last signed checkpoint; empty while nothing was.
 * 2. Outside a batch, head's size and root are the edge's and the database's.
 * 3. published_size <= head_size.
 */
struct journal {
	int dir;
	int lock;
	struct sqlite3 *db;
	struct writer *writer;
	struct let_go *let_go;
	struct journal_reader *reader; /* on db */
	struct edge *edge;
	struct journal_keys keys;
	struct remote *remote; /* NULL: we sign ourselves */
	struct chain chain;
	bool switched; /* in this batch the signing key has changed */
	struct gk_buf head;
	uint64_t head_size;
	uint64_t published_size;
	int64_t published_at_us; /* CLOCK_BOOTTIME */
	int64_t last_us;
	bool in_batch;
	bool apart;           /* the signing key isn't here */
	struct wal_state wal; /* as the start found it */
	bool broken;
	bool accepted;  /* a note of journal_recover() waits to be dropped */
	bool wal_dirty; /* the WAL may hold what was let go */
	uint64_t
	    erase_from; /* redactions from here on may have openings left; UINT64_MAX: none */
	struct journal_counters counters;
};

/* Begin the batch's transaction where none is open. */
enum gk_rc journal__batch_begin(
    struct journal *journal, struct gk_err *err) GK_MUST_USE;
/* After a write within the batch: it went well, or the journal is broken. */
enum gk_rc journal__settled(
    struct journal *journal, enum gk_rc rc, struct gk_err *err) GK_MUST_USE;
/* Let go of everything.  A broken one leaves the WAL as it is. */
void journal__release(struct journal *journal);
/* Leave a mark for the next start; best effort, on a device that has just failed. */
void journal__mark_eio(struct journal *journal, const struct gk_err *err);
/* Replace the published file by the head. */
enum gk_rc journal__publish(
    struct journal *journal, struct gk_err *err) GK_MUST_USE;

#endif
