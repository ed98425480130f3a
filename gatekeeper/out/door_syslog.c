/*
 * Shipping to syslog: RFC 5424 messages, over TCP with octet counting (RFC 6587,
 * 3.4.1), the same over TLS (RFC 5425), or as datagrams to a unix socket such as /dev/log.
 *
 *   <PRI>1 TIMESTAMP HOSTNAME gatekeeper PROCID MSGID - line
 *
 * Facility 13 (log audit), the severity is the event's.  Syslog has no
 * acknowledgement: over TCP a batch has arrived when the peer's kernel has
 * acknowledged its last byte and the connection stands, as a datagram when the
 * socket has taken it.  A peer that breaks off may not have read what its kernel
 * had; so what went over a connection last is kept, and goes first over the next.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "out/channel.h"
#include "out/ship_internal.h"

enum {
	FACILITY_AUDIT = 13,
	SLICE_MS = 50, /* between looks whether the end has come */
	HOST_BYTES = 256,
	PORT_BYTES = 8,
	MSGID_MAX = 32,
	KEPT_BYTES = 1 << 20,
	OUT_CAP = 2 * SHIP_PAGE_CAP,
	UNIX_PREFIX = 5, /* "unix:" */
	TCP_PREFIX = 6,  /* "tcp://", and "tls://" */
};

#define CONNECT_US (5 * GK_US_PER_S)
#define QUIET_US   (30 * GK_US_PER_S) /* without a byte taken */

struct syslog {
	int fd;              /* -1: to be connected */
	struct channel *tls; /* fd is its own; NULL: none */
	bool is_unix, is_tls;
	char host[HOST_BYTES]; /* or the socket's path */
	char port[PORT_BYTES];
	char me[HOST_BYTES]; /* this host's name */
	struct gk_buf out;
	/* what this connection carried last: KEPT_BYTES at least, or all of it */
	struct gk_buf kept, older;
	bool repeats; /* the peer broke off: kept goes first */
};

/* ---- a message ---- */

enum gk_rc
syslog_print(const struct format_facts *facts, const char *host, long pid,
    const char *line, size_t n, struct gk_buf *buf, struct gk_err *err)
{
	/* OCSF's 1 to 4 to RFC 5424's: informational, notice, warning, error */
	static const int severities[] = {6, 6, 5, 4, 3};
	int severity = facts->severity >= 0 && facts->severity <= 4
			   ? severities[facts->severity]
			   : severities[0];
	char time[GK_TIME_TEXT_BYTES];

	gk_time_print(facts->timestamp_us, time);
	GK_TRY(gk_buf_printf(buf, err, "<%d>1 %s %s gatekeeper %ld %.*s - ",
	    FACILITY_AUDIT * 8 + severity, time, host, pid, MSGID_MAX,
	    facts->kind));
	return gk_buf_add(buf, line, n, err);
}

/* What a header may hold: 33 to 126, at most 255; "-" when it is nothing. */
static void
own_name(char ret[HOST_BYTES])
{
	if (gethostname(ret, HOST_BYTES) != 0) {
		ret[0] = '\0';
	}
	ret[HOST_BYTES - 1] = '\0';
	for (char *at = ret; *at != '\0'; at++) {
		if (*at <= ' ' || *at >= 0x7f) {
			*at = '_';
		}
	}
	if (ret[0] == '\0') {
		(void)snprintf(ret, HOST_BYTES, "-");
	}
}

/* ---- the address ---- */

/* "tcp://HOST:PORT", "tcp://[IPv6]:PORT", the same with tls, "unix:PATH". */
static bool
parse_address(const char *address, struct syslog *ret)
{
	const char *host = address + TCP_PREFIX, *colon;
	size_t n, digits;

	if (strncmp(address, "unix:", UNIX_PREFIX) == 0) {
		ret->is_unix = true;
		n = strlen(address + UNIX_PREFIX);
		(void)snprintf(
		    ret->host, HOST_BYTES, "%s", address + UNIX_PREFIX);
		return n > 0 && n < sizeof(((struct sockaddr_un *)0)->sun_path);
	}
	ret->is_tls = strncmp(address, "tls://", TCP_PREFIX) == 0;
	if (!ret->is_tls && strncmp(address, "tcp://", TCP_PREFIX) != 0) {
		return false;
	}
	colon = strrchr(host, ':');
	if (colon == NULL) {
		return false;
	}
	n = (size_t)(colon - host);
	digits = strspn(colon + 1, "0123456789");
	if (digits < 1 || digits > 5 || colon[1 + digits] != '\0') {
		return false;
	}
	(void)snprintf(ret->port, PORT_BYTES, "%s", colon + 1);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n < 1 || n >= HOST_BYTES || memchr(host, '/', n) != NULL) {
		return false;
	}
	memcpy(ret->host, host, n);
	ret->host[n] = '\0';
	return true;
}

