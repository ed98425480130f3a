/* Votes on approvals, and the revocation of a grant. */
#include <stdio.h>
#include <string.h>

#include "gate/gate_internal.h"

#define GRANT_MAX_US (366 * GK_US_PER_DAY)

struct ballot_body {
	const char *comment;
	const char *valid_for;
};

static const struct record_field ballot_fields[] = {
    {.name = "comment",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE | RECORD_EMPTY_OK,
	.offset = offsetof(struct ballot_body, comment)},
    {.name = "valid_for",
	.kind = RECORD_STR,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct ballot_body, valid_for)},
};
static const struct record_type ballot_type = {
    "vote", sizeof(struct ballot_body), ballot_fields, GK_COUNT(ballot_fields)};

/* A ballot on its way. */
struct ballot {
	struct ballot_body body;
	struct approval_ballot said;
	struct gate_openings comment;
	struct approval_view *view;
};

static bool
decode(struct gate_call *call, struct ballot *ballot, struct gk_err *err)
{
	if (call->body == NULL) {
		return true;
	}
	if (record_decode(&ballot_type, call->body, &call->arena, &ballot->body,
		err) != GK_OK) {
		return false;
	}
	if (ballot->body.valid_for == NULL) {
		return true;
	}
	if (call->verb != GATE_APPROVAL_GRANT ||
	    gk_duration_parse(ballot->body.valid_for,
		&ballot->said.grant_valid_us, err) != GK_OK ||
	    ballot->said.grant_valid_us <= 0 ||
	    ballot->said.grant_valid_us > GRANT_MAX_US) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "expected how long a grant is valid, such as 10m");
		gk_err_where(err, "/valid_for");
		return false;
	}
	return true;
}

enum gate_go
ballot_begin(struct gate *gate, struct gate_call *call)
{
	struct ballot *ballot = gate__data(call, sizeof(*ballot));
	bool votes = call->verb != GATE_APPROVAL_REVOKE;
	struct gk_err err = {.rc = GK_OK};

	if (ballot == NULL) {
		return GO_DONE;
	}
	if (votes && (call->local || call->caller->kind != IDENTITY_HUMAN)) {
		return gate__problem(call, GATE_FORBIDDEN, "not_permitted",
		    "only people vote on approvals, with a token of theirs");
	}
	if (call->target == NULL ||
	    !id_parse(&gate->id_key, ID_APPROVAL, call->target,
		&ballot->said.approval_seq)) {
		return gate__not_found(call);
	}
	if (!decode(call, ballot, &err) ||
	    gate__show_words(gate, "/comment", ballot->body.comment,
		&call->arena, &ballot->comment, &err) != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	ballot->said.voter = call->caller;
	ballot->said.change = !votes ? CHANGE_REVOKED
			      : call->verb == GATE_APPROVAL_GRANT
				  ? CHANGE_GRANTED
				  : CHANGE_DENIED;
	ballot->said.shown = ballot->comment.shown;
	ballot->said.shown_count = ballot->comment.count;
	return GO_COMMIT;
}

/* Whose run it is: from memory, else from the journal, which brings the run back. */
static enum gk_rc
find_run(struct gate *gate, struct ballot *ballot, bool *ret_found,
    struct gk_err *err)
{
	struct approval_view view;
	struct event asked;

	*ret_found = ledger_approval(
	    gate->ledger, ballot->said.approval_seq, &gate->scratch, &view);
	if (*ret_found) {
		ballot->said.tenant_id = view.tenant_id;
		ballot->said.run_id = view.run_id;
		return GK_OK;
	}
	GK_TRY(gate__recall_of(
	    gate, ballot->said.approval_seq, &asked, ret_found, err));
	ballot->said.tenant_id = asked.tenant_id;
	ballot->said.run_id = asked.run_id;
	return GK_OK;
}

static enum gk_rc
refuse(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct gate_call *call = work->call;
	struct ballot *ballot = work->data;
	const struct approval_view *view = gate->settlement.approval;
	enum refusal why = gate->settlement.refusal;

	if (why == REFUSAL_ALREADY_RESOLVED && view != NULL) {
		GK_TRY(gate__view_copy(view, &call->arena, &ballot->view, err));
		(void)gate__refused(call, why);
		call->detail =
		    gk_arena_printf(&call->arena, "the approval is %s%s%s",
			approval_status_words[view->status],
			view->resolved_by == NULL ? "" : " by ",
			view->resolved_by == NULL ? "" : view->resolved_by);
		work->ended = false; /* finish shows the approval */
		return GK_OK;
	}
	(void)gate__refused(call, why);
	return GK_OK;
}

enum gk_rc
ballot_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct ballot *ballot = work->data;
	struct settle_at at = gate__at(gate);
	struct approval_view view;
	bool found;

	GK_TRY(find_run(gate, ballot, &found, err));
	if (!found) {
		(void)gate__gone(gate, work->call, ballot->said.approval_seq);
		return GK_OK;
	}
	GK_TRY(ledger_settle_ballot(gate->ledger, &at, &ballot->said,
	    &gate->scratch, &gate->settlement, err));
	if (gate->settlement.outcome != SETTLE_EVENTS) {
		return refuse(gate, work, err);
	}
	gate->settlement.events[0].shown = ballot->comment.shown;
	gate->settlement.events[0].shown_count = ballot->comment.count;
	GK_TRY(gate__record(gate, &gate->settlement, ballot->comment.openings,
	    ballot->comment.count, NULL, err));
	work->call->outcome = GATE_OK;
	if (!ledger_approval(gate->ledger, ballot->said.approval_seq,
		&gate->scratch, &view)) {
		return GK_FAIL(err, GK_E_CORRUPT, "an approval is gone");
	}
	return gate__view_copy(&view, &work->call->arena, &ballot->view, err);
}

enum gate_go
ballot_finish(struct gate *gate, struct gate_call *call)
{
	struct ballot *ballot = call->work->data;
	struct gate_approval approval;
	struct actor actor;
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	gate__approval_show(ballot->view, &actor, &approval);
	if (call->outcome != GATE_CONFLICT) {
		return gate__reply(
		    call, GATE_OK, &gate_approval_type, &approval);
	}
	if (gk_buf_puts(&call->reply, "{\"approval\":", &err) != GK_OK ||
	    record_encode(&gate_approval_type, &approval, &call->reply, &err) !=
		GK_OK ||
	    gk_buf_putc(&call->reply, '}', &err) != GK_OK) {
		gk_buf_clear(&call->reply);
	}
	call->work->ended = true;
	return GO_DONE;
}
