/* An expression's text as tokens. */

#include "cel/lex.h"

#include "cel/cel_internal.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
begins_word(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || is_newline(c);
}

/* '\0' behind the end: no token goes on with it. */
static char
peek(const struct cel__lex *lex, uint32_t at)
{
	if (at >= lex->n) {
		return '\0';
	}
	return lex->text[at];
}

static void
skip_space(struct cel__lex *lex)
{
	for (;;) {
		while (is_space(peek(lex, lex->at))) {
			lex->at++;
		}
		if (peek(lex, lex->at) != '/' ||
		    peek(lex, lex->at + 1) != '/') {
			return;
		}
		while (peek(lex, lex->at) != '\0' &&
		       !is_newline(peek(lex, lex->at))) {
			lex->at++;
		}
	}
}

static struct cel__token
token(struct cel__lex *lex, enum cel__lexeme lexeme, uint32_t end)
{
	struct cel__token token = {lexeme, lex->at, end, NULL, NULL};

	lex->at = end;
	return token;
}

static struct cel__token
bad(struct cel__lex *lex, uint32_t end, const char *wrong, const char *hint)
{
	return (struct cel__token){LEX_BAD, lex->at, end, wrong, hint};
}

static uint32_t
word_end(const struct cel__lex *lex, uint32_t at)
{
	while (begins_word(peek(lex, at)) || is_digit(peek(lex, at))) {
		at++;
	}
	return at;
}

static uint32_t
digits_end(const struct cel__lex *lex, uint32_t at)
{
	while (is_digit(peek(lex, at))) {
		at++;
	}
	return at;
}

/* "e+9" of a double; at itself when there is none. */
static uint32_t
exponent_end(const struct cel__lex *lex, uint32_t at)
{
	uint32_t digits = at + 1;

	if (peek(lex, at) != 'e' && peek(lex, at) != 'E') {
		return at;
	}
	digits += peek(lex, digits) == '+' || peek(lex, digits) == '-';
	return is_digit(peek(lex, digits)) ? digits_end(lex, digits) : at;
}

/* The digits of a number; *ret_whole: without fraction or exponent. */
static uint32_t
number_end(const struct cel__lex *lex, bool *ret_whole)
{
	uint32_t at = lex->at, whole;

	*ret_whole = true;
	if (peek(lex, at) == '0' && peek(lex, at + 1) == 'x' &&
	    is_hex(peek(lex, at + 2))) {
		for (at += 2; is_hex(peek(lex, at)); at++) {
		}
		return at;
	}
	at = whole = digits_end(lex, at);
	if (peek(lex, at) == '.' && is_digit(peek(lex, at + 1))) {
		at = digits_end(lex, at + 1);
	}
	at = exponent_end(lex, at);
	*ret_whole = at == whole;
	return at;
}

/* word: what follows the digits and can't. */
static const char *
number_hint(const struct cel__lex *lex, const char *word, uint32_t n)
{
	if (peek(lex, lex->at + 1) == 'X') {
		return "write 0x, not 0X";
	}
	return n == 1 && strchr("smhd", *word) != NULL ? "write duration('…')"
						       : NULL;
}

static struct cel__token
lex_number(struct cel__lex *lex)
{
	bool whole;
	uint32_t end = number_end(lex, &whole), rest;
	enum cel__lexeme lexeme = LEX_NUMBER;

	if (whole && (peek(lex, end) == 'u' || peek(lex, end) == 'U')) {
		lexeme = LEX_LITERAL;
		end++;
	}
	rest = word_end(lex, end);
	/* "1in [1]" is three tokens, all others were meant as one. */
	if (rest > end &&
	    (rest - end != 2 || memcmp(lex->text + end, "in", 2) != 0)) {
		return bad(lex, rest, "this isn't a number",
		    number_hint(lex, lex->text + end, rest - end));
	}
	return token(lex, lexeme, end);
}

/* Does a literal in quotes begin here?  Then *ret_quote is where its first quote is. */
static bool
at_quotes(const struct cel__lex *lex, uint32_t *ret_quote, bool *ret_raw)
{
	uint32_t at = lex->at;

	at += peek(lex, at) == 'b' || peek(lex, at) == 'B';
	*ret_raw = peek(lex, at) == 'r' || peek(lex, at) == 'R';
	at += *ret_raw;
	*ret_quote = at;
	return peek(lex, at) == '\'' || peek(lex, at) == '"';
}

static bool
is_triple(const struct cel__lex *lex, uint32_t at, char quote)
{
	return peek(lex, at) == quote && peek(lex, at + 1) == quote &&
	       peek(lex, at + 2) == quote;
}

