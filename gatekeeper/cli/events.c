/* `gatekeeper events` and `gatekeeper run`: reading the record. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/timeline.h"
#include "cli/words.h"
#include "codec/canon.h"

#define LIMIT_DEFAULT "50"

static const struct cli_flag events_flags[] = {
    {"run-id", "ID", false, "of one run"},
    {"step-id", "ID", false, "of one step"},
    {"tenant-id", "ID", false, "of one tenant"},
    {"agent-id", "ID", false, "of one agent"},
    {"actor", "ID", false, "on behalf of"},
    {"action", "NAME", false, "such as refund.create"},
    {"action-key", "KEY", false, "the same action with the same arguments"},
    {"decision", "WORD", false, "allow, stop or approval_required"},
    {"reason", "WORD", false, "such as rate_limited_tenant"},
    {"layer", "WORD", false,
	"access, rate_limit, budget, approval, kill_switch …"},
    {"scope", "WORD", false, "global, tenant, agent, user or run"},
    {"kind", "WORD", false,
	"decision, result, approval, kill_switch, policy …"},
    {"approval-id", "ID", false, "of one approval"},
    {"since", "WHEN", false, "a time, or a duration such as 2h"},
    {"until", "WHEN", false, "a time, or a duration: so long ago"},
    {"order", "WORD", false,
	"asc or desc; else the newest, oldest of them first"},
    {"limit", "N", false, "at most so many (" LIMIT_DEFAULT ")"},
    {"cursor", "TEXT", false, "go on where an answer said"},
    {"raw", NULL, false, "the log's bytes, without opened values"},
};

static const struct {
	const char *flag, *param;
} filters[] = {
    {"run-id", "run_id"},
    {"step-id", "step_id"},
    {"tenant-id", "tenant_id"},
    {"agent-id", "agent_id"},
    {"actor", "actor"},
    {"action", "action"},
    {"action-key", "action_key"},
    {"decision", "decision"},
    {"reason", "reason"},
    {"layer", "layer"},
    {"scope", "scope"},
    {"kind", "kind"},
    {"approval-id", "approval_id"},
    {"cursor", "cursor"},
};

/* One event a line, canonical. */
static int
print_lines(struct cli *cli, const struct json_value *events)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1u << 20);
	struct gk_err err = {0};

	for (const struct json_value *event = words_first(events);
	     event != NULL; event = json_next(event)) {
		gk_buf_clear(&buf);
		if (canon_print(event, &buf, &err) != GK_OK) {
			return cli_fail_err(cli, &err);
		}
		(void)fprintf(cli->out, "%s\n", gk_buf_text(&buf));
	}
	return CLI_FINE;
}

/* "allowed; in shadow: stop new-limit, pass other" */
static void
with_shadow(const struct json_value *event, const char *reason,
    char ret_text[TIMELINE_TEXT_BYTES])
{
	size_t n = (size_t)snprintf(
	    ret_text, TIMELINE_TEXT_BYTES, "%s", reason == NULL ? "" : reason);

	for (const struct json_value *one =
		 words_first(words_at(event, "shadow"));
	     one != NULL && n < TIMELINE_TEXT_BYTES; one = json_next(one)) {
		n += (size_t)snprintf(ret_text + n, TIMELINE_TEXT_BYTES - n,
		    "%s%s %s",
		    one == words_first(words_at(event, "shadow"))
			? "; in shadow: "
			: ", ",
		    words_get(one, "would"), words_get(one, "rule"));
	}
}

/* Why it was decided so, what people said, which policy it is. */
static const char *
why(const struct json_value *event, char ret_text[TIMELINE_TEXT_BYTES])
{
	const char *kind = words_get(event, "kind");
	const char *text = timeline_words(event);

	if (kind != NULL && strcmp(kind, "decision") == 0) {
		with_shadow(event, words_get(event, "reason"), ret_text);
		return ret_text;
	}
	if (text == NULL && kind != NULL && strcmp(kind, "policy") == 0) {
		text = words_get(event, "policy");
	}
	return text != NULL ? text : "";
}

static void
add_event(struct table *table, const struct json_value *event)
{
	char seq[24] = "", time[32], what[TIMELINE_TEXT_BYTES];
	char because[TIMELINE_TEXT_BYTES];
	const char *cells[] = {
	    seq,
	    words_second(words_get(event, "timestamp"), time),
	    words_get(event, "kind"),
	    words_get(event, "run_id"),
	    words_get(event, "step_id"),
	    words_get(event, "caller"),
	    timeline_summary(event, what),
	    timeline_verdict(event),
	    why(event, because),
	};

	(void)snprintf(seq, sizeof(seq), "%" PRId64, words_int(event, "seq"));
	table_row(table, cells);
}

