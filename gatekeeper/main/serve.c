/* `gatekeeper serve`: wire gate and http together, then wait for signals. */
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "gate/gate.h"
#include "http/http.h"
#include "main/main_internal.h"
#include "out/notify.h"
#include "out/out.h"
#include "out/ship.h"

/* How often a failed journal is looked for while no signal comes. */
#define LOOK_NS 250000000L

#define PATH_BYTES 4096

struct server {
	const struct cli *cli;
	struct config *config; /* in force */
	struct gate *gate;
	struct http *http;
	struct out *out; /* to the witnesses; NULL: none are asked */
	struct ship *ship;
	int64_t connections; /* as many as descriptors allow */
	struct notify_target targets[NOTIFY_TARGETS_MAX];
	struct notify_options notify_options;
	struct notify *notify;
	struct sign_in *sign_in; /* NULL: by token only */
};

/* What the gate wants an operator to see. */
static void
alert(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	gk_log(GK_LOG_WARN, event, "%s", text);
}

static int
fail(const char *event, const struct gk_err *err, int code)
{
	gk_log(GK_LOG_ERROR, event, "%s%s%s", err->where,
	    err->where[0] != '\0' ? ": " : "", err->text);
	return code;
}

/* What a failed start means for who started it. */
static int
start_code(enum gk_rc rc, int invalid)
{
	switch (rc) {
	case GK_E_INVALID:
		return invalid;
	case GK_E_LIMIT:
	case GK_E_CORRUPT:
		return CLI_DATA;
	case GK_E_IO:
		return CLI_IO;
	case GK_E_BUSY:
		return CLI_BUSY;
	case GK_OK:
	case GK_E_NOMEM:
		break;
	}
	return CLI_INTERNAL;
}

static void
apply_log_level(const struct config *config)
{
	static const char *const words[] = {"debug", "info", "warn", "error"};

	for (size_t i = 0; i < GK_COUNT(words); i++) {
		if (strcmp(words[i], config->log_level) == 0) {
			gk_log_level((enum gk_log_level)i);
		}
	}
}

/* The signals that the main thread waits for; blocked before any thread starts. */
static void
signal_set(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
}

/* Keys that can change while running do; of others that did, say so. */
static void
reload_config(struct server *server)
{
	GK_AUTO(config_freep) struct config *config = NULL;
	struct gk_err err = {0};

	if (main_load(server->cli, &config, &err) != GK_OK) {
		(void)fail("config_rejected", &err, 0);
		return;
	}
	for (int i = 0; i < CONFIG_COUNT; i++) {
		if (!config_keys[i].reloadable &&
		    !config_same(server->config, config, (enum config_id)i)) {
			gk_log(GK_LOG_WARN, "config_pending",
			    "%s changed; it takes effect at the next start",
			    config_keys[i].name);
		}
	}
	apply_log_level(config);
	gk_log(GK_LOG_INFO, "config_reloaded", "%s",
	    config->file != NULL ? config->file : "defaults");
}

static void
reload_tls(struct server *server)
{
	struct gk_err err = {0};

	if (server->config->tls_cert == NULL) {
		return;
	}
	if (http_reload_tls(server->http, &err) != GK_OK) {
		(void)fail("tls_rejected", &err, 0);
		return;
	}
	gk_log(GK_LOG_INFO, "tls_reloaded", "%s", server->config->tls_cert);
}

static void
reload_slack(struct server *server)
{
	const char *path = server->config->notify_slack_secret_file;
	struct gk_err err = {0};

	if (path == NULL) {
		return;
	}
	if (http_reload_slack(server->http, path, &err) != GK_OK) {
		(void)fail("slack_rejected", &err, 0);
		return;
	}
	gk_log(GK_LOG_INFO, "slack_reloaded", "%s", path);
}

static void
log_problem(void *ctx, const char *text)
{
	(void)ctx;
	gk_log(GK_LOG_ERROR, "policy_problem", "%s", text);
}

/* In the name of who sent the signal. */
static void
reload_policy(struct server *server, uid_t uid)
{
	struct cli_local local;
	struct gate_call call;

	cli_local_init(&local, uid);
	gate_call_init(&call, GATE_POLICY_RELOAD);
	call.caller = &local.identity;
	call.local = true;
	gate_do(server->gate, &call);
	if (call.outcome == GATE_OK) {
		gk_log(GK_LOG_INFO, "policy_reloaded", "%s",
		    server->config->policy_dir);
	} else {
		gk_log(GK_LOG_ERROR, "policy_rejected",
		    "%s; the old policy goes on",
		    call.detail != NULL ? call.detail : "reload failed");
		cli_each_problem(gk_buf_text(&call.reply), call.reply.len,
		    log_problem, NULL);
	}
	gate_call_done(&call);
}

