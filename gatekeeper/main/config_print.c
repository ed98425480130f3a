/* What is printed from the configuration's table: values, docs/config.md, the JSON Schema, a commented file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/yaml.h"
#include "main/config_internal.h"

/* The order of config.def, with its section titles. */
static const struct {
	const char *title; /* NULL: a key */
	enum config_id id;
} layout[] = {
#define CONFIG_SECTION(title)         {title, CONFIG_COUNT},
#define CONFIG_KEY(type, member, ...) {NULL, CONFIG_ID_##member},
#include "main/config.def"
};

static const char *const type_words[] = {
    [CONFIG_TEXT] = "text",
    [CONFIG_PATH] = "path",
    [CONFIG_WORD] = "word",
    [CONFIG_FLAG] = "true or false",
    [CONFIG_ON] = "true",
    [CONFIG_INT] = "integer",
    [CONFIG_DURATION] = "duration",
    [CONFIG_SIZE] = "size",
    [CONFIG_TEXTS] = "list",
    [CONFIG_PATHS] = "list of paths",
    [CONFIG_TARGETS] = "list of targets",
};

const char *
config__type_word(const struct config_key *key)
{
	return type_words[key->type];
}

struct unit {
	const char *word;
	int64_t size;
};

/* Largest first. */
static const struct unit duration_units[] = {{"d", GK_US_PER_DAY},
    {"h", GK_US_PER_HOUR}, {"m", GK_US_PER_MIN}, {"s", GK_US_PER_S},
    {"ms", GK_US_PER_MS}, {NULL, 1}};
static const struct unit size_units[] = {{"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}, {"B", 1}, {NULL, 1}};

/* A number in the largest unit that divides it. */
static enum gk_rc
print_units(const struct unit *units, int64_t number, struct gk_buf *buf,
    struct gk_err *err)
{
	const struct unit *unit = units;

	while (
	    (number == 0 || number % unit->size != 0) && unit[1].word != NULL) {
		unit++;
	}
	return gk_buf_printf(
	    buf, err, "%" PRId64 "%s", number / unit->size, unit->word);
}

static const struct unit *
units_of(const struct config_key *key)
{
	return key->type == CONFIG_DURATION ? duration_units
	       : key->type == CONFIG_SIZE   ? size_units
					    : NULL;
}

static enum gk_rc
print_texts(
    const struct config_texts *texts, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, "[", err));
	for (size_t i = 0; i < texts->count; i++) {
		GK_TRY(gk_buf_puts(buf, i > 0 ? ", " : "", err));
		GK_TRY(canon_string(texts->items[i], buf, err));
	}
	return gk_buf_puts(buf, "]", err);
}

enum gk_rc
config__print_value(const void *base, const struct config_key *key,
    struct gk_buf *buf, struct gk_err *err)
{
	const void *at = (const char *)base + key->offset;
	const char *text;

	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_WORD:
		text = *(const char *const *)at;
		return text != NULL ? canon_string(text, buf, err)
				    : gk_buf_puts(buf, "null", err);
	case CONFIG_FLAG:
	case CONFIG_ON:
		return gk_buf_puts(
		    buf, *(const bool *)at ? "true" : "false", err);
	case CONFIG_INT:
		return gk_buf_printf(
		    buf, err, "%" PRId64, *(const int64_t *)at);
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		GK_TRY(gk_buf_puts(buf, "\"", err));
		GK_TRY(
		    print_units(units_of(key), *(const int64_t *)at, buf, err));
		return gk_buf_puts(buf, "\"", err);
	case CONFIG_TEXTS:
	case CONFIG_PATHS:
		return print_texts(at, buf, err);
	case CONFIG_TARGETS:
		return config__print_targets(at, buf, err);
	}
	return GK_OK;
}

/* The section of a dotted name, its length; 0: none. */
static size_t
section_length(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? (size_t)(dot - name) : 0;
}

static bool
same_section(const char *a, const char *b)
{
	size_t n = section_length(a);

	return n == section_length(b) && strncmp(a, b, n) == 0;
}

