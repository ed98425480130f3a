/* The shell's redirections and the here-documents that they announce. */

#include "cel/shell_parse.h"

#include <string.h>

/* Longest first. */
static const char *const operators[] = {
    "&>>", "<<<", "<<-", "&>", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"};

/* Digits, or {name}, right before the operator; 0: neither. */
static size_t
prefix(const struct cel__shell_parser *p)
{
	size_t k = 0;
	char c = cel__shell_peek(p, 0);

	if (c == '{') {
		for (k = 1; cel__shell_is_name(cel__shell_peek(p, k)); k++) {
		}
		k = k > 1 && cel__shell_peek(p, k) == '}' ? k + 1 : 0;
	} else {
		while ((c = cel__shell_peek(p, k)) >= '0' && c <= '9') {
			k++;
		}
	}
	c = cel__shell_peek(p, k);
	return c == '<' || c == '>' ? k : 0;
}

bool
cel__shell_is_redirect(const struct cel__shell_parser *p)
{
	char c = cel__shell_peek(p, 0), next = cel__shell_peek(p, 1);

	if (c == '&') {
		return next == '>';
	}
	if (c == '<' || c == '>') {
		return next != '(';
	}
	return prefix(p) > 0;
}

/* fd 0 for what reads, 1 for what writes, unless it is given. */
static bool
read_fd(struct cel__shell_parser *p, struct cel__shell_redirect *redirect)
{
	size_t n = prefix(p);
	char c = cel__shell_peek(p, 0);

	redirect->fd = cel__shell_peek(p, n) == '<' ? 0 : 1;
	if (n > 0) {
		redirect->fd = c == '{' ? -1 : 0;
	}
	if (n > 4) {
		return c == '{' || cel__shell_fail(p, "a wrong descriptor");
	}
	for (size_t i = 0; i < n && redirect->fd >= 0; i++) {
		redirect->fd =
		    redirect->fd * 10 + (cel__shell_peek(p, i) - '0');
	}
	return true;
}

static bool
read_operator(struct cel__shell_parser *p, struct cel__shell_redirect *redirect)
{
	p->at += prefix(p);
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		size_t n = strlen(operators[i]);

		if (p->n - p->at >= n &&
		    memcmp(p->text + p->at, operators[i], n) == 0) {
			redirect->op = operators[i];
			p->at += n;
			return true;
		}
	}
	return cel__shell_fail(p, "a wrong redirection");
}

static bool
announce(struct cel__shell_parser *p, struct cel__shell_redirect *redirect)
{
	struct cel__shell_document *document =
	    cel__shell_alloc(p, sizeof(*document));
	struct cel__shell_document **last = &p->pending;

	if (document == NULL) {
		return false;
	}
	if (!redirect->target.known || redirect->target.n == 0 ||
	    redirect->target.joined ||
	    memchr(redirect->target.text, '\n', redirect->target.n) != NULL) {
		return cel__shell_fail(
		    p, "the end of a here-document isn't a plain word");
	}
	document->redirect = redirect;
	document->end = redirect->target.text;
	document->end_n = redirect->target.n;
	document->literal = redirect->target.quoted;
	document->strip = strcmp(redirect->op, "<<-") == 0;
	document->where = p->where;
	redirect->target = (struct cel__shell_word){.text = "", .known = true};
	while (*last != NULL) {
		last = &(*last)->next;
	}
	*last = document;
	return true;
}

bool
cel__shell_redirect(
    struct cel__shell_parser *p, struct cel__shell_command *command)
{
	struct cel__shell_redirect *redirect =
	    cel__shell_alloc(p, sizeof(*redirect));
	struct cel__shell_redirect **last = &command->redirects;
	const struct cel__shell_word *word;

	if (redirect == NULL || !read_fd(p, redirect) ||
	    !read_operator(p, redirect)) {
		return false;
	}
	while (*last != NULL) {
		last = &(*last)->next;
	}
	*last = redirect;
	if (redirect->fd == 0 && redirect->op[0] == '<') {
		command->input = redirect;
	}
	cel__shell_blanks(p);
	word = cel__shell_read_word(p);
	if (word == NULL) {
		return false;
	}
	redirect->target = *word;
	return (strcmp(redirect->op, "<<") != 0 &&
		   strcmp(redirect->op, "<<-") != 0) ||
	       announce(p, redirect);
}

/* ---- documents ---- */

/* The line at p->at without its end; p->at behind it.  false: there is none. */
static bool
next_line(struct cel__shell_parser *p, const char **ret_line, size_t *ret_n)
{
	const char *end;

	if (p->at >= p->n) {
		return false;
	}
	*ret_line = p->text + p->at;
	end = memchr(*ret_line, '\n', p->n - p->at);
	*ret_n = end == NULL ? p->n - p->at : (size_t)(end - *ret_line);
	p->at += *ret_n + (end != NULL);
	return true;
}

/* An odd number of backslashes at its end: the next line is one with it. */
static bool
continues(const char *line, size_t n)
{
	size_t k = 0;

	while (k < n && line[n - 1 - k] == '\\') {
		k++;
	}
	return k % 2 == 1;
}

/* Lines up to the end of the document; text is NULL: only their size. */
static bool
read_lines(struct cel__shell_parser *p,
    const struct cel__shell_document *document, char *text, size_t *ret_n)
{
	const char *line;
	size_t n;
	bool joined = false;

	*ret_n = 0;
	while (next_line(p, &line, &n)) {
		while (document->strip && n > 0 && line[0] == '\t') {
			line++;
			n--;
		}
		if (n == document->end_n &&
		    memcmp(line, document->end, n) == 0) {
			return !joined ||
			       cel__shell_fail(p, "a here-document's end is "
						  "joined to another line");
		}
		if (text != NULL) {
			memcpy(text + *ret_n, line, n);
			text[*ret_n + n] = '\n';
		}
		*ret_n += n + 1;
		joined = !document->literal && continues(line, n);
	}
	return cel__shell_fail(p, "a here-document isn't ended");
}

static bool
read_document(struct cel__shell_parser *p, struct cel__shell_document *document)
{
	struct cel__shell_word *target = &document->redirect->target;
	struct cel__shell_where where = document->where;
	size_t begin = p->at, n = 0;
	char *text;

	if (!read_lines(p, document, NULL, &n)) {
		return false;
	}
	p->at = begin;
	text = cel__shell_alloc(p, n + 1);
	if (text == NULL || !read_lines(p, document, text, &n)) {
		return false;
	}
	target->text = text;
	target->n = n;
	where.depth++;
	where.captured++;
	where.pipe_out = false;
	if (!document->literal &&
	    !cel__shell_expand(p, text, n, &where, target)) {
		return false;
	}
	return document->redirect->reader == NULL ||
	       cel__shell_feed(p, document->redirect->reader, target);
}

bool
cel__shell_documents(struct cel__shell_parser *p)
{
	struct cel__shell_document *document = p->pending;

	if (p->held) {
		return cel__shell_fail(
		    p, "a here-document is outside of its substitution");
	}
	p->pending = NULL;
	for (; document != NULL; document = document->next) {
		if (!read_document(p, document)) {
			return false;
		}
	}
	return true;
}
