/* A target's thread: look at the log, remember what is to be told, tell it until it has arrived. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "codec/digest.h"
#include "model/entry.h"
#include "out/notify_internal.h"

#define IDLE_US  (200 * GK_US_PER_MS) /* between looks for new events */
#define STORE_US GK_US_PER_S          /* between two stores, while busy */
#define PAGE     500                  /* events looked at at once */

static bool
is_touched(struct courier *courier)
{
	bool touched;

	pthread_mutex_lock(&courier->worker.lock);
	touched = courier->touched;
	pthread_mutex_unlock(&courier->worker.lock);
	return touched;
}

/* Under the lock: has somebody asked for something? */
static bool
is_wanted(const void *ctx)
{
	const struct courier *courier = ctx;

	return courier->touched || courier->trial == TRIAL_ASKED ||
	       courier->reply_count > 0;
}

static uint32_t
random_u32(const struct courier *courier)
{
	uint32_t random;

	if (courier->options->random != NULL) {
		return courier->options->random();
	}
	digest_random(&random, sizeof(random));
	return random;
}

/* ---- failures ---- */

/* One line of printable ASCII, as the outbox keeps it. */
static void
keep_error(char ret[OUTBOX_ERROR_BYTES], const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0' && n + 1 < OUTBOX_ERROR_BYTES; n++) {
		bool plain = text[n] >= ' ' && text[n] <= '~';

		ret[n] = text[n];
		if (!plain) {
			ret[n] = '?';
		}
	}
	ret[n] = '\0';
}

static void
tell_failure(
    struct courier *courier, const char *what, const struct gk_err *err)
{
	(void)atomic_fetch_add(&courier->failures, 1);
	atomic_store(&courier->up, false);
	pthread_mutex_lock(&courier->worker.lock);
	keep_error(courier->last_error, err->text);
	courier->last_error_us = tail_now(courier->gate);
	pthread_mutex_unlock(&courier->worker.lock);
	if (courier->failing++ == 0) {
		worker_alert(&courier->worker, "notify_failing", "%s: %s", what,
		    err->text);
	}
}

static void
tell_success(struct courier *courier)
{
	atomic_store(&courier->up, true);
	courier->not_before_us = 0;
	if (courier->failing > 0) {
		courier->failing = 0;
		worker_alert(&courier->worker, "notify_recovered",
		    "messages arrive again");
	}
}

/* ---- the outbox ---- */

static void
store(struct courier *courier)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(OUTBOX_FILE_BYTES);
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	/* who waits for the lock doesn't wait for the disk */
	pthread_mutex_lock(&courier->worker.lock);
	courier->touched = false;
	rc = outbox_print(&courier->outbox, &text, &err);
	pthread_mutex_unlock(&courier->worker.lock);
	if (rc == GK_OK) {
		rc = outbox_store(courier->options->data_dir,
		    courier->target->name, &text, &err);
	}
	courier->stored_us = worker_now_us();
	if (rc == GK_OK) {
		courier->dirty = false;
	} else { /* it goes on: the next start repeats what wasn't remembered */
		tell_failure(courier, "remembering what was told", &err);
	}
}

static void
count_skipped(struct courier *courier, uint64_t n)
{
	(void)atomic_fetch_add(&courier->skipped, n);
	worker_alert(&courier->worker, "notify_skipped",
	    "%" PRIu64 " events were let go before they were told", n);
}

/* ---- looking ---- */

static enum gk_rc
look_at(
    void *ctx, const struct tail_event *event, bool *stop, struct gk_err *err)
{
	const struct notice notice = {event->row, event->row_n};
	struct courier *courier = ctx;
	bool told = condition_holds(courier->when, &notice);
	enum gk_rc rc = GK_OK;

	pthread_mutex_lock(&courier->worker.lock);
	if (event->seq > courier->outbox.next) {
		uint64_t gone = event->seq - courier->outbox.next;

		pthread_mutex_unlock(&courier->worker.lock);
		count_skipped(courier, gone);
		pthread_mutex_lock(&courier->worker.lock);
	}
	if (told) {
		rc = outbox_add(&courier->outbox, event->seq, err);
	}
	if (rc == GK_OK) {
		courier->outbox.next = event->seq + 1;
		memcpy(courier->outbox.leaf, event->leaf,
		    sizeof(courier->outbox.leaf));
		courier->dirty = true;
		*stop = outbox_full(&courier->outbox);
	}
	pthread_mutex_unlock(&courier->worker.lock);
	return rc;
}

