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

static enum gk_rc
add_redaction(void *ctx, const char *path, uint64_t event, struct gk_err *err)
{
	struct opened *opened = ctx;

	GK_TRY(gk_buf_putc(opened->buf, opened->count++ == 0 ? '{' : ',', err));
	GK_TRY(canon_string(path, opened->buf, err));
	return gk_buf_printf(
	    opened->buf, err, ":%llu", (unsigned long long)event);
}

enum gk_rc
gate__redacted(struct journal_reader *reader, uint64_t seq, struct gk_buf *buf,
    bool *ret_any, struct gk_err *err)
{
	struct opened redacted = {buf, 0};

	GK_TRY(journal_redactions(reader, seq, add_redaction, &redacted, err));
	*ret_any = redacted.count > 0;
	return *ret_any ? gk_buf_putc(buf, '}', err) : GK_OK;
}

static bool
has_member(const struct gk_buf *object, struct entry_text name)
{
	struct entry_text one, value;
	size_t at = 1;

	while (entry_next(object->bytes, object->len, &at, &one, &value)) {
		if (one.n == name.n && memcmp(one.at, name.at, name.n) == 0) {
			return true;
		}
	}
	return false;
}

/* ["/path"…] of what is shown and neither opened nor redacted: policy or age let it go. */
static enum gk_rc
add_let_go(struct entry_text shown, const struct gk_buf *opened,
    const struct gk_buf *redacted, struct gk_buf *buf, struct gk_err *err)
{
	struct entry_text name, value;
	size_t at = 1;

	while (entry_next(shown.at, shown.n, &at, &name, &value)) {
		if (has_member(opened, name) || has_member(redacted, name)) {
			continue;
		}
		GK_TRY(gk_buf_puts(buf, buf->len == 0 ? "[\"" : ",\"", err));
		GK_TRY(gk_buf_add(buf, name.at, name.n, err));
		GK_TRY(gk_buf_putc(buf, '"', err));
	}
	return buf->len == 0 ? GK_OK : gk_buf_putc(buf, ']', err);
}

/* What is put into an event's bytes for people. */
struct extra {
	const char *name;
	struct gk_buf text;
};

static enum gk_rc
insert_all(const char *bytes, size_t n, const struct extra *extras,
    size_t count, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf a = GK_BUF_INIT((size_t)2 * OPENED_CAP);
	GK_AUTO(gk_buf_done)
	struct gk_buf b = GK_BUF_INIT((size_t)2 * OPENED_CAP);
	struct gk_buf *from = &a, *to = &b, *other;

	GK_TRY(gk_buf_add(from, bytes, n, err));
	for (size_t i = 0; i < count; i++) {
		if (extras[i].text.len == 0) {
			continue;
		}
		gk_buf_clear(to);
		GK_TRY(entry_insert(from->bytes, from->len, extras[i].name,
		    extras[i].text.bytes, extras[i].text.len, to, err));
		other = from;
		from = to;
		to = other;
	}
	return gk_buf_add(buf, from->bytes, from->len, err);
}

/* What can be seen of the shown values: opened, redacted (by which event), let go. */
static enum gk_rc
fill_extras(struct journal_reader *reader, uint64_t seq, const char *bytes,
    size_t n, struct extra extras[4], struct gk_err *err)
{
	struct entry_text shown = entry_get(bytes, n, "shown");
	bool any;

	if (shown.at == NULL) {
		return GK_OK;
	}
	GK_TRY(gate__opened(reader, seq, &extras[1].text, &any, err));
	GK_TRY(gate__redacted(reader, seq, &extras[2].text, &any, err));
	return add_let_go(
	    shown, &extras[1].text, &extras[2].text, &extras[3].text, err);
}

enum gk_rc
gate__row(struct journal_reader *reader, uint64_t seq, const char *bytes,
    size_t n, const struct digest *leaf, bool raw, struct gk_buf *buf,
    struct gk_err *err)
{
	struct extra extras[] = {
	    {"leaf_hash", GK_BUF_INIT(DIGEST_HEX + 2)},
	    {"opened", GK_BUF_INIT(OPENED_CAP)},
	    {"redacted", GK_BUF_INIT(OPENED_CAP)},
	    {"let_go", GK_BUF_INIT(OPENED_CAP)},
	};
	char hex[DIGEST_HEX];
	enum gk_rc rc;

	if (raw) {
		return gk_buf_add(buf, bytes, n, err);
	}
	(void)digest_hex(leaf->bytes, sizeof(leaf->bytes), hex);
	rc = gk_buf_printf(&extras[0].text, err, "\"%s\"", hex);
	if (rc == GK_OK) {
		rc = fill_extras(reader, seq, bytes, n, extras, err);
	}
	if (rc == GK_OK) {
		rc = insert_all(bytes, n, extras, GK_COUNT(extras), buf, err);
	}
	for (size_t i = 0; i < GK_COUNT(extras); i++) {
		gk_buf_done(&extras[i].text);
	}
	return rc;
}
