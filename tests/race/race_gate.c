/* Decide, report, grant, kill, reload, search and follow at once, for ThreadSanitizer: a plain program that ends by itself. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/gate/fixture.h"
#include "codec/json.h"
#include "gate/live.h"

enum { SECONDS = 5 };

static struct house house;
static const struct identity *agent, *alice, *auditor;
static _Atomic bool over, stopped;
static _Atomic unsigned long decided, allowed, reported, granted, searched,
    switched, reloaded, waited, followed, wrong;

static void
note(const struct answer *answer)
{
	if (answer->outcome == GATE_FAILED ||
	    strcmp(answer->code, "journal_unavailable") == 0) {
		atomic_fetch_add(&wrong, 1);
	}
}

static void
report(const struct answer *asked)
{
	struct answer told;
	char id[64];

	(void)snprintf(
	    id, sizeof(id), "%s", answer_text(asked, "/decision_id"));
	told = house_do(
	    &house, GATE_RESULT, agent, id, "{\"status\":\"ok\"}", NULL);
	note(&told);
	atomic_fetch_add(&reported, told.outcome == GATE_CREATED);
	answer_done(&told);
}

/* One that waits for its approval, for a little while. */
static void
ask_and_wait(unsigned n, unsigned i)
{
	struct json_value *body =
	    house_json("{\"run_id\":\"wait-%u-%u\",\"step_id\":\"1\","
		       "\"action\":\"refund.create\",\"args\":{\"i\":%u}}",
		n, i, i);
	struct gate_call call;

	house_call(&call, GATE_DECIDE, agent, NULL, body);
	call.wait_us = GK_US_PER_S;
	gate_do(house.gate, &call);
	atomic_fetch_add(&wrong, call.outcome != GATE_OK);
	atomic_fetch_add(
	    &waited, strstr(gk_buf_text(&call.reply), "~granted") != NULL);
	gate_call_done(&call);
	json_free(body);
}

static void *
agent_main(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	char run[32], step[32];

	for (unsigned i = 0; !atomic_load(&over); i++) {
		struct answer asked;

		(void)snprintf(run, sizeof(run), "run-%u-%u", n, i / 20);
		(void)snprintf(step, sizeof(step), "%u", i % 20);
		asked = house_ask(&house, agent, run, step,
		    i % 5 == 0 ? "refund.create" : "kb.read", NULL);
		note(&asked);
		atomic_fetch_add(&decided, 1);
		if (strstr(asked.text, "\"decision\":\"allow\"") != NULL) {
			atomic_fetch_add(&allowed, 1);
			report(&asked);
		}
		answer_done(&asked);
		if (i % 50 == 7) {
			ask_and_wait(n, i);
		}
	}
	return NULL;
}

static void *
approver_main(void *arg)
{
	static const char *const pending[] = {"status", "pending", NULL};

	(void)arg;
	while (!atomic_load(&over)) {
		struct answer list = house_do(
		    &house, GATE_APPROVALS, alice, NULL, NULL, pending);
		struct answer one;
		char id[64];

		note(&list);
		(void)snprintf(id, sizeof(id), "%s",
		    answer_text(&list, "/approvals/0/approval_id"));
		answer_done(&list);
		if (id[0] == '\0') {
			continue;
		}
		one = house_do(&house, GATE_APPROVAL_GRANT, alice, id,
		    "{\"comment\":\"fine\"}", NULL);
		note(&one);
		atomic_fetch_add(&granted, one.outcome == GATE_OK);
		answer_done(&one);
	}
	return NULL;
}

static void *
auditor_main(void *arg)
{
	static const char *const query[] = {
	    "kind", "decision", "limit", "50", NULL};

	(void)arg;
	while (!atomic_load(&over)) {
		struct answer found =
		    house_do(&house, GATE_EVENTS, auditor, NULL, NULL, query);
		struct gk_buf text = GK_BUF_INIT(1 << 20);
		const char *why;

		note(&found);
		atomic_fetch_add(&searched, found.outcome == GATE_OK);
		answer_done(&found);
		if (gate_metrics(house.gate, &text, NULL) != GK_OK) {
			atomic_fetch_add(&wrong, 1);
		}
		(void)gate_ready(house.gate, &why);
		gk_buf_done(&text);
	}
	return NULL;
}

