/* The checker: what is wrong with an expression, said where; and the type of what isn't. */
#include <stdio.h>

#include "cel_test.h"

/* caret: bytes [begin, end) of the expression. */
static const struct {
	const char *expr;
	unsigned begin, end;
	const char *text, *hint;
} table[] = {
    {"agrs.amount > 1", 0, 4, "no variable 'agrs'", "did you mean 'args'?"},
    {"n + 'a'", 0, 7, "no such overload: '+' can't take int and string", NULL},
    {"n > 1.5", 0, 0, "", NULL},
    {"s.startWith('a')", 0, 16, "no method 'startWith'", "'startsWith'"},
    {"size(n)", 0, 7, "no such overload", NULL},
    {"n && true", 0, 1, "bool", NULL},
    {"l.map(i)", 6, 7, "no variable 'i'", NULL},
    {"n.exists(i, true)", 0, 1, "a macro goes over a list or a map", NULL},
    {"l[0].a", 0, 6, "", NULL},
    {"m[1]", 0, 4, "no such overload", NULL},
    {"true ? n : s", 0, 12, "", NULL},
    {"[1, 'a'] == l", 0, 0, "", NULL},
    {"timestamp('x') > 3", 0, 18, "no such overload", NULL},
    {"shell.parze(s)", 0, 14, "no function 'shell.parze'", "'shell.parse'"},
    {"1 +", 3, 3, "", NULL},
    {"'a", 0, 1, "isn't closed", NULL},
    {"a.b.c(1", 7, 7, "", NULL},
};

static const struct {
	const char *expr, *type;
} types[] = {
    {"n + 1", "int"},
    {"l.map(i, string(i))", "list(string)"},
    {"m.filter(k, m[k] > 1)", "list(string)"},
    {"{'a': [1.0]}", "map(string, list(double))"},
    {"args.amount", "dyn"},
    {"n > 1 ? 'a' : 'b'", "string"},
    {"now - duration('1h')", "timestamp"},
    {"now - now", "duration"},
    {"l[?5]", "optional_type(int)"},
    {"args.?a.orValue(1)", "dyn"},
    {"shell.parse(s)", "map(string, dyn)"},
    {"[1, 2].transformMap(i, v, v > 1)", "map(int, bool)"},
    {"type(n)", "type(int)"},
    {"url(s).host()", "string"},
    {"cel.bind(a, n, a * 2)", "int"},
    {"[]", "list(dyn)"},
};

TestSuite(check, .fini = cel_test_done);

Test(check, problems_stand_at_their_place)
{
	for (size_t i = 0; i < GK_COUNT(table); i++) {
		const struct cel_problem *problem =
		    &cel_test_report.problems[0];
		const char *text = wrong(table[i].expr);

		if (table[i].end == 0) {
			cr_expect_str_eq(
			    text, "", "%s: %s", table[i].expr, text);
			continue;
		}
		cr_assert(
		    text[0] != '\0', "%s: nothing is wrong", table[i].expr);
		cr_expect(strstr(text, table[i].text) != NULL, "%s: %s",
		    table[i].expr, text);
		cr_expect(problem->begin == table[i].begin &&
			      problem->end == table[i].end,
		    "%s: [%u, %u): %s", table[i].expr, problem->begin,
		    problem->end, text);
		cr_expect(table[i].hint == NULL ||
			      (problem->hint != NULL &&
				  strstr(problem->hint, table[i].hint) != NULL),
		    "%s: %s", table[i].expr,
		    problem->hint == NULL ? "no hint" : problem->hint);
	}
}

Test(check, everything_has_a_type)
{
	for (size_t i = 0; i < GK_COUNT(types); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1024);
		struct cel_program *program =
		    compile(types[i].expr, strlen(types[i].expr), false);

		cr_assert(program != NULL, "%s: %s", types[i].expr,
		    cel_test_problem());
		cr_assert(cel_type_print(
			      cel_program_type(program), &buf, NULL) == GK_OK);
		cr_expect_str_eq(gk_buf_text(&buf), types[i].type, "%s: %s",
		    types[i].expr, gk_buf_text(&buf));
	}
}

/* Of a program that loaded, folded: the value where no variable can change it. */
Test(check, constants_are_folded)
{
	static const struct {
		const char *expr;
		bool constant;
	} folds[] = {
	    {"1 + 2 * 3 == 7", true},
	    {"'a' in ['a', 'b']", true},
	    {"false && n > 1", true},
	    {"n > 1 || true", true},
	    {"n > 1 && true", false},
	    {"[1, 2].all(i, i > 0)", false},
	    {"l.all(i, i > 0)", false},
	    {"'x'.matches('^x$')", true},
	};

	for (size_t i = 0; i < GK_COUNT(folds); i++) {
		struct cel_program *program =
		    compile(folds[i].expr, strlen(folds[i].expr), false);

		cr_assert(program != NULL, "%s", folds[i].expr);
		cr_expect((cel_program_constant(program) != NULL) ==
			      folds[i].constant,
		    "%s", folds[i].expr);
	}
}

/* Variables that come one after the other, as a file's do. */
Test(check, a_variable_is_known_to_what_is_compiled_after_it)
{
	enum { MANY = 300, LAST = 99 };
	const struct cel_type *number = cel_type_of(CEL_T_INT);
	struct cel_env *env = NULL;
	struct cel_program *before = NULL, *after = NULL;
	struct cel_report report = {.count = 0};
	const struct cel_options options = {.expect = NULL};
	struct cel_variable first = {"v0", number};
	char name[8];

	cr_assert_eq(cel_env_new("", &first, 1, NULL, 0, &env, NULL), GK_OK);
	cr_assert_eq(
	    cel_compile(env, "v0 + 1", 6, &options, &before, &report, NULL),
	    GK_OK);
	cr_assert_eq(
	    cel_compile(env, "v99 + 1", 7, &options, &after, &report, NULL),
	    GK_E_INVALID);
	cel_report_done(&report);
	for (int i = 1; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "v%d", i);
		cr_assert_eq(cel_env_add(env,
				 &(struct cel_variable){name, number}, NULL),
		    GK_OK);
	}
	memset(&report, 0, sizeof(report));
	cr_assert_eq(
	    cel_compile(env, "v99 + 1", 7, &options, &after, &report, NULL),
	    GK_OK);
	cr_assert(cel_program_uses(before, 0));
	for (unsigned slot = 1; slot < MANY; slot++) {
		cr_assert_not(cel_program_uses(before, slot), "%u", slot);
	}
	cr_assert(cel_program_uses(after, LAST));
	cr_assert_not(cel_program_uses(after, MANY));
	cel_report_done(&report);
	cel_program_free(before);
	cel_program_free(after);
	cel_env_free(env);
}
