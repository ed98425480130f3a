/* Rules by action, so that a decision's cost follows the rules that can match, not those that exist. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

enum { NAME_BYTES = 128 }; /* of an action or a glob */

/* What finds a name or glob: all of it, its beginning, its end (kept backwards), or nothing. */
enum way { BY_NAME, BY_BEGINNING, BY_END, BY_NOTHING, WAY_COUNT };

struct entry {
	enum way way;
	const char *text;
	size_t n;
	unsigned rule;
};

/* Entries while an index is made; ways[] counts the keys among them. */
struct maker {
	struct gk_arena arena;
	struct entry *entries;
	size_t count;
	size_t ways[WAY_COUNT];
};

static void
maker_done(struct maker *maker)
{
	gk_arena_done(&maker->arena);
}

static char *
backwards(struct gk_arena *arena, const char *text, size_t n)
{
	char *copy = gk_arena_alloc(arena, n + 1);

	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = text[n - 1 - i];
	}
	return copy;
}

/* A glob is found by the longer of the texts before its first and after its last star. */
static enum gk_rc
add_action(struct policy *policy, struct maker *maker, const char *action,
    unsigned rule, struct gk_err *err)
{
	const char *first = strchr(action, '*'), *last = strrchr(action, '*');
	struct entry *entry = &maker->entries[maker->count++];
	size_t begin =
	    first == NULL ? strlen(action) : (size_t)(first - action);
	size_t end = last == NULL ? 0 : strlen(last + 1);

	*entry = (struct entry){BY_BEGINNING, action, begin, rule};
	if (first == NULL) {
		entry->way = BY_NAME;
	} else if (end > begin) {
		entry->way = BY_END;
		entry->n = end;
		entry->text = backwards(&policy->arena, last + 1, end);
		if (entry->text == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "rule index");
		}
	} else if (begin == 0) {
		entry->way = BY_NOTHING;
	}
	return GK_OK;
}

static enum gk_rc
make_entries(struct policy *policy, struct maker *maker, struct gk_err *err)
{
	size_t room = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		room += policy->rules[i].actions.count + 1;
	}
	maker->entries =
	    gk_arena_calloc(&maker->arena, room, sizeof(*maker->entries));
	if (maker->entries == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "rule index");
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct texts *actions = &policy->rules[i].actions;

		if (actions->count == 0) {
			maker->entries[maker->count++] =
			    (struct entry){BY_NOTHING, "", 0, (unsigned)i};
		}
		for (size_t k = 0; k < actions->count; k++) {
			GK_TRY(add_action(policy, maker, actions->items[k],
			    (unsigned)i, err));
		}
	}
	return GK_OK;
}

