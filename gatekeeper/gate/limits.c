/*
 * GET /v1/limits: the limits and budgets of the policy in force, and how full they are.
 *
 * What is charged is the ledger's, so the commit thread looks: at a bounded number of
 * counters, the youngest, and it keeps the fullest, as many as are asked for.  A rule that nothing was charged
 * against is there too.
 */
#include <stddef.h>
#include <string.h>

#include "gate/overview.h"
#include "model/decimal.h"

enum {
	ROWS_MAX = 200,
	COUNTERS_MAX = 10000, /* about a millisecond */
};

static const char *const limit_words[] = {
    [LIMIT_RATE] = "rate",
    [LIMIT_MAX] = "max",
    [LIMIT_SAME_ACTION] = "same_action",
};

/* A rule of the policy, as the map has it. */
struct limit_rule {
	struct policy_rule rule;
	bool charged;
};

struct limit_row {
	const char *kind, *rule, *reason, *subject, *tenant, *run_id, *unit;
	int per; /* enum scope */
	bool shadow;
	int64_t percent; /* of what is allowed, rounded down */
	const char *used, *allowed;
	int64_t ends_us; /* 0: with the run, or never */
};

struct limits {
	struct policy *policy; /* pinned */
	struct limit_rule *rules;
	size_t rule_count;
	struct gk_map map; /* id → struct limit_rule */
	struct gate_call *call;
	int64_t now_us;
	struct limit_row rows[ROWS_MAX];
	size_t count, wanted;
	bool more, no_memory;
};

void
limits_release(struct gate_work *work)
{
	struct limits *limits = work->data;

	gk_map_done(&limits->map);
	if (limits->policy != NULL) {
		policy_unpin(limits->policy);
		limits->policy = NULL;
	}
}

/* The limits and budgets, by id. */
static enum gk_rc
find_rules(struct limits *limits, struct gk_arena *arena, struct gk_err *err)
{
	size_t count = policy_rule_count(limits->policy);

	limits->rules =
	    gk_arena_calloc(arena, count + 1, sizeof(*limits->rules));
	if (limits->rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "rules");
	}
	for (size_t i = 0; i < count; i++) {
		struct limit_rule *at = &limits->rules[limits->rule_count];

		policy_rule_at(limits->policy, i, &at->rule);
		if (at->rule.limit == NULL && at->rule.budget == NULL) {
			continue;
		}
		limits->rule_count++;
		GK_TRY(gk_map_set(
		    &limits->map, at->rule.id, strlen(at->rule.id), at, err));
	}
	return GK_OK;
}

enum gate_go
limits_begin(struct gate *gate, struct gate_call *call)
{
	struct limits *limits = gate__data(call, sizeof(*limits));
	struct gk_err err = {.rc = GK_OK};
	uint64_t generation;

	if (limits == NULL) {
		return GO_DONE;
	}
	if (!gate__limit_param(call, ROWS_MAX, ROWS_MAX, &limits->wanted)) {
		return GO_DONE;
	}
	limits->call = call;
	limits->policy = gate__policy_pin(gate, &generation);
	return find_rules(limits, &call->arena, &err) == GK_OK
		   ? GO_COMMIT
		   : gate__failed(call, &err);
}

/* ---- how full ---- */

static int64_t
percent_of(int64_t used, int64_t allowed)
{
	if (used <= 0) {
		return 0;
	}
	if (allowed <= 0) {
		return 100;
	}
	return used > INT64_MAX / 100 ? used / (allowed / 100 + 1)
				      : used * 100 / allowed;
}

/* Requests that a rate has yet to forget: what lies between now and the theoretical arrival time. */
static int64_t
rate_used(const struct limit_finding *limit, int64_t tat_ns, int64_t now_us)
{
	int64_t left = tat_ns - now_us * 1000;

	return left <= 0 ? 0
			 : (left + limit->interval_ns - 1) / limit->interval_ns;
}

static const char *
print_int(struct gk_arena *arena, int64_t n)
{
	return gk_arena_printf(arena, "%lld", (long long)n);
}

static const char *
print_decimal(struct gk_arena *arena, int64_t micros)
{
	char text[DECIMAL_TEXT_BYTES];

	decimal_print(micros, text);
	return gk_arena_strdup(arena, text);
}

/* What is used and allowed, in millionths of a budget's unit or in requests. */
static void
measure(const struct limits *limits, const struct policy_rule *rule,
    const struct counter_view *view, int64_t *ret_used, int64_t *ret_allowed)
{
	const struct limit_finding *limit = rule->limit;

	if (rule->budget != NULL) {
		*ret_used = view == NULL ? 0 : view->used_micros;
		*ret_allowed = rule->budget->amount_micros;
	} else if (limit->kind == LIMIT_RATE) {
		*ret_used = view == NULL ? 0
					 : rate_used(limit, view->tat_ns,
					       limits->now_us);
		*ret_allowed = limit->burst;
	} else {
		*ret_used = view == NULL ? 0 : view->count;
		*ret_allowed = limit->max;
	}
}

static const char *
text_or_null(struct gk_arena *arena, const char *text)
{
	return text[0] == '\0' ? NULL : gk_arena_strdup(arena, text);
}

