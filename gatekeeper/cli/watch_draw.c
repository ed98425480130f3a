/* The screen of `gatekeeper watch`: who waits, what it is about, what was decided lately. */
#include <inttypes.h>
#include <string.h>

#include "cli/watch.h"
#include "cli/words.h"
#include "codec/canon.h"

enum { TEXT_BYTES = 512 };

static const struct json_value *
list_of(const struct watch *watch)
{
	return words_first(words_at(watch->pending.json, "approvals"));
}

size_t
watch_count(const struct watch *watch)
{
	const struct json_value *list =
	    words_at(watch->pending.json, "approvals");

	return list == NULL ? 0 : json_count(list);
}

const struct json_value *
watch_chosen(const struct watch *watch)
{
	for (const struct json_value *one = list_of(watch); one != NULL;
	     one = json_next(one)) {
		const char *id = words_get(one, "approval_id");

		if (id != NULL && strcmp(id, watch->chosen) == 0) {
			return one;
		}
	}
	return list_of(watch);
}

/* "29m", "45s", "over" */
static void
print_left(const struct json_value *one, char ret[32])
{
	const char *text = words_get(one, "expires_at");
	int64_t until = 0, s;

	(void)snprintf(ret, 32, "-");
	if (text == NULL || gk_time_parse(text, &until, NULL) != GK_OK) {
		return;
	}
	s = (until - gk_clock_system.wall_us(gk_clock_system.ctx)) /
	    GK_US_PER_S;
	if (s <= 0) {
		(void)snprintf(ret, 32, "over");
	} else if (s < 120) {
		(void)snprintf(ret, 32, "%" PRId64 "s left", s);
	} else if (s < 7200) {
		(void)snprintf(ret, 32, "%" PRId64 "m left", s / 60);
	} else {
		(void)snprintf(ret, 32, "%" PRId64 "h left", s / 3600);
	}
}

static const char *
or_dash(const char *text)
{
	return text == NULL ? "-" : text;
}

static void
put_pair(struct screen *screen, const char *name, const char *value)
{
	screen_look(screen, SCREEN_DIM);
	screen_put(screen, "    ");
	screen_put(screen, name);
	screen_put(screen, " ");
	screen_look(screen, SCREEN_PLAIN);
	screen_put(screen, value);
}

static void
draw_head(struct watch *watch)
{
	struct screen *screen = &watch->screen;
	char text[TEXT_BYTES];

	(void)snprintf(text, sizeof(text),
	    " gatekeeper  %s  %zu waiting for a person",
	    watch->trouble[0] == '\0' ? "live" : "NOT CONNECTED",
	    watch_count(watch));
	screen_look(screen, SCREEN_REVERSE);
	screen_put(screen, text);
	if (watch->trouble[0] != '\0') {
		screen_put(screen, "  ");
		screen_put(screen, watch->trouble);
	}
	screen_line(screen);
}

static void
draw_row(struct screen *screen, const struct json_value *one, bool chosen)
{
	char text[TEXT_BYTES], left[32];

	print_left(one, left);
	(void)snprintf(text, sizeof(text),
	    "%s %-6s %-22s %-16s %-10s %" PRId64 "/%" PRId64 "  %s",
	    chosen ? ">" : " ", or_dash(words_get(one, "risk")),
	    or_dash(words_get(one, "action")),
	    or_dash(words_get(one, "agent_id")),
	    or_dash(words_get(one, "tenant_id")), words_int(one, "granted"),
	    words_int(one, "needed"), left);
	screen_look(screen, chosen ? SCREEN_BOLD : SCREEN_PLAIN);
	screen_put(screen, text);
	screen_line(screen);
}

/* So that the chosen one is among the rows. */
static void
draw_list(struct watch *watch, int rows)
{
	const struct json_value *chosen = watch_chosen(watch);
	const struct json_value *from = list_of(watch), *at = from;
	int n = 0;

	if (from == NULL) {
		screen_look(&watch->screen, SCREEN_DIM);
		screen_put(&watch->screen, "  Nothing waits for a person.");
		screen_line(&watch->screen);
		return;
	}
	for (; at != NULL && at != chosen; at = json_next(at)) {
		if (++n >= rows) {
			from = json_next(from);
		}
	}
	for (n = 0; from != NULL && n < rows; n++, from = json_next(from)) {
		draw_row(&watch->screen, from, from == chosen);
	}
}

/* "reason (rule): groups" of each rule that asks. */
static void
draw_rules(struct screen *screen, const struct json_value *one, int *rows)
{
	for (const struct json_value *rule =
		 words_first(words_at(one, "rules"));
	     rule != NULL && *rows > 0; rule = json_next(rule), --*rows) {
		char text[TEXT_BYTES], groups[128];

		(void)snprintf(text, sizeof(text), "%s (%s), by %s",
		    or_dash(words_get(rule, "reason")),
		    or_dash(words_get(rule, "rule")),
		    words_join(
			words_at(rule, "groups"), groups, sizeof(groups)));
		put_pair(screen, "why", text);
		screen_line(screen);
	}
}

