/* Tests of the witness: every answer of the specification, what it keeps over a restart, what it never cosigns. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/cosign.h"
#include "journal/witness.h"

#define ORIGIN "audit.example/host-1"

static struct sign_key key;
static struct note_vkey vkey;
static struct trust *logs;
static char dir[64];

static int64_t
wall(void *ctx)
{
	(void)ctx;
	return 1767225602 * GK_US_PER_S;
}

static const struct gk_clock fixed = {.wall_us = wall};

static void
start(void)
{
	const uint8_t seed[SIGN_SEED_BYTES] = {7};
	char text[NOTE_VKEY_BYTES], policy[2 * NOTE_VKEY_BYTES];

	cr_assert(digest_init(NULL) == GK_OK);
	sign_key_from_seed(seed, &key);
	cr_assert(note_vkey_make(ORIGIN, key.public_key, &vkey, NULL) == GK_OK);
	(void)note_vkey_print(&vkey, text);
	(void)snprintf(policy, sizeof(policy), "log %s\nquorum none\n", text);
	cr_assert(trust_parse(policy, strlen(policy), &logs, NULL) == GK_OK);
	(void)snprintf(dir, sizeof(dir), "/tmp/gk_witness_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void
stop(void)
{
	char command[96];

	trust_free(logs);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): of a test */
}

TestSuite(witness, .init = start, .fini = stop);

static struct witness *
open_witness(void)
{
	const struct witness_options options = {
	    .dir = dir, .name = "w.example/1", .logs = logs, .clock = &fixed};
	struct witness *witness = NULL;
	struct gk_err err = {0};

	cr_assert(
	    witness_open(&options, &witness, &err) == GK_OK, "%s", err.text);
	return witness;
}

/* The leaf of a log, or of its fork. */
static struct digest
leaf(unsigned i, bool fork)
{
	struct digest digest;
	char text[32];

	(void)snprintf(
	    text, sizeof(text), "%s %u", fork ? "forked" : "event", i);
	merkle_leaf(text, strlen(text), &digest);
	return digest;
}

/* RFC 6962, 2.1: the root over [from, to), straight from the definition. */
static struct digest
root(unsigned from, unsigned to, bool fork)
{
	struct digest digest, left, right;
	unsigned k = 1;

	if (to == from) {
		digest_sha256(NULL, 0, &digest);
		return digest;
	}
	if (to - from == 1) {
		return leaf(from, fork);
	}
	while (k * 2 < to - from) {
		k *= 2;
	}
	left = root(from, from + k, fork);
	right = root(from + k, to, fork);
	merkle_node(&left, &right, &digest);
	return digest;
}

/* RFC 6962, 2.1.2: SUBPROOF(m, D[from:to], b). */
static void
subproof(unsigned m, unsigned from, unsigned to, bool whole, bool fork,
    struct witness_request *ret)
{
	unsigned n = to - from, k = 1;

	if (m == n) {
		if (!whole) {
			ret->proof[ret->proof_count++] = root(from, to, fork);
		}
		return;
	}
	while (k * 2 < n) {
		k *= 2;
	}
	if (m <= k) {
		subproof(m, from, from + k, whole, fork, ret);
		ret->proof[ret->proof_count++] = root(from + k, to, fork);
	} else {
		subproof(m - k, from + k, to, false, fork, ret);
		ret->proof[ret->proof_count++] = root(from, from + k, fork);
	}
}

struct asked {
	unsigned from, to;
	bool fork;          /* the log that is told of */
	const char *origin; /* NULL: the log's */
	bool other_key;     /* signed by a stranger */
	size_t proof_less;  /* hashes left out */
};

