#ifndef GK_HTTP_HTTP_INTERNAL_H
#define GK_HTTP_HTTP_INTERNAL_H
/* What the files of the http room share: the server, its loops, their connections. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/arena.h"
#include "gate/gate.h"
#include "http/head.h"
#include "http/http.h"
#include "http/issuer.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/sessions.h"

struct MHD_Connection;
struct MHD_Daemon;
struct exchange;
struct slack;
struct tls;

/* listen.c: a socket that listens. */
struct listener {
	int fd;     /* -1: none */
	bool local; /* a unix socket */
	char *path; /* owned; of the unix socket; NULL: none */
	dev_t dev;  /* of the path as it was made */
	ino_t inode;
	char text[160]; /* the address, with the real port */
};

/*
 * Bind and listen.  secured: TLS, or plain HTTP was asked for by name, so any
 * address will do.  mode: of a unix socket's file.
 * Errors: GK_E_INVALID, GK_E_BUSY (in use), GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc http__listen(const char *address, bool secured, mode_t mode,
    struct listener *ret, struct gk_err *err) GK_MUST_USE;
void http__listen_done(struct listener *listener);

/* tls.c: certificates, and the new ones. */
enum gk_rc http__tls_new(const char *cert, const char *key,
    const char *client_ca, struct tls **ret, struct gk_err *err) GK_MUST_USE;
enum gk_rc http__tls_reload(struct tls *tls, struct gk_err *err) GK_MUST_USE;
void http__tls_free(struct tls *tls);
/* PEM texts of what is in force at start; live as long as tls. */
const char *http__tls_cert(const struct tls *tls);
const char *http__tls_key(const struct tls *tls);
/* A session before its handshake: gets the newest certificates and must show one where client_ca is set. */
bool http__tls_begin(struct tls *tls, void *session);
/* After the handshake: has the client shown what it must? */
bool http__tls_verified(const struct tls *tls, void *session);

#define HTTP_STATUS_CLASSES 6 /* hundreds of a status, 0 to 5 */

/* What one loop counts. */
struct http_counts {
#define METRIC(name, ...) atomic_uint_fast64_t name;
#include "http/metrics.def"
#undef METRIC
	/* by route (the last: none) and hundreds of the status */
	atomic_uint_fast64_t answers[ROUTE_COUNT + 1][HTTP_STATUS_CLASSES];
};

#define HTTP_COUNT(loop, name, n)         \
	((void)atomic_fetch_add_explicit( \
	    &(loop)->counts.name, (n), memory_order_relaxed))

/* What a connection is busy with; each has a deadline of its own. */
enum conn_phase {
	CONN_FRESH,  /* accepted; its first header is awaited */
	CONN_IDLE,   /* kept alive between two requests */
	CONN_HEADER, /* request line received */
	CONN_BODY,
	CONN_CALL, /* with the gate: no deadline */
	CONN_ANSWER,
};

struct conn {
	struct conn *prev, *next; /* of its loop, or of loop->incoming */
	struct loop *loop;
	struct shard *shard;
	int fd;
	bool started; /* libmicrohttpd knows it */
	bool local;   /* unix socket: any Host */
	bool admin;   /* the admin socket: uid is who it is */
	bool tls;
	bool reserved; /* for control routes only */
	bool slow;     /* shut down by the sweep */
	bool verified; /* has shown its certificate, if it must */
	uid_t uid;
	struct sockaddr_storage from;
	socklen_t from_n;
	enum conn_phase phase;
	int64_t deadline_us; /* boot clock; 0: none */
};

/* A daemon of libmicrohttpd and its share of a loop's connections. */
struct shard {
	struct MHD_Daemon *daemon; /* NULL: none */
	int epoll_fd;
	unsigned count; /* connections */
	bool due;       /* there is something to do for it */
};

struct loop {
	struct http *http;
	struct shard *shards; /* the first is the admin socket's */
	unsigned shard_count, shard_max;
	struct pollfd *fds; /* room for all that is waited for */
	struct conn *conns;
	struct exchange *spare; /* finished ones, for reuse */
	unsigned spare_count;
	_Atomic(struct exchange *) done; /* pushed by gate_call.done */
	_Atomic(struct conn *) incoming; /* accepted by another loop */
	int wake_fd;
	int64_t now_us;             /* boot clock, once a turn */
	int64_t sweep_us;           /* when the next sweep is due */
	int64_t accept_us;          /* not before: the process had no room */
	bool draining;              /* has seen http->quiescing */
	atomic_uint count;          /* connections */
	unsigned calls;             /* with the gate */
	struct exchange *streams;   /* of events */
	struct exchange *stream_at; /* the next to look at; NULL: all were */
	atomic_uint stream_count;
	atomic_bool news; /* there is something for streams */
	unsigned parked;  /* streams whose connections rest */
	bool hurries;     /* there is more to do: don't rest */
	unsigned active;  /* exchanges between request line and answer */
	int64_t stop_us;  /* when stop was seen; 0: not yet */
	struct http_counts counts;
	pthread_t thread;
	bool running;
};

