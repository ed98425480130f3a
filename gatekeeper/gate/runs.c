/* GET /v1/runs/{id} and GET /v1/decisions/{id}: one run in order and paired; one decision with what became of it. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"

enum { PAGE = 500, SCAN_ROWS = 20000, ROW_CAP = 2 << 20, LIST_CAP = 1 << 20 };

/* One decision of the run and what points to it. */
struct step {
	uint64_t seq;
	struct seq_item *results, *approvals;
};

struct seq_item {
	struct seq_item *next;
	uint64_t seq;
};

/* A run on its way. */
struct run_read {
	const char *tenant, *run_id;
	bool has_tenant;
	/* in the reader thread */
	struct gate *gate;
	struct gate_call *call;
	struct journal_reader *reader;
	struct step *steps; /* by seq; owned */
	size_t step_count, step_room;
	size_t rows;
	bool hidden; /* it is another agent's */
	bool found_tenant;
	size_t looked; /* at events, for the tenant */
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct journal_query any_event = {
    .kind = -1, .decision = -1, .layer = -1, .scope = -1, .limit = PAGE};

enum gate_go
run_begin(struct gate *gate, struct gate_call *call)
{
	struct run_read *run = gate__data(call, sizeof(*run));
	const char *tenant = gate__param(call, "tenant_id");

	(void)gate;
	if (run == NULL) {
		return GO_DONE;
	}
	if (call->target == NULL || !name_is_id(call->target)) {
		return gate__not_found(call);
	}
	run->run_id = call->target;
	run->has_tenant = tenant != NULL;
	return gate__tenant(call, tenant, &run->tenant) ? GO_COMMIT : GO_DONE;
}

enum gk_rc
run_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call, "run", false, err);
}

/* ---- pairing ---- */

static struct step *
step_of(struct run_read *run, uint64_t seq)
{
	size_t lo = 0, hi = run->step_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (run->steps[mid].seq < seq) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo < run->step_count && run->steps[lo].seq == seq
		   ? &run->steps[lo]
		   : NULL;
}

static enum gk_rc
add_step(struct run_read *run, uint64_t seq, struct gk_err *err)
{
	if (run->step_count == run->step_room) {
		size_t room = run->step_room == 0 ? 64 : run->step_room * 2;
		struct step *steps = realloc(run->steps, room * sizeof(*steps));

		if (steps == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "run");
		}
		run->steps = steps;
		run->step_room = room;
	}
	run->steps[run->step_count++] = (struct step){.seq = seq};
	return GK_OK;
}

static enum gk_rc
point(struct run_read *run, struct seq_item **at, uint64_t seq,
    struct gk_err *err)
{
	struct seq_item *item =
	    gk_arena_alloc(&run->call->arena, sizeof(*item));

	if (item == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "run");
	}
	item->seq = seq;
	while (*at != NULL) {
		at = &(*at)->next;
	}
	*at = item;
	return GK_OK;
}

/* Which decision an id in the event's bytes speaks of. */
static struct step *
pointed(struct run_read *run, const char *bytes, size_t n, const char *name,
    enum id_kind kind)
{
	struct entry_text text = entry_get(bytes, n, name);
	char id[ID_TEXT_BYTES];
	uint64_t seq;

	if (text.at == NULL || text.n != sizeof(id) + 1) {
		return NULL;
	}
	memcpy(id, text.at + 1, sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	return id_parse(&run->gate->id_key, kind, id, &seq) ? step_of(run, seq)
							    : NULL;
}

static enum gk_rc
pair(struct run_read *run, uint64_t seq, const char *bytes, size_t n,
    struct gk_err *err)
{
	struct step *step;

