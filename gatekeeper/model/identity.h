#ifndef GK_MODEL_IDENTITY_H
#define GK_MODEL_IDENTITY_H
/* Who may call: identities, their permissions, and what they may assert about others. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/record.h"
#include "model/names.h"

/* Bits of identity.can_mask. */
enum permission {
	CAN_AGENT = 1,
	CAN_APPROVER = 2,
	CAN_OPERATOR = 4,
	CAN_AUDITOR = 8,
	CAN_METRICS = 16,
};

/* As it stands in an identity event and in the ledger.  Strings are kept, not owned. */
struct identity {
	const char *id;
	int kind;         /* enum identity_kind */
	const char **can; /* words */
	size_t can_count;
	const char **groups;
	size_t group_count;
	const char *person; /* NULL: id (for humans) */
	const char *agent;  /* NULL: id (for agents) */
	const char **tenants;
	size_t tenant_count;
	const char **may_actors; /* globs */
	size_t may_actor_count;
	const char **may_roles;
	size_t may_role_count;
	struct record_pair *attributes;
	size_t attribute_count;
	int64_t expires_us;     /* 0: never */
	const char *token_hash; /* base64url SHA-256 of the token's text */
};

extern const struct record_type identity_type;

#define IDENTITY_TOKEN_BYTES 48 /* "gk_", 43 characters of base64url, '\0' */

/* A new random token: shown once, kept only as its hash. */
void identity_token_new(char ret_token[IDENTITY_TOKEN_BYTES]);
/* The hash that is kept: 43 characters and '\0'. */
void identity_token_hash(const char *token, char ret_hash[44]);

unsigned identity_can(const struct identity *identity); /* permission bits */

/*
 * Is it whole?  Known words in can; approver only for humans; groups only for
 * approvers.  Errors: GK_E_INVALID with err->where the field's pointer.
 */
enum gk_rc identity_check(
    const struct identity *identity, struct gk_err *err) GK_MUST_USE;

/* May it speak for, and see, that tenant?  NULL tenant: only with "*" or no tenants at all. */
bool identity_has_tenant(const struct identity *identity, const char *tenant);
bool identity_may_act_for(const struct identity *identity, const char *actor);
bool identity_may_claim_role(const struct identity *identity, const char *role);
const char *identity_agent(
    const struct identity *identity); /* its agent name */
const char *identity_person(
    const struct identity *identity); /* NULL for non-humans without one */

/* A copy with everything in arena; NULL when memory ran out. */
struct identity *identity_copy(
    const struct identity *identity, struct gk_arena *arena) GK_MUST_USE;

#endif
