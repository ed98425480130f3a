/* Any text as a command line: what the shell's parser gives is whole and within its limits. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "cel/cel_internal.h"
#include "cel/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 8 << 20 };

static void
look_at_word(const struct cel__shell_word *word)
{
	GK_ASSERT(
	    word->n <= (size_t)CEL__SHELL_TEXT_MAX * CEL__SHELL_DEPTH_MAX);
	GK_ASSERT(cel__text_valid(word->text, word->n));
	GK_ASSERT(memchr(word->text, '\0', word->n) == NULL);
}

static void
look_at_command(const struct cel__shell_command *command)
{
	uint32_t variables = 0;
	bool known = true;

	for (const struct cel__shell_word *word = command->words; word != NULL;
	     word = word->next) {
		look_at_word(word);
		known = known && word->known;
	}
	GK_ASSERT(known || !command->known);
	for (const struct cel__shell_variable *one = command->env; one != NULL;
	     one = one->next) {
		look_at_word(&one->value);
		GK_ASSERT(one->n > 0);
		variables++;
	}
	GK_ASSERT(variables == command->env_count);
	for (const struct cel__shell_redirect *one = command->redirects;
	     one != NULL; one = one->next) {
		GK_ASSERT(one->op != NULL);
		look_at_word(&one->target);
	}
	GK_ASSERT(command->depth <= CEL__SHELL_DEPTH_MAX + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gk_arena arena = GK_ARENA_INIT(MEMORY);
	struct cel__shell_script script;
	const char *text = size == 0 ? "" : (const char *)data;
	uint32_t count = 0;

	if (cel__text_valid(text, size) &&
	    cel__shell_parse(text, size, &arena, &script)) {
		for (const struct cel__shell_command *one = script.commands;
		     script.error == NULL && one != NULL; one = one->next) {
			look_at_command(one);
			count++;
		}
		GK_ASSERT(script.error != NULL || count == script.count);
		GK_ASSERT(count <= CEL__SHELL_COMMANDS_MAX);
	}
	gk_arena_done(&arena);
	return 0;
}
