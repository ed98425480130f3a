/* Replay: the journal read in order, its decisions asked again of another policy. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "codec/canon.h"
#include "gate/gate_internal.h"
#include "gate/replay.h"
#include "gate/replay_args.h"
#include "gate/replay_grant.h"
#include "gate/replay_tally.h"
#include "gate/trial.h"
#include "model/decimal.h"

enum {
	ARENA_CAP = 4 << 20,
	PROGRESS_EVERY = 8192,
	BATCH = 1000, /* events that one search gives */
	ASKED_ARENA_CAP = 1 << 20,
};

/* A recorded decision's place in the trial. */
struct mapped {
	uint64_t recorded, tried, approval;
	bool asked;
};

/* An identity as it was last recorded; in an arena of its own. */
struct known {
	struct gk_arena arena;
	struct identity *identity;
};

struct replay {
	const struct replay_options *options;
	struct journal_reader *reader;
	struct trial *trial;
	struct tally tally;
	struct gk_arena arena; /* of one event */
	struct gk_map mapped;  /* recorded seq → struct mapped */
	struct gk_map known;   /* id → struct known */
	uint64_t done, total;
	bool full;
};

/* ---- who there was ---- */

static enum gk_rc
remember(
    struct replay *replay, const struct identity *identity, struct gk_err *err)
{
	struct known *known = calloc(1, sizeof(*known)), *before;
	enum gk_rc rc;

