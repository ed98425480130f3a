/*
 * Shipping to an HTTPS endpoint: a POST a batch, as NDJSON (or as a batch of
 * CloudEvents, or CSV).  Any 2xx is an acknowledgement of the whole batch;
 * anything else, and no answer, brings the same batch again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "out/out.h"
#include "out/ship_internal.h"

enum {
	CONNECT_MS = 5000,
	TOTAL_MS = 30000,
	ANSWER_CAP = 1 << 20,
	TOKEN_BYTES = 4096,
	BODY_CAP = SHIP_PAGE_CAP + (1 << 16),
};

struct https {
	struct out *out;
	struct gk_buf body;
};

static void
https_close(void *inside)
{
	struct https *https = inside;

	out_close(https->out);
	gk_buf_done(&https->body);
	free(https);
}

static enum gk_rc
https_open(struct target *target, void **ret_inside, struct gk_err *err)
{
	const struct out_options options = {
	    .ca_file = target->options->https_ca_file,
	    .connect_ms = CONNECT_MS,
	    .total_ms = TOTAL_MS,
	};
	struct https *https = calloc(1, sizeof(*https));
	enum gk_rc rc;

	if (https == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a connection");
	}
	https->body.cap = BODY_CAP;
	rc = out_open(&options, &https->out, err);
	if (rc != GK_OK) {
		https_close(https);
		return rc;
	}
	*ret_inside = https;
	return GK_OK;
}

static void
https_reopen(void *inside)
{
	(void)
	    inside; /* connections are looked after by the room, the token is read each time */
}

static void
https_interrupt(void *inside)
{
	struct https *https = inside;

	out_stop(https->out);
}

/* The first line of the token's file; false: told in err. */
static enum gk_rc
read_token(const struct target *target, char ret_token[TOKEN_BYTES],
    struct gk_err *err)
{
	const char *path = target->options->https_token_file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret_token, TOKEN_BYTES - 1) : -1;

	if (n < 0) {
		(void)GK_FAIL(
		    err, GK_E_IO, "%s: %s", path, strerrordesc_np(errno));
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	if (n < 0) {
		return GK_E_IO;
	}
	ret_token[n] = '\0';
	ret_token[strcspn(ret_token, " \t\r\n")] = '\0';
	return ret_token[0] != '\0'
		   ? GK_OK
		   : GK_FAIL(err, GK_E_IO, "%s: no token in it", path);
}

static const char *
media_type(const struct target *target)
{
	return target->format == FORMAT_CLOUDEVENTS
		   ? "application/cloudevents-batch+json; charset=utf-8"
		   : format_media_type(target->format);
}

/* CloudEvents in batched mode are one JSON array; all else is lines. */
static enum gk_rc
print_body(struct target *target, struct https *https,
    const struct ship_batch *batch, struct gk_err *err)
{
	struct gk_buf *body = &https->body;

	gk_buf_clear(body);
	if (target->format != FORMAT_CLOUDEVENTS) {
		GK_TRY(format_print_head(target->stream, body, err));
		return gk_buf_add(
		    body, gk_buf_text(&batch->bytes), batch->bytes.len, err);
	}
	for (size_t i = 0; i < batch->count; i++) {
		const struct ship_piece *piece = &batch->pieces[i];

		GK_TRY(gk_buf_putc(body, i == 0 ? '[' : ',', err));
		GK_TRY(gk_buf_add(
		    body, batch->bytes.bytes + piece->at, piece->n - 1, err));
	}
	return gk_buf_putc(body, ']', err);
}

static enum gk_rc
judge(const struct out_answer *answer, int64_t *ret_wait_us, struct gk_err *err)
{
	if (answer->status >= 200 && answer->status < 300) {
		return GK_OK;
	}
	*ret_wait_us = (int64_t)answer->retry_after_s * GK_US_PER_S;
	return GK_FAIL(err, GK_E_IO, "the endpoint answered %d%s",
	    answer->status,
	    answer->status == 413 ? "; make export.batch smaller" : "");
}

static enum gk_rc
https_send(struct target *target, void *inside, const struct ship_batch *batch,
    int64_t *ret_wait_us, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf said = GK_BUF_INIT(ANSWER_CAP);
	struct https *https = inside;
	char token[TOKEN_BYTES], range[64], key[320];
	const struct out_header headers[] = {
	    {"Content-Type", media_type(target)},
	    {"Gatekeeper-Log", target->options->origin},
	    {"Gatekeeper-Seq", range},
	    {"Idempotency-Key", key},
	};
	struct out_request request = {
	    .url = target->options->https_url,
	    .headers = headers,
	    .header_count = GK_COUNT(headers),
	};
	struct out_answer answer = {0};

	(void)snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64,
	    batch->first, batch->next - 1);
	(void)snprintf(
	    key, sizeof(key), "\"%.200s/%s\"", target->options->origin, range);
	if (target->options->https_token_file != NULL) {
		GK_TRY(read_token(target, token, err));
		request.token = token;
	}
	GK_TRY(print_body(target, https, batch, err));
	request.body = https->body.bytes;
	request.body_n = https->body.len;
	GK_TRY(out_send(https->out, &request, &answer, &said, err));
	return judge(&answer, ret_wait_us, err);
}

bool
ship_https_ok(const char *url)
{
	size_t n = strlen(url);

	return strncmp(url, "https://", 8) == 0 && n > 8 && n <= 2000 &&
	       url[8] != '/' && strspn(url, " ") == 0 &&
	       strcspn(url, " \t\r\n\"<>\\^`{|}") == n;
}

const struct door door_https = {
    .name = "https",
    .open = https_open,
    .send = https_send,
    .reopen = https_reopen,
    .interrupt = https_interrupt,
    .close = https_close,
};
