/* What the strict I-JSON reader takes, what it refuses, and how its tree is built. */
#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "codec/json.h"

static struct json_value *
parse(const char *text)
{
	struct json_value *value = NULL;
	struct gk_err err;
	enum gk_rc rc =
	    json_parse(text, strlen(text), &json_limits_request, &value, &err);

	cr_assert(rc == GK_OK, "%s: %s at %s", text, err.text, err.where);
	return value;
}

static enum gk_rc
parse_bytes(const char *bytes, size_t n, struct gk_err *err)
{
	struct json_value *value = NULL;
	enum gk_rc rc = json_parse(bytes, n, &json_limits_request, &value, err);

	cr_assert((value == NULL) == (rc != GK_OK));
	json_freep(&value);
	return rc;
}

static void
refused_at(const char *text, size_t offset)
{
	struct gk_err err = {0};
	char where[32];

	(void)snprintf(where, sizeof(where), "offset %zu", offset);
	cr_assert(
	    parse_bytes(text, strlen(text), &err) == GK_E_INVALID, "%s", text);
	cr_assert(strcmp(err.where, where) == 0, "%s: %s at %s, not at %s",
	    text, err.text, err.where, where);
}

struct refusal {
	const char *text;
	size_t offset;
};

static void
all_refused(const struct refusal *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		refused_at(list[i].text, list[i].offset);
	}
}

static void
decodes_to(const char *json, const char *text)
{
	GK_AUTO(json_freep) struct json_value *value = parse(json);

	cr_assert(json_type(value) == JSON_STRING);
	cr_assert(strcmp(json_string(value), text) == 0, "%s gives %s", json,
	    json_string(value));
}

static void
reads_as(const char *json, double number)
{
	GK_AUTO(json_freep) struct json_value *value = parse(json);
	double got = json_number(value);

	cr_assert(json_type(value) == JSON_NUMBER);
	cr_assert(memcmp(&got, &number, sizeof(got)) == 0, "%s gives %.17g",
	    json, got);
}

/* open repeated, then middle, then close repeated */
static char *
repeat(const char *open, const char *middle, const char *close, size_t times)
{
	struct gk_buf buf = GK_BUF_INIT(1 << 24);
	struct gk_err err;

	for (size_t i = 0; i < times; i++) {
		cr_assert(gk_buf_puts(&buf, open, &err) == GK_OK);
	}
	cr_assert(gk_buf_puts(&buf, middle, &err) == GK_OK);
	for (size_t i = 0; i < times; i++) {
		cr_assert(gk_buf_puts(&buf, close, &err) == GK_OK);
	}
	return gk_buf_take(&buf);
}

Test(json, every_type_is_known_by_its_name)
{
	static const char *const texts[] = {
	    "null", "true", "1", "\"a\"", "[]", "{}"};
	static const char *const names[] = {
	    "null", "boolean", "number", "string", "array", "object"};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		GK_AUTO(json_freep) struct json_value *value = parse(texts[i]);

		cr_assert(json_type(value) == (enum json_type)i);
		cr_assert(strcmp(json_type_name(value), names[i]) == 0);
	}
}

Test(json, an_object_keeps_its_members_in_order)
{
	GK_AUTO(json_freep)
	struct json_value *value =
	    parse(" {\"b\" : [1, true ,false,null],\t\"a\":\r\n\"x\"} ");
	const struct json_value *b = json_first(value), *a = json_next(b);

	cr_assert(json_count(value) == 2);
	cr_assert(strcmp(json_name(b), "b") == 0);
	cr_assert(json_count(b) == 4);
	cr_assert(json_name(json_first(b)) == NULL);
	cr_assert(json_bool(json_next(json_first(b))));
	cr_assert(!json_bool(json_next(json_next(json_first(b)))));
	cr_assert(strcmp(json_name(a), "a") == 0);
	cr_assert(strcmp(json_string(a), "x") == 0);
	cr_assert(json_next(a) == NULL);
	cr_assert(json_get(value, "a") == a);
	cr_assert(json_get(value, "A") == NULL);
	cr_assert(json_get(b, "a") == NULL);
}

Test(json, accessors_of_another_type_give_nothing)
{
	GK_AUTO(json_freep) struct json_value *value = parse("\"1\"");
	int64_t number;

	cr_assert(json_string(value) != NULL);
	cr_assert(!json_bool(value));
	cr_assert(!(json_number(value) > 0));
	cr_assert(!json_int(value, &number));
	cr_assert(json_count(value) == 0);
	cr_assert(json_first(value) == NULL);
	cr_assert(json_next(value) == NULL);
	cr_assert(json_name(value) == NULL);
	cr_assert(json_get(value, "1") == NULL);
}

