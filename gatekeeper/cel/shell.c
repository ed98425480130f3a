/* The shell's grammar: lists and pipelines of commands, and the texts that are read as scripts. */

#include "cel/shell_parse.h"

#include <string.h>

bool
cel__shell_fail(struct cel__shell_parser *p, const char *error)
{
	if (p->script->error == NULL) {
		p->script->error = error;
	}
	return false;
}

void *
cel__shell_alloc(struct cel__shell_parser *p, size_t n)
{
	void *memory = gk_arena_alloc(p->arena, n);

	if (memory == NULL) {
		*p->no_memory = true;
		(void)cel__shell_fail(p, "no memory");
	}
	return memory;
}

bool
cel__shell_enter(struct cel__shell_parser *p)
{
	if (p->nesting >= CEL__SHELL_DEPTH_MAX) {
		return cel__shell_fail(p, "too deep");
	}
	p->nesting++;
	return true;
}

char
cel__shell_peek(const struct cel__shell_parser *p, size_t k)
{
	return (char)(p->at + k < p->n ? p->text[p->at + k] : '\0');
}

void
cel__shell_blanks(struct cel__shell_parser *p)
{
	for (;;) {
		char c = cel__shell_peek(p, 0);

		if (c == ' ' || c == '\t') {
			p->at++;
		} else if (c == '\\' && cel__shell_peek(p, 1) == '\n') {
			p->at += 2;
		} else if (c == '#') {
			const char *end =
			    memchr(p->text + p->at, '\n', p->n - p->at);

			p->at = end == NULL ? p->n : (size_t)(end - p->text);
		} else {
			return;
		}
	}
}

bool
cel__shell_lines(struct cel__shell_parser *p)
{
	for (;;) {
		cel__shell_blanks(p);
		if (cel__shell_peek(p, 0) != '\n') {
			return true;
		}
		p->at++;
		if (!cel__shell_documents(p)) {
			return false;
		}
	}
}

bool
cel__shell_is_reserved(const struct cel__shell_parser *p, const char *reserved)
{
	size_t n = strlen(reserved);
	char behind = cel__shell_peek(p, n);

	return p->at + n <= p->n && memcmp(p->text + p->at, reserved, n) == 0 &&
	       (behind == '\0' || cel__shell_is_meta(behind));
}

bool
cel__shell_expect(struct cel__shell_parser *p, const char *reserved)
{
	cel__shell_blanks(p);
	if (!cel__shell_is_reserved(p, reserved)) {
		return cel__shell_fail(p, "if, for, while or case isn't ended");
	}
	p->at += strlen(reserved);
	return true;
}

struct cel__shell_command *
cel__shell_append(
    struct cel__shell_parser *p, const struct cel__shell_where *where)
{
	struct cel__shell_command *command;

	if (p->script->count >= CEL__SHELL_COMMANDS_MAX) {
		(void)cel__shell_fail(p, "too many commands");
		return NULL;
	}
	command = cel__shell_alloc(p, sizeof(*command));
	if (command == NULL) {
		return NULL;
	}
	command->known = true;
	command->via = where->via;
	command->input = where->input;
	command->depth = where->depth;
	command->captured = where->captured;
	command->pipe_in = where->pipe_in;
	command->pipe_out = where->pipe_out;
	command->background = where->background;
	*p->last = command;
	p->last = &command->next;
	p->script->count++;
	return command;
}

/* ---- lists and pipelines ---- */

/* '!' and 'time', which change nothing about what is run. */
static void
prefixes(struct cel__shell_parser *p)
{
	for (;;) {
		cel__shell_blanks(p);
		if (cel__shell_is_reserved(p, "!")) {
			p->at++;
		} else if (cel__shell_is_reserved(p, "time")) {
			p->at += strlen("time");
			cel__shell_blanks(p);
			p->at += cel__shell_is_reserved(p, "-p") ? 2 : 0;
		} else {
			return;
		}
	}
}

static bool
add_pipeline(struct cel__shell_parser *p,
    const struct cel__shell_command *first, uint32_t count)
{
	struct cel__shell_pipeline *pipeline =
	    cel__shell_alloc(p, sizeof(*pipeline));

	if (pipeline == NULL) {
		return false;
	}
	pipeline->first = first;
	pipeline->count = count;
	pipeline->captured = p->where.captured;
	*p->last_pipeline = pipeline;
	p->last_pipeline = &pipeline->next;
	return true;
}

/* Commands of this level from `from` on write into a pipe. */
static void
pipe_out(const struct cel__shell_parser *p, struct cel__shell_command *from)
{
	for (; from != NULL; from = from->next) {
		from->pipe_out =
		    from->pipe_out || from->captured == p->where.captured;
	}
}

