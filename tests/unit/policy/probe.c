/*
 * What the parser of policies accepts, for test_schema.py: with --keys its tables of
 * keys as JSON; else, for each line of standard input as a file's text, "1" or "0".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "policy/policy_internal.h"

static void
print_keys(const char *name, const char *const *keys, size_t count, bool last)
{
	(void)printf("\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		(void)printf("%s\"%s\"", i > 0 ? "," : "", keys[i]);
	}
	(void)printf("]%s", last ? "}\n" : ",");
}

static void
print_all(void)
{
	static const char *const parts[] = {"approvers", "escalate", "bounded"};
	const char *const *keys;
	size_t count;

	(void)printf("{");
	for (int i = 0; i < SECTION_COUNT; i++) {
		keys = section_keys((enum section)i, &count);
		print_keys(section_words[i], keys, count, false);
	}
	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		keys = section_part_keys(parts[i], &count);
		print_keys(parts[i], keys, count, false);
	}
	keys = parse_keys("applies_to", &count);
	print_keys("applies_to", keys, count, false);
	keys = parse_keys("results", &count);
	print_keys("results", keys, count, false);
	keys = parse_keys("", &count);
	print_keys("file", keys, count, true);
}

static bool
loads(const char *text, size_t n)
{
	struct policy_text one = {"p.yaml", text, n};
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	bool ok = load_texts(&one, 1, &policy, &report, NULL) == GK_OK;

	policy_unpin(policy);
	policy_report_done(&report);
	return ok;
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (digest_init(NULL) != GK_OK) {
		return EXIT_FAILURE;
	}
	if (argc == 2 && strcmp(argv[1], "--keys") == 0) {
		print_all();
		return EXIT_SUCCESS;
	}
	while ((n = getline(&line, &room, stdin)) >= 0) {
		(void)puts(loads(line, (size_t)n) ? "1" : "0");
	}
	free(line);
	return EXIT_SUCCESS;
}
