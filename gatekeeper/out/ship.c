/* Shipping: its targets, their threads from start to stop, and their metrics. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/time.h"
#include "out/ship_internal.h"

enum { KEPT_CAP = 64 << 10 };

struct ship {
	struct gk_arena kept; /* the options' strings */
	struct ship_options options;
	struct gate *gate;
	struct target targets[SHIP_TARGETS_MAX];
	size_t count;
};

static enum gk_rc
no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "no memory for shipping");
}

static enum gk_rc
copy_options(
    struct ship *ship, const struct ship_options *options, struct gk_err *err)
{
	struct ship_options *to = &ship->options;
	const char **texts[] = {&to->data_dir, &to->origin, &to->version,
	    &to->file_path, &to->syslog_address, &to->https_url,
	    &to->https_token_file, &to->https_ca_file};

	*to = *options;
	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		if (*texts[i] == NULL) {
			continue;
		}
		*texts[i] = gk_arena_strdup(&ship->kept, *texts[i]);
		if (*texts[i] == NULL) {
			return no_memory(err);
		}
	}
	return GK_OK;
}

static enum gk_rc
init_locks(struct target *target, struct gk_err *err)
{
	pthread_condattr_t attr;
	bool fine = pthread_mutex_init(&target->lock, NULL) == 0;

	fine = fine && pthread_condattr_init(&attr) == 0;
	fine = fine && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0;
	fine = fine && pthread_cond_init(&target->wake, &attr) == 0;
	return fine ? GK_OK : no_memory(err);
}

static enum gk_rc
load_cursor(struct target *target, struct gk_err *err)
{
	bool found;

	GK_TRY(cursor_load(target->options->data_dir, target->door->name,
	    &target->next, target->leaf, &found, err));
	if (!found && target->options->from_now) {
		target->next = tail_size(target->gate);
	}
	atomic_store(&target->acked, target->next);
	return GK_OK;
}

static enum gk_rc
add_target(struct ship *ship, const struct door *door, enum format format,
    struct gk_err *err)
{
	struct target *target = &ship->targets[ship->count];
	const struct format_options printing = {
	    format, ship->options.origin, ship->options.version};

	ship->count++; /* from here on it is ended with the others */
	target->options = &ship->options;
	target->door = door;
	target->format = format;
	target->gate = ship->gate;
	target->batch.bytes.cap = SHIP_PAGE_CAP;
	target->batch.pieces =
	    calloc(ship->options.batch, sizeof(*target->batch.pieces));
	if (target->batch.pieces == NULL) {
		return no_memory(err);
	}
	GK_TRY(init_locks(target, err));
	GK_TRY(load_cursor(target, err));
	GK_TRY(format_new(&printing, &target->stream, err));
	GK_TRY(door->open(target, &target->inside, err));
	GK_TRY(tail_open(ship->gate, door->name, &target->tail, err));
	return ship__check_cursor(target, err);
}

static enum gk_rc
add_targets(struct ship *ship, struct gk_err *err)
{
	const struct ship_options *options = &ship->options;

	if (options->file_path != NULL) {
		GK_TRY(add_target(ship, &door_file, options->file_format, err));
	}
	if (options->syslog_address != NULL) {
		GK_TRY(add_target(
		    ship, &door_syslog, options->syslog_format, err));
	}
	if (options->https_url != NULL) {
		GK_TRY(
		    add_target(ship, &door_https, options->https_format, err));
	}
	return GK_OK;
}

static enum gk_rc
start(struct ship *ship, struct gk_err *err)
{
	if (ship->options.file_path != NULL ||
	    ship->options.syslog_address != NULL ||
	    ship->options.https_url != NULL) {
		GK_TRY(cursor_folder(ship->options.data_dir, err));
	}
	GK_TRY(add_targets(ship, err));
	for (size_t i = 0; i < ship->count; i++) {
		struct target *target = &ship->targets[i];

		target->started = pthread_create(&target->thread, NULL,
				      ship__send_main, target) == 0;
		if (!target->started) {
			return GK_FAIL(err, GK_E_NOMEM, "a sender thread");
		}
	}
	return GK_OK;
}

enum gk_rc
ship_start(const struct ship_options *options, struct gate *gate,
    struct ship **ret_ship, struct gk_err *err)
{
	struct ship *ship = calloc(1, sizeof(*ship));
	enum gk_rc rc;

	if (ship == NULL) {
		return no_memory(err);
	}
	ship->kept.cap = KEPT_CAP;
	ship->gate = gate;
	rc = copy_options(ship, options, err);
	if (rc == GK_OK) {
		rc = start(ship, err);
	}
	if (rc != GK_OK) {
		ship_stop(ship);
		return rc;
	}
	*ret_ship = ship;
	return GK_OK;
}

