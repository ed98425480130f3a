/* Listening sockets: addresses as text, TCP or unix, and who may be let in without TLS. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http_internal.h"

#define LISTEN_BACKLOG 1024

struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} at;
	socklen_t n;
};

static bool
listen_port(const char *text, in_port_t *ret)
{
	unsigned port = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9') {
			return false;
		}
		port = port * 10 + (unsigned)(*at - '0');
		if (port > 65535) {
			return false;
		}
	}
	*ret = htons((in_port_t)port);
	return *text != '\0';
}

/* "127.0.0.1:8181", "localhost:8181", "[::1]:8181" */
static bool
listen_parse_tcp(const char *address, struct listen_address *ret)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(address, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - address);

	if (n == 0 || n >= sizeof(host)) {
		return false;
	}
	memcpy(host, address, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		ret->at.v6.sin6_family = AF_INET6;
		ret->n = sizeof(ret->at.v6);
		return inet_pton(AF_INET6, host + 1, &ret->at.v6.sin6_addr) ==
			   1 &&
		       listen_port(colon + 1, &ret->at.v6.sin6_port);
	}
	ret->at.v4.sin_family = AF_INET;
	ret->n = sizeof(ret->at.v4);
	return inet_pton(AF_INET,
		   strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
		   &ret->at.v4.sin_addr) == 1 &&
	       listen_port(colon + 1, &ret->at.v4.sin_port);
}

static bool
listen_parse_unix(const char *path, struct listen_address *ret)
{
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(ret->at.local.sun_path)) {
		return false;
	}
	ret->at.local.sun_family = AF_UNIX;
	memcpy(ret->at.local.sun_path, path, n + 1);
	ret->n = sizeof(ret->at.local);
	return true;
}

static bool
listen_is_loopback(const struct listen_address *address)
{
	if (address->at.any.sa_family == AF_INET) {
		return ntohl(address->at.v4.sin_addr.s_addr) >> 24 == 127;
	}
	return address->at.any.sa_family == AF_UNIX ||
	       IN6_IS_ADDR_LOOPBACK(&address->at.v6.sin6_addr);
}

/* A socket file that nobody listens behind any more is in the way: away with it. */
static enum gk_rc
listen_clear_path(const struct listen_address *address, struct gk_err *err)
{
	const char *path = address->at.local.sun_path;
	struct stat st;
	int fd, rc, why;

	if (lstat(path, &st) != 0) {
		return GK_OK; /* bind() will tell what is wrong, if anything */
	}
	if (!S_ISSOCK(st.st_mode)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "%s is there and isn't a socket", path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return GK_FAIL(err, GK_E_IO, "no socket: %m");
	}
	rc = connect(fd, &address->at.any, address->n);
	why = errno;
	(void)close(fd);
	if (rc == 0 || why != ECONNREFUSED) {
		return GK_FAIL(
		    err, GK_E_BUSY, "%s is in use by another process", path);
	}
	if (unlink(path) != 0) {
		return GK_FAIL(err, GK_E_IO, "can't remove %s: %m", path);
	}
	return GK_OK;
}

static enum gk_rc
listen_bind(int fd, const struct listen_address *address, const char *text,
    struct gk_err *err)
{
	int on = 1;

	if (address->at.any.sa_family == AF_UNIX) {
		GK_TRY(listen_clear_path(address, err));
	} else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) !=
		   0) {
		return GK_FAIL(err, GK_E_IO, "SO_REUSEADDR: %m");
	}
	if (bind(fd, &address->at.any, address->n) == 0) {
		return GK_OK;
	}
	if (errno == EADDRINUSE) {
		return GK_FAIL(
		    err, GK_E_BUSY, "%s is in use by another process", text);
	}
	return GK_FAIL(err, GK_E_IO, "can't listen on %s: %m", text);
}

/* The file's mode is set before anybody can connect. */
static enum gk_rc
listen_own_path(
    const char *path, mode_t mode, struct listener *ret, struct gk_err *err)
{
	struct stat st;

	ret->path = strdup(path);
	if (ret->path == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a path");
	}
	if (chmod(path, mode) != 0 || lstat(path, &st) != 0) {
		return GK_FAIL(err, GK_E_IO, "%s: %m", path);
	}
	ret->dev = st.st_dev;
	ret->inode = st.st_ino;
	return GK_OK;
}

/* The address with the port that the system chose. */
static enum gk_rc
listen_describe(struct listener *listener, const char *text, struct gk_err *err)
{
	struct listen_address real = {.n = sizeof(real.at)};
	char host[INET6_ADDRSTRLEN] = "";
	bool v6;

	if (listener->local) {
		(void)snprintf(
		    listener->text, sizeof(listener->text), "%s", text);
		return GK_OK;
	}
	if (getsockname(listener->fd, &real.at.any, &real.n) != 0) {
		return GK_FAIL(err, GK_E_IO, "getsockname: %m");
	}
	v6 = real.at.any.sa_family == AF_INET6;
	(void)inet_ntop(real.at.any.sa_family,
	    v6 ? (const void *)&real.at.v6.sin6_addr
	       : (const void *)&real.at.v4.sin_addr,
	    host, sizeof(host));
	(void)snprintf(listener->text, sizeof(listener->text),
	    v6 ? "[%s]:%u" : "%s:%u", host,
	    ntohs(v6 ? real.at.v6.sin6_port : real.at.v4.sin_port));
	return GK_OK;
}

static enum gk_rc
listen_on(const struct listen_address *address, const char *text, mode_t mode,
    struct listener *ret, struct gk_err *err)
{
	ret->fd = socket(address->at.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ret->fd < 0) {
		return GK_FAIL(err, GK_E_IO, "no socket for %s: %m", text);
	}
	GK_TRY(listen_bind(ret->fd, address, text, err));
	if (ret->local) {
		GK_TRY(listen_own_path(
		    address->at.local.sun_path, mode, ret, err));
	}
	if (listen(ret->fd, LISTEN_BACKLOG) != 0) {
		return GK_FAIL(err, errno == EADDRINUSE ? GK_E_BUSY : GK_E_IO,
		    "can't listen on %s: %m", text);
	}
	return listen_describe(ret, text, err);
}

enum gk_rc
http__listen(const char *address, bool secured, mode_t mode,
    struct listener *ret, struct gk_err *err)
{
	struct listen_address at = {0};
	enum gk_rc rc;

	*ret = (struct listener){.fd = -1};
	ret->local = strncmp(address, "unix:", 5) == 0;
	if (!(ret->local ? listen_parse_unix(address + 5, &at)
			 : listen_parse_tcp(address, &at))) {
		return GK_FAIL(err, GK_E_INVALID,
		    "\"%s\" isn't an address: host:port, [host]:port or "
		    "unix:/path (at most 107 bytes)",
		    address);
	}
	if (!secured && !listen_is_loopback(&at)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%s isn't a loopback address: set tls.cert and tls.key, "
		    "or insecure_http: true",
		    address);
	}
	rc = listen_on(&at, address, mode, ret, err);
	if (rc != GK_OK) {
		http__listen_done(ret);
	}
	return rc;
}

void
http__listen_done(struct listener *listener)
{
	struct stat st;

	if (listener->fd >= 0) {
		(void)close(listener->fd);
	}
	listener->fd = -1;
	/* somebody else's socket may have taken the path meanwhile */
	if (listener->path != NULL && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->dev && st.st_ino == listener->inode) {
		(void)unlink(listener->path);
	}
	free(listener->path);
	listener->path = NULL;
}
