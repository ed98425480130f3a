/* One policy file → its rules: sections, common keys, and whom the file applies to. */
#include <string.h>

#include "base/time.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "policy/policy_internal.h"

const char *const section_words[SECTION_COUNT] = {
    [SECTION_STOP] = "stop",
    [SECTION_ALLOW] = "allow",
    [SECTION_LIMITS] = "limits",
    [SECTION_BUDGETS] = "budgets",
    [SECTION_APPROVALS] = "approvals",
};

static const char *const file_keys[] = {"policy", "applies_to", "default",
    "variables", "stop", "allow", "limits", "budgets", "approvals", "results"};
static const char *const applies_keys[] = {"tenants", "agents"};
static const char *const results_keys[] = {"within", "allow_valid"};

const char *const *
parse_keys(const char *part, size_t *ret_count)
{
	if (strcmp(part, "applies_to") == 0) {
		*ret_count = GK_COUNT(applies_keys);
		return applies_keys;
	}
	if (strcmp(part, "results") == 0) {
		*ret_count = GK_COUNT(results_keys);
		return results_keys;
	}
	*ret_count = GK_COUNT(file_keys);
	return file_keys;
}

static const char rule_expected[] = "1-64 characters of A-Z a-z 0-9 _ . -";
static const char code_expected[] = "1-64 characters of a-z 0-9 _ .";
static const char glob_expected[] =
    "1-128 characters of A-Z a-z 0-9 . _ : @ / - and *";
static const char action_expected[] =
    "an action's name: 1-128 characters of A-Z a-z 0-9 . _ : @ - and *";

static bool
is_action_glob(const char *text)
{
	return name_is_glob(text) && strchr(text, '/') == NULL;
}

static struct scope_of_file *
parse_scope(struct reader *reader, const struct json_value *root)
{
	const struct json_value *applies = json_get(root, "applies_to");
	const struct json_value *results = json_get(root, "results");
	struct scope_of_file *scope =
	    gk_arena_alloc(&reader->policy->arena, sizeof(*scope));

	if (scope == NULL) {
		reader->no_memory = true;
		return NULL;
	}
	scope->file =
	    gk_arena_strdup(&reader->policy->arena, reader->text->name);
	reader->no_memory = scope->file == NULL;
	if (applies != NULL && field_known(reader, applies, applies_keys,
				   GK_COUNT(applies_keys))) {
		scope->tenants = field_strs(reader, applies, "tenants",
		    name_is_glob, glob_expected, 1000);
		scope->agents = field_strs(reader, applies, "agents",
		    name_is_glob, glob_expected, 1000);
	}
	if (results != NULL && field_known(reader, results, results_keys,
				   GK_COUNT(results_keys))) {
		scope->result_within_us = field_duration(
		    reader, results, "within", 30 * GK_US_PER_DAY, 0);
		scope->allow_valid_us = field_duration(
		    reader, results, "allow_valid", 30 * GK_US_PER_DAY, 0);
	}
	return scope;
}

static void
check_id(struct reader *reader, const struct json_value *object,
    const struct rule *rule)
{
	const struct json_value *value = json_get(object, "id");
	struct rule *other;

	if (rule->id[0] == '\0') {
		return;
	}
	other = gk_map_get(reader->ids, rule->id, strlen(rule->id));
	if (other != NULL) {
		field_wrong(reader, value, "rule ids are unique in the folder",
		    "rule '%s' stands in %s, line %u, already", rule->id,
		    other->where->file, other->at.line);
	}
}

static void
rule_digest(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(1 << 20);
	struct digest_part part;
	struct digest hash;
	char *digest =
	    gk_arena_alloc(&reader->policy->arena, POLICY_DIGEST_BYTES);

	if (digest == NULL) {
		reader->no_memory = true;
		return;
	}
	if (canon_print(object, &text, NULL) != GK_OK) {
		field_wrong(reader, object, NULL, "a rule of more than 1 MiB");
		return;
	}
	part = (struct digest_part){text.bytes, text.len};
	digest_sha256(&part, 1, &hash);
	memcpy(digest, "sha256:", 7);
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), digest + 7);
	rule->approval.digest = digest;
}

static const char *
default_reason(const struct rule *rule)
{
	static const char *const rates[SCOPE_COUNT] = {
	    [SCOPE_GLOBAL] = "rate_limited_global",
	    [SCOPE_TENANT] = "rate_limited_tenant",
	    [SCOPE_AGENT] = "rate_limited_agent",
	    [SCOPE_ACTOR] = "rate_limited_actor",
	    [SCOPE_RUN] = "rate_limited_run",
	};

	switch (rule->section) {
	case SECTION_STOP:
		return "stopped_by_rule";
	case SECTION_ALLOW:
		return "allowed";
	case SECTION_BUDGETS:
		return "budget_exhausted";
	case SECTION_APPROVALS:
		return "approval_required";
	case SECTION_LIMITS:
		if (rule->limit.kind == LIMIT_MAX) {
			return "step_limit";
		}
		return rule->limit.kind == LIMIT_SAME_ACTION ? "repeated_action"
							     : rates[rule->per];
	case SECTION_COUNT:
		break;
	}
	return "";
}

