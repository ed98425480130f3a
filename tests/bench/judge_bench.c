/* What a judgement costs among few rules and among many: nanoseconds, the median of batches. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"
#include "policy/policy_internal.h"

enum {
	ACTIONS = 10,
	BATCHES = 2001,
	MIDDLE = 1000,
	ROUNDS = 500,
	ARENA_CAP = 1 << 20
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Of the first rules the questions' actions, then in turn a name, a beginning, an end. */
static void
print_action(char *ret, size_t room, int rule, bool alike)
{
	static const struct {
		const char *before, *behind;
	} forms[2][3] = {{{"other", ".run"}, {"group", ".*"}, {"*.verb", ""}},
	    {{"tool", ".run"}, {"tool", ".*"}, {"*", ".run"}}};
	bool as_asked = alike || rule < ACTIONS;
	int form = rule < ACTIONS ? 0 : rule % 3;

	(void)snprintf(ret, room, "%s%d%s", forms[as_asked][form].before, rule,
	    forms[as_asked][form].behind);
}

/*
 * Ten rules that the questions meet, and others that they don't.
 * alike: those begin and end as the questions' actions do.
 */
static struct policy *
load(int rules, bool alike)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4 << 20);
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	struct policy_text one = {.name = "p.yaml"};

	GK_ASSERT(gk_buf_puts(&buf, "policy: p\nallow:\n", NULL) == GK_OK);
	for (int i = 0; i < rules; i++) {
		char action[32];

		print_action(action, sizeof(action), i, alike);
		GK_ASSERT(gk_buf_printf(&buf, NULL,
			      "  - {id: r%d, actions: ['%s']}\n", i,
			      action) == GK_OK);
	}
	one.bytes = gk_buf_text(&buf);
	one.n = buf.len;
	GK_ASSERT(load_texts(&one, 1, &policy, &report, NULL) == GK_OK);
	policy_report_done(&report);
	return policy;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
measure(const struct policy *policy)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	struct identity caller = {.id = "agent-7", .kind = IDENTITY_AGENT};
	struct decision_request request = {.run_id = "run_1", .step_id = "1"};
	struct policy_input input = {.request = &request,
	    .caller = &caller,
	    .tenant = "t_42",
	    .asked_at_us = 1};
	static int64_t batches[BATCHES];
	char actions[ACTIONS][16];

	for (int i = 0; i < ACTIONS; i++) {
		(void)snprintf(actions[i], sizeof(actions[i]), "tool%d.run", i);
	}
	for (int k = 0; k < BATCHES; k++) {
		int64_t begin = now_ns();

		for (int i = 0; i < ROUNDS; i++) {
			struct findings found;

			request.action = actions[i % ACTIONS];
			GK_ASSERT(policy_judge(policy, &input, &arena, &found,
				      NULL) == GK_OK);
			GK_ASSERT(found.access == ACCESS_PASSES);
			gk_arena_clear(&arena);
		}
		batches[k] = now_ns() - begin;
	}
	qsort(batches, BATCHES, sizeof(batches[0]), by_time);
	return (double)batches[MIDDLE] / ROUNDS;
}

int
main(void)
{
	struct policy *few, *many, *alike;
	double few_ns, many_ns, alike_ns;

	GK_ASSERT(digest_init(NULL) == GK_OK);
	few = load(10, false);
	many = load(10000, false);
	alike = load(10000, true);
	few_ns = measure(few);
	many_ns = measure(many);
	alike_ns = measure(alike);
	(void)printf("10 rules: %.0f ns, 10000 rules: %.0f ns, ratio %.2f; "
		     "10000 much alike: %.0f ns, ratio %.2f\n",
	    few_ns, many_ns, many_ns / few_ns, alike_ns, alike_ns / few_ns);
	policy_unpin(few);
	policy_unpin(many);
	policy_unpin(alike);
	return 0;
}
