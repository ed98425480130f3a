/* Reading the configuration: defaults, then the file, then --set, each value by its row of the table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "codec/yaml.h"
#include "main/config_internal.h"
#include "out/ship.h"

#define NAME_BYTES  64 /* of a dotted key */
#define ARENA_BYTES (4u << 20)

const struct config_key config_keys[CONFIG_COUNT] = {
#define CONFIG_SECTION(title)
#define CONFIG_KEY(type, member, name, preset, unit, lo, hi, reload, text) \
	{CONFIG_##type, name, preset, unit, lo, hi, reload, text,          \
	    offsetof(struct config, member)},
#include "main/config.def"
};

static const struct json_limits limits = {CONFIG_BYTES_MAX, 8, 8192};

/* of sockaddr_un: 108 with its end */
#define UNIX_PATH_MAX 107

static void *
member(void *base, const struct config_key *key)
{
	return (char *)base + key->offset;
}

static bool
nullable(const struct config_key *key)
{
	return strcmp(key->preset, "null") == 0;
}

static enum gk_rc
no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "no memory for the configuration");
}

enum gk_rc
config__wrong_type(const struct loader *loader, const struct config_key *key,
    const char *expected, const struct json_value *value)
{
	return GK_FAIL(loader->err, GK_E_INVALID, "%s: expected %s, found %s",
	    key->name, expected, json_type_name(value));
}

static enum gk_rc
keep(const struct loader *loader, const char *text, const char **ret)
{
	*ret = gk_arena_strdup(&loader->config->arena, text);
	return *ret != NULL ? GK_OK : no_memory(loader->err);
}

enum gk_rc
config__keep_path(
    const struct loader *loader, const char *text, const char **ret)
{
	if (text[0] == '/' || loader->dir == NULL) {
		return keep(loader, text, ret);
	}
	*ret =
	    gk_arena_printf(&loader->config->arena, "%s/%s", loader->dir, text);
	return *ret != NULL ? GK_OK : no_memory(loader->err);
}

static enum gk_rc
read_text(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	const char **to = member(loader->base, key);
	const char *text = json_string(value);

	if (json_type(value) == JSON_NULL && nullable(key)) {
		*to = NULL;
		return GK_OK;
	}
	if (text == NULL) {
		return config__wrong_type(
		    loader, key, "text (in quotes if need be)", value);
	}
	if ((int64_t)strlen(text) < key->lo ||
	    (int64_t)strlen(text) > key->hi) {
		return GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: %" PRId64 " to %" PRId64 " bytes, found %zu",
		    key->name, key->lo, key->hi, strlen(text));
	}
	return key->type == CONFIG_PATH ? config__keep_path(loader, text, to)
					: keep(loader, text, to);
}

/* Is text one of the words of "a|b|c"? */
static bool
has_word(const char *words, const char *text)
{
	size_t n = strlen(text);

	while (n > 0 && words != NULL) {
		const char *end = strchrnul(words, '|');

		if ((size_t)(end - words) == n && memcmp(words, text, n) == 0) {
			return true;
		}
		words = *end == '|' ? end + 1 : NULL;
	}
	return false;
}

static enum gk_rc
read_word(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	const char *text = json_string(value);

	if (text == NULL) {
		return config__wrong_type(loader, key, key->unit, value);
	}
	if (!has_word(key->unit, text)) {
		return GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: \"%.40s\" is not one of %s", key->name, text,
		    key->unit);
	}
	return keep(loader, text, member(loader->base, key));
}

static enum gk_rc
read_flag(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	if (json_type(value) != JSON_BOOL) {
		return config__wrong_type(loader, key, "true or false", value);
	}
	if (key->type == CONFIG_ON && !json_bool(value)) {
		return GK_FAIL(
		    loader->err, GK_E_INVALID, "%s: %s", key->name, key->text);
	}
	*(bool *)member(loader->base, key) = json_bool(value);
	return GK_OK;
}

