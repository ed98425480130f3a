#ifndef GK_GATE_REPLAY_ARGS_H
#define GK_GATE_REPLAY_ARGS_H
/* Arguments put together again from what was shown of them. */

#include "codec/json.h"
#include "model/event.h"

struct opened {
	struct json_value *args; /* an object */
	struct gk_err *err;
};

/*
 * For journal_openings(), ctx a struct opened: put the value where its path leads.
 * Deeper than the first level nothing is put.  Errors: GK_E_NOMEM.
 */
enum gk_rc replay_put_opening(
    void *ctx, const struct opening *opening, struct gk_err *err) GK_MUST_USE;

#endif
