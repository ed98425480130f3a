/* Arguments fit their schema as the JSON Schema Test Suite (2020-12) says, and hostile ones in bounded time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "schema_test.h"

TestSuite(fits, .fini = schema_test_done);

/* The schema of "x"; "#/$defs/…" are: node (a tree), str, int, and a~b/c%d. */
#define DEFS                                                              \
	"\"$defs\": {\"str\": {\"type\": \"string\"}, \"int\": "          \
	"{\"type\": \"integer\"}, \"a~b/c%d\": {\"type\": \"integer\"}, " \
	"\"node\": {\"type\": \"object\", \"required\": [\"v\"], "        \
	"\"properties\": {\"v\": {\"type\": \"integer\"}, \"n\": "        \
	"{\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/node\"}}}}}"

static const struct {
	const char *schema;
	const char *fit, *unfit; /* arrays of values */
} suite[] = {
    {"true", "[1, null, {}, []]", "[]"},
    {"false", "[]", "[1, null, {}, []]"},
    {"{}", "[1, null, {}, []]", "[]"},
    /* type */
    {"{\"type\": \"integer\"}", "[1, 1.0, -0, 1e2, 9007199254740991]",
	"[1.1, \"1\", {}, [], true, null, 1e300]"},
    {"{\"type\": \"number\"}", "[1, 1.0, 1.1, 1e300]",
	"[\"1\", {}, [], true, null]"},
    {"{\"type\": \"string\"}", "[\"\", \"1\"]", "[1, 1.1, {}, [], true, null]"},
    {"{\"type\": \"object\"}", "[{}]", "[1, \"foo\", [], true, null]"},
    {"{\"type\": \"array\"}", "[[]]", "[1, \"foo\", {}, true, null]"},
    {"{\"type\": \"boolean\"}", "[true, false]",
	"[1, 0, \"\", \"foo\", {}, [], null]"},
    {"{\"type\": \"null\"}", "[null]", "[1, 0, \"\", {}, [], true, false]"},
    {"{\"type\": [\"integer\", \"string\"]}", "[1, \"foo\"]",
	"[1.1, {}, [], true, null]"},
    {"{\"type\": [\"array\", \"object\", \"null\"]}", "[[1], {\"a\": 1}, null]",
	"[123, \"foo\"]"},
    /* enum, const */
    {"{\"enum\": [1, 2, 3]}", "[1, 1.0]", "[4, \"1\", true]"},
    {"{\"enum\": [6, \"foo\", [], true, {\"foo\": 12}]}",
	"[6, \"foo\", [], true, {\"foo\": 12}, {\"foo\": 12.0}]",
	"[null, {\"foo\": false}, {\"foo\": 12, \"boo\": 42}, [0], false, {}]"},
    {"{\"enum\": [\"foo\\nbar\", \"foo\\rbar\"]}",
	"[\"foo\\nbar\", \"foo\\rbar\"]", "[\"abc\", \"foo\"]"},
    {"{\"enum\": [false]}", "[false]", "[0, 0.0, null, \"\", []]"},
    {"{\"enum\": [[false]]}", "[[false]]", "[[0], [0.0], [null], false]"},
    {"{\"enum\": [true]}", "[true]", "[1, 1.0]"},
    {"{\"enum\": [0]}", "[0, 0.0, -0, -0.0]", "[false, null, \"\"]"},
    {"{\"const\": 2}", "[2, 2.0]", "[5, \"a\"]"},
    {"{\"const\": {\"foo\": \"bar\", \"baz\": \"bax\"}}",
	"[{\"foo\": \"bar\", \"baz\": \"bax\"}, {\"baz\": \"bax\", \"foo\": "
	"\"bar\"}]",
	"[{\"foo\": \"bar\"}, [1, 2], {}]"},
    {"{\"const\": [{\"foo\": \"bar\"}]}", "[[{\"foo\": \"bar\"}]]",
	"[[2], [1, 2, 3], [{\"foo\": \"bar\"}, {}]]"},
    {"{\"const\": null}", "[null]", "[0, false, \"\", {}, []]"},
    {"{\"const\": {\"a\": false}}", "[{\"a\": false}]",
	"[{\"a\": 0}, {\"a\": 0.0}]"},
    {"{\"const\": [true]}", "[[true]]", "[[1], [1.0]]"},
    {"{\"const\": -2.0}", "[-2, -2.0]", "[2, 2.0, -2.00001]"},
    {"{\"const\": 0, \"enum\": [0, 1]}", "[0]", "[1]"},
    {"{\"const\": \"\"}", "[\"\"]", "[[], {}, null]"},
    {"{\"enum\": [\"[]\", \"{}\"]}", "[\"[]\", \"{}\"]", "[[], {}]"},
    /* numbers */
    {"{\"minimum\": 1.1}", "[2.6, 1.1, \"x\"]", "[0.6]"},
    {"{\"minimum\": -2}", "[-1, 0, -2, -2.0]", "[-2.0001, -3]"},
    {"{\"maximum\": 3.0}", "[2.6, 3.0, \"x\"]", "[3.5]"},
    {"{\"maximum\": 300}", "[299.97, 300, 300.00]", "[300.5, 1e300]"},
    {"{\"exclusiveMinimum\": 1.1}", "[1.2, \"x\"]", "[1.1, 0.6]"},
    {"{\"exclusiveMaximum\": 3.0}", "[2.2, \"x\"]", "[3.0, 3.5]"},
    {"{\"minimum\": 1, \"exclusiveMinimum\": 0}", "[1]", "[0, 0.5]"},
    {"{\"multipleOf\": 2}", "[10, 0, \"foo\"]", "[7]"},
    {"{\"multipleOf\": 1.5}", "[0, 4.5]", "[35]"},
    {"{\"multipleOf\": 0.0001}", "[0.0075]", "[0.00751]"},
    {"{\"multipleOf\": 0.01}", "[19.99, 0.07]", "[19.999, 1000000000.005]"},
    {"{\"type\": \"number\", \"multipleOf\": 1}", "[1e300]", "[1000000000.5]"},
    /* strings */
    {"{\"minLength\": 2}", "[\"foo\", \"fo\", 1]",
	"[\"f\", \"\\uD83D\\uDCA9\"]"},
    {"{\"maxLength\": 2}", "[\"f\", \"fo\", 100, \"\\uD83D\\uDCA9\\u00e9\"]",
	"[\"foo\"]"},
    {"{\"minLength\": 2.0, \"maxLength\": 2.0}", "[\"fo\"]",
	"[\"f\", \"foo\"]"},
    {"{\"pattern\": \"^a*$\"}", "[\"aaa\", \"\", true, 1, 1.0, {}, [], null]",
	"[\"abc\", \"aa\\n\"]"},
    {"{\"pattern\": \"a+\"}", "[\"xxaayy\"]", "[\"b\"]"},
    {"{\"pattern\": \"^\\\\p{Lu}\\\\w*$\"}", "[\"Ab\"]", "[\"ab\"]"},
    /* arrays */
    {"{\"items\": {\"type\": \"integer\"}}",
	"[[1, 2, 3], {\"foo\": \"bar\"}, []]", "[[1, \"x\"]]"},
    {"{\"items\": false}", "[[]]", "[[1]]"},
    {"{\"prefixItems\": [{\"type\": \"integer\"}, {\"type\": \"string\"}]}",
	"[[1, \"foo\"], [1], [1, \"foo\", true], [], {\"0\": \"x\"}]",
	"[[\"foo\", 1]]"},
    {"{\"prefixItems\": [{}, {}, {}], \"items\": false}", "[[], [1, 2, 3]]",
	"[[1, 2, 3, 4]]"},
    {"{\"prefixItems\": [{\"type\": \"string\"}], \"items\": {\"type\": "
     "\"integer\"}}",
	"[[\"x\", 2, 3]]", "[[\"x\", \"y\"], [1]]"},
    {"{\"minItems\": 1}", "[[1, 2], [1], \"\"]", "[[]]"},
    {"{\"maxItems\": 2}", "[[1], [1, 2], \"foobar\"]", "[[1, 2, 3]]"},
    {"{\"uniqueItems\": true}",
	"[[1, 2], [1, true], [0, false], [[1], [true]], [{\"a\": 1}, {\"a\": "
	"2}], [\"1\", 1], [], [{}, []], [\"a\", \"b\"], \"aa\", [{\"a\": "
	"false}, {\"a\": 0}]]",
	"[[1, 1], [1, 2, 1], [1.0, 1.00, 1], [{\"a\": 1, \"b\": 2}, {\"b\": 2, "
	"\"a\": 1}], [[\"foo\"], [\"foo\"]], [{}, [1], true, null, {}, 1], "
	"[\"foo\", \"bar\", \"foo\"], [0, -0]]"},
    {"{\"uniqueItems\": false}", "[[1, 1]]", "[]"},
    /* objects */
    {"{\"properties\": {\"foo\": {\"type\": \"integer\"}, \"bar\": "
     "{\"type\": \"string\"}}}",
	"[{\"foo\": 1, \"bar\": \"baz\"}, {\"quux\": []}, [], 12, {}]",
	"[{\"foo\": 1, \"bar\": {}}, {\"foo\": [], \"bar\": {}}]"},
    {"{\"properties\": {\"foo\": true, \"bar\": false}}", "[{}, {\"foo\": 1}]",
	"[{\"bar\": 2}, {\"foo\": 1, \"bar\": 2}]"},
    {"{\"properties\": {\"$ref\": {\"type\": \"string\"}}}",
	"[{\"$ref\": \"a\"}]", "[{\"$ref\": 2}]"},
    {"{\"properties\": {\"foo\\nbar\": {\"type\": \"number\"}, \"a/b\": "
     "{\"type\": \"number\"}}}",
	"[{\"foo\\nbar\": 1, \"a/b\": 1}]", "[{\"foo\\nbar\": \"1\"}]"},
    {"{\"properties\": {\"__proto__\": {\"type\": \"number\"}, \"toString\": "
     "{\"type\": \"number\"}}}",
	"[[], {}, {\"__proto__\": 1}]", "[{\"toString\": \"x\"}]"},
    {"{\"required\": [\"foo\"]}",
	"[{\"foo\": 1}, [], \"\", 12, {\"foo\": null}]", "[{\"bar\": 1}, {}]"},
    {"{\"required\": []}", "[{}]", "[]"},
    {"{\"properties\": {\"foo\": {}}, \"required\": [\"foo\", \"bar\"]}",
	"[{\"foo\": 1, \"bar\": 2}]", "[{\"foo\": 1}, {\"bar\": 2}]"},
    {"{\"properties\": {\"foo\": {}}, \"additionalProperties\": false}",
	"[{\"foo\": 1}, [1], \"foo\", {}]", "[{\"foo\": 1, \"quux\": 2}]"},
    {"{\"required\": [\"foo\"], \"additionalProperties\": false}", "[1]",
	"[{\"foo\": 1}, {}]"},
    {"{\"properties\": {\"foo\": {}}, \"additionalProperties\": {\"type\": "
     "\"boolean\"}}",
	"[{\"foo\": 1, \"quux\": true}]", "[{\"foo\": 1, \"quux\": 12}]"},
    {"{\"allOf\": [{\"properties\": {\"foo\": {}}}], "
     "\"additionalProperties\": {\"type\": \"boolean\"}}",
	"[{\"foo\": true}]", "[{\"foo\": 1}]"},
    {"{\"propertyNames\": {\"maxLength\": 3}}", "[{\"f\": 1}, {}, [1], 12]",
	"[{\"f\": 1, \"foobar\": 2}]"},
    {"{\"propertyNames\": false}", "[{}]", "[{\"a\": 1}]"},
    {"{\"propertyNames\": {\"enum\": [\"a\"]}}", "[{\"a\": 1}]",
	"[{\"b\": 1}]"},
    {"{\"minProperties\": 1}", "[{\"a\": 1}, [], \"\"]", "[{}]"},
    {"{\"maxProperties\": 2}", "[{\"a\": 1, \"b\": 2}, [1, 2, 3]]",
	"[{\"a\": 1, \"b\": 2, \"c\": 3}]"},
    {"{\"maxProperties\": 0}", "[{}]", "[{\"a\": 1}]"},
    /* combinations */
    {"{\"allOf\": [{\"properties\": {\"bar\": {\"type\": \"integer\"}}, "
     "\"required\": [\"bar\"]}, {\"required\": [\"foo\"]}]}",
	"[{\"foo\": \"baz\", \"bar\": 2}]",
	"[{\"foo\": \"baz\"}, {\"bar\": 2}, {\"foo\": 1, \"bar\": \"q\"}]"},
    {"{\"allOf\": [true, false]}", "[]", "[\"foo\"]"},
    {"{\"anyOf\": [{\"type\": \"integer\"}, {\"minimum\": 2}]}",
	"[1, 2.5, 3, \"x\"]", "[1.5]"},
    {"{\"type\": \"string\", \"anyOf\": [{\"maxLength\": 2}, {\"minLength\": "
     "4}]}",
	"[\"foobar\", \"a\"]", "[3, \"foo\"]"},
    {"{\"anyOf\": [false, false]}", "[]", "[\"foo\"]"},
    {"{\"oneOf\": [{\"type\": \"integer\"}, {\"minimum\": 2}]}", "[1, 2.5]",
	"[3, 1.5]"},
    {"{\"oneOf\": [true, true, true]}", "[]", "[\"foo\"]"},
    {"{\"oneOf\": [true, false, false]}", "[\"foo\"]", "[]"},
    {"{\"allOf\": [{\"multipleOf\": 2}], \"anyOf\": [{\"multipleOf\": 3}], "
     "\"oneOf\": [{\"multipleOf\": 5}]}",
	"[30]", "[1, 2, 3, 5, 6, 10, 15]"},
    {"{\"not\": {\"type\": \"integer\"}}", "[\"foo\", 1.1]", "[1]"},
    {"{\"not\": {\"type\": \"object\", \"properties\": {\"foo\": {\"type\": "
     "\"string\"}}}}",
	"[1, {\"foo\": 1}]", "[{\"foo\": \"bar\"}, {}]"},
    {"{\"not\": {}}", "[]", "[1, null]"},
    {"{\"not\": {\"not\": {}}}", "[1, null]", "[]"},
    {"{\"not\": {\"not\": {\"type\": \"integer\"}}}", "[1]", "[\"a\"]"},
    {"{\"properties\": {\"foo\": {\"not\": {}}}}", "[{\"bar\": 1}]",
	"[{\"foo\": 1}]"},
    /* references */
    {"{\"$ref\": \"#/$defs/int\"}", "[1]", "[\"a\"]"},
    {"{\"$ref\": \"#/$defs/int\", \"minimum\": 2}", "[2]", "[1, \"a\"]"},
    {"{\"$ref\": \"#/$defs/a~0b~1c%25d\"}", "[1]", "[\"a\"]"},
    {"{\"$ref\": \"#/$defs/%69nt\"}", "[1]", "[\"a\"]"},
    {"{\"$ref\": \"#/properties/x/anyOf/1\", \"anyOf\": [{}, {\"type\": "
     "\"null\"}]}",
	"[null]", "[1]"},
    {"{\"properties\": {\"y\": {\"$ref\": \"#\"}}}",
	"[{\"y\": {\"x\": {}}}, {\"y\": {\"x\": {\"y\": {}}}}]",
	"[{\"y\": 1}, {\"y\": {\"x\": {\"y\": []}}}]"},
    {"{\"$ref\": \"#/$defs/node\"}",
	"[{\"v\": 1}, {\"v\": 1, \"n\": [{\"v\": 2, \"n\": [{\"v\": 3}]}]}]",
	"[{}, {\"v\": 1, \"n\": [{\"v\": 2, \"n\": [{\"v\": \"3\"}]}]}]"},
    {"{\"allOf\": [{\"$ref\": \"#/$defs/int\"}, {\"$ref\": "
     "\"#/$defs/int\"}]}",
	"[1]", "[\"a\"]"},
};

