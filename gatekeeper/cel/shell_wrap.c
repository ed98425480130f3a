/* Commands that run other commands: what sudo, env, xargs, bash -c, eval, ssh and their like would run. */

#include "cel/shell_parse.h"

#include <string.h>

#include "base/attr.h"
#include "cel/shell_wrapper.h"

const char *
cel__shell_base(const struct cel__shell_word *word)
{
	const char *slash;

	if (word == NULL || !word->known) {
		return "";
	}
	slash = memrchr(word->text, '/', word->n);
	return slash == NULL ? word->text : slash + 1;
}

static bool
is_word(const struct cel__shell_word *word, const char *text)
{
	return word->n == strlen(text) &&
	       memcmp(word->text, text, word->n) == 0;
}

/* ---- options ---- */

static bool
is_option(const struct cel__shell_word *word)
{
	return word->n > 1 && (word->text[0] == '-' || word->text[0] == '+');
}

/* "--user" takes the next word, "--user=x" doesn't. */
static bool
long_takes(const struct cel__shell_word *word, const char *longs)
{
	const char *found = longs;

	while ((found = memmem(found, strlen(found), word->text, word->n)) !=
	       NULL) {
		if (found > longs && found[-1] == ' ' &&
		    found[word->n] == ' ') {
			return true;
		}
		found++;
	}
	return false;
}

/* "-xn" takes the next word where n takes one; "-n5" has it. */
static bool
takes(const struct cel__shell_word *word,
    const struct cel__shell_wrapper *wrapper)
{
	if (word->n > 2 && word->text[0] == '-' && word->text[1] == '-') {
		return long_takes(word, wrapper->longs);
	}
	for (size_t i = 1; i < word->n; i++) {
		if (strchr(wrapper->letters, word->text[i]) != NULL) {
			return i + 1 == word->n;
		}
	}
	return false;
}

/* Is a letter among those of a "-abc"? */
static bool
has_letter(const struct cel__shell_word *word, const char *letters)
{
	return word->text[0] == '-' && word->n > 1 && word->text[1] != '-' &&
	       memchr(word->text, '\0', word->n) == NULL &&
	       strpbrk(word->text, letters) != NULL;
}

/* The word behind the options that begin at word; NULL: none is left. */
static struct cel__shell_word *
skip_options(
    struct cel__shell_word *word, const struct cel__shell_wrapper *wrapper)
{
	while (word != NULL && is_option(word)) {
		if (is_word(word, "--")) {
			return word->next;
		}
		if (takes(word, wrapper) && word->next != NULL) {
			word = word->next;
		}
		word = word->next;
	}
	/* "env -", "su -" */
	return word != NULL && is_word(word, "-") ? word->next : word;
}

/* ---- what is run ---- */

static struct cel__shell_where
where_of(const struct cel__shell_command *command)
{
	return (struct cel__shell_where){
	    .via = cel__shell_base(command->words),
	    .input = command->input,
	    .depth = command->depth,
	    .captured = command->captured,
	    .pipe_in = command->pipe_in,
	    .pipe_out = command->pipe_out,
	    .background = command->background,
	};
}

/* xargs -I@, --replace=@, -i: what it puts its input in place of. */
static const char *
placeholder_of(const struct cel__shell_command *outer)
{
	static const char name[] = "--replace=";
	const struct cel__shell_word *word = outer->words->next;

	for (; word != NULL && is_option(word); word = word->next) {
		const char *at = "";

		if (strncmp(word->text, name, strlen(name)) == 0) {
			at = word->text + strlen(name);
		} else if (has_letter(word, "IJi")) {
			at = strpbrk(word->text, "IJi") + 1;
			if (at[0] == '\0' && at[-1] != 'i') {
				at = word->next == NULL ? at : word->next->text;
			}
		}
		if (at[0] != '\0') {
			return at;
		}
	}
	return "{}";
}

/* A copy of the words in which those that wait for what is put in are unknown.  False: told. */
static bool
copy_waiting(struct cel__shell_parser *p,
    const struct cel__shell_command *outer, struct cel__shell_word **words)
{
	const struct cel__shell_word *word = *words;
	const char *named = placeholder_of(outer);

	for (; word != NULL; word = word->next) {
		*words = cel__shell_alloc(p, sizeof(**words));
		if (*words == NULL) {
			return false;
		}
		**words = *word;
		if (strstr(word->text, "{}") != NULL ||
		    strstr(word->text, named) != NULL) {
			(*words)->known = false;
		}
		words = &(*words)->next;
	}
	return true;
}

