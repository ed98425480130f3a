/* Tests of RFC 3339 times, durations, and the system's clocks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

#define FIRST INT64_C(-62135596800000000)
#define LAST  INT64_C(253402300799999999)

/* Print with the C library, as a second opinion. */
static void
print_by_libc(int64_t us, char *ret, size_t room)
{
	time_t s = (time_t)(us / GK_US_PER_S);
	long part = (long)(us % GK_US_PER_S);
	struct tm tm;

	if (part < 0) {
		part += GK_US_PER_S;
		s--;
	}
	cr_assert_not_null(gmtime_r(&s, &tm));
	(void)snprintf(ret, room, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, part);
}

static void
round_trip(int64_t us)
{
	char text[GK_TIME_TEXT_BYTES], other[80];
	int64_t back;

	gk_time_print(us, text);
	print_by_libc(us, other, sizeof(other));
	cr_assert_str_eq(text, other);
	cr_assert(gk_time_parse(text, &back, NULL) == GK_OK);
	cr_assert(back == us, "%s", text);
}

Test(time, every_day_of_the_years_0001_to_9999_prints_and_reads_back)
{
	for (int64_t us = FIRST; us <= LAST; us += 7 * GK_US_PER_DAY) {
		round_trip(us);
	}
	for (int64_t y = 1; y <= 9999; y++) {
		static const char *const days[] = {"01-01T00:00:00.000000Z",
		    "02-28T23:59:59.999999Z", "03-01T00:00:00.000000Z",
		    "12-31T23:59:59.999999Z"};

		for (size_t i = 0; i < GK_COUNT(days); i++) {
			char text[40];
			int64_t us;

			(void)snprintf(
			    text, sizeof(text), "%04d-%s", (int)y, days[i]);
			cr_assert(gk_time_parse(text, &us, NULL) == GK_OK);
			round_trip(us);
		}
	}
	round_trip(LAST);
	round_trip(-1);
	round_trip(0);
}

Test(time, instants_with_odd_microseconds_print_and_read_back)
{
	uint64_t x = 88172645463325252;

	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		round_trip(FIRST + (int64_t)(x % (uint64_t)(LAST - FIRST + 1)));
	}
}

Test(time, texts_of_rfc_3339_read_as_their_instant)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"1970-01-01T01:00:00+01:00", 0},
	    {"1969-12-31T23:30:00-00:30", 0},
	    {"1970-01-01T00:00:00-00:00", 0},
	    {"1970-01-01T00:00:00.5Z", 500000},
	    {"1970-01-01T00:00:00.123456789Z", 123456},
	    {"1985-04-12T23:20:50.52Z", INT64_C(482196050520000)},
	    {"1996-12-19T16:39:57-08:00", INT64_C(851042397000000)},
	    {"1990-12-31T23:59:60Z", INT64_C(662687999999999)},
	    {"1990-12-31T15:59:60-08:00", INT64_C(662687999999999)},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
	    {"0001-01-01T00:00:00Z", FIRST},
	    {"9999-12-31T23:59:59.999999999Z", LAST},
	};

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		int64_t us = 1;

		cr_assert(gk_time_parse(good[i].text, &us, NULL) == GK_OK, "%s",
		    good[i].text);
		cr_assert(us == good[i].us, "%s", good[i].text);
	}
}

Test(time, other_texts_are_refused_and_leave_the_result_alone)
{
	static const char *const bad[] = {"", "Z", "now", "2026", "2026-11-23",
	    "2026-11-23T08:44:00", "2026-11-23 08:44:00Z", "2026-11-23T08:44Z",
	    "2026-11-23T08:44:00.Z", "2026-11-23T08:44:00.1234567890Z",
	    "2026-11-23T08:44:00,5Z", "2026-11-23T08:44:00Z ",
	    " 2026-11-23T08:44:00Z", "2026-11-23T08:44:00ZZ",
	    "2026-11-23T08:44:00+0100", "2026-11-23T08:44:00+01",
	    "2026-11-23T08:44:00+24:00", "2026-11-23T08:44:00+01:60",
	    "2026-11-23T08:44:00+1:00", "2026-13-01T00:00:00Z",
	    "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
	    "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
	    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	    "2100-02-29T00:00:00Z", "2026-11-23T24:00:00Z",
	    "2026-11-23T08:60:00Z", "2026-11-23T08:44:61Z",
	    "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
	    "-001-01-01T00:00:00Z", "+026-11-23T08:44:00Z",
	    "2026-11-2aT08:44:00Z", "2026-1-23T08:44:00Z",
	    "2026-W47-1T08:44:00Z", "0001-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01",
	    "2026-11-23T08:44:00\342\210\22201:00"};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		struct gk_err err = {0};
		int64_t us = 77;

		cr_assert(gk_time_parse(bad[i], &us, &err) == GK_E_INVALID,
		    "%s", bad[i]);
		cr_assert(us == 77 && err.rc == GK_E_INVALID);
	}
}

Test(time, no_beginning_of_a_good_text_is_a_good_text)
{
	const char *good = "2026-11-23T08:44:00.123456+01:00";
	char part[40];
	int64_t us;

	for (size_t n = 0; n < strlen(good); n++) {
		memcpy(part, good, n);
		part[n] = '\0';
		cr_assert(gk_time_parse(part, &us, NULL) == GK_E_INVALID);
	}
}

Test(time, an_instant_outside_of_the_years_prints_as_the_nearest)
{
	char text[GK_TIME_TEXT_BYTES];

	gk_time_print(INT64_MIN, text);
	cr_assert_str_eq(text, "0001-01-01T00:00:00.000000Z");
	gk_time_print(INT64_MAX, text);
	cr_assert_str_eq(text, "9999-12-31T23:59:59.999999Z");
}

Test(time, durations_are_one_number_and_one_unit)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {{"250ms", 250 * GK_US_PER_MS}, {"30s", 30 * GK_US_PER_S},
	    {"10m", 10 * GK_US_PER_MIN}, {"2h", 2 * GK_US_PER_HOUR},
	    {"180d", 180 * GK_US_PER_DAY}, {"0s", 0}, {"1ms", 1000},
	    {"36600d", 36600 * GK_US_PER_DAY}};
	static const char *const bad[] = {"", "s", "10", "-1s", "+1s", "1.5s",
	    "1 s", " 1s", "1s ", "1h30m", "1S", "1us", "1w", "36601d",
	    "999999999d", "1000000000s", "99999999999999999999s", "0x1s",
	    "1e3s"};
	int64_t us;

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(gk_duration_parse(good[i].text, &us, NULL) == GK_OK,
		    "%s", good[i].text);
		cr_assert(us == good[i].us, "%s", good[i].text);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		us = 77;
		cr_assert(gk_duration_parse(bad[i], &us, NULL) == GK_E_INVALID,
		    "%s", bad[i]);
		cr_assert(us == 77);
	}
}

Test(time, the_system_s_clocks_go_on)
{
	int64_t boot = gk_clock_system.boot_us(NULL);
	int64_t wall = gk_clock_system.wall_us(NULL);

	cr_assert(wall > INT64_C(1600000000) * GK_US_PER_S);
	cr_assert(boot > 0 && gk_clock_system.boot_us(NULL) >= boot);
}
