/* `gatekeeper verify`: is the record whole? */
#include <inttypes.h>
#include <string.h>

#include "cli/cli_internal.h"
#include "cli/table.h"

#define KEY_BYTES_MAX  1024
#define NOTE_BYTES_MAX 65536

static const struct cli_flag flags[] = {
    {"key", "VKEY", false,
	"the verifier key that you hold, or @FILE; else the one in the folder"},
    {"policy", "FILE", false,
	"a C2SP tlog-policy file: the log's key, the witnesses that count, "
	"and how many; else witness.policy of the configuration"},
    {"require-witness", NULL, false, "4 when the last events aren't witnessed"},
    {"checkpoint", "FILE", false,
	"a checkpoint of the log that you hold, or that a witness holds: the "
	"log must continue it"},
    {"print-key", NULL, false,
	"print the verifier key of the folder, and nothing else"},
};

/* The folder that was named, or the configuration's. */
static int
find_dir(struct cli *cli, struct cli_settings *settings, const char **ret_dir)
{
	struct gk_err err = {0};

	if (cli->arg_count > 0) {
		*ret_dir = cli->args[0];
		return CLI_FINE;
	}
	if (cli->load(cli, settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	*ret_dir = settings->gate.data_dir;
	return CLI_FINE;
}

/* A file's first line, into buf. */
static int
read_line(struct cli *cli, const char *path, struct gk_buf *buf)
{
	struct gk_err err = {0};

	if (cli_read_file(path, buf, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_NO_INPUT;
	}
	if (buf->len > 0) {
		buf->len = strcspn(buf->bytes, "\r\n");
		buf->bytes[buf->len] = '\0';
	}
	return CLI_FINE;
}

static int
print_key(struct cli *cli, const char *dir)
{
	GK_AUTO(gk_buf_done) struct gk_buf key = GK_BUF_INIT(KEY_BYTES_MAX);
	char path[4096];
	int code;

	(void)snprintf(path, sizeof(path), "%s/vkey", dir);
	code = read_line(cli, path, &key);
	if (code == CLI_FINE) {
		(void)fprintf(cli->out, "%s\n", gk_buf_text(&key));
	}
	return code;
}

/* One line that is written over, on a terminal. */
static void
show_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct cli *cli = ctx;

	(void)fprintf(
	    cli->err, "\r%" PRIu64 " of %" PRIu64 " events\033[K", done, total);
	(void)fflush(cli->err);
}

static int
check(struct cli *cli, const struct gate_verify_options *asked)
{
	struct gate_verify_options options = *asked;
	struct gate_verify_report report = {0};
	struct gk_err err = {0};
	enum gk_rc rc;
	const struct gk_buf *shown = cli->json ? &report.json : &report.text;
	int code;

	options.progress = cli->err_tty && !cli->json ? show_progress : NULL;
	options.ctx = cli;
	rc = gate_verify(&options, &report, &err);
	if (options.progress != NULL) {
		(void)fputs("\r\033[K", cli->err);
	}
	if (rc == GK_OK) {
		(void)fwrite(gk_buf_text(shown), 1, shown->len, cli->out);
		if (shown->len == 0 ||
		    gk_buf_text(shown)[shown->len - 1] != '\n') {
			(void)fputc('\n', cli->out);
		}
		code = report.exit_code;
	} else {
		code = cli_fail_err(cli, &err);
	}
	gk_buf_done(&report.json);
	gk_buf_done(&report.text);
	return code;
}

/* The checkpoint that the caller holds, where there is one. */
static int
read_held(
    struct cli *cli, struct gk_buf *note, struct gate_verify_options *options)
{
	const char *path = cli_flag(cli, "checkpoint", 0);
	struct gk_err err = {0};

	if (path == NULL) {
		return CLI_FINE;
	}
	if (cli_read_file(path, note, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_NO_INPUT;
	}
	options->held = gk_buf_text(note);
	options->held_n = note->len;
	return CLI_FINE;
}

static int
verify(struct cli *cli)
{
	GK_AUTO(gk_buf_done) struct gk_buf held = GK_BUF_INIT(KEY_BYTES_MAX);
	GK_AUTO(gk_buf_done) struct gk_buf note = GK_BUF_INIT(NOTE_BYTES_MAX);
	struct cli_settings settings = {.file = NULL};
	struct gate_verify_options options = {
	    .vkey = cli_flag(cli, "key", 0),
	    .require_witness = cli_has_flag(cli, "require-witness"),
	};
	int code = find_dir(cli, &settings, &options.data_dir);

	if (code == CLI_FINE && cli_has_flag(cli, "print-key")) {
		return print_key(cli, options.data_dir);
	}
	options.trust_file = cli_has_flag(cli, "policy")
				 ? cli_flag(cli, "policy", 0)
				 : settings.gate.witness.policy;
	if (code == CLI_FINE && options.vkey != NULL &&
	    options.vkey[0] == '@') {
		code = read_line(cli, options.vkey + 1, &held);
		options.vkey = gk_buf_text(&held);
	}
	if (code == CLI_FINE) {
		code = read_held(cli, &note, &options);
	}
	return code == CLI_FINE ? check(cli, &options) : code;
}

const struct cli_command cli__verify = {
    .path = "verify",
    .arguments = "[DIR]",
    .summary =
	"check that nothing in the record was changed, removed or reordered",
    .details =
	"Works on a data directory or a backup of one, while the server runs "
	"or not, offline.\n"
	"Only a key that you hold yourself proves something against who can "
	"write the folder.\n\n"
	"  gatekeeper verify --config gatekeeper.yaml\n"
	"  gatekeeper verify --print-key > ~/gatekeeper.vkey\n"
	"  gatekeeper verify /backup/journal --key @$HOME/gatekeeper.vkey\n"
	"  gatekeeper verify --policy trusted --require-witness\n"
	"  gatekeeper verify --checkpoint /from/the/witness/state/6f3c…\n",
    .exits = "0   verified\n"
	     "1   tampered; the first place is printed\n"
	     "3   unverifiable: a key is missing\n"
	     "4   with --require-witness: verified, and the last events aren't "
	     "witnessed\n"
	     "64  the command line is wrong\n"
	     "65  a policy or checkpoint that was named isn't one, or not of "
	     "this log\n"
	     "66  a key or checkpoint that was named can't be read\n"
	     "74  the folder can't be read\n"
	     "78  the configuration is wrong\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .max_args = 1,
    .run = verify,
};
