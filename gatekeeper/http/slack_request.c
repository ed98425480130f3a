/* Requests of Slack: the signature, the memory of those that were seen, the form and the JSON inside it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/digest.h"
#include "codec/json.h"
#include "http/slack_request.h"

enum {
	SEEN_MAX = 4096, /* of the same ten minutes */
	TIMESTAMP_DIGITS = 12,
	PAYLOAD_VALUES = 5000,
	PAYLOAD_DEPTH = 32,
};

struct seen {
	struct digest mac;
	int64_t until_s; /* 0: free */
};

struct secrets {
	char text[SLACK_SECRETS_MAX][SLACK_SECRET_BYTES];
	size_t count;
};

struct slack {
	struct secrets secrets;
	pthread_mutex_t lock; /* of all of it */
	struct seen seen[SEEN_MAX];
};

static enum gk_rc
read_secrets(struct secrets *secrets, const char *path, struct gk_err *err)
{
	char text[SLACK_SECRETS_MAX * SLACK_SECRET_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	int why = errno;
	char *at = text;

	if (fd >= 0) {
		(void)close(fd);
	}
	if (n < 0) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: %s", path, strerrordesc_np(why));
	}
	text[n] = '\0';
	while (*at != '\0' && secrets->count < SLACK_SECRETS_MAX) {
		size_t line = strcspn(at, " \t\r\n");

		if (line > 0 && line < SLACK_SECRET_BYTES) {
			memcpy(secrets->text[secrets->count++], at, line);
		}
		at += line;
		at += strspn(at, " \t\r\n");
	}
	digest_wipe(text, sizeof(text));
	return secrets->count > 0
		   ? GK_OK
		   : GK_FAIL(err, GK_E_INVALID, "%s: no secret in it", path);
}

enum gk_rc
slack_new(const char *path, struct slack **ret_slack, struct gk_err *err)
{
	struct slack *slack = calloc(1, sizeof(*slack));
	enum gk_rc rc;

	if (slack == NULL || pthread_mutex_init(&slack->lock, NULL) != 0) {
		free(slack);
		return GK_FAIL(err, GK_E_NOMEM, "no memory for Slack");
	}
	rc = read_secrets(&slack->secrets, path, err);
	if (rc != GK_OK) {
		slack_free(slack);
		return rc;
	}
	*ret_slack = slack;
	return GK_OK;
}

enum gk_rc
slack_reload(struct slack *slack, const char *path, struct gk_err *err)
{
	struct secrets fresh = {.count = 0};
	enum gk_rc rc = read_secrets(&fresh, path, err);

	if (rc == GK_OK) {
		pthread_mutex_lock(&slack->lock);
		slack->secrets = fresh;
		pthread_mutex_unlock(&slack->lock);
	}
	digest_wipe(&fresh, sizeof(fresh));
	return rc;
}

void
slack_free(struct slack *slack)
{
	if (slack != NULL) {
		digest_wipe(&slack->secrets, sizeof(slack->secrets));
		(void)pthread_mutex_destroy(&slack->lock);
		free(slack);
	}
}

/* ---- is it Slack? ---- */

static bool
parse_time(const char *text, int64_t *ret_s)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > TIMESTAMP_DIGITS || text[n] != '\0') {
		return false;
	}
	*ret_s = 0;
	for (size_t i = 0; i < n; i++) {
		*ret_s = *ret_s * 10 + (text[i] - '0');
	}
	return true;
}

/* Under any of the secrets; *ret_mac: what it was. */
static bool
is_signed(const struct slack *slack, const char *timestamp,
    const char *signature, const char *body, size_t n, struct digest *ret_mac)
{
	const struct digest_part parts[] = {
	    {"v0:", 3}, {timestamp, strlen(timestamp)}, {":", 1}, {body, n}};
	struct digest said;
	size_t said_n;
	bool found = false;

	if (strncmp(signature, "v0=", 3) != 0 ||
	    !digest_from_hex(
		signature + 3, said.bytes, sizeof(said.bytes), &said_n) ||
	    said_n != sizeof(said.bytes)) {
		return false;
	}
	for (size_t i = 0; i < slack->secrets.count; i++) {
		struct digest mac;

		digest_hmac_key(slack->secrets.text[i],
		    strlen(slack->secrets.text[i]), parts, GK_COUNT(parts),
		    &mac);
		if (digest_equal(mac.bytes, said.bytes, sizeof(mac.bytes))) {
			*ret_mac = mac;
			found = true;
		}
	}
	return found;
}

/* Under lock.  Nobody but Slack fills it; when it is full, nothing more is believed. */
static enum slack_verdict
remember(struct slack *slack, const struct digest *mac, int64_t now_s)
{
	struct seen *room = NULL;

	for (size_t i = 0; i < SEEN_MAX; i++) {
		struct seen *seen = &slack->seen[i];

		if (seen->until_s > now_s && memcmp(seen->mac.bytes, mac->bytes,
						 sizeof(mac->bytes)) == 0) {
			return SLACK_REPLAYED;
		}
		if (seen->until_s <= now_s && room == NULL) {
			room = seen;
		}
	}
	if (room == NULL) {
		return SLACK_CROWDED;
	}
	*room = (struct seen){*mac, now_s + INT64_C(2) * SLACK_WINDOW_S + 1};
	return SLACK_FINE;
}

