/* The signer apart: what it remembers, what it refuses, and a journal that is signed by one. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "journal/journal_internal.h"
#include "journal/signer.h"
#include "journal/signer_state.h"
#include "journal/signer_wire.h"
#include "log.h"

static struct log the_log;
static char the_dir[80], the_socket[96];
static struct signer *the_signer;

static void
setup(void)
{
	log_init(&the_log);
	(void)snprintf(the_dir, sizeof(the_dir), "%s.signer", the_log.dir);
	(void)snprintf(the_socket, sizeof(the_socket), "%s/socket", the_dir);
}

static void
teardown(void)
{
	char command[200];

	log_done(&the_log);
	(void)snprintf(command, sizeof(command), "rm -rf %s", the_dir);
	cr_assert(system(command) == 0);
}

TestSuite(signer, .init = setup, .fini = teardown);

static void
open_signer(uint64_t adopt)
{
	const struct signer_options options = {
	    .dir = the_dir, .origin = "test.example/log", .adopt = adopt};

	OK(signer_open(&options, &the_signer, &the_log.err));
}

static void
reopen(uint64_t adopt)
{
	signer_close(the_signer);
	open_signer(adopt);
}

/* Forget what was only remembered, as if it was killed. */
static void
kill_signer(void)
{
	char command[400];

	(void)snprintf(
	    command, sizeof(command), "cp %s/state %s/kept", the_dir, the_dir);
	cr_assert(system(command) == 0);
	signer_close(the_signer);
	(void)snprintf(
	    command, sizeof(command), "mv %s/kept %s/state", the_dir, the_dir);
	cr_assert(system(command) == 0);
	open_signer(SIGNER_ADOPT_NONE);
}

/* ---- requests by hand ---- */

static uint8_t answer_bytes[SIGNER_ANSWER_MAX + 4];

static enum gk_rc
handle(const struct signer_request *request, struct signer_answer *ret)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf out = GK_BUF_INIT(SIGNER_REQUEST_MAX + 4);
	GK_AUTO(gk_buf_done)
	struct gk_buf in = GK_BUF_INIT(SIGNER_ANSWER_MAX + 4);
	enum gk_rc rc;

	OK(signer_request_encode(request, &out, &the_log.err));
	rc = signer_handle(the_signer, (const uint8_t *)out.bytes + 4,
	    out.len - 4, &in, &the_log.err);
	if (rc == GK_OK && in.len > 0) {
		memcpy(answer_bytes, in.bytes + 4, in.len - 4);
		OK(signer_answer_decode(
		    answer_bytes, in.len - 4, ret, &the_log.err));
	}
	return rc;
}

/* The tree of that many leaves; leaf i is i's byte, from `fork` on another one. */
static struct merkle_frontier
tree(uint64_t size, uint64_t fork)
{
	struct merkle_frontier edge = {.size = 0};

	for (uint64_t i = 0; i < size; i++) {
		struct digest leaf;

		memset(leaf.bytes, (int)(i + (i >= fork ? 100 : 0)),
		    sizeof(leaf.bytes));
		merkle_append(&edge, &leaf);
	}
	return edge;
}

#define NO_FORK 1000

static struct signer_answer
say_hello(uint64_t size, uint64_t fork)
{
	struct merkle_frontier head = tree(size, fork);
	struct signer_request request = {.op = SIGNER_HELLO,
	    .flags = SIGNER_VERSION,
	    .size = size,
	    .hashes = head.peaks[0].bytes,
	    .count = head.count};
	struct signer_answer answer = {.op = SIGNER_NONE};

	cr_assert_eq((int)handle(&request, &answer), GK_OK);
	return answer;
}

