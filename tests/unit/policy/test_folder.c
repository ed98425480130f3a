/* Folders as they are found: what lies in them, how large, how named, how spelt. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/digest.h"
#include "policy/policy_internal.h"

#define RULES "policy: p\nallow:\n  - {id: r, actions: [a]}\n"

static char dir[64];

static void
setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/gk-policy-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
	cr_assert(digest_init(NULL) == GK_OK);
}

static void
path_of(char ret[400], const char *name)
{
	(void)snprintf(ret, 400, "%s/%s", dir, name);
}

static void
put_bytes(const char *name, const char *bytes, size_t n)
{
	char path[400];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "we");
	cr_assert(f != NULL);
	cr_assert(fwrite(bytes, 1, n, f) == n);
	cr_assert(fclose(f) == 0);
}

static void
put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static void
teardown(void)
{
	char command[4][80] = {"/bin/rm", "-rf", "--", ""};
	char *argv[] = {command[0], command[1], command[2], dir, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		(void)execv(argv[0], argv);
		_exit(1);
	}
}

TestSuite(folder, .init = setup, .fini = teardown);

/* Loads the folder; says what the first problem is, "" when there is none. */
static enum gk_rc
load(char ret_text[200], size_t *ret_warnings)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	enum gk_rc rc = policy_load(dir, &policy, &report, NULL);

	(void)snprintf(ret_text, 200, "%s: %s",
	    report.count == 0 ? "" : report.problems[0].file,
	    report.count == 0 ? "" : report.problems[0].text);
	if (ret_warnings != NULL) {
		*ret_warnings = report.warnings;
	}
	cr_assert((rc == GK_OK) == (policy != NULL));
	cr_assert((rc == GK_OK) == (report.errors == 0));
	policy_unpin(policy);
	policy_report_done(&report);
	return rc;
}

Test(folder, only_yaml_files_count_and_tests_and_dot_files_do_not)
{
	char text[200];

	put("a.yaml", RULES);
	put("b.test.yaml", "not a policy");
	put(".hidden.yaml", "not a policy");
	put("README", "not a policy");
	cr_assert(load(text, NULL) == GK_OK, "%s", text);
}

Test(folder, a_yml_file_is_named_in_a_warning)
{
	char text[200];
	size_t warnings;

	put("a.yaml", RULES);
	put("stop.yml", RULES);
	cr_assert(load(text, &warnings) == GK_OK);
	cr_assert(warnings == 1);
	cr_assert_str_eq(text, "stop.yml: passed over: only *.yaml is read");
}