/* By way, then text: a text stands before those that begin with it. */
static int
by_key(const struct entry *x, const struct entry *y)
{
	int order = (x->way > y->way) - (x->way < y->way);

	if (order == 0) {
		order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
	}
	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static int
by_key_and_rule(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = by_key(x, y);

	return order != 0 ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

/* Sorted entries → keys, each with the numbers of its rules. */
static enum gk_rc
make_keys(struct policy *policy, struct maker *maker,
    struct index_key **ret_keys, struct gk_err *err)
{
	struct entry *entries = maker->entries;
	struct index_key *keys, *key = NULL;
	unsigned *rules;
	size_t n = 0;

	for (size_t i = 0; i < maker->count; i++) {
		n += i == 0 || by_key(&entries[i], &entries[i - 1]) != 0;
	}
	keys = gk_arena_calloc(&policy->arena, n, sizeof(*keys));
	rules = gk_arena_calloc(&policy->arena, maker->count, sizeof(*rules));
	if (keys == NULL || rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "rule index");
	}
	*ret_keys = keys;
	for (size_t i = 0; i < maker->count; i++) {
		const struct entry *entry = &entries[i];

		if (key == NULL || by_key(entry, entry - 1) != 0) {
			key = keys++;
			*key = (struct index_key){
			    entry->text, entry->n, rules, 0, NULL};
			maker->ways[entry->way]++;
		} else if (entry->rule == rules[-1]) {
			continue; /* two globs of one rule by one text */
		}
		*rules++ = entry->rule;
		key->count++;
	}
	return GK_OK;
}

enum gk_rc
index_build(struct policy *policy, struct gk_err *err)
{
	GK_AUTO(maker_done) struct maker maker = {.arena = {.cap = SIZE_MAX}};
	struct rule_index *index = &policy->index;
	struct index_key *keys;

	GK_TRY(make_entries(policy, &maker, err));
	qsort(maker.entries, maker.count, sizeof(*maker.entries),
	    by_key_and_rule);
	GK_TRY(make_keys(policy, &maker, &keys, err));
	for (size_t i = 0; i < maker.ways[BY_NAME]; i++, keys++) {
		GK_TRY(
		    gk_map_set(&index->exact, keys->text, keys->n, keys, err));
	}
	GK_TRY(trie_build(&index->beginnings, keys, maker.ways[BY_BEGINNING],
	    &policy->arena, err));
	keys += maker.ways[BY_BEGINNING];
	GK_TRY(trie_build(
	    &index->ends, keys, maker.ways[BY_END], &policy->arena, err));
	keys += maker.ways[BY_END];
	index->always = maker.ways[BY_NOTHING] > 0 ? keys : NULL;
	return GK_OK;
}

void
index_done(struct rule_index *index)
{
	gk_map_done(&index->exact);
}

bool
rule_names_action(const struct rule *rule, const char *action)
{
	for (size_t i = 0; i < rule->actions.count; i++) {
		if (name_glob(rule->actions.items[i], action)) {
			return true;
		}
	}
	return rule->actions.count == 0;
}

/* The keys, and those above them, that rules for this action can stand under. */
static void
find_keys(const struct rule_index *index, const char *action,
    const struct index_key *ret[WAY_COUNT])
{
	size_t len = strlen(action);
	size_t end = len < NAME_BYTES ? len : NAME_BYTES;
	char reverse[NAME_BYTES];

	for (size_t i = 0; i < end && index->ends.count > 0; i++) {
		reverse[i] = action[len - 1 - i];
	}
	ret[BY_NAME] = gk_map_get(&index->exact, action, len);
	ret[BY_BEGINNING] = trie_find(&index->beginnings, action, len);
	ret[BY_END] = trie_find(&index->ends, reverse, end);
	ret[BY_NOTHING] = index->always;
}

static int
by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* Those of a key's rules that name the action indeed; gives how many. */
static size_t
matching(const struct policy *policy, const struct index_key *key,
    const char *action, unsigned *ret_rules)
{
	size_t count = 0;

	for (size_t i = 0; i < key->count; i++) {
		if (rule_names_action(&policy->rules[key->rules[i]], action)) {
			ret_rules[count++] = key->rules[i];
		}
	}
	return count;
}

enum gk_rc
index_find(const struct policy *policy, const char *action,
    struct gk_arena *arena, unsigned **ret_rules, size_t *ret_count,
    struct gk_err *err)
{
	const struct index_key *keys[WAY_COUNT], *key;
	size_t total = 0, count = 0;
	unsigned *rules;

	find_keys(&policy->index, action, keys);
	for (int way = 0; way < WAY_COUNT; way++) {
		for (key = keys[way]; key != NULL; key = key->above) {
			total += key->count;
		}
	}
	rules = gk_arena_calloc(arena, total + 1, sizeof(*rules));
	if (rules == NULL) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "too many rules for one request");
	}
	for (int way = 0; way < WAY_COUNT; way++) {
		for (key = keys[way]; key != NULL; key = key->above) {
			count += matching(policy, key, action, rules + count);
		}
	}
	qsort(rules, count, sizeof(*rules), by_number);
	total = count;
	count = 0;
	for (size_t i = 0; i < total; i++) {
		if (i == 0 || rules[i] != rules[i - 1]) {
			rules[count++] = rules[i];
		}
	}
	*ret_rules = rules;
	*ret_count = count;
	return GK_OK;
}