static const char *
last_part(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* What stands between two keys of nested objects: braces and names. */
static enum gk_rc
print_nesting(const char *before, const char *name, const char *indent,
    struct gk_buf *buf, struct gk_err *err)
{
	bool same =
	    before != NULL && name != NULL && same_section(before, name);

	if (before != NULL && !same && section_length(before) > 0) {
		GK_TRY(gk_buf_printf(buf, err, "\n%s}", indent));
	}
	if (before != NULL && name != NULL) {
		GK_TRY(gk_buf_puts(buf, ",", err));
	}
	if (name != NULL && !same && section_length(name) > 0) {
		GK_TRY(gk_buf_printf(buf, err, "\n%s\"%.*s\": {", indent,
		    (int)section_length(name), name));
	}
	return name == NULL
		   ? GK_OK
		   : gk_buf_printf(buf, err, "\n%s%s\"%s\": ", indent,
			 section_length(name) > 0 ? "  " : "", last_part(name));
}

enum gk_rc
config_print_json(
    const struct config *config, struct gk_buf *buf, struct gk_err *err)
{
	const char *before = NULL;

	GK_TRY(gk_buf_puts(buf, "{", err));
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		GK_TRY(
		    print_nesting(before, config_keys[i].name, "  ", buf, err));
		GK_TRY(config__print_value(config, &config_keys[i], buf, err));
		before = config_keys[i].name;
	}
	GK_TRY(print_nesting(before, NULL, "  ", buf, err));
	return gk_buf_puts(buf, "\n}\n", err);
}

/* "section:" where a new one begins. */
static enum gk_rc
print_yaml_section(const char *before, const char *name, struct gk_buf *buf,
    struct gk_err *err)
{
	if (section_length(name) == 0 ||
	    (before != NULL && same_section(before, name))) {
		return GK_OK;
	}
	return gk_buf_printf(
	    buf, err, "%.*s:\n", (int)section_length(name), name);
}

static enum gk_rc
print_yaml_key(const struct config *config, const struct config_key *key,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "%s%s: ",
	    section_length(key->name) > 0 ? "  " : "", last_part(key->name)));
	GK_TRY(config__print_value(config, key, buf, err));
	return gk_buf_printf(
	    buf, err, "  # %s\n", config->from[key - config_keys]);
}

enum gk_rc
config_print_yaml(
    const struct config *config, struct gk_buf *buf, struct gk_err *err)
{
	const char *before = NULL;

	GK_TRY(gk_buf_printf(buf, err, "# file: %s\n",
	    config->file != NULL ? config->file : "none, all defaults"));
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const char *name = config_keys[i].name;

		GK_TRY(print_yaml_section(before, name, buf, err));
		GK_TRY(print_yaml_key(config, &config_keys[i], buf, err));
		before = name;
	}
	return GK_OK;
}

/* "a, b" of "a|b" */
static enum gk_rc
print_words(const char *words, const char *between, struct gk_buf *buf,
    struct gk_err *err)
{
	size_t n;

	for (; *words != '\0'; words += n + (words[n] == '|')) {
		n = strcspn(words, "|");
		GK_TRY(gk_buf_add(buf, words, n, err));
		GK_TRY(gk_buf_puts(buf, words[n] == '|' ? between : "", err));
	}
	return GK_OK;
}

/* The column "range" of docs/config.md. */
enum gk_rc
config__print_range(
    const struct config_key *key, struct gk_buf *buf, struct gk_err *err)
{
	const struct unit *units = units_of(key);

	if (units != NULL) {
		GK_TRY(print_units(units, key->lo, buf, err));
		GK_TRY(gk_buf_puts(buf, " – ", err));
		return print_units(units, key->hi, buf, err);
	}
	if (key->type == CONFIG_INT || key->type == CONFIG_TEXTS ||
	    key->type == CONFIG_PATHS || key->type == CONFIG_TARGETS) {
		return gk_buf_printf(buf, err, "%" PRId64 " – %" PRId64 " %s",
		    key->lo, key->hi, key->unit);
	}
	return print_words(key->unit, ", ", buf, err);
}

static enum gk_rc
print_docs_row(
    const struct config_key *key, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "| `%s` | %s | `%s` | ", key->name,
	    type_words[key->type], key->preset));
	GK_TRY(config__print_range(key, buf, err));
	return gk_buf_printf(buf, err, " | %s | %s |\n",
	    key->reloadable ? "yes" : "no", key->text);
}