/* The words from `word` on are a command of their own. */
static bool
run_words(struct cel__shell_parser *p, struct cel__shell_command *outer,
    struct cel__shell_word *word, bool more)
{
	struct cel__shell_where where = where_of(outer);
	struct cel__shell_command *command;
	bool ok;

	if (word == NULL) {
		return true;
	}
	command = cel__shell_append(p, &where);
	if (command == NULL || !cel__shell_enter(p)) {
		return false;
	}
	if (more && !copy_waiting(p, outer, &word)) {
		return false;
	}
	command->words = word;
	command->redirects = outer->redirects;
	command->env = outer->env;
	command->env_count = outer->env_count;
	command->more = more || outer->more;
	command->known = !command->more;
	for (; word != NULL; word = word->next) {
		command->known = command->known && word->known;
	}
	ok = cel__shell_unwrap(p, command);
	p->nesting--;
	return ok;
}

static bool
run_text(struct cel__shell_parser *p, const struct cel__shell_command *outer,
    const char *text, size_t n)
{
	struct cel__shell_where where = where_of(outer);

	return cel__shell_run(p, text, n, &where);
}

/* Words with blanks between them, as eval and ssh read them. */
static bool
run_joined(struct cel__shell_parser *p, const struct cel__shell_command *outer,
    const struct cel__shell_word *word)
{
	size_t n = 0;
	char *text, *to;

	for (const struct cel__shell_word *one = word; one != NULL;
	     one = one->next) {
		n += one->n + 1;
	}
	text = to = cel__shell_alloc(p, n + 1);
	if (text == NULL) {
		return false;
	}
	for (; word != NULL; word = word->next) {
		memcpy(to, word->text, word->n);
		to += word->n;
		*to++ = ' ';
	}
	return run_text(p, outer, text, n);
}

/* NAME=… before a command: variables of env and sudo. */
static bool
take_variables(struct cel__shell_parser *p, struct cel__shell_command *command,
    struct cel__shell_word **word)
{
	for (; *word != NULL; *word = (*word)->next) {
		struct cel__shell_variable *variable;
		const char *equal = memchr((*word)->text, '=', (*word)->n);

		if (equal == NULL || equal == (*word)->text) {
			return true;
		}
		variable = cel__shell_alloc(p, sizeof(*variable));
		if (variable == NULL) {
			return false;
		}
		if (command->env_count >= CEL__SHELL_ENV_MAX) {
			return cel__shell_fail(p, "too many variables");
		}
		variable->name = (*word)->text;
		variable->n = (size_t)(equal - (*word)->text);
		variable->value = **word;
		variable->value.text = equal + 1;
		variable->value.n = (*word)->n - variable->n - 1;
		variable->next = command->env;
		command->env = variable;
		command->env_count++;
	}
	return true;
}

/* env -S 'a b', --split-string='a b': where the text begins; NULL: nowhere. */
static const char *
split_string(struct cel__shell_word *word, struct cel__shell_word **ret_rest)
{
	static const char name[] = "--split-string";

	for (; word != NULL && is_option(word); word = word->next) {
		const char *at =
		    has_letter(word, "S") ? strchr(word->text, 'S') + 1 : NULL;

		if (strncmp(word->text, name, strlen(name)) == 0) {
			at = word->text + strlen(name);
			at += *at == '=';
		}
		if (at != NULL) {
			*ret_rest = word->next;
			return at;
		}
	}
	return NULL;
}

static bool
run_split(struct cel__shell_parser *p, const struct cel__shell_command *outer,
    const char *text, struct cel__shell_word *rest)
{
	struct cel__shell_word first = {
	    .text = text, .n = strlen(text), .known = true, .next = rest};

	return run_joined(p, outer, &first);
}

/* setarch's first word, or the program: a machine has a number in its name, or is one of these. */
static bool
is_machine(const struct cel__shell_word *word)
{
	return strpbrk(word->text, "0123456789") != NULL ||
	       is_word(word, "arm") || is_word(word, "mips") ||
	       is_word(word, "ppc") || is_word(word, "alpha") ||
	       is_word(word, "sparc") || is_word(word, "parisc");
}

