/* Conditions see arguments by their schema: the type, and a value that has it. */
#include "base/buf.h"
#include "schema_test.h"

TestSuite(shape, .fini = schema_test_done);

#define X(words) "{\"type\": \"object\", \"properties\": {\"x\": {" words "}}}"

static const struct cel_type *
field(const struct cel_type *type, const char *name)
{
	cr_assert(type != NULL && type->kind == CEL_T_OBJECT);
	for (unsigned i = 0; i < type->field_count; i++) {
		if (strcmp(type->fields[i].name, name) == 0) {
			return type->fields[i].type;
		}
	}
	cr_assert_fail("no field %s", name);
	return NULL;
}

static const struct {
	const char *schema, *type;
} types[] = {
    {X("\"type\": \"string\""), "string"},
    {X("\"type\": \"integer\""), "int"},
    {X("\"type\": \"number\""), "double"},
    {X("\"type\": [\"number\", \"integer\"]"), "double"},
    {X("\"type\": [\"string\"]"), "string"},
    {X("\"type\": \"boolean\""), "bool"},
    {X("\"type\": \"null\""), "dyn"},
    {X("\"type\": [\"string\", \"null\"]"), "dyn"},
    {X("\"type\": [\"string\", \"integer\"]"), "dyn"},
    {X(""), "dyn"},
    {X("\"type\": \"array\""), "list(dyn)"},
    {X("\"type\": \"array\", \"items\": {\"type\": \"integer\"}"), "list(int)"},
    {X("\"type\": \"array\", \"items\": {\"type\": \"array\", \"items\": "
       "{\"type\": \"string\"}}"),
	"list(list(string))"},
    {X("\"type\": \"array\", \"items\": false"), "list(dyn)"},
    {X("\"type\": \"array\", \"prefixItems\": [{\"type\": \"string\"}], "
       "\"items\": {\"type\": \"string\"}"),
	"list(dyn)"},
    {X("\"type\": \"object\""), "map(string, dyn)"},
    {X("\"type\": \"object\", \"additionalProperties\": {\"type\": "
       "\"number\"}"),
	"map(string, dyn)"},
    {X("\"type\": \"object\", \"properties\": {\"a\": {}}"), "args.x"},
    {X("\"type\": \"array\", \"items\": {\"type\": \"object\", "
       "\"properties\": {\"a\": {}}}"),
	"list(args.x[])"},
    {X("\"enum\": [\"a\", \"b\"]"), "string"},
    {X("\"enum\": [true, false]"), "bool"},
    {X("\"enum\": [\"a\", null]"), "dyn"},
    {X("\"enum\": [\"a\", 1]"), "dyn"},
    {X("\"const\": \"a\""), "string"},
    {X("\"const\": 1"), "dyn"},
    {X("\"properties\": {\"a\": {}}"), "dyn"},
    {X("\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"integer\"}]"), "dyn"},
    {X("\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}]"), "dyn"},
    {X("\"anyOf\": [{\"type\": \"string\"}]"), "string"},
    {X("\"allOf\": [{\"type\": \"string\"}]"), "string"},
    {X("\"allOf\": [{\"type\": \"string\"}, {\"minLength\": 1}]"), "dyn"},
    {X("\"type\": \"integer\", \"anyOf\": [{\"type\": \"number\"}, "
       "{\"type\": \"string\"}]"),
	"int"},
    {X("\"not\": {\"type\": \"string\"}"), "dyn"},
    {X("\"$defs\": {\"a\": {\"type\": \"string\"}}, \"$ref\": "
       "\"#/properties/x/$defs/a\""),
	"string"},
};

Test(shape, each_schema_has_its_type)
{
	for (size_t i = 0; i < GK_COUNT(types); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(4096);
		const struct cel_type *type =
		    schema_type(schema_of(types[i].schema), &schema_arena);

		cr_assert(
		    cel_type_print(field(type, "x"), &text, NULL) == GK_OK);
		cr_expect(strcmp(gk_buf_text(&text), types[i].type) == 0,
		    "%s: %s, not %s", types[i].schema, gk_buf_text(&text),
		    types[i].type);
	}
}

