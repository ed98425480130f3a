#ifndef GK_OUT_SHIP_H
#define GK_OUT_SHIP_H
/* Continuous shipping of events to a file, a syslog server and an HTTPS endpoint, a thread for each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/format.h"

struct gate;
struct ship;

struct ship_options {
	const char *data_dir; /* of <data_dir>/export/<target>.seq */
	const char *origin, *version;
	/* a target each; the first member NULL: none */
	const char *file_path;
	enum format file_format;
	const char
	    *syslog_address; /* tcp://HOST:PORT, tls://HOST:PORT or unix:PATH */
	const char
	    *syslog_ca_file; /* PEM, for tls; NULL: the system's authorities */
	enum format syslog_format; /* a line an event: not CSV */
	const char *https_url;
	enum format https_format;
	const char *https_token_file; /* NULL: none; read before each batch */
	const char *https_ca_file;    /* NULL: the system's authorities */
	size_t batch;                 /* events at once, 1 to 1000 */
	int64_t max_backoff_us;
	int64_t flush_us; /* at the end, for what isn't shipped yet */
	bool openings;    /* shown values too */
	bool from_now;    /* a target's first start skips what is there */
	/* Something an operator should see.  From any thread; must not block. */
	void (*alert)(void *ctx, const char *event, const char *text);
	void *alert_ctx;
};

/*
 * Start a thread for each target; between gate_start() and gate_stop().
 * Delivery is at least once and in order, each target by itself; how far it
 * came is kept in <data_dir>/export/<target>.seq.  Borrows gate, copies the
 * options.  No target at all is fine.
 * Errors: GK_E_INVALID (an address), GK_E_CORRUPT (a cursor that isn't one),
 * GK_E_IO (the folder, the journal), GK_E_NOMEM; what is wrong with a target
 * itself is no error here: it is tried again.
 */
enum gk_rc ship_start(const struct ship_options *options, struct gate *gate,
    struct ship **ret_ship, struct gk_err *err) GK_MUST_USE;

/* From any thread: files are opened anew, connections made anew, before the next batch. */
void ship_reopen(struct ship *ship);

/*
 * After gate_stop(), before gate_close(): what isn't shipped yet gets flush_us,
 * what can't be shipped at once waits for the next start.  Ends the threads and
 * frees.  NULL is fine.
 */
void ship_stop(struct ship *ship);

/* From any thread: append metrics in the Prometheus text format. */
enum gk_rc ship_metrics(
    struct ship *ship, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* Are these what ship_start() takes? */
bool ship_syslog_ok(const char *address);
bool ship_https_ok(const char *url);

#endif
