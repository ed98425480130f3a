/* Times: RFC 3339 and Go's duration texts, and arithmetic within the years 0001 to 9999. */

#include "cel/cel_internal.h"

#include <stdio.h>
#include <string.h>

/* 2^63 nanoseconds, as in the reference: some 292 years */
#define DURATION_MAX INT64_C(9223372036)
#define TIME_MIN     INT64_C(-62135596800)
#define TIME_MAX     INT64_C(253402300799)
#define NANOS        1000000000

bool
cel__time_ok(int64_t seconds)
{
	return seconds >= TIME_MIN && seconds <= TIME_MAX;
}

bool
cel__duration_ok(int64_t seconds)
{
	return seconds >= -DURATION_MAX - 1 && seconds <= DURATION_MAX;
}

bool
cel__time_add(const struct cel_value *a, const struct cel_value *b,
    bool subtract, struct cel_value *ret)
{
	int64_t seconds;
	int64_t nanos = (int64_t)a->n + (subtract ? -(int64_t)b->n : b->n);

	if (subtract
		? __builtin_sub_overflow(a->as.seconds, b->as.seconds, &seconds)
		: __builtin_add_overflow(
		      a->as.seconds, b->as.seconds, &seconds)) {
		return false;
	}
	if (nanos < 0) {
		nanos += NANOS;
		seconds--;
	} else if (nanos >= NANOS) {
		nanos -= NANOS;
		seconds++;
	}
	*ret = cel_duration(seconds, (uint32_t)nanos);
	return true;
}

/* ---- RFC 3339 ---- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static unsigned
days_in(int64_t year, unsigned month)
{
	static const unsigned days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly n digits at *at. */
static bool
digits(const char **at, const char *end, unsigned n, unsigned *ret)
{
	*ret = 0;
	if ((size_t)(end - *at) < n) {
		return false;
	}
	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9') {
			return false;
		}
		*ret = *ret * 10 + (unsigned)(**at - '0');
	}
	return true;
}

static bool
mark(const char **at, const char *end, const char *any)
{
	if (*at == end || **at == '\0' || strchr(any, **at) == NULL) {
		return false;
	}
	(*at)++;
	return true;
}

/* ".123": one digit or more; what is finer than nanoseconds is cut. */
static bool
fraction(const char **at, const char *end, uint32_t *ret_nanos)
{
	uint32_t unit = NANOS / 10;
	const char *from = *at;

	*ret_nanos = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		*ret_nanos += unit * (uint32_t)(**at - '0');
		unit /= 10;
	}
	return *at > from;
}

static bool
zone(const char **at, const char *end, int64_t *ret_east)
{
	unsigned hours, minutes;
	bool west;

	*ret_east = 0;
	if (mark(at, end, "Zz")) {
		return true;
	}
	if (*at == end) {
		return false;
	}
	west = **at == '-';
	if (!mark(at, end, "+-") || !digits(at, end, 2, &hours) ||
	    !mark(at, end, ":") || !digits(at, end, 2, &minutes) ||
	    hours > 23 || minutes > 59) {
		return false;
	}
	*ret_east = (int64_t)hours * 3600 + (int64_t)minutes * 60;
	if (west) {
		*ret_east = -*ret_east;
	}
	return true;
}

bool
cel__time_parse(const char *text, size_t n, struct cel_value *ret_time)
{
	const char *at = text, *end = text + n;
	unsigned year, month, day, hour, minute, second;
	uint32_t nanos = 0;
	int64_t east, seconds;

	if (!digits(&at, end, 4, &year) || !mark(&at, end, "-") ||
	    !digits(&at, end, 2, &month) || !mark(&at, end, "-") ||
	    !digits(&at, end, 2, &day) || !mark(&at, end, "Tt") ||
	    !digits(&at, end, 2, &hour) || !mark(&at, end, ":") ||
	    !digits(&at, end, 2, &minute) || !mark(&at, end, ":") ||
	    !digits(&at, end, 2, &second) ||
	    (mark(&at, end, ".") && !fraction(&at, end, &nanos)) ||
	    !zone(&at, end, &east) || at != end) {
		return false;
	}
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    hour > 23 || minute > 59 || second > 59) {
		return false;
	}
	seconds = days_of(year, month, day) * 86400 + (int64_t)hour * 3600 +
		  (int64_t)minute * 60 + second - east;
	*ret_time = cel_timestamp(seconds, nanos);
	return cel__time_ok(seconds);
}

