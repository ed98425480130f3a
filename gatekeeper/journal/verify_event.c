/*
 * What must hold for one event, apart from the tree: its form, its copies in the
 * search columns, its openings, and the events that it speaks of.
 *
 * An event points backwards only, by of_seq, so each is checked with one look at
 * an earlier one (verify_near.c keeps the last ones near), and memory doesn't grow
 * but for a bit for each event: is this allow closed?
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/verify_internal.h"

enum { WHERE_BYTES = 40, SHOWN_MAX = 64, POLICY_TEXT_MAX = 16 << 20 };

static const char *
where_of(uint64_t seq, char ret[WHERE_BYTES])
{
	(void)snprintf(ret, WHERE_BYTES, "seq %" PRIu64, seq);
	return ret;
}

#define FAULT(v, seq, err, ...) \
	journal__verify_fault(  \
	    (v), (err), where_of((seq), (char[WHERE_BYTES]){""}), __VA_ARGS__)

enum gk_rc
journal__verify_unread(struct verify *v, uint64_t seq, enum gk_rc rc,
    const struct gk_err *why, struct gk_err *err)
{
	if (rc == GK_E_NOMEM) {
		return GK_FAIL(err, rc, "%s", why->text);
	}
	return FAULT(v, seq, err, "the event can't be read: %s%s%s", why->text,
	    why->where[0] != '\0' ? " at " : "", why->where);
}

static enum gk_rc
decode(struct verify *v, uint64_t seq, const char *bytes, size_t n,
    struct gk_arena *arena, struct event *ret, struct gk_err *err)
{
	struct gk_err why = {.rc = GK_OK};
	enum gk_rc rc;

	gk_arena_clear(arena);
	rc = event_decode(bytes, n, arena, ret, &why);
	return rc == GK_OK ? GK_OK
			   : journal__verify_unread(v, seq, rc, &why, err);
}

static bool
same_row(const struct body_row *a, const struct body_row *b)
{
	return memcmp(&a->columns, &b->columns, sizeof(a->columns)) == 0 &&
	       a->kind == b->kind && a->decision == b->decision &&
	       a->layer == b->layer && a->scope == b->scope &&
	       a->time_us == b->time_us;
}

static enum gk_rc
check_seq(struct verify *v, const struct event *event, uint64_t seq,
    struct gk_err *err)
{
	return event->seq == seq ? GK_OK
				 : FAULT(v, seq, err,
				       "the event says that it is seq %" PRIu64
				       ": events were moved",
				       event->seq);
}

static enum gk_rc
check_columns(struct verify *v, const struct body_row *row,
    const struct event *event, const struct body_row *want, struct gk_err *err)
{
	GK_TRY(check_seq(v, event, row->seq, err));
	if (!same_row(want, row)) {
		return FAULT(v, row->seq, err,
		    "the search columns aren't the event's: searches would "
		    "miss it or mistake it");
	}
	return GK_OK;
}

/* Would a look-up by run find it? */
static enum gk_rc
check_run(struct verify *v, const struct body_row *row, struct gk_err *err)
{
	bool leads;

	GK_TRY(journal__near_run(v, row, &leads, err));
	return leads ? GK_OK
		     : FAULT(v, row->seq, err,
			   "the index of runs doesn't lead to it");
}

struct opening_check {
	struct verify *verify;
	const struct event *event;
	bool *present; /* by the place in shown */
};

static enum gk_rc
check_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	const struct opening_check *check = ctx;
	const struct event *event = check->event;
	char commitment[EVENT_COMMIT_BYTES];

	event_commit(opening->path, opening->salt, opening->value, commitment);
	for (size_t i = 0; i < event->shown_count; i++) {
		if (strcmp(event->shown[i].name, opening->path) == 0 &&
		    strcmp(event->shown[i].value, commitment) == 0) {
			check->present[i] = true;
			return GK_OK;
		}
	}
	return FAULT(check->verify, event->seq, err,
	    "the value kept in clear for %.64s isn't the one that the event "
	    "commits to",
	    opening->path);
}

/* Shown values: each opens its commitment, and each that is missing was let go. */
static enum gk_rc
check_openings(struct verify *v, const struct event *event, struct gk_err *err)
{
	bool present[SHOWN_MAX] = {false};
	struct opening_check openings = {v, event, present};

	GK_TRY(v->in_step ? journal__openings_of(v->reader, event->seq,
				check_opening, &openings, err)
			  : journal__openings(v->reader, event->seq, true,
				check_opening, &openings, err));
	return journal__gone_check(v, event, present, err);
}

