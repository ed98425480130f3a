/* The signer's rules: what it remembers, what it refuses, what it signs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/journal_internal.h"
#include "journal/signer.h"
#include "journal/signer_state.h"
#include "journal/signer_wire.h"

#define STATE_FILE "state"

enum { TOLD_BYTES = 256 };

/* Invariant: key.vkey.key_id is state.key_id; next is there where state.next is set. */
struct signer {
	int dir, lock;
	char vkey[NOTE_VKEY_BYTES];
	struct signing_key key, next;
	bool has_next;
	struct signer_state state;
	bool dirty; /* acked is newer than the file */
	uint64_t adopt;
	void (*told)(void *ctx, const char *event, const char *text);
	void *ctx;
};

static void tell(const struct signer *signer, const char *event,
    const char *fmt, ...) GK_PRINTF(3, 4);

static void
tell(const struct signer *signer, const char *event, const char *fmt, ...)
{
	char text[TOLD_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (signer->told != NULL) {
		signer->told(signer->ctx, event, text);
	}
}

/* ---- the folder ---- */

enum gk_rc
signer_save(struct signer *signer, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SIGNER_STATE_MAX);

	GK_TRY(signer_state_print(&signer->state, &text, err));
	GK_TRY(journal__file_replace(
	    signer->dir, STATE_FILE, text.bytes, text.len, 0600, err));
	signer->dirty = false;
	return GK_OK;
}

bool
signer_is_dirty(const struct signer *signer)
{
	return signer->dirty;
}

static void
show_vkey(struct signer *signer)
{
	signer->state.key_id = signer->key.vkey.key_id;
	(void)note_vkey_print(&signer->key.vkey, signer->vkey);
}

/* The next key takes the other's place: the state says so already. */
static enum gk_rc
switch_key(struct signer *signer, struct gk_err *err)
{
	GK_TRY(journal__secret_destroy(signer->dir, JOURNAL_KEY_SIGNING, err));
	GK_TRY(journal__file_rename(
	    signer->dir, JOURNAL_KEY_NEXT, JOURNAL_KEY_SIGNING, err));
	signer->key = signer->next;
	signer->has_next = false;
	digest_wipe(&signer->next, sizeof(signer->next));
	show_vkey(signer);
	tell(
	    signer, "key", "the log is signed by %s from now on", signer->vkey);
	return GK_OK;
}

static enum gk_rc
load_state(struct signer *signer, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SIGNER_STATE_MAX);

	GK_TRY(
	    journal__file_load(signer->dir, STATE_FILE, &text, ret_found, err));
	if (!*ret_found) {
		return GK_OK;
	}
	return signer_state_parse(
	    gk_buf_text(&text), text.len, &signer->state, err);
}

static enum gk_rc
no_key(struct gk_err *err)
{
	return GK_FAIL(err, GK_E_CORRUPT,
	    "the signing key that the signer's state speaks of is missing: put "
	    "it back from where it is kept");
}

/* The state names the key; a switch that was cut off is finished. */
static enum gk_rc
match_keys(struct signer *signer, bool has_key, struct gk_err *err)
{
	const struct signer_state *state = &signer->state;

	if (!has_key || signer->key.vkey.key_id != state->key_id) {
		if (!signer->has_next ||
		    signer->next.vkey.key_id != state->key_id) {
			return no_key(err);
		}
		GK_TRY(switch_key(signer, err));
	}
	if (state->next &&
	    (!signer->has_next || signer->next.vkey.key_id != state->next_id)) {
		return no_key(err);
	}
	return GK_OK;
}

static enum gk_rc
load(struct signer *signer, const char *origin, struct gk_err *err)
{
	bool has_state, has_key;

	GK_TRY(load_state(signer, &has_state, err));
	GK_TRY(journal__signing_read(
	    signer->dir, JOURNAL_KEY_SIGNING, &signer->key, &has_key, err));
	GK_TRY(journal__signing_read(signer->dir, JOURNAL_KEY_NEXT,
	    &signer->next, &signer->has_next, err));
	if (has_state) {
		GK_TRY(match_keys(signer, has_key, err));
	} else if (!has_key) {
		GK_TRY(journal__signing_make(
		    signer->dir, JOURNAL_KEY_SIGNING, origin, err));
		GK_TRY(journal__signing_read(signer->dir, JOURNAL_KEY_SIGNING,
		    &signer->key, &has_key, err));
	}
	show_vkey(signer);
	if (origin != NULL && strcmp(origin, signer->key.vkey.origin) != 0) {
		return GK_FAIL(err, GK_E_INVALID, "the key's log is %s, not %s",
		    signer->key.vkey.origin, origin);
	}
	return has_state ? GK_OK : signer_save(signer, err);
}

enum gk_rc
signer_open(const struct signer_options *options, struct signer **ret_signer,
    struct gk_err *err)
{
	struct signer *signer = calloc(1, sizeof(*signer));
	enum gk_rc rc;

