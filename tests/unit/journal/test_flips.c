/*
 * One bit flips, somewhere in what lies at rest: that is reported, or it is harmless; never silent.
 *
 * Reported: the start refuses, reading gives an error, or journal_verify() names a
 * place, at once or after the journal went on.  Harmless: verify is content, and
 * everything reads back the same.
 *
 * One thing can't be told apart: in the WAL of a killed process, damage to the last
 * batch looks like a batch that was never answered.  The boot event names it.
 *
 * GK_FAULT_FLIPS (default 60) is how many bits are
 * flipped in each class of places.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "disk_files.h"
#include "journal/journal_internal.h"
#include "play.h"

enum {
	PAGE = 4096,
	FRAME = 24 + PAGE,
	PLACES_MAX = 4 << 20,
	FILE_MAX = 4 << 20
};

/* What a whole journal says, in short. */
struct summary {
	struct digest log; /* events, openings, policy texts, notes, keys */
	struct digest
	    rows; /* snapshot rows: sealed by the digest in their event */
};

static struct play *play;       /* the journal that is damaged */
static char whole[64];          /* a copy of it as it was */
static struct summary expected; /* of the whole one */
static uint8_t *file;           /* of the file under damage, whole */
static size_t file_n;
static uint32_t *places; /* bytes to choose from */
static size_t place_count;

static uint64_t
flips(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread */
	const char *text = getenv("GK_FAULT_FLIPS");
	unsigned long long n = text == NULL ? 60 : strtoull(text, NULL, 10);

	return n == 0 ? 1 : n;
}

/* ---- a journal with all that a journal can hold ---- */

/* The process dies, and the WAL stays. */
static void
make_killed(void)
{
	disk_die(DISK_KILL, 0);
	log_close(&play->log);
	disk_restore();
}

static void
put_rows(int64_t generation, unsigned count)
{
	char key[16], json[64];

	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(key, sizeof(key), "key_%u", i);
		(void)snprintf(json, sizeof(json),
		    "{\"generation\":%" PRId64 ",\"count\":%u}", generation, i);
		cr_assert(journal_put_row(play->log.journal, generation, key,
			      json, strlen(json), &play->log.err) == GK_OK);
	}
}

/* Two tiles and a bit, openings, policies, rows, pages that are free again. */
static void
make_rich(void)
{
	bool more = true;

	play_past(play);
	disk_start(play->root);
	cr_assert(play_open(play) == GK_OK, "%s", play->log.err.text);
	put_rows(2, 400);
	cr_assert(play_batch(play, 160, 6000));
	cr_assert(play_batch(play, 160, 300));
	put_rows(3, 60);
	while (more) {
		cr_assert(journal_drop_rows(play->log.journal, 3, 100, &more,
			      &play->log.err) == GK_OK);
	}
	cr_assert(play_batch(play, 10, 300));
}

static void
copy_folder(const char *from, const char *to)
{
	struct log log;

	(void)snprintf(log.dir, sizeof(log.dir), "%.63s", from);
	log_copy(&log, to);
}

static void
setup(void)
{
	disk_install();
	play = calloc(1, sizeof(*play));
	file = malloc(FILE_MAX);
	places = calloc(PLACES_MAX, sizeof(*places));
	cr_assert(play != NULL && file != NULL && places != NULL);
	play_init(play);
	(void)snprintf(whole, sizeof(whole), "%.50s/whole", play->root);
	make_rich();
}

static void
teardown(void)
{
	play_done(play);
	play_past_done();
	free(play);
	free(file);
	free(places);
}

TestSuite(flips, .init = setup, .fini = teardown, .timeout = 1800);

/* ---- what a journal says ---- */

static enum gk_rc
add_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	return gk_buf_printf(ctx, err, "%s %.2s %s %" PRId64 ";", opening->path,
	    (const char *)opening->salt, opening->value, opening->forget_us);
}

static enum gk_rc
add_policy(void *ctx, const char *digest, const void *sha256, size_t sha256_n,
    const char *bytes, size_t n, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(ctx, err, "%s ", digest));
	GK_TRY(gk_buf_add(ctx, sha256, sha256_n, err));
	return gk_buf_add(ctx, bytes, n, err);
}

static enum gk_rc
add_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	return gk_buf_printf(ctx, err, "%s=%.*s;", key, (int)n, json);
}

static void
digest_of(const struct gk_buf *buf, struct digest *ret)
{
	const struct digest_part part = {buf->bytes, buf->len};

	digest_sha256(&part, 1, ret);
}

