/* A target's thread: read a page, send it until it has arrived, remember how far that is. */
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "codec/digest.h"
#include "out/ship_internal.h"

#define IDLE_US          (200 * GK_US_PER_MS) /* between looks for new events */
#define BACKOFF_FIRST_US (250 * GK_US_PER_MS)

/* Half of it is certain: targets that failed together don't come back together. */
static int64_t
jittered(int64_t us)
{
	uint32_t random;

	digest_random(&random, sizeof(random));
	return us / 2 + (int64_t)((uint64_t)random * (uint64_t)(us / 2) >> 32);
}

static int64_t
doubled(const struct target *target, int64_t us)
{
	int64_t most = target->options->max_backoff_us;

	return us * 2 < most ? us * 2 : most;
}

/* ---- a batch ---- */

static void
count_skipped(struct target *target, uint64_t n, const char *why)
{
	(void)atomic_fetch_add(&target->skipped, n);
	worker_alert(
	    &target->worker, "export_skipped", "%" PRIu64 " events %s", n, why);
}

static enum gk_rc
add_event(
    void *ctx, const struct tail_event *event, bool *stop, struct gk_err *err)
{
	struct target *target = ctx;
	struct ship_batch *batch = &target->batch;
	struct ship_piece *piece = &batch->pieces[batch->count];
	enum gk_rc rc;

	if (event->seq > batch->expected) {
		count_skipped(target, event->seq - batch->expected,
		    "were let go before they were shipped");
	}
	batch->expected = event->seq + 1;
	piece->at = batch->bytes.len;
	rc = format_print(
	    target->stream, event->row, event->row_n, &batch->bytes, err);
	if (rc == GK_E_INVALID) { /* it is in the log all the same */
		batch->bytes.len = piece->at;
		count_skipped(target, 1, err->text);
		return GK_OK;
	}
	GK_TRY(rc);
	piece->n = batch->bytes.len - piece->at;
	format_last(target->stream, &piece->facts);
	batch->first_us =
	    batch->count == 0 ? piece->facts.timestamp_us : batch->first_us;
	batch->count++;
	memcpy(batch->leaf, event->leaf, sizeof(batch->leaf));
	*stop = batch->bytes.len >= SHIP_BATCH_BYTES;
	return GK_OK;
}

/* What was printed and is thrown away must not be what an AAT chain goes on from. */
static void
renew_stream(struct target *target)
{
	const struct format_options options = {
	    target->format, target->options->origin, target->options->version};
	struct format_stream *fresh;

	if (format_new(&options, &fresh, NULL) == GK_OK) {
		format_free(target->stream);
		target->stream = fresh;
	}
}

/* The next events, printed; none: count is 0. */
static enum gk_rc
fill(struct target *target, struct gk_err *err)
{
	struct ship_batch *batch = &target->batch;
	enum gk_rc rc;

	batch->first = target->next;
	batch->next = target->next;
	batch->expected = target->next;
	batch->count = 0;
	batch->first_us = 0;
	gk_buf_clear(&batch->bytes);
	rc = tail_read(target->tail, target->next, target->options->batch,
	    target->options->openings, add_event, target, &batch->next, err);
	if (rc != GK_OK) {
		gk_buf_clear(&batch->bytes);
		batch->count = 0;
		renew_stream(target);
	}
	return rc;
}

/* ---- delivery ---- */

static void
tell_failure(struct target *target, const char *what, const struct gk_err *err)
{
	(void)atomic_fetch_add(&target->failures, 1);
	atomic_store(&target->up, false);
	if (!target->is_failing) {
		target->is_failing = true;
		worker_alert(&target->worker, "export_failing", "%s: %s", what,
		    err->text);
	}
}

static void
tell_success(struct target *target)
{
	atomic_store(&target->up, true);
	if (target->is_failing) {
		target->is_failing = false;
		worker_alert(&target->worker, "export_recovered",
		    "at seq %" PRIu64, target->batch.first);
	}
}

/* Send until it has arrived; false: the end came first. */
static bool
deliver(struct target *target)
{
	int64_t backoff = BACKOFF_FIRST_US;

	for (;;) {
		struct gk_err err = {.rc = GK_OK};
		int64_t wait = 0;
		bool last = worker_is_stopping(&target->worker);

		if (atomic_exchange(&target->reopen, false)) {
			target->door->reopen(target->inside);
		}
		if (target->door->send(target, target->inside, &target->batch,
			&wait, &err) == GK_OK) {
			tell_success(target);
			return true;
		}
		tell_failure(target, "sending", &err);
		if (last || worker_is_over(&target->worker)) {
			return false;
		}
		wait = wait < target->options->max_backoff_us
			   ? wait
			   : target->options->max_backoff_us;
		worker_rest(&target->worker,
		    wait > backoff ? wait : jittered(backoff), NULL, NULL);
		backoff = doubled(target, backoff);
	}
}

static void
remember(struct target *target)
{
	const struct ship_batch *batch = &target->batch;
	struct gk_err err = {.rc = GK_OK};

	target->next = batch->next;
	memcpy(target->leaf, batch->leaf, sizeof(target->leaf));
	(void)atomic_fetch_add(&target->shipped, batch->count);
	atomic_store(&target->acked, target->next);
	if (cursor_store(target->options->data_dir, target->door->name,
		target->next, target->leaf, &err) != GK_OK) {
		/* it goes on: the next start repeats what wasn't remembered */
		tell_failure(target, "remembering how far it came", &err);
	}
}

/* ---- the thread ---- */

/* A cursor that points into another log, or beyond this one: begin anew. */
enum gk_rc
ship__check_cursor(struct target *target, struct gk_err *err)
{
	char leaf[TAIL_LEAF_BYTES];
	bool found = false;

	if (target->next == 0) {
		return GK_OK;
	}
	GK_TRY(tail_leaf(target->tail, target->next - 1, leaf, &found, err));
	if (target->leaf[0] == '\0' && found) { /* from_now: not stored yet */
		memcpy(target->leaf, leaf, sizeof(leaf));
		return cursor_store(target->options->data_dir,
		    target->door->name, target->next, target->leaf, err);
	}
	if (target->next > tail_size(target->gate) ||
	    (found && strcmp(leaf, target->leaf) != 0)) {
		worker_alert(&target->worker, "export_rolled_back",
		    "what was shipped up to seq %" PRIu64
		    " isn't in this log; it is shipped anew from the "
		    "beginning",
		    target->next - 1);
		target->next = 0;
		target->leaf[0] = '\0';
		atomic_store(&target->acked, 0);
	}
	return GK_OK;
}

void *
ship__send_main(void *arg)
{
	struct target *target = arg;
	int64_t backoff = BACKOFF_FIRST_US;
	bool goes = true;

	while (goes) {
		struct gk_err err = {.rc = GK_OK};
		bool stopping = worker_is_stopping(&target->worker);

		if (fill(target, &err) != GK_OK) {
			tell_failure(target, "reading the log", &err);
			goes = !stopping;
			worker_rest(
			    &target->worker, jittered(backoff), NULL, NULL);
			backoff = doubled(target, backoff);
			continue;
		}
		backoff = BACKOFF_FIRST_US;
		if (target->batch.count == 0) {
			/* after the gate's end nothing comes any more */
			goes = !stopping;
			worker_rest(&target->worker, IDLE_US, NULL, NULL);
			continue;
		}
		atomic_store(&target->oldest_us, target->batch.first_us);
		goes = deliver(target);
		if (goes) {
			remember(target);
			atomic_store(&target->oldest_us, 0);
			goes = !worker_is_over(&target->worker);
		}
	}
	return NULL;
}
