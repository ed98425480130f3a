/* The gate's order in a few lines, for tests of the ledger. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "codec/digest.h"
#include "world.h"

void
world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	cr_assert(digest_init(NULL) == GK_OK);
	world->arena.cap = (size_t)1 << 30;
	world->now_us = INT64_C(1795000000) * GK_US_PER_S;
	world->limits = (struct ledger_limits){.run_idle_us = GK_US_PER_HOUR,
	    .runs_per_identity = 100,
	    .result_grace_us = 0};
	memcpy(world->id_key.bytes, "0123456789abcdef", 16);
	cr_assert(ledger_new(&world->id_key, &world->limits, &world->ledger,
		      NULL) == GK_OK);
}

void
world_done(struct world *world)
{
	ledger_free(world->ledger);
	gk_arena_done(&world->arena);
	for (size_t i = 0; i < world->count; i++) {
		free(world->events[i].bytes);
	}
}

static void
record(struct world *world, struct event *event)
{
	struct gk_buf buf = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct gk_err err = {0};
	enum gk_rc rc;

	memset(event->nonce, 7, sizeof(event->nonce));
	cr_assert(event_encode(event, &buf, &err) == GK_OK, "%s", err.text);
	cr_assert(world->count < WORLD_EVENTS_MAX);
	world->events[world->count].n = buf.len;
	world->events[world->count++].bytes = gk_buf_take(&buf);
	rc = ledger_apply(world->ledger, event, &err);
	cr_assert(rc == GK_OK, "%s: %s", err.where, err.text);
}

void
world_record(struct world *world, struct settlement *settlement)
{
	for (size_t i = 0; i < settlement->event_count; i++) {
		record(world, &settlement->events[i]);
	}
}

static struct settlement *
settlement_new(struct world *world)
{
	struct settlement *made = gk_arena_alloc(&world->arena, sizeof(*made));

	cr_assert(made != NULL);
	return made;
}

static struct settle_at
at_now(const struct world *world)
{
	return (struct settle_at){
	    .seq = ledger_next_seq(world->ledger), .now_us = world->now_us};
}

size_t
world_due(struct world *world)
{
	size_t n = 0;

	for (;; n++) {
		struct settlement *s = settlement_new(world);
		struct settle_at at = at_now(world);

		cr_assert(ledger_settle_due(world->ledger, &at, &world->arena,
			      s, NULL) == GK_OK);
		if (s->outcome == SETTLE_NOTHING) {
			return n;
		}
		world_record(world, s);
	}
}

static void
add_identity(struct world *world, struct identity identity, const char *can,
    const char *group)
{
	const char *cans[] = {can}, *groups[] = {group}, *tenants[] = {"*"};
	struct settlement *s = settlement_new(world);
	struct settle_at at = at_now(world);

	identity.can = cans;
	identity.can_count = 1;
	identity.groups = groups;
	identity.group_count = group == NULL ? 0 : 1;
	identity.tenants = tenants;
	identity.tenant_count = 1;
	cr_assert(
	    ledger_settle_identity(world->ledger, &at, "local:0",
		CHANGE_CREATED, &identity, &world->arena, s, NULL) == GK_OK);
	world_record(world, s);
}

void
world_people(struct world *world)
{
	add_identity(world,
	    (struct identity){.id = "a1", .kind = IDENTITY_AGENT}, "agent",
	    NULL);
	add_identity(world,
	    (struct identity){.id = "a2", .kind = IDENTITY_AGENT}, "agent",
	    NULL);
	add_identity(world,
	    (struct identity){.id = "alice", .kind = IDENTITY_HUMAN},
	    "approver", "finance");
	add_identity(world,
	    (struct identity){.id = "bob", .kind = IDENTITY_HUMAN}, "approver",
	    "finance");
	add_identity(world,
	    (struct identity){
		.id = "bob2", .kind = IDENTITY_HUMAN, .person = "bob"},
	    "approver", "finance");
}

const struct identity *
world_identity(const struct world *world, const char *id)
{
	for (size_t i = 0; i < ledger_identity_count(world->ledger); i++) {
		const struct identity *identity =
		    ledger_identity_at(world->ledger, i);

		if (strcmp(identity->id, id) == 0) {
			return identity;
		}
	}
	cr_assert(false, "no identity %s", id);
	return NULL;
}

struct findings *
world_findings(struct world *world)
{
	struct findings *found = gk_arena_alloc(&world->arena, sizeof(*found));

	cr_assert(found != NULL);
	found->access = ACCESS_PASSES;
	found->access_rule = "all";
	found->access_reason = "allowed";
	found->limits =
	    gk_arena_calloc(&world->arena, 4, sizeof(*found->limits));
	found->budgets =
	    gk_arena_calloc(&world->arena, 4, sizeof(*found->budgets));
	found->approvals =
	    gk_arena_calloc(&world->arena, 4, sizeof(*found->approvals));
	found->result_within_us = 15 * GK_US_PER_MIN;
	found->allow_valid_us = 5 * GK_US_PER_MIN;
	found->policy = "sha256:p";
	return found;
}

void
world_add_approval(struct world *world, struct findings *findings,
    const char *rule, int64_t needed)
{
	static const char *const groups[] = {"finance"};
	struct approval_finding *made =
	    &findings->approvals[findings->approval_count++];

	(void)world;
	*made = (struct approval_finding){.rule = rule,
	    .digest = "sha256:r",
	    .reason = "needs_a_human",
	    .groups = groups,
	    .group_count = 1,
	    .needed = needed,
	    .expires_us = 30 * GK_US_PER_MIN,
	    .grant_valid_us = 15 * GK_US_PER_MIN};
}

void
world_add_limit(
    struct world *world, struct findings *findings, struct limit_finding limit)
{
	(void)world;
	findings->limits[findings->limit_count++] = limit;
}

void
world_add_budget(struct world *world, struct findings *findings,
    struct budget_finding budget)
{
	(void)world;
	findings->budgets[findings->budget_count++] = budget;
}

/* Decode an event that was recorded, into the world's arena. */
static void
read_event(struct world *world, uint64_t seq, struct event *ret)
{
	cr_assert(seq < world->count);
	cr_assert(event_decode(world->events[seq].bytes, world->events[seq].n,
		      &world->arena, ret, NULL) == GK_OK);
}

