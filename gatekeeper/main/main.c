/* The process: libraries started, the command line run. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "codec/digest.h"
#include "main/main_internal.h"
#include "out/out.h"

/* What this run of the program has opened; cli->user. */
struct opened {
	struct config *config;
	struct out *out;
	const char *ca_file; /* that out was opened with */
};

static void
opened_done(struct opened *opened)
{
	config_free(opened->config);
	out_close(opened->out);
}

/* The configuration, read when a command asks for it. */
static enum gk_rc
load(struct cli *cli, struct cli_settings *ret, struct gk_err *err)
{
	struct opened *opened = cli->user;

	if (opened->config == NULL) {
		GK_TRY(main_load(cli, &opened->config, err));
	}
	main_settings(opened->config, ret);
	return GK_OK;
}

static enum gk_rc
fetch(struct cli *cli, const struct cli_fetch *what, int *ret_status,
    struct gk_buf *body, struct gk_err *err)
{
	const struct out_request request = {
	    .url = what->url, .token = what->token};
	const struct out_options options = {.ca_file = what->ca_file};
	struct opened *opened = cli->user;
	struct out_answer answer;

	if (opened->out == NULL || opened->ca_file != what->ca_file) {
		out_close(opened->out);
		opened->out = NULL;
		GK_TRY(out_open(&options, &opened->out, err));
		opened->ca_file = what->ca_file;
	}
	GK_TRY(out_send(opened->out, &request, &answer, body, err));
	*ret_status = answer.status;
	return GK_OK;
}

static int
start_libraries(struct cli *cli)
{
	struct gk_err err = {0};
	uint8_t key[16];

	if (digest_init(&err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	digest_random(key, sizeof(key));
	gk_map_seed(key);
	return CLI_FINE;
}

int
main(int argc, char **argv)
{
	static const struct cli_command *const more[] = {&main_serve,
	    &main_signer, &main_witness, &main_config, &main_version};
	GK_AUTO(opened_done) struct opened opened = {0};
	struct cli cli = {
	    .version = GATEKEEPER_VERSION,
	    .out = stdout,
	    .err = stderr,
	    .out_tty = isatty(STDOUT_FILENO) != 0,
	    .err_tty = isatty(STDERR_FILENO) != 0,
	    .more = more,
	    .more_count = GK_COUNT(more),
	    .load = load,
	    .print_sample = config_print_sample,
	    .fetch = fetch,
	    .user = &opened,
	};
	int code;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(S_IRWXG | S_IRWXO);
	code = start_libraries(&cli);
	return code != CLI_FINE ? code : cli_run(&cli, argc, argv);
}
