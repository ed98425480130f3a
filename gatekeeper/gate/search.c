/* GET /v1/events: filters, pages, streams. */
#include <stdio.h>
#include <string.h>

#include "gate/overview.h"
#include "gate/search.h"

enum {
	ROWS_DEFAULT = 100,
	ROWS_MAX = 1000,
	STREAM_PAGE = 500,
	PAGE_BYTES = 1 << 20,
	SCAN_ROWS = 20000,            /* in one read transaction */
	SEARCH_ROWS = 50 * SCAN_ROWS, /* for one page */
	CURSOR_BYTES = 9,
	ROW_CAP = 1 << 20,
};

/* Members of an event that are compared with a parameter as text. */
static const char *const text_filters[SEARCH_TEXTS] = {"run_id", "step_id",
    "tenant_id", "agent_id", "action", "action_key", "reason", "approval_id"};

/* ---- parameters ---- */

static bool
is_text(const char *text)
{
	return strlen(text) <= 200 && name_is_step(text);
}

static bool
read_word(struct gate_call *call, const char *name, const char *const *words,
    int count, int *ret)
{
	const char *value = gate__param(call, name);

	*ret = -1;
	if (value == NULL) {
		return true;
	}
	*ret = name_find(words, count, value);
	if (words[*ret] == NULL || strcmp(words[*ret], value) != 0) {
		(void)gate__bad_param(call, name, "there is no such word");
		return false;
	}
	return true;
}

static bool
read_time(struct gate_call *call, const char *name, int64_t *ret)
{
	const char *value = gate__param(call, name);

	if (value == NULL || gk_time_parse(value, ret, NULL) == GK_OK) {
		return true;
	}
	(void)gate__bad_param(call, name, "expected an RFC 3339 time");
	return false;
}

static bool
read_limit(struct gate_call *call, size_t *ret)
{
	if (!gate__limit_param(call, ROWS_DEFAULT, ROWS_MAX, ret)) {
		return false;
	}
	*ret = call->stream ? STREAM_PAGE : *ret;
	return true;
}

bool
gate__raw_param(struct gate_call *call, bool *ret)
{
	const char *raw = gate__param(call, "raw");

	*ret = raw != NULL && strcmp(raw, "true") == 0;
	if (raw != NULL && !*ret && strcmp(raw, "false") != 0) {
		(void)gate__bad_param(call, "raw", "expected true or false");
		return false;
	}
	return true;
}

static bool
read_order(struct gate_call *call, struct search *search)
{
	const char *order = gate__param(call, "order");

	search->query.newest_first = !call->stream;
	if (order != NULL) {
		search->query.newest_first = strcmp(order, "desc") == 0;
		if (!search->query.newest_first && strcmp(order, "asc") != 0) {
			(void)gate__bad_param(
			    call, "order", "expected asc or desc");
			return false;
		}
	}
	search->query.from_seq = search->query.newest_first ? UINT64_MAX : 0;
	return true;
}

/* Other people's formats have no place for a cursor: they are streamed. */
static bool
read_format(
    const struct gate *gate, struct gate_call *call, struct search *search)
{
	const char *value = gate__param(call, "format");
	struct format_options options = {
	    .origin = gate->origin, .version = gate->options.version};
	struct gk_err err = {.rc = GK_OK};

	if (value == NULL) {
		return true;
	}
	options.format = format_find(value);
	if (options.format == FORMAT_NONE || !call->stream) {
		(void)gate__bad_param(call, "format",
		    call->stream ? "there is no such format"
				 : "only a stream has a format");
		return false;
	}
	call->media_type = format_media_type(options.format);
	search->row.cap = ROW_CAP;
	if (format_new(&options, &search->format, &err) != GK_OK ||
	    format_print_head(search->format, &call->reply, &err) != GK_OK) {
		(void)gate__failed(call, &err);
		return false;
	}
	return true;
}

void
events_release(struct gate_work *work)
{
	struct search *search = work->data;

	if (search != NULL) {
		format_free(search->format);
		gk_buf_done(&search->row);
		search->format = NULL;
	}
}

