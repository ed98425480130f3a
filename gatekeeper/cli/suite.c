/* Reading a file of tests: tables say what may stand in it, errors point at their place. */
#include "cli/suite.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "codec/record.h"
#include "model/event.h"

enum { SUITE_VALUES_MAX = 400000, SUITE_DEPTH_MAX = 64 };

static const struct record_field expect_fields[] = {
    {.name = "decision",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct suite_expect, decision),
	.has_offset = offsetof(struct suite_expect, has_decision),
	.names = decision_words,
	.names_count = DECISION_COUNT},
    {.name = "layer",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct suite_expect, layer),
	.names = layer_words,
	.names_count = LAYER_COUNT},
    {.name = "reason",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_expect, reason)},
    {.name = "refused",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_expect, refused)},
    {.name = "retry_after",
	.kind = RECORD_BOOL,
	.offset = offsetof(struct suite_expect, retry_after),
	.has_offset = offsetof(struct suite_expect, has_retry_after)},
    {.name = "rule",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_expect, rule)},
    {.name = "scope",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct suite_expect, scope),
	.names = scope_words,
	.names_count = SCOPE_COUNT},
    {.name = "shadow",
	.kind = RECORD_STRS,
	.flags = RECORD_EMPTY_OK,
	.offset = offsetof(struct suite_expect, shadow),
	.count_offset = offsetof(struct suite_expect, shadow_count),
	.has_offset = offsetof(struct suite_expect, has_shadow),
	.max = 64},
};
static const struct record_type expect_type = {"expectation",
    sizeof(struct suite_expect), expect_fields, GK_COUNT(expect_fields)};

static const struct record_field switch_fields[] = {
    {.name = "action",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_switch, action),
	.check = name_is_glob,
	.expected = "an action or a glob"},
    {.name = "for",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_switch, duration)},
    {.name = "scope",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct suite_switch, scope),
	.names = per_words,
	.names_count = SCOPE_COUNT},
    {.name = "subject",
	.kind = RECORD_STR,
	.offset = offsetof(struct suite_switch, subject)},
};
static const struct record_type switch_type = {"kill switch",
    sizeof(struct suite_switch), switch_fields, GK_COUNT(switch_fields)};

#define TEXT(word, member)                                    \
	{                                                     \
		.name = (word), .kind = RECORD_STR,           \
		.offset = offsetof(struct suite_step, member) \
	}

static const struct record_field step_fields[] = {
    TEXT("after", after),
    {.name = "ask",
	.kind = RECORD_JSON,
	.offset = offsetof(struct suite_step, ask)},
    {.name = "at_most",
	.kind = RECORD_JSON,
	.offset = offsetof(struct suite_step, at_most)},
    TEXT("by", by),
    {.name = "cost",
	.kind = RECORD_JSON,
	.offset = offsetof(struct suite_step, cost)},
    TEXT("deny", deny),
    TEXT("end", end),
    {.name = "expect",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct suite_step, expect),
	.type = &expect_type},
    TEXT("grant", grant),
    {.name = "lift",
	.kind = RECORD_BOOL,
	.offset = offsetof(struct suite_step, lift)},
    {.name = "repeat",
	.kind = RECORD_INT,
	.offset = offsetof(struct suite_step, repeat),
	.lo = 1,
	.hi = 100000},
    TEXT("result", result),
    TEXT("revoke", revoke),
    {.name = "status",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct suite_step, status),
	.names = result_status_words,
	.names_count = RESULT_STATUS_COUNT},
    {.name = "switch",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct suite_step, thrown),
	.type = &switch_type},
    {.name = "uses",
	.kind = RECORD_INT,
	.offset = offsetof(struct suite_step, uses),
	.lo = 1,
	.hi = APPROVAL_USES_MAX},
    TEXT("valid_for", valid_for),
};
static const struct record_type step_type = {
    "step", sizeof(struct suite_step), step_fields, GK_COUNT(step_fields)};

static const struct record_field test_fields[] = {
    {.name = "ask",
	.kind = RECORD_JSON,
	.offset = offsetof(struct suite_test, ask)},
    {.name = "expect",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct suite_test, expect),
	.type = &expect_type},
    {.name = "name",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct suite_test, name),
	.max = 200},
    {.name = "steps",
	.kind = RECORD_OBJECTS,
	.offset = offsetof(struct suite_test, steps),
	.count_offset = offsetof(struct suite_test, step_count),
	.max = SUITE_STEPS_MAX,
	.type = &step_type},
};
static const struct record_type test_type = {
    "test", sizeof(struct suite_test), test_fields, GK_COUNT(test_fields)};

