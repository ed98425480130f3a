/* The shell's $'…', in which a backslash makes characters. */

#include "cel/shell_parse.h"

#include <string.h>

#include "cel/cel_internal.h"

/* A number of up to max digits; behind them afterwards. */
static uint32_t
digits(struct cel__shell_parser *p, uint32_t base, unsigned max)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < max; i++) {
		char c = cel__shell_peek(p, 0);
		uint32_t digit =
		    c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
		    : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
		    : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
					   : 16;

		if (digit >= base) {
			break;
		}
		number = number * base + digit;
		p->at++;
	}
	return number;
}

/* \x72, \162, \u0072: what no text can hold is refused. */
static bool
coded(struct cel__shell_parser *p)
{
	char kind = cel__shell_peek(p, 0), bytes[4];
	uint32_t number;
	size_t begin;

	p->at += kind == 'x' || kind == 'u' || kind == 'U';
	begin = p->at;
	number = digits(p, kind >= '0' && kind <= '7' ? 8 : 16,
	    kind == 'x'   ? 2
	    : kind == 'u' ? 4
	    : kind == 'U' ? 8
			  : 3);
	if (p->at == begin || number == 0 || number > 0x10FFFF ||
	    (number >= 0xD800 && number < 0xE000)) {
		return cel__shell_fail(p, "a character that can't be");
	}
	if (kind == 'u' || kind == 'U') {
		cel__shell_put(p, bytes, cel__text_encode(number, bytes));
	} else {
		bytes[0] = (char)(number & 0xFF);
		cel__shell_put(p, bytes, 1);
	}
	return number <= 0xFF || kind == 'u' || kind == 'U' ||
	       cel__shell_fail(p, "a character that can't be");
}

bool
cel__shell_ansi_quoted(
    struct cel__shell_parser *p, struct cel__shell_word *word)
{
	static const char letters[] = "abeEfnrtv\\'\"?";
	static const char means[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	char c;

	word->quoted = true;
	p->at++;
	while ((c = cel__shell_peek(p, 0)) != '\'') {
		const char *letter;

		if (c == '\0') {
			return cel__shell_fail(p, "$' isn't closed");
		}
		p->at++;
		if (c != '\\') {
			cel__shell_put(p, &c, 1);
			continue;
		}
		c = cel__shell_peek(p, 0);
		letter = c == '\0' ? NULL : strchr(letters, c);
		if (letter != NULL) {
			cel__shell_put(p, means + (letter - letters), 1);
			p->at++;
		} else if (c == 'x' || c == 'u' || c == 'U' ||
			   (c >= '0' && c <= '7')) {
			if (!coded(p)) {
				return false;
			}
		} else if (c == 'c') {
			return cel__shell_fail(p, "\\c isn't supported");
		} else {
			cel__shell_put(p, "\\", 1);
		}
	}
	p->at++;
	return true;
}
