/* Rows back into a fresh ledger: the inverse of rows.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "ledger/row.h"

static const struct json_limits row_limits = {
    .bytes = ROW_BYTES_MAX,
    .depth = 8,
    .values = 200000,
};

static enum gk_rc
damaged(struct gk_err *err, const char *key, const char *what)
{
	return GK_FAIL(err, GK_E_CORRUPT, "snapshot row %s: %s", key, what);
}

static enum gk_rc
load_ledger(
    struct ledger *ledger, const struct ledger_row *row, struct gk_err *err)
{
	ledger->next_seq = (uint64_t)row->next_seq;
	ledger->last_us = row->last_us;
	ledger->boot_us = row->boot_us;
	ledger->last_kind = (int)row->last_kind;
	ledger->clock_jumped = row->clock_jumped;
	if (row->policy != NULL) {
		(void)snprintf(
		    ledger->policy, sizeof(ledger->policy), "%s", row->policy);
	}
	for (size_t i = 0; i < row->key_count; i++) {
		GK_TRY(key_load(ledger, &row->keys[i], err));
	}
	return GK_OK;
}

static enum gk_rc
load_run(struct ledger *ledger, const char *key, const struct run_row *row,
    struct gk_err *err)
{
	struct event as_event = {.seq = (uint64_t)row->first_seq,
	    .timestamp_us = row->last_us,
	    .tenant_id = row->tenant,
	    .run_id = row->run_id,
	    .agent_id = row->agent,
	    .caller = row->caller};
	struct run *run;

	if (row->run_id == NULL || row->agent == NULL || row->caller == NULL ||
	    run_find(ledger, row->tenant, row->run_id) != NULL) {
		return damaged(err, key, "not a new, whole run");
	}
	GK_TRY(run_new(ledger, &as_event, false, &run, err));
	return run_touch(ledger, run, &as_event, err);
}

static enum gk_rc
load_step(struct ledger *ledger, const char *key, const struct step_row *row,
    struct gk_err *err)
{
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct event as_event = {.seq = (uint64_t)row->seq,
	    .decision = (int)row->decision,
	    .tenant_id = row->tenant,
	    .run_id = row->run_id,
	    .step_id = row->step_id,
	    .valid_until_us = row->valid_until_us,
	    .result_by_us = row->result_by_us,
	    .charges = row->charges.charges,
	    .charge_count = row->charges.charge_count};
	struct step *step;

	if (run == NULL || row->step_id == NULL ||
	    step_find(run, row->step_id) != NULL || row->decision < 0 ||
	    row->decision >= DECISION_COUNT) {
		return damaged(err, key, "not a new, whole step of a run");
	}
	as_event.timestamp_us = run->last_us;
	GK_TRY(step_load(ledger, run, &as_event, row->open, &step, err));
	memcpy(step->binding, row->binding, sizeof(step->binding));
	step->key = row->hash_key;
	run->keys |= UINT64_C(1) << ((uint64_t)row->hash_key % 64);
	step->approval_seq = (uint64_t)row->approval_seq;
	step->has_approval = row->has_approval;
	step->granted = row->granted;
	step->unreported = row->unreported;
	step->conflicted = row->conflicted;
	step->result_seq = (uint64_t)row->result_seq;
	step->has_violation = row->has_violation;
	step->violation_seq = (uint64_t)row->violation_seq;
	GK_TRY(ledger__dup(
	    &run->arena, row->result_digest, &step->result_digest, err));
	return run_touch(ledger, run, &as_event, err);
}

static enum gk_rc
load_counter(struct ledger *ledger, const char *key,
    const struct counter_row *row, struct gk_err *err)
{
	char bytes[ROW_KEY_BYTES / 2];
	size_t n;
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct counter as_counter = {.key = bytes,
	    .kind = (int)row->kind,
	    .per = (int)row->per,
	    .tat_ns = row->tat_ns,
	    .count = row->count,
	    .used_micros = row->used_micros,
	    .reached = row->reached,
	    .window_end_us = row->window_end_us,
	    .within_us = row->within_us,
	    .run = run};
	int64_t *times;

	if (!digest_from_hex(
		key + strlen("counter/"), bytes, sizeof(bytes), &n) ||
	    (row->per == SCOPE_RUN && run == NULL) ||
	    row->kind <= CHARGE_NONE || row->kind >= CHARGE_KIND_COUNT ||
	    ((row->kind == CHARGE_REPEAT || row->kind == CHARGE_ASK) &&
		row->time_count == 0)) {
		return damaged(err, key, "not a whole counter");
	}
	times = calloc(row->time_count + 1, sizeof(*times));
	if (times == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "counter");
	}
	for (size_t i = 0; i < row->time_count; i++) {
		times[i] = row->times[i].us;
	}
	as_counter.key_n = n;
	as_counter.times_us = times;
	as_counter.time_count = row->time_count;
	as_counter.time_room = row->time_count + 1;
	return counter_load(ledger, &as_counter, err);
}

static enum gk_rc
load_identity(
    struct ledger *ledger, struct identity *identity, struct gk_err *err)
{
	struct event as_event = {.kind = EVENT_IDENTITY,
	    .change = CHANGE_CREATED,
	    .identity = identity};

	return identity_apply(ledger, &as_event, err);
}

static enum gk_rc
load_switch(
    struct ledger *ledger, const struct switch_row *row, struct gk_err *err)
{
	struct event_switch what = {.id = row->id,
	    .scope = (int)row->scope,
	    .subject = row->subject,
	    .action = row->action,
	    .expires_us = row->expires_us};
	struct event as_event = {.kind = EVENT_KILL_SWITCH,
	    .change = CHANGE_THROWN,
	    .seq = (uint64_t)row->seq,
	    .timestamp_us = row->thrown_at_us,
	    .caller = row->caller,
	    .kill_switch = &what};

	return switch_apply(ledger, &as_event, err);
}

static enum gk_rc
load_hold(struct ledger *ledger, const struct hold_row *row, struct gk_err *err)
{
	struct event_hold what = {.id = row->id,
	    .scope = (int)row->scope,
	    .subject = row->subject,
	    .tenant = row->tenant};
	struct event as_event = {.kind = EVENT_RETENTION,
	    .change = CHANGE_HELD,
	    .seq = (uint64_t)row->seq,
	    .timestamp_us = row->held_at_us,
	    .caller = row->caller,
	    .hold = &what};

	return row->id == NULL || row->subject == NULL
		   ? damaged(err, "hold", "not a whole hold")
		   : hold_apply(ledger, &as_event, err);
}

static enum gk_rc
load_approval(struct ledger *ledger, const char *key,
    const struct approval_row *row, struct gk_arena *arena, struct gk_err *err)
{
	struct run *run = row->run_id == NULL
			      ? NULL
			      : run_find(ledger, row->tenant, row->run_id);
	struct approval as_approval = {.run = run,
	    .seq = (uint64_t)row->seq,
	    .status = (int)row->status,
	    .step_id = row->step_id,
	    .caller = row->caller,
	    .asker_person = row->asker_person,
	    .actor_person = row->actor_person,
	    .action = row->action,
	    .action_key = row->action_key,
	    .actor_type = row->actor_type,
	    .actor_id = row->actor_id,
	    .asked_at_us = row->asked_at_us,
	    .expires_at_us = row->expires_at_us,
	    .grant_valid_us = row->grant_valid_us,
	    .grant_until_us = row->grant_until_us,
	    .resolved_at_us = row->resolved_at_us,
	    .resolved_by = row->resolved_by,
	    .rules = row->terms.rules,
	    .rule_count = row->terms.rule_count,
	    .used = row->used,
	    .escalated = (uint64_t)row->escalated,
	    .vote_count = row->vote_count};
	struct event as_event = {
	    .timestamp_us = run == NULL ? 0 : run->last_us};

	if (run == NULL || row->step_id == NULL || row->caller == NULL ||
	    row->terms.rule_count == 0 || row->status <= APPROVAL_NONE ||
	    row->status >= APPROVAL_STATUS_COUNT) {
		return damaged(err, key, "not a whole approval of a run");
	}
	memcpy(as_approval.binding, row->binding, sizeof(row->binding));
	memcpy(as_approval.frame, row->frame, sizeof(row->frame));
	if (row->terms.bounded != NULL) {
		as_approval.bounds = *row->terms.bounded;
	}
	if (row->bound != NULL) {
		as_approval.bound = *row->bound;
	}
	as_approval.votes =
	    gk_arena_calloc(arena, row->vote_count, sizeof(*as_approval.votes));
	if (as_approval.votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < row->vote_count; i++) {
		as_approval.votes[i] = row->votes[i].vote;
		if (row->votes[i].bound != NULL) {
			as_approval.votes[i].bound = *row->votes[i].bound;
		}
	}
	GK_TRY(approval_load(ledger, &as_approval, err));
	return run_touch(ledger, run, &as_event, err);
}

/* Any of the rows; which one, its key tells. */
union row {
	struct ledger_row ledger;
	struct identity identity;
	struct run_row run;
	struct step_row step;
	struct approval_row approval;
	struct counter_row counter;
	struct switch_row kill_switch;
	struct hold_row hold;
};

