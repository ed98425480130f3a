/* Answers as canonical JSON, by table. */
#include <string.h>

#include "gate/gate_internal.h"

#define FIELD(t, key, k, member, more)                                \
	{                                                             \
		.name = (key), .kind = (k),                           \
		.offset = offsetof(struct t, member), .flags = (more) \
	}
#define STR(t, key, member) \
	FIELD(t, key, RECORD_STR, member, RECORD_NULLABLE | RECORD_EMPTY_OK)
#define INT(t, key, member)  FIELD(t, key, RECORD_INT, member, RECORD_REQUIRED)
#define TIME(t, key, member) FIELD(t, key, RECORD_TIME, member, RECORD_NULLABLE)
#define ENUM(t, key, member, list, more)                               \
	{                                                              \
		.name = (key), .kind = RECORD_ENUM, .flags = (more),   \
		.offset = offsetof(struct t, member), .names = (list), \
		.names_count = GK_COUNT(list)                          \
	}
#define OBJ(t, key, member, inner)                                     \
	{                                                              \
		.name = (key), .kind = RECORD_OBJECT,                  \
		.flags = RECORD_NULLABLE,                              \
		.offset = offsetof(struct t, member), .type = &(inner) \
	}
#define LIST(t, key, member, counter, inner)                                  \
	{                                                                     \
		.name = (key), .kind = RECORD_OBJECTS,                        \
		.flags = RECORD_KEEP_EMPTY,                                   \
		.offset = offsetof(struct t, member),                         \
		.count_offset = offsetof(struct t, counter), .type = &(inner) \
	}
#define TYPE(words, t, fields)                                    \
	{                                                         \
		words, sizeof(struct t), fields, GK_COUNT(fields) \
	}

static const struct record_field event_ref_fields[] = {
    STR(gate_event_ref, "leaf_hash", leaf_hash),
    INT(gate_event_ref, "seq", seq),
};
const struct record_type gate_event_ref_type =
    TYPE("event", gate_event_ref, event_ref_fields);

static const struct record_field approval_ref_fields[] = {
    STR(gate_approval_ref, "approval_id", approval_id),
    TIME(gate_approval_ref, "expires_at", expires_us),
    INT(gate_approval_ref, "granted", granted),
    INT(gate_approval_ref, "needed", needed),
    ENUM(gate_approval_ref, "status", status, approval_status_words,
	RECORD_NULLABLE),
};
static const struct record_type approval_ref_type =
    TYPE("approval", gate_approval_ref, approval_ref_fields);

/* The rows that a decision's answer and an explanation share, around "decision" or "would". */
#define ANSWER_HEAD                                 \
	STR(gate_answer, "action_key", action_key), \
	    OBJ(gate_answer, "approval", approval, approval_ref_type)
#define ANSWER_MIDDLE                                                    \
	ENUM(gate_answer, "layer", layer, layer_words, RECORD_NULLABLE), \
	    STR(gate_answer, "policy", policy),                          \
	    STR(gate_answer, "reason", reason)
#define ANSWER_TAIL                                                          \
	STR(gate_answer, "run_id", run_id),                                  \
	    ENUM(gate_answer, "scope", scope, scope_words, RECORD_NULLABLE), \
	    STR(gate_answer, "step_id", step_id)

static const struct record_field answer_fields[] = {
    ANSWER_HEAD,
    ENUM(gate_answer, "decision", decision, decision_words, RECORD_REQUIRED),
    STR(gate_answer, "decision_id", decision_id),
    OBJ(gate_answer, "event", event, gate_event_ref_type),
    ANSWER_MIDDLE,
    FIELD(gate_answer, "replayed", RECORD_BOOL, replayed, RECORD_REQUIRED),
    FIELD(gate_answer, "retry_after_ms", RECORD_INT, retry_after_ms,
	RECORD_NULLABLE),
    STR(gate_answer, "rule", rule),
    ANSWER_TAIL,
    TIME(gate_answer, "valid_until", valid_until_us),
};
const struct record_type gate_answer_type =
    TYPE("decision", gate_answer, answer_fields);

