/* Members of canonical bytes: taken out without leaving a comma behind. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/entry.h"

Test(entry, a_member_is_taken_out_wherever_it_stands)
{
	static const char *const cases[][3] = {
	    {"{\"a\":1}", "a", "{}"},
	    {"{\"a\":1,\"b\":2}", "a", "{\"b\":2}"},
	    {"{\"a\":1,\"b\":2}", "b", "{\"a\":1}"},
	    {"{\"a\":1,\"b\":[1,{\"c\":\",}\"}],\"d\":3}", "b",
		"{\"a\":1,\"d\":3}"},
	    {"{\"a\":{\"b\":1}}", "b", "{\"a\":{\"b\":1}}"},
	    {"{\"a\":\",\"}", "a", "{}"},
	    {"{}", "a", "{}"},
	    {"", "a", ""},
	    {"x", "a", "x"},
	    {"{\"a\"", "a", "{\"a\""},
	};

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		struct gk_buf buf = GK_BUF_INIT(1000);

		cr_assert_eq(entry_remove(cases[i][0], strlen(cases[i][0]),
				 cases[i][1], &buf, NULL),
		    GK_OK);
		cr_assert_str_eq(gk_buf_text(&buf), cases[i][2],
		    "%s without %s", cases[i][0], cases[i][1]);
		gk_buf_done(&buf);
	}
}

Test(entry, what_was_put_in_is_taken_out)
{
	static const char *const rows[] = {
	    "{}", "{\"a\":1}", "{\"x\":1}", "{\"a\":1,\"x\":{\"m\":0}}"};

	for (size_t i = 0; i < GK_COUNT(rows); i++) {
		struct gk_buf with = GK_BUF_INIT(1000);
		struct gk_buf without = GK_BUF_INIT(1000);

		cr_assert_eq(entry_insert(rows[i], strlen(rows[i]), "m", "7", 1,
				 &with, NULL),
		    GK_OK);
		cr_assert_eq(entry_remove(gk_buf_text(&with), with.len, "m",
				 &without, NULL),
		    GK_OK);
		cr_assert_str_eq(gk_buf_text(&without), rows[i]);
		gk_buf_done(&with);
		gk_buf_done(&without);
	}
}
