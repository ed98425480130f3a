/* `gatekeeper key …`: a new key, which there are, the end of an old one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli_internal.h"
#include "cli/table.h"
#include "cli/words.h"

static const struct cli_flag rotate_flags[] = {
    {"hash", NULL, false, "the key of keyed hashes"},
    {"signing", NULL, false, "the key that signs checkpoints"},
    {"reason", "TEXT", false, "why; it stands in the record"},
};

static int
rotate(struct cli *cli)
{
	GK_AUTO(session_done) struct session session = {0};
	GK_AUTO(answer_done) struct answer answer = {0};
	GK_AUTO(json_freep) struct json_value *body = cli__reason_body(cli);
	struct ask ask = {.verb = GATE_KEY_ROTATE, .body = body};
	bool hash = cli_has_flag(cli, "hash");
	int code;

	if (body == NULL) {
		return CLI_USAGE;
	}
	if (hash == cli_has_flag(cli, "signing") ||
	    !words_set(body, "what", hash ? "hash" : "signing")) {
		return cli_fail(cli, CLI_USAGE,
		    "key rotate needs one of --hash and --signing");
	}
	code = session_init(&session, cli);
	if (code == CLI_FINE) {
		code = session_ask(&session, &ask, &answer);
	}
	if (code != CLI_FINE) {
		return code;
	}
	if (cli->json) {
		return answer_print(cli, &answer);
	}
	(void)fprintf(cli->out, "%s key %" PRId64 " is the current one\n",
	    hash ? "hash" : "signing", words_int(answer.json, "id"));
	return CLI_FINE;
}

const struct cli_command cli__key_rotate = {
    .path = "key rotate",
    .arguments = "(--hash | --signing)",
    .summary = "make a new key the current one",
    .details =
	"The old hash key stays, so that open runs, approvals and limits go on "
	"as they are, and\n"
	"old hashes can be searched for, until `key destroy`.  At most eight "
	"are kept.\n\n"
	"The old signing key signs the new one and one last checkpoint, and "
	"is destroyed.  Who holds its\n"
	"verifier key can follow to the new one, which lies in "
	"data_dir/vkey: keep a copy of it elsewhere.\n\n"
	"  gatekeeper key rotate --hash --reason 'yearly'\n"
	"  gatekeeper key rotate --signing --reason 'the disk was "
	"replaced'\n",
    .flags = rotate_flags,
    .flag_count = GK_COUNT(rotate_flags),
    .run = rotate,
};

enum { NEEDS_BYTES = 160 };

/* "3 runs, 1 approval"; "-" for nothing. */
static const char *
needs(const struct json_value *key, char ret_text[NEEDS_BYTES])
{
	static const char *const names[] = {
	    "runs", "approvals", "repeats", "limits", "switches"};
	size_t n = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < GK_COUNT(names); i++) {
		int64_t count = words_int(key, names[i]);

		if (count > 0) {
			n += (size_t)snprintf(ret_text + n, NEEDS_BYTES - n,
			    "%s%" PRId64 " %s", n > 0 ? ", " : "", count,
			    names[i]);
		}
	}
	return n == 0 ? "-" : ret_text;
}

static void
print_keys(struct cli *cli, const struct json_value *list)
{
	static const char *const titles[] = {
	    "WHAT", "ID", "STATE", "SINCE", "UNTIL", "DESTROYED", "NEEDED BY"};
	GK_AUTO(table_done) struct table table = TABLE_INIT(GK_COUNT(titles));

	table_row(&table, titles);
	for (const struct json_value *key = words_first(list); key != NULL;
	     key = json_next(key)) {
		char id[24], since[32], until[32], destroyed[32],
		    by[NEEDS_BYTES];
		const char *const cells[] = {
		    words_get(key, "what"),
		    id,
		    words_get(key, "state"),
		    words_second(words_get(key, "since"), since),
		    words_second(words_get(key, "until"), until),
		    words_second(words_get(key, "destroyed_at"), destroyed),
		    needs(key, by),
		};

		(void)snprintf(
		    id, sizeof(id), "%" PRId64, words_int(key, "id"));
		table_row(&table, cells);
	}
	table_print(&table, cli->out);
}

static int
list(struct cli *cli)
{
	return cli__do_list(cli, GATE_KEYS, "keys", print_keys);
}

const struct cli_command cli__key_list = {
    .path = "key list",
    .arguments = "",
    .summary = "list the keys, and what still needs an old one",
    .details = "States: current; needed (open runs, approvals or limits were "
	       "hashed under it); old\n"
	       "(kept for searching only); missing (its file is gone); "
	       "destroyed; ended (it signs no more).\n\n"
	       "  gatekeeper key list\n",
    .run = list,
};

static int
destroy(struct cli *cli)
{
	return cli__do_with_reason(cli, GATE_KEY_DESTROY, "is destroyed");
}

const struct cli_command cli__key_destroy = {
    .path = "key destroy",
    .arguments = "ID",
    .summary = "destroy an old hash key for good",
    .details =
	"Its file is overwritten and removed.  What was hashed under it stays "
	"in the log as it is, and\n"
	"nobody can verify or search for it any more.  Refused while "
	"something open needs the key.\n\n"
	"  gatekeeper key destroy 1 --reason 'retention is over'\n",
    .flags = cli__reason_flags,
    .flag_count = CLI__REASON_FLAGS,
    .min_args = 1,
    .max_args = 1,
    .run = destroy,
};
