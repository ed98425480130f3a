/* A bounded grant from the keyboard of `gatekeeper watch`: how often, for how long, and up to which numbers. */
#include <inttypes.h>
#include <string.h>

#include "cli/watch.h"
#include "cli/words.h"
#include "codec/canon.h"

static const struct json_limits number_limits = {WATCH_VALUE_BYTES, 1, 1};

static bool
is_pinned(const struct json_value *bounded, const char *path)
{
	for (const struct json_value *pin =
		 words_first(words_at(bounded, "pins"));
	     pin != NULL; pin = json_next(pin)) {
		const char *text = json_string(pin);

		if (text != NULL && strcmp(text, path) == 0) {
			return true;
		}
	}
	return false;
}

/* A number that is shown and may vary; false: there are more than fit. */
static bool
add_argument(
    struct watch_bound *bound, const char *path, const struct json_value *value)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(WATCH_VALUE_BYTES - 1);
	struct watch_limit *limit = &bound->limits[bound->count];

	if (bound->count == WATCH_LIMITS ||
	    strlen(path) >= sizeof(limit->path) ||
	    canon_print(value, &text, NULL) != GK_OK) {
		return false;
	}
	watch_copy(limit->path, sizeof(limit->path), path);
	watch_copy(limit->value, sizeof(limit->value), gk_buf_text(&text));
	bound->count++;
	return true;
}

/* What the approval allows; NULL: fine, else why there is no bounded grant. */
static const char *
take_ceiling(struct watch_bound *bound, const struct json_value *one)
{
	const struct json_value *bounded = words_at(one, "bounded");

	*bound = (struct watch_bound){.is = true};
	if (json_type(bounded) != JSON_OBJECT) {
		return "a rule that asks allows no bounded grant: g grants "
		       "once";
	}
	bound->max_uses = words_int(bounded, "max_uses");
	bound->max_ttl_s = words_int(bounded, "max_ttl_ms") / 1000;
	for (const struct json_value *arg = words_first(words_at(one, "shown"));
	     arg != NULL; arg = json_next(arg)) {
		const char *path = json_name(arg);

		if (json_type(arg) == JSON_NUMBER && path != NULL &&
		    !is_pinned(bounded, path) &&
		    !add_argument(bound, path, arg)) {
			return "it shows too many numbers: use `gatekeeper "
			       "approvals grant`, or the console";
		}
	}
	return NULL;
}

bool
watch_bound_begin(struct watch *watch, const struct json_value *one)
{
	const char *why = take_ceiling(&watch->bound, one);

	if (why != NULL) {
		watch_copy(watch->say, sizeof(watch->say), why);
		watch->bound.is = false;
		watch->mode = WATCH_BROWSE;
		return false;
	}
	watch->mode = WATCH_USES;
	return true;
}

void
watch_bound_question(const struct watch *watch, char ret[WATCH_QUESTION_BYTES])
{
	const struct watch_bound *bound = &watch->bound;
	const struct watch_limit *limit = &bound->limits[bound->asked];

	if (watch->mode == WATCH_USES) {
		(void)snprintf(ret, WATCH_QUESTION_BYTES,
		    "How often (Enter: %" PRId64 "): ", bound->max_uses);
	} else if (watch->mode == WATCH_TTL) {
		(void)snprintf(ret, WATCH_QUESTION_BYTES,
		    "For how long (Enter: %" PRId64 "s): ", bound->max_ttl_s);
	} else {
		(void)snprintf(ret, WATCH_QUESTION_BYTES,
		    "%.60s at most (Enter: %s): ", limit->path, limit->value);
	}
}

/* Of JSON; NULL: it is none. */
static struct json_value *
number_of(const char *text)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;

	return json_parse(text, strlen(text), &number_limits, &value, NULL) ==
			   GK_OK &&
		       json_type(value) == JSON_NUMBER
		   ? GK_TAKE(value)
		   : NULL;
}

static bool
is_count(const char *text, int64_t most)
{
	int64_t count = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9' || count > most) {
			return false;
		}
		count = count * 10 + (text[i] - '0');
	}
	return count >= 1 && count <= most;
}

