/*
 * Redaction: shown values that an operator lets go for good.
 *
 * The event comes first, and is committed; then the openings go, then the WAL is
 * cut, and only then does the answer leave.  What a crash leaves half done the next
 * start finishes: the store remembers which openings the events name.
 */
#include <string.h>

#include "codec/canon.h"
#include "gate/retention.h"

enum {
	EVENTS_MAX = 64,    /* redacted by one call */
	SCAN_ROWS = 20000,  /* in one read transaction */
	SCAN_ROUNDS = 50,   /* for one call */
	ERASE_SLICE = 1024, /* openings, in one transaction */
};

/* The longest time that an answer waits for readers to let the WAL go. */
#define ERASE_WAIT_US (5 * GK_US_PER_S)

/* One event whose openings go, and the event that says so. */
struct redacted {
	uint64_t seq;
	const char *tenant, *run;
	const char **paths;
	size_t path_count;
	int64_t of_seq;
	struct gate_event_ref *event;
};

struct redact {
	/* as asked */
	const char *actor_id, *run_id, *tenant_id, *reason;
	const char **paths;
	size_t path_count;
	int64_t seq, from;
	bool has_seq, all;
	/* on the way */
	const char
	    *actors[1 + LEDGER_HASH_KEYS_MAX]; /* all names of actor_id */
	size_t actor_count;
	struct gate_openings words;
	struct gate_call *call;
	struct journal_reader *reader;
	struct redacted items[EVENTS_MAX];
	size_t item_count;
	int64_t since_us; /* waiting for the WAL */
	/* the answer */
	struct redacted *done;
	size_t done_count;
	int64_t held, next;
	bool more, wal_cleared;
};

#define STR(key, member, checker, words)                                       \
	{                                                                      \
		.name = (key), .kind = RECORD_STR, .flags = RECORD_NULLABLE,   \
		.offset = offsetof(struct redact, member), .check = (checker), \
		.expected = (words)                                            \
	}
#define ID_WORDS "1-128 characters of A-Z a-z 0-9 . _ : @ / -"

static const struct record_field body_fields[] = {
    STR("actor_id", actor_id, name_is_id, ID_WORDS),
    {.name = "all",
	.kind = RECORD_BOOL,
	.offset = offsetof(struct redact, all)},
    {.name = "from",
	.kind = RECORD_INT,
	.offset = offsetof(struct redact, from),
	.hi = JSON_INT_MAX},
    {.name = "paths",
	.kind = RECORD_STRS,
	.max = 64,
	.offset = offsetof(struct redact, paths),
	.count_offset = offsetof(struct redact, path_count)},
    {.name = "reason",
	.kind = RECORD_STR,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redact, reason)},
    STR("run_id", run_id, name_is_id, ID_WORDS),
    {.name = "seq",
	.kind = RECORD_INT,
	.offset = offsetof(struct redact, seq),
	.has_offset = offsetof(struct redact, has_seq),
	.hi = JSON_INT_MAX},
    STR("tenant_id", tenant_id, name_is_id, ID_WORDS),
};
static const struct record_type body_type = {
    "redaction", sizeof(struct redact), body_fields, GK_COUNT(body_fields)};

static const struct record_field redacted_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct redacted, event),
	.type = &gate_event_ref_type},
    {.name = "of_seq",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redacted, of_seq)},
    {.name = "paths",
	.kind = RECORD_STRS,
	.offset = offsetof(struct redacted, paths),
	.count_offset = offsetof(struct redacted, path_count)},
};
static const struct record_type redacted_type = {"redaction",
    sizeof(struct redacted), redacted_fields, GK_COUNT(redacted_fields)};

static const struct record_field answer_fields[] = {
    {.name = "held",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redact, held)},
    {.name = "more",
	.kind = RECORD_BOOL,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redact, more)},
    {.name = "next",
	.kind = RECORD_INT,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redact, next)},
    {.name = "redactions",
	.kind = RECORD_OBJECTS,
	.flags = RECORD_KEEP_EMPTY,
	.offset = offsetof(struct redact, done),
	.count_offset = offsetof(struct redact, done_count),
	.type = &redacted_type},
    {.name = "wal_cleared",
	.kind = RECORD_BOOL,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct redact, wal_cleared)},
};
static const struct record_type answer_type = {"redactions",
    sizeof(struct redact), answer_fields, GK_COUNT(answer_fields)};

