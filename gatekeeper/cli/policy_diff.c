/* `gatekeeper policy diff`: where two policies decide differently about the same requests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/time.h"
#include "cli/cli_internal.h"
#include "cli/suite.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "gate/trial.h"
#include "policy/policy.h"

enum {
	REQUESTS_BYTES = 256 << 20,
	REPORT_CAP = 64 << 20,
	ID_BYTES = 48,
	NAME_BYTES = 72, /* ids of rules and reasons have at most 64 */
	OUTCOME_BYTES = 320,
	CHANGES_MAX = 10000,
};

static const struct cli_flag flags[] = {
    {"agent", "NAME", false, "the agent that asks; else 'agent'"},
    {"now", "WHEN", false, "the time of the requests; else now"},
    {"together", NULL, false,
	"one after the other in one state: limits and budgets count"},
};

/* What one policy said; "": nothing. */
struct outcome {
	const char *decision, *layer;
	char rule[NAME_BYTES], reason[NAME_BYTES];
};

/* Requests that changed in the same way. */
struct difference {
	struct outcome sides[2];
	char *action;
	uint64_t count, line; /* line: of the first */
	size_t key_n;
	char key[];
};

struct diff {
	struct cli *cli;
	struct policy *policies[2]; /* owned */
	struct trial *trials[2];    /* owned; with --together */
	struct identity caller;
	int64_t now_us;
	struct gk_map by_key;        /* → struct difference */
	struct difference **changes; /* owned, as are its elements */
	size_t change_count;
	uint64_t requests, same, line;
	uint64_t refused; /* by the API's rules, whatever the policy */
};

static void
diff_done(struct diff *diff)
{
	for (size_t i = 0; i < diff->change_count; i++) {
		free(diff->changes[i]->action);
		free(diff->changes[i]);
	}
	free(diff->changes);
	gk_map_done(&diff->by_key);
	for (int i = 0; i < 2; i++) {
		trial_free(diff->trials[i]);
		policy_unpin(diff->policies[i]);
	}
}

/* ---- one request ---- */

static enum gk_rc
trial_of(
    struct diff *diff, int side, struct trial **ret_trial, struct gk_err *err)
{
	*ret_trial = diff->trials[side];
	if (*ret_trial != NULL) {
		return GK_OK;
	}
	GK_TRY(trial_new(diff->policies[side], true, ret_trial, err));
	if (cli_has_flag(diff->cli, "together")) {
		diff->trials[side] = *ret_trial;
	}
	GK_TRY(trial_time(*ret_trial, diff->now_us, err));
	return trial_identity(*ret_trial, &diff->caller, err);
}

static void
copy_name(char to[NAME_BYTES], const char *from)
{
	(void)snprintf(to, NAME_BYTES, "%s", from == NULL ? "" : from);
}

static enum gk_rc
decide(struct diff *diff, int side, const struct decision_request *request,
    struct outcome *ret, struct gk_err *err)
{
	struct trial_ask ask = {.request = request,
	    .caller = &diff->caller,
	    .tenant = request->tenant_id};
	struct trial_answer answer;
	struct trial *trial = NULL;
	enum gk_rc rc = trial_of(diff, side, &trial, err);

	memset(ret, 0, sizeof(*ret));
	if (rc == GK_OK) {
		rc = trial_decide(trial, &ask, &answer, err);
	}
	if (rc == GK_OK) {
		bool refused = answer.refused != NULL;

		ret->decision =
		    refused ? "refused" : decision_words[answer.decision];
		ret->layer = refused ? NULL : layer_words[answer.layer];
		copy_name(ret->rule, answer.rule);
		copy_name(
		    ret->reason, refused ? answer.refused : answer.reason);
	}
	if (trial != diff->trials[side]) {
		trial_free(trial);
	}
	return rc;
}

/* Decisions and layers are words of tables. */
static bool
same_outcome(const struct outcome *a, const struct outcome *b)
{
	return a->decision == b->decision && a->layer == b->layer &&
	       strcmp(a->rule, b->rule) == 0 &&
	       strcmp(a->reason, b->reason) == 0;
}

/* ---- the changes ---- */

/* "stop no-refunds (refund_denied)" */
static void
outcome_text(const struct outcome *outcome, char text[OUTCOME_BYTES])
{
	(void)snprintf(text, OUTCOME_BYTES, "%s %s (%s)", outcome->decision,
	    outcome->rule[0] == '\0' ? "-" : outcome->rule,
	    outcome->reason[0] == '\0' ? "-" : outcome->reason);
}

static enum gk_rc
add_change(struct diff *diff, const char *action, const struct outcome sides[2],
    const char *key, struct gk_err *err)
{
	struct difference **more =
	    reallocarray(diff->changes, diff->change_count + 1, sizeof(*more));
	struct difference *change;
	size_t n = strlen(key);

	if (more == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for changes");
	}
	diff->changes = more;
	if (diff->change_count == CHANGES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "more than %d kinds of changes: these policies have too "
		    "little in common",
		    CHANGES_MAX);
	}
	change = malloc(sizeof(*change) + n + 1);
	if (change == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for changes");
	}
	*change = (struct difference){.sides = {sides[0], sides[1]},
	    .action = strdup(action),
	    .line = diff->line,
	    .key_n = n};
	memcpy(change->key, key, n + 1);
	diff->changes[diff->change_count++] = change;
	return change->action == NULL
		   ? GK_FAIL(err, GK_E_NOMEM, "no memory for changes")
		   : gk_map_set(&diff->by_key, change->key, n, change, err);
}