/* What the gate does on SETTLE_MISS: true when the run was recalled. */
static bool
recall(struct world *world, const char *tenant, const char *run)
{
	bool any = false;

	for (size_t i = 0; i < world->count; i++) {
		struct event event;
		struct gk_err err = {0};

		read_event(world, i, &event);
		if (event.run_id == NULL || strcmp(event.run_id, run) != 0 ||
		    event.tenant_id == NULL ||
		    strcmp(event.tenant_id, tenant) != 0) {
			continue;
		}
		any = true;
		cr_assert(ledger_recall(world->ledger, &event, &err) == GK_OK,
		    "%s: %s", err.where, err.text);
	}
	return any;
}

struct settlement *
world_ask(struct world *world, const char *caller, const char *run,
    const char *step, const char *action_key, const char *approval_id,
    const struct findings *findings)
{
	struct settlement *s = settlement_new(world);
	struct decision_request request = {.run_id = run,
	    .step_id = step,
	    .action = world->action == NULL ? "refund.create" : world->action,
	    .actor = world->actor,
	    .args = world->args,
	    .approval_id = approval_id};
	struct decision_ask ask = {.request = &request,
	    .caller = world_identity(world, caller),
	    .tenant = "t1",
	    .action_key = action_key,
	    .args_hash = world->args_hash == NULL ? "h1_x" : world->args_hash,
	    .actor_alias = world->actor_alias,
	    .actor_person = world->actor_person,
	    .pseudonymize = world->pseudonymize,
	    .older = world->older,
	    .older_count = world->older_count,
	    .context_hash = world->context_hash,
	    .pins = world->pins,
	    .pin_count = world->pin_count,
	    .asked_at_us = world->now_us,
	    .findings = findings};
	struct settle_at at;
	struct gk_err err = {0};
	enum gk_rc rc;

	(void)world_due(world);
	at = at_now(world);
	rc = ledger_settle_decision(
	    world->ledger, &at, &ask, &world->arena, s, &err);
	if (rc == GK_OK && s->outcome == SETTLE_MISS) {
		at.run_is_new = !recall(world, "t1", run);
		rc = ledger_settle_decision(
		    world->ledger, &at, &ask, &world->arena, s, &err);
	}
	cr_assert(rc == GK_OK, "%s", err.text);
	world_record(world, s);
	return s;
}

