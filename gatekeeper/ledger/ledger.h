#ifndef GK_LEDGER_LEDGER_H
#define GK_LEDGER_LEDGER_H
/* The ledger room's door: what the journal's events add up to, and what a request would add. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/event.h"
#include "model/findings.h"
#include "model/identity.h"
#include "model/ids.h"

/*
 * One thread owns a ledger.  settle reads it and changes nothing; apply is the
 * only way it changes, live and at start-up, and reads the event alone.
 */
struct ledger;

struct ledger_limits {
	int64_t run_idle_us;      /* a run with nothing open ends after this */
	size_t runs_per_identity; /* live runs; more are refused */
	int64_t result_grace_us; /* after boot, before anything is unreported */
	int64_t
	    asks_per_hour; /* approvals that an agent may ask for, by tenant; 0: any number */
};

#define LEDGER_ASKS_PER_HOUR 60 /* unless the configuration says otherwise */

#define LEDGER_EVENTS_MAX 4 /* that one settlement gives */

enum settle_outcome {
	SETTLE_REFUSED =
	    0,         /* refusal says why; events may be there all the same */
	SETTLE_EVENTS, /* record events[] in order; the first is the answer */
	SETTLE_REPLAY, /* nothing to record; the answer is the event at replay_seq */
	SETTLE_MISS, /* the run isn't in memory: recall it (or say it is new), settle again */
	SETTLE_NOTHING, /* nothing to record, nothing wrong (idempotent) */
};

/* Why it was refused; the words are the API's problem codes. */
enum refusal {
	REFUSAL_NONE = 0,
	REFUSAL_STEP_CONFLICT,
	REFUSAL_RUN_NOT_YOURS,
	REFUSAL_RUN_ENDED,
	REFUSAL_TOO_MANY_RUNS,
	REFUSAL_NOT_FOUND,
	REFUSAL_NOT_ALLOWED, /* a result for what wasn't allowed */
	REFUSAL_CONFLICTING_RESULT,
	REFUSAL_ALREADY_RESOLVED, /* an approval; see approval */
	REFUSAL_NOT_AN_APPROVER,  /* no group in common with an open rule */
	REFUSAL_OWN_REQUEST,      /* the person behind the request */
	REFUSAL_ALREADY_VOTED,
	REFUSAL_EXISTS, /* an identity of that id */
	REFUSAL_IDENTITY_REVOKED,
	REFUSAL_OPEN_WORK, /* run end: approvals or results are open */
	REFUSAL_UNDER_HOLD,
	REFUSAL_TOO_MANY_HOLDS,
	REFUSAL_KEY_NEEDED,    /* the current key, or what it hashed is open */
	REFUSAL_TOO_MANY_KEYS, /* hash keys that aren't destroyed */
	REFUSAL_NOT_BOUNDED, /* a bounded grant, where a rule that asks allows none */
	REFUSAL_BOUND_TOO_WIDE, /* wider than the rules allow */
	REFUSAL_COUNT,
};
extern const char *const refusal_words[REFUSAL_COUNT];

/* One approval as people see it. */
struct approval_vote {
	const char *person;
	const char *identity;
	bool grant;
	int64_t at_us;
};

struct approval_rule_view {
	const char *rule;
	const char *reason;
	const char **groups; /* who may decide now */
	size_t group_count;
	const char **escalate_to; /* who may too from escalates_at_us on */
	size_t escalate_count;
	int64_t escalates_at_us; /* 0: it doesn't, or has */
	bool escalated;
	int risk; /* enum risk, never RISK_NONE */
	int64_t needed;
	int64_t granted;
};

#define APPROVAL_ALIKE_BYTES 28 /* "alk_", 22 characters, '\0' */

