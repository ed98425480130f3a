/* Signs callers in by bearer token, by an issuer's word, by session, or by uid on the admin socket, and checks their permissions. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "codec/digest.h"
#include "http/head.h"
#include "http/http_internal.h"
#include "model/identity.h"

/* Nobody needs a token that is longer than this. */
#define AUTH_TOKEN_MAX 512

/* The words of some permissions, "operator or auditor". */
static const char *
auth_words(unsigned mask, struct gk_arena *arena)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
	    {CAN_AGENT, "agent"},
	    {CAN_APPROVER, "approver"},
	    {CAN_OPERATOR, "operator"},
	    {CAN_AUDITOR, "auditor"},
	    {CAN_METRICS, "metrics"},
	};
	const char *text = NULL;

	for (size_t i = 0; i < GK_COUNT(words); i++) {
		if ((mask & words[i].bit) == 0) {
			continue;
		}
		text = text == NULL ? words[i].word
				    : gk_arena_printf(arena, "%s or %s", text,
					  words[i].word);
		if (text == NULL) {
			return "";
		}
	}
	return text == NULL ? "" : text;
}

/* Who holds the admin socket is the operator of this machine, and named so. */
static void
auth_local(struct auth *auth, uid_t uid)
{
	(void)snprintf(
	    auth->local_id, sizeof(auth->local_id), "local:%u", (unsigned)uid);
	auth->can[0] = "operator";
	auth->can[1] = "auditor";
	auth->can[2] = "metrics";
	auth->tenants[0] = "*";
	auth->local = (struct identity){
	    .id = auth->local_id,
	    .kind = IDENTITY_SERVICE,
	    .can = auth->can,
	    .can_count = GK_COUNT(auth->can),
	    .tenants = auth->tenants,
	    .tenant_count = GK_COUNT(auth->tenants),
	};
	auth->caller = &auth->local;
	auth->is_local = true;
}

static bool
auth_refuse(struct problem *ret, const char *detail)
{
	*ret = (struct problem){
	    .status = 401, .code = "unauthorized", .detail = detail};
	return false;
}

bool
http__auth_token(struct auth *auth, struct gate *gate, const char *token,
    struct problem *ret)
{
	if (token != NULL && strnlen(token, AUTH_TOKEN_MAX) < AUTH_TOKEN_MAX) {
		auth->pinned = gate_identities_pin(gate);
		auth->caller = gate_identify(auth->pinned, gate, token);
	}
	if (auth->caller == NULL) {
		gate_sign_in_failed(gate);
		return auth_refuse(
		    ret, "the token is unknown, revoked or expired");
	}
	return true;
}

/* The token in the header that a proxy puts there; NULL: none. */
static const char *
auth_assertion(const struct head *head)
{
	if (head->assertion == NULL || head->assertion != head->authorization) {
		return head->assertion;
	}
	return head_bearer(head->authorization);
}

/* A proxy may send its token with every request; that one isn't ours, which has no dots. */
static bool
auth_is_proxys(const struct head *head)
{
	const char *token = auth_assertion(head);

	return head->assertion == head->authorization && token != NULL &&
	       strchr(token, '.') != NULL;
}

bool
http__auth_assertion(struct auth *auth, const struct conn *conn,
    const struct head *head, struct gk_arena *arena,
    struct problem *ret_problem)
{
	struct http *http = conn->loop->http;
	const int64_t now_us = gk_clock_system.wall_us(gk_clock_system.ctx);
	const char *token = http->issuer == NULL ? NULL : auth_assertion(head);
	struct issuer_finding found;
	struct gk_err err = {0};

	if (token == NULL) { /* nobody tried anything */
		return auth_refuse(ret_problem,
		    "no identity provider says who this is: a token is needed");
	}
	if (issuer_check(http->issuer, token, now_us / GK_US_PER_S, &found,
		&err) != GK_OK) {
		if (found.unknown_key && http->keys_wanted != NULL) {
			http->keys_wanted(http->keys_ctx);
		}
		gate_sign_in_failed(http->gate);
		return auth_refuse(
		    ret_problem, gk_arena_strdup(arena, err.text));
	}
	auth->pinned = gate_identities_pin(http->gate);
	auth->caller = gate_identify_named(auth->pinned, http->gate, found.id);
	if (auth->caller == NULL) {
		gate_sign_in_failed(http->gate);
		return auth_refuse(ret_problem,
		    gk_arena_printf(arena,
			"the identity provider says that you are %s, which is "
			"nobody here: an operator makes the identity with "
			"gatekeeper token create --id %s",
			found.id, found.id));
	}
	auth->ends_us = conn->loop->now_us +
			(found.ends_s * GK_US_PER_S - now_us) +
			ISSUER_SKEW_S * GK_US_PER_S;
	return true;
}

