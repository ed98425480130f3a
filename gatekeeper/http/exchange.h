#ifndef GK_HTTP_EXCHANGE_H
#define GK_HTTP_EXCHANGE_H
/* One request and its answer: libmicrohttpd's callbacks on one side, a gate call on the other. */

#include <microhttpd.h>

#include "http/http_internal.h"

/*
 * All run in the thread of the connection's loop, cls is the loop.  The request
 * line has come (gives the exchange), the request goes on, it is over.
 */
void *exchange_target(
    void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **exchange);
void exchange_completed(void *cls, struct MHD_Connection *connection,
    void **exchange, enum MHD_RequestTerminationCode why);

/* Resume all connections whose calls are done; how many. */
size_t exchange_resume(struct loop *loop);

/* Free the finished ones that were kept for reuse. */
void exchange_done(struct loop *loop);

#endif
