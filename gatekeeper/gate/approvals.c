/* GET /v1/approvals: what waits for whom, with the values that the approver may see. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"

enum { APPROVALS_MAX = 1000, PAGE_BYTES = 4 << 20, OPENED_CAP = 1 << 20 };

/* What is shown may lie in a request twice, under its parent and by itself: more values than a request has. */
static const struct json_limits opened_limits = {OPENED_CAP, 64, OPENED_CAP};

struct approvals {
	struct approval_filter filter;
	uint64_t seq; /* of the one that is wanted */
	bool one;
	size_t limit;
	struct approval_view **views; /* copies in the call's arena */
	size_t count;
	bool more; /* than the views */
};

/* ---- who sees what ---- */

static bool
names_group_of(const struct approval_view *view, const struct identity *caller)
{
	for (size_t i = 0; i < view->rule_count; i++) {
		const struct approval_rule_view *rule = &view->rules[i];

		for (size_t k = 0; k < rule->group_count; k++) {
			for (size_t g = 0; g < caller->group_count; g++) {
				if (strcmp(rule->groups[k],
					caller->groups[g]) == 0) {
					return true;
				}
			}
		}
	}
	return false;
}

static bool
may_see(const struct gate_call *call, const struct approval_view *view)
{
	unsigned can = gate__can(call);

	if (!gate__sees_tenant(call, view->tenant_id)) {
		return false;
	}
	if ((can & (CAN_OPERATOR | CAN_AUDITOR)) != 0) {
		return true;
	}
	if ((can & CAN_APPROVER) != 0 && names_group_of(view, call->caller)) {
		return true;
	}
	return (can & CAN_AGENT) != 0 && view->agent_id != NULL &&
	       strcmp(view->agent_id, identity_agent(call->caller)) == 0;
}

/* ---- the list ---- */

static bool
wants(void *ctx, const struct approval_view *view)
{
	return may_see(ctx, view);
}

/* The last approval of the page before; in the order of risk, behind its risk: "high.apr_…". */
static bool
read_cursor(
    struct gate *gate, const char *cursor, struct approval_filter *filter)
{
	if (filter->by_risk) {
		size_t n = strcspn(cursor, ".");

		for (int i = RISK_LOW; i < RISK_COUNT; i++) {
			if (strncmp(cursor, risk_words[i], n) == 0 &&
			    risk_words[i][n] == '\0') {
				filter->after_risk = (enum risk)i;
			}
		}
		if (filter->after_risk == RISK_NONE || cursor[n] != '.') {
			return false;
		}
		cursor += n + 1;
	}
	return id_parse(&gate->id_key, ID_APPROVAL, cursor, &filter->after_seq);
}

/* The page's parameters; false: the call has been ended. */
static bool
read_page(struct gate *gate, struct gate_call *call, struct approvals *wanted)
{
	const char *cursor = gate__param(call, "cursor");
	const char *order = gate__param(call, "order");

	wanted->filter.by_risk = order != NULL && strcmp(order, "risk") == 0;
	if (order != NULL && !wanted->filter.by_risk &&
	    strcmp(order, "asked") != 0) {
		(void)gate__bad_param(call, "order", "expected asked or risk");
		return false;
	}
	if (cursor != NULL && !read_cursor(gate, cursor, &wanted->filter)) {
		(void)gate__bad_param(
		    call, "cursor", "not a cursor that this search has given");
		return false;
	}
	return gate__limit_param(
	    call, APPROVALS_MAX, APPROVALS_MAX, &wanted->limit);
}

enum gate_go
approvals_begin(struct gate *gate, struct gate_call *call)
{
	struct approvals *wanted = gate__data(call, sizeof(*wanted));
	const char *status = gate__param(call, "status");

	if (wanted == NULL || !read_page(gate, call, wanted)) {
		return GO_DONE;
	}
	wanted->filter.wants = wants;
	wanted->filter.ctx = call;
	if (status != NULL) {
		wanted->filter.status = (enum approval_status)name_find(
		    approval_status_words, APPROVAL_STATUS_COUNT, status);
		if (wanted->filter.status == APPROVAL_NONE) {
			return gate__bad_param(call, "status",
			    "expected pending, granted, denied, expired, "
			    "revoked or used");
		}
	}
	return GO_COMMIT;
}

