/*
 * Webhooks as https://www.standardwebhooks.com has them: webhook-id,
 * webhook-timestamp and webhook-signature, "v1," and the base64 of
 * HMAC-SHA-256 over id "." timestamp "." body.  While a secret is being
 * replaced there are two, and the header has a signature under each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "model/entry.h"
#include "out/notify_internal.h"
#include "out/out.h"

enum {
	ANSWER_CAP = 1 << 20,
	SECRET_MIN = 16,
	SECRET_MAX = 128,
	SIGNATURES_CAP = 1024,
};

static const char prefix[] = "whsec_";

enum gk_rc
webhook__sign(const char *secret, const char *id, const char *timestamp,
    const char *body, size_t n, struct gk_buf *buf, struct gk_err *err)
{
	const struct digest_part parts[] = {{id, strlen(id)}, {".", 1},
	    {timestamp, strlen(timestamp)}, {".", 1}, {body, n}};
	const char *b64 = secret + strlen(prefix);
	uint8_t key[SECRET_MAX];
	char text[DIGEST_B64];
	struct digest mac;
	size_t key_n;

	if (strncmp(secret, prefix, strlen(prefix)) != 0 ||
	    !digest_from_b64(b64, strlen(b64), key, sizeof(key), &key_n) ||
	    key_n < SECRET_MIN) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a secret is whsec_ and the base64 of %d to %d bytes",
		    SECRET_MIN, SECRET_MAX);
	}
	digest_hmac_key(key, key_n, parts, GK_COUNT(parts), &mac);
	digest_wipe(key, sizeof(key));
	(void)digest_b64(mac.bytes, sizeof(mac.bytes), text);
	return gk_buf_printf(
	    buf, err, "%sv1,%s", buf->len > 0 ? " " : "", text);
}

static enum gk_rc
sign(const struct notify_target *target, const char *id, const char *timestamp,
    const struct gk_buf *body, struct gk_buf *buf, struct gk_err *err)
{
	char secret[NOTIFY_SECRET_BYTES];
	enum gk_rc rc = GK_OK;

	for (size_t i = 0; i < target->secret_count && rc == GK_OK; i++) {
		rc = notify__read_line(target->secret_files[i], secret, err);
		if (rc == GK_OK) {
			rc = webhook__sign(secret, id, timestamp,
			    gk_buf_text(body), body->len, buf, err);
		}
		if (rc == GK_E_INVALID) {
			gk_err_context(err, "%s", target->secret_files[i]);
		}
	}
	digest_wipe(secret, sizeof(secret));
	return rc;
}

/* ---- the body ---- */

/* "decision.approval_required", "result.unreported", "violation" … */
static enum gk_rc
print_type(const struct notice *notice, struct gk_buf *buf, struct gk_err *err)
{
	enum notice_field field = NOTICE_CHANGE;

	GK_TRY(notice_print(notice, NOTICE_KIND, buf, err));
	if (strcmp(gk_buf_text(buf), "decision") == 0) {
		field = NOTICE_DECISION;
	} else if (strcmp(gk_buf_text(buf), "gap") == 0) {
		field = NOTICE_GAP;
	}
	if (notice_has(notice, field)) {
		GK_TRY(gk_buf_putc(buf, '.', err));
		GK_TRY(notice_print(notice, field, buf, err));
	}
	return GK_OK;
}

/* Append "name": and a string. */
static enum gk_rc
add_text(
    const char *name, const char *text, struct gk_buf *body, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(body, err, "\"%s\":", name));
	return canon_string(text, body, err);
}

static enum gk_rc
print_data(const struct courier *courier, const struct message *message,
    struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	const struct notice *notice = &message->notice;

	GK_TRY(notify__print_text(courier, message, ESCAPE_PLAIN, &text, err));
	GK_TRY(gk_buf_puts(body, "{", err));
	if (notice->n > 0) {
		GK_TRY(add_text(
		    "alert", alert_words[notice_alert(notice)], body, err));
		GK_TRY(gk_buf_puts(body, ",\"event\":", err));
		GK_TRY(gk_buf_add(body, notice->row, notice->n, err));
		GK_TRY(gk_buf_puts(body, ",", err));
	}
	if (message->link[0] != '\0') {
		GK_TRY(add_text("link", message->link, body, err));
		GK_TRY(gk_buf_puts(body, ",", err));
	}
	GK_TRY(add_text("log", courier->options->origin, body, err));
	GK_TRY(gk_buf_puts(body, ",", err));
	GK_TRY(add_text("text", gk_buf_text(&text), body, err));
	return gk_buf_puts(body, "}", err);
}

static enum gk_rc
print_body(const struct courier *courier, const struct message *message,
    struct gk_buf *body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf type = GK_BUF_INIT(256);
	GK_AUTO(gk_buf_done) struct gk_buf when = GK_BUF_INIT(64);
	char now[GK_TIME_TEXT_BYTES];

	if (message->notice.n > 0) {
		GK_TRY(print_type(&message->notice, &type, err));
		GK_TRY(notice_print(&message->notice, NOTICE_TIME, &when, err));
	} else {
		gk_time_print(tail_now(courier->gate), now);
		GK_TRY(gk_buf_puts(&type, "test", err));
		GK_TRY(gk_buf_puts(&when, now, err));
	}
	GK_TRY(gk_buf_puts(body, "{\"data\":", err));
	GK_TRY(print_data(courier, message, body, err));
	GK_TRY(gk_buf_puts(body, ",", err));
	GK_TRY(add_text("timestamp", gk_buf_text(&when), body, err));
	GK_TRY(gk_buf_puts(body, ",", err));
	GK_TRY(add_text("type", gk_buf_text(&type), body, err));
	return gk_buf_puts(body, "}", err);
}

enum gk_rc
webhook__send(struct courier *courier, const struct message *message,
    int64_t *ret_wait_us, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf body = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	GK_AUTO(gk_buf_done)
	struct gk_buf signatures = GK_BUF_INIT(SIGNATURES_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf said = GK_BUF_INIT(ANSWER_CAP);
	char url[NOTIFY_SECRET_BYTES], timestamp[24], agent[64];
	struct out_header headers[] = {
	    {"Content-Type", "application/json"},
	    {"User-Agent", agent},
	    {"webhook-id", message->id},
	    {"webhook-timestamp", timestamp},
	    {"webhook-signature", NULL},
	};
	struct out_request request = {
	    .url = url, .headers = headers, .header_count = GK_COUNT(headers)};
	struct out_answer answer = {0};

	/* receivers compare it with the wall's clock */
	(void)snprintf(
	    timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
	(void)snprintf(agent, sizeof(agent), "gatekeeper/%.40s",
	    courier->options->version);
	GK_TRY(notify__url(courier->target, url, err));
	GK_TRY(print_body(courier, message, &body, err));
	GK_TRY(sign(
	    courier->target, message->id, timestamp, &body, &signatures, err));
	headers[4].value = gk_buf_text(&signatures);
	request.body = gk_buf_text(&body);
	request.body_n = body.len;
	GK_TRY(out_send(courier->out, &request, &answer, &said, err));
	if (answer.status >= 200 && answer.status < 300) {
		return GK_OK;
	}
	*ret_wait_us = (int64_t)answer.retry_after_s * GK_US_PER_S;
	return GK_FAIL(err, GK_E_IO, "the receiver answered %d%s",
	    answer.status,
	    answer.status >= 300 && answer.status < 400
		? "; redirects aren't followed"
		: "");
}
