#ifndef TEST_CEL_CEL_TREE_H
#define TEST_CEL_CEL_TREE_H
/* Parses an expression and shows its tree, for the tests of the cel room's syntax. */

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "cel/cel_internal.h"

/* What tree_parse() made, until the next one or tree_done(). */
static struct cel_program tree_program;
static struct cel_report tree_report;
static struct gk_buf tree_buf = GK_BUF_INIT(1 << 20);

static inline void
tree_done(void)
{
	gk_arena_done(&tree_program.arena);
	cel_report_done(&tree_report);
	gk_buf_done(&tree_buf);
	memset(&tree_program, 0, sizeof(tree_program));
	tree_buf.cap = 1 << 20;
}

/* NULL: it's wrong, see tree_report. */
static inline const struct cel_node *
tree_parse(const char *expr, size_t n)
{
	struct cel__compile compile = {
	    .program = &tree_program, .report = &tree_report};
	char *copy;

	tree_done();
	tree_program.arena.cap = 4u << 20;
	copy = gk_arena_strndup(&tree_program.arena, expr, n);
	cr_assert(copy != NULL);
	tree_program.text = copy;
	tree_program.n = n;
	cel__parse(&compile);
	cr_assert(!compile.no_memory);
	cr_assert((tree_program.root == NULL) == (tree_report.errors == 1),
	    "'%s' has %zu problems", expr, tree_report.errors);
	for (size_t i = 0; i < tree_report.count; i++) {
		cr_assert(tree_report.problems[i].begin <=
				  tree_report.problems[i].end &&
			      tree_report.problems[i].end <= n,
		    "'%s': %s", expr, tree_report.problems[i].text);
	}
	return tree_program.root;
}

static inline void
tree_put(const char *text)
{
	cr_assert(gk_buf_puts(&tree_buf, text, NULL) == GK_OK);
}

static inline void
tree_put_value(const struct cel_value *value)
{
	enum gk_rc rc = GK_OK;

	if (value->kind == CEL_INT) {
		rc = gk_buf_printf(&tree_buf, NULL, "%" PRId64, value->as.i);
	} else if (value->kind == CEL_UINT) {
		rc =
		    gk_buf_printf(&tree_buf, NULL, "%" PRIu64 "u", value->as.u);
	} else if (value->kind == CEL_DOUBLE) {
		rc = gk_buf_printf(&tree_buf, NULL, "%#g", value->as.d);
	} else if (value->kind == CEL_STRING) {
		rc = gk_buf_printf(
		    &tree_buf, NULL, "'%.*s'", (int)value->n, value->as.text);
	} else if (value->kind == CEL_BYTES) {
		tree_put("b'");
		for (uint32_t i = 0; i < value->n; i++) {
			rc = gk_buf_printf(&tree_buf, NULL, "%02x",
			    (unsigned char)value->as.text[i]);
		}
		tree_put("'");
	} else if (value->kind == CEL_BOOL) {
		tree_put(value->as.boolean ? "true" : "false");
	} else {
		cr_assert(value->kind == CEL_NULL);
		tree_put("null");
	}
	cr_assert(rc == GK_OK);
}

