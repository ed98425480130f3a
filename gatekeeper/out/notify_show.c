/* What is told of notifications: the metrics, and the list that the API gives. */
#include <inttypes.h>

#include "base/time.h"
#include "codec/canon.h"
#include "out/notify_internal.h"

enum { LETTERS_MAX = 100 }; /* in a list; more are counted */

/* ---- metrics ---- */

static double
sent(struct courier *courier)
{
	return (double)atomic_load(&courier->sent);
}

static double
failures(struct courier *courier)
{
	return (double)atomic_load(&courier->failures);
}

static double
skipped(struct courier *courier)
{
	return (double)atomic_load(&courier->skipped);
}

static double
up(struct courier *courier)
{
	return atomic_load(&courier->up) ? 1 : 0;
}

static size_t
locked(struct courier *courier, const size_t *count)
{
	size_t n;

	pthread_mutex_lock(&courier->worker.lock);
	n = *count;
	pthread_mutex_unlock(&courier->worker.lock);
	return n;
}

static double
pending(struct courier *courier)
{
	return (double)locked(courier, &courier->outbox.waiting.count);
}

static double
dead(struct courier *courier)
{
	return (double)locked(courier, &courier->outbox.dead.count);
}

static double
lag(struct courier *courier)
{
	uint64_t size = tail_size(courier->gate), next;

	pthread_mutex_lock(&courier->worker.lock);
	next = courier->outbox.next;
	pthread_mutex_unlock(&courier->worker.lock);
	return size > next ? (double)(size - next) : 0;
}

static const struct {
	const char *name, *type, *help;
	double (*get)(struct courier *courier);
} metrics[] = {
    {"gatekeeper_notify_sent_total", "counter",
	"Messages that have arrived at the target.", sent},
    {"gatekeeper_notify_failures_total", "counter",
	"Messages that didn't arrive and are tried again.", failures},
    {"gatekeeper_notify_skipped_total", "counter",
	"Events that were let go before they could be told.", skipped},
    {"gatekeeper_notify_pending", "gauge", "Messages that wait.", pending},
    {"gatekeeper_notify_dead", "gauge", "Messages that were given up.", dead},
    {"gatekeeper_notify_lag_events", "gauge",
	"Events that weren't looked at yet.", lag},
    {"gatekeeper_notify_up", "gauge", "Did the last message arrive?", up},
};

struct metric {
	size_t number;
	struct gk_buf *buf;
};

static enum gk_rc
print_metric(void *ctx, struct courier *courier, struct gk_err *err)
{
	const struct metric *metric = ctx;

	return gk_buf_printf(metric->buf, err, "%s{target=\"%s\"} %.15g\n",
	    metrics[metric->number].name, courier->target->name,
	    metrics[metric->number].get(courier));
}

enum gk_rc
notify_metrics(struct notify *notify, struct gk_buf *buf, struct gk_err *err)
{
	for (size_t i = 0; notify != NULL && i < GK_COUNT(metrics); i++) {
		struct metric metric = {i, buf};

		GK_TRY(gk_buf_printf(buf, err, "# HELP %s %s\n# TYPE %s %s\n",
		    metrics[i].name, metrics[i].help, metrics[i].name,
		    metrics[i].type));
		GK_TRY(notify__each(notify, print_metric, &metric, err));
	}
	return GK_OK;
}

/* ---- the list ---- */

static enum gk_rc
print_time(const char *name, int64_t us, struct gk_buf *buf, struct gk_err *err)
{
	char text[GK_TIME_TEXT_BYTES];

	if (us == 0) {
		return gk_buf_printf(buf, err, "\"%s\":null", name);
	}
	gk_time_print(us, text);
	return gk_buf_printf(buf, err, "\"%s\":\"%s\"", name, text);
}

static enum gk_rc
print_letters(const char *name, const char *when,
    const struct outbox_list *list, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(
	    buf, err, "\"%s_count\":%zu,\"%s\":[", name, list->count, name));
	for (size_t i = 0; i < list->count && i < LETTERS_MAX; i++) {
		const struct outbox_letter *letter = &list->letters[i];

		GK_TRY(gk_buf_puts(
		    buf, i > 0 ? ",{\"error\":" : "{\"error\":", err));
		GK_TRY(canon_string(letter->error, buf, err));
		GK_TRY(gk_buf_puts(buf, ",", err));
		GK_TRY(print_time("first_try", letter->first_us, buf, err));
		GK_TRY(gk_buf_puts(buf, ",", err));
		GK_TRY(print_time(when, letter->next_us, buf, err));
		GK_TRY(gk_buf_printf(buf, err,
		    ",\"seq\":%" PRIu64 ",\"tries\":%u}", letter->seq,
		    letter->tries));
	}
	return gk_buf_puts(buf, "]", err);
}

/* Under its lock. */
static enum gk_rc
print_courier(
    const struct courier *courier, struct gk_buf *buf, struct gk_err *err)
{
	static const char *const trials[] = {
	    "null", "\"asked\"", "\"sent\"", "\"failed\""};

	GK_TRY(gk_buf_puts(buf, "{", err));
	GK_TRY(
	    print_letters("dead", "given_up", &courier->outbox.dead, buf, err));
	GK_TRY(gk_buf_printf(buf, err,
	    ",\"failures\":%" PRIu64 ",\"kind\":\"%s\",\"last_error\":",
	    atomic_load(&courier->failures),
	    notify_kind_words[courier->target->kind]));
	GK_TRY(courier->last_error[0] == '\0'
		   ? gk_buf_puts(buf, "null", err)
		   : canon_string(courier->last_error, buf, err));
	GK_TRY(gk_buf_puts(buf, ",", err));
	GK_TRY(print_time("last_error_at", courier->last_error_us, buf, err));
	GK_TRY(gk_buf_printf(buf, err, ",\"name\":\"%s\",\"next\":%" PRIu64 ",",
	    courier->target->name, courier->outbox.next));
	GK_TRY(print_letters(
	    "pending", "next_try", &courier->outbox.waiting, buf, err));
	GK_TRY(gk_buf_printf(buf, err,
	    ",\"sent\":%" PRIu64 ",\"skipped\":%" PRIu64
	    ",\"test\":%s,\"up\":%s,\"when\":",
	    atomic_load(&courier->sent), atomic_load(&courier->skipped),
	    trials[courier->trial],
	    atomic_load(&courier->up) ? "true" : "false"));
	GK_TRY(canon_string(courier->target->when, buf, err));
	return gk_buf_puts(buf, "}", err);
}

struct listing {
	struct gk_buf *buf;
	bool any;
};

static enum gk_rc
list_courier(void *ctx, struct courier *courier, struct gk_err *err)
{
	struct listing *listing = ctx;
	enum gk_rc rc = GK_OK;

	if (listing->any) {
		rc = gk_buf_puts(listing->buf, ",", err);
	}
	listing->any = true;
	pthread_mutex_lock(&courier->worker.lock);
	if (rc == GK_OK) {
		rc = print_courier(courier, listing->buf, err);
	}
	pthread_mutex_unlock(&courier->worker.lock);
	return rc;
}

enum gk_rc
notify_list(struct notify *notify, struct gk_buf *buf, struct gk_err *err)
{
	struct listing listing = {buf, false};

	GK_TRY(gk_buf_puts(buf, "{\"targets\":[", err));
	GK_TRY(notify__each(notify, list_courier, &listing, err));
	return gk_buf_puts(buf, "]}", err);
}