/* ---- what is asked ---- */

/* One event by its seq, or all of a run, a tenant or an actor; never by accident everything. */
static const char *
what_is_wrong(const struct redact *redact)
{
	bool many = redact->run_id != NULL || redact->tenant_id != NULL ||
		    redact->actor_id != NULL;

	if (redact->has_seq == many) {
		return "say which: a seq, or run_id, tenant_id, actor_id";
	}
	if ((redact->path_count > 0) == redact->all) {
		return "say what: paths, or all: true";
	}
	return NULL;
}

enum gate_go
redact_begin(struct gate *gate, struct gate_call *call)
{
	struct redact *redact = gate__data(call, sizeof(*redact));
	struct gk_err err = {.rc = GK_OK};
	const char *wrong;
	enum gk_rc rc;

	if (redact == NULL) {
		return GO_DONE;
	}
	if (call->body == NULL) {
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a body with a reason is needed");
	}
	rc = record_decode(&body_type, call->body, &call->arena, redact, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", redact->reason,
		    &call->arena, &redact->words, &err);
	}
	if (rc != GK_OK) {
		return gate__bad_request(call, "invalid_request", &err);
	}
	wrong = what_is_wrong(redact);
	if (wrong != NULL) {
		return gate__problem(
		    call, GATE_BAD_REQUEST, "invalid_request", wrong);
	}
	if (redact->words.count == 0) {
		call->pointer = "/reason";
		return gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "why it is redacted stands in the record");
	}
	if (redact->actor_id != NULL) {
		redact->actor_count = hash_actor_names(
		    gate, redact->actor_id, &call->arena, redact->actors);
		if (redact->actor_count == 0) {
			return gate__failed(
			    call, &(struct gk_err){.rc = GK_E_NOMEM});
		}
	}
	return GO_READ;
}

/* ---- which openings there are; in a reader thread ---- */

struct found {
	struct redact *redact;
	struct redacted *item;
	size_t room;
};

static bool
is_wanted(const struct redact *redact, const char *path)
{
	for (size_t i = 0; i < redact->path_count; i++) {
		if (strcmp(redact->paths[i], path) == 0) {
			return true;
		}
	}
	return redact->all;
}

static enum gk_rc
add_path(void *ctx, const struct opening *opening, struct gk_err *err)
{
	struct found *found = ctx;
	struct gk_arena *arena = &found->redact->call->arena;
	struct redacted *item = found->item;

	if (!is_wanted(found->redact, opening->path) ||
	    item->path_count == found->room) {
		return GK_OK;
	}
	item->paths[item->path_count] = gk_arena_strdup(arena, opening->path);
	return item->paths[item->path_count++] == NULL
		   ? GK_FAIL(err, GK_E_NOMEM, "redaction")
		   : GK_OK;
}

/* The event becomes an item where it has openings that are wanted. */
static enum gk_rc
add_event(struct redact *redact, uint64_t seq, const char *bytes, size_t n,
    struct gk_err *err)
{
	struct gk_arena *arena = &redact->call->arena;
	struct redacted *item = &redact->items[redact->item_count];
	struct found found = {redact, item, 64};

	*item = (struct redacted){.seq = seq,
	    .of_seq = (int64_t)seq,
	    .tenant = entry_dup(bytes, n, "tenant_id", arena),
	    .run = entry_dup(bytes, n, "run_id", arena),
	    .paths = gk_arena_calloc(arena, 64, sizeof(*item->paths))};
	if (item->paths == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "redaction");
	}
	GK_TRY(journal_openings(redact->reader, seq, add_path, &found, err));
	redact->item_count += item->path_count > 0;
	return GK_OK;
}

