/* Hash keys on disk: made, loaded, destroyed; and ids outlive the first. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"

static struct log the_log;

static void
setup(void)
{
	log_init(&the_log);
}

static void
teardown(void)
{
	log_done(&the_log);
}

TestSuite(hashkeys, .init = setup, .fini = teardown);

static unsigned
mode_of(const char *name)
{
	char path[256];
	struct stat st;

	log_path(&the_log, name, path);
	cr_assert(stat(path, &st) == 0, "%s is missing", name);
	return (unsigned)st.st_mode & 0777;
}

Test(
    hashkeys, a_hash_key_is_made_loaded_and_destroyed_and_ids_outlive_the_first)
{
	uint8_t one[JOURNAL_HASH_KEY_BYTES], two[JOURNAL_HASH_KEY_BYTES],
	    again[JOURNAL_HASH_KEY_BYTES];
	struct id_key a, b;
	struct log copy;
	bool found;

	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &a);
	OK(journal_hash_key_load(
	    the_log.journal, 1, one, &found, &the_log.err));
	cr_assert(found);
	OK(journal_hash_key_load(
	    the_log.journal, 2, two, &found, &the_log.err));
	cr_assert(!found);
	OK(journal_hash_key_make(the_log.journal, 2, again, &the_log.err));
	/* a file that no event speaks of is replaced */
	OK(journal_hash_key_make(the_log.journal, 2, two, &the_log.err));
	cr_assert(memcmp(two, again, sizeof(two)) != 0);
	cr_assert(memcmp(two, one, sizeof(two)) != 0);
	cr_assert(mode_of("keys/hmac-2.key") == 0600);
	cr_assert(mode_of("keys/id.key") == 0600);
	OK(journal_hash_key_load(
	    the_log.journal, 2, again, &found, &the_log.err));
	cr_assert(found && memcmp(two, again, sizeof(two)) == 0);
	log_init(&copy);
	OK(journal_backup(the_log.dir, copy.dir, true, &the_log.err));
	OK(log_open(&copy));
	OK(journal_hash_key_load(copy.journal, 2, again, &found, &the_log.err));
	cr_assert(found && memcmp(two, again, sizeof(two)) == 0);
	log_done(&copy);
	OK(journal_hash_key_destroy(the_log.journal, 1, &the_log.err));
	OK(journal_hash_key_destroy(the_log.journal, 1, &the_log.err));
	OK(journal_hash_key_load(
	    the_log.journal, 1, again, &found, &the_log.err));
	cr_assert(!found);
	log_close(&the_log);
	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &b);
	cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
}

/* The file's one line. */
static void
read_line(const char *name, char ret[128])
{
	char path[256];
	FILE *in;

	log_path(&the_log, name, path);
	in = fopen(path, "r");
	cr_assert(in != NULL && fgets(ret, 128, in) != NULL, "%s", path);
	(void)fclose(in);
}

static void
write_line(const char *name, const char *line)
{
	char path[256];
	FILE *out;

	log_path(&the_log, name, path);
	out = fopen(path, "w");
	cr_assert(out != NULL && fputs(line, out) >= 0, "%s", path);
	(void)fclose(out);
}

static void
expect_refused(const char *text)
{
	cr_assert(log_open(&the_log) == GK_E_CORRUPT);
	cr_assert(
	    strstr(the_log.err.text, text) != NULL, "%s", the_log.err.text);
}

static void
expect_flips_refused(const char *name, size_t digits)
{
	char line[128], flipped[128];

	read_line(name, line);
	cr_assert(strlen(line) == digits + 9 && line[digits + 8] == '\n');
	for (size_t i = 0; i < digits + 8; i++) {
		memcpy(flipped, line, sizeof(line));
		flipped[i] = line[i] == '7' ? '8' : '7';
		write_line(name, flipped);
		expect_refused("its check digits aren't those of its key");
	}
	line[digits] = '\0';
	write_line(name, line);
	expect_refused("hex digits and 8 that check them");
	line[0] = '\0';
	write_line(name, line);
	expect_refused("hex digits and 8 that check them");
}

/* Only a signing key's file is overwritten before an event says that another took its place. */
Test(hashkeys, a_key_that_was_overwritten_is_refused_and_not_made_up_for)
{
	static const char *const names[] = {
	    "keys/hmac.key", "keys/hmac-2.key", "keys/id.key"};
	static const char zero[64];
	uint8_t key[JOURNAL_HASH_KEY_BYTES];
	bool found;

	OK(log_open(&the_log));
	OK(journal_hash_key_make(the_log.journal, 2, key, &the_log.err));
	for (size_t i = 0; i < GK_COUNT(names); i++) {
		char path[256];
		FILE *out;

		log_path(&the_log, names[i], path);
		out = fopen(path, "w");
		cr_assert(out != NULL &&
			  fwrite(zero, 1, sizeof(zero), out) == sizeof(zero));
		(void)fclose(out);
	}
	for (int64_t id = 1; id <= 2; id++) {
		cr_assert_eq((int)journal_hash_key_load(the_log.journal, id,
				 key, &found, &the_log.err),
		    GK_E_CORRUPT);
	}
	log_close(&the_log);
	expect_refused("keys/id.key is not");
}

Test(hashkeys, the_first_key_doesnt_take_the_key_of_ids_with_it)
{
	struct id_key a, b;
	char path[256];

	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &a);
	OK(journal_hash_key_destroy(the_log.journal, 1, &the_log.err));
	log_close(&the_log);
	log_path(&the_log, "keys/id.key", path);
	cr_assert(mode_of("keys/id.key") == 0600);
	OK(log_open(&the_log));
	journal_id_key(the_log.journal, &b);
	cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
}

Test(hashkeys, another_digit_anywhere_in_the_first_key_is_refused)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	log_close(&the_log);
	expect_flips_refused("keys/hmac.key", 64);
}

Test(hashkeys, another_digit_anywhere_in_the_key_of_ids_is_refused)
{
	uint8_t key[JOURNAL_HASH_KEY_BYTES];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 3, 3));
	OK(journal_hash_key_make(the_log.journal, 2, key, &the_log.err));
	log_close(&the_log);
	expect_flips_refused("keys/id.key", 32);
}

Test(hashkeys, a_key_in_the_place_of_another_is_refused)
{
	uint8_t key[JOURNAL_HASH_KEY_BYTES];
	char line[128];
	bool found;

	OK(log_open(&the_log));
	OK(journal_hash_key_make(the_log.journal, 2, key, &the_log.err));
	OK(journal_hash_key_make(the_log.journal, 3, key, &the_log.err));
	read_line("keys/hmac-2.key", line);
	write_line("keys/hmac-3.key", line);
	cr_assert(journal_hash_key_load(the_log.journal, 3, key, &found,
		      &the_log.err) == GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "another key's file") != NULL);
	OK(journal_hash_key_load(
	    the_log.journal, 2, key, &found, &the_log.err));
	cr_assert(found);
}
