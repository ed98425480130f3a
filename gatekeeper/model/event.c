/*
 * The table that is the event's format, and what is derived from an event.
 *
 * An event is one JSON object in RFC 8785 form.  Each member stands in the
 * sorted table below, so that the same table prints it, reads it back and
 * refuses what it doesn't know; schema/event.schema.json says the same to
 * others, and a test compares the two.
 */
#include <string.h>

#include "base/map.h"
#include "model/event.h"

#define STR(t, key, member)                                                  \
	{                                                                    \
		.name = (key), .kind = RECORD_STR, .flags = RECORD_EMPTY_OK, \
		.offset = offsetof(struct t, member)                         \
	}
#define INT(t, key, member)                          \
	{                                            \
		.name = (key), .kind = RECORD_INT,   \
		.offset = offsetof(struct t, member) \
	}
#define BIG(t, key, member)                          \
	{                                            \
		.name = (key), .kind = RECORD_BIG,   \
		.offset = offsetof(struct t, member) \
	}
#define BOOL(t, key, member)                         \
	{                                            \
		.name = (key), .kind = RECORD_BOOL,  \
		.offset = offsetof(struct t, member) \
	}
#define TIME(t, key, member)                         \
	{                                            \
		.name = (key), .kind = RECORD_TIME,  \
		.offset = offsetof(struct t, member) \
	}
#define ENUM(t, key, member, list)                                     \
	{                                                              \
		.name = (key), .kind = RECORD_ENUM,                    \
		.offset = offsetof(struct t, member), .names = (list), \
		.names_count = GK_COUNT(list)                          \
	}
#define STRS(t, key, member, counter, most)                                \
	{                                                                  \
		.name = (key), .kind = RECORD_STRS,                        \
		.offset = offsetof(struct t, member),                      \
		.count_offset = offsetof(struct t, counter), .max = (most) \
	}
#define MAP(t, key, member, counter, most)                                   \
	{                                                                    \
		.name = (key), .kind = RECORD_MAP, .flags = RECORD_EMPTY_OK, \
		.offset = offsetof(struct t, member),                        \
		.count_offset = offsetof(struct t, counter), .max = (most)   \
	}
#define OBJ(t, key, member, inner)                                     \
	{                                                              \
		.name = (key), .kind = RECORD_OBJECT,                  \
		.offset = offsetof(struct t, member), .type = &(inner) \
	}
#define OBJS(t, key, member, counter, most, inner)                          \
	{                                                                   \
		.name = (key), .kind = RECORD_OBJECTS,                      \
		.offset = offsetof(struct t, member),                       \
		.count_offset = offsetof(struct t, counter), .max = (most), \
		.type = &(inner)                                            \
	}
#define TYPE(words, t, fields)                                    \
	{                                                         \
		words, sizeof(struct t), fields, GK_COUNT(fields) \
	}

static const char *const charge_words[CHARGE_KIND_COUNT] = {
    [CHARGE_RATE] = "rate",
    [CHARGE_COUNT] = "count",
    [CHARGE_REPEAT] = "repeat",
    [CHARGE_BUDGET] = "budget",
    [CHARGE_ASK] = "ask",
};

static const struct record_field charge_fields[] = {
    INT(charge, "count", count),
    STR(charge, "key", key),
    ENUM(charge, "kind", kind, charge_words),
    BIG(charge, "micros", micros),
    ENUM(charge, "per", per, per_words),
    INT(charge, "reached", reached),
    BOOL(charge, "refund", refund),
    BOOL(charge, "reserved", reserved),
    STR(charge, "rule", rule),
    BIG(charge, "tat_ns", tat_ns),
    STR(charge, "unit", unit),
    TIME(charge, "window", window_us),
    TIME(charge, "window_end", window_end_us),
    INT(charge, "within_ms", within_ms),
};
const struct record_type charge_type = TYPE("charge", charge, charge_fields);

static const struct record_field approval_rule_fields[] = {
    STR(approval_rule, "digest", digest),
    INT(approval_rule, "escalate_ms", escalate_ms),
    STRS(approval_rule, "escalate_to", escalate_to, escalate_count, 64),
    STRS(approval_rule, "groups", groups, group_count, 64),
    INT(approval_rule, "needed", needed),
    STR(approval_rule, "reason", reason),
    ENUM(approval_rule, "risk", risk, risk_words),
    STR(approval_rule, "rule", rule),
};
const struct record_type approval_rule_type =
    TYPE("approval rule", approval_rule, approval_rule_fields);

