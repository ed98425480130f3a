/* The chain of signing keys as the store keeps it: the very events that name them. */
#include "base/arena.h"
#include "journal/journal_internal.h"

enum { ARENA_CAP = 1 << 20 };

static enum gk_rc
take(void *ctx, uint64_t seq, const char *bytes, size_t n, struct gk_err *err)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	struct chain *chain = ctx;
	struct event event;
	enum gk_rc rc = event_decode(bytes, n, &arena, &event, err);

	if (rc == GK_E_NOMEM) {
		return rc;
	}
	if (rc != GK_OK || event.seq != seq || !chain_names(&event)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the table of signing keys holds something else at %llu",
		    (unsigned long long)seq);
	}
	return chain_take(chain, &event, err);
}

enum gk_rc
journal__chain_load(
    struct journal_reader *reader, struct chain *chain, struct gk_err *err)
{
	return journal__each_signing_key(reader, take, chain, err);
}
