/* Redactions and legal holds: what an operator lets go for good, and what nobody may. */
#include <inttypes.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

static const struct cli_flag redact_flags[] = {
    {"path", "POINTER", true, "which shown value, such as /amount"},
    {"all", NULL, false, "all shown values"},
    {"run-id", "RUN_ID", false, "of every event of that run"},
    {"tenant", "TENANT", false, "of every event of that tenant"},
    {"actor", "ACTOR", false, "of every event of that actor"},
    {"reason", "TEXT", false, "why; it stands in the record"},
};

/* What a bulk of calls has done. */
struct redacted {
	int64_t events, held, from;
	bool more, cleared;
};

static bool
set_number(struct json_value *body, const char *name, int64_t number)
{
	GK_AUTO(json_freep)
	struct json_value *value = json_new_number((double)number);

	return value != NULL && json_set(body, name, &value, NULL) == GK_OK;
}

static bool
set_all(struct json_value *body)
{
	GK_AUTO(json_freep) struct json_value *value = json_new_bool(true);

	return value != NULL && json_set(body, "all", &value, NULL) == GK_OK;
}

/* SEQ as a number; -1: it isn't one. */
static int64_t
read_seq(const struct cli *cli)
{
	int64_t seq = 0;

	for (const char *at = cli->args[0]; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || seq > JSON_INT_MAX / 10 - 1) {
			return -1;
		}
		seq = seq * 10 + (*at - '0');
	}
	return cli->args[0][0] == '\0' ? -1 : seq;
}

static struct json_value *
redact_body(struct cli *cli, int64_t from)
{
	GK_AUTO(json_freep) struct json_value *body = cli__reason_body(cli);
	bool fine =
	    body != NULL && words_set_flags(cli, "path", body, "paths") &&
	    words_set_flag(cli, "run-id", body, "run_id") &&
	    words_set_flag(cli, "tenant", body, "tenant_id") &&
	    words_set_flag(cli, "actor", body, "actor_id") &&
	    (!cli_has_flag(cli, "all") || set_all(body)) &&
	    (from == 0 || set_number(body, "from", from)) &&
	    (cli->arg_count == 0 || set_number(body, "seq", read_seq(cli)));

	if (!fine) {
		(void)cli_fail(cli, CLI_USAGE, "flags are UTF-8 text");
		return NULL;
	}
	return GK_TAKE(body);
}

/* One call's part. */
static int
redact_some(struct session *session, struct redacted *so_far)
{
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep)
	struct json_value *body = redact_body(session->cli, so_far->from);
	struct ask ask = {.verb = GATE_REDACT, .body = body};
	int code;

	if (body == NULL) {
		return CLI_USAGE;
	}
	code = session_ask(session, &ask, &answer);
	if (code != CLI_FINE) {
		return code;
	}
	for (const struct json_value *one =
		 words_first(words_at(answer.json, "redactions"));
	     one != NULL; one = json_next(one)) {
		so_far->events++;
	}
	so_far->held += words_int(answer.json, "held");
	so_far->from = words_int(answer.json, "next");
	so_far->more = words_true(answer.json, "more");
	so_far->cleared =
	    so_far->cleared && words_true(answer.json, "wal_cleared");
	return session->cli->json ? answer_print(session->cli, &answer)
				  : CLI_FINE;
}

static int
redact(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	struct redacted all = {.more = true, .cleared = true};
	int code;

	if (cli->arg_count > 0 && read_seq(cli) < 0) {
		return cli_fail(cli, CLI_USAGE, "SEQ is an event's number");
	}
	if (cli_flag(cli, "reason", 0) == NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "--reason is needed: it stands in the record");
	}
	code = session_init(&session, cli);
	while (code == CLI_FINE && all.more) {
		code = redact_some(&session, &all);
	}
	if (code != CLI_FINE || cli->json) {
		return code;
	}
	(void)fprintf(
	    cli->out, "redacted values of %" PRId64 " events\n", all.events);
	if (all.held > 0) {
		(void)fprintf(cli->out,
		    "%" PRId64 " more are under a legal hold, and stay\n",
		    all.held);
	}
	if (!all.cleared) {
		(void)fprintf(cli->out,
		    "a reader keeps a copy in the write-ahead log; it goes "
		    "when the reader is done\n");
	}
	return all.held > 0 ? CLI_NO : CLI_FINE;
}