static struct cel__token
lex_quotes(struct cel__lex *lex, uint32_t at, bool raw)
{
	char quote = lex->text[at];
	bool triple = is_triple(lex, at, quote);
	uint32_t width = triple ? 3 : 1, first = at + width;

	for (at = first; at < lex->n; at++) {
		char c = lex->text[at];

		if (triple ? is_triple(lex, at, quote) : c == quote) {
			return token(lex, LEX_LITERAL, at + width);
		}
		if (!triple && is_newline(c)) {
			return bad(lex, first,
			    quote == '"' ? "\"…\" isn't closed in its line"
					 : "'…' isn't closed in its line",
			    "a text of several lines stands in '''…'''");
		}
		at += !raw && c == '\\' && !is_newline(peek(lex, at + 1));
	}
	if (triple) {
		return bad(lex, first,
		    quote == '"' ? "\"\"\"…\"\"\" isn't closed"
				 : "'''…''' isn't closed",
		    NULL);
	}
	return bad(lex, first,
	    quote == '"' ? "\"…\" isn't closed" : "'…' isn't closed", NULL);
}

static struct cel__token
lex_name_in_quotes(struct cel__lex *lex)
{
	uint32_t end = lex->at + 1;

	while (begins_word(peek(lex, end)) || is_digit(peek(lex, end)) ||
	       (peek(lex, end) != '\0' && strchr("./- ", lex->text[end]))) {
		end++;
	}
	if (end >= lex->n || is_newline(lex->text[end])) {
		return bad(lex, lex->at + 1, "`…` isn't closed", NULL);
	}
	if (lex->text[end] != '`') {
		return bad(lex, end,
		    "a name in `…` has only letters, digits, '_', '.', '-', "
		    "'/' and spaces",
		    "write x['…']");
	}
	if (end == lex->at + 1) {
		return bad(lex, end + 1, "there is no name in ``", NULL);
	}
	return token(lex, LEX_QUOTED, end + 1);
}

/* What was probably meant. */
static const char *
foreign_hint(const char *text, unsigned bytes)
{
	static const struct {
		const char *text, *hint;
	} hints[] = {{"=", "use == to compare"}, {"&", "use &&"},
	    {"|", "use ||"}, {";", "an expression has no ';'"},
	    {"\u2018", "use ' or \""}, {"\u2019", "use ' or \""},
	    {"\u201c", "use ' or \""}, {"\u201d", "use ' or \""},
	    {"\u00a0", "use an ordinary space"}, {"\u2208", "use in"},
	    {"\u2260", "use !="}, {"\u2264", "use <="}, {"\u2265", "use >="},
	    {"\u2227", "use &&"}, {"\u2228", "use ||"}, {"\u00ac", "use !"},
	    {"#", "a comment begins with //"}};

	for (size_t i = 0; i < GK_COUNT(hints); i++) {
		if (strlen(hints[i].text) == bytes &&
		    memcmp(hints[i].text, text, bytes) == 0) {
			return hints[i].hint;
		}
	}
	return NULL;
}

static struct cel__token
lex_symbol(struct cel__lex *lex)
{
	static const char pairs[][3] = {"&&", "||", "==", "!=", "<=", ">="};
	const char *text = lex->text + lex->at;
	unsigned bytes;
	uint32_t point;

	for (size_t i = 0; i < GK_COUNT(pairs); i++) {
		if (lex->n - lex->at >= 2 && memcmp(text, pairs[i], 2) == 0) {
			return token(lex, LEX_SYMBOL, lex->at + 2);
		}
	}
	if (*text != '\0' && strchr("()[]{}.,:?+-*/%!<>", *text) != NULL) {
		return token(lex, LEX_SYMBOL, lex->at + 1);
	}
	bytes = cel__text_decode(text, lex->n - lex->at, &point);
	return bad(lex, lex->at + bytes, NULL, foreign_hint(text, bytes));
}

struct cel__token
cel__lex_next(struct cel__lex *lex)
{
	uint32_t quote;
	bool raw;
	char c;

	skip_space(lex);
	if (lex->at == lex->n) {
		return token(lex, LEX_END, lex->n);
	}
	c = lex->text[lex->at];
	if (at_quotes(lex, &quote, &raw)) {
		return lex_quotes(lex, quote, raw);
	}
	if (begins_word(c)) {
		return token(lex, LEX_WORD, word_end(lex, lex->at));
	}
	if (is_digit(c) || (c == '.' && is_digit(peek(lex, lex->at + 1)))) {
		return lex_number(lex);
	}
	return c == '`' ? lex_name_in_quotes(lex) : lex_symbol(lex);
}
