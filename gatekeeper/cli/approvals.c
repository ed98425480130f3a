/* `gatekeeper approvals`: what waits for people, and their answers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"

#define TOKEN_BYTES 512

#define TOKEN_FLAG                                            \
	{                                                     \
		"token-file", "FILE", false,                  \
		    "a person's token; else GATEKEEPER_TOKEN" \
	}

static const struct cli_flag list_flags[] = {
    {"status", "WORD", false,
	"pending, granted, denied, expired, revoked, used or all; else "
	"pending"},
};

static void
add_approval(struct table *table, const struct json_value *one)
{
	int64_t granted = words_int(one, "granted");
	int64_t needed = words_int(one, "needed");
	char votes[64], expires[32];
	const char *cells[] = {
	    words_get(one, "approval_id"),
	    words_get(one, "risk"),
	    words_get(one, "status"),
	    words_get(one, "action"),
	    words_get(one, "agent_id"),
	    words_get(one, "tenant_id"),
	    words_get(one, "run_id"),
	    words_get(one, "step_id"),
	    votes,
	    words_second(words_get(one, "expires_at"), expires),
	};

	(void)snprintf(
	    votes, sizeof(votes), "%" PRId64 "/%" PRId64, granted, needed);
	table_row(table, cells);
}

static const char *const titles[] = {"ID", "RISK", "STATUS", "ACTION", "AGENT",
    "TENANT", "RUN", "STEP", "VOTES", "EXPIRES (UTC)"};

/* All pages: rows of a table, or one JSON text. */
struct approval_list {
	struct table table;
	struct gk_buf text;
	size_t count;
	char cursor[64];
};

static void
list_done(struct approval_list *list)
{
	table_done(&list->table);
	gk_buf_done(&list->text);
}

static enum gk_rc
list_add(struct cli *cli, struct approval_list *list,
    const struct json_value *page, struct gk_err *err)
{
	const struct json_value *one = words_first(words_at(page, "approvals"));

	for (; one != NULL; one = json_next(one)) {
		const char *comma = list->count++ > 0 ? "," : "";

		if (cli->json) {
			GK_TRY(gk_buf_puts(&list->text, comma, err));
			GK_TRY(canon_print(one, &list->text, err));
		} else {
			add_approval(&list->table, one);
		}
	}
	return GK_OK;
}

/* Ask for all pages.  Gives the exit code; anything but CLI_FINE has been told. */
static int
list_ask(struct cli *cli, struct session *session, const char *status,
    struct approval_list *list)
{
	struct gk_err err = {.rc = GK_OK};
	int code = CLI_FINE;

	do {
		GK_AUTO(answer_done) struct answer answer = {0};
		struct ask ask = {.verb = GATE_APPROVALS};
		const char *next;

		ask_param(&ask, "status", status);
		ask_param(&ask, "order",
		    status != NULL && strcmp(status, "pending") == 0 ? "risk"
								     : NULL);
		ask_param(&ask, "cursor",
		    list->cursor[0] == '\0' ? NULL : list->cursor);
		code = session_ask(session, &ask, &answer);
		if (code != CLI_FINE) {
			return code;
		}
		if (list_add(cli, list, answer.json, &err) != GK_OK) {
			return cli_fail(cli, CLI_INTERNAL, "no memory");
		}
		next = words_get(answer.json, "next_cursor");
		(void)snprintf(list->cursor, sizeof(list->cursor), "%s",
		    next == NULL ? "" : next);
	} while (list->cursor[0] != '\0');
	return code;
}

static int
list(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(list_done)
	struct approval_list list = {
	    .table = TABLE_INIT(GK_COUNT(titles)),
	    .text = GK_BUF_INIT(ASK_TEXT_MAX),
	};
	const char *status = cli_flag(cli, "status", 0);
	int code = session_init(&session, cli);

	table_row(&list.table, titles);
	if (code == CLI_FINE) {
		code = list_ask(cli, &session,
		    status == NULL               ? "pending"
		    : strcmp(status, "all") == 0 ? NULL
						 : status,
		    &list);
	}
	if (code != CLI_FINE) {
		return code;
	}
	if (cli->json) {
		(void)fprintf(cli->out,
		    "{\"approvals\":[%s],\"next_cursor\":null}\n",
		    gk_buf_text(&list.text));
	} else if (list.count == 0) {
		(void)fputs("none\n", cli->out);
	} else {
		table_print(&list.table, cli->out);
	}
	return CLI_FINE;
}

