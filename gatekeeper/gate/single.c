/* GET /v1/events/{seq}: one event by its number. */
#include "gate/overview.h"

struct event_look {
	uint64_t seq;
	bool raw;
};

enum gate_go
single_begin(struct gate *gate, struct gate_call *call)
{
	struct event_look *look = gate__data(call, sizeof(*look));

	(void)gate;
	if (look == NULL || !gate__raw_param(call, &look->raw)) {
		return GO_DONE;
	}
	return call->target != NULL && gate__seq_parse(call->target, &look->seq)
		   ? GO_COMMIT
		   : gate__not_found(call);
}

enum gk_rc
single_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call, "event", false, err);
}

/* Somebody else's is as good as none. */
enum gk_rc
single_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	const struct event_look *look = work->data;
	struct gate_call *call = work->call;
	struct digest leaf;
	bool found;

	GK_TRY(journal_read(
	    reader->journal, look->seq, &bytes, &leaf, &found, err));
	if (!found) {
		(void)gate__gone(gate, call, look->seq);
		return GK_OK;
	}
	if (!gate__sees_event(call, bytes.bytes, bytes.len)) {
		(void)gate__not_found(call);
		return GK_OK;
	}
	call->outcome = GATE_OK;
	return gate__row(reader->journal, look->seq, bytes.bytes, bytes.len,
	    &leaf, look->raw, &call->reply, err);
}
