/* The server: options checked, listeners opened, loops started and ended. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/time.h"
#include "gate/live.h"
#include "http/http_internal.h"
#include "http/slack_request.h"

#define SERVER_THREADS_MAX     64
#define SERVER_HOSTS_MAX       64
#define SERVER_OPTIONS_BYTES   ((size_t)64 * 1024)
#define SERVER_CONNECTIONS     8192
#define SERVER_CONNECTIONS_MAX 65536
#define SERVER_RESERVED        16
#define SERVER_IN_FLIGHT       4096
#define SERVER_STREAMS         4
#define SERVER_HEADER_US       (10 * GK_US_PER_S)
#define SERVER_BODY_US         (30 * GK_US_PER_S)
#define SERVER_IDLE_US         (60 * GK_US_PER_S)
#define SERVER_SESSION_IDLE_US (30 * GK_US_PER_MIN)
#define SERVER_SESSION_LIFE_US (12 * GK_US_PER_HOUR)

static unsigned
server_or(unsigned value, unsigned standard)
{
	return value == 0 ? standard : value;
}

static int64_t
server_time_or(int64_t value, int64_t standard)
{
	return value <= 0 ? standard : value;
}

static unsigned
server_threads(unsigned asked)
{
	long cores = asked > 0 ? (long)asked : sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 1) {
		return 1;
	}
	return cores > SERVER_THREADS_MAX ? SERVER_THREADS_MAX
					  : (unsigned)cores;
}

static enum gk_rc
server_limits(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	http->max_connections =
	    server_or(options->max_connections, SERVER_CONNECTIONS);
	http->reserved_connections =
	    server_or(options->reserved_connections, SERVER_RESERVED);
	if (http->max_connections > SERVER_CONNECTIONS_MAX ||
	    http->reserved_connections >= http->max_connections) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "max_connections must be at most %d, and more than the "
		    "%u reserved ones",
		    SERVER_CONNECTIONS_MAX, http->reserved_connections);
		gk_err_where(err, "max_connections");
		return GK_E_INVALID;
	}
	http->max_in_flight =
	    server_or(options->max_in_flight, SERVER_IN_FLIGHT);
	http->max_streams = server_or(options->max_streams, SERVER_STREAMS);
	http->metrics = options->metrics;
	http->metrics_ctx = options->metrics_ctx;
	http->header_timeout_us =
	    server_time_or(options->header_timeout_us, SERVER_HEADER_US);
	http->body_timeout_us =
	    server_time_or(options->body_timeout_us, SERVER_BODY_US);
	http->idle_timeout_us =
	    server_time_or(options->idle_timeout_us, SERVER_IDLE_US);
	return GK_OK;
}

static enum gk_rc
server_hosts(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	if (options->host_count > SERVER_HOSTS_MAX) {
		(void)GK_FAIL(
		    err, GK_E_INVALID, "at most %d hosts", SERVER_HOSTS_MAX);
		gk_err_where(err, "hosts");
		return GK_E_INVALID;
	}
	http->hosts = gk_arena_calloc(
	    &http->arena, options->host_count + 1, sizeof(*http->hosts));
	for (size_t i = 0; http->hosts != NULL && i < options->host_count;
	     i++) {
		http->hosts[i] =
		    gk_arena_strdup(&http->arena, options->hosts[i]);
		if (http->hosts[i] == NULL) {
			http->hosts = NULL;
		}
	}
	if (http->hosts == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for hosts");
	}
	http->host_count = options->host_count;
	return GK_OK;
}

static enum gk_rc
server_tls(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	if ((options->tls_cert == NULL) != (options->tls_key == NULL) ||
	    (options->tls_client_ca != NULL && options->tls_cert == NULL)) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "tls.cert and tls.key come together, and tls.client_ca "
		    "with them");
		gk_err_where(err, "tls");
		return GK_E_INVALID;
	}
	if (options->tls_cert == NULL) {
		return GK_OK;
	}
	return http__tls_new(options->tls_cert, options->tls_key,
	    options->tls_client_ca, &http->tls, err);
}

static enum gk_rc
server_listen(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	enum gk_rc rc = GK_OK;

	if (options->listen != NULL) {
		rc = http__listen(options->listen,
		    http->tls != NULL || options->insecure_http, 0660,
		    &http->listener, err);
		if (rc != GK_OK) {
			gk_err_where(err, "listen");
		}
	}
	if (rc == GK_OK && options->admin_socket != NULL) {
		const char *address = gk_arena_printf(
		    &http->arena, "unix:%s", options->admin_socket);

		if (address == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory for a path");
		}
		rc = http__listen(address, true, 0600, &http->admin, err);
		if (rc != GK_OK) {
			gk_err_where(err, "admin_socket");
		}
	}
	return rc;
}

static enum gk_rc
server_console(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	if (!options->console) {
		return GK_OK;
	}
	http->sessions = sessions_new(
	    server_time_or(options->session_idle_us, SERVER_SESSION_IDLE_US),
	    server_time_or(options->session_life_us, SERVER_SESSION_LIFE_US));
	return http->sessions == NULL
		   ? GK_FAIL(err, GK_E_NOMEM, "no memory for sessions")
		   : GK_OK;
}

static enum gk_rc
server_sign_in(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	const struct http_sign_in *asked = &options->sign_in;
	const struct issuer_options issuer = {.issuer = asked->issuer,
	    .audience = asked->audience,
	    .claim = asked->claim,
	    .algorithms = asked->algorithms,
	    .algorithm_count = asked->algorithm_count};

	if (asked->issuer == NULL || !options->console) {
		return GK_OK;
	}
	http->keys_wanted = asked->keys_wanted;
	http->keys_ctx = asked->keys_ctx;
	http->assertion_name = gk_arena_strdup(&http->arena,
	    asked->header == NULL ? "Authorization" : asked->header);
	if (http->assertion_name == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a name");
	}
	if (issuer_new(&issuer, &http->issuer, err) != GK_OK) {
		gk_err_where(err, "sign_in.algorithms");
		return err->rc;
	}
	return GK_OK;
}

enum gk_rc
http_set_keys(struct http *http, const char *json, size_t n, struct gk_err *err)
{
	return http->issuer == NULL
		   ? GK_OK
		   : issuer_set_keys(http->issuer, json, n, err);
}

static enum gk_rc
server_loops(struct http *http, unsigned threads, struct gk_err *err)
{
	http->loops = calloc(threads, sizeof(*http->loops));
	if (http->loops == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for loops");
	}
	for (unsigned i = 0; i < threads; i++) {
		http->loops[i].wake_fd = -1;
	}
	http->loop_count = threads;
	for (unsigned i = 0; i < threads; i++) {
		GK_TRY(http__loop_init(&http->loops[i], http, err));
	}
	return GK_OK;
}

static void
server_closep(struct http **http)
{
	http_close(*http);
}

static enum gk_rc
server_slack(
    struct http *http, const struct http_options *options, struct gk_err *err)
{
	if (options->slack_secret_file == NULL) {
		return GK_OK;
	}
	http->slack_reply = options->slack_reply;
	http->slack_reply_ctx = options->slack_reply_ctx;
	if (options->slack_team != NULL) {
		http->slack_team =
		    gk_arena_strdup(&http->arena, options->slack_team);
		if (http->slack_team == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory for Slack");
		}
	}
	return slack_new(options->slack_secret_file, &http->slack, err);
}

enum gk_rc
http_open(const struct http_options *options, struct http **ret_http,
    struct gk_err *err)
{
	GK_AUTO(server_closep) struct http *http = calloc(1, sizeof(*http));

	if (http == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for the server");
	}
	GK_ASSERT((options->gate == NULL) != (options->cosigner == NULL));
	http->gate = options->gate;
	http->cosigner = options->cosigner;
	http->arena.cap = SERVER_OPTIONS_BYTES;
	http->listener.fd = -1;
	http->admin.fd = -1;
	(void)pthread_mutex_init(&http->lock, NULL);
	(void)pthread_cond_init(&http->drained, NULL);
	GK_TRY(server_limits(http, options, err));
	GK_TRY(server_hosts(http, options, err));
	GK_TRY(server_tls(http, options, err));
	GK_TRY(server_console(http, options, err));
	GK_TRY(server_sign_in(http, options, err));
	GK_TRY(server_slack(http, options, err));
	GK_TRY(server_listen(http, options, err));
	GK_TRY(server_loops(http, server_threads(options->threads), err));
	if (http->gate != NULL) {
		live_on_news(http->gate, sse_news, http);
	}
	*ret_http = GK_TAKE(http);
	return GK_OK;
}

enum gk_rc
http_start(struct http *http, struct gk_err *err)
{
	for (unsigned i = 0; i < http->loop_count; i++) {
		enum gk_rc rc = http__loop_start(&http->loops[i], err);

		if (rc != GK_OK) {
			http_quiesce(http);
			http_stop(http);
			return rc;
		}
	}
	return GK_OK;
}

const char *
http_address(const struct http *http)
{
	return http->listener.text;
}

static unsigned
server_running(const struct http *http)
{
	unsigned running = 0;

	for (unsigned i = 0; i < http->loop_count; i++) {
		running += http->loops[i].running;
	}
	return running;
}

static void
server_wake(struct http *http)
{
	for (unsigned i = 0; i < http->loop_count; i++) {
		http__loop_wake(&http->loops[i]);
	}
}

void
http_quiesce(struct http *http)
{
	unsigned running = server_running(http);

	atomic_store(&http->quiescing, true);
	server_wake(http);
	/* no loop may look at a listener any more when it is closed */
	(void)pthread_mutex_lock(&http->lock);
	while (http->draining < running) {
		(void)pthread_cond_wait(&http->drained, &http->lock);
	}
	(void)pthread_mutex_unlock(&http->lock);
	http__listen_done(&http->listener);
	http__listen_done(&http->admin);
}

