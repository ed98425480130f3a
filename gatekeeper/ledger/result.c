/* What became of an allow: its result, late or differing ones, silence, and results for what was stopped. */
#include <string.h>

#include "base/assert.h"
#include "ledger/ledger_internal.h"

/* Events about a decision carry its base fields; seq, time and change are new. */
static void
draft_from(const struct event *decision, const struct settle_at *at,
    enum event_kind kind, struct event *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->seq = at->seq;
	ret->timestamp_us = at->now_us;
	ret->kind = (int)kind;
	ret->caller = decision->caller;
	ret->agent_id = decision->agent_id;
	ret->actor = decision->actor;
	ret->tenant_id = decision->tenant_id;
	ret->run_id = decision->run_id;
	ret->step_id = decision->step_id;
	ret->parent_step_id = decision->parent_step_id;
	ret->action = decision->action;
	ret->action_key = decision->action_key;
	ret->args_hash = decision->args_hash;
	ret->context_hash = decision->context_hash;
	ret->has_decision = true;
	ret->decision = decision->decision;
	ret->decision_id = decision->decision_id;
	ret->layer = decision->layer;
	ret->rule = decision->rule;
	ret->reason = decision->reason;
	ret->scope = decision->scope;
	ret->policy = decision->policy;
	ret->traceparent = decision->traceparent;
	ret->has_of_seq = true;
	ret->of_seq = decision->seq;
}

static const struct cost_item *
cost_of(const struct result_report *report, const char *unit)
{
	for (size_t i = 0; i < report->cost_count; i++) {
		if (strcmp(report->cost[i].unit, unit) == 0) {
			return &report->cost[i];
		}
	}
	return NULL;
}

/* What the actual cost changes in the windows where the allow reserved. */
static enum gk_rc
settle_cost(const struct step *step, const struct result_report *report,
    struct gk_arena *arena, struct event *event, struct gk_err *err)
{
	event->charges = gk_arena_calloc(
	    arena, step->reservation_count, sizeof(*event->charges));
	if (event->charges == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "charges");
	}
	for (size_t i = 0; i < step->reservation_count; i++) {
		const struct charge *held = &step->reservations[i];
		const struct cost_item *cost = cost_of(report, held->unit);
		int64_t actual = cost != NULL ? cost->micros
				 : report->result->status == RESULT_NOT_EXECUTED
				     ? 0
				     : held->micros;
		int64_t delta = actual - held->micros;
		struct charge *charge;

		if (delta == 0 || (delta < 0 && !held->refund)) {
			continue;
		}
		charge = &event->charges[event->charge_count++];
		*charge = *held;
		charge->reserved = false;
		charge->refund = false;
		charge->micros = delta;
	}
	return GK_OK;
}

static void
refuse(struct settlement *ret, enum refusal refusal)
{
	ret->outcome = SETTLE_REFUSED;
	ret->refusal = refusal;
}

static void
settle_violation(const struct step *step, const struct settle_at *at,
    const struct result_report *report, struct settlement *ret)
{
	refuse(ret, REFUSAL_NOT_ALLOWED);
	if (step->has_violation &&
	    step->violation_seq == report->decision_seq) {
		return; /* recorded already: once a decision */
	}
	draft_from(report->decision, at, EVENT_VIOLATION, &ret->events[0]);
	ret->events[0].caller = report->caller->id;
	ret->events[0].result = NULL;
	ret->event_count = 1;
}

static bool
is_same_result(const struct step *step, const struct result_report *report)
{
	if (step->result_digest == NULL) {
		return false;
	}
	for (size_t i = 0; i < report->older_count; i++) {
		if (strcmp(step->result_digest, report->older[i].digest) == 0) {
			return true;
		}
	}
	return strcmp(step->result_digest, report->result->digest) == 0;
}

/* Nobody can say any more whether it is the same: its digest's key is gone. */
static bool
is_beyond_telling(const struct step *step, const struct result_report *report)
{
	int64_t key = event_key_of(step->result_digest);

	if (key == event_key_of(report->result->digest)) {
		return false;
	}
	for (size_t i = 0; i < report->older_count; i++) {
		if (report->older[i].key == key) {
			return false;
		}
	}
	return true;
}

static enum gk_rc
settle_allowed(const struct step *step, const struct settle_at *at,
    const struct result_report *report, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	struct event *event = &ret->events[0];
	bool first = step->open || step->result_digest == NULL;

	if (!first && is_same_result(step, report)) {
		ret->outcome = SETTLE_NOTHING;
		ret->replay_seq = step->result_seq;
		return GK_OK;
	}
	if (!first) {
		refuse(ret, REFUSAL_CONFLICTING_RESULT);
		if (step->conflicted) {
			return GK_OK;
		}
	} else {
		ret->outcome = SETTLE_EVENTS;
	}
	draft_from(report->decision, at, EVENT_RESULT, event);
	event->caller = report->caller->id;
	event->result = gk_arena_alloc(arena, sizeof(*event->result));
	if (event->result == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "result");
	}
	*event->result = *report->result;
	event->change = step->open ? CHANGE_REPORTED
			: first    ? CHANGE_LATE
				   : CHANGE_CONFLICTING;
	if (!step->open) {
		event->of_seq = step->result_seq;
	}
	if (!first && is_beyond_telling(step, report)) {
		event->note = "the earlier result's hash key is destroyed";
	}
	ret->event_count = 1;
	return first ? settle_cost(step, report, arena, event, err) : GK_OK;
}

enum gk_rc
ledger_settle_result(const struct ledger *ledger, const struct settle_at *at,
    const struct result_report *report, struct gk_arena *arena,
    struct settlement *ret, struct gk_err *err)
{
	const struct event *decision = report->decision;
	const struct run *run;
	const struct step *step;

