/* The grammar of langdef "Syntax": tokens become a tree. */

#include "cel/parse.h"

#include <string.h>

#define SCRATCH_BYTES (1u << 20)

/*
 * Every rule leaves its parts on one stack and cel__grow() makes the node of
 * them: a list's count is known only behind it.  Binary operators are climbed
 * by level, so that recursion is as deep as brackets are, which is capped.
 *
 * After the first problem every rule gives cel__no_tree and nobody reads on.
 */

struct infix {
	char sign[3];
	unsigned level;
	enum cel_op op;
};

static const struct infix infixes[] = {
    {"||", 1, OP_OR},
    {"&&", 2, OP_AND},
    {"==", 3, OP_EQUAL},
    {"!=", 3, OP_NOT_EQUAL},
    {"<", 3, OP_LESS},
    {"<=", 3, OP_LESS_EQUAL},
    {">", 3, OP_GREATER},
    {">=", 3, OP_GREATER_EQUAL},
    {"in", 3, OP_IN},
    {"+", 4, OP_ADD},
    {"-", 4, OP_SUBTRACT},
    {"*", 5, OP_MULTIPLY},
    {"/", 5, OP_DIVIDE},
    {"%", 5, OP_MODULO},
};

static struct cel__tree parse_expression(struct cel__parser *p);

/* ---- literals ---- */

static struct cel__tree
constant(struct cel__parser *p, uint32_t begin, struct cel_value value)
{
	struct cel__tree tree;

	cel__advance(p);
	tree = cel__grow(p, OP_CONST, begin, p->part_count);
	if (tree.node != NULL) {
		tree.node->value = value;
	}
	return tree;
}

/* offset: of what is wrong, in the token; 0: all of it is. */
static void
literal_problem(
    struct cel__parser *p, uint32_t begin, uint32_t offset, const char *wrong)
{
	uint32_t end = p->token.end, point;

	if (offset > 0) { /* the backslash and what it stands before */
		begin = p->token.begin + offset;
		end = begin + 1 +
		      cel__text_decode(p->lex.text + begin + 1,
			  p->token.end - begin - 1, &point);
	}
	cel__problem(p->compile, begin, end, NULL, "%s", wrong);
}

/* A number, string or bytes; negative: a '-' at begin belongs to it. */
static struct cel__tree
parse_literal(struct cel__parser *p, bool negative, uint32_t begin)
{
	struct gk_arena *arena = &p->compile->program->arena;
	const char *text = p->lex.text + p->token.begin, *wrong;
	size_t n = p->token.end - p->token.begin, offset;
	struct cel_value value;
	char *copy;

	if (negative) { /* there may be space between the two */
		copy = gk_arena_alloc(&p->scratch, n + 1);
		if (copy == NULL) {
			p->compile->no_memory = true;
			return cel__no_tree;
		}
		copy[0] = '-';
		memcpy(copy + 1, text, n++);
		text = copy;
	}
	wrong = cel__literal(text, n, arena, &value, &offset);
	if (wrong != NULL) {
		literal_problem(p, begin, (uint32_t)offset, wrong);
		return cel__no_tree;
	}
	return constant(p, begin, value);
}

static struct cel__tree
parse_list(struct cel__parser *p)
{
	uint32_t begin = p->token.begin, mark = p->part_count;

	cel__advance(p);
	while (!cel__at(p, "]") && !cel__at(p, ",")) {
		bool optional = cel__take(p, "?");

		if (!cel__push(p, parse_expression(p), optional)) {
			return cel__no_tree;
		}
		if (cel__at(p, "]")) {
			break;
		}
		if (!cel__expect(p, ",", "',' or ']'")) {
			return cel__no_tree;
		}
		if (cel__at(p, ",")) {
			cel__unexpected(p, "a value or ']'");
			return cel__no_tree;
		}
	}
	(void)cel__take(p, ","); /* "[,]" */
	if (!cel__expect(p, "]", "']'")) {
		return cel__no_tree;
	}
	return cel__grow_literal(p, OP_LIST, begin, mark, 1);
}

