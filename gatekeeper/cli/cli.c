/* The command line: which command, which flags, and what to say when it is wrong. */
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_internal.h"

const struct cli_flag cli__common[] = {
    {"config", "FILE", false,
	"the configuration; else $GATEKEEPER_CONFIG, else ./gatekeeper.yaml"},
    {"set", "KEY=VALUE", true, "override a key of the configuration"},
    {"json", NULL, false, "answer in JSON, for programs"},
    {"help", NULL, false, "this text"},
};
const size_t cli__common_count = GK_COUNT(cli__common);

int
cli_fail(struct cli *cli, int code, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("gatekeeper: ", cli->err);
	va_start(ap, fmt);
	(void)vfprintf(cli->err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', cli->err);
	return code;
}

int
cli_fail_err(struct cli *cli, const struct gk_err *err)
{
	static const int codes[] = {
	    [GK_OK] = CLI_INTERNAL,
	    [GK_E_NOMEM] = CLI_INTERNAL,
	    [GK_E_LIMIT] = CLI_DATA,
	    [GK_E_INVALID] = CLI_DATA,
	    [GK_E_IO] = CLI_IO,
	    [GK_E_CORRUPT] = CLI_DATA,
	    [GK_E_BUSY] = CLI_BUSY,
	};

	return cli_fail(cli, codes[err->rc], "%s%s%s", err->where,
	    err->where[0] != '\0' ? ": " : "", err->text);
}

/* The flag of that name of n bytes, of the command or common; NULL: none. */
static const struct cli_flag *
find_flag(const struct cli *cli, const char *name, size_t n)
{
	const struct cli_command *command = cli->command;
	const struct cli_flag *const lists[] = {
	    command != NULL ? command->flags : NULL, cli__common};
	const size_t counts[] = {
	    command != NULL ? command->flag_count : 0, cli__common_count};

	for (size_t list = 0; list < GK_COUNT(lists); list++) {
		for (size_t i = 0; i < counts[list]; i++) {
			const struct cli_flag *flag = &lists[list][i];

			if (strlen(flag->name) == n &&
			    memcmp(flag->name, name, n) == 0) {
				return flag;
			}
		}
	}
	return NULL;
}

static int
unknown_flag(struct cli *cli, const char *name)
{
	const char *names[96], *meant;
	size_t count = 0;

	for (size_t i = 0; i < cli__common_count; i++) {
		names[count++] = cli__common[i].name;
	}
	for (size_t i = 0;
	     cli->command != NULL && i < cli->command->flag_count &&
	     count < GK_COUNT(names);
	     i++) {
		names[count++] = cli->command->flags[i].name;
	}
	meant = cli_nearest(name, names, count);
	if (meant != NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "unknown flag --%s; did you mean --%s?", name, meant);
	}
	return cli_fail(cli, CLI_USAGE,
	    "unknown flag --%s; try: gatekeeper %s --help", name,
	    cli->command != NULL ? cli->command->path : "");
}

const char *
cli_flag(const struct cli *cli, const char *name, size_t i)
{
	for (size_t g = 0; g < cli->given_count; g++) {
		if (strcmp(cli->given[g].flag->name, name) == 0 && i-- == 0) {
			return cli->given[g].value;
		}
	}
	return NULL;
}

