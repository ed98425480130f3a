/* Approvals as people see them. */
#include <string.h>

#include "codec/digest.h"
#include "ledger/ledger_internal.h"

enum { ALIKE_RULES_MAX = 64 };

/* Those of the rule, and, once it has escalated, the others. */
static enum gk_rc
view_groups(const struct approval *approval, size_t i, struct gk_arena *arena,
    struct approval_rule_view *to, struct gk_err *err)
{
	const struct approval_rule *rule = &approval->rules[i];

	to->escalate_to = rule->escalate_to;
	to->escalate_count = rule->escalate_count;
	to->escalates_at_us = approval->status == APPROVAL_PENDING
				  ? escalate_rule_us(approval, i)
				  : 0;
	to->escalated = i < 64 && (approval->escalated >> i & 1) != 0;
	to->groups = rule->groups;
	to->group_count = rule->group_count;
	if (!to->escalated) {
		return GK_OK;
	}
	to->groups = gk_arena_calloc(arena,
	    rule->group_count + rule->escalate_count, sizeof(*to->groups));
	if (to->groups == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	for (size_t k = 0; k < rule->group_count + rule->escalate_count; k++) {
		to->groups[k] = k < rule->group_count
				    ? rule->groups[k]
				    : rule->escalate_to[k - rule->group_count];
	}
	to->group_count = rule->group_count + rule->escalate_count;
	return GK_OK;
}

/* What says nothing of itself is neither the one nor the other. */
static enum risk
rule_risk(const struct approval_rule *rule)
{
	return rule->risk == RISK_NONE ? RISK_MEDIUM : (enum risk)rule->risk;
}

static enum risk
approval_risk(const struct approval *approval)
{
	enum risk most = RISK_NONE;

	for (size_t i = 0; i < approval->rule_count; i++) {
		enum risk risk = rule_risk(&approval->rules[i]);

		most = risk > most ? risk : most;
	}
	return most;
}

static enum gk_rc
view_rules(const struct approval *approval, struct gk_arena *arena,
    struct approval_view *view, struct gk_err *err)
{
	view->rules =
	    gk_arena_calloc(arena, approval->rule_count, sizeof(*view->rules));
	if (view->rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	view->rule_count = approval->rule_count;
	for (size_t i = 0; i < approval->rule_count; i++) {
		const struct approval_rule *rule = &approval->rules[i];
		struct approval_rule_view *to = &view->rules[i];

		to->rule = rule->rule;
		to->reason = rule->reason;
		GK_TRY(view_groups(approval, i, arena, to, err));
		to->needed = rule->needed;
		to->risk = (int)rule_risk(rule);
		to->granted = approval_rule_granted(approval, i);
		view->needed += to->needed;
		view->granted +=
		    to->granted < to->needed ? to->granted : to->needed;
	}
	return GK_OK;
}

static struct digest_part
text_part(const char *text)
{
	return (struct digest_part){
	    text == NULL ? "" : text, text == NULL ? 1 : strlen(text) + 1};
}

/* What people need decide only once: the same action for the same actor by the same rules, whatever run and step. */
static void
view_alike(const struct approval *approval, char ret[APPROVAL_ALIKE_BYTES])
{
	struct digest_part parts[5 + 2 * ALIKE_RULES_MAX];
	struct digest hash;
	size_t n = 0;

	parts[n++] = text_part(approval->run->tenant);
	parts[n++] = text_part(approval->run->agent);
	parts[n++] = text_part(approval->actor_type);
	parts[n++] = text_part(approval->actor_id);
	parts[n++] = text_part(approval->action_key);
	for (size_t i = 0; i < approval->rule_count && i < ALIKE_RULES_MAX;
	     i++) {
		parts[n++] = text_part(approval->rules[i].rule);
		parts[n++] = text_part(approval->rules[i].digest);
	}
	digest_sha256(parts, n, &hash);
	memcpy(ret, "alk_", 4);
	(void)digest_b64url(hash.bytes, 16, ret + 4);
}

static enum gk_rc
view_pins(const struct approval *approval, struct gk_arena *arena,
    struct approval_view *view, struct gk_err *err)
{
	const struct approval_bounds *bounds = &approval->bounds;

