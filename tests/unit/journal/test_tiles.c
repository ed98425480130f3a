/* Tiles and proofs out of the store, while it grows and afterwards, through a reader. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/journal_internal.h"
#include "log.h"

enum { EVENTS = 600 };

static struct log the_log;
static struct journal_reader *reader;
static struct digest leaves[EVENTS];
static struct digest roots[EVENTS + 1];

/* A log of EVENTS events, and what its tree must be, from the bodies alone. */
static void
start(void)
{
	struct merkle_frontier edge = {.size = 0};

	log_init(&the_log);
	OK(log_open(&the_log));
	OK(log_fill(&the_log, EVENTS, 7));
	OK(journal_reader_open(the_log.dir, &reader, &the_log.err));
	merkle_root(&edge, &roots[0]);
	for (uint64_t seq = 0; seq < EVENTS; seq++) {
		GK_AUTO(gk_buf_done)
		struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
		bool found;

		OK(journal_read(
		    reader, seq, &bytes, &leaves[seq], &found, &the_log.err));
		cr_assert(found);
		merkle_append(&edge, &leaves[seq]);
		merkle_root(&edge, &roots[seq + 1]);
	}
}

static void
end(void)
{
	journal_reader_close(reader);
	log_done(&the_log);
}

TestSuite(tiles, .init = start, .fini = end, .timeout = 250);

Test(tiles, the_root_of_every_size_is_that_of_its_events)
{
	for (uint64_t size = 0; size <= EVENTS; size++) {
		struct digest root;

		OK(journal_prove_root(reader, size, &root, &the_log.err));
		cr_assert(
		    digest_equal(root.bytes, roots[size].bytes, DIGEST_BYTES));
	}
}

Test(tiles, inclusion_and_consistency_at_every_size)
{
	for (uint64_t size = 1; size <= EVENTS; size++) {
		for (uint64_t at = size % 29; at < size; at += 29) {
			struct merkle_proof proof;

			OK(journal_prove_inclusion(
			    reader, at, size, &proof, &the_log.err));
			cr_assert(merkle_check_inclusion(at, size, &leaves[at],
			    proof.hashes, proof.count, &roots[size]));
			OK(journal_prove_consistency(
			    reader, at + 1, size, &proof, &the_log.err));
			cr_assert(merkle_check_consistency(at + 1, size,
			    &roots[at + 1], &roots[size], proof.hashes,
			    proof.count));
		}
	}
}

Test(tiles, a_checkpoint_is_proved_to_be_in_what_came_after_it)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	struct note_checkpoint old;
	struct merkle_proof proof;
	struct digest root;
	uint64_t size;
	bool found;

	OK(journal_read_checkpoint(
	    reader, UINT64_MAX, &size, &note, &found, &the_log.err));
	cr_assert(found && size == EVENTS);
	OK(note_checkpoint_parse(note.bytes, note.len, &old, &the_log.err));
	OK(log_fill(&the_log, 500, 3));
	OK(journal_prove_root(reader, EVENTS + 500, &root, &the_log.err));
	OK(journal_prove_consistency(
	    reader, old.size, EVENTS + 500, &proof, &the_log.err));
	cr_assert(merkle_check_consistency(old.size, EVENTS + 500, &old.root,
	    &root, proof.hashes, proof.count));
}

Test(tiles, more_than_there_is_cannot_be_proved)
{
	struct merkle_proof proof;
	struct digest root;

	cr_assert(journal_prove_root(reader, EVENTS + 1, &root, &the_log.err) ==
		  GK_E_INVALID);
	cr_assert(journal_prove_inclusion(reader, 1, EVENTS + 1, &proof,
		      &the_log.err) == GK_E_INVALID);
	cr_assert(journal_prove_consistency(reader, 1, EVENTS + 1, &proof,
		      &the_log.err) == GK_E_INVALID);
	cr_assert(journal_prove_inclusion(reader, EVENTS, EVENTS, &proof,
		      &the_log.err) == GK_E_INVALID);
}

Test(tiles, what_is_missing_is_told_and_leaves_the_reader_usable)
{
	struct merkle_proof proof;

	log_sql(&the_log, "DELETE FROM body WHERE seq = 520");
	cr_assert(journal_prove_inclusion(
		      reader, 1, EVENTS, &proof, &the_log.err) == GK_E_CORRUPT);
	OK(journal_prove_inclusion(reader, 1, 512, &proof, &the_log.err));
	log_sql(&the_log, "DELETE FROM tile WHERE level = 0 AND idx = 0");
	log_sql(&the_log, "DELETE FROM body WHERE seq = 3");
	cr_assert(journal_prove_inclusion(
		      reader, 1, 512, &proof, &the_log.err) == GK_E_CORRUPT);
}

