/* The signer's socket: one peer at a time, of the right user; a newer one takes the older one's place. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "journal/journal_internal.h"
#include "journal/signer.h"
#include "journal/signer_wire.h"

/* A frame that has begun must be whole by then; and what is only remembered is written down by then. */
#define FRAME_US (2 * GK_US_PER_S)
enum { QUIET_MS = 20, BACKLOG = 8 };

static enum gk_rc
fail(const char *what, const char *path, struct gk_err *err)
{
	return GK_FAIL(
	    err, GK_E_IO, "%s %s: %s", what, path, strerrordesc_np(errno));
}

static bool
address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (size_t)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s",
		   path) < sizeof(ret->sun_path);
}

/* A socket that nobody answers on was left by a process that was killed. */
static enum gk_rc
clear_path(
    const char *path, const struct sockaddr_un *address, struct gk_err *err)
{
	GK_AUTO(journal__fd_close)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(path, &st) != 0) {
		return errno == ENOENT ? GK_OK : fail("looking at", path, err);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return GK_FAIL(err, GK_E_BUSY, "%s is no socket", path);
	}
	if (fd >= 0 && connect(fd, (const struct sockaddr *)address,
			   sizeof(*address)) == 0) {
		return GK_FAIL(err, GK_E_BUSY, "somebody listens on %s", path);
	}
	return unlink(path) == 0 ? GK_OK : fail("removing", path, err);
}

/* Who may connect is asked of the kernel; the file's mode lets that user come. */
static enum gk_rc
listen_on(const char *path, uid_t uid, int *ret_fd, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int fd = -1;
	struct sockaddr_un address;

	if (!address_of(path, &address)) {
		return GK_FAIL(err, GK_E_IO, "%s is too long a path", path);
	}
	GK_TRY(clear_path(path, &address, err));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, uid == geteuid() ? 0600 : 0666) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		return fail("listening on", path, err);
	}
	*ret_fd = fd;
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the cleanup reads it */
	fd = -1;
	return GK_OK;
}

static bool
is_user(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       peer.uid == uid;
}

static void
accept_peer(int listener, uid_t uid, int *peer)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		return;
	}
	if (!is_user(fd, uid)) {
		journal__fd_close(&fd);
		return;
	}
	journal__fd_close(peer);
	*peer = fd;
}

/* One request; a peer that says nonsense, or nothing more, is cut off. */
static enum gk_rc
serve_peer(struct signer *signer, int *peer, struct gk_buf *request,
    struct gk_buf *answer, struct gk_err *err)
{
	int64_t end_us = signer_now_us() + FRAME_US;
	bool closed = true;
	enum gk_rc rc = signer_frame_read(
	    *peer, SIGNER_REQUEST_MAX, end_us, request, &closed, err);

	gk_buf_clear(answer);
	if (rc == GK_OK && !closed) {
		rc =
		    signer_handle(signer, (const uint8_t *)gk_buf_text(request),
			request->len, answer, err);
		if (rc == GK_E_IO || rc == GK_E_NOMEM) {
			return rc; /* ours, not the peer's */
		}
	}
	if (rc != GK_OK || closed ||
	    signer_frame_write(*peer, answer, end_us, err) != GK_OK) {
		journal__fd_close(peer);
		*peer = -1;
	}
	return GK_OK;
}

static enum gk_rc
serve(struct signer *signer, int listener, uid_t uid, int stop_fd, int *peer,
    struct gk_buf *request, struct gk_buf *answer, struct gk_err *err)
{
	for (;;) {
		struct pollfd on[] = {{.fd = stop_fd, .events = POLLIN},
		    {.fd = listener, .events = POLLIN},
		    {.fd = *peer, .events = POLLIN}};
		int n = poll(
		    on, GK_COUNT(on), signer_is_dirty(signer) ? QUIET_MS : -1);

		if (n < 0 && errno != EINTR) {
			return fail("poll", "", err);
		}
		if (n == 0) {
			GK_TRY(signer_save(signer, err));
		}
		if (n <= 0) {
			continue;
		}
		if (on[0].revents != 0) {
			return GK_OK;
		}
		if (on[2].revents != 0) {
			GK_TRY(serve_peer(signer, peer, request, answer, err));
		} else if (on[1].revents != 0) {
			accept_peer(listener, uid, peer);
		}
	}
}

enum gk_rc
signer_serve(struct signer *signer, const char *socket_path, uid_t uid,
    int stop_fd, struct gk_err *err)
{
	GK_AUTO(journal__fd_close) int listener = -1;
	GK_AUTO(journal__fd_close) int peer = -1;
	GK_AUTO(gk_buf_done)
	struct gk_buf request = GK_BUF_INIT(SIGNER_REQUEST_MAX);
	GK_AUTO(gk_buf_done)
	struct gk_buf answer = GK_BUF_INIT(SIGNER_ANSWER_MAX + 4);
	enum gk_rc rc;

	GK_TRY(listen_on(socket_path, uid, &listener, err));
	rc = serve(
	    signer, listener, uid, stop_fd, &peer, &request, &answer, err);
	(void)unlink(socket_path);
	return rc;
}
