/* Whatever an expression tries, it ends within its fuel and its memory. */
#include "cel_test.h"
#include "hostile.h"

enum { MANY = 10000, TEXT_CAP = 1 << 20 };

TestSuite(hostile, .fini = cel_test_done);

/* x: 0, 1 … MANY - 1; s: "a". */
static void
bind_many(void)
{
	struct cel_value *items;

	cel_test_init();
	items = gk_arena_calloc(&cel_test_arena, MANY, sizeof(*items));
	cr_assert(items != NULL);
	for (size_t i = 0; i < MANY; i++) {
		items[i] = cel_int((int64_t)i);
	}
	set(SLOT_X, cel_list(items, MANY));
	set(SLOT_S, cel_text("a"));
}

static bool
ends_well(enum hostile_end end, bool refused, const struct cel_value *value)
{
	bool fault = value->kind == CEL_ERROR;

	switch (end) {
	case HOSTILE_ANY:
		return refused || value->kind != CEL_UNKNOWN;
	case HOSTILE_SPENT:
		return refused ||
		       (fault && value->as.fault->code == CEL_F_COST);
	case HOSTILE_FAULT:
		return refused || fault;
	case HOSTILE_VALUE:
		return !refused && !fault;
	}
	return false;
}

static void
try_one(const struct hostile *hostile, bool unchecked)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(TEXT_CAP);
	struct cel_cost cost = {0, 0};
	struct cel_value value;

	bind_many();
	hostile_print(hostile, &buf);
	value = run_within(
	    gk_buf_text(&buf), buf.len, unchecked, &cel_limits_default, &cost);
	cr_expect(
	    cost.fuel <= cel_limits_default.fuel, "%s: fuel", hostile->name);
	cr_expect(cost.bytes <= cel_limits_default.bytes, "%s: memory",
	    hostile->name);
	cr_expect(ends_well(hostile->end, cel_test_programs == NULL, &value),
	    "%s%s: %.200s", hostile->name, unchecked ? " (unchecked)" : "",
	    cel_test_text(value));
	cr_expect(cel_test_report.count <= CEL_PROBLEMS_MAX);
	cel_test_done();
}

Test(hostile, every_expression_ends_within_its_limits_when_checked)
{
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		try_one(&hostiles[i], false);
	}
}

Test(hostile, every_expression_ends_within_its_limits_when_only_parsed)
{
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		try_one(&hostiles[i], true);
	}
}

/* What a pattern would grow to is paid for before it is compiled, once. */
Test(hostile, a_pattern_that_repeats_costs_what_it_grows_to)
{
	static const char *const large[] = {"s.matches(s + '{1000}{9}')",
	    "s.matches('(((' + s + '{0,30}){30}){1,}){30}')",
	    "s.matches(s + '[^b]{500,}')"};
	static const char *const small[] = {"s.matches(s + '{3}')",
	    "s.matches('^' + s + '{1,2}$')", "s.matches(s + '{}')",
	    "s.matches(s + '|{b,a}')"};
	struct cel_cost cost;
	struct cel_value value;

	for (size_t i = 0; i < GK_COUNT(large); i++) {
		value = run_within(large[i], strlen(large[i]), true,
		    &cel_limits_default, &cost);
		cr_expect(value.kind == CEL_ERROR &&
			      value.as.fault->code == CEL_F_COST,
		    "%s: %s", large[i], cel_test_text(value));
	}
	for (size_t i = 0; i < GK_COUNT(small); i++) {
		value = run_within(small[i], strlen(small[i]), true,
		    &cel_limits_default, &cost);
		cr_expect(value.kind == CEL_BOOL && cost.fuel < 20000, "%s: %s",
		    small[i], cel_test_text(value));
	}
}

/* Any fuel, from nothing on: it ends with a value, a fault of its own, or COST. */
Test(hostile, fuel_may_end_anywhere)
{
	static const char expr[] =
	    "l.map(i, string(i) + s).join(',').split(',').exists(e, "
	    "e.matches('^[0-9]h') && {e: [e, m]}[e][1].a == 1 && "
	    "'%s'.format([e]) == e && [e].sort().distinct() == [e])";
	struct cel_limits limits = cel_limits_default;
	struct cel_cost whole, cost;
	struct cel_value value =
	    run_within(expr, sizeof(expr) - 1, false, &limits, &whole);

	cr_assert(value.kind == CEL_BOOL, "%s", cel_test_text(value));
	for (limits.fuel = 0; limits.fuel < whole.fuel; limits.fuel++) {
		value =
		    run_within(expr, sizeof(expr) - 1, false, &limits, &cost);
		cr_assert(value.kind == CEL_ERROR &&
			      value.as.fault->code == CEL_F_COST,
		    "%s", cel_test_text(value));
		cr_assert(cost.fuel <= limits.fuel);
	}
	limits.fuel = whole.fuel;
	value = run_within(expr, sizeof(expr) - 1, false, &limits, &cost);
	cr_assert(value.kind == CEL_BOOL);
}

