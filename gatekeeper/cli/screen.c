/* The terminal: raw and restored, frames cut to the window, keys told apart. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/screen.h"

enum { FRAME_CAP = 1 << 20, ROWS_STANDARD = 24, COLUMNS_STANDARD = 80 };

#define TAKE_OVER "\x1b[?1049h\x1b[?25l\x1b[?7l"
#define PUT_BACK  "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"

/* What a fault's handler needs; one screen in a process. */
static struct {
	volatile sig_atomic_t taken;
	int in, out;
	struct termios before;
} screen_saved;

static const int screen_faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static void
write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return; /* nobody looks any more: the read will tell */
		}
		bytes += written;
		n -= (size_t)written;
	}
}

/* Async-signal-safe. */
static void
put_back(void)
{
	ssize_t n;

	if (screen_saved.taken) {
		screen_saved.taken = 0;
		n = write(screen_saved.out, PUT_BACK, sizeof(PUT_BACK) - 1);
		(void)n; /* without a terminal there is nothing to put back */
		(void)tcsetattr(
		    screen_saved.in, TCSADRAIN, &screen_saved.before);
	}
}

static void
on_fault(int number)
{
	put_back();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static enum gk_rc
take_over(const struct screen *screen, struct gk_err *err)
{
	struct termios raw;

	if (tcgetattr(screen->in, &screen_saved.before) != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "not a terminal: %s", strerrordesc_np(errno));
	}
	raw = screen_saved.before;
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON | INLCR | IGNCR);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	screen_saved.in = screen->in;
	screen_saved.out = screen->out;
	if (tcsetattr(screen->in, TCSADRAIN, &raw) != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "the terminal: %s", strerrordesc_np(errno));
	}
	screen_saved.taken = 1;
	write_all(screen->out, TAKE_OVER, sizeof(TAKE_OVER) - 1);
	return GK_OK;
}

enum gk_rc
screen_open(
    struct screen *screen, int in, int out, bool colours, struct gk_err *err)
{
	*screen = (struct screen){.in = in, .out = out, .colours = colours};
	screen->frame.cap = FRAME_CAP;
	for (size_t i = 0; i < GK_COUNT(screen_faults); i++) {
		(void)signal(screen_faults[i], on_fault);
	}
	GK_TRY(take_over(screen, err));
	screen->open = true;
	screen_measure(screen);
	return GK_OK;
}

void
screen_close(struct screen *screen)
{
	if (screen->open) {
		put_back();
		screen->open = false;
	}
	gk_buf_done(&screen->frame);
}

void
screen_suspend(struct screen *screen)
{
	sigset_t stop, before;

	put_back();
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)raise(SIGTSTP);
	(void)pthread_sigmask(SIG_UNBLOCK, &stop, &before); /* here it stops */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)take_over(screen, NULL);
	screen_measure(screen);
}

void
screen_measure(struct screen *screen)
{
	struct winsize size = {0};

	(void)ioctl(screen->out, TIOCGWINSZ, &size);
	screen->rows = size.ws_row > 0 ? size.ws_row : ROWS_STANDARD;
	screen->columns = size.ws_col > 0 ? size.ws_col : COLUMNS_STANDARD;
}

/* ---- text ---- */

struct range {
	uint32_t lo, hi;
};

