/* Who gets a place, and that nobody takes them all. */
#include <criterion/criterion.h>

#include "gate/places.h"

static struct places
open_places(size_t max)
{
	struct places places = {.taken = 0};
	struct gk_err err = {0};

	cr_assert(places_init(&places, max, &err) == GK_OK);
	return places;
}

static size_t
take_all(struct places *places, const char *who)
{
	size_t count = 0;

	while (places_take(places, who)) {
		count++;
	}
	return count;
}

Test(places, one_alone_gets_half_and_the_next_half_of_what_is_left)
{
	struct places places = open_places(1000);

	cr_assert_eq(take_all(&places, "a"), 500);
	cr_assert_eq(take_all(&places, "b"), 250);
	cr_assert_eq(take_all(&places, "c"), 125);
	places_done(&places);
}

Test(places, whoever_comes_first_finds_one_while_there_is_one)
{
	struct places places = open_places(8);

	cr_assert_eq(take_all(&places, "a"), 4);
	cr_assert_eq(take_all(&places, "b"), 2);
	cr_assert_eq(take_all(&places, "c"), 1);
	cr_assert_eq(take_all(&places, "d"), 1);
	cr_assert_eq(take_all(&places, "e"), 0);
	places_done(&places);
}

Test(places, what_is_given_back_is_anybodys)
{
	struct places places = open_places(8);

	cr_assert_eq(take_all(&places, "a"), 4);
	cr_assert_eq(take_all(&places, "b"), 2);
	for (int i = 0; i < 4; i++) {
		places_give_back(&places, "a");
	}
	cr_assert_eq(take_all(&places, "b"), 2); /* four, and four are free */
	cr_assert_eq(places.taken, 4);
	for (int i = 0; i < 4; i++) {
		places_give_back(&places, "b");
	}
	cr_assert_eq(places.taken, 0);
	cr_assert_eq(places.held.count, 0);
	places_done(&places);
}
