/* The policy: what is in force, its text by digest, reload and rollback as commands in the queue. */
#include <string.h>

#include "codec/canon.h"
#include "gate/overview.h"

enum {
	BUNDLE_CAP = 8 << 20,
	HISTORY_MAX = 50,
	HISTORY_SCAN = 100000, /* events looked at for it */
};

struct rollback_body {
	const char *digest;
	const char *reason;
};

static bool
is_digest(const char *text)
{
	return strlen(text) == POLICY_DIGEST_BYTES - 1 &&
	       strncmp(text, "sha256:", 7) == 0 &&
	       strspn(text + 7, "0123456789abcdef") == 64;
}

static const struct record_field rollback_fields[] = {
    {.name = "digest",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct rollback_body, digest),
	.check = is_digest,
	.expected = "sha256: and 64 lower-case hex digits"},
    {.name = "reason",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct rollback_body, reason)},
};
static const struct record_type rollback_type = {"rollback",
    sizeof(struct rollback_body), rollback_fields, GK_COUNT(rollback_fields)};

/* A new policy on its way, and its answer. */
struct reload {
	struct rollback_body body;
	struct gate_openings reason;
	bool rollback;
	struct policy *policy; /* pinned; NULL: it was refused */
	const char *note;      /* why it was refused */
	/* the answer */
	const char *digest, *previous;
	int64_t rules;
	struct gate_event_ref *event;
};

#define ANSWER_STR(key, member)                                              \
	{                                                                    \
		.name = (key), .kind = RECORD_STR, .flags = RECORD_NULLABLE, \
		.offset = offsetof(struct reload, member)                    \
	}

static const struct record_field answer_fields[] = {
    ANSWER_STR("digest", digest),
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct reload, event),
	.type = &gate_event_ref_type},
    ANSWER_STR("previous", previous),
    {.name = "rules",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct reload, rules)},
};
static const struct record_type answer_type = {
    "policy", sizeof(struct reload), answer_fields, GK_COUNT(answer_fields)};

enum gate_go
policy_begin(struct gate *gate, struct gate_call *call)
{
	struct reload *reload = gate__data(call, sizeof(*reload));
	struct policy *policy;
	uint64_t generation;
	enum gate_go go;

	if (reload == NULL) {
		return GO_DONE;
	}
	policy = gate__policy_pin(gate, &generation);
	reload->digest = policy_digest(policy);
	reload->rules = (int64_t)policy_rule_count(policy);
	go = gate__reply(call, GATE_OK, &answer_type, reload);
	policy_unpin(policy);
	if (call->outcome != GATE_OK) {
		return go;
	}
	call->work->ended = false; /* its history follows */
	return GO_READ;
}

struct history {
	struct gk_buf *reply;
	struct journal_reader *reader;
	bool any;
};

static enum gk_rc
add_history(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct history *history = ctx;

	*stop = false; /* the query has a limit */
	if (history->any) {
		GK_TRY(gk_buf_putc(history->reply, ',', err));
	}
	history->any = true;
	return gate__row(
	    history->reader, seq, bytes, n, leaf, false, history->reply, err);
}

/* …,"history":[…]}: the events of kind policy, the newest first. */
enum gk_rc
policy_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct history history = {&work->call->reply, reader->journal, false};
	struct journal_query query = {.kind = EVENT_POLICY,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .newest_first = true,
	    .from_seq = UINT64_MAX,
	    .limit = HISTORY_MAX,
	    .scan_limit = HISTORY_SCAN};
	bool more;

	(void)gate;
	history.reply->len--; /* the object's '}' */
	GK_TRY(gk_buf_puts(history.reply, ",\"history\":[", err));
	GK_TRY(journal_search(reader->journal, &query, add_history, &history,
	    &query.from_seq, &more, err));
	return gk_buf_puts(history.reply, "]}", err);
}

/* ---- a policy's text ---- */

enum gate_go
policy_text_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return call->target != NULL && is_digest(call->target)
		   ? GO_READ
		   : gate__not_found(call);
}

enum gk_rc
policy_text_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	bool found;

	(void)gate;
	GK_TRY(journal_policy_text(reader->journal, work->call->target,
	    &work->call->reply, &found, err));
	if (!found) {
		(void)gate__not_found(work->call);
	}
	work->call->outcome = found ? GATE_OK : GATE_NOT_FOUND;
	return GK_OK;
}

/* ---- reload and rollback ---- */

enum gate_go
reload_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	if (!gate__sees_all(call)) {
		return GO_DONE;
	}
	if (call->body != NULL && json_count(call->body) > 0) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a reload takes no members");
	}
	return gate__data(call, sizeof(struct reload)) == NULL ? GO_DONE
							       : GO_READ;
}

enum gate_go
rollback_begin(struct gate *gate, struct gate_call *call)
{
	struct reload *reload = gate__data(call, sizeof(*reload));
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (reload == NULL || !gate__sees_all(call)) {
		return GO_DONE;
	}
	if (call->body == NULL) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a digest and a reason are needed");
	}
	reload->rollback = true;
	rc = record_decode(
	    &rollback_type, call->body, &call->arena, &reload->body, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", reload->body.reason,
		    &call->arena, &reload->reason, &err);
	}
	return rc == GK_OK ? GO_READ
			   : gate__bad_request(call, "invalid_request", &err);
}

