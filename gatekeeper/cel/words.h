#ifndef GK_CEL_WORDS_H
#define GK_CEL_WORDS_H
/* Words for problems: a type's text, and the nearest name to a misspelt one. */

#include "cel/unify.h"

struct words {
	char text[96];
};

struct nearest {
	const char *word, *found;
	size_t best;
};

struct words words_of(struct unify *unify, const struct cel_type *type);
void nearest_try(struct nearest *nearest, const char *candidate);
struct nearest nearest_to(const char *word);
/* "did you mean 'x'?" in text; NULL: nothing is near. */
const char *hint_of(const struct nearest *nearest, char text[96]);

/* How one of two types that an operator can't take becomes the other; NULL: it doesn't. */
const char *words_hint(struct unify *unify, const struct cel_type *left,
    const struct cel_type *right);

#endif
