/* `gatekeeper approvals list` and `show`: what waits for people. */
#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"

enum { COLUMNS = 11 };

static const struct cli_flag list_flags[] = {
    {"status", "WORD", false,
	"pending, granted, denied, expired, revoked, used or all; else "
	"pending"},
    {"each", NULL, false, "a row for each, also where several are identical"},
};

static const char *const titles[COLUMNS] = {"ID", "RISK", "STATUS", "ALIKE",
    "ACTION", "AGENT", "TENANT", "RUN", "STEP", "VOTES", "EXPIRES (UTC)"};
enum { COLUMN_ALIKE = 3 };

/* All that are alike, or one. */
struct row {
	struct row *next;
	const char *alike;
	size_t count;
	const char
	    *cells[COLUMNS]; /* of the first; ALIKE is written at the end */
};

/* All pages: rows of a table, or one JSON text. */
struct approval_list {
	struct table table;
	struct gk_arena arena;
	struct gk_map groups; /* alike → row */
	struct row *rows, **rows_end;
	struct gk_buf text;
	size_t count, row_count;
	bool each;
	char cursor[64];
};

static void
list_done(struct approval_list *list)
{
	table_done(&list->table);
	gk_map_done(&list->groups);
	gk_arena_done(&list->arena);
	gk_buf_done(&list->text);
}

static enum gk_rc
fill_row(struct approval_list *list, const struct json_value *one,
    struct row *row, struct gk_err *err)
{
	char votes[64], expires[32];
	const char *const cells[COLUMNS] = {
	    words_get(one, "approval_id"),
	    words_get(one, "risk"),
	    words_get(one, "status"),
	    NULL,
	    words_get(one, "action"),
	    words_get(one, "agent_id"),
	    words_get(one, "tenant_id"),
	    words_get(one, "run_id"),
	    words_get(one, "step_id"),
	    votes,
	    words_second(words_get(one, "expires_at"), expires),
	};

	(void)snprintf(votes, sizeof(votes), "%" PRId64 "/%" PRId64,
	    words_int(one, "granted"), words_int(one, "needed"));
	for (size_t i = 0; i < COLUMNS; i++) {
		if (cells[i] == NULL) {
			continue;
		}
		row->cells[i] = gk_arena_strdup(&list->arena, cells[i]);
		if (row->cells[i] == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "approvals");
		}
	}
	return GK_OK;
}

/* Only what is pending is one row: what was decided was decided for each. */
static bool
is_grouped(const struct approval_list *list, const struct json_value *one)
{
	const char *status = words_get(one, "status");

	return !list->each && words_get(one, "alike") != NULL &&
	       status != NULL && strcmp(status, "pending") == 0;
}

static enum gk_rc
add_approval(struct approval_list *list, const struct json_value *one,
    struct gk_err *err)
{
	const char *alike =
	    is_grouped(list, one) ? words_get(one, "alike") : NULL;
	struct row *row = alike == NULL
			      ? NULL
			      : gk_map_get(&list->groups, alike, strlen(alike));

	if (row != NULL) {
		row->count++;
		return GK_OK;
	}
	row = gk_arena_calloc(&list->arena, 1, sizeof(*row));
	if (row == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approvals");
	}
	row->count = 1;
	GK_TRY(fill_row(list, one, row, err));
	*list->rows_end = row;
	list->rows_end = &row->next;
	list->row_count++;
	if (alike == NULL) {
		return GK_OK;
	}
	row->alike = gk_arena_strdup(&list->arena, alike);
	return row->alike == NULL ? GK_FAIL(err, GK_E_NOMEM, "approvals")
				  : gk_map_set(&list->groups, row->alike,
					strlen(row->alike), row, err);
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
			GK_TRY(add_approval(list, one, err));
		}
	}
	return GK_OK;
}

