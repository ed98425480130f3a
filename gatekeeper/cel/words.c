/* Words for problems: types as text, names that are near. */

#include "cel/words.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 32

struct words
words_of(struct unify *unify, const struct cel_type *type)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(90);
	struct words words;

	type = unify_apply(unify, type, true);
	if (cel_type_print(type, &text, NULL) != GK_OK) {
		gk_buf_clear(&text);
	}
	(void)snprintf(
	    words.text, sizeof(words.text), "%s", gk_buf_text(&text));
	return words;
}

/* Levenshtein's distance; WORD_MAX for words that are too long. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b), m = strlen(a);

	if (n > WORD_MAX || m > WORD_MAX) {
		return WORD_MAX;
	}
	for (size_t k = 0; k <= n; k++) {
		row[k] = k;
	}
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			best = row[k] + 1 < best ? row[k] + 1 : best;
			row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
		}
	}
	return row[n];
}

void
nearest_try(struct nearest *nearest, const char *candidate)
{
	size_t d = distance(nearest->word, candidate);

	if (d < nearest->best) {
		nearest->best = d;
		nearest->found = candidate;
	}
}

struct nearest
nearest_to(const char *word)
{
	return (struct nearest){word, NULL, strlen(word) / 3 + 2};
}

/* "did you mean 'x'?" in text; NULL: nothing is near. */
const char *
hint_of(const struct nearest *nearest, char text[96])
{
	if (nearest->found == NULL) {
		return NULL;
	}
	(void)snprintf(text, 96, "did you mean '%.64s'?", nearest->found);
	return text;
}

const char *
words_hint(struct unify *unify, const struct cel_type *left,
    const struct cel_type *right)
{
	static const struct {
		enum cel_type_kind a, b;
		const char *hint;
	} hints[] = {
	    {CEL_T_TIMESTAMP, CEL_T_STRING,
		"write timestamp(\"2026-01-31T00:00:00Z\")"},
	    {CEL_T_DURATION, CEL_T_STRING, "write duration(\"90m\")"},
	    {CEL_T_INT, CEL_T_DOUBLE, "make it a double: double(…), or 1.0"},
	    {CEL_T_INT, CEL_T_STRING, "make one the other: string(…), int(…)"},
	    {CEL_T_DOUBLE, CEL_T_STRING,
		"make one the other: string(…), double(…)"},
	};
	enum cel_type_kind a = unify_top(unify, left)->kind;
	enum cel_type_kind b = unify_top(unify, right)->kind;

	for (size_t i = 0; i < GK_COUNT(hints); i++) {
		if ((hints[i].a == a && hints[i].b == b) ||
		    (hints[i].a == b && hints[i].b == a)) {
			return hints[i].hint;
		}
	}
	return NULL;
}
