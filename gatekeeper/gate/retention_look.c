/*
 * Retention, in the janitor: what is due, and the base that must be there first.
 *
 * The base is the ledger as it was at the new minimum.  It is folded here, from the
 * base before and the bodies that are about to go, a little at each round, on a
 * connection of its own: nothing waits for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/retention.h"

enum {
	FOLD_PAGE = 500,
	FOLD_US = 50000, /* a round */
	FOLD_ARENA_CAP = 4 << 20,
	TILE = 256,
	RULE_BYTES = 64 << 10,
};

#define LOOK_EVERY_US (10 * GK_US_PER_MIN)

/* ---- the configured rules ---- */

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Say which kinds there are. */
static enum gk_rc
no_such_kind(const char *text, struct gk_err *err)
{
	char kinds[256];
	size_t n = 0;

	for (size_t i = EVENT_NONE + 1; i < EVENT_KIND_COUNT; i++) {
		if (n < sizeof(kinds)) {
			n += (size_t)snprintf(kinds + n, sizeof(kinds) - n,
			    "%s%s", n > 0 ? ", " : "", event_kind_words[i]);
		}
	}
	return GK_FAIL(err, GK_E_INVALID,
	    "\"%.40s\": there is no such kind of event; expected one of %s",
	    text, kinds);
}

enum gk_rc
gate__opening_rule_parse(const char *text, struct gk_arena *arena,
    struct gate_opening_rule *ret, struct gk_err *err)
{
	const char *equals = strchr(text, '='), *space = strchr(text, ' ');
	struct gate_opening_rule rule = {
	    .text =
		gk_arena_printf(arena, "audit.retention_openings %s", text)};
	char *value;

	if (equals == NULL || space == NULL || space < equals ||
	    (!has_prefix(text, "kind=") && !has_prefix(text, "tenant="))) {
		return GK_FAIL(err, GK_E_INVALID,
		    "\"%.80s\": expected such as \"kind=decision 30d\" or "
		    "\"tenant=t_42 30d\"",
		    text);
	}
	value =
	    gk_arena_strndup(arena, equals + 1, (size_t)(space - equals - 1));
	if (value == NULL || rule.text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "retention");
	}
	if (has_prefix(text, "kind=")) {
		rule.kind =
		    name_find(event_kind_words, EVENT_KIND_COUNT, value);
		if (rule.kind <= EVENT_NONE) {
			return no_such_kind(text, err);
		}
	} else {
		rule.tenant = value;
		if (!name_is_id(value)) {
			return GK_FAIL(err, GK_E_INVALID,
			    "\"%.80s\": that is no tenant's id: 1-128 "
			    "characters of A-Z a-z 0-9 . _ : @ / -",
			    text);
		}
	}
	if (gk_duration_parse(space + 1, &rule.age_us, NULL) != GK_OK ||
	    rule.age_us <= 0) {
		return GK_FAIL(err, GK_E_INVALID,
		    "\"%.80s\": expected how long, such as 30d", text);
	}
	*ret = rule;
	return GK_OK;
}

enum gk_rc
gate_retention_rule_check(const char *text, struct gk_err *err)
{
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(RULE_BYTES);
	struct gate_opening_rule rule;

	return gate__opening_rule_parse(text, &arena, &rule, err);
}

/* ---- proposing ---- */

static void
offer(struct gate_retention *keep, const struct proposal *proposal)
{
	pthread_mutex_lock(&keep->lock);
	gate__proposal_done(&keep->offered);
	keep->offered = *proposal;
	pthread_mutex_unlock(&keep->lock);
}

static bool
is_offered(struct gate_retention *keep)
{
	bool is;

	pthread_mutex_lock(&keep->lock);
	is = keep->offered.what != PROPOSE_NOTHING;
	pthread_mutex_unlock(&keep->lock);
	return is;
}

static enum gk_rc
look_forget(
    struct gate *gate, int64_t now, bool *ret_offered, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	struct proposal proposal = {.what = PROPOSE_FORGET, .until_us = now};
	uint64_t count;

	GK_TRY(journal_count_forget(
	    keep->reader, keep->forget_us, now, &count, err));
	if (count > 0) {
		proposal.count = (int64_t)count;
		keep->forget_us = now;
		*ret_offered = true;
		offer(keep, &proposal);
	}
	return GK_OK;
}

static enum gk_rc
look_openings(struct gate *gate, size_t i, int64_t now, bool *ret_offered,
    struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	const struct gate_opening_rule *rule = &keep->rules[i];
	struct proposal proposal = {.what = PROPOSE_OPENINGS, .rule = i};
	uint64_t count;

	GK_TRY(journal_seq_at(
	    keep->reader, now - rule->age_us, &proposal.minimum, err));
	GK_TRY(journal_count_openings(keep->reader, keep->rule_done[i],
	    proposal.minimum, rule->kind == EVENT_NONE ? -1 : rule->kind,
	    event_column_hash(rule->tenant, NULL), &count, err));
	if (count > 0) {
		proposal.count = (int64_t)count;
		*ret_offered = true;
		offer(keep, &proposal);
	}
	keep->rule_done[i] = proposal.minimum;
	return GK_OK;
}

/* ---- the base ---- */

