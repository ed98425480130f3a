/* Sessions: when they end, and that nobody's can crowd out another's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/digest.h"
#include "http/sessions.h"

enum { IDLE_US = 100, LIFE_US = 1000 };

static struct sessions *
begin(void)
{
	struct sessions *sessions;
	struct gk_err err;

	cr_assert(digest_init(&err) == GK_OK);
	sessions = sessions_new(IDLE_US, LIFE_US);
	cr_assert(sessions != NULL);
	return sessions;
}

static void
open_one(struct sessions *sessions, const char *who, int64_t now,
    char ret_value[SESSION_TEXT_BYTES])
{
	struct session session;
	struct gk_err err;

	cr_assert(sessions_open(sessions, who, "hash", now, 0, ret_value,
		      &session, &err) == GK_OK);
	cr_expect_str_eq(session.identity, who);
	cr_expect(strlen(session.csrf) == SESSION_TEXT_BYTES - 1);
	cr_expect(strcmp(session.csrf, ret_value) != 0);
}

static bool
is_there(struct sessions *sessions, const char *value, int64_t now)
{
	struct session session;

	return sessions_find(sessions, value, strlen(value), now, &session);
}

Test(sessions, use_keeps_one_alive_until_its_life_is_over)
{
	struct sessions *sessions = begin();
	char value[SESSION_TEXT_BYTES];

	open_one(sessions, "alice", 0, value);
	for (int64_t now = 0; now < LIFE_US; now += IDLE_US - 1) {
		cr_expect(is_there(sessions, value, now));
	}
	cr_expect(!is_there(sessions, value, LIFE_US));
	sessions_free(sessions);
}

Test(sessions, idleness_ends_one)
{
	struct sessions *sessions = begin();
	char value[SESSION_TEXT_BYTES];

	open_one(sessions, "alice", 0, value);
	cr_expect(is_there(sessions, value, IDLE_US - 1));
	cr_expect(!is_there(sessions, value, IDLE_US - 1 + IDLE_US));
	cr_expect(!is_there(sessions, value, IDLE_US - 1), "it stays over");
	sessions_free(sessions);
}

Test(sessions, a_closed_one_and_a_guess_are_none)
{
	struct sessions *sessions = begin();
	char value[SESSION_TEXT_BYTES];

	open_one(sessions, "alice", 0, value);
	cr_expect(!is_there(sessions, "", 0));
	cr_expect(!is_there(sessions, "AAAA", 0));
	value[5] ^= 1;
	cr_expect(!is_there(sessions, value, 0));
	value[5] ^= 1;
	sessions_close(sessions, value, strlen(value));
	cr_expect(!is_there(sessions, value, 0));
	sessions_close(sessions, value, strlen(value));
	sessions_free(sessions);
}

Test(sessions, one_too_many_of_an_identity_ends_its_idlest)
{
	struct sessions *sessions = begin();
	char first[SESSION_TEXT_BYTES], bob[SESSION_TEXT_BYTES];
	char value[SESSIONS_EACH][SESSION_TEXT_BYTES];

	open_one(sessions, "bob", 0, bob);
	open_one(sessions, "alice", 1, first);
	for (int i = 0; i < SESSIONS_EACH; i++) {
		open_one(sessions, "alice", 2 + i, value[i]);
	}
	cr_expect(!is_there(sessions, first, 30));
	cr_expect(is_there(sessions, value[0], 30));
	cr_expect(is_there(sessions, bob, 30));
	sessions_free(sessions);
}

Test(sessions, when_all_are_taken_the_next_is_refused_until_some_are_over)
{
	struct sessions *sessions = begin();
	char value[SESSION_TEXT_BYTES], who[32];
	struct session session;
	struct gk_err err;

	for (int i = 0; i < SESSIONS_MAX; i++) {
		(void)snprintf(who, sizeof(who), "u_%d", i);
		open_one(sessions, who, 0, value);
	}
	cr_expect(sessions_open(sessions, "late", "hash", 1, 0, value, &session,
		      &err) == GK_E_LIMIT);
	open_one(sessions, "late", IDLE_US, value);
	sessions_free(sessions);
}