/* The top of the file. */
struct head {
	const char *about;
	const struct json_value *defaults, *identities;
	int64_t now_us;
	struct suite_test *tests;
	size_t test_count;
};

static const struct record_field head_fields[] = {
    {.name = "about",
	.kind = RECORD_STR,
	.offset = offsetof(struct head, about)},
    {.name = "defaults",
	.kind = RECORD_JSON,
	.offset = offsetof(struct head, defaults)},
    {.name = "identities",
	.kind = RECORD_JSON,
	.offset = offsetof(struct head, identities)},
    {.name = "now",
	.kind = RECORD_TIME,
	.offset = offsetof(struct head, now_us)},
    {.name = "tests",
	.kind = RECORD_OBJECTS,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct head, tests),
	.count_offset = offsetof(struct head, test_count),
	.max = SUITE_TESTS_MAX,
	.type = &test_type},
};
static const struct record_type head_type = {
    "test file", sizeof(struct head), head_fields, GK_COUNT(head_fields)};

/* ---- where and why ---- */

struct yaml_place
suite_place(const struct suite *suite, const char *pointer)
{
	char path[sizeof(((struct gk_err *)NULL)->where)];
	const struct json_value *root = yaml_root(suite->doc), *value;
	size_t n = strnlen(pointer, sizeof(path) - 1);

	memcpy(path, pointer, n);
	path[n] = '\0';
	while ((value = json_at(root, path)) == NULL) {
		char *slash = strrchr(path, '/');

		if (slash == NULL) {
			return yaml_place(suite->doc, root);
		}
		*slash = '\0';
	}
	return json_name(value) == NULL ? yaml_place(suite->doc, value)
					: yaml_key_place(suite->doc, value);
}

/* Of what the word is a field. */
static const char *
home_of(const struct record_type *const *types, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < types[i]->count; k++) {
			if (strcmp(types[i]->fields[k].name, word) == 0) {
				return types[i]->name;
			}
		}
	}
	return "file";
}

/* The words that may stand anywhere in a file, for one that may not. */
static const char *
hint_of(struct suite *suite, const struct gk_err *err)
{
	static const struct record_type *const types[] = {&head_type,
	    &test_type, &step_type, &expect_type, &switch_type, &identity_type};
	const char *words[64], *slash = strrchr(err->where, '/'), *near;
	size_t n = 0;

	if (slash == NULL || strncmp(err->text, "unknown", 7) != 0) {
		return NULL;
	}
	for (size_t i = 0; i < GK_COUNT(types); i++) {
		for (size_t k = 0; k < types[i]->count && n < GK_COUNT(words);
		     k++) {
			words[n++] = types[i]->fields[k].name;
		}
	}
	near = cli_nearest(slash + 1, words, n);
	if (near != NULL && strcmp(near, slash + 1) == 0) {
		return gk_arena_printf(&suite->arena, "'%s' belongs to a %s",
		    near, home_of(types, GK_COUNT(types), near));
	}
	return near == NULL
		   ? NULL
		   : gk_arena_printf(&suite->arena, "did you mean '%s'?", near);
}

/* err is of something at `at` inside the file. */
static enum gk_rc
wrong(struct suite *suite, const char *at, struct suite_problem *ret_problem,
    struct gk_err *err)
{
	char pointer[sizeof(err->where) + 64];
	const char *last;

	(void)snprintf(pointer, sizeof(pointer), "%s%s", at, err->where);
	last = strrchr(pointer, '/');
	if (last != NULL && last[1] >= '0' && last[1] <= '9') {
		last = NULL; /* a number tells nobody anything */
	}
	ret_problem->place = suite_place(suite, pointer);
	ret_problem->hint = hint_of(suite, err);
	ret_problem->text = gk_arena_printf(&suite->arena, "%s%s%s",
	    last == NULL ? "" : last + 1, last == NULL ? "" : ": ", err->text);
	return err->rc;
}

static enum gk_rc
wrong_step(struct suite *suite, size_t test, size_t step, const char *text,
    struct suite_problem *ret_problem, struct gk_err *err)
{
	char pointer[64];

	(void)snprintf(
	    pointer, sizeof(pointer), "/tests/%zu/steps/%zu", test, step);
	ret_problem->place = suite_place(suite, pointer);
	ret_problem->text = text;
	return GK_FAIL(err, GK_E_INVALID, "%s", text);
}

