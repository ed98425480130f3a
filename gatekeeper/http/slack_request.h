#ifndef GK_HTTP_SLACK_REQUEST_H
#define GK_HTTP_SLACK_REQUEST_H
/* What Slack sends when somebody presses a button: is it Slack, is it new, what is pressed by whom. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define SLACK_WINDOW_S     300 /* a request is as old as this at most, either way */
#define SLACK_SECRETS_MAX  2
#define SLACK_SECRET_BYTES 256

enum slack_verdict {
	SLACK_FORGED = 0,
	SLACK_STALE,
	SLACK_REPLAYED,
	SLACK_CROWDED,
	SLACK_FINE
};

/*
 * The signing secrets, and the signatures that were seen within the window:
 * what comes again is no second press.  From any thread.
 */
struct slack;

/*
 * path: a file with a secret a line, one, or two while it is being replaced; read
 * now.  Gives *ret_slack.  Errors: GK_E_IO, GK_E_INVALID (no secret in it), GK_E_NOMEM.
 */
enum gk_rc slack_new(
    const char *path, struct slack **ret_slack, struct gk_err *err) GK_MUST_USE;
/* Read the secrets again; what was seen stays seen.  On any error the old ones stay.  Errors: GK_E_IO, GK_E_INVALID. */
enum gk_rc slack_reload(
    struct slack *slack, const char *path, struct gk_err *err) GK_MUST_USE;
void slack_free(struct slack *slack); /* NULL is fine */

/*
 * Is v0= and HMAC-SHA-256 in hex over "v0:" timestamp ":" body under one of the
 * secrets what signature says, is it of these minutes, and new?  timestamp and
 * signature may be NULL.  Only what Slack signed is remembered.
 */
enum slack_verdict slack_verify(struct slack *slack, const char *timestamp,
    const char *signature, const char *body, size_t n, int64_t now_s);

/* One press of a button of ours. */
struct slack_press {
	const char *user, *team; /* Slack's ids */
	const char *approval_id;
	const char *response_url; /* NULL: none */
	bool grants;
};

/*
 * Read application/x-www-form-urlencoded with one payload of JSON, of type
 * block_actions with one action of ours.  Strings are in arena.
 * Errors: GK_E_INVALID, GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc slack_parse(const char *body, size_t n, struct gk_arena *arena,
    struct slack_press *ret, struct gk_err *err) GK_MUST_USE;

#endif
