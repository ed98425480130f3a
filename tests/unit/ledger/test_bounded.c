/* Bounded grants: what they let through, and every way in which they might let through more. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/time.h"
#include "codec/json.h"
#include "world.h"

static struct world world;
static struct json_value *args[8];
static size_t arg_count;
static const struct grant_bound thrice = {.uses = 3};

/* Arguments with an amount; freed at the end. */
static void
amount(double number)
{
	struct json_value *object = json_new_object();
	struct json_value *value = json_new_number(number);

	cr_assert(json_set(object, "amount", &value, NULL) == GK_OK);
	args[arg_count++] = object;
	world.args = object;
}

static void
order(const char *hash)
{
	world.pins[0] = (struct record_pair){"/order", hash};
	world.pin_count = 1;
}

static void
setup(void)
{
	world_init(&world);
	world_people(&world);
	arg_count = 0;
	order("h1_A");
}

static void
teardown(void)
{
	for (size_t i = 0; i < arg_count; i++) {
		json_free(args[i]);
	}
	world_done(&world);
}

TestSuite(ledger_bounded, .init = setup, .fini = teardown);

static struct findings *
asking_by(const char *rule)
{
	static const char *const pins[] = {"/order"};
	struct findings *found = world_findings(&world);

	world_add_approval(&world, found, rule, 1);
	found->approvals[0].max_uses = 3;
	found->approvals[0].max_ttl_us = GK_US_PER_HOUR;
	found->approvals[0].pins = pins;
	found->approvals[0].pin_count = 1;
	return found;
}

static struct findings *
asking(void)
{
	return asking_by("r1");
}

/* Ask in run r, step 1; gives the approval's seq and id. */
static uint64_t
asked(char ret_id[ID_TEXT_BYTES])
{
	struct settlement *s =
	    world_ask(&world, "a1", "r", "1", "ak1_a", NULL, asking());

	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	memcpy(ret_id, s->approval->approval_id, ID_TEXT_BYTES);
	return s->events[0].seq;
}

static uint64_t
granted(const struct grant_bound *bound, char ret_id[ID_TEXT_BYTES])
{
	uint64_t seq = asked(ret_id);
	struct settlement *s;

	world.bound = bound;
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->refusal == REFUSAL_NONE && s->event_count == 2);
	world.bound = NULL;
	return seq;
}

static const struct event *
ask(const char *step, const char *key, const char *id)
{
	return world_ask(&world, "a1", "r", step, key, id, asking())->events;
}

static void
must_ask_anew(const struct event *event)
{
	cr_assert(event->decision == DECISION_APPROVAL_REQUIRED);
	cr_assert(event->approval != NULL, "joined, or resumed, an old one");
}

Test(ledger_bounded, lets_other_arguments_through_as_often_as_it_says)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = granted(&thrice, id);
	const struct event *e = ask("2", "ak1_a", id);

	cr_assert(e[0].decision == DECISION_ALLOW);
	cr_assert(e[1].change == CHANGE_USED && e[1].use == 1);
	cr_assert(e[1].of_seq == seq);
	cr_assert_str_eq(e[1].approval_id, id);
	cr_assert_str_eq(e[1].step_id, "1~used/1");
	e = ask("3", "ak1_b", id);
	cr_assert(e[0].decision == DECISION_ALLOW && e[1].use == 2);
	e = ask("4", "ak1_c", NULL); /* the agent needn't name it */
	cr_assert(e[0].decision == DECISION_ALLOW && e[1].use == 3);
	cr_assert_str_eq(e[0].approval_id, id);
	cr_assert_str_eq(e[0].reason, "approval_granted");
	cr_assert_str_eq(e[0].parent_step_id, "1");
	cr_assert_str_eq(ask("5", "ak1_d", id)->reason, "approval_used");
	must_ask_anew(ask("6", "ak1_d", NULL));
}

