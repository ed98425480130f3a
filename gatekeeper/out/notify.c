/* Notifications: their targets, their threads from start to stop, what is told of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "model/entry.h"
#include "out/notify_internal.h"

enum { SHOWN_MAX = 400 }; /* bytes of one shown value in a text */

struct notify {
	const struct notify_options *options;
	struct gate *gate;
	struct courier couriers[NOTIFY_TARGETS_MAX];
	size_t count;
};

const char *const notify_kind_words[NOTIFY_KIND_COUNT] = {
    NULL, "webhook", "slack", "email"};

static const struct {
	notify_send *send;
	unsigned connect_ms, total_ms; /* mail servers take their time */
} kinds[NOTIFY_KIND_COUNT] = {
    [NOTIFY_WEBHOOK] = {webhook__send, 5000, 15000},
    [NOTIFY_SLACK] = {slack__send, 5000, 15000},
    [NOTIFY_EMAIL] = {email__send, 10000, 60000},
};

/* ---- files ---- */

enum gk_rc
notify__read_line(
    const char *path, char ret[NOTIFY_SECRET_BYTES], struct gk_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, NOTIFY_SECRET_BYTES - 1) : -1;
	int why = errno;

	if (fd >= 0) {
		(void)close(fd);
	}
	if (n < 0) {
		return GK_FAIL(
		    err, GK_E_IO, "%s: %s", path, strerrordesc_np(why));
	}
	ret[n] = '\0';
	ret[strcspn(ret, "\r\n")] = '\0';
	for (n = (ssize_t)strlen(ret); n > 0 && ret[n - 1] == ' '; n--) {
		ret[n - 1] = '\0';
	}
	return ret[0] != '\0'
		   ? GK_OK
		   : GK_FAIL(err, GK_E_IO, "%s: its first line is empty", path);
}

enum gk_rc
notify__url(const struct notify_target *target, char ret[NOTIFY_SECRET_BYTES],
    struct gk_err *err)
{
	if (target->url_file != NULL) {
		GK_TRY(notify__read_line(target->url_file, ret, err));
		return target->private_addresses ||
			       strncmp(ret, "https://", 8) == 0
			   ? GK_OK
			   : GK_FAIL(err, GK_E_INVALID,
				 "%s: expected https://…", target->url_file);
	}
	(void)snprintf(ret, NOTIFY_SECRET_BYTES, "%s", target->url);
	return GK_OK;
}

enum gk_rc
notify__print_text(const struct courier *courier, const struct message *message,
    enum escape escape, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf line = GK_BUF_INIT(64u << 10);

	if (message->notice.n == 0) {
		GK_TRY(gk_buf_printf(&line, err,
		    "gatekeeper: test of notifications to %s",
		    courier->target->name));
	} else if (courier->text != NULL) {
		return template_print(courier->text, &message->notice,
		    message->link, escape, buf, err);
	} else {
		GK_TRY(notice_print_line(&message->notice, &line, err));
	}
	return escape_add(escape, gk_buf_text(&line), line.len, buf, err);
}

enum gk_rc
notify__print_shown(const struct courier *courier,
    const struct message *message, enum escape escape, const char *mark,
    bool *ret_cut, struct gk_buf *buf, struct gk_err *err)
{
	const struct notice *notice = &message->notice;
	struct entry_text opened = {NULL, 0}, path, value;
	size_t at = 1;

	*ret_cut = false;
	if (notice->n > 0 && courier->target->shown) {
		opened = entry_get(notice->row, notice->n, "opened");
	}
	while (opened.at != NULL &&
	       entry_next(opened.at, opened.n, &at, &path, &value)) {
		size_t n = value.n < SHOWN_MAX ? value.n : SHOWN_MAX;

		while (n < value.n && n > 0 &&
		       ((unsigned char)value.at[n] & 0xc0) == 0x80) {
			n--;
		}
		*ret_cut = *ret_cut || n < value.n;
		GK_TRY(gk_buf_puts(buf, mark, err));
		GK_TRY(escape_add(escape, path.at, path.n, buf, err));
		GK_TRY(gk_buf_printf(buf, err, "%s = ", mark));
		GK_TRY(escape_add(escape, value.at, n, buf, err));
		GK_TRY(gk_buf_puts(buf, n < value.n ? "…\n" : "\n", err));
	}
	return GK_OK;
}

/* ---- start and stop ---- */

static enum gk_rc
open_out(struct courier *courier, struct gk_err *err)
{
	const struct out_options options = {
	    .public_only = !courier->target->private_addresses,
	    .ca_file = courier->target->ca_file,
	    .connect_ms = kinds[courier->target->kind].connect_ms,
	    .total_ms = kinds[courier->target->kind].total_ms,
	};

	return out_open(&options, &courier->out, err);
}

static enum gk_rc
add_courier(struct notify *notify, const struct notify_target *target,
    struct gk_err *err)
{
	struct courier *courier = &notify->couriers[notify->count];
	char name[NOTIFY_NAME_MAX + 8];
	bool found;

