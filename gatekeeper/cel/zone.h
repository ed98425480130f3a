#ifndef GK_CEL_ZONE_H
#define GK_CEL_ZONE_H
/* The offset from UTC of a named time zone at an instant: tzdata, read by Abseil. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * name[0..n): an IANA zone ("Europe/Zurich", "UTC").  Gives seconds east of
 * UTC at `seconds` since 1970; false when there is no such zone.  Only names
 * of files under the zone folder are ever remembered: their number is the
 * folder's.  From any thread.
 */
bool cel_zone_offset(
    const char *name, size_t n, int64_t seconds, int32_t *ret_offset);

#ifdef __cplusplus
}
#endif

#endif