/* The session behind the cookie, and the identity behind the session as it is now. */
static bool
auth_find_session(
    struct auth *auth, const struct conn *conn, const struct head *head)
{
	struct http *http = conn->loop->http;

	if (http->sessions == NULL || head->cookie == NULL ||
	    !sessions_find(http->sessions, head->cookie, head->cookie_n,
		conn->loop->now_us, &auth->session)) {
		return false;
	}
	auth->pinned = gate_identities_pin(http->gate);
	auth->caller = gate_identify_again(auth->pinned, http->gate,
	    auth->session.identity, auth->session.token_hash);
	if (auth->caller == NULL) { /* revoked or expired meanwhile */
		sessions_close(http->sessions, head->cookie, head->cookie_n);
	}
	auth->is_session = auth->caller != NULL;
	return auth->is_session;
}

/*
 * A browser sends cookies along with requests that other sites make it send.
 * SameSite=Strict stops that; where it doesn't, Sec-Fetch-Site tells, and what
 * changes something needs a token that other sites can't read.
 */
static bool
auth_own_page(const struct auth *auth, const struct head *head,
    const struct route *route, struct problem *ret)
{
	size_t n = strlen(auth->session.csrf);

	if (head->site != NULL && strcmp(head->site, "same-origin") != 0 &&
	    strcmp(head->site, "none") != 0) {
		*ret = (struct problem){.status = 403,
		    .code = "cross_site",
		    .detail = "a session answers its own pages only"};
		return false;
	}
	if (route->method == ROUTE_GET ||
	    (head->csrf != NULL && strlen(head->csrf) == n &&
		digest_equal(head->csrf, auth->session.csrf, n))) {
		return true;
	}
	*ret = (struct problem){.status = 403,
	    .code = "csrf_token",
	    .detail = "this needs the session's X-CSRF-Token"};
	return false;
}

static bool
auth_session(struct auth *auth, const struct conn *conn,
    const struct head *head, const struct route *route, struct problem *ret)
{
	if (!auth_find_session(auth, conn, head)) {
		return auth_refuse(
		    ret, head->cookie == NULL
			     ? "a bearer token is needed"
			     : "the session is over: sign in again");
	}
	return auth_own_page(auth, head, route, ret);
}

/* Who reads what is published: nobody's name, for they may not have '~'. */
static const struct identity auth_anybody = {
    .id = "~anybody", .kind = IDENTITY_SERVICE};

bool
http__auth(struct auth *auth, const struct conn *conn, const struct head *head,
    const struct route *route, struct gk_arena *arena,
    struct problem *ret_problem)
{
	bool open = (route->flags & ROUTE_PUBLISHED) != 0 &&
		    gate_publishes_log(conn->loop->http->gate);
	bool in;

	if (head->authorization != NULL && !auth_is_proxys(head)) {
		in = http__auth_token(auth, conn->loop->http->gate,
		    head_bearer(head->authorization), ret_problem);
	} else if (conn->admin) {
		auth_local(auth, conn->uid);
		in = true;
	} else if (open) {
		auth->caller = &auth_anybody;
		in = true;
	} else {
		in = auth_session(auth, conn, head, route, ret_problem);
	}
	if (!in) {
		return false;
	}
	if (!open && (identity_can(auth->caller) & route->can) == 0) {
		*ret_problem = (struct problem){
		    .status = 403,
		    .code = "forbidden",
		    .detail =
			gk_arena_printf(arena, "this needs the permission %s",
			    auth_words(route->can, arena)),
		};
		return false;
	}
	return true;
}

void
http__auth_done(struct auth *auth)
{
	if (auth->pinned != NULL) {
		gate_identities_unpin(auth->pinned);
	}
	*auth = (struct auth){0};
}
