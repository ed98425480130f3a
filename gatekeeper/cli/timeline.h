#ifndef GK_CLI_TIMELINE_H
#define GK_CLI_TIMELINE_H
/* Events told to people: a line each, and a run as one story. */

#include <stdio.h>

#include "codec/json.h"

/* What happened, in a few words, into ret_text: "refund.create", "granted apr_… by alice". */
#define TIMELINE_TEXT_BYTES 256
const char *timeline_summary(
    const struct json_value *event, char ret_text[TIMELINE_TEXT_BYTES]);

/* Its decision, result or change in one word; "" for none. */
const char *timeline_verdict(const struct json_value *event);

/* What people said to it, in their words; NULL: nothing, or let go since. */
const char *timeline_words(const struct json_value *event);

/*
 * A run: events is an array in order.  Times stand relative to the first; a
 * result stands under its decision; colour uses ANSI escapes.
 */
void timeline_print(const char *run_id, const struct json_value *events,
    bool colour, FILE *out);

/* "+0.132s", "+2m05s", "+1h02m", "+3d04h" */
void timeline_elapsed(int64_t us, char ret_text[32]);

#endif
