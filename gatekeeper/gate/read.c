/* The reader threads, and how an event is shown to people. */
#include <string.h>

#include "codec/canon.h"
#include "gate/gate_internal.h"

enum { OPENED_CAP = 1 << 20 };

static void
read_one(struct gate *gate, struct gate_reader *reader, struct gate_work *work)
{
	struct gk_err err = {.rc = GK_OK};

	work->go = GO_DONE;
	if (work->verb->read(gate, reader, work, &err) != GK_OK) {
		gk_buf_clear(&work->call->reply);
		(void)gate__failed(work->call, &err);
	}
	if (work->go == GO_COMMIT && !work->ended) {
		gate__queue_pass(gate, work,
		    work->verb->commit == NULL ? LANE_READ : LANE_CONTROL);
		return;
	}
	work->call->done(work->call);
	gate__queue_left(gate, 1);
}

void *
gate__reader_main(void *arg)
{
	struct gate_reader *reader = arg;
	struct gate *gate = reader->gate;
	struct gate_work *work;

	while (gate__queue_take_read(gate, &work)) {
		if (work->verb->ordered) {
			pthread_mutex_lock(&gate->reload_lock);
			read_one(gate, reader, work);
			pthread_mutex_unlock(&gate->reload_lock);
		} else {
			read_one(gate, reader, work);
		}
	}
	return NULL;
}

/* ---- rows for people ---- */

struct opened {
	struct gk_buf *buf;
	size_t count;
};

static enum gk_rc
add_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	struct opened *opened = ctx;

	GK_TRY(gk_buf_putc(opened->buf, opened->count++ == 0 ? '{' : ',', err));
	GK_TRY(canon_string(opening->path, opened->buf, err));
	GK_TRY(gk_buf_putc(opened->buf, ':', err));
	return gk_buf_puts(opened->buf, opening->value, err);
}

enum gk_rc
gate__opened(struct journal_reader *reader, uint64_t seq, struct gk_buf *buf,
    bool *ret_any, struct gk_err *err)
{
	struct opened opened = {buf, 0};

	GK_TRY(journal_openings(reader, seq, add_opening, &opened, err));
	*ret_any = opened.count > 0;
	return *ret_any ? gk_buf_putc(buf, '}', err) : GK_OK;
}

enum gk_rc
gate__row(struct journal_reader *reader, uint64_t seq, const char *bytes,
    size_t n, const struct digest *leaf, bool raw, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf opened = GK_BUF_INIT(OPENED_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf with = GK_BUF_INIT(OPENED_CAP);
	char hex[DIGEST_HEX + 2] = "\"";
	size_t hex_n;
	bool any = false;

	if (raw) {
		return gk_buf_add(buf, bytes, n, err);
	}
	hex_n = 1 + digest_hex(leaf->bytes, sizeof(leaf->bytes), hex + 1);
	hex[hex_n++] = '"';
	if (entry_get(bytes, n, "shown").at != NULL) {
		GK_TRY(gate__opened(reader, seq, &opened, &any, err));
	}
	if (!any) {
		return entry_insert(
		    bytes, n, "leaf_hash", hex, hex_n, buf, err);
	}
	GK_TRY(entry_insert(bytes, n, "leaf_hash", hex, hex_n, &with, err));
	return entry_insert(
	    with.bytes, with.len, "opened", opened.bytes, opened.len, buf, err);
}