Test(hostile, memory_may_end_anywhere)
{
	static const char expr[] = "l.map(i, string(i) + s).join(',') + s "
				   "+ string(now) + [s, s].join('-')";
	struct cel_limits limits = cel_limits_default;
	struct cel_cost whole, cost;
	struct cel_value value =
	    run_within(expr, sizeof(expr) - 1, false, &limits, &whole);

	cr_assert(value.kind == CEL_STRING, "%s", cel_test_text(value));
	for (limits.bytes = 0; limits.bytes < whole.bytes; limits.bytes++) {
		value =
		    run_within(expr, sizeof(expr) - 1, false, &limits, &cost);
		cr_assert(value.kind == CEL_ERROR &&
			      value.as.fault->code == CEL_F_COST,
		    "%s", cel_test_text(value));
		cr_assert(cost.bytes <= limits.bytes);
	}
}

Test(hostile, nothing_absorbs_the_end_of_fuel)
{
	static const char *const exprs[] = {
	    "x.all(i, x.all(j, i != -j - 1)) || s == 'a'",
	    "s == 'a' || x.all(i, x.all(j, i != -j - 1)) ? 1 : 2",
	    "[x.all(i, x.all(j, i != -j - 1))].exists(b, b) || s == 'a'",
	    "optional.of(x.all(i, x.all(j, i != -j - 1))).orValue(true)",
	};

	bind_many();
	for (size_t i = 0; i < GK_COUNT(exprs); i++) {
		struct cel_value value = run(exprs[i]);

		cr_expect(i == 1 ? value.kind == CEL_INT
				 : value.kind == CEL_ERROR &&
				       value.as.fault->code == CEL_F_COST,
		    "%s: %s", exprs[i], cel_test_text(value));
	}
}

/* Keys that a weak hash would throw together. */
static void
look_up(int64_t factor, int64_t step)
{
	struct cel_entry *entries;
	struct cel_value map, key;

	cel_test_init();
	entries = gk_arena_calloc(&cel_test_arena, MANY, sizeof(*entries));
	cr_assert(entries != NULL);
	for (int64_t i = 0; i < MANY; i++) {
		entries[i].key = cel_int(i * factor + step);
		entries[i].value = cel_int(i);
	}
	cr_assert(cel_map_make(entries, MANY, false, &cel_test_arena, &map,
		      NULL) == GK_OK);
	for (int64_t i = 0; i < MANY; i++) {
		const struct cel_entry *found;

		key = cel_int(i * factor + step);
		found = cel_map_find(map.as.map, &key);
		cr_assert(found != NULL && found->value.as.i == i);
		key = cel_double((double)(i * factor + step));
		cr_assert((double)(i * factor + step) > 9e15 ||
			  cel_map_find(map.as.map, &key) == found);
	}
	key = cel_int(factor / 2 + step + 1);
	cr_assert(factor < 4 || cel_map_find(map.as.map, &key) == NULL);
	cel_test_done();
}

Test(hostile, keys_far_apart_are_found)
{
	for (unsigned bits = 0; bits < 48; bits += 3) {
		look_up(INT64_C(1) << bits, 0);
		look_up(INT64_C(1) << bits, 12345);
	}
}

Test(hostile, a_shared_value_prints_up_to_its_limit)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(TEXT_CAP);
	struct cel_value pair[2], value = cel_int(1);

	cel_test_init();
	for (int i = 0; i < 60; i++) {
		pair[0] = pair[1] = value;
		value = cel_test_list(pair, 2);
	}
	cr_assert(cel_print(&value, 1000, &buf, NULL) == GK_OK);
	cr_assert(buf.len < 2000, "%zu", buf.len);
}

/* As deep as the host's JSON and an expression around it can make a value. */
Test(hostile, a_deep_value_prints_and_compares)
{
	static const char *const exprs[] = {"[x] == [x]", "x in [x, 1]",
	    "'%s'.format([x]) != ''", "[x].flatten(1000) == [1]",
	    "[x, x].distinct() == [x]"};
	struct cel_value value = cel_int(1);

	cel_test_init();
	for (int i = 0; i < 160; i++) {
		value = cel_test_list(&value, 1);
	}
	set(SLOT_X, value);
	for (size_t i = 0; i < GK_COUNT(exprs); i++) {
		cr_expect_str_eq(shown_unchecked(exprs[i]), "true");
	}
	cr_assert(strlen(cel_test_text(value)) >= 321);
}

Test(hostile, random_pieces_never_crash)
{
	static const char *const pieces[] = {"x", "s", "l", "m", "args", ".a",
	    "[0]", "[?", "]", "(", ")", "{", "}", ",", ":", "?", " + ", " - ",
	    "!", " == ", " in ", " && ", " || ", "'a'", "1", "2u", "1.5",
	    "b'x'", ".map(i, ", ".all(i, ", ".?b", "has(", "size(", "i", "null",
	    "dyn(", ".orValue(", "cel.bind(i, ", "true", "`a`", "\"\"\"", "//",
	    "\n", "'\\", "\xff", "0x", "1e"};
	uint64_t state = UINT64_C(88172645463325252);
	char text[256];

	for (int round = 0; round < 20000; round++) {
		size_t n = 0;

		for (int i = 0; i < 14; i++) {
			const char *piece;
			size_t length;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			piece = pieces[state % GK_COUNT(pieces)];
			length = strlen(piece);
			memcpy(text + n, piece, length);
			n += length;
		}
		(void)run_within(
		    text, n, round % 2 == 0, &cel_limits_default, NULL);
		if (round % 1000 == 0) {
			cel_test_done();
		}
	}
}
