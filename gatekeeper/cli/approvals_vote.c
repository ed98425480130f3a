/* `gatekeeper approvals grant`, `deny` and `revoke`: people's answers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

#define TOKEN_BYTES 512

#define TOKEN_FLAG                                            \
	{                                                     \
		"token-file", "FILE", false,                  \
		    "a person's token; else GATEKEEPER_TOKEN" \
	}

#define ALIKE_FLAG                                                      \
	{                                                               \
		"alike", NULL, false,                                   \
		    "also on every pending request that is identical, " \
		    "whatever its run: one vote for each"               \
	}

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
print_ballot(struct cli *cli, const char *id, const struct answer *answer)
{
	int64_t granted = words_int(answer->json, "granted");
	int64_t needed = words_int(answer->json, "needed");

	if (cli->json) {
		return answer_print(cli, answer);
	}
	table_print_safe(id, cli->out);
	(void)fprintf(cli->out, ": ");
	table_print_safe(words_get(answer->json, "status") != NULL
			     ? words_get(answer->json, "status")
			     : "recorded",
	    cli->out);
	(void)fprintf(
	    cli->out, " (%" PRId64 " of %" PRId64 ")\n", granted, needed);
	return CLI_FINE;
}

/* On what is voted. */
struct targets {
	struct gk_arena arena;
	struct gk_map known;
	const char **ids; /* owned */
	size_t count, room;
};

static void
targets_done(struct targets *targets)
{
	gk_map_done(&targets->known);
	gk_arena_done(&targets->arena);
	free(targets->ids);
}

/* Once, however often it is named. */
static enum gk_rc
add_target(struct targets *targets, const char *id, struct gk_err *err)
{
	const char *copy;

	if (gk_map_get(&targets->known, id, strlen(id)) != NULL) {
		return GK_OK;
	}
	if (targets->count == targets->room) {
		size_t room = targets->room == 0 ? 64 : targets->room * 2;
		const char **ids =
		    reallocarray(targets->ids, room, sizeof(*ids));

		if (ids == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "approvals");
		}
		targets->ids = ids;
		targets->room = room;
	}
	copy = gk_arena_strdup(&targets->arena, id);
	if (copy == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approvals");
	}
	targets->ids[targets->count++] = copy;
	return gk_map_set(&targets->known, copy, strlen(copy), targets, err);
}

static enum gk_rc
add_page(struct targets *targets, const struct json_value *page,
    const char *alike, struct gk_err *err)
{
	const struct json_value *one = words_first(words_at(page, "approvals"));

	for (; one != NULL; one = json_next(one)) {
		const char *is = words_get(one, "alike");
		const char *id = words_get(one, "approval_id");

		if (is != NULL && id != NULL && strcmp(is, alike) == 0) {
			GK_TRY(add_target(targets, id, err));
		}
	}
	return GK_OK;
}

/* All pending requests that are alike, by pages.  Gives the exit code; told. */
static int
find_all(struct cli *cli, struct session *session, struct targets *targets,
    const char *alike)
{
	char cursor[64] = "";
	struct gk_err err = {.rc = GK_OK};

	do {
		GK_AUTO(answer_done) struct answer answer = {0};
		struct ask ask = {.verb = GATE_APPROVALS};
		const char *next;
		int code;

		ask_param(&ask, "status", "pending");
		ask_param(&ask, "cursor", cursor[0] == '\0' ? NULL : cursor);
		code = session_ask(session, &ask, &answer);
		if (code != CLI_FINE) {
			return code;
		}
		if (add_page(targets, answer.json, alike, &err) != GK_OK) {
			return cli_fail(cli, CLI_INTERNAL, "no memory");
		}
		next = words_get(answer.json, "next_cursor");
		(void)snprintf(
		    cursor, sizeof(cursor), "%s", next == NULL ? "" : next);
	} while (cursor[0] != '\0');
	return CLI_FINE;
}

