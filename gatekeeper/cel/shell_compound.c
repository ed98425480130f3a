/* The shell's compound commands: groups, loops, cases, conditions, functions, arithmetic. */

#include "cel/shell_parse.h"

#include <string.h>

#include "base/attr.h"

static bool
group(struct cel__shell_parser *p)
{
	p->at++;
	return cel__shell_list(p, false) && cel__shell_expect(p, "}");
}

static bool
subshell(struct cel__shell_parser *p)
{
	bool ok;

	p->at++;
	p->where.depth++;
	ok = cel__shell_list(p, false);
	p->where.depth--;
	if (ok && cel__shell_peek(p, 0) != ')') {
		ok = cel__shell_fail(p, "a subshell isn't closed");
	}
	p->at += ok;
	return ok;
}

/*
 * What another shell would read as commands, ((ls)), is refused: it has one
 * word behind another, or what separates commands.
 */
static bool
is_arithmetic(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = i + 1;

		if (memchr(";|&/\n`", text[i], 6) != NULL) {
			return false;
		}
		if (!cel__shell_is_name(text[i])) {
			continue;
		}
		while (k < n && (text[k] == ' ' || text[k] == '\t')) {
			k++;
		}
		if (k > i + 1 && k < n &&
		    (cel__shell_is_name(text[k]) || text[k] == '.' ||
			text[k] == '~' || text[k] == '"' || text[k] == '$' ||
			(text[k] == '-' && k + 1 < n &&
			    cel__shell_is_name(text[k + 1])))) {
			return false;
		}
	}
	return true;
}

/* ((ls > x)): a shell that knows no (( )) runs ls. */
static bool
run_first(struct cel__shell_parser *p, const char *text, size_t n)
{
	struct cel__shell_command *command;
	struct cel__shell_word *word;
	size_t k = 0;

	while (n > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '(')) {
		text++;
		n--;
	}
	while (k < n && cel__shell_is_name(text[k])) {
		k++;
	}
	if (k == 0 || (text[0] >= '0' && text[0] <= '9') ||
	    (k < n && !cel__shell_is_meta(text[k]))) {
		return true;
	}
	command = cel__shell_append(p, &p->where);
	word = command == NULL ? NULL : cel__shell_alloc(p, sizeof(*word));
	if (word == NULL) {
		return false;
	}
	*word = (struct cel__shell_word){.text = text, .n = k, .known = true};
	command->words = word;
	return true;
}

static bool
arithmetic(struct cel__shell_parser *p)
{
	struct cel__shell_word word = {.known = true};
	size_t begin = p->at + 2;

	p->at = begin;
	if (!cel__shell_arithmetic(p, &word)) {
		return false;
	}
	return is_arithmetic(p->text + begin, p->at - 2 - begin)
		   ? run_first(p, p->text + begin, p->at - 2 - begin)
		   : cel__shell_fail(p, "(( )) that some shells run");
}

static bool
branches(struct cel__shell_parser *p)
{
	p->at += strlen("if");
	for (;;) {
		if (!cel__shell_list(p, false) ||
		    !cel__shell_expect(p, "then") ||
		    !cel__shell_list(p, false)) {
			return false;
		}
		if (!cel__shell_is_reserved(p, "elif")) {
			break;
		}
		p->at += strlen("elif");
	}
	if (cel__shell_is_reserved(p, "else")) {
		p->at += strlen("else");
		if (!cel__shell_list(p, false)) {
			return false;
		}
	}
	return cel__shell_expect(p, "fi");
}

static bool
body(struct cel__shell_parser *p)
{
	return cel__shell_expect(p, "do") && cel__shell_list(p, false) &&
	       cel__shell_expect(p, "done");
}

static bool
until(struct cel__shell_parser *p)
{
	p->at += strlen("while"); /* "until" is as long */
	return cel__shell_list(p, false) && body(p);
}

/* for ((a; b; c)) */
static bool
counting(struct cel__shell_parser *p)
{
	struct cel__shell_word word = {.known = true};

	p->at += 2;
	if (!cel__shell_arithmetic(p, &word)) {
		return false;
	}
	cel__shell_blanks(p);
	p->at += cel__shell_peek(p, 0) == ';';
	return cel__shell_lines(p) && body(p);
}

