/* Verify a log of many chunks, whole and damaged, for ThreadSanitizer: a plain program that ends by itself. */
#include <stdio.h>
#include <string.h>

#include "../unit/journal/log.h"
#include "base/assert.h"

enum { EVENTS = 5000 };

int
main(void)
{
	struct journal_verify_report report;
	struct log log;

	log_init(&log);
	GK_ASSERT(log_open(&log) == GK_OK);
	GK_ASSERT(log_fill(&log, EVENTS, 500) == GK_OK);
	log_close(&log);
	report = log_verify(&log);
	GK_ASSERT(report.verdict == VERIFY_OK && report.size == EVENTS);
	log_sql(&log, "UPDATE body SET bytes = CAST(' ' || CAST(bytes AS TEXT) "
		      "AS BLOB) WHERE seq = 3003");
	report = log_verify(&log);
	GK_ASSERT(report.verdict == VERIFY_TAMPERED &&
		  strcmp(report.where, "seq 3003") == 0);
	log_sql(&log, "UPDATE body SET time = 0 WHERE seq = 2000");
	report = log_verify(&log);
	GK_ASSERT(report.verdict == VERIFY_TAMPERED &&
		  strcmp(report.where, "seq 2000") == 0);
	log_done(&log);
	(void)printf("%d events verified, damage found\n", EVENTS);
	return 0;
}
