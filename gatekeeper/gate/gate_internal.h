#ifndef GK_GATE_GATE_INTERNAL_H
#define GK_GATE_GATE_INTERNAL_H
/* What the files of the room gate share: the gate, a call's work, and who may touch what. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/digest.h"
#include "gate/gate.h"
#include "gate/hash.h"
#include "gate/herald.h"
#include "gate/indexer.h"
#include "gate/metrics.h"
#include "gate/places.h"
#include "gate/render.h"
#include "gate/space.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "model/entry.h"
#include "model/event.h"
#include "model/ids.h"
#include "model/request.h"
#include "policy/policy.h"

enum {
	GATE_BATCH_MAX = 256,
	GATE_READERS = 2,
	GATE_TRIES_MAX = 3, /* judged again because the policy changed */
	GATE_NONCES = 256,
};

/* Where a call's work goes next. */
enum gate_go { GO_DONE = 0, GO_COMMIT, GO_READ, GO_WAIT, GO_ERASE };

enum gate_lane { LANE_NORMAL = 0, LANE_CONTROL, LANE_READ, LANE_COUNT };

struct gate_work;
struct gate_reader;

/*
 * What a verb does, stage by stage.  begin and finish run in the caller's
 * thread, commit in the commit thread, read in a reader thread; an error of
 * commit or read is the call's (500), unless the journal is broken by then.
 */
struct gate_verb_type {
	unsigned can;   /* any of these permission bits */
	bool local;     /* the admin socket too */
	bool published; /* anybody, where publish_log is on */
	bool metered;   /* counts against the admission rate */
	bool
	    ordered; /* read stages one at a time, until the next stage is queued */
	enum gate_lane lane;
	enum gate_go (*begin)(struct gate *gate, struct gate_call *call);
	enum gk_rc (*commit)(
	    struct gate *gate, struct gate_work *work, struct gk_err *err);
	enum gk_rc (*read)(struct gate *gate, struct gate_reader *reader,
	    struct gate_work *work, struct gk_err *err);
	enum gate_go (*finish)(struct gate *gate, struct gate_call *call);
	void (*release)(struct gate_work *work);
};

extern const struct gate_verb_type gate_verbs[GATE_VERB_COUNT];

/* A call's inside; lies in its arena. */
struct gate_work {
	struct gate_work *next;
	struct gate_call *call;
	const struct gate_verb_type *verb;
	enum gate_go go; /* said by the last stage */
	bool ended;      /* outcome and reply are whole: nothing to finish */
	void *data;      /* the verb's own */
	/* while it waits for an approval */
	uint64_t approval_seq;
	int approval_status; /* when it began to wait */
	int64_t wait_until_us;
	bool placed; /* holds a place of its caller's */
};

struct gate_list {
	struct gate_work *head, **tail;
	size_t count;
};

/* All under lock. */
struct gate_queue {
	pthread_mutex_t lock;
	pthread_cond_t commit_wake, read_wake, idle;
	struct gate_list lanes[LANE_COUNT];
	size_t in_flight; /* calls between begin and done() */
	bool commit_sleeps;
	bool tick;            /* the janitor came by */
	atomic_bool stopping; /* new calls are refused */
	bool ending;          /* nothing is in flight any more: threads end */
};

/* One reader thread. */
struct gate_reader {
	struct gate *gate;
	struct journal_reader *journal;
	struct gk_buf bytes;
	pthread_t thread;
	bool started;
};

/* Who refused calls when: one per identity, under admission.lock. */
struct gate_bucket {
	int64_t tat_us;
	int64_t refused;
	int64_t since_us;
	char id[];
};

struct gate_admission {
	pthread_mutex_t lock;
	struct gk_map buckets;
	int64_t sign_ins;
	int64_t sign_ins_since_us;
	int64_t hash_tat_us; /* args-hash: 60 an hour */
};

struct gate {
	struct gate_options options; /* strings live in arena */
	struct gk_arena arena;
	struct gk_clock clock;
	char vkey[256], origin[160];
	struct id_key id_key;

