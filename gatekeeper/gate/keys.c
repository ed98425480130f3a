/* Hash keys: which are in use, a new one, and the end of an old one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"
#include "gate/gate_internal.h"

enum { KEYS_MAX = 1024 };

void
gate__keys_wipe(struct gate_hash_keys *keys)
{
	digest_wipe(keys, sizeof(*keys));
}

void
gate__keys_copy(struct gate *gate, struct gate_hash_keys *ret)
{
	pthread_mutex_lock(&gate->publish_lock);
	*ret = gate->hash_keys;
	pthread_mutex_unlock(&gate->publish_lock);
	GK_ASSERT(ret->count > 0);
}

/* ---- start-up ---- */

/* A lost key is a fault while something open needs it; else it is as good as destroyed. */
static enum gk_rc
lost(struct gate *gate, const struct key_view *view, struct gk_err *err)
{
	if (view->until_us == 0 || ledger_key_is_needed(view)) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "hash key %" PRId64
		    " is missing in keys/, and it is needed: put it back from "
		    "where it is kept",
		    view->id);
	}
	gate__alert(gate, "key_missing",
	    "hash key %" PRId64
	    " is missing; what was hashed under it can't be verified",
	    view->id);
	return GK_OK;
}

static enum gk_rc
open_one(struct gate *gate, const struct key_view *view, struct gk_err *err)
{
	struct gate_hash_keys *keys = &gate->hash_keys;
	struct gate_hash_key *key = &keys->keys[keys->count];
	bool found;

	if (view->what != KEY_HASH) {
		return GK_OK;
	}
	if (view->destroyed_us != 0) {
		/* what a process that ended in between left behind */
		return journal_hash_key_destroy(gate->journal, view->id, err);
	}
	GK_ASSERT(keys->count < LEDGER_HASH_KEYS_MAX);
	GK_TRY(journal_hash_key_load(
	    gate->journal, view->id, key->bytes, &found, err));
	if (!found) {
		return lost(gate, view, err);
	}
	key->id = view->id;
	keys->count++;
	return GK_OK;
}

static struct key_view *
list_keys(struct gate *gate, struct gk_arena *arena, size_t *ret_count)
{
	struct key_view *views =
	    gk_arena_calloc(arena, KEYS_MAX, sizeof(*views));

	*ret_count = views == NULL ? 0
				   : ledger_keys(gate->ledger, gate__now(gate),
					 views, KEYS_MAX);
	return views;
}

enum gk_rc
gate__keys_open(struct gate *gate, struct gk_err *err)
{
	struct key_view *views;
	size_t count;

	gk_arena_clear(&gate->scratch);
	views = list_keys(gate, &gate->scratch, &count);
	if (views == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "keys");
	}
	for (size_t i = count; i > 0; i--) {
		GK_TRY(open_one(gate, &views[i - 1], err));
	}
	return GK_OK;
}

/* ---- what is in use changes ---- */

static void
keys_add(struct gate *gate, const struct gate_hash_key *key)
{
	struct gate_hash_keys *keys = &gate->hash_keys;

	pthread_mutex_lock(&gate->publish_lock);
	GK_ASSERT(keys->count < LEDGER_HASH_KEYS_MAX);
	memmove(&keys->keys[1], &keys->keys[0],
	    keys->count * sizeof(keys->keys[0]));
	keys->keys[0] = *key;
	keys->count++;
	keys->generation++;
	pthread_mutex_unlock(&gate->publish_lock);
}

static void
keys_drop(struct gate *gate, int64_t id)
{
	struct gate_hash_keys *keys = &gate->hash_keys;
	size_t i = 0;

	pthread_mutex_lock(&gate->publish_lock);
	while (i < keys->count && keys->keys[i].id != id) {
		i++;
	}
	if (i < keys->count) {
		keys->count--;
		memmove(&keys->keys[i], &keys->keys[i + 1],
		    (keys->count - i) * sizeof(keys->keys[0]));
		digest_wipe(&keys->keys[keys->count], sizeof(keys->keys[0]));
		keys->generation++;
	}
	pthread_mutex_unlock(&gate->publish_lock);
}

