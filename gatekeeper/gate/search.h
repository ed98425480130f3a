#ifndef GK_GATE_SEARCH_H
#define GK_GATE_SEARCH_H
/* The filters of a search for events: read from parameters, asked of columns and of bytes. */

#include "format/format.h"
#include "gate/gate_internal.h"

enum { SEARCH_TEXTS = 8, SEARCH_ACTION_KEY = 5 };

struct search {
	const char *texts[SEARCH_TEXTS]; /* by search_texts; NULL: any */
	/* of one action under several hash keys: any of these; else none */
	const char *action_keys[LEDGER_HASH_KEYS_MAX];
	size_t action_key_count;
	/* an actor's id, and its pseudonyms: any of these; else none */
	const char *actors[1 + LEDGER_HASH_KEYS_MAX];
	size_t actor_count;
	struct journal_query query;
	size_t limit;
	bool raw;
	struct format_stream *format; /* NULL: the API's own */
	struct gk_buf row;            /* for format */
	/* one page */
	struct gate_call *call;
	struct journal_reader *reader;
	size_t rows;
	bool partial;     /* it has looked at as much as one page may */
	uint64_t minimum; /* bodies before it were let go */
};

/*
 * Read the filters, since, until and raw of a call, and set what columns can tell.
 * Strings live as long as the call.  False: a value is wrong, the call has been ended.
 */
bool gate__search_filters(
    struct gate *gate, struct gate_call *call, struct search *search);

/* May the caller see an event's bytes, and do they match the filters that columns can't tell? */
bool gate__search_takes(
    const struct search *search, const char *bytes, size_t n);

/* live.c */
STAGE_BEGIN(live_begin);
STAGE_COMMIT(live_commit);
STAGE_READ(live_read);
void live_release(struct gate_work *work);

#endif