static enum gk_rc
keep_int(
    const struct loader *loader, const struct config_key *key, int64_t number)
{
	if (number < key->lo || number > key->hi) {
		return GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: out of range, %" PRId64 " to %" PRId64 " %s",
		    key->name, key->lo, key->hi,
		    key->type == CONFIG_DURATION ? "microseconds"
		    : key->type == CONFIG_SIZE   ? "bytes"
						 : key->unit);
	}
	*(int64_t *)member(loader->base, key) = number;
	return GK_OK;
}

static enum gk_rc
read_int(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	int64_t number;

	if (!json_int(value, &number)) {
		return config__wrong_type(loader, key, "an integer", value);
	}
	return keep_int(loader, key, number);
}

static enum gk_rc
read_duration(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	const char *text = json_string(value);
	int64_t us;

	if (text == NULL) {
		return config__wrong_type(
		    loader, key, "a duration such as 30s, 10m, 24h", value);
	}
	if (gk_duration_parse(text, &us, loader->err) != GK_OK) {
		gk_err_context(loader->err, "%s", key->name);
		return GK_E_INVALID;
	}
	return keep_int(loader, key, us);
}

/* "64MiB": digits and a unit. */
static bool
parse_size(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	int64_t number = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 9) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		number = number * 10 + (text[i] - '0');
	}
	for (size_t i = 0; i < GK_COUNT(units); i++) {
		if (strcmp(text + n, units[i].unit) == 0) {
			*ret = number << units[i].shift;
			return true;
		}
	}
	return false;
}

static enum gk_rc
read_size(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	int64_t number;

	if (json_int(value, &number) ||
	    (json_string(value) != NULL &&
		parse_size(json_string(value), &number))) {
		return keep_int(loader, key, number);
	}
	return config__wrong_type(loader, key, "a size such as 64MiB", value);
}

static enum gk_rc
read_texts(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	struct config_texts *to = member(loader->base, key), texts = {0};
	size_t count = json_count(value);

	if (json_type(value) != JSON_ARRAY) {
		return config__wrong_type(
		    loader, key, "a list such as [a, b]", value);
	}
	if ((int64_t)count < key->lo || (int64_t)count > key->hi) {
		return GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: %" PRId64 " to %" PRId64 " %s, found %zu", key->name,
		    key->lo, key->hi, key->unit, count);
	}
	texts.items = gk_arena_calloc(
	    &loader->config->arena, count + 1, sizeof(*texts.items));
	if (texts.items == NULL) {
		return no_memory(loader->err);
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item)) {
		if (json_string(item) == NULL || json_string(item)[0] == '\0') {
			return config__wrong_type(
			    loader, key, "a list of names", item);
		}
		GK_TRY(
		    keep(loader, json_string(item), &texts.items[texts.count]));
		texts.count++;
	}
	*to = texts;
	return GK_OK;
}

enum gk_rc
config__read_value(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	static enum gk_rc (*const readers[])(const struct loader *,
	    const struct config_key *, const struct json_value *) = {
	    [CONFIG_TEXT] = read_text,
	    [CONFIG_PATH] = read_text,
	    [CONFIG_WORD] = read_word,
	    [CONFIG_FLAG] = read_flag,
	    [CONFIG_ON] = read_flag,
	    [CONFIG_INT] = read_int,
	    [CONFIG_DURATION] = read_duration,
	    [CONFIG_SIZE] = read_size,
	    [CONFIG_TEXTS] = read_texts,
	    [CONFIG_PATHS] = read_texts,
	    [CONFIG_TARGETS] = config__read_targets,
	};

	return readers[key->type](loader, key, value);
}

static const struct config_key *
find_key(const char *name)
{
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		if (strcmp(config_keys[i].name, name) == 0) {
			return &config_keys[i];
		}
	}
	return NULL;
}

/* Does any key begin with "name."? */
static bool
is_section(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		if (strncmp(config_keys[i].name, name, n) == 0 &&
		    config_keys[i].name[n] == '.') {
			return true;
		}
	}
	return false;
}

