/* What a decision costs among few rules and among many, in nanoseconds. */
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"
#include "policy/policy_internal.h"

enum { ACTIONS = 10, ROUNDS = 1000000, ARENA_CAP = 1 << 20 };

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Ten rules that the questions meet; the rest names other actions, in every form. */
static struct policy *
load(int rules)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(4 << 20);
	struct policy_report report = {.errors = 0};
	struct policy *policy = NULL;
	struct policy_text one = {.name = "p.yaml"};

	GK_ASSERT(gk_buf_puts(&buf, "policy: p\nallow:\n", NULL) == GK_OK);
	for (int i = 0; i < rules; i++) {
		const char *before = i < ACTIONS  ? "tool"
				     : i % 3 == 0 ? "other"
				     : i % 3 == 1 ? "group"
						  : "*.verb";
		const char *behind = i < ACTIONS || i % 3 == 0 ? ".run"
				     : i % 3 == 1              ? ".*"
							       : "";

		GK_ASSERT(gk_buf_printf(&buf, NULL,
			      "  - {id: r%d, actions: ['%s%d%s']}\n", i, before,
			      i, behind) == GK_OK);
	}
	one.bytes = gk_buf_text(&buf);
	one.n = buf.len;
	GK_ASSERT(load_texts(&one, 1, &policy, &report, NULL) == GK_OK);
	policy_report_done(&report);
	return policy;
}

static double
measure(const struct policy *policy)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	struct identity caller = {.id = "agent-7", .kind = IDENTITY_AGENT};
	struct decision_request request = {.run_id = "run_1", .step_id = "1"};
	struct policy_input input = {&request, &caller, "t_42", 1};
	char actions[ACTIONS][16];
	int64_t begin;

	for (int i = 0; i < ACTIONS; i++) {
		(void)snprintf(actions[i], sizeof(actions[i]), "tool%d.run", i);
	}
	begin = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct findings found;

		request.action = actions[i % ACTIONS];
		GK_ASSERT(policy_judge(policy, &input, &arena, &found, NULL) ==
			  GK_OK);
		GK_ASSERT(found.access == ACCESS_PASSES);
		gk_arena_clear(&arena);
	}
	return (double)(now_ns() - begin) / ROUNDS;
}

int
main(void)
{
	struct policy *few, *many;
	double few_ns, many_ns;

	GK_ASSERT(digest_init(NULL) == GK_OK);
	few = load(10);
	many = load(10000);
	few_ns = measure(few);
	many_ns = measure(many);
	(void)printf("10 rules: %.0f ns, 10000 rules: %.0f ns, ratio %.2f\n",
	    few_ns, many_ns, many_ns / few_ns);
	policy_unpin(few);
	policy_unpin(many);
	return 0;
}
