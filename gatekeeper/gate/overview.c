/*
 * GET /v1/overview: what a stretch of the log adds up to, and how the log itself is.
 *
 * A reader's time is everybody's: the newest events are counted first, a bounded number
 * of them, and the answer says from when on it has counted.  What counts of the newest is
 * kept (newest.h); who asks for older ones, or for one tenant of more than can be told
 * apart, has them read.  Nothing of it is done by the commit thread but to note who
 * looked.
 */
#include <stddef.h>
#include <string.h>

#include "gate/newest.h"
#include "gate/overview.h"
#include "gate/witness_internal.h"

enum {
	EVENTS_MAX = NEWEST_MAX,
	SLICE = 20000, /* events in one read transaction */
	PAGE = 1000,
	NAMES_CAP = 4 << 20,
};

struct overview_witness {
	const char *name;
	int64_t size, cosigned_us, failures;
};

struct overview_top {
	struct census_count rows[CENSUS_TOP];
	size_t count;
};

/* The log itself, as it is now. */
struct overview_log {
	const char *origin;
	int64_t size, let_go_before, index_lag, free_bytes;
	const char *space;     /* "ok", "low", "full" */
	const char *not_ready; /* NULL: ready */
	bool witnessed;        /* somebody is asked */
	int64_t witnessed_size;
	struct overview_witness *witnesses;
	size_t witness_count;
};

struct overview_waits {
	int64_t granted, denied, expired;
	int64_t median_ms, p90_ms, longest_ms;
};

struct overview {
	const char *tenant; /* NULL: all that the caller sees */
	bool sees_all;
	int64_t since_us, until_us;
	struct census census;
	/* in the reader thread */
	struct gate_call *call;
	struct newest_reading reading;
	struct census_names names;
	/* the answer */
	int64_t looked; /* at so many events */
	int64_t events, counted_us;
	bool complete;
	struct overview_top top[CENSUS_LIST_COUNT];
	struct overview_waits waits;
	struct overview_log log;
};

/* ---- the question ---- */

static bool
read_time(struct gate_call *call, const char *name, int64_t *ret)
{
	const char *value = gate__param(call, name);

	if (value == NULL ||
	    (gk_time_parse(value, ret, NULL) == GK_OK && *ret > 0)) {
		return true;
	}
	(void)gate__bad_param(call, name, "expected an RFC 3339 time");
	return false;
}

enum gate_go
overview_begin(struct gate *gate, struct gate_call *call)
{
	struct overview *overview = gate__data(call, sizeof(*overview));

	if (overview == NULL) {
		return GO_DONE;
	}
	overview->tenant = gate__param(call, "tenant_id");
	overview->sees_all = gate__sees_tenant(call, "*");
	overview->until_us = gate__now(gate);
	if (!read_time(call, "until", &overview->until_us)) {
		return GO_DONE;
	}
	overview->since_us = overview->until_us - GK_US_PER_DAY;
	if (overview->since_us <= 0) {
		overview->since_us = 1;
	}
	if (!read_time(call, "since", &overview->since_us)) {
		return GO_DONE;
	}
	if (overview->since_us >= overview->until_us) {
		return gate__bad_param(
		    call, "since", "it must lie before until");
	}
	if (overview->tenant != NULL &&
	    !gate__sees_tenant(call, overview->tenant)) {
		call->pointer = "/tenant_id";
		return gate__problem(call, GATE_FORBIDDEN,
		    "tenant_not_permitted",
		    "the identity may not speak for that tenant");
	}
	return GO_COMMIT;
}

enum gk_rc
overview_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call, "overview", false, err);
}

/* ---- counting ---- */

static bool
is_wanted(const struct overview *overview, const char *bytes, size_t n)
{
	if (overview->tenant != NULL) {
		return entry_is(bytes, n, "tenant_id", overview->tenant);
	}
	return overview->sees_all || gate__sees_event(overview->call, bytes, n);
}

static enum gk_rc
add_row(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct overview *overview = ctx;
	struct census_row row;

	(void)seq;
	(void)leaf;
	overview->counted_us = overview->reading.columns.time_us;
	*stop = ++overview->looked >= EVENTS_MAX;
	if (!is_wanted(overview, bytes, n)) {
		return GK_OK;
	}
	overview->events++;
	GK_TRY(newest_row_of(
	    &overview->reading, &overview->names, bytes, n, &row, err));
	return census_add(&overview->census, &row, err);
}

/* The names live elsewhere, and not as long. */
static enum gk_rc
take_tops(struct overview *overview, const struct census_names *names,
    struct gk_err *err)
{
	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		struct overview_top *top = &overview->top[i];

