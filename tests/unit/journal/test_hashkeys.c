/* Hash keys on disk: made, loaded, destroyed; and ids outlive the first. */
#include <criterion/criterion.h>
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