static enum gk_rc
summarize_log(struct log *log, struct gk_buf *buf)
{
	struct journal_reader *reader = journal_reader(log->journal);
	uint8_t key[JOURNAL_HASH_KEY_BYTES];
	struct id_key id;
	bool found;

	for (uint64_t seq = 0; seq < log->found.size; seq++) {
		GK_TRY(journal_read(reader, seq, buf, NULL, &found, &log->err));
		GK_TRY(gk_buf_printf(buf, &log->err, " %d;", found));
		GK_TRY(
		    journal_openings(reader, seq, add_opening, buf, &log->err));
	}
	GK_TRY(journal__each_policy(reader, add_policy, buf, &log->err));
	GK_TRY(journal_hash_key_load(log->journal, 1, key, &found, &log->err));
	GK_TRY(gk_buf_add(
	    buf, (const char *)key, found ? sizeof(key) : 0, &log->err));
	journal_id_key(log->journal, &id);
	GK_TRY(gk_buf_add(buf, id.bytes, sizeof(id.bytes), &log->err));
	return gk_buf_printf(buf, &log->err, "%s %" PRIu64 " %s",
	    journal_vkey(log->journal), log->found.size, log->found.reason);
}

static enum gk_rc
summarize(struct log *log, struct summary *ret)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4 << 20);

	GK_TRY(summarize_log(log, &buf));
	digest_of(&buf, &ret->log);
	gk_buf_clear(&buf);
	for (int64_t generation = 1; generation < 4; generation++) {
		GK_TRY(journal_each_row(
		    log->journal, generation, add_row, &buf, &log->err));
	}
	digest_of(&buf, &ret->rows);
	return GK_OK;
}

/* From here on the journal is as it is, and damaged in copies. */
static void
remember(void)
{
	disk_stop();
	copy_folder(play->log.dir, whole);
	cr_assert(play_open(play) == GK_OK, "%s", play->log.err.text);
	cr_assert(summarize(&play->log, &expected) == GK_OK);
	log_close(&play->log);
}

/* ---- places ---- */

static void
load(const char *name)
{
	char path[256];
	FILE *in;

	(void)snprintf(path, sizeof(path), "%s/%s", whole, name);
	in = fopen(path, "rb");
	cr_assert(in != NULL, "%s", path);
	file_n = fread(file, 1, FILE_MAX, in);
	cr_assert(file_n < FILE_MAX);
	(void)fclose(in);
	place_count = 0;
}

static void
place(size_t from, size_t n)
{
	for (size_t i = from; i < from + n && i < file_n; i++) {
		cr_assert(place_count < PLACES_MAX);
		places[place_count++] = (uint32_t)i;
	}
}

static void
place_everything(void)
{
	place(0, file_n);
}

/* Wherever those bytes stand, and that many around. */
static void
place_text(const char *text, size_t before, size_t after)
{
	size_t n = strlen(text);

	for (size_t i = before; i + n <= file_n; i++) {
		if (memcmp(file + i, text, n) == 0) {
			place(i - before, before + n + after);
		}
	}
}

static bool
is_btree(size_t page, size_t *ret_header)
{
	uint8_t type;

	*ret_header = page * PAGE + (page == 0 ? 100 : 0);
	type = file[*ret_header];
	return type == 2 || type == 5 || type == 10 || type == 13;
}

static size_t
number_at(size_t at, size_t bytes)
{
	size_t number = 0;

	for (size_t i = 0; i < bytes; i++) {
		number = number << 8 | file[at + i];
	}
	return number;
}

static void
place_page_headers(void)
{
	size_t header;

	place(16, 84); /* of the file's own header, behind its name */
	for (size_t page = 0; page < file_n / PAGE; page++) {
		if (is_btree(page, &header)) {
			place(header, file[header] < 6 ? 12 : 8);
		}
	}
}

static void
place_cell_pointers(void)
{
	size_t header;

	for (size_t page = 0; page < file_n / PAGE; page++) {
		if (is_btree(page, &header)) {
			place(header + (file[header] < 6 ? 12 : 8),
			    2 * number_at(header + 3, 2));
		}
	}
}

static void
place_freelist(void)
{
	size_t trunk = number_at(32, 4);

	place(32, 8);
	cr_assert(trunk != 0, "no page is free");
	while (trunk != 0 && trunk <= file_n / PAGE) {
		size_t at = (trunk - 1) * PAGE;

		place(at, 8 + 4 * number_at(at + 4, 4));
		trunk = number_at(at, 4);
	}
}

static void
place_schema(void)
{
	place_text("CREATE ", 40, 200);
}

static void
place_tiles(void)
{
	struct digest leaf;
	char text[DIGEST_BYTES + 1] = "";

	/* the root and the first hashes of tile 0: the rest lies on other pages */
	merkle_leaf(play->event[0].bytes, play->event[0].n, &leaf);
	memcpy(text, leaf.bytes, DIGEST_BYTES);
	for (size_t i = DIGEST_BYTES; i + DIGEST_BYTES < file_n; i++) {
		if (memcmp(file + i, text, DIGEST_BYTES) == 0) {
			place(i - DIGEST_BYTES, 450);
		}
	}
}

