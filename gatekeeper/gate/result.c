/* POST …/result, POST …/end: what became of an action, and the end of a run. */
#include <string.h>

#include "codec/canon.h"
#include "gate/gate_internal.h"
#include "model/decimal.h"

enum { TEXT_CAP = 2 << 20 };

struct report_hashes {
	char output_hash[GATE_HASH_BYTES], error_hash[GATE_HASH_BYTES];
	char digest[GATE_HASH_BYTES];
};

/* A result on its way. */
struct report {
	struct result_request request;
	uint64_t seq; /* of the decision */
	struct event_result result;
	struct report_hashes *hashes; /* under each key, the newest first */
	struct result_digest *older;
	size_t older_count;
	uint64_t key_generation;
	unsigned tries;
	bool again; /* the hash keys changed meanwhile */
	/* the answer */
	const char *decision_id;
	int change;
	struct gate_event_ref *event;
	bool replayed;
};

static const struct record_field answer_fields[] = {
    {.name = "change",
	.kind = RECORD_ENUM,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct report, change),
	.names = change_words,
	.names_count = CHANGE_COUNT},
    {.name = "decision_id",
	.kind = RECORD_STR,
	.offset = offsetof(struct report, decision_id)},
    {.name = "event",
	.kind = RECORD_OBJECT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct report, event),
	.type = &gate_event_ref_type},
    {.name = "replayed",
	.kind = RECORD_BOOL,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct report, replayed)},
};
static const struct record_type answer_type = {
    "result", sizeof(struct report), answer_fields, GK_COUNT(answer_fields)};

/* The output as it is hashed; *ret_any false: there is none. */
static enum gk_rc
print_output(const struct result_request *request, struct gk_buf *text,
    bool *ret_any, struct gk_err *err)
{
	*ret_any = true;
	if (request->output != NULL) {
		return canon_print(request->output, text, err);
	}
	if (request->output_hash != NULL) {
		return gk_buf_puts(text, request->output_hash, err);
	}
	*ret_any = false;
	return GK_OK;
}

static enum gk_rc
copy_cost(struct report *report, struct gk_arena *arena, struct gk_err *err)
{
	struct event_result *result = &report->result;
	size_t count = report->request.cost_count;

	result->cost = gk_arena_calloc(arena, count, sizeof(*result->cost));
	for (size_t i = 0; i < count && result->cost != NULL; i++) {
		char *text = gk_arena_alloc(arena, DECIMAL_TEXT_BYTES);

		if (text == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "result");
		}
		decimal_print(report->request.cost[i].micros, text);
		result->cost[i].name = report->request.cost[i].unit;
		result->cost[i].value = text;
	}
	result->cost_count = count;
	return result->cost == NULL ? GK_FAIL(err, GK_E_NOMEM, "result")
				    : GK_OK;
}

/*
 * Under one key: output, error message, and the digest of status, output, error
 * and cost, not of how long it took: what makes two results the same.
 */
static enum gk_rc
hash_under(const struct gate_hash_key *key, const struct report *report,
    const struct gk_buf *output, struct report_hashes *ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(TEXT_CAP);
	const struct result_error *error = report->request.error;
	struct event_result same = report->result;

	same.duration_ms = 0;
	if (output != NULL) {
		hash_text(key, "gatekeeper/output/v1", gk_buf_text(output),
		    output->len, ret->output_hash);
		same.output_hash = ret->output_hash;
	}
	if (error != NULL && error->message != NULL) {
		hash_text(key, "gatekeeper/error/v1", error->message,
		    strlen(error->message), ret->error_hash);
		same.error_hash = ret->error_hash;
	}
	GK_TRY(record_encode(&event_result_type, &same, &text, err));
	hash_text(key, "gatekeeper/result/v1", gk_buf_text(&text), text.len,
	    ret->digest);
	return GK_OK;
}

/* Under the newest key: that is recorded. */
static void
take_newest(struct report *report)
{
	const struct report_hashes *newest = &report->hashes[0];

	report->result.output_hash =
	    newest->output_hash[0] == '\0' ? NULL : newest->output_hash;
	report->result.error_hash =
	    newest->error_hash[0] == '\0' ? NULL : newest->error_hash;
	report->result.digest = newest->digest;
}

static enum gk_rc
hash_result(struct gate *gate, struct gate_call *call, struct report *report,
    struct gk_err *err)
{
	GK_AUTO(gate__keys_wipe) struct gate_hash_keys keys = {.count = 0};
	GK_AUTO(gk_buf_done) struct gk_buf output = GK_BUF_INIT(TEXT_CAP);
	bool any;

