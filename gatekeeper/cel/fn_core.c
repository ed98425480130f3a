/* The functions of the language itself: size, contains, startsWith, endsWith, matches. */

#include "cel/cel_internal.h"

#include <string.h>

#define PATTERN_BYTES \
	(64u << 10) /* of memory, for a pattern that is made while running */
#define PROGRAM_MAX 16384u /* more than PATTERN_BYTES hold */

static struct cel_value
size(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (args[0].kind == CEL_STRING) {
		return cel__charge(ev, args[0].n / 16)
			   ? cel_int((int64_t)cel__text_count(
				 args[0].as.text, args[0].n))
			   : cel__spent(ev);
	}
	if (args[0].kind == CEL_MAP) {
		return args[0].as.map->partial ? cel_unknown(NULL)
					       : cel_int(args[0].as.map->count);
	}
	return cel_int(args[0].n);
}

static struct cel_value
contains(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel__charge(ev, 1 + args[0].n / 16)) {
		return cel__spent(ev);
	}
	return cel_bool(
	    args[1].n == 0 || memmem(args[0].as.text, args[0].n,
				  args[1].as.text, args[1].n) != NULL);
}

static struct cel_value
starts_with(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel__charge(ev, 1 + args[1].n / 16)) {
		return cel__spent(ev);
	}
	return cel_bool(
	    args[1].n == 0 ||
	    (args[1].n <= args[0].n &&
		memcmp(args[0].as.text, args[1].as.text, args[1].n) == 0));
}

static struct cel_value
ends_with(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel__charge(ev, 1 + args[1].n / 16)) {
		return cel__spent(ev);
	}
	return cel_bool(args[1].n == 0 ||
			(args[1].n <= args[0].n &&
			    memcmp(args[0].as.text + args[0].n - args[1].n,
				args[1].as.text, args[1].n) == 0));
}

/* What a counted repetition at at[0] == '{' multiplies by: "{2,5}" is 5, "{3,}" is 4, text is 1. */
static uint64_t
repeats(const char *at, size_t n)
{
	uint64_t most = 0, number = 0;

	for (size_t i = 1; i < n && at[i] != '}'; i++) {
		if (at[i] == ',') {
			most = number + 1;
			number = 0;
		} else if (at[i] < '0' || at[i] > '9') {
			return 1;
		} else {
			number = number > 1000
				     ? number
				     : number * 10 + (uint64_t)(at[i] - '0');
		}
	}
	most = number > most ? number : most;
	return most == 0 ? 1 : most;
}

/*
 * What compiling a pattern costs: by the size of its program, bounded from above
 * before RE2 looks at it.  Repetitions multiply, however deep they stand; a class
 * of Unicode is hundreds of ranges.
 */
static uint64_t
pattern_cost(const char *text, size_t n)
{
	uint64_t size = n, times = 1;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '{' && times < PROGRAM_MAX) {
			times *= repeats(text + i, n - i);
		} else if (text[i] == '\\' && i + 1 < n) {
			i++;
			size += text[i] == 'p' || text[i] == 'P' ? 500 : 8;
		} else if (text[i] == '[' || text[i] == '.') {
			size += 30;
		}
	}
	size = size == 0 ? 1 : size;
	size = times >= PROGRAM_MAX / size ? PROGRAM_MAX : size * times;
	return 3000 + 100 * size;
}

/* With a pattern that isn't a constant: compiled each time, at a price. */
static struct cel_value
matches(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_regex *regex;
	char why[96];
	bool found;

	(void)n;
	if (args[1].n > CEL_PATTERN_MAX) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "a pattern has at most %u bytes", CEL_PATTERN_MAX);
	}
	if (!cel__charge(ev, pattern_cost(args[1].as.text, args[1].n) +
				 cel__match_cost(args[0].n))) {
		return cel__spent(ev);
	}
	regex = cel_regex_new(
	    args[1].as.text, args[1].n, PATTERN_BYTES, why, sizeof(why));
	if (regex == NULL) {
		return cel__fault(
		    ev, CEL_F_ARGUMENT, "not a pattern (RE2): %s", why);
	}
	found = cel_regex_match(regex, args[0].as.text, args[0].n);
	cel_regex_free(regex);
	return cel_bool(found);
}

const struct cel_builtin cel__core[] = {
    {"size", false, "(string) -> int", size},
    {"size", false, "(bytes) -> int", size},
    {"size", false, "(list(A)) -> int", size},
    {"size", false, "(map(A, B)) -> int", size},
    {"size", true, "(string) -> int", size},
    {"size", true, "(bytes) -> int", size},
    {"size", true, "(list(A)) -> int", size},
    {"size", true, "(map(A, B)) -> int", size},
    {"contains", true, "(string, string) -> bool", contains},
    {"startsWith", true, "(string, string) -> bool", starts_with},
    {"endsWith", true, "(string, string) -> bool", ends_with},
    {"matches", true, "(string, string) -> bool", matches},
    {"matches", false, "(string, string) -> bool", matches},
    {NULL, false, NULL, NULL},
};
