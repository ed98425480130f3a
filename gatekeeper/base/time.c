/* RFC 3339 text and the system's clocks. */
#include <string.h>
#include <time.h>

#include "base/time.h"

/* 0001-01-01T00:00:00.000000Z and 9999-12-31T23:59:59.999999Z */
#define TIME_FIRST INT64_C(-62135596800000000)
#define TIME_LAST  INT64_C(253402300799999999)

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

void
gk_time_print(int64_t us, char ret_text[GK_TIME_TEXT_BYTES])
{
	int64_t days, rest, era, doe, yoe, doy, mp, y, m, d, s;
	char *p = ret_text;

	us = us < TIME_FIRST ? TIME_FIRST : us > TIME_LAST ? TIME_LAST : us;
	days = us / GK_US_PER_DAY;
	rest = us % GK_US_PER_DAY;
	if (rest < 0) {
		rest += GK_US_PER_DAY;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d = doy - (153 * mp + 2) / 5 + 1;
	m = mp < 10 ? mp + 3 : mp - 9;
	y = yoe + era * 400 + (m <= 2);
	s = rest / GK_US_PER_S;
	rest %= GK_US_PER_S;
	{
		const int64_t part[] = {
		    y, m, d, s / 3600, s / 60 % 60, s % 60, rest};
		static const int width[] = {4, 2, 2, 2, 2, 2, 6};
		static const char after[] = "--T::.Z";

		for (int i = 0; i < 7; i++) {
			int64_t v = part[i];

			for (int k = width[i]; k-- > 0; v /= 10) {
				p[k] = (char)('0' + v % 10);
			}
			p += width[i];
			*p++ = after[i];
		}
	}
	*p = '\0';
}

/* n digits at *at; -1 when they aren't there. */
static int64_t
digits(const char **at, int n)
{
	int64_t v = 0;

	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9') {
			return -1;
		}
		v = v * 10 + (**at - '0');
	}
	return v;
}

static bool
skip(const char **at, char c)
{
	if (**at != c) {
		return false;
	}
	(*at)++;
	return true;
}

static int64_t
month_days(int64_t y, int64_t m)
{
	static const int8_t len[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return len[m - 1] +
	       (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Fraction digits after the '.'; at least one, at most nine. */
static bool
fraction(const char **at, int64_t *ret_us)
{
	int64_t us = 0, unit = 100000;
	int n = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++, n++) {
		us += unit * (**at - '0');
		unit /= 10;
	}
	*ret_us = us;
	return n >= 1 && n <= 9;
}

static bool
offset(const char **at, int64_t *ret_us)
{
	int64_t h, m, sign;

	*ret_us = 0;
	if (skip(at, 'Z') || skip(at, 'z')) {
		return true;
	}
	sign = **at == '-' ? -1 : 1;
	if (!skip(at, '+') && !skip(at, '-')) {
		return false;
	}
	h = digits(at, 2);
	if (h < 0 || h > 23 || !skip(at, ':')) {
		return false;
	}
	m = digits(at, 2);
	if (m < 0 || m > 59) {
		return false;
	}
	*ret_us = sign * (h * GK_US_PER_HOUR + m * GK_US_PER_MIN);
	return true;
}

enum gk_rc
gk_time_parse(const char *text, int64_t *ret_us, struct gk_err *err)
{
	const char *at = text;
	int64_t y, mo, d, h = -1, mi = -1, s = -1, us = 0, off = 0;
	bool ok;

	y = digits(&at, 4);
	ok = y >= 1 && skip(&at, '-');
	mo = ok ? digits(&at, 2) : -1;
	ok = mo >= 1 && mo <= 12 && skip(&at, '-');
	d = ok ? digits(&at, 2) : -1;
	ok = d >= 1 && d <= month_days(y, mo) &&
	     (skip(&at, 'T') || skip(&at, 't'));
	h = ok ? digits(&at, 2) : -1;
	ok = h >= 0 && h <= 23 && skip(&at, ':');
	mi = ok ? digits(&at, 2) : -1;
	ok = mi >= 0 && mi <= 59 && skip(&at, ':');
	s = ok ? digits(&at, 2) : -1;
	ok = s >= 0 && s <= 60;
	if (ok && skip(&at, '.')) {
		ok = fraction(&at, &us);
	}
	ok = ok && offset(&at, &off) && *at == '\0';
	if (!ok) {
		return GK_FAIL(err, GK_E_INVALID,
		    "not an RFC 3339 time such as 2026-11-23T08:44:00Z");
	}
	if (s == 60) {
		s = 59;
		us = 999999;
	}
	us += days_from_civil(y, mo, d) * GK_US_PER_DAY + h * GK_US_PER_HOUR +
	      mi * GK_US_PER_MIN + s * GK_US_PER_S - off;
	if (us < TIME_FIRST || us > TIME_LAST) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a time outside of the years 0001 to 9999");
	}
	*ret_us = us;
	return GK_OK;
}

/* A century; more is a slip of the pen. */
#define DURATION_DAYS_MAX INT64_C(36600)

enum gk_rc
gk_duration_parse(const char *text, int64_t *ret_us, struct gk_err *err)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {{"ms", GK_US_PER_MS}, {"s", GK_US_PER_S},
	    {"m", GK_US_PER_MIN}, {"h", GK_US_PER_HOUR}, {"d", GK_US_PER_DAY}};
	int64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && at - text < 9; at++) {
		n = n * 10 + (*at - '0');
	}
	for (size_t i = 0; at > text && i < GK_COUNT(units); i++) {
		if (strcmp(at, units[i].unit) == 0 &&
		    n <= DURATION_DAYS_MAX * GK_US_PER_DAY / units[i].us) {
			*ret_us = n * units[i].us;
			return GK_OK;
		}
	}
	return GK_FAIL(err, GK_E_INVALID,
	    "not a duration such as 250ms, 30s, 10m, 2h or 180d");
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * GK_US_PER_S + ts.tv_nsec / 1000;
}

static int64_t
wall_us(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_REALTIME);
}

static int64_t
boot_us(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_BOOTTIME);
}

const struct gk_clock gk_clock_system = {wall_us, boot_us, NULL};
