#ifndef GK_MODEL_EVENT_H
#define GK_MODEL_EVENT_H
/* The event: one entry of the journal, as a struct and as canonical JSON bytes. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "codec/record.h"
#include "model/identity.h"
#include "model/names.h"
#include "model/request.h"

#define EVENT_BYTES_MAX   65535
#define EVENT_NONCE_BYTES 16
#define EVENT_CHARGES_MAX 64
#define EVENT_VERSION     1
#define EVENT_KEY_MAX     999999999 /* the greatest id of a key */

enum charge_kind {
	CHARGE_NONE = 0,
	CHARGE_RATE,   /* tat_ns: the new theoretical arrival time */
	CHARGE_COUNT,  /* count: the new count */
	CHARGE_REPEAT, /* one more of this action key; forget after within_ms */
	CHARGE_BUDGET, /* micros: added to the window (negative: given back) */
	CHARGE_ASK, /* one more approval that people are asked for; forget after within_ms */
	CHARGE_KIND_COUNT,
};

/* One limit or budget that the event touches; the fold reads this and nothing else. */
struct charge {
	int kind; /* enum charge_kind */
	const char *rule;
	const char *key; /* the subject; "" for global */
	int per;         /* enum scope */
	int64_t tat_ns;
	int64_t count;
	int64_t within_ms;
	int64_t micros;
	const char *unit;
	int64_t window_us;     /* start of the window; 0: the run's life */
	int64_t window_end_us; /* 0: the run's end */
	bool reserved; /* decision: the micros are reserved until the result */
	bool refund;   /* decision: a lower actual cost is given back */
	int64_t
	    reached; /* budget: per cent used with this charge, where it is told: at 80 and at 100, once a window */
};

/* One rule that asked for approval. */
struct approval_rule {
	const char *rule;
	const char *digest;
	const char *reason;
	const char **groups;
	size_t group_count;
	int64_t needed;
	int risk;                 /* enum risk: as the rule says */
	int64_t escalate_ms;      /* pending for so long; 0: never */
	const char **escalate_to; /* groups that may decide then too */
	size_t escalate_count;
};

#define APPROVAL_USES_MAX    1000
#define APPROVAL_PINS_MAX    32
#define APPROVAL_AT_MOST_MAX 8

/* How wide a bounded grant may be: the narrowest of all rules that ask. */
struct approval_bounds {
	int64_t max_uses; /* 1..APPROVAL_USES_MAX */
	int64_t max_ttl_ms;
	struct record_pair
	    *pins; /* pointer into args → keyed hash of what was asked */
	size_t pin_count;
};

/* How wide one is: what a vote allows at most, what a grant is. */
struct grant_bound {
	int64_t uses;
	struct record_pair *at_most; /* pointer into args → number */
	size_t at_most_count;
};

/* Opened by a decision approval_required. */
struct approval_terms {
	const char *
	    actor_person; /* a pseudonym, where the actor's id is one and an identity; else NULL */
	const char *id;
	int64_t expires_us;     /* of pending */
	int64_t grant_valid_ms; /* bounds a grant's valid_for */
	struct approval_rule *rules;
	size_t rule_count;
	struct approval_bounds
	    *bounded; /* NULL: a rule allows no bounded grant */
};

struct event_shadow {
	const char *rule;
	const char *reason;
	int layer; /* enum layer */
	int would; /* enum shadow_verdict */
};

/* What a result says, hashed. */
struct event_result {
	int status; /* enum result_status; RESULT_NONE: unreported */
	int64_t duration_ms;
	const char *output_hash;
	const char *error_code;
	const char *error_hash;
	struct record_pair *cost; /* unit → decimal text */
	size_t cost_count;
	const char *
	    digest; /* of status, output, error and cost: the same again is the same result */
};

struct event_switch {
	const char *id;
	int scope; /* enum scope; written as per_words */
	const char *subject;
	const char *action; /* glob; NULL: all */
	int64_t expires_us; /* 0: until lifted */
};

struct event_process {
	const char *version;   /* of gatekeeper */
	const char *origin;    /* genesis */
	const char *vkey;      /* genesis */
	const char *recovered; /* boot: what recovery found, in words */
	int64_t events;        /* boot: log size found */
	int64_t boot_id;       /* random, tells one process from another */
};

struct event_gap {
	const char *what; /* "admission", "sign_in", "space" */
	const char *identity;
	int64_t since_us;
	int64_t count;
};

struct event_clock {
	int64_t wall_us;
	int64_t ledger_us;
};

struct event_access {
	const char
	    *what; /* "events", "export", "run", "explain", "args_hash" … */
	const char *query_hash; /* keyed hash of the query's shape */
};

/* A key that was made, or destroyed. */
struct event_key {
	int what;         /* enum key_use */
	int64_t id;       /* 1, 2 …, for each use by itself */
	const char *vkey; /* signing: the new verifier key */
	const char *
	    handover; /* signing: the old key's signature over it (journal/chain.h) */
};

/* The key id in a keyed hash, "h<id>_…", "ak<id>_…" or "p<id>_…"; 0: it isn't one. */
int64_t event_key_of(const char *hash);

struct event_snapshot {
	const char *digest;
	int64_t rows;
	int64_t generation;
};