Test(ledger_bounded, is_refused_where_a_rule_allows_none)
{
	struct settlement *s;
	struct findings *found = asking();
	uint64_t seq;

	world_add_approval(&world, found, "r2", 1); /* it has no bounds */
	s = world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found);
	seq = s->events[0].seq;
	cr_assert(s->events[0].approval->bounded == NULL);
	world.bound = &thrice;
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->refusal == REFUSAL_NOT_BOUNDED && s->event_count == 0);
}

Test(ledger_bounded, is_refused_when_it_is_wider_than_the_rule)
{
	static const struct grant_bound four = {.uses = 4};
	char id[ID_TEXT_BYTES];
	uint64_t seq = asked(id);
	struct settlement *s;

	world.bound = &four;
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->refusal == REFUSAL_BOUND_TOO_WIDE && s->event_count == 0);
	world.bound = &thrice;
	world.valid_us = GK_US_PER_HOUR + 1;
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->refusal == REFUSAL_BOUND_TOO_WIDE && s->event_count == 0);
	world.valid_us = GK_US_PER_HOUR;
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->event_count == 2);
	cr_assert(s->events[1].grant_until_us == world.now_us + GK_US_PER_HOUR);
}

Test(ledger_bounded, holds_the_pinned_argument_fixed)
{
	char id[ID_TEXT_BYTES];

	(void)granted(&thrice, id);
	order("h1_B");
	cr_assert_str_eq(ask("2", "ak1_b", id)->reason, "approval_mismatch");
	must_ask_anew(ask("3", "ak1_b", NULL));
	world.pin_count = 0;
	cr_assert_str_eq(ask("4", "ak1_b", id)->reason, "approval_mismatch");
}

Test(ledger_bounded, lets_no_number_pass_that_is_above_its_own)
{
	static struct record_pair most[] = {{"/amount", "100.5"}};
	static const struct grant_bound bound = {
	    .uses = 3, .at_most = most, .at_most_count = 1};
	char id[ID_TEXT_BYTES];

	amount(100.5);
	(void)granted(&bound, id);
	cr_assert(ask("2", "ak1_a", id)->decision == DECISION_ALLOW);
	amount(100.51);
	cr_assert_str_eq(ask("3", "ak1_b", id)->reason, "bound_exceeded");
	must_ask_anew(ask("4", "ak1_b", NULL));
	world.args = NULL; /* no amount at all */
	cr_assert_str_eq(ask("5", "ak1_c", id)->reason, "bound_exceeded");
}

/* ---- how one would misuse it ---- */

static void
must_not_reach(struct settlement *s)
{
	if (s->outcome == SETTLE_EVENTS) {
		cr_assert(s->events[0].decision != DECISION_ALLOW);
	} else {
		cr_assert(s->outcome == SETTLE_REFUSED);
	}
}

Test(ledger_bounded, reaches_no_other_run_agent_action_actor_or_context)
{
	static struct actor u1 = {.type = "user", .id = "u1"};
	static struct actor u2 = {.type = "user", .id = "u2"};
	static const char *roles[] = {"admin"};
	static struct actor u1_admin = {
	    .type = "user", .id = "u1", .roles = roles, .role_count = 1};
	char id[ID_TEXT_BYTES];

	world.actor = &u1;
	world.context_hash = "h1_context";
	(void)granted(&thrice, id);
	for (int named = 0; named < 2; named++) {
		const char *name = named ? id : NULL;
		const char *step = named ? "n" : "m";

		must_not_reach(world_ask(
		    &world, "a1", "other", step, "ak1_b", name, asking()));
		must_not_reach(world_ask(
		    &world, "a2", "r", step, "ak1_b", name, asking()));
		world.action = "refund.delete";
		must_not_reach(world_ask(&world, "a1", "r", named ? "n1" : "m1",
		    "ak1_b", name, asking()));
		world.action = NULL;
		world.actor = &u2;
		must_not_reach(world_ask(&world, "a1", "r", named ? "n2" : "m2",
		    "ak1_b", name, asking()));
		world.actor = &u1_admin;
		must_not_reach(world_ask(&world, "a1", "r", named ? "n3" : "m3",
		    "ak1_b", name, asking()));
		world.actor = NULL;
		must_not_reach(world_ask(&world, "a1", "r", named ? "n4" : "m4",
		    "ak1_b", name, asking()));
		world.actor = &u1;
		world.context_hash = "h1_other";
		must_not_reach(world_ask(&world, "a1", "r", named ? "n5" : "m5",
		    "ak1_b", name, asking()));
		world.context_hash = "h1_context";
	}
	cr_assert(ask("end", "ak1_b", NULL)->decision == DECISION_ALLOW);
}

