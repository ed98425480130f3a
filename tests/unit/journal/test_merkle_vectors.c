/* Tests of proof checking against the public vectors of transparency-dev/merkle. */
#include <ftw.h>

#include "journal/merkle.h"
#include "vectors.h"

/* The one number of the vectors that I-JSON has no room for: -1 as 64 bits. */
#define MINUS_ONE "18446744073709551615"

static unsigned files_seen, files_good;

/* Parse a file of vectors; MINUS_ONE is put in quotes first. */
static struct json_value *
parse(const char *path)
{
	struct gk_buf in = GK_BUF_INIT(1 << 20), out = GK_BUF_INIT(1 << 20);
	struct json_value *value = NULL;
	const char *from, *big;

	conformance_read(path, &in);
	from = gk_buf_text(&in);
	for (; (big = strstr(from, MINUS_ONE)) != NULL;
	     from = big + strlen(MINUS_ONE)) {
		cr_assert(gk_buf_printf(&out, NULL, "%.*s\"" MINUS_ONE "\"",
			      (int)(big - from), from) == GK_OK);
	}
	cr_assert(gk_buf_puts(&out, from, NULL) == GK_OK);
	cr_assert(json_parse(out.bytes, out.len, &vectors_limits, &value,
		      NULL) == GK_OK,
	    "%s", path);
	gk_buf_done(&in);
	gk_buf_done(&out);
	return value;
}

static uint64_t
number(const struct json_value *value, const char *name)
{
	const struct json_value *member = json_get(value, name);
	int64_t n = 0;

	cr_assert_not_null(member);
	if (json_string(member) != NULL) {
		cr_assert_str_eq(json_string(member), MINUS_ONE);
		return UINT64_MAX;
	}
	cr_assert(json_int(member, &n));
	return (uint64_t)n;
}

/*
 * False for no bytes at all.  Some roots are words such as "don't care 2", where our
 * type has room for 32 bytes alone: their hash stands for them.
 */
static bool
hash(const struct json_value *value, struct digest *ret)
{
	const char *text = json_string(value);
	uint8_t bytes[DIGEST_BYTES];
	size_t n = 0;

	cr_assert_not_null(text);
	cr_assert(
	    digest_from_b64(text, strlen(text), bytes, sizeof(bytes), &n));
	if (n == DIGEST_BYTES) {
		memcpy(ret->bytes, bytes, n);
	} else {
		digest_sha256(&(struct digest_part){bytes, n}, 1, ret);
	}
	return n > 0;
}

static bool
hashes(const struct json_value *list, struct digest *ret, size_t *ret_n)
{
	size_t n = 0;

	cr_assert(json_count(list) <= MERKLE_PROOF_MAX);
	for (const struct json_value *item = json_first(list); item != NULL;
	     item = json_next(item)) {
		if (!hash(item, &ret[n++])) {
			return false;
		}
	}
	*ret_n = n;
	return true;
}

static bool
check_inclusion(const struct json_value *v)
{
	struct digest root, leaf, proof[MERKLE_PROOF_MAX];
	size_t n;

	return hash(json_get(v, "root"), &root) &&
	       hash(json_get(v, "leafHash"), &leaf) &&
	       hashes(json_get(v, "proof"), proof, &n) &&
	       merkle_check_inclusion(number(v, "leafIdx"),
		   number(v, "treeSize"), &leaf, proof, n, &root);
}

static bool
check_consistency(const struct json_value *v)
{
	struct digest root1, root2, proof[MERKLE_PROOF_MAX];
	size_t n;

	return hash(json_get(v, "root1"), &root1) &&
	       hash(json_get(v, "root2"), &root2) &&
	       hashes(json_get(v, "proof"), proof, &n) &&
	       merkle_check_consistency(number(v, "size1"), number(v, "size2"),
		   &root1, &root2, proof, n);
}

/* For nftw(): one file of one case. */
static int
check_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	struct json_value *value;
	bool want, got;

	(void)st;
	(void)at;
	if (kind != FTW_F || strstr(path, ".json") == NULL) {
		return 0;
	}
	value = parse(path);
	want = !json_bool(json_get(value, "wantErr"));
	got = json_get(value, "leafIdx") != NULL ? check_inclusion(value)
						 : check_consistency(value);
	cr_assert(got == want, "%s", path);
	files_seen++;
	files_good += got;
	json_free(value);
	return 0;
}

static void
check_folder(const char *name, unsigned want_seen, unsigned want_good)
{
	char path[CONFORMANCE_PATH_BYTES];

	if (!conformance_path(name, path)) {
		cr_skip_test("not run: the vectors are not here");
	}
	cr_assert(nftw(path, check_file, 16, FTW_PHYS) == 0);
	cr_assert(files_seen == want_seen, "%u files", files_seen);
	cr_assert(files_good == want_good, "%u hold", files_good);
}

Test(merkle_vectors, all_98_inclusion_cases_end_as_published)
{
	check_folder("merkle/testdata/inclusion", 98, 6);
}

Test(merkle_vectors, all_98_consistency_cases_end_as_published)
{
	check_folder("merkle/testdata/consistency", 98, 6);
}
