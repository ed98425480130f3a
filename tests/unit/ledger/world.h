#ifndef TESTS_UNIT_LEDGER_WORLD_H
#define TESTS_UNIT_LEDGER_WORLD_H
/* A ledger with a journal in memory and a hand-made policy: what the gate does, without threads and disk. */

#include "base/arena.h"
#include "ledger/ledger.h"

enum { WORLD_EVENTS_MAX = 4096 };

struct world {
	struct ledger *ledger;
	struct ledger_limits limits;
	struct id_key id_key;
	int64_t now_us;
	struct gk_arena
	    arena; /* of requests and settlements; lives as long as the world */
	struct {
		char *bytes;
		size_t n;
	} events[WORLD_EVENTS_MAX];
	size_t count;
	/* what the next requests say besides world_ask()'s arguments */
	const char *action; /* NULL: refund.create */
	struct actor *actor;
	const char *context_hash;
	const struct json_value *args;
	struct record_pair pins[2];
	size_t pin_count;
	const char *actor_alias, *actor_person; /* see decision_ask */
	bool pseudonymize;
	const char *args_hash; /* NULL: h1_x */
	const struct ask_hashes *older;
	size_t older_count;
	/* what the next votes say besides world_vote()'s */
	const char *const *aliases;
	size_t alias_count;
	const struct grant_bound *bound;
	int64_t valid_us;
};

void world_init(struct world *world);
void world_done(struct world *world);

/* Record and apply the settlement's events: encode, decode, keep the bytes. */
void world_record(struct world *world, struct settlement *settlement);

/* Write what is due at world->now_us; gives how many events that were. */
size_t world_due(struct world *world);

/* Create identities: agent a1, a2 (agents), alice, bob (groups finance; bob2 is bob too). */
void world_people(struct world *world);
const struct identity *world_identity(
    const struct world *world, const char *id);

/* Findings that let everything pass, in arena; tests add to them. */
struct findings *world_findings(struct world *world);
void world_add_approval(struct world *world, struct findings *findings,
    const char *rule, int64_t needed);
void world_add_limit(
    struct world *world, struct findings *findings, struct limit_finding limit);
void world_add_budget(struct world *world, struct findings *findings,
    struct budget_finding budget);

/* Ask; recalls the run as the gate would; records and applies.  Gives the settlement. */
struct settlement *world_ask(struct world *world, const char *caller,
    const char *run, const char *step, const char *action_key,
    const char *approval_id, const struct findings *findings);
struct settlement *world_report(struct world *world, const char *caller,
    uint64_t decision_seq, const char *digest, int64_t usd_micros);
struct settlement *world_vote(struct world *world, const char *voter,
    uint64_t approval_seq, enum change change);
struct settlement *world_end(
    struct world *world, const char *caller, const char *run);

/* The state as one text; free() it. */
char *world_rows(const struct ledger *ledger);
/* A fresh ledger, fed with every event's bytes. */
struct ledger *world_rebuild(struct world *world);
/* A fresh ledger, loaded from the rows of the live one. */
struct ledger *world_reload(struct world *world);

#endif
