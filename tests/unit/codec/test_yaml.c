/* What YAML is taken, what is refused, and where its values stand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/yaml.h"

static struct yaml_doc *
parse(const char *text)
{
	struct yaml_doc *doc = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = yaml_parse(
	    text, strlen(text), "test.yaml", &json_limits_request, &doc, &err);

	cr_assert(rc == GK_OK, "%s: %s at %s", text, err.text, err.where);
	return doc;
}

/* The document, as canonical JSON. */
static void
means(const char *text, const char *json)
{
	GK_AUTO(yaml_freep) struct yaml_doc *doc = parse(text);
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	struct gk_err err;

	cr_assert(canon_print(yaml_root(doc), &buf, &err) == GK_OK);
	cr_assert(strcmp(gk_buf_text(&buf), json) == 0, "%s gives %s", text,
	    gk_buf_text(&buf));
}

static void
bytes_refused_at(const char *text, size_t n, unsigned line, unsigned column)
{
	struct yaml_doc *doc = NULL;
	struct gk_err err = {0};
	char where[64];
	enum gk_rc rc =
	    yaml_parse(text, n, "test.yaml", &json_limits_request, &doc, &err);

	(void)snprintf(where, sizeof(where), "test.yaml:%u:%u", line, column);
	cr_assert(rc == GK_E_INVALID, "%s is taken", text);
	cr_assert(doc == NULL);
	cr_assert(strcmp(err.where, where) == 0, "%s: %s at %s, not %s", text,
	    err.text, err.where, where);
}

static void
refused_at(const char *text, unsigned line, unsigned column)
{
	bytes_refused_at(text, strlen(text), line, column);
}

Test(yaml, maps_lists_and_scalars_become_json)
{
	means("a: 1\nb:\n  - x\n  - y: true\n    z: ~\nc: {d: [1, \"2\"]}\n",
	    "{\"a\":1,\"b\":[\"x\",{\"y\":true,\"z\":null}],"
	    "\"c\":{\"d\":[1,\"2\"]}}");
	means("- a\n-\n- - b\n", "[\"a\",null,[\"b\"]]");
	means("# nothing but a comment\nplain words # and one more\n",
	    "\"plain words\"");
}

Test(yaml, json_is_yaml)
{
	means("{\"a\":[1,2.5,true,false,null,\"\\u00e9\\n\"],\"b\":{}}",
	    "{\"a\":[1,2.5,true,false,null,\"\xc3\xa9\\n\"],\"b\":{}}");
}

Test(yaml, an_empty_document_is_null)
{
	means("", "null");
	means("# only a comment\n", "null");
	means("---\n...\n", "null");
	means("%YAML 1.2\n---\na: 1\n...\n", "{\"a\":1}");
}

Test(yaml, plain_scalars_follow_the_core_schema)
{
	means("[null, Null, NULL, ~]", "[null,null,null,null]");
	means("[true, True, TRUE, false, False, FALSE]",
	    "[true,true,true,false,false,false]");
	means("[0, -1, +7, 0o17, 0xfF, -0]", "[0,-1,7,15,255,0]");
	means("[1.5, -.5, 5., +1e3, 1E-2, .5e1, 0.0]",
	    "[1.5,-0.5,5,1000,0.01,5,0]");
	means("[9007199254740991, 0x1fffffffffffff, -9007199254740991]",
	    "[9007199254740991,9007199254740991,-9007199254740991]");
}

Test(yaml, words_that_yaml_1_1_made_something_of_are_strings)
{
	means("[yes, no, on, off, y, n, Yes, nULL, tRUE]",
	    "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"Yes\",\"nULL\","
	    "\"tRUE\"]");
	means("[1_000, 0b11, 12:30:45, 2001-01-01, 0xg, 0o8, -0x1, 1e, ., -, "
	      "1.2.3, +, 0x, 0o, e5, 1 2, .e5, inf, nan, -.nan]",
	    "[\"1_000\",\"0b11\",\"12:30:45\",\"2001-01-01\",\"0xg\",\"0o8\","
	    "\"-0x1\",\"1e\",\".\",\"-\",\"1.2.3\",\"+\",\"0x\",\"0o\","
	    "\"e5\",\"1 2\",\".e5\",\"inf\",\"nan\",\"-.nan\"]");
	means("on: 1\nno: 2\n", "{\"no\":2,\"on\":1}");
}

Test(yaml, quoted_scalars_are_strings)
{
	means("['1', \"true\", 'null', '', \"~\", '.inf', '<<', '0644']",
	    "[\"1\",\"true\",\"null\",\"\",\"~\",\".inf\",\"<<\",\"0644\"]");
	means("'1': a\n\"true\": b\n'<<': c\n",
	    "{\"1\":\"a\",\"<<\":\"c\",\"true\":\"b\"}");
	means("a: |\n  1\n  2\nb: >-\n  x\n  y\n",
	    "{\"a\":\"1\\n2\\n\",\"b\":\"x y\"}");
	means("\"\\u00e9\\x41\\U0001F600\\e\\N\"",
	    "\"\xc3\xa9"
	    "A\xf0\x9f\x98\x80\\u001b\xc2\x85\"");
}