	if (signer == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a signer");
	}
	signer->dir = -1;
	signer->lock = -1;
	signer->adopt = options->adopt;
	signer->told = options->told;
	signer->ctx = options->ctx;
	rc = journal__dir_open(AT_FDCWD, options->dir, true, &signer->dir, err);
	if (rc == GK_OK) {
		rc = journal__lock_take(signer->dir, 0, &signer->lock, err);
	}
	if (rc == GK_OK) {
		rc = load(signer, options->origin, err);
	}
	if (rc != GK_OK) {
		signer_close(signer);
		return rc;
	}
	*ret_signer = signer;
	return GK_OK;
}

void
signer_close(struct signer *signer)
{
	struct gk_err err = {.rc = GK_OK};

	if (signer == NULL) {
		return;
	}
	if (signer->dirty && signer_save(signer, &err) != GK_OK) {
		tell(signer, "state", "%s", err.text);
	}
	journal__fd_close(&signer->dir);
	journal__fd_close(&signer->lock);
	digest_wipe(signer, sizeof(*signer));
	free(signer);
}

const char *
signer_vkey(const struct signer *signer)
{
	return signer->vkey;
}

/* ---- requests ---- */

static enum gk_rc refuse(const struct signer *signer, enum signer_op op,
    struct gk_buf *buf, struct gk_err *err, const char *fmt, ...)
    GK_PRINTF(5, 6);

static enum gk_rc
refuse(const struct signer *signer, enum signer_op op, struct gk_buf *buf,
    struct gk_err *err, const char *fmt, ...)
{
	char text[TOLD_BYTES];
	struct signer_answer answer = {
	    .op = op, .flags = SIGNER_REFUSED, .text = text};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer.text_n = strlen(text);
	tell(signer, "refused", "%s", text);
	return signer_answer_encode(&answer, buf, err);
}

static bool
same_head(const struct merkle_frontier *edge, const struct merkle_frontier *to)
{
	struct digest a, b;

	merkle_root(edge, &a);
	merkle_root(to, &b);
	return edge->size == to->size &&
	       digest_equal(a.bytes, b.bytes, DIGEST_BYTES);
}

/* What was signed last is committed. */
static enum gk_rc
ack(struct signer *signer, struct gk_err *err)
{
	struct signer_state *state = &signer->state;
	bool next = state->next;

	state->acked = state->pending;
	state->has_pending = false;
	state->next = false;
	if (!next) {
		signer->dirty = true;
		return GK_OK;
	}
	state->key_id = state->next_id;
	GK_TRY(signer_save(signer, err));
	return switch_key(signer, err);
}

static enum gk_rc
welcome(struct signer *signer, const struct merkle_frontier *dropped,
    struct gk_buf *buf, struct gk_err *err)
{
	struct signer_answer answer = {.op = SIGNER_HELLO,
	    .text = signer->vkey,
	    .text_n = strlen(signer->vkey)};

	if (dropped != NULL) {
		answer.flags = SIGNER_DROPPED;
		answer.size = dropped->size;
		merkle_root(dropped, &answer.root);
	}
	return signer_answer_encode(&answer, buf, err);
}

/* An operator's word for this head; only for the next hello. */
static bool
is_adopted(struct signer *signer, const struct merkle_frontier *head)
{
	if (signer->adopt != head->size) {
		return false;
	}
	signer->adopt = SIGNER_ADOPT_NONE;
	tell(signer, "adopted",
	    "a log of %" PRIu64 " events; %" PRIu64 " were known before",
	    head->size, signer->state.acked.size);
	return true;
}

static enum gk_rc
handle_hello(struct signer *signer, const struct signer_request *request,
    struct gk_buf *buf, struct gk_err *err)
{
	struct signer_state *state = &signer->state;
	struct merkle_frontier head, dropped;
	bool fresh = !state->has_acked, drops = false;

	if (request->flags != SIGNER_VERSION) {
		return refuse(signer, SIGNER_HELLO, buf, err,
		    "the signer speaks version %d", SIGNER_VERSION);
	}
	if (!signer_frontier_from(
		request->size, request->hashes, request->count, &head)) {
		return GK_FAIL(err, GK_E_INVALID, "a head that isn't one");
	}
	if (state->has_pending && same_head(&head, &state->pending)) {
		GK_TRY(ack(signer, err));
	} else if ((!fresh && same_head(&head, &state->acked)) ||
		   (fresh && head.size == 0) || is_adopted(signer, &head)) {
		drops = state->has_pending;
		dropped = state->pending;
		state->acked = head;
		state->has_acked = true;
		state->has_pending = false;
		state->next = false;
	} else if (fresh) {
		return refuse(signer, SIGNER_HELLO, buf, err,
		    "the signer knows nothing of this log of %" PRIu64
		    " events; to begin with it, start the signer with --adopt "
		    "%" PRIu64,
		    head.size, head.size);
	} else {
		return refuse(signer, SIGNER_HELLO, buf, err,
		    "%s: the journal has %" PRIu64
		    " events, and the signer has signed %" PRIu64
		    "; put the right journal back, or start the signer with "
		    "--adopt %" PRIu64,
		    head.size < state->acked.size ? "rollback" : "fork",
		    head.size, state->acked.size, head.size);
	}
	GK_TRY(signer_save(signer, err));
	return welcome(signer, drops ? &dropped : NULL, buf, err);
}

