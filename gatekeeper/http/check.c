/* What a request's header says: can it be trusted, is there such a route, who calls, is the body due. */
#include <string.h>

#include "base/assert.h"
#include "http/exchange.h"

/* One header line for the checks. */
static enum MHD_Result
check_line(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
    const char *value, size_t value_n)
{
	(void)kind;
	head_line(cls, name, name_n, value == NULL ? "" : value, value_n);
	return MHD_YES;
}

/* The bytes: is there only one way to read them? */
static void
check_bytes(struct exchange *ex, const char *url, const char *method,
    const char *version)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    ex->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	GK_ASSERT(info != NULL);
	head_begin(&ex->head, method, url, ex->target_n, version);
	ex->head.assertion_name = ex->conn->loop->http->assertion_name;
	(void)MHD_get_connection_values_n(
	    ex->connection, MHD_HEADER_KIND, check_line, &ex->head);
	head_finish(&ex->head, method + info->header_size);
	if (ex->head.fault != NULL) {
		ex->close = true;
		HTTP_COUNT(ex->conn->loop, malformed, 1);
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "malformed_request",
		    ex->head.fault);
	}
	/* libmicrohttpd takes bare line feeds among chunks: where the body ends can be read in two ways */
	ex->close |= ex->head.chunked;
	ex->old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	if (!ex->old && strcmp(version, MHD_HTTP_VERSION_1_1) != 0) {
		ex->close = true;
		exchange_refuse(ex, MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED,
		    "http_version", "only HTTP/1.1 and HTTP/1.0 are spoken");
	}
}

/* The target: is there such a route? */
static void
check_route(struct exchange *ex, const char *method)
{
	struct route_match match;

	if (ex->target == NULL ||
	    uri_split(ex->target, &ex->uri, &ex->err) != GK_OK) {
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "bad_target",
		    ex->target == NULL ? "the request target is missing"
				       : ex->err.text);
		return;
	}
	routes_find(method, &ex->uri, &match);
	if (match.route != NULL && (match.route->flags & ROUTE_BOTH) == 0 &&
	    ((match.route->flags & ROUTE_WITNESS) != 0) !=
		(ex->conn->loop->http->cosigner != NULL)) {
		match = (struct route_match){.route = NULL};
	}
	if (match.methods == 0) {
		exchange_refuse(ex, MHD_HTTP_NOT_FOUND, "no_such_route",
		    "there is nothing at this path");
	} else if (match.route == NULL) {
		exchange_refuse(ex, MHD_HTTP_METHOD_NOT_ALLOWED,
		    "method_not_allowed", "this path doesn't take that method");
		routes_allow(match.methods, ex->allow);
		ex->problem.allow = ex->allow;
	} else if (match.target != NULL &&
		   (match.route->flags & ROUTE_BYTES) == 0 &&
		   !uri_decode(match.target)) {
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "bad_target",
		    "the path isn't UTF-8 text");
	}
	ex->route = match.route;
	ex->id = match.target;
	ex->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* Unknown query parameters loosen nothing: they are refused. */
static void
check_params(struct exchange *ex)
{
	for (size_t i = 0; i < ex->uri.param_count; i++) {
		if (routes_takes_param(ex->route, ex->uri.params[i].name)) {
			continue;
		}
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "unknown_parameter",
		    gk_arena_printf(&ex->arena,
			"there is no query parameter \"%s\" here",
			ex->uri.params[i].name));
	}
}

/* May this connection ask that route at all? */
static void
check_door(struct exchange *ex)
{
	struct conn *conn = ex->conn;
	struct http *http = conn->loop->http;

	if (conn->tls && !conn->verified) {
		conn->verified = http__tls_verified(
		    http->tls, http__loop_session(ex->connection));
		if (!conn->verified) {
			ex->close = true;
			exchange_refuse(ex, MHD_HTTP_FORBIDDEN,
			    "client_certificate",
			    "a certificate of a known authority is needed");
		}
	}
	if (ex->route == NULL) {
		return;
	}
	if (!conn->local && (ex->route->flags & ROUTE_ANY_HOST) == 0 &&
	    !head_host_is(ex->head.host, http->hosts, http->host_count)) {
		exchange_refuse(ex, MHD_HTTP_MISDIRECTED_REQUEST,
		    "host_not_allowed", "this Host isn't one of `hosts`");
	}
	if (conn->reserved && (ex->route->flags & ROUTE_CONTROL) == 0) {
		ex->close = true;
		exchange_turn_away(ex, "too_many_connections",
		    "all connections but those of control routes are taken");
	}
}

/* What the header says about a body: is one due, and of that kind and size? */
static void
check_body(struct exchange *ex)
{
	const struct head *head = &ex->head;
	const struct route *route = ex->route;

	if (!head->chunked && head->content_length == 0) {
		if (route->body == ROUTE_REQUIRED ||
		    route->body == ROUTE_TEXT) {
			exchange_refuse(ex, MHD_HTTP_BAD_REQUEST,
			    "body_missing", "this needs a body");
		}
	} else if (route->body == ROUTE_NONE) {
		exchange_refuse(ex, MHD_HTTP_BAD_REQUEST, "body_not_allowed",
		    "this takes no body");
	} else if (head->content_length > route->cap_bytes) {
		exchange_refuse(ex, MHD_HTTP_CONTENT_TOO_LARGE,
		    "body_too_large", "the body is larger than this takes");
	} else if (route->body != ROUTE_TEXT &&
		   (head->content_type == NULL ||
		       !head_is_json(head->content_type))) {
		exchange_refuse(ex, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		    "unsupported_media_type",
		    "the body must be application/json");
	}
}

static void
check_caller(struct exchange *ex)
{
	if (ex->problem.status == 0 && (ex->route->flags & ROUTE_OPEN) == 0) {
		(void)http__auth(&ex->auth, ex->conn, &ex->head, ex->route,
		    &ex->arena, &ex->problem);
	}
}

void
check_head(struct exchange *ex, const char *url, const char *method,
    const char *version)
{
	check_bytes(ex, url, method, version);
	check_route(ex, method);
	check_door(ex);
	if (ex->route != NULL) {
		check_params(ex);
		check_caller(ex);
		check_body(ex);
	}
}
