/* What a terminal is told of text from strangers, and which keys bytes are. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/screen.h"

static void
becomes(const char *text, const char *wanted, int columns)
{
	char all[256] = "", one[5];
	int sum = 0, width;

	while (*text != '\0') {
		size_t n = screen_char(text, one, &width);

		cr_assert(n >= 1 && n <= strlen(text));
		strcat(all, one);
		text += n;
		sum += width;
	}
	cr_assert_str_eq(all, wanted);
	cr_assert_eq(sum, columns, "%s: %d columns", wanted, sum);
}

Test(screen, text_is_as_wide_as_it_looks)
{
	becomes("refund", "refund", 6);
	becomes("Zürich €", "Zürich €", 8);
	becomes("退款", "退款", 4);
	becomes("\U0001f600", "\U0001f600", 2);
}

Test(screen, nothing_steers_the_terminal)
{
	becomes("\x1b[2J\x07\r\n\t\x7f", "?[2J?????", 9);
	becomes("\xc2\x80\xc2\x9b"
		"31m\xc2\x9d",
	    "??31m?", 6);
	becomes("a\u202eb\u2066c\u200fd\u061c", "a?b?c?d?", 8);
	becomes("a\u200b\ufeff\u2028e\u0301", "a???e?", 6);
	becomes("\U000e0041\ue000", "??", 2);
}

Test(screen, what_is_no_utf_8_is_a_question_mark)
{
	becomes("\xff\xfe", "??", 2);
	becomes("\xc0\xaf", "??", 2);
	becomes("\xe0\x80\xaf", "?", 1);
	becomes("\xed\xa0\x80", "?", 1);
	becomes("\xf4\x90\x80\x80", "?", 1);
	becomes("a\xe2\x82", "a?", 2);
	becomes("\xe2z", "?z", 2);
}

static void
is_key(const char *bytes, enum screen_key wanted, size_t used)
{
	enum screen_key key;

	cr_assert_eq(screen_key(bytes, strlen(bytes), &key), used);
	cr_assert_eq(key, wanted);
}

Test(screen, keys_are_told_apart)
{
	is_key("q", SCREEN_TEXT, 1);
	is_key("hello\r", SCREEN_TEXT, 5);
	is_key("\r", SCREEN_ENTER, 1);
	is_key("\x7f", SCREEN_ERASE, 1);
	is_key("\x1b", SCREEN_ESCAPE, 1);
	is_key("\x1bq", SCREEN_ESCAPE, 1);
	is_key("\x1b[A", SCREEN_UP, 3);
	is_key("\x1bOB", SCREEN_DOWN, 3);
	is_key("\x1b[1;5Aq", SCREEN_UP, 6);
	is_key("\x1b[200~y", SCREEN_NONE, 6);
	is_key("\x1b[", SCREEN_NONE, 2);
	is_key("\x03", SCREEN_INTERRUPT, 1);
	is_key("\x1a", SCREEN_SUSPEND, 1);
	is_key("\x01", SCREEN_NONE, 1);
}
