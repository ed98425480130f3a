#ifndef GK_HTTP_SESSIONS_H
#define GK_HTTP_SESSIONS_H
/* Sessions of people in a browser: a cookie that stands for a token, kept in memory only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A session is a right to act as an identity until it was idle for too long, has
 * lived for too long, was closed, or the identity's token is another one or
 * none any more (the caller looks).  The cookie's value is 32 random bytes, of
 * which only the hash is kept; csrf is 32 others, which a page must send along
 * with whatever changes anything.  A restart ends all sessions.
 */
struct sessions;

#define SESSION_TEXT_BYTES 44 /* 43 characters of base64url and '\0' */
#define SESSION_IDENTITY   129
#define SESSIONS_MAX       4096 /* in all; */
#define SESSIONS_EACH      16 /* of one identity: the one idle longest makes room */

struct session {
	char identity[SESSION_IDENTITY];
	char token_hash[SESSION_TEXT_BYTES];
	char csrf[SESSION_TEXT_BYTES];
	int64_t opened_us, used_us; /* boot clock */
	int64_t ends_us;            /* at the latest; 0: as the table says */
};

/* NULL when memory ran out.  idle_us, life_us: more than 0. */
struct sessions *sessions_new(int64_t idle_us, int64_t life_us) GK_MUST_USE;
void sessions_free(struct sessions *sessions); /* NULL is fine */

/*
 * Open one, that ends at ends_us at the latest where that isn't 0.  Gives the
 * cookie's value, once, and the session.  From any thread.
 * Errors: GK_E_LIMIT (SESSIONS_MAX are open), GK_E_NOMEM.
 */
enum gk_rc sessions_open(struct sessions *sessions, const char *identity,
    const char *token_hash, int64_t now_us, int64_t ends_us,
    char ret_value[SESSION_TEXT_BYTES], struct session *ret,
    struct gk_err *err) GK_MUST_USE;

/*
 * The session behind a cookie's value (n bytes), which counts as used now; false:
 * there is none any more.  From any thread.
 */
bool sessions_find(struct sessions *sessions, const char *value, size_t n,
    int64_t now_us, struct session *ret);
/* The same question, which isn't a use. */
bool sessions_lives(
    struct sessions *sessions, const char *value, size_t n, int64_t now_us);

/* Nothing to do when there is none. */
void sessions_close(struct sessions *sessions, const char *value, size_t n);

/* When it ends if it isn't used again; boot clock. */
int64_t sessions_end_us(
    const struct sessions *sessions, const struct session *session);

#endif
