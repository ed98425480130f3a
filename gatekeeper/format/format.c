/* Streams of events: a row is decoded, and printed by its format. */
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "format/format_internal.h"
#include "model/entry.h"

enum { ARENA_CAP = 8 << 20, KEPT_CAP = 4096, OPENED_CAP = 1 << 20 };

const char *const format_words[FORMAT_COUNT] = {
    [FORMAT_JSONL] = "jsonl",
    [FORMAT_CSV] = "csv",
    [FORMAT_CLOUDEVENTS] = "cloudevents",
    [FORMAT_OCSF] = "ocsf",
    [FORMAT_CEF] = "cef",
    [FORMAT_AAT] = "aat",
};

enum format
format_find(const char *word)
{
	for (int i = FORMAT_NONE + 1; i < FORMAT_COUNT; i++) {
		if (strcmp(format_words[i], word) == 0) {
			return (enum format)i;
		}
	}
	return FORMAT_NONE;
}

const char *
format_media_type(enum format format)
{
	switch (format) {
	case FORMAT_CSV:
		return "text/csv; charset=utf-8; header=present";
	case FORMAT_CEF:
		return "text/plain; charset=utf-8";
	case FORMAT_NONE:
	case FORMAT_JSONL:
	case FORMAT_CLOUDEVENTS:
	case FORMAT_OCSF:
	case FORMAT_AAT:
	case FORMAT_COUNT:
		break;
	}
	return "application/x-ndjson";
}

enum gk_rc
format_new(const struct format_options *options,
    struct format_stream **ret_stream, struct gk_err *err)
{
	GK_AUTO(format_freep)
	struct format_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a format");
	}
	stream->arena.cap = ARENA_CAP;
	stream->kept.cap = KEPT_CAP;
	stream->bytes.cap = EVENT_BYTES_MAX;
	stream->options.format = options->format;
	stream->options.origin =
	    gk_arena_strdup(&stream->kept, options->origin);
	stream->options.version =
	    gk_arena_strdup(&stream->kept, options->version);
	if (stream->options.origin == NULL || stream->options.version == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a format");
	}
	if (options->format == FORMAT_AAT) {
		GK_TRY(chains_new(&stream->chains, err));
	}
	*ret_stream = GK_TAKE(stream);
	return GK_OK;
}

void
format_free(struct format_stream *stream)
{
	if (stream != NULL) {
		chains_free(stream->chains);
		gk_buf_done(&stream->bytes);
		gk_arena_done(&stream->kept);
		gk_arena_done(&stream->arena);
		free(stream);
	}
}

void
format_freep(struct format_stream **stream)
{
	format_free(*stream);
	*stream = NULL;
}

enum gk_rc
format_print_head(
    struct format_stream *stream, struct gk_buf *buf, struct gk_err *err)
{
	return stream->options.format == FORMAT_CSV ? csv_print_head(buf, err)
						    : GK_OK;
}

/* The row without what the API has added to the event. */
static enum gk_rc
strip(
    struct format_stream *stream, const char *row, size_t n, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf some = GK_BUF_INIT(n + 1);

	gk_buf_clear(&stream->bytes);
	GK_TRY(entry_remove(row, n, "leaf_hash", &some, err));
	return entry_remove(
	    gk_buf_text(&some), some.len, "opened", &stream->bytes, err);
}

static bool
is_leaf_hash(const struct entry_text *text)
{
	uint8_t bytes[DIGEST_BYTES];
	char hex[DIGEST_HEX] = "";
	size_t n;

	if (text->n != DIGEST_HEX + 1 || text->at[0] != '"' ||
	    text->at[text->n - 1] != '"') {
		return false;
	}
	memcpy(hex, text->at + 1, DIGEST_HEX - 1);
	return digest_from_hex(hex, bytes, sizeof(bytes), &n) &&
	       n == sizeof(bytes);
}

static bool
is_canonical_object(const struct entry_text *text)
{
	static const struct json_limits limits = {OPENED_CAP, 64, 10000};
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(OPENED_CAP);

	return json_parse(text->at, text->n, &limits, &json, NULL) == GK_OK &&
	       json_type(json) == JSON_OBJECT &&
	       canon_print(json, &again, NULL) == GK_OK &&
	       again.len == text->n &&
	       memcmp(again.bytes, text->at, text->n) == 0;
}

/* What was added is well formed, and stands where it belongs: some formats hand the row on as it is. */
static enum gk_rc
check_added(
    struct format_stream *stream, const char *row, size_t n, struct gk_err *err)
{
	const struct entry_text leaf = entry_get(row, n, "leaf_hash"),
				opened = entry_get(row, n, "opened");
	GK_AUTO(gk_buf_done) struct gk_buf one = GK_BUF_INIT(n + 1);
	GK_AUTO(gk_buf_done) struct gk_buf two = GK_BUF_INIT(n + 1);
	const struct gk_buf *whole = &stream->bytes;

	if ((leaf.at != NULL && !is_leaf_hash(&leaf)) ||
	    (opened.at != NULL && !is_canonical_object(&opened))) {
		return GK_FAIL(err, GK_E_INVALID,
		    "leaf_hash or opened isn't what it should be");
	}
	if (leaf.at != NULL) {
		GK_TRY(entry_insert(gk_buf_text(whole), whole->len, "leaf_hash",
		    leaf.at, leaf.n, &one, err));
		whole = &one;
	}
	if (opened.at != NULL) {
		GK_TRY(entry_insert(gk_buf_text(whole), whole->len, "opened",
		    opened.at, opened.n, &two, err));
		whole = &two;
	}
	return whole->len == n && memcmp(gk_buf_text(whole), row, n) == 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID, "not in canonical form");
}

static enum gk_rc
print_item(const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	switch (item->stream->options.format) {
	case FORMAT_CSV:
		return csv_print(item, buf, err);
	case FORMAT_CLOUDEVENTS:
		return cloudevents_print(item, buf, err);
	case FORMAT_OCSF:
		return ocsf_print(item, buf, err);
	case FORMAT_CEF:
		return cef_print(item, buf, err);
	case FORMAT_AAT:
		return aat_print(item, buf, err);
	case FORMAT_NONE:
	case FORMAT_JSONL:
	case FORMAT_COUNT:
		break;
	}
	GK_TRY(gk_buf_add(buf, item->row, item->row_n, err));
	return gk_buf_putc(buf, '\n', err);
}

enum gk_rc
format_print(struct format_stream *stream, const char *row, size_t n,
    struct gk_buf *buf, struct gk_err *err)
{
	struct event event = {0};
	struct item item = {
	    .stream = stream, .event = &event, .row = row, .row_n = n};

	gk_arena_clear(&stream->arena);
	GK_TRY(strip(stream, row, n, err));
	GK_TRY(event_decode(gk_buf_text(&stream->bytes), stream->bytes.len,
	    &stream->arena, &event, err));
	GK_TRY(check_added(stream, row, n, err));
	item.leaf_hash = entry_dup(row, n, "leaf_hash", &stream->arena);
	gk_time_print(event.timestamp_us, item.time);
	stream->last = (struct format_facts){event.timestamp_us,
	    (int)meaning_severity(&event),
	    meaning_word(event_kind_words, EVENT_KIND_COUNT, event.kind)};
	return print_item(&item, buf, err);
}

void
format_last(const struct format_stream *stream, struct format_facts *ret)
{
	*ret = stream->last;
}