	if (entry_is(bytes, n, "kind", "decision")) {
		return add_step(run, seq, err);
	}
	if (entry_is(bytes, n, "kind", "approval")) {
		step = pointed(run, bytes, n, "approval_id", ID_APPROVAL);
		return step == NULL ? GK_OK
				    : point(run, &step->approvals, seq, err);
	}
	if (entry_is(bytes, n, "kind", "result") ||
	    entry_is(bytes, n, "kind", "violation")) {
		step = pointed(run, bytes, n, "decision_id", ID_DECISION);
		return step == NULL ? GK_OK
				    : point(run, &step->results, seq, err);
	}
	return GK_OK;
}

/* ---- the run's events ---- */

static bool
is_of_run(const struct run_read *run, const char *bytes, size_t n)
{
	if (!entry_is(bytes, n, "run_id", run->run_id)) {
		return false;
	}
	return run->tenant == NULL
		   ? entry_get(bytes, n, "tenant_id").at == NULL
		   : entry_is(bytes, n, "tenant_id", run->tenant);
}

static bool
is_visible(const struct run_read *run, const char *bytes, size_t n)
{
	const struct gate_call *call = run->call;

	return (gate__can(call) & (CAN_AUDITOR | CAN_OPERATOR)) != 0 ||
	       entry_is(bytes, n, "agent_id", identity_agent(call->caller));
}

static enum gk_rc
add_row(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct run_read *run = ctx;
	struct gk_buf *reply = &run->call->reply;

	if (!is_of_run(run, bytes, n)) {
		return GK_OK;
	}
	if (run->rows == 0 && !is_visible(run, bytes, n)) {
		run->hidden = true;
		*stop = true;
		return GK_OK;
	}
	if (run->rows++ > 0) {
		GK_TRY(gk_buf_putc(reply, ',', err));
	}
	GK_TRY(gate__row(run->reader, seq, bytes, n, leaf, false, reply, err));
	return pair(run, seq, bytes, n, err);
}

static enum gk_rc
read_rows(struct run_read *run, struct gk_err *err)
{
	struct journal_query query = any_event;
	bool more = true;

	query.columns.run = event_column_hash(
	    run->tenant == NULL ? "" : run->tenant, run->run_id);
	while (more && !run->hidden) {
		GK_TRY(journal_search(run->reader, &query, add_row, run,
		    &query.from_seq, &more, err));
	}
	return GK_OK;
}

static enum gk_rc
note_tenant(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct run_read *run = ctx;

	(void)seq;
	(void)leaf;
	(void)err;
	run->looked++;
	if (entry_is(bytes, n, "run_id", run->run_id)) {
		run->tenant =
		    entry_dup(bytes, n, "tenant_id", &run->call->arena);
		run->found_tenant = true;
		*stop = true;
	}
	return GK_OK;
}

/*
 * Who sees all tenants needn't say which: the newest run of that name.  The search index
 * leads to it; of events that it doesn't know no more are looked at than a search may.
 * *ret_known false: there are others, which nobody has looked at.
 */
static enum gk_rc
find_tenant(struct run_read *run, bool *ret_known, struct gk_err *err)
{
	struct journal_query query = any_event;
	size_t most = gate__search_rows(run->gate);
	bool more = true;

	query.newest_first = true;
	query.from_seq = UINT64_MAX;
	query.limit = 1000;
	query.run_id = event_column_hash(run->run_id, NULL);
	while (more && !run->found_tenant && run->looked < most) {
		query.scan_limit = most - run->looked < SCAN_ROWS
				       ? most - run->looked
				       : SCAN_ROWS;
		GK_TRY(journal_search(run->reader, &query, note_tenant, run,
		    &query.from_seq, &more, err));
	}
	*ret_known = run->found_tenant || !more;
	return GK_OK;
}

static enum gk_rc
print_seqs(struct gk_buf *buf, const char *name, const struct seq_item *item,
    struct gk_err *err)
{
	GK_TRY(gk_buf_printf(buf, err, "\"%s\":[", name));
	for (const char *comma = ""; item != NULL;
	     item = item->next, comma = ",") {
		GK_TRY(gk_buf_printf(
		    buf, err, "%s%llu", comma, (unsigned long long)item->seq));
	}
	return gk_buf_putc(buf, ']', err);
}

/* Has the run's beginning been let go?  Then from where on it is told. */
static enum gk_rc
print_gap(const struct run_read *run, struct gk_buf *reply, struct gk_err *err)
{
	uint64_t minimum = atomic_load(&run->gate->minimum), first;
	bool has;

	GK_TRY(journal_run_first(run->reader,
	    event_column_hash(
		run->tenant == NULL ? "" : run->tenant, run->run_id),
	    &first, &has, err));
	return has && first < minimum
		   ? gk_buf_printf(reply, err, ",\"let_go_before\":%llu",
			 (unsigned long long)minimum)
		   : GK_OK;
}

/* …],"run_id":…,"steps":[{"approvals":[seq…],"decision":seq,"results":[seq…]}…],"tenant_id":…} */
static enum gk_rc
print_tail(const struct run_read *run, struct gk_buf *reply, struct gk_err *err)
{
	GK_TRY(gk_buf_putc(reply, ']', err));
	GK_TRY(print_gap(run, reply, err));
	GK_TRY(gk_buf_printf(
	    reply, err, ",\"run_id\":\"%s\",\"steps\":[", run->run_id));
	for (size_t i = 0; i < run->step_count; i++) {
		const struct step *step = &run->steps[i];

		GK_TRY(gk_buf_puts(reply, i > 0 ? ",{" : "{", err));
		GK_TRY(print_seqs(reply, "approvals", step->approvals, err));
		GK_TRY(gk_buf_printf(reply, err, ",\"decision\":%llu,",
		    (unsigned long long)step->seq));
		GK_TRY(print_seqs(reply, "results", step->results, err));
		GK_TRY(gk_buf_putc(reply, '}', err));
	}
	return run->tenant == NULL
		   ? gk_buf_puts(reply, "],\"tenant_id\":null}", err)
		   : gk_buf_printf(
			 reply, err, "],\"tenant_id\":\"%s\"}", run->tenant);
}

static enum gk_rc
ask_tenant(struct run_read *run, struct gk_err *err)
{
	const char *detail = gk_arena_printf(&run->call->arena,
	    "none of the newest %zu events that the search index doesn't know "
	    "yet is of this run: say tenant_id, or ask again later",
	    run->looked);

	if (detail == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "run");
	}
	run->call->pointer = "/tenant_id";
	(void)gate__problem(
	    run->call, GATE_BAD_REQUEST, "tenant_required", detail);
	return GK_OK;
}

