/* GET /v1/events/stream: where a stream is in the log, what of it the caller may see and wants. */
#include <stdio.h>
#include <string.h>

#include "gate/live.h"
#include "gate/search.h"

enum {
	PAGE_BYTES = 24 << 10, /* from the store; one event more may be in it */
	PAGE_ROWS = 500,
	PAGE_SCAN = 20000,
	RETRY_MS = 5000,
	AFTER_DIGITS = 19,
};

struct live {
	struct search search;
	struct gate *gate;
	uint64_t next; /* the first event that it hasn't passed */
	bool resumes;  /* from where its client says */
	bool nudges; /* says only that something about approvals has happened */
	bool placed; /* holds a place, and has joined the herald */
	bool told_gap;
	bool
	    over; /* until has passed, and the store has nothing more before it */
	struct herald_item *item; /* shared; being given; NULL: none */
	char nudge[64];           /* what is given instead of it */
	size_t nudge_n;
	size_t given; /* of the item, or of the page */
};

static struct live *
live_of(const struct gate_call *call)
{
	return call->work->data;
}

/* ---- begin ---- */

/* After which event?  False: the call has been ended. */
static bool
read_after(struct gate_call *call, struct live *live)
{
	const char *after = call->after != NULL && call->after[0] != '\0'
				? call->after
				: gate__param(call, "after");
	uint64_t seq = 0;

	if (after == NULL) {
		return true;
	}
	for (const char *at = after; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || at - after >= AFTER_DIGITS) {
			after = "";
			break;
		}
		seq = seq * 10 + (uint64_t)(*at - '0');
	}
	if (after[0] == '\0') {
		(void)gate__bad_param(call, "after",
		    "expected an event's number, as a stream's id says it");
		return false;
	}
	live->resumes = true;
	live->next = seq + 1;
	return true;
}

/* Approvers and operators are told that something happened, not what: nothing to filter. */
static bool
read_nudges(struct gate_call *call, struct live *live)
{
	const char *only = gate__param(call, "only");
	bool audits = (gate__can(call) & CAN_AUDITOR) != 0;

	if (only != NULL && strcmp(only, "approvals") != 0) {
		(void)gate__bad_param(call, "only", "expected approvals");
		return false;
	}
	live->nudges = !audits || only != NULL;
	for (size_t i = 0; live->nudges && i < call->param_count; i++) {
		const char *name = call->params[i].name;

		if (strcmp(name, "after") == 0 || strcmp(name, "only") == 0) {
			continue;
		}
		if (audits) {
			(void)gate__bad_param(
			    call, name, "only=approvals takes no filter");
		} else {
			(void)gate__problem(call, GATE_FORBIDDEN,
			    "not_permitted",
			    "filters need the permission auditor");
		}
		return false;
	}
	return true;
}

static bool
take_place(struct gate *gate, struct gate_call *call, struct live *live)
{
	if (!places_take(&gate->places, call->caller->id)) {
		metrics_count(&gate->metrics.refused_places, 1);
		call->retry_after_ms = RETRY_MS;
		(void)gate__problem(call, GATE_TOO_MANY, "too_many_streams",
		    "this identity has its share of the places for those who "
		    "wait and follow");
		return false;
	}
	live->placed = true;
	gate__herald_join(gate);
	return true;
}

enum gate_go
live_begin(struct gate *gate, struct gate_call *call)
{
	struct live *live = live_of(call);

	if (live != NULL) {
		return GO_READ;
	}
	live = gate__data(call, sizeof(*live));
	if (live == NULL) {
		return GO_DONE;
	}
	live->gate = gate;
	if (!read_nudges(call, live) ||
	    !gate__search_filters(gate, call, &live->search) ||
	    !read_after(call, live) || !take_place(gate, call, live)) {
		return GO_DONE;
	}
	return GO_COMMIT;
}

