/* Tests of the growing byte buffer: caps, terminators, unchanged on error. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

Test(buf, an_empty_buffer_reads_as_the_empty_text)
{
	struct gk_buf buf = GK_BUF_INIT(10);

	cr_assert_str_eq(gk_buf_text(&buf), "");
	cr_assert_null(gk_buf_take(&buf));
	gk_buf_clear(&buf);
	gk_buf_done(&buf);
}

Test(buf, what_is_added_reads_back_in_order)
{
	struct gk_buf buf = GK_BUF_INIT(1000);
	struct gk_err err = {0};

	cr_assert(gk_buf_puts(&buf, "one ", &err) == GK_OK);
	cr_assert(gk_buf_putc(&buf, '2', &err) == GK_OK);
	cr_assert(gk_buf_add(&buf, " three", 6, &err) == GK_OK);
	cr_assert(gk_buf_add(&buf, NULL, 0, &err) == GK_OK);
	cr_assert(gk_buf_printf(&buf, &err, " %d%s", 4, "!") == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "one 2 three 4!");
	cr_assert(buf.len == 14);
	gk_buf_done(&buf);
}

Test(buf, zero_bytes_are_bytes_like_others)
{
	struct gk_buf buf = GK_BUF_INIT(8);

	cr_assert(gk_buf_add(&buf, "a\0b", 3, NULL) == GK_OK);
	cr_assert(buf.len == 3 && memcmp(buf.bytes, "a\0b\0", 4) == 0);
	gk_buf_done(&buf);
}

Test(buf, it_fills_to_its_cap_and_not_one_byte_further)
{
	for (size_t cap = 0; cap < 200; cap++) {
		struct gk_buf buf = GK_BUF_INIT(cap);

		for (size_t i = 0; i < cap; i++) {
			cr_assert(gk_buf_putc(&buf, 'x', NULL) == GK_OK);
			cr_assert(buf.len <= buf.room && buf.room <= cap);
		}
		cr_assert(gk_buf_putc(&buf, 'y', NULL) == GK_E_LIMIT);
		cr_assert(buf.len == cap);
		cr_assert(strlen(gk_buf_text(&buf)) == cap);
		gk_buf_done(&buf);
	}
}

Test(buf, an_addition_that_does_not_fit_leaves_it_unchanged)
{
	struct gk_buf buf = GK_BUF_INIT(5);
	struct gk_err err = {0};
	char *at = NULL;

	cr_assert(gk_buf_puts(&buf, "abc", &err) == GK_OK);
	cr_assert(gk_buf_puts(&buf, "def", &err) == GK_E_LIMIT);
	cr_assert(err.rc == GK_E_LIMIT && err.text[0] != '\0');
	cr_assert(gk_buf_printf(&buf, &err, "%03d", 7) == GK_E_LIMIT);
	cr_assert(gk_buf_add(&buf, "x", SIZE_MAX, &err) == GK_E_LIMIT);
	cr_assert(gk_buf_reserve(&buf, 3, &at, &err) == GK_E_LIMIT);
	cr_assert_null(at);
	cr_assert_str_eq(gk_buf_text(&buf), "abc");
	cr_assert(gk_buf_puts(&buf, "de", &err) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "abcde");
	gk_buf_done(&buf);
}

Test(buf, making_room_changes_nothing_that_can_be_read)
{
	struct gk_buf buf = GK_BUF_INIT(1000);
	char *at;

	cr_assert(gk_buf_reserve(&buf, 0, &at, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "");
	cr_assert(gk_buf_reserve(&buf, 900, &at, NULL) == GK_OK);
	cr_assert(buf.len == 0 && at == buf.bytes && buf.room >= 900);
	cr_assert_str_eq(gk_buf_text(&buf), "");
	cr_assert(gk_buf_puts(&buf, "kept", NULL) == GK_OK);
	cr_assert(gk_buf_reserve(&buf, 996, &at, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), "kept");
	gk_buf_done(&buf);
}

Test(buf, clearing_keeps_the_memory)
{
	struct gk_buf buf = GK_BUF_INIT(100);
	char *before;

	cr_assert(gk_buf_puts(&buf, "abc", NULL) == GK_OK);
	before = buf.bytes;
	gk_buf_clear(&buf);
	cr_assert(buf.len == 0 && buf.bytes == before);
	cr_assert_str_eq(gk_buf_text(&buf), "");
	gk_buf_done(&buf);
}

Test(buf, taking_gives_the_bytes_and_leaves_it_empty)
{
	struct gk_buf buf = GK_BUF_INIT(100);
	char *text;

	cr_assert(gk_buf_puts(&buf, "mine", NULL) == GK_OK);
	text = gk_buf_take(&buf);
	cr_assert_str_eq(text, "mine");
	cr_assert_str_eq(gk_buf_text(&buf), "");
	free(text);
	cr_assert(gk_buf_puts(&buf, "again", NULL) == GK_OK);
	gk_buf_done(&buf);
	gk_buf_done(&buf);
}

Test(buf, many_additions_equal_one_flat_array)
{
	static char flat[70000];
	struct gk_buf buf = GK_BUF_INIT(sizeof(flat));
	size_t n = 0;
	unsigned x = 1;

	for (;;) {
		char piece[97];
		size_t take = (x = x * 1103515245u + 12345u) >> 16 & 63;

		memset(piece, 'a' + (int)(take % 26), sizeof(piece));
		if (take > sizeof(flat) - n) {
			cr_assert(
			    gk_buf_add(&buf, piece, take, NULL) == GK_E_LIMIT);
			break;
		}
		cr_assert(gk_buf_add(&buf, piece, take, NULL) == GK_OK);
		memcpy(flat + n, piece, take);
		n += take;
	}
	cr_assert(buf.len == n && memcmp(buf.bytes, flat, n) == 0);
	gk_buf_done(&buf);
}
