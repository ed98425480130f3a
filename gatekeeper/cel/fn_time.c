/* Parts of times, in UTC, in a named zone or at a fixed offset; parts of durations. */

#include "cel/cel_internal.h"
#include "cel/zone.h"

#include <string.h>

/* A time as a calendar and a clock show it. */
struct parts {
	int64_t days; /* since 1970 */
	int64_t year;
	unsigned month, day; /* from 1 */
	unsigned second;     /* of the day */
};

/* "+02:30", "-1:00", "02:00"; false: it isn't an offset. */
static bool
fixed_offset(const char *text, size_t n, int32_t *ret_offset)
{
	const char *at = text, *end = text + n, *colon;
	int32_t hours = 0, minutes = 0;
	bool west = n > 0 && *at == '-';

	at += n > 0 && (*at == '-' || *at == '+');
	colon = at == end ? NULL : memchr(at, ':', (size_t)(end - at));
	if (colon == NULL || colon == at || colon - at > 2 ||
	    end - colon != 3) {
		return false;
	}
	for (; at < end; at++) {
		if (at == colon) {
			continue;
		}
		if (*at < '0' || *at > '9') {
			return false;
		}
		if (at < colon) {
			hours = hours * 10 + (*at - '0');
		} else {
			minutes = minutes * 10 + (*at - '0');
		}
	}
	if (hours > 23 || minutes > 59) {
		return false;
	}
	*ret_offset = (hours * 60 + minutes) * 60;
	if (west) {
		*ret_offset = -*ret_offset;
	}
	return true;
}

/* Local seconds; false: *ret_fault says that there is no such zone. */
static bool
local(struct cel_eval *ev, const struct cel_value *args, unsigned n,
    int64_t *ret_seconds, struct cel_value *ret_fault)
{
	int32_t offset = 0;

	if (n == 2 && !fixed_offset(args[1].as.text, args[1].n, &offset)) {
		if (!cel__charge(ev, 80)) {
			*ret_fault = cel__spent(ev);
			return false;
		}
		if (!cel_zone_offset(args[1].as.text, args[1].n,
			args[0].as.seconds, &offset)) {
			*ret_fault = cel__fault(ev, CEL_F_ARGUMENT,
			    "there is no time zone of that name");
			return false;
		}
	}
	*ret_seconds = args[0].as.seconds + offset;
	return true;
}

static struct parts
parts_of(int64_t seconds)
{
	struct parts parts = {0};

	parts.days = seconds / 86400 - (seconds % 86400 < 0);
	parts.second = (unsigned)(seconds - parts.days * 86400);
	cel__date(parts.days, &parts.year, &parts.month, &parts.day);
	return parts;
}

static int64_t
day_of_year(const struct parts *parts)
{
	static const int before[] = {
	    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	bool leap = (parts->year % 4 == 0 && parts->year % 100 != 0) ||
		    parts->year % 400 == 0;

	return before[parts->month - 1] + (parts->month > 2 && leap) +
	       (int64_t)parts->day - 1;
}

static int64_t
year(const struct parts *p)
{
	return p->year;
}
static int64_t
month(const struct parts *p)
{
	return (int64_t)p->month - 1;
}
static int64_t
date(const struct parts *p)
{
	return p->day;
}
static int64_t
day_of_month(const struct parts *p)
{
	return (int64_t)p->day - 1;
}
static int64_t
day_of_week(const struct parts *p)
{
	return ((p->days + 4) % 7 + 7) % 7;
}
static int64_t
hours(const struct parts *p)
{
	return p->second / 3600;
}
static int64_t
minutes(const struct parts *p)
{
	return p->second / 60 % 60;
}
static int64_t
seconds(const struct parts *p)
{
	return p->second % 60;
}

static struct cel_value
part(struct cel_eval *ev, const struct cel_value *args, unsigned n,
    int64_t (*of)(const struct parts *parts))
{
	struct cel_value fault;
	struct parts parts;
	int64_t at;

	if (!local(ev, args, n, &at, &fault)) {
		return fault;
	}
	parts = parts_of(at);
	return cel_int(of(&parts));
}

#define PART(name, of)                                                     \
	static struct cel_value name(                                      \
	    struct cel_eval *ev, const struct cel_value *args, unsigned n) \
	{                                                                  \
		return part(ev, args, n, of);                              \
	}

PART(get_year, year)
PART(get_month, month)
PART(get_date, date)
PART(get_day_of_month, day_of_month)
PART(get_day_of_week, day_of_week)
PART(get_day_of_year, day_of_year)
PART(get_hours, hours)
PART(get_minutes, minutes)
PART(get_seconds, seconds)

static struct cel_value
get_milliseconds(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value fault;
	int64_t at;

	return local(ev, args, n, &at, &fault) ? cel_int(args[0].n / 1000000)
					       : fault;
}

/* Whole units, cut towards zero. */
static struct cel_value
whole(const struct cel_value *duration, int64_t unit)
{
	int64_t s = duration->as.seconds;

	if (s < 0 && duration->n > 0) {
		s++;
	}
	return cel_int(s / unit);
}

static struct cel_value
span_hours(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return whole(args, 3600);
}

static struct cel_value
span_minutes(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return whole(args, 60);
}

static struct cel_value
span_seconds(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return whole(args, 1);
}

/* The part below a second, not the whole in milliseconds. */
static struct cel_value
span_milliseconds(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t nanos = args[0].n;

	(void)ev;
	(void)n;
	if (args[0].as.seconds < 0 && nanos > 0) {
		nanos -= 1000000000;
	}
	return cel_int(nanos / 1000000);
}

#define OF_TIME(name, run)                                    \
	{name, true, "(timestamp) -> int", run},              \
	{                                                     \
		name, true, "(timestamp, string) -> int", run \
	}

const struct cel_builtin cel__times[] = {
    OF_TIME("getFullYear", get_year),
    OF_TIME("getMonth", get_month),
    OF_TIME("getDate", get_date),
    OF_TIME("getDayOfMonth", get_day_of_month),
    OF_TIME("getDayOfWeek", get_day_of_week),
    OF_TIME("getDayOfYear", get_day_of_year),
    OF_TIME("getHours", get_hours),
    OF_TIME("getMinutes", get_minutes),
    OF_TIME("getSeconds", get_seconds),
    OF_TIME("getMilliseconds", get_milliseconds),
    {"getHours", true, "(duration) -> int", span_hours},
    {"getMinutes", true, "(duration) -> int", span_minutes},
    {"getSeconds", true, "(duration) -> int", span_seconds},
    {"getMilliseconds", true, "(duration) -> int", span_milliseconds},
    {NULL, false, NULL, NULL},
};
