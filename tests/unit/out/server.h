#ifndef TEST_OUT_SERVER_H
#define TEST_OUT_SERVER_H
/* A server for tests that answers one canned text to each connection and keeps what it was sent. */

#include <pthread.h>
#include <stdatomic.h>

struct server {
	int fd;
	int port;
	char path[108];     /* of a unix socket; "" for TCP */
	const char *answer; /* NULL: none, the connection stays open */
	char seen[4096];    /* the last request */
	atomic_int requests;
	atomic_bool over;
	pthread_t thread;
};

/* Listens on loopback, or on a unix socket where path is set. */
void server_start(struct server *server, const char *path, const char *answer);
void server_stop(struct server *server);

#endif
