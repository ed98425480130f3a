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
int cli__take_fd(int *fd); /* *fd becomes -1 */

/* What a gate that was opened here wants an operator to see; ctx is the struct cli. */
void cli__alert(void *ctx, const char *event, const char *text);

/* --reason, for commands that do something. */
#define CLI__REASON_FLAGS 1
extern const struct cli_flag cli__reason_flags[CLI__REASON_FLAGS];
/* {"reason": …}; NULL: told why not. */
struct json_value *cli__reason_body(struct cli *cli);
/* Ask about the first argument with a reason, say what has been done; gives the exit code. */
int cli__do_with_reason(struct cli *cli, enum gate_verb verb, const char *done);
/* Ask for a list, print the answer's member for people, or all of it as JSON; gives the exit code. */
int cli__do_list(struct cli *cli, enum gate_verb verb, const char *member,
    void (*print)(struct cli *cli, const struct json_value *list));

struct policy;
struct policy_problem;
/* "dir/file:line:column: error: …", the line, a caret, a hint. */
void cli__print_problem(
    struct cli *cli, const char *dir, const struct policy_problem *problem);
/* A folder's policy, pinned; what is wrong with it is printed.  Gives the exit code. */
int cli__load_policy(
    struct cli *cli, const char *dir, struct policy **ret_policy);

/* verify --event: one event by its proof.  vkey, policy (a file): NULL where it wasn't given. */
int cli__verify_event(struct cli *cli, const char *vkey, const char *policy);

/* The commands, each beside its code. */
extern const struct cli_command cli__init, cli__token_create, cli__token_list,
    cli__token_revoke, cli__policy_check, cli__policy_test, cli__policy_explain,
    cli__policy_reload, cli__policy_rollback, cli__policy_replay,
    cli__policy_diff, cli__approvals_list, cli__approvals_show,
    cli__approvals_grant, cli__approvals_deny, cli__approvals_revoke,
    cli__kill_on, cli__kill_off, cli__kill_list, cli__events, cli__run,
    cli__verify, cli__export, cli__backup, cli__recover, cli__key_rotate,
    cli__key_list, cli__key_destroy, cli__clock_accept, cli__redact,
    cli__hold_on, cli__hold_off, cli__hold_list, cli__watch, cli__notify_list,
    cli__notify_retry, cli__notify_test;

#endif