/* Of two columns: East Asian Wide and Fullwidth, as far as names and texts use them. */
static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e},
    {0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
    {0xfe30, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

/* Nothing that a person would see as itself. */
static const struct range unseen[] = {{0x0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
    {0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x600, 0x605},
    {0x61c, 0x61c}, {0x64b, 0x65f}, {0x6dd, 0x6dd}, {0x70f, 0x70f},
    {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x20d0, 0x20ff}, {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff},
    {0x1d173, 0x1d17a}, {0xe0000, UINT32_MAX}};

static bool
is_in(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (c >= ranges[i].lo && c <= ranges[i].hi) {
			return true;
		}
	}
	return false;
}

/* How many bytes a character has that begins so; 0: none does. */
static size_t
length_of(unsigned char first)
{
	return first < 0x80                    ? 1
	       : first >= 0xc2 && first < 0xe0 ? 2
	       : first >= 0xe0 && first < 0xf0 ? 3
	       : first >= 0xf0 && first < 0xf5 ? 4
					       : 0;
}

size_t
screen_char(const char *text, char ret[5], int *ret_columns)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = length_of((unsigned char)text[0]), i = 1;
	uint32_t c = n <= 1 ? (unsigned char)text[0]
			    : (unsigned char)text[0] & (0x7fU >> n);

	for (; i < n && ((unsigned char)text[i] & 0xc0) == 0x80; i++) {
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	}
	*ret_columns = 1;
	if (n == 0 || i < n || c < least[n] ||
	    is_in(c, unseen, GK_COUNT(unseen))) {
		memcpy(ret, "?", 2);
		return i; /* what was looked at, never past the end */
	}
	memcpy(ret, text, n);
	ret[n] = '\0';
	*ret_columns = is_in(c, wide, GK_COUNT(wide)) ? 2 : 1;
	return n;
}

/* ---- frames ---- */

static void
add(struct screen *screen, const char *text)
{
	if (gk_buf_puts(&screen->frame, text, NULL) != GK_OK) {
		screen->row = screen->rows; /* no memory: no more of it */
	}
}

void
screen_begin(struct screen *screen)
{
	gk_buf_clear(&screen->frame);
	add(screen, "\x1b[H\x1b[0m");
	screen->row = 0;
	screen->column = 0;
	screen->look = SCREEN_PLAIN;
}

void
screen_look(struct screen *screen, enum screen_look look)
{
	static const char *const codes[] = {
	    "\x1b[0m", "\x1b[0;2m", "\x1b[0;1m", "\x1b[0;7m"};

	if (look == screen->look || screen->row >= screen->rows) {
		return;
	}
	screen->look = look;
	add(screen,
	    codes[screen->colours || look == SCREEN_REVERSE ? look
							    : SCREEN_PLAIN]);
}

void
screen_put(struct screen *screen, const char *text)
{
	while (*text != '\0' && screen->row < screen->rows) {
		char one[5];
		int columns;

		text += screen_char(text, one, &columns);
		if (screen->column + columns > screen->columns) {
			screen->column = screen->columns; /* no more of it */
			return;
		}
		add(screen, one);
		screen->column += columns;
	}
}

void
screen_line(struct screen *screen)
{
	if (screen->row >= screen->rows) {
		return;
	}
	screen_look(screen, SCREEN_PLAIN);
	add(screen, screen->column < screen->columns ? "\x1b[K" : "");
	screen->row++;
	screen->column = 0;
	add(screen, screen->row < screen->rows ? "\r\n" : "");
}

int
screen_left(const struct screen *screen)
{
	return screen->rows - screen->row;
}

void
screen_end(struct screen *screen)
{
	while (screen->row < screen->rows) {
		screen_line(screen);
	}
	write_all(screen->out, gk_buf_text(&screen->frame), screen->frame.len);
}

/* ---- keys ---- */

void
screen_flush_keys(const struct screen *screen)
{
	(void)tcflush(screen->in, TCIFLUSH);
}

/* "\x1b[" or "\x1bO" and what belongs to it; alone it is the key Escape. */
static size_t
escape_key(const char *bytes, size_t n, enum screen_key *ret)
{
	size_t i = 2;

	*ret = SCREEN_ESCAPE;
	if (n < 2 || (bytes[1] != '[' && bytes[1] != 'O')) {
		return 1;
	}
	while (i < n && (bytes[i] < 0x40 || bytes[i] > 0x7e)) {
		i++;
	}
	*ret = i >= n            ? SCREEN_NONE
	       : bytes[i] == 'A' ? SCREEN_UP
	       : bytes[i] == 'B' ? SCREEN_DOWN
				 : SCREEN_NONE;
	return i < n ? i + 1 : n;
}

size_t
screen_key(const char *bytes, size_t n, enum screen_key *ret)
{
	unsigned char c = (unsigned char)bytes[0];
	size_t i = 0;

	if (c == 0x1b) {
		return escape_key(bytes, n, ret);
	}
	*ret = c == '\r' || c == '\n'                ? SCREEN_ENTER
	       : c == 0x7f || c == 0x08              ? SCREEN_ERASE
	       : c == 0x03 || c == 0x04 || c == 0x1c ? SCREEN_INTERRUPT
	       : c == 0x1a                           ? SCREEN_SUSPEND
	       : c == 0x0c                           ? SCREEN_REDRAW
						     : SCREEN_NONE;
	if (c < 0x20 || c == 0x7f) {
		return 1;
	}
	*ret = SCREEN_TEXT;
	while (i < n && (unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f) {
		i++;
	}
	return i;
}