static enum gk_rc
note_change(struct diff *diff, const char *action,
    const struct outcome sides[2], struct gk_err *err)
{
	char before[OUTCOME_BYTES], after[OUTCOME_BYTES];
	char key[3 * OUTCOME_BYTES];
	struct difference *change;

	outcome_text(&sides[0], before);
	outcome_text(&sides[1], after);
	(void)snprintf(key, sizeof(key), "%s\n%s\n%s", action, before, after);
	change = gk_map_get(&diff->by_key, key, strlen(key));
	if (change == NULL) {
		GK_TRY(add_change(diff, action, sides, key, err));
		change = gk_map_get(&diff->by_key, key, strlen(key));
	}
	change->count++;
	return GK_OK;
}

/* ---- reading ---- */

/* What a line may leave out. */
static enum gk_rc
complete(struct diff *diff, struct json_value *body, struct gk_err *err)
{
	char id[ID_BYTES];

	(void)snprintf(id, sizeof(id), "line-%" PRIu64, diff->line);
	if (json_get(body, "args") == NULL) {
		struct json_value *none = json_new_object();

		GK_TRY(json_set(body, "args", &none, err));
	}
	if (json_get(body, "run_id") == NULL) {
		struct json_value *run = json_new_string("run_1");

		GK_TRY(json_set(body, "run_id", &run, err));
	}
	if (json_get(body, "step_id") == NULL) {
		struct json_value *step = json_new_string(id);

		GK_TRY(json_set(body, "step_id", &step, err));
	}
	return GK_OK;
}

static enum gk_rc
compare_line(struct diff *diff, const char *line, size_t n, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *body = NULL;
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4u << 20);
	struct decision_request request;
	struct outcome sides[2];

	GK_TRY(json_parse(line, n, &json_limits_request, &body, err));
	if (json_type(body) != JSON_OBJECT) {
		return GK_FAIL(
		    err, GK_E_INVALID, "expected the body of a request");
	}
	GK_TRY(complete(diff, body, err));
	GK_TRY(decision_request_decode(body, &arena, &request, err));
	for (int i = 0; i < 2; i++) {
		GK_TRY(decide(diff, i, &request, &sides[i], err));
	}
	diff->requests++;
	if (same_outcome(&sides[0], &sides[1])) {
		diff->same++;
		diff->refused += strcmp(sides[0].decision, "refused") == 0;
		return GK_OK;
	}
	return note_change(diff, request.action, sides, err);
}

static int
compare_file(struct diff *diff, const char *path)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(REQUESTS_BYTES);
	struct gk_err err = {.rc = GK_OK};
	const char *at, *end, *stop;

	if (cli_read_file(path, &text, &err) != GK_OK) {
		(void)cli_fail_err(diff->cli, &err);
		return CLI_NO_INPUT;
	}
	end = gk_buf_text(&text) + text.len;
	for (at = gk_buf_text(&text); at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop == NULL ? end : stop;
		diff->line++;
		if (strspn(at, " \t\r") >= (size_t)(stop - at)) {
			continue;
		}
		if (compare_line(diff, at, (size_t)(stop - at), &err) !=
		    GK_OK) {
			return cli_fail(diff->cli,
			    err.rc == GK_E_NOMEM ? CLI_INTERNAL : CLI_DATA,
			    "%s:%" PRIu64 ": %s%s%s", path, diff->line,
			    err.where, err.where[0] == '\0' ? "" : ": ",
			    err.text);
		}
	}
	return CLI_FINE;
}

/* ---- reports ---- */

static int
by_count(const void *a, const void *b)
{
	const struct difference *const *left = a, *const *right = b;

	return (*left)->count != (*right)->count
		   ? ((*left)->count < (*right)->count ? 1 : -1)
		   : ((*left)->line > (*right)->line) -
			 ((*left)->line < (*right)->line);
}

static void
print_table(struct cli *cli, const struct diff *diff)
{
	static const char *const head[] = {
	    "COUNT", "ACTION", "A", "B", "FIRST"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(head));

	table_row(&table, head);
	for (size_t i = 0; i < diff->change_count; i++) {
		const struct difference *change = diff->changes[i];
		char count[24], line[32], before[OUTCOME_BYTES],
		    after[OUTCOME_BYTES];

		(void)snprintf(count, sizeof(count), "%" PRIu64, change->count);
		(void)snprintf(
		    line, sizeof(line), "line %" PRIu64, change->line);
		outcome_text(&change->sides[0], before);
		outcome_text(&change->sides[1], after);
		table_row(&table, (const char *const[]){count, change->action,
				      before, after, line});
	}
	if (diff->change_count > 0) {
		table_print(&table, cli->out);
		(void)fputc('\n', cli->out);
	}
	(void)fprintf(cli->out,
	    "%" PRIu64 " requests: %" PRIu64 " the same, %" PRIu64
	    " different\n",
	    diff->requests, diff->same, diff->requests - diff->same);
	if (diff->refused > 0) {
		(void)fprintf(cli->out,
		    "%" PRIu64 " of them are refused by both\n", diff->refused);
	}
}