/* The cursor is where to go on, and in which direction. */
static bool
read_cursor(struct gate_call *call, struct search *search)
{
	const char *cursor = gate__param(call, "cursor");
	uint8_t bytes[CURSOR_BYTES];
	uint64_t seq = 0;
	size_t n;

	if (cursor == NULL) {
		return true;
	}
	if (!digest_from_b64url(
		cursor, strlen(cursor), bytes, sizeof(bytes), &n) ||
	    n != sizeof(bytes) ||
	    bytes[8] != (search->query.newest_first ? 1 : 0)) {
		(void)gate__bad_param(call, "cursor",
		    "not a cursor of this search: order and filters stay the "
		    "same from page to page");
		return false;
	}
	for (int i = 0; i < 8; i++) {
		seq = seq << 8 | bytes[i];
	}
	search->query.from_seq = seq;
	return true;
}

/* "ak2_…,ak1_…": one action has a key under each hash key. */
static bool
read_action_keys(struct gate_call *call, struct search *search)
{
	const char *at = search->texts[SEARCH_ACTION_KEY];

	if (at == NULL || strchr(at, ',') == NULL) {
		return true;
	}
	while (search->action_key_count < LEDGER_HASH_KEYS_MAX) {
		size_t n = strcspn(at, ",");
		const char *one = gk_arena_strndup(&call->arena, at, n);

		if (one == NULL || !is_text(one)) {
			break;
		}
		search->action_keys[search->action_key_count++] = one;
		if (at[n] == '\0') {
			search->texts[SEARCH_ACTION_KEY] = NULL;
			return true;
		}
		at += n + 1;
	}
	(void)gate__bad_param(call, "action_key", "no value looks like this");
	return false;
}

/* Whoever asks for an actor means whatever the record calls it. */
static bool
read_actor(struct gate *gate, struct gate_call *call, struct search *search)
{
	const char *actor = gate__param(call, "actor");

	if (actor == NULL) {
		return true;
	}
	if (!is_text(actor)) {
		(void)gate__bad_param(
		    call, "actor", "no value looks like this");
		return false;
	}
	search->actor_count =
	    hash_actor_names(gate, actor, &call->arena, search->actors);
	if (search->actor_count == 0) {
		(void)gate__failed(call, &(struct gk_err){.rc = GK_E_NOMEM});
	}
	return search->actor_count > 0;
}

static bool
read_texts(struct gate *gate, struct gate_call *call, struct search *search)
{
	for (size_t i = 0; i < GK_COUNT(text_filters); i++) {
		search->texts[i] = gate__param(call, text_filters[i]);
		if (i == SEARCH_ACTION_KEY && !read_action_keys(call, search)) {
			return false;
		}
		if (search->texts[i] != NULL && !is_text(search->texts[i])) {
			(void)gate__bad_param(
			    call, text_filters[i], "no value looks like this");
			return false;
		}
	}
	return read_actor(gate, call, search);
}

_Static_assert(JOURNAL_ALSO_MAX >= LEDGER_HASH_KEYS_MAX, "all keys but one");

/* An actor and an action have a name under each hash key. */
static void
set_names(struct search *search)
{
	struct journal_query *query = &search->query;
	const char *key = search->texts[SEARCH_ACTION_KEY];

	for (size_t i = 0; i < search->actor_count; i++) {
		*(i == 0 ? &query->columns.actor : &query->also.actor[i - 1]) =
		    event_column_hash(search->actors[i], NULL);
	}
	query->columns.action_key = event_column_hash(key, NULL);
	for (size_t i = 0; i < search->action_key_count; i++) {
		*(i == 0 ? &query->columns.action_key
			 : &query->also.action_key[i - 1]) =
		    event_column_hash(search->action_keys[i], NULL);
	}
}

