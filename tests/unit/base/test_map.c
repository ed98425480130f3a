/* Tests of the hash map against a naive model, and of SipHash against its authors' vectors. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"

enum { KEYS = 700, KEY_BYTES = 12 };

/* The 64 outputs of the SipHash-2-4 reference: key 00..0f, messages 00..(n-1). */
static const uint64_t sip_vectors[64] = {UINT64_C(0x726fdb47dd0e0e31),
    UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
    UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7),
    UINT64_C(0x18765564cd99a68d), UINT64_C(0xcbc9466e58fee3ce),
    UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
    UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3),
    UINT64_C(0xf4b32f46226bada7), UINT64_C(0x751e8fbc860ee5fb),
    UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
    UINT64_C(0xa129ca6149be45e5), UINT64_C(0x3f2acc7f57c29bdb),
    UINT64_C(0x699ae9f52cbe4794), UINT64_C(0x4bc1b3f0968dd39c),
    UINT64_C(0xbb6dc91da77961bd), UINT64_C(0xbed65cf21aa2ee98),
    UINT64_C(0xd0f2cbb02e3b67c7), UINT64_C(0x93536795e3a33e88),
    UINT64_C(0xa80c038ccd5ccec8), UINT64_C(0xb8ad50c6f649af94),
    UINT64_C(0xbce192de8a85b8ea), UINT64_C(0x17d835b85bbb15f3),
    UINT64_C(0x2f2e6163076bcfad), UINT64_C(0xde4daaaca71dc9a5),
    UINT64_C(0xa6a2506687956571), UINT64_C(0xad87a3535c49ef28),
    UINT64_C(0x32d892fad841c342), UINT64_C(0x7127512f72f27cce),
    UINT64_C(0xa7f32346f95978e3), UINT64_C(0x12e0b01abb051238),
    UINT64_C(0x15e034d40fa197ae), UINT64_C(0x314dffbe0815a3b4),
    UINT64_C(0x027990f029623981), UINT64_C(0xcadcd4e59ef40c4d),
    UINT64_C(0x9abfd8766a33735c), UINT64_C(0x0e3ea96b5304a7d0),
    UINT64_C(0xad0c42d6fc585992), UINT64_C(0x187306c89bc215a9),
    UINT64_C(0xd4a60abcf3792b95), UINT64_C(0xf935451de4f21df2),
    UINT64_C(0xa9538f0419755787), UINT64_C(0xdb9acddff56ca510),
    UINT64_C(0xd06c98cd5c0975eb), UINT64_C(0xe612a3cb9ecba951),
    UINT64_C(0xc766e62cfcadaf96), UINT64_C(0xee64435a9752fe72),
    UINT64_C(0xa192d576b245165a), UINT64_C(0x0a8787bf8ecb74b2),
    UINT64_C(0x81b3e73d20b49b6f), UINT64_C(0x7fa8220ba3b2ecea),
    UINT64_C(0x245731c13ca42499), UINT64_C(0xb78dbfaf3a8d83bd),
    UINT64_C(0xea1ad565322a1a0b), UINT64_C(0x60e61c23a3795013),
    UINT64_C(0x6606d7e446282b93), UINT64_C(0x6ca4ecb15c5f91e1),
    UINT64_C(0x9f626da15c9625f3), UINT64_C(0xe51b38608ef25f57),
    UINT64_C(0x958a324ceb064572)};

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

Test(map, siphash_gives_the_reference_outputs)
{
	uint8_t key[16], message[64];

	for (uint8_t i = 0; i < 64; i++) {
		message[i] = i;
		if (i < 16) {
			key[i] = i;
		}
	}
	for (size_t n = 0; n < 64; n++) {
		cr_assert(gk_siphash(key, message, n) == sip_vectors[n],
		    "length %zu", n);
	}
}

/* What the map should hold: by key number, the value or NULL. */
struct model {
	char keys[KEYS][KEY_BYTES];
	void *values[KEYS];
	size_t count;
};

static void
model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	for (unsigned i = 0; i < KEYS; i++) {
		(void)snprintf(model->keys[i], KEY_BYTES, "key%u", i);
	}
}

