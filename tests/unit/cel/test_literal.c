/* Literals have the values that langdef "Values" gives them. */
#include "cel_tree.h"

TestSuite(cel_literal, .fini = tree_done);

/* The bytes of a literal that is right. */
static void
bytes_are(const char *expr, size_t expr_n, enum cel_kind kind,
    const char *expected, size_t n)
{
	const struct cel_node *root = tree_parse(expr, expr_n);

	cr_assert(root != NULL, "%s", expr);
	cr_expect(root->op == OP_CONST && root->value.kind == kind, "%s", expr);
	cr_expect(
	    root->value.n == n && memcmp(root->value.as.text, expected, n) == 0,
	    "%s", expr);
}

#define STRING_IS(expr, expected)                                 \
	bytes_are((expr), sizeof(expr) - 1, CEL_STRING, expected, \
	    sizeof(expected) - 1)
#define BYTES_ARE(expr, expected)                                \
	bytes_are((expr), sizeof(expr) - 1, CEL_BYTES, expected, \
	    sizeof(expected) - 1)

Test(cel_literal, numbers_are_int_uint_or_double)
{
	TREE_IS("0", "0");
	TREE_IS("007", "7");
	TREE_IS("0x1F", "31");
	TREE_IS("0xffu", "255u");
	TREE_IS("0xE", "14");
	TREE_IS("42U", "42u");
	TREE_IS("1.5", "1.50000");
	TREE_IS(".5", "0.500000");
	TREE_IS("1e3", "1000.00");
	TREE_IS("1.5E-1", "0.150000");
	TREE_IS("2e+2", "200.000");
	TREE_IS("-2.5", "-2.50000");
	TREE_IS("1e-999", "0.00000");
	TREE_IS("1in x", "(in 1 x)");
}

Test(cel_literal, a_long_number_is_still_one)
{
	char digits[4000];

	memset(digits, '1', sizeof digits);
	digits[1] = '.';
	cr_assert(tree_parse(digits, sizeof digits) != NULL);
	cr_expect(tree_program.root->value.as.d > 1.1);
	digits[1] = '1';
	cr_assert(tree_parse(digits, sizeof digits) == NULL);
}

Test(cel_literal, numbers_end_where_their_types_end)
{
	TREE_IS("9223372036854775807", "9223372036854775807");
	TREE_IS("-9223372036854775808", "-9223372036854775808");
	TREE_IS("- /* */ 1", "2-3 expected a value but found '/'");
	TREE_IS("- // x\n 9223372036854775808", "-9223372036854775808");
	TREE_IS("0x7fffffffffffffff", "9223372036854775807");
	TREE_IS("-0x8000000000000000", "-9223372036854775808");
	TREE_IS("18446744073709551615u", "18446744073709551615u");
	TREE_IS("0xffffffffffffffffu", "18446744073709551615u");
	TREE_IS("1 + 9223372036854775808",
	    "4-23 too large: an int is at most 9223372036854775807");
	TREE_IS("x == -9223372036854775809",
	    "5-25 too small: an int is at least -9223372036854775808");
	TREE_IS("18446744073709551616u",
	    "0-21 too large: a uint is at most 18446744073709551615");
	TREE_IS("0x10000000000000000",
	    "0-19 too large: an int is at most 9223372036854775807");
	TREE_IS("1e999", "0-5 too large for a double");
}

Test(cel_literal, what_only_begins_like_a_number_is_refused)
{
	TREE_IS("0xg", "0-3 this isn't a number");
	TREE_IS("0X1F", "0-4 this isn't a number [write 0x, not 0X]");
	TREE_IS("12abc", "0-5 this isn't a number");
	TREE_IS("1_000", "0-5 this isn't a number");
	TREE_IS("5m", "0-2 this isn't a number [write duration('…')]");
	TREE_IS("1.5u", "0-4 this isn't a number");
	TREE_IS("1e", "0-2 this isn't a number");
	TREE_IS("1.", "2-2 expected a name after '.' but found the end");
	TREE_IS("1.2.3", "3-5 expected an operator or the end but found '.3'");
}

