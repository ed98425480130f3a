/* `gatekeeper backup` and `gatekeeper recover`: copies of the journal, and going on after a break. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "journal/journal.h"

static const struct cli_flag backup_flags[] = {
    {"with-keys", NULL, false,
	"copy the signing and hashing keys too: whoever has them can sign"},
};

/* Load the settings, or tell why not. */
static int
load(struct cli *cli, struct cli_settings *settings)
{
	struct gk_err err = {0};

	if (cli->load(cli, settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	return CLI_FINE;
}

static int
backup(struct cli *cli)
{
	struct cli_settings settings;
	struct gk_err err = {0};
	int code = load(cli, &settings);

	if (code != CLI_FINE) {
		return code;
	}
	if (journal_backup(settings.gate.data_dir, cli->args[0],
		cli_has_flag(cli, "with-keys"), &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	if (!cli->json) {
		(void)fprintf(cli->out,
		    "%s holds a copy; check it: gatekeeper verify %s\n",
		    cli->args[0], cli->args[0]);
	}
	return CLI_FINE;
}

const struct cli_command cli__backup = {
    .path = "backup",
    .arguments = "DIR",
    .summary =
	"copy the journal into a new folder, while the server runs or not",
    .details = "DIR is new or empty.  The copy verifies by itself.  Without "
	       "the keys it can be read\n"
	       "and verified, but not gone on with.\n\n"
	       "  gatekeeper backup /backup/$(date +%F)\n"
	       "  gatekeeper backup /safe/full --with-keys\n",
    .flags = backup_flags,
    .flag_count = GK_COUNT(backup_flags),
    .min_args = 1,
    .max_args = 1,
    .run = backup,
};

static const struct cli_flag recover_flags[] = {
    {"accept", "SIZE", false,
	"how many events the journal has, as the refusal says (needed)"},
    {"reason", "TEXT", false, "why; it stands in the record, scrubbed"},
};

static bool
parse_size(const char *text, uint64_t *ret)
{
	uint64_t number = 0;

	if (text == NULL || text[0] == '\0' || strlen(text) > 15) {
		return false;
	}
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9') {
			return false;
		}
		number = number * 10 + (uint64_t)(*text - '0');
	}
	*ret = number;
	return true;
}

/* Start and end once, so that the break stands in the record. */
static int
record_break(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	int code = session_init(&session, cli);

	return code == CLI_FINE ? session_open(&session) : code;
}

static int
recover(struct cli *cli)
{
	struct cli_settings settings;
	struct gk_err err = {0};
	uint64_t size;
	int code;

	if (!parse_size(cli_flag(cli, "accept", 0), &size)) {
		return cli_fail(cli, CLI_USAGE,
		    "recover needs --accept SIZE, the number of events that "
		    "the journal has");
	}
	code = load(cli, &settings);
	if (code != CLI_FINE) {
		return code;
	}
	if (journal_recover(settings.gate.data_dir, size,
		cli_flag(cli, "reason", 0), &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	code = record_break(cli);
	if (code == CLI_FINE && !cli->json) {
		(void)fprintf(cli->out,
		    "accepted at %" PRIu64
		    " events; the break stands in the record\n",
		    size);
	}
	return code;
}

const struct cli_command cli__recover = {
    .path = "recover",
    .arguments = "--accept SIZE",
    .summary =
	"go on with a journal that is behind or beside what was published",
    .details = "When serve refuses to start (a restored backup, a fork, a "
	       "recorded disk error), look\n"
	       "first: the journal that is missing may be somewhere.  This "
	       "accepts what is there, sets\n"
	       "the published checkpoint aside, and the break stands in the "
	       "record for ever.\n\n"
	       "  gatekeeper recover --accept 1041 --reason 'restored from the "
	       "backup of Monday'\n",
    .flags = recover_flags,
    .flag_count = GK_COUNT(recover_flags),
    .run = recover,
};