void
ship_reopen(struct ship *ship)
{
	for (size_t i = 0; ship != NULL && i < ship->count; i++) {
		atomic_store(&ship->targets[i].reopen, true);
	}
}

/* Its thread ends by itself until then; else what it waits for is broken off. */
static void
join(struct target *target)
{
	int64_t left = atomic_load(&target->deadline_us) - ship__monotonic_us();
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	left = left > 0 ? left : 0;
	until.tv_sec += left / GK_US_PER_S;
	until.tv_nsec += left % GK_US_PER_S * 1000;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	if (pthread_timedjoin_np(target->thread, NULL, &until) == 0) {
		return;
	}
	if (target->door->interrupt != NULL) {
		target->door->interrupt(target->inside);
	}
	(void)pthread_join(target->thread, NULL);
}

static void
end_target(struct target *target)
{
	if (target->started) {
		join(target);
	}
	if (target->inside != NULL) {
		target->door->close(target->inside);
	}
	tail_close(target->tail);
	format_free(target->stream);
	gk_buf_done(&target->batch.bytes);
	free(target->batch.pieces);
	(void)pthread_cond_destroy(&target->wake);
	(void)pthread_mutex_destroy(&target->lock);
}

void
ship_stop(struct ship *ship)
{
	if (ship == NULL) {
		return;
	}
	for (size_t i = 0; i < ship->count; i++) {
		struct target *target = &ship->targets[i];

		atomic_store(&target->deadline_us,
		    ship__monotonic_us() + ship->options.flush_us);
		pthread_mutex_lock(&target->lock);
		target->stopping = true;
		(void)pthread_cond_broadcast(&target->wake);
		pthread_mutex_unlock(&target->lock);
	}
	for (size_t i = 0; i < ship->count; i++) {
		end_target(&ship->targets[i]);
	}
	gk_arena_done(&ship->kept);
	free(ship);
}

/* ---- metrics ---- */

static uint64_t
lag_events(const struct target *target)
{
	uint64_t size = tail_size(target->gate);
	uint64_t acked = atomic_load(&target->acked);

	return size > acked ? size - acked : 0;
}

/* How old the oldest event is that hasn't arrived. */
static double
lag_seconds(const struct target *target)
{
	int64_t oldest = atomic_load(&target->oldest_us);
	int64_t now = tail_now(target->gate);

	return oldest > 0 && now > oldest
		   ? (double)(now - oldest) / (double)GK_US_PER_S
		   : 0;
}

static double
up(const struct target *target)
{
	return atomic_load(&target->up) ? 1 : 0;
}

static double
lag(const struct target *target)
{
	return (double)lag_events(target);
}

static double
shipped(const struct target *target)
{
	return (double)atomic_load(&target->shipped);
}

static double
failures(const struct target *target)
{
	return (double)atomic_load(&target->failures);
}

static double
skipped(const struct target *target)
{
	return (double)atomic_load(&target->skipped);
}

static const struct {
	const char *name, *type, *help;
	double (*get)(const struct target *target);
} metrics[] = {
    {"gatekeeper_export_lag_events", "gauge",
	"Events that haven't arrived at the target.", lag},
    {"gatekeeper_export_lag_seconds", "gauge",
	"Age of the oldest event of the batch under way.", lag_seconds},
    {"gatekeeper_export_up", "gauge", "Did the last batch arrive?", up},
    {"gatekeeper_export_events_total", "counter",
	"Events that have arrived at the target.", shipped},
    {"gatekeeper_export_failures_total", "counter",
	"Batches that didn't arrive and were tried again.", failures},
    {"gatekeeper_export_skipped_events_total", "counter",
	"Events that were let go before they were shipped.", skipped},
};

enum gk_rc
ship_metrics(struct ship *ship, struct gk_buf *buf, struct gk_err *err)
{
	for (size_t m = 0;
	     ship != NULL && ship->count > 0 && m < GK_COUNT(metrics); m++) {
		GK_TRY(gk_buf_printf(buf, err, "# HELP %s %s\n# TYPE %s %s\n",
		    metrics[m].name, metrics[m].help, metrics[m].name,
		    metrics[m].type));
		for (size_t i = 0; i < ship->count; i++) {
			const struct target *target = &ship->targets[i];

			GK_TRY(gk_buf_printf(buf, err,
			    "%s{target=\"%s\"} %.15g\n", metrics[m].name,
			    target->door->name, metrics[m].get(target)));
		}
	}
	return GK_OK;
}
