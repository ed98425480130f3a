#ifndef GK_LEDGER_LEDGER_INTERNAL_H
#define GK_LEDGER_LEDGER_INTERNAL_H
/* The state that the fold builds, shared by the files of this room. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "ledger/ledger.h"

/*
 * Time: things that are due lie in a heap by (when, tie).  A node belongs to
 * exactly one heap or to none (index 0).
 */
enum due_kind { DUE_RESULT, DUE_APPROVAL, DUE_SWITCH, DUE_RUN, DUE_COUNTER };

struct due_node {
	int64_t when_us;
	uint64_t tie; /* a seq: equal times keep one order, live and rebuilt */
	size_t index; /* from 1; 0: not in the heap */
	enum due_kind kind;
	void *owner;
};

struct due_heap {
	struct due_node **nodes; /* nodes[0] is unused */
	size_t count, room;
};

enum gk_rc due_set(struct due_heap *heap, struct due_node *node,
    int64_t when_us, struct gk_err *err) GK_MUST_USE;
void due_drop(struct due_heap *heap, struct due_node *node);
struct due_node *due_first(const struct due_heap *heap); /* NULL: empty */

/* One known step: what was decided, and what became of it. */
struct step {
	const char *step_id;
	struct run *run;
	uint64_t seq; /* of its decision */
	int decision; /* enum decision */
	int64_t key;  /* id of the hash key that its binding was made under */
	uint8_t binding
	    [16]; /* of action key, actor, context: a retry has the same */
	int64_t valid_until_us;
	int64_t result_by_us;
	uint64_t approval_seq; /* the approval it asked for, joined or used */
	bool has_approval;
	bool granted;    /* an allow by that approval */
	bool open;       /* an allow without a closing result */
	bool unreported; /* closed by time */
	bool conflicted; /* a conflicting result was recorded */
	uint64_t result_seq;
	const char *result_digest; /* of the result that counts; NULL: none */
	bool has_violation;
	uint64_t
	    violation_seq; /* the decision that the last violation was about */
	struct charge
	    *reservations; /* budgets; strings lie in the run's arena */
	size_t reservation_count;
	struct due_node due; /* DUE_RESULT */
};

/* One approval.  Strings lie in the run's arena. */
struct approval {
	struct approval *next; /* of the run; oldest first */
	struct run *run;
	uint64_t seq;
	int status; /* enum approval_status */
	const char *step_id, *caller;
	const char *asker_person, *actor_person; /* when it was asked for */
	const char *action, *action_key, *context_hash;
	const char *actor_type, *actor_id;
	uint8_t
	    binding[16]; /* as of a step: action key, actor, roles, context */
	int64_t asked_at_us, expires_at_us, grant_valid_us, grant_until_us;
	int64_t resolved_at_us;
	const char *resolved_by;
	struct approval_rule *rules;
	size_t rule_count;
	struct approval_bounds bounds; /* max_uses 0: no bounded grant */
	struct grant_bound bound; /* of the grant; uses 0: it isn't bounded */
	uint8_t frame[16];  /* with bounds: action, actor, roles, context */
	uint64_t escalated; /* bit i: rules[i] asks its second groups too */
	int64_t used;
	struct vote *votes; /* oldest first */
	size_t vote_count;
	struct due_node due; /* DUE_APPROVAL */
};

struct vote {
	const char *person, *identity;
	const char **groups;
	size_t group_count;
	bool grant;
	int64_t at_us;
	int64_t valid_us;
	struct grant_bound bound; /* uses 0: once, and only what was asked */
};

struct run {
	const char *key; /* tenant, 0, run id: as in the map */
	size_t key_n;
	const char *tenant; /* NULL: none */
	const char *run_id;
	const char *agent;
	const char *
	    caller; /* the identity that first used it; counted against its cap */
	int64_t last_us;
	uint64_t first_seq;
	bool ended;
	bool cold;     /* recalled: not part of the state */
	uint64_t keys; /* bit id % 64: that hash key made one of its steps */
	size_t open_results, open_approvals;
	struct gk_map steps; /* step_id → struct step */
	struct approval *approvals, **approvals_end;
	struct counter *counters; /* of scope run; by next_in_run */
	struct gk_arena arena;
	struct due_node due;     /* DUE_RUN: idle */
	struct run *colder;      /* recalled before this one */
	struct run *prev, *next; /* of the ledger; not of cold ones */
	uint64_t snapshot;       /* the last one that has it */
};

