/* Problem details as bytes, and the statuses behind outcomes. */
#include <criterion/criterion.h>

#include "http/problem.h"

static void
prints(const struct problem *problem, const char *text)
{
	struct gk_buf buf = GK_BUF_INIT(4096);
	struct gk_err err;

	cr_assert(problem_print(problem, &buf, &err) == GK_OK);
	cr_expect_str_eq(gk_buf_text(&buf), text);
	gk_buf_done(&buf);
}

Test(problem, says_what_and_where)
{
	prints(&(struct problem){.status = 400,
		   .code = "invalid_request",
		   .detail = "a \"word\" is missing",
		   .pointer = "/actor/id"},
	    "{\"type\":\"about:blank\",\"title\":\"Bad Request\","
	    "\"status\":400,\"detail\":\"a \\\"word\\\" is missing\","
	    "\"code\":\"invalid_request\",\"pointer\":\"/actor/id\"}");
}

Test(problem, an_offset_is_a_number)
{
	prints(
	    &(struct problem){
		.status = 400, .code = "invalid_json", .pointer = "offset 14"},
	    "{\"type\":\"about:blank\",\"title\":\"Bad Request\","
	    "\"status\":400,\"code\":\"invalid_json\",\"offset\":14}");
	prints(
	    &(struct problem){
		.status = 400, .code = "invalid_json", .pointer = "offset x"},
	    "{\"type\":\"about:blank\",\"title\":\"Bad Request\","
	    "\"status\":400,\"code\":\"invalid_json\"}");
}

Test(problem, members_of_the_gate_are_added)
{
	prints(&(struct problem){.status = 409,
		   .code = "already_resolved",
		   .members = "{\"status_was\":\"denied\"}",
		   .retry_after_ms = 1500},
	    "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
	    "\"code\":\"already_resolved\",\"retry_after_ms\":1500,"
	    "\"status_was\":\"denied\"}");
}

Test(problem, members_that_are_no_object_are_left_out)
{
	static const char *const members[] = {
	    "", "{}", "[1]", "x", "{", "{\"a\""};

	for (size_t i = 0; i < GK_COUNT(members); i++) {
		prints(&(struct problem){.status = 500,
			   .code = "internal",
			   .members = members[i]},
		    "{\"type\":\"about:blank\","
		    "\"title\":\"Internal Server Error\",\"status\":500,"
		    "\"code\":\"internal\"}");
	}
}

Test(problem, too_long_for_the_buffer_is_an_error)
{
	struct gk_buf buf = GK_BUF_INIT(40);
	struct problem problem = {.status = 404, .code = "not_found"};
	struct gk_err err;

	cr_expect(problem_print(&problem, &buf, &err) == GK_E_LIMIT);
	gk_buf_done(&buf);
}

Test(problem, every_outcome_has_a_status_and_a_title)
{
	cr_expect(problem_status(GATE_FAILED) == 500);
	cr_expect(problem_status(GATE_OK) == 200);
	cr_expect(problem_status(GATE_CREATED) == 201);
	for (int outcome = GATE_BAD_REQUEST; outcome <= GATE_UNAVAILABLE;
	     outcome++) {
		int status = problem_status((enum gate_outcome)outcome);

		cr_expect(status >= 400 && status <= 503);
		cr_expect_str_neq(
		    problem_title(status), "Internal Server Error");
	}
}

Test(problem, seconds_are_rounded_up)
{
	cr_expect(problem_retry_after_s(1) == 1);
	cr_expect(problem_retry_after_s(1000) == 1);
	cr_expect(problem_retry_after_s(1001) == 2);
	cr_expect(problem_retry_after_s(INT64_MAX) == INT64_MAX / 1000 + 1);
}