static const char docs_intro[] =
    "# gatekeeper.yaml\n\n"
    "<!-- Printed by `gatekeeper config --docs` from "
    "gatekeeper/main/config.def. -->\n\n"
    "The file is the one of `--config`, else of `GATEKEEPER_CONFIG`, "
    "else "
    "`./gatekeeper.yaml`; without any, the defaults hold. `--set "
    "key=value` "
    "overrides a key, as in `--set audit.retention_days=30`. Relative "
    "paths start in "
    "the folder of the file (without one: in the working folder), "
    "those of `--set` too. "
    "Unknown keys, keys given twice and values out of range are "
    "refused with file, line "
    "and column; the exit code is then 78. `gatekeeper config` prints "
    "what is in force "
    "and where each value came from.\n\n"
    "*Reload*: SIGHUP takes the new value over; other keys wait for "
    "the next start.\n";

static enum gk_rc
print_docs_part(size_t i, struct gk_buf *buf, struct gk_err *err)
{
	if (layout[i].title == NULL) {
		return print_docs_row(&config_keys[layout[i].id], buf, err);
	}
	return gk_buf_printf(buf, err,
	    "\n## %s\n\n"
	    "| key | type | default | range | reload | meaning |\n"
	    "|---|---|---|---|---|---|\n",
	    layout[i].title);
}

enum gk_rc
config_print_docs(struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, docs_intro, err));
	for (size_t i = 0; i < GK_COUNT(layout); i++) {
		GK_TRY(print_docs_part(i, buf, err));
	}
	return config__print_target_docs(buf, err);
}

/* "enum": ["a", "b"] of "a|b" */
static enum gk_rc
print_schema_words(const char *words, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, "\"enum\": [\"", err));
	GK_TRY(print_words(words, "\", \"", buf, err));
	return gk_buf_puts(buf, "\"]", err);
}

static enum gk_rc
print_schema_type(
    const struct config_key *key, struct gk_buf *buf, struct gk_err *err)
{
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		return gk_buf_printf(buf, err,
		    "\"type\": %s, \"minLength\": %" PRId64
		    ", \"maxLength\": %" PRId64,
		    strcmp(key->preset, "null") == 0 ? "[\"string\", \"null\"]"
						     : "\"string\"",
		    key->lo, key->hi);
	case CONFIG_WORD:
		return print_schema_words(key->unit, buf, err);
	case CONFIG_FLAG:
		return gk_buf_puts(buf, "\"type\": \"boolean\"", err);
	case CONFIG_ON:
		return gk_buf_puts(buf, "\"const\": true", err);
	case CONFIG_INT:
		return gk_buf_printf(buf, err,
		    "\"type\": \"integer\", \"minimum\": %" PRId64
		    ", \"maximum\": %" PRId64,
		    key->lo, key->hi);
	case CONFIG_DURATION:
		return gk_buf_puts(buf,
		    "\"type\": \"string\", \"pattern\": "
		    "\"^[0-9]+(ms|s|m|h|d)$\"",
		    err);
	case CONFIG_SIZE:
		return gk_buf_puts(buf,
		    "\"type\": [\"string\", \"integer\"], \"minimum\": 0, "
		    "\"pattern\": \"^[0-9]{1,9}(B|KiB|MiB|GiB)$\"",
		    err);
	case CONFIG_TARGETS:
		GK_TRY(gk_buf_printf(buf, err,
		    "\"type\": \"array\", \"maxItems\": %" PRId64
		    ", \"items\": ",
		    key->hi));
		return config__print_target_schema(buf, err);
	case CONFIG_TEXTS:
	case CONFIG_PATHS:
		return gk_buf_printf(buf, err,
		    "\"type\": \"array\", \"minItems\": %" PRId64
		    ", \"maxItems\": %" PRId64
		    ", \"items\": {\"type\": \"string\", \"minLength\": 1}",
		    key->lo, key->hi);
	}
	return GK_OK;
}

