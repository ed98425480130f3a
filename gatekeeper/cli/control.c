/* Switches and other words of an operator that need a reason. */
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

const struct cli_flag cli__reason_flags[CLI__REASON_FLAGS] = {
    {"reason", "TEXT", false, "why; it stands in the record"},
};

/* {"reason": …}; NULL: told why not. */
struct json_value *
cli__reason_body(struct cli *cli)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	const char *reason = cli_flag(cli, "reason", 0);

	if (body == NULL ||
	    !words_set(body, "reason",
		reason != NULL ? reason : "from the command line")) {
		(void)cli_fail(cli, CLI_USAGE, "--reason is UTF-8 text");
		return NULL;
	}
	return GK_TAKE(body);
}

/* Ask about args[0] with a reason, and say what has been done. */
int
cli__do_with_reason(struct cli *cli, enum gate_verb verb, const char *done)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = cli__reason_body(cli);
	const char *target = cli->arg_count > 0 ? cli->args[0] : NULL;
	struct ask ask = {.verb = verb, .target = target, .body = body};
	int code;

	if (body == NULL) {
		return CLI_USAGE;
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
	(void)fprintf(cli->out, "%s%s%s\n", target != NULL ? target : "",
	    target != NULL ? " " : "", done);
	return CLI_FINE;
}

int
cli__do_list(struct cli *cli, enum gate_verb verb, const char *member,
    void (*print)(struct cli *cli, const struct json_value *list))
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = verb};
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
	print(cli, words_at(answer.json, member));
	return CLI_FINE;
}

static int
accept_clock(struct cli *cli)
{
	return cli__do_with_reason(
	    cli, GATE_CLOCK_ACCEPT, "the clock is accepted");
}

const struct cli_command cli__clock_accept = {
    .path = "clock accept",
    .arguments = "",
    .summary = "accept the wall clock after it has jumped",
    .details = "Ledger time goes on by itself when the wall clock jumps; "
	       "retention waits until\n"
	       "somebody has looked and accepts the new time.\n\n"
	       "  gatekeeper clock accept --reason 'NTP repaired'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .run = accept_clock,
};

/* The flag that names a switch's scope, and the word of the API. */
static const char *const scopes[] = {"tenant", "agent", "actor", "run"};

static const struct cli_flag on_flags[] = {
    {"global", NULL, false, "for everything"},
    {"tenant", "TENANT", false, "for one tenant"},
    {"agent", "AGENT", false, "for one agent"},
    {"actor", "ACTOR", false, "for whom agents act"},
    {"run", "RUN_ID", false, "for one run"},
    {"action", "GLOB", false, "only for actions such as 'refund.*'"},
    {"expires-in", "DURATION", false, "lift it by itself, such as 2h"},
    {"reason", "TEXT", false, "why; it stands in the record"},
};

/* The one scope that was given; false: none, or more than one. */
static bool
find_scope(const struct cli *cli, const char **ret_scope, const char **ret_id)
{
	size_t found = 0;

	if (cli_has_flag(cli, "global")) {
		*ret_scope = "global";
		*ret_id = NULL;
		found++;
	}
	for (size_t i = 0; i < GK_COUNT(scopes); i++) {
		if (cli_has_flag(cli, scopes[i])) {
			*ret_scope = scopes[i];
			*ret_id = cli_flag(cli, scopes[i], 0);
			found++;
		}
	}
	return found == 1;
}

static int
kill_on(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = NULL;
	struct ask ask = {.verb = GATE_SWITCH_THROW};
	const char *scope, *id, *made;
	int code;

	if (!find_scope(cli, &scope, &id)) {
		return cli_fail(cli, CLI_USAGE,
		    "kill on needs one of --global, --tenant, --agent, "
		    "--actor, --run");
	}
	ask.body = body = cli__reason_body(cli);
	if (body == NULL || !words_set(body, "scope", scope) ||
	    !words_set(body, "id", id) ||
	    !words_set_flag(cli, "action", body, "action") ||
	    !words_set_flag(cli, "expires-in", body, "expires_in")) {
		return cli_fail(cli, CLI_USAGE, "flags are UTF-8 text");
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
	made = words_get(answer.json, "id");
	(void)fprintf(cli->out, "%s\n", made != NULL ? made : "on");
	return CLI_FINE;
}

const struct cli_command cli__kill_on = {
    .path = "kill on",
    .arguments = "(--global | --tenant T | --agent A | --actor A | --run R)",
    .summary = "stop actions at once, by scope; prints the switch's id",
    .details = "Once it has answered, no decision says allow in its scope.\n\n"
	       "  gatekeeper kill on --global --reason 'incident 12'\n"
	       "  gatekeeper kill on --tenant t_42 --action 'refund.*' "
	       "--expires-in 2h --reason 'fraud?'\n",
    .flags = on_flags,
    .flag_count = GK_COUNT(on_flags),
    .run = kill_on,
};

static int
kill_off(struct cli *cli)
{
	return cli__do_with_reason(cli, GATE_SWITCH_LIFT, "lifted");
}

const struct cli_command cli__kill_off = {
    .path = "kill off",
    .arguments = "SWITCH_ID",
    .summary = "lift a switch",
    .details = "  gatekeeper kill off ksw_AAAAAAAAAAAAAAAAAAAAAA --reason "
	       "'resolved'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .min_args = 1,
    .max_args = 1,
    .run = kill_off,
};

static void
print_switches(struct cli *cli, const struct json_value *list)
{
	static const char *const titles[] = {
	    "ID", "SCOPE", "OF", "ACTION", "EXPIRES", "BY"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));

	if (words_first(list) == NULL) {
		(void)fputs("no switch is on\n", cli->out);
		return;
	}
	table_row(&table, titles);
	for (const struct json_value *one = words_first(list); one != NULL;
	     one = json_next(one)) {
		char expires[32];
		const char *const cells[] = {
		    words_get(one, "id"),
		    words_get(one, "scope"),
		    words_get(one, words_at(one, "actor_id") != NULL
				       ? "actor_id"
				       : "subject"),
		    words_get(one, "action"),
		    words_second(words_get(one, "expires_at"), expires),
		    words_get(one, "caller"),
		};

		table_row(&table, cells);
	}
	table_print(&table, cli->out);
}

static int
kill_list(struct cli *cli)
{
	return cli__do_list(
	    cli, GATE_SWITCHES, "kill_switches", print_switches);
}

const struct cli_command cli__kill_list = {
    .path = "kill list",
    .arguments = "",
    .summary = "list the switches that are on",
    .details = "  gatekeeper kill list\n",
    .run = kill_list,
};