static inline const char *
tree_op_name(const struct cel_node *node)
{
	static const char *const names[] = {[OP_SELECT] = ".",
	    [OP_OPT_SELECT] = ".?",
	    [OP_HAS] = "has",
	    [OP_INDEX] = "[]",
	    [OP_OPT_INDEX] = "[?]",
	    [OP_LIST] = "list",
	    [OP_MAP] = "map",
	    [OP_CALL] = "call",
	    [OP_AND] = "&&",
	    [OP_OR] = "||",
	    [OP_NOT] = "!",
	    [OP_NEGATE] = "neg",
	    [OP_COND] = "?:",
	    [OP_ADD] = "+",
	    [OP_SUBTRACT] = "-",
	    [OP_MULTIPLY] = "*",
	    [OP_DIVIDE] = "/",
	    [OP_MODULO] = "%",
	    [OP_EQUAL] = "==",
	    [OP_NOT_EQUAL] = "!=",
	    [OP_LESS] = "<",
	    [OP_LESS_EQUAL] = "<=",
	    [OP_GREATER] = ">",
	    [OP_GREATER_EQUAL] = ">=",
	    [OP_IN] = "in",
	    [OP_ALL] = "ALL",
	    [OP_EXISTS] = "EXISTS",
	    [OP_EXISTS_ONE] = "EXISTS_ONE",
	    [OP_FILTER] = "FILTER",
	    [OP_MAP_LIST] = "MAP",
	    [OP_TRANSFORM_MAP] = "TRANSFORM_MAP",
	    [OP_TRANSFORM_MAP_ENTRY] = "TRANSFORM_ENTRY",
	    [OP_SORT_BY] = "SORT_BY",
	    [OP_BIND] = "BIND",
	    [OP_OPT_MAP] = "OPT_MAP",
	    [OP_OPT_FLAT_MAP] = "OPT_FLAT_MAP"};

	cr_assert(node->op < GK_COUNT(names) && names[node->op] != NULL);
	return names[node->op];
}

/* level: how deep node is; ranges: "@begin-end" behind each. */
static inline void
tree_put_node(const struct cel_node *node, unsigned level, bool ranges)
{
	cr_assert(level <= CEL_DEPTH_MAX);
	cr_assert(node->begin <= node->end && node->end <= tree_program.n);
	if (node->op == OP_CONST) {
		tree_put_value(&node->value);
	} else if (node->op == OP_IDENT) {
		tree_put(node->leading_dot ? "." : "");
		tree_put(node->name);
	} else {
		tree_put("(");
		tree_put(tree_op_name(node));
		if (node->op == OP_CALL) {
			tree_put(node->receiver ? " ." : " ");
			tree_put(node->leading_dot ? "/" : "");
			tree_put(node->name);
		}
		for (uint32_t i = 0; i < node->var_count; i++) {
			tree_put(i == 0 ? " \\" : ",");
			tree_put(node->vars[i]);
		}
		for (uint32_t i = 0; i < node->arg_count; i++) {
			bool value = node->op == OP_MAP && i % 2 == 1;
			uint32_t entry = node->op == OP_MAP ? i / 2 : i;

			tree_put(value ? ":" : " ");
			tree_put(!value && node->optional != NULL &&
					 node->optional[entry]
				     ? "?"
				     : "");
			tree_put_node(node->args[i], level + 1, ranges);
		}
		if (node->op == OP_SELECT || node->op == OP_OPT_SELECT ||
		    node->op == OP_HAS) {
			tree_put(node->optional_has ? " ?" : " ");
			tree_put_value(&node->value);
			cr_assert_str_eq(node->name, node->value.as.text);
		}
		tree_put(")");
	}
	if (ranges) {
		cr_assert(gk_buf_printf(&tree_buf, NULL, "@%u-%u", node->begin,
			      node->end) == GK_OK);
	}
}

/* "(+ 1 (* 2 x))"; what is wrong as "begin-end text [hint]". */
static inline const char *
tree_within(const char *expr, size_t n, bool ranges)
{
	const struct cel_node *root = tree_parse(expr, n);
	const struct cel_problem *problem = &tree_report.problems[0];

	if (root != NULL) {
		tree_put_node(root, 1, ranges);
	} else {
		cr_assert(
		    gk_buf_printf(&tree_buf, NULL, "%u-%u %s", problem->begin,
			problem->end, problem->text) == GK_OK);
		if (problem->hint != NULL) {
			tree_put(" [");
			tree_put(problem->hint);
			tree_put("]");
		}
	}
	return gk_buf_text(&tree_buf);
}

static inline const char *
tree(const char *expr)
{
	return tree_within(expr, strlen(expr), false);
}

static inline const char *
tree_ranges(const char *expr)
{
	return tree_within(expr, strlen(expr), true);
}

#define TREE_IS(expr, expected)                        \
	cr_expect(strcmp(tree(expr), (expected)) == 0, \
	    "%s\n    is %s\nnot %s", (expr), tree(expr), (expected))

#endif