/* Fill a row but for its percent. */
static void
fill(struct limits *limits, const struct policy_rule *rule,
    const struct counter_view *view, struct limit_row *ret)
{
	struct gk_arena *arena = &limits->call->arena;
	int64_t used, allowed;

	measure(limits, rule, view, &used, &allowed);
	*ret = (struct limit_row){
	    .kind = rule->budget != NULL ? "budget"
					 : limit_words[rule->limit->kind],
	    .rule = rule->id,
	    .reason = rule->reason,
	    .per = (int)rule->per,
	    .shadow = rule->shadow,
	    .unit = rule->budget == NULL ? NULL : rule->budget->unit,
	    .percent = percent_of(used, allowed),
	    .used = rule->budget != NULL ? print_decimal(arena, used)
					 : print_int(arena, used),
	    .allowed = rule->budget != NULL ? print_decimal(arena, allowed)
					    : print_int(arena, allowed),
	};
	if (view != NULL) {
		ret->subject = text_or_null(arena, view->subject);
		ret->tenant = text_or_null(arena,
		    view->per == SCOPE_TENANT ? view->subject : view->tenant);
		ret->run_id = text_or_null(arena, view->run_id);
		ret->ends_us = view->window_end_us;
	}
	limits->no_memory |= ret->used == NULL || ret->allowed == NULL;
}

/* Fullest first; what is as full as others stays behind them. */
static void
keep(struct limits *limits, const struct policy_rule *rule,
    const struct counter_view *view)
{
	struct limit_row *rows = limits->rows;
	int64_t used, allowed, percent;
	size_t i;

	measure(limits, rule, view, &used, &allowed);
	percent = percent_of(used, allowed);
	if (limits->count == limits->wanted) {
		limits->more = true;
		if (percent <= rows[limits->wanted - 1].percent) {
			return;
		}
		limits->count--;
	}
	for (i = limits->count++; i > 0 && rows[i - 1].percent < percent; i--) {
		rows[i] = rows[i - 1];
	}
	fill(limits, rule, view, &rows[i]);
}

/* A counter of a tenant, or of a tenant's run, is that tenant's; every other is everybody's. */
static bool
may_see(const struct gate_call *call, const struct counter_view *view)
{
	const char *tenant = view->per == SCOPE_TENANT ? view->subject
			     : view->per == SCOPE_RUN  ? view->tenant
						       : "";

	return gate__sees_tenant(call, tenant[0] == '\0' ? "*" : tenant);
}

static bool
is_of(const struct policy_rule *rule, const struct counter_view *view)
{
	static const int kinds[] = {[LIMIT_RATE] = CHARGE_RATE,
	    [LIMIT_MAX] = CHARGE_COUNT,
	    [LIMIT_SAME_ACTION] = CHARGE_REPEAT};

	if ((int)rule->per != view->per) {
		return false; /* the rule meant something else then */
	}
	return rule->budget != NULL
		   ? view->kind == CHARGE_BUDGET &&
			 strcmp(view->unit, rule->budget->unit) == 0
		   : view->kind == kinds[rule->limit->kind];
}

static void
add_counter(void *ctx, const struct counter_view *view)
{
	struct limits *limits = ctx;
	struct limit_rule *found =
	    gk_map_get(&limits->map, view->rule, strlen(view->rule));

	if (found == NULL || !is_of(&found->rule, view) ||
	    !may_see(limits->call, view)) {
		return;
	}
	found->charged = true;
	keep(limits, &found->rule, view);
}

enum gk_rc
limits_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct limits *limits = work->data;
	bool unseen;

	limits->now_us = gate__at(gate).now_us;
	unseen = ledger_counters(
	    gate->ledger, limits->now_us, COUNTERS_MAX, add_counter, limits);
	limits->more |= unseen;
	if (limits->no_memory) {
		return GK_FAIL(err, GK_E_NOMEM, "limits");
	}
	return gate__note_access(gate, work->call, "limits", false, err);
}

/* ---- the answer ---- */

#define FIELD(key, kind_, member, flags_)                          \
	{                                                          \
		.name = (key), .kind = (kind_), .flags = (flags_), \
		.offset = offsetof(struct limit_row, member)       \
	}

static const struct record_field row_fields[] = {
    FIELD("allowed", RECORD_STR, allowed, RECORD_REQUIRED),
    FIELD("ends_at", RECORD_TIME, ends_us, RECORD_NULLABLE),
    FIELD("kind", RECORD_STR, kind, RECORD_REQUIRED),
    {.name = "per",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct limit_row, per),
	.names = per_words,
	.names_count = SCOPE_COUNT},
    FIELD("percent", RECORD_INT, percent, RECORD_REQUIRED),
    FIELD("reason", RECORD_STR, reason, RECORD_REQUIRED),
    FIELD("rule", RECORD_STR, rule, RECORD_REQUIRED),
    FIELD("run_id", RECORD_STR, run_id, RECORD_NULLABLE),
    FIELD("shadow", RECORD_BOOL, shadow, RECORD_REQUIRED),
    FIELD("subject", RECORD_STR, subject, RECORD_NULLABLE),
    FIELD("tenant_id", RECORD_STR, tenant, RECORD_NULLABLE),
    FIELD("unit", RECORD_STR, unit, RECORD_NULLABLE),
    FIELD("used", RECORD_STR, used, RECORD_REQUIRED),
};
static const struct record_type row_type = {
    "limit", sizeof(struct limit_row), row_fields, GK_COUNT(row_fields)};

enum gate_go
limits_finish(struct gate *gate, struct gate_call *call)
{
	struct limits *limits = call->work->data;
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	for (size_t i = 0; i < limits->rule_count; i++) {
		if (!limits->rules[i].charged) {
			keep(limits, &limits->rules[i].rule, NULL);
		}
	}
	if (limits->no_memory ||
	    gate__print_list(&call->reply, "limits", &row_type, limits->rows,
		limits->count, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	call->reply.len--; /* the list's '}' */
	if (gk_buf_printf(&call->reply, &err, ",\"more\":%s}",
		limits->more ? "true" : "false") != GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}
