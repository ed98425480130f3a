/* Running tests of a policy: each in a trial of its own, step by step, and what went otherwise. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/suite.h"
#include "cli/words.h"
#include "codec/canon.h"
#include "gate/trial.h"
#include "policy/policy.h"

enum { WHAT_MAX = 160, TEXT_MAX = 400 };

/* An ask that later steps may speak of. */
struct asked {
	const char *step_id;
	uint64_t seq, approval;
	bool has_approval;
};

struct run {
	const struct suite *suite;
	size_t test;
	struct policy *policy;
	struct trial *trial;
	uint8_t *marks;
	struct json_value *failures;
	struct gk_arena arena;
	struct asked *asked;
	size_t asked_count, asked_room;
	uint64_t fresh; /* step ids that were made up */
	uint64_t thrown;
	bool is_thrown;
	size_t step;
	char fault[TEXT_MAX];  /* of the step itself; "": none */
	char answer[TEXT_MAX]; /* the whole of the last one; "": none */
	struct json_value *differences;
};

static enum gk_rc
fault(struct run *run, const char *text, const char *more)
{
	(void)snprintf(run->fault, sizeof(run->fault), "%s%s", text, more);
	return GK_OK;
}

static enum gk_rc
set_text(struct json_value *object, const char *name, const char *text,
    struct gk_err *err)
{
	struct json_value *value = json_new_string(text);

	return json_set(object, name, &value, err);
}

static enum gk_rc
set_number(struct json_value *object, const char *name, double number,
    struct gk_err *err)
{
	struct json_value *value = json_new_number(number);

	return json_set(object, name, &value, err);
}

/* ---- asking ---- */

static const struct asked *
find_asked(const struct run *run, const char *step_id)
{
	for (size_t i = run->asked_count; i > 0; i--) {
		if (strcmp(run->asked[i - 1].step_id, step_id) == 0) {
			return &run->asked[i - 1];
		}
	}
	return NULL;
}

static enum gk_rc
keep_asked(struct run *run, const char *step_id,
    const struct trial_answer *answer, struct gk_err *err)
{
	struct asked *asked;

	if (run->asked_count == run->asked_room) {
		size_t room = run->asked_room == 0 ? 16 : 2 * run->asked_room;
		struct asked *more =
		    gk_arena_calloc(&run->arena, room, sizeof(*more));

		if (more == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory for a test");
		}
		if (run->asked_count > 0) {
			memcpy(
			    more, run->asked, run->asked_count * sizeof(*more));
		}
		run->asked = more;
		run->asked_room = room;
	}
	asked = &run->asked[run->asked_count++];
	*asked =
	    (struct asked){.step_id = gk_arena_strdup(&run->arena, step_id),
		.seq = answer->seq,
		.approval = answer->approval,
		.has_approval = answer->asked};
	return asked->step_id == NULL
		   ? GK_FAIL(err, GK_E_NOMEM, "no memory for a test")
		   : GK_OK;
}

/* Copies the members that body doesn't have, without those that are only the file's. */
static enum gk_rc
add_members(
    struct json_value *body, const struct json_value *from, struct gk_err *err)
{
	if (from == NULL) {
		return GK_OK;
	}
	for (const struct json_value *one = json_first(from); one != NULL;
	     one = json_next(one)) {
		struct json_value *copy;

		if (json_get(body, json_name(one)) != NULL ||
		    strcmp(json_name(one), "caller") == 0 ||
		    strcmp(json_name(one), "approval") == 0) {
			continue;
		}
		copy = json_dup(one);
		GK_TRY(json_set(body, json_name(one), &copy, err));
	}
	return GK_OK;
}

static const char *
member(
    const struct suite *suite, const struct json_value *ask, const char *name)
{
	const char *said = words_get(ask, name);

	return said != NULL ? said : words_get(suite->defaults, name);
}

/* The body as an agent would send it: what the ask says, what the defaults say, a step id that is new. */
static enum gk_rc
build_body(struct run *run, const struct suite_step *step,
    struct json_value **ret_body, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	const char *approval = words_get(step->ask, "approval");
	const struct asked *asked =
	    approval == NULL ? NULL : find_asked(run, approval);
	char text[64];

	if (asked != NULL && asked->has_approval) {
		char id[TRIAL_ID_BYTES];

		trial_approval_id(asked->approval, id);
		GK_TRY(set_text(body, "approval_id", id, err));
	}
	GK_TRY(add_members(body, step->ask, err));
	GK_TRY(add_members(body, run->suite->defaults, err));
	if (json_get(body, "run_id") == NULL) {
		GK_TRY(set_text(body, "run_id", "run_1", err));
	}
	if (json_get(body, "args") == NULL) {
		struct json_value *none = json_new_object();

		GK_TRY(json_set(body, "args", &none, err));
	}
	if (json_get(body, "step_id") == NULL) {
		(void)snprintf(
		    text, sizeof(text), "step-%" PRIu64, ++run->fresh);
		GK_TRY(set_text(body, "step_id", text, err));
	}
	*ret_body = GK_TAKE(body);
	return GK_OK;
}

