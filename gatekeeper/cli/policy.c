/* `gatekeeper policy`: check a folder of rules, reload it, go back to an older one. */
#include <inttypes.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "policy/policy.h"

enum { SHOWN_MAX = 120, SHOWN_BEHIND = 60 }; /* columns of a line */

/* n code points further on, or the end. */
static const char *
skip(const char *at, unsigned n)
{
	for (; *at != '\0' && n > 0; n--) {
		at++;
		while (((unsigned char)*at & 0xC0) == 0x80) {
			at++;
		}
	}
	return at;
}

/* As much of the line as fits around the column, and a caret under that. */
static void
print_source(struct cli *cli, const struct policy_problem *problem)
{
	unsigned before = problem->column > SHOWN_MAX - SHOWN_BEHIND
			      ? problem->column - SHOWN_BEHIND
			      : 0;
	const char *at = skip(problem->source, before);
	const char *end = skip(at, SHOWN_MAX);
	unsigned blanks = problem->column - before - (before == 0);

	(void)fputs(before == 0 ? "    " : "    \xe2\x80\xa6", cli->out);
	for (; at < end; at++) {
		(void)fputc(*at == '\t'                 ? ' '
			    : (unsigned char)*at < 0x20 ? '?'
							: *at,
		    cli->out);
	}
	(void)fprintf(cli->out, "%s\n    %*s^\n",
	    *end == '\0' ? "" : "\xe2\x80\xa6", (int)blanks, "");
}

void
cli__print_problem(
    struct cli *cli, const char *dir, const struct policy_problem *problem)
{
	(void)fprintf(cli->out, "%s%s%s:", dir,
	    problem->file[0] != '\0' ? "/" : "", problem->file);
	if (problem->line > 0) {
		(void)fprintf(
		    cli->out, "%u:%u:", problem->line, problem->column);
	}
	(void)fprintf(
	    cli->out, " %s: ", problem->warning ? "warning" : "error");
	table_print_safe(problem->text, cli->out);
	(void)fputc('\n', cli->out);
	if (problem->source != NULL && problem->column > 0) {
		print_source(cli, problem);
	}
	if (problem->hint != NULL) {
		(void)fputs("    hint: ", cli->out);
		table_print_safe(problem->hint, cli->out);
		(void)fputc('\n', cli->out);
	}
}

static void
print_report(struct cli *cli, const char *dir, const struct policy *policy,
    const struct policy_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		cli__print_problem(cli, dir, &report->problems[i]);
	}
	if (report->errors + report->warnings > report->count) {
		(void)fprintf(cli->out, "… and %zu more\n",
		    report->errors + report->warnings - report->count);
	}
	if (policy != NULL) {
		(void)fprintf(cli->out,
		    "%s: valid; rules: %zu, warnings: %zu, %s\n", dir,
		    policy_rule_count(policy), report->warnings,
		    policy_digest(policy));
	} else {
		(void)fprintf(cli->out,
		    "%s: invalid; errors: %zu, warnings: %zu\n", dir,
		    report->errors, report->warnings);
	}
}

/* {"severity","file","line","column","text","hint"}; NULL when memory ran out. */
static struct json_value *
problem_json(const struct policy_problem *problem)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();
	struct json_value *line = json_new_number(problem->line);
	struct json_value *column = json_new_number(problem->column);
	bool fine = one != NULL;

	fine = json_set(one, "line", &line, NULL) == GK_OK && fine;
	fine = json_set(one, "column", &column, NULL) == GK_OK && fine;
	fine = fine &&
	       words_set(
		   one, "severity", problem->warning ? "warning" : "error") &&
	       words_set(one, "file", problem->file) &&
	       words_set(one, "text", problem->text) &&
	       words_set(one, "hint", problem->hint);
	return fine ? GK_TAKE(one) : NULL;
}

