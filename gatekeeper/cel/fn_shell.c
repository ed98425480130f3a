/* shell.parse(text): what a command line would run, as a map. */

#include "cel/cel_internal.h"

#include <string.h>

#include "cel/shell.h"

/* Entries that are put one by one into room that is there. */
struct object {
	struct cel_entry *entries;
	size_t n;
};

static void
put(struct object *object, const char *key, struct cel_value value)
{
	struct cel_entry *entry = &object->entries[object->n++];

	entry->key = cel_text(key);
	entry->value = value;
}

static struct cel_value
word_value(const struct cel__shell_word *word)
{
	return cel_string(word->text, word->n);
}

/* The first word where it is what it says; "": only a shell knows. */
static struct cel_value
name_value(const struct cel__shell_command *command)
{
	return command->words != NULL && command->words->known
		   ? word_value(command->words)
		   : cel_text("");
}

static struct cel_value
base_value(const struct cel__shell_command *command)
{
	struct cel_value name = name_value(command);

	for (uint32_t i = name.n; i > 0; i--) {
		if (name.as.text[i - 1] == '/') {
			return cel_string(name.as.text + i, name.n - i);
		}
	}
	return name;
}

static struct cel_value
argv_value(struct cel_eval *ev, const struct cel__shell_command *command)
{
	struct cel_value *items;
	size_t n = 0;

	for (const struct cel__shell_word *word = command->words; word != NULL;
	     word = word->next) {
		n++;
	}
	items = cel__alloc(ev, n * sizeof(*items));
	if (items == NULL) {
		return cel__spent(ev);
	}
	n = 0;
	for (const struct cel__shell_word *word = command->words; word != NULL;
	     word = word->next) {
		items[n++] = word_value(word);
	}
	return cel_list(items, n);
}

static bool
has_key(const struct object *object, const struct cel_value *key)
{
	for (size_t i = 0; i < object->n; i++) {
		const struct cel_value *one = &object->entries[i].key;

		if (one->n == key->n &&
		    memcmp(one->as.text, key->as.text, key->n) == 0) {
			return true;
		}
	}
	return false;
}

static struct cel_value
env_value(struct cel_eval *ev, const struct cel__shell_command *command)
{
	struct object object = {
	    cel__alloc(ev, command->env_count * sizeof(*object.entries)), 0};

	if (object.entries == NULL || !cel__charge(ev, command->env_count)) {
		return cel__spent(ev);
	}
	for (const struct cel__shell_variable *one = command->env; one != NULL;
	     one = one->next) {
		struct cel_value key = cel_string(one->name, one->n);

		if (!has_key(&object, &key)) {
			object.entries[object.n].key = key;
			object.entries[object.n++].value =
			    word_value(&one->value);
		}
	}
	return cel__map(ev, object.entries, object.n);
}

static struct cel_value
redirect_value(struct cel_eval *ev, const struct cel__shell_redirect *redirect)
{
	struct object object = {cel__alloc(ev, 4 * sizeof(*object.entries)), 0};

	if (object.entries == NULL) {
		return cel__spent(ev);
	}
	put(&object, "op", cel_text(redirect->op));
	put(&object, "fd", cel_int(redirect->fd));
	put(&object, "target", word_value(&redirect->target));
	put(&object, "known", cel_bool(redirect->target.known));
	return cel__map(ev, object.entries, object.n);
}

static struct cel_value
redirects_value(struct cel_eval *ev, const struct cel__shell_command *command)
{
	struct cel_value *items;
	size_t n = 0;

	for (const struct cel__shell_redirect *one = command->redirects;
	     one != NULL; one = one->next) {
		n++;
	}
	items = cel__alloc(ev, n * sizeof(*items));
	if (items == NULL) {
		return cel__spent(ev);
	}
	n = 0;
	for (const struct cel__shell_redirect *one = command->redirects;
	     one != NULL; one = one->next) {
		items[n++] = redirect_value(ev, one);
	}
	return cel_list(items, n);
}

static bool
captures(const struct cel__shell_command *command)
{
	for (const struct cel__shell_word *word = command->words; word != NULL;
	     word = word->next) {
		if (word->captures) {
			return true;
		}
	}
	return false;
}