static void
place_checkpoints(void)
{
	place_text("test.example/log\n", 10, 150);
}

static void
place_openings(void)
{
	place_text("/order", 10, 30);
}

static void
place_events(void)
{
	place_text("\"kind\":", 300, 300);
}

static void
place_frame_headers(void)
{
	place(0, 32);
	for (size_t at = 32; at + FRAME <= file_n; at += FRAME) {
		place(at, 24);
	}
}

/* ---- damage ---- */

struct table {
	uint64_t by_open, by_verify, by_reading, by_rows, later, harmless;
};

enum found {
	SILENT,
	BY_OPEN,
	BY_BOOT,
	BY_VERIFY,
	BY_READING,
	BY_ROWS,
	LATER,
	HARMLESS
};

#define NOT_WHOLE "wasn't whole" /* in the boot event */

static bool
verify_is_content(char *ret_text, size_t room)
{
	const struct journal_verify_options options = {
	    .data_dir = play->log.dir, .vkey = play->vkey};
	struct journal_verify_report report;
	struct gk_err err = {.rc = GK_OK};

	if (journal_verify(&options, &report, &err) != GK_OK) {
		(void)snprintf(ret_text, room, "%s", err.text);
		cr_assert(err.text[0] != '\0', "an error without a word");
		return false;
	}
	(void)snprintf(
	    ret_text, room, "%.90s: %.310s", report.where, report.text);
	cr_assert(report.verdict == VERIFY_OK ||
		      (report.where[0] != '\0' && report.text[0] != '\0'),
	    "a fault without a place");
	return report.verdict == VERIFY_OK;
}

/* A batch more, which may fail. */
static bool
goes_on(struct log *log)
{
	for (int i = 0; i < 3; i++) {
		if (log_add(log) != GK_OK) {
			return false;
		}
	}
	return journal_put_row(log->journal, 9, "k", "{}", 2, &log->err) ==
		   GK_OK &&
	       journal_commit(log->journal, &log->err) == GK_OK;
}

static enum found
examine(void)
{
	struct log *log = &play->log;
	struct summary summary;
	char text[512];
	bool content = verify_is_content(text, sizeof(text));
	bool same_rows, went_on;

	if (log_open(log) != GK_OK) {
		cr_assert(log->err.text[0] != '\0', "refused without a word");
		return BY_OPEN;
	}
	if (!content) {
		return BY_VERIFY;
	}
	if (summarize(log, &summary) != GK_OK) {
		return BY_READING;
	}
	if (!digest_equal(
		summary.log.bytes, expected.log.bytes, DIGEST_BYTES)) {
		return strstr(log->found.detail, NOT_WHOLE) != NULL ? BY_BOOT
								    : SILENT;
	}
	same_rows =
	    digest_equal(summary.rows.bytes, expected.rows.bytes, DIGEST_BYTES);
	went_on = goes_on(log);
	log_close(log);
	if (!went_on || !verify_is_content(text, sizeof(text))) {
		return LATER;
	}
	return same_rows ? HARMLESS : BY_ROWS;
}

static void
flip_only(const char *name, size_t at, unsigned bit)
{
	char path[256];
	uint8_t byte = file[at] ^ (uint8_t)(1u << bit);
	int fd;

	copy_folder(whole, play->log.dir);
	(void)snprintf(path, sizeof(path), "%s/%s", play->log.dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && pwrite(fd, &byte, 1, (off_t)at) == 1, "%s", path);
	(void)close(fd);
}

static enum found
flip(const char *name, size_t at, unsigned bit)
{
	enum found found;

	flip_only(name, at, bit);
	found = examine();
	log_close(&play->log);
	return found;
}

static void
table_add(struct table *table, enum found found)
{
	table->by_open += found == BY_OPEN;
	table->by_verify += found == BY_VERIFY;
	table->by_reading += found == BY_READING;
	table->by_rows += found == BY_ROWS;
	table->later += found == LATER;
	table->harmless += found == HARMLESS;
}

static void
remove_journal(void)
{
	static const char *const name[] = {"journal.db", "journal.db-wal",
	    "journal.db-shm", "checkpoint", "eio", "vkey"};
	char path[256];

	for (size_t i = 0; i < GK_COUNT(name); i++) {
		log_path(&play->log, name[i], path);
		(void)unlink(path);
	}
}