		top->count = census_top(&overview->census, names, i, top->rows);
		for (size_t k = 0; k < top->count; k++) {
			top->rows[k].name = gk_arena_strdup(
			    &overview->call->arena, top->rows[k].name);
			if (top->rows[k].name == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "names");
			}
		}
	}
	return GK_OK;
}

static enum gk_rc
count_events(struct overview *overview, struct gk_err *err)
{
	struct journal_query query = {.kind = -1,
	    .decision = -1,
	    .layer = -1,
	    .scope = -1,
	    .bare = &overview->reading.columns,
	    .newest_first = true,
	    .from_seq = UINT64_MAX,
	    .since_us = overview->since_us,
	    .until_us = overview->until_us,
	    .limit = PAGE,
	    .scan_limit = SLICE};
	bool more = true;

	if (overview->tenant != NULL) {
		query.columns.tenant =
		    event_column_hash(overview->tenant, NULL);
	}
	while (more && overview->looked < EVENTS_MAX) {
		GK_TRY(journal_search(overview->reading.reader, &query, add_row,
		    overview, &query.from_seq, &more, err));
	}
	overview->complete = !more;
	return take_tops(overview, &overview->names, err);
}

/* ---- counting what is kept ---- */

/* Are the rows that are kept all that the question is about, or the newest of more than are counted? */
static bool
does_for(const struct overview *overview, struct gate_newest *newest)
{
	size_t count = newest_count(newest);
	bool told_apart = !newest_names(newest)->crowded[CENSUS_TENANTS];

	if (!told_apart && (overview->tenant != NULL || !overview->sees_all)) {
		return false;
	}
	if (newest_from(newest) == 0 ||
	    (count > 0 &&
		newest_row(newest, 0)->time_us < overview->since_us)) {
		return true;
	}
	return overview->tenant == NULL && count == EVENTS_MAX &&
	       newest_row(newest, count - 1)->time_us < overview->until_us;
}

/* By the number of a tenant: is it wanted?  0: what has none. */
static bool *
wanted_tenants(const struct overview *overview, struct census_names *names)
{
	const struct gk_map *tenants = &names->lists[CENSUS_TENANTS];
	const struct census_name *name;
	const char *only = overview->tenant;
	bool *wanted = gk_arena_calloc(
	    &overview->call->arena, tenants->count + 1, sizeof(*wanted));
	size_t at = 0;

	if (wanted == NULL) {
		return NULL;
	}
	wanted[0] = only == NULL && gate__sees_tenant(overview->call, NULL);
	while ((name = gk_map_next(tenants, &at)) != NULL) {
		wanted[name->number] =
		    only != NULL
			? strcmp(name->text, only) == 0
			: gate__sees_tenant(overview->call, name->text);
	}
	return wanted;
}

static enum gk_rc
count_kept(struct overview *overview, struct gate_newest *newest,
    const bool *wanted, struct gk_err *err)
{
	size_t count = newest_count(newest);

	/* The newest first: of more waits than a census keeps, theirs count. */
	for (size_t i = count; i-- > 0;) {
		const struct census_row *row = newest_row(newest, i);
		uint32_t tenant = row->names[CENSUS_TENANTS];

		if (row->time_us < overview->since_us ||
		    row->time_us >= overview->until_us ||
		    !(wanted[tenant] ||
			(tenant == 0 && !row->tenantless &&
			    overview->tenant == NULL && overview->sees_all))) {
			continue;
		}
		overview->events++;
		GK_TRY(census_add(&overview->census, row, err));
	}
	overview->complete =
	    newest_from(newest) == 0 ||
	    newest_row(newest, 0)->time_us < overview->since_us;
	overview->counted_us = count == 0 ? 0 : newest_row(newest, 0)->time_us;
	return take_tops(overview, newest_names(newest), err);
}

static enum gk_rc
count_newest(struct overview *overview, struct gate *gate, bool *ret_counted,
    struct gk_err *err)
{
	enum gk_rc rc = GK_OK;
	const bool *wanted;

	GK_TRY(newest_pin(gate->newest, overview->reading.reader,
	    atomic_load(&gate->minimum), atomic_load(&gate->metrics.seq), err));
	*ret_counted = does_for(overview, gate->newest);
	if (*ret_counted) {
		wanted = wanted_tenants(overview, newest_names(gate->newest));
		rc = wanted == NULL
			 ? GK_FAIL(err, GK_E_NOMEM, "tenants")
			 : count_kept(overview, gate->newest, wanted, err);
	}
	newest_unpin(gate->newest);
	return rc;
}

/* ---- the log itself ---- */