/* ---- the calls ---- */

struct key_body {
	const char *reason;
	int what;
};

#define REASON                                              \
	{                                                   \
		.name = "reason", .kind = RECORD_STR,       \
		.flags = RECORD_REQUIRED,                   \
		.offset = offsetof(struct key_body, reason) \
	}

static const struct record_field destroy_fields[] = {REASON};
static const struct record_type destroy_type = {"reason",
    sizeof(struct key_body), destroy_fields, GK_COUNT(destroy_fields)};

static const struct record_field rotate_fields[] = {
    REASON,
    {.name = "what",
	.kind = RECORD_ENUM,
	.flags = RECORD_REQUIRED,
	.offset = offsetof(struct key_body, what),
	.names = key_use_words,
	.names_count = KEY_USE_COUNT},
};
static const struct record_type rotate_type = {"rotation",
    sizeof(struct key_body), rotate_fields, GK_COUNT(rotate_fields)};

struct key_row {
	struct key_view view;
	const char *state;
};

/* A command on its way, and its answer. */
struct key_call {
	struct key_body body;
	struct event_key key;
	enum change change;
	struct gate_openings reason;
	struct gate_event_ref *event;
	int64_t id;
	struct key_row *rows;
	size_t row_count;
	const char *vkey; /* the log's verifier key */
};

static struct key_call *
begin(struct gate *gate, struct gate_call *call, enum change change)
{
	struct key_call *key = gate__data(call, sizeof(*key));
	struct gk_err err = {.rc = GK_OK};
	enum gk_rc rc;

	if (key == NULL) {
		return NULL;
	}
	if (call->body == NULL) {
		(void)gate__problem(call, GATE_BAD_REQUEST, "invalid_request",
		    "a body with a reason is needed");
		return NULL;
	}
	key->change = change;
	rc = record_decode(
	    change == CHANGE_ROTATED ? &rotate_type : &destroy_type, call->body,
	    &call->arena, &key->body, &err);
	if (rc == GK_OK) {
		rc = gate__show_words(gate, "/reason", key->body.reason,
		    &call->arena, &key->reason, &err);
	}
	if (rc != GK_OK) {
		(void)gate__bad_request(call, "invalid_request", &err);
		return NULL;
	}
	return key;
}

enum gate_go
key_rotate_begin(struct gate *gate, struct gate_call *call)
{
	struct key_call *key = begin(gate, call, CHANGE_ROTATED);

	if (key == NULL) {
		return GO_DONE;
	}
	key->key.what = key->body.what;
	return GO_COMMIT;
}

static bool
id_of(const char *text, int64_t *ret)
{
	int64_t id = 0;

	if (text == NULL || *text < '1' || *text > '9') {
		return false;
	}
	for (; *text >= '0' && *text <= '9' && id <= EVENT_KEY_MAX; text++) {
		id = id * 10 + (*text - '0');
	}
	*ret = id;
	return *text == '\0' && id <= EVENT_KEY_MAX;
}

enum gate_go
key_destroy_begin(struct gate *gate, struct gate_call *call)
{
	struct key_call *key = begin(gate, call, CHANGE_DESTROYED);

	if (key == NULL) {
		return GO_DONE;
	}
	key->key.what = KEY_HASH;
	return id_of(call->target, &key->key.id) ? GO_COMMIT
						 : gate__not_found(call);
}

/* A new key's file couldn't be written: the disk is full, or the signer is away. */
static enum gk_rc
not_made(struct gate *gate, struct gate_work *work, const struct gk_err *err)
{
	gate__alert(gate, "key_not_made", "%s", err->text);
	(void)gate__problem(work->call, GATE_UNAVAILABLE, "key_not_made",
	    "the new key can't be made; nothing has changed");
	return GK_OK;
}

