/* Runs files of the CEL conformance suite, and tells by file and section what passed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "verdict.h"

enum { EXIT_USAGE = 64, EXIT_SKIPPED = 77 };
enum { SECTIONS_MAX = 1024, CASE_BYTES = 32 << 20, LINE_MAX_BYTES = 1 << 20 };

/* Cases that may fail, and why; that one of them passes is a fault too. */
static const struct exception {
	const char *file, *section, *name, *reason;
} exceptions[] = {
    {"string_ext", "value_errors", "indexof_out_of_range",
	"past the end nothing is found: -1, as in cel-go"},
    {"string_ext", "value_errors", "lastindexof_out_of_range",
	"past the end nothing is found: -1, as in cel-go"},
    {"network_ext", "ipv4", "ipv4_not_equals_ipv6",
	"IPv4-mapped IPv6 is refused in both spellings, as in cel-go"},
};

/* One section of one file.  Invariant: cases of a section needn't stand together. */
struct tally {
	char file[64], section[64];
	size_t passed, failed, excepted;
};

static struct tally tallies[SECTIONS_MAX];
static size_t tally_count;
static struct json_value *failures; /* NULL unless --json */

static struct tally *
tally_for(const char *file, const char *section)
{
	struct tally *t = tallies;

	while (
	    t < tallies + tally_count &&
	    (strcmp(t->file, file) != 0 || strcmp(t->section, section) != 0)) {
		t++;
	}
	if (t == tallies + tally_count) {
		GK_ASSERT(tally_count < SECTIONS_MAX);
		tally_count++;
		(void)snprintf(t->file, sizeof(t->file), "%s", file);
		(void)snprintf(t->section, sizeof(t->section), "%s", section);
	}
	return t;
}

static const struct exception *
exception_for(const struct cel_case *c)
{
	for (size_t i = 0; i < GK_COUNT(exceptions); i++) {
		const struct exception *e = &exceptions[i];

		if (strcmp(e->file, c->file) == 0 &&
		    strcmp(e->section, c->section) == 0 &&
		    strcmp(e->name, c->name) == 0) {
			return e;
		}
	}
	return NULL;
}

static void
set_text(struct json_value *object, const char *name, const char *text)
{
	bool plain = text != NULL && json_check_text(text, strlen(text));
	struct json_value *item =
	    text == NULL ? json_new_null()
			 : json_new_string(plain ? text : "(not JSON's text)");

	GK_ASSERT(json_set(object, name, &item, NULL) == GK_OK);
}

static void
set_number(struct json_value *object, const char *name, size_t number)
{
	struct json_value *item = json_new_number((double)number);

	GK_ASSERT(json_set(object, name, &item, NULL) == GK_OK);
}

/* NUL shows as \0. */
static const char *
expression(const struct cel_case *c, struct gk_arena *arena)
{
	char *copy = gk_arena_alloc(arena, 2 * c->expr_n + 1);
	size_t n = 0;

	for (size_t i = 0; copy != NULL && i < c->expr_n; i++) {
		if (c->expr[i] == '\0') {
			copy[n++] = '\\';
		}
		copy[n++] = c->expr[i] == '\0' ? '0' : c->expr[i];
	}
	return copy == NULL ? "" : copy;
}

static void
tell(const struct cel_case *c, const struct verdict *verdict,
    const char *reason, struct gk_arena *arena)
{
	const char *expr = expression(c, arena);
	struct json_value *object;

	if (failures == NULL) {
		(void)printf("%s %s/%s/%s\n  %s\n  expected: %s\n  got: %s\n",
		    reason == NULL ? "FAILED" : "excepted", c->file, c->section,
		    c->name, expr, verdict->expected, verdict->got);
		if (reason != NULL) {
			(void)printf("  reason: %s\n", reason);
		}
		return;
	}
	object = json_new_object();
	set_text(object, "file", c->file);
	set_text(object, "section", c->section);
	set_text(object, "name", c->name);
	set_text(object, "expr", expr);
	set_text(object, "expected", verdict->expected);
	set_text(object, "got", verdict->got);
	set_text(object, "excepted", reason);
	GK_ASSERT(json_append(failures, &object, NULL) == GK_OK);
}

static void
count(const struct cel_case *c, const struct verdict *verdict, bool all,
    struct gk_arena *arena)
{
	const struct exception *e = all ? NULL : exception_for(c);
	struct tally *t = tally_for(c->file, c->section);
	struct verdict stale = {
	    false, "a failure that is excepted", "it passes"};

	if (verdict->passed && e == NULL) {
		t->passed++;
	} else if (verdict->passed) {
		t->failed++;
		tell(c, &stale, NULL, arena);
	} else if (e != NULL) {
		t->excepted++;
		tell(c, verdict, e->reason, arena);
	} else {
		t->failed++;
		tell(c, verdict, NULL, arena);
	}
}

static void
run_line(const char *path, char *line, size_t n, bool all)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(CASE_BYTES);
	struct verdict verdict = {false, "a case", NULL};
	struct cel_case c;
	struct gk_err err = {.rc = GK_OK};

	if (case_parse(line, n, &arena, &c, &err) == GK_OK) {
		verdict = verdict_of(&c, &arena);
	} else {
		c.file = c.file[0] == '\0' ? path : c.file;
		c.expr = line;
		c.expr_n = n;
		verdict.got = gk_arena_printf(
		    &arena, "can't be read: %s %s", err.where, err.text);
	}
	count(&c, &verdict, all, &arena);
}