	if (known == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	known->arena.cap = 1 << 20;
	known->identity = identity_copy(identity, &known->arena);
	if (known->identity == NULL) {
		free(known);
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	before =
	    gk_map_remove(&replay->known, identity->id, strlen(identity->id));
	if (before != NULL) {
		gk_arena_done(&before->arena);
		free(before);
	}
	rc = gk_map_set(&replay->known, known->identity->id,
	    strlen(known->identity->id), known, err);
	if (rc != GK_OK) {
		gk_arena_done(&known->arena);
		free(known);
	}
	return rc;
}

/* The caller of an event; who isn't known any more is somebody with that name alone. */
static const struct identity *
caller_of(struct replay *replay, const struct event *event)
{
	const struct known *known =
	    event->caller == NULL ? NULL
				  : gk_map_get(&replay->known, event->caller,
					strlen(event->caller));
	static const char *everything[] = {"*"};
	struct identity *made;

	if (known != NULL) {
		return known->identity;
	}
	made = gk_arena_alloc(&replay->arena, sizeof(*made));
	if (made != NULL) {
		made->id = event->caller == NULL ? "" : event->caller;
		made->kind = IDENTITY_AGENT;
		made->agent = event->agent_id;
		made->tenants = made->may_actors = made->may_roles = everything;
		made->tenant_count = made->may_actor_count =
		    made->may_role_count = 1;
	}
	return made;
}

/* ---- what was asked ---- */

/* What the decision reserved says what it was said to cost, in part. */
static void
copy_cost(const struct event *event, struct decision_request *request)
{
	for (size_t i = 0;
	     i < event->charge_count && request->cost_count < REQUEST_COST_MAX;
	     i++) {
		const struct charge *charge = &event->charges[i];
		bool known = false;

		if (charge->kind != CHARGE_BUDGET || charge->unit == NULL) {
			continue;
		}
		for (size_t k = 0; k < request->cost_count; k++) {
			known = known || strcmp(request->cost[k].unit,
					     charge->unit) == 0;
		}
		if (!known) {
			request->cost[request->cost_count++] =
			    (struct cost_item){charge->unit, charge->micros};
		}
	}
}

/* ---- asking again ---- */

/* Would both readings of what isn't known ask for the same? */
static bool
same_findings(const struct findings *a, const struct findings *b)
{
	bool same = a->access == b->access &&
		    a->limit_count == b->limit_count &&
		    a->budget_count == b->budget_count &&
		    a->approval_count == b->approval_count;

	for (size_t i = 0; same && i < a->limit_count; i++) {
		same = strcmp(a->limits[i].rule, b->limits[i].rule) == 0;
	}
	for (size_t i = 0; same && i < a->budget_count; i++) {
		same = strcmp(a->budgets[i].rule, b->budgets[i].rule) == 0;
	}
	for (size_t i = 0; same && i < a->approval_count; i++) {
		same = strcmp(a->approvals[i].rule, b->approvals[i].rule) == 0;
	}
	/* who is stopped anyway isn't asked about anything else */
	return same || (a->access == ACCESS_STOPS && b->access == ACCESS_STOPS);
}

/*
 * Judge it: *ret_findings, what isn't known read as the recorded decision had it.
 * False: the decision hangs on what wasn't kept, and is told to the tally.
 */
static enum gk_rc
can_tell(struct replay *replay, const struct event *event,
    struct trial_ask *ask, struct findings *ret_findings, bool *ret_can,
    struct gk_err *err)
{
	struct findings opens;

	*ret_can = true;
	GK_TRY(trial_judge(replay->trial, ask, ret_findings, err));
	if (ret_findings->unknown_count == 0) {
		return GK_OK;
	}
	ask->unknown_opens = true;
	GK_TRY(trial_judge(replay->trial, ask, &opens, err));
	*ret_can = same_findings(ret_findings, &opens);
	if (!*ret_can) {
		GK_TRY(tally_unknown(&replay->tally, event->action,
		    ret_findings->unknown, ret_findings->unknown_count, err));
	}
	if (event->decision == DECISION_ALLOW ||
	    (event->rule != NULL && opens.access_rule != NULL &&
		strcmp(opens.access_rule, event->rule) == 0)) {
		*ret_findings = opens;
	}
	return GK_OK;
}

/* The trial's seq of a recorded decision: before the replay they are the same. */
static struct mapped
place_of(const struct replay *replay, uint64_t recorded)
{
	const struct mapped *mapped =
	    gk_map_get(&replay->mapped, &recorded, sizeof(recorded));

	return mapped != NULL
		   ? *mapped
		   : (struct mapped){recorded, recorded, recorded, true};
}

static enum gk_rc
keep_place(struct replay *replay, uint64_t recorded,
    const struct trial_answer *answer, struct gk_err *err)
{
	struct mapped *mapped = malloc(sizeof(*mapped));
	enum gk_rc rc;

	if (mapped == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	*mapped = (struct mapped){
	    recorded, answer->seq, answer->approval, answer->asked};
	rc = gk_map_set(&replay->mapped, &mapped->recorded,
	    sizeof(mapped->recorded), mapped, err);
	if (rc != GK_OK) {
		free(mapped);
	}
	return rc;
}

/* A step that used a grant, or tried to: it named the approval. */
static bool
names_approval(const struct replay *replay, const struct event *event,
    char ret_id[TRIAL_ID_BYTES])
{
	struct mapped mapped;
	uint64_t asked;

	if (event->approval_id == NULL || event->approval != NULL ||
	    event->decision == DECISION_APPROVAL_REQUIRED ||
	    !id_seq(ID_APPROVAL, event->approval_id, &asked)) {
		return false;
	}
	mapped = place_of(replay, asked);
	trial_approval_id(mapped.approval, ret_id);
	return mapped.asked;
}

/* A use of a bounded grant for something else than was shown: what it was isn't recorded. */
static bool
is_other_use(const struct replay *replay, const struct event *event)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct approval_view view;
	uint64_t asked;

	if (event->approval_id == NULL || event->shown_count > 0 ||
	    event->action_key == NULL ||
	    !id_seq(ID_APPROVAL, event->approval_id, &asked) ||
	    !trial_approval(replay->trial, place_of(replay, asked).approval,
		&arena, &view)) {
		return false;
	}
	/* keys under two hash keys can't be compared */
	return event_key_of(view.action_key) == event_key_of(event->action_key)
		   ? strcmp(view.action_key, event->action_key) != 0
		   : view.bound.uses > 0;
}

static enum gk_rc
ask_again(struct replay *replay, const struct event *event,
    const struct json_value *args, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *none = json_new_object();
	struct decision_request request = {.run_id = event->run_id,
	    .step_id = event->step_id,
	    .tenant_id = event->tenant_id,
	    .actor = event->actor,
	    .action = event->action,
	    .args = args,
	    .approval_id = NULL};
	struct trial_ask ask = {.request = &request,
	    .caller = caller_of(replay, event),
	    .tenant = event->tenant_id,
	    .action_key = event->action_key,
	    .args_hash = event->args_hash,
	    .context_hash = event->context_hash,
	    .args_in_part = true,
	    .context_in_part = event->context_hash != NULL,
	    .cost_in_part = true,
	    .actor_hidden =
		event->actor != NULL && name_is_pseudonym(event->actor->id),
	    .actor_refused = event->reason != NULL &&
			     strcmp(event->reason, "actor_not_permitted") == 0};
	struct findings findings;
	struct trial_answer answer;
	char approval_id[TRIAL_ID_BYTES];
	GK_AUTO(gk_arena_done)
	struct gk_arena arena = GK_ARENA_INIT(ASKED_ARENA_CAP);
	struct ask_hashes older;
	bool can, is_older = false;

	if (names_approval(replay, event, approval_id)) {
		request.approval_id = approval_id;
		GK_TRY(replay_older_hashes(
		    replay->reader, event, &arena, &older, &is_older, err));
		ask.older = is_older ? &older : NULL;
	}
	if (ask.caller == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	copy_cost(event, &request);
	if (none == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	if (is_other_use(replay, event)) {
		request.args = none;
	}
	GK_TRY(can_tell(replay, event, &ask, &findings, &can, err));
	ask.findings = &findings;
	request.args = args; /* what the grant's pins were */
	GK_TRY(trial_decide(replay->trial, &ask, &answer, err));
	GK_TRY(keep_place(replay, event->seq, &answer, err));
	if (!can || answer.replayed) {
		return GK_OK;
	}
	return tally_decision(&replay->tally, event, &answer, err);
}

static enum gk_rc
replay_decision(
    struct replay *replay, const struct event *event, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *args = json_new_object();
	struct opened opened = {args, err};
	uint64_t asked;

	if (args == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "replay");
	}
	if (event->shown_count > 0) {
		GK_TRY(journal_openings(replay->reader, event->seq,
		    replay_put_opening, &opened, err));
	} else if (event->approval_id != NULL &&
		   id_seq(ID_APPROVAL, event->approval_id, &asked)) {
		/* a grant is bound to the arguments that were shown */
		GK_TRY(journal_openings(
		    replay->reader, asked, replay_put_opening, &opened, err));
	}
	return ask_again(replay, event, args, err);
}

/* ---- what happened besides ---- */

static enum gk_rc
replay_result(
    struct replay *replay, const struct event *event, struct gk_err *err)
{
	struct cost_item cost[REQUEST_COST_MAX];
	const struct event_result *result = event->result;
	size_t count = 0;
	const char *refused;

	if (event->change != CHANGE_REPORTED || result == NULL ||
	    !event->has_of_seq) {
		return GK_OK;
	}
	for (size_t i = 0; i < result->cost_count && count < GK_COUNT(cost);
	     i++) {
		cost[count].unit = result->cost[i].name;
		count += decimal_parse(result->cost[i].value,
			     &cost[count].micros, NULL) == GK_OK;
	}
	return trial_result(replay->trial,
	    place_of(replay, event->of_seq).tried, caller_of(replay, event),
	    result, cost, count, &refused, err);
}

static enum gk_rc
replay_vote(
    struct replay *replay, const struct event *event, struct gk_err *err)
{
	static const char *everything[] = {"*"}, *operator[] = {"operator"};
	/* its uses were within the numbers; what they were isn't recorded */
	struct grant_bound bound = {
	    .uses = event->bound == NULL ? 0 : event->bound->uses};
	struct trial_ballot said = {
	    .change = event->change == CHANGE_REVOKED ? CHANGE_REVOKED
		      : event->grant_vote             ? CHANGE_GRANTED
						      : CHANGE_DENIED,
	    .bound = event->bound == NULL ? NULL : &bound,
	    .valid_us = event->grant_valid_ms * 1000};
	/* what was voted was permitted */
	struct identity voter = {.id = event->caller,
	    .kind = IDENTITY_HUMAN,
	    .can = operator,
	    .can_count = event->change == CHANGE_REVOKED,
	    .tenants = everything,
	    .tenant_count = 1,
	    .person = event->person,
	    .groups = event->groups,
	    .group_count = event->group_count};
	struct mapped mapped;
	const char *refused;
	uint64_t asked;

	if ((event->change != CHANGE_VOTE && event->change != CHANGE_REVOKED) ||
	    event->approval_id == NULL ||
	    !id_seq(ID_APPROVAL, event->approval_id, &asked)) {
		return GK_OK;
	}
	mapped = place_of(replay, asked);
	return mapped.asked ? trial_vote(replay->trial, mapped.approval, &voter,
				  &said, &refused, err)
			    : GK_OK;
}

static enum gk_rc
replay_switch(
    struct replay *replay, const struct event *event, struct gk_err *err)
{
	struct trial_answer place = {.asked = false};
	uint64_t thrown;

	if (event->change == CHANGE_THROWN && event->kill_switch != NULL) {
		GK_TRY(trial_switch(
		    replay->trial, event->kill_switch, &place.seq, err));
		return keep_place(replay, event->seq, &place, err);
	}
	if (event->change == CHANGE_LIFTED && event->kill_switch != NULL &&
	    id_seq(ID_SWITCH, event->kill_switch->id, &thrown)) {
		return trial_switch_lift(
		    replay->trial, place_of(replay, thrown).tried, err);
	}
	return GK_OK;
}

static enum gk_rc
replay_event(
    struct replay *replay, const struct event *event, struct gk_err *err)
{
	const char *refused;

	GK_TRY(trial_time(replay->trial, event->timestamp_us, err));
	switch ((int)event->kind) {
	case EVENT_DECISION:
		if (replay->options->decisions_max != 0 &&
		    replay->tally.decisions >= replay->options->decisions_max) {
			replay->full = true;
			return GK_OK;
		}
		return replay_decision(replay, event, err);
	case EVENT_RESULT:
		return replay_result(replay, event, err);
	case EVENT_APPROVAL:
		return replay_vote(replay, event, err);
	case EVENT_KILL_SWITCH:
		return replay_switch(replay, event, err);
	case EVENT_IDENTITY:
		return event->identity == NULL ||
			       event->change == CHANGE_REVOKED
			   ? GK_OK
			   : trial_identity(
				 replay->trial, event->identity, err);
	case EVENT_RUN:
		return event->change == CHANGE_ENDED
			   ? trial_run_end(replay->trial,
				 caller_of(replay, event), event->tenant_id,
				 event->run_id, &refused, err)
			   : GK_OK;
	default:
		return GK_OK;
	}
}

/* ---- the journal in order ---- */

static enum gk_rc
each_event(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct replay *replay = ctx;
	const struct replay_options *options = replay->options;
	struct event event;

	(void)seq;
	(void)leaf;
	gk_arena_clear(&replay->arena);
	GK_TRY(event_decode(bytes, n, &replay->arena, &event, err));
	if (event.kind == EVENT_IDENTITY && event.identity != NULL) {
		GK_TRY(remember(replay, event.identity, err));
	}
	if (++replay->done % PROGRESS_EVERY == 0 && options->progress != NULL) {
		options->progress(options->ctx, replay->done, replay->total);
	}
	if (event.timestamp_us < options->since_us) {
		return trial_past(replay->trial, &event, err);
	}
	GK_TRY(replay_event(replay, &event, err));
	*stop = replay->full;
	return GK_OK;
}

static enum gk_rc
read_journal(struct replay *replay, struct gk_err *err)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .until_us = replay->options->until_us,
	    .limit = BATCH};
	const struct ledger *ledger;
	bool more = true;

	GK_TRY(trial_base(
	    replay->trial, replay->reader, &query.from_seq, &ledger, err));
	for (size_t i = 0; i < ledger_identity_count(ledger); i++) {
		GK_TRY(remember(replay, ledger_identity_at(ledger, i), err));
	}
	while (more && !replay->full) {
		uint64_t next;

		GK_TRY(journal_search(replay->reader, &query, each_event,
		    replay, &next, &more, err));
		query.from_seq = next;
	}
	return GK_OK;
}

/* How many events there are, for progress alone. */
static enum gk_rc
count_events(struct replay *replay, struct gk_err *err)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .newest_first = true,
	    .from_seq = UINT64_MAX,
	    .limit = 1};
	uint64_t next = 0;
	bool more;

	GK_TRY(journal_search(replay->reader, &query, tally_last,
	    &replay->total, &next, &more, err));
	return GK_OK;
}