/* Follows for a while, goes, comes back; also while the gate stops. */
static void *
follower_main(void *arg)
{
	const struct timespec pause = {0, 2000000};
	const char *last = NULL;
	char piece[4096], id[24];

	(void)arg;
	while (!atomic_load(&stopped)) {
		struct gate_call call;
		uint64_t seq;

		house_call(&call, GATE_EVENT_STREAM, auditor, NULL, NULL);
		call.after = last;
		gate_do(house.gate, &call);
		for (int i = 0; i < 100 && call.outcome == GATE_OK; i++) {
			size_t n;
			enum live_state state = live_copy(
			    house.gate, &call, piece, sizeof(piece), &n);

			atomic_fetch_add(&followed, n);
			if (state == LIVE_BEHIND) {
				gate_do(house.gate, &call);
			} else if (state == LIVE_NOTHING) {
				(void)live_may_go_on(house.gate, &call);
				(void)nanosleep(&pause, NULL);
			}
		}
		if (call.outcome == GATE_OK && live_id(&call, &seq)) {
			(void)snprintf(
			    id, sizeof(id), "%llu", (unsigned long long)seq);
			last = id;
		}
		gate_call_done(&call);
	}
	return NULL;
}

static void *
operator_main(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !atomic_load(&over); i++) {
		struct answer thrown =
		    house_do(&house, GATE_SWITCH_THROW, &house_operator, NULL,
			"{\"scope\":\"global\",\"action\":\"refund.*\","
			"\"reason\":\"drill\"}",
			NULL);
		struct answer next;
		char id[64];

		note(&thrown);
		(void)snprintf(
		    id, sizeof(id), "%s", answer_text(&thrown, "/id"));
		answer_done(&thrown);
		next = house_do(&house, GATE_SWITCH_LIFT, &house_operator, id,
		    "{\"reason\":\"over\"}", NULL);
		note(&next);
		atomic_fetch_add(&switched, next.outcome == GATE_OK);
		answer_done(&next);
		if (i % 2 == 0) {
			next = house_do(&house, GATE_POLICY_RELOAD,
			    &house_operator, NULL, NULL, NULL);
			note(&next);
			atomic_fetch_add(&reloaded, next.outcome == GATE_OK);
			answer_done(&next);
		}
	}
	return NULL;
}

static void
people(void)
{
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t\"]}");
	alice = house_identity(&house,
	    "{\"id\":\"alice\",\"kind\":\"human\",\"can\":[\"approver\"],"
	    "\"groups\":[\"finance\"],\"tenants\":[\"*\"]}");
	auditor = house_identity(&house,
	    "{\"id\":\"ann\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"*\"]}");
}

static void
run_all(void)
{
	const struct timespec span = {SECONDS, 0};
	void *(*const mains[])(void *) = {agent_main, agent_main, agent_main,
	    agent_main, approver_main, auditor_main, operator_main};
	pthread_t followers[3];
	pthread_t threads[GK_COUNT(mains)];

	for (size_t i = 0; i < GK_COUNT(followers); i++) {
		if (pthread_create(&followers[i], NULL, follower_main, NULL) !=
		    0) {
			abort();
		}
	}
	for (size_t i = 0; i < GK_COUNT(mains); i++) {
		if (pthread_create(&threads[i], NULL, mains[i],
			(void *)(uintptr_t)i) != 0) {
			abort();
		}
	}
	(void)nanosleep(&span, NULL);
	atomic_store(&over, true);
	for (size_t i = 0; i < GK_COUNT(mains); i++) {
		(void)pthread_join(threads[i], NULL);
	}
	gate_stop(house.gate);
	atomic_store(&stopped, true);
	for (size_t i = 0; i < GK_COUNT(followers); i++) {
		(void)pthread_join(followers[i], NULL);
	}
}

int
main(void)
{
	bool whole;

	house_init(&house, house_policy);
	house.options.clock =
	    NULL; /* the real one: a wait must end by itself */
	house.options.runs_per_identity = 1000000;
	house_start(&house);
	people();
	run_all();
	whole = !gate_failed(house.gate);
	house_done(&house);
	(void)printf("%lu decided, %lu allowed, %lu reported, %lu granted, "
		     "%lu searched, %lu switched, %lu reloaded, %lu waited, "
		     "%lu bytes followed, %lu wrong\n",
	    decided, allowed, reported, granted, searched, switched, reloaded,
	    waited, followed, wrong);
	return whole && wrong == 0 && decided > 0 && reported > 0 &&
		       searched > 0 && followed > 0 && switched > 0 &&
		       reloaded > 0
		   ? 0
		   : 1;
}
