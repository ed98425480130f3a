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
	target->worker.name = door->name;
	target->worker.alert = ship->options.alert;
	target->worker.alert_ctx = ship->options.alert_ctx;
	target->format = format;
	target->gate = ship->gate;
	target->batch.bytes.cap = SHIP_PAGE_CAP;
	target->batch.pieces =
	    calloc(ship->options.batch, sizeof(*target->batch.pieces));
	if (target->batch.pieces == NULL) {
		return no_memory(err);
	}
	GK_TRY(worker_init(&target->worker, err));
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

		GK_TRY(worker_start(
		    &target->worker, ship__send_main, target, err));
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

static void
end_target(struct target *target)
{
	worker_join(&target->worker, target->door->interrupt, target->inside);
	if (target->inside != NULL) {
		target->door->close(target->inside);
	}
	tail_close(target->tail);
	format_free(target->stream);
	gk_buf_done(&target->batch.bytes);
	free(target->batch.pieces);
	worker_done(&target->worker);
}

void
ship_stop(struct ship *ship)
{
	if (ship == NULL) {
		return;
	}
	for (size_t i = 0; i < ship->count; i++) {
		worker_end(&ship->targets[i].worker, ship->options.flush_us);
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
