#ifndef GK_OUT_NOTIFY_INTERNAL_H
#define GK_OUT_NOTIFY_INTERNAL_H
/* What the files of notifications share: a target's courier, and its messages. */

#include <stdatomic.h>

#include "gate/tail.h"
#include "out/condition.h"
#include "out/notify.h"
#include "out/out.h"
#include "out/outbox.h"
#include "out/template.h"
#include "out/worker.h"

enum {
	NOTIFY_ID_BYTES = 64,
	NOTIFY_LINK_BYTES = 1024,
	NOTIFY_SECRET_BYTES = 2048,
	NOTIFY_MESSAGE_CAP = 2 << 20,
};

/* What a courier tells. */
struct message {
	struct notice notice;     /* n 0: a test */
	char id[NOTIFY_ID_BYTES]; /* the same at every try */
	char link[NOTIFY_LINK_BYTES];
};

struct courier;

/*
 * Send a message by courier->out.  GK_OK when it has arrived as far as the other
 * end says; any error: nothing is known, it comes again.  *ret_wait_us: don't
 * come back before; 0: as you like.
 */
typedef enum gk_rc notify_send(struct courier *courier,
    const struct message *message, int64_t *ret_wait_us, struct gk_err *err);
notify_send webhook__send, slack__send, email__send;

/* What is said to who pressed a button; lost with the process. */
struct reply {
	char url[512];
	char text[512];
};
#define NOTIFY_REPLIES_MAX 16 /* that wait; more are forgotten */

/* How the last test went. */
enum trial { TRIAL_NONE = 0, TRIAL_ASKED, TRIAL_SENT, TRIAL_FAILED };

struct courier {
	const struct notify_options *options;
	const struct notify_target *target;
	notify_send *send;
	struct gate *gate;
	struct tail *tail;
	struct out *out;
	struct condition *when;
	struct template *text, *subject; /* NULL: the line */

	struct worker worker;
	/* under its lock */
	struct outbox outbox; /* changed by the thread and notify_retry() */
	bool touched;         /* by notify_retry(): to be stored */
	enum trial trial;
	char last_error[OUTBOX_ERROR_BYTES];
	struct reply replies[NOTIFY_REPLIES_MAX];
	size_t reply_count;
	int64_t last_error_us;

	/* the thread's own */
	struct gk_buf row;
	unsigned failing;      /* tries in a row that failed */
	int64_t not_before_us; /* ledger time */
	bool dirty;            /* the outbox isn't stored as it is */
	int64_t stored_us;     /* of worker_now_us() */
	bool told_full;

	_Atomic uint64_t sent, failures, skipped;
	atomic_bool up;
};

/* courier.c: the thread of a target. */
void *courier__main(void *arg);
/* Before it begins: is what was looked at still in the log? */
enum gk_rc courier__check(
    struct courier *courier, struct gk_err *err) GK_MUST_USE;

/* Each target in the order of the configuration; NULL: none. */
enum gk_rc notify__each(struct notify *notify,
    enum gk_rc (*each)(void *ctx, struct courier *courier, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

/* Append a message's text, by the template or the line. */
enum gk_rc notify__print_text(const struct courier *courier,
    const struct message *message, enum escape escape, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* Append a line for each shown value that is opened, "path = value"; mark stands on both sides of the path; *ret_cut: not all of one. */
enum gk_rc notify__print_shown(const struct courier *courier,
    const struct message *message, enum escape escape, const char *mark,
    bool *ret_cut, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/* The first line of a file, without blanks at its ends; "" isn't one.  Errors: GK_E_IO. */
enum gk_rc notify__read_line(const char *path, char ret[NOTIFY_SECRET_BYTES],
    struct gk_err *err) GK_MUST_USE;
/* The target's URL, from its file where it is kept in one. */
enum gk_rc notify__url(const struct notify_target *target,
    char ret[NOTIFY_SECRET_BYTES], struct gk_err *err) GK_MUST_USE;

/* webhook.c: append a signature as Standard Webhooks has it, behind a blank where there is one already. */
enum gk_rc webhook__sign(const char *secret, const char *id,
    const char *timestamp, const char *body, size_t n, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* slack.c */
bool slack__reply_ok(const struct notify_target *target, const char *url);
enum gk_rc slack__reply(struct courier *courier, const struct reply *reply,
    struct gk_err *err) GK_MUST_USE;

/* email.c: a header's value; a body. */
enum gk_rc email__add_words(const char *text, size_t n, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc email__add_quoted(const char *text, size_t n, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

#endif
