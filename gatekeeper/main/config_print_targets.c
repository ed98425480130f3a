/* What is printed of notify.targets: values, the second table of docs/config.md, the schema of one target. */
#include <inttypes.h>

#include "codec/canon.h"
#include "main/config_internal.h"

enum gk_rc
config__print_targets(const struct config_targets *targets, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, "[", err));
	for (size_t i = 0; i < targets->count; i++) {
		GK_TRY(gk_buf_puts(buf, i > 0 ? ", {" : "{", err));
		for (size_t k = 0; k < TARGET_KEY_COUNT; k++) {
			GK_TRY(gk_buf_printf(buf, err, "%s\"%s\": ",
			    k > 0 ? ", " : "", config_target_keys[k].name));
			GK_TRY(config__print_value(&targets->items[i],
			    &config_target_keys[k], buf, err));
		}
		GK_TRY(gk_buf_puts(buf, "}", err));
	}
	return gk_buf_puts(buf, "]", err);
}

enum gk_rc
config__print_target_docs(struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf,
	    "\nEach of `notify.targets`:\n\n"
	    "| key | type | default | range | meaning |\n"
	    "|---|---|---|---|---|\n",
	    err));
	for (size_t k = 0; k < TARGET_KEY_COUNT; k++) {
		const struct config_key *key = &config_target_keys[k];

		GK_TRY(gk_buf_printf(buf, err, "| `%s` | %s | `%s` | ",
		    key->name, config__type_word(key), key->preset));
		GK_TRY(config__print_range(key, buf, err));
		GK_TRY(gk_buf_printf(buf, err, " | %s |\n", key->text));
	}
	return GK_OK;
}

enum gk_rc
config__print_target_schema(struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf,
	    "{\"type\": \"object\", \"additionalProperties\": false, "
	    "\"required\": [\"name\"], \"properties\": {",
	    err));
	for (size_t k = 0; k < TARGET_KEY_COUNT; k++) {
		GK_TRY(gk_buf_printf(buf, err, "%s\n          \"%s\": ",
		    k > 0 ? "," : "", config_target_keys[k].name));
		GK_TRY(
		    config__print_schema_key(&config_target_keys[k], buf, err));
	}
	return gk_buf_puts(buf, "\n        }}", err);
}
