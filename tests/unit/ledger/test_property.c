/* Random histories: the ledger built live, rebuilt from the bytes, and loaded from its rows agree, always. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "world.h"

/* A small generator of our own: a failing history can be played again. */
static uint64_t
roll(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % n;
}

/* One of the words behind a prefix, in the world's memory. */
static const char *
word(struct world *world, const char *prefix, uint64_t i)
{
	return gk_arena_printf(
	    &world->arena, "%s%llu", prefix, (unsigned long long)i);
}

/* A world with a guard against floods that histories reach. */
static void
init(struct world *world)
{
	world_init(world);
	ledger_free(world->ledger);
	world->limits.asks_per_hour = 12;
	world->ledger = world_rebuild(world);
}

static struct findings *
random_findings(struct world *world, uint64_t *state)
{
	struct findings *found = world_findings(world);

	if (roll(state, 8) == 0) {
		found->access = ACCESS_STOPS;
		found->access_reason = "no_rule_allows";
	}
	if (roll(state, 3) == 0) {
		static const char *const pins[] = {"/order"};
		static const char *const to[] = {"finance"};
		struct approval_finding *rule =
		    &found->approvals[found->approval_count];

		world_add_approval(
		    world, found, "r1", 1 + (int64_t)roll(state, 2));
		rule->risk = (enum risk)roll(state, RISK_COUNT);
		rule->max_uses = (int64_t)roll(state, 4);
		rule->max_ttl_us = 20 * GK_US_PER_MIN;
		rule->pins = pins;
		rule->pin_count = 1;
		rule->escalate_after_us =
		    (int64_t)roll(state, 3) * 10 * GK_US_PER_MIN;
		rule->escalate_to = to;
		rule->escalate_count = 1;
		world->pins[0] = (struct record_pair){
		    "/order", word(world, "h1_", roll(state, 2))};
		world->pin_count = 1;
	}
	if (roll(state, 2) == 0) {
		world_add_limit(world, found,
		    (struct limit_finding){.rule = "rate",
			.reason = "rate_limited_tenant",
			.kind = LIMIT_RATE,
			.per = SCOPE_TENANT,
			.subject = "t1",
			.interval_ns = INT64_C(1000000000),
			.burst = 5});
	}
	if (roll(state, 2) == 0) {
		world_add_limit(world, found,
		    (struct limit_finding){.rule = "steps",
			.reason = "step_limit",
			.kind = LIMIT_MAX,
			.per = SCOPE_RUN,
			.subject = "",
			.max = 12});
	}
	if (roll(state, 2) == 0) {
		world_add_limit(world, found,
		    (struct limit_finding){.rule = "loops",
			.reason = "repeated_action",
			.kind = LIMIT_SAME_ACTION,
			.per = SCOPE_RUN,
			.subject = "",
			.max = 3,
			.within_us = 10 * GK_US_PER_MIN});
	}
	if (roll(state, 2) == 0) {
		world_add_budget(world, found,
		    (struct budget_finding){.rule = "spend",
			.reason = "budget_exhausted",
			.per = roll(state, 2) == 0 ? SCOPE_TENANT : SCOPE_RUN,
			.subject = "t1",
			.unit = "usd",
			.every = roll(state, 2) == 0 ? WINDOW_HOUR : WINDOW_RUN,
			.amount_micros = 500000,
			.cost_micros = 20000,
			.refund_reported = true});
	}
	return found;
}

/* Any decision recorded so far; world->count when there is none. */
static uint64_t
random_decision(struct world *world, uint64_t *state)
{
	for (int tries = 0; tries < 20 && world->count > 0; tries++) {
		uint64_t seq = roll(state, world->count);

		if (strstr(world->events[seq].bytes, "\"kind\":\"decision\"") !=
		    NULL) {
			return seq;
		}
	}
	return world->count;
}

