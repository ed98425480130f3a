/* The ledger itself: making one, folding events into it, asking what it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_internal.h"

const char *const refusal_words[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = "none",
    [REFUSAL_STEP_CONFLICT] = "step_conflict",
    [REFUSAL_RUN_NOT_YOURS] = "run_not_yours",
    [REFUSAL_RUN_ENDED] = "run_ended",
    [REFUSAL_TOO_MANY_RUNS] = "too_many_runs",
    [REFUSAL_NOT_FOUND] = "not_found",
    [REFUSAL_NOT_ALLOWED] = "not_allowed",
    [REFUSAL_CONFLICTING_RESULT] = "conflicting_result",
    [REFUSAL_ALREADY_RESOLVED] = "already_resolved",
    [REFUSAL_NOT_AN_APPROVER] = "not_an_approver",
    [REFUSAL_OWN_REQUEST] = "own_request",
    [REFUSAL_ALREADY_VOTED] = "already_voted",
    [REFUSAL_EXISTS] = "exists",
    [REFUSAL_IDENTITY_REVOKED] = "identity_revoked",
    [REFUSAL_OPEN_WORK] = "open_work",
    [REFUSAL_UNDER_HOLD] = "under_hold",
    [REFUSAL_TOO_MANY_HOLDS] = "too_many_holds",
    [REFUSAL_KEY_NEEDED] = "key_needed",
    [REFUSAL_TOO_MANY_KEYS] = "too_many_keys",
    [REFUSAL_NOT_BOUNDED] = "not_bounded",
    [REFUSAL_BOUND_TOO_WIDE] = "bound_too_wide",
};

enum gk_rc
ledger__dup(struct gk_arena *arena, const char *text, const char **ret,
    struct gk_err *err)
{
	*ret = text == NULL ? NULL : gk_arena_strdup(arena, text);
	if (text != NULL && *ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "ledger");
	}
	return GK_OK;
}

bool
ledger__same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

enum gk_rc
ledger__corrupt(struct gk_err *err, const struct event *event, enum gk_rc rc)
{
	gk_err_where(err, "seq %llu", (unsigned long long)event->seq);
	return rc;
}

enum gk_rc
ledger_new(const struct id_key *id_key, const struct ledger_limits *limits,
    struct ledger **ret_ledger, struct gk_err *err)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "ledger");
	}
	ledger->id_key = *id_key;
	ledger->limits = *limits;
	ledger->snapshot = snapshot_new();
	if (ledger->snapshot == NULL) {
		free(ledger);
		return GK_FAIL(err, GK_E_NOMEM, "ledger");
	}
	*ret_ledger = ledger;
	return GK_OK;
}

void
ledger_free(struct ledger *ledger)
{
	if (ledger == NULL) {
		return;
	}
	while (ledger->cold != NULL) {
		run_free(ledger, ledger->cold);
	}
	while (ledger->first_run != NULL) {
		run_free(ledger, ledger->first_run);
	}
	while (ledger->first_counter != NULL) {
		counter_free(ledger, ledger->first_counter);
	}
	for (size_t i = 0; i < ledger->switch_count; i++) {
		switch_free(ledger->switches[i]);
	}
	while (ledger->holds != NULL) {
		struct hold *hold = ledger->holds;

		ledger->holds = hold->next;
		hold_free(hold);
	}
	for (size_t i = 0; i < ledger->member_count; i++) {
		member_free(ledger->members[i]);
	}
	gk_map_done(&ledger->runs);
	gk_map_done(&ledger->approvals);
	gk_map_done(&ledger->counters);
	gk_map_done(&ledger->owners);
	gk_map_done(&ledger->member_ids);
	free(ledger->switches);
	free(ledger->keys);
	free(ledger->members);
	free(ledger->due.nodes);
	free(ledger->results.nodes);
	free(ledger->fading.nodes);
	snapshot_free(ledger->snapshot);
	free(ledger);
}

void
ledger_freep(struct ledger **ledger)
{
	ledger_free(*ledger);
	*ledger = NULL;
}

/* ---- apply ---- */

static enum gk_rc
decision_apply(struct ledger *ledger, const struct event *event, bool cold,
    struct gk_err *err)
{
	struct run *run;

	run = run_find(ledger, event->tenant_id, event->run_id);
	if (run == NULL) {
		GK_TRY(run_new(ledger, event, cold, &run, err));
	}
	GK_TRY(snapshot_save_run(ledger, run, err));
	if (run->cold != cold || !ledger__same(run->agent, event->agent_id)) {
		return LEDGER_CORRUPT(err, event,
		    "a decision in a run that is over, or another's");
	}
	GK_TRY(step_apply(ledger, run, event, err));
	if (event->approval != NULL) {
		GK_TRY(approval_open(ledger, run, event, err));
	}
	for (size_t i = 0; i < event->charge_count && !cold; i++) {
		GK_TRY(
		    counter_apply(ledger, run, &event->charges[i], event, err));
	}
	return run_touch(ledger, run, event, err);
}

