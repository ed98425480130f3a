/* What an event means to who doesn't know gatekeeper: a title, how grave it is, how it ended. */
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

enum { TRACE_AT = 3, TRACE_N = 32, TRACEPARENT_N = 55 };

const char *
meaning_word(const char *const *words, int count, int value)
{
	return value >= 0 && value < count ? words[value] : NULL;
}

void
meaning_code(const struct event *event, char ret[MEANING_CODE_BYTES])
{
	const char *kind =
	    meaning_word(event_kind_words, EVENT_KIND_COUNT, event->kind);
	const char *more =
	    meaning_word(change_words, CHANGE_COUNT, event->change);

	if (event->kind == EVENT_DECISION && event->has_decision) {
		more = meaning_word(
		    decision_words, DECISION_COUNT, event->decision);
	}
	(void)snprintf(ret, MEANING_CODE_BYTES, "%s%s%s",
	    kind == NULL ? "event" : kind, more == NULL ? "" : ".",
	    more == NULL ? "" : more);
}

static const char *
title_of_decision(int decision)
{
	switch (decision) {
	case DECISION_ALLOW:
		return "Action allowed";
	case DECISION_APPROVAL_REQUIRED:
		return "Action needs approval";
	default:
		return "Action stopped";
	}
}

/* What approvals share with switches and identities. */
static const char *
title_of_shared(const struct event *event)
{
	if (event->change == CHANGE_EXPIRED) {
		return event->kind == EVENT_KILL_SWITCH ? "Kill switch expired"
							: "Approval expired";
	}
	if (event->change == CHANGE_REVOKED) {
		return event->kind == EVENT_IDENTITY ? "Identity revoked"
						     : "Approval revoked";
	}
	return NULL;
}

static const char *
title_of_change(int change)
{
	static const char *const titles[CHANGE_COUNT] = {
	    [CHANGE_VOTE] = "Vote on an approval",
	    [CHANGE_GRANTED] = "Approval granted",
	    [CHANGE_DENIED] = "Approval denied",
	    [CHANGE_USED] = "Approval used",
	    [CHANGE_ESCALATED] = "Approval escalated",
	    [CHANGE_REPORTED] = "Result reported",
	    [CHANGE_UNREPORTED] = "Result never reported",
	    [CHANGE_LATE] = "Late result",
	    [CHANGE_CONFLICTING] = "Conflicting result",
	    [CHANGE_THROWN] = "Kill switch thrown",
	    [CHANGE_LIFTED] = "Kill switch lifted",
	    [CHANGE_LOADED] = "Policy loaded",
	    [CHANGE_RELOADED] = "Policy reloaded",
	    [CHANGE_ROLLED_BACK] = "Policy rolled back",
	    [CHANGE_REJECTED] = "Policy rejected",
	    [CHANGE_CREATED] = "Identity created",
	    [CHANGE_CHANGED] = "Identity changed",
	    [CHANGE_ENDED] = "Run ended",
	    [CHANGE_IDLE] = "Run ended by idleness",
	    [CHANGE_LET_GO] = "Let go by a rule of retention",
	    [CHANGE_HELD] = "Legal hold placed",
	    [CHANGE_RELEASED] = "Legal hold released",
	    [CHANGE_JUMPED] = "Clock jumped",
	    [CHANGE_ACCEPTED] = "Clock accepted",
	};

	return meaning_word(titles, CHANGE_COUNT, change);
}

static const char *
title_of_kind(int kind)
{
	static const char *const titles[EVENT_KIND_COUNT] = {
	    [EVENT_GENESIS] = "Log created",
	    [EVENT_BOOT] = "Process started",
	    [EVENT_CLOSE] = "Process ended",
	    [EVENT_POLICY] = "Policy",
	    [EVENT_RESULT] = "Result",
	    [EVENT_VIOLATION] = "Result for what was not allowed",
	    [EVENT_APPROVAL] = "Approval",
	    [EVENT_KILL_SWITCH] = "Kill switch",
	    [EVENT_RUN] = "Run",
	    [EVENT_IDENTITY] = "Identity",
	    [EVENT_ACCESS] = "Audit trail read",
	    [EVENT_SNAPSHOT] = "Snapshot of the state",
	    [EVENT_RETENTION] = "Retention",
	    [EVENT_REDACTION] = "Redaction",
	    [EVENT_KEY] = "Keys",
	    [EVENT_CLOCK] = "Clock",
	    [EVENT_GAP] = "Gap in what could be recorded",
	};

	return meaning_word(titles, EVENT_KIND_COUNT, kind);
}

const char *
meaning_title(const struct event *event)
{
	const char *title = NULL;

	if (event->kind == EVENT_DECISION) {
		return title_of_decision(event->decision);
	}
	if (event->kind != EVENT_VIOLATION) {
		title = title_of_shared(event);
		title = title != NULL ? title : title_of_change(event->change);
	}
	if (title == NULL) {
		title = title_of_kind(event->kind);
	}
	return title == NULL ? "Event" : title;
}

