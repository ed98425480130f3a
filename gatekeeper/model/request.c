/* Tables and checks of what agents send. */
#include <stdlib.h>
#include <string.h>

#include "model/decimal.h"
#include "model/request.h"

static const char id_expected[] = "1-128 characters of A-Z a-z 0-9 . _ : @ / -";

static const struct record_field actor_fields[] = {
    {.name = "id",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct actor, id),
	.check = name_is_id,
	.expected = id_expected},
    {.name = "roles",
	.kind = RECORD_STRS,
	.offset = offsetof(struct actor, roles),
	.count_offset = offsetof(struct actor, role_count),
	.max = REQUEST_ROLES_MAX,
	.check = name_is_id,
	.expected = id_expected},
    {.name = "type",
	.kind = RECORD_STR,
	.offset = offsetof(struct actor, type),
	.check = name_is_id,
	.expected = id_expected},
};

const struct record_type actor_type = {
    "actor", sizeof(struct actor), actor_fields, GK_COUNT(actor_fields)};

#define ID_FIELD(member, more)                                        \
	{                                                             \
		.name = #member, .kind = RECORD_STR, .flags = (more), \
		.offset = offsetof(struct decision_request, member),  \
		.check = name_is_id, .expected = id_expected          \
	}

static const struct record_field decision_request_fields[] = {
    {.name = "action",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct decision_request, action),
	.check = name_is_action,
	.expected = "1-128 characters of A-Z a-z 0-9 . _ : @ -"},
    {.name = "actor",
	.kind = RECORD_OBJECT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct decision_request, actor),
	.type = &actor_type},
    ID_FIELD(approval_id, RECORD_NULLABLE),
    {.name = "args",
	.kind = RECORD_JSON,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct decision_request, args)},
    {.name = "context",
	.kind = RECORD_JSON,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct decision_request, context)},
    {.name = "cost",
	.kind = RECORD_JSON,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct decision_request, cost_json)},
    ID_FIELD(parent_run_id, RECORD_NULLABLE),
    ID_FIELD(parent_step_id, RECORD_NULLABLE),
    ID_FIELD(run_id, RECORD_REQUIRED),
    ID_FIELD(step_id, RECORD_REQUIRED),
    ID_FIELD(tenant_id, RECORD_NULLABLE),
};

const struct record_type decision_request_type = {"decision request",
    sizeof(struct decision_request), decision_request_fields,
    GK_COUNT(decision_request_fields)};

static enum gk_rc
wrong(struct gk_err *err, const char *where, const char *text)
{
	enum gk_rc rc = GK_FAIL(err, GK_E_INVALID, "%s", text);

	gk_err_where(err, "%s", where);
	return rc;
}

static int
by_unit(const void *a, const void *b)
{
	const struct cost_item *x = a, *y = b;

	return strcmp(x->unit, y->unit);
}

/* One amount: an integer, or a decimal in a string. */
static enum gk_rc
cost_amount(
    const struct json_value *value, int64_t *ret_micros, struct gk_err *err)
{
	const char *text = json_string(value);
	int64_t n;

	if (text != NULL) {
		return decimal_parse(text, ret_micros, err);
	}
	if (!json_int(value, &n) || n < 0 ||
	    n > DECIMAL_MAX_MICROS / DECIMAL_MICROS) {
		return GK_FAIL(err, GK_E_INVALID,
		    "expected a whole number from 0, or a decimal in a string "
		    "such as \"0.02\"");
	}
	*ret_micros = n * DECIMAL_MICROS;
	return GK_OK;
}

static enum gk_rc
cost_decode(const struct json_value *json, struct gk_arena *arena,
    struct cost_item *ret, size_t *ret_count, struct gk_err *err)
{
	const struct json_value *item;
	size_t n = 0;