bool
ship_syslog_ok(const char *address)
{
	struct syslog syslog = {.fd = -1};

	return parse_address(address, &syslog);
}

/* ---- the connection ---- */

static enum gk_rc
net_error(const struct target *target, int number, struct gk_err *err)
{
	return GK_FAIL(err, GK_E_IO, "%s: %s", target->options->syslog_address,
	    strerrordesc_np(number));
}

static bool
is_over(const struct target *target, int64_t until)
{
	return worker_now_us() >= until || worker_is_over(&target->worker);
}

/* Until the socket is ready, or time is up. */
static enum gk_rc
await(const struct target *target, int fd, short events, int64_t until,
    struct gk_err *err)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	while (!is_over(target, until)) {
		int n = poll(&poll_fd, 1, SLICE_MS);

		if (n > 0) {
			return GK_OK;
		}
		if (n < 0 && errno != EINTR) {
			return net_error(target, errno, err);
		}
	}
	return net_error(target, ETIMEDOUT, err);
}

static void
syslog_reopen(void *inside)
{
	struct syslog *syslog = inside;

	if (syslog->tls != NULL) {
		channel_close(syslog->tls);
		syslog->tls = NULL;
	} else if (syslog->fd >= 0) {
		(void)close(syslog->fd);
	}
	syslog->fd = -1;
}

static enum gk_rc
finish_connect(const struct target *target, int fd, struct gk_err *err)
{
	int number = 0;
	socklen_t n = sizeof(number);

	GK_TRY(await(target, fd, POLLOUT, worker_now_us() + CONNECT_US, err));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0) {
		number = errno;
	}
	return number == 0 ? GK_OK : net_error(target, number, err);
}

static enum gk_rc
connect_one(struct target *target, struct syslog *syslog, int family,
    const struct sockaddr *address, socklen_t n, int type, struct gk_err *err)
{
	syslog->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (syslog->fd < 0) {
		return net_error(target, errno, err);
	}
	if (connect(syslog->fd, address, n) == 0) {
		return GK_OK;
	}
	return errno == EINPROGRESS ? finish_connect(target, syslog->fd, err)
				    : net_error(target, errno, err);
}

static enum gk_rc
connect_unix(struct target *target, struct syslog *syslog, struct gk_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.*s",
	    (int)sizeof(address.sun_path) - 1, syslog->host);
	return connect_one(target, syslog, AF_UNIX,
	    (const struct sockaddr *)&address, sizeof(address), SOCK_DGRAM,
	    err);
}

static enum gk_rc
connect_tcp(struct target *target, struct syslog *syslog, struct gk_err *err)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int code = getaddrinfo(syslog->host, syslog->port, &hints, &list);
	enum gk_rc rc = GK_E_IO;

	if (code != 0) {
		return GK_FAIL(err, GK_E_IO, "%s: %s",
		    target->options->syslog_address, gai_strerror(code));
	}
	for (const struct addrinfo *at = list; at != NULL && rc != GK_OK;
	     at = at->ai_next) {
		syslog_reopen(syslog);
		rc = connect_one(target, syslog, at->ai_family, at->ai_addr,
		    at->ai_addrlen, SOCK_STREAM, err);
	}
	freeaddrinfo(list);
	return rc;
}

static bool
is_ending(void *ctx)
{
	return is_over(ctx, INT64_MAX);
}

/* What a channel's failure is about. */
static enum gk_rc
name_target(const struct target *target, enum gk_rc rc, struct gk_err *err)
{
	if (rc != GK_OK) {
		gk_err_context(err, "%s", target->options->syslog_address);
	}
	return rc;
}