Test(json, accessors_of_what_is_not_there_give_nothing)
{
	GK_AUTO(json_freep) struct json_value *value = parse("{}");
	const struct json_value *none = json_get(value, "a");
	int64_t number;

	cr_assert(json_get(none, "b") == NULL);
	cr_assert(json_at(none, "/b") == NULL);
	cr_assert(json_first(none) == NULL);
	cr_assert(json_count(none) == 0);
	cr_assert(!json_int(none, &number));
}

Test(json, escapes_are_decoded)
{
	decodes_to("\"\"", "");
	decodes_to("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
	decodes_to("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac");
	decodes_to("\"\\uD834\\udd1e\"", "\xf0\x9d\x84\x9e");
	decodes_to("\"\\u0001\\u007f\\u0080\\u07ff\\u0800\"",
	    "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80");
	decodes_to("\"\\udbff\\udffd\"", "\xf4\x8f\xbf\xbd");
	decodes_to("\"a\\\\u0000\"", "a\\u0000");
}

Test(json, utf8_passes_through)
{
	decodes_to("\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf "
		   "\xee\x80\x80 \xef\xbf\xbd \xf0\x90\x80\x80 "
		   "\xf4\x8f\xbf\xbd \x7f\"",
	    "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
	    "\xef\xbf\xbd \xf0\x90\x80\x80 \xf4\x8f\xbf\xbd \x7f");
}

Test(json, invalid_utf8_is_refused)
{
	static const struct refusal list[] = {{"\"a\x80\"", 2},
	    {"\"\xc0\xaf\"", 1}, {"\"\xc1\xbf\"", 1}, {"\"\xc3\"", 1},
	    {"\"\xc3(\"", 1}, {"\"\xe0\x9f\xbf\"", 1}, {"\"\xe2\x82\"", 1},
	    {"\"\xe2\x28\xa1\"", 1}, {"\"\xed\xa0\x80\"", 1},
	    {"\"\xed\xbf\xbf\"", 1}, {"\"\xf0\x8f\xbf\xbf\"", 1},
	    {"\"\xf0\x90\x80\"", 1}, {"\"\xf4\x90\x80\x80\"", 1},
	    {"\"\xf5\x80\x80\x80\"", 1}, {"\"\xff\"", 1}, {"{\"\xff\":1}", 2},
	    {"\xff", 0}, {"\xc3\xa9", 0}};

	all_refused(list, GK_COUNT(list));
}

Test(json, a_lone_surrogate_is_refused)
{
	static const struct refusal list[] = {{"\"ab\\ud800\"", 3},
	    {"\"\\udc00\"", 1}, {"\"\\ud800\\ud800\"", 1},
	    {"\"\\ud800\\u0041\"", 1}, {"\"\\ud800x\\udc00\"", 1},
	    {"\"\\udc00\\ud800\"", 1}, {"\"\\ud800\\udc0\"", 1},
	    {"{\"\\udfff\":1}", 2}};

	all_refused(list, GK_COUNT(list));
}

Test(json, a_noncharacter_is_refused)
{
	static const struct refusal list[] = {{"\"\\uffff\"", 1},
	    {"\"\\uFFFE\"", 1}, {"\"\\ufdd0\"", 1}, {"\"\\ufdef\"", 1},
	    {"\"\\ud83f\\udffe\"", 1}, {"\"\\udbff\\udfff\"", 1},
	    {"\"\xef\xbf\xbf\"", 1}, {"\"\xef\xbf\xbe\"", 1},
	    {"\"\xef\xb7\x90\"", 1}, {"\"\xf0\x9f\xbf\xbf\"", 1},
	    {"\"\xf4\x8f\xbf\xbe\"", 1}};

	all_refused(list, GK_COUNT(list));
	decodes_to("\"\\ufdcf\\ufdf0\"", "\xef\xb7\x8f\xef\xb7\xb0");
}

Test(json, u0000_is_refused_raw_and_escaped)
{
	struct gk_err err;

	refused_at("\"a\\u0000\"", 2);
	refused_at("{\"\\u0000\":1}", 2);
	cr_assert(parse_bytes("\"a\0\"", 4, &err) == GK_E_INVALID);
	cr_assert(strcmp(err.where, "offset 2") == 0);
	cr_assert(parse_bytes("1\0", 2, &err) == GK_E_INVALID);
	cr_assert(parse_bytes("\"a\\\0\"", 5, &err) == GK_E_INVALID);
}

Test(json, a_broken_string_is_refused)
{
	static const struct refusal list[] = {{"\"abc", 0}, {"[1,\"a\\\"", 3},
	    {"\"\\", 0}, {"\"\\x41\"", 1}, {"\"\\a\"", 1}, {"\"\\'\"", 1},
	    {"\"\\u12\"", 1}, {"\"\\u12g4\"", 1}, {"\"\\U0041\"", 1},
	    {"\"a\nb\"", 2}, {"\"\t\"", 1}, {"\"\x1f\"", 1}, {"'a'", 0}};

	all_refused(list, GK_COUNT(list));
}

Test(json, a_byte_order_mark_is_refused)
{
	refused_at("\xef\xbb\xbf{}", 0);
	decodes_to("\"\xef\xbb\xbf\"", "\xef\xbb\xbf");
}

Test(json, what_is_not_a_number_of_json_is_refused)
{
	static const struct refusal list[] = {{"-", 0}, {"+1", 0}, {"01", 1},
	    {"-01", 2}, {"1.", 0}, {".5", 0}, {"1.e3", 0}, {"1e", 0},
	    {"1e+", 0}, {"1E-", 0}, {"-a", 0}, {"1_000", 1}, {"0x10", 1},
	    {"NaN", 0}, {"Infinity", 0}, {"-Infinity", 0}, {"1.5.2", 3},
	    {"--1", 0}, {"\xef\xbc\x91", 0}};

	all_refused(list, GK_COUNT(list));
}

Test(json, an_integer_beyond_2_53_is_refused)
{
	static const struct refusal list[] = {{"9007199254740992", 0},
	    {"-9007199254740992", 0}, {"[9007199254740993]", 1},
	    {"10000000000000000", 0}, {"99999999999999999999999999", 0},
	    {"-9223372036854775808", 0}};

	all_refused(list, GK_COUNT(list));
	reads_as("9007199254740991", 9007199254740991.0);
	reads_as("-9007199254740991", -9007199254740991.0);
}

Test(json, a_number_that_canonically_is_such_an_integer_is_refused)
{
	static const struct refusal list[] = {{"9007199254740992.0", 0},
	    {"9007199254740991.5", 0}, {"1e16", 0}, {"-1E+20", 0},
	    {"999999999999999900000.0", 0}};

	all_refused(list, GK_COUNT(list));
	reads_as("1e15", 1e15);
	reads_as("1e21", 1e21);
	reads_as("-1e28", -1e28);
	reads_as("9007199254740991.0", 9007199254740991.0);
}

Test(json, a_number_that_is_not_finite_is_refused)
{
	refused_at("1e309", 0);
	refused_at("[-1e400]", 1);
	refused_at("123123e100000", 0);
	refused_at("1e99999999999999999999", 0);
	refused_at("1.7976931348623159e308", 0);
}

Test(json, numbers_are_right_to_the_last_bit)
{
	reads_as("-0", -0.0);
	reads_as("-0.0", -0.0);
	reads_as("0e5", 0.0);
	reads_as("1e-400", 0.0);
	reads_as("0.1", 0.1);
	reads_as("1.7976931348623157e308", 0x1.fffffffffffffp+1023);
	reads_as("5e-324", 0x1p-1074);
	reads_as("2.4703282292062327e-324", 0.0);
	reads_as("2.4703282292062328e-324", 0x1p-1074);
	reads_as("2.2250738585072011e-308", 0x0.fffffffffffffp-1022);
	reads_as("0.500000000000000166533453693773481063544750213623046875",
	    0x1.0000000000002p-1);
	reads_as("0.1e1", 1.0);
	reads_as("1E0", 1.0);
}

/* 1 + 2^-53 lies half way between two doubles: a digit far behind decides. */
Test(json, no_digit_of_a_long_number_is_dropped)
{
	char *even = repeat("",
	    "1.00000000000000011102230246251565404236316680908203125", "0",
	    5000);
	char *up = repeat("",
	    "1.00000000000000011102230246251565404236316680908203125", "0",
	    5001);

	up[strlen(up) - 1] = '1';
	reads_as(even, 1.0);
	reads_as(up, 0x1.0000000000001p+0);
	free(even);
	free(up);
}

Test(json, the_locale_does_not_change_numbers)
{
	static const char *const names[] = {
	    "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};

	for (size_t i = 0; i < GK_COUNT(names); i++) {
		if (setlocale(LC_ALL, names[i]) != NULL) {
			break;
		}
	}
	reads_as("1.5", 1.5);
	(void)setlocale(LC_ALL, "C");
}

Test(json, an_integer_is_known_by_its_value)
{
	static const struct {
		const char *text;
		int64_t number;
	} yes[] = {{"0", 0}, {"-0", 0}, {"1.0", 1}, {"1e2", 100}, {"-12", -12},
	    {"9007199254740991", JSON_INT_MAX},
	    {"-9007199254740991", -JSON_INT_MAX}, {"1e-400", 0}};
	static const char *const no[] = {
	    "0.5", "-1.25", "1e21", "1e300", "5e-324", "true", "\"1\""};

	for (size_t i = 0; i < GK_COUNT(yes); i++) {
		GK_AUTO(json_freep)
		struct json_value *value = parse(yes[i].text);
		int64_t number = -1;

		cr_assert(json_int(value, &number), "%s", yes[i].text);
		cr_assert(number == yes[i].number, "%s", yes[i].text);
	}
	for (size_t i = 0; i < GK_COUNT(no); i++) {
		GK_AUTO(json_freep) struct json_value *value = parse(no[i]);
		int64_t number = -1;

		cr_assert(!json_int(value, &number), "%s", no[i]);
		cr_assert(number == -1);
	}
}

Test(json, a_broken_structure_is_refused)
{
	static const struct refusal list[] = {{"", 0}, {"  ", 2}, {"[", 1},
	    {"]", 0}, {"{", 1}, {"[1", 2}, {"[1,", 3}, {"[1,]", 3}, {"[,1]", 1},
	    {"[1 2]", 3}, {"[1}", 2}, {"{\"a\"}", 4}, {"{\"a\":}", 5},
	    {"{\"a\":1,}", 7}, {"{,}", 1}, {"{a:1}", 1}, {"{1:1}", 1},
	    {"{\"a\":1 \"b\":2}", 7}, {"{\"a\":1]", 6}, {"{\"a\" 1}", 5},
	    {"tru", 0}, {"True", 0}, {"nul", 0}, {"nulls", 4}, {"1 2", 2},
	    {"{}[]", 2}, {"[]\x0b", 2}, {"\x0c[]", 0}, {"[1] // a", 4},
	    {"/* a */ 1", 0}, {"[1;2]", 2}, {"[\xc2\xa0]", 1}};

	all_refused(list, GK_COUNT(list));
}

Test(json, a_duplicate_member_is_refused)
{
	refused_at("{\"a\":1,\"a\":1}", 7);
	refused_at("{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", 18);
	refused_at("{\"\":1,\"\":2}", 6);
}

Test(json, a_duplicate_member_after_unescaping_is_refused)
{
	refused_at("{\"a\":1,\"\\u0061\":2}", 7);
	refused_at("{\"\\uD834\\uDD1E\":1,\"\xf0\x9d\x84\x9e\":2}", 18);
}

Test(json, one_name_in_two_objects_is_fine)
{
	GK_AUTO(json_freep)
	struct json_value *value =
	    parse("{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":2}]}");

	cr_assert(json_count(value) == 2);
}