/* Behind the words that stand before a command, and the options behind those: perf stat -e x -- a. */
static struct cel__shell_word *
skip_words(
    struct cel__shell_word *word, const struct cel__shell_wrapper *wrapper)
{
	unsigned n = wrapper->skip;

	if (strcmp(wrapper->name, "setarch") == 0 && word != NULL) {
		n = is_machine(word);
	}
	for (unsigned i = 0; i < n && word != NULL; i++) {
		word = word->next;
	}
	return word;
}

static bool
unwrap_command(struct cel__shell_parser *p, struct cel__shell_command *command,
    const struct cel__shell_wrapper *wrapper)
{
	struct cel__shell_word *word = command->words->next, *rest = NULL;
	const char *text;

	for (const struct cel__shell_word *one = word;
	     one != NULL && is_option(one); one = one->next) {
		if (has_letter(one, wrapper->never)) {
			return true;
		}
	}
	if (strcmp(wrapper->name, "env") == 0 &&
	    (text = split_string(word, &rest)) != NULL) {
		return run_split(p, command, text, rest);
	}
	word = skip_options(word, wrapper);
	if (wrapper->variables && !take_variables(p, command, &word)) {
		return false;
	}
	rest = skip_words(word, wrapper);
	if (strcmp(wrapper->name, "flock") == 0 && rest != NULL &&
	    is_word(rest, "-c")) {
		return run_joined(p, command, rest->next);
	}
	word = rest == word ? word : skip_options(rest, wrapper);
	if (word == NULL && command->more) { /* xargs nice: it is yet to come */
		word = cel__shell_alloc(p, sizeof(*word));
		if (word == NULL) {
			return false;
		}
		*word = (struct cel__shell_word){.text = ""};
	}
	return run_words(p, command, word, wrapper->more);
}

/* A shell with a script, a file, or neither: then it reads fd 0. */
static bool
unwrap_shell(struct cel__shell_parser *p, struct cel__shell_command *command,
    const struct cel__shell_wrapper *wrapper)
{
	struct cel__shell_word *word = command->words->next;
	const struct cel__shell_redirect *input = command->input;
	bool script = false, standard = false;

	while (word != NULL && is_option(word) && !is_word(word, "--")) {
		script = script || has_letter(word, "c");
		standard = standard || has_letter(word, "s");
		if (takes(word, wrapper) && word->next != NULL) {
			word = word->next;
		}
		word = word->next;
	}
	if (word != NULL && (is_word(word, "--") || is_word(word, "-"))) {
		word = word->next;
	}
	if (script) {
		return word == NULL ||
		       run_text(p, command, word->text, word->n);
	}
	command->reads_script =
	    word == NULL || standard || is_word(word, "/dev/stdin");
	if (!command->reads_script || input == NULL) {
		return true;
	}
	command->input->reader = command;
	return strcmp(input->op, "<<<") != 0 ||
	       cel__shell_feed(p, command, &input->target);
}

/* The script behind -c, wherever that stands. */
static bool
unwrap_option(struct cel__shell_parser *p, struct cel__shell_command *command)
{
	for (const struct cel__shell_word *word = command->words->next;
	     word != NULL; word = word->next) {
		static const char name[] = "--command=";

		if (word->n > strlen(name) &&
		    memcmp(word->text, name, strlen(name)) == 0) {
			return run_text(p, command, word->text + strlen(name),
			    word->n - strlen(name));
		}
		if (word->next != NULL &&
		    (is_word(word, "--command") || is_word(word, "--run") ||
			(has_letter(word, "c") && word->n <= 4))) {
			return run_text(
			    p, command, word->next->text, word->next->n);
		}
	}
	return true;
}

/* A copy of the words from `word` up to one of "; +"; word is then there. */
static struct cel__shell_word *
cut(struct cel__shell_parser *p, struct cel__shell_word **word)
{
	struct cel__shell_word *first = NULL, **last = &first;

	for (; *word != NULL && !is_word(*word, ";") && !is_word(*word, "+");
	     *word = (*word)->next) {
		*last = cel__shell_alloc(p, sizeof(**last));
		if (*last == NULL) {
			return NULL;
		}
		**last = **word;
		last = &(*last)->next;
		*last = NULL;
	}
	return first;
}

