#ifndef GK_FORMAT_FORMAT_H
#define GK_FORMAT_FORMAT_H
/* The format room's door: events in the formats that other people's tools read. */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* docs/export.md says what stands where. */
enum format {
	FORMAT_NONE = 0,
	FORMAT_JSONL,       /* the event as the API gives it, one a line */
	FORMAT_CSV,         /* RFC 4180, a header row, CRLF */
	FORMAT_CLOUDEVENTS, /* CloudEvents 1.0, JSON, one a line */
	FORMAT_OCSF,        /* OCSF 1.6 API Activity, one a line */
	FORMAT_CEF,         /* ArcSight Common Event Format, one a line */
	FORMAT_AAT, /* draft-sharif-agent-audit-trail-06, a chain per run */
	FORMAT_COUNT,
};
extern const char *const format_words[FORMAT_COUNT]; /* NULL at 0 */

/* FORMAT_NONE when there is no such word. */
enum format format_find(const char *word);

/* "text/csv; charset=utf-8" …; static. */
const char *format_media_type(enum format format);

struct format_options {
	enum format format;
	const char *origin;  /* the log's name */
	const char *version; /* of gatekeeper */
};

/*
 * A stream of events in one format.  One thread at a time.  FORMAT_AAT chains
 * each record to the one before it of the same run; the chains begin with the
 * stream.
 */
struct format_stream;

/* Copies the options.  Gives *ret_stream.  Errors: GK_E_NOMEM. */
enum gk_rc format_new(const struct format_options *options,
    struct format_stream **ret_stream, struct gk_err *err) GK_MUST_USE;
void format_free(struct format_stream *stream);
void format_freep(struct format_stream **stream);

/* Append what stands before the first event: the CSV's header row, else nothing. */
enum gk_rc format_print_head(struct format_stream *stream, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/*
 * Append one event, with its line end (an AAT event may be two lines).  row is
 * a canonical object: the event's bytes, or those with leaf_hash and opened.
 * On error buf may hold a part.
 * Errors: GK_E_INVALID (row isn't an event), GK_E_LIMIT (buf's cap), GK_E_NOMEM.
 */
enum gk_rc format_print(struct format_stream *stream, const char *row, size_t n,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* What the last event that was printed is, for who wraps its lines. */
struct format_facts {
	int64_t timestamp_us;
	int severity;     /* OCSF's: 1 informational, 2 low, 3 medium, 4 high */
	const char *kind; /* static */
};
void format_last(const struct format_stream *stream, struct format_facts *ret);

#endif