static const struct {
	const char *prefix;
	const struct record_type *type;
} row_kinds[] = {
    {"ledger", &row_ledger_type},
    {"identity/", &identity_type},
    {"run/", &row_run_type},
    {"step/", &row_step_type},
    {"approval/", &row_approval_type},
    {"counter/", &row_counter_type},
    {"switch/", &row_switch_type},
    {"hold/", &row_hold_type},
};

static enum gk_rc
load_kind(struct ledger *ledger, size_t kind, const char *key, union row *row,
    struct gk_arena *arena, struct gk_err *err)
{
	switch (kind) {
	case 0:
		return load_ledger(ledger, &row->ledger, err);
	case 1:
		return load_identity(ledger, &row->identity, err);
	case 2:
		return load_run(ledger, key, &row->run, err);
	case 3:
		return load_step(ledger, key, &row->step, err);
	case 4:
		return load_approval(ledger, key, &row->approval, arena, err);
	case 5:
		return load_counter(ledger, key, &row->counter, err);
	case 7:
		return load_hold(ledger, &row->hold, err);
	default:
		return load_switch(ledger, &row->kill_switch, err);
	}
}

enum gk_rc
ledger_load_row(struct ledger *ledger, const char *key, const char *json,
    size_t n, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT((size_t)2 * ROW_BYTES_MAX);
	union row row;
	size_t kind = 0;

	while (kind < GK_COUNT(row_kinds) &&
	       strncmp(key, row_kinds[kind].prefix,
		   strlen(row_kinds[kind].prefix)) != 0) {
		kind++;
	}
	if (kind == GK_COUNT(row_kinds)) {
		return damaged(err, key, "of no known kind");
	}
	GK_TRY(json_parse(json, n, &row_limits, &value, err));
	GK_TRY(record_decode(row_kinds[kind].type, value, &arena, &row, err));
	return load_kind(ledger, kind, key, &row, &arena, err);
}
