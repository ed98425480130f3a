#ifndef GK_GATE_REPLAY_H
#define GK_GATE_REPLAY_H
/* Recorded decisions under another policy: what would change, and what can't be told. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct policy;

struct replay_options {
	const char
	    *data_dir; /* of a journal, running or not; it is only read */
	struct policy *policy;      /* the candidate; pinned while it runs */
	int64_t since_us, until_us; /* [since, until); 0: open */
	/* Called now and then with events done and in all; may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	/* More decisions than this aren't looked at (the report says so); 0: all. */
	uint64_t decisions_max;
	/* With more events in the journal than this it isn't begun (GK_E_LIMIT); 0: however many. */
	uint64_t events_max;
};

/*
 * Replay.  What was before `since` is folded as it was recorded; from there on the
 * candidate decides, with its own limits, budgets and approvals, while results,
 * votes, switches, identities and ends of runs happen as they were recorded.
 * The record keeps hashes of arguments and contexts: a condition that looks at
 * what isn't there is unknown.  Where the decision hangs on it, it is counted as
 * "can't be told", by rule; never guessed.
 *
 * Appends the report as canonical JSON: {"cannot_tell":[{"action","count","rules"}…],
 * "changes":[{"action","after":{"decision","layer","reason","rule"},"before":{…},"count",
 * "example":{"decision_id","run_id","seq","step_id","timestamp"}}…],"complete":bool,"decisions",
 * "policy","same","since","told","until"}; changes with the most first, at most 1000.
 * Errors: GK_E_IO, GK_E_CORRUPT, GK_E_NOMEM, GK_E_LIMIT.
 */
enum gk_rc replay_run(const struct replay_options *options,
    struct gk_buf *ret_json, struct gk_err *err) GK_MUST_USE;

#endif