static void
parse_particular(
    struct reader *reader, const struct json_value *object, struct rule *rule)
{
	bool may_pass = rule->section == SECTION_STOP ||
			rule->section == SECTION_ALLOW ||
			rule->section == SECTION_APPROVALS;

	if (rule->section == SECTION_LIMITS) {
		section_limit(reader, object, rule);
	} else if (rule->section == SECTION_BUDGETS) {
		section_budget(reader, object, rule);
	} else if (rule->section == SECTION_APPROVALS) {
		section_approval(reader, object, rule);
	}
	if (may_pass) {
		(void)field_required(reader, object, "actions");
		rule->roles = field_strs(
		    reader, object, "roles", name_is_id, "a role's name", 64);
	}
	rule->when = expression_parse(
	    reader, object, "when", cel_type_of(CEL_T_BOOL), rule);
}

/* The findings that don't depend on the request are made once, here. */
static void
finish_rule(struct rule *rule)
{
	rule->limit.rule = rule->budget.rule = rule->approval.rule = rule->id;
	rule->limit.reason = rule->budget.reason = rule->approval.reason =
	    rule->reason;
	rule->limit.per = rule->budget.per = rule->per;
	rule->limit.shadow = rule->budget.shadow = rule->approval.shadow =
	    rule->shadow;
}

static struct rule *
rule_new(struct reader *reader)
{
	struct policy *policy = reader->policy;

	if (policy->rule_count == policy->rule_room) {
		size_t room =
		    policy->rule_room == 0 ? 64 : policy->rule_room * 2;
		struct rule *rules =
		    gk_arena_calloc(&policy->arena, room, sizeof(*rules));

		if (rules == NULL) {
			reader->no_memory = true;
			return NULL;
		}
		if (policy->rule_count > 0) {
			memcpy(rules, policy->rules,
			    policy->rule_count * sizeof(*rules));
		}
		policy->rules = rules;
		policy->rule_room = room;
	}
	return &policy->rules[policy->rule_count];
}

static void
parse_rule(struct reader *reader, const struct json_value *object,
    enum section section, const struct scope_of_file *scope)
{
	static const char *const modes[] = {"enforce", "shadow"};
	size_t key_count;
	const char *const *keys = section_keys(section, &key_count);
	struct rule *rule = rule_new(reader);

	if (rule == NULL || !field_known(reader, object, keys, key_count)) {
		return;
	}
	if (reader->policy->rule_count == POLICY_RULES_MAX) {
		field_wrong(reader, object, NULL, "more than %d rules",
		    POLICY_RULES_MAX);
		return;
	}
	memset(rule, 0, sizeof(*rule));
	rule->section = section;
	rule->where = scope;
	rule->at = yaml_place(reader->doc, object);
	(void)field_required(reader, object, "id");
	rule->id =
	    field_str(reader, object, "id", name_is_rule, rule_expected, "");
	check_id(reader, object, rule);
	rule->shadow = field_word(reader, object, "mode", modes, 2, 0) == 1;
	rule->actions = field_strs(
	    reader, object, "actions", is_action_glob, action_expected, 1000);
	parse_particular(reader, object, rule);
	rule->reason = field_str(reader, object, "reason", name_is_code,
	    code_expected, default_reason(rule));
	if (section == SECTION_APPROVALS) {
		rule_digest(reader, object, rule);
	}
	finish_rule(rule);
	reader->policy->rule_count++;
	/* the rule may move while the folder is read: only its words are used */
	if (rule->id[0] != '\0') {
		struct rule *copy =
		    gk_arena_alloc(&reader->policy->arena, sizeof(*copy));

		if (copy == NULL ||
		    (*copy = *rule,
			gk_map_set(reader->ids, copy->id, strlen(copy->id),
			    copy, NULL) != GK_OK)) {
			reader->no_memory = true;
		}
	}
}

static void
parse_section(struct reader *reader, const struct json_value *root,
    enum section section, const struct scope_of_file *scope)
{
	const struct json_value *list = json_get(root, section_words[section]);
	const struct json_value *item;

	if (list == NULL || json_type(list) == JSON_NULL) {
		return;
	}
	if (json_type(list) != JSON_ARRAY) {
		field_wrong(reader, list, "each rule begins with '- id: …'",
		    "'%s': expected a list of rules, found %s",
		    section_words[section], json_type_name(list));
		return;
	}
	for (item = json_first(list); item != NULL && !reader->no_memory;
	     item = json_next(item)) {
		parse_rule(reader, item, section, scope);
	}
}

void
parse_file(struct reader *reader)
{
	static const char *const defaults[] = {"stop"};
	const struct json_value *root = yaml_root(reader->doc);
	struct scope_of_file *scope;

	if (!field_known(reader, root, file_keys, GK_COUNT(file_keys))) {
		return;
	}
	(void)field_required(reader, root, "policy");
	(void)field_str(
	    reader, root, "policy", name_is_rule, rule_expected, "");
	(void)field_word(reader, root, "default", defaults, 1, 0);
	scope = parse_scope(reader, root);
	if (scope == NULL) {
		return;
	}
	reader->policy->files[reader->policy->file_count++] = scope;
	reader->scope = scope;
	expression_variables(reader, root, scope);
	for (int section = 0; section < SECTION_COUNT; section++) {
		parse_section(reader, root, (enum section)section, scope);
	}
}
