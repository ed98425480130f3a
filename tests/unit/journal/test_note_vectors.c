/* Tests of keys, notes and trees against the vectors of golang/mod, C2SP and a worked log. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/merkle.h"
#include "journal/tile.h"
#include "vectors.h"

#define CONSTANTS "note/go-note-and-merkle-constants.json"

/* A test that has the vectors of a file as v; without the file it isn't run. */
#define WITH_VECTORS(sentence, file)                              \
	static void check_##sentence(const struct json_value *v); \
	Test(note_vectors, sentence)                              \
	{                                                         \
		struct json_value *v = vectors_load(file);        \
		if (v == NULL) {                                  \
			cr_skip_test("not run: " file);           \
		}                                                 \
		check_##sentence(v);                              \
		json_free(v);                                     \
	}                                                         \
	static void check_##sentence(const struct json_value *v)

static void
start(void)
{
	cr_assert(digest_init(NULL) == GK_OK);
}

TestSuite(note_vectors, .init = start);

static bool
is_vkey(const char *text)
{
	struct note_vkey vkey;

	return note_vkey_parse(text, &vkey, NULL) == GK_OK;
}

/* Every proper part of a key, and every byte one higher, is no key. */
static void
try_mutations(const char *good)
{
	char text[NOTE_VKEY_BYTES];
	size_t n = strlen(good);

	for (size_t from = 0; from <= n; from++) {
		for (size_t to = from; to <= n; to++) {
			memcpy(text, good + from, to - from);
			text[to - from] = '\0';
			cr_assert(is_vkey(text) == (to - from == n));
		}
	}
	memcpy(text, good, n + 1);
	for (size_t i = 0; i < n; i++) {
		text[i]++;
		cr_assert(!is_vkey(text), "%s", text);
		text[i]--;
	}
}

WITH_VECTORS(
    good_verifier_keys_read_and_print_and_no_mutation_of_them_does, CONSTANTS)
{
	const struct json_value *item =
	    json_first(json_get(v, "ed25519_vkey_ok"));
	size_t count = 0;

	for (; item != NULL; item = json_next(item), count++) {
		struct note_vkey vkey;
		char text[NOTE_VKEY_BYTES];

		cr_assert(
		    note_vkey_parse(json_string(item), &vkey, NULL) == GK_OK);
		(void)note_vkey_print(&vkey, text);
		cr_assert_str_eq(text, json_string(item));
		try_mutations(text);
	}
	cr_assert(count == 2);
}

WITH_VECTORS(bad_verifier_keys_are_refused, CONSTANTS)
{
	const struct json_value *item = json_first(json_get(v, "vkey_bad"));
	size_t count = 0;

	for (; item != NULL; item = json_next(item), count++) {
		cr_assert(!is_vkey(json_string(item)));
	}
	cr_assert(count == 2);
}

WITH_VECTORS(signer_keys_give_their_verifier_keys, CONSTANTS)
{
	const struct json_value *item = json_first(json_get(v, "ed25519_skey"));
	const struct json_value *want =
	    json_first(json_get(v, "ed25519_vkey_ok"));

	for (; item != NULL; item = json_next(item), want = json_next(want)) {
		struct note_vkey vkey;
		struct sign_key key;
		char text[NOTE_VKEY_BYTES];

		cr_assert(note_skey_parse(
			      json_string(item), &vkey, &key, NULL) == GK_OK);
		(void)note_vkey_print(&vkey, text);
		cr_assert_str_eq(text, json_string(want));
		cr_assert(!is_vkey(json_string(item)));
	}
	cr_assert(want == NULL);
}

WITH_VECTORS(bad_checkpoints_are_refused_signed_or_not, CONSTANTS)
{
	const struct json_value *item =
	    json_first(json_get(v, "checkpoint_bad"));
	const uint8_t seed[SIGN_SEED_BYTES] = {5};
	struct sign_key key;
	struct note_vkey vkey;
	size_t count = 0;

	sign_key_from_seed(seed, &key);
	cr_assert(note_vkey_make("Log", key.public_key, &vkey, NULL) == GK_OK);
	for (; item != NULL; item = json_next(item), count++) {
		const char *text = json_string(item);
		struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
		struct note_checkpoint got;

		cr_assert(note_checkpoint_parse(
			      text, strlen(text), &got, NULL) == GK_E_INVALID);
		vectors_sign(text, &vkey, &key, &buf);
		cr_assert(note_checkpoint_parse(
			      buf.bytes, buf.len, &got, NULL) == GK_E_INVALID);
		gk_buf_done(&buf);
	}
	cr_assert(count == 3);
}