static void
compare(const char *schema, const char *values, bool fit)
{
	GK_AUTO(json_freep) struct json_value *list = NULL;
	struct gk_err err = {0};

	cr_assert(json_parse(values, strlen(values), &json_limits_request,
		      &list, &err) == GK_OK,
	    "%s: %s %s", values, err.where, err.text);
	for (const struct json_value *item = json_first(list); item != NULL;
	     item = json_next(item)) {
		GK_AUTO(json_freep) struct json_value *args = json_new_object();
		struct json_value *copy = json_dup(item);
		struct gk_err why = {0};
		bool does;

		cr_assert(json_set(args, "x", &copy, NULL) == GK_OK);
		does = schema_fits(schema_now, args, &why);
		cr_expect(does == fit, "%s %s a value of %s (%s: %s)", schema,
		    does ? "takes" : "refuses", values, why.where, why.text);
		cr_expect(does == schema_fits(schema_now, args, NULL));
		cr_expect(does || (why.text[0] != '\0' &&
				      strncmp(why.where, "/x", 2) == 0),
		    "%s: at '%s': %s", schema, why.where, why.text);
	}
}

Test(fits, as_the_test_suite_says)
{
	for (size_t i = 0; i < GK_COUNT(suite); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(4096);

		cr_assert(
		    gk_buf_printf(&text, NULL,
			"{\"type\": \"object\", \"properties\": {\"x\": %s}, ",
			suite[i].schema) == GK_OK);
		cr_assert(gk_buf_puts(&text, DEFS "}", NULL) == GK_OK);
		(void)schema_of(gk_buf_text(&text));
		compare(suite[i].schema, suite[i].fit, true);
		compare(suite[i].schema, suite[i].unfit, false);
	}
}