	notify->count++; /* from here on it is ended with the others */
	courier->options = notify->options;
	courier->target = target;
	courier->send = kinds[target->kind].send;
	courier->worker.name = target->name;
	courier->worker.alert = notify->options->alert;
	courier->worker.alert_ctx = notify->options->alert_ctx;
	courier->gate = notify->gate;
	courier->row.cap = NOTIFY_MESSAGE_CAP;
	atomic_init(&courier->up, true);
	GK_TRY(worker_init(&courier->worker, err));
	GK_TRY(condition_new(target->when, &courier->when, err));
	if (target->template != NULL) {
		GK_TRY(template_new(target->template, &courier->text, err));
	}
	if (target->subject != NULL) {
		GK_TRY(template_new(target->subject, &courier->subject, err));
	}
	GK_TRY(outbox_load(notify->options->data_dir, target->name,
	    &courier->outbox, &found, err));
	if (!found) {
		courier->outbox.next = tail_size(notify->gate);
	}
	GK_TRY(open_out(courier, err));
	(void)snprintf(name, sizeof(name), "notify.%s", target->name);
	GK_TRY(tail_open(notify->gate, name, &courier->tail, err));
	return courier__check(courier, err);
}

static enum gk_rc
start(struct notify *notify, struct gk_err *err)
{
	for (size_t i = 0; i < notify->options->target_count; i++) {
		const struct notify_target *target =
		    &notify->options->targets[i];
		enum gk_rc rc = add_courier(notify, target, err);

		if (rc != GK_OK) {
			gk_err_context(err, "notify target %s", target->name);
			return rc;
		}
	}
	for (size_t i = 0; i < notify->count; i++) {
		struct courier *courier = &notify->couriers[i];

		GK_TRY(worker_start(
		    &courier->worker, courier__main, courier, err));
	}
	return GK_OK;
}

enum gk_rc
notify_start(const struct notify_options *options, struct gate *gate,
    struct notify **ret_notify, struct gk_err *err)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	enum gk_rc rc;

	if (notify == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for notifications");
	}
	notify->options = options;
	notify->gate = gate;
	rc = start(notify, err);
	if (rc != GK_OK) {
		notify_stop(notify);
		return rc;
	}
	*ret_notify = notify;
	return GK_OK;
}

static void
stop_out(void *out)
{
	out_stop(out);
}

static void
end_courier(struct courier *courier)
{
	worker_join(&courier->worker, stop_out, courier->out);
	out_close(courier->out);
	tail_close(courier->tail);
	condition_free(courier->when);
	template_free(courier->text);
	template_free(courier->subject);
	outbox_done(&courier->outbox);
	gk_buf_done(&courier->row);
	worker_done(&courier->worker);
}

void
notify_stop(struct notify *notify)
{
	if (notify == NULL) {
		return;
	}
	for (size_t i = 0; i < notify->count; i++) {
		worker_end(
		    &notify->couriers[i].worker, notify->options->flush_us);
	}
	for (size_t i = 0; i < notify->count; i++) {
		end_courier(&notify->couriers[i]);
	}
	free(notify);
}

/* ---- from outside ---- */

static struct courier *
find(struct notify *notify, const char *target)
{
	for (size_t i = 0; notify != NULL && i < notify->count; i++) {
		if (strcmp(notify->couriers[i].target->name, target) == 0) {
			return &notify->couriers[i];
		}
	}
	return NULL;
}

bool
notify_retry(
    struct notify *notify, const char *target, uint64_t seq, size_t *ret_count)
{
	struct courier *courier = find(notify, target);

	if (courier == NULL) {
		return false;
	}
	pthread_mutex_lock(&courier->worker.lock);
	*ret_count = outbox_retry(&courier->outbox, seq);
	courier->touched |= *ret_count > 0;
	(void)pthread_cond_broadcast(&courier->worker.wake);
	pthread_mutex_unlock(&courier->worker.lock);
	return true;
}

bool
notify_test(struct notify *notify, const char *target)
{
	struct courier *courier = find(notify, target);

	if (courier == NULL) {
		return false;
	}
	pthread_mutex_lock(&courier->worker.lock);
	courier->trial = TRIAL_ASKED;
	(void)pthread_cond_broadcast(&courier->worker.wake);
	pthread_mutex_unlock(&courier->worker.lock);
	return true;
}

void
notify_reply(struct notify *notify, const char *url, const char *text)
{
	for (size_t i = 0; notify != NULL && i < notify->count; i++) {
		struct courier *courier = &notify->couriers[i];
		struct reply *reply;

		if (courier->target->kind != NOTIFY_SLACK ||
		    strlen(url) >= sizeof(reply->url) ||
		    !slack__reply_ok(courier->target, url)) {
			continue;
		}
		pthread_mutex_lock(&courier->worker.lock);
		if (courier->reply_count < NOTIFY_REPLIES_MAX) {
			reply = &courier->replies[courier->reply_count++];
			(void)snprintf(
			    reply->url, sizeof(reply->url), "%s", url);
			(void)snprintf(
			    reply->text, sizeof(reply->text), "%s", text);
			(void)pthread_cond_broadcast(&courier->worker.wake);
		}
		pthread_mutex_unlock(&courier->worker.lock);
		return;
	}
}

enum gk_rc
notify__each(struct notify *notify,
    enum gk_rc (*each)(void *ctx, struct courier *courier, struct gk_err *err),
    void *ctx, struct gk_err *err)
{
	for (size_t i = 0; notify != NULL && i < notify->count; i++) {
		GK_TRY(each(ctx, &notify->couriers[i], err));
	}
	return GK_OK;
}
