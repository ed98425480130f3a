/* Compiles and evaluates a case in one or in both ways, and compares. */
#include "verdict.h"

#include <string.h>

enum { SHOWN_MAX = 400 };

/* How one way of running ended.  problem: why there is no program. */
struct run {
	struct cel_program *program;
	struct cel_value value;
	const char *problem, *type;
};

static const char *
keep(struct gk_arena *arena, const struct gk_buf *buf)
{
	const char *copy = gk_arena_strdup(arena, gk_buf_text(buf));

	return copy == NULL ? "(no memory)" : copy;
}

static const char *
shown(const struct cel_value *value, struct gk_arena *arena)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);

	if (value->kind == CEL_ERROR) {
		const char *text = value->as.fault == NULL
				       ? NULL
				       : gk_arena_printf(arena, "error: %s",
					     value->as.fault->text);

		return text == NULL ? "error" : text;
	}
	return cel_print(value, SHOWN_MAX, &buf, NULL) == GK_OK
		   ? keep(arena, &buf)
		   : "(can't be printed)";
}

static const char *
type_text(const struct cel_type *type, struct gk_arena *arena)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);

	return type != NULL && cel_type_print(type, &buf, NULL) == GK_OK
		   ? keep(arena, &buf)
		   : "(no type)";
}

static const char *
first_problem(const struct cel_report *report, struct gk_arena *arena)
{
	const char *text = NULL;

	for (size_t i = 0; i < report->count && text == NULL; i++) {
		if (!report->problems[i].warning) {
			text = gk_arena_printf(
			    arena, "problem: %s", report->problems[i].text);
		}
	}
	return text == NULL ? "problem" : text;
}

/* bind() is NULL: what isn't bound has no value. */
static struct run
run(const struct cel_case *c, const struct cel_env *env, bool unchecked,
    struct gk_arena *arena)
{
	struct cel_options options = {.unchecked = unchecked};
	struct cel_report report = {.count = 0};
	struct cel_activation activation = {.slots = c->slots};
	struct run ended = {.problem = NULL};
	struct gk_err err;
	enum gk_rc rc = cel_compile(
	    env, c->expr, c->expr_n, &options, &ended.program, &report, &err);

	if (rc != GK_OK) {
		ended.problem = first_problem(&report, arena);
	}
	cel_report_done(&report);
	if (rc != GK_OK) {
		return ended;
	}
	if (!unchecked) {
		ended.type = type_text(cel_program_type(ended.program), arena);
	}
	if (!c->check_only) {
		ended.value = cel_eval(ended.program, &activation, arena,
		    &cel_limits_default, NULL, NULL);
	}
	return ended;
}

static struct verdict
differs(const char *expected, const char *got)
{
	return (struct verdict){false, expected, got};
}

/* Did it end as the case says? */
static struct verdict
judge(const struct cel_case *c, const struct run *ended, struct gk_arena *arena)
{
	bool failed = ended->problem != NULL ||
		      (!c->check_only && ended->value.kind == CEL_ERROR);
	const char *got = ended->problem != NULL ? ended->problem
			  : c->check_only        ? ended->type
						 : shown(&ended->value, arena);

	if (c->want_error) {
		return failed ? (struct verdict){.passed = true}
			      : differs("an error", got);
	}
	if (failed) {
		return differs(
		    c->has_value ? shown(&c->value, arena) : c->deduced, got);
	}
	if (c->deduced != NULL && ended->type != NULL &&
	    strcmp(c->deduced, ended->type) != 0) {
		return differs(c->deduced, ended->type);
	}
	if (c->has_value && !case_same(&c->value, &ended->value)) {
		return differs(shown(&c->value, arena), got);
	}
	return (struct verdict){.passed = true};
}

static bool
has_value(const struct run *ended)
{
	return ended->problem == NULL && ended->value.kind != CEL_ERROR &&
	       ended->value.kind != CEL_UNKNOWN;
}

/* What parsing alone makes of it may lack a value, but not have another one. */
static struct verdict
agree(
    const struct run *checked, const struct run *parsed, struct gk_arena *arena)
{
	if (checked->problem != NULL || !has_value(parsed) ||
	    case_same(&parsed->value, &checked->value)) {
		return (struct verdict){.passed = true};
	}
	return differs(gk_arena_printf(arena, "%s, as without checking",
			   shown(&parsed->value, arena)),
	    shown(&checked->value, arena));
}

struct verdict
verdict_of(const struct cel_case *c, struct gk_arena *arena)
{
	struct cel_env *env = NULL;
	struct verdict verdict;
	struct run ended, parsed;
	struct gk_err err;

	if (cel_env_new(c->container, c->variables, c->variable_count,
		c->declarations, c->declaration_count, &env, &err) != GK_OK) {
		const char *text = gk_arena_printf(arena, "%s", err.text);

		return differs("an environment", text);
	}
	ended = run(c, env, c->unchecked, arena);
	verdict = judge(c, &ended, arena);
	if (verdict.passed && !c->unchecked && !c->check_only) {
		parsed = run(c, env, true, arena);
		verdict = agree(&ended, &parsed, arena);
		cel_program_free(parsed.program);
	}
	cel_program_free(ended.program);
	cel_env_free(env);
	return verdict;
}
