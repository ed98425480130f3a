/* The quick way to read a record takes what was printed, and nothing that the strict way refuses. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec/record.h"

struct inner {
	int64_t n;
	const char **words;
	size_t word_count;
};

struct outer {
	int64_t big, count, int_, time_us, zero;
	bool flag, has_zero;
	int color;
	uint8_t bytes[4];
	const char *text, *name;
	struct record_pair *map;
	size_t map_count;
	struct inner *one, *many;
	size_t many_count;
	const char **list;
	size_t list_count;
};

static bool
is_abc(const char *text)
{
	return strspn(text, "abc") == strlen(text);
}

static const char *const colors[] = {"none", "red", "green"};

static const struct record_field inner_fields[] = {
    {.name = "n",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct inner, n)},
    {.name = "words",
	.kind = RECORD_STRS,
	.offset = offsetof(struct inner, words),
	.count_offset = offsetof(struct inner, word_count),
	.max = 6},
};
static const struct record_type inner_type = {
    "inner", sizeof(struct inner), inner_fields, GK_COUNT(inner_fields)};

static const struct record_field outer_fields[] = {
    {.name = "big", .kind = RECORD_BIG, .offset = offsetof(struct outer, big)},
    {.name = "bytes",
	.kind = RECORD_BYTES,
	.offset = offsetof(struct outer, bytes),
	.prefix = "x1_",
	.max = 4},
    {.name = "color",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct outer, color),
	.names = colors,
	.names_count = GK_COUNT(colors)},
    {.name = "flag",
	.kind = RECORD_BOOL,
	.offset = offsetof(struct outer, flag)},
    {.name = "int",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct outer, int_),
	.lo = -9,
	.hi = JSON_INT_MAX},
    {.name = "list",
	.kind = RECORD_STRS,
	.offset = offsetof(struct outer, list),
	.count_offset = offsetof(struct outer, list_count)},
    {.name = "many",
	.kind = RECORD_OBJECTS,
	.offset = offsetof(struct outer, many),
	.count_offset = offsetof(struct outer, many_count),
	.max = 5,
	.type = &inner_type},
    {.name = "map",
	.kind = RECORD_MAP,
	.flags = RECORD_EMPTY_OK,
	.offset = offsetof(struct outer, map),
	.count_offset = offsetof(struct outer, map_count),
	.max = 3},
    {.name = "name",
	.kind = RECORD_STR,
	.offset = offsetof(struct outer, name),
	.max = 5,
	.check = is_abc,
	.expected = "a, b and c"},
    {.name = "name_x",
	.kind = RECORD_INT,
	.offset = offsetof(struct outer, count)},
    {.name = "one",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct outer, one),
	.type = &inner_type},
    {.name = "text",
	.kind = RECORD_STR,
	.flags = RECORD_EMPTY_OK,
	.offset = offsetof(struct outer, text)},
    {.name = "time",
	.kind = RECORD_TIME,
	.offset = offsetof(struct outer, time_us)},
    {.name = "zero",
	.kind = RECORD_INT,
	.offset = offsetof(struct outer, zero),
	.has_offset = offsetof(struct outer, has_zero)},
};
static const struct record_type outer_type = {
    "outer", sizeof(struct outer), outer_fields, GK_COUNT(outer_fields)};

static const struct json_limits limits = {4000, 4, 22};

/* What the strict way says: are these the bytes that it would print? */
static bool
strict(const char *text, struct gk_arena *arena)
{
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(1 << 16);
	struct outer outer;

	return json_parse(text, strlen(text), &limits, &json, NULL) == GK_OK &&
	       record_decode(&outer_type, json, arena, &outer, NULL) == GK_OK &&
	       record_encode(&outer_type, &outer, &again, NULL) == GK_OK &&
	       strcmp(gk_buf_text(&again), text) == 0;
}

static void
expect(const char *text, bool taken)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(1 << 16);
	struct outer outer;

	cr_expect_eq(strict(text, &arena), taken, "strict: %s", text);
	cr_expect_eq(record_quick(&outer_type, text, strlen(text), &limits,
			 &arena, &outer),
	    taken, "quick: %s", text);
	if (taken) {
		cr_expect(
		    record_encode(&outer_type, &outer, &again, NULL) == GK_OK &&
			strcmp(gk_buf_text(&again), text) == 0,
		    "%s became %s", text, gk_buf_text(&again));
	}
}

