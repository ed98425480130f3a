/* multipleOf in decimals: 19.99 is a multiple of 0.01, whatever their doubles say. */
#include "codec/canon.h"
#include "policy/schema_node.h"

/* digits × 10^exponent; digits < 10^17, and not divisible by 10 unless 0. */
struct decimal {
	uint64_t digits;
	int exponent;
};

static int
read_exponent(const char *text)
{
	int sign = *text == '-' ? -1 : 1, n = 0;

	for (text += *text == '-' || *text == '+'; *text != '\0'; text++) {
		n = n * 10 + (*text - '0');
	}
	return sign * n;
}

static struct decimal
decimal_of(double number)
{
	char text[CANON_NUMBER_BYTES];
	struct decimal decimal = {0, 0};
	const char *at = text;
	bool fraction = false;
	int zeros = 0; /* that nothing but zeros may follow */

	(void)canon_number(number, text);
	for (at += *at == '-'; *at != '\0' && *at != 'e'; at++) {
		if (*at == '.') {
			fraction = true;
			continue;
		}
		decimal.exponent -= fraction;
		zeros++;
		if (*at != '0') {
			for (; zeros > 0; zeros--) {
				decimal.digits *= 10;
			}
			decimal.digits += (uint64_t)(*at - '0');
		}
	}
	decimal.exponent += zeros;
	if (*at == 'e') {
		decimal.exponent += read_exponent(at + 1);
	}
	return decimal;
}

bool
multiple_of(double number, double step)
{
	struct decimal a = decimal_of(number), b = decimal_of(step);
	int shift = a.exponent - b.exponent;

	if (a.digits == 0 || b.digits == 0) {
		return a.digits == 0;
	}
	if (shift >= 0) {
		uint64_t rest = a.digits % b.digits;

		for (; shift > 0 && rest != 0; shift--) {
			rest = rest * 10 % b.digits;
		}
		return rest == 0;
	}
	for (; shift < 0; shift++) {
		if (b.digits > a.digits) {
			return false;
		}
		b.digits *= 10;
	}
	return a.digits % b.digits == 0;
}