static void
print_request(const struct asked *asked, struct gk_buf *buf)
{
	GK_AUTO(gk_buf_done) struct gk_buf note = GK_BUF_INIT(4096);
	struct witness_request request = {.old_size = asked->from};
	struct note_checkpoint checkpoint = {.size = asked->to};
	const uint8_t seed[SIGN_SEED_BYTES] = {8};
	struct note_vkey by = vkey;
	struct sign_key with = key;

	if (asked->other_key) {
		sign_key_from_seed(seed, &with);
	}
	(void)snprintf(checkpoint.origin, sizeof(checkpoint.origin), "%s",
	    asked->origin != NULL ? asked->origin : ORIGIN);
	cr_assert(note_vkey_make(
		      checkpoint.origin, with.public_key, &by, NULL) == GK_OK);
	checkpoint.root = root(0, asked->to, asked->fork);
	cr_assert(note_checkpoint_sign(&checkpoint, &by, &with, &note, NULL) ==
		  GK_OK);
	if (asked->from > 0 && asked->from < asked->to) {
		subproof(
		    asked->from, 0, asked->to, true, asked->fork, &request);
	}
	request.proof_count -= asked->proof_less;
	request.note = note.bytes;
	request.note_n = note.len;
	cr_assert(witness_request_print(&request, buf, NULL) == GK_OK);
}

static enum witness_word
send_text(struct witness *witness, const char *bytes, size_t n, char ret[512])
{
	struct gk_buf answer = GK_BUF_INIT(500);
	enum witness_word word = WITNESS_MALFORMED;
	struct gk_err err = {0};

	cr_assert(witness_add(witness, bytes, n, &word, &answer, &err) == GK_OK,
	    "%s", err.text);
	cr_assert((word == WITNESS_COSIGNED || word == WITNESS_CONFLICT) ==
		  (answer.len > 0));
	(void)snprintf(ret, 512, "%s", gk_buf_text(&answer));
	gk_buf_done(&answer);
	return word;
}

static enum witness_word
ask(struct witness *witness, const struct asked *asked, char ret[512])
{
	struct gk_buf buf = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	enum witness_word word;

	print_request(asked, &buf);
	word = send_text(witness, buf.bytes, buf.len, ret);
	gk_buf_done(&buf);
	return word;
}

#define ASK(witness, ret, ...) \
	ask((witness), &(const struct asked){__VA_ARGS__}, (ret))

Test(witness, a_log_that_grows_is_cosigned_from_any_size_to_any_later_one)
{
	for (unsigned from = 0; from <= 5; from++) {
		for (unsigned to = from; to <= 13; to++) {
			struct witness *witness = open_witness();
			char said[512], path[256];

			cr_assert_eq(ASK(witness, said, .from = 0, .to = from),
			    WITNESS_COSIGNED, "%u", from);
			cr_assert_eq(ASK(witness, said, .from = from, .to = to),
			    WITNESS_COSIGNED, "%u to %u", from, to);
			witness_close(witness);
			(void)snprintf(
			    path, sizeof(path), "rm -r %s/state", dir);
			cr_assert_eq(
			    system(path), 0); /* NOLINT(cert-env33-c) */
		}
	}
}

Test(witness, the_line_it_gives_verifies_under_its_key_and_its_clock)
{
	struct witness *witness = open_witness();
	struct gk_buf buf = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	struct witness_request request;
	struct cosign_found found;
	struct note_vkey own;
	char said[512];

	print_request(&(const struct asked){.to = 7}, &buf);
	cr_assert_eq(
	    send_text(witness, buf.bytes, buf.len, said), WITNESS_COSIGNED);
	cr_assert(
	    witness_request_parse(buf.bytes, buf.len, &request, NULL) == GK_OK);
	cr_assert(
	    cosign_vkey_parse(witness_vkey(witness), &own, NULL) == GK_OK);
	cr_assert(cosign_find(request.note,
		      note_text_bytes(request.note, request.note_n), said,
		      strlen(said), &own, &found, NULL) == GK_OK);
	cr_assert(found.found && found.time_s == 1767225602);
	witness_close(witness);
	gk_buf_done(&buf);
}