const struct cli_command cli__approvals_list = {
    .path = "approvals list",
    .arguments = "",
    .summary = "list what waits for a person",
    .details = "What waits: the riskiest first, and of those what was asked "
	       "first.\n\n"
	       "  gatekeeper approvals list\n"
	       "  gatekeeper approvals list --status all --json\n",
    .flags = list_flags,
    .flag_count = GK_COUNT(list_flags),
    .run = list,
};

/* A text, a number, a yes; nothing of a list. */
static void
print_scalar(struct cli *cli, const struct json_value *value)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(1u << 20);

	if (json_string(value) != NULL) {
		table_print_safe(json_string(value), cli->out);
	} else if (canon_print(value, &text, NULL) == GK_OK) {
		table_print_safe(gk_buf_text(&text), cli->out);
	}
}

static bool
is_scalar(const struct json_value *value)
{
	return json_type(value) != JSON_ARRAY &&
	       json_type(value) != JSON_OBJECT;
}

/*
 * Lines "name: value", what is deeper indented; the members of a list's element
 * stand under a "-".  What is null or empty is left out.
 */
static void
print_tree(struct cli *cli, const struct json_value *value, int indent)
{
	for (const struct json_value *member = words_first(value);
	     member != NULL && indent < 40; member = json_next(member)) {
		bool scalar = is_scalar(member);

		if (json_type(member) == JSON_NULL ||
		    (!scalar && words_first(member) == NULL)) {
			continue;
		}
		(void)fprintf(cli->out, "%*s", indent, "");
		table_print_safe(
		    json_name(member) != NULL ? json_name(member) : "-",
		    cli->out);
		(void)fputs(json_name(member) != NULL ? ":" : "", cli->out);
		if (scalar) {
			(void)fputc(' ', cli->out);
			print_scalar(cli, member);
		}
		(void)fputc('\n', cli->out);
		print_tree(cli, member, indent + 4);
	}
}

static int
show(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_APPROVAL, .target = cli->args[0]};
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
	print_tree(cli, answer.json, 0);
	return CLI_FINE;
}

const struct cli_command cli__approvals_show = {
    .path = "approvals show",
    .arguments = "APPROVAL_ID",
    .summary = "show one approval: what is asked, by whom, for whom, who voted",
    .details = "  gatekeeper approvals show apr_AAAAAAAAAAAAAAAAAAAAAA\n",
    .min_args = 1,
    .max_args = 1,
    .run = show,
};

static const struct json_limits number_limits = {32, 1, 1};

/* A number as JSON writes it; NULL: it isn't one. */
static struct json_value *
number_of(const char *text)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;

	if (json_parse(text, strlen(text), &number_limits, &value, NULL) !=
		GK_OK ||
	    json_type(value) != JSON_NUMBER) {
		return NULL;
	}
	return GK_TAKE(value);
}

/* Each --at-most POINTER=NUMBER; false: told. */
static bool
set_at_most(struct cli *cli, struct json_value *bounded)
{
	GK_AUTO(json_freep) struct json_value *all = json_new_object();
	const char *said;

	for (size_t i = 0; (said = cli_flag(cli, "at-most", i)) != NULL; i++) {
		const char *equals = strrchr(said, '=');
		GK_AUTO(json_freep)
		struct json_value *number =
		    equals == NULL ? NULL : number_of(equals + 1);
		char path[256] = "";

		if (said[0] != '/' || number == NULL ||
		    (size_t)(equals - said) >= sizeof(path)) {
			(void)cli_fail(cli, CLI_USAGE,
			    "--at-most: expected an argument and a number, "
			    "such as /amount=100");
			return false;
		}
		memcpy(path, said, (size_t)(equals - said));
		if (all == NULL || json_get(all, path) != NULL ||
		    json_set(all, path, &number, NULL) != GK_OK) {
			(void)cli_fail(
			    cli, CLI_USAGE, "--at-most: %s twice", path);
			return false;
		}
	}
	return json_set(bounded, "at_most", &all, NULL) == GK_OK;
}

/* --uses and what goes with it; false: told. */
static bool
set_bounded(struct cli *cli, struct json_value *body)
{
	const char *uses = cli_flag(cli, "uses", 0);
	GK_AUTO(json_freep) struct json_value *bounded = json_new_object();
	GK_AUTO(json_freep)
	struct json_value *number = uses == NULL ? NULL : number_of(uses);

	if (uses == NULL && cli_flag(cli, "at-most", 0) == NULL) {
		return true;
	}
	if (number == NULL) {
		(void)cli_fail(cli, CLI_USAGE,
		    uses == NULL ? "--at-most goes with --uses"
				 : "--uses: expected a number");
		return false;
	}
	return json_set(bounded, "uses", &number, NULL) == GK_OK &&
	       set_at_most(cli, bounded) &&
	       json_set(body, "bounded", &bounded, NULL) == GK_OK;
}

