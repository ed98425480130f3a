#ifndef GK_CLI_EXPLANATION_H
#define GK_CLI_EXPLANATION_H
/* A request's way through a policy, for people: each rule with its verdict, conditions with their values, the answer. */

#include "cli/cli.h"
#include "codec/json.h"

struct trial_answer;

/* Borrows everything during the call. */
struct explanation {
	struct cli *cli;
	const char *action, *agent;
	const char *tenant, *actor;     /* NULL: none */
	bool actor_permitted;           /* may the caller assert it? */
	const char *args;               /* "fit", or why not; NULL: no schema */
	const char *hint;               /* what else was meant; NULL: nothing */
	const struct json_value *rules; /* of policy_explain() */
	const struct trial_answer *answer;
	const char *detail; /* what a refusal means; NULL: its code says it */
};

void explanation_print(const struct explanation *explanation);

#endif