Test(yaml, anchors_and_aliases_are_refused)
{
	refused_at("a: &x 1\n", 1, 4);
	refused_at("a: &x [1]\n", 1, 4);
	refused_at("a: &x {b: 1}\n", 1, 4);
	refused_at("&k a: 1\n", 1, 1);
	refused_at("a: 1\nb: *x\n", 2, 4);
	refused_at("*x : 1\n", 1, 1);
}

Test(yaml, tags_are_refused)
{
	refused_at("a: !!str 1\n", 1, 4);
	refused_at("a: ! b\n", 1, 4);
	refused_at("!foo [1]\n", 1, 1);
	refused_at("- !<tag:yaml.org,2002:map> {}\n", 1, 3);
	refused_at("!!str a: 1\n", 1, 1);
}

Test(yaml, directives_other_than_yaml_are_refused)
{
	refused_at("%TAG ! tag:example.com,2000:\n---\na: 1\n", 1, 1);
	refused_at("%FOO bar\n---\na: 1\n", 1, 5);
	refused_at("%YAML 2.0\n---\na: 1\n", 1, 1);
}

Test(yaml, a_second_document_is_refused)
{
	refused_at("a: 1\n---\nb: 2\n", 2, 1);
	refused_at("a: 1\n...\n---\n", 3, 1);
	refused_at("---\n---\n", 2, 1);
}

Test(yaml, a_duplicate_key_is_refused)
{
	refused_at("a: 1\nb: 2\na: 3\n", 3, 1);
	refused_at("x:\n  a: 1\n  'a': 3\n", 3, 3);
	refused_at("{a: 1, \"\\u0061\": 2}", 1, 8);
	means("a: {a: 1}\nb: {a: 1}\n", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
}

Test(yaml, a_key_that_is_not_a_string_is_refused)
{
	refused_at("1: a\n", 1, 1);
	refused_at("true: a\n", 1, 1);
	refused_at("~: a\n", 1, 1);
	refused_at(": a\n", 1, 1);
	refused_at("1.5: a\n", 1, 1);
	refused_at("0x10: a\n", 1, 1);
	refused_at(".inf: a\n", 1, 1);
	refused_at("? [a, b]\n: c\n", 1, 3);
	refused_at("? {a: b}\n: c\n", 1, 3);
	refused_at("{[a]: 1}", 1, 2);
}

Test(yaml, a_merge_key_is_refused)
{
	refused_at("a: 1\n<<: {b: 2}\n", 2, 1);
}

Test(yaml, a_number_that_is_not_finite_is_refused)
{
	static const char *const texts[] = {".inf", ".Inf", ".INF", "-.inf",
	    "+.INF", ".nan", ".NaN", ".NAN", "1e400", "-1e400"};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "a: %s\n", texts[i]);
		refused_at(text, 1, 4);
	}
}

Test(yaml, an_integer_beyond_2_53_is_refused)
{
	refused_at("9007199254740992", 1, 1);
	refused_at("- -9007199254740992", 1, 3);
	refused_at("0x20000000000000", 1, 1);
	refused_at("0o400000000000000000", 1, 1);
	refused_at("0xffffffffffffffffffffffffffffffffffff", 1, 1);
	refused_at("9007199254740992.0", 1, 1);
	refused_at("1e16", 1, 1);
}

/* To YAML 1.1 it was octal, to 1.2 it isn't: nobody shall have to know. */
Test(yaml, a_number_with_a_leading_zero_is_refused)
{
	refused_at("mode: 0644\n", 1, 7);
	refused_at("-00", 1, 1);
	refused_at("01.5", 1, 1);
	refused_at("007", 1, 1);
}

Test(yaml, invalid_utf8_is_refused)
{
	refused_at("a: 1\nb: \xff\n", 2, 4);
	refused_at("\xc3\xa9: \xc3(\n", 1, 5);
	refused_at("a: \xed\xa0\x80\n", 1, 4);
	refused_at("a: \xf4\x90\x80\x80\n", 1, 4);
	bytes_refused_at("\xff\xfe"
			 "a\0:\0 \0b\0",
	    10, 1, 1);
}

Test(yaml, u0000_and_noncharacters_are_refused)
{
	refused_at("a: \"\\0\"\n", 1, 4);
	refused_at("a: \"\\u0000\"\n", 1, 4);
	refused_at("\"\\x00\": 1\n", 1, 1);
	refused_at("a: \"\\uffff\"\n", 1, 4);
	refused_at("a: \xef\xb7\x90\n", 1, 4);
	bytes_refused_at("a: b\0c\n", 7, 1, 5);
}