static enum gk_rc
read_run(struct run_read *run, struct gk_err *err)
{
	struct gate_call *call = run->call;
	bool known = true;

	GK_TRY(gk_buf_puts(&call->reply, "{\"events\":[", err));
	GK_TRY(read_rows(run, err));
	if (run->rows == 0 && !run->hidden && !run->has_tenant &&
	    run->tenant == NULL && gate__sees_tenant(call, "*")) {
		GK_TRY(find_tenant(run, &known, err));
		GK_TRY(read_rows(run, err));
	}
	if (!known) {
		gk_buf_clear(&call->reply);
		return ask_tenant(run, err);
	}
	if (run->rows == 0) {
		gk_buf_clear(&call->reply);
		(void)gate__not_found(call);
		return GK_OK;
	}
	call->outcome = GATE_OK;
	return print_tail(run, &call->reply, err);
}

enum gk_rc
run_read(struct gate *gate, struct gate_reader *reader, struct gate_work *work,
    struct gk_err *err)
{
	struct run_read *run = work->data;
	enum gk_rc rc;

	run->gate = gate;
	run->call = work->call;
	run->reader = reader->journal;
	rc = read_run(run, err);
	free(run->steps);
	run->steps = NULL;
	return rc;
}

/* ---- one decision ---- */

struct decision_read {
	uint64_t seq;
	struct gate_answer answer;
	uint64_t approval_seq;
	bool has_approval;
	struct gk_buf *result; /* its row; in the call's reply until finish */
	const char *decision_id;
	struct journal_reader *reader;
	bool noted; /* that it was read; or needn't be: the agent's own */
};

enum gate_go
decision_begin(struct gate *gate, struct gate_call *call)
{
	struct decision_read *read = gate__data(call, sizeof(*read));

	if (read == NULL) {
		return GO_DONE;
	}
	read->decision_id = call->target;
	read->result = &call->reply;
	read->noted = (gate__can(call) & (CAN_AUDITOR | CAN_OPERATOR)) == 0;
	if (call->target == NULL ||
	    !id_parse(&gate->id_key, ID_DECISION, call->target, &read->seq)) {
		return gate__not_found(call);
	}
	return read->noted ? GO_READ : GO_COMMIT;
}