static const struct {
	const char *schema, *args, *where, *text;
} whys[] = {
    {"{\"type\": \"object\", \"required\": [\"a\"]}", "{}", "/a", "is missing"},
    {"{\"type\": \"object\", \"additionalProperties\": false}", "{\"b\": 1}",
	"/b", "is no property that the schema knows"},
    {"{\"type\": \"object\", \"properties\": {\"a/b\": {\"items\": "
     "{\"properties\": {\"~\": {\"type\": [\"string\", \"null\"]}}}}}}",
	"{\"a/b\": [1, {\"~\": 2}]}", "/a~1b/1/~0",
	"expected null or string, this is number"},
    {"{\"type\": \"object\", \"properties\": {\"a\": {\"type\": "
     "\"integer\"}}}",
	"{\"a\": 1.5}", "/a",
	"expected integer, this is a number with a fraction, or too large"},
    {"{\"type\": \"object\", \"properties\": {\"a\": {\"maximum\": "
     "1000000}}}",
	"{\"a\": 1000001}", "/a", "is above the maximum 1000000"},
    {"{\"type\": \"object\", \"properties\": {\"a\": {\"multipleOf\": "
     "0.01}}}",
	"{\"a\": 0.001}", "/a", "isn't a multiple of 0.01"},
    {"{\"type\": \"object\", \"properties\": {\"a\": {\"anyOf\": [{\"type\": "
     "\"string\"}, {\"type\": \"null\"}]}}}",
	"{\"a\": 1}", "/a", "fits none of 2 alternatives"},
    {"{\"type\": \"object\", \"properties\": {\"a\": {\"enum\": [\"s\"]}}}",
	"{\"a\": \"secret\"}", "/a", "isn't the only value allowed"},
};