/* False: told why. */
static bool
run_file(const char *path, bool all)
{
	FILE *f = fopen(path, "rbe");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool whole;

	if (f == NULL) {
		(void)fprintf(
		    stderr, "cel-conformance: %s: %s\n", path, strerror(errno));
		return false;
	}
	while ((n = getline(&line, &room, f)) > 0) {
		n -= line[n - 1] == '\n';
		if (n > 0 && n <= LINE_MAX_BYTES) {
			run_line(path, line, (size_t)n, all);
		}
		GK_ASSERT(n <= LINE_MAX_BYTES);
	}
	whole = ferror(f) == 0;
	if (!whole) {
		(void)fprintf(
		    stderr, "cel-conformance: %s: %s\n", path, strerror(errno));
	}
	free(line);
	(void)fclose(f);
	return whole;
}

static struct tally
total_of(const char *file)
{
	struct tally total = {.passed = 0};

	for (size_t i = 0; i < tally_count; i++) {
		if (file == NULL || strcmp(tallies[i].file, file) == 0) {
			total.passed += tallies[i].passed;
			total.failed += tallies[i].failed;
			total.excepted += tallies[i].excepted;
		}
	}
	return total;
}

static bool
is_first_of_file(size_t i)
{
	for (size_t before = 0; before < i; before++) {
		if (strcmp(tallies[before].file, tallies[i].file) == 0) {
			return false;
		}
	}
	return true;
}

static void
print_counts(const char *indent, const char *name, const struct tally *t)
{
	(void)printf(
	    "%s%s: %zu passed, %zu failed", indent, name, t->passed, t->failed);
	if (t->excepted > 0) {
		(void)printf(", %zu excepted", t->excepted);
	}
	(void)printf("\n");
}

static void
print_text(void)
{
	struct tally total = total_of(NULL);

	for (size_t i = 0; i < tally_count; i++) {
		const char *file = tallies[i].file;
		struct tally sum;

		if (!is_first_of_file(i)) {
			continue;
		}
		sum = total_of(file);
		print_counts("", file, &sum);
		for (size_t k = i; k < tally_count; k++) {
			if (strcmp(tallies[k].file, file) == 0) {
				print_counts(
				    "  ", tallies[k].section, &tallies[k]);
			}
		}
	}
	(void)printf("cel-conformance: %zu passed, %zu failed, %zu excepted\n",
	    total.passed, total.failed, total.excepted);
}

static void
set_counts(struct json_value *object, const struct tally *t)
{
	set_number(object, "passed", t->passed);
	set_number(object, "failed", t->failed);
	set_number(object, "excepted", t->excepted);
}

static void
print_json(void)
{
	GK_AUTO(json_freep) struct json_value *root = json_new_object();
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(64 << 20);
	struct json_value *sections = json_new_array();
	struct tally total = total_of(NULL);

	set_counts(root, &total);
	for (size_t i = 0; i < tally_count; i++) {
		struct json_value *object = json_new_object();

		set_text(object, "file", tallies[i].file);
		set_text(object, "section", tallies[i].section);
		set_counts(object, &tallies[i]);
		GK_ASSERT(json_append(sections, &object, NULL) == GK_OK);
	}
	GK_ASSERT(json_set(root, "sections", &sections, NULL) == GK_OK);
	GK_ASSERT(json_set(root, "failures", &failures, NULL) == GK_OK);
	GK_ASSERT(canon_print(root, &buf, NULL) == GK_OK);
	(void)printf("%s\n", gk_buf_text(&buf));
}

static void
print_help(FILE *to)
{
	(void)fputs(
	    "usage: cel-conformance [--all] [--json] [FILE]...\n"
	    "Runs cases of the CEL conformance suite, a JSON object a line.\n"
	    "Without FILE: cel/*.jsonl of $GATEKEEPER_CONFORMANCE.\n"
	    "  --all   no case may fail, those of the table neither\n"
	    "  --json  print one JSON object\n"
	    "  --help  print this\n"
	    "Exit status: 0 as expected, 1 not so, 64 wrong usage, 77 not "
	    "run.\n",
	    to);
}

/* The files of the suite in their usual place; false: not there. */
static bool
run_usual(bool all, bool *ret_whole)
{
	static const char *const names[] = {"cases.jsonl", "derived.jsonl"};
	const char *dir = getenv("GATEKEEPER_CONFORMANCE");
	const char *source = getenv("GATEKEEPER_SOURCE");
	char path[1024];
	bool any = false;

	for (size_t i = 0; i < GK_COUNT(names); i++) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s%s/cel/%s",
		    dir != NULL      ? dir
		    : source != NULL ? source
				     : ".",
		    dir != NULL ? "" : "/../shared/conformance", names[i]);
		f = fopen(path, "rbe");
		if (f == NULL) {
			(void)fprintf(stderr, "not run: %s\n", path);
			continue;
		}
		(void)fclose(f);
		any = true;
		*ret_whole = run_file(path, all) && *ret_whole;
	}
	return any;
}

int
main(int argc, char **argv)
{
	bool all = false, json = false, whole = true;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			print_help(stdout);
			return EXIT_SUCCESS;
		}
		if (strcmp(argv[i], "--all") == 0) {
			all = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else {
			print_help(stderr);
			return EXIT_USAGE;
		}
	}
	failures = json ? json_new_array() : NULL;
	if (i == argc && !run_usual(all, &whole)) {
		json_free(failures);
		return EXIT_SKIPPED;
	}
	for (; i < argc; i++) {
		whole = run_file(argv[i], all) && whole;
	}
	if (json) {
		print_json();
	} else {
		print_text();
	}
	return whole && total_of(NULL).failed == 0 ? EXIT_SUCCESS
						   : EXIT_FAILURE;
}
