#ifndef GK_CEL_LEX_H
#define GK_CEL_LEX_H
/* An expression's text as tokens (langdef "Syntax", the lexis). */

#include <stddef.h>
#include <stdint.h>

enum cel__lexeme {
	LEX_BAD,     /* no token: wrong, hint */
	LEX_END,     /* of the text */
	LEX_WORD,    /* a name or a reserved word */
	LEX_QUOTED,  /* `a-b` with its quotes: a field's name */
	LEX_NUMBER,  /* int or double: a '-' before it may belong to it */
	LEX_LITERAL, /* uint, string or bytes */
	LEX_SYMBOL,
};

struct cel__token {
	enum cel__lexeme lexeme;
	uint32_t begin, end;
	const char *wrong; /* NULL: this character can't stand anywhere */
	const char *hint;  /* NULL: none */
};

/* text[0..n) is borrowed and valid UTF-8; at: where the next token is looked for. */
struct cel__lex {
	const char *text;
	uint32_t n, at;
};

/* After a LEX_BAD or LEX_END there is no sense in asking again. */
struct cel__token cel__lex_next(struct cel__lex *lex);

#endif
