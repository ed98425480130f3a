/* `gatekeeper policy explain`: one request's whole way through a policy. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli_internal.h"
#include "cli/suite.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "gate/trial.h"
#include "policy/policy.h"

enum {
	FILE_BYTES = 2 << 20,
	EXPLAIN_CAP = 64 << 20,
	PARTS_MAX = 64,
	ID_WIDTH = 28,
	PART_WIDTH = 48,
	SHOWN_MAX = 96, /* bytes of a part, or of a value */
	SHOWN_ROOM = 104,
};

static const struct cli_flag flags[] = {
    {"agent", "NAME", false, "the agent that asks; else 'agent'"},
    {"caller", "FILE", false,
	"the identity that asks, as JSON; else one that may say anything"},
    {"now", "WHEN", false, "the time of the request; else now"},
    {"all", NULL, false,
	"also the rules that are about other actions, agents or tenants"},
};

/* What is explained, and what was found. */
struct explaining {
	struct cli *cli;
	struct policy *policy; /* owned */
	struct identity caller;
	struct gk_arena arena;
	struct json_value *body, *identity; /* owned */
	struct decision_request request;
	int64_t now_us;
	struct gk_buf text; /* of policy_explain() */
};

static void
explaining_done(struct explaining *explaining)
{
	policy_unpin(explaining->policy);
	json_free(explaining->body);
	json_free(explaining->identity);
	gk_arena_done(&explaining->arena);
	gk_buf_done(&explaining->text);
}

/* ---- what is asked ---- */

/* A file, or with "-" what is piped in, as JSON; gives the exit code. */
static int
read_json(struct cli *cli, const char *path, struct json_value **ret_json)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(FILE_BYTES);
	bool piped = strcmp(path, "-") == 0;
	struct gk_err err = {.rc = GK_OK};

	if (cli_read_file(piped ? "/dev/stdin" : path, &text, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_NO_INPUT;
	}
	if (json_parse(gk_buf_text(&text), text.len, &json_limits_request,
		ret_json, &err) != GK_OK) {
		return cli_fail(
		    cli, CLI_DATA, "%s: %s: %s", path, err.where, err.text);
	}
	return json_type(*ret_json) == JSON_OBJECT
		   ? CLI_FINE
		   : cli_fail(cli, CLI_DATA, "%s: expected an object", path);
}

static int
wrong_field(struct cli *cli, const char *path, const struct gk_err *err)
{
	return cli_fail(cli, CLI_DATA, "%s: %s%s%s", path, err->where,
	    err->where[0] == '\0' ? "" : ": ", err->text);
}

/* What a request on the command line may leave out. */
static bool
complete(struct json_value *body)
{
	struct json_value *none = json_new_object();
	bool fine = (json_get(body, "run_id") != NULL ||
			words_set(body, "run_id", "run_1")) &&
		    (json_get(body, "step_id") != NULL ||
			words_set(body, "step_id", "1"));

	if (json_get(body, "args") != NULL) {
		json_free(none);
		return fine;
	}
	return json_set(body, "args", &none, NULL) == GK_OK && fine;
}

static int
read_request(struct explaining *explaining, const char *path)
{
	struct gk_err err = {.rc = GK_OK};
	int code = read_json(explaining->cli, path, &explaining->body);

	if (code != CLI_FINE) {
		return code;
	}
	if (!complete(explaining->body)) {
		return cli_fail(explaining->cli, CLI_INTERNAL, "no memory");
	}
	return decision_request_decode(explaining->body, &explaining->arena,
		   &explaining->request, &err) == GK_OK
		   ? CLI_FINE
		   : wrong_field(explaining->cli, path, &err);
}

static int
read_caller(struct explaining *explaining)
{
	struct cli *cli = explaining->cli;
	const char *path = cli_flag(cli, "caller", 0);
	const char *agent = cli_flag(cli, "agent", 0);
	struct gk_err err = {.rc = GK_OK};
	int code;

	suite_anyone(&explaining->caller);
	if (path != NULL) {
		code = read_json(cli, path, &explaining->identity);
		if (code != CLI_FINE) {
			return code;
		}
		if (json_get(explaining->identity, "id") == NULL &&
		    !words_set(explaining->identity, "id", "caller")) {
			return cli_fail(cli, CLI_INTERNAL, "no memory");
		}
		if (record_decode(&identity_type, explaining->identity,
			&explaining->arena, &explaining->caller,
			&err) != GK_OK) {
			return wrong_field(cli, path, &err);
		}
		suite_complete_identity(&explaining->caller);
	}
	if (agent != NULL) {
		explaining->caller.agent = agent;
	}
	return identity_check(&explaining->caller, &err) == GK_OK
		   ? CLI_FINE
		   : wrong_field(cli, path == NULL ? "--agent" : path, &err);
}

