/* What a stream gives: each event once and in order, from the ring or from the store, and only what its caller may see. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "gate/gate_internal.h"
#include "gate/live.h"

static struct house house;
static const struct identity *agent, *auditor, *small;

static void
setup(void)
{
	house_init(&house, house_policy);
	house.options.runs_per_identity = 100000;
	house_start(&house);
	agent = house_identity(&house,
	    "{\"id\":\"a\",\"kind\":\"agent\",\"can\":[\"agent\"],"
	    "\"tenants\":[\"t\"]}");
	auditor = house_identity(&house,
	    "{\"id\":\"ann\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"*\"]}");
	small = house_identity(&house,
	    "{\"id\":\"sam\",\"kind\":\"human\",\"can\":[\"auditor\"],"
	    "\"tenants\":[\"other\"]}");
}

static void
teardown(void)
{
	house_done(&house);
}

TestSuite(gate_live, .init = setup, .fini = teardown);

/* An open stream and all that it has given. */
struct following {
	struct gate_call call;
	struct gate_param params[4];
	struct gk_buf got;
	size_t piece; /* bytes that are copied in one go */
};

static void
follow(struct following *one, const struct identity *who, const char *after,
    const char *kind)
{
	memset(one, 0, sizeof(*one));
	one->got.cap = 64 << 20;
	one->piece = 4096;
	house_call(&one->call, GATE_EVENT_STREAM, who, NULL, NULL);
	one->call.local = false;
	one->call.after = after;
	if (kind != NULL) {
		one->params[one->call.param_count++] =
		    (struct gate_param){"kind", kind};
	}
	one->call.params = one->params;
	gate_do(house.gate, &one->call);
	cr_assert_eq(one->call.outcome, GATE_OK, "%s",
	    one->call.code == NULL ? "" : one->call.code);
}

static void
leave(struct following *one)
{
	gate_call_done(&one->call);
	gk_buf_done(&one->got);
}

/* Everything that it gives now. */
static enum live_state
take(struct following *one)
{
	char piece[4096];
	struct gk_err err;
	enum live_state state;
	size_t n;

	for (;;) {
		state =
		    live_copy(house.gate, &one->call, piece, one->piece, &n);
		if (state == LIVE_BEHIND) {
			gate_do(house.gate, &one->call);
			continue;
		}
		if (state != LIVE_BYTES) {
			return state;
		}
		cr_assert(n > 0 && n <= one->piece);
		cr_assert(gk_buf_add(&one->got, piece, n, &err) == GK_OK);
	}
}

static size_t
count(const struct following *one, const char *text)
{
	const char *at = gk_buf_text(&one->got);
	size_t n = 0;

	while ((at = strstr(at, text)) != NULL) {
		n++;
		at++;
	}
	return n;
}

struct wanted {
	struct following *one;
	size_t count;
	const char *text;
};

static bool
has_come(void *ctx)
{
	const struct wanted *wanted = ctx;

	(void)take(wanted->one);
	return count(wanted->one, wanted->text) >= wanted->count;
}

static void
expect(struct following *one, const char *text, size_t n)
{
	cr_assert(house_until(has_come, &(struct wanted){one, n, text}),
	    "%zu times %s in %s", count(one, text), text,
	    gk_buf_text(&one->got));
	cr_assert_eq(count(one, text), n);
}

static void
ask(const char *run, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char step[16];
		struct answer answer;

		(void)snprintf(step, sizeof(step), "%u", i);
		answer = house_ask(&house, agent, run, step, "kb.read", NULL);
		cr_assert_eq(answer.outcome, GATE_OK);
		answer_done(&answer);
	}
}

Test(gate_live, each_event_comes_once_and_in_order_however_it_is_cut)
{
	struct following whole, bytes;

	follow(&whole, auditor, NULL, "decision");
	follow(&bytes, auditor, NULL, "decision");
	bytes.piece = 1;
	ask("r", 0, 20);
	expect(&whole, "\"kind\":\"decision\"", 20);
	expect(&bytes, "\"kind\":\"decision\"", 20);
	(void)take(&bytes);
	(void)take(&whole);
	cr_assert_str_eq(gk_buf_text(&whole.got), gk_buf_text(&bytes.got));
	cr_assert_not(live_is_inside(&bytes.call));
	leave(&whole);
	leave(&bytes);
}

