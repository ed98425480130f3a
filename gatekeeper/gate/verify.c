/* Verify a data directory: the journal's own proof, and the ledger folded from its events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/retention.h"
#include "journal/trust.h"

enum {
	REPORT_CAP = 64 << 10,
	WITNESSED_BYTES = 160,
	EXIT_NOT_WITNESSED = 4,
	TRIES_MAX = 5,
	KEYS_MAX = 64, /* that are told */
};

struct check {
	const struct gate_verify_options *options;
	struct ledger *ledger;
	struct ledger_snapshot
	    *snapshots; /* that the log says there were; by seq */
	size_t count, room;
	size_t next;        /* the first that hasn't been compared */
	size_t same;        /* compared, and what the events add up to */
	size_t met;         /* snapshots' events on the way */
	uint64_t minimum;   /* the ledger begins with the base there */
	struct gk_err base; /* why it can't; rc GK_OK: it does */
};

/* A snapshot's event comes after what it is a snapshot of: note them all first. */
static enum gk_rc
note_snapshot(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct check *check = ctx;
	struct event event;

	(void)leaf;
	*stop = false;
	if (event_decode(bytes, n, &arena, &event, NULL) != GK_OK ||
	    event.snapshot == NULL || event.snapshot->digest == NULL ||
	    !event.has_of_seq || event.of_seq >= seq ||
	    event.of_seq < check->minimum) {
		return GK_OK; /* the walk over all events says what is wrong with it */
	}
	if (check->count == check->room) {
		size_t room = check->room == 0 ? 16 : check->room * 2;
		struct ledger_snapshot *all =
		    realloc(check->snapshots, room * sizeof(*all));

		if (all == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "snapshots");
		}
		check->snapshots = all;
		check->room = room;
	}
	check->snapshots[check->count].seq = event.of_seq;
	check->snapshots[check->count].rows = (size_t)event.snapshot->rows;
	(void)snprintf(check->snapshots[check->count].digest,
	    sizeof(check->snapshots->digest), "%s", event.snapshot->digest);
	check->count++;
	return GK_OK;
}

static enum gk_rc
note_snapshots(
    struct check *check, struct journal_reader *reader, struct gk_err *err)
{
	struct journal_query query = {.kind = EVENT_SNAPSHOT,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .from_seq = check->minimum,
	    .limit = 1000};
	bool more = true;
	enum gk_rc rc = GK_OK;

	while (rc == GK_OK && more) {
		rc = journal_search(reader, &query, note_snapshot, check,
		    &query.from_seq, &more, err);
	}
	return rc == GK_E_NOMEM ? rc : GK_OK;
}

/*
 * Of an export, which is read twice for it.  What comes from a server is read once, and
 * its snapshots aren't compared.
 */
static enum gk_rc
prepare_files(struct check *check, struct gk_err *err)
{
	const struct journal_files *files = check->options->files;
	enum gk_rc rc =
	    files->policies /* an export's folder */
		? journal_files_snapshots(files, note_snapshot, check, err)
		: GK_OK;

	return rc == GK_E_NOMEM ? rc
				: GK_OK; /* verifying says what can't be read */
}

/* Where the fold begins, and which snapshots to compare on the way. */
static enum gk_rc
prepare(struct check *check, struct gk_err *err)
{
	struct journal_reader *reader;
	enum gk_rc rc;

	if (journal_reader_open(check->options->data_dir, &reader, NULL) !=
	    GK_OK) {
		return GK_OK; /* journal_verify() will say why */
	}
	rc = gate__base_load(
	    reader, check->ledger, &check->minimum, &check->base);
	check->base.rc = rc;
	if (rc != GK_E_NOMEM) {
		rc = note_snapshots(check, reader, err);
	}
	journal_reader_close(reader);
	return rc;
}

/*
 * A log that no gatekeeper could have written is a fault, whoever signed it; so
 * is a snapshot of another state than the events add up to.
 */
static enum gk_rc
check_event(void *ctx, const struct event *event, struct gk_err *err)
{
	struct check *check = ctx;
	struct ledger_snapshot state;

	GK_TRY(ledger_apply(check->ledger, event, err));
	check->met += event->kind == EVENT_SNAPSHOT;
	for (; check->next < check->count &&
	       check->snapshots[check->next].seq <= event->seq;
	     check->next++) {
		const struct ledger_snapshot *said =
		    &check->snapshots[check->next];

		if (said->seq != event->seq) {
			continue;
		}
		GK_TRY(ledger_state_digest(check->ledger, &state, err));
		if (strcmp(state.digest, said->digest) != 0) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "the snapshot of this state says something else");
		}
		check->same++;
	}
	return GK_OK;
}

