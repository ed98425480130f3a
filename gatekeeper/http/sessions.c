/* The table of sessions: found by the hash of the cookie's value, swept when they are over. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "codec/digest.h"
#include "http/sessions.h"

struct entry {
	struct digest key; /* of the cookie's value */
	struct session session;
};

struct sessions {
	int64_t idle_us, life_us;
	pthread_mutex_t lock;
	struct gk_map map; /* key → struct entry, under lock */
};

struct sessions *
sessions_new(int64_t idle_us, int64_t life_us)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	GK_ASSERT(idle_us > 0 && life_us > 0);
	if (sessions != NULL) {
		sessions->idle_us = idle_us;
		sessions->life_us = life_us;
		(void)pthread_mutex_init(&sessions->lock, NULL);
	}
	return sessions;
}

static void
entry_free(struct entry *entry)
{
	digest_wipe(entry, sizeof(*entry));
	free(entry);
}

void
sessions_free(struct sessions *sessions)
{
	struct entry *entry;
	size_t at = 0;

	if (sessions == NULL) {
		return;
	}
	while ((entry = gk_map_next(&sessions->map, &at)) != NULL) {
		entry_free(entry);
	}
	gk_map_done(&sessions->map);
	(void)pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

int64_t
sessions_end_us(const struct sessions *sessions, const struct session *session)
{
	int64_t idle = session->used_us + sessions->idle_us;
	int64_t life = session->opened_us + sessions->life_us;

	if (session->ends_us != 0 && session->ends_us < life) {
		life = session->ends_us;
	}
	return idle < life ? idle : life;
}

static void
key_of(const char *value, size_t n, struct digest *ret)
{
	digest_sha256(&(struct digest_part){value, n}, 1, ret);
}

static void
drop(struct sessions *sessions, struct entry *entry)
{
	(void)gk_map_remove(&sessions->map, &entry->key, sizeof(entry->key));
	entry_free(entry);
}

/* An entry that is over; NULL: none. */
static struct entry *
find_over(const struct sessions *sessions, int64_t now_us)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = gk_map_next(&sessions->map, &at)) != NULL) {
		if (sessions_end_us(sessions, &entry->session) <= now_us) {
			return entry;
		}
	}
	return NULL;
}

/* The entry of an identity that was idle longest, where it has all that it may have. */
static struct entry *
find_spare(const struct sessions *sessions, const char *identity)
{
	struct entry *entry, *oldest = NULL;
	size_t at = 0, count = 0;

	while ((entry = gk_map_next(&sessions->map, &at)) != NULL) {
		if (strcmp(entry->session.identity, identity) != 0) {
			continue;
		}
		count++;
		if (oldest == NULL ||
		    entry->session.used_us < oldest->session.used_us) {
			oldest = entry;
		}
	}
	return count >= SESSIONS_EACH ? oldest : NULL;
}

static void
make_room(struct sessions *sessions, const char *identity, int64_t now_us)
{
	struct entry *entry;

	while ((entry = find_over(sessions, now_us)) != NULL) {
		drop(sessions, entry);
	}
	entry = find_spare(sessions, identity);
	if (entry != NULL) {
		drop(sessions, entry);
	}
}

static void
random_text(char ret[SESSION_TEXT_BYTES])
{
	uint8_t bytes[DIGEST_BYTES];

	digest_random(bytes, sizeof(bytes));
	(void)digest_b64url(bytes, sizeof(bytes), ret);
	digest_wipe(bytes, sizeof(bytes));
}

static void
copy_text(char *ret, size_t room, const char *text)
{
	size_t n = strlen(text);

	GK_ASSERT(n < room);
	memcpy(ret, text, n + 1);
}

static enum gk_rc
add(struct sessions *sessions, struct entry *entry, struct gk_err *err)
{
	enum gk_rc rc;

	(void)pthread_mutex_lock(&sessions->lock);
	make_room(sessions, entry->session.identity, entry->session.used_us);
	rc = sessions->map.count >= SESSIONS_MAX
		 ? GK_FAIL(err, GK_E_LIMIT, "too many sessions are open")
		 : gk_map_set(&sessions->map, &entry->key, sizeof(entry->key),
		       entry, err);
	(void)pthread_mutex_unlock(&sessions->lock);
	return rc;
}

enum gk_rc
sessions_open(struct sessions *sessions, const char *identity,
    const char *token_hash, int64_t now_us, int64_t ends_us,
    char ret_value[SESSION_TEXT_BYTES], struct session *ret, struct gk_err *err)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	struct session *session;
	char value[SESSION_TEXT_BYTES];
	enum gk_rc rc;

	if (entry == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a session");
	}
	session = &entry->session;
	copy_text(session->identity, sizeof(session->identity), identity);
	copy_text(session->token_hash, sizeof(session->token_hash), token_hash);
	random_text(session->csrf);
	session->opened_us = now_us;
	session->used_us = now_us;
	session->ends_us = ends_us;
	random_text(value);
	key_of(value, strlen(value), &entry->key);
	*ret = *session;
	rc = add(sessions, entry, err);
	if (rc != GK_OK) {
		entry_free(entry);
		return rc;
	}
	memcpy(ret_value, value, sizeof(value));
	digest_wipe(value, sizeof(value));
	return GK_OK;
}

bool
sessions_find(struct sessions *sessions, const char *value, size_t n,
    int64_t now_us, struct session *ret)
{
	struct digest key;
	struct entry *entry;
	bool alive;

	key_of(value, n, &key);
	(void)pthread_mutex_lock(&sessions->lock);
	entry = gk_map_get(&sessions->map, &key, sizeof(key));
	alive = entry != NULL &&
		sessions_end_us(sessions, &entry->session) > now_us;
	if (alive) {
		entry->session.used_us = now_us;
		*ret = entry->session;
	} else if (entry != NULL) {
		drop(sessions, entry);
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return alive;
}

bool
sessions_lives(
    struct sessions *sessions, const char *value, size_t n, int64_t now_us)
{
	const struct entry *entry;
	struct digest key;
	bool lives;

	key_of(value, n, &key);
	(void)pthread_mutex_lock(&sessions->lock);
	entry = gk_map_get(&sessions->map, &key, sizeof(key));
	lives = entry != NULL &&
		sessions_end_us(sessions, &entry->session) > now_us;
	(void)pthread_mutex_unlock(&sessions->lock);
	return lives;
}

void
sessions_close(struct sessions *sessions, const char *value, size_t n)
{
	struct digest key;
	struct entry *entry;

	key_of(value, n, &key);
	(void)pthread_mutex_lock(&sessions->lock);
	entry = gk_map_get(&sessions->map, &key, sizeof(key));
	if (entry != NULL) {
		drop(sessions, entry);
	}
	(void)pthread_mutex_unlock(&sessions->lock);
}
