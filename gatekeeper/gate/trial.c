/* A trial: the judge, a ledger of its own and a told clock; what would be recorded is folded and forgotten. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "codec/canon.h"
#include "gate/retention.h"
#include "gate/trial.h"

enum {
	SCRATCH_CAP = 16 << 20,
	TEXT_CAP = 2 << 20,
	DUE_MAX = 1000000, /* at one instant: more would be a bug */
};

/* A decision, as the ledger wants it back with its result, and a retry as its answer. */
struct kept_decision {
	struct event event; /* its texts lie behind */
	char texts[];
};

struct trial {
	struct policy *policy;
	struct ledger *ledger;
	bool keeps; /* every decision, to answer its retries */
	int64_t now_us;
	struct gk_arena scratch; /* of one call */
	struct settlement settlement;
	struct findings findings;
	struct gk_map kept; /* by seq → struct kept_decision */
	struct gk_buf text;
};

/* Nothing leaves a trial: its ids and hashes need no secret. */
static const struct id_key trial_id_key = {{0}};
static const struct gate_hash_key trial_hash_key = {1, {0}};

enum gk_rc
trial_new(struct policy *policy, bool keeps, struct trial **ret_trial,
    struct gk_err *err)
{
	const struct ledger_limits limits = {.run_idle_us = GK_US_PER_DAY,
	    .runs_per_identity = 10000000,
	    .asks_per_hour = LEDGER_ASKS_PER_HOUR,
	    .result_grace_us = 0};
	GK_AUTO(trial_freep) struct trial *trial = calloc(1, sizeof(*trial));

	if (trial == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a trial");
	}
	trial->policy = policy_pin(policy);
	trial->keeps = keeps;
	trial->scratch.cap = SCRATCH_CAP;
	trial->text.cap = TEXT_CAP;
	GK_TRY(ledger_new(&trial_id_key, &limits, &trial->ledger, err));
	*ret_trial = GK_TAKE(trial);
	return GK_OK;
}

void
trial_free(struct trial *trial)
{
	size_t at = 0;
	struct kept_decision *open;

	if (trial == NULL) {
		return;
	}
	while ((open = gk_map_next(&trial->kept, &at)) != NULL) {
		free(open);
	}
	gk_map_done(&trial->kept);
	ledger_free(trial->ledger);
	policy_unpin(trial->policy);
	gk_buf_done(&trial->text);
	gk_arena_done(&trial->scratch);
	free(trial);
}

void
trial_freep(struct trial **trial)
{
	trial_free(*trial);
	*trial = NULL;
}

void
trial_policy(struct trial *trial, struct policy *policy)
{
	struct policy *old = trial->policy;

	trial->policy = policy_pin(policy);
	policy_unpin(old);
}

enum gk_rc
trial_base(struct trial *trial, struct journal_reader *reader,
    uint64_t *ret_from_seq, const struct ledger **ret_ledger,
    struct gk_err *err)
{
	GK_TRY(gate__base_load(reader, trial->ledger, ret_from_seq, err));
	trial->now_us = ledger_last_us(trial->ledger);
	*ret_ledger = trial->ledger;
	return GK_OK;
}

int64_t
trial_now(const struct trial *trial)
{
	return trial->now_us;
}

static struct settle_at
at_now(const struct trial *trial)
{
	int64_t last = ledger_last_us(trial->ledger);

	return (struct settle_at){.seq = ledger_next_seq(trial->ledger),
	    .now_us = trial->now_us > last ? trial->now_us : last,
	    .run_is_new = true};
}

/* ---- what would be recorded ---- */

/* The texts that a result's event and an answer take from a decision. */
static const size_t kept_texts[] = {offsetof(struct event, agent_id),
    offsetof(struct event, tenant_id), offsetof(struct event, run_id),
    offsetof(struct event, step_id), offsetof(struct event, action),
    offsetof(struct event, action_key), offsetof(struct event, args_hash),
    offsetof(struct event, context_hash), offsetof(struct event, decision_id),
    offsetof(struct event, rule), offsetof(struct event, reason),
    offsetof(struct event, approval_id)};

