/* Counting what a replay found, and printing it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "codec/canon.h"
#include "gate/replay_tally.h"

enum {
	TALLY_CAP = 16 << 20,
	KEYS_MAX = 10000, /* kinds of change; more are counted, not kept */
	SHOWN_MAX = 1000,
};

/* A decision and why. */
struct outcome {
	int decision, layer;
	const char *reason, *rule;
};

struct change_count {
	const char *action;
	struct outcome before, after;
	uint64_t count;
	/* the first of them */
	uint64_t seq;
	int64_t at_us;
	const char *run_id, *step_id, *decision_id;
};

struct unknown_count {
	const char *action;
	const char *rules; /* ids, as JSON */
	uint64_t count;
};

void
tally_init(struct tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	tally->arena.cap = TALLY_CAP;
}

void
tally_done(struct tally *tally)
{
	gk_map_done(&tally->changes);
	gk_map_done(&tally->unknown);
	gk_arena_done(&tally->arena);
}

static const char *
kept(struct tally *tally, const char *text)
{
	return text == NULL ? NULL : gk_arena_strdup(&tally->arena, text);
}

static const char *
some(const char *text)
{
	return text == NULL ? "" : text;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(some(a), some(b)) == 0;
}

static enum gk_rc
new_change(struct tally *tally, const char *key, const struct event *event,
    const struct outcome *before, const struct outcome *after,
    struct change_count **ret, struct gk_err *err)
{
	struct change_count *change =
	    gk_arena_alloc(&tally->arena, sizeof(*change));
	const char *copy = gk_arena_strdup(&tally->arena, key);

	if (change == NULL || copy == NULL) {
		return GK_FAIL(err, GK_E_LIMIT, "too many kinds of change");
	}
	*change = (struct change_count){.action = kept(tally, event->action),
	    .before = *before,
	    .after = *after,
	    .seq = event->seq,
	    .at_us = event->timestamp_us,
	    .run_id = kept(tally, event->run_id),
	    .step_id = kept(tally, event->step_id),
	    .decision_id = kept(tally, event->decision_id)};
	change->before.reason = kept(tally, before->reason);
	change->before.rule = kept(tally, before->rule);
	change->after.reason = kept(tally, after->reason);
	change->after.rule = kept(tally, after->rule);
	*ret = change;
	return gk_map_set(&tally->changes, copy, strlen(copy), change, err);
}

enum gk_rc
tally_decision(struct tally *tally, const struct event *event,
    const struct trial_answer *answer, struct gk_err *err)
{
	struct outcome before = {
	    event->decision, event->layer, event->reason, event->rule};
	struct outcome after = {
	    answer->decision, answer->layer, answer->reason, answer->rule};
	struct change_count *change;
	char key[768];

	if (answer->refused != NULL) {
		after = (struct outcome){
		    DECISION_STOP, LAYER_NONE, answer->refused, NULL};
	}
	tally->decisions++;
	tally->told++;
	if (before.decision == after.decision &&
	    same_text(before.rule, after.rule) &&
	    same_text(before.reason, after.reason)) {
		tally->same++;
		return GK_OK;
	}
	(void)snprintf(key, sizeof(key), "%s\n%d %s %s\n%d %s %s",
	    some(event->action), before.decision, some(before.rule),
	    some(before.reason), after.decision, some(after.rule),
	    some(after.reason));
	change = gk_map_get(&tally->changes, key, strlen(key));
	if (change == NULL && tally->changes.count >= KEYS_MAX) {
		return GK_OK;
	}
	if (change == NULL) {
		GK_TRY(new_change(
		    tally, key, event, &before, &after, &change, err));
	}
	change->count++;
	return GK_OK;
}

enum gk_rc
tally_unknown(struct tally *tally, const char *action, const char *const *rules,
    size_t count, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf list = GK_BUF_INIT(4096);
	struct unknown_count *unknown;
	char key[1024];

	tally->decisions++;
	for (size_t i = 0; i < count; i++) {
		/* ids need no escapes */
		GK_TRY(gk_buf_printf(
		    &list, err, "%s\"%s\"", i == 0 ? "" : ",", rules[i]));
	}
	(void)snprintf(
	    key, sizeof(key), "%s\n%s", some(action), gk_buf_text(&list));
	unknown = gk_map_get(&tally->unknown, key, strlen(key));
	if (unknown == NULL) {
		const char *copy = gk_arena_strdup(&tally->arena, key);

		unknown = gk_arena_alloc(&tally->arena, sizeof(*unknown));
		if (unknown == NULL || copy == NULL) {
			return GK_FAIL(
			    err, GK_E_LIMIT, "too much that can't be told");
		}
		unknown->action = kept(tally, action);
		unknown->rules = kept(tally, gk_buf_text(&list));
		GK_TRY(gk_map_set(
		    &tally->unknown, copy, strlen(copy), unknown, err));
	}
	unknown->count++;
	return GK_OK;
}

enum gk_rc
tally_last(void *ctx, uint64_t seq, const char *bytes, size_t n,
    const struct digest *leaf, bool *stop, struct gk_err *err)
{
	uint64_t *total = ctx;

	(void)bytes;
	(void)n;
	(void)leaf;
	(void)err;
	*total = seq + 1;
	*stop = true;
	return GK_OK;
}

/* ---- printing ---- */

static enum gk_rc
put_text(struct gk_buf *json, const char *before, const char *text,
    struct gk_err *err)
{
	GK_TRY(gk_buf_puts(json, before, err));
	return text == NULL ? gk_buf_puts(json, "null", err)
			    : canon_string(text, json, err);
}