enum slack_verdict
slack_verify(struct slack *slack, const char *timestamp, const char *signature,
    const char *body, size_t n, int64_t now_s)
{
	enum slack_verdict verdict;
	struct digest mac;
	int64_t at_s;

	if (timestamp == NULL || signature == NULL ||
	    !parse_time(timestamp, &at_s)) {
		return SLACK_FORGED;
	}
	pthread_mutex_lock(&slack->lock);
	if (!is_signed(slack, timestamp, signature, body, n, &mac)) {
		verdict = SLACK_FORGED;
	} else if (at_s < now_s - SLACK_WINDOW_S ||
		   at_s > now_s + SLACK_WINDOW_S) {
		verdict = SLACK_STALE;
	} else {
		verdict = remember(slack, &mac, now_s);
	}
	pthread_mutex_unlock(&slack->lock);
	return verdict;
}

/* ---- what does it say? ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode one value of a form in place; false: a '%' without two digits. */
static bool
decode(char *text, size_t n, size_t *ret_n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < n ? hex(text[i + 1]) : -1;
			int low = i + 2 < n ? hex(text[i + 2]) : -1;

			if (high < 0 || low < 0) {
				return false;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		text[to++] = c;
	}
	*ret_n = to;
	return true;
}

/* The one field "payload", decoded; nothing else is looked at. */
static enum gk_rc
find_payload(const char *body, size_t n, struct gk_arena *arena, char **ret,
    size_t *ret_n, struct gk_err *err)
{
	static const char name[] = "payload=";
	const char *at = body, *end = body + n;

	*ret = NULL;
	while (at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at));
		size_t piece = (size_t)((amp == NULL ? end : amp) - at);

		if (piece >= sizeof(name) - 1 &&
		    memcmp(at, name, sizeof(name) - 1) == 0) {
			if (*ret != NULL) {
				return GK_FAIL(err, GK_E_INVALID,
				    "payload is there twice");
			}
			piece -= sizeof(name) - 1;
			*ret = gk_arena_alloc(arena, piece + 1);
			if (*ret == NULL) {
				return GK_FAIL(
				    err, GK_E_NOMEM, "memory ran out");
			}
			memcpy(*ret, at + sizeof(name) - 1, piece);
			if (!decode(*ret, piece, ret_n)) {
				return GK_FAIL(err, GK_E_INVALID,
				    "payload isn't a form's value");
			}
		}
		at = amp == NULL ? end : amp + 1;
	}
	return *ret != NULL ? GK_OK
			    : GK_FAIL(err, GK_E_INVALID, "there is no payload");
}

/* Letters, digits and '_': what ids of Slack and of approvals are made of. */
static bool
is_id(const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	return n > 0 && n <= 64 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

/* The text of a member of what may not be there; NULL: none. */
static const char *
text_at(const struct json_value *object, const char *name)
{
	return object == NULL ? NULL : json_string(json_get(object, name));
}

static enum gk_rc
read_press(const struct json_value *json, struct gk_arena *arena,
    struct slack_press *ret, struct gk_err *err)
{
	const struct json_value *actions = json_get(json, "actions");
	const struct json_value *one = json_first(actions);
	const char *type = text_at(json, "type");
	const char *user = text_at(json_get(json, "user"), "id");
	const char *team = text_at(json_get(json, "team"), "id");
	const char *action = text_at(one, "action_id");
	const char *value = text_at(one, "value");
	const char *url = text_at(json, "response_url");
	struct slack_press press = {.response_url = NULL};

	if (type == NULL || strcmp(type, "block_actions") != 0 ||
	    json_count(actions) != 1 || action == NULL || !is_id(user) ||
	    !is_id(value) || (team != NULL && !is_id(team)) ||
	    (strcmp(action, "gatekeeper_grant") != 0 &&
		strcmp(action, "gatekeeper_deny") != 0)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "that is no press of a button of ours");
	}
	press.grants = strcmp(action, "gatekeeper_grant") == 0;
	press.user = gk_arena_strdup(arena, user);
	press.team = gk_arena_strdup(arena, team != NULL ? team : "");
	press.approval_id = gk_arena_strdup(arena, value);
	if (url != NULL && strlen(url) < 512) {
		press.response_url = gk_arena_strdup(arena, url);
	}
	if (press.user == NULL || press.team == NULL ||
	    press.approval_id == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "memory ran out");
	}
	*ret = press;
	return GK_OK;
}

enum gk_rc
slack_parse(const char *body, size_t n, struct gk_arena *arena,
    struct slack_press *ret, struct gk_err *err)
{
	GK_AUTO(json_freep) struct json_value *json = NULL;
	struct json_limits limits = {0, PAYLOAD_DEPTH, PAYLOAD_VALUES};
	char *payload;
	size_t payload_n = 0;

	GK_TRY(find_payload(body, n, arena, &payload, &payload_n, err));
	limits.bytes = payload_n;
	GK_TRY(json_parse(payload, payload_n, &limits, &json, err));
	return read_press(json, arena, ret, err);
}