Test(json, a_duplicate_among_many_members_is_refused)
{
	for (int count = 2; count < 40; count++) {
		char text[1024] = "{";
		size_t at = 1;
		struct gk_err err;

		for (int i = 0; i < count; i++) {
			at += (size_t)snprintf(
			    text + at, sizeof(text) - at, "\"k%d\":0,", i);
		}
		(void)snprintf(
		    text + at, sizeof(text) - at, "\"k%d\":0}", count);
		cr_assert(parse_bytes(text, strlen(text), &err) == GK_OK);
		(void)snprintf(
		    text + at, sizeof(text) - at, "\"k%d\":0}", count / 2);
		refused_at(text, at);
	}
}

Test(json, depth_stops_at_its_limit)
{
	struct json_limits limits = {100, 4, 100};
	struct json_value *value = NULL;
	struct gk_err err;

	cr_assert(
	    json_parse("[[{\"a\":[]}]]", 12, &limits, &value, &err) == GK_OK);
	json_freep(&value);
	cr_assert(json_parse("[[{\"a\":[[]]}]]", 14, &limits, &value, &err) ==
		  GK_E_LIMIT);
	cr_assert(strcmp(err.where, "offset 8") == 0, "%s", err.where);
	cr_assert(json_parse("[[],[],[],[],[],[[[]]]]", 23, &limits, &value,
		      &err) == GK_OK);
	json_freep(&value);
}

