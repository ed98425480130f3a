#ifndef GK_JOURNAL_VERIFY_INTERNAL_H
#define GK_JOURNAL_VERIFY_INTERNAL_H
/* A verification on its way: what was read, where it is, what it found. */

#include "base/arena.h"
#include "journal/journal_internal.h"

/* A stored or published checkpoint whose root must be met on the way. */
struct verify_mark {
	bool has;
	uint64_t size;
	struct digest root;
};

/* About 100 KiB and a bit for each event: lives on the heap. */
struct verify {
	const struct journal_verify_options *options;
	struct journal_verify_report *report;
	struct journal_reader *reader;
	struct note_vkey vkey; /* the verifier's */
	struct chain chain;    /* the log's keys; vkey is one of them */
	size_t keys_met;       /* of the chain, in events */
	uint64_t size;         /* of the head: everything below is checked */
	struct digest root;
	struct edge edge;
	struct verify_mark stored; /* the next one in the database */
	struct verify_mark published;
	struct verify_mark held; /* by the caller */
	uint64_t checkpoints;    /* met */
	int64_t last_us;
	uint8_t *
	    closed; /* a bit for each seq: an allow that has its closing result */
	struct gk_arena arena;       /* of the event at hand */
	struct gk_arena other_arena; /* of the event that it points to */
	struct gk_buf other;         /* its bytes */
	bool genesis;                /* was met */
	struct gone *gone;           /* what the log lets go */
	struct near *near;           /* what was just read */
	struct decoder *decoder;     /* of the store's events */
	bool in_step;      /* of the store: openings are read in order */
	uint64_t let_go;   /* of files: there are only hashes of those before */
	uint64_t retained; /* of files: a retention says so of those before */
	struct gk_buf keys; /* of files: signing-keys, "" where there is none */
	struct gk_buf bundle; /* of files: the one that was pointed into last */
	uint64_t bundle_index;
	char policy[128]; /* whose text was last seen to be there */
	uint8_t tile[TILE_WIDTH * DIGEST_BYTES];
};

/*
 * Say the first fault: where it is, and what it means.  Gives GK_E_CORRUPT, so
 * that the checks end.
 */
enum gk_rc journal__verify_fault(struct verify *verify, struct gk_err *err,
    const char *where, const char *fmt, ...) GK_PRINTF(4, 5);

