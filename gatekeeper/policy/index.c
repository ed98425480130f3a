/* Rules by action, so that a decision's cost follows the rules that can match, not those that exist. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

static enum gk_rc
list_add(struct gk_arena *arena, struct rule_list *list, unsigned rule,
    struct gk_err *err)
{
	if (list->count > 0 && list->rules[list->count - 1] == rule) {
		return GK_OK; /* two globs of one rule in one bucket */
	}
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 4 : list->room * 2;
		unsigned *rules = gk_arena_calloc(arena, room, sizeof(*rules));

		if (rules == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "rule index");
		}
		if (list->count > 0) {
			memcpy(
			    rules, list->rules, list->count * sizeof(*rules));
		}
		list->rules = rules;
		list->room = room;
	}
	list->rules[list->count++] = rule;
	return GK_OK;
}

static enum gk_rc
bucket_add(struct gk_arena *arena, struct gk_map *map, const char *key,
    size_t n, unsigned rule, struct gk_err *err)
{
	struct rule_list *list = gk_map_get(map, key, n);

	if (list == NULL) {
		list = gk_arena_alloc(arena, sizeof(*list));
		if (list == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "rule index");
		}
		list->key = gk_arena_strndup(arena, key, n);
		if (list->key == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "rule index");
		}
		GK_TRY(gk_map_set(map, list->key, n, list, err));
	}
	return list_add(arena, list, rule, err);
}

static enum gk_rc
add_action(struct policy *policy, const char *action, unsigned rule,
    struct gk_err *err)
{
	struct rule_index *index = &policy->index;
	const char *first = strchr(action, '*'), *last = strrchr(action, '*');

	if (first == NULL) {
		return bucket_add(&policy->arena, &index->exact, action,
		    strlen(action), rule, err);
	}
	if (first != action) {
		size_t n = (size_t)(first - action);

		index->prefix_len[n] = true;
		return bucket_add(
		    &policy->arena, &index->prefix, action, n, rule, err);
	}
	if (last[1] != '\0') {
		size_t n = strlen(last + 1);

		index->suffix_len[n] = true;
		return bucket_add(
		    &policy->arena, &index->suffix, last + 1, n, rule, err);
	}
	return list_add(&policy->arena, &index->always, rule, err);
}

enum gk_rc
index_build(struct policy *policy, struct gk_err *err)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->actions.count == 0) {
			GK_TRY(list_add(&policy->arena, &policy->index.always,
			    (unsigned)i, err));
		}
		for (size_t k = 0; k < rule->actions.count; k++) {
			GK_TRY(add_action(
			    policy, rule->actions.items[k], (unsigned)i, err));
		}
	}
	return GK_OK;
}

void
index_done(struct rule_index *index)
{
	gk_map_done(&index->exact);
	gk_map_done(&index->prefix);
	gk_map_done(&index->suffix);
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

enum { BUCKETS_MAX = 2 + 2 * 129 };

/* The buckets in which a rule for this action can lie. */
static size_t
find_buckets(const struct rule_index *index, const char *action,
    const struct rule_list *ret[BUCKETS_MAX])
{
	size_t len = strlen(action), n = 0;
	const struct rule_list *found = gk_map_get(&index->exact, action, len);

	ret[n++] = &index->always;
	if (found != NULL) {
		ret[n++] = found;
	}
	for (size_t k = 1; k <= len && k < 130; k++) {
		found = index->prefix_len[k]
			    ? gk_map_get(&index->prefix, action, k)
			    : NULL;
		if (found != NULL) {
			ret[n++] = found;
		}
		found = index->suffix_len[k]
			    ? gk_map_get(&index->suffix, action + len - k, k)
			    : NULL;
		if (found != NULL) {
			ret[n++] = found;
		}
	}
	return n;
}

static int
by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

enum gk_rc
index_find(const struct policy *policy, const char *action,
    struct gk_arena *arena, unsigned **ret_rules, size_t *ret_count,
    struct gk_err *err)
{
	const struct rule_list *buckets[BUCKETS_MAX];
	size_t n = find_buckets(&policy->index, action, buckets);
	size_t total = 0, count = 0;
	unsigned *rules;

	for (size_t i = 0; i < n; i++) {
		total += buckets[i]->count;
	}
	rules = gk_arena_calloc(arena, total + 1, sizeof(*rules));
	if (rules == NULL) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "too many rules for one request");
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < buckets[i]->count; k++) {
			unsigned rule = buckets[i]->rules[k];

			if (rule_names_action(&policy->rules[rule], action)) {
				rules[count++] = rule;
			}
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