/* Who asks; NULL: told. */
static const struct identity *
caller_of(struct run *run, const struct suite_step *step)
{
	const char *name = member(run->suite, step->ask, "caller");
	const struct identity *caller;

	if (name != NULL) {
		caller = suite_identity(run->suite, name);
		if (caller == NULL) {
			(void)fault(run,
			    "caller: none of the identities of this file: ",
			    name);
		}
		return caller;
	}
	for (size_t i = 0; i < run->suite->identity_count; i++) {
		caller = &run->suite->identities[i];
		if (caller->kind == IDENTITY_AGENT) {
			return caller;
		}
	}
	(void)fault(run, "caller: none of the identities is an agent", "");
	return NULL;
}

/* As the API refuses before anything is judged; NULL: it doesn't. */
static const char *
refused_before(const struct identity *caller,
    const struct decision_request *request, const char **ret_tenant)
{
	*ret_tenant = request->tenant_id;
	if ((identity_can(caller) & CAN_AGENT) == 0) {
		return "not_permitted";
	}
	if (*ret_tenant == NULL && caller->tenant_count == 1 &&
	    strcmp(caller->tenants[0], "*") != 0) {
		*ret_tenant = caller->tenants[0];
	}
	if (identity_has_tenant(caller, *ret_tenant)) {
		return NULL;
	}
	return *ret_tenant == NULL ? "tenant_required" : "tenant_not_permitted";
}

static void
note_answer(struct run *run, const struct trial_answer *answer)
{
	const char *layer = layer_words[answer->layer];

	(void)snprintf(run->answer, sizeof(run->answer),
	    "%s, layer %s, rule %s, reason %s",
	    decision_words[answer->decision], layer == NULL ? "-" : layer,
	    answer->rule == NULL ? "-" : answer->rule,
	    answer->reason == NULL ? "-" : answer->reason);
}

static enum gk_rc
decide(struct run *run, const struct suite_step *step,
    const struct decision_request *request, const struct identity *caller,
    struct gk_err *err)
{
	struct trial_answer answer = {.refused = NULL};
	struct trial_ask ask = {.request = request, .caller = caller};
	struct policy_input input = {.request = request,
	    .caller = caller,
	    .asked_at_us = trial_now(run->trial)};
	const char *refused;

	refused = refused_before(caller, request, &ask.tenant);
	if (refused == NULL) {
		GK_TRY(trial_decide(run->trial, &ask, &answer, err));
		refused = answer.refused;
		input.tenant = ask.tenant;
		policy_cover(run->policy, &input, run->marks);
	}
	if (refused == NULL) {
		GK_TRY(keep_asked(run, request->step_id, &answer, err));
		note_answer(run, &answer);
	}
	return suite_compare(
	    step->expect, refused, &answer, &run->differences, err);
}

static enum gk_rc
ask_once(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *body = NULL;
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4u << 20);
	const char *approval = words_get(step->ask, "approval");
	const struct asked *asked =
	    approval == NULL ? NULL : find_asked(run, approval);
	const struct identity *caller = caller_of(run, step);
	struct decision_request request;
	struct gk_err why = {.rc = GK_OK};

	if (caller == NULL) {
		return GK_OK;
	}
	if (approval != NULL && (asked == NULL || !asked->has_approval)) {
		return fault(
		    run, "approval: no earlier step asked for one: ", approval);
	}
	GK_TRY(build_body(run, step, &body, err));
	if (decision_request_decode(body, &arena, &request, &why) != GK_OK) {
		gk_err_context(
		    &why, "%s", why.where[0] == '\0' ? "ask" : why.where);
		return fault(run, why.text, "");
	}
	return decide(run, step, &request, caller, err);
}

/* ---- the other steps ---- */

