/*
 * Judgement as text: every file of tests/cases/policy/ has a policy, questions and what is found.
 *
 *   about: what the file shows
 *   files: {a.yaml: "policy: …"}
 *   cases:
 *     - name: what this one shows
 *       ask: {action: a, args: {}, context: {}, tenant: t, actor: u, roles: [r], run: r1, cost: {usd: "1"}}
 *       caller: {id: agent-7, agent: support, actors: ["*"], roles: ["*"]}
 *       found: [passes r allowed, "limit l tenant t …"]
 *
 * Only action and found must be there.  See print_findings() for the words.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/time.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/yaml.h"
#include "model/decimal.h"
#include "policy/policy_internal.h"

enum { LIST_MAX = 8 };

/* What is asked, with room for its lists. */
struct question {
	struct identity caller;
	struct decision_request request;
	struct actor actor;
	const char *roles[LIST_MAX], *may_actors[LIST_MAX],
	    *may_roles[LIST_MAX];
	struct policy_input input;
};

struct lines {
	struct gk_buf text; /* each ends with '\n' */
	size_t count;
};

static void
say(struct lines *lines, const char *text)
{
	cr_assert(gk_buf_printf(&lines->text, NULL, "%s\n", text) == GK_OK);
	lines->count++;
}

#define SAY(lines, ...)                                                  \
	do {                                                             \
		char say_text[800];                                      \
                                                                         \
		(void)snprintf(say_text, sizeof(say_text), __VA_ARGS__); \
		say((lines), say_text);                                  \
	} while (0)

static const struct json_value *
member(const struct json_value *object, const char *key)
{
	return object == NULL ? NULL : json_get(object, key);
}

static const struct json_value *
first(const struct json_value *list)
{
	return list == NULL ? NULL : json_first(list);
}

static const char *
text_or(const struct json_value *object, const char *key, const char *other)
{
	const struct json_value *value = member(object, key);

	return value == NULL ? other : json_string(value);
}

static size_t
read_list(const struct json_value *list, const char *ret[LIST_MAX])
{
	size_t n = 0;

	for (const struct json_value *item = first(list); item != NULL;
	     item = json_next(item)) {
		cr_assert(n < LIST_MAX && json_string(item) != NULL);
		ret[n++] = json_string(item);
	}
	return n;
}

static void
read_caller(const struct json_value *caller, struct question *ret)
{
	struct identity *who = &ret->caller;

	who->kind = IDENTITY_AGENT;
	who->id = text_or(caller, "id", "agent-7");
	who->agent = text_or(caller, "agent", "support-agent");
	who->may_actors = ret->may_actors;
	who->may_roles = ret->may_roles;
	ret->may_actors[0] = ret->may_roles[0] = "*";
	who->may_actor_count = who->may_role_count = 1;
	if (member(caller, "actors") != NULL) {
		who->may_actor_count =
		    read_list(member(caller, "actors"), ret->may_actors);
	}
	if (member(caller, "roles") != NULL) {
		who->may_role_count =
		    read_list(member(caller, "roles"), ret->may_roles);
	}
}

static void
read_question(const struct json_value *item, struct question *ret)
{
	const struct json_value *ask = member(item, "ask");
	struct decision_request *request = &ret->request;

	memset(ret, 0, sizeof(*ret));
	read_caller(member(item, "caller"), ret);
	request->action = text_or(ask, "action", NULL);
	cr_assert(request->action != NULL && name_is_action(request->action));
	request->run_id = text_or(ask, "run", "run_1");
	request->step_id = "1";
	request->args = member(ask, "args");
	request->context = member(ask, "context");
	if (member(ask, "actor") != NULL) {
		ret->actor.type = "user";
		ret->actor.id = text_or(ask, "actor", NULL);
		ret->actor.roles = ret->roles;
		ret->actor.role_count =
		    read_list(member(ask, "roles"), ret->roles);
		request->actor = &ret->actor;
	}
	for (const struct json_value *cost = first(member(ask, "cost"));
	     cost != NULL; cost = json_next(cost)) {
		struct cost_item *to = &request->cost[request->cost_count++];

		to->unit = json_name(cost);
		cr_assert(decimal_parse(json_string(cost), &to->micros, NULL) ==
			  GK_OK);
	}
	ret->input = (struct policy_input){.request = request,
	    .caller = &ret->caller,
	    .tenant = text_or(ask, "tenant", NULL),
	    .asked_at_us = 1};
}