Test(shape, objects_are_open_only_where_it_is_said)
{
	static const struct {
		const char *schema;
		bool open;
	} cases[] = {
	    {"{\"type\": \"object\", \"properties\": {\"x\": {}}}", false},
	    {"{\"type\": \"object\", \"properties\": {\"x\": {}}, "
	     "\"additionalProperties\": false}",
		false},
	    {"{\"type\": \"object\", \"properties\": {\"x\": {}}, "
	     "\"additionalProperties\": true}",
		true},
	    {"{\"type\": \"object\", \"properties\": {\"x\": {}}, "
	     "\"additionalProperties\": {\"type\": \"string\"}}",
		true},
	};

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		const struct cel_type *type =
		    schema_type(schema_of(cases[i].schema), &schema_arena);

		cr_assert(type != NULL && type->kind == CEL_T_OBJECT);
		cr_expect(type->open == cases[i].open, "%s", cases[i].schema);
	}
}

Test(shape, required_fields_are_marked_whether_or_not_they_have_a_schema)
{
	const struct cel_type *type = schema_type(
	    schema_of("{\"type\": \"object\", \"required\": [\"a\", \"c\"], "
		      "\"properties\": {\"b\": {}, \"a\": {\"type\": "
		      "\"string\"}}}"),
	    &schema_arena);

	cr_assert(type != NULL && type->field_count == 3);
	cr_assert(field(type, "a")->kind == CEL_T_STRING);
	cr_assert(field(type, "c")->kind == CEL_T_DYN);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(type->fields[i].required ==
			  (type->fields[i].name[0] != 'b'));
	}
}

Test(shape, a_schema_that_refers_to_itself_often_has_one_type)
{
	const struct cel_type *type, *node;

	type = schema_type(
	    schema_of("{\"type\": \"object\", \"properties\": {\"t\": "
		      "{\"$ref\": \"#/$defs/n\"}}, \"$defs\": {\"n\": "
		      "{\"type\": \"object\", \"properties\": {"
		      "\"a\": {\"$ref\": \"#/$defs/n\"}, "
		      "\"b\": {\"$ref\": \"#/$defs/n\"}, "
		      "\"c\": {\"$ref\": \"#/$defs/n\"}, "
		      "\"d\": {\"$ref\": \"#/$defs/n\"}, "
		      "\"e\": {\"$ref\": \"#/$defs/n\"}, "
		      "\"f\": {\"type\": \"string\"}}}}}"),
	    &schema_arena);
	node = field(type, "t");
	cr_assert(field(node, "a")->kind == CEL_T_DYN);
	cr_assert(field(node, "f")->kind == CEL_T_STRING);
	cr_assert(schema_arena.used < 65536);
}

static struct cel_value
bound(const struct schema *schema, const char *text)
{
	struct cel_value value;

	cr_assert(schema_bind(schema, value_of(text), &schema_arena, &value));
	return value;
}

static struct cel_value
inside(struct cel_value map, const char *name)
{
	const struct cel_value key = cel_text(name);
	const struct cel_entry *entry;

	cr_assert(map.kind == CEL_MAP);
	entry = cel_map_find(map.as.map, &key);
	cr_assert(entry != NULL, "no %s", name);
	return entry->value;
}

static void
expect_int(struct cel_value value, int64_t number, const char *about)
{
	cr_expect(value.kind == CEL_INT && value.as.i == number, "%s", about);
}

static void
expect_double(struct cel_value value, double number, const char *about)
{
	cr_expect(value.kind == CEL_DOUBLE && !(value.as.d < number) &&
		      !(value.as.d > number),
	    "%s", about);
}

Test(shape, without_a_schema_whole_numbers_are_ints)
{
	expect_int(bound(NULL, "50"), 50, "50");
	expect_int(bound(NULL, "-0"), 0, "-0");
	expect_int(bound(NULL, "1.0"), 1, "1.0");
	expect_int(bound(NULL, "1e2"), 100, "1e2");
	expect_int(bound(NULL, "9007199254740991"), JSON_INT_MAX, "2^53-1");
	expect_double(bound(NULL, "0.5"), 0.5, "0.5");
	expect_double(bound(NULL, "1e300"), 1e300, "1e300");
	cr_expect(bound(NULL, "null").kind == CEL_NULL);
	cr_expect(bound(NULL, "true").as.boolean);
	cr_expect(bound(NULL, "[]").n == 0 && bound(NULL, "[1, 2]").n == 2);
	cr_expect(bound(NULL, "{}").as.map->count == 0);
	cr_expect(bound(NULL, "\"a\\nb\"").n == 3);
}

