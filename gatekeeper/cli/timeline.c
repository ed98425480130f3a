/* A run as a story: what was asked, what was answered, what people said, what came out of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/table.h"
#include "cli/timeline.h"
#include "cli/words.h"
#include "codec/canon.h"

#define STEP_WIDTH_MAX   24
#define ACTION_WIDTH_MAX 32
#define SHOWN_BYTES_MAX  65536
#define VERDICT_WIDTH    19 /* "approval_required" and a gap */

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_ASK, TONE_DIM, TONE_COUNT };

static const char *const tones[TONE_COUNT] = {
    [TONE_PLAIN] = "",
    [TONE_GOOD] = "\033[32m",
    [TONE_BAD] = "\033[31m",
    [TONE_ASK] = "\033[33m",
    [TONE_DIM] = "\033[2m",
};

/* What is being told, and what has been counted. */
struct story {
	const struct json_value *events;
	FILE *out;
	bool colour;
	int64_t start_us, end_us;
	size_t step_width, action_width;
	size_t decisions[3]; /* allow, stop, approval_required */
	size_t results, unreported, violations;
};

void
timeline_elapsed(int64_t us, char ret_text[32])
{
	int64_t s = us / GK_US_PER_S;

	if (us < GK_US_PER_MIN) {
		(void)snprintf(ret_text, 32, "+%" PRId64 ".%03" PRId64 "s", s,
		    us % GK_US_PER_S / GK_US_PER_MS);
	} else if (us < GK_US_PER_HOUR) {
		(void)snprintf(ret_text, 32, "+%" PRId64 "m%02" PRId64 "s",
		    s / 60, s % 60);
	} else if (us < GK_US_PER_DAY) {
		(void)snprintf(ret_text, 32, "+%" PRId64 "h%02" PRId64 "m",
		    s / 3600, s / 60 % 60);
	} else {
		(void)snprintf(ret_text, 32, "+%" PRId64 "d%02" PRId64 "h",
		    s / 86400, s / 3600 % 24);
	}
}

static const char *
get(const struct json_value *event, const char *name)
{
	const char *text = words_get(event, name);

	return text != NULL ? text : "";
}

static bool
is(const struct json_value *event, const char *name, const char *word)
{
	return strcmp(get(event, name), word) == 0;
}

static int64_t
time_of(const struct json_value *event)
{
	int64_t us = 0;

	return gk_time_parse(get(event, "timestamp"), &us, NULL) == GK_OK ? us
									  : 0;
}

const char *
timeline_verdict(const struct json_value *event)
{
	const char *status = words_get(words_at(event, "result"), "status");

	if (is(event, "kind", "decision")) {
		return get(event, "decision");
	}
	if (status != NULL) {
		return status;
	}
	if (is(event, "change", "vote")) {
		return words_true(event, "grant_vote") ? "grant" : "deny";
	}
	return get(event, "change");
}

const char *
timeline_summary(
    const struct json_value *event, char ret_text[TIMELINE_TEXT_BYTES])
{
	static const char *const objects[] = {"action", "approval_id", "note"};
	const struct json_value *nested[] = {words_at(event, "kill_switch"),
	    words_at(event, "identity"), words_at(event, "gap"),
	    words_at(event, "access"), words_at(event, "process")};
	static const char *const members[] = {
	    "id", "id", "what", "what", "version"};

	ret_text[0] = '\0';
	for (size_t i = 0; i < GK_COUNT(nested); i++) {
		if (nested[i] != NULL) {
			(void)snprintf(ret_text, TIMELINE_TEXT_BYTES, "%s",
			    get(nested[i], members[i]));
			return ret_text;
		}
	}
	for (size_t i = 0; i < GK_COUNT(objects); i++) {
		if (words_get(event, objects[i]) != NULL) {
			(void)snprintf(ret_text, TIMELINE_TEXT_BYTES, "%s",
			    get(event, objects[i]));
			return ret_text;
		}
	}
	return ret_text;
}

const char *
timeline_words(const struct json_value *event)
{
	const struct json_value *opened = words_at(event, "opened");
	const char *comment = words_get(opened, "/comment");

	return comment != NULL ? comment : words_get(opened, "/reason");
}

/* Text behind the others, in a tone of its own, width columns wide. */
static void
put(const struct story *story, enum tone tone, const char *text, size_t width)
{
	bool coloured = story->colour && tone != TONE_PLAIN;

	(void)fputs(coloured ? tones[tone] : "", story->out);
	table_print_safe(text, story->out);
	(void)fputs(coloured ? "\033[0m" : "", story->out);
	for (size_t n = table_width(text); n < width; n++) {
		(void)fputc(' ', story->out);
	}
}

