/* Signs callers in by bearer token, or by uid on the admin socket, and checks their permissions. */
#include <stdio.h>
#include <string.h>

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

static bool
auth_token(struct auth *auth, struct gate *gate, const char *authorization,
    struct problem *ret)
{
	const char *token;

	if (authorization == NULL) {
		return auth_refuse(ret, "a bearer token is needed");
	}
	token = head_bearer(authorization);
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

bool
http__auth(struct auth *auth, const struct conn *conn,
    const char *authorization, const struct route *route,
    struct gk_arena *arena, struct problem *ret_problem)
{
	if (conn->admin && authorization == NULL) {
		auth_local(auth, conn->uid);
	} else if (!auth_token(auth, conn->loop->http->gate, authorization,
		       ret_problem)) {
		return false;
	}
	if ((identity_can(auth->caller) & route->can) == 0) {
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
