/* RFC 4180: one row an event, for spreadsheets that would run a cell as a formula. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

/* "seq", then the columns below, then "leaf_hash". */
static const char *const titles[] = {"seq", "timestamp", "kind", "change",
    "phase", "caller", "agent_id", "actor_type", "actor_id", "tenant_id",
    "run_id", "step_id", "parent_step_id", "action", "decision", "layer",
    "scope", "reason", "rule", "policy", "decision_id", "approval_id", "person",
    "status", "duration_ms", "error_code", "of_seq", "action_key", "args_hash",
    "note", "traceparent", "leaf_hash"};

/*
 * A cell that begins like a formula gets an apostrophe before it, so that a
 * spreadsheet shows it instead of running it; only other people's words can.
 */
static bool
is_formula(const char *text)
{
	return text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
}

static enum gk_rc
add_cell(struct gk_buf *buf, const char *text, struct gk_err *err)
{
	bool formula = is_formula(text);

	if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
		return gk_buf_puts(buf, text, err);
	}
	GK_TRY(gk_buf_puts(buf, formula ? "\"'" : "\"", err));
	for (; *text != '\0'; text++) {
		if (*text == '"') {
			GK_TRY(gk_buf_putc(buf, '"', err));
		}
		GK_TRY(gk_buf_putc(buf, *text, err));
	}
	return gk_buf_putc(buf, '"', err);
}

static enum gk_rc
add_row(struct gk_buf *buf, const char *const *cells, struct gk_err *err)
{
	for (size_t i = 0; i < GK_COUNT(titles); i++) {
		if (i > 0) {
			GK_TRY(gk_buf_putc(buf, ',', err));
		}
		if (cells[i] != NULL) {
			GK_TRY(add_cell(buf, cells[i], err));
		}
	}
	return gk_buf_puts(buf, "\r\n", err);
}

enum gk_rc
csv_print_head(struct gk_buf *buf, struct gk_err *err)
{
	return add_row(buf, titles, err);
}

enum gk_rc
csv_print(const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	const struct event *event = item->event;
	const struct event_result *result = event->result;
	char seq[24], of_seq[24] = "", duration[24] = "";
	const char *cells[] = {seq, item->time,
	    meaning_word(event_kind_words, EVENT_KIND_COUNT, event->kind),
	    meaning_word(change_words, CHANGE_COUNT, event->change),
	    meaning_word(phase_words, PHASE_COUNT,
		(int)event_phase((enum event_kind)event->kind)),
	    event->caller, event->agent_id,
	    event->actor != NULL ? event->actor->type : NULL,
	    event->actor != NULL ? event->actor->id : NULL, event->tenant_id,
	    event->run_id, event->step_id, event->parent_step_id, event->action,
	    event->has_decision
		? meaning_word(decision_words, DECISION_COUNT, event->decision)
		: NULL,
	    meaning_word(layer_words, LAYER_COUNT, event->layer),
	    meaning_word(scope_words, SCOPE_COUNT, event->scope), event->reason,
	    event->rule, event->policy, event->decision_id, event->approval_id,
	    event->person,
	    result != NULL ? meaning_word(result_status_words,
				 RESULT_STATUS_COUNT, result->status)
			   : NULL,
	    duration, result != NULL ? result->error_code : NULL, of_seq,
	    event->action_key, event->args_hash, event->note,
	    event->traceparent, item->leaf_hash};

	_Static_assert(
	    GK_COUNT(cells) == GK_COUNT(titles), "a title for each cell");
	(void)snprintf(seq, sizeof(seq), "%" PRIu64, event->seq);
	if (event->has_of_seq) {
		(void)snprintf(
		    of_seq, sizeof(of_seq), "%" PRIu64, event->of_seq);
	}
	if (result != NULL && result->status != RESULT_NONE) {
		(void)snprintf(duration, sizeof(duration), "%" PRId64,
		    result->duration_ms);
	}
	return add_row(buf, cells, err);
}