static const struct record_field bounds_fields[] = {
    INT(approval_bounds, "max_ttl_ms", max_ttl_ms),
    INT(approval_bounds, "max_uses", max_uses),
    MAP(approval_bounds, "pins", pins, pin_count, APPROVAL_PINS_MAX),
};
const struct record_type approval_bounds_type =
    TYPE("bounds", approval_bounds, bounds_fields);

static const struct record_field bound_fields[] = {
    MAP(grant_bound, "at_most", at_most, at_most_count, APPROVAL_AT_MOST_MAX),
    INT(grant_bound, "uses", uses),
};
const struct record_type grant_bound_type =
    TYPE("bound", grant_bound, bound_fields);

static const struct record_field approval_terms_fields[] = {
    STR(approval_terms, "actor_person", actor_person),
    OBJ(approval_terms, "bounded", bounded, approval_bounds_type),
    TIME(approval_terms, "expires_at", expires_us),
    INT(approval_terms, "grant_valid_ms", grant_valid_ms),
    STR(approval_terms, "id", id),
    OBJS(approval_terms, "rules", rules, rule_count, 64, approval_rule_type),
};
const struct record_type approval_terms_type =
    TYPE("approval", approval_terms, approval_terms_fields);

static const struct record_field shadow_fields[] = {
    ENUM(event_shadow, "layer", layer, layer_words),
    STR(event_shadow, "reason", reason),
    STR(event_shadow, "rule", rule),
    {.name = "would",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event_shadow, would),
	.names = shadow_words,
	.names_count = SHADOW_COUNT},
};
static const struct record_type shadow_type =
    TYPE("shadow finding", event_shadow, shadow_fields);

static const struct record_field result_fields[] = {
    MAP(event_result, "cost", cost, cost_count, REQUEST_COST_MAX),
    STR(event_result, "digest", digest),
    INT(event_result, "duration_ms", duration_ms),
    STR(event_result, "error_code", error_code),
    STR(event_result, "error_hash", error_hash),
    STR(event_result, "output_hash", output_hash),
    ENUM(event_result, "status", status, result_status_words),
};
const struct record_type event_result_type =
    TYPE("result", event_result, result_fields);

static const struct record_field switch_fields[] = {
    STR(event_switch, "action", action),
    TIME(event_switch, "expires_at", expires_us),
    STR(event_switch, "id", id),
    ENUM(event_switch, "scope", scope, per_words),
    STR(event_switch, "subject", subject),
};
static const struct record_type switch_type =
    TYPE("kill switch", event_switch, switch_fields);

static const struct record_field process_fields[] = {
    BIG(event_process, "boot_id", boot_id),
    INT(event_process, "events", events),
    STR(event_process, "origin", origin),
    STR(event_process, "recovered", recovered),
    STR(event_process, "version", version),
    STR(event_process, "vkey", vkey),
};
static const struct record_type process_type =
    TYPE("process", event_process, process_fields);

static const struct record_field gap_fields[] = {
    INT(event_gap, "count", count),
    STR(event_gap, "identity", identity),
    TIME(event_gap, "since", since_us),
    STR(event_gap, "what", what),
};
static const struct record_type gap_type = TYPE("gap", event_gap, gap_fields);

static const struct record_field clock_fields[] = {
    TIME(event_clock, "ledger", ledger_us),
    TIME(event_clock, "wall", wall_us),
};
static const struct record_type clock_type =
    TYPE("clock", event_clock, clock_fields);

static const struct record_field access_fields[] = {
    STR(event_access, "query_hash", query_hash),
    STR(event_access, "what", what),
};
static const struct record_type access_type =
    TYPE("access", event_access, access_fields);

static const struct record_field key_fields[] = {
    STR(event_key, "handover", handover),
    INT(event_key, "id", id),
    STR(event_key, "vkey", vkey),
    {.name = "what",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event_key, what),
	.names = key_use_words,
	.names_count = KEY_USE_COUNT},
};
static const struct record_type key_type = TYPE("key", event_key, key_fields);

static const struct record_field snapshot_fields[] = {
    STR(event_snapshot, "digest", digest),
    INT(event_snapshot, "generation", generation),
    INT(event_snapshot, "rows", rows),
};
static const struct record_type snapshot_type =
    TYPE("snapshot", event_snapshot, snapshot_fields);

static const struct record_field retention_fields[] = {
    INT(event_retention, "count", count),
    STR(event_retention, "kind", kind),
    INT(event_retention, "minimum", minimum),
    STR(event_retention, "root", root),
    STR(event_retention, "tenant", tenant),
    TIME(event_retention, "until", until_us),
    STR(event_retention, "what", what),
};
static const struct record_type retention_type =
    TYPE("retention", event_retention, retention_fields);

