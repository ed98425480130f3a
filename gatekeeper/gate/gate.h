#ifndef GK_GATE_GATE_H
#define GK_GATE_GATE_H
/* The gate room's door: every verb of gatekeeper, in the one order in which judge, ledger and clerk sign. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "codec/json.h"
#include "model/identity.h"

struct gate;

/* Who must have seen that the log only grows. */
struct gate_witness_options {
	const char *policy; /* a C2SP tlog-policy file; NULL: nobody is asked */
	int64_t every_us;   /* ask at the latest so long after an event */
	uint64_t every_events; /* or after so many */
	bool stop;             /* no quorum for too long stops new allows */
	int64_t grace_us;      /* so long, behind every_us */
	/*
	 * POST body to url and wait for the answer, a bounded time.  One call at a
	 * time.  NULL: nobody is asked.  Errors: any; they say why in words.
	 */
	enum gk_rc (*post)(void *ctx, const char *url,
	    const struct gk_buf *body, int *ret_status, struct gk_buf *answer,
	    struct gk_err *err);
	void *post_ctx;
};

/* Who tells of events, from the room out; each from any thread, must not block. */
struct gate_notify_options {
	enum gk_rc (*list)(void *ctx, struct gk_buf *buf, struct gk_err *err);
	/* UINT64_MAX: all.  False: no such target. */
	bool (*retry)(
	    void *ctx, const char *target, uint64_t seq, size_t *ret_count);
	bool (*test)(void *ctx, const char *target);
	void *ctx;
};

struct gate_options {
	const char *data_dir;
	const char *policy_dir;
	const char *origin; /* NULL: a unique one when the log is created */
	const char *
	    signer; /* Unix socket of `gatekeeper signer`; NULL: the signing key lies in data_dir */
	const char *version;
	const struct gk_clock *clock; /* NULL: the system's */
	int64_t run_idle_us;
	int64_t max_clock_gap_us;
	int64_t result_grace_us; /* after boot, before anything is unreported */
	size_t
	    queue; /* calls waiting for the commit thread; more are GATE_UNAVAILABLE */
	size_t runs_per_identity;
	int64_t
	    asks_per_hour; /* approvals that an agent may ask for, by tenant; 0: any number */
	size_t
	    places; /* for calls that wait and streams that follow; 0: 7168 */
	size_t
	    search_rows; /* events that one page looks at where no index helps; 0: a million */
	int64_t admission_per_s; /* calls per identity; sustained */
	int64_t admission_burst;
	uint64_t condition_fuel; /* see policy_input; 0: the default */
	size_t condition_bytes;
	int64_t retention_days; /* of bodies; 0: for ever */
	const char *const
	    *retention_openings; /* "kind=decision 30d", "tenant=t_42 30d" */
	size_t retention_openings_count;
	const char *const *redact_fields;
	size_t redact_count;
	const char *const *
	    show_fields; /* names or JSON Pointers of args that people may see */
	size_t show_count;
	bool pseudonymize_actors;  /* the record has actor.id as a keyed hash */
	uint64_t space_warn_bytes; /* free space below this is told */
	uint64_t
	    space_stop_bytes; /* free space below this: new allows become stop, audit_space */
	uint64_t
	    reserve_bytes; /* preallocated in data_dir, released when the disk is full */
	struct gate_witness_options witness;
	struct gate_notify_options notify; /* NULLs: nobody is told */
	int lock_wait_ms;
	bool publish_log;  /* checkpoint and tiles of hashes are anybody's */
	bool watch_policy; /* reload when a file is renamed into the folder */
	/* Something an operator should see.  From any thread; must not block. */
	void (*alert)(void *ctx, const char *event, const char *text);
	void *alert_ctx;
};

/*
 * Lock and open the journal, rebuild the ledger, load the policy (a broken one
 * is GK_E_INVALID, its problems printed through alert), write genesis (new log)
 * and boot.  Witnesses are asked before anything is written: one that knows more of this
 * log, or another history of it, is GK_E_CORRUPT.  Errors besides: GK_E_BUSY (somebody
 * else has the lock), GK_E_CORRUPT, GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc gate_open(const struct gate_options *options, struct gate **ret_gate,
    struct gk_err *err) GK_MUST_USE;

/* Start the commit, reader and janitor threads. */
enum gk_rc gate_start(struct gate *gate, struct gk_err *err) GK_MUST_USE;

/*
 * Refuse new calls, answer what waits for approvals, finish the queue, write
 * close, end the threads.  Every call's done() has run when it returns.
 */
void gate_stop(struct gate *gate);
void gate_close(struct gate *gate);

/* Has the journal failed (COMMIT unknown)?  The process must end with 74. */
bool gate_failed(const struct gate *gate);

/* Has a witness seen more of this log, or another history of it?  gate_failed() too; ends with 65. */
bool gate_contradicted(const struct gate *gate);

