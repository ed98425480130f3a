/* The chain of signing keys as the store keeps it: the very events that name them. */
#include "base/arena.h"
#include "journal/journal_internal.h"

enum { ARENA_CAP = 1 << 20 };

static enum gk_rc
take(void *ctx, uint64_t seq, const char *bytes, size_t n, struct gk_err *err)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(ARENA_CAP);
	struct chain *chain = ctx;
	struct event event;
	enum gk_rc rc = event_decode(bytes, n, &arena, &event, err);

	if (rc == GK_E_NOMEM) {
		return rc;
	}
	if (rc != GK_OK || event.seq != seq || !chain_names(&event)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "the table of signing keys holds something else at %llu",
		    (unsigned long long)seq);
	}
	return chain_take(chain, &event, err);
}

enum gk_rc
journal__chain_load(
    struct journal_reader *reader, struct chain *chain, struct gk_err *err)
{
	return journal__each_signing_key(reader, take, chain, err);
}

struct lines {
	struct gk_buf *buf;
	size_t count;
};

static enum gk_rc
add_line(
    void *ctx, uint64_t seq, const char *bytes, size_t n, struct gk_err *err)
{
	struct lines *lines = ctx;

	(void)seq;
	lines->count++;
	GK_TRY(gk_buf_add(lines->buf, bytes, n, err));
	return gk_buf_putc(lines->buf, '\n', err);
}

enum gk_rc
journal_print_signing_keys(struct journal_reader *reader, struct gk_buf *buf,
    bool *ret_rotated, struct gk_err *err)
{
	size_t before = buf->len;
	struct lines lines = {buf, 0};

	GK_TRY(journal__each_signing_key(reader, add_line, &lines, err));
	*ret_rotated = lines.count > 1;
	if (!*ret_rotated) {
		buf->len = before;
	}
	return GK_OK;
}