Test(fits, what_does_not_fit_is_told_by_its_place_and_without_its_value)
{
	for (size_t i = 0; i < GK_COUNT(whys); i++) {
		struct gk_err why = {0};

		cr_assert(!schema_fits(
		    schema_of(whys[i].schema), value_of(whys[i].args), &why));
		cr_expect(strcmp(why.where, whys[i].where) == 0 &&
			      strcmp(why.text, whys[i].text) == 0,
		    "%s: at '%s': %s", whys[i].args, why.where, why.text);
	}
}

Test(fits, no_arguments_are_an_empty_object)
{
	cr_assert(schema_fits(schema_of("{\"type\": \"object\"}"), NULL, NULL));
	cr_assert(!schema_fits(
	    schema_of("{\"type\": \"object\", \"required\": [\"a\"]}"), NULL,
	    NULL));
}

Test(fits, long_names_are_told_in_whole_characters)
{
	static const char name[] =
	    "a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
	const struct schema *schema = schema_of(
	    "{\"type\": \"object\", \"additionalProperties\": false}");

	for (size_t from = 0; from < 2; from++) {
		GK_AUTO(json_freep) struct json_value *args = json_new_object();
		struct json_value *one = json_new_null();
		struct gk_err why = {0};

		cr_assert(json_set(args, name + from, &one, NULL) == GK_OK);
		cr_assert(!schema_fits(schema, args, &why));
		cr_expect(json_check_text(why.where, strlen(why.where)));
		cr_expect(json_check_text(why.text, strlen(why.text)));
	}
}

