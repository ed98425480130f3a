/* A life of a journal, what it promised by answering, and whether that is kept. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "disk.h"
#include "disk_files.h"
#include "play.h"

enum { PAST_EVENTS = 200, LARGE_BYTES = 2200000, SMALL_BYTES = 300 };

static const char digest_form[] = "sha256:%064u";

void
play_init(struct play *play)
{
	memset(play, 0, sizeof(*play));
	log_init(&play->log);
	(void)snprintf(play->root, sizeof(play->root), "%s", play->log.dir);
	(void)snprintf(
	    play->log.dir, sizeof(play->log.dir), "%.50s/data", play->root);
	disk_start(play->root);
}

void
play_done(struct play *play)
{
	log_close(&play->log);
	disk_stop();
	(void)snprintf(play->log.dir, sizeof(play->log.dir), "%s", play->root);
	log_done(&play->log);
	for (size_t i = 0; i < PLAY_EVENTS_MAX; i++) {
		free(play->event[i].bytes);
	}
}

enum gk_rc
play_open(struct play *play)
{
	return log_open(&play->log);
}

/* A text that follows from its number. */
static char *
policy_make(unsigned number, size_t n)
{
	char *text = malloc(n);

	GK_ASSERT(text != NULL);
	for (size_t i = 0; i < n; i++) {
		text[i] = (char)('a' + (i * 7 + i / 64 + number) % 26);
	}
	return text;
}

static void
opening_make(uint64_t seq, char value[64], struct opening *ret)
{
	*ret = (struct opening){.path = "/order", .value = value};
	memset(ret->salt, (int)(seq & 0xff), sizeof(ret->salt));
	(void)snprintf(value, 64, "\"order-%" PRIu64 "\"", seq);
}

static bool
has_opening(uint64_t seq)
{
	return seq % 10 == 5;
}

static enum gk_rc
play_append(struct play *play)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct log *log = &play->log;
	uint64_t seq = journal_next_seq(log->journal);
	struct event event = log_event(log, seq);
	char commitment[EVENT_COMMIT_BYTES], value[64];
	struct opening opening;
	struct record_pair shown = {"/order", commitment};
	struct digest leaf;

	opening_make(seq, value, &opening);
	if (has_opening(seq)) {
		event_commit(
		    opening.path, opening.salt, opening.value, commitment);
		event.shown = &shown;
		event.shown_count = 1;
	}
	GK_TRY(event_encode(&event, &bytes, &log->err));
	GK_ASSERT(seq < PLAY_EVENTS_MAX);
	free(play->event[seq].bytes);
	play->event[seq].n = bytes.len;
	play->event[seq].bytes = malloc(bytes.len);
	GK_ASSERT(play->event[seq].bytes != NULL);
	memcpy(play->event[seq].bytes, bytes.bytes, bytes.len);
	return journal_append(log->journal, &event, bytes.bytes, bytes.len,
	    &opening, has_opening(seq) ? 1 : 0, &leaf, &log->err);
}

static enum gk_rc
play_write(
    struct play *play, unsigned number, unsigned events, size_t policy_bytes)
{
	struct log *log = &play->log;
	char digest[80], row[32];
	char *text = policy_make(number, policy_bytes);
	enum gk_rc rc = GK_OK;

	for (unsigned i = 0; i < events && rc == GK_OK; i++) {
		rc = play_append(play);
	}
	(void)snprintf(digest, sizeof(digest), digest_form, number);
	if (rc == GK_OK) {
		rc = journal_keep_policy(
		    log->journal, digest, text, policy_bytes, &log->err);
	}
	free(text);
	GK_TRY(rc);
	(void)snprintf(row, sizeof(row), "%u", number);
	GK_TRY(journal_put_row(
	    log->journal, 1, "commit", row, strlen(row), &log->err));
	return journal_commit(log->journal, &log->err);
}

bool
play_batch(struct play *play, unsigned events, size_t policy_bytes)
{
	unsigned number = ++play->begun;

	GK_ASSERT(number < PLAY_COMMITS_MAX);
	play->ends[number] = journal_next_seq(play->log.journal) + events;
	if (play_write(play, number, events, policy_bytes) != GK_OK) {
		return false;
	}
	play->answered = number;
	(void)snprintf(play->vkey, sizeof(play->vkey), "%s",
	    journal_vkey(play->log.journal));
	return true;
}

