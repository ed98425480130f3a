/* The tables of a snapshot's rows. */
#include "ledger/row.h"

#define F_STR(t, key, m)                                                     \
	{                                                                    \
		.name = (key), .kind = RECORD_STR, .flags = RECORD_EMPTY_OK, \
		.offset = offsetof(struct t, m)                              \
	}
#define F_INT(t, key, m)                           \
	{                                          \
		.name = (key), .kind = RECORD_INT, \
		.offset = offsetof(struct t, m)    \
	}
#define F_BIG(t, key, m)                           \
	{                                          \
		.name = (key), .kind = RECORD_BIG, \
		.offset = offsetof(struct t, m)    \
	}
#define F_BOOL(t, key, m)                           \
	{                                           \
		.name = (key), .kind = RECORD_BOOL, \
		.offset = offsetof(struct t, m)     \
	}
#define F_TIME(t, key, m)                           \
	{                                           \
		.name = (key), .kind = RECORD_TIME, \
		.offset = offsetof(struct t, m)     \
	}
#define F_STRS(t, key, m, n)                          \
	{                                             \
		.name = (key), .kind = RECORD_STRS,   \
		.offset = offsetof(struct t, m),      \
		.count_offset = offsetof(struct t, n) \
	}
#define F_OBJS(t, key, m, n, inner)                                     \
	{                                                               \
		.name = (key), .kind = RECORD_OBJECTS,                  \
		.offset = offsetof(struct t, m),                        \
		.count_offset = offsetof(struct t, n), .type = &(inner) \
	}
#define F_OBJ(t, key, m, inner)                                   \
	{                                                         \
		.name = (key), .kind = RECORD_OBJECT,             \
		.offset = offsetof(struct t, m), .type = &(inner) \
	}
#define TYPE(words, t, fields)                                    \
	{                                                         \
		words, sizeof(struct t), fields, GK_COUNT(fields) \
	}

static const struct record_field key_fields[] = {
    F_TIME(key_life, "destroyed", destroyed_us),
    F_INT(key_life, "id", id),
    F_TIME(key_life, "since", since_us),
    F_TIME(key_life, "until", until_us),
    {.name = "what",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct key_life, what),
	.names = key_use_words,
	.names_count = KEY_USE_COUNT},
};
static const struct record_type key_type = TYPE("key", key_life, key_fields);

static const struct record_field ledger_fields[] = {
    F_TIME(ledger_row, "boot", boot_us),
    F_BOOL(ledger_row, "clock_jumped", clock_jumped),
    F_OBJS(ledger_row, "keys", keys, key_count, key_type),
    F_INT(ledger_row, "last_kind", last_kind),
    F_TIME(ledger_row, "last_time", last_us),
    F_INT(ledger_row, "next_seq", next_seq),
    F_STR(ledger_row, "policy", policy),
};
const struct record_type row_ledger_type =
    TYPE("ledger row", ledger_row, ledger_fields);

static const struct record_field run_fields[] = {
    F_STR(run_row, "agent", agent),
    F_STR(run_row, "caller", caller),
    F_INT(run_row, "first_seq", first_seq),
    F_TIME(run_row, "last_time", last_us),
    F_STR(run_row, "run_id", run_id),
    F_STR(run_row, "tenant_id", tenant),
};
const struct record_type row_run_type = TYPE("run row", run_row, run_fields);

static const struct record_field step_fields[] = {
    F_INT(step_row, "approval_seq", approval_seq),
    {.name = "binding",
	.kind = RECORD_BYTES,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct step_row, binding),
	.max = 16},
    F_BOOL(step_row, "conflicted", conflicted),
    F_INT(step_row, "decision", decision),
    F_BOOL(step_row, "granted", granted),
    F_BOOL(step_row, "has_approval", has_approval),
    F_BOOL(step_row, "has_violation", has_violation),
    F_INT(step_row, "hash_key", hash_key),
    F_BOOL(step_row, "open", open),
    F_OBJS(step_row, "reservations", charges.charges, charges.charge_count,
	charge_type),
    F_TIME(step_row, "result_by", result_by_us),
    F_STR(step_row, "result_digest", result_digest),
    F_INT(step_row, "result_seq", result_seq),
    F_STR(step_row, "run_id", run_id),
    F_INT(step_row, "seq", seq),
    F_STR(step_row, "step_id", step_id),
    F_STR(step_row, "tenant_id", tenant),
    F_BOOL(step_row, "unreported", unreported),
    F_TIME(step_row, "valid_until", valid_until_us),
    F_INT(step_row, "violation_seq", violation_seq),
};
const struct record_type row_step_type =
    TYPE("step row", step_row, step_fields);