/* The event that this one points to; its strings live in other_arena.  *ret_gone: it was let go. */
static enum gk_rc
read_pointed(struct verify *v, const struct event *event, struct event *ret,
    bool *ret_gone, struct gk_err *err)
{
	struct digest leaf;
	bool found;

	*ret_gone = false;
	if (journal__near_find(v->near, event->of_seq, ret)) {
		return GK_OK;
	}
	gk_buf_clear(&v->other);
	GK_TRY(v->reader == NULL
		   ? journal__files_event(v, event->of_seq, &found, err)
		   : journal_read(v->reader, event->of_seq, &v->other, &leaf,
			 &found, err));
	*ret_gone = !found && event->of_seq < journal__gone_minimum(v);
	if (*ret_gone) {
		return GK_OK;
	}
	if (!found) {
		return FAULT(v, event->of_seq, err, "the event is missing");
	}
	return decode(v, event->of_seq, v->other.bytes, v->other.len,
	    &v->other_arena, ret, err);
}

static bool
same_decision(const struct event *a, const struct event *b)
{
	return a->decision_id != NULL && b->decision_id != NULL &&
	       strcmp(a->decision_id, b->decision_id) == 0;
}

static bool
take_closing(struct verify *v, uint64_t seq)
{
	uint8_t bit = (uint8_t)(1u << (seq % 8));
	bool was = (v->closed[seq / 8] & bit) != 0;

	v->closed[seq / 8] |= bit;
	return !was;
}

/* One closing result for one allow; what comes later points at what was there. */
static enum gk_rc
check_result(struct verify *v, const struct event *event, struct gk_err *err)
{
	bool closing = event->change == CHANGE_REPORTED ||
		       event->change == CHANGE_UNREPORTED;
	struct event of = {.seq = 0};
	bool gone;

	if (!event->has_of_seq) {
		return FAULT(v, event->seq, err,
		    "the result doesn't say of which event it is");
	}
	GK_TRY(read_pointed(v, event, &of, &gone, err));
	if (gone) {
		return !closing || take_closing(v, event->of_seq)
			   ? GK_OK
			   : FAULT(v, event->seq, err,
				 "a second closing result for seq %" PRIu64,
				 event->of_seq);
	}
	if (!same_decision(event, &of)) {
		return FAULT(v, event->seq, err,
		    "the result names another decision than seq %" PRIu64,
		    event->of_seq);
	}
	if (!closing &&
	    (of.kind == EVENT_RESULT || of.kind == EVENT_DECISION)) {
		return GK_OK;
	}
	if (of.kind != EVENT_DECISION || !of.has_decision ||
	    of.decision != DECISION_ALLOW) {
		return FAULT(v, event->seq, err,
		    "a result for seq %" PRIu64 ", which allowed nothing",
		    event->of_seq);
	}
	if (!take_closing(v, event->of_seq)) {
		return FAULT(v, event->seq, err,
		    "a second closing result for the allow at seq %" PRIu64,
		    event->of_seq);
	}
	return GK_OK;
}

/* The text of a policy beside the tiles, where there are such texts. */
static enum gk_rc
files_policy(
    struct verify *v, const char *digest, bool *ret_found, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(POLICY_TEXT_MAX);
	char path[JOURNAL_POLICY_PATH_BYTES];

	*ret_found = true;
	if (!v->options->files->policies) {
		return GK_OK;
	}
	*ret_found = journal__policy_path(digest, path);
	if (*ret_found) {
		GK_TRY(journal__files_load(v, path, &text, ret_found, err));
	}
	return *ret_found ? journal__verify_policy(
				v, digest, gk_buf_text(&text), text.len, err)
			  : GK_OK;
}

/* The text behind the policy in force must be kept. */
static enum gk_rc
check_policy(struct verify *v, const struct event *event, struct gk_err *err)
{
	bool found;

	if (event->kind != EVENT_DECISION || event->policy == NULL ||
	    strcmp(event->policy, v->policy) == 0) {
		return GK_OK;
	}
	GK_TRY(v->reader == NULL ? files_policy(v, event->policy, &found, err)
				 : journal_policy_text(v->reader, event->policy,
				       NULL, &found, err));
	if (!found) {
		return FAULT(v, event->seq, err,
		    "the text of its policy %.80s is missing", event->policy);
	}
	(void)snprintf(v->policy, sizeof(v->policy), "%s", event->policy);
	return GK_OK;
}

