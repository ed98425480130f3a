/* The shortest text of a double that reads back to it. */

#include "cel/cel_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "-07", "+21" */
static int
exponent_of(const char *text)
{
	int exponent = 0;

	for (const char *at = text + 1; *at != '\0'; at++) {
		exponent = exponent * 10 + (*at - '0');
	}
	return *text == '-' ? -exponent : exponent;
}

/* The digits of d and its decimal exponent: 0.d1d2d3… × 10^exponent. */
static size_t
shortest(double d, char digits[24], int *ret_exponent)
{
	char text[40];
	size_t n = 0;

	/* 15 digits always come back, 17 always suffice; nobody calls setlocale(): the point is a '.' */
	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision - 1, d);
		if (!(strtod(text, NULL) < d) && !(strtod(text, NULL) > d)) {
			break;
		}
	}
	for (const char *at = text; *at != 'e' && *at != '\0'; at++) {
		if (*at != '.') {
			digits[n++] = *at;
		}
	}
	while (n > 1 && digits[n - 1] == '0') {
		n--;
	}
	*ret_exponent = exponent_of(strchr(text, 'e') + 1) + 1;
	return n;
}

/* Go's strconv.FormatFloat(d, 'g', -1, 64) with an exponent from 21 digits on, as string(double) shows it. */
size_t
cel__double_print(double d, char ret[CEL_DOUBLE_TEXT])
{
	char digits[24] = "0", *at = ret;
	int exponent;
	size_t n;

	if (isnan(d)) {
		return (size_t)snprintf(ret, CEL_DOUBLE_TEXT, "NaN");
	}
	if (isinf(d)) {
		return (size_t)snprintf(
		    ret, CEL_DOUBLE_TEXT, d > 0 ? "+Inf" : "-Inf");
	}
	if (signbit(d)) {
		*at++ = '-';
		d = -d;
	}
	if (!(d > 0)) {
		*at++ = '0';
		*at = '\0';
		return (size_t)(at - ret);
	}
	n = shortest(d, digits, &exponent);
	if (exponent - 1 < -4 || exponent - 1 >= 21) {
		*at++ = digits[0];
		if (n > 1) {
			*at++ = '.';
			memcpy(at, digits + 1, n - 1);
			at += n - 1;
		}
		at += snprintf(at, 8, "e%c%02d", exponent - 1 < 0 ? '-' : '+',
		    abs(exponent - 1));
		return (size_t)(at - ret);
	}
	if (exponent <= 0) {
		*at++ = '0';
		*at++ = '.';
		for (int i = exponent; i < 0; i++) {
			*at++ = '0';
		}
		memcpy(at, digits, n);
		at += n;
	} else {
		for (int i = 0; i < exponent || (size_t)i < n; i++) {
			if (i == exponent) {
				*at++ = '.';
			}
			*at++ = (char)((size_t)i < n ? digits[i] : '0');
		}
	}
	*at = '\0';
	return (size_t)(at - ret);
}