/* Told already, and why: what the exit code of a gate that ended by itself is. */
static int
failed_code(const struct server *server)
{
	if (gate_contradicted(server->gate)) {
		gk_log(GK_LOG_ERROR, "contradicted",
		    "a witness knows another history of this log: restore the "
		    "newest journal, or see docs/witnesses.md");
		return CLI_DATA;
	}
	gk_log(GK_LOG_ERROR, "journal_failed",
	    "what was being committed is unknown; the next start reads what is "
	    "there");
	return CLI_IO;
}

/* Until a signal says stop or the journal fails; gives the exit code. */
static int
wait_for_end(struct server *server)
{
	const struct timespec look = {0, LOOK_NS};
	sigset_t set;

	signal_set(&set);
	while (!gate_failed(server->gate)) {
		siginfo_t info;
		int signo = sigtimedwait(&set, &info, &look);

		if (signo == SIGHUP) {
			reload_config(server);
			reload_tls(server);
			reload_slack(server);
			ship_reopen(server->ship);
			sign_in_reload(server->sign_in);
			reload_policy(server, info.si_uid);
		} else if (signo > 0) {
			gk_log(GK_LOG_INFO, "stopping", "signal %d from uid %u",
			    signo, (unsigned)info.si_uid);
			return CLI_FINE;
		}
	}
	return failed_code(server);
}

/* What the other rooms count. */
static enum gk_rc
print_metrics(void *ctx, struct gk_buf *buf, struct gk_err *err)
{
	const struct server *server = ctx;

	GK_TRY(ship_metrics(server->ship, buf, err));
	return notify_metrics(server->notify, buf, err);
}

/* ---- notifications; the server has them when http begins ---- */

static void
reply_slack(void *ctx, const char *url, const char *text)
{
	const struct server *server = ctx;

	notify_reply(server->notify, url, text);
}

static enum gk_rc
list_notify(void *ctx, struct gk_buf *buf, struct gk_err *err)
{
	const struct server *server = ctx;

	return notify_list(server->notify, buf, err);
}

static bool
retry_notify(void *ctx, const char *target, uint64_t seq, size_t *ret_count)
{
	const struct server *server = ctx;

	return notify_retry(server->notify, target, seq, ret_count);
}

static bool
test_notify(void *ctx, const char *target)
{
	const struct server *server = ctx;

	return notify_test(server->notify, target);
}

static enum gk_rc
open_http(struct server *server, struct gk_err *err)
{
	const struct config *config = server->config;
	char admin[PATH_BYTES];
	struct http_options options = {
	    .gate = server->gate,
	    .listen = config->listen,
	    .admin_socket = admin,
	    .hosts = config->hosts.items,
	    .host_count = config->hosts.count,
	    .tls_cert = config->tls_cert,
	    .tls_key = config->tls_key,
	    .tls_client_ca = config->tls_client_ca,
	    .insecure_http = config->insecure_http,
	    .threads = (unsigned)config->threads,
	    .max_connections = (unsigned)server->connections,
	    /* those who wait are in flight too, and don't take the others' room */
	    .max_in_flight = (unsigned)(config->queue + server->connections),
	    .header_timeout_us = config->header_timeout_us,
	    .body_timeout_us = config->body_timeout_us,
	    .idle_timeout_us = config->idle_timeout_us,
	    .console = config->console,
	    .session_idle_us = config->session_idle_us,
	    .session_life_us = config->session_life_us,
	    .metrics = print_metrics,
	    .metrics_ctx = server,
	    .slack_secret_file = config->notify_slack_secret_file,
	    .slack_team = config->notify_slack_team,
	    .slack_reply = reply_slack,
	    .slack_reply_ctx = server,
	};

	cli_admin_path(config->data_dir, admin, sizeof(admin));
	GK_TRY(sign_in_new(config, &options.sign_in, &server->sign_in, err));
	GK_TRY(http_open(&options, &server->http, err));
	GK_TRY(sign_in_start(server->sign_in, server->http, err));
	return http_start(server->http, err);
}

static enum gk_rc
start_ship(struct server *server, struct gk_err *err)
{
	struct ship_options options;

	main_ship_options(server->config, &options);
	options.origin = gate_origin(server->gate);
	options.alert = alert;
	return ship_start(&options, server->gate, &server->ship, err);
}

static enum gk_rc
start_notify(struct server *server, struct gk_err *err)
{
	struct notify_options *options = &server->notify_options;

	main_notify_options(server->config, server->targets, options);
	options->origin = gate_origin(server->gate);
	options->alert = alert;
	return notify_start(options, server->gate, &server->notify, err);
}

/* Serve until the end, then take everything down in http.h's order. */
static int
run_http(struct server *server)
{
	struct gk_err err = {0};
	enum gk_rc rc = open_http(server, &err);
	int code;

	if (rc == GK_OK) {
		gk_log(
		    GK_LOG_INFO, "listening", "%s", http_address(server->http));
		(void)malloc_trim(0); /* what only the start has used */
		code = wait_for_end(server);
		http_quiesce(server->http);
		gate_stop(server->gate);
		http_stop(server->http);
		if (code == CLI_FINE && gate_failed(server->gate)) {
			code = failed_code(server);
		}
	} else {
		code = fail("http", &err, start_code(rc, CLI_CONFIG));
		gate_stop(server->gate);
	}
	sign_in_stop(server->sign_in);
	http_close(server->http);
	sign_in_free(server->sign_in);
	return code;
}