struct settlement *
world_report(struct world *world, const char *caller, uint64_t decision_seq,
    const char *digest, int64_t usd_micros)
{
	struct settlement *s = settlement_new(world);
	struct event decision;
	struct event_result result = {.status = RESULT_OK, .digest = digest};
	struct cost_item cost = {.unit = "usd", .micros = usd_micros};
	struct result_report report = {.decision_seq = decision_seq,
	    .decision = &decision,
	    .caller = world_identity(world, caller),
	    .result = &result,
	    .cost = &cost,
	    .cost_count = usd_micros < 0 ? 0 : 1};
	struct settle_at at;

	(void)world_due(world);
	read_event(world, decision_seq, &decision);
	at = at_now(world);
	cr_assert(ledger_settle_result(world->ledger, &at, &report,
		      &world->arena, s, NULL) == GK_OK);
	if (s->outcome == SETTLE_MISS) {
		cr_assert(recall(world, decision.tenant_id, decision.run_id));
		cr_assert(ledger_settle_result(world->ledger, &at, &report,
			      &world->arena, s, NULL) == GK_OK);
	}
	world_record(world, s);
	return s;
}

struct settlement *
world_vote(struct world *world, const char *voter, uint64_t approval_seq,
    enum change change)
{
	struct settlement *s = settlement_new(world);
	struct event asked;
	struct approval_ballot ballot = {.approval_seq = approval_seq,
	    .voter = world_identity(world, voter),
	    .aliases = world->aliases,
	    .alias_count = world->alias_count,
	    .bound = change == CHANGE_GRANTED ? world->bound : NULL,
	    .grant_valid_us = world->valid_us,
	    .change = change};
	struct settle_at at;

	(void)world_due(world);
	read_event(world, approval_seq, &asked);
	ballot.tenant_id = asked.tenant_id;
	ballot.run_id = asked.run_id;
	at = at_now(world);
	cr_assert(ledger_settle_ballot(world->ledger, &at, &ballot,
		      &world->arena, s, NULL) == GK_OK);
	world_record(world, s);
	return s;
}

struct settlement *
world_end(struct world *world, const char *caller, const char *run)
{
	struct settlement *s = settlement_new(world);
	struct settle_at at;

	(void)world_due(world);
	at = at_now(world);
	at.run_is_new = true;
	cr_assert(ledger_settle_run_end(world->ledger, &at,
		      world_identity(world, caller), "t1", run, &world->arena,
		      s, NULL) == GK_OK);
	world_record(world, s);
	return s;
}

static enum gk_rc
append_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	struct gk_buf *buf = ctx;

	(void)n;
	return gk_buf_printf(buf, err, "%s %s\n", key, json);
}

char *
world_rows(const struct ledger *ledger)
{
	struct gk_buf buf = GK_BUF_INIT((size_t)1 << 30);

	cr_assert(gk_buf_puts(&buf, "", NULL) == GK_OK);
	cr_assert(ledger_rows(ledger, append_row, &buf, NULL) == GK_OK);
	return gk_buf_take(&buf);
}

struct ledger *
world_rebuild(struct world *world)
{
	struct ledger *made;

	cr_assert(
	    ledger_new(&world->id_key, &world->limits, &made, NULL) == GK_OK);
	for (size_t i = 0; i < world->count; i++) {
		struct gk_arena arena = GK_ARENA_INIT(1 << 20);
		struct gk_err err = {0};
		struct event event;

		cr_assert(
		    event_decode(world->events[i].bytes, world->events[i].n,
			&arena, &event, &err) == GK_OK,
		    "%s", err.text);
		cr_assert(ledger_apply(made, &event, &err) == GK_OK, "%s: %s",
		    err.where, err.text);
		gk_arena_done(&arena);
	}
	return made;
}

static enum gk_rc
load_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	return ledger_load_row(ctx, key, json, n, err);
}

struct ledger *
world_reload(struct world *world)
{
	struct ledger *made;
	struct gk_err err = {0};

	cr_assert(
	    ledger_new(&world->id_key, &world->limits, &made, NULL) == GK_OK);
	cr_assert(ledger_rows(world->ledger, load_row, made, &err) == GK_OK,
	    "%s", err.text);
	return made;
}
