/* Help and docs/cli.md, both printed from the commands' own tables. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_internal.h"

static const char intro[] = "gatekeeper asks the policy before an AI agent "
			    "acts, and records every answer.\n\n";

static const char outro[] =
    "\nEvery command takes --config FILE, --set KEY=VALUE, --json and --help.\n"
    "Exit codes: 0 fine, 1 the answer is no, 64 usage, 65 bad data, 69 "
    "unavailable,\n"
    "70 internal, 74 I/O, 75 busy, 77 no permission, 78 configuration.\n";

static const char exits[] = "0   done\n"
			    "1   the answer is no\n"
			    "64  the command line is wrong\n"
			    "65  the policy or the journal is broken\n"
			    "69  the server answers, but not now\n"
			    "74  reading or writing failed\n"
			    "75  somebody else holds the data directory\n"
			    "77  not permitted\n"
			    "78  the configuration is wrong\n";

void
cli__help(const struct cli *cli, FILE *out)
{
	const struct cli_command *command;

	(void)fputs(intro, out);
	(void)fputs("usage: gatekeeper COMMAND [flags]\n\n", out);
	for (size_t i = 0; (command = cli__command(cli, i)) != NULL; i++) {
		(void)fprintf(
		    out, "  %-18s %s\n", command->path, command->summary);
	}
	(void)fputs(outro, out);
}

bool
cli__help_group(const struct cli *cli, const char *group, FILE *out)
{
	const struct cli_command *command;
	size_t n = strlen(group);
	bool any = false;

	for (size_t i = 0; (command = cli__command(cli, i)) != NULL; i++) {
		if (strncmp(command->path, group, n) != 0 ||
		    command->path[n] != ' ') {
			continue;
		}
		if (!any) {
			(void)fprintf(out,
			    "usage: gatekeeper %s COMMAND [flags]\n\n", group);
		}
		(void)fprintf(
		    out, "  %-18s %s\n", command->path, command->summary);
		any = true;
	}
	if (any) {
		(void)fprintf(
		    out, "\nMore: gatekeeper %s COMMAND --help\n", group);
	}
	return any;
}

/* Text of several lines, each behind the same indent. */
static void
print_indented(const char *text, const char *indent, FILE *out)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		(void)fprintf(
		    out, "%s%.*s\n", n > 0 ? indent : "", (int)n, text);
		text += text[n] == '\n' ? n + 1 : n;
	}
}

static void
print_flags(const struct cli_flag *flags, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "--%s%s%s", flags[i].name,
		    flags[i].value != NULL ? " " : "",
		    flags[i].value != NULL ? flags[i].value : "");
		(void)fprintf(out, "  %-24s %s%s\n", left, flags[i].text,
		    flags[i].many ? " (may be repeated)" : "");
	}
}

static void
print_usage(const struct cli_command *command, FILE *out)
{
	(void)fprintf(out, "usage: gatekeeper %s%s%s [flags]\n", command->path,
	    command->arguments[0] != '\0' ? " " : "", command->arguments);
}

/* Everything under the title, for help and docs alike. */
static void
print_body(const struct cli_command *command, FILE *out)
{
	print_usage(command, out);
	(void)fputc('\n', out);
	if (command->details != NULL) {
		print_indented(command->details, "", out);
		(void)fputc('\n', out);
	}
	if (command->flag_count > 0) {
		(void)fputs("flags:\n", out);
		print_flags(command->flags, command->flag_count, out);
		(void)fputc('\n', out);
	}
	(void)fputs("exit codes:\n", out);
	print_indented(
	    command->exits != NULL ? command->exits : exits, "  ", out);
}

void
cli__help_command(const struct cli_command *command, FILE *out)
{
	(void)fprintf(
	    out, "gatekeeper %s: %s\n\n", command->path, command->summary);
	print_body(command, out);
	(void)fputs("\nflags of every command:\n", out);
	print_flags(cli__common, cli__common_count, out);
}

static void
print_docs(const struct cli *cli, FILE *out)
{
	const struct cli_command *command;

	(void)fputs("# The command line\n\n"
		    "<!-- Printed by `gatekeeper config --cli-docs` from the "
		    "commands' tables. -->\n\n```\n",
	    out);
	cli__help(cli, out);
	(void)fputs("\nflags of every command:\n", out);
	print_flags(cli__common, cli__common_count, out);
	(void)fputs("```\n", out);
	for (size_t i = 0; (command = cli__command(cli, i)) != NULL; i++) {
		(void)fprintf(out, "\n## gatekeeper %s\n\n%c%s.\n\n```\n",
		    command->path, command->summary[0] - 'a' + 'A',
		    command->summary + 1);
		print_body(command, out);
		(void)fputs("```\n", out);
	}
}

enum gk_rc
cli_print_docs(const struct cli *cli, struct gk_buf *buf, struct gk_err *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	enum gk_rc rc;

	if (out == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for the docs");
	}
	print_docs(cli, out);
	if (fclose(out) != 0) {
		free(text);
		return GK_FAIL(err, GK_E_NOMEM, "no memory for the docs");
	}
	rc = gk_buf_add(buf, text, n, err);
	free(text);
	return rc;
}