static struct cel_value
command_value(struct cel_eval *ev, const struct cel__shell_command *command)
{
	struct object object = {
	    cel__alloc(ev, 13 * sizeof(*object.entries)), 0};

	if (object.entries == NULL) {
		return cel__spent(ev);
	}
	put(&object, "name", name_value(command));
	put(&object, "base", base_value(command));
	put(&object, "argv", argv_value(ev, command));
	put(&object, "known", cel_bool(command->known));
	put(&object, "captures", cel_bool(captures(command)));
	put(&object, "env", env_value(ev, command));
	put(&object, "redirects", redirects_value(ev, command));
	put(&object, "pipe_in", cel_bool(command->pipe_in));
	put(&object, "pipe_out", cel_bool(command->pipe_out));
	put(&object, "reads_script", cel_bool(command->reads_script));
	put(&object, "depth", cel_int(command->depth));
	put(&object, "background", cel_bool(command->background));
	put(&object, "via", cel_text(command->via));
	return cel__map(ev, object.entries, object.n);
}

static struct cel_value
commands_value(struct cel_eval *ev, const struct cel__shell_script *script)
{
	struct cel_value *items =
	    cel__alloc(ev, script->count * sizeof(*items));
	size_t n = 0;

	for (const struct cel__shell_command *one = script->commands;
	     one != NULL && items != NULL; one = one->next) {
		items[n++] = command_value(ev, one);
	}
	return items == NULL ? cel__spent(ev) : cel_list(items, n);
}

/* The names in a pipeline, without their folders. */
static struct cel_value
pipeline_value(struct cel_eval *ev, const struct cel__shell_pipeline *pipeline)
{
	const struct cel__shell_command *one = pipeline->first;
	struct cel_value *items =
	    cel__alloc(ev, pipeline->count * sizeof(*items));
	size_t n = 0;

	if (items == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < pipeline->count; i++, one = one->next) {
		if (one->captured == pipeline->captured) {
			items[n++] = base_value(one);
		}
	}
	return cel_list(items, n);
}

static struct cel_value
pipelines_value(struct cel_eval *ev, const struct cel__shell_script *script)
{
	struct cel_value *items;
	size_t n = 0;

	for (const struct cel__shell_pipeline *one = script->pipelines;
	     one != NULL; one = one->next) {
		n++;
	}
	items = cel__alloc(ev, n * sizeof(*items));
	if (items == NULL) {
		return cel__spent(ev);
	}
	n = 0;
	for (const struct cel__shell_pipeline *one = script->pipelines;
	     one != NULL; one = one->next) {
		items[n++] = pipeline_value(ev, one);
	}
	return cel_list(items, n);
}

/* The parser takes what is left of the condition's memory, and not more. */
static bool
parse(struct cel_eval *ev, const struct cel_value *text,
    struct cel__shell_script *ret_script)
{
	struct gk_arena *arena = ev->arena;
	size_t cap = arena->cap, before = arena->used, took;
	bool fine;

	if (!cel__charge(ev, 1 + text->n / 2)) {
		return false;
	}
	arena->cap = ev->bytes < cap - before ? before + ev->bytes : cap;
	fine = cel__shell_parse(text->as.text, text->n, arena, ret_script);
	arena->cap = cap;
	took = arena->used - before;
	ev->bytes -= took < ev->bytes ? took : ev->bytes;
	return fine && cel__charge(ev, took / 64);
}

static struct cel_value
shell_parse(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel__shell_script script;
	struct object object;

	(void)n;
	if (!parse(ev, &args[0], &script)) {
		return cel__spent(ev);
	}
	object =
	    (struct object){cel__alloc(ev, 6 * sizeof(*object.entries)), 0};
	if (object.entries == NULL) {
		return cel__spent(ev);
	}
	put(&object, "ok", cel_bool(script.error == NULL));
	put(&object, "error",
	    cel_text(script.error == NULL ? "" : script.error));
	put(&object, "commands", commands_value(ev, &script));
	put(&object, "pipelines", pipelines_value(ev, &script));
	put(&object, "substitutions", cel_int(script.substitutions));
	put(&object, "expansions", cel_bool(script.expansions));
	return ev->spent != NULL ? cel__spent(ev)
				 : cel__map(ev, object.entries, object.n);
}

const struct cel_builtin cel__shell[] = {
    {"shell.parse", false, "(string) -> map(string, dyn)", shell_parse},
    {NULL, false, NULL, NULL},
};
