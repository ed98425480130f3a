/*
 * Agent Audit Trail, draft-sharif-agent-audit-trail-06: JSON Lines in RFC 8785
 * form, twelve mandatory members a record, each record chained to the one
 * before it of its session: prev_hash is the hex SHA-256 of that record's
 * canonical text, null in the first (lifecycle, session_start), and
 * parent_record_id names it.
 *
 * A session is one run of one agent as far as it is in this stream; events
 * without a run are in gatekeeper's own session, from boot to close.  A run's end
 * closes its session with session_hash, the SHA-256 over all prev_hash of it.
 * Ids are UUIDs in version 4's form that follow from the log's name and seq, so
 * that the same event has the same record_id in every export.
 *
 * Records are not signed: what proves them is the log, by seq and leaf_hash.
 */
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

/* An identity that holds a token and no more is known about; see docs/export.md. */
#define TRUST_LEVEL   "L1"
#define AGENT_VERSION "0.0.0-unknown"

#define PRE        "pre_execution"
#define POST       "post_execution"
#define CONCURRENT "concurrent"

struct record {
	const struct item *item;
	struct chain *chain;
	const char *type, *outcome, *phase;
	/* of action_detail, where the type has it */
	const char *decision_type;
	const char *error_category, *error_code, *error_message;
	const char *escalation_target;
	const char *lifecycle;
	const char *tool;
	const char *operator_id; /* human_override */
	bool is_synthesised;
	bool closes;
	char id[CHAIN_UUID_BYTES];
	char parameters_hash[DIGEST_HEX], response_hash[DIGEST_HEX];
	char parent_call[CHAIN_UUID_BYTES];
	char hash_key[16];
	char room[160];
};

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/*
 * "h1_…" as the hex that AAT wants; its key's name goes to record->hash_key.  Of
 * nothing, the hash of nothing.
 */
static void
put_hash(struct record *record, const char *text, char ret[DIGEST_HEX])
{
	const char *mark = text != NULL ? strchr(text, '_') : NULL;
	struct digest hash;
	size_t n = 0;

	if (mark == NULL ||
	    !digest_from_b64url(mark + 1, strlen(mark + 1), hash.bytes,
		sizeof(hash.bytes), &n) ||
	    n != sizeof(hash.bytes)) {
		digest_sha256(NULL, 0, &hash);
	} else {
		(void)snprintf(record->hash_key, sizeof(record->hash_key),
		    "%.*s", (int)(mark - text), text);
	}
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), ret);
}

static void
of_decision(struct record *record)
{
	const struct event *event = record->item->event;

	record->type = "tool_call";
	record->phase = PRE;
	record->tool = or_empty(event->action);
	put_hash(record, event->args_hash, record->parameters_hash);
	if (event->decision == DECISION_APPROVAL_REQUIRED) {
		record->type = "escalation";
		record->outcome = "escalated";
		record->escalation_target = event->approval_id != NULL
						? event->approval_id
						: "approvers";
	} else {
		record->outcome =
		    event->decision == DECISION_ALLOW ? "success" : "denied";
	}
}

static void
of_error(struct record *record, const char *code, const char *message,
    const char *category)
{
	record->type = "error";
	record->outcome = "failure";
	record->phase = POST;
	record->error_code = code;
	record->error_message = message;
	record->error_category = category;
}

static void
of_result(struct record *record)
{
	const struct event *event = record->item->event;
	const struct event_result *result = event->result;

	if (result == NULL || result->status == RESULT_NONE) {
		of_error(record, "unreported", "no result was reported in time",
		    "timeout");
		record->outcome = "timeout";
		return;
	}
	record->type = "tool_response";
	record->phase = POST;
	record->tool = or_empty(event->action);
	put_hash(record, result->output_hash, record->response_hash);
	if (event->has_of_seq) {
		chain_uuid("record", record->item->stream->options.origin,
		    event->of_seq, record->parent_call);
	}
	switch (result->status) {
	case RESULT_OK:
		record->outcome = "success";
		break;
	case RESULT_TIMEOUT:
		record->outcome = "timeout";
		break;
	default:
		record->outcome = "failure";
	}
}

