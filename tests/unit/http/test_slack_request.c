/* Requests of Slack: the published vector, the window, the memory, and what is no press of a button. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/digest.h"
#include "http/slack_request.h"

/* Of Slack's own guide to verifying requests. */
static const char secret[] = "8f742231b10e8888abcd99yyyzzz85a5";
static const char stamp[] = "1531420618";
static const char form[] =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain="
    "testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    "&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="
    "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%"
    "2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c";
static const char signature[] =
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
#define NOW INT64_C(1531420618)

static struct slack *
open_with(const char *text)
{
	char path[] = "/tmp/gk-slack-XXXXXX";
	int fd = mkstemp(path);
	struct slack *slack = NULL;

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	if (slack_new(path, &slack, NULL) != GK_OK) {
		slack = NULL;
	}
	(void)unlink(path);
	return slack;
}

static void
slack_freep(struct slack **slack)
{
	slack_free(*slack);
}

static enum slack_verdict
verify(struct slack *slack, const char *at, const char *sign, int64_t now)
{
	return slack_verify(slack, at, sign, form, strlen(form), now);
}

Test(slack_request, the_published_vector_is_slacks_and_once_only)
{
	GK_AUTO(slack_freep) struct slack *slack = open_with(secret);

	cr_assert_eq(verify(slack, stamp, signature, NOW), SLACK_FINE);
	cr_assert_eq(verify(slack, stamp, signature, NOW), SLACK_REPLAYED);
	cr_assert_eq(
	    verify(slack, stamp, signature, NOW + 300), SLACK_REPLAYED);
	cr_assert_eq(verify(slack, stamp, signature, NOW + 301), SLACK_STALE);
	cr_assert_eq(verify(slack, stamp, signature, NOW + 99999), SLACK_STALE);
}

Test(slack_request, five_minutes_either_way)
{
	GK_AUTO(slack_freep) struct slack *slack = open_with(secret);

	cr_assert_eq(verify(slack, stamp, signature, NOW - 301), SLACK_STALE);
	cr_assert_eq(verify(slack, stamp, signature, NOW - 300), SLACK_FINE);
}

/* A clock that goes back within the window doesn't forget. */
Test(slack_request, what_came_early_is_remembered_until_it_is_stale)
{
	GK_AUTO(slack_freep) struct slack *slack = open_with(secret);

	cr_assert_eq(verify(slack, stamp, signature, NOW - 300), SLACK_FINE);
	cr_assert_eq(
	    verify(slack, stamp, signature, NOW + 300), SLACK_REPLAYED);
}

Test(slack_request, two_secrets_while_one_is_replaced)
{
	GK_AUTO(slack_freep)
	struct slack *slack = open_with("another\n8f742231b10e8888abcd99yyyzzz"
					"85a5\n");
	GK_AUTO(slack_freep) struct slack *other = open_with("another\n");

	cr_assert_eq(verify(slack, stamp, signature, NOW), SLACK_FINE);
	cr_assert_eq(verify(other, stamp, signature, NOW), SLACK_FORGED);
	cr_assert_null(open_with(""));
	cr_assert_null(open_with("\n \n"));
}

Test(slack_request, everything_else_is_forged)
{
	GK_AUTO(slack_freep) struct slack *slack = open_with(secret);
	char changed[sizeof(signature)];

	cr_assert_eq(verify(slack, NULL, signature, NOW), SLACK_FORGED);
	cr_assert_eq(verify(slack, stamp, NULL, NOW), SLACK_FORGED);
	cr_assert_eq(verify(slack, "", signature, NOW), SLACK_FORGED);
	cr_assert_eq(
	    verify(slack, "1531420618 ", signature, NOW), SLACK_FORGED);
	cr_assert_eq(
	    verify(slack, "1531420618000000000", signature, NOW), SLACK_FORGED);
	cr_assert_eq(verify(slack, "1531420619", signature, NOW), SLACK_FORGED);
	cr_assert_eq(verify(slack, stamp, "v0=", NOW), SLACK_FORGED);
	cr_assert_eq(verify(slack, stamp, signature + 3, NOW), SLACK_FORGED);
	for (size_t i = 0; i < strlen(signature); i++) {
		memcpy(changed, signature, sizeof(changed));
		changed[i] = changed[i] == '0' ? '1' : '0';
		cr_assert_eq(verify(slack, stamp, changed, NOW), SLACK_FORGED);
		changed[i] = '\0';
		cr_assert_eq(verify(slack, stamp, changed, NOW), SLACK_FORGED);
	}
	cr_assert_eq(
	    slack_verify(slack, stamp, signature, form, strlen(form) - 1, NOW),
	    SLACK_FORGED);
}

