/*
 * Looks at a write-ahead log for what SQLite leaves out without a word.
 *
 * SQLite reads a WAL up to the first frame that isn't whole, and takes the rest for
 * a transaction that a crash cut off (sqlite.org/fileformat2.html, section 4.1).
 * That is right for the last one.  But a batch is begun only when the one before
 * is synced: where whole frames of a later transaction stand behind a commit that
 * can't be reached any more, what was synced, and answered, is damaged.
 *
 * A frame's checksum goes on from the frame before it.  So frames behind a damaged
 * one can still be told: each is linked to the one before by its checksum, under
 * this WAL's salts.  What an earlier use of the file has left has other salts; what
 * is left of a transaction that failed isn't linked to another one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal_internal.h"

enum {
	HEAD_BYTES = 32,       /* of the file */
	FRAME_HEAD_BYTES = 24, /* of a frame, before its page */
	PAGE_BYTES_MIN = 512,
	PAGE_BYTES_MAX = 65536,
};

#define MAGIC_LITTLE 0x377f0682u /* checksums of little-endian words */
#define MAGIC_BIG    0x377f0683u
#define FORMAT       3007000u

struct sum {
	uint32_t a, b;
};

struct wal {
	int fd;
	bool big;
	uint32_t page;
	uint8_t salts[8];
	uint8_t *frame; /* head and page */
};

static uint32_t
read_big(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static uint32_t
read_word(const struct wal *wal, const uint8_t *at)
{
	return wal->big ? read_big(at)
			: (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 |
			      (uint32_t)at[1] << 8 | at[0];
}

/* Section 4.2 of the format: Fibonacci-weighted sums of pairs of words. */
static struct sum
add_up(const struct wal *wal, struct sum sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		sum.a += read_word(wal, bytes + i) + sum.b;
		sum.b += read_word(wal, bytes + i + 4) + sum.a;
	}
	return sum;
}

static struct sum
read_sum(const uint8_t *at)
{
	return (struct sum){read_big(at), read_big(at + 4)};
}

static bool
is_same(struct sum a, struct sum b)
{
	return a.a == b.a && a.b == b.b;
}

/* *ret_n: how many were there; fewer than n at the file's end. */
static enum gk_rc
read_at(int fd, void *to, size_t n, off_t at, size_t *ret_n, struct gk_err *err)
{
	size_t got = 0;

	while (got < n) {
		ssize_t part =
		    pread(fd, (char *)to + got, n - got, at + (off_t)got);

		if (part < 0 && errno == EINTR) {
			continue;
		}
		if (part < 0) {
			return GK_FAIL(err, GK_E_IO,
			    "reading " JOURNAL_WAL ": %s",
			    strerrordesc_np(errno));
		}
		if (part == 0) {
			break;
		}
		got += (size_t)part;
	}
	*ret_n = got;
	return GK_OK;
}

/* *ret_is: the head is whole, so that SQLite reads what follows. */
static enum gk_rc
read_head(
    struct wal *wal, struct sum *ret_sum, bool *ret_is, struct gk_err *err)
{
	uint8_t head[HEAD_BYTES];
	uint32_t magic;
	size_t n;

	*ret_is = false;
	GK_TRY(read_at(wal->fd, head, sizeof(head), 0, &n, err));
	magic = read_big(head);
	wal->big = magic == MAGIC_BIG;
	wal->page = read_big(head + 8);
	if (n != sizeof(head) ||
	    (magic != MAGIC_LITTLE && magic != MAGIC_BIG) ||
	    read_big(head + 4) != FORMAT || wal->page < PAGE_BYTES_MIN ||
	    wal->page > PAGE_BYTES_MAX || (wal->page & (wal->page - 1)) != 0) {
		return GK_OK;
	}
	memcpy(wal->salts, head + 16, sizeof(wal->salts));
	*ret_sum = add_up(wal, (struct sum){0, 0}, head, HEAD_BYTES - 8);
	*ret_is = is_same(*ret_sum, read_sum(head + HEAD_BYTES - 8));
	return GK_OK;
}

/* Was the frame that was read written since the WAL was begun anew? */
static bool
is_ours(const struct wal *wal)
{
	return memcmp(wal->frame + 8, wal->salts, sizeof(wal->salts)) == 0;
}

/* The sum that the frame that was read should have, after one with this sum. */
static struct sum
sum_after(const struct wal *wal, struct sum before)
{
	struct sum sum = add_up(wal, before, wal->frame, 8);

	return add_up(wal, sum, wal->frame + FRAME_HEAD_BYTES, wal->page);
}

/* Is it the next one after a frame with this sum? */
static bool
is_linked(const struct wal *wal, struct sum before)
{
	return is_ours(wal) &&
	       is_same(sum_after(wal, before), read_sum(wal->frame + 16));
}

/*
 * A frame that isn't linked to the one before is where SQLite stops.  From there on
 * the one before may itself be the damaged one: then either the sum that it has is
 * right, or the one that it should have.  Its salts don't matter: where it isn't
 * ours at all, nothing of ours is linked to it.
 */
static enum gk_rc
walk(struct wal *wal, struct sum sum, struct wal_state *ret, struct gk_err *err)
{
	size_t size = FRAME_HEAD_BYTES + wal->page, n;
	struct sum should = sum;
	bool reached = true, ends = true;
	uint64_t stop = 0;

	for (off_t at = HEAD_BYTES; ret->damaged == 0; at += (off_t)size) {
		bool linked;

		GK_TRY(read_at(wal->fd, wal->frame, size, at, &n, err));
		if (n < size) {
			break;
		}
		linked = is_linked(wal, sum);
		if (reached && !linked) {
			reached = false;
			stop = (uint64_t)at;
			ret->cut = !ends;
		} else if (!reached && ends &&
			   (linked || is_linked(wal, should))) {
			ret->damaged = stop;
		}
		ret->cut = ret->cut || (!reached && is_ours(wal));
		ends = read_big(wal->frame + 4) != 0;
		should = sum_after(wal, sum);
		sum = read_sum(wal->frame + 16);
	}
	ret->cut = ret->cut || (reached && !ends);
	return GK_OK;
}

enum gk_rc
journal__wal_look(int fd, struct wal_state *ret, struct gk_err *err)
{
	struct wal wal = {.fd = fd};
	struct sum sum;
	bool is;
	enum gk_rc rc;

	*ret = (struct wal_state){.damaged = 0};
	GK_TRY(read_head(&wal, &sum, &is, err));
	if (!is) {
		return GK_OK; /* SQLite reads nothing of it */
	}
	wal.frame = malloc(FRAME_HEAD_BYTES + wal.page);
	if (wal.frame == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "the WAL");
	}
	rc = walk(&wal, sum, ret, err);
	free(wal.frame);
	return rc;
}

enum gk_rc
journal__wal_check(int dir, struct wal_state *ret, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int fd = openat(dir, JOURNAL_WAL, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	*ret = (struct wal_state){.damaged = 0};
	if (fd < 0) {
		return errno == ENOENT ? GK_OK
				       : GK_FAIL(err, GK_E_IO,
					     "opening " JOURNAL_WAL ": %s",
					     strerrordesc_np(errno));
	}
	return journal__wal_look(fd, ret, err);
}

uint64_t
journal__wal_size(const char *data_dir)
{
	struct journal_reader *reader;
	uint64_t size = 0;

	if (journal_reader_open(data_dir, &reader, NULL) != GK_OK) {
		return 0;
	}
	if (journal__read_size(reader, &size, NULL) != GK_OK) {
		size = 0;
	}
	journal_reader_close(reader);
	return size;
}
