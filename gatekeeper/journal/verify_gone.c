/*
 * What was let go, as the log itself says: redactions, retentions, and nothing else.
 *
 * All of it is read before the walk, for an event says what goes from events before
 * it.  (That those events are the log's own the walk finds, as of all others.)  From
 * then on whatever is missing must be named: a body by being below the newest
 * minimum, a shown value by a redaction, by its own shown_until, or by a retention of
 * its kind and tenant.
 *
 * Below the minimum the leaf hashes come from the tiles; a body that is still there,
 * because a hold keeps it or because it is about to go, must have its hash.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "journal/verify_internal.h"

enum { RULES_MAX = 256, WHERE_BYTES = 40 };

/* Openings of a kind and a tenant, of events before a seq. */
struct gone_rule {
	int kind;         /* EVENT_NONE: any */
	char tenant[164]; /* "": any */
	uint64_t before;
};

struct gone_path {
	uint64_t seq;
	int64_t path; /* its hash */
	uint64_t event;
};

struct gone {
	uint64_t minimum;
	struct verify_mark *marks; /* the root at each minimum, in order */
	size_t mark_count, mark_at;
	int64_t forget_us;
	struct gone_rule rules[RULES_MAX];
	size_t rule_count;
	struct gone_path *paths; /* by seq, path */
	size_t path_count, path_room;
};

void
journal__gone_free(struct gone *gone)
{
	if (gone != NULL) {
		free(gone->marks);
		free(gone->paths);
		free(gone);
	}
}

/* ---- reading it ---- */

static enum gk_rc
add_redaction(struct gone *gone, const struct event *event, struct gk_err *err)
{
	for (size_t i = 0; i < event->path_count; i++) {
		if (gone->path_count == gone->path_room) {
			size_t room =
			    gone->path_room == 0 ? 64 : gone->path_room * 2;
			struct gone_path *paths =
			    realloc(gone->paths, room * sizeof(*paths));

			if (paths == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "redactions");
			}
			gone->paths = paths;
			gone->path_room = room;
		}
		gone->paths[gone->path_count++] =
		    (struct gone_path){event->of_seq,
			event_column_hash(event->paths[i], NULL), event->seq};
	}
	return GK_OK;
}

static enum gk_rc
add_rule(
    struct gone *gone, const struct event_retention *what, struct gk_err *err)
{
	const char *tenant = what->tenant == NULL ? "" : what->tenant;
	int kind = what->kind == NULL ? EVENT_NONE
				      : name_find(event_kind_words,
					    EVENT_KIND_COUNT, what->kind);
	struct gone_rule *rule = gone->rules;

	while (rule < gone->rules + gone->rule_count &&
	       (rule->kind != kind || strcmp(rule->tenant, tenant) != 0)) {
		rule++;
	}
	if (rule == gone->rules + RULES_MAX) {
		return GK_FAIL(err, GK_E_CORRUPT,
		    "more than %d rules of retention", RULES_MAX);
	}
	if (rule == gone->rules + gone->rule_count) {
		gone->rule_count++;
		rule->kind = kind;
		(void)snprintf(
		    rule->tenant, sizeof(rule->tenant), "%s", tenant);
	}
	if ((uint64_t)what->minimum > rule->before) {
		rule->before = (uint64_t)what->minimum;
	}
	return GK_OK;
}

static enum gk_rc
add_minimum(struct verify *v, struct gone *gone, const struct event *event,
    struct gk_err *err)
{
	const struct event_retention *what = event->retention;
	char where[WHERE_BYTES];
	struct verify_mark *marks =
	    realloc(gone->marks, (gone->mark_count + 1) * sizeof(*marks));
	struct verify_mark *mark;
	size_t n;

	if (marks == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "minima");
	}
	gone->marks = marks;
	mark = &marks[gone->mark_count];
	*mark = (struct verify_mark){true, (uint64_t)what->minimum, {{0}}};
	(void)snprintf(where, sizeof(where), "seq %" PRIu64, event->seq);
	if (what->root == NULL || what->minimum % TILE_WIDTH != 0 ||
	    mark->size > event->seq ||
	    (gone->mark_count > 0 &&
		marks[gone->mark_count - 1].size >= mark->size) ||
	    !digest_from_hex(what->root, mark->root.bytes, DIGEST_BYTES, &n) ||
	    n != DIGEST_BYTES) {
		return journal__verify_fault(v, err, where,
		    "a retention that no gatekeeper would record");
	}
	gone->mark_count++;
	gone->minimum = mark->size;
	return GK_OK;
}

static enum gk_rc
add_retention(struct verify *v, struct gone *gone, const struct event *event,
    struct gk_err *err)
{
	const struct event_retention *what = event->retention;