/* Sign leaves [from, to); true: it gave a note of the right root. */
static bool
say_sign(uint64_t from, uint64_t to, uint64_t fork)
{
	struct digest leaves[64], root;
	struct merkle_frontier edge = tree(to, fork);
	struct signer_request request = {.op = SIGNER_SIGN,
	    .size = from,
	    .hashes = leaves[0].bytes,
	    .count = to - from};
	struct signer_answer answer = {.op = SIGNER_NONE};
	struct note_checkpoint said;
	struct note_vkey vkey;

	for (uint64_t i = from; i < to; i++) {
		memset(leaves[i - from].bytes, (int)(i + (i >= fork ? 100 : 0)),
		    DIGEST_BYTES);
	}
	cr_assert_eq((int)handle(&request, &answer), GK_OK);
	if ((answer.flags & SIGNER_REFUSED) != 0) {
		return false;
	}
	OK(note_vkey_parse(signer_vkey(the_signer), &vkey, &the_log.err));
	OK(note_checkpoint_verify(
	    answer.text, answer.text_n, &vkey, &said, &the_log.err));
	merkle_root(&edge, &root);
	cr_assert(said.size == to);
	cr_assert(memcmp(root.bytes, said.root.bytes, DIGEST_BYTES) == 0);
	return true;
}

static enum gk_rc
say_committed(uint64_t size, uint64_t fork)
{
	struct merkle_frontier edge = tree(size, fork);
	struct signer_request request = {.op = SIGNER_COMMITTED, .size = size};

	merkle_root(&edge, &request.root);
	return handle(&request, NULL);
}

static bool
is_refused(const struct signer_answer *answer, const char *why)
{
	return (answer->flags & SIGNER_REFUSED) != 0 &&
	       memmem(answer->text, answer->text_n, why, strlen(why)) != NULL;
}

Test(signer, it_signs_only_what_continues_what_it_signed)
{
	struct signer_answer answer;

	open_signer(SIGNER_ADOPT_NONE);
	cr_assert(!say_sign(0, 3, NO_FORK)); /* nobody has said hello */
	answer = say_hello(0, NO_FORK);
	cr_assert(answer.flags == 0);
	cr_assert(say_sign(0, 3, NO_FORK));
	cr_assert(!say_sign(0, 4, NO_FORK)); /* another one in its place */
	cr_assert(say_sign(3, 5, NO_FORK));  /* more of the same batch */
	cr_assert_eq((int)say_committed(4, NO_FORK), GK_E_INVALID);
	cr_assert_eq((int)say_committed(5, 2), GK_E_INVALID);
	cr_assert_eq((int)say_committed(5, NO_FORK), GK_OK);
	cr_assert(!say_sign(3, 6, NO_FORK));
	cr_assert(!say_sign(6, 7, NO_FORK));
	cr_assert(!say_sign(5, 5, NO_FORK));
	cr_assert(say_sign(5, 9, NO_FORK));
	signer_close(the_signer);
}

Test(signer, a_head_that_was_signed_is_acked_or_dropped_at_the_next_hello)
{
	struct signer_answer answer;

	open_signer(SIGNER_ADOPT_NONE);
	(void)say_hello(0, NO_FORK);
	cr_assert(say_sign(0, 3, NO_FORK));
	kill_signer();
	answer = say_hello(3, NO_FORK); /* it was committed */
	cr_assert(answer.flags == 0);
	cr_assert(say_sign(3, 5, NO_FORK));
	kill_signer();
	answer = say_hello(3, NO_FORK); /* it wasn't */
	cr_assert(answer.flags == SIGNER_DROPPED && answer.size == 5);
	cr_assert(say_sign(3, 6, 4)); /* another batch in its place */
	cr_assert_eq((int)say_committed(6, 4), GK_OK);
	answer = say_hello(6, 4);
	cr_assert(answer.flags == 0);
	signer_close(the_signer);
}

Test(signer, a_rollback_and_a_fork_are_refused_until_an_operator_adopts_them)
{
	struct signer_answer answer;

	open_signer(SIGNER_ADOPT_NONE);
	(void)say_hello(0, NO_FORK);
	cr_assert(say_sign(0, 5, NO_FORK));
	cr_assert_eq((int)say_committed(5, NO_FORK), GK_OK);
	cr_assert(signer_is_dirty(the_signer));
	for (int i = 0; i < 2; i++) {
		answer = say_hello(3, NO_FORK);
		cr_assert(is_refused(&answer, "rollback"));
		answer = say_hello(0, NO_FORK);
		cr_assert(is_refused(&answer, "rollback"));
		answer = say_hello(5, 2);
		cr_assert(is_refused(&answer, "fork"));
		answer = say_hello(9, NO_FORK);
		cr_assert(is_refused(&answer, "fork"));
		reopen(SIGNER_ADOPT_NONE);
	}
	reopen(3);
	answer = say_hello(4, NO_FORK);
	cr_assert(is_refused(&answer, "rollback"));
	answer = say_hello(3, NO_FORK);
	cr_assert(answer.flags == 0);
	answer = say_hello(5, NO_FORK); /* once */
	cr_assert(is_refused(&answer, "fork"));
	signer_close(the_signer);
}