	memset(ret, 0, sizeof(*ret));
	if (decision->kind != EVENT_DECISION ||
	    !ledger__same(decision->agent_id, identity_agent(report->caller))) {
		refuse(ret, REFUSAL_NOT_FOUND);
		return GK_OK;
	}
	run = run_find(ledger, decision->tenant_id, decision->run_id);
	if (run == NULL) {
		ret->outcome = SETTLE_MISS;
		return GK_OK;
	}
	step = step_find(run, decision->step_id);
	if (step == NULL) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "decision %llu is in the log but not in the ledger",
		    (unsigned long long)report->decision_seq);
	}
	if (step->seq != report->decision_seq ||
	    step->decision != DECISION_ALLOW) {
		settle_violation(step, at, report, ret);
		return GK_OK;
	}
	return settle_allowed(step, at, report, arena, ret, err);
}

enum gk_rc
result_draft_unreported(const struct ledger *ledger, const struct step *step,
    const struct settle_at *at, struct gk_arena *arena, struct event *ret,
    struct gk_err *err)
{
	char *decision_id = gk_arena_alloc(arena, ID_TEXT_BYTES);

	if (decision_id == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "event");
	}
	id_print(&ledger->id_key, ID_DECISION, step->seq, decision_id);
	memset(ret, 0, sizeof(*ret));
	ret->seq = at->seq;
	ret->timestamp_us = at->now_us;
	ret->kind = EVENT_RESULT;
	ret->change = CHANGE_UNREPORTED;
	ret->caller = "gatekeeper";
	ret->agent_id = step->run->agent;
	ret->tenant_id = step->run->tenant;
	ret->run_id = step->run->run_id;
	ret->step_id = step->step_id;
	ret->has_decision = true;
	ret->decision = step->decision;
	ret->decision_id = decision_id;
	ret->reason = "unreported";
	ret->has_of_seq = true;
	ret->of_seq = step->seq;
	return GK_OK;
}

/* The step that a post-event speaks of; NULL when its run has left memory. */
static struct step *
step_of(const struct ledger *ledger, const struct event *event)
{
	struct run *run = NULL;

	if (event->run_id != NULL && event->step_id != NULL) {
		run = run_find(ledger, event->tenant_id, event->run_id);
	}
	return run == NULL ? NULL : step_find(run, event->step_id);
}

static void
step_close(struct ledger *ledger, struct step *step)
{
	struct run *run = step->run;

	GK_ASSERT(run != NULL);
	step->open = false;
	run->open_results--;
	due_drop(&ledger->results, &step->due);
	if (!run->cold) {
		ledger->open_results--;
	}
}

/* A run that has ended has no counters of its own any more; others' count on. */
static enum gk_rc
charge_all(struct ledger *ledger, struct run *run, const struct event *event,
    struct gk_err *err)
{
	for (size_t i = 0; i < event->charge_count; i++) {
		const struct charge *charge = &event->charges[i];

		if (charge->per == SCOPE_RUN && (run == NULL || run->cold)) {
			continue;
		}
		GK_TRY(counter_apply(ledger, run, charge, event, err));
	}
	return GK_OK;
}

/* A first result, or silence: of a run that is still in memory, always. */
static enum gk_rc
apply_closing(struct ledger *ledger, struct step *step,
    const struct event *event, struct gk_err *err)
{
	if (step == NULL || !step->open) {
		return LEDGER_CORRUPT(
		    err, event, "a result for a decision that isn't open");
	}
	step_close(ledger, step);
	step->unreported = event->change == CHANGE_UNREPORTED;
	return GK_OK;
}

static enum gk_rc
keep_result(struct step *step, const struct event *event, struct gk_err *err)
{
	step->result_seq = event->seq;
	if (event->change == CHANGE_UNREPORTED) {
		return GK_OK;
	}
	if (event->result == NULL || event->result->digest == NULL) {
		return LEDGER_CORRUPT(err, event, "a result that says nothing");
	}
	return ledger__dup(&step->run->arena, event->result->digest,
	    &step->result_digest, err);
}

enum gk_rc
result_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct step *step = step_of(ledger, event);
	struct run *run = step == NULL ? NULL : step->run;

	if (run != NULL) {
		GK_TRY(snapshot_save_run(ledger, run, err));
	}
	switch (event->change) {
	case CHANGE_REPORTED:
	case CHANGE_UNREPORTED:
		GK_TRY(apply_closing(ledger, step, event, err));
		break;
	case CHANGE_LATE:
		if (step != NULL &&
		    (!step->unreported || step->result_digest != NULL)) {
			return LEDGER_CORRUPT(
			    err, event, "a late result that isn't late");
		}
		break;
	case CHANGE_CONFLICTING:
		if (step != NULL) {
			step->conflicted = true;
			return run_touch(ledger, run, event, err);
		}
		return GK_OK;
	default:
		return LEDGER_CORRUPT(err, event, "an unknown kind of result");
	}
	if (step != NULL) {
		GK_TRY(keep_result(step, event, err));
	}
	GK_TRY(charge_all(ledger, run, event, err));
	return run == NULL ? GK_OK : run_touch(ledger, run, event, err);
}

enum gk_rc
result_recall(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct event bare = *event;

	bare.charge_count = 0; /* charged when it happened */
	return result_apply(ledger, &bare, err);
}

enum gk_rc
violation_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	struct step *step = step_of(ledger, event);

	if (step == NULL) {
		return GK_OK;
	}
	GK_TRY(snapshot_save_run(ledger, step->run, err));
	step->has_violation = true;
	step->violation_seq = event->of_seq;
	return run_touch(ledger, step->run, event, err);
}
