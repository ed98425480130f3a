/*
 * Lines of JSON as events, printed in every format: what decodes prints, the JSON
 * formats give strict JSON in canonical form a line, CEF gives one line, and
 * CSV as many cells a row as its head has.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "codec/digest.h"
#include "format/format.h"
#include "model/event.h"

enum { EVENTS_MAX = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line read by the table of events becomes canonical bytes; false: no event. */
static bool
read_event(const char *bytes, size_t n, struct gk_buf *buf)
{
	static const struct json_limits limits = {65535, 8, 4096};
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(64 << 20);
	struct event *event = gk_arena_alloc(&arena, event_type.size);

	GK_ASSERT(event != NULL);
	gk_buf_clear(buf);
	return json_parse(bytes, n, &limits, &json, NULL) == GK_OK &&
	       record_decode(&event_type, json, &arena, event, NULL) == GK_OK &&
	       event_encode(event, buf, NULL) == GK_OK;
}

static void
check_json(const char *text, size_t n, bool canonical)
{
	static const struct json_limits limits = {1 << 20, 16, 8192};
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(1 << 20);

	GK_ASSERT(json_parse(text, n, &limits, &json, NULL) == GK_OK);
	GK_ASSERT(canon_print(json, &again, NULL) == GK_OK);
	GK_ASSERT(!canonical ||
		  (again.len == n && memcmp(again.bytes, text, n) == 0));
}

/* Commas and row ends outside of quotes. */
static void
check_csv(const char *text, size_t n)
{
	size_t cells = 0, most = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		quoted ^= text[i] == '"';
		cells += !quoted && text[i] == ',';
		if (!quoted && text[i] == '\n') {
			GK_ASSERT(i > 0 && text[i - 1] == '\r');
			most = most == 0 ? cells : most;
			GK_ASSERT(cells == most);
			cells = 0;
		}
	}
	GK_ASSERT(!quoted);
}

static void
check(enum format format, const struct gk_buf *buf, size_t events)
{
	const char *at = gk_buf_text(buf), *end = at + buf->len;
	size_t lines = 0;

	if (format == FORMAT_CSV) {
		check_csv(at, buf->len);
		return;
	}
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		GK_ASSERT(stop != NULL);
		if (format == FORMAT_CEF) {
			GK_ASSERT(strncmp(at, "CEF:0|", 6) == 0);
		} else {
			check_json(
			    at, (size_t)(stop - at), format != FORMAT_OCSF);
		}
		at = stop + 1;
		lines++;
	}
	GK_ASSERT(format == FORMAT_AAT ? lines >= events : lines == events);
}

static void
print_all(enum format format, const char *at, const char *end)
{
	const struct format_options options = {format, "fuzz|=\\\"", "0"};
	GK_AUTO(format_freep) struct format_stream *stream = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf row = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf out = GK_BUF_INIT(64 << 20);
	size_t events = 0;

	GK_ASSERT(format_new(&options, &stream, NULL) == GK_OK);
	GK_ASSERT(format_print_head(stream, &out, NULL) == GK_OK);
	while (at < end && events < EVENTS_MAX) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop == NULL ? end : stop;
		if (read_event(at, (size_t)(stop - at), &row)) {
			GK_ASSERT(format_print(stream, gk_buf_text(&row),
				      row.len, &out, NULL) == GK_OK);
			events++;
		} else {
			/* as it came: refused, or taken where it is one */
			size_t before = out.len;

			if (format_print(stream, at, (size_t)(stop - at), &out,
				NULL) != GK_OK) {
				out.len = before;
			} else {
				events++;
			}
		}
		at = stop + 1;
	}
	check(format, &out, events);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 1 << 17 || digest_init(NULL) != GK_OK) {
		return 0;
	}
	for (int i = FORMAT_NONE + 1; i < FORMAT_COUNT; i++) {
		print_all((enum format)i, (const char *)data,
		    (const char *)data + size);
	}
	return 0;
}
