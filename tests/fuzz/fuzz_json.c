/* Any bytes as JSON: a whole tree, or a story with its offset. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every node answers every question. */
static size_t
walk(const struct json_value *value)
{
	const char *text = json_string(value), *name = json_name(value);
	size_t nodes = 1, children = 0;
	int64_t number;

	GK_ASSERT(text == NULL || json_check_text(text, strlen(text)));
	GK_ASSERT(name == NULL || json_check_text(name, strlen(name)));
	if (json_int(value, &number)) {
		GK_ASSERT(number <= JSON_INT_MAX && number >= -JSON_INT_MAX);
	}
	for (const struct json_value *m = json_first(value); m != NULL;
	     m = json_next(m)) {
		GK_ASSERT(
		    json_name(m) == NULL || json_get(value, json_name(m)) == m);
		nodes += walk(m);
		children++;
	}
	GK_ASSERT(json_count(value) == children);
	return nodes;
}

/* What was refused says why and where. */
static void
check_story(const struct gk_err *err, enum gk_rc rc, size_t size)
{
	size_t offset;

	GK_ASSERT(err->rc == rc && err->text[0] != '\0');
	GK_ASSERT(sscanf(err->where, "offset %zu", &offset) == 1);
	GK_ASSERT(offset <= size);
}

static void
check_canonical(const struct json_value *value)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(8 << 20);
	GK_AUTO(json_freep) struct json_value *again = NULL;
	struct json_limits limits = {8 << 20, 64, 10000};
	struct gk_err err;

	GK_ASSERT(canon_print(value, &buf, &err) == GK_OK);
	GK_ASSERT(
	    json_parse(buf.bytes, buf.len, &limits, &again, &err) == GK_OK);
	GK_ASSERT(walk(again) == walk(value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	GK_AUTO(json_freep) struct json_value *copy = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = json_parse(
	    (const char *)data, size, &json_limits_request, &value, &err);

	if (rc != GK_OK) {
		check_story(&err, rc, size);
		return 0;
	}
	GK_ASSERT(walk(value) <= json_limits_request.values);
	copy = json_dup(value);
	GK_ASSERT(copy != NULL && walk(copy) == walk(value));
	check_canonical(value);
	return 0;
}
