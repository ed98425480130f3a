/* The yardstick: libmicrohttpd alone, the same loops and pools, bodies swallowed, an answer of gatekeeper's size. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_BYTES = 8192, CONNECTIONS_MAX = 1024, ANSWER_BYTES = 520 };

static char answer[ANSWER_BYTES + 1];

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_n, void **context)
{
	static int seen;
	struct MHD_Response *response;
	enum MHD_Result done;

	(void)cls;
	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	if (*context == NULL) {
		*context = &seen;
		return MHD_YES;
	}
	if (*upload_n > 0) {
		*upload_n = 0;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(
	    ANSWER_BYTES, answer, MHD_RESPMEM_PERSISTENT);
	if (response == NULL) {
		return MHD_NO;
	}
	(void)MHD_add_response_header(
	    response, "Content-Type", "application/json");
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	done = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return done;
}

static void *
serve(void *arg)
{
	struct MHD_Daemon *daemon = arg;
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fd = {.fd = info->epoll_fd, .events = POLLIN};

	for (;;) {
		MHD_UNSIGNED_LONG_LONG ms = 1000;

		(void)MHD_get_timeout(daemon, &ms);
		(void)poll(&fd, 1, (int)(ms < 1000 ? ms : 1000));
		(void)MHD_run(daemon);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	enum { LOOPS = 2 };
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	pthread_t thread;
	unsigned port = 0;

	for (const char *c = argc > 1 ? argv[1] : "18180";
	     *c >= '0' && *c <= '9'; c++) {
		port = port * 10 + (unsigned)(*c - '0');
	}
	address.sin_port = htons((uint16_t)port);
	memset(answer, 'x', ANSWER_BYTES);
	for (int i = 0; i < LOOPS; i++) {
		struct MHD_Daemon *daemon =
		    MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, NULL,
			MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
			MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_END);

		if (daemon == NULL ||
		    pthread_create(&thread, NULL, serve, daemon) != 0) {
			(void)fprintf(stderr, "can't serve on port %u\n", port);
			return EXIT_FAILURE;
		}
	}
	(void)pthread_join(thread, NULL);
	return EXIT_SUCCESS;
}