static void
random_switch(struct world *world, uint64_t *state)
{
	struct event_switch what = {.scope = SCOPE_RUN,
	    .subject = word(world, "run", roll(state, 6)),
	    .expires_us =
		world->now_us + (int64_t)(1 + roll(state, 300)) * GK_US_PER_S};
	struct settle_at at = {
	    .seq = ledger_next_seq(world->ledger), .now_us = world->now_us};
	struct switch_view views[8];
	struct settlement *s = gk_arena_alloc(&world->arena, sizeof(*s));
	size_t n = ledger_switches(world->ledger, views, 8);

	if (n > 2) {
		cr_assert(ledger_settle_switch_lift(world->ledger, &at,
			      "local:0", views[0].seq, NULL, 0, &world->arena,
			      s, NULL) == GK_OK);
	} else {
		cr_assert(ledger_settle_switch(world->ledger, &at, "local:0",
			      &what, NULL, 0, &world->arena, s, NULL) == GK_OK);
	}
	world_record(world, s);
}

/* Sometimes a bounded one, sometimes wider than the rule allows. */
static void
random_bound(struct world *world, uint64_t *state)
{
	struct grant_bound *bound =
	    gk_arena_alloc(&world->arena, sizeof(*bound));

	cr_assert(bound != NULL);
	*bound = (struct grant_bound){.uses = 1 + (int64_t)roll(state, 3)};
	if (roll(state, 2) == 0) {
		bound->at_most =
		    gk_arena_calloc(&world->arena, 1, sizeof(*bound->at_most));
		bound->at_most[0] = (struct record_pair){
		    "/amount", word(world, "", roll(state, 100))};
		bound->at_most_count = roll(state, 2);
	}
	world->bound = roll(state, 3) == 0 ? NULL : bound;
}

static void
step_world(struct world *world, uint64_t *state)
{
	static const char *const voters[] = {"alice", "bob", "bob2"};
	static const enum change changes[] = {CHANGE_GRANTED, CHANGE_GRANTED,
	    CHANGE_GRANTED, CHANGE_DENIED, CHANGE_REVOKED};
	const char *run = word(world, "run", roll(state, 6));
	const char *agent = roll(state, 8) == 0 ? "a2" : "a1";
	uint64_t seq = random_decision(world, state);
	char approval[ID_TEXT_BYTES];

	switch (roll(state, 10)) {
	case 0:
		world->now_us += (int64_t)roll(state, 900) * GK_US_PER_S;
		(void)world_due(world);
		break;
	case 1:
	case 2:
		if (seq < world->count) {
			(void)world_report(world, agent, seq,
			    word(world, "d", roll(state, 2)),
			    (int64_t)roll(state, 40000) - 5000);
		}
		break;
	case 3:
	case 4:
		random_bound(world, state);
		if (seq < world->count) {
			(void)world_vote(world, voters[roll(state, 3)], seq,
			    changes[roll(state, 5)]);
		}
		break;
	case 5:
		(void)world_end(world, agent, run);
		break;
	case 6:
		if (roll(state, 4) == 0) {
			random_switch(world, state);
		}
		break;
	default:
		id_print(&world->id_key, ID_APPROVAL, seq, approval);
		world->now_us += (int64_t)roll(state, 2000) * GK_US_PER_MS;
		(void)world_ask(world, agent, run,
		    word(world, "s", roll(state, 30)),
		    word(world, "ak1_", roll(state, 3)),
		    roll(state, 4) == 0
			? gk_arena_strdup(&world->arena, approval)
			: NULL,
		    random_findings(world, state));
	}
}

static void
compare(const char *what, struct ledger *other, const char *live, uint64_t seed,
    size_t events)
{
	char *rows = world_rows(other);

	cr_assert(strcmp(live, rows) == 0,
	    "seed %llu after %zu events: %s differs\n--- live\n%s\n--- "
	    "other\n%s",
	    (unsigned long long)seed, events, what, live, rows);
	free(rows);
	ledger_free(other);
}

Test(ledger_property,
    live_and_rebuilt_and_reloaded_ledgers_agree_after_every_event,
    .timeout = 300)
{
	for (uint64_t seed = 1; seed <= 24; seed++) {
		static struct world world;
		uint64_t state = seed * 0x9e3779b97f4a7c15ULL;
		size_t seen = 0;

		init(&world);
		world_people(&world);
		while (world.count < 160) {
			char *live;

			step_world(&world, &state);
			if (world.count == seen) {
				continue;
			}
			seen = world.count;
			live = world_rows(world.ledger);
			compare("the rebuilt ledger", world_rebuild(&world),
			    live, seed, seen);
			compare("the reloaded ledger", world_reload(&world),
			    live, seed, seen);
			free(live);
		}
		world_done(&world);
	}
}