static void
list_print(struct cli *cli, struct approval_list *list)
{
	table_row(&list->table, titles);
	for (struct row *row = list->rows; row != NULL; row = row->next) {
		struct row shown = *row;
		char count[32];

		(void)snprintf(count, sizeof(count), "%zu", row->count);
		shown.cells[COLUMN_ALIKE] = count;
		table_row(&list->table, shown.cells);
	}
	table_print(&list->table, cli->out);
	if (list->row_count < list->count) {
		(void)fprintf(cli->out,
		    "\n%zu requests in %zu rows: identical ones are one row "
		    "(--each: a row for each).\n"
		    "Vote on all of a row: gatekeeper approvals grant --alike "
		    "ID, or deny --alike ID; each vote is an event of its "
		    "own.\n",
		    list->count, list->row_count);
	}
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
	    .table = TABLE_INIT(COLUMNS),
	    .arena = GK_ARENA_INIT(ASK_TEXT_MAX),
	    .text = GK_BUF_INIT(ASK_TEXT_MAX),
	    .rows_end = &list.rows,
	    .each = cli_has_flag(cli, "each"),
	};
	const char *status = cli_flag(cli, "status", 0);
	int code = session_init(&session, cli);

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
		list_print(cli, &list);
	}
	return CLI_FINE;
}

const struct cli_command cli__approvals_list = {
    .path = "approvals list",
    .arguments = "",
    .summary = "list what waits for a person",
    .details = "What waits: the riskiest first, and of those what was asked "
	       "first.  Identical requests\n"
	       "are one row, which says how many.\n\n"
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

static const char *const step_titles[] = {
    "STEP", "ACTION", "ANSWER", "REASON", "RESULT", "WHEN (UTC)"};

/* "error upstream.timeout, contradicted later", "VIOLATION: done all the same" */
static const char *
print_came(const struct json_value *step, char ret[160])
{
	const char *result = words_get(step, "result");
	const char *code = words_get(step, "error_code");

	if (words_true(step, "violation")) {
		return "VIOLATION: done all the same";
	}
	(void)snprintf(ret, 160, "%s%s%s%s", result == NULL ? "-" : result,
	    code == NULL ? "" : " ", code == NULL ? "" : code,
	    words_true(step, "contradicted") ? ", contradicted later" : "");
	return ret;
}

static void
add_step(struct table *table, const struct json_value *step)
{
	const char *decision = words_get(step, "decision");
	const char *approval = words_get(step, "approval");
	char answer[80], came[160], at[32];
	const char *const cells[] = {
	    words_get(step, "step_id"),
	    words_get(step, "action"),
	    answer,
	    words_get(step, "reason"),
	    print_came(step, came),
	    words_second(words_get(step, "at"), at),
	};

	(void)snprintf(answer, sizeof(answer), "%s%s%s",
	    decision == NULL ? "-" : decision, approval == NULL ? "" : ": ",
	    approval == NULL ? "" : approval);
	table_row(table, cells);
}

/* What had happened in the run before it was asked. */
static void
print_history(struct cli *cli, const struct json_value *history)
{
	GK_AUTO(table_done)
	struct table table = TABLE_INIT(GK_COUNT(step_titles));
	const struct json_value *totals = words_at(history, "totals");
	const struct json_value *step = words_first(words_at(history, "steps"));
	int64_t since = words_int(words_at(history, "after"), "violations");

	(void)fprintf(cli->out,
	    "\nbefore in this run: steps: %s%" PRId64 ", stopped: %" PRId64
	    ", violations: %" PRId64 ", errors: %" PRId64
	    ", unreported: %" PRId64 "\n",
	    words_true(history, "complete") ? "" : "more than ",
	    words_int(totals, "steps"), words_int(totals, "stop"),
	    words_int(totals, "violations"), words_int(totals, "errors"),
	    words_int(totals, "unreported"));
	if (since > 0) {
		(void)fprintf(cli->out,
		    "since it asked: violations: %" PRId64
		    " (what wasn't allowed was done all the same)\n",
		    since);
	}
	if (step == NULL) {
		return;
	}
	table_row(&table, step_titles);
	for (; step != NULL; step = json_next(step)) {
		add_step(&table, step);
	}
	table_print(&table, cli->out);
}

static int
show_history(struct cli *cli, struct session *session)
{
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {
	    .verb = GATE_APPROVAL_HISTORY, .target = cli->args[0]};
	int code = session_ask(session, &ask, &answer);

	if (code == CLI_FINE) {
		print_history(cli, answer.json);
	}
	return code;
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
	return show_history(cli, &session);
}

const struct cli_command cli__approvals_show = {
    .path = "approvals show",
    .arguments = "APPROVAL_ID",
    .summary = "show one approval: what is asked, by whom, who voted, what "
	       "happened before in the run",
    .details = "  gatekeeper approvals show apr_AAAAAAAAAAAAAAAAAAAAAA\n",
    .min_args = 1,
    .max_args = 1,
    .run = show,
};