static enum gk_rc
outcome_json(
    const struct outcome *outcome, struct gk_buf *buf, struct gk_err *err)
{
	const char *const texts[] = {outcome->decision,
	    outcome->layer == NULL ? "" : outcome->layer, outcome->reason,
	    outcome->rule};
	static const char *const names[] = {
	    "decision", "layer", "reason", "rule"};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		GK_TRY(gk_buf_printf(
		    buf, err, "%s\"%s\":", i == 0 ? "{" : ",", names[i]));
		GK_TRY(texts[i][0] == '\0' ? gk_buf_puts(buf, "null", err)
					   : canon_string(texts[i], buf, err));
	}
	return gk_buf_putc(buf, '}', err);
}

static enum gk_rc
report_json(const struct diff *diff, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, "{\"changes\":[", err));
	for (size_t i = 0; i < diff->change_count; i++) {
		const struct difference *change = diff->changes[i];

		GK_TRY(gk_buf_puts(buf, i == 0 ? "{\"a\":" : ",{\"a\":", err));
		GK_TRY(outcome_json(&change->sides[0], buf, err));
		GK_TRY(gk_buf_puts(buf, ",\"action\":", err));
		GK_TRY(canon_string(change->action, buf, err));
		GK_TRY(gk_buf_puts(buf, ",\"b\":", err));
		GK_TRY(outcome_json(&change->sides[1], buf, err));
		GK_TRY(gk_buf_printf(buf, err,
		    ",\"count\":%" PRIu64 ",\"line\":%" PRIu64 "}",
		    change->count, change->line));
	}
	return gk_buf_printf(buf, err,
	    "],\"refused\":%" PRIu64 ",\"requests\":%" PRIu64
	    ",\"same\":%" PRIu64 "}",
	    diff->refused, diff->requests, diff->same);
}

static int
print_diff(struct cli *cli, struct diff *diff)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(REPORT_CAP);
	struct gk_err err = {.rc = GK_OK};

	if (diff->change_count > 0) {
		qsort(diff->changes, diff->change_count,
		    sizeof(struct difference *), by_count);
	}
	if (!cli->json) {
		print_table(cli, diff);
	} else if (report_json(diff, &buf, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	} else {
		(void)fprintf(cli->out, "%s\n", gk_buf_text(&buf));
	}
	return diff->same == diff->requests ? CLI_FINE : CLI_NO;
}

/* The time that --now says, or now. */
static int
read_now(struct cli *cli, int64_t *ret_us)
{
	char text[GK_TIME_TEXT_BYTES];
	const char *at;
	struct gk_err err = {.rc = GK_OK};

	*ret_us = gk_clock_system.wall_us(NULL);
	if (!words_time(cli, "now", WORDS_AGO, text, &at)) {
		return CLI_USAGE;
	}
	return at == NULL || gk_time_parse(at, ret_us, &err) == GK_OK
		   ? CLI_FINE
		   : cli_fail_err(cli, &err);
}

static int
diff(struct cli *cli)
{
	GK_AUTO(diff_done) struct diff diff = {.cli = cli};
	int code = read_now(cli, &diff.now_us);

	suite_anyone(&diff.caller);
	diff.caller.agent = cli_flag(cli, "agent", 0);
	for (int i = 0; i < 2 && code == CLI_FINE; i++) {
		code = cli__load_policy(cli, cli->args[i], &diff.policies[i]);
		/* 1 is "they differ" */
		code = code == CLI_NO ? CLI_DATA : code;
	}
	if (code == CLI_FINE) {
		code = compare_file(&diff, cli->args[2]);
	}
	return code == CLI_FINE ? print_diff(cli, &diff) : code;
}

const struct cli_command cli__policy_diff = {
    .path = "policy diff",
    .arguments = "DIR_A DIR_B REQUESTS",
    .summary = "where two policies decide differently",
    .details =
	"REQUESTS is a file of request bodies, as POST /v1/decisions takes "
	"them, one in a line;\n"
	"run_id, step_id and args may be left out.  Each is decided by both "
	"policies, in a state\n"
	"of its own, for an agent that may say anything.  `policy replay` "
	"does so with what is\n"
	"recorded.\n\n"
	"  gatekeeper policy diff policies/ policies-next/ requests.ndjson\n"
	"  gatekeeper policy diff old new requests.ndjson --agent "
	"support-agent --json\n",
    .exits = "0   they decide the same\n"
	     "1   they differ\n"
	     "64  the command line is wrong\n"
	     "65  a policy or a request is wrong\n"
	     "66  a file can't be read\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .min_args = 3,
    .max_args = 3,
    .run = diff,
};
