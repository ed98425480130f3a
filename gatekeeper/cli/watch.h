#ifndef GK_CLI_WATCH_H
#define GK_CLI_WATCH_H
/* What `gatekeeper watch` knows while it runs, and how that is drawn. */

#include <stdbool.h>
#include <stdint.h>

#include "cli/ask.h"
#include "cli/screen.h"
#include "cli/sse.h"

enum {
	WATCH_LINES = 256,
	WATCH_LINE_BYTES = 320,
	WATCH_COMMENT_BYTES = 512,
	WATCH_LIMITS = 8, /* of a bounded grant, as the API has it */
	WATCH_PATH_BYTES = 256,
	WATCH_VALUE_BYTES = 33,
	WATCH_QUESTION_BYTES = 320,
};

/* What the keys mean just now. */
enum watch_mode {
	WATCH_BROWSE,
	WATCH_USES, /* how far a bounded grant goes is being typed */
	WATCH_TTL,
	WATCH_AT_MOST,
	WATCH_COMMENT, /* a comment is being typed */
	WATCH_CONFIRM, /* one more key, and the vote is cast */
};

/* The greatest number that an argument may have; at first what is asked for. */
struct watch_limit {
	char path[WATCH_PATH_BYTES], value[WATCH_VALUE_BYTES];
};

/* A grant for more than one request, as far as it was typed. */
struct watch_bound {
	bool is; /* else the vote is for one request */
	int64_t max_uses, max_ttl_s;
	char uses[16], ttl[16];
	struct watch_limit limits[WATCH_LIMITS];
	size_t count, asked;
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
	struct watch_bound bound;
	char comment[WATCH_COMMENT_BYTES]; /* or the answer that is typed */
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
/*
 * watch_bound.c: ask how far a grant of that approval goes, question by question;
 * false: none may be given, and that stands in say.
 */
bool watch_bound_begin(struct watch *watch, const struct json_value *one);
void watch_bound_enter(struct watch *watch); /* the answer is in comment */
void watch_bound_question(
    const struct watch *watch, char ret[WATCH_QUESTION_BYTES]);
/* "3 times within 10m, /amount at most 50" */
void watch_bound_print(
    const struct watch *watch, char ret[WATCH_QUESTION_BYTES]);
/* Into the vote's body; false: no memory. */
bool watch_bound_set(const struct watch_bound *bound, struct json_value *body);
/* watch_draw.c: draw all of it. */
void watch_draw(struct watch *watch);

#endif
