#ifndef GK_GATE_TRIAL_H
#define GK_GATE_TRIAL_H
/* Trying a policy out: judge and ledger as they are in force, on a clock that is told, with nothing recorded. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/event.h"
#include "model/findings.h"
#include "model/identity.h"
#include "model/request.h"

/* For `policy test`, `policy replay` and POST /v1/policy/simulate.  One thread uses a trial. */
struct trial;
struct policy;

/* What a decision would be.  Strings live in the trial until its next call, or in the policy. */
struct trial_answer {
	const char *refused; /* the API's problem code; NULL: it is decided */
	int decision;        /* enum decision */
	int layer;           /* enum layer */
	int scope;           /* enum scope */
	const char *reason;
	const char *rule; /* NULL: none */
	bool replayed;    /* the answer that was given before */
	uint64_t seq;     /* of the decision in the trial */
	uint64_t
	    approval; /* seq of the decision that asked; meaningful where asked */
	bool asked;   /* an approval is open, or was joined */
	int64_t retry_after_ms;
	const struct findings
	    *findings; /* of the judge; NULL: refused before */
	/* What rules in mode shadow would have done; none of a replayed answer. */
	const struct event_shadow *shadow;
	size_t shadow_count;
};

struct ask_hashes; /* ledger/ledger.h */

/* One request.  Borrowed during the call. */
struct trial_ask {
	const struct decision_request *request;
	const struct identity *caller;
	const char *tenant; /* resolved; NULL: none */
	/* Of a recorded request; NULL: taken from args and context. */
	const char *action_key, *args_hash, *context_hash;
	/* The same under the hash key of an older step that it is held against; NULL: none. */
	const struct ask_hashes *older;
	bool args_in_part, context_in_part, cost_in_part;
	bool actor_hidden, actor_refused;
	bool unknown_opens; /* see policy_input */
	/* Of trial_judge() for this very request, just before; NULL: judged now. */
	const struct findings *findings;
};

/*
 * Pins policy.  keeps: every decision stays in memory, so that a retry's answer
 * says what was decided; else only those whose results are open.
 */
enum gk_rc trial_new(struct policy *policy, bool keeps,
    struct trial **ret_trial, struct gk_err *err) GK_MUST_USE;
void trial_free(struct trial *trial);
void trial_freep(struct trial **trial);

/* Before anything else: begin with the state that the journal's retention has left as its beginning. */
struct journal_reader;
struct ledger;
enum gk_rc trial_base(struct trial *trial, struct journal_reader *reader,
    uint64_t *ret_from_seq, const struct ledger **ret_ledger,
    struct gk_err *err) GK_MUST_USE;

/* Another policy from now on; state stays, as with a reload. */
void trial_policy(struct trial *trial, struct policy *policy);

/*
 * Ledger time; never goes back.  What fell due until then happens: approvals
 * expire, results go missing.
 */
enum gk_rc trial_time(
    struct trial *trial, int64_t now_us, struct gk_err *err) GK_MUST_USE;
int64_t trial_now(const struct trial *trial);

/*
 * An event that really happened, with the next seq: what was before the time that
 * is tried.  Errors: GK_E_CORRUPT, GK_E_NOMEM.
 */
enum gk_rc trial_past(struct trial *trial, const struct event *event,
    struct gk_err *err) GK_MUST_USE;

/* Make an identity known, or change it. */
enum gk_rc trial_identity(struct trial *trial, const struct identity *identity,
    struct gk_err *err) GK_MUST_USE;

/* What would be decided; it counts from now on. */
enum gk_rc trial_decide(struct trial *trial, const struct trial_ask *ask,
    struct trial_answer *ret_answer, struct gk_err *err) GK_MUST_USE;

/* How a request names the approval that decision `approval` asked for. */
#define TRIAL_ID_BYTES 27
void trial_approval_id(uint64_t approval, char ret_id[TRIAL_ID_BYTES]);

/* Only the judge: what the policy finds in a request, whatever came before. */
enum gk_rc trial_judge(struct trial *trial, const struct trial_ask *ask,
    struct findings *ret_findings, struct gk_err *err) GK_MUST_USE;

/*
 * The result of the decision seq.  *ret_refused: the problem code, NULL when it
 * was taken.
 */
enum gk_rc trial_result(struct trial *trial, uint64_t seq,
    const struct identity *caller, const struct event_result *result,
    const struct cost_item *cost, size_t cost_count, const char **ret_refused,
    struct gk_err *err) GK_MUST_USE;

/*
 * A person's vote on the approval that decision `approval` asked for, or its
 * withdrawal: change is GRANTED, DENIED or REVOKED.
 */
struct trial_ballot {
	enum change change;
	const struct grant_bound *bound; /* NULL: for one use */
	int64_t valid_us;                /* 0: not said */
};
enum gk_rc trial_vote(struct trial *trial, uint64_t approval,
    const struct identity *voter, const struct trial_ballot *said,
    const char **ret_refused, struct gk_err *err) GK_MUST_USE;

/* An approval as it is now; false: there is none.  See ledger_approval(). */
struct approval_view;
bool trial_approval(const struct trial *trial, uint64_t approval,
    struct gk_arena *arena, struct approval_view *ret);

/* Throw a switch; scope, subject, action and expires_us of kill_switch. */
enum gk_rc trial_switch(struct trial *trial,
    const struct event_switch *kill_switch, uint64_t *ret_seq,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc trial_switch_lift(
    struct trial *trial, uint64_t seq, struct gk_err *err) GK_MUST_USE;

enum gk_rc trial_run_end(struct trial *trial, const struct identity *caller,
    const char *tenant, const char *run_id, const char **ret_refused,
    struct gk_err *err) GK_MUST_USE;

#endif
