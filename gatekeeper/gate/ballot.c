/* Votes on approvals, and the revocation of a grant. */
#include <stdlib.h>
#include <string.h>

#include "codec/canon.h"
#include "gate/gate_internal.h"

#define GRANT_MAX_US (366 * GK_US_PER_DAY)

enum { NUMBER_BYTES_MAX = 32, OPENED_CAP = 1 << 20 };

static const struct json_limits number_limits = {NUMBER_BYTES_MAX, 1, 1};
static const struct json_limits opened_limits = {OPENED_CAP, 64, OPENED_CAP};

struct bound_body {
	const struct json_value *at_most;
	int64_t uses;
};

static const struct record_field bound_fields[] = {
    {.name = "at_most",
	.kind = RECORD_JSON,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct bound_body, at_most)},
    {.name = "uses",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct bound_body, uses),
	.lo = 1,
	.hi = APPROVAL_USES_MAX},
};
static const struct record_type bound_type = {
    "bound", sizeof(struct bound_body), bound_fields, GK_COUNT(bound_fields)};

struct ballot_body {
	struct bound_body *bounded;
	const char *comment;
	const char *valid_for;
};

static const struct record_field ballot_fields[] = {
    {.name = "bounded",
	.kind = RECORD_OBJECT,
	.flags = RECORD_NULLABLE,
	.offset = offsetof(struct ballot_body, bounded),
	.type = &bound_type},
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
	struct grant_bound bound;
	struct gate_openings comment;
	struct approval_view *view;
};

/* A number, or a decimal in quotes, as canonical text; NULL: neither. */
static const char *
number_text(const struct json_value *value, struct gk_arena *arena)
{
	GK_AUTO(json_freep) struct json_value *parsed = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(NUMBER_BYTES_MAX);
	const char *said = json_string(value);

	if (said != NULL) {
		if (json_parse(said, strlen(said), &number_limits, &parsed,
			NULL) != GK_OK) {
			return NULL;
		}
		value = parsed;
	}
	return json_type(value) == JSON_NUMBER &&
		       canon_print(value, &text, NULL) == GK_OK
		   ? gk_arena_strdup(arena, gk_buf_text(&text))
		   : NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct record_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool
decode_at_most(struct gate_call *call, const struct json_value *said,
    struct grant_bound *bound, struct gk_err *err)
{
	const struct json_value *item;

	bound->at_most = gk_arena_calloc(
	    &call->arena, APPROVAL_AT_MOST_MAX, sizeof(*bound->at_most));
	if (bound->at_most == NULL || json_type(said) != JSON_OBJECT ||
	    json_count(said) > APPROVAL_AT_MOST_MAX) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "expected an object of at most %d numbers by the JSON "
		    "Pointers of shown arguments",
		    APPROVAL_AT_MOST_MAX);
		gk_err_where(err, "/bounded/at_most");
		return false;
	}
	for (item = json_first(said); item != NULL; item = json_next(item)) {
		struct record_pair *pair =
		    &bound->at_most[bound->at_most_count];

		pair->name = json_name(item);
		pair->value = number_text(item, &call->arena);
		if (pair->name[0] != '/' || pair->value == NULL) {
			(void)GK_FAIL(err, GK_E_INVALID,
			    "expected a number by the JSON Pointer of a shown "
			    "argument, such as \"/amount\": 100");
			gk_err_where(err, "/bounded/at_most");
			return false;
		}
		bound->at_most_count++;
	}
	qsort(bound->at_most, bound->at_most_count, sizeof(*bound->at_most),
	    by_name);
	return true;
}

static bool
decode_bound(struct gate_call *call, struct ballot *ballot, struct gk_err *err)
{
	const struct bound_body *said = ballot->body.bounded;

	if (said == NULL) {
		return true;
	}
	if (call->verb != GATE_APPROVAL_GRANT) {
		(void)GK_FAIL(err, GK_E_INVALID, "only a grant can be bounded");
		gk_err_where(err, "/bounded");
		return false;
	}
	ballot->bound.uses = said->uses;
	ballot->said.bound = &ballot->bound;
	return said->at_most == NULL ||
	       decode_at_most(call, said->at_most, &ballot->bound, err);
}

