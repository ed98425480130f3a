/* What waits for a person, and the keys that choose, grant and deny. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/watch.h"
#include "cli/words.h"

const struct json_limits watch_limits = {SSE_DATA_MAX, 128, 1000000};

/* ---- what waits for a person ---- */

static enum gk_rc
ask_pending(struct watch *watch, struct answer *answer, struct gk_err *err)
{
	struct ask ask = {.verb = GATE_APPROVALS};

	*answer = (struct answer){.text = GK_BUF_INIT(ASK_TEXT_MAX)};
	ask_param(&ask, "status", "pending");
	ask_param(&ask, "order", "risk");
	GK_TRY(session_send(&watch->session, &ask, answer, err));
	return json_parse(gk_buf_text(&answer->text), answer->text.len,
	    &watch_limits, &answer->json, err);
}

void
watch_refresh(struct watch *watch)
{
	struct answer answer = {0};
	struct gk_err err = {0};

	watch->stale = false;
	if (ask_pending(watch, &answer, &err) != GK_OK ||
	    answer.status != 200) {
		answer_done(&answer); /* the stream says what is wrong */
		return;
	}
	answer_done(&watch->pending);
	watch->pending = answer;
	watch->past_of[0] = '\0';
}

/* "steps: 3, stopped: 1, VIOLATIONS: 1; since it asked VIOLATIONS: 1" */
static void
print_past(struct watch *watch, const struct json_value *history)
{
	static const char *const names[][2] = {{"stop", "stopped"},
	    {"errors", "failed"}, {"unreported", "unreported"},
	    {"violations", "VIOLATIONS"}};
	const struct json_value *totals = words_at(history, "totals");
	int64_t steps = words_int(totals, "steps");
	int64_t since = words_int(words_at(history, "after"), "violations");
	size_t room = sizeof(watch->past), n;

	n = (size_t)snprintf(watch->past, room, "steps: %s%" PRId64,
	    words_true(history, "complete") ? "" : "more than ", steps);
	if (steps == 0 && words_true(history, "complete")) {
		n = (size_t)snprintf(
		    watch->past, room, "first step of this run");
	}
	for (size_t i = 0; i < GK_COUNT(names) && n < room; i++) {
		int64_t count = words_int(totals, names[i][0]);

		if (count > 0) {
			n += (size_t)snprintf(watch->past + n, room - n,
			    ", %s: %" PRId64, names[i][1], count);
		}
	}
	if (since > 0 && n < room) {
		(void)snprintf(watch->past + n, room - n,
		    "; since it asked VIOLATIONS: %" PRId64, since);
	}
}

void
watch_look_back(struct watch *watch)
{
	const struct json_value *one = watch_chosen(watch);
	struct ask ask = {.verb = GATE_APPROVAL_HISTORY,
	    .target = words_get(one, "approval_id")};
	struct answer answer = {.text = GK_BUF_INIT(ASK_TEXT_MAX)};

	if (ask.target == NULL || strcmp(ask.target, watch->past_of) == 0) {
		return;
	}
	watch_copy(watch->past_of, sizeof(watch->past_of), ask.target);
	watch_copy(watch->past, sizeof(watch->past), "can't be told");
	if (session_send(&watch->session, &ask, &answer, NULL) == GK_OK &&
	    answer.status == 200 &&
	    json_parse(gk_buf_text(&answer.text), answer.text.len,
		&watch_limits, &answer.json, NULL) == GK_OK) {
		print_past(watch, answer.json);
	}
	answer_done(&answer);
}

/* ---- votes ---- */

static void
begin_vote(struct watch *watch, bool grants)
{
	const struct json_value *one = watch_chosen(watch);

	watch->say[0] = '\0';
	if (one == NULL || !watch->votes) {
		watch_copy(watch->say, sizeof(watch->say),
		    one == NULL ? "nothing waits"
				: "a person's token is needed to vote: "
				  "--token-file FILE, or GATEKEEPER_TOKEN");
		return;
	}
	watch_copy(
	    watch->voted, sizeof(watch->voted), words_get(one, "approval_id"));
	watch_copy(watch->chosen, sizeof(watch->chosen), watch->voted);
	(void)snprintf(watch->voted_text, sizeof(watch->voted_text),
	    "%.48s for %.32s, run %.40s", words_get(one, "action"),
	    words_get(one, "agent_id"), words_get(one, "run_id"));
	watch->grants = grants;
	watch->bound.is = false;
	watch->comment_n = 0;
	watch->comment[0] = '\0';
	watch->mode = WATCH_COMMENT;
}

