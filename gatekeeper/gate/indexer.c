/* The thread that builds the search index behind the log. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gate/gate_internal.h"

enum {
	GATHER_MS = 50, /* between what it reads: so far it lags */
	AFTER_ERROR_MS = 10000,
	NICE = 5, /* a decision goes before */
};

static int64_t
run_id_of(const char *bytes, size_t n)
{
	struct entry_text text = entry_get(bytes, n, "run_id");
	char id[300];

	if (text.at == NULL || text.n < 2 || text.n - 2 >= sizeof(id)) {
		return 0;
	}
	memcpy(id, text.at + 1, text.n - 2);
	id[text.n - 2] = '\0';
	return event_column_hash(id, NULL);
}

/* Until the time is up or the end has come; woken: or something was committed. */
static bool
rest(struct gate_indexer *indexer, int ms, bool woken)
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
	pthread_mutex_lock(&indexer->lock);
	while (!indexer->ends && !(woken && indexer->due)) {
		if (woken) {
			(void)pthread_cond_wait(&indexer->wake, &indexer->lock);
		} else if (pthread_cond_timedwait(&indexer->wake,
			       &indexer->lock, &until) == ETIMEDOUT) {
			break;
		}
	}
	if (woken) {
		indexer->due = false;
	}
	ends = indexer->ends;
	pthread_mutex_unlock(&indexer->lock);
	return !ends;
}

/* Everything that is there; false after an error, which is told once. */
static bool
follow(struct gate *gate)
{
	struct gate_indexer *indexer = &gate->indexer;
	struct gk_err err = {.rc = GK_OK};
	bool more = true;

	while (more && !atomic_load(&gate->queue.stopping)) {
		if (journal_index_follow(indexer->index, indexer->reader, &more,
			&err) != GK_OK) {
			if (!indexer->told) {
				gate__alert(gate, "search_index",
				    "searches get slower: %s", err.text);
			}
			indexer->told = true;
			return false;
		}
		indexer->told = false;
	}
	return true;
}

static void *
indexer_main(void *arg)
{
	struct gate *gate = arg;
	struct gate_indexer *indexer = &gate->indexer;
	bool goes_on = true;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (goes_on) {
		goes_on = follow(gate) ? rest(indexer, 0, true) &&
					     rest(indexer, GATHER_MS, false)
				       : rest(indexer, AFTER_ERROR_MS, false);
	}
	return NULL;
}

static enum gk_rc
open_index(struct gate *gate, struct gk_err *err)
{
	const struct journal_index_options options = {
	    .data_dir = gate->options.data_dir, .run_id = run_id_of};
	struct gate_indexer *indexer = &gate->indexer;

	GK_TRY(journal_index_open(&options, &indexer->index, err));
	GK_TRY(
	    journal_reader_open(gate->options.data_dir, &indexer->reader, err));
	for (size_t i = 0; i < GATE_READERS; i++) {
		GK_TRY(journal_reader_use(
		    gate->readers[i].journal, indexer->index, err));
	}
	indexer->started =
	    pthread_create(&indexer->thread, NULL, indexer_main, gate) == 0;
	return indexer->started
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "the index's thread");
}

void
gate__index_start(struct gate *gate)
{
	struct gk_err err = {.rc = GK_OK};

	if (open_index(gate, &err) != GK_OK) {
		gate__alert(gate, "search_index",
		    "searches go without an index: %s", err.text);
	}
}

void
gate__index_wake(struct gate *gate)
{
	struct gate_indexer *indexer = &gate->indexer;

	pthread_mutex_lock(&indexer->lock);
	if (!indexer->due) {
		indexer->due = true;
		(void)pthread_cond_signal(&indexer->wake);
	}
	pthread_mutex_unlock(&indexer->lock);
}

void
gate__index_stop(struct gate *gate)
{
	struct gate_indexer *indexer = &gate->indexer;

	if (!indexer->started) {
		return;
	}
	pthread_mutex_lock(&indexer->lock);
	indexer->ends = true;
	(void)pthread_cond_signal(&indexer->wake);
	pthread_mutex_unlock(&indexer->lock);
	(void)pthread_join(indexer->thread, NULL);
	indexer->started = false;
}

void
gate__index_close(struct gate *gate)
{
	gate__index_stop(gate);
	if (gate->indexer.reader != NULL) {
		journal_reader_close(gate->indexer.reader);
	}
	journal_index_close(gate->indexer.index);
}

void
gate__index_metrics(struct gate *gate)
{
	struct gate_metrics *metrics = &gate->metrics;
	struct journal_index_state state;
	uint64_t size =
	    atomic_load_explicit(&metrics->seq, memory_order_relaxed);

	if (gate->indexer.index != NULL) {
		journal_index_state(gate->indexer.index, &state);
		metrics_set(&metrics->index_lag,
		    size > state.known ? size - state.known : 0);
		metrics_set(&metrics->index_bytes, state.bytes);
		metrics_set(&metrics->index_rebuilt, state.rebuilt);
	}
}