Test(ledger_bounded, answers_only_the_rules_that_asked_as_they_were)
{
	char id[ID_TEXT_BYTES];
	struct findings *found = asking();
	struct settlement *s;

	(void)granted(&thrice, id);
	found->approvals[0].digest =
	    "sha256:changed"; /* such as without bounded */
	found->approvals[0].max_uses = 0;
	s = world_ask(&world, "a1", "r", "2", "ak1_b", id, found);
	must_ask_anew(&s->events[0]);
	cr_assert(s->events[0].approval->bounded == NULL);
	found = asking();
	world_add_approval(&world, found, "r2", 1);
	s = world_ask(&world, "a1", "r", "3", "ak1_b", NULL, found);
	must_ask_anew(&s->events[0]);
	/* an allow under the old rules isn't repeated under the new */
	s = world_ask(&world, "a1", "r", "4", "ak1_b", NULL, asking());
	cr_assert(s->events[0].decision == DECISION_ALLOW);
	s = world_ask(&world, "a1", "r", "4", "ak1_b", NULL, found);
	cr_assert_str_eq(s->events[0].reason, "policy_changed");
}

Test(ledger_bounded, ends_at_its_last_microsecond)
{
	char id[ID_TEXT_BYTES];
	const struct event *e;

	world.valid_us = 10 * GK_US_PER_MIN;
	(void)granted(&thrice, id);
	world.now_us += 10 * GK_US_PER_MIN - 1;
	e = ask("2", "ak1_b", NULL);
	cr_assert(e[0].decision == DECISION_ALLOW);
	cr_assert(e[0].valid_until_us == world.now_us + 1,
	    "an allow that outlives its grant");
	world.now_us++;
	cr_assert_str_eq(ask("2", "ak1_b", NULL)->reason, "allow_expired");
	cr_assert_str_eq(ask("3", "ak1_c", id)->reason, "approval_expired");
	must_ask_anew(ask("4", "ak1_c", NULL));
}

Test(ledger_bounded, is_gone_at_once_when_it_is_withdrawn)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = granted(&thrice, id);
	struct settlement *s;

	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
	s = world_vote(&world, "bob", seq, CHANGE_REVOKED);
	cr_assert(s->refusal == REFUSAL_NONE && s->event_count == 1);
	/* what was answered but not yet done is no longer repeated */
	cr_assert_str_eq(ask("2", "ak1_b", NULL)->reason, "approval_revoked");
	cr_assert_str_eq(ask("3", "ak1_c", id)->reason, "approval_revoked");
	must_ask_anew(ask("4", "ak1_c", NULL));
	s = world_vote(&world, "bob", seq, CHANGE_REVOKED);
	cr_assert(s->refusal == REFUSAL_ALREADY_RESOLVED);
}

Test(ledger_bounded, is_withdrawn_by_nobody_who_could_not_have_given_it)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = granted(&thrice, id);

	cr_assert(world_vote(&world, "a1", seq, CHANGE_REVOKED)->refusal ==
		  REFUSAL_NOT_AN_APPROVER);
	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
}