/* Append ".5", ".000000001" …; nothing for 0. */
static size_t
print_fraction(char *at, uint32_t nanos)
{
	size_t n;

	if (nanos == 0) {
		return 0;
	}
	n = (size_t)snprintf(at, 11, ".%09u", nanos);
	while (at[n - 1] == '0') {
		at[--n] = '\0';
	}
	return n;
}

/* Year, month 1.., day 1.. of days since 1970. */
void
cel__date(
    int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned shifted = (unsigned)((5 * of_year + 2) / 153);

	*ret_day = (unsigned)(of_year - (153 * shifted + 2) / 5 + 1);
	*ret_month = shifted < 10 ? shifted + 3 : shifted - 9;
	*ret_year = year + era * 400 + (*ret_month <= 2);
}

size_t
cel__time_print(const struct cel_value *time, char ret[CEL_TIME_TEXT])
{
	int64_t seconds = time->as.seconds, days, rest, year;
	unsigned month, day;
	size_t n;

	days = seconds / 86400 - (seconds % 86400 < 0);
	rest = seconds - days * 86400;
	cel__date(days, &year, &month, &day);
	n = (size_t)snprintf(ret, CEL_TIME_TEXT,
	    "%04d-%02u-%02uT%02d:%02d:%02d", (int)year, month, day,
	    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	n += print_fraction(ret + n, time->n);
	ret[n++] = 'Z';
	ret[n] = '\0';
	return n;
}

/* ---- durations ---- */

/* "1.5h" at *at, in nanoseconds; 128 bits hold all that the range allows. */
static bool
duration_part(const char **at, const char *end, __int128 *ret_nanos)
{
	static const struct {
		const char *unit;
		int64_t nanos;
	} units[] = {{"ns", 1}, {"us", 1000}, {"µs", 1000}, {"μs", 1000},
	    {"ms", 1000000}, {"s", NANOS}, {"m", INT64_C(60) * NANOS},
	    {"h", INT64_C(3600) * NANOS}};
	__int128 whole = 0, part = 0, scale = 1;
	const char *from = *at;
	bool any = false;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		whole = whole * 10 + (**at - '0');
		any = true;
		if (*at - from > 18) {
			return false;
		}
	}
	if (*at < end && **at == '.') {
		for ((*at)++; *at < end && **at >= '0' && **at <= '9';
		     (*at)++) {
			any = true;
			if (scale < INT64_C(1000000000000000)) {
				part = part * 10 + (**at - '0');
				scale *= 10;
			}
		}
	}
	for (size_t i = 0; any && i < GK_COUNT(units); i++) {
		size_t n = strlen(units[i].unit);

		if ((size_t)(end - *at) >= n &&
		    memcmp(*at, units[i].unit, n) == 0 &&
		    /* "m" isn't the beginning of "ms" */
		    (n > 1 || units[i].unit[0] != 'm' ||
			(size_t)(end - *at) == n || (*at)[1] != 's')) {
			*at += n;
			*ret_nanos = whole * units[i].nanos +
				     part * units[i].nanos / scale;
			return true;
		}
	}
	return false;
}

bool
cel__duration_parse(const char *text, size_t n, struct cel_value *ret)
{
	const char *at = text, *end = text + n;
	__int128 total = 0;
	bool negative = n > 0 && *at == '-';
	int64_t seconds;

	at += n > 0 && (*at == '-' || *at == '+');
	if (end - at == 1 && *at == '0') {
		*ret = cel_duration(0, 0);
		return true;
	}
	if (at == end) {
		return false;
	}
	while (at < end) {
		__int128 part;

		if (!duration_part(&at, end, &part)) {
			return false;
		}
		total += part;
		if (total > (__int128)DURATION_MAX * 2 * NANOS) {
			return false;
		}
	}
	total = negative ? -total : total;
	seconds = (int64_t)(total / NANOS);
	if (total % NANOS < 0) {
		seconds--;
	}
	*ret = cel_duration(
	    seconds, (uint32_t)(total - (__int128)seconds * NANOS));
	return cel__duration_ok(seconds);
}

size_t
cel__duration_print(const struct cel_value *duration, char ret[CEL_TIME_TEXT])
{
	int64_t seconds = duration->as.seconds;
	uint32_t nanos = duration->n;
	size_t n = 0;

	if (seconds < 0) {
		ret[n++] = '-';
		seconds = -seconds;
		if (nanos > 0) {
			seconds--;
			nanos = NANOS - nanos;
		}
	}
	n += (size_t)snprintf(
	    ret + n, CEL_TIME_TEXT - n, "%lld", (long long)seconds);
	n += print_fraction(ret + n, nanos);
	ret[n++] = 's';
	ret[n] = '\0';
	return n;
}