/* Flip bits at the places that were named, and say what became of it. */
static void
damage(const char *what, const char *name)
{
	struct table table = {0};
	uint64_t seed = place_count, silent = 0;

	cr_assert(place_count > 0, "%s: nothing to damage", what);
	for (uint64_t i = 0; i < flips(); i++) {
		size_t at = places[disk_random(&seed) % place_count];
		unsigned bit = (unsigned)(disk_random(&seed) % 8);
		enum found found;

		remove_journal();
		found = flip(name, at, bit);
		table_add(&table, found);
		if (found == SILENT) {
			silent++;
			(void)fprintf(stderr,
			    "# %s: silent: bit %u of byte %zu of %s\n", what,
			    bit, at, name);
		}
	}
	(void)fprintf(stderr,
	    "# %-14s %4" PRIu64 " flips: reported by open %" PRIu64
	    ", by verify %" PRIu64 ", by reading %" PRIu64
	    ", by the rows' digest %" PRIu64 ", on going on %" PRIu64
	    "; harmless %" PRIu64 "\n",
	    what, flips(), table.by_open, table.by_verify, table.by_reading,
	    table.by_rows, table.later, table.harmless);
	cr_assert(silent == 0, "%s: %" PRIu64 " silent", what, silent);
}

Test(flips, a_flip_in_the_database_is_reported_or_harmless)
{
	static const struct {
		const char *what;
		void (*place)(void);
	} part[] = {
	    {"database", place_everything},
	    {"page headers", place_page_headers},
	    {"cell pointers", place_cell_pointers},
	    {"freelist", place_freelist},
	    {"sqlite_schema", place_schema},
	    {"tiles", place_tiles},
	    {"checkpoints", place_checkpoints},
	    {"openings", place_openings},
	    {"events", place_events},
	};

	log_close(&play->log);
	remember();
	for (size_t i = 0; i < GK_COUNT(part); i++) {
		load("journal.db");
		part[i].place();
		damage(part[i].what, "journal.db");
	}
}

Test(flips, a_flip_in_a_file_beside_it_is_reported_or_harmless)
{
	static const char *const name[] = {"checkpoint", "vkey",
	    "keys/signing.key", "keys/hmac.key", "keys/id.key"};
	uint8_t key[JOURNAL_HASH_KEY_BYTES];

	cr_assert(journal_hash_key_make(play->log.journal, 2, key,
		      &play->log.err) == GK_OK); /* and keys/id.key */
	log_close(&play->log);
	remember();
	for (size_t i = 0; i < GK_COUNT(name); i++) {
		load(name[i]);
		place_everything();
		damage(name[i], name[i]);
	}
}

Test(flips, a_flip_in_what_an_operator_accepted_is_reported_or_harmless)
{
	log_close(&play->log);
	cr_assert(journal_recover(play->log.dir, play->ends[play->answered],
		      "the disk was exchanged", &play->log.err) == GK_OK,
	    "%s", play->log.err.text);
	remember();
	load("journal.db");
	place_text("an operator accepted", 20, 60);
	damage("meta", "journal.db");
}

/* The process was killed after its last checkpoint was published. */
Test(flips, a_flip_in_the_wal_is_reported_or_harmless)
{
	cr_assert(journal_tidy(play->log.journal, &play->log.err) == GK_OK);
	make_killed();
	remember();
	load("journal.db-wal");
	place_everything();
	damage("WAL", "journal.db-wal");
	load("journal.db-wal");
	place_frame_headers();
	damage("WAL headers", "journal.db-wal");
}

/*
 * The process was killed before its last two batches were published.  Damage in the
 * first is refused, for the second stands behind it; the second could as well be
 * one that a crash cut off: the boot event says that it wasn't whole.
 */
Test(flips, a_flip_in_an_unpublished_wal_is_reported)
{
	unsigned refused = 0, told = 0;
	uint64_t seed = 77;

	disk_clock_add(300000);
	cr_assert(journal_tidy(play->log.journal, &play->log.err) == GK_OK);
	cr_assert(play_batch(play, 4, 300) && play_batch(play, 4, 300));
	make_killed();
	remember();
	load("journal.db-wal");
	for (uint64_t i = 0; i < flips(); i++) {
		/* the last pages: those of the two batches are among them */
		size_t at = file_n - 1 - disk_random(&seed) % (30 * FRAME);
		enum found found;

		remove_journal();
		found = flip("journal.db-wal", at, i % 8);
		cr_assert(found == BY_OPEN || found == BY_BOOT);
		refused += found == BY_OPEN;
		told += found == BY_BOOT;
	}
	(void)fprintf(stderr,
	    "# unpublished    %4" PRIu64
	    " flips: reported by open %u, by the boot event %u\n",
	    flips(), refused, told);
	cr_assert(refused > 0 && told > 0);
}