/* What was let go, by the rule that the event names. */
struct event_retention {
	const char *what;   /* "bodies", "openings", "forgotten" */
	int64_t minimum;    /* bodies, openings: of events before this seq */
	const char *root;   /* bodies: of the tree at minimum, in hex */
	int64_t count;      /* how many */
	int64_t until_us;   /* forgotten: whose time was over by then */
	const char *kind;   /* openings: of that kind only */
	const char *tenant; /* openings: of that tenant only */
};

/* A legal hold: what it covers isn't let go. */
struct event_hold {
	const char *id;
	int scope; /* SCOPE_RUN or SCOPE_TENANT; written as per_words */
	const char *subject;
	const char *tenant; /* of the run; NULL: none */
};

/*
 * Flat: a member is NULL or 0 where the kind doesn't have it.  Always there:
 * v, seq, timestamp, kind, nonce, phase.
 */
struct event {
	uint64_t seq;
	int64_t timestamp_us; /* ledger time; never decreases */
	int kind;             /* enum event_kind */
	int change;           /* enum change */
	uint8_t nonce[EVENT_NONCE_BYTES];

	/* who and where */
	const char *caller; /* identity, or "local:<uid>", or "gatekeeper" */
	const char *agent_id;
	struct actor *actor;
	const char *tenant_id;
	const char *run_id, *step_id, *parent_step_id, *parent_run_id;
	const char *traceparent;

	/* what */
	const char *action;
	const char *action_key;   /* "ak1_…" */
	const char *args_hash;    /* "h1_…" */
	const char *context_hash; /* "h1_…" */
	int64_t asked_at_us;

	/* the decision; in a result, a violation or an approval: of the decision meant */
	bool has_decision;
	int decision; /* enum decision */
	int original; /* enum decision: what a retry was told first; 0: none */
	const char *decision_id;
	int layer; /* enum layer */
	int scope; /* enum scope */
	const char *reason;
	const char *rule;
	const char *policy; /* digest in force */
	int64_t result_by_us;
	int64_t valid_until_us;
	struct charge *charges;
	size_t charge_count;
	struct event_shadow *shadow;
	size_t shadow_count;
	struct record_pair *shown; /* path → commitment */
	size_t shown_count;
	struct record_pair
	    *shown_until; /* path → when policy lets its opening go */
	size_t shown_until_count;

	/* approval */
	const char *approval_id;         /* opened, joined, voted on, used */
	struct approval_terms *approval; /* opened here */
	const char *person;              /* who voted, really */
	const char **groups;             /* of the voter at that time */
	size_t group_count;
	bool grant_vote;        /* change vote: granted? else denied */
	int64_t grant_until_us; /* change granted: the grant is valid until */
	int64_t grant_valid_ms; /* vote: what the voter allows at most */
	struct grant_bound *bound; /* vote, granted: a bounded one; else NULL */
	int64_t use; /* used, of a bounded grant: the how manieth */

	struct event_result *result;
	bool has_of_seq;
	uint64_t of_seq; /* the event that this one points to */

	struct event_switch *kill_switch;
	struct identity *identity;
	const char *previous; /* policy: digest before */
	const char *note; /* policy rejected, recover: why, in our own words */
	struct event_process *process;
	struct event_gap *gap;
	struct event_clock *clock;
	struct event_access *access;
	struct event_snapshot
	    *snapshot;      /* retention: the state at its minimum */
	const char **paths; /* redaction: whose openings go */
	size_t path_count;
	struct event_retention *retention;
	struct event_hold *hold;
	struct event_key *key;
};

extern const struct record_type event_type;
extern const struct record_type event_result_type;
extern const struct record_type approval_terms_type;
extern const struct record_type approval_rule_type;
extern const struct record_type approval_bounds_type;
extern const struct record_type grant_bound_type;
extern const struct record_type charge_type;

/* What opens a commitment of `shown`; kept beside the log. */
struct opening {
	const char *path;
	uint8_t salt[16];
	const char *value; /* canonical JSON */
	int64_t forget_us; /* when policy lets it go; 0: with the body */
};

/* Append the canonical bytes.  Errors: GK_E_LIMIT past EVENT_BYTES_MAX. */
enum gk_rc event_encode(const struct event *event, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/*
 * Read an event back.  Refuses bytes that aren't canonical (encode∘decode must
 * give the same bytes) and a phase that isn't the kind's.  Strings go to arena.
 * Errors: GK_E_INVALID, GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc event_decode(const char *bytes, size_t n, struct gk_arena *arena,
    struct event *ret, struct gk_err *err) GK_MUST_USE;

/*
 * The copies that the store keeps beside the bytes to search by: 63-bit hashes
 * (SipHash under a fixed key), 0 where the event has no such value.  They
 * narrow a search; the bytes decide.
 */
struct event_columns {
	int64_t run; /* of tenant and run */
	int64_t tenant;
	int64_t agent;
	int64_t actor; /* also: over whom a switch is thrown */
	int64_t action;
	int64_t action_key;
	int64_t reason;
	int64_t approval;
};

void event_columns(const struct event *event, struct event_columns *ret);
/* The hash of one value, b may be NULL: event_column_hash(tenant, run). */
int64_t event_column_hash(const char *a, const char *b);

/* The commitment of a shown value, "c1_…" (journal.md). */
#define EVENT_COMMIT_BYTES 47
void event_commit(const char *path, const uint8_t salt[16], const char *value,
    char ret_text[EVENT_COMMIT_BYTES]);

#endif
