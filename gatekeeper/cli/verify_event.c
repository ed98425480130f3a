/* `gatekeeper verify --event`: is this one event in the log, as its proof says? */
#include <inttypes.h>
#include <string.h>

#include "cli/cli_internal.h"
#include "journal/journal.h"

enum {
	EVENT_CAP = 65535,
	PROOF_CAP = 65536,
	POLICY_CAP = 65536,
	SEQ_DIGITS = 18
};

static int
read_file(struct cli *cli, const char *path, struct gk_buf *buf)
{
	struct gk_err err = {0};

	if (cli_read_file(path, buf, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_NO_INPUT;
	}
	return CLI_FINE;
}

static bool
is_seq(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > SEQ_DIGITS || text[n] != '\0') {
		return false;
	}
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		*ret = *ret * 10 + (uint64_t)(text[i] - '0');
	}
	return true;
}

/* The folder that was named, or the configuration's. */
static int
find_dir(struct cli *cli, const char **ret_dir)
{
	struct cli_settings settings;
	struct gk_err err = {0};

	if (cli->arg_count > 0) {
		*ret_dir = cli->args[0];
		return CLI_FINE;
	}
	if (cli->load(cli, &settings, &err) != GK_OK) {
		(void)cli_fail_err(cli, &err);
		return CLI_CONFIG;
	}
	*ret_dir = settings.gate.data_dir;
	return CLI_FINE;
}

/* The event's bytes, from a data directory or an export. */
static int
read_seq(struct cli *cli, uint64_t seq, struct gk_buf *buf)
{
	struct gk_err err = {0};
	const char *dir;
	bool found = false;
	int code = find_dir(cli, &dir);

	if (code != CLI_FINE) {
		return code;
	}
	if (journal_read_event(dir, seq, buf, &found, &err) != GK_OK) {
		return cli_fail_err(cli, &err);
	}
	return found ? CLI_FINE
		     : cli_fail(cli, CLI_NO_INPUT,
			   "there is no event %" PRIu64 " in %s", seq, dir);
}

static int
tell(struct cli *cli, uint64_t seq, const struct journal_proof_report *report)
{
	if (cli->json) {
		(void)fprintf(cli->out,
		    "{\"origin\":\"%s\",\"seq\":%" PRIu64 ",\"size\":%" PRIu64
		    ",\"verdict\":\"%s\"}\n",
		    report->origin, seq, report->size,
		    report->unwitnessed ? "unwitnessed" : "verified");
	} else {
		(void)fprintf(cli->out,
		    "%s: event %" PRIu64 " of %s, under a head of %" PRIu64
		    " events\n",
		    report->unwitnessed
			? "in the log, but without the policy's quorum"
			: "verified",
		    seq, report->origin, report->size);
	}
	return report->unwitnessed ? CLI_UNWITNESSED : CLI_FINE;
}

/* A key may be missing, the proof may be of something else; other errors are ours. */
static int
refuse(struct cli *cli, const struct gk_err *err)
{
	if (err->rc != GK_E_CORRUPT && err->rc != GK_E_INVALID &&
	    err->rc != GK_E_LIMIT) {
		return cli_fail_err(cli, err);
	}
	return cli_fail(cli, CLI_NO, "not proved: %s%s%s", err->text,
	    err->where[0] != '\0' ? " at " : "", err->where);
}

int
cli__verify_event(struct cli *cli, const char *vkey, const char *policy)
{
	GK_AUTO(gk_buf_done) struct gk_buf trust = GK_BUF_INIT(POLICY_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf event = GK_BUF_INIT(EVENT_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf proof = GK_BUF_INIT(PROOF_CAP);
	const char *what = cli_flag(cli, "event", 0);
	const char *file = cli_flag(cli, "proof", 0);
	struct journal_proof_options options = {.vkey = vkey};
	struct journal_proof_report report;
	struct gk_err err = {0};
	uint64_t seq = 0;
	bool by_seq = is_seq(what, &seq);
	int code;

	if (file == NULL || (vkey == NULL && policy == NULL)) {
		return cli_fail(cli, CLI_USAGE,
		    "--event needs --proof, and --key or --policy");
	}
	code = read_file(cli, file, &proof);
	if (code == CLI_FINE) {
		code = by_seq ? read_seq(cli, seq, &event)
			      : read_file(cli, what, &event);
	}
	if (code == CLI_FINE && policy != NULL) {
		code = read_file(cli, policy, &trust);
		options.trust = gk_buf_text(&trust);
		options.trust_n = trust.len;
	}
	if (code != CLI_FINE) {
		return code;
	}
	options.proof = gk_buf_text(&proof);
	options.proof_n = proof.len;
	options.event = gk_buf_text(&event);
	options.event_n = event.len;
	if (journal_check_proof(&options, &report, &err) != GK_OK) {
		return refuse(cli, &err);
	}
	if (by_seq && report.seq != seq) {
		return cli_fail(cli, CLI_NO,
		    "not proved: the proof is of event %" PRIu64, report.seq);
	}
	return tell(cli, report.seq, &report);
}
