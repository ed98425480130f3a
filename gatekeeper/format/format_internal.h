#ifndef GK_FORMAT_FORMAT_INTERNAL_H
#define GK_FORMAT_FORMAT_INTERNAL_H
/* What the files of the format room share: one event to print, what it means, and a writer of JSON. */

#include <stdbool.h>

#include "base/time.h"
#include "codec/digest.h"
#include "format/format.h"
#include "model/event.h"

/* "gatekeeper's own words" for what isn't an agent's. */
#define FORMAT_PRODUCT "gatekeeper"

struct chains;

struct format_stream {
	struct gk_arena arena; /* of one event */
	struct gk_arena kept;  /* of the options */
	struct format_options options;
	struct gk_buf bytes;   /* the event as it is in the log */
	struct chains *chains; /* FORMAT_AAT; else NULL */
	struct format_facts last;
};

/* One event on its way out. */
struct item {
	const struct format_stream *stream;
	const struct event *event;
	const char *row; /* as the API gives it */
	size_t row_n;
	const char *leaf_hash; /* hex; NULL: not known */
	char time[GK_TIME_TEXT_BYTES];
};

/* ---- meaning.c: what an event means to who doesn't know gatekeeper ---- */

/* OCSF's scale; CEF's is derived. */
enum severity {
	SEVERITY_UNKNOWN = 0,
	SEVERITY_INFORMATIONAL,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_COUNT,
};
enum outcome {
	OUTCOME_UNKNOWN = 0,
	OUTCOME_SUCCESS,
	OUTCOME_FAILURE,
	OUTCOME_COUNT,
};

#define MEANING_CODE_BYTES 48
/* "decision.allow", "approval.granted", "boot": kind, and what distinguishes it. */
void meaning_code(const struct event *event, char ret[MEANING_CODE_BYTES]);
const char *meaning_title(const struct event *event); /* "Action allowed" */
enum severity meaning_severity(const struct event *event);
enum outcome meaning_outcome(const struct event *event);
/* Is it about an agent's action: a decision, a result, a violation? */
bool meaning_is_action(const struct event *event);
/* OpenTelemetry's error.type; NULL: no error. */
const char *meaning_error(const struct event *event);
/* A word of one of the model's lists; NULL outside it. */
const char *meaning_word(const char *const *words, int count, int value);

/* "00-<trace>-<span>-<flags>": false when there is none. */
#define MEANING_TRACE_BYTES 33
bool meaning_trace(const struct event *event, char ret[MEANING_TRACE_BYTES]);

/* Append text for a URN or URI: what isn't unreserved, ':' or '@' is percent-encoded. */
enum gk_rc meaning_uri(
    const char *text, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* ---- writer.c: JSON, member by member; the first error stays ---- */

struct writer {
	struct gk_buf *buf;
	struct gk_err *err;
	enum gk_rc rc;
	bool comma; /* before the next member */
};

/* name NULL: an element of a list, or the root. */
void writer_begin(struct writer *writer, const char *name, char bracket);
void writer_end(struct writer *writer, char bracket);
/* value NULL: no member at all. */
void writer_text(struct writer *writer, const char *name, const char *value);
void writer_int(struct writer *writer, const char *name, int64_t value);
void writer_bool(struct writer *writer, const char *name, bool value);
void writer_null(struct writer *writer, const char *name);
/* JSON as it is. */
void writer_raw(
    struct writer *writer, const char *name, const char *json, size_t n);

/* ---- one file per format ---- */
enum gk_rc csv_print_head(struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc csv_print(const struct item *item, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc cloudevents_print(const struct item *item, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc ocsf_print(const struct item *item, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc cef_print(const struct item *item, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc aat_print(const struct item *item, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* ---- chain.c: the sessions of an AAT stream ---- */

#define CHAIN_UUID_BYTES 37
struct chain {
	struct chain *newer, *older; /* by use */
	char session_id[CHAIN_UUID_BYTES];
	char last_id[CHAIN_UUID_BYTES]; /* "" before the first record */
	struct digest last;             /* hash of the last record's line */
	struct digest_running sum; /* over every prev_hash, for the close */
	int64_t records;
	size_t key_n;
	char key[];
};

enum gk_rc chains_new(
    struct chains **ret_chains, struct gk_err *err) GK_MUST_USE;
void chains_free(struct chains *chains);
/*
 * The chain that the event's record joins: its run's, or gatekeeper's own.
 * One that isn't there begins (last_id is ""); the least used gives way.
 */
enum gk_rc chains_find(struct chains *chains, const char *origin,
    const struct event *event, struct chain **ret_chain,
    struct gk_err *err) GK_MUST_USE;
void chains_drop(struct chains *chains, struct chain *chain);
/* A UUID (the form of version 4) that follows from what, origin and seq. */
void chain_uuid(const char *what, const char *origin, uint64_t seq,
    char ret[CHAIN_UUID_BYTES]);
/* A record has been printed: the next one is chained to it. */
void chain_add(
    struct chain *chain, const char *id, const char *record, size_t n);

#endif