static void
draw_args(struct screen *screen, const struct json_value *one, int *rows)
{
	GK_AUTO(gk_buf_done) struct gk_buf value = GK_BUF_INIT(1u << 20);

	for (const struct json_value *arg = words_first(words_at(one, "shown"));
	     arg != NULL && *rows > 0; arg = json_next(arg), --*rows) {
		const char *text = json_string(arg);

		gk_buf_clear(&value);
		if (text == NULL && canon_print(arg, &value, NULL) == GK_OK) {
			text = gk_buf_text(&value);
		}
		put_pair(screen, or_dash(json_name(arg)), or_dash(text));
		screen_line(screen);
	}
}

static void
draw_detail(struct watch *watch, int rows)
{
	const struct json_value *one = watch_chosen(watch);
	struct screen *screen = &watch->screen;
	const char *whom = words_get(words_at(one, "shown"), "actor.id");
	char text[TEXT_BYTES];

	if (whom == NULL) { /* else the record has a pseudonym of it */
		whom = words_get(words_at(one, "actor"), "id");
	}
	if (one == NULL || rows <= 0) {
		return;
	}
	(void)snprintf(text, sizeof(text), "%s  step %s  for %s",
	    or_dash(words_get(one, "run_id")),
	    or_dash(words_get(one, "step_id")), or_dash(whom));
	put_pair(screen, "run", text);
	screen_line(screen);
	rows--;
	draw_rules(screen, one, &rows);
	if (rows > 0) {
		put_pair(screen, "before", watch->past);
		screen_line(screen);
		rows--;
	}
	draw_args(screen, one, &rows);
}

static void
draw_lines(struct watch *watch, int rows)
{
	size_t n =
	    watch->line_count < WATCH_LINES ? watch->line_count : WATCH_LINES;
	size_t shown = n < (size_t)rows ? n : (size_t)rows;

	for (size_t i = watch->line_count - shown; i < watch->line_count; i++) {
		screen_put(&watch->screen, watch->lines[i % WATCH_LINES]);
		screen_line(&watch->screen);
	}
}

/* The end of a text that may be longer than its room. */
static const char *
tail_of(const char *text, size_t columns)
{
	size_t n = strlen(text), from = n > columns ? n - columns : 0;

	while (from < n && ((unsigned char)text[from] & 0xc0) == 0x80) {
		from++;
	}
	return text + from;
}

static void
draw_foot(struct watch *watch)
{
	struct screen *screen = &watch->screen;
	const char *word = watch->grants ? "Grant" : "Deny";
	char text[WATCH_QUESTION_BYTES];
	size_t room = screen->columns > 24 ? (size_t)screen->columns - 24 : 1;

	screen_look(screen, SCREEN_BOLD);
	if (watch->mode == WATCH_COMMENT) {
		screen_put(screen, word);
		screen_put(screen, ", comment: ");
		screen_put(screen, tail_of(watch->comment, room));
		screen_put(screen, "_");
	} else if (watch->mode == WATCH_USES || watch->mode == WATCH_TTL ||
		   watch->mode == WATCH_AT_MOST) {
		watch_bound_question(watch, text);
		screen_put(screen, text);
		screen_put(screen, tail_of(watch->comment, room));
		screen_put(screen, "_");
	} else if (watch->mode == WATCH_CONFIRM) {
		screen_put(screen, word);
		if (watch->bound.is) {
			watch_bound_print(watch, text);
			screen_put(screen, " ");
			screen_put(screen, text);
		}
		screen_put(screen, "? y: yes, any other key: no. ");
		screen_put(screen, watch->voted_text);
	} else if (watch->say[0] != '\0') {
		screen_put(screen, watch->say);
	} else {
		screen_look(screen, SCREEN_DIM);
		screen_put(screen,
		    watch->votes
			? "up/down choose  g grant  b bound  d deny  q quit"
			: "up/down choose  q quit  (to vote: "
			  "--token-file of a person)");
	}
}

void
watch_draw(struct watch *watch)
{
	struct screen *screen = &watch->screen;
	int count = (int)watch_count(watch), most, list, detail;

	screen_begin(screen);
	draw_head(watch);
	most = screen_left(screen) - 1; /* the last line is the foot's */
	list = most / 3 > 0 ? most / 3 : 1;
	list = count < list ? (count > 0 ? count : 1) : list;
	if (most > 0) {
		draw_list(watch, list);
	}
	detail = (most - list) / 2;
	draw_detail(watch, detail);
	if (screen_left(screen) > 2) {
		screen_line(screen);
	}
	if (screen_left(screen) > 1) {
		draw_lines(watch, screen_left(screen) - 1);
	}
	while (screen_left(screen) > 1) {
		screen_line(screen);
	}
	draw_foot(watch);
	screen_end(screen);
}