enum gk_rc
live_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct live *live = work->data;
	uint64_t size;

	work->go = GO_DONE;
	GK_TRY(gate__note_access(gate, work->call, "stream", true, err));
	size = ledger_next_seq(gate->ledger);
	if (!live->resumes) {
		live->next = live->search.query.since_us == 0 ? size : 0;
	} else if (live->next > size) {
		(void)gate__bad_param(
		    work->call, "after", "there is no such event yet");
		return GK_OK;
	}
	work->call->outcome = GATE_OK;
	work->call->more = true;
	return GK_OK;
}

void
live_release(struct gate_work *work)
{
	struct live *live = work->data;

	gate__herald_let_go(live->item);
	live->item = NULL;
	if (live->placed) {
		live->placed = false;
		gate__herald_leave(live->gate);
		places_give_back(&live->gate->places, work->call->caller->id);
	}
}

/* ---- from the store ---- */

static enum gk_rc
add_row(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct live *live = ctx;
	struct gk_buf *reply = &live->search.call->reply;

	if (!gate__search_takes(&live->search, bytes, n)) {
		return GK_OK;
	}
	GK_TRY(gk_buf_printf(
	    reply, err, "id: %llu\ndata: ", (unsigned long long)seq));
	GK_TRY(gate__row(live->search.reader, seq, bytes, n, leaf,
	    live->search.raw, reply, err));
	GK_TRY(gk_buf_puts(reply, "\n\n", err));
	*stop = reply->len >= PAGE_BYTES;
	return GK_OK;
}

/* Who resumes in what retention has let go is told so. */
static enum gk_rc
tell_gap(struct live *live, uint64_t minimum, struct gk_err *err)
{
	if (live->told_gap || !live->resumes || live->next >= minimum) {
		return GK_OK;
	}
	live->told_gap = true;
	return gk_buf_printf(&live->search.call->reply, err,
	    "event: let_go\ndata: {\"before\":%llu}\n\n",
	    (unsigned long long)minimum);
}

/* Whatever happened meanwhile, it is told once. */
static enum gk_rc
read_nudge(struct live *live, uint64_t size, struct gk_err *err)
{
	live->next = size;
	return gk_buf_printf(&live->search.call->reply, err,
	    "id: %llu\nevent: approvals\ndata: {\"seq\":%llu}\n\n",
	    (unsigned long long)size - 1, (unsigned long long)size - 1);
}

enum gk_rc
live_read(struct gate *gate, struct gate_reader *reader, struct gate_work *work,
    struct gk_err *err)
{
	struct live *live = work->data;
	struct search *search = &live->search;
	bool more, over;

	live->given = 0;
	search->call = work->call;
	search->reader = reader->journal;
	search->query.from_seq = live->next;
	search->query.limit = PAGE_ROWS;
	search->query.scan_limit = PAGE_SCAN;
	if (live->nudges) {
		GK_TRY(read_nudge(live,
		    atomic_load_explicit(
			&gate->metrics.seq, memory_order_relaxed),
		    err));
	} else {
		GK_TRY(tell_gap(live, atomic_load(&gate->minimum), err));
		over = search->query.until_us != 0 &&
		       gate__now(gate) >= search->query.until_us;
		GK_TRY(journal_search(search->reader, &search->query, add_row,
		    live, &live->next, &more, err));
		live->over = over && !more;
	}
	work->call->outcome = GATE_OK;
	work->call->more = true;
	return GK_OK;
}

/* ---- from the ring ---- */

static bool
wants(const struct live *live, const struct herald_item *item)
{
	const struct search *search = &live->search;
	const struct journal_query *query = &search->query;

	if (live->nudges) {
		return item->asks &&
		       gate__sees_tenant(search->call, item->tenant);
	}
	/* numbers first: most streams want few of all events */
	return item->time_us >= query->since_us &&
	       (query->until_us == 0 || item->time_us < query->until_us) &&
	       (query->run_id == 0 || query->run_id == item->run_id) &&
	       journal_query_takes(query, &item->columns, item->words) &&
	       gate__sees_tenant(search->call, item->tenant) &&
	       gate__search_takes(search, item->raw.bytes + item->at, item->n);
}

