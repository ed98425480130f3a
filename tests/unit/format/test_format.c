/* Streams of events: words, caps, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "format/format.h"

Test(format, every_format_has_a_word_and_a_media_type)
{
	for (int i = FORMAT_NONE + 1; i < FORMAT_COUNT; i++) {
		cr_assert_eq(format_find(format_words[i]), (enum format)i);
		cr_assert_not_null(
		    strchr(format_media_type((enum format)i), '/'));
	}
	cr_assert_eq(format_find("xml"), FORMAT_NONE);
	cr_assert_eq(format_find(""), FORMAT_NONE);
}

Test(format, a_buffer_that_is_too_small_is_an_error_in_every_format)
{
	static const char row[] =
	    "{\"action\":\"a\",\"agent_id\":\"g\",\"decision\":\"stop\","
	    "\"kind\":\"decision\",\"nonce\":\"AQIDAAAAAAAAAAAAAAAAAA\","
	    "\"phase\":\"pre_exec\",\"run_id\":\"r\",\"seq\":0,"
	    "\"step_id\":\"1\",\"timestamp\":\"2026-11-23T08:14:00.000000Z\","
	    "\"v\":1}";

	for (int i = FORMAT_NONE + 1; i < FORMAT_COUNT; i++) {
		const struct format_options options = {
		    (enum format)i, "o", "1"};
		struct gk_buf small = GK_BUF_INIT(40);
		struct gk_buf large = GK_BUF_INIT(1 << 16);
		struct format_stream *stream = NULL;
		struct gk_err err = {.rc = GK_OK};

		cr_assert_eq(format_new(&options, &stream, &err), GK_OK);
		cr_assert_eq(
		    format_print(stream, row, sizeof(row) - 1, &small, &err),
		    GK_E_LIMIT, "%s", format_words[i]);
		cr_assert_eq(
		    format_print(stream, row, sizeof(row) - 1, &large, &err),
		    GK_OK, "%s: %s", format_words[i], err.text);
		cr_assert_eq(large.bytes[large.len - 1], '\n');
		format_free(stream);
		gk_buf_done(&small);
		gk_buf_done(&large);
	}
}
