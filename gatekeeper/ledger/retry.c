/* The same step asked again: what was recorded, while it still holds. */
#include <string.h>

#include "ledger/work.h"

/* Does the recorded allow still hold?  NULL: yes; else why not. */
static const char *
why_not_repeated(const struct work *work, const struct step *step)
{
	const struct findings *found = work->ask->findings;
	const struct approval *grant =
	    step->granted ? approval_find(work->ledger, step->approval_seq)
			  : NULL;

	if (switch_covering(work->ledger, work->ask) != NULL) {
		return "kill_switch";
	}
	if (!step->open) {
		return step->unreported ? "allow_expired" : "already_reported";
	}
	if (step->valid_until_us <= work->at->now_us) {
		return "allow_expired";
	}
	if (grant != NULL && grant->status == APPROVAL_REVOKED) {
		return "approval_revoked";
	}
	if (found->access != ACCESS_PASSES ||
	    (work_first_asking(found) != NULL &&
		(grant == NULL || !approval_covers(grant, found)))) {
		return "policy_changed";
	}
	return NULL;
}

enum gk_rc
work_retry(struct work *work, const struct step *step, struct gk_err *err)
{
	struct bindings bindings;
	const char *successor, *why;
	const struct step *next;
	const struct approval *approval;

	bindings_of(work->event, work->ask, &bindings);
	if (!bindings_have(&bindings, step->key, step->binding)) {
		work->ret->refusal = REFUSAL_STEP_CONFLICT;
		return GK_OK;
	}
	successor = gk_arena_printf(work->arena, "%s~granted", step->step_id);
	if (successor == NULL) {
		return work_no_memory(err);
	}
	next = step_find(work->run, successor);
	if (next != NULL) {
		work->ret->has_successor = true;
		step = next;
	}
	if (step->has_approval) {
		approval = approval_find(work->ledger, step->approval_seq);
		if (approval != NULL) {
			GK_TRY(work_show_approval(work, approval, err));
		}
	}
	work->ret->replay_seq = step->seq;
	if (step->decision != DECISION_ALLOW) {
		work->ret->outcome = SETTLE_REPLAY;
		return GK_OK;
	}
	why = why_not_repeated(work, step);
	if (why == NULL) {
		work->ret->outcome = SETTLE_REPLAY;
		return GK_OK;
	}
	work_stop(work,
	    strcmp(why, "kill_switch") == 0 ? LAYER_KILL_SWITCH : LAYER_RETRY,
	    NULL, why);
	work->event->original = step->decision;
	work->event->step_id = step->step_id;
	work->event->has_of_seq = true;
	work->event->of_seq = step->seq;
	work->ret->outcome = SETTLE_EVENTS;
	work->ret->event_count = 1;
	return GK_OK;
}