/* Ready for decisions?  why: a word when it isn't ("stopping", "space", "clock", "witness"). */
bool gate_ready(struct gate *gate, const char **ret_why);

/* May anybody read the log's checkpoint and tiles of hashes? */
bool gate_publishes_log(const struct gate *gate);

const char *gate_vkey(const struct gate *gate); /* the log's verifier key */
const char *gate_origin(const struct gate *gate);

/* Who may call: an immutable table, swapped when an identity changes. */
struct gate_identities;
struct gate_identities *gate_identities_pin(struct gate *gate);
void gate_identities_unpin(struct gate_identities *table);
/* By the token's text, at ledger time; NULL: unknown, revoked or expired.  Lives while the table is pinned. */
const struct identity *gate_identify(
    const struct gate_identities *table, struct gate *gate, const char *token);
/*
 * The one identity with that attribute, while its token is valid: for who is vouched
 * for by somebody else.  NULL: none, or more than one.
 */
const struct identity *gate_identify_by(const struct gate_identities *table,
    struct gate *gate, const char *attribute, const char *value);
/* By id, while its token is still the one of that hash: a session's identity, as it is now. */
const struct identity *gate_identify_again(const struct gate_identities *table,
    struct gate *gate, const char *id, const char *token_hash);
/* By id alone, for somebody else has proved who it is; NULL: unknown, revoked or expired. */
const struct identity *gate_identify_named(
    const struct gate_identities *table, struct gate *gate, const char *id);
/* Count a failed sign-in (one gap event a minute). */
void gate_sign_in_failed(struct gate *gate);

enum gate_verb {
	GATE_NONE = 0,
	/* agents */
	GATE_DECIDE,   /* body: decision request */
	GATE_RESULT,   /* target: decision_id; body: result */
	GATE_DECISION, /* target: decision_id */
	GATE_RUN_END,  /* target: run_id; params: tenant_id */
	/* approvers */
	GATE_APPROVALS,        /* params: status, order, limit, cursor */
	GATE_APPROVAL,         /* target: approval_id */
	GATE_APPROVAL_HISTORY, /* target; params: limit */
	GATE_APPROVAL_GRANT,   /* target; body: comment, valid_for */
	GATE_APPROVAL_DENY,    /* target; body: comment */
	GATE_APPROVAL_REVOKE,  /* target; body: comment */
	/* auditors */
	GATE_EVENTS, /* params: the filters of api.md, order, limit, cursor, raw; of a stream: format */
	GATE_EVENT_STREAM, /* params: the filters, after, raw; live.h has its bytes */
	GATE_RUN,          /* target: run_id; params: tenant_id */
	GATE_EVENT,        /* target: seq; params: raw */
	GATE_OVERVIEW,  /* params: since, until, tenant_id; operators too */
	GATE_LIMITS,    /* how full limits and budgets are; operators too */
	GATE_ARGS_HASH, /* body: args */
	/* The log as C2SP tlog-tiles has it; replies are text or bytes, not JSON. */
	GATE_EVENT_PROOF, /* target: seq; a tlog-proof */
	GATE_LOG_CHECKPOINT,
	GATE_LOG_SIGNING_KEYS, /* not_found before the first rotation */
	GATE_LOG_TILE,         /* target: "<L>/<N>[.p/<W>]" */
	GATE_LOG_ENTRIES,      /* target: "<N>[.p/<W>]" */
	/* operators */
	GATE_EXPLAIN,      /* body: decision request and caller (identity id) */
	GATE_SWITCH_THROW, /* body: scope, id, action, reason, expires_in */
	GATE_SWITCHES,
	GATE_SWITCH_LIFT, /* target: id; body: reason */
	GATE_POLICY,      /* what is in force */
	GATE_POLICY_TEXT, /* target: digest */
	GATE_POLICY_RELOAD,
	GATE_POLICY_ROLLBACK, /* body: digest, reason */
	GATE_POLICY_SIMULATE, /* body: files or digest, since, until */
	GATE_IDENTITY_CREATE, /* body: identity without token_hash; the reply has the token, once */
	GATE_IDENTITIES,
	GATE_IDENTITY_REVOKE, /* target: id; body: reason */
	GATE_CLOCK_ACCEPT,    /* body: reason */
	GATE_REDACT, /* body: seq, or run_id, tenant_id, actor_id; paths or all; from; reason */
	GATE_HOLD, /* body: scope, id, tenant_id, reason */
	GATE_HOLDS,
	GATE_HOLD_RELEASE, /* target: id; body: reason */
	/* people in a browser; the reply is the caller's identity */
	GATE_WHO,
	GATE_SIGN_IN, /* humans only */
	GATE_SIGN_OUT,
	GATE_SHIP, /* target: to whom; from inside: tail_open() */
	GATE_KEYS,
	GATE_KEY_ROTATE,  /* body: what, reason */
	GATE_KEY_DESTROY, /* target: id of a hash key; body: reason */
	GATE_NOTIFY, /* what targets of notifications wait for and gave up */
	GATE_NOTIFY_RETRY, /* target: name; body: seq; without: all */
	GATE_NOTIFY_TEST,  /* target: name */
	GATE_VERB_COUNT,
};

