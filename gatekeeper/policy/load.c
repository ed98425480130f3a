/* A folder, or the texts of one, → a compiled policy with its digest and bundle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "policy/policy_internal.h"

enum {
	POLICY_ARENA_CAP = 256 << 20,
	FILE_NAME_MAX = 255,
};

static const struct json_limits yaml_limits = {
    .bytes = POLICY_FILE_BYTES_MAX,
    .depth = 16,
    .values = 1000000,
};

/* ---- texts → policy ---- */

/*
 * The digest is SHA-256 over, for each file in the order of its name:
 * name, 0x00, length of the content as decimal text, 0x00, content.
 */
static enum gk_rc
make_digest(const struct policy_text *texts, size_t count,
    char ret[POLICY_DIGEST_BYTES], struct gk_err *err)
{
	struct digest_part *parts = calloc(3 * count + 1, sizeof(*parts));
	char(*lengths)[24] = calloc(count + 1, sizeof(*lengths));
	struct digest hash;

	if (parts == NULL || lengths == NULL) {
		free(parts);
		free(lengths);
		return GK_FAIL(err, GK_E_NOMEM, "policy digest");
	}
	for (size_t i = 0; i < count; i++) {
		struct digest_part *part = &parts[3 * i];

		(void)snprintf(
		    lengths[i], sizeof(lengths[i]), "%zu", texts[i].n);
		part[0] = (struct digest_part){
		    texts[i].name, strlen(texts[i].name) + 1};
		part[1] =
		    (struct digest_part){lengths[i], strlen(lengths[i]) + 1};
		part[2] = (struct digest_part){texts[i].bytes, texts[i].n};
	}
	digest_sha256(parts, 3 * count, &hash);
	memcpy(ret, "sha256:", 7);
	(void)digest_hex(hash.bytes, sizeof(hash.bytes), ret + 7);
	free(parts);
	free(lengths);
	return GK_OK;
}

static enum gk_rc
make_bundle(struct policy *policy, const struct policy_text *texts,
    size_t count, struct gk_err *err)
{
	struct gk_buf *buf = &policy->bundle;

	buf->cap = BUNDLE_BYTES_MAX;
	GK_TRY(gk_buf_puts(buf, "{\"files\":[", err));
	for (size_t i = 0; i < count; i++) {
		GK_TRY(gk_buf_puts(
		    buf, i == 0 ? "{\"name\":" : ",{\"name\":", err));
		GK_TRY(canon_string(texts[i].name, buf, err));
		GK_TRY(gk_buf_puts(buf, ",\"text\":", err));
		GK_TRY(canon_string(texts[i].bytes, buf, err));
		GK_TRY(gk_buf_putc(buf, '}', err));
	}
	return gk_buf_puts(buf, "]}", err);
}

static unsigned
number_at(const char *at)
{
	unsigned n = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (unsigned)(*at - '0');
	}
	return n;
}

/* What newcomers to YAML stumble over, by the line at which it stopped; NULL: something else. */
static const char *
yaml_hint(const struct problem_place *place)
{
	const char *at = place->bytes, *end, *colon;

	if (at == NULL || place->n == 0) {
		return NULL;
	}
	end = at + place->n;
	for (unsigned line = 1; line < place->at.line && at < end; at++) {
		line += *at == '\n';
	}
	end = at == end ? end : memchr(at, '\n', (size_t)(end - at));
	end = end == NULL ? place->bytes + place->n : end;
	if (memchr(at, '\t', (size_t)(end - at)) != NULL) {
		return "indent with blanks: YAML takes no tabs there";
	}
	colon = memchr(at, ':', (size_t)(end - at));
	while (colon != NULL && ++colon < end && *colon == ' ') {
	}
	if (colon != NULL && colon < end && (*colon == '"' || *colon == '\'')) {
		return "a value that begins with a quote ends with it: write "
		       "the expression below 'when: >-', or all of it in "
		       "quotes";
	}
	return colon != NULL && colon < end && strchr("!*&@`%", *colon) != NULL
		   ? "a value can't begin like that: put it into quotes"
		   : NULL;
}