static enum gk_rc
record(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct key_call *key = work->data;
	struct digest leaf;
	uint64_t seq = gate->settlement.events[0].seq;

	GK_TRY(gate__record(gate, &gate->settlement, key->reason.openings,
	    key->reason.count, &leaf, err));
	key->id = key->key.id;
	work->call->outcome = GATE_OK;
	return gate__event_ref(
	    seq, &leaf, &work->call->arena, &key->event, err);
}

/* The new key is on stable storage before the event that makes it the current one. */
static enum gk_rc
rotate_hash(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	const struct key_call *key = work->data;
	struct gate_hash_key made = {.id = key->key.id};
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	if (journal_hash_key_make(gate->journal, made.id, made.bytes, &why) !=
	    GK_OK) {
		return not_made(gate, work, &why);
	}
	rc = record(gate, work, err);
	if (rc == GK_OK) {
		keys_add(gate, &made);
	}
	digest_wipe(&made, sizeof(made));
	return rc;
}

/* The event carries the new verifier key, signed by the old key. */
static enum gk_rc
rotate_signing(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct event *event = &gate->settlement.events[0];
	char vkey[JOURNAL_VKEY_BYTES], handover[JOURNAL_HANDOVER_BYTES];
	struct gk_err why = {.rc = GK_OK};

	if (journal_signing_key_make(
		gate->journal, event->seq, vkey, handover, &why) != GK_OK) {
		return not_made(gate, work, &why);
	}
	event->key->vkey = vkey;
	event->key->handover = handover;
	GK_TRY(record(gate, work, err));
	pthread_mutex_lock(&gate->publish_lock);
	(void)snprintf(gate->vkey, sizeof(gate->vkey), "%s", vkey);
	pthread_mutex_unlock(&gate->publish_lock);
	return GK_OK;
}

enum gk_rc
key_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct key_call *key = work->data;
	struct settle_at at = gate__at(gate);

	if (key->change == CHANGE_ROTATED) {
		key->key.id = ledger_key_current(
				  gate->ledger, (enum key_use)key->key.what) +
			      1;
	}
	GK_TRY(ledger_settle_key(gate->ledger, &at, work->call->caller->id,
	    key->change, &key->key, &gate->scratch, &gate->settlement, err));
	if (gate->settlement.outcome != SETTLE_EVENTS) {
		(void)gate__refused(work->call, gate->settlement.refusal);
		return GK_OK;
	}
	gate->settlement.events[0].shown = key->reason.shown;
	gate->settlement.events[0].shown_count = key->reason.count;
	if (key->change == CHANGE_ROTATED) {
		return key->key.what == KEY_HASH
			   ? rotate_hash(gate, work, err)
			   : rotate_signing(gate, work, err);
	}
	GK_TRY(record(gate, work, err));
	keys_drop(gate, key->key.id);
	work->go = GO_READ; /* the file goes when the event is on disk */
	return GK_OK;
}

/* If this fails, the next start does it again. */
enum gk_rc
key_read(struct gate *gate, struct gate_reader *reader, struct gate_work *work,
    struct gk_err *err)
{
	const struct key_call *key = work->data;

	(void)reader;
	if (journal_hash_key_destroy(gate->journal, key->key.id, err) !=
	    GK_OK) {
		gate__alert(gate, "key_not_removed", "%s", err->text);
	}
	return GK_OK;
}

static const struct record_field answer_fields[] = {
    {.name = "event",
	.kind = RECORD_OBJECT,
	.offset = offsetof(struct key_call, event),
	.type = &gate_event_ref_type},
    {.name = "id", .kind = RECORD_INT, .offset = offsetof(struct key_call, id)},
    {.name = "what",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct key_call, key.what),
	.names = key_use_words,
	.names_count = KEY_USE_COUNT},
};
static const struct record_type answer_type = {
    "key", sizeof(struct key_call), answer_fields, GK_COUNT(answer_fields)};

enum gate_go
key_finish(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__reply(call, call->outcome, &answer_type, call->work->data);
}

/* ---- which there are ---- */

