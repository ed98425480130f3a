/* Any bytes as a configuration: one that prints and reads back as itself, or a story with a place. */
#include "base/assert.h"
#include "main/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_same(const struct config *a, const struct gk_buf *text)
{
	GK_AUTO(config_freep) struct config *b = NULL;
	struct gk_err err;

	GK_ASSERT(config_parse(text->bytes, text->len, "again", NULL, &b,
		      &err) == GK_OK);
	for (int i = 0; i < CONFIG_COUNT; i++) {
		GK_ASSERT(config_same(a, b, (enum config_id)i));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(config_freep) struct config *config = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf yaml = GK_BUF_INIT(4 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf json = GK_BUF_INIT(4 << 20);
	struct gk_err err = {0};

	if (size > CONFIG_BYTES_MAX / 8) {
		return 0;
	}
	if (config_parse((const char *)data, size, "fuzz.yaml", "/etc", &config,
		&err) != GK_OK) {
		GK_ASSERT(err.text[0] != '\0' && err.where[0] != '\0');
		return 0;
	}
	GK_ASSERT(config->hash_args && config->sign_events);
	GK_ASSERT(config_print_yaml(config, &yaml, &err) == GK_OK);
	GK_ASSERT(config_print_json(config, &json, &err) == GK_OK);
	check_same(config, &yaml);
	check_same(config, &json);
	return 0;
}