static bool
decode(struct gate_call *call, struct ballot *ballot, struct gk_err *err)
{
	if (call->body == NULL) {
		return true;
	}
	if (record_decode(&ballot_type, call->body, &call->arena, &ballot->body,
		err) != GK_OK ||
	    !decode_bound(call, ballot, err)) {
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

/*
 * A number may be put only on an argument that people see, and not below what
 * they are asked for: else the grant wouldn't let through what it was given for.
 * NULL: fine; else the pointer at fault.
 */
static const char *
at_fault(const struct grant_bound *bound, const struct json_value *shown)
{
	for (size_t i = 0; i < bound->at_most_count; i++) {
		const struct record_pair *pair = &bound->at_most[i];
		GK_AUTO(json_freep) struct json_value *limit = NULL;
		const struct json_value *value = json_get(shown, pair->name);

		if (value == NULL || json_type(value) != JSON_NUMBER ||
		    json_parse(pair->value, strlen(pair->value), &number_limits,
			&limit, NULL) != GK_OK ||
		    json_number(value) > json_number(limit)) {
			return pair->name;
		}
	}
	return NULL;
}

/* False: the call has been ended. */
static enum gk_rc
check_at_most(struct gate *gate, struct gate_work *work, bool *ret_fine,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf opened = GK_BUF_INIT(OPENED_CAP);
	GK_AUTO(json_freep) struct json_value *shown = NULL;
	struct ballot *ballot = work->data;
	const char *fault;
	bool any;

	*ret_fine = true;
	if (ballot->bound.at_most_count == 0) {
		return GK_OK;
	}
	GK_TRY(gate__opened(journal_reader(gate->journal),
	    ballot->said.approval_seq, &opened, &any, err));
	if (any) {
		GK_TRY(json_parse(
		    opened.bytes, opened.len, &opened_limits, &shown, err));
	}
	fault = at_fault(&ballot->bound, shown);
	if (fault != NULL) {
		*ret_fine = false;
		work->call->pointer = "/bounded/at_most";
		(void)gate__problem(work->call, GATE_CONFLICT, "bound_unusable",
		    gk_arena_printf(&work->call->arena,
			"%s: a number goes on a shown argument that is a "
			"number, and not below what is asked for",
			fault));
	}
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

/* Is that identity the voter's person? */
static bool
is_voters(const struct identity *voter, const struct identity *identity)
{
	const char *person = identity_person(voter);

	return person != NULL && identity_person(identity) != NULL &&
	       strcmp(identity_person(identity), person) == 0;
}

/* One more id under which the voter may have been asked for, as a pseudonym under each key. */
static enum gk_rc
add_aliases(struct gate *gate, struct approval_ballot *said,
    const char **aliases, const char *id, struct gk_err *err)
{
	for (size_t i = 0; i < gate->hash_keys.count; i++) {
		char *text = gk_arena_alloc(&gate->scratch, GATE_HASH_BYTES);

		if (text == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "vote");
		}
		hash_actor(&gate->hash_keys.keys[i], id, text);
		aliases[said->alias_count++] = text;
	}
	return GK_OK;
}

/* The record may name the actor by a pseudonym: who votes is compared under that. */
static enum gk_rc
name_voter(struct gate *gate, struct approval_ballot *said, struct gk_err *err)
{
	const struct identity *voter = said->voter;
	const char *person = identity_person(voter);
	size_t identities = ledger_identity_count(gate->ledger), ids = 2;
	const char **aliases;

	for (size_t i = 0; i < identities; i++) {
		ids += is_voters(voter, ledger_identity_at(gate->ledger, i));
	}
	aliases = gk_arena_calloc(
	    &gate->scratch, ids * LEDGER_HASH_KEYS_MAX, sizeof(*aliases));
	if (aliases == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "vote");
	}
	said->alias_count = 0;
	said->aliases = aliases;
	GK_TRY(add_aliases(gate, said, aliases, voter->id, err));
	if (person != NULL) {
		GK_TRY(add_aliases(gate, said, aliases, person, err));
	}
	for (size_t i = 0; i < identities; i++) {
		const struct identity *one =
		    ledger_identity_at(gate->ledger, i);

		if (is_voters(voter, one)) {
			GK_TRY(add_aliases(gate, said, aliases, one->id, err));
		}
	}
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
	GK_TRY(name_voter(gate, &ballot->said, err));
	GK_TRY(ledger_settle_ballot(gate->ledger, &at, &ballot->said,
	    &gate->scratch, &gate->settlement, err));
	if (gate->settlement.outcome != SETTLE_EVENTS) {
		return refuse(gate, work, err);
	}
	GK_TRY(check_at_most(gate, work, &found, err));
	if (!found) {
		return GK_OK;
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