static void
print_limit(const struct limit_finding *limit, struct lines *lines)
{
	const char *per = per_words[limit->per];
	const char *mode = limit->shadow ? "shadow " : "";

	if (limit->kind == LIMIT_RATE) {
		SAY(lines, "%slimit %s %s '%s' one in %lld ms, burst %lld, %s",
		    mode, limit->rule, per, limit->subject,
		    (long long)(limit->interval_ns / 1000000),
		    (long long)limit->burst, limit->reason);
	} else if (limit->kind == LIMIT_MAX) {
		SAY(lines, "%slimit %s %s '%s' %lld in all, %s", mode,
		    limit->rule, per, limit->subject, (long long)limit->max,
		    limit->reason);
	} else {
		SAY(lines, "%slimit %s %s '%s' %lld alike in %lld s, %s", mode,
		    limit->rule, per, limit->subject, (long long)limit->max,
		    (long long)(limit->within_us / GK_US_PER_S), limit->reason);
	}
}

static void
print_budget(const struct budget_finding *budget, struct lines *lines)
{
	static const char *const windows[] = {[WINDOW_RUN] = "run",
	    [WINDOW_HOUR] = "hour",
	    [WINDOW_DAY] = "day",
	    [WINDOW_MONTH] = "month"};
	char cost[DECIMAL_TEXT_BYTES] = "unknown", all[DECIMAL_TEXT_BYTES];

	if (budget->cost_micros >= 0) {
		decimal_print(budget->cost_micros, cost);
	}
	decimal_print(budget->amount_micros, all);
	SAY(lines, "%sbudget %s %s '%s' %s of %s %s a %s%s, %s%s",
	    budget->shadow ? "shadow " : "", budget->rule,
	    per_words[budget->per], budget->subject, cost, all, budget->unit,
	    windows[budget->every],
	    budget->refund_reported ? " with refunds" : "", budget->reason,
	    budget->cost_micros < 0 &&
		    strcmp(budget->cost_missing, "condition_error") == 0
		? ", condition_error"
		: "");
}

static void
print_approval(const struct approval_finding *approval, struct lines *lines)
{
	char groups[200] = "", show[200] = "";

	for (size_t i = 0; i < approval->group_count; i++) {
		size_t n = strlen(groups);

		(void)snprintf(groups + n, sizeof(groups) - n, "%s%s",
		    i > 0 ? " or " : "", approval->groups[i]);
	}
	for (size_t i = 0; i < approval->show_count; i++) {
		size_t n = strlen(show);

		(void)snprintf(show + n, sizeof(show) - n, "%s%s",
		    i > 0 ? " " : ", showing ", approval->show[i]);
	}
	SAY(lines, "%sapproval %s by %lld of %s%s, %s",
	    approval->shadow ? "shadow " : "", approval->rule,
	    (long long)approval->needed, groups, show, approval->reason);
}

/* First what the access layer says, last the times where they aren't the defaults. */
static void
print_findings(const struct findings *found, struct lines *lines)
{
	SAY(lines, "%s %s%s%s",
	    found->access == ACCESS_PASSES ? "passes" : "stops",
	    found->access_rule == NULL ? "" : found->access_rule,
	    found->access_rule == NULL ? "" : " ", found->access_reason);
	for (size_t i = 0; i < found->shadow_count; i++) {
		SAY(lines, "shadow %s would %s, %s", found->shadow[i].rule,
		    shadow_words[found->shadow[i].would],
		    found->shadow[i].reason);
	}
	for (size_t i = 0; i < found->limit_count; i++) {
		print_limit(&found->limits[i], lines);
	}
	for (size_t i = 0; i < found->budget_count; i++) {
		print_budget(&found->budgets[i], lines);
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		print_approval(&found->approvals[i], lines);
	}
	if (found->result_within_us != 15 * GK_US_PER_MIN) {
		SAY(lines, "result within %lld s",
		    (long long)(found->result_within_us / GK_US_PER_S));
	}
	if (found->allow_valid_us != 5 * GK_US_PER_MIN) {
		SAY(lines, "allow valid %lld s",
		    (long long)(found->allow_valid_us / GK_US_PER_S));
	}
}