static void
of_approval(struct record *record)
{
	const struct event *event = record->item->event;

	meaning_code(event, record->room);
	record->type = "decision";
	record->decision_type = record->room;
	record->phase = PRE;
	if (event->change == CHANGE_ESCALATED) {
		record->type = "escalation";
		record->outcome = "escalated";
		record->escalation_target =
		    event->group_count > 0 ? event->groups[0] : "approvers";
		return;
	}
	switch (meaning_outcome(event)) {
	case OUTCOME_SUCCESS:
		record->outcome = "success";
		break;
	case OUTCOME_UNKNOWN:
	case OUTCOME_FAILURE:
	case OUTCOME_COUNT:
		record->outcome =
		    event->change == CHANGE_EXPIRED ? "timeout" : "denied";
	}
	record->operator_id = event->person;
}

static void
of_lifecycle(struct record *record, const char *lifecycle)
{
	record->type = "lifecycle";
	record->lifecycle = lifecycle;
	record->outcome =
	    meaning_outcome(record->item->event) == OUTCOME_FAILURE ? "failure"
								    : "success";
	record->phase = CONCURRENT;
	if (strcmp(lifecycle, "session_end") == 0) {
		record->phase = POST;
		record->closes = true;
	}
}

static void
of_access(struct record *record)
{
	const struct event *event = record->item->event;

	(void)snprintf(record->room, sizeof(record->room), "access.%.64s",
	    event->access != NULL ? or_empty(event->access->what) : "");
	record->type = "decision";
	record->decision_type = record->room;
	record->outcome = "success";
	record->phase = CONCURRENT;
}

static void
of_gap(struct record *record)
{
	const struct event *event = record->item->event;

	(void)snprintf(record->room, sizeof(record->room), "gap_%.64s",
	    event->gap != NULL ? or_empty(event->gap->what) : "");
	of_error(record, record->room, "what could not be recorded one by one",
	    "internal");
}

static void
of_event(struct record *record)
{
	const struct event *event = record->item->event;

	switch (event->kind) {
	case EVENT_DECISION:
		of_decision(record);
		break;
	case EVENT_RESULT:
		of_result(record);
		break;
	case EVENT_VIOLATION:
		of_error(record, "violation",
		    "a result was reported for what was not allowed",
		    "authorization");
		break;
	case EVENT_APPROVAL:
		of_approval(record);
		break;
	case EVENT_ACCESS:
		of_access(record);
		break;
	case EVENT_GAP:
		of_gap(record);
		break;
	case EVENT_RUN:
	case EVENT_CLOSE:
		of_lifecycle(record, "session_end");
		break;
	case EVENT_GENESIS:
	case EVENT_BOOT:
		of_lifecycle(record, "session_start");
		break;
	case EVENT_KILL_SWITCH:
		of_lifecycle(record,
		    event->change == CHANGE_THROWN ? "pause" : "resume");
		break;
	case EVENT_KEY:
		of_lifecycle(record, "key_rotation");
		break;
	default:
		of_lifecycle(record, "configuration_change");
	}
}

/* ---- printing: every member in its sorted place ---- */

static const char *
filled(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Over every prev_hash of the session, this record's own the last. */
static void
add_session_hash(struct writer *writer, const struct chain *chain)
{
	struct digest_running sum = chain->sum;
	struct digest hash;
	char hex[DIGEST_HEX];

	digest_running_add(&sum, chain->last.bytes, sizeof(chain->last.bytes));
	digest_running_get(&sum, &hash);
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), hex);
	writer_text(writer, "session_hash", hex);
}