/* Between batches: an error there costs nothing that was answered; later is soon enough. */
static void
play_tidy(struct play *play, int64_t later_us)
{
	disk_clock_add(later_us);
	if (journal_tidy(play->log.journal, &play->log.err) != GK_OK) {
		disk_clock_add(later_us);
	}
}

static void
past_make(struct play *past)
{
	play_init(past);
	disk_stop();
	cr_assert(play_open(past) == GK_OK, "%s", past->log.err.text);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(play_batch(past, PAST_EVENTS / 4, SMALL_BYTES));
		play_tidy(past, 300000);
	}
	log_close(&past->log);
}

/* Lived once and then copied. */
static struct play the_past;

void
play_past(struct play *play)
{
	struct play *past = &the_past;

	if (past->begun == 0) {
		past_make(past);
		disk_start(play->root);
	}
	log_copy(&past->log, play->log.dir);
	for (uint64_t seq = 0; seq < past->ends[past->begun]; seq++) {
		play->event[seq].n = past->event[seq].n;
		play->event[seq].bytes = malloc(past->event[seq].n);
		GK_ASSERT(play->event[seq].bytes != NULL);
		memcpy(play->event[seq].bytes, past->event[seq].bytes,
		    past->event[seq].n);
	}
	memcpy(play->ends, past->ends, sizeof(play->ends));
	memcpy(play->vkey, past->vkey, sizeof(play->vkey));
	play->begun = play->answered = past->begun;
}

void
play_past_done(void)
{
	if (the_past.begun != 0) {
		play_done(&the_past);
		the_past.begun = 0;
	}
}

static void
play_batches(struct play *play, bool large)
{
	static const struct {
		unsigned events;
		size_t policy_bytes;
		int64_t later_us;
	} batch[] = {
	    {40, SMALL_BYTES, 300000},
	    {3, SMALL_BYTES, 1000},
	    {30, SMALL_BYTES, 1000}, /* completes a tile */
	    {2, LARGE_BYTES, 300000},
	    {1, SMALL_BYTES, 300000},
	};

	for (size_t i = 0; i < GK_COUNT(batch); i++) {
		size_t n = batch[i].policy_bytes;

		if (!play_batch(play, batch[i].events,
			n == LARGE_BYTES && !large ? SMALL_BYTES : n)) {
			return;
		}
		play_tidy(play, batch[i].later_us);
	}
	if (play_batch(play, 2, SMALL_BYTES)) {
		return; /* the last is neither published nor folded in */
	}
}

void
play_life(struct play *play, bool large)
{
	if (play_open(play) == GK_OK) {
		play_batches(play, large);
	}
	log_close(&play->log);
}

void
play_first_life(struct play *play)
{
	if (play_open(play) == GK_OK && play_batch(play, 1, SMALL_BYTES)) {
		play_tidy(play, 300000);
		(void)play_batch(play, 2, SMALL_BYTES);
	}
	log_close(&play->log);
}

/* ---- what is found ---- */

bool
play_start_again(struct play *play, bool *ret_recovered, const char *story)
{
	struct log *log = &play->log;
	enum gk_rc rc = GK_E_INVALID;

	*ret_recovered = false;
	if (play_open(play) == GK_OK) {
		return true;
	}
	if (disk_is_dead()) {
		return false;
	}
	cr_assert(strstr(log->err.text, "recover") != NULL, "%s: %s", story,
	    log->err.text);
	for (unsigned c = play->answered;
	     rc == GK_E_INVALID && c <= play->begun; c++) {
		rc = journal_recover(log->dir, play->ends[c], NULL, &log->err);
	}
	if (rc == GK_OK) {
		*ret_recovered = true;
		rc = play_open(play);
	}
	cr_assert(rc == GK_OK || disk_is_dead(), "%s: recovering: %s", story,
	    log->err.text);
	return rc == GK_OK;
}

struct seen_openings {
	uint64_t seq;
	size_t count;
	const char *story;
};

