/* Reading notify.targets: a list of mappings, each by the rows of notify.def, each checked as a whole. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "main/config_internal.h"
#include "main/main_internal.h"
#include "out/notify.h"

const struct config_key config_target_keys[TARGET_KEY_COUNT] = {
#define TARGET_KEY(type, member, name, preset, unit, lo, hi, text) \
	{CONFIG_##type, name, preset, unit, lo, hi, false, text,   \
	    offsetof(struct config_target, member)},
#include "main/notify.def"
#undef TARGET_KEY
};

static enum gk_rc
no_memory(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_NOMEM, "no memory for the configuration");
}

/* What is wrong in one target, with its place where it has one. */
static enum gk_rc
fail_at(const struct loader *loader, size_t number, struct yaml_place place)
{
	gk_err_context(loader->err, "notify.targets[%zu]", number);
	if (place.line > 0) {
		gk_err_where(loader->err, "%s:%u:%u", loader->name, place.line,
		    place.column);
	}
	return GK_E_INVALID;
}

static struct yaml_place
place_of(const struct loader *loader, const struct json_value *value)
{
	return loader->doc != NULL ? yaml_place(loader->doc, value)
				   : (struct yaml_place){0, 0};
}

static const struct config_key *
find_key(const char *name)
{
	for (size_t i = 0; i < TARGET_KEY_COUNT; i++) {
		if (strcmp(config_target_keys[i].name, name) == 0) {
			return &config_target_keys[i];
		}
	}
	return NULL;
}

static enum gk_rc
unknown_key(const struct loader *loader, const char *name)
{
	const char *names[TARGET_KEY_COUNT], *meant;

	for (size_t i = 0; i < TARGET_KEY_COUNT; i++) {
		names[i] = config_target_keys[i].name;
	}
	meant = cli_nearest(name, names, GK_COUNT(names));
	return GK_FAIL(loader->err, GK_E_INVALID, "unknown key \"%.40s\"%s%s%s",
	    name, meant != NULL ? "; did you mean \"" : "",
	    meant != NULL ? meant : "", meant != NULL ? "\"?" : "");
}

static enum gk_rc
read_presets(const struct loader *loader)
{
	static const struct json_limits limits = {1024, 4, 64};

	for (size_t i = 0; i < TARGET_KEY_COUNT; i++) {
		GK_AUTO(yaml_freep) struct yaml_doc *doc = NULL;
		const struct config_key *key = &config_target_keys[i];

		GK_TRY(yaml_parse(key->preset, strlen(key->preset), key->name,
		    &limits, &doc, loader->err));
		GK_TRY(config__read_value(loader, key, yaml_root(doc)));
	}
	return GK_OK;
}

/* The mapping's members; what no key can tell alone is looked at afterwards. */
static enum gk_rc
read_target(
    const struct loader *loader, size_t number, const struct json_value *object)
{
	struct notify_target target;

	if (json_type(object) != JSON_OBJECT) {
		(void)GK_FAIL(loader->err, GK_E_INVALID,
		    "expected keys and values, found %s",
		    json_type_name(object));
		return fail_at(loader, number, place_of(loader, object));
	}
	GK_TRY(read_presets(loader));
	for (const struct json_value *value = json_first(object); value != NULL;
	     value = json_next(value)) {
		const struct config_key *key = find_key(json_name(value));
		enum gk_rc rc = key == NULL
				    ? unknown_key(loader, json_name(value))
				    : config__read_value(loader, key, value);

		if (rc == GK_E_INVALID) {
			return fail_at(loader, number, place_of(loader, value));
		}
		GK_TRY(rc);
	}
	main_notify_target(loader->base, &target);
	if (notify_check(&target, loader->err) != GK_OK) {
		return fail_at(loader, number, place_of(loader, object));
	}
	return GK_OK;
}

static enum gk_rc
check_names(const struct loader *loader, const struct config_targets *targets,
    const struct json_value *value)
{
	for (size_t i = 0; i < targets->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(targets->items[i].name,
				targets->items[j].name) == 0) {
				(void)GK_FAIL(loader->err, GK_E_INVALID,
				    "another target is called %s, too",
				    targets->items[i].name);
				return fail_at(
				    loader, i, place_of(loader, value));
			}
		}
	}
	return GK_OK;
}

enum gk_rc
config__read_targets(const struct loader *loader, const struct config_key *key,
    const struct json_value *value)
{
	struct config_targets targets = {NULL, json_count(value)};
	void *to = (char *)loader->base + key->offset;
	struct loader inner = *loader;
	size_t number = 0;

	if (json_type(value) != JSON_ARRAY) {
		return config__wrong_type(
		    loader, key, "a list of targets", value);
	}
	if (targets.count > (size_t)key->hi) {
		return GK_FAIL(loader->err, GK_E_INVALID,
		    "%s: at most %lld targets, found %zu", key->name,
		    (long long)key->hi, targets.count);
	}
	targets.items = gk_arena_calloc(
	    &loader->config->arena, targets.count + 1, sizeof(*targets.items));
	if (targets.items == NULL) {
		return no_memory(loader->err);
	}
	for (const struct json_value *item = json_first(value); item != NULL;
	     item = json_next(item)) {
		inner.base = &targets.items[number];
		GK_TRY(read_target(&inner, number, item));
		number++;
	}
	GK_TRY(check_names(loader, &targets, value));
	*(struct config_targets *)to = targets;
	return GK_OK;
}

enum gk_rc
config__resolve_targets(const struct loader *loader)
{
	struct config_targets *targets = &loader->config->notify_targets;

	for (size_t i = 0; i < targets->count * TARGET_KEY_COUNT; i++) {
		const struct config_key *key =
		    &config_target_keys[i % TARGET_KEY_COUNT];
		char *base = (char *)&targets->items[i / TARGET_KEY_COUNT];
		void *at = base + key->offset;
		const char **path = at;
		struct config_texts *paths = at;

		if (key->type == CONFIG_PATH && *path != NULL) {
			GK_TRY(config__keep_path(loader, *path, path));
		}
		for (size_t n = 0;
		     key->type == CONFIG_PATHS && n < paths->count; n++) {
			GK_TRY(config__keep_path(
			    loader, paths->items[n], &paths->items[n]));
		}
	}
	return GK_OK;
}

bool
config__same_targets(
    const struct config_targets *a, const struct config_targets *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		for (size_t k = 0; k < TARGET_KEY_COUNT; k++) {
			if (!config__same(&config_target_keys[k], &a->items[i],
				&b->items[i])) {
				return false;
			}
		}
	}
	return a->count == b->count;
}

void
main_notify_target(const struct config_target *from, struct notify_target *ret)
{
	*ret = (struct notify_target){
	    .name = from->name,
	    .url = from->url,
	    .url_file = from->url_file,
	    .secret_files = from->secret_files.items,
	    .secret_count = from->secret_files.count,
	    .when = from->when,
	    .template = from->template,
	    .shown = from->shown,
	    .private_addresses = from->private_addresses,
	    .ca_file = from->ca_file,
	    .token_file = from->token_file,
	    .channel = from->channel,
	    .buttons = from->buttons,
	    .username = from->username,
	    .password_file = from->password_file,
	    .from = from->from,
	    .to = from->to.items,
	    .to_count = from->to.count,
	    .subject = from->subject,
	};
	for (int kind = NOTIFY_NONE + 1; kind < NOTIFY_KIND_COUNT; kind++) {
		if (strcmp(from->kind, notify_kind_words[kind]) == 0) {
			ret->kind = (enum notify_kind)kind;
		}
	}
}