Test(signer, a_log_that_it_does_not_know_must_be_adopted)
{
	struct signer_answer answer;

	open_signer(SIGNER_ADOPT_NONE);
	answer = say_hello(7, NO_FORK);
	cr_assert(is_refused(&answer, "--adopt 7"));
	reopen(7);
	answer = say_hello(7, NO_FORK);
	cr_assert(answer.flags == 0);
	cr_assert(say_sign(7, 8, NO_FORK));
	signer_close(the_signer);
}

Test(signer, nonsense_cuts_the_peer_off_and_changes_nothing)
{
	static const uint8_t zero[SIGNER_HEAD_BYTES];
	struct gk_buf none = GK_BUF_INIT(64);
	struct signer_request request = {.op = SIGNER_HELLO,
	    .flags = SIGNER_VERSION,
	    .size = 7}; /* without peaks */

	open_signer(SIGNER_ADOPT_NONE);
	(void)say_hello(0, NO_FORK);
	cr_assert_eq((int)signer_handle(
			 the_signer, zero, sizeof(zero), &none, &the_log.err),
	    GK_E_INVALID);
	cr_assert_eq(
	    (int)signer_handle(the_signer, zero, 3, &none, &the_log.err),
	    GK_E_INVALID);
	cr_assert_eq((int)handle(&request, NULL), GK_E_INVALID);
	cr_assert(say_sign(0, 3, NO_FORK));
	signer_close(the_signer);
}

Test(signer, a_state_or_a_key_that_is_not_whole_is_refused)
{
	const struct signer_options options = {
	    .dir = the_dir, .adopt = SIGNER_ADOPT_NONE};
	char command[400];

	open_signer(SIGNER_ADOPT_NONE);
	(void)say_hello(0, NO_FORK);
	cr_assert(say_sign(0, 3, NO_FORK));
	signer_close(the_signer);
	(void)snprintf(command, sizeof(command),
	    "cp %s/state %s/kept && echo x >> %s/state", the_dir, the_dir,
	    the_dir);
	cr_assert(system(command) == 0);
	cr_assert_eq((int)signer_open(&options, &the_signer, &the_log.err),
	    GK_E_CORRUPT);
	(void)snprintf(command, sizeof(command),
	    "mv %s/kept %s/state && rm %s/signing.key", the_dir, the_dir,
	    the_dir);
	cr_assert(system(command) == 0);
	cr_assert_eq((int)signer_open(&options, &the_signer, &the_log.err),
	    GK_E_CORRUPT);
	cr_assert(strstr(the_log.err.text, "missing") != NULL);
}

Test(signer, its_state_is_read_as_it_was_written_and_in_no_other_form)
{
	static const char *const bad[] = {"", "gatekeeper signer 1 0a0b0c0d",
	    "gatekeeper signer 2 0a0b0c0d\n", "gatekeeper signer 1 0a0b0c0\n",
	    "gatekeeper signer 1 0a0b0c0d\nacked 1 -\n",
	    "gatekeeper signer 1 0a0b0c0d\nacked 00 -\n",
	    "gatekeeper signer 1 0a0b0c0d\nacked 0 -\npending 0 - 0a0b0c0d\n",
	    "gatekeeper signer 1 0a0b0c0d\nacked 0 -\n\n"};
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SIGNER_STATE_MAX);
	GK_AUTO(gk_buf_done)
	struct gk_buf again = GK_BUF_INIT(SIGNER_STATE_MAX);
	struct signer_state state = {.key_id = 0x0a0b0c0d,
	    .has_acked = true,
	    .acked = tree(5, NO_FORK),
	    .has_pending = true,
	    .pending = tree(12, NO_FORK),
	    .next = true,
	    .next_id = 7};
	struct signer_state read;

	OK(signer_state_print(&state, &text, &the_log.err));
	OK(signer_state_parse(text.bytes, text.len, &read, &the_log.err));
	OK(signer_state_print(&read, &again, &the_log.err));
	cr_assert_str_eq(gk_buf_text(&text), gk_buf_text(&again));
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert_eq((int)signer_state_parse(
				 bad[i], strlen(bad[i]), &read, NULL),
		    GK_E_CORRUPT, "%zu", i);
	}
}

