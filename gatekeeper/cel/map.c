/* Maps: few entries are looked through, many are found by a keyed hash. */

#include "cel/cel_internal.h"

#include <string.h>

#define LINEAR_MAX 8u

/* 1, 1u and 1.0 are one key: they hash as the same integer. */
static bool
hash_key(const struct cel_value *key, uint64_t *ret_hash)
{
	struct {
		uint64_t kind, number;
	} plain = {CEL_INT, 0};

	switch ((int)key->kind) {
	case CEL_STRING:
		*ret_hash = gk_map_hash(key->as.text, key->n);
		return true;
	case CEL_BOOL:
		plain.kind = CEL_BOOL;
		plain.number = key->as.boolean;
		break;
	case CEL_INT:
	case CEL_UINT:
		plain.number = key->as.u;
		break;
	case CEL_DOUBLE:
		if (!(key->as.d >= -9223372036854775808.0 &&
			key->as.d < 18446744073709551616.0)) {
			return false;
		}
		plain.number = key->as.d < 0 ? (uint64_t)(int64_t)key->as.d
					     : (uint64_t)key->as.d;
		break;
	default:
		return false;
	}
	*ret_hash = gk_map_hash(&plain, sizeof(plain));
	return true;
}

static bool
same_key(const struct cel_value *a, const struct cel_value *b)
{
	if (a->kind == CEL_STRING || b->kind == CEL_STRING) {
		return a->kind == b->kind && a->n == b->n &&
		       (a->n == 0 || memcmp(a->as.text, b->as.text, a->n) == 0);
	}
	if (a->kind == CEL_BOOL || b->kind == CEL_BOOL) {
		return a->kind == b->kind && a->as.boolean == b->as.boolean;
	}
	return cel__same_number(a, b);
}

static bool
is_key(const struct cel_value *value)
{
	return value->kind == CEL_STRING || value->kind == CEL_BOOL ||
	       value->kind == CEL_INT || value->kind == CEL_UINT;
}

const struct cel_entry *
cel_map_find(const struct cel_map *map, const struct cel_value *key)
{
	uint64_t hash;

	if (map->room == 0) {
		for (uint32_t i = 0; i < map->count; i++) {
			if (same_key(&map->entries[i].key, key)) {
				return &map->entries[i];
			}
		}
		return NULL;
	}
	if (!hash_key(key, &hash)) {
		return NULL;
	}
	for (uint32_t at = (uint32_t)hash;; at++) {
		uint32_t slot = map->slots[at & (map->room - 1)];

		if (slot == 0) {
			return NULL;
		}
		if (same_key(&map->entries[slot - 1].key, key)) {
			return &map->entries[slot - 1];
		}
	}
}

/* Put entry i where its key is looked for; false: the key is there already. */
static bool
place(struct cel_map *map, uint32_t *slots, uint32_t i)
{
	const struct cel_value *key = &map->entries[i].key;
	uint64_t hash = 0;

	(void)hash_key(key, &hash);
	for (uint32_t at = (uint32_t)hash;; at++) {
		uint32_t *slot = &slots[at & (map->room - 1)];

		if (*slot == 0) {
			*slot = i + 1;
			return true;
		}
		if (same_key(&map->entries[*slot - 1].key, key)) {
			return false;
		}
	}
}

/*
 * Finish a map of map->entries[0..count) with room for slots, NULL for few;
 * gives the first entry whose key came before or can't be one, else count.
 */
static uint32_t
finish(struct cel_map *map, uint32_t *slots)
{
	for (uint32_t i = 0; i < map->count; i++) {
		if (!is_key(&map->entries[i].key)) {
			return i;
		}
		if (slots != NULL) {
			if (!place(map, slots, i)) {
				return i;
			}
			continue;
		}
		for (uint32_t k = 0; k < i; k++) {
			if (same_key(
				&map->entries[k].key, &map->entries[i].key)) {
				return i;
			}
		}
	}
	map->slots = slots;
	return map->count;
}

/* At least half of the slots stay free. */
static uint32_t
room_for(size_t n)
{
	uint32_t room = 16;

	if (n <= LINEAR_MAX) {
		return 0;
	}
	while (room < 2 * n) {
		room *= 2;
	}
	return room;
}

enum gk_rc
cel_map_make(const struct cel_entry *entries, size_t n, bool partial,
    struct gk_arena *arena, struct cel_value *ret_map, struct gk_err *err)
{
	struct cel_map *map = gk_arena_alloc(arena, sizeof(*map));
	uint32_t room = room_for(n);
	uint32_t *slots =
	    room == 0 ? NULL : gk_arena_calloc(arena, room, sizeof(*slots));

	if (map == NULL || (room > 0 && slots == NULL)) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a map");
	}
	*map = (struct cel_map){.entries = entries,
	    .count = (uint32_t)n,
	    .room = room,
	    .partial = partial};
	if (finish(map, slots) < n) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a key that comes twice, or can't be one");
	}
	*ret_map = (struct cel_value){.kind = CEL_MAP, .as.map = map};
	return GK_OK;
}

struct cel_value
cel__map(struct cel_eval *ev, struct cel_entry *entries, size_t n)
{
	struct cel_map *map = cel__alloc(ev, sizeof(*map));
	uint32_t room = room_for(n), bad;
	uint32_t *slots =
	    room == 0 ? NULL : cel__alloc(ev, room * sizeof(*slots));

	if (map == NULL || (room > 0 && slots == NULL) || !cel__charge(ev, n)) {
		return cel__spent(ev);
	}
	*map = (struct cel_map){
	    .entries = entries, .count = (uint32_t)n, .room = room};
	bad = finish(map, slots);
	if (bad == n) {
		return (struct cel_value){.kind = CEL_MAP, .as.map = map};
	}
	if (!is_key(&entries[bad].key)) {
		return cel__fault(ev, CEL_F_NO_OVERLOAD,
		    "unsupported key type: %s can't be a map's key",
		    cel_kind_name((enum cel_kind)entries[bad].key.kind));
	}
	return cel__fault(
	    ev, CEL_F_ARGUMENT, "Failed with repeated key: a key comes twice");
}
