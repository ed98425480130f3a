#ifndef GK_TESTS_JOURNAL_LOG_H
#define GK_TESTS_JOURNAL_LOG_H
/* A journal in a folder of its own, and events to put into it. */

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

/* 2026-01-01T00:00:00Z; event seq happens that many milliseconds later. */
#define LOG_EPOCH_US INT64_C(1767225600000000)

struct log {
	char dir[64];
	struct journal *journal;
	struct journal_found found;
	struct gk_err err;
};

/* A new folder with nothing in it; log_done() removes it. */
void log_init(struct log *log);
void log_done(struct log *log);

enum gk_rc log_open(struct log *log);
void log_close(struct log *log);

/* Append an event of the usual round: genesis, then allow, result, allow, result … */
enum gk_rc log_add(struct log *log);
/* count events in batches of that many, each committed. */
enum gk_rc log_fill(struct log *log, uint64_t count, uint64_t batch);
/* The event that log_add() would make; strings live in static buffers. */
struct event log_event(const struct log *log, uint64_t seq);
enum gk_rc log_add_event(struct log *log, const struct event *event,
    const struct opening *openings, size_t count);

/* Run SQL on the database behind the journal's back, as an intruder would: without triggers. */
void log_sql(const struct log *log, const char *sql);
bool log_try_sql(const struct log *log, const char *sql, bool triggers);
/* Copy a whole data folder, as `cp -r` would. */
void log_copy(const struct log *log, const char *to);
void log_path(const struct log *log, const char *name, char ret[256]);

/* Does any file of the folder hold the text? */
bool log_holds(const struct log *log, const char *text);
/* How many events a search gives, and the first of them. */
size_t log_search_count(
    struct log *log, const struct journal_query *query, uint64_t *ret_first);

/* The report of journal_verify() under the folder's own key. */
struct journal_verify_report log_verify(const struct log *log);

/* Check that a call went well; tells why it didn't. */
#define OK(call)                                                 \
	do {                                                     \
		enum gk_rc rc_ = (call);                         \
		cr_assert(rc_ == GK_OK, "%s", the_log.err.text); \
	} while (0)

#endif