static bool
parse_entry(struct cel__parser *p)
{
	bool optional = cel__take(p, "?");

	return cel__push(p, parse_expression(p), optional) &&
	       cel__expect(p, ":", "':'") &&
	       cel__push(p, parse_expression(p), false);
}

static struct cel__tree
parse_map(struct cel__parser *p)
{
	uint32_t begin = p->token.begin, mark = p->part_count;

	cel__advance(p);
	while (!cel__at(p, "}") && !cel__at(p, ",")) {
		if (!parse_entry(p)) {
			return cel__no_tree;
		}
		if (cel__at(p, "}")) {
			break;
		}
		if (!cel__expect(p, ",", "',' or '}'")) {
			return cel__no_tree;
		}
		if (cel__at(p, ",")) {
			cel__unexpected(p, "a key or '}'");
			return cel__no_tree;
		}
	}
	(void)cel__take(p, ","); /* "{,}" */
	if (!cel__expect(p, "}", "'}'")) {
		return cel__no_tree;
	}
	return cel__grow_literal(p, OP_MAP, begin, mark, 2);
}

/* ---- names, calls, selections ---- */

/* "(" args ")"; the receiver, if any, is the part at mark. */
static struct cel__tree
parse_call(struct cel__parser *p, const struct cel__token *name, uint32_t begin,
    uint32_t mark, bool leading_dot)
{
	bool receiver = p->part_count > mark;
	struct cel__tree tree;

	cel__advance(p);
	if (!cel__at(p, ")")) {
		do {
			if (!cel__push(p, parse_expression(p), false)) {
				return cel__no_tree;
			}
		} while (cel__take(p, ","));
	}
	if (!cel__expect(p, ")", "',' or ')'")) {
		return cel__no_tree;
	}
	tree = cel__named(p, cel__grow(p, OP_CALL, begin, mark), name);
	if (tree.node != NULL) {
		tree.node->receiver = receiver;
		tree.node->leading_dot = leading_dot;
		tree.node = cel__macro(p->compile, tree.node);
	}
	return tree;
}

static struct cel__tree
parse_name(struct cel__parser *p)
{
	uint32_t begin = p->token.begin, mark = p->part_count;
	bool leading_dot = cel__take(p, ".");
	struct cel__token name = p->token;
	struct cel__tree tree;

	if (!cel__expect_name(p)) {
		return cel__no_tree;
	}
	cel__advance(p);
	if (cel__at(p, "(")) {
		return parse_call(p, &name, begin, mark, leading_dot);
	}
	tree = cel__named(p, cel__grow(p, OP_IDENT, begin, mark), &name);
	if (tree.node != NULL) {
		tree.node->leading_dot = leading_dot;
	}
	return tree;
}

/* Behind a dot. */
static struct cel__tree
parse_selection(struct cel__parser *p, struct cel__tree from)
{
	bool optional = cel__take(p, "?");
	struct cel__token name = p->token;
	uint32_t mark = p->part_count;

	if (!cel__expect_field(p)) {
		return cel__no_tree;
	}
	cel__advance(p);
	if (!cel__push(p, from, false)) {
		return cel__no_tree;
	}
	if (!optional && name.lexeme == LEX_WORD && cel__at(p, "(")) {
		return parse_call(p, &name, from.begin, mark, false);
	}
	return cel__named(p,
	    cel__grow(
		p, optional ? OP_OPT_SELECT : OP_SELECT, from.begin, mark),
	    &name);
}

/* Behind "[". */
static struct cel__tree
parse_index(struct cel__parser *p, struct cel__tree from)
{
	bool optional = cel__take(p, "?");
	uint32_t mark = p->part_count;

	if (!cel__push(p, from, false) ||
	    !cel__push(p, parse_expression(p), false) ||
	    !cel__expect(p, "]", "']'")) {
		return cel__no_tree;
	}
	return cel__grow(
	    p, optional ? OP_OPT_INDEX : OP_INDEX, from.begin, mark);
}