static const struct record_field explain_fields[] = {
    ANSWER_HEAD,
    ANSWER_MIDDLE,
    FIELD(gate_answer, "retry_after_ms", RECORD_INT, retry_after_ms,
	RECORD_NULLABLE),
    STR(gate_answer, "rule", rule),
    FIELD(gate_answer, "rules", RECORD_JSON, rules, RECORD_NULLABLE),
    ANSWER_TAIL,
    ENUM(gate_answer, "would", decision, decision_words, RECORD_REQUIRED),
};
const struct record_type gate_explain_type =
    TYPE("explanation", gate_answer, explain_fields);

static const struct record_field rule_fields[] = {
    {.name = "escalate_to",
	.kind = RECORD_STRS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct approval_rule_view, escalate_to),
	.count_offset = offsetof(struct approval_rule_view, escalate_count)},
    FIELD(approval_rule_view, "escalated", RECORD_BOOL, escalated,
	RECORD_REQUIRED),
    TIME(approval_rule_view, "escalates_at", escalates_at_us),
    INT(approval_rule_view, "granted", granted),
    {.name = "groups",
	.kind = RECORD_STRS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct approval_rule_view, groups),
	.count_offset = offsetof(struct approval_rule_view, group_count)},
    INT(approval_rule_view, "needed", needed),
    STR(approval_rule_view, "reason", reason),
    ENUM(approval_rule_view, "risk", risk, risk_words, RECORD_REQUIRED),
    STR(approval_rule_view, "rule", rule),
};
static const struct record_type rule_type =
    TYPE("rule", approval_rule_view, rule_fields);

static const struct record_field vote_fields[] = {
    TIME(approval_vote, "at", at_us),
    FIELD(approval_vote, "grant", RECORD_BOOL, grant, RECORD_REQUIRED),
    STR(approval_vote, "identity", identity),
    STR(approval_vote, "person", person),
};
static const struct record_type vote_type =
    TYPE("vote", approval_vote, vote_fields);

static const struct record_field bounds_fields[] = {
    INT(gate_bounds, "max_ttl_ms", max_ttl_ms),
    INT(gate_bounds, "max_uses", max_uses),
    {.name = "pins",
	.kind = RECORD_STRS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct gate_bounds, pins),
	.count_offset = offsetof(struct gate_bounds, pin_count)},
};
static const struct record_type bounds_type =
    TYPE("bounds", gate_bounds, bounds_fields);

static const struct record_field bound_fields[] = {
    {.name = "at_most",
	.kind = RECORD_MAP,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct gate_bound, of.at_most),
	.count_offset = offsetof(struct gate_bound, of.at_most_count)},
    INT(gate_bound, "used", used),
    INT(gate_bound, "uses", of.uses),
};
static const struct record_type bound_type =
    TYPE("bound", gate_bound, bound_fields);

static const struct record_field approval_fields[] = {
    STR(gate_approval, "action", view.action),
    STR(gate_approval, "action_key", view.action_key),
    OBJ(gate_approval, "actor", actor, actor_type),
    STR(gate_approval, "agent_id", view.agent_id),
    STR(gate_approval, "alike", alike),
    STR(gate_approval, "approval_id", approval_id),
    TIME(gate_approval, "asked_at", view.asked_at_us),
    OBJ(gate_approval, "bound", bound, bound_type),
    OBJ(gate_approval, "bounded", bounded, bounds_type),
    STR(gate_approval, "caller", view.caller),
    TIME(gate_approval, "expires_at", view.expires_at_us),
    TIME(gate_approval, "grant_until", view.grant_until_us),
    INT(gate_approval, "granted", view.granted),
    INT(gate_approval, "needed", view.needed),
    FIELD(gate_approval, "redacted", RECORD_JSON, redacted, RECORD_NULLABLE),
    TIME(gate_approval, "resolved_at", view.resolved_at_us),
    STR(gate_approval, "resolved_by", view.resolved_by),
    ENUM(gate_approval, "risk", view.risk, risk_words, RECORD_REQUIRED),
    LIST(gate_approval, "rules", view.rules, view.rule_count, rule_type),
    STR(gate_approval, "run_id", view.run_id),
    INT(gate_approval, "seq", view.seq),
    FIELD(gate_approval, "shown", RECORD_JSON, shown, RECORD_NULLABLE),
    ENUM(gate_approval, "status", view.status, approval_status_words,
	RECORD_NULLABLE),
    STR(gate_approval, "step_id", view.step_id),
    STR(gate_approval, "tenant_id", view.tenant_id),
    LIST(gate_approval, "votes", view.votes, view.vote_count, vote_type),
};
const struct record_type gate_approval_type =
    TYPE("approval", gate_approval, approval_fields);