static int
by_name(const void *a, const void *b)
{
	const struct record_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* uses and at_most as a bound, in arena. */
static enum gk_rc
read_bound(const struct suite_step *step, struct gk_arena *arena,
    struct grant_bound *ret, struct gk_err *err)
{
	const struct json_value *one = words_first(step->at_most);

	*ret = (struct grant_bound){.uses = step->uses};
	ret->at_most =
	    gk_arena_calloc(arena, APPROVAL_AT_MOST_MAX, sizeof(*ret->at_most));
	for (; one != NULL && ret->at_most != NULL; one = json_next(one)) {
		GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(64);

		GK_TRY(canon_print(one, &text, err));
		ret->at_most[ret->at_most_count++] = (struct record_pair){
		    json_name(one), gk_arena_strdup(arena, gk_buf_text(&text))};
	}
	if (ret->at_most == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a vote");
	}
	qsort(ret->at_most, ret->at_most_count, sizeof(*ret->at_most), by_name);
	return GK_OK;
}

static enum gk_rc
vote(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 16);
	struct grant_bound bound;
	struct trial_ballot said = {
	    .change = step->grant != NULL  ? CHANGE_GRANTED
		      : step->deny != NULL ? CHANGE_DENIED
					   : CHANGE_REVOKED,
	    .bound = step->uses > 0 ? &bound : NULL};
	const char *step_id = step->grant != NULL  ? step->grant
			      : step->deny != NULL ? step->deny
						   : step->revoke;
	const struct asked *asked = find_asked(run, step_id);
	const char *refused = NULL;

	if (asked == NULL || !asked->has_approval) {
		return fault(
		    run, "no earlier step asked for an approval: ", step_id);
	}
	if (step->valid_for != NULL) {
		GK_TRY(gk_duration_parse(step->valid_for, &said.valid_us, err));
	}
	GK_TRY(read_bound(step, &arena, &bound, err));
	GK_TRY(trial_vote(run->trial, asked->approval,
	    suite_identity(run->suite, step->by), &said, &refused, err));
	return suite_compare(
	    step->expect, refused, NULL, &run->differences, err);
}

/* {"usd": "0.01"} as a result has it; false: told. */
static bool
read_cost(struct run *run, const struct suite_step *step,
    struct result_request *request)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	struct json_value *cost =
	    step->cost == NULL ? NULL : json_dup(step->cost);
	struct gk_err why = {.rc = GK_OK};

	if (set_text(body, "status", "ok", &why) == GK_OK &&
	    (cost == NULL || json_set(body, "cost", &cost, &why) == GK_OK) &&
	    result_request_decode(body, &run->arena, request, &why) == GK_OK) {
		return true;
	}
	(void)fault(run, "cost: ", why.text);
	return false;
}

static enum gk_rc
report(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	const struct asked *asked = find_asked(run, step->result);
	const struct identity *caller =
	    step->by == NULL ? &run->suite->identities[0]
			     : suite_identity(run->suite, step->by);
	struct event_result result = {
	    .status = step->status == RESULT_NONE ? RESULT_OK : step->status};
	struct result_request request = {.cost_count = 0};
	const char *refused = NULL;

	if (asked == NULL) {
		return fault(run,
		    "result: no earlier step of that step_id: ", step->result);
	}
	if (!read_cost(run, step, &request)) {
		return GK_OK;
	}
	result.digest = result_status_words[result.status];
	GK_TRY(trial_result(run->trial, asked->seq, caller, &result,
	    request.cost, request.cost_count, &refused, err));
	return suite_compare(
	    step->expect, refused, NULL, &run->differences, err);
}

static enum gk_rc
throw_switch(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	int64_t us = 0;
	struct event_switch thrown = {.scope = step->thrown->scope,
	    .subject = step->thrown->subject,
	    .action = step->thrown->action};

	if (step->thrown->duration != NULL &&
	    gk_duration_parse(step->thrown->duration, &us, err) == GK_OK) {
		thrown.expires_us = trial_now(run->trial) + us;
	}
	run->is_thrown = true;
	return trial_switch(run->trial, &thrown, &run->thrown, err);
}

static enum gk_rc
end_run(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	const struct identity *caller =
	    step->by == NULL ? &run->suite->identities[0]
			     : suite_identity(run->suite, step->by);
	const char *refused = NULL;
	const char *tenant = words_get(run->suite->defaults, "tenant_id");

	if (tenant == NULL && caller->tenant_count == 1 &&
	    strcmp(caller->tenants[0], "*") != 0) {
		tenant = caller->tenants[0];
	}
	GK_TRY(trial_run_end(
	    run->trial, caller, tenant, step->end, &refused, err));
	return suite_compare(
	    step->expect, refused, NULL, &run->differences, err);
}