/* The key that was meant: a near one, or one of the same last part elsewhere. */
static const char *
meant_key(const char *name)
{
	const char *names[CONFIG_COUNT], *dot = strrchr(name, '.');
	const char *last = dot != NULL ? dot + 1 : name;

	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const char *key_dot = strrchr(config_keys[i].name, '.');

		names[i] = config_keys[i].name;
		if (strcmp(key_dot != NULL ? key_dot + 1 : names[i], last) ==
		    0) {
			return names[i];
		}
	}
	return cli_nearest(name, names, GK_COUNT(names));
}

static enum gk_rc
unknown_key(const char *name, struct gk_err *err)
{
	const char *meant = meant_key(name);

	return meant != NULL ? GK_FAIL(err, GK_E_INVALID,
				   "unknown key \"%s\"; did you mean \"%s\"?",
				   name, meant)
			     : GK_FAIL(err, GK_E_INVALID,
				   "unknown key \"%s\"; `gatekeeper config "
				   "--docs` lists all",
				   name);
}

/* Read a value and remember where it came from. */
static enum gk_rc
apply_key(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	struct yaml_place place = yaml_place(loader->doc, value);
	struct config *config = loader->config;
	enum gk_rc rc = config__read_value(loader, key, value);

	if (rc != GK_OK && loader->err->where[0] == '\0') {
		gk_err_where(loader->err, "%s:%u:%u", loader->name, place.line,
		    place.column);
	}
	if (rc != GK_OK) {
		return rc;
	}
	config->from[key - config_keys] = gk_arena_printf(
	    &config->arena, "%s:%u:%u", loader->name, place.line, place.column);
	return config->from[key - config_keys] != NULL ? GK_OK
						       : no_memory(loader->err);
}

static enum gk_rc read_section(const struct loader *loader, const char *prefix,
    const struct json_value *object);

/* One member of the file, under its dotted name. */
static enum gk_rc
read_member(const struct loader *loader, const char *prefix,
    const struct json_value *value)
{
	struct yaml_place place = yaml_key_place(loader->doc, value);
	const struct config_key *key;
	char name[NAME_BYTES];

	(void)snprintf(name, sizeof(name), "%s%.40s", prefix, json_name(value));
	key = find_key(name);
	if (key != NULL && strlen(json_name(value)) <= 40) {
		return apply_key(loader, key, value);
	}
	if (prefix[0] == '\0' && is_section(name)) {
		(void)snprintf(name, sizeof(name), "%.40s.", json_name(value));
		return read_section(loader, name, value);
	}
	(void)unknown_key(name, loader->err);
	gk_err_where(
	    loader->err, "%s:%u:%u", loader->name, place.line, place.column);
	return GK_E_INVALID;
}

static enum gk_rc
read_section(const struct loader *loader, const char *prefix,
    const struct json_value *object)
{
	struct yaml_place place = yaml_place(loader->doc, object);

	if (json_type(object) != JSON_OBJECT) {
		(void)GK_FAIL(loader->err, GK_E_INVALID,
		    "%.*s: expected keys and values, found %s",
		    prefix[0] != '\0' ? (int)strlen(prefix) - 1 : 4,
		    prefix[0] != '\0' ? prefix : "file",
		    json_type_name(object));
		gk_err_where(loader->err, "%s:%u:%u", loader->name, place.line,
		    place.column);
		return GK_E_INVALID;
	}
	for (const struct json_value *value = json_first(object); value != NULL;
	     value = json_next(value)) {
		GK_TRY(read_member(loader, prefix, value));
	}
	return GK_OK;
}

