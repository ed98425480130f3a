/* UTF-8: what is a character and what isn't. */
#include <criterion/criterion.h>
#include <string.h>

#include "cel/cel_internal.h"

Test(cel_text, every_code_point_is_read_back)
{
	for (uint32_t point = 0; point < 0x110000; point++) {
		uint32_t back = 1;
		char bytes[4];
		unsigned n;

		if (point == 0xD800) {
			point = 0xE000;
		}
		n = cel__text_encode(point, bytes);
		cr_assert(cel__text_decode(bytes, n, &back) == n);
		cr_assert(back == point);
		cr_assert(n == 1 || cel__text_decode(bytes, n - 1, &back) == 0);
		cr_assert(cel__text_count(bytes, n) == 1);
	}
}

Test(cel_text, what_is_no_utf8_is_refused)
{
	static const char *const wrong[] = {"\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
	    "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
	    "\xc3", "\xc3(", "\xe2\x82", "\xe2(\x82", "\xf0\x9f\x98"};
	uint32_t point;

	for (size_t i = 0; i < GK_COUNT(wrong); i++) {
		cr_expect(
		    cel__text_decode(wrong[i], strlen(wrong[i]), &point) == 0,
		    "%zu", i);
		cr_expect(!cel__text_valid(wrong[i], strlen(wrong[i])));
	}
	cr_expect(cel__text_decode("", 0, &point) == 0);
}

Test(cel_text, is_valid_with_nul_and_empty)
{
	cr_expect(cel__text_valid("", 0));
	cr_expect(cel__text_valid("a\0b", 3));
	cr_expect(cel__text_valid("h\xc3\xa9 \xf0\x9f\x98\xac", 8));
	cr_expect(!cel__text_valid("ok\xc3", 3));
}

Test(cel_text, is_counted_and_cut_by_characters)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\xac!";
	static const size_t offsets[] = {0, 1, 3, 6, 10, 11};
	size_t n = sizeof text - 1;

	cr_assert(cel__text_count(text, n) == 5);
	for (size_t i = 0; i < GK_COUNT(offsets); i++) {
		cr_expect(cel__text_offset(text, n, i) == offsets[i], "%zu", i);
	}
	cr_expect(cel__text_count("", 0) == 0);
	cr_expect(cel__text_offset("", 0, 0) == 0);
	cr_expect(cel__text_offset(text, n, 99) == n);
}
