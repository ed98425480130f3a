/* Shipping's parts: addresses, messages, cursors, and a file that is whole lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/digest.h"
#include "out/ship_internal.h"

static const char leaf[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

Test(ship, syslog_addresses)
{
	static const char *const good[] = {"tcp://127.0.0.1:514",
	    "tcp://siem.example:601", "tcp://[::1]:65535", "unix:/dev/log",
	    "tls://siem.example:6514"};
	static const char *const bad[] = {"", "127.0.0.1:514", "tcp://",
	    "tcp://x", "tcp://x:", "tcp://:514", "tcp://x:514a",
	    "tcp://x:123456", "tcp://x/y:514", "udp://x:514",
	    "unix:", "tls://x", "tls://:6514"};
	char path[200] = "unix:";

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(ship_syslog_ok(good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert_not(ship_syslog_ok(bad[i]), "%s", bad[i]);
	}
	memset(path + 5, 'x', 107);
	path[5 + 107] = '\0';
	cr_assert(ship_syslog_ok(path));
	path[5 + 107] = 'x';
	path[5 + 108] = '\0';
	cr_assert_not(ship_syslog_ok(path));
}

Test(ship, https_urls)
{
	static const char *const good[] = {
	    "https://a", "https://a:8443/x?y=1", "https://[::1]/"};
	static const char *const bad[] = {"", "http://a", "https://",
	    "https:///x", "https://a b", "https://a\n", "HTTPS", "https://a\""};

	for (size_t i = 0; i < GK_COUNT(good); i++) {
		cr_assert(ship_https_ok(good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		cr_assert_not(ship_https_ok(bad[i]), "%s", bad[i]);
	}
}

Test(ship, a_syslog_message_is_rfc_5424)
{
	struct format_facts facts = {INT64_C(1795000000123456), 4, "violation"};
	struct gk_buf buf = GK_BUF_INIT(1000);
	struct gk_err err = {.rc = GK_OK};

	cr_assert_eq(
	    syslog_print(&facts, "host", 77, "line", 4, &buf, &err), GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf),
	    "<107>1 2026-11-18T11:06:40.123456Z host gatekeeper 77 violation - "
	    "line");
	facts.severity = 1;
	gk_buf_clear(&buf);
	cr_assert_eq(
	    syslog_print(&facts, "host", 77, "", 0, &buf, &err), GK_OK);
	cr_assert_eq(strncmp(gk_buf_text(&buf), "<110>1 ", 7), 0);
	facts.severity = 99;
	gk_buf_clear(&buf);
	cr_assert_eq(
	    syslog_print(&facts, "host", 77, "", 0, &buf, &err), GK_OK);
	cr_assert_eq(strncmp(gk_buf_text(&buf), "<110>1 ", 7), 0);
	gk_buf_done(&buf);
}

/* ---- cursors ---- */

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static void
make_folder(char dir[64])
{
	struct gk_err err = {.rc = GK_OK};

	(void)snprintf(dir, 64, "/tmp/gk-ship-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(cursor_folder(dir, &err), GK_OK, "%s", err.text);
	cr_assert_eq(cursor_folder(dir, &err), GK_OK, "%s", err.text);
}

Test(ship, a_cursor_survives_and_is_absent_at_first)
{
	char dir[64], got[TAIL_LEAF_BYTES], path[128];
	struct gk_err err = {.rc = GK_OK};
	uint64_t next = 7;
	struct stat st;
	bool found = true;

	make_folder(dir);
	cr_assert_eq(cursor_load(dir, "file", &next, got, &found, &err), GK_OK);
	cr_assert_not(found);
	cr_assert_eq(cursor_store(dir, "file", 1041, leaf, &err), GK_OK);
	cr_assert_eq(cursor_load(dir, "file", &next, got, &found, &err), GK_OK);
	cr_assert(found);
	cr_assert_eq(next, 1041);
	cr_assert_str_eq(got, leaf);
	cr_assert_eq(cursor_store(dir, "file", 0, "", &err), GK_OK);
	cr_assert_eq(cursor_load(dir, "file", &next, got, &found, &err), GK_OK);
	cr_assert_eq(next, 0);
	cr_assert_str_eq(got, "");
	(void)snprintf(path, sizeof(path), "%s/export", dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700);
}

Test(ship, what_is_no_cursor_is_corrupt)
{
	static const char *const bad[] = {"", "\n", "12\n", "12 -\n", "-1 -\n",
	    "0 -", "12 00\n", "1x 00112233\n", "99999999999999999999 -\n",
	    "0 - \n"};
	char dir[64], got[TAIL_LEAF_BYTES], path[128], text[200];
	struct gk_err err = {.rc = GK_OK};
	uint64_t next;
	bool found;

	make_folder(dir);
	(void)snprintf(path, sizeof(path), "%s/export/file.seq", dir);
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		write_text(path, bad[i]);
		cr_assert_eq(cursor_load(dir, "file", &next, got, &found, &err),
		    GK_E_CORRUPT, "%s", bad[i]);
	}
	(void)snprintf(text, sizeof(text), "12 %s0\n", leaf);
	write_text(path, text);
	cr_assert_eq(
	    cursor_load(dir, "file", &next, got, &found, &err), GK_E_CORRUPT);
}

