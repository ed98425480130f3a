/* The shell's commands: simple ones with variables, words and redirects, and what stands around compound ones. */

#include "cel/shell_parse.h"

#include <string.h>

static const char *const closing[] = {
    "then", "do", "done", "fi", "elif", "else", "esac", "}"};
static const char *const opening[] = {"if", "while", "until", "for", "case",
    "select", "function", "coproc", "time", "in", "!", "{", "[["};
/* Their arguments may be lists: local a=(b c) */
static const char *const declaring[] = {
    "declare", "typeset", "local", "export", "readonly"};

static bool
is_one_of(
    const struct cel__shell_word *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (word->n == strlen(list[i]) &&
		    memcmp(word->text, list[i], word->n) == 0) {
			return true;
		}
	}
	return false;
}

bool
cel__shell_closes(const struct cel__shell_parser *p)
{
	for (size_t i = 0; i < GK_COUNT(closing); i++) {
		if (cel__shell_is_reserved(p, closing[i])) {
			return true;
		}
	}
	return false;
}

/* ---- variables ---- */

/* "NAME=", "NAME+=", "NAME[0]=": their length; 0: none. */
static size_t
assignment(const struct cel__shell_parser *p)
{
	size_t k = 0;
	char c = cel__shell_peek(p, 0);

	if (c >= '0' && c <= '9') {
		return 0;
	}
	while (cel__shell_is_name(cel__shell_peek(p, k))) {
		k++;
	}
	if (k > 0 && cel__shell_peek(p, k) == '[') {
		k++;
		while (cel__shell_is_name(cel__shell_peek(p, k))) {
			k++;
		}
		if (cel__shell_peek(p, k++) != ']') {
			return 0;
		}
	}
	if (k > 0 && cel__shell_peek(p, k) == '+') {
		k++;
	}
	return k > 0 && cel__shell_peek(p, k) == '=' ? k + 1 : 0;
}

/* "(a b)" behind "NAME=": as it is written. */
static bool
read_list(struct cel__shell_parser *p, struct cel__shell_word *ret_value)
{
	size_t begin = p->at++;

	ret_value->known = true;
	for (;;) {
		const struct cel__shell_word *word;

		if (!cel__shell_lines(p)) {
			return false;
		}
		if (cel__shell_peek(p, 0) == ')') {
			break;
		}
		word = cel__shell_read_word(p);
		if (word == NULL) {
			return false;
		}
		ret_value->known = ret_value->known && word->known;
		ret_value->captures = ret_value->captures || word->captures;
	}
	p->at++;
	ret_value->text = p->text + begin;
	ret_value->n = p->at - begin;
	return true;
}

static bool
read_value(struct cel__shell_parser *p, struct cel__shell_word *ret_value)
{
	char c = cel__shell_peek(p, 0), next = cel__shell_peek(p, 1);
	const struct cel__shell_word *word;

	*ret_value = (struct cel__shell_word){.text = "", .known = true};
	if (c == '(') {
		return read_list(p, ret_value);
	}
	if (c == '\0' || (cel__shell_is_meta(c) &&
			     !((c == '<' || c == '>') && next == '('))) {
		return true;
	}
	word = cel__shell_read_word(p);
	if (word == NULL) {
		return false;
	}
	*ret_value = *word;
	return true;
}

static bool
read_variable(
    struct cel__shell_parser *p, struct cel__shell_command *command, size_t n)
{
	struct cel__shell_variable *variable =
	    cel__shell_alloc(p, sizeof(*variable));

	if (variable == NULL) {
		return false;
	}
	if (command->env_count >= CEL__SHELL_ENV_MAX) {
		return cel__shell_fail(p, "too many variables");
	}
	variable->name = p->text + p->at;
	while (cel__shell_is_name(cel__shell_peek(p, variable->n))) {
		variable->n++;
	}
	p->at += n;
	if (!read_value(p, &variable->value)) {
		return false;
	}
	variable->next = command->env;
	command->env = variable;
	command->env_count++;
	return true;
}

/* ---- simple commands ---- */

/* The word here, or a list in one: a=(b c) */
static struct cel__shell_word *
read_argument(
    struct cel__shell_parser *p, const struct cel__shell_command *command)
{
	size_t begin = p->at, n = assignment(p);
	struct cel__shell_word *word;

	if (n == 0 || cel__shell_peek(p, n) != '(' || command->words == NULL ||
	    !is_one_of(command->words, declaring, GK_COUNT(declaring))) {
		return cel__shell_read_word(p);
	}
	word = cel__shell_alloc(p, sizeof(*word));
	p->at += n;
	if (word == NULL || !read_list(p, word)) {
		return NULL;
	}
	word->text = p->text + begin;
	word->n = p->at - begin;
	return word;
}

