#ifndef TEST_CODEC_CONFORMANCE_H
#define TEST_CODEC_CONFORMANCE_H
/* Where other projects' conformance data lies, read file by file. */

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"

#define CONFORMANCE_PATH_BYTES 1024

/*
 * The path of name below $GATEKEEPER_CONFORMANCE, by default
 * ../shared/conformance beside the sources.  Says "not run" and gives false
 * when nothing is there.
 */
static inline bool
conformance_path(const char *name, char ret_path[CONFORMANCE_PATH_BYTES])
{
	const char *dir = getenv("GATEKEEPER_CONFORMANCE");
	const char *source = getenv("GATEKEEPER_SOURCE");
	struct stat st;

	if (dir != NULL) {
		(void)snprintf(
		    ret_path, CONFORMANCE_PATH_BYTES, "%s/%s", dir, name);
	} else {
		(void)snprintf(ret_path, CONFORMANCE_PATH_BYTES,
		    "%s/../shared/conformance/%s",
		    source == NULL ? "." : source, name);
	}
	if (stat(ret_path, &st) != 0) {
		(void)fprintf(stderr, "not run: %s\n", name);
		return false;
	}
	return true;
}

/* All of a file into an empty buffer. */
static inline void
conformance_read(const char *path, struct gk_buf *buf)
{
	FILE *f = fopen(path, "rbe");
	char piece[4096];
	struct gk_err err;
	size_t n;

	cr_assert(f != NULL, "%s", path);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
		cr_assert(gk_buf_add(buf, piece, n, &err) == GK_OK);
	}
	cr_assert(ferror(f) == 0);
	(void)fclose(f);
}

#endif
