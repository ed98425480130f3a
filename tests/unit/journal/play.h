#ifndef GK_TESTS_JOURNAL_PLAY_H
#define GK_TESTS_JOURNAL_PLAY_H
/*
 * A life of a journal, what it promised by answering, and whether that is kept.
 *
 * Everything in it follows from numbers: event seq has one form, and the commit
 * number c writes the policy text c and the row "commit" = c.  So whatever state is
 * found, it must be that after one of the commits, whole: at least the last that was
 * answered, at most the last that was begun.
 */

#include "log.h"

enum { PLAY_COMMITS_MAX = 32, PLAY_EVENTS_MAX = 1024 };

struct play {
	struct log log;
	char root[64]; /* the disk; log.dir lies in it */
	struct {
		char *bytes;
		size_t n;
	} event[PLAY_EVENTS_MAX]; /* appended, or nearly so */
	uint64_t
	    ends[PLAY_COMMITS_MAX]; /* events after commit c; commit 0: none */
	unsigned begun, answered;   /* the last commit of each sort */
	char vkey[512]; /* under which something was answered; "" before */
};

/* A new disk; the journal's folder isn't there yet. */
void play_init(struct play *play);
void play_done(struct play *play);

/* Start; the log's error tells why not. */
enum gk_rc play_open(struct play *play);
/* Append that many events and commit them with their policy and row; false: it failed. */
bool play_batch(struct play *play, unsigned events, size_t policy_bytes);
/* A first life: 200 events, closed.  Nothing fails in it. */
void play_past(struct play *play);
void play_past_done(void); /* at the end of a test that had one */
/*
 * The life that is put to the test: start, batches that complete a tile, a batch that
 * makes the WAL grow so that it is folded in (if large), a batch of one, end.
 * It goes on where something between batches fails, and ends where a batch does.
 */
void play_life(struct play *play, bool large);
/* The first life of all, on a new disk. */
void play_first_life(struct play *play);

/*
 * Start as an operator would: recover where the journal asks for it.  *ret_recovered tells.
 * false when the disk died over it; anything else that isn't a start is a failure.
 */
bool play_start_again(
    struct play *play, bool *ret_recovered, const char *story);
/* The journal that is open holds what was promised, and nothing else. */
void play_check(struct play *play, const char *story);
/* And goes on: a batch more, the end, and verification under the first key. */
void play_check_future(struct play *play, const char *story);

#endif