Test(cel_literal, quotes_are_single_double_and_triple)
{
	STRING_IS("''", "");
	STRING_IS("\"\"", "");
	STRING_IS("''''''", "");
	STRING_IS("r\"\"\"\"\"\"", "");
	STRING_IS("'\"\"'", "\"\"");
	STRING_IS("'''x''x'''", "x''x");
	STRING_IS("'''a\nb'''", "a\nb");
	STRING_IS("\"\"\"say \"hi\" \"\"\"", "say \"hi\" ");
	STRING_IS("''''a'''", "'a");
	STRING_IS("'''a\\''''", "a'");
	STRING_IS("'a\0b'", "a\0b");
	STRING_IS("'// no comment'", "// no comment");
}

Test(cel_literal, every_newline_in_a_text_is_a_line_feed)
{
	STRING_IS("'''a\r\nb\rc'''", "a\nb\nc");
	STRING_IS("'''a\\r\\nb'''", "a\r\nb");
	BYTES_ARE("br'''\r\n\r'''", "\n\n");
}

Test(cel_literal, escapes_stand_for_characters)
{
	STRING_IS("'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`'",
	    "\a\b\f\n\r\t\v\\?\"'`");
	STRING_IS("'\\x41\\X7f'", "A\x7f");
	STRING_IS("'\\xFF'", "\xc3\xbf");
	STRING_IS("'\\377\\000'", "\xc3\xbf\0");
	STRING_IS("'\\u00e9\\uFFFB'", "\xc3\xa9\xef\xbf\xbb");
	STRING_IS(
	    "'\\U0001F62C\\U0010FFFF'", "\xf0\x9f\x98\xac\xf4\x8f\xbf\xbf");
	BYTES_ARE("b'\\xFF\\377'", "\xff\xff");
	BYTES_ARE("b'\xc3\xbf'", "\xc3\xbf");
	BYTES_ARE("B\"\\n\\0001\"", "\n\0"
				    "1");
}

Test(cel_literal, raw_has_no_escapes)
{
	STRING_IS("r'\\'", "\\");
	STRING_IS("R\"\\\\n\\u00\"", "\\\\n\\u00");
	BYTES_ARE("bR'''\\'x'''", "\\'x");
	BYTES_ARE("Br'\\xFF'", "\\xFF");
}

Test(cel_literal, a_wrong_escape_is_pointed_at)
{
	TREE_IS("'ab\\q'", "3-5 no such escape; a backslash itself is \\\\");
	TREE_IS("x == r'\\q' + '\\é'",
	    "14-17 no such escape; a backslash itself is \\\\");
	TREE_IS("'\\x4'", "1-3 \\x has two hexadecimal digits");
	TREE_IS("'\\u12'", "1-3 \\u has four hexadecimal digits");
	TREE_IS("'\\U0001F62'", "1-3 \\U has eight hexadecimal digits");
	TREE_IS("'\\U00110000'", "1-3 the last character is \\U0010FFFF");
	TREE_IS("'\\UFFFFFFFF'", "1-3 the last character is \\U0010FFFF");
	TREE_IS("'\\ud83d\\ude2c'",
	    "1-3 half a surrogate pair is no character; \\U has eight digits "
	    "for any");
	TREE_IS("'\\U0000dfff'",
	    "1-3 half a surrogate pair is no character; \\U has eight digits "
	    "for any");
	TREE_IS(
	    "b'\\u0041'", "2-4 \\u and \\U are for strings; bytes have \\x");
	TREE_IS("'\\400'", "1-3 an octal escape is \\000 to \\377");
	TREE_IS("'\\18'", "1-3 an octal escape is \\000 to \\377");
	TREE_IS("'''\\\n'''", "3-5 no such escape; a backslash itself is \\\\");
}

Test(cel_literal, an_open_text_is_pointed_at)
{
	TREE_IS("x == 'abc", "5-6 '…' isn't closed");
	TREE_IS("\"abc'", "0-1 \"…\" isn't closed");
	TREE_IS("'abc\\'", "0-1 '…' isn't closed");
	TREE_IS("'abc\\", "0-1 '…' isn't closed");
	TREE_IS("br'''abc''", "0-5 '''…''' isn't closed");
	TREE_IS("'a\nb'", "0-1 '…' isn't closed in its line "
			  "[a text of several lines stands in '''…''']");
	TREE_IS("'a\\\nb'", "0-1 '…' isn't closed in its line "
			    "[a text of several lines stands in '''…''']");
	TREE_IS("rb'x'", "2-5 expected an operator or the end but found 'x' "
			 "[what stands before a quote is r, b or br]");
}