/* The comment and, of a grant, how far it goes. */
static struct json_value *
ballot_body(struct cli *cli)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();

	if (body == NULL || !words_set_flag(cli, "comment", body, "comment") ||
	    !words_set_flag(cli, "valid-for", body, "valid_for")) {
		(void)cli_fail(cli, CLI_USAGE, "flags are UTF-8 text");
		return NULL;
	}
	return set_bounded(cli, body) ? GK_TAKE(body) : NULL;
}

static int
print_ballot(struct cli *cli, const struct answer *answer)
{
	int64_t granted = words_int(answer->json, "granted");
	int64_t needed = words_int(answer->json, "needed");

	if (cli->json) {
		return answer_print(cli, answer);
	}
	table_print_safe(cli->args[0], cli->out);
	(void)fprintf(cli->out, ": ");
	table_print_safe(words_get(answer->json, "status") != NULL
			     ? words_get(answer->json, "status")
			     : "recorded",
	    cli->out);
	(void)fprintf(
	    cli->out, " (%" PRId64 " of %" PRId64 ")\n", granted, needed);
	return CLI_FINE;
}

static int
vote(struct cli *cli, enum gate_verb verb, bool as_person)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = ballot_body(cli);
	struct ask ask = {.verb = verb, .target = cli->args[0], .body = body};
	char token[TOKEN_BYTES];
	int code;

	if (body == NULL) {
		return CLI_USAGE;
	}
	code = session_init(&session, cli);
	if (code == CLI_FINE && as_person &&
	    !session_read_token(&session, token, sizeof(token))) {
		code = CLI_USAGE;
	}
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	return code == CLI_FINE ? print_ballot(cli, &answer) : code;
}

static int
grant(struct cli *cli)
{
	return vote(cli, GATE_APPROVAL_GRANT, true);
}

static int
deny(struct cli *cli)
{
	return vote(cli, GATE_APPROVAL_DENY, true);
}

static int
revoke(struct cli *cli)
{
	return vote(cli, GATE_APPROVAL_REVOKE, false);
}

static const struct cli_flag grant_flags[] = {
    TOKEN_FLAG,
    {"comment", "TEXT", false, "why; it stands in the record"},
    {"valid-for", "DURATION", false,
	"how long the grant may be used, such as 10m; at most what the rule "
	"allows"},
    {"uses", "N", false,
	"a bounded grant, where the rule allows it: for this run, actor and "
	"action, N times"},
    {"at-most", "ARGUMENT=N", true,
	"of a bounded grant: the greatest number that a shown argument may "
	"have, such as /amount=100"},
};

static const struct cli_flag deny_flags[] = {
    TOKEN_FLAG,
    {"comment", "TEXT", false, "why; it stands in the record"},
};

const struct cli_command cli__approvals_grant = {
    .path = "approvals grant",
    .arguments = "APPROVAL_ID",
    .summary = "say yes, with a person's token",
    .details =
	"The operator of this machine never votes: the token of a person in an "
	"approver group\n"
	"does, and never for what that person asked or is the actor of.\n\n"
	"  GATEKEEPER_TOKEN=gk_... gatekeeper approvals grant apr_... "
	"--comment 'ok by phone'\n"
	"  gatekeeper approvals grant apr_... --token-file ~/.gatekeeper-token "
	"--valid-for 10m\n"
	"  gatekeeper approvals grant apr_... --uses 3 --at-most /amount=100 "
	"--valid-for 1h\n",
    .flags = grant_flags,
    .flag_count = GK_COUNT(grant_flags),
    .min_args = 1,
    .max_args = 1,
    .run = grant,
};

const struct cli_command cli__approvals_deny = {
    .path = "approvals deny",
    .arguments = "APPROVAL_ID",
    .summary = "say no, with a person's token; one no is enough",
    .details = "  GATEKEEPER_TOKEN=gk_... gatekeeper approvals deny apr_... "
	       "--comment 'wrong account'\n",
    .flags = deny_flags,
    .flag_count = GK_COUNT(deny_flags),
    .min_args = 1,
    .max_args = 1,
    .run = deny,
};

const struct cli_command cli__approvals_revoke = {
    .path = "approvals revoke",
    .arguments = "APPROVAL_ID",
    .summary = "take a grant back before it is used up",
    .details =
	"  gatekeeper approvals revoke apr_... --comment 'changed our mind'\n",
    .flags = deny_flags + 1,
    .flag_count = GK_COUNT(deny_flags) - 1,
    .min_args = 1,
    .max_args = 1,
    .run = revoke,
};
