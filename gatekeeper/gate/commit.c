/* The commit thread: settle in order, record, sign and commit once a batch, then let the answers go. */
#include <string.h>

#include "gate/retention.h"
#include "gate/waiters.h"

enum {
	DUE_PER_COMMIT = 1024,
	RECALL_PAGE = 500,
	RECALL_ARENA_CAP = 1 << 20,
	SPACE_EVERY_BYTES = 1
			    << 20, /* recorded before free space is asked for */
};

struct settle_at
gate__at(const struct gate *gate)
{
	int64_t now = gate__now(gate), last = ledger_last_us(gate->ledger);

	return (struct settle_at){.seq = ledger_next_seq(gate->ledger),
	    .now_us = now > last ? now : last};
}

void
gate__break(struct gate *gate, const struct gk_err *err)
{
	if (!atomic_exchange(&gate->failed, true)) {
		gate__alert(gate, "journal_failed", "%s%s%s", err->where,
		    err->where[0] == '\0' ? "" : ": ", err->text);
	}
}

static void
nonce(struct gate *gate, struct event *event)
{
	if (gate->nonces_left == 0) {
		digest_random(gate->nonces, sizeof(gate->nonces));
		gate->nonces_left = GATE_NONCES;
	}
	memcpy(
	    event->nonce, gate->nonces[--gate->nonces_left], EVENT_NONCE_BYTES);
}

/* The word is gatekeeper's own; a rule that says it means the same. */
static bool
is_flood(const struct event *event)
{
	return event->decision == DECISION_STOP && event->reason != NULL &&
	       strcmp(event->reason, "approval_flood") == 0;
}

static void
count(struct gate *gate, const struct event *event)
{
	struct gate_metrics *metrics = &gate->metrics;

	metrics_count(&metrics->events, 1);
	if (event->kind == EVENT_DECISION) {
		metrics_count(
		    &metrics->decisions[event->decision][event->layer], 1);
		for (size_t i = 0; i < event->shadow_count; i++) {
			const struct event_shadow *one = &event->shadow[i];

			metrics_count(
			    &metrics->shadow[one->would][one->layer], 1);
		}
		metrics_count(&metrics->floods, is_flood(event));
		for (size_t i = 0; i < event->charge_count; i++) {
			metrics_count(&metrics->budgets_reached,
			    event->charges[i].reached > 0 ? 1 : 0);
		}
	} else if (event->kind == EVENT_APPROVAL) {
		metrics_count(
		    &metrics->escalations, event->change == CHANGE_ESCALATED);
	} else if (event->kind == EVENT_VIOLATION) {
		metrics_count(&metrics->violations, 1);
	} else if (event->kind == EVENT_RESULT &&
		   event->change == CHANGE_UNREPORTED) {
		metrics_count(&metrics->unreported, 1);
		gate__alert(gate, "unreported",
		    "no result was reported for decision %s of run %s",
		    event->decision_id, event->run_id);
	}
}

static enum gk_rc
append_all(struct gate *gate, struct settlement *settlement, const size_t *ends,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err)
{
	struct digest leaf;
	size_t from = 0;

	for (size_t i = 0; i < settlement->event_count; i++) {
		struct event *event = &settlement->events[i];

		GK_TRY(journal_append(gate->journal, event,
		    gate->bytes.bytes + from, ends[i] - from, openings,
		    i == 0 ? opening_count : 0, &leaf, err));
		if (i == 0 && ret_leaf != NULL) {
			*ret_leaf = leaf;
		}
		gate->batch_events++;
		count(gate, event);
		from = ends[i];
	}
	gate->space_bytes += from;
	return GK_OK;
}

/* The event's strings may live in what apply lets go: only numbers are read afterwards. */
static enum gk_rc
apply_all(struct gate *gate, struct settlement *settlement, struct gk_err *err)
{
	bool identities = false;

	for (size_t i = 0; i < settlement->event_count; i++) {
		struct event *event = &settlement->events[i];

		identities = identities || event->kind == EVENT_IDENTITY;
		GK_TRY(ledger_apply(gate->ledger, event, err));
	}
	for (size_t i = 0; i < settlement->event_count; i++) {
		gate__wait_wake(gate, &settlement->events[i]);
	}
	return identities ? gate__identities_publish(gate, err) : GK_OK;
}

enum gk_rc
gate__record(struct gate *gate, struct settlement *settlement,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err)
{
	size_t ends[LEDGER_EVENTS_MAX];
	enum gk_rc rc;

	gk_buf_clear(&gate->bytes);
	for (size_t i = 0; i < settlement->event_count; i++) {
		nonce(gate, &settlement->events[i]);
		GK_TRY(event_encode(&settlement->events[i], &gate->bytes, err));
		ends[i] = gate->bytes.len;
	}
	rc = append_all(
	    gate, settlement, ends, openings, opening_count, ret_leaf, err);
	if (rc == GK_OK) {
		rc = apply_all(gate, settlement, err);
	}
	if (rc != GK_OK) {
		gate__break(gate, err);
	}
	return rc;
}

