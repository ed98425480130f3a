/* Loading: what a folder must be, what is wrong with it and where, and its digest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "policy/policy_internal.h"

static enum gk_rc
load(const char *text, struct policy **ret, struct policy_report *report)
{
	struct policy_text one = {"p.yaml", text, strlen(text)};
	struct gk_err err = {0};

	memset(report, 0, sizeof(*report));
	cr_assert(digest_init(NULL) == GK_OK);
	return load_texts(&one, 1, ret, report, &err);
}

#define HEAD "policy: p\n"

static const struct {
	const char *yaml;
	unsigned line, column;
	const char *text; /* a part of it */
	const char *hint; /* a part of it; NULL: any */
} wrong[] = {
    {"allow: []\n", 1, 1, "'policy' is missing", NULL},
    {HEAD "allows: []\n", 2, 1, "unknown key 'allows'", "'allow'"},
    {HEAD "default: allow\n", 2, 10, "expected one of stop", NULL},
    {HEAD "allow: {}\n", 2, 8, "expected a list of rules", "- id"},
    {HEAD "allow:\n  - actions: [a]\n", 3, 5, "'id' is missing", NULL},
    {HEAD "allow:\n  - id: r\n", 3, 5, "'actions' is missing", NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a/b]\n", 4, 15, "an action's name",
	NULL},
    {HEAD "allow:\n  - id: r\n    actions: []\n", 4, 14, "a list of 1 to",
	NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: 3\n", 5, 11,
	"expected a CEL expression, found number", "args.amount"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: agrs.x > 3\n", 5, 11,
	"no variable 'agrs'", "'args'"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: |\n      true &&\n"
	  "        actor.role == \"x\"\n",
	7, 9, "'actor' has no field 'role'", "'roles'"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: |\n      true &&\n",
	6, 14, "expected a value", NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: >-\n      true &&\n"
	  "      [1,\n\n    mode: shadow\n",
	7, 10, "expected", NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: \"'x' + 'y'\"\n", 5,
	12, "this must be bool, it is string", NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: 'x' in actor.roles "
	  "&& true\n",
	5, 15, "expected key", "'when: >-'"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n\tmode: shadow\n", 5, 1,
	"cannot start any token", "blanks"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: !has(args.x) && "
	  "true\n",
	5, 25, "anchor", "quotes"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    when: now > "
	  "\"2026-01-01\"\n",
	5, 11, "'>' can't take timestamp and string", "timestamp("},
    {HEAD "variables:\n  total: args.a + args.b\n  now: 3\nallow: []\n", 4, 8,
	"can't be a variable's name", NULL},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n  - id: r\n    actions: [b]\n",
	5, 9, "stands in p.yaml, line 3, already", "unique"},
    {HEAD "allow:\n  - id: r\n    actions: [a]\n    mode: shaddow\n", 5, 11,
	"expected one of enforce, shadow", "'shadow'"},
    {HEAD "limits:\n  - id: l\n    per: tenant\n", 3, 5, "exactly one of",
	NULL},
    {HEAD "limits:\n  - id: l\n    per: tenant\n    rate: 60\n", 5, 11,
	"'rate': expected", "60/min"},
    {HEAD "limits:\n  - id: l\n    per: tenat\n    rate: 60/min\n", 4, 10,
	"'per': expected one of", "'tenant'"},
    {HEAD "limits:\n  - id: l\n    per: tenant\n    max: 3\n", 5, 10,
	"a run's life", "per: run"},
    {HEAD "limits:\n  - id: l\n    per: run\n    same_action: 3\n", 3, 5,
	"go together", NULL},
    {HEAD "budgets:\n  - id: b\n    per: tenant\n    unit: usd\n    amount: "
	  "0.5\n    every: day\n",
	6, 13, "expected an amount", "quotes"},
    {HEAD "budgets:\n  - id: b\n    per: tenant\n    unit: usd\n    amount: "
	  "5\n    every: run\n",
	7, 12, "a budget of each run", NULL},
    {HEAD "approvals:\n  - id: a\n    actions: [x]\n", 3, 5,
	"'approvers' is missing", NULL},
    {HEAD "approvals:\n  - id: a\n    actions: [x]\n    approvers: {groups: "
	  "[f]}\n    show: [amount]\n",
	6, 12, "JSON Pointer", NULL},
    {HEAD "approvals:\n  - id: a\n    actions: [x]\n    approvers: {groups: "
	  "[f]}\n    expires: soon\n",
	6, 14, "a duration", "10m"},
    {HEAD "limits:\n  - {id: l, per: run, rate: 0/min}\n", 3, 29,
	"1 to 1000000", "60/min"},
    {HEAD "limits:\n  - {id: l, per: run, rate: 60/mon}\n", 3, 29,
	"s, min, hour or day", NULL},
    {HEAD "limits:\n  - {id: l, per: run, max: 3, burst: 2}\n", 3, 38,
	"'burst' goes with 'rate'", NULL},
    {HEAD "limits:\n  - {id: l, per: run, same_action: 1001, within: 1m}\n", 3,
	36, "from 1 to 1000", NULL},
    {HEAD "limits:\n  - {id: l, per: run, same_action: 3, within: 25h}\n", 3,
	47, "at most 24h", NULL},
    {HEAD "limits:\n  - {id: l, per: run, max: 3, rate: 1/s}\n", 3, 5,
	"exactly one of", NULL},
    {HEAD "limits:\n  - {id: l, per: run, max: 3, roles: [a]}\n", 3, 31,
	"unknown key 'roles'", NULL},
    {HEAD "budgets:\n  - {id: b, per: run, unit: usd, amount: 1, every: run, "
	  "cost: -2.5}\n",
	3, 63, "'cost': expected an amount", NULL},
    {HEAD "budgets:\n  - {id: b, per: run, unit: USD, amount: 1, every: "
	  "run}\n",
	3, 29, "'unit': expected", NULL},
    {HEAD "budgets:\n  - {id: b, per: run, unit: usd, amount: 1, every: run, "
	  "refund: repotred}\n",
	3, 65, "never, reported", "'reported'"},
    {HEAD "approvals:\n  - {id: a, actions: [x], approvers: {count: 1}}\n", 3,
	38, "'groups' is missing", NULL},
    {HEAD "approvals:\n  - {id: a, actions: [x], approvers: {groups: [f], "
	  "count: 0}}\n",
	3, 59, "from 1 to 32", NULL},
    {HEAD "approvals:\n  - {id: a, actions: [x], approvers: {groups: [f]}, "
	  "show: [/a~2]}\n",
	3, 60, "JSON Pointer", NULL},
    {HEAD "allow:\n  - {id: r, actions: [a b]}\n", 3, 23, "an action's name",
	NULL},
    {HEAD "allow:\n  - {id: r, id: s, actions: [a]}\n", 3, 13, "", NULL},
    {HEAD "results: {within: 31d}\n", 2, 19, "at most 720h", "10m"},
    {HEAD "applies_to: {tenant: [a]}\n", 2, 14, "unknown key 'tenant'",
	"'tenants'"},
    {HEAD "allow: &a []\n", 2, 8, "", NULL},
    {HEAD "policy: q\n", 2, 1, "", NULL},
    {"- a\n", 1, 1, "expected a mapping", NULL},
};