/* Parse one value on its own: a default, or what stands after --set key=. */
static enum gk_rc
read_alone(struct config *config, const struct config_key *key,
    const char *text, const char *from, struct gk_err *err)
{
	GK_AUTO(yaml_freep) struct yaml_doc *doc = NULL;
	struct loader loader = {config, config, NULL, from, NULL, err};
	enum gk_rc rc;

	rc = yaml_parse(text, strlen(text), from, &limits, &doc, err);
	if (rc == GK_OK) {
		rc = config__read_value(&loader, key, yaml_root(doc));
	}
	if (rc != GK_OK) {
		gk_err_where(err, "%s", from);
		return rc;
	}
	config->from[key - config_keys] = from;
	return GK_OK;
}

static enum gk_rc
read_presets(struct config *config, struct gk_err *err)
{
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		GK_TRY(read_alone(config, &config_keys[i],
		    config_keys[i].preset, "default", err));
	}
	return GK_OK;
}

static enum gk_rc
read_set(struct config *config, const char *set, struct gk_err *err)
{
	const char *equals = strchr(set, '=');
	const struct config_key *key;
	char name[NAME_BYTES];
	enum gk_rc rc;

	if (equals == NULL || equals == set || equals - set >= NAME_BYTES) {
		rc = GK_FAIL(err, GK_E_INVALID, "expected key=value");
	} else {
		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)(equals - set), set);
		key = find_key(name);
		if (key != NULL) {
			return read_alone(
			    config, key, equals + 1, "--set", err);
		}
		rc = unknown_key(name, err);
	}
	gk_err_where(err, "--set %.100s", set);
	return rc;
}

/* "unix:PATH" has a path, too. */
static enum gk_rc
resolve_socket(const struct loader *loader, enum config_id id, const char **at)
{
	struct config *config = loader->config;
	const char *path;

	if (*at == NULL || strncmp(*at, "unix:", 5) != 0 || (*at)[5] == '\0') {
		return GK_OK;
	}
	GK_TRY(config__keep_path(loader, *at + 5, &path));
	if (strlen(path) > UNIX_PATH_MAX) {
		(void)GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: a unix socket's path has at most %d bytes",
		    config_keys[id].name, UNIX_PATH_MAX);
		gk_err_where(loader->err, "%s", config->from[id]);
		return GK_E_INVALID;
	}
	*at = gk_arena_printf(&config->arena, "unix:%s", path);
	return *at != NULL ? GK_OK : no_memory(loader->err);
}

/* Give relative paths their folder: defaults and --set follow the file's rule too. */
static enum gk_rc
resolve(struct config *config, const char *dir, struct gk_err *err)
{
	struct loader loader = {config, config, NULL, "", dir, err};

	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const char **at = member(config, &config_keys[i]);

		if (config_keys[i].type != CONFIG_PATH || *at == NULL) {
			continue;
		}
		GK_TRY(config__keep_path(&loader, *at, at));
	}
	GK_TRY(config__resolve_targets(&loader));
	GK_TRY(resolve_socket(&loader, CONFIG_ID_signer, &config->signer));
	return resolve_socket(&loader, CONFIG_ID_listen, &config->listen);
}

static enum gk_rc
config_new(struct config **ret_config, struct gk_err *err)
{
	struct config *config = calloc(1, sizeof(*config));
	enum gk_rc rc;

	if (config == NULL) {
		return no_memory(err);
	}
	config->arena.cap = ARENA_BYTES;
	rc = read_presets(config, err);
	if (rc != GK_OK) {
		config_free(config);
		return rc;
	}
	*ret_config = config;
	return GK_OK;
}

void
config_free(struct config *config)
{
	if (config != NULL) {
		gk_arena_done(&config->arena);
		free(config);
	}
}

void
config_freep(struct config **config)
{
	config_free(*config);
	*config = NULL;
}

/* The file's part: an empty file says nothing. */
static enum gk_rc
read_file_bytes(struct config *config, const char *bytes, size_t n,
    const char *name, struct gk_err *err)
{
	GK_AUTO(yaml_freep) struct yaml_doc *doc = NULL;
	struct loader loader = {config, config, NULL, name, NULL, err};

	GK_TRY(yaml_parse(bytes, n, name, &limits, &doc, err));
	loader.doc = doc;
	if (json_type(yaml_root(doc)) == JSON_NULL) {
		return GK_OK;
	}
	return read_section(&loader, "", yaml_root(doc));
}