static enum gk_rc
fold_begin(struct gate *gate, uint64_t to, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	struct ledger_limits limits = {.run_idle_us = gate->options.run_idle_us,
	    .runs_per_identity = SIZE_MAX,
	    .result_grace_us = gate->options.result_grace_us};

	GK_TRY(ledger_new(&gate->id_key, &limits, &keep->fold, err));
	keep->fold_arena.cap = FOLD_ARENA_CAP;
	keep->fold_to = to;
	GK_TRY(
	    gate__base_load(keep->reader, keep->fold, &keep->fold_from, err));
	keep->fold_next = keep->fold_from;
	return GK_OK;
}

static enum gk_rc
look_bodies(struct gate *gate, int64_t now, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	int64_t age = gate->options.retention_days * GK_US_PER_DAY;
	uint64_t open = atomic_load(&keep->oldest_open), to;

	if (gate->options.retention_days <= 0) {
		return GK_OK;
	}
	GK_TRY(journal_seq_at(keep->reader, now - age, &to, err));
	to = to < open ? to : open;
	to -= to % TILE;
	return to > atomic_load(&gate->minimum) ? fold_begin(gate, to, err)
						: GK_OK;
}

static enum gk_rc
fold_event(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct gate_retention *keep = ctx;
	struct event event;

	(void)leaf;
	if (seq >= keep->fold_to) {
		*stop = true;
		return GK_OK;
	}
	gk_arena_clear(&keep->fold_arena);
	GK_TRY(event_decode(bytes, n, &keep->fold_arena, &event, err));
	GK_TRY(ledger_apply(keep->fold, &event, err));
	keep->fold_next = seq + 1;
	return GK_OK;
}

static enum gk_rc
keep_row(
    void *ctx, const char *key, const char *json, size_t n, struct gk_err *err)
{
	struct base_row ***last = ctx;
	size_t key_n = strlen(key) + 1;
	struct base_row *row = calloc(1, sizeof(*row) + key_n + n + 1);

	if (row == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "base");
	}
	memcpy(row->key, key, key_n);
	memcpy(row->key + key_n, json, n);
	row->json = row->key + key_n;
	row->n = n;
	**last = row;
	*last = &row->next;
	return GK_OK;
}

static enum gk_rc
fold_end(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	struct proposal proposal = {.what = PROPOSE_BODIES,
	    .minimum = keep->fold_to,
	    .count = (int64_t)(keep->fold_to - keep->fold_from)};
	struct base_row **last = &proposal.rows;
	enum gk_rc rc;

	rc = ledger_state_digest(keep->fold, &proposal.base, err);
	if (rc == GK_OK) {
		rc = ledger_rows(keep->fold, keep_row, &last, err);
	}
	if (rc == GK_OK) {
		rc = journal_prove_root(
		    keep->reader, keep->fold_to, &proposal.root, err);
	}
	ledger_freep(&keep->fold);
	if (rc != GK_OK) {
		gate__proposal_done(&proposal);
		return rc;
	}
	offer(keep, &proposal);
	return GK_OK;
}

/* Some more of the fold; a round's worth. */
static enum gk_rc
fold_go_on(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	int64_t began = gate__now(gate);

	while (keep->fold_next < keep->fold_to &&
	       gate__now(gate) - began < FOLD_US) {
		struct journal_query query = {.kind = -1,
		    .decision = -1,
		    .layer = -1,
		    .scope = -1,
		    .from_seq = keep->fold_next,
		    .limit = FOLD_PAGE};
		uint64_t before = keep->fold_next;
		bool more;

		GK_TRY(journal_search(keep->reader, &query, fold_event, keep,
		    &query.from_seq, &more, err));
		if (keep->fold_next == before) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "event %llu is missing",
			    (unsigned long long)before);
		}
	}
	return keep->fold_next == keep->fold_to ? fold_end(gate, err) : GK_OK;
}

/* ---- a round ---- */

static enum gk_rc
look(struct gate *gate, struct gk_err *err)
{
	struct gate_retention *keep = gate->retention;
	int64_t now = gate__now(gate);
	bool offered = false;

	if (keep->looked_us != 0 && now >= keep->looked_us &&
	    now - keep->looked_us < LOOK_EVERY_US) {
		return GK_OK;
	}
	GK_TRY(look_forget(gate, now, &offered, err));
	for (size_t i = 0; i < keep->rule_count && !offered; i++) {
		GK_TRY(look_openings(gate, i, now, &offered, err));
	}
	if (offered) {
		return GK_OK; /* and the rest when that is done */
	}
	keep->looked_us = now;
	return look_bodies(gate, now, err);
}

bool
gate__retention_look(struct gate *gate)
{
	struct gate_retention *keep = gate->retention;
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = GK_OK;

	if (atomic_exchange(&keep->again, false)) {
		memset(keep->rule_done, 0, sizeof(keep->rule_done));
		keep->looked_us = 0;
	}
	if (keep->reader == NULL || atomic_load(&keep->paused) ||
	    atomic_load(&keep->busy) || is_offered(keep)) {
		return atomic_load(&keep->busy);
	}
	rc = keep->fold != NULL ? fold_go_on(gate, &err) : look(gate, &err);
	if (rc != GK_OK) {
		gate__alert(gate, "retention", "%s%s%s", err.where,
		    err.where[0] == '\0' ? "" : ": ", err.text);
		ledger_freep(&keep->fold);
		keep->looked_us = gate__now(gate); /* not at once again */
	}
	return keep->fold != NULL;
}
