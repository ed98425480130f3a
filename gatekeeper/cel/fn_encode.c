/* base64.encode and base64.decode (RFC 4648, section 4): strict, with or without padding. */

#include "cel/cel_internal.h"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct cel_value
encode(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	size_t bytes = ((size_t)args[0].n + 2) / 3 * 4;
	const unsigned char *in = (const unsigned char *)args[0].as.text;
	char *text, *to;

	(void)n;
	if (bytes > UINT32_MAX) {
		return cel__spent(ev);
	}
	text = to = cel__alloc(ev, bytes + 1);
	if (text == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i += 3) {
		uint32_t left = args[0].n - i;
		uint32_t group = (uint32_t)in[i] << 16;

		group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		group |= left > 2 ? in[i + 2] : 0;
		*to++ = letters[group >> 18];
		*to++ = letters[group >> 12 & 63];
		*to++ = (char)(left > 1 ? letters[group >> 6 & 63] : '=');
		*to++ = (char)(left > 2 ? letters[group & 63] : '=');
	}
	return cel_string(text, bytes);
}

/* 0..63, or 64 for what is no letter. */
static uint32_t
value_of(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return (uint32_t)(c - 'A');
	}
	if (c >= 'a' && c <= 'z') {
		return (uint32_t)(c - 'a' + 26);
	}
	if (c >= '0' && c <= '9') {
		return (uint32_t)(c - '0' + 52);
	}
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

static struct cel_value
malformed(struct cel_eval *ev)
{
	return cel__fault(
	    ev, CEL_F_ARGUMENT, "illegal base64: the text isn't base64");
}

static struct cel_value
decode(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const char *in = args[0].as.text;
	uint32_t left = args[0].n, bits = 0, held = 0;
	char *bytes, *to;

	(void)n;
	if (left % 4 == 0) {
		left -= left > 0 && in[left - 1] == '=';
		left -= left > 0 && left % 4 == 3 && in[left - 1] == '=';
	}
	if (left % 4 == 1) {
		return malformed(ev);
	}
	bytes = to = cel__alloc(ev, (size_t)left / 4 * 3 + 3);
	if (bytes == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < left; i++) {
		uint32_t value = value_of(in[i]);

		if (value == 64) {
			return malformed(ev);
		}
		held = held << 6 | value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*to++ = (char)(held >> bits & 0xff);
			held &= (1u << bits) - 1;
		}
	}
	/* bits that say nothing must be zero: one text for one value */
	return held != 0 ? malformed(ev)
			 : cel_bytes(bytes, (size_t)(to - bytes));
}

const struct cel_builtin cel__encoders[] = {
    {"base64.encode", false, "(bytes) -> string", encode},
    {"base64.decode", false, "(string) -> bytes", decode},
    {NULL, false, NULL, NULL},
};
