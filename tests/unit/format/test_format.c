/* Streams of events: words, caps, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec/digest.h"
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

#define HEX "8124d4aa2c50f0255429e8ffc2ffe75ebece925cb615d4c5b6700a664e9b2bba"

Test(format, what_was_added_to_an_event_is_well_formed_and_in_its_place)
{
	static const struct {
		const char *row;
		enum gk_rc rc;
	} cases[] = {
#define ROW(leaf, opened, end)                                                 \
	"{\"kind\":\"close\"," leaf                                            \
	"\"nonce\":\"ZI-OGToGwwdn5x-zKkqyqw\"," opened                         \
	"\"phase\":\"control\",\"seq\":7,\"timestamp\":\"2026-11-23T08:14:00." \
	"000000Z\",\"v\":1" end "}"
	    {ROW("", "", ""), GK_OK},
	    {ROW("\"leaf_hash\":\"" HEX "\",", "", ""), GK_OK},
	    {ROW("\"leaf_hash\":\"" HEX "\",", "\"opened\":{\"/a\":1},", ""),
		GK_OK},
	    {ROW("", "\"opened\":{},", ""), GK_OK},
	    {ROW("\"leaf_hash\":\"" HEX "0\",", "", ""), GK_E_INVALID},
	    {ROW("\"leaf_hash\":\"\xf2\xf2\",", "", ""), GK_E_INVALID},
	    {ROW("\"leaf_hash\":7,", "", ""), GK_E_INVALID},
	    {ROW("", "", ",\"leaf_hash\":\"" HEX "\""), GK_E_INVALID},
	    {ROW("", "\"opened\":[],", ""), GK_E_INVALID},
	    {ROW("", "\"opened\":{\"/a\":\"\xff\"},", ""), GK_E_INVALID},
	    {ROW("", "\"opened\":{\"/b\":1,\"/a\":1},", ""), GK_E_INVALID},
	    {ROW("", "\"opened\":{\"/a\": 1},", ""), GK_E_INVALID},
	    {ROW("\"opened\":{},", "", ""), GK_E_INVALID},
	};

	cr_assert(digest_init(NULL) == GK_OK);
	for (int f = FORMAT_NONE + 1; f < FORMAT_COUNT; f++) {
		const struct format_options options = {
		    (enum format)f, "test", "0"};
		GK_AUTO(format_freep) struct format_stream *stream = NULL;

		cr_assert(format_new(&options, &stream, NULL) == GK_OK);
		for (size_t i = 0; i < GK_COUNT(cases); i++) {
			GK_AUTO(gk_buf_done)
			struct gk_buf out = GK_BUF_INIT(1 << 16);
			const char *row = cases[i].row;

			cr_assert_eq((int)format_print(
					 stream, row, strlen(row), &out, NULL),
			    (int)cases[i].rc, "%d: %s", f, row);
		}
	}
}