/* "   +0.132s  " */
static void
put_time(const struct story *story, const struct json_value *event)
{
	char text[32];

	timeline_elapsed(time_of(event) - story->start_us, text);
	for (size_t n = strlen(text); n < 10; n++) {
		(void)fputc(' ', story->out);
	}
	put(story, TONE_DIM, text, 0);
	(void)fputs("  ", story->out);
}

static void
put_columns(const struct story *story, const struct json_value *event,
    const char *step, const char *what)
{
	put_time(story, event);
	put(story, TONE_PLAIN, step, story->step_width + 2);
	put(story, TONE_PLAIN, what, story->action_width + 2);
}

static enum tone
tone_of(const char *decision)
{
	return strcmp(decision, "allow") == 0               ? TONE_GOOD
	       : strcmp(decision, "approval_required") == 0 ? TONE_ASK
							    : TONE_BAD;
}

/* "layer: reason (rule)" of what isn't an allow, and the step that it goes on from. */
static void
print_why(const struct json_value *event, char ret_text[TIMELINE_TEXT_BYTES])
{
	const char *rule = get(event, "rule"), *layer = get(event, "layer");
	const char *parent = get(event, "parent_step_id");
	bool allowed = is(event, "decision", "allow");

	(void)snprintf(ret_text, TIMELINE_TEXT_BYTES, "%s%s%s%s%s%s%s%s",
	    allowed ? "" : layer, allowed || layer[0] == '\0' ? "" : ": ",
	    allowed ? "" : get(event, "reason"),
	    allowed || rule[0] == '\0' ? "" : " (", allowed ? "" : rule,
	    allowed || rule[0] == '\0' ? "" : ")",
	    parent[0] == '\0' ? ""
	    : allowed         ? "after step "
			      : ", after step ",
	    parent);
}

/* The columns before what stands under a step are left empty. */
static void
put_under(
    const struct story *story, const struct json_value *event, const char *what)
{
	put_columns(story, event, "", what);
}

static void
put_result(struct story *story, const struct json_value *event)
{
	const struct json_value *result = words_at(event, "result");
	bool unreported = is(event, "change", "unreported");
	const char *status = unreported ? "unreported" : get(result, "status");
	bool good = strcmp(status, "ok") == 0;
	int64_t ms = words_int(result, "duration_ms");

	put_under(story, event,
	    is(event, "change", "late_result") ? "\xe2\x94\x94 late result"
	    : is(event, "change", "conflicting_result")
		? "\xe2\x94\x94 other result"
		: "\xe2\x94\x94 result");
	put(story, good ? TONE_GOOD : TONE_BAD, status, 0);
	if (ms > 0) {
		(void)fprintf(story->out, "  in %" PRId64 " ms", ms);
	}
	if (words_get(result, "error_code") != NULL) {
		(void)fputs("  ", story->out);
		put(story, TONE_BAD, get(result, "error_code"), 0);
	}
	(void)fputc('\n', story->out);
	story->results += unreported ? 0 : 1;
	story->unreported += unreported ? 1 : 0;
}

/* What an approval_required asks for. */
static void
put_terms(const struct story *story, const struct json_value *event)
{
	const struct json_value *terms = words_at(event, "approval");
	char until[32], groups[128];

	if (terms == NULL) {
		return;
	}
	put_under(story, event, "\xe2\x94\x94 asks");
	put(story, TONE_PLAIN, get(terms, "id"), 0);
	for (const struct json_value *rule =
		 words_first(words_at(terms, "rules"));
	     rule != NULL; rule = json_next(rule)) {
		(void)fprintf(
		    story->out, "  %" PRId64 " of ", words_int(rule, "needed"));
		put(story, TONE_PLAIN,
		    words_join(
			words_at(rule, "groups"), groups, sizeof(groups)),
		    0);
	}
	(void)fputs("  until ", story->out);
	put(story, TONE_PLAIN, words_second(get(terms, "expires_at"), until),
	    0);
	(void)fputc('\n', story->out);
}

/* What was shown once: "/amount redacted by event 1049", "/note let go". */
static void
put_gone(const struct story *story, const struct json_value *event)
{
	const struct json_value *redacted = words_at(event, "redacted");

	for (const struct json_value *one = words_first(redacted); one != NULL;
	     one = json_next(one)) {
		put_under(story, event, "\xe2\x94\x94 shown");
		put(story, TONE_PLAIN, json_name(one), 0);
		(void)fprintf(story->out, " redacted by event %" PRId64 "\n",
		    words_int(redacted, json_name(one)));
	}
	for (const struct json_value *one =
		 words_first(words_at(event, "let_go"));
	     one != NULL; one = json_next(one)) {
		put_under(story, event, "\xe2\x94\x94 shown");
		put(story, TONE_PLAIN, json_string(one), 0);
		(void)fputs(" let go\n", story->out);
	}
}

