/* From text to program: the passes in their order, what they tell, and the program's life. */

#include "cel/cel_internal.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_BYTES (4u << 20)
#define REPORT_BYTES  (64u << 10)

void
cel_report_done(struct cel_report *report)
{
	gk_arena_done(&report->arena);
	memset(report, 0, sizeof *report);
}

/* Add a problem; the first CEL_PROBLEMS_MAX are kept, errors before warnings. */
static void
report_add(struct cel_report *report, const struct cel_problem *problem)
{
	size_t at = report->count;

	if (!problem->warning) {
		report->errors++;
		while (at > 0 && at == CEL_PROBLEMS_MAX) {
			at--;
			if (!report->problems[at].warning) {
				return;
			}
		}
	}
	if (at == CEL_PROBLEMS_MAX) {
		return;
	}
	report->problems[at] = *problem;
	report->count += at == report->count;
}

static void problem_add(struct cel__compile *compile, bool warning,
    uint32_t begin, uint32_t end, const char *hint, const char *fmt, va_list ap)
    GK_PRINTF(6, 0);

static void
problem_add(struct cel__compile *compile, bool warning, uint32_t begin,
    uint32_t end, const char *hint, const char *fmt, va_list ap)
{
	struct cel_report *report = compile->report;
	struct cel_problem problem = {warning, begin, end, NULL, NULL};
	char text[256];

	if (vsnprintf(text, sizeof text, fmt, ap) < 0) {
		text[0] = '\0';
	}
	if (report->arena.cap == 0) {
		report->arena.cap = REPORT_BYTES;
	}
	problem.text = gk_arena_strdup(&report->arena, text);
	if (hint != NULL) {
		problem.hint = gk_arena_strdup(&report->arena, hint);
	}
	if (problem.text == NULL) {
		problem.text = "there is more that is wrong";
	}
	report_add(report, &problem);
}

void
cel__problem(struct cel__compile *compile, uint32_t begin, uint32_t end,
    const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(compile, false, begin, end, hint, fmt, ap);
	va_end(ap);
}

void
cel__warn(struct cel__compile *compile, uint32_t begin, uint32_t end,
    const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(compile, true, begin, end, hint, fmt, ap);
	va_end(ap);
}

struct cel_node *
cel__node(struct cel__compile *compile, enum cel_op op, uint32_t begin,
    uint32_t end, uint32_t arg_count)
{
	struct cel_program *program = compile->program;
	struct cel_node *node;

	if (program->node_count >= CEL_NODES_MAX) {
		if (program->node_count++ == CEL_NODES_MAX) {
			cel__problem(compile, begin, end, NULL,
			    "an expression has at most %u parts",
			    CEL_NODES_MAX);
		}
		return NULL;
	}
	program->node_count++;
	node = gk_arena_alloc(&program->arena, sizeof *node);
	if (node != NULL && arg_count > 0) {
		node->args = gk_arena_calloc(
		    &program->arena, arg_count, sizeof *node->args);
	}
	if (node == NULL || (arg_count > 0 && node->args == NULL)) {
		compile->no_memory = true;
		return NULL;
	}
	node->op = op;
	node->begin = begin;
	node->end = end;
	node->arg_count = arg_count;
	return node;
}

/* The tree of the text, resolved, checked and planned; false: see the report. */
static bool
passes(struct cel__compile *compile, const struct cel_options *options)
{
	struct cel_report *report = compile->report;
	struct cel_program *program = compile->program;

	cel__parse(compile);
	if (program->root == NULL || report->errors > 0) {
		return false;
	}
	cel__resolve(compile);
	if (options == NULL || !options->unchecked) {
		cel__check(compile, options == NULL ? NULL : options->expect);
	} else {
		program->type = cel_type_of(CEL_T_DYN);
	}
	if (report->errors > 0 || compile->no_memory) {
		return false;
	}
	cel__plan(compile);
	return report->errors == 0 && !compile->no_memory;
}

static enum gk_rc
program_new(const struct cel_env *env, const char *text, size_t n,
    struct cel_program **ret_program, struct gk_err *err)
{
	GK_AUTO(cel_program_freep) struct cel_program *program = NULL;
	char *copy;

	program = calloc(1, sizeof *program);
	if (program == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for an expression");
	}
	program->arena.cap = PROGRAM_BYTES;
	program->env = env;
	program->slot_count = env->slot_count;
	program->n = n;
	program->uses = gk_arena_calloc(
	    &program->arena, env->slot_count / 64 + 1, sizeof *program->uses);
	copy = gk_arena_alloc(&program->arena, n + 1);
	if (copy == NULL || program->uses == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for an expression");
	}
	memcpy(copy, text, n);
	program->text = copy;
	*ret_program = GK_TAKE(program);
	return GK_OK;
}

enum gk_rc
cel_compile(const struct cel_env *env, const char *text, size_t n,
    const struct cel_options *options, struct cel_program **ret_program,
    struct cel_report *report, struct gk_err *err)
{
	GK_AUTO(cel_program_freep) struct cel_program *program = NULL;
	struct cel__compile compile = {.env = env, .report = report};

	/* What the passes look at is this expression's own errors. */
	GK_ASSERT(report->errors == 0);
	if (n > CEL_TEXT_MAX) {
		cel__problem(&compile, 0, CEL_TEXT_MAX, NULL,
		    "an expression has at most %u bytes", CEL_TEXT_MAX);
		return GK_FAIL(
		    err, GK_E_INVALID, "%s", report->problems[0].text);
	}
	GK_TRY(program_new(env, text, n, &program, err));
	compile.program = program;
	if (!passes(&compile, options)) {
		if (compile.no_memory) {
			return GK_FAIL(
			    err, GK_E_NOMEM, "no memory for an expression");
		}
		GK_ASSERT(report->errors > 0);
		return GK_FAIL(
		    err, GK_E_INVALID, "%s", report->problems[0].text);
	}
	*ret_program = GK_TAKE(program);
	return GK_OK;
}

void
cel_program_free(struct cel_program *program)
{
	if (program == NULL) {
		return;
	}
	for (size_t i = 0; i < program->pattern_count; i++) {
		cel_regex_free(program->patterns[i]);
	}
	free(program->patterns);
	gk_arena_done(&program->arena);
	free(program);
}

void
cel_program_freep(struct cel_program **program)
{
	cel_program_free(*program);
}

const struct cel_type *
cel_program_type(const struct cel_program *program)
{
	return program->type;
}

const struct cel_value *
cel_program_constant(const struct cel_program *program)
{
	return program->root->op == OP_CONST ? &program->root->value : NULL;
}

bool
cel_program_uses(const struct cel_program *program, unsigned slot)
{
	return slot < program->slot_count &&
	       (program->uses[slot / 64] >> slot % 64 & 1) != 0;
}

const char *
cel_program_text(const struct cel_program *program, size_t *ret_n)
{
	if (ret_n != NULL) {
		*ret_n = program->n;
	}
	return program->text;
}
