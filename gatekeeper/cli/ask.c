/* How a question finds its answer: admin socket, address with a token, or a gate of our own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/words.h"
#include "codec/canon.h"

#define ASK_TIMEOUT_S 60
#define BODY_MAX      (1u << 20)
#define PATH_BYTES    4096

/* Where the API has each verb; '*' stands for the target. */
static const struct {
	const char *method, *path;
} routes[GATE_VERB_COUNT] = {
    [GATE_APPROVALS] = {"GET", "/v1/approvals"},
    [GATE_APPROVAL] = {"GET", "/v1/approvals/*"},
    [GATE_APPROVAL_HISTORY] = {"GET", "/v1/approvals/*/history"},
    [GATE_APPROVAL_GRANT] = {"POST", "/v1/approvals/*/grant"},
    [GATE_APPROVAL_DENY] = {"POST", "/v1/approvals/*/deny"},
    [GATE_APPROVAL_REVOKE] = {"POST", "/v1/approvals/*/revoke"},
    [GATE_EVENTS] = {"GET", "/v1/events"},
    [GATE_EVENT_STREAM] = {"GET", "/v1/events/stream"},
    [GATE_RUN] = {"GET", "/v1/runs/*"},
    [GATE_SWITCH_THROW] = {"POST", "/v1/kill-switches"},
    [GATE_SWITCHES] = {"GET", "/v1/kill-switches"},
    [GATE_SWITCH_LIFT] = {"DELETE", "/v1/kill-switches/*"},
    [GATE_POLICY] = {"GET", "/v1/policy"},
    [GATE_POLICY_RELOAD] = {"POST", "/v1/policy/reload"},
    [GATE_POLICY_ROLLBACK] = {"POST", "/v1/policy/rollback"},
    [GATE_IDENTITY_CREATE] = {"POST", "/v1/identities"},
    [GATE_IDENTITIES] = {"GET", "/v1/identities"},
    [GATE_IDENTITY_REVOKE] = {"DELETE", "/v1/identities/*"},
    [GATE_ARGS_HASH] = {"POST", "/v1/args-hash"},
    [GATE_NOTIFY] = {"GET", "/v1/notifications"},
    [GATE_NOTIFY_RETRY] = {"POST", "/v1/notifications/*/retry"},
    [GATE_NOTIFY_TEST] = {"POST", "/v1/notifications/*/test"},
    [GATE_KEYS] = {"GET", "/v1/keys"},
    [GATE_KEY_ROTATE] = {"POST", "/v1/keys/rotate"},
    [GATE_KEY_DESTROY] = {"DELETE", "/v1/keys/*"},
    [GATE_CLOCK_ACCEPT] = {"POST", "/v1/clock/accept"},
    [GATE_REDACT] = {"POST", "/v1/redactions"},
    [GATE_HOLD] = {"POST", "/v1/holds"},
    [GATE_HOLDS] = {"GET", "/v1/holds"},
    [GATE_HOLD_RELEASE] = {"DELETE", "/v1/holds/*"},
};

static const struct json_limits answer_limits = {ASK_TEXT_MAX, 128, 20000000};

const char *
ask_method(const struct ask *ask)
{
	return routes[ask->verb].method;
}

void
ask_param(struct ask *ask, const char *name, const char *value)
{
	if (value == NULL) {
		return;
	}
	GK_ASSERT(ask->param_count < ASK_PARAMS_MAX);
	ask->params[ask->param_count++] = (struct gate_param){name, value};
}

static enum gk_rc
print_query(const struct ask *ask, struct gk_buf *buf, struct gk_err *err)
{
	for (size_t i = 0; i < ask->param_count; i++) {
		GK_TRY(gk_buf_putc(buf, i == 0 ? '?' : '&', err));
		GK_TRY(client_encode(ask->params[i].name, buf, err));
		GK_TRY(gk_buf_putc(buf, '=', err));
		GK_TRY(client_encode(ask->params[i].value, buf, err));
	}
	return GK_OK;
}

enum gk_rc
ask_print_path(const struct ask *ask, struct gk_buf *buf, struct gk_err *err)
{
	const char *path = routes[ask->verb].path, *star = strchr(path, '*');

	if (star == NULL) {
		GK_TRY(gk_buf_puts(buf, path, err));
	} else {
		GK_TRY(gk_buf_add(buf, path, (size_t)(star - path), err));
		GK_TRY(client_encode(ask->target, buf, err));
		GK_TRY(gk_buf_puts(buf, star + 1, err));
	}
	return print_query(ask, buf, err);
}

