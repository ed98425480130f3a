/* Finds the route of a method and a path, segment by segment, on the raw bytes. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "http/routes.h"
#include "model/identity.h"

#define NO_TARGET SIZE_MAX

const struct route routes_table[ROUTE_COUNT] = {
#define ROUTE(name, method_, path_, can_, cap_, body_, verb_, flags_, params_) \
	[ROUTE_ID_##name] = {                                                  \
	    .id = ROUTE_ID_##name,                                             \
	    .method = ROUTE_##method_,                                         \
	    .path = (path_),                                                   \
	    .can = (can_),                                                     \
	    .cap_bytes = (cap_),                                               \
	    .body = ROUTE_##body_,                                             \
	    .verb = (verb_),                                                   \
	    .flags = (flags_),                                                 \
	    .params = (params_),                                               \
	},
#include "http/routes.def"
#include "http/witness.def"
#undef ROUTE
};

const char *const routes_method_words[ROUTE_METHOD_COUNT] = {
    [ROUTE_GET] = "GET",
    [ROUTE_POST] = "POST",
    [ROUTE_DELETE] = "DELETE",
};

/* Is text the n bytes at piece? */
static bool
routes_same(const char *text, const char *piece, size_t n)
{
	return strncmp(text, piece, n) == 0 && text[n] == '\0';
}

/* Does the path fit?  0: no; else one more than it has words of its own. */
static size_t
routes_fit(const char *path, const struct uri *uri, size_t *ret_target)
{
	size_t fit = 1;

	*ret_target = NO_TARGET;
	for (size_t i = 0; i < uri->segment_count; i++) {
		size_t n;

		if (*path++ != '/') {
			return 0;
		}
		n = strcspn(path, "/");
		if (path[0] == '{' && uri->segments[i][0] != '\0') {
			*ret_target = i;
			if (path[1] == '+') {
				return fit;
			}
		} else if (routes_same(uri->segments[i], path, n)) {
			fit++;
		} else {
			return 0;
		}
		path += n;
	}
	return *path == '\0' ? fit : 0;
}

/* Put the slashes back between the segments from first on. */
static char *
routes_join(struct uri *uri, size_t first)
{
	for (size_t i = first + 1; i < uri->segment_count; i++) {
		uri->segments[i][-1] = '/';
	}
	return uri->segments[first];
}

static bool
routes_method_is(enum route_method method, const char *word)
{
	return strcmp(routes_method_words[method], word) == 0 ||
	       (method == ROUTE_GET && strcmp(word, "HEAD") == 0);
}

void
routes_find(const char *method, struct uri *uri, struct route_match *ret)
{
	size_t best = 1, found = NO_TARGET;

	*ret = (struct route_match){0};
	if (uri->segment_count > URI_SEGMENTS_MAX) {
		return;
	}
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		const struct route *route = &routes_table[i];
		size_t target, fit = routes_fit(route->path, uri, &target);

		if (fit < best) {
			continue;
		}
		if (fit > best) { /* what fitted less well isn't this path */
			*ret = (struct route_match){0};
			best = fit;
		}
		ret->methods |= 1u << route->method;
		if (routes_method_is(route->method, method)) {
			ret->route = route;
			found = target;
		}
	}
	if (ret->route != NULL && found != NO_TARGET) {
		ret->target = strstr(ret->route->path, "{+") != NULL
				  ? routes_join(uri, found)
				  : uri->segments[found];
	}
}

void
routes_allow(unsigned methods, char ret_text[ROUTES_ALLOW_BYTES])
{
	(void)snprintf(ret_text, ROUTES_ALLOW_BYTES, "%s%s%s",
	    methods & 1u << ROUTE_GET ? "GET, HEAD, " : "",
	    methods & 1u << ROUTE_POST ? "POST, " : "",
	    methods & 1u << ROUTE_DELETE ? "DELETE, " : "");
	if (ret_text[0] != '\0') {
		ret_text[strlen(ret_text) - 2] = '\0';
	}
}

bool
routes_takes_param(const struct route *route, const char *name)
{
	const char *at = route->params;

	while (*at != '\0') {
		size_t n = strcspn(at, " ");

		if (routes_same(name, at, n)) {
			return true;
		}
		at += n + (at[n] == ' ');
	}
	return false;
}