	report->result.output_hash = NULL;
	report->result.error_hash = NULL;
	report->result.digest = NULL;
	gate__keys_copy(gate, &keys);
	report->key_generation = keys.generation;
	report->older_count = keys.count - 1;
	report->hashes =
	    gk_arena_calloc(&call->arena, keys.count, sizeof(*report->hashes));
	report->older =
	    gk_arena_calloc(&call->arena, keys.count, sizeof(*report->older));
	if (report->hashes == NULL || report->older == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "result");
	}
	GK_TRY(print_output(&report->request, &output, &any, err));
	for (size_t i = 0; i < keys.count; i++) {
		GK_TRY(hash_under(&keys.keys[i], report, any ? &output : NULL,
		    &report->hashes[i], err));
	}
	for (size_t i = 0; i < report->older_count; i++) {
		report->older[i] = (struct result_digest){
		    keys.keys[i + 1].id, report->hashes[i + 1].digest};
	}
	take_newest(report);
	return GK_OK;
}

static enum gk_rc
prepare(struct gate *gate, struct gate_call *call, struct report *report,
    struct gk_err *err)
{
	const struct result_error *error;

	GK_TRY(result_request_decode(
	    call->body, &call->arena, &report->request, err));
	report->result.status = report->request.status;
	report->result.duration_ms = report->request.duration_ms;
	error = report->request.error;
	report->result.error_code = error == NULL ? NULL : error->code;
	GK_TRY(copy_cost(report, &call->arena, err));
	return hash_result(gate, call, report, err);
}

enum gate_go
result_begin(struct gate *gate, struct gate_call *call)
{
	struct report *report = gate__data(call, sizeof(*report));
	struct gk_err err = {.rc = GK_OK};

	if (report == NULL) {
		return GO_DONE;
	}
	if (call->target == NULL ||
	    !id_parse(&gate->id_key, ID_DECISION, call->target, &report->seq)) {
		return gate__not_found(call);
	}
	report->decision_id = call->target;
	if (call->body == NULL) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a result is needed");
	}
	switch (prepare(gate, call, report, &err)) {
	case GK_OK:
		return GO_COMMIT;
	case GK_E_INVALID:
	case GK_E_LIMIT:
		return gate__bad_request(call, "invalid_request", &err);
	case GK_E_NOMEM:
	case GK_E_IO:
	case GK_E_CORRUPT:
	case GK_E_BUSY:
		break;
	}
	return gate__failed(call, &err);
}

static enum gk_rc
settle(struct gate *gate, struct gate_work *work, const struct event *decision,
    struct gk_err *err)
{
	struct report *report = work->data;
	struct result_report said = {
	    .decision_seq = report->seq,
	    .decision = decision,
	    .caller = work->call->caller,
	    .result = &report->result,
	    .older = report->older,
	    .older_count = report->older_count,
	    .cost = report->request.cost,
	    .cost_count = report->request.cost_count,
	};
	struct settle_at at = gate__at(gate);

	GK_TRY(ledger_settle_result(
	    gate->ledger, &at, &said, &gate->scratch, &gate->settlement, err));
	if (gate->settlement.outcome != SETTLE_MISS) {
		return GK_OK;
	}
	GK_TRY(gate__recall(
	    gate, decision->tenant_id, decision->run_id, &at.run_is_new, err));
	return ledger_settle_result(
	    gate->ledger, &at, &said, &gate->scratch, &gate->settlement, err);
}

static enum gk_rc
refer(struct gate *gate, struct gate_work *work, uint64_t seq, int change,
    const struct digest *leaf, struct gk_err *err)
{
	struct report *report = work->data;

	(void)gate;
	report->change = change;
	return gate__event_ref(
	    seq, leaf, &work->call->arena, &report->event, err);
}

static enum gk_rc
record(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	const struct event *event = &gate->settlement.events[0];
	uint64_t seq = event->seq;
	int change = event->change;
	struct digest leaf;

	GK_TRY(gate__record(gate, &gate->settlement, NULL, 0, &leaf, err));
	return refer(gate, work, seq, change, &leaf, err);
}