/* ---- reading ---- */

void
suite_complete_identity(struct identity *identity)
{
	static const char *agent[] = {"agent"}, *approver[] = {"approver"};

	identity->token_hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	if (identity->can_count > 0) {
		return;
	}
	identity->can = identity->kind == IDENTITY_AGENT ? agent : approver;
	identity->can_count = 1;
}

static enum gk_rc
read_identity(struct suite *suite, const struct json_value *member,
    struct suite_problem *ret_problem, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *copy = json_dup(member);
	struct json_value *id = json_new_string(json_name(member));
	struct identity *identity = &suite->identities[suite->identity_count];
	char at[200];
	enum gk_rc rc;

	(void)snprintf(at, sizeof(at), "/identities/%s", json_name(member));
	if (json_type(member) != JSON_OBJECT ||
	    json_set(copy, "id", &id, err) != GK_OK) {
		json_free(id);
		(void)GK_FAIL(err, GK_E_INVALID,
		    "expected a mapping such as {kind: agent} without an id");
		return wrong(suite, at, ret_problem, err);
	}
	rc = record_decode(&identity_type, copy, &suite->arena, identity, err);
	if (rc == GK_OK) {
		suite_complete_identity(identity);
		rc = identity_check(identity, err);
	}
	if (rc != GK_OK) {
		return wrong(suite, at, ret_problem, err);
	}
	suite->identity_count++;
	return GK_OK;
}

void
suite_anyone(struct identity *ret_identity)
{
	static const char *can[] = {"agent"}, *any[] = {"*"};

	*ret_identity = (struct identity){.id = "agent",
	    .kind = IDENTITY_AGENT,
	    .can = can,
	    .can_count = 1,
	    .tenants = any,
	    .tenant_count = 1,
	    .may_actors = any,
	    .may_actor_count = 1,
	    .may_roles = any,
	    .may_role_count = 1};
	suite_complete_identity(ret_identity);
}

static enum gk_rc
implied_identity(struct suite *suite, struct gk_err *err)
{
	suite->identities =
	    gk_arena_calloc(&suite->arena, 1, sizeof(*suite->identities));
	if (suite->identities == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a test file");
	}
	suite_anyone(&suite->identities[0]);
	suite->identity_count = 1;
	return GK_OK;
}

static enum gk_rc
read_identities(struct suite *suite, const struct json_value *object,
    struct suite_problem *ret_problem, struct gk_err *err)
{
	if (object == NULL) {
		return implied_identity(suite, err);
	}
	if (json_type(object) != JSON_OBJECT || json_count(object) == 0) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "expected a mapping of names to identities");
		return wrong(suite, "/identities", ret_problem, err);
	}
	suite->identities = gk_arena_calloc(
	    &suite->arena, json_count(object), sizeof(*suite->identities));
	if (suite->identities == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a test file");
	}
	for (const struct json_value *one = json_first(object); one != NULL;
	     one = json_next(one)) {
		GK_TRY(read_identity(suite, one, ret_problem, err));
	}
	return GK_OK;
}

static bool
expects(const struct suite_test *test)
{
	for (size_t k = 0; k < test->step_count; k++) {
		if (test->steps[k].expect != NULL) {
			return true;
		}
	}
	return false;
}

static enum gk_rc
wrong_test(struct suite *suite, size_t i, const char *text,
    struct suite_problem *ret_problem, struct gk_err *err)
{
	char pointer[32];

	(void)snprintf(pointer, sizeof(pointer), "/tests/%zu", i);
	(void)GK_FAIL(err, GK_E_INVALID, "%s", text);
	return wrong(suite, pointer, ret_problem, err);
}

/* A test that is one ask becomes one step. */
static enum gk_rc
check_test(struct suite *suite, size_t i, struct suite_problem *ret_problem,
    struct gk_err *err)
{
	struct suite_test *test = &suite->tests[i];

