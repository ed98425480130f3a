/* What the judge looked at: every rule, whether it matches, and the parts of its condition with their values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/schema.h"

enum {
	PARTS_MAX = 64,   /* of one condition */
	VALUE_MAX = 160,  /* bytes of a value that are shown */
	VALUE_ROOM = 224, /* the longest text of a fault fits too */
	NAMES_MAX = 4096, /* that a misspelt action is compared with */
};

struct part {
	uint32_t begin, end;
	char value[VALUE_ROOM];
};

/* The parts of one condition, each once: in a loop, as it was last. */
struct parts {
	struct part items[PARTS_MAX];
	size_t count;
};

static const char *
why_not(const struct rule *rule, const struct policy_input *input)
{
	struct rule bare = *rule;

	if (!rule_names_action(rule, input->request->action)) {
		return "another action";
	}
	bare.roles.count = 0;
	if (!rule_applies(&bare, input)) {
		return "the file applies to other tenants or agents";
	}
	return rule_applies(rule, input) ? NULL : "none of its roles";
}

static void
print_value(const struct cel_value *value, char ret_text[VALUE_ROOM])
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(VALUE_ROOM - 1);
	const char *from = "…";

	if (value->kind == CEL_ERROR) {
		from =
		    value->as.fault == NULL ? "fails" : value->as.fault->text;
	} else if (cel_print(value, VALUE_MAX, &text, NULL) == GK_OK) {
		from = gk_buf_text(&text);
	}
	(void)snprintf(ret_text, VALUE_ROOM, "%s", from);
}

static void
seen(void *ctx, uint32_t begin, uint32_t end, const struct cel_value *value)
{
	struct parts *parts = ctx;
	size_t i = 0;

	while (i < parts->count &&
	       (parts->items[i].begin != begin || parts->items[i].end != end)) {
		i++;
	}
	if (i == PARTS_MAX) {
		return;
	}
	parts->count += i == parts->count;
	parts->items[i].begin = begin;
	parts->items[i].end = end;
	print_value(value, parts->items[i].value);
}

static enum gk_rc
explain_parts(const struct parts *parts, const char *text, struct gk_buf *json,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf piece = GK_BUF_INIT(CEL_TEXT_MAX);

	for (size_t i = 0; i < parts->count; i++) {
		const struct part *part = &parts->items[i];
		size_t n = part->end - part->begin;

		gk_buf_clear(&piece);
		GK_TRY(gk_buf_add(&piece, text + part->begin, n, err));
		GK_TRY(gk_buf_printf(json, err, "%s{\"column\":%u,\"text\":",
		    i == 0 ? "" : ",", part->begin + 1));
		GK_TRY(canon_string(gk_buf_text(&piece), json, err));
		GK_TRY(gk_buf_puts(json, ",\"value\":", err));
		GK_TRY(canon_string(part->value, json, err));
		GK_TRY(gk_buf_putc(json, '}', err));
	}
	return GK_OK;
}

/* ,"when":{…}; *ret_matches: whether the rule applies. */
static enum gk_rc
explain_when(const struct rule *rule, struct condition_input *vars,
    struct gk_buf *json, bool *ret_matches, struct gk_err *err)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(sizeof(struct parts) + 64);
	struct parts *parts = gk_arena_alloc(&arena, sizeof(*parts));
	const struct cel_trace trace = {seen, parts};
	const char *text = cel_program_text(rule->when, NULL);
	const struct cel_fault *fault = NULL;
	enum condition_answer answer;

	if (parts == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "explain");
	}
	answer = condition_ask(rule->when, rule->where, vars, &trace, &fault);
	*ret_matches =
	    answer == CONDITION_TRUE ||
	    (answer == CONDITION_FAILS && rule->section != SECTION_ALLOW);
	GK_TRY(gk_buf_puts(json, ",\"when\":{\"parts\":[", err));
	GK_TRY(explain_parts(parts, text, json, err));
	GK_TRY(gk_buf_puts(json, "],\"text\":", err));
	GK_TRY(canon_string(text, json, err));
	GK_TRY(gk_buf_puts(json, ",\"value\":", err));
	GK_TRY(canon_string(answer == CONDITION_TRUE    ? "true"
			    : answer == CONDITION_FALSE ? "false"
			    : fault == NULL             ? "fails"
							: fault->text,
	    json, err));
	return gk_buf_putc(json, '}', err);
}

static enum gk_rc
explain_rule(const struct rule *rule, struct condition_input *vars, bool first,
    struct gk_buf *json, struct gk_err *err)
{
	const char *why = why_not(rule, vars->input);
	bool matches = why == NULL;

