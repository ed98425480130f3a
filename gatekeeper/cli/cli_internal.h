#ifndef GK_CLI_INTERNAL_H
#define GK_CLI_INTERNAL_H
/* What the files of this room share: commands, and how an operator's question reaches the gate. */

#include "cli/cli.h"
#include "codec/json.h"

/* The i-th of all commands, those of main first; NULL: no more. */
const struct cli_command *cli__command(const struct cli *cli, size_t i);

/* Flags that every command takes. */
extern const struct cli_flag cli__common[];
extern const size_t cli__common_count;

/* Help on out: of everything, of a group ("token"), of one command. */
void cli__help(const struct cli *cli, FILE *out);
bool cli__help_group(const struct cli *cli, const char *group, FILE *out);
void cli__help_command(const struct cli_command *command, FILE *out);

void cli__closep(int *fd);

#endif