/* ---- copies ---- */

static enum gk_rc
dup(struct gk_arena *arena, const char *text, const char **ret,
    struct gk_err *err)
{
	*ret = text == NULL ? NULL : gk_arena_strdup(arena, text);
	return text != NULL && *ret == NULL ? GK_FAIL(err, GK_E_NOMEM, "answer")
					    : GK_OK;
}

enum gk_rc
gate__event_ref(uint64_t seq, const struct digest *leaf, struct gk_arena *arena,
    struct gate_event_ref **ret, struct gk_err *err)
{
	struct gate_event_ref *ref = gk_arena_alloc(arena, sizeof(*ref));
	char *hex = gk_arena_alloc(arena, DIGEST_HEX);

	if (ref == NULL || hex == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "answer");
	}
	ref->seq = (int64_t)seq;
	if (leaf != NULL) {
		(void)digest_hex(leaf->bytes, sizeof(leaf->bytes), hex);
		ref->leaf_hash = hex;
	}
	*ret = ref;
	return GK_OK;
}

enum gk_rc
gate__answer(const struct event *event, const struct digest *leaf,
    struct gk_arena *arena, struct gate_answer *ret, struct gk_err *err)
{
	memset(ret, 0, sizeof(*ret));
	ret->decision = event->decision;
	ret->layer = event->layer;
	ret->scope = event->scope;
	ret->valid_until_us = event->valid_until_us;
	GK_TRY(dup(arena, event->action_key, &ret->action_key, err));
	GK_TRY(dup(arena, event->decision_id, &ret->decision_id, err));
	GK_TRY(dup(arena, event->policy, &ret->policy, err));
	GK_TRY(dup(arena, event->reason, &ret->reason, err));
	GK_TRY(dup(arena, event->rule, &ret->rule, err));
	GK_TRY(dup(arena, event->run_id, &ret->run_id, err));
	GK_TRY(dup(arena, event->step_id, &ret->step_id, err));
	return gate__event_ref(event->seq, leaf, arena, &ret->event, err);
}

enum gk_rc
gate__approval_ref(const struct approval_view *view, struct gk_arena *arena,
    struct gate_approval_ref **ret, struct gk_err *err)
{
	struct gate_approval_ref *ref = gk_arena_alloc(arena, sizeof(*ref));

	if (ref == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "answer");
	}
	ref->status = view->status;
	ref->needed = view->needed;
	ref->granted = view->granted;
	ref->expires_us = view->status == APPROVAL_GRANTED
			      ? view->grant_until_us
			      : view->expires_at_us;
	*ret = ref;
	return dup(arena, view->approval_id, &ref->approval_id, err);
}

static enum gk_rc
copy_list(struct gk_arena *arena, const char *const *from, size_t count,
    const char ***ret, struct gk_err *err)
{
	*ret = gk_arena_calloc(arena, count, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < count; i++) {
		GK_TRY(dup(arena, from[i], &(*ret)[i], err));
	}
	return GK_OK;
}

static enum gk_rc
copy_rules(
    struct approval_view *view, struct gk_arena *arena, struct gk_err *err)
{
	struct approval_rule_view *rules =
	    gk_arena_calloc(arena, view->rule_count, sizeof(*rules));

	if (rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < view->rule_count; i++) {
		const struct approval_rule_view *from = &view->rules[i];

		rules[i] = *from;
		GK_TRY(dup(arena, from->rule, &rules[i].rule, err));
		GK_TRY(dup(arena, from->reason, &rules[i].reason, err));
		GK_TRY(copy_list(arena, from->groups, from->group_count,
		    &rules[i].groups, err));
		GK_TRY(copy_list(arena, from->escalate_to, from->escalate_count,
		    &rules[i].escalate_to, err));
	}
	view->rules = rules;
	return GK_OK;
}