static int
read_now(struct explaining *explaining)
{
	char text[GK_TIME_TEXT_BYTES];
	const char *at;
	struct gk_err err = {.rc = GK_OK};

	explaining->now_us = gk_clock_system.wall_us(NULL);
	if (!words_time(explaining->cli, "now", WORDS_AGO, text, &at)) {
		return CLI_USAGE;
	}
	return at == NULL ||
		       gk_time_parse(at, &explaining->now_us, &err) == GK_OK
		   ? CLI_FINE
		   : cli_fail_err(explaining->cli, &err);
}

/* Resolved as the API does. */
static const char *
tenant_of(const struct explaining *explaining)
{
	const struct identity *caller = &explaining->caller;

	return explaining->request.tenant_id == NULL &&
		       caller->tenant_count == 1 &&
		       strcmp(caller->tenants[0], "*") != 0
		   ? caller->tenants[0]
		   : explaining->request.tenant_id;
}

/* ---- for people ---- */

struct part {
	int64_t begin, end;
	const char *text, *value;
};

/* How many parts it stands in. */
static int
depth_of(const struct part *parts, size_t count, size_t i)
{
	int depth = 0;

	for (size_t k = 0; k < count; k++) {
		depth += k != i && parts[k].begin <= parts[i].begin &&
			 parts[k].end >= parts[i].end;
	}
	return depth;
}

/* A piece of an expression in one line of at most SHOWN_MAX bytes. */
static void
one_line(const char *text, char line[SHOWN_ROOM])
{
	size_t n = 0;

	for (; *text != '\0' && n < SHOWN_MAX; text++) {
		bool blank = *text == ' ' || *text == '\n' || *text == '\t';

		if (!blank) {
			line[n++] = *text;
		} else if (n > 0 && line[n - 1] != ' ') {
			line[n++] = ' ';
		}
	}
	while (
	    *text != '\0' && n > 0 && ((unsigned char)*text & 0xC0) == 0x80) {
		text--;
		n--;
	}
	(void)snprintf(line + n, SHOWN_ROOM - n, "%s",
	    *text == '\0' ? "" : "\xe2\x80\xa6");
}

static void
print_part(FILE *out, const struct part *part, int depth)
{
	char text[SHOWN_ROOM], value[SHOWN_ROOM];
	int width;

	one_line(part->text, text);
	one_line(part->value, value);
	width = 2 * depth + (int)table_width(text);
	(void)fprintf(out, "      %*s", 2 * depth, "");
	table_print_safe(text, out);
	(void)fprintf(
	    out, "%*s  ", width < PART_WIDTH ? PART_WIDTH - width : 0, "");
	table_print_safe(value, out);
	(void)fputc('\n', out);
}

/* The outer parts first, each with those that it is made of under it. */
static void
print_parts(FILE *out, const struct json_value *list)
{
	struct part parts[PARTS_MAX];
	size_t count = 0;

	for (const struct json_value *one = words_first(list);
	     one != NULL && count < PARTS_MAX; one = json_next(one)) {
		struct part part = {.begin = words_int(one, "column"),
		    .text = words_get(one, "text"),
		    .value = words_get(one, "value")};
		size_t at = count++;

		part.end = part.begin + (int64_t)strlen(part.text);
		while (at > 0 && (parts[at - 1].begin > part.begin ||
				     (parts[at - 1].begin == part.begin &&
					 parts[at - 1].end < part.end))) {
			parts[at] = parts[at - 1];
			at--;
		}
		parts[at] = part;
	}
	for (size_t i = 0; i < count; i++) {
		/* "50.0 is 50.0" tells nothing */
		if (strcmp(parts[i].text, parts[i].value) != 0) {
			print_part(out, &parts[i], depth_of(parts, count, i));
		}
	}
}

/* "applies", and why not, or why although its condition says nothing. */
static void
print_verdict(struct cli *cli, const struct json_value *rule)
{
	const char *value = words_get(words_at(rule, "when"), "value");
	const char *why = words_get(rule, "why");
	bool fails = value != NULL && strcmp(value, "true") != 0 &&
		     strcmp(value, "false") != 0;

	if (words_true(rule, "matches")) {
		(void)fputs(
		    fails ? "applies, for its condition fails" : "applies",
		    cli->out);
	} else if (value != NULL) {
		(void)fprintf(cli->out, "doesn't apply: its condition %s",
		    fails ? "fails" : "is false");
	} else {
		(void)fprintf(cli->out, "doesn't apply: %s", why);
	}
	(void)fputs(
	    words_true(rule, "shadow") ? " (shadow: only recorded)\n" : "\n",
	    cli->out);
}

