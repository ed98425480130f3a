#ifndef GK_GATE_INDEXER_H
#define GK_GATE_INDEXER_H
/* The thread that builds the search index behind the log. */

#include <pthread.h>
#include <stdbool.h>

#include "journal/journal.h"

struct gate;

struct gate_indexer {
	struct journal_index *index; /* NULL: searches go without */
	struct journal_reader *reader;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool due, ends; /* under lock */
	bool told;      /* its own: an error, to the operator */
	bool started;
	pthread_t thread;
};

/* Readers' searches go by the index from now on; without it, after an alert, they are slow. */
void gate__index_start(struct gate *gate);
void gate__index_stop(struct gate *gate);
void gate__index_close(struct gate *gate);
/* Something was committed.  From the commit thread. */
void gate__index_wake(struct gate *gate);
void gate__index_metrics(struct gate *gate);

#endif