static enum gk_rc
connect_tls(struct target *target, struct syslog *syslog, struct gk_err *err)
{
	const struct channel_options options = {.host = syslog->host,
	    .port = syslog->port,
	    .ca_file = target->options->syslog_ca_file,
	    .connect_ms = CONNECT_US / 1000,
	    .is_over = is_ending,
	    .ctx = target};

	GK_TRY(name_target(
	    target, channel_open(&options, &syslog->tls, err), err));
	syslog->fd = channel_fd(syslog->tls);
	return GK_OK;
}

/* Has the peer gone?  A syslog server has nothing to say. */
static enum gk_rc
check_peer(const struct target *target, const struct syslog *syslog,
    struct gk_err *err)
{
	char byte;
	ssize_t n;

	if (syslog->tls != NULL) {
		return name_target(
		    target, channel_check(syslog->tls, err), err);
	}
	n = recv(syslog->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0) {
		return net_error(target, ECONNRESET, err);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		return net_error(target, errno, err);
	}
	return GK_OK;
}

/* Send what goes at once: *ret_done may be 0. */
static enum gk_rc
push_some(const struct target *target, const struct syslog *syslog,
    const char *bytes, size_t n, size_t *ret_done, struct gk_err *err)
{
	ssize_t done;

	*ret_done = 0;
	if (syslog->tls != NULL) {
		return name_target(target,
		    channel_push(syslog->tls, bytes, n, ret_done, err), err);
	}
	done = send(syslog->fd, bytes, n, MSG_NOSIGNAL);
	if (done >= 0) {
		*ret_done = (size_t)done;
		return GK_OK;
	}
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR
		   ? GK_OK
		   : net_error(target, errno, err);
}

static enum gk_rc
push(const struct target *target, const struct syslog *syslog,
    const char *bytes, size_t n, struct gk_err *err)
{
	while (n > 0) {
		size_t done;

		GK_TRY(push_some(target, syslog, bytes, n, &done, err));
		bytes += done;
		n -= done;
		if (done == 0) {
			GK_TRY(await(target, syslog->fd, POLLOUT,
			    worker_now_us() + QUIET_US, err));
		}
	}
	return GK_OK;
}

/* Until the peer's kernel has acknowledged all that was sent. */
static enum gk_rc
await_acknowledged(const struct target *target, const struct syslog *syslog,
    struct gk_err *err)
{
	int64_t until = worker_now_us() + QUIET_US;
	int left = 0, before = -1;

	for (;;) {
		if (ioctl(syslog->fd, SIOCOUTQ, &left) != 0) {
			return net_error(target, errno, err);
		}
		if (left == 0) {
			return check_peer(target, syslog, err);
		}
		if (left != before) {
			before = left;
			until = worker_now_us() + QUIET_US;
		}
		if (is_over(target, until)) {
			return net_error(target, ETIMEDOUT, err);
		}
		GK_TRY(check_peer(target, syslog, err));
		(void)poll(NULL, 0, 1);
	}
}

/* ---- a batch ---- */

/* One message: counted on a stream, by itself as a datagram. */
static enum gk_rc
send_line(struct target *target, struct syslog *syslog,
    const struct format_facts *facts, const char *line, size_t n,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf one = GK_BUF_INIT(SHIP_PAGE_CAP);

	GK_TRY(syslog_print(
	    facts, syslog->me, (long)getpid(), line, n, &one, err));
	if (syslog->is_unix) {
		return push(target, syslog, one.bytes, one.len, err);
	}
	GK_TRY(gk_buf_printf(&syslog->out, err, "%zu ", one.len));
	return gk_buf_add(&syslog->out, one.bytes, one.len, err);
}

static enum gk_rc
send_lines(struct target *target, struct syslog *syslog,
    const struct ship_batch *batch, struct gk_err *err)
{
	gk_buf_clear(&syslog->out);
	for (size_t i = 0; i < batch->count; i++) {
		const struct ship_piece *piece = &batch->pieces[i];
		const char *at = batch->bytes.bytes + piece->at;
		const char *end = at + piece->n;

		while (at < end) {
			const char *stop = memchr(at, '\n', (size_t)(end - at));

			stop = stop != NULL ? stop : end;
			GK_TRY(send_line(target, syslog, &piece->facts, at,
			    (size_t)(stop - at), err));
			at = stop + 1;
		}
	}
	if (syslog->is_unix) {
		return GK_OK;
	}
	GK_TRY(push(
	    target, syslog, gk_buf_text(&syslog->out), syslog->out.len, err));
	return await_acknowledged(target, syslog, err);
}

