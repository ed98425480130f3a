/* A policy folder on disk → the texts of its files, by name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy_internal.h"

void
folder_done(struct folder *folder)
{
	gk_arena_done(&folder->arena);
}

static bool
has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

static bool
is_policy_name(const char *name)
{
	return name[0] != '.' && has_suffix(name, ".yaml") &&
	       !has_suffix(name, ".test.yaml");
}

/* prefix: the sub-folder, "" or ending in '/'. */
static enum gk_rc
read_whole(struct folder *folder, int fd, const char *prefix, const char *name,
    size_t size, struct gk_err *err)
{
	struct policy_text *text = &folder->texts[folder->count];
	char *bytes = gk_arena_alloc(&folder->arena, size + 1);
	size_t n = 0;

	if (bytes == NULL) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "%s: the folder is too large", name);
	}
	while (n <= size) { /* one byte more, to see whether it has grown */
		ssize_t got = read(fd, bytes + n, size + 1 - n);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return GK_FAIL(err, GK_E_IO, "%s: %m", name);
		}
		if (got == 0) {
			break;
		}
		n += (size_t)got;
	}
	if (n != size) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: changed while it was read", name);
	}
	text->name = gk_arena_printf(&folder->arena, "%s%s", prefix, name);
	text->bytes = bytes;
	text->n = n;
	if (text->name == NULL) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "%s: the folder is too large", name);
	}
	folder->count++;
	return GK_OK;
}

static enum gk_rc
read_file(struct folder *folder, int dir_fd, const char *prefix,
    const char *name, struct gk_err *err)
{
	struct stat st;
	enum gk_rc rc;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		return GK_FAIL(err, GK_E_IO, "%s: %m", name);
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		rc = GK_FAIL(err, GK_E_IO, "%s: not a regular file", name);
	} else if (st.st_size > (off_t)POLICY_FILE_BYTES_MAX) {
		rc = GK_FAIL(err, GK_E_LIMIT, "%s: larger than %u bytes", name,
		    POLICY_FILE_BYTES_MAX);
	} else {
		rc = read_whole(
		    folder, fd, prefix, name, (size_t)st.st_size, err);
	}
	(void)close(fd);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct policy_text *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* A file that somebody may believe to be in force. */
static void
warn_passed_over(
    struct policy_report *report, const char *prefix, const char *name)
{
	struct problem_place place = {name, {0, 0}, NULL, 0};

	if (prefix[0] != '\0') {
		if (name[0] != '.') {
			report_add(report, true, &place,
			    "name it <action>.schema.json",
			    "passed over in " ACTIONS_FOLDER);
		}
		return;
	}
	if (name[0] != '.' &&
	    (has_suffix(name, ".yml") || has_suffix(name, ".YAML"))) {
		report_add(report, true, &place, "rename it to *.yaml",
		    "passed over: only *.yaml is read");
	}
}

/* The next entry; NULL at the end, or with errno set. */
static struct dirent *
next_entry(DIR *dir)
{
	errno = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this thread alone */
	return readdir(dir);
}

/* Every file of an open folder that is wanted by its name; takes dir. */
static enum gk_rc
read_entries(DIR *dir, const char *prefix, bool (*is_wanted)(const char *),
    struct folder *folder, struct policy_report *report, struct gk_err *err)
{
	struct dirent *entry;
	enum gk_rc rc = GK_OK;

	while (rc == GK_OK && (entry = next_entry(dir)) != NULL) {
		if (!is_wanted(entry->d_name)) {
			warn_passed_over(report, prefix, entry->d_name);
			continue;
		}
		rc = folder->count == POLICY_FILES_MAX
			 ? GK_FAIL(err, GK_E_LIMIT, "more than %d policy files",
			       POLICY_FILES_MAX)
			 : read_file(
			       folder, dirfd(dir), prefix, entry->d_name, err);
	}
	if (rc == GK_OK && errno != 0) {
		rc = GK_FAIL(err, GK_E_IO, "%s: %m", prefix);
	}
	(void)closedir(dir);
	return rc;
}

static bool
is_schema_name(const char *name)
{
	return name[0] != '.' && has_suffix(name, ".schema.json");
}

/* The action schemas, where there are any. */
static enum gk_rc
read_actions(int dir_fd, struct folder *folder, struct policy_report *report,
    struct gk_err *err)
{
	int fd =
	    openat(dir_fd, ACTIONS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		return GK_OK;
	}
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		enum gk_rc rc = GK_FAIL(err, GK_E_IO, ACTIONS_FOLDER ": %m");

		if (fd >= 0) {
			(void)close(fd);
		}
		return rc;
	}
	return read_entries(
	    dir, ACTIONS_FOLDER, is_schema_name, folder, report, err);
}

enum gk_rc
folder_read(const char *path, struct folder *folder,
    struct policy_report *report, struct gk_err *err)
{
	DIR *dir = opendir(path);
	enum gk_rc rc;

	if (dir == NULL) {
		return errno == ENOTDIR
			   ? GK_FAIL(err, GK_E_IO,
				 "%s: a policy is a folder, and this is a file",
				 path)
			   : GK_FAIL(err, GK_E_IO, "%s: %m", path);
	}
	folder->arena.cap = FOLDER_BYTES_MAX;
	folder->texts = gk_arena_calloc(
	    &folder->arena, POLICY_FILES_MAX, sizeof(*folder->texts));
	rc = folder->texts == NULL
		 ? GK_FAIL(err, GK_E_NOMEM, "policy folder")
		 : read_actions(dirfd(dir), folder, report, err);
	if (rc != GK_OK) {
		(void)closedir(dir);
		return rc;
	}
	GK_TRY(read_entries(dir, "", is_policy_name, folder, report, err));
	qsort(folder->texts, folder->count, sizeof(*folder->texts), by_name);
	return GK_OK;
}