/* ---- hostile ---- */

/* Each schema asks the next one twice, about the same value. */
static void
expect_given_up(const char *x)
{
	char *doubling = schema_text("{\"type\":\"object\",\"$defs\":{",
	    "\"a\1\":{\"allOf\":[{\"$ref\":\"#/$defs/a\2\"},"
	    "{\"$ref\":\"#/$defs/a\2\"}]}",
	    24, ",", "", ",\"a24\":{}},\"properties\":{\"x\":");
	char *text = schema_text(doubling, x, 1, "", "", "}}");
	struct gk_err why = {0};

	cr_expect(!schema_fits(schema_of(text), value_of("{\"x\":1}"), &why));
	cr_expect(
	    strstr(why.text, "too complex") != NULL, "%s: %s", x, why.text);
	free(doubling);
	free(text);
}

Test(fits, what_takes_too_long_does_not_fit_whatever_not_makes_of_it)
{
	expect_given_up("{\"$ref\":\"#/$defs/a0\"}");
	expect_given_up("{\"not\":{\"$ref\":\"#/$defs/a0\"}}");
	expect_given_up("{\"not\":{\"not\":{\"$ref\":\"#/$defs/a0\"}}}");
	expect_given_up("{\"anyOf\":[{\"$ref\":\"#/$defs/a0\"},true]}");
	expect_given_up(
	    "{\"oneOf\":[{\"not\":{\"$ref\":\"#/$defs/a0\"}},true]}");
}