static void
add_yaml_error(struct policy_report *report, const struct policy_text *text,
    const struct gk_err *err)
{
	/* err->where is "name:line:column" */
	struct problem_place place = {text->name, {0, 0}, text->bytes, text->n};
	const char *column = strrchr(err->where, ':'), *line = column;

	while (line != NULL && line > err->where && line[-1] != ':') {
		line--;
	}
	if (line != NULL) {
		place.at.line = number_at(line);
		place.at.column = number_at(column + 1);
	}
	report_add(report, false, &place, yaml_hint(&place), "%s", err->text);
}

/* What a bundle couldn't say: it is kept as JSON, and must give the same digest. */
static void
check_text(struct policy_report *report, const struct policy_text *text)
{
	struct problem_place place = {text->name, {0, 0}, NULL, 0};

	if (!json_check_text(text->bytes, text->n)) {
		report_add(report, false, &place, NULL,
		    "a noncharacter, such as U+1FFFE, in a comment");
	}
	for (const char *at = text->name; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			report_add(report, false, &place, "rename it",
			    "a control character in a file's name");
			return;
		}
	}
	if (!json_check_text(text->name, strlen(text->name))) {
		report_add(report, false, &place, "rename it",
		    "a file's name that isn't UTF-8");
	}
}

static enum gk_rc
read_texts(struct policy *policy, const struct policy_text *texts, size_t count,
    struct policy_report *report, struct gk_err *err)
{
	struct gk_map ids = {NULL, 0, 0};
	bool no_memory = false;

	GK_TRY(actions_load(policy, texts, count, report, err));
	for (size_t i = 0; i < count && !no_memory; i++) {
		struct yaml_doc *doc = NULL;
		struct gk_err local = {0};
		struct reader reader = {.policy = policy,
		    .report = report,
		    .text = &texts[i],
		    .ids = &ids};

		if (actions_is_schema(texts[i].name)) {
			check_text(report, &texts[i]);
			continue;
		}
		if (yaml_parse(texts[i].bytes, texts[i].n, texts[i].name,
			&yaml_limits, &doc, &local) != GK_OK) {
			add_yaml_error(report, &texts[i], &local);
			no_memory = local.rc == GK_E_NOMEM;
			continue;
		}
		reader.doc = doc;
		check_text(report, &texts[i]);
		parse_file(&reader);
		no_memory = reader.no_memory;
		yaml_doc_free(doc);
	}
	gk_map_done(&ids);
	return no_memory ? GK_FAIL(err, GK_E_NOMEM, "policy") : GK_OK;
}

static struct policy *
policy_new(size_t files)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (policy == NULL) {
		return NULL;
	}
	policy->arena.cap = POLICY_ARENA_CAP;
	policy->files =
	    gk_arena_calloc(&policy->arena, files, sizeof(*policy->files));
	atomic_init(&policy->pins, 1);
	if (policy->files == NULL) {
		policy_unpin(policy);
		return NULL;
	}
	return policy;
}

static bool
any_rules(const struct policy_text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!actions_is_schema(texts[i].name)) {
			return true;
		}
	}
	return false;
}

enum gk_rc
load_texts(const struct policy_text *texts, size_t count,
    struct policy **ret_policy, struct policy_report *report,
    struct gk_err *err)
{
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	struct problem_place folder = {"", {0, 0}, NULL, 0};

	if (!any_rules(texts, count)) {
		report_add(report, false, &folder,
		    "an empty folder would stop everything; put a *.yaml there",
		    "no policy file");
		return GK_FAIL(err, GK_E_INVALID, "no policy file");
	}
	policy = policy_new(count);
	if (policy == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy");
	}
	GK_TRY(read_texts(policy, texts, count, report, err));
	if (report->errors > 0) {
		return GK_FAIL(err, GK_E_INVALID, "%zu error%s in the policy",
		    report->errors, report->errors == 1 ? "" : "s");
	}
	GK_TRY(make_digest(texts, count, policy->digest, err));
	GK_TRY(make_bundle(policy, texts, count, err));
	GK_TRY(index_build(policy, err));
	advice_give(policy, texts, count, report);
	*ret_policy = GK_TAKE(policy);
	return GK_OK;
}

