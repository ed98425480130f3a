/* Reads what was committed once, makes each event ready for all streams, and rings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gate/gate_internal.h"

enum {
	READ_EVENTS = 256, /* in one read transaction */
	GATHER_MS = 20,    /* between what it reads: so late an event may be */
	GATHER_EACH = 50,  /* and a millisecond more for so many streams */
	GATHER_MAX_MS = 120,
	AFTER_ERROR_MS = 1000,
	FRAME_CAP = 4 << 20,
	ARENA_CAP = 4 << 20,
	NICE = 3, /* a decision goes before */
};

void
gate__herald_let_go(struct herald_item *item)
{
	if (item != NULL && atomic_fetch_sub(&item->shares, 1) == 1) {
		gk_buf_done(&item->row);
		gk_buf_done(&item->raw);
		free(item->tenant);
		free(item);
	}
}

static size_t
weight_of(const struct herald_item *item)
{
	return sizeof(*item) + item->row.room + item->raw.room;
}

/* Under lock. */
static void
drop_first(struct herald *herald)
{
	struct herald_item **at = &herald->items[herald->first % HERALD_ITEMS];

	herald->bytes -= weight_of(*at);
	gate__herald_let_go(*at);
	*at = NULL;
	herald->first++;
}

/* Under lock: empty, and what comes next is seq. */
static void
restart(struct herald *herald, uint64_t seq)
{
	while (herald->first < herald->next) {
		drop_first(herald);
	}
	herald->first = seq;
	herald->next = seq;
}

/* Takes *item.  What redaction or age has let go is nothing that the ring may still tell. */
static void
add_item(struct herald *herald, struct herald_item **item)
{
	struct herald_item *mine = GK_TAKE(*item);
	int kind = mine->words[JOURNAL_KIND];

	pthread_mutex_lock(&herald->lock);
	if (mine->seq != herald->next || kind == EVENT_REDACTION ||
	    kind == EVENT_RETENTION) {
		restart(herald, mine->seq);
	}
	while (herald->first < herald->next &&
	       (herald->next - herald->first >= HERALD_ITEMS ||
		   herald->bytes + weight_of(mine) > HERALD_BYTES)) {
		drop_first(herald);
	}
	herald->items[mine->seq % HERALD_ITEMS] = mine;
	herald->bytes += weight_of(mine);
	herald->next = mine->seq + 1;
	pthread_mutex_unlock(&herald->lock);
}

/* ---- one event ---- */

static enum gk_rc
frame(struct herald_item *item, struct journal_reader *reader,
    const char *bytes, size_t n, const struct digest *leaf, struct gk_err *err)
{
	unsigned long long seq = (unsigned long long)item->seq;

	item->row.cap = FRAME_CAP;
	item->raw.cap = FRAME_CAP;
	GK_TRY(gk_buf_printf(&item->row, err, "id: %llu\ndata: ", seq));
	GK_TRY(gate__row(
	    reader, item->seq, bytes, n, leaf, false, &item->row, err));
	GK_TRY(gk_buf_puts(&item->row, "\n\n", err));
	GK_TRY(gk_buf_printf(&item->raw, err, "id: %llu\ndata: ", seq));
	item->at = item->raw.len;
	item->n = n;
	GK_TRY(gk_buf_add(&item->raw, bytes, n, err));
	return gk_buf_puts(&item->raw, "\n\n", err);
}

static enum gk_rc
describe(
    struct herald_item *item, const struct event *event, struct gk_err *err)
{
	item->time_us = event->timestamp_us;
	event_columns(event, &item->columns);
	journal_words_of(event, item->words);
	item->run_id = event_column_hash(event->run_id, NULL);
	item->asks = event->kind == EVENT_APPROVAL ||
		     (event->kind == EVENT_DECISION &&
			 event->decision == DECISION_APPROVAL_REQUIRED);
	if (event->tenant_id != NULL) {
		item->tenant = strdup(event->tenant_id);
		if (item->tenant == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "a tenant's name");
		}
	}
	return GK_OK;
}

struct reading {
	struct gate *gate;
	struct gk_arena arena;
};

static enum gk_rc
read_event(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct reading *reading = ctx;
	struct herald *herald = &reading->gate->herald;
	struct herald_item *item = calloc(1, sizeof(*item));
	struct event event;
	enum gk_rc rc;

	*stop = false;
	if (item == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "an event for streams");
	}
	atomic_init(&item->shares, 1);
	item->seq = seq;
	gk_arena_clear(&reading->arena);
	rc = event_decode(bytes, n, &reading->arena, &event, err);
	if (rc == GK_OK) {
		rc = describe(item, &event, err);
	}
	if (rc == GK_OK) {
		rc = frame(item, herald->reader, bytes, n, leaf, err);
	}
	if (rc != GK_OK) {
		gate__herald_let_go(item);
		return rc;
	}
	add_item(herald, &item);
	return GK_OK;
}

/* ---- the thread ---- */

static uint64_t
next_of(struct herald *herald)
{
	uint64_t next;

	pthread_mutex_lock(&herald->lock);
	next = herald->next;
	pthread_mutex_unlock(&herald->lock);
	return next;
}