/* The words behind "in", as words of the command. */
static bool
list_words(struct cel__shell_parser *p, struct cel__shell_command *command,
    struct cel__shell_word **last)
{
	for (;;) {
		struct cel__shell_word *word;
		char c;

		cel__shell_blanks(p);
		c = cel__shell_peek(p, 0);
		if (c == ';' || c == '\n') {
			return true;
		}
		word = cel__shell_read_word(p);
		if (word == NULL) {
			return false;
		}
		command->known = command->known && word->known;
		*last = word;
		last = &word->next;
	}
}

/* for NAME [in words]; do, select: a command of that name, for its words are somebody's arguments. */
static bool
each(struct cel__shell_parser *p, size_t keyword)
{
	struct cel__shell_word *word, *first;
	struct cel__shell_command *command;

	first = cel__shell_alloc(p, sizeof(*first));
	if (first == NULL) {
		return false;
	}
	*first = (struct cel__shell_word){
	    .text = p->text + p->at, .n = keyword, .known = true};
	p->at += keyword;
	cel__shell_blanks(p);
	if (cel__shell_peek(p, 0) == '(' && cel__shell_peek(p, 1) == '(') {
		return counting(p);
	}
	command = cel__shell_append(p, &p->where);
	word = command == NULL ? NULL : cel__shell_read_word(p);
	if (word == NULL || !cel__shell_lines(p)) {
		return false;
	}
	command->words = first;
	command->known = command->known && word->known;
	first->next = word;
	if (cel__shell_is_reserved(p, "in")) {
		p->at += strlen("in");
		if (!list_words(p, command, &word->next)) {
			return false;
		}
	}
	p->at += cel__shell_peek(p, 0) == ';';
	p->script->expansions = true;
	return cel__shell_lines(p) && body(p);
}

/* pattern | pattern ) */
static bool
patterns(struct cel__shell_parser *p)
{
	cel__shell_blanks(p);
	p->at += cel__shell_peek(p, 0) == '(';
	for (;;) {
		cel__shell_blanks(p);
		if (cel__shell_read_word(p) == NULL) {
			return false;
		}
		cel__shell_blanks(p);
		if (cel__shell_peek(p, 0) != '|') {
			break;
		}
		p->at++;
	}
	if (cel__shell_peek(p, 0) != ')') {
		return cel__shell_fail(p, "a pattern of case isn't closed");
	}
	p->at++;
	return true;
}

/* ";;", ";&", ";;&"; false: none of them. */
static bool
next_case(struct cel__shell_parser *p)
{
	cel__shell_blanks(p);
	if (cel__shell_peek(p, 0) != ';') {
		return false;
	}
	p->at += cel__shell_peek(p, 1) == ';' && cel__shell_peek(p, 2) == '&'
		     ? 3
		     : 2;
	return true;
}

static bool
cases(struct cel__shell_parser *p)
{
	p->at += strlen("case");
	cel__shell_blanks(p);
	if (cel__shell_read_word(p) == NULL || !cel__shell_lines(p) ||
	    !cel__shell_expect(p, "in")) {
		return false;
	}
	for (;;) {
		if (!cel__shell_lines(p)) {
			return false;
		}
		if (cel__shell_is_reserved(p, "esac")) {
			break;
		}
		if (!patterns(p) || !cel__shell_list(p, true)) {
			return false;
		}
		if (!next_case(p)) {
			break;
		}
	}
	return cel__shell_expect(p, "esac");
}

/* ---- [[ ]] ---- */

/*
 * Behind an operator of [[ ]]: where a shell that doesn't know [[ would run, or
 * write, what comes next, it has to be something that is no plain word.
 */
static bool
is_operand(const struct cel__shell_parser *p)
{
	char c = cel__shell_peek(p, 0);

	return c == '$' || c == '-' || c == '!' || c == '(' ||
	       (c == '"' && cel__shell_peek(p, 1) == '$');
}