static enum gk_rc
keep(struct gate_work *work, const struct approval_view *view,
    struct gk_err *err)
{
	struct approvals *wanted = work->data;

	GK_TRY(gate__view_copy(
	    view, &work->call->arena, &wanted->views[wanted->count], err));
	wanted->count++;
	return GK_OK;
}

static enum gk_rc
make_room(struct gate_work *work, size_t count, struct gk_err *err)
{
	struct approvals *wanted = work->data;

	wanted->count = 0;
	wanted->views = gk_arena_calloc(
	    &work->call->arena, count, sizeof(struct approval_view *));
	return wanted->views == NULL ? GK_FAIL(err, GK_E_NOMEM, "approvals")
				     : GK_OK;
}

enum gk_rc
approvals_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct approvals *wanted = work->data;
	struct approval_view *views =
	    gk_arena_calloc(&gate->scratch, wanted->limit, sizeof(*views));
	size_t count;

	if (views == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approvals");
	}
	count = ledger_approvals(gate->ledger, &wanted->filter, &gate->scratch,
	    views, wanted->limit, &wanted->more);
	GK_TRY(make_room(work, count, err));
	for (size_t i = 0; i < count; i++) {
		GK_TRY(keep(work, &views[i], err));
	}
	work->go = GO_READ;
	return GK_OK;
}

/* ---- one of them ---- */

enum gate_go
approval_begin(struct gate *gate, struct gate_call *call)
{
	struct approvals *wanted = gate__data(call, sizeof(*wanted));

	if (wanted == NULL) {
		return GO_DONE;
	}
	wanted->one = true;
	return call->target != NULL && id_parse(&gate->id_key, ID_APPROVAL,
					   call->target, &wanted->seq)
		   ? GO_COMMIT
		   : gate__not_found(call);
}

enum gk_rc
gate__approval_seen(struct gate *gate, const struct gate_call *call,
    uint64_t seq, struct approval_view *ret, bool *ret_found,
    struct gk_err *err)
{
	struct event asked;

	*ret_found = ledger_approval(gate->ledger, seq, &gate->scratch, ret);
	if (!*ret_found) {
		GK_TRY(gate__recall_of(gate, seq, &asked, ret_found, err));
		*ret_found = *ret_found && ledger_approval(gate->ledger, seq,
					       &gate->scratch, ret);
	}
	*ret_found = *ret_found && may_see(call, ret);
	return GK_OK;
}

enum gk_rc
approval_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct approvals *wanted = work->data;
	struct approval_view view;
	int64_t wait = work->call->wait_us;
	bool found;

	GK_TRY(gate__approval_seen(
	    gate, work->call, wanted->seq, &view, &found, err));
	if (!found) {
		(void)gate__gone(gate, work->call, wanted->seq);
		return GK_OK;
	}
	GK_TRY(make_room(work, 1, err));
	GK_TRY(keep(work, &view, err));
	work->go = GO_READ;
	if (wait > 0 && (view.status == APPROVAL_PENDING ||
			    view.status == APPROVAL_GRANTED)) {
		work->approval_seq = wanted->seq;
		work->approval_status = view.status;
		work->wait_until_us =
		    gate__now(gate) +
		    (wait < 300 * GK_US_PER_S ? wait : 300 * GK_US_PER_S);
		work->go = GO_WAIT;
	}
	return GK_OK;
}

void
approval_wake(struct gate *gate, struct gate_work *work)
{
	struct approvals *wanted = work->data;
	struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct gk_err err = {.rc = GK_OK};
	struct approval_view view;

	work->go = GO_READ;
	if (ledger_approval(gate->ledger, work->approval_seq, &arena, &view) &&
	    gate__view_copy(
		&view, &work->call->arena, &wanted->views[0], &err) != GK_OK) {
		(void)gate__failed(work->call, &err);
	}
	gk_arena_done(&arena);
}

/* ---- with what they show ---- */