static void
print_rule(struct cli *cli, const struct json_value *rule, const char *decides)
{
	const struct json_value *when = words_at(rule, "when");
	const char *id = words_get(rule, "id");
	bool matches = words_true(rule, "matches");

	(void)fprintf(cli->out, "  %s %-*s %s:%" PRId64 "  ",
	    !matches                                      ? "\xc2\xb7"
	    : decides != NULL && strcmp(decides, id) == 0 ? "\xe2\x86\x92"
							  : "+",
	    ID_WIDTH, id, words_get(rule, "file"), words_int(rule, "line"));
	print_verdict(cli, rule);
	if (when == NULL) {
		return;
	}
	(void)fprintf(cli->out, "    when: ");
	table_print_safe(words_get(when, "value"), cli->out);
	(void)fputc('\n', cli->out);
	print_parts(cli->out, words_at(when, "parts"));
}

/* It was never about this request: neither roles nor a condition decided that. */
static bool
is_other(const struct json_value *rule)
{
	const char *why = words_get(rule, "why");

	return why != NULL && strcmp(why, "its condition") != 0 &&
	       strcmp(why, "none of its roles") != 0;
}

static size_t
print_section(struct cli *cli, const struct json_value *rules,
    const char *section, const char *decides)
{
	size_t hidden = 0;
	bool any = false;

	for (const struct json_value *rule = words_first(rules); rule != NULL;
	     rule = json_next(rule)) {
		if (strcmp(words_get(rule, "section"), section) != 0) {
			continue;
		}
		if (is_other(rule) && !cli_has_flag(cli, "all")) {
			hidden++;
			continue;
		}
		if (!any) {
			(void)fprintf(cli->out, "%s\n", section);
		}
		any = true;
		print_rule(cli, rule, decides);
	}
	return hidden;
}

static void
print_head(const struct explaining *explaining, const struct json_value *found)
{
	FILE *out = explaining->cli->out;
	const struct decision_request *request = &explaining->request;
	const char *tenant = tenant_of(explaining);
	const char *args = words_get(found, "args");

	(void)fprintf(out, "%s, agent %s, tenant %s, for %s\n", request->action,
	    identity_agent(&explaining->caller),
	    tenant == NULL ? "none" : tenant,
	    request->actor == NULL ? "nobody" : request->actor->id);
	if (!words_true(found, "actor_permitted")) {
		(void)fputs("The caller may not speak for this actor, or for "
			    "these roles: nothing else is judged.\n",
		    out);
	}
	if (args != NULL && strcmp(args, "fit") != 0) {
		(void)fputs(
		    "The arguments don't fit the action's schema: ", out);
		table_print_safe(args, out);
		(void)fputc('\n', out);
	}
	(void)fputc('\n', out);
}

static void
print_people(const struct explaining *explaining,
    const struct json_value *found, const struct trial_answer *answer)
{
	static const char *const sections[] = {
	    "stop", "allow", "limits", "budgets", "approvals"};
	struct cli *cli = explaining->cli;
	const char *layer = layer_words[answer->layer];
	size_t hidden = 0;

	print_head(explaining, found);
	for (size_t i = 0; i < GK_COUNT(sections); i++) {
		hidden += print_section(
		    cli, words_at(found, "rules"), sections[i], answer->rule);
	}
	if (hidden > 0) {
		(void)fprintf(cli->out,
		    "%zu rules are about other actions, agents or tenants%s\n",
		    hidden, cli_has_flag(cli, "all") ? "" : ": see --all");
	}
	if (answer->refused != NULL) {
		(void)fprintf(cli->out, "\nrefused: %s\n", answer->refused);
		return;
	}
	(void)fprintf(cli->out, "\n%s: layer %s, rule %s, reason %s\n",
	    decision_words[answer->decision], layer == NULL ? "-" : layer,
	    answer->rule == NULL ? "none" : answer->rule,
	    answer->reason == NULL ? "-" : answer->reason);
}

/* ---- for scripts ---- */

static enum gk_rc
add_word(
    struct gk_buf *buf, const char *name, const char *text, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "\"%s\":", name));
	return text == NULL ? gk_buf_puts(buf, "null", err)
			    : canon_string(text, buf, err);
}