	/* read by all, written by the commit thread */
	_Atomic int64_t offset_us; /* ledger time − CLOCK_BOOTTIME */
	atomic_bool failed, no_space, clock_gap;
	atomic_bool unwitnessed,
	    contradicted;         /* written by who asks witnesses */
	_Atomic uint64_t minimum; /* bodies before it are gone or going */
	pthread_mutex_t publish_lock;
	struct policy *policy;              /* under publish_lock */
	uint64_t generation;                /* under publish_lock */
	struct gate_identities *identities; /* under publish_lock */
	struct gate_hash_keys hash_keys;    /* under publish_lock */

	struct gate_queue queue;
	struct gate_admission admission;
	struct gate_metrics metrics;
	pthread_mutex_t
	    reload_lock; /* a folder is read and queued in one piece */

	/* the commit thread's own */
	struct journal *journal;
	struct ledger *ledger;
	struct settlement settlement;
	struct gk_arena scratch;          /* of one settlement */
	struct gk_buf bytes;              /* of the events being recorded */
	struct gate_retention *retention; /* retention.h */
	int64_t next_due_us;              /* as of the batch's begin */
	size_t batch_events;
	bool batch_open; /* there is something to commit besides events */
	struct gate_witnesses *witnesses; /* NULL: nobody is asked */
	uint64_t space_bytes; /* recorded since free space was asked for */
	struct gate_list waiters;
	struct gate_list woken;
	struct gate_list
	    erasing; /* redactions whose openings may still be in the WAL */
	struct gk_map accesses;
	uint8_t nonces[GATE_NONCES][EVENT_NONCE_BYTES];
	size_t nonces_left;
	int64_t agreed_us; /* wall − ledger time that was accepted */
	struct gate_space_state space[GATE_SPACE_COUNT];
	int64_t ticked_us;
	int reserve; /* descriptor; -1: none held */
	bool clock_told;
	int64_t snapshot_generation; /* of the one being written */
	int64_t
	    snapshot_keep; /* rows of earlier ones are to go; 0: they are gone */
	uint64_t snapshot_from; /* the last one is of the events before */
	size_t snapshot_rows;   /* in the last one */

	/* the janitor's own */
	struct digest watch_seen, watch_taken;
	pthread_mutex_t janitor_lock;
	pthread_cond_t janitor_wake;

	pthread_t commit_thread, janitor_thread;
	struct gate_reader readers[GATE_READERS];
	struct gate_newest *newest; /* owned; newest.h */
	struct gate_indexer indexer;
	struct herald herald;
	struct places places;
	bool janitor_ends; /* under janitor_lock */
	bool commit_started, janitor_started;
	bool stopped;
};

/* ---- call.c ---- */

/* End a call with a problem.  code and detail: static or in the call's arena. */
enum gate_go gate__problem(struct gate_call *call, enum gate_outcome outcome,
    const char *code, const char *detail);
/* The same for an error of a decoder: 400 with its text and place. */
enum gate_go gate__bad_request(
    struct gate_call *call, const char *code, const struct gk_err *err);
/* 500, or 503 when the journal is gone. */
enum gate_go gate__failed(struct gate_call *call, const struct gk_err *err);
enum gate_go gate__refused(struct gate_call *call, enum refusal refusal);
enum gate_go gate__not_found(struct gate_call *call);
/* 410 let_go where retention has passed that event, else 404. */
enum gate_go gate__gone(
    const struct gate *gate, struct gate_call *call, uint64_t seq);
/* The call's own data, zeroed; NULL: the call has been ended. */
void *gate__data(struct gate_call *call, size_t n);
/* Permission bits of the caller; the admin socket is an operator and auditor. */
unsigned gate__can(const struct gate_call *call);
bool gate__sees_tenant(const struct gate_call *call, const char *tenant);
const char *gate__param(const struct gate_call *call, const char *name);
/* End a call because of a query parameter. */
enum gate_go gate__bad_param(
    struct gate_call *call, const char *name, const char *detail);
