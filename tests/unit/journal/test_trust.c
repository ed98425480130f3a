/* Tests of the tlog-policy file: what it says, what it may not say, when a quorum is reached. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/cosign.h"
#include "journal/trust.h"

#define KEYS 8

static char log_vkey[KEYS][NOTE_VKEY_BYTES];
static char wit_vkey[KEYS][NOTE_VKEY_BYTES];

static void
start(void)
{
	cr_assert(digest_init(NULL) == GK_OK);
	for (int i = 0; i < KEYS; i++) {
		const uint8_t seed[SIGN_SEED_BYTES] = {(uint8_t)(i + 1)};
		struct sign_key key;
		struct note_vkey vkey;
		char name[32];

		sign_key_from_seed(seed, &key);
		(void)snprintf(name, sizeof(name), "log.example/%d", i);
		cr_assert(
		    note_vkey_make(name, key.public_key, &vkey, NULL) == GK_OK);
		(void)note_vkey_print(&vkey, log_vkey[i]);
		(void)snprintf(name, sizeof(name), "wit.example/%d", i);
		cr_assert(cosign_vkey_make(name, key.public_key, &vkey, NULL) ==
			  GK_OK);
		(void)cosign_vkey_print(&vkey, wit_vkey[i]);
	}
}

TestSuite(trust, .init = start);

/* Parse a text in which L0..L7 and W0..W7 stand for keys; NULL when it is refused. */
static struct trust *
read_text(const char *text, struct gk_err *err)
{
	struct gk_buf buf = GK_BUF_INIT(2 * TRUST_BYTES_MAX);
	struct trust *trust = NULL;

	for (const char *at = text; *at != '\0'; at++) {
		bool is_key = (at[0] == 'L' || at[0] == 'W') && at[1] >= '0' &&
			      at[1] < '0' + KEYS;

		if (is_key) {
			int i = at[1] - '0';

			cr_assert(gk_buf_puts(&buf,
				      at[0] == 'L' ? log_vkey[i] : wit_vkey[i],
				      NULL) == GK_OK);
			at++;
		} else {
			cr_assert(gk_buf_putc(&buf, *at, NULL) == GK_OK);
		}
	}
	if (trust_parse(gk_buf_text(&buf), buf.len, &trust, err) != GK_OK) {
		cr_assert_null(trust);
	}
	gk_buf_done(&buf);
	return trust;
}

static bool
is_refused(const char *text, const char *where)
{
	struct gk_err err = {0};
	struct trust *trust = read_text(text, &err);
	bool refused = trust == NULL;

	trust_free(trust);
	if (refused && where != NULL) {
		cr_expect_str_eq(err.where, where, "%s: %s", text, err.text);
	}
	return refused;
}

Test(trust, a_file_says_which_logs_and_witnesses_there_are)
{
	struct trust *trust =
	    read_text("# ours\n\n\tlog L0 https://a.example/\n"
		      "log L1\n  witness one W2 https://w/ \n"
		      "witness tw\xc3\xb6 W3\nquorum none\n",
		NULL);

	cr_assert_not_null(trust);
	cr_assert_eq(trust_log_count(trust), 2);
	cr_assert_str_eq(trust_log_at(trust, 0)->url, "https://a.example/");
	cr_assert_null(trust_log_at(trust, 1)->url);
	cr_assert_null(trust_log_at(trust, 2));
	cr_assert_eq(
	    trust_log_find(trust, "log.example/1"), trust_log_at(trust, 1));
	cr_assert_null(trust_log_find(trust, "log.example/2"));
	cr_assert_eq(trust_witness_count(trust), 2);
	cr_assert_str_eq(trust_witness_at(trust, 0)->name, "one");
	cr_assert_str_eq(trust_witness_at(trust, 0)->url, "https://w/");
	cr_assert_str_eq(
	    trust_witness_at(trust, 1)->vkey.origin, "wit.example/3");
	cr_assert(trust_asks_none(trust) && trust_quorum(trust, 0));
	trust_free(trust);
}

Test(trust, a_quorum_of_groups_is_reached_as_the_specification_s_example_is)
{
	struct trust *trust = read_text(
	    "log L0\nwitness X1 W0\nwitness X2 W1\nwitness X3 W2\n"
	    "group X 2 X1 X2 X3\nwitness Y1 W3\nwitness Y2 W4\n"
	    "witness Y3 W5\ngroup Y any Y1 Y2 Y3\ngroup both all X Y\n"
	    "quorum both\n",
	    NULL);

	cr_assert_not_null(trust);
	for (uint64_t cosigned = 0; cosigned < 64; cosigned++) {
		int x = __builtin_popcountll(cosigned & 7);
		int y = __builtin_popcountll(cosigned >> 3);

		cr_expect_eq(trust_quorum(trust, cosigned), x >= 2 && y >= 1);
	}
	cr_assert(!trust_asks_none(trust));
	trust_free(trust);
}