Test(ledger_bounded, does_not_open_what_a_switch_stops)
{
	struct event_switch what = {.scope = SCOPE_RUN, .subject = "r"};
	struct settle_at at;
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));
	char id[ID_TEXT_BYTES];

	(void)granted(&thrice, id);
	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
	at = (struct settle_at){
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	cr_assert(ledger_settle_switch(world.ledger, &at, "local:0", &what,
		      NULL, 0, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
	cr_assert_str_eq(ask("3", "ak1_c", NULL)->reason, "kill_switch");
	cr_assert_str_eq(ask("4", "ak1_c", id)->reason, "kill_switch");
	cr_assert_str_eq(ask("2", "ak1_b", NULL)->reason, "kill_switch");
}

Test(ledger_bounded, does_not_get_around_a_limit)
{
	char id[ID_TEXT_BYTES];
	struct findings *found = asking();
	struct settlement *s;

	(void)granted(&thrice, id);
	world_add_limit(&world, found,
	    (struct limit_finding){.rule = "steps",
		.reason = "step_limit",
		.kind = LIMIT_MAX,
		.per = SCOPE_RUN,
		.subject = "",
		.max = 1});
	s = world_ask(&world, "a1", "r", "2", "ak1_b", NULL, found);
	cr_assert(s->events[0].decision == DECISION_ALLOW);
	cr_assert(s->events[0].charge_count == 1, "a use that cost nothing");
	s = world_ask(&world, "a1", "r", "3", "ak1_c", id, found);
	cr_assert_str_eq(s->events[0].reason, "step_limit");
}

Test(ledger_bounded, is_used_once_by_a_retry)
{
	char id[ID_TEXT_BYTES];
	uint64_t seq = granted(&thrice, id);
	struct approval_view view;
	struct settlement *s;

	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
	s = world_ask(&world, "a1", "r", "2", "ak1_b", NULL, asking());
	cr_assert(s->outcome == SETTLE_REPLAY);
	cr_assert(ledger_approval(world.ledger, seq, &world.arena, &view));
	cr_assert(view.used == 1);
	s = world_ask(&world, "a1", "r", "2", "ak1_other", NULL, asking());
	cr_assert(s->refusal == REFUSAL_STEP_CONFLICT);
}

Test(ledger_bounded, has_one_use_left_for_one_of_two)
{
	static const struct grant_bound once = {.uses = 1};
	char id[ID_TEXT_BYTES];

	(void)granted(&once, id);
	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
	must_ask_anew(ask("3", "ak1_c", NULL));
	cr_assert_str_eq(ask("4", "ak1_c", id)->reason, "approval_used");
}

Test(ledger_bounded, is_the_same_after_a_restart_in_the_middle)
{
	char id[ID_TEXT_BYTES];

	(void)granted(&thrice, id);
	cr_assert(ask("2", "ak1_b", NULL)->decision == DECISION_ALLOW);
	for (int way = 0; way < 2; way++) {
		struct ledger *made =
		    way ? world_rebuild(&world) : world_reload(&world);

		ledger_free(world.ledger);
		world.ledger = made;
		cr_assert(ask(way ? "4" : "3", "ak1_c", NULL)->decision ==
			  DECISION_ALLOW);
	}
	must_ask_anew(ask("5", "ak1_d", NULL));
}

Test(ledger_bounded, is_not_for_who_granted_it)
{
	static const char *can[] = {"agent"}, *tenants[] = {"*"};
	struct identity robot = {.id = "a1b",
	    .kind = IDENTITY_HUMAN,
	    .agent = "a1",
	    .person = "alice",
	    .can = can,
	    .can_count = 1,
	    .tenants = tenants,
	    .tenant_count = 1};
	struct settle_at at = {
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));
	char id[ID_TEXT_BYTES];

	cr_assert(ledger_settle_identity(world.ledger, &at, "local:0",
		      CHANGE_CREATED, &robot, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
	(void)granted(&thrice, id);
	s = world_ask(&world, "a1b", "r", "2", "ak1_b", id, asking());
	cr_assert_str_eq(s->events[0].reason, "own_request");
	s = world_ask(&world, "a1b", "r", "3", "ak1_b", NULL, asking());
	must_ask_anew(&s->events[0]);
	s = world_ask(&world, "a1", "r", "4", "ak1_b", NULL, asking());
	cr_assert(s->events[0].decision == DECISION_ALLOW);
}

/* What the second of two votes makes of the first step of a run. */
static struct settlement *
two_votes(const char *run, const struct grant_bound *first,
    const struct grant_bound *second)
{
	struct findings *two = asking();
	struct settlement *s;

	two->approvals[0].needed = 2;
	s = world_ask(&world, "a1", run, "1", "ak1_a", NULL, two);
	world.bound = first;
	(void)world_vote(&world, "alice", s->events[0].seq, CHANGE_GRANTED);
	world.bound = second;
	s = world_vote(&world, "bob", s->events[0].seq, CHANGE_GRANTED);
	world.bound = NULL;
	return s;
}

Test(ledger_bounded, is_as_narrow_as_the_narrowest_of_its_votes)
{
	static struct record_pair most[] = {{"/amount", "100"}};
	static struct record_pair less[] = {{"/amount", "50"}, {"/fee", "1"}};
	static const struct grant_bound wide = {
	    .uses = 3, .at_most = most, .at_most_count = 1};
	static const struct grant_bound narrow = {
	    .uses = 2, .at_most = less, .at_most_count = 2};
	const struct grant_bound *const orders[][2] = {
	    {&wide, &narrow}, {&narrow, &wide}};
	static const char *const runs[] = {"r", "r2"};

	for (size_t i = 0; i < GK_COUNT(orders); i++) {
		const struct grant_bound *bound =
		    two_votes(runs[i], orders[i][0], orders[i][1])
			->events[1]
			.bound;

		cr_assert(bound != NULL && bound->uses == 2);
		cr_assert(bound->at_most_count == 2);
		cr_assert_str_eq(bound->at_most[0].value, "50");
		cr_assert_str_eq(bound->at_most[1].name, "/fee");
	}
}

Test(ledger_bounded, is_for_one_use_where_one_vote_was)
{
	const struct grant_bound *const orders[][2] = {
	    {&thrice, NULL}, {NULL, &thrice}};
	static const char *const runs[] = {"r", "r2"};

	for (size_t i = 0; i < GK_COUNT(orders); i++) {
		struct findings *two = asking();
		struct settlement *s =
		    two_votes(runs[i], orders[i][0], orders[i][1]);

		cr_assert(s->events[1].change == CHANGE_GRANTED);
		cr_assert(s->events[1].bound == NULL);
		two->approvals[0].needed = 2;
		s = world_ask(&world, "a1", runs[i], "2", "ak1_b", NULL, two);
		must_ask_anew(&s->events[0]);
	}
}

Test(ledger_bounded, holds_under_the_key_that_the_asking_step_was_hashed_with)
{
	struct event_key key = {.what = KEY_HASH, .id = 2};
	struct record_pair pins[] = {{"/order", "h1_A"}};
	struct ask_hashes older[] = {{1, "ak1_b", "h1_x", NULL, pins, NULL}};
	struct decision_request request = {
	    .run_id = "r", .step_id = "2", .action = "refund.create"};
	struct decision_ask said = {.request = &request,
	    .caller = world_identity(&world, "a1"),
	    .tenant = "t1",
	    .action_key = "ak2_b",
	    .args_hash = "h2_x",
	    .older = older,
	    .older_count = 1,
	    .pins = (struct record_pair[]){{"/order", "h2_A"}},
	    .pin_count = 1,
	    .findings = asking()};
	struct settle_at at;
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));
	char id[ID_TEXT_BYTES];

	(void)granted(&thrice, id);
	at = (struct settle_at){
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	cr_assert(ledger_settle_key(world.ledger, &at, "local:0",
		      CHANGE_ROTATED, &key, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
	at.seq = ledger_next_seq(world.ledger);
	pins[0].value = "h1_B"; /* another order */
	cr_assert(ledger_settle_decision(world.ledger, &at, &said, &world.arena,
		      s, NULL) == GK_OK);
	must_ask_anew(&s->events[0]);
	pins[0].value = "h1_A";
	cr_assert(ledger_settle_decision(world.ledger, &at, &said, &world.arena,
		      s, NULL) == GK_OK);
	cr_assert(s->events[0].decision == DECISION_ALLOW);
}
