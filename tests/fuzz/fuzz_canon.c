/* Canonical text is a fixed point: what was printed prints the same when read again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {8 << 20, 64, 10000};

static void
check_number(const uint8_t bits[8])
{
	char text[CANON_NUMBER_BYTES];
	double number, back;
	size_t n;

	memcpy(&number, bits, sizeof(number));
	if (!isfinite(number)) {
		return;
	}
	n = canon_number(number, text);
	GK_ASSERT(n == strlen(text) && n < CANON_NUMBER_BYTES);
	back = strtod(text, NULL);
	GK_ASSERT(!(back < number) && !(back > number));
}

/* Gives the canonical text of value into an empty buffer. */
static void
print(const struct json_value *value, struct gk_buf *buf)
{
	struct gk_err err;

	GK_ASSERT(canon_print(value, buf, &err) == GK_OK);
}

static void
check_fixed_point(const struct json_value *value)
{
	GK_AUTO(gk_buf_done) struct gk_buf first = GK_BUF_INIT(8 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf second = GK_BUF_INIT(8 << 20);
	GK_AUTO(json_freep) struct json_value *again = NULL;
	struct gk_err err;

	print(value, &first);
	GK_ASSERT(
	    json_parse(first.bytes, first.len, &limits, &again, &err) == GK_OK);
	print(again, &second);
	GK_ASSERT(first.len == second.len &&
		  memcmp(first.bytes, second.bytes, first.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	struct gk_err err;

	for (size_t at = 0; at + 8 <= size && at < 64; at += 8) {
		check_number(data + at);
	}
	if (json_parse((const char *)data, size, &limits, &value, &err) ==
	    GK_OK) {
		check_fixed_point(value);
	}
	return 0;
}