Test(json, the_deepest_tree_is_read_and_freed)
{
	struct json_limits limits = {1 << 20, JSON_DEPTH_MAX, 10000};
	char *fits = repeat("[", "", "]", JSON_DEPTH_MAX);
	char *deeper = repeat("[", "", "]", JSON_DEPTH_MAX + 1);
	struct json_value *value = NULL, *copy;
	struct gk_err err;

	cr_assert(
	    json_parse(fits, strlen(fits), &limits, &value, &err) == GK_OK);
	copy = json_dup(value);
	cr_assert(copy != NULL);
	json_freep(&copy);
	json_freep(&value);
	cr_assert(json_parse(deeper, strlen(deeper), &limits, &value, &err) ==
		  GK_E_LIMIT);
	free(fits);
	free(deeper);
}

Test(json, values_and_bytes_stop_at_their_limits)
{
	struct json_limits limits = {12, 4, 4};
	struct json_value *value = NULL;
	struct gk_err err;

	cr_assert(json_parse("[1,2,3]", 7, &limits, &value, &err) == GK_OK);
	json_freep(&value);
	cr_assert(
	    json_parse("[1,2,3,4]", 9, &limits, &value, &err) == GK_E_LIMIT);
	cr_assert(json_parse("            1", 13, &limits, &value, &err) ==
		  GK_E_LIMIT);
	cr_assert(strcmp(err.where, "offset 12") == 0);
	cr_assert(json_limits_request.bytes == 1024 * 1024);
	cr_assert(json_limits_request.depth == 64);
	cr_assert(json_limits_request.values == 10000);
}