	if (event->change != CHANGE_LET_GO || what == NULL ||
	    what->what == NULL) {
		return GK_OK;
	}
	if (strcmp(what->what, "bodies") == 0) {
		return add_minimum(v, gone, event, err);
	}
	if (strcmp(what->what, "openings") == 0) {
		return add_rule(gone, what, err);
	}
	if (what->until_us > gone->forget_us) {
		gone->forget_us = what->until_us;
	}
	return GK_OK;
}

struct gone_walk {
	struct verify *verify;
	struct gone *gone;
};

static enum gk_rc
add_event(void *ctx, uint64_t seq, struct gk_err *err)
{
	const struct gone_walk *walk = ctx;
	struct verify *v = walk->verify;
	struct event event;
	bool found;

	gk_buf_clear(&v->other);
	GK_TRY(journal_read(v->reader, seq, &v->other, NULL, &found, err));
	gk_arena_clear(&v->other_arena);
	if (!found || event_decode(v->other.bytes, v->other.len,
			  &v->other_arena, &event, NULL) != GK_OK) {
		return GK_OK; /* the walk says what is wrong with it */
	}
	return event.kind == EVENT_REDACTION
		   ? add_redaction(walk->gone, &event, err)
	       : event.kind == EVENT_RETENTION
		   ? add_retention(v, walk->gone, &event, err)
		   : GK_OK;
}

static int
by_place(const void *a, const void *b)
{
	const struct gone_path *x = a, *y = b;

	return x->seq != y->seq     ? (x->seq < y->seq ? -1 : 1)
	       : x->path != y->path ? (x->path < y->path ? -1 : 1)
				    : 0;
}

enum gk_rc
journal__gone_load(struct verify *v, struct gk_err *err)
{
	struct gone *gone = calloc(1, sizeof(*gone));
	struct gone_walk walk = {v, gone};
	int64_t bound;
	enum gk_rc rc;

	if (gone == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "what was let go");
	}
	gone->forget_us = INT64_MIN;
	rc = journal__each_gone(v->reader, add_event, &walk, err);
	if (rc == GK_OK) {
		rc = journal_bound(v->reader, JOURNAL_BODIES, &bound, err);
	}
	if (rc == GK_OK && (uint64_t)bound != gone->minimum) {
		rc = journal__verify_fault(v, err, "log",
		    "the store lets go of bodies before %" PRId64
		    ", the log before %" PRIu64,
		    bound, gone->minimum);
	}
	if (rc != GK_OK) {
		journal__gone_free(gone);
		return rc;
	}
	if (gone->path_count > 0) {
		qsort(gone->paths, gone->path_count, sizeof(*gone->paths),
		    by_place);
	}
	journal__gone_free(v->gone);
	v->gone = gone;
	return GK_OK;
}

uint64_t
journal__gone_minimum(const struct verify *v)
{
	return v->gone == NULL ? v->let_go : v->gone->minimum;
}

/* ---- shown values ---- */

static const struct gone_path *
redaction_of(const struct gone *gone, uint64_t seq, const char *path)
{
	const struct gone_path want = {seq, event_column_hash(path, NULL), 0};

	return gone->path_count == 0
		   ? NULL
		   : bsearch(&want, gone->paths, gone->path_count, sizeof(want),
			 by_place);
}

static bool
is_forgotten(
    const struct gone *gone, const struct event *event, const char *path)
{
	for (size_t i = 0; i < event->shown_until_count; i++) {
		int64_t until;

		if (strcmp(event->shown_until[i].name, path) == 0) {
			return gk_time_parse(event->shown_until[i].value,
				   &until, NULL) == GK_OK &&
			       until <= gone->forget_us;
		}
	}
	return false;
}

static bool
is_explained(
    const struct gone *gone, const struct event *event, const char *path)
{
	if (event->seq < gone->minimum ||
	    redaction_of(gone, event->seq, path) != NULL ||
	    is_forgotten(gone, event, path)) {
		return true;
	}
	for (size_t i = 0; i < gone->rule_count; i++) {
		const struct gone_rule *rule = &gone->rules[i];

		if (event->seq < rule->before &&
		    (rule->kind == EVENT_NONE || rule->kind == event->kind) &&
		    (rule->tenant[0] == '\0' ||
			(event->tenant_id != NULL &&
			    strcmp(event->tenant_id, rule->tenant) == 0))) {
			return true;
		}
	}
	return false;
}

/* In a running journal, an event may have said so since. */
static enum gk_rc
check_absent(struct verify *v, const struct event *event, const char *path,
    struct gk_err *err)
{
	char where[WHERE_BYTES];