Test(witness, each_refusal_is_the_one_of_the_specification)
{
	struct witness *witness = open_witness();
	char said[512];

	cr_expect_eq(ASK(witness, said, .to = 5, .origin = "other.example"),
	    WITNESS_UNKNOWN_LOG);
	cr_expect_eq(ASK(witness, said, .to = 5, .other_key = true),
	    WITNESS_UNKNOWN_KEY);
	cr_expect_eq(ASK(witness, said, .from = 6, .to = 5), WITNESS_MALFORMED);
	cr_expect_eq(ASK(witness, said, .from = 3, .to = 5), WITNESS_CONFLICT);
	cr_expect_str_eq(said, "0\n");
	cr_expect_eq(ASK(witness, said, .to = 5), WITNESS_COSIGNED);
	cr_expect_eq(ASK(witness, said, .to = 5), WITNESS_CONFLICT);
	cr_expect_str_eq(said, "5\n");
	cr_expect_eq(ASK(witness, said, .from = 5, .to = 9, .proof_less = 1),
	    WITNESS_UNPROVEN);
	cr_expect_eq(ASK(witness, said, .from = 5, .to = 9, .fork = true),
	    WITNESS_UNPROVEN);
	cr_expect_eq(ASK(witness, said, .from = 5, .to = 5, .fork = true),
	    WITNESS_CONFLICT);
	cr_expect_str_eq(said, "5\n");
	cr_expect_eq(ASK(witness, said, .from = 5, .to = 9), WITNESS_COSIGNED);
	cr_expect_eq(ASK(witness, said, .from = 5, .to = 8), WITNESS_CONFLICT);
	cr_expect_str_eq(said, "9\n");
	witness_close(witness);
}

Test(witness, what_is_no_request_is_malformed)
{
	struct gk_buf good = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	struct witness *witness = open_witness();
	char said[512];

	print_request(&(const struct asked){.to = 5}, &good);
	for (size_t n = 0; n < good.len; n++) {
		cr_expect_eq(send_text(witness, good.bytes, n, said),
		    WITNESS_MALFORMED, "%zu bytes", n);
	}
	for (const char *const *bad =
		 (const char *const[]){"old 00\n\n", "old -1\n\n", "old  5\n\n",
		     "old 5 \n\n", "Old 5\n\n", "old 9223372036854775809\n\n",
		     "old 5\r\n\r\n", "old\n\n", "old 5\nAAAA\n\n", NULL};
	     *bad != NULL; bad++) {
		cr_expect_eq(send_text(witness, *bad, strlen(*bad), said),
		    WITNESS_MALFORMED, "%s", *bad);
	}
	cr_expect_eq(
	    send_text(witness, good.bytes, good.len, said), WITNESS_COSIGNED);
	witness_close(witness);
	gk_buf_done(&good);
}

Test(witness, a_proof_of_64_hashes_is_too_long)
{
	struct gk_buf buf = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	struct witness_request request;
	char b64[DIGEST_B64];
	struct digest zero = {{0}};

	(void)digest_b64(zero.bytes, DIGEST_BYTES, b64);
	cr_assert(gk_buf_puts(&buf, "old 1\n", NULL) == GK_OK);
	for (int i = 0; i < 64; i++) {
		cr_assert(gk_buf_printf(&buf, NULL, "%s\n", b64) == GK_OK);
	}
	cr_assert(gk_buf_puts(&buf, "\nx", NULL) == GK_OK);
	cr_assert(witness_request_parse(buf.bytes, buf.len, &request, NULL) ==
		  GK_E_LIMIT);
	gk_buf_done(&buf);
}