/* A digest names the files of a policy; how, the policy room knows. */
static enum gk_rc
check_policy(void *ctx, const char *digest, const char *bytes, size_t n,
    struct gk_err *err)
{
	char got[POLICY_DIGEST_BYTES];
	enum gk_rc rc = policy_bundle_digest(bytes, n, got, err);

	(void)ctx;
	if (rc == GK_E_NOMEM) {
		return rc;
	}
	if (rc != GK_OK || strcmp(got, digest) != 0) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "it isn't what the digest names: it was changed");
	}
	return GK_OK;
}

static void
pass_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct check *check = ctx;

	check->options->progress(check->options->ctx, done, total);
}

/* The report as it is printed. */
struct report {
	const char *head, *key, *origin, *root, *text, *verdict, *where;
	const char *witnessed;
	int64_t exit_code, size, witnessed_size;
	int64_t held, let_go_before, unfinished;
	int64_t snapshots, snapshots_unchecked;
	bool folded;
	const char **destroyed; /* ids of hash keys */
	size_t destroyed_count;
};

#define REPORT_STR(key_, member)                            \
	{                                                   \
		.name = (key_), .kind = RECORD_STR,         \
		.flags = RECORD_NULLABLE | RECORD_EMPTY_OK, \
		.offset = offsetof(struct report, member)   \
	}
#define REPORT_INT(key_, member)                                              \
	{                                                                     \
		.name = (key_), .kind = RECORD_INT, .flags = RECORD_REQUIRED, \
		.offset = offsetof(struct report, member)                     \
	}

static const struct record_field report_fields[] = {
    {.name = "destroyed_keys",
	.kind = RECORD_STRS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct report, destroyed),
	.count_offset = offsetof(struct report, destroyed_count)},
    REPORT_INT("exit_code", exit_code),
    REPORT_STR("head", head),
    REPORT_INT("held", held),
    REPORT_STR("key", key),
    REPORT_INT("let_go_before", let_go_before),
    REPORT_STR("origin", origin),
    REPORT_STR("root", root),
    REPORT_INT("size", size),
    REPORT_INT("snapshots", snapshots),
    REPORT_INT("snapshots_unchecked", snapshots_unchecked),
    {.name = "state",
	.kind = RECORD_BOOL,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct report, folded)},
    REPORT_STR("text", text),
    REPORT_INT("unfinished", unfinished),
    REPORT_STR("verdict", verdict),
    REPORT_STR("where", where),
    REPORT_STR("witnessed", witnessed),
    REPORT_INT("witnessed_size", witnessed_size),
};
static const struct record_type report_type = {"verification",
    sizeof(struct report), report_fields, GK_COUNT(report_fields)};

/* Was the state folded from the events, and is it what the snapshots say? */
static enum gk_rc
print_state(
    const struct report *report, struct gk_buf *text, struct gk_err *err)
{
	if (!report->folded) {
		return gk_buf_puts(text,
		    "  state    not added up: its beginning isn't here\n", err);
	}
	GK_TRY(gk_buf_printf(text, err,
	    "  state    added up; %lld snapshots of it compared",
	    (long long)report->snapshots));
	if (report->snapshots_unchecked > 0) {
		GK_TRY(gk_buf_printf(text, err, ", %lld not",
		    (long long)report->snapshots_unchecked));
	}
	return gk_buf_putc(text, '\n', err);
}

static enum gk_rc
print(const struct report *report, struct gate_verify_report *ret,
    struct gk_err *err)
{
	struct gk_buf *text = &ret->text;

	GK_TRY(record_encode(&report_type, report, &ret->json, err));
	GK_TRY(gk_buf_printf(text, err, "%s", report->verdict));
	if (report->where != NULL) {
		GK_TRY(gk_buf_printf(text, err, " at %s", report->where));
	}
	if (report->text != NULL) {
		GK_TRY(gk_buf_printf(text, err, ": %s", report->text));
	}
	GK_TRY(gk_buf_printf(text, err,
	    "\n  log      %s\n  key      %s\n  events   %lld\n  root     %s\n",
	    report->origin == NULL ? "unknown" : report->origin, report->key,
	    (long long)report->size, report->root));
	if (report->head != NULL) {
		GK_TRY(
		    gk_buf_printf(text, err, "  last     %s\n", report->head));
	}
	if (report->let_go_before > 0) {
		GK_TRY(gk_buf_printf(text, err,
		    "  let go   bodies before %lld, by retention; %lld of them "
		    "are still there\n",
		    (long long)report->let_go_before, (long long)report->held));
	}
	if (report->unfinished > 0) {
		GK_TRY(gk_buf_printf(text, err,
		    "  redacted %lld values are still there: the next start "
		    "removes them\n",
		    (long long)report->unfinished));
	}
	for (size_t i = 0; i < report->destroyed_count; i++) {
		GK_TRY(gk_buf_printf(text, err,
		    "  key      hash key %s was destroyed: what it hashed "
		    "(h%s_…, ak%s_…) can't be compared any more\n",
		    report->destroyed[i], report->destroyed[i],
		    report->destroyed[i]));
	}
	if (report->where == NULL) { /* else the fold ended with the fault */
		GK_TRY(print_state(report, text, err));
	}
	return gk_buf_printf(text, err, "  witness  %s\n", report->witnessed);
}