static const char **
text_at(struct event *event, size_t i)
{
	return (const char **)(void *)((char *)event + kept_texts[i]);
}

static struct kept_decision *
copy_decision(const struct event *event)
{
	struct event base = {.seq = event->seq,
	    .timestamp_us = event->timestamp_us,
	    .kind = event->kind,
	    .agent_id = event->agent_id,
	    .tenant_id = event->tenant_id,
	    .run_id = event->run_id,
	    .step_id = event->step_id,
	    .action = event->action,
	    .action_key = event->action_key,
	    .args_hash = event->args_hash,
	    .context_hash = event->context_hash,
	    .has_decision = event->has_decision,
	    .decision = event->decision,
	    .decision_id = event->decision_id,
	    .layer = event->layer,
	    .scope = event->scope,
	    .rule = event->rule,
	    .reason = event->reason,
	    .approval_id = event->approval != NULL ? event->approval->id
						   : event->approval_id};
	struct kept_decision *kept;
	size_t n = 0;

	for (size_t i = 0; i < GK_COUNT(kept_texts); i++) {
		const char *text = *text_at(&base, i);

		n += text == NULL ? 0 : strlen(text) + 1;
	}
	kept = malloc(sizeof(*kept) + n);
	if (kept == NULL) {
		return NULL;
	}
	n = 0;
	for (size_t i = 0; i < GK_COUNT(kept_texts); i++) {
		const char **text = text_at(&base, i);
		size_t len = *text == NULL ? 0 : strlen(*text) + 1;

		if (len > 0) {
			memcpy(kept->texts + n, *text, len);
			*text = kept->texts + n;
			n += len;
		}
	}
	kept->event = base;
	return kept;
}

static enum gk_rc
keep_decision(
    struct trial *trial, const struct event *event, struct gk_err *err)
{
	struct kept_decision *open = copy_decision(event);
	enum gk_rc rc;

	if (open == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a trial");
	}
	rc = gk_map_set(
	    &trial->kept, &open->event.seq, sizeof(open->event.seq), open, err);
	if (rc != GK_OK) {
		free(open);
	}
	return rc;
}

static enum gk_rc
fold(struct trial *trial, struct gk_err *err)
{
	struct settlement *settlement = &trial->settlement;

	for (size_t i = 0; i < settlement->event_count; i++) {
		struct event *event = &settlement->events[i];

		GK_TRY(ledger_apply(trial->ledger, event, err));
		if (event->kind == EVENT_DECISION &&
		    (trial->keeps || event->decision == DECISION_ALLOW)) {
			GK_TRY(keep_decision(trial, event, err));
		}
	}
	/* now: the events' texts may be the kept decision's */
	for (size_t i = 0; i < settlement->event_count && !trial->keeps; i++) {
		const struct event *event = &settlement->events[i];

		if (event->kind == EVENT_RESULT && event->has_of_seq) {
			free(gk_map_remove(&trial->kept, &event->of_seq,
			    sizeof(event->of_seq)));
		}
	}
	return GK_OK;
}

/* The settlement that was just made: folded, or refused. */
static enum gk_rc
take(struct trial *trial, const char **ret_refused, struct gk_err *err)
{
	const struct settlement *settlement = &trial->settlement;

	if (settlement->outcome == SETTLE_REFUSED) {
		*ret_refused = refusal_words[settlement->refusal];
	} else if (settlement->outcome == SETTLE_MISS) {
		*ret_refused = refusal_words[REFUSAL_NOT_FOUND];
	} else {
		*ret_refused = NULL;
	}
	return fold(trial, err);
}

