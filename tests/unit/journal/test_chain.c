/* The chain of signing keys: which key is valid where, and a log that changes its key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/chain.h"
#include "journal/journal_internal.h"
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

TestSuite(chain, .init = setup, .fini = teardown);

/* A key of a log, from a seed of one byte. */
static void
make_key(const char *origin, uint8_t seed, struct signing_key *ret)
{
	uint8_t bytes[SIGN_SEED_BYTES];

	memset(bytes, seed, sizeof(bytes));
	sign_key_from_seed(bytes, &ret->sign);
	OK(note_vkey_make(
	    origin, ret->sign.public_key, &ret->vkey, &the_log.err));
}

/* An event that hands over from one key to the next; texts are static. */
static struct event
key_event(
    const struct signing_key *from, const struct signing_key *to, uint64_t seq)
{
	static char vkey[NOTE_VKEY_BYTES], handover[CHAIN_HANDOVER_BYTES];
	static struct event_key key;

	(void)note_vkey_print(&to->vkey, vkey);
	OK(chain_handover(&from->sign, &to->vkey, seq, handover, &the_log.err));
	key = (struct event_key){
	    .what = KEY_SIGNING, .id = 2, .vkey = vkey, .handover = handover};
	return (struct event){.seq = seq,
	    .kind = EVENT_KEY,
	    .change = CHANGE_ROTATED,
	    .key = &key};
}

static void
sign_at(const struct signing_key *key, uint64_t size, struct gk_buf *note)
{
	struct note_checkpoint checkpoint = {.size = size};

	(void)snprintf(checkpoint.origin, sizeof(checkpoint.origin), "%s",
	    key->vkey.origin);
	gk_buf_clear(note);
	OK(note_checkpoint_sign(
	    &checkpoint, &key->vkey, &key->sign, note, &the_log.err));
}

static void
expect_note(
    const struct chain *chain, const struct gk_buf *note, const char *error)
{
	struct note_checkpoint checkpoint;
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc =
	    chain_verify(chain, note->bytes, note->len, &checkpoint, &err);

	if (error == NULL) {
		cr_assert_eq((int)rc, GK_OK, "%s", err.text);
		return;
	}
	cr_assert_eq((int)rc, GK_E_CORRUPT, "%s", err.text);
	cr_assert(strstr(err.text, error) != NULL, "%s", err.text);
}

Test(chain, each_key_signs_in_its_time_and_both_at_the_handover)
{
	GK_AUTO(chain_done) struct chain chain = {.links = NULL};
	GK_AUTO(gk_buf_done) struct gk_buf note = GK_BUF_INIT(4096);
	struct note_checkpoint both = {.origin = "a/log", .size = 11};
	struct signing_key one, two, other;
	struct event event;

	make_key("a/log", 1, &one);
	make_key("a/log", 2, &two);
	make_key("a/log", 3, &other);
	OK(chain_begin(&chain, &one.vkey, &the_log.err));
	event = key_event(&one, &two, 10);
	OK(chain_take(&chain, &event, &the_log.err));
	sign_at(&one, 10, &note);
	expect_note(&chain, &note, NULL);
	sign_at(&two, 12, &note);
	expect_note(&chain, &note, NULL);
	sign_at(&one, 12, &note);
	expect_note(&chain, &note, "whose time ended at 11 events");
	sign_at(&two, 10, &note);
	expect_note(&chain, &note, "begins at 11 events only");
	sign_at(&other, 12, &note);
	expect_note(&chain, &note, "no signature of a/log");
	sign_at(&one, 11, &note);
	expect_note(&chain, &note, "no signature");
	sign_at(&two, 11, &note);
	expect_note(&chain, &note, "no signature");
	gk_buf_clear(&note);
	OK(chain_sign_both(&both, &one.vkey, &one.sign, &two.vkey, &two.sign,
	    &note, &the_log.err));
	expect_note(&chain, &note, NULL);
	cr_assert(chain_has(&chain, &one.vkey) && chain_has(&chain, &two.vkey));
	cr_assert(!chain_has(&chain, &other.vkey));
}