static struct cel__tree
parse_brackets(struct cel__parser *p)
{
	uint32_t begin = p->token.begin;
	struct cel__tree tree;

	cel__advance(p);
	tree = parse_expression(p);
	if (tree.node != NULL && !cel__expect(p, ")", "')'")) {
		return cel__no_tree;
	}
	tree.begin = begin;
	return tree;
}

static struct cel__tree
parse_primary(struct cel__parser *p)
{
	uint32_t begin = p->token.begin;

	if (p->token.lexeme == LEX_NUMBER || p->token.lexeme == LEX_LITERAL) {
		return parse_literal(p, false, begin);
	}
	if (cel__at(p, "(")) {
		return parse_brackets(p);
	}
	if (cel__at(p, "[")) {
		return parse_list(p);
	}
	if (cel__at(p, "{")) {
		return parse_map(p);
	}
	if (cel__token_is(p, &p->token, LEX_WORD, "null")) {
		return constant(p, begin, cel_null());
	}
	if (cel__token_is(p, &p->token, LEX_WORD, "true") ||
	    cel__token_is(p, &p->token, LEX_WORD, "false")) {
		return constant(p, begin, cel_bool(p->lex.text[begin] == 't'));
	}
	if (p->token.lexeme == LEX_WORD || cel__at(p, ".")) {
		return parse_name(p);
	}
	cel__unexpected(p, "a value");
	return cel__no_tree;
}

/* ---- operators ---- */

/* What follows a primary: selections, calls, indexes. */
static struct cel__tree
parse_member(struct cel__parser *p, struct cel__tree tree)
{
	while (tree.node != NULL) {
		if (cel__take(p, ".")) {
			tree = parse_selection(p, tree);
		} else if (cel__take(p, "[")) {
			tree = parse_index(p, tree);
		} else if (cel__at(p, "{") && (tree.node->op == OP_IDENT ||
						  tree.node->op == OP_SELECT)) {
			cel__problem(p->compile, tree.begin, p->token.end,
			    "write a map: {'name': value}",
			    "there are no messages, and so no literals of "
			    "them");
			return cel__no_tree;
		} else {
			break;
		}
	}
	return tree;
}

/*
 * A run of one sign.  Two undo each other, but two are kept of an even run: they
 * say what the operand must be, and the least int has no opposite.
 */
static struct cel__tree
parse_signs(struct cel__parser *p, const char *sign, enum cel_op op)
{
	uint32_t begins[2] = {p->token.begin, p->token.begin}, last = 0;
	uint32_t count = 0, mark = p->part_count;
	struct cel__tree tree;

	while (cel__at(p, sign)) {
		last = p->token.begin;
		if (count == 1) {
			begins[1] = last;
		}
		count++;
		cel__advance(p);
	}
	if (op == OP_NEGATE && p->token.lexeme == LEX_NUMBER) {
		tree = parse_literal(p, true, last);
		count--;
	} else {
		tree = parse_primary(p);
	}
	tree = parse_member(p, tree);
	for (count = count == 0 ? 0 : 2 - count % 2; count > 0; count--) {
		if (!cel__push(p, tree, false)) {
			return cel__no_tree;
		}
		tree = cel__grow(p, op, begins[count - 1], mark);
	}
	return tree;
}

static struct cel__tree
parse_unary(struct cel__parser *p)
{
	if (cel__at(p, "!")) {
		return parse_signs(p, "!", OP_NOT);
	}
	if (cel__at(p, "-")) {
		return parse_signs(p, "-", OP_NEGATE);
	}
	return parse_member(p, parse_primary(p));
}