static enum gk_rc
print_one(struct gate_reader *reader, const struct approval_view *view,
    struct gk_buf *reply, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf opened = GK_BUF_INIT(OPENED_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf gone = GK_BUF_INIT(OPENED_CAP);
	GK_AUTO(json_freep) struct json_value *shown = NULL;
	GK_AUTO(json_freep) struct json_value *redacted = NULL;
	struct gate_approval approval;
	struct actor actor;
	bool any;

	gate__approval_show(view, &actor, &approval);
	GK_TRY(gate__opened(reader->journal, view->seq, &opened, &any, err));
	if (any) {
		GK_TRY(json_parse(
		    opened.bytes, opened.len, &opened_limits, &shown, err));
		approval.shown = shown;
	}
	GK_TRY(gate__redacted(reader->journal, view->seq, &gone, &any, err));
	if (any) {
		GK_TRY(json_parse(gone.bytes, gone.len, &json_limits_request,
		    &redacted, err));
		approval.redacted = redacted;
	}
	return record_encode(&gate_approval_type, &approval, reply, err);
}

/* By alike, the oldest first: the stable order of the list within each. */
static int
by_alike(const void *a, const void *b)
{
	const struct approval_view *x = *(struct approval_view *const *)a;
	const struct approval_view *y = *(struct approval_view *const *)b;
	int way = strcmp(x->alike, y->alike);

	return way != 0 ? way : x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* "groups":[{"alike","approval_ids":[…]}…] of the pending ones among the first count views. */
static enum gk_rc
print_groups(struct gate_work *work, size_t count, struct gk_buf *reply,
    struct gk_err *err)
{
	const struct approvals *wanted = work->data;
	struct approval_view **views =
	    gk_arena_calloc(&work->call->arena, count, sizeof(*views));
	const char *last = "";
	size_t n = 0;

	if (views == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "approvals");
	}
	for (size_t i = 0; i < count; i++) {
		if (wanted->views[i]->status == APPROVAL_PENDING) {
			views[n++] = wanted->views[i];
		}
	}
	qsort(views, n, sizeof(struct approval_view *), by_alike);
	GK_TRY(gk_buf_puts(reply, "\"groups\":[", err));
	for (size_t i = 0; i < n; i++) {
		if (strcmp(views[i]->alike, last) == 0) {
			GK_TRY(gk_buf_printf(
			    reply, err, ",\"%s\"", views[i]->approval_id));
			continue;
		}
		last = views[i]->alike;
		GK_TRY(gk_buf_printf(reply, err,
		    "%s{\"alike\":\"%s\",\"approval_ids\":[\"%s\"",
		    i > 0 ? "]}," : "", last, views[i]->approval_id));
	}
	return gk_buf_puts(reply, n > 0 ? "]}]" : "]", err);
}

enum gk_rc
approvals_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct approvals *wanted = work->data;
	struct gk_buf *reply = &work->call->reply;
	size_t printed = 0;

	(void)gate;
	if (wanted->one) {
		GK_TRY(print_one(reader, wanted->views[0], reply, err));
		work->call->outcome = GATE_OK;
		return GK_OK;
	}
	GK_TRY(gk_buf_puts(reply, "{\"approvals\":[", err));
	while (printed < wanted->count && reply->len < PAGE_BYTES) {
		if (printed > 0) {
			GK_TRY(gk_buf_putc(reply, ',', err));
		}
		GK_TRY(print_one(reader, wanted->views[printed++], reply, err));
	}
	GK_TRY(gk_buf_puts(reply, "],", err));
	GK_TRY(print_groups(work, printed, reply, err));
	work->call->outcome = GATE_OK;
	if (printed == 0 || (printed == wanted->count && !wanted->more)) {
		return gk_buf_puts(reply, ",\"next_cursor\":null}", err);
	}
	return gk_buf_printf(reply, err, ",\"next_cursor\":\"%s%s%s\"}",
	    wanted->filter.by_risk
		? risk_words[wanted->views[printed - 1]->risk]
		: "",
	    wanted->filter.by_risk ? "." : "",
	    wanted->views[printed - 1]->approval_id);
}
