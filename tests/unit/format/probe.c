/* Prints standard input's rows in the format that is named, for test_formats.py: probe FORMAT ORIGIN. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "format/format.h"

static int
fail(const struct gk_err *err)
{
	(void)fprintf(stderr, "%s\n", err->text);
	return 1;
}

static int
print_rows(struct format_stream *stream)
{
	GK_AUTO(gk_buf_done) struct gk_buf out = GK_BUF_INIT(1u << 24);
	struct gk_err err = {.rc = GK_OK};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int code = 0;

	if (format_print_head(stream, &out, &err) != GK_OK) {
		return fail(&err);
	}
	while (code == 0 && (n = getline(&line, &room, stdin)) > 0) {
		n -= line[n - 1] == '\n';
		if (format_print(stream, line, (size_t)n, &out, &err) !=
		    GK_OK) {
			code = fail(&err);
		}
	}
	free(line);
	(void)fwrite(gk_buf_text(&out), 1, out.len, stdout);
	return code;
}

int
main(int argc, char **argv)
{
	GK_AUTO(format_freep) struct format_stream *stream = NULL;
	struct format_options options = {.version = "9.8|7\\x"};
	struct gk_err err = {.rc = GK_OK};

	if (argc != 3 || digest_init(&err) != GK_OK) {
		return 64;
	}
	options.format = format_find(argv[1]);
	options.origin = argv[2];
	if (format_new(&options, &stream, &err) != GK_OK) {
		return fail(&err);
	}
	return print_rows(stream);
}
