/* The gate itself: opened, started, stopped, closed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/newest.h"
#include "gate/retention.h"

enum {
	OPTIONS_CAP = 1 << 20,
	SCRATCH_CAP = 64 << 20,
	ALERT_BYTES = 512,
};

void
gate__alert(const struct gate *gate, const char *event, const char *fmt, ...)
{
	char text[ALERT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (gate->options.alert != NULL) {
		gate->options.alert(gate->options.alert_ctx, event, text);
	}
}

static bool
copy_text(struct gk_arena *arena, const char **text)
{
	if (*text != NULL) {
		*text = gk_arena_strdup(arena, *text);
		return *text != NULL;
	}
	return true;
}

static bool
copy_list(struct gk_arena *arena, const char *const **list, size_t count)
{
	const char **copy = gk_arena_calloc(arena, count, sizeof(*copy));

	for (size_t i = 0; i < count && copy != NULL; i++) {
		copy[i] = (*list)[i];
		if (!copy_text(arena, &copy[i])) {
			return false;
		}
	}
	*list = copy;
	return copy != NULL;
}

static enum gk_rc
copy_options(
    struct gate *gate, const struct gate_options *options, struct gk_err *err)
{
	struct gate_options *copy = &gate->options;

	*copy = *options;
	if (!copy_text(&gate->arena, &copy->data_dir) ||
	    !copy_text(&gate->arena, &copy->policy_dir) ||
	    !copy_text(&gate->arena, &copy->origin) ||
	    !copy_text(&gate->arena, &copy->signer) ||
	    !copy_text(&gate->arena, &copy->version) ||
	    !copy_text(&gate->arena, &copy->witness.policy) ||
	    !copy_list(
		&gate->arena, &copy->redact_fields, copy->redact_count) ||
	    !copy_list(&gate->arena, &copy->show_fields, copy->show_count) ||
	    !copy_list(&gate->arena, &copy->retention_openings,
		copy->retention_openings_count)) {
		return GK_FAIL(err, GK_E_NOMEM, "options");
	}
	gate->clock =
	    options->clock == NULL ? gk_clock_system : *options->clock;
	copy->clock = &gate->clock;
	if (copy->admission_burst < 1) {
		copy->admission_burst = 1;
	}
	if (copy->places > 0) {
		gate->places.max = copy->places;
	}
	return GK_OK;
}

static enum gk_rc
init_locks(struct gate *gate, struct gk_err *err)
{
	pthread_condattr_t monotonic;

	GK_TRY(gate__queue_init(&gate->queue, err));
	GK_TRY(gate__admission_init(&gate->admission, err));
	GK_TRY(places_init(&gate->places, PLACES, err));
	GK_TRY(newest_new(&gate->newest, err));
	if (pthread_mutex_init(&gate->publish_lock, NULL) != 0 ||
	    pthread_mutex_init(&gate->reload_lock, NULL) != 0 ||
	    pthread_mutex_init(&gate->janitor_lock, NULL) != 0 ||
	    pthread_mutex_init(&gate->indexer.lock, NULL) != 0 ||
	    pthread_mutex_init(&gate->herald.lock, NULL) != 0 ||
	    pthread_condattr_init(&monotonic) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "locks");
	}
	if (pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&gate->janitor_wake, &monotonic) != 0 ||
	    pthread_cond_init(&gate->indexer.wake, &monotonic) != 0 ||
	    pthread_cond_init(&gate->herald.wake, &monotonic) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "locks");
	}
	(void)pthread_condattr_destroy(&monotonic);
	return GK_OK;
}

static enum gk_rc
open_journal(
    struct gate *gate, struct journal_found *ret_found, struct gk_err *err)
{
	struct journal_options options = {
	    .data_dir = gate->options.data_dir,
	    .origin = gate->options.origin,
	    .signer = gate->options.signer,
	    .lock_wait_ms = gate->options.lock_wait_ms,
	    .now_us = gate->clock.wall_us(gate->clock.ctx),
	};
	struct ledger_limits limits = {
	    .run_idle_us = gate->options.run_idle_us,
	    .runs_per_identity = gate->options.runs_per_identity,
	    .asks_per_hour = gate->options.asks_per_hour,
	    .result_grace_us = gate->options.result_grace_us,
	};

	gate__space_start(gate);
	GK_TRY(journal_open(&options, &gate->journal, ret_found, err));
	(void)snprintf(
	    gate->vkey, sizeof(gate->vkey), "%s", journal_vkey(gate->journal));
	(void)snprintf(gate->origin, sizeof(gate->origin), "%s",
	    journal_origin(gate->journal));
	journal_id_key(gate->journal, &gate->id_key);
	return ledger_new(&gate->id_key, &limits, &gate->ledger, err);
}

static enum gk_rc
open_all(struct gate *gate, struct gk_err *err)
{
	struct journal_found found = {.created = false};

	GK_TRY(digest_init(err));
	GK_TRY(open_journal(gate, &found, err));
	GK_TRY(gate__witness_open(gate, err));
	GK_TRY(gate__witness_start(gate, &found, err));
	return gate__boot(gate, &found, err);
}

enum gk_rc
gate_open(const struct gate_options *options, struct gate **ret_gate,
    struct gk_err *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	enum gk_rc rc;

	if (gate == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "gate");
	}
	gate->arena.cap = OPTIONS_CAP;
	gate->scratch.cap = SCRATCH_CAP;
	gate->bytes.cap = (size_t)LEDGER_EVENTS_MAX * (EVENT_BYTES_MAX + 1);
	gate->reserve = -1;
	gate__list_init(&gate->waiters);
	gate__list_init(&gate->woken);
	gate__list_init(&gate->erasing);
	rc = init_locks(gate, err);
	if (rc != GK_OK) {
		free(gate);
		return rc;
	}
	rc = copy_options(gate, options, err);
	if (rc == GK_OK) {
		rc = gate__retention_init(gate, err);
	}
	if (rc == GK_OK) {
		rc = open_all(gate, err);
	}
	if (rc != GK_OK) {
		gate_close(gate);
		return rc;
	}
	*ret_gate = gate;
	return GK_OK;
}

/* ---- threads ---- */