static void
expect_refused(struct chain *chain, const struct event *event)
{
	struct gk_err err = {.rc = GK_OK};

	cr_assert_eq((int)chain_take(chain, event, &err), GK_E_CORRUPT);
}

Test(chain, a_key_that_nobody_handed_over_to_is_refused)
{
	GK_AUTO(chain_done) struct chain chain = {.links = NULL};
	struct signing_key one, two, other, stranger;
	struct event event;

	make_key("a/log", 1, &one);
	make_key("a/log", 2, &two);
	make_key("a/log", 3, &other);
	make_key("b/log", 4, &stranger);
	event = key_event(&one, &two, 10);
	expect_refused(&chain, &event); /* before genesis */
	OK(chain_begin(&chain, &one.vkey, &the_log.err));
	event = key_event(&other, &two, 10);
	expect_refused(&chain, &event);
	event = key_event(&one, &stranger, 10);
	expect_refused(&chain, &event);
	event = key_event(&one, &two, 10);
	event.seq = 11; /* signed for another place */
	expect_refused(&chain, &event);
	event = key_event(&one, &two, 10);
	event.key->handover = NULL;
	expect_refused(&chain, &event);
	event.key->handover = "AAAA";
	expect_refused(&chain, &event);
	event = key_event(&one, &two, 10);
	OK(chain_take(&chain, &event, &the_log.err));
	expect_refused(&chain, &event); /* twice */
	event = key_event(&two, &other, 9);
	expect_refused(&chain, &event); /* back in time */
	event = key_event(&two, &other, 11);
	OK(chain_take(&chain, &event, &the_log.err));
	cr_assert_eq(chain.count, 3);
}

/* ---- a whole log ---- */

static const char *const files[] = {
    "keys/signing.key", "keys/signing-next.key", "vkey"};

static bool
is_there(const char *name)
{
	char path[256];

	log_path(&the_log, name, path);
	return access(path, F_OK) == 0;
}

static void
read_vkey(char ret[NOTE_VKEY_BYTES])
{
	char path[256];
	FILE *file;

	log_path(&the_log, "vkey", path);
	file = fopen(path, "r");
	cr_assert(file != NULL && fgets(ret, NOTE_VKEY_BYTES, file) != NULL);
	ret[strcspn(ret, "\n")] = '\0';
	(void)fclose(file);
}

/* Append the event of a rotation; the texts are static. */
static void
add_rotation(int64_t id)
{
	static char vkey[JOURNAL_VKEY_BYTES], handover[JOURNAL_HANDOVER_BYTES];
	uint64_t seq = journal_next_seq(the_log.journal);
	struct event_key key = {
	    .what = KEY_SIGNING, .id = id, .vkey = vkey, .handover = handover};
	struct event event = {.seq = seq,
	    .timestamp_us = LOG_EPOCH_US + (int64_t)seq * 1000,
	    .kind = EVENT_KEY,
	    .change = CHANGE_ROTATED,
	    .caller = "local:0",
	    .key = &key};

	OK(journal_signing_key_make(
	    the_log.journal, seq, vkey, handover, &the_log.err));
	OK(log_add_event(&the_log, &event, NULL, 0));
}

static struct event
plain(void)
{
	uint64_t seq = journal_next_seq(the_log.journal);

	return (struct event){.seq = seq,
	    .timestamp_us = LOG_EPOCH_US + (int64_t)seq * 1000,
	    .kind = EVENT_CLOSE,
	    .caller = "gatekeeper"};
}

static void
add_plain(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct event event = plain();

		OK(log_add_event(&the_log, &event, NULL, 0));
	}
	OK(journal_commit(the_log.journal, &the_log.err));
}

static struct journal_verify_report
verify_with(const char *vkey)
{
	const struct journal_verify_options options = {
	    .data_dir = the_log.dir, .vkey = vkey};
	struct journal_verify_report report;

	OK(journal_verify(&options, &report, &the_log.err));
	return report;
}