/* What people may see of the arguments: "/amount 70". */
static void
put_shown(const struct story *story, const struct json_value *event)
{
	const struct json_value *opened = words_at(event, "opened");
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SHOWN_BYTES_MAX);

	for (const struct json_value *value = words_first(opened);
	     value != NULL; value = json_next(value)) {
		gk_buf_clear(&text);
		if (gk_buf_printf(&text, NULL, "%s ", json_name(value)) !=
			GK_OK ||
		    canon_print(value, &text, NULL) != GK_OK) {
			continue;
		}
		put_under(story, event, "\xe2\x94\x94 shown");
		put(story, TONE_PLAIN, gk_buf_text(&text), 0);
		(void)fputc('\n', story->out);
	}
	put_gone(story, event);
}

/* What rules in mode shadow would have said: "stop  rate_limit: too_many (new-limit)". */
static void
put_shadow(const struct story *story, const struct json_value *event)
{
	for (const struct json_value *one =
		 words_first(words_at(event, "shadow"));
	     one != NULL; one = json_next(one)) {
		char why[TIMELINE_TEXT_BYTES];

		(void)snprintf(why, sizeof(why), "%s: %s (%s)",
		    get(one, "layer"), get(one, "reason"), get(one, "rule"));
		put_under(story, event, "\xe2\x94\x94 shadow");
		put(story, TONE_DIM, get(one, "would"), VERDICT_WIDTH);
		put(story, TONE_DIM, why, 0);
		(void)fputc('\n', story->out);
	}
}

static void
count_decision(struct story *story, const char *decision)
{
	story->decisions[strcmp(decision, "allow") == 0               ? 0
			 : strcmp(decision, "approval_required") == 0 ? 2
								      : 1]++;
}

/* Does a result event belong to this decision? */
static bool
is_result_of(const struct json_value *event, const struct json_value *decision)
{
	const char *id = words_get(decision, "decision_id");

	return is(event, "kind", "result") && id != NULL &&
	       is(event, "decision_id", id);
}

static void
put_decision(struct story *story, const struct json_value *event)
{
	const char *decision = get(event, "decision");
	char why[TIMELINE_TEXT_BYTES];

	put_columns(story, event, get(event, "step_id"), get(event, "action"));
	print_why(event, why);
	put(story, tone_of(decision), decision,
	    why[0] != '\0' ? VERDICT_WIDTH : 0);
	put(story, TONE_PLAIN, why, 0);
	(void)fputc('\n', story->out);
	count_decision(story, decision);
	put_shadow(story, event);
	put_terms(story, event);
	put_shown(story, event);
	for (const struct json_value *other = json_next(event); other != NULL;
	     other = json_next(other)) {
		if (is_result_of(other, event)) {
			put_result(story, other);
		}
	}
}

/* "alice (finance) grants", "denied by bob", "used" */
static void
put_approval(const struct story *story, const struct json_value *event)
{
	const char *person = get(event, "person"),
		   *change = get(event, "change");
	bool vote = strcmp(change, "vote") == 0;
	bool good = vote ? words_true(event, "grant_vote")
			 : strcmp(change, "granted") == 0 ||
			       strcmp(change, "used") == 0;
	char groups[128], until[32];

	put_columns(
	    story, event, get(event, "step_id"), vote ? "vote" : "approval");
	put(story, good ? TONE_GOOD : TONE_BAD,
	    !vote  ? change
	    : good ? "grant"
		   : "deny",
	    VERDICT_WIDTH);
	if (person[0] != '\0' || words_get(event, "caller") != NULL) {
		(void)fputs("by ", story->out);
		put(story, TONE_PLAIN,
		    person[0] != '\0' ? person : get(event, "caller"), 0);
	}
	if (vote && words_first(words_at(event, "groups")) != NULL) {
		(void)fputs(" of ", story->out);
		put(story, TONE_PLAIN,
		    words_join(
			words_at(event, "groups"), groups, sizeof(groups)),
		    0);
	}
	if (words_get(event, "grant_until") != NULL) {
		(void)fputs("  until ", story->out);
		put(story, TONE_PLAIN,
		    words_second(get(event, "grant_until"), until), 0);
	}
	if (timeline_words(event) != NULL) {
		(void)fputs("  \"", story->out);
		put(story, TONE_PLAIN, timeline_words(event), 0);
		(void)fputc('"', story->out);
	}
	(void)fputc('\n', story->out);
}

