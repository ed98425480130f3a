/* The process: libraries started, the command line run. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "codec/digest.h"
#include "main/main_internal.h"

/* The configuration, read when a command asks for it; kept in cli->user. */
static enum gk_rc
load(struct cli *cli, struct cli_settings *ret, struct gk_err *err)
{
	struct config **config = cli->user;

	if (*config == NULL) {
		GK_TRY(main_load(cli, config, err));
	}
	main_settings(*config, ret);
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
	static const struct cli_command *const more[] = {
	    &main_serve, &main_config, &main_version};
	GK_AUTO(config_freep) struct config *config = NULL;
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
	    .user = &config,
	};
	int code;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(S_IRWXG | S_IRWXO);
	code = start_libraries(&cli);
	return code != CLI_FINE ? code : cli_run(&cli, argc, argv);
}
