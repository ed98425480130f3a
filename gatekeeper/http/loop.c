/* A loop thread: accepts, lets libmicrohttpd run, resumes what the gate has answered, sweeps out the slow. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/time.h"
#include "http/exchange.h"

#define LOOP_POOL_BYTES     8192 /* of a connection; its header must fit */
#define LOOP_ACCEPTS        8    /* at once, before others get a turn */
#define LOOP_SLACK          4    /* connections that one loop may be ahead */
#define LOOP_ADMIN_MAX      64
#define LOOP_SWEEP_US       (500 * GK_US_PER_MS)
#define LOOP_CROWDED_US     (2 * GK_US_PER_S) /* of idleness, when it is full */
#define LOOP_ACCEPT_FAIL_US (100 * GK_US_PER_MS)
#define LOOP_STOP_US        (10 * GK_US_PER_S)

/* What is polled; behind these the shards. */
enum { LOOP_WAKE, LOOP_LISTEN, LOOP_LISTEN_ADMIN, LOOP_FDS };

static int64_t
loop_now(void)
{
	return gk_clock_system.boot_us(gk_clock_system.ctx);
}

void
http__loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

void
http__conn_phase(struct conn *conn, enum conn_phase phase, int64_t timeout_us)
{
	conn->phase = phase;
	conn->deadline_us =
	    timeout_us == 0 ? 0 : conn->loop->now_us + timeout_us;
}

void *
http__loop_session(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info == NULL ? NULL : info->tls_session;
}

static atomic_uint *
loop_total(struct http *http, bool admin)
{
	return admin ? &http->admin_connections : &http->connections;
}

/* What is known of a connection that was accepted; NULL: refuse it. */
static struct conn *
loop_conn_new(struct http *http, int fd, bool admin)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t n = sizeof(peer);
	unsigned before;

	if (conn == NULL || (admin && getsockopt(fd, SOL_SOCKET, SO_PEERCRED,
					  &peer, &n) != 0)) {
		free(conn);
		return NULL;
	}
	conn->fd = fd;
	conn->admin = admin;
	conn->uid = peer.uid;
	conn->local = admin || http->listener.local;
	conn->tls = !admin && http->tls != NULL;
	before = atomic_fetch_add(loop_total(http, admin), 1);
	conn->reserved = !admin && before >= http->max_connections -
						 http->reserved_connections;
	return conn;
}

static void
loop_conn_free(struct conn *conn)
{
	struct loop *loop = conn->loop;

	if (conn->prev != NULL) {
		conn->prev->next = conn->next;
	} else {
		loop->conns = conn->next;
	}
	if (conn->next != NULL) {
		conn->next->prev = conn->prev;
	}
	conn->shard->count--;
	(void)atomic_fetch_sub(&loop->count, 1);
	(void)atomic_fetch_sub(loop_total(loop->http, conn->admin), 1);
	free(conn);
}

/* The connection that was accepted on fd and that libmicrohttpd hasn't begun; NULL: none. */
static struct conn *
loop_conn_find(const struct loop *loop, int fd)
{
	struct conn *conn = loop->conns;

	while (conn != NULL && (conn->started || conn->fd != fd)) {
		conn = conn->next;
	}
	return conn;
}

/* libmicrohttpd begins or ends a connection. */
static void
loop_notify(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = cls;
	struct conn *conn = *context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (conn != NULL) {
			loop_conn_free(conn);
		}
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	GK_ASSERT(info != NULL);
	conn = loop_conn_find(loop, info->connect_fd);
	GK_ASSERT(conn != NULL);
	conn->started = true;
	*context = conn;
	if (conn->tls &&
	    !http__tls_begin(loop->http->tls, http__loop_session(connection))) {
		(void)shutdown(conn->fd, SHUT_RDWR);
	}
}

/* Targets are decoded by uri.c, piece by piece. */
static size_t
loop_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

struct MHD_Daemon *
http__loop_daemon(struct loop *loop, struct tls *tls, unsigned max)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_ALLOW_SUSPEND_RESUME |
			 (tls == NULL ? 0u : MHD_USE_TLS);
	unsigned idle_s =
	    (unsigned)(loop->http->idle_timeout_us / GK_US_PER_S) + 1;
	enum MHD_OPTION more =
	    tls == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_CERT;

	return MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, loop,
	    MHD_OPTION_CONNECTION_LIMIT, max,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LOOP_POOL_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
	    exchange_target, loop, MHD_OPTION_UNESCAPE_CALLBACK, loop_unescape,
	    NULL, MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, loop,
	    MHD_OPTION_NOTIFY_CONNECTION, loop_notify, loop, more,
	    tls == NULL ? NULL : http__tls_cert(tls), MHD_OPTION_HTTPS_MEM_KEY,
	    tls == NULL ? NULL : http__tls_key(tls),
	    MHD_OPTION_HTTPS_PRIORITIES,
	    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_END);
}

