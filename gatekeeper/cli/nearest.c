/* Which known word a mistyped one was meant to be: the smallest edit distance (Levenshtein 1965). */
#include <string.h>

#include "cli/cli.h"

#define WORD_MAX 63

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Row by row; both words are at most WORD_MAX long. */
static size_t
distance(const char *a, size_t an, const char *b, size_t bn)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= bn; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= an; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[bn];
}

const char *
cli_nearest(const char *text, const char *const *words, size_t count)
{
	size_t n = strlen(text), least = n / 3 + 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < count && n <= WORD_MAX; i++) {
		size_t m = strlen(words[i]), d;

		if (m > WORD_MAX) {
			continue;
		}
		d = distance(text, n, words[i], m);
		if (d < least) {
			least = d;
			nearest = words[i];
		}
	}
	return nearest;
}
