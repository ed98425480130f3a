/* `gatekeeper policy test`: the tests beside a policy, and what of it they reach. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_internal.h"
#include "cli/suite.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "policy/policy.h"

enum { FILES_MAX = 1000, REPORT_CAP = 64 << 20, PERCENT = 100 };

static const struct cli_flag flags[] = {
    {"only", "TEXT", false, "only tests whose name has this text in it"},
    {"coverage", NULL, false, "rules and conditions that no test reached"},
    {"min-coverage", "PERCENT", false,
	"fail where fewer of the rules were reached"},
    {"junit", "FILE", false, "also write a JUnit report"},
};

/* One run of the command. */
struct testing {
	struct cli *cli;
	const char *dir;
	struct policy *policy;    /* owned */
	uint8_t *marks;           /* owned; policy_cover() */
	struct json_value *files; /* owned, of the report */
	int64_t passed, failed;
};

static void
testing_done(struct testing *testing)
{
	policy_unpin(testing->policy);
	free(testing->marks);
	json_free(testing->files);
}

/* ---- the folder ---- */

static int
is_suite(const struct dirent *entry)
{
	static const char suffix[] = ".test.yaml";
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(suffix) &&
	       strcmp(entry->d_name + n - strlen(suffix), suffix) == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- running ---- */

static enum gk_rc
set_int(
    struct json_value *object, const char *name, int64_t n, struct gk_err *err)
{
	struct json_value *value = json_new_number((double)n);

	return json_set(object, name, &value, err);
}

static enum gk_rc
set_text(struct json_value *object, const char *name, const char *text,
    struct gk_err *err)
{
	struct json_value *value = json_new_string(text);

	return json_set(object, name, &value, err);
}

static enum gk_rc
run_test(struct testing *testing, const struct suite *suite, size_t i,
    struct json_value *tests, int64_t *failed, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();
	GK_AUTO(json_freep) struct json_value *failures = json_new_array();
	struct json_value *passed;
	bool fine;

	GK_TRY(suite_run(
	    suite, i, testing->policy, testing->marks, failures, err));
	fine = json_count(failures) == 0;
	passed = json_new_bool(fine);
	testing->passed += fine;
	testing->failed += !fine;
	*failed += !fine;
	GK_TRY(json_set(one, "passed", &passed, err));
	GK_TRY(set_text(one, "name", suite->tests[i].name, err));
	GK_TRY(json_set(one, "failures", &failures, err));
	return json_append(tests, &one, err);
}

static enum gk_rc
run_suite(
    struct testing *testing, const struct suite *suite, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *file = json_new_object();
	GK_AUTO(json_freep) struct json_value *tests = json_new_array();
	const char *only = cli_flag(testing->cli, "only", 0);
	int64_t failed = 0;

	for (size_t i = 0; i < suite->test_count; i++) {
		if (only != NULL &&
		    strstr(suite->tests[i].name, only) == NULL) {
			continue;
		}
		GK_TRY(run_test(testing, suite, i, tests, &failed, err));
	}
	GK_TRY(set_text(file, "file", suite->name, err));
	GK_TRY(set_int(file, "failed", failed, err));
	GK_TRY(json_set(file, "tests", &tests, err));
	return json_append(testing->files, &file, err);
}

/* The line at fault; NULL: there is none. */
static const char *
source_line(struct suite *suite, unsigned line)
{
	const char *at = gk_buf_text(&suite->text), *end;

	for (unsigned i = 1; i < line; i++) {
		at = strchr(at, '\n');
		if (at == NULL) {
			return NULL;
		}
		at++;
	}
	end = strchrnul(at, '\n');
	return gk_arena_strndup(&suite->arena, at, (size_t)(end - at));
}

static int
run_file(struct testing *testing, const char *name)
{
	GK_AUTO(gk_buf_done) struct gk_buf path = GK_BUF_INIT(8192);
	GK_AUTO(suite_done) struct suite suite = {.name = NULL};
	struct suite_problem problem;
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (gk_buf_printf(&path, &err, "%s/%s", testing->dir, name) != GK_OK) {
		return cli_fail_err(testing->cli, &err);
	}
	rc = suite_read(gk_buf_text(&path), name, &suite, &problem, &err);
	if (rc == GK_E_INVALID && problem.text != NULL) {
		const struct policy_problem told = {.file = name,
		    .line = problem.place.line,
		    .column = problem.place.column,
		    .text = problem.text,
		    .hint = problem.hint,
		    .source = source_line(&suite, problem.place.line)};

		cli__print_problem(testing->cli, testing->dir, &told);
		return CLI_DATA;
	}
	if (rc == GK_OK) {
		rc = run_suite(testing, &suite, &err);
	}
	return rc == GK_OK ? CLI_FINE : cli_fail_err(testing->cli, &err);
}

/* Every *.test.yaml, by name; one that is wrong doesn't keep the others from running. */
static int
run_folder(struct testing *testing)
{
	struct dirent **entries = NULL;
	int n = scandir(testing->dir, &entries, is_suite, by_name);
	int code = CLI_FINE;

	if (n < 0) {
		return cli_fail(testing->cli, CLI_NO_INPUT, "%s: %s",
		    testing->dir, strerrordesc_np(errno));
	}
	for (int i = 0; i < n; i++) {
		int one = i < FILES_MAX
			      ? run_file(testing, entries[i]->d_name)
			      : cli_fail(testing->cli, CLI_DATA,
				    "more than %d test files", FILES_MAX);

		code = one != CLI_FINE && code == CLI_FINE ? one : code;
		free(entries[i]);
	}
	free(entries);
	if (n == 0) {
		return cli_fail(testing->cli, CLI_NO_INPUT,
		    "%s: there are no tests: write one into a file *.test.yaml",
		    testing->dir);
	}
	return code;
}

/* ---- coverage ---- */

struct coverage {
	size_t rules, reached;
	size_t outcomes, seen; /* of conditions: true and false */
};

static const char *
missing_text(const struct policy_rule *rule, unsigned mark)
{
	if ((mark & COVER_APPLIED) == 0) {
		return "no test reached it";
	}
	if (rule->conditional && (mark & COVER_FALSE) == 0) {
		return "its condition was never false";
	}
	if (rule->conditional && (mark & COVER_TRUE) == 0) {
		return "its condition was never true";
	}
	return NULL;
}

static struct coverage
cover(const struct testing *testing)
{
	struct coverage coverage = {0, 0, 0, 0};

	coverage.rules = policy_rule_count(testing->policy);
	for (size_t i = 0; i < coverage.rules; i++) {
		unsigned mark = testing->marks[i];
		struct policy_rule rule;

		policy_rule_at(testing->policy, i, &rule);
		coverage.reached += (mark & COVER_APPLIED) != 0;
		if (rule.conditional) {
			coverage.outcomes += 2;
			coverage.seen += (mark & COVER_TRUE) != 0;
			coverage.seen += (mark & COVER_FALSE) != 0;
		}
	}
	return coverage;
}

static int64_t
percent(size_t part, size_t whole)
{
	return whole == 0 ? PERCENT : (int64_t)(part * PERCENT / whole);
}

/* {"conditions","missing":[{"file","id","line","section","text"}…],"percent","reached","rules","seen"} */
static enum gk_rc
coverage_json(const struct testing *testing, struct json_value **ret_json,
    struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	GK_AUTO(json_freep) struct json_value *missing = json_new_array();
	struct coverage coverage = cover(testing);

	for (size_t i = 0; i < coverage.rules; i++) {
		GK_AUTO(json_freep) struct json_value *one = NULL;
		struct policy_rule rule;
		const char *text;

		policy_rule_at(testing->policy, i, &rule);
		text = missing_text(&rule, testing->marks[i]);
		if (text == NULL) {
			continue;
		}
		one = json_new_object();
		GK_TRY(set_text(one, "file", rule.file, err));
		GK_TRY(set_int(one, "line", rule.line, err));
		GK_TRY(set_text(one, "section", rule.section, err));
		GK_TRY(set_text(one, "id", rule.id, err));
		GK_TRY(set_text(one, "text", text, err));
		GK_TRY(json_append(missing, &one, err));
	}
	GK_TRY(set_int(root, "rules", (int64_t)coverage.rules, err));
	GK_TRY(set_int(root, "reached", (int64_t)coverage.reached, err));
	GK_TRY(set_int(root, "outcomes", (int64_t)coverage.outcomes, err));
	GK_TRY(set_int(root, "seen", (int64_t)coverage.seen, err));
	GK_TRY(set_int(
	    root, "percent", percent(coverage.reached, coverage.rules), err));
	GK_TRY(json_set(root, "missing", &missing, err));
	*ret_json = GK_TAKE(root);
	return GK_OK;
}

/* ---- reports ---- */

static enum gk_rc
make_report(
    struct testing *testing, struct json_value **ret_report, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	struct json_value *coverage = NULL;

	GK_TRY(coverage_json(testing, &coverage, err));
	GK_TRY(json_set(root, "coverage", &coverage, err));
	GK_TRY(json_set(root, "files", &testing->files, err));
	GK_TRY(set_int(root, "passed", testing->passed, err));
	GK_TRY(set_int(root, "failed", testing->failed, err));
	GK_TRY(set_text(root, "policy", policy_digest(testing->policy), err));
	*ret_report = GK_TAKE(root);
	return GK_OK;
}

static void
print_failure(
    FILE *out, const char *dir, const char *file, const struct json_value *one)
{
	const char *error = words_get(one, "error");

	(void)fprintf(out,
	    "  %s/%s:%" PRId64 ":%" PRId64 ": step %" PRId64 ": ", dir, file,
	    words_int(one, "line"), words_int(one, "column"),
	    words_int(one, "step"));
	table_print_safe(words_get(one, "what"), out);
	(void)fputc('\n', out);
	if (error != NULL) {
		(void)fputs("    error: ", out);
		table_print_safe(error, out);
		(void)fputc('\n', out);
	}
	for (const struct json_value *field =
		 words_first(words_at(one, "differences"));
	     field != NULL; field = json_next(field)) {
		(void)fprintf(
		    out, "    %-12s expected ", words_get(field, "field"));
		table_print_safe(words_get(field, "expected"), out);
		(void)fputs("\n                 got      ", out);
		table_print_safe(words_get(field, "actual"), out);
		(void)fputc('\n', out);
	}
	if (words_get(one, "answer") != NULL) {
		(void)fputs("    the answer:  ", out);
		table_print_safe(words_get(one, "answer"), out);
		(void)fputc('\n', out);
	}
}

static void
print_file(FILE *out, const char *dir, const struct json_value *file)
{
	const struct json_value *tests = words_at(file, "tests");
	const char *name = words_get(file, "file");
	int64_t failed = words_int(file, "failed");

	(void)fprintf(out, "%s/%s: %" PRId64 " passed, %" PRId64 " failed\n",
	    dir, name, (int64_t)json_count(tests) - failed, failed);
	for (const struct json_value *test = words_first(tests); test != NULL;
	     test = json_next(test)) {
		if (words_true(test, "passed")) {
			continue;
		}
		(void)fputs("FAIL ", out);
		table_print_safe(words_get(test, "name"), out);
		(void)fputc('\n', out);
		for (const struct json_value *one =
			 words_first(words_at(test, "failures"));
		     one != NULL; one = json_next(one)) {
			print_failure(out, dir, name, one);
		}
	}
}

static void
print_coverage(FILE *out, const char *dir, const struct json_value *coverage)
{
	for (const struct json_value *one =
		 words_first(words_at(coverage, "missing"));
	     one != NULL; one = json_next(one)) {
		(void)fprintf(out, "%s/%s:%" PRId64 ": %s '%s': %s\n", dir,
		    words_get(one, "file"), words_int(one, "line"),
		    words_get(one, "section"), words_get(one, "id"),
		    words_get(one, "text"));
	}
	(void)fprintf(out,
	    "coverage: %" PRId64 " of %" PRId64 " rules (%" PRId64
	    " %%), %" PRId64 " of %" PRId64 " outcomes of conditions\n",
	    words_int(coverage, "reached"), words_int(coverage, "rules"),
	    words_int(coverage, "percent"), words_int(coverage, "seen"),
	    words_int(coverage, "outcomes"));
}

static int
print_report(struct cli *cli, const char *dir, const struct json_value *report)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(REPORT_CAP);
	struct gk_err err = {.rc = GK_OK};

	if (cli->json) {
		if (canon_print(report, &buf, &err) != GK_OK) {
			return cli_fail_err(cli, &err);
		}
		(void)fprintf(cli->out, "%s\n", gk_buf_text(&buf));
		return CLI_FINE;
	}
	for (const struct json_value *one =
		 words_first(words_at(report, "files"));
	     one != NULL; one = json_next(one)) {
		print_file(cli->out, dir, one);
	}
	if (cli_has_flag(cli, "coverage")) {
		print_coverage(cli->out, dir, words_at(report, "coverage"));
	}
	(void)fprintf(cli->out, "%" PRId64 " passed, %" PRId64 " failed\n",
	    words_int(report, "passed"), words_int(report, "failed"));
	return CLI_FINE;
}

