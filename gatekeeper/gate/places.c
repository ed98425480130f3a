/* Places for those who wait or follow: counted by identity. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "gate/places.h"

struct place {
	size_t count;
	char id[];
};

enum gk_rc
places_init(struct places *places, size_t max, struct gk_err *err)
{
	places->max = max;
	return pthread_mutex_init(&places->lock, NULL) == 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "a lock");
}

void
places_done(struct places *places)
{
	struct place *place;

	for (size_t at = 0;
	     (place = gk_map_next(&places->held, &at)) != NULL;) {
		free(place);
	}
	gk_map_done(&places->held);
	(void)pthread_mutex_destroy(&places->lock);
}

/* Under lock; NULL when memory ran out. */
static struct place *
place_of(struct places *places, const char *id)
{
	size_t n = strlen(id);
	struct place *place = gk_map_get(&places->held, id, n);

	if (place != NULL) {
		return place;
	}
	place = calloc(1, sizeof(*place) + n + 1);
	if (place == NULL) {
		return NULL;
	}
	memcpy(place->id, id, n);
	if (gk_map_set(&places->held, place->id, n, place, NULL) != GK_OK) {
		free(place);
		return NULL;
	}
	return place;
}

static void
forget(struct places *places, struct place *place)
{
	if (place->count == 0) {
		(void)gk_map_remove(
		    &places->held, place->id, strlen(place->id));
		free(place);
	}
}

bool
places_take(struct places *places, const char *identity)
{
	struct place *place;
	bool yes = false;

	pthread_mutex_lock(&places->lock);
	place = places->taken < places->max ? place_of(places, identity) : NULL;
	if (place != NULL) {
		yes = place->count < places->max - places->taken;
		place->count += yes;
		places->taken += yes;
		forget(places, place);
	}
	pthread_mutex_unlock(&places->lock);
	return yes;
}

void
places_give_back(struct places *places, const char *identity)
{
	struct place *place;

	pthread_mutex_lock(&places->lock);
	place = gk_map_get(&places->held, identity, strlen(identity));
	GK_ASSERT(place != NULL && place->count > 0);
	place->count--;
	places->taken--;
	forget(places, place);
	pthread_mutex_unlock(&places->lock);
}
