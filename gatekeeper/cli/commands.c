/* The list of commands, in the order in which --help shows them. */
#include "cli/cli_internal.h"

static const struct cli_command *const commands[] = {NULL};

const struct cli_command *
cli__command(const struct cli *cli, size_t i)
{
	if (i < cli->more_count) {
		return cli->more[i];
	}
	i -= cli->more_count;
	return i < GK_COUNT(commands) ? commands[i] : NULL;
}
