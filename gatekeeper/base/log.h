#ifndef GK_BASE_LOG_H
#define GK_BASE_LOG_H
/* The operator's log: one JSON line per event of the process, on standard error.  Never evidence, never arguments. */

#include "base/attr.h"

enum gk_log_level { GK_LOG_DEBUG, GK_LOG_INFO, GK_LOG_WARN, GK_LOG_ERROR };

/* Lines below this level are dropped; GK_LOG_INFO at start. */
void gk_log_level(enum gk_log_level level);

/*
 * Write one line: {"time":…,"level":…,"event":<event>,"text":<formatted>}.
 * event is a fixed word such as "listening".  Safe from every thread; one
 * write(2) a line.  Only main, cli and http may call it: libraries never log.
 */
void gk_log(enum gk_log_level level, const char *event, const char *fmt, ...)
    GK_PRINTF(3, 4);

#endif
