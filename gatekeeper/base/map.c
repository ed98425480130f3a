/* Open-addressing hash map over byte-string keys. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"

struct gk_map_slot {
	uint64_t hash;
	const void *key; /* NULL: free */
	size_t n;
	void *value;
};

static uint8_t map_key[16];

static uint64_t
rotl(uint64_t x, unsigned b)
{
	return (x << b) | (x >> (64 - b));
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static uint64_t
load64le(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++) {
		x |= (uint64_t)p[i] << (8 * i);
	}
	return x;
}

uint64_t
gk_siphash(const uint8_t key[16], const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t k0 = load64le(key, 8), k1 = load64le(key + 8, 8), m;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
	    k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
	size_t left = n;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&m, p,
		    8); /* little-endian machines only: Debian amd64, arm64 */
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	m = load64le(p, left) | (uint64_t)(n & 0xff) << 56;
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++) {
		sip_round(v);
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
gk_map_hash(const void *bytes, size_t n)
{
	return gk_siphash(map_key, bytes, n);
}

void
gk_map_seed(const uint8_t key[16])
{
	memcpy(map_key, key, sizeof(map_key));
}

/* The slot that holds key, or the free one where it would go. */
static struct gk_map_slot *
map_find(const struct gk_map *map, uint64_t hash, const void *key, size_t n)
{
	size_t at = hash & (map->room - 1);

	for (;; at = (at + 1) & (map->room - 1)) {
		struct gk_map_slot *slot = &map->slots[at];

		if (slot->key == NULL || (slot->hash == hash && slot->n == n &&
					     memcmp(slot->key, key, n) == 0)) {
			return slot;
		}
	}
}

void *
gk_map_get(const struct gk_map *map, const void *key, size_t n)
{
	struct gk_map_slot *slot;

	if (map->count == 0) {
		return NULL;
	}
	slot = map_find(map, gk_siphash(map_key, key, n), key, n);
	return slot->key == NULL ? NULL : slot->value;
}

static enum gk_rc
map_resize(struct gk_map *map, size_t room, struct gk_err *err)
{
	struct gk_map old = *map;

	map->slots = calloc(room, sizeof(*map->slots));
	if (map->slots == NULL) {
		map->slots = old.slots;
		return GK_FAIL(err, GK_E_NOMEM, "map of %zu slots", room);
	}
	map->room = room;
	for (size_t i = 0; i < old.room; i++) {
		struct gk_map_slot *from = &old.slots[i];

		if (from->key != NULL) {
			*map_find(map, from->hash, from->key, from->n) = *from;
		}
	}
	free(old.slots);
	return GK_OK;
}

enum gk_rc
gk_map_set(struct gk_map *map, const void *key, size_t n, void *value,
    struct gk_err *err)
{
	uint64_t hash = gk_siphash(map_key, key, n);
	struct gk_map_slot *slot;

	GK_ASSERT(key != NULL);
	if ((map->count + 1) * 4 > map->room * 3) {
		GK_TRY(
		    map_resize(map, map->room == 0 ? 16 : map->room * 2, err));
	}
	slot = map_find(map, hash, key, n);
	if (slot->key == NULL) {
		map->count++;
	}
	slot->hash = hash;
	slot->key = key;
	slot->n = n;
	slot->value = value;
	return GK_OK;
}

/* Close the gap at `hole`, so that every probe sequence stays unbroken. */
static void
map_shift(struct gk_map *map, size_t hole)
{
	size_t mask = map->room - 1, at = hole;

	for (;;) {
		struct gk_map_slot *slot;

		at = (at + 1) & mask;
		slot = &map->slots[at];
		if (slot->key == NULL) {
			break;
		}
		if (((at - (slot->hash & mask)) & mask) >=
		    ((at - hole) & mask)) {
			map->slots[hole] = *slot;
			hole = at;
		}
	}
	memset(&map->slots[hole], 0, sizeof(map->slots[hole]));
}

void *
gk_map_remove(struct gk_map *map, const void *key, size_t n)
{
	struct gk_map_slot *slot;
	void *value;

	if (map->count == 0) {
		return NULL;
	}
	slot = map_find(map, gk_siphash(map_key, key, n), key, n);
	if (slot->key == NULL) {
		return NULL;
	}
	value = slot->value;
	map->count--;
	map_shift(map, (size_t)(slot - map->slots));
	if (map->room > 64 && map->count * 8 < map->room) {
		(void)map_resize(
		    map, map->room / 4, NULL); /* smaller is a wish */
	}
	return value;
}

void *
gk_map_next(const struct gk_map *map, size_t *at)
{
	while (*at < map->room) {
		struct gk_map_slot *slot = &map->slots[(*at)++];

		if (slot->key != NULL) {
			return slot->value;
		}
	}
	return NULL;
}

void
gk_map_done(struct gk_map *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}
