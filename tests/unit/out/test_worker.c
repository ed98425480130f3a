/* Tests the life of a target's thread: its rests, its alerts and its end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "out/worker.h"

#define LONG_US GK_US_PER_HOUR /* nobody here waits for that */

struct job {
	struct worker worker;
	bool wanted; /* under worker.lock */
	int pipe[2];
	atomic_bool rested;
	char told[200];
};

static bool
is_wanted(const void *ctx)
{
	return ((const struct job *)ctx)->wanted;
}

static void
keep(void *ctx, const char *event, const char *text)
{
	struct job *job = ctx;

	(void)snprintf(job->told, sizeof(job->told), "%s %s", event, text);
}

static void
make(struct job *job, void *(*main)(void *))
{
	memset(job, 0, sizeof(*job));
	job->worker.name = "ops";
	job->worker.alert = keep;
	job->worker.alert_ctx = job;
	cr_assert(worker_init(&job->worker, NULL) == GK_OK);
	cr_assert(worker_start(&job->worker, main, job, NULL) == GK_OK);
}

static void *
rests(void *arg)
{
	struct job *job = arg;

	worker_rest(&job->worker, LONG_US, is_wanted, job);
	atomic_store(&job->rested, true);
	while (!worker_is_stopping(&job->worker)) {
		worker_rest(&job->worker, LONG_US, NULL, NULL);
	}
	return NULL;
}

Test(worker, what_is_wanted_and_the_end_both_end_a_rest, .timeout = 30)
{
	struct job job;

	make(&job, rests);
	pthread_mutex_lock(&job.worker.lock);
	job.wanted = true;
	(void)pthread_cond_broadcast(&job.worker.wake);
	pthread_mutex_unlock(&job.worker.lock);
	while (!atomic_load(&job.rested)) {
		(void)usleep(1000);
	}
	cr_assert(!worker_is_stopping(&job.worker));
	cr_assert(!worker_is_over(&job.worker));
	worker_end(&job.worker, LONG_US);
	worker_join(&job.worker, NULL, NULL);
	cr_assert(!worker_is_over(&job.worker));
	worker_done(&job.worker);
}

static void *
reads(void *arg)
{
	struct job *job = arg;
	char byte;

	(void)!read(job->pipe[0], &byte, 1);
	atomic_store(&job->rested, worker_is_over(&job->worker));
	return NULL;
}

static void
break_off(void *ctx)
{
	struct job *job = ctx;

	(void)!write(job->pipe[1], "x", 1);
}

Test(worker, one_that_waits_elsewhere_is_broken_off_when_its_time_is_up,
    .timeout = 30)
{
	struct job job;
	int ends[2];

	cr_assert(pipe(ends) == 0);
	memset(&job, 0, sizeof(job));
	job.worker.name = "ops";
	job.pipe[0] = ends[0];
	job.pipe[1] = ends[1];
	cr_assert(worker_init(&job.worker, NULL) == GK_OK);
	cr_assert(worker_start(&job.worker, reads, &job, NULL) == GK_OK);
	worker_end(&job.worker, 1000);
	worker_join(&job.worker, break_off, &job);
	cr_assert(atomic_load(&job.rested), "its time was up");
	worker_done(&job.worker);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

Test(worker, a_rest_has_an_end_of_its_own, .timeout = 30)
{
	struct job job;
	int64_t before = worker_now_us();

	memset(&job, 0, sizeof(job));
	cr_assert(worker_init(&job.worker, NULL) == GK_OK);
	worker_rest(&job.worker, 2000, NULL, NULL);
	cr_assert(worker_now_us() - before >= 2000);
	worker_done(&job.worker);
}

Test(worker, one_that_never_was_is_ended_all_the_same)
{
	struct worker worker = {.name = "ops"};

	worker_end(&worker, 0);
	worker_join(&worker, NULL, NULL);
	worker_done(&worker);
	worker_alert(&worker, "event", "nobody %s", "listens");
}

Test(worker, an_alert_says_whose_it_is)
{
	struct job job = {.told = ""};

	job.worker.name = "ops";
	job.worker.alert = keep;
	job.worker.alert_ctx = &job;
	worker_alert(&job.worker, "failing", "answered %d", 500);
	cr_assert_str_eq(job.told, "failing ops: answered 500");
}
