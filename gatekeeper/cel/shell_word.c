/* The shell's words: quotes taken off, expansions found, what is in them read in turn. */

#include "cel/shell_parse.h"

#include <string.h>

#include "base/assert.h"
#include "cel/cel_internal.h"

/* What surrounds an expansion decides what quotes mean in it. */
enum mode { PLAIN, DOUBLE, DOCUMENT };

/* What was seen of a pattern or a list in braces. */
struct pattern {
	bool bracket, brace, comma;
};

static bool double_quoted(
    struct cel__shell_parser *p, struct cel__shell_word *word);
static bool dollar(
    struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode);

bool
cel__shell_is_meta(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '&' ||
	       c == '|' || c == '(' || c == ')' || c == '<' || c == '>';
}

bool
cel__shell_is_name(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

void
cel__shell_put(struct cel__shell_parser *p, const char *text, size_t n)
{
	GK_ASSERT(n <= p->n - p->used);
	if (n > 0) {
		memcpy(p->scratch + p->used, text, n);
	}
	p->used += n;
}

static void
unknown(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	word->known = false;
	p->script->expansions = true;
}

/* Commands up to ')'.  kind: '$', or of <( ) and >( ) the first. */
static bool
capture(struct cel__shell_parser *p, struct cel__shell_word *word, char kind)
{
	struct cel__shell_where saved = p->where;
	struct cel__shell_document *pending = p->pending;
	bool held = p->held, ok;

	if (!cel__shell_enter(p)) {
		return false;
	}
	p->script->substitutions++;
	word->captures = true;
	p->where.depth++;
	p->where.captured++;
	p->where.pipe_out = kind == '<';
	p->where.pipe_in = p->where.pipe_in || kind == '>';
	p->held = held || pending != NULL;
	p->pending = NULL;
	ok = cel__shell_list(p, true);
	if (ok && cel__shell_peek(p, 0) != ')') {
		ok = cel__shell_fail(p, "a substitution isn't closed");
	}
	if (ok && p->pending != NULL) {
		ok = cel__shell_fail(
		    p, "a here-document is outside of its substitution");
	}
	p->at += ok;
	p->where = saved;
	p->pending = pending;
	p->held = held;
	p->nesting--;
	return ok;
}

/* Bytes up to the next one that a backslash doesn't hide, or to the end. */
static size_t
backticks_size(const struct cel__shell_parser *p)
{
	size_t i = p->at;

	while (i < p->n && p->text[i] != '`') {
		i += p->text[i] == '\\' ? 2 : 1;
	}
	return i + 1 - p->at;
}

/* `commands`: a text of its own, where a backslash hides '$', '`', and itself. */
static bool
backticks(
    struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode)
{
	struct cel__shell_where where = p->where;
	size_t begin = p->at++, n = 0;
	char *text = cel__shell_alloc(p, backticks_size(p)), c;

	if (text == NULL) {
		return false;
	}
	while ((c = cel__shell_peek(p, 0)) != '`') {
		char next = cel__shell_peek(p, 1);

		if (c == '\0') {
			return cel__shell_fail(p, "a backtick isn't closed");
		}
		if (c == '\\' && (next == '$' || next == '`' || next == '\\' ||
				     (mode == DOUBLE && next == '"'))) {
			c = next;
			p->at++;
		}
		text[n++] = c;
		p->at++;
	}
	p->at++;
	p->script->substitutions++;
	word->captures = true;
	unknown(p, word);
	where.depth++;
	where.captured++;
	where.pipe_out = false;
	cel__shell_put(p, p->text + begin, p->at - begin);
	return cel__shell_run(p, text, n, &where);
}

static bool
single_quoted(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	const char *begin = p->text + p->at + 1;
	const char *end = memchr(begin, '\'', p->n - p->at - 1);

	if (end == NULL) {
		return cel__shell_fail(p, "a single quote isn't closed");
	}
	word->quoted = true;
	cel__shell_put(p, begin, (size_t)(end - begin));
	p->at = (size_t)(end + 1 - p->text);
	return true;
}

static bool
process(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	size_t begin = p->at, mark = p->used;
	bool ok;

	p->at += 2;
	ok = capture(p, word, p->text[begin]);
	if (ok) {
		unknown(p, word);
		p->used = mark;
		cel__shell_put(p, p->text + begin, p->at - begin);
	}
	return ok;
}

/*
 * In ${ }: what shells read in different ways is refused, lest something is
 * hidden in it.
 */
static bool
in_braces(
    struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode)
{
	char c = cel__shell_peek(p, 0), next = cel__shell_peek(p, 1);

	if (c == '\0' || (c == '\\' && next == '\0')) {
		return cel__shell_fail(p, "${ isn't closed");
	}
	if ((c == '\'' && mode != PLAIN) || (c == '"' && mode == DOCUMENT)) {
		return cel__shell_fail(
		    p, "quotes in a quoted ${ } aren't supported");
	}
	if (c == '\'') {
		return single_quoted(p, word);
	}
	if (c == '"') {
		return double_quoted(p, word);
	}
	if (c == '`') {
		return backticks(p, word, mode);
	}
	if (c == '$') {
		return dollar(p, word, mode);
	}
	if (mode == PLAIN && (c == '<' || c == '>') && next == '(') {
		return process(p, word);
	}
	p->at += c == '\\' ? 2 : 1;
	return true;
}

static bool
braces(
    struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode)
{
	char c = cel__shell_peek(p, 0);
	size_t mark = p->used;

	if (c == ' ' || c == '\t' || c == '\n' || c == '|' || c == '}' ||
	    c == '(') {
		return cel__shell_fail(p, "${ isn't followed by a name");
	}
	if (!cel__shell_enter(p)) {
		return false;
	}
	while (cel__shell_peek(p, 0) != '}') {
		if (!in_braces(p, word, mode)) {
			return false;
		}
		p->used = mark;
	}
	p->at++;
	p->nesting--;
	return true;
}

static bool
in_arithmetic(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	char c = cel__shell_peek(p, 0);

	if (c == '\0') {
		return cel__shell_fail(p, "(( isn't closed");
	}
	if (c == '\'' || c == '\\') {
		return cel__shell_fail(p, "quotes in (( )) aren't supported");
	}
	if (c == '"') {
		return double_quoted(p, word);
	}
	if (c == '`') {
		return backticks(p, word, DOUBLE);
	}
	if (c == '$') {
		return dollar(p, word, DOUBLE);
	}
	p->at++;
	return true;
}

bool
cel__shell_arithmetic(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	size_t mark = p->used, open = 0;
	char c;

	if (!cel__shell_enter(p)) {
		return false;
	}
	for (;; p->used = mark) {
		c = cel__shell_peek(p, 0);
		if (c == ')' && open == 0) {
			break;
		}
		open += c == '(';
		open -= c == ')';
		if (!in_arithmetic(p, word)) {
			return false;
		}
	}
	p->nesting--;
	if (cel__shell_peek(p, 1) != ')') {
		return cel__shell_fail(
		    p, "(( that isn't closed by )): write ( ( for subshells");
	}
	p->at += 2;
	return true;
}

/* $x, $1, $?: false: none of them. */
static bool
parameter(struct cel__shell_parser *p)
{
	char c = cel__shell_peek(p, 1);

	if (c == '\0' ||
	    (!cel__shell_is_name(c) && strchr("@*#?-$!", c) == NULL)) {
		return false;
	}
	p->at += 2;
	if (cel__shell_is_name(c) && !(c >= '0' && c <= '9')) {
		while (cel__shell_is_name(cel__shell_peek(p, 0))) {
			p->at++;
		}
	}
	return true;
}

static bool
dollar(
    struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode)
{
	size_t begin = p->at, mark = p->used;
	char c = cel__shell_peek(p, 1), next = cel__shell_peek(p, 2);
	bool ok = true;

	if (mode == PLAIN && (c == '\'' || c == '"')) {
		p->at++;
		return c == '"' ? double_quoted(p, word)
				: cel__shell_ansi_quoted(p, word);
	}
	if (c == '[' || (c == '\\' && next == '\n')) {
		return cel__shell_fail(
		    p, "$ before [ or a continued line isn't supported");
	}
	if (c == '(' && next == '(') {
		p->at += 3;
		ok = cel__shell_arithmetic(p, word);
	} else if (c == '(' || c == '{') {
		p->at += 2;
		ok = c == '(' ? capture(p, word, '$') : braces(p, word, mode);
	} else if (!parameter(p)) {
		cel__shell_put(p, "$", 1);
		p->at++;
		return true;
	}
	if (ok) {
		unknown(p, word);
		p->used = mark;
		cel__shell_put(p, p->text + begin, p->at - begin);
	}
	return ok;
}

/* Where only some characters can be hidden by a backslash; a '\\' is next. */
static bool
soft_escape(struct cel__shell_parser *p, enum mode mode)
{
	char next = cel__shell_peek(p, 1);

	if (next == '\0') {
		p->at++;
		cel__shell_put(p, "\\", 1);
		return true;
	}
	p->at += 2;
	if (next == '\n') {
		return true;
	}
	if (next != '$' && next != '`' && next != '\\' &&
	    !(next == '"' && mode == DOUBLE)) {
		cel__shell_put(p, "\\", 1);
	}
	cel__shell_put(p, &next, 1);
	return true;
}

/* One piece of what is quoted so that expansions are still made. */
static bool
soft(struct cel__shell_parser *p, struct cel__shell_word *word, enum mode mode)
{
	char c = cel__shell_peek(p, 0);

	if (c == '\\') {
		return soft_escape(p, mode);
	}
	if (c == '`') {
		return backticks(p, word, mode);
	}
	if (c == '$') {
		return dollar(p, word, mode);
	}
	cel__shell_put(p, &c, 1);
	p->at++;
	return true;
}

static bool
double_quoted(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	word->quoted = true;
	p->at++;
	while (cel__shell_peek(p, 0) != '"') {
		if (p->at >= p->n) {
			return cel__shell_fail(
			    p, "a double quote isn't closed");
		}
		if (!soft(p, word, DOUBLE)) {
			return false;
		}
	}
	p->at++;
	return true;
}

static bool
escape(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	char next = cel__shell_peek(p, 1);

	if (next == '\0') {
		return cel__shell_fail(p, "a backslash hides nothing");
	}
	p->at += 2;
	if (next == '\n') {
		word->joined = true;
		return true;
	}
	word->quoted = true;
	cel__shell_put(p, &next, 1);
	return true;
}

/* A character that isn't quoted: may a shell put something else there? */
static void
letter(struct cel__shell_parser *p, struct cel__shell_word *word,
    struct pattern *seen, bool first)
{
	char c = p->text[p->at];
	char before = (char)(first ? '=' : p->text[p->at - 1]);

	if (c == '*' || c == '?' || (c == ']' && seen->bracket) ||
	    (c == '}' && seen->comma) ||
	    (c == '~' && (before == '=' || before == ':'))) {
		unknown(p, word);
	}
	seen->bracket = seen->bracket || c == '[';
	seen->brace = seen->brace || c == '{';
	seen->comma =
	    seen->comma ||
	    (seen->brace && (c == ',' || (c == '.' && before == '.')));
	cel__shell_put(p, &c, 1);
	p->at++;
}

static bool
plain(struct cel__shell_parser *p, struct cel__shell_word *word)
{
	size_t begin = p->at;
	struct pattern seen = {false, false, false};

	while (p->at < p->n) {
		char c = p->text[p->at];
		bool ok = true;

		if (c == '\\') {
			ok = escape(p, word);
		} else if (c == '\'') {
			ok = single_quoted(p, word);
		} else if (c == '"') {
			ok = double_quoted(p, word);
		} else if (c == '`') {
			ok = backticks(p, word, PLAIN);
		} else if (c == '$') {
			ok = dollar(p, word, PLAIN);
		} else if ((c == '<' || c == '>') &&
			   cel__shell_peek(p, 1) == '(') {
			ok = process(p, word);
		} else if (cel__shell_is_meta(c)) {
			break;
		} else {
			letter(p, word, &seen, p->at == begin);
		}
		if (!ok) {
			return false;
		}
	}
	return p->at > begin || cel__shell_fail(p, "a word is missing");
}

/* What was put behind mark becomes the word's text. */
static bool
finish(struct cel__shell_parser *p, struct cel__shell_word *word, size_t mark)
{
	char *text = cel__shell_alloc(p, p->used - mark + 1);

	if (text == NULL) {
		return false;
	}
	memcpy(text, p->scratch + mark, p->used - mark);
	word->text = text;
	word->n = p->used - mark;
	p->used = mark;
	return cel__text_valid(word->text, word->n) ||
	       cel__shell_fail(p, "a word that isn't UTF-8");
}

struct cel__shell_word *
cel__shell_read_word(struct cel__shell_parser *p)
{
	struct cel__shell_word *word = cel__shell_alloc(p, sizeof(*word));
	size_t mark = p->used;

	if (word == NULL) {
		return NULL;
	}
	word->known = true;
	return plain(p, word) && finish(p, word, mark) ? word : NULL;
}

bool
cel__shell_read_document(
    struct cel__shell_parser *p, struct cel__shell_word *ret_word)
{
	ret_word->known = true;
	while (p->at < p->n) {
		if (!soft(p, ret_word, DOCUMENT)) {
			return false;
		}
	}
	return finish(p, ret_word, 0);
}