/* The pattern of =~, which may hold operators. */
static bool
regular(struct cel__shell_parser *p)
{
	cel__shell_blanks(p);
	for (;;) {
		char c = cel__shell_peek(p, 0);

		if (c == '\0' || c == ' ' || c == '\t' || c == '\n') {
			return true;
		}
		if (c == ';' || c == '&') {
			return cel__shell_fail(p, "a wrong pattern in [[ ]]");
		}
		if (c == '(' || c == ')' || c == '|' || c == '<' || c == '>') {
			p->at++;
		} else if (cel__shell_read_word(p) == NULL) {
			return false;
		}
	}
}

static bool
test_part(struct cel__shell_parser *p, struct cel__shell_command *command,
    struct cel__shell_word ***last)
{
	char c = cel__shell_peek(p, 0);
	struct cel__shell_word *word;

	if (c == ';' || c == '\0') {
		return cel__shell_fail(p, "[[ isn't closed");
	}
	if (c == ')') {
		p->at++;
		return true;
	}
	if (cel__shell_is_meta(c)) {
		p->at += c == cel__shell_peek(p, 1) ? 2 : 1;
		cel__shell_blanks(p);
		return is_operand(p) ||
		       cel__shell_fail(p, "[[ ]] that some shells run");
	}
	word = cel__shell_read_word(p);
	if (word == NULL) {
		return false;
	}
	command->known = command->known && word->known;
	**last = word;
	*last = &word->next;
	return word->n != 2 || word->quoted ||
	       memcmp(word->text, "=~", 2) != 0 || regular(p);
}

static bool
test(struct cel__shell_parser *p)
{
	struct cel__shell_command *command = cel__shell_append(p, &p->where);
	struct cel__shell_word **last;

	if (command == NULL) {
		return false;
	}
	last = &command->words;
	*last = cel__shell_read_word(p);
	if (*last == NULL) {
		return false;
	}
	last = &(*last)->next;
	for (;;) {
		if (!cel__shell_lines(p)) {
			return false;
		}
		if (cel__shell_is_reserved(p, "]]")) {
			p->at += 2;
			return true;
		}
		if (!test_part(p, command, &last)) {
			return false;
		}
	}
}

/* function NAME [()] { … } */
static bool
named(struct cel__shell_parser *p)
{
	p->at += strlen("function");
	cel__shell_blanks(p);
	if (cel__shell_read_word(p) == NULL) {
		return false;
	}
	cel__shell_blanks(p);
	if (cel__shell_peek(p, 0) == '(') {
		p->at++;
		cel__shell_blanks(p);
		if (cel__shell_peek(p, 0) != ')') {
			return cel__shell_fail(
			    p, "a function's () isn't empty");
		}
		p->at++;
	}
	if (!cel__shell_lines(p)) {
		return false;
	}
	return cel__shell_is_compound(p)
		   ? cel__shell_command(p)
		   : cel__shell_fail(p, "a function without a body");
}

static bool
select_each(struct cel__shell_parser *p)
{
	return each(p, strlen("select"));
}

static bool
for_each(struct cel__shell_parser *p)
{
	return each(p, strlen("for"));
}

static const struct {
	const char *keyword;
	bool (*read)(struct cel__shell_parser *p);
} compounds[] = {
    {"{", group},
    {"if", branches},
    {"while", until},
    {"until", until},
    {"for", for_each},
    {"select", select_each},
    {"case", cases},
    {"[[", test},
    {"function", named},
};

bool
cel__shell_is_compound(const struct cel__shell_parser *p)
{
	for (size_t i = 0; i < GK_COUNT(compounds); i++) {
		if (cel__shell_is_reserved(p, compounds[i].keyword)) {
			return true;
		}
	}
	return cel__shell_peek(p, 0) == '(';
}

bool
cel__shell_compound(struct cel__shell_parser *p)
{
	if (cel__shell_peek(p, 0) == '(') {
		return cel__shell_peek(p, 1) == '(' ? arithmetic(p)
						    : subshell(p);
	}
	for (size_t i = 0; i < GK_COUNT(compounds); i++) {
		if (cel__shell_is_reserved(p, compounds[i].keyword)) {
			return compounds[i].read(p);
		}
	}
	return cel__shell_fail(p, "a command is missing");
}
