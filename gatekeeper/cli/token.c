/* `gatekeeper token`: identities and their tokens. */
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

static const struct cli_flag create_flags[] = {
    {"id", "ID", false, "its unique name (needed)"},
    {"kind", "KIND", false, "agent, human or service (needed)"},
    {"can", "PERMISSION", true,
	"agent, approver, operator, auditor or metrics"},
    {"agent", "NAME", false, "the agent that it is a replica of; else its id"},
    {"person", "NAME", false, "the person that it belongs to; else its id"},
    {"group", "GROUP", true, "a group of approvers that it is in"},
    {"tenant", "TENANT", true,
	"a tenant that it may speak for and see; '*' for all"},
    {"may-actors", "GLOB", true, "actors that it may act for"},
    {"may-roles", "GLOB", true, "roles that it may claim for them"},
    {"attr", "NAME=VALUE", true, "an attribute that rules may ask for"},
    {"expires", "WHEN", false, "a time, or a duration such as 90d; else never"},
};

/* --attr name=value … as an object. */
static bool
set_attributes(struct cli *cli, struct json_value *body)
{
	GK_AUTO(json_freep) struct json_value *attributes = json_new_object();
	const char *pair;
	char name[160];

	for (size_t i = 0; (pair = cli_flag(cli, "attr", i)) != NULL; i++) {
		const char *equals = strchr(pair, '=');
		size_t n = equals != NULL ? (size_t)(equals - pair) : 0;

		if (n == 0 || n >= sizeof(name) || !json_check_text(pair, n)) {
			return false;
		}
		(void)memcpy(name, pair, n);
		name[n] = '\0';
		if (words_at(attributes, name) != NULL ||
		    !words_set(attributes, name, equals + 1)) {
			return false;
		}
	}
	return json_count(attributes) == 0 ||
	       json_set(body, "attributes", &attributes, NULL) == GK_OK;
}

/* The identity that the flags describe; NULL: told why not. */
static struct json_value *
new_identity(struct cli *cli)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	char expires[GK_TIME_TEXT_BYTES];
	const char *when;

	if (cli_flag(cli, "id", 0) == NULL ||
	    cli_flag(cli, "kind", 0) == NULL) {
		(void)cli_fail(cli, CLI_USAGE,
		    "token create needs --id and --kind; try: gatekeeper token "
		    "create --help");
		return NULL;
	}
	if (!words_time(cli, "expires", WORDS_AHEAD, expires, &when)) {
		return NULL;
	}
	if (body == NULL || !words_set_flag(cli, "id", body, "id") ||
	    !words_set_flag(cli, "kind", body, "kind") ||
	    !words_set_flags(cli, "can", body, "can") ||
	    !words_set_flag(cli, "agent", body, "agent") ||
	    !words_set_flag(cli, "person", body, "person") ||
	    !words_set_flags(cli, "group", body, "groups") ||
	    !words_set_flags(cli, "tenant", body, "tenants") ||
	    !words_set_flags(cli, "may-actors", body, "may_actors") ||
	    !words_set_flags(cli, "may-roles", body, "may_roles") ||
	    !words_set(body, "expires", when) || !set_attributes(cli, body)) {
		(void)cli_fail(cli, CLI_USAGE,
		    "flags are UTF-8 text, and --attr is NAME=VALUE, each name "
		    "once");
		return NULL;
	}
	return GK_TAKE(body);
}

static int
print_token(struct cli *cli, const struct answer *answer)
{
	const char *token = words_get(answer->json, "token");

	if (token == NULL) {
		return cli_fail(cli, CLI_INTERNAL, "the answer has no token");
	}
	if (cli->json) {
		return answer_print(cli, answer);
	}
	(void)fprintf(cli->out, "%s\n", token);
	if (cli->out_tty) {
		(void)fputs(
		    "Keep it: it is shown once, and only its hash is kept.\n",
		    cli->err);
	}
	return CLI_FINE;
}

static int
create(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = new_identity(cli);
	struct ask ask = {.verb = GATE_IDENTITY_CREATE, .body = body};
	int code;

	if (body == NULL) {
		return CLI_USAGE;
	}
	code = session_init(&session, cli);
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	return code == CLI_FINE ? print_token(cli, &answer) : code;
}

const struct cli_command cli__token_create = {
    .path = "token create",
    .arguments = "--id ID --kind KIND",
    .summary = "make an identity and print its token",
    .details = "The token stands alone on standard output, and is never shown "
	       "again.\n\n"
	       "  gatekeeper token create --id agent-7 --kind agent --can "
	       "agent --agent support-agent \\\n"
	       "      --tenant t_42 --may-actors 'u_*' --may-roles support "
	       "--attr env=prod\n"
	       "  gatekeeper token create --id alice --kind human --can "
	       "approver --group finance --tenant '*'\n",
    .flags = create_flags,
    .flag_count = GK_COUNT(create_flags),
    .run = create,
};

static void
print_identities(struct cli *cli, const struct json_value *list)
{
	static const char *const titles[] = {
	    "ID", "KIND", "CAN", "GROUPS", "TENANTS", "EXPIRES"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));

	table_row(&table, titles);
	for (const struct json_value *one = words_first(list); one != NULL;
	     one = json_next(one)) {
		char can[128], groups[256], tenants[256], expires[32];
		const char *const cells[] = {
		    words_get(one, "id"),
		    words_get(one, "kind"),
		    words_join(words_at(one, "can"), can, sizeof(can)),
		    words_join(words_at(one, "groups"), groups, sizeof(groups)),
		    words_join(
			words_at(one, "tenants"), tenants, sizeof(tenants)),
		    words_second(words_get(one, "expires"), expires),
		};

		table_row(&table, cells);
	}
	table_print(&table, cli->out);
}

static int
list(struct cli *cli)
{
	return cli__do_list(
	    cli, GATE_IDENTITIES, "identities", print_identities);
}

const struct cli_command cli__token_list = {
    .path = "token list",
    .arguments = "",
    .summary = "list identities",
    .details = "  gatekeeper token list --json\n",
    .run = list,
};

static int
revoke(struct cli *cli)
{
	return cli__do_with_reason(cli, GATE_IDENTITY_REVOKE, "revoked");
}

const struct cli_command cli__token_revoke = {
    .path = "token revoke",
    .arguments = "ID",
    .summary = "end an identity; its token no longer works",
    .details = "  gatekeeper token revoke agent-7 --reason 'laptop stolen'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .min_args = 1,
    .max_args = 1,
    .run = revoke,
};
