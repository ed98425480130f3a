#ifndef GK_GATE_PLACES_H
#define GK_GATE_PLACES_H
/* Places for those who wait or follow: so many in all, and of them a fair share for each identity. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"

enum { PLACES = 7168 }; /* where nothing else is said */

/*
 * Nobody holds more places than are free.  So one identity alone gets half of them, a
 * second one half of what is left, and whoever comes first to wait finds a place
 * until every single one is taken.  From any thread.
 */
struct places {
	pthread_mutex_t lock;
	struct gk_map held; /* identity → struct place */
	size_t taken, max;
};

enum gk_rc places_init(
    struct places *places, size_t max, struct gk_err *err) GK_MUST_USE;
void places_done(struct places *places);
/* False: the identity has its share, or all are taken. */
bool places_take(struct places *places, const char *identity) GK_MUST_USE;
void places_give_back(struct places *places, const char *identity);

#endif