/* What the store's columns can narrow down. */
static void
set_columns(struct gate_call *call, struct search *search)
{
	struct event_columns *columns = &search->query.columns;
	const struct identity *caller = call->caller;
	const char *tenant = gate__param(call, "tenant_id");
	const char *run = gate__param(call, "run_id");

	if (tenant == NULL && !call->local && caller->tenant_count == 1 &&
	    strcmp(caller->tenants[0], "*") != 0) {
		tenant = caller->tenants[0];
	}
	if (tenant != NULL) {
		columns->tenant = event_column_hash(tenant, NULL);
		columns->run = run == NULL ? 0 : event_column_hash(tenant, run);
	} else {
		search->query.run_id = event_column_hash(run, NULL);
	}
	set_names(search);
	columns->agent = event_column_hash(gate__param(call, "agent_id"), NULL);
	columns->action = event_column_hash(gate__param(call, "action"), NULL);
	columns->reason = event_column_hash(gate__param(call, "reason"), NULL);
	columns->approval =
	    event_column_hash(gate__param(call, "approval_id"), NULL);
}

bool
gate__search_filters(
    struct gate *gate, struct gate_call *call, struct search *search)
{
	if (!read_texts(gate, call, search) ||
	    !read_word(call, "kind", event_kind_words, EVENT_KIND_COUNT,
		&search->query.kind) ||
	    !read_word(call, "decision", decision_words, DECISION_COUNT,
		&search->query.decision) ||
	    !read_word(call, "layer", layer_words, LAYER_COUNT,
		&search->query.layer) ||
	    !read_word(call, "scope", scope_words, SCOPE_COUNT,
		&search->query.scope) ||
	    !read_time(call, "since", &search->query.since_us) ||
	    !read_time(call, "until", &search->query.until_us) ||
	    !gate__raw_param(call, &search->raw)) {
		return false;
	}
	search->call = call;
	set_columns(call, search);
	return true;
}

enum gate_go
events_begin(struct gate *gate, struct gate_call *call)
{
	struct search *search;

	if (call->work->data != NULL) {
		return GO_READ; /* the next page of a stream */
	}
	search = gate__data(call, sizeof(*search));
	if (search == NULL || !gate__search_filters(gate, call, search) ||
	    !read_limit(call, &search->limit) || !read_order(call, search) ||
	    !read_cursor(call, search) || !read_format(gate, call, search)) {
		return GO_DONE;
	}
	return GO_COMMIT;
}

enum gk_rc
events_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	work->go = GO_READ;
	return gate__note_access(gate, work->call,
	    work->call->stream ? "export" : "events", work->call->stream, err);
}

/* ---- rows ---- */

bool
gate__sees_event(const struct gate_call *call, const char *bytes, size_t n)
{
	struct entry_text tenant = entry_get(bytes, n, "tenant_id");
	char text[160];

	if (tenant.at == NULL) {
		return gate__sees_tenant(call, NULL);
	}
	if (tenant.n < 2 || tenant.n - 2 >= sizeof(text)) {
		return false;
	}
	memcpy(text, tenant.at + 1, tenant.n - 2);
	text[tenant.n - 2] = '\0';
	return gate__sees_tenant(call, text);
}

static bool
has_action_key(const struct search *search, const char *bytes, size_t n)
{
	for (size_t i = 0; i < search->action_key_count; i++) {
		if (entry_is(bytes, n, "action_key", search->action_keys[i])) {
			return true;
		}
	}
	return search->action_key_count == 0;
}

bool
gate__is_of_actor(
    const char *bytes, size_t n, const char *const *names, size_t count)
{
	struct entry_text actor = entry_get(bytes, n, "actor");
	struct entry_text stop = entry_get(bytes, n, "kill_switch");
	bool is_stop =
	    stop.at != NULL && entry_is(stop.at, stop.n, "scope", "actor");
	bool found = false;

	for (size_t i = 0; i < count && !found; i++) {
		found =
		    (actor.at != NULL &&
			entry_is(actor.at, actor.n, "id", names[i])) ||
		    (is_stop && entry_is(stop.at, stop.n, "subject", names[i]));
	}
	return found;
}

bool
gate__search_takes(const struct search *search, const char *bytes, size_t n)
{
	if (!gate__sees_event(search->call, bytes, n)) {
		return false;
	}
	for (size_t i = 0; i < GK_COUNT(text_filters); i++) {
		if (search->texts[i] != NULL &&
		    !entry_is(bytes, n, text_filters[i], search->texts[i])) {
			return false;
		}
	}
	if (!has_action_key(search, bytes, n)) {
		return false;
	}
	return search->actor_count == 0 ||
	       gate__is_of_actor(bytes, n, search->actors, search->actor_count);
}

