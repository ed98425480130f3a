/* A loop's connections in shards, for libmicrohttpd walks over all that rest whenever it resumes one. */
#include <stdlib.h>

#include "base/assert.h"
#include "http/exchange.h"

enum {
	SHARD_FULL = 256
}; /* connections; more only where there is no other shard */

static bool
open_shard(struct loop *loop, struct shard *shard, struct tls *tls)
{
	const union MHD_DaemonInfo *info;

	shard->daemon =
	    http__loop_daemon(loop, tls, loop->http->max_connections + 1);
	if (shard->daemon == NULL) {
		return false;
	}
	info = MHD_get_daemon_info(shard->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	GK_ASSERT(info != NULL);
	shard->epoll_fd = info->epoll_fd;
	shard->due = true;
	return true;
}

enum gk_rc
http__shards_open(struct loop *loop, struct gk_err *err)
{
	const struct http *http = loop->http;

	loop->shard_max = http->max_connections / SHARD_FULL + 2;
	loop->shards = calloc(loop->shard_max, sizeof(*loop->shards));
	if (loop->shards == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for shards");
	}
	loop->shard_count = 1; /* the first is the admin socket's */
	if (http->admin.fd >= 0 && !open_shard(loop, loop->shards, NULL)) {
		return GK_FAIL(err, GK_E_IO, "libmicrohttpd didn't start");
	}
	if (http->listener.fd < 0) {
		return GK_OK;
	}
	loop->shard_count = 2;
	return open_shard(loop, &loop->shards[1], http->tls)
		   ? GK_OK
		   : GK_FAIL(err, GK_E_IO, "libmicrohttpd didn't start");
}

/* The first that isn't full: where few are connected, all are together. */
struct shard *
http__shard_for(struct loop *loop, bool admin)
{
	struct shard *least = &loop->shards[admin ? 0 : 1];
	struct shard *fresh = &loop->shards[loop->shard_count];

	if (admin) {
		return least;
	}
	for (unsigned i = 1; i < loop->shard_count; i++) {
		if (loop->shards[i].count < SHARD_FULL) {
			return &loop->shards[i];
		}
		if (loop->shards[i].count < least->count) {
			least = &loop->shards[i];
		}
	}
	if (loop->shard_count == loop->shard_max ||
	    !open_shard(loop, fresh, loop->http->tls)) {
		return least;
	}
	loop->shard_count++;
	return fresh;
}

void
http__shards_run(struct loop *loop)
{
	for (unsigned i = 0; i < loop->shard_count; i++) {
		struct shard *shard = &loop->shards[i];

		if (shard->due && shard->daemon != NULL) {
			shard->due = false;
			(void)MHD_run(shard->daemon);
		}
	}
}

int
http__shards_rest(struct loop *loop, int most_ms)
{
	MHD_UNSIGNED_LONG_LONG least = (MHD_UNSIGNED_LONG_LONG)most_ms;

	for (unsigned i = 0; i < loop->shard_count; i++) {
		struct shard *shard = &loop->shards[i];
		MHD_UNSIGNED_LONG_LONG ms;

		if (shard->daemon == NULL ||
		    MHD_get_timeout(shard->daemon, &ms) != MHD_YES) {
			continue;
		}
		shard->due |= ms == 0;
		least = ms < least ? ms : least;
	}
	return (int)least;
}

void
http__shards_due(struct loop *loop)
{
	for (unsigned i = 0; i < loop->shard_count; i++) {
		loop->shards[i].due = true;
	}
}

void
http__shards_close(struct loop *loop)
{
	for (unsigned i = 0; i < loop->shard_count; i++) {
		if (loop->shards[i].daemon != NULL) {
			MHD_stop_daemon(loop->shards[i].daemon);
		}
	}
	free(loop->shards);
	loop->shards = NULL;
	loop->shard_count = 0;
}
