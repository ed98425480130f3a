/* `gatekeeper verify`: is the record whole? */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_internal.h"
#include "cli/table.h"
#include "journal/journal.h"

#define KEY_BYTES_MAX  1024
#define NOTE_BYTES_MAX 65536
#define URL_BYTES      1024
#define TOKEN_BYTES    512

static const struct cli_flag flags[] = {
    {"key", "VKEY", false,
	"the verifier key that you hold, or @FILE; else the one beside the "
	"log"},
    {"policy", "FILE", false,
	"a C2SP tlog-policy file: the log's key, the witnesses that count, "
	"and how many; else witness.policy of the configuration"},
    {"require-witness", NULL, false, "4 when the last events aren't witnessed"},
    {"checkpoint", "FILE", false,
	"a checkpoint of the log that you hold, or that a witness holds: the "
	"log must continue it"},
    {"event", "SEQ|FILE", false,
	"check one event only, by --proof: a file of its bytes, or its number "
	"in DIR"},
    {"proof", "FILE", false, "the event's C2SP tlog-proof"},
    {"print-key", NULL, false,
	"print the verifier key of the folder, and nothing else"},
    {"ca-file", "FILE", false,
	"PEM of the authorities that an https URL is checked by"},
    {"token-file", "FILE", false,
	"an auditor's token for a URL; else GATEKEEPER_TOKEN"},
};

/* What is verified, and how it is reached. */
struct target {
	struct cli *cli;
	const char *where;   /* a folder or a URL, as it was named */
	char url[URL_BYTES]; /* without slashes at its end */
	char token[TOKEN_BYTES];
	struct journal_folder *folder; /* an export's */
	struct journal_files files;
	bool has_files; /* files, not a data directory */
};

static void
target_done(struct target *target)
{
	journal_folder_close(target->folder);
}

/* What is held against it; the buffers keep what options point to. */
struct held {
	struct gk_buf key, note;
	struct gate_verify_options options;
};

static void
held_done(struct held *held)
{
	gk_buf_done(&held->key);
	gk_buf_done(&held->note);
}

