/* The list of commands, in the order in which --help shows them. */
#include "cli/cli_internal.h"

static const struct cli_command *const commands[] = {&cli__init,
    &cli__token_create, &cli__token_list, &cli__token_revoke,
    &cli__policy_check, &cli__policy_test, &cli__policy_explain,
    &cli__policy_reload, &cli__policy_rollback, &cli__policy_replay,
    &cli__policy_diff, &cli__approvals_list, &cli__approvals_show,
    &cli__approvals_grant, &cli__approvals_deny, &cli__approvals_revoke,
    &cli__kill_on, &cli__kill_off, &cli__kill_list, &cli__watch, &cli__run,
    &cli__events, &cli__notify_list, &cli__notify_retry, &cli__notify_test,
    &cli__redact, &cli__hold_on, &cli__hold_off, &cli__hold_list, &cli__verify,
    &cli__export, &cli__backup, &cli__recover, &cli__key_rotate, &cli__key_list,
    &cli__key_destroy, &cli__clock_accept};

const struct cli_command *
cli__command(const struct cli *cli, size_t i)
{
	if (i < cli->more_count) {
		return cli->more[i];
	}
	i -= cli->more_count;
	return i < GK_COUNT(commands) ? commands[i] : NULL;
}
