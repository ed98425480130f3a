#ifndef GK_MAIN_CONFIG_INTERNAL_H
#define GK_MAIN_CONFIG_INTERNAL_H
/* What the files of the configuration share: one reading, values by their rows, the targets of notifications. */

#include "codec/yaml.h"
#include "main/config.h"

/* One reading of the file or of a --set. */
struct loader {
	struct config *config;
	void *
	    base; /* what the row's offset is in: the configuration, or a target */
	const struct yaml_doc *doc;
	const char *name; /* for places */
	const char *dir;  /* where relative paths start; NULL: nowhere */
	struct gk_err *err;
};

/* config.c: read a value by its row into base. */
enum gk_rc config__read_value(const struct loader *loader,
    const struct config_key *key, const struct json_value *value) GK_MUST_USE;
enum gk_rc config__wrong_type(const struct loader *loader,
    const struct config_key *key, const char *expected,
    const struct json_value *value) GK_MUST_USE;
/* A path inside the folder of the configuration file. */
enum gk_rc config__keep_path(const struct loader *loader, const char *text,
    const char **ret) GK_MUST_USE;
bool config__same(const struct config_key *key, const void *a, const void *b);

/* config_check.c: do the keys fit together?  Errors: GK_E_INVALID with the place. */
enum gk_rc config__check(
    const struct config *config, struct gk_err *err) GK_MUST_USE;

/* config_targets.c: notify.targets. */
enum gk_rc config__read_targets(const struct loader *loader,
    const struct config_key *key, const struct json_value *value) GK_MUST_USE;
enum gk_rc config__resolve_targets(const struct loader *loader) GK_MUST_USE;
bool config__same_targets(
    const struct config_targets *a, const struct config_targets *b);

/* config_print.c: a value as JSON, which is YAML too. */
enum gk_rc config__print_value(const void *base, const struct config_key *key,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
/* config_print_targets.c */
enum gk_rc config__print_targets(const struct config_targets *targets,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc config__print_target_docs(
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc config__print_target_schema(
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* config_print.c: parts of the row of a key. */
enum gk_rc config__print_range(const struct config_key *key, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc config__print_schema_key(const struct config_key *key,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
const char *config__type_word(const struct config_key *key);

#endif
