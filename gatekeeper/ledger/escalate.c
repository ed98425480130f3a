/* Escalation: when nobody has answered for a while, a second list of groups is asked too. */
#include <stdio.h>
#include <string.h>

#include "ledger/ledger_internal.h"

static bool
is_escalated(const struct approval *approval, size_t i)
{
	return i < 64 && (approval->escalated >> i & 1) != 0;
}

static bool
groups_meet(
    const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	for (size_t i = 0; i < a_count; i++) {
		for (size_t k = 0; k < b_count; k++) {
			if (strcmp(a[i], b[k]) == 0) {
				return true;
			}
		}
	}
	return false;
}

bool
escalate_asks(const struct approval *approval, size_t i,
    const char *const *groups, size_t count)
{
	const struct approval_rule *rule = &approval->rules[i];

	return groups_meet(groups, count, rule->groups, rule->group_count) ||
	       (is_escalated(approval, i) &&
		   groups_meet(
		       groups, count, rule->escalate_to, rule->escalate_count));
}

int64_t
escalate_rule_us(const struct approval *approval, size_t i)
{
	const struct approval_rule *rule = &approval->rules[i];

	return i >= 64 || rule->escalate_ms == 0 || is_escalated(approval, i)
		   ? 0
		   : approval->asked_at_us + rule->escalate_ms * 1000;
}

/* The rule that escalates next; rule_count: none before it expires. */
static size_t
next_rule(const struct approval *approval)
{
	int64_t first = approval->expires_at_us;
	size_t found = approval->rule_count;

	for (size_t i = 0; i < approval->rule_count; i++) {
		int64_t when = escalate_rule_us(approval, i);

		if (when != 0 && when < first) {
			first = when;
			found = i;
		}
	}
	return found;
}

int64_t
escalate_when_us(const struct approval *approval)
{
	size_t i = next_rule(approval);

	return i == approval->rule_count ? INT64_MAX
					 : escalate_rule_us(approval, i);
}

enum gk_rc
escalate_draft_due(const struct ledger *ledger, const struct approval *approval,
    const struct settle_at *at, struct gk_arena *arena, struct event *ret,
    struct gk_err *err)
{
	size_t i = next_rule(approval);
	const struct approval_rule *rule = &approval->rules[i];
	char suffix[32];

	if (approval->status != APPROVAL_PENDING || i == approval->rule_count ||
	    at->now_us >= approval->expires_at_us) {
		return approval_draft(ledger, approval, at, CHANGE_EXPIRED,
		    "expired", arena, ret, err);
	}
	(void)snprintf(suffix, sizeof(suffix), "escalated/%zu", i + 1);
	GK_TRY(approval_draft(
	    ledger, approval, at, CHANGE_ESCALATED, suffix, arena, ret, err));
	ret->rule = rule->rule;
	ret->reason = rule->reason;
	ret->group_count = rule->escalate_count;
	return ledger__dup_list(
	    arena, rule->escalate_to, rule->escalate_count, &ret->groups, err);
}

enum gk_rc
escalate_apply(
    struct approval *approval, const struct event *event, struct gk_err *err)
{
	for (size_t i = 0; i < approval->rule_count && i < 64; i++) {
		if (ledger__same(approval->rules[i].rule, event->rule) &&
		    escalate_rule_us(approval, i) != 0) {
			approval->escalated |= UINT64_C(1) << i;
			return GK_OK;
		}
	}
	return LEDGER_CORRUPT(
	    err, event, "the escalation of a rule that doesn't escalate");
}