static enum gk_rc
check_genesis(struct verify *v, const struct event *event, struct gk_err *err)
{
	v->genesis = v->genesis || event->kind == EVENT_GENESIS;
	if ((event->kind == EVENT_GENESIS) != (event->seq == 0)) {
		return FAULT(v, event->seq, err,
		    event->seq == 0
			? "the log doesn't begin with genesis"
			: "genesis stands in the middle of the log");
	}
	return GK_OK;
}

/* An event that names a signing key is the one of the chain that begins there. */
static enum gk_rc
check_signing_key(
    struct verify *v, const struct event *event, struct gk_err *err)
{
	uint64_t from = event->seq == 0 ? 0 : event->seq + 1;
	const char *text;

	if (!chain_names(event)) {
		return GK_OK;
	}
	text = event->kind == EVENT_GENESIS ? event->process->vkey
					    : event->key->vkey;
	for (size_t i = 0; i < v->chain.count; i++) {
		const struct chain_link *link = &v->chain.links[i];

		if (link->from == from && chain_is_key(&link->vkey, text)) {
			v->keys_met++;
			return GK_OK;
		}
	}
	return FAULT(v, event->seq, err,
	    event->seq == 0
		? "genesis names another verifier key than the one that "
		  "verifies"
		: "a signing key that the table of keys doesn't have here");
}

static enum gk_rc
check_links(struct verify *v, const struct event *event, struct gk_err *err)
{
	if (event->timestamp_us < v->last_us) {
		return FAULT(v, event->seq, err,
		    "its time is before that of the event before it");
	}
	v->last_us = event->timestamp_us;
	if (event->has_of_seq && event->of_seq >= event->seq) {
		return FAULT(v, event->seq, err,
		    "it points to seq %" PRIu64 ", which isn't before it",
		    event->of_seq);
	}
	if (event->kind == EVENT_RESULT) {
		GK_TRY(check_result(v, event, err));
	}
	return check_policy(v, event, err);
}

enum gk_rc
journal__verify_event(struct verify *v, const struct body_row *row,
    const struct event *event, const struct body_row *want, struct gk_err *err)
{
	GK_TRY(check_columns(v, row, event, want, err));
	GK_TRY(check_run(v, row, err));
	GK_TRY(check_genesis(v, event, err));
	GK_TRY(check_signing_key(v, event, err));
	GK_TRY(check_links(v, event, err));
	journal__near_keep(v->near, event);
	GK_TRY(check_openings(v, event, err));
	return v->options->event == NULL
		   ? GK_OK
		   : v->options->event(v->options->ctx, event, err);
}

enum gk_rc
journal__verify_kept(
    struct verify *v, const struct body_row *row, struct gk_err *err)
{
	struct body_row want;
	struct event event;

	GK_TRY(decode(v, row->seq, row->bytes, row->n, &v->arena, &event, err));
	journal__row_of(&event, &want);
	GK_TRY(check_columns(v, row, &event, &want, err));
	GK_TRY(check_genesis(v, &event, err));
	GK_TRY(check_signing_key(v, &event, err));
	return check_openings(v, &event, err);
}

/* Does the event name the verifier's key as the log's? */
static bool
names_key(const struct verify *v, const struct event *event)
{
	return chain_names(event) &&
	       chain_is_key(&v->vkey, event->kind == EVENT_GENESIS
					  ? event->process->vkey
					  : event->key->vkey);
}

enum gk_rc
journal__verify_entry(struct verify *v, uint64_t seq, const void *bytes,
    size_t n, struct gk_err *err)
{
	struct event event;

	GK_TRY(decode(v, seq, bytes, n, &v->arena, &event, err));
	GK_TRY(check_seq(v, &event, seq, err));
	GK_TRY(check_genesis(v, &event, err));
	if (v->keys.len > 0) {
		GK_TRY(check_signing_key(v, &event, err));
	} else {
		v->keys_met += names_key(v, &event) ? 1 : 0;
	}
	GK_TRY(check_links(v, &event, err));
	journal__near_keep(v->near, &event);
	if (event.kind == EVENT_RETENTION && event.retention != NULL &&
	    event.retention->what != NULL &&
	    strcmp(event.retention->what, "bodies") == 0 &&
	    event.retention->minimum > (int64_t)v->retained) {
		v->retained = (uint64_t)event.retention->minimum;
	}
	/* without its beginning there is nothing to fold from */
	return v->options->event == NULL || v->let_go > 0
		   ? GK_OK
		   : v->options->event(v->options->ctx, &event, err);
}