/* A word begins here: no end, and no operator. */
static bool
is_word(const struct cel__shell_parser *p)
{
	char c = cel__shell_peek(p, 0), next = cel__shell_peek(p, 1);

	return c != '\0' && (!cel__shell_is_meta(c) ||
				((c == '<' || c == '>') && next == '('));
}

static bool
read_part(struct cel__shell_parser *p, struct cel__shell_command *command,
    struct cel__shell_word ***last)
{
	size_t n = command->words == NULL ? assignment(p) : 0;
	struct cel__shell_word *word;

	if (cel__shell_is_redirect(p)) {
		return cel__shell_redirect(p, command);
	}
	if (n > 0) {
		return read_variable(p, command, n);
	}
	word = read_argument(p, command);
	if (word == NULL) {
		return false;
	}
	if (command->words == NULL && word->joined &&
	    (is_one_of(word, opening, GK_COUNT(opening)) ||
		is_one_of(word, closing, GK_COUNT(closing)))) {
		return cel__shell_fail(
		    p, "a reserved word is broken over lines");
	}
	command->known = command->known && word->known;
	**last = word;
	*last = &word->next;
	return true;
}

/* name(): what it does is run when it is called, if not before. */
static bool
function_body(
    struct cel__shell_parser *p, const struct cel__shell_command *command)
{
	const struct cel__shell_word *name = command->words;
	bool ok = name != NULL && name->next == NULL && name->known &&
		  !name->quoted && command->redirects == NULL;

	p->at++;
	cel__shell_blanks(p);
	if (!ok || cel__shell_peek(p, 0) != ')') {
		return cel__shell_fail(p, "a '(' in the middle of a command");
	}
	p->at++;
	if (!cel__shell_lines(p) || !cel__shell_enter(p)) {
		return false;
	}
	ok = cel__shell_is_compound(p)
		 ? cel__shell_command(p)
		 : cel__shell_fail(p, "a function without a body");
	p->nesting--;
	return ok;
}

static bool
simple(struct cel__shell_parser *p)
{
	struct cel__shell_command *command = cel__shell_append(p, &p->where);
	struct cel__shell_word **last;

	if (command == NULL) {
		return false;
	}
	last = &command->words;
	for (;;) {
		cel__shell_blanks(p);
		if (!is_word(p) && !cel__shell_is_redirect(p)) {
			break;
		}
		if (!read_part(p, command, &last)) {
			return false;
		}
	}
	if (cel__shell_peek(p, 0) == '(') {
		return function_body(p, command);
	}
	if (command->words == NULL && command->env == NULL &&
	    command->redirects == NULL) {
		return cel__shell_fail(p, "a command is missing");
	}
	return cel__shell_unwrap(p, command);
}

/* ---- compound commands ---- */

/* All in it read what it reads, unless they read something else. */
static bool
share_input(struct cel__shell_parser *p, struct cel__shell_command *from,
    const struct cel__shell_command *carrier)
{
	struct cel__shell_redirect *input = carrier->input;

	for (; from != carrier && input != NULL; from = from->next) {
		if (from->captured != carrier->captured ||
		    from->input != NULL) {
			continue;
		}
		from->input = input;
		if (!from->reads_script || input->reader != NULL) {
			continue;
		}
		input->reader = from;
		if (strcmp(input->op, "<<<") == 0 &&
		    !cel__shell_feed(p, from, &input->target)) {
			return false;
		}
	}
	return true;
}

/* Its redirects are those of a command without a name. */
static bool
compound(struct cel__shell_parser *p)
{
	struct cel__shell_command **begin = p->last, *carrier;
	bool ok;

	if (!cel__shell_enter(p)) {
		return false;
	}
	ok = cel__shell_compound(p);
	p->nesting--;
	if (!ok) {
		return false;
	}
	cel__shell_blanks(p);
	if (!cel__shell_is_redirect(p)) {
		return true;
	}
	carrier = cel__shell_append(p, &p->where);
	while (carrier != NULL && ok && cel__shell_is_redirect(p)) {
		ok = cel__shell_redirect(p, carrier);
		cel__shell_blanks(p);
	}
	return ok && carrier != NULL && share_input(p, *begin, carrier);
}

bool
cel__shell_command(struct cel__shell_parser *p)
{
	cel__shell_blanks(p);
	if (cel__shell_closes(p)) {
		return cel__shell_fail(
		    p, "done, fi, esac or } without a begin");
	}
	if (cel__shell_is_reserved(p, "coproc")) {
		return cel__shell_fail(p, "coproc isn't supported");
	}
	return cel__shell_is_compound(p) ? compound(p) : simple(p);
}
