/* Who waits, who is refused at the door, who is judged again, and what happens when the disk fails. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fixture.h"
#include "gate/prepare.h"

static struct house house;
static const struct identity *agent, *alice;

static void
people(void)
{
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t\"]}");
	alice = house_identity(&house,
	    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"finance\"],\"tenants\":[\"*\"]}");
}

static void
setup(void)
{
	house_init(&house, house_policy);
	house_start(&house);
	people();
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_waiters, .init = setup, .fini = teardown);

/* A call that goes on in the background. */
struct pending {
	struct gate_call call;
	struct json_value *body;
	_Atomic bool done;
};

static void
on_done(struct gate_call *call)
{
	atomic_store(&((struct pending *)call->user)->done, true);
}

static bool
is_done(void *ctx)
{
	return atomic_load(&((struct pending *)ctx)->done);
}

static enum gate_step
begin(struct pending *pending, const char *run, const char *step,
    const char *action, int64_t wait_us)
{
	memset(pending, 0, sizeof(*pending));
	pending->body = house_json("{\"run_id\":\"%s\",\"step_id\":\"%s\","
				   "\"action\":\"%s\",\"args\":{}}",
	    run, step, action);
	house_call(&pending->call, GATE_DECIDE, agent, NULL, pending->body);
	pending->call.wait_us = wait_us;
	pending->call.done = on_done;
	pending->call.user = pending;
	return gate_begin(house.gate, &pending->call);
}

/* Wait for it and go on until it is finished; gives its reply. */
static const char *
finish(struct pending *pending)
{
	enum gate_step step = GATE_QUEUED;

	while (step == GATE_QUEUED) {
		cr_assert(house_until(is_done, pending));
		atomic_store(&pending->done, false);
		step = gate_finish(house.gate, &pending->call);
	}
	return gk_buf_text(&pending->call.reply);
}

static void
end(struct pending *pending)
{
	gate_call_done(&pending->call);
	json_freep(&pending->body);
}

static bool
has_waiter(void *ctx)
{
	(void)ctx;
	return atomic_load(&house.gate->metrics.waiters) > 0;
}

static void
approval_of(struct pending *pending, char ret[64])
{
	static const char *const query[] = {"status", "pending", NULL};
	struct answer list;

	cr_assert(house_until(has_waiter, NULL));
	cr_assert_not(is_done(pending));
	list = house_do(&house, GATE_APPROVALS, alice, NULL, NULL, query);
	(void)snprintf(
	    ret, 64, "%s", answer_text(&list, "/approvals/0/approval_id"));
	answer_done(&list);
}

static void
resolve(enum gate_verb verb, const char *approval)
{
	struct answer answer =
	    house_do(&house, verb, alice, approval, "{}", NULL);

	cr_assert_eq(answer.outcome, GATE_OK, "%s", answer.code);
	answer_done(&answer);
}

Test(gate_waiters, a_grant_answers_who_waits_with_a_step_of_its_own)
{
	struct pending pending;
	char approval[64];
	const char *reply;

	cr_assert_eq(
	    begin(&pending, "r", "1", "refund.create", 60 * GK_US_PER_S),
	    GATE_QUEUED);
	approval_of(&pending, approval);
	resolve(GATE_APPROVAL_GRANT, approval);
	reply = finish(&pending);
	cr_assert(strstr(reply, "\"decision\":\"allow\"") != NULL, "%s", reply);
	cr_assert(strstr(reply, "\"step_id\":\"1~granted\"") != NULL);
	end(&pending);
	begin(&pending, "r", "1", "refund.create", 0);
	reply = finish(&pending);
	cr_assert(strstr(reply, "\"step_id\":\"1~granted\"") != NULL);
	cr_assert(strstr(reply, "\"replayed\":true") != NULL);
	end(&pending);
}

Test(gate_waiters, a_denial_answers_who_waits_with_what_became_of_it)
{
	struct pending pending;
	char approval[64];
	const char *reply;

	begin(&pending, "r", "1", "refund.create", 60 * GK_US_PER_S);
	approval_of(&pending, approval);
	resolve(GATE_APPROVAL_DENY, approval);
	reply = finish(&pending);
	cr_assert(strstr(reply, "\"approval_required\"") != NULL);
	cr_assert(strstr(reply, "\"status\":\"denied\"") != NULL, "%s", reply);
	end(&pending);
}