enum gk_rc
gate__record_event(struct gate *gate, struct event *event,
    const struct opening *openings, size_t opening_count,
    struct digest *ret_leaf, struct gk_err *err)
{
	struct settlement *settlement = &gate->settlement;
	struct settle_at at = gate__at(gate);

	event->seq = at.seq;
	event->timestamp_us = at.now_us;
	settlement->events[0] = *event;
	settlement->event_count = 1;
	return gate__record(
	    gate, settlement, openings, opening_count, ret_leaf, err);
}

enum gk_rc
gate__commit_batch(struct gate *gate, struct gk_err *err)
{
	int64_t began = gate__now(gate);
	enum gk_rc rc;

	if (gate->batch_events == 0 && !gate->batch_open) {
		return GK_OK;
	}
	rc = journal_commit(gate->journal, err);
	if (rc != GK_OK) {
		gate__break(gate, err);
		return rc;
	}
	gate->batch_events = 0;
	gate->batch_open = false;
	metrics_count(&gate->metrics.commits, 1);
	metrics_observe(&gate->metrics.commit_us, gate__now(gate) - began,
	    METRICS_FIRST_US);
	metrics_set(&gate->metrics.seq, ledger_next_seq(gate->ledger));
	gate__index_wake(gate);
	gate__herald_wake(gate);
	return GK_OK;
}

/* Everything that is due becomes an event before anybody's decision notices it. */
enum gk_rc
gate__settle_due(struct gate *gate, struct gk_err *err)
{
	struct settlement *settlement = &gate->settlement;

	for (;;) {
		struct settle_at at = gate__at(gate);

		gk_arena_clear(&gate->scratch);
		GK_TRY(ledger_settle_due(
		    gate->ledger, &at, &gate->scratch, settlement, err));
		if (settlement->outcome != SETTLE_EVENTS) {
			gate->next_due_us = ledger_next_due(gate->ledger);
			return GK_OK;
		}
		GK_TRY(gate__record(gate, settlement, NULL, 0, NULL, err));
		if (gate->batch_events >= DUE_PER_COMMIT) {
			GK_TRY(gate__commit_batch(gate, err));
		}
	}
}

/* ---- what the ledger asks back ---- */

