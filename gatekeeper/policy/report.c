/* Collecting problems: place, words, the line itself, and a hint. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "policy/policy_internal.h"

enum {
	PROBLEMS_MAX = 100,
	REPORT_BYTES = 1 << 20,
	SOURCE_MAX = 4096, /* of a line that is kept */
	WORD_MAX = 64,
};

/* How many bytes the character at text takes; 0: it can't be shown. */
static size_t
shown_bytes(const char *text, size_t n)
{
	unsigned char lead = (unsigned char)*text;
	size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	bool control = lead < 0x20 || lead == 0x7f ||
		       (lead == 0xc2 && n > 1 && (unsigned char)text[1] < 0xa0);

	return control || len > n || !json_check_text(text, len) ? 0 : len;
}

/* A copy that terminals and JSON can show: what isn't UTF-8, and controls, become '?'. */
static const char *
shown(struct gk_arena *arena, const char *text, size_t n)
{
	char *copy = gk_arena_alloc(arena, n + 1), *to = copy;

	while (copy != NULL && n > 0) {
		size_t len = shown_bytes(text, n);

		if (len == 0) {
			*to++ = *text == '\t' ? ' ' : '?';
			len = 1;
		} else {
			memcpy(to, text, len);
			to += len;
		}
		text += len;
		n -= len;
	}
	return copy;
}

/* The line'th line of the text, cut at SOURCE_MAX; NULL when there is none. */
static const char *
source_line(struct gk_arena *arena, const char *bytes, size_t n, unsigned line)
{
	const char *at = bytes, *end = bytes + n, *stop;

	for (; line > 1; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (at == NULL) {
			return NULL;
		}
		at++;
	}
	stop = memchr(at, '\n', (size_t)(end - at));
	if (stop == NULL) {
		stop = end;
	}
	if (stop - at > SOURCE_MAX) {
		stop = at + SOURCE_MAX;
	}
	return shown(arena, at, (size_t)(stop - at));
}

void
report_add(struct policy_report *report, bool warning,
    const struct problem_place *place, const char *hint, const char *fmt, ...)
{
	struct policy_problem *problem;
	char text[400];
	va_list ap;

	report->errors += !warning;
	report->warnings += warning;
	if (report->arena.cap == 0) {
		report->arena.cap = REPORT_BYTES;
	}
	if (report->problems == NULL) {
		report->problems = gk_arena_calloc(
		    &report->arena, PROBLEMS_MAX, sizeof(*report->problems));
	}
	if (report->problems == NULL || report->count == PROBLEMS_MAX) {
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problem = &report->problems[report->count];
	problem->warning = warning;
	problem->file = shown(&report->arena, place->file, strlen(place->file));
	problem->line = place->at.line;
	problem->column = place->at.column;
	problem->text = shown(&report->arena, text, strlen(text));
	problem->hint =
	    hint == NULL ? NULL : gk_arena_strdup(&report->arena, hint);
	if (place->bytes != NULL && place->at.line > 0) {
		problem->source = source_line(
		    &report->arena, place->bytes, place->n, place->at.line);
	}
	report->count += problem->file != NULL && problem->text != NULL;
}

void
policy_report_done(struct policy_report *report)
{
	gk_arena_done(&report->arena);
	memset(report, 0, sizeof(*report));
}

struct problem_place
reader_at(const struct reader *reader, const struct json_value *value)
{
	return (struct problem_place){reader->text->name,
	    yaml_place(reader->doc, value), reader->text->bytes,
	    reader->text->n};
}

struct problem_place
reader_at_key(const struct reader *reader, const struct json_value *member)
{
	return (struct problem_place){reader->text->name,
	    yaml_key_place(reader->doc, member), reader->text->bytes,
	    reader->text->n};
}

/* Levenshtein's distance; WORD_MAX for words that are too long to bother. */
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

const char *
report_nearest(struct policy_report *report, const char *word,
    const char *const *words, size_t count)
{
	size_t best = strlen(word) / 3 + 2;
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d =
		    words[i] == NULL ? WORD_MAX : distance(word, words[i]);

		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	if (found == NULL) {
		return NULL;
	}
	if (report->arena.cap == 0) {
		report->arena.cap = REPORT_BYTES;
	}
	return gk_arena_printf(&report->arena, "did you mean '%s'?", found);
}