	/* ids, reasons and section words need no escapes */
	GK_TRY(gk_buf_puts(json, first ? "{\"file\":" : ",{\"file\":", err));
	GK_TRY(canon_string(rule->where->file, json, err));
	GK_TRY(gk_buf_printf(
	    json, err, ",\"id\":\"%s\",\"line\":%u", rule->id, rule->at.line));
	if (matches && rule->when != NULL) {
		GK_TRY(explain_when(rule, vars, json, &matches, err));
		why = matches ? NULL : "its condition";
	}
	return gk_buf_printf(json, err,
	    ",\"matches\":%s,\"reason\":\"%s\",\"section\":\"%"
	    "s\",\"shadow\":%s%s%s%s}",
	    matches ? "true" : "false", rule->reason,
	    section_words[rule->section], rule->shadow ? "true" : "false",
	    why == NULL ? "" : ",\"why\":\"", why == NULL ? "" : why,
	    why == NULL ? "" : "\"");
}

static enum gk_rc
explain_args(const struct schema *schema, const struct policy_input *input,
    struct gk_buf *json, struct gk_err *err)
{
	struct gk_err why = {0};

	if (schema == NULL) {
		return GK_OK;
	}
	GK_TRY(gk_buf_puts(json, ",\"args\":", err));
	if (schema_fits(schema, input->request->args, &why)) {
		return gk_buf_puts(json, "\"fit\"", err);
	}
	gk_err_context(&why, "%s", why.where[0] == '\0' ? "args" : why.where);
	return canon_string(why.text, json, err);
}

/* Does a rule mean the action?  One that is about all of them, only if it opens something. */
static bool
means_action(const struct rule *rule, const char *action)
{
	for (size_t i = 0; i < rule->actions.count; i++) {
		const char *glob = rule->actions.items[i];

		if (name_glob(glob, action) &&
		    (strcmp(glob, "*") != 0 ||
			rule->section == SECTION_ALLOW)) {
			return true;
		}
	}
	return false;
}

/* The actions that rules name in full, and those that have schemas; their count. */
static size_t
collect_names(const struct policy *policy, const char *names[NAMES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < policy->schema_count && count < NAMES_MAX; i++) {
		names[count++] = policy->schemas[i].action;
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		for (size_t k = 0; k < rule->actions.count && count < NAMES_MAX;
		     k++) {
			const char *glob = rule->actions.items[k];

			if (strchr(glob, '*') == NULL) {
				names[count++] = glob;
			}
		}
	}
	return count;
}

/* ,"hint":"did you mean …?" where no rule means the action, but one nearly so called. */
static enum gk_rc
explain_slip(const struct policy *policy, const char *action,
    struct gk_buf *json, struct gk_err *err)
{
	struct policy_report near = {0};
	const char **names, *hint;
	enum gk_rc rc = GK_OK;

	for (size_t i = 0; i < policy->rule_count; i++) {
		if (means_action(&policy->rules[i], action)) {
			return GK_OK;
		}
	}
	names = calloc(NAMES_MAX, sizeof(*names));
	if (names == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "explain");
	}
	hint =
	    report_nearest(&near, action, names, collect_names(policy, names));
	if (hint != NULL) {
		rc = gk_buf_puts(json, ",\"hint\":", err);
		rc = rc == GK_OK ? canon_string(hint, json, err) : rc;
	}
	policy_report_done(&near);
	free(names);
	return rc;
}

enum gk_rc
policy_explain(const struct policy *policy, const struct policy_input *input,
    struct gk_buf *ret_json, struct gk_err *err)
{
	const struct action_schema *action =
	    actions_find(policy, input->request->action);
	const struct schema *schema = action == NULL ? NULL : action->schema;
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4u << 20);
	GK_AUTO(condition_input_done) struct condition_input vars;
	bool first = true;

	condition_input_init(&vars, input, schema, &arena);
	GK_TRY(gk_buf_printf(ret_json, err, "{\"actor_permitted\":%s",
	    actor_is_permitted(input) ? "true" : "false"));
	GK_TRY(explain_args(schema, input, ret_json, err));
	GK_TRY(explain_slip(policy, input->request->action, ret_json, err));
	GK_TRY(gk_buf_printf(
	    ret_json, err, ",\"policy\":\"%s\",\"rules\":[", policy->digest));
	for (size_t i = 0; i < policy->rule_count; i++) {
		GK_TRY(explain_rule(
		    &policy->rules[i], &vars, first, ret_json, err));
		first = false;
	}
	return gk_buf_puts(ret_json, "]}", err);
}
