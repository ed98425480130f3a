/* A schema is read whole, or the first thing that is wrong with it is told by its place. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "schema_test.h"

TestSuite(schema, .fini = schema_test_done);

#define OBJECT(rest) "{\"type\": \"object\", " rest "}"
#define X(words)     OBJECT("\"properties\": {\"x\": {" words "}}")

static const struct {
	const char *text, *where, *why;
	enum gk_rc rc;
} wrongs[] = {
    /* not JSON, or not I-JSON */
    {"", "offset 0", "", GK_E_INVALID},
    {"{\"type\": \"object\"} x", "offset 19", "", GK_E_INVALID},
    {"{\"type\": \"object\", \"type\": \"array\"}", "offset 19", "duplicate",
	GK_E_INVALID},
    /* the top */
    {"true", "", "\"type\": \"object\"", GK_E_INVALID},
    {"[]", "", "expected a schema", GK_E_INVALID},
    {"{}", "", "\"type\": \"object\"", GK_E_INVALID},
    {"{\"type\": \"array\"}", "", "\"type\": \"object\"", GK_E_INVALID},
    {"{\"type\": [\"object\", \"null\"]}", "", "\"type\": \"object\"",
	GK_E_INVALID},
    /* keywords that nobody would check */
    {OBJECT("\"propertys\": {}"), "/propertys", "did you mean 'properties'?",
	GK_E_INVALID},
    {X("\"tpye\": \"string\""), "/properties/x/tpye", "did you mean 'type'?",
	GK_E_INVALID},
    {X("\"minlength\": 1"), "/properties/x/minlength",
	"did you mean 'minLength'?", GK_E_INVALID},
    {X("\"zzzzzzzz\": 1"), "/properties/x/zzzzzzzz",
	"unknown keyword 'zzzzzzzz'", GK_E_INVALID},
    {X("\"if\": {}"), "/properties/x/if", "'if' isn't supported", GK_E_INVALID},
    {X("\"patternProperties\": {}"), "/properties/x/patternProperties",
	"isn't supported", GK_E_INVALID},
    {X("\"contains\": {}"), "/properties/x/contains", "isn't supported",
	GK_E_INVALID},
    {X("\"nullable\": true"), "/properties/x/nullable", "isn't supported",
	GK_E_INVALID},
    {X("\"$id\": \"a\""), "/properties/x/$id", "below the top", GK_E_INVALID},
    /* values of keywords */
    {X("\"type\": \"int\""), "/properties/x/type", "unknown type 'int'",
	GK_E_INVALID},
    {X("\"type\": \"sting\""), "/properties/x/type", "did you mean 'string'?",
	GK_E_INVALID},
    {X("\"type\": []"), "/properties/x/type", "expected a type's name",
	GK_E_INVALID},
    {X("\"type\": [\"null\", 1]"), "/properties/x/type/1",
	"expected a type's name", GK_E_INVALID},
    {X("\"type\": [\"null\", \"null\"]"), "/properties/x/type/1", "twice",
	GK_E_INVALID},
    {X("\"enum\": []"), "/properties/x/enum", "at least one", GK_E_INVALID},
    {X("\"enum\": \"a\""), "/properties/x/enum", "an array", GK_E_INVALID},
    {X("\"minLength\": -1"), "/properties/x/minLength", "whole number",
	GK_E_INVALID},
    {X("\"maxItems\": 1.5"), "/properties/x/maxItems", "whole number",
	GK_E_INVALID},
    {X("\"maxItems\": \"1\""), "/properties/x/maxItems", "whole number",
	GK_E_INVALID},
    {X("\"minimum\": \"1\""), "/properties/x/minimum", "a number",
	GK_E_INVALID},
    {X("\"exclusiveMinimum\": true"), "/properties/x/exclusiveMinimum",
	"a number", GK_E_INVALID},
    {X("\"multipleOf\": 0"), "/properties/x/multipleOf", "above 0",
	GK_E_INVALID},
    {X("\"multipleOf\": \"2\""), "/properties/x/multipleOf", "above 0",
	GK_E_INVALID},
    {X("\"uniqueItems\": \"true\""), "/properties/x/uniqueItems",
	"true or false", GK_E_INVALID},
    {X("\"pattern\": 1"), "/properties/x/pattern", "regular expression",
	GK_E_INVALID},
    {X("\"pattern\": \"(\""), "/properties/x/pattern", "RE2", GK_E_INVALID},
    {X("\"pattern\": \"^(?!a)\""), "/properties/x/pattern", "RE2",
	GK_E_INVALID},
    {X("\"anyOf\": []"), "/properties/x/anyOf", "array of schemas",
	GK_E_INVALID},
    {X("\"anyOf\": [{}, 1]"), "/properties/x/anyOf/1", "expected a schema",
	GK_E_INVALID},
    {X("\"not\": null"), "/properties/x/not", "expected a schema",
	GK_E_INVALID},
    {X("\"items\": [{}]"), "/properties/x/items", "expected a schema",
	GK_E_INVALID},
    {X("\"$defs\": []"), "/properties/x/$defs", "schemas by name",
	GK_E_INVALID},
    {X("\"$defs\": {\"a/b\": 1}"), "/properties/x/$defs/a~1b",
	"expected a schema", GK_E_INVALID},
    {OBJECT("\"properties\": []"), "/properties", "schemas by name",
	GK_E_INVALID},
    {OBJECT("\"required\": {}"), "/required", "an array", GK_E_INVALID},
    {OBJECT("\"required\": [1]"), "/required/0", "a property's name",
	GK_E_INVALID},
    {OBJECT("\"required\": [\"a\", \"a\"]"), "/required", "twice",
	GK_E_INVALID},
    /* references */
    {X("\"$ref\": 1"), "/properties/x/$ref", "a reference", GK_E_INVALID},
    {X("\"$ref\": \"\""), "/properties/x/$ref", "out of this file",
	GK_E_INVALID},
    {X("\"$ref\": \"http://a/b\""), "/properties/x/$ref", "out of this file",
	GK_E_INVALID},
    {X("\"$ref\": \"#/$defs/a\""), "/properties/x/$ref", "leads to no schema",
	GK_E_INVALID},
    {X("\"$ref\": \"#/properties\""), "/properties/x/$ref",
	"leads to no schema", GK_E_INVALID},
    {X("\"$ref\": \"#a\""), "/properties/x/$ref", "leads to no schema",
	GK_E_INVALID},
    {X("\"$ref\": \"#/%2\""), "/properties/x/$ref", "leads to no schema",
	GK_E_INVALID},
    {X("\"$ref\": \"#/%00\""), "/properties/x/$ref", "leads to no schema",
	GK_E_INVALID},
    {X("\"$ref\": \"#/properties/x\""), "/properties/x/$ref",
	"leads back to itself", GK_E_INVALID},
    {OBJECT("\"not\": {\"$ref\": \"#\"}"), "/not/$ref", "leads back to itself",
	GK_E_INVALID},
    {OBJECT("\"$defs\": {\"a\": {\"anyOf\": [{\"$ref\": \"#/$defs/b\"}]}, "
	    "\"b\": {\"not\": {\"$ref\": \"#/$defs/a\"}}}"),
	"/$defs/b/not/$ref", "leads back to itself", GK_E_INVALID},
};