Test(policy_load, every_error_names_its_place_and_what_to_do)
{
	for (size_t i = 0; i < GK_COUNT(wrong); i++) {
		struct policy *policy = NULL;
		struct policy_report report;
		bool found = false;

		cr_assert(load(wrong[i].yaml, &policy, &report) == GK_E_INVALID,
		    "row %zu loads", i);
		for (size_t k = 0; k < report.count; k++) {
			const struct policy_problem *p = &report.problems[k];

			found = found ||
				(p->line == wrong[i].line &&
				    p->column == wrong[i].column &&
				    strstr(p->text, wrong[i].text) != NULL &&
				    (wrong[i].hint == NULL ||
					(p->hint != NULL &&
					    strstr(p->hint, wrong[i].hint) !=
						NULL)) &&
				    p->source != NULL);
		}
		cr_assert(found, "row %zu: %zu problems, first %u:%u %s (%s)",
		    i, report.count, report.problems[0].line,
		    report.problems[0].column, report.problems[0].text,
		    report.problems[0].hint == NULL ? ""
						    : report.problems[0].hint);
		policy_report_done(&report);
	}
}

Test(policy_load, an_unknown_key_hides_no_other_error_of_its_rule)
{
	struct policy *policy = NULL;
	struct policy_report report;

	cr_assert(
	    load(HEAD "limits:\n  - {id: l, per: run, rate: fast, whn: a}\n"
		      "  - {id: l, per: run, max: 3}\n",
		&policy, &report) == GK_E_INVALID);
	cr_assert(report.errors == 3 && report.count == 3);
	cr_assert_str_eq(report.problems[0].text, "unknown key 'whn'");
	cr_assert(strstr(report.problems[1].text, "'rate'") != NULL);
	cr_assert(strstr(report.problems[2].text, "already") != NULL);
	policy_report_done(&report);
}

