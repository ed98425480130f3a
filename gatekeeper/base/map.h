#ifndef GK_BASE_MAP_H
#define GK_BASE_MAP_H
/* A hash map from byte strings to pointers; keyed SipHash, so nobody can choose collisions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct gk_map_slot;

/*
 * Embedded; a zeroed struct is an empty map.  The map keeps the keys' bytes
 * where they are: a key must outlive its entry (usually it lies in the value).
 * Linear probing with backward-shift deletion; no tombstones.
 */
struct gk_map {
	struct gk_map_slot *slots; /* owned; room is a power of two */
	size_t room;
	size_t count;
};

void *gk_map_get(const struct gk_map *map, const void *key, size_t n);

/* Add or replace.  Keeps key.  Errors: GK_E_NOMEM, the map is unchanged. */
enum gk_rc gk_map_set(struct gk_map *map, const void *key, size_t n,
    void *value, struct gk_err *err) GK_MUST_USE;

/* Take an entry out; gives its value, NULL when there was none. */
void *gk_map_remove(struct gk_map *map, const void *key, size_t n);

/*
 * Walk in no particular order: start with *at = 0; NULL ends.  Nothing may be
 * added or removed meanwhile.
 */
void *gk_map_next(const struct gk_map *map, size_t *at);

void gk_map_done(struct gk_map *map); /* frees the slots, not the values */

/* SipHash-2-4 (Aumasson, Bernstein 2012) under a 16-byte key. */
uint64_t gk_siphash(const uint8_t key[16], const void *bytes, size_t n);

/* SipHash under the process's map key: for tables of one's own. */
uint64_t gk_map_hash(const void *bytes, size_t n);

/* Choose the process's map key; call once, before the first map is filled. */
void gk_map_seed(const uint8_t key[16]);

#endif