static enum gk_rc
copy_votes(
    struct approval_view *view, struct gk_arena *arena, struct gk_err *err)
{
	struct approval_vote *votes =
	    gk_arena_calloc(arena, view->vote_count, sizeof(*votes));

	if (votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < view->vote_count; i++) {
		votes[i] = view->votes[i];
		GK_TRY(dup(arena, votes[i].person, &votes[i].person, err));
		GK_TRY(dup(arena, votes[i].identity, &votes[i].identity, err));
	}
	view->votes = votes;
	return GK_OK;
}

static enum gk_rc
copy_bound(
    struct approval_view *view, struct gk_arena *arena, struct gk_err *err)
{
	struct grant_bound *bound = &view->bound;
	const struct record_pair *most = bound->at_most;
	const char **pins =
	    gk_arena_calloc(arena, view->pin_count, sizeof(*pins));

	bound->at_most = gk_arena_calloc(
	    arena, bound->at_most_count, sizeof(*bound->at_most));
	if (pins == NULL || bound->at_most == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	for (size_t i = 0; i < view->pin_count; i++) {
		GK_TRY(dup(arena, view->pins[i], &pins[i], err));
	}
	for (size_t i = 0; i < bound->at_most_count; i++) {
		GK_TRY(dup(arena, most[i].name, &bound->at_most[i].name, err));
		GK_TRY(
		    dup(arena, most[i].value, &bound->at_most[i].value, err));
	}
	view->pins = pins;
	return GK_OK;
}

enum gk_rc
gate__view_copy(const struct approval_view *view, struct gk_arena *arena,
    struct approval_view **ret, struct gk_err *err)
{
	struct approval_view *copy = gk_arena_alloc(arena, sizeof(*copy));
	const char **texts[] = {&copy->run_id, &copy->step_id, &copy->tenant_id,
	    &copy->agent_id, &copy->caller, &copy->action, &copy->action_key,
	    &copy->actor_type, &copy->actor_id, &copy->resolved_by};

	if (copy == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approval");
	}
	*copy = *view;
	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		GK_TRY(dup(arena, *texts[i], texts[i], err));
	}
	GK_TRY(copy_rules(copy, arena, err));
	GK_TRY(copy_votes(copy, arena, err));
	GK_TRY(copy_bound(copy, arena, err));
	*ret = copy;
	return GK_OK;
}

void
gate__approval_show(const struct approval_view *view, struct actor *actor,
    struct gate_approval *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->view = *view;
	ret->approval_id = view->approval_id;
	ret->alike = view->alike;
	if (view->max_uses > 0) {
		ret->bounds_room = (struct gate_bounds){view->max_ttl_ms,
		    view->max_uses, view->pins, view->pin_count};
		ret->bounded = &ret->bounds_room;
	}
	if (view->bound.uses > 0) {
		ret->bound_room = (struct gate_bound){view->bound, view->used};
		ret->bound = &ret->bound_room;
	}
	if (view->actor_id != NULL) {
		*actor = (struct actor){
		    .type = view->actor_type, .id = view->actor_id};
		ret->actor = actor;
	}
}

/* ---- replies ---- */

enum gate_go
gate__reply(struct gate_call *call, enum gate_outcome outcome,
    const struct record_type *type, const void *src)
{
	struct gk_err err = {.rc = GK_OK};

	gk_buf_clear(&call->reply);
	if (record_encode(type, src, &call->reply, &err) != GK_OK) {
		gk_buf_clear(&call->reply);
		return gate__failed(call, &err);
	}
	call->outcome = outcome;
	call->work->ended = true;
	return GO_DONE;
}

enum gk_rc
gate__print_list(struct gk_buf *buf, const char *name,
    const struct record_type *type, const void *items, size_t count,
    struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "{\"%s\":[", name));
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			GK_TRY(gk_buf_putc(buf, ',', err));
		}
		GK_TRY(record_encode(
		    type, (const char *)items + i * type->size, buf, err));
	}
	return gk_buf_puts(buf, "]}", err);
}
