/* One connection at a time: read a request with its body, write the canned answer. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server.h"

/* Has all of a request come: its head, and as much body as it tells of? */
static bool
whole(const char *seen, size_t n)
{
	const char *end = strstr(seen, "\r\n\r\n");
	const char *length = strstr(seen, "Content-Length: ");
	size_t body = 0;

	if (end == NULL) {
		return false;
	}
	if (length != NULL) {
		cr_assert_eq(sscanf(length, "Content-Length: %zu", &body), 1);
	}
	return n >= (size_t)(end - seen) + 4 + body;
}

static void
wait_over(const struct server *server, int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	while (!atomic_load(&server->over)) {
		char c;

		if (poll(&one, 1, 20) > 0 && read(fd, &c, 1) <= 0) {
			return;
		}
	}
}

static void
answer_one(struct server *server, int fd)
{
	size_t n = 0;

	memset(server->seen, 0, sizeof(server->seen));
	while (!whole(server->seen, n)) {
		ssize_t got =
		    read(fd, server->seen + n, sizeof(server->seen) - 1 - n);

		if (got <= 0) {
			return;
		}
		n += (size_t)got;
	}
	atomic_fetch_add(&server->requests, 1);
	if (server->answer == NULL) {
		wait_over(server, fd);
		return;
	}
	(void)send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
}

static void *
run(void *arg)
{
	struct server *server = arg;
	struct pollfd one = {.fd = server->fd, .events = POLLIN};

	while (!atomic_load(&server->over)) {
		int fd;

		if (poll(&one, 1, 20) <= 0) {
			continue;
		}
		fd = accept(server->fd, NULL, NULL);
		if (fd >= 0) {
			answer_one(server, fd);
			(void)close(fd);
		}
	}
	return NULL;
}

static void
listen_tcp(struct server *server)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);

	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(
	    bind(server->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(getsockname(server->fd, (struct sockaddr *)&at, &n), 0);
	server->port = ntohs(at.sin_port);
}

static void
listen_unix(struct server *server, const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)snprintf(server->path, sizeof(server->path), "%s", path);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(
	    bind(server->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
}

void
server_start(struct server *server, const char *path, const char *answer)
{
	memset(server, 0, sizeof(*server));
	server->answer = answer;
	if (path != NULL) {
		listen_unix(server, path);
	} else {
		listen_tcp(server);
	}
	cr_assert_eq(listen(server->fd, 8), 0);
	cr_assert_eq(pthread_create(&server->thread, NULL, run, server), 0);
}

void
server_stop(struct server *server)
{
	atomic_store(&server->over, true);
	cr_assert_eq(pthread_join(server->thread, NULL), 0);
	(void)close(server->fd);
	if (server->path[0] != '\0') {
		(void)unlink(server->path);
	}
}