/* Forget what is more than enough, and keep this batch. */
static void
keep(struct syslog *syslog)
{
	if (syslog->kept.len >= KEPT_BYTES) {
		struct gk_buf reuse = syslog->older;

		syslog->older = syslog->kept;
		syslog->kept = reuse;
		gk_buf_clear(&syslog->kept);
	}
	if (gk_buf_add(&syslog->kept, gk_buf_text(&syslog->out),
		syslog->out.len, NULL) != GK_OK) {
		gk_buf_clear(&syslog->kept);
	}
}

/* A new connection after a break: first what the old one may have lost. */
static enum gk_rc
repeat(struct target *target, struct syslog *syslog, struct gk_err *err)
{
	if (!syslog->repeats) {
		return GK_OK;
	}
	GK_TRY(push(target, syslog, gk_buf_text(&syslog->older),
	    syslog->older.len, err));
	GK_TRY(push(
	    target, syslog, gk_buf_text(&syslog->kept), syslog->kept.len, err));
	GK_TRY(await_acknowledged(target, syslog, err));
	syslog->repeats = false;
	return GK_OK;
}

static void
broken(struct syslog *syslog)
{
	syslog_reopen(syslog);
	syslog->repeats = !syslog->is_unix;
}

static enum gk_rc
ready(struct target *target, struct syslog *syslog, struct gk_err *err)
{
	if (syslog->fd >= 0 && !syslog->is_unix &&
	    check_peer(target, syslog, err) != GK_OK) {
		broken(syslog);
	}
	if (syslog->fd >= 0) {
		return GK_OK;
	}
	if (syslog->is_unix) {
		return connect_unix(target, syslog, err);
	}
	GK_TRY(syslog->is_tls ? connect_tls(target, syslog, err)
			      : connect_tcp(target, syslog, err));
	return repeat(target, syslog, err);
}

static enum gk_rc
syslog_send(struct target *target, void *inside, const struct ship_batch *batch,
    int64_t *ret_wait_us, struct gk_err *err)
{
	struct syslog *syslog = inside;
	enum gk_rc rc = ready(target, syslog, err);

	*ret_wait_us = 0;
	if (rc == GK_OK) {
		rc = send_lines(target, syslog, batch, err);
	}
	if (rc != GK_OK) {
		broken(syslog);
	} else if (!syslog->is_unix) {
		keep(syslog);
	}
	return rc;
}

static enum gk_rc
syslog_open(struct target *target, void **ret_inside, struct gk_err *err)
{
	struct syslog *syslog = calloc(1, sizeof(*syslog));

	if (syslog == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for syslog");
	}
	syslog->fd = -1;
	syslog->out.cap = OUT_CAP;
	syslog->kept.cap = KEPT_BYTES + OUT_CAP;
	syslog->older.cap = syslog->kept.cap;
	if (!parse_address(target->options->syslog_address, syslog)) {
		free(syslog);
		return GK_FAIL(err, GK_E_INVALID,
		    "%s: expected tcp://HOST:PORT, tls://HOST:PORT or "
		    "unix:PATH",
		    target->options->syslog_address);
	}
	if (syslog->is_tls && channel_check_library(err) != GK_OK) {
		gk_err_context(err, "%s", target->options->syslog_address);
		free(syslog);
		return GK_E_IO;
	}
	own_name(syslog->me);
	*ret_inside = syslog;
	return GK_OK;
}

static void
syslog_close(void *inside)
{
	struct syslog *syslog = inside;

	syslog_reopen(syslog);
	gk_buf_done(&syslog->out);
	gk_buf_done(&syslog->kept);
	gk_buf_done(&syslog->older);
	free(syslog);
}

const struct door door_syslog = {
    .name = "syslog",
    .open = syslog_open,
    .send = syslog_send,
    .reopen = syslog_reopen,
    .close = syslog_close,
};