Test(fits, values_nested_too_deep_do_not_fit)
{
	const struct schema *schema = schema_of(
	    "{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/"
	    "l\"}},\"$defs\":{\"l\":{\"items\":{\"$ref\":\"#/$defs/l\"}}}}");
	char text[600];
	struct gk_err why = {0};

	(void)snprintf(text, sizeof(text), "{\"x\":%.*s%.*s}", 60,
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 60,
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	cr_assert(schema_fits(schema, value_of(text), NULL));
	memset(text, '[', 205);
	memcpy(text, "{\"x\":", 5);
	memset(text + 205, ']', 200);
	memcpy(text + 405, "}", 2);
	cr_assert(!schema_fits(schema, value_of(text), &why));
	cr_assert(strstr(why.text, "too deep") != NULL, "%s", why.text);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* With sanitizers, too, on a slow machine. */
#define SECONDS_MAX 2.0

static void
expect_quick(const char *schema, char *args)
{
	const struct schema *read = schema_of(schema);
	const struct json_value *value = value_of(args);
	double before = seconds(), took;

	(void)!schema_fits(read, value, NULL);
	took = seconds() - before;
	cr_expect(took < SECONDS_MAX, "%.60s: %.2f s", schema, took);
	free(args);
}

Test(fits, hostile_arguments_are_refused_or_taken_in_time)
{
	char *constants = schema_text(
	    "{\"type\":\"object\",\"properties\":{\"x\":{\"anyOf\":[",
	    "{\"const\":{\"a\":\1}}", 1500, ",", "", "]}}}");
	char *properties = schema_text("{\"type\":\"object\",\"properties\":{",
	    "\"p\1\":{\"type\":\"integer\"}", 2000, ",", "", "}}");

	expect_quick(constants,
	    schema_text("{\"x\":{", "\"k\1\":\1", 9000, ",", "", "}}"));
	expect_quick(
	    properties, schema_text("{", "\"p\1\":\1", 9000, ",", "", "}"));
	expect_quick("{\"type\":\"object\",\"properties\":{\"x\":{"
		     "\"uniqueItems\":true}}}",
	    schema_text("{\"x\":[", "\"a string that is a bit longer \1\"",
		9000, ",", "", "]}"));
	expect_quick("{\"type\":\"object\",\"properties\":{\"x\":{"
		     "\"pattern\":\"(a|aa|b.{40}c)+$\"}}}",
	    schema_text("{\"x\":\"", "abaaaab\1", 60000, "", "", "\"}"));
	free(constants);
	free(properties);
}

Test(fits, nine_thousand_different_elements_are_unique)
{
	char *args = schema_text("{\"x\":[", "\1", 9000, ",", "", "]}");

	cr_assert(
	    schema_fits(schema_of("{\"type\":\"object\",\"properties\":{\"x\":{"
				  "\"type\":\"array\",\"uniqueItems\":true}}}"),
		value_of(args), NULL));
	free(args);
}
