/* Prints problem details; the phrases behind statuses. */
#include <inttypes.h>
#include <string.h>

#include "codec/canon.h"
#include "http/problem.h"

const char *
problem_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {413, "Content Too Large"},
	    {415, "Unsupported Media Type"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {503, "Service Unavailable"},
	    {505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < GK_COUNT(titles); i++) {
		if (titles[i].status == status) {
			return titles[i].title;
		}
	}
	return "Internal Server Error";
}

int
problem_status(enum gate_outcome outcome)
{
	switch (outcome) {
	case GATE_OK:
		return 200;
	case GATE_CREATED:
		return 201;
	case GATE_BAD_REQUEST:
		return 400;
	case GATE_FORBIDDEN:
		return 403;
	case GATE_NOT_FOUND:
		return 404;
	case GATE_CONFLICT:
		return 409;
	case GATE_GONE:
		return 410;
	case GATE_INVALID:
		return 422;
	case GATE_TOO_MANY:
		return 429;
	case GATE_UNAVAILABLE:
		return 503;
	case GATE_FAILED:
		break;
	}
	return 500;
}

int64_t
problem_retry_after_s(int64_t ms)
{
	return ms / 1000 + (ms % 1000 > 0);
}

/* ,"name":"text" */
static enum gk_rc
problem_member(
    struct gk_buf *buf, const char *name, const char *text, struct gk_err *err)
{
	if (text == NULL) {
		return GK_OK;
	}
	GK_TRY(gk_buf_printf(buf, err, ",\"%s\":", name));
	return canon_string(text, buf, err);
}

/* Where: "offset 12" becomes a number, anything else is a JSON Pointer. */
static enum gk_rc
problem_place(struct gk_buf *buf, const char *pointer, struct gk_err *err)
{
	static const char offset[] = "offset ";
	const char *digits;

	if (pointer == NULL ||
	    strncmp(pointer, offset, sizeof(offset) - 1) != 0) {
		return problem_member(buf, "pointer", pointer, err);
	}
	digits = pointer + sizeof(offset) - 1;
	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
		return GK_OK;
	}
	return gk_buf_printf(buf, err, ",\"offset\":%s", digits);
}

/* The members of a JSON object, after those that are there. */
static enum gk_rc
problem_merge(struct gk_buf *buf, const char *object, struct gk_err *err)
{
	size_t n = object == NULL ? 0 : strlen(object);

	if (n <= 2 || object[0] != '{' || object[n - 1] != '}') {
		return GK_OK;
	}
	GK_TRY(gk_buf_putc(buf, ',', err));
	return gk_buf_add(buf, object + 1, n - 2, err);
}

enum gk_rc
problem_print(
    const struct problem *problem, struct gk_buf *buf, struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err,
	    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d",
	    problem_title(problem->status), problem->status));
	GK_TRY(problem_member(buf, "detail", problem->detail, err));
	GK_TRY(problem_member(buf, "code", problem->code, err));
	GK_TRY(problem_place(buf, problem->pointer, err));
	if (problem->retry_after_ms > 0) {
		GK_TRY(gk_buf_printf(buf, err, ",\"retry_after_ms\":%" PRId64,
		    problem->retry_after_ms));
	}
	GK_TRY(problem_merge(buf, problem->members, err));
	return gk_buf_putc(buf, '}', err);
}