static enum gk_rc
sign(const struct signer *signer, bool handover, struct gk_buf *note,
    struct gk_err *err)
{
	const struct signer_state *state = &signer->state;
	const struct signing_key *key =
	    state->next && !handover ? &signer->next : &signer->key;
	struct note_checkpoint checkpoint = {.size = state->pending.size};

	memcpy(checkpoint.origin, key->vkey.origin, sizeof(checkpoint.origin));
	merkle_root(&state->pending, &checkpoint.root);
	return handover ? chain_sign_both(&checkpoint, &key->vkey, &key->sign,
			      &signer->next.vkey, &signer->next.sign, note, err)
			: note_checkpoint_sign(
			      &checkpoint, &key->vkey, &key->sign, note, err);
}

/* Put the leaves behind acked, or behind pending where that is meant. */
static bool
extend(struct signer_state *state, const struct signer_request *request)
{
	bool more = state->has_pending;
	struct merkle_frontier edge = more ? state->pending : state->acked;
	struct digest leaf;

	if (!state->has_acked || request->count == 0 ||
	    request->size != edge.size) {
		return false;
	}
	for (size_t i = 0; i < request->count; i++) {
		memcpy(leaf.bytes, request->hashes + i * DIGEST_BYTES,
		    DIGEST_BYTES);
		merkle_append(&edge, &leaf);
	}
	state->pending = edge;
	state->has_pending = true;
	return true;
}

static enum gk_rc
handle_sign(struct signer *signer, const struct signer_request *request,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf note = GK_BUF_INIT(NOTE_CHECKPOINT_MAX);
	bool handover = request->flags == SIGNER_HANDOVER;
	struct signer_state state = signer->state;
	struct signer_answer answer = {.op = SIGNER_SIGN};

	if (request->flags > SIGNER_HANDOVER ||
	    (handover && (!signer->has_next || state.next)) ||
	    !extend(&state, request)) {
		return refuse(signer, SIGNER_SIGN, buf, err,
		    "leaves behind %" PRIu64
		    " events: that isn't where the signer is",
		    request->size);
	}
	if (handover) {
		state.next = true;
		state.next_id = signer->next.vkey.key_id;
	}
	signer->state = state;
	GK_TRY(signer_save(signer, err)); /* before the signature leaves */
	GK_TRY(sign(signer, handover, &note, err));
	answer.text = note.bytes;
	answer.text_n = note.len;
	return signer_answer_encode(&answer, buf, err);
}

static enum gk_rc
handle_committed(struct signer *signer, const struct signer_request *request,
    struct gk_err *err)
{
	const struct signer_state *state = &signer->state;
	struct digest root;

	merkle_root(&state->pending, &root);
	if (!state->has_pending || state->pending.size != request->size ||
	    !digest_equal(root.bytes, request->root.bytes, DIGEST_BYTES)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "committed is what was never signed");
	}
	return ack(signer, err);
}

static enum gk_rc
handle_next(struct signer *signer, const struct signer_request *request,
    struct gk_buf *buf, struct gk_err *err)
{
	char vkey[NOTE_VKEY_BYTES], handover[CHAIN_HANDOVER_BYTES];
	struct signer_answer answer = {.op = SIGNER_NEXT};

	if (signer->state.next) {
		return refuse(signer, SIGNER_NEXT, buf, err,
		    "a change of keys is on its way");
	}
	GK_TRY(journal__secret_destroy(signer->dir, JOURNAL_KEY_NEXT, err));
	GK_TRY(journal__signing_make(
	    signer->dir, JOURNAL_KEY_NEXT, signer->key.vkey.origin, err));
	GK_TRY(journal__signing_read(signer->dir, JOURNAL_KEY_NEXT,
	    &signer->next, &signer->has_next, err));
	GK_TRY(chain_handover(&signer->key.sign, &signer->next.vkey,
	    request->size, handover, err));
	answer.text_n = note_vkey_print(&signer->next.vkey, vkey);
	answer.text = vkey;
	answer.more = handover;
	answer.more_n = strlen(handover);
	return signer_answer_encode(&answer, buf, err);
}

enum gk_rc
signer_handle(struct signer *signer, const uint8_t *bytes, size_t n,
    struct gk_buf *answer, struct gk_err *err)
{
	struct signer_request request;

	GK_TRY(signer_request_decode(bytes, n, &request, err));
	switch (request.op) {
	case SIGNER_HELLO:
		return handle_hello(signer, &request, answer, err);
	case SIGNER_SIGN:
		return handle_sign(signer, &request, answer, err);
	case SIGNER_COMMITTED:
		return handle_committed(signer, &request, err);
	case SIGNER_NEXT:
		return handle_next(signer, &request, answer, err);
	case SIGNER_NONE:
	case SIGNER_OP_COUNT:
		break;
	}
	return GK_FAIL(err, GK_E_INVALID, "not a request");
}