enum gk_rc
gate__read_event(struct gate *gate, struct journal_reader *reader, uint64_t seq,
    struct gk_arena *arena, struct event *ret, struct digest *ret_leaf,
    bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct digest leaf;
	enum gk_rc rc;

	(void)gate;
	GK_TRY(journal_read(reader, seq, &bytes, &leaf, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	rc = event_decode(bytes.bytes, bytes.len, arena, ret, err);
	if (rc == GK_E_INVALID) {
		gk_err_context(err,
		    "event %llu of the journal: ", (unsigned long long)seq);
		return GK_E_CORRUPT;
	}
	if (ret_leaf != NULL) {
		*ret_leaf = leaf;
	}
	return rc;
}

struct recall {
	struct gate *gate;
	const char *tenant, *run_id;
	struct gk_arena arena;
	size_t found;
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_about_gone(struct gate *gate, const struct event *event)
{
	bool found = true;

	return event->has_of_seq &&
	       event->of_seq < atomic_load(&gate->minimum) &&
	       journal_read(journal_reader(gate->journal), event->of_seq, NULL,
		   NULL, &found, NULL) == GK_OK &&
	       !found;
}

static enum gk_rc
recall_event(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct recall *recall = ctx;
	struct event event;

	(void)seq;
	(void)leaf;
	*stop = false;
	gk_arena_clear(&recall->arena);
	GK_TRY(event_decode(bytes, n, &recall->arena, &event, err));
	if (!same(event.run_id, recall->run_id) ||
	    !same(event.tenant_id, recall->tenant)) {
		return GK_OK; /* another run whose hash is the same */
	}
	if (event.kind != EVENT_DECISION &&
	    (recall->found == 0 || is_about_gone(recall->gate, &event))) {
		return GK_OK; /* what it is about was let go */
	}
	recall->found++;
	return ledger_recall(recall->gate->ledger, &event, err);
}

enum gk_rc
gate__recall(struct gate *gate, const char *tenant, const char *run_id,
    bool *ret_is_new, struct gk_err *err)
{
	struct recall recall = {
	    gate, tenant, run_id, GK_ARENA_INIT(RECALL_ARENA_CAP), 0};
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = RECALL_PAGE};
	struct journal_reader *reader = journal_reader(gate->journal);
	bool more = false;
	enum gk_rc rc;

	query.columns.run =
	    event_column_hash(tenant == NULL ? "" : tenant, run_id);
	rc = journal_has_run(reader, query.columns.run, &more, err);
	while (rc == GK_OK && more) {
		rc = journal_search(reader, &query, recall_event, &recall,
		    &query.from_seq, &more, err);
	}
	gk_arena_done(&recall.arena);
	if (rc == GK_OK && recall.found > 0) {
		metrics_count(&gate->metrics.recalls, 1);
		if (!ledger_has_run(gate->ledger, tenant, run_id)) {
			return GK_FAIL(err, GK_E_CORRUPT,
			    "run %s is in the log but can't be recalled",
			    run_id);
		}
	}
	*ret_is_new = recall.found == 0;
	return rc;
}

enum gk_rc
gate__recall_of(struct gate *gate, uint64_t seq, struct event *ret,
    bool *ret_found, struct gk_err *err)
{
	bool is_new;

	GK_TRY(gate__read_event(gate, journal_reader(gate->journal), seq,
	    &gate->scratch, ret, NULL, ret_found, err));
	if (!*ret_found || ret->kind != EVENT_DECISION || ret->run_id == NULL) {
		*ret_found = false;
		return GK_OK;
	}
	if (ledger_has_run(gate->ledger, ret->tenant_id, ret->run_id)) {
		return GK_OK;
	}
	return gate__recall(gate, ret->tenant_id, ret->run_id, &is_new, err);
}

/* ---- the loop ---- */

static void
run_one(struct gate *gate, struct gate_work *work)
{
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc = GK_OK;

	if (gate->next_due_us <= gate__now(gate)) {
		rc = gate__settle_due(gate, &err);
	}
	work->go = GO_DONE;
	if (rc == GK_OK && !work->call->local &&
	    !ledger_identity_lives(
		gate->ledger, work->call->caller, gate__at(gate).now_us)) {
		(void)gate__refused(work->call, REFUSAL_IDENTITY_REVOKED);
	} else if (rc == GK_OK) {
		gk_arena_clear(&gate->scratch);
		rc = work->verb->commit(gate, work, &err);
	}
	if (rc == GK_E_IO || rc == GK_E_CORRUPT) {
		gate__break(gate, &err);
	} else if (rc != GK_OK) {
		(void)gate__failed(work->call, &err);
	}
}

/* Where each goes now that the batch is on stable storage. */
static void
deliver(struct gate *gate, struct gate_list *works)
{
	struct gate_work *work;
	size_t left = 0;

	while ((work = gate__list_take(works)) != NULL) {
		if (work->go == GO_WAIT && !work->ended) {
			gate__wait_begin(gate, work);
		}
		if (work->go == GO_ERASE && !work->ended) {
			gate__list_add(&gate->erasing, work);
		} else if (work->go == GO_WAIT && !work->ended) {
			gate__list_add(&gate->waiters, work);
		} else if (work->go == GO_READ && !work->ended) {
			gate__queue_pass(gate, work, LANE_READ);
		} else {
			left++;
			gate__wait_end(gate, work);
			work->call->done(work->call);
		}
	}
	metrics_set(&gate->metrics.waiters, gate->waiters.count);
	if (left > 0) {
		gate__queue_left(gate, left);
	}
}

static void
fail_all(struct gate_list *works)
{
	for (struct gate_work *work = works->head; work != NULL;
	     work = work->next) {
		gk_buf_clear(&work->call->reply);
		(void)gate__failed(work->call, NULL);
	}
}

static void
append_list(struct gate_list *to, struct gate_list *from)
{
	struct gate_work *work;

	while ((work = gate__list_take(from)) != NULL) {
		gate__list_add(to, work);
	}
}

static void
run_batch(struct gate *gate, struct gate_list *works, bool tick)
{
	struct gk_err err = {.rc = GK_OK};
	struct gate_list answered;
	struct gate_work *work;

	gate__list_init(&answered);
	if (!atomic_load(&gate->failed) &&
	    (tick || gate->space_bytes > SPACE_EVERY_BYTES) &&
	    gate__tick(gate, &err) != GK_OK) {
		gate__break(gate, &err);
	}
	gate->next_due_us = ledger_next_due(gate->ledger);
	while ((work = gate__list_take(works)) != NULL) {
		if (!atomic_load(&gate->failed)) {
			run_one(gate, work);
		}
		gate__list_add(&answered, work);
	}
	append_list(&answered, &gate->woken);
	if (!atomic_load(&gate->failed) &&
	    (gate__snapshot_go_on(gate, &err) != GK_OK ||
		gate__retention_go_on(gate, tick, &err) != GK_OK ||
		gate__commit_batch(gate, &err) != GK_OK)) {
		gate__break(gate, &err);
	}
	if (atomic_load(&gate->failed)) {
		append_list(&answered, &gate->waiters);
		fail_all(&answered);
	}
	deliver(gate, &answered);
	if (!atomic_load(&gate->failed) &&
	    journal_tidy(gate->journal, &err) != GK_OK) {
		gate__break(gate, &err);
	}
	if ((gate->erasing.count > 0 || tick) &&
	    gate__erase(gate, &err) != GK_OK) {
		gate__break(gate, &err);
	}
}

void *
gate__commit_main(void *arg)
{
	struct gate *gate = arg;
	struct gate_list works;
	bool tick;

	while (gate__queue_drain(gate, &works, &tick)) {
		if (works.count > 0) {
			metrics_observe(
			    &gate->metrics.batch, (int64_t)works.count, 1);
		}
		run_batch(gate, &works, tick);
	}
	return NULL;
}
