/*
 * ArcSight's Common Event Format, version 0.
 *
 *   CEF:0|vendor|product|version|event class|name|severity|key=value key=value
 *
 * In the header '\' and '|' are escaped by '\'; it has no way to write a line
 * end, which becomes a space.  In the extension '\' and '=' are escaped, line
 * ends are written \n and \r; what else is below a space becomes one, so that
 * an event is one line whatever reads it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

struct cef {
	struct gk_buf *buf;
	struct gk_err *err;
	enum gk_rc rc;
	bool space; /* before the next key */
};

static void
put(struct cef *cef, const char *text, size_t n)
{
	if (cef->rc == GK_OK) {
		cef->rc = gk_buf_add(cef->buf, text, n, cef->err);
	}
}

static void
put_char(struct cef *cef, char c)
{
	put(cef, &c, 1);
}

/* Control characters become spaces. */
static void
put_plain(struct cef *cef, char c)
{
	if ((unsigned char)c < ' ' || c == 0x7f) {
		c = ' ';
	}
	put_char(cef, c);
}

static void
header(struct cef *cef, const char *text)
{
	put_char(cef, '|');
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '|') {
			put_char(cef, '\\');
		}
		put_plain(cef, *text);
	}
}

static void
value_char(struct cef *cef, char c)
{
	if (c == '\n' || c == '\r') {
		put(cef, c == '\n' ? "\\n" : "\\r", 2);
		return;
	}
	if (c == '\\' || c == '=') {
		put_char(cef, '\\');
	}
	put_plain(cef, c);
}

static void
pair(struct cef *cef, const char *key, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		return;
	}
	if (cef->space) {
		put_char(cef, ' ');
	}
	cef->space = true;
	put(cef, key, strlen(key));
	put_char(cef, '=');
	for (; *text != '\0'; text++) {
		value_char(cef, *text);
	}
}

static void
pair_int(struct cef *cef, const char *key, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	pair(cef, key, text);
}

/* One of the custom fields, whose label says what it is. */
static void
custom(struct cef *cef, const char *key, const char *label, const char *text)
{
	char label_key[32];

	if (text != NULL && text[0] != '\0') {
		(void)snprintf(label_key, sizeof(label_key), "%sLabel", key);
		pair(cef, label_key, label);
		pair(cef, key, text);
	}
}

static void
put_who(struct cef *cef, const struct event *event)
{
	pair(cef, "sourceServiceName", event->agent_id);
	pair(cef, "suid", event->caller);
	if (event->actor != NULL) {
		pair(cef, "suser", event->actor->id);
	}
	pair(cef, "duser",
	    event->identity != NULL ? event->identity->id : event->person);
}

static void
put_what(struct cef *cef, const struct item *item)
{
	const struct event *event = item->event;
	const char *change =
	    meaning_word(change_words, CHANGE_COUNT, event->change);

	pair(cef, "act",
	    event->kind == EVENT_DECISION && event->has_decision
		? meaning_word(decision_words, DECISION_COUNT, event->decision)
		: change);
	pair(cef, "destinationServiceName", event->action);
	pair(cef, "reason",
	    event->reason != NULL ? event->reason : meaning_error(event));
	pair(cef, "msg", event->note);
	custom(cef, "cs1", "runId", event->run_id);
	custom(cef, "cs2", "stepId", event->step_id);
	custom(cef, "cs3", "tenantId", event->tenant_id);
	custom(cef, "cs4", "rule", event->rule);
	custom(cef, "cs5", "policy", event->policy);
	custom(cef, "cs6", "leafHash", item->leaf_hash);
	custom(cef, "flexString1", "decisionId", event->decision_id);
	custom(cef, "flexString2", "traceparent", event->traceparent);
	if (event->result != NULL && event->result->status != RESULT_NONE) {
		pair(cef, "cn1Label", "durationMs");
		pair_int(cef, "cn1", event->result->duration_ms);
	}
	if (event->has_of_seq) {
		pair(cef, "cn2Label", "ofSeq");
		pair_int(cef, "cn2", (int64_t)event->of_seq);
	}
}

enum gk_rc
cef_print(const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	static const char *const severities[SEVERITY_COUNT] = {
	    [SEVERITY_UNKNOWN] = "0",
	    [SEVERITY_INFORMATIONAL] = "2",
	    [SEVERITY_LOW] = "4",
	    [SEVERITY_MEDIUM] = "6",
	    [SEVERITY_HIGH] = "8",
	};
	static const char *const outcomes[OUTCOME_COUNT] = {
	    [OUTCOME_UNKNOWN] = "unknown",
	    [OUTCOME_SUCCESS] = "success",
	    [OUTCOME_FAILURE] = "failure",
	};
	const struct event *event = item->event;
	struct cef cef = {.buf = buf, .err = err};
	char code[MEANING_CODE_BYTES];

	meaning_code(event, code);
	put(&cef, "CEF:0", 5);
	header(&cef, FORMAT_PRODUCT);
	header(&cef, FORMAT_PRODUCT);
	header(&cef, item->stream->options.version);
	header(&cef, code);
	header(&cef, meaning_title(event));
	header(&cef, severities[meaning_severity(event)]);
	put_char(&cef, '|');
	pair_int(&cef, "rt", event->timestamp_us / GK_US_PER_MS);
	pair_int(&cef, "externalId", (int64_t)event->seq);
	pair(&cef, "deviceExternalId", item->stream->options.origin);
	pair(&cef, "cat",
	    meaning_word(phase_words, PHASE_COUNT,
		(int)event_phase((enum event_kind)event->kind)));
	pair(&cef, "outcome", outcomes[meaning_outcome(event)]);
	put_who(&cef, event);
	put_what(&cef, item);
	put_char(&cef, '\n');
	return cef.rc;
}
