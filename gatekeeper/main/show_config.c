/* `gatekeeper config` and `gatekeeper version`: what is in force, and what is printed from the table. */
#include <string.h>

#include "main/main_internal.h"

#define PRINT_BYTES_MAX (1u << 20)

static const struct cli_flag flags[] = {
    {"docs", NULL, false, "print docs/config.md instead"},
    {"schema", NULL, false, "print schema/config.schema.json instead"},
    {"sample", NULL, false,
	"print a commented file with every default instead"},
    {"cli-docs", NULL, false, "print docs/cli.md instead"},
};

/* What is printed from tables alone; false: none of it was asked for. */
static bool
print_tables(const struct cli *cli, struct gk_buf *buf, enum gk_rc *ret_rc,
    struct gk_err *err)
{
	if (cli_has_flag(cli, "docs")) {
		*ret_rc = config_print_docs(buf, err);
	} else if (cli_has_flag(cli, "schema")) {
		*ret_rc = config_print_schema(buf, err);
	} else if (cli_has_flag(cli, "sample")) {
		*ret_rc = config_print_sample(buf, err);
	} else if (cli_has_flag(cli, "cli-docs")) {
		*ret_rc = cli_print_docs(cli, buf, err);
	} else {
		return false;
	}
	return true;
}

static int
show_config(struct cli *cli)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(PRINT_BYTES_MAX);
	GK_AUTO(config_freep) struct config *config = NULL;
	struct gk_err err = {0};
	enum gk_rc rc;

	if (!print_tables(cli, &buf, &rc, &err)) {
		if (main_load(cli, &config, &err) != GK_OK) {
			(void)cli_fail_err(cli, &err);
			return CLI_CONFIG;
		}
		rc = cli->json ? config_print_json(config, &buf, &err)
			       : config_print_yaml(config, &buf, &err);
	}
	if (rc != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	(void)fwrite(gk_buf_text(&buf), 1, buf.len, cli->out);
	return CLI_FINE;
}

const struct cli_command main_config = {
    .path = "config",
    .arguments = "",
    .summary = "check the configuration and print what is in force",
    .details = "Each value stands with the place that it came from.\n\n"
	       "  gatekeeper config --config gatekeeper.yaml\n"
	       "  gatekeeper config --set audit.retention_days=30 --json\n",
    .exits = "0   the configuration is fine\n"
	     "64  the command line is wrong\n"
	     "78  the configuration is wrong\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .run = show_config,
};

static int
show_version(struct cli *cli)
{
	(void)fprintf(cli->out,
	    cli->json ? "{\"version\":\"%s\"}\n" : "gatekeeper %s\n",
	    cli->version);
	return CLI_FINE;
}

const struct cli_command main_version = {
    .path = "version",
    .arguments = "",
    .summary = "print the version",
    .exits = "0   always\n",
    .run = show_version,
};
