/* What the commit thread publishes to all others: the policy in force and the identities. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"

enum { TABLE_ARENA_CAP = 256 << 20 };

struct gate_identities {
	atomic_uint pins;
	struct gk_arena arena;
	struct identity **list; /* sorted by id */
	size_t count;
	struct gk_map by_hash, by_id;
};

struct policy *
gate__policy_pin(struct gate *gate, uint64_t *ret_generation)
{
	struct policy *policy;

	pthread_mutex_lock(&gate->publish_lock);
	policy = policy_pin(gate->policy);
	*ret_generation = gate->generation;
	pthread_mutex_unlock(&gate->publish_lock);
	return policy;
}

void
gate__policy_publish(struct gate *gate, struct policy **policy)
{
	struct policy *old;

	pthread_mutex_lock(&gate->publish_lock);
	old = gate->policy;
	gate->policy = GK_TAKE(*policy);
	gate->generation++;
	pthread_mutex_unlock(&gate->publish_lock);
	metrics_count(&gate->metrics.reloads, 1);
	if (old != NULL) {
		policy_unpin(old);
	}
}

static void
table_free(struct gate_identities *table)
{
	gk_map_done(&table->by_hash);
	gk_map_done(&table->by_id);
	gk_arena_done(&table->arena);
	free(table);
}

static enum gk_rc
table_fill(struct gate_identities *table, const struct ledger *ledger,
    struct gk_err *err)
{
	table->list =
	    gk_arena_calloc(&table->arena, table->count, sizeof(*table->list));
	for (size_t i = 0; i < table->count && table->list != NULL; i++) {
		struct identity *identity =
		    identity_copy(ledger_identity_at(ledger, i), &table->arena);

		if (identity == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "identities");
		}
		table->list[i] = identity;
		GK_TRY(gk_map_set(&table->by_id, identity->id,
		    strlen(identity->id), identity, err));
		if (identity->token_hash != NULL) {
			GK_TRY(gk_map_set(&table->by_hash, identity->token_hash,
			    strlen(identity->token_hash), identity, err));
		}
	}
	return table->list == NULL ? GK_FAIL(err, GK_E_NOMEM, "identities")
				   : GK_OK;
}

enum gk_rc
gate__identities_publish(struct gate *gate, struct gk_err *err)
{
	struct gate_identities *table = calloc(1, sizeof(*table)), *old;
	enum gk_rc rc;

	if (table == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "identities");
	}
	table->arena.cap = TABLE_ARENA_CAP;
	table->count = ledger_identity_count(gate->ledger);
	atomic_init(&table->pins, 1);
	rc = table_fill(table, gate->ledger, err);
	if (rc != GK_OK) {
		table_free(table);
		return rc;
	}
	pthread_mutex_lock(&gate->publish_lock);
	old = gate->identities;
	gate->identities = table;
	pthread_mutex_unlock(&gate->publish_lock);
	gate_identities_unpin(old);
	return GK_OK;
}

struct gate_identities *
gate_identities_pin(struct gate *gate)
{
	struct gate_identities *table;

	pthread_mutex_lock(&gate->publish_lock);
	table = gate->identities;
	atomic_fetch_add(&table->pins, 1);
	pthread_mutex_unlock(&gate->publish_lock);
	return table;
}

void
gate_identities_unpin(struct gate_identities *table)
{
	if (table != NULL && atomic_fetch_sub(&table->pins, 1) == 1) {
		table_free(table);
	}
}

/* The identity if the token of that hash is its own and valid now; else NULL. */
static const struct identity *
if_valid(
    const struct identity *identity, struct gate *gate, const char *token_hash)
{
	size_t n = strlen(token_hash);

	if (identity == NULL || identity->token_hash == NULL ||
	    strlen(identity->token_hash) != n ||
	    !digest_equal(identity->token_hash, token_hash, n) ||
	    (identity->expires_us != 0 &&
		identity->expires_us <= gate__now(gate))) {
		return NULL;
	}
	return identity;
}

/* The same where somebody else has proved whose it is. */
static const struct identity *
if_named(const struct identity *identity, struct gate *gate)
{
	return identity == NULL || identity->token_hash == NULL
		   ? NULL
		   : if_valid(identity, gate, identity->token_hash);
}

const struct identity *
gate_identify(
    const struct gate_identities *table, struct gate *gate, const char *token)
{
	char hash[44];

	identity_token_hash(token, hash);
	return if_valid(
	    gk_map_get(&table->by_hash, hash, strlen(hash)), gate, hash);
}

static bool
has_attribute(
    const struct identity *identity, const char *attribute, const char *value)
{
	for (size_t i = 0; i < identity->attribute_count; i++) {
		if (strcmp(identity->attributes[i].name, attribute) == 0) {
			return strcmp(identity->attributes[i].value, value) ==
			       0;
		}
	}
	return false;
}

const struct identity *
gate_identify_by(const struct gate_identities *table, struct gate *gate,
    const char *attribute, const char *value)
{
	const struct identity *found = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct identity *one = table->list[i];

		if (!has_attribute(one, attribute, value)) {
			continue;
		}
		if (found != NULL) { /* who of them it is can't be told */
			return NULL;
		}
		found = one;
	}
	return if_named(found, gate);
}

const struct identity *
gate_identify_again(const struct gate_identities *table, struct gate *gate,
    const char *id, const char *token_hash)
{
	return if_valid(gate__identity_by_id(table, id), gate, token_hash);
}

const struct identity *
gate_identify_named(
    const struct gate_identities *table, struct gate *gate, const char *id)
{
	return if_named(gate__identity_by_id(table, id), gate);
}

const struct identity *
gate__identity_by_id(const struct gate_identities *table, const char *id)
{
	return gk_map_get(&table->by_id, id, strlen(id));
}

const struct identity *
gate__identity_at(const struct gate_identities *table, size_t i)
{
	return i < table->count ? table->list[i] : NULL;
}
