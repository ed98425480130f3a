#ifndef GK_GATE_REPLAY_TALLY_H
#define GK_GATE_REPLAY_TALLY_H
/* What a replay found, counted: changes by action and rule, and what can't be told. */

#include "base/arena.h"
#include "base/map.h"
#include "codec/digest.h"
#include "gate/trial.h"

struct change_count;
struct unknown_count;

struct tally {
	struct gk_arena arena;
	uint64_t decisions, same, told;
	struct gk_map changes; /* key → struct change_count */
	struct gk_map unknown; /* key → struct unknown_count */
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);

/* A decision that can be told: what was recorded, and what the candidate says. */
enum gk_rc tally_decision(struct tally *tally, const struct event *event,
    const struct trial_answer *answer, struct gk_err *err) GK_MUST_USE;

/* One that hangs on what these rules look at and the record doesn't hold. */
enum gk_rc tally_unknown(struct tally *tally, const char *action,
    const char *const *rules, size_t count, struct gk_err *err) GK_MUST_USE;

/* As replay.h says. */
enum gk_rc tally_print(const struct tally *tally, const char *policy,
    int64_t since_us, int64_t until_us, bool complete, struct gk_buf *ret_json,
    struct gk_err *err) GK_MUST_USE;

/* For journal_search(): *(uint64_t *)ctx is how many events there are. */
enum gk_rc tally_last(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err);

#endif
