/* What canonical text looks like: RFC 8785's rules one by one. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "codec/canon.h"

static void
prints_as(const char *json, const char *expected)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	struct gk_err err = {0};

	cr_assert(json_parse(json, strlen(json), &json_limits_request, &value,
		      &err) == GK_OK,
	    "%s: %s", json, err.text);
	cr_assert(canon_print(value, &buf, &err) == GK_OK);
	cr_assert(strcmp(gk_buf_text(&buf), expected) == 0, "%s gives %s", json,
	    gk_buf_text(&buf));
}

static void
number_is(double number, const char *expected)
{
	char text[CANON_NUMBER_BYTES];
	size_t n = canon_number(number, text);

	cr_assert(strcmp(text, expected) == 0, "%s, not %s", text, expected);
	cr_assert(n == strlen(expected));
}

Test(canon, white_space_between_tokens_is_gone)
{
	prints_as(" { \"a\" : [ 1 , true,false , null ] ,\n\"b\":{ } , "
		  "\"c\":[ ]}",
	    "{\"a\":[1,true,false,null],\"b\":{},\"c\":[]}");
}

Test(canon, a_lone_scalar_is_a_text)
{
	prints_as(" null ", "null");
	prints_as("true", "true");
	prints_as("false", "false");
	prints_as("\"\"", "\"\"");
	prints_as("-0", "0");
}

Test(canon, members_sort_at_every_level)
{
	prints_as("{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"y\":1,\"x\":2}]}",
	    "{\"a\":[{\"x\":2,\"y\":1}],\"b\":{\"c\":2,\"d\":1}}");
	prints_as("{\"aa\":1,\"a\":2,\"\":3,\"B\":4,\"1\":5,\"10\":6}",
	    "{\"\":3,\"1\":5,\"10\":6,\"B\":4,\"a\":2,\"aa\":1}");
}

/* U+1F600 is D83D DE00 in UTF-16: before U+FB33, though larger and later in UTF-8. */
Test(canon, members_sort_by_utf16_code_units)
{
	prints_as("{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}",
	    "{\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":1}");
	prints_as("{\"\xee\x80\x80\":1,\"\xed\x9f\xbf\":2,"
		  "\"\xf4\x8f\xbf\xbd\":3,\"\xf0\x90\x80\x80\":4}",
	    "{\"\xed\x9f\xbf\":2,\"\xf0\x90\x80\x80\":4,"
	    "\"\xf4\x8f\xbf\xbd\":3,\"\xee\x80\x80\":1}");
	prints_as("{\"a\xef\xbf\xbd\":1,\"a\xf0\x90\x80\x80\":2,\"a\":3}",
	    "{\"a\":3,\"a\xf0\x90\x80\x80\":2,\"a\xef\xbf\xbd\":1}");
}

Test(canon, many_members_sort)
{
	GK_AUTO(gk_buf_done) struct gk_buf from = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf to = GK_BUF_INIT(1 << 20);
	struct gk_err err;

	for (int i = 0; i < 1000; i++) {
		cr_assert(
		    gk_buf_printf(&from, &err, "%c\"%03d\":%d",
			i == 0 ? '{' : ',', (i * 617 + 1) % 1000, i) == GK_OK);
		cr_assert(gk_buf_printf(&to, &err, "%c\"%03d\":%d",
			      i == 0 ? '{' : ',', i,
			      (i + 999) * 953 % 1000) == GK_OK);
	}
	cr_assert(gk_buf_putc(&from, '}', &err) == GK_OK);
	cr_assert(gk_buf_putc(&to, '}', &err) == GK_OK);
	prints_as(from.bytes, to.bytes);
}

Test(canon, a_string_escapes_only_what_it_must)
{
	prints_as("\"\\u0008\\u0009\\u000a\\u000c\\u000d\\u0022\\u005c\"",
	    "\"\\b\\t\\n\\f\\r\\\"\\\\\"");
	prints_as("\"\\u0001\\u001F\\u000B\\u001a\"",
	    "\"\\u0001\\u001f\\u000b\\u001a\"");
	prints_as("\"\\/\\u007f\\u0080\\u2028\\u00e9\\ud83d\\ude00<&>'\"",
	    "\"/\x7f\xc2\x80\xe2\x80\xa8\xc3\xa9\xf0\x9f\x98\x80<&>'\"");
	prints_as("{\"\\n\\u0041\":1}", "{\"\\nA\":1}");
}

