/* A trie finds every key that a text begins with, and no other. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

enum { KEYS_MAX = 64, KEY_BYTES = 8 };

static char texts[KEYS_MAX][KEY_BYTES + 1];
static struct index_key keys[KEYS_MAX];
static struct trie trie;
static struct gk_arena arena = GK_ARENA_INIT(1 << 20);

static void
teardown(void)
{
	gk_arena_done(&arena);
}

TestSuite(trie, .fini = teardown);

/* texts[0..count) are sorted, each once. */
static void
build(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		keys[i] = (struct index_key){
		    texts[i], strlen(texts[i]), NULL, 0, NULL};
	}
	memset(&trie, 0, sizeof(trie));
	cr_assert(trie_build(&trie, keys, count, &arena, NULL) == GK_OK);
	cr_assert(count == 0 || trie.count < 2 * count);
}

static void
compare(size_t count, const char *text)
{
	const struct index_key *found = trie_find(&trie, text, strlen(text));

	for (size_t i = count; i-- > 0;) { /* the longest stands last */
		if (strncmp(texts[i], text, keys[i].n) == 0) {
			cr_assert(found == &keys[i], "'%s' isn't found in '%s'",
			    texts[i], text);
			found = found->above;
		}
	}
	cr_assert(found == NULL, "too many in '%s'", text);
}

Test(trie, without_keys_finds_nothing)
{
	build(0);
	compare(0, "");
	compare(0, "a");
}

Test(trie, one_key_is_found_where_it_is_the_beginning)
{
	(void)strncpy(texts[0], "crm.", KEY_BYTES);
	build(1);
	compare(1, "crm.");
	compare(1, "crm.search");
	compare(1, "crm");
	compare(1, "");
	compare(1, "cry.");
	compare(1, "\xc3\xa9");
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

/* 1 to KEY_BYTES characters from both halves of ASCII; few, so that much is shared. */
static void
draw(char ret[KEY_BYTES + 1])
{
	static const char letters[] = "ab.9Z";
	size_t n;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	n = 1 + (size_t)(state >> 60) % KEY_BYTES;
	for (size_t i = 0; i < n; i++) {
		ret[i] = letters[(state >> (4 * i)) % (sizeof(letters) - 1)];
	}
	ret[n] = '\0';
}

Test(trie, finds_what_comparing_every_key_finds)
{
	for (int round = 0; round < 500; round++) {
		char text[KEY_BYTES + 1];
		size_t count = 1;

		for (size_t i = 0; i < KEYS_MAX; i++) {
			draw(texts[i]);
		}
		qsort(texts, KEYS_MAX, sizeof(texts[0]), by_text);
		for (size_t i = 1; i < KEYS_MAX; i++) {
			if (strcmp(texts[i], texts[count - 1]) != 0) {
				memmove(
				    texts[count++], texts[i], sizeof(texts[0]));
			}
		}
		build(count);
		for (int i = 0; i < 200; i++) {
			draw(text);
			compare(count, text);
		}
		gk_arena_clear(&arena);
	}
}