static enum gk_rc
member(
    struct gk_buf *buf, const char *name, const char *text, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, name, err));
	return text == NULL ? gk_buf_puts(buf, "null", err)
			    : canon_string(text, buf, err);
}

enum gk_rc
gate__print_problems(
    const struct policy_report *report, struct gk_buf *buf, struct gk_err *err)
{
	gk_buf_clear(buf);
	GK_TRY(gk_buf_puts(buf, "{\"problems\":[", err));
	for (size_t i = 0; i < report->count; i++) {
		const struct policy_problem *problem = &report->problems[i];

		GK_TRY(gk_buf_printf(buf, err, "%s{\"column\":%u",
		    i > 0 ? "," : "", problem->column));
		GK_TRY(member(buf, ",\"file\":", problem->file, err));
		GK_TRY(member(buf, ",\"hint\":", problem->hint, err));
		GK_TRY(
		    gk_buf_printf(buf, err, ",\"line\":%u,\"severity\":\"%s\"",
			problem->line, problem->warning ? "warning" : "error"));
		GK_TRY(member(buf, ",\"text\":", problem->text, err));
		GK_TRY(gk_buf_putc(buf, '}', err));
	}
	return gk_buf_puts(buf, "]}", err);
}

static const struct policy_problem *
first_error(const struct policy_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		if (!report->problems[i].warning) {
			return &report->problems[i];
		}
	}
	return NULL;
}

/* Why it was refused: for the event, in few words. */
static enum gk_rc
refuse(struct gate_work *work, const struct policy_report *report,
    const struct gk_err *why, struct gk_err *err)
{
	struct reload *reload = work->data;
	struct gate_call *call = work->call;
	const struct policy_problem *first = first_error(report);

	if (first != NULL) {
		reload->note = gk_arena_printf(&call->arena,
		    "%zu errors, the first: %.128s:%u:%u: %.256s",
		    report->errors, first->file, first->line, first->column,
		    first->text);
	} else {
		reload->note = gk_arena_strdup(&call->arena, why->text);
	}
	if (reload->note == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy report");
	}
	return gate__print_problems(report, &call->reply, err);
}

static enum gk_rc
load_kept(struct gate_reader *reader, struct gate_work *work,
    struct policy_report *report, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bundle = GK_BUF_INIT(BUNDLE_CAP);
	struct reload *reload = work->data;
	bool found;

	GK_TRY(journal_policy_text(
	    reader->journal, reload->body.digest, &bundle, &found, err));
	if (!found) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	return policy_load_bundle(
	    bundle.bytes, bundle.len, &reload->policy, report, err);
}

enum gk_rc
reload_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct reload *reload = work->data;
	struct policy_report report = {.count = 0};
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	rc = reload->rollback ? load_kept(reader, work, &report, &why)
			      : policy_load(gate->options.policy_dir,
				    &reload->policy, &report, &why);
	if (rc != GK_OK) {
		rc = refuse(work, &report, &why, err);
	}
	policy_report_done(&report);
	work->go = GO_COMMIT;
	return rc;
}

static enum gk_rc
put_in_force(struct gate *gate, struct reload *reload, struct event *event,
    struct digest *ret_leaf, struct gk_err *err)
{
	size_t n;
	const char *bundle = policy_bundle(reload->policy, &n);

	event->policy = policy_digest(reload->policy);
	event->change = reload->rollback ? CHANGE_ROLLED_BACK : CHANGE_RELOADED;
	if (journal_keep_policy(gate->journal, event->policy, bundle, n, err) !=
	    GK_OK) {
		gate__break(gate, err);
		return err->rc;
	}
	GK_TRY(gate__record_event(gate, event, reload->reason.openings,
	    reload->reason.count, ret_leaf, err));
	reload->rules = (int64_t)policy_rule_count(reload->policy);
	gate__policy_publish(gate, &reload->policy);
	return GK_OK;
}

enum gk_rc
reload_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct reload *reload = work->data;
	struct gk_arena *arena = &work->call->arena;
	struct event event = {.kind = EVENT_POLICY,
	    .change = CHANGE_REJECTED,
	    .caller = work->call->caller->id,
	    .note = reload->note,
	    .shown = reload->reason.shown,
	    .shown_count = reload->reason.count};
	struct digest leaf;

	event.previous = ledger_policy(gate->ledger);
	reload->previous = event.previous == NULL
			       ? NULL
			       : gk_arena_strdup(arena, event.previous);
	event.previous = reload->previous;
	if (reload->policy == NULL) {
		metrics_count(&gate->metrics.reloads_rejected, 1);
		GK_TRY(gate__record_event(gate, &event, reload->reason.openings,
		    reload->reason.count, NULL, err));
		(void)gate__problem(
		    work->call, GATE_INVALID, "policy_invalid", reload->note);
		return GK_OK;
	}
	reload->digest = gk_arena_strdup(arena, policy_digest(reload->policy));
	if (reload->digest == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "answer");
	}
	GK_TRY(put_in_force(gate, reload, &event, &leaf, err));
	return gate__event_ref(event.seq, &leaf, arena, &reload->event, err);
}

enum gate_go
reload_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, GATE_OK, &answer_type, call->work->data);
}

void
reload_release(struct gate_work *work)
{
	struct reload *reload = work->data;

	if (reload->policy != NULL) {
		policy_unpinp(&reload->policy);
	}
}