Test(trust, a_quorum_of_one_witness_is_that_witness)
{
	struct trust *trust =
	    read_text("witness a W0\nwitness b W1\nquorum b\n", NULL);

	cr_assert_not_null(trust);
	cr_assert(!trust_quorum(trust, 0) && !trust_quorum(trust, 1));
	cr_assert(trust_quorum(trust, 2) && trust_quorum(trust, 3));
	trust_free(trust);
}

Test(trust, what_the_specification_forbids_is_refused_with_its_line)
{
	cr_expect(is_refused("", "line 0"));
	cr_expect(is_refused("log L0\n", "line 1"));
	cr_expect(is_refused("quorum none", "line 1"));
	cr_expect(is_refused("quorum none\nquorum none\n", "line 2"));
	cr_expect(is_refused("quorum a\nwitness a W0\n", "line 1"));
	cr_expect(is_refused("quorum\n", "line 1"));
	cr_expect(is_refused("log\nquorum none\n", "line 1"));
	cr_expect(is_refused("log W0\nquorum none\n", "line 1"));
	cr_expect(is_refused("log L0 u v\nquorum none\n", "line 1"));
	cr_expect(is_refused("log L0\nlog L0\nquorum none\n", "line 2"));
	cr_expect(is_refused("witness a L0\nquorum none\n", "line 1"));
	cr_expect(is_refused("witness a\nquorum none\n", "line 1"));
	cr_expect(is_refused("witness a W0 u v\nquorum none\n", "line 1"));
	cr_expect(is_refused("witness none W0\nquorum none\n", "line 1"));
	cr_expect(
	    is_refused("witness a W0\nwitness a W1\nquorum a\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\nwitness b W0\nquorum a\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup a any a\nquorum a\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup none any a\nquorum a\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g any\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g 0 a\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g 2 a\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g 01 a\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g any g\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g any a a\nquorum g\n", "line 2"));
	cr_expect(
	    is_refused("witness a W0\ngroup g any none\nquorum g\n", "line 2"));
	cr_expect(is_refused("witness a W0\ngroup g any a\ngroup h any a\n"
			     "quorum h\n",
	    "line 3"));
	cr_expect(is_refused("Log L0\nquorum none\n", "line 1"));
	cr_expect(is_refused("quorum none\r\n", "line 1"));
	cr_expect(is_refused("quorum none\n\x7f\n", "line 2"));
	cr_expect(!is_refused("quorum none\n", NULL));
}

Test(trust, as_many_logs_witnesses_and_groups_as_it_promises_and_no_more)
{
	struct gk_buf buf = GK_BUF_INIT(TRUST_BYTES_MAX);
	struct trust *trust = NULL;

	for (int i = 0; i <= TRUST_WITNESSES_MAX; i++) {
		const uint8_t seed[SIGN_SEED_BYTES] = {9, (uint8_t)i};
		char text[NOTE_VKEY_BYTES];
		struct note_vkey vkey;
		struct sign_key key;

		if (i == TRUST_WITNESSES_MAX) {
			size_t n = buf.len;

			cr_assert(
			    gk_buf_puts(&buf, "quorum none\n", NULL) == GK_OK);
			cr_assert(trust_parse(buf.bytes, buf.len, &trust,
				      NULL) == GK_OK);
			trust_free(trust);
			trust = NULL;
			buf.len = n;
		}
		sign_key_from_seed(seed, &key);
		cr_assert(cosign_vkey_make("w.example", key.public_key, &vkey,
			      NULL) == GK_OK);
		(void)cosign_vkey_print(&vkey, text);
		cr_assert(gk_buf_printf(&buf, NULL,
			      "witness w%d %s\ngroup g%d all w%d\n", i, text, i,
			      i) == GK_OK);
	}
	cr_assert(gk_buf_puts(&buf, "quorum none\n", NULL) == GK_OK);
	cr_assert(
	    trust_parse(buf.bytes, buf.len, &trust, NULL) == GK_E_INVALID);
	gk_buf_done(&buf);
}
