/*
 * Shipping to a file: appended and synced batch by batch.  A batch that couldn't
 * be written whole is taken back, a line that a crash left torn is cut off, so
 * that the file is whole lines at any time somebody else looks between batches.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out/ship_internal.h"

struct file {
	int fd; /* -1: to be opened */
};

static enum gk_rc
io_error(const struct target *target, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_IO, "%s: %s", target->options->file_path,
	    strerrordesc_np(errno));
}

static void
file_reopen(void *inside)
{
	struct file *file = inside;

	if (file->fd >= 0) {
		(void)close(file->fd);
		file->fd = -1;
	}
}

static enum gk_rc
file_open(struct target *target, void **ret_inside, struct gk_err *err)
{
	struct file *file = calloc(1, sizeof(*file));

	(void)target;
	if (file == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a file");
	}
	file->fd = -1;
	*ret_inside = file;
	return GK_OK;
}

static void
file_close(void *inside)
{
	file_reopen(inside);
	free(inside);
}

/* Where the last whole line ends: size, unless a crash left a piece. */
static enum gk_rc
cut_torn_line(
    struct target *target, int fd, off_t *ret_size, struct gk_err *err)
{
	off_t end = *ret_size;
	char c = '\n';

	while (end > 0) {
		if (pread(fd, &c, 1, end - 1) != 1) {
			return io_error(target, err);
		}
		if (c == '\n') {
			break;
		}
		end--;
	}
	if (end < *ret_size && ftruncate(fd, end) != 0) {
		return io_error(target, err);
	}
	*ret_size = end;
	return GK_OK;
}

static enum gk_rc
write_all(struct target *target, int fd, const char *bytes, size_t n,
    struct gk_err *err)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done < 0) {
			return io_error(target, err);
		}
		bytes += done;
		n -= (size_t)done;
	}
	return GK_OK;
}

static enum gk_rc
open_now(struct target *target, struct file *file, struct gk_err *err)
{
	struct stat st;
	off_t size;

	file->fd = open(target->options->file_path,
	    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);
	if (file->fd < 0 || fstat(file->fd, &st) != 0) {
		return io_error(target, err);
	}
	if (!S_ISREG(st.st_mode)) {
		return GK_FAIL(err, GK_E_IO, "%s isn't a regular file",
		    target->options->file_path);
	}
	size = st.st_size;
	return cut_torn_line(target, file->fd, &size, err);
}

/* The row of titles, where the file has nothing yet. */
static enum gk_rc
write_head(struct target *target, int fd, off_t size, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf head = GK_BUF_INIT(4096);

	if (size > 0) {
		return GK_OK;
	}
	GK_TRY(format_print_head(target->stream, &head, err));
	return write_all(target, fd, gk_buf_text(&head), head.len, err);
}

static enum gk_rc
append(struct target *target, int fd, off_t size,
    const struct ship_batch *batch, struct gk_err *err)
{
	GK_TRY(write_head(target, fd, size, err));
	GK_TRY(write_all(
	    target, fd, gk_buf_text(&batch->bytes), batch->bytes.len, err));
	return fdatasync(fd) == 0 ? GK_OK : io_error(target, err);
}

static enum gk_rc
file_send(struct target *target, void *inside, const struct ship_batch *batch,
    int64_t *ret_wait_us, struct gk_err *err)
{
	struct file *file = inside;
	struct stat st;
	enum gk_rc rc;

	*ret_wait_us = 0;
	rc = file->fd < 0 ? open_now(target, file, err) : GK_OK;
	if (rc == GK_OK && fstat(file->fd, &st) != 0) {
		rc = io_error(target, err);
	}
	if (rc == GK_OK) {
		rc = append(target, file->fd, st.st_size, batch, err);
		if (rc != GK_OK && ftruncate(file->fd, st.st_size) != 0) {
			gk_err_context(err, "a part of it stays");
		}
	}
	if (rc != GK_OK) {
		file_reopen(file);
	}
	return rc;
}

const struct door door_file = {
    .name = "file",
    .open = file_open,
    .send = file_send,
    .reopen = file_reopen,
    .close = file_close,
};
