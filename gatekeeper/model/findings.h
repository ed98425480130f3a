#ifndef GK_MODEL_FINDINGS_H
#define GK_MODEL_FINDINGS_H
/* What the judge found in the policy for one request, and what the ledger needs to settle it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/names.h"

#define FINDINGS_SHADOW_MAX  16
#define FINDINGS_UNKNOWN_MAX 16

enum limit_kind { LIMIT_RATE, LIMIT_MAX, LIMIT_SAME_ACTION };

/* A limit that applies to this request.  Strings live in the pinned policy or the request's arena. */
struct limit_finding {
	const char *rule;
	const char *reason;
	enum limit_kind kind;
	enum scope per;
	const char *subject; /* the tenant, agent …; "" for global */
	int64_t
	    interval_ns; /* RATE: time between two at the sustained rate, >= 1 */
	int64_t burst;   /* RATE: how many at once, >= 1 */
	int64_t max;     /* MAX, SAME_ACTION: how many in all / within */
	int64_t within_us; /* SAME_ACTION */
	bool shadow;
};

enum budget_window { WINDOW_RUN, WINDOW_HOUR, WINDOW_DAY, WINDOW_MONTH };

struct budget_finding {
	const char *rule;
	const char *reason;
	enum scope per;
	const char *subject;
	const char *unit;
	enum budget_window every; /* in UTC */
	int64_t amount_micros;
	int64_t cost_micros;      /* to reserve; -1: not known, it stops */
	const char *cost_missing; /* the reason then; NULL: cost_missing */
	bool refund_reported;     /* a lower actual cost is given back */
	bool shadow;
};

struct approval_finding {
	const char *rule;
	const char *digest; /* "sha256:…" of the rule's canonical text */
	const char *reason;
	const char *const *groups;
	size_t group_count;
	int64_t needed;          /* different persons, >= 1 */
	enum risk risk;          /* as the rule says */
	const char *const *show; /* JSON Pointers into args */
	size_t show_count;
	int64_t expires_us;     /* bounds pending */
	int64_t grant_valid_us; /* bounds granted */
	int64_t forget_after_us;
	int64_t escalate_after_us;      /* pending for so long; 0: never */
	const char *const *escalate_to; /* groups that may decide then too */
	size_t escalate_count;
	int64_t max_uses; /* of a bounded grant; 0: none may be given */
	int64_t max_ttl_us;
	const char *const
	    *pins; /* JSON Pointers into args: never other than asked */
	size_t pin_count;
	bool shadow;
};

/* A shadow rule of stop or allow would have said otherwise. */
struct shadow_finding {
	const char *rule;
	const char *reason;
	enum layer layer;
	enum shadow_verdict would;
};

/* What the access layer says: it lets pass, it never allows. */
enum access_verdict { ACCESS_STOPS = 0, ACCESS_PASSES };

/*
 * access_rule and access_reason: the rule that stops or lets pass, NULL for the
 * default, and its reason.
 */
struct findings {
	enum access_verdict access;
	const char *access_rule;
	const char *access_reason;
	struct limit_finding *limits;
	size_t limit_count;
	struct budget_finding *budgets;
	size_t budget_count;
	struct approval_finding *approvals;
	size_t approval_count;
	struct shadow_finding shadow[FINDINGS_SHADOW_MAX];
	size_t shadow_count;
	/* Rules whose conditions look at what a recorded request doesn't hold: only when replayed. */
	const char *unknown[FINDINGS_UNKNOWN_MAX];
	size_t unknown_count;
	int64_t result_within_us; /* then a missing result is unreported */
	int64_t allow_valid_us;
	const char *policy; /* digest of the folder, "sha256:…" */
	uint64_t
	    generation; /* of the pinned policy: judged again when it is old */
};

#endif