static enum severity
severity_of_change(const struct event *event)
{
	switch (event->change) {
	case CHANGE_THROWN:
		return SEVERITY_HIGH;
	case CHANGE_UNREPORTED:
	case CHANGE_LATE:
	case CHANGE_CONFLICTING:
	case CHANGE_LIFTED:
	case CHANGE_REJECTED:
	case CHANGE_JUMPED:
		return SEVERITY_MEDIUM;
	case CHANGE_DENIED:
	case CHANGE_REVOKED:
	case CHANGE_EXPIRED:
	case CHANGE_ESCALATED:
	case CHANGE_RELOADED:
	case CHANGE_ROLLED_BACK:
	case CHANGE_CREATED:
	case CHANGE_CHANGED:
	case CHANGE_ACCEPTED:
		return SEVERITY_LOW;
	default:
		return event->result != NULL &&
			       event->result->status > RESULT_OK
			   ? SEVERITY_LOW
			   : SEVERITY_INFORMATIONAL;
	}
}

enum severity
meaning_severity(const struct event *event)
{
	switch (event->kind) {
	case EVENT_DECISION:
		if (event->decision == DECISION_ALLOW) {
			return SEVERITY_INFORMATIONAL;
		}
		return event->layer == LAYER_KILL_SWITCH ? SEVERITY_MEDIUM
							 : SEVERITY_LOW;
	case EVENT_VIOLATION:
		return SEVERITY_HIGH;
	case EVENT_GAP:
		return SEVERITY_MEDIUM;
	case EVENT_RETENTION:
	case EVENT_REDACTION:
	case EVENT_KEY:
		return SEVERITY_LOW;
	default:
		return severity_of_change(event);
	}
}

static enum outcome
outcome_of_result(const struct event *event)
{
	if (event->result == NULL || event->result->status == RESULT_NONE) {
		return OUTCOME_UNKNOWN;
	}
	return event->result->status == RESULT_OK ? OUTCOME_SUCCESS
						  : OUTCOME_FAILURE;
}

enum outcome
meaning_outcome(const struct event *event)
{
	switch (event->kind) {
	case EVENT_DECISION:
		if (event->decision == DECISION_APPROVAL_REQUIRED) {
			return OUTCOME_UNKNOWN; /* nobody has said yet */
		}
		return event->decision == DECISION_ALLOW ? OUTCOME_SUCCESS
							 : OUTCOME_FAILURE;
	case EVENT_RESULT:
		return outcome_of_result(event);
	case EVENT_VIOLATION:
	case EVENT_GAP:
		return OUTCOME_FAILURE;
	case EVENT_APPROVAL:
		if (event->change == CHANGE_ESCALATED) {
			return OUTCOME_UNKNOWN; /* nobody has said yet */
		}
		if (event->change == CHANGE_VOTE) {
			return event->grant_vote ? OUTCOME_SUCCESS
						 : OUTCOME_FAILURE;
		}
		return event->change == CHANGE_GRANTED ||
			       event->change == CHANGE_USED
			   ? OUTCOME_SUCCESS
			   : OUTCOME_FAILURE;
	default:
		return event->change == CHANGE_REJECTED ? OUTCOME_FAILURE
							: OUTCOME_SUCCESS;
	}
}

bool
meaning_is_action(const struct event *event)
{
	return event->kind == EVENT_DECISION || event->kind == EVENT_RESULT ||
	       event->kind == EVENT_VIOLATION;
}

const char *
meaning_error(const struct event *event)
{
	const struct event_result *result = event->result;

	if (event->change == CHANGE_UNREPORTED) {
		return change_words[CHANGE_UNREPORTED];
	}
	if (result != NULL && result->status > RESULT_OK) {
		return result->error_code != NULL
			   ? result->error_code
			   : meaning_word(result_status_words,
				 RESULT_STATUS_COUNT, result->status);
	}
	return event->kind == EVENT_DECISION &&
		       event->decision != DECISION_ALLOW
		   ? event->reason
		   : NULL;
}

bool
meaning_trace(const struct event *event, char ret[MEANING_TRACE_BYTES])
{
	const char *text = event->traceparent;

	if (text == NULL || strlen(text) < TRACEPARENT_N ||
	    text[TRACE_AT + TRACE_N] != '-') {
		return false;
	}
	memcpy(ret, text + TRACE_AT, TRACE_N);
	ret[TRACE_N] = '\0';
	return strspn(ret, "0123456789abcdef") == TRACE_N;
}

enum gk_rc
meaning_uri(const char *text, struct gk_buf *buf, struct gk_err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~:@";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL) {
			GK_TRY(gk_buf_putc(buf, *text, err));
		} else {
			GK_TRY(gk_buf_printf(
			    buf, err, "%%%02X", (unsigned)(uint8_t)*text));
		}
	}
	return GK_OK;
}
