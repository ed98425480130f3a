/* JSON lines on standard error. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"

static _Atomic int log_level = GK_LOG_INFO;

void
gk_log_level(enum gk_log_level level)
{
	atomic_store(&log_level, (int)level);
}

/* Copy text as the inside of a JSON string; bytes outside ASCII become '?'. */
static size_t
escape(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20 || c > 0x7e) {
			out[n++] = '?';
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return n;
}

void
gk_log(enum gk_log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	char text[1024], safe[1100], when[GK_TIME_TEXT_BYTES], line[1400];
	va_list ap;
	int n;

	if ((int)level < atomic_load(&log_level)) {
		return;
	}
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
		text[0] = '\0';
	}
	va_end(ap);
	(void)escape(safe, sizeof(safe), text);
	gk_time_print(gk_clock_system.wall_us(NULL), when);
	n = snprintf(line, sizeof(line),
	    "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"text\":\"%"
	    "s\"}\n",
	    when, names[level], event, safe);
	if (n > 0 && (size_t)n < sizeof(line)) {
		(void)!write(STDERR_FILENO, line, (size_t)n);
	}
}