/* The parameter limit, 1 to max; without one standard.  False: the call has been ended. */
bool gate__limit_param(
    struct gate_call *call, size_t standard, size_t max, size_t *ret);
/* What concerns every tenant is for who sees all.  False: the call has been ended. */
bool gate__sees_all(struct gate_call *call);
/*
 * Which tenant a call means: wanted, or the only one of its identity.  False:
 * the call has been ended (tenant_not_permitted, tenant_required).
 */
bool gate__tenant(
    struct gate_call *call, const char *wanted, const char **ret_tenant);

/* ---- clock.c ---- */
int64_t gate__now(const struct gate *gate); /* ledger time; from any thread */
void gate__clock_open(struct gate *gate, int64_t last_us);
enum gk_rc gate__clock_watch(struct gate *gate, struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__clock_accept(struct gate *gate, struct event *event,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err) GK_MUST_USE;

/* ---- queue.c ---- */
enum gk_rc gate__queue_init(
    struct gate_queue *queue, struct gk_err *err) GK_MUST_USE;
void gate__queue_done(struct gate_queue *queue);
/* A new call's work (counted in flight); false: refused, the call has been ended. */
bool gate__queue_push(
    struct gate *gate, struct gate_work *work, enum gate_lane lane);
/* The same of work that is in flight already. */
void gate__queue_pass(
    struct gate *gate, struct gate_work *work, enum gate_lane lane);
/* Wait for work; at most GATE_BATCH_MAX.  False: the end. */
bool gate__queue_drain(
    struct gate *gate, struct gate_list *ret_works, bool *ret_tick);
bool gate__queue_take_read(struct gate *gate, struct gate_work **ret_work);
void gate__queue_tick(struct gate *gate);
/* done() was called for so many. */
void gate__queue_left(struct gate *gate, size_t count);
void gate__list_init(struct gate_list *list);
void gate__list_add(struct gate_list *list, struct gate_work *work);
struct gate_work *gate__list_take(struct gate_list *list);

/* ---- commit.c: all of it for the commit thread (and for start-up) ---- */
struct settle_at gate__at(const struct gate *gate);
/*
 * Record a settlement: encode, append, apply.  openings belong to its first
 * event; its leaf goes to *ret_leaf.  After an append has failed the journal
 * is broken and gate->failed is set.
 */
enum gk_rc gate__record(struct gate *gate, struct settlement *settlement,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err) GK_MUST_USE;
/* Record an event of the gate's own: seq and time are filled in. */
enum gk_rc gate__record_event(struct gate *gate, struct event *event,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__commit_batch(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__settle_due(struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__break(struct gate *gate, const struct gk_err *err);
void *gate__commit_main(void *arg);
/* Read the event of seq; strings in arena.  *ret_found false: there is none. */
enum gk_rc gate__read_event(struct gate *gate, struct journal_reader *reader,
    uint64_t seq, struct gk_arena *arena, struct event *ret,
    struct digest *ret_leaf, bool *ret_found, struct gk_err *err) GK_MUST_USE;
/* Bring a run back into memory; *ret_is_new: the journal doesn't know it. */
enum gk_rc gate__recall(struct gate *gate, const char *tenant,
    const char *run_id, bool *ret_is_new, struct gk_err *err) GK_MUST_USE;
/* Bring back the run of the decision at seq, if that is one. */
enum gk_rc gate__recall_of(struct gate *gate, uint64_t seq, struct event *ret,
    bool *ret_found, struct gk_err *err) GK_MUST_USE;

/* ---- snapshot.c ---- */
/* Before a batch is committed: the next slice, or a new snapshot when one is due. */
enum gk_rc gate__snapshot_go_on(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
/* A whole one at the end, where it is worth it. */
enum gk_rc gate__snapshot_close(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
/* Load the newest into the fresh ledger; *ret_from_seq: the first event not in it. */
enum gk_rc gate__snapshot_load(
    struct gate *gate, uint64_t *ret_from_seq, struct gk_err *err) GK_MUST_USE;

/* ---- publish.c ---- */
struct policy *gate__policy_pin(struct gate *gate, uint64_t *ret_generation);
/* Takes *policy: from now on judges pin it. */
void gate__policy_publish(struct gate *gate, struct policy **policy);
enum gk_rc gate__identities_publish(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
const struct identity *gate__identity_by_id(
    const struct gate_identities *table, const char *id);
const struct identity *gate__identity_at(
    const struct gate_identities *table, size_t i);

/* ---- admission.c ---- */
enum gk_rc gate__admission_init(
    struct gate_admission *admission, struct gk_err *err) GK_MUST_USE;
void gate__admission_done(struct gate_admission *admission);
/* False: refused and counted; *ret_retry_ms says when to come again. */
bool gate__admit(
    struct gate *gate, const char *identity, int64_t *ret_retry_ms);
bool gate__admit_hash(struct gate *gate, int64_t *ret_retry_ms);
/* Write what was refused; all: also what is younger than a minute. */
enum gk_rc gate__gaps_flush(
    struct gate *gate, bool all, struct gk_err *err) GK_MUST_USE;
/* Record that somebody reads, unless it was recorded lately.  always: each time. */
enum gk_rc gate__note_access(struct gate *gate, const struct gate_call *call,
    const char *what, bool always, struct gk_err *err) GK_MUST_USE;
void gate__accesses_done(struct gate *gate);

/* ---- redact.c ---- */
struct gate_openings {
	struct record_pair *shown; /* sorted by path */
	struct opening *openings;
	size_t count;
	struct record_pair *until; /* path → when policy lets it go; sorted */
	size_t until_count;
};
/* The path of an actor's or a switch's id that the event has as a pseudonym: no JSON Pointer, so no argument's. */
#define GATE_SHOWN_ACTOR "actor.id"
/* What people may see of a request, where findings ask for approval. */
enum gk_rc gate__show_args(const struct gate *gate,
    const struct decision_request *request, const struct findings *findings,
    int64_t now_us, struct gk_arena *arena, struct gate_openings *ret,
    struct gk_err *err) GK_MUST_USE;
/* A person's words, scrubbed; NULL or "" gives none. */
enum gk_rc gate__show_words(const struct gate *gate, const char *path,
    const char *words, struct gk_arena *arena, struct gate_openings *ret,
    struct gk_err *err) GK_MUST_USE;
/* One more, in what gate__show_words() gave: whom the event names by a pseudonym. */
enum gk_rc gate__show_actor(const char *actor_id, struct gk_arena *arena,
    struct gate_openings *ret, struct gk_err *err) GK_MUST_USE;
/* text with e-mail addresses, card and phone numbers replaced; NULL: no memory. */
char *gate__scrub(const struct gate *gate, const char *text, bool free_text,
    struct gk_arena *arena);
bool gate__is_redacted(const struct gate *gate, const char *name);

/* ---- render.c; the rest of it is in render.h ---- */
/* Render with a table and end the call. */
enum gate_go gate__reply(struct gate_call *call, enum gate_outcome outcome,
    const struct record_type *type, const void *src);

/* ---- boot.c ---- */
/* Fold the log, load the policy, write what a start writes. */
enum gk_rc gate__boot(struct gate *gate, const struct journal_found *found,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__close_event(struct gate *gate, struct gk_err *err) GK_MUST_USE;

/* ---- janitor.c ---- */
void *gate__janitor_main(void *arg);
/* In the commit thread: what the clock, the disk and the waiters need now and then. */
enum gk_rc gate__tick(struct gate *gate, struct gk_err *err) GK_MUST_USE;

/* ---- witness.c ---- */
enum gk_rc gate__witness_open(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__witness_close(struct gate *gate);
/* Before anything is written: do they know better?  GK_E_CORRUPT. */
enum gk_rc gate__witness_start(struct gate *gate,
    const struct journal_found *found, struct gk_err *err) GK_MUST_USE;
/* Start and end the thread that asks. */
enum gk_rc gate__witness_run(struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__witness_end(struct gate *gate);
/* In the commit thread: write down what they said. */
enum gk_rc gate__witness_flush(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
/* And that no quorum cosigns any more, or again. */
enum gk_rc gate__witness_tell(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
/* When all threads have ended: the last round. */
enum gk_rc gate__witness_last(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
enum gk_rc gate__witness_metrics(const struct gate *gate, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* ---- watch.c ---- */
/* In the janitor: has the policy folder changed and come to rest?  Then reload. */
void gate__watch_open(struct gate *gate);
void gate__watch(struct gate *gate);

/* ---- read.c ---- */
void *gate__reader_main(void *arg);

void gate__alert(const struct gate *gate, const char *event, const char *fmt,
    ...) GK_PRINTF(3, 4);

/* The verbs' stages, by file. */
#define STAGE_BEGIN(name) \
	enum gate_go name(struct gate *gate, struct gate_call *call)
#define STAGE_COMMIT(name) \
	enum gk_rc name(   \
	    struct gate *gate, struct gate_work *work, struct gk_err *err)
#define STAGE_READ(name)                                               \
	enum gk_rc name(struct gate *gate, struct gate_reader *reader, \
	    struct gate_work *work, struct gk_err *err)

/* decide.c */
STAGE_BEGIN(decide_begin);
STAGE_COMMIT(decide_commit);
STAGE_BEGIN(decide_finish);
void decide_release(struct gate_work *work);
/* A waiter's approval has changed, or its time is up: what it will be told. */
void decide_wake(struct gate *gate, struct gate_work *work);
/* explain.c */
STAGE_BEGIN(explain_begin);
STAGE_COMMIT(explain_commit);
STAGE_BEGIN(explain_finish);
STAGE_BEGIN(args_hash_begin);
STAGE_COMMIT(args_hash_commit);
STAGE_BEGIN(args_hash_finish);
/* result.c */
STAGE_BEGIN(result_begin);
STAGE_COMMIT(result_commit);
STAGE_BEGIN(result_finish);
STAGE_BEGIN(run_end_begin);
STAGE_COMMIT(run_end_commit);
STAGE_BEGIN(run_end_finish);
/* approvals.c */
STAGE_BEGIN(approvals_begin);
STAGE_COMMIT(approvals_commit);
STAGE_READ(approvals_read);
STAGE_BEGIN(approval_begin);
STAGE_COMMIT(approval_commit);
/* In the commit thread: the approval of a decision, where the caller may see it; lives in scratch. */
enum gk_rc gate__approval_seen(struct gate *gate, const struct gate_call *call,
    uint64_t seq, struct approval_view *ret, bool *ret_found,
    struct gk_err *err) GK_MUST_USE;
void approval_wake(struct gate *gate, struct gate_work *work);
/* history.c */
STAGE_BEGIN(history_begin);
STAGE_COMMIT(history_commit);
STAGE_READ(history_read);
/* ballot.c */
STAGE_BEGIN(ballot_begin);
STAGE_COMMIT(ballot_commit);
STAGE_BEGIN(ballot_finish);
/* control.c */
STAGE_BEGIN(switch_throw_begin);
STAGE_COMMIT(switch_throw_commit);
STAGE_BEGIN(switch_lift_begin);
STAGE_COMMIT(switch_lift_commit);
STAGE_BEGIN(switches_begin);
STAGE_COMMIT(switches_commit);
STAGE_BEGIN(switches_finish);
STAGE_BEGIN(clock_accept_begin);
STAGE_COMMIT(clock_accept_commit);
STAGE_BEGIN(control_finish);
/* keys.c */
STAGE_BEGIN(key_rotate_begin);
STAGE_BEGIN(key_destroy_begin);
STAGE_COMMIT(key_commit);
STAGE_READ(key_read);
STAGE_BEGIN(key_finish);
STAGE_BEGIN(keys_begin);
STAGE_COMMIT(keys_commit);
STAGE_BEGIN(keys_finish);
/* identities.c */
STAGE_BEGIN(identity_create_begin);
STAGE_BEGIN(identity_revoke_begin);
STAGE_COMMIT(identity_commit);
STAGE_BEGIN(identity_finish);
STAGE_BEGIN(identities_begin);
/* notify.c */
STAGE_BEGIN(notify_begin);
STAGE_BEGIN(notify_change_begin);
STAGE_COMMIT(notify_change_commit);
STAGE_BEGIN(notify_change_finish);
/* people.c */
STAGE_BEGIN(who_begin);
STAGE_BEGIN(sign_in_begin);
STAGE_BEGIN(sign_out_begin);
STAGE_COMMIT(sign_commit);
STAGE_BEGIN(sign_finish);
/* reload.c */
STAGE_BEGIN(policy_begin);
/* {"problems":[{"column","file","hint","line","severity","text"}…]}, instead of what buf holds.  reload.c */
enum gk_rc gate__print_problems(const struct policy_report *report,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
STAGE_BEGIN(simulate_begin);
STAGE_COMMIT(simulate_commit);
STAGE_READ(simulate_read);
STAGE_BEGIN(policy_text_begin);
STAGE_READ(policy_text_read);
STAGE_BEGIN(reload_begin);
STAGE_BEGIN(rollback_begin);
STAGE_READ(reload_read);
STAGE_COMMIT(reload_commit);
STAGE_BEGIN(reload_finish);
void reload_release(struct gate_work *work);
/* read.c, runs.c */
STAGE_BEGIN(events_begin);
STAGE_COMMIT(events_commit);
STAGE_READ(events_read);
void events_release(struct gate_work *work);

/* tlog.c */
STAGE_BEGIN(proof_begin);
STAGE_READ(proof_read);
STAGE_BEGIN(checkpoint_begin);
STAGE_READ(checkpoint_read);
STAGE_READ(signing_keys_read);
STAGE_BEGIN(tile_begin);
STAGE_READ(tile_read);
STAGE_BEGIN(entries_begin);
STAGE_COMMIT(entries_commit);
STAGE_READ(entries_read);
STAGE_BEGIN(run_begin);
STAGE_COMMIT(run_commit);
STAGE_READ(run_read);
STAGE_BEGIN(decision_begin);
STAGE_READ(decision_read);
STAGE_COMMIT(decision_commit);
STAGE_BEGIN(decision_finish);
/* tail.c */
STAGE_BEGIN(ship_begin);
STAGE_COMMIT(ship_commit);
/* The reply was made by an earlier stage. */
STAGE_BEGIN(ready_finish);

/* How many events one answer looks at where no index helps.  search.c */
size_t gate__search_rows(const struct gate *gate);
/* Is it an event of an actor, or a switch over one, that has one of these names?  search.c */
bool gate__is_of_actor(
    const char *bytes, size_t n, const char *const *names, size_t count);
/* Append a row for people: leaf hash and opened values put into its bytes; raw: the bytes. */
enum gk_rc gate__row(struct journal_reader *reader, uint64_t seq,
    const char *bytes, size_t n, const struct digest *leaf, bool raw,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
/* The openings of an event as a canonical object; *ret_any false: none. */
enum gk_rc gate__opened(struct journal_reader *reader, uint64_t seq,
    struct gk_buf *buf, bool *ret_any, struct gk_err *err) GK_MUST_USE;
/* Paths that were redacted, each with the seq of the event that says so; likewise. */
enum gk_rc gate__redacted(struct journal_reader *reader, uint64_t seq,
    struct gk_buf *buf, bool *ret_any, struct gk_err *err) GK_MUST_USE;

#endif