Test(witness, a_restart_knows_the_same_head_and_the_same_key)
{
	struct witness *witness = open_witness();
	char said[512], own[NOTE_VKEY_BYTES];

	(void)snprintf(own, sizeof(own), "%s", witness_vkey(witness));
	cr_assert_eq(ASK(witness, said, .to = 5), WITNESS_COSIGNED);
	witness_close(witness);
	witness = open_witness();
	cr_assert_str_eq(witness_vkey(witness), own);
	cr_assert_eq(ASK(witness, said, .to = 9), WITNESS_CONFLICT);
	cr_assert_str_eq(said, "5\n");
	cr_assert_eq(ASK(witness, said, .from = 5, .to = 9, .fork = true),
	    WITNESS_UNPROVEN);
	cr_assert_eq(ASK(witness, said, .from = 5, .to = 9), WITNESS_COSIGNED);
	witness_close(witness);
}

/* What opening says of a folder in which something was touched. */
static enum gk_rc
reopen(void)
{
	const struct witness_options options = {.dir = dir, .logs = logs};
	struct witness *witness = NULL;
	enum gk_rc rc = witness_open(&options, &witness, NULL);

	witness_close(witness);
	return rc;
}

/* Run a command in the folder. */
static void
run(const char *what)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cd %s && %s", dir, what);
	cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): of a test */
}

Test(witness, a_state_or_key_that_was_touched_is_refused)
{
	struct witness *witness = open_witness();
	char said[512];

	cr_assert_eq(ASK(witness, said, .to = 5), WITNESS_COSIGNED);
	cr_assert(reopen() == GK_E_BUSY);
	witness_close(witness);
	cr_assert(reopen() == GK_OK);
	run("sed -i.old 2s/5/4/ state/*");
	cr_assert(reopen() == GK_E_CORRUPT);
	run("for f in state/*.old; do mv $f ${f%.old}; done");
	cr_assert(reopen() == GK_OK);
	run("chmod 640 witness.key");
	cr_assert(reopen() == GK_E_IO);
	run("rm witness.key");
	cr_assert(reopen() == GK_E_CORRUPT);
}

/* Threads that all want to be the next. */
struct racer {
	struct witness *witness;
	unsigned to;
	enum witness_word word;
	pthread_t thread;
};

static void *
race(void *arg)
{
	struct racer *racer = arg;
	char said[512];

	racer->word = ASK(racer->witness, said, .from = 3, .to = racer->to);
	return NULL;
}

Test(witness, of_requests_at_once_from_one_size_one_alone_is_cosigned)
{
	struct witness *witness = open_witness();
	struct racer racers[8];
	unsigned cosigned = 0;
	char said[512];

	cr_assert_eq(ASK(witness, said, .to = 3), WITNESS_COSIGNED);
	for (unsigned i = 0; i < 8; i++) {
		racers[i] = (struct racer){.witness = witness, .to = 4 + i};
		cr_assert_eq(
		    pthread_create(&racers[i].thread, NULL, race, &racers[i]),
		    0);
	}
	for (unsigned i = 0; i < 8; i++) {
		cr_assert_eq(pthread_join(racers[i].thread, NULL), 0);
		cosigned += racers[i].word == WITNESS_COSIGNED;
		cr_assert(racers[i].word == WITNESS_COSIGNED ||
			  racers[i].word == WITNESS_CONFLICT);
	}
	cr_assert_eq(cosigned, 1);
	witness_close(witness);
}

Test(witness,
    a_disk_that_fails_cosigns_nothing_and_neither_does_what_comes_after)
{
	struct witness *witness = open_witness();
	struct gk_buf buf = GK_BUF_INIT(WITNESS_REQUEST_MAX);
	struct gk_buf answer = GK_BUF_INIT(500);
	enum witness_word word;

	run("rmdir state"); /* files can't be made in it any more */
	print_request(&(const struct asked){.to = 5}, &buf);
	cr_assert(witness_add(witness, buf.bytes, buf.len, &word, &answer,
		      NULL) == GK_E_IO);
	cr_assert(witness_add(witness, buf.bytes, buf.len, &word, &answer,
		      NULL) == GK_E_IO);
	cr_assert_eq(answer.len, 0);
	witness_close(witness);
	gk_buf_done(&buf);
	gk_buf_done(&answer);
}
