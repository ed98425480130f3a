/* POST /add-checkpoint: C2SP tlog-witness over HTTP. */
#include "gate/cosigner.h"
#include "http/exchange.h"

#define COSIGN_SIZE "text/x.tlog.size"
#define COSIGN_TEXT "text/plain; charset=utf-8"

/* Codes of problems, by how the witness's verdict is called. */
static const char *
cosign_code(enum gate_outcome outcome)
{
	switch ((int)outcome) {
	case GATE_BAD_REQUEST:
		return "malformed_request";
	case GATE_NOT_FOUND:
		return "unknown_log";
	case GATE_FORBIDDEN:
		return "unknown_key";
	case GATE_INVALID:
		return "inconsistent";
	default:
		return "internal";
	}
}

/*
 * This writes, in a loop's thread: a few hundred bytes and two syncs, one request at
 * a time.  A witness has nothing else to do, and whoever waits, waits for just that.
 */
enum MHD_Result
cosign_answer(struct exchange *ex)
{
	struct http *http = ex->conn->loop->http;
	enum gate_outcome outcome;

	outcome = gate_cosigner_add(http->cosigner, gk_buf_text(&ex->body),
	    ex->body.len, &ex->out, &ex->err);
	if (outcome == GATE_OK || outcome == GATE_CONFLICT) {
		return answer_bytes(ex, problem_status(outcome),
		    outcome == GATE_OK ? COSIGN_TEXT : COSIGN_SIZE, &ex->out);
	}
	exchange_refuse(
	    ex, problem_status(outcome), cosign_code(outcome), ex->err.text);
	return answer_problem(ex);
}
