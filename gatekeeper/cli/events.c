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
#include "format/format.h"

#define LIMIT_DEFAULT "50"

enum { EXPORT_PAGE = 500 };

static const struct cli_flag events_flags[] = {
    {"run-id", "ID", false, "of one run"},
    {"step-id", "ID", false, "of one step"},
    {"tenant-id", "ID", false, "of one tenant"},
    {"agent-id", "ID", false, "of one agent"},
    {"actor", "ID", false, "on behalf of"},
    {"action", "NAME", false, "such as refund.create"},
    {"action-key", "KEY", false, "the same action with the same arguments"},
    {"args", "JSON", false,
	"with --action: with these arguments, under any hash key there is"},
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
    {"format", "WORD", false,
	"jsonl, csv, cloudevents, ocsf, cef or aat: all that match, oldest "
	"first"},
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

/* ---- other people's formats: page after page, all that match ---- */

struct export
{
	struct cli *cli;
	struct session session;
	struct ask ask; /* without order, limit and cursor */
	const char *order;
	struct format_stream *stream;
	uint64_t left;    /* rows that may still come */
	char cursor[128]; /* "" at the begin */
};

static void
export_done(struct export *export)
{
	format_free(export->stream);
	session_done(&export->session);
}

/* The log's name, from the verifier key that lies beside it. */
static void
read_origin(const struct export *export, struct gk_buf *buf)
{
	const char *dir = export->session.settings.gate.data_dir;
	GK_AUTO(gk_buf_done) struct gk_buf path = GK_BUF_INIT(4200);
	struct gk_err err = {0};

	if (gk_buf_printf(&path, &err, "%s/vkey", dir) != GK_OK ||
	    cli_read_file(gk_buf_text(&path), buf, &err) != GK_OK) {
		gk_buf_clear(buf);
	}
	if (buf->len > 0) {
		buf->bytes[strcspn(buf->bytes, "+\n")] = '\0';
	}
}

static enum gk_rc
export_row(struct export *export, const struct json_value *event,
    struct gk_buf *row, struct gk_buf *out, struct gk_err *err)
{
	gk_buf_clear(row);
	GK_TRY(canon_print(event, row, err));
	return format_print(
	    export->stream, gk_buf_text(row), row->len, out, err);
}

/* Print a page; *ret_more: the cursor leads to another. */
static int
export_page(
    struct export *export, const struct json_value *answer, bool *ret_more)
{
	GK_AUTO(gk_buf_done) struct gk_buf row = GK_BUF_INIT(1u << 20);
	GK_AUTO(gk_buf_done) struct gk_buf out = GK_BUF_INIT(1u << 20);
	const char *next = words_get(answer, "next_cursor");
	struct gk_err err = {0};

	for (const struct json_value *event =
		 words_first(words_at(answer, "events"));
	     event != NULL; event = json_next(event)) {
		gk_buf_clear(&out);
		if (export_row(export, event, &row, &out, &err) != GK_OK) {
			return cli_fail_err(export->cli, &err);
		}
		if (fwrite(out.bytes, 1, out.len, export->cli->out) !=
		    out.len) {
			return cli_fail(
			    export->cli, CLI_IO, "the output can't be written");
		}
		export->left--;
	}
	*ret_more = next != NULL && export->left > 0;
	(void)snprintf(export->cursor, sizeof(export->cursor), "%s",
	    next != NULL ? next : "");
	return CLI_FINE;
}

static int
ask_page(struct export *export, bool *ret_more)
{
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = export->ask;
	char limit[24];
	int code;

	(void)snprintf(limit, sizeof(limit), "%d",
	    export->left < EXPORT_PAGE ? (int)export->left : EXPORT_PAGE);
	ask_param(&ask, "order", export->order);
	ask_param(&ask, "limit", limit);
	if (export->cursor[0] != '\0') {
		ask_param(&ask, "cursor", export->cursor);
	}
	code = session_ask(&export->session, &ask, &answer);
	return code == CLI_FINE ? export_page(export, answer.json, ret_more)
				: code;
}

/* How many at most: all, unless --limit says so. */
static bool
read_left(struct export *export)
{
	const char *limit = cli_flag(export->cli, "limit", 0);

	export->left = UINT64_MAX;
	if (limit == NULL) {
		return true;
	}
	export->left = 0;
	for (const char *at = limit; *at >= '0' && *at <= '9'; at++) {
		export->left = export->left * 10 + (uint64_t)(*at - '0');
	}
	if (limit[strspn(limit, "0123456789")] != '\0' || export->left == 0 ||
	    strlen(limit) > 18) {
		(void)cli_fail(
		    export->cli, CLI_USAGE, "--limit: expected a number");
		return false;
	}
	return true;
}

static int
open_stream(struct export *export, enum format format)
{
	GK_AUTO(gk_buf_done) struct gk_buf origin = GK_BUF_INIT(4096);
	GK_AUTO(gk_buf_done) struct gk_buf head = GK_BUF_INIT(4096);
	struct format_options options = {
	    .format = format, .version = export->cli->version};
	struct gk_err err = {0};

	read_origin(export, &origin);
	options.origin = origin.len > 0 ? gk_buf_text(&origin) : "gatekeeper";
	if (format_new(&options, &export->stream, &err) != GK_OK ||
	    format_print_head(export->stream, &head, &err) != GK_OK) {
		return cli_fail_err(export->cli, &err);
	}
	(void)fwrite(gk_buf_text(&head), 1, head.len, export->cli->out);
	return CLI_FINE;
}

static int
export_events(struct cli *cli, const struct ask *ask, const char *word)
{
	GK_AUTO(export_done) struct export export = {.cli = cli, .ask = *ask};
	const char *order = cli_flag(cli, "order", 0);
	const char *cursor = cli_flag(cli, "cursor", 0);
	enum format format = format_find(word);
	bool more = true;
	int code;

	if (format == FORMAT_NONE) {
		return cli_fail(cli, CLI_USAGE,
		    "--format: expected jsonl, csv, cloudevents, ocsf, cef or "
		    "aat");
	}
	if (cursor != NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "--format prints all that match: it takes no --cursor");
	}
	export.order = order != NULL ? order : "asc";
	code = session_init(&export.session, cli);
	if (code == CLI_FINE && !read_left(&export)) {
		code = CLI_USAGE;
	}
	/* the first question opens the journal where no server does */
	if (code == CLI_FINE) {
		code = open_stream(&export, format);
	}
	while (code == CLI_FINE && more) {
		code = ask_page(&export, &more);
	}
	return code;
}

