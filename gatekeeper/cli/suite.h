#ifndef GK_CLI_SUITE_H
#define GK_CLI_SUITE_H
/* A file of tests: identities, asks and what is expected of them; read, run, compared, reported. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/yaml.h"
#include "model/identity.h"

#define SUITE_BYTES_MAX (4u << 20)
#define SUITE_TESTS_MAX 10000
#define SUITE_STEPS_MAX 1000

/* What an answer must be; what isn't said may be anything. */
struct suite_expect {
	int decision, layer, scope; /* enums of model/names.h */
	bool has_decision;
	const char *reason, *rule;
	const char *refused; /* a problem code of the API */
	const char **shadow; /* rules, in any order */
	size_t shadow_count;
	bool has_shadow;
	bool retry_after, has_retry_after;
};

struct suite_switch {
	int scope; /* as per_words */
	const char *subject, *action;
	const char *duration; /* NULL: until it is lifted */
};

/* One thing that happens: exactly one of ask, grant, deny, result, after, thrown, lift, end. */
struct suite_step {
	const struct json_value *ask;
	const char *grant, *deny,
	    *revoke;        /* step_id of the ask that needs it */
	const char *result; /* step_id of the ask that was allowed */
	const char *after;  /* a duration */
	const char *end;    /* run_id */
	struct suite_switch *thrown;
	bool lift;
	/* more about it */
	const char *by;                   /* identity */
	int64_t uses;                     /* grant: a bounded one */
	const struct json_value *at_most; /* likewise */
	const char *valid_for;            /* grant */
	int64_t repeat;                   /* asks */
	int status;                       /* enum result_status */
	const struct json_value *cost;
	struct suite_expect *expect;
};

struct suite_test {
	const char *name;
	struct suite_step *steps;
	size_t step_count;
	/* instead of steps */
	const struct json_value *ask;
	struct suite_expect *expect;
};

struct suite {
	const char *name; /* of the file */
	const char *about;
	int64_t now_us;
	const struct json_value *defaults; /* members of every ask */
	struct suite_test *tests;
	size_t test_count;
	struct identity *identities;
	size_t identity_count;
	/* owned */
	struct gk_buf text;
	struct yaml_doc *doc;
	struct gk_arena arena;
};

/* What is wrong with a file.  Strings live in the suite. */
struct suite_problem {
	struct yaml_place place;
	const char *text, *hint; /* hint: NULL: none */
};

/*
 * Read path; name is what messages call it.  A zeroed suite, ended by
 * suite_done() also after an error.  Errors: GK_E_INVALID with *ret_problem,
 * GK_E_IO, GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc suite_read(const char *path, const char *name,
    struct suite *ret_suite, struct suite_problem *ret_problem,
    struct gk_err *err) GK_MUST_USE;
void suite_done(struct suite *suite);

const struct identity *suite_identity(
    const struct suite *suite, const char *id);

/* The permissions that an agent or a person has where it doesn't say: agent, approver. */
void suite_complete_identity(struct identity *identity);
/* Who asks where nobody is named: an agent, "agent", that may say anything. */
void suite_anyone(struct identity *ret_identity);

/* Where a JSON Pointer into the file points, or as far as it goes. */
struct yaml_place suite_place(const struct suite *suite, const char *pointer);

/* ---- steps: suite_step.c ---- */

/* A step is one thing; what else stands in it belongs to that.  NULL: it is fine; else why not. */
const char *suite_step_fault(
    const struct suite *suite, const struct suite_step *step);

/* ---- running: suite_run.c ---- */

struct policy;

/*
 * Run one test.  marks: of policy_cover(), added to.  Appends to the array
 * failures one object for each step that went otherwise: {"answer","column",
 * "differences":[{"actual","expected","field"}…],"line","step","what"}, or with
 * "error" instead of the differences where the step itself is wrong; "answer"
 * is the whole answer to an ask in words.
 * Errors: GK_E_NOMEM, GK_E_LIMIT.
 */
enum gk_rc suite_run(const struct suite *suite, size_t test,
    struct policy *policy, uint8_t *marks, struct json_value *failures,
    struct gk_err *err) GK_MUST_USE;

/* ---- comparing: suite_compare.c ---- */

struct trial_answer;

/*
 * Append {"actual","expected","field"} for all that went otherwise to
 * *differences, which is made when it is first needed.  expect NULL: anything,
 * but no refusal; was_refused: a problem code or NULL; answer NULL: it was no
 * ask.  Errors: GK_E_NOMEM.
 */
enum gk_rc suite_compare(const struct suite_expect *expect,
    const char *was_refused, const struct trial_answer *answer,
    struct json_value **differences, struct gk_err *err) GK_MUST_USE;

/* ---- reports: junit.c ---- */

/* The report of `policy test` (see its --help) as JUnit XML. */
enum gk_rc suite_junit(const struct json_value *report, struct gk_buf *xml,
    struct gk_err *err) GK_MUST_USE;

#endif