static void
one_operation(struct gk_map *map, struct model *model, uint64_t random)
{
	size_t k = random % KEYS, n = strlen(model->keys[k]);
	void *value = &model->keys[(random >> 20) % KEYS];

	if ((random >> 40) % 5 < 3) {
		cr_assert(
		    gk_map_set(map, model->keys[k], n, value, NULL) == GK_OK);
		model->count += model->values[k] == NULL;
		model->values[k] = value;
	} else {
		cr_assert(
		    gk_map_remove(map, model->keys[k], n) == model->values[k]);
		model->count -= model->values[k] != NULL;
		model->values[k] = NULL;
	}
	cr_assert(map->count == model->count);
}

static void
compare(const struct gk_map *map, const struct model *model)
{
	size_t seen = 0, at = 0;

	for (size_t k = 0; k < KEYS; k++) {
		cr_assert(gk_map_get(map, model->keys[k],
			      strlen(model->keys[k])) == model->values[k]);
	}
	while (gk_map_next(map, &at) != NULL) {
		seen++;
	}
	cr_assert(seen == model->count);
}

Test(map, random_operations_agree_with_a_naive_model)
{
	static struct model model;

	for (uint64_t round = 1; round <= 8; round++) {
		struct gk_map map = {0};
		uint64_t state = round * UINT64_C(0x9e3779b97f4a7c15);
		uint8_t seed[16];

		memset(seed, (int)round, sizeof(seed));
		gk_map_seed(seed);
		model_init(&model);
		for (int i = 0; i < 20000; i++) {
			one_operation(&map, &model, next_random(&state));
			if (i % 500 == 0) {
				compare(&map, &model);
			}
		}
		compare(&map, &model);
		gk_map_done(&map);
	}
}

Test(map, a_map_that_is_emptied_again_shrinks_and_loses_nothing_meanwhile)
{
	static struct model model;
	struct gk_map map = {0};
	size_t widest;

	model_init(&model);
	for (size_t k = 0; k < KEYS; k++) {
		cr_assert(gk_map_set(&map, model.keys[k], strlen(model.keys[k]),
			      model.keys[k], NULL) == GK_OK);
		model.values[k] = model.keys[k];
		model.count++;
	}
	widest = map.room;
	for (size_t k = 0; k < KEYS; k++) {
		cr_assert(gk_map_remove(&map, model.keys[k],
			      strlen(model.keys[k])) == model.keys[k]);
		model.values[k] = NULL;
		model.count--;
		compare(&map, &model);
	}
	cr_assert(map.count == 0 && map.room < widest);
	gk_map_done(&map);
}

Test(map, an_empty_map_answers_no_to_everything)
{
	struct gk_map map = {0};
	size_t at = 0;

	cr_assert_null(gk_map_get(&map, "x", 1));
	cr_assert_null(gk_map_remove(&map, "x", 1));
	cr_assert_null(gk_map_next(&map, &at));
	gk_map_done(&map);
}

Test(map, keys_are_bytes_with_a_length_not_texts)
{
	struct gk_map map = {0};
	int a, b, c, d;

	cr_assert(gk_map_set(&map, "k\0one", 5, &a, NULL) == GK_OK);
	cr_assert(gk_map_set(&map, "k\0two", 5, &b, NULL) == GK_OK);
	cr_assert(gk_map_set(&map, "k", 1, &c, NULL) == GK_OK);
	cr_assert(gk_map_set(&map, "", 0, &d, NULL) == GK_OK);
	cr_assert(gk_map_get(&map, "k\0one", 5) == &a);
	cr_assert(gk_map_get(&map, "k\0two", 5) == &b);
	cr_assert(gk_map_get(&map, "k\0", 2) == NULL);
	cr_assert(gk_map_get(&map, "k", 1) == &c);
	cr_assert(gk_map_get(&map, "anything", 0) == &d);
	gk_map_done(&map);
}

Test(map, setting_a_key_again_replaces_its_value)
{
	struct gk_map map = {0};
	int a, b;

	cr_assert(gk_map_set(&map, "k", 1, &a, NULL) == GK_OK);
	cr_assert(gk_map_set(&map, "k", 1, &b, NULL) == GK_OK);
	cr_assert(map.count == 1);
	cr_assert(gk_map_remove(&map, "k", 1) == &b);
	cr_assert_null(gk_map_get(&map, "k", 1));
	gk_map_done(&map);
}
