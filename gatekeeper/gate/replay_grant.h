#ifndef GK_GATE_REPLAY_GRANT_H
#define GK_GATE_REPLAY_GRANT_H
/* Grants across hash keys: what a recorded use was asked for with. */

#include <stdbool.h>

#include "journal/journal.h"
#include "ledger/ledger.h"

/*
 * Of a recorded decision that used a grant: *ret_older says whether it was asked for
 * under an older hash key, and *ret then holds its hashes under that key, in arena.
 *
 * Without the arguments the action can't be hashed under that key again; but the
 * record says that the grant fitted, so what it was asked for with is what this is
 * under that key.  Errors: GK_E_IO, GK_E_NOMEM and such of the journal.
 */
enum gk_rc replay_older_hashes(struct journal_reader *reader,
    const struct event *event, struct gk_arena *arena, struct ask_hashes *ret,
    bool *ret_older, struct gk_err *err) GK_MUST_USE;

#endif