static bool
may_read(const struct gate_call *call, const struct event *event)
{
	return gate__sees_tenant(call, event->tenant_id) &&
	       ((gate__can(call) & (CAN_AUDITOR | CAN_OPERATOR)) != 0 ||
		   same(event->agent_id, identity_agent(call->caller)));
}

/* The first result of the decision: what closed it. */
static enum gk_rc
keep_result(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct decision_read *read = ctx;

	if (!entry_is(bytes, n, "decision_id", read->decision_id)) {
		return GK_OK;
	}
	*stop = true;
	return gate__row(
	    read->reader, seq, bytes, n, leaf, false, read->result, err);
}

static enum gk_rc
find_result(
    struct decision_read *read, const struct event *event, struct gk_err *err)
{
	struct journal_query query = any_event;
	bool more = true;

	query.kind = EVENT_RESULT;
	query.from_seq = event->seq;
	query.columns.run = event_column_hash(
	    event->tenant_id == NULL ? "" : event->tenant_id, event->run_id);
	while (more && read->result->len == 0) {
		GK_TRY(journal_search(read->reader, &query, keep_result, read,
		    &query.from_seq, &more, err));
	}
	return GK_OK;
}

enum gk_rc
decision_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct decision_read *read = work->data;
	struct gate_call *call = work->call;
	struct digest leaf;
	struct event event;
	bool found;

	read->reader = reader->journal;
	GK_TRY(gate__read_event(gate, reader->journal, read->seq, &call->arena,
	    &event, &leaf, &found, err));
	if (!found) {
		(void)gate__gone(gate, call, read->seq);
		return GK_OK;
	}
	if (event.kind != EVENT_DECISION || !may_read(call, &event)) {
		(void)gate__not_found(call);
		return GK_OK;
	}
	GK_TRY(gate__answer(&event, &leaf, &call->arena, &read->answer, err));
	GK_TRY(find_result(read, &event, err));
	read->has_approval = event.approval_id != NULL &&
			     id_parse(&gate->id_key, ID_APPROVAL,
				 event.approval_id, &read->approval_seq);
	work->go = read->has_approval ? GO_COMMIT : GO_DONE;
	return GK_OK;
}

/* Before it is read, that it is; afterwards how its approval stands, which is the ledger's to say. */
enum gk_rc
decision_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct decision_read *read = work->data;
	struct approval_view view;
	struct event asked;
	bool found;

	if (!read->noted) {
		read->noted = true;
		work->go = GO_READ;
		return gate__note_access(
		    gate, work->call, "decision", false, err);
	}
	found = ledger_approval(
	    gate->ledger, read->approval_seq, &gate->scratch, &view);
	if (!found) {
		GK_TRY(gate__recall_of(
		    gate, read->approval_seq, &asked, &found, err));
		found = found && ledger_approval(gate->ledger,
				     read->approval_seq, &gate->scratch, &view);
	}
	return found ? gate__approval_ref(&view, &work->call->arena,
			   &read->answer.approval, err)
		     : GK_OK;
}

enum gate_go
decision_finish(struct gate *gate, struct gate_call *call)
{
	GK_AUTO(gk_buf_done) struct gk_buf answer = GK_BUF_INIT(ROW_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf result = GK_BUF_INIT(ROW_CAP);
	struct decision_read *read = call->work->data;
	struct gk_err err = {.rc = GK_OK};
	bool some = call->reply.len > 0;

	(void)gate;
	if (record_encode(&gate_answer_type, &read->answer, &answer, &err) !=
		GK_OK ||
	    gk_buf_puts(&result, some ? gk_buf_text(&call->reply) : "null",
		&err) != GK_OK) {
		return gate__failed(call, &err);
	}
	gk_buf_clear(&call->reply);
	if (entry_insert(answer.bytes, answer.len, "result", result.bytes,
		result.len, &call->reply, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	call->work->ended = true;
	return GO_DONE;
}
