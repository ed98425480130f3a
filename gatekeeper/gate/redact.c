/* What people may see in clear: chosen fields and people's own words, without what redact_fields names. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/canon.h"
#include "gate/gate_internal.h"

enum {
	SHOWN_MAX = 32, /* of arguments */
	WORDS_ROOM = 2,
	SHOWN_PATH_MAX = 256,
	SHOWN_VALUE_MAX = 16 << 10,
	WORDS_MAX = 4096,
};

static const char gone[] = "[redacted]";

bool
gate__is_redacted(const struct gate *gate, const char *name)
{
	for (size_t i = 0; i < gate->options.redact_count; i++) {
		if (strcasecmp(gate->options.redact_fields[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- patterns in text ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_mail(char c)
{
	return is_digit(c) || is_letter(c) ||
	       (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL) ||
	       (unsigned char)c >= 0x80;
}

/* Length of an e-mail address that begins at text; 0: none does. */
static size_t
mail_at(const char *text)
{
	size_t n = 0, at, dot = 0;

	while (is_mail(text[n])) {
		n++;
	}
	if (n == 0 || text[n] != '@') {
		return 0;
	}
	for (at = ++n;
	     is_digit(text[n]) || is_letter(text[n]) || text[n] == '-' ||
	     text[n] == '.' || (unsigned char)text[n] >= 0x80;
	     n++) {
		if (text[n] == '.') {
			dot = n;
		}
	}
	return dot > at && n > dot + 1 ? n : 0;
}

/* ISO/IEC 7812-1, annex B. */
static bool
luhn(const char *digits, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(digits[n - 1 - i] - '0');

		d = i % 2 == 1 ? d * 2 : d;
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* A run of digits with single separators among them. */
struct digits {
	char digit[24];
	size_t count;
	size_t n; /* characters, up to the last digit */
};

static void
digits_at(const char *text, const char *separators, struct digits *ret)
{
	size_t n = text[0] == '+' || text[0] == '(', gap = 0;

	ret->count = 0;
	ret->n = 0;
	for (; text[n] != '\0' && gap < 3; n++) {
		if (is_digit(text[n])) {
			if (ret->count == sizeof(ret->digit)) {
				ret->count = 0; /* too long to be either */
				return;
			}
			ret->digit[ret->count++] = text[n];
			ret->n = n + 1;
			gap = 0;
		} else if (strchr(separators, text[n]) != NULL) {
			gap++;
		} else {
			break;
		}
	}
}

/* The longest run of whole groups of digits that is a card number. */
static size_t
card_at(const char *text)
{
	char digit[19];
	size_t count = 0, best = 0;

	for (size_t n = 0; is_digit(text[n]) || text[n] == ' ' ||
			   text[n] == '-' || text[n] == '.';
	     n++) {
		if (!is_digit(text[n])) {
			continue;
		}
		if (count == sizeof(digit)) {
			break;
		}
		digit[count++] = text[n];
		if (count >= 13 && !is_digit(text[n + 1]) &&
		    luhn(digit, count)) {
			best = n + 1;
		}
	}
	return is_digit(text[0]) ? best : 0;
}

static size_t
phone_at(const char *text, bool free_text)
{
	struct digits found;

	digits_at(text, " -./()", &found);
	if (text[0] == '+') {
		return found.count >= 8 && found.count <= 15 ? found.n : 0;
	}
	return free_text && (is_digit(text[0]) || text[0] == '(') &&
		       found.count >= 9 && found.count <= 15
		   ? found.n
		   : 0;
}

/* How many characters at text must go; before is the character in front. */
static size_t
secret_at(
    const struct gate *gate, const char *text, char before, bool free_text)
{
	bool inside = is_digit(before) || is_letter(before);
	size_t n = 0;

	if (gate__is_redacted(gate, "email") && !is_mail(before)) {
		n = mail_at(text);
	}
	if (n == 0 && !inside && gate__is_redacted(gate, "card_number")) {
		n = card_at(text);
	}
	if (n == 0 && !inside && gate__is_redacted(gate, "phone")) {
		n = phone_at(text, free_text);
	}
	return n;
}

char *
gate__scrub(const struct gate *gate, const char *text, bool free_text,
    struct gk_arena *arena)
{
	size_t room = strlen(text), len = 0;
	/* what is found has at least 3 characters: "[redacted]" is at most 4 x as long */
	char *out = gk_arena_alloc(arena, 4 * room + sizeof(gone));
	char before = '\0';

	if (out == NULL) {
		return NULL;
	}
	while (*text != '\0') {
		size_t n = secret_at(gate, text, before, free_text);

		if (n > 0) {
			memcpy(out + len, gone, sizeof(gone) - 1);
			len += sizeof(gone) - 1;
		} else {
			n = 1;
			out[len++] = *text;
		}
		before = text[n - 1];
		text += n;
	}
	return out;
}

/* ---- values ---- */

static struct json_value *copy_value(const struct gate *gate,
    const struct json_value *value, struct gk_arena *arena);

/* The containers' part; NULL: memory ran out. */
static struct json_value *
copy_container(const struct gate *gate, const struct json_value *value,
    struct gk_arena *arena)
{
	bool object = json_type(value) == JSON_OBJECT;
	struct json_value *copy = object ? json_new_object() : json_new_array();
	const struct json_value *item;

	for (item = json_first(value); item != NULL && copy != NULL;
	     item = json_next(item)) {
		struct json_value *part;
		enum gk_rc rc;

		if (object && gate__is_redacted(gate, json_name(item))) {
			continue;
		}
		part = copy_value(gate, item, arena);
		rc = object ? json_set(copy, json_name(item), &part, NULL)
			    : json_append(copy, &part, NULL);
		if (rc != GK_OK) {
			json_freep(&copy);
		}
	}
	return copy;
}

static struct json_value *
copy_value(const struct gate *gate, const struct json_value *value,
    struct gk_arena *arena)
{
	const char *text = json_string(value);

	if (text != NULL) {
		text = gate__scrub(gate, text, false, arena);
		return text == NULL ? NULL : json_new_string(text);
	}
	if (json_type(value) == JSON_OBJECT || json_type(value) == JSON_ARRAY) {
		return copy_container(gate, value, arena);
	}
	return json_dup(value);
}

/* Is any segment of a JSON Pointer a redacted name? */
static bool
path_is_redacted(const struct gate *gate, const char *path)
{
	char segment[SHOWN_PATH_MAX + 1];
	size_t n = 0;

	for (const char *at = path;; at++) {
		if (*at == '/' || *at == '\0') {
			segment[n] = '\0';
			if (n > 0 && gate__is_redacted(gate, segment)) {
				return true;
			}
			n = 0;
			if (*at == '\0') {
				return false;
			}
		} else if (*at == '~' && (at[1] == '0' || at[1] == '1')) {
			segment[n++] = *++at == '0' ? '~' : '/';
		} else {
			segment[n++] = *at;
		}
	}
}

/* The event says too when the value goes: so that its absence is no riddle later. */
static enum gk_rc
add_until(struct gate_openings *ret, const char *path, int64_t forget_us,
    struct gk_arena *arena, struct gk_err *err)
{
	char *text = gk_arena_alloc(arena, GK_TIME_TEXT_BYTES);

	if (text == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "commitment");
	}
	gk_time_print(forget_us, text);
	ret->until[ret->until_count].name = path;
	ret->until[ret->until_count++].value = text;
	return GK_OK;
}

/* One more opening with a fresh salt. */
static enum gk_rc
add(struct gate_openings *ret, const char *path, const char *value,
    int64_t forget_us, struct gk_arena *arena, struct gk_err *err)
{
	struct opening *opening = &ret->openings[ret->count];
	char *commitment = gk_arena_alloc(arena, EVENT_COMMIT_BYTES);

	if (commitment == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "commitment");
	}
	digest_random(opening->salt, sizeof(opening->salt));
	opening->path = path;
	opening->value = value;
	opening->forget_us = forget_us;
	event_commit(path, opening->salt, value, commitment);
	ret->shown[ret->count].name = path;
	ret->shown[ret->count].value = commitment;
	ret->count++;
	return forget_us == 0 ? GK_OK
			      : add_until(ret, path, forget_us, arena, err);
}

static bool
is_shown(const struct gate_openings *shown, const char *path)
{
	for (size_t i = 0; i < shown->count; i++) {
		if (strcmp(shown->shown[i].name, path) == 0) {
			return true;
		}
	}
	return false;
}

struct show {
	const struct gate *gate;
	const struct json_value *args;
	struct gk_arena *arena;
	struct gate_openings *ret;
};

static enum gk_rc
show_path(const struct show *show, const char *path, int64_t forget_us,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SHOWN_VALUE_MAX);
	GK_AUTO(json_freep) struct json_value *copy = NULL;
	const struct json_value *value = json_at(show->args, path);
	const char *kept, *where;

	if (value == NULL || strlen(path) > SHOWN_PATH_MAX ||
	    show->ret->count == SHOWN_MAX || is_shown(show->ret, path) ||
	    path_is_redacted(show->gate, path)) {
		return GK_OK;
	}
	if (canon_print(value, &text, err) != GK_OK) {
		return GK_OK; /* too long to be read by people: it isn't shown */
	}
	gk_buf_clear(&text);
	text.cap *= 4; /* "[redacted]" may be longer than what it stands for */
	copy = copy_value(show->gate, value, show->arena);
	if (copy == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "shown value");
	}
	GK_TRY(canon_print(copy, &text, err));
	kept = gk_arena_strdup(show->arena, gk_buf_text(&text));
	where = gk_arena_strdup(show->arena, path);
	if (kept == NULL || where == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "shown value");
	}
	return add(show->ret, where, kept, forget_us, show->arena, err);
}

/* A field of show_fields: a JSON Pointer, or the name of a member of args. */
static enum gk_rc
show_field(const struct show *show, const char *field, struct gk_err *err)
{
	char path[SHOWN_PATH_MAX + 2] = "/";

	if (field[0] == '/') {
		return show_path(show, field, 0, err);
	}
	if (strlen(field) > SHOWN_PATH_MAX || strpbrk(field, "~/") != NULL) {
		return GK_OK;
	}
	memcpy(path + 1, field, strlen(field));
	return show_path(show, path, 0, err);
}

static int
by_name(const void *a, const void *b)
{
	const struct record_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static enum gk_rc
make_room(struct gk_arena *arena, size_t count, struct gate_openings *ret,
    struct gk_err *err)
{
	memset(ret, 0, sizeof(*ret));
	ret->shown = gk_arena_calloc(arena, count, sizeof(*ret->shown));
	ret->openings = gk_arena_calloc(arena, count, sizeof(*ret->openings));
	ret->until = gk_arena_calloc(arena, count, sizeof(*ret->until));
	return ret->shown == NULL || ret->openings == NULL || ret->until == NULL
		   ? GK_FAIL(err, GK_E_NOMEM, "shown values")
		   : GK_OK;
}

enum gk_rc
gate__show_actor(const char *actor_id, struct gk_arena *arena,
    struct gate_openings *ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SHOWN_VALUE_MAX);
	const char *kept;

	GK_TRY(canon_string(actor_id, &text, err));
	kept = gk_arena_strdup(arena, gk_buf_text(&text));
	if (kept == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "shown values");
	}
	if (ret->shown == NULL) {
		GK_TRY(make_room(arena, WORDS_ROOM, ret, err));
	}
	return add(ret, GATE_SHOWN_ACTOR, kept, 0, arena, err);
}