/* {"action":…,"args":…}; NULL: told why not. */
static struct json_value *
args_body(struct cli *cli)
{
	static const struct json_limits limits = {1u << 20, 64, 100000};
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	GK_AUTO(json_freep) struct json_value *args = NULL;
	const char *text = cli_flag(cli, "args", 0);
	const char *action = cli_flag(cli, "action", 0);

	if (action == NULL || cli_has_flag(cli, "action-key")) {
		(void)cli_fail(cli, CLI_USAGE,
		    "--args needs --action, and no --action-key");
		return NULL;
	}
	if (json_parse(text, strlen(text), &limits, &args, NULL) != GK_OK ||
	    body == NULL || !words_set(body, "action", action) ||
	    json_set(body, "args", &args, NULL) != GK_OK) {
		(void)cli_fail(cli, CLI_USAGE, "--args is a JSON object");
		return NULL;
	}
	return GK_TAKE(body);
}

/* The keys that the action has with these arguments, "ak2_…,ak1_…". */
static int
find_action_keys(struct cli *cli, struct gk_buf *keys, struct ask *ask)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = args_body(cli);
	struct ask question = {.verb = GATE_ARGS_HASH, .body = body};
	struct gk_err err = {0};
	int code = CLI_USAGE;

	if (body != NULL) {
		code = session_init(&session, cli);
	}
	if (code == CLI_FINE) {
		code = session_ask(&session, &question, &answer);
	}
	if (code != CLI_FINE) {
		return code;
	}
	for (const struct json_value *one =
		 words_first(words_at(answer.json, "keys"));
	     one != NULL; one = json_next(one)) {
		const char *key = words_get(one, "action_key");

		if (key != NULL &&
		    gk_buf_printf(keys, &err, "%s%s", keys->len > 0 ? "," : "",
			key) != GK_OK) {
			return cli_fail_err(cli, &err);
		}
	}
	ask_param(ask, "action_key", gk_buf_text(keys));
	return CLI_FINE;
}

static int
events(struct cli *cli)
{
	GK_AUTO(gk_buf_done) struct gk_buf keys = GK_BUF_INIT(4096);
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_EVENTS};
	char since_text[GK_TIME_TEXT_BYTES], until_text[GK_TIME_TEXT_BYTES];
	const char *since, *until, *order = cli_flag(cli, "order", 0);
	const char *limit = cli_flag(cli, "limit", 0);
	const char *format = cli_flag(cli, "format", 0);
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
	ask_param(&ask, "raw", cli_has_flag(cli, "raw") ? "true" : NULL);
	if (cli_has_flag(cli, "args")) {
		code = find_action_keys(cli, &keys, &ask);
		if (code != CLI_FINE) {
			return code;
		}
	}
	if (format != NULL) {
		return export_events(cli, &ask, format);
	}
	ask_param(&ask, "order", order != NULL ? order : "desc");
	ask_param(&ask, "limit", limit != NULL ? limit : LIMIT_DEFAULT);
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
	"  gatekeeper events --kind kill_switch\n"
	"  gatekeeper events --format ocsf --since 24h > day.jsonl\n"
	"  gatekeeper events --action refund.create --args '{\"amount\":50}'\n",
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
	if (words_at(answer.json, "let_go_before") != NULL) {
		(void)fprintf(cli->out,
		    "what it did before event %" PRId64
		    " was let go by retention, but for what is held\n",
		    words_int(answer.json, "let_go_before"));
	}
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
