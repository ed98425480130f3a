/* Any bytes as YAML: a tree whose every value has its place, or a story with a line. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_place(const struct yaml_doc *doc, const struct json_value *value)
{
	struct yaml_place at = yaml_place(doc, value);
	struct yaml_place key = yaml_key_place(doc, value);

	GK_ASSERT(at.line > 0 && at.column > 0);
	GK_ASSERT((key.line > 0) == (json_name(value) != NULL));
	GK_ASSERT(key.line <= at.line);
	for (const struct json_value *m = json_first(value); m != NULL;
	     m = json_next(m)) {
		check_place(doc, m);
	}
}

/* Whatever YAML said, it is JSON now. */
static void
check_json(const struct json_value *value)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(8 << 20);
	GK_AUTO(json_freep) struct json_value *again = NULL;
	struct json_limits limits = {8 << 20, 64, 10000};
	struct gk_err err;

	GK_ASSERT(canon_print(value, &buf, &err) == GK_OK);
	GK_ASSERT(
	    json_parse(buf.bytes, buf.len, &limits, &again, &err) == GK_OK);
}

static void
check_story(const struct gk_err *err, enum gk_rc rc)
{
	unsigned line, column;

	GK_ASSERT(err->rc == rc && err->text[0] != '\0');
	GK_ASSERT(sscanf(err->where, "fuzz.yaml:%u:%u", &line, &column) == 2);
	GK_ASSERT(line > 0 && column > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(yaml_freep) struct yaml_doc *doc = NULL;
	struct gk_err err = {0};
	enum gk_rc rc = yaml_parse((const char *)data, size, "fuzz.yaml",
	    &json_limits_request, &doc, &err);

	if (rc != GK_OK) {
		check_story(&err, rc);
		return 0;
	}
	check_place(doc, yaml_root(doc));
	check_json(yaml_root(doc));
	return 0;
}
