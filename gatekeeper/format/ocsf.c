/*
 * OCSF (Open Cybersecurity Schema Framework) 1.6.0, class API Activity (6003)
 * of category Application Activity (6), with the profiles security_control and
 * trace.
 *
 * Required there: activity_id, category_uid, class_uid, severity_id, time,
 * type_uid, metadata (product, version), actor, api (operation), src_endpoint.
 * type_uid is class_uid * 100 + activity_id.  Every *_id has its caption beside
 * it.  What OCSF has no place for stands in unmapped: the whole event, and
 * OpenTelemetry's names of it.
 */
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

#define OCSF_VERSION "1.6.0"

enum {
	CATEGORY_UID = 6,
	CLASS_UID = 6003,
	TYPE_UID_BASE = CLASS_UID * 100,
	ID_OTHER = 99,
	USER_TYPE_USER = 1,
	USER_TYPE_SERVICE = 4,
};

/* A number of one of OCSF's lists, and its caption there. */
struct code {
	int id;
	const char *caption;
};

static const struct code create = {1, "Create"}, look = {2, "Read"},
			 update = {3, "Update"}, delete = {4, "Delete"};

static struct code
activity(const struct event *event)
{
	switch (event->kind) {
	case EVENT_GENESIS:
		return create;
	case EVENT_ACCESS:
		return look;
	case EVENT_POLICY:
	case EVENT_KEY:
		return update;
	case EVENT_RETENTION:
		return event->change == CHANGE_HELD ? create : delete;
	case EVENT_REDACTION:
		return delete;
	case EVENT_KILL_SWITCH:
		return event->change == CHANGE_THROWN ? create : delete;
	case EVENT_IDENTITY:
		return event->change == CHANGE_CREATED   ? create
		       : event->change == CHANGE_REVOKED ? delete
							 : update;
	default:
		return (struct code){ID_OTHER, meaning_title(event)};
	}
}

/* action_id: 1 Allowed, 2 Denied, 3 Observed; 0 while nobody has said. */
struct control {
	struct code action, disposition;
};

static struct control
control_of_decision(const struct event *event)
{
	switch (event->decision) {
	case DECISION_ALLOW:
		return (struct control){{1, "Allowed"}, {1, "Allowed"}};
	case DECISION_APPROVAL_REQUIRED:
		return (struct control){{0, "Unknown"}, {14, "Delayed"}};
	default:
		return (struct control){{2, "Denied"}, {2, "Blocked"}};
	}
}

static struct control
control_of_approval(const struct event *event)
{
	static const struct control approved = {
	    {1, "Allowed"}, {8, "Approved"}};
	static const struct control rejected = {
	    {2, "Denied"}, {25, "Rejected"}};

	switch (event->change) {
	case CHANGE_VOTE:
		return event->grant_vote ? approved : rejected;
	case CHANGE_GRANTED:
	case CHANGE_USED:
		return approved;
	case CHANGE_REVOKED:
		return (struct control){{2, "Denied"}, {24, "Access Revoked"}};
	case CHANGE_EXPIRED:
		return (struct control){{2, "Denied"}, {ID_OTHER, "Expired"}};
	case CHANGE_ESCALATED:
		return (struct control){{0, "Unknown"}, {14, "Delayed"}};
	default:
		return rejected;
	}
}

static struct control
control_of(const struct event *event)
{
	switch (event->kind) {
	case EVENT_DECISION:
		return control_of_decision(event);
	case EVENT_APPROVAL:
		return control_of_approval(event);
	case EVENT_VIOLATION:
		return (struct control){{3, "Observed"}, {19, "Alert"}};
	default:
		return (struct control){{1, "Allowed"}, {17, "Logged"}};
	}
}

static void
add_code(struct writer *writer, const char *name, const char *id_name,
    struct code code)
{
	writer_text(writer, name, code.caption);
	writer_int(writer, id_name, code.id);
}

static void
add_class(struct writer *writer, const struct event *event)
{
	struct code did = activity(event);
	char type[96];

	(void)snprintf(type, sizeof(type), "API Activity: %s",
	    did.id == ID_OTHER ? "Other" : did.caption);
	add_code(writer, "activity_name", "activity_id", did);
	writer_text(writer, "category_name", "Application Activity");
	writer_int(writer, "category_uid", CATEGORY_UID);
	writer_text(writer, "class_name", "API Activity");
	writer_int(writer, "class_uid", CLASS_UID);
	writer_text(writer, "type_name", type);
	writer_int(writer, "type_uid", TYPE_UID_BASE + did.id);
}

