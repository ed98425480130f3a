/* Every record table is sorted and whole; events survive the way to bytes and back. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec/digest.h"
#include "model/event.h"

Test(tables, every_table_is_sorted_and_whole)
{
	const struct record_type *const all[] = {&event_type, &actor_type,
	    &identity_type, &decision_request_type, &result_request_type,
	    &event_result_type, &approval_terms_type, &approval_rule_type,
	    &charge_type};

	for (size_t i = 0; i < GK_COUNT(all); i++) {
		cr_assert(record_check(all[i]), "%s", all[i]->name);
		for (size_t k = 0; k < all[i]->count; k++) {
			const struct record_type *inner =
			    all[i]->fields[k].type;

			cr_assert(inner == NULL || record_check(inner), "%s",
			    all[i]->fields[k].name);
		}
	}
}

static void
encode(const struct event *event, struct gk_buf *buf)
{
	struct gk_err err = {0};

	cr_assert(event_encode(event, buf, &err) == GK_OK, "%s", err.text);
}

Test(tables, an_event_survives_bytes_and_is_canonical)
{
	struct charge charges[] = {{.kind = CHARGE_RATE,
				       .rule = "r",
				       .key = "",
				       .per = SCOPE_GLOBAL,
				       .tat_ns = INT64_C(1795000000121000000)},
	    {.kind = CHARGE_BUDGET,
		.rule = "b",
		.key = "t_42",
		.per = SCOPE_TENANT,
		.micros = -5,
		.unit = "usd",
		.window_us = 86400000000,
		.window_end_us = 2 * 86400000000}};
	const char *roles[] = {"support"};
	struct actor actor = {"user", "u_7", roles, 1};
	struct record_pair shown[] = {{"/amount", "c1_x"}};
	struct event event = {.seq = 1041,
	    .timestamp_us = INT64_C(1795000000123456),
	    .kind = EVENT_DECISION,
	    .nonce = {1, 2, 3},
	    .caller = "agent-7",
	    .agent_id = "support-agent",
	    .actor = &actor,
	    .run_id = "run_981",
	    .step_id = "7",
	    .has_decision = true,
	    .decision = DECISION_STOP,
	    .layer = LAYER_ACCESS,
	    .reason = "quote \" and \xc3\xa9",
	    .charges = charges,
	    .charge_count = 2,
	    .shown = shown,
	    .shown_count = 1};
	GK_AUTO(gk_buf_done) struct gk_buf one = GK_BUF_INIT(EVENT_BYTES_MAX);
	GK_AUTO(gk_buf_done) struct gk_buf two = GK_BUF_INIT(EVENT_BYTES_MAX);
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct event back;
	struct gk_err err = {0};

	encode(&event, &one);
	cr_assert(
	    event_decode(one.bytes, one.len, &arena, &back, &err) == GK_OK,
	    "%s %s", err.where, err.text);
	cr_assert(back.has_decision && back.decision == DECISION_STOP);
	cr_assert(back.charges[0].tat_ns == charges[0].tat_ns);
	encode(&back, &two);
	cr_assert_str_eq(one.bytes, two.bytes);
}

Test(tables, bytes_that_are_not_canonical_or_not_known_are_refused)
{
	static const char *const bad[] = {
	    "{}",
	    "[]",
	    "{\"kind\":\"genesis\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"control\",\"seq\":0,\"timestamp\":\"2026-01-01T00:00:"
	    "00.000000Z\",\"v\":2}",
	    "{\"kind\":\"genesis\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"pre_exec\",\"seq\":0,\"timestamp\":\"2026-01-01T00:00:"
	    "00.000000Z\",\"v\":1}",
	    "{ "
	    "\"kind\":\"genesis\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"control\",\"seq\":0,\"timestamp\":\"2026-01-01T00:00:"
	    "00.000000Z\",\"v\":1}",
	    "{\"kind\":\"genesis\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"control\",\"seq\":0,\"timestamp\":\"2026-01-01T00:00:"
	    "00Z\",\"v\":1}",
	    "{\"extra\":1,\"kind\":\"genesis\",\"nonce\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAA\",\"phase\":\"control\",\"seq\":0,"
	    "\"timestamp\":\"2026-01-01T00:00:00.000000Z\",\"v\":1}",
	};
	static const char good[] =
	    "{\"kind\":\"genesis\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"control\",\"seq\":0,\"timestamp\":\"2026-01-01T00:00:"
	    "00.000000Z\",\"v\":1}";
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 20);
	struct event back;

	cr_assert(
	    event_decode(good, strlen(good), &arena, &back, NULL) == GK_OK);
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(event_decode(bad[i], strlen(bad[i]), &arena, &back,
			      NULL) == GK_E_INVALID,
		    "%s", bad[i]);
	}
}

Test(tables, a_commitment_is_the_one_that_the_journal_format_says)
{
	uint8_t salt[16];
	char text[EVENT_COMMIT_BYTES];

	for (int i = 0; i < 16; i++) {
		salt[i] = (uint8_t)(0xa0 + i);
	}
	cr_assert(digest_init(NULL) == GK_OK);
	event_commit("/amount", salt, "120.5", text);
	/* computed with Python's hashlib from the same bytes */
	cr_assert_str_eq(
	    text, "c1_f8GZhsJhkK9rceEzEumT17MlQWUOUgBKLbjweoea7UM");
}