static void
check_case(const char *file, const struct policy *policy,
    const struct json_value *item)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct lines found = {.text = GK_BUF_INIT(1 << 16)};
	struct lines expected = {.text = GK_BUF_INIT(1 << 16)};
	struct question question;
	struct findings findings;

	read_question(item, &question);
	for (const struct json_value *line = first(member(item, "found"));
	     line != NULL; line = json_next(line)) {
		cr_assert(json_string(line) != NULL, "%s: a line in quotes",
		    text_or(item, "name", file));
		say(&expected, json_string(line));
	}
	cr_assert(policy_judge(policy, &question.input, &arena, &findings,
		      NULL) == GK_OK);
	print_findings(&findings, &found);
	cr_expect(
	    strcmp(gk_buf_text(&found.text), gk_buf_text(&expected.text)) == 0,
	    "%s: %s\nfound:\n%sexpected:\n%s", file, text_or(item, "name", "?"),
	    gk_buf_text(&found.text), gk_buf_text(&expected.text));
	gk_buf_done(&found.text);
	gk_buf_done(&expected.text);
}

static struct policy *
load_files(const char *file, const struct json_value *files)
{
	struct policy_text texts[LIST_MAX];
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	size_t n = 0;

	for (const struct json_value *one = first(files); one != NULL;
	     one = json_next(one)) {
		cr_assert(n < LIST_MAX && json_string(one) != NULL);
		texts[n++] = (struct policy_text){
		    json_name(one), json_string(one), strlen(json_string(one))};
	}
	cr_assert(load_texts(texts, n, &policy, &report, NULL) == GK_OK,
	    "%s: %s:%u: %s", file,
	    report.count > 0 ? report.problems[0].file : "",
	    report.count > 0 ? report.problems[0].line : 0,
	    report.count > 0 ? report.problems[0].text : "");
	policy_report_done(&report);
	return policy;
}

/* Gives how many cases the file has. */
static size_t
check_file(const char *dir, const char *name)
{
	static const struct json_limits limits = {1 << 20, 16, 10000};
	static char bytes[1 << 20];
	struct yaml_doc *doc = NULL;
	struct policy *policy;
	struct gk_err err = {0};
	static char path[4096];
	size_t n, count = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	cr_assert(f != NULL, "%s", path);
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	cr_assert(yaml_parse(bytes, n, name, &limits, &doc, &err) == GK_OK,
	    "%s: %s", err.where, err.text);
	policy = load_files(name, member(yaml_root(doc), "files"));
	for (const struct json_value *item =
		 first(member(yaml_root(doc), "cases"));
	     item != NULL; item = json_next(item), count++) {
		check_case(name, policy, item);
	}
	policy_unpin(policy);
	yaml_doc_free(doc);
	return count;
}

Test(policy_cases, every_question_finds_what_its_file_says)
{
	const char *source = getenv("GATEKEEPER_SOURCE");
	struct dirent *entry;
	static char dir[3000];
	size_t files = 0, cases = 0;
	DIR *folder;

	cr_assert(digest_init(NULL) == GK_OK);
	(void)snprintf(dir, sizeof(dir), "%s/tests/cases/policy",
	    source == NULL ? "." : source);
	folder = opendir(dir);
	cr_assert(folder != NULL, "%s", dir);
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.') {
			files++;
			cases += check_file(dir, entry->d_name);
		}
	}
	(void)closedir(folder);
	cr_assert(
	    files >= 8 && cases >= 25, "%zu cases in %zu files", cases, files);
}