/* {"answer":{…},"explain":{…}} */
static enum gk_rc
print_whole(const struct explaining *explaining,
    const struct trial_answer *answer, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EXPLAIN_CAP);
	bool refused = answer->refused != NULL;

	GK_TRY(gk_buf_puts(&buf, "{\"answer\":{", err));
	GK_TRY(add_word(&buf, "decision",
	    refused ? NULL : decision_words[answer->decision], err));
	GK_TRY(gk_buf_putc(&buf, ',', err));
	GK_TRY(add_word(
	    &buf, "layer", refused ? NULL : layer_words[answer->layer], err));
	GK_TRY(gk_buf_putc(&buf, ',', err));
	GK_TRY(add_word(&buf, "reason", answer->reason, err));
	GK_TRY(gk_buf_putc(&buf, ',', err));
	GK_TRY(add_word(&buf, "refused", answer->refused, err));
	GK_TRY(gk_buf_putc(&buf, ',', err));
	GK_TRY(add_word(&buf, "rule", answer->rule, err));
	GK_TRY(gk_buf_printf(
	    &buf, err, "},\"explain\":%s}", gk_buf_text(&explaining->text)));
	(void)fprintf(explaining->cli->out, "%s\n", gk_buf_text(&buf));
	return GK_OK;
}

/* ---- the command ---- */

static enum gk_rc
decide(const struct explaining *explaining, struct trial *trial,
    struct trial_answer *ret_answer, struct gk_err *err)
{
	struct trial_ask ask = {.request = &explaining->request,
	    .caller = &explaining->caller,
	    .tenant = tenant_of(explaining)};

	GK_TRY(trial_time(trial, explaining->now_us, err));
	GK_TRY(trial_identity(trial, &explaining->caller, err));
	return trial_decide(trial, &ask, ret_answer, err);
}

static enum gk_rc
explain_request(struct explaining *explaining, struct gk_err *err)
{
	GK_AUTO(trial_freep) struct trial *trial = NULL;
	GK_AUTO(json_freep) struct json_value *found = NULL;
	static const struct json_limits limits = {
	    .bytes = EXPLAIN_CAP, .depth = 16, .values = 4000000};
	struct trial_answer answer;
	const struct policy_input input = {.request = &explaining->request,
	    .caller = &explaining->caller,
	    .tenant = tenant_of(explaining),
	    .asked_at_us = explaining->now_us};

	GK_TRY(
	    policy_explain(explaining->policy, &input, &explaining->text, err));
	GK_TRY(trial_new(explaining->policy, true, &trial, err));
	GK_TRY(decide(explaining, trial, &answer, err));
	if (explaining->cli->json) {
		return print_whole(explaining, &answer, err);
	}
	GK_TRY(json_parse(gk_buf_text(&explaining->text), explaining->text.len,
	    &limits, &found, err));
	print_people(explaining, found, &answer);
	return GK_OK;
}

static int
explain(struct cli *cli)
{
	GK_AUTO(explaining_done)
	struct explaining explaining = {.cli = cli,
	    .arena = GK_ARENA_INIT(16u << 20),
	    .text = GK_BUF_INIT(EXPLAIN_CAP)};
	struct gk_err err = {.rc = GK_OK};
	int code = read_now(&explaining);

	if (code == CLI_FINE) {
		code = cli__load_policy(cli, cli->args[0], &explaining.policy);
	}
	if (code == CLI_FINE) {
		code = read_request(&explaining, cli->args[1]);
	}
	if (code == CLI_FINE) {
		code = read_caller(&explaining);
	}
	if (code != CLI_FINE) {
		return code;
	}
	return explain_request(&explaining, &err) == GK_OK
		   ? CLI_FINE
		   : cli_fail_err(cli, &err);
}

const struct cli_command cli__policy_explain = {
    .path = "policy explain",
    .arguments = "DIR REQUEST",
    .summary = "one request's whole way through a policy",
    .details =
	"REQUEST is the body of POST /v1/decisions, or - for what is piped "
	"in; run_id, step_id and\n"
	"args may be left out.  Every rule that is about its action is shown "
	"by layer, with the\n"
	"parts of its condition and their values; then the answer, with "
	"limits and budgets unused.\n"
	"A server explains with POST /v1/decisions/explain.\n\n"
	"  gatekeeper policy explain policies/ request.json --agent "
	"support-agent\n"
	"  echo '{\"action\": \"crm.search\"}' | gatekeeper policy explain "
	"policies/ -\n"
	"  gatekeeper policy explain policies/ request.json --caller "
	"identity.json --json\n",
    .exits = "0   explained, whatever the answer is\n"
	     "1   the policy is invalid\n"
	     "64  the command line is wrong\n"
	     "65  the request or the identity is wrong\n"
	     "66  a file can't be read\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .min_args = 2,
    .max_args = 2,
    .run = explain,
};
