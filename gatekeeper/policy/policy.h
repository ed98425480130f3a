#ifndef GK_POLICY_POLICY_H
#define GK_POLICY_POLICY_H
/* The policy room's door: load a folder of rules, and judge a request by them. */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/findings.h"
#include "model/identity.h"
#include "model/request.h"

#define POLICY_DIGEST_BYTES   72 /* "sha256:", 64 hex digits, '\0' */
#define POLICY_FILES_MAX      1024
#define POLICY_FILE_BYTES_MAX (4u << 20)
#define POLICY_RULES_MAX      20000

/* An immutable, counted snapshot of one accepted folder.  Threads share it. */
struct policy;

/* One thing that is wrong, or looks wrong, in a policy file. */
struct policy_problem {
	bool warning; /* else an error */
	const char
	    *file; /* its name inside the folder; "" for the folder itself */
	unsigned line, column; /* from 1; 0: the whole file */
	const char *text;
	const char *hint;   /* what to do; NULL: none */
	const char *source; /* the line itself; NULL: none */
};

/* Embedded; a zeroed struct is empty.  At most 100 problems are kept, the rest counted. */
struct policy_report {
	struct gk_arena arena;
	struct policy_problem *problems;
	size_t count;
	size_t errors;   /* all that were found */
	size_t warnings; /* all that were found */
};

void policy_report_done(struct policy_report *report);

/*
 * Load every *.yaml of a folder, except *.test.yaml: whole or not at all.
 * Gives *ret_policy, pinned once.  What is wrong stands in report (also the
 * warnings of a folder that loads); an empty folder is an error.
 * Errors: GK_E_INVALID (see report), GK_E_IO, GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc policy_load(const char *dir, struct policy **ret_policy,
    struct policy_report *report, struct gk_err *err) GK_MUST_USE;

/*
 * The text that is kept by its digest: canonical JSON {"files":[{"name","text"}]},
 * sorted by name.  policy_load_bundle() reads it back to the same digest.
 * Borrowed from policy.
 */
const char *policy_bundle(const struct policy *policy, size_t *ret_n);
enum gk_rc policy_load_bundle(const char *bytes, size_t n,
    struct policy **ret_policy, struct policy_report *report,
    struct gk_err *err) GK_MUST_USE;

/*
 * "sha256:" + hex of SHA-256 over, for each file in the order of its name (byte
 * by byte): name, 0x00, length of the content in decimal, 0x00, content.
 */
const char *policy_digest(const struct policy *policy);
/* The digest of a bundle's files, without reading them as a policy.  Errors: GK_E_INVALID (also for other than its canonical text), GK_E_NOMEM. */
enum gk_rc policy_bundle_digest(const char *bytes, size_t n,
    char ret[POLICY_DIGEST_BYTES], struct gk_err *err) GK_MUST_USE;
size_t policy_rule_count(const struct policy *policy);

struct policy *policy_pin(struct policy *policy); /* one more owner */
void policy_unpin(struct policy *policy);         /* the last one frees it */
void policy_unpinp(struct policy **policy);

/* Who asks, for the judge. */
struct policy_input {
	const struct decision_request *request;
	const struct identity *caller;
	const char *tenant; /* resolved; NULL: none */
	int64_t asked_at_us;
	/* What a condition may cost (config: condition_fuel, condition_bytes); 0: the default. */
	uint64_t condition_fuel;
	size_t condition_bytes;
	/* Of a recorded request: these hold what was kept, there was more. */
	bool args_in_part, context_in_part, cost_in_part;
	/* Its actor's id is a pseudonym: nobody knows whose; whether the caller might act for it was recorded. */
	bool actor_hidden, actor_refused;
	/* What a condition over what wasn't kept counts as: for the decision, or against it. */
	bool unknown_opens;
};

/*
 * Judge: pure, no clock, no state, no disk; from any thread.  The access layer
 * first: an actor or role that the caller may not assert is STOP with reason
 * "actor_not_permitted" and no rule, and so are arguments that don't fit the
 * action's schema ("invalid_args"); then stop rules, then allow rules, then the
 * default ("no_rule_allows").  A condition that fails stops, doesn't allow, and
 * lets limits, budgets and approvals apply: "condition_error".  Limits, budgets and approvals that match are
 * found whatever access says.  ret_findings->generation is left 0.
 * Gives findings whose arrays live in arena and whose strings live in policy,
 * input or arena.  Errors: GK_E_NOMEM, GK_E_LIMIT (arena's cap).
 */
enum gk_rc policy_judge(const struct policy *policy,
    const struct policy_input *input, struct gk_arena *arena,
    struct findings *ret_findings, struct gk_err *err) GK_MUST_USE;

/*
 * What the judge looked at, for explain.  Appends {"actor_permitted","args"
 * (fits the action's schema, or why not; left out where there is none),"hint"
 * (only where no rule means the action, but one that is nearly so called),"policy",
 * "rules":[{"file","id","line","matches","reason","section","shadow","when","why"}…]}:
 * every rule, by file, section and line; "why" only where it doesn't match.
 * "when" is {"parts":[{"column","text","value"}…],"text","value"}, only where there is
 * a condition and the rest of the rule matches: each part of the expression that was looked
 * at, and what it was, as CEL text; "value" is true, false or what failed.
 * Values are those of the request: for who may see it.
 * Errors: GK_E_LIMIT (buf's cap), GK_E_NOMEM.
 */
enum gk_rc policy_explain(const struct policy *policy,
    const struct policy_input *input, struct gk_buf *ret_json,
    struct gk_err *err) GK_MUST_USE;

/* ---- coverage ---- */

struct policy_rule {
	const char *file, *section, *id; /* live in the policy */
	unsigned line;
	bool shadow;
	bool conditional; /* it has a "when" */
	const char *reason;
	enum scope per;                      /* of a limit, a budget */
	const struct limit_finding *limit;   /* NULL: it is no limit */
	const struct budget_finding *budget; /* NULL: it is no budget */
};

/* Rule i of policy_rule_count(): by file, section and line. */
void policy_rule_at(
    const struct policy *policy, size_t i, struct policy_rule *ret);

/* What happened to a rule, bits of a mark. */
enum policy_mark {
	COVER_APPLIED =
	    1, /* the layers before it let it be reached, and it applied */
	COVER_TRUE = 2,  /* its condition was true */
	COVER_FALSE = 4, /* … false */
};

/*
 * Add to marks[0..policy_rule_count()) what this request does: stop rules, where
 * none stops the allow rules, where one allows the limits, budgets and
 * approvals.
 */
void policy_cover(const struct policy *policy, const struct policy_input *input,
    uint8_t *marks);

#endif