enum gk_rc
trial_past(struct trial *trial, const struct event *event, struct gk_err *err)
{
	GK_TRY(ledger_apply(trial->ledger, event, err));
	trial->now_us = event->timestamp_us;
	if (event->kind == EVENT_DECISION &&
	    event->decision == DECISION_ALLOW) {
		return keep_decision(trial, event, err);
	}
	if (event->kind == EVENT_RESULT && event->has_of_seq) {
		free(gk_map_remove(
		    &trial->kept, &event->of_seq, sizeof(event->of_seq)));
	}
	return GK_OK;
}

enum gk_rc
trial_time(struct trial *trial, int64_t now_us, struct gk_err *err)
{
	if (now_us > trial->now_us) {
		trial->now_us = now_us;
	}
	if (ledger_next_due(trial->ledger) > trial->now_us) {
		return GK_OK;
	}
	for (int i = 0; i < DUE_MAX; i++) {
		struct settle_at at = at_now(trial);

		gk_arena_clear(&trial->scratch);
		GK_TRY(ledger_settle_due(trial->ledger, &at, &trial->scratch,
		    &trial->settlement, err));
		if (trial->settlement.outcome != SETTLE_EVENTS) {
			return GK_OK;
		}
		GK_TRY(fold(trial, err));
	}
	return GK_FAIL(err, GK_E_LIMIT, "too much falls due at once");
}

/* ---- who there is ---- */

static const struct identity *
known(const struct trial *trial, const char *id)
{
	for (size_t i = 0; i < ledger_identity_count(trial->ledger); i++) {
		const struct identity *one =
		    ledger_identity_at(trial->ledger, i);

		if (strcmp(one->id, id) == 0) {
			return one;
		}
	}
	return NULL;
}

enum gk_rc
trial_identity(
    struct trial *trial, const struct identity *identity, struct gk_err *err)
{
	struct settle_at at = at_now(trial);
	struct identity copy = *identity;
	const char *refused;

	if (copy.token_hash == NULL) {
		copy.token_hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	}
	gk_arena_clear(&trial->scratch);
	GK_TRY(ledger_settle_identity(trial->ledger, &at, "gatekeeper",
	    known(trial, identity->id) == NULL ? CHANGE_CREATED
					       : CHANGE_CHANGED,
	    &copy, &trial->scratch, &trial->settlement, err));
	GK_TRY(take(trial, &refused, err));
	return refused == NULL ? GK_OK
			       : GK_FAIL(err, GK_E_INVALID, "identity '%s': %s",
				     identity->id, refused);
}

/* ---- decisions ---- */

enum gk_rc
trial_judge(struct trial *trial, const struct trial_ask *ask,
    struct findings *ret_findings, struct gk_err *err)
{
	const struct policy_input input = {.request = ask->request,
	    .caller = ask->caller,
	    .tenant = ask->tenant,
	    .asked_at_us = trial->now_us,
	    .args_in_part = ask->args_in_part,
	    .context_in_part = ask->context_in_part,
	    .cost_in_part = ask->cost_in_part,
	    .actor_hidden = ask->actor_hidden,
	    .actor_refused = ask->actor_refused,
	    .unknown_opens = ask->unknown_opens};

	return policy_judge(
	    trial->policy, &input, &trial->scratch, ret_findings, err);
}

struct hashes {
	char action_key[GATE_HASH_BYTES];
	char args[GATE_HASH_BYTES];
	char context[GATE_HASH_BYTES];
};

static enum gk_rc
hash_args(struct trial *trial, const struct decision_request *request,
    struct hashes *hashes, struct gk_err *err)
{
	struct gk_buf *text = &trial->text;

	gk_buf_clear(text);
	GK_TRY(request->args == NULL ? gk_buf_puts(text, "{}", err)
				     : canon_print(request->args, text, err));
	hash_action(&trial_hash_key, request->action, gk_buf_text(text),
	    text->len, hashes->action_key);
	hash_text(&trial_hash_key, "gatekeeper/args/v1", gk_buf_text(text),
	    text->len, hashes->args);
	return GK_OK;
}

static enum gk_rc
hash_context(struct trial *trial, const struct decision_request *request,
    struct hashes *hashes, struct gk_err *err)
{
	struct gk_buf *text = &trial->text;

