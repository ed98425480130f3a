#ifndef GK_GATE_HERALD_H
#define GK_GATE_HERALD_H
/* The thread that reads each committed event once, for all who follow the log: the newest ones lie in a ring. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/journal.h"

enum { HERALD_ITEMS = 2048, HERALD_BYTES = 4 << 20 };

struct gate;

/* One committed event, made ready once; never changes, shared by count. */
struct herald_item {
	atomic_uint shares;
	uint64_t seq;
	int64_t time_us;
	struct event_columns columns;
	int64_t run_id; /* event_column_hash() of the run's id alone */
	int words[JOURNAL_WORDS];
	char *tenant; /* owned; NULL: none */
	bool
	    asks; /* a decision that asks for approval, or what became of one */
	struct gk_buf row; /* "id: …\ndata: …\n\n", as people see it */
	struct gk_buf raw; /* the same of the log's own bytes */
	size_t at, n;      /* where these lie in raw */
};

/* The ring holds [first, next) without a hole; nothing is read while nobody follows. */
struct herald {
	struct journal_reader *reader; /* the thread's own */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool due, ends; /* under lock */
	struct herald_item
	    *items[HERALD_ITEMS]; /* under lock; seq % HERALD_ITEMS */
	uint64_t first, next;     /* under lock */
	size_t bytes;             /* under lock */
	bool told;             /* the thread's own: an error, to the operator */
	atomic_size_t streams; /* that are open */
	atomic_bool fresh;     /* somebody follows again after nobody did */
	void (*news)(void *ctx);
	void *news_ctx;
	pthread_t thread;
	bool started;
};

/* Start and end the thread; without it streams go by the store. */
enum gk_rc gate__herald_start(
    struct gate *gate, struct gk_err *err) GK_MUST_USE;
void gate__herald_stop(struct gate *gate);
void gate__herald_close(struct gate *gate);
/* Something was committed.  From any thread. */
void gate__herald_wake(struct gate *gate);
/* A stream is opened, or closed.  From any thread. */
void gate__herald_join(struct gate *gate);
void gate__herald_leave(struct gate *gate);
/* One who shares an item does no longer; NULL: none. */
void gate__herald_let_go(struct herald_item *item);

#endif