/* ---- a file ---- */

static size_t
read_text(const char *path, char *ret, size_t room)
{
	FILE *file = fopen(path, "r");
	size_t n;

	cr_assert_not_null(file);
	n = fread(ret, 1, room - 1, file);
	ret[n] = '\0';
	(void)fclose(file);
	return n;
}

struct bench {
	char dir[64], path[128];
	struct ship_options options;
	struct target target;
	void *inside;
	struct ship_piece piece;
};

static void
bench_init(struct bench *bench, enum format format)
{
	const struct format_options printing = {format, "o", "1"};
	struct gk_err err = {.rc = GK_OK};

	memset(bench, 0, sizeof(*bench));
	make_folder(bench->dir);
	(void)snprintf(
	    bench->path, sizeof(bench->path), "%s/events", bench->dir);
	bench->options.file_path = bench->path;
	bench->target.options = &bench->options;
	cr_assert_eq(format_new(&printing, &bench->target.stream, &err), GK_OK);
	cr_assert_eq(
	    door_file.open(&bench->target, &bench->inside, &err), GK_OK);
}

static enum gk_rc
bench_send(struct bench *bench, const char *line)
{
	struct ship_batch batch = {.count = 1, .pieces = &bench->piece};
	struct gk_err err = {.rc = GK_OK};
	int64_t wait = 0;
	enum gk_rc rc;

	batch.bytes.cap = 1000;
	cr_assert_eq(gk_buf_puts(&batch.bytes, line, &err), GK_OK);
	rc = door_file.send(&bench->target, bench->inside, &batch, &wait, &err);
	gk_buf_done(&batch.bytes);
	return rc;
}

static void
bench_done(struct bench *bench)
{
	door_file.close(bench->inside);
	format_free(bench->target.stream);
}

Test(ship, a_file_is_appended_to_and_a_torn_line_is_cut)
{
	struct bench bench;
	char text[200];

	bench_init(&bench, FORMAT_JSONL);
	write_text(bench.path, "one\ntwo\n{\"torn");
	cr_assert_eq(bench_send(&bench, "three\n"), GK_OK);
	(void)read_text(bench.path, text, sizeof(text));
	cr_assert_str_eq(text, "one\ntwo\nthree\n");
	cr_assert_eq(bench_send(&bench, "four\n"), GK_OK);
	(void)read_text(bench.path, text, sizeof(text));
	cr_assert_str_eq(text, "one\ntwo\nthree\nfour\n");
	bench_done(&bench);
}

Test(ship, a_file_that_is_one_torn_line_becomes_empty)
{
	struct bench bench;
	char text[200];

	bench_init(&bench, FORMAT_JSONL);
	write_text(bench.path, "torn");
	cr_assert_eq(bench_send(&bench, "one\n"), GK_OK);
	(void)read_text(bench.path, text, sizeof(text));
	cr_assert_str_eq(text, "one\n");
	bench_done(&bench);
}

Test(ship, csv_has_its_titles_once_a_file)
{
	struct bench bench;
	char text[2000];

	bench_init(&bench, FORMAT_CSV);
	cr_assert_eq(bench_send(&bench, "1\r\n"), GK_OK);
	cr_assert_eq(bench_send(&bench, "2\r\n"), GK_OK);
	(void)read_text(bench.path, text, sizeof(text));
	cr_assert_eq(strncmp(text, "seq,timestamp,", 14), 0);
	cr_assert_str_eq(strchr(text, '\n') + 1, "1\r\n2\r\n");
	cr_assert_eq(unlink(bench.path), 0);
	door_file.reopen(bench.inside);
	cr_assert_eq(bench_send(&bench, "3\r\n"), GK_OK);
	(void)read_text(bench.path, text, sizeof(text));
	cr_assert_eq(strncmp(text, "seq,timestamp,", 14), 0);
	bench_done(&bench);
}

Test(ship, what_is_no_regular_file_is_refused_and_tried_again)
{
	struct bench bench;

	bench_init(&bench, FORMAT_JSONL);
	cr_assert_eq(mkfifo(bench.path, 0600), 0);
	cr_assert_eq(bench_send(&bench, "one\n"), GK_E_IO);
	cr_assert_eq(unlink(bench.path), 0);
	cr_assert_eq(bench_send(&bench, "one\n"), GK_OK);
	bench_done(&bench);
}