WITH_VECTORS(the_eight_leaves_give_the_nine_published_roots, CONSTANTS)
{
	const struct json_value *leaf =
	    json_first(json_get(v, "merkle_leaf_inputs_hex"));
	const struct json_value *root =
	    json_first(json_get(v, "merkle_roots_by_size_hex"));
	struct merkle_frontier edge = {0};

	for (; root != NULL; root = json_next(root)) {
		struct digest want = vectors_hex(root), got;
		uint8_t entry[32];
		size_t n = 0;

		merkle_root(&edge, &got);
		cr_assert(digest_equal(&got, &want, DIGEST_BYTES));
		if (leaf != NULL) {
			cr_assert(digest_from_hex(
			    json_string(leaf), entry, sizeof(entry), &n));
			merkle_leaf(entry, n, &got);
			merkle_append(&edge, &got);
			leaf = json_next(leaf);
		}
	}
	cr_assert(edge.size == 8);
}

WITH_VECTORS(the_signed_note_of_c2sp_verifies, "c2sp/examples.json")
{
	struct note_vkey vkey;
	const char *note;
	size_t n;

	note = vectors_text(v, "/signed_note/note");
	cr_assert(note_vkey_parse(vectors_text(v, "/signed_note/vkey"), &vkey,
		      NULL) == GK_OK);
	cr_assert(note_verify(note, strlen(note), &vkey, &n, NULL) == GK_OK);
	cr_assert(n == strlen("This is an example message.\n"));
	cr_assert(memcmp(note, "This is an example message.\n", n) == 0);
}

WITH_VECTORS(
    the_checkpoints_of_c2sp_are_read_cosigned_or_not, "c2sp/examples.json")
{
	static const char *const names[] = {
	    "/checkpoint_example", "/cosigned_checkpoint_example"};

	for (size_t i = 0; i < GK_COUNT(names); i++) {
		const char *text = vectors_text(v, names[i]);
		struct note_checkpoint got;
		char root[DIGEST_B64];

		cr_assert(note_checkpoint_parse(
			      text, strlen(text), &got, NULL) == GK_OK);
		cr_assert_str_eq(got.origin, "example.com/behind-the-sofa");
		cr_assert(got.size == 20852163);
		(void)digest_b64(got.root.bytes, DIGEST_BYTES, root);
		cr_assert_str_eq(
		    root, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
	}
}

/* How many full tiles has the level, and how wide is the one behind them? */
static void
try_level(const struct json_value *example, unsigned level)
{
	int64_t size = 0, full = 0, width = 0;
	uint64_t index = 0;
	char name[40];

	cr_assert(json_int(json_get(example, "size"), &size));
	while (tile_width(level, index, (uint64_t)size) == TILE_WIDTH) {
		index++;
	}
	(void)snprintf(name, sizeof(name), "full_L%u", level);
	cr_assert(json_get(example, name) == NULL ||
		  json_int(json_get(example, name), &full));
	cr_assert((uint64_t)full == index);
	(void)snprintf(name, sizeof(name), "partial_L%u_width", level);
	cr_assert(json_get(example, name) == NULL ||
		  json_int(json_get(example, name), &width));
	cr_assert(tile_width(level, index, (uint64_t)size) == (unsigned)width);
}

WITH_VECTORS(
    the_tile_examples_of_c2sp_have_these_widths_and_paths, "c2sp/examples.json")
{
	const struct json_value *item =
	    json_first(json_get(v, "tile_examples"));
	const struct tile_id id = {0, 1234067, TILE_WIDTH};
	char path[TILE_PATH_BYTES];

	for (; item != NULL; item = json_next(item)) {
		for (unsigned level = 0; level < 4; level++) {
			try_level(item, level);
		}
	}
	(void)tile_path(&id, path);
	cr_assert_str_eq(path + strlen("tile/0/"),
	    vectors_text(v, "/tile_index_path/1234067"));
}

/* Sign the checkpoint again, byte for byte; believe it cosigned too. */
static void
try_checkpoint(const struct json_value *item, const struct digest *root,
    const struct note_vkey *vkey, const struct sign_key *key)
{
	struct gk_buf buf = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint checkpoint = {.root = *root}, got;
	const char *cosigned = vectors_text(item, "/cosigned_note");
	struct digest want = vectors_hex(json_get(item, "root_hex"));
	int64_t size = 0;

	cr_assert(json_int(json_get(item, "size"), &size));
	cr_assert(digest_equal(root, &want, DIGEST_BYTES));
	memcpy(checkpoint.origin, vkey->origin, sizeof(vkey->origin));
	checkpoint.size = (uint64_t)size;
	cr_assert(
	    note_checkpoint_sign(&checkpoint, vkey, key, &buf, NULL) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), vectors_text(item, "/note"));
	cr_assert(note_checkpoint_verify(
		      cosigned, strlen(cosigned), vkey, &got, NULL) == GK_OK);
	cr_assert(got.size == checkpoint.size &&
		  digest_equal(&got.root, root, DIGEST_BYTES));
	gk_buf_done(&buf);
}

