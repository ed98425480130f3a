/* A run told to people, against frozen text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "cli/timeline.h"

static const struct json_limits limits = {1 << 20, 32, 10000};

static void
read_golden(const char *name, struct gk_buf *buf)
{
	const char *root = getenv("GATEKEEPER_SOURCE");
	struct gk_err err = {0};
	char path[512];

	cr_assert(root != NULL);
	(void)snprintf(path, sizeof(path), "%s/tests/golden/%s", root, name);
	cr_assert(cli_read_file(path, buf, &err) == GK_OK, "%s", err.text);
}

static char *
tell(const struct json_value *events, bool colour)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	cr_assert(out != NULL);
	timeline_print("run_981", events, colour, out);
	cr_assert(fclose(out) == 0);
	return text;
}

static void
freep(char **text)
{
	free(*text);
}

static struct json_value *
parse(const char *text)
{
	struct json_value *value = NULL;
	struct gk_err err = {0};

	cr_assert(
	    json_parse(text, strlen(text), &limits, &value, &err) == GK_OK,
	    "%s at %s", err.text, err.where);
	return value;
}

Test(timeline, a_run_reads_as_it_did)
{
	GK_AUTO(gk_buf_done) struct gk_buf input = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf want = GK_BUF_INIT(1 << 20);
	GK_AUTO(json_freep) struct json_value *run = NULL;
	GK_AUTO(freep) char *text = NULL;

	read_golden("timeline.json", &input);
	read_golden("timeline.txt", &want);
	run = parse(gk_buf_text(&input));
	text = tell(json_get(run, "events"), false);
	cr_assert(strcmp(text, gk_buf_text(&want)) == 0, "found:\n%s", text);
}

Test(timeline, colours_are_only_added)
{
	GK_AUTO(gk_buf_done) struct gk_buf input = GK_BUF_INIT(1 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf want = GK_BUF_INIT(1 << 20);
	GK_AUTO(json_freep) struct json_value *run = NULL;
	GK_AUTO(freep) char *text = NULL;
	char *to;

	read_golden("timeline.json", &input);
	read_golden("timeline.txt", &want);
	run = parse(gk_buf_text(&input));
	text = tell(json_get(run, "events"), true);
	cr_assert(strstr(text, "\033[31m") != NULL);
	to = text;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '\033') {
			at += strcspn(at, "m");
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	cr_assert(strcmp(text, gk_buf_text(&want)) == 0, "found:\n%s", text);
}

Test(timeline, a_run_without_events_is_told_too)
{
	GK_AUTO(json_freep) struct json_value *events = parse("[]");
	GK_AUTO(freep) char *text = tell(events, false);

	cr_assert(strcmp(text, "run_981: no events\n") == 0);
}

Test(timeline, what_an_event_says_cannot_steer_the_terminal)
{
	GK_AUTO(json_freep)
	struct json_value *events =
	    parse("[{\"kind\":\"decision\",\"decision\":\"stop\",\"step_id\":"
		  "\"1\\u001b[2J\","
		  "\"action\":\"a\\u009bb\",\"reason\":\"x\\ny\","
		  "\"timestamp\":\"2026-11-23T08:14:00.000000Z\"}]");
	GK_AUTO(freep) char *text = tell(events, false);

	cr_assert(strchr(text, '\033') == NULL);
	cr_assert(strstr(text, "\xc2\x9b") == NULL);
	cr_assert(strstr(text, "x?y") != NULL, "%s", text);
}

Test(timeline, elapsed_time_is_short)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
	    {0, "+0.000s"},
	    {132999, "+0.132s"},
	    {59999999, "+59.999s"},
	    {60000000, "+1m00s"},
	    {INT64_C(3599000000), "+59m59s"},
	    {INT64_C(3720000000), "+1h02m"},
	    {INT64_C(273600000000), "+3d04h"},
	};

	for (size_t i = 0; i < GK_COUNT(cases); i++) {
		char text[32];

		timeline_elapsed(cases[i].us, text);
		cr_assert(strcmp(text, cases[i].text) == 0, "%s", text);
	}
}

Test(table, columns_are_as_wide_as_what_stands_in_them)
{
	static const char *const rows[][3] = {{"A", "LONGER", "C"},
	    {"\xc3\xa4\xc3\xb6", "x", NULL}, {"abc", "", "z\x1b"}};
	GK_AUTO(table_done) struct table table = TABLE_INIT(3);
	GK_AUTO(freep) char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	for (size_t i = 0; i < GK_COUNT(rows); i++) {
		table_row(&table, rows[i]);
	}
	table_print(&table, out);
	cr_assert(fclose(out) == 0);
	cr_assert(strcmp(text, "A    LONGER  C\n"
			       "\xc3\xa4\xc3\xb6   x       -\n"
			       "abc          z?\n") == 0,
	    "%s", text);
}