static const struct record_field vote_fields[] = {
    F_OBJ(vote_row, "bound", bound, grant_bound_type),
    F_BOOL(vote_row, "grant", vote.grant),
    F_STRS(vote_row, "groups", vote.groups, vote.group_count),
    F_STR(vote_row, "identity", vote.identity),
    F_STR(vote_row, "person", vote.person),
    F_TIME(vote_row, "time", vote.at_us),
    F_INT(vote_row, "valid_us", vote.valid_us),
};
static const struct record_type row_vote_type =
    TYPE("vote", vote_row, vote_fields);

static const struct record_field approval_fields[] = {
    F_STR(approval_row, "action", action),
    F_STR(approval_row, "action_key", action_key),
    F_STR(approval_row, "actor_id", actor_id),
    F_STR(approval_row, "actor_person", actor_person),
    F_STR(approval_row, "actor_type", actor_type),
    F_TIME(approval_row, "asked_at", asked_at_us),
    F_STR(approval_row, "asker_person", asker_person),
    {.name = "binding",
	.kind = RECORD_BYTES,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct approval_row, binding),
	.max = 16},
    F_OBJ(approval_row, "bound", bound, grant_bound_type),
    F_OBJ(approval_row, "bounded", terms.bounded, approval_bounds_type),
    F_STR(approval_row, "caller", caller),
    F_BIG(approval_row, "escalated", escalated),
    F_TIME(approval_row, "expires_at", expires_at_us),
    {.name = "frame",
	.kind = RECORD_BYTES,
	.offset = offsetof(struct approval_row, frame),
	.max = 16},
    F_TIME(approval_row, "grant_until", grant_until_us),
    F_INT(approval_row, "grant_valid_us", grant_valid_us),
    F_TIME(approval_row, "resolved_at", resolved_at_us),
    F_STR(approval_row, "resolved_by", resolved_by),
    F_OBJS(approval_row, "rules", terms.rules, terms.rule_count,
	approval_rule_type),
    F_STR(approval_row, "run_id", run_id),
    F_INT(approval_row, "seq", seq),
    F_INT(approval_row, "status", status),
    F_STR(approval_row, "step_id", step_id),
    F_STR(approval_row, "tenant_id", tenant),
    F_INT(approval_row, "used", used),
    F_OBJS(approval_row, "votes", votes, vote_count, row_vote_type),
};
const struct record_type row_approval_type =
    TYPE("approval row", approval_row, approval_fields);

static const struct record_field time_fields[] = {
    F_TIME(time_row, "time", us),
};
static const struct record_type row_time_type =
    TYPE("time", time_row, time_fields);

static const struct record_field counter_fields[] = {
    F_INT(counter_row, "count", count),
    F_INT(counter_row, "kind", kind),
    F_INT(counter_row, "per", per),
    F_INT(counter_row, "reached", reached),
    F_STR(counter_row, "run_id", run_id),
    F_BIG(counter_row, "tat_ns", tat_ns),
    F_STR(counter_row, "tenant_id", tenant),
    F_OBJS(counter_row, "times", times, time_count, row_time_type),
    F_BIG(counter_row, "used_micros", used_micros),
    F_TIME(counter_row, "window_end", window_end_us),
    F_INT(counter_row, "within_us", within_us),
};
const struct record_type row_counter_type =
    TYPE("counter row", counter_row, counter_fields);

static const struct record_field switch_fields[] = {
    F_STR(switch_row, "action", action),
    F_STR(switch_row, "caller", caller),
    F_TIME(switch_row, "expires_at", expires_us),
    F_STR(switch_row, "id", id),
    F_INT(switch_row, "scope", scope),
    F_INT(switch_row, "seq", seq),
    F_STR(switch_row, "subject", subject),
    F_TIME(switch_row, "thrown_at", thrown_at_us),
};
const struct record_type row_switch_type =
    TYPE("switch row", switch_row, switch_fields);

static const struct record_field hold_fields[] = {
    F_STR(hold_row, "caller", caller),
    F_TIME(hold_row, "held_at", held_at_us),
    F_STR(hold_row, "id", id),
    F_INT(hold_row, "scope", scope),
    F_INT(hold_row, "seq", seq),
    F_STR(hold_row, "subject", subject),
    F_STR(hold_row, "tenant_id", tenant),
};
const struct record_type row_hold_type =
    TYPE("hold row", hold_row, hold_fields);