/* Under the herald's lock: pass what isn't wanted. */
static enum live_state
pass(struct gate *gate, struct live *live)
{
	struct herald *herald = &gate->herald;

	while (live->item == NULL && live->next < herald->next) {
		struct herald_item *item;

		if (live->next < herald->first) {
			return LIVE_BEHIND;
		}
		item = herald->items[live->next++ % HERALD_ITEMS];
		if (wants(live, item)) {
			(void)atomic_fetch_add(&item->shares, 1);
			live->item = item;
			live->given = 0;
		}
	}
	return live->item != NULL ? LIVE_BYTES : LIVE_NOTHING;
}

static enum live_state
state_of(struct gate *gate, struct live *live, const struct gate_call *call)
{
	struct herald *herald = &gate->herald;
	int64_t until = live->search.query.until_us;
	bool over = until != 0 && gate__now(gate) >= until;
	enum live_state state;

	if (live->item != NULL || live->given < call->reply.len) {
		return LIVE_BYTES;
	}
	if (live->over) {
		return LIVE_OVER;
	}
	pthread_mutex_lock(&herald->lock);
	state = pass(gate, live);
	pthread_mutex_unlock(&herald->lock);
	return state == LIVE_NOTHING && over ? LIVE_OVER : state;
}

enum live_state
live_look(struct gate *gate, struct gate_call *call)
{
	return state_of(gate, live_of(call), call);
}

/* Copy what fits of n bytes at from, of which live->given are gone. */
static size_t
give(struct live *live, const char *from, size_t n, char *buf, size_t max)
{
	n -= live->given;
	n = n < max ? n : max;
	memcpy(buf, from + live->given, n);
	live->given += n;
	return n;
}

static size_t
give_item(struct live *live, char *buf, size_t max)
{
	const struct gk_buf *frame =
	    live->search.raw ? &live->item->raw : &live->item->row;
	size_t n;

	if (!live->nudges) {
		n = give(live, frame->bytes, frame->len, buf, max);
	} else {
		n = give(live, live->nudge, live->nudge_n, buf, max);
	}
	if (live->given == (live->nudges ? live->nudge_n : frame->len)) {
		gate__herald_let_go(live->item);
		live->item = NULL;
		live->given = 0;
	}
	return n;
}

enum live_state
live_copy(struct gate *gate, struct gate_call *call, char *buf, size_t max,
    size_t *ret_n)
{
	struct live *live = live_of(call);
	enum live_state state = LIVE_BYTES;

	*ret_n = 0;
	if (call->reply.len > 0) { /* a page of the store goes first */
		*ret_n =
		    give(live, call->reply.bytes, call->reply.len, buf, max);
		if (live->given == call->reply.len) {
			gk_buf_done(&call->reply);
			live->given = 0;
		}
	}
	while (*ret_n < max) {
		state = state_of(gate, live, call);
		if (state != LIVE_BYTES) {
			break;
		}
		if (live->nudges && live->given == 0) {
			live->nudge_n =
			    (size_t)snprintf(live->nudge, sizeof(live->nudge),
				"id: %llu\nevent: approvals\ndata: "
				"{\"seq\":%llu}\n\n",
				(unsigned long long)live->item->seq,
				(unsigned long long)live->item->seq);
		}
		*ret_n += give_item(live, buf + *ret_n, max - *ret_n);
	}
	return *ret_n > 0 ? LIVE_BYTES : state;
}

bool
live_is_inside(const struct gate_call *call)
{
	return live_of(call)->given > 0;
}

bool
live_id(const struct gate_call *call, uint64_t *ret_seq)
{
	const struct live *live = live_of(call);

	*ret_seq = live->next - 1;
	return live->next > 0;
}

bool
live_may_go_on(struct gate *gate, const struct gate_call *call)
{
	struct gate_identities *table;
	bool yes;

	if (call->local) {
		return true;
	}
	if (call->caller->token_hash == NULL) {
		return false;
	}
	table = gate_identities_pin(gate);
	yes = gate_identify_again(table, gate, call->caller->id,
		  call->caller->token_hash) != NULL;
	gate_identities_unpin(table);
	return yes;
}

void
live_on_news(struct gate *gate, void (*news)(void *ctx), void *ctx)
{
	gate->herald.news = news;
	gate->herald.news_ctx = ctx;
}
