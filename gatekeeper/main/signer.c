/* `gatekeeper signer`: the signing key in a process and under a user of its own, until a signal says stop. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "journal/signer.h"
#include "main/main_internal.h"

static const struct cli_flag flags[] = {
    {"socket", "PATH", false,
	"the Unix socket that the gatekeeper is told as signer: unix:PATH"},
    {"data", "DIR", false,
	"its key and what it has signed; nobody else's folder"},
    {"uid", "UID", false,
	"the user of the gatekeeper, and the only one that is answered; "
	"default: our own"},
    {"origin", "NAME", false,
	"the log's name, fixed when the key is made; default: a unique one"},
    {"adopt", "SIZE", false,
	"believe the next log that comes, of exactly so many events"},
    {"print-key", NULL, false,
	"print the verifier key, made where there is none, and nothing else"},
};

static void
told(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	gk_log(strcmp(event, "refused") == 0 ? GK_LOG_WARN : GK_LOG_INFO, event,
	    "%s", text);
}

static int
fail(const char *event, const struct gk_err *err)
{
	gk_log(GK_LOG_ERROR, event, "%s%s%s", err->where,
	    err->where[0] != '\0' ? ": " : "", err->text);
	switch (err->rc) {
	case GK_E_INVALID:
	case GK_E_LIMIT:
		return CLI_USAGE;
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

/* A decimal number in a flag; false: told. */
static bool
read_number(struct cli *cli, const char *flag, uint64_t standard, uint64_t max,
    uint64_t *ret)
{
	const char *text = cli_flag(cli, flag, 0);
	uint64_t number = 0;

	*ret = standard;
	if (text == NULL) {
		return true;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' ||
		    number > (max - (uint64_t)(*at - '0')) / 10) {
			number = UINT64_MAX;
			break;
		}
		number = number * 10 + (uint64_t)(*at - '0');
	}
	if (text[0] == '\0' || number > max) {
		(void)cli_fail(cli, CLI_USAGE, "--%s is a number", flag);
		return false;
	}
	*ret = number;
	return true;
}

static int
serve(struct signer *signer, const char *socket_path, uid_t uid)
{
	struct gk_err err = {0};
	sigset_t set;
	int stop, code = CLI_FINE;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	stop = signalfd(-1, &set, SFD_CLOEXEC);
	if (stop < 0) {
		(void)GK_FAIL(
		    &err, GK_E_IO, "signalfd: %s", strerrordesc_np(errno));
		return fail("start", &err);
	}
	gk_log(GK_LOG_INFO, "signer", "%s signs for uid %u on %s",
	    signer_vkey(signer), (unsigned)uid, socket_path);
	if (signer_serve(signer, socket_path, uid, stop, &err) != GK_OK) {
		code = fail("signer", &err);
	}
	(void)close(stop);
	gk_log(code == CLI_FINE ? GK_LOG_INFO : GK_LOG_ERROR, "stopped",
	    "exit code %d", code);
	return code;
}

static int
run(struct cli *cli)
{
	struct signer_options options = {.dir = cli_flag(cli, "data", 0),
	    .origin = cli_flag(cli, "origin", 0),
	    .told = told};
	const char *socket_path = cli_flag(cli, "socket", 0);
	bool print = cli_has_flag(cli, "print-key");
	struct signer *signer = NULL;
	struct gk_err err = {0};
	uint64_t uid;
	int code = CLI_FINE;

	if (options.dir == NULL || (socket_path == NULL && !print)) {
		return cli_fail(
		    cli, CLI_USAGE, "signer needs --socket and --data");
	}
	if (!read_number(cli, "uid", geteuid(), UINT32_MAX - 1, &uid) ||
	    !read_number(cli, "adopt", SIGNER_ADOPT_NONE, SIGNER_ADOPT_NONE - 1,
		&options.adopt)) {
		return CLI_USAGE;
	}
	if (signer_open(&options, &signer, &err) != GK_OK) {
		return fail("start", &err);
	}
	if (print) {
		(void)fprintf(cli->out, "%s\n", signer_vkey(signer));
	} else {
		code = serve(signer, socket_path, (uid_t)uid);
	}
	signer_close(signer);
	return code;
}

const struct cli_command main_signer = {
    .path = "signer",
    .arguments = "--socket PATH --data DIR",
    .summary = "keep the signing key apart from the gatekeeper",
    .details =
	"It signs what continues the log that it signed before, and nothing "
	"else: who has the data\n"
	"directory, or the gatekeeper's process, can neither rewrite the log "
	"nor roll it back.  Run it\n"
	"under a user of its own; docs/signer.md says what that protects "
	"against.\n\n"
	"  gatekeeper signer --socket /run/gatekeeper/signer.sock --data "
	"/var/lib/gatekeeper-signer --uid 990\n"
	"  gatekeeper signer --data /var/lib/gatekeeper-signer --print-key\n",
    .exits = "0   stopped by a signal\n"
	     "64  the command line is wrong\n"
	     "65  what it remembers isn't whole, or its key is missing\n"
	     "70  internal\n"
	     "74  the folder can't be read or written\n"
	     "75  another signer holds the folder or the socket\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .run = run,
};
