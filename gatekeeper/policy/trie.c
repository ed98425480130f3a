/* Which of many texts does a text begin with?  One walk finds all, and ends where they do. */
#include <string.h>

#include "policy/policy_internal.h"

static bool
has_child(const struct trie_node *node, unsigned char c)
{
	return c < 128 && ((node->next[c / 64] >> (c % 64)) & 1) != 0;
}

/* Children follow one another by character: so many stand before c's. */
static unsigned
child_of(const struct trie_node *node, unsigned char c)
{
	uint64_t below = node->next[c / 64] & ((UINT64_C(1) << (c % 64)) - 1);
	int before = __builtin_popcountll(below);

	if (c >= 64) {
		before += __builtin_popcountll(node->next[0]);
	}
	return node->child + (unsigned)before;
}

/* Keys are sorted: what the first and the last share, all share. */
static size_t
shared_by(const struct index_key *keys, size_t count, size_t from)
{
	const struct index_key *last = &keys[count - 1];
	size_t n = from;

	while (
	    n < keys[0].n && n < last->n && keys[0].text[n] == last->text[n]) {
		n++;
	}
	return n;
}

/* How many of the sorted keys have the first one's character there. */
static size_t
alike(const struct index_key *keys, size_t count, size_t at)
{
	size_t n = 1;

	while (n < count && keys[n].text[at] == keys[0].text[at]) {
		n++;
	}
	return n;
}

/*
 * The keys, which share their first `from` characters, go below node number
 * `at`.  Each step down takes a character: at most as deep as a name is long.
 */
static void
grow(struct trie *trie, unsigned at, struct index_key *keys, size_t count,
    size_t from, const struct index_key *above)
{
	struct trie_node *node = &trie->nodes[at];
	size_t shared = shared_by(keys, count, from), n;
	unsigned child;

	node->label = keys[0].text + from;
	node->label_n = (unsigned)(shared - from);
	if (keys[0].n == shared) {
		keys[0].above = above;
		above = keys++;
		count--;
	}
	node->key = above;
	node->child = child = trie->count;
	for (size_t i = 0; i < count; i += alike(keys + i, count - i, shared)) {
		unsigned char c = (unsigned char)keys[i].text[shared];

		node->next[c / 64] |= UINT64_C(1) << (c % 64);
		trie->count++;
	}
	for (size_t i = 0; i < count; i += n) {
		n = alike(keys + i, count - i, shared);
		grow(trie, child++, keys + i, n, shared, above);
	}
}

enum gk_rc
trie_build(struct trie *trie, struct index_key *keys, size_t count,
    struct gk_arena *arena, struct gk_err *err)
{
	if (count == 0) {
		return GK_OK;
	}
	/* every node ends a key or forks, and there are fewer forks than keys */
	trie->nodes = gk_arena_calloc(arena, 2 * count, sizeof(*trie->nodes));
	if (trie->nodes == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "rule index");
	}
	trie->count = 1;
	grow(trie, 0, keys, count, 0, NULL);
	return GK_OK;
}

const struct index_key *
trie_find(const struct trie *trie, const char *text, size_t n)
{
	const struct trie_node *node = trie->nodes;
	const struct index_key *found = NULL;
	size_t at = 0;

	while (node != NULL && n - at >= node->label_n &&
	       memcmp(text + at, node->label, node->label_n) == 0) {
		at += node->label_n;
		found = node->key;
		if (at == n || !has_child(node, (unsigned char)text[at])) {
			break;
		}
		node = &trie->nodes[child_of(node, (unsigned char)text[at])];
	}
	return found;
}