Test(record_quick, what_the_table_prints_is_taken)
{
	static const char *const texts[] = {
	    "{\"int\":0}",
	    "{\"int\":-9}",
	    "{\"int\":9007199254740991}",
	    "{\"big\":\"-9223372036854775808\",\"bytes\":\"x1_AQIDBA\","
	    "\"color\":\"green\",\"flag\":true,\"int\":7,\"list\":[\"a\"],"
	    "\"many\":[{\"n\":0},{\"n\":-1,\"words\":[\"v\"]}],\"map\":{"
	    "\"\":\"\",\"b\":\"c\"},\"name\":\"abcab\",\"name_x\":1,\"text\":"
	    "\"\",\"zero\":0}",
	    "{\"int\":1,\"one\":{\"n\":1,\"words\":[\"1\",\"2\",\"3\",\"4\","
	    "\"5\",\"6\"]},\"time\":\"2026-11-23T08:14:00.123456Z\"}",
	    "{\"int\":1,\"text\":\"\\\"\\\\\\b\\u001f \x7f\xc3\xa9"
	    "\xf0\x9f\x98\x80\"}",
	    "{\"int\":1,\"map\":{\"/a\\\\b\":\"\xc3\xa9\"}}",
	    "{\"int\":1,\"name_x\":5}",
	};

	for (size_t i = 0; i < GK_COUNT(texts); i++) {
		expect(texts[i], true);
	}
}

static const char *const refused_texts[] = {
    /* form */
    "",
    "{",
    "{}",
    "[]",
    "{\"int\":1",
    "{\"int\":1}}",
    "{\"int\":1} ",
    " {\"int\":1}",
    "{ \"int\":1}",
    "{\"int\" :1}",
    "{\"int\": 1}",
    "{\"int\":1,}",
    "{\"int\":1;}",
    "{\"int\":1]",
    "{\"int\"}",
    "{\"int\":}",
    "{int:1}",
    "{\"in\\u0074\":1}",
    /* members: order, twice, unknown, required, left out when empty */
    "{\"flag\":true}",
    "{\"int\":1,\"int\":1}",
    "{\"int\":1,\"flag\":true}",
    "{\"int\":1,\"nope\":1}",
    "{\"int\":1,\"flag\":false}",
    "{\"int\":1,\"name_x\":0}",
    "{\"int\":1,\"time\":\"1970-01-01T00:00:00.000000Z\"}",
    "{\"color\":\"none\",\"int\":1}",
    "{\"big\":\"0\",\"int\":1}",
    "{\"bytes\":\"x1_AAAAAA\",\"int\":1}",
    "{\"int\":1,\"list\":[]}",
    "{\"int\":1,\"map\":{}}",
    "{\"int\":1,\"many\":[]}",
    "{\"int\":1,\"text\":null}",
    "{\"int\":null}",
    /* numbers */
    "{\"int\":01}",
    "{\"int\":-0}",
    "{\"int\":-}",
    "{\"int\":1.0}",
    "{\"int\":1e0}",
    "{\"int\":-10}",
    "{\"int\":9007199254740992}",
    "{\"int\":90071992547409910}",
    "{\"int\":\"1\"}",
    "{\"int\":true}",
    "{\"big\":\"01\",\"int\":1}",
    "{\"big\":\"-0\",\"int\":1}",
    "{\"big\":1,\"int\":1}",
    "{\"big\":\"9223372036854775808\",\"int\":1}",
    "{\"big\":\"\",\"int\":1}",
    "{\"flag\":tru,\"int\":1}",
    "{\"flag\":\"true\",\"int\":1}",
    /* strings */
    "{\"int\":1,\"text\":\"\\u0041\"}",
    "{\"int\":1,\"text\":\"\\/\"}",
    "{\"int\":1,\"text\":\"\\u000A\"}",
    "{\"int\":1,\"text\":\"\\u000a\"}",
    "{\"int\":1,\"text\":\"\\u001F\"}",
    "{\"int\":1,\"text\":\"\x1f\"}",
    "{\"int\":1,\"text\":\"\\u00e9\"}",
    "{\"int\":1,\"text\":\"\xc3\"}",
    "{\"int\":1,\"text\":\"\xef\xbf\xbf\"}",
    "{\"int\":1,\"text\":\"\\ud83d\\ude00\"}",
    "{\"int\":1,\"text\":\"\\ud83d\"}",
    "{\"int\":1,\"text\":\"\\u0000\"}",
    "{\"int\":1,\"text\":\"open}",
    "{\"int\":1,\"text\":\"open\\",
    "{\"int\":1,\"text\":\"open\\\"}",
    "{\"int\":1,\"name\":\"\"}",
    "{\"int\":1,\"name\":\"abcabc\"}",
    "{\"int\":1,\"name\":\"d\"}",
    "{\"int\":1,\"name\":[\"a\"]}",
    /* words, bytes, times */
    "{\"color\":\"blue\",\"int\":1}",
    "{\"color\":\"\",\"int\":1}",
    "{\"color\":\"re\",\"int\":1}",
    "{\"color\":\"redd\",\"int\":1}",
    "{\"color\":1,\"int\":1}",
    "{\"bytes\":\"x1_AQIDBB\",\"int\":1}",
    "{\"bytes\":\"AQIDBA\",\"int\":1}",
    "{\"bytes\":\"x1_AQID\",\"int\":1}",
    "{\"bytes\":\"x1_AQIDBA=\",\"int\":1}",
    "{\"int\":1,\"time\":\"2026-11-23T08:14:00Z\"}",
    "{\"int\":1,\"time\":\"2026-11-23T08:14:60.000000Z\"}",
    "{\"int\":1,\"time\":\"2026-11-23t08:14:00.123456Z\"}",
    "{\"int\":1,\"time\":\"2026-11-23T08:14:00.123456+00:00\"}",
    "{\"int\":1,\"time\":\"2026-02-29T08:14:00.123456Z\"}",
    /* lists, maps, objects */
    "{\"int\":1,\"list\":[\"\"]}",
    "{\"int\":1,\"list\":[1]}",
    "{\"int\":1,\"list\":[\"a\",]}",
    "{\"int\":1,\"list\":[\"a\"}",
    "{\"int\":1,\"map\":{\"b\":\"\",\"a\":\"\"}}",
    "{\"int\":1,\"map\":{\"a\":\"\",\"a\":\"\"}}",
    "{\"int\":1,\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}",
    "{\"int\":1,\"map\":{\"\\u0041\":\"\"}}",
    "{\"int\":1,\"map\":{\"a\":1}}",
    "{\"int\":1,\"one\":{}}",
    "{\"int\":1,\"one\":[]}",
    "{\"int\":1,\"one\":{\"words\":[\"1\"]}}",
    "{\"int\":1,\"one\":{\"n\":1,\"words\":[\"1\",\"2\",\"3\",\"4\","
    "\"5\",\"6\",\"7\"]}}",
    "{\"int\":1,\"many\":[{\"n\":1},{\"n\":1},{\"n\":1},{\"n\":1},{"
    "\"n\":1},{\"n\":1}]}",
    /* more values than the limits */
    "{\"int\":1,\"list\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\","
    "\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\",\"o\",\"p\",\"q\","
    "\"r\",\"s\",\"t\",\"u\"]}",
};