Test(schema, what_is_wrong_is_told_by_its_place)
{
	for (size_t i = 0; i < GK_COUNT(wrongs); i++) {
		struct gk_err err = {0};

		cr_expect(schema_try(wrongs[i].text, &err) == wrongs[i].rc,
		    "%s: %s", wrongs[i].text, err.text);
		cr_expect(strcmp(err.where, wrongs[i].where) == 0,
		    "%s: at '%s', not '%s'", wrongs[i].text, err.where,
		    wrongs[i].where);
		cr_expect(strstr(err.text, wrongs[i].why) != NULL,
		    "%s: '%s', not '%s'", wrongs[i].text, err.text,
		    wrongs[i].why);
	}
}

Test(schema, words_that_forbid_nothing_are_read_over)
{
	(void)schema_of(OBJECT(
	    "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", "
	    "\"$id\": \"a\", \"$comment\": \"\", \"title\": \"\", "
	    "\"description\": \"\", \"default\": {}, \"examples\": [], "
	    "\"deprecated\": true, \"x-mine\": {\"type\": 1}, "
	    "\"properties\": {\"x\": {\"readOnly\": true, \"format\": "
	    "\"email\", \"writeOnly\": false, \"contentEncoding\": "
	    "\"base64\", \"contentMediaType\": \"image/png\"}}"));
	cr_assert(schema_fits(schema_now, value_of("{\"x\": 1}"), NULL));
}

Test(schema, keeps_nothing_of_its_text)
{
	static const char text[] =
	    X("\"enum\": [\"a\", {\"b\": [1]}], \"pattern\": \"a\"");
	char *bytes = malloc(sizeof(text) - 1); /* no '\0' behind it */
	struct gk_err err = {0};

	cr_assert(bytes != NULL);
	memcpy(bytes, text, sizeof(text) - 1);
	cr_assert(schema_parse(bytes, sizeof(text) - 1, &schema_arena,
		      &schema_now, &err) == GK_OK);
	memset(bytes, 'x', sizeof(text) - 1);
	free(bytes);
	cr_assert(schema_fits(schema_now, value_of("{\"x\": \"a\"}"), NULL));
	cr_assert(
	    schema_fits(schema_now, value_of("{\"x\": {\"b\": [1]}}"), NULL));
}

