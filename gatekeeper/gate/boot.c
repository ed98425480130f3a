/* A start: the ledger folded from the log, the policy loaded, and the events that say so. */
#include <stdio.h>
#include <string.h>

#include "gate/retention.h"

enum { FOLD_PAGE = 1000, FOLD_ARENA_CAP = 4 << 20 };

struct fold {
	struct gate *gate;
	struct gk_arena arena;
};

static enum gk_rc
fold_event(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct fold *fold = ctx;
	struct event event;
	enum gk_rc rc;

	(void)leaf;
	*stop = false;
	gk_arena_clear(&fold->arena);
	rc = event_decode(bytes, n, &fold->arena, &event, err);
	if (rc == GK_OK) {
		rc = ledger_apply(fold->gate->ledger, &event, err);
	}
	if (rc != GK_OK) {
		gk_err_where(err, "seq %llu", (unsigned long long)seq);
	}
	return rc == GK_E_INVALID ? GK_E_CORRUPT : rc;
}

static enum gk_rc
rebuild(struct gate *gate, struct gk_err *err)
{
	struct fold fold = {gate, GK_ARENA_INIT(FOLD_ARENA_CAP)};
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = FOLD_PAGE};
	bool more = true;
	enum gk_rc rc = gate__snapshot_load(gate, &query.from_seq, err);

	if (rc == GK_OK && query.from_seq == 0) {
		rc = gate__base_load(journal_reader(gate->journal),
		    gate->ledger, &query.from_seq, err);
	}
	while (rc == GK_OK && more) {
		rc = journal_search(journal_reader(gate->journal), &query,
		    fold_event, &fold, &query.from_seq, &more, err);
	}
	gk_arena_done(&fold.arena);
	if (rc != GK_OK) {
		return rc;
	}
	if (ledger_next_seq(gate->ledger) != journal_next_seq(gate->journal)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the log has %llu events, %llu of them readable",
		    (unsigned long long)journal_next_seq(gate->journal),
		    (unsigned long long)ledger_next_seq(gate->ledger));
	}
	return GK_OK;
}

static void
alert_problems(const struct gate *gate, const struct policy_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct policy_problem *problem = &report->problems[i];

		gate__alert(gate,
		    problem->warning ? "policy_warning" : "policy_error",
		    "%s:%u:%u: %s%s%s", problem->file, problem->line,
		    problem->column, problem->text,
		    problem->hint == NULL ? "" : "; ",
		    problem->hint == NULL ? "" : problem->hint);
	}
}

static enum gk_rc
load_policy(struct gate *gate, struct policy **ret_policy, struct gk_err *err)
{
	struct policy_report report = {.count = 0};
	enum gk_rc rc =
	    policy_load(gate->options.policy_dir, ret_policy, &report, err);

	alert_problems(gate, &report);
	policy_report_done(&report);
	return rc;
}

static enum gk_rc
write_genesis(struct gate *gate, struct gk_err *err)
{
	struct event_process process = {.version = gate->options.version,
	    .origin = gate->origin,
	    .vkey = gate->vkey};
	struct event event = {
	    .kind = EVENT_GENESIS, .caller = "gatekeeper", .process = &process};

	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

static enum gk_rc
write_boot(
    struct gate *gate, const struct journal_found *found, struct gk_err *err)
{
	struct event_process process = {.version = gate->options.version,
	    .events = (int64_t)found->size,
	    .recovered = found->detail[0] == '\0' ? NULL : found->detail};
	struct event event = {
	    .kind = EVENT_BOOT, .caller = "gatekeeper", .process = &process};
	struct gate_openings words = {.count = 0};

	digest_random(&process.boot_id, sizeof(process.boot_id));
	process.boot_id = (process.boot_id & INT64_MAX) | 1;
	gk_arena_clear(&gate->scratch);
	GK_TRY(gate__show_words(
	    gate, "/reason", found->reason, &gate->scratch, &words, err));
	event.shown = words.shown;
	event.shown_count = words.count;
	return gate__record_event(
	    gate, &event, words.openings, words.count, NULL, err);
}

/* An event only when another policy than the last one is in force. */
static enum gk_rc
write_policy(struct gate *gate, const struct policy *policy, struct gk_err *err)
{
	const char *before = ledger_policy(gate->ledger);
	char previous[POLICY_DIGEST_BYTES];
	struct event event = {.kind = EVENT_POLICY,
	    .change = CHANGE_LOADED,
	    .caller = "gatekeeper",
	    .policy = policy_digest(policy)};
	const char *bundle;
	size_t n;

	if (before != NULL && strcmp(before, event.policy) == 0) {
		return GK_OK;
	}
	if (before != NULL) {
		(void)snprintf(previous, sizeof(previous), "%s", before);
		event.previous = previous;
	}
	bundle = policy_bundle(policy, &n);
	GK_TRY(
	    journal_keep_policy(gate->journal, event.policy, bundle, n, err));
	return gate__record_event(gate, &event, NULL, 0, NULL, err);
}

static enum gk_rc
write_start(struct gate *gate, const struct journal_found *found,
    const struct policy *policy, struct gk_err *err)
{
	if (ledger_next_seq(gate->ledger) == 0) {
		GK_TRY(write_genesis(gate, err));
	}
	GK_TRY(write_boot(gate, found, err));
	GK_TRY(write_policy(gate, policy, err));
	GK_TRY(gate__clock_watch(gate, err));
	GK_TRY(gate__space_watch(gate, err));
	GK_TRY(gate__settle_due(gate, err));
	GK_TRY(gate__witness_flush(gate, err));
	GK_TRY(gate__commit_batch(gate, err));
	return gate__erase(gate, err); /* what a crash has left half done */
}

enum gk_rc
gate__boot(
    struct gate *gate, const struct journal_found *found, struct gk_err *err)
{
	struct policy *policy = NULL;
	enum gk_rc rc;

	GK_TRY(gate__retention_open(gate, err));
	GK_TRY(rebuild(gate, err));
	GK_TRY(gate__keys_open(gate, err));
	GK_TRY(load_policy(gate, &policy, err));
	gate__clock_open(gate, ledger_last_us(gate->ledger));
	rc = write_start(gate, found, policy, err);
	if (rc == GK_OK) {
		rc = gate__identities_publish(gate, err);
	}
	gate__policy_publish(gate, &policy);
	gate__watch_open(gate);
	return rc;
}

enum gk_rc
gate__close_event(struct gate *gate, struct gk_err *err)
{
	struct event event = {.kind = EVENT_CLOSE, .caller = "gatekeeper"};

	GK_TRY(gate__gaps_flush(gate, true, err));
	GK_TRY(gate__snapshot_close(gate, err));
	GK_TRY(gate__record_event(gate, &event, NULL, 0, NULL, err));
	return gate__commit_batch(gate, err);
}