static bool
is_seen(const struct gate_call *call, const char *bytes, size_t n)
{
	struct entry_text tenant = entry_get(bytes, n, "tenant_id");
	char text[160] = "";

	if (tenant.at == NULL) {
		return gate__sees_tenant(call, "*");
	}
	if (tenant.n < 2 || tenant.n - 2 >= sizeof(text)) {
		return false;
	}
	memcpy(text, tenant.at + 1, tenant.n - 2);
	return gate__sees_tenant(call, text);
}

/* Why something was redacted isn't redacted with it: else this would never end. */
static bool
is_asked(const struct redact *redact, const char *bytes, size_t n)
{
	return entry_get(bytes, n, "shown").at != NULL &&
	       !entry_is(bytes, n, "kind", "redaction") &&
	       (redact->run_id == NULL ||
		   entry_is(bytes, n, "run_id", redact->run_id)) &&
	       (redact->tenant_id == NULL ||
		   entry_is(bytes, n, "tenant_id", redact->tenant_id)) &&
	       (redact->actor_id == NULL ||
		   gate__is_of_actor(
		       bytes, n, redact->actors, redact->actor_count)) &&
	       is_seen(redact->call, bytes, n);
}

static enum gk_rc
look(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct redact *redact = ctx;

	(void)leaf;
	if (is_asked(redact, bytes, n)) {
		GK_TRY(add_event(redact, seq, bytes, n, err));
	}
	redact->next = (int64_t)seq + 1;
	*stop = redact->item_count == EVENTS_MAX;
	return GK_OK;
}

static enum gk_rc
find_many(struct redact *redact, struct gk_err *err)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .limit = 1000,
	    .scan_limit = SCAN_ROWS,
	    .from_seq = (uint64_t)redact->from};
	bool more = true;

	query.columns.tenant = event_column_hash(redact->tenant_id, NULL);
	for (size_t i = 0; i < redact->actor_count; i++) {
		*(i == 0 ? &query.columns.actor : &query.also.actor[i - 1]) =
		    event_column_hash(redact->actors[i], NULL);
	}
	if (redact->run_id != NULL && redact->tenant_id != NULL) {
		query.columns.run =
		    event_column_hash(redact->tenant_id, redact->run_id);
	}
	for (int i = 0; i < SCAN_ROUNDS && more; i++) {
		GK_TRY(journal_search(redact->reader, &query, look, redact,
		    &query.from_seq, &more, err));
		redact->next = (int64_t)query.from_seq;
		if (redact->item_count == EVENTS_MAX) {
			break;
		}
	}
	redact->more = more;
	return GK_OK;
}

/* Does the event commit to every path that is asked? */
static const char *
unknown_path(const struct redact *redact, const struct event *event)
{
	for (size_t i = 0; i < redact->path_count; i++) {
		bool known = false;

		for (size_t k = 0; k < event->shown_count; k++) {
			known = known || strcmp(event->shown[k].name,
					     redact->paths[i]) == 0;
		}
		if (!known) {
			return redact->paths[i];
		}
	}
	return NULL;
}

static enum gk_rc
find_one(struct gate *gate, struct redact *redact, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf bytes = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct gate_call *call = redact->call;
	uint64_t seq = (uint64_t)redact->seq;
	struct event event;
	const char *path;
	bool found;

	GK_TRY(journal_read(redact->reader, seq, &bytes, NULL, &found, err));
	if (!found || !is_seen(call, bytes.bytes, bytes.len)) {
		(void)gate__gone(gate, call, seq);
		return GK_OK;
	}
	GK_TRY(gate__read_event(gate, redact->reader, seq, &call->arena, &event,
	    NULL, &found, err));
	path = unknown_path(redact, &event);
	if (path != NULL) {
		(void)gate__problem(call, GATE_NOT_FOUND, "not_found",
		    gk_arena_printf(
			&call->arena, "the event shows nothing at %s", path));
		return GK_OK;
	}
	redact->next = redact->seq + 1;
	return add_event(redact, seq, bytes.bytes, bytes.len, err);
}