static enum gk_rc
add_formatted(struct search *search, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, struct gk_err *err)
{
	gk_buf_clear(&search->row);
	GK_TRY(gate__row(search->reader, seq, bytes, n, leaf, search->raw,
	    &search->row, err));
	return format_print(search->format, gk_buf_text(&search->row),
	    search->row.len, &search->call->reply, err);
}

static enum gk_rc
add_row(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	struct search *search = ctx;
	struct gk_buf *reply = &search->call->reply;

	if (!gate__search_takes(search, bytes, n)) {
		return GK_OK;
	}
	if (search->format != NULL) {
		GK_TRY(add_formatted(search, seq, bytes, n, leaf, err));
	} else {
		if (search->rows > 0 && !search->call->stream) {
			GK_TRY(gk_buf_putc(reply, ',', err));
		}
		GK_TRY(gate__row(search->reader, seq, bytes, n, leaf,
		    search->raw, reply, err));
		if (search->call->stream) {
			GK_TRY(gk_buf_putc(reply, '\n', err));
		}
	}
	search->rows++;
	*stop = search->rows >= search->limit || reply->len >= PAGE_BYTES;
	return GK_OK;
}

size_t
gate__search_rows(const struct gate *gate)
{
	return gate->options.search_rows == 0 ? SEARCH_ROWS
					      : gate->options.search_rows;
}

static enum gk_rc
read_page(
    struct search *search, size_t most, bool *ret_more, struct gk_err *err)
{
	const struct gk_buf *reply = &search->call->reply;
	size_t left = most;

	search->rows = 0;
	*ret_more = true;
	while (left > 0 && *ret_more && search->rows < search->limit &&
	       reply->len < PAGE_BYTES) {
		search->query.limit = ROWS_MAX;
		search->query.scan_limit = left < SCAN_ROWS ? left : SCAN_ROWS;
		left -= search->query.scan_limit;
		GK_TRY(journal_search(search->reader, &search->query, add_row,
		    search, &search->query.from_seq, ret_more, err));
	}
	search->partial = *ret_more && search->rows < search->limit &&
			  reply->len < PAGE_BYTES;
	return GK_OK;
}

static enum gk_rc
end_page(struct search *search, bool more, struct gk_err *err)
{
	struct gk_buf *reply = &search->call->reply;
	uint8_t bytes[CURSOR_BYTES];
	char text[DIGEST_B64URL_ROOM(CURSOR_BYTES)];

	GK_TRY(gk_buf_putc(reply, ']', err));
	if (search->minimum > 0) {
		GK_TRY(gk_buf_printf(reply, err, ",\"let_go_before\":%llu",
		    (unsigned long long)search->minimum));
	}
	if (!more) {
		return gk_buf_puts(reply, ",\"next_cursor\":null}", err);
	}
	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(search->query.from_seq >> (56 - 8 * i));
	}
	bytes[8] = search->query.newest_first ? 1 : 0;
	(void)digest_b64url(bytes, sizeof(bytes), text);
	return gk_buf_printf(reply, err, ",\"next_cursor\":\"%s\"%s}", text,
	    search->partial ? ",\"partial\":true" : "");
}

enum gk_rc
events_read(struct gate *gate, struct gate_reader *reader,
    struct gate_work *work, struct gk_err *err)
{
	struct search *search = work->data;
	struct gate_call *call = work->call;
	bool more;

	search->minimum = atomic_load(&gate->minimum);
	search->call = call;
	search->reader = reader->journal;
	if (!call->stream) {
		GK_TRY(gk_buf_puts(&call->reply, "{\"events\":[", err));
	}
	GK_TRY(read_page(search, gate__search_rows(gate), &more, err));
	call->outcome = GATE_OK;
	if (call->stream) {
		call->more = more;
		return GK_OK;
	}
	return end_page(search, more, err);
}