struct approval_view {
	char approval_id[ID_TEXT_BYTES];
	char alike
	    [APPROVAL_ALIKE_BYTES]; /* equal where agent, tenant, actor, action with arguments and rules are */
	uint64_t seq; /* of the decision that asked */
	int status;   /* enum approval_status */
	int risk;     /* enum risk: the highest of its rules */
	const char *run_id, *step_id, *tenant_id, *agent_id, *caller;
	const char *action, *action_key;
	const char *actor_type, *actor_id;
	int64_t asked_at_us, expires_at_us, grant_until_us;
	int64_t resolved_at_us;
	const char *resolved_by;
	int64_t needed, granted;      /* sums over the rules */
	int64_t max_uses, max_ttl_ms; /* 0: no bounded grant */
	const char **pins;            /* JSON Pointers into the arguments */
	size_t pin_count;
	struct grant_bound bound; /* uses 0: the grant isn't bounded */
	int64_t used;             /* so often */
	struct approval_rule_view *rules;
	size_t rule_count;
	struct approval_vote *votes;
	size_t vote_count;
};

struct settlement {
	enum settle_outcome outcome;
	enum refusal refusal;
	struct event events
	    [LEDGER_EVENTS_MAX]; /* seq, timestamp, all but the nonce filled */
	size_t event_count;
	uint64_t replay_seq;
	int64_t retry_after_ms; /* 0: none */
	struct approval_view
	    *approval;      /* the one that the answer speaks of; NULL: none */
	bool has_successor; /* replay: the step's "~granted" answers instead */
};

/* When and where a settlement is made. */
struct settle_at {
	uint64_t seq;    /* the next one */
	int64_t now_us;  /* ledger time; never before the last event's */
	bool run_is_new; /* the journal knows no event of this run */
};

enum gk_rc ledger_new(const struct id_key *id_key,
    const struct ledger_limits *limits, struct ledger **ret_ledger,
    struct gk_err *err) GK_MUST_USE;
void ledger_free(struct ledger *ledger);
void ledger_freep(struct ledger **ledger);

/*
 * Fold one event in.  Borrows event.  event->seq must be the next one.
 * Errors: GK_E_CORRUPT for an event that no settlement could have made here
 * (start-up: the journal is damaged), GK_E_NOMEM.
 */
enum gk_rc ledger_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;

#define LEDGER_HASH_KEYS_MAX 8 /* that aren't destroyed */

/* What is asked, hashed under one key. */
struct ask_hashes {
	int64_t key; /* its id */
	const char *action_key, *args_hash,
	    *context_hash;              /* context_hash NULL: none */
	const struct record_pair *pins; /* as many as the ask has */
	const char
	    *actor; /* the actor's id as a pseudonym; NULL: it has none */
};

/* Everything that settle needs to know of a decision that is asked for. */
struct decision_ask {
	const struct decision_request *request;
	const struct identity *caller;
	const char *tenant; /* resolved; NULL: none */
	const char *action_key, *args_hash,
	    *context_hash; /* context_hash NULL: none; the newest key's */
	const struct ask_hashes
	    *older; /* the same under older keys, youngest first */
	size_t older_count;
	const struct record_pair
	    *pins; /* what the findings pin, hashed; sorted; the newest key's */
	size_t pin_count;
	const char *
	    actor_alias; /* the actor's id as a pseudonym under the newest key; NULL: it has none */
	const char *
	    actor_person; /* whose identity the actor's id is, likewise; NULL: nobody's */
	bool pseudonymize; /* the record gets the pseudonym */
	int64_t asked_at_us;
	const struct findings *findings;
	const struct record_pair
	    *shown; /* commitments, recorded when approval is asked */
	size_t shown_count;
	const struct record_pair *shown_until; /* and when they go */
	size_t shown_until_count;
	const char *
	    granted_step; /* the step asked by a waiter after a grant: "<step>~granted"; else NULL */
	bool
	    no_space; /* the disk is nearly full: an allow becomes a stop, audit_space */
	bool
	    unwitnessed; /* no witness for too long: a stop, audit_unwitnessed */
};