Test(json, nothing_behind_the_given_length_is_read)
{
	char *bytes = malloc(4); /* exactly: the sanitizer watches its end */
	static const char *const texts[] = {"1234", "-1.5", "true", "\"ab\"",
	    "1e10", "[12]", "tru ", "\"abc", "[1,2", "\"\\u1", "\"\\ud", "-1.e",
	    "\"\xf0\x90\x80", "{\"a\""};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		struct gk_err err;

		memcpy(bytes, texts[i], 4);
		(void)parse_bytes(bytes, 4, &err);
	}
	free(bytes);
}

static double
seconds_of_members(size_t count)
{
	struct gk_buf buf = GK_BUF_INIT(1 << 24);
	struct json_limits limits = {1 << 24, 4, 1 << 20};
	struct json_value *value = NULL;
	struct gk_err err;
	struct timespec a, b;

	for (size_t i = 0; i < count; i++) {
		cr_assert(gk_buf_printf(&buf, &err, "%c\"%zu\":0",
			      i == 0 ? '{' : ',', i) == GK_OK);
	}
	cr_assert(gk_buf_putc(&buf, '}', &err) == GK_OK);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	cr_assert(
	    json_parse(buf.bytes, buf.len, &limits, &value, &err) == GK_OK);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	json_freep(&value);
	gk_buf_done(&buf);
	return (double)(b.tv_sec - a.tv_sec) +
	       (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Comparing each with each would take the larger 400 times as long. */
Test(json, many_members_take_linear_time)
{
	double few = seconds_of_members(10000);
	double many = seconds_of_members(200000);

	cr_assert(many < 150 * few + 0.1, "%f s, then %f s", few, many);
}

Test(json, pointers_of_rfc_6901_lead_where_they_say)
{
	GK_AUTO(json_freep)
	struct json_value *root = parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,"
					"\"a/b\":1,\"c%d\":2,\"e^f\":3,"
					"\"g|h\":4,\"i\\\\j\":5,"
					"\"k\\\"l\":6,\" \":7,\"m~n\":8,"
					"\"~1\":9,\"o\":{\"p\":[[10]]}}");
	static const char *const numbers[] = {"/", "/a~1b", "/c%d", "/e^f",
	    "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n", "/~01", "/o/p/0/0"};

	cr_assert(json_at(root, "") == root);
	cr_assert(json_at(root, "/foo") == json_get(root, "foo"));
	cr_assert(strcmp(json_string(json_at(root, "/foo/0")), "bar") == 0);
	cr_assert(strcmp(json_string(json_at(root, "/foo/1")), "baz") == 0);
	for (size_t i = 0; i < GK_COUNT(numbers); i++) {
		int64_t number = -1;

		cr_assert(json_at(root, numbers[i]) != NULL, "%s", numbers[i]);
		cr_assert(json_int(json_at(root, numbers[i]), &number));
		cr_assert(number == (int64_t)i, "%s", numbers[i]);
	}
}

Test(json, a_pointer_to_nowhere_gives_nothing)
{
	GK_AUTO(json_freep)
	struct json_value *root =
	    parse("{\"foo\":[\"bar\",[]],\"m~\":1,\"a\":{\"b\":1},\"~2\":1,"
		  "\"~\":1}");
	static const char *const pointers[] = {"foo", "/bar", "/foo/2",
	    "/foo/00", "/foo/01", "/foo/-", "/foo/", "/foo/+1", "/foo/1/0",
	    "/foo/0/0", "/m~", "/~2", "/~", "/a/b/c", "/a/", "//", "/fo",
	    "/fooo", "#/foo", "/foo/99999999999999999999", "/foo/1e0",
	    "/foo/4294967296", "/foo/18446744073709551616"};

	for (size_t i = 0; i < GK_COUNT(pointers); i++) {
		cr_assert(
		    json_at(root, pointers[i]) == NULL, "%s", pointers[i]);
	}
}

Test(json, a_tree_is_built_piece_by_piece)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	struct json_value *list = json_new_array(), *item;
	char name[] = "list";
	struct gk_err err;

	item = json_new_string("text");
	cr_assert(json_append(list, &item, &err) == GK_OK);
	cr_assert(item == NULL);
	item = json_new_number(1.5);
	cr_assert(json_append(list, &item, &err) == GK_OK);
	item = json_new_bool(true);
	cr_assert(json_append(list, &item, &err) == GK_OK);
	item = json_new_null();
	cr_assert(json_append(list, &item, &err) == GK_OK);
	cr_assert(json_set(root, name, &list, &err) == GK_OK);
	cr_assert(list == NULL);
	name[0] = 'X';
	cr_assert(json_count(json_get(root, "list")) == 4);
	cr_assert(json_bool(json_at(root, "/list/2")));
	cr_assert(strcmp(json_string(json_at(root, "/list/0")), "text") == 0);
}