/* Is it a duration as the API has them, and not longer than may be? */
static bool
is_duration(const char *text, int64_t most_s)
{
	int64_t us;

	return gk_duration_parse(text, &us, NULL) == GK_OK && us > 0 &&
	       us / GK_US_PER_S <= most_s;
}

/* Keep the answer to the question that is open; false: it makes no sense. */
static bool
keep_answer(struct watch *watch, const char *text)
{
	struct watch_bound *bound = &watch->bound;
	struct watch_limit *limit = &bound->limits[bound->asked];

	if (watch->mode == WATCH_USES) {
		if (text[0] == '\0') {
			(void)snprintf(bound->uses, sizeof(bound->uses),
			    "%" PRId64, bound->max_uses);
			return true;
		}
		watch_copy(bound->uses, sizeof(bound->uses), text);
		return strlen(text) < sizeof(bound->uses) &&
		       is_count(text, bound->max_uses);
	}
	if (watch->mode == WATCH_TTL) {
		if (text[0] == '\0') {
			(void)snprintf(bound->ttl, sizeof(bound->ttl),
			    "%" PRId64 "s", bound->max_ttl_s);
			return true;
		}
		watch_copy(bound->ttl, sizeof(bound->ttl), text);
		return strlen(text) < sizeof(bound->ttl) &&
		       is_duration(text, bound->max_ttl_s);
	}
	if (text[0] != '\0') {
		GK_AUTO(json_freep) struct json_value *number = NULL;

		if (strlen(text) >= sizeof(limit->value)) {
			return false;
		}
		number = number_of(text);
		watch_copy(limit->value, sizeof(limit->value), text);
		return number != NULL;
	}
	return true;
}

/* Enter: the next question, or the comment. */
void
watch_bound_enter(struct watch *watch)
{
	struct watch_bound *bound = &watch->bound;

	if (!keep_answer(watch, watch->comment)) {
		watch_copy(watch->say, sizeof(watch->say),
		    "nothing was done: that isn't how far it may go");
		watch->mode = WATCH_BROWSE;
		return;
	}
	if (watch->mode == WATCH_USES) {
		watch->mode = WATCH_TTL;
	} else if (watch->mode == WATCH_TTL) {
		watch->mode = bound->count > 0 ? WATCH_AT_MOST : WATCH_COMMENT;
	} else if (++bound->asked >= bound->count) {
		watch->mode = WATCH_COMMENT;
	}
	watch->comment_n = 0;
	watch->comment[0] = '\0';
}

void
watch_bound_print(const struct watch *watch, char ret[WATCH_QUESTION_BYTES])
{
	const struct watch_bound *bound = &watch->bound;
	size_t n = (size_t)snprintf(ret, WATCH_QUESTION_BYTES,
	    "%s times within %s", bound->uses, bound->ttl);

	for (size_t i = 0; i < bound->count && n < WATCH_QUESTION_BYTES; i++) {
		n += (size_t)snprintf(ret + n, WATCH_QUESTION_BYTES - n,
		    ", %.60s at most %s", bound->limits[i].path,
		    bound->limits[i].value);
	}
}

bool
watch_bound_set(const struct watch_bound *bound, struct json_value *body)
{
	GK_AUTO(json_freep) struct json_value *bounded = json_new_object();
	GK_AUTO(json_freep) struct json_value *all = json_new_object();
	GK_AUTO(json_freep) struct json_value *uses = number_of(bound->uses);

	if (bounded == NULL || all == NULL || uses == NULL) {
		return false;
	}
	for (size_t i = 0; i < bound->count; i++) {
		GK_AUTO(json_freep)
		struct json_value *number = number_of(bound->limits[i].value);

		if (number == NULL || json_set(all, bound->limits[i].path,
					  &number, NULL) != GK_OK) {
			return false;
		}
	}
	return json_set(bounded, "uses", &uses, NULL) == GK_OK &&
	       json_set(bounded, "at_most", &all, NULL) == GK_OK &&
	       json_set(body, "bounded", &bounded, NULL) == GK_OK &&
	       words_set(body, "valid_for", bound->ttl);
}
