/* `gatekeeper policy explain`: one request's whole way through a policy. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli_internal.h"
#include "cli/explanation.h"
#include "cli/suite.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "gate/trial.h"
#include "policy/policy.h"

enum {
	FILE_BYTES = 2 << 20,
	EXPLAIN_CAP = 64 << 20,
};

static const struct cli_flag flags[] = {
    {"agent", "NAME", false, "the agent that asks; else 'agent'"},
    {"caller", "FILE", false,
	"the identity that asks, as JSON; else one that may say anything"},
    {"tenant", "NAME", false,
	"the tenant that is asked for; else the request's, or the caller's "
	"only one"},
    {"now", "WHEN", false, "the time of the request; else now"},
    {"all", NULL, false,
	"also the rules that are about other actions, agents or tenants"},
};

/* What is explained. */
struct explaining {
	struct cli *cli;
	struct policy *policy; /* owned */
	struct identity caller;
	struct gk_arena arena;
	struct json_value *body, *identity; /* owned */
	struct decision_request request;
	int64_t now_us;
};

static void
explaining_done(struct explaining *explaining)
{
	policy_unpin(explaining->policy);
	json_free(explaining->body);
	json_free(explaining->identity);
	gk_arena_done(&explaining->arena);
}

/* ---- what is asked ---- */

/* "request.json:2:7: …" of err, whose where is "offset N" in text. */
static int
wrong_text(struct cli *cli, const char *path, const struct gk_buf *text,
    const struct gk_err *err)
{
	const char *json = gk_buf_text(text), *at = strchr(err->where, ' ');
	size_t offset = 0, line = 1, column = 1;

	for (at = at == NULL ? "" : at + 1; *at >= '0' && *at <= '9'; at++) {
		offset = 10 * offset + (size_t)(*at - '0');
	}
	for (size_t i = 0; i < offset && i < text->len; i++) {
		line += json[i] == '\n';
		column = json[i] == '\n' ? 1 : column + 1;
	}
	return cli_fail(
	    cli, CLI_DATA, "%s:%zu:%zu: %s", path, line, column, err->text);
}

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
		return wrong_text(cli, path, &text, &err);
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
	const char *tenant = cli_flag(explaining->cli, "tenant", 0);
	struct gk_err err = {.rc = GK_OK};
	int code = read_json(explaining->cli, path, &explaining->body);

	if (code != CLI_FINE) {
		return code;
	}
	if (!complete(explaining->body)) {
		return cli_fail(explaining->cli, CLI_INTERNAL, "no memory");
	}
	if (decision_request_decode(explaining->body, &explaining->arena,
		&explaining->request, &err) != GK_OK) {
		return wrong_field(explaining->cli, path, &err);
	}
	if (tenant == NULL) {
		return CLI_FINE;
	}
	explaining->request.tenant_id = tenant;
	return name_is_id(tenant)
		   ? CLI_FINE
		   : cli_fail(explaining->cli, CLI_USAGE,
			 "--tenant: expected the id of a tenant");
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
	if (agent != NULL && !name_is_id(agent)) {
		return cli_fail(
		    cli, CLI_USAGE, "--agent: expected the name of an agent");
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

/* As the API refuses before anything is judged; NULL: it doesn't. */
static const char *
refused_before(const struct explaining *explaining, const char **ret_detail)
{
	const struct identity *caller = &explaining->caller;
	const char *tenant = tenant_of(explaining);

	*ret_detail = NULL;
	if (caller->expires_us != 0 &&
	    caller->expires_us <= explaining->now_us) {
		*ret_detail = "the identity has expired";
		return "unauthorized";
	}
	if ((identity_can(caller) & CAN_AGENT) == 0) {
		*ret_detail = "the identity lacks the permission 'agent'";
		return "not_permitted";
	}
	if (identity_has_tenant(caller, tenant)) {
		return NULL;
	}
	*ret_detail = tenant == NULL
			  ? "the identity has several tenants: say which"
			  : "the identity may not speak for that tenant";
	return tenant == NULL ? "tenant_required" : "tenant_not_permitted";
}

/* ---- for scripts ---- */

/* NULL is null; false: no memory. */
static bool
set_word(struct json_value *object, const char *name, const char *text)
{
	struct json_value *null;

	if (text != NULL) {
		return words_set(object, name, text);
	}
	null = json_new_null();
	return json_set(object, name, &null, NULL) == GK_OK;
}

/* NULL when memory ran out. */
static struct json_value *
answer_json(const struct trial_answer *answer)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();
	bool refused = answer->refused != NULL;

	if (one == NULL ||
	    !set_word(one, "decision",
		refused ? NULL : decision_words[answer->decision]) ||
	    !set_word(
		one, "layer", refused ? NULL : layer_words[answer->layer]) ||
	    !set_word(one, "reason", answer->reason) ||
	    !set_word(one, "refused", answer->refused) ||
	    !set_word(one, "rule", answer->rule)) {
		return NULL;
	}
	return GK_TAKE(one);
}