WITH_VECTORS(the_worked_log_has_these_leaves_roots_and_signed_checkpoints,
    "worked/worked.json")
{
	const struct json_value *event = json_first(json_get(v, "events"));
	const struct json_value *leaf =
	    json_first(json_get(v, "leaf_hash_hex"));
	const struct json_value *item = json_first(json_get(v, "checkpoints"));
	struct merkle_frontier edge = {0};
	struct note_vkey vkey;
	struct sign_key key;
	uint8_t seed[SIGN_SEED_BYTES];

	for (uint8_t i = 0; i < sizeof(seed); i++) {
		seed[i] = i;
	}
	sign_key_from_seed(seed, &key);
	cr_assert(
	    note_vkey_parse(vectors_text(v, "/vkey"), &vkey, NULL) == GK_OK);
	for (; item != NULL; item = json_next(item)) {
		struct digest root, want;

		merkle_root(&edge, &root);
		try_checkpoint(item, &root, &vkey, &key);
		if (event != NULL) {
			merkle_leaf(json_string(event),
			    strlen(json_string(event)), &root);
			want = vectors_hex(leaf);
			cr_assert(digest_equal(&root, &want, DIGEST_BYTES));
			merkle_append(&edge, &root);
			event = json_next(event);
			leaf = json_next(leaf);
		}
	}
	cr_assert((edge.size == 3 && leaf == NULL));
}

WITH_VECTORS(
    a_witness_s_cosignature_key_is_no_signature_key, "worked/worked.json")
{
	cr_assert(!is_vkey(vectors_text(v, "/witness_vkey")));
}

WITH_VECTORS(the_worked_events_make_these_tiles, "worked/worked.json")
{
	const struct json_value *event = json_first(json_get(v, "events"));
	struct gk_buf bundle = GK_BUF_INIT(10000), tile = GK_BUF_INIT(1000);
	struct digest got, want;
	char hex[DIGEST_HEX];

	for (; event != NULL; event = json_next(event)) {
		const char *text = json_string(event);

		cr_assert(tile_bundle_add(&bundle, text, strlen(text), NULL) ==
			  GK_OK);
		merkle_leaf(text, strlen(text), &got);
		(void)digest_hex(got.bytes, DIGEST_BYTES, hex);
		cr_assert(gk_buf_puts(&tile, hex, NULL) == GK_OK);
	}
	cr_assert_str_eq(
	    gk_buf_text(&tile), vectors_text(v, "/tile_0_000.p_3_hex"));
	digest_sha256(&(struct digest_part){bundle.bytes, bundle.len}, 1, &got);
	want = vectors_hex(json_get(v, "tile_entries_000.p_3_sha256"));
	cr_assert(digest_equal(&got, &want, DIGEST_BYTES));
	gk_buf_done(&bundle);
	gk_buf_done(&tile);
}

WITH_VECTORS(the_worked_proofs_hold, "worked/worked.json")
{
	struct digest leaf, root1, root3, proof[2];

	leaf = vectors_hex(json_at(v, "/leaf_hash_hex/1"));
	root1 = vectors_hex(json_at(v, "/checkpoints/1/root_hex"));
	root3 = vectors_hex(json_at(v, "/checkpoints/3/root_hex"));
	proof[0] = vectors_hex(json_at(v, "/inclusion_1_of_3/0"));
	proof[1] = vectors_hex(json_at(v, "/inclusion_1_of_3/1"));
	cr_assert(merkle_check_inclusion(1, 3, &leaf, proof, 2, &root3));
	proof[0] = vectors_hex(json_at(v, "/consistency_1_to_3/0"));
	proof[1] = vectors_hex(json_at(v, "/consistency_1_to_3/1"));
	cr_assert(merkle_check_consistency(1, 3, &root1, &root3, proof, 2));
}