static const struct record_field hold_fields[] = {
    STR(event_hold, "id", id),
    ENUM(event_hold, "scope", scope, per_words),
    STR(event_hold, "subject", subject),
    STR(event_hold, "tenant", tenant),
};
static const struct record_type hold_type =
    TYPE("hold", event_hold, hold_fields);

/*
 * seq, of_seq and v are INT: a log of 2^53 events is beyond us.  phase is a
 * function of kind; it is printed from and compared with the wire struct below.
 */
struct wire {
	struct event event; /* first, so that offsets into event hold */
	int phase;
	int64_t v;
};

static const struct record_field event_fields[] = {
    OBJ(event, "access", access, access_type),
    STR(event, "action", action),
    STR(event, "action_key", action_key),
    OBJ(event, "actor", actor, actor_type),
    STR(event, "agent_id", agent_id),
    OBJ(event, "approval", approval, approval_terms_type),
    STR(event, "approval_id", approval_id),
    STR(event, "args_hash", args_hash),
    TIME(event, "asked_at", asked_at_us),
    OBJ(event, "bound", bound, grant_bound_type),
    STR(event, "caller", caller),
    ENUM(event, "change", change, change_words),
    OBJS(event, "charges", charges, charge_count, EVENT_CHARGES_MAX,
	charge_type),
    OBJ(event, "clock", clock, clock_type),
    STR(event, "context_hash", context_hash),
    {.name = "decision",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct event, decision),
	.has_offset = offsetof(struct event, has_decision),
	.names = decision_words,
	.names_count = DECISION_COUNT},
    STR(event, "decision_id", decision_id),
    OBJ(event, "gap", gap, gap_type),
    TIME(event, "grant_until", grant_until_us),
    INT(event, "grant_valid_ms", grant_valid_ms),
    BOOL(event, "grant_vote", grant_vote),
    STRS(event, "groups", groups, group_count, 64),
    OBJ(event, "hold", hold, hold_type),
    OBJ(event, "identity", identity, identity_type),
    OBJ(event, "key", key, key_type),
    OBJ(event, "kill_switch", kill_switch, switch_type),
    {.name = "kind",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event, kind),
	.names = event_kind_words,
	.names_count = EVENT_KIND_COUNT},
    ENUM(event, "layer", layer, layer_words),
    {.name = "nonce",
	.kind = RECORD_BYTES,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event, nonce),
	.max = EVENT_NONCE_BYTES},
    STR(event, "note", note),
    {.name = "of_seq",
	.kind = RECORD_INT,
	.offset = offsetof(struct event, of_seq),
	.has_offset = offsetof(struct event, has_of_seq),
	.hi = JSON_INT_MAX},
    ENUM(event, "original", original, decision_words),
    STR(event, "parent_run_id", parent_run_id),
    STR(event, "parent_step_id", parent_step_id),
    STRS(event, "paths", paths, path_count, 64),
    STR(event, "person", person),
    {.name = "phase",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct wire, phase),
	.names = phase_words,
	.names_count = PHASE_COUNT},
    STR(event, "policy", policy),
    STR(event, "previous", previous),
    OBJ(event, "process", process, process_type),
    STR(event, "reason", reason),
    OBJ(event, "result", result, event_result_type),
    TIME(event, "result_by", result_by_us),
    OBJ(event, "retention", retention, retention_type),
    STR(event, "rule", rule),
    STR(event, "run_id", run_id),
    ENUM(event, "scope", scope, scope_words),
    {.name = "seq",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event, seq),
	.hi = JSON_INT_MAX},
    OBJS(event, "shadow", shadow, shadow_count, 16, shadow_type),
    MAP(event, "shown", shown, shown_count, 64),
    MAP(event, "shown_until", shown_until, shown_until_count, 64),
    OBJ(event, "snapshot", snapshot, snapshot_type),
    STR(event, "step_id", step_id),
    STR(event, "tenant_id", tenant_id),
    {.name = "timestamp",
	.kind = RECORD_TIME,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct event, timestamp_us)},
    STR(event, "traceparent", traceparent),
    INT(event, "use", use),
    {.name = "v",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct wire, v),
	.lo = EVENT_VERSION,
	.hi = EVENT_VERSION},
    TIME(event, "valid_until", valid_until_us),
};
const struct record_type event_type = TYPE("event", wire, event_fields);

