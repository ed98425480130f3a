/* The text of a proof: what is printed is read again, and nothing near it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "journal/proof.h"

static const char note[] = "example.com/log\n3\n"
			   "uj1aql3t+5aGXBQ7WLA4TZlqRsG4B8JKqObWwF+evcM=\n\n"
			   "\xe2\x80\x94 example.com/log AAAA\n";

#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "J/6jeh46GPiOim7NT6/+A2alVrJweVu6IGeoO4nRwpo=\n"

static enum gk_rc
parse(const char *text, struct proof *ret, struct gk_err *err)
{
	return proof_parse(text, strlen(text), ret, err);
}

Test(proof, what_is_printed_is_read_again)
{
	static const size_t counts[] = {0, 1, 2, 63, 64};

	for (size_t i = 0; i < GK_COUNT(counts); i++) {
		struct gk_buf buf = GK_BUF_INIT(PROOF_BYTES_MAX);
		struct proof proof = {.index = UINT64_MAX - i,
		    .path = {.count = counts[i]},
		    .checkpoint = note,
		    .checkpoint_n = sizeof(note) - 1};
		struct proof again;

		memset(
		    proof.path.hashes, (int)i + 7, sizeof(proof.path.hashes));
		cr_assert(proof_print(&proof, &buf, NULL) == GK_OK);
		cr_assert(
		    proof_parse(buf.bytes, buf.len, &again, NULL) == GK_OK);
		cr_assert(again.index == proof.index &&
			  again.path.count == counts[i]);
		cr_assert(memcmp(again.path.hashes, proof.path.hashes,
			      counts[i] * DIGEST_BYTES) == 0);
		cr_assert(
		    again.checkpoint_n == sizeof(note) - 1 &&
		    memcmp(again.checkpoint, note, again.checkpoint_n) == 0);
		gk_buf_done(&buf);
	}
}

Test(proof, a_buffer_that_is_full_says_so)
{
	const struct proof proof = {
	    .checkpoint = note, .checkpoint_n = sizeof(note) - 1};

	for (size_t cap = 0; cap < 130; cap += 13) {
		struct gk_buf buf = GK_BUF_INIT(cap);

		cr_assert(proof_print(&proof, &buf, NULL) == GK_E_LIMIT);
		gk_buf_done(&buf);
	}
}

Test(proof, extra_data_is_passed_over)
{
	static const char *const good[] = {"YQ==", "YWI=", "YWJj",
	    ("YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj"
	     "YQ==")};
	static const char *const bad[] = {"", " ", "YQ",
	    "YQ=", "YR==", "Y Q=", "YQ==YQ==",
	    ("YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYQ=="
	     "YQ==")};
	char text[400];
	struct proof proof;

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		(void)snprintf(text, sizeof(text),
		    HEAD "extra %s\nindex 5\n\nnote\n", good[i]);
		cr_expect(
		    parse(text, &proof, NULL) == GK_OK && proof.index == 5,
		    "%s", good[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		(void)snprintf(text, sizeof(text),
		    HEAD "extra %s\nindex 5\n\nnote\n", bad[i]);
		cr_expect(
		    parse(text, &proof, NULL) == GK_E_INVALID, "%s", bad[i]);
	}
}

Test(proof, whatever_else_is_refused_with_its_line)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
	    {"", "line 1"},
	    {"c2sp.org/tlog-proof@v2\nindex 1\n\nnote\n", "line 1"},
	    {" " HEAD "index 1\n\nnote\n", "line 1"},
	    {HEAD, "line 2"},
	    {HEAD "index 1", "line 2"},
	    {HEAD "index 01\n\nnote\n", "line 2"},
	    {HEAD "index -1\n\nnote\n", "line 2"},
	    {HEAD "index\n\nnote\n", "line 2"},
	    {HEAD "index  1\n\nnote\n", "line 2"},
	    {HEAD "index 1 \n\nnote\n", "line 2"},
	    {HEAD "index 18446744073709551616\n\nnote\n", "line 2"},
	    {HEAD "\nindex 1\n\nnote\n", "line 2"},
	    {HEAD "extra YQ==\nextra YQ==\nindex 1\n\nnote\n", "line 3"},
	    {HEAD "extra YQ==", "line 2"},
	    {HEAD "extra YQ==\n", "line 3"},
	    {HEAD "index 1\n", "line 3"},
	    {HEAD "index 1\n" HASH, "line 4"},
	    {HEAD "index 1\nx" HASH "\nnote\n", "line 3"},
	    {HEAD "index 1\nYQ==\n\nnote\n", "line 3"},
	    {HEAD "index 1\n" HASH "index 2\n\nnote\n", "line 4"},
	    {HEAD "index 1\n\n", "line 4"},
	    {HEAD "index 1\r\n\r\nnote\n", "line 2"},
	};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		struct gk_err err = {.rc = GK_OK};
		struct proof proof = {.index = 77};

		cr_expect(parse(bad[i].text, &proof, &err) == GK_E_INVALID,
		    "%s", bad[i].text);
		cr_expect_str_eq(err.where, bad[i].where, "%s", bad[i].text);
		cr_expect(proof.index == 77, "untouched on failure");
	}
}

Test(proof, more_than_a_tree_can_need_is_refused)
{
	static char text[PROOF_BYTES_MAX + 100];
	struct gk_err err = {.rc = GK_OK};
	struct proof proof;

	(void)strcpy(text, HEAD "index 1\n");
	for (size_t i = 0; i < MERKLE_PROOF_MAX + 1; i++) {
		(void)strcat(text, HASH);
	}
	(void)strcat(text, "\nnote\n");
	cr_assert(parse(text, &proof, &err) == GK_E_INVALID);
	cr_assert_str_eq(err.where, "line 67");
	memset(text, 'x', sizeof(text) - 1);
	cr_assert(parse(text, &proof, &err) == GK_E_LIMIT);
}

/* shared/conformance/worked: a log of three events, made by somebody else's code. */
static const char worked[] =
    HEAD "index 1\n" HASH "ZCkEDyzjDFdvcj15dBVY4JkIWkCpteauVbfq06nQZ1I=\n\n"
	 "audit.example/host-1\n3\n"
	 "uj1aql3t+5aGXBQ7WLA4TZlqRsG4B8JKqObWwF+evcM=\n\n"
	 "\xe2\x80\x94 audit.example/host-1 "
	 "DCDKFUo3yPyzxzAji3w2osN0EHPoxMhRv/ZmbMUt/"
	 "AzzH7GNGvKk4OWpW/XcGAnHF797fABGqvClfMFBfKadXzrQLgk=\n";

Test(proof, the_worked_example_leads_from_its_leaf_to_its_root)
{
	static const char leaf_hex[] =
	    "8b76e11f158529c7df1a3e9629391a0d3fb90b5215309fcf7af896bf2d9bc0b9";
	static const char key[] =
	    "audit.example/host-1+0c20ca15+"
	    "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
	struct note_checkpoint checkpoint;
	struct note_vkey vkey;
	struct digest leaf;
	struct proof proof;
	size_t n;

	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(digest_from_hex(leaf_hex, leaf.bytes, DIGEST_BYTES, &n));
	cr_assert(note_vkey_parse(key, &vkey, NULL) == GK_OK);
	cr_assert(parse(worked, &proof, NULL) == GK_OK);
	cr_assert(note_checkpoint_verify(proof.checkpoint, proof.checkpoint_n,
		      &vkey, &checkpoint, NULL) == GK_OK);
	cr_assert(proof_check(&proof, &checkpoint, &leaf));
	proof.index = 2;
	cr_assert(!proof_check(&proof, &checkpoint, &leaf));
	proof.index = 1;
	leaf.bytes[31] ^= 1;
	cr_assert(!proof_check(&proof, &checkpoint, &leaf));
}