/* ---- a journal that is signed by one ---- */

static pthread_t the_thread;
static int the_stop;

static void *
serve(void *arg)
{
	struct gk_err err = {.rc = GK_OK};
	uid_t uid = *(const uid_t *)arg;

	if (signer_serve(the_signer, the_socket, uid, the_stop, &err) !=
	    GK_OK) {
		(void)fprintf(stderr, "signer: %s\n", err.text);
		abort();
	}
	return NULL;
}

static void
start(uint64_t adopt, uid_t uid)
{
	static uid_t whom;

	whom = uid;
	open_signer(adopt);
	the_stop = eventfd(0, EFD_CLOEXEC);
	cr_assert(pthread_create(&the_thread, NULL, serve, &whom) == 0);
}

static void
stop(void)
{
	cr_assert(eventfd_write(the_stop, 1) == 0);
	cr_assert(pthread_join(the_thread, NULL) == 0);
	(void)close(the_stop);
	signer_close(the_signer);
}

static enum gk_rc
open_log(struct log *log)
{
	const struct journal_options options = {
	    .data_dir = log->dir, .signer = the_socket};

	return journal_open(&options, &log->journal, &log->found, &log->err);
}

static void
expect_verified(void)
{
	struct journal_verify_report report = log_verify(&the_log);

	cr_assert_eq((int)report.verdict, VERIFY_OK, "%s: %s", report.where,
	    report.text);
}

Test(signer, a_journal_is_signed_by_it_and_has_no_key)
{
	char path[256];

	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	log_close(&the_log);
	log_path(&the_log, "eio", path); /* a first start that an error ended */
	cr_assert(fclose(fopen(path, "w")) == 0);
	cr_assert_eq((int)open_log(&the_log), GK_E_IO);
	OK(journal_recover(the_log.dir, 0, NULL, &the_log.err));
	OK(open_log(&the_log));
	log_path(&the_log, "keys/signing.key", path);
	cr_assert(access(path, F_OK) != 0);
	cr_assert_str_eq(
	    journal_vkey(the_log.journal), signer_vkey(the_signer));
	OK(log_fill(&the_log, 5000, 7)); /* past a kept checkpoint */
	log_close(&the_log);
	expect_verified();
	OK(open_log(&the_log));
	cr_assert(the_log.found.detail[0] == '\0', "%s", the_log.found.detail);
	OK(log_fill(&the_log, 10, 10));
	log_close(&the_log);
	stop();
	expect_verified();
}

Test(signer, a_signer_that_comes_back_goes_on_where_it_was)
{
	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 100, 3));
	stop();
	start(SIGNER_ADOPT_NONE, geteuid());
	OK(log_fill(&the_log, 100, 3));
	log_close(&the_log);
	stop();
	expect_verified();
}

Test(signer, an_older_copy_of_the_journal_is_not_signed_on)
{
	struct log old;

	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 100, 3));
	log_close(&the_log);
	log_init(&old);
	log_copy(&the_log, old.dir);
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 3, 3));
	log_close(&the_log);
	cr_assert_eq((int)open_log(&old), GK_E_CORRUPT);
	cr_assert(strstr(old.err.text, "rollback") != NULL, "%s", old.err.text);
	stop();
	start(100, geteuid());
	cr_assert_eq((int)open_log(&old), GK_OK, "%s", old.err.text);
	stop();
	log_done(&old);
}

