/* The log as others read it: its checkpoint, tiles, bundles of entries, and proofs. */
#include <string.h>

#include "gate/overview.h"

/* What a path asks for. */
struct tlog {
	struct tile_id tile; /* of entries: level 0 */
	uint64_t seq;
};

static enum gate_go
no_such_tile(struct gate_call *call)
{
	return gate__problem(call, GATE_NOT_FOUND, "no_such_tile",
	    "there is no such tile, or the log doesn't reach it yet");
}

static enum gate_go
answer_tile(struct gate_call *call, enum journal_tile tile)
{
	if (tile == TILE_LET_GO) {
		return gate__problem(call, GATE_NOT_FOUND, "let_go",
		    "retention has let these entries go; their hashes stay");
	}
	if (tile != TILE_GIVEN) {
		return no_such_tile(call);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}

/* ---- checkpoint ---- */

enum gate_go
checkpoint_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	(void)call;
	return GO_READ;
}

enum gk_rc
checkpoint_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	uint64_t size;
	bool found;

	(void)gate;
	GK_TRY(journal_read_checkpoint(reader->journal, UINT64_MAX, &size,
	    &work->call->reply, &found, err));
	if (!found) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	work->call->outcome = GATE_OK;
	return journal_read_cosignatures(
	    reader->journal, size, &work->call->reply, err);
}

enum gk_rc
signing_keys_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	bool rotated;

	(void)gate;
	GK_TRY(journal_print_signing_keys(
	    reader->journal, &work->call->reply, &rotated, err));
	if (!rotated) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	work->call->outcome = GATE_OK;
	return GK_OK;
}

/* ---- tiles ---- */

enum gate_go
tile_begin(struct gate *gate, struct gate_call *call)
{
	struct tlog *tlog = gate__data(call, sizeof(*tlog));

	(void)gate;
	if (tlog == NULL) {
		return GO_DONE;
	}
	if (call->target == NULL || !tile_parse(call->target, &tlog->tile)) {
		return no_such_tile(call);
	}
	return GO_READ;
}

enum gk_rc
tile_read(struct gate *gate, struct gate_reader *reader, struct gate_work *work,
    struct gk_err *err)
{
	const struct tlog *tlog = work->data;
	enum journal_tile tile;

	(void)gate;
	GK_TRY(journal_read_tile(
	    reader->journal, &tlog->tile, &work->call->reply, &tile, err));
	(void)answer_tile(work->call, tile);
	return GK_OK;
}

/* ---- entries ---- */

/* A bundle holds the events of all tenants. */
enum gate_go
entries_begin(struct gate *gate, struct gate_call *call)
{
	struct tlog *tlog = gate__data(call, sizeof(*tlog));

	(void)gate;
	if (tlog == NULL) {
		return GO_DONE;
	}
	if (!gate__sees_tenant(call, "*")) {
		return gate__problem(call, GATE_FORBIDDEN,
		    "tenant_not_permitted",
		    "entries are of all tenants: the identity needs \"*\"");
	}
	if (call->target == NULL || !tile_entries_parse(call->target,
					&tlog->tile.index, &tlog->tile.width)) {
		return no_such_tile(call);
	}
	return GO_COMMIT;
}

/* Once for all bundles: who follows the log would else lengthen it by reading. */
enum gk_rc
entries_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call, "entries", false, err);
}

enum gk_rc
entries_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	const struct tlog *tlog = work->data;
	enum journal_tile tile;

	(void)gate;
	GK_TRY(journal_read_entries(reader->journal, tlog->tile.index,
	    tlog->tile.width, &work->call->reply, &tile, err));
	(void)answer_tile(work->call, tile);
	return GK_OK;
}

/* ---- proofs ---- */

bool
gate__seq_parse(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n] != '\0' || (text[0] == '0' && n > 1)) {
		return false;
	}
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		*ret = *ret * 10 + (uint64_t)(text[i] - '0');
	}
	return true;
}

enum gate_go
proof_begin(struct gate *gate, struct gate_call *call)
{
	struct tlog *tlog = gate__data(call, sizeof(*tlog));

	(void)gate;
	if (tlog == NULL) {
		return GO_DONE;
	}
	return call->target != NULL && gate__seq_parse(call->target, &tlog->seq)
		   ? GO_READ
		   : gate__not_found(call);
}

enum gk_rc
proof_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	const struct tlog *tlog = work->data;
	bool found;

	(void)gate;
	GK_TRY(journal_print_proof(
	    reader->journal, tlog->seq, &work->call->reply, &found, err));
	if (!found) {
		(void)gate__not_found(work->call);
		return GK_OK;
	}
	work->call->outcome = GATE_OK;
	return GK_OK;
}