Test(policy_load, an_empty_folder_is_an_error)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};

	cr_assert(load_texts(NULL, 0, &policy, &report, NULL) == GK_E_INVALID);
	cr_assert(report.errors == 1);
	policy_report_done(&report);
}

Test(policy_load, a_missing_folder_is_an_io_error)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	struct gk_err err;

	cr_assert(
	    policy_load("/nonexistent/gk", &policy, &report, &err) == GK_E_IO);
	policy_report_done(&report);
}

Test(policy_load, a_bundle_gives_the_same_digest)
{
	struct policy *policy = NULL, *again = NULL;
	struct policy_report report;
	const char *bundle;
	size_t n;

	cr_assert(load(HEAD "allow:\n  - id: r\n    actions: [a]\n", &policy,
		      &report) == GK_OK);
	policy_report_done(&report);
	bundle = policy_bundle(policy, &n);
	cr_assert(
	    policy_load_bundle(bundle, n, &again, &report, NULL) == GK_OK);
	cr_assert_str_eq(policy_digest(policy), policy_digest(again));
	cr_assert(strncmp(policy_digest(policy), "sha256:", 7) == 0);
	policy_unpin(policy);
	policy_unpin(again);
	policy_report_done(&report);
}

Test(policy_load, a_changed_byte_changes_the_digest)
{
	struct policy *a = NULL, *b = NULL;
	struct policy_report report;

	cr_assert(load(HEAD "allow:\n  - id: r\n    actions: [a]\n", &a,
		      &report) == GK_OK);
	policy_report_done(&report);
	cr_assert(load(HEAD "allow:\n  - id: r\n    actions: [b]\n", &b,
		      &report) == GK_OK);
	cr_assert(strcmp(policy_digest(a), policy_digest(b)) != 0);
	policy_unpin(a);
	policy_unpin(b);
	policy_report_done(&report);
}

Test(policy_load, what_can_hardly_be_meant_is_a_warning)
{
	struct policy *policy = NULL;
	struct policy_report report;

	cr_assert(
	    load(HEAD
		"stop:\n  - id: s\n    actions: [\"a.*\"]\nallow:\n  - id: r\n "
		"   actions: [a.b]\n  - id: all\n    actions: [\"*\"]\n",
		&policy, &report) == GK_OK);
	cr_assert(
	    report.errors == 0 && report.warnings == 2, "%zu", report.warnings);
	cr_assert(
	    report.problems[0].line == 6 && report.problems[0].column == 5);
	cr_assert_str_eq(report.problems[0].source, "  - id: r");
	policy_unpin(policy);
	policy_report_done(&report);
}

/* Rules in one file, and a part of the only warning about them; NULL: none. */
static const struct {
	const char *yaml, *text;
} hardly[] = {
    {"allow:\n  - {id: a, actions: [x.*]}\n  - {id: b, actions: [x.y]}\n",
	"rule 'b' never decides: everything it names is decided by 'a'"},
    {"allow:\n  - {id: a, actions: [x.*], roles: [r]}\n"
     "  - {id: b, actions: [x.y]}\n",
	NULL},
    {"allow:\n  - {id: a, actions: [x.*], when: args.n > 1}\n"
     "  - {id: b, actions: [x.y]}\n",
	NULL},
    {"allow:\n  - {id: a, actions: [x.*], mode: shadow}\n"
     "  - {id: b, actions: [x.y]}\n",
	NULL},
    {"allow:\n  - {id: a, actions: [x.y]}\n  - {id: b, actions: [x.*]}\n",
	NULL},
    {"stop:\n  - {id: a, actions: ['*.d']}\n  - {id: b, actions: [x.d]}\n"
     "allow:\n  - {id: c, actions: [x.e]}\n",
	"rule 'b' never decides"},
    {"allow:\n  - {id: a, actions: [x.y]}\nlimits:\n"
     "  - {id: l, actions: [z.*], per: run, max: 1}\n",
	"rule 'l' never applies: no rule allows what it names"},
    {"allow:\n  - {id: a, actions: [x.y]}\nlimits:\n"
     "  - {id: l, actions: [x.*], per: run, max: 1}\n"
     "  - {id: m, per: run, max: 1}\n",
	NULL},
    {"allow:\n  - {id: a, actions: ['*.y']}\nlimits:\n"
     "  - {id: l, actions: [x.*], per: run, max: 1}\n",
	NULL},
    {"allow:\n  - {id: a, actions: [x], when: 1 < 2}\n",
	"rule 'a' has a condition that is always true"},
    {"allow:\n  - {id: a, actions: [x], when: 'false && args.n > 1'}\n",
	"rule 'a' never applies: its condition is always false"},
    {"allow:\n  - {id: a, actions: [x], when: \"args.p.matches('(')\"}\n",
	"this always fails: not a pattern"},
    {"allow:\n  - {id: a, actions: [x], when: \"now > timestamp('x')\"}\n",
	"this always fails: range error"},
    {"allow:\n  - {id: a, actions: [x], when: now.getHours('CETT') > 8}\n",
	"this always fails: there is no time zone of that name"},
    {"allow:\n  - {id: a, actions: [x], when: now.getHours('CET') > 8}\n",
	NULL},
    {"allow:\n  - {id: a, actions: [x], when: now.getHours('+01:00') > 8}\n",
	NULL},
};