/* verify_witness.c: the checkpoint that the caller holds; is the log long enough for it? */
enum gk_rc journal__verify_held(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;
enum gk_rc journal__verify_held_extent(
    struct verify *verify, uint64_t size, struct gk_err *err) GK_MUST_USE;
/* All stored cosignatures below the head; says up to where it is witnessed. */
enum gk_rc journal__verify_witnesses(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;

/* The first stored checkpoint of at least that size (UINT64_MAX: the last). */
enum gk_rc journal__verify_stored(struct verify *verify, uint64_t at_least,
    struct verify_mark *ret, struct gk_err *err) GK_MUST_USE;

/* verify_walk.c: all events of the store, and the tree that they make. */
enum gk_rc journal__verify_walk(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;
/* At the size of a signed root, the events must have it. */
enum gk_rc journal__verify_mark(struct verify *verify,
    const struct verify_mark *mark, const char *what,
    struct gk_err *err) GK_MUST_USE;

/*
 * Everything that must hold for one event, but for its place in the tree.  want is
 * the row that belongs to it.
 */
enum gk_rc journal__verify_event(struct verify *verify,
    const struct body_row *row, const struct event *event,
    const struct body_row *want, struct gk_err *err) GK_MUST_USE;

/* The events' form is our own: that one can't be read is a fault, but for want of memory. */
enum gk_rc journal__verify_unread(struct verify *verify, uint64_t seq,
    enum gk_rc rc, const struct gk_err *why, struct gk_err *err) GK_MUST_USE;

/* The same, of a body below the minimum that is still there. */
enum gk_rc journal__verify_kept(struct verify *verify,
    const struct body_row *row, struct gk_err *err) GK_MUST_USE;

/* verify_gone.c: read, or read again, what the log lets go. */
enum gk_rc journal__gone_load(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;
void journal__gone_free(struct gone *gone);
uint64_t journal__gone_minimum(const struct verify *verify);
/* Of each shown value: is its opening there, or does an event say where it went? */
enum gk_rc journal__gone_check(struct verify *verify, const struct event *event,
    const bool *present, struct gk_err *err) GK_MUST_USE;
/* The 256 leaf hashes from edge.size on, below the minimum; what is held among them is checked. */
enum gk_rc journal__gone_tile(
    struct verify *verify, uint8_t *ret_hashes, struct gk_err *err) GK_MUST_USE;
/* At edge.size: does a retention name a root for it? */
enum gk_rc journal__gone_root(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;

/* The same, of an event that comes from a file. */
enum gk_rc journal__verify_entry(struct verify *verify, uint64_t seq,
    const void *bytes, size_t n, struct gk_err *err) GK_MUST_USE;

/* A note of the log, believed; whose it is stands in where. */
enum gk_rc journal__verify_note(struct verify *verify, const char *bytes,
    size_t n, const char *where, struct verify_mark *ret,
    struct gk_err *err) GK_MUST_USE;
/* The caller's word on a policy's text. */
enum gk_rc journal__verify_policy(struct verify *verify, const char *digest,
    const char *bytes, size_t n, struct gk_err *err) GK_MUST_USE;

/* Of a log that comes as files: has the head, this note, the policy's quorum? */
enum gk_rc journal__verify_cosigned(struct verify *verify, const char *note,
    size_t n, struct gk_err *err) GK_MUST_USE;
/* Which witnesses of the policy have cosigned a note, a bit each.  GK_E_CORRUPT for a false cosignature. */
enum gk_rc journal__cosigned_by(const struct trust *trust, const char *note,
    size_t n, uint64_t *ret_cosigned, struct gk_err *err) GK_MUST_USE;
/*
 * verify_chain.c: the keys that the log's own events name, of which the verifier's must
 * be one.  That those events are in the log, and no others, is checked on the way.
 */
enum gk_rc journal__verify_chain(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;
/*
 * The same of a log that comes as files, of that size; where it has no signing-keys,
 * the verifier's is the only one.
 */
enum gk_rc journal__verify_files_chain(
    struct verify *verify, uint64_t size, struct gk_err *err) GK_MUST_USE;
/* Of the events that name a key, those in [from, from + 256), which were let go, must have these hashes. */
enum gk_rc journal__verify_gone_keys(struct verify *verify, uint64_t from,
    const uint8_t *hashes, struct gk_err *err) GK_MUST_USE;
/* The verification has come to its end. */
void journal__verify_done(struct verify *verify);
/* The key of a log that comes as files; *ret_has false when there is none that could verify. */
enum gk_rc journal__verify_files_key(
    struct verify *verify, bool *ret_has, struct gk_err *err) GK_MUST_USE;

/* verify_files.c: all of a log that comes as files. */
enum gk_rc journal__verify_files(
    struct verify *verify, struct gk_err *err) GK_MUST_USE;
/* Append the event of seq to other. */
enum gk_rc journal__files_event(struct verify *verify, uint64_t seq,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;
/* Load a file, into a cleared buf; longer than its cap is a fault. */
enum gk_rc journal__files_load(struct verify *verify, const char *path,
    struct gk_buf *buf, bool *ret_found, struct gk_err *err) GK_MUST_USE;
#define JOURNAL_POLICIES          "policies" /* beside the tiles of an export */
/* "policies/<hex>.json" for a digest "sha256:<hex>"; false when it isn't one. */
#define JOURNAL_POLICY_PATH_BYTES 96
/* "held/<N>", N as tile_entries_path() has it. */
#define JOURNAL_HELD              "held"
const char *journal__held_path(uint64_t index, char ret_path[TILE_PATH_BYTES]);
bool journal__policy_path(
    const char *digest, char ret_path[JOURNAL_POLICY_PATH_BYTES]);

/* verify_near.c: about 5 MiB, however long the log is. */
struct near;

enum gk_rc journal__near_new(
    struct near **ret_near, struct gk_err *err) GK_MUST_USE;
void journal__near_free(struct near *near);
void journal__near_keep(struct near *near, const struct event *event);
/* Kind, decision and decision_id of an event that is near; the id lives until that many more events are kept. */
bool journal__near_find(
    const struct near *near, uint64_t seq, struct event *ret);
/* Does the index of runs lead to the row?  Rows come in order. */
enum gk_rc journal__near_run(struct verify *verify, const struct body_row *row,
    bool *ret_leads, struct gk_err *err) GK_MUST_USE;

/* verify_decode.c: events that were read together. */
enum { CHUNK_EVENTS = 256 };

struct chunk {
	struct body_row rows[CHUNK_EVENTS];
	size_t at[CHUNK_EVENTS]; /* of each one's bytes */
	size_t count;
	struct gk_buf bytes;
	bool missing; /* behind the last row, one that should be there isn't */
	enum gk_rc read_rc; /* behind the last row, reading failed */
	struct gk_err read_why;
	/* by the decoder, of rows [0, decoded) */
	size_t decoded;
	struct digest leaves[CHUNK_EVENTS];
	struct event *events[CHUNK_EVENTS];
	struct body_row want[CHUNK_EVENTS];
	struct gk_arena arena;
	enum gk_rc rc; /* of row decoded, where that is less than count */
	struct gk_err why;
};

struct decoder;

enum gk_rc journal__decoder_start(
    struct decoder **ret_decoder, struct gk_err *err) GK_MUST_USE;
void journal__decoder_stop(struct decoder *decoder);
/* One of two chunks, emptied; it mustn't be the one that was given. */
struct chunk *journal__decoder_chunk(struct decoder *decoder, unsigned which);
bool journal__chunk_is_full(const struct chunk *chunk);
/* Copies the row's bytes, and none behind the first that is too many for an event. */
enum gk_rc journal__chunk_add(struct chunk *chunk, const struct body_row *row,
    struct gk_err *err) GK_MUST_USE;
/* Have it decoded, one at a time; until _take it isn't the caller's. */
void journal__decoder_give(struct decoder *decoder, struct chunk *chunk);
void journal__decoder_take(struct decoder *decoder);

#endif