static void
add_outcome(struct writer *writer, const struct event *event)
{
	static const char *const severities[SEVERITY_COUNT] = {
	    [SEVERITY_UNKNOWN] = "Unknown",
	    [SEVERITY_INFORMATIONAL] = "Informational",
	    [SEVERITY_LOW] = "Low",
	    [SEVERITY_MEDIUM] = "Medium",
	    [SEVERITY_HIGH] = "High",
	};
	static const char *const statuses[OUTCOME_COUNT] = {
	    [OUTCOME_UNKNOWN] = "Unknown",
	    [OUTCOME_SUCCESS] = "Success",
	    [OUTCOME_FAILURE] = "Failure",
	};
	enum severity severity = meaning_severity(event);
	enum outcome outcome = meaning_outcome(event);

	add_code(writer, "severity", "severity_id",
	    (struct code){(int)severity, severities[severity]});
	add_code(writer, "status", "status_id",
	    (struct code){(int)outcome, statuses[outcome]});
	writer_text(writer, "status_code",
	    event->reason != NULL ? event->reason : meaning_error(event));
	writer_text(writer, "status_detail", event->note);
}

static void
add_control(struct writer *writer, const struct event *event)
{
	struct control control = control_of(event);

	add_code(writer, "action", "action_id", control.action);
	add_code(writer, "disposition", "disposition_id", control.disposition);
	writer_bool(
	    writer, "is_alert", meaning_severity(event) >= SEVERITY_MEDIUM);
	if (event->policy != NULL || event->rule != NULL) {
		writer_begin(writer, "policy", '{');
		writer_text(writer, "name", event->rule);
		writer_text(writer, "uid", event->policy);
		writer_end(writer, '}');
	}
}

static void
add_metadata(struct writer *writer, const struct item *item, bool traced)
{
	const struct event *event = item->event;
	char code[MEANING_CODE_BYTES], uid[192];

	meaning_code(event, code);
	(void)snprintf(uid, sizeof(uid), "%.160s#%llu",
	    item->stream->options.origin, (unsigned long long)event->seq);
	writer_begin(writer, "metadata", '{');
	writer_text(writer, "correlation_uid", event->run_id);
	writer_text(writer, "event_code", code);
	writer_text(writer, "log_name", item->stream->options.origin);
	writer_text(writer, "log_provider", FORMAT_PRODUCT);
	writer_text(writer, "original_time", item->time);
	writer_begin(writer, "product", '{');
	writer_text(writer, "name", FORMAT_PRODUCT);
	writer_text(writer, "vendor_name", FORMAT_PRODUCT);
	writer_text(writer, "version", item->stream->options.version);
	writer_end(writer, '}');
	writer_begin(writer, "profiles", '[');
	writer_text(writer, NULL, "security_control");
	writer_text(writer, NULL, traced ? "trace" : NULL);
	writer_end(writer, ']');
	writer_int(writer, "sequence", (int64_t)event->seq);
	writer_text(writer, "tenant_uid", event->tenant_id);
	writer_text(writer, "uid", uid);
	writer_text(writer, "version", OCSF_VERSION);
	writer_end(writer, '}');
}

/* For whom, by which agent, in which run. */
static void
add_actor(struct writer *writer, const struct event *event)
{
	const char *who =
	    event->caller != NULL ? event->caller : FORMAT_PRODUCT;

	writer_begin(writer, "actor", '{');
	writer_text(writer, "app_name", event->agent_id);
	writer_text(writer, "app_uid", who);
	if (event->run_id != NULL) {
		writer_begin(writer, "session", '{');
		writer_text(writer, "uid", event->run_id);
		writer_end(writer, '}');
	}
	writer_begin(writer, "user", '{');
	if (event->actor != NULL && event->actor->id != NULL) {
		writer_text(writer, "name", event->actor->id);
		writer_text(writer, "type", "User");
		writer_int(writer, "type_id", USER_TYPE_USER);
		writer_text(writer, "uid", event->actor->id);
	} else {
		writer_text(writer, "name", who);
		writer_text(writer, "type", "Service");
		writer_int(writer, "type_id", USER_TYPE_SERVICE);
		writer_text(writer, "uid", who);
	}
	writer_end(writer, '}');
	writer_end(writer, '}');
}