Test(policy_load, what_never_decides_or_applies_is_a_warning)
{
	for (size_t i = 0; i < GK_COUNT(hardly); i++) {
		struct policy *policy = NULL;
		struct policy_report report;
		char text[400];

		(void)snprintf(text, sizeof(text), HEAD "%s", hardly[i].yaml);
		cr_assert(load(text, &policy, &report) == GK_OK);
		cr_expect(report.warnings == (hardly[i].text != NULL),
		    "%s: %zu: %s", hardly[i].yaml, report.warnings,
		    report.count == 0 ? "" : report.problems[0].text);
		cr_expect(
		    hardly[i].text == NULL || report.count == 0 ||
			strstr(report.problems[0].text, hardly[i].text) != NULL,
		    "%s: %s", hardly[i].yaml,
		    report.count == 0 ? "" : report.problems[0].text);
		policy_unpin(policy);
		policy_report_done(&report);
	}
}

/* The stop stands in another file; `about` is that file's applies_to. */
static size_t
count_warnings(const char *about, const char *stop, const char *allow)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	struct policy_text files[2] = {{.name = "a.yaml"}, {.name = "b.yaml"}};
	char text[2][200];
	size_t warnings;

	(void)snprintf(text[0], sizeof(text[0]),
	    HEAD "applies_to: {agents: [bot]}\nallow:\n"
		 "  - {id: r, actions: ['%s']}\n",
	    allow);
	(void)snprintf(text[1], sizeof(text[1]),
	    HEAD "%sstop:\n  - {id: s, actions: ['%s']}\n", about, stop);
	for (size_t i = 0; i < 2; i++) {
		files[i].bytes = text[i];
		files[i].n = strlen(text[i]);
	}
	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(load_texts(files, 2, &policy, &report, NULL) == GK_OK);
	warnings = report.warnings;
	policy_unpin(policy);
	policy_report_done(&report);
	return warnings;
}

Test(policy_load, an_allow_that_stops_cover_is_a_warning_whatever_the_file)
{
	cr_assert(count_warnings("", "*.delete", "crm.delete") == 1);
	cr_assert(count_warnings("", "*.delete", "crm.*.delete") == 1);
	cr_assert(count_warnings("", "crm.*", "crm.*.delete") == 1);
	cr_assert(count_warnings("", "*m.*l*", "crm.*.delete") == 1);
	cr_assert(count_warnings("", "*.delete", "crm.*") == 0);
	cr_assert(count_warnings("", "crm.*.delete", "*.delete") == 0);
	cr_assert(count_warnings("", "crm.*", "crm*") == 0);
	cr_assert(count_warnings("applies_to: {tenants: [t_1]}\n", "*.delete",
		      "crm.delete") == 0);
}

Test(policy_load, the_policies_that_ship_load_without_a_warning)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	struct gk_err err = {0};
	char dir[4096];
	const char *source = getenv("GATEKEEPER_SOURCE");

	(void)snprintf(
	    dir, sizeof(dir), "%s/policies", source == NULL ? "." : source);
	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(policy_load(dir, &policy, &report, &err) == GK_OK, "%s: %s",
	    err.text, report.count > 0 ? report.problems[0].text : "");
	cr_assert(report.warnings == 0);
	policy_unpin(policy);
	policy_report_done(&report);
}