enum gk_rc
result_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct report *report = work->data;
	struct journal_reader *reader = journal_reader(gate->journal);
	struct event decision, before;
	struct digest leaf;
	bool found;

	report->again = report->key_generation != gate->hash_keys.generation;
	if (report->again) {
		return GK_OK;
	}
	GK_TRY(gate__read_event(gate, reader, report->seq, &gate->scratch,
	    &decision, NULL, &found, err));
	if (!found) {
		(void)gate__gone(gate, work->call, report->seq);
		return GK_OK;
	}
	if (!gate__sees_tenant(work->call, decision.tenant_id)) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	GK_TRY(settle(gate, work, &decision, err));
	switch (gate->settlement.outcome) {
	case SETTLE_EVENTS:
		work->call->outcome = GATE_CREATED;
		return record(gate, work, err);
	case SETTLE_NOTHING:
		work->call->outcome = GATE_OK;
		report->replayed = true;
		GK_TRY(
		    gate__read_event(gate, reader, gate->settlement.replay_seq,
			&gate->scratch, &before, &leaf, &found, err));
		return found ? refer(gate, work, before.seq, before.change,
				   &leaf, err)
			     : GK_OK;
	case SETTLE_REFUSED:
		if (gate->settlement.event_count > 0) {
			enum refusal why = gate->settlement.refusal;

			GK_TRY(record(gate, work, err));
			(void)gate__refused(work->call, why);
			return GK_OK;
		}
		(void)gate__refused(work->call, gate->settlement.refusal);
		return GK_OK;
	case SETTLE_REPLAY:
	case SETTLE_MISS:
		break;
	}
	return GK_FAIL(err, GK_E_CORRUPT, "a result that can't be settled");
}

enum gate_go
result_finish(struct gate *gate, struct gate_call *call)
{
	struct report *report = call->work->data;
	struct gk_err err = {.rc = GK_OK};

	if (!report->again) {
		return gate__reply(call, call->outcome, &answer_type, report);
	}
	if (++report->tries > GATE_TRIES_MAX) {
		call->retry_after_ms = 100;
		return gate__problem(call, GATE_UNAVAILABLE, "keys_changing",
		    "the hash keys keep changing; report again");
	}
	return hash_result(gate, call, report, &err) == GK_OK
		   ? GO_COMMIT
		   : gate__failed(call, &err);
}

/* ---- the end of a run ---- */

struct run_end {
	const char *tenant, *run_id;
	struct gate_event_ref *event;
};

static const struct record_field run_end_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct run_end, event),
	.type = &gate_event_ref_type},
    {.name = "run_id",
	.kind = RECORD_STR,
	.offset = offsetof(struct run_end, run_id)},
    {.name = "tenant_id",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct run_end, tenant)},
};
static const struct record_type run_end_type = {
    "run", sizeof(struct run_end), run_end_fields, GK_COUNT(run_end_fields)};

enum gate_go
run_end_begin(struct gate *gate, struct gate_call *call)
{
	struct run_end *end = gate__data(call, sizeof(*end));

	(void)gate;
	if (end == NULL) {
		return GO_DONE;
	}
	if (call->target == NULL || !name_is_id(call->target)) {
		return gate__not_found(call);
	}
	end->run_id = call->target;
	return gate__tenant(call, gate__param(call, "tenant_id"), &end->tenant)
		   ? GO_COMMIT
		   : GO_DONE;
}

enum gk_rc
run_end_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct run_end *end = work->data;
	struct settlement *settlement = &gate->settlement;
	struct settle_at at = gate__at(gate);
	struct digest leaf;

	GK_TRY(ledger_settle_run_end(gate->ledger, &at, work->call->caller,
	    end->tenant, end->run_id, &gate->scratch, settlement, err));
	if (settlement->outcome == SETTLE_MISS) {
		GK_TRY(gate__recall(
		    gate, end->tenant, end->run_id, &at.run_is_new, err));
		GK_TRY(ledger_settle_run_end(gate->ledger, &at,
		    work->call->caller, end->tenant, end->run_id,
		    &gate->scratch, settlement, err));
	}
	if (settlement->outcome == SETTLE_REFUSED) {
		(void)gate__refused(work->call, settlement->refusal);
		return GK_OK;
	}
	if (settlement->outcome == SETTLE_EVENTS) {
		uint64_t seq = settlement->events[0].seq;

		GK_TRY(gate__record(gate, settlement, NULL, 0, &leaf, err));
		return gate__event_ref(
		    seq, &leaf, &work->call->arena, &end->event, err);
	}
	return GK_OK;
}

enum gate_go
run_end_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, GATE_OK, &run_end_type, call->work->data);
}