Test(gate_waiters, the_janitor_answers_when_the_time_is_up)
{
	struct pending pending;
	char approval[64];

	begin(&pending, "r", "1", "refund.create", 10 * GK_US_PER_S);
	approval_of(&pending, approval);
	house_pass(&house, 11 * GK_US_PER_S);
	cr_assert(strstr(finish(&pending), "\"approval_required\"") != NULL);
	end(&pending);
}

static bool
nobody(struct gate_call *call)
{
	(void)call;
	return false;
}

Test(gate_waiters, nobody_uses_a_grant_for_a_client_that_has_gone)
{
	struct pending pending;
	struct answer one;
	char approval[64];

	begin(&pending, "r", "1", "refund.create", 60 * GK_US_PER_S);
	approval_of(&pending, approval);
	pending.call.alive = nobody;
	resolve(GATE_APPROVAL_GRANT, approval);
	(void)finish(&pending);
	end(&pending);
	one = house_do(&house, GATE_APPROVAL, alice, approval, NULL, NULL);
	cr_assert_str_eq(answer_text(&one, "/status"), "granted");
	answer_done(&one);
}

static void *
stop(void *arg)
{
	gate_stop(arg);
	return NULL;
}

Test(gate_waiters, all_who_wait_are_answered_when_the_gate_stops)
{
	struct pending pending;
	struct answer late;
	char approval[64];
	pthread_t thread;

	begin(&pending, "r", "1", "refund.create", 60 * GK_US_PER_S);
	approval_of(&pending, approval);
	cr_assert_eq(pthread_create(&thread, NULL, stop, house.gate), 0);
	cr_assert(strstr(finish(&pending), "\"approval_required\"") != NULL);
	pthread_join(thread, NULL);
	end(&pending);
	late = house_ask(&house, agent, "r", "2", "kb.read", NULL);
	cr_assert_eq(late.outcome, GATE_UNAVAILABLE);
	cr_assert_str_eq(late.code, "stopping");
	answer_done(&late);
}

Test(gate_waiters, looking_at_an_approval_waits_for_its_change)
{
	struct pending asking, looking;
	char approval[64];
	const char *reply;

	begin(&asking, "r", "1", "refund.create", 60 * GK_US_PER_S);
	approval_of(&asking, approval);
	memset(&looking, 0, sizeof(looking));
	house_call(&looking.call, GATE_APPROVAL, alice, approval, NULL);
	looking.call.wait_us = 60 * GK_US_PER_S;
	looking.call.done = on_done;
	looking.call.user = &looking;
	cr_assert_eq(gate_begin(house.gate, &looking.call), GATE_QUEUED);
	resolve(GATE_APPROVAL_GRANT, approval);
	reply = finish(&looking);
	cr_assert(strstr(reply, "\"status\":\"granted\"") != NULL, "%s", reply);
	end(&looking);
	(void)finish(&asking);
	end(&asking);
}

/* ---- before any thread runs ---- */

static void
open_idle(void)
{
	struct gk_err err = {.rc = GK_OK};

	house_stop(&house);
	cr_assert_eq(gate_open(&house.options, &house.gate, &err), GK_OK);
}

static void
start_idle(void)
{
	struct gk_err err = {.rc = GK_OK};

	cr_assert_eq(gate_start(house.gate, &err), GK_OK);
}

Test(gate_waiters, a_full_queue_refuses_at_once_but_not_the_switch)
{
	struct pending calls[3], kill = {.body = NULL};

	house.options.queue = 2;
	open_idle();
	cr_assert_eq(begin(&calls[0], "r", "1", "kb.read", 0), GATE_QUEUED);
	cr_assert_eq(begin(&calls[1], "r", "2", "kb.read", 0), GATE_QUEUED);
	cr_assert_eq(begin(&calls[2], "r", "3", "kb.read", 0), GATE_FINISHED);
	cr_assert_eq(calls[2].call.outcome, GATE_UNAVAILABLE);
	cr_assert_str_eq(calls[2].call.code, "queue_full");
	cr_assert_gt(calls[2].call.retry_after_ms, 0);
	kill.body = house_json("{\"scope\":\"global\",\"reason\":\"x\"}");
	house_call(
	    &kill.call, GATE_SWITCH_THROW, &house_operator, NULL, kill.body);
	kill.call.done = on_done;
	kill.call.user = &kill;
	cr_assert_eq(gate_begin(house.gate, &kill.call), GATE_QUEUED);
	start_idle();
	/* the switch came last and is first */
	cr_assert(strstr(finish(&calls[0]), "\"kill_switch\"") != NULL);
	cr_assert(strstr(finish(&calls[1]), "\"kill_switch\"") != NULL);
	(void)finish(&kill);
	end(&kill);
	for (int i = 0; i < 3; i++) {
		end(&calls[i]);
	}
}

