/* Buttons in Slack: a press becomes a vote of the identity behind Slack's user, under the rules of any vote. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http/exchange.h"
#include "http/slack_request.h"

/* The attribute of an identity that says who it is in Slack. */
#define SLACK_ATTRIBUTE "slack_user"

static void
slack_tell(struct exchange *ex, const char *text)
{
	struct http *http = ex->conn->loop->http;

	if (http->slack_reply != NULL && ex->press.response_url != NULL &&
	    text != NULL) {
		http->slack_reply(
		    http->slack_reply_ctx, ex->press.response_url, text);
	}
}

/* Is it Slack?  False: refused. */
static bool
slack_check(struct exchange *ex)
{
	static const struct {
		int status;
		const char *code, *detail;
	} refusals[] = {
	    [SLACK_FORGED] = {MHD_HTTP_UNAUTHORIZED, "slack_signature",
		"this isn't signed by Slack"},
	    [SLACK_STALE] = {MHD_HTTP_UNAUTHORIZED, "slack_timestamp",
		"the request is too old, or the clocks differ"},
	    [SLACK_REPLAYED] = {MHD_HTTP_CONFLICT, "slack_replay",
		"this request was seen before"},
	    [SLACK_CROWDED] = {MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
		"too many requests of Slack at once"},
	};
	static const char form[] = "application/x-www-form-urlencoded";
	struct http *http = ex->conn->loop->http;
	enum slack_verdict verdict;

	if (http->slack == NULL) {
		exchange_refuse(ex, MHD_HTTP_NOT_FOUND, "no_such_route",
		    "there is nothing at this path");
		return false;
	}
	if (ex->head.content_type == NULL ||
	    strncasecmp(ex->head.content_type, form, sizeof(form) - 1) != 0) {
		exchange_refuse(ex, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		    "unsupported_media_type", "the body must be a form");
		return false;
	}
	verdict = slack_verify(http->slack, ex->head.slack_timestamp,
	    ex->head.slack_signature, gk_buf_text(&ex->body), ex->body.len,
	    (int64_t)time(NULL));
	if (verdict == SLACK_FORGED) {
		gate_sign_in_failed(http->gate);
	}
	if (verdict != SLACK_FINE) {
		exchange_refuse(ex, refusals[verdict].status,
		    refusals[verdict].code, refusals[verdict].detail);
	}
	return verdict == SLACK_FINE;
}

/* Whose press it is.  False: told, and Slack has nothing to do about it. */
static bool
slack_identify(struct exchange *ex)
{
	struct http *http = ex->conn->loop->http;

	if (http->slack_team != NULL &&
	    strcmp(http->slack_team, ex->press.team) != 0) {
		slack_tell(ex, "This workspace isn't the one that decides.");
		return false;
	}
	ex->auth.pinned = gate_identities_pin(http->gate);
	ex->auth.caller = gate_identify_by(
	    ex->auth.pinned, http->gate, SLACK_ATTRIBUTE, ex->press.user);
	if (ex->auth.caller == NULL) {
		gate_sign_in_failed(http->gate);
		slack_tell(ex,
		    gk_arena_printf(&ex->arena,
			"gatekeeper doesn't know who you are: ask an operator "
			"for an identity with the attribute " SLACK_ATTRIBUTE
			"=%s.",
			ex->press.user));
		return false;
	}
	return true;
}

/* Slack wants to hear that it arrived; all else is told to the person. */
static enum MHD_Result
slack_thank(struct exchange *ex)
{
	gk_buf_clear(&ex->out);
	if (gk_buf_puts(&ex->out, "{}", &ex->err) != GK_OK) {
		return MHD_NO;
	}
	return answer_bytes(ex, MHD_HTTP_OK, ANSWER_JSON, &ex->out);
}

/* Who decides by a button leaves a word where. */
static bool
slack_comment(struct exchange *ex)
{
	GK_AUTO(json_freep) struct json_value *text = NULL;
	const char *words =
	    gk_arena_printf(&ex->arena, "through Slack, as %s", ex->press.user);

	ex->json = json_new_object();
	text = words == NULL ? NULL : json_new_string(words);
	return ex->json != NULL &&
	       json_set(ex->json, "comment", &text, &ex->err) == GK_OK;
}

bool
slack_ask(struct exchange *ex, enum MHD_Result *ret_answered)
{
	if (!slack_check(ex)) {
		*ret_answered = answer_problem(ex);
		return false;
	}
	if (slack_parse(gk_buf_text(&ex->body), ex->body.len, &ex->arena,
		&ex->press, &ex->err) != GK_OK) {
		exchange_refuse(
		    ex, MHD_HTTP_BAD_REQUEST, "invalid_request", ex->err.text);
		*ret_answered = answer_problem(ex);
		return false;
	}
	if (!slack_identify(ex)) {
		*ret_answered = slack_thank(ex);
		return false;
	}
	if (!slack_comment(ex)) {
		exchange_turn_away(ex, "busy", "memory ran out");
		*ret_answered = answer_problem(ex);
		return false;
	}
	ex->id = gk_arena_strdup(&ex->arena, ex->press.approval_id);
	ex->verb = ex->press.grants ? GATE_APPROVAL_GRANT : GATE_APPROVAL_DENY;
	return true;
}

enum MHD_Result
slack_finished(struct exchange *ex)
{
	const struct gate_call *call = &ex->call;
	const char *who = ex->auth.caller->id;

	if (call->outcome == GATE_OK) {
		slack_tell(ex,
		    gk_arena_printf(&ex->arena, "%s: recorded as %s.",
			ex->press.grants ? "Your grant" : "Your denial", who));
	} else {
		slack_tell(ex,
		    gk_arena_printf(&ex->arena, "Not recorded for %s: %s.", who,
			call->detail != NULL ? call->detail
			: call->code != NULL ? call->code
					     : "something failed"));
	}
	if (call->outcome == GATE_UNAVAILABLE || call->outcome == GATE_FAILED) {
		exchange_turn_away(ex, "busy", "the vote isn't recorded");
		return answer_problem(ex);
	}
	return slack_thank(ex);
}