Test(folder, one_wrong_file_refuses_all)
{
	char text[200];

	put("a.yaml", RULES);
	put("b.yaml", "policy: q\nallow: 3\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
}

Test(folder, a_rule_of_another_file_has_its_place_in_the_message)
{
	char text[200];

	put("a.yaml", RULES);
	put("b.yaml", RULES);
	cr_assert(load(text, NULL) == GK_E_INVALID);
	cr_assert_str_eq(
	    text, "b.yaml: rule 'r' stands in a.yaml, line 3, already");
}

Test(folder, a_folder_a_fifo_or_a_device_with_that_name_refuses_all)
{
	char text[200], path[400];

	put("a.yaml", RULES);
	path_of(path, "b.yaml");
	cr_assert(mkdir(path, 0700) == 0);
	cr_assert(load(text, NULL) == GK_E_IO);
	cr_assert_str_eq(text, ": b.yaml: not a regular file");
	cr_assert(rmdir(path) == 0);
	cr_assert(mkfifo(path, 0600) == 0);
	cr_assert(load(text, NULL) == GK_E_IO);
	cr_assert_str_eq(text, ": b.yaml: not a regular file");
	cr_assert(unlink(path) == 0);
	cr_assert(symlink("/dev/zero", path) == 0);
	cr_assert(load(text, NULL) == GK_E_IO);
	cr_assert_str_eq(text, ": b.yaml: not a regular file");
}

Test(folder, a_link_is_followed_and_must_lead_somewhere)
{
	char text[200], path[400];

	put("real", RULES);
	path_of(path, "a.yaml");
	cr_assert(symlink("real", path) == 0);
	cr_assert(load(text, NULL) == GK_OK, "%s", text);
	cr_assert(unlink(path) == 0);
	cr_assert(symlink("nowhere", path) == 0);
	cr_assert(load(text, NULL) == GK_E_IO);
	cr_assert(unlink(path) == 0);
	cr_assert(symlink("a.yaml", path) == 0); /* to itself */
	cr_assert(load(text, NULL) == GK_E_IO);
	cr_assert(strstr(text, "a.yaml: Too many levels") != NULL, "%s", text);
}

Test(folder, a_zero_byte_or_bytes_that_are_no_text_are_refused)
{
	static const char nul[] = RULES "# \0 stop: []\n";
	char text[200];

	put_bytes("a.yaml", nul, sizeof(nul) - 1);
	cr_assert(load(text, NULL) == GK_E_INVALID);
	put("a.yaml", RULES "# \xff\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
	put("a.yaml", RULES "# \xc0\x80\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
	put("a.yaml", RULES "# \x1b[2J\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
	/* YAML takes U+1FFFE; JSON, in which a policy is kept, doesn't */
	put("a.yaml", RULES "# \xf0\x9f\xbf\xbe\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
	cr_assert_str_eq(
	    text, "a.yaml: a noncharacter, such as U+1FFFE, in a comment");
}

Test(folder, a_name_that_cannot_be_shown_is_refused)
{
	char text[200];

	put("a\033[2J.yaml", RULES);
	cr_assert(load(text, NULL) == GK_E_INVALID);
	cr_assert_str_eq(
	    text, "a?[2J.yaml: a control character in a file's name");
}

Test(folder, a_name_that_is_not_utf_8_is_refused)
{
	char text[200];

	put("a\xff.yaml", RULES);
	cr_assert(load(text, NULL) == GK_E_INVALID);
	cr_assert_str_eq(text, "a?.yaml: a file's name that isn't UTF-8");
}

Test(folder, a_long_name_still_has_line_and_column)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	char name[255];

	memset(name, 'n', sizeof(name));
	memcpy(name + 200, "1:2:.yaml", 10);
	put(name, "policy: p\nallow: [\n");
	cr_assert(policy_load(dir, &policy, &report, NULL) == GK_E_INVALID);
	cr_assert_str_eq(report.problems[0].file, name);
	cr_assert(report.problems[0].line == 3, "%u", report.problems[0].line);
	policy_report_done(&report);
}

Test(folder, messages_are_text_whatever_the_file_holds)
{
	struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};

	put("a.yaml", "policy: p\n# \x1b[2J\xff\xc3 ok \xc3\xa9\t.\n");
	cr_assert(policy_load(dir, &policy, &report, NULL) == GK_E_INVALID);
	cr_assert_str_eq(report.problems[0].source, "# ?[2J?? ok \xc3\xa9 .");
	policy_report_done(&report);
}

/* Before memory or the stack is used up, and soon. */
Test(folder, depth_width_and_aliases_are_refused)
{
	static const char *const openings[] = {"[", "{a: ", "- ", "? "};
	size_t n = POLICY_FILE_BYTES_MAX - 64;
	char *bytes = malloc(n), text[200];

	cr_assert(bytes != NULL);
	for (size_t i = 0; i < GK_COUNT(openings); i++) {
		for (size_t k = 0; k < n; k++) {
			bytes[k] = openings[i][k % strlen(openings[i])];
		}
		put_bytes("a.yaml", bytes, n);
		cr_assert(load(text, NULL) == GK_E_INVALID, "%zu", i);
	}
	memcpy(bytes, "allow: [", 8);
	for (size_t k = 8; k < n; k++) {
		bytes[k] = k % 2 == 0 ? '1' : ',';
	}
	put_bytes("a.yaml", bytes, n);
	cr_assert(load(text, NULL) == GK_E_INVALID);
	free(bytes);
	put("a.yaml", "policy: p\nallow:\n  - &r {id: r, actions: [a]}\n"
		      "  - *r\n  - *r\n");
	cr_assert(load(text, NULL) == GK_E_INVALID);
	cr_assert_str_eq(text, "a.yaml: an anchor");
}

Test(folder, a_file_or_a_folder_that_is_too_large_is_refused)
{
	char text[200], path[400], name[16];

	put("a.yaml", RULES);
	path_of(path, "a.yaml");
	cr_assert(truncate(path, POLICY_FILE_BYTES_MAX + 1) == 0);
	cr_assert(load(text, NULL) == GK_E_LIMIT);
	put("a.yaml", RULES);
	for (int i = 0; i < POLICY_FILES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "f%d.yaml", i);
		put(name, RULES);
	}
	cr_assert(load(text, NULL) == GK_E_LIMIT);
}
