#ifndef GK_CEL_SHELL_PARSE_H
#define GK_CEL_SHELL_PARSE_H
/* The state of the shell's parser, shared by the files that parse a command line. */

#include "base/attr.h"
#include "cel/shell.h"

/* What a command has from the place where it stands. */
struct cel__shell_where {
	const char *via;
	struct cel__shell_redirect *input;
	uint32_t depth, captured;
	bool pipe_in, pipe_out, background;
};

/* A here-document whose text begins at the end of the line. */
struct cel__shell_document {
	struct cel__shell_redirect *redirect;
	const char *end;
	size_t end_n;
	bool literal; /* its end was quoted */
	bool strip;   /* <<- */
	struct cel__shell_where where;
	struct cel__shell_document *next;
};

/*
 * One for each text: the first, those in backticks, here-documents and scripts.
 * 1. text holds no control characters but tab and newline, no NUL above all.
 * 2. used <= at: a word is never longer than what it is written with.
 */
struct cel__shell_parser {
	const char *text;
	size_t n, at;
	char *scratch; /* n bytes: a stack of words that are being read */
	size_t used;
	struct cel__shell_script *script; /* of all texts together */
	struct cel__shell_command **last; /* where the next one is linked */
	struct cel__shell_pipeline **last_pipeline;
	struct gk_arena *arena;
	bool *no_memory;
	uint32_t nesting;
	struct cel__shell_where where;
	struct cel__shell_document *pending; /* in order */
	bool held; /* documents wait outside of the substitution */
};

/* ---- shell.c ---- */

/* Gives false, the first error stays. */
bool cel__shell_fail(struct cel__shell_parser *p, const char *error);
/* Zeroed; NULL: noted. */
void *cel__shell_alloc(struct cel__shell_parser *p, size_t n) GK_MUST_USE;
/* A level deeper; false: told. */
bool cel__shell_enter(struct cel__shell_parser *p) GK_MUST_USE;
/* The character k further on, '\0' behind the last. */
char cel__shell_peek(const struct cel__shell_parser *p, size_t k);
/* Over blanks, continued lines, comments. */
void cel__shell_blanks(struct cel__shell_parser *p);
/* Over blanks and the ends of lines, with the documents that follow them. */
bool cel__shell_lines(struct cel__shell_parser *p);
/* Does this reserved word stand here? */
bool cel__shell_is_reserved(
    const struct cel__shell_parser *p, const char *reserved);
/* Over it, or told. */
bool cel__shell_expect(struct cel__shell_parser *p, const char *reserved);
/* Commands up to what can't begin one, the caller looks what that is. */
bool cel__shell_list(struct cel__shell_parser *p, bool may_be_empty);
/* A new command at the end of all; NULL: told. */
struct cel__shell_command *cel__shell_append(
    struct cel__shell_parser *p, const struct cel__shell_where *where);
/* Read another text as a script; its commands follow. */
bool cel__shell_run(struct cel__shell_parser *p, const char *text, size_t n,
    const struct cel__shell_where *where);
/* What stands in a text as between double quotes, without reading it as a script. */
bool cel__shell_expand(struct cel__shell_parser *p, const char *text, size_t n,
    const struct cel__shell_where *where, struct cel__shell_word *ret_word);

/* ---- shell_command.c ---- */

/* One command of any kind with its redirects. */
bool cel__shell_command(struct cel__shell_parser *p);
/* Is it one that ends a list, such as "done"? */
bool cel__shell_closes(const struct cel__shell_parser *p);

/* ---- shell_compound.c ---- */

/* Does one begin here? */
bool cel__shell_is_compound(const struct cel__shell_parser *p);
bool cel__shell_compound(struct cel__shell_parser *p);

/* ---- shell_word.c ---- */

bool cel__shell_is_meta(char c);
bool cel__shell_is_name(char c); /* part of a variable's name, or a digit */
/* The word here; NULL: told, also when there is none. */
struct cel__shell_word *cel__shell_read_word(struct cel__shell_parser *p);
/* All that is left, as between double quotes.  False: told. */
bool cel__shell_read_document(
    struct cel__shell_parser *p, struct cel__shell_word *ret_word);
/* The rest of "((" up to "))"; word learns what is in it. */
bool cel__shell_arithmetic(
    struct cel__shell_parser *p, struct cel__shell_word *word);

/* Onto the word that is being read. */
void cel__shell_put(struct cel__shell_parser *p, const char *text, size_t n);

/* ---- shell_ansi.c ---- */

/* $'…' from its quote on */
bool cel__shell_ansi_quoted(
    struct cel__shell_parser *p, struct cel__shell_word *word);

/* ---- shell_redirect.c ---- */

/* Does one begin here? */
bool cel__shell_is_redirect(const struct cel__shell_parser *p);
bool cel__shell_redirect(
    struct cel__shell_parser *p, struct cel__shell_command *command);
/* At the end of a line: the texts of the documents that wait. */
bool cel__shell_documents(struct cel__shell_parser *p);

/* ---- shell_wrap.c ---- */

/* "rm" of "/bin/rm"; '\0'-terminated.  "": only a shell knows. */
const char *cel__shell_base(const struct cel__shell_word *word);
/* A command is complete: what does it run in turn? */
bool cel__shell_unwrap(
    struct cel__shell_parser *p, struct cel__shell_command *command);
/* A text comes to fd 0 of the commands from `first` on: a shell among them runs it. */
bool cel__shell_feed(struct cel__shell_parser *p,
    struct cel__shell_command *reader, const struct cel__shell_word *script);

#endif