const struct cli_command cli__redact = {
    .path = "redact",
    .arguments = "(SEQ | --run-id R | --tenant T | --actor A) (--path P | "
		 "--all)",
    .summary = "remove shown values for good; every proof still holds",
    .details =
	"The record keeps the commitment; the value goes, from the write-ahead "
	"log too.  What a legal\n"
	"hold covers stays; exit 1 says so.\n\n"
	"  gatekeeper redact 1041 --path /amount --reason 'erasure request "
	"17'\n"
	"  gatekeeper redact --actor u_7 --all --reason 'erasure request 18'\n",
    .flags = redact_flags,
    .flag_count = GK_COUNT(redact_flags),
    .max_args = 1,
    .run = redact,
};

/* ---- legal holds ---- */

static const struct cli_flag hold_flags[] = {
    {"run-id", "RUN_ID", false, "hold one run; --tenant is the run's"},
    {"tenant", "TENANT", false, "hold all of a tenant"},
    {"reason", "TEXT", false, "why; it stands in the record"},
};

static int
hold_on(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = NULL;
	struct ask ask = {.verb = GATE_HOLD};
	const char *run = cli_flag(cli, "run-id", 0), *made;
	const char *tenant = cli_flag(cli, "tenant", 0);
	int code;

	if (run == NULL && tenant == NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "hold on needs --run-id, --tenant, or both");
	}
	ask.body = body = cli__reason_body(cli);
	if (body == NULL ||
	    !words_set(body, "scope", run != NULL ? "run" : "tenant") ||
	    !words_set(body, "id", run != NULL ? run : tenant) ||
	    (run != NULL && !words_set(body, "tenant_id", tenant))) {
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
	(void)fprintf(cli->out, "%s\n", made != NULL ? made : "held");
	return CLI_FINE;
}

const struct cli_command cli__hold_on = {
    .path = "hold on",
    .arguments = "(--run-id R [--tenant T] | --tenant T)",
    .summary = "keep everything of a run or tenant; prints the hold's id",
    .details = "Retention and redaction leave alone what a hold covers.\n\n"
	       "  gatekeeper hold on --tenant t_42 --reason 'case 2026-7'\n"
	       "  gatekeeper hold on --run-id run_981 --tenant t_42 --reason "
	       "'case 2026-8'\n",
    .flags = hold_flags,
    .flag_count = GK_COUNT(hold_flags),
    .run = hold_on,
};

static int
hold_off(struct cli *cli)
{
	return cli__do_with_reason(cli, GATE_HOLD_RELEASE, "released");
}

const struct cli_command cli__hold_off = {
    .path = "hold off",
    .arguments = "HOLD_ID",
    .summary = "release a hold; what is overdue goes at the next pass",
    .details = "  gatekeeper hold off hld_AAAAAAAAAAAAAAAAAAAAAA --reason "
	       "'case closed'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .min_args = 1,
    .max_args = 1,
    .run = hold_off,
};

static void
print_holds(struct cli *cli, const struct json_value *list)
{
	static const char *const titles[] = {
	    "ID", "SCOPE", "OF", "TENANT", "SINCE", "BY"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));

	if (words_first(list) == NULL) {
		(void)fputs("nothing is held\n", cli->out);
		return;
	}
	table_row(&table, titles);
	for (const struct json_value *one = words_first(list); one != NULL;
	     one = json_next(one)) {
		char since[32];
		const char *const cells[] = {
		    words_get(one, "id"),
		    words_get(one, "scope"),
		    words_get(one, "subject"),
		    words_get(one, "tenant_id"),
		    words_second(words_get(one, "held_at"), since),
		    words_get(one, "caller"),
		};

		table_row(&table, cells);
	}
	table_print(&table, cli->out);
}

static int
hold_list(struct cli *cli)
{
	return cli__do_list(cli, GATE_HOLDS, "holds", print_holds);
}

const struct cli_command cli__hold_list = {
    .path = "hold list",
    .arguments = "",
    .summary = "list the legal holds",
    .details = "  gatekeeper hold list\n",
    .run = hold_list,
};
