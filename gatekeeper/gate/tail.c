/* The log in order, for a thread of its own: pages, and the access event that says who reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"
#include "gate/tail.h"

enum { ROW_CAP = 1 << 20, SCAN_ROWS = 4000 };

struct tail {
	struct gate *gate;
	struct journal_reader *reader;
	struct gk_buf row;
	/* one page */
	bool openings;
	size_t left;
	enum gk_rc (*each)(void *ctx, const struct tail_event *event,
	    bool *stop, struct gk_err *err);
	void *ctx;
};

/* gatekeeper itself reads, and says so like anybody else. */
static enum gk_rc
note_access(struct gate *gate, const char *name, struct gk_err *err)
{
	const struct identity self = {
	    .id = "gatekeeper", .kind = IDENTITY_SERVICE};
	struct gate_call call;
	enum gk_rc rc = GK_OK;

	gate_call_init(&call, GATE_SHIP);
	call.caller = &self;
	call.local = true;
	call.target = name;
	gate_do(gate, &call);
	if (call.outcome != GATE_OK) {
		rc = GK_FAIL(err,
		    call.outcome == GATE_UNAVAILABLE ? GK_E_BUSY : GK_E_IO,
		    "%s: %s", call.code != NULL ? call.code : "failed",
		    call.detail != NULL ? call.detail : "the gate said no");
	}
	gate_call_done(&call);
	return rc;
}

enum gate_go
ship_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	/* only from inside: the admin socket has no route to it */
	return call->target == NULL ? gate__not_found(call) : GO_COMMIT;
}

enum gk_rc
ship_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct gate_call *call = work->call;
	const char *what =
	    gk_arena_printf(&call->arena, "ship.%s", call->target);

	if (what == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "access");
	}
	work->go = GO_DONE;
	call->outcome = GATE_OK;
	work->ended = true;
	return gate__note_access(gate, call, what, true, err);
}

enum gk_rc
tail_open(struct gate *gate, const char *name, struct tail **ret_tail,
    struct gk_err *err)
{
	struct tail *tail = calloc(1, sizeof(*tail));
	enum gk_rc rc;

	if (tail == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a reader");
	}
	tail->gate = gate;
	tail->row.cap = ROW_CAP;
	rc = journal_reader_open(gate->options.data_dir, &tail->reader, err);
	if (rc == GK_OK) {
		rc = note_access(gate, name, err);
	}
	if (rc != GK_OK) {
		tail_close(tail);
		return rc;
	}
	*ret_tail = tail;
	return GK_OK;
}

void
tail_close(struct tail *tail)
{
	if (tail != NULL) {
		if (tail->reader != NULL) {
			journal_reader_close(tail->reader);
		}
		gk_buf_done(&tail->row);
		free(tail);
	}
}

static enum gk_rc
add_row(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct tail *tail = ctx;
	struct tail_event event = {.seq = seq};
	char hex[DIGEST_HEX];

	(void)digest_hex(leaf->bytes, sizeof(leaf->bytes), hex);
	gk_buf_clear(&tail->row);
	if (tail->openings) {
		GK_TRY(gate__row(
		    tail->reader, seq, bytes, n, leaf, false, &tail->row, err));
	} else {
		char quoted[DIGEST_HEX + 2];
		int n_quoted = snprintf(quoted, sizeof(quoted), "\"%s\"", hex);

		GK_TRY(entry_insert(bytes, n, "leaf_hash", quoted,
		    (size_t)n_quoted, &tail->row, err));
	}
	event.row = gk_buf_text(&tail->row);
	event.row_n = tail->row.len;
	event.leaf = hex;
	GK_TRY(tail->each(tail->ctx, &event, stop, err));
	*stop |= --tail->left == 0;
	return GK_OK;
}

enum gk_rc
tail_read(struct tail *tail, uint64_t from, size_t limit, bool openings,
    enum gk_rc (*each)(void *ctx, const struct tail_event *event, bool *stop,
	struct gk_err *err),
    void *ctx, uint64_t *ret_next, struct gk_err *err)
{
	const struct journal_query query = {
	    .kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .from_seq = from,
	    .limit = limit,
	    .scan_limit = SCAN_ROWS,
	};
	bool more;

	tail->openings = openings;
	tail->left = limit;
	tail->each = each;
	tail->ctx = ctx;
	return journal_search(
	    tail->reader, &query, add_row, tail, ret_next, &more, err);
}

enum gk_rc
tail_leaf(struct tail *tail, uint64_t seq, char ret_hex[TAIL_LEAF_BYTES],
    bool *ret_found, struct gk_err *err)
{
	struct digest leaf;

	gk_buf_clear(&tail->row);
	GK_TRY(
	    journal_read(tail->reader, seq, &tail->row, &leaf, ret_found, err));
	if (*ret_found) {
		(void)digest_hex(leaf.bytes, sizeof(leaf.bytes), ret_hex);
	}
	return GK_OK;
}

uint64_t
tail_size(const struct gate *gate)
{
	return atomic_load_explicit(&gate->metrics.seq, memory_order_relaxed);
}

int64_t
tail_now(const struct gate *gate)
{
	return gate__now(gate);
}