/* ---- folder, or bundle, → texts ---- */

enum gk_rc
policy_load(const char *dir, struct policy **ret_policy,
    struct policy_report *report, struct gk_err *err)
{
	GK_AUTO(folder_done) struct folder folder = {.count = 0};
	struct gk_err local = {0};
	enum gk_rc rc;

	err = err == NULL ? &local : err;
	rc = folder_read(dir, &folder, report, err);
	if (rc != GK_OK) {
		struct problem_place place = {"", {0, 0}, NULL, 0};

		report_add(report, false, &place, NULL, "%s", err->text);
		return rc;
	}
	return load_texts(folder.texts, folder.count, ret_policy, report, err);
}

static enum gk_rc
bundle_texts(
    const struct json_value *files, struct folder *folder, struct gk_err *err)
{
	const struct json_value *file;

	if (json_type(files) != JSON_ARRAY ||
	    json_count(files) > POLICY_FILES_MAX) {
		return GK_FAIL(err, GK_E_INVALID, "not a policy bundle");
	}
	for (file = json_first(files); file != NULL; file = json_next(file)) {
		const struct json_value *name = json_get(file, "name");
		const struct json_value *bytes = json_get(file, "text");
		struct policy_text *text = &folder->texts[folder->count];

		if (name == NULL || bytes == NULL ||
		    json_string(name) == NULL || json_string(bytes) == NULL ||
		    strlen(json_string(name)) > FILE_NAME_MAX ||
		    (folder->count > 0 &&
			strcmp(text[-1].name, json_string(name)) >= 0)) {
			return GK_FAIL(
			    err, GK_E_INVALID, "not a policy bundle");
		}
		text->name = json_string(name);
		text->bytes = json_string(bytes);
		text->n = strlen(text->bytes);
		folder->count++;
	}
	return GK_OK;
}

/* A bundle's files; *root keeps their texts. */
static enum gk_rc
bundle_read(const char *bytes, size_t n, struct json_value **root,
    struct folder *folder, struct gk_err *err)
{
	static const struct json_limits limits = {.bytes = BUNDLE_BYTES_MAX,
	    .depth = 4,
	    .values = (size_t)4 * POLICY_FILES_MAX};
	const struct json_value *files;

	GK_TRY(json_parse(bytes, n, &limits, root, err));
	files = json_get(*root, "files");
	if (files == NULL) {
		return GK_FAIL(err, GK_E_INVALID, "not a policy bundle");
	}
	folder->arena.cap = 1 << 20;
	folder->texts = gk_arena_calloc(
	    &folder->arena, POLICY_FILES_MAX, sizeof(*folder->texts));
	if (folder->texts == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy bundle");
	}
	return bundle_texts(files, folder, err);
}

enum gk_rc
policy_bundle_digest(const char *bytes, size_t n, char ret[POLICY_DIGEST_BYTES],
    struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = NULL;
	GK_AUTO(folder_done) struct folder folder = {.count = 0};
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(n + 1);

	GK_TRY(bundle_read(bytes, n, &root, &folder, err));
	if (canon_print(root, &again, NULL) != GK_OK || again.len != n ||
	    memcmp(again.bytes, bytes, n) != 0) {
		return GK_FAIL(
		    err, GK_E_INVALID, "not the bundle's canonical text");
	}
	return make_digest(folder.texts, folder.count, ret, err);
}

enum gk_rc
policy_load_bundle(const char *bytes, size_t n, struct policy **ret_policy,
    struct policy_report *report, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *root = NULL;
	GK_AUTO(folder_done) struct folder folder = {.count = 0};

	GK_TRY(bundle_read(bytes, n, &root, &folder, err));
	return load_texts(folder.texts, folder.count, ret_policy, report, err);
}
