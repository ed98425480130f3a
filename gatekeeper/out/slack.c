/*
 * Slack: a message of blocks through an incoming webhook, or by a bot's
 * chat.postMessage, with buttons that POST /v1/slack/actions hears of.
 * What isn't the operator's own text is escaped as Slack asks for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "model/entry.h"
#include "out/notify_internal.h"
#include "out/out.h"

enum {
	ANSWER_CAP = 1 << 20,
	SECTION_MAX = 2900, /* bytes; Slack takes 3000 characters */
};

static const char api[] = "https://slack.com/api/chat.postMessage";
static const char hooks[] = "https://hooks.slack.com/";

/* Cut what is too long, between two characters and never inside an entity. */
static void
cut_section(struct gk_buf *text)
{
	size_t n = SECTION_MAX;

	if (text->len <= SECTION_MAX) {
		return;
	}
	while (n > 0 && ((unsigned char)text->bytes[n] & 0xc0) == 0x80) {
		n--;
	}
	for (size_t back = 1; back <= 5 && back <= n; back++) {
		if (text->bytes[n - back] == ';') {
			break;
		}
		if (text->bytes[n - back] == '&') {
			n -= back;
			break;
		}
	}
	text->len = n;
	text->bytes[n] = '\0';
}

static enum gk_rc
add_section(struct gk_buf *text, struct gk_buf *body, struct gk_err *err)
{
	cut_section(text);
	GK_TRY(gk_buf_puts(body, "{\"text\":{\"text\":", err));
	GK_TRY(canon_string(gk_buf_text(text), body, err));
	return gk_buf_puts(body,
	    ",\"type\":\"mrkdwn\",\"verbatim\":true},\"type\":"
	    "\"section\"}",
	    err);
}

static enum gk_rc
add_button(const char *action, const char *word, const char *style,
    const char *id, struct gk_buf *body, struct gk_err *err)
{
	return gk_buf_printf(body, err,
	    "{\"action_id\":\"%s\",\"confirm\":{\"confirm\":{\"text\":\"%s\","
	    "\"type\":\"plain_text\"},\"deny\":{\"text\":\"Back\",\"type\":"
	    "\"plain_text\"},\"text\":{\"text\":\"%s this one action? It is "
	    "recorded in your name.\",\"type\":\"plain_text\"},\"title\":{"
	    "\"text\":\"%s\",\"type\":\"plain_text\"}},\"style\":\"%s\","
	    "\"text\":{\"text\":\"%s\",\"type\":\"plain_text\"},\"type\":"
	    "\"button\",\"value\":\"%s\"}",
	    action, word, word, word, style, word, id);
}

static enum gk_rc
add_buttons(
    const struct message *message, struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf id = GK_BUF_INIT(256);

	GK_TRY(notice_print(&message->notice, NOTICE_APPROVAL_ID, &id, err));
	GK_TRY(gk_buf_puts(body, ",{\"elements\":[", err));
	GK_TRY(add_button("gatekeeper_grant", "Grant", "primary",
	    gk_buf_text(&id), body, err));
	GK_TRY(gk_buf_puts(body, ",", err));
	GK_TRY(add_button(
	    "gatekeeper_deny", "Deny", "danger", gk_buf_text(&id), body, err));
	return gk_buf_puts(body, "],\"type\":\"actions\"}", err);
}

/* What is asked for, besides the line: who decides by a button should know. */
static enum gk_rc
add_question(const struct courier *courier, const struct message *message,
    bool *ret_cut, struct gk_buf *body, struct gk_err *err)
{
	static const struct {
		const char *name;
		enum notice_field field;
	} parts[] = {{"action", NOTICE_ACTION}, {"actor", NOTICE_ACTOR_ID},
	    {"step", NOTICE_STEP}, {"groups", NOTICE_GROUPS}};
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf value = GK_BUF_INIT(64u << 10);

	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		gk_buf_clear(&value);
		GK_TRY(notice_print(
		    &message->notice, parts[i].field, &value, err));
		if (value.len > 0) {
			GK_TRY(
			    gk_buf_printf(&text, err, "*%s*: ", parts[i].name));
			GK_TRY(escape_add(ESCAPE_MRKDWN, gk_buf_text(&value),
			    value.len, &text, err));
			GK_TRY(gk_buf_putc(&text, '\n', err));
		}
	}
	GK_TRY(notify__print_shown(
	    courier, message, ESCAPE_MRKDWN, "*", ret_cut, &text, err));
	*ret_cut = *ret_cut || text.len > SECTION_MAX;
	GK_TRY(gk_buf_puts(body, ",", err));
	return add_section(&text, body, err);
}

static enum gk_rc
add_link(const struct message *message, struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(4096);

	if (message->link[0] == '\0') {
		return GK_OK;
	}
	GK_TRY(gk_buf_puts(&text, "<", err));
	GK_TRY(escape_add(
	    ESCAPE_MRKDWN, message->link, strlen(message->link), &text, err));
	GK_TRY(gk_buf_puts(&text, "|Look at it in the console>", err));
	GK_TRY(gk_buf_puts(body, ",", err));
	return add_section(&text, body, err);
}

