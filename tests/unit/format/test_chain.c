/* The sessions of an AAT stream: found again, dropped, and bounded in number. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "format/format_internal.h"

static struct chain *
find(struct chains *chains, const char *run, uint64_t seq)
{
	const struct event event = {.run_id = run, .agent_id = "a", .seq = seq};
	struct gk_err err = {.rc = GK_OK};
	struct chain *chain = NULL;

	cr_assert_eq(chains_find(chains, "o", &event, &chain, &err), GK_OK);
	return chain;
}

Test(chain, a_run_is_found_again_and_begins_anew_when_it_was_dropped)
{
	struct gk_err err = {.rc = GK_OK};
	struct chains *chains;
	struct chain *one;
	char before[CHAIN_UUID_BYTES];

	cr_assert_eq(chains_new(&chains, &err), GK_OK);
	one = find(chains, "r", 1);
	cr_assert_eq(find(chains, "r", 2), one);
	cr_assert_neq(find(chains, "s", 3), one);
	cr_assert_neq(find(chains, NULL, 4), one);
	memcpy(before, one->session_id, sizeof(before));
	chains_drop(chains, one);
	cr_assert_str_neq(find(chains, "r", 5)->session_id, before);
	chains_free(chains);
}

Test(chain, the_least_used_run_gives_way)
{
	struct gk_err err = {.rc = GK_OK};
	struct chains *chains;
	char run[16];

	cr_assert_eq(chains_new(&chains, &err), GK_OK);
	chain_add(find(chains, "first", 0), "id", "{}", 2);
	chain_add(find(chains, "kept", 0), "id", "{}", 2);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(run, sizeof(run), "%d", i);
		(void)find(chains, run, 1);
		cr_assert_eq(find(chains, "kept", 1)->records, 1);
	}
	cr_assert_eq(find(chains, "first", 2)->records, 0);
	chains_free(chains);
}

Test(chain, a_uuid_has_the_form_of_version_four_and_follows_from_its_parts)
{
	char one[CHAIN_UUID_BYTES], two[CHAIN_UUID_BYTES];

	for (uint64_t seq = 0; seq < 100; seq++) {
		chain_uuid("record", "o", seq, one);
		cr_assert_eq(strlen(one), CHAIN_UUID_BYTES - 1);
		cr_assert_eq(one[14], '4');
		cr_assert_not_null(strchr("89ab", one[19]));
		chain_uuid("record", "o", seq, two);
		cr_assert_str_eq(one, two);
		chain_uuid("session", "o", seq, two);
		cr_assert_str_neq(one, two);
		chain_uuid("record", "p", seq, two);
		cr_assert_str_neq(one, two);
	}
}
