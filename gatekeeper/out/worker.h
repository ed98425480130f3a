#ifndef GK_OUT_WORKER_H
#define GK_OUT_WORKER_H
/* The thread of one target: its lock, its rests, what it tells an operator, and how it comes to its end. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Embedded in what the thread works on.  lock guards that, too. */
struct worker {
	const char *name; /* in front of what it tells; borrowed */
	/* From any thread; must not block; NULL: nobody is told. */
	void (*alert)(void *ctx, const char *event, const char *text);
	void *alert_ctx;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ready; /* lock and wake are */
	pthread_t thread;
	bool started;
	bool stopping;               /* under lock */
	_Atomic int64_t deadline_us; /* of worker_now_us(); 0: none yet */
};

/* CLOCK_MONOTONIC, in µs. */
int64_t worker_now_us(void);

/* name, alert and alert_ctx are set.  Errors: GK_E_NOMEM. */
enum gk_rc worker_init(struct worker *worker, struct gk_err *err) GK_MUST_USE;
/* Errors: GK_E_NOMEM. */
enum gk_rc worker_start(struct worker *worker, void *(*main)(void *), void *arg,
    struct gk_err *err) GK_MUST_USE;

/*
 * The end comes in this order, from one thread: ask it to end, within that time;
 * wait for it, breaking off what it waits for when time is up (interrupt NULL:
 * it waits for nothing else); free its lock.  The latter two also take one that
 * was never started, or never initialised.
 */
void worker_end(struct worker *worker, int64_t within_us);
void worker_join(
    struct worker *worker, void (*interrupt)(void *ctx), void *ctx);
void worker_done(struct worker *worker);

/* For its own thread. */
bool worker_is_stopping(struct worker *worker);
bool worker_is_over(const struct worker *worker); /* the time to end is up */
/* Rest so long, or until it is asked to end, or wanted (asked under lock after each wake; NULL: nothing) is true. */
void worker_rest(struct worker *worker, int64_t us,
    bool (*wanted)(const void *ctx), const void *ctx);
void worker_alert(const struct worker *worker, const char *event,
    const char *fmt, ...) GK_PRINTF(3, 4);

#endif
