/* Names, globs, amounts, ids. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec/digest.h"
#include "model/decimal.h"
#include "model/event.h"
#include "model/ids.h"
#include "model/names.h"
#include "model/request.h"

Test(names, globs_match_within_and_across_dots)
{
	cr_assert(name_glob("*", "crm.search"));
	cr_assert(name_glob("*.delete", "a.b.delete"));
	cr_assert(name_glob("kb.*", "kb.x.y"));
	cr_assert(name_glob("a*b*c", "a.x.b.y.c"));
	cr_assert(!name_glob("kb.*", "kb"));
	cr_assert(!name_glob("*.delete", "a.deleted"));
	cr_assert(!name_glob("", "a"));
	cr_assert(name_glob("", ""));
}

Test(names, a_hostile_glob_is_still_quick)
{
	char text[129];

	memset(text, 'a', 128);
	text[128] = '\0';
	cr_assert(!name_glob("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

Test(names, ids_have_an_alphabet_and_a_length)
{
	char text[130];

	cr_assert(name_is_id("run_981/a:b@c-d.E"));
	cr_assert(!name_is_id(""));
	cr_assert(!name_is_id("a~b"));
	cr_assert(name_is_step("a~granted"));
	cr_assert(!name_is_id("a b"));
	cr_assert(!name_is_action("a/b"));
	memset(text, 'a', 129);
	text[129] = '\0';
	cr_assert(!name_is_id(text));
	text[128] = '\0';
	cr_assert(name_is_id(text));
}

Test(names, amounts_are_exact_and_bounded)
{
	static const char *const bad[] = {"", ".", "-1", "+1", "1.", ".5",
	    "1e3", "0.0000001", "1 ", "1000000000001", "1000000000000.000001",
	    /* these wrap around to what is negative, or small, in 64 bits */
	    "9300000000000", "10000000000000", "18446744073710",
	    "99999999999999999999"};
	char text[DECIMAL_TEXT_BYTES];
	int64_t micros;

	cr_assert(decimal_parse("0.02", &micros, NULL) == GK_OK);
	cr_assert(micros == 20000);
	cr_assert(decimal_parse("1000000000000", &micros, NULL) == GK_OK);
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(decimal_parse(bad[i], &micros, NULL) != GK_OK, "%s",
		    bad[i]);
	}
	decimal_print(20000, text);
	cr_assert_str_eq(text, "0.02");
	decimal_print(-1500000, text);
	cr_assert_str_eq(text, "-1.5");
	decimal_print(INT64_MIN, text);
	cr_assert_str_eq(text, "-9223372036854.775808");
}

Test(names, ids_carry_their_seq_and_nobody_else_can_make_one)
{
	struct id_key key = {"0123456789abcde"};
	char text[ID_TEXT_BYTES], other[ID_TEXT_BYTES];
	uint64_t seq;

	id_print(&key, ID_DECISION, 1041, text);
	cr_assert(id_parse(&key, ID_DECISION, text, &seq));
	cr_assert(seq == 1041);
	cr_assert(!id_parse(&key, ID_APPROVAL, text, &seq));
	for (size_t i = 0; i < strlen(text); i++) {
		memcpy(other, text, sizeof(text));
		other[i] = other[i] == 'A' ? 'B' : 'A';
		cr_assert(
		    !id_parse(&key, ID_DECISION, other, &seq), "%s", other);
	}
}

Test(names, a_pseudonym_has_one_form_and_is_an_id)
{
	static const char *const good[] = {
	    "p1_abcdefghijklmnopqrstuv", "p999999999_ABCDEFGHIJ-KLMNOP_QRST"};
	static const char *const bad[] = {"", "p", "p1", "p1_",
	    "p1_abcdefghijklmnopqrstu", "p1_abcdefghijklmnopqrstuvw",
	    "p0_abcdefghijklmnopqrstuv", "p01_abcdefghijklmnopqrstuv",
	    "p1234567890_abcdefghijklmnopqrstuv", "P1_abcdefghijklmnopqrstuv",
	    "p_abcdefghijklmnopqrstuv", "h1_abcdefghijklmnopqrstuv",
	    "p1_abcdefghijklmnopqrst.v", "xp1_abcdefghijklmnopqrstuv",
	    "p1-abcdefghijklmnopqrstuv"};

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(name_is_pseudonym(good[i]), "%s", good[i]);
		cr_assert(name_is_id(good[i]));
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert(!name_is_pseudonym(bad[i]), "%s", bad[i]);
	}
	cr_assert(event_key_of(good[0]) == 1);
	cr_assert(event_key_of(good[1]) == 999999999);
}

Test(names, a_traceparent_parses_or_is_dropped)
{
	cr_assert(request_traceparent_ok(
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
	cr_assert(!request_traceparent_ok(
	    "00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
	cr_assert(!request_traceparent_ok(
	    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
	cr_assert(!request_traceparent_ok(
	    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
	cr_assert(!request_traceparent_ok("00-"));
	cr_assert(!request_traceparent_ok(""));
}