static int
write_junit(struct cli *cli, const struct json_value *report)
{
	GK_AUTO(gk_buf_done) struct gk_buf xml = GK_BUF_INIT(REPORT_CAP);
	const char *path = cli_flag(cli, "junit", 0);
	struct gk_err err = {.rc = GK_OK};
	FILE *file;
	bool fine;

	if (path == NULL) {
		return CLI_FINE;
	}
	if (suite_junit(report, &xml, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	file = fopen(path, "we");
	fine = file != NULL &&
	       fwrite(gk_buf_text(&xml), 1, xml.len, file) == xml.len;
	if (file != NULL) {
		fine = fclose(file) == 0 && fine;
	}
	return fine ? CLI_FINE
		    : cli_fail(cli, CLI_NO_CREATE, "%s: %s", path,
			  strerrordesc_np(errno));
}

/* What the numbers say: 1 where a test failed, or too little was reached. */
static int
judge(struct cli *cli, const struct json_value *report, int64_t least)
{
	int64_t reached = words_int(words_at(report, "coverage"), "percent");

	if (words_int(report, "failed") > 0) {
		return CLI_NO;
	}
	if (reached < least) {
		return cli_fail(cli, CLI_NO,
		    "the tests reach %" PRId64 " %% of the rules, less than "
		    "%" PRId64 " %%: see --coverage",
		    reached, least);
	}
	return CLI_FINE;
}

static int
least_coverage(struct cli *cli, int64_t *ret_percent)
{
	const char *text = cli_flag(cli, "min-coverage", 0);
	int64_t n = 0;

	*ret_percent = 0;
	if (text == NULL) {
		return CLI_FINE;
	}
	for (const char *at = text; *at != '\0' && n <= PERCENT; at++) {
		n = *at < '0' || *at > '9' ? PERCENT + 1 : 10 * n + *at - '0';
	}
	if (text[0] == '\0' || n > PERCENT) {
		return cli_fail(cli, CLI_USAGE,
		    "--min-coverage: expected 0 to 100, found '%s'", text);
	}
	*ret_percent = n;
	return CLI_FINE;
}

static int
test_folder(struct cli *cli, const char *dir)
{
	GK_AUTO(testing_done)
	struct testing testing = {
	    .cli = cli, .dir = dir, .files = json_new_array()};
	GK_AUTO(json_freep) struct json_value *report = NULL;
	struct gk_err err = {.rc = GK_OK};
	int64_t least;
	int code = least_coverage(cli, &least), broken;

	if (code == CLI_FINE) {
		code = cli__load_policy(cli, dir, &testing.policy);
	}
	if (code != CLI_FINE) {
		return code;
	}
	testing.marks = calloc(policy_rule_count(testing.policy) + 1, 1);
	if (testing.marks == NULL || testing.files == NULL) {
		return cli_fail(cli, CLI_INTERNAL, "no memory for tests");
	}
	broken = run_folder(&testing);
	if (broken == CLI_NO_INPUT) {
		return broken;
	}
	if (make_report(&testing, &report, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	code = print_report(cli, dir, report);
	if (code == CLI_FINE) {
		code = write_junit(cli, report);
	}
	if (code != CLI_FINE || broken != CLI_FINE) {
		return code != CLI_FINE ? code : broken;
	}
	return judge(cli, report, least);
}

static int
test(struct cli *cli)
{
	struct cli_settings settings;
	struct gk_err err = {.rc = GK_OK};

	if (cli->arg_count > 0) {
		return test_folder(cli, cli->args[0]);
	}
	if (cli->load(cli, &settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	return test_folder(cli, settings.gate.policy_dir);
}

const struct cli_command cli__policy_test = {
    .path = "policy test",
    .arguments = "[DIR]",
    .summary = "run the tests beside a policy",
    .details =
	"Every *.test.yaml of the folder says what some requests must be "
	"answered, step by\n"
	"step: with grants, results, kill switches, and time that passes.  "
	"Each test has a\n"
	"state of its own; nothing is recorded.  DIR is the configuration's "
	"policy_dir by\n"
	"default.  docs/policy-test.md has the format.\n\n"
	"  gatekeeper policy test policies/\n"
	"  gatekeeper policy test policies/ --coverage --min-coverage 90\n"
	"  gatekeeper policy test --only refund --junit report.xml\n\n"
	"--json prints {\"coverage\",\"failed\",\"files\":[{\"file\",\"tests\":"
	"[{\"name\",\"passed\",\n"
	"\"failures\"}…]}…],\"passed\",\"policy\"}.\n",
    .exits = "0   all tests passed\n"
	     "1   a test failed, too little was reached, or the policy is "
	     "invalid\n"
	     "64  the command line is wrong\n"
	     "65  a test file is wrong\n"
	     "66  the folder can't be read, or has no tests\n"
	     "73  the JUnit report can't be written\n"
	     "78  the configuration is wrong\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .max_args = 1,
    .run = test,
};
