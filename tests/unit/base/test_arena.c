/* Tests of the arena: alignment, zeroed memory, its cap, reuse after clearing. */
#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

static bool
all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0) {
			return false;
		}
	}
	return true;
}

Test(arena, every_piece_is_zeroed_aligned_and_apart_from_the_others)
{
	struct gk_arena arena = GK_ARENA_INIT(4 << 20);
	unsigned char *pieces[600];

	for (size_t i = 0; i < GK_COUNT(pieces); i++) {
		pieces[i] = gk_arena_alloc(&arena, i * 7 % 5000);
		cr_assert_not_null(pieces[i]);
		cr_assert((uintptr_t)pieces[i] % alignof(max_align_t) == 0);
		cr_assert(all_zero(pieces[i], i * 7 % 5000));
		memset(pieces[i], (int)(i & 0xff), i * 7 % 5000);
	}
	for (size_t i = 0; i < GK_COUNT(pieces); i++) {
		for (size_t k = 0; k < i * 7 % 5000; k++) {
			cr_assert(pieces[i][k] == (i & 0xff));
		}
	}
	gk_arena_done(&arena);
}

Test(arena, it_hands_out_its_cap_and_not_more)
{
	struct gk_arena arena = GK_ARENA_INIT(10 * sizeof(max_align_t));

	for (int i = 0; i < 10; i++) {
		cr_assert_not_null(gk_arena_alloc(&arena, 1));
	}
	cr_assert(arena.used == arena.cap);
	cr_assert_null(gk_arena_alloc(&arena, 1));
	cr_assert_null(gk_arena_strdup(&arena, ""));
	cr_assert_null(gk_arena_printf(&arena, "%d", 1));
	cr_assert_not_null(gk_arena_alloc(&arena, 0));
	gk_arena_done(&arena);
}

Test(arena, absurd_sizes_are_refused_whatever_the_cap)
{
	struct gk_arena arena = GK_ARENA_INIT(SIZE_MAX);

	cr_assert_null(gk_arena_alloc(&arena, SIZE_MAX));
	cr_assert_null(gk_arena_alloc(&arena, SIZE_MAX - 31));
	cr_assert_null(gk_arena_calloc(&arena, SIZE_MAX / 2, 3));
	cr_assert_null(gk_arena_calloc(&arena, 3, SIZE_MAX / 2));
	cr_assert_null(gk_arena_strndup(&arena, "x", SIZE_MAX));
	cr_assert_not_null(gk_arena_calloc(&arena, 0, SIZE_MAX));
	cr_assert_not_null(gk_arena_calloc(&arena, SIZE_MAX, 0));
	gk_arena_done(&arena);
}

Test(arena, copies_and_formats_are_texts_of_their_own)
{
	struct gk_arena arena = GK_ARENA_INIT(10000);
	char text[] = "refund.create";
	char *whole = gk_arena_strdup(&arena, text);
	char *part = gk_arena_strndup(&arena, text, 6);
	char *none = gk_arena_strndup(&arena, NULL, 0);
	char *made = gk_arena_printf(&arena, "%s/%d", text, 42);

	memset(text, 'x', sizeof(text) - 1);
	cr_assert_str_eq(whole, "refund.create");
	cr_assert_str_eq(part, "refund");
	cr_assert_str_eq(none, "");
	cr_assert_str_eq(made, "refund.create/42");
	gk_arena_done(&arena);
}

Test(arena, a_piece_larger_than_a_chunk_gets_one_of_its_own)
{
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	unsigned char *small = gk_arena_alloc(&arena, 10);
	unsigned char *large = gk_arena_alloc(&arena, 500000);

	cr_assert_not_null(small);
	cr_assert_not_null(large);
	cr_assert(all_zero(large, 500000));
	gk_arena_done(&arena);
}

Test(arena, clearing_gives_back_the_cap_and_zeroes_what_it_hands_out_again)
{
	struct gk_arena arena = GK_ARENA_INIT(20000);

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 20; i++) {
			unsigned char *p = gk_arena_alloc(&arena, 992);

			cr_assert_not_null(p);
			cr_assert(all_zero(p, 992));
			memset(p, 0xff, 992);
		}
		cr_assert_null(gk_arena_alloc(&arena, 992));
		gk_arena_clear(&arena);
		cr_assert(arena.used == 0);
	}
	gk_arena_done(&arena);
}

Test(arena, ending_twice_or_clearing_an_empty_one_does_nothing)
{
	struct gk_arena arena = GK_ARENA_INIT(100);

	gk_arena_clear(&arena);
	cr_assert_not_null(gk_arena_alloc(&arena, 5));
	gk_arena_done(&arena);
	gk_arena_done(&arena);
	cr_assert_not_null(gk_arena_alloc(&arena, 5));
	gk_arena_done(&arena);
}