/* Everything that is there and wasn't read; *ret_any whether something was. */
static enum gk_rc
read_all(struct gate *gate, bool *ret_any, struct gk_err *err)
{
	struct herald *herald = &gate->herald;
	struct reading reading = {gate, GK_ARENA_INIT(ARENA_CAP)};
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .from_seq = next_of(herald),
	    .limit = READ_EVENTS};
	uint64_t from = query.from_seq;
	bool more = true;
	enum gk_rc rc = GK_OK;

	while (rc == GK_OK && more && !atomic_load(&gate->queue.stopping)) {
		rc = journal_search(herald->reader, &query, read_event,
		    &reading, &query.from_seq, &more, err);
	}
	gk_arena_done(&reading.arena);
	*ret_any = query.from_seq > from;
	return rc;
}

/* Somebody begins to follow: from what is committed now. */
static void
begin_to_follow(struct gate *gate)
{
	struct herald *herald = &gate->herald;
	uint64_t size =
	    atomic_load_explicit(&gate->metrics.seq, memory_order_acquire);

	pthread_mutex_lock(&herald->lock);
	restart(herald, size);
	pthread_mutex_unlock(&herald->lock);
}

/* Every look of it is a look of every stream. */
static int
gather_ms(const struct herald *herald)
{
	size_t more = atomic_load(&herald->streams) / GATHER_EACH;

	return more < GATHER_MAX_MS - GATHER_MS ? GATHER_MS + (int)more
						: GATHER_MAX_MS;
}

/* How long to rest before the next look. */
static int
follow(struct gate *gate)
{
	struct herald *herald = &gate->herald;
	bool any = false, fresh = atomic_exchange(&herald->fresh, false);
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (fresh) {
		begin_to_follow(gate);
	}
	rc = read_all(gate, &any, &err);
	if (rc != GK_OK && !herald->told) {
		gate__alert(
		    gate, "event_stream", "streams lag behind: %s", err.text);
	}
	herald->told = rc != GK_OK;
	if ((any || fresh) && herald->news != NULL) {
		herald->news(herald->news_ctx);
	}
	return rc == GK_OK ? gather_ms(herald) : AFTER_ERROR_MS;
}

/* Until the time is up, and then until there is something; false: the end. */
static bool
rest(struct herald *herald, int ms)
{
	struct timespec until;
	bool ends;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&herald->lock);
	while (ms > 0 && !herald->ends &&
	       pthread_cond_timedwait(&herald->wake, &herald->lock, &until) !=
		   ETIMEDOUT) {
	}
	while (!herald->ends && !herald->due) {
		(void)pthread_cond_wait(&herald->wake, &herald->lock);
	}
	herald->due = false;
	ends = herald->ends;
	pthread_mutex_unlock(&herald->lock);
	return !ends;
}

static void *
herald_main(void *arg)
{
	struct gate *gate = arg;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	for (int ms = 0; rest(&gate->herald, ms);) {
		ms = follow(gate);
		if (ms == AFTER_ERROR_MS) {
			gate__herald_wake(gate);
		}
	}
	return NULL;
}

enum gk_rc
gate__herald_start(struct gate *gate, struct gk_err *err)
{
	struct herald *herald = &gate->herald;

	GK_TRY(
	    journal_reader_open(gate->options.data_dir, &herald->reader, err));
	herald->started =
	    pthread_create(&herald->thread, NULL, herald_main, gate) == 0;
	return herald->started
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "the herald's thread");
}

void
gate__herald_wake(struct gate *gate)
{
	struct herald *herald = &gate->herald;

	if (atomic_load(&herald->streams) == 0) {
		return;
	}
	pthread_mutex_lock(&herald->lock);
	if (!herald->due) {
		herald->due = true;
		(void)pthread_cond_signal(&herald->wake);
	}
	pthread_mutex_unlock(&herald->lock);
}

void
gate__herald_join(struct gate *gate)
{
	if (atomic_fetch_add(&gate->herald.streams, 1) == 0) {
		atomic_store(&gate->herald.fresh, true);
		gate__herald_wake(gate);
	}
}

/* The last one takes the ring along: what is redacted later isn't in it. */
void
gate__herald_leave(struct gate *gate)
{
	struct herald *herald = &gate->herald;

	if (atomic_fetch_sub(&herald->streams, 1) == 1) {
		pthread_mutex_lock(&herald->lock);
		restart(herald, herald->next);
		pthread_mutex_unlock(&herald->lock);
	}
}

void
gate__herald_stop(struct gate *gate)
{
	struct herald *herald = &gate->herald;

	if (!herald->started) {
		return;
	}
	pthread_mutex_lock(&herald->lock);
	herald->ends = true;
	(void)pthread_cond_signal(&herald->wake);
	pthread_mutex_unlock(&herald->lock);
	(void)pthread_join(herald->thread, NULL);
	herald->started = false;
}

void
gate__herald_close(struct gate *gate)
{
	struct herald *herald = &gate->herald;

	gate__herald_stop(gate);
	restart(herald, 0);
	if (herald->reader != NULL) {
		journal_reader_close(herald->reader);
	}
}
