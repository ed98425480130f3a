#ifndef GK_CEL_SHELL_H
#define GK_CEL_SHELL_H
/* What a shell would run if it were given a text: read by its shape, nothing is run. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define CEL__SHELL_TEXT_MAX     16384u
#define CEL__SHELL_DEPTH_MAX    16u /* levels of whatever stands in another */
#define CEL__SHELL_COMMANDS_MAX 1024u
#define CEL__SHELL_ENV_MAX      64u /* variables of one command */

/* After the removal of quotes; what only a shell can know stands in it as it was written. */
struct cel__shell_word {
	const char *text;
	size_t n;
	bool known;    /* nothing in it waits for a shell */
	bool captures; /* the output of a command is in it */
	bool quoted;
	bool joined; /* a line's end was taken out of it */
	struct cel__shell_word *next;
};

struct cel__shell_variable {
	const char *name;
	size_t n;
	struct cel__shell_word value;
	struct cel__shell_variable *next;
};

struct cel__shell_redirect {
	const char *op;                /* ">", "<<" … */
	int fd;                        /* -1: a number that the shell chooses */
	struct cel__shell_word target; /* a here-document: its text */
	struct cel__shell_command *reader; /* the shell that runs it, or NULL */
	struct cel__shell_redirect *next;
};

struct cel__shell_command {
	struct cel__shell_word *words; /* NULL: redirects or variables only */
	bool known;
	/* Last ones come first; of those of a name the first in the list counts. */
	struct cel__shell_variable *env;
	uint32_t env_count;
	struct cel__shell_redirect *redirects;
	struct cel__shell_redirect *input; /* what becomes its fd 0, or NULL */
	const char *via;                   /* "" or the wrapper that runs it */
	uint32_t depth;                    /* of subshells and substitutions */
	uint32_t captured;                 /* of substitutions alone */
	bool pipe_in, pipe_out, background;
	bool reads_script; /* a shell that takes its commands from its fd 0 */
	bool more;         /* its last words come from what runs it: xargs */
	struct cel__shell_command *next;
};

/* Of the count commands from first on, those that are captured as deep as it is. */
struct cel__shell_pipeline {
	const struct cel__shell_command *first;
	uint32_t count, captured;
	struct cel__shell_pipeline *next;
};

/* All commands, wherever they stand, in the order of the text. */
struct cel__shell_script {
	const char *error; /* static; NULL: understood whole */
	struct cel__shell_command *commands;
	struct cel__shell_pipeline *pipelines;
	uint32_t count;
	uint32_t substitutions;
	bool expansions;
};

/*
 * Reads text[0..n), which is valid UTF-8 and borrowed as long as the script is
 * used; the rest lives in arena.  Takes at most CEL__SHELL_DEPTH_MAX times the
 * time of reading the text once.  What isn't understood is an error of the
 * script, which then holds what came before.  False: arena is spent.
 */
bool cel__shell_parse(const char *text, size_t n, struct gk_arena *arena,
    struct cel__shell_script *ret_script) __attribute__((warn_unused_result));

#endif
