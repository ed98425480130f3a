#ifndef GK_CEL_PARSE_H
#define GK_CEL_PARSE_H
/* The parser's state, shared by the files that parse an expression. */

#include "cel/cel_internal.h"
#include "cel/lex.h"

/* An expression that was read. */
struct cel__tree {
	struct cel_node *node; /* NULL: none, and told why */
	uint32_t begin;        /* its first token, brackets too */
	uint32_t height;       /* levels of nodes, at least as many as it has */
};

struct cel__part {
	struct cel__tree tree;
	bool optional;
};

struct cel__parser {
	struct cel__compile *compile;
	struct cel__lex lex;
	struct cel__token token; /* not yet taken */
	struct cel__token taken; /* the one before */
	uint32_t nesting;
	struct gk_arena scratch;
	struct cel__part *parts; /* the stack, in scratch */
	uint32_t part_count, part_room;
};

extern const struct cel__tree cel__no_tree;

/* ---- tokens: expect.c ---- */

bool cel__token_is(const struct cel__parser *p, const struct cel__token *token,
    enum cel__lexeme lexeme, const char *text);
/* Is this symbol next? */
bool cel__at(const struct cel__parser *p, const char *symbol);
void cel__advance(struct cel__parser *p);
/* Advance over this symbol; false: it isn't there. */
bool cel__take(struct cel__parser *p, const char *symbol);
/* Tell that something else should be where the next token is. */
void cel__unexpected(struct cel__parser *p, const char *expected);
/* Advance over this symbol; false: told. */
bool cel__expect(
    struct cel__parser *p, const char *symbol, const char *expected);
/* Is a variable's or a field's name next?  False: told. */
bool cel__expect_name(struct cel__parser *p);
bool cel__expect_field(struct cel__parser *p);

/* ---- nodes: grow.c ---- */

/* false: out of memory (noted), or the tree is none. */
bool cel__push(struct cel__parser *p, struct cel__tree tree, bool optional);
/* A node from begin to what was taken last; its args are the parts from mark on. */
struct cel__tree cel__grow(
    struct cel__parser *p, enum cel_op op, uint32_t begin, uint32_t mark);
/* A list (step 1) or a map (2): every step-th part says whether it is optional. */
struct cel__tree cel__grow_literal(struct cel__parser *p, enum cel_op op,
    uint32_t begin, uint32_t mark, uint32_t step);
/* Give the tree a token's text as name, a selection also as value. */
struct cel__tree cel__named(struct cel__parser *p, struct cel__tree tree,
    const struct cel__token *token);

#endif
