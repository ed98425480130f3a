/* `gatekeeper export`: the log as files, for whoever checks it elsewhere. */
#include <inttypes.h>

#include "cli/cli_internal.h"
#include "journal/journal.h"

static const struct cli_flag flags[] = {
    {"from", "DIR", false, "of that data directory; else the configuration's"},
};

static void
show_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct cli *cli = ctx;

	(void)fprintf(cli->err,
	    "\r%" PRIu64 " of %" PRIu64 " events written\033[K", done, total);
	(void)fflush(cli->err);
}

static int
find_from(struct cli *cli, const char **ret_dir)
{
	struct cli_settings settings;
	struct gk_err err = {0};

	*ret_dir = cli_flag(cli, "from", 0);
	if (*ret_dir != NULL) {
		return CLI_FINE;
	}
	if (cli->load(cli, &settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	*ret_dir = settings.gate.data_dir;
	return CLI_FINE;
}

static void
tell(struct cli *cli, const struct journal_export_report *report)
{
	if (cli->json) {
		(void)fprintf(cli->out,
		    "{\"from\":%" PRIu64 ",\"let_go\":%" PRIu64
		    ",\"size\":%" PRIu64 "}\n",
		    report->from, report->let_go, report->size);
		return;
	}
	(void)fprintf(cli->out,
	    "%s holds %" PRIu64 " events, %" PRIu64
	    " of them new; check it: gatekeeper verify %s --key …\n",
	    cli->args[0], report->size, report->size - report->from,
	    cli->args[0]);
	if (report->let_go > 0) {
		(void)fprintf(cli->out,
		    "%" PRIu64 " events were let go by retention before they "
		    "were exported; their hashes are there\n",
		    report->let_go);
	}
}

static int export(struct cli *cli)
{
	struct journal_export_options options = {.dest_dir = cli->args[0],
	    .progress = cli->err_tty && !cli->json ? show_progress : NULL,
	    .ctx = cli};
	struct journal_export_report report;
	struct gk_err err = {0};
	int code = find_from(cli, &options.data_dir);
	enum gk_rc rc;

	if (code != CLI_FINE) {
		return code;
	}
	rc = journal_export(&options, &report, &err);
	if (options.progress != NULL) {
		(void)fputs("\r\033[K", cli->err);
	}
	if (rc != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	tell(cli, &report);
	return CLI_FINE;
}

const struct cli_command cli__export = {
    .path = "export",
    .arguments = "DIR",
    .summary =
	"write the log as files, in the layout that transparency-log tools "
	"read",
    .details =
	"C2SP tlog-tiles: checkpoint, tile/…, tile/entries/…; beside them the "
	"verifier key (for\n"
	"convenience, it proves nothing) and the texts of the policies.  While "
	"the server runs or\n"
	"not.  DIR is new, or an earlier export of the same log: then only "
	"what is new is written,\n"
	"and nothing at all where DIR isn't a beginning of the log.\n\n"
	"  gatekeeper export /mnt/auditor\n"
	"  gatekeeper verify /mnt/auditor --key @$HOME/gatekeeper.vkey\n",
    .exits = "0   written\n"
	     "64  the command line is wrong\n"
	     "65  DIR holds another log, or one that was forked or rolled "
	     "back\n"
	     "74  something can't be read or written\n"
	     "78  the configuration is wrong\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .min_args = 1,
    .max_args = 1,
    .run = export,
};