void
http_stop(struct http *http)
{
	atomic_store(&http->stopping, true);
	server_wake(http);
	for (unsigned i = 0; i < http->loop_count; i++) {
		if (http->loops[i].running) {
			(void)pthread_join(http->loops[i].thread, NULL);
			http->loops[i].running = false;
		}
	}
}

void
http_close(struct http *http)
{
	if (http == NULL) {
		return;
	}
	GK_ASSERT(server_running(http) == 0);
	for (unsigned i = 0; i < http->loop_count; i++) {
		http__loop_done(&http->loops[i]);
	}
	free(http->loops);
	http__listen_done(&http->listener);
	http__listen_done(&http->admin);
	http__tls_free(http->tls);
	sessions_free(http->sessions);
	issuer_free(http->issuer);
	slack_free(http->slack);
	gk_arena_done(&http->arena);
	(void)pthread_cond_destroy(&http->drained);
	(void)pthread_mutex_destroy(&http->lock);
	free(http);
}

enum gk_rc
http_reload_slack(struct http *http, const char *path, struct gk_err *err)
{
	return http->slack == NULL ? GK_OK
				   : slack_reload(http->slack, path, err);
}

enum gk_rc
http_reload_tls(struct http *http, struct gk_err *err)
{
	return http->tls == NULL ? GK_OK : http__tls_reload(http->tls, err);
}