static bool
pipeline(struct cel__shell_parser *p)
{
	struct cel__shell_where saved = p->where;
	struct cel__shell_command **begin = p->last;
	uint32_t before = p->script->count, stages = 1;
	bool ok;

	prefixes(p);
	for (;; stages++) {
		struct cel__shell_command **stage = p->last;

		ok = cel__shell_command(p);
		if (ok) {
			cel__shell_blanks(p);
		}
		if (!ok || cel__shell_peek(p, 0) != '|' ||
		    cel__shell_peek(p, 1) == '|') {
			break;
		}
		p->at += cel__shell_peek(p, 1) == '&' ? 2 : 1;
		pipe_out(p, *stage);
		p->where.pipe_in = true;
		p->where.input = NULL;
		ok = cel__shell_lines(p);
		if (!ok) {
			break;
		}
	}
	p->where = saved;
	if (ok && stages > 1) {
		ok = add_pipeline(p, *begin, p->script->count - before);
	}
	return ok;
}

static bool
and_or(struct cel__shell_parser *p)
{
	for (;;) {
		char c;

		if (!pipeline(p)) {
			return false;
		}
		c = cel__shell_peek(p, 0);
		if ((c != '&' && c != '|') || cel__shell_peek(p, 1) != c) {
			return true;
		}
		p->at += 2;
		if (!cel__shell_lines(p)) {
			return false;
		}
	}
}

/* What can't begin a command. */
static bool
ends(const struct cel__shell_parser *p)
{
	char c = cel__shell_peek(p, 0);

	return c == '\0' || c == ')' || c == ';' || c == '&' || c == '|' ||
	       cel__shell_closes(p);
}

bool
cel__shell_list(struct cel__shell_parser *p, bool may_be_empty)
{
	bool any = false;

	for (;;) {
		struct cel__shell_command **begin = p->last, *command;
		char c;

		if (!cel__shell_lines(p)) {
			return false;
		}
		if (ends(p)) {
			return any || may_be_empty ||
			       cel__shell_fail(p, "a command is missing");
		}
		if (!and_or(p)) {
			return false;
		}
		any = true;
		c = cel__shell_peek(p, 0);
		if (c == '&') {
			for (command = *begin; command != NULL;
			     command = command->next) {
				command->background = true;
			}
		} else if (c != ';' && c != '\n') {
			return true;
		}
		if (c == ';' && (cel__shell_peek(p, 1) == ';' ||
				    cel__shell_peek(p, 1) == '&')) {
			return true;
		}
		p->at += c != '\n';
	}
}

/* ---- texts ---- */

/* A parser of another text within this one's; its commands follow. */
static bool
open_text(struct cel__shell_parser *p, const char *text, size_t n,
    const struct cel__shell_where *where, struct cel__shell_parser *ret)
{
	*ret = *p;
	if (!cel__shell_enter(ret)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7F) {
			return cel__shell_fail(p, "a control character");
		}
	}
	ret->text = text;
	ret->n = n;
	ret->at = ret->used = 0;
	ret->where = *where;
	ret->pending = NULL;
	ret->held = false;
	ret->scratch = cel__shell_alloc(p, n + 1);
	return ret->scratch != NULL;
}

static void
close_text(struct cel__shell_parser *p, const struct cel__shell_parser *inner)
{
	p->last = inner->last;
	p->last_pipeline = inner->last_pipeline;
}

bool
cel__shell_run(struct cel__shell_parser *p, const char *text, size_t n,
    const struct cel__shell_where *where)
{
	struct cel__shell_parser inner;
	bool ok = open_text(p, text, n, where, &inner) &&
		  cel__shell_list(&inner, true);

	if (ok && inner.at < inner.n) {
		ok = cel__shell_fail(p, "something stands where no command "
					"can begin");
	}
	if (ok && inner.pending != NULL) {
		ok = cel__shell_fail(p, "a here-document isn't ended");
	}
	close_text(p, &inner);
	return ok;
}

bool
cel__shell_expand(struct cel__shell_parser *p, const char *text, size_t n,
    const struct cel__shell_where *where, struct cel__shell_word *ret_word)
{
	struct cel__shell_parser inner;
	bool ok = open_text(p, text, n, where, &inner) &&
		  cel__shell_read_document(&inner, ret_word);

	close_text(p, &inner);
	return ok;
}

bool
cel__shell_parse(const char *text, size_t n, struct gk_arena *arena,
    struct cel__shell_script *ret_script)
{
	bool no_memory = false;
	struct cel__shell_parser p = {.text = "",
	    .arena = arena,
	    .script = ret_script,
	    .no_memory = &no_memory};
	const struct cel__shell_where top = {.via = ""};

	memset(ret_script, 0, sizeof(*ret_script));
	p.last = &ret_script->commands;
	p.last_pipeline = &ret_script->pipelines;
	if (n > CEL__SHELL_TEXT_MAX) {
		return !cel__shell_fail(&p, "too long");
	}
	(void)cel__shell_run(&p, text, n, &top);
	return !no_memory;
}