/* a – h */
static void
add_detail_head(struct writer *writer, const struct record *record)
{
	const struct event *event = record->item->event;
	const char *code = record->error_code;

	writer_text(writer, "approval_id", event->approval_id);
	writer_text(writer, "caller", event->caller);
	writer_text(writer, "change",
	    meaning_word(change_words, CHANGE_COUNT, event->change));
	writer_text(writer, "decision_id", event->decision_id);
	writer_text(writer, "decision_type", record->decision_type);
	if (event->result != NULL && event->result->status != RESULT_NONE) {
		writer_int(writer, "duration_ms", event->result->duration_ms);
	}
	writer_text(writer, "error.type",
	    meaning_is_action(event) ? meaning_error(event) : NULL);
	writer_text(writer, "error_category", record->error_category);
	writer_text(writer, "error_code", code);
	writer_text(writer, "error_message", record->error_message);
	if (record->escalation_target != NULL) {
		writer_text(writer, "escalation_reason",
		    filled(event->reason) != NULL ? event->reason
						  : "approval_required");
	}
	writer_text(writer, "escalation_target", record->escalation_target);
	writer_text(writer, "event", record->lifecycle);
	if (meaning_is_action(event)) {
		writer_text(writer, "gen_ai.conversation.id", event->run_id);
		writer_text(writer, "gen_ai.tool.call.id", event->step_id);
		writer_text(writer, "gen_ai.tool.name", event->action);
	}
	writer_text(writer, "hash_key", filled(record->hash_key));
}

/* k – z */
static void
add_detail_tail(struct writer *writer, const struct record *record)
{
	const struct item *item = record->item;
	const struct event *event = item->event;

	writer_text(writer, "kind",
	    meaning_word(event_kind_words, EVENT_KIND_COUNT, event->kind));
	writer_text(writer, "leaf_hash", item->leaf_hash);
	writer_text(writer, "log", item->stream->options.origin);
	writer_text(writer, "parameters_hash", filled(record->parameters_hash));
	writer_text(writer, "parent_call_id", filled(record->parent_call));
	writer_text(writer, "policy", event->policy);
	writer_text(writer, "reason", event->reason);
	if (record->closes) {
		writer_int(writer, "record_count", record->chain->records + 1);
	}
	if (record->error_code != NULL) {
		writer_bool(writer, "recoverable", false);
	}
	writer_text(writer, "response_hash", filled(record->response_hash));
	writer_text(writer, "rule", event->rule);
	writer_text(writer, "run_id", event->run_id);
	writer_int(writer, "seq", (int64_t)event->seq);
	if (record->closes) {
		add_session_hash(writer, record->chain);
	}
	writer_text(writer, "step_id", event->step_id);
	writer_text(writer, "synthesised_by",
	    record->is_synthesised ? FORMAT_PRODUCT : NULL);
	writer_text(writer, "tenant_id", event->tenant_id);
	writer_text(writer, "tool_name",
	    record->tool != NULL && record->tool[0] == '\0' ? "unnamed"
							    : record->tool);
	writer_text(writer, "traceparent", event->traceparent);
}

/* Only what every record has and who it is about: the rest is the event's own record's. */
static void
add_genesis_detail(struct writer *writer, const struct record *record)
{
	const struct event *event = record->item->event;

	writer_text(writer, "event", record->lifecycle);
	writer_text(writer, "log", record->item->stream->options.origin);
	writer_text(writer, "run_id", event->run_id);
	writer_int(writer, "seq", (int64_t)event->seq);
	writer_text(writer, "synthesised_by", FORMAT_PRODUCT);
	writer_text(writer, "tenant_id", event->tenant_id);
}

/* "GATEKEEPER_RATE_LIMITED": codes of one's own wear a prefix. */
static void
add_deny_reasons(struct writer *writer, const struct record *record)
{
	const char *reason = record->item->event->reason;
	char text[160] = "GATEKEEPER_";
	size_t n = strlen(text);

	if (strcmp(record->outcome, "denied") != 0) {
		return;
	}
	if (filled(reason) == NULL) {
		reason = "denied";
	}
	for (; *reason != '\0' && n + 1 < sizeof(text); reason++) {
		char c = *reason;

		if (c >= 'a' && c <= 'z') {
			c = (char)(c - 'a' + 'A');
		} else if ((unsigned char)c > 0x7e) {
			c = '_';
		}
		text[n++] = c;
	}
	text[n] = '\0';
	writer_begin(writer, "deny_reasons", '[');
	writer_text(writer, NULL, text);
	writer_end(writer, ']');
}