static void
expect_verdict(const char *vkey, enum journal_verdict verdict, const char *text)
{
	struct journal_verify_report report = verify_with(vkey);

	cr_assert_eq((int)report.verdict, (int)verdict, "%s: %s", report.where,
	    report.text);
	cr_assert(strstr(report.text, text) != NULL, "%s: %s", report.where,
	    report.text);
}

static char keys[3][NOTE_VKEY_BYTES];

/* Three keys: genesis, a rotation in the middle of a batch, another one alone. */
static void
rotate_twice(void)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 2));
	read_vkey(keys[0]);
	add_rotation(2);
	add_plain(3);
	read_vkey(keys[1]);
	cr_assert_str_eq(keys[1], journal_vkey(the_log.journal));
	log_close(&the_log);
	OK(log_open(&the_log));
	add_plain(300);
	add_rotation(3);
	OK(journal_commit(the_log.journal, &the_log.err));
	read_vkey(keys[2]);
	add_plain(4096);
	log_close(&the_log);
	cr_assert(strcmp(keys[0], keys[1]) != 0);
	cr_assert(strcmp(keys[1], keys[2]) != 0);
	cr_assert(!is_there(files[1]));
}

Test(chain, a_log_that_changed_its_key_verifies_with_any_of_its_keys)
{
	rotate_twice();
	for (size_t i = 0; i < 3; i++) {
		expect_verdict(keys[i], VERIFY_OK, "");
	}
	expect_verdict(NULL, VERIFY_OK, "");
	OK(log_open(&the_log)); /* and goes on */
	add_plain(1);
}

Test(chain, another_logs_key_does_not_verify_it)
{
	struct signing_key other;
	char vkey[NOTE_VKEY_BYTES];

	rotate_twice();
	make_key("test.example/log", 9, &other);
	(void)note_vkey_print(&other.vkey, vkey);
	expect_verdict(vkey, VERIFY_TAMPERED, "another verifier key");
}

Test(chain, damage_to_the_table_of_keys_is_found)
{
	static const struct {
		const char *sql, *text;
	} damages[] = {
	    {"DELETE FROM signing_key WHERE seq = 5", "hasn't signed"},
	    {"DELETE FROM signing_key WHERE seq > 5", "nobody with"},
	    {"DELETE FROM signing_key WHERE seq = 0", "out of order"},
	    {"UPDATE signing_key SET seq = 6 WHERE seq = 5", "something else"},
	    {"UPDATE signing_key SET bytes = x'7b7d' WHERE seq = 5",
		"something else"},
	    {"INSERT INTO signing_key SELECT 9999, bytes FROM body WHERE seq "
	     "= 1",
		"something else"},
	    {"DELETE FROM checkpoint WHERE size = 6", "it is missing"},
	    {"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE "
	     "size = 4096) WHERE size = 6",
		"is about 4096"},
	};
	struct log whole = the_log;

	rotate_twice();
	for (size_t i = 0; i < GK_COUNT(damages); i++) {
		log_init(&the_log);
		log_copy(&whole, the_log.dir);
		log_sql(&the_log, damages[i].sql);
		expect_verdict(keys[0], VERIFY_TAMPERED, damages[i].text);
		log_done(&the_log);
	}
	the_log = whole;
}

/* Cut the second signature line off the note at the handover. */
Test(chain, a_handover_with_one_signature_is_found)
{
	rotate_twice();
	log_sql(&the_log,
	    "UPDATE checkpoint SET note = substr(note, 1, length(note) - "
	    "instr(substr(note, instr(note, char(10) || char(10)) + 2), "
	    "char(10))) WHERE size = 6");
	expect_verdict(keys[2], VERIFY_TAMPERED, "nobody with");
}

static void
keep_old_key(char ret_path[256])
{
	char path[256], command[600];

	log_path(&the_log, "keys/signing.key", path);
	log_path(&the_log, "old.key", ret_path);
	(void)snprintf(command, sizeof(command), "cp -p %s %s", path, ret_path);
	cr_assert(system(command) == 0);
}