#define ROW_INT(key, member)                                                 \
	{                                                                    \
		.name = (key), .kind = RECORD_INT, .flags = RECORD_REQUIRED, \
		.offset = offsetof(struct key_row, member)                   \
	}
#define ROW_TIME(key, member)                                                 \
	{                                                                     \
		.name = (key), .kind = RECORD_TIME, .flags = RECORD_NULLABLE, \
		.offset = offsetof(struct key_row, member)                    \
	}

static const struct record_field row_fields[] = {
    ROW_INT("approvals", view.approvals),
    ROW_TIME("destroyed_at", view.destroyed_us),
    ROW_INT("id", view.id),
    ROW_INT("limits", view.limits),
    ROW_INT("repeats", view.repeats),
    ROW_INT("runs", view.runs),
    ROW_TIME("since", view.since_us),
    {.name = "state",
	.kind = RECORD_STR,
	.offset = offsetof(struct key_row, state)},
    ROW_INT("switches", view.switches),
    ROW_TIME("until", view.until_us),
    {.name = "what",
	.kind = RECORD_ENUM,
	.offset = offsetof(struct key_row, view.what),
	.names = key_use_words,
	.names_count = KEY_USE_COUNT},
};
static const struct record_type row_type = {
    "key", sizeof(struct key_row), row_fields, GK_COUNT(row_fields)};

enum gate_go
keys_begin(struct gate *gate, struct gate_call *call)
{
	(void)gate;
	return gate__data(call, sizeof(struct key_call)) == NULL ? GO_DONE
								 : GO_COMMIT;
}

static bool
is_loaded(const struct gate *gate, int64_t id)
{
	for (size_t i = 0; i < gate->hash_keys.count; i++) {
		if (gate->hash_keys.keys[i].id == id) {
			return true;
		}
	}
	return false;
}

static const char *
state_of(const struct gate *gate, const struct key_view *view)
{
	if (view->destroyed_us != 0) {
		return "destroyed";
	}
	if (view->until_us == 0) {
		return "current";
	}
	if (view->what == KEY_SIGNING) {
		return "ended";
	}
	if (!is_loaded(gate, view->id)) {
		return "missing";
	}
	return ledger_key_is_needed(view) ? "needed" : "old";
}

enum gk_rc
keys_commit(struct gate *gate, struct gate_work *work, struct gk_err *err)
{
	struct key_call *key = work->data;
	struct key_view *views =
	    list_keys(gate, &gate->scratch, &key->row_count);

	key->rows = gk_arena_calloc(
	    &work->call->arena, key->row_count, sizeof(*key->rows));
	if (views == NULL || key->rows == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "keys");
	}
	for (size_t i = 0; i < key->row_count; i++) {
		key->rows[i].view = views[i];
		key->rows[i].state = state_of(gate, &views[i]);
	}
	key->vkey = gk_arena_strdup(&work->call->arena, gate->vkey);
	return key->vkey == NULL ? GK_FAIL(err, GK_E_NOMEM, "keys") : GK_OK;
}

/* …,"vkey":"…"}: what checkpoints are verified by. */
static enum gk_rc
print_vkey(const char *vkey, struct gk_buf *reply, struct gk_err *err)
{
	reply->len--; /* the list's '}' */
	GK_TRY(gk_buf_puts(reply, ",\"vkey\":", err));
	GK_TRY(canon_string(vkey, reply, err));
	return gk_buf_putc(reply, '}', err);
}

enum gate_go
keys_finish(struct gate *gate, struct gate_call *call)
{
	const struct key_call *key = call->work->data;
	struct gk_err err = {.rc = GK_OK};

	(void)gate;
	if (gate__print_list(&call->reply, "keys", &row_type, key->rows,
		key->row_count, &err) != GK_OK ||
	    print_vkey(key->vkey, &call->reply, &err) != GK_OK) {
		return gate__failed(call, &err);
	}
	call->outcome = GATE_OK;
	return GO_DONE;
}