/* Look at what is new; *ret_more: there may be more at once. */
static enum gk_rc
look(struct courier *courier, bool *ret_more, struct gk_err *err)
{
	uint64_t from, next;
	bool full;

	*ret_more = false;
	pthread_mutex_lock(&courier->worker.lock);
	from = courier->outbox.next;
	full = outbox_full(&courier->outbox);
	pthread_mutex_unlock(&courier->worker.lock);
	if (full) {
		if (!courier->told_full) {
			courier->told_full = true;
			worker_alert(&courier->worker, "notify_full",
			    "%d messages wait; later events stay in the log "
			    "until some have arrived",
			    OUTBOX_WAITING_MAX);
		}
		return GK_OK;
	}
	courier->told_full = false;
	if (from >= tail_size(courier->gate) &&
	    !worker_is_stopping(&courier->worker)) {
		return GK_OK;
	}
	GK_TRY(tail_read(
	    courier->tail, from, PAGE, false, look_at, courier, &next, err));
	*ret_more = courier->outbox.next > from;
	return GK_OK;
}

/* ---- telling ---- */

/* Copies one event's row. */
struct copy {
	struct courier *courier;
	uint64_t seq;
	char leaf[TAIL_LEAF_BYTES];
};

static enum gk_rc
copy_row(
    void *ctx, const struct tail_event *event, bool *stop, struct gk_err *err)
{
	struct copy *copy = ctx;

	*stop = true;
	copy->seq = event->seq;
	memcpy(copy->leaf, event->leaf, sizeof(copy->leaf));
	return gk_buf_add(&copy->courier->row, event->row, event->row_n, err);
}

/* Where the console shows it: a place to look at, nothing that acts. */
static void
find_link(const struct courier *courier, struct message *message)
{
	static const struct {
		enum notice_field field;
		const char *page;
	} pages[] = {{NOTICE_APPROVAL_ID, "approvals"}, {NOTICE_RUN, "runs"}};
	const char *base = courier->options->console_url;

	for (size_t i = 0; base != NULL && i < GK_COUNT(pages); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf id = GK_BUF_INIT(256);

		if (notice_print(&message->notice, pages[i].field, &id, NULL) ==
			GK_OK &&
		    id.len > 0) {
			(void)snprintf(message->link, sizeof(message->link),
			    "%s/#/%s/%s", base, pages[i].page, id.bytes);
			return;
		}
	}
}

/* The event as it lies in the log; false: it was let go. */
static enum gk_rc
read_message(struct courier *courier, uint64_t seq, struct message *ret,
    bool *ret_found, struct gk_err *err)
{
	struct copy copy = {courier, UINT64_MAX, ""};
	uint64_t next;

	gk_buf_clear(&courier->row);
	GK_TRY(tail_read(courier->tail, seq, 1, courier->target->shown,
	    copy_row, &copy, &next, err));
	*ret_found = copy.seq == seq;
	if (*ret_found) {
		*ret = (struct message){
		    .notice = {courier->row.bytes, courier->row.len}};
		(void)snprintf(ret->id, sizeof(ret->id),
		    "evt_%" PRIu64 "_%.16s", seq, copy.leaf);
		find_link(courier, ret);
	}
	return GK_OK;
}

/* It didn't arrive: when to try again, or not any more. */
static void
put_back(struct courier *courier, uint64_t seq, int64_t wait_us,
    const struct gk_err *why)
{
	int64_t now = tail_now(courier->gate), backoff, age = 0;
	int64_t most = courier->options->max_backoff_us;
	struct outbox *outbox = &courier->outbox;
	bool given_up = false;

	tell_failure(courier, "sending", why);
	backoff =
	    outbox_backoff_us(courier->failing, most, random_u32(courier));
	wait_us = wait_us < most ? wait_us : most;
	courier->not_before_us = now + (wait_us > backoff ? wait_us : backoff);
	pthread_mutex_lock(&courier->worker.lock);
	for (size_t i = 0; i < outbox->waiting.count; i++) {
		struct outbox_letter *letter = &outbox->waiting.letters[i];

		if (letter->seq == seq) {
			letter->first_us =
			    letter->tries++ == 0 ? now : letter->first_us;
			letter->next_us = now + outbox_backoff_us(letter->tries,
						    most, random_u32(courier));
			keep_error(letter->error, why->text);
			age = now - letter->first_us;
		}
	}
	if (age >= courier->options->give_up_us) {
		given_up = outbox_give_up(outbox, seq, now);
	}
	pthread_mutex_unlock(&courier->worker.lock);
	courier->dirty = true;
	if (given_up) {
		worker_alert(&courier->worker, "notify_dead",
		    "seq %" PRIu64 " is given up: %s", seq, why->text);
	}
}

static void
forget(struct courier *courier, uint64_t seq)
{
	pthread_mutex_lock(&courier->worker.lock);
	outbox_remove(&courier->outbox, seq);
	pthread_mutex_unlock(&courier->worker.lock);
	courier->dirty = true;
}

/* The one that is due; false: none is. */
static bool
find_due(struct courier *courier, uint64_t *ret_seq)
{
	int64_t now = tail_now(courier->gate);
	const struct outbox_letter *first;
	bool due;

	if (courier->not_before_us > now) {
		return false;
	}
	pthread_mutex_lock(&courier->worker.lock);
	first = outbox_first(&courier->outbox);
	due = first != NULL && first->next_us <= now;
	*ret_seq = due ? first->seq : 0;
	pthread_mutex_unlock(&courier->worker.lock);
	return due;
}

