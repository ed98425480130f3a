#ifndef GK_BASE_TIME_H
#define GK_BASE_TIME_H
/* Instants and durations: microseconds in int64_t, RFC 3339 text, "10m" durations, injectable clocks. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GK_US_PER_MS   INT64_C(1000)
#define GK_US_PER_S    INT64_C(1000000)
#define GK_US_PER_MIN  (60 * GK_US_PER_S)
#define GK_US_PER_HOUR (60 * GK_US_PER_MIN)
#define GK_US_PER_DAY  (24 * GK_US_PER_HOUR)

/* "2026-11-23T08:44:00.000000Z" and its '\0' */
#define GK_TIME_TEXT_BYTES 28

/* Instants are µs since 1970-01-01 UTC, years 0001 to 9999; what lies outside prints as the nearest. */
void gk_time_print(int64_t us, char ret_text[GK_TIME_TEXT_BYTES]);

/*
 * RFC 3339 with "Z" or an offset, up to nine digits of fraction (cut to µs).
 * Leap second 60 reads as 59.999999.  Errors: GK_E_INVALID.
 */
enum gk_rc gk_time_parse(
    const char *text, int64_t *ret_us, struct gk_err *err) GK_MUST_USE;

/* "250ms", "30s", "10m", "2h", "180d": one unsigned integer and one unit. */
enum gk_rc gk_duration_parse(
    const char *text, int64_t *ret_us, struct gk_err *err) GK_MUST_USE;

/*
 * Where time comes from.  wall: UTC µs since 1970; boot: µs of
 * CLOCK_BOOTTIME, never goes back.  Tests bring their own.
 */
struct gk_clock {
	int64_t (*wall_us)(void *ctx);
	int64_t (*boot_us)(void *ctx);
	void *ctx;
};

extern const struct gk_clock gk_clock_system;

#endif
