/* The table of routes: who is found, who isn't, and what is allowed instead. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http/routes.h"

static char text[1024];

static struct route_match
find(const char *method, const char *path)
{
	struct route_match match;
	struct gk_err err;
	struct uri uri;

	(void)snprintf(text, sizeof(text), "%s", path);
	cr_assert(uri_split(text, &uri, &err) == GK_OK);
	routes_find(method, &uri, &match);
	return match;
}

static void
is(const char *method, const char *path, enum route_id id, const char *target)
{
	struct route_match match = find(method, path);

	cr_assert(match.route != NULL, "%s %s", method, path);
	cr_expect(match.route->id == id, "%s %s: %s", method, path,
	    match.route->path);
	if (target == NULL) {
		cr_expect(match.target == NULL);
	} else {
		cr_assert(match.target != NULL);
		cr_expect_str_eq(match.target, target);
	}
}

static void
allows(const char *path, const char *methods)
{
	struct route_match match = find("PUT", path);
	char allow[ROUTES_ALLOW_BYTES];

	cr_expect(match.route == NULL);
	routes_allow(match.methods, allow);
	cr_expect_str_eq(allow, methods);
}

Test(routes, every_route_is_found_by_its_own_path)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		const struct route *route = &routes_table[i];
		struct route_match match =
		    find(routes_method_words[route->method], route->path);

		cr_expect(route->id == (enum route_id)i);
		cr_expect(match.route == route, "%s", route->path);
		cr_expect((match.target != NULL) ==
			  (strchr(route->path, '{') != NULL));
	}
}

Test(routes, the_id_is_the_raw_segment)
{
	is("POST", "/v1/decisions/dec_1/result", ROUTE_ID_RESULT, "dec_1");
	is("GET", "/v1/runs/a%2Fb", ROUTE_ID_RUN, "a%2Fb");
	is("POST", "/v1/runs/a%2Fb/end", ROUTE_ID_RUN_END, "a%2Fb");
	is("DELETE", "/v1/identities/agent-7", ROUTE_ID_IDENTITY_REVOKE,
	    "agent-7");
	is("GET", "/v1/policy", ROUTE_ID_POLICY, NULL);
}

Test(routes, a_word_of_the_path_wins_over_an_id)
{
	is("POST", "/v1/decisions/explain", ROUTE_ID_EXPLAIN, NULL);
	is("POST", "/v1/policy/reload", ROUTE_ID_POLICY_RELOAD, NULL);
	is("GET", "/v1/policy/sha256:00", ROUTE_ID_POLICY_TEXT, "sha256:00");
	allows("/v1/decisions/explain", "POST");
	allows("/v1/policy/reload", "POST");
}

Test(routes, head_is_get)
{
	is("HEAD", "/livez", ROUTE_ID_LIVEZ, NULL);
	cr_expect(find("HEAD", "/v1/decisions").route == NULL);
	cr_expect(find("get", "/livez").route == NULL);
}

Test(routes, what_is_not_there_has_no_methods)
{
	static const char *const paths[] = {"//", "/v1", "/v1/", "/livez/",
	    "/v1/decisions/", "/v1//result", "/v1/decisions//result",
	    "/V1/decisions", "/v1/decision", "/v1/decisionsx",
	    "/v1/runs/a/b/c/d/e/f"};

	for (size_t i = 0; i < GK_COUNT(paths); i++) {
		cr_expect(find("GET", paths[i]).methods == 0, "%s", paths[i]);
	}
}

Test(routes, allow_names_all_methods_of_the_path)
{
	allows("/v1/kill-switches", "GET, HEAD, POST");
	allows("/v1/kill-switches/ksw_1", "DELETE");
	allows("/v1/decisions", "POST");
	allows("/nowhere", "");
}

Test(routes, parameters_are_known_by_their_whole_name)
{
	const struct route *events = &routes_table[ROUTE_ID_EVENTS];

	cr_expect(routes_takes_param(events, "run_id"));
	cr_expect(routes_takes_param(events, "raw"));
	cr_expect(!routes_takes_param(events, "run"));
	cr_expect(!routes_takes_param(events, "run_id step_id"));
	cr_expect(!routes_takes_param(events, ""));
	cr_expect(!routes_takes_param(&routes_table[ROUTE_ID_LIVEZ], "raw"));
}

Test(routes, open_routes_need_no_permission_and_reads_have_no_body)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		const struct route *route = &routes_table[i];
		bool open = route->can == 0;

		cr_expect(open == ((route->flags & ROUTE_OPEN) != 0));
		cr_expect(open || (route->flags & ROUTE_ANY_HOST) == 0);
		cr_expect(
		    route->method != ROUTE_GET || route->body == ROUTE_NONE);
		cr_expect(
		    route->method != ROUTE_POST || route->body != ROUTE_NONE);
		cr_expect(
		    (route->body == ROUTE_NONE) == (route->cap_bytes == 0));
		cr_expect(route->cap_bytes <= ROUTE_MIB);
	}
}

Test(routes, the_rest_of_a_path_is_taken_whole)
{
	is("GET", "/log/checkpoint", ROUTE_ID_LOG_CHECKPOINT, NULL);
	is("GET", "/log/tile/0/000", ROUTE_ID_LOG_TILE, "0/000");
	is("HEAD", "/log/tile/63/x001/x234/067.p/9", ROUTE_ID_LOG_TILE,
	    "63/x001/x234/067.p/9");
	is("GET", "/log/tile/entries/x001/067", ROUTE_ID_LOG_ENTRIES,
	    "x001/067");
	is("GET", "/log/tile/entries", ROUTE_ID_LOG_TILE, "entries");
	is("GET", "/v1/events/7/proof", ROUTE_ID_EVENT_PROOF, "7");
	cr_expect(find("GET", "/log/tile").route == NULL);
	cr_expect(find("GET", "/log/tile/").route == NULL);
	cr_expect(find("GET", "/log").route == NULL);
	cr_expect(
	    find("GET", "/log/tile/1/2/3/4/5/6/7/8/9/10/11").route == NULL);
	allows("/log/tile/0/000", "GET, HEAD");
}
