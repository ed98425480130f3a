/* Whole small files, read with a cap. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_internal.h"

void
cli__closep(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

int
cli__take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

enum gk_rc
cli_read_file(const char *path, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(cli__closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];

	if (fd < 0) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: %s", path, strerrordesc_np(errno));
	}
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return GK_FAIL(err, GK_E_IO, "%s: %s", path,
			    strerrordesc_np(errno));
		}
		if (n == 0) {
			return GK_OK;
		}
		GK_TRY(gk_buf_add(buf, piece, (size_t)n, err));
	}
}