static enum gk_rc
see_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	struct seen_openings *seen = ctx;
	struct opening want;
	char value[64];

	(void)err;
	opening_make(seen->seq, value, &want);
	cr_assert(strcmp(opening->path, want.path) == 0 &&
		      strcmp(opening->value, value) == 0 &&
		      memcmp(opening->salt, want.salt, sizeof(want.salt)) == 0,
	    "%s: the opening of %" PRIu64 " is another", seen->story,
	    seen->seq);
	seen->count++;
	return GK_OK;
}

static void
check_event(struct play *play, uint64_t seq, const char *story)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct journal_reader *reader = journal_reader(play->log.journal);
	struct seen_openings seen = {seq, 0, story};
	bool found;

	cr_assert(journal_read(reader, seq, &bytes, NULL, &found,
		      &play->log.err) == GK_OK &&
		      found,
	    "%s: seq %" PRIu64 " is gone", story, seq);
	cr_assert(
	    bytes.len == play->event[seq].n &&
		memcmp(bytes.bytes, play->event[seq].bytes, bytes.len) == 0,
	    "%s: seq %" PRIu64 " is another", story, seq);
	cr_assert(journal_openings(
		      reader, seq, see_opening, &seen, &play->log.err) == GK_OK,
	    "%s: %s", story, play->log.err.text);
	cr_assert(seen.count == (has_opening(seq) ? 1 : 0),
	    "%s: seq %" PRIu64 " has %zu openings", story, seq, seen.count);
}

static enum gk_rc
see_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	char *row = ctx;

	(void)key;
	(void)err;
	(void)snprintf(row, 32, "%.*s", (int)n, json);
	return GK_OK;
}

/* What commit c wrote beside the events: its own, and no later one's. */
static void
check_beside(struct play *play, unsigned c, const char *story)
{
	struct log *log = &play->log;
	char digest[80], row[32] = "0", want[32];
	bool found;

	(void)snprintf(want, sizeof(want), "%u", c);
	cr_assert(
	    journal_each_row(log->journal, 1, see_row, row, &log->err) == GK_OK,
	    "%s: %s", story, log->err.text);
	cr_assert(strcmp(row, want) == 0, "%s: the row of commit %s, not %s",
	    story, row, want);
	for (unsigned i = 1; i <= play->begun; i++) {
		(void)snprintf(digest, sizeof(digest), digest_form, i);
		cr_assert(journal_policy_text(journal_reader(log->journal),
			      digest, NULL, &found, &log->err) == GK_OK &&
			      found == (i <= c),
		    "%s: at commit %u, policy %u %s there", story, c, i,
		    found ? "is" : "isn't");
	}
}

void
play_check(struct play *play, const char *story)
{
	uint64_t size = play->log.found.size;
	unsigned c = play->answered;

	while (c < play->begun && play->ends[c] != size) {
		c++;
	}
	cr_assert(play->ends[c] == size,
	    "%s: %" PRIu64 " events are there; answered for: %" PRIu64
	    ", begun: %" PRIu64,
	    story, size, play->ends[play->answered], play->ends[play->begun]);
	cr_assert(play->vkey[0] == '\0' ||
		      strcmp(play->vkey, journal_vkey(play->log.journal)) == 0,
	    "%s: another key", story);
	for (uint64_t seq = 0; seq < size; seq++) {
		check_event(play, seq, story);
	}
	check_beside(play, c, story);
	play->begun = play->answered = c;
}

void
play_check_future(struct play *play, const char *story)
{
	struct journal_verify_options options = {
	    .data_dir = play->log.dir, .vkey = play->vkey};
	struct journal_verify_report report;

	cr_assert(play_batch(play, 2, SMALL_BYTES), "%s: %s", story,
	    play->log.err.text);
	log_close(&play->log);
	cr_assert(journal_verify(&options, &report, &play->log.err) == GK_OK,
	    "%s: %s", story, play->log.err.text);
	cr_assert(report.verdict == VERIFY_OK &&
		      report.size == play->ends[play->answered],
	    "%s: verify: %s: %s", story, report.where, report.text);
}