/* Approvers know on whose behalf; as long as what they see of the arguments, by the strictest rule. */
static enum gk_rc
show_whom(const struct show *show, const char *actor_id,
    const struct findings *findings, int64_t now_us, struct gk_err *err)
{
	struct opening *opening;
	int64_t after = 0;

	for (size_t i = 0; i < findings->approval_count; i++) {
		const struct approval_finding *found = &findings->approvals[i];

		if (!found->shadow && found->forget_after_us != 0 &&
		    (after == 0 || found->forget_after_us < after)) {
			after = found->forget_after_us;
		}
	}
	GK_TRY(gate__show_actor(actor_id, show->arena, show->ret, err));
	if (after == 0) {
		return GK_OK;
	}
	opening = &show->ret->openings[show->ret->count - 1];
	opening->forget_us = now_us + after;
	return add_until(
	    show->ret, opening->path, opening->forget_us, show->arena, err);
}

enum gk_rc
gate__show_args(const struct gate *gate, const struct decision_request *request,
    const struct findings *findings, int64_t now_us, struct gk_arena *arena,
    struct gate_openings *ret, struct gk_err *err)
{
	struct show show = {gate, request->args, arena, ret};
	bool asks = false;

	for (size_t i = 0; i < findings->approval_count; i++) {
		asks = asks || !findings->approvals[i].shadow;
	}
	if (!asks) {
		memset(ret, 0, sizeof(*ret));
		return GK_OK;
	}
	GK_TRY(make_room(arena, SHOWN_MAX + 1, ret, err));
	for (size_t i = 0; i < findings->approval_count; i++) {
		const struct approval_finding *found = &findings->approvals[i];
		int64_t forget = found->forget_after_us == 0
				     ? 0
				     : now_us + found->forget_after_us;

		for (size_t k = 0; k < found->show_count && !found->shadow;
		     k++) {
			GK_TRY(show_path(&show, found->show[k], forget, err));
		}
	}
	for (size_t i = 0; i < gate->options.show_count; i++) {
		GK_TRY(show_field(&show, gate->options.show_fields[i], err));
	}
	if (gate->options.pseudonymize_actors && request->actor != NULL) {
		GK_TRY(show_whom(
		    &show, request->actor->id, findings, now_us, err));
	}
	qsort(ret->shown, ret->count, sizeof(*ret->shown), by_name);
	qsort(ret->until, ret->until_count, sizeof(*ret->until), by_name);
	return GK_OK;
}

enum gk_rc
gate__show_words(const struct gate *gate, const char *path, const char *words,
    struct gk_arena *arena, struct gate_openings *ret, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(SHOWN_VALUE_MAX);
	const char *kept;

	memset(ret, 0, sizeof(*ret));
	if (words == NULL || words[0] == '\0') {
		return GK_OK;
	}
	if (strlen(words) > WORDS_MAX) {
		return GK_FAIL(
		    err, GK_E_INVALID, "at most %d bytes of text", WORDS_MAX);
	}
	words = gate__scrub(gate, words, true, arena);
	if (words == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "words");
	}
	GK_TRY(make_room(arena, WORDS_ROOM, ret, err));
	GK_TRY(canon_string(words, &text, err));
	kept = gk_arena_strdup(arena, gk_buf_text(&text));
	if (kept == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "words");
	}
	return add(ret, path, kept, 0, arena, err);
}
