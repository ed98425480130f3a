/* What a browser asks for: the console's files, and signing in and out. */
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "codec/json.h"
#include "http/console.h"
#include "http/exchange.h"

enum MHD_Result
pages_file(struct exchange *ex)
{
	const struct console_file *file =
	    console_find(ex->id == NULL ? "index.html" : ex->id);

	if (file == NULL || ex->conn->loop->http->sessions == NULL) {
		exchange_refuse(ex, MHD_HTTP_NOT_FOUND, "no_such_route",
		    "there is nothing at this path");
		return answer_problem(ex);
	}
	return answer_file(ex, file);
}

/* {"token": "gk_…"}, or {} to be who the identity provider says; false: refused. */
bool
pages_sign_in(struct exchange *ex)
{
	const struct json_value *token = json_get(ex->json, "token");
	struct http *http = ex->conn->loop->http;

	if (http->sessions == NULL) {
		exchange_refuse(ex, MHD_HTTP_NOT_FOUND, "no_such_route",
		    "there is nothing at this path");
	} else if (ex->head.site != NULL &&
		   strcmp(ex->head.site, "same-origin") != 0 &&
		   strcmp(ex->head.site, "none") != 0) {
		exchange_refuse(ex, MHD_HTTP_FORBIDDEN, "cross_site",
		    "signing in is for the console's own page");
	} else if (json_type(ex->json) == JSON_OBJECT &&
		   json_count(ex->json) == 0) {
		(void)http__auth_assertion(
		    &ex->auth, ex->conn, &ex->head, &ex->arena, &ex->problem);
	} else if (json_string(token) == NULL || json_count(ex->json) != 1) {
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "invalid_request",
		    "{\"token\": \"…\"} or {} is needed, and nothing else");
	} else {
		(void)http__auth_token(
		    &ex->auth, http->gate, json_string(token), &ex->problem);
	}
	return ex->problem.status == 0;
}

/* Does the browser speak TLS, with us or with the proxy in front?  Who lies gets a stricter cookie. */
static bool
is_tls(const struct exchange *ex)
{
	return ex->conn->tls || ex->head.proxied_tls;
}

/* {"csrf":…,"ends_in_s":…,"identity":…}; a bearer token's caller has no csrf. */
static enum gk_rc
pages_print(struct exchange *ex, const struct session *session)
{
	const struct http *http = ex->conn->loop->http;
	int64_t left_us;

	GK_TRY(gk_buf_puts(&ex->out, "{", &ex->err));
	if (session != NULL) {
		left_us = sessions_end_us(http->sessions, session) -
			  ex->conn->loop->now_us;
		GK_TRY(gk_buf_printf(&ex->out, &ex->err,
		    "\"csrf\":\"%s\",\"ends_in_s\":%" PRId64 ",", session->csrf,
		    left_us / GK_US_PER_S));
	}
	GK_TRY(gk_buf_puts(&ex->out, "\"identity\":", &ex->err));
	GK_TRY(gk_buf_add(
	    &ex->out, ex->call.reply.bytes, ex->call.reply.len, &ex->err));
	return gk_buf_puts(&ex->out, "}", &ex->err);
}

static enum MHD_Result
pages_fail(struct exchange *ex)
{
	if (ex->err.rc == GK_E_LIMIT) {
		exchange_turn_away(
		    ex, "too_many_sessions", "too many sessions are open");
	} else {
		exchange_turn_away(ex, "busy", "memory ran out");
	}
	return answer_problem(ex);
}

static enum gk_rc
pages_open(struct exchange *ex, struct session *session)
{
	struct http *http = ex->conn->loop->http;
	const struct identity *caller = ex->auth.caller;
	char value[SESSION_TEXT_BYTES];

	GK_TRY(sessions_open(http->sessions, caller->id, caller->token_hash,
	    ex->conn->loop->now_us, ex->auth.ends_us, value, session,
	    &ex->err));
	ex->set_cookie = gk_arena_printf(&ex->arena,
	    "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
	    is_tls(ex) ? HEAD_COOKIE_TLS : HEAD_COOKIE, value,
	    is_tls(ex) ? "; Secure" : "");
	return ex->set_cookie == NULL ? GK_FAIL(&ex->err, GK_E_NOMEM, "cookie")
				      : GK_OK;
}

static enum gk_rc
pages_close(struct exchange *ex)
{
	struct http *http = ex->conn->loop->http;

	if (!ex->auth.is_session) {
		return GK_OK;
	}
	sessions_close(http->sessions, ex->head.cookie, ex->head.cookie_n);
	ex->set_cookie = gk_arena_printf(&ex->arena,
	    "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0%s",
	    is_tls(ex) ? HEAD_COOKIE_TLS : HEAD_COOKIE,
	    is_tls(ex) ? "; Secure" : "");
	return ex->set_cookie == NULL ? GK_FAIL(&ex->err, GK_E_NOMEM, "cookie")
				      : GK_OK;
}

enum MHD_Result
pages_session(struct exchange *ex)
{
	struct session session;
	const struct session *shown = NULL;
	enum gk_rc rc = GK_OK;

	if (ex->route->id == ROUTE_ID_SESSION_OPEN) {
		rc = pages_open(ex, &session);
		shown = &session;
	} else if (ex->route->id == ROUTE_ID_SESSION_CLOSE) {
		rc = pages_close(ex);
	} else if (ex->auth.is_session) {
		shown = &ex->auth.session;
	}
	if (rc == GK_OK) {
		rc = pages_print(ex, shown);
	}
	if (rc != GK_OK) {
		return pages_fail(ex);
	}
	return answer_bytes(ex,
	    ex->route->id == ROUTE_ID_SESSION_OPEN ? MHD_HTTP_CREATED
						   : MHD_HTTP_OK,
	    ANSWER_JSON, &ex->out);
}