/* All settle functions: results' strings live in arena, ask or ledger (until the next apply). */
enum gk_rc ledger_settle_decision(const struct ledger *ledger,
    const struct settle_at *at, const struct decision_ask *ask,
    struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;

/* The digest of a result under an older key. */
struct result_digest {
	int64_t key;
	const char *digest;
};

struct result_report {
	uint64_t decision_seq;
	const struct event
	    *decision; /* that event, read from the journal by the gate */
	const struct identity *caller;
	const struct event_result *result; /* hashed, with digest */
	const struct result_digest *older;
	size_t older_count;
	const struct cost_item *cost;
	size_t cost_count;
};

enum gk_rc ledger_settle_result(const struct ledger *ledger,
    const struct settle_at *at, const struct result_report *report,
    struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;

struct approval_ballot {
	uint64_t approval_seq; /* of the decision that asked */
	const char *tenant_id,
	    *run_id; /* of that decision, read from the journal by the gate */
	const struct identity *voter;
	const char *const *
	    aliases; /* pseudonyms under which the voter may be an actor, under each key */
	size_t alias_count;
	enum change change;     /* GRANTED, DENIED or REVOKED */
	int64_t grant_valid_us; /* 0: as long as the rules allow */
	const struct grant_bound
	    *bound; /* GRANTED: a bounded one; NULL: once */
	const struct record_pair *shown; /* the comment's commitment */
	size_t shown_count;
};

enum gk_rc ledger_settle_ballot(const struct ledger *ledger,
    const struct settle_at *at, const struct approval_ballot *ballot,
    struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;

/* End a run: only its agent (caller), or "gatekeeper" by idleness. */
enum gk_rc ledger_settle_run_end(const struct ledger *ledger,
    const struct settle_at *at, const struct identity *caller,
    const char *tenant, const char *run_id, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err) GK_MUST_USE;

/* kill_switch of the event to be: scope, subject, action, expires; id is made. */
enum gk_rc ledger_settle_switch(const struct ledger *ledger,
    const struct settle_at *at, const char *caller,
    const struct event_switch *kill_switch, const struct record_pair *shown,
    size_t shown_count, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc ledger_settle_switch_lift(const struct ledger *ledger,
    const struct settle_at *at, const char *caller, uint64_t switch_seq,
    const struct record_pair *shown, size_t shown_count, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err) GK_MUST_USE;

#define LEDGER_HOLDS_MAX 1000

/* hold of the event to be: scope, subject, tenant; id is made. */
enum gk_rc ledger_settle_hold(const struct ledger *ledger,
    const struct settle_at *at, const char *caller,
    const struct event_hold *hold, const struct record_pair *shown,
    size_t shown_count, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc ledger_settle_release(const struct ledger *ledger,
    const struct settle_at *at, const char *caller, uint64_t hold_seq,
    const struct record_pair *shown, size_t shown_count, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err) GK_MUST_USE;

/* change: CREATED (id must be new or revoked), CHANGED, REVOKED. */
enum gk_rc ledger_settle_identity(const struct ledger *ledger,
    const struct settle_at *at, const char *caller, enum change change,
    const struct identity *identity, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err) GK_MUST_USE;

/*
 * A key that was made (its id is key_next()), or destroyed: refused for the
 * current one, and for a hash key while something open was hashed with it.
 */
enum gk_rc ledger_settle_key(const struct ledger *ledger,
    const struct settle_at *at, const char *caller, enum change change,
    const struct event_key *key, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;

/*
 * What is due at at->now_us: an approval or grant that expired, an allow whose
 * result is missing, a switch that ran out, a run that is idle.  The earliest
 * first; SETTLE_NOTHING when none is.  Call, record, apply, call again.
 */
enum gk_rc ledger_settle_due(const struct ledger *ledger,
    const struct settle_at *at, struct gk_arena *arena, struct settlement *ret,
    struct gk_err *err) GK_MUST_USE;

/* When the next thing is due; INT64_MAX when nothing is. */
int64_t ledger_next_due(const struct ledger *ledger);

/*
 * Bring back a run that left memory, from the journal's events of that run in
 * order (kinds decision, result, violation, approval, run).  A recalled run is
 * ended and cold: it takes late results and answers that it has ended, and it
 * leaves memory again when others are recalled.  Changes nothing that counts.
 */
enum gk_rc ledger_recall(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;

/* Is the run in memory, live or recalled? */
bool ledger_has_run(
    const struct ledger *ledger, const char *tenant, const char *run_id);

/* Views.  Strings live in the ledger until the next apply: copy to keep. */
bool ledger_approval(const struct ledger *ledger, uint64_t seq,
    struct gk_arena *arena, struct approval_view *ret);
/* Which approvals: of that status (APPROVAL_NONE: any), asked after that seq, and wanted (NULL: all). */
struct approval_filter {
	enum approval_status status;
	uint64_t after_seq;
	bool by_risk;         /* the riskiest first */
	enum risk after_risk; /* by_risk, where after_seq isn't 0: that one's */
	bool (*wants)(void *ctx, const struct approval_view *view);
	void *ctx;
};
/* Those that the filter lets through, oldest first, within each risk where that is asked; at most max, *ret_more: there are others. */
size_t ledger_approvals(const struct ledger *ledger,
    const struct approval_filter *filter, struct gk_arena *arena,
    struct approval_view *ret, size_t max, bool *ret_more);

struct switch_view {
	uint64_t seq;
	const struct event_switch *kill_switch;
	const char *caller;
	int64_t thrown_at_us;
};
size_t ledger_switches(
    const struct ledger *ledger, struct switch_view *ret, size_t max);

/* What has been charged against one limit or budget. */
struct counter_view {
	int kind;                          /* enum charge_kind */
	int per;                           /* enum scope */
	const char *rule, *subject, *unit; /* "": none */
	const char *tenant, *run_id;       /* of scope run; "": none */
	int64_t count; /* COUNT; REPEAT: of one action, that still count */
	int64_t used_micros;   /* BUDGET */
	int64_t window_end_us; /* BUDGET; 0: the run's end */
	int64_t tat_ns;        /* RATE: see counter.c */
};
/*
 * Those that still count at now_us, the youngest first; at most max are looked
 * at.  Strings live until each returns.  True: there are others.
 */
bool ledger_counters(const struct ledger *ledger, int64_t now_us, size_t max,
    void (*each)(void *ctx, const struct counter_view *view), void *ctx);

/* Does a legal hold cover what belongs to that tenant and run?  Either may be NULL: none. */
bool ledger_is_held(
    const struct ledger *ledger, const char *tenant, const char *run_id);

struct hold_view {
	uint64_t seq;
	const struct event_hold *hold;
	const char *caller;
	int64_t held_at_us;
};
/* Oldest first; at most max. */
size_t ledger_holds(
    const struct ledger *ledger, struct hold_view *ret, size_t max);

/* The oldest decision whose result or approval is still open; UINT64_MAX: none is. */
uint64_t ledger_oldest_open(const struct ledger *ledger);

/* One key, and what still needs it. */
struct key_view {
	int what; /* enum key_use */
	int64_t id;
	int64_t since_us; /* made; 0: with the log */
	int64_t
	    until_us; /* replaced by a newer one; 0: it is the current one */
	int64_t destroyed_us; /* 0: it is there */
	int64_t runs;         /* open, with steps hashed under it */
	int64_t approvals;    /* open, asked for under it */
	int64_t repeats;      /* of an action, that a limit still counts */
	int64_t
	    limits; /* limits and budgets of an actor's pseudonym, that still count */
	int64_t switches; /* over an actor's pseudonym */
};
/* All keys ever, the oldest first: those that hash, then those that sign. */
size_t ledger_keys(const struct ledger *ledger, int64_t now_us,
    struct key_view *ret, size_t max);
/* Does anything that is open still need it? */
bool ledger_key_is_needed(const struct key_view *view);
int64_t ledger_key_current(const struct ledger *ledger, enum key_use what);
/* Hash keys that aren't destroyed, newest first; gives how many. */
size_t ledger_hash_keys(
    const struct ledger *ledger, int64_t ret_ids[LEDGER_HASH_KEYS_MAX]);

/* The person whose living identity has that id; NULL: none has, or it is nobody's. */
const char *ledger_person_of(const struct ledger *ledger, const char *id);
size_t ledger_identity_count(const struct ledger *ledger);
/* The i-th living identity; order is by id. */
const struct identity *ledger_identity_at(
    const struct ledger *ledger, size_t i);

/*
 * Is that identity, as a caller was signed in by it, still one: neither revoked,
 * nor made anew, nor expired at now_us?
 */
bool ledger_identity_lives(
    const struct ledger *ledger, const struct identity *caller, int64_t now_us);

/* Digest of the policy in force, by the last policy event; NULL: none yet. */
const char *ledger_policy(const struct ledger *ledger);
uint64_t ledger_next_seq(const struct ledger *ledger);
int64_t ledger_last_us(const struct ledger *ledger);
bool ledger_clock_jumped(const struct ledger *ledger); /* not yet accepted */
bool ledger_closed_cleanly(const struct ledger *ledger);

struct ledger_stats {
	size_t runs, steps, open_results, approvals_pending, switches,
	    identities;
	size_t limits, budgets; /* counters in memory */
	size_t holds;
};
void ledger_stats(const struct ledger *ledger, struct ledger_stats *ret);

/*
 * The whole state as canonical rows, sorted by key: what a snapshot holds, and
 * what two equal ledgers agree on byte for byte.  Calls row for each; stops at
 * its first error.  What no longer counts (a refilled bucket, a cold run) isn't
 * part of the state.
 */
enum gk_rc ledger_rows(const struct ledger *ledger,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

#define LEDGER_DIGEST_BYTES 72 /* "sha256:", 64 hex digits, '\0' */

/* What a snapshot is of. */
struct ledger_snapshot {
	uint64_t seq; /* the last event in it */
	size_t rows;
	char digest[LEDGER_DIGEST_BYTES]; /* see snapshot.c */
};

/*
 * Begin a snapshot of the state as it is now, and take its rows in slices of
 * about that many bytes while events go on being applied.  *ret_done: that was
 * the last slice, and ledger_snapshot_digest() says what to record.  Beginning
 * again drops an unfinished one.
 */
enum gk_rc ledger_snapshot_begin(
    struct ledger *ledger, struct gk_err *err) GK_MUST_USE;
bool ledger_snapshot_active(const struct ledger *ledger);
enum gk_rc ledger_snapshot_slice(struct ledger *ledger, size_t bytes,
    enum gk_rc (*row)(void *ctx, const char *key, const char *json, size_t n,
	struct gk_err *err),
    void *ctx, bool *ret_done, struct gk_err *err) GK_MUST_USE;
void ledger_snapshot_digest(struct ledger *ledger, struct ledger_snapshot *ret);

/* The digest that a snapshot of the state as it is now would have. */
enum gk_rc ledger_state_digest(const struct ledger *ledger,
    struct ledger_snapshot *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Read a snapshot back into a fresh ledger: hand over every row, in any order
 * (ledger_loader_row has the form of a row callback), then finish.  *ret_valid is
 * false, and the ledger still empty, when the rows aren't those of the digest.
 */
struct ledger_loader;
enum gk_rc ledger_loader_new(struct ledger *ledger, struct ledger_loader **ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc ledger_loader_row(void *loader, const char *key, const char *json,
    size_t n, struct gk_err *err) GK_MUST_USE;
enum gk_rc ledger_loader_finish(struct ledger_loader *loader,
    const char *digest, bool *ret_valid, struct gk_err *err) GK_MUST_USE;
void ledger_loader_free(struct ledger_loader *loader);

/* Load one row into a fresh ledger; the inverse of ledger_rows(). */
enum gk_rc ledger_load_row(struct ledger *ledger, const char *key,
    const char *json, size_t n, struct gk_err *err) GK_MUST_USE;

#endif