/* How a call ended; http turns it into a status. */
enum gate_outcome {
	GATE_FAILED = 0,  /* 500: ours */
	GATE_OK,          /* 200 */
	GATE_CREATED,     /* 201 */
	GATE_BAD_REQUEST, /* 400 */
	GATE_FORBIDDEN,   /* 403 */
	GATE_NOT_FOUND,   /* 404 */
	GATE_CONFLICT,    /* 409 */
	GATE_GONE,        /* 410 */
	GATE_INVALID,     /* 422 */
	GATE_TOO_MANY,    /* 429 */
	GATE_UNAVAILABLE, /* 503 */
};

struct gate_param {
	const char *name;
	const char *value; /* percent-decoded */
};

enum gate_step {
	GATE_FINISHED, /* outcome, code … and reply are there */
	GATE_QUEUED, /* done() will be called, once, from another thread; then gate_finish() */
};

/*
 * One call.  The caller zeroes it, fills the first part, keeps it and all that
 * it points to until it is finished, and ends it with gate_call_done().
 */
struct gate_call {
	/* filled by the caller */
	enum gate_verb verb;
	const struct identity *caller;
	bool
	    local; /* through the admin socket: acts as operator, never votes */
	const char *target;            /* from the URL; NULL: none */
	const struct json_value *body; /* NULL: none */
	const struct gate_param *params;
	size_t param_count;
	int64_t wait_us; /* Prefer: wait; 0: none; at most 300 s */
	const char *traceparent;
	const char *after; /* GATE_EVENT_STREAM: Last-Event-ID; NULL: none */
	bool
	    stream; /* GATE_EVENTS: page after page, one canonical object a line */
	void (*done)(struct gate_call *call);
	bool (*alive)(
	    struct gate_call *call); /* is the client still there?  NULL: yes */
	void *user;                  /* the caller's own */

	/* the answer */
	enum gate_outcome outcome;
	const char
	    *code; /* of a problem: "step_conflict" …; static or in arena */
	const char *detail; /* a sentence for people */
	const char *
	    pointer; /* JSON Pointer of the field at fault, or "offset N"; NULL: none */
	int64_t retry_after_ms; /* 0: none */
	struct gk_buf
	    reply; /* JSON, mostly; of a problem: an object with more members, or empty */
	bool more; /* stream: call gate_begin() again for the next page */
	const char
	    *media_type; /* stream: what it is; NULL: application/x-ndjson */

	/* the gate's own */
	struct gk_arena arena;
	struct gate_work *work;
};

/* Initialise: zero, caps of reply and arena.  Then fill in. */
void gate_call_init(struct gate_call *call, enum gate_verb verb);
void gate_call_done(struct gate_call *call);

/*
 * Begin a call, in the caller's thread: checks, hashes, judges.  Never touches
 * the disk and never waits.
 */
enum gate_step gate_begin(
    struct gate *gate, struct gate_call *call) GK_MUST_USE;

/*
 * Go on after done(), in the caller's thread: renders the reply, or judges
 * again (the policy changed meanwhile; a grant came for a waiter) and queues it
 * anew.
 */
enum gate_step gate_finish(
    struct gate *gate, struct gate_call *call) GK_MUST_USE;

/* For programs of one thread: begin, wait, finish. */
void gate_do(struct gate *gate, struct gate_call *call);

/* Append metrics in the Prometheus text format. */
enum gk_rc gate_metrics(
    struct gate *gate, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* Is that a rule of audit.retention_openings?  GK_E_INVALID says what is wrong and what is expected. */
enum gk_rc gate_retention_rule_check(
    const char *text, struct gk_err *err) GK_MUST_USE;

/*
 * Verify a data directory, running or not, or a log that comes as files: all that
 * journal_verify() checks, policy texts against their digests, and the ledger rebuilt
 * from the events (of a directory: against every snapshot's digest).
 */
struct journal_files;
struct gate_verify_options {
	const char *data_dir;
	const struct journal_files *files; /* not NULL: these instead */
	const char
	    *vkey; /* NULL: the one in data_dir, or the log of trust_file */
	const char *trust_file; /* a C2SP tlog-policy; NULL: none */
	const char *held;       /* a checkpoint of the log; NULL: none */
	size_t held_n;
	bool require_witness; /* a tail that isn't witnessed: exit code 4 */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};
struct gate_verify_report {
	int exit_code; /* 0 verified, 1 tampered, 3 unverifiable, 4 not witnessed */
	struct gk_buf json; /* the whole report */
	struct gk_buf text; /* the same for people */
};
enum gk_rc gate_verify(const struct gate_verify_options *options,
    struct gate_verify_report *ret, struct gk_err *err) GK_MUST_USE;

#endif