Test(json, a_builder_that_failed_is_told_when_its_value_is_added)
{
	GK_AUTO(json_freep) struct json_value *array = json_new_array();
	GK_AUTO(json_freep) struct json_value *object = json_new_object();
	struct json_value *nothing = NULL;
	struct gk_err err;

	cr_assert(json_append(array, &nothing, &err) == GK_E_NOMEM);
	cr_assert(json_set(object, "a", &nothing, &err) == GK_E_NOMEM);
	cr_assert(json_count(array) == 0);
	cr_assert(json_count(object) == 0);
}

Test(json, a_copy_is_independent_of_what_it_was_copied_from)
{
	struct json_value *root =
	    parse("{\"a\":[1,\"two\",{\"b\":null,\"c\":true}],\"d\":-0.5}");
	GK_AUTO(json_freep) struct json_value *copy = json_dup(root);
	GK_AUTO(json_freep)
	struct json_value *part = json_dup(json_at(root, "/a"));

	json_freep(&root);
	cr_assert(json_count(copy) == 2);
	cr_assert(strcmp(json_string(json_at(copy, "/a/1")), "two") == 0);
	cr_assert(json_bool(json_at(copy, "/a/2/c")));
	cr_assert(json_number(json_at(copy, "/d")) < 0);
	cr_assert(json_name(part) == NULL);
	cr_assert(json_count(part) == 3);
}

Test(json, text_that_may_not_be_a_string_is_told)
{
	cr_assert(json_check_text("", 0));
	cr_assert(json_check_text("a\x01\x7f\xc3\xa9", 5));
	cr_assert(!json_check_text("a\0b", 3));
	cr_assert(!json_check_text("\xff", 1));
	cr_assert(!json_check_text("\xc3\xa9", 1));
	cr_assert(!json_check_text("\xef\xbf\xbf", 3));
	cr_assert(!json_check_text("\xed\xa0\x80", 3));
}

Test(json, the_story_of_an_error_is_optional)
{
	struct json_value *value = NULL;

	cr_assert(json_parse("[1,", 3, &json_limits_request, &value, NULL) ==
		  GK_E_INVALID);
	cr_assert(json_parse(NULL, 0, &json_limits_request, &value, NULL) ==
		  GK_E_INVALID);
	cr_assert(value == NULL);
}
