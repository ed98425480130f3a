#ifndef TEST_CEL_CEL_TEST_H
#define TEST_CEL_CEL_TEST_H
/* Runs expressions in one small environment, for the tests of the cel room. */

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "cel/cel.h"

/*
 * Programs, values and texts live until cel_test_done(), which is made for
 * .fini of a suite; a test may call it itself and go on.
 *
 * args:    map(string, dyn)  {"amount": 72.5, "count": 3, "name": "Ada",
 *                             "tags": ["a", "b"], "deep": {"x": {"y": 1}}}
 * actor:   map(string, dyn)  {"id": "u_1", "roles": ["support", "admin"]}
 * context: map(string, dyn)  {"env": "prod"}
 * x: dyn 42    n: int 7    s: string "héllo"    l: list(int) [1, 2, 3]
 * m: map(string, int) {"a": 1, "b": 2}
 * now: timestamp 2026-11-23T08:44:00.5Z
 */
enum cel_test_slot {
	SLOT_ARGS,
	SLOT_ACTOR,
	SLOT_CONTEXT,
	SLOT_X,
	SLOT_N,
	SLOT_S,
	SLOT_L,
	SLOT_M,
	SLOT_NOW,
	SLOT_COUNT,
};

/* A program that is kept until the end. */
struct cel_test_program {
	struct cel_program *program;
	struct cel_test_program *next;
};

static struct gk_arena cel_test_arena = GK_ARENA_INIT(512u << 20);
static struct cel_env *cel_test_env;
static struct cel_value cel_test_slots[SLOT_COUNT];
static struct cel_test_program *cel_test_programs;
static struct cel_report cel_test_report;

static inline void
cel_test_done(void)
{
	for (; cel_test_programs != NULL;
	     cel_test_programs = cel_test_programs->next) {
		cel_program_free(cel_test_programs->program);
	}
	cel_env_free(cel_test_env);
	cel_test_env = NULL;
	cel_report_done(&cel_test_report);
	memset(&cel_test_report, 0, sizeof(cel_test_report));
	gk_arena_done(&cel_test_arena);
	cel_test_arena.cap = 512u << 20;
}

static inline struct cel_value
cel_test_map(struct cel_entry *entries, size_t n)
{
	struct cel_entry *kept =
	    gk_arena_calloc(&cel_test_arena, n + 1, sizeof(*kept));
	struct cel_value map;

	cr_assert(kept != NULL);
	memcpy(kept, entries, n * sizeof(*kept));
	cr_assert(
	    cel_map_make(kept, n, false, &cel_test_arena, &map, NULL) == GK_OK);
	return map;
}

static inline struct cel_value
cel_test_list(const struct cel_value *items, size_t n)
{
	struct cel_value *kept =
	    gk_arena_calloc(&cel_test_arena, n + 1, sizeof(*kept));

	cr_assert(kept != NULL);
	memcpy(kept, items, n * sizeof(*kept));
	return cel_list(kept, n);
}

static inline void
cel_test_bind_maps(void)
{
	struct cel_value tags[] = {cel_text("a"), cel_text("b")};
	struct cel_value roles[] = {cel_text("support"), cel_text("admin")};
	struct cel_entry y = {cel_text("y"), cel_int(1)};
	struct cel_entry x = {cel_text("x"), cel_test_map(&y, 1)};
	struct cel_entry args[] = {{cel_text("amount"), cel_double(72.5)},
	    {cel_text("count"), cel_int(3)},
	    {cel_text("name"), cel_text("Ada")},
	    {cel_text("tags"), cel_test_list(tags, 2)},
	    {cel_text("deep"), cel_test_map(&x, 1)}};
	struct cel_entry actor[] = {{cel_text("id"), cel_text("u_1")},
	    {cel_text("roles"), cel_test_list(roles, 2)}};
	struct cel_entry context = {cel_text("env"), cel_text("prod")};
	struct cel_entry m[] = {
	    {cel_text("a"), cel_int(1)}, {cel_text("b"), cel_int(2)}};

	cel_test_slots[SLOT_ARGS] = cel_test_map(args, 5);
	cel_test_slots[SLOT_ACTOR] = cel_test_map(actor, 2);
	cel_test_slots[SLOT_CONTEXT] = cel_test_map(&context, 1);
	cel_test_slots[SLOT_M] = cel_test_map(m, 2);
}

static inline void
cel_test_bind(void)
{
	struct cel_value l[] = {cel_int(1), cel_int(2), cel_int(3)};

	cel_test_bind_maps();
	cel_test_slots[SLOT_X] = cel_int(42);
	cel_test_slots[SLOT_N] = cel_int(7);
	cel_test_slots[SLOT_S] = cel_text("h\xc3\xa9llo");
	cel_test_slots[SLOT_L] = cel_test_list(l, 3);
	cel_test_slots[SLOT_NOW] = cel_timestamp(1795423440, 500000000);
}

