#ifndef GK_CLI_ASK_H
#define GK_CLI_ASK_H
/* An operator's question: to the server where one runs, else to a gate opened here. */

#include "cli/cli.h"
#include "codec/json.h"

#define ASK_PARAMS_MAX 32
#define ASK_TEXT_MAX   (64u << 20) /* of an answer */

/* Embedded; ended with session_done().  A zeroed struct is an empty session. */
struct session {
	struct cli *cli;
	struct cli_settings settings;
	const char *token; /* of a person; NULL: the operator at this machine */
	struct gate *
	    gate; /* opened here; NULL: a server answers, or nobody was asked yet */
	bool asked; /* the server has answered before */
	struct cli_local local;
};

struct ask {
	enum gate_verb verb;
	const char *target;      /* NULL: none */
	struct json_value *body; /* NULL: none; borrowed */
	struct gate_param params[ASK_PARAMS_MAX];
	size_t param_count;
};

struct answer {
	int status; /* as HTTP's */
	struct gk_buf text;
	struct json_value *json;
};

/*
 * Read the configuration, and begin.  Gives the exit code; anything but CLI_FINE has been told.
 */
int session_init(struct session *session, struct cli *cli);

/*
 * Ask.  An answer of 2xx is CLI_FINE; of anything else the exit code, and the
 * problem has been told.  ret_answer is ended with answer_done() in any case.
 */
int session_ask(
    struct session *session, const struct ask *ask, struct answer *ret_answer);

/*
 * Ask the server and nobody else; nothing is told.  Any status is an answer, its text
 * not yet parsed.  GK_E_BUSY: nobody is there.
 */
enum gk_rc session_send(struct session *session, const struct ask *ask,
    struct answer *answer, struct gk_err *err) GK_MUST_USE;

/* Where the server is, for a request in the session's name; path and token as they are. */
struct client_request;
void session_address(const struct session *session, char *ret_admin,
    size_t room, struct client_request *ret);

/* Open a gate here, whoever else may answer; gives the exit code, told. */
int session_open(struct session *session);

/* Ends the gate that was opened here: close is written. */
void session_done(struct session *session);
void answer_done(struct answer *answer);

/* The value of --token-file, or of $GATEKEEPER_TOKEN; false: told why not. */
bool session_read_token(struct session *session, char *ret_token, size_t room);

/* Add a parameter of a query where value isn't NULL. */
void ask_param(struct ask *ask, const char *name, const char *value);

/* Append the path and query that stand for ask. */
enum gk_rc ask_print_path(
    const struct ask *ask, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
const char *ask_method(const struct ask *ask);

/* The answer as it came, with a newline, on out: for --json. */
int answer_print(struct cli *cli, const struct answer *answer);

#endif
