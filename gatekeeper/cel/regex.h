#ifndef GK_CEL_REGEX_H
#define GK_CEL_REGEX_H
/* RE2 for C: regular expressions in linear time. */

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cel_regex;

/*
 * Compile pattern[0..n), UTF-8, in RE2's syntax, with at most cap_bytes of
 * memory for programme and automaton.  Gives NULL and, in ret_text (at least 1
 * byte of room), why.  Quiet: RE2 writes nothing anywhere.
 */
struct cel_regex *cel_regex_new(const char *pattern, size_t n, size_t cap_bytes,
    char *ret_text, size_t room);
void cel_regex_free(struct cel_regex *regex);

/* Is it found anywhere in text?  From any thread.  Linear in n. */
bool cel_regex_match(const struct cel_regex *regex, const char *text, size_t n);

#ifdef __cplusplus
}
#endif

#endif