static size_t
count_entries(const struct gk_buf *bundle)
{
	const void *entry;
	size_t at = 0, n, count = 0;

	while (tile_bundle_next(
	    bundle->bytes, bundle->len, &at, &entry, &n, NULL)) {
		count++;
	}
	cr_assert(at == bundle->len);
	return count;
}

Test(tiles, tiles_and_bundles_as_wide_as_they_are_asked_for)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	static const struct {
		unsigned level;
		uint64_t index;
		unsigned width;
		enum journal_tile want;
	} asked[] = {
	    {0, 0, 256, TILE_GIVEN},
	    {0, 0, 1, TILE_GIVEN},
	    {0, 2, 88, TILE_GIVEN},
	    {0, 2, 89, TILE_BEYOND},
	    {0, 2, 256, TILE_BEYOND},
	    {0, 3, 1, TILE_BEYOND},
	    {0, UINT64_MAX, 1, TILE_BEYOND},
	    {1, 0, 2, TILE_GIVEN},
	    {1, 0, 3, TILE_BEYOND},
	    {2, 0, 1, TILE_BEYOND},
	    {63, 0, 1, TILE_BEYOND},
	};

	for (size_t i = 0; i < GK_COUNT(asked); i++) {
		const struct tile_id id = {
		    asked[i].level, asked[i].index, asked[i].width};
		enum journal_tile got;

		gk_buf_clear(&buf);
		OK(journal_read_tile(reader, &id, &buf, &got, &the_log.err));
		cr_assert(got == asked[i].want);
		cr_assert(buf.len ==
			  (got == TILE_GIVEN ? id.width * DIGEST_BYTES : 0));
		if (id.level > 0) {
			continue;
		}
		cr_assert(buf.len == 0 ||
			  memcmp(buf.bytes, &leaves[id.index * TILE_WIDTH],
			      buf.len) == 0);
		gk_buf_clear(&buf);
		OK(journal_read_entries(
		    reader, id.index, id.width, &buf, &got, &the_log.err));
		cr_assert(got == asked[i].want);
		cr_assert(
		    count_entries(&buf) == (got == TILE_GIVEN ? id.width : 0));
	}
}

Test(tiles, a_bundle_that_was_let_go_is_told_and_its_hashes_stay)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	const struct tile_id id = {0, 0, 256};
	enum journal_tile got;

	log_sql(&the_log, "DELETE FROM body WHERE seq < 256");
	OK(journal_read_entries(reader, 0, 256, &buf, &got, &the_log.err));
	cr_assert(got == TILE_LET_GO && buf.len == 0);
	OK(journal_read_tile(reader, &id, &buf, &got, &the_log.err));
	cr_assert(got == TILE_GIVEN && buf.len == 8192);
	gk_buf_clear(&buf);
	OK(journal_read_entries(reader, 1, 256, &buf, &got, &the_log.err));
	cr_assert(got == TILE_GIVEN && count_entries(&buf) == 256);
}

Test(tiles, a_printed_proof_holds_and_there_is_none_of_what_is_not_signed)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf buf = GK_BUF_INIT(PROOF_BYTES_MAX);
	struct note_checkpoint checkpoint;
	struct note_vkey vkey;
	struct proof proof;
	bool found;

	OK(note_vkey_parse(journal_vkey(the_log.journal), &vkey, &the_log.err));
	for (uint64_t seq = 0; seq < EVENTS; seq += 7) {
		gk_buf_clear(&buf);
		OK(journal_print_proof(
		    reader, seq, &buf, &found, &the_log.err));
		cr_assert(found);
		OK(proof_parse(buf.bytes, buf.len, &proof, &the_log.err));
		OK(note_checkpoint_verify(proof.checkpoint, proof.checkpoint_n,
		    &vkey, &checkpoint, &the_log.err));
		cr_assert(proof.index == seq &&
			  proof_check(&proof, &checkpoint, &leaves[seq]));
	}
	gk_buf_clear(&buf);
	OK(journal_print_proof(reader, EVENTS, &buf, &found, &the_log.err));
	cr_assert(!found && buf.len == 0);
}