int
session_init(struct session *session, struct cli *cli)
{
	struct gk_err err = {0};

	*session = (struct session){.cli = cli};
	if (cli->load(cli, &session->settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	cli_local_init(&session->local, geteuid());
	return CLI_FINE;
}

bool
session_read_token(struct session *session, char *ret_token, size_t room)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4096);
	const char *file = cli_flag(session->cli, "token-file", 0);
	const char *token = secure_getenv("GATEKEEPER_TOKEN");
	struct gk_err err = {0};
	size_t n;

	if (file != NULL) {
		if (cli_read_file(file, &buf, &err) != GK_OK) {
			(void)cli_fail_err(session->cli, &err);
			return false;
		}
		token = gk_buf_text(&buf);
	}
	if (token == NULL || token[0] == '\0') {
		(void)cli_fail(session->cli, CLI_USAGE,
		    "a person's token is needed: --token-file FILE, or "
		    "GATEKEEPER_TOKEN");
		return false;
	}
	n = strcspn(token, " \t\r\n");
	if (n == 0 || n >= room) {
		(void)cli_fail(session->cli, CLI_USAGE, "that is no token");
		return false;
	}
	(void)memcpy(ret_token, token, n);
	ret_token[n] = '\0';
	session->token = ret_token;
	return true;
}

/* What a refusal means to who typed the command. */
static int
exit_code(int status)
{
	switch (status) {
	case 400:
	case 422:
		return CLI_DATA;
	case 401:
	case 403:
		return CLI_NO_PERMISSION;
	case 404:
	case 409:
	case 410:
		return CLI_NO;
	case 429:
	case 503:
		return CLI_UNAVAILABLE;
	default:
		return status >= 200 && status < 300 ? CLI_FINE : CLI_INTERNAL;
	}
}

static void
tell_line(void *ctx, const char *text)
{
	struct cli *cli = ctx;

	(void)fputs("  ", cli->err);
	table_print_safe(text, cli->err);
	(void)fputc('\n', cli->err);
}

static int
tell_problem(struct session *session, const struct answer *answer,
    const char *code, const char *detail, const char *pointer)
{
	struct cli *cli = session->cli;

	(void)cli_fail(cli, 0, "%s%s%s%s%s", code != NULL ? code : "refused",
	    detail != NULL ? ": " : "", detail != NULL ? detail : "",
	    pointer != NULL ? " at " : "", pointer != NULL ? pointer : "");
	cli_each_problem(
	    gk_buf_text(&answer->text), answer->text.len, tell_line, cli);
	return exit_code(answer->status);
}

/* Parse what came back; a problem is told. */
static int
read_answer(struct session *session, struct answer *answer)
{
	struct gk_err err = {0};
	const char *code;

	if (answer->text.len > 0 &&
	    json_parse(gk_buf_text(&answer->text), answer->text.len,
		&answer_limits, &answer->json, &err) != GK_OK) {
		return cli_fail(session->cli, CLI_DATA,
		    "the answer (status %d) can't be read: %s", answer->status,
		    err.text);
	}
	if (exit_code(answer->status) == CLI_FINE) {
		return CLI_FINE;
	}
	code = words_get(answer->json, "code");
	return tell_problem(session, answer,
	    code != NULL ? code : words_get(answer->json, "title"),
	    words_get(answer->json, "detail"),
	    words_get(answer->json, "pointer"));
}

void
session_address(const struct session *session, char *ret_admin, size_t room,
    struct client_request *ret)
{
	(void)snprintf(ret_admin, room, "unix:");
	cli_admin_path(
	    session->settings.gate.data_dir, ret_admin + 5, room - 5);
	*ret = (struct client_request){
	    /* commands speak no TLS; the admin socket takes tokens too */
	    .address = session->token != NULL && !session->settings.tls
			   ? session->settings.listen
			   : ret_admin,
	    .host = session->settings.host,
	    .method = "GET",
	    .token = session->token,
	    .timeout_s = ASK_TIMEOUT_S,
	};
}

enum gk_rc
session_send(struct session *session, const struct ask *ask,
    struct answer *answer, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf path = GK_BUF_INIT(BODY_MAX);
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(BODY_MAX);
	struct client_request request;
	char admin[PATH_BYTES];

	session_address(session, admin, sizeof(admin), &request);
	GK_TRY(ask_print_path(ask, &path, err));
	request.method = ask_method(ask);
	request.path = gk_buf_text(&path);
	if (ask->body != NULL) {
		GK_TRY(canon_print(ask->body, &body, err));
		request.body = gk_buf_text(&body);
	}
	return client_ask(&request, &answer->status, &answer->text, err);
}