static const struct {
	const char *schema;
	bool is_double;
} numbers[] = {
    {X("\"type\": \"number\""), true},
    {X("\"type\": \"integer\""), false},
    {X("\"type\": [\"number\", \"null\"]"), true},
    {X("\"type\": [\"integer\", \"string\"]"), false},
    {X(""), false},
    {X("\"$ref\": \"#/properties/x/$defs/a\", \"$defs\": {\"a\": {\"type\": "
       "\"number\"}}"),
	true},
    {X("\"anyOf\": [{\"type\": \"number\"}, {\"type\": \"null\"}]"), true},
    {X("\"anyOf\": [{\"type\": \"number\"}, {\"type\": \"string\"}]"), true},
    {X("\"anyOf\": [{\"type\": \"integer\"}, {\"type\": \"string\"}]"), false},
    {X("\"allOf\": [{\"type\": \"number\"}]"), true},
    {X("\"type\": \"integer\", \"anyOf\": [{\"type\": \"number\"}, "
       "{\"type\": \"string\"}]"),
	false},
    {X("\"not\": {\"type\": \"number\"}"), false},
    {X("\"enum\": [50, 1.5]"), false},
    {"{\"type\": \"object\", \"additionalProperties\": {\"type\": \"number\"}}",
	true},
    {"{\"type\": \"object\", \"required\": [\"x\"], "
     "\"additionalProperties\": {\"type\": \"number\"}}",
	true},
};

Test(shape, a_number_is_a_double_where_the_schema_says_number)
{
	for (size_t i = 0; i < GK_COUNT(numbers); i++) {
		const struct schema *schema = schema_of(numbers[i].schema);
		struct cel_value x = inside(bound(schema, "{\"x\": 50}"), "x");

		if (numbers[i].is_double) {
			expect_double(x, 50, numbers[i].schema);
		} else {
			expect_int(x, 50, numbers[i].schema);
		}
	}
}

Test(shape, numbers_inside_lists_and_alternatives_to_null_are_bound_too)
{
	const struct schema *schema = schema_of(
	    "{\"type\": \"object\", \"properties\": {"
	    "\"p\": {\"prefixItems\": [{\"type\": \"number\"}], \"items\": "
	    "{\"type\": \"integer\"}}, "
	    "\"o\": {\"anyOf\": [{\"$ref\": \"#/$defs/m\"}, {\"type\": "
	    "\"null\"}]}}, \"$defs\": {\"m\": {\"type\": \"object\", "
	    "\"properties\": {\"amount\": {\"type\": \"number\"}}}}}");
	struct cel_value args =
	    bound(schema, "{\"p\": [1, 2, 3], \"o\": {\"amount\": 4, "
			  "\"other\": 5}}");
	struct cel_value list = inside(args, "p"), object = inside(args, "o");

	cr_assert(list.kind == CEL_LIST && list.n == 3);
	expect_double(list.as.items[0], 1, "prefix");
	expect_int(list.as.items[1], 2, "items");
	expect_int(list.as.items[2], 3, "items");
	expect_double(inside(object, "amount"), 4, "in an alternative");
	expect_int(inside(object, "other"), 5, "not in the schema");
}

Test(shape, values_may_have_64_levels)
{
	char text[2 * 66 + 1] = "";
	struct cel_value value;

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	cr_assert(schema_bind(NULL, value_of(text), &schema_arena, &value));
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	cr_assert(!schema_bind(NULL, value_of(text), &schema_arena, &value));
}

Test(shape, a_value_without_memory_is_none)
{
	struct gk_arena arena = GK_ARENA_INIT(64);
	struct cel_value value;

	cr_assert(!schema_bind(
	    NULL, value_of("{\"a\": [1, 2, 3, 4, 5]}"), &arena, &value));
	gk_arena_done(&arena);
}