static int
print_json(struct cli *cli, const struct policy *policy,
    const struct policy_report *report)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	GK_AUTO(json_freep) struct json_value *list = json_new_array();
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1u << 20);
	struct json_value *valid = json_new_bool(policy != NULL);
	struct gk_err err = {0};
	bool fine = list != NULL;

	for (size_t i = 0; fine && i < report->count; i++) {
		struct json_value *one = problem_json(&report->problems[i]);

		fine = json_append(list, &one, NULL) == GK_OK;
	}
	fine = json_set(root, "valid", &valid, NULL) == GK_OK && fine;
	fine = fine && json_set(root, "problems", &list, NULL) == GK_OK &&
	       words_set(root, "digest",
		   policy != NULL ? policy_digest(policy) : NULL);
	if (!fine) {
		return cli_fail(cli, CLI_INTERNAL, "no memory for the report");
	}
	if (canon_print(root, &buf, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	(void)fprintf(cli->out, "%s\n", gk_buf_text(&buf));
	return CLI_FINE;
}

int
cli__load_policy(struct cli *cli, const char *dir, struct policy **ret_policy)
{
	GK_AUTO(policy_report_done) struct policy_report report = {0};
	struct gk_err err = {0};
	enum gk_rc rc = policy_load(dir, ret_policy, &report, &err);

	if (rc == GK_OK) {
		return CLI_FINE;
	}
	if (report.errors == 0) {
		return cli_fail_err(cli, &err);
	}
	for (size_t i = 0; i < report.count; i++) {
		if (!report.problems[i].warning) {
			cli__print_problem(cli, dir, &report.problems[i]);
		}
	}
	return rc == GK_E_IO ? CLI_NO_INPUT : CLI_NO;
}

static int
report_load(struct cli *cli, const char *dir)
{
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	GK_AUTO(policy_report_done) struct policy_report report = {0};
	struct gk_err err = {0};
	enum gk_rc rc = policy_load(dir, &policy, &report, &err);
	int code;

	if (rc != GK_OK && report.errors == 0) {
		code = cli_fail_err(cli, &err);
		return rc == GK_E_IO ? CLI_NO_INPUT : code;
	}
	code = CLI_FINE;
	if (cli->json) {
		code = print_json(cli, policy, &report);
	} else {
		print_report(cli, dir, policy, &report);
	}
	if (code != CLI_FINE || policy != NULL) {
		return code;
	}
	return rc == GK_E_IO ? CLI_NO_INPUT : CLI_NO;
}

static int
check(struct cli *cli)
{
	struct cli_settings settings;
	struct gk_err err = {0};

	if (cli->arg_count > 0) {
		return report_load(cli, cli->args[0]);
	}
	if (cli->load(cli, &settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	return report_load(cli, settings.gate.policy_dir);
}

const struct cli_command cli__policy_check = {
    .path = "policy check",
    .arguments = "[DIR]",
    .summary = "look for errors in a folder of policy files",
    .details = "Every problem stands with file, line, column, and what to do "
	       "about it.  Nothing is\n"
	       "loaded into a server; DIR is the configuration's policy_dir by "
	       "default.\n\n"
	       "  gatekeeper policy check policies/\n"
	       "  gatekeeper policy check --json\n",
    .exits = "0   valid (there may be warnings)\n"
	     "1   invalid\n"
	     "64  the command line is wrong\n"
	     "66  the folder can't be read\n"
	     "78  the configuration is wrong\n",
    .max_args = 1,
    .run = check,
};

static int
reload(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_POLICY_RELOAD};
	int code = session_init(&session, cli);

	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	if (code != CLI_FINE) {
		return code;
	}
	if (cli->json) {
		return answer_print(cli, &answer);
	}
	(void)fputs("reloaded\n", cli->out);
	return CLI_FINE;
}

const struct cli_command cli__policy_reload = {
    .path = "policy reload",
    .arguments = "",
    .summary = "read the policy folder again",
    .details = "The folder loads whole or not at all; the old policy goes on "
	       "if it doesn't.\n\n"
	       "  gatekeeper policy reload\n",
    .run = reload,
};

static int
rollback(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = cli__reason_body(cli);
	struct ask ask = {.verb = GATE_POLICY_ROLLBACK, .body = body};
	int code;

	if (body == NULL || !words_set(body, "digest", cli->args[0])) {
		return cli_fail(cli, CLI_USAGE, "expected a digest: sha256:…");
	}
	code = session_init(&session, cli);
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	if (code != CLI_FINE) {
		return code;
	}
	if (cli->json) {
		return answer_print(cli, &answer);
	}
	(void)fputs("in force: ", cli->out);
	table_print_safe(cli->args[0], cli->out);
	(void)fputc('\n', cli->out);
	return CLI_FINE;
}

const struct cli_command cli__policy_rollback = {
    .path = "policy rollback",
    .arguments = "DIGEST",
    .summary = "put an older policy in force again",
    .details =
	"Every policy that was ever in force is kept by its digest; "
	"`gatekeeper events --kind\n"
	"policy` lists them.  The next reload reads the folder again.\n\n"
	"  gatekeeper policy rollback sha256:9f2c... --reason 'refunds too "
	"tight'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .min_args = 1,
    .max_args = 1,
    .run = rollback,
};