static const struct json_limits event_limits = {
    .bytes = EVENT_BYTES_MAX,
    .depth = 8,
    .values = 4096,
};

enum gk_rc
event_encode(const struct event *event, struct gk_buf *buf, struct gk_err *err)
{
	struct wire wire = {*event,
	    (int)event_phase((enum event_kind)event->kind), EVENT_VERSION};
	size_t before = buf->len;

	GK_TRY(record_encode(&event_type, &wire, buf, err));
	if (buf->len - before > EVENT_BYTES_MAX) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "event of %zu bytes; at most %d", buf->len - before,
		    EVENT_BYTES_MAX);
	}
	return GK_OK;
}

enum gk_rc
event_decode(const char *bytes, size_t n, struct gk_arena *arena,
    struct event *ret, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf again = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct wire wire;

	if (record_quick(&event_type, bytes, n, &event_limits, arena, &wire) &&
	    wire.phase == (int)event_phase((enum event_kind)wire.event.kind)) {
		*ret = wire.event;
		return GK_OK;
	}
	GK_TRY(json_parse(bytes, n, &event_limits, &json, err));
	GK_TRY(record_decode(&event_type, json, arena, &wire, err));
	if (wire.phase != (int)event_phase((enum event_kind)wire.event.kind)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "phase isn't that of the event's kind");
	}
	GK_TRY(record_encode(&event_type, &wire, &again, err));
	if (again.len != n || memcmp(again.bytes, bytes, n) != 0) {
		return GK_FAIL(
		    err, GK_E_INVALID, "not in canonical form (RFC 8785)");
	}
	*ret = wire.event;
	return GK_OK;
}

int64_t
event_key_of(const char *hash)
{
	int64_t id = 0;
	const char *at = hash;

	if (at == NULL) {
		return 0;
	}
	at += strncmp(at, "ak", 2) == 0 ? 2 : *at == 'h' || *at == 'p' ? 1 : 0;
	if (at == hash || *at < '1' || *at > '9') {
		return 0;
	}
	for (; *at >= '0' && *at <= '9' && id <= EVENT_KEY_MAX; at++) {
		id = id * 10 + (*at - '0');
	}
	return *at == '_' && id <= EVENT_KEY_MAX ? id : 0;
}

int64_t
event_column_hash(const char *a, const char *b)
{
	static const uint8_t key[16] = "gatekeeper/index";
	uint8_t text[600];
	size_t n = 0, len;

	if (a == NULL && b == NULL) {
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		const char *part = i == 0 ? a : b;

		len = part == NULL ? 0 : strlen(part);
		if (len > 299) {
			len = 299;
		}
		if (len > 0) {
			memcpy(text + n, part, len);
		}
		n += len;
		text[n++] = 0;
	}
	return (int64_t)(gk_siphash(key, text, n) >> 1) | 1;
}

void
event_columns(const struct event *event, struct event_columns *ret)
{
	const char *tenant = event->tenant_id == NULL ? "" : event->tenant_id;

	memset(ret, 0, sizeof(*ret));
	if (event->run_id != NULL) {
		ret->run = event_column_hash(tenant, event->run_id);
	}
	ret->tenant = event_column_hash(event->tenant_id, NULL);
	ret->agent = event_column_hash(event->agent_id, NULL);
	if (event->actor != NULL) {
		ret->actor = event_column_hash(event->actor->id, NULL);
	}
	if (event->kill_switch != NULL &&
	    event->kill_switch->scope == SCOPE_ACTOR) {
		ret->actor =
		    event_column_hash(event->kill_switch->subject, NULL);
	}
	ret->action = event_column_hash(event->action, NULL);
	ret->action_key = event_column_hash(event->action_key, NULL);
	ret->reason = event_column_hash(event->reason, NULL);
	ret->approval = event_column_hash(event->approval_id, NULL);
}

void
event_commit(const char *path, const uint8_t salt[16], const char *value,
    char ret_text[EVENT_COMMIT_BYTES])
{
	static const char label[] = "\002gatekeeper/show/v1"; /* and its '\0' */
	size_t n = strlen(path);
	const uint8_t len[2] = {(uint8_t)(n >> 8), (uint8_t)n};
	const struct digest_part parts[] = {{label, sizeof(label)}, {salt, 16},
	    {len, 2}, {path, n}, {value, strlen(value)}};
	struct digest hash;

	digest_sha256(parts, GK_COUNT(parts), &hash);
	memcpy(ret_text, "c1_", 3);
	(void)digest_b64url(hash.bytes, sizeof(hash.bytes), ret_text + 3);
}