bool
cli_has_flag(const struct cli *cli, const char *name)
{
	for (size_t g = 0; g < cli->given_count; g++) {
		if (strcmp(cli->given[g].flag->name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* One "--name", "--name=value" or "--name value"; *at moves over what it takes. */
static int
parse_flag(struct cli *cli, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_flag *flag = find_flag(cli, name, n);
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (flag == NULL) {
		return unknown_flag(cli, name);
	}
	if (flag->value == NULL && value != NULL) {
		return cli_fail(
		    cli, CLI_USAGE, "--%s takes no value", flag->name);
	}
	if (flag->value != NULL && value == NULL) {
		if (*at + 1 >= argc) {
			return cli_fail(cli, CLI_USAGE,
			    "--%s needs a value: %s", flag->name, flag->value);
		}
		value = argv[++*at];
	}
	if (!flag->many && cli_has_flag(cli, flag->name)) {
		return cli_fail(
		    cli, CLI_USAGE, "--%s may be given once", flag->name);
	}
	if (cli->given_count == CLI_GIVEN_MAX) {
		return cli_fail(cli, CLI_USAGE, "too many flags");
	}
	cli->given[cli->given_count++] = (struct cli_given){flag, value};
	return CLI_FINE;
}

static const struct cli_command *
find_command(const struct cli *cli, const char *first, const char *second)
{
	const struct cli_command *command;
	size_t n = strlen(first);

	for (size_t i = 0; (command = cli__command(cli, i)) != NULL; i++) {
		if (second == NULL
			? strcmp(command->path, first) == 0
			: strncmp(command->path, first, n) == 0 &&
			      command->path[n] == ' ' &&
			      strcmp(command->path + n + 1, second) == 0) {
			return command;
		}
	}
	return NULL;
}

/* Does a group of commands ("token create", "token list") have that name? */
static bool
is_group(const struct cli *cli, const char *name)
{
	const struct cli_command *command;
	size_t n = strlen(name);

	for (size_t i = 0; (command = cli__command(cli, i)) != NULL; i++) {
		if (strncmp(command->path, name, n) == 0 &&
		    command->path[n] == ' ') {
			return true;
		}
	}
	return false;
}

static int
unknown_command(struct cli *cli, const char *first, const char *second)
{
	const struct cli_command *command;
	const char *names[96], *meant;
	size_t count = 0;
	char typed[64];

	for (size_t i = 0; (command = cli__command(cli, i)) != NULL &&
			   count < GK_COUNT(names);
	     i++) {
		names[count++] = command->path;
	}
	(void)snprintf(typed, sizeof(typed), "%.30s%s%.30s", first,
	    second != NULL ? " " : "", second != NULL ? second : "");
	meant = cli_nearest(typed, names, count);
	if (meant == NULL) {
		meant = cli_nearest(first, names, count);
	}
	if (meant != NULL) {
		return cli_fail(cli, CLI_USAGE,
		    "unknown command \"%s\"; did you mean \"%s\"?", typed,
		    meant);
	}
	return cli_fail(cli, CLI_USAGE,
	    "unknown command \"%s\"; try: gatekeeper --help", typed);
}

/* What stands alone: "gatekeeper --help", "gatekeeper token --help". */
static bool
asks_help(int argc, char **argv, int from)
{
	for (int i = from; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			return true;
		}
	}
	return false;
}

/* The command at argv[*at]; *at moves behind it.  NULL: *ret_code says why. */
static const struct cli_command *
parse_command(struct cli *cli, int argc, char **argv, int *at, int *ret_code)
{
	const char *first = argv[*at];
	const char *second =
	    *at + 1 < argc && argv[*at + 1][0] != '-' ? argv[*at + 1] : NULL;
	const struct cli_command *command = NULL;

	if (second != NULL) {
		command = find_command(cli, first, second);
		*at += command != NULL ? 2 : 0;
	}
	if (command == NULL) {
		command = find_command(cli, first, NULL);
		*at += command != NULL ? 1 : 0;
	}
	if (command != NULL) {
		return command;
	}
	if (is_group(cli, first) &&
	    (second == NULL || asks_help(argc, argv, *at))) {
		bool help = asks_help(argc, argv, *at);

		(void)cli__help_group(cli, first, help ? cli->out : cli->err);
		*ret_code = help ? CLI_FINE : CLI_USAGE;
		return NULL;
	}
	*ret_code = unknown_command(cli, first, second);
	return NULL;
}

static int
add_argument(struct cli *cli, const char *text)
{
	if (cli->arg_count == cli->command->max_args) {
		return cli_fail(cli, CLI_USAGE,
		    "%s: one argument too many: \"%s\"; usage: gatekeeper %s "
		    "%s",
		    cli->command->path, text, cli->command->path,
		    cli->command->arguments);
	}
	cli->args[cli->arg_count++] = text;
	return CLI_FINE;
}

/* All that follows the command's name. */
static int
parse_rest(struct cli *cli, int argc, char **argv, int at)
{
	bool flags = true;

	for (; at < argc; at++) {
		int code;

		if (flags && strcmp(argv[at], "--") == 0) {
			flags = false;
			continue;
		}
		if (flags && argv[at][0] == '-' && argv[at][1] != '\0') {
			code = strncmp(argv[at], "--", 2) == 0
				   ? parse_flag(cli, argc, argv, &at)
				   : cli_fail(cli, CLI_USAGE,
					 "unknown flag %s; flags begin with --",
					 argv[at]);
		} else {
			code = add_argument(cli, argv[at]);
		}
		if (code != CLI_FINE) {
			return code;
		}
	}
	if (cli->arg_count < cli->command->min_args) {
		return cli_fail(cli, CLI_USAGE, "usage: gatekeeper %s %s",
		    cli->command->path, cli->command->arguments);
	}
	cli->json = cli_has_flag(cli, "json");
	return CLI_FINE;
}

/* What is written last counts: a full disk or a closed pipe is an error too. */
static int
finish(struct cli *cli, int code)
{
	if (fflush(cli->out) != 0 || ferror(cli->out)) {
		return cli_fail(
		    cli, CLI_IO, "standard output can't be written");
	}
	return code;
}

static int
help_about(struct cli *cli, int argc, char **argv, int at)
{
	const struct cli_command *command = NULL;

	if (at >= argc) {
		cli__help(cli, cli->out);
		return CLI_FINE;
	}
	if (at + 1 < argc) {
		command = find_command(cli, argv[at], argv[at + 1]);
	} else {
		command = find_command(cli, argv[at], NULL);
	}
	if (command != NULL) {
		cli__help_command(command, cli->out);
		return CLI_FINE;
	}
	if (cli__help_group(cli, argv[at], cli->out)) {
		return CLI_FINE;
	}
	return unknown_command(
	    cli, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
}

int
cli_run(struct cli *cli, int argc, char **argv)
{
	int at = 1, code = CLI_USAGE;

	while (at < argc && argv[at][0] == '-') {
		if (strcmp(argv[at], "--help") == 0 ||
		    strcmp(argv[at], "-h") == 0) {
			return finish(cli, help_about(cli, 0, argv, 0));
		}
		if (strcmp(argv[at], "--version") == 0) {
			(void)fprintf(
			    cli->out, "gatekeeper %s\n", cli->version);
			return finish(cli, CLI_FINE);
		}
		code =
		    strncmp(argv[at], "--", 2) == 0 && argv[at][2] != '\0'
			? parse_flag(cli, argc, argv, &at)
			: cli_fail(cli, CLI_USAGE, "unknown flag %s", argv[at]);
		if (code != CLI_FINE) {
			return code;
		}
		at++;
	}
	if (at >= argc) {
		cli__help(cli, cli->err);
		return CLI_USAGE;
	}
	if (strcmp(argv[at], "help") == 0) {
		return finish(cli, help_about(cli, argc, argv, at + 1));
	}
	cli->command = parse_command(cli, argc, argv, &at, &code);
	if (cli->command == NULL) {
		return finish(cli, code);
	}
	if (asks_help(argc, argv, at)) {
		cli__help_command(cli->command, cli->out);
		return finish(cli, CLI_FINE);
	}
	code = parse_rest(cli, argc, argv, at);
	return code != CLI_FINE ? code : finish(cli, cli->command->run(cli));
}