static enum gk_rc
look_at_witnesses(const struct gate *gate, struct gk_arena *arena,
    struct overview_log *log, struct gk_err *err)
{
	const struct gate_witnesses *all = gate->witnesses;

	if (all == NULL) {
		return GK_OK;
	}
	log->witnessed = true;
	log->witnessed_size = (int64_t)atomic_load(&all->size);
	log->witnesses =
	    gk_arena_calloc(arena, all->count, sizeof(*log->witnesses));
	if (log->witnesses == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "witnesses");
	}
	for (; log->witness_count < all->count; log->witness_count++) {
		const struct gate_witness *one = &all->list[log->witness_count];

		log->witnesses[log->witness_count] = (struct overview_witness){
		    .name = one->trust->name,
		    .size = (int64_t)atomic_load(&one->cosigned_size),
		    .cosigned_us =
			(int64_t)atomic_load(&one->cosigned_s) * GK_US_PER_S,
		    .failures = (int64_t)atomic_load(&one->failures),
		};
	}
	return GK_OK;
}

static void
look_at_log(struct gate *gate, struct overview_log *log)
{
	const struct gate_metrics *metrics = &gate->metrics;

	log->origin = gate->origin;
	log->size = (int64_t)atomic_load(&metrics->seq);
	log->let_go_before = (int64_t)atomic_load(&gate->minimum);
	log->index_lag = (int64_t)atomic_load(&metrics->index_lag);
	log->free_bytes = (int64_t)atomic_load(&metrics->free_bytes);
	log->space = atomic_load(&metrics->space_full) != 0  ? "full"
		     : atomic_load(&metrics->space_low) != 0 ? "low"
							     : "ok";
	if (gate_ready(gate, &log->not_ready)) {
		log->not_ready = NULL;
	} else if (log->not_ready == NULL) {
		log->not_ready = "not_ready";
	}
}

/* ---- the answer ---- */

#define FIELD(type_, key, kind_, member, flags_)                   \
	{                                                          \
		.name = (key), .kind = (kind_), .flags = (flags_), \
		.offset = offsetof(struct type_, member)           \
	}
#define NUMBER(type_, key, member) \
	FIELD(type_, key, RECORD_INT, member, RECORD_REQUIRED)
#define LIST(type_, key, member, count_, rows_)                 \
	{                                                       \
		.name = (key), .kind = RECORD_OBJECTS,          \
		.flags = RECORD_KEEP_EMPTY,                     \
		.offset = offsetof(struct type_, member),       \
		.count_offset = offsetof(struct type_, count_), \
		.type = (rows_)                                 \
	}
#define TYPE(name, type_, fields)                                        \
	{                                                                \
		(name), sizeof(struct type_), (fields), GK_COUNT(fields) \
	}

static const struct record_field count_fields[] = {
    NUMBER(census_count, "allow", decisions[DECISION_ALLOW]),
    NUMBER(census_count, "approval_required",
	decisions[DECISION_APPROVAL_REQUIRED]),
    FIELD(census_count, "at", RECORD_TIME, at_us, 0),
    FIELD(census_count, "name", RECORD_STR, name, 0),
    NUMBER(census_count, "stop", decisions[DECISION_STOP]),
    NUMBER(census_count, "violations", violations),
};
static const struct record_type count_type =
    TYPE("count", census_count, count_fields);

static const struct record_field waits_fields[] = {
    NUMBER(overview_waits, "denied", denied),
    NUMBER(overview_waits, "expired", expired),
    NUMBER(overview_waits, "granted", granted),
    NUMBER(overview_waits, "longest_ms", longest_ms),
    NUMBER(overview_waits, "median_ms", median_ms),
    NUMBER(overview_waits, "p90_ms", p90_ms),
};
static const struct record_type waits_type =
    TYPE("waits", overview_waits, waits_fields);

static const struct record_field witness_fields[] = {
    FIELD(overview_witness, "cosigned_at", RECORD_TIME, cosigned_us,
	RECORD_NULLABLE),
    NUMBER(overview_witness, "failures", failures),
    FIELD(overview_witness, "name", RECORD_STR, name, RECORD_REQUIRED),
    NUMBER(overview_witness, "size", size),
};
static const struct record_type witness_type =
    TYPE("witness", overview_witness, witness_fields);

