#ifndef GK_HTTP_ROUTES_H
#define GK_HTTP_ROUTES_H
/* The table of routes: what isn't in it is refused. */

#include <stdbool.h>
#include <stddef.h>

#include "gate/gate.h"
#include "http/uri.h"

#define ROUTE_MIB   ((size_t)1024 * 1024)
#define ROUTE_SMALL ((size_t)64 * 1024)

enum route_method { ROUTE_GET, ROUTE_POST, ROUTE_DELETE, ROUTE_METHOD_COUNT };

enum route_body {
	ROUTE_NONE,
	ROUTE_OPTIONAL,
	ROUTE_REQUIRED,
	ROUTE_TEXT, /* required, and no JSON */
};

enum route_flag {
	ROUTE_OPEN = 1,    /* no sign-in */
	ROUTE_WAIT = 2,    /* takes Prefer: wait */
	ROUTE_STREAM = 4,  /* Accept: application/x-ndjson streams */
	ROUTE_CONTROL = 8, /* may use the reserved connections */
	ROUTE_ANY_HOST = 16,
	ROUTE_SESSION = 32,   /* answered with a session */
	ROUTE_PUBLISHED = 64, /* where publish_log is on, no token is needed */
	ROUTE_PLAIN = 128,    /* answers with plain text */
	ROUTE_WITNESS = 256,  /* of a witness's server, not of a gate's */
	ROUTE_BOTH = 512,     /* of either */
	ROUTE_BYTES = 1024,   /* answers with bytes that never change */
	ROUTE_LIVE = 2048,    /* server-sent events */
};

enum route_id {
#define ROUTE(name, ...) ROUTE_ID_##name,
#include "http/routes.def"
#include "http/witness.def"
#undef ROUTE
	ROUTE_COUNT,
};

struct route {
	enum route_id id;
	enum route_method method;
	const char *path; /* {id}: one segment; {+path}: all that follow */
	unsigned can;     /* any of these permissions */
	size_t cap_bytes;
	enum route_body body;
	enum gate_verb verb; /* GATE_NONE: answered by http itself */
	unsigned flags;
	const char *params; /* separated by spaces */
};

extern const struct route routes_table[ROUTE_COUNT];
extern const char *const routes_method_words[ROUTE_METHOD_COUNT];

struct route_match {
	const struct route *route; /* NULL: none */
	char *target;              /* raw: behind {id}, or all behind {+path} */
	unsigned
	    methods; /* bits 1 << method that the path takes; 0: no such path */
};

/*
 * HEAD is taken as GET.  A path's own word wins over {id} and {+path}.  What
 * {+path} takes is joined again, in the text that uri was split from.
 */
void routes_find(const char *method, struct uri *uri, struct route_match *ret);

/* The value of Allow for those methods. */
#define ROUTES_ALLOW_BYTES 32
void routes_allow(unsigned methods, char ret_text[ROUTES_ALLOW_BYTES]);

bool routes_takes_param(const struct route *route, const char *name);

#endif
