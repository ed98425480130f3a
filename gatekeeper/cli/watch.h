#ifndef GK_CLI_WATCH_H
#define GK_CLI_WATCH_H
/* What `gatekeeper watch` knows while it runs, and how that is drawn. */

#include <stdbool.h>
#include <stdint.h>

#include "cli/ask.h"
#include "cli/screen.h"
#include "cli/sse.h"

enum { WATCH_LINES = 256, WATCH_LINE_BYTES = 320, WATCH_COMMENT_BYTES = 512 };

/* What the keys mean just now. */
enum watch_mode {
	WATCH_BROWSE,
	WATCH_COMMENT, /* a comment is being typed */
	WATCH_CONFIRM, /* one more key, and the vote is cast */
};

struct watch {
	struct cli *cli;
	struct session session;
	struct gk_buf path; /* of the stream, with its filters */
	bool plain;         /* lines instead of a screen */
	bool all;           /* also what says little by itself */
	bool votes;         /* a person's token is there */

	/* the stream */
	int fd; /* -1: not connected */
	struct sse sse;
	char last[24];     /* the id behind which it goes on; "": from now */
	int64_t again_us;  /* when it is tried again; boot clock */
	int64_t wait_us;   /* how long it waits after the next failure */
	char trouble[160]; /* why it isn't connected; "": it is */
	int ends;          /* exit code; -1: it goes on */

	/* what waits for a person */
	struct answer pending;
	bool stale;       /* it must be asked for again */
	char chosen[64];  /* approval_id; "": the first */
	char past_of[64]; /* whose run's story is known: */
	char past[160];   /* what had happened in it, in words */

	/* what happened lately, oldest first, as a ring */
	char lines[WATCH_LINES][WATCH_LINE_BYTES];
	size_t line_count;

	struct screen screen;
	enum watch_mode mode;
	bool grants; /* the vote that is being cast is a yes */
	char voted[64], voted_text[160]; /* on which approval, in words */
	char comment[WATCH_COMMENT_BYTES];
	size_t comment_n;
	char say[200]; /* the last line: what came of it */
};

/* The approval that is chosen, else the first; NULL: there is none. */
const struct json_value *watch_chosen(const struct watch *watch);
/* How many wait. */
size_t watch_count(const struct watch *watch);
extern const struct json_limits watch_limits; /* of an event or a list */

/* watch.c: copy a text, cut to its room; NULL is "". */
void watch_copy(char *ret, size_t room, const char *text);
/* watch_vote.c: ask anew what waits; take what was typed. */
void watch_refresh(struct watch *watch);
/* Ask what had happened in the run of the chosen one, where that isn't known. */
void watch_look_back(struct watch *watch);
void watch_read_keys(struct watch *watch);
/* watch_draw.c: draw all of it. */
void watch_draw(struct watch *watch);

#endif
