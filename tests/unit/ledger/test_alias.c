/* An actor under several names: in clear, and as a pseudonym under each key; what was recorded under one counts under all. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define P1 "p1_aaaaaaaaaaaaaaaaaaaaaa"
#define P2 "p2_aaaaaaaaaaaaaaaaaaaaaa"
#define Q1 "p1_bbbbbbbbbbbbbbbbbbbbbb"
#define Q2 "p2_bbbbbbbbbbbbbbbbbbbbbb"

static struct world world;
static struct actor u_7 = {.type = "user", .id = "u_7"};
static struct actor u_8 = {.type = "user", .id = "u_8"};

/* How the gate asks: with the setting off or on, before and after a rotation. */
static const struct way {
	bool on, rotated;
	const char *recorded;
} ways[] = {
    {false, false, "u_7"},
    {true, false, P1},
    {false, true, "u_7"},
    {true, true, P2},
};

static void
setup(void)
{
	world_init(&world);
	world_people(&world);
}

static void
teardown(void)
{
	world_done(&world);
}

TestSuite(ledger_alias, .init = setup, .fini = teardown);

static void
rotate(void)
{
	const struct event_key key = {.what = KEY_HASH, .id = 2};
	struct settle_at at = {
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));

	cr_assert(ledger_settle_key(world.ledger, &at, "local:0",
		      CHANGE_ROTATED, &key, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
}

static struct settlement *
settle(const struct way *way, struct actor *who, const char *step,
    const struct findings *found)
{
	bool is_7 = who == &u_7;
	struct ask_hashes older = {
	    1, "ak1_a", "h1_x", NULL, NULL, is_7 ? P1 : Q1};

	world.actor = who;
	world.pseudonymize = way->on;
	world.actor_alias = way->rotated ? (is_7 ? P2 : Q2) : (is_7 ? P1 : Q1);
	world.args_hash = way->rotated ? "h2_x" : "h1_x";
	world.older = &older;
	world.older_count = way->rotated;
	return world_ask(&world, "a1", "r", step,
	    way->rotated ? "ak2_a" : "ak1_a", NULL, found);
}

static const struct event *
ask(const struct way *way, struct actor *who, const char *step,
    const struct findings *found)
{
	return &settle(way, who, step, found)->events[0];
}

static struct findings *
limited(enum limit_kind kind, const struct actor *who)
{
	struct findings *found = world_findings(&world);

	world_add_limit(&world, found,
	    (struct limit_finding){.rule = "l",
		.reason = "limited",
		.per = SCOPE_ACTOR,
		.subject = who->id,
		.kind = kind,
		.burst = 1,
		.interval_ns = INT64_C(3600) * 1000000000,
		.max = 1,
		.within_us = INT64_C(3600) * 1000000});
	return found;
}

/* Whatever is built live is built anew from the events, and from the rows. */
static void
check_rebuilt(void)
{
	struct ledger *rebuilt = world_rebuild(&world);
	struct ledger *reloaded = world_reload(&world);
	char *live = world_rows(world.ledger), *again = world_rows(rebuilt),
	     *rows = world_rows(reloaded);

	cr_assert_str_eq(live, again);
	cr_assert_str_eq(live, rows);
	free(live);
	free(again);
	free(rows);
	ledger_free(rebuilt);
	ledger_free(reloaded);
}

/* Once recorded one way, asked any other way: it counts, and for nobody else. */
static void
counts_from(size_t first, enum limit_kind kind)
{
	const struct event *event;

	if (ways[first].rotated) {
		rotate();
	}
	event = ask(&ways[first], &u_7, "0", limited(kind, &u_7));
	cr_assert(event->decision == DECISION_ALLOW);
	cr_assert_str_eq(event->actor->id, ways[first].recorded);
	cr_assert_str_eq(event->charges[0].key, ways[first].recorded);
	check_rebuilt();
	for (size_t i = 0; i < GK_COUNT(ways); i++) {
		char step[16] = {(char)('a' + i), '\0'};
		char other[16] = {(char)('A' + i), '\0'};

		if (ways[first].rotated && !ways[i].rotated) {
			continue; /* keys don't come back */
		}
		event = ask(&ways[i], &u_7, step, limited(kind, &u_7));
		cr_assert(event->decision == DECISION_STOP, "%zu, then %zu",
		    first, i);
		cr_assert_str_eq(event->reason, "limited");
		if (i == first) {
			event = ask(&ways[i], &u_8, other, limited(kind, &u_8));
			cr_assert(event->decision == DECISION_ALLOW);
		}
	}
}

Test(ledger_alias, a_rate_counts_from_clear)
{
	counts_from(0, LIMIT_RATE);
}

Test(ledger_alias, a_rate_counts_from_a_pseudonym)
{
	counts_from(1, LIMIT_RATE);
}

Test(ledger_alias, a_rate_counts_from_the_second_keys)
{
	counts_from(3, LIMIT_RATE);
}

Test(ledger_alias, a_maximum_counts_from_a_pseudonym)
{
	counts_from(1, LIMIT_MAX);
}

Test(ledger_alias, repeats_count_from_clear)
{
	counts_from(0, LIMIT_SAME_ACTION);
}

Test(ledger_alias, repeats_count_from_a_pseudonym)
{
	counts_from(1, LIMIT_SAME_ACTION);
}

Test(ledger_alias, a_budget_adds_up)
{
	for (size_t i = 0; i < 4; i++) {
		struct findings *found = world_findings(&world);
		char step[16] = {(char)('a' + i), '\0'};
		const struct event *event;

		if (i == 2) {
			rotate();
		}
		world_add_budget(&world, found,
		    (struct budget_finding){.rule = "b",
			.reason = "spent",
			.per = SCOPE_ACTOR,
			.subject = "u_7",
			.unit = "usd",
			.every = WINDOW_MONTH,
			.amount_micros = 3000000,
			.cost_micros = 1000000});
		event = ask(&ways[i], &u_7, step, found);
		cr_assert(
		    event->decision == (i < 3 ? DECISION_ALLOW : DECISION_STOP),
		    "%zu", i);
	}
	check_rebuilt();
}

Test(ledger_alias, a_switch_covers_every_name_and_keeps_its_key)
{
	const struct event_switch what = {.scope = SCOPE_ACTOR, .subject = P1};
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));
	struct settle_at at = {
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	struct key_view views[4];
	size_t n;

	cr_assert(ledger_settle_switch(world.ledger, &at, "local:0", &what,
		      NULL, 0, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
	for (size_t i = 0; i < GK_COUNT(ways); i++) {
		char step[16] = {(char)('a' + i), '\0'};
		char other[16] = {(char)('A' + i), '\0'};

		if (i == 2) {
			rotate();
		}
		cr_assert(ask(&ways[i], &u_7, step, world_findings(&world))
			      ->decision == DECISION_STOP);
		cr_assert(ask(&ways[i], &u_8, other, world_findings(&world))
			      ->decision == DECISION_ALLOW);
	}
	n = ledger_keys(world.ledger, world.now_us, views, GK_COUNT(views));
	cr_assert(n >= 2);
	cr_assert(views[0].id == 1 && views[0].switches == 1);
	cr_assert(views[1].id == 2 && views[1].switches == 0);
	cr_assert(ledger_key_is_needed(&views[0]));
}

Test(ledger_alias, a_step_asked_another_way_is_the_same_step)
{
	static const char *const steps[] = {"clear", "hidden"};
	const struct findings *found = world_findings(&world);

	for (size_t first = 0; first < GK_COUNT(steps); first++) {
		(void)ask(&ways[first], &u_7, steps[first], found);
	}
	for (size_t i = 0; i < GK_COUNT(ways); i++) {
		if (i == 2) {
			rotate();
		}
		for (size_t k = 0; k < GK_COUNT(steps); k++) {
			cr_assert(
			    settle(&ways[i], &u_7, steps[k], found)->outcome ==
				SETTLE_REPLAY,
			    "%zu %zu", i, k);
			cr_assert(
			    settle(&ways[i], &u_8, steps[k], found)->refusal ==
			    REFUSAL_STEP_CONFLICT);
		}
	}
}

Test(ledger_alias, who_votes_is_compared_under_every_name)
{
	static const char *const names[] = {Q1, P1};
	struct findings *found = world_findings(&world);
	const struct event *event;

	world_add_approval(&world, found, "asks", 1);
	event = ask(&ways[1], &u_7, "1", found);
	cr_assert(event->decision == DECISION_APPROVAL_REQUIRED);
	world.aliases = names;
	world.alias_count = 2;
	cr_assert(
	    world_vote(&world, "alice", event->seq, CHANGE_GRANTED)->refusal ==
	    REFUSAL_OWN_REQUEST);
	world.alias_count = 1;
	cr_assert(
	    world_vote(&world, "alice", event->seq, CHANGE_GRANTED)->outcome ==
	    SETTLE_EVENTS);
	/* whose identity the actor's id was when it was asked for */
	world.actor_person = Q1;
	event = ask(&ways[1], &u_7, "2", found);
	world.actor_person = NULL;
	cr_assert(event->approval != NULL);
	cr_assert_str_eq(event->approval->actor_person, Q1);
	cr_assert(
	    world_vote(&world, "bob", event->seq, CHANGE_GRANTED)->refusal ==
	    REFUSAL_OWN_REQUEST);
	check_rebuilt();
}