	view->max_uses = bounds->max_uses;
	view->max_ttl_ms = bounds->max_ttl_ms;
	view->pins =
	    gk_arena_calloc(arena, bounds->pin_count, sizeof(*view->pins));
	if (view->pins == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	view->pin_count = bounds->pin_count;
	for (size_t i = 0; i < bounds->pin_count; i++) {
		view->pins[i] = bounds->pins[i].name;
	}
	return GK_OK;
}

static enum gk_rc
view_fill(const struct ledger *ledger, const struct approval *approval,
    struct gk_arena *arena, struct approval_view *view, struct gk_err *err)
{
	memset(view, 0, sizeof(*view));
	id_print(
	    &ledger->id_key, ID_APPROVAL, approval->seq, view->approval_id);
	view_alike(approval, view->alike);
	view->seq = approval->seq;
	view->status = approval->status;
	view->risk = (int)approval_risk(approval);
	view->run_id = approval->run->run_id;
	view->tenant_id = approval->run->tenant;
	view->agent_id = approval->run->agent;
	view->step_id = approval->step_id;
	view->caller = approval->caller;
	view->action = approval->action;
	view->action_key = approval->action_key;
	view->actor_type = approval->actor_type;
	view->actor_id = approval->actor_id;
	view->asked_at_us = approval->asked_at_us;
	view->expires_at_us = approval->expires_at_us;
	view->grant_until_us = approval->grant_until_us;
	view->resolved_at_us = approval->resolved_at_us;
	view->resolved_by = approval->resolved_by;
	view->bound = approval->bound;
	view->used = approval->used;
	GK_TRY(view_pins(approval, arena, view, err));
	view->votes =
	    gk_arena_calloc(arena, approval->vote_count, sizeof(*view->votes));
	if (view->votes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	view->vote_count = approval->vote_count;
	for (size_t i = 0; i < approval->vote_count; i++) {
		const struct vote *vote = &approval->votes[i];

		view->votes[i] = (struct approval_vote){
		    vote->person, vote->identity, vote->grant, vote->at_us};
	}
	return view_rules(approval, arena, view, err);
}

enum gk_rc
approval_view_new(const struct ledger *ledger, const struct approval *approval,
    struct gk_arena *arena, struct approval_view **ret, struct gk_err *err)
{
	*ret = gk_arena_alloc(arena, sizeof(**ret));
	if (*ret == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "view");
	}
	return view_fill(ledger, approval, arena, *ret, err);
}

bool
ledger_approval(const struct ledger *ledger, uint64_t seq,
    struct gk_arena *arena, struct approval_view *ret)
{
	const struct approval *approval = approval_find(ledger, seq);

	return approval != NULL &&
	       view_fill(ledger, approval, arena, ret, NULL) == GK_OK;
}

/* Does a stand before b? */
static bool
is_before(const struct approval *a, const struct approval *b, bool by_risk)
{
	enum risk risk_a = by_risk ? approval_risk(a) : RISK_NONE;
	enum risk risk_b = by_risk ? approval_risk(b) : RISK_NONE;

	return risk_a != risk_b ? risk_a > risk_b : a->seq < b->seq;
}

static void
sort(const struct approval **list, size_t count, bool by_risk)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2) {
		for (size_t i = gap; i < count; i++) {
			const struct approval *item = list[i];
			size_t k = i;

			for (; k >= gap &&
			       is_before(item, list[k - gap], by_risk);
			     k -= gap) {
				list[k] = list[k - gap];
			}
			list[k] = item;
		}
	}
}

/* Does it stand behind the last one of the page before? */
static bool
is_after(const struct approval *approval, const struct approval_filter *filter)
{
	enum risk risk;

	if (!filter->by_risk || filter->after_seq == 0) {
		return approval->seq > filter->after_seq;
	}
	risk = approval_risk(approval);
	return risk != filter->after_risk ? risk < filter->after_risk
					  : approval->seq > filter->after_seq;
}

static bool
is_listed(const struct approval *approval, const struct approval_filter *filter)
{
	return !approval->run->cold && is_after(approval, filter) &&
	       (filter->status == APPROVAL_NONE ||
		   approval->status == (int)filter->status);
}

size_t
ledger_approvals(const struct ledger *ledger,
    const struct approval_filter *filter, struct gk_arena *arena,
    struct approval_view *ret, size_t max, bool *ret_more)
{
	const struct approval **list =
	    gk_arena_calloc(arena, ledger->approvals.count, sizeof(*list));
	const struct approval *approval;
	struct approval_view view;
	size_t at = 0, n = 0, given = 0;

	*ret_more = false;
	if (list == NULL) {
		return 0;
	}
	while ((approval = gk_map_next(&ledger->approvals, &at)) != NULL) {
		if (is_listed(approval, filter)) {
			list[n++] = approval;
		}
	}
	sort(list, n, filter->by_risk);
	for (size_t i = 0; i < n; i++) {
		if (view_fill(ledger, list[i], arena, &view, NULL) != GK_OK) {
			*ret_more = true; /* memory ran out: the next page */
			return given;
		}
		if (filter->wants != NULL &&
		    !filter->wants(filter->ctx, &view)) {
			continue;
		}
		if (given == max) {
			*ret_more = true;
			return given;
		}
		ret[given++] = view;
	}
	return given;
}
