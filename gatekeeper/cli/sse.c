/* Chunks out of an answer, lines out of chunks, events out of lines (HTML, "Server-sent events"). */
#include <string.h>

#include "cli/response.h"
#include "cli/sse.h"

enum { SIZE_LINE_MAX = 64 };

struct feed {
	struct sse *sse;
	enum gk_rc (*each)(
	    void *ctx, const struct sse_event *event, struct gk_err *err);
	void *ctx;
};

void
sse_init(struct sse *sse)
{
	memset(sse, 0, sizeof(*sse));
	sse->head.cap = RESPONSE_HEAD_MAX;
	sse->line.cap = SSE_DATA_MAX;
	sse->data.cap = SSE_DATA_MAX;
	sse->other.cap = SSE_OTHER_MAX;
}

void
sse_done(struct sse *sse)
{
	gk_buf_done(&sse->head);
	gk_buf_done(&sse->line);
	gk_buf_done(&sse->data);
	gk_buf_done(&sse->other);
}

/* ---- lines ---- */

static bool
is_field(const char *line, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(line, name, n) == 0;
}

/* Copy what fits; what doesn't is no name and no id of ours. */
static void
keep(char *to, size_t room, const char *value, size_t n)
{
	if (n < room) {
		memcpy(to, value, n);
		to[n] = '\0';
	}
}

static enum gk_rc
dispatch(struct feed *feed, struct gk_err *err)
{
	struct sse *sse = feed->sse;
	struct sse_event event = {
	    .name = sse->name[0] == '\0' ? "message" : sse->name,
	    .id = sse->id};
	enum gk_rc rc = GK_OK;

	if (sse->data.len > 0) {
		event.data = gk_buf_text(&sse->data);
		event.n = sse->data.len;
		rc = feed->each(feed->ctx, &event, err);
	}
	gk_buf_clear(&sse->data);
	sse->name[0] = '\0';
	return rc;
}

static enum gk_rc
take_line(struct feed *feed, struct gk_err *err)
{
	struct sse *sse = feed->sse;
	const char *line = gk_buf_text(&sse->line), *value;
	const char *colon = memchr(line, ':', sse->line.len);
	size_t n = colon == NULL ? sse->line.len : (size_t)(colon - line);
	size_t value_n;

	if (sse->line.len == 0) {
		return dispatch(feed, err);
	}
	value = colon == NULL ? line + n : colon + 1;
	value += *value == ' ';
	value_n = sse->line.len - (size_t)(value - line);
	if (is_field(line, n, "id")) {
		keep(sse->id, sizeof(sse->id), value, value_n);
	} else if (is_field(line, n, "event")) {
		keep(sse->name, sizeof(sse->name), value, value_n);
	} else if (is_field(line, n, "data")) {
		if (sse->data.len > 0) {
			GK_TRY(gk_buf_putc(&sse->data, '\n', err));
		}
		return gk_buf_add(&sse->data, value, value_n, err);
	}
	return GK_OK; /* a comment, or what later versions may say */
}

static enum gk_rc
take_text(struct feed *feed, const char *bytes, size_t n, struct gk_err *err)
{
	struct sse *sse = feed->sse;

	if (sse->status != 200) {
		return gk_buf_add(&sse->other, bytes, n, err);
	}
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t piece = end == NULL ? n : (size_t)(end - bytes);

		GK_TRY(gk_buf_add(&sse->line, bytes, piece, err));
		if (end == NULL) {
			return GK_OK;
		}
		GK_TRY(take_line(feed, err));
		gk_buf_clear(&sse->line);
		bytes += piece + 1;
		n -= piece + 1;
	}
	return GK_OK;
}

/* ---- chunks ---- */

static enum gk_rc
bad(const char *what, struct gk_err *err)
{
	return GK_FAIL(
	    err, GK_E_INVALID, "the server's stream is broken: %s", what);
}

/* One byte of the header; its end says how the body comes. */
static enum gk_rc
take_head(struct sse *sse, char c, struct gk_err *err)
{
	size_t n;

	GK_TRY(gk_buf_putc(&sse->head, c, err));
	n = sse->head.len;
	if (n < 4 || memcmp(sse->head.bytes + n - 4, "\r\n\r\n", 4) != 0) {
		return GK_OK;
	}
	GK_TRY(response_head(
	    sse->head.bytes, n, &sse->status, &sse->chunked, err));
	gk_buf_clear(&sse->head);
	if (sse->status >= 200) { /* else another one follows */
		sse->state = sse->chunked ? SSE_SIZE : SSE_PLAIN;
	}
	return GK_OK;
}

static enum gk_rc
take_size(struct sse *sse, char c, struct gk_err *err)
{
	size_t n;

	GK_TRY(gk_buf_putc(&sse->head, c, err));
	n = sse->head.len;
	if (n > SIZE_LINE_MAX) {
		return bad("a chunk's size", err);
	}
	if (n < 2 || memcmp(sse->head.bytes + n - 2, "\r\n", 2) != 0) {
		return GK_OK;
	}
	if (!response_chunk(sse->head.bytes, n - 2, &sse->left)) {
		return bad("a chunk's size", err);
	}
	gk_buf_clear(&sse->head);
	sse->state = sse->left == 0 ? SSE_TRAILER : SSE_BYTES;
	return GK_OK;
}

/* Two bytes between chunks; behind the last one lines up to an empty one. */
static enum gk_rc
take_after(struct sse *sse, char c, struct gk_err *err)
{
	size_t n;

	GK_TRY(gk_buf_putc(&sse->head, c, err));
	n = sse->head.len;
	if (n < 2 || memcmp(sse->head.bytes + n - 2, "\r\n", 2) != 0) {
		return sse->state == SSE_AFTER && n >= 2
			   ? bad("a chunk's end", err)
			   : GK_OK;
	}
	gk_buf_clear(&sse->head);
	if (sse->state == SSE_AFTER) {
		sse->state = SSE_SIZE;
	} else if (n == 2) {
		sse->state = SSE_END;
	}
	return GK_OK;
}

static enum gk_rc
take_byte(struct sse *sse, char c, struct gk_err *err)
{
	switch (sse->state) {
	case SSE_HEAD:
		return take_head(sse, c, err);
	case SSE_SIZE:
		return take_size(sse, c, err);
	case SSE_AFTER:
	case SSE_TRAILER:
		return take_after(sse, c, err);
	case SSE_BYTES:
	case SSE_PLAIN:
	case SSE_END:
		break;
	}
	return GK_OK; /* behind the end nothing counts */
}

enum gk_rc
sse_feed(struct sse *sse, const char *bytes, size_t n,
    enum gk_rc (*each)(
	void *ctx, const struct sse_event *event, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	struct feed feed = {sse, each, ctx};

	while (n > 0) {
		size_t piece = 1;

		if (sse->state == SSE_PLAIN) {
			return take_text(&feed, bytes, n, err);
		}
		if (sse->state == SSE_BYTES) {
			piece = n < sse->left ? n : sse->left;
			GK_TRY(take_text(&feed, bytes, piece, err));
			sse->left -= piece;
			sse->state = sse->left == 0 ? SSE_AFTER : SSE_BYTES;
		} else {
			GK_TRY(take_byte(sse, *bytes, err));
		}
		bytes += piece;
		n -= piece;
	}
	return GK_OK;
}
