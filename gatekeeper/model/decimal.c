/* Decimal text without floating point. */
#include <stdio.h>
#include <string.h>

#include "model/decimal.h"

enum gk_rc
decimal_parse(const char *text, int64_t *ret_micros, struct gk_err *err)
{
	int64_t micros = 0, unit = DECIMAL_MICROS;
	const char *at = text;
	int whole = 0, part = 0;

	for (; *at >= '0' && *at <= '9'; at++, whole++) {
		if (micros > DECIMAL_MAX_MICROS / 10) {
			return GK_FAIL(
			    err, GK_E_LIMIT, "amount is above 10^12");
		}
		micros = micros * 10 + (*at - '0') * DECIMAL_MICROS;
	}
	if (*at == '.' && whole > 0) {
		for (at++; *at >= '0' && *at <= '9' && part < 6; at++, part++) {
			unit /= 10;
			micros += (*at - '0') * unit;
		}
		whole = part > 0 ? whole : 0;
	}
	if (micros > DECIMAL_MAX_MICROS) {
		return GK_FAIL(err, GK_E_LIMIT, "amount is above 10^12");
	}
	if (whole == 0 || *at != '\0') {
		return GK_FAIL(err, GK_E_INVALID,
		    "not an amount such as 20 or 0.02 (no sign, at most six "
		    "decimals)");
	}
	*ret_micros = micros;
	return GK_OK;
}

void
decimal_print(int64_t micros, char ret_text[DECIMAL_TEXT_BYTES])
{
	uint64_t n = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
	const char *sign = micros < 0 ? "-" : "";
	size_t len;

	if (n % DECIMAL_MICROS == 0) {
		(void)snprintf(ret_text, DECIMAL_TEXT_BYTES, "%s%llu", sign,
		    (unsigned long long)(n / DECIMAL_MICROS));
		return;
	}
	(void)snprintf(ret_text, DECIMAL_TEXT_BYTES, "%s%llu.%06llu", sign,
	    (unsigned long long)(n / DECIMAL_MICROS),
	    (unsigned long long)(n % DECIMAL_MICROS));
	for (len = strlen(ret_text); ret_text[len - 1] == '0'; len--) {
		ret_text[len - 1] = '\0';
	}
}