/* Sign a body of our own. */
static void
sign(const char *body, char ret[80])
{
	const struct digest_part parts[] = {
	    {"v0:1531420618:", 14}, {body, strlen(body)}};
	struct digest mac;

	digest_hmac_key(secret, strlen(secret), parts, 2, &mac);
	memcpy(ret, "v0=", 3);
	(void)digest_hex(mac.bytes, sizeof(mac.bytes), ret + 3);
}

Test(slack_request, a_full_memory_believes_nothing_more_until_it_is_over)
{
	GK_AUTO(slack_freep) struct slack *slack = open_with(secret);
	char body[32], signed_as[80];

	for (int i = 0; i < 4096; i++) {
		(void)snprintf(body, sizeof(body), "%d", i);
		sign(body, signed_as);
		cr_assert_eq(slack_verify(slack, stamp, signed_as, body,
				 strlen(body), NOW - 300),
		    SLACK_FINE);
	}
	sign("more", signed_as);
	cr_assert_eq(
	    slack_verify(slack, stamp, signed_as, "more", 4, NOW - 300),
	    SLACK_CROWDED);
	cr_assert_eq(
	    slack_verify(slack, stamp, signed_as, "more", 4, NOW + 300),
	    SLACK_CROWDED);
}

static enum gk_rc
parse(const char *body, struct slack_press *ret, struct gk_arena *arena)
{
	return slack_parse(body, strlen(body), arena, ret, NULL);
}

Test(slack_request, a_press_is_read)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(100000);
	struct slack_press press;

	cr_assert(parse("x=1&payload=%7B%22type%22%3A%22block_actions%22%2C+"
			"%22user%22%3A%7B%22id%22%3A%22U1%22%7D%2C%22actions%"
			"22%3A%5B%7B%22action_id%22%3A%22gatekeeper_grant%22%"
			"2C%22value%22%3A%22apr_1%22%7D%5D%2C%22response_url%"
			"22%3A%22https%3A%2F%2Fx%22%7D",
		      &press, &arena) == GK_OK);
	cr_assert(press.grants);
	cr_assert_str_eq(press.user, "U1");
	cr_assert_str_eq(press.team, "");
	cr_assert_str_eq(press.approval_id, "apr_1");
	cr_assert_str_eq(press.response_url, "https://x");
}

Test(slack_request, what_isnt_a_press_of_ours_is_refused)
{
	static const char *const bad[] = {"", "payload",
	    "payload=", "payload=1", "payload=%", "payload=%7", "payload=%7g",
	    "payload=%7B%7D", "payload=[]", "payload=null", "payload=%22%22",
	    "payload={\"type\":\"block_actions\"}",
	    "payload={\"type\":\"block_actions\",\"user\":1,\"actions\":[1]}",
	    ("payload={\"type\":\"view_submission\",\"user\":{\"id\":\"U1\"},"
	     "\"actions\":[{\"action_id\":\"gatekeeper_grant\",\"value\":\"a\"}"
	     "]"
	     "}"),
	    ("payload={\"type\":\"block_actions\",\"user\":{\"id\":\"U1\"},"
	     "\"actions\":[{\"action_id\":\"gatekeeper_grant\",\"value\":\"a\"}"
	     ","
	     "{\"action_id\":\"gatekeeper_grant\",\"value\":\"b\"}]}"),
	    ("payload={\"type\":\"block_actions\",\"user\":{\"id\":\"\"},"
	     "\"actions\":[{\"action_id\":\"gatekeeper_grant\",\"value\":\"a\"}"
	     "]"
	     "}"),
	    ("payload={\"type\":\"block_actions\",\"user\":{\"id\":\"U1\"},"
	     "\"actions\":[{\"action_id\":\"gatekeeper_grant\",\"value\":\"a/"
	     "b\"}]}"),
	    ("payload={\"type\":\"block_actions\",\"user\":{\"id\":\"U1\"},"
	     "\"actions\":[{\"action_id\":\"gatekeeper_\",\"value\":\"a\"}]}")};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		GK_AUTO(gk_arena_done)
		struct gk_arena arena = GK_ARENA_INIT(100000);
		struct slack_press press;

		cr_assert(parse(bad[i], &press, &arena) != GK_OK, "%s", bad[i]);
	}
}
