#ifndef GK_OUT_NOTIFY_H
#define GK_OUT_NOTIFY_H
/* Notifications: which events go where, told at least once by a thread for each target. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct gate;
struct notify;

enum notify_kind {
	NOTIFY_NONE = 0,
	NOTIFY_WEBHOOK,
	NOTIFY_SLACK,
	NOTIFY_EMAIL,
	NOTIFY_KIND_COUNT,
};
extern const char *const notify_kind_words[NOTIFY_KIND_COUNT];

#define NOTIFY_TARGETS_MAX 16
#define NOTIFY_SECRETS_MAX 4
#define NOTIFY_NAME_MAX    32

/* NULL, 0 and false where a target has no such thing. */
struct notify_target {
	const char *name; /* [a-z0-9-], at most NOTIFY_NAME_MAX */
	enum notify_kind kind;
	const char *url; /* https:// or http://; email: smtps:// or smtp:// */
	const char *url_file;            /* its first line is the URL instead */
	const char *const *secret_files; /* webhook: whsec_… each */
	size_t secret_count;
	const char *when;     /* CEL over notice.def */
	const char *template; /* NULL: the line */
	bool shown;           /* values of shown fields too */
	bool private_addresses;
	const char *ca_file; /* NULL: the system's authorities */
	/* slack */
	const char *token_file; /* of a bot; NULL: url is an incoming webhook */
	const char *channel;
	bool buttons;
	/* email */
	const char *username, *password_file;
	const char *from;
	const char *const *to;
	size_t to_count;
	const char *subject; /* a template */
};

struct notify_options {
	const char *data_dir; /* of <data_dir>/notify/<name>.outbox */
	const char *origin, *version;
	const char *console_url; /* NULL: no links */
	const struct notify_target *targets;
	size_t target_count;
	int64_t max_backoff_us;
	int64_t give_up_us; /* after the first try */
	int64_t flush_us;   /* at the end, for what waits */
	/* Something an operator should see.  From any thread; must not block. */
	void (*alert)(void *ctx, const char *event, const char *text);
	void *alert_ctx;
	uint32_t (*random)(void); /* jitter; NULL: the system's */
};

/* Is it whole?  What isn't is told in words.  Errors: GK_E_INVALID, GK_E_NOMEM. */
enum gk_rc notify_check(
    const struct notify_target *target, struct gk_err *err) GK_MUST_USE;

/*
 * Start a thread for each target; between gate_start() and gate_stop().  Keeps
 * the options and all they point to until notify_stop(); borrows gate.  A target
 * without an outbox begins with what comes from now on.
 * Errors: GK_E_INVALID, GK_E_CORRUPT (an outbox), GK_E_IO, GK_E_NOMEM.  What is
 * wrong at the other end is no error here: it is tried again.
 */
enum gk_rc notify_start(const struct notify_options *options, struct gate *gate,
    struct notify **ret_notify, struct gk_err *err) GK_MUST_USE;

/*
 * After gate_stop(), before gate_close(): what waits and is due gets flush_us;
 * the rest waits for the next start.  Ends the threads and frees.  NULL is fine.
 */
void notify_stop(struct notify *notify);

/* From any thread: append metrics in the Prometheus text format. */
enum gk_rc notify_metrics(
    struct notify *notify, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* From any thread: append {"targets":[…]}, what each has told, waits for and gave up.  NULL: none. */
enum gk_rc notify_list(
    struct notify *notify, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* From any thread: let what was given up wait again, seq or all (UINT64_MAX).  False: no such target. */
bool notify_retry(
    struct notify *notify, const char *target, uint64_t seq, size_t *ret_count);

/* From any thread: ask for a message that says that it is a test.  notify_list() tells how it went.  False: no such target. */
bool notify_test(struct notify *notify, const char *target);

/* From any thread: tell who pressed a button what came of it, at Slack's response_url; no more than an attempt. */
void notify_reply(struct notify *notify, const char *url, const char *text);

#endif
