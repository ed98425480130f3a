#ifndef GK_LEDGER_WORK_H
#define GK_LEDGER_WORK_H
/* One decision on its way through the layers, shared by the files that settle it. */

#include "ledger/ledger_internal.h"

/* One settlement on its way. */
struct work {
	const struct ledger *ledger;
	const struct settle_at *at;
	const struct decision_ask *ask;
	struct gk_arena *arena;
	const struct run *run;        /* NULL: new */
	const struct approval *grant; /* granted, and for this */
	bool is_charged; /* the step that asked was charged for this very use */
	struct event *event; /* the decision */
	struct settlement *ret;
};

/* settle.c: what is said, and by which layer */
void work_say(struct work *work, enum decision decision, enum layer layer,
    const char *rule, const char *reason);
void work_stop(
    struct work *work, enum layer layer, const char *rule, const char *reason);
enum gk_rc work_no_memory(struct gk_err *err);
enum gk_rc work_charge(struct work *work, const struct charge *charge,
    struct gk_err *err) GK_MUST_USE;

/* ask.c: the approval layer */
const struct approval_finding *work_first_asking(const struct findings *found);
/* The approval that the answer speaks of, when it exists already. */
enum gk_rc work_show_approval(struct work *work,
    const struct approval *approval, struct gk_err *err) GK_MUST_USE;
/* Approval is needed: join an identical pending one, or open one. */
enum gk_rc work_ask_approval(struct work *work,
    const struct approval_finding *first, struct gk_err *err) GK_MUST_USE;
/*
 * The request names an approval: is it a grant for exactly this?  When it
 * isn't, the answer is said here and *ret_done is true.
 */
enum gk_rc work_resume(
    struct work *work, bool *ret_done, struct gk_err *err) GK_MUST_USE;

/* A bounded grant of the run that the request is within, where it names none: work->grant. */
enum gk_rc work_find_bound(struct work *work, struct gk_err *err) GK_MUST_USE;

/* retry.c: the step is known already */
enum gk_rc work_retry(
    struct work *work, const struct step *step, struct gk_err *err) GK_MUST_USE;

#endif