static void
replay_done(struct replay *replay)
{
	size_t at = 0;
	struct mapped *mapped;
	struct known *known;

	while ((mapped = gk_map_next(&replay->mapped, &at)) != NULL) {
		free(mapped);
	}
	gk_map_done(&replay->mapped);
	at = 0;
	while ((known = gk_map_next(&replay->known, &at)) != NULL) {
		gk_arena_done(&known->arena);
		free(known);
	}
	gk_map_done(&replay->known);
	tally_done(&replay->tally);
	trial_free(replay->trial);
	journal_reader_close(replay->reader);
	gk_arena_done(&replay->arena);
}

enum gk_rc
replay_run(const struct replay_options *options, struct gk_buf *ret_json,
    struct gk_err *err)
{
	GK_AUTO(replay_done)
	struct replay replay = {
	    .options = options, .arena = GK_ARENA_INIT(ARENA_CAP)};

	tally_init(&replay.tally);
	GK_TRY(digest_init(err));
	GK_TRY(journal_reader_open(options->data_dir, &replay.reader, err));
	GK_TRY(trial_new(options->policy, false, &replay.trial, err));
	GK_TRY(count_events(&replay, err));
	if (options->events_max != 0 && replay.total > options->events_max) {
		return GK_FAIL(err, GK_E_LIMIT,
		    "%llu events are too many here: gatekeeper policy replay "
		    "takes any number",
		    (unsigned long long)replay.total);
	}
	GK_TRY(read_journal(&replay, err));
	return tally_print(&replay.tally, policy_digest(options->policy),
	    options->since_us, options->until_us, !replay.full, ret_json, err);
}