static enum gk_rc
print_body(const struct courier *courier, const struct message *message,
    struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	const struct notify_target *target = courier->target;
	bool asks = message->notice.n > 0 &&
		    notice_alert(&message->notice) == ALERT_APPROVAL;
	bool cut = false;

	GK_TRY(notify__print_text(courier, message, ESCAPE_MRKDWN, &text, err));
	GK_TRY(gk_buf_puts(body, "{\"blocks\":[", err));
	GK_TRY(add_section(&text, body, err));
	if (asks) {
		GK_TRY(add_question(courier, message, &cut, body, err));
	}
	GK_TRY(add_link(message, body, err));
	if (asks && target->buttons && !cut) { /* nobody grants half a value */
		GK_TRY(add_buttons(message, body, err));
	}
	GK_TRY(gk_buf_puts(body, "]", err));
	if (target->channel != NULL) {
		GK_TRY(gk_buf_puts(body, ",\"channel\":", err));
		GK_TRY(canon_string(target->channel, body, err));
	}
	GK_TRY(gk_buf_puts(body, ",\"text\":", err));
	GK_TRY(canon_string(gk_buf_text(&text), body, err));
	return gk_buf_puts(
	    body, ",\"unfurl_links\":false,\"unfurl_media\":false}", err);
}

/* A bot's call is answered 200 in any case: its body says whether it was good. */
static enum gk_rc
judge_bot(const struct gk_buf *said, struct gk_err *err)
{
	const struct json_limits limits = {ANSWER_CAP, 32, 10000};
	GK_AUTO(json_freep) struct json_value *json = NULL;
	const char *why;

	if (json_parse(gk_buf_text(said), said->len, &limits, &json, NULL) !=
	    GK_OK) {
		return GK_FAIL(err, GK_E_IO, "Slack's answer isn't JSON");
	}
	if (json_bool(json_get(json, "ok"))) {
		return GK_OK;
	}
	why = json_string(json_get(json, "error"));
	return GK_FAIL(err, GK_E_IO, "Slack says %.80s",
	    why != NULL ? why : "nothing good");
}

static enum gk_rc
post(struct courier *courier, const char *url, const char *token,
    const struct gk_buf *body, int64_t *ret_wait_us, struct gk_err *err)
{
	static const struct out_header type = {
	    "Content-Type", "application/json; charset=utf-8"};
	GK_AUTO(gk_buf_done) struct gk_buf said = GK_BUF_INIT(ANSWER_CAP);
	const struct out_request request = {.url = url,
	    .token = token,
	    .headers = &type,
	    .header_count = 1,
	    .body = gk_buf_text(body),
	    .body_n = body->len};
	struct out_answer answer = {0};
	enum gk_rc rc = out_send(courier->out, &request, &answer, &said, err);

	if (rc != GK_OK) { /* an incoming webhook's URL is a secret */
		char *at = strstr(err->text, url);

		if (at != NULL && courier->target->url_file != NULL) {
			(void)GK_FAIL(err, rc, "Slack can't be reached%s",
			    rc == GK_E_INVALID
				? ": its address isn't one of the public "
				  "Internet"
				: "");
		}
		return rc;
	}
	*ret_wait_us = (int64_t)answer.retry_after_s * GK_US_PER_S;
	if (answer.status < 200 || answer.status >= 300) {
		return GK_FAIL(
		    err, GK_E_IO, "Slack answered %d", answer.status);
	}
	return token != NULL ? judge_bot(&said, err) : GK_OK;
}

enum gk_rc
slack__send(struct courier *courier, const struct message *message,
    int64_t *ret_wait_us, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf body = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	const struct notify_target *target = courier->target;
	char url[NOTIFY_SECRET_BYTES], token[NOTIFY_SECRET_BYTES];
	bool bot = target->token_file != NULL;
	enum gk_rc rc;

	if (bot && target->url == NULL && target->url_file == NULL) {
		memcpy(url, api, sizeof(api));
	} else {
		GK_TRY(notify__url(target, url, err));
	}
	if (bot) {
		GK_TRY(notify__read_line(target->token_file, token, err));
	}
	GK_TRY(print_body(courier, message, &body, err));
	rc = post(courier, url, bot ? token : NULL, &body, ret_wait_us, err);
	digest_wipe(token, sizeof(token));
	return rc;
}

/* ---- what a button came to ---- */

/* The scheme, host and port of a URL. */
static size_t
origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL
		   ? 0
		   : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

/* May an answer go there: to Slack, or to where this target's messages go? */
bool
slack__reply_ok(const struct notify_target *target, const char *url)
{
	char own[NOTIFY_SECRET_BYTES];
	size_t n;

	if (url[strcspn(url, " \t\r\n\\@")] != '\0') {
		return false;
	}
	if (strncmp(url, hooks, strlen(hooks)) == 0) {
		return true;
	}
	if ((target->url == NULL && target->url_file == NULL) ||
	    notify__url(target, own, NULL) != GK_OK) {
		return false;
	}
	n = origin_length(own);
	return n > 0 && n == origin_length(url) && memcmp(own, url, n) == 0;
}

/* To the one person who pressed it; the message stays, others may have to vote, too. */
enum gk_rc
slack__reply(
    struct courier *courier, const struct reply *reply, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf body = GK_BUF_INIT(16u << 10);
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(8u << 10);
	int64_t wait;

	GK_TRY(escape_add(
	    ESCAPE_MRKDWN, reply->text, strlen(reply->text), &text, err));
	GK_TRY(gk_buf_puts(&body,
	    "{\"replace_original\":false,\"response_type\":\"ephemeral\","
	    "\"text\":",
	    err));
	GK_TRY(canon_string(gk_buf_text(&text), &body, err));
	GK_TRY(gk_buf_puts(&body, "}", err));
	return post(courier, reply->url, NULL, &body, &wait, err);
}