static void
policy_apply(struct ledger *ledger, const struct event *event)
{
	if (event->change != CHANGE_REJECTED && event->policy != NULL) {
		(void)snprintf(ledger->policy, sizeof(ledger->policy), "%s",
		    event->policy);
	}
}

static enum gk_rc
apply_kind(struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	switch ((enum event_kind)event->kind) {
	case EVENT_DECISION:
		return decision_apply(ledger, event, false, err);
	case EVENT_RESULT:
		return result_apply(ledger, event, err);
	case EVENT_VIOLATION:
		return violation_apply(ledger, event, err);
	case EVENT_APPROVAL:
		return approval_apply(ledger, event, err);
	case EVENT_KILL_SWITCH:
		return switch_apply(ledger, event, err);
	case EVENT_RUN:
		return run_apply_end(ledger, event, err);
	case EVENT_KEY:
		return key_apply(ledger, event, err);
	case EVENT_IDENTITY:
		return identity_apply(ledger, event, err);
	case EVENT_RETENTION:
		return hold_apply(ledger, event, err);
	case EVENT_BOOT:
		ledger->boot_us = event->timestamp_us;
		break;
	case EVENT_POLICY:
		policy_apply(ledger, event);
		break;
	case EVENT_CLOCK:
		ledger->clock_jumped = event->change == CHANGE_JUMPED;
		break;
	case EVENT_GENESIS:
	case EVENT_CLOSE:
	case EVENT_ACCESS:
	case EVENT_SNAPSHOT:
	case EVENT_REDACTION:
	case EVENT_GAP:
		break;
	case EVENT_NONE:
	case EVENT_KIND_COUNT:
		return LEDGER_CORRUPT(err, event, "an event of no kind");
	}
	return GK_OK;
}

enum gk_rc
ledger_apply(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	if (event->seq != ledger->next_seq) {
		return LEDGER_CORRUPT(err, event, "expected event %llu",
		    (unsigned long long)ledger->next_seq);
	}
	if (event->timestamp_us < ledger->last_us) {
		return LEDGER_CORRUPT(err, event, "time went back");
	}
	if (!event_is_whole(event)) {
		return LEDGER_CORRUPT(err, event, "an event that isn't whole");
	}
	GK_TRY(counter_fade(ledger, event->timestamp_us, err));
	GK_TRY(apply_kind(ledger, event, err));
	ledger->next_seq = event->seq + 1;
	ledger->last_us = event->timestamp_us;
	ledger->last_kind = event->kind;
	return GK_OK;
}

enum gk_rc
ledger_recall(
    struct ledger *ledger, const struct event *event, struct gk_err *err)
{
	if (!event_is_whole(event)) {
		return LEDGER_CORRUPT(err, event, "an event that isn't whole");
	}
	switch (event->kind) {
	case EVENT_DECISION:
		return decision_apply(ledger, event, true, err);
	case EVENT_RESULT:
		return result_recall(ledger, event, err);
	case EVENT_VIOLATION:
		return violation_apply(ledger, event, err);
	case EVENT_APPROVAL:
		return approval_apply(ledger, event, err);
	default:
		return GK_OK; /* the run's end: a recalled run has ended already */
	}
}

/* ---- questions ---- */

bool
ledger_has_run(
    const struct ledger *ledger, const char *tenant, const char *run_id)
{
	return run_find(ledger, tenant, run_id) != NULL;
}

const char *
ledger_policy(const struct ledger *ledger)
{
	return ledger->policy[0] == '\0' ? NULL : ledger->policy;
}

uint64_t
ledger_next_seq(const struct ledger *ledger)
{
	return ledger->next_seq;
}

int64_t
ledger_last_us(const struct ledger *ledger)
{
	return ledger->last_us;
}

bool
ledger_clock_jumped(const struct ledger *ledger)
{
	return ledger->clock_jumped;
}

uint64_t
ledger_oldest_open(const struct ledger *ledger)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 1; i <= ledger->results.count; i++) {
		const struct step *step = ledger->results.nodes[i]->owner;

		oldest = step->seq < oldest ? step->seq : oldest;
	}
	for (size_t i = 1; i <= ledger->due.count; i++) {
		const struct due_node *node = ledger->due.nodes[i];
		const struct approval *approval = node->owner;

		if (node->kind == DUE_APPROVAL && approval->seq < oldest) {
			oldest = approval->seq;
		}
	}
	return oldest;
}

bool
ledger_closed_cleanly(const struct ledger *ledger)
{
	return ledger->next_seq == 0 || ledger->last_kind == EVENT_CLOSE;
}

void
ledger_stats(const struct ledger *ledger, struct ledger_stats *ret)
{
	const struct counter *counter;
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	ret->runs = ledger->runs.count - ledger->cold_count;
	ret->steps = ledger->step_count;
	ret->open_results = ledger->open_results;
	ret->approvals_pending = ledger->approvals_pending;
	ret->switches = ledger->switch_count;
	ret->holds = ledger->hold_count;
	ret->identities = ledger->member_count;
	while ((counter = gk_map_next(&ledger->counters, &at)) != NULL) {
		ret->budgets += counter->kind == CHARGE_BUDGET;
		ret->limits += counter->kind != CHARGE_BUDGET;
	}
}
