/* UTF-8: strict, as RFC 3629 has it. */

#include "cel/cel_internal.h"

#include <string.h>

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

size_t
cel__text_count(const char *text, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		count += !is_continuation(text[i]);
	}
	return count;
}

size_t
cel__text_offset(const char *text, size_t n, size_t i)
{
	size_t at = 0;

	for (; i > 0 && at < n; i--) {
		at++;
		while (at < n && is_continuation(text[at])) {
			at++;
		}
	}
	return at;
}

/* What a first byte says: how many bytes, and its bits of the code point. */
static unsigned
sequence(unsigned char first, uint32_t *ret_bits)
{
	if (first < 0x80) {
		*ret_bits = first;
		return 1;
	}
	if (first >= 0xC2 && first < 0xE0) {
		*ret_bits = first & 0x1Fu;
		return 2;
	}
	if (first >= 0xE0 && first < 0xF0) {
		*ret_bits = first & 0x0Fu;
		return 3;
	}
	*ret_bits = first & 0x07u;
	return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

unsigned
cel__text_decode(const char *text, size_t n, uint32_t *ret_point)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t point;
	unsigned bytes;

	if (n == 0) {
		return 0;
	}
	bytes = sequence((unsigned char)text[0], &point);
	if (bytes == 0 || bytes > n) {
		return 0;
	}
	for (unsigned i = 1; i < bytes; i++) {
		if (!is_continuation(text[i])) {
			return 0;
		}
		point = point << 6 | ((unsigned char)text[i] & 0x3Fu);
	}
	if (point < least[bytes] || point > 0x10FFFF ||
	    (point >= 0xD800 && point < 0xE000)) {
		return 0;
	}
	*ret_point = point;
	return bytes;
}

unsigned
cel__text_encode(uint32_t point, char ret_bytes[4])
{
	static const unsigned char first[5] = {0, 0, 0xC0, 0xE0, 0xF0};
	unsigned bytes = point < 0x80      ? 1
			 : point < 0x800   ? 2
			 : point < 0x10000 ? 3
					   : 4;

	for (unsigned i = bytes - 1; i > 0; i--) {
		ret_bytes[i] = (char)(0x80 | (point & 0x3F));
		point >>= 6;
	}
	ret_bytes[0] = (char)(first[bytes] | point);
	return bytes;
}

bool
cel__text_valid(const char *text, size_t n)
{
	uint32_t point;
	unsigned bytes;

	for (size_t at = 0; at < n; at += bytes) {
		bytes = cel__text_decode(text + at, n - at, &point);
		if (bytes == 0) {
			return false;
		}
	}
	return true;
}

struct cel_value
cel__copy(struct cel_eval *ev, const char *text, size_t n)
{
	char *copy;

	if (n == 0) {
		return cel_string("", 0);
	}
	copy = cel__alloc(ev, n);
	if (copy == NULL) {
		return cel__spent(ev);
	}
	memcpy(copy, text, n);
	return cel_string(copy, n);
}