/* One limit's or budget's state for one subject. */
struct counter {
	char *key; /* see counter.c; owned, as in the map */
	size_t key_n;
	int kind; /* enum charge_kind */
	int per;
	int64_t tat_ns;        /* RATE */
	int64_t count;         /* COUNT */
	int64_t used_micros;   /* BUDGET */
	int64_t reached;       /* BUDGET: per cent that was told; 0: none */
	int64_t window_end_us; /* BUDGET; 0: the run's end */
	int64_t within_us;     /* REPEAT */
	int64_t *times_us;     /* REPEAT; ascending */
	size_t time_count, time_room;
	struct run *run; /* of scope run; else NULL */
	struct counter *next_in_run;
	struct counter *prev, *next; /* of the ledger */
	uint64_t snapshot;           /* the last one that has it */
	struct due_node due;         /* DUE_COUNTER: when it no longer counts */
};

struct kill_switch {
	uint64_t seq;
	struct event_switch what;
	const char *caller;
	int64_t thrown_at_us;
	struct gk_arena arena;
	struct due_node due; /* DUE_SWITCH */
};

struct hold {
	struct hold *next; /* younger */
	uint64_t seq;
	struct event_hold what;
	const char *caller;
	int64_t held_at_us;
	struct gk_arena arena;
};

struct member {
	struct gk_arena arena;
	struct identity *identity;
};

/* How many live runs an identity has. */
struct owner {
	size_t runs;
	char id[];
};

/* A key's life; 0: with the log, still the current one, still there. */
struct key_life {
	int what; /* enum key_use */
	int64_t id;
	int64_t since_us, until_us, destroyed_us;
};

struct ledger {
	struct id_key id_key;
	struct ledger_limits limits;
	uint64_t next_seq;
	int64_t last_us;
	int64_t boot_us;
	int last_kind;
	char policy[80];
	bool clock_jumped;
	struct gk_map runs; /* key → struct run */
	struct gk_map
	    approvals; /* 8-byte seq → struct approval, of live and recalled runs */
	struct gk_map counters;
	struct gk_map owners;
	struct gk_map member_ids; /* id → struct member */
	struct member **members;  /* sorted by id */
	size_t member_count, member_room;
	struct kill_switch **switches; /* by seq */
	size_t switch_count, switch_room;
	struct hold *holds; /* oldest first */
	size_t hold_count;
	struct key_life *keys; /* of a use whose first key was ever replaced */
	size_t key_count, key_room;
	struct due_heap results; /* open results, by their deadlines */
	struct due_heap due;     /* what must become an event */
	struct due_heap fading;  /* counters that cease to count */
	struct run *cold;        /* newest first */
	struct run *first_run, *last_run;
	struct counter *first_counter, *last_counter;
	struct snapshot *snapshot;
	size_t cold_count;
	size_t step_count, open_results, approvals_pending;
};

