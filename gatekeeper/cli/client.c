/* A client for one request at a time. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli_internal.h"
#include "cli/client.h"
#include "cli/response.h"

#define HOST_BYTES 256

static enum gk_rc
no_one(const char *address, int number, struct gk_err *err)
{
	bool nobody = number == ECONNREFUSED || number == ENOENT;

	return GK_FAIL(err, nobody ? GK_E_BUSY : GK_E_IO, "%s: %s", address,
	    strerrordesc_np(number));
}

static enum gk_rc
connect_unix(
    const struct client_request *request, int *ret_fd, struct gk_err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = request->address + strlen("unix:");
	GK_AUTO(cli__closep) int fd = -1;

	if (strlen(path) >= sizeof(to.sun_path)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%s: a socket's path has at most %zu bytes", path,
		    sizeof(to.sun_path) - 1);
	}
	(void)memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		return no_one(request->address, errno, err);
	}
	*ret_fd = cli__take_fd(&fd);
	return GK_OK;
}

/* "[::1]:80" and "host:80" apart. */
static bool
split_address(const char *address, char host[HOST_BYTES], const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon != NULL ? (size_t)(colon - address) : 0;

	if (n == 0 || n >= HOST_BYTES) {
		return false;
	}
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	(void)memcpy(host, address, n);
	host[n] = '\0';
	*ret_port = colon + 1;
	return true;
}

static void
freeaddrinfop(struct addrinfo **list)
{
	if (*list != NULL) {
		freeaddrinfo(*list);
	}
}

static enum gk_rc
connect_tcp(
    const struct client_request *request, int *ret_fd, struct gk_err *err)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	GK_AUTO(freeaddrinfop) struct addrinfo *list = NULL;
	char host[HOST_BYTES];
	const char *port;
	int number = ECONNREFUSED, code;

	if (!split_address(request->address, host, &port)) {
		return GK_FAIL(err, GK_E_INVALID, "%s: expected HOST:PORT",
		    request->address);
	}
	code = getaddrinfo(host, port, &hints, &list);
	if (code != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: %s", host, gai_strerror(code));
	}
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
		GK_AUTO(cli__closep)
		int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC,
		    at->ai_protocol);

		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
			*ret_fd = cli__take_fd(&fd);
			return GK_OK;
		}
		number = errno;
	}
	return no_one(request->address, number, err);
}

static enum gk_rc
encode_byte(char c, struct gk_buf *buf, struct gk_err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";

	return strchr(plain, c) != NULL ? gk_buf_putc(buf, c, err)
					: gk_buf_printf(buf, err, "%%%02X",
					      (unsigned)(unsigned char)c);
}

enum gk_rc
client_encode(const char *text, struct gk_buf *buf, struct gk_err *err)
{
	for (; *text != '\0'; text++) {
		GK_TRY(encode_byte(*text, buf, err));
	}
	return GK_OK;
}

/* May it stand in a header line? */
static bool
is_line(const char *text)
{
	return text[strcspn(text, "\r\n")] == '\0';
}

static enum gk_rc
print_request(const struct client_request *request, struct gk_buf *buf,
    struct gk_err *err)
{
	if (!is_line(request->host) ||
	    (request->token != NULL && !is_line(request->token))) {
		return GK_FAIL(err, GK_E_INVALID, "a token is one line");
	}
	GK_TRY(gk_buf_printf(buf, err,
	    "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n",
	    request->method, request->path, request->host));
	if (request->token != NULL) {
		GK_TRY(gk_buf_printf(
		    buf, err, "Authorization: Bearer %s\r\n", request->token));
	}
	if (request->after != NULL && is_line(request->after)) {
		GK_TRY(gk_buf_printf(
		    buf, err, "Last-Event-ID: %s\r\n", request->after));
	}
	if (request->body != NULL) {
		GK_TRY(gk_buf_printf(buf, err,
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n",
		    strlen(request->body)));
	}
	GK_TRY(gk_buf_puts(buf, "\r\n", err));
	return request->body != NULL ? gk_buf_puts(buf, request->body, err)
				     : GK_OK;
}

static enum gk_rc
send_all(int fd, const struct gk_buf *buf, struct gk_err *err)
{
	size_t sent = 0;

	while (sent < buf->len) {
		ssize_t n =
		    send(fd, buf->bytes + sent, buf->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return GK_FAIL(err, GK_E_IO, "sending: %s",
			    strerrordesc_np(errno));
		}
		sent += (size_t)n;
	}
	return GK_OK;
}

static enum gk_rc
receive_all(int fd, struct gk_buf *buf, struct gk_err *err)
{
	for (;;) {
		char piece[8192];
		ssize_t n = recv(fd, piece, sizeof(piece), 0);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return GK_FAIL(err, GK_E_IO, "no answer: %s",
			    errno == EAGAIN ? "time is up"
					    : strerrordesc_np(errno));
		}
		if (n == 0) {
			return GK_OK;
		}
		GK_TRY(gk_buf_add(buf, piece, (size_t)n, err));
	}
}

enum gk_rc
client_open(
    const struct client_request *request, int *ret_fd, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf out = GK_BUF_INIT(4u << 20);
	const struct timeval patience = {.tv_sec = request->timeout_s};
	GK_AUTO(cli__closep) int fd = -1;

	GK_TRY(print_request(request, &out, err));
	if (strncmp(request->address, "unix:", 5) == 0) {
		GK_TRY(connect_unix(request, &fd, err));
	} else {
		GK_TRY(connect_tcp(request, &fd, err));
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) != 0) {
		return GK_FAIL(
		    err, GK_E_IO, "setsockopt: %s", strerrordesc_np(errno));
	}
	GK_TRY(send_all(fd, &out, err));
	*ret_fd = cli__take_fd(&fd);
	return GK_OK;
}

enum gk_rc
client_ask(const struct client_request *request, int *ret_status,
    struct gk_buf *ret_body, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf in = GK_BUF_INIT(CLIENT_BYTES_MAX);
	GK_AUTO(cli__closep) int fd = -1;

	GK_TRY(client_open(request, &fd, err));
	GK_TRY(receive_all(fd, &in, err));
	return response_parse(
	    gk_buf_text(&in), in.len, ret_status, ret_body, err);
}