Test(record_quick, what_is_not_canonical_or_not_valid_is_refused)
{
	for (size_t i = 0; i < GK_COUNT(refused_texts); i++) {
		expect(refused_texts[i], false);
	}
}

Test(record_quick, deeper_or_longer_than_the_limits_is_refused)
{
	static const char text[] = "{\"int\":1,\"one\":{\"n\":1,\"words\":["
				   "\"a\"]}}";
	static const struct json_limits deep = {4000, 3, 6},
					flat = {4000, 2, 6}, few = {4000, 3, 5},
					tight = {sizeof(text) - 2, 3, 6};
	const struct json_limits *const refused[] = {&flat, &few, &tight};
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct outer outer;

	cr_assert(record_quick(
	    &outer_type, text, sizeof(text) - 1, &deep, &arena, &outer));
	for (size_t i = 0; i < GK_COUNT(refused); i++) {
		GK_AUTO(json_freep) struct json_value *json = NULL;

		cr_assert(json_parse(text, sizeof(text) - 1, refused[i], &json,
			      NULL) == GK_E_LIMIT);
		cr_assert(!record_quick(&outer_type, text, sizeof(text) - 1,
		    refused[i], &arena, &outer));
	}
}

Test(record_quick, a_zero_byte_in_the_text_is_refused)
{
	static const char text[] = "{\"int\":1}\0{\"int\":1}";
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct outer outer;

	cr_assert(!record_quick(
	    &outer_type, text, sizeof(text) - 1, &limits, &arena, &outer));
}
