/* What conditions cost: nanoseconds of an evaluation and of compiling, and what hostile ones take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/cel/hostile.h"
#include "cel/cel.h"

enum { BATCHES = 201, MIDDLE = 100, MANY = 10000, HUNDRED = 100 };
enum { ARGS, ACTOR, CONTEXT, X, N, S, L, M, NOW, SLOTS };

static struct gk_arena forever = GK_ARENA_INIT(64 << 20);
static struct cel_value host[SLOTS];
static struct cel_env *env;

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct cel_value
list_of(int64_t count)
{
	struct cel_value *items =
	    gk_arena_calloc(&forever, (size_t)count, sizeof(*items));

	GK_ASSERT(items != NULL);
	for (int64_t i = 0; i < count; i++) {
		items[i] = cel_int(i);
	}
	return cel_list(items, (size_t)count);
}

static struct cel_value
map_of(const struct cel_entry *entries, size_t n, struct gk_arena *arena)
{
	struct cel_value map;

	GK_ASSERT(cel_map_make(entries, n, false, arena, &map, NULL) == GK_OK);
	return map;
}

/* What a decision's request becomes: made anew for each, or kept. */
static void
bind_request(struct cel_value *slots, struct gk_arena *arena)
{
	struct cel_entry *args = gk_arena_calloc(arena, 6, sizeof(*args));
	struct cel_value *roles = gk_arena_calloc(arena, 2, sizeof(*roles));

	GK_ASSERT(args != NULL && roles != NULL);
	roles[0] = cel_text("admin");
	roles[1] = cel_text("support");
	args[0] = (struct cel_entry){cel_text("amount"), cel_double(72.5)};
	args[1] = (struct cel_entry){cel_text("currency"), cel_text("usd")};
	args[2] = (struct cel_entry){
	    cel_text("note"), cel_text("refund of order ORD-2026-000123")};
	args[3] = (struct cel_entry){cel_text("id"), cel_text("u_1")};
	args[4] = (struct cel_entry){cel_text("roles"), cel_list(roles, 2)};
	args[5] = (struct cel_entry){cel_text("env"), cel_text("prod")};
	slots[ARGS] = map_of(args, 3, arena);
	slots[ACTOR] = map_of(args + 3, 2, arena);
	slots[CONTEXT] = map_of(args + 5, 1, arena);
}

static void
init(void)
{
	static const char *const declared[SLOTS][2] = {
	    {"args", "map(string, dyn)"}, {"actor", "map(string, dyn)"},
	    {"context", "map(string, dyn)"}, {"x", "dyn"}, {"n", "int"},
	    {"s", "string"}, {"l", "list(int)"}, {"m", "map(string, int)"},
	    {"now", "timestamp"}};
	struct cel_variable variables[SLOTS];
	struct cel_entry *m = gk_arena_calloc(&forever, 1, sizeof(*m));

	for (int i = 0; i < SLOTS; i++) {
		variables[i].name = declared[i][0];
		GK_ASSERT(cel_type_parse(declared[i][1], &forever,
			      &variables[i].type, NULL) == GK_OK);
	}
	GK_ASSERT(
	    cel_env_new("", variables, SLOTS, NULL, 0, &env, NULL) == GK_OK);
	GK_ASSERT(m != NULL);
	*m = (struct cel_entry){cel_text("a"), cel_int(1)};
	bind_request(host, &forever);
	host[X] = list_of(MANY);
	host[N] = cel_int(7);
	host[S] = cel_text("a");
	host[L] = list_of(HUNDRED);
	host[M] = map_of(m, 1, &forever);
	host[NOW] = cel_timestamp(1795423440, 0);
}

static struct cel_program *
compile(const char *text, size_t n)
{
	struct cel_options options = {.unchecked = false};
	struct cel_report report = {.count = 0};
	struct cel_program *program = NULL;

	if (cel_compile(env, text, n, &options, &program, &report, NULL) !=
	    GK_OK) {
		program = NULL;
	}
	cel_report_done(&report);
	return program;
}

static void
evaluate(const struct cel_program *program, bool anew)
{
	static struct gk_arena arena = GK_ARENA_INIT(8 << 20);
	struct cel_activation activation = {.slots = host};
	struct cel_value slots[SLOTS], value;

	if (anew) {
		memcpy(slots, host, sizeof(slots));
		bind_request(slots, &arena);
		activation.slots = slots;
	}
	value = cel_eval(
	    program, &activation, &arena, &cel_limits_default, NULL, NULL);
	GK_ASSERT(value.kind != CEL_ERROR && value.kind != CEL_UNKNOWN);
	gk_arena_clear(&arena);
}