/* The events as rows; the newest come first and are shown last where nobody chose an order. */
static void
print_table(struct cli *cli, const struct json_value *events)
{
	static const char *const titles[] = {"SEQ", "TIME (UTC)", "KIND", "RUN",
	    "STEP", "BY", "WHAT", "VERDICT", "WHY"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));

	table_row(&table, titles);
	for (const struct json_value *event = words_first(events);
	     event != NULL; event = json_next(event)) {
		add_event(&table, event);
	}
	table_print(&table, cli->out);
}

/* A copy in the other order; NULL when memory ran out. */
static struct json_value *
reversed(const struct json_value *events)
{
	GK_AUTO(json_freep) struct json_value *turned = json_new_array();
	size_t count = events != NULL ? json_count(events) : 0, n = 0;
	const struct json_value **all =
	    calloc(count + 1, sizeof(const struct json_value *));
	bool fine = turned != NULL && all != NULL;

	for (const struct json_value *event = words_first(events);
	     fine && event != NULL; event = json_next(event)) {
		all[n++] = event;
	}
	while (fine && n > 0) {
		struct json_value *copy = json_dup(all[--n]);

		fine = json_append(turned, &copy, NULL) == GK_OK;
	}
	free(all);
	return fine ? GK_TAKE(turned) : NULL;
}

static int
show_events(struct cli *cli, const struct answer *answer)
{
	const struct json_value *found = words_at(answer->json, "events");
	GK_AUTO(json_freep) struct json_value *turned = NULL;
	const char *next = words_get(answer->json, "next_cursor");
	int code = CLI_FINE;

	if (!cli_has_flag(cli, "order")) {
		turned = reversed(found);
		if (turned == NULL) {
			return cli_fail(cli, CLI_INTERNAL, "no memory");
		}
		found = turned;
	}
	if (cli->json) {
		code = print_lines(cli, found);
	} else {
		print_table(cli, found);
	}
	if (next != NULL && !cli->json) {
		(void)fprintf(cli->err, "there is more: --cursor %s\n", next);
	}
	return code;
}

static int
events(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_EVENTS};
	char since_text[GK_TIME_TEXT_BYTES], until_text[GK_TIME_TEXT_BYTES];
	const char *since, *until, *order = cli_flag(cli, "order", 0);
	const char *limit = cli_flag(cli, "limit", 0);
	int code;

	if (!words_time(cli, "since", WORDS_AGO, since_text, &since) ||
	    !words_time(cli, "until", WORDS_AGO, until_text, &until)) {
		return CLI_USAGE;
	}
	for (size_t i = 0; i < GK_COUNT(filters); i++) {
		ask_param(
		    &ask, filters[i].param, cli_flag(cli, filters[i].flag, 0));
	}
	ask_param(&ask, "since", since);
	ask_param(&ask, "until", until);
	ask_param(&ask, "order", order != NULL ? order : "desc");
	ask_param(&ask, "limit", limit != NULL ? limit : LIMIT_DEFAULT);
	ask_param(&ask, "raw", cli_has_flag(cli, "raw") ? "true" : NULL);
	code = session_init(&session, cli);
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	return code == CLI_FINE ? show_events(cli, &answer) : code;
}

const struct cli_command cli__events = {
    .path = "events",
    .arguments = "",
    .summary = "search the record",
    .details =
	"All filters must hold.  Reading is recorded.  --json prints one event "
	"a line.\n\n"
	"  gatekeeper events --since 2h --decision stop\n"
	"  gatekeeper events --run-id run_981 --order asc --limit 1000 --json\n"
	"  gatekeeper events --kind kill_switch\n",
    .flags = events_flags,
    .flag_count = GK_COUNT(events_flags),
    .run = events,
};

static const struct cli_flag run_flags[] = {
    {"tenant-id", "ID", false,
	"where more than one tenant has a run of that name"},
};

/* Colours for a person who didn't say no (no-color.org). */
static bool
wants_colour(const struct cli *cli)
{
	const char *no = secure_getenv("NO_COLOR");

	return cli->out_tty && (no == NULL || no[0] == '\0');
}

static int
run(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_RUN, .target = cli->args[0]};
	int code = session_init(&session, cli);

	ask_param(&ask, "tenant_id", cli_flag(cli, "tenant-id", 0));
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	if (code != CLI_FINE) {
		return code;
	}
	if (cli->json) {
		return answer_print(cli, &answer);
	}
	timeline_print(cli->args[0], words_at(answer.json, "events"),
	    wants_colour(cli), cli->out);
	return CLI_FINE;
}

const struct cli_command cli__run = {
    .path = "run",
    .arguments = "RUN_ID",
    .summary = "tell what happened in a run",
    .details = "Each step with its time since the run began, its answer and "
	       "why; results stand under\n"
	       "their decision, votes and grants are steps of their own.  "
	       "NO_COLOR is honoured.\n\n"
	       "  gatekeeper run run_981\n"
	       "  gatekeeper run run_981 --json\n",
    .flags = run_flags,
    .flag_count = GK_COUNT(run_flags),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