/* What is left where a key was overwritten and its name not removed. */
static void
overwrite(const char *path)
{
	static const char zero[100];
	FILE *file = fopen(path, "w");

	cr_assert(file != NULL && fwrite(zero, 1, sizeof(zero), file) == 100);
	cr_assert(fchmod(fileno(file), 0600) == 0 && fclose(file) == 0);
}

Test(chain, a_key_that_was_overwritten_and_kept_its_name_is_gone)
{
	char next[256], key[256];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	add_rotation(2);
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	read_vkey(keys[1]);
	log_path(&the_log, files[1], next);
	log_path(&the_log, files[0], key);
	cr_assert(rename(key, next) == 0); /* the next key's time has come */
	overwrite(key);
	OK(log_open(&the_log));
	cr_assert_str_eq(journal_vkey(the_log.journal), keys[1]);
	cr_assert(!is_there(files[1]));
	log_close(&the_log);
	overwrite(next); /* one that never came to be */
	OK(log_open(&the_log));
	add_rotation(3);
	OK(journal_commit(the_log.journal, &the_log.err));
	read_vkey(keys[2]);
	log_close(&the_log);
	cr_assert(strcmp(keys[1], keys[2]) != 0);
	overwrite(key); /* and the log's only key is missed */
	cr_assert_eq((int)log_open(&the_log), GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "is missing") != NULL, "%s",
	    the_log.err.text);
}

Test(chain, a_rotation_that_was_cut_off_is_finished_or_forgotten)
{
	char next[256], key[256], old[256], vkey[NOTE_VKEY_BYTES];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	read_vkey(keys[0]);
	/* a key that no committed event names is forgotten */
	add_rotation(2);
	log_close(&the_log);
	cr_assert(is_there(files[1]));
	OK(log_open(&the_log));
	cr_assert(!is_there(files[1]));
	cr_assert_str_eq(journal_vkey(the_log.journal), keys[0]);
	cr_assert_eq(journal_next_seq(the_log.journal), 5);
	/* one that was committed is taken, whatever of the files was done */
	keep_old_key(old);
	add_rotation(2);
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	read_vkey(keys[1]);
	log_path(&the_log, files[1], next);
	log_path(&the_log, files[0], key);
	cr_assert(rename(key, next) == 0); /* the old one was destroyed */
	OK(log_open(&the_log));
	cr_assert_str_eq(journal_vkey(the_log.journal), keys[1]);
	log_close(&the_log);
	cr_assert(rename(key, next) == 0); /* the old one is still there */
	cr_assert(rename(old, key) == 0);
	OK(log_open(&the_log));
	cr_assert_str_eq(journal_vkey(the_log.journal), keys[1]);
	cr_assert(!is_there(files[1]));
	read_vkey(vkey);
	cr_assert_str_eq(vkey, keys[1]);
	add_plain(1);
	log_close(&the_log);
	expect_verdict(keys[0], VERIFY_OK, "");
}

Test(chain, a_log_does_not_go_on_under_an_old_key)
{
	char key[256], old[256];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	keep_old_key(old);
	add_rotation(2);
	add_plain(1);
	log_close(&the_log);
	log_path(&the_log, files[0], key);
	cr_assert(rename(old, key) == 0);
	cr_assert_eq((int)log_open(&the_log), GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "not the key that the log is signed "
					   "with") != NULL,
	    "%s", the_log.err.text);
}

Test(chain, an_event_cannot_name_a_key_that_was_not_made)
{
	struct signing_key one, two;
	struct event event;

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 5));
	make_key("test.example/log", 1, &one);
	make_key("test.example/log", 2, &two);
	event = key_event(&one, &two, 5);
	event.timestamp_us = LOG_EPOCH_US + 5000;
	cr_assert(log_add_event(&the_log, &event, NULL, 0) != GK_OK);
}