enum what { EVALUATE, EVALUATE_ANEW, COMPILE };

/* The median of batches, each of some rounds. */
static double
measure(const char *expr, enum what what, int rounds)
{
	static int64_t batches[BATCHES];
	struct cel_program *program = compile(expr, strlen(expr));

	GK_ASSERT(program != NULL);
	for (int k = 0; k < BATCHES; k++) {
		int64_t begin = now_ns();

		for (int i = 0; i < rounds; i++) {
			if (what == COMPILE) {
				cel_program_free(compile(expr, strlen(expr)));
			} else {
				evaluate(program, what == EVALUATE_ANEW);
			}
		}
		batches[k] = now_ns() - begin;
	}
	cel_program_free(program);
	qsort(batches, BATCHES, sizeof(batches[0]), by_time);
	return (double)batches[MIDDLE] / rounds;
}

static void
measure_typical(void)
{
	static const struct {
		const char *name, *expr;
		int rounds;
	} typical[] = {
	    {"constant", "true", 2000},
	    {"three clauses",
		"args.amount > 50.0 && \"support\" in actor.roles && "
		"context.env == \"prod\"",
		1000},
	    {"pattern", "args.note.matches('ORD-[0-9]{4}-[0-9]{6}$')", 500},
	    {"one of a set", "args.currency in ['eur', 'usd', 'chf', 'gbp']",
		1000},
	    {"time", "now.getHours('Europe/Zurich') >= 8", 500},
	    {"address",
		"!cidr('10.0.0.0/8').containsIP(ip('10.1.2.' + string(n)))",
		500},
	    {"all of 100", "l.all(i, i >= 0)", 50},
	    {"map and filter of 100",
		"l.filter(i, i % 2 == 0).map(i, i * i).size() == 50", 50},
	    {"shell",
		"shell.parse('cd /tmp && rm -rf ' + s).commands.exists(c,"
		" c.name == 'rm')",
		50},
	};

	(void)printf("%-24s %12s %12s %12s\n", "ns", "evaluate", "and activate",
	    "compile");
	for (size_t i = 0; i < GK_COUNT(typical); i++) {
		const char *expr = typical[i].expr;
		struct cel_program *program = compile(expr, strlen(expr));

		if (program == NULL) {
			(void)printf(
			    "%-24s doesn't compile\n", typical[i].name);
			continue;
		}
		cel_program_free(program);
		(void)printf("%-24s %12.0f %12.0f %12.0f\n", typical[i].name,
		    measure(expr, EVALUATE, typical[i].rounds),
		    measure(expr, EVALUATE_ANEW, typical[i].rounds),
		    measure(expr, COMPILE, 20));
	}
}

static const char *
end_of(const struct cel_program *program, const struct cel_value *value)
{
	if (program == NULL) {
		return "refused";
	}
	if (value->kind == CEL_ERROR) {
		return value->as.fault->code == CEL_F_COST ? "spent" : "fault";
	}
	return "value";
}

/* How long each takes, and what a unit of fuel comes to. */
static void
measure_hostile(void)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	struct gk_arena arena = GK_ARENA_INIT(8 << 20);
	struct cel_activation activation = {.slots = host};

	(void)printf("\n%-32s %10s %10s %9s %8s  end\n", "hostile",
	    "compile us", "eval us", "fuel", "ns/fuel");
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		struct cel_program *program;
		struct cel_value value = {0};
		struct cel_cost cost = {0, 0};
		int64_t begin, between, end;

		hostile_print(&hostiles[i], &buf);
		begin = now_ns();
		program = compile(gk_buf_text(&buf), buf.len);
		between = now_ns();
		if (program != NULL) {
			value = cel_eval(program, &activation, &arena,
			    &cel_limits_default, NULL, &cost);
		}
		end = now_ns();
		(void)printf("%-32s %10.0f %10.0f %9llu %8.1f  %s\n",
		    hostiles[i].name, (double)(between - begin) / 1000,
		    (double)(end - between) / 1000,
		    (unsigned long long)cost.fuel,
		    cost.fuel == 0
			? 0.0
			: (double)(end - between) / (double)cost.fuel,
		    end_of(program, &value));
		cel_program_free(program);
		gk_arena_clear(&arena);
	}
	gk_arena_done(&arena);
}

int
main(void)
{
	init();
	measure_typical();
	measure_hostile();
	cel_env_free(env);
	gk_arena_done(&forever);
	return 0;
}
