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
