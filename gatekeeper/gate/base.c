/* The base: the state at retention's minimum, from which everything else is folded. */
#include "gate/retention.h"

enum { BASE_ARENA_CAP = 1 << 20 };

/* The newest event that let bodies go; *ret_found false: none has. */
static enum gk_rc
find_event(struct journal_reader *reader, struct gk_arena *arena,
    struct event *ret, bool *ret_found, struct gk_err *err)
{
	uint64_t before = UINT64_MAX, seq;

	for (;;) {
		gk_arena_clear(arena);
		GK_TRY(journal_last_retention(
		    reader, before, ret_found, &seq, err));
		if (!*ret_found) {
			return GK_OK;
		}
		GK_TRY(gate__read_event(
		    NULL, reader, seq, arena, ret, NULL, ret_found, err));
		if (*ret_found && ret->change == CHANGE_LET_GO &&
		    ret->retention != NULL && ret->snapshot != NULL) {
			return GK_OK;
		}
		before = seq;
	}
}

static enum gk_rc
load_rows(struct journal_reader *reader, struct ledger *ledger,
    uint64_t minimum, const char *digest, bool *ret_valid, struct gk_err *err)
{
	struct ledger_loader *loader;
	enum gk_rc rc;

	GK_TRY(ledger_loader_new(ledger, &loader, err));
	rc = journal_reader_rows(
	    reader, -(int64_t)minimum, ledger_loader_row, loader, err);
	if (rc == GK_OK) {
		rc = ledger_loader_finish(loader, digest, ret_valid, err);
	}
	ledger_loader_free(loader);
	return rc;
}

enum gk_rc
gate__base_load(struct journal_reader *reader, struct ledger *ledger,
    uint64_t *ret_minimum, struct gk_err *err)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(BASE_ARENA_CAP);
	struct event event;
	int64_t minimum;
	bool found = false, valid = false;

	*ret_minimum = 0;
	GK_TRY(journal_bound(reader, JOURNAL_BODIES, &minimum, err));
	if (minimum == 0) {
		return GK_OK;
	}
	GK_TRY(find_event(reader, &arena, &event, &found, err));
	if (!found || event.retention->minimum != minimum ||
	    event.snapshot->digest == NULL) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "no event of the log says that bodies before %lld were let "
		    "go",
		    (long long)minimum);
	}
	GK_TRY(load_rows(reader, ledger, (uint64_t)minimum,
	    event.snapshot->digest, &valid, err));
	if (!valid) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the base at %lld isn't the one that event %llu signed: "
		    "what the log adds up to can't be told any more",
		    (long long)minimum, (unsigned long long)event.seq);
	}
	*ret_minimum = (uint64_t)minimum;
	return GK_OK;
}
