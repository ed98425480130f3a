#ifndef GK_MAIN_CONFIG_H
#define GK_MAIN_CONFIG_H
/* The configuration: one table of keys, read strictly from YAML and --set, printed as docs and schema. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

#define CONFIG_BYTES_MAX (256u << 10) /* of a configuration file */

struct config_texts {
	const char **items;
	size_t count;
};

#define TARGET_C_TEXT  const char *
#define TARGET_C_PATH  const char *
#define TARGET_C_WORD  const char *
#define TARGET_C_FLAG  bool
#define TARGET_C_TEXTS struct config_texts
#define TARGET_C_PATHS struct config_texts

/* One of notify.targets; the columns of notify.def. */
struct config_target {
#define TARGET_KEY(type, member, ...) TARGET_C_##type member;
#include "main/notify.def"
#undef TARGET_KEY
};

enum {
#define TARGET_KEY(type, member, ...) TARGET_ID_##member,
#include "main/notify.def"
#undef TARGET_KEY
	TARGET_KEY_COUNT,
};

struct config_targets {
	struct config_target *items;
	size_t count;
};

#define CONFIG_C_TEXT     const char *
#define CONFIG_C_PATH     const char *
#define CONFIG_C_WORD     const char *
#define CONFIG_C_FLAG     bool
#define CONFIG_C_ON       bool
#define CONFIG_C_INT      int64_t
#define CONFIG_C_DURATION int64_t
#define CONFIG_C_SIZE     int64_t
#define CONFIG_C_TEXTS    struct config_texts
#define CONFIG_C_TARGETS  struct config_targets

enum config_id {
#define CONFIG_SECTION(title)
#define CONFIG_KEY(type, member, ...) CONFIG_ID_##member,
#include "main/config.def"
	CONFIG_COUNT,
};

/* Strings and lists live in arena. */
struct config {
#define CONFIG_SECTION(title)
#define CONFIG_KEY(type, member, ...) CONFIG_C_##type member;
#include "main/config.def"
	struct gk_arena arena;
	const char *file; /* NULL: none was read */
	const char
	    *from[CONFIG_COUNT]; /* "file:line:column", "--set", "default" */
};

enum config_type {
	CONFIG_TEXT,
	CONFIG_PATH,
	CONFIG_WORD,
	CONFIG_FLAG,
	CONFIG_ON,
	CONFIG_INT,
	CONFIG_DURATION,
	CONFIG_SIZE,
	CONFIG_TEXTS,
	CONFIG_PATHS, /* of a target alone */
	CONFIG_TARGETS,
};

/* One row of the table; the columns of config.def. */
struct config_key {
	enum config_type type;
	const char *name;
	const char *preset; /* the default, as YAML */
	const char *unit;
	int64_t lo, hi;
	bool reloadable;
	const char *text;
	size_t offset; /* in struct config */
};

extern const struct config_key config_keys[CONFIG_COUNT];
/* The keys of one target; offset in struct config_target. */
extern const struct config_key config_target_keys[TARGET_KEY_COUNT];

/* What to read. */
struct config_source {
	const char
	    *path; /* NULL: $GATEKEEPER_CONFIG, ./gatekeeper.yaml, nothing */
	const char *const *sets; /* "key=value", each over what came before */
	size_t set_count;
};

/*
 * Read, check, fill in defaults.  Gives *ret_config, ended with config_free().
 * Errors: GK_E_INVALID, GK_E_LIMIT with err->where the place or "--set";
 * GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc config_load(const struct config_source *source,
    struct config **ret_config, struct gk_err *err) GK_MUST_USE;

/* The same of a file's bytes; dir is where relative paths start, NULL: nowhere. */
enum gk_rc config_parse(const char *bytes, size_t n, const char *name,
    const char *dir, struct config **ret_config,
    struct gk_err *err) GK_MUST_USE;

void config_free(struct config *config);
void config_freep(struct config **config);

/* Do the two say the same for this key? */
bool config_same(
    const struct config *a, const struct config *b, enum config_id id);

/* Is an address HOST:PORT, [IPv6]:PORT or unix:PATH; and reached by this machine alone? */
bool config_listen_ok(const char *listen);
bool config_listen_local(const char *listen);

/* Append: one value as JSON; all keys as JSON; as YAML with where each came from. */
enum gk_rc config_print_json(const struct config *config, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc config_print_yaml(const struct config *config, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* Append what is made from the table alone: docs/config.md, the JSON Schema, a commented file. */
enum gk_rc config_print_docs(
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc config_print_schema(
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
enum gk_rc config_print_sample(
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
