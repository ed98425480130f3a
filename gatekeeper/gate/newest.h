#ifndef GK_GATE_NEWEST_H
#define GK_GATE_NEWEST_H
/* What counts of the newest events, 40 bytes each, kept so that the overview doesn't read them again and again. */

#include "gate/census.h"
#include "gate/overview.h"

enum { NEWEST_MAX = 200000 };

/* What reading an event for the census takes; lies with who reads. */
struct newest_reading {
	struct journal_reader *reader;  /* kept */
	struct journal_columns columns; /* of the event; filled by the search */
	struct gk_buf bytes;            /* of a decision that asked; owned */
};

/* What counts of an event, how long a resolution was waited for included. */
enum gk_rc newest_row_of(struct newest_reading *reading,
    struct census_names *names, const char *bytes, size_t n,
    struct census_row *ret, struct gk_err *err) GK_MUST_USE;

/*
 * Events never change, so neither do their rows: nothing is kept that could be out of
 * date.  Nothing is there before somebody asks.
 * Invariant: row i is event from + i, and none was let go.
 * Reader threads only; who pins it has it alone.
 */
enum gk_rc newest_new(struct gate_newest **ret, struct gk_err *err) GK_MUST_USE;
void newest_freep(struct gate_newest **newest);

/* Read what has come since, up to the event before size; forget what lies before minimum. */
enum gk_rc newest_pin(struct gate_newest *newest, struct journal_reader *reader,
    uint64_t minimum, uint64_t size, struct gk_err *err) GK_MUST_USE;
void newest_unpin(struct gate_newest *newest);

uint64_t newest_from(const struct gate_newest *newest);
size_t newest_count(const struct gate_newest *newest);
const struct census_row *newest_row(const struct gate_newest *newest, size_t i);
struct census_names *newest_names(struct gate_newest *newest);

#endif
