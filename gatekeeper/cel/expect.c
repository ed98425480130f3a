/* The parser's next token: what it is, and words for what it should be. */

#include "cel/parse.h"

#include <stdio.h>
#include <string.h>

/* The first four are the language's own: no name of a field either. */
static const char *const reserved[] = {"true", "false", "null", "in", "as",
    "break", "const", "continue", "else", "for", "function", "if", "import",
    "let", "loop", "namespace", "package", "return", "var", "void", "while"};

#define KEYWORDS 4

bool
cel__token_is(const struct cel__parser *p, const struct cel__token *token,
    enum cel__lexeme lexeme, const char *text)
{
	size_t n = token->end - token->begin;

	return token->lexeme == lexeme && strlen(text) == n &&
	       memcmp(p->lex.text + token->begin, text, n) == 0;
}

bool
cel__at(const struct cel__parser *p, const char *symbol)
{
	return cel__token_is(p, &p->token, LEX_SYMBOL, symbol);
}

void
cel__advance(struct cel__parser *p)
{
	p->taken = p->token;
	p->token = cel__lex_next(&p->lex);
}

bool
cel__take(struct cel__parser *p, const char *symbol)
{
	if (!cel__at(p, symbol)) {
		return false;
	}
	cel__advance(p);
	return true;
}

/* Is it one of the first count reserved words? */
static bool
is_reserved(
    const struct cel__parser *p, const struct cel__token *token, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (cel__token_is(p, token, LEX_WORD, reserved[i])) {
			return true;
		}
	}
	return false;
}

#define FOUND_BYTES 64
#define FOUND_SHOWN 24 /* bytes of a token */

/* No control, and nothing that moves the text around it or has no width. */
static bool
is_shown(uint32_t point)
{
	return point >= 0x20 && (point < 0x7F || point > 0xA0) &&
	       (point < 0x2000 || point >= 0x2070) && point != 0xFEFF;
}

/* "'x'", "the end": the next token, for people. */
static void
found(const struct cel__parser *p, char ret_text[FOUND_BYTES])
{
	const char *text = p->lex.text + p->token.begin;
	size_t n = p->token.end - p->token.begin, shown = 0;
	bool quotes = n > 0 && text[n - 1] != '\'';
	uint32_t point = 0;

	if (p->token.lexeme == LEX_END) {
		(void)snprintf(ret_text, FOUND_BYTES, "the end");
		return;
	}
	while (shown < n && shown < FOUND_SHOWN) {
		unsigned bytes =
		    cel__text_decode(text + shown, n - shown, &point);

		if (bytes == 0 || !is_shown(point)) {
			break;
		}
		shown += bytes;
	}
	if (shown == 0) {
		(void)snprintf(ret_text, FOUND_BYTES, "U+%04X", point);
		return;
	}
	(void)snprintf(ret_text, FOUND_BYTES, "%s%.*s%s%s", quotes ? "'" : "",
	    (int)shown, text, shown < n ? "…" : "", quotes ? "'" : "");
}

/* What other languages write, and what is meant. */
static const char *
word_hint(const struct cel__parser *p, const struct cel__token *token)
{
	static const char *const hints[][2] = {{"and", "use && instead of and"},
	    {"AND", "use && instead of AND"}, {"or", "use || instead of or"},
	    {"OR", "use || instead of OR"}, {"not", "use ! instead of not"},
	    {"NOT", "use ! instead of NOT"}, {"IN", "use in"},
	    {"is", "use == to compare"}, {"eq", "use == to compare"},
	    {"equals", "use == to compare"}, {"ne", "use != to compare"},
	    {"if", "write condition ? value : other"},
	    {"then", "write condition ? value : other"},
	    {"else", "write condition ? value : other"},
	    {"contains", "write x.contains(y)"},
	    {"matches", "write x.matches(y)"},
	    {"startsWith", "write x.startsWith(y)"},
	    {"endsWith", "write x.endsWith(y)"}};

	for (size_t i = 0; i < GK_COUNT(hints); i++) {
		if (cel__token_is(p, token, LEX_WORD, hints[i][0])) {
			return hints[i][1];
		}
	}
	return NULL;
}

static const char *
hint(const struct cel__parser *p)
{
	const char *hint = word_hint(p, &p->token);

	if (hint != NULL) {
		return hint;
	}
	if (cel__at(p, "!") && p->lex.n - p->token.end >= 2 &&
	    memcmp(p->lex.text + p->token.end, "in", 2) == 0) {
		return "write !(x in y)";
	}
	if (p->token.lexeme == LEX_QUOTED) {
		return "`…` is the name of a field: x.`…`";
	}
	if (p->token.lexeme == LEX_LITERAL && p->token.begin == p->taken.end &&
	    p->taken.lexeme == LEX_WORD) {
		return "what stands before a quote is r, b or br";
	}
	return word_hint(p, &p->taken);
}

void
cel__unexpected(struct cel__parser *p, const char *expected)
{
	const struct cel__token *token = &p->token;
	char text[FOUND_BYTES];

	if (token->lexeme == LEX_BAD && token->wrong != NULL) {
		cel__problem(p->compile, token->begin, token->end, token->hint,
		    "%s", token->wrong);
		return;
	}
	found(p, text);
	if (token->lexeme == LEX_BAD) {
		cel__problem(p->compile, token->begin, token->end, token->hint,
		    "%s can't stand here", text);
		return;
	}
	cel__problem(p->compile, token->begin, token->end, hint(p),
	    "expected %s but found %s", expected, text);
}

bool
cel__expect(struct cel__parser *p, const char *symbol, const char *expected)
{
	if (cel__take(p, symbol)) {
		return true;
	}
	cel__unexpected(p, expected);
	return false;
}

bool
cel__expect_name(struct cel__parser *p)
{
	char text[FOUND_BYTES];

	if (p->token.lexeme != LEX_WORD) {
		cel__unexpected(p, "a name");
		return false;
	}
	if (is_reserved(p, &p->token, GK_COUNT(reserved))) {
		found(p, text);
		cel__problem(p->compile, p->token.begin, p->token.end,
		    word_hint(p, &p->token),
		    "%s is a reserved word, not a name", text);
		return false;
	}
	return true;
}

bool
cel__expect_field(struct cel__parser *p)
{
	char text[FOUND_BYTES];

	if (p->token.lexeme != LEX_WORD && p->token.lexeme != LEX_QUOTED) {
		cel__unexpected(p, "a name after '.'");
		return false;
	}
	if (is_reserved(p, &p->token, KEYWORDS)) {
		found(p, text);
		cel__problem(p->compile, p->token.begin, p->token.end,
		    "write x['name']", "%s can't be the name of a field here",
		    text);
		return false;
	}
	return true;
}