struct http {
	struct gate *gate;              /* or: */
	struct gate_cosigner *cosigner; /* NULL: the gate answers */
	struct gk_arena arena;          /* copies of the options' strings */
	const char **hosts;
	size_t host_count;
	struct listener listener, admin;
	struct tls *tls;                /* NULL: plain */
	struct sessions *sessions;      /* NULL: no console */
	_Atomic int64_t reports_tat_us; /* when the next report would be due */
	struct issuer *issuer;          /* NULL: people sign in by token only */
	const char *assertion_name;     /* the header with the issuer's token */
	void (*keys_wanted)(void *ctx); /* NULL: nobody to tell */
	void *keys_ctx;
	unsigned max_connections, reserved_connections, max_in_flight,
	    max_streams;
	int64_t header_timeout_us, body_timeout_us, idle_timeout_us;
	enum gk_rc (*metrics)(
	    void *ctx, struct gk_buf *buf, struct gk_err *err);
	void *metrics_ctx;
	struct slack *slack;    /* NULL: no buttons */
	const char *slack_team; /* NULL: any */
	void (*slack_reply)(void *ctx, const char *url, const char *text);
	void *slack_reply_ctx;

	struct loop *loops;
	unsigned loop_count;
	atomic_uint connections; /* of the listener; the admin socket's apart */
	atomic_uint admin_connections;
	atomic_uint in_flight;
	atomic_uint streams;

	atomic_bool quiescing; /* accept nobody any more */
	atomic_bool stopping;  /* the gate has stopped: finish and end */
	pthread_mutex_t lock;  /* of draining */
	pthread_cond_t drained;
	unsigned draining; /* loops that no longer look at the listeners */
};

/* loop.c */
enum gk_rc http__loop_init(
    struct loop *loop, struct http *http, struct gk_err *err) GK_MUST_USE;
enum gk_rc http__loop_start(struct loop *loop, struct gk_err *err) GK_MUST_USE;
void http__loop_wake(struct loop *loop);
void http__loop_done(struct loop *loop); /* not running */
void http__conn_phase(
    struct conn *conn, enum conn_phase phase, int64_t timeout_us);
/* A daemon that calls back for this loop; NULL: it didn't start. */
struct MHD_Daemon *http__loop_daemon(
    struct loop *loop, struct tls *tls, unsigned max);

/* shard.c: all by the loop's own thread. */
enum gk_rc http__shards_open(struct loop *loop, struct gk_err *err) GK_MUST_USE;
void http__shards_close(struct loop *loop);
/* Where a new connection goes. */
struct shard *http__shard_for(struct loop *loop, bool admin);
/* Let those run that are due; mark all of them due. */
void http__shards_run(struct loop *loop);
void http__shards_due(struct loop *loop);
/* How long to rest, at most most_ms; marks those that have no time. */
int http__shards_rest(struct loop *loop, int most_ms);

/* The TLS session behind a connection; NULL: none. */
void *http__loop_session(struct MHD_Connection *connection);

/* sse.c: the gate has news for streams; ctx is the http.  From any thread. */
void sse_news(void *ctx);

/* auth.c: who calls. */
struct auth {
	struct gate_identities *pinned;
	const struct identity *caller; /* NULL: nobody */
	bool is_local;   /* by the admin socket, without a token */
	bool is_session; /* by a cookie */
	int64_t ends_us; /* boot clock: when a new session must; 0: as all do */
	struct session session;
	struct identity local;
	char local_id[24];
	const char *can[3];
	const char *tenants[1];
};

/*
 * Sign in by the Authorization header; without one on the admin socket as
 * local:<uid>, elsewhere by the session's cookie, which changes something only with the
 * session's X-CSRF-Token and answers only its own pages; and see whether the route's
 * permissions are there.  False: *ret_problem says why not; detail may lie in arena.
 * End with http__auth_done() always.
 */
bool http__auth(struct auth *auth, const struct conn *conn,
    const struct head *head, const struct route *route, struct gk_arena *arena,
    struct problem *ret_problem);
/* Sign in by a token that was sent in a body. */
bool http__auth_token(struct auth *auth, struct gate *gate, const char *token,
    struct problem *ret_problem);
/* Sign in as who the issuer's token in the header sign_in.header says. */
bool http__auth_assertion(struct auth *auth, const struct conn *conn,
    const struct head *head, struct gk_arena *arena,
    struct problem *ret_problem);
void http__auth_done(struct auth *auth);

#endif