/* Text of arena memory; failing allocation is GK_E_NOMEM. */
enum gk_rc ledger__dup(struct gk_arena *arena, const char *text,
    const char **ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc ledger__dup_list(struct gk_arena *arena, const char *const *from,
    size_t count, const char ***ret, struct gk_err *err) GK_MUST_USE;
bool ledger__same(const char *a, const char *b); /* NULL equals NULL only */

/* whole.c: does it say all that its kind must, in bounds? */
bool event_is_whole(const struct event *event);

/* key.c */
enum gk_rc key_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
/* From a snapshot's row. */
enum gk_rc key_load(struct ledger *ledger, const struct key_life *from,
    struct gk_err *err) GK_MUST_USE;

/* alias.c: the names under which an actor may stand in the record */
/* In clear, and as a pseudonym under each key. */
enum { ALIASES_MAX = 1 + LEDGER_HASH_KEYS_MAX };
/* How the record names the actor of what is asked now; NULL: nobody. */
const char *alias_now(const struct decision_ask *ask);
/* All its names, the one that is recorded now first; gives how many. */
size_t alias_all(
    const struct decision_ask *ask, const char *ret_names[ALIASES_MAX]);
/* Under one key: as a pseudonym and in clear. */
size_t alias_under(const struct decision_ask *ask,
    const struct ask_hashes *hashes, const char *ret_names[2]);
/* An event as it would be with another name of its actor. */
struct alias_event {
	struct event event;
	struct actor actor; /* event's, where it has one */
};
/*
 * The i-th that the draft would be under this key: its context, and its actor in
 * clear or as a pseudonym; once where nobody acts.  False: there are no more.
 */
bool alias_event(const struct decision_ask *ask,
    const struct ask_hashes *hashes, const struct event *draft, size_t i,
    struct alias_event *ret);
/* What is asked, hashed under the newest key. */
struct ask_hashes alias_newest(const struct decision_ask *ask);

/*
 * What a step that asks this would be bound by, under each key that it was
 * hashed with, the newest first.
 */
struct bindings {
	size_t count;
	struct {
		int64_t key;
		uint8_t bytes[16];
	} of[2 * LEDGER_HASH_KEYS_MAX];
};
void bindings_of(const struct event *draft, const struct decision_ask *ask,
    struct bindings *ret);
/* Is the binding, made under that key, one of them? */
bool bindings_have(
    const struct bindings *bindings, int64_t key, const uint8_t binding[16]);

/* run.c */
struct run *run_find(
    const struct ledger *ledger, const char *tenant, const char *run_id);
enum gk_rc run_new(struct ledger *ledger, const struct event *event, bool cold,
    struct run **ret, struct gk_err *err) GK_MUST_USE;
void run_free(struct ledger *ledger, struct run *run);
/* After an event of the run: when will it be idle? */
enum gk_rc run_touch(struct ledger *ledger, struct run *run,
    const struct event *event, struct gk_err *err) GK_MUST_USE;
enum gk_rc run_apply_end(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
size_t run_live_count(const struct ledger *ledger, const char *caller);
struct step *step_find(const struct run *run, const char *step_id);
void step_binding(const struct event *event, uint8_t ret[16]);
enum gk_rc step_apply(struct ledger *ledger, struct run *run,
    const struct event *event, struct gk_err *err) GK_MUST_USE;

/* A step as a snapshot's row says it; the caller fills in the rest. */
enum gk_rc step_load(struct ledger *ledger, struct run *run,
    const struct event *event, bool open, struct step **ret,
    struct gk_err *err) GK_MUST_USE;

/* snapshot.c: call before an event changes or removes what it names */
struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot *snapshot);
enum gk_rc snapshot_save_run(
    struct ledger *ledger, struct run *run, struct gk_err *err) GK_MUST_USE;
enum gk_rc snapshot_save_counter(struct ledger *ledger, struct counter *counter,
    struct gk_err *err) GK_MUST_USE;
void snapshot_forget_run(struct ledger *ledger, const struct run *run);
void snapshot_forget_counter(
    struct ledger *ledger, const struct counter *counter);
uint64_t snapshot_number(const struct ledger *ledger);

/* counter.c */
struct limit_verdict {
	bool refused;
	int64_t retry_after_ms;
	struct charge charge; /* what passing costs; strings of the finding */
};
void counter_check_limit(const struct ledger *ledger, const struct run *run,
    const struct limit_finding *limit, const struct decision_ask *ask,
    int64_t now_us, struct limit_verdict *ret);
void counter_check_budget(const struct ledger *ledger, const struct run *run,
    const struct budget_finding *budget, const struct decision_ask *ask,
    int64_t now_us, struct limit_verdict *ret);
/* One more approval that people are asked for; false: there is no guard. */
bool counter_check_asks(const struct ledger *ledger, const char *agent,
    const char *tenant, int64_t now_us, struct limit_verdict *ret);
enum gk_rc counter_apply(struct ledger *ledger, struct run *run,
    const struct charge *charge, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
/* From a snapshot's row.  Borrows from->key, takes from->times_us. */
enum gk_rc counter_load(struct ledger *ledger, struct counter *from,
    struct gk_err *err) GK_MUST_USE;
void counter_free(struct ledger *ledger, struct counter *counter);
enum gk_rc counter_fade(
    struct ledger *ledger, int64_t now_us, struct gk_err *err) GK_MUST_USE;
bool counter_counts(const struct counter *counter, int64_t now_us);
/* The id of the hash key in a repeat's key; 0 for other counters. */
int64_t counter_hash_key(const struct counter *counter);
/* The same of the pseudonym that it counts for. */
int64_t counter_subject_key(const struct counter *counter);

/* approval.c */
struct approval *approval_find(const struct ledger *ledger, uint64_t seq);
/* A pending approval of the run with the same bindings and rules; NULL: none. */
struct approval *approval_twin(const struct run *run,
    const struct bindings *bindings, const struct findings *findings);
bool approval_binds(const struct approval *approval, const struct run *run,
    const struct bindings *bindings);
/* Does it list every approval rule found (by id and digest)?  Shadows don't count. */
bool approval_covers(
    const struct approval *approval, const struct findings *findings);
enum gk_rc approval_open(struct ledger *ledger, struct run *run,
    const struct event *event, struct gk_err *err) GK_MUST_USE;
enum gk_rc approval_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc approval_view_new(const struct ledger *ledger,
    const struct approval *approval, struct gk_arena *arena,
    struct approval_view **ret, struct gk_err *err) GK_MUST_USE;
/* An event of this approval; step_id is "<asking step>~<suffix>". */
enum gk_rc approval_draft(const struct ledger *ledger,
    const struct approval *approval, const struct settle_at *at,
    enum change change, const char *suffix, struct gk_arena *arena,
    struct event *ret, struct gk_err *err) GK_MUST_USE;
/* From a snapshot's row; copies what it needs. */
enum gk_rc approval_load(struct ledger *ledger, const struct approval *from,
    struct gk_err *err) GK_MUST_USE;
void approval_free(struct ledger *ledger, struct approval *approval);
/* A pending one becomes open work of its run, a resolved one ceases to be. */
enum gk_rc approval_schedule(struct ledger *ledger, struct approval *approval,
    struct gk_err *err) GK_MUST_USE;
bool approval_is_open(const struct approval *approval);

/* escalate.c: when nobody has answered for a while, others may too */
/* May a member of these groups decide for rule i of the approval now? */
bool escalate_asks(const struct approval *approval, size_t i,
    const char *const *groups, size_t count);
/* The next one that is due; INT64_MAX: none before it expires. */
int64_t escalate_when_us(const struct approval *approval);
/* When rule i escalates; 0: it doesn't, or has. */
int64_t escalate_rule_us(const struct approval *approval, size_t i);
/* What is due for a pending or granted approval: an escalation, or its end. */
enum gk_rc escalate_draft_due(const struct ledger *ledger,
    const struct approval *approval, const struct settle_at *at,
    struct gk_arena *arena, struct event *ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc escalate_apply(struct approval *approval, const struct event *event,
    struct gk_err *err) GK_MUST_USE;

/* bound.c: grants that let through more than the one request that asked */
enum gk_rc bounds_copy(struct gk_arena *arena,
    const struct approval_bounds *from, struct approval_bounds *ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc bound_copy(struct gk_arena *arena, const struct grant_bound *from,
    struct grant_bound *ret, struct gk_err *err) GK_MUST_USE;
/* SHA-256, cut, of what a bounded grant keeps of the request besides its pins. */
void bound_frame(const struct event *event, uint8_t ret[16]);
bool bound_is_whole(const struct grant_bound *bound);
bool bounds_are_whole(const struct approval_bounds *bounds);
/* The bounds that the findings' rules have in common; *ret NULL: one of them allows none. */
enum gk_rc bounds_of(const struct decision_ask *ask, struct gk_arena *arena,
    struct approval_bounds **ret, struct gk_err *err) GK_MUST_USE;
/* Not wider than the rules allow?  valid_us 0: not said. */
enum refusal bound_refusal(const struct approval *approval,
    const struct grant_bound *bound, int64_t valid_us);
/* The narrowest of all votes to grant and one more; *ret NULL: one of them is for one use. */
enum gk_rc bound_merge(const struct approval *approval,
    const struct grant_bound *last, struct gk_arena *arena,
    struct grant_bound **ret, struct gk_err *err) GK_MUST_USE;
/* Is the request like the one that asked in all that a bounded grant keeps? */
bool bound_keeps(const struct approval *approval, const struct run *run,
    const struct event *draft, const struct decision_ask *ask);
/* Is every number at most what the grant says? */
bool bound_holds(
    const struct approval *approval, const struct decision_ask *ask);

/* ballot.c: has that person voted? */
bool approval_has_vote_of(const struct approval *approval, const char *person);
/* How many different persons have granted rule i. */
int64_t approval_rule_granted(const struct approval *approval, size_t i);

/* result.c */
enum gk_rc result_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
/* The same for a recalled run: nothing is charged again. */
enum gk_rc result_recall(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc violation_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc result_draft_unreported(const struct ledger *ledger,
    const struct step *step, const struct settle_at *at, struct gk_arena *arena,
    struct event *ret, struct gk_err *err) GK_MUST_USE;

/* control.c */
const struct kill_switch *switch_covering(
    const struct ledger *ledger, const struct decision_ask *ask);
struct identity *member_find(const struct ledger *ledger, const char *id);
enum gk_rc switch_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc identity_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
void switch_free(struct kill_switch *kill_switch);
void member_free(struct member *member);

/* hold.c */
enum gk_rc hold_apply(struct ledger *ledger, const struct event *event,
    struct gk_err *err) GK_MUST_USE;
void hold_free(struct hold *hold);

#define LEDGER_CORRUPT(err, event, ...) \
	ledger__corrupt(                \
	    (err), (event), GK_FAIL((err), GK_E_CORRUPT, __VA_ARGS__))
enum gk_rc ledger__corrupt(
    struct gk_err *err, const struct event *event, enum gk_rc rc);

#endif
