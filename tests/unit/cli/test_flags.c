/* How a command line is read: flags, arguments, hints, help, exit codes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct cli_flag flags[] = {
    {"name", "NAME", false, "a name"},
    {"tag", "TAG", true, "a tag"},
    {"quick", NULL, false, "be quick"},
};

/* Prints what it was given. */
static int
echo(struct cli *cli)
{
	(void)fprintf(cli->out, "name=%s quick=%d json=%d",
	    cli_flag(cli, "name", 0) != NULL ? cli_flag(cli, "name", 0) : "-",
	    cli_has_flag(cli, "quick"), cli->json);
	for (size_t i = 0; cli_flag(cli, "tag", i) != NULL; i++) {
		(void)fprintf(cli->out, " tag=%s", cli_flag(cli, "tag", i));
	}
	for (size_t i = 0; i < cli->arg_count; i++) {
		(void)fprintf(cli->out, " %s", cli->args[i]);
	}
	return CLI_NO;
}

static const struct cli_command echo_command = {
    .path = "echo",
    .arguments = "[A] [B]",
    .summary = "print what it was given",
    .details = "  gatekeeper echo --name x\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .max_args = 2,
    .run = echo,
};

static const struct cli_command needs_command = {
    .path = "group needs",
    .arguments = "A",
    .summary = "need an argument",
    .min_args = 1,
    .max_args = 1,
    .run = echo,
};

#define LINE_MAX_WORDS 12

struct ran {
	int code;
	char *out, *err;
};

static void
ran_done(struct ran *ran)
{
	free(ran->out);
	free(ran->err);
}

/* Run "gatekeeper <line>"; words are separated by one space. */
static struct ran
run(const char *line)
{
	static const struct cli_command *const more[] = {
	    &echo_command, &needs_command};
	struct ran ran = {0};
	char copy[256], name[] = "gatekeeper",
			*argv[LINE_MAX_WORDS + 1] = {name};
	size_t out_n, err_n;
	struct cli cli = {.version = "9.9",
	    .out = open_memstream(&ran.out, &out_n),
	    .err = open_memstream(&ran.err, &err_n),
	    .more = more,
	    .more_count = GK_COUNT(more)};
	char *rest = copy, *word;
	int argc = 1;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	while (argc < LINE_MAX_WORDS && (word = strsep(&rest, " ")) != NULL) {
		if (line[0] != '\0') {
			argv[argc++] = word;
		}
	}
	ran.code = cli_run(&cli, argc, argv);
	cr_assert(fclose(cli.out) == 0);
	cr_assert(fclose(cli.err) == 0);
	return ran;
}

static void
gives(const char *line, const char *out)
{
	GK_AUTO(ran_done) struct ran ran = run(line);

	cr_assert(ran.code == CLI_NO, "%s: %d %s", line, ran.code, ran.err);
	cr_assert(strcmp(ran.out, out) == 0, "%s: %s", line, ran.out);
}

static void
is_wrong(const char *line, const char *words)
{
	GK_AUTO(ran_done) struct ran ran = run(line);

	cr_assert(ran.code == CLI_USAGE, "%s: %d", line, ran.code);
	cr_assert(ran.out[0] == '\0', "%s: %s", line, ran.out);
	cr_assert(strstr(ran.err, words) != NULL, "%s: %s", line, ran.err);
}

static void
helps(const char *line, const char *words)
{
	GK_AUTO(ran_done) struct ran ran = run(line);

	cr_assert(ran.code == CLI_FINE, "%s: %d %s", line, ran.code, ran.err);
	cr_assert(strstr(ran.out, words) != NULL, "%s: %s", line, ran.out);
	cr_assert(ran.err[0] == '\0', "%s: %s", line, ran.err);
}

Test(flags, flags_and_arguments_come_in_any_order)
{
	gives("echo", "name=- quick=0 json=0");
	gives("echo a --name x b", "name=x quick=0 json=0 a b");
	gives("echo --name=x=y --quick", "name=x=y quick=1 json=0");
	gives(
	    "echo --tag 1 --tag=2 --json", "name=- quick=0 json=1 tag=1 tag=2");
	gives("--json echo", "name=- quick=0 json=1");
	gives("echo -- --name x", "name=- quick=0 json=0 --name x");
	gives("echo -", "name=- quick=0 json=0 -");
	gives("group needs x", "name=- quick=0 json=0 x");
}

Test(flags, what_is_unknown_is_refused_with_a_hint)
{
	is_wrong("echo --nam x", "did you mean --name?");
	is_wrong("echo --jso", "did you mean --json?");
	is_wrong("echo --zzzzzzzz", "gatekeeper echo --help");
	is_wrong("ecko", "did you mean \"echo\"?");
	is_wrong("group neds", "did you mean \"group needs\"?");
	is_wrong("zzzzzzzzzzz", "gatekeeper --help");
	is_wrong("echo -x", "unknown flag -x");
	is_wrong("-x echo", "unknown flag -x");
	is_wrong("", "usage: gatekeeper COMMAND");
	is_wrong("group", "group needs");
}

Test(flags, what_is_missing_or_too_much_is_refused)
{
	is_wrong("echo --name", "needs a value: NAME");
	is_wrong("echo --quick=1", "takes no value");
	is_wrong("echo --name a --name b", "may be given once");
	is_wrong("echo a b c", "one argument too many: \"c\"");
	is_wrong("group needs", "usage: gatekeeper group needs A");
}

Test(flags, help_is_everywhere)
{
	helps("--help", "group needs");
	helps("help", "group needs");
	helps("echo --help", "--tag TAG");
	helps("echo a b c --help", "--tag TAG");
	helps("help echo", "exit codes:");
	helps("help group needs", "need an argument");
	helps("group --help", "group needs");
	helps("help group", "group needs");
	helps("--version", "gatekeeper 9.9");
}

Test(flags, a_near_word_is_found_and_a_far_one_is_not)
{
	static const char *const words[] = {"serve", "verify", "version"};

	cr_assert(strcmp(cli_nearest("serv", words, 3), "serve") == 0);
	cr_assert(strcmp(cli_nearest("verfiy", words, 3), "verify") == 0);
	cr_assert(strcmp(cli_nearest("versoin", words, 3), "version") == 0);
	cr_assert(cli_nearest("backup", words, 3) == NULL);
	cr_assert(cli_nearest("a-word-that-is-far-too-long-for-anybody-to-have-"
			      "typed-it-by-hand-once",
		      words, 3) == NULL);
}

/* Every command of the house has what help and docs print. */
Test(flags, every_command_explains_itself)
{
	GK_AUTO(ran_done) struct ran all = run("--help");
	static const char *const paths[] = {"init", "token create",
	    "token list", "token revoke", "policy check", "policy reload",
	    "policy rollback", "approvals list", "approvals show",
	    "approvals grant", "approvals deny", "approvals revoke", "kill on",
	    "kill off", "kill list", "run", "events", "verify", "backup",
	    "recover", "key rotate", "key list", "key destroy", "clock accept"};

	for (size_t i = 0; i < GK_COUNT(paths); i++) {
		GK_AUTO(ran_done) struct ran ran = {0};
		char line[128];

		cr_assert(strstr(all.out, paths[i]) != NULL, "%s", paths[i]);
		(void)snprintf(line, sizeof(line), "%s --help", paths[i]);
		ran = run(line);
		cr_assert(ran.code == CLI_FINE);
		cr_assert(strstr(ran.out, "exit codes:") != NULL);
		(void)snprintf(line, sizeof(line), "gatekeeper %s", paths[i]);
		cr_assert(strstr(ran.out, line) != NULL);
	}
}