	if (request->context == NULL) {
		return GK_OK;
	}
	gk_buf_clear(text);
	GK_TRY(canon_print(request->context, text, err));
	hash_text(&trial_hash_key, "gatekeeper/context/v1", gk_buf_text(text),
	    text->len, hashes->context);
	return GK_OK;
}

_Static_assert(TRIAL_ID_BYTES == ID_TEXT_BYTES, "an id's text");

void
trial_approval_id(uint64_t approval, char ret_id[TRIAL_ID_BYTES])
{
	id_print(&trial_id_key, ID_APPROVAL, approval, ret_id);
}

/* The approval that an event of a step speaks of. */
static void
find_approval(const struct event *event, struct trial_answer *answer)
{
	const char *id =
	    event->approval != NULL ? event->approval->id : event->approval_id;

	answer->asked = id != NULL && id_parse(&trial_id_key, ID_APPROVAL, id,
					  &answer->approval);
}

static void
answer_event(const struct event *event, struct trial_answer *answer)
{
	answer->seq = event->seq;
	answer->decision = event->decision;
	answer->layer = event->layer;
	answer->scope = event->scope;
	answer->reason = event->reason;
	answer->rule = event->rule;
	find_approval(event, answer);
}

static enum gk_rc
answer_of(struct trial *trial, struct trial_answer *answer, struct gk_err *err)
{
	const struct settlement *settlement = &trial->settlement;
	const struct kept_decision *kept;

	answer->retry_after_ms = settlement->retry_after_ms;
	if (settlement->outcome == SETTLE_EVENTS) {
		answer_event(&settlement->events[0], answer);
		answer->shadow = settlement->events[0].shadow;
		answer->shadow_count = settlement->events[0].shadow_count;
		return GK_OK;
	}
	if (settlement->outcome != SETTLE_REPLAY) {
		return GK_FAIL(
		    err, GK_E_CORRUPT, "a decision that can't be settled");
	}
	answer->replayed = true;
	answer->seq = settlement->replay_seq;
	kept = gk_map_get(&trial->kept, &answer->seq, sizeof(answer->seq));
	if (kept != NULL) {
		answer_event(&kept->event, answer);
	}
	return GK_OK;
}

enum gk_rc
trial_decide(struct trial *trial, const struct trial_ask *ask,
    struct trial_answer *ret_answer, struct gk_err *err)
{
	struct settle_at at = at_now(trial);
	struct hashes hashes = {.context = ""};
	struct record_pair **pins;
	struct ask_hashes older;
	struct decision_ask said = {.request = ask->request,
	    .caller = ask->caller,
	    .tenant = ask->tenant,
	    .action_key = ask->action_key,
	    .args_hash = ask->args_hash,
	    .context_hash = ask->context_hash,
	    .asked_at_us = at.now_us,
	    .findings = &trial->findings};

	memset(ret_answer, 0, sizeof(*ret_answer));
	if (ask->findings == NULL) {
		gk_arena_clear(&trial->scratch);
	}
	if (said.action_key == NULL) {
		GK_TRY(hash_args(trial, ask->request, &hashes, err));
		GK_TRY(hash_context(trial, ask->request, &hashes, err));
		said.action_key = hashes.action_key;
		said.args_hash = hashes.args;
		said.context_hash =
		    hashes.context[0] == '\0' ? NULL : hashes.context;
	}
	if (ask->findings != NULL) {
		trial->findings = *ask->findings;
	} else {
		GK_TRY(trial_judge(trial, ask, &trial->findings, err));
	}
	ret_answer->findings = &trial->findings;
	GK_TRY(hash_pins(&trial_hash_key, 1, ask->request->args,
	    &trial->findings, &trial->scratch, &pins, &said.pin_count, err));
	said.pins = pins[0];
	if (ask->older != NULL) {
		older = *ask->older;
		older.pins = said.pins; /* a trial hashes pins under one key */
		said.older = &older;
		said.older_count = 1;
	}
	GK_TRY(ledger_settle_decision(trial->ledger, &at, &said,
	    &trial->scratch, &trial->settlement, err));
	if (trial->settlement.outcome == SETTLE_REFUSED) {
		return take(trial, &ret_answer->refused, err);
	}
	GK_TRY(answer_of(trial, ret_answer, err));
	return fold(trial, err);
}