/* What came of the fold. */
struct state {
	size_t same, met; /* snapshots, see check */
	bool folded;
};

/* Hash keys that the log says are gone. */
struct destroyed {
	char text[KEYS_MAX][24];
	const char *ids[KEYS_MAX];
	size_t count;
};

static void
note_destroyed(const struct ledger *ledger, struct destroyed *ret)
{
	struct key_view keys[KEYS_MAX];
	size_t n = ledger_keys(ledger, 0, keys, KEYS_MAX);

	ret->count = 0;
	for (size_t i = 0; i < n && i < KEYS_MAX; i++) {
		if (keys[i].what != KEY_HASH || keys[i].destroyed_us == 0) {
			continue;
		}
		(void)snprintf(ret->text[ret->count], sizeof(ret->text[0]),
		    "%lld", (long long)keys[i].id);
		ret->ids[ret->count] = ret->text[ret->count];
		ret->count++;
	}
}

/* Up to where others saw the log grow, in words. */
static void
witnessed_print(const struct journal_verify_report *found, bool trusted,
    char ret[WITNESSED_BYTES])
{
	const char *who =
	    trusted ? ""
		    : ", by keys that lie beside the log, which proves less";

	if (found->witnessed_size == 0) {
		(void)snprintf(ret, WITNESSED_BYTES,
		    "nobody%s has cosigned this log: a rollback that nobody "
		    "outside saw can't be told",
		    trusted ? " who is trusted" : "");
	} else if (found->witnessed_size < found->size) {
		(void)snprintf(ret, WITNESSED_BYTES,
		    "up to %llu events, the last %llu are not%s",
		    (unsigned long long)found->witnessed_size,
		    (unsigned long long)(found->size - found->witnessed_size),
		    who);
	} else {
		(void)snprintf(ret, WITNESSED_BYTES, "all of it%s", who);
	}
}

static const char *
some(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static enum gk_rc
tell(const struct journal_verify_report *found, const char *vkey,
    const struct gate_verify_options *options, struct destroyed *destroyed,
    const struct state *state, struct gate_verify_report *ret,
    struct gk_err *err)
{
	static const struct {
		const char *word;
		int exit_code;
	} verdicts[] = {
	    [VERIFY_TAMPERED] = {"tampered", 1},
	    [VERIFY_OK] = {"verified", 0},
	    [VERIFY_UNVERIFIABLE] = {"unverifiable", 3},
	};
	char root[DIGEST_HEX], witnessed[WITNESSED_BYTES];
	struct report report = {
	    .witnessed = witnessed,
	    .witnessed_size = (int64_t)found->witnessed_size,
	    .head = some(found->head),
	    .key = vkey == NULL ? "the one beside the log, which proves less"
				: vkey,
	    .origin = some(found->origin),
	    .root = root,
	    .text = some(found->text),
	    .verdict = verdicts[found->verdict].word,
	    .where = some(found->where),
	    .exit_code = verdicts[found->verdict].exit_code,
	    .size = (int64_t)found->size,
	    .held = (int64_t)found->held,
	    .let_go_before = (int64_t)found->minimum,
	    .unfinished = (int64_t)found->unfinished,
	    .snapshots = (int64_t)state->same,
	    .snapshots_unchecked = (int64_t)(state->met - state->same),
	    .folded = state->folded,
	    .destroyed = destroyed->ids,
	    .destroyed_count = destroyed->count,
	};

	(void)digest_hex(found->root.bytes, sizeof(found->root.bytes), root);
	witnessed_print(found, options->trust_file != NULL, witnessed);
	if (options->require_witness && found->verdict == VERIFY_OK &&
	    found->witnessed_size < found->size) {
		report.verdict = "not witnessed";
		report.exit_code = EXIT_NOT_WITNESSED;
	}
	ret->exit_code = (int)report.exit_code;
	return print(&report, ret, err);
}

/* The policy's one log is the key, where none was given. */
static enum gk_rc
load_trust(const struct gate_verify_options *options, struct trust **ret_trust,
    char ret_vkey[NOTE_VKEY_BYTES], struct gk_err *err)
{
	const struct trust_log *log;

	if (options->trust_file == NULL) {
		return GK_OK;
	}
	GK_TRY(trust_load(options->trust_file, ret_trust, err));
	log = trust_log_at(*ret_trust, 0);
	if (log == NULL || options->vkey != NULL) {
		return GK_OK;
	}
	if (trust_log_count(*ret_trust) > 1) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%.128s names several logs: say which with --key",
		    options->trust_file);
	}
	(void)note_vkey_print(&log->vkey, ret_vkey);
	return GK_OK;
}