Test(yaml, a_unicode_line_break_is_refused)
{
	refused_at("a: b\xe2\x80\xa8"
		   "c\n",
	    1, 5);
	refused_at("# \xe2\x80\xa9\n", 1, 3);
	refused_at("a: 1\nb: '\xc2\x85'\n", 2, 5);
	means("a: \"\\u2028\"", "{\"a\":\"\xe2\x80\xa8\"}");
}

Test(yaml, what_is_not_yaml_is_refused)
{
	refused_at("a: [1, 2\n", 2, 1);
	refused_at("a: 'b\n", 2, 1);
	refused_at("a: b: c\n", 1, 5);
	refused_at("\ta: 1\n", 1, 1);
	refused_at("a: 1\n  b: 2\n", 2, 4);
	refused_at("- a\nb: 1\n", 2, 1);
	refused_at("a: \"\\q\"\n", 1, 5);
	refused_at("a: @b\n", 1, 4);
}

Test(yaml, limits_are_kept)
{
	struct json_limits limits = {16, 3, 4};
	struct yaml_doc *doc = NULL;
	struct gk_err err;

	cr_assert(yaml_parse("[[[1]]]", 7, "a", &limits, &doc, &err) == GK_OK);
	yaml_freep(&doc);
	cr_assert(
	    yaml_parse("[[[[]]]]", 8, "a", &limits, &doc, &err) == GK_E_LIMIT);
	cr_assert(strcmp(err.where, "a:1:4") == 0, "%s", err.where);
	cr_assert(yaml_parse("[1,2,3]", 7, "a", &limits, &doc, &err) == GK_OK);
	yaml_freep(&doc);
	cr_assert(yaml_parse("[1,2,3,]", 8, "a", &limits, &doc, &err) == GK_OK);
	yaml_freep(&doc);
	cr_assert(
	    yaml_parse("[1,2,3,4]", 9, "a", &limits, &doc, &err) == GK_E_LIMIT);
	cr_assert(strcmp(err.where, "a:1:8") == 0, "%s", err.where);
	cr_assert(yaml_parse("12345678901234567", 17, "a", &limits, &doc,
		      &err) == GK_E_LIMIT);
	cr_assert(doc == NULL);
}

static void
stands_at(const struct yaml_doc *doc, const char *pointer, unsigned line,
    unsigned column)
{
	const struct json_value *value = json_at(yaml_root(doc), pointer);
	struct yaml_place place;

	cr_assert(value != NULL, "%s", pointer);
	place = yaml_place(doc, value);
	cr_assert(place.line == line && place.column == column, "%s at %u:%u",
	    pointer, place.line, place.column);
}

Test(yaml, every_value_knows_its_place)
{
	GK_AUTO(yaml_freep)
	struct yaml_doc *doc = parse("# rules\n"
				     "a: 1\n"
				     "b:\n"
				     "  - x\n"
				     "  - {\xc3\xa9: y, z: [q]}\n"
				     "c: |\n"
				     "  text\n"
				     "d:\n");

	stands_at(doc, "", 2, 1);
	stands_at(doc, "/a", 2, 4);
	stands_at(doc, "/b", 4, 3);
	stands_at(doc, "/b/0", 4, 5);
	stands_at(doc, "/b/1", 5, 5);
	stands_at(doc, "/b/1/\xc3\xa9", 5, 9);
	stands_at(doc, "/b/1/z", 5, 15);
	stands_at(doc, "/b/1/z/0", 5, 16);
	stands_at(doc, "/c", 6, 4);
	stands_at(doc, "/d", 8, 3);
}

Test(yaml, every_key_knows_its_place)
{
	GK_AUTO(yaml_freep)
	struct yaml_doc *doc = parse("a: 1\n'b' : {c: 2}\n");
	const struct json_value *root = yaml_root(doc);
	struct yaml_place place = yaml_key_place(doc, json_get(root, "b"));

	cr_assert(place.line == 2 && place.column == 1);
	place = yaml_key_place(doc, json_at(root, "/b/c"));
	cr_assert(place.line == 2 && place.column == 8);
	place = yaml_key_place(doc, root);
	cr_assert(place.line == 0 && place.column == 0);
}

Test(yaml, a_foreign_value_has_no_place)
{
	GK_AUTO(yaml_freep) struct yaml_doc *doc = parse("a: 1\n");
	GK_AUTO(json_freep) struct json_value *foreign = json_new_null();
	struct yaml_place place = yaml_place(doc, foreign);

	cr_assert(place.line == 0 && place.column == 0);
	place = yaml_key_place(doc, foreign);
	cr_assert(place.line == 0 && place.column == 0);
}

Test(yaml, a_long_file_name_leaves_room_for_the_line)
{
	char name[400];
	struct yaml_doc *doc = NULL;
	struct gk_err err;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cr_assert(yaml_parse("a: *b\n", 6, name, &json_limits_request, &doc,
		      &err) == GK_E_INVALID);
	cr_assert(strstr(err.where, ":1:4") != NULL, "%s", err.where);
}
