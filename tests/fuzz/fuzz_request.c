/* Any bytes as a decision request, and as a result: what is accepted is checked, and its canonical text says the same. */
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "model/decimal.h"
#include "model/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_cost(const struct cost_item *cost, size_t count)
{
	GK_ASSERT(count <= REQUEST_COST_MAX);
	for (size_t i = 0; i < count; i++) {
		char text[DECIMAL_TEXT_BYTES];
		int64_t again;

		GK_ASSERT(cost[i].micros >= 0);
		GK_ASSERT(cost[i].micros <= DECIMAL_MAX_MICROS);
		GK_ASSERT(name_is_code(cost[i].unit));
		GK_ASSERT(i == 0 || strcmp(cost[i - 1].unit, cost[i].unit) < 0);
		decimal_print(cost[i].micros, text);
		GK_ASSERT(decimal_parse(text, &again, NULL) == GK_OK);
		GK_ASSERT(again == cost[i].micros);
	}
}

static void
check_decision(const struct decision_request *request)
{
	GK_ASSERT(name_is_action(request->action));
	GK_ASSERT(name_is_id(request->run_id) && name_is_id(request->step_id));
	GK_ASSERT(json_type(request->args) == JSON_OBJECT);
	GK_ASSERT(request->actor == NULL ||
		  (name_is_id(request->actor->id) &&
		      name_is_id(request->actor->type) &&
		      request->actor->role_count <= REQUEST_ROLES_MAX));
	check_cost(request->cost, request->cost_count);
}

static void
check_result(const struct result_request *result)
{
	GK_ASSERT(result->status > RESULT_NONE &&
		  result->status < RESULT_STATUS_COUNT);
	GK_ASSERT(result->duration_ms >= 0);
	GK_ASSERT(result->output == NULL || result->output_hash == NULL);
	check_cost(result->cost, result->cost_count);
}

/* Decodes as one or the other; on success its canonical text is in buf. */
static bool
decode(const struct json_value *body, bool decision, struct gk_buf *buf)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4 << 20);
	struct decision_request request;
	struct result_request result;
	struct gk_err err = {0};
	enum gk_rc rc =
	    decision ? decision_request_decode(body, &arena, &request, &err)
		     : result_request_decode(body, &arena, &result, &err);

	if (rc != GK_OK) {
		GK_ASSERT(err.text[0] != '\0');
		return false;
	}
	if (decision) {
		check_decision(&request);
	} else {
		check_result(&result);
	}
	GK_ASSERT(record_encode(
		      decision ? &decision_request_type : &result_request_type,
		      decision ? (void *)&request : (void *)&result, buf,
		      &err) == GK_OK);
	return true;
}

static void
try_as(const struct json_value *body, bool decision)
{
	GK_AUTO(gk_buf_done) struct gk_buf one = GK_BUF_INIT(8 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf two = GK_BUF_INIT(8 << 20);
	GK_AUTO(json_freep) struct json_value *again = NULL;
	struct json_limits limits = {8 << 20, 64, 20000};

	if (!decode(body, decision, &one)) {
		return;
	}
	GK_ASSERT(
	    json_parse(one.bytes, one.len, &limits, &again, NULL) == GK_OK);
	GK_ASSERT(decode(again, decision, &two));
	GK_ASSERT(
	    one.len == two.len && memcmp(one.bytes, two.bytes, one.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(json_freep) struct json_value *body = NULL;

	if (json_parse((const char *)data, size, &json_limits_request, &body,
		NULL) != GK_OK) {
		return 0;
	}
	try_as(body, true);
	try_as(body, false);
	return 0;
}