	if ((test->ask != NULL) == (test->steps != NULL) ||
	    (test->steps != NULL && test->expect != NULL)) {
		return wrong_test(suite, i,
		    "a test has either 'ask' and 'expect', or 'steps'",
		    ret_problem, err);
	}
	if (test->ask != NULL) {
		test->steps =
		    gk_arena_calloc(&suite->arena, 1, sizeof(*test->steps));
		if (test->steps == NULL) {
			return GK_FAIL(
			    err, GK_E_NOMEM, "no memory for a test file");
		}
		test->step_count = 1;
		test->steps[0].ask = test->ask;
		test->steps[0].expect = test->expect;
	}
	for (size_t k = 0; k < test->step_count; k++) {
		const char *fault = suite_step_fault(suite, &test->steps[k]);

		if (fault != NULL) {
			return wrong_step(suite, i, k, fault, ret_problem, err);
		}
	}
	return expects(test) ? GK_OK
			     : wrong_test(suite, i,
				   "a test expects something: add 'expect'",
				   ret_problem, err);
}

static enum gk_rc
read_head(
    struct suite *suite, struct suite_problem *ret_problem, struct gk_err *err)
{
	struct head head;
	enum gk_rc rc = record_decode(
	    &head_type, yaml_root(suite->doc), &suite->arena, &head, err);

	if (rc != GK_OK) {
		return wrong(suite, "", ret_problem, err);
	}
	if (head.defaults != NULL && json_type(head.defaults) != JSON_OBJECT) {
		(void)GK_FAIL(err, GK_E_INVALID, "expected a mapping");
		return wrong(suite, "/defaults", ret_problem, err);
	}
	if (head.test_count == 0) {
		(void)GK_FAIL(err, GK_E_INVALID, "there are none");
		return wrong(suite, "/tests", ret_problem, err);
	}
	suite->about = head.about;
	suite->now_us = head.now_us;
	if (suite->now_us == 0 && gk_time_parse("2026-01-01T12:00:00Z",
				      &suite->now_us, err) != GK_OK) {
		return err->rc;
	}
	suite->defaults = head.defaults;
	suite->tests = head.tests;
	suite->test_count = head.test_count;
	GK_TRY(read_identities(suite, head.identities, ret_problem, err));
	for (size_t i = 0; i < suite->test_count; i++) {
		GK_TRY(check_test(suite, i, ret_problem, err));
	}
	return GK_OK;
}

/* The number that ends before `end`, which is moved to what stands before it. */
static unsigned
last_number(const char *text, const char **end)
{
	unsigned number = 0, unit = 1;

	while (*end > text && (*end)[-1] >= '0' && (*end)[-1] <= '9') {
		(*end)--;
		number += unit * (unsigned)(**end - '0');
		unit *= 10;
	}
	*end -= *end > text;
	return number;
}

/* "name:3:7": the place of what YAML itself refuses. */
static void
yaml_fault(struct suite *suite, struct suite_problem *ret_problem,
    const struct gk_err *err)
{
	const char *end = err->where + strlen(err->where);

	ret_problem->place.column = last_number(err->where, &end);
	ret_problem->place.line = last_number(err->where, &end);
	ret_problem->text = gk_arena_strdup(&suite->arena, err->text);
}

enum gk_rc
suite_read(const char *path, const char *name, struct suite *ret_suite,
    struct suite_problem *ret_problem, struct gk_err *err)
{
	static const struct json_limits limits = {.bytes = SUITE_BYTES_MAX,
	    .depth = SUITE_DEPTH_MAX,
	    .values = SUITE_VALUES_MAX};
	enum gk_rc rc;

	memset(ret_problem, 0, sizeof(*ret_problem));
	ret_suite->arena.cap = 64u << 20;
	ret_suite->text.cap = SUITE_BYTES_MAX;
	ret_suite->name = gk_arena_strdup(&ret_suite->arena, name);
	if (ret_suite->name == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a test file");
	}
	GK_TRY(cli_read_file(path, &ret_suite->text, err));
	rc = yaml_parse(gk_buf_text(&ret_suite->text), ret_suite->text.len,
	    ret_suite->name, &limits, &ret_suite->doc, err);
	if (rc == GK_OK) {
		return read_head(ret_suite, ret_problem, err);
	}
	yaml_fault(ret_suite, ret_problem, err);
	return rc == GK_E_LIMIT ? GK_E_INVALID : rc;
}

void
suite_done(struct suite *suite)
{
	yaml_doc_free(suite->doc);
	gk_buf_done(&suite->text);
	gk_arena_done(&suite->arena);
	memset(suite, 0, sizeof(*suite));
}

const struct identity *
suite_identity(const struct suite *suite, const char *id)
{
	for (size_t i = 0; i < suite->identity_count; i++) {
		if (strcmp(suite->identities[i].id, id) == 0) {
			return &suite->identities[i];
		}
	}
	return NULL;
}