enum gk_rc
config_parse(const char *bytes, size_t n, const char *name, const char *dir,
    struct config **ret_config, struct gk_err *err)
{
	GK_AUTO(config_freep) struct config *config = NULL;

	GK_TRY(config_new(&config, err));
	GK_TRY(read_file_bytes(config, bytes, n, name, err));
	GK_TRY(resolve(config, dir, err));
	GK_TRY(config__check(config, err));
	*ret_config = GK_TAKE(config);
	return GK_OK;
}

/* Which file to read; NULL: none. */
static const char *
choose_file(const struct config_source *source)
{
	const char *path = source->path;

	if (path == NULL) {
		path = secure_getenv("GATEKEEPER_CONFIG");
	}
	if ((path == NULL || path[0] == '\0') &&
	    access("gatekeeper.yaml", F_OK) == 0) {
		path = "gatekeeper.yaml";
	}
	return path != NULL && path[0] != '\0' ? path : NULL;
}

/* The folder of the file, absolute; the working folder where there is none. */
static enum gk_rc
choose_dir(struct config *config, const char **ret_dir, struct gk_err *err)
{
	const char *file = config->file != NULL ? config->file : "";
	const char *slash = strrchr(file, '/');
	size_t n = slash != NULL ? (size_t)(slash - file) : 0;
	char *dir =
	    gk_arena_strndup(&config->arena, file, slash == file ? 1 : n);
	char *full;

	if (dir == NULL) {
		return no_memory(err);
	}
	full = realpath(dir[0] != '\0' ? dir : ".", NULL);
	if (full == NULL) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: %s", dir, strerrordesc_np(errno));
	}
	*ret_dir = gk_arena_strdup(&config->arena, full);
	free(full);
	return *ret_dir != NULL ? GK_OK : no_memory(err);
}

static enum gk_rc
read_file(struct config *config, const char *path, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(CONFIG_BYTES_MAX);

	config->file = gk_arena_strdup(&config->arena, path);
	if (config->file == NULL) {
		return no_memory(err);
	}
	GK_TRY(cli_read_file(path, &buf, err));
	return read_file_bytes(config, gk_buf_text(&buf), buf.len, path, err);
}

enum gk_rc
config_load(const struct config_source *source, struct config **ret_config,
    struct gk_err *err)
{
	GK_AUTO(config_freep) struct config *config = NULL;
	const char *path = choose_file(source), *dir;

	GK_TRY(config_new(&config, err));
	if (path != NULL) {
		GK_TRY(read_file(config, path, err));
	}
	for (size_t i = 0; i < source->set_count; i++) {
		GK_TRY(read_set(config, source->sets[i], err));
	}
	GK_TRY(choose_dir(config, &dir, err));
	GK_TRY(resolve(config, dir, err));
	GK_TRY(config__check(config, err));
	*ret_config = GK_TAKE(config);
	return GK_OK;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_texts(const struct config_texts *a, const struct config_texts *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0) {
			return false;
		}
	}
	return a->count == b->count;
}

bool
config__same(const struct config_key *key, const void *a, const void *b)
{
	const void *x = (const char *)a + key->offset;
	const void *y = (const char *)b + key->offset;

	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_WORD:
		return same_text(
		    *(const char *const *)x, *(const char *const *)y);
	case CONFIG_FLAG:
	case CONFIG_ON:
		return *(const bool *)x == *(const bool *)y;
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		return *(const int64_t *)x == *(const int64_t *)y;
	case CONFIG_TEXTS:
	case CONFIG_PATHS:
		return same_texts(x, y);
	case CONFIG_TARGETS:
		return config__same_targets(x, y);
	}
	return false;
}

bool
config_same(const struct config *a, const struct config *b, enum config_id id)
{
	return config__same(&config_keys[id], a, b);
}