/* One request to a witness; one thread at a time. */
static enum gk_rc
post(void *ctx, const char *url, const struct gk_buf *body, int *ret_status,
    struct gk_buf *answer, struct gk_err *err)
{
	static const struct out_header type = {
	    "Content-Type", "text/plain; charset=utf-8"};
	const struct out_request request = {.method = "POST",
	    .url = url,
	    .headers = &type,
	    .header_count = 1,
	    .body = gk_buf_text(body),
	    .body_n = body->len};
	struct out_answer told;

	GK_TRY(out_send(ctx, &request, &told, answer, err));
	*ret_status = told.status;
	return GK_OK;
}

static enum gk_rc
open_witnesses(
    struct server *server, struct gate_witness_options *ret, struct gk_err *err)
{
	const struct config *config = server->config;
	const unsigned timeout_ms =
	    (unsigned)(config->witness_timeout_us / GK_US_PER_MS);
	const struct out_options options = {.ca_file = config->witness_ca_file,
	    .connect_ms = timeout_ms,
	    .total_ms = timeout_ms};

	if (config->witness_policy == NULL) {
		return GK_OK;
	}
	GK_TRY(out_open(&options, &server->out, err));
	ret->post = post;
	ret->post_ctx = server->out;
	return GK_OK;
}

static int
run_gate(struct server *server)
{
	struct cli_settings settings;
	struct gk_err err = {0};
	enum gk_rc rc;
	int code;

	server->connections = main_descriptors(server->config);
	main_settings(server->config, &settings);
	/* the rest of the connections is for those who don't wait */
	settings.gate.places =
	    (size_t)(server->connections - server->connections / 8);
	settings.gate.alert = alert;
	settings.gate.notify = (struct gate_notify_options){.list = list_notify,
	    .retry = retry_notify,
	    .test = test_notify,
	    .ctx = server};
	rc = open_witnesses(server, &settings.gate.witness, &err);
	if (rc == GK_OK) {
		rc = gate_open(&settings.gate, &server->gate, &err);
	}
	if (rc != GK_OK) {
		return fail("start", &err, start_code(rc, CLI_DATA));
	}
	gk_log(GK_LOG_INFO, "journal", "%s in %s, key %s",
	    gate_origin(server->gate), server->config->data_dir,
	    gate_vkey(server->gate));
	rc = gate_start(server->gate, &err);
	if (rc == GK_OK) {
		rc = start_ship(server, &err);
	}
	if (rc == GK_OK) {
		rc = start_notify(server, &err);
	}
	if (rc == GK_OK) {
		code = run_http(server);
	} else {
		code = fail("start", &err, start_code(rc, CLI_INTERNAL));
		gate_stop(server->gate);
	}
	notify_stop(server->notify);
	ship_stop(server->ship);
	gate_close(server->gate);
	return code;
}

static int
serve(struct cli *cli)
{
	GK_AUTO(config_freep) struct config *config = NULL;
	struct server server = {.cli = cli};
	struct gk_err err = {0};
	sigset_t set;
	int code;

	if (main_load(cli, &config, &err) != GK_OK) {
		return fail("config", &err, CLI_CONFIG);
	}
	server.config = config;
	apply_log_level(config);
	signal_set(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	gk_log(GK_LOG_INFO, "starting", "gatekeeper %s, configuration %s",
	    cli->version, config->file != NULL ? config->file : "of defaults");
	main_warn(config);
	code = run_gate(&server);
	out_close(server.out);
	gk_log(code == CLI_FINE ? GK_LOG_INFO : GK_LOG_ERROR, "stopped",
	    "exit code %d", code);
	return code;
}

const struct cli_command main_serve = {
    .path = "serve",
    .arguments = "",
    .summary = "answer agents until SIGTERM",
    .details = "Opens the journal, loads the policy and listens.  Writes one "
	       "JSON line per event of\n"
	       "the process to standard error.\n\n"
	       "SIGTERM and SIGINT refuse new work, finish what is queued and "
	       "end with 0.\n"
	       "SIGHUP reloads the policy, reloadable keys of the "
	       "configuration, the TLS files and Slack's signing secret, and "
	       "opens what is shipped to anew.\n\n"
	       "  gatekeeper serve --config gatekeeper.yaml\n"
	       "  gatekeeper serve --set listen=unix:/run/gatekeeper.sock\n",
    .exits =
	"0   stopped by a signal, all that was queued is recorded\n"
	"65  the policy or the journal is broken, or a witness knows better; "
	"the lines on standard error say where\n"
	"70  internal\n"
	"74  the journal can't be read or written\n"
	"75  another process holds the data directory or the address\n"
	"78  the configuration is wrong\n",
    .run = serve,
};
