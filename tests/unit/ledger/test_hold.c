/* Legal holds: what they cover, that they outlive a rebuild, and what no gatekeeper would record. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

static struct world world;

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

TestSuite(ledger_hold, .init = setup, .fini = teardown);

static struct settlement made;

static struct settle_at
now(void)
{
	return (struct settle_at){
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
}

/* Gives the seq of the hold. */
static uint64_t
hold(int scope, const char *subject, const char *tenant)
{
	const struct event_hold what = {
	    .scope = scope, .subject = subject, .tenant = tenant};
	struct settle_at at = now();

	cr_assert(ledger_settle_hold(world.ledger, &at, "olga", &what, NULL, 0,
		      &world.arena, &made, NULL) == GK_OK);
	if (made.outcome == SETTLE_EVENTS) {
		world_record(&world, &made);
	}
	return at.seq;
}

static bool
release(uint64_t seq)
{
	struct settle_at at = now();

	cr_assert(ledger_settle_release(world.ledger, &at, "olga", seq, NULL, 0,
		      &world.arena, &made, NULL) == GK_OK);
	if (made.outcome == SETTLE_EVENTS) {
		world_record(&world, &made);
	}
	return made.outcome == SETTLE_EVENTS;
}

Test(ledger_hold, covers_its_run_or_tenant_and_nothing_else)
{
	uint64_t run = hold(SCOPE_RUN, "r", "t_1");
	uint64_t bare = hold(SCOPE_RUN, "bare", NULL);
	uint64_t tenant = hold(SCOPE_TENANT, "t_2", NULL);

	cr_assert(ledger_is_held(world.ledger, "t_1", "r"));
	cr_assert(!ledger_is_held(world.ledger, "t_3", "r"));
	cr_assert(!ledger_is_held(world.ledger, NULL, "r"));
	cr_assert(!ledger_is_held(world.ledger, "t_1", NULL));
	cr_assert(ledger_is_held(world.ledger, NULL, "bare"));
	cr_assert(!ledger_is_held(world.ledger, "t_1", "bare"));
	cr_assert(ledger_is_held(world.ledger, "t_2", "any"));
	cr_assert(ledger_is_held(world.ledger, "t_2", NULL));
	cr_assert(!ledger_is_held(world.ledger, NULL, NULL));
	cr_assert(release(run) && release(bare) && release(tenant));
	cr_assert(!ledger_is_held(world.ledger, "t_1", "r"));
	cr_assert(!ledger_is_held(world.ledger, "t_2", "any"));
	cr_assert(!release(tenant));
	cr_assert(made.refusal == REFUSAL_NOT_FOUND);
}

Test(ledger_hold, two_holds_on_one_run_are_released_one_by_one)
{
	uint64_t first = hold(SCOPE_RUN, "r", "t");
	uint64_t second = hold(SCOPE_RUN, "r", "t");

	cr_assert(release(first));
	cr_assert(ledger_is_held(world.ledger, "t", "r"));
	cr_assert(release(second));
	cr_assert(!ledger_is_held(world.ledger, "t", "r"));
}

Test(ledger_hold, outlives_a_rebuild_and_a_snapshot)
{
	struct ledger *again[2];
	struct hold_view views[4];
	char *rows = NULL, *other;

	(void)hold(SCOPE_RUN, "r", "t_1");
	cr_assert(release(hold(SCOPE_TENANT, "gone", NULL)));
	(void)hold(SCOPE_TENANT, "t_2", NULL);
	rows = world_rows(world.ledger);
	again[0] = world_rebuild(&world);
	again[1] = world_reload(&world);
	for (size_t i = 0; i < 2; i++) {
		other = world_rows(again[i]);
		cr_assert_str_eq(rows, other);
		free(other);
		cr_assert(ledger_is_held(again[i], "t_1", "r"));
		cr_assert(!ledger_is_held(again[i], "gone", "r"));
		cr_assert_eq(ledger_holds(again[i], views, 4), 2);
		cr_assert_str_eq(views[0].hold->subject, "r");
		cr_assert_str_eq(views[1].hold->subject, "t_2");
		cr_assert_str_eq(views[1].caller, "olga");
		ledger_free(again[i]);
	}
	free(rows);
}

Test(ledger_hold, there_is_an_end_to_them)
{
	for (size_t i = 0; i < LEDGER_HOLDS_MAX; i++) {
		(void)hold(SCOPE_RUN, "r", "t");
		cr_assert(made.outcome == SETTLE_EVENTS);
	}
	(void)hold(SCOPE_RUN, "r", "t");
	cr_assert(made.outcome == SETTLE_REFUSED);
	cr_assert(made.refusal == REFUSAL_TOO_MANY_HOLDS);
}

static void
refuses(struct event event)
{
	event.seq = ledger_next_seq(world.ledger);
	event.timestamp_us = world.now_us;
	cr_assert(ledger_apply(world.ledger, &event, NULL) == GK_E_CORRUPT);
}

Test(ledger_hold, what_no_gatekeeper_would_record_is_damage)
{
	struct event_hold what = {
	    .id = "hld_x", .scope = SCOPE_RUN, .subject = "r"};
	struct event_hold global = {
	    .id = "hld_x", .scope = SCOPE_GLOBAL, .subject = "r"};
	const char *paths[] = {"/a"};
	struct event event = {
	    .kind = EVENT_RETENTION, .change = CHANGE_HELD, .caller = "olga"};

	refuses(event); /* no hold */
	event.hold = &global;
	refuses(event);
	event.hold = &what;
	event.change = CHANGE_RELEASED;
	event.has_of_seq = true;
	event.of_seq = 0;
	refuses(event); /* nobody held it */
	event.change = CHANGE_LET_GO;
	refuses(event); /* of what? */
	event = (struct event){.kind = EVENT_REDACTION, .caller = "olga"};
	refuses(event); /* of which event? */
	event.has_of_seq = true;
	event.of_seq = ledger_next_seq(world.ledger);
	event.paths = paths;
	event.path_count = 1;
	refuses(event); /* of itself */
	event.of_seq = 0;
	event.path_count = 0;
	refuses(event); /* of nothing */
}

Test(ledger_hold, the_oldest_open_decision_holds_retention_back)
{
	struct settlement *first, *second;

	cr_assert_eq(ledger_oldest_open(world.ledger), UINT64_MAX);
	first = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));
	second = world_ask(
	    &world, "a1", "r", "2", "ak1_b", NULL, world_findings(&world));
	cr_assert_eq(ledger_oldest_open(world.ledger), first->events[0].seq);
	(void)world_report(&world, "a1", first->events[0].seq, "sha256:1", 0);
	cr_assert_eq(ledger_oldest_open(world.ledger), second->events[0].seq);
	(void)world_report(&world, "a1", second->events[0].seq, "sha256:2", 0);
	cr_assert_eq(ledger_oldest_open(world.ledger), UINT64_MAX);
}