static const struct infix *
infix_at(const struct cel__parser *p)
{
	bool word = p->token.lexeme == LEX_WORD;

	for (size_t i = 0; i < GK_COUNT(infixes); i++) {
		if (cel__token_is(p, &p->token, word ? LEX_WORD : LEX_SYMBOL,
			infixes[i].sign)) {
			return &infixes[i];
		}
	}
	return NULL;
}

/* Operators of this level and those that bind closer; a chain of && or || is one node. */
static struct cel__tree
parse_binary(struct cel__parser *p, unsigned level)
{
	struct cel__tree tree = parse_unary(p);
	const struct infix *infix = infix_at(p);
	uint32_t mark = p->part_count;

	while (tree.node != NULL && infix != NULL && infix->level >= level) {
		enum cel_op op = infix->op;

		if (!cel__push(p, tree, false)) {
			return cel__no_tree;
		}
		do {
			cel__advance(p);
			if (!cel__push(
				p, parse_binary(p, infix->level + 1), false)) {
				return cel__no_tree;
			}
		} while (
		    (op == OP_AND || op == OP_OR) && cel__at(p, infix->sign));
		tree = cel__grow(p, op, tree.begin, mark);
		infix = infix_at(p);
	}
	return tree;
}

/* "?" value ":" other, behind a condition. */
static struct cel__tree
parse_choice(struct cel__parser *p, struct cel__tree condition)
{
	uint32_t mark = p->part_count;

	if (!cel__push(p, condition, false) ||
	    !cel__push(p, parse_binary(p, 0), false)) {
		return cel__no_tree;
	}
	if (cel__at(p, "?")) {
		cel__problem(p->compile, p->token.begin, p->token.end,
		    "put the inner condition in brackets",
		    "expected ':' but found '?'");
		return cel__no_tree;
	}
	if (!cel__expect(p, ":", "':'") ||
	    !cel__push(p, parse_expression(p), false)) {
		return cel__no_tree;
	}
	return cel__grow(p, OP_COND, condition.begin, mark);
}

static struct cel__tree
parse_expression(struct cel__parser *p)
{
	struct cel__tree tree;

	if (p->nesting >= CEL_DEPTH_MAX) {
		cel__problem(p->compile, p->token.begin, p->token.end, NULL,
		    "this is nested more than %u levels deep", CEL_DEPTH_MAX);
		return cel__no_tree;
	}
	p->nesting++;
	tree = parse_binary(p, 0);
	if (tree.node != NULL && cel__take(p, "?")) {
		tree = parse_choice(p, tree);
	}
	p->nesting--;
	return tree;
}

/* false: told. */
static bool
is_text(struct cel__compile *compile)
{
	const struct cel_program *program = compile->program;
	uint32_t n = (uint32_t)program->n, step, point;

	for (uint32_t at = 0; at < n; at += step) {
		step = cel__text_decode(program->text + at, n - at, &point);
		if (step == 0) {
			cel__problem(
			    compile, at, at + 1, NULL, "this isn't UTF-8");
			return false;
		}
	}
	return true;
}

static struct cel_node *
parse_whole(struct cel__parser *p)
{
	struct cel__tree tree;

	cel__advance(p);
	if (p->token.lexeme == LEX_END) {
		cel__problem(p->compile, 0, p->token.end, NULL,
		    "there is no expression");
		return NULL;
	}
	tree = parse_expression(p);
	if (tree.node != NULL && p->token.lexeme != LEX_END) {
		cel__unexpected(p, "an operator or the end");
		return NULL;
	}
	return tree.node;
}

void
cel__parse(struct cel__compile *compile)
{
	struct cel_program *program = compile->program;
	struct cel__parser parser = {.compile = compile,
	    .lex = {program->text, (uint32_t)program->n, 0},
	    .scratch = GK_ARENA_INIT(SCRATCH_BYTES)};

	if (!is_text(compile)) {
		return;
	}
	program->root = parse_whole(&parser);
	gk_arena_done(&parser.scratch);
}
