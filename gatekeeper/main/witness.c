/* `gatekeeper witness`: cosign the heads of other people's logs, until a signal says stop. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gate/cosigner.h"
#include "http/http.h"
#include "main/main_internal.h"

#define DIR_DEFAULT    "witness"
#define LISTEN_DEFAULT "127.0.0.1:8182"
#define LOGS_MAX       64
#define KEY_BYTES_MAX  1024

static const struct cli_flag flags[] = {
    {"dir", "DIR", false,
	"its key and what it has cosigned; default: " DIR_DEFAULT},
    {"listen", "ADDRESS", false,
	"HOST:PORT, [IPv6]:PORT or unix:PATH; default: " LISTEN_DEFAULT},
    {"log", "VKEY", true, "a log to watch, by its verifier key"},
    {"logs", "FILE", false,
	"the logs to watch, as the log lines of a C2SP tlog-policy file"},
    {"name", "NAME", false,
	"the witness's name, fixed when its key is made; default: a unique "
	"one"},
    {"tls-cert", "FILE", false, "the server's certificate chain, PEM"},
    {"tls-key", "FILE", false, "the certificate's private key, PEM"},
    {"insecure-http", NULL, false,
	"plain HTTP on an address that isn't loopback: what is sent is signed "
	"and no secret"},
    {"print-key", NULL, false,
	"print the witness's verifier key, made where there is none, and "
	"nothing else"},
};

static int
fail(const char *event, const struct gk_err *err, int code)
{
	gk_log(GK_LOG_ERROR, event, "%s%s%s", err->where,
	    err->where[0] != '\0' ? ": " : "", err->text);
	return code;
}

/* What a failed start means for who started it; invalid: what he got wrong. */
static int
start_code(enum gk_rc rc, int invalid)
{
	switch (rc) {
	case GK_E_INVALID:
	case GK_E_LIMIT:
		return invalid;
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

static const char *
flag_or(const struct cli *cli, const char *name, const char *standard)
{
	const char *value = cli_flag(cli, name, 0);

	return value != NULL ? value : standard;
}

static enum gk_rc
open_cosigner(
    const struct cli *cli, struct gate_cosigner **ret, struct gk_err *err)
{
	const char *vkeys[LOGS_MAX];
	struct gate_cosigner_options options = {
	    .dir = flag_or(cli, "dir", DIR_DEFAULT),
	    .name = cli_flag(cli, "name", 0),
	    .logs_file = cli_flag(cli, "logs", 0),
	    .vkeys = vkeys,
	    .key_only = cli_has_flag(cli, "print-key"),
	};

	while (options.vkey_count < LOGS_MAX &&
	       cli_flag(cli, "log", options.vkey_count) != NULL) {
		vkeys[options.vkey_count] =
		    cli_flag(cli, "log", options.vkey_count);
		options.vkey_count++;
	}
	if (options.vkey_count > 0 && options.logs_file != NULL) {
		return GK_FAIL(err, GK_E_INVALID, "either --log or --logs");
	}
	return gate_cosigner_open(&options, ret, err);
}

/* The key of a witness that runs lies in the open. */
static int
print_key(struct cli *cli)
{
	GK_AUTO(gk_buf_done) struct gk_buf key = GK_BUF_INIT(KEY_BYTES_MAX);
	struct gate_cosigner *cosigner = NULL;
	struct gk_err err = {0};
	char path[4096];

	(void)snprintf(
	    path, sizeof(path), "%s/vkey", flag_or(cli, "dir", DIR_DEFAULT));
	if (cli_read_file(path, &key, NULL) == GK_OK) {
		(void)fputs(gk_buf_text(&key), cli->out);
		return CLI_FINE;
	}
	if (open_cosigner(cli, &cosigner, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	(void)fprintf(cli->out, "%s\n", gate_cosigner_vkey(cosigner));
	gate_cosigner_close(cosigner);
	return CLI_FINE;
}

static void
wait_for_signal(const sigset_t *set)
{
	siginfo_t info;
	int signo;

	do {
		signo = sigwaitinfo(set, &info);
	} while (signo < 0);
	gk_log(GK_LOG_INFO, "stopping", "signal %d from uid %u", signo,
	    (unsigned)info.si_uid);
}

static int
run(const struct cli *cli, struct gate_cosigner *cosigner, const sigset_t *set)
{
	struct http_options options = {
	    .cosigner = cosigner,
	    .listen = flag_or(cli, "listen", LISTEN_DEFAULT),
	    .tls_cert = cli_flag(cli, "tls-cert", 0),
	    .tls_key = cli_flag(cli, "tls-key", 0),
	    .insecure_http = cli_has_flag(cli, "insecure-http"),
	};
	struct http *http = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = http_open(&options, &http, &err);
	int code = CLI_FINE;

	if (rc == GK_OK) {
		rc = http_start(http, &err);
	}
	if (rc == GK_OK) {
		gk_log(GK_LOG_INFO, "listening", "%s", http_address(http));
		wait_for_signal(set);
		http_quiesce(http);
		http_stop(http);
	} else {
		code = fail("http", &err, start_code(rc, CLI_USAGE));
	}
	http_close(http);
	return code;
}

static int
serve(struct cli *cli)
{
	struct gate_cosigner *cosigner = NULL;
	struct gk_err err = {0};
	sigset_t set;
	enum gk_rc rc;
	int code;

	if (cli_has_flag(cli, "print-key")) {
		return print_key(cli);
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	rc = open_cosigner(cli, &cosigner, &err);
	if (rc != GK_OK) {
		return fail("start", &err, start_code(rc, CLI_USAGE));
	}
	gk_log(GK_LOG_INFO, "witness", "%s watches %zu logs",
	    gate_cosigner_vkey(cosigner), gate_cosigner_logs(cosigner));
	code = run(cli, cosigner, &set);
	gate_cosigner_close(cosigner);
	gk_log(code == CLI_FINE ? GK_LOG_INFO : GK_LOG_ERROR, "stopped",
	    "exit code %d", code);
	return code;
}

const struct cli_command main_witness = {
    .path = "witness",
    .arguments = "",
    .summary = "cosign the heads of other gatekeepers' logs",
    .details =
	"A C2SP tlog-witness.  It remembers the last head of each log that it "
	"watches and signs a\n"
	"new one only when that is proven to continue it: so a log that was "
	"rolled back or rewritten\n"
	"finds no witness.  Run it on another machine, under another hand, "
	"than the log.\n"
	"It keeps its own key and one small file a log in --dir, and needs no "
	"configuration file.\n\n"
	"  gatekeeper witness --print-key\n"
	"  gatekeeper witness --log \"$(ssh agents gatekeeper verify "
	"--print-key)\"\n"
	"  gatekeeper witness --logs logs.policy --listen 10.0.0.7:8182 "
	"--insecure-http\n",
    .exits = "0   stopped by a signal\n"
	     "64  the command line, or the file of logs, is wrong\n"
	     "65  what it cosigned before isn't whole, or its key is missing\n"
	     "70  internal\n"
	     "74  the folder can't be read or written\n"
	     "75  another witness holds the folder, or the address is in use\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .run = serve,
};