/* ---- results, votes, switches, ends ---- */

enum gk_rc
trial_result(struct trial *trial, uint64_t seq, const struct identity *caller,
    const struct event_result *result, const struct cost_item *cost,
    size_t cost_count, const char **ret_refused, struct gk_err *err)
{
	const struct kept_decision *open =
	    gk_map_get(&trial->kept, &seq, sizeof(seq));
	struct settle_at at = at_now(trial);
	struct result_report report = {.decision_seq = seq,
	    .caller = caller,
	    .result = result,
	    .cost = cost,
	    .cost_count = cost_count};

	if (open == NULL) {
		*ret_refused = refusal_words[REFUSAL_NOT_ALLOWED];
		return GK_OK;
	}
	report.decision = &open->event;
	gk_arena_clear(&trial->scratch);
	GK_TRY(ledger_settle_result(trial->ledger, &at, &report,
	    &trial->scratch, &trial->settlement, err));
	return take(trial, ret_refused, err);
}

enum gk_rc
trial_vote(struct trial *trial, uint64_t approval, const struct identity *voter,
    const struct trial_ballot *said, const char **ret_refused,
    struct gk_err *err)
{
	struct settle_at at = at_now(trial);
	struct approval_view view;
	struct approval_ballot ballot = {.approval_seq = approval,
	    .voter = voter,
	    .bound = said->bound,
	    .grant_valid_us = said->valid_us,
	    .change = said->change};

	gk_arena_clear(&trial->scratch);
	if (!ledger_approval(trial->ledger, approval, &trial->scratch, &view)) {
		*ret_refused = refusal_words[REFUSAL_NOT_FOUND];
		return GK_OK;
	}
	ballot.tenant_id = view.tenant_id;
	ballot.run_id = view.run_id;
	GK_TRY(ledger_settle_ballot(trial->ledger, &at, &ballot,
	    &trial->scratch, &trial->settlement, err));
	return take(trial, ret_refused, err);
}

bool
trial_approval(const struct trial *trial, uint64_t approval,
    struct gk_arena *arena, struct approval_view *ret)
{
	return ledger_approval(trial->ledger, approval, arena, ret);
}

enum gk_rc
trial_switch(struct trial *trial, const struct event_switch *kill_switch,
    uint64_t *ret_seq, struct gk_err *err)
{
	struct settle_at at = at_now(trial);
	const char *refused;

	*ret_seq = at.seq;
	gk_arena_clear(&trial->scratch);
	GK_TRY(ledger_settle_switch(trial->ledger, &at, "gatekeeper",
	    kill_switch, NULL, 0, &trial->scratch, &trial->settlement, err));
	return take(trial, &refused, err);
}

enum gk_rc
trial_switch_lift(struct trial *trial, uint64_t seq, struct gk_err *err)
{
	struct settle_at at = at_now(trial);
	const char *refused;

	gk_arena_clear(&trial->scratch);
	GK_TRY(ledger_settle_switch_lift(trial->ledger, &at, "gatekeeper", seq,
	    NULL, 0, &trial->scratch, &trial->settlement, err));
	return take(trial, &refused, err);
}

enum gk_rc
trial_run_end(struct trial *trial, const struct identity *caller,
    const char *tenant, const char *run_id, const char **ret_refused,
    struct gk_err *err)
{
	struct settle_at at = at_now(trial);

	gk_arena_clear(&trial->scratch);
	GK_TRY(ledger_settle_run_end(trial->ledger, &at, caller, tenant, run_id,
	    &trial->scratch, &trial->settlement, err));
	return take(trial, ret_refused, err);
}