Test(canon, integers_print_all_their_digits)
{
	number_is(0, "0");
	number_is(-0.0, "0");
	number_is(-1, "-1");
	number_is(9007199254740991, "9007199254740991");
	number_is(-9007199254740991, "-9007199254740991");
	number_is(9007199254740992, "9007199254740992");
	number_is(295147905179352830000.0, "295147905179352830000");
	number_is(999999999999999900000.0, "999999999999999900000");
}

/* The samples of RFC 8785, appendix B, by their bits. */
Test(canon, numbers_print_as_in_appendix_b)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} samples[] = {{0x0000000000000001, "5e-324"},
	    {0x8000000000000001, "-5e-324"},
	    {0x7fefffffffffffff, "1.7976931348623157e+308"},
	    {0xffefffffffffffff, "-1.7976931348623157e+308"},
	    {0x4340000000000000, "9007199254740992"},
	    {0xc340000000000000, "-9007199254740992"},
	    {0x4430000000000000, "295147905179352830000"},
	    {0x44b52d02c7e14af5, "9.999999999999997e+22"},
	    {0x44b52d02c7e14af6, "1e+23"},
	    {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
	    {0x444b1ae4d6e2ef4e, "999999999999999700000"},
	    {0x444b1ae4d6e2ef4f, "999999999999999900000"},
	    {0x444b1ae4d6e2ef50, "1e+21"},
	    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
	    {0x3eb0c6f7a0b5ed8d, "0.000001"},
	    {0x41b3de4355555553, "333333333.3333332"},
	    {0x41b3de4355555554, "333333333.33333325"},
	    {0x41b3de4355555555, "333333333.3333333"},
	    {0x41b3de4355555556, "333333333.3333334"},
	    {0x41b3de4355555557, "333333333.33333343"},
	    {0xbecbf647612f3696, "-0.0000033333333333333333"},
	    {0x43143ff3c1cb0959, "1424953923781206.2"}};

	for (size_t i = 0; i < GK_COUNT(samples); i++) {
		double number;

		memcpy(&number, &samples[i].bits, sizeof(number));
		number_is(number, samples[i].text);
	}
}

/* Above a power of two doubles are half as dense as below. */
Test(canon, a_power_of_two_prints_the_fewest_digits)
{
	number_is(0x1p-44, "5.684341886080802e-14");
	number_is(0x1p-1, "0.5");
	number_is(0x1p-1074, "5e-324");
	number_is(0x1p-1073, "1e-323");
	number_is(DBL_MIN, "2.2250738585072014e-308");
	number_is(0x1p-24, "5.960464477539063e-8");
	number_is(0x1p1023, "8.98846567431158e+307");
}

Test(canon, small_and_large_numbers_print_an_exponent)
{
	number_is(1e-6, "0.000001");
	number_is(1.5e-7, "1.5e-7");
	number_is(123456.789, "123456.789");
	number_is(0.1, "0.1");
	number_is(1e21, "1e+21");
	number_is(-1.5e300, "-1.5e+300");
	number_is(0.000123, "0.000123");
}

Test(canon, the_buffer_cap_is_kept)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	static const char json[] = "{\"b\":[\"text\\n\",12345],\"a\":true}";
	struct gk_err err;

	cr_assert(json_parse(json, strlen(json), &json_limits_request, &value,
		      &err) == GK_OK);
	for (size_t cap = 0; cap < strlen(json); cap++) {
		GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(cap);

		cr_assert(canon_print(value, &buf, &err) == GK_E_LIMIT);
		cr_assert(buf.len <= cap);
	}
}

Test(canon, canonical_text_stays_as_it_is)
{
	static const char *const texts[] = {
	    "{\"a\":1,\"b\":[0.1,1e+21,5e-324,-1.5]}", "[]", "{\"\":{\"\":[]}}",
	    "9007199254740991", "\"\\\"\\\\\\u001f\""};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		prints_as(texts[i], texts[i]);
	}
}

/* Only a bug can build it: no text says which of the two is meant. */
Test(canon, a_name_that_was_set_twice_ends_the_process, .signal = SIGABRT)
{
	GK_AUTO(json_freep) struct json_value *object = json_new_object();
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 10);
	struct gk_err err;

	for (int i = 0; i < 2; i++) {
		struct json_value *item = json_new_number(i);

		cr_assert(json_set(object, "a", &item, &err) == GK_OK);
	}
	cr_assert(canon_print(object, &buf, &err) != GK_OK);
}