enum gk_rc
redact_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct redact *redact = work->data;

	redact->call = work->call;
	redact->reader = reader->journal;
	work->go = GO_COMMIT;
	return redact->has_seq ? find_one(gate, redact, err)
			       : find_many(redact, err);
}

/* ---- the events; in the commit thread ---- */

static enum gk_rc
record(struct gate *gate, struct redact *redact, struct redacted *item,
    struct gk_err *err)
{
	struct event event = {.kind = EVENT_REDACTION,
	    .caller = redact->call->caller->id,
	    .tenant_id = item->tenant,
	    .run_id = item->run,
	    .paths = item->paths,
	    .path_count = item->path_count,
	    .shown = redact->words.shown,
	    .shown_count = redact->words.count,
	    .has_of_seq = true,
	    .of_seq = item->seq};
	struct digest leaf;

	GK_TRY(gate__record_event(gate, &event, redact->words.openings,
	    redact->words.count, &leaf, err));
	for (size_t i = 0; i < item->path_count; i++) {
		GK_TRY(journal_redact(
		    gate->journal, item->seq, item->paths[i], event.seq, err));
	}
	metrics_count(&gate->metrics.redacted, item->path_count);
	return gate__event_ref(
	    event.seq, &leaf, &redact->call->arena, &item->event, err);
}

enum gk_rc
redact_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct redact *redact = work->data;

	redact->done = redact->items;
	for (size_t i = 0; i < redact->item_count; i++) {
		struct redacted *item = &redact->items[i];

		if (ledger_is_held(gate->ledger, item->tenant, item->run)) {
			redact->held++;
			continue;
		}
		GK_TRY(record(gate, redact, item, err));
		redact->done[redact->done_count++] = *item;
	}
	if (redact->has_seq && redact->held > 0) {
		(void)gate__refused(work->call, REFUSAL_UNDER_HOLD);
		return GK_OK;
	}
	redact->wal_cleared = true;
	redact->since_us = gate__now(gate);
	work->go = redact->done_count > 0 ? GO_ERASE : GO_DONE;
	return GK_OK;
}

enum gate_go
redact_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, GATE_OK, &answer_type, call->work->data);
}

/* ---- afterwards; in the commit thread, between batches ---- */

static enum gk_rc
erase(struct gate *gate, struct gk_err *err)
{
	bool more = true;

	while (more) {
		GK_TRY(journal_erase(gate->journal, ERASE_SLICE, &more, err));
		GK_TRY(journal_commit(gate->journal, err));
	}
	return GK_OK;
}

/* Those that have waited long enough are told that a copy is still there. */
static void
answer_waiting(struct gate *gate, bool clear)
{
	struct gate_list waiting = gate->erasing;
	struct gate_work *work;
	size_t left = 0;

	if (gate->erasing.count == 0) {
		return;
	}
	gate__list_init(&gate->erasing);
	while ((work = gate__list_take(&waiting)) != NULL) {
		struct redact *redact = work->data;

		if (!clear && !atomic_load(&gate->failed) &&
		    !atomic_load(&gate->queue.stopping) &&
		    gate__now(gate) - redact->since_us < ERASE_WAIT_US) {
			gate__list_add(&gate->erasing, work);
			continue;
		}
		redact->wal_cleared = clear;
		if (atomic_load(&gate->failed)) {
			(void)gate__failed(work->call, NULL);
		}
		work->call->done(work->call);
		left++;
	}
	if (left > 0) {
		gate__queue_left(gate, left);
	}
}

enum gk_rc
gate__erase(struct gate *gate, struct gk_err *err)
{
	bool clear = true;
	enum gk_rc rc = GK_OK;

	if (!atomic_load(&gate->failed)) {
		rc = erase(gate, err);
	}
	if (rc == GK_OK && !atomic_load(&gate->failed) &&
	    (gate->erasing.count > 0 || !atomic_load(&gate->retention->busy))) {
		rc = journal_clear_wal(gate->journal, &clear, err);
	}
	if (rc != GK_OK) {
		gate__break(gate, err);
	}
	answer_waiting(gate, clear);
	return rc;
}
