/* Identities: their table, their checks, their tokens. */
#include <string.h>

#include "codec/digest.h"
#include "model/identity.h"

enum { LIST_MAX = 64 };

static const char id_expected[] = "1-128 characters of A-Z a-z 0-9 . _ : @ / -";
static const char glob_expected[] =
    "1-128 characters of A-Z a-z 0-9 . _ : @ / - and *";

static bool
is_hash(const char *text)
{
	uint8_t hash[DIGEST_BYTES];
	size_t n;

	return digest_from_b64url(text, strlen(text), hash, sizeof(hash), &n) &&
	       n == sizeof(hash);
}

#define LIST(field, member, counter, checker, words)                     \
	{                                                                \
		.name = (field), .kind = RECORD_STRS,                    \
		.offset = offsetof(struct identity, member),             \
		.count_offset = offsetof(struct identity, counter),      \
		.max = LIST_MAX, .check = (checker), .expected = (words) \
	}

static const struct record_field identity_fields[] = {
    {.name = "agent",
	.kind = RECORD_STR,
	.offset = offsetof(struct identity, agent),
	.check = name_is_id,
	.expected = id_expected},
    {.name = "attributes",
	.kind = RECORD_MAP,
	.flags = RECORD_EMPTY_OK,
	.offset = offsetof(struct identity, attributes),
	.count_offset = offsetof(struct identity, attribute_count),
	.max = LIST_MAX},
    LIST("can", can, can_count, name_is_code, "a permission"),
    {.name = "expires",
	.kind = RECORD_TIME,
	.offset = offsetof(struct identity, expires_us)},
    LIST("groups", groups, group_count, name_is_id, id_expected),
    {.name = "id",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct identity, id),
	.check = name_is_id,
	.expected = id_expected},
    {.name = "kind",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct identity, kind),
	.names = identity_kind_words,
	.names_count = IDENTITY_KIND_COUNT},
    LIST(
	"may_actors", may_actors, may_actor_count, name_is_glob, glob_expected),
    LIST("may_roles", may_roles, may_role_count, name_is_glob, glob_expected),
    {.name = "person",
	.kind = RECORD_STR,
	.offset = offsetof(struct identity, person),
	.check = name_is_id,
	.expected = id_expected},
    LIST("tenants", tenants, tenant_count, name_is_glob, "a tenant's id, or *"),
    {.name = "token_hash",
	.kind = RECORD_STR,
	.offset = offsetof(struct identity, token_hash),
	.check = is_hash,
	.expected = "32 bytes in base64url"},
};

const struct record_type identity_type = {"identity", sizeof(struct identity),
    identity_fields, GK_COUNT(identity_fields)};

static const struct {
	const char *word;
	enum permission bit;
} permissions[] = {
    {"agent", CAN_AGENT},
    {"approver", CAN_APPROVER},
    {"operator", CAN_OPERATOR},
    {"auditor", CAN_AUDITOR},
    {"metrics", CAN_METRICS},
};

void
identity_token_new(char ret_token[IDENTITY_TOKEN_BYTES])
{
	uint8_t secret[32];

	digest_random(secret, sizeof(secret));
	memcpy(ret_token, "gk_", 3);
	(void)digest_b64url(secret, sizeof(secret), ret_token + 3);
	digest_wipe(secret, sizeof(secret));
}

void
identity_token_hash(const char *token, char ret_hash[44])
{
	struct digest_part part = {token, strlen(token)};
	struct digest hash;

	digest_sha256(&part, 1, &hash);
	(void)digest_b64url(hash.bytes, sizeof(hash.bytes), ret_hash);
}

static unsigned
permission_bit(const char *word)
{
	for (size_t i = 0; i < GK_COUNT(permissions); i++) {
		if (strcmp(permissions[i].word, word) == 0) {
			return permissions[i].bit;
		}
	}
	return 0;
}

unsigned
identity_can(const struct identity *identity)
{
	unsigned mask = 0;

	for (size_t i = 0; i < identity->can_count; i++) {
		mask |= permission_bit(identity->can[i]);
	}
	return mask;
}

static enum gk_rc
wrong(struct gk_err *err, const char *where, const char *text)
{
	enum gk_rc rc = GK_FAIL(err, GK_E_INVALID, "%s", text);

	gk_err_where(err, "%s", where);
	return rc;
}

