/*
 * Verification, what is kept near: what the last events say, and where runs begin.
 *
 * Nearly every result points to one of the last WINDOW events, and most events
 * belong to one of the last runs, so that the store needn't be asked for each.
 * Both tables have a fixed size; what isn't there is asked for, so they change how
 * long a verification takes, and never what it finds.  What is below the head
 * doesn't change while it is being verified, and where retention moves, all is
 * verified anew.
 */
#include <stdlib.h>
#include <string.h>

#include "journal/verify_internal.h"

enum { WINDOW = 1 << 16, RUNS = 1 << 11, AHEAD = 32, ID_BYTES = 48 };

/* What check_result() must know of an event; id "" where there is nothing. */
struct near_event {
	uint64_t seq;
	int kind;
	int decision; /* -1: none */
	char id[ID_BYTES];
};

/* Where the index says that a run begins, and which seqs it has next. */
struct near_run {
	int64_t run; /* 0: the place is free */
	uint64_t first;
	bool has;
	size_t at, count;
	uint64_t seqs[AHEAD];
};

struct near {
	struct near_event events[WINDOW];
	struct near_run runs[RUNS];
};

enum gk_rc
journal__near_new(struct near **ret_near, struct gk_err *err)
{
	*ret_near = calloc(1, sizeof(**ret_near));
	return *ret_near == NULL ? GK_FAIL(err, GK_E_NOMEM, "a verification")
				 : GK_OK;
}

void
journal__near_free(struct near *near)
{
	free(near);
}

void
journal__near_keep(struct near *near, const struct event *event)
{
	struct near_event *to = &near->events[event->seq % WINDOW];
	size_t n = event->decision_id == NULL ? 0 : strlen(event->decision_id);

	to->seq = event->seq;
	to->kind = event->kind;
	to->decision = event->has_decision ? event->decision : -1;
	to->id[0] = '\0';
	if (n < ID_BYTES && n > 0) {
		memcpy(to->id, event->decision_id, n + 1);
	}
}

bool
journal__near_find(const struct near *near, uint64_t seq, struct event *ret)
{
	const struct near_event *from = &near->events[seq % WINDOW];

	if (from->seq != seq || from->id[0] == '\0') {
		return false;
	}
	ret->seq = seq;
	ret->kind = from->kind;
	ret->has_decision = from->decision >= 0;
	ret->decision = from->decision >= 0 ? from->decision : 0;
	ret->decision_id = from->id;
	return true;
}

static enum gk_rc
load_run(struct verify *v, int64_t run, struct near_run *to, struct gk_err *err)
{
	to->run = 0;
	to->at = to->count = 0;
	GK_TRY(journal_run_first(v->reader, run, &to->first, &to->has, err));
	to->run = run;
	return GK_OK;
}

enum gk_rc
journal__near_run(struct verify *v, const struct body_row *row, bool *ret_leads,
    struct gk_err *err)
{
	int64_t run = row->columns.run;
	struct near_run *at = &v->near->runs[(uint64_t)run % RUNS];

	if (run == 0) {
		*ret_leads = row->run_first == 0;
		return GK_OK;
	}
	if (at->run != run) {
		GK_TRY(load_run(v, run, at, err));
	}
	*ret_leads = false;
	if (!at->has || at->first != row->run_first || at->first > row->seq) {
		return GK_OK;
	}
	while (at->at < at->count && at->seqs[at->at] < row->seq) {
		at->at++;
	}
	if (at->at == at->count) {
		at->at = at->count = 0;
		GK_TRY(journal__read_run_seqs(v->reader, at->first, row->seq,
		    at->seqs, AHEAD, &at->count, err));
	}
	*ret_leads = at->at < at->count && at->seqs[at->at] == row->seq;
	return GK_OK;
}