	*ret_count = 0;
	if (json == NULL) {
		return GK_OK;
	}
	if (json_type(json) != JSON_OBJECT ||
	    json_count(json) > REQUEST_COST_MAX) {
		return wrong(
		    err, "/cost", "expected an object of at most 8 amounts");
	}
	for (item = json_first(json); item != NULL; item = json_next(item)) {
		if (!name_is_code(json_name(item))) {
			return wrong(err, "/cost",
			    "a unit is 1-64 characters of a-z 0-9 _ .");
		}
		if (cost_amount(item, &ret[n].micros, err) != GK_OK) {
			gk_err_where(err, "/cost/%s", json_name(item));
			return GK_E_INVALID;
		}
		ret[n].unit = gk_arena_strdup(arena, json_name(item));
		if (ret[n].unit == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "request");
		}
		n++;
	}
	qsort(ret, n, sizeof(*ret), by_unit);
	*ret_count = n;
	return GK_OK;
}

enum gk_rc
decision_request_decode(const struct json_value *body, struct gk_arena *arena,
    struct decision_request *ret, struct gk_err *err)
{
	GK_TRY(record_decode(&decision_request_type, body, arena, ret, err));
	if (json_type(ret->args) != JSON_OBJECT) {
		return wrong(err, "/args", "expected an object");
	}
	if (ret->context != NULL && json_type(ret->context) != JSON_OBJECT) {
		return wrong(err, "/context", "expected an object");
	}
	if (ret->actor != NULL && name_is_pseudonym(ret->actor->id)) {
		return wrong(err, "/actor/id",
		    "an id may not look like a pseudonym of the record");
	}
	if (ret->actor != NULL && ret->actor->type == NULL) {
		ret->actor->type = "user";
	}
	return cost_decode(
	    ret->cost_json, arena, ret->cost, &ret->cost_count, err);
}

static bool
hex_run(const char **at, size_t n)
{
	for (; n > 0; n--, (*at)++) {
		if (!((**at >= '0' && **at <= '9') ||
			(**at >= 'a' && **at <= 'f'))) {
			return false;
		}
	}
	return true;
}

bool
request_traceparent_ok(const char *text)
{
	const char *at = text;

	if (strncmp(at, "00-", 3) != 0) {
		return false;
	}
	at += 3;
	return hex_run(&at, 32) && *at++ == '-' && hex_run(&at, 16) &&
	       *at++ == '-' && hex_run(&at, 2) && *at == '\0' &&
	       strspn(text + 3, "0") < 32 && strspn(text + 36, "0") < 16;
}

static bool
is_output_hash(const char *text)
{
	const char *at = text + 7;

	return strncmp(text, "sha256:", 7) == 0 && hex_run(&at, 64) &&
	       *at == '\0';
}

static const struct record_field result_error_fields[] = {
    {.name = "code",
	.kind = RECORD_STR,
	.offset = offsetof(struct result_error, code),
	.check = name_is_code,
	.expected = "1-64 characters of a-z 0-9 _ ."},
    {.name = "message",
	.kind = RECORD_STR,
	.flags = RECORD_EMPTY_OK,
	.offset = offsetof(struct result_error, message)},
};

static const struct record_type result_error_type = {"result error",
    sizeof(struct result_error), result_error_fields,
    GK_COUNT(result_error_fields)};

static const struct record_field result_request_fields[] = {
    {.name = "cost",
	.kind = RECORD_JSON,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct result_request, cost_json)},
    {.name = "duration_ms",
	.kind = RECORD_INT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct result_request, duration_ms),
	.hi = INT64_C(315360000000)},
    {.name = "error",
	.kind = RECORD_OBJECT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct result_request, error),
	.type = &result_error_type},
    {.name = "output",
	.kind = RECORD_JSON,
	.offset = offsetof(struct result_request, output)},
    {.name = "output_hash",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct result_request, output_hash),
	.check = is_output_hash,
	.expected = "sha256: and 64 lower-case hex digits"},
    {.name = "status",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct result_request, status),
	.names = result_status_words,
	.names_count = RESULT_STATUS_COUNT},
};

const struct record_type result_request_type = {"result",
    sizeof(struct result_request), result_request_fields,
    GK_COUNT(result_request_fields)};

enum gk_rc
result_request_decode(const struct json_value *body, struct gk_arena *arena,
    struct result_request *ret, struct gk_err *err)
{
	GK_TRY(record_decode(&result_request_type, body, arena, ret, err));
	if (ret->output != NULL && ret->output_hash != NULL) {
		return wrong(err, "/output_hash",
		    "give either output or output_hash, not both");
	}
	return cost_decode(
	    ret->cost_json, arena, ret->cost, &ret->cost_count, err);
}