static enum gk_rc
put_outcome(
    struct gk_buf *json, const struct outcome *outcome, struct gk_err *err)
{
	GK_TRY(put_text(
	    json, "{\"decision\":", decision_words[outcome->decision], err));
	GK_TRY(put_text(json, ",\"layer\":", layer_words[outcome->layer], err));
	GK_TRY(put_text(json, ",\"reason\":", outcome->reason, err));
	GK_TRY(put_text(json, ",\"rule\":", outcome->rule, err));
	return gk_buf_putc(json, '}', err);
}

static enum gk_rc
put_change(
    struct gk_buf *json, const struct change_count *change, struct gk_err *err)
{
	char time[GK_TIME_TEXT_BYTES];

	gk_time_print(change->at_us, time);
	GK_TRY(put_text(json, "{\"action\":", change->action, err));
	GK_TRY(gk_buf_puts(json, ",\"after\":", err));
	GK_TRY(put_outcome(json, &change->after, err));
	GK_TRY(gk_buf_puts(json, ",\"before\":", err));
	GK_TRY(put_outcome(json, &change->before, err));
	GK_TRY(gk_buf_printf(json, err, ",\"count\":%" PRIu64, change->count));
	GK_TRY(put_text(
	    json, ",\"example\":{\"decision_id\":", change->decision_id, err));
	GK_TRY(put_text(json, ",\"run_id\":", change->run_id, err));
	GK_TRY(gk_buf_printf(json, err, ",\"seq\":%" PRIu64, change->seq));
	GK_TRY(put_text(json, ",\"step_id\":", change->step_id, err));
	GK_TRY(put_text(json, ",\"timestamp\":", time, err));
	return gk_buf_puts(json, "}}", err);
}

static int
by_count(const void *a, const void *b)
{
	const struct change_count *x = *(const struct change_count *const *)a;
	const struct change_count *y = *(const struct change_count *const *)b;

	if (x->count != y->count) {
		return x->count > y->count ? -1 : 1;
	}
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int
by_unknown(const void *a, const void *b)
{
	const struct unknown_count *x = *(const struct unknown_count *const *)a;
	const struct unknown_count *y = *(const struct unknown_count *const *)b;

	if (x->count != y->count) {
		return x->count > y->count ? -1 : 1;
	}
	return strcmp(x->action, y->action);
}

/* The values of a map as a sorted array; free() it. */
static void **
sorted(const struct gk_map *map, int (*order)(const void *, const void *),
    struct gk_err *err)
{
	void **list = calloc(map->count + 1, sizeof(*list)), *one;
	size_t at = 0, n = 0;

	if (list == NULL) {
		(void)GK_FAIL(err, GK_E_NOMEM, "replay");
		return NULL;
	}
	while ((one = gk_map_next(map, &at)) != NULL) {
		list[n++] = one;
	}
	qsort(list, n, sizeof(*list), order);
	return list;
}

static enum gk_rc
put_changes(const struct tally *tally, struct gk_buf *json, struct gk_err *err)
{
	void **list = sorted(&tally->changes, by_count, err);
	enum gk_rc rc = list == NULL ? GK_E_NOMEM : GK_OK;

	for (size_t i = 0; rc == GK_OK && list[i] != NULL && i < SHOWN_MAX;
	     i++) {
		rc = gk_buf_puts(json, i == 0 ? "" : ",", err);
		if (rc == GK_OK) {
			rc = put_change(json, list[i], err);
		}
	}
	free(list);
	return rc;
}

static enum gk_rc
put_unknown(const struct tally *tally, struct gk_buf *json, struct gk_err *err)
{
	void **list = sorted(&tally->unknown, by_unknown, err);
	enum gk_rc rc = list == NULL ? GK_E_NOMEM : GK_OK;

	for (size_t i = 0; rc == GK_OK && list[i] != NULL && i < SHOWN_MAX;
	     i++) {
		const struct unknown_count *one = list[i];

		rc = put_text(json,
		    i == 0 ? "{\"action\":" : ",{\"action\":", one->action,
		    err);
		if (rc == GK_OK) {
			rc = gk_buf_printf(json, err,
			    ",\"count\":%" PRIu64 ",\"rules\":[%s]}",
			    one->count, one->rules);
		}
	}
	free(list);
	return rc;
}

static enum gk_rc
put_time(
    struct gk_buf *json, const char *before, int64_t us, struct gk_err *err)
{
	char text[GK_TIME_TEXT_BYTES];

	gk_time_print(us, text);
	return put_text(json, before, us == 0 ? NULL : text, err);
}

enum gk_rc
tally_print(const struct tally *tally, const char *policy, int64_t since_us,
    int64_t until_us, bool complete, struct gk_buf *ret_json,
    struct gk_err *err)
{
	GK_TRY(gk_buf_puts(ret_json, "{\"cannot_tell\":[", err));
	GK_TRY(put_unknown(tally, ret_json, err));
	GK_TRY(gk_buf_puts(ret_json, "],\"changes\":[", err));
	GK_TRY(put_changes(tally, ret_json, err));
	GK_TRY(gk_buf_printf(ret_json, err,
	    "],\"complete\":%s,\"decisions\":%" PRIu64,
	    complete ? "true" : "false", tally->decisions));
	GK_TRY(put_text(ret_json, ",\"policy\":", policy, err));
	GK_TRY(gk_buf_printf(ret_json, err, ",\"same\":%" PRIu64, tally->same));
	GK_TRY(put_time(ret_json, ",\"since\":", since_us, err));
	GK_TRY(gk_buf_printf(ret_json, err, ",\"told\":%" PRIu64, tally->told));
	GK_TRY(put_time(ret_json, ",\"until\":", until_us, err));
	return gk_buf_putc(ret_json, '}', err);
}