static bool
unwrap_find(struct cel__shell_parser *p, struct cel__shell_command *command)
{
	static const char *const execs[] = {"-exec", "-execdir", "-ok",
	    "-okdir", "-x", "-X", "--exec", "--exec-batch"};
	struct cel__shell_word *word = command->words->next;

	while (word != NULL) {
		bool runs = false;

		for (size_t i = 0; i < GK_COUNT(execs); i++) {
			runs = runs || is_word(word, execs[i]);
		}
		word = word->next;
		if (runs && !run_words(p, command, cut(p, &word), true)) {
			return false;
		}
	}
	return true;
}

/* docker run --rm IMAGE ls, poetry run pytest, bundle exec rake */
static bool
unwrap_run(struct cel__shell_parser *p, struct cel__shell_command *command,
    const struct cel__shell_wrapper *wrapper)
{
	static const char flags[] =
	    " -i -t -d -P -q -T --rm --privileged --init --read-only --detach "
	    "--interactive --tty --quiet --no-deps --publish-all "
	    "--no-healthcheck --all-extras --frozen --locked --isolated "
	    "--no-sync --no-project --no-capture-output --live-stream ";
	struct cel__shell_word *word = command->words->next;

	while (
	    word != NULL && !is_word(word, "run") && !is_word(word, "exec")) {
		word = word->next;
	}
	word = word == NULL ? NULL : word->next;
	while (word != NULL && is_option(word) && !is_word(word, "--")) {
		bool cluster = word->n > 1 && word->text[1] != '-' &&
			       strspn(word->text + 1, "itdTqP") + 1 == word->n;

		if (!cluster && !long_takes(word, flags) &&
		    memchr(word->text, '=', word->n) == NULL &&
		    word->next != NULL) {
			word = word->next;
		}
		word = word->next;
	}
	if (word != NULL && is_word(word, "--")) {
		word = word->next;
	}
	for (unsigned i = 0; i < wrapper->skip && word != NULL; i++) {
		word = word->next;
	}
	return run_words(p, command, word, false);
}

static bool
unwrap_behind(struct cel__shell_parser *p, struct cel__shell_command *command)
{
	struct cel__shell_word *word = command->words;

	while (word != NULL && !is_word(word, "--")) {
		word = word->next;
	}
	return word == NULL || run_words(p, command, word->next, false);
}

bool
cel__shell_unwrap(
    struct cel__shell_parser *p, struct cel__shell_command *command)
{
	const struct cel__shell_wrapper *wrapper;
	struct cel__shell_word *word;

	wrapper = cel__shell_wrapper_of(cel__shell_base(command->words));
	if (wrapper == NULL) {
		return true;
	}
	word = command->words->next;
	switch (wrapper->what) {
	case CEL__SHELL_COMMAND:
		return unwrap_command(p, command, wrapper);
	case CEL__SHELL_SHELL:
		return unwrap_shell(p, command, wrapper);
	case CEL__SHELL_OPTION_C:
		return unwrap_option(p, command);
	case CEL__SHELL_EXEC:
		return unwrap_find(p, command);
	case CEL__SHELL_BEHIND:
		return unwrap_behind(p, command);
	case CEL__SHELL_RUN:
		return unwrap_run(p, command, wrapper);
	case CEL__SHELL_JOINED:
	case CEL__SHELL_FIRST_WORD:
		word = skip_options(word, wrapper);
		if (wrapper->skip > 0) {
			word = skip_options(skip_words(word, wrapper), wrapper);
		}
		if (word != NULL && wrapper->what == CEL__SHELL_FIRST_WORD) {
			return run_text(p, command, word->text, word->n);
		}
		return word == NULL || run_joined(p, command, word);
	}
	return true;
}

bool
cel__shell_feed(struct cel__shell_parser *p, struct cel__shell_command *reader,
    const struct cel__shell_word *script)
{
	struct cel__shell_where where = where_of(reader);

	where.input = NULL;
	where.pipe_in = false;
	return cel__shell_run(p, script->text, script->n, &where);
}
