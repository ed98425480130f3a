/* Tests that the public log of tlog-tessera is reproduced byte for byte. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/merkle.h"
#include "journal/tile.h"
#include "vectors.h"

#define LOG "tlog-tessera/testdata/log/"

/* Public: it is printed in that project's test data. */
#define SIGNER                                           \
	"PRIVATE+KEY+example.com/log/testdata+33d7b496+" \
	"AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
#define VERIFIER                             \
	"example.com/log/testdata+33d7b496+" \
	"AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

enum { LOG_SIZE = 15 };

static struct note_vkey vkey;
static struct sign_key key;

static void
start(void)
{
	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(note_skey_parse(SIGNER, &vkey, &key, NULL) == GK_OK);
}

TestSuite(tessera, .init = start);

/* A file of the log; false when the data isn't here. */
static bool
load(const char *name, struct gk_buf *buf)
{
	char path[CONFORMANCE_PATH_BYTES], whole[200];

	(void)snprintf(whole, sizeof(whole), LOG "%s", name);
	if (!conformance_path(whole, path)) {
		return false;
	}
	conformance_read(path, buf);
	return true;
}

static void
assert_same(const struct gk_buf *a, const struct gk_buf *b)
{
	cr_assert(a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
}

/* Take a bundle apart: its leaf hashes, and the bundle made again. */
static size_t
take_apart(const struct gk_buf *bundle, struct digest leaves[LOG_SIZE],
    struct gk_buf *again)
{
	struct gk_err err = {0};
	const void *entry;
	size_t at = 0, n, count = 0;

	while (tile_bundle_next(
	    bundle->bytes, bundle->len, &at, &entry, &n, &err)) {
		cr_assert(count < LOG_SIZE);
		merkle_leaf(entry, n, &leaves[count++]);
		cr_assert(tile_bundle_add(again, entry, n, NULL) == GK_OK);
	}
	cr_assert(err.rc == GK_OK && at == bundle->len);
	return count;
}

/* Rebuild the log's files at one size.  False when the data isn't here. */
static bool
try_size(unsigned size)
{
	const struct tile_id id = {0, 0, size};
	struct gk_buf bundle = GK_BUF_INIT(1 << 20);
	struct gk_buf again = GK_BUF_INIT(1 << 20);
	struct gk_buf tile = GK_BUF_INIT(TILE_WIDTH * DIGEST_BYTES);
	struct digest leaves[LOG_SIZE];
	char path[TILE_PATH_BYTES];

	(void)tile_entries_path(0, size, path);
	if (!load(path, &bundle)) {
		return false;
	}
	cr_assert(tile_width(0, 0, size) == size);
	cr_assert(take_apart(&bundle, leaves, &again) == size);
	assert_same(&bundle, &again);
	(void)tile_path(&id, path);
	cr_assert(load(path, &tile));
	cr_assert(tile.len == (size_t)size * DIGEST_BYTES);
	for (unsigned i = 0; i < size; i++) {
		cr_assert(memcmp(tile.bytes + (size_t)i * DIGEST_BYTES,
			      leaves[i].bytes, DIGEST_BYTES) == 0);
	}
	gk_buf_done(&bundle);
	gk_buf_done(&again);
	gk_buf_done(&tile);
	return true;
}

Test(tessera, entry_bundles_and_tiles_of_every_size_are_the_log_s_bytes)
{
	for (unsigned size = 1; size <= LOG_SIZE; size++) {
		if (!try_size(size)) {
			cr_skip_test("not run: the log is not here");
		}
	}
}

/* Sign the tree's root and compare with the log's checkpoint file. */
static void
try_checkpoint(const struct merkle_frontier *edge, const char *name)
{
	struct gk_buf want = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint checkpoint = {.size = edge->size}, got;

	cr_assert(load(name, &want));
	memcpy(checkpoint.origin, vkey.origin, sizeof(vkey.origin));
	merkle_root(edge, &checkpoint.root);
	cr_assert(note_checkpoint_sign(&checkpoint, &vkey, &key, &buf, NULL) ==
		  GK_OK);
	assert_same(&buf, &want);
	cr_assert(note_checkpoint_verify(
		      want.bytes, want.len, &vkey, &got, NULL) == GK_OK);
	cr_assert(got.size == edge->size);
	gk_buf_done(&want);
	gk_buf_done(&buf);
}

Test(tessera, all_sixteen_checkpoints_are_signed_byte_for_byte)
{
	struct gk_buf bundle = GK_BUF_INIT(1 << 20);
	struct gk_buf again = GK_BUF_INIT(1 << 20);
	struct merkle_frontier edge = {0};
	struct digest leaves[LOG_SIZE];
	char name[40];

	if (!load("tile/entries/000.p/15", &bundle)) {
		cr_skip_test("not run: the log is not here");
	}
	cr_assert(take_apart(&bundle, leaves, &again) == LOG_SIZE);
	for (unsigned size = 0;; size++) {
		(void)snprintf(name, sizeof(name), "checkpoint.%u", size);
		try_checkpoint(&edge, name);
		if (size == LOG_SIZE) {
			break;
		}
		merkle_append(&edge, &leaves[size]);
	}
	try_checkpoint(&edge, "checkpoint");
	gk_buf_done(&bundle);
	gk_buf_done(&again);
}

Test(tessera, the_log_s_verifier_key_is_the_signer_s)
{
	char text[NOTE_VKEY_BYTES];

	(void)note_vkey_print(&vkey, text);
	cr_assert_str_eq(text, VERIFIER);
}
