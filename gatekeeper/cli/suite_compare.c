/* What was expected of an answer, and what it was. */
#include <stdio.h>
#include <string.h>

#include "cli/suite.h"
#include "gate/trial.h"

enum { TEXT_MAX = 400 };

static enum gk_rc
set_text(struct json_value *object, const char *name, const char *text,
    struct gk_err *err)
{
	struct json_value *value = json_new_string(text);

	return json_set(object, name, &value, err);
}

static enum gk_rc
differ(struct json_value **differences, const char *field, const char *expected,
    const char *actual, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();

	if (*differences == NULL) {
		*differences = json_new_array();
	}
	GK_TRY(set_text(one, "field", field, err));
	GK_TRY(set_text(one, "expected", expected, err));
	GK_TRY(set_text(one, "actual", actual == NULL ? "-" : actual, err));
	return json_append(*differences, &one, err);
}

/* expected NULL: anything. */
static enum gk_rc
compare(struct json_value **differences, const char *field,
    const char *expected, const char *actual, struct gk_err *err)
{
	if (expected == NULL ||
	    (actual != NULL && strcmp(expected, actual) == 0)) {
		return GK_OK;
	}
	return differ(differences, field, expected, actual, err);
}

static void
join(const char *const *words, size_t count, char text[TEXT_MAX])
{
	size_t n = 0;

	(void)snprintf(text, TEXT_MAX, "%s", count == 0 ? "none" : "");
	for (size_t i = 0; i < count && n < TEXT_MAX; i++) {
		n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s%s",
		    i == 0 ? "" : ", ", words[i]);
	}
}

static enum gk_rc
compare_shadow(struct json_value **differences,
    const struct suite_expect *expect, const struct trial_answer *answer,
    struct gk_err *err)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1u << 16);
	const char **rules =
	    gk_arena_calloc(&arena, answer->shadow_count + 1, sizeof(*rules));
	char expected[TEXT_MAX], actual[TEXT_MAX];
	bool same = expect->shadow_count == answer->shadow_count;

	if (rules == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a test");
	}
	for (size_t i = 0; i < answer->shadow_count; i++) {
		bool found = false;

		rules[i] = answer->shadow[i].rule;
		for (size_t k = 0; k < expect->shadow_count; k++) {
			found =
			    found || strcmp(rules[i], expect->shadow[k]) == 0;
		}
		same = same && found;
	}
	if (same) {
		return GK_OK;
	}
	join(expect->shadow, expect->shadow_count, expected);
	join(rules, answer->shadow_count, actual);
	return differ(differences, "shadow", expected, actual, err);
}

static enum gk_rc
compare_answer(struct json_value **differences,
    const struct suite_expect *expect, const struct trial_answer *answer,
    struct gk_err *err)
{
	if (expect->has_decision) {
		GK_TRY(compare(differences, "decision",
		    decision_words[expect->decision],
		    decision_words[answer->decision], err));
	}
	GK_TRY(compare(differences, "layer", layer_words[expect->layer],
	    layer_words[answer->layer], err));
	GK_TRY(compare(differences, "rule", expect->rule, answer->rule, err));
	GK_TRY(compare(
	    differences, "reason", expect->reason, answer->reason, err));
	GK_TRY(compare(differences, "scope", scope_words[expect->scope],
	    scope_words[answer->scope], err));
	if (expect->has_retry_after &&
	    expect->retry_after != (answer->retry_after_ms > 0)) {
		GK_TRY(differ(differences, "retry_after",
		    expect->retry_after ? "true" : "false",
		    expect->retry_after ? "false" : "true", err));
	}
	return expect->has_shadow
		   ? compare_shadow(differences, expect, answer, err)
		   : GK_OK;
}

enum gk_rc
suite_compare(const struct suite_expect *expect, const char *was_refused,
    const struct trial_answer *answer, struct json_value **differences,
    struct gk_err *err)
{
	const char *refused = expect == NULL ? NULL : expect->refused;

	if (refused == NULL && was_refused != NULL) {
		return differ(
		    differences, "refused", "it isn't", was_refused, err);
	}
	GK_TRY(compare(differences, "refused", refused, was_refused, err));
	return expect == NULL || answer == NULL || was_refused != NULL
		   ? GK_OK
		   : compare_answer(differences, expect, answer, err);
}
