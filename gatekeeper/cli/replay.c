/* `gatekeeper policy replay`: what another policy would have decided. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"
#include "gate/replay.h"
#include "policy/policy.h"

enum { REPORT_CAP = 16 << 20 };

static const struct cli_flag flags[] = {
    {"since", "WHEN", false,
	"a time, or a duration such as 7d; else from the beginning"},
    {"until", "WHEN", false,
	"a time, or a duration such as 1h; else to the end"},
};

static void
show_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct cli *cli = ctx;

	(void)fprintf(
	    cli->err, "\r%" PRIu64 " of %" PRIu64 " events\033[K", done, total);
	(void)fflush(cli->err);
}

/* The time that a flag says; 0: it wasn't given. */
static int
time_of(struct cli *cli, const char *flag, int64_t *ret_us)
{
	char text[GK_TIME_TEXT_BYTES];
	const char *at;
	struct gk_err err = {0};

	*ret_us = 0;
	if (!words_time(cli, flag, WORDS_AGO, text, &at)) {
		return CLI_USAGE;
	}
	if (at != NULL && gk_time_parse(at, ret_us, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	return CLI_FINE;
}

/* "stop no-refunds (refund_denied)" */
static void
outcome_text(const struct json_value *outcome, char *text, size_t room)
{
	const char *rule = words_get(outcome, "rule");
	const char *reason = words_get(outcome, "reason");

	(void)snprintf(text, room, "%s %s (%s)", words_get(outcome, "decision"),
	    rule == NULL ? "-" : rule, reason == NULL ? "-" : reason);
}

static void
print_changes(struct cli *cli, const struct json_value *changes)
{
	static const char *const head[] = {
	    "COUNT", "ACTION", "RECORDED", "WOULD BE", "EXAMPLE"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(head));

	if (json_count(changes) == 0) {
		return;
	}
	table_row(&table, head);
	for (const struct json_value *one = json_first(changes); one != NULL;
	     one = json_next(one)) {
		const struct json_value *example = words_at(one, "example");
		char count[24], before[256], after[256], where[320];
		const char *run = words_get(example, "run_id");
		const char *step = words_get(example, "step_id");

		(void)snprintf(
		    count, sizeof(count), "%" PRId64, words_int(one, "count"));
		outcome_text(words_at(one, "before"), before, sizeof(before));
		outcome_text(words_at(one, "after"), after, sizeof(after));
		(void)snprintf(where, sizeof(where), "run %s, step %s",
		    run == NULL ? "-" : run, step == NULL ? "-" : step);
		table_row(&table,
		    (const char *const[]){
			count, words_get(one, "action"), before, after, where});
	}
	table_print(&table, cli->out);
	(void)fputc('\n', cli->out);
}

static void
print_unknown(struct cli *cli, const struct json_value *unknown)
{
	if (json_count(unknown) == 0) {
		return;
	}
	(void)fputs("Can't be told: the record keeps hashes of what these "
		    "rules look at.\n",
	    cli->out);
	for (const struct json_value *one = json_first(unknown); one != NULL;
	     one = json_next(one)) {
		const struct json_value *rules = words_at(one, "rules");

		(void)fprintf(
		    cli->out, "  %" PRId64 " of ", words_int(one, "count"));
		table_print_safe(words_get(one, "action"), cli->out);
		for (const struct json_value *rule = json_first(rules);
		     rule != NULL; rule = json_next(rule)) {
			(void)fputs(
			    rule == json_first(rules) ? ": " : ", ", cli->out);
			table_print_safe(json_string(rule), cli->out);
		}
		(void)fputc('\n', cli->out);
	}
	(void)fputc('\n', cli->out);
}

static int
print_report(struct cli *cli, const struct gk_buf *report)
{
	static const struct json_limits limits = {
	    .bytes = REPORT_CAP, .depth = 16, .values = 200000};
	GK_AUTO(json_freep) struct json_value *root = NULL;
	struct gk_err err = {0};
	int64_t decisions, told, same;

	if (cli->json) {
		(void)fprintf(cli->out, "%s\n", gk_buf_text(report));
		return CLI_FINE;
	}
	if (json_parse(gk_buf_text(report), report->len, &limits, &root,
		&err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	decisions = words_int(root, "decisions");
	told = words_int(root, "told");
	same = words_int(root, "same");
	print_changes(cli, words_at(root, "changes"));
	print_unknown(cli, words_at(root, "cannot_tell"));
	(void)fprintf(cli->out,
	    "%" PRId64 " decisions: %" PRId64 " the same, %" PRId64
	    " would change, %" PRId64 " can't be told\n",
	    decisions, same, told - same, decisions - told);
	return CLI_FINE;
}

static int
replay(struct cli *cli)
{
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf report = GK_BUF_INIT(REPORT_CAP);
	struct cli_settings settings;
	struct gk_err err = {0};
	struct replay_options options = {
	    .progress = cli->err_tty && !cli->json ? show_progress : NULL,
	    .ctx = cli};
	char journal[4200];
	enum gk_rc rc;
	int code;

	if (cli->load(cli, &settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	code = time_of(cli, "since", &options.since_us);
	if (code == CLI_FINE) {
		code = time_of(cli, "until", &options.until_us);
	}
	if (code == CLI_FINE) {
		code = cli__load_policy(cli, cli->args[0], &policy);
	}
	if (code != CLI_FINE) {
		return code;
	}
	options.data_dir = settings.gate.data_dir;
	options.policy = policy;
	(void)snprintf(
	    journal, sizeof(journal), "%s/journal.db", options.data_dir);
	if (access(journal, F_OK) != 0) {
		return cli_fail(cli, CLI_NO_INPUT,
		    "%s: %s; which server's record? see --config", journal,
		    strerrordesc_np(errno));
	}
	rc = replay_run(&options, &report, &err);
	if (options.progress != NULL) {
		(void)fputs("\r\033[K", cli->err);
	}
	return rc == GK_OK ? print_report(cli, &report)
			   : cli_fail_err(cli, &err);
}

const struct cli_command cli__policy_replay = {
    .path = "policy replay",
    .arguments = "DIR",
    .summary = "what another policy would have decided of what is recorded",
    .details = "The recorded decisions of a time span are decided again by the "
	       "policy of DIR, with its own\n"
	       "limits, budgets and approvals; results, votes, switches and "
	       "identities happen as they were\n"
	       "recorded.  Nothing is written.  The record keeps hashes of "
	       "arguments and contexts: what a\n"
	       "condition can't see is counted as such, by rule, and never "
	       "guessed.\n\n"
	       "  gatekeeper policy replay policies-next/ --since 7d\n"
	       "  gatekeeper policy replay policies-next/ --json\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .exits = "0   done, whatever would change\n"
	     "1   the policy is invalid\n"
	     "64  the command line is wrong\n"
	     "65  the journal is damaged\n"
	     "66  the folder can't be read, or there is no journal\n"
	     "74  the journal can't be read\n"
	     "78  the configuration is wrong\n",
    .min_args = 1,
    .max_args = 1,
    .run = replay,
};