/* A snapshot that is written slice by slice while the world goes on. */
struct writing {
	struct ledger_loader *loader;
	struct ledger *target;
	char *state; /* the rows of the live ledger when it began */
	struct ledger_snapshot digest;
};

static void
begin_snapshot(struct world *world, struct writing *writing)
{
	cr_assert(ledger_new(&world->id_key, &world->limits, &writing->target,
		      NULL) == GK_OK);
	cr_assert(ledger_loader_new(writing->target, &writing->loader, NULL) ==
		  GK_OK);
	writing->state = world_rows(world->ledger);
	cr_assert(ledger_state_digest(world->ledger, &writing->digest, NULL) ==
		  GK_OK);
	cr_assert(ledger_snapshot_begin(world->ledger, NULL) == GK_OK);
}

static void
end_snapshot(struct world *world, struct writing *writing, uint64_t seed)
{
	struct ledger_snapshot digest;
	char *rows;
	bool valid;

	ledger_snapshot_digest(world->ledger, &digest);
	cr_assert_str_eq(digest.digest, writing->digest.digest, "seed %llu",
	    (unsigned long long)seed);
	cr_assert(digest.seq == writing->digest.seq);
	cr_assert(ledger_loader_finish(
		      writing->loader, digest.digest, &valid, NULL) == GK_OK);
	cr_assert(valid);
	rows = world_rows(writing->target);
	cr_assert_str_eq(rows, writing->state);
	free(rows);
	free(writing->state);
	ledger_loader_free(writing->loader);
	ledger_free(writing->target);
}

Test(ledger_property,
    a_snapshot_written_in_slices_is_the_state_at_its_beginning, .timeout = 300)
{
	for (uint64_t seed = 1; seed <= 24; seed++) {
		static struct world world;
		uint64_t state = seed * 0x9e3779b97f4a7c15ULL;
		struct writing writing;
		bool done = true;
		int snapshots = 0;

		init(&world);
		world_people(&world);
		while (world.count < 600) {
			if (done) {
				begin_snapshot(&world, &writing);
				snapshots++;
				done = false;
			}
			step_world(&world, &state);
			cr_assert(ledger_snapshot_slice(world.ledger,
				      roll(&state, 900), ledger_loader_row,
				      writing.loader, &done, NULL) == GK_OK);
			if (done) {
				end_snapshot(&world, &writing, seed);
			}
		}
		cr_assert(snapshots > 3);
		if (!done) {
			cr_assert(ledger_snapshot_slice(world.ledger, 1 << 30,
				      ledger_loader_row, writing.loader, &done,
				      NULL) == GK_OK);
			cr_assert(done);
			end_snapshot(&world, &writing, seed);
		}
		world_done(&world);
	}
}

Test(ledger_property, a_snapshot_with_a_changed_row_is_not_loaded)
{
	static struct world world;
	struct ledger_loader *loader;
	struct ledger *target;
	struct ledger_snapshot digest;
	bool valid;

	world_init(&world);
	world_people(&world);
	cr_assert(ledger_state_digest(world.ledger, &digest, NULL) == GK_OK);
	cr_assert(
	    ledger_new(&world.id_key, &world.limits, &target, NULL) == GK_OK);
	cr_assert(ledger_loader_new(target, &loader, NULL) == GK_OK);
	cr_assert(ledger_rows(world.ledger, ledger_loader_row, loader, NULL) ==
		  GK_OK);
	cr_assert(
	    ledger_loader_row(loader, "identity/x", "{}", 2, NULL) == GK_OK);
	cr_assert(
	    ledger_loader_finish(loader, digest.digest, &valid, NULL) == GK_OK);
	cr_assert(!valid);
	cr_assert(ledger_identity_count(target) == 0);
	ledger_loader_free(loader);
	ledger_free(target);
	world_done(&world);
}