static enum gk_rc
start_reader(struct gate *gate, struct gate_reader *reader, struct gk_err *err)
{
	reader->gate = gate;
	GK_TRY(
	    journal_reader_open(gate->options.data_dir, &reader->journal, err));
	if (pthread_create(&reader->thread, NULL, gate__reader_main, reader) !=
	    0) {
		return GK_FAIL(err, GK_E_NOMEM, "a reader thread");
	}
	reader->started = true;
	return GK_OK;
}

enum gk_rc
gate_start(struct gate *gate, struct gk_err *err)
{
	for (size_t i = 0; i < GATE_READERS; i++) {
		GK_TRY(start_reader(gate, &gate->readers[i], err));
	}
	GK_TRY(journal_reader_open(
	    gate->options.data_dir, &gate->retention->reader, err));
	gate__index_start(gate);
	GK_TRY(gate__herald_start(gate, err));
	gate->commit_started = pthread_create(&gate->commit_thread, NULL,
				   gate__commit_main, gate) == 0;
	gate->janitor_started =
	    gate->commit_started && pthread_create(&gate->janitor_thread, NULL,
					gate__janitor_main, gate) == 0;
	return gate->janitor_started
		   ? gate__witness_run(gate, err)
		   : GK_FAIL(err, GK_E_NOMEM, "the gate's threads");
}

static void
end_janitor(struct gate *gate)
{
	if (!gate->janitor_started) {
		return;
	}
	pthread_mutex_lock(&gate->janitor_lock);
	gate->janitor_ends = true;
	(void)pthread_cond_signal(&gate->janitor_wake);
	pthread_mutex_unlock(&gate->janitor_lock);
	(void)pthread_join(gate->janitor_thread, NULL);
	gate->janitor_started = false;
}