/* What was named, or the configuration's folder. */
static int
find_where(struct cli *cli, struct cli_settings *settings, const char **ret)
{
	struct gk_err err = {0};

	if (cli->arg_count > 0) {
		*ret = cli->args[0];
		return CLI_FINE;
	}
	if (cli->load(cli, settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	*ret = settings->gate.data_dir;
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

/* A file of a log behind a URL. */
static enum gk_rc
load_url(void *ctx, const char *path, struct gk_buf *buf, bool *ret_found,
    struct gk_err *err)
{
	struct target *target = ctx;
	char url[URL_BYTES + 128];
	struct cli_fetch fetch = {.url = url,
	    .ca_file = cli_flag(target->cli, "ca-file", 0),
	    .token = target->token[0] != '\0' ? target->token : NULL};
	int status;

	(void)snprintf(url, sizeof(url), "%s/%s", target->url, path);
	GK_TRY(target->cli->fetch(target->cli, &fetch, &status, buf, err));
	*ret_found = status == 200;
	if (status == 404 || status == 410) {
		gk_buf_clear(buf); /* a problem in words */
		return GK_OK;
	}
	return status == 200
		   ? GK_OK
		   : GK_FAIL(err, GK_E_IO, "%s: HTTP %d%s", url, status,
			 status == 401 || status == 403
			     ? ": entries need an auditor's token"
			     : "");
}

/* The token for a URL, from a file or the environment. */
static int
read_token(struct target *target)
{
	GK_AUTO(gk_buf_done) struct gk_buf line = GK_BUF_INIT(TOKEN_BYTES);
	const char *file = cli_flag(target->cli, "token-file", 0);
	const char *token = secure_getenv("GATEKEEPER_TOKEN");

	if (file != NULL) {
		int code = read_line(target->cli, file, &line);

		if (code != CLI_FINE) {
			return code;
		}
		token = gk_buf_text(&line);
	}
	if (token != NULL && strlen(token) >= sizeof(target->token)) {
		return cli_fail(target->cli, CLI_USAGE, "that is no token");
	}
	(void)snprintf(target->token, sizeof(target->token), "%s",
	    token == NULL ? "" : token);
	return CLI_FINE;
}

static int
open_url(struct target *target)
{
	size_t n = strlen(target->where);

	while (n > 0 && target->where[n - 1] == '/') {
		n--;
	}
	if (n >= sizeof(target->url)) {
		return cli_fail(target->cli, CLI_USAGE, "the URL is too long");
	}
	memcpy(target->url, target->where, n);
	target->files = (struct journal_files){load_url, target, false};
	target->has_files = true;
	return read_token(target);
}

/* A URL, an export, or else a data directory. */
static int
target_open(struct target *target)
{
	struct gk_err err = {0};

	if (strncmp(target->where, "http://", 7) == 0 ||
	    strncmp(target->where, "https://", 8) == 0) {
		return open_url(target);
	}
	if (!journal_is_export(target->where)) {
		return CLI_FINE;
	}
	if (journal_folder_open(target->where, &target->folder, &err) !=
	    GK_OK) {
		return cli_fail_err(target->cli, &err);
	}
	target->files = journal_folder_files(target->folder);
	target->has_files = true;
	return CLI_FINE;
}

/* A key, or a file that holds one; the checkpoint that the caller holds. */
static int
read_held(struct cli *cli, struct held *held)
{
	const char *key = cli_flag(cli, "key", 0);
	const char *note = cli_flag(cli, "checkpoint", 0);
	struct gk_err err = {0};
	int code = CLI_FINE;

	held->options.vkey = key;
	if (key != NULL && key[0] == '@') {
		code = read_line(cli, key + 1, &held->key);
		held->options.vkey = gk_buf_text(&held->key);
	}
	if (code != CLI_FINE || note == NULL) {
		return code;
	}
	if (cli_read_file(note, &held->note, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_NO_INPUT;
	}
	held->options.held = gk_buf_text(&held->note);
	held->options.held_n = held->note.len;
	return CLI_FINE;
}

/* Print the report; gives its exit code. */
static int
show(struct cli *cli, const struct gate_verify_report *report)
{
	const struct gk_buf *shown = cli->json ? &report->json : &report->text;

	(void)fwrite(gk_buf_text(shown), 1, shown->len, cli->out);
	if (shown->len == 0 || gk_buf_text(shown)[shown->len - 1] != '\n') {
		(void)fputc('\n', cli->out);
	}
	return report->exit_code;
}

static int
check(struct target *target, const struct held *held)
{
	struct cli *cli = target->cli;
	struct gate_verify_options options = held->options;
	struct gate_verify_report report = {0};
	struct gk_err err = {0};
	enum gk_rc rc;
	int code;

	options.data_dir = target->where;
	options.files = target->has_files ? &target->files : NULL;
	options.progress = cli->err_tty && !cli->json ? show_progress : NULL;
	options.ctx = cli;
	rc = gate_verify(&options, &report, &err);
	if (options.progress != NULL) {
		(void)fputs("\r\033[K", cli->err);
	}
	code = rc == GK_OK ? show(cli, &report) : cli_fail_err(cli, &err);
	gk_buf_done(&report.json);
	gk_buf_done(&report.text);
	return code;
}

static int
verify(struct cli *cli)
{
	GK_AUTO(held_done)
	struct held held = {.key = GK_BUF_INIT(KEY_BYTES_MAX),
	    .note = GK_BUF_INIT(NOTE_BYTES_MAX),
	    .options = {
		.require_witness = cli_has_flag(cli, "require-witness")}};
	GK_AUTO(target_done) struct target target = {.cli = cli};
	struct cli_settings settings = {.file = NULL};
	int code = read_held(cli, &held);

	if (code == CLI_FINE && cli_has_flag(cli, "event")) {
		return cli__verify_event(
		    cli, held.options.vkey, cli_flag(cli, "policy", 0));
	}
	if (code == CLI_FINE) {
		code = find_where(cli, &settings, &target.where);
	}
	if (code == CLI_FINE && cli_has_flag(cli, "print-key")) {
		return print_key(cli, target.where);
	}
	held.options.trust_file = cli_has_flag(cli, "policy")
				      ? cli_flag(cli, "policy", 0)
				      : settings.gate.witness.policy;
	if (code == CLI_FINE) {
		code = target_open(&target);
	}
	return code == CLI_FINE ? check(&target, &held) : code;
}

const struct cli_command cli__verify = {
    .path = "verify",
    .arguments = "[DIR|URL]",
    .summary =
	"check that nothing in the record was changed, removed or reordered",
    .details =
	"Works on a data directory or a backup of one, while the server runs "
	"or not; on a folder\n"
	"that export made; or on the log of a server.  Only a key that you "
	"hold yourself proves\n"
	"something against who can write there.\n\n"
	"  gatekeeper verify --config gatekeeper.yaml\n"
	"  gatekeeper verify --print-key > ~/gatekeeper.vkey\n"
	"  gatekeeper verify /backup/journal --key @$HOME/gatekeeper.vkey\n"
	"  gatekeeper verify /mnt/export --policy trusted --require-witness\n"
	"  gatekeeper verify --checkpoint /from/the/witness/state/6f3c…\n"
	"  gatekeeper verify https://gate.example/log --token-file "
	"auditor.token --key @gatekeeper.vkey\n"
	"  gatekeeper verify --event 1041.json --proof 1041.tlog-proof --key "
	"@gatekeeper.vkey\n",
    .exits = "0   verified\n"
	     "1   tampered; the first place is printed\n"
	     "3   unverifiable: a key is missing\n"
	     "4   with --require-witness: verified, and the last events aren't "
	     "witnessed\n"
	     "64  the command line is wrong\n"
	     "65  a policy or checkpoint that was named isn't one, or not of "
	     "this log\n"
	     "66  a key or another file that was named can't be read\n"
	     "74  the folder or the server can't be read\n"
	     "78  the configuration is wrong\n",
    .flags = flags,
    .flag_count = GK_COUNT(flags),
    .max_args = 1,
    .run = verify,
};