/* A base that isn't the signed one: what the log adds up to can't be told. */
static void
blame_base(const struct check *check, struct journal_verify_report *found)
{
	if (found->verdict == VERIFY_OK && check->base.rc != GK_OK) {
		found->verdict = VERIFY_TAMPERED;
		(void)snprintf(found->where, sizeof(found->where), "base");
		(void)snprintf(
		    found->text, sizeof(found->text), "%s", check->base.text);
	}
}

static enum gk_rc
verify_once(const struct gate_verify_options *options, const char *vkey,
    const struct trust *trust, struct journal_verify_report *ret,
    struct destroyed *ret_destroyed, struct state *ret_state,
    struct gk_err *err)
{
	GK_AUTO(ledger_freep) struct ledger *ledger = NULL;
	struct id_key id_key = {
	    {0}}; /* ids are for answers; the fold goes by seq */
	struct ledger_limits limits = {
	    .run_idle_us = INT64_C(1) << 50, .runs_per_identity = SIZE_MAX};
	struct check check = {.options = options};
	struct journal_verify_options journal = {.data_dir = options->data_dir,
	    .files = options->files,
	    .vkey = vkey,
	    .trust = trust,
	    .held = options->held,
	    .held_n = options->held_n,
	    .policy = check_policy,
	    .event = check_event,
	    .progress = options->progress == NULL ? NULL : pass_progress,
	    .ctx = &check};
	enum gk_rc rc;

	GK_TRY(ledger_new(&id_key, &limits, &ledger, err));
	check.ledger = ledger;
	rc = options->files == NULL ? prepare(&check, err)
				    : prepare_files(&check, err);
	if (check.base.rc != GK_OK) {
		journal.event = NULL; /* nothing to fold from */
	}
	if (rc == GK_OK) {
		rc = journal_verify(&journal, ret, err);
	}
	if (rc == GK_OK && options->files == NULL) {
		blame_base(&check, ret);
	}
	note_destroyed(ledger, ret_destroyed);
	*ret_state = (struct state){.same = check.same,
	    .met = check.met > check.same ? check.met : check.same,
	    .folded = rc == GK_OK && ret->verdict == VERIFY_OK &&
		      ledger_next_seq(ledger) == ret->size};
	free(check.snapshots);
	return rc;
}

/* How far retention has come; -1: it can't be read. */
static int64_t
minimum_of(const char *data_dir)
{
	struct journal_reader *reader;
	int64_t minimum = -1;

	if (journal_reader_open(data_dir, &reader, NULL) == GK_OK) {
		if (journal_bound(reader, JOURNAL_BODIES, &minimum, NULL) !=
		    GK_OK) {
			minimum = -1;
		}
		journal_reader_close(reader);
	}
	return minimum;
}

enum gk_rc
gate_verify(const struct gate_verify_options *options,
    struct gate_verify_report *ret, struct gk_err *err)
{
	GK_AUTO(trust_freep) struct trust *trust = NULL;
	char own_vkey[NOTE_VKEY_BYTES] = "";
	const char *vkey = options->vkey;
	struct journal_verify_report found;
	struct destroyed destroyed = {.count = 0};
	struct state state = {.same = 0};
	int64_t before;

	memset(ret, 0, sizeof(*ret));
	ret->json.cap = REPORT_CAP;
	ret->text.cap = REPORT_CAP;
	GK_TRY(digest_init(err));
	GK_TRY(load_trust(options, &trust, own_vkey, err));
	if (own_vkey[0] != '\0') {
		vkey = own_vkey;
	}
	for (int i = 0; i < TRIES_MAX; i++) {
		before = minimum_of(options->data_dir);
		GK_TRY(verify_once(
		    options, vkey, trust, &found, &destroyed, &state, err));
		/* what went while it was being read wasn't tampered with */
		if (found.verdict != VERIFY_TAMPERED ||
		    minimum_of(options->data_dir) == before) {
			break;
		}
	}
	return tell(&found, vkey, options, &destroyed, &state, ret, err);
}