static void
add_agent(struct writer *writer, const struct record *record)
{
	GK_AUTO(gk_buf_done) struct gk_buf id = GK_BUF_INIT(EVENT_BYTES_MAX);
	const struct item *item = record->item;
	const struct event *event = item->event;
	bool own = event->run_id == NULL || event->agent_id == NULL;
	struct gk_err err = {0};

	if (gk_buf_puts(&id,
		own ? "urn:gatekeeper:log:" : "urn:gatekeeper:agent:", &err) !=
		GK_OK ||
	    meaning_uri(own ? item->stream->options.origin : event->agent_id,
		&id, &err) != GK_OK) {
		writer->rc = err.rc;
		return;
	}
	writer_text(writer, "agent_id", gk_buf_text(&id));
	writer_text(writer, "agent_version",
	    own ? item->stream->options.version : AGENT_VERSION);
}

static void
add_links(struct writer *writer, const struct record *record)
{
	const struct chain *chain = record->chain;
	char hex[DIGEST_HEX];

	if (chain->records == 0) {
		writer_null(writer, "parent_record_id");
		writer_null(writer, "prev_hash");
		return;
	}
	(void)digest_hex(chain->last.bytes, sizeof(chain->last.bytes), hex);
	writer_text(writer, "parent_record_id", chain->last_id);
	writer_text(writer, "prev_hash", hex);
}

static enum gk_rc
print_record(struct record *record, struct gk_buf *buf, struct gk_err *err)
{
	struct writer writer = {.buf = buf, .err = err};
	size_t before = buf->len;

	writer_begin(&writer, NULL, '{');
	writer_begin(&writer, "action_detail", '{');
	if (record->is_synthesised) {
		add_genesis_detail(&writer, record);
	} else {
		add_detail_head(&writer, record);
		add_detail_tail(&writer, record);
	}
	writer_end(&writer, '}');
	writer_text(&writer, "action_type", record->type);
	add_agent(&writer, record);
	add_deny_reasons(&writer, record);
	if (record->operator_id != NULL) {
		writer_begin(&writer, "human_override", '{');
		writer_text(&writer, "operator_id", record->operator_id);
		writer_end(&writer, '}');
	}
	writer_text(&writer, "outcome", record->outcome);
	add_links(&writer, record);
	writer_text(&writer, "record_id", record->id);
	writer_text(&writer, "record_phase", record->phase);
	writer_text(&writer, "session_id", record->chain->session_id);
	writer_text(&writer, "timestamp", record->item->time);
	writer_text(&writer, "trust_level", TRUST_LEVEL);
	writer_end(&writer, '}');
	GK_TRY(writer.rc);
	chain_add(
	    record->chain, record->id, buf->bytes + before, buf->len - before);
	return gk_buf_putc(buf, '\n', err);
}

/* A session whose first event doesn't open it gets an opening of its own. */
static enum gk_rc
print_genesis(const struct item *item, struct chain *chain, struct gk_buf *buf,
    struct gk_err *err)
{
	struct record record = {
	    .item = item,
	    .chain = chain,
	    .type = "lifecycle",
	    .lifecycle = "session_start",
	    .outcome = "success",
	    .phase = CONCURRENT,
	    .is_synthesised = true,
	};

	chain_uuid("genesis", item->stream->options.origin, item->event->seq,
	    record.id);
	return print_record(&record, buf, err);
}

enum gk_rc
aat_print(const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	struct chains *chains = item->stream->chains;
	const char *origin = item->stream->options.origin;
	struct record record = {.item = item};
	bool opens;

	of_event(&record);
	opens = record.lifecycle != NULL &&
		strcmp(record.lifecycle, "session_start") == 0;
	GK_TRY(chains_find(chains, origin, item->event, &record.chain, err));
	if (opens && record.chain->records > 0) {
		/* the process before left without a close */
		chains_drop(chains, record.chain);
		GK_TRY(chains_find(
		    chains, origin, item->event, &record.chain, err));
	}
	if (!opens && record.chain->records == 0) {
		GK_TRY(print_genesis(item, record.chain, buf, err));
	}
	chain_uuid("record", origin, item->event->seq, record.id);
	GK_TRY(print_record(&record, buf, err));
	if (record.closes) {
		chains_drop(chains, record.chain);
	}
	return GK_OK;
}
