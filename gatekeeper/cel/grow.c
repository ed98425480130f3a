/* The parser's stack of parts, and the nodes that are made of them. */

#include "cel/parse.h"

#include <string.h>

const struct cel__tree cel__no_tree;

bool
cel__push(struct cel__parser *p, struct cel__tree tree, bool optional)
{
	uint32_t room = p->part_room == 0 ? 32 : 2 * p->part_room;
	struct cel__part *more;

	if (tree.node == NULL) {
		return false;
	}
	if (p->part_count == p->part_room) {
		more = gk_arena_calloc(&p->scratch, room, sizeof *more);
		if (more == NULL) {
			p->compile->no_memory = true;
			return false;
		}
		if (p->part_count > 0) {
			memcpy(more, p->parts, p->part_count * sizeof *more);
		}
		p->parts = more;
		p->part_room = room;
	}
	p->parts[p->part_count++] = (struct cel__part){tree, optional};
	return true;
}

struct cel__tree
cel__grow(struct cel__parser *p, enum cel_op op, uint32_t begin, uint32_t mark)
{
	uint32_t count = p->part_count - mark, height = 0;
	struct cel_node *node =
	    cel__node(p->compile, op, begin, p->taken.end, count);

	if (node == NULL) {
		return cel__no_tree;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct cel__tree *tree = &p->parts[mark + i].tree;

		node->args[i] = tree->node;
		if (tree->height > height) {
			height = tree->height;
		}
	}
	p->part_count = mark;
	if (height >= CEL_DEPTH_MAX) {
		cel__problem(p->compile, begin, p->taken.end, NULL,
		    "this is more than %u levels deep", CEL_DEPTH_MAX);
		return cel__no_tree;
	}
	return (struct cel__tree){node, begin, height + 1};
}

struct cel__tree
cel__grow_literal(struct cel__parser *p, enum cel_op op, uint32_t begin,
    uint32_t mark, uint32_t step)
{
	uint32_t count = (p->part_count - mark) / step;
	bool *optional = NULL;
	struct cel__tree tree;

	for (uint32_t i = 0; i < count; i++) {
		if (!p->parts[mark + i * step].optional) {
			continue;
		}
		if (optional == NULL) {
			optional = gk_arena_calloc(&p->compile->program->arena,
			    count, sizeof *optional);
		}
		if (optional == NULL) {
			p->compile->no_memory = true;
			return cel__no_tree;
		}
		optional[i] = true;
	}
	tree = cel__grow(p, op, begin, mark);
	if (tree.node != NULL) {
		tree.node->optional = optional;
	}
	return tree;
}

struct cel__tree
cel__named(struct cel__parser *p, struct cel__tree tree,
    const struct cel__token *token)
{
	uint32_t quote = token->lexeme == LEX_QUOTED;
	uint32_t n = token->end - token->begin - 2 * quote;
	const char *text = p->lex.text + token->begin + quote;
	char *name;

	if (tree.node == NULL) {
		return cel__no_tree;
	}
	name = gk_arena_strndup(&p->compile->program->arena, text, n);
	if (name == NULL) {
		p->compile->no_memory = true;
		return cel__no_tree;
	}
	tree.node->name = name;
	if (tree.node->op == OP_SELECT || tree.node->op == OP_OPT_SELECT) {
		tree.node->value = cel_string(name, n);
	}
	return tree;
}