Test(gate_live, what_the_ring_no_longer_has_comes_from_the_store)
{
	struct following slow, late;

	follow(&slow, auditor, NULL, "decision");
	ask("r", 0, HERALD_ITEMS + 200);
	expect(&slow, "\"kind\":\"decision\"", HERALD_ITEMS + 200);
	follow(&late, auditor, "0", "decision");
	expect(&late, "\"kind\":\"decision\"", HERALD_ITEMS + 200);
	cr_assert_str_eq(gk_buf_text(&slow.got), gk_buf_text(&late.got));
	leave(&slow);
	leave(&late);
}

Test(gate_live, the_ring_is_bounded_and_goes_with_the_last_who_follows)
{
	struct herald *herald = &house.gate->herald;
	struct following one;

	follow(&one, auditor, NULL, "decision");
	ask("r", 0, HERALD_ITEMS + 50);
	expect(&one, "\"kind\":\"decision\"", HERALD_ITEMS + 50);
	pthread_mutex_lock(&herald->lock);
	cr_assert(herald->next - herald->first <= HERALD_ITEMS);
	cr_assert(herald->bytes > 0 && herald->bytes <= HERALD_BYTES);
	pthread_mutex_unlock(&herald->lock);
	leave(&one);
	pthread_mutex_lock(&herald->lock);
	cr_assert_eq(herald->bytes, 0);
	cr_assert_eq(herald->first, herald->next);
	pthread_mutex_unlock(&herald->lock);
	/* and who comes after a while misses nothing */
	ask("s", 0, 5);
	follow(&one, auditor, NULL, "decision");
	ask("u", 0, 5);
	expect(&one, "\"run_id\":\"u\"", 5);
	cr_assert_eq(count(&one, "\"run_id\":\"s\""), 0);
	leave(&one);
}

Test(gate_live, another_tenants_events_are_nobodys_business)
{
	struct following theirs, all;

	follow(&theirs, small, NULL, NULL);
	follow(&all, auditor, NULL, "decision");
	ask("r", 0, 5);
	expect(&all, "\"kind\":\"decision\"", 5);
	(void)take(&theirs);
	cr_assert_eq(theirs.got.len, 0);
	leave(&theirs);
	follow(&theirs, small, "0", NULL);
	cr_assert_eq(take(&theirs), LIVE_NOTHING);
	cr_assert_eq(count(&theirs, "data:"), 0);
	leave(&theirs);
	leave(&all);
}

Test(gate_live, where_it_is_moves_past_what_isnt_wanted)
{
	struct following one, all;
	uint64_t before, after;

	follow(&one, auditor, NULL, "kill_switch");
	follow(&all, auditor, NULL, "decision");
	cr_assert(live_id(&one.call, &before));
	ask("r", 0, 10);
	expect(&all, "\"kind\":\"decision\"", 10);
	cr_assert_eq(live_look(house.gate, &one.call), LIVE_NOTHING);
	cr_assert(live_id(&one.call, &after));
	cr_assert(after >= before + 10);
	leave(&one);
	leave(&all);
}

Test(gate_live, who_is_revoked_may_not_go_on)
{
	struct following one;
	struct answer answer;

	follow(&one, auditor, NULL, NULL);
	cr_assert(live_may_go_on(house.gate, &one.call));
	answer = house_do(&house, GATE_IDENTITY_REVOKE, &house_operator, "ann",
	    "{\"reason\":\"left\"}", NULL);
	cr_assert_eq(answer.outcome, GATE_OK);
	answer_done(&answer);
	cr_assert_not(live_may_go_on(house.gate, &one.call));
	leave(&one);
}

Test(gate_live, a_stream_that_outlives_the_gates_work_says_nothing_more)
{
	struct following one;

	follow(&one, auditor, NULL, NULL);
	gate_stop(house.gate);
	cr_assert_neq(take(&one), LIVE_BYTES);
	leave(&one);
}