Test(signer,
    a_batch_that_was_signed_and_not_committed_is_named_at_the_next_start)
{
	struct event event;

	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 4095, 4095));
	/* the kept checkpoint at 4096 is signed before the batch's end */
	event = log_event(&the_log, 4095);
	OK(log_add_event(&the_log, &event, NULL, 0));
	log_close(&the_log);
	OK(journal_recover(the_log.dir, 4095, NULL, &the_log.err));
	OK(open_log(&the_log)); /* what an operator did doesn't hide it */
	cr_assert(strstr(the_log.found.detail, "accepted 4095 events") != NULL);
	cr_assert(strstr(the_log.found.detail,
		      "dropped a head of 4096 events") != NULL,
	    "%s", the_log.found.detail);
	OK(log_fill(&the_log, 10, 3));
	log_close(&the_log);
	stop();
	expect_verified();
}

static void
rotate(int64_t id)
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

static void
add_plain(void)
{
	uint64_t seq = journal_next_seq(the_log.journal);
	struct event event = {.seq = seq,
	    .timestamp_us = LOG_EPOCH_US + (int64_t)seq * 1000,
	    .kind = EVENT_CLOSE,
	    .caller = "gatekeeper"};

	OK(log_add_event(&the_log, &event, NULL, 0));
}

Test(signer, its_key_rotates_with_the_log)
{
	char first[NOTE_VKEY_BYTES], dropped[NOTE_VKEY_BYTES];
	struct journal_verify_options options = {
	    .data_dir = the_log.dir, .vkey = first};
	struct journal_verify_report report;

	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 5, 2));
	(void)snprintf(
	    first, sizeof(first), "%s", journal_vkey(the_log.journal));
	rotate(2); /* and isn't committed */
	(void)snprintf(
	    dropped, sizeof(dropped), "%s", journal_vkey(the_log.journal));
	cr_assert(strcmp(first, dropped) != 0);
	log_close(&the_log);
	OK(open_log(&the_log));
	cr_assert_str_eq(journal_vkey(the_log.journal), first);
	rotate(2);
	add_plain();
	OK(journal_commit(the_log.journal, &the_log.err));
	cr_assert(strcmp(journal_vkey(the_log.journal), first) != 0);
	cr_assert(strcmp(journal_vkey(the_log.journal), dropped) != 0);
	add_plain();
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	stop();
	start(SIGNER_ADOPT_NONE, geteuid());
	OK(open_log(&the_log));
	cr_assert_str_eq(
	    journal_vkey(the_log.journal), signer_vkey(the_signer));
	add_plain();
	OK(journal_commit(the_log.journal, &the_log.err));
	log_close(&the_log);
	stop();
	OK(journal_verify(&options, &report, &the_log.err));
	cr_assert_eq((int)report.verdict, VERIFY_OK, "%s: %s", report.where,
	    report.text);
}

Test(signer, another_user_and_an_absent_signer_are_as_good_as_none)
{
	start(SIGNER_ADOPT_NONE, geteuid() + 1);
	cr_assert_eq((int)open_log(&the_log), GK_E_IO, "%s", the_log.err.text);
	stop();
	cr_assert_eq((int)open_log(&the_log), GK_E_IO, "%s", the_log.err.text);
}

Test(signer, a_signing_key_in_the_data_directory_is_refused)
{
	OK(log_open(&the_log));
	OK(log_fill(&the_log, 5, 2));
	log_close(&the_log);
	cr_assert_eq(
	    (int)open_log(&the_log), GK_E_INVALID, "%s", the_log.err.text);
	cr_assert(strstr(the_log.err.text, "move it to the signer's") != NULL);
}

/* What an existing log does to come under a signer; and an operator's recovery without a key. */
Test(signer, a_log_moves_under_a_signer_with_its_key)
{
	char from[256], command[500];

	OK(log_open(&the_log));
	OK(log_fill(&the_log, 20, 2));
	log_close(&the_log);
	log_path(&the_log, "keys/signing.key", from);
	(void)snprintf(command, sizeof(command), "mkdir -m 700 %s && mv %s %s/",
	    the_dir, from, the_dir);
	cr_assert(system(command) == 0);
	start(20, geteuid());
	OK(open_log(&the_log));
	OK(log_fill(&the_log, 20, 2));
	log_close(&the_log);
	expect_verified();
	OK(journal_recover(the_log.dir, 40, "test", &the_log.err));
	OK(open_log(&the_log));
	cr_assert(strstr(the_log.found.detail, "accepted 40") != NULL);
	stop();
}
