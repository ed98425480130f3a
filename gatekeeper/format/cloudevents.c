/* CloudEvents 1.0 in the JSON event format: the event itself is the data. */
#include <inttypes.h>
#include <stdio.h>

#include "format/format_internal.h"

enum { SUBJECT_BYTES = 300 };

/* What the event is about: a step, an approval, a switch, an identity, a run. */
static const char *
subject(const struct event *event, char room[SUBJECT_BYTES])
{
	if (event->kind == EVENT_IDENTITY && event->identity != NULL) {
		return event->identity->id;
	}
	if (event->kind == EVENT_KILL_SWITCH && event->kill_switch != NULL) {
		return event->kill_switch->id;
	}
	if (event->kind == EVENT_APPROVAL) {
		return event->approval_id;
	}
	if (event->run_id != NULL && event->step_id != NULL) {
		(void)snprintf(room, SUBJECT_BYTES, "%s/%s", event->run_id,
		    event->step_id);
		return room;
	}
	return event->run_id;
}

/* Members in sorted order, as the log has them. */
enum gk_rc
cloudevents_print(
    const struct item *item, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf source = GK_BUF_INIT(1024);
	const struct event *event = item->event;
	struct writer writer = {.buf = buf, .err = err};
	char room[SUBJECT_BYTES], code[MEANING_CODE_BYTES];
	char type[MEANING_CODE_BYTES + 16], id[24], order[24];
	const char *about = subject(event, room);

	meaning_code(event, code);
	(void)snprintf(type, sizeof(type), FORMAT_PRODUCT ".%s", code);
	(void)snprintf(id, sizeof(id), "%" PRIu64, event->seq);
	(void)snprintf(order, sizeof(order), "%016" PRIu64, event->seq);
	GK_TRY(gk_buf_puts(&source, "urn:gatekeeper:log:", err));
	GK_TRY(meaning_uri(item->stream->options.origin, &source, err));
	writer_begin(&writer, NULL, '{');
	writer_raw(&writer, "data", item->row, item->row_n);
	writer_text(&writer, "datacontenttype", "application/json");
	writer_text(&writer, "id", id);
	writer_text(&writer, "partitionkey",
	    event->run_id != NULL && event->run_id[0] != '\0' ? event->run_id
							      : NULL);
	writer_text(&writer, "sequence", order);
	writer_text(&writer, "source", gk_buf_text(&source));
	writer_text(&writer, "specversion", "1.0");
	writer_text(&writer, "subject",
	    about != NULL && about[0] != '\0' ? about : NULL);
	writer_text(&writer, "time", item->time);
	writer_text(&writer, "traceparent",
	    event->traceparent != NULL && event->traceparent[0] != '\0'
		? event->traceparent
		: NULL);
	writer_text(&writer, "type", type);
	writer_end(&writer, '}');
	GK_TRY(writer.rc);
	return gk_buf_putc(buf, '\n', err);
}