/* Who asks for what; NULL when memory ran out. */
static struct json_value *
asked_json(const struct explanation *explanation)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();

	if (one == NULL || !set_word(one, "action", explanation->action) ||
	    !set_word(one, "actor", explanation->actor) ||
	    !set_word(one, "agent", explanation->agent) ||
	    !set_word(one, "tenant", explanation->tenant)) {
		return NULL;
	}
	return GK_TAKE(one);
}

/* {"answer":{…},"asked":{…},"explain":{…}}; takes *found. */
static enum gk_rc
print_whole(const struct explanation *explanation, struct json_value **found,
    struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(EXPLAIN_CAP);
	struct json_value *answer = answer_json(explanation->answer);
	struct json_value *asked = asked_json(explanation);
	bool fine = root != NULL;

	if (!fine) {
		json_free(answer);
		json_free(asked);
		return GK_FAIL(err, GK_E_NOMEM, "no memory to explain");
	}
	fine = json_set(root, "answer", &answer, NULL) == GK_OK && fine;
	fine = json_set(root, "asked", &asked, NULL) == GK_OK && fine;
	fine = json_set(root, "explain", found, NULL) == GK_OK && fine;
	if (!fine) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory to explain");
	}
	GK_TRY(canon_print(root, &buf, err));
	(void)fprintf(explanation->cli->out, "%s\n", gk_buf_text(&buf));
	return GK_OK;
}

/* ---- the command ---- */

/* What limits, budgets and approvals that were never used say. */
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

/* Gives the explanation of policy_explain(), parsed. */
static enum gk_rc
look(const struct explaining *explaining, struct json_value **ret_found,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(EXPLAIN_CAP);
	static const struct json_limits limits = {
	    .bytes = EXPLAIN_CAP, .depth = 16, .values = 4000000};
	const struct policy_input input = {.request = &explaining->request,
	    .caller = &explaining->caller,
	    .tenant = tenant_of(explaining),
	    .asked_at_us = explaining->now_us};

	GK_TRY(policy_explain(explaining->policy, &input, &text, err));
	return json_parse(
	    gk_buf_text(&text), text.len, &limits, ret_found, err);
}

static enum gk_rc
explain_request(struct explaining *explaining, struct gk_err *err)
{
	GK_AUTO(trial_freep) struct trial *trial = NULL;
	GK_AUTO(json_freep) struct json_value *found = NULL;
	const struct actor *actor = explaining->request.actor;
	struct trial_answer answer = {.refused = NULL};
	struct explanation explanation = {.cli = explaining->cli,
	    .action = explaining->request.action,
	    .agent = identity_agent(&explaining->caller),
	    .tenant = tenant_of(explaining),
	    .actor = actor == NULL ? NULL : actor->id,
	    .answer = &answer};

	GK_TRY(look(explaining, &found, err));
	answer.refused = refused_before(explaining, &explanation.detail);
	if (answer.refused == NULL) {
		GK_TRY(trial_new(explaining->policy, true, &trial, err));
		GK_TRY(decide(explaining, trial, &answer, err));
	}
	if (explaining->cli->json) {
		return print_whole(&explanation, &found, err);
	}
	explanation.actor_permitted = words_true(found, "actor_permitted");
	explanation.args = words_get(found, "args");
	explanation.hint = words_get(found, "hint");
	explanation.rules = words_at(found, "rules");
	explanation_print(&explanation);
	return GK_OK;
}

static int
explain(struct cli *cli)
{
	GK_AUTO(explaining_done)
	struct explaining explaining = {
	    .cli = cli, .arena = GK_ARENA_INIT(16u << 20)};
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
	"\xe2\x86\x92 decides, + applies as well, \xc2\xb7 doesn't apply or "
	"isn't "
	"reached.\n"
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
