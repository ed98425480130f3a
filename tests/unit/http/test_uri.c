/* Request targets: what splits, what decodes, what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http/uri.h"

static char text[4096];

static enum gk_rc
split(const char *target, struct uri *uri)
{
	struct gk_err err;

	(void)snprintf(text, sizeof(text), "%s", target);
	return uri_split(text, uri, &err);
}

static void
refused(const char *target)
{
	struct uri uri;

	cr_expect(split(target, &uri) != GK_OK, "%s", target);
}

static void
param(const struct uri *uri, size_t i, const char *name, const char *value)
{
	cr_assert(i < uri->param_count);
	cr_expect_str_eq(uri->params[i].name, name);
	cr_expect_str_eq(uri->params[i].value, value);
}

Test(uri, splits_a_path_before_it_decodes)
{
	struct uri uri;

	cr_assert(split("/v1/runs/team%2Frun_1/end", &uri) == GK_OK);
	cr_assert(uri.segment_count == 4);
	cr_expect_str_eq(uri.segments[0], "v1");
	cr_expect_str_eq(uri.segments[2], "team%2Frun_1");
	cr_expect(uri_decode(uri.segments[2]));
	cr_expect_str_eq(uri.segments[2], "team/run_1");
}

Test(uri, counts_empty_and_surplus_segments)
{
	struct uri uri;

	cr_assert(split("/", &uri) == GK_OK);
	cr_expect(uri.segment_count == 1);
	cr_assert(split("//a//", &uri) == GK_OK);
	cr_expect(uri.segment_count == 4);
	cr_assert(split("/1/2/3/4/5/6/7/8", &uri) == GK_OK);
	cr_expect(uri.segment_count == 8);
}

Test(uri, decodes_parameters_and_leaves_a_plus_alone)
{
	struct uri uri;

	cr_assert(split("/v1/events?since=2026-11-23T08:44:00+02:00&"
			"ac%74or=u_%C3%A4&raw&run_id=a%26b%3Dc",
		      &uri) == GK_OK);
	cr_assert(uri.param_count == 4);
	param(&uri, 0, "since", "2026-11-23T08:44:00+02:00");
	param(&uri, 1, "actor", "u_\xc3\xa4");
	param(&uri, 2, "raw", "");
	param(&uri, 3, "run_id", "a&b=c");
}

Test(uri, refuses_what_is_no_path)
{
	refused("");
	refused("*");
	refused("v1/runs");
	refused("http://localhost/v1");
	refused("/a b");
	refused("/a#b");
	refused("/\xc3\xa4");
	refused("/a\x01");
	refused("/a\x7f");
}

Test(uri, refuses_broken_escapes_and_control_bytes)
{
	refused("/%");
	refused("/%4");
	refused("/%4g");
	refused("/%g4");
	refused("/%00");
	refused("/a%0ab");
	refused("/a%7F");
	refused("/a?b=%");
	refused("/a?b=%00");
}

Test(uri, refuses_parameters_that_say_two_things)
{
	refused("/a?");
	refused("/a?=1");
	refused("/a?b=1&");
	refused("/a?b=1&&c=2");
	refused("/a?b=1&b=2");
	refused("/a?b=1&%62=2");
	refused("/a?b=%ff");
	refused("/a?b=%c0%80");
	refused("/a?b=%ed%a0%80");
}

Test(uri, takes_so_many_parameters_and_no_more)
{
	struct uri uri;
	char target[2048] = "/a?p0";

	for (int i = 1; i <= URI_PARAMS_MAX; i++) {
		size_t n = strlen(target);

		cr_expect(split(target, &uri) == GK_OK);
		(void)snprintf(target + n, sizeof(target) - n, "&p%d", i);
	}
	cr_expect(split(target, &uri) == GK_E_LIMIT);
}

Test(uri, a_segment_that_is_not_text_does_not_decode)
{
	char bad[] = "%ff", zero[] = "a%00b", fine[] = "%41%2f";

	cr_expect(!uri_decode(bad));
	cr_expect(!uri_decode(zero));
	cr_expect(uri_decode(fine));
	cr_expect_str_eq(fine, "A/");
}