static const struct {
	const char *about, *head, *text, *separator, *close, *tail;
	unsigned fine, over;
} caps[] = {
    {"depth", "{\"type\":\"object\",\"not\":{", "\"not\":{", "", "}", "}}", 30,
	31},
    {"depth of constants", "{\"type\":\"object\",\"const\":", "[", "", "]", "}",
	120, 130},
    {"nodes", "{\"type\":\"object\",\"anyOf\":[", "{}", ",", "", "]}", 4999,
	5000},
    {"patterns", "{\"type\":\"object\",\"anyOf\":[", "{\"pattern\":\"a\"}", ",",
	"", "]}", 256, 257},
    {"a pattern's bytes", "{\"type\":\"object\",\"pattern\":\"", "a", "", "",
	"\"}", 4096, 4097},
    {"bytes", "{\"type\":\"object\",\"title\":\"", "a", "", "", "\"}",
	(256 << 10) - 28, (256 << 10) - 27},
};

static enum gk_rc
try_cap(size_t i, unsigned times, struct gk_err *err)
{
	char *text = schema_text(caps[i].head, caps[i].text, times,
	    caps[i].separator, caps[i].close, caps[i].tail);
	enum gk_rc rc = schema_try(text, err);

	free(text);
	return rc;
}

Test(schema, caps_are_errors_with_a_place)
{
	for (size_t i = 0; i < GK_COUNT(caps); i++) {
		struct gk_err err = {0};

		cr_expect(try_cap(i, caps[i].fine, &err) == GK_OK, "%s: %s",
		    caps[i].about, err.text);
		cr_expect(try_cap(i, caps[i].over, &err) != GK_OK, "%s",
		    caps[i].about);
		cr_expect(err.where[0] != '\0', "%s", caps[i].about);
	}
}

/* Each refers to the next; all are about the same value. */
Test(schema, chains_of_references_have_an_end)
{
	static const char head[] =
	    "{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/"
	    "a0\"}},\"$defs\":{";
	char *fine = schema_text(head, "\"a\1\":{\"$ref\":\"#/$defs/a\2\"}", 60,
	    ",", "", ",\"a60\":{}}}");
	char *over = schema_text(head, "\"a\1\":{\"$ref\":\"#/$defs/a\2\"}", 80,
	    ",", "", ",\"a80\":{}}}");
	struct gk_err err = {0};

	cr_assert(schema_try(fine, &err) == GK_OK, "%s", err.text);
	cr_assert(schema_try(over, &err) == GK_E_LIMIT);
	cr_assert(strstr(err.text, "too many others") != NULL, "%s", err.text);
	free(fine);
	free(over);
}

Test(schema, a_place_is_cut_to_its_end)
{
	char *text = schema_text("{\"type\":\"object\",\"properties\":{\"",
	    "\xc3\xa9", 90, "", "", "\":{\"not\":{\"not\":{\"typ\":1}}}}}");
	struct gk_err err = {0};
	const char *at;

	cr_assert(schema_try(text, &err) == GK_E_INVALID);
	at = strstr(err.where, "\xe2\x80\xa6/not/not/typ");
	cr_assert(at != NULL, "%s", err.where);
	cr_assert(json_check_text(err.where, strlen(err.where)));
	cr_assert(strlen(err.where) <= 100);
	free(text);
}

/* Every amount of memory, from none to enough. */
Test(schema, without_memory_it_says_so)
{
	static const char text[] = OBJECT(
	    "\"required\": [\"x\", \"y\"], \"properties\": {\"x\": {\"enum\": "
	    "[\"a\", [1]], \"pattern\": \"a\"}, \"z\": {\"anyOf\": [{}, "
	    "{\"$ref\": \"#/$defs/a\"}]}}, \"$defs\": {\"a\": {\"type\": "
	    "\"object\", \"properties\": {\"b\": {\"type\": \"array\", "
	    "\"items\": {\"type\": \"string\"}}}}}");
	bool read = false, typed = false;

	for (size_t cap = 0; cap < 16384 && !typed; cap += 16) {
		struct gk_arena arena = GK_ARENA_INIT(cap);
		const struct schema *schema = NULL;
		enum gk_rc rc =
		    schema_parse(text, sizeof(text) - 1, &arena, &schema, NULL);

		cr_assert(rc == (schema == NULL ? GK_E_NOMEM : GK_OK));
		cr_assert(!read || rc == GK_OK);
		read = rc == GK_OK;
		typed = read && schema_type(schema, &arena) != NULL;
		schema_done(schema);
		gk_arena_done(&arena);
	}
	cr_assert(typed);
}