static const struct record_field log_fields[] = {
    NUMBER(overview_log, "free_bytes", free_bytes),
    NUMBER(overview_log, "index_lag", index_lag),
    NUMBER(overview_log, "let_go_before", let_go_before),
    FIELD(overview_log, "not_ready", RECORD_STR, not_ready, RECORD_NULLABLE),
    FIELD(overview_log, "origin", RECORD_STR, origin, RECORD_REQUIRED),
    NUMBER(overview_log, "size", size),
    FIELD(overview_log, "space", RECORD_STR, space, RECORD_REQUIRED),
    FIELD(overview_log, "witnessed", RECORD_BOOL, witnessed, RECORD_REQUIRED),
    NUMBER(overview_log, "witnessed_size", witnessed_size),
    LIST(overview_log, "witnesses", witnesses, witness_count, &witness_type),
};
static const struct record_type log_type =
    TYPE("log", overview_log, log_fields);

/* Lists that lie in the struct itself, by pointers for the table. */
struct overview_answer {
	struct census_count *all, *tops[CENSUS_LIST_COUNT];
	size_t top_counts[CENSUS_LIST_COUNT];
	struct overview_waits *waits;
	struct overview_log *log;
	int64_t since_us, until_us, counted_us, events, span_s, unreported;
	bool complete;
	struct census_count *spans;
	size_t span_count;
};
#define TOP(key, list) \
	LIST(overview_answer, key, tops[list], top_counts[list], &count_type)

static const struct record_field answer_fields[] = {
    TOP("actions", CENSUS_ACTIONS),
    TOP("agents", CENSUS_AGENTS),
    {.name = "approvals",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct overview_answer, waits),
	.type = &waits_type},
    FIELD(overview_answer, "complete", RECORD_BOOL, complete, RECORD_REQUIRED),
    FIELD(overview_answer, "counted_since", RECORD_TIME, counted_us, 0),
    {.name = "decisions",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct overview_answer, all),
	.type = &count_type},
    NUMBER(overview_answer, "events", events),
    {.name = "log",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct overview_answer, log),
	.type = &log_type},
    TOP("reasons", CENSUS_REASONS),
    FIELD(overview_answer, "since", RECORD_TIME, since_us, 0),
    NUMBER(overview_answer, "span_s", span_s),
    LIST(overview_answer, "spans", spans, span_count, &count_type),
    TOP("tenants", CENSUS_TENANTS),
    NUMBER(overview_answer, "unreported", unreported),
    FIELD(overview_answer, "until", RECORD_TIME, until_us, 0),
};
static const struct record_type answer_type =
    TYPE("overview", overview_answer, answer_fields);

static void
sum_up_waits(struct census *census, struct overview_waits *waits)
{
	*waits = (struct overview_waits){
	    .granted = census->resolved[CENSUS_GRANTED],
	    .denied = census->resolved[CENSUS_DENIED],
	    .expired = census->resolved[CENSUS_EXPIRED],
	    .median_ms = census_percentile(census, 50),
	    .p90_ms = census_percentile(census, 90),
	    .longest_ms = census_percentile(census, 100),
	};
}

static enum gk_rc
answer(struct overview *overview, struct gk_err *err)
{
	struct census *census = &overview->census;
	struct overview_answer out = {.all = &census->all,
	    .waits = &overview->waits,
	    .log = &overview->log,
	    .since_us = overview->since_us,
	    .until_us = overview->until_us,
	    .counted_us =
		overview->complete ? overview->since_us : overview->counted_us,
	    .events = overview->events,
	    .span_s = census->span_us / GK_US_PER_S,
	    .unreported = census->unreported,
	    .complete = overview->complete,
	    .spans = census->spans,
	    .span_count = census->span_count};

	for (enum census_list i = 0; i < CENSUS_LIST_COUNT; i++) {
		out.tops[i] = overview->top[i].rows;
		out.top_counts[i] = overview->top[i].count;
	}
	sum_up_waits(census, &overview->waits);
	overview->call->outcome = GATE_OK;
	return record_encode(&answer_type, &out, &overview->call->reply, err);
}

enum gk_rc
overview_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct overview *overview = work->data;
	bool counted = false;
	enum gk_rc rc;

	overview->call = work->call;
	overview->reading = (struct newest_reading){
	    .reader = reader->journal, .bytes.cap = EVENT_BYTES_MAX};
	overview->names.arena.cap = NAMES_CAP;
	census_init(&overview->census, overview->since_us, overview->until_us);
	rc = count_newest(overview, gate, &counted, err);
	if (rc == GK_OK && !counted) {
		rc = count_events(overview, err);
	}
	if (rc == GK_OK) {
		look_at_log(gate, &overview->log);
		rc = look_at_witnesses(
		    gate, &work->call->arena, &overview->log, err);
	}
	if (rc == GK_OK) {
		rc = answer(overview, err);
	}
	census_done(&overview->census);
	census_names_done(&overview->names);
	gk_buf_done(&overview->reading.bytes);
	return rc;
}