int
session_open(struct session *session)
{
	struct gate_options options = session->settings.gate;
	struct cli *cli = session->cli;
	struct gk_err err = {0};
	int code;

	options.alert = cli__alert;
	options.alert_ctx = cli;
	if (gate_open(&options, &session->gate, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	if (gate_start(session->gate, &err) != GK_OK) {
		code = cli_fail_err(cli, &err);
		session_done(session);
		return code;
	}
	return CLI_FINE;
}

static int
status_of(enum gate_outcome outcome)
{
	static const int statuses[] = {
	    [GATE_FAILED] = 500,
	    [GATE_OK] = 200,
	    [GATE_CREATED] = 201,
	    [GATE_BAD_REQUEST] = 400,
	    [GATE_FORBIDDEN] = 403,
	    [GATE_NOT_FOUND] = 404,
	    [GATE_CONFLICT] = 409,
	    [GATE_GONE] = 410,
	    [GATE_INVALID] = 422,
	    [GATE_TOO_MANY] = 429,
	    [GATE_UNAVAILABLE] = 503,
	};

	return statuses[outcome];
}

/* Through the gate that was opened here, as caller. */
static int
ask_gate_as(struct session *session, const struct ask *ask,
    const struct identity *caller, struct answer *answer)
{
	struct gk_err err = {0};
	struct gate_call call;
	int code = CLI_FINE;

	gate_call_init(&call, ask->verb);
	call.caller = caller;
	call.local = session->token == NULL;
	call.target = ask->target;
	call.body = ask->body;
	call.params = ask->params;
	call.param_count = ask->param_count;
	gate_do(session->gate, &call);
	answer->status = status_of(call.outcome);
	if (gate_failed(session->gate)) {
		code = cli_fail(session->cli, CLI_IO,
		    "the journal failed; whether this was recorded shows at "
		    "the next start");
	} else if (gk_buf_add(&answer->text, gk_buf_text(&call.reply),
		       call.reply.len, &err) != GK_OK) {
		code = cli_fail_err(session->cli, &err);
	} else if (exit_code(answer->status) != CLI_FINE) {
		code = tell_problem(
		    session, answer, call.code, call.detail, call.pointer);
	}
	gate_call_done(&call);
	return code;
}

static int
ask_gate(struct session *session, const struct ask *ask, struct answer *answer)
{
	struct gate_identities *table;
	const struct identity *caller;
	int code;

	if (session->token == NULL) {
		return ask_gate_as(
		    session, ask, &session->local.identity, answer);
	}
	table = gate_identities_pin(session->gate);
	caller = gate_identify(table, session->gate, session->token);
	if (caller == NULL) {
		gate_sign_in_failed(session->gate);
		code = cli_fail(session->cli, CLI_NO_PERMISSION,
		    "the token is unknown, revoked or expired");
	} else if ((identity_can(caller) & CAN_APPROVER) == 0) {
		code = cli_fail(session->cli, CLI_NO_PERMISSION,
		    "%s isn't an approver", caller->id);
	} else {
		code = ask_gate_as(session, ask, caller, answer);
	}
	gate_identities_unpin(table);
	return code;
}

int
session_ask(
    struct session *session, const struct ask *ask, struct answer *ret_answer)
{
	struct gk_err err = {0};
	enum gk_rc rc;
	int code;

	*ret_answer = (struct answer){.text = GK_BUF_INIT(ASK_TEXT_MAX)};
	if (session->gate == NULL) {
		rc = session_send(session, ask, ret_answer, &err);
		if (rc == GK_OK) {
			session->asked = true;
			return read_answer(session, ret_answer);
		}
		if (rc != GK_E_BUSY || session->asked) {
			return cli_fail_err(session->cli, &err);
		}
		code = session_open(session);
		if (code != CLI_FINE) {
			return code;
		}
	}
	code = ask_gate(session, ask, ret_answer);
	return code != CLI_FINE ? code : read_answer(session, ret_answer);
}

void
session_done(struct session *session)
{
	if (session->gate != NULL) {
		gate_stop(session->gate);
		gate_close(session->gate);
		session->gate = NULL;
	}
}

void
answer_done(struct answer *answer)
{
	json_free(answer->json);
	answer->json = NULL;
	gk_buf_done(&answer->text);
}

int
answer_print(struct cli *cli, const struct answer *answer)
{
	const char *text = gk_buf_text(&answer->text);
	size_t n = answer->text.len;

	(void)fwrite(text, 1, n, cli->out);
	if (n == 0 || text[n - 1] != '\n') {
		(void)fputc('\n', cli->out);
	}
	return CLI_FINE;
}