static enum gk_rc
run_step(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	int64_t us;

	if (step->ask != NULL) {
		int64_t times = step->repeat > 1 ? step->repeat : 1;

		for (int64_t i = 0; i < times && run->fault[0] == '\0' &&
				    run->differences == NULL;
		     i++) {
			GK_TRY(ask_once(run, step, err));
		}
		return GK_OK;
	}
	if (step->grant != NULL || step->deny != NULL || step->revoke != NULL) {
		return vote(run, step, err);
	}
	if (step->result != NULL) {
		return report(run, step, err);
	}
	if (step->after != NULL) {
		GK_TRY(gk_duration_parse(step->after, &us, err));
		return trial_time(run->trial, trial_now(run->trial) + us, err);
	}
	if (step->thrown != NULL) {
		return throw_switch(run, step, err);
	}
	if (step->end != NULL) {
		return end_run(run, step, err);
	}
	if (!run->is_thrown) {
		return fault(run, "lift: no switch was thrown before", "");
	}
	run->is_thrown = false;
	return trial_switch_lift(run->trial, run->thrown, err);
}

/* ---- a test ---- */

/* "ask refund.create {"amount":120}", "grant s1" */
static enum gk_rc
describe(const struct suite_step *step, char what[WHAT_MAX], struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf args = GK_BUF_INIT(1u << 20);
	const struct {
		const char *word, *of;
	} others[] = {{"grant", step->grant}, {"deny", step->deny},
	    {"revoke", step->revoke}, {"result", step->result},
	    {"after", step->after}, {"end", step->end}};
	const char *action = words_get(step->ask, "action");

	if (step->ask != NULL) {
		if (words_at(step->ask, "args") != NULL) {
			GK_TRY(canon_print(
			    words_at(step->ask, "args"), &args, err));
		}
		(void)snprintf(what, WHAT_MAX, "ask %s %s",
		    action == NULL ? "" : action, gk_buf_text(&args));
		return GK_OK;
	}
	(void)snprintf(
	    what, WHAT_MAX, "%s", step->thrown != NULL ? "switch" : "lift");
	for (size_t i = 0; i < GK_COUNT(others); i++) {
		if (others[i].of != NULL) {
			(void)snprintf(what, WHAT_MAX, "%s %s", others[i].word,
			    others[i].of);
		}
	}
	return GK_OK;
}

static enum gk_rc
add_failure(struct run *run, const struct suite_step *step, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *one = json_new_object();
	char what[WHAT_MAX], pointer[64];
	struct yaml_place place;

	(void)snprintf(pointer, sizeof(pointer), "/tests/%zu/steps/%zu",
	    run->test, run->step);
	place = suite_place(run->suite, pointer);
	GK_TRY(describe(step, what, err));
	GK_TRY(set_number(one, "line", place.line, err));
	GK_TRY(set_number(one, "column", place.column, err));
	GK_TRY(set_number(one, "step", (double)(run->step + 1), err));
	GK_TRY(set_text(one, "what", what, err));
	if (run->fault[0] != '\0') {
		GK_TRY(set_text(one, "error", run->fault, err));
	} else {
		GK_TRY(json_set(one, "differences", &run->differences, err));
	}
	if (run->answer[0] != '\0') {
		GK_TRY(set_text(one, "answer", run->answer, err));
	}
	return json_append(run->failures, &one, err);
}

static enum gk_rc
run_steps(struct run *run, struct gk_err *err)
{
	const struct suite_test *test = &run->suite->tests[run->test];

	GK_TRY(trial_time(run->trial, run->suite->now_us, err));
	for (size_t i = 0; i < run->suite->identity_count; i++) {
		GK_TRY(trial_identity(
		    run->trial, &run->suite->identities[i], err));
	}
	for (run->step = 0; run->step < test->step_count; run->step++) {
		const struct suite_step *step = &test->steps[run->step];

		run->answer[0] = '\0';
		GK_TRY(run_step(run, step, err));
		if (run->fault[0] == '\0' && run->differences == NULL) {
			continue;
		}
		GK_TRY(add_failure(run, step, err));
		if (run->fault[0] != '\0') {
			return GK_OK;
		}
	}
	return GK_OK;
}

enum gk_rc
suite_run(const struct suite *suite, size_t test, struct policy *policy,
    /* NOLINTNEXTLINE(readability-non-const-parameter): the run adds to them */
    uint8_t *marks, struct json_value *failures, struct gk_err *err)
{
	struct run run = {.suite = suite,
	    .test = test,
	    .policy = policy,
	    .marks = marks,
	    .failures = failures,
	    .arena = GK_ARENA_INIT(256u << 20)};
	enum gk_rc rc = trial_new(policy, true, &run.trial, err);

	if (rc == GK_OK) {
		rc = run_steps(&run, err);
	}
	json_free(run.differences);
	gk_arena_done(&run.arena);
	trial_free(run.trial);
	return rc;
}
