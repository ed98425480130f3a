/*
 * Lines of JSON as events: what decodes has canonical bytes that decode again,
 * and whatever is told, in whatever order, a ledger folds it in or refuses it,
 * and what it holds then survives a snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "ledger/ledger.h"

enum { EVENTS_MAX = 200, DUE_MAX = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct id_key id_key = {"0123456789abcdef"};
static const struct ledger_limits limits = {
    .run_idle_us = INT64_C(86400000000),
    .runs_per_identity = 100,
    .result_grace_us = 1000000,
};

/*
 * Read a line by the table of events, so that it needn't be canonical; then it
 * is, and must survive the strict way.  Gives the event in arena.
 */
static struct event *
read_event(const char *bytes, size_t n, struct gk_arena *arena)
{
	static const struct json_limits line_limits = {65535, 8, 4096};
	GK_AUTO(json_freep) struct json_value *json = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf one = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf two = GK_BUF_INIT(1 << 20);
	/* the table's struct begins with the event */
	struct event *loose = gk_arena_alloc(arena, event_type.size);
	struct event *event = gk_arena_alloc(arena, sizeof(*event));

	GK_ASSERT(loose != NULL && event != NULL);
	if (json_parse(bytes, n, &line_limits, &json, NULL) != GK_OK ||
	    record_decode(&event_type, json, arena, loose, NULL) != GK_OK ||
	    event_encode(loose, &one, NULL) != GK_OK) {
		return NULL;
	}
	GK_ASSERT(
	    event_decode(one.bytes, one.len, arena, event, NULL) == GK_OK);
	GK_ASSERT(event_encode(event, &two, NULL) == GK_OK);
	GK_ASSERT(
	    one.len == two.len && memcmp(one.bytes, two.bytes, one.len) == 0);
	return event;
}

static enum gk_rc
load_row(void *loader, const char *key, const char *json, size_t n,
    struct gk_err *err)
{
	GK_ASSERT(key[0] != '\0' && json[0] == '{' && json[n - 1] == '}');
	return ledger_loader_row(loader, key, json, n, err);
}

/* What is written down as a snapshot reads back as the same state. */
static void
check_reload(const struct ledger *ledger)
{
	GK_AUTO(ledger_freep) struct ledger *again = NULL;
	struct ledger_snapshot one, two;
	struct ledger_loader *loader;
	struct gk_err err;
	bool valid;

	GK_ASSERT(ledger_new(&id_key, &limits, &again, &err) == GK_OK);
	GK_ASSERT(ledger_loader_new(again, &loader, &err) == GK_OK);
	GK_ASSERT(ledger_rows(ledger, load_row, loader, &err) == GK_OK);
	GK_ASSERT(ledger_state_digest(ledger, &one, &err) == GK_OK);
	GK_ASSERT(
	    ledger_loader_finish(loader, one.digest, &valid, &err) == GK_OK);
	GK_ASSERT(valid);
	ledger_loader_free(loader);
	GK_ASSERT(ledger_state_digest(again, &two, &err) == GK_OK);
	GK_ASSERT(one.rows == two.rows && strcmp(one.digest, two.digest) == 0);
}

/* All that can be asked of a ledger. */
static void
look(const struct ledger *ledger, struct gk_arena *arena)
{
	struct approval_filter any = {.status = APPROVAL_NONE};
	struct approval_view approvals[8];
	struct switch_view switches[8];
	struct ledger_stats stats;
	bool more;

	ledger_stats(ledger, &stats);
	(void)ledger_approvals(ledger, &any, arena, approvals, 8, &more);
	(void)ledger_switches(ledger, switches, 8);
	for (size_t i = 0; i < ledger_identity_count(ledger); i++) {
		GK_ASSERT(ledger_identity_at(ledger, i) != NULL);
	}
	check_reload(ledger);
}

/* What is due is an event that the ledger itself takes. */
static void
let_time_pass(struct ledger *ledger, struct gk_arena *arena)
{
	struct settlement *settlement =
	    gk_arena_alloc(arena, sizeof(*settlement));

	GK_ASSERT(settlement != NULL);
	for (int i = 0; i < DUE_MAX; i++) {
		struct settle_at at = {.seq = ledger_next_seq(ledger)};

		at.now_us = ledger_next_due(ledger);
		if (at.now_us == INT64_MAX) {
			return;
		}
		if (at.now_us < ledger_last_us(ledger)) {
			at.now_us = ledger_last_us(ledger);
		}
		GK_ASSERT(ledger_settle_due(
			      ledger, &at, arena, settlement, NULL) == GK_OK);
		GK_ASSERT(settlement->outcome == SETTLE_EVENTS);
		GK_ASSERT(ledger_apply(ledger, &settlement->events[0], NULL) ==
			  GK_OK);
	}
}

static void
fold(const char *at, const char *end, struct gk_arena *arena)
{
	GK_AUTO(ledger_freep) struct ledger *ledger = NULL;
	enum gk_rc rc = GK_OK;

	GK_ASSERT(ledger_new(&id_key, &limits, &ledger, NULL) == GK_OK);
	for (int i = 0; i < EVENTS_MAX && at < end && rc == GK_OK; i++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct event *event;
		struct event_columns columns;

		stop = stop == NULL ? end : stop;
		event = read_event(at, (size_t)(stop - at), arena);
		at = stop + 1;
		if (event == NULL) {
			continue;
		}
		event_columns(event, &columns);
		event->seq = ledger_next_seq(ledger);
		if (event->timestamp_us < ledger_last_us(ledger)) {
			event->timestamp_us = ledger_last_us(ledger);
		}
		rc = ledger_apply(ledger, event, NULL);
		GK_ASSERT(rc == GK_OK || rc == GK_E_CORRUPT);
	}
	if (rc == GK_OK) {
		look(ledger, arena);
		let_time_pass(ledger, arena);
		look(ledger, arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(256 << 20);

	if (size > 1 << 17 || digest_init(NULL) != GK_OK) {
		return 0;
	}
	fold((const char *)data, (const char *)data + size, &arena);
	return 0;
}