/* The ids that were given, and, with --alike, of what is identical to them. */
static int
find_targets(struct cli *cli, struct session *session, struct targets *targets)
{
	struct gk_err err = {.rc = GK_OK};

	for (size_t i = 0; i < cli->arg_count; i++) {
		GK_AUTO(answer_done) struct answer answer = {0};
		struct ask ask = {
		    .verb = GATE_APPROVAL, .target = cli->args[i]};
		const char *alike;
		int code;

		if (add_target(targets, cli->args[i], &err) != GK_OK) {
			return cli_fail(cli, CLI_INTERNAL, "no memory");
		}
		if (!cli_has_flag(cli, "alike")) {
			continue;
		}
		code = session_ask(session, &ask, &answer);
		if (code != CLI_FINE) {
			return code;
		}
		alike = words_get(answer.json, "alike");
		code = alike == NULL ? CLI_FINE
				     : find_all(cli, session, targets, alike);
		if (code != CLI_FINE) {
			return code;
		}
	}
	return CLI_FINE;
}

/* One by one; what is refused is told, and the others are voted on all the same. */
static int
cast_all(struct cli *cli, struct session *session,
    const struct targets *targets, enum gate_verb verb, struct json_value *body)
{
	int worst = CLI_FINE;

	for (size_t i = 0; i < targets->count; i++) {
		GK_AUTO(answer_done) struct answer answer = {0};
		struct ask ask = {
		    .verb = verb, .target = targets->ids[i], .body = body};
		int code = session_ask(session, &ask, &answer);

		if (code == CLI_FINE) {
			(void)print_ballot(cli, targets->ids[i], &answer);
			continue;
		}
		worst = worst == CLI_FINE ? code : worst;
		if (targets->count > 1 && !cli->json) {
			table_print_safe(targets->ids[i], cli->out);
			(void)fputs(": refused\n", cli->out);
		}
	}
	return worst;
}

static int
vote(struct cli *cli, enum gate_verb verb, bool as_person)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(targets_done)
	struct targets targets = {.arena = GK_ARENA_INIT(ASK_TEXT_MAX)};
	GK_AUTO(json_freep) struct json_value *body = ballot_body(cli);
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
		code = find_targets(cli, &session, &targets);
	}
	return code == CLI_FINE ? cast_all(cli, &session, &targets, verb, body)
				: code;
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
    ALIKE_FLAG,
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
    ALIKE_FLAG,
    {"comment", "TEXT", false, "why; it stands in the record"},
};

const struct cli_command cli__approvals_grant = {
    .path = "approvals grant",
    .arguments = "APPROVAL_ID...",
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
	"--valid-for 1h\n"
	"  gatekeeper approvals grant apr_... apr_... apr_...\n"
	"  gatekeeper approvals grant --alike apr_...\n\n"
	"Of several each is voted on by itself: what is refused is told, and "
	"the "
	"others go on.\n",
    .flags = grant_flags,
    .flag_count = GK_COUNT(grant_flags),
    .min_args = 1,
    .max_args = CLI_ARGS_MAX,
    .run = grant,
};

const struct cli_command cli__approvals_deny = {
    .path = "approvals deny",
    .arguments = "APPROVAL_ID...",
    .summary = "say no, with a person's token; one no is enough",
    .details = "  GATEKEEPER_TOKEN=gk_... gatekeeper approvals deny apr_... "
	       "--comment 'wrong account'\n"
	       "  gatekeeper approvals deny --alike apr_...\n",
    .flags = deny_flags,
    .flag_count = GK_COUNT(deny_flags),
    .min_args = 1,
    .max_args = CLI_ARGS_MAX,
    .run = deny,
};

const struct cli_command cli__approvals_revoke = {
    .path = "approvals revoke",
    .arguments = "APPROVAL_ID...",
    .summary = "take a grant back before it is used up",
    .details =
	"  gatekeeper approvals revoke apr_... --comment 'changed our mind'\n",
    .flags = deny_flags + 2,
    .flag_count = GK_COUNT(deny_flags) - 2,
    .min_args = 1,
    .max_args = CLI_ARGS_MAX,
    .run = revoke,
};
