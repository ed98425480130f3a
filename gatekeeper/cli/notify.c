/* `gatekeeper notify`: what is told, what waits, what was given up; another try; a test. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

#define TEST_WAIT_S 70 /* longer than a message may take */

static const char *
yes_or_no(const struct json_value *value)
{
	return json_bool(value) ? "yes" : "no";
}

static void
add_target(struct table *table, const struct json_value *one)
{
	char sent[32], failures[32], pending[32], dead[32], when[32];
	const char *cells[] = {words_get(one, "name"), words_get(one, "kind"),
	    yes_or_no(words_at(one, "up")), sent, failures, pending, dead,
	    words_second(words_get(one, "last_error_at"), when),
	    words_get(one, "last_error")};

	(void)snprintf(sent, sizeof(sent), "%" PRId64, words_int(one, "sent"));
	(void)snprintf(
	    failures, sizeof(failures), "%" PRId64, words_int(one, "failures"));
	(void)snprintf(pending, sizeof(pending), "%" PRId64,
	    words_int(one, "pending_count"));
	(void)snprintf(
	    dead, sizeof(dead), "%" PRId64, words_int(one, "dead_count"));
	table_row(table, cells);
}

/* What was given up, a line each; who wants what waits asks for --json. */
static void
add_dead(struct table *table, const struct json_value *one)
{
	for (const struct json_value *letter =
		 words_first(words_at(one, "dead"));
	     letter != NULL; letter = json_next(letter)) {
		char seq[32], tries[32], when[32];
		const char *cells[] = {words_get(one, "name"), seq, tries,
		    words_second(words_get(letter, "given_up"), when),
		    words_get(letter, "error")};

		(void)snprintf(
		    seq, sizeof(seq), "%" PRId64, words_int(letter, "seq"));
		(void)snprintf(tries, sizeof(tries), "%" PRId64,
		    words_int(letter, "tries"));
		table_row(table, cells);
	}
}

static void
print_targets(struct cli *cli, const struct json_value *list)
{
	static const char *const titles[] = {"NAME", "KIND", "UP", "SENT",
	    "FAILURES", "PENDING", "DEAD", "LAST ERROR (UTC)", ""};
	static const char *const dead_titles[] = {
	    "GIVEN UP", "SEQ", "TRIES", "AT (UTC)", "ERROR"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));
	GK_AUTO(table_done)
	struct table dead = TABLE_INIT(GK_COUNT(dead_titles));
	size_t count = 0;

	if (words_first(list) == NULL) {
		(void)fputs(
		    "nobody is told: notify.targets is empty\n", cli->out);
		return;
	}
	table_row(&table, titles);
	table_row(&dead, dead_titles);
	for (const struct json_value *one = words_first(list); one != NULL;
	     one = json_next(one)) {
		add_target(&table, one);
		add_dead(&dead, one);
		count += json_count(words_at(one, "dead"));
	}
	table_print(&table, cli->out);
	if (count > 0) {
		(void)fputs("\n", cli->out);
		table_print(&dead, cli->out);
	}
}

static int
list(struct cli *cli)
{
	return cli__do_list(cli, GATE_NOTIFY, "targets", print_targets);
}

const struct cli_command cli__notify_list = {
    .path = "notify list",
    .arguments = "",
    .summary = "list who is told of events, and what they weren't told",
    .details = "  gatekeeper notify list\n"
	       "  gatekeeper notify list --json\n",
    .run = list,
};

static const struct cli_flag retry_flags[] = {
    {"seq", "SEQ", false, "that one message only"},
};

/* {"seq": n}; false: --seq isn't a number. */
static bool
retry_body(const struct cli *cli, struct json_value *body)
{
	const char *seq = cli_flag(cli, "seq", 0);
	GK_AUTO(json_freep) struct json_value *number = NULL;
	double value = 0;

	if (seq == NULL) {
		return true;
	}
	if (seq[0] == '\0' || strlen(seq) > 15 ||
	    seq[strspn(seq, "0123456789")] != '\0') {
		return false;
	}
	for (; *seq != '\0'; seq++) {
		value = value * 10 + (*seq - '0');
	}
	number = json_new_number(value);
	return json_set(body, "seq", &number, NULL) == GK_OK;
}

static int
retry(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	struct ask ask = {
	    .verb = GATE_NOTIFY_RETRY, .target = cli->args[0], .body = body};
	int code;

	if (body == NULL || !retry_body(cli, body)) {
		return cli_fail(cli, CLI_USAGE, "--seq is a number");
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
	(void)fprintf(cli->out, "%" PRId64 " wait again\n",
	    words_int(answer.json, "retried"));
	return CLI_FINE;
}

const struct cli_command cli__notify_retry = {
    .path = "notify retry",
    .arguments = "TARGET",
    .summary = "let messages that were given up wait again",
    .details = "All of the target's, or one.  It is in the record.\n\n"
	       "  gatekeeper notify retry ops\n"
	       "  gatekeeper notify retry ops --seq 1041\n",
    .flags = retry_flags,
    .flag_count = GK_COUNT(retry_flags),
    .min_args = 1,
    .max_args = 1,
    .run = retry,
};

/* ---- test ---- */

static const struct json_value *
find_target(const struct json_value *answer, const char *name)
{
	const struct json_value *one = words_first(words_at(answer, "targets"));

	while (one != NULL && words_get(one, "name") != NULL &&
	       strcmp(words_get(one, "name"), name) != 0) {
		one = json_next(one);
	}
	return one;
}

/* Until it has arrived, or hasn't; gives the exit code. */
static int
wait_for_test(struct cli *cli, struct session *session)
{
	static const struct timespec pause = {0, 100000000L};

	for (int i = 0; i < TEST_WAIT_S * 10; i++) {
		GK_AUTO(answer_done) struct answer answer = {0};
		struct ask ask = {.verb = GATE_NOTIFY};
		const struct json_value *one;
		const char *how;
		int code = session_ask(session, &ask, &answer);

		if (code != CLI_FINE) {
			return code;
		}
		one = find_target(answer.json, cli->args[0]);
		how = one != NULL ? words_get(one, "test") : NULL;
		if (how != NULL && strcmp(how, "sent") == 0) {
			(void)fprintf(
			    cli->out, "%s has taken it\n", cli->args[0]);
			return CLI_FINE;
		}
		if (how != NULL && strcmp(how, "failed") == 0) {
			const char *why = words_get(one, "last_error");

			return cli_fail(cli, CLI_NO, "%s: %s", cli->args[0],
			    why != NULL ? why : "it failed");
		}
		(void)nanosleep(&pause, NULL);
	}
	return cli_fail(cli, CLI_NO, "%s: no answer", cli->args[0]);
}

static int
test(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	struct ask ask = {.verb = GATE_NOTIFY_TEST, .target = cli->args[0]};
	int code = session_init(&session, cli);

	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	return code != CLI_FINE ? code : wait_for_test(cli, &session);
}

const struct cli_command cli__notify_test = {
    .path = "notify test",
    .arguments = "TARGET",
    .summary = "send a target a message that says that it is a test",
    .details = "Waits until the other end has taken it.  It is in the record; "
	       "it isn't tried again.\n\n"
	       "  gatekeeper notify test ops\n",
    .exits = "0  it was taken\n"
	     "1  it wasn't; standard error says why\n",
    .min_args = 1,
    .max_args = 1,
    .run = test,
};
