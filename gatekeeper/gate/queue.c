/* The bounded queues between callers, the commit thread and the readers. */
#include <stdlib.h>

#include "base/assert.h"
#include "gate/gate_internal.h"

void
gate__list_init(struct gate_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
	list->count = 0;
}

void
gate__list_add(struct gate_list *list, struct gate_work *work)
{
	work->next = NULL;
	*list->tail = work;
	list->tail = &work->next;
	list->count++;
}

struct gate_work *
gate__list_take(struct gate_list *list)
{
	struct gate_work *work = list->head;

	if (work != NULL) {
		list->head = work->next;
		if (list->head == NULL) {
			list->tail = &list->head;
		}
		work->next = NULL;
		list->count--;
	}
	return work;
}

enum gk_rc
gate__queue_init(struct gate_queue *queue, struct gk_err *err)
{
	for (int i = 0; i < LANE_COUNT; i++) {
		gate__list_init(&queue->lanes[i]);
	}
	if (pthread_mutex_init(&queue->lock, NULL) != 0 ||
	    pthread_cond_init(&queue->commit_wake, NULL) != 0 ||
	    pthread_cond_init(&queue->read_wake, NULL) != 0 ||
	    pthread_cond_init(&queue->idle, NULL) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "a lock for the queue");
	}
	return GK_OK;
}

void
gate__queue_done(struct gate_queue *queue)
{
	(void)pthread_mutex_destroy(&queue->lock);
	(void)pthread_cond_destroy(&queue->commit_wake);
	(void)pthread_cond_destroy(&queue->read_wake);
	(void)pthread_cond_destroy(&queue->idle);
}

/* Under lock.  A sleeping commit thread is woken once, not for every call. */
static void
put(struct gate_queue *queue, struct gate_work *work, enum gate_lane lane)
{
	gate__list_add(&queue->lanes[lane], work);
	if (lane == LANE_READ) {
		(void)pthread_cond_signal(&queue->read_wake);
	} else if (queue->commit_sleeps) {
		queue->commit_sleeps = false;
		(void)pthread_cond_signal(&queue->commit_wake);
	}
}

static void
refuse_full(struct gate *gate, struct gate_call *call)
{
	metrics_count(&gate->metrics.refused_queue, 1);
	call->retry_after_ms = 250;
	(void)gate__problem(call, GATE_UNAVAILABLE, "queue_full",
	    "too many calls wait already; ask again a little later");
}

bool
gate__queue_push(struct gate *gate, struct gate_work *work, enum gate_lane lane)
{
	struct gate_queue *queue = &gate->queue;
	bool stopping, full;

	pthread_mutex_lock(&queue->lock);
	stopping = queue->stopping || atomic_load(&gate->failed);
	full = queue->lanes[lane].count >= gate->options.queue;
	if (!stopping && !full) {
		queue->in_flight++;
		put(queue, work, lane);
	}
	pthread_mutex_unlock(&queue->lock);
	if (stopping && atomic_load(&gate->failed)) {
		(void)gate__failed(work->call, NULL);
	} else if (stopping) {
		(void)gate__problem(work->call, GATE_UNAVAILABLE, "stopping",
		    "gatekeeper is being stopped");
	} else if (full) {
		refuse_full(gate, work->call);
	}
	return !stopping && !full;
}

void
gate__queue_pass(struct gate *gate, struct gate_work *work, enum gate_lane lane)
{
	pthread_mutex_lock(&gate->queue.lock);
	put(&gate->queue, work, lane);
	pthread_mutex_unlock(&gate->queue.lock);
}

static bool
has_commit_work(const struct gate_queue *queue)
{
	return queue->tick || queue->ending ||
	       queue->lanes[LANE_CONTROL].head != NULL ||
	       queue->lanes[LANE_NORMAL].head != NULL;
}

bool
gate__queue_drain(
    struct gate *gate, struct gate_list *ret_works, bool *ret_tick)
{
	struct gate_queue *queue = &gate->queue;
	bool more;

	gate__list_init(ret_works);
	pthread_mutex_lock(&queue->lock);
	while (!has_commit_work(queue)) {
		queue->commit_sleeps = true;
		(void)pthread_cond_wait(&queue->commit_wake, &queue->lock);
	}
	queue->commit_sleeps = false;
	*ret_tick = queue->tick;
	queue->tick = false;
	for (int lane = LANE_CONTROL; lane >= LANE_NORMAL; lane--) {
		while (ret_works->count < GATE_BATCH_MAX &&
		       queue->lanes[lane].head != NULL) {
			gate__list_add(
			    ret_works, gate__list_take(&queue->lanes[lane]));
		}
	}
	more = !queue->ending || ret_works->count > 0;
	pthread_mutex_unlock(&queue->lock);
	return more;
}

bool
gate__queue_take_read(struct gate *gate, struct gate_work **ret_work)
{
	struct gate_queue *queue = &gate->queue;

	pthread_mutex_lock(&queue->lock);
	while (queue->lanes[LANE_READ].head == NULL && !queue->ending) {
		(void)pthread_cond_wait(&queue->read_wake, &queue->lock);
	}
	*ret_work = gate__list_take(&queue->lanes[LANE_READ]);
	pthread_mutex_unlock(&queue->lock);
	return *ret_work != NULL;
}

void
gate__queue_tick(struct gate *gate)
{
	struct gate_queue *queue = &gate->queue;

	pthread_mutex_lock(&queue->lock);
	queue->tick = true;
	if (queue->commit_sleeps) {
		queue->commit_sleeps = false;
		(void)pthread_cond_signal(&queue->commit_wake);
	}
	pthread_mutex_unlock(&queue->lock);
}

void
gate__queue_left(struct gate *gate, size_t count)
{
	struct gate_queue *queue = &gate->queue;

	pthread_mutex_lock(&queue->lock);
	GK_ASSERT(queue->in_flight >= count);
	queue->in_flight -= count;
	if (queue->in_flight == 0 && queue->stopping) {
		(void)pthread_cond_broadcast(&queue->idle);
	}
	pthread_mutex_unlock(&queue->lock);
}