enum gk_rc
http__loop_init(struct loop *loop, struct http *http, struct gk_err *err)
{
	loop->http = http;
	loop->now_us = loop_now();
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->wake_fd < 0) {
		return GK_FAIL(err, GK_E_IO, "no eventfd: %m");
	}
	GK_TRY(http__shards_open(loop, err));
	loop->fds = calloc(LOOP_FDS + loop->shard_max, sizeof(*loop->fds));
	return loop->fds != NULL
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "no memory for a loop");
}

/* A connection becomes this loop's, its socket libmicrohttpd's. */
static void
loop_conn_begin(struct loop *loop, struct conn *conn)
{
	int fd = conn->fd;

	conn->prev = NULL;
	conn->next = loop->conns;
	if (conn->next != NULL) {
		conn->next->prev = conn;
	}
	loop->conns = conn;
	conn->shard = http__shard_for(loop, conn->admin);
	conn->shard->count++;
	conn->shard->due = true;
	http__conn_phase(conn, CONN_FRESH, loop->http->header_timeout_us);
	if (MHD_add_connection(conn->shard->daemon, fd,
		(struct sockaddr *)&conn->from, conn->from_n) == MHD_YES) {
		return;
	}
	/* it has closed fd, and ended conn if it had begun it */
	conn = loop_conn_find(loop, fd);
	if (conn != NULL) {
		loop_conn_free(conn);
	}
}

/* This one, unless it is well ahead of the one that has least to do. */
static struct loop *
loop_choose(struct loop *loop)
{
	struct http *http = loop->http;
	struct loop *least = loop;

	for (unsigned i = 0; i < http->loop_count; i++) {
		if (atomic_load(&http->loops[i].count) <
		    atomic_load(&least->count)) {
			least = &http->loops[i];
		}
	}
	return atomic_load(&least->count) + LOOP_SLACK <
		       atomic_load(&loop->count)
		   ? least
		   : loop;
}

/* Give a connection to a loop, perhaps to another one. */
static void
loop_give(struct loop *from, struct conn *conn)
{
	struct loop *to = loop_choose(from);

	conn->loop = to;
	(void)atomic_fetch_add(&to->count, 1);
	if (to == from) {
		loop_conn_begin(to, conn);
		return;
	}
	conn->next = atomic_load(&to->incoming);
	while (
	    !atomic_compare_exchange_weak(&to->incoming, &conn->next, conn)) {
	}
	http__loop_wake(to);
}

static void
loop_take_incoming(struct loop *loop)
{
	struct conn *conn = atomic_exchange(&loop->incoming, NULL);

	while (conn != NULL) {
		struct conn *next = conn->next;

		loop_conn_begin(loop, conn);
		conn = next;
	}
}

/* Take some connections that wait. */
static void
loop_accept(struct loop *loop, const struct listener *listener, bool admin)
{
	for (int i = 0; i < LOOP_ACCEPTS; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		struct conn *conn;
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &n,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM) {
				loop->accept_us =
				    loop->now_us + LOOP_ACCEPT_FAIL_US;
			}
			return;
		}
		HTTP_COUNT(loop, opened, 1);
		conn = loop_conn_new(loop->http, fd, admin);
		if (conn == NULL) {
			(void)close(fd);
			return;
		}
		conn->from = from;
		conn->from_n = n;
		loop_give(loop, conn);
	}
}

/* Is there room for more? */
static bool
loop_may_accept(const struct loop *loop, bool admin)
{
	const struct http *http = loop->http;

	if (loop->draining || loop->now_us < loop->accept_us) {
		return false;
	}
	return admin ? atomic_load(&http->admin_connections) < LOOP_ADMIN_MAX
		     : atomic_load(&http->connections) < http->max_connections;
}

/* Hang up on a connection that libmicrohttpd holds: it sees the end. */
static void
loop_hang_up(struct conn *conn)
{
	conn->deadline_us = 0;
	(void)shutdown(conn->fd, SHUT_RDWR);
}

static void
loop_sweep(struct loop *loop)
{
	const struct http *http = loop->http;
	bool crowded = atomic_load(&http->connections) >=
		       http->max_connections - http->reserved_connections;
	int64_t now = loop->now_us;

	if (now < loop->sweep_us) {
		return;
	}
	loop->sweep_us = now + LOOP_SWEEP_US;
	http__shards_due(loop); /* idle ones may have had their time */
	for (struct conn *conn = loop->conns; conn != NULL; conn = conn->next) {
		int64_t due = conn->deadline_us;

		if (due == 0) {
			continue;
		}
		if (conn->phase == CONN_IDLE && crowded) {
			due += LOOP_CROWDED_US - http->idle_timeout_us;
		}
		if (due <= now) {
			if (conn->phase != CONN_IDLE) {
				HTTP_COUNT(loop, slow, 1);
			}
			conn->slow = true;
			loop_hang_up(conn);
		}
	}
	sse_sweep(loop);
}