static void
cast_vote(struct watch *watch)
{
	GK_AUTO(json_freep) struct json_value *body = json_new_object();
	struct answer answer = {.text = GK_BUF_INIT(ASK_TEXT_MAX)};
	struct ask ask = {
	    .verb = watch->grants ? GATE_APPROVAL_GRANT : GATE_APPROVAL_DENY,
	    .target = watch->voted,
	    .body = body};
	const char *word = watch->grants ? "granted" : "denied";
	struct gk_err err = {0};
	const char *text;

	if (body == NULL ||
	    (watch->bound.is && !watch_bound_set(&watch->bound, body)) ||
	    (watch->comment_n > 0 &&
		!words_set(body, "comment", watch->comment))) {
		watch_copy(watch->say, sizeof(watch->say),
		    "not sent: the comment is no text");
		return;
	}
	if (session_send(&watch->session, &ask, &answer, &err) != GK_OK) {
		(void)snprintf(watch->say, sizeof(watch->say),
		    "not known whether it arrived: %.150s", err.text);
	} else {
		text = json_parse(gk_buf_text(&answer.text), answer.text.len,
			   &watch_limits, &answer.json, NULL) == GK_OK
			   ? words_get(answer.json, "detail")
			   : NULL;
		(void)snprintf(watch->say, sizeof(watch->say), "%s: %s",
		    answer.status == 200 ? word : "refused",
		    answer.status == 200 ? watch->voted_text
		    : text != NULL       ? text
					 : "no reason was given");
	}
	answer_done(&answer);
	watch->stale = true;
}

/* ---- keys ---- */

static void
choose(struct watch *watch, int step)
{
	const struct json_value *chosen = watch_chosen(watch), *before = NULL;
	const struct json_value *at =
	    words_first(words_at(watch->pending.json, "approvals"));

	watch->say[0] = '\0';
	while (at != NULL && at != chosen) {
		before = at;
		at = json_next(at);
	}
	at = step < 0 ? before : at == NULL ? NULL : json_next(at);
	if (at != NULL) {
		watch_copy(watch->chosen, sizeof(watch->chosen),
		    words_get(at, "approval_id"));
	}
}

static void
browse_text(struct watch *watch, char c)
{
	switch (c) {
	case 'q':
		watch->ends = CLI_FINE;
		break;
	case 'k':
		choose(watch, -1);
		break;
	case 'j':
		choose(watch, 1);
		break;
	case 'g':
	case 'd':
		begin_vote(watch, c == 'g');
		break;
	case 'b':
		begin_vote(watch, true);
		if (watch->mode == WATCH_COMMENT) {
			(void)watch_bound_begin(watch, watch_chosen(watch));
		}
		break;
	case 'r':
		watch->stale = true;
		break;
	default:
		break;
	}
}

static void
erase_last(struct watch *watch)
{
	while (watch->comment_n > 0 &&
	       ((unsigned char)watch->comment[--watch->comment_n] & 0xc0) ==
		   0x80) {
	}
	watch->comment[watch->comment_n] = '\0';
}

static void
type_text(struct watch *watch, const char *text, size_t n)
{
	if (watch->comment_n + n < sizeof(watch->comment)) {
		memcpy(watch->comment + watch->comment_n, text, n);
		watch->comment_n += n;
		watch->comment[watch->comment_n] = '\0';
	}
}

static void
comment_key(
    struct watch *watch, enum screen_key key, const char *text, size_t n)
{
	if (key == SCREEN_TEXT) {
		type_text(watch, text, n);
	} else if (key == SCREEN_ERASE) {
		erase_last(watch);
	} else if (key == SCREEN_ESCAPE) {
		watch->mode = WATCH_BROWSE;
	} else if (key == SCREEN_ENTER && watch->mode != WATCH_COMMENT) {
		watch_bound_enter(watch);
		screen_flush_keys(&watch->screen);
	} else if (key == SCREEN_ENTER) {
		watch->mode = WATCH_CONFIRM;
		screen_flush_keys(&watch->screen);
	}
}

static void
confirm_key(
    struct watch *watch, enum screen_key key, const char *text, size_t n)
{
	watch->mode = WATCH_BROWSE;
	if (key == SCREEN_TEXT && n == 1 && text[0] == 'y') {
		cast_vote(watch);
	} else {
		watch_copy(watch->say, sizeof(watch->say), "nothing was done");
	}
}

static void
take_key(struct watch *watch, enum screen_key key, const char *text, size_t n)
{
	if (key == SCREEN_INTERRUPT) {
		watch->ends = CLI_FINE;
	} else if (key == SCREEN_SUSPEND) {
		screen_suspend(&watch->screen);
	} else if (key == SCREEN_REDRAW || key == SCREEN_NONE) {
		return; /* it is drawn anyway */
	} else if (watch->mode >= WATCH_USES && watch->mode <= WATCH_COMMENT) {
		comment_key(watch, key, text, n);
	} else if (watch->mode == WATCH_CONFIRM) {
		confirm_key(watch, key, text, n);
	} else if (key == SCREEN_UP || key == SCREEN_DOWN) {
		choose(watch, key == SCREEN_UP ? -1 : 1);
	} else if (key == SCREEN_TEXT) {
		browse_text(watch, text[0]);
	}
}

/* What was typed ahead of a question isn't its answer. */
void
watch_read_keys(struct watch *watch)
{
	char bytes[256];
	ssize_t n = read(watch->screen.in, bytes, sizeof(bytes));
	size_t at = 0;

	if (n <= 0) {
		watch->ends = errno == EINTR && n < 0 ? -1 : CLI_FINE;
		return;
	}
	while (at < (size_t)n && watch->ends < 0) {
		enum watch_mode mode = watch->mode;
		enum screen_key key;
		size_t used = screen_key(bytes + at, (size_t)n - at, &key);

		take_key(watch, key, bytes + at, used);
		at += used;
		if (watch->mode != mode) {
			return;
		}
	}
}