/* Refuse new calls, let the waiters go, and wait until nothing is in flight. */
static void
drain(struct gate *gate)
{
	struct gate_queue *queue = &gate->queue;

	pthread_mutex_lock(&queue->lock);
	atomic_store(&queue->stopping, true);
	queue->tick = true;
	queue->commit_sleeps = false;
	(void)pthread_cond_signal(&queue->commit_wake);
	while (gate->commit_started && queue->in_flight > 0) {
		(void)pthread_cond_wait(&queue->idle, &queue->lock);
	}
	queue->ending = true;
	(void)pthread_cond_broadcast(&queue->commit_wake);
	(void)pthread_cond_broadcast(&queue->read_wake);
	pthread_mutex_unlock(&queue->lock);
}

void
gate_stop(struct gate *gate)
{
	struct gk_err err = {.rc = GK_OK};

	if (gate->stopped) {
		return;
	}
	gate->stopped = true;
	gate__witness_end(gate);
	drain(gate);
	end_janitor(gate);
	gate__index_stop(gate);
	gate__herald_stop(gate);
	for (size_t i = 0; i < GATE_READERS; i++) {
		if (gate->readers[i].started) {
			(void)pthread_join(gate->readers[i].thread, NULL);
			gate->readers[i].started = false;
		}
	}
	if (gate->commit_started) {
		(void)pthread_join(gate->commit_thread, NULL);
		gate->commit_started = false;
	}
	if (!atomic_load(&gate->failed) &&
	    (gate__close_event(gate, &err) != GK_OK ||
		gate__witness_last(gate, &err) != GK_OK)) {
		gate__break(gate, &err);
	}
}

void
gate_close(struct gate *gate)
{
	if (gate == NULL) {
		return;
	}
	for (size_t i = 0; i < GATE_READERS; i++) {
		if (gate->readers[i].journal != NULL) {
			journal_reader_close(gate->readers[i].journal);
		}
	}
	gate__witness_close(gate);
	gate__index_close(gate);
	gate__herald_close(gate);
	gate__space_close(gate);
	gate__retention_done(gate);
	ledger_freep(&gate->ledger);
	if (gate->journal != NULL) {
		journal_close(gate->journal);
	}
	gate_identities_unpin(gate->identities);
	if (gate->policy != NULL) {
		policy_unpinp(&gate->policy);
	}
	gate__accesses_done(gate);
	gate__admission_done(&gate->admission);
	places_done(&gate->places);
	newest_freep(&gate->newest);
	gate__queue_done(&gate->queue);
	(void)pthread_mutex_destroy(&gate->publish_lock);
	(void)pthread_mutex_destroy(&gate->reload_lock);
	(void)pthread_mutex_destroy(&gate->janitor_lock);
	(void)pthread_cond_destroy(&gate->janitor_wake);
	(void)pthread_mutex_destroy(&gate->indexer.lock);
	(void)pthread_cond_destroy(&gate->indexer.wake);
	(void)pthread_mutex_destroy(&gate->herald.lock);
	(void)pthread_cond_destroy(&gate->herald.wake);
	gate__keys_wipe(&gate->hash_keys);
	digest_wipe(&gate->id_key, sizeof(gate->id_key));
	gk_buf_done(&gate->bytes);
	gk_arena_done(&gate->scratch);
	gk_arena_done(&gate->arena);
	free(gate);
}

bool
gate_failed(const struct gate *gate)
{
	return atomic_load(&gate->failed);
}

bool
gate_ready(struct gate *gate, const char **ret_why)
{
	*ret_why = atomic_load(&gate->contradicted)     ? "witness"
		   : atomic_load(&gate->failed)         ? "journal"
		   : atomic_load(&gate->queue.stopping) ? "stopping"
		   : atomic_load(&gate->no_space)       ? "space"
		   : atomic_load(&gate->clock_gap)      ? "clock"
		   : atomic_load(&gate->unwitnessed)    ? "witness"
							: NULL;
	return *ret_why == NULL;
}

bool
gate_publishes_log(const struct gate *gate)
{
	return gate->options.publish_log;
}

const char *
gate_vkey(const struct gate *gate)
{
	return gate->vkey;
}

const char *
gate_origin(const struct gate *gate)
{
	return gate->origin;
}
