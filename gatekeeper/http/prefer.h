#ifndef GK_HTTP_PREFER_H
#define GK_HTTP_PREFER_H
/* The Prefer header (RFC 7240), as far as it says how long to wait. */

#include <stdint.h>

#define PREFER_WAIT_MAX_S 300

/*
 * Seconds of the first "wait" in one header's value, at most
 * PREFER_WAIT_MAX_S; -1 when it has none that can be understood: preferences
 * are wishes, so what can't be read is passed over.
 */
int64_t prefer_wait(const char *text);

#endif