/* The end has begun: leave the listeners alone, let idle clients go. */
static void
loop_drain(struct loop *loop)
{
	struct http *http = loop->http;

	loop->draining = true;
	for (struct conn *conn = loop->conns; conn != NULL; conn = conn->next) {
		if (conn->phase == CONN_IDLE || conn->phase == CONN_FRESH) {
			loop_hang_up(conn);
		}
	}
	sse_drain(loop);
	(void)pthread_mutex_lock(&http->lock);
	http->draining++;
	(void)pthread_cond_signal(&http->drained);
	(void)pthread_mutex_unlock(&http->lock);
}

/* Has every request been answered, or had its time to be? */
static bool
loop_is_over(struct loop *loop)
{
	if (!atomic_load(&loop->http->stopping) || loop->calls > 0 ||
	    loop->parked > 0) {
		return false;
	}
	if (loop->stop_us == 0) {
		loop->stop_us = loop->now_us + LOOP_STOP_US;
	}
	return loop->active == 0 || loop->now_us >= loop->stop_us;
}

/* Milliseconds until something is due. */
static int
loop_timeout(struct loop *loop)
{
	int ms = 60000;

	if (loop->hurries) {
		return 0;
	}
	if (loop->conns != NULL || loop->now_us < loop->accept_us ||
	    loop->stop_us != 0) {
		ms = LOOP_SWEEP_US / GK_US_PER_MS;
	}
	return http__shards_rest(loop, ms);
}

/* Who has something to read or room to write? */
static int
loop_poll(struct loop *loop, int timeout_ms)
{
	struct pollfd *shards = loop->fds + LOOP_FDS;
	int n;

	for (unsigned i = 0; i < loop->shard_count; i++) {
		bool is_open = loop->shards[i].daemon != NULL;

		shards[i] = (struct pollfd){
		    is_open ? loop->shards[i].epoll_fd : -1, POLLIN, 0};
	}
	n = poll(loop->fds, LOOP_FDS + loop->shard_count, timeout_ms);
	for (unsigned i = 0; n > 0 && i < loop->shard_count; i++) {
		loop->shards[i].due |= shards[i].revents != 0;
	}
	return n;
}

static void
loop_wait(struct loop *loop)
{
	const struct http *http = loop->http;
	struct pollfd *fds = loop->fds;
	uint64_t count;

	fds[LOOP_WAKE] = (struct pollfd){loop->wake_fd, POLLIN, 0};
	fds[LOOP_LISTEN] = (struct pollfd){-1, POLLIN, 0};
	fds[LOOP_LISTEN_ADMIN] = (struct pollfd){-1, POLLIN, 0};
	if (loop_may_accept(loop, false)) {
		fds[LOOP_LISTEN].fd = http->listener.fd;
	}
	if (loop_may_accept(loop, true)) {
		fds[LOOP_LISTEN_ADMIN].fd = http->admin.fd;
	}
	if (loop_poll(loop, loop_timeout(loop)) < 0) {
		return; /* a signal */
	}
	loop->now_us = loop_now();
	if (fds[LOOP_WAKE].revents != 0 &&
	    read(loop->wake_fd, &count, sizeof(count)) < 0) {
		return; /* somebody else's count: none */
	}
	if (fds[LOOP_LISTEN].revents != 0) {
		loop_accept(loop, &http->listener, false);
	}
	if (fds[LOOP_LISTEN_ADMIN].revents != 0) {
		loop_accept(loop, &http->admin, true);
	}
}

static void
loop_serve(struct loop *loop)
{
	do {
		http__shards_run(loop);
	} while (exchange_resume(loop) > 0);
}

static void
loop_stop_daemons(struct loop *loop)
{
	GK_ASSERT(loop->calls == 0 &&
		  loop->parked == 0); /* a suspended connection would abort */
	http__shards_close(loop);
	GK_ASSERT(loop->conns == NULL);
}

static void *
loop_run(void *arg)
{
	struct loop *loop = arg;

	loop->now_us = loop_now();
	while (!loop_is_over(loop)) {
		loop_take_incoming(loop);
		loop_serve(loop);
		loop_sweep(loop);
		loop->hurries = sse_turn(loop) > 0;
		if (!loop->draining && atomic_load(&loop->http->quiescing)) {
			loop_drain(loop);
			continue;
		}
		loop_wait(loop);
	}
	loop_take_incoming(loop); /* the last ones: nobody listens any more */
	loop_stop_daemons(loop);
	return NULL;
}

enum gk_rc
http__loop_start(struct loop *loop, struct gk_err *err)
{
	sigset_t all, before;
	int rc;

	/* signals are the main thread's; SIGPIPE is nobody's */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&loop->thread, NULL, loop_run, loop);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		return GK_FAIL(err, GK_E_NOMEM, "no thread for a loop: %m");
	}
	loop->running = true;
	return GK_OK;
}

void
http__loop_done(struct loop *loop)
{
	loop_stop_daemons(loop);
	exchange_done(loop);
	free(loop->fds);
	loop->fds = NULL;
	if (loop->wake_fd >= 0) {
		(void)close(loop->wake_fd);
	}
	loop->wake_fd = -1;
}
