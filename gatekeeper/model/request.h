#ifndef GK_MODEL_REQUEST_H
#define GK_MODEL_REQUEST_H
/* What an agent sends: a decision request and a result, decoded from strict JSON and checked. */

#include <stddef.h>
#include <stdint.h>

#include "codec/record.h"
#include "model/names.h"

#define REQUEST_ROLES_MAX 32
#define REQUEST_COST_MAX  8

struct actor {
	const char *type; /* default "user" */
	const char *id;
	const char **roles;
	size_t role_count;
};

extern const struct record_type actor_type;

struct cost_item {
	const char *unit; /* [a-z0-9_.]{1,64} */
	int64_t micros;   /* millionths, >= 0 */
};

/* Members of the body of POST /v1/decisions.  Strings live in the decode arena. */
struct decision_request {
	const char *run_id, *step_id, *parent_step_id, *parent_run_id;
	const char *tenant_id; /* NULL: left out */
	struct actor *actor;   /* NULL: left out */
	const char *action;
	const struct json_value
	    *args; /* object; borrowed from the parsed body */
	const struct json_value *context; /* object or NULL; borrowed */
	const struct json_value *cost_json;
	struct cost_item
	    cost[REQUEST_COST_MAX]; /* from cost_json, sorted by unit */
	size_t cost_count;
	const char *approval_id;
	const char *traceparent; /* from the header, checked; NULL: none */
};

extern const struct record_type decision_request_type;

/* Decode and check.  Errors: GK_E_INVALID or _LIMIT with a JSON Pointer in err->where. */
enum gk_rc decision_request_decode(const struct json_value *body,
    struct gk_arena *arena, struct decision_request *ret,
    struct gk_err *err) GK_MUST_USE;

/* A W3C traceparent (version 00) that parses?  Else it is dropped. */
bool request_traceparent_ok(const char *text);

/* Members of the body of POST …/result. */
struct result_error {
	const char *code;
	const char *message;
};

struct result_request {
	int status; /* enum result_status */
	int64_t duration_ms;
	const struct json_value *output;
	const char *output_hash; /* "sha256:…", 64 hex digits */
	struct result_error *error;
	const struct json_value *cost_json;
	struct cost_item cost[REQUEST_COST_MAX];
	size_t cost_count;
};

extern const struct record_type result_request_type;

enum gk_rc result_request_decode(const struct json_value *body,
    struct gk_arena *arena, struct result_request *ret,
    struct gk_err *err) GK_MUST_USE;

#endif