/* Anything else that names the run: its end, violations. */
static void
put_other(struct story *story, const struct json_value *event)
{
	bool violation = is(event, "kind", "violation");

	put_columns(story, event, get(event, "step_id"),
	    violation ? "violation" : get(event, "kind"));
	put(story, violation ? TONE_BAD : TONE_DIM,
	    violation ? "a result for what was not allowed"
		      : get(event, "change"),
	    0);
	if (is(event, "kind", "redaction")) {
		(void)fprintf(story->out, "of event %" PRId64 " by ",
		    words_int(event, "of_seq"));
		put(story, TONE_PLAIN, get(event, "caller"), 0);
	}
	(void)fputc('\n', story->out);
	story->violations += violation ? 1 : 0;
}

/* Is this result told under its decision already? */
static bool
is_told(const struct story *story, const struct json_value *event)
{
	for (const struct json_value *other = words_first(story->events);
	     other != NULL && other != event; other = json_next(other)) {
		if (is(other, "kind", "decision") &&
		    is_result_of(event, other)) {
			return true;
		}
	}
	return false;
}

static void
put_event(struct story *story, const struct json_value *event)
{
	if (is(event, "kind", "decision")) {
		put_decision(story, event);
	} else if (is(event, "kind", "approval")) {
		put_approval(story, event);
	} else if (!is(event, "kind", "result")) {
		put_other(story, event);
	} else if (!is_told(story, event)) {
		put_result(story, event);
	}
}

static void
measure(struct story *story)
{
	story->start_us = time_of(words_first(story->events));
	story->action_width = strlen("late result") + 2;
	for (const struct json_value *event = words_first(story->events);
	     event != NULL; event = json_next(event)) {
		size_t step = table_width(get(event, "step_id"));
		size_t action = table_width(get(event, "action"));

		if (step > story->step_width && step <= STEP_WIDTH_MAX) {
			story->step_width = step;
		}
		if (action > story->action_width &&
		    action <= ACTION_WIDTH_MAX) {
			story->action_width = action;
		}
		story->end_us = time_of(event);
	}
}

/* "run_981 · tenant t_42 · agent support-agent · for u_7 · 2026-11-23 08:14:00 UTC" */
static void
put_title(const struct story *story, const char *run_id)
{
	const struct json_value *first = words_first(story->events);
	const struct {
		const char *before, *text;
	} parts[] = {
	    {" \xc2\xb7 tenant ", words_get(first, "tenant_id")},
	    {" \xc2\xb7 agent ", words_get(first, "agent_id")},
	    {" \xc2\xb7 for ", words_get(words_at(first, "actor"), "id")},
	    {" \xc2\xb7 under run ", words_get(first, "parent_run_id")},
	};
	char start[32];

	put(story, TONE_PLAIN, run_id, 0);
	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		if (parts[i].text != NULL) {
			(void)fputs(parts[i].before, story->out);
			put(story, TONE_PLAIN, parts[i].text, 0);
		}
	}
	(void)fputs(" \xc2\xb7 ", story->out);
	put(story, TONE_PLAIN, words_second(get(first, "timestamp"), start), 0);
	(void)fputs(" UTC\n\n", story->out);
}

static void
put_count(const struct story *story, size_t count, const char *what)
{
	if (count > 0) {
		(void)fprintf(story->out, " \xc2\xb7 %zu %s", count, what);
	}
}

static void
put_sum(const struct story *story)
{
	char elapsed[32];

	timeline_elapsed(story->end_us - story->start_us, elapsed);
	(void)fprintf(story->out, "\n%s", elapsed + 1);
	put_count(story, story->decisions[0], "allow");
	put_count(story, story->decisions[2], "approval_required");
	put_count(story, story->decisions[1], "stop");
	put_count(story, story->results, "reported");
	put_count(story, story->unreported, "unreported");
	put_count(story, story->violations, "violation");
	(void)fputc('\n', story->out);
}

void
timeline_print(
    const char *run_id, const struct json_value *events, bool colour, FILE *out)
{
	struct story story = {.events = events, .out = out, .colour = colour};

	if (words_first(events) == NULL) {
		table_print_safe(run_id, out);
		(void)fputs(": no events\n", out);
		return;
	}
	measure(&story);
	put_title(&story, run_id);
	for (const struct json_value *event = words_first(events);
	     event != NULL; event = json_next(event)) {
		put_event(&story, event);
	}
	put_sum(&story);
}
