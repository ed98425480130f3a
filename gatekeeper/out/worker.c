/* What the threads of all targets share, whatever they send. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "out/worker.h"

enum { ALERT_BYTES = 512 };

int64_t
worker_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * GK_US_PER_S + now.tv_nsec / 1000;
}

enum gk_rc
worker_init(struct worker *worker, struct gk_err *err)
{
	pthread_condattr_t monotonic;

	if (pthread_condattr_init(&monotonic) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "a target's lock");
	}
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	worker->ready = pthread_mutex_init(&worker->lock, NULL) == 0 &&
			pthread_cond_init(&worker->wake, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	return worker->ready ? GK_OK
			     : GK_FAIL(err, GK_E_NOMEM, "a target's lock");
}

enum gk_rc
worker_start(
    struct worker *worker, void *(*main)(void *), void *arg, struct gk_err *err)
{
	worker->started = pthread_create(&worker->thread, NULL, main, arg) == 0;
	return worker->started ? GK_OK
			       : GK_FAIL(err, GK_E_NOMEM, "a target's thread");
}

void
worker_end(struct worker *worker, int64_t within_us)
{
	if (!worker->ready) {
		return;
	}
	atomic_store(&worker->deadline_us, worker_now_us() + within_us);
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	(void)pthread_cond_broadcast(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

void
worker_join(struct worker *worker, void (*interrupt)(void *ctx), void *ctx)
{
	int64_t left = atomic_load(&worker->deadline_us) - worker_now_us();
	struct timespec until;
	int64_t nsec;

	if (!worker->started) {
		return;
	}
	left = left > 0 ? left : 0;
	(void)clock_gettime(CLOCK_REALTIME, &until); /* as it is asked for */
	nsec = until.tv_nsec + left % GK_US_PER_S * 1000;
	until.tv_sec += left / GK_US_PER_S + nsec / 1000000000L;
	until.tv_nsec = nsec % 1000000000L;
	if (pthread_timedjoin_np(worker->thread, NULL, &until) != 0) {
		if (interrupt != NULL) {
			interrupt(ctx);
		}
		(void)pthread_join(worker->thread, NULL);
	}
	worker->started = false;
}

void
worker_done(struct worker *worker)
{
	if (worker->ready) {
		(void)pthread_cond_destroy(&worker->wake);
		(void)pthread_mutex_destroy(&worker->lock);
		worker->ready = false;
	}
}

bool
worker_is_stopping(struct worker *worker)
{
	bool stopping;

	pthread_mutex_lock(&worker->lock);
	stopping = worker->stopping;
	pthread_mutex_unlock(&worker->lock);
	return stopping;
}

bool
worker_is_over(const struct worker *worker)
{
	int64_t deadline = atomic_load(&worker->deadline_us);

	return deadline > 0 && worker_now_us() >= deadline;
}

void
worker_rest(struct worker *worker, int64_t us, bool (*wanted)(const void *ctx),
    const void *ctx)
{
	int64_t until = worker_now_us() + us;
	const struct timespec at = {.tv_sec = until / GK_US_PER_S,
	    .tv_nsec = until % GK_US_PER_S * 1000};

	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping && (wanted == NULL || !wanted(ctx)) &&
	       pthread_cond_timedwait(&worker->wake, &worker->lock, &at) !=
		   ETIMEDOUT) {
	}
	pthread_mutex_unlock(&worker->lock);
}

void
worker_alert(
    const struct worker *worker, const char *event, const char *fmt, ...)
{
	char text[ALERT_BYTES];
	int n = snprintf(text, sizeof(text), "%.128s: ", worker->name);
	va_list args;

	if (worker->alert == NULL) {
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	va_end(args);
	worker->alert(worker->alert_ctx, event, text);
}