static void
publish(const char *text)
{
	struct policy_report report = {.count = 0};
	struct gk_err err = {.rc = GK_OK};
	struct policy *policy = NULL;

	house_write_policy(&house, text);
	cr_assert_eq(policy_load(house.policies, &policy, &report, &err), GK_OK,
	    "%s", err.text);
	policy_report_done(&report);
	gate__policy_publish(house.gate, &policy);
}

Test(gate_waiters, what_was_judged_under_an_older_policy_is_judged_again)
{
	struct pending pending;
	const char *reply;

	open_idle();
	cr_assert_eq(begin(&pending, "r", "1", "kb.read", 0), GATE_QUEUED);
	publish("policy: none\nallow:\n  - id: a\n    actions: [x.y]\n");
	start_idle();
	reply = finish(&pending);
	cr_assert(strstr(reply, "\"no_rule_allows\"") != NULL, "%s", reply);
	end(&pending);
}

Test(gate_waiters, a_policy_that_changes_all_the_time_is_503)
{
	struct pending pending;

	open_idle();
	cr_assert_eq(begin(&pending, "r", "1", "kb.read", 0), GATE_QUEUED);
	((struct decide *)pending.call.work->data)->tries = GATE_TRIES_MAX;
	publish(house_policy);
	start_idle();
	(void)finish(&pending);
	cr_assert_eq(pending.call.outcome, GATE_UNAVAILABLE);
	cr_assert_str_eq(pending.call.code, "policy_changing");
	end(&pending);
}

Test(gate_waiters, a_disk_that_fails_answers_everybody_503_and_says_so)
{
	struct rlimit limit;
	struct answer answer;
	struct pending waiting;
	char approval[64];

	begin(&waiting, "r", "1", "refund.create", 60 * GK_US_PER_S);
	approval_of(&waiting, approval);
	cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 4096;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	answer = house_ask(&house, agent, "r", "2", "kb.read", NULL);
	cr_assert_eq(answer.outcome, GATE_UNAVAILABLE);
	cr_assert_str_eq(answer.code, "journal_unavailable");
	answer_done(&answer);
	cr_assert(gate_failed(house.gate));
	(void)finish(&waiting);
	cr_assert_eq(waiting.call.outcome, GATE_UNAVAILABLE);
	end(&waiting);
	answer = house_ask(&house, agent, "r", "3", "kb.read", NULL);
	cr_assert_str_eq(answer.code, "journal_unavailable");
	answer_done(&answer);
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(gate_waiters, who_calls_too_often_is_refused_and_counted_in_one_event)
{
	static const char *const query[] = {"kind", "gap", NULL};
	struct answer answer, found;

	house_stop(&house);
	house.options.admission_per_s = 1;
	house.options.admission_burst = 2;
	house_start(&house);
	for (int i = 0; i < 5; i++) {
		char step[8];

		(void)snprintf(step, sizeof(step), "%d", i);
		answer = house_ask(&house, agent, "r", step, "kb.read", NULL);
		cr_assert_eq(answer.outcome, i < 2 ? GATE_OK : GATE_TOO_MANY);
		answer_done(&answer);
	}
	house_stop(&house);
	house_start(&house);
	found =
	    house_do(&house, GATE_EVENTS, &house_operator, NULL, NULL, query);
	cr_assert_str_eq(
	    answer_text(&found, "/events/0/gap/what"), "admission");
	cr_assert_str_eq(answer_text(&found, "/events/0/gap/identity"), "a");
	cr_assert_eq(answer_int(&found, "/events/0/gap/count"), 3);
	cr_assert_eq(json_count(json_get(found.json, "events")), 1);
	answer_done(&found);
}
