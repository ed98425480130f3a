/* Counts what browsers report against the console's Content-Security-Policy. */
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "http/exchange.h"

/*
 * Anybody can send a report, with any text in it, before signing in.  So nothing of a
 * report is kept, logged or even parsed: it is counted.  One is a sign that an agent's
 * text came near to being run, or that somebody plays; either way a person looks.
 */
#define REPORTS_INTERVAL_US GK_US_PER_S
#define REPORTS_BURST       60

/* The form that report-uri sends, and that of the Reporting API. */
static bool
reports_is_one(const char *type)
{
	static const char *const types[] = {
	    "application/csp-report", "application/reports+json"};

	for (size_t i = 0; type != NULL && i < GK_COUNT(types); i++) {
		size_t n = strlen(types[i]);

		if (strncasecmp(type, types[i], n) == 0 &&
		    (type[n] == '\0' || type[n] == ';' || type[n] == ' ')) {
			return true;
		}
	}
	return false;
}

/* A second for each, sixty at once; of all clients together. */
static bool
reports_admit(_Atomic int64_t *tat_us, int64_t now_us)
{
	int64_t old = atomic_load(tat_us), tat;

	do {
		tat = (old < now_us ? now_us : old) + REPORTS_INTERVAL_US;
		if (tat - now_us > REPORTS_BURST * REPORTS_INTERVAL_US) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(tat_us, &old, tat));
	return true;
}

enum MHD_Result
reports_answer(struct exchange *ex)
{
	struct loop *loop = ex->conn->loop;

	if (loop->http->sessions == NULL) {
		exchange_refuse(ex, MHD_HTTP_NOT_FOUND, "no_such_route",
		    "there is nothing at this path");
	} else if (!reports_is_one(ex->head.content_type)) {
		exchange_refuse(ex, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		    "unsupported_media_type",
		    "the body must be a report of a browser");
	} else if (!reports_admit(&loop->http->reports_tat_us, loop->now_us)) {
		HTTP_COUNT(loop, csp_reports_refused, 1);
		exchange_refuse(ex, MHD_HTTP_TOO_MANY_REQUESTS,
		    "too_many_reports", "reports come faster than they count");
		ex->problem.retry_after_ms = REPORTS_INTERVAL_US / 1000;
	}
	if (ex->problem.status != 0) {
		return answer_problem(ex);
	}
	HTTP_COUNT(loop, csp_reports, 1);
	if (gk_buf_puts(&ex->out, "{\"status\":\"counted\"}", &ex->err) !=
	    GK_OK) {
		return MHD_NO;
	}
	return answer_bytes(ex, MHD_HTTP_ACCEPTED, ANSWER_JSON, &ex->out);
}