/* Makes the environment and the values when there are none. */
static inline void
cel_test_init(void)
{
	static const char *const types[SLOT_COUNT] = {"map(string, dyn)",
	    "map(string, dyn)", "map(string, dyn)", "dyn", "int", "string",
	    "list(int)", "map(string, int)", "timestamp"};
	struct cel_variable variables[SLOT_COUNT] = {{"args", NULL},
	    {"actor", NULL}, {"context", NULL}, {"x", NULL}, {"n", NULL},
	    {"s", NULL}, {"l", NULL}, {"m", NULL}, {"now", NULL}};
	struct gk_err err = {.rc = GK_OK};

	if (cel_test_env != NULL) {
		return;
	}
	for (int i = 0; i < SLOT_COUNT; i++) {
		cr_assert(cel_type_parse(types[i], &cel_test_arena,
			      &variables[i].type, &err) == GK_OK,
		    "%s: %s", types[i], err.text);
	}
	cr_assert(cel_env_new("", variables, SLOT_COUNT, NULL, 0, &cel_test_env,
		      &err) == GK_OK,
	    "%s", err.text);
	cel_test_bind();
}

/* A variable has another value from now on. */
static inline void
set(enum cel_test_slot slot, struct cel_value value)
{
	cel_test_init();
	cel_test_slots[slot] = value;
}

/* NULL: it doesn't compile, the report says why. */
static inline struct cel_program *
compile(const char *expr, size_t n, bool unchecked)
{
	struct cel_options options = {.unchecked = unchecked};
	struct cel_test_program *kept;
	struct gk_err err;

	cel_test_init();
	cel_report_done(&cel_test_report);
	memset(&cel_test_report, 0, sizeof(cel_test_report));
	kept = gk_arena_alloc(&cel_test_arena, sizeof(*kept));
	cr_assert(kept != NULL);
	if (cel_compile(cel_test_env, expr, n, &options, &kept->program,
		&cel_test_report, &err) != GK_OK) {
		return NULL;
	}
	kept->next = cel_test_programs;
	cel_test_programs = kept;
	return kept->program;
}

/* What is wrong with it, "" if nothing is. */
static inline const char *
cel_test_problem(void)
{
	for (size_t i = 0; i < cel_test_report.count; i++) {
		if (!cel_test_report.problems[i].warning) {
			char *text = gk_arena_strdup(
			    &cel_test_arena, cel_test_report.problems[i].text);

			cr_assert(text != NULL);
			return text;
		}
	}
	return "";
}

/* Compile and evaluate expr[0..n); what doesn't compile is a fault too. */
static inline struct cel_value
run_within(const char *expr, size_t n, bool unchecked,
    const struct cel_limits *limits, struct cel_cost *ret_cost)
{
	struct cel_program *program = compile(expr, n, unchecked);
	struct cel_activation activation = {.slots = cel_test_slots};

	if (program == NULL) {
		struct cel_fault *fault =
		    gk_arena_alloc(&cel_test_arena, sizeof(*fault));

		cr_assert(fault != NULL);
		*fault = (struct cel_fault){CEL_F_ARGUMENT, 0, 0,
		    gk_arena_printf(&cel_test_arena, "doesn't compile: %s",
			cel_test_problem())};
		return (struct cel_value){.kind = CEL_ERROR, .as.fault = fault};
	}
	return cel_eval(
	    program, &activation, &cel_test_arena, limits, NULL, ret_cost);
}

/* Checked. */
static inline struct cel_value
run(const char *expr)
{
	return run_within(expr, strlen(expr), false, &cel_limits_default, NULL);
}

static inline struct cel_value
run_unchecked(const char *expr)
{
	return run_within(expr, strlen(expr), true, &cel_limits_default, NULL);
}

/* A value as text; a fault as "error: …". */
static inline const char *
cel_test_text(struct cel_value value)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	char *text;

	if (value.kind == CEL_ERROR) {
		text = gk_arena_printf(&cel_test_arena, "error: %s",
		    value.as.fault == NULL ? "?" : value.as.fault->text);
	} else {
		cr_assert(cel_print(&value, 1 << 19, &buf, NULL) == GK_OK);
		text = gk_arena_strdup(&cel_test_arena, gk_buf_text(&buf));
	}
	cr_assert(text != NULL);
	return text;
}

static inline const char *
shown(const char *expr)
{
	return cel_test_text(run(expr));
}

static inline const char *
shown_unchecked(const char *expr)
{
	return cel_test_text(run_unchecked(expr));
}

/* The first problem's text of what mustn't compile, checked; "" if it does. */
static inline const char *
wrong(const char *expr)
{
	return compile(expr, strlen(expr), false) == NULL ? cel_test_problem()
							  : "";
}

#endif