/* A default written in YAML, as JSON. */
static enum gk_rc
print_schema_default(
    const struct config_key *key, struct gk_buf *buf, struct gk_err *err)
{
	static const struct json_limits limits = {1024, 4, 64};
	GK_AUTO(yaml_freep) struct yaml_doc *doc = NULL;

	GK_TRY(yaml_parse(
	    key->preset, strlen(key->preset), key->name, &limits, &doc, err));
	return canon_print(yaml_root(doc), buf, err);
}

enum gk_rc
config__print_schema_key(
    const struct config_key *key, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_puts(buf, "{\"description\": ", err));
	GK_TRY(canon_string(key->text, buf, err));
	GK_TRY(gk_buf_puts(buf, ", ", err));
	GK_TRY(print_schema_type(key, buf, err));
	GK_TRY(gk_buf_puts(buf, ", \"default\": ", err));
	GK_TRY(print_schema_default(key, buf, err));
	return gk_buf_puts(buf, "}", err);
}

/* Keys of one section, or of the top with the sections in it. */
static enum gk_rc
print_schema_section(
    const char *section, struct gk_buf *buf, struct gk_err *err)
{
	const char *before = NULL;
	size_t n = strlen(section);

	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (section_length(key->name) != n ||
		    strncmp(key->name, section, n) != 0) {
			continue;
		}
		GK_TRY(gk_buf_printf(buf, err,
		    "%s\n    %s\"%s\": ", before != NULL ? "," : "",
		    n > 0 ? "    " : "", last_part(key->name)));
		GK_TRY(config__print_schema_key(key, buf, err));
		before = key->name;
	}
	return GK_OK;
}

enum gk_rc
config_print_schema(struct gk_buf *buf, struct gk_err *err)
{
	const char *before = "";
	char section[32];

	GK_TRY(gk_buf_puts(buf,
	    "{\n"
	    "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	    "  \"$id\": \"urn:gatekeeper:schema:config\",\n"
	    "  \"title\": \"gatekeeper.yaml\",\n"
	    "  \"$comment\": \"Printed by `gatekeeper config --schema` from "
	    "gatekeeper/main/config.def.\",\n"
	    "  \"type\": \"object\",\n"
	    "  \"additionalProperties\": false,\n"
	    "  \"properties\": {",
	    err));
	GK_TRY(print_schema_section("", buf, err));
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const char *name = config_keys[i].name;

		if (section_length(name) == 0 || same_section(before, name)) {
			continue;
		}
		(void)snprintf(section, sizeof(section), "%.*s",
		    (int)section_length(name), name);
		GK_TRY(gk_buf_printf(buf, err,
		    ",\n    \"%s\": {\n"
		    "      \"type\": \"object\",\n"
		    "      \"additionalProperties\": false,\n"
		    "      \"properties\": {",
		    section));
		GK_TRY(print_schema_section(section, buf, err));
		GK_TRY(gk_buf_puts(buf, "\n      }\n    }", err));
		before = name;
	}
	return gk_buf_puts(buf, "\n  }\n}\n", err);
}

static const char sample_intro[] =
    "# gatekeeper.yaml: every key with its default.  Relative paths start in "
    "this file's folder.\n"
    "# `gatekeeper config` checks it and prints what is in force.\n";

/* A title, or a key; *before is the key before it. */
static enum gk_rc
print_sample_part(
    size_t i, const char **before, struct gk_buf *buf, struct gk_err *err)
{
	const struct config_key *key;
	const char *indent;

	if (layout[i].title != NULL) {
		return gk_buf_printf(
		    buf, err, "\n# --- %s ---\n", layout[i].title);
	}
	key = &config_keys[layout[i].id];
	indent = section_length(key->name) > 0 ? "  " : "";
	GK_TRY(print_yaml_section(*before, key->name, buf, err));
	*before = key->name;
	return gk_buf_printf(buf, err, "%s# %s\n%s%s: %s\n", indent, key->text,
	    indent, last_part(key->name), key->preset);
}

enum gk_rc
config_print_sample(struct gk_buf *buf, struct gk_err *err)
{
	const char *before = NULL;

	GK_TRY(gk_buf_puts(buf, sample_intro, err));
	for (size_t i = 0; i < GK_COUNT(layout); i++) {
		GK_TRY(print_sample_part(i, &before, buf, err));
	}
	return GK_OK;
}
