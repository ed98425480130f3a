#ifndef GK_CLI_SCREEN_H
#define GK_CLI_SCREEN_H
/* A terminal taken over for a while: lines of harmless text, keys, and everything put back at the end. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* How a piece of text stands out; in that order of care. */
enum screen_look { SCREEN_PLAIN, SCREEN_DIM, SCREEN_BOLD, SCREEN_REVERSE };

enum screen_key {
	SCREEN_NONE, /* a sequence that means nothing here */
	SCREEN_TEXT, /* a piece of text: bytes */
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_ENTER,
	SCREEN_ESCAPE,
	SCREEN_ERASE,
	SCREEN_INTERRUPT, /* Ctrl-C, Ctrl-D, Ctrl-\ */
	SCREEN_SUSPEND,   /* Ctrl-Z */
	SCREEN_REDRAW,    /* Ctrl-L */
};

/* Embedded; a zeroed one is closed.  One in a process. */
struct screen {
	bool open, colours;
	int in, out;
	int rows, columns;
	struct gk_buf frame; /* being drawn */
	int row, column;     /* where in it */
	enum screen_look look;
};

/*
 * Take the terminal over: no echo, a key at a time, the other screen.  What dies by a
 * fault puts it back too.  Errors: GK_E_IO (no terminal).
 */
enum gk_rc screen_open(struct screen *screen, int in, int out, bool colours,
    struct gk_err *err) GK_MUST_USE;
/* Put everything back; again after screen_suspend().  Also of a closed one. */
void screen_close(struct screen *screen);
/* Stop as Ctrl-Z does; returns when the process goes on. */
void screen_suspend(struct screen *screen);
/* Ask how large it is now. */
void screen_measure(struct screen *screen);

/*
 * Draw a frame: begin, any number of pieces and line ends, end.  What doesn't fit
 * into the window is left out; whatever text holds, it can't steer the terminal.
 */
void screen_begin(struct screen *screen);
void screen_look(struct screen *screen, enum screen_look look);
void screen_put(struct screen *screen, const char *text);
void screen_line(struct screen *screen);      /* to the next line */
int screen_left(const struct screen *screen); /* lines */
void screen_end(struct screen *screen);

/* Forget what was typed so far. */
void screen_flush_keys(const struct screen *screen);
/*
 * The key at the beginning of n > 0 bytes that were read; gives how many of them
 * it takes (at least 1).  SCREEN_TEXT: all that follow up to the next key.
 */
size_t screen_key(const char *bytes, size_t n, enum screen_key *ret);

/*
 * The code point at text, which isn't "", and how many columns it takes; one that is
 * invisible, turns the direction of writing, steers, or is no UTF-8, becomes '?'.
 * Gives how many bytes it has.
 */
size_t screen_char(const char *text, char ret[5], int *ret_columns);

#endif