enum gk_rc
identity_check(const struct identity *identity, struct gk_err *err)
{
	unsigned can = identity_can(identity);

	for (size_t i = 0; i < identity->can_count; i++) {
		if (permission_bit(identity->can[i]) == 0) {
			return wrong(err, "/can",
			    "a permission is agent, approver, operator, "
			    "auditor or metrics");
		}
	}
	if ((can & CAN_APPROVER) != 0 && identity->kind != IDENTITY_HUMAN) {
		return wrong(err, "/can", "only kind human can be an approver");
	}
	if (identity->group_count > 0 && (can & CAN_APPROVER) == 0) {
		return wrong(err, "/groups", "groups are for approvers");
	}
	if (identity->person != NULL && identity->kind != IDENTITY_HUMAN) {
		return wrong(err, "/person", "only kind human has a person");
	}
	if (identity->agent != NULL && (can & CAN_AGENT) == 0) {
		return wrong(
		    err, "/agent", "only those who can agent have an agent");
	}
	for (size_t i = 0; i < identity->tenant_count; i++) {
		if (strchr(identity->tenants[i], '*') != NULL &&
		    strcmp(identity->tenants[i], "*") != 0) {
			return wrong(
			    err, "/tenants", "a tenant's id, or exactly *");
		}
	}
	return GK_OK;
}

bool
identity_has_tenant(const struct identity *identity, const char *tenant)
{
	for (size_t i = 0; i < identity->tenant_count; i++) {
		if (strcmp(identity->tenants[i], "*") == 0 ||
		    (tenant != NULL &&
			strcmp(identity->tenants[i], tenant) == 0)) {
			return true;
		}
	}
	return tenant == NULL && identity->tenant_count == 0;
}

static bool
any_glob(const char *const *globs, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (name_glob(globs[i], text)) {
			return true;
		}
	}
	return false;
}

bool
identity_may_act_for(const struct identity *identity, const char *actor)
{
	return any_glob(identity->may_actors, identity->may_actor_count, actor);
}

bool
identity_may_claim_role(const struct identity *identity, const char *role)
{
	return any_glob(identity->may_roles, identity->may_role_count, role);
}

const char *
identity_agent(const struct identity *identity)
{
	return identity->agent != NULL ? identity->agent : identity->id;
}

const char *
identity_person(const struct identity *identity)
{
	if (identity->kind != IDENTITY_HUMAN) {
		return NULL;
	}
	return identity->person != NULL ? identity->person : identity->id;
}

static bool
copy_list(const char ***list, size_t count, struct gk_arena *arena)
{
	const char **copy;

	if (count == 0) {
		return true;
	}
	copy = gk_arena_calloc(arena, count, sizeof(*copy));
	if (copy == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		copy[i] = gk_arena_strdup(arena, (*list)[i]);
		if (copy[i] == NULL) {
			return false;
		}
	}
	*list = copy;
	return true;
}

static bool
copy_text(const char **text, struct gk_arena *arena)
{
	if (*text == NULL) {
		return true;
	}
	*text = gk_arena_strdup(arena, *text);
	return *text != NULL;
}

static bool
copy_pairs(struct record_pair **pairs, size_t count, struct gk_arena *arena)
{
	struct record_pair *copy;

	if (count == 0) {
		return true;
	}
	copy = gk_arena_calloc(arena, count, sizeof(*copy));
	if (copy == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		copy[i] = (*pairs)[i];
		if (!copy_text(&copy[i].name, arena) ||
		    !copy_text(&copy[i].value, arena)) {
			return false;
		}
	}
	*pairs = copy;
	return true;
}

struct identity *
identity_copy(const struct identity *identity, struct gk_arena *arena)
{
	struct identity *copy = gk_arena_alloc(arena, sizeof(*copy));
	bool whole;

	if (copy == NULL) {
		return NULL;
	}
	*copy = *identity;
	whole = copy_text(&copy->id, arena) &&
		copy_text(&copy->person, arena) &&
		copy_text(&copy->agent, arena) &&
		copy_text(&copy->token_hash, arena) &&
		copy_list(&copy->can, copy->can_count, arena) &&
		copy_list(&copy->groups, copy->group_count, arena) &&
		copy_list(&copy->tenants, copy->tenant_count, arena) &&
		copy_list(&copy->may_actors, copy->may_actor_count, arena) &&
		copy_list(&copy->may_roles, copy->may_role_count, arena) &&
		copy_pairs(&copy->attributes, copy->attribute_count, arena);
	return whole ? copy : NULL;
}