static void
tell(struct courier *courier, uint64_t seq)
{
	struct gk_err err = {.rc = GK_OK};
	struct message message;
	int64_t wait = 0;
	bool found = false;
	enum gk_rc rc = read_message(courier, seq, &message, &found, &err);

	if (rc == GK_OK && !found) {
		count_skipped(courier, 1);
		forget(courier, seq);
		return;
	}
	if (rc == GK_OK) {
		rc = courier->send(courier, &message, &wait, &err);
	}
	if (rc != GK_OK) {
		put_back(courier, seq, wait, &err);
		return;
	}
	(void)atomic_fetch_add(&courier->sent, 1);
	tell_success(courier);
	forget(courier, seq);
}

/* ---- a test ---- */

static void
try_out(struct courier *courier)
{
	struct message message = {.notice = {"", 0}};
	struct gk_err err = {.rc = GK_OK};
	uint64_t number;
	int64_t wait = 0;
	bool asked;
	enum gk_rc rc;

	pthread_mutex_lock(&courier->worker.lock);
	asked = courier->trial == TRIAL_ASKED;
	pthread_mutex_unlock(&courier->worker.lock);
	if (!asked) {
		return;
	}
	digest_random(&number, sizeof(number));
	(void)snprintf(
	    message.id, sizeof(message.id), "test_%016" PRIx64, number);
	rc = courier->send(courier, &message, &wait, &err);
	pthread_mutex_lock(&courier->worker.lock);
	courier->trial = rc == GK_OK ? TRIAL_SENT : TRIAL_FAILED;
	if (rc != GK_OK) {
		keep_error(courier->last_error, err.text);
		courier->last_error_us = tail_now(courier->gate);
	}
	pthread_mutex_unlock(&courier->worker.lock);
}

/* Who pressed a button waits for it; whether it arrives, the vote counts. */
static void
reply(struct courier *courier)
{
	struct gk_err err = {.rc = GK_OK};
	struct reply one;
	bool any;

	pthread_mutex_lock(&courier->worker.lock);
	any = courier->reply_count > 0;
	if (any) {
		one = courier->replies[0];
		courier->reply_count--;
		memmove(courier->replies, courier->replies + 1,
		    courier->reply_count * sizeof(one));
	}
	pthread_mutex_unlock(&courier->worker.lock);
	if (any && slack__reply(courier, &one, &err) != GK_OK) {
		worker_alert(&courier->worker, "notify_reply", "%s", err.text);
	}
}

/* ---- the thread ---- */

/*
 * A mark beyond the log, or behind another event than it was: the log isn't
 * the one that was looked at.  What of it was told can't be known; what comes
 * from now on is.
 */
enum gk_rc
courier__check(struct courier *courier, struct gk_err *err)
{
	struct outbox *outbox = &courier->outbox;
	uint64_t size = tail_size(courier->gate);
	char leaf[TAIL_LEAF_BYTES];
	int64_t latest =
	    tail_now(courier->gate) + courier->options->max_backoff_us;
	bool found = false;

	/* of a clock that was ahead */
	for (size_t i = 0; i < outbox->waiting.count; i++) {
		if (outbox->waiting.letters[i].next_us > latest) {
			outbox->waiting.letters[i].next_us = latest;
		}
	}
	if (outbox->next == 0 || outbox->leaf[0] == '\0') {
		return GK_OK;
	}
	GK_TRY(tail_leaf(courier->tail, outbox->next - 1, leaf, &found, err));
	if (outbox->next > size || (found && strcmp(leaf, outbox->leaf) != 0)) {
		worker_alert(&courier->worker, "notify_rolled_back",
		    "what was looked at up to seq %" PRIu64
		    " isn't in this log; it begins at its end",
		    outbox->next - 1);
		outbox_done(outbox);
		outbox->next = size;
	}
	return GK_OK;
}

/* One round; false: there was nothing to do. */
static bool
go_round(struct courier *courier)
{
	struct gk_err err = {.rc = GK_OK};
	uint64_t seq;
	bool more = false;

	try_out(courier);
	reply(courier);
	if (look(courier, &more, &err) != GK_OK) {
		tell_failure(courier, "reading the log", &err);
		return false;
	}
	if (find_due(courier, &seq)) {
		tell(courier, seq);
		more = true;
	}
	if (courier->dirty &&
	    worker_now_us() - courier->stored_us >= STORE_US) {
		store(courier);
	}
	return more;
}

void *
courier__main(void *arg)
{
	struct courier *courier = arg;

	store(courier);
	for (;;) {
		bool stopping = worker_is_stopping(&courier->worker);

		if (go_round(courier) && !worker_is_over(&courier->worker)) {
			continue;
		}
		if (courier->dirty || is_touched(courier)) {
			store(courier);
		}
		if (stopping) { /* after the gate's end nothing comes any more */
			return NULL;
		}
		worker_rest(&courier->worker, IDLE_US, is_wanted, courier);
	}
}