static void
add_api(struct writer *writer, const struct event *event)
{
	const char *error = meaning_error(event);
	char code[MEANING_CODE_BYTES];

	meaning_code(event, code);
	writer_begin(writer, "api", '{');
	writer_text(writer, "operation",
	    event->action != NULL && event->action[0] != '\0' ? event->action
							      : code);
	if (event->decision_id != NULL) {
		writer_begin(writer, "request", '{');
		writer_text(writer, "uid", event->decision_id);
		writer_end(writer, '}');
	}
	if (event->result != NULL && event->result->status != RESULT_NONE) {
		writer_begin(writer, "response", '{');
		writer_text(writer, "error", error);
		writer_text(writer, "message",
		    meaning_word(result_status_words, RESULT_STATUS_COUNT,
			event->result->status));
		writer_end(writer, '}');
	}
	writer_begin(writer, "service", '{');
	writer_text(writer, "name", FORMAT_PRODUCT);
	writer_end(writer, '}');
	writer_end(writer, '}');
}

/* What was acted upon: the arguments by their hash, an approval, a switch, an identity. */
static void
add_resource(struct writer *writer, const char *type, const char *uid)
{
	if (uid != NULL && uid[0] != '\0') {
		writer_begin(writer, NULL, '{');
		writer_text(writer, "type", type);
		writer_text(writer, "uid", uid);
		writer_end(writer, '}');
	}
}

static void
add_resources(struct writer *writer, const struct event *event)
{
	writer_begin(writer, "resources", '[');
	add_resource(writer, "action", event->action_key);
	add_resource(writer, "approval", event->approval_id);
	if (event->kill_switch != NULL) {
		add_resource(writer, "kill_switch", event->kill_switch->id);
	}
	if (event->identity != NULL) {
		add_resource(writer, "identity", event->identity->id);
	}
	if (event->hold != NULL) {
		add_resource(writer, "legal_hold", event->hold->id);
	}
	if (event->kind == EVENT_POLICY) {
		add_resource(writer, "policy", event->policy);
	}
	if (event->kind == EVENT_ACCESS && event->access != NULL) {
		add_resource(writer, "audit_trail", event->access->what);
	}
	writer_end(writer, ']');
}

static void
add_unmapped(struct writer *writer, const struct item *item)
{
	const struct event *event = item->event;

	writer_begin(writer, "unmapped", '{');
	if (meaning_is_action(event)) {
		writer_text(writer, "error.type", meaning_error(event));
		writer_text(writer, "gen_ai.agent.id", event->agent_id);
		writer_text(writer, "gen_ai.conversation.id", event->run_id);
		writer_text(writer, "gen_ai.operation.name", "execute_tool");
		writer_text(writer, "gen_ai.tool.call.id", event->step_id);
		writer_text(writer, "gen_ai.tool.name", event->action);
	}
	writer_raw(writer, "gatekeeper", item->row, item->row_n);
	writer_end(writer, '}');
}

enum gk_rc
ocsf_print(const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	const struct event *event = item->event;
	struct writer writer = {.buf = buf, .err = err};
	char trace[MEANING_TRACE_BYTES];
	bool traced = meaning_trace(event, trace);

	writer_begin(&writer, NULL, '{');
	add_class(&writer, event);
	writer_int(&writer, "time", event->timestamp_us / GK_US_PER_MS);
	writer_text(&writer, "message", meaning_title(event));
	add_outcome(&writer, event);
	add_control(&writer, event);
	add_actor(&writer, event);
	add_api(&writer, event);
	add_resources(&writer, event);
	writer_begin(&writer, "src_endpoint", '{');
	writer_text(&writer, "name",
	    event->caller != NULL && event->caller[0] != '\0' ? event->caller
							      : FORMAT_PRODUCT);
	writer_end(&writer, '}');
	if (event->result != NULL && event->result->duration_ms > 0) {
		writer_int(&writer, "duration", event->result->duration_ms);
	}
	if (traced) {
		writer_begin(&writer, "trace", '{');
		writer_text(&writer, "uid", trace);
		writer_end(&writer, '}');
	}
	add_metadata(&writer, item, traced);
	add_unmapped(&writer, item);
	writer_end(&writer, '}');
	GK_TRY(writer.rc);
	return gk_buf_putc(buf, '\n', err);
}