	if (!is_explained(v->gone, event, path)) {
		GK_TRY(journal__gone_load(v, err));
	}
	if (is_explained(v->gone, event, path)) {
		return GK_OK;
	}
	(void)snprintf(where, sizeof(where), "seq %" PRIu64, event->seq);
	return journal__verify_fault(v, err, where,
	    "the value kept in clear for %.64s is missing, and no event lets "
	    "it go",
	    path);
}

struct noted {
	struct verify *verify;
	const struct event *event;
};

/* The store's own note of a redaction must be one of the log. */
static enum gk_rc
check_note(void *ctx, const char *path, uint64_t by, struct gk_err *err)
{
	const struct noted *noted = ctx;
	struct verify *v = noted->verify;
	const struct gone_path *said =
	    redaction_of(v->gone, noted->event->seq, path);
	char where[WHERE_BYTES];

	if (said == NULL) {
		GK_TRY(journal__gone_load(v, err));
		said = redaction_of(v->gone, noted->event->seq, path);
	}
	if (said != NULL && by > noted->event->seq) {
		return GK_OK;
	}
	(void)snprintf(where, sizeof(where), "seq %" PRIu64, noted->event->seq);
	return journal__verify_fault(v, err, where,
	    "%.64s is marked as redacted, and no event says so", path);
}

enum gk_rc
journal__gone_check(struct verify *v, const struct event *event,
    const bool *present, struct gk_err *err)
{
	struct noted noted = {v, event};

	for (size_t i = 0; i < event->shown_count; i++) {
		const char *path = event->shown[i].name;

		if (!present[i]) {
			GK_TRY(check_absent(v, event, path, err));
		} else if (redaction_of(v->gone, event->seq, path) != NULL) {
			v->report->unfinished++;
		}
	}
	return event->shown_count == 0
		   ? GK_OK
		   : journal_redactions(
			 v->reader, event->seq, check_note, &noted, err);
}

/* ---- below the minimum ---- */

/* What is still there of a tile's events must have the tile's hashes. */
static enum gk_rc
check_left(struct verify *v, uint64_t from, struct gk_err *err)
{
	const struct scan scan = {.from = from, .to = from + TILE_WIDTH};
	struct body_row row;
	bool more = true;
	enum gk_rc rc = GK_OK;

	journal__scan_begin(v->reader, &scan);
	while (rc == GK_OK && more) {
		struct digest leaf;
		char where[WHERE_BYTES];

		rc = journal__scan_next(v->reader, &row, &more, err);
		if (rc != GK_OK || !more) {
			break;
		}
		merkle_leaf(row.bytes, row.n, &leaf);
		if (memcmp(leaf.bytes,
			v->tile + (row.seq - from) * DIGEST_BYTES,
			DIGEST_BYTES) != 0) {
			(void)snprintf(
			    where, sizeof(where), "seq %" PRIu64, row.seq);
			rc = journal__verify_fault(v, err, where,
			    "what is held isn't what was recorded");
			break;
		}
		v->report->held++;
		rc = journal__verify_kept(v, &row, err);
	}
	journal__scan_end(v->reader);
	return rc;
}

enum gk_rc
journal__gone_tile(struct verify *v, uint8_t *ret_hashes, struct gk_err *err)
{
	uint64_t from = v->edge.size;
	struct digest root;
	char where[WHERE_BYTES];
	bool found;

	GK_TRY(journal__read_tile(
	    v->reader, 0, from / TILE_WIDTH, &root, v->tile, &found, err));
	if (!found) {
		(void)snprintf(
		    where, sizeof(where), "tile 0/%" PRIu64, from / TILE_WIDTH);
		return journal__verify_fault(v, err, where, "it is missing");
	}
	GK_TRY(check_left(v, from, err));
	memcpy(ret_hashes, v->tile, sizeof(v->tile));
	return GK_OK;
}

enum gk_rc
journal__gone_root(struct verify *v, struct gk_err *err)
{
	struct gone *gone = v->gone;
	struct digest root;
	char where[WHERE_BYTES];

	while (gone->mark_at < gone->mark_count &&
	       gone->marks[gone->mark_at].size < v->edge.size) {
		gone->mark_at++;
	}
	if (gone->mark_at == gone->mark_count ||
	    gone->marks[gone->mark_at].size != v->edge.size) {
		return GK_OK;
	}
	journal__edge_root(&v->edge, &root);
	if (digest_equal(root.bytes, gone->marks[gone->mark_at].root.bytes,
		DIGEST_BYTES)) {
		return GK_OK;
	}
	(void)snprintf(where, sizeof(where), "minimum %" PRIu64, v->edge.size);
	return journal__verify_fault(v, err, where,
	    "the retention names another root than the tree has there");
}
